// SPDX-License-Identifier: GPL-2.0
/*
 * The transport over loopback: two ends that have the key, one that has not, strangers that say
 * nothing or nonsense, a reader that does not read, an end that begins anew.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <sys/socket.h>
#include <unistd.h>

#include "stream.h"
#include "wire.h"

#define MANY	2000	/* chunks, more than all buffers on the way hold */

struct end {
	struct side side;
	struct stream s;
	const char *name;
	struct had_transport *t;
};

static struct event_base *base;

static void *up(void *user, struct had_peer *p)
{
	struct end *e = user;

	e->s.peer = p;
	e->side.ups++;
	return &e->s;
}

static void down(void *session, const char *why)
{
	struct stream *s = session;

	/* An older one may end when its successor is there already. */
	if (s->side->ups == ++s->side->downs)
		s->peer = NULL;
	snprintf(s->side->why, sizeof(s->side->why), "%s", why);
}

static const struct had_transport_ops ops = {
	.up = up, .down = down, .receive = receive, .writable = writable, .say = said,
};

static struct sockaddr_storage addr(const char *text, uint16_t port)
{
	struct sockaddr_storage a = {};
	struct sockaddr_in *in = (void *)&a;

	in->sin_family = AF_INET;
	in->sin_port = htons(port);
	inet_pton(AF_INET, text, &in->sin_addr);
	return a;
}

static uint16_t port;

/* 127.0.0.2 listens, 127.0.0.3 dials. */
static void begin(struct end *e, int last, uint8_t key)
{
	struct had_tls_config c = { .port = port };

	memset(c.key, key, sizeof(c.key));
	c.own = addr(last == 2 ? "127.0.0.2" : "127.0.0.3", port);
	c.peer = addr(last == 2 ? "127.0.0.3" : "127.0.0.2", port);
	memset(e, 0, sizeof(*e));
	e->s.side = &e->side;
	e->name = last == 2 ? "listener" : "dialler";
	e->t = had_tls_new(base, &c, &ops, e);
	expect(e->t, "no transport");
}

static void end(struct end *e)
{
	had_transport_free(e->t);
	expect(e->side.downs == e->side.ups, "%s: %u up, %u down", e->name, e->side.ups,
	       e->side.downs);
	e->t = NULL;
}

