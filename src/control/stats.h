/* SPDX-License-Identifier: GPL-2.0 */
/* Counters of a netns. Who counts needs no more than this; stats.c reads and names them. */
#ifndef _XFRM_HA_STATS_H
#define _XFRM_HA_STATS_H

#include <linux/percpu.h>
#include <linux/types.h>

/* Every counter of a netns, with its name on netlink: stats.c. */
enum xha_stat {
#define XHA_STAT(id, name, text) XHA_STAT_##id,
#include "control/stats_list.h"
#undef XHA_STAT
	__XHA_STAT_MAX
};

struct xha_stats {
	u64 v[__XHA_STAT_MAX];
};

#endif
