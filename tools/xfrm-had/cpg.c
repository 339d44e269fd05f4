// SPDX-License-Identifier: GPL-2.0
/*
 * Up to 16 nodes, over Corosync: a closed process group. Who is there, and in which order all hear
 * what was said, is the engine's. It has no part in who is believed: many a cluster runs without
 * crypto, so each two nodes have a session of their own, sealed, and what one of them says to the
 * other passes the rest by.
 *
 * Each message begins with (big-endian):
 *
 *	 0                   1                   2                   3
 *	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *	+---------------+---------------+-------------------------------+
 *	|   version 1   |     type      |               0               |
 *	+---------------+---------------+-------------------------------+
 *	|                      to: node id of it                        |
 *	+---------------------------------------------------------------+
 *	|                      to: process id of it                     |
 *	+---------------------------------------------------------------+
 *	|       first 12 octets of the public key of who it is to;      |
 *	|                         of GREET: 0                           |
 *	|                                                               |
 *	+---------------------------------------------------------------+
 *	|                 number, from 0 in each session;               |
 *	|                         of GREET: 0                           |
 *	+---------------------------------------------------------------+
 *
 *	GREET	a public key of X25519, made for this session, and HMAC-SHA256 with the nodes' key
 *	CONFIRM, DATA, CLOSE	sealed: AES-256-GCM, a key for each direction, with the head
 *
 * Both ends greet when they see each other, and confirm when they have both keys. A session is up
 * with the first CONFIRM: its sender has the nodes' key, and knows this session's public key, so it
 * speaks now. Numbers follow each other without a gap, since the engine loses nothing. DATA is a
 * stream: a message of the relay's may be in several of them.
 *
 * What this end has said comes back by the engine, in the order of all. No more than WINDOW
 * messages are on their way to there, so neither its queues nor its socket ever are full, and a
 * daemon waits for no engine that stands still.
 */

#include <arpa/inet.h>
#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/uio.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/util.h>
#include <openssl/crypto.h>

#include "libcpg.h"
#include "seal.h"
#include "transport.h"
#include "wire.h"

#define VERSION_1	1
#define NODES		15		/* besides this one */
#define WINDOW		32		/* messages that have not come back */
#define CHUNK		8192		/* octets of a stream in a message, at most */
#define DISPATCH	64		/* events, then others have their turn */
#define TO_LEN		12
#define IN_LEN		(2 * HAD_WIRE_MAX)
#define PURPOSE		"xfrm-ha relay, Corosync CPG"

#define RETRY_MS	100
#define RETRY_MOST_MS	3000
#define STEADY_MS	10000		/* a session that lasts as long has not failed */
#define AGAIN_MS	5
#define LINGER_MS	1000
#define HANDSHAKE_MS	10000
#define REOPEN_MS	1000
#define STACK		(256 << 10)	/* octets, of a thread */

enum { GREET = 1, CONFIRM, DATA, CLOSE };

struct head {
	uint8_t version, type;
	uint16_t zero;
	uint32_t to_node, to_pid;
	uint8_t to[TO_LEN];
	uint64_t number;
};

static_assert(sizeof(struct head) == 32, "as it is drawn");

#define PENDING_LEN	(sizeof(struct head) + CHUNK + SEAL_TAG)
#define MOST_LEAST	1024		/* octets of a message that the engine has to take */

static_assert(HAD_WIRE_MAX + CHUNK <= IN_LEN, "what is not a whole message has room");

struct greet {
	struct head head;
	uint8_t public[SEAL_PUBLIC];
	uint8_t mac[SEAL_MAC];
};

/* Another node's daemon, from its join to its leave. */
struct node {
	LIST_ENTRY(node) entry;
	struct had_peer peer;
	struct who who;

	/* The handshake, and what came of it. */
	struct seal seal;
	bool greeted, heard;		/* the one was said, the other one has come */
	bool confirmed;
	uint64_t said, got;		/* numbers that come next */

