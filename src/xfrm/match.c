// SPDX-License-Identifier: GPL-2.0
/* Which SAs belong to a group, and which templates of policies may take such an SA. */

#include "xfrm/xfrm.h"

static bool addr_equal(const struct xfrm_state *x, const xfrm_address_t *a, u16 family,
		       const xfrm_address_t *b)
{
	return x->props.family == family && xfrm_addr_equal(a, b, family);
}

/**
 * xha_match() - does an SA belong to a group?
 * @m: what belongs to it
 * @x: SA
 *
 * Return: whether all that @m names is the SA's; of addresses, one of either end is enough.
 */
bool xha_match(const struct xha_group_match *m, const struct xfrm_state *x)
{
	int i;

	if (m->has_reqid && x->props.reqid != m->reqid)
		return false;
	if (m->has_if_id && x->if_id != m->if_id)
		return false;
	if (m->has_mark && (x->mark.v & m->mark_m) != (m->mark_v & m->mark_m))
		return false;
	if (!m->n_addrs)
		return true;
	for (i = 0; i < m->n_addrs; i++) {
		const xfrm_address_t *a = &m->addrs[i].addr;

		if (addr_equal(x, &x->id.daddr, m->addrs[i].family, a) ||
		    addr_equal(x, &x->props.saddr, m->addrs[i].family, a))
			return true;
	}
	return false;
}

static bool tmpl_addr(const struct xfrm_policy *xp, const struct xfrm_tmpl *t, u16 family,
		      const xfrm_address_t *a)
{
	const struct xfrm_selector *sel = &xp->selector;

	/* What a template of another mode says of addresses does not count: packets have them. */
	if (t->mode == XFRM_MODE_TUNNEL || t->mode == XFRM_MODE_BEET)
		return t->encap_family == family &&
		       (xfrm_addr_equal(&t->id.daddr, a, family) ||
			xfrm_addr_equal(&t->saddr, a, family) || xfrm_addr_any(&t->saddr, family));
	return sel->family == family && (addr_match(&sel->daddr, a, sel->prefixlen_d) ||
					 addr_match(&sel->saddr, a, sel->prefixlen_s));
}

/**
 * xha_match_tmpl() - may an SA that a template takes belong to a group?
 * @m: what belongs to it
 * @xp: policy
 * @t: its template
 *
 * Return: whether nothing that both name is against it.
 */
bool xha_match_tmpl(const struct xha_group_match *m, const struct xfrm_policy *xp,
		    const struct xfrm_tmpl *t)
{
	int i;

	if (m->has_reqid && t->reqid != m->reqid)
		return false;
	if (m->has_if_id && xp->if_id != m->if_id)
		return false;
	for (i = 0; i < m->n_addrs; i++)
		if (tmpl_addr(xp, t, m->addrs[i].family, &m->addrs[i].addr))
			return true;
	return !m->n_addrs;
}
