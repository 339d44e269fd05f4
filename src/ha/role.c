// SPDX-License-Identifier: GPL-2.0
/*
 * What this node is for a group: role and term, takeover and release. The roles are those of
 * pure/role.c, who may be active is judged in pure/term.c.
 *
 * A role changes under the group's lock, in any context. role_work then
 * carries the change out on every SA, tells the peer, and only then the user,
 * so that who reroutes on the event finds the SAs ready.
 */

#include "control/trace.h"
#include "ha/mirror.h"

#define RELEASE_TIMEOUT_MS	2000

bool xha_group_peer_active(struct xha_group *g, u32 epoch, u64 number)
{
	bool active;

	spin_lock_bh(&g->lock);
	active = g->role == XHA_ROLE_STANDBY && g->peer_known &&
		g->peer_role == XHA_CLAIM_ACTIVE && g->peer_epoch == epoch &&
		number >= g->claim_number;
	spin_unlock_bh(&g->lock);
	return active;
}

bool xha_group_sends(const struct xha_group *g)
{
	enum xha_role role = READ_ONCE(g->role);

	return role == XHA_ROLE_ACTIVE || role == XHA_ROLE_RELEASING;
}

/*
 * An event, as pure/role.c has it: what it says of this group, and role_work for its SAs. False: it
 * means nothing to the role.
 */
static bool set_role(struct xha_group *g, enum xha_role_event event, u32 term,
		     enum xfrm_ha_role_reason reason)
{
	struct xha_role_transition m = xha_role_transition(g->role, event);

	lockdep_assert_held(&g->lock);

	if (!m.valid)
		return false;
	if (m.actions & XHA_ROLE_TAKEOVER) {
		__set_bit(XFRM_HA_EVENT_TAKEOVER, &g->events);
		g->takeovers++;
		xha_stat_inc(g->xn, XHA_STAT_TAKEOVER);
	}
	if (m.actions & XHA_ROLE_RELEASED)
		__set_bit(XFRM_HA_EVENT_RELEASE, &g->events);
	if (m.actions & XHA_ROLE_DEPOSED) {
		__set_bit(XFRM_HA_EVENT_DEPOSED, &g->events);
		xha_stat_inc(g->xn, XHA_STAT_DEPOSED);
		WRITE_ONCE(g->deposed, g->deposed + 1 ?: 1);
	}
	if (m.actions & XHA_ROLE_TENURE)
		WRITE_ONCE(g->tenure, g->tenure + 1);
	WRITE_ONCE(g->turn, g->turn + 1);
	/*
	 * Pairs with smp_rmb() in xha_place_init() and xha_place_role() (@tenure, @deposed) and in
	 * final_due() (@turn): who reads this @role reads these as they were set with it, or later.
	 */
	smp_wmb();
	WRITE_ONCE(g->role, m.to);
	if (m.actions & XHA_ROLE_BIND) {
		WRITE_ONCE(g->solo, false);
		WRITE_ONCE(g->forced, false);
		/* Those that have no shadow are found, and held, by a walk. */
		if (xha_tap_asks(g->xn->net))
			xha_sa_reconcile_soon(g->xn);
	}
	g->changed_at = ktime_get_boottime_ns();
	g->reason = reason;
	g->uid = reason == XFRM_HA_ROLE_REASON_COMMAND ? __kuid_val(current_uid()) : 0;
	g->term = term;
	g->request = false;
	g->preparing = false;
	g->granting = false;
	trace_xha_role(g->name, m.to, term);
	queue_work(xha_group_wq, &g->role_work);
	return true;
}

static u32 next_term(const struct xha_group *g)
{
	u32 term = max(g->term, g->peer_term);

	return term == U32_MAX ? term : term + 1;
}

/* SAs that this node has not, and its peer has. */
u32 xha_group_lacks(const struct xha_group *g)
{
	return g->mirror ? xha_mirror_missing(g->mirror, READ_ONCE(g->peer_id)) : 0;
}

/* Has the peer SAs that this node was never told of? They have used their first numbers. */
static bool is_unaware(const struct xha_group *g)
{
	return g->peer_sas > atomic_read(&g->n_paired) + xha_group_lacks(g);
}

