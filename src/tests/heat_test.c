// SPDX-License-Identifier: GPL-2.0
/* Heat at its edges. */

#include <kunit/test.h>

#include "engine/heat.c"

#define ROOM	4

static const struct xha_heat_policy defaults = XHA_HEAT_POLICY_DEFAULT;

/* A packet is 1 heat, a tick takes half of it off; nothing but heat counts. */
static const struct xha_heat_policy plain = {
	.rise = 1, .decay = 50, .period = 1000, .swaps = ROOM, .horizon = 1000,
	.saved_ns = 1,
};

static void valid(struct kunit *test)
{
	struct xha_heat_policy p = defaults;

	KUNIT_EXPECT_TRUE(test, xha_heat_policy_valid(&p));
	p.decay = 0;
	KUNIT_EXPECT_FALSE(test, xha_heat_policy_valid(&p));
	p.decay = 101;
	KUNIT_EXPECT_FALSE(test, xha_heat_policy_valid(&p));
	p = defaults;
	p.rise = XHA_HEAT_RISE_MAX + 1;
	KUNIT_EXPECT_FALSE(test, xha_heat_policy_valid(&p));
	p = defaults;
	p.period = 0;
	KUNIT_EXPECT_FALSE(test, xha_heat_policy_valid(&p));
	p = defaults;
	p.swaps = 0;
	KUNIT_EXPECT_FALSE(test, xha_heat_policy_valid(&p));
	p = defaults;
	p.noise = XHA_HEAT_NOISE_MAX + 1;
	KUNIT_EXPECT_FALSE(test, xha_heat_policy_valid(&p));
	p = defaults;
	p.swap_ns = XHA_HEAT_NS_MAX + 1;
	KUNIT_EXPECT_FALSE(test, xha_heat_policy_valid(&p));
}

static void traffic(struct kunit *test)
{
	struct xha_heat_policy p = defaults;
	struct xha_heat h;

	p.initial = 1000;
	xha_heat_init(&h, &p, 50, 7);
	KUNIT_EXPECT_EQ(test, xha_heat_at(&h, &p, 7), 1000);
	KUNIT_EXPECT_EQ(test, xha_heat_tick(&h, &p, 53, 7), 1000 + 3 * p.rise);
	/* A count that goes back is a new beginning. */
	KUNIT_EXPECT_EQ(test, xha_heat_tick(&h, &p, 1, 7), 1000 + 3 * p.rise);
	KUNIT_EXPECT_EQ(test, xha_heat_tick(&h, &p, 2, 7), 1000 + 4 * p.rise);
	/* So is time. */
	KUNIT_EXPECT_EQ(test, xha_heat_tick(&h, &p, 3, 5), 1000 + 5 * p.rise);
	KUNIT_EXPECT_EQ(test, h.tick, 7);
	xha_heat_restore(&h, 77, 0, 9);
	KUNIT_EXPECT_EQ(test, xha_heat_at(&h, &p, 9), 77);
}

/* Packets after a silent tick count twice; a call for an SA without packets changes nothing. */
static void silence(struct kunit *test)
{
	struct xha_heat_policy p = plain;
	struct xha_heat h;

	xha_heat_restore(&h, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, xha_heat_tick(&h, &p, 64, 1), 64);
	KUNIT_EXPECT_EQ(test, h.tick, 1);
	KUNIT_EXPECT_GE(test, xha_heat_tick(&h, &p, 64, 2), 31);
	KUNIT_EXPECT_LE(test, xha_heat_tick(&h, &p, 64, 2), 32);
	KUNIT_EXPECT_EQ(test, h.tick, 1);
	KUNIT_EXPECT_EQ(test, h.heat, 64);
	KUNIT_EXPECT_GE(test, xha_heat_tick(&h, &p, 164, 3), 200 + 15);
	KUNIT_EXPECT_LE(test, xha_heat_tick(&h, &p, 164, 3), 200 + 16);
}

