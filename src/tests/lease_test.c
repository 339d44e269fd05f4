// SPDX-License-Identifier: GPL-2.0
/* Sequence and lease arithmetic at its edges. */

#include <kunit/test.h>

#include "pure/lease.c"

static void lease_end(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, xha_lease_end(0, 100, false), 100);
	KUNIT_EXPECT_EQ(test, xha_lease_end(U32_MAX - 100, 100, false), U32_MAX);
	KUNIT_EXPECT_EQ(test, xha_lease_end(U32_MAX - 99, 100, false), U32_MAX);
	KUNIT_EXPECT_EQ(test, xha_lease_end(U32_MAX, 1, false), U32_MAX);
	KUNIT_EXPECT_EQ(test, xha_lease_end(U32_MAX, 1, true), 1ULL << 32);
	KUNIT_EXPECT_EQ(test, xha_lease_end(U64_MAX - 5, 10, true), U64_MAX);
	KUNIT_EXPECT_EQ(test, xha_lease_end(U64_MAX, 10, true), U64_MAX);
}

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

static void limit(struct kunit *test)
{
	struct xha_bounds b = { .strict = true, .lease = 100, .last = U64_MAX };

	KUNIT_EXPECT_EQ(test, xha_limit(&b), 100);
	b.solo = true;
	KUNIT_EXPECT_EQ(test, xha_limit(&b), U64_MAX);
	b.solo = false;
	b.strict = false;
	KUNIT_EXPECT_EQ(test, xha_limit(&b), U64_MAX);
	/* A slice of one's own needs no lease while there is nobody to ask. */
	b.strict = true;
	b.first = 1000;
	b.last = 1999;
	KUNIT_EXPECT_EQ(test, xha_limit(&b), 100);
	b.alone = true;
	KUNIT_EXPECT_EQ(test, xha_limit(&b), 1999);
	b.solo = true;
	KUNIT_EXPECT_EQ(test, xha_limit(&b), 1999);
}

/* The nodes' slices cover all numbers, and none twice. */
static void slice(struct kunit *test)
{
	struct xha_partition p = { .soft = 75 };
	struct xha_bounds b;
	u64 next = 1;
	u32 k;

	for (p.slices = 1; p.slices <= XHA_SLICES_MAX; p.slices++, next = 1) {
		p.nodes = min(p.slices, 3);
		for (k = 0; k < p.slices; k++, next = b.last + 1) {
			p.slice = k % p.nodes;
			KUNIT_EXPECT_TRUE(test, xha_slice(&b, next - 1, &p, false));
			KUNIT_EXPECT_EQ(test, b.first, next);
		}
		KUNIT_EXPECT_EQ(test, b.last, U32_MAX);
		KUNIT_EXPECT_FALSE(test, xha_slice(&b, U32_MAX, &p, false));
		KUNIT_EXPECT_EQ(test, b.last, U32_MAX);
		p.slice = 0;
		KUNIT_EXPECT_TRUE(test, xha_slice(&b, U32_MAX, &p, true));
		KUNIT_EXPECT_EQ(test, b.first, (1ULL << 32) + 1);
	}
	KUNIT_EXPECT_FALSE(test, xha_slice(&b, U64_MAX, &p, true));
	b.first = 100;
	b.last = 200;
	KUNIT_EXPECT_EQ(test, xha_slice_soft(&b, 75), 175);
	b.last = U32_MAX;
	KUNIT_EXPECT_EQ(test, xha_slice_soft(&b, 100), U32_MAX);
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
	KUNIT_CASE(slice),
	KUNIT_CASE(auto_interval),
	KUNIT_CASE(lease_end),
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
