// SPDX-License-Identifier: GPL-2.0
/* Wire format: what is encoded is decoded, what is malformed is refused. */

#include <kunit/test.h>
#include <linux/prandom.h>

#include "pure/frame.c"

static void header(struct kunit *test)
{
	struct xha_hdr h = { XHA_FRAME_DATA, XHA_HDR_F_ELICIT, 40, 0xdeadbeef, 1ULL << 40 }, d;
	u8 buf[64] = { };

	KUNIT_EXPECT_EQ(test, xha_hdr_encode(buf, sizeof(buf), &h), XHA_HDR_LEN);
	KUNIT_EXPECT_EQ(test, xha_hdr_decode(buf, sizeof(buf), &d), XHA_HDR_LEN);
	KUNIT_EXPECT_EQ(test, d.session, h.session);
	KUNIT_EXPECT_EQ(test, d.number, h.number);
	KUNIT_EXPECT_EQ(test, d.len, h.len);
	KUNIT_EXPECT_EQ(test, xha_hdr_decode(buf, XHA_HDR_LEN + 39, &d), -EBADMSG);
	KUNIT_EXPECT_EQ(test, xha_hdr_decode(buf, XHA_HDR_LEN - 1, &d), -EBADMSG);
	buf[0]++;
	KUNIT_EXPECT_EQ(test, xha_hdr_decode(buf, sizeof(buf), &d), -EPROTONOSUPPORT);
}

static void record(struct kunit *test)
{
	struct xha_window w = { .edge = 77, .width = 100, .bits = { 1, 2, 3, 0xf } };
	struct xha_record r = {
		.in = true, .flags = XHA_REC_F_BITMAP, .index = 0xabcdef, .seq = 77,
		.bytes = 0x123456789abcULL, .packets = 0xcba987654321ULL, .window = &w,
	};
	struct xha_window got;
	struct xha_msg m;
	u8 buf[64];
	int n;

	n = xha_record_encode(buf, sizeof(buf), &r);
	KUNIT_EXPECT_EQ(test, n, XHA_RECORD_LEN + 4 + 16);
	KUNIT_EXPECT_EQ(test, xha_msg_decode(buf, n, &m, &got), n);
	KUNIT_EXPECT_TRUE(test, m.record.in);
	KUNIT_EXPECT_EQ(test, m.record.index, r.index);
	KUNIT_EXPECT_EQ(test, m.record.bytes, r.bytes);
	KUNIT_EXPECT_EQ(test, m.record.packets, r.packets);
	KUNIT_EXPECT_MEMEQ(test, &got, &w, sizeof(w));
	KUNIT_EXPECT_EQ(test, xha_msg_decode(buf, n - 1, &m, &got), -EBADMSG);
	r.flags = 0;
	KUNIT_EXPECT_EQ(test, xha_record_encode(buf, sizeof(buf), &r), 24);
	KUNIT_EXPECT_EQ(test, xha_record_encode(buf, 23, &r), -ENOSPC);
	r.index = XHA_INDEX_MAX + 1;
	KUNIT_EXPECT_EQ(test, xha_record_encode(buf, sizeof(buf), &r), -EINVAL);
}

