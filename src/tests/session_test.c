// SPDX-License-Identifier: GPL-2.0
/* Verdicts of session and term. */

#include <kunit/test.h>

#include "pure/session.c"
#include "pure/term.c"

static void hello(struct kunit *test)
{
	struct xha_hs hs = { .node = 1, .nonce = { 1 } };
	struct xha_hello h = { .node = 2, .nonce = { 2 } };

	KUNIT_EXPECT_EQ(test, xha_hello_verdict(&hs, &h), XHA_HELLO_REPLY);
	h.echo[0] = 1;
	KUNIT_EXPECT_EQ(test, xha_hello_verdict(&hs, &h), XHA_HELLO_START);
	hs.up = true;
	hs.peer[0] = 2;
	KUNIT_EXPECT_EQ(test, xha_hello_verdict(&hs, &h), XHA_HELLO_IGNORE);
	h.echo[0] = 0;
	KUNIT_EXPECT_EQ(test, xha_hello_verdict(&hs, &h), XHA_HELLO_CONFIRM);
	h.nonce[0] = 3;
	KUNIT_EXPECT_EQ(test, xha_hello_verdict(&hs, &h), XHA_HELLO_REPLY);
	h.insecure = 1;
	KUNIT_EXPECT_EQ(test, xha_hello_verdict(&hs, &h), XHA_HELLO_SECURITY);
	/* It may be anybody's: the node id in it is nobody's. */
	h.node = 1;
	KUNIT_EXPECT_EQ(test, xha_hello_verdict(&hs, &h), XHA_HELLO_SECURITY);
	h.insecure = 0;
	KUNIT_EXPECT_EQ(test, xha_hello_verdict(&hs, &h), XHA_HELLO_SAME_NODE);
	h.nonce[0] = 1;
	KUNIT_EXPECT_EQ(test, xha_hello_verdict(&hs, &h), XHA_HELLO_IGNORE);
}

static void bucket(struct kunit *test)
{
	u64 full_at = 0, now = 5000;
	int i;

	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_TRUE(test, xha_bucket_take(&full_at, now, 10, 4));
	KUNIT_EXPECT_FALSE(test, xha_bucket_take(&full_at, now, 10, 4));
	KUNIT_EXPECT_FALSE(test, xha_bucket_take(&full_at, now + 9, 10, 4));
	KUNIT_EXPECT_TRUE(test, xha_bucket_take(&full_at, now + 10, 10, 4));
	KUNIT_EXPECT_FALSE(test, xha_bucket_take(&full_at, now + 10, 10, 4));
	now += 1000;
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_TRUE(test, xha_bucket_take(&full_at, now, 10, 4));
	KUNIT_EXPECT_FALSE(test, xha_bucket_take(&full_at, now, 10, 4));
}

/* Frames that time out before any is acknowledged get more time, those after them less again. */
static void backoff(struct kunit *test)
{
	struct xha_rtt rtt = { };
	u64 rto = xha_rto(&rtt);
	int i;

	xha_rtt_backoff(&rtt);
	KUNIT_EXPECT_EQ(test, xha_rto(&rtt), 2 * rto);
	for (i = 0; i < 100; i++)
		xha_rtt_backoff(&rtt);
	KUNIT_EXPECT_EQ(test, xha_rto(&rtt), RTO_MAX);
	xha_rtt_sample(&rtt, NS_PER_MS);
	KUNIT_EXPECT_EQ(test, xha_rto(&rtt), RTO_MIN);
}

