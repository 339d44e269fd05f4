// SPDX-License-Identifier: GPL-2.0
/*
 * Heat against a naive reference: SAs whose heat is worked out anew in each tick, without
 * laziness; plans against the sorted lists of all; thresholds against what they are derived
 * from. Settings are any within their ranges.
 */

#include <math.h>

#include "property.h"
#include "engine/heat.h"

#define ROOM	8
#define SAS	24

static struct xha_heat_policy p;

static void settings(void)
{
	p = (struct xha_heat_policy){
		.initial = any_size(32),
		.rise = 1 + below(XHA_HEAT_RISE_MAX),
		.decay = 1 + below(100),
		.bonus = one_in(2) ? XHA_HEAT_AUTO : any_size(32),
		.threshold = one_in(2) ? XHA_HEAT_AUTO : any_size(32),
		.period = XHA_HEAT_PERIOD_MAX - below(XHA_HEAT_PERIOD_MAX - 9),
		.swaps = 1 + below(2 * ROOM),
		.horizon = 1 + below(XHA_HEAT_HORIZON_MAX),
		.noise = one_in(2) ? 0 : below(XHA_HEAT_NOISE_MAX + 1),
		.swap_ns = min_t(u64, any_size(30), XHA_HEAT_NS_MAX),
		.saved_ns = one_in(8) ? 0 : min_t(u64, any_size(30), XHA_HEAT_NS_MAX),
	};
	expect(xha_heat_policy_valid(&p), "valid settings are not");
}

static long double threshold(void)
{
	long double ticks = (long double)p.horizon / p.period, per_tick;

	if (p.threshold != XHA_HEAT_AUTO)
		return p.threshold;
	if (!p.saved_ns)
		return XHA_HEAT_MAX;
	/* packets that pay for a swap, in each tick of the horizon; then the heat they make */
	per_tick = (long double)p.swap_ns / p.saved_ns / ticks;
	return fmaxl(per_tick * p.rise / (p.decay / 100.0L), p.rise);
}

static bool near(long double got, long double wanted, long double slack)
{
	return fabsl(got - wanted) <= slack + wanted / 1e7L;
}

static void thresholds(void)
{
	long double wanted = threshold(), pays;
	u64 got = xha_heat_threshold(&p), heat = any_size(63);

	expect(near(got, wanted, 1), "the threshold is %llu, not %.1Lf", got, wanted);
	got = xha_heat_bonus(&p);
	if (p.bonus == XHA_HEAT_AUTO)
		expect(near(got, fminl(wanted, U32_MAX), 1), "the bonus is %llu, not %.1Lf", got,
		       wanted);
	else
		expect(got == p.bonus, "the bonus is %llu, not %u", got, p.bonus);
	pays = (long double)heat * p.decay / 100 / p.rise * 1000 / p.period;
	got = xha_heat_rate(&p, heat);
	expect(near(got, fminl(pays, U64_MAX), 1), "the rate of %llu is %llu, not %.1Lf", heat, got,
	       pays);
}

static void took(void)
{
	struct xha_heat_policy q = p;
	u64 ns = edgy();

	xha_heat_measured(&q, ns);
	ns = min_t(u64, ns, XHA_HEAT_NS_MAX);
	expect(near(q.swap_ns, p.swap_ns + ((long double)ns - p.swap_ns) / 8, 1),
	       "%u ns and %llu ns are %u ns", p.swap_ns, ns, q.swap_ns);
	expect(ns == p.swap_ns || q.swap_ns != p.swap_ns, "%u ns never becomes %llu ns", p.swap_ns,
	       ns);
}

/* --- one SA's life --- */

static void life(void)
{
	long double heat = p.initial, peak = heat, slack = 0;
	u64 tick = one_in(8) ? edgy() >> 1 : 0, packets = edgy() >> 1, moved, last = tick;
	u32 steps = 1 + below(12), i;
	struct xha_heat h, other;

	xha_heat_init(&h, &p, packets, tick);
	expect(xha_heat_at(&h, &p, tick) == p.initial, "the initial heat is %llu, not %u",
	       xha_heat_at(&h, &p, tick), p.initial);
	for (i = 0; i < steps; i++) {
		if (one_in(8)) {
			xha_heat_enter(&h, &p, tick);
			heat = fminl(heat + xha_heat_bonus(&p), XHA_HEAT_MAX);
			last = tick;
			peak = fmaxl(peak, heat);
			expect(near(h.heat, heat, slack + 1), "with the bonus %llu, not %.1Lf",
			       h.heat, heat);
		}
		tick++;
		heat *= 1 - p.decay / 100.0L;
		moved = one_in(3) ? 0 : any_size(one_in(16) ? 49 : 20);
		packets += moved;
		if (moved || one_in(4))
			xha_heat_tick(&h, &p, packets, tick);
		if (moved) {
			/* An SA without packets in the tick before has begun in this one. */
			heat += (long double)moved * p.rise * (tick - last > 1 ? 2 : 1);
			heat = fminl(heat, XHA_HEAT_MAX);
			last = tick;
		}
		/* What is left is rounded to 32 bits, of what there was. */
		peak = fmaxl(peak, heat);
		slack += 2 + peak / (1ULL << 30);
		expect(near(xha_heat_at(&h, &p, tick), heat, slack),
		       "after %u ticks the heat is %llu, not %.1Lf", i + 1,
		       xha_heat_at(&h, &p, tick), heat);
	}
	/* Its order to another one without packets stays. */
	other = h;
	other.heat -= min_t(u64, other.heat, any_size(63));
	tick += any_size(20);
	expect(xha_heat_at(&other, &p, tick) <= xha_heat_at(&h, &p, tick),
	       "who is colder gets hotter by waiting");
	h.packets = edgy();
	h.tick = edgy();
	xha_heat_restore(&h, edgy(), h.packets, h.tick);
	expect(h.heat <= XHA_HEAT_MAX, "a heat of %llu is restored", h.heat);
	expect(xha_heat_tick(&h, &p, edgy(), edgy()) <= XHA_HEAT_MAX, "heat has no bound");
}

