// SPDX-License-Identifier: GPL-2.0
/* What the taps tell of SAs, and whether they tell it. */

#include "ha/internal.h"

static struct xha_sa *sa_of(struct xha_tapped *t)
{
	return container_of(t, struct xha_sa, tap);
}

/* --- packets --- */

static bool out(struct xha_tapped *t, u32 n)
{
	return xha_sa_advance_out(sa_of(t), n);
}

static void in(struct xha_tapped *t)
{
	xha_sa_advance_in(sa_of(t));
}

static void held(struct xfrm_state *x)
{
	xha_stat_inc(xha_pernet(xs_net(x)), XHA_STAT_HELD_REFUSED);
}

static bool beyond(struct xha_tapped *t, u64 last)
{
	struct xha_sa *sa = sa_of(t);
	bool may;

	if (!sa->group || sa->packet)
		return false;
	spin_lock_bh(&t->x->lock);
	may = xha_allows(&sa->bounds, last);
	spin_unlock_bh(&t->x->lock);
	if (!may)
		xha_stat_inc(xha_sa_net(sa), XHA_STAT_LEASE_REFUSED);
	return !may;
}

static void event(struct xha_tapped *t, bool late)
{
	struct xha_sa *sa = sa_of(t);
	struct xha_sample s = {};

	if (!sa->group || sa->packet)
		return;
	xha_place_sample(sa, &s);
	xha_sa_event(sa, s.out, s.in, late);
}

static void rearm(struct xha_tapped *t)
{
	xha_place_rearm(sa_of(t));
}

/* A user has said which numbers were used: the tap need not have heard of them. */
static void said(struct xha_tapped *t)
{
	struct xha_sa *sa = sa_of(t);

	spin_lock_bh(&t->x->lock);
	WRITE_ONCE(t->out.seq, xha_oseq(t->x));
	if (!sa->packet) {
		sa->unheard = 0;
		sa->held_looked = false;
	}
	spin_unlock_bh(&t->x->lock);
}

/* --- the life of SAs --- */

/* The kernel has started the timer of the one that stands (xfrm_state_update()). */
static void updated(struct xfrm_state *said)
{
	struct xha_sa *sa;
	struct xha_id id;

	xha_identity(&id, said);
	sa = xha_sa_by_id(xha_pernet(xs_net(said)), &id);
	if (sa && xha_place_is_held(READ_ONCE(sa->place)))
		xha_place_role(sa);
}

static void gone(struct xha_tapped *t)
{
	xha_sa_unlink(sa_of(t));
}

static void flushed(struct net *net)
{
	xha_sa_reconcile_soon(xha_pernet(net));
}

static void migrated(struct net *net)
{
	xha_sa_migrated(xha_pernet(net));
}

/* --- policies --- */

/*
 * A template of level use is done without where its SA is in XFRM_STATE_ERROR, which is how an SA
 * is held if the tap can't refuse its packets: these go in clear. RCU, or xha_net.mutex.
 */
static void judge_level(const struct xfrm_policy *xp, struct xha_group *g)
{
	int i;

	for (i = 0; i < xp->xfrm_nr; i++) {
		const struct xfrm_tmpl *t = &xp->xfrm_vec[i];

		if (!t->optional || (t->id.proto != IPPROTO_ESP && t->id.proto != IPPROTO_AH) ||
		    !xha_match_tmpl(&g->match, xp, t))
			continue;
		xha_stat_inc(g->xn, XHA_STAT_USE_LEVEL);
		xha_group_notify_soon(g, XFRM_HA_EVENT_USE_LEVEL);
	}
}

static void policy(const struct xfrm_policy *xp)
{
	struct xha_group *g;

	if (xha_tap_refuses())
		return;
	list_for_each_entry_rcu(g, &xha_pernet(xp_net(xp))->group_list, node)
		judge_level(xp, g);
}

#define WALK_STEPS	256	/* policies looked at under xfrm_policy_lock, with BH off */

struct policies {
	struct xha_group *g;
	int steps;
};

static int look_at(struct xfrm_policy *xp, int dir, int seq, void *data)
{
	struct policies *p = data;

	if (!p->steps--)
		return -ENOBUFS;
	if (dir == XFRM_POLICY_OUT)
		judge_level(xp, p->g);
	return 0;
}

/* Those that are there before their group; process context. */
void xha_hearing_policies(struct xha_group *g)
{
	struct policies p = { .g = g };
	struct xfrm_policy_walk walk;
	int err;

	if (xha_tap_refuses())
		return;
	xfrm_policy_walk_init(&walk, XFRM_POLICY_TYPE_ANY);
	do {
		p.steps = WALK_STEPS;
		err = xfrm_policy_walk(g->xn->net, &walk, look_at, &p);
		cond_resched();
	} while (err == -ENOBUFS);
	xfrm_policy_walk_done(&walk, g->xn->net);
}

/* --- is the tap deaf? --- */

