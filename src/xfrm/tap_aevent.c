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

#include "ha/internal.h"

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

static void watch(struct xha_sa *sa)
{
	struct xfrm_state *x = sa->x;
	u32 maxdiff = 0, maxage = BYSTANDER_MAXAGE;

	if (sa->group) {
		maxdiff = min(sa->out_interval, sa->in_interval);
		maxage = max_t(u32, msecs_to_jiffies(xha_group_config(sa->group)->max_age), 1);
	}
	spin_lock_bh(&x->lock);
	if (!sa->watched) {
		sa->watched = true;
		sa->old_maxdiff = x->replay_maxdiff;
		sa->old_maxage = x->replay_maxage;
	}
	xha_apply_aevent(x, maxdiff, maxage);
	/* No packet may pass before the threshold is that of a limit which is nearer. */
	xha_place_settle(sa);
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

/*
 * A packet at the limit makes an event, and the SA is held: the next one has no number. But
 * segments take theirs together, and may go beyond it. Such a packet is stopped here, where the
 * kernel brings what an SA has made (xfrm_output_resume() in net/xfrm/xfrm_output.c).
 */
static unsigned int gate(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	const struct xfrm_offload *xo = xfrm_offload(skb);
	struct xfrm_state *x;
	struct xha_sa *sa;
	bool beyond;
	u64 last;

	if (!xo || !skb_is_gso(skb))
		return NF_ACCEPT;
	x = xfrm_input_state(skb); /* by its name; it is that of the last SA */
	sa = xha_sa_by_x(x);
	if (!sa || !sa->group || sa->packet)
		return NF_ACCEPT;
	last = xha_seq64(xo->seq.low, xha_esn(x) ? xo->seq.hi : 0);
	last += skb_shinfo(skb)->gso_segs - 1;
	spin_lock_bh(&x->lock);
	beyond = !xha_allows(&sa->bounds, last);
	spin_unlock_bh(&x->lock);
	if (!beyond)
		return NF_ACCEPT;
	xha_stat_inc(sa->xn, XHA_STAT_LEASE_REFUSED);
	return NF_DROP_ERR(ENOBUFS);
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
	.bystanders = true,
	.start = start,
	.stop = stop,
	.net_start = net_start,
	.net_stop = net_stop,
	.watch = watch,
	.unwatch = unwatch,
};