/* --- a plan --- */

static struct xha_heat_entry out[SAS], in[SAS];

static u32 fill(struct xha_heat_entry *e)
{
	u32 n = below(SAS + 1), i, bits = one_in(4) ? 3 : one_in(4) ? 63 : 24;

	for (i = 0; i < n; i++)
		e[i] = (struct xha_heat_entry){ any_size(bits), &e[i] };
	return n;
}

static void ordered(struct xha_heat_entry *e, u32 n, bool hot)
{
	u32 i, j;

	for (i = 0; i < n; i++)
		for (j = i + 1; j < n; j++)
			if (hot ? e[j].heat > e[i].heat : e[j].heat < e[i].heat)
				swap(e[i], e[j]);
}

/* Must number @n enter? All lists are sorted. */
static enum xha_heat_reason wanted(u32 n, u32 outs, u32 ins, u32 free, long double *margin)
{
	long double c, r, sum;

	if (n == p.swaps || n == ROOM)
		return XHA_HEAT_LIMIT;
	if (n >= outs)
		return XHA_HEAT_NOBODY;
	if (n < free)
		return XHA_HEAT_FREE;
	if (n - free >= ins)
		return XHA_HEAT_NO_SLOT;
	c = out[n].heat;
	r = in[n - free].heat;
	/* the variance of heat in one direction and the other; no more above 2^42 */
	sum = fminl(c, 1ULL << 42) + fminl(r, 1ULL << 42);
	*margin = p.noise * sqrtl(sum * p.rise / (2 - p.decay / 100.0L));
	if (c <= r)
		return XHA_HEAT_COLDER;
	if (c - r <= xha_heat_threshold(&p))
		return XHA_HEAT_BELOW;
	return c - r <= *margin ? XHA_HEAT_NOISE : XHA_HEAT_SWAP;
}

static void plans(void)
{
	long double margin = 0;
	struct xha_heat_entry hot[ROOM], cold[ROOM];
	struct xha_heat_plan plan = { .hot = hot, .cold = cold, .room = ROOM };
	u32 outs = fill(out), ins = fill(in), free = one_in(2) ? 0 : below(SAS), i, got;
	struct xha_heat_verdict v;
	enum xha_heat_reason r;

	xha_heat_plan_begin(&plan, free);
	for (i = 0; i < outs; i++)
		xha_heat_plan_candidate(&plan, out[i].heat, out[i].who);
	for (i = 0; i < ins; i++)
		xha_heat_plan_resident(&plan, in[i].heat, in[i].who);
	got = xha_heat_plan_end(&plan, &p);
	ordered(out, outs, true);
	ordered(in, ins, false);

	expect(got == plan.count && got <= p.swaps && got <= ROOM, "%u swaps, at most %u", got,
	       p.swaps);
	expect(plan.fills == min(got, free), "%u of %u in %u free slots", plan.fills, got, free);
	for (i = 0; i < got; i++) {
		r = wanted(i, outs, ins, free, &margin);
		expect(hot[i].heat == out[i].heat, "number %u is not the %u hottest", i, i);
		if (r == XHA_HEAT_FREE)
			continue;
		expect(cold[i - free].heat == in[i - free].heat, "%u is not the %u coldest",
		       i - free, i - free);
		v = xha_heat_swap(&p, hot[i].heat, cold[i - free].heat);
		expect(v.reason == XHA_HEAT_SWAP, "planned, but not decided: %u", v.reason);
		/* The square root is rounded. */
		expect(r == XHA_HEAT_SWAP || near(v.gain, margin, 20), "number %u swaps for %u", i,
		       r);
	}
	r = wanted(got, outs, ins, free, &margin);
	expect(plan.stop.reason == r || near(plan.stop.gain, margin, 20),
	       "it ends for %u, not %u, after %u", plan.stop.reason, r, got);
	/* What comes after the end is not worth it, either. */
	for (i = got; plan.stop.reason < XHA_HEAT_NO_SLOT && i < outs && i - free < ins; i++) {
		v = xha_heat_swap(&p, out[i].heat, in[i - free].heat);
		expect(v.reason != XHA_HEAT_SWAP || near(v.gain, v.margin, 20),
		       "it ends after %u, but number %u is worth it", got, i);
	}
}

/* Who has driven another one out is not driven out by it, as long as neither has packets. */
static void to_and_fro(void)
{
	struct xha_heat a, b;
	u64 tick = 0;

	xha_heat_restore(&a, any_size(63), 0, tick);
	xha_heat_restore(&b, one_in(2) ? a.heat : any_size(63), 0, tick);
	if (xha_heat_swap(&p, a.heat, b.heat).reason == XHA_HEAT_SWAP)
		xha_heat_enter(&a, &p, tick);
	else if (a.heat != b.heat)
		return;
	for (tick = 0; tick < 4; tick++)
		expect(xha_heat_swap(&p, xha_heat_at(&b, &p, tick),
				     xha_heat_at(&a, &p, tick)).reason != XHA_HEAT_SWAP,
		       "to and fro at tick %llu", tick);
}

static void one_case(void)
{
	settings();
	thresholds();
	took();
	life();
	plans();
	to_and_fro();
}

int main(int argc, char **argv)
{
	return property(argc, argv, "heat", 300000, one_case);
}
