// SPDX-License-Identifier: GPL-2.0
/*
 * Hears the life and death of SAs, as a key manager does, and chooses who
 * hears their packets (tap_ftrace.c, tap_aevent.c). Whose they are, and what is done about it, is
 * known to the user of the taps only.
 */

#include <linux/kconfig.h>
#include <linux/module.h>

#include "xfrm/tap.h"

static void watch_nothing(struct xha_tapped *t, u32 maxdiff, u32 ms)
{
}

static void unwatch_nothing(struct xha_tapped *t)
{
}

/* Before there is one */
static const struct xha_tap none = {
	.name = "none",
	.watch = watch_nothing,
	.unwatch = unwatch_nothing,
};

const struct xha_tap *xha_tap = &none;
const struct xha_tap_user *xha_tap_user;	/* before the first one is started, and stays */
unsigned int xha_tap_net_id;
unsigned int xha_tap_asking;
static DEFINE_SPINLOCK(ask_lock);	/* xha_tap_asking, and xha_tap_net.ask of all */
static bool deaf;		/* the first one was, and another has its place; switch_lock */
static bool stopped;		/* no other one takes the place of this; switch_lock */
static DEFINE_MUTEX(switch_lock);	/* xha_tap, when it changes */

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
	struct xha_tapped *t = xha_tapped(x);
	bool said = c->data.aevent == XFRM_AE_CU;

	if (t && said)
		xha_tap_user->said(t);
	else if (said || !xha_tap->hears_all)
		return;
	else if (t)
		xha_tap_user->event(t, c->data.aevent == XFRM_REPLAY_TIMEOUT);
	else
		xha_tap_user->stranger(x);
}

