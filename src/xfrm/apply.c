// SPDX-License-Identifier: GPL-2.0
/*
 * The only file that writes into an xfrm_state: sequence number, replay window, byte and packet
 * counts, hold, lifetime, NAT keepalives, event thresholds. What they are to be is decided in
 * ha/place.c.
 */

#include "xfrm/xfrm.h"

static bool has_ring(const struct xfrm_state *x)
{
	return x->repl_mode != XFRM_REPLAY_MODE_LEGACY;
}

/* Width of the replay window in bits, bounded by what the wire format carries. */
u32 xha_width(const struct xfrm_state *x)
{
	u32 width = has_ring(x) ? x->replay_esn->replay_window : x->props.replay_window;

	return xha_accepts(x) ? min_t(u32, width, XHA_WINDOW_MAX) : 0;
}

/* The right edge of the replay window. */
u64 xha_edge(const struct xfrm_state *x)
{
	if (!has_ring(x))
		return x->replay.seq;
	return xha_seq64(x->replay_esn->seq, xha_esn(x) ? x->replay_esn->seq_hi : 0);
}

static void window_of(struct xha_window *w, const struct xfrm_state *x)
{
	if (has_ring(x))
		xha_window_from_ring(w, xha_edge(x), x->replay_esn->bmp, xha_width(x));
	else
		xha_window_from_legacy(w, x->replay.seq, x->replay.bitmap, xha_width(x));
}

