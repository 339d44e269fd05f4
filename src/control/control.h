/* SPDX-License-Identifier: GPL-2.0 */
/* Generic netlink, for main.c: nobody else calls it. */
#ifndef _XFRM_HA_CONTROL_H
#define _XFRM_HA_CONTROL_H

int xha_netlink_init(void);
void xha_netlink_exit(void);

#endif
