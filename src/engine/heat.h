/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which SAs are worth a hardware slot. Pure.
 *
 * Heat is what an SA's packets have added, less what time has taken off again. What is asked for
 * at tick n is the heat as of tick n: that of an SA without packets costs nothing until then.
 */
#ifndef _XFRM_HA_HEAT_H
#define _XFRM_HA_HEAT_H

#include "pure/pure.h"

#define XHA_HEAT_MAX		((u64)S64_MAX)
#define XHA_HEAT_AUTO		U32_MAX	/* of threshold and bonus: see xha_heat_threshold() */

#define XHA_HEAT_RISE_MAX	4096	/* heat per packet */
#define XHA_HEAT_PERIOD_MIN	10	/* ms */
#define XHA_HEAT_PERIOD_MAX	10000
#define XHA_HEAT_HORIZON_MAX	3600000	/* ms */
#define XHA_HEAT_SWAPS_MAX	4096	/* per tick */
#define XHA_HEAT_NOISE_MAX	16	/* standard deviations */
#define XHA_HEAT_NS_MAX		1000000000u	/* longest time that is measured */

/**
 * struct xha_heat - one SA's
 * @heat: as of @tick, 0 … XHA_HEAT_MAX
 * @packets: the SA's count of packets as of @tick
 * @tick: number of the tick that both were set at
 */
struct xha_heat {
	u64 heat;
	u64 packets;
	u64 tick;
};

/**
 * struct xha_heat_policy - all constants; any of them may change between two ticks
 * @initial: heat of an SA that is installed, any value
 * @rise: heat per packet, 1 … XHA_HEAT_RISE_MAX
 * @decay: percent of the heat that a tick takes off, 1 … 100
 * @bonus: heat for entering a slot; XHA_HEAT_AUTO: as much as the threshold
 * @threshold: heat by which a candidate must exceed a resident; XHA_HEAT_AUTO: from the cost
 * @period: of the ticks, ms, XHA_HEAT_PERIOD_MIN … XHA_HEAT_PERIOD_MAX
 * @swaps: slots that may change hands in a tick, 1 … XHA_HEAT_SWAPS_MAX
 * @horizon: how long a difference in heat is trusted to last, ms, 1 … XHA_HEAT_HORIZON_MAX
 * @noise: so many standard deviations of chance must a difference in heat exceed, too,
 *	   0 … XHA_HEAT_NOISE_MAX; see xha_heat_margin()
 * @swap_ns: what a swap costs, ns, at most XHA_HEAT_NS_MAX: see xha_heat_measured()
 * @saved_ns: what hardware saves per packet, ns, at most XHA_HEAT_NS_MAX; 0: nothing
 */
struct xha_heat_policy {
	u32 initial;
	u32 rise;
	u32 decay;
	u32 bonus;
	u32 threshold;
	u32 period;
	u32 swaps;
	u32 horizon;
	u32 noise;
	u32 swap_ns;
	u32 saved_ns;
};

#define XHA_HEAT_POLICY_DEFAULT {		\
	.initial = 32768,			\
	.rise = 256,				\
	.decay = 75,				\
	.bonus = XHA_HEAT_AUTO,			\
	.threshold = XHA_HEAT_AUTO,		\
	.period = 1000,				\
	.swaps = 256,				\
	.horizon = 60000,			\
	.noise = 4,				\
	.swap_ns = 1000000,			\
	.saved_ns = 1000,			\
}

/**
 * enum xha_heat_reason - why a candidate was given a slot, or was not
 * @XHA_HEAT_FREE: given, a slot was free
 * @XHA_HEAT_SWAP: given, it exceeds the coldest resident by more than the margin
 * @XHA_HEAT_COLDER: not given, it is not hotter than the coldest resident
 * @XHA_HEAT_BELOW: not given, it is, but not by more than the threshold
 * @XHA_HEAT_NOISE: not given, it is by more than the threshold, but that may be chance
 * @XHA_HEAT_NO_SLOT: not given, there is neither a free slot nor a resident to move out
 * @XHA_HEAT_LIMIT: whoever may be left, so many swaps as a tick may have are made
 * @XHA_HEAT_NOBODY: there is no (other) candidate
 */
enum xha_heat_reason {
	XHA_HEAT_FREE,
	XHA_HEAT_SWAP,
	XHA_HEAT_COLDER,
	XHA_HEAT_BELOW,
	XHA_HEAT_NOISE,
	XHA_HEAT_NO_SLOT,
	XHA_HEAT_LIMIT,
	XHA_HEAT_NOBODY,
};

/**
 * struct xha_heat_verdict - on a candidate against a resident
 * @reason: why
 * @gain: heat by which the candidate exceeds the resident; 0 if it does not
 * @margin: heat that @gain was held against: see xha_heat_margin()
 */
struct xha_heat_verdict {
	enum xha_heat_reason reason;
	u64 gain;
	u64 margin;
};

/**
 * struct xha_heat_entry - an SA in a plan
 * @heat: as of the tick of the plan
 * @who: the caller's pointer; the plan only hands it back
 */
struct xha_heat_entry {
	u64 heat;
	void *who;
};

/**
 * struct xha_heat_plan - the hottest candidates and the coldest residents of one tick
 * @hot: the caller's memory for @room entries
 * @cold: the same
 * @room: the most swaps of a tick, not 0
 * @free: slots that nobody holds
 * @hots: entries of @hot in use
 * @colds: entries of @cold in use
 * @fills: after xha_heat_plan_end(): so many of @hot, from the first, take free slots
 * @count: so many enter a slot; number i >= @fills takes that of number i - @fills of @cold
 * @stop: why not one more
 */
struct xha_heat_plan {
	struct xha_heat_entry *hot;
	struct xha_heat_entry *cold;
	u32 room;
	u32 free;
	u32 hots;
	u32 colds;
	u32 fills;
	u32 count;
	struct xha_heat_verdict stop;
};

bool xha_heat_policy_valid(const struct xha_heat_policy *p);
u64 xha_heat_threshold(const struct xha_heat_policy *p);
u64 xha_heat_margin(const struct xha_heat_policy *p, u64 candidate, u64 coldest);
u64 xha_heat_bonus(const struct xha_heat_policy *p);
void xha_heat_measured(struct xha_heat_policy *p, u64 ns);

void xha_heat_init(struct xha_heat *h, const struct xha_heat_policy *p, u64 packets, u64 tick);
void xha_heat_restore(struct xha_heat *h, u64 heat, u64 packets, u64 tick);
u64 xha_heat_at(const struct xha_heat *h, const struct xha_heat_policy *p, u64 tick);
u64 xha_heat_tick(struct xha_heat *h, const struct xha_heat_policy *p, u64 packets, u64 tick);
void xha_heat_enter(struct xha_heat *h, const struct xha_heat_policy *p, u64 tick);
u64 xha_heat_rate(const struct xha_heat_policy *p, u64 heat);

struct xha_heat_verdict xha_heat_swap(const struct xha_heat_policy *p, u64 candidate, u64 coldest);

void xha_heat_plan_begin(struct xha_heat_plan *plan, u32 free);
void xha_heat_plan_candidate(struct xha_heat_plan *plan, u64 heat, void *who);
void xha_heat_plan_resident(struct xha_heat_plan *plan, u64 heat, void *who);
u32 xha_heat_plan_end(struct xha_heat_plan *plan, const struct xha_heat_policy *p);

#endif
