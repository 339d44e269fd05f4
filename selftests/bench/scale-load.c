// SPDX-License-Identifier: GPL-2.0
/*
 * What "bench-scale" does with many SAs and groups at a time, and how long it takes.
 *
 *	scale-load add NS N PER		install N SAs; PER in a row have the same reqid
 *	scale-load flush NS		delete all
 *	scale-load groups NS N ROLE	make groups g1 ... gN, each of a reqid; 1: of all SAs
 *	scale-load meet NS DEV		set DEV up: a session begins, until both are in sync
 *	scale-load lose NS DEV GROUPS	set DEV down: the peer is lost, GROUPS are taken over
 *	scale-load release FROM TO N	hand over g1 ... gN, the peer takes them
 *	scale-load dump NS [GROUP]	dump the SAs of all groups or of one
 *	scale-load mark WHAT...		one of these; the emulator is told when it begins
 *	scale-load marked		ditto, that all that follows from it has come to an end
 *
 * A line of JSON, times in ns. It waits for events as the daemons do that act on such (SCHED_FIFO):
 * when it learns of something does not depend on who computes.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

#include <linux/ipsec.h>
#include <linux/xfrm.h>
#include <linux/xfrm_ha.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "../lib/netns.h"

#define MARKS
#include "mark.h"

#define SPI		0x100000
#define BATCH		32		/* requests under way */
#define PATIENCE	60000000000ull	/* ns without an event */
#define TICK		10000000	/* ns */

typedef unsigned long long u64;

static u64 now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static void fail(const char *what, int err)
{
	fprintf(stderr, "scale-load: %s: %s\n", what, nl_geterror(err));
	exit(1);
}

static struct nl_sock *open_in(const char *ns, int protocol)
{
	struct nl_sock *s;

	netns_enter(ns);
	s = nl_socket_alloc();
	if (!s || nl_connect(s, protocol))
		die("netlink");
	nl_socket_set_buffer_size(s, 1 << 20, 1 << 20);
	nl_socket_set_msg_buf_size(s, 1 << 16);
	return s;
}

/* --- SAs --- */

static struct nl_msg *new_sa(unsigned int i, unsigned int per)
{
	struct xfrm_algo none = {};
	struct xfrm_usersa_info sa = {
		.id.spi = htonl(SPI + i),
		.id.proto = IPPROTO_ESP,
		.family = AF_INET,
		.mode = XFRM_MODE_TUNNEL,
		.reqid = 1 + i / per,
		.replay_window = 32,
		.lft = { XFRM_INF, XFRM_INF, XFRM_INF, XFRM_INF },
	};
	struct nl_msg *msg = nlmsg_alloc_simple(XFRM_MSG_NEWSA, NLM_F_CREATE | NLM_F_EXCL);

	/* Every other one is of the other direction. */
	inet_pton(AF_INET, i & 1 ? "192.0.2.9" : "192.0.2.1", &sa.saddr);
	inet_pton(AF_INET, i & 1 ? "192.0.2.1" : "192.0.2.9", &sa.id.daddr);
	nlmsg_append(msg, &sa, sizeof(sa), NLMSG_ALIGNTO);
	snprintf(none.alg_name, sizeof(none.alg_name), "ecb(cipher_null)");
	nla_put(msg, XFRMA_ALG_CRYPT, sizeof(none), &none);
	return msg;
}

static void answers(struct nl_sock *s, unsigned int n)
{
	int err;

	while (n--) {
		err = nl_wait_for_ack(s);
		if (err < 0)
			fail("refused", err);
	}
}

static void add_sas(const char *ns, unsigned int n, unsigned int per)
{
	struct nl_sock *s = open_in(ns, NETLINK_XFRM);
	u64 start = now();
	unsigned int i;

	for (i = 0; i < n; i++) {
		struct nl_msg *msg = new_sa(i, per);

		if (nl_send_auto(s, msg) < 0)
			die("send");
		nlmsg_free(msg);
		if (i % BATCH == BATCH - 1)
			answers(s, BATCH);
	}
	answers(s, n % BATCH);
	printf("{\"add\": %llu}\n", now() - start);
}

static void flush_sas(const char *ns)
{
	struct nl_sock *s = open_in(ns, NETLINK_XFRM);
	struct xfrm_usersa_flush f = { .proto = IPSEC_PROTO_ANY };
	u64 start = now();

	if (nl_send_simple(s, XFRM_MSG_FLUSHSA, NLM_F_ACK, &f, sizeof(f)) < 0)
		die("send");
	answers(s, 1);
	printf("{\"flush\": %llu}\n", now() - start);
}

/* --- the module --- */

static int family, events_group;

static struct nl_sock *module_in(const char *ns)
{
	struct nl_sock *s = open_in(ns, NETLINK_GENERIC);

	family = genl_ctrl_resolve(s, XFRM_HA_FAMILY_NAME);
	events_group = genl_ctrl_resolve_grp(s, XFRM_HA_FAMILY_NAME, XFRM_HA_MCGRP_EVENTS);
	if (family < 0 || events_group < 0)
		fail("no module", family);
	return s;
}

