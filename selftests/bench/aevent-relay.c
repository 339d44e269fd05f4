// SPDX-License-Identifier: GPL-2.0
/*
 * xfrm-sync.c as well as it gets without a change of the kernel: reads and writes many messages
 * in a system call, has room for 32 MiB of events, sends each SA once in a while and not for each
 * event, nothing but what is needed of it, never lets a number go backwards, adds a quantity, and
 * asks for all SAs when events were lost. For comparison only: nothing is encrypted or
 * acknowledged, SAs have a window of 32 at most, and no bound keeps the active one from going past
 * the quantity.
 *
 *	aevent-relay send NS ADDR PEER BATCH_US
 *	aevent-relay eager|commit NS ADDR QUANTITY
 *
 * eager: what comes is in the kernel's SA at once. commit: it is kept here until the takeover, as
 * by conntrackd. Prints "ready". A line of input is answered by one of JSON: to the sender what it
 * has done so far, to the other one the takeover: what has come is read, each SA is written with
 * the quantity. Both end with their input.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <linux/netlink.h>
#include <linux/xfrm.h>

#include "../lib/netns.h"

#define PORT	5001
#define ROOM	(32 << 20)
#define LEN	1400		/* octets of a datagram */
#define MANY	64		/* messages in a system call */
#define BUCKETS	(1 << 16)

typedef unsigned long long u64;

/* What goes over the wire. */
struct told {
	struct xfrm_usersa_id id;
	struct xfrm_replay_state replay;
	u64 bytes, packets;
};

struct sa {
	struct sa *next;	/* of the bucket */
	struct sa *next_due;
	int due;
	struct told told;
};

/* XFRM_MSG_NEWAE, as it is written. */
struct written {
	struct nlmsghdr head;
	struct xfrm_aevent_id id;
	struct nlattr replay_attr;
	struct xfrm_replay_state replay;
	struct nlattr count_attr;
	struct xfrm_lifetime_cur count;
} __attribute__((packed, aligned(4)));

static struct sa *buckets[BUCKETS];
static struct sa *due, **due_end = &due;
static unsigned int sas, due_n;
static int nl, udp;
static u64 heard, sent, overruns, dumps, stale;

static u64 now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static struct sa *sa_of(const struct xfrm_usersa_id *id)
{
	struct sa **p = &buckets[(ntohl(id->spi) * 2654435761u) >> 16];

	for (; *p; p = &(*p)->next) {
		const struct xfrm_usersa_id *has = &(*p)->told.id;

		if (has->spi == id->spi && has->proto == id->proto && has->family == id->family &&
		    !memcmp(&has->daddr, &id->daddr, sizeof(id->daddr)))
			return *p;
	}
	*p = calloc(1, sizeof(**p));
	if (!*p)
		die("calloc");
	(*p)->told.id = *id;
	sas++;
	return *p;
}

/* The SA has something to be told, or written. */
static void to_do(struct sa *sa)
{
	if (sa->due)
		return;
	sa->due = 1;
	sa->next_due = NULL;
	*due_end = sa;
	due_end = &sa->next_due;
	due_n++;
}

static struct sa *take_due(void)
{
	struct sa *sa = due;

	due = sa->next_due;
	if (!due)
		due_end = &due;
	sa->due = 0;
	due_n--;
	return sa;
}

/* --- the kernel's SAs --- */

static void attributes(struct told *t, const struct nlmsghdr *h, unsigned int fixed)
{
	const char *p = (const char *)NLMSG_DATA(h) + NLMSG_ALIGN(fixed);
	const char *end = (const char *)h + h->nlmsg_len;

	while (p + NLA_HDRLEN <= end) {
		const struct nlattr *a = (const struct nlattr *)p;
		const struct xfrm_lifetime_cur *count = (const void *)(p + NLA_HDRLEN);

		if (a->nla_type == XFRMA_REPLAY_VAL) {
			memcpy(&t->replay, p + NLA_HDRLEN, sizeof(t->replay));
		} else if (a->nla_type == XFRMA_LTIME_VAL) {
			t->bytes = count->bytes;
			t->packets = count->packets;
		}
		p += NLA_ALIGN(a->nla_len);
	}
}

