// SPDX-License-Identifier: GPL-2.0
/*
 * What "bench-compare" does in its guest: many outbound SAs of one gateway, the same in another
 * one, and packets for all of them in turn.
 *
 *	compare-load add NS SAS [policies]	install SAs, and what leads packets to them
 *	compare-load run NS STANDBY SAS QUANTITY RATE MS EVERY [first]
 *
 * run sends RATE packets a second (0: as many as it can), one after the other of each SA. Where
 * EVERY is 0 it counts what all of the guest computes: a thread that nobody else has to wait
 * for counts what is left, on a machine where each instruction takes 1 ns (-icount shift=0). Else
 * it looks at any of the SAs in STANDBY, which has QUANTITY added, after so many packets: how many
 * and how many ns is it behind? At its end, and a second later, it counts the SAs of which
 * STANDBY lacks a packet. "first": no other program runs while it has packets, as where a NIC's
 * interrupts take all of a CPU (but for what SCHED_FIFO leaves, a twentieth).
 *
 * A line of JSON.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <linux/netlink.h>
#include <linux/xfrm.h>

#include "../lib/netns.h"

#define SPI	0x100000
#define FROM	"192.0.2.1"
#define TO	"192.0.2.9"
#define FIRST	0x0a800000	/* 10.128.0.0: where packets of the first SA go */
#define LEN	64
#define BURST	64		/* packets in a system call */
#define TICK	1000000ull	/* ns between bursts */
#define LOOP	1000		/* turns of two instructions each */
#define REST	1000000000ull	/* ns in which what is told late may still come */

typedef unsigned long long u64;

static u64 now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static void until(u64 when)
{
	struct timespec t = { when / 1000000000, when % 1000000000 };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

/* --- SAs --- */

struct attribute {
	struct nlattr head;
	char data[sizeof(struct xfrm_user_tmpl)];
};

struct request {
	struct nlmsghdr head;
	union {
		struct xfrm_usersa_info sa;
		struct xfrm_userpolicy_info policy;
		struct xfrm_aevent_id event;
	};
	char room[sizeof(struct attribute)];
} __attribute__((aligned(8)));

static const struct xfrm_lifetime_cfg endless = {
	.soft_byte_limit = XFRM_INF,
	.hard_byte_limit = XFRM_INF,
	.soft_packet_limit = XFRM_INF,
	.hard_packet_limit = XFRM_INF,
};

static int netlink(const char *ns)
{
	int s;

	netns_enter(ns);
	s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_XFRM);
	if (s < 0)
		die("netlink");
	return s;
}

static void begin(struct request *r, int type, int flags, unsigned int len)
{
	memset(r, 0, sizeof(*r));
	r->head.nlmsg_len = NLMSG_LENGTH(len);
	r->head.nlmsg_type = type;
	r->head.nlmsg_flags = NLM_F_REQUEST | flags;
}

static void put(struct request *r, int type, const void *data, unsigned int len)
{
	struct nlattr *a = (void *)((char *)r + r->head.nlmsg_len);

	a->nla_type = type;
	a->nla_len = NLA_HDRLEN + len;
	memcpy(a + 1, data, len);
	r->head.nlmsg_len += NLA_ALIGN(a->nla_len);
}

static void talk(int s, const struct request *r)
{
	struct {
		struct nlmsghdr head;
		struct nlmsgerr err;
		char room[512];
	} answer;

	if (send(s, r, r->head.nlmsg_len, 0) < 0 || recv(s, &answer, sizeof(answer), 0) < 0)
		die("netlink");
	errno = -answer.err.error;
	if (errno)
		die("refused");
}

static void add_sa(int s, unsigned int i)
{
	struct xfrm_algo none = {};
	struct request r;

	begin(&r, XFRM_MSG_NEWSA, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, sizeof(r.sa));
	r.sa.id.spi = htonl(SPI + i);
	r.sa.id.proto = IPPROTO_ESP;
	r.sa.family = AF_INET;
	r.sa.mode = XFRM_MODE_TUNNEL;
	r.sa.reqid = 1 + i;
	r.sa.replay_window = 32;
	r.sa.lft = endless;
	inet_pton(AF_INET, FROM, &r.sa.saddr);
	inet_pton(AF_INET, TO, &r.sa.id.daddr);
	snprintf(none.alg_name, sizeof(none.alg_name), "ecb(cipher_null)");
	put(&r, XFRMA_ALG_CRYPT, &none, sizeof(none));
	talk(s, &r);
}

