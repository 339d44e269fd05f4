/* SPDX-License-Identifier: GPL-2.0 */
/* What the handlers of netlink operations share. */
#ifndef _XFRM_HA_NETLINK_H
#define _XFRM_HA_NETLINK_H

#include <net/genetlink.h>

#include "control/dump.h"
#include "control/netlink-gen.h"
#include "ha/ha.h"

extern struct genl_family xha_family;

/* Send one object as the answer to a do: @fill is what dumps use. */
int xha_netlink_reply(struct genl_info *info, int (*fill)(struct sk_buff *skb, void *obj),
		      void *obj);

static inline u32 xha_get_u32(const struct nlattr *a, u32 otherwise)
{
	return a ? nla_get_u32(a) : otherwise;
}

/* stats.c */
const char *xha_stat_name(enum xha_stat s);
const char *xha_stat_text(enum xha_stat s);
u64 xha_stat_sum(struct xha_net *xn, enum xha_stat s);

/* events.c */
void xha_events_init(void);
void xha_events_exit(void);

#endif
