// SPDX-License-Identifier: GPL-2.0
/*
 * Two gateways, over TLS 1.3 with a pre-shared key.
 *
 * Who has the lower address listens, the other one connects, so that there is one connection. The
 * key is derived from the link's, for this alone; each connection has fresh ones by (EC)DHE. There
 * are no certificates, no tickets, no early data. Who listens gives strangers little: so many of
 * them, so long, and no memory but a handshake's.
 *
 * A connection that is authentic takes the place of an older one: its peer has begun anew. One
 * whose other end does not answer any more is ended by TCP (keepalive, user timeout).
 */

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/util.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "transport.h"
#include "wire.h"

#define IDENTITY	"xfrm-ha relay"
#define PURPOSE		"xfrm-ha relay, TLS 1.3 external PSK"
#define PSK_LEN		48
#define CIPHER		"TLS_AES_256_GCM_SHA384"

#define STRANGERS	16	/* that may be in a handshake */
#define HANDSHAKE_MS	3000
#define LINGER_MS	1000
#define RETRY_MS	100
#define RETRY_MOST_MS	3000
#define IN_LEN		(2 * HAD_WIRE_MAX)

struct tls;

struct conn {
	LIST_ENTRY(conn) node;
	struct had_peer peer;
	SSL *ssl;
	int fd;
	struct event *reads, *writes, *timer;
	bool up, closing;
	char why[128];
	uint8_t *in, *out;
	size_t in_len, out_at, out_len;
};

/* Listener, or dialler: which of both follows from the addresses, when they are known. */
struct tls {
	struct had_transport transport;
	struct event_base *base;
	struct had_tls_config config;
	uint8_t *psk;
	SSL_CTX *ctx;
	struct event *listener, *retry;
	struct sockaddr_storage bound;
	int listen_fd;
	unsigned int retry_ms, strangers;
	char said[160];
	struct conn *current;	/* the one that is up */
	LIST_HEAD(, conn) conns;
};

static struct tls *tls_of(struct had_transport *t)
{
	return (struct tls *)((char *)t - offsetof(struct tls, transport));
}

static struct conn *conn_of(const struct had_peer *p)
{
	return (struct conn *)((char *)p - offsetof(struct conn, peer));
}

