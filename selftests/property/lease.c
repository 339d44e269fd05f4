// SPDX-License-Identifier: GPL-2.0
/*
 * Lease arithmetic against sums of 128 bits; and what it is for: two nodes on a
 * link that loses, repeats and reorders, of which the active one is killed again
 * and again, use no number twice. Without the rule that no number above the
 * acknowledged lease is used they do: else the simulation would show nothing.
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

static void ends(void)
{
	bool esn = one_in(2);
	u64 oseq = edgy(), got;
	u32 quantity = any_size(32);
	__int128 last = esn ? U64_MAX : U32_MAX;

	got = xha_lease_end(oseq, quantity, esn);
	expect(got == least((__int128)oseq + quantity, last), "lease_end(%llu, %u, %d) is %llu",
	       oseq, quantity, esn, got);
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

/* --- partitions --- */

struct slice {
	__int128 first, last;
};

/* Number @i of all slices, counted through the blocks of 2^32 */
static struct slice slice_at(u64 i, u32 slices)
{
	__int128 block = (__int128)(i / slices) << 32, k = i % slices;
	struct slice s = {
		block + (k << 32) / slices, block + ((k + 1) << 32) / slices - 1,
	};

	if (!k)
		s.first++;
	return s;
}

static void slices(void)
{
	struct xha_partition p = { .slices = 1 + below(XHA_SLICES_MAX), .soft = 1 + below(100) };
	struct xha_bounds b = { };
	bool esn = one_in(2), found;
	u64 oseq = esn ? edgy() : any_size(32), i, end, got;
	struct slice s;

	p.nodes = 1 + below(p.slices);
	p.slice = below(p.nodes);
	if (one_in(2)) {
		s = slice_at((oseq >> 32) * p.slices + below(p.slices + 1), p.slices);
		oseq = least(s.first - 2 + below(4), esn ? U64_MAX : U32_MAX);
	}
	found = xha_slice(&b, oseq, &p, esn);
	i = (oseq >> 32) * p.slices;
	end = esn ? (u64)p.slices << 32 : p.slices;
	s = (struct slice) { oseq, oseq };
	for (; i < end; i++) {
		if (i % p.slices % p.nodes != p.slice || slice_at(i, p.slices).last <= oseq)
			continue;
		s = slice_at(i, p.slices);
		break;
	}
	expect(found == (i < end) && b.first == s.first && b.last == s.last,
	       "slice %u+%u of %u, above %llu: %llu to %llu, wanted %llu to %llu", p.slice,
	       p.nodes, p.slices, oseq, b.first, b.last, of(s.first), of(s.last));

	got = xha_slice_soft(&b, p.soft);
	expect(got == s.first + (s.last - s.first) * p.soft / 100,
	       "slice_soft(%llu, %llu, %u) is %llu", b.first, b.last, p.soft, got);

	b.strict = one_in(2);
	b.solo = one_in(2);
	b.alone = one_in(2);
	b.lease = edgy();
	if (one_in(2))
		b.last = U64_MAX;
	end = b.strict && !b.solo ? b.lease : U64_MAX;
	if (b.alone && b.last != U64_MAX)
		end = b.last;
	got = xha_limit(&b);
	expect(got == end, "limit is %llu, wanted %llu", got, end);
}

/* Nodes that can't hear each other: what one uses is not another's. */
static void apart(void)
{
	struct xha_partition p = { .slices = 2 + below(XHA_SLICES_MAX - 1) };
	bool esn = one_in(2);
	u64 common = esn ? edgy() : any_size(32), oseq, limit, n;
	struct slice s;
	u32 node, i, k;

	p.nodes = 2 + below(p.slices - 1);
	node = below(p.nodes);
	p.slice = node;
	/* What it was told, or has used itself, before they were parted */
	oseq = xha_lease_end(common, any_size(14), esn);
	for (i = 0; i < 4; i++) {
		struct xha_bounds b = { .strict = one_in(2), .solo = one_in(2), .alone = true };

		if (!xha_slice(&b, oseq, &p, esn))
			return;
		if (oseq < b.first - 1)
			oseq = b.first - 1;
		limit = xha_limit(&b);
		/* The last slice of all numbers has no end of its own. */
		if (limit <= oseq || b.last == U64_MAX)
			return;
		n = one_in(2) ? limit : oseq + 1 + below(limit - oseq);
		for (k = 0; k < p.slices; k++) {
			s = slice_at((n >> 32) * p.slices + k, p.slices);
			if (s.first <= n && n <= s.last)
				break;
		}
		expect(n > common && k < p.slices && k % p.nodes == node,
		       "node %u of %u used %llu, of slice %u of %u", node, p.nodes, n, k,
		       p.slices);
		oseq = n;
	}
}

/* --- leases --- */

#define NUMBERS		(1 << 20)	/* that a life of an SA takes at most */
#define WIRE		8