static void saturation(struct kunit *test)
{
	struct xha_heat_policy p = plain;
	struct xha_heat h;

	p.rise = XHA_HEAT_RISE_MAX;
	p.bonus = U32_MAX - 1;
	xha_heat_restore(&h, U64_MAX, 0, 0);
	KUNIT_EXPECT_EQ(test, h.heat, XHA_HEAT_MAX);
	KUNIT_EXPECT_EQ(test, xha_heat_tick(&h, &p, U64_MAX, 0), XHA_HEAT_MAX);
	xha_heat_enter(&h, &p, 0);
	KUNIT_EXPECT_EQ(test, h.heat, XHA_HEAT_MAX);
	p.bonus = XHA_HEAT_AUTO;
	p.threshold = XHA_HEAT_AUTO;
	p.saved_ns = 0;
	xha_heat_enter(&h, &p, 0);
	KUNIT_EXPECT_EQ(test, h.heat, XHA_HEAT_MAX);
	KUNIT_EXPECT_GE(test, xha_heat_at(&h, &p, 1), XHA_HEAT_MAX / 2 - (1ULL << 32));
	KUNIT_EXPECT_LE(test, xha_heat_at(&h, &p, 1), XHA_HEAT_MAX / 2 + (1ULL << 32));
	KUNIT_EXPECT_EQ(test, xha_heat_rate(&p, 0), 0);
	p = plain;
	p.period = XHA_HEAT_PERIOD_MIN;
	KUNIT_EXPECT_EQ(test, xha_heat_rate(&p, XHA_HEAT_MAX), U64_MAX);
	/* Half of the largest noise, and the largest of all */
	p.noise = XHA_HEAT_NOISE_MAX;
	p.rise = XHA_HEAT_RISE_MAX;
	p.decay = 100;
	KUNIT_EXPECT_EQ(test, xha_heat_margin(&p, XHA_HEAT_MAX, XHA_HEAT_MAX),
			int_sqrt64((u64)S64_MAX / 100 * 100));
}

static void decay(struct kunit *test)
{
	struct xha_heat_policy p = plain;
	struct xha_heat h;
	u32 i;

	xha_heat_restore(&h, 1 << 20, 0, 0);
	for (i = 0; i <= 20; i++) {
		KUNIT_EXPECT_GE(test, xha_heat_at(&h, &p, i) + 1, (1 << 20) >> i);
		KUNIT_EXPECT_LE(test, xha_heat_at(&h, &p, i), (1 << 20) >> i);
	}
	/* Idle for long: nothing is left, whatever it was, and however slowly it goes. */
	xha_heat_restore(&h, U64_MAX, 0, 0);
	p.decay = 1;
	KUNIT_EXPECT_EQ(test, xha_heat_at(&h, &p, 10000), 0);
	KUNIT_EXPECT_EQ(test, xha_heat_at(&h, &p, U64_MAX), 0);
	KUNIT_EXPECT_EQ(test, xha_heat_tick(&h, &p, 5, U64_MAX), 10);
	/* All of it in a tick: only the last one's packets count. */
	p.decay = 100;
	xha_heat_restore(&h, U64_MAX, 0, 0);
	KUNIT_EXPECT_EQ(test, xha_heat_tick(&h, &p, 9, 1), 9);
}

static void threshold(struct kunit *test)
{
	struct xha_heat_policy p = defaults;

	/* 1 ms is 1000 packets of 1 us: 16.7 a second for a minute, 22.2 packets of heat */
	KUNIT_EXPECT_EQ(test, xha_heat_threshold(&p), 1000 * 256 * 100 / 75 / 60);
	KUNIT_EXPECT_EQ(test, xha_heat_rate(&p, xha_heat_threshold(&p)), 16);
	p.swap_ns *= 10;
	KUNIT_EXPECT_EQ(test, xha_heat_threshold(&p), 10000 * 256 * 100 / 75 / 60);
	p.swap_ns = 0;
	KUNIT_EXPECT_EQ(test, xha_heat_threshold(&p), p.rise);
	p.saved_ns = 0;
	KUNIT_EXPECT_EQ(test, xha_heat_threshold(&p), XHA_HEAT_MAX);
	p.threshold = 0;
	KUNIT_EXPECT_EQ(test, xha_heat_threshold(&p), 0);
	/* The product of the greatest factors fits. */
	p.threshold = XHA_HEAT_AUTO;
	p.swap_ns = XHA_HEAT_NS_MAX;
	p.saved_ns = 1;
	p.period = XHA_HEAT_PERIOD_MAX;
	p.rise = XHA_HEAT_RISE_MAX;
	p.horizon = 1;
	p.decay = 1;
	KUNIT_EXPECT_EQ(test, xha_heat_threshold(&p), 4096000000000000000ULL);
}

static void took(struct kunit *test)
{
	struct xha_heat_policy p = defaults;
	u32 i;

	xha_heat_measured(&p, 9000000);
	KUNIT_EXPECT_EQ(test, p.swap_ns, 2000000);
	for (i = 0; i < 300; i++)
		xha_heat_measured(&p, U64_MAX);
	KUNIT_EXPECT_EQ(test, p.swap_ns, XHA_HEAT_NS_MAX);
	for (i = 0; i < 300; i++)
		xha_heat_measured(&p, 0);
	KUNIT_EXPECT_EQ(test, p.swap_ns, 0);
}