static struct timeval in_ms(unsigned int ms)
{
	return (struct timeval){ .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
}

__attribute__((format(printf, 3, 4)))
static void say(struct tls *t, int priority, const char *format, ...)
{
	char text[160];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	/* What goes on and on is said once. */
	if (!strcmp(text, t->said))
		return;
	snprintf(t->said, sizeof(t->said), "%s", text);
	if (t->transport.ops->say)
		t->transport.ops->say(t->transport.user, priority, text);
}

static void retry(struct tls *t)
{
	struct timeval tv;
	uint32_t chance;

	/* Two that begin at the same time do not go on at the same time. */
	evutil_secure_rng_get_bytes(&chance, sizeof(chance));
	tv = in_ms(t->retry_ms + chance % (t->retry_ms / 2 + 1));
	evtimer_add(t->retry, &tv);
	t->retry_ms = t->retry_ms * 2 < RETRY_MOST_MS ? t->retry_ms * 2 : RETRY_MOST_MS;
}

static void event_end(struct event **ev)
{
	if (*ev)
		event_free(*ev);
	*ev = NULL;
}

static void conn_free(struct conn *c)
{
	struct tls *t = tls_of(c->peer.transport);

	event_end(&c->reads);
	event_end(&c->writes);
	event_end(&c->timer);
	if (c->ssl)
		SSL_free(c->ssl);
	if (c->fd >= 0)
		close(c->fd);
	had_secret_free(c->in, IN_LEN);
	had_secret_free(c->out, HAD_TRANSPORT_QUEUE);
	LIST_REMOVE(c, node);
	if (!c->up)
		t->strangers--;
	free(c);
}

/* From the event loop only. Who dialled dials again; who listens looks whether it still can. */
static void conn_end(struct conn *c, const char *why)
{
	struct tls *t = tls_of(c->peer.transport);

	if (c->up) {
		if (t->current == c)
			t->current = NULL;
		t->transport.ops->down(c->peer.session, *c->why ? c->why : why);
	}
	conn_free(c);
	if (!t->current && !evtimer_pending(t->retry, NULL))
		retry(t);
}

static const char *tls_reason(void)
{
	unsigned long e = ERR_peek_last_error();
	const char *s = e ? ERR_reason_error_string(e) : NULL;

	return s ? s : "it was closed";
}

/* After an SSL_*() that gave @n. Return: 0: later; -1: it has ended, and *why says how */
static int ssl_failed(struct conn *c, int n, const char **why)
{
	switch (SSL_get_error(c->ssl, n)) {
	case SSL_ERROR_WANT_READ:
		return 0;
	case SSL_ERROR_WANT_WRITE:
		event_add(c->writes, NULL);
		return 0;
	case SSL_ERROR_ZERO_RETURN:
		*why = "the peer has closed it";
		return -1;
	case SSL_ERROR_SYSCALL:
		*why = errno ? strerror(errno) : "the peer has closed it";
		return -1;
	default:
		*why = tls_reason();
		return -1;
	}
}

static int established(struct conn *c, const char **why)
{
	struct tls *t = tls_of(c->peer.transport);

	/* By certificate or not at all: nobody of ours. */
	if (!SSL_session_reused(c->ssl) || SSL_version(c->ssl) != TLS1_3_VERSION) {
		*why = "without the key";
		return -1;
	}
	c->in = had_secret_alloc(IN_LEN);
	c->out = had_secret_alloc(HAD_TRANSPORT_QUEUE);
	if (!c->in || !c->out) {
		*why = "out of memory";
		return -1;
	}
	evtimer_del(c->timer);
	if (t->current)
		conn_end(t->current, "the peer has begun another one");
	t->current = c;
	t->strangers--;
	c->up = true;
	t->retry_ms = RETRY_MS;
	t->said[0] = '\0';
	evtimer_del(t->retry);
	c->peer.session = t->transport.ops->up(t->transport.user, &c->peer);
	/* What came right behind the handshake OpenSSL has read already. */
	if (SSL_has_pending(c->ssl))
		event_active(c->reads, EV_READ, 0);
	return 0;
}

/* Return: 0, or -1: it is no more */
static int shake(struct conn *c)
{
	struct tls *t = tls_of(c->peer.transport);
	const char *why = "";
	int n;

	ERR_clear_error();
	errno = 0;
	n = SSL_do_handshake(c->ssl);
	if (n == 1 ? established(c, &why) : ssl_failed(c, n, &why)) {
		say(t, LOG_WARNING, "relay: no handshake with the peer: %s", why);
		conn_end(c, why);
		return -1;
	}
	return 0;
}

/* Return: 0, or -1: it is no more */
static int flush(struct conn *c)
{
	const char *why = "";
	bool was_full = c->out_len > HAD_TRANSPORT_QUEUE / 2;
	int n;

	while (c->out_len) {
		ERR_clear_error();
		errno = 0;
		n = SSL_write(c->ssl, c->out + c->out_at,
			      c->out_len < 16384 ? c->out_len : 16384);
		if (n <= 0) {
			if (!ssl_failed(c, n, &why))
				goto later;
			conn_end(c, why);
			return -1;
		}
		explicit_bzero(c->out + c->out_at, n);
		c->out_at += n;
		c->out_len -= n;
	}
	c->out_at = 0;
	if (c->closing) {
		SSL_shutdown(c->ssl);
		conn_end(c, c->why);
		return -1;
	}
later:
	if (was_full && c->out_len <= HAD_TRANSPORT_QUEUE / 2 && !c->closing)
		c->peer.transport->ops->writable(c->peer.session);
	return 0;
}

/* What was read goes to the relay; the rest waits for what follows it. Return: 0, or -1 */
static int deliver(struct conn *c)
{
	long n;

	if (c->closing) {
		explicit_bzero(c->in, c->in_len);
		c->in_len = 0;
		return 0;
	}
	n = c->peer.transport->ops->receive(c->peer.session, c->in, c->in_len);
	if (n < 0) {
		had_drop(&c->peer, "it said what can't be understood");
		return 0;
	}
	memmove(c->in, c->in + n, c->in_len - n);
	explicit_bzero(c->in + c->in_len - n, n);
	c->in_len -= n;
	/* A message is shorter than this. */
	if (c->in_len == IN_LEN) {
		conn_end(c, "a message is too long");
		return -1;
	}
	return 0;
}

static void on_read(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;
	const char *why = "";
	int n;

	(void)fd;
	(void)what;
	if (!c->up && (shake(c) || !c->up))
		return;
	ERR_clear_error();
	errno = 0;
	n = SSL_read(c->ssl, c->in + c->in_len, IN_LEN - c->in_len);
	if (n <= 0) {
		if (ssl_failed(c, n, &why))
			conn_end(c, why);
		return;
	}
	c->in_len += n;
	if (deliver(c))
		return;
	/* Others have their turn; what OpenSSL has read already no poll tells of. */
	if (SSL_has_pending(c->ssl))
		event_active(c->reads, EV_READ, 0);
}

static void on_write(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	if (!c->up) {
		shake(c);
		return;
	}
	if (flush(c))
		return;
	if (c->out_len)
		event_add(c->writes, NULL);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	if (!c->up)
		say(tls_of(c->peer.transport), LOG_WARNING,
		    "relay: no handshake with the peer: it is silent");
	conn_end(c, c->up ? c->why : "no handshake in time");
}

static int conn_send(struct had_peer *p, const void *data, size_t len)
{
	struct conn *c = conn_of(p);

	if (c->closing)
		return -ENOTCONN;
	if (len > HAD_TRANSPORT_QUEUE - c->out_len)
		return -ENOBUFS;
	if (len > HAD_TRANSPORT_QUEUE - c->out_at - c->out_len) {
		memmove(c->out, c->out + c->out_at, c->out_len);
		explicit_bzero(c->out + c->out_len, c->out_at);
		c->out_at = 0;
	}
	memcpy(c->out + c->out_at + c->out_len, data, len);
	c->out_len += len;
	if (!event_pending(c->writes, EV_WRITE, NULL))
		event_add(c->writes, NULL);
	return 0;
}

static size_t conn_room(const struct had_peer *p)
{
	const struct conn *c = conn_of(p);

	return c->closing ? 0 : HAD_TRANSPORT_QUEUE - c->out_len;
}

static void conn_drop(struct had_peer *p, const char *why)
{
	struct timeval tv = in_ms(LINGER_MS);
	struct conn *c = conn_of(p);

	if (c->closing)
		return;
	c->closing = true;
	snprintf(c->why, sizeof(c->why), "%s", why);
	evtimer_add(c->timer, &tv);
	event_add(c->writes, NULL);
}

static struct conn *conn_new(struct tls *t, int fd, bool server)
{
	struct timeval tv = in_ms(HANDSHAKE_MS);
	int on = 1, idle = 2, every = 1, times = 5;
	unsigned int timeout = 8000;
	struct conn *c, *last;

