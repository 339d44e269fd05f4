// SPDX-License-Identifier: GPL-2.0
/* Sequence and lease arithmetic at its edges. */

#include <kunit/test.h>

#include "pure/lease.c"

static void due(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, xha_due(5, 5));
	KUNIT_EXPECT_FALSE(test, xha_due(4, 5));
	KUNIT_EXPECT_TRUE(test, xha_due(1, U64_MAX));
}

static void in_interval(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, xha_in_interval(64, 0), 64);
	KUNIT_EXPECT_EQ(test, xha_in_interval(64, 32), 16);
	KUNIT_EXPECT_EQ(test, xha_in_interval(8, 32), 8);
	KUNIT_EXPECT_EQ(test, xha_in_interval(64, 1), 1);
}

static void expand48(struct kunit *test)
{
	u64 mask = (1ULL << 48) - 1, v = 0x0001800000000000ULL;
	int i;

	for (i = -1000; i <= 1000; i++) {
		KUNIT_EXPECT_EQ(test, xha_expand48(v, (v + i) & mask), v + i);
		KUNIT_EXPECT_EQ(test, xha_expand48((1ULL << 48) + i, mask), (1ULL << 48) - 1);
	}
	KUNIT_EXPECT_EQ(test, xha_expand48(mask, 5), (1ULL << 48) + 5);
	KUNIT_EXPECT_EQ(test, xha_expand48(0, 5), 5);
	KUNIT_EXPECT_EQ(test, xha_expand48(0, mask), mask);
}

static void quantity(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, xha_quantity(0, 1), XHA_QUANTITY_DEFAULT);
	KUNIT_EXPECT_EQ(test, xha_quantity(0, 100000), 200000);
	KUNIT_EXPECT_EQ(test, xha_quantity(7, 3), 7);
}

#define S	1024u
#define BITS	10

static struct xha_bounds bounds(u32 first, u32 step, bool esn)
{
	return (struct xha_bounds) {
		.bits = BITS, .share = { first, step }, .end = xha_end(esn),
	};
}

static void limit(struct kunit *test)
{
	struct xha_bounds b = bounds(1, 2, false);

	/* Alone, and no floor: its own stripes. */
	KUNIT_EXPECT_EQ(test, xha_limit(&b, 0), 0);
	KUNIT_EXPECT_EQ(test, xha_limit(&b, S - 1), 2 * S - 1);
	KUNIT_EXPECT_EQ(test, xha_limit(&b, 2 * S - 2), 2 * S - 1);
	KUNIT_EXPECT_EQ(test, xha_limit(&b, 2 * S - 1), 2 * S - 1);
	b.floor = 100;
	KUNIT_EXPECT_EQ(test, xha_limit(&b, 0), 100);
	KUNIT_EXPECT_EQ(test, xha_limit(&b, 100), 100);
	/* From the floor into a stripe of its own without a gap. */
	b.floor = S - 1;
	KUNIT_EXPECT_EQ(test, xha_limit(&b, 0), 2 * S - 1);
	b.bound = true;
	b.lease = 7;
	KUNIT_EXPECT_EQ(test, xha_limit(&b, 0), 7);
	KUNIT_EXPECT_EQ(test, xha_limit(&b, 8), 7);
	b = bounds(0, 1, false);
	KUNIT_EXPECT_EQ(test, xha_limit(&b, 0), U32_MAX);
	KUNIT_EXPECT_EQ(test, xha_limit(&b, U32_MAX), U32_MAX);
	b = bounds(0, 1, true);
	KUNIT_EXPECT_EQ(test, xha_limit(&b, U32_MAX), xha_end(true));
	b = bounds(0, 0, true);
	KUNIT_EXPECT_EQ(test, xha_limit(&b, 5), 5);
	/* What only accepts is bound by nothing. */
	b = (struct xha_bounds){ true, false, BITS, { 0, 2 }, U64_MAX, U64_MAX, U64_MAX };
	KUNIT_EXPECT_EQ(test, xha_limit(&b, 5), U64_MAX);
	KUNIT_EXPECT_EQ(test, xha_limit(&b, U64_MAX), U64_MAX);
}