static struct nl_msg *request(int cmd, int flags)
{
	struct nl_msg *msg = nlmsg_alloc();

	genlmsg_put(msg, 0, 0, family, 0, flags, cmd, XFRM_HA_FAMILY_VERSION);
	return msg;
}

static void put_group(struct nl_msg *msg, unsigned int n)
{
	char name[XFRM_HA_NAME_MAX + 1];

	snprintf(name, sizeof(name), "g%u", n);
	nla_put_string(msg, XFRM_HA_A_GROUP_NAME, name);
}

static void talk(struct nl_sock *s, struct nl_msg *msg)
{
	int err = nl_send_auto(s, msg);

	nlmsg_free(msg);
	if (err < 0)
		die("send");
	answers(s, 1);
}

static void add_groups(const char *ns, unsigned int n, const char *role)
{
	struct nl_sock *s = module_in(ns);
	u64 start = now();
	unsigned int i;

	for (i = 1; i <= n; i++) {
		struct nl_msg *msg = request(XFRM_HA_CMD_GROUP_NEW, 0);

		put_group(msg, i);
		if (n > 1)
			nla_put_u32(msg, XFRM_HA_A_GROUP_REQID, i);
		nla_put_u32(msg, XFRM_HA_A_GROUP_ROLE, !strcmp(role, "active") ?
			    XFRM_HA_ROLE_ACTIVE : XFRM_HA_ROLE_STANDBY);
		nla_put_u32(msg, XFRM_HA_A_GROUP_ON_PEER_LOSS, XFRM_HA_PEER_LOSS_TAKEOVER);
		talk(s, msg);
	}
	printf("{\"groups\": %llu}\n", now() - start);
}

/* --- events --- */

struct heard {
	u64 synced;		/* when the link came in sync */
	u64 lost;		/* when the loss of the peer was */
	u64 first;		/* when the first group was taken over, and */
	u64 last;		/* the last one */
	unsigned int taken;
	unsigned int overruns;
};

static int hear(struct nl_msg *msg, void *arg)
{
	struct genlmsghdr *g = nlmsg_data(nlmsg_hdr(msg));
	struct nlattr *a;
	struct heard *h = arg;

	if (g->cmd == XFRM_HA_CMD_LINK_NTF) {
		a = nlmsg_find_attr(nlmsg_hdr(msg), GENL_HDRLEN, XFRM_HA_A_LINK_EVENT);
		if (a && nla_get_u32(a) == XFRM_HA_EVENT_PEER_LOST && !h->lost)
			h->lost = now();
		if (a && nla_get_u32(a) == XFRM_HA_EVENT_LINK_SYNCED)
			h->synced = now();
	} else if (g->cmd == XFRM_HA_CMD_GROUP_NTF) {
		a = nlmsg_find_attr(nlmsg_hdr(msg), GENL_HDRLEN, XFRM_HA_A_GROUP_EVENT);
		if (a && nla_get_u32(a) == XFRM_HA_EVENT_TAKEOVER) {
			h->taken++;
			h->last = now();
			h->first = h->first ?: h->last;
		}
	}
	return NL_OK;
}

/* With the room that the tools have (nl_join()). */
static struct nl_sock *listen_in(const char *ns, struct heard *h)
{
	struct nl_sock *s = module_in(ns);
	int room = 3 << 20;

	setsockopt(nl_socket_get_fd(s), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	nl_socket_disable_seq_check(s);
	nl_socket_modify_cb(s, NL_CB_VALID, NL_CB_CUSTOM, hear, h);
	nl_socket_set_nonblocking(s);
	if (nl_socket_add_membership(s, events_group))
		die("membership");
	return s;
}

static void listen_on(struct nl_sock *s, struct heard *h)
{
	int err = nl_recvmsgs_default(s);

	if (err == -NLE_NOMEM)
		h->overruns++;
	else if (err < 0 && err != -NLE_AGAIN)
		fail("events", err);
}

static void wait_on(struct nl_sock *events)
{
	struct pollfd p = { .fd = nl_socket_get_fd(events), .events = POLLIN };
	struct timespec t = { .tv_nsec = TICK };

	ppoll(&p, 1, &t, NULL);
}

static int since(struct nl_msg *msg, void *arg)
{
	struct nlattr *a = nlmsg_find_attr(nlmsg_hdr(msg), GENL_HDRLEN, XFRM_HA_A_GROUP_SINCE);

	*(u64 *)arg = a ? nla_get_u64(a) : 0;
	return NL_OK;
}

/* When the first group's role changed last: of a peer's death that is the verdict. */
static u64 changed(const char *ns)
{
	struct nl_sock *s = module_in(ns);
	struct nl_msg *msg = request(XFRM_HA_CMD_GROUP_GET, 0);
	u64 at = 0;

	put_group(msg, 1);
	nl_socket_modify_cb(s, NL_CB_VALID, NL_CB_CUSTOM, since, &at);
	if (nl_send_auto(s, msg) < 0 || nl_recvmsgs_default(s) < 0 || !at)
		die("group");
	nlmsg_free(msg);
	nl_socket_free(s);
	return at;
}

/* The host looks at the CPU time now, and answers. */
static void ask_host(const char *name)
{
	fprintf(stderr, "@@mark %s\n", name);
	while (getchar() != '\n')
		;
}

static void first_of_all(void)
{
	struct sched_param p = { .sched_priority = 1 };

	if (sched_setscheduler(0, SCHED_FIFO, &p))
		die("SCHED_FIFO");
}

/* Until @groups are taken over in @ns. Times are from @start on; 0: from the verdict. */
static void follow(const char *ns, struct nl_sock *events, struct heard *h, unsigned int groups,
		   u64 start)
{
	u64 quiet = now();
	unsigned int taken = 0;

	first_of_all();
	while (h->taken < groups && now() - quiet < PATIENCE && !h->overruns) {
		listen_on(events, h);
		if (h->taken != taken)
			quiet = now();
		taken = h->taken;
		wait_on(events);
	}
	if (!start)
		ask_host("last");
	if (!start)
		start = changed(ns);
	printf("{\"event\": %llu, \"first\": %llu, \"last\": %llu, \"taken\": %u}\n",
	       h->lost ? h->lost - start : 0, h->first ? h->first - start : 0,
	       h->last ? h->last - start : 0, h->taken);
}

static void set_up(const char *dev, int up)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq r = {};

