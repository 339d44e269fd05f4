// SPDX-License-Identifier: GPL-2.0
/*
 * What "bench-relay" does with many SAs, and when it hears of them.
 *
 *	relay-load add NS N			install N SAs, to N / 2 remote gateways
 *	relay-load rekey NS N RATE COUNT	replace COUNT of them, RATE a second,
 *						the new one, then the old
 *	relay-load follow NS N COUNT		hear that N SAs came, then COUNT more
 *
 * What has happened so far it says every 50 ms, and the host looks at its clock then.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include <linux/ipsec.h>
#include <linux/xfrm.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "../lib/netns.h"

#define SPI	0x100000
#define BATCH	32		/* requests under way */
#define KEY	20		/* octets: AES-128 and a salt */
#define ROOM	(64 << 20)	/* octets of events that the kernel keeps */
#define EVERY	50000		/* us */

typedef unsigned long long u64;

static u64 now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000ull + t.tv_nsec / 1000;
}

/* @name: of the figure; @n: it now */
static void say(const char *name, unsigned int n)
{
	printf("@@%s %u\n", name, n);
	fflush(stdout);
}

static struct nl_sock *open_in(const char *ns)
{
	struct nl_sock *s;

	netns_enter(ns);
	s = nl_socket_alloc();
	if (!s || nl_connect(s, NETLINK_XFRM))
		die("netlink");
	nl_socket_set_buffer_size(s, 1 << 20, 1 << 20);
	return s;
}

/* Where the @i-th ends: every other one is inbound; two have a remote gateway for themselves. */
static void addresses(unsigned int i, xfrm_address_t *src, xfrm_address_t *dst)
{
	in_addr_t own = inet_addr("192.0.2.1"), remote;

	/* They are spread: with their reqids they must not all be in one bucket there. */
	remote = htonl(0x0a000000 | (i / 2 * 40503 & 0xffffff));

	src->a4 = i & 1 ? remote : own;
	dst->a4 = i & 1 ? own : remote;
}

static void send_one(struct nl_sock *s, struct nl_msg *msg)
{
	if (nl_send_auto(s, msg) < 0)
		die("send");
	nlmsg_free(msg);
}

static void answers(struct nl_sock *s, unsigned int n)
{
	while (n--) {
		int err = nl_wait_for_ack(s);

		if (err < 0) {
			fprintf(stderr, "relay-load: refused: %s\n", nl_geterror(err));
			exit(1);
		}
	}
}

/* The @i-th, of as many SPIs as were given before */
static void add(struct nl_sock *s, unsigned int i, unsigned int spi)
{
	struct xfrm_usersa_info sa = {
		.id.spi = htonl(SPI + spi), .id.proto = IPPROTO_ESP, .family = AF_INET,
		.mode = XFRM_MODE_TUNNEL, .reqid = 1 + i / 2, .replay_window = 32,
		.lft = { XFRM_INF, XFRM_INF, XFRM_INF, XFRM_INF },
	};
	struct {
		struct xfrm_algo_aead head;
		char key[KEY];
	} aead = { .head = { .alg_key_len = 8 * KEY, .alg_icv_len = 128 } };
	struct nl_msg *msg = nlmsg_alloc_simple(XFRM_MSG_NEWSA, NLM_F_CREATE | NLM_F_EXCL);

	addresses(i, &sa.saddr, &sa.id.daddr);
	snprintf(aead.head.alg_name, sizeof(aead.head.alg_name), "rfc4106(gcm(aes))");
	/* One of zeros is what a kernel says that keeps keys for itself. */
	memset(aead.key, 1, sizeof(aead.key));
	memcpy(aead.key, &spi, sizeof(spi));
	nlmsg_append(msg, &sa, sizeof(sa), NLMSG_ALIGNTO);
	nla_put(msg, XFRMA_ALG_AEAD, sizeof(aead), &aead);
	send_one(s, msg);
}

