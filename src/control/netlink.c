// SPDX-License-Identifier: GPL-2.0
/*
 * Thin handlers between generic netlink and the rest: the family, nodes and counters here, the
 * others in files of their own. The specification is docs/netlink/specs/xfrm_ha.yaml; policies and
 * the table of operations are generated from it (netlink-gen.c).
 */

#include "control/control.h"
#include "control/netlink.h"

int xha_netlink_reply(struct genl_info *info, int (*fill)(struct sk_buff *skb, void *obj),
		      void *obj)
{
	struct sk_buff *skb = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	void *hdr;
	int err;

	if (!skb)
		return -ENOMEM;
	hdr = genlmsg_iput(skb, info);
	err = hdr ? fill(skb, obj) : -EMSGSIZE;
	if (err) {
		nlmsg_free(skb);
		return err;
	}
	genlmsg_end(skb, hdr);
	return genlmsg_reply(skb, info);
}

/* --- node --- */

static int fill_node(struct sk_buff *skb, void *obj)
{
	struct xha_net *xn = obj;

	if (nla_put_u32(skb, XFRM_HA_A_NODE_ID, xn->node) ||
	    nla_put_u32(skb, XFRM_HA_A_NODE_SA_LIMIT, xn->max_sas) ||
	    nla_put_u32(skb, XFRM_HA_A_NODE_ORPHAN_LIMIT, xn->max_orphans) ||
	    nla_put_u32(skb, XFRM_HA_A_NODE_ORPHAN_AGE, xn->orphan_age) ||
	    nla_put_string(skb, XFRM_HA_A_NODE_VERSION, XHA_RELEASE) ||
	    nla_put_string(skb, XFRM_HA_A_NODE_TAP, xha_tap_name()) ||
	    (xha_tap_is_deaf() && nla_put_flag(skb, XFRM_HA_A_NODE_TAP_DEAF)) ||
	    nla_put_u32(skb, XFRM_HA_A_NODE_SAS, atomic_read(&xn->n_sas)))
		return -EMSGSIZE;
	return 0;
}

int xfrm_ha_nl_node_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	return xha_netlink_reply(info, fill_node, xha_pernet(genl_info_net(info)));
}

int xfrm_ha_nl_node_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct xha_net *xn = xha_pernet(genl_info_net(info));
	struct nlattr **a = info->attrs;
	int err = 0;

	mutex_lock(&xn->mutex);
	if (a[XFRM_HA_A_NODE_ID] && !list_empty(&xn->links.list)) {
		NL_SET_ERR_MSG_ATTR(info->extack, a[XFRM_HA_A_NODE_ID],
				    "The node id can't be changed while there are links");
		err = -EBUSY;
	} else {
		if (a[XFRM_HA_A_NODE_ID])
			xn->node = nla_get_u32(a[XFRM_HA_A_NODE_ID]);
		if (a[XFRM_HA_A_NODE_SA_LIMIT]) {
			WRITE_ONCE(xn->max_sas, nla_get_u32(a[XFRM_HA_A_NODE_SA_LIMIT]));
			xha_sa_reconcile_soon(xn);
		}
		if (a[XFRM_HA_A_NODE_ORPHAN_LIMIT])
			WRITE_ONCE(xn->max_orphans, nla_get_u32(a[XFRM_HA_A_NODE_ORPHAN_LIMIT]));
		if (a[XFRM_HA_A_NODE_ORPHAN_AGE])
			WRITE_ONCE(xn->orphan_age, nla_get_u32(a[XFRM_HA_A_NODE_ORPHAN_AGE]));
	}
	mutex_unlock(&xn->mutex);
	return err;
}

/* --- counters --- */

struct counter {
	enum xha_stat which;
	u64 value;
};

static int fill_stat(struct sk_buff *skb, void *obj)
{
	struct counter *s = obj;

	if (nla_put_string(skb, XFRM_HA_A_STAT_NAME, xha_stat_name(s->which)) ||
	    nla_put_u64_64bit(skb, XFRM_HA_A_STAT_VALUE, s->value, XFRM_HA_A_STAT_PAD) ||
	    nla_put_string(skb, XFRM_HA_A_STAT_TEXT, xha_stat_text(s->which)))
		return -EMSGSIZE;
	return 0;
}

int xfrm_ha_nl_stat_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct xha_net *xn = xha_pernet(sock_net(skb->sk));

	for (; cb->args[0] < __XHA_STAT_MAX; cb->args[0]++) {
		struct counter s = { .which = cb->args[0] };

		s.value = xha_stat_sum(xn, s.which);
		if (xha_dump(skb, cb, fill_stat, &s))
			break;
	}
	return skb->len;
}

static const struct genl_multicast_group groups[] = {
	[XFRM_HA_NLGRP_EVENTS] = {
		.name = XFRM_HA_MCGRP_EVENTS,
		.flags = GENL_MCAST_CAP_NET_ADMIN,
	},
};

struct genl_family xha_family = {
	.name = XFRM_HA_FAMILY_NAME,
	.version = XFRM_HA_FAMILY_VERSION,
	.netnsok = true,
	.parallel_ops = true,
	.module = THIS_MODULE,
	.split_ops = xfrm_ha_nl_ops,
	.n_split_ops = ARRAY_SIZE(xfrm_ha_nl_ops),
	.mcgrps = groups,
	.n_mcgrps = ARRAY_SIZE(groups),
};

int xha_netlink_init(void)
{
	int err = genl_register_family(&xha_family);

	if (!err)
		xha_events_init();
	return err;
}

void xha_netlink_exit(void)
{
	xha_events_exit();
	genl_unregister_family(&xha_family);
}
