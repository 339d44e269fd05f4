// SPDX-License-Identifier: GPL-2.0
/*
 * Hears which SA XFRM_MSG_MIGRATE_STATE has made: no key manager is told of it, but who listens to
 * XFRMNLGRP_MIGRATE is, after it is inserted and before the request is answered.
 *
 * Who listens to all netns is asked for his file (do_one_broadcast() in net/netlink/af_netlink.c),
 * which a socket of the kernel has not. So each netns that has groups has a socket.
 */

#include <linux/net.h>
#include <linux/netlink.h>
#include <net/netlink.h>
#include <net/sock.h>

#include "xfrm/tap.h"

/* The mark by which the new SA is found: that of the old one, if no other is said. */
static u32 mark_of(const struct nlmsghdr *nlh, const struct xfrm_user_migrate_state *um)
{
	const struct nlattr *attr = nlmsg_find_attr(nlh, sizeof(*um), XFRMA_MARK);
	const struct xfrm_mark *m = &um->old_mark;

	if (attr && nla_len(attr) >= sizeof(*m))
		m = nla_data(attr);
	return m->v & m->m;
}

/*
 * Whoever may send to the group (CAP_NET_ADMIN) may have sent it: an SA is looked at, nothing else
 * is believed.
 */
static void migrated(struct net *net, const struct sk_buff *skb)
{
	const struct xfrm_user_migrate_state *um;
	const struct nlmsghdr *nlh = nlmsg_hdr(skb);
	struct xfrm_state *x;

	if (!nlmsg_ok(nlh, skb->len) || nlh->nlmsg_type != XFRM_MSG_MIGRATE_STATE ||
	    nlmsg_len(nlh) < sizeof(*um))
		return;
	um = nlmsg_data(nlh);
	x = xfrm_state_lookup(net, mark_of(nlh, um), &um->new_daddr, um->id.spi, um->id.proto,
			      um->new_family);
	if (x) {
		xha_tap_user->successor(x);
		xfrm_state_put(x);
	}
	/* The old one has died without a word. */
	xha_tap_user->migrated(net);
}

/* In the context of who sends */
static void hear(struct sock *sk)
{
	struct sk_buff *skb;

	rcu_read_lock();
	while ((skb = skb_dequeue(&sk->sk_receive_queue))) {
		migrated(sock_net(sk), skb);
		consume_skb(skb);
	}
	rcu_read_unlock();
}

/* No memory for a message, the first time since somebody has read. */
static void lost(struct sock *sk)
{
	rcu_read_lock();
	xha_tap_user->migrated(sock_net(sk));
	rcu_read_unlock();
}

/**
 * xha_migrate_listen() - hear of migrations in a netns
 * @net: netns; process context
 * @listener: set; NULL where the kernel has no such message
 */
int xha_migrate_listen(struct net *net, struct socket **listener)
{
	struct sockaddr_nl addr = {
		.nl_family = AF_NETLINK,
		.nl_groups = 1 << (XFRMNLGRP_MIGRATE - 1),
	};
	struct socket *sock;
	int err;

	*listener = NULL;
	if (XFRM_MSG_MIGRATE_STATE > XFRM_MSG_MAX || !IS_ENABLED(CONFIG_XFRM_MIGRATE))
		return 0;
	err = sock_create_kern(net, AF_NETLINK, SOCK_RAW, NETLINK_XFRM, &sock);
	/* Without XFRM_USER nobody can send the request. */
	if (err == -EPROTONOSUPPORT)
		return 0;
	if (err)
		return err;
	sock->sk->sk_data_ready = hear;
	sock->sk->sk_error_report = lost;
	err = kernel_bind(sock, (struct sockaddr_unsized *)&addr, sizeof(addr));
	if (err) {
		sock_release(sock);
		return err;
	}
	*listener = sock;
	return 0;
}

/* Afterwards it hears nothing; process context. */
void xha_migrate_mute(struct socket **listener)
{
	if (*listener)
		sock_release(*listener);
	*listener = NULL;
}
