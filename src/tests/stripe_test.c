// SPDX-License-Identifier: GPL-2.0
/* Stripes at their edges. */

#include <kunit/test.h>

#include "pure/stripe.c"

#define BITS	XHA_STRIPE_DEFAULT
#define S	BIT_ULL(BITS)

static const struct xha_share none, all = { 0, 1 }, even = { 0, 2 }, odd = { 1, 2 };

static void has(struct kunit *test)
{
	static const struct xha_share third = { 2, 3 }, last = { 4095, 4096 };

	KUNIT_EXPECT_FALSE(test, xha_share_has(&none, BITS, 1));
	KUNIT_EXPECT_TRUE(test, xha_share_has(&all, BITS, U64_MAX));
	KUNIT_EXPECT_TRUE(test, xha_share_has(&even, BITS, S - 1));
	KUNIT_EXPECT_FALSE(test, xha_share_has(&even, BITS, S));
	KUNIT_EXPECT_FALSE(test, xha_share_has(&odd, BITS, S - 1));
	KUNIT_EXPECT_TRUE(test, xha_share_has(&odd, BITS, S));
	KUNIT_EXPECT_TRUE(test, xha_share_has(&odd, BITS, U64_MAX));
	KUNIT_EXPECT_TRUE(test, xha_share_has(&third, 10, 3071));
	KUNIT_EXPECT_FALSE(test, xha_share_has(&third, 10, 3072));
	KUNIT_EXPECT_TRUE(test, xha_share_has(&last, BITS, U32_MAX));
	KUNIT_EXPECT_FALSE(test, xha_share_has(&last, BITS, 1ULL << 32));
	KUNIT_EXPECT_TRUE(test, xha_share_has(&odd, XHA_STRIPE_MAX, U32_MAX));
	KUNIT_EXPECT_FALSE(test, xha_share_has(&odd, XHA_STRIPE_MAX, (1ULL << 31) - 1));
}

static void next(struct kunit *test)
{
	static const struct xha_share first = { 0, 4096 }, last = { 4095, 4096 };

	KUNIT_EXPECT_EQ(test, xha_share_next(&none, BITS, 0), U64_MAX);
	KUNIT_EXPECT_EQ(test, xha_share_next(&all, BITS, 0), 1);
	KUNIT_EXPECT_EQ(test, xha_share_next(&all, BITS, U64_MAX - 1), U64_MAX);
	KUNIT_EXPECT_EQ(test, xha_share_next(&all, BITS, U64_MAX), U64_MAX);
	KUNIT_EXPECT_EQ(test, xha_share_next(&even, BITS, S - 2), S - 1);
	KUNIT_EXPECT_EQ(test, xha_share_next(&even, BITS, S - 1), 2 * S);
	KUNIT_EXPECT_EQ(test, xha_share_next(&even, BITS, 2 * S - 1), 2 * S);
	KUNIT_EXPECT_EQ(test, xha_share_next(&even, BITS, 2 * S), 2 * S + 1);
	KUNIT_EXPECT_EQ(test, xha_share_next(&odd, BITS, 0), S);
	KUNIT_EXPECT_EQ(test, xha_share_next(&odd, BITS, U32_MAX), (1ULL << 32) + S);
	KUNIT_EXPECT_EQ(test, xha_share_next(&even, BITS, U32_MAX), 1ULL << 32);
	KUNIT_EXPECT_EQ(test, xha_share_next(&even, BITS, U64_MAX - S), U64_MAX);
	KUNIT_EXPECT_EQ(test, xha_share_next(&odd, BITS, U64_MAX - S), U64_MAX - S + 1);
	KUNIT_EXPECT_EQ(test, xha_share_next(&last, BITS, 0), 4095 * S);
	KUNIT_EXPECT_EQ(test, xha_share_next(&last, BITS, U32_MAX), (1ULL << 32) + 4095 * S);
	KUNIT_EXPECT_EQ(test, xha_share_next(&first, BITS, S - 1), 1ULL << 32);
}

static void run(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, xha_share_run(&all, BITS, 5), U64_MAX);
	KUNIT_EXPECT_EQ(test, xha_share_run(&even, BITS, 0), S - 1);
	KUNIT_EXPECT_EQ(test, xha_share_run(&even, BITS, S - 1), S - 1);
	KUNIT_EXPECT_EQ(test, xha_share_run(&odd, BITS, S), 2 * S - 1);
	KUNIT_EXPECT_EQ(test, xha_share_run(&odd, BITS, U32_MAX), U32_MAX);
	KUNIT_EXPECT_EQ(test, xha_share_run(&odd, BITS, U64_MAX - 5), U64_MAX);
	KUNIT_EXPECT_EQ(test, xha_share_run(&odd, XHA_STRIPE_MAX, U32_MAX), U32_MAX);
}

