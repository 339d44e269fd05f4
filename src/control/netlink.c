// SPDX-License-Identifier: GPL-2.0
/*
 * Control: thin handlers between generic netlink and the rest. The specification
 * is docs/netlink/specs/xfrm_ha.yaml; policies and the table of operations are
 * generated from it (netlink-gen.c).
 */

#include <linux/etherdevice.h>
#include <linux/rtnetlink.h>
#include <net/genetlink.h>

#include "control/netlink-gen.h"
#include "xfrm_ha.h"

#define VERSION		"0.1"

static struct genl_family family;

/* XHA_ROLE_* and XHA_LINK_* travel as they are. */
static_assert((int)XHA_ROLE_HANDED == (int)XFRM_HA_ROLE_HANDED);
static_assert((int)XHA_LINK_UP == (int)XFRM_HA_LINK_STATE_UP);
static_assert((int)XHA_LOSS_SETTINGS == (int)XFRM_HA_LINK_LOSS_SETTINGS);

static void *reply_start(struct sk_buff *skb, struct genl_info *info, u8 cmd)
{
	return genlmsg_put_reply(skb, info, &family, 0, cmd);
}

/* Send one object as the answer to a do: @fill is what dumps and notifications use. */
static int reply(struct genl_info *info, u8 cmd, int (*fill)(struct sk_buff *skb, void *obj),
		 void *obj)
{
	struct sk_buff *skb = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	void *hdr;
	int err;

	if (!skb)
		return -ENOMEM;
	hdr = reply_start(skb, info, cmd);
	err = hdr ? fill(skb, obj) : -EMSGSIZE;
	if (err) {
		nlmsg_free(skb);
		return err;
	}
	genlmsg_end(skb, hdr);
	return genlmsg_reply(skb, info);
}

int xha_netlink_dump(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd,
		     int (*fill)(struct sk_buff *skb, void *obj), void *obj)
{
	void *hdr;

	hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq, &family,
			  NLM_F_MULTI, cmd);
	if (!hdr)
		return -EMSGSIZE;
	if (fill(skb, obj)) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

/* --- node --- */

static int fill_node(struct sk_buff *skb, void *obj)
{
	struct xha_net *xn = obj;

	if (nla_put_u32(skb, XFRM_HA_A_NODE_ID, xn->node) ||
	    nla_put_u32(skb, XFRM_HA_A_NODE_SA_LIMIT, xn->max_sas) ||
	    nla_put_u32(skb, XFRM_HA_A_NODE_ORPHAN_LIMIT, xn->max_orphans) ||
	    nla_put_u32(skb, XFRM_HA_A_NODE_ORPHAN_AGE, xn->orphan_age) ||
	    nla_put_string(skb, XFRM_HA_A_NODE_VERSION, VERSION) ||
	    nla_put_string(skb, XFRM_HA_A_NODE_TAP, xha_tap->name) ||
	    nla_put_u32(skb, XFRM_HA_A_NODE_SAS, atomic_read(&xn->n_sas)))
		return -EMSGSIZE;
	return 0;
}

int xfrm_ha_nl_node_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	return reply(info, XFRM_HA_CMD_NODE_GET, fill_node, xha_pernet(genl_info_net(info)));
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
			xha_sa_sweep(xn);
		}
		if (a[XFRM_HA_A_NODE_ORPHAN_LIMIT])
			WRITE_ONCE(xn->max_orphans, nla_get_u32(a[XFRM_HA_A_NODE_ORPHAN_LIMIT]));
		if (a[XFRM_HA_A_NODE_ORPHAN_AGE])
			WRITE_ONCE(xn->orphan_age, nla_get_u32(a[XFRM_HA_A_NODE_ORPHAN_AGE]));
	}
	mutex_unlock(&xn->mutex);
	return err;
}

/* --- link --- */

