/* SPDX-License-Identifier: GPL-2.0 */
/*
 * SAs and policies, from one gateway to the other: relay.c has groups, and hears the kernel;
 * session.c hears the peer; source.c is what it is told; sink.c what is installed here.
 */
#ifndef XFRM_HAD_RELAY_H
#define XFRM_HAD_RELAY_H

#include <time.h>

#include <openssl/evp.h>

#include "had.h"
#include "table.h"
#include "transport.h"
#include "wire.h"
#include "xfrm.h"

/**
 * struct relay_counts - since the daemon started
 * @sent: SAs and policies, and words that they have gone
 * @installed: of the peer's
 * @removed: of these
 * @foreign: that somebody else had installed before
 * @refused: that could not be sent, or installed
 * @ignored: words of the peer on a group that this node takes nothing for
 * @snapshots: the peer was told all
 * @again: the peer was asked for all
 * @retired: SAs of the peer's that newer ones have replaced
 * @unsure: events may have been missed
 * @overload: peers dropped since they were too slow
 */
struct relay_counts {
	uint64_t sent, installed, removed, foreign, refused, ignored;
	uint64_t snapshots, again, retired, unsure, overload;
};

/* A group of the file. */
struct relay {
	struct had_group *group;
	struct relay *next;
	struct had_match match;
	bool on;			/* the file says replicate */

	/* As source */
	bool source;			/* it is active here */
	bool fresh;			/* the peer is to be told all */
	bool telling, whole;		/* by the list that is read now: differences, or all */
	uint64_t snapshot;		/* last one that was begun */
	uint32_t n_sas, n_policies;	/* in it */
	struct table sent;
	bool others;			/* an SA of somebody else's may replace ours */

	/* As sink */
	bool in_list;			/* what is read now counts for it */
	bool sink;			/* as it was last */
	bool snapshot_open;
	uint64_t snapshot_seen;		/* as the peer numbers it */
	uint32_t naming;		/* as this node does */
	uint32_t got_sas, got_policies;
	struct table mine;
};

/* Of this daemon */
struct relays {
	struct had *had;
	struct relay *groups;		/* in the order of the file */
	struct event *tick;
	struct had_transport *transport;
	uint8_t instance[HAD_WIRE_INSTANCE];
	uint8_t digest_key[16];
	EVP_MAC *mac;
	EVP_MAC_CTX *mac_ctx;

	bool open;			/* xfrm_open() */
	bool listed;			/* what was here before is known */
	bool wanted;			/* a list is to be read */
	struct event *soon;		/* if it can be */
	uint32_t round;			/* of lists */
	uint32_t naming;		/* of snapshots of peers, and the one that is at its end */
	uint32_t ending;
	bool transport_failed;

	/* The peer */
	struct had_peer *peer;
	bool met;			/* its HELLO has come */
	struct had_wire_hello hello;
	uint64_t sent, acked;		/* messages to it */
	uint64_t taken, told;		/* messages of it, and what it was told of that */
	unsigned int stalled;
	bool dropped;			/* it is not heard any more */
	char refusal[HAD_WIRE_TEXT_MAX + 1];

	struct relay_counts counts;
	uint8_t message[HAD_WIRE_MAX], body[HAD_WIRE_MAX], essence[HAD_WIRE_MAX];
};

extern struct relays relays;

/* relay.c */
void relay_say(time_t *last, int priority, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
uint64_t relay_sa_digest(const void *body, size_t len, bool lifetimes);
uint64_t relay_policy_digest(const void *body, size_t len, bool lifetimes);
struct relay *relay_of_sa(const struct had_sa *sa);
struct relay *relay_of_policy(const struct had_policy *p);
struct relay *relay_by_name(const char *name);
void relay_want_list(void);
void relay_each_gone(struct relay *g, struct table *t, bool (*gone)(const struct item *i),
		     void (*func)(struct relay *g, struct item *i));
bool relay_not_listed(const struct item *i);

/* session.c */
bool session_send(struct had_wire_msg *m);
uint16_t session_number(const struct relay *of);
bool session_knows(const struct relay *g);
void session_refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));
void session_heed_window(void);
extern const struct had_transport_ops session_ops;

/* source.c */
bool source_is(const struct relay *g);
void source_forget(struct relay *g, const void *key, size_t len);
void source_only_of(struct relay *of, const void *key, size_t len);
void source_sa(struct relay *g, const struct had_sa *sa, const void *body, size_t len);
void source_policy(struct relay *g, const struct had_policy *p, const void *body, size_t len);
void source_begin(struct relay *g);
void source_listed(struct relay *g);

/* sink.c */
bool sink_is(const struct relay *g);
void sink_seen(struct relay *g, const void *key, size_t len, bool listing, bool tagged,
	       uint64_t here);
void sink_gone(struct relay *g, const void *key, size_t len);
void sink_listed(struct relay *g);
struct relay *sink_of(const struct had_wire_msg *m);
void sink_message(struct relay *g, const struct had_wire_msg *m);
void sink_ask_again(const struct relay *g);
void sink_missing(struct relay *g);
void sink_remove(struct relay *g, struct item *i);

/* retire.c */
void retire_seen(struct relay *g, const struct had_sa *sa, bool listing);
void retire_listed(int err);
void retire_tick(void);

/* offload.c */
bool offload_name(void *data, int ifindex, char *name, size_t len);
int offload_index(void *data, const char *name);

#endif
