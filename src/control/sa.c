// SPDX-License-Identifier: GPL-2.0
/* Netlink operations on SAs. */

#include "control/netlink.h"
#include "engine/engine.h"

/* XHA_PLACE_* and XHA_HOLD_* travel as they are. */
static_assert((int)XHA_PLACE_GONE == (int)XFRM_HA_SA_STATE_GONE);

static int fill_id(struct sk_buff *skb, const struct xha_sa_info *i)
{
	int len = i->id.family == AF_INET ? 4 : 16;
	const struct xfrm_state *x = i->x;

	if (nla_put_string(skb, XFRM_HA_A_SA_GROUP, i->group) ||
	    nla_put_u32(skb, XFRM_HA_A_SA_INDEX, i->index) ||
	    nla_put_u16(skb, XFRM_HA_A_SA_FAMILY, i->id.family) ||
	    nla_put(skb, XFRM_HA_A_SA_SRC, len, &x->props.saddr) ||
	    nla_put(skb, XFRM_HA_A_SA_DST, len, &x->id.daddr) ||
	    nla_put_be32(skb, XFRM_HA_A_SA_SPI, i->id.spi) ||
	    nla_put_u8(skb, XFRM_HA_A_SA_PROTO, i->id.proto) ||
	    nla_put_u32(skb, XFRM_HA_A_SA_REQID, x->props.reqid) ||
	    (i->id.mark_m && (nla_put_u32(skb, XFRM_HA_A_SA_MARK, i->id.mark_v) ||
			       nla_put_u32(skb, XFRM_HA_A_SA_MARK_MASK, i->id.mark_m))) ||
	    (i->id.if_id && nla_put_u32(skb, XFRM_HA_A_SA_IF_ID, i->id.if_id)) ||
	    nla_put_u8(skb, XFRM_HA_A_SA_REPLAY_MODE, x->repl_mode) ||
	    nla_put_u32(skb, XFRM_HA_A_SA_REPLAY_WINDOW, xha_width(x)) ||
	    nla_put_u64_64bit(skb, XFRM_HA_A_SA_ADDED, x->curlft.add_time, XFRM_HA_A_SA_PAD) ||
	    nla_put_u32(skb, XFRM_HA_A_SA_ROLE, i->role))
		return -EMSGSIZE;
	return 0;
}

static int fill_numbers(struct sk_buff *skb, const struct xha_sa_info *i)
{
	const struct xha_numbers *n = &i->numbers;
	const struct xha_distance *d = &i->distance;

	if (nla_put_u64_64bit(skb, XFRM_HA_A_SA_OSEQ, n->out, XFRM_HA_A_SA_PAD) ||
	    nla_put_u64_64bit(skb, XFRM_HA_A_SA_LEASE, i->lease, XFRM_HA_A_SA_PAD) ||
	    nla_put_u64_64bit(skb, XFRM_HA_A_SA_SEQ, n->in, XFRM_HA_A_SA_PAD) ||
	    nla_put_u64_64bit(skb, XFRM_HA_A_SA_BYTES, n->bytes, XFRM_HA_A_SA_PAD) ||
	    nla_put_u64_64bit(skb, XFRM_HA_A_SA_PACKETS, n->packets, XFRM_HA_A_SA_PAD) ||
	    nla_put_u64_64bit(skb, XFRM_HA_A_SA_BEHIND_OUT, d->out, XFRM_HA_A_SA_PAD) ||
	    nla_put_u64_64bit(skb, XFRM_HA_A_SA_BEHIND_IN, d->in, XFRM_HA_A_SA_PAD) ||
	    nla_put_u32(skb, XFRM_HA_A_SA_BEHIND_MS, d->ms))
		return -EMSGSIZE;
	return 0;
}

/* RCU */
static int fill_sa(struct sk_buff *skb, void *obj)
{
	const struct net_device *nic;
	struct xha_sa_info i;
	u8 hold;

	xha_sa_info(obj, &i);
	hold = xha_place_hold(i.place);
	nic = xha_engine_nic(i.x);
	if (fill_id(skb, &i) ||
	    (nic && nla_put_string(skb, XFRM_HA_A_SA_NIC, nic->name)) ||
	    nla_put_u8(skb, XFRM_HA_A_SA_HELD, !!hold) ||
	    nla_put_u32(skb, XFRM_HA_A_SA_HOLD, hold) ||
	    nla_put_u32(skb, XFRM_HA_A_SA_STATE, i.place) ||
	    nla_put_u32(skb, XFRM_HA_A_SA_INTERVAL_OUT, i.interval) ||
	    nla_put_u32(skb, XFRM_HA_A_SA_EXPOSURE_LOST, i.exposure.lost) ||
	    nla_put_u32(skb, XFRM_HA_A_SA_EXPOSURE_REPLAY, i.exposure.replay) ||
	    fill_numbers(skb, &i) ||
	    nla_put_u8(skb, XFRM_HA_A_SA_TWIN, i.twin) ||
	    nla_put_u32(skb, XFRM_HA_A_SA_SHARE, i.share.first) ||
	    nla_put_u32(skb, XFRM_HA_A_SA_SHARE_OF, i.share.step) ||
	    nla_put_u64_64bit(skb, XFRM_HA_A_SA_STRIPED, i.striped, XFRM_HA_A_SA_PAD))
		return -EMSGSIZE;
	return 0;
}

/* By index: each SA once at most, however the table changes meanwhile. */
int xfrm_ha_nl_sa_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct nlattr *name = genl_dumpit_info(cb)->info.attrs[XFRM_HA_A_SA_GROUP];
	struct xha_net *xn = xha_pernet(sock_net(skb->sk));
	unsigned long index = cb->args[0];
	struct xha_group *g = NULL;
	struct xha_sa *sa;

	rcu_read_lock();
	if (name) {
		g = xha_group_find(xn, nla_data(name));
		if (!g)
			goto out;
	}
	for (; (sa = xha_sa_next(xn, g, &index)); index++) {
		if (xha_dump(skb, cb, fill_sa, sa))
			break;
		cb->args[0] = index + 1;
	}
out:
	rcu_read_unlock();
	return skb->len;
}