static int fill_link(struct sk_buff *skb, void *obj)
{
	struct xha_link_info i;
	const struct xha_link_config *c = &i.config;

	xha_link_info(obj, &i);
	if (nla_put_string(skb, XFRM_HA_A_LINK_DEV, i.dev) ||
	    nla_put(skb, XFRM_HA_A_LINK_PEER, ETH_ALEN, c->peer) ||
	    (c->insecure && nla_put_flag(skb, XFRM_HA_A_LINK_INSECURE)) ||
	    nla_put_u32(skb, XFRM_HA_A_LINK_HEARTBEAT, c->heartbeat) ||
	    nla_put_u32(skb, XFRM_HA_A_LINK_DEAD, c->dead) ||
	    nla_put_u32(skb, XFRM_HA_A_LINK_CARRIER_LOSS, c->carrier_at_once) ||
	    nla_put_u32(skb, XFRM_HA_A_LINK_BATCH, c->batch) ||
	    nla_put_u32(skb, XFRM_HA_A_LINK_ETHERTYPE, c->ethertype) ||
	    nla_put_u32(skb, XFRM_HA_A_LINK_STATE, i.state) ||
	    nla_put_u32(skb, XFRM_HA_A_LINK_LOSS, i.loss) ||
	    nla_put_u32(skb, XFRM_HA_A_LINK_PEER_NODE, i.peer_node) ||
	    nla_put_u64_64bit(skb, XFRM_HA_A_LINK_SRTT, i.srtt_ns, XFRM_HA_A_LINK_PAD) ||
	    nla_put_u64_64bit(skb, XFRM_HA_A_LINK_UP_SINCE, i.up_since, XFRM_HA_A_LINK_PAD) ||
	    nla_put_u32(skb, XFRM_HA_A_LINK_IN_FLIGHT, i.in_flight) ||
	    nla_put_u64_64bit(skb, XFRM_HA_A_LINK_TX_FRAMES, i.tx_frames, XFRM_HA_A_LINK_PAD) ||
	    nla_put_u64_64bit(skb, XFRM_HA_A_LINK_RX_FRAMES, i.rx_frames, XFRM_HA_A_LINK_PAD) ||
	    nla_put_u64_64bit(skb, XFRM_HA_A_LINK_TX_BYTES, i.tx_bytes, XFRM_HA_A_LINK_PAD) ||
	    nla_put_u64_64bit(skb, XFRM_HA_A_LINK_RX_BYTES, i.rx_bytes, XFRM_HA_A_LINK_PAD) ||
	    nla_put_u32(skb, XFRM_HA_A_LINK_ORPHANS, xha_mirror_orphans(xha_link_mirror(obj))))
		return -EMSGSIZE;
	return 0;
}

int xfrm_ha_nl_link_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct xha_net *xn = xha_pernet(genl_info_net(info));
	struct xha_link *link;
	int err;

	if (GENL_REQ_ATTR_CHECK(info, XFRM_HA_A_LINK_DEV))
		return -EINVAL;
	mutex_lock(&xn->mutex);
	link = xha_link_find(&xn->links, nla_data(info->attrs[XFRM_HA_A_LINK_DEV]));
	if (!link)
		NL_SET_ERR_MSG(info->extack, "There is no link on this device");
	err = link ? reply(info, XFRM_HA_CMD_LINK_GET, fill_link, link) : -ENODEV;
	mutex_unlock(&xn->mutex);
	return err;
}

int xfrm_ha_nl_link_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct xha_net *xn = xha_pernet(sock_net(skb->sk));
	struct xha_link *link;
	long n = 0;

	mutex_lock(&xn->mutex);
	for (link = xha_link_next(&xn->links, NULL); link; link = xha_link_next(&xn->links, link)) {
		if (n++ < cb->args[0])
			continue;
		if (xha_netlink_dump(skb, cb, XFRM_HA_CMD_LINK_GET, fill_link, link))
			break;
		cb->args[0] = n;
	}
	mutex_unlock(&xn->mutex);
	return skb->len;
}

static u32 get_u32(struct nlattr *a, u32 otherwise)
{
	return a ? nla_get_u32(a) : otherwise;
}

static void link_config(struct xha_link_config *c, struct nlattr **a)
{
	if (a[XFRM_HA_A_LINK_PEER])
		ether_addr_copy(c->peer, nla_data(a[XFRM_HA_A_LINK_PEER]));
	if (a[XFRM_HA_A_LINK_KEY])
		memcpy(c->key, nla_data(a[XFRM_HA_A_LINK_KEY]), sizeof(c->key));
	c->heartbeat = get_u32(a[XFRM_HA_A_LINK_HEARTBEAT], c->heartbeat);
	c->dead = get_u32(a[XFRM_HA_A_LINK_DEAD], c->dead);
	c->batch = get_u32(a[XFRM_HA_A_LINK_BATCH], c->batch);
	c->carrier_at_once = get_u32(a[XFRM_HA_A_LINK_CARRIER_LOSS], c->carrier_at_once);
}