static struct sim {
	bool strict;
	u64 reused;

	u32 life;
	u32 used[NUMBERS];	/* in this life */
	u64 base;		/* the number before the first */

	bool esn;
	u32 interval;
	u32 quantity;

	/* the active node */
	u64 oseq;
	u64 due;
	u64 acked;
	bool peer;		/* there is one: its acknowledgments count from here on */

	/* the standby */
	u64 stored;
	bool told;		/* it has heard of this SA, and could take over */

	struct {
		bool ack;
		u64 lease;
	} wire[WIRE];
	u32 n;
} sims[2] = { { .strict = true } };

static void born(struct sim *s)
{
	u64 reach = 2ULL * NUMBERS;

	s->life++;
	s->esn = one_in(2);
	s->interval = 1 + any_size(6);
	s->quantity = 2 * s->interval + any_size(8);
	if (one_in(2))
		s->base = any_size(20);
	else if (s->esn)
		s->base = one_in(2) ? U64_MAX - any_size(21) : (1ULL << 32) - below(reach);
	else
		s->base = U32_MAX - below(reach);
	s->oseq = s->base;
	s->due = s->base + s->interval;
	/* What may be used before the other was told of anything */
	s->stored = xha_lease_end(s->base, XHA_LEASE_BIRTH, s->esn);
	s->acked = s->stored;
	s->told = true;
	s->peer = true;
	s->n = 0;
}

static void use(struct sim *s, u64 n)
{
	u64 i = n - s->base - 1;

	expect(n > s->base && i < NUMBERS && (s->esn || n <= U32_MAX),
	       "%llu is no number of this SA, above %llu", n, s->base);
	if (s->used[i] == s->life) {
		expect(!s->strict, "%llu is used twice, base %llu quantity %u interval %u", n,
		       s->base, s->quantity, s->interval);
		s->reused++;
	}
	s->used[i] = s->life;
}

static void say(struct sim *s, bool ack, u64 lease)
{
	if (s->n == WIRE)
		return;
	s->wire[s->n].ack = ack;
	s->wire[s->n++].lease = lease;
}

static void sample(struct sim *s)
{
	if (s->peer)
		say(s, false, xha_lease_end(s->oseq, s->quantity, s->esn));
	s->due = s->oseq + s->interval;
}

static void packets(struct sim *s)
{
	struct xha_bounds b = {
		.strict = s->strict, .solo = !s->peer, .alone = !s->peer,
		.lease = s->acked, .last = U64_MAX,
	};
	u64 limit = xha_limit(&b), last = s->esn ? U64_MAX : U32_MAX;
	u32 n = 1 + below(2 * s->interval);

	while (n-- && s->oseq < limit && s->oseq < last && s->oseq - s->base < NUMBERS) {
		use(s, ++s->oseq);
		if (xha_due(s->oseq, s->due))
			sample(s);
	}
}

static void lose(struct sim *s, u32 i)
{
	s->wire[i] = s->wire[--s->n];
}

static void arrives(struct sim *s)
{
	u32 i = below(s->n);
	u64 lease = s->wire[i].lease;
	bool ack = s->wire[i].ack;

	if (!one_in(16))
		lose(s, i);
	if (ack) {
		if (lease > s->acked)
			s->acked = lease;
		return;
	}
	if (lease > s->stored)
		s->stored = lease;
	s->told = true;
	say(s, true, lease);
}

/* The active one is dead, with what it had on the wire or not. */
static void killed(struct sim *s)
{
	while (s->n && one_in(2))
		arrives(s);
	if (!s->told || s->oseq - s->base > NUMBERS / 2) {
		born(s);
		return;
	}
	s->n = 0;
	s->oseq = s->stored;
	s->due = s->oseq + s->interval;
	s->acked = 0;
	s->peer = false;
	s->stored = 0;
	s->told = false;
}

static void step(struct sim *s)
{
	u32 what = below(64);

	if (what < 28) {
		packets(s);
	} else if (what < 52) {
		if (s->n)
			arrives(s);
	} else if (what < 55) {
		if (s->n)
			lose(s, below(s->n));
	} else if (what < 60) {
		sample(s);
	} else if (what < 63) {
		if (!s->peer) {
			s->peer = true;
			sample(s);
		}
	} else if (one_in(2)) {
		killed(s);
	}
}

static void one_case(void)
{
	int i;

	if (!prop.number) {
		born(&sims[0]);
		born(&sims[1]);
	}
	ends();
	due();
	counts();
	intervals();
	auto_interval();
	slices();
	apart();
	for (i = 0; i < ROUNDS; i++) {
		step(&sims[0]);
		step(&sims[1]);
	}
	expect(prop.number != 100000 || sims[1].reused, "numbers are never used twice");
}

int main(int argc, char **argv)
{
	return property(argc, argv, "lease", 1000000, one_case);
}
