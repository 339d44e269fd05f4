/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/xfrm_ha.yaml */
/* YNL-GEN kernel header */

#ifndef _LINUX_XFRM_HA_GEN_H
#define _LINUX_XFRM_HA_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <uapi/linux/xfrm_ha.h>

/* Ops table for xfrm_ha */
extern const struct genl_split_ops xfrm_ha_nl_ops[22];

int xfrm_ha_nl_node_get_doit(struct sk_buff *skb, struct genl_info *info);
int xfrm_ha_nl_node_set_doit(struct sk_buff *skb, struct genl_info *info);
int xfrm_ha_nl_link_get_doit(struct sk_buff *skb, struct genl_info *info);
int xfrm_ha_nl_link_get_dumpit(struct sk_buff *skb,
			       struct netlink_callback *cb);
int xfrm_ha_nl_link_new_doit(struct sk_buff *skb, struct genl_info *info);
int xfrm_ha_nl_link_set_doit(struct sk_buff *skb, struct genl_info *info);
int xfrm_ha_nl_link_del_doit(struct sk_buff *skb, struct genl_info *info);
int xfrm_ha_nl_group_get_doit(struct sk_buff *skb, struct genl_info *info);
int xfrm_ha_nl_group_get_dumpit(struct sk_buff *skb,
				struct netlink_callback *cb);
int xfrm_ha_nl_group_new_doit(struct sk_buff *skb, struct genl_info *info);
int xfrm_ha_nl_group_set_doit(struct sk_buff *skb, struct genl_info *info);
int xfrm_ha_nl_group_del_doit(struct sk_buff *skb, struct genl_info *info);
int xfrm_ha_nl_group_takeover_doit(struct sk_buff *skb, struct genl_info *info);
int xfrm_ha_nl_group_release_doit(struct sk_buff *skb, struct genl_info *info);
int xfrm_ha_nl_sa_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int xfrm_ha_nl_stat_get_dumpit(struct sk_buff *skb,
			       struct netlink_callback *cb);
int xfrm_ha_nl_engine_get_dumpit(struct sk_buff *skb,
				 struct netlink_callback *cb);
int xfrm_ha_nl_engine_set_doit(struct sk_buff *skb, struct genl_info *info);
int xfrm_ha_nl_nic_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int xfrm_ha_nl_nic_set_doit(struct sk_buff *skb, struct genl_info *info);
int xfrm_ha_nl_cache_get_dumpit(struct sk_buff *skb,
				struct netlink_callback *cb);
int xfrm_ha_nl_cache_pin_doit(struct sk_buff *skb, struct genl_info *info);

enum {
	XFRM_HA_NLGRP_EVENTS,
};

#endif /* _LINUX_XFRM_HA_GEN_H */
