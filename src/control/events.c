// SPDX-License-Identifier: GPL-2.0
/* Notifications: what links, groups and engines have to tell, in any context. */

#include "control/netlink.h"
#include "engine/engine.h"

static bool may_tell(struct xha_net *xn, int kind)
{
	static const u32 a_second[XHA_EVENT_KINDS] = {
		[XHA_EVENT_HA]		= 200,
		[XHA_EVENT_ROLE]	= 4 * XHA_GROUPS_MAX,
		[XHA_EVENT_ENGINE]	= 200,
		[XHA_EVENT_MOVES]	= 200,
	};
	struct xha_event_rate *rate = &xn->event_rate[kind];
	unsigned long second = jiffies / HZ;
	bool ok;

	spin_lock_bh(&xn->event_lock);
	if (second != rate->second) {
		rate->second = second;
		rate->events = 0;
	}
	ok = rate->events < a_second[kind];
	if (ok)
		rate->events++;
	spin_unlock_bh(&xn->event_lock);
	if (!ok)
		xha_stat_inc(xn, XHA_STAT_EVENT_LIMIT);
	return ok;
}

static struct sk_buff *event_start(struct xha_net *xn, int kind, u8 cmd, void **hdr)
{
	struct sk_buff *skb;

	if (!genl_has_listeners(&xha_family, xn->net, XFRM_HA_NLGRP_EVENTS) || !may_tell(xn, kind))
		return NULL;
	skb = genlmsg_new(256, GFP_ATOMIC);
	if (skb)
		*hdr = genlmsg_put(skb, 0, 0, &xha_family, 0, cmd);
	if (!skb || !*hdr) {
		nlmsg_free(skb);
		xha_stat_inc(xn, XHA_STAT_EVENT_NOMEM);
		return NULL;
	}
	return skb;
}

static void event_end(struct xha_net *xn, struct sk_buff *skb, void *hdr)
{
	genlmsg_end(skb, hdr);
	genlmsg_multicast_netns(&xha_family, xn->net, skb, 0, XFRM_HA_NLGRP_EVENTS, GFP_ATOMIC);
}

static void event_group(struct xha_group *g, u32 event)
{
	int kind = event < XFRM_HA_EVENT_ROLE_CHANGE ? XHA_EVENT_HA : XHA_EVENT_ROLE;
	struct xha_net *xn = xha_group_net(g);
	struct xha_group_info i;
	struct sk_buff *skb;
	void *hdr;

	skb = event_start(xn, kind, XFRM_HA_CMD_GROUP_NTF, &hdr);
	if (!skb)
		return;
	xha_group_info(g, &i);
	/* They fit. */
	nla_put_u32(skb, XFRM_HA_A_GROUP_EVENT, event);
	nla_put_string(skb, XFRM_HA_A_GROUP_NAME, i.name);
	nla_put_u32(skb, XFRM_HA_A_GROUP_ROLE, i.role);
	nla_put_u32(skb, XFRM_HA_A_GROUP_TERM, i.term);
	nla_put_u32(skb, XFRM_HA_A_GROUP_MISSING, i.lacks);
	nla_put_u32(skb, XFRM_HA_A_GROUP_PEER_MISSING, i.peer_lacks);
	nla_put_u32(skb, XFRM_HA_A_GROUP_REASON, i.reason);
	if (i.reason == XFRM_HA_ROLE_REASON_COMMAND)
		nla_put_u32(skb, XFRM_HA_A_GROUP_UID, i.uid);
	event_end(xn, skb, hdr);
}

static void event_link(struct xha_link *link, enum xha_link_event what)
{
	static const u32 events[] = {
		[XHA_LINK_EVENT_NEW]		= XFRM_HA_EVENT_LINK_NEW,
		[XHA_LINK_EVENT_SET]		= XFRM_HA_EVENT_LINK_SET,
		[XHA_LINK_EVENT_DEL]		= XFRM_HA_EVENT_LINK_DEL,
		[XHA_LINK_EVENT_UP]		= XFRM_HA_EVENT_LINK_UP,
		[XHA_LINK_EVENT_SYNCED]		= XFRM_HA_EVENT_LINK_SYNCED,
		[XHA_LINK_EVENT_DOWN]		= XFRM_HA_EVENT_LINK_DOWN,
		[XHA_LINK_EVENT_LOST]		= XFRM_HA_EVENT_PEER_LOST,
		[XHA_LINK_EVENT_DEVICE]		= XFRM_HA_EVENT_LINK_DEVICE,
		[XHA_LINK_EVENT_NODE_CONFLICT]	= XFRM_HA_EVENT_NODE_CONFLICT,
		[XHA_LINK_EVENT_SECURITY]	= XFRM_HA_EVENT_LINK_SECURITY,
	};
	struct xha_net *xn = xha_link_net(link);
	struct sk_buff *skb;
	void *hdr;

	skb = event_start(xn, XHA_EVENT_HA, XFRM_HA_CMD_LINK_NTF, &hdr);
	if (!skb)
		return;
	nla_put_u32(skb, XFRM_HA_A_LINK_EVENT, events[what]);
	nla_put_string(skb, XFRM_HA_A_LINK_DEV, xha_link_name(link));
	nla_put_u32(skb, XFRM_HA_A_LINK_STATE, xha_link_state(link));
	if (what == XHA_LINK_EVENT_LOST || what == XHA_LINK_EVENT_DOWN)
		nla_put_u32(skb, XFRM_HA_A_LINK_LOSS, xha_link_loss(link));
	event_end(xn, skb, hdr);
}

static void event_engine(struct net_device *dev, u32 event, const char *nic, __be32 spi)
{
	int kind = event == XFRM_HA_EVENT_SA_MOVED ? XHA_EVENT_MOVES : XHA_EVENT_ENGINE;
	struct xha_net *xn = xha_pernet(dev_net(dev));
	struct sk_buff *skb;
	void *hdr;

	skb = event_start(xn, kind, XFRM_HA_CMD_ENGINE_NTF, &hdr);
	if (!skb)
		return;
	nla_put_u32(skb, XFRM_HA_A_ENGINE_EVENT, event);
	nla_put_string(skb, XFRM_HA_A_ENGINE_DEV, dev->name);
	if (nic)
		nla_put_string(skb, XFRM_HA_A_ENGINE_NIC, nic);
	if (spi)
		nla_put_be32(skb, XFRM_HA_A_ENGINE_SPI, spi);
	event_end(xn, skb, hdr);
}

void xha_events_init(void)
{
	xha_link_on_event(event_link);
	xha_group_on_event(event_group);
	xha_engine_on_event(event_engine);
}

void xha_events_exit(void)
{
	xha_engine_on_event(NULL);
	xha_group_on_event(NULL);
	xha_link_on_event(NULL);
}
