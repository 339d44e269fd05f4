// SPDX-License-Identifier: GPL-2.0
/* The table that is looked into for each packet: who is in it is found, and nobody else. */

#include <kunit/test.h>
#include <linux/mm.h>

#include "xfrm/tapped.c"

#define MANY	3000		/* of some pages */

static struct xfrm_state *states;
static struct xha_tapped *sas;

static void insert(struct kunit *test, int i)
{
	sas[i] = (struct xha_tapped) { .x = &states[i] };
	KUNIT_ASSERT_EQ(test, xha_tapped_insert(&sas[i]), 0);
}

/* RCU, as for a packet: by x->lock */
static struct xha_tapped *find(int i)
{
	struct xha_tapped *t;

	spin_lock_bh(&states[i].lock);
	t = xha_tapped(&states[i]);
	spin_unlock_bh(&states[i].lock);
	return t;
}

static u32 found(void)
{
	u32 i, n = 0;

	for (i = 0; i < MANY; i++)
		n += find(i) == &sas[i];
	return n;
}

static void all_are_found(struct kunit *test)
{
	int i;

	KUNIT_EXPECT_EQ(test, found(), 0);
	for (i = 0; i < MANY; i++)
		insert(test, i);
	KUNIT_EXPECT_EQ(test, found(), MANY);
	for (i = 0; i < MANY; i += 2)
		xha_tapped_remove(&sas[i]);
	KUNIT_EXPECT_EQ(test, found(), MANY / 2);
	for (i = 1; i < MANY; i += 2)
		xha_tapped_remove(&sas[i]);
	KUNIT_EXPECT_EQ(test, found(), 0);
}

/* An SA keeps its index when it is forgotten, and another one gets that. */
static void a_slot_has_another(struct kunit *test)
{
	u32 index;

	insert(test, 0);
	index = sas[0].index;
	xha_tapped_remove(&sas[0]);
	insert(test, 1);
	KUNIT_ASSERT_EQ(test, sas[1].index, index);
	KUNIT_ASSERT_EQ(test, states[0].xflags, states[1].xflags);
	KUNIT_EXPECT_PTR_EQ(test, find(0), NULL);
	KUNIT_EXPECT_PTR_EQ(test, find(1), &sas[1]);

	insert(test, 0);
	KUNIT_EXPECT_PTR_EQ(test, find(0), &sas[0]);
	KUNIT_EXPECT_PTR_EQ(test, find(1), &sas[1]);
	xha_tapped_remove(&sas[0]);
	xha_tapped_remove(&sas[1]);
}

static void one_hears_it(struct kunit *test)
{
	struct xha_tapped second = { .x = &states[0] };

	insert(test, 0);
	KUNIT_EXPECT_EQ(test, xha_tapped_insert(&second), -EEXIST);
	KUNIT_EXPECT_PTR_EQ(test, find(0), &sas[0]);
	/* It was never there, so that changes nothing. */
	xha_tapped_remove(&second);
	KUNIT_EXPECT_PTR_EQ(test, find(0), &sas[0]);
	xha_tapped_remove(&sas[0]);
	KUNIT_EXPECT_EQ(test, xha_tapped_insert(&second), 0);
	KUNIT_EXPECT_PTR_EQ(test, find(0), &second);
	xha_tapped_remove(&second);
}

/* Other bits are what they were. */
static void bits_stay(struct kunit *test)
{
	const u32 all = (u32)~XHA_XFLAGS_INDEX;

	states[0].xflags = all;
	insert(test, 0);
	KUNIT_EXPECT_EQ(test, states[0].xflags, all | sas[0].index << XHA_XFLAGS_SHIFT);
	xha_tapped_remove(&sas[0]);
	KUNIT_EXPECT_PTR_EQ(test, find(0), NULL);

	/* No index that bits can name is outside the table. */
	states[0].xflags = ~0;
	KUNIT_EXPECT_PTR_EQ(test, find(0), NULL);
}

static int init(struct kunit *test)
{
	int i;

	states = kvcalloc(MANY, sizeof(*states), GFP_KERNEL);
	sas = kvcalloc(MANY, sizeof(*sas), GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, states && sas);
	for (i = 0; i < MANY; i++)
		spin_lock_init(&states[i].lock);
	return 0;
}

static void clear(struct kunit *test)
{
	xha_tapped_exit();
	kvfree(sas);
	kvfree(states);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(all_are_found),
	KUNIT_CASE(a_slot_has_another),
	KUNIT_CASE(one_hears_it),
	KUNIT_CASE(bits_stay),
	{ }
};

static struct kunit_suite suite = {
	.name = "xfrm_ha_table",
	.init = init,
	.exit = clear,
	.test_cases = cases,
};

kunit_test_suite(suite);
