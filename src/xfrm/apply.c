// SPDX-License-Identifier: GPL-2.0
/*
 * The only file that writes into an xfrm_state: sequence number, replay
 * window, byte and packet counts, hold, event thresholds.
 *
 * What is written only moves forward (invariant I3), with the one exception
 * in apply_out().
 */

#include "xfrm_ha.h"

static bool has_ring(const struct xfrm_state *x)
{
	return x->repl_mode != XFRM_REPLAY_MODE_LEGACY;
}

bool xha_apply_esn(const struct xfrm_state *x)
{
	return x->repl_mode == XFRM_REPLAY_MODE_ESN;
}

/* Its handler finds what has passed of the lifetime, and re-arms itself. */
static void run_lifetime(struct xfrm_state *x)
{
	hrtimer_start(&x->mtimer, ktime_set(1, 0), HRTIMER_MODE_REL_SOFT);
}

/* Width of the replay window in bits, bounded by what the wire format carries. */
u32 xha_apply_width(const struct xfrm_state *x)
{
	u32 width = has_ring(x) ? x->replay_esn->replay_window : x->props.replay_window;

	return min_t(u32, width, XHA_WINDOW_MAX);
}

static u64 edge_of(const struct xfrm_state *x)
{
	if (!has_ring(x))
		return x->replay.seq;
	return xha_seq64(x->replay_esn->seq, xha_apply_esn(x) ? x->replay_esn->seq_hi : 0);
}

static void window_of(struct xha_window *w, const struct xfrm_state *x)
{
	if (has_ring(x))
		xha_window_from_ring(w, edge_of(x), x->replay_esn->bmp, xha_apply_width(x));
	else
		xha_window_from_legacy(w, x->replay.seq, x->replay.bitmap, xha_apply_width(x));
}

static void write_oseq(struct xfrm_state *x, u64 oseq)
{
	if (!has_ring(x)) {
		x->replay.oseq = oseq;
		return;
	}
	x->replay_esn->oseq = oseq;
	if (xha_apply_esn(x))
		x->replay_esn->oseq_hi = oseq >> 32;
}

static void write_edge(struct xfrm_state *x, u64 edge)
{
	if (!has_ring(x)) {
		x->replay.seq = edge;
		return;
	}
	x->replay_esn->seq = edge;
	if (!xha_apply_esn(x))
		return;
	x->replay_esn->seq_hi = edge >> 32;
	/* A NIC that decrypts must know it, too: as xfrm_replay_advance_esn() does. */
	if (x->xso.type != XFRM_DEV_OFFLOAD_PACKET)
		xfrm_dev_state_advance_esn(x);
}

static void write_window(struct xfrm_state *x, const struct xha_window *w)
{
	write_edge(x, w->edge);
	if (has_ring(x))
		xha_window_to_ring(w, x->replay_esn->bmp);
	else
		x->replay.bitmap = xha_window_to_legacy(w);
}

/* In packet offload mode: does the NIC tell how many packets there were? */
bool xha_apply_counted(const struct xfrm_state *x)
{
#ifdef CONFIG_XFRM_OFFLOAD
	const struct net_device *dev = READ_ONCE(x->xso.dev);

	return dev && dev->xfrmdev_ops && dev->xfrmdev_ops->xdo_dev_state_update_stats;
#else
	return false;
#endif
}

static void spend(struct xha_sa *sa)
{
	sa->spent = true;
	if (sa->hold & XHA_HOLD_STANDBY)
		sa->used = xha_end(xha_apply_esn(sa->x));
}

/*
 * The NIC's counts; what the peer has not counted was sent or accepted here. What a NIC has
 * decrypted with an SA that is held nobody has accepted: see packet.c.
 */
static void ask_nic(struct xha_sa *sa)
{
	struct xfrm_state *x = sa->x;

	/* The driver forgets an SA after it is dead, not before. */
	if (!sa->packet || x->km.state == XFRM_STATE_DEAD)
		return;
	xfrm_dev_state_update_stats(x);
	if (x->xso.dir == XFRM_DEV_OFFLOAD_IN && sa->hold & (XHA_HOLD_STANDBY | XHA_HOLD_REKEY))
		sa->foreign = x->curlft.packets;
	if (!sa->spent && x->curlft.packets != sa->foreign)
		spend(sa);
}

/**
 * xha_apply_sample() - read what is mirrored of an SA
 * @sa: shadow; x->lock held
 * @s: filled; s->window too, unless it is NULL
 *
 * The numbers of an SA in packet offload mode are the NIC's: once it may have been used here
 * they are at the end.
 */