static void bonus(struct kunit *test)
{
	struct xha_heat_policy p = plain;
	struct xha_heat in, out;

	p.threshold = 100;
	p.bonus = XHA_HEAT_AUTO;
	xha_heat_restore(&in, 1000, 0, 0);
	xha_heat_restore(&out, 1101, 0, 0);
	KUNIT_EXPECT_EQ(test, xha_heat_swap(&p, out.heat, in.heat).reason, XHA_HEAT_SWAP);
	xha_heat_enter(&in, &p, 0);
	KUNIT_EXPECT_EQ(test, in.heat, 1100);
	KUNIT_EXPECT_EQ(test, xha_heat_swap(&p, out.heat, in.heat).reason, XHA_HEAT_BELOW);
	KUNIT_EXPECT_EQ(test, xha_heat_swap(&p, out.heat + 99, in.heat).reason, XHA_HEAT_BELOW);
	KUNIT_EXPECT_EQ(test, xha_heat_swap(&p, out.heat + 100, in.heat).reason, XHA_HEAT_SWAP);
	p.bonus = 5;
	KUNIT_EXPECT_EQ(test, xha_heat_bonus(&p), 5);
	/* It stays in bounds where no threshold is reached. */
	p.bonus = XHA_HEAT_AUTO;
	p.threshold = XHA_HEAT_AUTO;
	p.saved_ns = 0;
	KUNIT_EXPECT_EQ(test, xha_heat_bonus(&p), U32_MAX);
}

static void reasons(struct kunit *test)
{
	struct xha_heat_policy p = plain;
	struct xha_heat_verdict v;

	v = xha_heat_swap(&p, 10, 10);
	KUNIT_EXPECT_EQ(test, v.reason, XHA_HEAT_COLDER);
	v = xha_heat_swap(&p, 11, 10);
	KUNIT_EXPECT_EQ(test, v.reason, XHA_HEAT_SWAP);
	KUNIT_EXPECT_EQ(test, v.gain, 1);
	p.threshold = 50;
	v = xha_heat_swap(&p, 60, 10);
	KUNIT_EXPECT_EQ(test, v.reason, XHA_HEAT_BELOW);
	KUNIT_EXPECT_EQ(test, v.gain, 50);
	KUNIT_EXPECT_EQ(test, v.margin, 50);
	/* 15000 heat: a standard deviation of sqrt(15000 / 1.5) = 100 */
	p.noise = 3;
	v = xha_heat_swap(&p, 7650, 7350);
	KUNIT_EXPECT_EQ(test, v.reason, XHA_HEAT_NOISE);
	KUNIT_EXPECT_EQ(test, v.margin, 300);
	v = xha_heat_swap(&p, 7651, 7349);
	KUNIT_EXPECT_EQ(test, v.reason, XHA_HEAT_SWAP);
	v = xha_heat_swap(&p, 0, XHA_HEAT_MAX);
	KUNIT_EXPECT_EQ(test, v.reason, XHA_HEAT_COLDER);
	v = xha_heat_swap(&p, XHA_HEAT_MAX, 0);
	KUNIT_EXPECT_EQ(test, v.reason, XHA_HEAT_SWAP);
	KUNIT_EXPECT_EQ(test, v.gain, XHA_HEAT_MAX);
}

struct plan_test {
	struct xha_heat_entry hot[ROOM], cold[ROOM];
	struct xha_heat_plan plan;
};

static u32 planned(struct plan_test *t, const struct xha_heat_policy *p, u32 free,
		   const u64 *candidates, u32 cn, const u64 *residents, u32 rn)
{
	u32 i;

	t->plan.hot = t->hot;
	t->plan.cold = t->cold;
	t->plan.room = ROOM;
	xha_heat_plan_begin(&t->plan, free);
	for (i = 0; i < cn; i++)
		xha_heat_plan_candidate(&t->plan, candidates[i], (void *)&candidates[i]);
	for (i = 0; i < rn; i++)
		xha_heat_plan_resident(&t->plan, residents[i], (void *)&residents[i]);
	return xha_heat_plan_end(&t->plan, p);
}