int xfrm_ha_nl_link_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct xha_net *xn = xha_pernet(genl_info_net(info));
	struct nlattr **a = info->attrs;
	struct xha_link_config c = {
		.heartbeat = XHA_HEARTBEAT_DEFAULT,
		.dead = XHA_DEAD_DEFAULT,
		.batch = XHA_LINK_BATCH_DEFAULT,
		.ethertype = XHA_ETHERTYPE,
	};
	struct net_device *dev;
	int err;

	if (GENL_REQ_ATTR_CHECK(info, XFRM_HA_A_LINK_DEV) ||
	    GENL_REQ_ATTR_CHECK(info, XFRM_HA_A_LINK_PEER))
		return -EINVAL;
	c.insecure = nla_get_flag(a[XFRM_HA_A_LINK_INSECURE]);
	if (c.insecure && a[XFRM_HA_A_LINK_KEY]) {
		NL_SET_ERR_MSG_ATTR(info->extack, a[XFRM_HA_A_LINK_KEY],
				    "A link is insecure or has a key, not both");
		return -EINVAL;
	}
	if (!c.insecure && !a[XFRM_HA_A_LINK_KEY]) {
		NL_SET_ERR_MSG(info->extack,
			       "A link needs a key; one without must be said to be insecure");
		return -EINVAL;
	}
	link_config(&c, a);
	c.ethertype = get_u32(a[XFRM_HA_A_LINK_ETHERTYPE], c.ethertype);

	dev = dev_get_by_name(genl_info_net(info), nla_data(a[XFRM_HA_A_LINK_DEV]));
	if (!dev) {
		NL_SET_ERR_MSG_ATTR(info->extack, a[XFRM_HA_A_LINK_DEV],
				    "There is no such device in this netns");
		err = -ENODEV;
		goto out;
	}
	/* RTNL: the device can't go while the link is put on it. */
	rtnl_lock();
	mutex_lock(&xn->mutex);
	if (dev->reg_state == NETREG_REGISTERED) {
		err = xha_peer_add(xn, dev, &c, info->extack);
	} else {
		NL_SET_ERR_MSG(info->extack, "The device is being removed");
		err = -ENODEV;
	}
	mutex_unlock(&xn->mutex);
	rtnl_unlock();
	dev_put(dev);
out:
	memzero_explicit(&c, sizeof(c));
	return err;
}

int xfrm_ha_nl_link_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct xha_net *xn = xha_pernet(genl_info_net(info));
	struct nlattr **a = info->attrs;
	struct xha_link_info i = {};
	struct xha_link_config c;
	struct xha_link *link;
	int err;

	if (GENL_REQ_ATTR_CHECK(info, XFRM_HA_A_LINK_DEV))
		return -EINVAL;
	mutex_lock(&xn->mutex);
	link = xha_link_find(&xn->links, nla_data(a[XFRM_HA_A_LINK_DEV]));
	if (link)
		xha_link_info(link, &i);
	c = i.config;
	link_config(&c, a);
	err = xha_link_set(&xn->links, nla_data(a[XFRM_HA_A_LINK_DEV]), &c, a[XFRM_HA_A_LINK_KEY],
			   info->extack);
	mutex_unlock(&xn->mutex);
	memzero_explicit(&c, sizeof(c));
	return err;
}

int xfrm_ha_nl_link_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct xha_net *xn = xha_pernet(genl_info_net(info));
	int err;

	if (GENL_REQ_ATTR_CHECK(info, XFRM_HA_A_LINK_DEV))
		return -EINVAL;
	mutex_lock(&xn->mutex);
	err = xha_peer_del(xn, nla_data(info->attrs[XFRM_HA_A_LINK_DEV]), info->extack);
	mutex_unlock(&xn->mutex);
	return err;
}

/* --- group --- */

static const char *const claims[] = {
	[XHA_CLAIM_STANDBY]	= "standby",
	[XHA_CLAIM_ACTIVE]	= "active",
	[XHA_CLAIM_HANDOVER]	= "handover",
	[XHA_CLAIM_REQUEST]	= "request",
};