/* A message about an SA. Returns whether it is the last one of a dump. */
static int look(const struct nlmsghdr *h)
{
	if (h->nlmsg_type == XFRM_MSG_NEWAE) {
		const struct xfrm_aevent_id *id = NLMSG_DATA(h);
		struct sa *sa = sa_of(&id->sa_id);

		heard++;
		attributes(&sa->told, h, sizeof(*id));
		to_do(sa);
	} else if (h->nlmsg_type == XFRM_MSG_NEWSA) {
		const struct xfrm_usersa_info *info = NLMSG_DATA(h);
		struct xfrm_usersa_id id = {
			.daddr = info->id.daddr, .spi = info->id.spi,
			.family = info->family, .proto = info->id.proto,
		};
		struct sa *sa = sa_of(&id);

		sa->told.bytes = info->curlft.bytes;
		sa->told.packets = info->curlft.packets;
		attributes(&sa->told, h, sizeof(*info));
		to_do(sa);
	}
	return h->nlmsg_type == NLMSG_DONE;
}

static int netlink(unsigned int groups)
{
	struct sockaddr_nl a = { .nl_family = AF_NETLINK, .nl_groups = groups };
	int s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_XFRM), room = ROOM;

	if (s < 0 || bind(s, (struct sockaddr *)&a, sizeof(a)) ||
	    setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) ||
	    setsockopt(s, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)))
		die("netlink");
	return s;
}

/* All SAs are due. */
static void dump(void)
{
	struct nlmsghdr request = {
		.nlmsg_len = sizeof(request),
		.nlmsg_type = XFRM_MSG_GETSA,
		.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
	};
	static char buf[1 << 16] __attribute__((aligned(8)));
	int s = netlink(0), done = 0;

	if (send(s, &request, sizeof(request), 0) < 0)
		die("dump");
	while (!done) {
		int n = recv(s, buf, sizeof(buf), 0);
		struct nlmsghdr *h = (void *)buf;

		if (n < 0)
			die("dump");
		for (; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n))
			done |= look(h);
	}
	close(s);
	dumps++;
}

static unsigned int raised(unsigned int number, unsigned int quantity)
{
	return number > 0xfffffffe - quantity ? 0xfffffffe : number + quantity;
}

/* What is due is in the kernel. */
static void write_due(unsigned int quantity)
{
	static struct written w[MANY];
	unsigned int n;

	while (due) {
		for (n = 0; n < MANY && due; n++) {
			const struct told *t = &take_due()->told;

			w[n] = (struct written) {
				.head.nlmsg_len = sizeof(w[n]),
				.head.nlmsg_type = XFRM_MSG_NEWAE,
				.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_REPLACE,
				.id.sa_id = t->id,
				.replay_attr = { NLA_HDRLEN + sizeof(t->replay), XFRMA_REPLAY_VAL },
				.replay = { raised(t->replay.oseq, quantity), t->replay.seq,
					    t->replay.bitmap },
				.count_attr = { NLA_HDRLEN + sizeof(w[n].count), XFRMA_LTIME_VAL },
				.count = { .bytes = t->bytes, .packets = t->packets },
			};
		}
		if (send(nl, w, n * sizeof(w[0]), 0) < 0)
			die("XFRM_MSG_NEWAE");
	}
	/* Nothing but errors is answered: of an SA that has just gone. */
	while (recv(nl, w, sizeof(w), MSG_DONTWAIT) > 0)
		;
}

/* --- the link --- */

static int receive_many(int fd, struct mmsghdr *m, char (*bufs)[LEN + 100], struct iovec *v)
{
	unsigned int i;

	for (i = 0; i < MANY; i++) {
		v[i] = (struct iovec){ bufs[i], sizeof(bufs[i]) };
		m[i] = (struct mmsghdr){ .msg_hdr.msg_iov = &v[i], .msg_hdr.msg_iovlen = 1 };
	}
	return recvmmsg(fd, m, MANY, MSG_DONTWAIT, NULL);
}

static char bufs[MANY][LEN + 100] __attribute__((aligned(8)));
static struct mmsghdr msgs[MANY];
static struct iovec vecs[MANY];

static void send_due(void)
{
	static struct told frames[MANY][LEN / sizeof(struct told)];
	const unsigned int per = LEN / sizeof(struct told);
	unsigned int n, i, done;

	while (due) {
		for (n = 0; n < MANY && due; n++) {
			for (i = 0; i < per && due; i++)
				frames[n][i] = take_due()->told;
			sent += i;
			vecs[n] = (struct iovec){ frames[n], i * sizeof(struct told) };
			msgs[n] = (struct mmsghdr){
				.msg_hdr.msg_iov = &vecs[n], .msg_hdr.msg_iovlen = 1,
			};
		}
		for (done = 0; done < n;) {
			int k = sendmmsg(udp, msgs + done, n - done, 0);

			if (k < 0)
				die("sendmmsg");
			done += k;
		}
	}
}