void xha_apply_sample(struct xha_sa *sa, struct xha_sample *s)
{
	struct xfrm_state *x = sa->x;

	lockdep_assert_held(&x->lock);

	ask_nic(sa);
	s->out = xha_oseq(x);
	s->in = edge_of(x);
	s->bytes = x->curlft.bytes;
	s->packets = x->curlft.packets;
	if (s->window)
		window_of(s->window, x);
	if (!sa->spent)
		return;
	s->out = xha_end(xha_apply_esn(x));
	s->in = xha_end(xha_apply_esn(x));
	if (s->window)
		xha_window_move(s->window, s->in, true);
}

static void set_oseq(struct xha_sa *sa, u64 oseq)
{
	write_oseq(sa->x, oseq);
	sa->out.seq = oseq;
	sa->out.quiet = 0;
}

/**
 * xha_apply_jump() - go on with a later number
 * @sa: shadow of an SA that is not held for a standby; x->lock held
 * @oseq: the number to count as the last one used
 *
 * Return: false if it was there already.
 */
bool xha_apply_jump(struct xha_sa *sa, u64 oseq)
{
	lockdep_assert_held(&sa->x->lock);

	if (oseq <= xha_oseq(sa->x))
		return false;
	set_oseq(sa, oseq);
	return true;
}

/*
 * A lease end moves the number forward. An exact number (FINAL: the peer has
 * stopped, requirement N5) may also replace the lease end that was written
 * last, if this node is still held and has not used the SA since.
 */
static bool apply_out(struct xha_sa *sa, const struct xha_record *r)
{
	u64 seq = r->seq, old = xha_oseq(sa->x);

	/* A standby that was never told says 0: that does not count. */
	sa->told |= seq || r->flags & XHA_REC_F_FINAL;
	sa->final = false;
	if (!xha_apply_esn(sa->x))
		seq = min_t(u64, seq, U32_MAX);
	if (r->flags & XHA_REC_F_FINAL && seq >= sa->used && (old == sa->written || seq >= old)) {
		write_oseq(sa->x, seq);
		sa->written = seq;
		sa->final = true;
		return seq != old;
	}
	if (seq <= old)
		return false;
	write_oseq(sa->x, seq);
	sa->written = seq;
	return true;
}

/* Without a bitmap all that lies below the new edge counts as seen. */
static bool apply_in(struct xha_sa *sa, const struct xha_record *r)
{
	struct xfrm_state *x = sa->x;
	u64 seq = min(r->seq, xha_end(xha_apply_esn(x))), old = edge_of(x);
	struct xha_window w;

	if (!xha_apply_width(x))
		return false;
	if (seq < old || (seq == old && !(r->flags & XHA_REC_F_BITMAP)))
		return false;
	if (!(r->flags & XHA_REC_F_BITMAP) && has_ring(x) &&
	    xha_window_ring_pass(x->replay_esn->bmp, xha_apply_width(x), old, seq)) {
		write_edge(x, seq);
		return true;
	}
	window_of(&w, x);
	if (r->flags & XHA_REC_F_BITMAP)
		xha_window_merge(&w, r->window);
	else
		xha_window_move(&w, seq, true);
	write_window(x, &w);
	return true;
}

/**
 * xha_apply_record() - write a record of the peer into the SA
 * @sa: shadow; its group is not active on this node
 * @r: record; r->window must be set with XHA_REC_F_BITMAP
 *
 * Return: false if nothing moved: the SA already was as far.
 */
bool xha_apply_record(struct xha_sa *sa, const struct xha_record *r)
{
	struct xfrm_state *x = sa->x;
	bool moved = false;
	u64 v;

	spin_lock_bh(&x->lock);
	/* Settled under x->lock: xha_apply_role() may just have made us active. */
	if (x->km.state == XFRM_STATE_DEAD || !(sa->hold & XHA_HOLD_STANDBY))
		goto out;
	ask_nic(sa);
	/* The end is what this node has told the peer. */
	if (r->seq && !(sa->spent && r->seq >= xha_end(xha_apply_esn(x))))
		sa->heard = true;
	moved = r->in ? apply_in(sa, r) : apply_out(sa, r);
	v = xha_expand48(x->curlft.bytes, r->bytes);
	if (v > x->curlft.bytes) {
		x->curlft.bytes = v;
		moved = true;
	}
	v = xha_expand48(x->curlft.packets, r->packets);
	if (v > x->curlft.packets) {
		x->curlft.packets = v;
		moved = true;
	}
	sa->foreign = x->curlft.packets;
out:
	spin_unlock_bh(&x->lock);
	return moved;
}

