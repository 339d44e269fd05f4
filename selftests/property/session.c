// SPDX-License-Identifier: GPL-2.0
/*
 * Verdicts of session and term: received frame numbers against a set of them,
 * what a sender makes of the acknowledgment, and two nodes that claim a group
 * over a link that loses, repeats and reorders: once it no longer does, they agree.
 */

#include "property.h"
#include "pure/session.h"
#include "pure/term.h"

#define MS	1000000ULL

/* --- received numbers --- */

#define SET	(2 * XHA_RX_BITS)

static struct {
	struct xha_rx rx;
	u64 largest;
	u32 life;
	struct {
		u64 number;
		u32 life;
	} slot[SET];
} rx = { .life = 1 };

static bool has(u64 n)
{
	return rx.slot[n % SET].life == rx.life && rx.slot[n % SET].number == n;
}

static void ask(u64 n, bool wanted)
{
	expect(xha_rx_fresh(&rx.rx, n) == wanted, "largest %llu: fresh(%llu) is %d",
	       rx.largest, n, !wanted);
}

static u64 some_number(void)
{
	u64 n = rx.largest;

	switch (below(8)) {
	case 0:
		return one_in(64) ? edgy() : n + any_size(11);
	case 1:
	case 2:
	case 3:
		return n + 1 + below(4);
	case 4:
		return n - XHA_RX_BITS + 3 - below(6);
	default:
		return n - below(one_in(2) ? 70 : XHA_RX_BITS);
	}
}

static void receive(void)
{
	u64 n = some_number(), seen;
	bool fresh = n && (n > rx.largest || (rx.largest - n < XHA_RX_BITS && !has(n)));
	struct xha_ack ack;
	int i;

	ask(n, fresh);
	expect(xha_rx_mark(&rx.rx, n) == fresh, "largest %llu: mark(%llu) is %d", rx.largest, n,
	       !fresh);
	if (fresh) {
		rx.slot[n % SET].number = n;
		rx.slot[n % SET].life = rx.life;
		if (n > rx.largest)
			rx.largest = n;
	}
	ask(n, false);
	xha_rx_ack(&rx.rx, &ack);
	expect(ack.largest == rx.largest, "largest %llu, said %llu", rx.largest, ack.largest);
	for (i = 0; i < 64; i++) {
		seen = rx.largest - 1 - i;
		expect((ack.bits >> i & 1) == (rx.largest > (u64)i + 1 && has(seen)),
		       "largest %llu: bit %d of the acknowledgment is %d", rx.largest, i,
		       (int)(ack.bits >> i & 1));
	}
	if (one_in(rx.largest > U64_MAX - 8 ? 16 : 4096)) {
		memset(&rx.rx, 0, sizeof(rx.rx));
		rx.largest = 0;
		rx.life++;
	}
}

/* The sender knows the acknowledgment, the test what was received. */
static void sent(void)
{
	u64 n = one_in(16) ? edgy() : rx.largest + 8 - below(80), behind = rx.largest - n;
	u64 at = any_size(48), now = at + any_size(30) - any_size(20), rto = any_size(30);
	enum xha_sent_verdict wanted = XHA_SENT_WAIT, got;
	struct xha_ack ack;

	if (!n || now >> 63)
		return;
	xha_rx_ack(&rx.rx, &ack);
	if (n <= rx.largest && behind <= 64 && has(n))
		wanted = XHA_SENT_ACKED;
	else if ((n < rx.largest && behind >= XHA_REORDER) || now > (__int128)at + rto)
		wanted = XHA_SENT_LOST;
	got = xha_sent_verdict(n, at, now, rto, &ack);
	expect(got == wanted, "largest %llu, frame %llu: verdict %d, wanted %d", rx.largest, n,
	       got, wanted);
}

