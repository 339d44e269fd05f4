// SPDX-License-Identifier: GPL-2.0
/*
 * What an SA of an engine device has decrypted undergoes the policy check that it would undergo
 * without the device.
 *
 * __xfrm_policy_check() lets in, of what an SA in crypto offload has decrypted, also packets that
 * no policy speaks of, and whether an SA is in a slot follows from what its peer sends. So inbound
 * SAs are in crypto offload only while a driver looks (slot.c). For a packet that is checked just
 * then, these netfilter hooks look once more. Where they stand that needs no grace period: they
 * judge each packet of such an SA, whatever its type was before or is then.
 */

#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <net/ip.h>

#include "engine/internal.h"

static DEFINE_MUTEX(lock);	/* of xha_net.checked; innermost of all that sleep */

/* Is there a tunnel in the path that no policy asks for? As secpath_has_nontransport() */
static bool unasked(const struct sec_path *sp)
{
	int i;

	for (i = sp->verified_cnt; i < sp->len; i++)
		if (sp->xvec[i]->props.mode != XFRM_MODE_TRANSPORT)
			return true;
	return false;
}

/* disable_policy of the device that it came by; the route may be within that of a tunnel by now. */
static bool exempt(struct sk_buff *skb, unsigned short family)
{
	const struct dst_entry *dst = skb_dst(skb);

	if (__xfrm_check_dev_nopolicy(skb, XFRM_POLICY_IN, family))
		return true;
	return family == AF_INET6 && dst && dst->xfrm &&
	       ((const struct xfrm_dst *)dst)->route->flags & DST_NOPOLICY;
}

/*
 * A check that has found a policy has set @verified_cnt to what the policy asks for, and has
 * found no tunnel beyond. Before NF_INET_FORWARD the kernel's own has been, for XFRM_POLICY_FWD.
 * After NF_INET_LOCAL_IN it is to come, and knows of the socket's policies. This one does not: what
 * only a socket asks for is dropped.
 */
static unsigned int check(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	const struct sec_path *sp = skb_sec_path(skb);
	const struct net_device *dev;
	const struct xfrm_state *x;

	if (!sp || !sp->len)
		return NF_ACCEPT;
	x = sp->xvec[sp->len - 1];
	/* Pairs with adopt() in adopt.c. */
	dev = smp_load_acquire(&x->xso.dev);
	if (!dev || !xha_is_engine(dev) || x->xso.dir != XFRM_DEV_OFFLOAD_IN ||
	    exempt(skb, state->pf))
		return NF_ACCEPT;
	if (state->hook == NF_INET_LOCAL_IN &&
	    !__xfrm_policy_check(NULL, XFRM_POLICY_IN, skb, state->pf))
		return NF_DROP;
	if (!unasked(sp))
		return NF_ACCEPT;
	XFRM_INC_STATS(state->net, LINUX_MIB_XFRMINNOPOLS);
	return NF_DROP;
}

static const struct nf_hook_ops hooks[] = {
	{
		.hook = check,
		.pf = NFPROTO_IPV4,
		.hooknum = NF_INET_LOCAL_IN,
		.priority = NF_IP_PRI_FIRST,
	}, {
		.hook = check,
		.pf = NFPROTO_IPV4,
		.hooknum = NF_INET_FORWARD,
		.priority = NF_IP_PRI_FIRST,
	}, {
		.hook = check,
		.pf = NFPROTO_IPV6,
		.hooknum = NF_INET_LOCAL_IN,
		.priority = NF_IP6_PRI_FIRST,
	}, {
		.hook = check,
		.pf = NFPROTO_IPV6,
		.hooknum = NF_INET_FORWARD,
		.priority = NF_IP6_PRI_FIRST,
	},
};

/**
 * xha_policy_begin() - an engine device has an inbound SA
 * @xn: of its netns; process context
 *
 * Return: 0, or -ENOMEM: it can't be the device's.
 */
int xha_policy_begin(struct xha_net *xn)
{
	int err = 0;

	mutex_lock(&lock);
	if (!xn->checked)
		err = nf_register_net_hooks(xn->net, hooks, ARRAY_SIZE(hooks));
	if (!err)
		xn->checked = true;
	mutex_unlock(&lock);
	return err;
}

/**
 * xha_policy_end() - the netns goes, or the module
 * @xn: of the netns; process context
 */
void xha_policy_end(struct xha_net *xn)
{
	mutex_lock(&lock);
	if (xn->checked)
		nf_unregister_net_hooks(xn->net, hooks, ARRAY_SIZE(hooks));
	xn->checked = false;
	mutex_unlock(&lock);
}
