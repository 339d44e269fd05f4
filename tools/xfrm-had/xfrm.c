// SPDX-License-Identifier: GPL-2.0
/*
 * Three sockets: requests, each with its answer at once; a list, as fast as the relay takes it;
 * events, bounded by the kernel, which says when it had to leave some out.
 *
 * Keys pass through these buffers. They are locked (mlockall), and emptied after use.
 */

#include <errno.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "xfrm.h"

#ifndef SOL_NETLINK
#define SOL_NETLINK	270
#endif

#define EVENTS_ROOM	(16 << 20)	/* octets of events that the kernel keeps */
#define EVENTS_TURN	64		/* that are read before others have their turn */
#define ANSWER		32768
#define SAID		160

static const struct xfrm_ops *to;
static struct event *on_events, *on_list;
static int requests = -1, events = -1, list = -1;
static uint32_t own_port;
static uint16_t listing;		/* XFRM_MSG_GETSA, then ..GETPOLICY; 0: none */
static bool paused;
static char said[SAID];
static uint8_t answer[ANSWER] __attribute__((aligned(8)));
static uint8_t batch[1 << 16] __attribute__((aligned(8)));
static uint8_t request[ANSWER] __attribute__((aligned(8)));
static uint32_t seq;

/* Requests that are sent in one go. */
static struct queued {
	void *of;
	struct had_sa_id id;
	int err;
	bool ours;
	char said[SAID];
} queued[XFRM_QUEUE];
static uint8_t queue[1 << 16] __attribute__((aligned(8)));
static struct nlmsghdr *last;		/* in it */
static size_t queue_len;
static unsigned int n_queued;

static int netlink(uint32_t groups)
{
	struct sockaddr_nl a = { .nl_family = AF_NETLINK };
	int on = 1, group;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_XFRM);

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)))
		goto err;
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	for (group = 1; group < 32; group++)
		if (groups & 1 << group &&
		    setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)))
			goto err;
	return fd;
err:
	close(fd);
	return -errno;
}

static const struct nlattr *find(const void *data, size_t len, int type, size_t least)
{
	const uint8_t *p = data;
	struct nlattr h;

	while (len >= sizeof(h)) {
		memcpy(&h, p, sizeof(h));
		if (h.nla_len < sizeof(h) || h.nla_len > len)
			return NULL;
		if ((h.nla_type & NLA_TYPE_MASK) == type)
			return h.nla_len - NLA_HDRLEN >= (int)least ? (const void *)p : NULL;
		if ((size_t)NLA_ALIGN(h.nla_len) >= len)
			return NULL;
		p += NLA_ALIGN(h.nla_len);
		len -= NLA_ALIGN(h.nla_len);
	}
	return NULL;
}

static const void *value(const struct nlattr *a)
{
	return (const uint8_t *)a + NLA_HDRLEN;
}

static void mark_of(const void *attrs, size_t len, uint32_t *v, uint32_t *m)
{
	const struct nlattr *a = find(attrs, len, XFRMA_MARK, sizeof(struct xfrm_mark));
	struct xfrm_mark mark = {};

	if (a)
		memcpy(&mark, value(a), sizeof(mark));
	*v = mark.v;
	*m = mark.m;
}

static uint32_t number_of(const void *attrs, size_t len, int type, size_t size)
{
	const struct nlattr *a = find(attrs, len, type, size);
	uint32_t n = 0;

	if (a)
		memcpy(&n, value(a), size);
	return n;
}

static void sa_id(struct had_sa_id *id, const struct xfrm_usersa_id *from, const void *attrs,
		  size_t len)
{
	memset(id, 0, sizeof(*id));
	id->family = from->family;
	id->proto = from->proto;
	id->spi = from->spi;
	memcpy(&id->daddr, &from->daddr, from->family == AF_INET ? 4 : sizeof(id->daddr));
	mark_of(attrs, len, &id->mark_v, &id->mark_m);
}