static void times(void)
{
	static struct xha_rtt rtt;
	u64 sample = any_size(40), before = rtt.srtt, rto;
	u64 now = any_size(48), heard = now - any_size(40) + any_size(20);
	u32 heartbeat = any_size(16), dead = any_size(8);

	if (one_in(64))
		memset(&rtt, 0, sizeof(rtt));
	if (!rtt.srtt) {
		expect(xha_rto(&rtt) == 50 * MS, "first timeout is %llu", xha_rto(&rtt));
		before = sample;
	}
	xha_rtt_sample(&rtt, sample);
	expect(rtt.srtt && rtt.srtt <= max_t(u64, max_t(u64, before, sample), 1) &&
	       rtt.srtt >= min_t(u64, before, sample), "round trips of %llu, then %llu: %llu",
	       before, sample, rtt.srtt);
	rto = xha_rto(&rtt);
	expect(rto >= 25 * MS && rto <= 2000 * MS &&
	       (rto == 2000 * MS || rto >= rtt.srtt + XHA_ACK_DELAY), "timeout is %llu", rto);
	if (heard >> 63)
		return;
	expect(xha_peer_dead(now, heard, heartbeat, dead) ==
	       ((__int128)now - heard > (__int128)heartbeat * dead * (__int128)MS),
	       "peer_dead(%llu, %llu, %u, %u)", now, heard, heartbeat, dead);
}

/* --- terms --- */

#define WIRE	8

struct claim {
	enum xha_claim what;
	u32 term;
};

static struct node {
	enum xha_role role;
	u32 term;
	u32 id;
	u32 peer_term;
	bool request;
	struct claim in[WIRE];	/* on their way to it */
	u32 n;
} nodes[2] = { { .id = 1 }, { .id = 2 } };

static u32 events = 1;	/* to come before the link is reliable */
static bool ordered;	/* it only loses */
static bool rivals;	/* of late both carried it in the same term */

static void become(struct node *e, enum xha_role role, u32 term)
{
	e->role = role;
	e->term = term;
	e->request = false;
	if (nodes[0].role >= XHA_ROLE_ACTIVE && nodes[1].role >= XHA_ROLE_ACTIVE)
		rivals |= nodes[0].term == nodes[1].term;
}

static u32 next_term(const struct node *e)
{
	u32 term = max_t(u32, e->term, e->peer_term);

	return term == U32_MAX ? term : term + 1;
}

static struct claim claim_of(const struct node *e)
{
	struct claim c = { XHA_CLAIM_STANDBY, e->term };

	if (e->role == XHA_ROLE_ACTIVE || e->role == XHA_ROLE_RELEASING)
		c.what = XHA_CLAIM_ACTIVE;
	else if (e->role == XHA_ROLE_HANDED)
		c.what = XHA_CLAIM_HANDOVER;
	else if (e->request)
		c.what = XHA_CLAIM_REQUEST;
	return c;
}

static void say(const struct node *e, struct node *to)
{
	if (to->n < WIRE)
		to->in[to->n++] = claim_of(e);
}

static void hear(struct node *e, struct claim c, struct node *from)
{
	enum xha_role role = e->role;
	u32 term = e->term, heard = max_t(u32, term, c.term);
	enum xha_term_verdict v;

	e->peer_term = max_t(u32, e->peer_term, c.term);
	v = xha_term_verdict(role, &term, e->id, c.what, c.term, from->id);
	expect(term >= e->term, "role %d hears %d: term %u became %u", role, c.what, e->term,
	       term);
	switch (v) {
	case XHA_TERM_KEEP:
	case XHA_TERM_TELL:
		expect(term == (role == XHA_ROLE_STANDBY || role == XHA_ROLE_JOINING ? heard :
				e->term), "role %d term %u hears %d of term %u, keeps %u", role,
		       e->term, c.what, c.term, term);
		e->term = term;
		if (v == XHA_TERM_TELL)
			say(e, from);
		break;
	case XHA_TERM_STEP_DOWN:
		expect(term >= heard, "role %d steps down to term %u, heard %u", role, term,
		       heard);
		become(e, XHA_ROLE_STANDBY, term);
		break;
	case XHA_TERM_ACTIVATE:
		expect(term > heard || heard == U32_MAX,
		       "role %d becomes active with term %u, heard %u", role, term, heard);
		become(e, XHA_ROLE_ACTIVE, term);
		break;
	case XHA_TERM_RELEASE:
		expect(role == XHA_ROLE_ACTIVE, "role %d releases", role);
		become(e, XHA_ROLE_RELEASING, term);
		break;
	}
}

static void arrives(struct node *e, struct node *from)
{
	u32 i = ordered ? 0 : below(e->n);
	struct claim c = e->in[i];

	if (ordered || !one_in(4))
		memmove(e->in + i, e->in + i + 1, (--e->n - i) * sizeof(c));
	hear(e, c, from);
}