/* Until it is so. A loaded machine is patient. */
#define until(condition)								\
	do {										\
		int turns_ = 3000;							\
		while (!(condition) && turns_--) {					\
			struct timeval tv_ = { 0, 10000 };				\
			event_base_loopexit(base, &tv_);				\
			event_base_dispatch(base);					\
		}									\
		expect(turns_ >= 0, "not so: %s", #condition);				\
	} while (0)

static const uint8_t nothing[CHUNK];

static void meet(struct end *a, struct end *b)
{
	until(a->s.peer && b->s.peer);
	expect(!had_send(a->s.peer, nothing, CHUNK), "send");
	until(b->s.got == 1);
	b->s.got = 0;
}

static int stranger(const char *data, size_t len)
{
	struct sockaddr_storage a = addr("127.0.0.2", port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	expect(fd >= 0 && !connect(fd, (void *)&a, sizeof(struct sockaddr_in)), "connect");
	expect(send(fd, data, len, MSG_NOSIGNAL) == (ssize_t)len, "send");
	return fd;
}

static void both_ways(void)
{
	struct end a, b;

	begin(&a, 2, 1);
	begin(&b, 3, 1);
	meet(&a, &b);
	a.s.sent = 0;
	a.side.pump = MANY;
	b.side.pump = MANY;
	pump(&a.s);
	pump(&b.s);
	expect(a.s.sent < MANY, "all of it found room at once");
	until(a.s.got == MANY && b.s.got == MANY);
	expect(a.side.writables && b.side.writables, "nobody was told that there is room");
	/* One end begins anew, then the other. */
	end(&b);
	until(!a.s.peer);
	begin(&b, 3, 1);
	a.s.got = 0;
	meet(&a, &b);
	end(&a);
	until(!b.s.peer);
	begin(&a, 2, 1);
	b.s.got = 0;
	meet(&a, &b);
	/* What was said before it is dropped arrives. */
	expect(!had_send(a.s.peer, nothing, CHUNK), "send");
	had_drop(a.s.peer, "enough");
	expect(had_send(a.s.peer, "x", 1) == -ENOTCONN, "it takes more");
	until(b.s.got == 1 && a.side.downs == 1 && !strcmp(a.side.why, "enough"));
	b.s.got = 0;
	/* And they meet again. */
	until(a.s.peer && b.s.peer && b.side.downs == 2);
	/* One that can't be understood is dropped. */
	b.side.choke = true;
	expect(!had_send(a.s.peer, "x", 1), "send");
	until(b.side.downs == 3);
	expect(strstr(b.side.why, "understood"), "%s", b.side.why);
	end(&a);
	end(&b);
}

static void without_key(void)
{
	struct end a, b, c;

	begin(&a, 2, 1);
	begin(&b, 3, 2);
	until(*a.side.said && strstr(b.side.said, "handshake"));
	expect(!a.side.ups && !b.side.ups, "up without the key");
	/* Who has it is heard beside that one. */
	begin(&c, 3, 1);
	meet(&a, &c);
	expect(!b.side.ups, "up without the key");
	end(&b);
	end(&c);
	end(&a);
	/* A listener without the key has nothing to show to who dials. */
	begin(&a, 2, 2);
	begin(&b, 3, 1);
	until(strstr(b.side.said, "handshake"));
	expect(!a.side.ups && !b.side.ups, "up without the key");
	end(&b);
	end(&a);
}

static bool listening(void)
{
	struct sockaddr_storage a = addr("127.0.0.2", port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	bool is = !connect(fd, (void *)&a, sizeof(struct sockaddr_in));

	close(fd);
	return is;
}

static void strangers(void)
{
	struct end a, b;
	int fds[64], i;
	char buf[16];

	begin(&a, 2, 1);
	until(listening());
	for (i = 0; i < 64; i++) {
		struct timeval tv = { 0, 1000 };

		fds[i] = stranger(i % 2 ? "GET / HTTP/1.0\r\n\r\n" : "", i % 2 ? 18 : 0);
		/* Room for the next one */
		event_base_loopexit(base, &tv);
		event_base_dispatch(base);
	}
	begin(&b, 3, 1);
	until(a.s.peer && b.s.peer);
	/* None stays: neither those that talk nor the silent. */
	for (i = 0; i < 64; i++) {
		struct timeval soon = { 0, 20000 };
		ssize_t n = -1;
		int turns = 1000;

		while (turns-- && n < 0) {
			event_base_loopexit(base, &soon);
			event_base_dispatch(base);
			while ((n = recv(fds[i], buf, sizeof(buf), MSG_DONTWAIT)) > 0)
				;
			if (n < 0 && errno != EAGAIN)
				n = 0;
		}
		expect(!n, "stranger %d is still there", i);
		close(fds[i]);
	}
	expect(a.s.peer && a.side.ups == 1, "and the peer has gone with them");
	end(&b);
	end(&a);
}

/* Its other end has the key, and reads no more: the queue has its bound. */
static void slow(void)
{
	struct event_base *other = event_base_new(), *first = base;
	unsigned int sent = 0;
	uint8_t chunk[CHUNK];
	struct end a, b;
	int i;

	begin(&a, 2, 1);
	base = other;
	begin(&b, 3, 1);
	for (i = 0; i < 3000 && !(a.s.peer && b.s.peer); i++) {
		struct timeval tv = { 0, 5000 };

		event_base_loopexit(first, &tv);
		event_base_dispatch(first);
		event_base_loopexit(other, &tv);
		event_base_dispatch(other);
	}
	base = first;
	expect(a.s.peer && b.s.peer, "they don't meet");
	memset(chunk, 0, sizeof(chunk));
	for (i = 0; i < 200; i++) {
		struct timeval tv = { 0, 2000 };

		while (sent < 20000 && !had_send(a.s.peer, chunk, sizeof(chunk)))
			sent++;
		event_base_loopexit(base, &tv);
		event_base_dispatch(base);
	}
	expect(sent < 20000, "no end to it");
	expect(had_room(a.s.peer) < sizeof(chunk), "room, and nothing taken");
	expect(had_send(a.s.peer, chunk, sizeof(chunk)) == -ENOBUFS, "taken");
	/* Who waits for it no longer is rid of it, though it takes nothing. */
	had_drop(a.s.peer, "too slow");
	until(a.side.downs == 1);
	end(&a);
	end(&b);
	event_base_free(other);
}

int main(int argc, char **argv)
{
	base = event_base_new();
	port = 20000 + getpid() % 20000;
	if (argc > 1)
		rnd_state = strtoull(argv[1], NULL, 0) * 2 + 1;
	both_ways();
	without_key();
	strangers();
	slow();
	event_base_free(base);
	return 0;
}