static void policy_id(struct had_policy_id *id, const struct xfrm_userpolicy_info *info,
		      const void *attrs, size_t len)
{
	memset(id, 0, sizeof(*id));
	id->sel = info->sel;
	id->dir = info->dir;
	id->type = number_of(attrs, len, XFRMA_POLICY_TYPE, 1);
	id->if_id = number_of(attrs, len, XFRMA_IF_ID, 4);
	mark_of(attrs, len, &id->mark_v, &id->mark_m);
}

/* The two parts of a message after a head of @n octets; false: it is shorter */
static bool split(const struct nlmsghdr *h, size_t n, const void **attrs, size_t *len)
{
	if (h->nlmsg_len < NLMSG_LENGTH(n))
		return false;
	*attrs = (const uint8_t *)NLMSG_DATA(h) + NLMSG_ALIGN(n);
	*len = h->nlmsg_len > NLMSG_LENGTH(NLMSG_ALIGN(n)) ?
	       h->nlmsg_len - NLMSG_LENGTH(NLMSG_ALIGN(n)) : 0;
	return true;
}

static void expired(const struct nlmsghdr *h, bool ours)
{
	const struct xfrm_user_expire *e = NLMSG_DATA(h);
	struct xfrm_usersa_id from = {};
	struct had_sa_id id;
	const void *attrs;
	size_t len;

	if (!split(h, sizeof(*e), &attrs, &len) || !e->hard)
		return;
	from.family = e->state.family;
	from.proto = e->state.id.proto;
	from.spi = e->state.id.spi;
	from.daddr = e->state.id.daddr;
	sa_id(&id, &from, attrs, len);
	to->sa_gone(&id, ours);
}

static void policy_expired(const struct nlmsghdr *h, bool ours)
{
	const struct xfrm_user_polexpire *e = NLMSG_DATA(h);
	struct had_policy_id id;
	const void *attrs;
	size_t len;

	if (!split(h, sizeof(*e), &attrs, &len) || !e->hard)
		return;
	policy_id(&id, &e->pol, attrs, len);
	to->policy_gone(&id, e->pol.index, ours);
}

static void policy_deleted(const struct nlmsghdr *h, bool ours)
{
	struct xfrm_userpolicy_info info;
	struct had_policy_id id;
	const struct nlattr *a;
	const void *attrs;
	size_t len;

	if (!split(h, sizeof(struct xfrm_userpolicy_id), &attrs, &len))
		return;
	a = find(attrs, len, XFRMA_POLICY, sizeof(info));
	if (!a) {
		to->unsure("a policy has gone, and it is not said which");
		return;
	}
	memcpy(&info, value(a), sizeof(info));
	policy_id(&id, &info, attrs, len);
	to->policy_gone(&id, info.index, ours);
}

static void told(const struct nlmsghdr *h, bool in_list)
{
	bool ours = !in_list && h->nlmsg_pid == own_port;
	const void *body = NLMSG_DATA(h), *attrs;
	struct had_sa_id id;
	size_t len;

	switch (h->nlmsg_type) {
	case XFRM_MSG_NEWSA:
	case XFRM_MSG_UPDSA:
		to->sa(body, NLMSG_PAYLOAD(h, 0), in_list, ours);
		break;
	case XFRM_MSG_NEWPOLICY:
	case XFRM_MSG_UPDPOLICY:
		to->policy(body, NLMSG_PAYLOAD(h, 0), in_list, ours);
		break;
	case XFRM_MSG_DELSA:
		if (!split(h, sizeof(struct xfrm_usersa_id), &attrs, &len))
			break;
		sa_id(&id, body, attrs, len);
		to->sa_gone(&id, ours);
		break;
	case XFRM_MSG_EXPIRE:
		expired(h, ours);
		break;
	case XFRM_MSG_DELPOLICY:
		policy_deleted(h, ours);
		break;
	case XFRM_MSG_POLEXPIRE:
		policy_expired(h, ours);
		break;
	case XFRM_MSG_FLUSHSA:
		to->flushed("all SAs were flushed");
		break;
	case XFRM_MSG_FLUSHPOLICY:
		to->flushed("all policies were flushed");
		break;
	/* Its SAs are new ones; the kernel tells of none. A new mapping is followed by UPDSA. */
	case XFRM_MSG_MIGRATE:
		to->unsure("SAs have moved to other addresses");
		break;
	case XFRM_MSG_ACQUIRE:
	case XFRM_MSG_MAPPING:
		break;
	default:
		to->unsure("an event of a kind that is not known");
	}
}

