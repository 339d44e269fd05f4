// SPDX-License-Identifier: GPL-2.0
/* Sequence and lease arithmetic at its edges. */

#include <kunit/test.h>

#include "../lease.c"

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

static struct kunit_case cases[] = {
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
