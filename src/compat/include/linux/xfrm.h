/* SPDX-License-Identifier: GPL-2.0 */
#include_next <linux/xfrm.h>

#ifndef _XHA_COMPAT_LINUX_XFRM_H
#define _XHA_COMPAT_LINUX_XFRM_H

/* Above XFRM_MSG_MAX: nobody sends it. */
#ifndef XFRM_MSG_MIGRATE_STATE
#define XFRM_MSG_MIGRATE_STATE (XFRM_MSG_MAX + 1)

struct xfrm_user_migrate_state {
	struct xfrm_usersa_id id;
	xfrm_address_t new_daddr;
	xfrm_address_t new_saddr;
	struct xfrm_mark old_mark;
	struct xfrm_selector new_sel;
	__u32 new_reqid;
	__u32 flags;
	__u16 new_family;
	__u16 reserved;
};
#endif

#endif
