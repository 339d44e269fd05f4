/* SPDX-License-Identifier: GPL-2.0 */
#include_next <net/xfrm.h>

#ifndef _XHA_COMPAT_NET_XFRM_H
#define _XHA_COMPAT_NET_XFRM_H

#ifdef XHA_LACKS_XDO_DEV
/* Where they are called, a driver finds the device in the SA. */
#define xdo_dev_state_add(dev, x, extack)	xdo_dev_state_add(x, extack)
#define xdo_dev_state_delete(dev, x)		xdo_dev_state_delete(x)
#define xdo_dev_state_free(dev, x)		xdo_dev_state_free(x)

/*
 * Where functions of these names are defined: under the name what the kernel calls, which calls
 * that with the device.
 */
#define state_add(d, x_, e)							\
	state_add_of(d, x_, e);							\
	static int state_add(struct xfrm_state *x, struct netlink_ext_ack *extack) \
	{									\
		return state_add_of(xha_compat_dev(x), x, extack);		\
	}									\
	static int state_add_of(d, x_, e)

#define state_delete(d, x_)							\
	state_delete_of(d, x_);							\
	static void state_delete(struct xfrm_state *x)				\
	{									\
		state_delete_of(xha_compat_dev(x), x);				\
	}									\
	static void state_delete_of(d, x_)

#define state_free(d, x_)							\
	state_free_of(d, x_);							\
	static void state_free(struct xfrm_state *x)				\
	{									\
		state_free_of(xha_compat_dev(x), x);				\
	}									\
	static void state_free_of(d, x_)

static inline struct net_device *xha_compat_dev(const struct xfrm_state *x)
{
	return x->xso.real_dev ?: x->xso.dev;
}
#endif

#ifdef XHA_LACKS_SET_TYPE_OFFLOAD
/* Each SA that is made has it. */
static inline void xfrm_set_type_offload(struct xfrm_state *x, bool try_load)
{
}
#endif

#endif