/* Under RCU. x->lock is held for XFRM_MSG_NEWAE and for a hard XFRM_MSG_EXPIRE. */
static int notify(struct xfrm_state *x, const struct km_event *c)
{
	struct xha_tapped *t;

	switch (c->event) {
	case XFRM_MSG_UPDSA:
		/* What was said of an SA that was there already is another xfrm_state. */
		if (READ_ONCE(x->km.state) == XFRM_STATE_DEAD)
			xha_tap_user->updated(x);
		fallthrough;
	case XFRM_MSG_NEWSA:
		xha_tap_user->come(x);
		tell(x);
		break;
	case XFRM_MSG_EXPIRE:
		if (!c->data.hard)
			break;
		fallthrough;
	case XFRM_MSG_DELSA:
		t = xha_tapped(x);
		if (t)
			xha_tap_user->gone(t);
		break;
	case XFRM_MSG_FLUSHSA:
		xha_tap_user->flushed(c->net);
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
	xha_tap_user->migrated(net);
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
		xha_tap_user->migrated(net);
	return -EOPNOTSUPP;
}
#endif

/* Under RCU. @xp is NULL when all are flushed. */
static int notify_policy(struct xfrm_policy *xp, int dir, const struct km_event *c)
{
	if ((c->event == XFRM_MSG_NEWPOLICY || c->event == XFRM_MSG_UPDPOLICY) &&
	    dir == XFRM_POLICY_OUT)
		xha_tap_user->policy(xp);
	return 0;
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

static void set_asks(struct net *net, u32 from, enum xha_tap_asks to)
{
	struct xha_tap_net *tn = xha_tap_pernet(net);
	unsigned long flags;

	spin_lock_irqsave(&ask_lock, flags);
	if (from & BIT(tn->ask)) {
		WRITE_ONCE(xha_tap_asking, xha_tap_asking + !!to - !!tn->ask);
		WRITE_ONCE(tn->ask, to);
	}
	spin_unlock_irqrestore(&ask_lock, flags);
}

static void net_exit(struct net *net)
{
	set_asks(net, ~0, XHA_TAP_ASKS_NOT);
}

/* Its memory is there until no packet of the netns can come. */
static struct pernet_operations net_ops = {
	.exit = net_exit,
	.id = &xha_tap_net_id,
	.size = sizeof(struct xha_tap_net),
};

static int choose(void)
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

int xha_tap_init(void)
{
	return register_pernet_subsys(&net_ops);
}

void xha_tap_exit(void)
{
	unregister_pernet_subsys(&net_ops);
	/* Those that were in the table may be waiting for a grace period. */
	rcu_barrier();
	xha_tapped_exit();
}

int xha_tap_start(const struct xha_tap_user *user)
{
	xha_tap_user = user;
	return choose();
}

const char *xha_tap_name(void)
{
	return READ_ONCE(xha_tap)->name;
}

bool xha_tap_is_deaf(void)
{
	return READ_ONCE(deaf);
}

bool xha_tap_refuses(void)
{
	return xha_tap->refuses;
}

bool xha_tap_hears_all(void)
{
	return xha_tap->hears_all;
}

/* No other one takes the place of this. */
void xha_tap_stop(void)
{
	mutex_lock(&switch_lock);
	stopped = true;
	mutex_unlock(&switch_lock);
	xha_tap->stop();
	if (deaf)
		taps[0]->stop();
}

/* Each netns must have what the user keeps of it while the key manager is registered. */
void xha_tap_listen(void)
{
	xfrm_register_km(&manager);
}

void xha_tap_mute(void)
{
	xfrm_unregister_km(&manager);
}

int xha_tap_net_start(struct net *net)
{
	struct xha_tap_net *tn = xha_tap_pernet(net);
	int err = 0;

	if (!tn->tap)
		tn->tap = READ_ONCE(xha_tap);
	if (!tn->tapped && tn->tap->net_start) {
		err = tn->tap->net_start(net);
		tn->tapped = !err;
	}
	if (!err && !tn->migrations)
		err = xha_migrate_listen(net, &tn->migrations);
	return err;
}

void xha_tap_net_stop(struct net *net)
{
	struct xha_tap_net *tn = xha_tap_pernet(net);

	xha_migrate_mute(&tn->migrations);
	if (tn->tapped)
		tn->tap->net_stop(net);
	tn->tapped = false;
	tn->tap = NULL;
}

/* From here on an SA that is held is put in XFRM_STATE_ERROR. */
void xha_tap_give_up(void)
{
	const struct xha_tap *other = taps[ARRAY_SIZE(taps) - 1];
	int err;

	mutex_lock(&switch_lock);
	if (deaf || stopped)
		goto out;
	err = other->start();
	if (err) {
		pr_err("xfrm_ha: the %s tap is deaf, the %s tap can't be had: %pe\n",
		       xha_tap->name, other->name, ERR_PTR(err));
		goto out;
	}
	pr_err("xfrm_ha: the %s tap is deaf on this kernel, the %s tap has its place\n",
	       xha_tap->name, other->name);
	WRITE_ONCE(deaf, true);
	WRITE_ONCE(xha_tap, other);
out:
	mutex_unlock(&switch_lock);
}

/**
 * xha_tap_net_follow() - has another tap the place of the one that a netns is heard by?
 * @net: netns; its user's lock
 *
 * Return: true if it has now: the SAs are to be given to it. It is asked once more if that one
 * can't be had here.
 */
bool xha_tap_net_follow(struct net *net)
{
	struct xha_tap_net *tn = xha_tap_pernet(net);
	const struct xha_tap *old = tn->tap;

	if (!old || old == READ_ONCE(xha_tap))
		return false;
	tn->tap = xha_tap;
	if (!xha_tap_net_start(net))
		return true;
	tn->tap = old;
	return false;
}

void xha_tap_ask(struct net *net)
{
	set_asks(net, ~0, XHA_TAP_ASKS);
}

void xha_tap_ask_still(struct net *net)
{
	set_asks(net, BIT(XHA_TAP_ASKS), XHA_TAP_ASKS_STILL);
}

void xha_tap_ask_found(struct net *net)
{
	set_asks(net, BIT(XHA_TAP_ASKS_STILL), XHA_TAP_ASKS_NOT);
}

bool xha_tap_asks(const struct net *net)
{
	return READ_ONCE(xha_tap_pernet(net)->ask);
}

void xha_tap_watch(struct xha_tapped *t, u32 maxdiff, u32 ms)
{
	xha_tap->watch(t, maxdiff, ms);
}

void xha_tap_unwatch(struct xha_tapped *t)
{
	xha_tap->unwatch(t);
}
