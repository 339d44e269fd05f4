// SPDX-License-Identifier: GPL-2.0
/* Which SAs are worth a hardware slot. Pure. */

#include "engine/heat.h"

#define PERCENT		42949673u	/* 2^32 / 100 */
#define ADDED_MAX	BIT_ULL(50)	/* packets; times XHA_HEAT_RISE_MAX is below 2^63 */
#define NOISY_MAX	BIT_ULL(42)	/* heat; twice that times both maxima is, too */

static bool within(u64 v, u64 lo, u64 hi)
{
	return v >= lo && v <= hi;
}

/**
 * xha_heat_policy_valid() - is each constant within its range?
 * @p: constants
 *
 * All other functions rely on it.
 *
 * Return: true if it is.
 */
bool xha_heat_policy_valid(const struct xha_heat_policy *p)
{
	return within(p->rise, 1, XHA_HEAT_RISE_MAX) && within(p->decay, 1, 100) &&
	       within(p->period, XHA_HEAT_PERIOD_MIN, XHA_HEAT_PERIOD_MAX) &&
	       within(p->swaps, 1, XHA_HEAT_SWAPS_MAX) &&
	       within(p->horizon, 1, XHA_HEAT_HORIZON_MAX) && p->noise <= XHA_HEAT_NOISE_MAX &&
	       p->swap_ns <= XHA_HEAT_NS_MAX && p->saved_ns <= XHA_HEAT_NS_MAX;
}

/**
 * xha_heat_threshold() - the difference in heat from which on a swap pays
 * @p: constants
 *
 * An SA of r packets per tick tends to the heat r * rise / d, where d is the part that a tick
 * takes off. A difference D in heat is therefore D * d / rise packets per tick, and as many
 * more packets in hardware in each tick of the horizon. They save what the swap costs if
 *
 *	D * d / rise * (horizon / period) * saved_ns > swap_ns
 *
 * It is never below the heat of one packet.
 *
 * Return: heat; XHA_HEAT_MAX if hardware saves nothing.
 */
u64 xha_heat_threshold(const struct xha_heat_policy *p)
{
	u64 cost, worth;

	if (p->threshold != XHA_HEAT_AUTO)
		return p->threshold;
	if (!p->saved_ns)
		return XHA_HEAT_MAX;
	/* Below 2^62 and 2^59 by the ranges of the constants. */
	cost = (u64)p->swap_ns * p->period * 100 * p->rise;
	worth = (u64)p->saved_ns * p->horizon * p->decay;
	return max_t(u64, div64_u64(cost, worth), p->rise);
}

static u64 above(const struct xha_heat_policy *p, u64 threshold, u64 candidate, u64 coldest)
{
	u64 sum = min_t(u64, candidate, NOISY_MAX) + min_t(u64, coldest, NOISY_MAX);
	u64 squared = div_u64(sum * p->rise * p->noise * p->noise, 200 - p->decay) * 100;

	return max_t(u64, threshold, int_sqrt64(squared));
}

/**
 * xha_heat_margin() - by how much a candidate must exceed the resident whose slot it gets
 * @p: constants
 * @candidate: heat
 * @coldest: heat of the resident
 *
 * By the threshold, and by more than chance explains. Packets that come independently of each
 * other, r in a tick on average, make a heat h with the mean r * rise / d and the variance
 * r * rise^2 / (1 - (1 - d)^2), which is h * rise / (2 - d). The variance of a difference of
 * two is the sum of theirs.
 *
 * Without it two SAs of the same rate would change places whenever chance makes more between
 * them than the threshold.
 *
 * Return: heat.
 */
u64 xha_heat_margin(const struct xha_heat_policy *p, u64 candidate, u64 coldest)
{
	return above(p, xha_heat_threshold(p), candidate, coldest);
}

/**
 * xha_heat_bonus() - heat for entering a slot
 * @p: constants
 *
 * By default it is the threshold, so that whoever drives out an SA that has just come exceeds
 * it by two thresholds, which is what the swap and its undoing cost.
 *
 * Return: heat, at most U32_MAX.
 */
u64 xha_heat_bonus(const struct xha_heat_policy *p)
{
	if (p->bonus != XHA_HEAT_AUTO)
		return p->bonus;
	return min_t(u64, xha_heat_threshold(p), U32_MAX);
}

/**
 * xha_heat_measured() - a swap was measured
 * @p: constants; @p->swap_ns moves by an eighth of the difference
 * @ns: time that it took, ns
 */
void xha_heat_measured(struct xha_heat_policy *p, u64 ns)
{
	u32 took = min_t(u64, ns, XHA_HEAT_NS_MAX);

	if (took > p->swap_ns)
		p->swap_ns += (took - p->swap_ns + 7) / 8;
	else
		p->swap_ns -= (p->swap_ns - took + 7) / 8;
}

/**
 * xha_heat_init() - an SA is installed
 * @h: set
 * @p: constants
 * @packets: its count of packets, from which further ones are counted
 * @tick: as of now
 */