static int fill_match(struct sk_buff *skb, const struct xha_group_match *m)
{
	int i;

	for (i = 0; i < m->n_addrs; i++) {
		bool inet = m->addrs[i].family == AF_INET;

		if (nla_put(skb, inet ? XFRM_HA_A_GROUP_ADDRESS : XFRM_HA_A_GROUP_ADDRESS6,
			    inet ? 4 : 16, &m->addrs[i].addr))
			return -EMSGSIZE;
	}
	if ((m->has_reqid && nla_put_u32(skb, XFRM_HA_A_GROUP_REQID, m->reqid)) ||
	    (m->has_mark && (nla_put_u32(skb, XFRM_HA_A_GROUP_MARK, m->mark_v) ||
			     nla_put_u32(skb, XFRM_HA_A_GROUP_MARK_MASK, m->mark_m))) ||
	    (m->has_if_id && nla_put_u32(skb, XFRM_HA_A_GROUP_IF_ID, m->if_id)))
		return -EMSGSIZE;
	return 0;
}

static int fill_group(struct sk_buff *skb, void *obj)
{
	struct xha_group *g = obj;
	const struct xha_group_config *c = xha_group_config(g);
	int err = -EMSGSIZE;

	if (fill_match(skb, &g->match))
		return -EMSGSIZE;
	if (g->link && nla_put_string(skb, XFRM_HA_A_GROUP_LINK, xha_link_name(g->link)))
		return -EMSGSIZE;
	spin_lock_bh(&g->lock);
	if (nla_put_string(skb, XFRM_HA_A_GROUP_NAME, g->name) ||
	    nla_put_u32(skb, XFRM_HA_A_GROUP_ROLE, g->role) ||
	    nla_put_u32(skb, XFRM_HA_A_GROUP_INTERVAL, c->interval) ||
	    nla_put_u32(skb, XFRM_HA_A_GROUP_QUANTITY, xha_quantity(c->quantity, c->interval)) ||
	    nla_put_u32(skb, XFRM_HA_A_GROUP_MAX_AGE, c->max_age) ||
	    nla_put_u8(skb, XFRM_HA_A_GROUP_BITMAP, c->bitmap) ||
	    nla_put_u32(skb, XFRM_HA_A_GROUP_ON_PEER_LOSS, c->takeover) ||
	    nla_put_u32(skb, XFRM_HA_A_GROUP_REPLAY, c->lenient) ||
	    nla_put_u32(skb, XFRM_HA_A_GROUP_JOIN, c->join) ||
	    nla_put_u32(skb, XFRM_HA_A_GROUP_ALONE, c->solo) ||
	    nla_put_u32(skb, XFRM_HA_A_GROUP_SYNC, c->strict) ||
	    nla_put_u32(skb, XFRM_HA_A_GROUP_STRIPE, c->stripe) ||
	    nla_put_u32(skb, XFRM_HA_A_GROUP_INDEX, g->share.first) ||
	    nla_put_u32(skb, XFRM_HA_A_GROUP_NODES, g->share.step) ||
	    nla_put_u32(skb, XFRM_HA_A_GROUP_SOFT, c->soft) ||
	    nla_put_u32(skb, XFRM_HA_A_GROUP_MISSING, xha_group_lacks(g)) ||
	    nla_put_u32(skb, XFRM_HA_A_GROUP_PEER_MISSING, xha_group_peer_lacks(g)) ||
	    nla_put_u32(skb, XFRM_HA_A_GROUP_PEER_SAS, g->peer_sas) ||
	    nla_put_u8(skb, XFRM_HA_A_GROUP_PEER_SYNCED, !g->alone) ||
	    nla_put_u8(skb, XFRM_HA_A_GROUP_SOLO, g->solo) ||
	    nla_put_u32(skb, XFRM_HA_A_GROUP_TERM, g->term) ||
	    (g->peer_known && (nla_put_string(skb, XFRM_HA_A_GROUP_PEER_ROLE,
					      claims[g->peer_role]) ||
			       nla_put_u32(skb, XFRM_HA_A_GROUP_PEER_TERM, g->peer_term))) ||
	    nla_put_u32(skb, XFRM_HA_A_GROUP_REASON, g->reason) ||
	    (g->reason == XFRM_HA_ROLE_REASON_COMMAND &&
	     nla_put_u32(skb, XFRM_HA_A_GROUP_UID, g->uid)) ||
	    nla_put_u32(skb, XFRM_HA_A_GROUP_SAS, atomic_read(&g->n_sas)) ||
	    nla_put_u64_64bit(skb, XFRM_HA_A_GROUP_SINCE, g->changed_at, XFRM_HA_A_GROUP_PAD) ||
	    nla_put_u64_64bit(skb, XFRM_HA_A_GROUP_TAKEOVERS, g->takeovers,
			      XFRM_HA_A_GROUP_PAD) ||
	    nla_put_u64_64bit(skb, XFRM_HA_A_GROUP_SKIPPED, g->skipped, XFRM_HA_A_GROUP_PAD))
		goto out;
	err = 0;
out:
	spin_unlock_bh(&g->lock);
	return err;
}

