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

/* Under RCU. x->lock is held for XFRM_MSG_NEWAE and for a hard XFRM_MSG_EXPIRE. */
static int notify(struct xfrm_state *x, const struct km_event *c)
{
	struct xha_sa *sa;

	switch (c->event) {
	case XFRM_MSG_NEWSA:
	case XFRM_MSG_UPDSA:
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

static struct xfrm_mgr manager = {
	.notify = notify,
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
