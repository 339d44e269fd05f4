/* SPDX-License-Identifier: GPL-2.0 */
#include_next <net/rtnetlink.h>

#ifndef _XHA_COMPAT_NET_RTNETLINK_H
#define _XHA_COMPAT_NET_RTNETLINK_H

#ifdef XHA_LACKS_NEWLINK_PARAMS
struct rtnl_newlink_params {
	struct net *src_net;
	struct nlattr **tb;
	struct nlattr **data;
};

static inline struct net *rtnl_newlink_link_net(struct rtnl_newlink_params *p)
{
	return p->src_net;
}

/* Where a function of this name is defined: under it what the kernel calls, which calls that. */
#define newlink(d, p, e)							\
	newlink_by_params(d, p, e);						\
	static int newlink(struct net *net, struct net_device *dev,		\
			   struct nlattr *tb[], struct nlattr *data[],		\
			   struct netlink_ext_ack *extack)			\
	{									\
		struct rtnl_newlink_params params = {				\
			.src_net = net, .tb = tb, .data = data,			\
		};								\
										\
		return newlink_by_params(dev, &params, extack);			\
	}									\
	static int newlink_by_params(d, p, e)
#endif

#endif
