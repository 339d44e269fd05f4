// SPDX-License-Identifier: GPL-2.0
/*
 * Decryption alone: one ESP frame of each tunnel is recorded, then all of them are sent
 * again and again, from CPU 0, to a gateway without replay protection. No more than WINDOW
 * frames are under way, so none is lost, and what counts is how long N of them take.
 *
 *	flood NS_SENDER DEV NS_GATEWAY TUNNELS N
 *
 * Tunnel K is that for 10.1.0.K. Prints packets per second.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/xfrm.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "../lib/netns.h"

#define TUNNELS	16
#define LEN	1300
#define WINDOW	512
#define BATCH	32
#define STALL	20	/* seconds */

static struct nl_sock *sock;
static unsigned long long done;
static char frames[TUNNELS][2048];
static int lengths[TUNNELS];

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static int add(struct nl_msg *msg, void *arg)
{
	const struct xfrm_usersa_info *sa = nlmsg_data(nlmsg_hdr(msg));

	done += sa->curlft.packets;
	return NL_OK;
}

/* What all SAs of the gateway have decrypted */
static unsigned long long decrypted(void)
{
	done = 0;
	if (nl_send_simple(sock, XFRM_MSG_GETSA, NLM_F_DUMP, NULL, 0) < 0 ||
	    nl_recvmsgs_default(sock) < 0)
		die("SAs");
	return done;
}

/* ESP, or ESP in UDP, as it leaves */
static int record(int raw, int tunnel)
{
	static char buf[LEN];
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(9) };
	unsigned char *f = (unsigned char *)frames[tunnel];
	int fd = socket(AF_INET, SOCK_DGRAM, 0), n;

	a.sin_addr.s_addr = htonl(0x0a010001 + tunnel);
	if (fd < 0 || sendto(fd, buf, LEN, 0, (struct sockaddr *)&a, sizeof(a)) != LEN)
		die("send");
	close(fd);
	do {
		n = recv(raw, f, sizeof(frames[0]), 0);
		if (n < 0)
			die("record");
	} while (n < LEN || f[12] != 8 || f[13] || (f[23] != IPPROTO_ESP && f[23] != IPPROTO_UDP));
	return n;
}

static void flood(int raw, int tunnels, unsigned long n)
{
	struct mmsghdr batch[BATCH] = { };
	struct iovec iov[BATCH];
	struct timespec nap = { .tv_nsec = 100000 };
	unsigned long long start = decrypted(), sent = 0, got = 0;
	double begin = now(), last = begin;
	int k = 0, m;

	while (got < n) {
		if (sent < n && sent - got + BATCH <= WINDOW) {
			for (int i = 0; i < BATCH; i++, k = (k + 1) % tunnels) {
				iov[i] = (struct iovec){ frames[k], lengths[k] };
				batch[i].msg_hdr.msg_iov = &iov[i];
				batch[i].msg_hdr.msg_iovlen = 1;
			}
			m = sendmmsg(raw, batch, BATCH, 0);
			if (m != BATCH)
				die("sendmmsg");
			sent += m;
			continue;
		}
		if (got)
			nanosleep(&nap, NULL);
		m = decrypted() - start - got;
		got += m;
		if (m)
			last = now();
		else if (now() - last > STALL)
			die("packets were lost");
	}
	printf("%.0f\n", got / (now() - begin));
}

int main(int argc, char **argv)
{
	struct sockaddr_ll a = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	struct timeval limit = { .tv_sec = 10 };
	int raw, tunnels;
	cpu_set_t cpu;

	if (argc != 6)
		return 2;
	tunnels = atoi(argv[4]);
	if (tunnels < 1 || tunnels > TUNNELS)
		return 2;
	CPU_ZERO(&cpu);
	CPU_SET(0, &cpu);
	sched_setaffinity(0, sizeof(cpu), &cpu);
	netns_enter(argv[3]);
	sock = nl_socket_alloc();
	if (!sock || nl_connect(sock, NETLINK_XFRM))
		die("netlink");
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, add, NULL);
	netns_enter(argv[1]);
	raw = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
	a.sll_ifindex = if_nametoindex(argv[2]);
	setsockopt(raw, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (raw < 0 || bind(raw, (struct sockaddr *)&a, sizeof(a)))
		die("packet socket");
	for (int i = 0; i < tunnels; i++)
		lengths[i] = record(raw, i);
	/* From here on it only sends. */
	a.sll_protocol = 0;
	close(raw);
	raw = socket(AF_PACKET, SOCK_RAW, 0);
	if (raw < 0 || bind(raw, (struct sockaddr *)&a, sizeof(a)))
		die("packet socket");
	flood(raw, tunnels, strtoul(argv[5], NULL, 0));
	return 0;
}