	snprintf(r.ifr_name, IFNAMSIZ, "%s", dev);
	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &r))
		die(dev);
	r.ifr_flags = up ? r.ifr_flags | IFF_UP : r.ifr_flags & ~IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &r))
		die(dev);
	close(fd);
}

static void meet(const char *ns, const char *dev)
{
	struct heard h = {};
	struct nl_sock *events = listen_in(ns, &h);
	u64 start = now();

	set_up(dev, 1);
	while (!h.synced && now() - start < PATIENCE) {
		listen_on(events, &h);
		wait_on(events);
	}
	printf("{\"synced\": %llu}\n", h.synced ? h.synced - start : 0);
}

static void lose(const char *ns, const char *dev, unsigned int groups)
{
	struct heard h = {};
	struct nl_sock *events = listen_in(ns, &h);

	first_of_all();
	ask_host("last");
	set_up(dev, 0);
	follow(ns, events, &h, groups, 0);
}

static void release(const char *from, const char *to, unsigned int groups)
{
	struct heard h = {};
	struct nl_sock *s = module_in(from), *events = listen_in(to, &h);
	u64 start = now();
	unsigned int i;

	for (i = 1; i <= groups; i++) {
		struct nl_msg *msg = request(XFRM_HA_CMD_GROUP_RELEASE, 0);

		put_group(msg, i);
		talk(s, msg);
		listen_on(events, &h);
	}
	follow(to, events, &h, groups, start);
}

static int count(struct nl_msg *msg, void *arg)
{
	++*(unsigned int *)arg;
	return NL_OK;
}

static int finish(struct nl_msg *msg, void *arg)
{
	*(int *)arg = 1;
	return NL_STOP;
}

static void dump_sas(const char *ns, const char *group)
{
	struct nl_sock *s = module_in(ns);
	struct nl_msg *msg = request(XFRM_HA_CMD_SA_GET, NLM_F_DUMP);
	unsigned int n = 0;
	u64 start = now();
	int done = 0, err;

	if (group)
		nla_put_string(msg, XFRM_HA_A_SA_GROUP, group);
	nl_socket_modify_cb(s, NL_CB_VALID, NL_CB_CUSTOM, count, &n);
	nl_socket_modify_cb(s, NL_CB_FINISH, NL_CB_CUSTOM, finish, &done);
	if (nl_send_auto(s, msg) < 0)
		die("dump");
	while (!done) {
		err = nl_recvmsgs_default(s);
		if (err < 0)
			fail("dump", err);
	}
	printf("{\"dump\": %llu, \"sas\": %u}\n", now() - start, n);
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";

	if (argc == 2 && !strcmp(argv[1], "marked")) {
		marks();
		mark(MARK_END);
		return 0;
	}
	if (!strcmp(what, "mark")) {
		argc--;
		argv++;
		what = argc > 2 ? argv[1] : "";
		marks();
		mark(MARK_BEGIN);
	}
	if (!strcmp(what, "add") && argc == 5)
		add_sas(argv[2], atoi(argv[3]), atoi(argv[4]));
	else if (!strcmp(what, "flush") && argc == 3)
		flush_sas(argv[2]);
	else if (!strcmp(what, "groups") && argc == 5)
		add_groups(argv[2], atoi(argv[3]), argv[4]);
	else if (!strcmp(what, "meet") && argc == 4)
		meet(argv[2], argv[3]);
	else if (!strcmp(what, "lose") && argc == 5)
		lose(argv[2], argv[3], atoi(argv[4]));
	else if (!strcmp(what, "release") && argc == 5)
		release(argv[2], argv[3], atoi(argv[4]));
	else if (!strcmp(what, "dump") && (argc == 3 || argc == 4))
		dump_sas(argv[2], argv[3]);
	else
		return fprintf(stderr, "scale-load: see scale.c\n"), 2;
	return 0;
}
