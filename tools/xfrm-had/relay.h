/* SPDX-License-Identifier: GPL-2.0 */
/*
 * SAs and policies, from one gateway to the other: relay.c has groups, and hears the kernel;
 * session.c hears the peers; source.c is what they are told; sink.c what is installed here; store.c
 * what is kept here for others, or for later.
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

/* How a peer is reached: over a link, or at an address. */
struct way {
	struct way *next;
	struct conf_transport to;
	struct conf_link link;		/* if has_link */
	bool has_link;
	struct had_transport *transport;
	bool failed;
	time_t said;
	char refusal[HAD_WIRE_TEXT_MAX + 1];
};

/* A peer that is there. */
struct session {
	struct session *next;
	struct way *way;
	struct had_peer *peer;
	bool met;			/* its HELLO has come */
	bool dropped;			/* it is not heard any more */
	struct had_wire_hello hello;
	uint64_t sent, acked;		/* messages to it */
	uint64_t taken, told;		/* messages of it, and what it was told of that */
	unsigned int stalled;
};

/* What a peer that knows a group is told of it, by the active node or by one that stores it. */
struct tell {
	struct tell *next;
	struct session *to;
	bool fresh;			/* it is to be told all */
	uint64_t snapshot;		/* last one that was begun */
	uint32_t n_sas, n_policies;	/* in it */

	/* By the active node */
	bool telling, whole;		/* by the list that is read now: differences, or all */
	struct table sent;

	/* By a store */
	bool begun;			/* it is told what is stored */
	bool open;			/* END was not sent */
	uint64_t serial;		/* of what it was told last */
};

/* A group of the file. */
struct relay {
	struct had_group *group;
	struct relay *next;
	struct had_match match;
	bool on;			/* the file says replicate */

	/* As source */
	bool source;			/* it is active here */
	bool others;			/* an SA of somebody else's may replace ours */
	bool in_list;			/* what is read now counts for it */
	unsigned int giving;		/* s that peers hear nothing of it: see give() */
	struct tell *tells;

	/* As sink */
	bool sink;			/* as it was last */
	struct session *teller;		/* who is believed; NULL: nobody tells */
	bool teller_stored;		/* it is not active itself */
	uint32_t teller_term, term;	/* of the teller, and of what is here */
	bool snapshot_open;
	bool adding;			/* by that nothing is removed */
	uint64_t snapshot_seen;		/* as the peer numbers it */
	uint32_t naming;		/* as this node does */
	uint32_t got_sas, got_policies;
	bool flushed;			/* here: no word of the peer's is on its way */
	struct table mine;

	/* As store */
	bool store;			/* the file says so */
	bool lacks;			/* there was no room for all */
	bool carried;			/* the peer was active, in sync, when it was heard last */
	bool take;			/* it is lost, and the group is to be taken */
	uint32_t stored;
	uint64_t left_out;		/* for want of room */
};

/* Of this daemon */
struct relays {
	struct had *had;
	struct relay *groups;		/* in the order of the file */
	struct way *ways;
	struct session *sessions;
	struct event *tick;
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
bool session_send(struct session *s, struct had_wire_msg *m);
uint16_t session_number(const struct relay *of);
bool session_may_send(const struct session *s);
bool session_knows(const struct session *s, const struct relay *g);
void session_refuse(struct session *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void session_heed_window(void);
extern const struct had_transport_ops session_ops;

/* source.c */
struct tell *source_tell(const struct relay *g, const struct session *to);
void source_forget(struct relay *g, const void *key, size_t len);
void source_only_of(struct relay *of, const void *key, size_t len);
void source_sa(struct relay *g, const struct had_sa *sa, const void *body, size_t len,
	       bool listing);
void source_policy(struct relay *g, const struct had_policy *p, const void *body, size_t len,
		   bool listing);
bool source_begin(struct relay *g, struct tell *t, uint8_t flags, uint32_t term);
void source_end(struct relay *g, struct tell *t);
void source_gone(const struct relay *g, const struct tell *t, const struct item *i);
void source_listed(struct relay *g);
void source_add(struct relay *g, struct session *to);
void source_drop(struct relay *g, const struct session *to);
void source_over(struct relay *g);

/* sink.c */
bool sink_is(const struct relay *g);
void sink_seen(struct relay *g, const void *key, size_t len, bool listing, bool tagged,
	       uint64_t here);
void sink_gone(struct relay *g, const void *key, size_t len);
void sink_listed(struct relay *g);
struct relay *sink_of(const struct session *s, const struct had_wire_msg *m);
void sink_message(struct relay *g, struct session *s, const struct had_wire_msg *m);
void sink_unheard(struct relay *g);
bool sink_install(struct relay *g, struct item *i);
void sink_ask_again(const struct relay *g);
void sink_missing(struct relay *g);
void sink_remove(struct relay *g, struct item *i);
void sink_push(void);

/* retire.c */
void retire_seen(struct relay *g, const struct had_sa *sa, bool listing);
void retire_listed(int err);
void retire_tick(void);

/* offload.c */
bool offload_name(void *data, int ifindex, char *name, size_t len);
int offload_index(void *data, const char *name);

/* store.c */
bool store_open(struct had *had);
void store_close(void);
bool store_put(struct relay *g, struct item *i, const void *body, size_t len);
size_t store_get(const struct relay *g, const struct item *i, void *to, size_t room);
void store_drop(struct relay *g, struct item *i);
void store_gone(const struct relay *g, const struct item *i);
void store_install(struct relay *g);
void store_tell(struct relay *g);
void store_tick(struct relay *g);

#endif
