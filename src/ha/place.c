// SPDX-License-Identifier: GPL-2.0
/*
 * How an SA stands on this node: its state (pure/place.c has the table), which numbers it may use,
 * what was told of it, what is remembered of it.
 *
 * All of it is decided under x->lock, where it takes effect. The role of its group is an intent: it
 * changes without x->lock, and xha_place_role() follows for each SA. Whether a lease is given
 * depends on the state of the SA, and not on the role.
 *
 * What is written into an SA only moves forward (invariant I3), with the one exception in
 * write_out().
 */

#include <linux/random.h>

#include "ha/mirror.h"

static bool this_session(const struct xha_sa *sa, u32 session)
{
	const struct xha_mirror *m = xha_sa_mirror(sa);

	return READ_ONCE(m->up) && session == READ_ONCE(m->epoch);
}

static void spend(struct xha_sa *sa)
{
	sa->spent = true;
	if (xha_place_is_held(sa->place))
		sa->used = xha_end(xha_esn(sa->tap.x));
}

/* All packets that its NIC has counted so far are the peer's. @foreign is in a union. */
static void set_foreign(struct xha_sa *sa)
{
	if (sa->packet)
		sa->foreign = sa->tap.x->curlft.packets;
}

/*
 * The NIC's counts; what the peer has not counted was sent or accepted here. What a NIC has
 * decrypted with an SA that is held nobody has accepted: see packet.c.
 */
static void ask_nic(struct xha_sa *sa)
{
	struct xfrm_state *x = sa->tap.x;

	/* The driver forgets an SA after it is dead, not before. */
	if (!sa->packet || x->km.state == XFRM_STATE_DEAD)
		return;
	xfrm_dev_state_update_stats(x);
	if (x->xso.dir == XFRM_DEV_OFFLOAD_IN && xha_place_is_stopped(sa->place))
		set_foreign(sa);
	if (!sa->spent && x->curlft.packets != sa->foreign)
		spend(sa);
}

/**
 * xha_place_sample() - read what is mirrored of an SA
 * @sa: shadow; x->lock held
 * @s: filled; s->window too, unless it is NULL
 *
 * The numbers of an SA in packet offload mode are the NIC's: once it may have been used here
 * they are at the end.
 */
void xha_place_sample(struct xha_sa *sa, struct xha_sample *s)
{
	struct xha_numbers n = { .window = s->window };

	ask_nic(sa);
	xha_numbers(sa->tap.x, &n);
	s->out = n.out;
	s->in = n.in;
	s->bytes = n.bytes;
	s->packets = n.packets;
	if (!sa->spent)
		return;
	s->out = xha_end(xha_esn(sa->tap.x));
	s->in = xha_end(xha_esn(sa->tap.x));
	if (s->window)
		xha_window_advance(s->window, s->in, true);
}

static void set_oseq(struct xha_sa *sa, u64 oseq)
{
	xha_apply_oseq(sa->tap.x, oseq);
	WRITE_ONCE(sa->tap.out.seq, xha_oseq(sa->tap.x));
	sa->tap.out.quiet = 0;
}

/* False: it was there already. */
static bool go_above(struct xha_sa *sa, u64 oseq)
{
	if (!xha_sends(sa->tap.x) || oseq <= xha_oseq(sa->tap.x))
		return false;
	set_oseq(sa, oseq);
	return true;
}

/**
 * xha_place_jump() - go on in the next stripe of this node's own
 * @sa: shadow; x->lock held
 * @to: xha_jump()
 */
void xha_place_jump(struct xha_sa *sa, u64 to)
{
	u64 passed = to - xha_oseq(sa->tap.x);

	lockdep_assert_held(&sa->tap.x->lock);

	sa->striped += passed;
	xha_stat_inc(xha_sa_net(sa), XHA_STAT_STRIPE_JUMP);
	set_oseq(sa, to);
}

/* What only accepts is bound by nothing. */
static void set_bounds(struct xha_sa *sa, u64 lease, u64 floor)
{
	bool sends = xha_sends(sa->tap.x);

	sa->bounds.lease = sends ? lease : U64_MAX;
	sa->bounds.floor = sends ? floor : U64_MAX;
	sa->tap.out.quiet = 0;
}

/**
 * xha_place_init() - a new shadow: nothing may be used until xha_place_role() has seen it
 * @sa: shadow of an SA in a group, in no table yet
 */
