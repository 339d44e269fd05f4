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
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <linux/netlink.h>
#include <net/sock.h>

#include "xfrm/tap.h"

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
	err = kernel_bind(listener, (struct sockaddr_unsized *)&addr, sizeof(addr));
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

static void watch_events(struct xha_tapped *t, u32 maxdiff, u32 ms)
{
	u32 maxage = ms ? max_t(u32, msecs_to_jiffies(ms), 1) : BYSTANDER_MAXAGE;
	struct xfrm_state *x = t->x;

	spin_lock_bh(&x->lock);
	if (!t->watched) {
		t->watched = true;
		t->old_maxdiff = x->replay_maxdiff;
		t->old_maxage = x->replay_maxage;
	}
	xha_apply_aevent(x, maxdiff, maxage);
	/* No packet may pass before the threshold is that of a limit which is nearer. */
	xha_tap_user->rearm(t);
	spin_unlock_bh(&x->lock);
}

static void unwatch_events(struct xha_tapped *t)
{
	struct xfrm_state *x = t->x;

	spin_lock_bh(&x->lock);
	if (t->watched) {
		t->watched = false;
		xha_apply_aevent(x, t->old_maxdiff, t->old_maxage);
	}
	spin_unlock_bh(&x->lock);
}

/*
 * A packet at the limit makes an event, and the SA is held: the next one has no number. But
 * segments take theirs together, and may go beyond it. Such a packet is stopped here, where the
 * kernel brings what an SA has made (xfrm_output_resume() in net/xfrm/xfrm_output.c).
 */
static unsigned int gate(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	const struct xfrm_offload *xo = xfrm_offload(skb);
	struct xha_tapped *t;
	struct xfrm_state *x;
	u64 last;

	if (!xo || !skb_is_gso(skb))
		return NF_ACCEPT;
	x = xfrm_input_state(skb); /* by its name; it is that of the last SA */
	t = xha_tapped(x);
	if (!t)
		return NF_ACCEPT;
	last = xha_seq64(xo->seq.low, xha_esn(x) ? xo->seq.hi : 0);
	last += skb_shinfo(skb)->gso_segs - 1;
	return xha_tap_user->beyond(t, last) ? NF_DROP_ERR(ENOBUFS) : NF_ACCEPT;
}

static const struct nf_hook_ops gates[] = {
	{
		.hook = gate,
		.pf = NFPROTO_IPV4,
		.hooknum = NF_INET_LOCAL_OUT,
		.priority = NF_IP_PRI_FIRST,
	}, {
		.hook = gate,
		.pf = NFPROTO_IPV6,
		.hooknum = NF_INET_LOCAL_OUT,
		.priority = NF_IP6_PRI_FIRST,
	},
};

static int net_start(struct net *net)
{
	return nf_register_net_hooks(net, gates, ARRAY_SIZE(gates));
}

static void net_stop(struct net *net)
{
	nf_unregister_net_hooks(net, gates, ARRAY_SIZE(gates));
}

const struct xha_tap xha_tap_aevent = {
	.name = "aevent",
	.hears_all = true,
	.start = start,
	.stop = stop,
	.net_start = net_start,
	.net_stop = net_stop,
	.watch = watch_events,
	.unwatch = unwatch_events,
};