	if (t->strangers >= STRANGERS) {
		/* The one that has taken longest, but not the peer that is up. */
		for (last = NULL, c = LIST_FIRST(&t->conns); c; c = LIST_NEXT(c, node))
			if (!c->up)
				last = c;
		if (last)
			conn_free(last);
	}
	c = calloc(1, sizeof(*c));
	if (!c) {
		close(fd);
		return NULL;
	}
	c->peer.transport = &t->transport;
	c->fd = fd;
	LIST_INSERT_HEAD(&t->conns, c, node);
	t->strangers++;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof(every));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &times, sizeof(times));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof(timeout));
	c->ssl = SSL_new(t->ctx);
	c->reads = event_new(t->base, fd, EV_READ | EV_PERSIST, on_read, c);
	c->writes = event_new(t->base, fd, EV_WRITE, on_write, c);
	c->timer = evtimer_new(t->base, on_timer, c);
	if (!c->ssl || !c->reads || !c->writes || !c->timer || !SSL_set_fd(c->ssl, fd)) {
		conn_free(c);
		return NULL;
	}
	SSL_set_app_data(c->ssl, t);
	if (server)
		SSL_set_accept_state(c->ssl);
	else
		SSL_set_connect_state(c->ssl);
	evtimer_add(c->timer, &tv);
	event_add(c->reads, NULL);
	/* Who dials is told by this that it is connected. */
	if (!server)
		event_add(c->writes, NULL);
	return c;
}

static SSL_SESSION *session(SSL *ssl)
{
	static const unsigned char suite[] = { 0x13, 0x02 };
	struct tls *t = SSL_get_app_data(ssl);
	const SSL_CIPHER *cipher = SSL_CIPHER_find(ssl, suite);
	SSL_SESSION *s = SSL_SESSION_new();

	if (s && cipher && SSL_SESSION_set1_master_key(s, t->psk, PSK_LEN) &&
	    SSL_SESSION_set_cipher(s, cipher) &&
	    SSL_SESSION_set1_id_context(s, (const uint8_t *)IDENTITY, strlen(IDENTITY)) &&
	    SSL_SESSION_set_protocol_version(s, TLS1_3_VERSION))
		return s;
	SSL_SESSION_free(s);
	return NULL;
}

