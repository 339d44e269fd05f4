// SPDX-License-Identifier: GPL-2.0
/* Which SAs belong to a group. */

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