void xha_place_init(struct xha_sa *sa)
{
	const struct xha_group *g = sa->group;
	struct xha_mirror *m = xha_sa_mirror(sa);
	enum xha_role role;
	u32 tenure;

	tenure = READ_ONCE(g->tenure);
	/* Pairs with set_role(): @tenure is not a later one than that of @role. */
	smp_rmb();
	role = READ_ONCE(g->role);
	if (sa->packet)
		sa->tenure = tenure - (role == XHA_ROLE_STANDBY || role == XHA_ROLE_HANDED);
	sa->bounds.bits = xha_group_config(g)->stripe;
	sa->own = g->share;
	sa->bounds.share = g->share;
	sa->bounds.end = xha_sends(sa->tap.x) ? xha_end(xha_esn(sa->tap.x)) : U64_MAX;
	sa->bounds.bound = true;
	set_bounds(sa, 0, 0);
	sa->given = g->others;
	sa->soft = U64_MAX;
	sa->used = xha_oseq(sa->tap.x);
	sa->in_fresh = true;
	/* It was held when there was no room for it. */
	sa->place = xha_is_held(sa->tap.x) ? XHA_PLACE_HELD : XHA_PLACE_NEW;
	if (!m)
		return;
	do
		sa->inc = get_random_u32();
	while (!sa->inc);
	sa->born = xha_mirror_time(m);
}

/* Has the peer told what it has used, and had it never another memory than this one? */
static bool is_whole(const struct xha_sa *sa)
{
	return xha_sa_mirror(sa) && this_session(sa, sa->sure) &&
	       sa->own.step == sa->group->share.step;
}

/*
 * What was one share before its owner gave half of it to the peer of now: what a lease covers
 * may lie in either half, because who gave the lease begins above it, and nobody else ever had
 * a part of them.
 */
static struct xha_share both_halves(const struct xha_sa *sa)
{
	struct xha_share s = sa->own;

	if (s.step > sa->group->share.step && !(s.step & 1)) {
		s.step /= 2;
		s.first %= s.step;
	}
	return s;
}

/* @sa->bounds.whole and @bound are known. */
static void set_share(struct xha_sa *sa)
{
	struct xha_bounds *b = &sa->bounds;
	bool both = b->bound && xha_sa_mirror(sa) && this_session(sa, sa->sure);

	b->share = both ? both_halves(sa) : sa->own;
}

/**
 * xha_place_bound() - what bounds the outbound numbers of an SA may have changed
 * @sa: shadow of an SA in a group; x->lock held
 */
void xha_place_bound(struct xha_sa *sa)
{
	const struct xha_group *g = sa->group;
	const struct xha_group_config *c = xha_group_config(g);
	struct xha_bounds *b = &sa->bounds;

	lockdep_assert_held(&sa->tap.x->lock);

	b->bound = xha_sa_mirror(sa) && c->strict &&
		   !(READ_ONCE(g->solo) && !this_session(sa, sa->rejoined));
	b->whole = is_whole(sa);
	set_share(sa);
	if (b->whole)
		b->floor = max(b->floor, b->lease);
	sa->soft = sa->packet || !xha_sends(sa->tap.x) ? U64_MAX : xha_soft(b, c->soft);
	sa->tap.out.quiet = 0;
	xha_place_rearm(sa);
}

/*
 * No number stops a NIC. It goes on while there is a peer in sync, or one that has acknowledged
 * the end, or none that counts; not where numbers were to be divided.
 */
static u64 packet_left(const struct xha_sa *sa)
{
	const struct xha_group *g = sa->group;

	if (sa->tap.x->xso.dir != XFRM_DEV_OFFLOAD_OUT || !READ_ONCE(g->alone))
		return U64_MAX;
	if (xha_group_config(g)->index != XHA_INDEX_AUTO)
		return 0;
	return sa->bounds.bound && sa->bounds.lease < xha_end(xha_esn(sa->tap.x)) ? 0 : U64_MAX;
}

/* Does the tap refuse packets of it a number? */
static bool refuses(const struct xha_sa *sa)
{
	return xha_tap_refuses() && !sa->packet;
}

/* How many numbers are left before a packet must be refused. */
static u64 numbers_left(struct xha_sa *sa)
{
	u64 oseq = xha_oseq(sa->tap.x), limit, to;

	if (sa->packet)
		return packet_left(sa);
	limit = xha_limit(&sa->bounds, oseq);
	if (limit > oseq)
		return limit - oseq;
	to = xha_jump(&sa->bounds, oseq);
	if (to <= oseq)
		return 0;
	/* Where no packet can be refused its number, the next one must find the right one there. */
	if (!xha_tap_refuses())
		xha_place_jump(sa, to);
	return xha_limit(&sa->bounds, to) - to;
}

