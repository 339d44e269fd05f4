// SPDX-License-Identifier: GPL-2.0
/*
 * Hears the life and death of SAs, as a key manager does, and chooses who
 * hears their packets (tap_ftrace.c, tap_aevent.c).
 */

#include <linux/kconfig.h>
#include <linux/module.h>

#include "ha/internal.h"

const struct xha_tap *xha_tap;

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

/* By the kernel for this packet (x->lock is held), not by a user's XFRM_MSG_NEWAE (it is not). */
static void heard_aevent(struct xfrm_state *x, const struct km_event *c)
{
	struct xha_sample s = {};
	struct xha_sa *sa;

	if (!xha_tap->bystanders || c->data.aevent == XFRM_AE_CU)
		return;
	sa = xha_sa_by_x(x);
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

int xha_tap_start(void)
{
	int i, err = -ENOENT;

	for (i = 0; i < ARRAY_SIZE(taps); i++) {
		if (strcmp(tap, "auto") && strcmp(tap, taps[i]->name))
			continue;
		xha_tap = taps[i];
		err = xha_tap->start();
		if (!err)
			break;
		pr_warn("xfrm_ha: the %s tap can't be had: %pe\n", xha_tap->name, ERR_PTR(err));
	}
	if (err == -ENOENT && i == ARRAY_SIZE(taps))
		pr_err("xfrm_ha: no tap \"%s\" in this kernel\n", tap);
	return err;
}

const char *xha_tap_name(void)
{
	return xha_tap->name;
}

bool xha_tap_refuses(void)
{
	return xha_tap->refuses;
}

void xha_tap_stop(void)
{
	xha_tap->stop();
}

/* Each netns must have its struct xha_net while the key manager is registered. */
void xha_tap_listen(void)
{
	xfrm_register_km(&manager);
}

void xha_tap_mute(void)
{
	xfrm_unregister_km(&manager);
}