/* What its user, its timers and its idea of the peer make of a node */
static void by_itself(struct node *e, struct node *other)
{
	switch (below(8)) {
	case 0:
		become(e, XHA_ROLE_ACTIVE, next_term(e));
		break;
	case 1:
		e->request = e->role == XHA_ROLE_STANDBY;
		break;
	case 2:
	case 3:
		if (e->role == XHA_ROLE_ACTIVE)
			become(e, XHA_ROLE_RELEASING, e->term);
		break;
	case 4:
		if (e->role == XHA_ROLE_RELEASING)
			become(e, XHA_ROLE_HANDED, e->term);
		break;
	case 5:
		if (e->role == XHA_ROLE_JOINING)
			become(e, XHA_ROLE_ACTIVE, next_term(e));
		else if (e->role == XHA_ROLE_RELEASING)
			become(e, XHA_ROLE_ACTIVE, e->term);
		break;
	case 6:
		if (e->role == XHA_ROLE_STANDBY || e->role == XHA_ROLE_HANDED)
			become(e, XHA_ROLE_ACTIVE, next_term(e));
		else if (e->role == XHA_ROLE_RELEASING)
			become(e, XHA_ROLE_ACTIVE, e->term);
		break;
	default:
		if (one_in(4)) {
			become(e, one_in(2) ? XHA_ROLE_JOINING : XHA_ROLE_STANDBY, 0);
			e->peer_term = 0;
			/* A new session: frames of the old one are not taken any more. */
			e->n = 0;
			other->n = 0;
		}
	}
}

static void settle(struct node *e)
{
	if (e->role == XHA_ROLE_RELEASING)
		become(e, one_in(2) ? XHA_ROLE_HANDED : XHA_ROLE_ACTIVE, e->term);
	else if (e->role == XHA_ROLE_JOINING)
		become(e, XHA_ROLE_ACTIVE, next_term(e));
	e->request = false;
}

static void round_of_claims(void)
{
	struct node *a = &nodes[rnd() >> 63], *b = &nodes[a == nodes];

	hear(b, claim_of(a), a);
	hear(a, claim_of(b), b);
	a->n = 0;
	b->n = 0;
}

/* What was on its way is there, or lost; from now on each hears what the other is. */
static void reliable(void)
{
	struct node *a = &nodes[0], *b = &nodes[1];
	bool carried = a->role || b->role;
	int i;

	for (i = 0; i < 4 * WIRE; i++) {
		if (a->n)
			arrives(a, b);
		if (b->n)
			arrives(b, a);
	}
	a->n = 0;
	b->n = 0;
	for (i = 0; i < 8; i++) {
		round_of_claims();
		/* A request is granted in the first rounds; nobody releases later. */
		if (i < 3) {
			settle(a);
			settle(b);
		}
		if (i > 4)
			expect(a->role != XHA_ROLE_ACTIVE || b->role != XHA_ROLE_ACTIVE,
			       "both active after %d rounds, terms %u and %u", i, a->term,
			       b->term);
	}
	/* Rivals' words, or ones that were overtaken, cross: either may yield to the other. */
	expect(!carried || rivals || !ordered || a->term == U32_MAX ||
	       a->role == XHA_ROLE_ACTIVE || b->role == XHA_ROLE_ACTIVE,
	       "nobody is active: roles %d and %d, terms %u and %u", a->role, b->role, a->term,
	       b->term);
}

static void claims(void)
{
	struct node *e = &nodes[rnd() >> 63], *other = &nodes[e == nodes];
	u32 what = below(16);

	if (!--events) {
		if (prop.number)
			reliable();
		events = 1 + any_size(6);
		rivals = false;
		if (one_in(2)) {
			become(e, below(5), one_in(4) ? U32_MAX - below(2) : below(4));
			become(other, below(5), one_in(4) ? U32_MAX - below(2) : below(4));
			e->peer_term = 0;
			other->peer_term = 0;
			e->n = 0;
			other->n = 0;
			ordered = one_in(2);
			e->id = 1 + any_size(31);
			other->id = e->id + 1;
		}
		return;
	}
	if (what < 6)
		say(e, other);
	else if (what < 12 && e->n)
		arrives(e, other);
	else if (what < 13 && e->n)
		e->n--;
	else if (what < 15)
		by_itself(e, other);
}

static void one_case(void)
{
	receive();
	sent();
	times();
	claims();
}

int main(int argc, char **argv)
{
	return property(argc, argv, "session", 2000000, one_case);
}