/*
 * Where an SA begins that nobody has told of. The first numbers need no lease: they are the
 * one's that was active with a peer in sync, also when it has lost that. Who has taken over, or
 * was told to be active and found nobody, begins above them: the other one may have used them
 * (@used).
 */
static void begin_birth(struct xha_sa *sa, bool used)
{
	if (!xha_sa_mirror(sa) || sa->packet)
		return;
	if (used) {
		go_above(sa, XHA_LEASE_BIRTH);
		return;
	}
	set_bounds(sa, XHA_LEASE_BIRTH, XHA_LEASE_BIRTH);
	if (!READ_ONCE(sa->group->alone))
		sa->sure = READ_ONCE(xha_sa_mirror(sa)->epoch);
}

/* Policy strict: numbers that the peer may have accepted without saying so count as seen. */
static void lose_unsaid(struct xha_sa *sa, const struct xha_group_config *c)
{
	struct xfrm_state *x = sa->tap.x;
	struct xha_exposure e;

	if (c->lenient || !xha_width(x))
		return;
	xha_exposure(&e, c->interval, xha_width(x), sa->in_peak, false);
	xha_apply_lose(x, e.lost);
}

/* Numbers that are passed by if the next one is given now. */
static u64 skipped_by(const struct xha_sa *sa)
{
	u64 oseq = xha_oseq(sa->tap.x);

	if (!xha_sends(sa->tap.x) || sa->packet || xha_limit(&sa->bounds, oseq) > oseq)
		return 0;
	return xha_jump(&sa->bounds, oseq) - oseq;
}

/*
 * Where a standby that becomes active begins: with an exact number right there, else with the first
 * of its own stripes above what the peer may have used. @exact: the number is the very last that
 * the peer has told. Return: numbers skipped at most.
 */
static u64 begin(struct xha_sa *sa, bool exact)
{
	const struct xha_group_config *c = xha_group_config(sa->group);
	enum xha_way way = READ_ONCE(sa->group->way);
	struct xha_bounds *b = &sa->bounds;
	struct xfrm_state *x = sa->tap.x;
	u64 skipped = 0, lease;

	if (sa->written && !exact) {
		skipped = xha_quantity(c->quantity, c->interval);
		lose_unsaid(sa, c);
	}
	set_bounds(sa, 0, 0);
	b->whole = is_whole(sa);
	set_share(sa);
	/* An exact number counts if it was handed over: else the peer may have gone on. */
	if (exact && way == XHA_BY_HANDOVER &&
	    sa->final_term == READ_ONCE(sa->group->handed_term)) {
		/* What the peer has written into its own, see xha_place_grant(). */
		lease = min(xha_ask(b, xha_oseq(x), XHA_LEASE_GRANT),
			    xha_oseq(x) + XHA_LEASE_GRANT);
		set_bounds(sa, lease, b->whole ? lease : 0);
	} else if (!sa->told) {
		begin_birth(sa, way == XHA_BY_TAKEOVER || READ_ONCE(sa->group->birth_used));
	}
	sa->gen++;
	sa->written = 0;
	WRITE_ONCE(sa->tap.out.seq, xha_oseq(x));
	sa->out.due = 0;
	sa->in.due = 0;
	sa->tap.in.quiet = 0;
	sa->in_fresh = true;
	return skipped;
}

/*
 * Does this node know what was used of it? Who starts anew does if the peer has told, or if they
 * were in sync since, when the peer has told all, and what came later is new; or if it is told not
 * to mind (force).
 */
static bool knows_used(const struct xha_sa *sa)
{
	const struct xha_mirror *m = xha_sa_mirror(sa);

	return !m || sa->acted || sa->told || sa->sure || READ_ONCE(m->synced_epoch) ||
	       READ_ONCE(sa->group->forced);
}

/*
 * Can't a node that becomes active go on with it? Not if its numbers are those of a NIC that has
 * not carried the SA alone until now (see packet.c), nor if they are at the end, which does not
 * stop an SA whose numbers may wrap, or that has no replay window; nor if its time is over, or its
 * stripes are all given away, or nobody knows what was used.
 */
