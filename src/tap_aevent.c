// SPDX-License-Identifier: GPL-2.0
/*
 * Hears SAs by the kernel's own asynchronous events (XFRM_MSG_NEWAE,
 * Documentation/networking/xfrm_sync.rst), where ftrace can't be had.
 *
 * The kernel makes these events only while someone listens to
 * XFRMNLGRP_AEVENTS. Listeners are counted per protocol, not per netns: one
 * kernel socket is enough for all. It reads nothing; what it is sent is thrown
 * away. While it is there every SA with a threshold makes events, so SAs that
 * are not mirrored ("bystanders") have theirs set to 0 until the tap leaves.
 */

#include <linux/net.h>
#include <linux/netlink.h>
#include <net/sock.h>

#include "xfrm_ha.h"

/*
 * With a threshold of 0 the timer alone makes events: the kernel starts it when an SA is
 * inserted, and after each event. Without any maxage it would not be started again, and
 * then each packet is an event (XFRM_TIME_DEFER, net/xfrm/xfrm_replay.c).
 */
#define BYSTANDER_MAXAGE	(24 * 60 * 60 * HZ)

static struct socket *listener;

static void discard(struct sock *sk)
{
	skb_queue_purge(&sk->sk_receive_queue);
}

static int start(void)
{
	struct sockaddr_nl addr = {
		.nl_family = AF_NETLINK,
		.nl_groups = 1 << (XFRMNLGRP_AEVENTS - 1),
	};
	int err;

	err = sock_create_kern(&init_net, AF_NETLINK, SOCK_RAW, NETLINK_XFRM, &listener);
	if (err)
		return err;
	listener->sk->sk_data_ready = discard;
	err = kernel_bind(listener, (struct sockaddr *)&addr, sizeof(addr));
	if (err) {
		sock_release(listener);
		listener = NULL;
	}
	return err;
}

static void stop(void)
{
	sock_release(listener);
	listener = NULL;
}

static void watch(struct xha_sa *sa)
{
	struct xfrm_state *x = sa->x;
	u32 maxdiff = 0, maxage = BYSTANDER_MAXAGE;

	if (sa->group) {
		maxdiff = min(sa->out_interval, sa->in_interval);
		maxage = max_t(u32, msecs_to_jiffies(sa->group->config.max_age), 1);
	}
	spin_lock_bh(&x->lock);
	if (!sa->watched) {
		sa->watched = true;
		sa->old_maxdiff = x->replay_maxdiff;
		sa->old_maxage = x->replay_maxage;
	}
	xha_apply_aevent(x, maxdiff, maxage);
	spin_unlock_bh(&x->lock);
}

static void unwatch(struct xha_sa *sa)
{
	struct xfrm_state *x = sa->x;

	spin_lock_bh(&x->lock);
	if (sa->watched) {
		sa->watched = false;
		xha_apply_aevent(x, sa->old_maxdiff, sa->old_maxage);
	}
	spin_unlock_bh(&x->lock);
}

const struct xha_tap xha_tap_aevent = {
	.name = "aevent",
	.bystanders = true,
	.start = start,
	.stop = stop,
	.watch = watch,
	.unwatch = unwatch,
};
