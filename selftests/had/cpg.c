// SPDX-License-Identifier: GPL-2.0
/*
 * The transport over a closed process group, whose engine is here: up to 17 ends of one process,
 * told apart by their node ids. The engine is busy, stands still, dies, loses what it may not lose,
 * and somebody who has not got the key repeats and forges what was said.
 */

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "libcpg.h"
#include "stream.h"
#include "wire.h"

#define MANY	400	/* chunks */
#define ENDS	17
#define LIMIT	60	/* s, that a condition may take; a handshake that fails takes 10 */

/* --- the engine --- */

struct event_of {
	struct event_of *next;
	uint32_t from;		/* 0: of the members */
	size_t len;
	uint8_t msg[];
};

struct member {
	bool used, joined, dead, still;
	int fd;
	uint32_t node;
	cpg_model_v1_data_t model;
	void *context;
	struct event_of *first, **last;
	unsigned int on_way, most_on_way;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct member members[ENDS + 1];
static uint32_t limit = 100000, busy, calls, lose;
static uint8_t kept[4][100000];	/* the last message of each type */
static size_t kept_len[4];
static uint32_t kept_from[4];

static void tell(struct member *m, uint32_t from, const void *msg, size_t len)
{
	struct event_of *e = malloc(sizeof(*e) + len);

	if (!e)
		abort();
	*e = (struct event_of){ .from = from, .len = len };
	memcpy(e->msg, msg, len);
	*m->last = e;
	m->last = &e->next;
	eventfd_write(m->fd, 1);
}

static void tell_all(uint32_t from, const void *msg, size_t len)
{
	for (int i = 1; i <= ENDS; i++)
		if (members[i].joined)
			tell(&members[i], from, msg, len);
}

/* The node ids of those that are there, and one that has left, or 0 */
static void tell_members(uint32_t left)
{
	uint32_t list[ENDS + 1] = { left };
	int n = 1;

	for (int i = 1; i <= ENDS; i++)
		if (members[i].joined)
			list[n++] = i;
	tell_all(0, list, n * sizeof(*list));
}

static cs_error_t initialize(cpg_handle_t *h, cpg_model_t model, cpg_model_data_t *data, void *ctx)
{
	cs_error_t err = CS_ERR_LIBRARY;

	(void)model;
	pthread_mutex_lock(&lock);
	for (int i = 1; i <= ENDS && err != CS_OK; i++) {
		if (members[i].used)
			continue;
		members[i] = (struct member){ .used = true, .node = i, .context = ctx,
					      .model = *(cpg_model_v1_data_t *)data,
					      .fd = eventfd(0, EFD_SEMAPHORE | EFD_NONBLOCK) };
		members[i].last = &members[i].first;
		*h = i;
		err = CS_OK;
	}
	pthread_mutex_unlock(&lock);
	return err;
}

static void leave(struct member *m)
{
	if (!m->joined)
		return;
	m->joined = false;
	tell_members(m->node);
}

static cs_error_t finalize(cpg_handle_t h)
{
	struct member *m = &members[h];

	pthread_mutex_lock(&lock);
	leave(m);
	while (m->first) {
		struct event_of *e = m->first;

		m->first = e->next;
		free(e);
	}
	close(m->fd);
	m->used = false;
	pthread_mutex_unlock(&lock);
	return CS_OK;
}

static cs_error_t fd_get(cpg_handle_t h, int *fd)
{
	*fd = members[h].fd;
	return CS_OK;
}

static cs_error_t context_get(cpg_handle_t h, void **context)
{
	*context = members[h].context;
	return CS_OK;
}

static cs_error_t max_atomic(cpg_handle_t h, uint32_t *size)
{
	(void)h;
	*size = limit;
	return CS_OK;
}

static cs_error_t local_get(cpg_handle_t h, unsigned int *node)
{
	*node = members[h].node;
	return CS_OK;
}

static cs_error_t join(cpg_handle_t h, const struct cpg_name *name)
{
	expect(name->length == strlen(HAD_CPG_NAME), "another group");
	pthread_mutex_lock(&lock);
	members[h].joined = true;
	tell_members(0);
	pthread_mutex_unlock(&lock);
	return CS_OK;
}

static cs_error_t dispatch(cpg_handle_t h, cs_dispatch_flags_t flags)
{
	struct cpg_address list[ENDS + 1] = {};
	struct member *m = &members[h];
	struct event_of *e;
	eventfd_t one;
	uint32_t id;
	size_t n;

	expect(flags == CS_DISPATCH_ONE_NONBLOCKING, "it would wait");
	pthread_mutex_lock(&lock);
	e = m->still ? NULL : m->first;
	if (m->dead) {
		pthread_mutex_unlock(&lock);
		return CS_ERR_LIBRARY;
	}
	if (e) {
		m->first = e->next;
		if (!m->first)
			m->last = &m->first;
		eventfd_read(m->fd, &one);
	}
	pthread_mutex_unlock(&lock);
	if (!e)
		return CS_ERR_TRY_AGAIN;
	if (e->from) {
		m->on_way -= e->from == m->node;
		m->model.cpg_deliver_fn(h, NULL, e->from, getpid(), e->msg, e->len);
	} else {
		for (n = 0; n < e->len / sizeof(id); n++) {
			memcpy(&id, e->msg + n * sizeof(id), sizeof(id));
			list[n] = (struct cpg_address){ id, getpid(), CPG_REASON_NODEDOWN };
		}
		m->model.cpg_confchg_fn(h, NULL, list + 1, n - 1, list, !!list[0].nodeid, NULL, 0);
	}
	free(e);
	return CS_OK;
}

static cs_error_t mcast(cpg_handle_t h, cpg_guarantee_t how, const struct iovec *iov,
			unsigned int n)
{
	const uint8_t *msg = iov->iov_base;
	unsigned int type = (msg[1] - 1) % 4;

	expect(how == CPG_TYPE_AGREED && n == 1, "another order");
	expect(iov->iov_len <= limit, "%zu octets are too long", iov->iov_len);
	if (members[h].dead)
		return CS_ERR_LIBRARY;
	if (busy && !(calls++ % busy))
		return CS_ERR_TRY_AGAIN;
	pthread_mutex_lock(&lock);
	memcpy(kept[type], msg, iov->iov_len);
	kept_len[type] = iov->iov_len;
	kept_from[type] = h;
	if (++members[h].on_way > members[h].most_on_way)
		members[h].most_on_way = members[h].on_way;
	if (lose && msg[1] == 3)
		lose--;
	else
		tell_all(h, msg, iov->iov_len);
	pthread_mutex_unlock(&lock);
	return CS_OK;
}

const struct libcpg *libcpg_load(const char **why)
{
	static const struct libcpg lib = {
		.initialize = initialize, .finalize = finalize, .fd_get = fd_get,
		.context_get = context_get, .max_atomic_msgsize_get = max_atomic,
		.local_get = local_get, .join = join, .dispatch = dispatch, .mcast_joined = mcast,
	};

	(void)why;
	return &lib;
}

static void inject(uint32_t from, const void *msg, size_t len)
{
	pthread_mutex_lock(&lock);
	tell_all(from, msg, len);
	pthread_mutex_unlock(&lock);
}

/* --- its users --- */

struct end {
	struct side side;
	unsigned int here;
	struct had_transport *t;
	struct stream links[ENDS];
};

static struct event_base *base;

static void *up(void *user, struct had_peer *p)
{
	struct end *e = user;
	struct stream *s = e->links;

	while (s->peer)
		s++;
	*s = (struct stream){ .side = &e->side, .peer = p };
	e->side.ups++;
	e->here++;
	return s;
}

static void down(void *session, const char *why)
{
	struct stream *s = session;
	struct end *e = (struct end *)s->side;

	s->peer = NULL;
	e->side.downs++;
	e->here--;
	snprintf(e->side.why, sizeof(e->side.why), "%s", why);
}

static const struct had_transport_ops ops = {
	.up = up, .down = down, .receive = receive, .writable = writable, .say = said,
};

static void turn(void)
{
	struct timeval tv = { 0, 2000 };

	event_base_loopexit(base, &tv);
	event_base_dispatch(base);
}

#define until(condition)						\
	do {								\
		time_t end_ = time(NULL) + LIMIT;			\
									\
		while (!(condition) && time(NULL) <= end_)		\
			turn();						\
		expect(condition, "%s", #condition);			\
	} while (0)

static void begin(struct end *e, uint8_t key)
{
	struct had_cpg_config c = {};

	memset(e, 0, sizeof(*e));
	memset(c.key, key, sizeof(c.key));
	e->t = had_cpg_new(base, &c, &ops, e);
	expect(e->t, "no transport");
}

static unsigned int there(void)
{
	unsigned int n = 0;

	pthread_mutex_lock(&lock);
	for (int i = 1; i <= ENDS; i++)
		n += members[i].used;
	pthread_mutex_unlock(&lock);
	return n;
}

static void end(struct end *e)
{
	had_transport_free(e->t);
	e->t = NULL;
}

static void pick(void *to, const char *name, uint64_t n)
{
	struct {
		const char *name;
		uint64_t n;
	} *what = to;

	if (!strcmp(what->name, name))
		what->n = n;
}

static uint64_t counter(const struct end *e, const char *name)
{
	struct {
		const char *name;
		uint64_t n;
	} what = { name, UINT64_MAX };

	e->t->kind->counts(e->t, pick, &what);
	expect(what.n != UINT64_MAX, "no counter %s", name);
	return what.n;
}

static struct had_peer *first(const struct end *e)
{
	for (int i = 0; i < ENDS; i++)
		if (e->links[i].peer)
			return e->links[i].peer;
	return NULL;
}

static unsigned int got(const struct end *e)
{
	unsigned int n = 0;

	for (int i = 0; i < ENDS; i++)
		n += e->links[i].peer ? e->links[i].got : 0;
	return n;
}

/* Three ends, each of which tells both others, while the engine is busy and its messages short. */
static void streams(void)
{
	struct end e[3];

	limit = 1200;
	busy = 20;
	for (int i = 0; i < 3; i++)
		begin(&e[i], 1);
	until(e[0].here == 2 && e[1].here == 2 && e[2].here == 2);
	for (int i = 0; i < 3; i++) {
		e[i].side.pump = MANY;
		for (int k = 0; k < 2; k++)
			pump(&e[i].links[k]);
	}
	expect(e[0].links[0].sent < MANY, "all of it found room at once");
	until(got(&e[0]) == 2 * MANY && got(&e[1]) == 2 * MANY && got(&e[2]) == 2 * MANY);
	expect(e[0].side.writables, "nobody was told that there is room");
	expect(counter(&e[0], "cpg_waits"), "the engine was not busy");
	for (int i = 1; i <= 3; i++)
		expect(members[i].most_on_way <= 32, "%u on their way", members[i].most_on_way);
	limit = 100000;
	busy = 0;
	/* What was said before it is dropped arrives; and they meet again. */
	e[0].side.pump = 0;
	e[1].links[0].got = 0;
	e[1].links[1].got = 0;
	had_drop(e[0].links[0].peer, "enough");
	expect(had_send(e[0].links[0].peer, "x", 1) == -ENOTCONN, "it takes more");
	until(e[0].side.downs == 1 && e[0].side.ups == 3 && e[0].here == 2);
	expect(!strcmp(e[0].side.why, "enough"), "%s", e[0].side.why);
	expect(e[1].side.downs + e[2].side.downs == 1, "not the other end alone");
	/* One leaves. */
	end(&e[2]);
	until(e[0].here == 1 && e[1].here == 1);
	end(&e[0]);
	end(&e[1]);
	until(!there());
}

static void without_key(void)
{
	struct end a, b, c;

	begin(&a, 1);
	begin(&b, 2);
	until(strstr(a.side.said, "without the key") && strstr(b.side.said, "without the key"));
	begin(&c, 1);
	until(a.here == 1 && c.here == 1);
	expect(!b.side.ups && counter(&a, "cpg_forged"), "up without the key");
	end(&a);
	end(&b);
	end(&c);
	until(!there());
}

/* Somebody who has not got the key hears all, and says it again, or something else. */
static void hostile(void)
{
	static uint8_t msg[100000];
	struct end a, b;
	uint64_t n;

	begin(&a, 1);
	begin(&b, 1);
	until(a.here && b.here);
	memset(msg, 0, CHUNK);
	expect(!had_send(first(&a), msg, CHUNK), "send");
	until(got(&b) == 1);
	for (int type = 0; type < 3; type++) {
		n = counter(&a, "cpg_replayed") + counter(&b, "cpg_replayed");
		inject(kept_from[type], kept[type], kept_len[type]);
		until(counter(&a, "cpg_replayed") + counter(&b, "cpg_replayed") == n + 1);
	}
	/* Each octet of it is looked at. */
	for (size_t i = 2; i < kept_len[2]; i += 1 + kept_len[2] / 97) {
		memcpy(msg, kept[2], kept_len[2]);
		msg[31] += 1;		/* the number that comes next */
		msg[i] ^= 1 + below(255);
		inject(kept_from[2], msg, kept_len[2]);
	}
	for (size_t i = 0; i < 80; i++) {
		memcpy(msg, kept[2], kept_len[2]);
		msg[31] += 1;
		inject(kept_from[2], msg, i);
	}
	msg[0] = 9;
	inject(kept_from[2], msg, kept_len[2]);
	for (int i = 0; i < 200; i++) {
		size_t len = below(200);

		noise(msg, len);
		memcpy(msg, kept[i % 3], len < 12 ? len : 12);
		inject(kept_from[i % 3], msg, len);
	}
	until(strstr(a.side.said, "version 9") || strstr(b.side.said, "version 9") ||
	      counter(&a, "cpg_forged") + counter(&b, "cpg_forged") > 90);
	memset(msg, 1, CHUNK);
	expect(!had_send(first(&a), msg, CHUNK), "send");
	until(got(&b) == 2);
	expect(a.side.ups == 1 && b.side.ups == 1 && !a.side.downs && !b.side.downs,
	       "it has done something");
	expect(counter(&a, "cpg_forged") + counter(&b, "cpg_forged") > 90, "not seen");
	/* What was said in another session is of no use in this one. */
	memcpy(msg, kept[2], kept_len[2]);
	n = kept_len[2];
	had_drop(first(&a), "enough");
	until(a.side.ups == 2 && b.side.ups == 2 && a.here && b.here);
	inject(kept_from[2], msg, n);
	until(counter(&a, "cpg_stale") + counter(&b, "cpg_stale"));
	expect(!got(&b), "it was heard");
	end(&a);
	end(&b);
	until(!there());
}

/* An older greeting comes while two shake hands: they find each other all the same. */
static void old_greeting(void)
{
	static uint8_t old[200];
	struct end a, b;
	uint32_t from;
	size_t len;

	begin(&a, 1);
	begin(&b, 1);
	until(a.here && b.here);
	len = kept_len[0];
	from = kept_from[0];
	memcpy(old, kept[0], len);
	had_drop(first(&a), "enough");
	until(!a.here && !b.here);
	for (int i = 0; i < 50 && !(a.here && b.here); i++) {
		inject(from, old, len);
		turn();
	}
	until(a.here && b.here);
	end(&a);
	end(&b);
	until(!there());
}

/* What the engine may not lose */
static void lost(void)
{
	uint8_t chunk[CHUNK] = {};
	struct end a, b;

	begin(&a, 1);
	begin(&b, 1);
	until(a.here && b.here);
	lose = 1;
	expect(!had_send(first(&a), chunk, CHUNK), "send");
	until(!lose);
	expect(!had_send(first(&a), chunk, CHUNK), "send");
	until(a.side.downs == 1 && b.side.downs == 1);
	expect(strstr(b.side.why, "lost") && counter(&b, "cpg_lost") == 1, "%s", b.side.why);
	until(a.here && b.here);
	/* One that can't be understood is dropped. */
	b.side.choke = true;
	expect(!had_send(first(&a), chunk, CHUNK), "send");
	until(b.side.downs == 2);
	expect(strstr(b.side.why, "understood"), "%s", b.side.why);
	end(&a);
	end(&b);
	until(!there());
}

/* The engine of one end stands still, then it dies. */
static void engine(void)
{
	uint8_t chunk[CHUNK] = {};
	unsigned int sent = 0;
	struct end a, b;

	begin(&a, 1);
	until(members[1].joined);
	begin(&b, 1);
	until(a.here && b.here);
	members[1].still = true;
	for (int i = 0; i < 100; i++) {
		while (sent < 20000 && !had_send(first(&a), chunk, sizeof(chunk)))
			memset(chunk, ++sent, sizeof(chunk));
		turn();
	}
	expect(sent < 20000, "no end to it");
	expect(members[1].most_on_way == 32, "%u on their way", members[1].most_on_way);
	expect(had_send(first(&a), chunk, sizeof(chunk)) == -ENOBUFS, "taken");
	had_drop(first(&a), "too slow");
	until(a.side.downs == 1);
	expect(b.here, "nothing was said");
	members[1].still = false;
	until(b.side.downs == 1);
	until(a.here && b.here);
	pthread_mutex_lock(&lock);
	members[1].dead = true;
	leave(&members[1]);
	eventfd_write(members[1].fd, 1);
	pthread_mutex_unlock(&lock);
	until(a.side.downs == 2 && b.side.downs == 2);
	expect(strstr(a.side.why, "Corosync has gone"), "%s", a.side.why);
	expect(strstr(b.side.why, "has left the cluster"), "%s", b.side.why);
	/* There is another one. */
	until(a.here && b.here);
	end(&a);
	end(&b);
	until(!there());
}

static void many(void)
{
	struct end e[ENDS];
	unsigned int links = 0, crowd = 0;

	for (int i = 0; i < 16; i++)
		begin(&e[i], 1);
	for (int i = 0; i < 16; i++)
		until(e[i].here == 15);
	begin(&e[16], 1);
	for (int i = 0; i < 16; i++) {
		until(counter(&e[i], "cpg_crowd"));
		crowd += counter(&e[i], "cpg_crowd");
		links += e[i].here;
	}
	expect(crowd == 16 && links == 16 * 15, "%u of 17 are heard", links);
	for (int i = 0; i < ENDS; i++)
		end(&e[i]);
	until(!there());
}

int main(int argc, char **argv)
{
	rnd_state = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	base = event_base_new();
	streams();
	without_key();
	hostile();
	old_greeting();
	lost();
	engine();
	many();
	event_base_free(base);
	return 0;
}
