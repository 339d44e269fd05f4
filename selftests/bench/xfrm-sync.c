// SPDX-License-Identifier: GPL-2.0
/*
 * The same job in user space, as Documentation/networking/xfrm_sync.rst suggests
 * it: hears the kernel's asynchronous events in one network namespace, sends them over
 * UDP, and puts them into the SAs of another one. For comparison only: nothing is
 * encrypted, authenticated, acknowledged or sent again, and numbers may go backwards.
 *
 *	xfrm-sync send NS ADDR PEER
 *	xfrm-sync receive NS ADDR
 *
 * Prints "ready", and runs until it is killed.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/xfrm.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "../lib/netns.h"

#define PORT	5001

static int udp_sock;

static int heard(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *h = nlmsg_hdr(msg);

	if (h->nlmsg_type == XFRM_MSG_NEWAE &&
	    send(udp_sock, nlmsg_data(h), nlmsg_datalen(h), 0) < 0)
		perror("send");
	return NL_OK;
}

int main(int argc, char **argv)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	struct nl_sock *nl = nl_socket_alloc();
	char buf[4096];
	int send_it, n;

	send_it = argc == 5 && !strcmp(argv[1], "send");
	if (!send_it && (argc != 4 || strcmp(argv[1], "receive"))) {
		fprintf(stderr, "usage: xfrm-sync send NS ADDR PEER | receive NS ADDR\n");
		return 2;
	}
	netns_enter(argv[2]);
	udp_sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	inet_pton(AF_INET, argv[3], &a.sin_addr);
	if (udp_sock < 0 || bind(udp_sock, (struct sockaddr *)&a, sizeof(a)))
		die("bind");
	nl_socket_disable_seq_check(nl);
	nl_socket_disable_auto_ack(nl);
	if (send_it) {
		inet_pton(AF_INET, argv[4], &a.sin_addr);
		if (connect(udp_sock, (struct sockaddr *)&a, sizeof(a)))
			die("connect");
		nl_join_groups(nl, 1 << (XFRMNLGRP_AEVENTS - 1));
		nl_socket_modify_cb(nl, NL_CB_VALID, NL_CB_CUSTOM, heard, NULL);
	}
	if (nl_connect(nl, NETLINK_XFRM))
		die("netlink");
	printf("ready\n");
	fflush(stdout);
	if (send_it)
		for (;;)
			nl_recvmsgs_default(nl);
	while ((n = recv(udp_sock, buf, sizeof(buf), 0)) >= 0)
		nl_send_simple(nl, XFRM_MSG_NEWAE, NLM_F_REPLACE, buf, n);
	die("recv");
}
