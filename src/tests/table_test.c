// SPDX-License-Identifier: GPL-2.0
/* The table that is looked into for each packet: its chains stay short with any number of SAs. */

#include <kunit/test.h>
#include <linux/mm.h>

#include "xfrm/tap.h"

#define MANY	131072		/* SAs of a netns, by default */
#define APART	1024		/* octets from one xfrm_state to the next */

/* Nobody looks at what is there. */
static struct xfrm_state *state(unsigned long n)
{
	return (void *)(0xffff888000000000UL + n * APART);
}

static u32 longest(struct rhashtable *table, u32 *used)
{
	struct bucket_table *tbl;
	struct rhash_head *pos;
	u32 i, n, most = 0;

	*used = 0;
	rcu_read_lock();
	tbl = rht_dereference_rcu(table->tbl, table);
	for (i = 0; i < tbl->size; i++) {
		n = 0;
		rht_for_each_rcu(pos, tbl, i)
			n++;
		*used += !!n;
		most = max(most, n);
	}
	rcu_read_unlock();
	return most;
}

static void grows(struct kunit *test)
{
	static struct rhashtable table;
	struct xha_tapped *sas;
	u32 i, used, most, n = 0;

	sas = kvcalloc(MANY, sizeof(*sas), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, sas);
	KUNIT_ASSERT_EQ(test, rhashtable_init(&table, &xha_tapped_params), 0);
	for (i = 0; i < MANY; i++) {
		sas[i].x = state(i);
		if (!rhashtable_lookup_insert_fast(&table, &sas[i].by_x, xha_tapped_params))
			n++;
		cond_resched();
	}
	KUNIT_EXPECT_EQ(test, n, MANY);
	flush_work(&table.run_work);
	most = longest(&table, &used);
	kunit_info(test, "%u SAs, %u buckets used, the longest chain has %u", n, used, most);
	/* A chain of some seven is the longest at random, in twice as many buckets as SAs. */
	KUNIT_EXPECT_GT(test, used, MANY / 2);
	KUNIT_EXPECT_LE(test, most, 12);
	for (i = n = 0; i < MANY; i++) {
		struct xfrm_state *x = state(i);

		n += rhashtable_lookup_fast(&table, &x, xha_tapped_params) == &sas[i];
	}
	KUNIT_EXPECT_EQ(test, n, MANY);
	rhashtable_destroy(&table);
	kvfree(sas);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(grows),
	{ }
};

static struct kunit_suite suite = {
	.name = "xfrm_ha_table",
	.test_cases = cases,
};

kunit_test_suite(suite);
