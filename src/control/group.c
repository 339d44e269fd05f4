// SPDX-License-Identifier: GPL-2.0
/* Netlink operations on groups. */

#include "control/netlink.h"

/* XHA_ROLE_* travel as they are. */
static_assert((int)XHA_ROLE_HANDED == (int)XFRM_HA_ROLE_HANDED);

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
	struct xha_group_info i;
	const struct xha_group_config *c = &i.config;

	xha_group_info(obj, &i);
	if (fill_match(skb, i.match) ||
	    (i.link && nla_put_string(skb, XFRM_HA_A_GROUP_LINK, i.link)) ||
	    nla_put_string(skb, XFRM_HA_A_GROUP_NAME, i.name) ||
	    nla_put_u32(skb, XFRM_HA_A_GROUP_ROLE, i.role) ||
	    nla_put_u32(skb, XFRM_HA_A_GROUP_INTERVAL, c->interval) ||
	    nla_put_u32(skb, XFRM_HA_A_GROUP_QUANTITY, i.quantity) ||
	    nla_put_u32(skb, XFRM_HA_A_GROUP_MAX_AGE, c->max_age) ||
	    nla_put_u8(skb, XFRM_HA_A_GROUP_BITMAP, c->bitmap) ||
	    nla_put_u32(skb, XFRM_HA_A_GROUP_ON_PEER_LOSS, c->takeover) ||
	    nla_put_u32(skb, XFRM_HA_A_GROUP_REPLAY, c->lenient) ||
	    nla_put_u32(skb, XFRM_HA_A_GROUP_JOIN, c->join) ||
	    nla_put_u32(skb, XFRM_HA_A_GROUP_ALONE, c->solo) ||
	    nla_put_u32(skb, XFRM_HA_A_GROUP_SYNC, c->strict) ||
	    nla_put_u32(skb, XFRM_HA_A_GROUP_STRIPE, c->stripe) ||
	    nla_put_u32(skb, XFRM_HA_A_GROUP_INDEX, i.share.first) ||
	    nla_put_u32(skb, XFRM_HA_A_GROUP_NODES, i.share.step) ||
	    nla_put_u32(skb, XFRM_HA_A_GROUP_SOFT, c->soft) ||
	    nla_put_u32(skb, XFRM_HA_A_GROUP_PREPARE, c->prepare) ||
	    nla_put_u8(skb, XFRM_HA_A_GROUP_PREPARING, i.preparing) ||
	    nla_put_u32(skb, XFRM_HA_A_GROUP_MISSING, i.lacks) ||
	    nla_put_u32(skb, XFRM_HA_A_GROUP_PEER_MISSING, i.peer_lacks) ||
	    nla_put_u32(skb, XFRM_HA_A_GROUP_PEER_SAS, i.peer_sas) ||
	    nla_put_u8(skb, XFRM_HA_A_GROUP_PEER_SYNCED, i.synced) ||
	    nla_put_u8(skb, XFRM_HA_A_GROUP_SOLO, i.solo) ||
	    nla_put_u32(skb, XFRM_HA_A_GROUP_TERM, i.term) ||
	    (i.peer_known && (nla_put_string(skb, XFRM_HA_A_GROUP_PEER_ROLE,
					     claims[i.peer_role]) ||
			      nla_put_u32(skb, XFRM_HA_A_GROUP_PEER_TERM, i.peer_term))) ||
	    nla_put_u32(skb, XFRM_HA_A_GROUP_REASON, i.reason) ||
	    (i.reason == XFRM_HA_ROLE_REASON_COMMAND &&
	     nla_put_u32(skb, XFRM_HA_A_GROUP_UID, i.uid)) ||
	    nla_put_u32(skb, XFRM_HA_A_GROUP_SAS, i.sas) ||
	    nla_put_u64_64bit(skb, XFRM_HA_A_GROUP_SINCE, i.changed_at, XFRM_HA_A_GROUP_PAD) ||
	    nla_put_u64_64bit(skb, XFRM_HA_A_GROUP_TAKEOVERS, i.takeovers, XFRM_HA_A_GROUP_PAD) ||
	    nla_put_u64_64bit(skb, XFRM_HA_A_GROUP_SKIPPED, i.skipped, XFRM_HA_A_GROUP_PAD))
		return -EMSGSIZE;
	return 0;
}