static bool is_unusable(const struct xha_sa *sa, u32 tenure)
{
	u64 end = xha_end(xha_esn(sa->tap.x));

	if (xha_ended(sa->tap.x))
		return true;
	if (sa->packet)
		return sa->told_any || sa->tenure != tenure;
	if (sa->strange || !knows_used(sa) || (xha_sends(sa->tap.x) && !sa->own.step))
		return true;
	return xha_oseq(sa->tap.x) >= end || xha_edge(sa->tap.x) >= end;
}

/* It is to be renewed. Its lifetime goes on: if nobody renews it, it ends. */
static void renew(struct xha_sa *sa)
{
	struct xfrm_state *x = sa->tap.x;

	sa->bounds.lease = 0;
	sa->gen++;
	xha_apply_hold(x);
	xha_apply_keepalive(x, true);
	xha_apply_lifetime(x, true);
	xha_stat_inc(xha_sa_net(sa), XHA_STAT_NEEDS_REKEY);
	set_bit(XHA_SA_REKEY, &sa->flags);
	xha_group_soft(sa->group);
}

/*
 * The next packet gets no number: from the tap, if that can refuse it one. Of one that is held the
 * tap hears no more, so it is now that the peer is asked for a lease, at once.
 */
static void stop(struct xha_sa *sa)
{
	xha_stat_inc(xha_sa_net(sa), XHA_STAT_LEASE_HELD);
	if (!refuses(sa))
		xha_apply_hold(sa->tap.x);
	if (!xha_sa_mirror(sa))
		return;
	set_bit(XHA_SA_DUE_OUT, &sa->flags);
	xha_mirror_due(sa);
	xha_link_urge(sa->group->link);
}

static void resume(struct xha_sa *sa)
{
	xha_apply_resume(sa->tap.x);
}

static void let_go(struct xha_sa *sa)
{
	clear_bit(XHA_SA_REKEY, &sa->flags);
	xha_apply_let_go(sa->tap.x);
}

static void tell(struct xha_sa *sa)
{
	set_bit(XHA_SA_ANSWER, &sa->flags);
	set_bit(XHA_SA_ANNOUNCE, &sa->flags);
	if (xha_sa_mirror(sa))
		xha_mirror_due(sa);
}

/* Carry out what the table says of an event. Return: numbers skipped at most. */
static u64 transition(struct xha_sa *sa, enum xha_place_event event)
{
	struct xha_place_transition m = xha_place_transition(sa->place, event);
	u64 skipped = 0;

	lockdep_assert_held(&sa->tap.x->lock);

	if (m.actions & XHA_DO_NOTE) {
		sa->written = 0;
		sa->used = xha_oseq(sa->tap.x);
	}
	if (m.actions & XHA_DO_BIRTH && !sa->acted && !sa->told)
		begin_birth(sa, READ_ONCE(sa->group->birth_used));
	if (m.actions & (XHA_DO_BEGIN | XHA_DO_CONTINUE))
		skipped = begin(sa, m.actions & XHA_DO_CONTINUE);
	WRITE_ONCE(sa->place, m.to);
	if (m.actions & XHA_DO_HOLD) {
		xha_apply_hold(sa->tap.x);
		xha_apply_keepalive(sa->tap.x, false);
	}
	if (m.actions & XHA_DO_LET_GO)
		let_go(sa);
	if (m.actions & XHA_DO_STOP)
		stop(sa);
	if (m.actions & XHA_DO_RESUME)
		resume(sa);
	if (m.actions & XHA_DO_RENEW)
		renew(sa);
	if (m.actions & XHA_DO_TELL)
		tell(sa);
	return skipped;
}

/* It can't go on here. */
static void retire(struct xha_sa *sa)
{
	if (sa->tap.x->km.state != XFRM_STATE_DEAD)
		transition(sa, XHA_PLACE_UNUSABLE);
}

/**
 * xha_place_rearm() - are there numbers for an SA that is in use?
 * @sa: shadow of an SA in a group; x->lock held
 *
 * A tap that refuses packets tells by itself that there are none: xha_place_refused().
 */