	bool up, closing;
	char why[128];
	uint64_t since;			/* ms */
	unsigned int retry_ms;
	struct event *timer;
	uint8_t *in, *out;
	size_t in_len, out_at, out_len;
};

/* A thread may wait for an engine that stands still, the daemon may not. */
struct opening {
	pthread_mutex_t lock;
	struct cpg_name name;
	struct cpg *owner;		/* only for what the engine calls back with */
	int event_fd;
	bool left;			/* nobody waits for it any more */
	bool done;

	cs_error_t err;
	cpg_handle_t handle;
	int fd;
	unsigned int node;
	uint32_t most;			/* octets of a message */
};

struct cpg {
	struct had_transport transport;
	struct event_base *base;
	struct cpg_name name;
	uint8_t *key;			/* of all nodes, HAD_KEY_LEN */

	struct opening *opening;
	struct event *opened, *retry, *again, *events;
	cpg_handle_t handle;
	bool joined, gone;		/* the engine is there; was, but is not any more */
	struct who self;
	size_t chunk;
	unsigned int on_way;
	uint8_t *pending;		/* sealed, and not taken by the engine yet */
	size_t pending_len;
	unsigned int n;
	LIST_HEAD(, node) nodes;	/* next to speak is first */
	char said[160];
	struct {
		uint64_t waits, forged, replayed, stale, lost, crowd;
	} counts;
};

/* As it was loaded */
static const struct libcpg *lib;

static struct cpg *cpg_of(const struct had_transport *t)
{
	return (struct cpg *)((char *)t - offsetof(struct cpg, transport));
}

static struct node *node_of(const struct had_peer *p)
{
	return (struct node *)((char *)p - offsetof(struct node, peer));
}

static struct timeval in_ms(unsigned int ms)
{
	return (struct timeval){ .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
}

static void arm(struct event *e, unsigned int ms)
{
	struct timeval tv = in_ms(ms);

	evtimer_add(e, &tv);
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ULL + t.tv_nsec / 1000000;
}

__attribute__((format(printf, 3, 4)))
static void say(struct cpg *c, int priority, const char *format, ...)
{
	char text[160];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	/* What goes on and on is said once. */
	if (!strcmp(text, c->said))
		return;
	snprintf(c->said, sizeof(c->said), "%s", text);
	if (c->transport.ops->say)
		c->transport.ops->say(c->transport.user, priority, text);
}

static void event_end(struct event **ev)
{
	if (*ev)
		event_free(*ev);
	*ev = NULL;
}

static void opening_free(struct opening *o)
{
	/* Its thread has let go of it. */
	pthread_mutex_lock(&o->lock);
	pthread_mutex_unlock(&o->lock);
	if (o->event_fd >= 0)
		close(o->event_fd);
	pthread_mutex_destroy(&o->lock);
	free(o);
}

/* What GREET of @from to @to says, so that nobody else can */
static bool greet_mac(const struct cpg *c, const struct greet *g, struct who from, uint8_t *mac)
{
	struct {
		uint32_t from_node, from_pid;
		struct head head;
		uint8_t public[SEAL_PUBLIC];
	} said = { htonl(from.node), htonl(from.pid), g->head, {} };

	memcpy(said.public, g->public, SEAL_PUBLIC);
	return seal_mac(c->key, &said, sizeof(said), mac);
}

/* --- a session --- */

/* What belongs to one session, but for the peer's greeting; the node begins anew. */
static void forget(struct node *n)
{
	seal_forget(&n->seal);
	n->said = 0;
	n->got = 0;
	n->greeted = false;
	n->confirmed = false;
	n->closing = false;
	n->why[0] = '\0';
	had_secret_free(n->in, IN_LEN);
	had_secret_free(n->out, HAD_TRANSPORT_QUEUE);
	n->in = NULL;
	n->out = NULL;
	n->in_len = 0;
	n->out_at = 0;
	n->out_len = 0;
}

static void down(struct node *n, const char *why)
{
	if (!n->up)
		return;
	n->up = false;
	n->peer.transport->ops->down(n->peer.session, *n->why ? n->why : why);
	n->peer.session = NULL;
}

/* The node is there, its session is not any more; there will be another one. */
static void session_end(struct node *n, const char *why)
{
	uint32_t chance;

	down(n, why);
	if (n->since && now_ms() - n->since >= STEADY_MS)
		n->retry_ms = RETRY_MS;
	/* After a session the peer greets anew; after a handshake it may have done so already. */
	if (n->since)
		n->heard = false;
	n->since = 0;
	forget(n);
	evutil_secure_rng_get_bytes(&chance, sizeof(chance));
	arm(n->timer, n->retry_ms + chance % (n->retry_ms / 2 + 1));
	n->retry_ms = n->retry_ms * 2 < RETRY_MOST_MS ? n->retry_ms * 2 : RETRY_MOST_MS;
}

static void node_free(struct node *n)
{
	struct cpg *c = cpg_of(n->peer.transport);

	LIST_REMOVE(n, entry);
	c->n--;
	forget(n);
	event_end(&n->timer);
	free(n);
}

static void node_gone(struct node *n, const char *why)
{
	down(n, why);
	node_free(n);
}

static void nodes_gone(struct cpg *c, const char *why)
{
	while (!LIST_EMPTY(&c->nodes))
		node_gone(LIST_FIRST(&c->nodes), why);
}

static struct node *node_find(struct cpg *c, struct who who)
{
	struct node *n;