void xha_heat_init(struct xha_heat *h, const struct xha_heat_policy *p, u64 packets, u64 tick)
{
	xha_heat_restore(h, p->initial, packets, tick);
}

/**
 * xha_heat_restore() - an SA has a heat that is known
 * @h: set
 * @heat: any value
 * @packets: its count of packets, from which further ones are counted
 * @tick: as of now
 */
void xha_heat_restore(struct xha_heat *h, u64 heat, u64 packets, u64 tick)
{
	h->heat = min_t(u64, heat, XHA_HEAT_MAX);
	h->packets = packets;
	h->tick = tick;
}

/* What is left after @ticks out of 2^32; @ticks is not 0. */
static u32 left_after(u32 percent, u64 ticks)
{
	u32 square = (100 - percent) * PERCENT, left = U32_MAX;

	for (; ticks && left; ticks >>= 1) {
		if (ticks & 1)
			left = left == U32_MAX ? square : (u64)left * square >> 32;
		square = (u64)square * square >> 32;
	}
	return left;
}

/**
 * xha_heat_at() - heat as of a tick
 * @h: of the SA
 * @p: constants
 * @tick: now; a tick before @h->tick takes nothing off
 *
 * The order of two SAs without packets never changes, but for rounding.
 *
 * Return: heat, 0 … XHA_HEAT_MAX.
 */
u64 xha_heat_at(const struct xha_heat *h, const struct xha_heat_policy *p, u64 tick)
{
	if (tick <= h->tick || !h->heat)
		return h->heat;
	return mul_u64_u32_shr(h->heat, left_after(p->decay, tick - h->tick), 32);
}

static void add(struct xha_heat *h, const struct xha_heat_policy *p, u64 heat, u64 tick)
{
	h->heat = min_t(u64, xha_heat_at(h, p, tick) + heat, XHA_HEAT_MAX);
	h->tick = max_t(u64, h->tick, tick);
}

/**
 * xha_heat_tick() - count the packets since the last call
 * @h: of the SA
 * @p: constants
 * @packets: its count of packets; if it has gone back, it is only noted
 * @tick: now
 *
 * Needed in no tick in which the SA had no packet, and without effect then. Who had none in the
 * tick before has begun in the midst of this one, on average in the middle: its packets count
 * twice, as many as it would have had in the whole.
 *
 * Return: heat, 0 … XHA_HEAT_MAX.
 */
u64 xha_heat_tick(struct xha_heat *h, const struct xha_heat_policy *p, u64 packets, u64 tick)
{
	u64 added = packets - h->packets;
	bool back = packets < h->packets;

	if (!added)
		return xha_heat_at(h, p, tick);
	h->packets = packets;
	if (back)
		return xha_heat_at(h, p, tick);
	added = min_t(u64, added, ADDED_MAX / 2);
	if (tick > h->tick && tick - h->tick > 1)
		added *= 2;
	add(h, p, added * p->rise, tick);
	return h->heat;
}

/**
 * xha_heat_enter() - the SA has entered a slot
 * @h: of the SA
 * @p: constants
 * @tick: now
 */
void xha_heat_enter(struct xha_heat *h, const struct xha_heat_policy *p, u64 tick)
{
	add(h, p, xha_heat_bonus(p), tick);
}

/**
 * xha_heat_rate() - the rate that a heat stands for
 * @p: constants
 * @heat: 0 … XHA_HEAT_MAX
 *
 * Return: packets per second of an SA that keeps this heat, rounded down; U64_MAX if more.
 */
u64 xha_heat_rate(const struct xha_heat_policy *p, u64 heat)
{
	u32 unit = p->rise * p->period;	/* below 2^26 */
	u32 rest;
	u64 whole = div_u64_rem(heat, unit, &rest);

	/* Per tick heat * decay / 100 / rise, of which there are 1000 / period in a second. */
	if (whole >= div_u64(U64_MAX, p->decay * 10))
		return U64_MAX;
	return whole * p->decay * 10 + div_u64((u64)rest * p->decay * 10, unit);
}

static struct xha_heat_verdict verdict(const struct xha_heat_policy *p, u64 threshold,
				       u64 candidate, u64 coldest)
{
	struct xha_heat_verdict v = { XHA_HEAT_COLDER, 0, threshold };

	if (candidate <= coldest)
		return v;
	v.gain = candidate - coldest;
	v.margin = above(p, threshold, candidate, coldest);
	if (v.gain > v.margin)
		v.reason = XHA_HEAT_SWAP;
	else
		v.reason = v.gain > threshold ? XHA_HEAT_NOISE : XHA_HEAT_BELOW;
	return v;
}

/**
 * xha_heat_swap() - should a candidate get the slot of a resident?
 * @p: constants
 * @candidate: heat
 * @coldest: heat of the coldest resident, as of the same tick
 *
 * Return: verdict with reason XHA_HEAT_SWAP, _NOISE, _BELOW or _COLDER.
 */
