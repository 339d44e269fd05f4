/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How messages of the relay get to the other gateways: reliably, in order, and from nobody who does
 * not have the key. What a transport does not do is to understand them.
 *
 * A peer is there from up() to down(); all calls are made from the event loop, none from within a
 * call of the relay's. What is sent is taken whole or not at all: who gets -ENOBUFS waits for
 * writable().
 */
#ifndef XFRM_HAD_TRANSPORT_H
#define XFRM_HAD_TRANSPORT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;
struct had_peer;
struct had_transport;

#define HAD_KEY_LEN		32
#define HAD_TRANSPORT_PORT	4510
#define HAD_TRANSPORT_QUEUE	(1 << 20)	/* octets that wait to be sent to a peer */

/**
 * struct had_transport_ops - its user
 * @up: a peer is there, and has shown that it has the key; returns what the others are called with
 * @down: it is not there any more
 * @receive: octets came; returns how many of them were taken (whole messages), or less than 0: no
 *	more of this peer. What is not taken comes again, with what follows it
 * @writable: there is room again
 * @say: for the log
 */
struct had_transport_ops {
	void *(*up)(void *user, struct had_peer *p);
	void (*down)(void *session, const char *why);
	long (*receive)(void *session, const void *data, size_t len);
	void (*writable)(void *session);
	void (*say)(void *user, int priority, const char *text);
};

/* What all transports have in common; each has its own around it. */
struct had_transport {
	const struct had_transport_kind *kind;
	const struct had_transport_ops *ops;
	void *user;
};

struct had_peer {
	struct had_transport *transport;
	void *session;
};

/* Is told of each counter */
typedef void (*had_count)(void *to, const char *name, uint64_t n);

/* @counts may be NULL */
struct had_transport_kind {
	const char *name;
	int (*send)(struct had_peer *p, const void *data, size_t len);
	size_t (*room)(const struct had_peer *p);
	void (*drop)(struct had_peer *p, const char *why);
	void (*free)(struct had_transport *t);
	void (*counts)(const struct had_transport *t, had_count count, void *to);
};

/* Return: 0, -ENOBUFS, or -ENOTCONN: it is being dropped */
static inline int had_send(struct had_peer *p, const void *data, size_t len)
{
	return p->transport->kind->send(p, data, len);
}

/* Octets that had_send() would take */
static inline size_t had_room(const struct had_peer *p)
{
	return p->transport->kind->room(p);
}

/* What was sent before is sent if the peer takes it soon; down() follows, later. */
static inline void had_drop(struct had_peer *p, const char *why)
{
	p->transport->kind->drop(p, why);
}

static inline void had_transport_free(struct had_transport *t)
{
	if (t)
		t->kind->free(t);
}

/**
 * struct had_tls_config
 * @key: of the link
 * @device: own end, if no addresses are given: IPv6 link-local, made of MAC addresses
 * @peer_mac: the other end's there
 * @own: address, its port ours
 * @peer: likewise
 */
struct had_tls_config {
	uint8_t key[HAD_KEY_LEN];
	char device[16];
	uint8_t peer_mac[6];
	uint16_t port;
	struct sockaddr_storage own, peer;
};

struct had_transport *had_tls_new(struct event_base *base, const struct had_tls_config *c,
				  const struct had_transport_ops *ops, void *user);

#define HAD_CPG_NAME	"xfrm-ha"	/* of the group that the daemons of a cluster join */

/**
 * struct had_cpg_config
 * @key: of all nodes
 * @name: of the group; "": HAD_CPG_NAME
 */
struct had_cpg_config {
	uint8_t key[HAD_KEY_LEN];
	char name[128];
};

struct had_transport *had_cpg_new(struct event_base *base, const struct had_cpg_config *c,
				  const struct had_transport_ops *ops, void *user);

/* secret.c: memory for keys, locked, in no core, and emptied */
void *had_secret_alloc(size_t n);
void had_secret_free(void *p, size_t n);

/* A key of @len octets for one purpose out of the link's. Return: 0, or -EIO */
int had_derive(const uint8_t *key, const char *purpose, uint8_t *to, size_t len);

/* HKDF-SHA384 of any. Return: 0, or -EIO */
int had_hkdf(const void *key, size_t key_len, const void *info, size_t info_len, uint8_t *to,
	     size_t len);

#endif