int xfrm_ha_nl_group_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct xha_net *xn = xha_pernet(genl_info_net(info));
	struct xha_group *g;
	int err;

	if (GENL_REQ_ATTR_CHECK(info, XFRM_HA_A_GROUP_NAME))
		return -EINVAL;
	mutex_lock(&xn->mutex);
	g = xha_group_named(xn, nla_data(info->attrs[XFRM_HA_A_GROUP_NAME]), info->extack);
	err = g ? xha_netlink_reply(info, fill_group, g) : -ENOENT;
	mutex_unlock(&xn->mutex);
	return err;
}

int xfrm_ha_nl_group_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct xha_net *xn = xha_pernet(sock_net(skb->sk));
	struct xha_group *g;
	unsigned long id = cb->args[0];

	mutex_lock(&xn->mutex);
	for (; (g = xha_group_next(xn, &id)); id++) {
		if (xha_dump(skb, cb, fill_group, g))
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
	m->reqid = xha_get_u32(a[XFRM_HA_A_GROUP_REQID], 0);
	m->has_mark = a[XFRM_HA_A_GROUP_MARK];
	m->mark_v = xha_get_u32(a[XFRM_HA_A_GROUP_MARK], 0);
	m->mark_m = xha_get_u32(a[XFRM_HA_A_GROUP_MARK_MASK], U32_MAX);
	m->has_if_id = a[XFRM_HA_A_GROUP_IF_ID];
	m->if_id = xha_get_u32(a[XFRM_HA_A_GROUP_IF_ID], 0);
	return match_addresses(m, info);
}

static void group_config(struct xha_group_config *c, struct nlattr **a)
{
	c->interval = xha_get_u32(a[XFRM_HA_A_GROUP_INTERVAL], c->interval);
	c->quantity = xha_get_u32(a[XFRM_HA_A_GROUP_QUANTITY], c->quantity);
	c->max_age = xha_get_u32(a[XFRM_HA_A_GROUP_MAX_AGE], c->max_age);
	if (a[XFRM_HA_A_GROUP_BITMAP])
		c->bitmap = nla_get_u8(a[XFRM_HA_A_GROUP_BITMAP]);
	c->takeover = xha_get_u32(a[XFRM_HA_A_GROUP_ON_PEER_LOSS], c->takeover);
	c->lenient = xha_get_u32(a[XFRM_HA_A_GROUP_REPLAY], c->lenient);
	c->join = xha_get_u32(a[XFRM_HA_A_GROUP_JOIN], c->join);
	c->solo = xha_get_u32(a[XFRM_HA_A_GROUP_ALONE], c->solo);
	c->strict = xha_get_u32(a[XFRM_HA_A_GROUP_SYNC], c->strict);
	c->stripe = xha_get_u32(a[XFRM_HA_A_GROUP_STRIPE], c->stripe);
	c->index = xha_get_u32(a[XFRM_HA_A_GROUP_INDEX], c->index);
	c->nodes = xha_get_u32(a[XFRM_HA_A_GROUP_NODES], c->nodes);
	c->soft = xha_get_u32(a[XFRM_HA_A_GROUP_SOFT], c->soft);
	c->prepare = xha_get_u32(a[XFRM_HA_A_GROUP_PREPARE], c->prepare);
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
	m = kzalloc_obj(*m, GFP_KERNEL);
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
	struct xha_group_info i;
	struct xha_group *g;
	const char *name;
	int err;

	if (GENL_REQ_ATTR_CHECK(info, XFRM_HA_A_GROUP_NAME))
		return -EINVAL;
	name = nla_data(info->attrs[XFRM_HA_A_GROUP_NAME]);
	mutex_lock(&xn->mutex);
	g = xha_group_find(xn, name);
	if (g)
		xha_group_info(g, &i);
	else
		xha_group_config_default(&i.config);
	group_config(&i.config, info->attrs);
	err = xha_group_set(xn, name, &i.config, info->extack);
	mutex_unlock(&xn->mutex);
	return err;
}

/*
 * How it is meant: attributes of takeover and release, which both have room for. What is beyond the
 * last one that a command takes is not in its array.
 */
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
	unsigned int how = manner(info->attrs);

	if (info->attrs[XFRM_HA_A_GROUP_NOW])
		how |= XHA_NOW;
	return by_name(info, how, xha_group_release);
}

int xfrm_ha_nl_group_takeover_doit(struct sk_buff *skb, struct genl_info *info)
{
	return by_name(info, manner(info->attrs), xha_group_takeover);
}