int xfrm_ha_nl_group_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct xha_net *xn = xha_pernet(genl_info_net(info));
	struct xha_group *g;
	int err;

	if (GENL_REQ_ATTR_CHECK(info, XFRM_HA_A_GROUP_NAME))
		return -EINVAL;
	mutex_lock(&xn->mutex);
	g = xha_group_find(xn, nla_data(info->attrs[XFRM_HA_A_GROUP_NAME]));
	if (!g)
		NL_SET_ERR_MSG(info->extack, "There is no group of this name");
	err = g ? reply(info, XFRM_HA_CMD_GROUP_GET, fill_group, g) : -ENOENT;
	mutex_unlock(&xn->mutex);
	return err;
}

int xfrm_ha_nl_group_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct xha_net *xn = xha_pernet(sock_net(skb->sk));
	struct xha_group *g;
	unsigned long id;

	mutex_lock(&xn->mutex);
	xa_for_each_start(&xn->groups, id, g, cb->args[0]) {
		if (xha_netlink_dump(skb, cb, XFRM_HA_CMD_GROUP_GET, fill_group, g))
			break;
		cb->args[0] = id + 1;
	}
	mutex_unlock(&xn->mutex);
	return skb->len;
}

static int match_addresses(struct xha_group_match *m, struct genl_info *info)
{
	struct nlattr *a;
	int rem;

	nlmsg_for_each_attr(a, info->nlhdr, GENL_HDRLEN, rem) {
		if (nla_type(a) != XFRM_HA_A_GROUP_ADDRESS &&
		    nla_type(a) != XFRM_HA_A_GROUP_ADDRESS6)
			continue;
		if (m->n_addrs == XHA_GROUP_ADDRS) {
			NL_SET_ERR_MSG_ATTR(info->extack, a,
					    "A group can have no more than 16 addresses");
			return -E2BIG;
		}
		m->addrs[m->n_addrs].family = nla_len(a) == 4 ? AF_INET : AF_INET6;
		memcpy(&m->addrs[m->n_addrs++].addr, nla_data(a), nla_len(a));
	}
	return 0;
}

static int group_match(struct xha_group_match *m, struct genl_info *info)
{
	struct nlattr **a = info->attrs;

	m->has_reqid = a[XFRM_HA_A_GROUP_REQID];
	m->reqid = get_u32(a[XFRM_HA_A_GROUP_REQID], 0);
	m->has_mark = a[XFRM_HA_A_GROUP_MARK];
	m->mark_v = get_u32(a[XFRM_HA_A_GROUP_MARK], 0);
	m->mark_m = get_u32(a[XFRM_HA_A_GROUP_MARK_MASK], U32_MAX);
	m->has_if_id = a[XFRM_HA_A_GROUP_IF_ID];
	m->if_id = get_u32(a[XFRM_HA_A_GROUP_IF_ID], 0);
	return match_addresses(m, info);
}

static void group_config(struct xha_group_config *c, struct nlattr **a)
{
	c->interval = get_u32(a[XFRM_HA_A_GROUP_INTERVAL], c->interval);
	c->quantity = get_u32(a[XFRM_HA_A_GROUP_QUANTITY], c->quantity);
	c->max_age = get_u32(a[XFRM_HA_A_GROUP_MAX_AGE], c->max_age);
	if (a[XFRM_HA_A_GROUP_BITMAP])
		c->bitmap = nla_get_u8(a[XFRM_HA_A_GROUP_BITMAP]);
	c->takeover = get_u32(a[XFRM_HA_A_GROUP_ON_PEER_LOSS], c->takeover);
	c->lenient = get_u32(a[XFRM_HA_A_GROUP_REPLAY], c->lenient);
	c->join = get_u32(a[XFRM_HA_A_GROUP_JOIN], c->join);
	c->solo = get_u32(a[XFRM_HA_A_GROUP_ALONE], c->solo);
	c->strict = get_u32(a[XFRM_HA_A_GROUP_SYNC], c->strict);
	c->stripe = get_u32(a[XFRM_HA_A_GROUP_STRIPE], c->stripe);
	c->index = get_u32(a[XFRM_HA_A_GROUP_INDEX], c->index);
	c->nodes = get_u32(a[XFRM_HA_A_GROUP_NODES], c->nodes);
	c->soft = get_u32(a[XFRM_HA_A_GROUP_SOFT], c->soft);
}

