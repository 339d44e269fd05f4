// SPDX-License-Identifier: GPL-2.0
/*
 * Sends UDP datagrams to and fro between two network namespaces, in lock step:
 * each is received before the next is sent. What a packet costs is then what
 * the clock says divided by their number, whatever the queues.
 *
 *	load NS_A ADDR_A NS_B ADDR_B ROUNDS [NS_1 NS_2 SPI QUANTITY]
 *
 * With the second half: now and then compares the outbound number of the SA
 * with that SPI in two gateways, NS_1 (active) and NS_2 (whose number has the
 * quantity added), and tells how many packets the second was behind.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>

#include <linux/xfrm.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "../lib/netns.h"
#define MARKS
#include "mark.h"

#define PORT	5000
#define LEN	64
#define SAMPLE	101	/* rounds; prime to all intervals */

static int udp(const char *ns, const char *own, const char *peer)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int fd;

	netns_enter(ns);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	inet_pton(AF_INET, own, &a.sin_addr);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)))
		die("bind");
	inet_pton(AF_INET, peer, &a.sin_addr);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)))
		die("connect");
	return fd;
}

static unsigned long waits;

static void pass(int from, int to)
{
	static char buf[LEN];
	struct pollfd p = { .fd = to, .events = POLLIN };

	if (send(from, buf, LEN, 0) != LEN)
		die("send");
	while (recv(to, buf, sizeof(buf), MSG_DONTWAIT) < 0) {
		if (errno != EAGAIN)
			die("recv");
		waits++;
		if (!poll(&p, 1, 2000)) {
			fprintf(stderr, "load: a packet was lost\n");
			exit(1);
		}
	}
}

static unsigned long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* --- the numbers of an SA --- */

struct gateway {
	struct nl_sock *sock;
	struct xfrm_aevent_id id;
	unsigned int oseq;
};

/* Which SA: found by its SPI; the first answer of a dump that has it. */
static int found(struct nl_msg *msg, void *arg)
{
	struct xfrm_usersa_info *sa = nlmsg_data(nlmsg_hdr(msg));
	struct gateway *g = arg;

	if (sa->id.spi != g->id.sa_id.spi)
		return NL_OK;
	g->id.sa_id.daddr = sa->id.daddr;
	g->id.sa_id.family = sa->family;
	g->id.sa_id.proto = sa->id.proto;
	g->id.saddr = sa->saddr;
	return NL_OK;
}

static int answer(struct nl_msg *msg, void *arg)
{
	struct nlattr *a = nlmsg_find_attr(nlmsg_hdr(msg), sizeof(struct xfrm_aevent_id),
					   XFRMA_REPLAY_ESN_VAL);
	struct gateway *g = arg;

	if (a)
		g->oseq = ((struct xfrm_replay_state_esn *)nla_data(a))->oseq;
	return NL_OK;
}

static void gateway(struct gateway *g, const char *ns, unsigned int spi)
{
	netns_enter(ns);
	g->id.sa_id.spi = htonl(spi);
	g->sock = nl_socket_alloc();
	if (!g->sock || nl_connect(g->sock, NETLINK_XFRM))
		die("netlink");
	nl_socket_modify_cb(g->sock, NL_CB_VALID, NL_CB_CUSTOM, found, g);
	if (nl_send_simple(g->sock, XFRM_MSG_GETSA, NLM_F_DUMP, NULL, 0) < 0 ||
	    nl_recvmsgs_default(g->sock) < 0 || !g->id.sa_id.family) {
		fprintf(stderr, "load: no SA %x in %s\n", spi, ns);
		exit(1);
	}
	nl_socket_modify_cb(g->sock, NL_CB_VALID, NL_CB_CUSTOM, answer, g);
	nl_socket_disable_auto_ack(g->sock);
}

static unsigned int oseq(struct gateway *g)
{
	if (nl_send_simple(g->sock, XFRM_MSG_GETAE, 0, &g->id, sizeof(g->id)) < 0 ||
	    nl_recvmsgs_default(g->sock) < 0) {
		fprintf(stderr, "load: no answer\n");
		exit(1);
	}
	return g->oseq;
}

int main(int argc, char **argv)
{
	unsigned long long start, ns, behind = 0, most = 0, samples = 0;
	struct gateway g1 = {}, g2 = {};
	int a, b, i, rounds, quantity = 0;

	if (argc != 6 && argc != 10) {
		fprintf(stderr,
			"usage: load NS_A ADDR_A NS_B ADDR_B ROUNDS [NS_1 NS_2 SPI QUANTITY]\n");
		return 2;
	}
	a = udp(argv[1], argv[2], argv[4]);
	b = udp(argv[3], argv[4], argv[2]);
	rounds = atoi(argv[5]);
	if (argc == 10) {
		gateway(&g1, argv[6], strtoul(argv[8], NULL, 0));
		gateway(&g2, argv[7], strtoul(argv[8], NULL, 0));
		quantity = atoi(argv[9]);
	}
	marks();
	for (i = 0; i < rounds / 10 + 1; i++) {
		pass(a, b);
		pass(b, a);
	}
	if (!g1.sock)
		mark(MARK_BEGIN);
	start = now();
	for (i = 1; i <= rounds; i++) {
		pass(a, b);
		pass(b, a);
		if (g1.sock && i % SAMPLE == 0) {
			int d = oseq(&g1) - (oseq(&g2) - quantity);

			d = d < 0 ? 0 : d;
			behind += d;
			most = (unsigned int)d > most ? (unsigned int)d : most;
			samples++;
		}
	}
	ns = now() - start;
	if (!g1.sock)
		mark(MARK_END);
	printf("{\"packets\": %d, \"ns\": %llu, \"waits\": %lu", 2 * rounds, ns, waits);
	if (samples)
		printf(", \"behind_mean\": %.1f, \"behind_max\": %llu",
		       (double)behind / samples, most);
	printf("}\n");
	return 0;
}