static void control(struct kunit *test)
{
	struct xha_announce a = {
		.index = 5, .id = { .daddr = { cpu_to_be32(1), cpu_to_be32(2) },
				    .spi = cpu_to_be32(9), .mark_v = 1, .mark_m = 2,
				    .if_id = 3, .family = FAMILY_INET6, .proto = 50,
				    .key = 0x0123456789abcdefULL },
		.mode = 2, .out = 1ULL << 33, .in = 5, .bytes = U64_MAX, .packets = 7,
		.stripe = XHA_STRIPE_MAX, .group = U16_MAX, .inc = 0x80000001, .peer_inc = 9,
		.node_inc = 0x89abcdef,
		.share = { .first = 4095, .step = 4096 },
	};
	struct xha_group_msg g = {
		.name = "vpn", .role = XHA_WIRE_ACTIVE, .term = 3, .node = 4,
		.id = 0x1234, .sas = 77, .missing = U32_MAX,
	};
	struct xha_window w;
	struct xha_msg m;
	u8 buf[128];
	int n;

	n = xha_announce_encode(buf, sizeof(buf), &a);
	KUNIT_EXPECT_EQ(test, xha_msg_decode(buf, n, &m, &w), n);
	KUNIT_EXPECT_MEMEQ(test, &m.announce.id, &a.id, sizeof(a.id));
	KUNIT_EXPECT_EQ(test, m.announce.out, a.out);
	KUNIT_EXPECT_EQ(test, m.announce.bytes, a.bytes);
	KUNIT_EXPECT_EQ(test, m.announce.stripe, a.stripe);
	KUNIT_EXPECT_EQ(test, m.announce.group, a.group);
	KUNIT_EXPECT_EQ(test, m.announce.inc, a.inc);
	KUNIT_EXPECT_EQ(test, m.announce.peer_inc, a.peer_inc);
	KUNIT_EXPECT_EQ(test, m.announce.node_inc, a.node_inc);
	KUNIT_EXPECT_EQ(test, m.announce.share.first, a.share.first);
	KUNIT_EXPECT_EQ(test, m.announce.share.step, a.share.step);
	n = xha_group_encode(buf, sizeof(buf), &g);
	KUNIT_EXPECT_EQ(test, xha_msg_decode(buf, n, &m, &w), n);
	KUNIT_EXPECT_STREQ(test, m.group.name, "vpn");
	KUNIT_EXPECT_EQ(test, m.group.term, 3);
	KUNIT_EXPECT_EQ(test, m.group.id, g.id);
	KUNIT_EXPECT_EQ(test, m.group.sas, g.sas);
	KUNIT_EXPECT_EQ(test, m.group.missing, g.missing);
	memset(buf + 16, 'x', XHA_NAME_LEN);
	KUNIT_EXPECT_EQ(test, xha_msg_decode(buf, n, &m, &w), -EBADMSG);
	/* A kind of the future is skipped. */
	n = xha_empty_encode(buf, sizeof(buf), 0x77);
	KUNIT_EXPECT_EQ(test, xha_msg_decode(buf, sizeof(buf), &m, &w), n);
}

static int announced(u32 inc, u8 stripe, u32 first, u32 step)
{
	struct xha_announce a = {
		.id.family = FAMILY_INET, .inc = inc, .stripe = stripe, .share = { first, step },
	};
	u8 buf[XHA_ANNOUNCE_LEN];
	struct xha_window w;
	struct xha_msg m;

	xha_announce_encode(buf, sizeof(buf), &a);
	return xha_msg_decode(buf, sizeof(buf), &m, &w);
}

/* Stripes, shares and incarnations that can't be. */
static void shares(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, announced(1, XHA_STRIPE_MIN, 0, 0), XHA_ANNOUNCE_LEN);
	KUNIT_EXPECT_EQ(test, announced(1, XHA_STRIPE_MAX, 1, 2), XHA_ANNOUNCE_LEN);
	KUNIT_EXPECT_EQ(test, announced(1, XHA_STRIPE_MIN, 0, XHA_SHARE_NONE), XHA_ANNOUNCE_LEN);
	KUNIT_EXPECT_EQ(test, announced(0, XHA_STRIPE_MIN, 0, 1), -EBADMSG);
	KUNIT_EXPECT_EQ(test, announced(1, XHA_STRIPE_MIN - 1, 0, 1), -EBADMSG);
	KUNIT_EXPECT_EQ(test, announced(1, XHA_STRIPE_MAX + 1, 0, 1), -EBADMSG);
	KUNIT_EXPECT_EQ(test, announced(1, XHA_STRIPE_MIN, 1, 1), -EBADMSG);
	KUNIT_EXPECT_EQ(test, announced(1, XHA_STRIPE_MIN, 4096, 4096), -EBADMSG);
}

/* Noise: no read beyond the end (KASAN watches), no more taken than there is. */
static void noise(struct kunit *test)
{
	struct xha_window *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);
	struct xha_msg *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	struct rnd_state rnd;
	int i, n, len;
	u8 *buf;

	prandom_seed_state(&rnd, 815);
	for (i = 0; i < 20000; i++) {
		len = prandom_u32_state(&rnd) % 700;
		buf = kmalloc(len, GFP_KERNEL);
		if (!buf)
			break;
		prandom_bytes_state(&rnd, buf, len);
		if (len > 4 && i % 2) {
			buf[0] = i % 4 == 1 ? 0x30 + i % 7 : 0x12 + (i % 3 << 4);
			buf[2] = 0;
			buf[3] &= 0x7c;
		}
		n = xha_msg_decode(buf, len, m, w);
		KUNIT_ASSERT_LE(test, n, len);
		KUNIT_ASSERT_TRUE(test, n > 0 || n == -EBADMSG);
		kfree(buf);
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(header),
	KUNIT_CASE(record),
	KUNIT_CASE(control),
	KUNIT_CASE(shares),
	KUNIT_CASE(noise),
	{ }
};

static struct kunit_suite suite = {
	.name = "xfrm_ha_frame",
	.test_cases = cases,
};

kunit_test_suite(suite);