static int client_psk(SSL *ssl, const EVP_MD *md, const unsigned char **id, size_t *len,
		      SSL_SESSION **s)
{
	*s = NULL;
	if (md && EVP_MD_get_type(md) != NID_sha384)
		return 0;
	*s = session(ssl);
	*id = (const unsigned char *)IDENTITY;
	*len = strlen(IDENTITY);
	return !!*s;
}

static int server_psk(SSL *ssl, const unsigned char *id, size_t len, SSL_SESSION **s)
{
	*s = NULL;
	if (len != strlen(IDENTITY) || memcmp(id, IDENTITY, len))
		return 1;
	*s = session(ssl);
	return !!*s;
}

static SSL_CTX *context(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());

	if (!ctx)
		return NULL;
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_CLEANSE_PLAINTEXT |
			    SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
			 SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	/* A record in one read(), not in two */
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_psk_use_session_callback(ctx, client_psk);
	SSL_CTX_set_psk_find_session_callback(ctx, server_psk);
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) &&
	    SSL_CTX_set_ciphersuites(ctx, CIPHER) && SSL_CTX_set_num_tickets(ctx, 0) &&
	    SSL_CTX_set_session_id_context(ctx, (const uint8_t *)IDENTITY, strlen(IDENTITY)))
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

static socklen_t length(const struct sockaddr_storage *a)
{
	return a->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

static void set_port(struct sockaddr_storage *a, uint16_t port)
{
	in_port_t *p = a->ss_family == AF_INET ? &((struct sockaddr_in *)a)->sin_port :
						 &((struct sockaddr_in6 *)a)->sin6_port;

	if (!*p)
		*p = htons(port);
}

/* The address that a host gives itself for its MAC address, RFC 4291 */
static void link_local(struct sockaddr_storage *a, const uint8_t *mac, unsigned int scope)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)a;
	uint8_t *b = in6->sin6_addr.s6_addr;

	memset(a, 0, sizeof(*a));
	in6->sin6_family = AF_INET6;
	in6->sin6_scope_id = scope;
	b[0] = 0xfe;
	b[1] = 0x80;
	memcpy(b + 8, mac, 3);
	b[8] ^= 2;
	b[11] = 0xff;
	b[12] = 0xfe;
	memcpy(b + 13, mac + 3, 3);
}

/* Return: 0, or -errno: there is no such device now */
static int ends(struct tls *t, struct sockaddr_storage *own, struct sockaddr_storage *peer)
{
	struct ifreq ifr = {};
	int fd, err = 0;

	*own = t->config.own;
	*peer = t->config.peer;
	if (!peer->ss_family) {
		unsigned int index = if_nametoindex(t->config.device);

		fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (fd < 0)
			return -errno;
		memcpy(ifr.ifr_name, t->config.device, sizeof(ifr.ifr_name));
		if (!index || ioctl(fd, SIOCGIFHWADDR, &ifr))
			err = -errno;
		close(fd);
		if (err)
			return err;
		link_local(own, (uint8_t *)ifr.ifr_hwaddr.sa_data, index);
		link_local(peer, t->config.peer_mac, index);
	}
	set_port(own, t->config.port);
	set_port(peer, t->config.port);
	return 0;
}

/* Which of both is to listen: an order that both ends see alike */
static int compare(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	const struct sockaddr_in6 *a6 = (void *)a, *b6 = (void *)b;
	const struct sockaddr_in *a4 = (void *)a, *b4 = (void *)b;
	int c;

	if (a->ss_family != b->ss_family)
		return a->ss_family < b->ss_family ? -1 : 1;
	c = a->ss_family == AF_INET ? memcmp(&a4->sin_addr, &b4->sin_addr, 4) :
				      memcmp(&a6->sin6_addr, &b6->sin6_addr, 16);
	if (c)
		return c;
	return a->ss_family == AF_INET ? memcmp(&a4->sin_port, &b4->sin_port, 2) :
					 memcmp(&a6->sin6_port, &b6->sin6_port, 2);
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct tls *t = arg;
	int s = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)what;
	if (s >= 0)
		conn_new(t, s, true);
}

