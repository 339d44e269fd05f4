// SPDX-License-Identifier: GPL-2.0
/*
 * Lease arithmetic against sums of 128 bits, bounds against each number on its own; and what they
 * are for: two nodes on a link that loses, repeats and reorders, that are cut off, take over, crash
 * and forget again and again, use no number twice. Without the stripes they do: else the simulation
 * would show nothing.
 */

#include "property.h"
#include "pure/lease.h"

#define ROUNDS		4	/* steps of either simulation in a case */

static u64 of(__int128 v)
{
	return v;
}

static __int128 least(__int128 a, __int128 b)
{
	return a < b ? a : b;
}

static __int128 most(__int128 a, __int128 b)
{
	return a > b ? a : b;
}

static void due(void)
{
	u64 seq = edgy(), at = one_in(2) ? seq + any_size(21) - any_size(21) : edgy();
	__int128 ahead = (__int128)seq - at;

	if (ahead >= (__int128)1 << 63)
		ahead -= (__int128)1 << 64;
	else if (ahead < -((__int128)1 << 63))
		ahead += (__int128)1 << 64;
	expect(xha_due(seq, at) == (ahead >= 0), "due(%llu, %llu) is %d", seq, at, ahead < 0);
}

static void counts(void)
{
	u64 known = edgy(), low = (one_in(2) ? edgy() : known + any_size(49) - any_size(49)) <<
		    16 >> 16, got = xha_expand48(known, low);
	__int128 far = got > known ? (__int128)got - known : (__int128)known - got, v, d;
	int i;

	expect(got << 16 >> 16 == low, "expand48(%llu, %llu) is %llu", known, low, got);
	for (i = -1; i <= 1; i++) {
		v = ((__int128)(known >> 48) + i) * ((__int128)1 << 48) + low;
		d = v > known ? v - known : known - v;
		expect(v < 0 || v > U64_MAX || d >= far,
		       "expand48(%llu, %llu) is %llu, but %llu is nearer", known, low, got, of(v));
	}
}

static u32 half_or_one(u32 n)
{
	return n < 2 ? 1 : n / 2;
}

static u32 in_interval(u32 interval, u32 window)
{
	return window && half_or_one(window) < interval ? half_or_one(window) : interval;
}

static void intervals(void)
{
	u32 interval = any_size(20), window = one_in(8) ? 0 : any_size(12) + 1;
	u32 quantity = one_in(4) ? 0 : any_size(30), peak = any_size(32), got, urge;
	bool lenient = one_in(2);
	struct xha_exposure e;
	u64 moved = edgy();
	__int128 lost;

	got = xha_in_interval(interval, window);
	expect(got == in_interval(interval, window), "in_interval(%u, %u) is %u", interval,
	       window, got);
	got = xha_quantity(quantity, interval);
	expect(got == (quantity ? quantity : most(XHA_QUANTITY_DEFAULT, 2 * (__int128)interval)),
	       "quantity(%u, %u) is %u", quantity, interval, got);

	got = xha_urge_out(interval, quantity);
	expect(got == (most(quantity / (interval ? 4 : 8), 1)),
	       "urge_out(%u, %u) is %u", interval, quantity, got);
	urge = xha_urge_in(interval, window, lenient);
	got = interval ? interval : XHA_UNSAID;
	expect(urge == (lenient ? most(interval, XHA_UNSAID) : in_interval(got, window)),
	       "urge_in(%u, %u, %d) is %u", interval, window, lenient, urge);

	got = xha_peak(peak, moved);
	expect(got == most(least(moved, U32_MAX), (__int128)peak - peak / 8),
	       "peak(%u, %llu) is %u", peak, moved, got);

	if (!window)
		return;
	xha_exposure(&e, interval, window, peak, lenient);
	lost = in_interval(interval ? interval : 1, window) + 2 * (__int128)peak;
	lost = lenient ? 0 : least(lost, (__int128)urge + XHA_ROUND);
	expect(e.lost == lost && (__int128)e.lost + e.replay == (__int128)urge + XHA_ROUND,
	       "exposure(%u, %u, %u, %d) is %u, %u", interval, window, peak, lenient, e.lost,
	       e.replay);
}

static void auto_interval(void)
{
	u64 packets = one_in(32) ? edgy() : any_size(29), ns = any_size(50), got;
	u32 max_age = 1 + below(60000), top = 1 + any_size(27);
	__int128 wanted = top;

	if (ns >= 1000 && packets < U32_MAX)
		wanted = most(1, least(top, (__int128)packets * max_age * 500 / (ns / 1000)));
	got = xha_auto_interval(packets, ns, max_age, top);
	expect(got == wanted, "auto_interval(%llu, %llu, %u, %u) is %llu", packets, ns, max_age,
	       top, got);
}