/*
 * Who takes over without a peer says that there is none: it goes on above its
 * leases (solo). Who was told to be active and found no peer does if the group allows it.
 */
static void activate(struct xha_group *g, u32 term, bool handed, enum xfrm_ha_role_reason reason)
{
	bool told = g->role == XHA_ROLE_JOINING;

	WRITE_ONCE(g->birth_used, handed ? is_unaware(g) : !(told && !g->alone));
	WRITE_ONCE(g->handed_term, g->peer_term);
	WRITE_ONCE(g->way, handed ? XHA_BY_HANDOVER :
			   told ? XHA_BY_ORDER : XHA_BY_TAKEOVER);
	if (g->alone && (!told || xha_group_config(g)->solo))
		WRITE_ONCE(g->solo, true);
	set_role(g, XHA_ROLE_TAKE, term, reason);
}

/* What was not given away is carried on with. */
static void keep(struct xha_group *g, enum xfrm_ha_role_reason reason)
{
	WRITE_ONCE(g->solo, g->alone && xha_group_config(g)->solo);
	set_role(g, XHA_ROLE_RETAIN, g->term, reason);
}

/*
 * The group is to be handed over. What the user has to prepare, so that packets that come here find
 * the way to the peer, is done before an SA is held; if nobody does it, that comes to an end.
 */
static void give(struct xha_group *g, enum xfrm_ha_role_reason reason)
{
	u32 ms = xha_group_config(g)->prepare;

	if (!ms) {
		set_role(g, XHA_ROLE_GIVE, g->term, reason);
		return;
	}
	if (g->preparing)
		return;
	g->preparing = true;
	g->why = reason;
	xha_group_notify_now(g, XFRM_HA_EVENT_RELEASE_WANTED);
	mod_delayed_work(xha_group_wq, &g->give_work, msecs_to_jiffies(ms));
}

static void give_work(struct work_struct *work)
{
	struct xha_group *g = container_of(to_delayed_work(work), struct xha_group, give_work);

	spin_lock_bh(&g->lock);
	if (g->preparing)
		set_role(g, XHA_ROLE_GIVE, g->term, g->why);
	spin_unlock_bh(&g->lock);
}

static void tell(struct xha_group *g)
{
	if (g->mirror)
		xha_mirror_group(g);
}

/* If nothing is left, and no SA was passed by, role_work writes the grants: the peer may go on. */
static void look_at_finals(struct xha_group *g)
{
	spin_lock_bh(&g->lock);
	if (g->role == XHA_ROLE_RELEASING && g->swept == g->turn && !g->deleted &&
	    !atomic_read(&g->final_left)) {
		g->granting = true;
		queue_work(xha_group_wq, &g->role_work);
	}
	spin_unlock_bh(&g->lock);
}

/**
 * xha_group_final_done() - there is no final record to wait for any more
 * @sa: shadow: the record is acknowledged, or the SA dead
 */
void xha_group_final_done(struct xha_sa *sa)
{
	if (test_and_clear_bit(XHA_SA_FINAL, &sa->flags) &&
	    atomic_dec_and_test(&sa->group->final_left))
		look_at_finals(sa->group);
}

/* A final record is due, if the SA is held. */
static void final_due(struct xha_group *g, struct xha_sa *sa)
{
	smp_rmb(); /* pairs with set_role(): sweep() has read @role, and this the @turn of it */
	/* After one since this run began the SA may not be held: the next run is for all. */
	if (READ_ONCE(g->turn) != g->run)
		return;
	if (!test_and_set_bit(XHA_SA_FINAL, &sa->flags))
		atomic_inc(&g->final_left);
	/* xha_sa_unlink() sets DEAD, then xha_mirror_reap() reads FINAL: one of them counts it. */
	if (test_bit(XHA_SA_DEAD, &sa->flags))
		xha_group_final_done(sa);
	set_bit(XHA_SA_ANNOUNCE, &sa->flags);
	xha_mirror_due(sa);
}

