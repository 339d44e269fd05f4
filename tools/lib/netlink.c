// SPDX-License-Identifier: GPL-2.0
/* Talking to the module. Whatever the kernel refuses is said in its own words. */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

#define PATIENCE	10	/* seconds without an answer */

static struct nl_sock *sock;
static int family;

/* -1: refused, and said. */
int nl_open(void)
{
	struct timeval patience = { .tv_sec = PATIENCE };
	int on = 1;

	if (sock)
		return 0;
	sock = nl_socket_alloc();
	if (!sock || genl_connect(sock)) {
		refuse("no netlink socket: %s", strerror(errno));
		return -1;
	}
	family = genl_ctrl_resolve(sock, XFRM_HA_FAMILY_NAME);
	if (family < 0) {
		refuse("the module xfrm_ha is not loaded");
		return -1;
	}
	setsockopt(nl_socket_get_fd(sock), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(nl_socket_get_fd(sock), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	setsockopt(nl_socket_get_fd(sock), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	nl_socket_set_buffer_size(sock, 1 << 20, 0);
	return 0;
}

/* The family is put in when it is sent: what is wrong with the words is said without a module. */
struct nl_msg *nl_request(uint8_t cmd, int flags)
{
	struct nl_msg *msg = nlmsg_alloc();

	if (!msg || !genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, 0, 0, flags, cmd, 1))
		exit(refuse("out of memory"));
	return msg;
}

struct talk {
	answer func;
	void *data;
	const struct nlmsghdr *request;
	int max_attr;
	int err;
	bool done;
	char said[512];
};

static struct nlmsghdr *answered;

/* nl_next() - the next one after @a of those that an answer has several times; NULL: the first */
struct nlattr *nl_next(int type, struct nlattr *a)
{
	struct genlmsghdr *h = nlmsg_data(answered);
	char *end = (char *)answered + answered->nlmsg_len;
	int left;

	a = a ? nla_next(a, &(int){ 0 }) : genlmsg_attrdata(h, 0);
	left = end - (char *)a;
	while (nla_ok(a, left)) {
		if (nla_type(a) == type)
			return a;
		a = nla_next(a, &left);
	}
	return NULL;
}

static int heard(struct nl_msg *msg, void *arg)
{
	struct talk *t = arg;
	struct nlattr *attrs[t->max_attr + 1];

	answered = nlmsg_hdr(msg);
	if (!genlmsg_parse(nlmsg_hdr(msg), 0, attrs, t->max_attr, NULL) && t->func)
		t->func(attrs, t->data);
	return NL_OK;
}

static __attribute__((format(printf, 2, 3))) void say(struct talk *t, const char *format, ...)
{
	size_t n = strlen(t->said);
	va_list ap;

	va_start(ap, format);
	vsnprintf(t->said + n, sizeof(t->said) - n, format, ap);
	va_end(ap);
}

/* The names down to the attribute of the request at @at. Return: what can be in it, or NULL */
static const struct spec_set *say_path(struct talk *t, const struct spec_set *set,
				       struct nlattr *a, int left, const void *at)
{
	const struct spec_set *nest;
	unsigned int type;

	for (; nla_ok(a, left); a = nla_next(a, &left)) {
		if ((char *)at >= (char *)a + nla_total_size(nla_len(a)))
			continue;
		type = nla_type(a);
		if (!set || type >= set->n || !set->attrs[type].name) {
			say(t, "attribute %u: ", type);
			return NULL;
		}
		say(t, "%s: ", set->attrs[type].name);
		nest = set->attrs[type].nest;
		if (at != a && nest)
			return say_path(t, nest, nla_data(a), nla_len(a), at);
		return nest;
	}
	return NULL;
}

/* What could have been said, as far as it is a range */
static void say_range(struct talk *t, struct nlattr *policy)
{
	struct nlattr *p[NL_POLICY_TYPE_ATTR_MAX + 1];

	if (policy && !nla_parse_nested(p, NL_POLICY_TYPE_ATTR_MAX, policy, NULL) &&
	    p[NL_POLICY_TYPE_ATTR_MIN_VALUE_U] && p[NL_POLICY_TYPE_ATTR_MAX_VALUE_U])
		say(t, ": %llu to %llu",
		    (unsigned long long)nl_number(p[NL_POLICY_TYPE_ATTR_MIN_VALUE_U]),
		    (unsigned long long)nl_number(p[NL_POLICY_TYPE_ATTR_MAX_VALUE_U]));
}

/* What the kernel says, of which attribute. @a: of an extack */
static void explain(struct talk *t, struct nlattr **a)
{
	const struct nlmsghdr *h = t->request;
	const struct genlmsghdr *g = nlmsg_data(h);
	const struct spec_set *set = g->cmd < spec_n_requests ? spec_requests[g->cmd] : NULL;
	struct nlattr *at = a[NLMSGERR_ATTR_OFFS] ?: a[NLMSGERR_ATTR_MISS_NEST];
	uint64_t missing = nl_number(a[NLMSGERR_ATTR_MISS_TYPE]);

	if (at)
		set = say_path(t, set, genlmsg_attrdata(g, 0), genlmsg_attrlen(g, 0),
			       (char *)h + nl_number(at));
	if (missing && set && missing < set->n && set->attrs[missing].name)
		say(t, "%s is missing", set->attrs[missing].name);
	else if (missing)
		say(t, "attribute %llu is missing", (unsigned long long)missing);
	if (a[NLMSGERR_ATTR_MSG])
		say(t, "%s%.*s", missing ? ": " : "", nla_len(a[NLMSGERR_ATTR_MSG]),
		    (char *)nla_data(a[NLMSGERR_ATTR_MSG]));
	say_range(t, a[NLMSGERR_ATTR_POLICY]);
}

/* The extack of an answer, or of the end of a dump. @skip: octets before its attributes. */
static void extack(struct talk *t, struct nlmsghdr *h, int skip)
{
	struct nlattr *attrs[NLMSGERR_ATTR_MAX + 1];
	int len = (int)h->nlmsg_len - NLMSG_HDRLEN - NLMSG_ALIGN(skip);

	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS) || len <= 0 ||
	    nla_parse(attrs, NLMSGERR_ATTR_MAX,
		      (struct nlattr *)((char *)nlmsg_data(h) + NLMSG_ALIGN(skip)), len, NULL))
		return;
	explain(t, attrs);
}