int xfrm_ha_nl_group_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct xha_net *xn = xha_pernet(genl_info_net(info));
	struct nlattr **a = info->attrs;
	struct xha_group_config c;
	struct xha_group_match *m;
	const char *link = NULL;
	u32 role;
	int err;

	if (GENL_REQ_ATTR_CHECK(info, XFRM_HA_A_GROUP_NAME) ||
	    GENL_REQ_ATTR_CHECK(info, XFRM_HA_A_GROUP_ROLE))
		return -EINVAL;
	role = nla_get_u32(a[XFRM_HA_A_GROUP_ROLE]);
	if (role != XFRM_HA_ROLE_ACTIVE && role != XFRM_HA_ROLE_STANDBY) {
		NL_SET_ERR_MSG_ATTR(info->extack, a[XFRM_HA_A_GROUP_ROLE],
				    "A group starts as active or standby");
		return -EINVAL;
	}
	if (!xha_name_ok(nla_data(a[XFRM_HA_A_GROUP_NAME]))) {
		NL_SET_ERR_MSG_ATTR(info->extack, a[XFRM_HA_A_GROUP_NAME],
				    "A name has printable characters, at least one, no blanks and slashes");
		return -EINVAL;
	}
	if (a[XFRM_HA_A_GROUP_LINK])
		link = nla_data(a[XFRM_HA_A_GROUP_LINK]);
	m = kzalloc(sizeof(*m), GFP_KERNEL);
	if (!m)
		return -ENOMEM;
	err = group_match(m, info);
	if (!err) {
		xha_group_config_default(&c);
		group_config(&c, a);
		mutex_lock(&xn->mutex);
		err = xha_group_add(xn, nla_data(a[XFRM_HA_A_GROUP_NAME]), m, &c, link,
				    role == XFRM_HA_ROLE_ACTIVE, info->extack);
		mutex_unlock(&xn->mutex);
	}
	kfree(m);
	return err;
}

int xfrm_ha_nl_group_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct xha_net *xn = xha_pernet(genl_info_net(info));
	struct xha_group_config c;
	struct xha_group *g;
	const char *name;
	int err;

	if (GENL_REQ_ATTR_CHECK(info, XFRM_HA_A_GROUP_NAME))
		return -EINVAL;
	name = nla_data(info->attrs[XFRM_HA_A_GROUP_NAME]);
	mutex_lock(&xn->mutex);
	g = xha_group_find(xn, name);
	if (g)
		c = *xha_group_config(g);
	else
		xha_group_config_default(&c);
	group_config(&c, info->attrs);
	err = xha_group_set(xn, name, &c, info->extack);
	mutex_unlock(&xn->mutex);
	return err;
}

/* How it is meant: attributes of takeover and release; others have no room for them. */
static unsigned int manner(struct nlattr **a)
{
	return (a[XFRM_HA_A_GROUP_FORCE] ? XHA_FORCE : 0) |
	       (a[XFRM_HA_A_GROUP_ALLOW_MISSING] ? XHA_ALLOW_MISSING : 0);
}

/* What needs no more than the name of a group. */
static int by_name(struct genl_info *info, unsigned int how,
		   int (*func)(struct xha_net *xn, const char *name, unsigned int how,
			       struct netlink_ext_ack *extack))
{
	struct xha_net *xn = xha_pernet(genl_info_net(info));
	int err;

	if (GENL_REQ_ATTR_CHECK(info, XFRM_HA_A_GROUP_NAME))
		return -EINVAL;
	mutex_lock(&xn->mutex);
	err = func(xn, nla_data(info->attrs[XFRM_HA_A_GROUP_NAME]), how, info->extack);
	mutex_unlock(&xn->mutex);
	return err;
}

int xfrm_ha_nl_group_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	return by_name(info, 0, xha_group_del);
}

int xfrm_ha_nl_group_release_doit(struct sk_buff *skb, struct genl_info *info)
{
	return by_name(info, manner(info->attrs), xha_group_release);
}

int xfrm_ha_nl_group_takeover_doit(struct sk_buff *skb, struct genl_info *info)
{
	return by_name(info, manner(info->attrs), xha_group_takeover);
}

/* --- SAs --- */