static void sweep(struct xha_group *g, struct xha_sa *sa)
{
	u64 skipped;

	skipped = xha_place_role(sa);
	if (skipped) {
		g->skipped += skipped;
		xha_stat_add(g->xn, XHA_STAT_NUMBERS_SKIPPED, skipped);
	}
	if (!xha_sa_mirror(sa))
		return;
	if (READ_ONCE(g->role) == XHA_ROLE_STANDBY)
		xha_mirror_catch_up(sa);
	/* It was not told before its place was known: see fill_sa(). */
	if (!xha_group_sends(g) && READ_ONCE(sa->syncing) == READ_ONCE(xha_sa_mirror(sa)->epoch))
		xha_mirror_tell(sa);
	switch (READ_ONCE(g->role)) {
	case XHA_ROLE_ACTIVE:
		xha_group_final_done(sa);
		set_bit(XHA_SA_ANNOUNCE, &sa->flags);
		xha_mirror_due(sa);
		break;
	case XHA_ROLE_RELEASING:
		final_due(g, sa);
		break;
	default:
		xha_group_final_done(sa);
		break;
	}
}

static void grant(struct xha_group *g, struct xha_sa *sa)
{
	xha_place_grant(sa);
}

static void hand_over(struct xha_group *g)
{
	xha_group_each(g, grant);
	spin_lock_bh(&g->lock);
	if (set_role(g, XHA_ROLE_GIVEN, g->term, XFRM_HA_ROLE_REASON_HANDED))
		xha_stat_inc(g->xn, XHA_STAT_RELEASE);
	spin_unlock_bh(&g->lock);
}

/* That it is active is said last if it is, and first if it has been. */
static void announce(struct xha_group *g, enum xha_role role, unsigned long events)
{
	bool takeover = __test_and_clear_bit(XFRM_HA_EVENT_TAKEOVER, &events);
	unsigned int event;

	if (!takeover && !events)
		xha_group_notify(g, XFRM_HA_EVENT_ROLE_CHANGE);
	if (takeover && role != XHA_ROLE_ACTIVE)
		xha_group_notify(g, XFRM_HA_EVENT_TAKEOVER);
	for_each_set_bit(event, &events, BITS_PER_LONG)
		xha_group_notify(g, event);
	if (takeover && role == XHA_ROLE_ACTIVE)
		xha_group_notify(g, XFRM_HA_EVENT_TAKEOVER);
}

static bool prepares(struct xha_group *g)
{
	bool prepare;

	rcu_read_lock();
	prepare = xha_group_config(g)->prepare;
	rcu_read_unlock();
	return prepare;
}

static void role_work(struct work_struct *work)
{
	struct xha_group *g = container_of(work, struct xha_group, role_work);
	unsigned long events = 0;
	enum xha_role role;
	bool granting;
	u32 deposed;

	/* What comes from here on is for the next run: it is said when the SAs are ready. */
	spin_lock_bh(&g->lock);
	role = g->role;
	deposed = g->deposed;
	g->run = g->turn;
	granting = role == XHA_ROLE_RELEASING && g->granting;
	if (!granting)
		swap(events, g->events);
	spin_unlock_bh(&g->lock);

	if (granting) {
		hand_over(g);
		return;
	}
	/* Who was on the way to an SA when the user turned all others elsewhere has passed it. */
	if (role == XHA_ROLE_RELEASING && prepares(g))
		synchronize_rcu_expedited();
	xha_group_each(g, sweep);
	spin_lock_bh(&g->lock);
	g->swept = g->run;
	spin_unlock_bh(&g->lock);
	/* Not if set_role() has counted it up since: SAs were passed by, the next run is theirs. */
	if (deposed)
		cmpxchg(&g->deposed, deposed, 0);
	if (role == XHA_ROLE_RELEASING) {
		mod_delayed_work(xha_group_wq, &g->timer, msecs_to_jiffies(RELEASE_TIMEOUT_MS));
		look_at_finals(g);
	}
	tell(g);
	if (g->link)
		xha_link_urge(g->link);
	announce(g, role, events);
}

/*
 * A node that starts anew must not send before it knows what the peer holds of
 * its SAs: it waits for the end of the bulk sync.
 */
