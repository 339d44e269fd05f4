// SPDX-License-Identifier: GPL-2.0
/*
 * Replay windows against a model of the kernel's ring: the functions that
 * follow compute what net/xfrm/xfrm_replay.c computes for bitmap mode.
 */

#include <kunit/test.h>
#include <linux/prandom.h>

#include "pure/window.c"

struct ring {
	u32 seq;
	u32 width;
	u32 bmp[XHA_WINDOW_WORDS];
};

static u32 model_bit(const struct ring *r, u32 diff)
{
	u32 pos = (r->seq - 1) % r->width;

	return pos >= diff ? (pos - diff) % r->width : r->width - (diff - pos);
}

static void model_advance(struct ring *r, u32 seq)
{
	u32 pos = (r->seq - 1) % r->width, diff, bit, i;

	if (seq > r->seq) {
		diff = seq - r->seq;
		if (diff < r->width) {
			for (i = 1; i < diff; i++) {
				bit = (pos + i) % r->width;
				r->bmp[bit / 32] &= ~(1U << bit % 32);
			}
		} else {
			memset(r->bmp, 0, sizeof(r->bmp));
		}
		bit = (pos + diff) % r->width;
		r->seq = seq;
	} else {
		bit = model_bit(r, r->seq - seq);
	}
	r->bmp[bit / 32] |= 1U << bit % 32;
}

static bool model_seen(const struct ring *r, u32 seq)
{
	u32 bit;

	if (seq > r->seq)
		return false;
	if (r->seq - seq >= r->width)
		return true;
	bit = model_bit(r, r->seq - seq);
	return r->bmp[bit / 32] >> bit % 32 & 1;
}

/* What was accepted in the ring is seen in the window, and after the way back. */
static void ring(struct kunit *test)
{
	static const u32 widths[] = { 1, 5, 32, 33, 64, 100, 128, 1000, 4096 };
	struct xha_window *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);
	struct ring *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);
	struct rnd_state rnd;
	u32 i, j, n, seq;

	prandom_seed_state(&rnd, 4711);
	for (i = 0; i < ARRAY_SIZE(widths); i++) {
		memset(r, 0, sizeof(*r));
		r->width = widths[i];
		for (n = 0; n < 300; n++) {
			seq = r->seq + 1 + prandom_u32_state(&rnd) % (n % 7 ? 3 : 2 * r->width);
			if (n % 3 == 0 && r->seq > r->width)
				seq = r->seq - prandom_u32_state(&rnd) % r->width;
			model_advance(r, seq);
			xha_window_from_ring(w, r->seq, r->bmp, r->width);
			for (j = 0; j < r->width + 3 && j < r->seq; j++)
				KUNIT_ASSERT_EQ(test, xha_window_seen(w, r->seq - j),
						model_seen(r, r->seq - j));
			xha_window_to_ring(w, r->bmp);
			for (j = 0; j < r->width + 3 && j < r->seq; j++)
				KUNIT_ASSERT_EQ(test, xha_window_seen(w, r->seq - j),
						model_seen(r, r->seq - j));
		}
	}
}

/* Passing in place is what the way through a window gives. */
static void pass(struct kunit *test)
{
	static const u32 widths[] = { 1, 5, 32, 33, 64, 100, 128, 1000, 4096 };
	struct xha_window *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);
	u32 *a = kunit_kzalloc(test, XHA_WINDOW_MAX / 8, GFP_KERNEL);
	u32 *b = kunit_kzalloc(test, XHA_WINDOW_MAX / 8, GFP_KERNEL);
	struct rnd_state rnd;
	u32 i, j, n;

	prandom_seed_state(&rnd, 815);
	for (i = 0; i < ARRAY_SIZE(widths); i++) {
		u64 old = (1ULL << 33) - 300 * widths[i], edge;

		memset(a, 0, XHA_WINDOW_MAX / 8);
		for (n = 0; n < 1000; n++, old = edge) {
			edge = old + 1 + prandom_u32_state(&rnd) % (n % 7 ? 3 : 2 * widths[i]);
			j = prandom_u32_state(&rnd) % widths[i];
			a[j / 32] &= ~(1u << j % 32);
			xha_window_from_ring(w, old, a, widths[i]);
			xha_window_advance(w, edge, true);
			xha_window_to_ring(w, b);
			if (!xha_window_ring_pass(a, widths[i], old, edge)) {
				KUNIT_ASSERT_NE(test, (old - 1) >> 32, (edge - 1) >> 32);
				memcpy(a, b, XHA_WINDOW_MAX / 8);
			}
			KUNIT_ASSERT_MEMEQ(test, a, b, 4 * xha_window_words(widths[i]));
		}
	}
}