static void list_ended(int err)
{
	listing = 0;
	event_del(on_list);
	if (!paused)
		event_add(on_events, NULL);
	to->listed(err);
}

static int ask_for(uint16_t type)
{
	struct nlmsghdr h = {
		.nlmsg_len = NLMSG_LENGTH(0), .nlmsg_type = type,
		.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
	};

	listing = type;
	return send(list, &h, h.nlmsg_len, 0) < 0 ? -errno : 0;
}

static void read_list(evutil_socket_t fd, short what, void *arg)
{
	ssize_t n = recv(fd, batch, sizeof(batch), MSG_DONTWAIT | MSG_TRUNC), got = n;
	struct nlmsghdr *h = (struct nlmsghdr *)batch;
	int err;

	(void)what;
	(void)arg;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0 || (size_t)n > sizeof(batch)) {
		list_ended(n < 0 ? -errno : -EMSGSIZE);
		return;
	}
	for (; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
		if (h->nlmsg_type == NLMSG_DONE) {
			memcpy(&err, NLMSG_DATA(h), sizeof(err));
			if (!err && listing == XFRM_MSG_GETSA)
				err = ask_for(XFRM_MSG_GETPOLICY);
			else
				listing = 0;
			if (err || !listing)
				list_ended(err);
			break;
		}
		if (h->nlmsg_type == NLMSG_ERROR) {
			list_ended(((struct nlmsgerr *)NLMSG_DATA(h))->error);
			break;
		}
		told(h, true);
	}
	explicit_bzero(batch, got);
}

static void read_events(evutil_socket_t fd, short what, void *arg)
{
	int turns = EVENTS_TURN;
	struct nlmsghdr *h;
	ssize_t n, got;

	(void)what;
	(void)arg;
	while (turns-- && !paused && !listing) {
		n = recv(fd, batch, sizeof(batch), MSG_DONTWAIT | MSG_TRUNC);
		if (n < 0) {
			if (errno == ENOBUFS)
				to->unsure("events were lost: the kernel had no room for more");
			else
				break;
			continue;
		}
		if ((size_t)n > sizeof(batch)) {
			to->unsure("an event is too long");
			continue;
		}
		got = n;
		for (h = (struct nlmsghdr *)batch; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n))
			told(h, false);
		explicit_bzero(batch, got);
	}
}

/*
 * What has happened before a list is begun the list tells. An event of before may not be the last
 * word: what came after it may be what the kernel had no room for.
 */
static void pass_over_events(void)
{
	ssize_t n;

	do {
		n = recv(events, batch, sizeof(batch), MSG_DONTWAIT);
	} while (n >= 0 || errno == ENOBUFS || errno == EINTR);
	explicit_bzero(batch, sizeof(batch));
}

/* Begin a list; one that is under way goes on. */
void xfrm_list(void)
{
	int err;

	if (listing)
		return;
	event_del(on_events);
	pass_over_events();
	err = ask_for(XFRM_MSG_GETSA);
	if (!paused)
		event_add(on_list, NULL);
	if (err)
		list_ended(err);
}

bool xfrm_listing(void)
{
	return listing;
}

/* Neither list nor events are read, until it is lifted. */
void xfrm_pause(bool pause)
{
	if (paused == pause)
		return;
	paused = pause;
	event_del(on_events);
	event_del(on_list);
	if (!pause)
		event_add(listing ? on_list : on_events, NULL);
}

/* What the kernel said of the last request that it refused */
const char *xfrm_said(void)
{
	return said;
}