static bool too_early(const struct xha_group *g)
{
	return g->role == XHA_ROLE_JOINING && xha_link_state(g->link) == XHA_LINK_SYNC;
}

static void timer_work(struct work_struct *work)
{
	struct xha_group *g = container_of(to_delayed_work(work), struct xha_group, timer);

	spin_lock_bh(&g->lock);
	if (too_early(g))
		mod_delayed_work(xha_group_wq, &g->timer, HZ / 10);
	else if (g->role == XHA_ROLE_JOINING)
		activate(g, next_term(g), false, XFRM_HA_ROLE_REASON_JOIN_TIMEOUT);
	else if (g->role == XHA_ROLE_RELEASING)
		keep(g, XFRM_HA_ROLE_REASON_RELEASE_TIMEOUT);
	spin_unlock_bh(&g->lock);
}

/* The group's lock is held. */
static void judge(struct xha_group *g, enum xha_claim claim, u32 peer_term, u32 peer_node)
{
	u32 term = g->term;

	switch (xha_term_verdict(g->role, &term, g->xn->node, claim, peer_term, peer_node)) {
	case XHA_TERM_KEEP:
		g->term = term;
		break;
	case XHA_TERM_TELL:
		g->term = term;
		tell(g);
		break;
	case XHA_TERM_STEP_DOWN:
		set_role(g, XHA_ROLE_YIELD, term, g->role == XHA_ROLE_HANDED ?
			 XFRM_HA_ROLE_REASON_HANDED : XFRM_HA_ROLE_REASON_PEER_ACTIVE);
		break;
	case XHA_TERM_ACTIVATE:
		if (!too_early(g))
			activate(g, term, claim == XHA_CLAIM_HANDOVER,
				 claim == XHA_CLAIM_HANDOVER ? XFRM_HA_ROLE_REASON_GOT :
							       XFRM_HA_ROLE_REASON_PEER_STANDBY);
		break;
	case XHA_TERM_RELEASE:
		/* A node that was alone has numbers that nobody knows yet. */
		if (g->alone) {
			tell(g);
			break;
		}
		give(g, XFRM_HA_ROLE_REASON_PEER_ASKED);
		break;
	}
}

u32 xha_group_peer_lacks(const struct xha_group *g)
{
	return READ_ONCE(g->peer_missing) + atomic_read(&g->n_naked);
}

/* Who has none of them can't carry the group. */
static bool is_empty(const struct xha_group *g)
{
	return !atomic_read(&g->n_sas) && xha_group_lacks(g);
}

/* @reason: why a role changes by it */
static void peer_lost(struct xha_group *g, enum xfrm_ha_role_reason reason)
{
	bool carried = g->peer_role == XHA_CLAIM_ACTIVE || g->peer_role == XHA_CLAIM_HANDOVER;
	bool asked = g->request;

	lockdep_assert_held(&g->lock);

	g->request = false;
	g->preparing = false;
	switch (g->role) {
	case XHA_ROLE_STANDBY:
	case XHA_ROLE_HANDED:
		if (!g->peer_known || (g->role == XHA_ROLE_STANDBY && !carried))
			break;
		/* Who has handed it over can't know whether it was taken. */
		if ((xha_group_config(g)->takeover || asked) && g->synced &&
		    g->role == XHA_ROLE_STANDBY && !is_empty(g))
			activate(g, next_term(g), false, reason);
		else
			__set_bit(XFRM_HA_EVENT_TAKEOVER_WANTED, &g->events);
		queue_work(xha_group_wq, &g->role_work);
		break;
	case XHA_ROLE_RELEASING:
		/* HANDOVER was not said: the peer can't have taken it. */
		keep(g, reason);
		break;
	case XHA_ROLE_JOINING:
	case XHA_ROLE_ACTIVE:
		break;
	}
	g->peer_known = false;
}

/* It carried the group, and does not any more, without having handed it over. */
static bool gave_up(const struct xha_group *g, const struct xha_group_msg *m)
{
	return g->role == XHA_ROLE_STANDBY && g->peer_known &&
	       g->peer_role == XHA_CLAIM_ACTIVE && m->role == XHA_WIRE_STANDBY;
}