	LIST_FOREACH(n, &c->nodes, entry)
		if (n->who.node == who.node && n->who.pid == who.pid)
			return n;
	return NULL;
}

/* --- what is said --- */

static void put_head(struct head *h, const struct node *n, uint8_t type, uint64_t number)
{
	*h = (struct head){ .version = VERSION_1, .type = type, .to_node = htonl(n->who.node),
			    .to_pid = htonl(n->who.pid), .number = htobe64(number) };
	if (type != GREET)
		memcpy(h->to, n->seal.theirs, TO_LEN);
}

/* Both have greeted. */
static void shake(struct cpg *c, struct node *n)
{
	if (!n->greeted || !n->heard || n->seal.out)
		return;
	if (!seal_keys(&n->seal, c->key, c->self, n->who)) {
		say(c, LOG_ERR, "relay: no keys with node %u", n->who.node);
		session_end(n, "no keys");
		return;
	}
	if (!evtimer_pending(n->timer, NULL))
		arm(n->timer, HANDSHAKE_MS);
}

static bool put_greet(struct cpg *c, struct node *n)
{
	struct greet g = {};

	if (!seal_own(&n->seal))
		return false;
	put_head(&g.head, n, GREET, 0);
	memcpy(g.public, n->seal.own, SEAL_PUBLIC);
	if (!greet_mac(c, &g, c->self, g.mac))
		return false;
	memcpy(c->pending, &g, sizeof(g));
	c->pending_len = sizeof(g);
	n->greeted = true;
	shake(c, n);
	return true;
}

static bool put_sealed(struct cpg *c, struct node *n, uint8_t type, const uint8_t *data,
		       size_t len)
{
	struct head h;

	put_head(&h, n, type, n->said);
	memcpy(c->pending, &h, sizeof(h));
	/* A key is never used with a number twice. */
	if (!seal_put(&n->seal, n->said++, &h, sizeof(h), data, len, c->pending + sizeof(h)))
		return false;
	c->pending_len = sizeof(h) + len + SEAL_TAG;
	return true;
}

static bool put_data(struct cpg *c, struct node *n)
{
	size_t len = n->out_len < c->chunk ? n->out_len : c->chunk;

	if (!put_sealed(c, n, DATA, n->out + n->out_at, len))
		return false;
	explicit_bzero(n->out + n->out_at, len);
	n->out_at += len;
	n->out_len -= len;
	if (!n->out_len)
		n->out_at = 0;
	return true;
}

/* What the node is to be told next, if anything. Return: whether there is something */
static bool next_of(struct cpg *c, struct node *n)
{
	bool was_full = n->out_len > HAD_TRANSPORT_QUEUE / 2, ok;

	if (!n->greeted && !evtimer_pending(n->timer, NULL)) {
		ok = put_greet(c, n);
	} else if (n->seal.out && !n->confirmed) {
		ok = put_sealed(c, n, CONFIRM, NULL, 0);
		n->confirmed = true;
	} else if (n->seal.out && n->out_len) {
		ok = put_data(c, n);
	} else if (n->closing) {
		ok = put_sealed(c, n, CLOSE, NULL, 0);
		session_end(n, n->why);
	} else {
		return false;
	}
	if (!ok) {
		session_end(n, "OpenSSL can't seal");
		return false;
	}
	if (was_full && n->up && !n->closing && n->out_len <= HAD_TRANSPORT_QUEUE / 2)
		c->transport.ops->writable(n->peer.session);
	return true;
}

/* Each has its turn. */
static bool next(struct cpg *c)
{
	struct node *n, *last;

	LIST_FOREACH(n, &c->nodes, entry) {
		if (!next_of(c, n))
			continue;
		for (last = n; LIST_NEXT(last, entry); last = LIST_NEXT(last, entry))
			;
		if (last != n) {
			LIST_REMOVE(n, entry);
			LIST_INSERT_AFTER(last, n, entry);
		}
		return true;
	}
	return false;
}

static void pump(struct cpg *c)
{
	struct iovec iov;
	cs_error_t err;

	while (c->joined && !c->gone && c->on_way < WINDOW && (c->pending_len || next(c))) {
		iov = (struct iovec){ c->pending, c->pending_len };
		err = lib->mcast_joined(c->handle, CPG_TYPE_AGREED, &iov, 1);
		if (err == CS_ERR_TRY_AGAIN) {
			c->counts.waits++;
			arm(c->again, AGAIN_MS);
			return;
		}
		if (err != CS_OK) {
			/* It may be within a call of the engine's. */
			c->gone = true;
			arm(c->retry, 0);
			return;
		}
		c->on_way++;
		c->pending_len = 0;
	}
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	pump(arg);
}

static int node_send(struct had_peer *p, const void *data, size_t len)
{
	struct node *n = node_of(p);

	if (n->closing || !n->up)
		return -ENOTCONN;
	if (len > HAD_TRANSPORT_QUEUE - n->out_len)
		return -ENOBUFS;
	if (len > HAD_TRANSPORT_QUEUE - n->out_at - n->out_len) {
		memmove(n->out, n->out + n->out_at, n->out_len);
		explicit_bzero(n->out + n->out_len, n->out_at);
		n->out_at = 0;
	}
	memcpy(n->out + n->out_at + n->out_len, data, len);
	n->out_len += len;
	/* All that is said within one event goes together. */
	arm(cpg_of(p->transport)->again, 0);
	return 0;
}

static size_t node_room(const struct had_peer *p)
{
	const struct node *n = node_of(p);

	return n->closing ? 0 : HAD_TRANSPORT_QUEUE - n->out_len;
}

static void node_drop(struct had_peer *p, const char *why)
{
	struct node *n = node_of(p);

	if (n->closing)
		return;
	n->closing = true;
	snprintf(n->why, sizeof(n->why), "%s", why);
	arm(n->timer, LINGER_MS);
	arm(cpg_of(p->transport)->again, 0);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct node *n = arg;
	struct cpg *c = cpg_of(n->peer.transport);

	(void)fd;
	(void)what;
	if (n->closing) {
		/* The engine does not take it soon; what it takes next is CLOSE. */
		down(n, n->why);
		if (n->out)
			explicit_bzero(n->out, HAD_TRANSPORT_QUEUE);
		n->out_at = 0;
		n->out_len = 0;
	} else if (n->seal.out && !n->up) {
		say(c, LOG_WARNING, "relay: no handshake with node %u: it is silent", n->who.node);
		n->closing = true;
	}
	pump(c);
}

/* --- what is heard --- */

static void on_greet(struct cpg *c, struct node *n, const struct greet *g)
{
	uint8_t mac[SEAL_MAC];

	if (!greet_mac(c, g, n->who, mac) || CRYPTO_memcmp(mac, g->mac, SEAL_MAC)) {
		c->counts.forged++;
		say(c, LOG_WARNING, "relay: no handshake with node %u: without the key",
		    n->who.node);
		return;
	}
	/* Who ends a session says so first: somebody repeats what the peer has said before. */
	if (n->up || n->closing ||
	    (n->heard && n->seal.out && !memcmp(n->seal.theirs, g->public, SEAL_PUBLIC))) {
		c->counts.replayed++;
		return;
	}
	/*
	 * The last one counts. If somebody repeats an older one there are the same keys again; what
	 * number 0 was sealed with them is the same, too: CONFIRM, and the handshake fails.
	 */
	seal_forget_keys(&n->seal);
	n->said = 0;
	n->got = 0;
	n->confirmed = false;
	n->heard = true;
	memcpy(n->seal.theirs, g->public, SEAL_PUBLIC);
	shake(c, n);
}

static void established(struct cpg *c, struct node *n)
{
	n->in = had_secret_alloc(IN_LEN);
	n->out = had_secret_alloc(HAD_TRANSPORT_QUEUE);
	if (!n->in || !n->out) {
		session_end(n, "out of memory");
		return;
	}
	evtimer_del(n->timer);
	n->up = true;
	n->since = now_ms();
	c->said[0] = '\0';
	n->peer.session = c->transport.ops->up(c->transport.user, &n->peer);
}

static void deliver(struct node *n)
{
	long taken = n->peer.transport->ops->receive(n->peer.session, n->in, n->in_len);

	if (taken < 0) {
		explicit_bzero(n->in, n->in_len);
		n->in_len = 0;
		had_drop(&n->peer, "it said what can't be understood");
		return;
	}
	memmove(n->in, n->in + taken, n->in_len - taken);
	explicit_bzero(n->in + n->in_len - taken, taken);
	n->in_len -= taken;
	if (n->in_len > IN_LEN - CHUNK)
		had_drop(&n->peer, "a message is too long");
}

static void on_sealed(struct cpg *c, struct node *n, const struct head *h, const uint8_t *data,
		      size_t len)
{
	static uint8_t none[CHUNK];
	uint8_t *to = n->up && !n->closing ? n->in + n->in_len : none;
	uint64_t number = be64toh(h->number);
	long got;

	if (!n->seal.in || memcmp(h->to, n->seal.own, TO_LEN)) {
		c->counts.stale++;
		return;
	}
	if (number < n->got) {
		c->counts.replayed++;
		return;
	}
	if (len < SEAL_TAG || len - SEAL_TAG > CHUNK) {
		c->counts.forged++;
		return;
	}
	got = seal_take(&n->seal, number, h, sizeof(*h), data, len, to);
	if (got < 0) {
		c->counts.forged++;
		say(c, LOG_WARNING, "relay: node %u says what is not sealed with the key",
		    n->who.node);
		return;
	}
	if (to == none)
		explicit_bzero(none, got);
	if (number != n->got) {
		c->counts.lost++;
		had_drop(&n->peer, "messages were lost");
		return;
	}
	n->got++;
	if (h->type == CLOSE) {
		session_end(n, "the peer has closed it");
	} else if (!n->up && !n->closing) {
		established(c, n);
	} else if (h->type == DATA && to != none) {
		n->in_len += got;
		deliver(n);
	}
}

static struct cpg *context(cpg_handle_t handle)
{
	void *c;