/* What the kernel says of a refusal: @got, of @n octets */
static void read_refusal(const struct nlmsghdr *got, size_t n, char *text)
{
	const struct nlmsgerr *e = NLMSG_DATA(got);
	size_t skip = NLMSG_LENGTH(sizeof(*e));
	const struct nlattr *a = NULL;

	if (!(got->nlmsg_flags & NLM_F_CAPPED))
		skip += e->msg.nlmsg_len - NLMSG_HDRLEN;
	if (got->nlmsg_flags & NLM_F_ACK_TLVS && skip < n)
		a = find((const uint8_t *)got + skip, n - skip, NLMSGERR_ATTR_MSG, 1);
	if (a)
		snprintf(text, SAID, "%.*s", a->nla_len - NLA_HDRLEN, (const char *)value(a));
	else
		snprintf(text, SAID, "%s", strerror(-e->error));
}

/* Return: octets in answer, or -errno */
static ssize_t hear_answer(void)
{
	ssize_t n;

	do {
		n = recv(requests, answer, sizeof(answer), 0);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* @h and what follows it; the answer stays in answer. Return: octets of it, 0: an ack, or -errno */
static int talk(struct nlmsghdr *h)
{
	struct nlmsghdr *got = (struct nlmsghdr *)answer;
	struct nlmsgerr *e = NLMSG_DATA(got);
	ssize_t n;

	said[0] = '\0';
	h->nlmsg_seq = ++seq;
	if (send(requests, h, h->nlmsg_len, 0) < 0)
		return -errno;
	do {
		n = hear_answer();
		if (n < 0)
			return n;
	} while (!NLMSG_OK(got, n) || got->nlmsg_seq != seq);
	if (got->nlmsg_type != NLMSG_ERROR)
		return n;
	if (e->error)
		read_refusal(got, n, said);
	return e->error;
}

static struct nlmsghdr *begin(uint16_t type, uint16_t flags)
{
	struct nlmsghdr *h = (struct nlmsghdr *)request;

	*h = (struct nlmsghdr){
		.nlmsg_len = NLMSG_LENGTH(0), .nlmsg_type = type,
		.nlmsg_flags = NLM_F_REQUEST | flags,
		/* What the kernel tells of it bears this. */
		.nlmsg_pid = own_port,
	};
	return h;
}

static void add(struct nlmsghdr *h, const void *data, size_t len)
{
	memcpy((uint8_t *)h + h->nlmsg_len, data, len);
	memset((uint8_t *)h + h->nlmsg_len + len, 0, NLMSG_ALIGN(len) - len);
	h->nlmsg_len += NLMSG_ALIGN(len);
}

static void add_attr(struct nlmsghdr *h, uint16_t type, const void *data, size_t len)
{
	struct nlattr a = { .nla_len = NLA_HDRLEN + len, .nla_type = type };

	add(h, &a, sizeof(a));
	add(h, data, len);
}

static void add_mark(struct nlmsghdr *h, uint32_t v, uint32_t m)
{
	struct xfrm_mark mark = { .v = v, .m = m };

	if (v || m)
		add_attr(h, XFRMA_MARK, &mark, sizeof(mark));
}

/**
 * xfrm_put() - install an SA or a policy
 * @type: XFRM_MSG_NEWSA, XFRM_MSG_NEWPOLICY, XFRM_MSG_UPDPOLICY
 * @body: head and attributes
 * @len: octets
 *
 * Return: 0, or -errno, and xfrm_said() says why.
 */
int xfrm_put(uint16_t type, const void *body, size_t len)
{
	struct nlmsghdr *h = begin(type, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
	int err;

	if (len > sizeof(request) - NLMSG_HDRLEN - NLMSG_ALIGNTO)
		return -EMSGSIZE;
	add(h, body, len);
	err = talk(h);
	explicit_bzero(request, NLMSG_HDRLEN + NLMSG_ALIGN(len));
	return err;
}

static void add_sa_id(struct nlmsghdr *h, const struct had_sa_id *id)
{
	struct xfrm_usersa_id u = {
		.daddr = id->daddr, .spi = id->spi, .family = id->family, .proto = id->proto,
	};

	add(h, &u, sizeof(u));
	/* The kernel masks the value of what is looked for with nothing. */
	add_mark(h, id->mark_v, id->mark_m);
}

int xfrm_sa_del(const struct had_sa_id *id)
{
	struct nlmsghdr *h = begin(XFRM_MSG_DELSA, NLM_F_ACK);

	add_sa_id(h, id);
	return talk(h);
}

/* Return: 0, -ESRCH: there is none, or another error */
int xfrm_sa_get(const struct had_sa_id *id, struct had_sa *sa)
{
	struct nlmsghdr *h = begin(XFRM_MSG_GETSA, 0), *got = (struct nlmsghdr *)answer;
	int n;

	add_sa_id(h, id);
	n = talk(h);
	if (n > 0)
		n = had_sa_read(NLMSG_DATA(got), NLMSG_PAYLOAD(got, 0), sa);
	explicit_bzero(answer, sizeof(answer));
	if (!n && memcmp(id, &sa->id, sizeof(*id)))
		n = -ESRCH;
	return n;
}

/* --- requests in one go --- */

static bool enqueue(struct nlmsghdr *h, const struct had_sa_id *id, void *of)
{
	if (n_queued == XFRM_QUEUE || h->nlmsg_len > sizeof(queue) - queue_len)
		return false;
	h->nlmsg_seq = ++seq;
	last = (struct nlmsghdr *)(queue + queue_len);
	memcpy(last, h, h->nlmsg_len);
	queue_len += h->nlmsg_len;
	queued[n_queued] = (struct queued){ .of = of };
	if (id)
		queued[n_queued].id = *id;
	n_queued++;
	return true;
}

/**
 * xfrm_queue_put() - install an SA, with what else is queued
 * @body: head and attributes
 * @len: octets
 * @of: for xfrm_push()
 *
 * Return: false: there is no room, or it is too long for any.
 */
bool xfrm_queue_put(const void *body, size_t len, void *of)
{
	struct nlmsghdr *h = begin(XFRM_MSG_NEWSA, NLM_F_CREATE | NLM_F_EXCL);
	bool done;

	if (len > sizeof(request) - NLMSG_HDRLEN - NLMSG_ALIGNTO)
		return false;
	add(h, body, len);
	done = enqueue(h, NULL, of);
	explicit_bzero(request, NLMSG_HDRLEN + NLMSG_ALIGN(len));
	return done;
}

bool xfrm_queue_get(const struct had_sa_id *id, void *of)
{
	struct nlmsghdr *h = begin(XFRM_MSG_GETSA, 0);

	add_sa_id(h, id);
	return enqueue(h, id, of);
}

bool xfrm_queue_del(const struct had_sa_id *id, void *of)
{
	struct nlmsghdr *h = begin(XFRM_MSG_DELSA, 0);

	add_sa_id(h, id);
	return enqueue(h, NULL, of);
}

/* What the kernel says to the request that @q is of */
static void heed_answer(const struct nlmsghdr *got, size_t n, struct queued *q)
{
	const struct nlmsgerr *e = NLMSG_DATA(got);
	struct had_sa sa;

	if (got->nlmsg_type == NLMSG_ERROR) {
		q->err = e->error;
		if (e->error)
			read_refusal(got, n, q->said);
	} else if (!had_sa_read(NLMSG_DATA(got), NLMSG_PAYLOAD(got, 0), &sa)) {
		q->ours = !memcmp(&sa.id, &q->id, sizeof(q->id)) &&
			  sa.info.seq == had_sa_tag(&sa.id);
	}
}

/* Of requests from number @first on, until the last one is answered. Return: 0, or -errno */
static int hear_answers(uint32_t first)
{
	struct nlmsghdr *got = (struct nlmsghdr *)answer;
	unsigned int i;
	ssize_t n;

	do {
		n = hear_answer();
		if (n < 0)
			return n;
		i = n_queued;
		if (NLMSG_OK(got, n))
			i = got->nlmsg_seq - first;
		if (i < n_queued)
			heed_answer(got, n, &queued[i]);
		explicit_bzero(answer, n);
	} while (i != n_queued - 1);
	return 0;
}

/**
 * xfrm_push() - what is queued goes to the kernel, which deals with it in its order
 * @done: is told of each: 0, or -errno, and xfrm_said() says why; for xfrm_queue_get() whether the
 *	kernel has it, installed by a daemon of ours. It queues nothing.
 *
 * The kernel answers to what it refuses, to what asks, and to the last one.
 */
void xfrm_push(void (*done)(void *of, int err, bool ours))
{
	uint32_t first = seq - n_queued + 1;
	int err = 0;

	if (!n_queued)
		return;
	if (last->nlmsg_type != XFRM_MSG_GETSA)
		last->nlmsg_flags |= NLM_F_ACK;
	if (send(requests, queue, queue_len, 0) < 0)
		err = -errno;
	explicit_bzero(queue, queue_len);
	queue_len = 0;
	if (!err)
		err = hear_answers(first);
	for (unsigned int i = 0; i < n_queued; i++) {
		snprintf(said, sizeof(said), "%s", err ? strerror(-err) : queued[i].said);
		done(queued[i].of, err ? err : queued[i].err, queued[i].ours);
	}
	n_queued = 0;
}

static struct nlmsghdr *about_policy(uint16_t type, uint16_t flags, const struct had_policy_id *id,
				     uint32_t index)
{
	struct xfrm_userpolicy_id u = { .index = index, .dir = id->dir };
	struct xfrm_userpolicy_type t = { .type = id->type };
	struct nlmsghdr *h = begin(type, flags);

	add(h, &u, sizeof(u));
	add_attr(h, XFRMA_POLICY_TYPE, &t, sizeof(t));
	add_mark(h, id->mark_v, id->mark_m);
	if (id->if_id)
		add_attr(h, XFRMA_IF_ID, &id->if_id, sizeof(id->if_id));
	return h;
}

/* Of this index, or none. */
int xfrm_policy_del(const struct had_policy_id *id, uint32_t index)
{
	return talk(about_policy(XFRM_MSG_DELPOLICY, NLM_F_ACK, id, index));
}

/* Return: 0: there is one of this index; -ENOENT: there is not */
int xfrm_policy_get(const struct had_policy_id *id, uint32_t index)
{
	int n = talk(about_policy(XFRM_MSG_GETPOLICY, 0, id, index));

	return n > 0 ? 0 : n;
}

static uint32_t port_of(int fd)
{
	struct sockaddr_nl a = {};
	socklen_t len = sizeof(a);

	getsockname(fd, (struct sockaddr *)&a, &len);
	return a.nl_pid;
}

/*
 * What this daemon has installed nobody has to tell it: on the standby these would be most of the
 * kernel's words.
 */
static void spare_own(int fd)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_type)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(XFRM_MSG_NEWSA), 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_pid)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(own_port), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	const struct sock_fprog all = { .len = sizeof(f) / sizeof(*f), .filter = f };

	/* Without it there is more to read. */
	setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &all, sizeof(all));
}