void xha_place_rearm(struct xha_sa *sa)
{
	struct xfrm_state *x = sa->tap.x;
	u64 left;

	lockdep_assert_held(&x->lock);

	if (!xha_place_in_use(sa->place))
		return;
	left = numbers_left(sa);
	if (left)
		transition(sa, sa->bounds.bound ? XHA_PLACE_TIED : XHA_PLACE_LOOSE);
	else if (!refuses(sa))
		transition(sa, XHA_PLACE_EMPTY);
	if (sa->tap.watched)
		x->replay_maxdiff = max_t(u64, min3(left, (u64)sa->out_interval,
						    (u64)sa->in_interval), 1);
}

/**
 * xha_place_refused() - the tap has refused a packet its number
 * @sa: shadow of an SA in a group; x->lock held
 */
void xha_place_refused(struct xha_sa *sa)
{
	lockdep_assert_held(&sa->tap.x->lock);

	xha_stat_inc(xha_sa_net(sa), XHA_STAT_LEASE_REFUSED);
	transition(sa, XHA_PLACE_EMPTY);
}

/**
 * xha_place_role() - hold an SA, or let it go, as the role of its group wants it
 * @sa: shadow; process context, x->lock not held
 *
 * The role is read under x->lock, and a change of role is followed by a call
 * of this for every SA of the group: whoever comes last applies the newest.
 * The timer of an SA that is held stands still, so that it does not expire on a node that
 * carries no traffic; but not that of one whose time is over.
 *
 * Return: how many outbound numbers are skipped at most, 0 unless it was let go.
 */
u64 xha_place_role(struct xha_sa *sa)
{
	struct xha_group *g = sa->group;
	struct xfrm_state *x = sa->tap.x;
	bool stopped, let_go = false;
	enum xha_role role;
	u64 skipped = 0;
	u32 tenure;

	spin_lock_bh(&x->lock);
	ask_nic(sa);
	role = READ_ONCE(g->role);
	/* Pairs with set_role(): @tenure and @deposed are not earlier ones than those of @role. */
	smp_rmb();
	tenure = READ_ONCE(g->tenure);
	stopped = xha_place_is_stopped(sa->place);
	if (role != XHA_ROLE_ACTIVE) {
		transition(sa, READ_ONCE(g->deposed) ? XHA_PLACE_DEPOSED : XHA_PLACE_AWAY);
		if (sa->spent)
			spend(sa);
	} else if (stopped && is_unusable(sa, tenure)) {
		retire(sa);
	} else {
		skipped = transition(sa, XHA_PLACE_ACTIVE);
		let_go = stopped;
	}
	if (xha_place_in_use(sa->place)) {
		sa->acted = true;
		sa->lone |= READ_ONCE(g->alone);
		if (sa->packet)
			spend(sa);
	}
	xha_place_bound(sa);
	if (let_go)
		skipped += skipped_by(sa);
	spin_unlock_bh(&x->lock);

	if (role == XHA_ROLE_ACTIVE)
		return skipped;
	/* The handler takes x->lock, and re-arms itself unless cancelled after it. */
	xha_apply_lifetime(x, false);
	/* Somebody else may have let it go, or retired it, by then. */
	spin_lock_bh(&x->lock);
	if (!xha_place_is_held(sa->place) || xha_ended(x))
		xha_apply_lifetime(x, true);
	spin_unlock_bh(&x->lock);
	return 0;
}

/**
 * xha_place_settled() - the peer has acknowledged what was used here
 * @sa: shadow; x->lock not held
 * @gen: of the record
 */
void xha_place_settled(struct xha_sa *sa, u16 gen)
{
	spin_lock_bh(&sa->tap.x->lock);
	if (gen == sa->gen)
		transition(sa, XHA_PLACE_SETTLED);
	spin_unlock_bh(&sa->tap.x->lock);
}

/*
 * A lease end moves the number forward. An exact number (FINAL: the peer has
 * stopped, requirement N5) may also replace the lease end that was written
 * last, if this node is still held and has not used the SA since.
 */
static bool write_out(struct xha_sa *sa, const struct xha_record *r)
{
	u64 seq = r->seq, old = xha_oseq(sa->tap.x);

	/* A standby that was never told says 0: that does not count. */
	sa->told |= seq || r->flags & XHA_REC_F_FINAL;
	if (!xha_esn(sa->tap.x))
		seq = min_t(u64, seq, U32_MAX);
	if (r->flags & XHA_REC_F_FINAL && seq >= sa->used && (old == sa->written || seq >= old)) {
		xha_apply_oseq(sa->tap.x, seq);
		sa->written = seq;
		transition(sa, XHA_PLACE_FINAL);
		sa->final_term = READ_ONCE(sa->group->peer_term);
		return seq != old;
	}
	transition(sa, XHA_PLACE_TOLD);
	if (seq <= old)
		return false;
	xha_apply_oseq(sa->tap.x, seq);
	sa->written = seq;
	return true;
}