static void add_policy(int s, unsigned int i)
{
	struct xfrm_user_tmpl t = {
		.id.proto = IPPROTO_ESP,
		.family = AF_INET,
		.reqid = 1 + i,
		.mode = XFRM_MODE_TUNNEL,
		.aalgos = ~0, .ealgos = ~0, .calgos = ~0,
	};
	struct request r;

	inet_pton(AF_INET, FROM, &t.saddr);
	inet_pton(AF_INET, TO, &t.id.daddr);
	begin(&r, XFRM_MSG_NEWPOLICY, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, sizeof(r.policy));
	/* An address each way: it is found by a hash. */
	r.policy.sel.family = AF_INET;
	r.policy.sel.prefixlen_s = 32;
	r.policy.sel.prefixlen_d = 32;
	inet_pton(AF_INET, FROM, &r.policy.sel.saddr);
	r.policy.sel.daddr.a4 = htonl(FIRST + i);
	r.policy.lft = endless;
	r.policy.dir = XFRM_POLICY_OUT;
	put(&r, XFRMA_TMPL, &t, sizeof(t));
	talk(s, &r);
}

/* Not the count of packets: an event tells that of before its packet (xfrm_output_one()). */
static unsigned int oseq(int s, unsigned int i)
{
	char buf[1024] __attribute__((aligned(8)));
	const struct nlmsghdr *h = (void *)buf;
	const char *p = buf + NLMSG_LENGTH(sizeof(struct xfrm_aevent_id));
	struct request r;
	int n;

	begin(&r, XFRM_MSG_GETAE, 0, sizeof(r.event));
	inet_pton(AF_INET, TO, &r.event.sa_id.daddr);
	r.event.sa_id.spi = htonl(SPI + i);
	r.event.sa_id.family = AF_INET;
	r.event.sa_id.proto = IPPROTO_ESP;
	if (send(s, &r, r.head.nlmsg_len, 0) < 0)
		die("XFRM_MSG_GETAE");
	n = recv(s, buf, sizeof(buf), 0);
	if (n < 0 || h->nlmsg_type != XFRM_MSG_NEWAE)
		die("no answer");
	while (p + NLA_HDRLEN < buf + n) {
		const struct nlattr *a = (const void *)p;

		if (a->nla_type == XFRMA_REPLAY_VAL)
			return ((const struct xfrm_replay_state *)(a + 1))->oseq;
		p += NLA_ALIGN(a->nla_len);
	}
	die("no number");
	return 0;
}

/* --- load --- */

static atomic_int over;
static u64 spare;

/* What nobody else wants of the CPU. */
static void *spin(void *arg)
{
	struct sched_param p = {};

	(void)arg;
	if (sched_setscheduler(0, SCHED_IDLE, &p))
		die("SCHED_IDLE");
	while (!over) {
		long n = LOOP;

		asm volatile("1: dec %0; jnz 1b" : "+r" (n));
		spare += 2 * LOOP;
	}
	return NULL;
}

struct run {
	unsigned int sas, quantity, every, seed;
	u64 packets;
	int first;
	int udp, active, standby;
	unsigned int *before;	/* the SAs' numbers at the start */
	/* of all packets: ns since the start */
	unsigned int *at;
	u64 start;
	/* Of samples: what the standby lacks. */
	unsigned int *behind, *late, n;
};

/* Packets that an SA has sent. */
static unsigned int sent_by(const struct run *r, unsigned int i)
{
	return i < r->packets ? (r->packets - i + r->sas - 1) / r->sas : 0;
}

/* What the standby was told of an SA; one that was told nothing may be without the quantity. */
static unsigned int told_of(const struct run *r, unsigned int i)
{
	unsigned int number = oseq(r->standby, i);

	return number > r->quantity ? number - r->quantity : 0;
}

static void look(struct run *r)
{
	unsigned int i, own, told;

	r->seed = r->seed * 1103515245 + 12345;
	i = (r->seed >> 8) % r->sas;
	own = sent_by(r, i);
	told = told_of(r, i);
	if (own && told < r->before[i] + own) {
		r->behind[r->n] = r->before[i] + own - told;
		told -= told < r->before[i] ? told : r->before[i];
		r->late[r->n] = now() - r->start - r->at[(u64)told * r->sas + i];
	}
	r->n++;
}

static void burst(struct run *r, unsigned int n)
{
	static struct mmsghdr m[BURST];
	static struct sockaddr_in to[BURST];
	static char data[LEN];
	static struct iovec v = { data, LEN };
	unsigned int i, t = now() - r->start;
	int sent;

	for (i = 0; i < n; i++) {
		to[i].sin_family = AF_INET;
		to[i].sin_port = htons(9);
		to[i].sin_addr.s_addr = htonl(FIRST + (r->packets + i) % r->sas);
		m[i].msg_hdr = (struct msghdr){
			.msg_name = &to[i], .msg_namelen = sizeof(to[i]),
			.msg_iov = &v, .msg_iovlen = 1,
		};
		r->at[r->packets + i] = t;
	}
	for (i = 0; i < n; i += sent) {
		sent = sendmmsg(r->udp, m + i, n - i, 0);
		if (sent < 0)
			die("sendmmsg");
	}
	r->packets += n;
}