/* Policy strict: numbers that the peer may have accepted without saying so count as seen. */
static void take_window(struct xha_sa *sa, const struct xha_group_config *c)
{
	struct xfrm_state *x = sa->x;
	struct xha_exposure e;
	struct xha_window w;
	u64 edge;

	if (c->lenient || !xha_apply_width(x) || !edge_of(x))
		return;
	xha_exposure(&e, c->interval, xha_apply_width(x), sa->in_peak, false);
	window_of(&w, x);
	edge = min(w.edge + e.lost, xha_end(xha_apply_esn(x)));
	xha_window_move(&w, edge, true);
	write_window(x, &w);
}

/*
 * No number stops a NIC. It goes on while there is a peer in sync, or one that has acknowledged
 * the end, or none that counts; not in a slice.
 */
static u64 packet_left(const struct xha_sa *sa)
{
	const struct xha_bounds *b = &sa->bounds;

	if (sa->x->xso.dir != XFRM_DEV_OFFLOAD_OUT || !b->alone)
		return U64_MAX;
	if (b->last != U64_MAX || xha_limit(b) < xha_end(xha_apply_esn(sa->x)))
		return 0;
	return U64_MAX;
}

/**
 * xha_apply_settle() - hold an SA that has come to its limit, let go of one that may go on
 * @sa: shadow of an SA in a group; x->lock held
 *
 * With a tap that refuses packets the SA stays valid, and this only takes note.
 */
void xha_apply_settle(struct xha_sa *sa)
{
	struct xfrm_state *x = sa->x;
	u64 oseq = xha_oseq(x), limit = xha_limit(&sa->bounds), left;
	bool otherwise = sa->hold & (XHA_HOLD_STANDBY | XHA_HOLD_REKEY);

	lockdep_assert_held(&x->lock);

	left = limit > oseq ? limit - oseq : 0;
	if (sa->packet)
		left = packet_left(sa);
	if (otherwise || (xha_tap->refuses && !sa->packet)) {
		if (left || otherwise)
			sa->hold &= ~XHA_HOLD_LEASE;
		return;
	}
	if (!left && !(sa->hold & XHA_HOLD_LEASE)) {
		sa->hold |= XHA_HOLD_LEASE;
		xha_stat_inc(sa->xn, XHA_STAT_LEASE_HELD);
		if (x->km.state == XFRM_STATE_VALID)
			x->km.state = XFRM_STATE_ERROR;
	} else if (left && sa->hold & XHA_HOLD_LEASE) {
		sa->hold &= ~XHA_HOLD_LEASE;
		if (x->km.state == XFRM_STATE_ERROR)
			x->km.state = XFRM_STATE_VALID;
	}
	if (sa->watched)
		x->replay_maxdiff = max_t(u64, min3(left, (u64)sa->out_interval,
						    (u64)sa->in_interval), 1);
}

/* The peer may be active, too, or may have been: what needs no lease is the peer's. */
static void leave_birth(struct xha_sa *sa, const struct xha_group *g)
{
	if (!sa->mirror || !g->config.strict || !READ_ONCE(g->took) || sa->packet)
		return;
	xha_apply_jump(sa, XHA_LEASE_BIRTH);
	sa->bounds.lease = 0;
}

/* Where a standby that becomes active begins. Return: numbers skipped at most. */
static u64 begin(struct xha_sa *sa, const struct xha_group *g)
{
	const struct xha_group_config *c = &g->config;
	struct xfrm_state *x = sa->x;
	u64 skipped = 0;

	if (sa->written && !sa->final) {
		skipped = xha_quantity(c->quantity, c->interval);
		take_window(sa, c);
	}
	sa->bounds.lease = 0;
	if (!sa->told)
		leave_birth(sa, g);
	if (sa->final)
		sa->bounds.lease = xha_lease_end(xha_oseq(x), XHA_LEASE_GRANT, xha_apply_esn(x));
	else if (!sa->told && !READ_ONCE(g->took))
		sa->bounds.lease = XHA_LEASE_BIRTH;
	sa->gen++;
	sa->final = false;
	sa->written = 0;
	sa->out.seq = xha_oseq(x);
	sa->out.due = 0;
	sa->in.due = 0;
	sa->in.quiet = 0;
	sa->in_fresh = true;
	return skipped;
}