/* --- bounds --- */

static bool may(const struct xha_bounds *b, __int128 n)
{
	if (n > b->end || (b->bound && n > b->lease))
		return false;
	return n <= b->floor ||
	       (b->share.step && (u64)(n >> b->bits) % b->share.step == b->share.first);
}

static void any_bounds(struct xha_bounds *b, u64 oseq)
{
	*b = (struct xha_bounds) {
		.bound = one_in(2), .whole = one_in(4), .bits = 1 + below(4),
		.share.step = any_size(3), .end = xha_end(one_in(2)),
		.floor = one_in(2) ? 0 : oseq + below(100) - 50,
		.lease = oseq + below(200) - 20,
	};
	if (b->share.step)
		b->share.first = below(b->share.step);
	if (one_in(16))
		b->end = oseq + below(50);
}

static void bounds(void)
{
	u64 oseq = 200 + (one_in(4) ? edgy() % (U64_MAX - 2000) : any_size(33)), got;
	u32 quantity = 1 + below(60), left = quantity;
	__int128 n, wanted;
	struct xha_bounds b;

	if (one_in(8))
		oseq = U32_MAX - below(300);
	any_bounds(&b, oseq);
	for (n = (__int128)oseq - 100; n < (__int128)oseq + 100; n++)
		expect(xha_allows(&b, n) == may(&b, n), "allows %llu", of(n));

	/* Without a gap, from the first number after the last one used or the floor */
	for (n = (__int128)oseq + 1; may(&b, n) && n < (__int128)oseq + 1000; n++)
		;
	got = xha_limit(&b, oseq);
	if (n < (__int128)oseq + 1000)
		expect(n == (__int128)oseq + 1 ? got <= oseq : got == n - 1,
		       "limit of %llu is %llu, wanted %llu", oseq, got, of(n - 1));
	else
		expect(got >= n - 1, "limit of %llu is %llu", oseq, got);

	/* The first of the gap's other side, if there is one */
	got = xha_jump(&b, oseq);
	wanted = oseq;
	if (n < (__int128)oseq + 1000) {
		for (; n < (__int128)oseq + 2000 && !may(&b, n); n++)
			;
		if (may(&b, n))
			wanted = n - 1;
	}
	expect(got == wanted || n >= (__int128)oseq + 1000, "jump of %llu is %llu, wanted %llu",
	       oseq, got, of(wanted));
	expect(got == oseq || (may(&b, (__int128)got + 1) && got > oseq), "jump of %llu is %llu",
	       oseq, got);

	/* As many as were wanted, and all that needs no stripe */
	got = xha_ask(&b, oseq, quantity);
	for (n = oseq; left && n < b.end && n < (__int128)oseq + 2000;) {
		n++;
		if (b.whole || n <= b.floor ||
		    (b.share.step && (u64)(n >> b.bits) % b.share.step == b.share.first))
			left--;
	}
	if (!b.whole && !b.share.step)
		n = oseq;
	wanted = least(most(n, most(oseq, b.floor)), b.end);
	expect(got == wanted, "ask(%llu, %u) is %llu, wanted %llu", oseq, quantity, got,
	       of(wanted));
}

static void soft(void)
{
	u8 bits = 1 + below(XHA_STRIPE_MAX);
	struct xha_bounds b = { .bits = bits, .share.step = any_size(8), .end = U32_MAX };
	u32 percent = 1 + below(100);
	u64 got, own;

	b.whole = one_in(4);
	if (b.share.step)
		b.share.first = below(b.share.step);
	own = xha_share_size(&b.share, bits);
	if (b.whole)
		own = 1ULL << 32;
	own = own * percent / 100;
	got = xha_soft(&b, percent);
	expect(got && got <= b.end, "soft is %llu", got);
	if (b.whole)
		expect(got == (u64)least(own, U32_MAX), "soft is %llu, of %u%%", got, percent);
	else
		expect(got == b.end || (own && xha_share_has(&b.share, bits, got) &&
					got == xha_share_ahead(&b.share, bits, 0, own)),
		       "soft is %llu, of %u%%", got, percent);
	b.end = xha_end(true);
	expect(xha_soft(&b, percent) == U64_MAX, "soft of extended numbers");
}

/* --- two nodes --- */

