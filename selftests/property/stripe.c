// SPDX-License-Identifier: GPL-2.0
/*
 * Stripes: small ones number by number, all others by counting which numbers of a share there are
 * up to a given one (which is itself checked against the small ones).
 */

#include "property.h"
#include "pure/stripe.h"

static bool owns(const struct xha_share *s, u8 bits, unsigned __int128 n)
{
	return s->step && (n >> bits) % s->step == s->first;
}

/* How many numbers from 0 on belong to the share, @n included */
static unsigned __int128 up_to(const struct xha_share *s, u8 bits, u64 n)
{
	unsigned __int128 stripe = n >> bits, whole, part;

	if (!s->step)
		return 0;
	whole = stripe > s->first ? (stripe - s->first - 1) / s->step + 1 : 0;
	part = stripe % s->step == s->first ? (n & ((1ULL << bits) - 1)) + 1 : 0;
	return (whole << bits) + part;
}

static void any_share(struct xha_share *s, u32 most)
{
	*s = (struct xha_share) { .step = any_size(most) };
	if (s->step)
		s->first = one_in(4) ? s->step - 1 : below(s->step);
}

/* Each number on its own */
static void small(void)
{
	u8 bits = 1 + below(5);
	unsigned __int128 i;
	struct xha_share s;
	u64 n, q, got, count = 0, wanted = U64_MAX;

	any_share(&s, 4);
	n = one_in(4) ? U64_MAX - below(2000) : one_in(4) ? (1ULL << 32) - below(2000) :
	    below(2000);
	q = 1 + below(100);
	for (i = (unsigned __int128)n + 1; s.step && i <= U64_MAX; i++) {
		if (!owns(&s, bits, i))
			continue;
		got = xha_share_next(&s, bits, n);
		expect(count || got == (u64)i, "next(%u/%u, %u, %llu) is %llu, not %llu",
		       s.first, s.step, bits, n, got, (u64)i);
		if (++count < q)
			continue;
		wanted = i;
		break;
	}
	got = xha_share_ahead(&s, bits, n, q);
	expect(got == wanted, "ahead(%u/%u, %u, %llu, %llu) is %llu, not %llu", s.first, s.step,
	       bits, n, q, got, wanted);
	if (wanted == U64_MAX)
		return;
	got = xha_share_run(&s, bits, wanted);
	i = wanted;
	while (i < U64_MAX && s.step > 1 && owns(&s, bits, i + 1))
		i++;
	expect(got == (s.step == 1 ? U64_MAX : (u64)i), "run(%u/%u, %u, %llu) is %llu", s.first,
	       s.step, bits, wanted, got);
	/* The count that the others are checked with */
	count = 0;
	n = below(2000);
	for (i = 0; i <= n; i++)
		count += owns(&s, bits, i);
	expect(count == (u64)up_to(&s, bits, n), "%u/%u, %u: %llu up to %llu", s.first, s.step,
	       bits, count, n);
}

static void any(void)
{
	u8 bits = 1 + below(XHA_STRIPE_MAX);
	unsigned __int128 before, left;
	struct xha_share s;
	u64 n, q, got;

	any_share(&s, 32);
	n = edgy();
	if (one_in(2))
		n = (n >> bits << bits) - below(3);
	q = one_in(4) ? (1ULL << bits) + below(3) - 1 : edgy();
	if (!q)
		q = 1;
	expect(xha_share_has(&s, bits, n) == owns(&s, bits, n), "has(%u/%u, %u, %llu)", s.first,
	       s.step, bits, n);

	before = up_to(&s, bits, n);
	left = up_to(&s, bits, U64_MAX) - before;
	got = xha_share_ahead(&s, bits, n, q);
	if (q > left)
		expect(got == U64_MAX, "ahead(%u/%u, %u, %llu, %llu) is %llu, but there is none",
		       s.first, s.step, bits, n, q, got);
	else
		expect(got > n && owns(&s, bits, got) && up_to(&s, bits, got) - before == q,
		       "ahead(%u/%u, %u, %llu, %llu) is %llu", s.first, s.step, bits, n, q, got);
	got = xha_share_next(&s, bits, n);
	if (!left)
		expect(got == U64_MAX, "next(%u/%u, %u, %llu) is %llu, but there is none", s.first,
		       s.step, bits, n, got);
	else
		expect(got > n && owns(&s, bits, got) && up_to(&s, bits, got) - before == 1,
		       "next(%u/%u, %u, %llu) is %llu", s.first, s.step, bits, n, got);

	q = up_to(&s, bits, U32_MAX);
	got = xha_share_size(&s, bits);
	expect(got == q, "size(%u/%u, %u) is %llu, not %llu", s.first, s.step, bits, got, q);
}

/* Who has a number before has it afterwards, or has given it away; never is a jump too far. */
static void split(void)
{
	u8 bits = 1 + below(XHA_STRIPE_MAX);
	struct xha_share own, was, given = { 7, 7 };
	u64 n = edgy(), end, to;
	bool can, done;

	any_share(&own, 32);
	was = own;
	can = own.step && ((unsigned __int128)2 * own.step << bits) <= 1ULL << 31;
	done = xha_share_split(&own, &given, bits);
	expect(done == can, "split(%u/%u, %u) is %d", was.first, was.step, bits, done);
	if (!done) {
		expect(own.first == was.first && own.step == was.step && !given.step,
		       "split(%u/%u, %u) failed, and changed it", was.first, was.step, bits);
		return;
	}
	expect(own.first < own.step && given.first < given.step, "split(%u/%u, %u) is %u/%u, %u/%u",
	       was.first, was.step, bits, own.first, own.step, given.first, given.step);
	expect(xha_share_has(&own, bits, n) + xha_share_has(&given, bits, n) ==
	       xha_share_has(&was, bits, n), "split(%u/%u, %u): %llu", was.first, was.step, bits,
	       n);
	end = xha_share_run(&own, bits, xha_share_next(&own, bits, n >> 1));
	to = xha_share_next(&own, bits, end);
	expect(to - end < 1ULL << 31, "split(%u/%u, %u): %llu to %llu", was.first, was.step, bits,
	       end, to);
}

static void one_case(void)
{
	if (one_in(8))
		small();
	any();
	split();
}

int main(int argc, char **argv)
{
	return property(argc, argv, "stripe", 200000, one_case);
}