static void rx(struct kunit *test)
{
	struct xha_rx rx = { };
	struct xha_ack ack;
	u64 n;

	KUNIT_EXPECT_FALSE(test, xha_rx_fresh(&rx, 0));
	for (n = 1; n < 5000; n++) {
		KUNIT_ASSERT_TRUE(test, xha_rx_mark(&rx, n));
		KUNIT_ASSERT_FALSE(test, xha_rx_mark(&rx, n));
	}
	KUNIT_EXPECT_TRUE(test, xha_rx_mark(&rx, 5003));
	KUNIT_EXPECT_TRUE(test, xha_rx_mark(&rx, 5001));
	KUNIT_EXPECT_FALSE(test, xha_rx_fresh(&rx, 5003 - XHA_RX_BITS));
	xha_rx_ack(&rx, &ack);
	KUNIT_EXPECT_EQ(test, ack.largest, 5003);
	/* 5002 and 5000 are missing */
	KUNIT_EXPECT_EQ(test, ack.bits, ~5ULL);
	KUNIT_EXPECT_TRUE(test, xha_rx_mark(&rx, 5003 + 10 * XHA_RX_BITS));
	KUNIT_EXPECT_FALSE(test, xha_rx_fresh(&rx, 5002));
}

static void sent(struct kunit *test)
{
	struct xha_ack ack = { .largest = 10, .bits = 1 };

	KUNIT_EXPECT_EQ(test, xha_sent_verdict(10, 0, 1, 100, &ack), XHA_SENT_ACKED);
	KUNIT_EXPECT_EQ(test, xha_sent_verdict(9, 0, 1, 100, &ack), XHA_SENT_ACKED);
	KUNIT_EXPECT_EQ(test, xha_sent_verdict(8, 0, 1, 100, &ack), XHA_SENT_WAIT);
	KUNIT_EXPECT_EQ(test, xha_sent_verdict(7, 0, 1, 100, &ack), XHA_SENT_LOST);
	KUNIT_EXPECT_EQ(test, xha_sent_verdict(11, 0, 1, 100, &ack), XHA_SENT_WAIT);
	KUNIT_EXPECT_EQ(test, xha_sent_verdict(11, 0, 101, 100, &ack), XHA_SENT_LOST);
}

static enum xha_claim claim_of(enum xha_role role)
{
	switch (role) {
	case XHA_ROLE_ACTIVE:
	case XHA_ROLE_RELEASING:
		return XHA_CLAIM_ACTIVE;
	case XHA_ROLE_HANDED:
		return XHA_CLAIM_HANDOVER;
	default:
		return XHA_CLAIM_STANDBY;
	}
}

struct end {
	enum xha_role role;
	u32 term, node;
};

/* @e hears what @from is now. */
static void hear(struct end *e, const struct end *from)
{
	switch (xha_term_verdict(e->role, &e->term, e->node, claim_of(from->role), from->term,
				 from->node)) {
	case XHA_TERM_STEP_DOWN:
		e->role = XHA_ROLE_STANDBY;
		break;
	case XHA_TERM_ACTIVATE:
		e->role = XHA_ROLE_ACTIVE;
		break;
	case XHA_TERM_RELEASE:
		e->role = XHA_ROLE_RELEASING;
		break;
	default:
		break;
	}
}

/* Whatever both were, in whichever order they hear of each other: one is active at most. */
static void one_active(struct kunit *test)
{
	int n, order, i;

	/* 5 roles and 4 terms each, and 4 messages either way */
	for (n = 0; n < 5 * 5 * 4 * 4 * 16; n++) {
		int ra = n % 5, rb = n / 5 % 5, ta = n / 25 % 4, tb = n / 100 % 4;
		struct end a = { ra, ta, 1 }, b = { rb, tb, 2 };

		order = n / 400;
		for (i = 0; i < 4; i++) {
			if (order >> i & 1)
				hear(&a, &b);
			else
				hear(&b, &a);
		}
		hear(&a, &b);
		hear(&b, &a);
		KUNIT_EXPECT_FALSE_MSG(test, a.role == XHA_ROLE_ACTIVE &&
				       b.role == XHA_ROLE_ACTIVE,
				       "roles %d %d terms %d %d order %d", ra, rb, ta, tb, order);
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(hello),
	KUNIT_CASE(bucket),
	KUNIT_CASE(backoff),
	KUNIT_CASE(rx),
	KUNIT_CASE(sent),
	KUNIT_CASE(one_active),
	{ }
};

static struct kunit_suite suite = {
	.name = "xfrm_ha_session",
	.test_cases = cases,
};

kunit_test_suite(suite);