static void jump(struct kunit *test)
{
	struct xha_bounds b = bounds(1, 2, false);

	KUNIT_EXPECT_EQ(test, xha_jump(&b, 0), S - 1);
	KUNIT_EXPECT_EQ(test, xha_jump(&b, 2 * S - 1), 3 * S - 1);
	/* A burst of 2 over the end of a stripe: the last number of it is passed by. */
	KUNIT_EXPECT_EQ(test, xha_jump(&b, 2 * S - 2), 3 * S - 1);
	KUNIT_EXPECT_EQ(test, xha_limit(&b, 3 * S - 1), 4 * S - 1);
	/* Never back below the floor. */
	b.floor = 6 * S;
	KUNIT_EXPECT_EQ(test, xha_jump(&b, 6 * S), 7 * S - 1);
	KUNIT_EXPECT_EQ(test, xha_jump(&b, 0), 7 * S - 1);
	/* Not above the lease, nor to where it ends. */
	b.floor = 0;
	b.bound = true;
	b.lease = 2 * S - 1;
	KUNIT_EXPECT_EQ(test, xha_jump(&b, 2 * S - 1), 2 * S - 1);
	b.lease = 3 * S - 1;
	KUNIT_EXPECT_EQ(test, xha_jump(&b, 2 * S - 1), 2 * S - 1);
	b.lease = 3 * S;
	KUNIT_EXPECT_EQ(test, xha_jump(&b, 2 * S - 1), 3 * S - 1);
	/* The last stripe of 2^32; with extended numbers there is another one. */
	b = bounds(1, 2, false);
	KUNIT_EXPECT_EQ(test, xha_jump(&b, U32_MAX), U32_MAX);
	KUNIT_EXPECT_EQ(test, xha_jump(&b, U32_MAX - S), U32_MAX - S);
	b.share.first = 0;
	KUNIT_EXPECT_EQ(test, xha_jump(&b, U32_MAX - S), U32_MAX - S);
	b = bounds(1, 2, true);
	KUNIT_EXPECT_EQ(test, xha_jump(&b, U32_MAX), U32_MAX + (u64)S);
	KUNIT_EXPECT_EQ(test, xha_jump(&b, xha_end(true)), xha_end(true));
	b = bounds(0, 0, true);
	KUNIT_EXPECT_EQ(test, xha_jump(&b, 5), 5);
	b.end = U64_MAX;
	KUNIT_EXPECT_EQ(test, xha_jump(&b, 5), 5);
}

static void allows(struct kunit *test)
{
	struct xha_bounds b = bounds(1, 2, false);

	b.floor = 100;
	KUNIT_EXPECT_TRUE(test, xha_allows(&b, 100));
	KUNIT_EXPECT_FALSE(test, xha_allows(&b, 101));
	KUNIT_EXPECT_FALSE(test, xha_allows(&b, S - 1));
	KUNIT_EXPECT_TRUE(test, xha_allows(&b, S));
	KUNIT_EXPECT_FALSE(test, xha_allows(&b, 2 * S));
	KUNIT_EXPECT_TRUE(test, xha_allows(&b, U32_MAX));
	KUNIT_EXPECT_FALSE(test, xha_allows(&b, U32_MAX + 1ULL + S));
	b.bound = true;
	b.lease = S;
	KUNIT_EXPECT_TRUE(test, xha_allows(&b, S));
	KUNIT_EXPECT_FALSE(test, xha_allows(&b, S + 1));
	b.lease = 99;
	KUNIT_EXPECT_FALSE(test, xha_allows(&b, 100));
}