/*
 * A lease is given by a node that holds the SA, and has told the peer what it has used itself. A
 * peer that asks for less has forgotten, or was never told: it is told.
 */
static bool gives_lease(struct xha_sa *sa, u64 lease)
{
	if (sa->place == XHA_PLACE_OWING)
		return false;
	if (lease >= sa->used)
		return true;
	transition(sa, XHA_PLACE_BEHIND);
	return false;
}

/**
 * xha_place_record() - write a record of the peer into the SA, if it is held here
 * @sa: shadow
 * @r: record; r->window must be set with XHA_REC_F_BITMAP
 *
 * Return: what came of it. A lease that was asked for is given with XHA_APPLIED and XHA_STALE.
 */
enum xha_verdict xha_place_record(struct xha_sa *sa, const struct xha_record *r)
{
	struct xfrm_state *x = sa->tap.x;
	enum xha_verdict v = XHA_STALE;
	bool changed;

	spin_lock_bh(&x->lock);
	if (x->km.state == XFRM_STATE_DEAD)
		goto out;
	v = XHA_ACTIVE;
	if (!xha_place_is_held(sa->place))
		goto out;
	v = XHA_REFUSED;
	if (!r->in && r->flags & XHA_REC_F_LEASE && !gives_lease(sa, r->seq))
		goto out;
	ask_nic(sa);
	/* The end is what this node has told the peer. */
	if (r->seq && !(sa->spent && r->seq >= xha_end(xha_esn(x))))
		sa->told_any = true;
	if (r->in)
		changed = xha_apply_edge(x, r->seq, r->flags & XHA_REC_F_BITMAP ? r->window : NULL);
	else
		changed = write_out(sa, r);
	changed |= xha_apply_counts(x, xha_expand48(x->curlft.bytes, r->bytes),
				  xha_expand48(x->curlft.packets, r->packets));
	set_foreign(sa);
	v = changed ? XHA_APPLIED : XHA_STALE;
out:
	spin_unlock_bh(&x->lock);
	return v;
}

/*
 * What the peer has used in its stripes nobody knows: it has forgotten, or is another. This node
 * keeps to its own for good (until the SA is renewed), and gives half of them to the new memory.
 */
static void split(struct xha_sa *sa)
{
	if (!xha_share_split(&sa->own, &sa->given, sa->bounds.bits))
		sa->given = (struct xha_share){ .step = XHA_SHARE_NONE };
	xha_stat_inc(xha_sa_net(sa), XHA_STAT_SHARE_SPLIT);
}

/* Is it another memory than the one that this node accounts for? x->lock */
static bool is_other(const struct xha_sa *sa, u32 inc, u32 session)
{
	const struct xha_mirror *m = xha_sa_mirror(sa);

	if (sa->peer_inc)
		return inc != sa->peer_inc;
	/* It came in this session, or this is the first one: who has used it tells now. */
	if (!sa->lone && (sa->born == 2 * session || session == 1))
		return false;
	/* Else the peer must have been there, and have forgotten nothing, since it came. */
	return m->peer_since > sa->born;
}

/* Its own stripes are as the peer says: it has a memory of the SA, which this node has not. */
static void learn_share(struct xha_sa *sa, const struct xha_announce *a)
{
	struct xha_bounds *b = &sa->bounds;
	bool bits = a->stripe != b->bits, share = a->share.step > sa->own.step;

	/* A standby that has used nothing follows. */
	if (sa->acted && !(a->flags & XHA_REC_F_USED))
		bits = false;
	if (!bits && !share)
		return;
	/* It has used the SA, and should know its share: what it takes for it may be the peer's. */
	if (sa->acted) {
		sa->own.step = 0;
		if (!xha_place_is_held(sa->place))
			retire(sa);
		return;
	}
	b->bits = a->stripe;
	if (a->share.step)
		sa->own = a->share;
	if (sa->own.step == XHA_SHARE_NONE)
		sa->own.step = 0;
}

/**
 * xha_place_announced() - the peer has announced an SA, and so told what it remembers of it
 * @sa: shadow
 * @a: announcement
 * @session: that it is of; 0: not of one that stands
 *
 * Return: false if it was meant for a node that remembers what this one does not, and must be said
 * again.
 */