/**
 * xha_group_input() - the peer says what it is for a group
 * @g: group
 * @m: its message; softirq
 * @epoch: of the session
 * @number: of the frame: one that was overtaken by a newer one says nothing any more
 */
void xha_group_input(struct xha_group *g, const struct xha_group_msg *m, u32 epoch, u64 number)
{
	bool known;

	spin_lock_bh(&g->lock);
	if (g->peer_epoch == epoch && number < g->peer_number)
		goto out;
	if (g->peer_epoch != epoch)
		g->peer_known = false;
	known = g->peer_known;
	g->peer_epoch = epoch;
	g->peer_number = number;
	if (gave_up(g, m)) {
		g->peer_term = max(g->peer_term, m->term);
		peer_lost(g, XFRM_HA_ROLE_REASON_PEER_GAVE_UP);
	}
	if (!g->peer_known || g->peer_role != m->role || g->peer_term != m->term)
		g->claim_number = number;
	g->peer_known = true;
	g->followed |= m->role == XHA_WIRE_ACTIVE;
	if (g->peer_missing != m->missing)
		xha_group_notify_soon(g, XFRM_HA_EVENT_MISSING);
	WRITE_ONCE(g->peer_sas, m->sas);
	WRITE_ONCE(g->peer_missing, m->missing);
	if (m->id <= XHA_GROUPS_MAX && g->peer_id != m->id) {
		WRITE_ONCE(g->peer_id, m->id);
		WRITE_ONCE(g->mirror->groups[m->id], g);
	}
	g->peer_role = m->role;
	g->peer_node = m->node;
	g->peer_term = max(g->peer_term, m->term);
	judge(g, (enum xha_claim)m->role, m->term, m->node);
	/* The peer may have made the group after this node spoke of it. */
	if (!known)
		tell(g);
out:
	spin_unlock_bh(&g->lock);
}

/* The peer has acknowledged a GROUP message of ours. */
void xha_group_said(struct xha_group *g, u8 role, u32 term)
{
	spin_lock_bh(&g->lock);
	if (role == XHA_WIRE_REQUEST && g->term == term)
		g->request = false;
	spin_unlock_bh(&g->lock);
}

void xha_group_fill_msg(struct xha_group *g, struct xha_group_msg *m)
{
	memset(m, 0, sizeof(*m));
	strscpy(m->name, g->name);
	m->node = g->xn->node;
	m->id = g->id;
	m->sas = atomic_read(&g->n_sas);
	m->missing = xha_group_lacks(g);
	spin_lock_bh(&g->lock);
	m->term = g->term;
	switch (g->role) {
	case XHA_ROLE_ACTIVE:
	case XHA_ROLE_RELEASING:
		m->role = XHA_WIRE_ACTIVE;
		break;
	case XHA_ROLE_HANDED:
		m->role = XHA_WIRE_HANDOVER;
		break;
	case XHA_ROLE_STANDBY:
	case XHA_ROLE_JOINING:
		m->role = g->request ? XHA_WIRE_REQUEST : XHA_WIRE_STANDBY;
		break;
	}
	spin_unlock_bh(&g->lock);
}

/* Is there a peer in sync? What bounds the SAs of an active node depends on it. */
static void set_alone(struct xha_group *g, bool alone)
{
	lockdep_assert_held(&g->lock);

	if (g->alone == alone)
		return;
	WRITE_ONCE(g->alone, alone);
	/* There is nobody to hand it over to, and who comes back has not asked. */
	if (alone)
		g->preparing = false;
	else
		WRITE_ONCE(g->birth_used, false);
	if (g->role == XHA_ROLE_ACTIVE) {
		WRITE_ONCE(g->solo, alone && xha_group_config(g)->solo);
		queue_work(xha_group_wq, &g->role_work);
	}
}

/**
 * xha_groups_link() - the state of a link has changed
 * @link: link
 * @state: its new state
 * @lost: a peer that was there has gone
 *
 * Process context, under RCU or the mutex of the netns.
 */
