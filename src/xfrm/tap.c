// SPDX-License-Identifier: GPL-2.0
/*
 * Hears the life and death of SAs, as a key manager does, and chooses who
 * hears their packets (tap_ftrace.c, tap_aevent.c).
 */

#include <linux/kconfig.h>
#include <linux/module.h>

#include "ha/internal.h"

static void nothing(struct xha_sa *sa)
{
}

/* Before there is one */
static const struct xha_tap none = { .name = "none", .watch = nothing, .unwatch = nothing };

const struct xha_tap *xha_tap = &none;
bool xha_tap_deaf;
static bool stopped;
static DEFINE_MUTEX(switch_lock);	/* xha_tap, when it changes, and @stopped */

static char *tap = "auto";
module_param(tap, charp, 0444);
MODULE_PARM_DESC(tap, "how packets are heard: ftrace, aevent, or auto (ftrace where the kernel has it)");

static void (*on_sa)(struct xfrm_state *x);

void xha_tap_on_sa(void (*func)(struct xfrm_state *x))
{
	WRITE_ONCE(on_sa, func);
	/* Who has read the other one is done with it. */
	if (!func)
		synchronize_rcu();
}

static void tell(struct xfrm_state *x)
{
	void (*func)(struct xfrm_state *x) = READ_ONCE(on_sa);

	if (func)
		func(x);
}

/* A user has said which numbers were used: the tap need not have heard of them. */
static void said(struct xha_sa *sa)
{
	spin_lock_bh(&sa->x->lock);
	WRITE_ONCE(sa->out.seq, xha_oseq(sa->x));
	sa->unheard = 0;
	spin_unlock_bh(&sa->x->lock);
}

/* By the kernel for this packet (x->lock is held), not by a user's XFRM_MSG_NEWAE (it is not). */
static void heard_aevent(struct xfrm_state *x, const struct km_event *c)
{
	struct xha_sample s = {};
	struct xha_sa *sa;

	sa = xha_sa_by_x(x);
	if (c->data.aevent == XFRM_AE_CU) {
		if (sa)
			said(sa);
		return;
	}
	if (!xha_tap->bystanders)
		return;
	if (!sa || !sa->group || sa->packet)
		return;
	xha_place_sample(sa, &s);
	xha_sa_event(sa, s.out, s.in, c->data.aevent == XFRM_REPLAY_TIMEOUT);
}

/*
 * What was said of an SA that was there already is another xfrm_state, which is dead by now. The
 * kernel has started the timer of the one that stands (xfrm_state_update()).
 */
static void updated(struct xfrm_state *said)
{
	struct xha_sa *sa;
	struct xha_id id;

	if (READ_ONCE(said->km.state) != XFRM_STATE_DEAD)
		return;
	xha_identity(&id, said);
	sa = xha_sa_by_id(xha_pernet(xs_net(said)), &id);
	if (sa && xha_place_is_held(READ_ONCE(sa->place)))
		xha_place_role(sa);
}

/* Under RCU. x->lock is held for XFRM_MSG_NEWAE and for a hard XFRM_MSG_EXPIRE. */
static int notify(struct xfrm_state *x, const struct km_event *c)
{
	struct xha_sa *sa;

	switch (c->event) {
	case XFRM_MSG_UPDSA:
		updated(x);
		fallthrough;
	case XFRM_MSG_NEWSA:
		xha_sa_hear(x);
		tell(x);
		break;
	case XFRM_MSG_EXPIRE:
		if (!c->data.hard)
			break;
		fallthrough;
	case XFRM_MSG_DELSA:
		sa = xha_sa_by_x(x);
		if (sa)
			xha_sa_unlink(sa);
		break;
	case XFRM_MSG_FLUSHSA:
		xha_sa_sweep(xha_pernet(c->net));
		break;
	case XFRM_MSG_NEWAE:
		heard_aevent(x, c);
		break;
	}
	return 0;
}

/* Called without a check; 0 would claim that an IKE daemon has taken the request. */
static int acquire(struct xfrm_state *x, struct xfrm_tmpl *t, struct xfrm_policy *xp)
{
	return -EINVAL;
}

/* For setsockopt(IP_XFRM_POLICY); called without a check, too. A negative *@dir: not ours. */
static struct xfrm_policy *compile_policy(struct sock *sk, int opt, u8 *data, int len, int *dir)
{
	*dir = -EOPNOTSUPP;
	return NULL;
}