bool xha_place_announced(struct xha_sa *sa, const struct xha_announce *a, u32 session)
{
	struct xfrm_state *x = sa->tap.x;
	bool again, mine;

	spin_lock_bh(&x->lock);
	again = is_other(sa, a->inc, session);
	if (again)
		split(sa);
	sa->peer_inc = a->inc;
	mine = !a->peer_inc || a->peer_inc == sa->inc;
	sa->strange = !mine;
	/*
	 * What the peer holds this node may have asked for, and not know of any more. Later in the
	 * session it knows what it has asked for.
	 */
	if (!sa->packet && (!mine || (sa->place == XHA_PLACE_RETIRED && sa->sure != session))) {
		sa->told |= a->out;
		go_above(sa, a->out);
	}
	if (mine) {
		WRITE_ONCE(sa->sure, session);
		learn_share(sa, a);
	} else if (!xha_place_is_held(sa->place)) {
		retire(sa);
	}
	xha_place_bound(sa);
	if (again)
		tell(sa);
	spin_unlock_bh(&x->lock);
	return mine;
}

/**
 * xha_place_met() - the peer has used an SA that is not held here
 * @sa: shadow; x->lock not held
 * @seq: its last number
 *
 * Return: false if this node was above that already.
 */
bool xha_place_met(struct xha_sa *sa, u64 seq)
{
	bool met = true;

	spin_lock_bh(&sa->tap.x->lock);
	if (sa->packet ? !seq : !go_above(sa, seq))
		met = false;
	else if (sa->packet)
		sa->told_any = true;
	if (!met || xha_place_is_stopped(sa->place))
		goto out;
	if (is_unusable(sa, sa->packet ? sa->tenure : 0))
		retire(sa);
	else
		xha_place_bound(sa);
out:
	spin_unlock_bh(&sa->tap.x->lock);
	return met;
}

/**
 * xha_place_recall() - an SA has come of which something is known
 * @sa: shadow, not placed yet
 * @mem: what this node remembers; mem->inc 0: nothing
 * @out: the highest number that was told or used
 * @in: right edge
 */
void xha_place_recall(struct xha_sa *sa, const struct xha_memory *mem, u64 out, u64 in)
{
	struct xfrm_state *x = sa->tap.x;

	spin_lock_bh(&x->lock);
	if (x->km.state == XFRM_STATE_DEAD)
		goto unlock;
	if (mem->inc) {
		sa->inc = mem->inc;
		sa->peer_inc = mem->peer_inc;
		sa->bounds.bits = mem->bits;
		sa->own = mem->share;
		sa->given = mem->given;
		sa->used = max(sa->used, mem->acted ? out : mem->used);
		sa->acted = mem->acted;
		set_bounds(sa, mem->lease, mem->floor);
	}
	if (sa->packet) {
		sa->told_any |= out && out < xha_end(xha_esn(x));
	} else {
		if (go_above(sa, out))
			sa->written = out;
		sa->told |= out;
		xha_apply_edge(x, in, NULL);
		if (in && xha_group_sends(sa->group))
			lose_unsaid(sa, xha_group_config(sa->group));
	}
	xha_apply_counts(x, mem->bytes, mem->packets);
	WRITE_ONCE(sa->tap.in.seq, xha_edge(x));
	set_foreign(sa);
unlock:
	spin_unlock_bh(&x->lock);
}

/**
 * xha_place_remember() - what is to be known of an SA that goes
 * @sa: shadow, unlinked
 * @mem: filled
 * @s: its numbers
 */
void xha_place_remember(struct xha_sa *sa, struct xha_memory *mem, struct xha_sample *s)
{
	struct xha_numbers n = {};

	spin_lock_bh(&sa->tap.x->lock);
	/* A driver has forgotten it: its counts are those of the last look. */
	xha_numbers(sa->tap.x, &n);
	*s = (struct xha_sample){
		.out = sa->spent ? xha_end(xha_esn(sa->tap.x)) : n.out,
		.in = sa->spent ? xha_end(xha_esn(sa->tap.x)) : n.in,
	};
	*mem = (struct xha_memory){
		.inc = sa->inc,
		.peer_inc = sa->peer_inc,
		.bits = sa->bounds.bits,
		.share = sa->own,
		.given = sa->given,
		.floor = sa->bounds.floor,
		.lease = sa->bounds.lease,
		.used = sa->used,
		.bytes = n.bytes,
		.packets = n.packets,
		.acted = sa->acted,
		.live = sa->acted && !xha_place_is_stopped(sa->place),
	};
	spin_unlock_bh(&sa->tap.x->lock);
}