	return lib->context_get(handle, &c) == CS_OK ? c : NULL;
}

static void on_message(cpg_handle_t handle, const struct cpg_name *name, uint32_t nodeid,
		       uint32_t pid, void *msg, size_t len)
{
	const struct who from = { nodeid, pid };
	const struct head *h = msg;
	struct cpg *c = context(handle);
	struct node *n;

	(void)name;
	if (!c)
		return;
	if (from.node == c->self.node && from.pid == c->self.pid) {
		c->on_way -= !!c->on_way;
		return;
	}
	n = node_find(c, from);
	if (!n || len < sizeof(*h) || ntohl(h->to_node) != c->self.node ||
	    ntohl(h->to_pid) != c->self.pid)
		return;
	if (h->version != VERSION_1) {
		say(c, LOG_ERR, "relay: node %u speaks version %u over Corosync, this one %u",
		    from.node, h->version, VERSION_1);
		return;
	}
	if (h->type != GREET)
		on_sealed(c, n, h, (uint8_t *)msg + sizeof(*h), len - sizeof(*h));
	else if (len == sizeof(struct greet))
		on_greet(c, n, msg);
}

/* --- the engine --- */

static const char *reason(uint32_t why)
{
	switch (why) {
	case CPG_REASON_LEAVE:
		return "it has left the group";
	case CPG_REASON_NODEDOWN:
		return "its node has left the cluster";
	default:
		return "its daemon has ended";
	}
}

static void node_new(struct cpg *c, struct who who)
{
	struct node *n;

	if (c->n == NODES) {
		c->counts.crowd++;
		say(c, LOG_ERR, "relay: node %u is not heard: there are %u already", who.node,
		    NODES + 1);
		return;
	}
	n = calloc(1, sizeof(*n));
	if (n)
		n->timer = evtimer_new(c->base, on_timer, n);
	if (!n || !n->timer) {
		say(c, LOG_ERR, "relay: node %u is not heard: out of memory", who.node);
		free(n);
		return;
	}
	n->peer.transport = &c->transport;
	n->who = who;
	n->retry_ms = RETRY_MS;
	LIST_INSERT_HEAD(&c->nodes, n, entry);
	c->n++;
}

static void on_members(cpg_handle_t handle, const struct cpg_name *name,
		       const struct cpg_address *members, size_t n_members,
		       const struct cpg_address *left, size_t n_left,
		       const struct cpg_address *joined, size_t n_joined)
{
	struct cpg *c = context(handle);
	struct node *n;

	(void)name;
	(void)joined;
	(void)n_joined;
	if (!c)
		return;
	for (size_t i = 0; i < n_left; i++) {
		n = node_find(c, (struct who){ left[i].nodeid, left[i].pid });
		if (n)
			node_gone(n, reason(left[i].reason));
	}
	for (size_t i = 0; i < n_members; i++) {
		struct who who = { members[i].nodeid, members[i].pid };

		if ((who.node != c->self.node || who.pid != c->self.pid) && !node_find(c, who))
			node_new(c, who);
	}
	arm(c->again, 0);
}

/* In a thread: each of these calls waits for the engine. */
static void *opening_run(void *arg)
{
	cpg_model_v1_data_t model = {
		.model = CPG_MODEL_V1, .cpg_deliver_fn = on_message, .cpg_confchg_fn = on_members,
	};
	struct opening *o = arg;
	bool open = false, left;

	o->err = lib->initialize(&o->handle, CPG_MODEL_V1, (cpg_model_data_t *)&model, o->owner);
	if (o->err == CS_OK) {
		open = true;
		o->err = lib->fd_get(o->handle, &o->fd);
	}
	if (o->err == CS_OK)
		o->err = lib->local_get(o->handle, &o->node);
	if (o->err == CS_OK)
		o->err = lib->max_atomic_msgsize_get(o->handle, &o->most);
	if (o->err == CS_OK)
		o->err = lib->join(o->handle, &o->name);
	if (o->err != CS_OK && open)
		lib->finalize(o->handle);
	pthread_mutex_lock(&o->lock);
	o->done = true;
	left = o->left;
	if (!left)
		eventfd_write(o->event_fd, 1);
	pthread_mutex_unlock(&o->lock);
	if (left) {
		if (o->err == CS_OK)
			lib->finalize(o->handle);
		opening_free(o);
	}
	return NULL;
}

static void *closing_run(void *arg)
{
	cpg_handle_t *handle = arg;

	lib->finalize(*handle);
	free(handle);
	return NULL;
}

/* Signals are the event loop's. */
static bool run_thread(void *(*run)(void *arg), void *arg)
{
	sigset_t all, before;
	pthread_attr_t attr;
	pthread_t thread;
	bool ok;

	if (pthread_attr_init(&attr))
		return false;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	/* All of it is locked. */
	pthread_attr_setstacksize(&attr, STACK);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	ok = !pthread_create(&thread, &attr, run, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return ok;
}

static void engine_close(cpg_handle_t handle)
{
	cpg_handle_t *copy = malloc(sizeof(*copy));

	if (!copy)
		return;
	*copy = handle;
	if (!run_thread(closing_run, copy))
		free(copy);
}

/* From the event loop only, and not from within a call of the engine's */
static void engine_gone(struct cpg *c, const char *why)
{
	if (!c->joined)
		return;
	nodes_gone(c, why);
	event_end(&c->events);
	engine_close(c->handle);
	c->joined = false;
	c->gone = false;
	c->on_way = 0;
	explicit_bzero(c->pending, PENDING_LEN);
	c->pending_len = 0;
}

static void on_events(evutil_socket_t fd, short what, void *arg)
{
	struct cpg *c = arg;
	cs_error_t err = CS_OK;

	(void)fd;
	(void)what;
	for (int i = 0; i < DISPATCH && err == CS_OK && !c->gone; i++)
		err = lib->dispatch(c->handle, CS_DISPATCH_ONE_NONBLOCKING);
	if (c->gone || (err != CS_OK && err != CS_ERR_TRY_AGAIN)) {
		engine_gone(c, "Corosync has gone");
		say(c, LOG_WARNING, "relay: Corosync has gone");
		arm(c->retry, RETRY_MS);
		return;
	}
	pump(c);
}

static void on_opened(evutil_socket_t fd, short what, void *arg)
{
	struct cpg *c = arg;
	struct opening *o = c->opening;

	(void)fd;
	(void)what;
	c->opening = NULL;
	event_end(&c->opened);
	if (o->err == CS_OK)
		c->events = event_new(c->base, o->fd, EV_READ | EV_PERSIST, on_events, c);
	if (o->err != CS_OK) {
		say(c, LOG_NOTICE, "relay: Corosync does not let this daemon in: error %d",
		    o->err);
		arm(c->retry, REOPEN_MS);
	} else if (!c->events || o->most < MOST_LEAST) {
		say(c, LOG_ERR, "relay: no Corosync: %s",
		    c->events ? "its messages are too short" : "out of memory");
		event_end(&c->events);
		engine_close(o->handle);
		arm(c->retry, REOPEN_MS);
	} else {
		c->handle = o->handle;
		c->self = (struct who){ o->node, getpid() };
		c->chunk = o->most - sizeof(struct head) - SEAL_TAG;
		if (c->chunk > CHUNK)
			c->chunk = CHUNK;
		c->joined = true;
		say(c, LOG_INFO, "relay: node %u of a cluster of Corosync's", o->node);
		event_add(c->events, NULL);
		/* What is there already no poll tells of. */
		event_active(c->events, EV_READ, 0);
	}
	opening_free(o);
}

/* While no engine is there: one is looked for. */
static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct cpg *c = arg;
	struct opening *o;

	(void)fd;
	(void)what;
	if (c->gone) {
		engine_gone(c, "Corosync has gone");
		say(c, LOG_WARNING, "relay: Corosync has gone");
	}
	if (c->opening || c->joined)
		return;
	arm(c->retry, REOPEN_MS);
	o = calloc(1, sizeof(*o));
	if (!o)
		return;
	pthread_mutex_init(&o->lock, NULL);
	o->name = c->name;
	o->owner = c;
	o->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	c->opened = o->event_fd < 0 ? NULL :
		    event_new(c->base, o->event_fd, EV_READ, on_opened, c);
	if (!c->opened || !run_thread(opening_run, o)) {
		event_end(&c->opened);
		opening_free(o);
		return;
	}
	c->opening = o;
	event_add(c->opened, NULL);
	evtimer_del(c->retry);
}

static void cpg_free(struct had_transport *transport)
{
	struct cpg *c = cpg_of(transport);
	struct opening *o = c->opening;
	bool done;

	engine_gone(c, "this end was closed");
	event_end(&c->opened);
	event_end(&c->retry);
	event_end(&c->again);
	if (o) {
		/* Who of both comes last frees it. */
		pthread_mutex_lock(&o->lock);
		o->left = true;
		done = o->done;
		pthread_mutex_unlock(&o->lock);
		if (done && o->err == CS_OK)
			engine_close(o->handle);
		if (done)
			opening_free(o);
	}
	had_secret_free(c->key, HAD_KEY_LEN);
	free(c->pending);
	free(c);
}

static void cpg_counts(const struct had_transport *t, had_count count, void *to)
{
	const struct cpg *c = cpg_of(t);

	count(to, "cpg_waits", c->counts.waits);
	count(to, "cpg_forged", c->counts.forged);
	count(to, "cpg_replayed", c->counts.replayed);
	count(to, "cpg_stale", c->counts.stale);
	count(to, "cpg_lost", c->counts.lost);
	count(to, "cpg_crowd", c->counts.crowd);
}

static const struct had_transport_kind cpg_kind = {
	.name = "cpg",
	.send = node_send,
	.room = node_room,
	.drop = node_drop,
	.free = cpg_free,
	.counts = cpg_counts,
};

/**
 * had_cpg_new() - a way to all other nodes of a cluster
 * @base: event loop
 * @conf: the key, and the name of the group
 * @ops: its user's
 * @user: for these
 *
 * Return: a transport that looks for Corosync for as long as it is there; NULL: libcpg is not
 * installed, which was said, or there is no memory.
 */
struct had_transport *had_cpg_new(struct event_base *base, const struct had_cpg_config *conf,
				  const struct had_transport_ops *ops, void *user)
{
	const char *name = *conf->name ? conf->name : HAD_CPG_NAME, *why = "";
	struct cpg *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	LIST_INIT(&c->nodes);
	c->transport = (struct had_transport){ .kind = &cpg_kind, .ops = ops, .user = user };
	c->base = base;
	c->name.length = strlen(name);
	memcpy(c->name.value, name, c->name.length);
	c->key = had_secret_alloc(HAD_KEY_LEN);
	c->pending = malloc(PENDING_LEN);
	c->retry = evtimer_new(base, on_retry, c);
	c->again = evtimer_new(base, on_again, c);
	lib = libcpg_load(&why);
	if (!lib)
		say(c, LOG_ERR, "relay: Corosync's library can't be loaded: %s", why);
	if (!c->key || !c->pending || !c->retry || !c->again || !lib ||
	    had_derive(conf->key, PURPOSE, c->key, HAD_KEY_LEN)) {
		cpg_free(&c->transport);
		return NULL;
	}
	arm(c->retry, 0);
	return &c->transport;
}