static void write_edge(struct xfrm_state *x, u64 edge)
{
	if (!has_ring(x)) {
		x->replay.seq = edge;
		return;
	}
	x->replay_esn->seq = edge;
	if (!xha_esn(x))
		return;
	x->replay_esn->seq_hi = edge >> 32;
	/* A NIC that decrypts must know it, too: as xfrm_replay_advance_esn() does. */
	if (!xha_is_packet(x))
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

/**
 * xha_numbers() - read what is mirrored of an SA
 * @x: SA; x->lock held
 * @n: filled; n->window too, unless it is NULL
 */
void xha_numbers(const struct xfrm_state *x, struct xha_numbers *n)
{
	lockdep_assert_held(&x->lock);

	n->out = xha_oseq(x);
	n->in = xha_edge(x);
	n->bytes = x->curlft.bytes;
	n->packets = x->curlft.packets;
	if (n->window)
		window_of(n->window, x);
}

/**
 * xha_apply_oseq() - set the number that counts as the last one used
 * @x: SA; x->lock held
 * @oseq: number; invariant I3 is the caller's
 *
 * An SA that only accepts keeps 0: what a dump says of it must be fit to be installed again
 * (verify_replay() in net/xfrm/xfrm_user.c).
 *
 * Return: whether it is another one now.
 */
bool xha_apply_oseq(struct xfrm_state *x, u64 oseq)
{
	u64 old = xha_oseq(x);

	lockdep_assert_held(&x->lock);

	if (!xha_sends(x))
		return false;
	if (!xha_esn(x))
		oseq = min_t(u64, oseq, U32_MAX);
	if (!has_ring(x)) {
		x->replay.oseq = oseq;
	} else {
		x->replay_esn->oseq = oseq;
		if (xha_esn(x))
			x->replay_esn->oseq_hi = oseq >> 32;
	}
	return oseq != old;
}

/**
 * xha_apply_edge() - move the replay window forward
 * @x: SA; x->lock held
 * @edge: its right edge
 * @w: what was seen below it, merged with what was seen here; NULL: all below it counts as seen
 *
 * Return: whether anything changed.
 */
bool xha_apply_edge(struct xfrm_state *x, u64 edge, const struct xha_window *w)
{
	u64 old = xha_edge(x);
	struct xha_window own;

	lockdep_assert_held(&x->lock);

	edge = min(edge, xha_end(xha_esn(x)));
	if (!xha_width(x) || edge < old || (edge == old && !w))
		return false;
	if (!w && has_ring(x) &&
	    xha_window_ring_pass(x->replay_esn->bmp, xha_width(x), old, edge)) {
		write_edge(x, edge);
		return true;
	}
	window_of(&own, x);
	if (w)
		xha_window_merge(&own, w);
	else
		xha_window_advance(&own, edge, true);
	write_window(x, &own);
	return true;
}

/**
 * xha_apply_lose() - count numbers above the right edge as seen
 * @x: SA; x->lock held
 * @numbers: how many
 */
void xha_apply_lose(struct xfrm_state *x, u32 numbers)
{
	u64 edge = xha_edge(x);

	if (edge)
		xha_apply_edge(x, edge + min(numbers, U64_MAX - edge), NULL);
}

/* Forward only; counts of which the lower 48 bits were sent are the caller's to complete. */
bool xha_apply_counts(struct xfrm_state *x, u64 bytes, u64 packets)
{
	bool changed = bytes > x->curlft.bytes || packets > x->curlft.packets;

	lockdep_assert_held(&x->lock);

	x->curlft.bytes = max_t(u64, x->curlft.bytes, bytes);
	x->curlft.packets = max_t(u64, x->curlft.packets, packets);
	return changed;
}

/* Is there nothing that the handler of its timer would find (xfrm_timer_handler())? */
static bool is_timeless(const struct xfrm_state *x)
{
	const struct xfrm_lifetime_cfg *l = &x->lft;

	return !l->soft_add_expires_seconds && !l->hard_add_expires_seconds &&
	       !l->soft_use_expires_seconds && !l->hard_use_expires_seconds &&
	       x->km.state != XFRM_STATE_EXPIRED;
}

/*
 * Its handler finds what has passed of the lifetime, and re-arms itself. Where it finds that
 * the hard limit has passed before it could tell of the soft one, as after a time in which it
 * stood still, it would begin anew: XFRM_SOFT_EXPIRE.
 *
 * An SA that gets limits later gets its timer started by who gives them (xfrm_state_update()).
 */
static void run_lifetime(struct xfrm_state *x)
{
	if (is_timeless(x))
		return;
	if (xha_ended(x))
		x->xflags &= ~XFRM_SOFT_EXPIRE;
	hrtimer_start(&x->mtimer, ktime_set(1, 0), HRTIMER_MODE_REL_SOFT);
}

/**
 * xha_apply_hold() - let an SA neither send nor accept
 * @x: SA; x->lock held
 *
 * With a tap that refuses packets it stays valid, and the tap refuses each. It is found for
 * sending, so that a template of level use does not do without it, and can be updated.
 *
 * In XFRM_STATE_ERROR it is not found for sending, drops what it receives and raises no acquire
 * (xfrm_state_look_at() in net/xfrm/xfrm_state.c, xfrm_input()).
 *
 * Its timer goes on, see xha_apply_lifetime().
 */
void xha_apply_hold(struct xfrm_state *x)
{
	lockdep_assert_held(&x->lock);

	if (x->km.state != XFRM_STATE_VALID)
		return;
	if (xha_tap_refuses() && !xha_is_packet(x))
		WRITE_ONCE(x->xflags, x->xflags | XHA_XFLAG_HELD);
	else
		x->km.state = XFRM_STATE_ERROR;
}

/* See xha_is_asked(). It stays so: who is in the table is not asked. x->lock held. */
void xha_apply_ask(struct xfrm_state *x)
{
	lockdep_assert_held(&x->lock);

	WRITE_ONCE(x->xflags, x->xflags | XHA_XFLAG_ASKED);
}

/**
 * xha_apply_keepalive() - let the kernel send an SA's NAT keepalives, or not
 * @x: SA; x->lock held
 * @send: send them, from now on; else the NAT would be told to send to this node
 *
 * The kernel does not look at km.state for that (nat_keepalive_work_single() in
 * net/xfrm/xfrm_nat_keepalive.c): without an interval it passes an SA by, and does not look at
 * nat_keepalive_expiration, in which the interval is kept for as long.
 */
void xha_apply_keepalive(struct xfrm_state *x, bool send)
{
	u32 interval = x->nat_keepalive_interval;

	lockdep_assert_held(&x->lock);

	if (!send && interval) {
		x->nat_keepalive_expiration = interval;
		WRITE_ONCE(x->nat_keepalive_interval, 0);
	} else if (send && !interval && x->nat_keepalive_expiration) {
		WRITE_ONCE(x->nat_keepalive_interval, x->nat_keepalive_expiration);
		x->nat_keepalive_expiration = 0;
		mod_delayed_work(system_wq, &xs_net(x)->xfrm.nat_keepalive_work, 0);
	}
}

/*
 * Out of XFRM_STATE_ERROR. The timer of its events has ended meanwhile without a word
 * (xfrm_replay_timer_handler() in net/xfrm/xfrm_state.c): the next packet starts it.
 */
static void wake(struct xfrm_state *x)
{
	x->km.state = XFRM_STATE_VALID;
	if (x->replay_maxdiff && !timer_pending(&x->rtimer))
		x->xflags |= XFRM_TIME_DEFER;
}

/* It may have numbers again; it was stopped for want of them, and not held. x->lock held. */
void xha_apply_resume(struct xfrm_state *x)
{
	lockdep_assert_held(&x->lock);

	if (x->km.state == XFRM_STATE_ERROR)
		wake(x);
}

/* The opposite of xha_apply_hold(); its lifetime runs. x->lock held. */
void xha_apply_let_go(struct xfrm_state *x)
{
	lockdep_assert_held(&x->lock);

	xha_apply_keepalive(x, true);
	if (!xha_is_held(x))
		return;
	WRITE_ONCE(x->xflags, x->xflags & ~XHA_XFLAG_HELD);
	if (x->km.state == XFRM_STATE_ERROR)
		wake(x);
	if (x->km.state == XFRM_STATE_VALID)
		run_lifetime(x);
}

/**
 * xha_apply_lifetime() - start or stop the timer that ends an SA
 * @x: SA; x->lock held to start it, not held to stop it: the handler takes it
 * @run: start it
 */
void xha_apply_lifetime(struct xfrm_state *x, bool run)
{
	if (!run)
		hrtimer_cancel(&x->mtimer);
	else if (x->km.state != XFRM_STATE_DEAD)
		run_lifetime(x);
}

/* Is its hard limit by time passed (xfrm_timer_handler() in net/xfrm/xfrm_state.c)? */
bool xha_ended(const struct xfrm_state *x)
{
	s64 now = ktime_get_real_seconds();

	if (x->lft.hard_add_expires_seconds &&
	    now - (s64)x->curlft.add_time >= (s64)x->lft.hard_add_expires_seconds)
		return true;
	return x->lft.hard_use_expires_seconds && x->curlft.use_time &&
	       now - (s64)x->curlft.use_time >= (s64)x->lft.hard_use_expires_seconds;
}

/* It is to be told that it should be renewed, which the kernel tells once. x->lock held. */
bool xha_apply_dying(struct xfrm_state *x)
{
	bool first = !x->km.dying;

	lockdep_assert_held(&x->lock);
	x->km.dying = 1;
	return first;
}

/* In packet offload mode: does the NIC tell how many packets there were? */
bool xha_counted(const struct xfrm_state *x)
{
#ifdef CONFIG_XFRM_OFFLOAD
	const struct net_device *dev = READ_ONCE(x->xso.dev);

	return dev && dev->xfrmdev_ops && dev->xfrmdev_ops->xdo_dev_state_update_stats;
#else
	return false;
#endif
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
