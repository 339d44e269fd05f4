// SPDX-License-Identifier: GPL-2.0
/*
 * Engine devices as rtnetlink has them.
 *
 * IFLA_INFO_DATA holds the attributes of the generic netlink family's engine, IFLA_INFO_SLAVE_DATA
 * those of its nic, but for the names of the devices. All of it is called under RTNL.
 */

#include <linux/etherdevice.h>
#include <net/rtnetlink.h>

#include "control/netlink-gen.h"
#include "engine/internal.h"

static int validate(struct nlattr *tb[], struct nlattr *data[], struct netlink_ext_ack *extack)
{
	if (tb[IFLA_ADDRESS] && (nla_len(tb[IFLA_ADDRESS]) != ETH_ALEN ||
				 !is_valid_ether_addr(nla_data(tb[IFLA_ADDRESS])))) {
		NL_SET_ERR_MSG_ATTR(extack, tb[IFLA_ADDRESS], "Invalid Ethernet address");
		return -EADDRNOTAVAIL;
	}
	if (data && data[XFRM_HA_A_ENGINE_DEV]) {
		NL_SET_ERR_MSG_ATTR(extack, data[XFRM_HA_A_ENGINE_DEV],
				    "The link is the engine device");
		return -EINVAL;
	}
	return 0;
}

static int newlink(struct net_device *dev, struct rtnl_newlink_params *params,
		   struct netlink_ext_ack *extack)
{
	int err;

	if (!params->tb[IFLA_ADDRESS])
		eth_hw_addr_random(dev);
	netif_carrier_off(dev);
	err = register_netdevice(dev);
	if (err || !params->data)
		return err;
	err = xha_control_set_engine(netdev_priv(dev), params->data, extack);
	if (err)
		unregister_netdevice(dev);
	return err;
}

static int changelink(struct net_device *dev, struct nlattr *tb[], struct nlattr *data[],
		      struct netlink_ext_ack *extack)
{
	return data ? xha_control_set_engine(netdev_priv(dev), data, extack) : 0;
}

static size_t info_size(const struct net_device *dev)
{
	return xha_control_engine_size();
}

static int fill_info(struct sk_buff *skb, const struct net_device *dev)
{
	return xha_control_fill_engine(skb, netdev_priv(dev));
}

static int slave_changelink(struct net_device *master, struct net_device *dev, struct nlattr *tb[],
			    struct nlattr *data[], struct netlink_ext_ack *extack)
{
	if (!data)
		return 0;
	if (data[XFRM_HA_A_NIC_ENGINE] || data[XFRM_HA_A_NIC_DEV]) {
		NL_SET_ERR_MSG(extack, "The link is the NIC");
		return -EINVAL;
	}
	xha_control_set_nic(xha_nic_of(dev), data);
	return 0;
}

static size_t slave_info_size(const struct net_device *master, const struct net_device *dev)
{
	return xha_control_nic_size();
}

/* The notifications of NETDEV_CHANGEUPPER come when it is a NIC, or is not any more. */
static int fill_slave_info(struct sk_buff *skb, const struct net_device *master,
			   const struct net_device *dev)
{
	const struct xha_nic *nic = xha_nic_of(dev);

	return nic ? xha_control_fill_nic(skb, nic) : 0;
}

struct rtnl_link_ops xha_engine_link_ops = {
	.kind		= XHA_ENGINE_KIND,
	.priv_size	= sizeof(struct xha_engine),
	.setup		= xha_engine_setup,
	.validate	= validate,
	.newlink	= newlink,
	.changelink	= changelink,
	.get_size	= info_size,
	.fill_info	= fill_info,
	.slave_changelink	= slave_changelink,
	.get_slave_size	= slave_info_size,
	.fill_slave_info	= fill_slave_info,
};

/* What generic netlink refuses is refused here. */
static void copy_policies(void)
{
	const struct genl_split_ops *op;

	for (op = xfrm_ha_nl_ops; op < xfrm_ha_nl_ops + ARRAY_SIZE(xfrm_ha_nl_ops); op++) {
		if (op->cmd == XFRM_HA_CMD_ENGINE_SET) {
			xha_engine_link_ops.policy = op->policy;
			xha_engine_link_ops.maxtype = op->maxattr;
		} else if (op->cmd == XFRM_HA_CMD_NIC_SET) {
			xha_engine_link_ops.slave_policy = op->policy;
			xha_engine_link_ops.slave_maxtype = op->maxattr;
		}
	}
}

int xha_engine_rtnl_init(void)
{
	copy_policies();
	return rtnl_link_register(&xha_engine_link_ops);
}

MODULE_ALIAS_RTNL_LINK(XHA_ENGINE_KIND);