static int failed(struct sockaddr_nl *from, struct nlmsgerr *e, void *arg)
{
	struct nlmsghdr *h = (void *)((char *)e - NLMSG_HDRLEN);
	struct talk *t = arg;

	(void)from;
	t->err = e->error;
	t->done = true;
	extack(t, h, sizeof(*e) + (h->nlmsg_flags & NLM_F_CAPPED ? 0 :
				   (int)e->msg.nlmsg_len - NLMSG_HDRLEN));
	return NL_STOP;
}

/* What was done can have a warning all the same. */
static int acked(struct nl_msg *msg, void *arg)
{
	struct talk *t = arg;

	extack(t, nlmsg_hdr(msg), sizeof(struct nlmsgerr));
	if (t->said[0])
		fprintf(stderr, "xfrm-ha: warning: %s: %s\n", doing, t->said);
	t->done = true;
	return NL_STOP;
}

/* The end of a dump can carry an error as well. */
static int finished(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *h = nlmsg_hdr(msg);
	struct talk *t = arg;

	if (nlmsg_datalen(h) >= (int)sizeof(int)) {
		t->err = *(int *)nlmsg_data(h);
		extack(t, h, sizeof(int));
	}
	t->done = true;
	return NL_STOP;
}

/* A dump that was disturbed may lack objects. */
static int interrupted(struct nl_msg *msg, void *arg)
{
	(void)msg;
	(void)arg;
	refuse("the table changed while it was read");
	return NL_OK;
}