static void deaf(struct tls *t)
{
	event_end(&t->listener);
	if (t->listen_fd >= 0)
		close(t->listen_fd);
	t->listen_fd = -1;
}

static void listens(struct tls *t, const struct sockaddr_storage *own)
{
	int fd, on = 1;

	if (t->listen_fd >= 0 && !memcmp(own, &t->bound, sizeof(*own)))
		return;
	deaf(t);
	fd = socket(own->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		goto err;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)own, length(own)) || listen(fd, STRANGERS))
		goto err;
	t->listener = event_new(t->base, fd, EV_READ | EV_PERSIST, on_accept, t);
	if (!t->listener)
		goto err;
	event_add(t->listener, NULL);
	t->listen_fd = fd;
	t->bound = *own;
	return;
err:
	say(t, LOG_NOTICE, "relay: can't listen: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
}

static void dials(struct tls *t, struct sockaddr_storage own, const struct sockaddr_storage *peer)
{
	int fd = socket(peer->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	deaf(t);
	if (fd < 0)
		return;
	/* From the address that the peer knows, any port */
	if (own.ss_family == AF_INET)
		((struct sockaddr_in *)&own)->sin_port = 0;
	else
		((struct sockaddr_in6 *)&own)->sin6_port = 0;
	if ((own.ss_family && bind(fd, (struct sockaddr *)&own, length(&own))) ||
	    (connect(fd, (const struct sockaddr *)peer, length(peer)) && errno != EINPROGRESS)) {
		say(t, LOG_NOTICE, "relay: can't connect to the peer: %s", strerror(errno));
		close(fd);
		return;
	}
	conn_new(t, fd, false);
}

/* While no peer is there: what is needed for one */
static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct sockaddr_storage own, peer;
	struct tls *t = arg;
	int err;

	(void)fd;
	(void)what;
	if (t->current)
		return;
	err = ends(t, &own, &peer);
	if (err) {
		say(t, LOG_NOTICE, "relay: no address of %s: %s", t->config.device, strerror(-err));
		deaf(t);
	} else if (compare(&own, &peer) < 0) {
		listens(t, &own);
	} else if (!t->strangers) {
		dials(t, own, &peer);
	}
	retry(t);
}

static void tls_free(struct had_transport *transport)
{
	struct tls *t = tls_of(transport);

	while (!LIST_EMPTY(&t->conns)) {
		struct conn *c = LIST_FIRST(&t->conns);

		if (c->up)
			t->transport.ops->down(c->peer.session, "this end was closed");
		conn_free(c);
	}
	deaf(t);
	event_end(&t->retry);
	SSL_CTX_free(t->ctx);
	had_secret_free(t->psk, PSK_LEN);
	free(t);
}

static const struct had_transport_kind tls_kind = {
	.name = "tls",
	.send = conn_send,
	.room = conn_room,
	.drop = conn_drop,
	.free = tls_free,
};

/**
 * had_tls_new() - a way to the other gateway
 * @base: event loop
 * @c: both ends, and the key
 * @ops: its user's
 * @user: for these
 *
 * Return: a transport that looks for its peer for as long as it is there; NULL: out of memory, or
 * OpenSSL can't do it.
 */
struct had_transport *had_tls_new(struct event_base *base, const struct had_tls_config *c,
				  const struct had_transport_ops *ops, void *user)
{
	struct tls *t = calloc(1, sizeof(*t));
	struct timeval now = {};

	if (!t)
		return NULL;
	LIST_INIT(&t->conns);
	t->transport = (struct had_transport){ .kind = &tls_kind, .ops = ops, .user = user };
	t->base = base;
	t->config = *c;
	explicit_bzero(t->config.key, sizeof(t->config.key));
	if (!t->config.port)
		t->config.port = HAD_TRANSPORT_PORT;
	t->listen_fd = -1;
	t->retry_ms = RETRY_MS;
	t->psk = had_secret_alloc(PSK_LEN);
	t->ctx = context();
	t->retry = evtimer_new(base, on_retry, t);
	if (!t->psk || had_derive(c->key, PURPOSE, t->psk, PSK_LEN) || !t->ctx || !t->retry) {
		tls_free(&t->transport);
		return NULL;
	}
	evtimer_add(t->retry, &now);
	return &t->transport;
}
