// SPDX-License-Identifier: GPL-2.0
/* Netlink operations on links. */

#include <linux/etherdevice.h>
#include <linux/rtnetlink.h>

#include "control/netlink.h"

/* XHA_LINK_* and XHA_LOSS_* travel as they are. */
static_assert((int)XHA_LINK_UP == (int)XFRM_HA_LINK_STATE_UP);
static_assert((int)XHA_LOSS_SETTINGS == (int)XFRM_HA_LINK_LOSS_SETTINGS);

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
	    nla_put_u32(skb, XFRM_HA_A_LINK_ORPHANS, xha_peer_orphans(obj)))
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
	err = link ? xha_netlink_reply(info, fill_link, link) : -ENODEV;
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
		if (xha_dump(skb, cb, fill_link, link))
			break;
		cb->args[0] = n;
	}
	mutex_unlock(&xn->mutex);
	return skb->len;
}

static void link_config(struct xha_link_config *c, struct nlattr **a)
{
	if (a[XFRM_HA_A_LINK_PEER])
		ether_addr_copy(c->peer, nla_data(a[XFRM_HA_A_LINK_PEER]));
	if (a[XFRM_HA_A_LINK_KEY])
		memcpy(c->key, nla_data(a[XFRM_HA_A_LINK_KEY]), sizeof(c->key));
	c->heartbeat = xha_get_u32(a[XFRM_HA_A_LINK_HEARTBEAT], c->heartbeat);
	c->dead = xha_get_u32(a[XFRM_HA_A_LINK_DEAD], c->dead);
	c->batch = xha_get_u32(a[XFRM_HA_A_LINK_BATCH], c->batch);
	c->carrier_at_once = xha_get_u32(a[XFRM_HA_A_LINK_CARRIER_LOSS], c->carrier_at_once);
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
	c.ethertype = xha_get_u32(a[XFRM_HA_A_LINK_ETHERTYPE], c.ethertype);

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
