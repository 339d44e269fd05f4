/* SPDX-License-Identifier: GPL-2.0 */
/* Devices that share SAs among NICs with ESP offload, for the other wings. */
#ifndef _XFRM_HA_ENGINE_H
#define _XFRM_HA_ENGINE_H

#include <linux/types.h>

struct net_device;
struct xfrm_state;
struct xha_net;

int xha_engine_init(void);
void xha_engine_exit(void);
void xha_engine_net_fini(struct xha_net *xn);
/* The NIC in whose slot an SA is, or NULL; RCU */
const struct net_device *xha_engine_nic(const struct xfrm_state *x);
/* Who is to be told: enum xfrm_ha_event, @nic: or NULL, @spi: or 0; any context. NULL: nobody */
void xha_engine_on_event(void (*func)(struct net_device *dev, u32 event, const char *nic,
				      __be32 spi));

#endif