struct xha_heat_verdict xha_heat_swap(const struct xha_heat_policy *p, u64 candidate, u64 coldest)
{
	return verdict(p, xha_heat_threshold(p), candidate, coldest);
}

/* --- the plan: two heaps of bounded size --- */

/*
 * The root is the entry to be replaced first: of candidates the least hot one, of residents the
 * least cold one.
 */
static bool before(const struct xha_heat_entry *a, const struct xha_heat_entry *b, bool hot)
{
	return hot ? a->heat < b->heat : a->heat > b->heat;
}

static void sift(struct xha_heat_entry *e, u32 i, u32 n, bool hot)
{
	u32 child;

	for (; (child = 2 * i + 1) < n; i = child) {
		if (child + 1 < n && before(&e[child + 1], &e[child], hot))
			child++;
		if (!before(&e[child], &e[i], hot))
			return;
		swap(e[i], e[child]);
	}
}

static void offer(struct xha_heat_entry *e, u32 *n, u32 room, u64 heat, void *who, bool hot)
{
	struct xha_heat_entry new = { heat, who };
	u32 i;

	if (*n == room) {
		if (before(&e[0], &new, hot)) {
			e[0] = new;
			sift(e, 0, room, hot);
		}
		return;
	}
	for (i = (*n)++; i && before(&new, &e[(i - 1) / 2], hot); i = (i - 1) / 2)
		e[i] = e[(i - 1) / 2];
	e[i] = new;
}

/* Takes the roots off, the last place first: what would be replaced last comes first. */
static void order(struct xha_heat_entry *e, u32 n, bool hot)
{
	while (n-- > 1) {
		swap(e[0], e[n]);
		sift(e, 0, n, hot);
	}
}

/**
 * xha_heat_plan_begin() - begin a plan
 * @plan: @plan->hot, @plan->cold and @plan->room are the caller's, and set
 * @free: slots that nobody holds
 */
void xha_heat_plan_begin(struct xha_heat_plan *plan, u32 free)
{
	plan->free = free;
	plan->hots = 0;
	plan->colds = 0;
	plan->fills = 0;
	plan->count = 0;
}

/**
 * xha_heat_plan_candidate() - an SA without a slot
 * @plan: begun
 * @heat: as of the tick of the plan
 * @who: the caller's
 *
 * It is enough to name those that had packets or were installed since the last tick. Without
 * packets a candidate's heat falls by the same part as that of any resident, or by more: what
 * did not exceed the coldest by the margin then does not now. One that was refused for
 * XHA_HEAT_LIMIT, or for want of the slot that is free now, is named with its next packet.
 */
void xha_heat_plan_candidate(struct xha_heat_plan *plan, u64 heat, void *who)
{
	offer(plan->hot, &plan->hots, plan->room, heat, who, true);
}

/**
 * xha_heat_plan_resident() - an SA with a slot that it may lose
 * @plan: begun
 * @heat: as of the tick of the plan
 * @who: the caller's
 */
void xha_heat_plan_resident(struct xha_heat_plan *plan, u64 heat, void *who)
{
	offer(plan->cold, &plan->colds, plan->room, heat, who, false);
}

/* On the next one to enter a slot, after @n have. */
static struct xha_heat_verdict next(const struct xha_heat_plan *plan,
				    const struct xha_heat_policy *p, u64 threshold, u32 n)
{
	struct xha_heat_verdict v = { XHA_HEAT_NO_SLOT, 0, threshold };

	if (n == min_t(u32, p->swaps, plan->room))
		v.reason = XHA_HEAT_LIMIT;
	else if (n == plan->hots)
		v.reason = XHA_HEAT_NOBODY;
	else if (n < plan->free)
		v.reason = XHA_HEAT_FREE;
	else if (n - plan->free < plan->colds)
		v = verdict(p, threshold, plan->hot[n].heat,
			    plan->cold[n - plan->free].heat);
	return v;
}

/**
 * xha_heat_plan_end() - decide
 * @plan: with all candidates and residents; @plan->hot becomes sorted, hottest first, and
 *	  @plan->cold, coldest first
 * @p: constants
 *
 * The hottest candidates take the free slots. They need not exceed anything: a slot gets free
 * when an SA is deleted, not by a swap, so nothing goes to and fro. Then the i-th hottest is
 * held against the i-th coldest. What a swap gains falls with i, and a gain is above its margin
 * still when the candidate is hotter or the resident colder: the first that is not ends the
 * plan, none after it would be.
 *
 * Return: @plan->count, at most @p->swaps and @plan->room.
 */
u32 xha_heat_plan_end(struct xha_heat_plan *plan, const struct xha_heat_policy *p)
{
	u64 threshold = xha_heat_threshold(p);
	u32 n = 0;

	order(plan->hot, plan->hots, true);
	order(plan->cold, plan->colds, false);
	for (;; n++) {
		plan->stop = next(plan, p, threshold, n);
		if (plan->stop.reason > XHA_HEAT_SWAP)
			break;
	}
	plan->count = n;
	plan->fills = min_t(u32, n, plan->free);
	return n;
}