static void ask(struct kunit *test)
{
	struct xha_bounds b = bounds(1, 2, false);

	KUNIT_EXPECT_EQ(test, xha_ask(&b, 0, 1), S);
	KUNIT_EXPECT_EQ(test, xha_ask(&b, S, S - 1), 2 * S - 1);
	KUNIT_EXPECT_EQ(test, xha_ask(&b, S, S), 3 * S);
	/* Half of them below the floor. */
	b.floor = 50;
	KUNIT_EXPECT_EQ(test, xha_ask(&b, 0, 100), S + 49);
	/* The peer must not begin below what needs no stripe. */
	KUNIT_EXPECT_EQ(test, xha_ask(&b, 0, 10), 50);
	KUNIT_EXPECT_EQ(test, xha_ask(&b, 0, 50), 50);
	b.whole = true;
	KUNIT_EXPECT_EQ(test, xha_ask(&b, 0, 10), 50);
	KUNIT_EXPECT_EQ(test, xha_ask(&b, 45, 10), 55);
	KUNIT_EXPECT_EQ(test, xha_ask(&b, U32_MAX - 10, 10), U32_MAX);
	KUNIT_EXPECT_EQ(test, xha_ask(&b, U32_MAX - 10, 11), U32_MAX);
	KUNIT_EXPECT_EQ(test, xha_ask(&b, U32_MAX, 1), U32_MAX);
	b = bounds(1, 2, false);
	KUNIT_EXPECT_EQ(test, xha_ask(&b, U32_MAX - 1, 2), U32_MAX);
	/* No share: nothing but the floor, and not the numbers of others. */
	b = bounds(0, 0, true);
	KUNIT_EXPECT_EQ(test, xha_ask(&b, 7, 100), 7);
	b.floor = 50;
	KUNIT_EXPECT_EQ(test, xha_ask(&b, 7, 100), 50);
}

static void soft(struct kunit *test)
{
	struct xha_bounds b = bounds(0, 1, false);

	KUNIT_EXPECT_EQ(test, xha_soft(&b, 75), 3ULL << 30);
	KUNIT_EXPECT_EQ(test, xha_soft(&b, 100), U32_MAX);
	b = bounds(1, 2, false);
	KUNIT_EXPECT_EQ(test, xha_soft(&b, 50), (1ULL << 31) - 1);
	KUNIT_EXPECT_EQ(test, xha_soft(&b, 100), U32_MAX);
	b.whole = true;
	KUNIT_EXPECT_EQ(test, xha_soft(&b, 75), 3ULL << 30);
	b = bounds(0, 0, false);
	KUNIT_EXPECT_EQ(test, xha_soft(&b, 75), U32_MAX);
	b = bounds(1, 2, true);
	KUNIT_EXPECT_EQ(test, xha_soft(&b, 75), U64_MAX);
}

static void auto_interval(struct kunit *test)
{
	/* 50 packets/s: each one; 100,000 packets/s and 10 ms: 500 */
	KUNIT_EXPECT_EQ(test, xha_auto_interval(1, 20000000, 10, 1024), 1);
	KUNIT_EXPECT_EQ(test, xha_auto_interval(1000, 10000000, 10, 1024), 500);
	KUNIT_EXPECT_EQ(test, xha_auto_interval(1000, 10000000, 10, 64), 64);
	KUNIT_EXPECT_EQ(test, xha_auto_interval(5, 0, 10, 64), 64);
	KUNIT_EXPECT_EQ(test, xha_auto_interval(U64_MAX, 1, 60000, 64), 64);
	KUNIT_EXPECT_EQ(test, xha_auto_interval(0, 1000, 10, 64), 1);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(limit),
	KUNIT_CASE(jump),
	KUNIT_CASE(allows),
	KUNIT_CASE(ask),
	KUNIT_CASE(soft),
	KUNIT_CASE(auto_interval),
	KUNIT_CASE(due),
	KUNIT_CASE(in_interval),
	KUNIT_CASE(expand48),
	KUNIT_CASE(quantity),
	{ }
};

static struct kunit_suite suite = {
	.name = "xfrm_ha_lease",
	.test_cases = cases,
};

kunit_test_suite(suite);

MODULE_DESCRIPTION("KUnit tests of xfrm_ha");
MODULE_LICENSE("GPL");