/*
 * Can't a node that becomes active go on with it? Not if the numbers are those of a NIC that has
 * not carried the SA alone until now (see packet.c), nor if they are at the end, which does not
 * stop an SA whose numbers may wrap, or that has no replay window.
 */
static bool finished(const struct xha_sa *sa, u32 tenure)
{
	u64 end = xha_end(xha_apply_esn(sa->x));

	if (sa->packet)
		return sa->heard || sa->tenure != tenure;
	return xha_oseq(sa->x) >= end || edge_of(sa->x) >= end;
}

/* It stays held, and is to be renewed. Its lifetime goes on: if nobody renews it, it ends. */
static void retire(struct xha_sa *sa)
{
	struct xfrm_state *x = sa->x;

	if (x->km.state == XFRM_STATE_DEAD)
		return;
	sa->hold = XHA_HOLD_REKEY;
	sa->bounds.lease = 0;
	sa->gen++;
	sa->final = false;
	if (x->km.state == XFRM_STATE_VALID)
		x->km.state = XFRM_STATE_ERROR;
	run_lifetime(x);
	xha_stat_inc(sa->xn, XHA_STAT_NEEDS_REKEY);
	set_bit(XHA_SA_REKEY, &sa->flags);
	xha_group_soft(sa->group);
}

/**
 * xha_apply_meet() - the peer has used an SA of an active node
 * @sa: shadow; x->lock held
 * @seq: its last number
 *
 * Return: false if this node was above that already.
 */
bool xha_apply_meet(struct xha_sa *sa, u64 seq)
{
	lockdep_assert_held(&sa->x->lock);

	if (sa->packet ? !seq : !xha_apply_jump(sa, seq))
		return false;
	if (sa->packet)
		sa->heard = true;
	if (sa->hold & (XHA_HOLD_STANDBY | XHA_HOLD_REKEY))
		return true;
	if (finished(sa, sa->tenure))
		retire(sa);
	else
		xha_apply_settle(sa);
	return true;
}

/**
 * xha_apply_role() - hold an SA, or let it go, as the role of its group wants it
 * @sa: shadow; process context, x->lock not held
 *
 * The role is read under x->lock, and a change of role is followed by a call
 * of this for every SA of the group: whoever comes last applies the newest.
 *
 * A held SA is in XFRM_STATE_ERROR: it sends nothing, accepts nothing, raises
 * no acquire (xfrm_state_look_at() in net/xfrm/xfrm_state.c), and its timer
 * stands still, so that it does not expire on a node that carries no traffic.
 *
 * Return: how many outbound numbers are skipped at most, 0 unless it was let go.
 */
u64 xha_apply_role(struct xha_sa *sa)
{
	struct xha_group *g = sa->group;
	struct xfrm_state *x = sa->x;
	u32 before, tenure;
	bool standby, held;
	enum xha_role role;
	u64 skipped = 0;

	spin_lock_bh(&x->lock);
	ask_nic(sa);
	held = sa->hold & XHA_HOLD_STANDBY;
	before = READ_ONCE(g->tenure);
	smp_rmb(); /* set_role(): an SA that is placed can't be of a later tenure than its role */
	role = READ_ONCE(g->role);
	smp_rmb(); /* ditto: one that is let go can't be of an earlier one */
	tenure = READ_ONCE(g->tenure);
	if (!sa->placed)
		sa->tenure = before - (role == XHA_ROLE_STANDBY || role == XHA_ROLE_HANDED);
	standby = role != XHA_ROLE_ACTIVE;
	if (standby) {
		sa->hold |= XHA_HOLD_STANDBY;
		sa->hold &= ~XHA_HOLD_REKEY;
		if (x->km.state == XFRM_STATE_VALID)
			x->km.state = XFRM_STATE_ERROR;
		/* What is written from now on is the peer's. */
		if (!held) {
			sa->written = 0;
			sa->used = xha_oseq(x);
			if (sa->spent)
				spend(sa);
		}
	} else if (held && finished(sa, tenure)) {
		retire(sa);
	} else if (held) {
		skipped = begin(sa, g);
		sa->hold &= ~XHA_HOLD_STANDBY;
		if (x->km.state == XFRM_STATE_ERROR) {
			x->km.state = XFRM_STATE_VALID;
			run_lifetime(x);
		}
	} else if (!sa->placed) {
		leave_birth(sa, g);
	}
	if (sa->packet && !(sa->hold & (XHA_HOLD_STANDBY | XHA_HOLD_REKEY)))
		spend(sa);
	sa->placed = true;
	xha_sa_bound(sa);
	spin_unlock_bh(&x->lock);

	if (!standby)
		return skipped;
	/* The handler takes x->lock, and re-arms itself unless cancelled after it. */
	hrtimer_cancel(&x->mtimer);
	/* Somebody else may have let it go, or retired it, by then. */
	spin_lock_bh(&x->lock);
	if (!(sa->hold & XHA_HOLD_STANDBY) && x->km.state != XFRM_STATE_DEAD)
		run_lifetime(x);
	spin_unlock_bh(&x->lock);
	return 0;
}