static void legacy(struct kunit *test)
{
	struct xha_window w;

	xha_window_from_legacy(&w, 100, 0x80000005, 32);
	KUNIT_EXPECT_TRUE(test, xha_window_seen(&w, 100));
	KUNIT_EXPECT_FALSE(test, xha_window_seen(&w, 99));
	KUNIT_EXPECT_TRUE(test, xha_window_seen(&w, 98));
	KUNIT_EXPECT_TRUE(test, xha_window_seen(&w, 69));
	KUNIT_EXPECT_TRUE(test, xha_window_seen(&w, 68));
	KUNIT_EXPECT_FALSE(test, xha_window_seen(&w, 101));
	KUNIT_EXPECT_EQ(test, xha_window_to_legacy(&w), 0x80000005);
	xha_window_from_legacy(&w, 100, 0xffffffff, 8);
	KUNIT_EXPECT_EQ(test, xha_window_to_legacy(&w), 0xff);
}

static void move(struct kunit *test)
{
	struct xha_window w;
	u64 edge = 1ULL << 32;

	xha_window_from_legacy(&w, 10, 1, 32);
	w.edge = edge - 2;
	w.width = 64;
	xha_window_advance(&w, edge + 3, false);
	KUNIT_EXPECT_EQ(test, w.edge, edge + 3);
	KUNIT_EXPECT_TRUE(test, xha_window_seen(&w, edge - 2));
	KUNIT_EXPECT_FALSE(test, xha_window_seen(&w, edge));
	xha_window_advance(&w, edge + 5, true);
	KUNIT_EXPECT_TRUE(test, xha_window_seen(&w, edge + 4));
	KUNIT_EXPECT_TRUE(test, xha_window_seen(&w, edge + 5));
	KUNIT_EXPECT_FALSE(test, xha_window_seen(&w, edge + 3));
	xha_window_advance(&w, edge, true);
	KUNIT_EXPECT_EQ(test, w.edge, edge + 5);
	xha_window_advance(&w, edge + 1000, true);
	KUNIT_EXPECT_TRUE(test, xha_window_seen(&w, edge + 1000 - 63));
}

static void merge(struct kunit *test)
{
	struct xha_window a, b;

	xha_window_from_legacy(&a, 100, 0x1, 32);
	xha_window_from_legacy(&b, 104, 0x3, 8);
	xha_window_merge(&a, &b);
	KUNIT_EXPECT_EQ(test, a.edge, 104);
	KUNIT_EXPECT_TRUE(test, xha_window_seen(&a, 104));
	KUNIT_EXPECT_TRUE(test, xha_window_seen(&a, 103));
	KUNIT_EXPECT_FALSE(test, xha_window_seen(&a, 102));
	KUNIT_EXPECT_TRUE(test, xha_window_seen(&a, 100));
	KUNIT_EXPECT_FALSE(test, xha_window_seen(&a, 99));
	/* Left of the narrower window: it would have refused it. */
	KUNIT_EXPECT_TRUE(test, xha_window_seen(&a, 96));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(ring),
	KUNIT_CASE(pass),
	KUNIT_CASE(legacy),
	KUNIT_CASE(move),
	KUNIT_CASE(merge),
	{ }
};

static struct kunit_suite suite = {
	.name = "xfrm_ha_window",
	.test_cases = cases,
};

kunit_test_suite(suite);