static void plan(struct kunit *test)
{
	static const u64 out[] = { 5, 90, 20, 70, 30, 80, 10 }, in[] = { 60, 0, 50, 10, 40, 25 };
	struct xha_heat_policy p = plain;
	struct plan_test t;

	/* 90 for 0, 80 for 10, 70 for 25; 30 is not above 40 */
	KUNIT_EXPECT_EQ(test, planned(&t, &p, 0, out, 7, in, 6), 3);
	KUNIT_EXPECT_EQ(test, t.plan.fills, 0);
	KUNIT_EXPECT_EQ(test, t.plan.stop.reason, XHA_HEAT_COLDER);
	KUNIT_EXPECT_PTR_EQ(test, t.hot[0].who, (void *)&out[1]);
	KUNIT_EXPECT_PTR_EQ(test, t.hot[2].who, (void *)&out[3]);
	KUNIT_EXPECT_PTR_EQ(test, t.cold[0].who, (void *)&in[1]);
	KUNIT_EXPECT_PTR_EQ(test, t.cold[2].who, (void *)&in[5]);
	/* Two slots are free: the hottest get these, 70 that of 0, 30 that of 10. */
	KUNIT_EXPECT_EQ(test, planned(&t, &p, 2, out, 7, in, 6), 4);
	KUNIT_EXPECT_EQ(test, t.plan.fills, 2);
	KUNIT_EXPECT_EQ(test, t.plan.stop.reason, XHA_HEAT_LIMIT);
	p.swaps = 1;
	KUNIT_EXPECT_EQ(test, planned(&t, &p, 2, out, 7, in, 6), 1);
	KUNIT_EXPECT_EQ(test, t.plan.fills, 1);
	KUNIT_EXPECT_EQ(test, t.plan.stop.reason, XHA_HEAT_LIMIT);
	p = plain;
	p.threshold = 70;
	KUNIT_EXPECT_EQ(test, planned(&t, &p, 0, out, 7, in, 6), 1);
	KUNIT_EXPECT_EQ(test, t.plan.stop.reason, XHA_HEAT_BELOW);
	KUNIT_EXPECT_EQ(test, t.plan.stop.gain, 70);
	/* Nobody to move out, nobody to move in */
	KUNIT_EXPECT_EQ(test, planned(&t, &p, 0, out, 7, in, 0), 0);
	KUNIT_EXPECT_EQ(test, t.plan.stop.reason, XHA_HEAT_NO_SLOT);
	KUNIT_EXPECT_EQ(test, planned(&t, &p, 1, out, 0, in, 6), 0);
	KUNIT_EXPECT_EQ(test, t.plan.stop.reason, XHA_HEAT_NOBODY);
	KUNIT_EXPECT_EQ(test, planned(&t, &p, 9, out, 2, in, 6), 2);
	KUNIT_EXPECT_EQ(test, t.plan.fills, 2);
}

/* SAs of the same rate stay where they are, whatever the threshold and the bonus. */
static void no_ping_pong(struct kunit *test)
{
	struct xha_heat_policy p = plain;
	struct xha_heat h[2 * ROOM];
	u32 in = 0, tick, i, swaps = 0;
	struct plan_test t;

	for (i = 0; i < 2 * ROOM; i++)
		xha_heat_init(&h[i], &p, 0, 0);
	for (tick = 1; tick < 200; tick++) {
		t.plan = (struct xha_heat_plan){ .hot = t.hot, .cold = t.cold, .room = ROOM };
		xha_heat_plan_begin(&t.plan, 0);
		for (i = 0; i < 2 * ROOM; i++) {
			xha_heat_tick(&h[i], &p, 100 * tick, tick);
			if (i < ROOM)
				xha_heat_plan_resident(&t.plan, h[i].heat, &h[i]);
			else
				xha_heat_plan_candidate(&t.plan, h[i].heat, &h[i]);
		}
		swaps += xha_heat_plan_end(&t.plan, &p);
	}
	KUNIT_EXPECT_EQ(test, swaps, 0);

	/* In turn one has the packets of two ticks: more than the threshold, below the noise. */
	p = defaults;
	for (i = 0; i < 2; i++)
		xha_heat_init(&h[i], &p, 0, 0);
	for (tick = 1; tick < 200; tick++) {
		for (i = 0; i < 2; i++)
			xha_heat_tick(&h[i], &p, 1000 * tick + (tick % 2 == i ? 60 : 0), tick);
		if (xha_heat_swap(&p, h[!in].heat, h[in].heat).reason != XHA_HEAT_SWAP)
			continue;
		in = !in;
		xha_heat_enter(&h[in], &p, tick);
		swaps++;
	}
	KUNIT_EXPECT_EQ(test, swaps, 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(valid),
	KUNIT_CASE(traffic),
	KUNIT_CASE(silence),
	KUNIT_CASE(saturation),
	KUNIT_CASE(decay),
	KUNIT_CASE(threshold),
	KUNIT_CASE(took),
	KUNIT_CASE(bonus),
	KUNIT_CASE(reasons),
	KUNIT_CASE(plan),
	KUNIT_CASE(no_ping_pong),
	{ }
};

static struct kunit_suite suite = {
	.name = "xfrm_ha_heat",
	.test_cases = cases,
};

kunit_test_suite(suite);