/**
 * xha_apply_grant() - the peer has the exact number: give it a first lease with it
 * @sa: shadow of an SA that is being handed over; process context
 *
 * It is written into the SA here as if the peer had asked for it, before the peer is told to
 * go on: it need not wait for an acknowledgment.
 */
void xha_apply_grant(struct xha_sa *sa)
{
	struct xfrm_state *x = sa->x;

	spin_lock_bh(&x->lock);
	if (sa->hold & XHA_HOLD_STANDBY && x->km.state != XFRM_STATE_DEAD) {
		if (!sa->packet)
			set_oseq(sa, xha_lease_end(xha_oseq(x), XHA_LEASE_GRANT,
						   xha_apply_esn(x)));
		sa->written = sa->out.seq;
		sa->told = true;
		sa->final = false;
	}
	spin_unlock_bh(&x->lock);
}

/**
 * xha_apply_free() - let go of an SA that is no longer in a group
 * @sa: shadow; process context
 */
void xha_apply_free(struct xha_sa *sa)
{
	struct xfrm_state *x = sa->x;

	spin_lock_bh(&x->lock);
	/* A NIC would begin with numbers that were used: such an SA stays as it is. */
	if (sa->hold && !(sa->packet && sa->hold & XHA_HOLD_REKEY)) {
		sa->hold = 0;
		if (x->km.state == XFRM_STATE_ERROR) {
			x->km.state = XFRM_STATE_VALID;
			run_lifetime(x);
		}
	}
	spin_unlock_bh(&x->lock);
}

/**
 * xha_apply_soften() - an SA has reached its soft limit
 * @sa: shadow; process context
 *
 * What xfrm_state_check_expire() in net/xfrm/xfrm_state.c does for its limits.
 */
void xha_apply_soften(struct xha_sa *sa)
{
	struct xfrm_state *x = sa->x;
	bool first = false;

	spin_lock_bh(&x->lock);
	if (x->km.state == XFRM_STATE_VALID && !x->km.dying) {
		x->km.dying = 1;
		first = true;
	}
	spin_unlock_bh(&x->lock);
	if (!first)
		return;
	xha_stat_inc(sa->xn, XHA_STAT_SLICE_SOFT);
	km_state_expired(x, 0, 0);
}

/**
 * xha_apply_expire() - an SA is held until it is renewed: tell the user, once for each takeover
 * @sa: shadow; process context
 */
void xha_apply_expire(struct xha_sa *sa)
{
	struct xfrm_state *x = sa->x;
	bool tell;

	spin_lock_bh(&x->lock);
	tell = sa->hold & XHA_HOLD_REKEY && x->km.state != XFRM_STATE_DEAD;
	if (tell)
		x->km.dying = 1;
	spin_unlock_bh(&x->lock);
	if (tell)
		km_state_expired(x, 0, 0);
}

/**
 * xha_apply_aevent() - set the event thresholds of an SA
 * @x: SA, its lock held
 * @maxdiff: packets; 0: no events
 * @maxage: jiffies; 0: no events by time
 *
 * XFRM_TIME_DEFER makes the next packet an event (xfrm_replay_notify() in
 * net/xfrm/xfrm_replay.c); the kernel itself sets it only after a first one.
 */
void xha_apply_aevent(struct xfrm_state *x, u32 maxdiff, u32 maxage)
{
	lockdep_assert_held(&x->lock);

	x->replay_maxdiff = maxdiff;
	x->replay_maxage = maxage;
	/* While the timer runs the flag would stay set, and each packet be an event. */
	if (mod_timer_pending(&x->rtimer, jiffies + maxage) || !maxdiff)
		x->xflags &= ~XFRM_TIME_DEFER;
	else
		x->xflags |= XFRM_TIME_DEFER;
}