static int refused(const struct talk *t)
{
	size_t n = strlen(t->said);
	const char *why = strerror(-t->err);

	/* A path without a sentence ends in a colon. */
	if (!n || t->said[n - 1] == ' ')
		refuse("%s: %s%s", doing, t->said, why);
	else
		refuse("%s: %s (%s)", doing, t->said, why);
	return t->err == -EALREADY ? ALREADY : t->err == -ENOTCONN ? ABSENT : REFUSED;
}

/**
 * nl_talk() - send a request, hand each answer to @func
 *
 * Return: exit status; a refusal was said.
 */
int nl_talk(struct nl_msg *msg, int max_attr, answer func, void *data)
{
	struct talk t = { .func = func, .data = data, .max_attr = max_attr };
	struct nl_cb *cb;
	int err;

	if (nl_open()) {
		nlmsg_free(msg);
		return REFUSED;
	}
	cb = nl_cb_alloc(NL_CB_DEFAULT);
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, heard, &t);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, acked, &t);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, finished, &t);
	nl_cb_set(cb, NL_CB_DUMP_INTR, NL_CB_CUSTOM, interrupted, &t);
	nl_cb_err(cb, NL_CB_CUSTOM, failed, &t);
	t.request = nlmsg_hdr(msg);
	nlmsg_hdr(msg)->nlmsg_type = family;
	err = nl_send_auto(sock, msg);
	while (err >= 0 && !t.done)
		err = nl_recvmsgs(sock, cb);
	nl_cb_put(cb);
	nlmsg_free(msg);
	if (t.err)
		return refused(&t);
	if (err == -NLE_AGAIN)
		return refuse("%s: the kernel has not answered for %d s", doing, PATIENCE);
	return err < 0 ? refuse("%s: %s", doing, nl_geterror(err)) : DONE;
}

/* nl_show() - the same, for answers that are the output of a command */
int nl_show(struct nl_msg *msg, int max_attr, bool table, answer func, void *data)
{
	int err;

	out_begin(table);
	err = nl_talk(msg, max_attr, func, data);
	if (!err)
		out_end();
	return err;
}

/* nl_another() - a socket of its own, for who does not wait for answers; NULL: there is none */
struct nl_sock *nl_another(void)
{
	struct nl_sock *s = nl_socket_alloc();

	if (s && (genl_connect(s) || nl_socket_set_nonblocking(s))) {
		nl_socket_free(s);
		return NULL;
	}
	return s;
}

/* nl_begin() - send a request over it; 0, or -1 */
int nl_begin(struct nl_sock *s, struct nl_msg *msg)
{
	int err;

	nlmsg_hdr(msg)->nlmsg_type = family;
	nlmsg_hdr(msg)->nlmsg_flags |= NLM_F_ACK;
	err = nl_send_auto(s, msg);
	nlmsg_free(msg);
	return err < 0 ? -1 : 0;
}

/**
 * nl_piece() - take what one read gives of the answers, and hand each to @func
 * @s: from nl_another()
 * @max_attr: greatest attribute of an answer
 * @func: is told of each
 * @data: for @func
 * @changed: set when something may be missing, for it changed meanwhile
 *
 * Return: -EAGAIN: there is more to come; 0: that was all; another negative errno: refused.
 */
int nl_piece(struct nl_sock *s, int max_attr, answer func, void *data, bool *changed)
{
	static char piece[64 << 10] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlattr *attrs[max_attr + 1];
	struct nlmsghdr *h = (void *)piece;
	ssize_t n;
	int left;

	n = recv(nl_socket_get_fd(s), piece, sizeof(piece), MSG_DONTWAIT | MSG_TRUNC);
	if (n < 0)
		return -errno;
	if (n > (ssize_t)sizeof(piece))
		return -EMSGSIZE;
	for (left = n; nlmsg_ok(h, left); h = nlmsg_next(h, &left)) {
		if (h->nlmsg_flags & NLM_F_DUMP_INTR)
			*changed = true;
		if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR)
			return nlmsg_datalen(h) >= (int)sizeof(int) ? *(int *)nlmsg_data(h) : 0;
		answered = h;
		if (!genlmsg_parse(h, 0, attrs, max_attr, NULL))
			func(attrs, data);
	}
	return -EAGAIN;
}