static void ahead(struct kunit *test)
{
	static const struct xha_share third = { 1, 3 };

	KUNIT_EXPECT_EQ(test, xha_share_ahead(&none, BITS, 0, 1), U64_MAX);
	KUNIT_EXPECT_EQ(test, xha_share_ahead(&all, BITS, 7, 3), 10);
	KUNIT_EXPECT_EQ(test, xha_share_ahead(&all, BITS, U64_MAX - 3, 3), U64_MAX);
	KUNIT_EXPECT_EQ(test, xha_share_ahead(&all, BITS, U64_MAX - 3, 4), U64_MAX);
	/* The last of a stripe, and the first of the next one. */
	KUNIT_EXPECT_EQ(test, xha_share_ahead(&even, BITS, S - 3, 2), S - 1);
	KUNIT_EXPECT_EQ(test, xha_share_ahead(&even, BITS, S - 3, 3), 2 * S);
	KUNIT_EXPECT_EQ(test, xha_share_ahead(&odd, BITS, 0, 1), S);
	KUNIT_EXPECT_EQ(test, xha_share_ahead(&odd, BITS, 0, S), 2 * S - 1);
	KUNIT_EXPECT_EQ(test, xha_share_ahead(&odd, BITS, 0, S + 1), 3 * S);
	KUNIT_EXPECT_EQ(test, xha_share_ahead(&odd, BITS, 0, 2 * S), 4 * S - 1);
	KUNIT_EXPECT_EQ(test, xha_share_ahead(&third, 10, 0, 3 * 1024 + 5), 10 * 1024 + 4);
	KUNIT_EXPECT_EQ(test, xha_share_ahead(&odd, BITS, U64_MAX - S, S), U64_MAX);
	KUNIT_EXPECT_EQ(test, xha_share_ahead(&odd, BITS, U64_MAX - S, S - 1), U64_MAX - 1);
	KUNIT_EXPECT_EQ(test, xha_share_ahead(&even, BITS, U64_MAX - 2 * S, 1),
			U64_MAX - 2 * S + 1);
	KUNIT_EXPECT_EQ(test, xha_share_ahead(&even, BITS, U64_MAX - 2 * S, S + 1), U64_MAX);
	KUNIT_EXPECT_EQ(test, xha_share_ahead(&even, BITS, 0, U64_MAX), U64_MAX);
}

static void size(struct kunit *test)
{
	static const struct xha_share thirds[] = { { 0, 3 }, { 1, 3 }, { 2, 3 } };
	static const struct xha_share far = { 4096, 8192 };

	KUNIT_EXPECT_EQ(test, xha_share_size(&none, BITS), 0);
	KUNIT_EXPECT_EQ(test, xha_share_size(&all, BITS), 1ULL << 32);
	KUNIT_EXPECT_EQ(test, xha_share_size(&even, BITS), 1ULL << 31);
	KUNIT_EXPECT_EQ(test, xha_share_size(&odd, XHA_STRIPE_MAX), 1ULL << 31);
	/* 4096 stripes: the first of three shares has one more. */
	KUNIT_EXPECT_EQ(test, xha_share_size(&thirds[0], BITS), 1366 * S);
	KUNIT_EXPECT_EQ(test, xha_share_size(&thirds[1], BITS), 1365 * S);
	KUNIT_EXPECT_EQ(test, xha_share_size(&thirds[2], BITS), 1365 * S);
	KUNIT_EXPECT_EQ(test, xha_share_size(&thirds[2], XHA_STRIPE_MAX), 0);
	KUNIT_EXPECT_EQ(test, xha_share_size(&far, BITS), 0);
}

/* Halved until a jump would be too far: what is left has nothing in common with what was given. */
static void split(struct kunit *test)
{
	struct xha_share own = odd, given[32];
	u32 n = 0, i, k, owners;

	while (xha_share_split(&own, &given[n], BITS))
		n++;
	/* 2 stripes to 2048: 2^31 numbers from one to the next. */
	KUNIT_EXPECT_EQ(test, n, 10);
	KUNIT_EXPECT_EQ(test, own.first, 1);
	KUNIT_EXPECT_EQ(test, own.step, 2048);
	KUNIT_EXPECT_EQ(test, given[n].step, 0);
	for (i = 0; i < 4096; i++) {
		owners = xha_share_has(&own, BITS, i * S);
		for (k = 0; k < n; k++)
			owners += xha_share_has(&given[k], BITS, i * S);
		KUNIT_ASSERT_EQ(test, owners, i % 2);
	}
	own = none;
	KUNIT_EXPECT_FALSE(test, xha_share_split(&own, &given[0], BITS));
	KUNIT_EXPECT_EQ(test, own.step, 0);
	own = all;
	KUNIT_EXPECT_TRUE(test, xha_share_split(&own, &given[0], XHA_STRIPE_MAX - 1));
	KUNIT_EXPECT_EQ(test, own.step, 2);
	KUNIT_EXPECT_EQ(test, given[0].first, 1);
	KUNIT_EXPECT_EQ(test, given[0].step, 2);
	KUNIT_EXPECT_FALSE(test, xha_share_split(&own, &given[0], XHA_STRIPE_MAX - 1));
	own = all;
	KUNIT_EXPECT_FALSE(test, xha_share_split(&own, &given[0], XHA_STRIPE_MAX));
	KUNIT_EXPECT_EQ(test, own.step, 1);
	/* What a peer says when it has none to give is no share to split. */
	own.step = U32_MAX;
	KUNIT_EXPECT_FALSE(test, xha_share_split(&own, &given[0], XHA_STRIPE_MAX));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(has),
	KUNIT_CASE(next),
	KUNIT_CASE(run),
	KUNIT_CASE(ahead),
	KUNIT_CASE(size),
	KUNIT_CASE(split),
	{ }
};

static struct kunit_suite suite = {
	.name = "xfrm_ha_stripe",
	.test_cases = cases,
};

kunit_test_suite(suite);