static int fill_sa_id(struct sk_buff *skb, struct xha_sa *sa)
{
	int len = sa->id.family == AF_INET ? 4 : 16;
	struct xfrm_state *x = sa->x;

	if (nla_put_string(skb, XFRM_HA_A_SA_GROUP, sa->group->name) ||
	    nla_put_u32(skb, XFRM_HA_A_SA_INDEX, sa->index) ||
	    nla_put_u16(skb, XFRM_HA_A_SA_FAMILY, sa->id.family) ||
	    nla_put(skb, XFRM_HA_A_SA_SRC, len, &x->props.saddr) ||
	    nla_put(skb, XFRM_HA_A_SA_DST, len, &x->id.daddr) ||
	    nla_put_be32(skb, XFRM_HA_A_SA_SPI, sa->id.spi) ||
	    nla_put_u8(skb, XFRM_HA_A_SA_PROTO, sa->id.proto) ||
	    nla_put_u32(skb, XFRM_HA_A_SA_REQID, x->props.reqid) ||
	    (sa->id.mark_m && (nla_put_u32(skb, XFRM_HA_A_SA_MARK, sa->id.mark_v) ||
			       nla_put_u32(skb, XFRM_HA_A_SA_MARK_MASK, sa->id.mark_m))) ||
	    (sa->id.if_id && nla_put_u32(skb, XFRM_HA_A_SA_IF_ID, sa->id.if_id)) ||
	    nla_put_u8(skb, XFRM_HA_A_SA_REPLAY_MODE, x->repl_mode) ||
	    nla_put_u32(skb, XFRM_HA_A_SA_REPLAY_WINDOW, xha_width(x)) ||
	    nla_put_u64_64bit(skb, XFRM_HA_A_SA_ADDED, x->curlft.add_time, XFRM_HA_A_SA_PAD) ||
	    nla_put_u32(skb, XFRM_HA_A_SA_ROLE, READ_ONCE(sa->group->role)))
		return -EMSGSIZE;
	return 0;
}

static int fill_sa(struct sk_buff *skb, void *obj)
{
	const struct xha_group_config *c;
	struct xha_exposure e = {};
	struct xha_sample s = {};
	const struct net_device *nic;
	struct xha_sa *sa = obj;
	struct xha_distance d;
	struct xha_share share;
	u64 lease, striped;
	u32 interval;
	u8 hold;

	c = xha_group_config(sa->group);
	spin_lock_bh(&sa->x->lock);
	xha_place_sample(sa, &s);
	hold = xha_place_hold(sa->place);
	striped = sa->striped;
	share = sa->own;
	lease = sa->bounds.lease;
	interval = sa->out_interval;
	if (xha_width(sa->x))
		xha_exposure(&e, c->interval, xha_width(sa->x), sa->in_peak, c->lenient);
	spin_unlock_bh(&sa->x->lock);
	xha_sa_distance(sa, &d);
	nic = xha_engine_nic(sa->x);
	if (fill_sa_id(skb, sa) ||
	    (nic && nla_put_string(skb, XFRM_HA_A_SA_NIC, nic->name)) ||
	    nla_put_u8(skb, XFRM_HA_A_SA_HELD, !!hold) ||
	    nla_put_u32(skb, XFRM_HA_A_SA_HOLD, hold) ||
	    nla_put_u32(skb, XFRM_HA_A_SA_INTERVAL_OUT, interval) ||
	    nla_put_u32(skb, XFRM_HA_A_SA_EXPOSURE_LOST, e.lost) ||
	    nla_put_u32(skb, XFRM_HA_A_SA_EXPOSURE_REPLAY, e.replay) ||
	    nla_put_u64_64bit(skb, XFRM_HA_A_SA_OSEQ, s.out, XFRM_HA_A_SA_PAD) ||
	    nla_put_u64_64bit(skb, XFRM_HA_A_SA_LEASE, lease, XFRM_HA_A_SA_PAD) ||
	    nla_put_u64_64bit(skb, XFRM_HA_A_SA_SEQ, s.in, XFRM_HA_A_SA_PAD) ||
	    nla_put_u64_64bit(skb, XFRM_HA_A_SA_BYTES, s.bytes, XFRM_HA_A_SA_PAD) ||
	    nla_put_u64_64bit(skb, XFRM_HA_A_SA_PACKETS, s.packets, XFRM_HA_A_SA_PAD) ||
	    nla_put_u64_64bit(skb, XFRM_HA_A_SA_BEHIND_OUT, d.out, XFRM_HA_A_SA_PAD) ||
	    nla_put_u64_64bit(skb, XFRM_HA_A_SA_BEHIND_IN, d.in, XFRM_HA_A_SA_PAD) ||
	    nla_put_u32(skb, XFRM_HA_A_SA_BEHIND_MS, d.ms) ||
	    nla_put_u8(skb, XFRM_HA_A_SA_TWIN, sa->mirror && xha_mirror_twin(sa)) ||
	    nla_put_u32(skb, XFRM_HA_A_SA_SHARE, share.first) ||
	    nla_put_u32(skb, XFRM_HA_A_SA_SHARE_OF, share.step) ||
	    nla_put_u64_64bit(skb, XFRM_HA_A_SA_STRIPED, striped, XFRM_HA_A_SA_PAD))
		return -EMSGSIZE;
	return 0;
}