void xha_groups_link(struct xha_link *link, enum xha_link_state state, bool lost)
{
	enum xfrm_ha_role_reason reason = xha_link_loss(link) == XHA_LOSS_CARRIER ?
		XFRM_HA_ROLE_REASON_PEER_CARRIER : XFRM_HA_ROLE_REASON_PEER_SILENT;
	struct xha_net *xn = xha_link_net(link);
	struct xha_group *g;

	rcu_read_lock();
	list_for_each_entry_rcu(g, &xn->group_list, node) {
		if (g->link != link)
			continue;
		spin_lock_bh(&g->lock);
		set_alone(g, state != XHA_LINK_UP);
		if (lost)
			peer_lost(g, reason);
		else if (state <= XHA_LINK_CONNECTING)
			g->peer_known = false;
		/* What it has said too early counts now. */
		if (state == XHA_LINK_UP && g->peer_known &&
		    (g->role == XHA_ROLE_JOINING || g->peer_role == XHA_CLAIM_REQUEST))
			judge(g, (enum xha_claim)g->peer_role, g->peer_term, g->peer_node);
		g->synced = state == XHA_LINK_UP;
		spin_unlock_bh(&g->lock);
		if (state == XHA_LINK_SYNC)
			tell(g);
	}
	rcu_read_unlock();
}

/**
 * xha_groups_half_synced() - a session was in sync for the peer, perhaps, and never was here
 * @link: link, whose session has ended; process context
 *
 * Who hears the end of the other's bulk sync, and has told its own, can't know whether the other
 * has heard that. If so it is a standby that takes over above our leases: they bind again.
 */
void xha_groups_half_synced(struct xha_link *link)
{
	struct xha_group *g;

	rcu_read_lock();
	list_for_each_entry_rcu(g, &xha_link_net(link)->group_list, node) {
		if (g->link != link)
			continue;
		spin_lock_bh(&g->lock);
		set_alone(g, false);
		spin_unlock_bh(&g->lock);
	}
	rcu_read_unlock();
}

/**
 * xha_role_init() - the role that a new group begins with
 * @g: group, in no list yet
 * @active: this node is to carry it, unless the peer already does
 */
void xha_role_init(struct xha_group *g, bool active)
{
	INIT_DELAYED_WORK(&g->timer, timer_work);
	INIT_DELAYED_WORK(&g->give_work, give_work);
	INIT_WORK(&g->role_work, role_work);
	g->changed_at = ktime_get_boottime_ns();
	g->alone = true;
	if (active && g->link) {
		g->role = XHA_ROLE_JOINING;
	} else if (active) {
		g->role = XHA_ROLE_ACTIVE;
		g->term = 1;
	}
}

/* A change of its link's state that has not found the group in the list is found here. */
void xha_role_start(struct xha_group *g)
{
	if (!g->link)
		return;
	spin_lock_bh(&g->lock);
	smp_mb(); /* pairs with set_state() in link/link.c: g is in the list, then link->state */
	g->synced = xha_link_state(g->link) == XHA_LINK_UP;
	set_alone(g, !g->synced);
	if (g->role == XHA_ROLE_JOINING)
		queue_delayed_work(xha_group_wq, &g->timer,
				   msecs_to_jiffies(xha_group_config(g)->join));
	spin_unlock_bh(&g->lock);
}

/* No change of role is carried out any more, unless somebody has a reference on an SA. */
void xha_role_cancel(struct xha_group *g)
{
	cancel_delayed_work_sync(&g->timer);
	cancel_delayed_work_sync(&g->give_work);
	cancel_work_sync(&g->role_work);
}

/**
 * xha_group_takeover() - become active for a group
 * @xn: netns, its mutex held
 * @name: of the group
 * @how: XHA_FORCE: do not ask the active node to hand over, take it, and the SAs of which it is not
 *	known what was used, too; XHA_ALLOW_MISSING: also if the peer has SAs that this node has not
 * @extack: one sentence on a refusal
 *
 * With a peer that is there and active the peer is asked to hand over: no
 * packet is lost and no number skipped. Else, or by force, or when the peer is lost before it
 * has heard that, the group's term is raised and the SAs go on from their lease ends. By force
 * an active node that has lost its peer, and holds its SAs at the end of their leases, goes on
 * alone.
 *
 * Return: 0 (it has begun; events tell the rest), -ENOENT, -EALREADY, -EAGAIN (the bulk sync is
 * under way), -ENODATA (SAs are missing).
 */
