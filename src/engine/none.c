// SPDX-License-Identifier: GPL-2.0
/* In place of all else here, where the kernel has no ESP offload (CONFIG_XFRM_OFFLOAD). */

#include <net/genetlink.h>

#include "control/netlink-gen.h"
#include "engine/engine.h"
#include "ha/ha.h"

int xha_engine_init(void)
{
	return 0;
}

void xha_engine_exit(void)
{
}

void xha_engine_net_fini(struct xha_net *xn)
{
}

const struct net_device *xha_engine_nic(const struct xfrm_state *x)
{
	return NULL;
}

void xha_engine_on_event(void (*func)(struct net_device *dev, u32 event, const char *nic,
				      __be32 spi))
{
}

static int refuse(struct netlink_ext_ack *extack)
{
	NL_SET_ERR_MSG(extack, "This kernel has no ESP offload");
	return -EOPNOTSUPP;
}

int xfrm_ha_nl_engine_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return refuse(cb->extack);
}

int xfrm_ha_nl_engine_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	return refuse(info->extack);
}

int xfrm_ha_nl_nic_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return refuse(cb->extack);
}

int xfrm_ha_nl_nic_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	return refuse(info->extack);
}

int xfrm_ha_nl_cache_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return refuse(cb->extack);
}

int xfrm_ha_nl_cache_pin_doit(struct sk_buff *skb, struct genl_info *info)
{
	return refuse(info->extack);
}