/**
 * xha_place_grant() - the peer has the exact number: give it a first lease with it
 * @sa: shadow of an SA that is being handed over; process context
 *
 * It is written into the SA here as if the peer had asked for it, before the peer is told to
 * go on: it need not wait for an acknowledgment.
 */
void xha_place_grant(struct xha_sa *sa)
{
	struct xfrm_state *x = sa->tap.x;
	u64 oseq;

	spin_lock_bh(&x->lock);
	if (xha_place_is_held(sa->place) && x->km.state != XFRM_STATE_DEAD) {
		oseq = xha_oseq(x);
		if (!sa->packet)
			set_oseq(sa, min(oseq + XHA_LEASE_GRANT, max(oseq, xha_end(xha_esn(x)))));
		sa->written = sa->tap.out.seq;
		sa->told = true;
		transition(sa, XHA_PLACE_GRANTED);
	}
	spin_unlock_bh(&x->lock);
}

/**
 * xha_place_free() - let go of an SA that is no longer in a group
 * @sa: shadow; process context
 */
void xha_place_free(struct xha_sa *sa)
{
	struct xfrm_state *x = sa->tap.x;

	spin_lock_bh(&x->lock);
	/* A NIC would begin with numbers that were used: such an SA stays as it is. */
	if (!sa->packet || sa->place != XHA_PLACE_RETIRED)
		transition(sa, XHA_PLACE_DROPPED);
	spin_unlock_bh(&x->lock);
}

/**
 * xha_place_soften() - an SA has reached its soft limit
 * @sa: shadow; process context
 *
 * What xfrm_state_check_expire() in net/xfrm/xfrm_state.c does for its limits.
 */
void xha_place_soften(struct xha_sa *sa)
{
	struct xfrm_state *x = sa->tap.x;
	bool first;

	spin_lock_bh(&x->lock);
	first = x->km.state == XFRM_STATE_VALID && !xha_is_held(x) && xha_apply_dying(x);
	spin_unlock_bh(&x->lock);
	if (!first)
		return;
	xha_stat_inc(xha_sa_net(sa), XHA_STAT_STRIPE_SOFT);
	km_state_expired(x, 0, 0);
}

/**
 * xha_place_expire() - an SA is held until it is renewed: tell the user, once for each takeover
 * @sa: shadow; process context
 */
void xha_place_expire(struct xha_sa *sa)
{
	struct xfrm_state *x = sa->tap.x;
	bool tell;

	spin_lock_bh(&x->lock);
	tell = sa->place == XHA_PLACE_RETIRED && x->km.state != XFRM_STATE_DEAD;
	if (tell)
		xha_apply_dying(x);
	spin_unlock_bh(&x->lock);
	if (tell)
		km_state_expired(x, 0, 0);
}

/**
 * xha_place_stray() - an SA of a group can't have a shadow
 * @x: SA; x->lock not held
 * @g: group
 *
 * It neither sends nor accepts, but where the group is active with a peer in sync, and
 * xha_sa_stray() sees to it that it does not go beyond the numbers that need no lease.
 */
void xha_place_stray(struct xfrm_state *x, const struct xha_group *g)
{
	spin_lock_bh(&x->lock);
	if (READ_ONCE(g->role) != XHA_ROLE_ACTIVE || READ_ONCE(g->alone) || !xha_tap_refuses() ||
	    xha_is_packet(x) || xha_oseq(x) >= XHA_LEASE_BIRTH)
		xha_apply_hold(x);
	xha_apply_keepalive(x, READ_ONCE(g->role) == XHA_ROLE_ACTIVE);
	spin_unlock_bh(&x->lock);
}

/**
 * xha_place_end() - the hard limit by time of an SA that is held has passed
 * @sa: shadow; its timer stands still
 *
 * The node that is active for it deletes it, and the kernel here does as well, from its timer.
 */
void xha_place_end(struct xha_sa *sa)
{
	struct xfrm_state *x = sa->tap.x;

	spin_lock_bh(&x->lock);
	if (xha_place_is_held(sa->place) && xha_ended(x) && !hrtimer_active(&x->mtimer))
		xha_apply_lifetime(x, true);
	spin_unlock_bh(&x->lock);
}