#define NUMBERS		(1 << 20)	/* that a life of an SA takes at most */
#define WIRE		8
#define BIRTH		100		/* as XHA_LEASE_BIRTH, but the stripes are small, too */

struct node {
	struct xha_bounds b;
	struct xha_share given;
	u64 oseq;	/* last number used, or written */
	u32 inc;
	u32 peer_inc;
	u32 session;	/* that stands; 0: none */
	u32 sure;	/* session in which the peer has told */
	u32 term;
	bool active;
	bool told;	/* it has heard of this SA, and could take over */
	bool there;	/* it was when the SA was born: the first numbers are the other one's */
};

static struct sim {
	bool stripes;
	u64 reused;
	u64 splits;
	u64 takeovers;

	u32 life;
	u32 used[NUMBERS];	/* in this life */
	u64 base;		/* the number before the first */

	u32 quantity;
	u32 session;		/* the newest */
	u32 inc;
	u32 term;
	struct node node[2];

	struct {
		bool ack;
		u8 to;
		u32 session;
		u64 lease;
	} wire[WIRE];
	u32 n;
} sims[2] = { { .stripes = true } };

static void bound(struct node *n)
{
	n->b.bound = n->session;
	n->b.whole = n->session && n->sure == n->session && n->b.share.step == 2;
	if (n->b.whole)
		n->b.floor = most(n->b.floor, n->b.lease);
}

static void fresh(struct sim *s, int i, u64 end)
{
	u8 bits = s->node[!i].b.bits;

	s->node[i] = (struct node) {
		.inc = ++s->inc, .oseq = s->base, .given = { !i, 2 },
		.b = { .bits = bits, .share = { i, 2 }, .end = end },
	};
}

/* Both have the SA, in sync, and nothing was used. */
static void born(struct sim *s)
{
	u64 end = xha_end(one_in(2));
	int i;

	s->life++;
	s->n = 0;
	s->base = one_in(2) ? 0 : one_in(2) ? (end - below(2 * NUMBERS)) : any_size(32);
	s->quantity = 1 + any_size(8);
	s->node[0].b.bits = 3 + below(6);
	s->node[1].b.bits = s->node[0].b.bits;
	s->session++;
	for (i = 0; i < 2; i++)
		fresh(s, i, end);
	for (i = 0; i < 2; i++) {
		s->node[i].peer_inc = s->node[!i].inc;
		s->node[i].session = s->session;
		s->node[i].sure = s->session;
		s->node[i].term = s->term;
	}
	s->node[0].active = true;
	s->node[0].b.lease = least((__int128)s->base + BIRTH, end);
	s->node[0].b.floor = s->node[0].b.lease;
	bound(&s->node[0]);
	s->node[1].there = true;
}

static void use(struct sim *s, struct node *n, u64 number)
{
	u64 i = number - s->base - 1;

	if (number <= s->base || i >= NUMBERS)
		return;
	expect(!s->stripes || (number <= n->b.end && xha_allows(&n->b, number)),
	       "%llu was not allowed", number);
	if (s->used[i] == s->life) {
		expect(!s->stripes, "%llu is used twice, base %llu bits %u quantity %u", number,
		       s->base, n->b.bits, s->quantity);
		s->reused++;
	}
	s->used[i] = s->life;
}

/* A burst has numbers in one piece, as in numbers_for(). */
static void packets(struct sim *s, struct node *n)
{
	u32 bursts = 1 + below(8), burst;
	u64 to;

	while (n->active && bursts--) {
		burst = one_in(4) ? 1 + below(12) : 1;
		to = n->oseq;
		if (!s->stripes) {
			if (n->b.end - to < burst)
				return;
		} else if ((__int128)to + burst > xha_limit(&n->b, to)) {
			to = xha_jump(&n->b, to);
			if (to <= n->oseq || (__int128)to + burst > xha_limit(&n->b, to))
				return;
		}
		n->oseq = to;
		while (burst--)
			use(s, n, ++n->oseq);
	}
}

static void say(struct sim *s, int to, bool ack, u32 session, u64 lease)
{
	if (s->n == WIRE)
		return;
	s->wire[s->n].ack = ack;
	s->wire[s->n].to = to;
	s->wire[s->n].session = session;
	s->wire[s->n++].lease = lease;
}

static void sample(struct sim *s, int i)
{
	struct node *n = &s->node[i];

	if (n->active && n->session)
		say(s, !i, false, n->session, xha_ask(&n->b, n->oseq, s->quantity));
}