static int less(const void *a, const void *b)
{
	unsigned int x = *(const unsigned int *)a, y = *(const unsigned int *)b;

	return x < y ? -1 : x > y;
}

static double mean(const unsigned int *v, unsigned int n)
{
	double sum = 0;
	unsigned int i;

	for (i = 0; i < n; i++)
		sum += v[i];
	return n ? sum / n : 0;
}

static unsigned int mille(unsigned int *v, unsigned int n, unsigned int of_1000)
{
	qsort(v, n, sizeof(*v), less);
	return n ? v[(u64)n * of_1000 / 1000] : 0;
}

/* SAs of which the standby lacks a packet */
static unsigned int lacking(const struct run *r)
{
	unsigned int i, n = 0;

	for (i = 0; i < r->sas; i++)
		n += told_of(r, i) < r->before[i] + sent_by(r, i);
	return n;
}

static void run(struct run *r, unsigned int rate, u64 ns)
{
	u64 most = rate ? rate * (ns / 1000000) / 1000 : ns / 2000, owed, due = 0, took;
	static const struct sched_param fifo = { .sched_priority = 1 }, other;
	unsigned int i, n, lack = 0, left = 0;
	pthread_t thread;

	r->before = calloc(r->sas, sizeof(*r->before));
	r->at = calloc(most + BURST, sizeof(*r->at));
	r->behind = calloc(most + 1, sizeof(*r->behind));
	r->late = calloc(most + 1, sizeof(*r->late));
	if (!r->before || !r->at || !r->behind || !r->late)
		die("calloc");
	for (i = 0; r->every && i < r->sas; i++)
		r->before[i] = oseq(r->active, i);
	/* What is touched is there before it is counted. */
	memset(r->at, 1, most * sizeof(*r->at));
	if (!r->every && pthread_create(&thread, NULL, spin, NULL))
		die("pthread_create");
	if (r->first && sched_setscheduler(0, SCHED_FIFO, &fifo))
		die("SCHED_FIFO");
	r->start = now();
	spare = 0;
	while (r->packets < most && now() - r->start < ns) {
		owed = rate ? (now() - r->start) * rate / 1000000000 : most;
		while (r->packets < owed && r->packets < most && now() - r->start < ns) {
			n = owed - r->packets < BURST ? owed - r->packets : BURST;
			if (r->every && due + r->every - r->packets < n)
				n = due + r->every - r->packets;
			burst(r, n);
			if (r->every && r->packets >= due + r->every) {
				due = r->packets;
				look(r);
			}
		}
		if (rate)
			until(r->start + ((now() - r->start) / TICK + 1) * TICK);
	}
	took = now() - r->start;
	if (r->first)
		sched_setscheduler(0, SCHED_OTHER, &other);
	if (!r->every) {
		over = 1;
		spare = spare < took ? spare : took;
		pthread_join(thread, NULL);
	}
	if (r->every)
		lack = lacking(r);
	until(now() + REST);
	if (r->every)
		left = lacking(r);
	printf("{\"packets\": %llu, \"ns\": %llu, \"busy\": %llu, ", r->packets, took,
	       r->every ? 0 : took - spare);
	printf("\"behind_mean\": %.1f, \"behind_999\": %u, \"late_mean\": %.0f, \"late_999\": %u, ",
	       mean(r->behind, r->n), mille(r->behind, r->n, 999), mean(r->late, r->n),
	       mille(r->late, r->n, 999));
	printf("\"samples\": %u, \"lacking\": %u, \"left\": %u}\n", r->n, lack, left);
}

int main(int argc, char **argv)
{
	unsigned int i, n = argc > 3 ? atoi(argv[3]) : 0;

	if (argc >= 4 && !strcmp(argv[1], "add")) {
		int s = netlink(argv[2]);

		for (i = 0; i < n; i++) {
			add_sa(s, i);
			if (argc == 5)
				add_policy(s, i);
		}
	} else if ((argc == 9 || argc == 10) && !strcmp(argv[1], "run")) {
		struct sockaddr_in a = { .sin_family = AF_INET };
		struct run r = {
			.active = netlink(argv[2]),
			.standby = netlink(argv[3]),
			.sas = n = atoi(argv[4]),
			.quantity = atoi(argv[5]),
			.every = atoi(argv[8]),
		};

		netns_enter(argv[2]);
		r.udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		inet_pton(AF_INET, FROM, &a.sin_addr);
		if (r.udp < 0 || bind(r.udp, (struct sockaddr *)&a, sizeof(a)))
			die("bind");
		r.first = argc == 10;
		run(&r, atoi(argv[6]), atoi(argv[7]) * 1000000ull);
	} else {
		fprintf(stderr, "compare-load: see compare-load.c\n");
		return 2;
	}
	return 0;
}