/* Events, until there are no more. */
static void read_events(void)
{
	int n, i, lost = 0;

	while ((n = receive_many(nl, msgs, bufs, vecs)) > 0 || (n < 0 && errno == ENOBUFS)) {
		if (n < 0) {
			overruns++;
			lost = 1;
		}
		for (i = 0; i < n; i++)
			look((void *)bufs[i]);
	}
	if (n < 0 && errno != EAGAIN)
		die("events");
	if (lost)
		dump();
}

static void read_frames(void)
{
	int n, i;

	while ((n = receive_many(udp, msgs, bufs, vecs)) > 0)
		for (i = 0; i < n; i++) {
			const struct told *t = (void *)bufs[i];
			unsigned int k = msgs[i].msg_len / sizeof(*t);

			for (; k--; t++) {
				struct sa *sa = sa_of(&t->id);

				heard++;
				if (t->replay.oseq < sa->told.replay.oseq ||
				    t->replay.seq < sa->told.replay.seq) {
					stale++;
					continue;
				}
				sa->told = *t;
				to_do(sa);
			}
		}
	if (n < 0 && errno != EAGAIN)
		die("frames");
}

static void all_due(void)
{
	struct sa *sa;
	unsigned int i;

	for (i = 0; i < BUCKETS; i++)
		for (sa = buckets[i]; sa; sa = sa->next)
			to_do(sa);
}

/* Returns 0 at the end of input. */
static int asked(void)
{
	char c;

	return read(0, &c, 1) == 1;
}

static void sender(unsigned int batch)
{
	struct pollfd p[2] = { { .fd = nl, .events = POLLIN }, { .fd = 0, .events = POLLIN } };
	u64 at = 0;

	for (;;) {
		u64 t = now();
		struct timespec wait = { .tv_nsec = at > t ? at - t : 0 };

		/* From the first that is due on nobody asks what else there is until it is time. */
		if (ppoll(at ? p + 1 : p, at ? 1 : 2, at ? &wait : NULL, NULL) < 0)
			die("poll");
		if (p[1].revents) {
			if (!asked())
				return;
			printf("{\"heard\": %llu, \"sent\": %llu, ", heard, sent);
			printf("\"overruns\": %llu, \"dumps\": %llu}\n", overruns, dumps);
			fflush(stdout);
		}
		if (!at && batch && p[0].revents) {
			at = now() + batch * 1000ull;
			p[0].revents = 0;
		} else if (!at || now() >= at) {
			read_events();
			send_due();
			at = 0;
		}
	}
}

static void receiver(int eager, unsigned int quantity)
{
	struct pollfd p[2] = { { .fd = udp, .events = POLLIN }, { .fd = 0, .events = POLLIN } };
	u64 start;

	/* SAs of which nothing is told are higher, too. */
	dump();
	if (eager)
		write_due(quantity);
	while (!eager && due)
		take_due();
	printf("ready\n");
	fflush(stdout);
	for (;;) {
		if (poll(p, 2, -1) < 0)
			die("poll");
		start = now();
		read_frames();
		if (p[1].revents) {
			if (!asked())
				return;
			if (!eager)
				all_due();
			write_due(quantity);
			printf("{\"heard\": %llu, \"stale\": %llu, \"sas\": %u, \"ns\": %llu}\n",
			       heard, stale, sas, now() - start);
			fflush(stdout);
		}
		if (eager)
			write_due(quantity);
		while (!eager && due)
			take_due();
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int send_it, room = ROOM;

	send_it = argc == 6 && !strcmp(argv[1], "send");
	if (!send_it && (argc != 5 || (strcmp(argv[1], "eager") && strcmp(argv[1], "commit")))) {
		fprintf(stderr, "usage: aevent-relay send NS ADDR PEER BATCH_US |\n"
			"       aevent-relay eager|commit NS ADDR QUANTITY\n");
		return 2;
	}
	netns_enter(argv[2]);
	udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	inet_pton(AF_INET, argv[3], &a.sin_addr);
	if (udp < 0 || bind(udp, (struct sockaddr *)&a, sizeof(a)) ||
	    setsockopt(udp, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) ||
	    setsockopt(udp, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)))
		die("bind");
	nl = netlink(send_it ? 1 << (XFRMNLGRP_AEVENTS - 1) : 0);
	if (send_it) {
		inet_pton(AF_INET, argv[4], &a.sin_addr);
		if (connect(udp, (struct sockaddr *)&a, sizeof(a)))
			die("connect");
		printf("ready\n");
		fflush(stdout);
		sender(atoi(argv[5]));
	} else {
		receiver(!strcmp(argv[1], "eager"), atoi(argv[4]));
	}
	return 0;
}