static void del(struct nl_sock *s, unsigned int i, unsigned int spi)
{
	struct xfrm_usersa_id id = {
		.spi = htonl(SPI + spi), .family = AF_INET, .proto = IPPROTO_ESP,
	};
	struct nl_msg *msg = nlmsg_alloc_simple(XFRM_MSG_DELSA, 0);
	xfrm_address_t src;

	addresses(i, &src, &id.daddr);
	nlmsg_append(msg, &id, sizeof(id), NLMSG_ALIGNTO);
	send_one(s, msg);
}

static void add_all(const char *ns, unsigned int n)
{
	struct nl_sock *s = open_in(ns);
	unsigned int i;

	for (i = 0; i < n; i++) {
		add(s, i, i);
		if (i % BATCH == BATCH - 1)
			answers(s, BATCH);
	}
	answers(s, n % BATCH);
}

static void sleep_until(u64 at)
{
	struct timespec t = { .tv_sec = at / 1000000, .tv_nsec = at % 1000000 * 1000 };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static void rekey(const char *ns, unsigned int n, unsigned int rate, unsigned int count)
{
	struct nl_sock *s = open_in(ns);
	u64 start = now(), said = start, at;
	unsigned int i;

	say("made", 0);
	for (i = 0; i < count; i++) {
		at = start + i * 1000000ull / rate;
		if (now() < at)
			sleep_until(at);
		add(s, i % n, n + i);
		del(s, i % n, i);
		answers(s, 2);
		if (now() - said < EVERY && i + 1 < count)
			continue;
		say("made", i + 1);
		said = now();
	}
}

static int hear(struct nl_msg *msg, void *arg)
{
	*(unsigned int *)arg += nlmsg_hdr(msg)->nlmsg_type == XFRM_MSG_NEWSA;
	return NL_OK;
}

static int on_count(struct nl_msg *msg, void *arg)
{
	struct nlattr *a = nlmsg_find_attr(nlmsg_hdr(msg), 4, XFRMA_SAD_CNT);

	*(unsigned int *)arg = a ? nla_get_u32(a) : 0;
	return NL_OK;
}

/* Until the kernel has @n: it is asked, since words of each would cost it more. */
static void wait_for(const char *ns, unsigned int n)
{
	struct nl_sock *s = open_in(ns);
	unsigned int have = 0;
	uint32_t flags = 0;

	nl_socket_disable_auto_ack(s);
	nl_socket_modify_cb(s, NL_CB_VALID, NL_CB_CUSTOM, on_count, &have);
	do {
		sleep_until(now() + EVERY / 5);
		if (nl_send_simple(s, XFRM_MSG_GETSADINFO, 0, &flags, sizeof(flags)) < 0 ||
		    nl_recvmsgs_default(s) < 0)
			die("count");
	} while (have < n);
	nl_socket_free(s);
}

static void follow(const char *ns, unsigned int n, unsigned int count)
{
	struct nl_sock *s = open_in(ns);
	int room = ROOM, err;
	unsigned int seen = 0;
	u64 said = 0;

	setsockopt(nl_socket_get_fd(s), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	nl_socket_disable_seq_check(s);
	nl_socket_modify_cb(s, NL_CB_VALID, NL_CB_CUSTOM, hear, &seen);
	wait_for(ns, n);
	say("all", n);
	if (nl_socket_add_membership(s, XFRMNLGRP_SA))
		die("membership");
	say("seen", 0);
	while (seen < count) {
		err = nl_recvmsgs_default(s);
		if (err < 0) {
			fprintf(stderr, "relay-load: events: %s\n", nl_geterror(err));
			exit(1);
		}
		if (now() - said < EVERY && seen < count)
			continue;
		say("seen", seen);
		said = now();
	}
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "add"))
		add_all(argv[2], atoi(argv[3]));
	else if (argc == 6 && !strcmp(argv[1], "rekey"))
		rekey(argv[2], atoi(argv[3]), atoi(argv[4]), atoi(argv[5]));
	else if (argc == 5 && !strcmp(argv[1], "follow"))
		follow(argv[2], atoi(argv[3]), atoi(argv[4]));
	else
		return 2;
	return 0;
}