/**
 * xfrm_open() - be told of SAs and policies from now on
 * @base: event loop
 * @ops: who is told
 *
 * Return: 0, or -errno.
 */
int xfrm_open(struct event_base *base, const struct xfrm_ops *ops)
{
	int room = EVENTS_ROOM;

	to = ops;
	requests = netlink(0);
	list = netlink(0);
	events = netlink(1 << XFRMNLGRP_SA | 1 << XFRMNLGRP_POLICY | 1 << XFRMNLGRP_EXPIRE |
			 1 << XFRMNLGRP_MIGRATE | 1 << XFRMNLGRP_MAPPING);
	if (requests < 0 || list < 0 || events < 0)
		return requests < 0 ? requests : list < 0 ? list : events;
	own_port = port_of(requests);
	spare_own(events);
	if (setsockopt(events, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
		setsockopt(events, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	on_events = event_new(base, events, EV_READ | EV_PERSIST, read_events, NULL);
	on_list = event_new(base, list, EV_READ | EV_PERSIST, read_list, NULL);
	if (!on_events || !on_list)
		return -ENOMEM;
	event_add(on_events, NULL);
	return 0;
}

void xfrm_close(void)
{
	if (on_events)
		event_free(on_events);
	if (on_list)
		event_free(on_list);
	on_events = NULL;
	on_list = NULL;
	close(requests);
	close(list);
	close(events);
	listing = 0;
	paused = false;
}