/*
 * The tap notes a number before the kernel gives it, both under x->lock. What was given while the
 * shadow was made is not heard of, once; so the number must have advanced when it is looked at
 * again, and the tap must have heard of nothing meanwhile.
 */
static bool gives_unheard(struct xha_sa *sa)
{
	u64 oseq = xha_oseq(sa->tap.x), last = sa->unheard;

	if (!xha_sends(sa->tap.x) || oseq <= sa->tap.out.seq) {
		sa->unheard = 0;
		return false;
	}
	sa->unheard = oseq;
	if (!last)
		xha_sa_reconcile_soon(xha_sa_net(sa));
	return last && oseq > last;
}

/* The kernel notes when it has sent or accepted a packet. @sa->gen tells one hold from another. */
static bool works_held(struct xha_sa *sa)
{
	time64_t last = sa->held_used;
	bool same = sa->held_looked && sa->held_gen == sa->gen;

	sa->held_looked = true;
	sa->held_gen = sa->gen;
	sa->held_used = sa->tap.x->lastused;
	return same && sa->held_used != last;
}

/**
 * xha_hearing_check() - does an SA do what the tap has not heard of, or has not refused?
 * @sa: shadow of any SA; RCU, x->lock not held
 *
 * The tap rests on the kernel's calling its functions. A compiler that makes them part of their
 * callers ends that, and no packet would be refused any more.
 */
void xha_hearing_check(struct xha_sa *sa)
{
	struct xfrm_state *x = sa->tap.x;
	bool deaf;

	if (!xha_tap_refuses() || !sa->group || sa->packet)
		return;
	spin_lock_bh(&x->lock);
	if (xha_place_is_stopped(sa->place)) {
		deaf = works_held(sa);
	} else {
		if (sa->held_looked)
			sa->unheard = 0;
		sa->held_looked = false;
		deaf = gives_unheard(sa);
	}
	spin_unlock_bh(&x->lock);
	if (!deaf)
		return;
	xha_stat_inc(xha_sa_net(sa), XHA_STAT_TAP_DEAF);
	WRITE_ONCE(xha_sa_net(sa)->deaf, true);
}

static void retap(struct xha_sa *sa)
{
	struct xha_sample s = {};
	struct xfrm_state *x = sa->tap.x;

	spin_lock_bh(&x->lock);
	/* The other tap held these without XFRM_STATE_ERROR. */
	if (xha_is_held(x) || sa->place == XHA_PLACE_SHORT)
		xha_apply_hold(x);
	spin_unlock_bh(&x->lock);
	xha_sa_configure(sa);
	spin_lock_bh(&x->lock);
	if (!sa->packet && xha_place_in_use(sa->place)) {
		/* What was used is to be told, and a lease to be asked for. */
		xha_place_sample(sa, &s);
		xha_sa_event(sa, s.out, s.in, true);
	}
	spin_unlock_bh(&x->lock);
}

/**
 * xha_hearing_follow() - another tap has the place of one that is deaf: give it the SAs of a netns
 * @xn: netns; process context, mutex
 */
void xha_hearing_follow(struct xha_net *xn)
{
	unsigned long index;
	struct xha_group *g;
	struct xha_sa *sa;

	if (READ_ONCE(xn->deaf)) {
		WRITE_ONCE(xn->deaf, false);
		xha_tap_give_up();
	}
	if (!xha_tap_net_follow(xn->net))
		return;
	rcu_read_lock();
	xa_for_each(&xn->sas, index, sa) {
		if (!sa->group || !xha_sa_get(sa))
			continue;
		rcu_read_unlock();
		retap(sa);
		xha_sa_put(sa);
		cond_resched();
		rcu_read_lock();
	}
	rcu_read_unlock();
	list_for_each_entry(g, &xn->group_list, node)
		xha_group_notify_soon(g, XFRM_HA_EVENT_TAP_DEAF);
}

/* --- start and stop --- */

static const struct xha_tap_user user = {
	.out = out,
	.in = in,
	.stray = xha_sa_stray,
	.held = held,
	.beyond = beyond,
	.event = event,
	.stranger = xha_sa_stranger,
	.rearm = rearm,
	.said = said,
	.expect = xha_sa_expect,
	.come = xha_sa_shadow,
	.updated = updated,
	.gone = gone,
	.flushed = flushed,
	.successor = xha_sa_successor,
	.migrated = migrated,
	.policy = policy,
};

/* Each netns has its struct xha_net. SAs that were there before are looked for. */
int xha_hearing_start(void)
{
	struct net *net;
	int err;

	err = xha_tap_start(&user);
	if (err)
		return err;
	xha_tap_listen();
	rcu_read_lock();
	for_each_net_rcu(net)
		xha_sa_reconcile_soon(xha_pernet(net));
	rcu_read_unlock();
	return 0;
}

void xha_hearing_stop(void)
{
	xha_tap_mute();
	xha_tap_stop();
}