/* By index: each SA once at most, however the table changes meanwhile. */
int xfrm_ha_nl_sa_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct nlattr *name = genl_dumpit_info(cb)->info.attrs[XFRM_HA_A_SA_GROUP];
	struct xha_net *xn = xha_pernet(sock_net(skb->sk));
	struct xarray *sas = &xn->sas;
	struct xha_group *g;
	unsigned long index;
	struct xha_sa *sa;

	rcu_read_lock();
	if (name) {
		g = xha_group_find(xn, nla_data(name));
		if (!g)
			goto out;
		sas = &g->sas;
	}
	xa_for_each_start(sas, index, sa, cb->args[0]) {
		if (!sa->group)
			continue;
		if (xha_netlink_dump(skb, cb, XFRM_HA_CMD_SA_GET, fill_sa, sa))
			break;
		cb->args[0] = index + 1;
	}
out:
	rcu_read_unlock();
	return skb->len;
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
		if (xha_netlink_dump(skb, cb, XFRM_HA_CMD_STAT_GET, fill_stat, &s))
			break;
	}
	return skb->len;
}

/* --- notifications --- */

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

	if (!genl_has_listeners(&family, xn->net, XFRM_HA_NLGRP_EVENTS) || !may_tell(xn, kind))
		return NULL;
	skb = genlmsg_new(256, GFP_ATOMIC);
	if (skb)
		*hdr = genlmsg_put(skb, 0, 0, &family, 0, cmd);
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
	genlmsg_multicast_netns(&family, xn->net, skb, 0, XFRM_HA_NLGRP_EVENTS, GFP_ATOMIC);
}

/* Any context; the group's lock is not held. */
void xha_event_group(struct xha_group *g, u32 event)
{
	int kind = event < XFRM_HA_EVENT_ROLE_CHANGE ? XHA_EVENT_HA : XHA_EVENT_ROLE;
	struct sk_buff *skb;
	void *hdr;
	u32 role, term, reason, uid;

	spin_lock_bh(&g->lock);
	role = g->role;
	term = g->term;
	reason = g->reason;
	uid = g->uid;
	spin_unlock_bh(&g->lock);
	skb = event_start(g->xn, kind, XFRM_HA_CMD_GROUP_NTF, &hdr);
	if (!skb)
		return;
	/* They fit. */
	nla_put_u32(skb, XFRM_HA_A_GROUP_EVENT, event);
	nla_put_string(skb, XFRM_HA_A_GROUP_NAME, g->name);
	nla_put_u32(skb, XFRM_HA_A_GROUP_ROLE, role);
	nla_put_u32(skb, XFRM_HA_A_GROUP_TERM, term);
	nla_put_u32(skb, XFRM_HA_A_GROUP_MISSING, xha_group_lacks(g));
	nla_put_u32(skb, XFRM_HA_A_GROUP_PEER_MISSING, xha_group_peer_lacks(g));
	nla_put_u32(skb, XFRM_HA_A_GROUP_REASON, reason);
	if (reason == XFRM_HA_ROLE_REASON_COMMAND)
		nla_put_u32(skb, XFRM_HA_A_GROUP_UID, uid);
	event_end(g->xn, skb, hdr);
}

/* What a link says, any context */
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

/* @nic: or NULL; @spi: or 0 */
void xha_event_engine(struct net_device *dev, u32 event, const char *nic, __be32 spi)
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

static const struct genl_multicast_group groups[] = {
	[XFRM_HA_NLGRP_EVENTS] = {
		.name = XFRM_HA_MCGRP_EVENTS,
		.flags = GENL_MCAST_CAP_NET_ADMIN,
	},
};

static struct genl_family family = {
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
	xha_link_on_event(event_link);
	return genl_register_family(&family);
}

void xha_netlink_exit(void)
{
	genl_unregister_family(&family);
}
