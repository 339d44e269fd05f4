// SPDX-License-Identifier: GPL-2.0
/* Counters of a netns: per CPU, summed when they are read. */

#include "control/netlink.h"

static const char *const names[__XHA_STAT_MAX] = {
#define XHA_STAT(id, name, text) name,
#include "control/stats_list.h"
#undef XHA_STAT
};

static const char *const texts[__XHA_STAT_MAX] = {
#define XHA_STAT(id, name, text) text,
#include "control/stats_list.h"
#undef XHA_STAT
};

const char *xha_stat_name(enum xha_stat s)
{
	return names[s];
}

const char *xha_stat_text(enum xha_stat s)
{
	return texts[s];
}

u64 xha_stat_sum(struct xha_net *xn, enum xha_stat s)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(xn->stats, cpu)->v[s]);
	return sum;
}