static struct nl_sock *events;

/*
 * Of each group several events may come at a time, each in a KiB of the kernel's. Without
 * privileges there is as much room as net.core.rmem_max allows.
 */
static void make_room(struct nl_sock *s)
{
	int room = 3 << 20;

	if (setsockopt(nl_socket_get_fd(s), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
		nl_socket_set_buffer_size(s, room, 0);
}

/* nl_join() - from now on events are kept for nl_wait(), which hands them to @func; exit status */
int nl_join(int (*func)(struct nl_msg *msg, void *data), void *data)
{
	int group, err;

	events = nl_socket_alloc();
	if (!events || genl_connect(events))
		return refuse("no netlink socket: %s", strerror(errno));
	group = genl_ctrl_resolve_grp(events, XFRM_HA_FAMILY_NAME, XFRM_HA_MCGRP_EVENTS);
	if (group < 0)
		return refuse("events can't be had: is the module xfrm_ha loaded?");
	err = nl_socket_set_nonblocking(events);
	if (!err)
		err = nl_socket_add_membership(events, group);
	if (err)
		return refuse("events can't be had: %s", nl_geterror(err));
	make_room(events);
	nl_socket_disable_seq_check(events);
	nl_socket_modify_cb(events, NL_CB_VALID, NL_CB_CUSTOM, func, data);
	return DONE;
}

/* To wait for events in another way, and call nl_wait() with 0 then */
int nl_events_fd(void)
{
	return nl_socket_get_fd(events);
}

/**
 * nl_wait() - wait for events, and take all that have come
 * @ms: at most; -1: forever
 * @unblocked: the signals that are blocked meanwhile, and may end the waiting; NULL: as they are
 * @lost: set if there were more than could be kept; that is said
 *
 * Return: exit status.
 */
int nl_wait(int ms, const sigset_t *unblocked, bool *lost)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };
	struct pollfd p = { .fd = nl_socket_get_fd(events), .events = POLLIN };
	int err = 0;

	if (ppoll(&p, 1, ms < 0 ? NULL : &t, unblocked) < 0 && errno != EINTR)
		return refuse("no events: %s", strerror(errno));
	while (err != -NLE_AGAIN) {
		err = nl_recvmsgs_default(events);
		if (err == -NLE_NOMEM) {
			refuse("events were lost");
			*lost = true;
		} else if (err < 0 && err != -NLE_AGAIN && err != -NLE_INTR) {
			return refuse("%s", nl_geterror(err));
		}
	}
	return DONE;
}

bool nl_has(const struct nlattr *a)
{
	return a;
}

/* Of whatever size; 0 if it is not there. */
uint64_t nl_number(const struct nlattr *a)
{
	switch (nl_has(a) ? nla_len(a) : 0) {
	case 1:
		return nla_get_u8(a);
	case 2:
		return nla_get_u16(a);
	case 4:
		return nla_get_u32(a);
	case 8:
		return nla_get_u64(a);
	default:
		return 0;
	}
}

/* What the specification calls a value */
const char *nl_name(const struct spec_enum *e, uint64_t value)
{
	return value < e->n && e->names[value] ? e->names[value] : "unknown";
}

/* -1: it is none of these */
int nl_value(const struct spec_enum *e, const char *name)
{
	for (unsigned int i = 0; i < e->n; i++)
		if (e->names[i] && !strcmp(name, e->names[i]))
			return i;
	return -1;
}

/* -1: done with it, else exit status. @words end with an empty one. */
int nl_put_number(struct nl_msg *msg, const struct number_word *words, const char *word,
		  const char *value)
{
	uint32_t n;

	while (words->word && strcmp(word, words->word))
		words++;
	if (!words->word)
		return usage("%s: what is \"%s\"?", doing, word);
	if (!number(value, UINT32_MAX, &n))
		return usage("%s: \"%s\" is not a number", word, value);
	nla_put_u32(msg, words->attr, n);
	return -1;
}