#ifdef CONFIG_XFRM_MIGRATE
/* Its new SAs make no XFRM_MSG_NEWSA. Under RCU; 0 would claim that an IKE daemon was told. */
static int __maybe_unused migrate(const struct xfrm_selector *sel, u8 dir, u8 type,
				  const struct xfrm_migrate *m, int n,
				  const struct xfrm_kmaddress *k, struct net *net,
				  const struct xfrm_encap_tmpl *encap)
{
	xha_sa_migrated(xha_pernet(net));
	return -EOPNOTSUPP;
}

/* The first kernels 6.12.y don't say in which netns. */
static int __maybe_unused migrate_somewhere(const struct xfrm_selector *sel, u8 dir, u8 type,
					    const struct xfrm_migrate *m, int n,
					    const struct xfrm_kmaddress *k,
					    const struct xfrm_encap_tmpl *encap)
{
	struct net *net;

	for_each_net_rcu(net)
		xha_sa_migrated(xha_pernet(net));
	return -EOPNOTSUPP;
}
#endif

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
		xha_group_news(g, XFRM_HA_EVENT_USE_LEVEL);
	}
}

/* Under RCU. @xp is NULL when all are flushed. */
static int notify_policy(struct xfrm_policy *xp, int dir, const struct km_event *c)
{
	struct xha_group *g;

	if ((c->event != XFRM_MSG_NEWPOLICY && c->event != XFRM_MSG_UPDPOLICY) ||
	    dir != XFRM_POLICY_OUT || xha_tap->refuses)
		return 0;
	list_for_each_entry_rcu(g, &xha_pernet(xp_net(xp))->group_list, node)
		judge_level(xp, g);
	return 0;
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

/* Those that are there already. */
void xha_tap_policies(struct xha_group *g)
{
	struct policies p = { .g = g };
	struct xfrm_policy_walk walk;
	int err;

	if (xha_tap->refuses)
		return;
	xfrm_policy_walk_init(&walk, XFRM_POLICY_TYPE_ANY);
	do {
		p.steps = WALK_STEPS;
		err = xfrm_policy_walk(g->xn->net, &walk, look_at, &p);
		cond_resched();
	} while (err == -ENOBUFS);
	xfrm_policy_walk_done(&walk, g->xn->net);
}

static struct xfrm_mgr manager = {
	.notify = notify,
	.notify_policy = notify_policy,
	.acquire = acquire,
	.compile_policy = compile_policy,
#ifdef CONFIG_XFRM_MIGRATE
	.migrate = __builtin_choose_expr(__same_type(((struct xfrm_mgr *)NULL)->migrate, &migrate),
					 migrate, migrate_somewhere),
#endif
};

static const struct xha_tap *const taps[] = {
#ifdef CONFIG_DYNAMIC_FTRACE_WITH_ARGS
	&xha_tap_ftrace,
#endif
	&xha_tap_aevent,
};

/*
 * Packets are heard from here on, so each netns has its struct xha_net already, and has it until
 * xha_tap_stop() has returned.
 */
int xha_tap_start(void)
{
	int i, err = -ENOENT;

	for (i = 0; i < ARRAY_SIZE(taps); i++) {
		if (strcmp(tap, "auto") && strcmp(tap, taps[i]->name))
			continue;
		WRITE_ONCE(xha_tap, taps[i]);
		err = xha_tap->start();
		if (!err)
			break;
		pr_warn("xfrm_ha: the %s tap can't be had: %pe\n", xha_tap->name, ERR_PTR(err));
		WRITE_ONCE(xha_tap, &none);
	}
	if (err == -ENOENT && i == ARRAY_SIZE(taps))
		pr_err("xfrm_ha: no tap \"%s\" in this kernel\n", tap);
	return err;
}

const char *xha_tap_name(void)
{
	return READ_ONCE(xha_tap)->name;
}

bool xha_tap_is_deaf(void)
{
	return READ_ONCE(xha_tap_deaf);
}

bool xha_tap_refuses(void)
{
	return xha_tap->refuses;
}

/* No other one takes the place of this. */
void xha_tap_stop(void)
{
	mutex_lock(&switch_lock);
	stopped = true;
	mutex_unlock(&switch_lock);
	xha_tap->stop();
	if (xha_tap_deaf)
		taps[0]->stop();
}

int xha_tap_net_start(struct xha_net *xn)
{
	int err = 0;

	if (!xn->tap)
		xn->tap = READ_ONCE(xha_tap);
	if (!xn->tapped && xn->tap->net_start) {
		err = xn->tap->net_start(xn->net);
		xn->tapped = !err;
	}
	return err;
}

void xha_tap_net_stop(struct xha_net *xn)
{
	if (xn->tapped)
		xn->tap->net_stop(xn->net);
	xn->tapped = false;
	xn->tap = NULL;
}

/*
 * The tap notes a number before the kernel gives it, both under x->lock. What was given while the
 * shadow was made is not heard of, once; so the number must have moved on when it is looked at
 * again, and the tap must have heard of nothing meanwhile.
 */
static bool gives_unheard(struct xha_sa *sa)
{
	u64 oseq = xha_oseq(sa->x), last = sa->unheard;

	if (!xha_sends(sa->x) || oseq <= sa->out.seq) {
		sa->unheard = 0;
		return false;
	}
	sa->unheard = oseq;
	if (!last)
		xha_sa_sweep(sa->xn);
	return last && oseq > last;
}

/* The kernel notes when it has sent or accepted a packet. @sa->gen tells one hold from another. */
static bool works_held(struct xha_sa *sa)
{
	time64_t last = sa->held_used;
	bool same = sa->held_looked && sa->held_gen == sa->gen;

	sa->held_looked = true;
	sa->held_gen = sa->gen;
	sa->held_used = sa->x->lastused;
	return same && sa->held_used != last;
}

/**
 * xha_tap_check() - does an SA do what the tap has not heard of, or has not refused?
 * @sa: shadow of any SA; RCU, x->lock not held
 *
 * The tap rests on the kernel's calling its functions. A compiler that makes them part of their
 * callers ends that, and no packet would be refused any more.
 */
void xha_tap_check(struct xha_sa *sa)
{
	struct xfrm_state *x = sa->x;
	bool deaf;

	if (!xha_tap_refuses() || !sa->group || sa->packet)
		return;
	spin_lock_bh(&x->lock);
	if (xha_place_is_stopped(sa->place)) {
		sa->unheard = 0;
		deaf = works_held(sa);
	} else {
		sa->held_looked = false;
		deaf = gives_unheard(sa);
	}
	spin_unlock_bh(&x->lock);
	if (!deaf)
		return;
	xha_stat_inc(sa->xn, XHA_STAT_TAP_DEAF);
	WRITE_ONCE(sa->xn->deaf, true);
}

/* From here on an SA that is held is put in XFRM_STATE_ERROR. */
static void give_up(void)
{
	const struct xha_tap *other = taps[ARRAY_SIZE(taps) - 1];
	int err;

	mutex_lock(&switch_lock);
	if (xha_tap_deaf || stopped)
		goto out;
	err = other->start();
	if (err) {
		pr_err("xfrm_ha: the %s tap is deaf, the %s tap can't be had: %pe\n",
		       xha_tap->name, other->name, ERR_PTR(err));
		goto out;
	}
	pr_err("xfrm_ha: the %s tap is deaf on this kernel, the %s tap has its place\n",
	       xha_tap->name, other->name);
	WRITE_ONCE(xha_tap_deaf, true);
	WRITE_ONCE(xha_tap, other);
out:
	mutex_unlock(&switch_lock);
}

static void hand_over(struct xha_sa *sa)
{
	struct xha_sample s = {};
	struct xfrm_state *x = sa->x;

	spin_lock_bh(&x->lock);
	/* By the first tap these were held without being so for the kernel. */
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
 * xha_tap_follow() - another tap has the place of one that is deaf: give it the SAs of a netns
 * @xn: netns; process context, mutex
 */
void xha_tap_follow(struct xha_net *xn)
{
	const struct xha_tap *old = xn->tap;
	unsigned long index;
	struct xha_group *g;
	struct xha_sa *sa;

	if (READ_ONCE(xn->deaf)) {
		WRITE_ONCE(xn->deaf, false);
		give_up();
	}
	if (!old || old == READ_ONCE(xha_tap))
		return;
	xn->tap = xha_tap;
	if (xha_tap_net_start(xn)) {
		xn->tap = old;
		return;
	}
	rcu_read_lock();
	xa_for_each(&xn->sas, index, sa) {
		if (!sa->group || !xha_sa_get(sa))
			continue;
		rcu_read_unlock();
		hand_over(sa);
		xha_sa_put(sa);
		cond_resched();
		rcu_read_lock();
	}
	rcu_read_unlock();
	list_for_each_entry(g, &xn->group_list, node)
		xha_group_news(g, XFRM_HA_EVENT_TAP_DEAF);
}

/*
 * Each netns must have its struct xha_net while the key manager is registered. What was there
 * before is looked for.
 */
void xha_tap_listen(void)
{
	struct net *net;

	xfrm_register_km(&manager);
	rcu_read_lock();
	for_each_net_rcu(net)
		xha_sa_sweep(xha_pernet(net));
	rcu_read_unlock();
}

void xha_tap_mute(void)
{
	xfrm_unregister_km(&manager);
}