static void lose(struct sim *s, u32 i)
{
	s->wire[i] = s->wire[--s->n];
}

static void arrives(struct sim *s)
{
	u32 i = below(s->n), session = s->wire[i].session;
	struct node *n = &s->node[s->wire[i].to];
	u64 lease = s->wire[i].lease;
	bool ack = s->wire[i].ack;
	int to = s->wire[i].to;

	if (!one_in(16))
		lose(s, i);
	if (session != n->session)
		return;
	if (ack) {
		if (!n->active)
			return;
		n->b.lease = most(n->b.lease, lease);
		bound(n);
		return;
	}
	if (n->active)
		return;
	n->oseq = most(n->oseq, lease);
	n->told = true;
	say(s, !to, true, session, lease);
}

/* They meet again: which memory is there, whose share is which, who goes on, what was used. */
static void meet(struct sim *s)
{
	struct node *n;
	int i, winner;

	s->n = 0;
	s->session++;
	for (i = 0; i < 2; i++) {
		n = &s->node[i];
		n->session = s->session;
		if (n->peer_inc && n->peer_inc != s->node[!i].inc) {
			s->splits++;
			if (!xha_share_split(&n->b.share, &n->given, n->b.bits))
				n->given = (struct xha_share){};
		}
	}
	for (i = 0; i < 2; i++) {
		n = &s->node[i];
		/* No memory of the SA: it is as the other one says. */
		if (!n->peer_inc)
			n->b.share = s->node[!i].given;
	}
	winner = s->node[1].active && (!s->node[0].active || s->node[1].term > s->node[0].term);
	n = &s->node[winner];
	if (s->node[!winner].active)
		n->oseq = most(n->oseq, s->node[!winner].oseq);
	s->node[!winner].active = false;
	for (i = 0; i < 2; i++) {
		n = &s->node[i];
		n->peer_inc = s->node[!i].inc;
		n->sure = n->session;
		bound(n);
	}
	/* The announcement of the active one is a lease that it asks for. */
	n = &s->node[winner];
	if (n->active) {
		u64 lease = xha_ask(&n->b, n->oseq, s->quantity);

		n = &s->node[!winner];
		n->oseq = most(n->oseq, lease);
		n->told = true;
	}
}

static void takeover(struct sim *s, int i)
{
	struct node *n = &s->node[i];

	if (n->active || n->session || (!n->told && !n->there))
		return;
	if (!n->told)
		n->oseq = least((__int128)s->base + BIRTH, n->b.end);
	s->takeovers++;
	n->active = true;
	n->term = ++s->term;
	n->b.lease = 0;
	n->b.floor = 0;
	bound(n);
}

static bool knows(const struct node *n)
{
	return n->active || n->told || n->there;
}

static void step(struct sim *s)
{
	struct node *n = &s->node[below(2)];
	int i = n - s->node;
	u32 what = below(128);

	if (what < 56) {
		packets(s, n);
	} else if (what < 96) {
		if (s->n)
			arrives(s);
	} else if (what < 100) {
		if (s->n)
			lose(s, below(s->n));
	} else if (what < 116) {
		sample(s, i);
	} else if (what < 119) {
		/* One of the two notices first. */
		n->session = 0;
		n->sure = 0;
		bound(n);
	} else if (what < 122) {
		takeover(s, i);
	} else if (what < 125) {
		if (!s->node[0].session && !s->node[1].session)
			meet(s);
	} else if (what == 125) {
		fresh(s, i, n->b.end);
		s->node[!i].session = 0;
		s->node[!i].sure = 0;
		bound(&s->node[!i]);
	}
	/* Nobody remembers it, or it is used up: it is renewed. */
	if ((!knows(&s->node[0]) && !knows(&s->node[1])) ||
	    s->node[0].oseq - s->base > NUMBERS / 2 || s->node[1].oseq - s->base > NUMBERS / 2 ||
	    one_in(512))
		born(s);
}

static void one_case(void)
{
	int i;

	if (!prop.number) {
		born(&sims[0]);
		born(&sims[1]);
	}
	due();
	counts();
	intervals();
	auto_interval();
	bounds();
	soft();
	for (i = 0; i < ROUNDS; i++) {
		step(&sims[0]);
		step(&sims[1]);
	}
	expect(prop.number != 50000 || (sims[1].reused && sims[0].splits > 100 &&
					sims[0].takeovers > 100),
	       "numbers are never used twice, or nothing happens");
}

int main(int argc, char **argv)
{
	return property(argc, argv, "lease", 200000, one_case);
}