int xha_group_takeover(struct xha_net *xn, const char *name, unsigned int how,
		       struct netlink_ext_ack *extack)
{
	struct xha_group *g = xha_group_named(xn, name, extack);
	bool ask, force = how & XHA_FORCE;
	u32 lacks;
	int err = 0;

	lockdep_assert_held(&xn->mutex);

	if (!g)
		return -ENOENT;
	lacks = xha_group_lacks(g);
	spin_lock_bh(&g->lock);
	ask = !force && g->link && xha_link_state(g->link) == XHA_LINK_UP &&
	      g->peer_known && g->peer_role == XHA_CLAIM_ACTIVE;
	if (g->role == XHA_ROLE_ACTIVE && force && g->alone && (!g->solo || !g->forced)) {
		WRITE_ONCE(g->solo, true);
		WRITE_ONCE(g->forced, true);
		queue_work(xha_group_wq, &g->role_work);
	} else if (g->role == XHA_ROLE_ACTIVE) {
		NL_SET_ERR_MSG(extack, "This node is active for the group already");
		err = -EALREADY;
	} else if (lacks && !(how & (XHA_FORCE | XHA_ALLOW_MISSING))) {
		NL_SET_ERR_MSG_FMT(extack, "%u SAs of the peer are missing here", lacks);
		err = -ENODATA;
	} else if (ask) {
		g->request = true;
		tell(g);
	} else if (!force && g->link && xha_link_state(g->link) == XHA_LINK_SYNC) {
		NL_SET_ERR_MSG(extack, "The node is not in sync with its peer yet");
		err = -EAGAIN;
	} else {
		activate(g, next_term(g), false, XFRM_HA_ROLE_REASON_COMMAND);
		WRITE_ONCE(g->forced, force);
	}
	spin_unlock_bh(&g->lock);
	return err;
}

/**
 * xha_group_release() - hand a group over to the peer
 * @xn: netns, its mutex held
 * @name: of the group
 * @how: XHA_ALLOW_MISSING: also if this node has SAs that the peer has not; XHA_NOW: what is to be
 *	prepared is
 * @extack: one sentence on a refusal
 *
 * Return: 0 (it has begun; events tell the rest), -ENOENT, -EALREADY (it is not active here),
 * -ENOTCONN (no peer in sync that would take it), -ENODATA (SAs are missing).
 */
int xha_group_release(struct xha_net *xn, const char *name, unsigned int how,
		      struct netlink_ext_ack *extack)
{
	struct xha_group *g = xha_group_named(xn, name, extack);
	u32 lacks;
	int err = 0;

	lockdep_assert_held(&xn->mutex);

	if (!g)
		return -ENOENT;
	lacks = xha_group_peer_lacks(g);
	spin_lock_bh(&g->lock);
	/* Whoever wants it handed over has allowed that. */
	if (how & XHA_NOW && g->preparing)
		how |= XHA_ALLOW_MISSING;
	if (g->role != XHA_ROLE_ACTIVE) {
		NL_SET_ERR_MSG(extack, "This node is not active for the group");
		err = -EALREADY;
	} else if (!g->link || xha_link_state(g->link) != XHA_LINK_UP || !g->peer_known) {
		NL_SET_ERR_MSG(extack, "There is no peer in sync that could take the group");
		err = -ENOTCONN;
	} else if (lacks && !(how & XHA_ALLOW_MISSING)) {
		NL_SET_ERR_MSG_FMT(extack, "%u SAs are missing at the peer", lacks);
		err = -ENODATA;
	} else if (how & XHA_NOW) {
		set_role(g, XHA_ROLE_GIVE, g->term,
			 g->preparing ? g->why : XFRM_HA_ROLE_REASON_COMMAND);
	} else {
		give(g, XFRM_HA_ROLE_REASON_COMMAND);
	}
	spin_unlock_bh(&g->lock);
	return err;
}
