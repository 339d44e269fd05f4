/* SPDX-License-Identifier: GPL-2.0 */
/* Shared by mirror.c (what this node tells), replica.c (what the peer tells) and peer.c only. */
#ifndef _XFRM_HA_MIRROR_H
#define _XFRM_HA_MIRROR_H

#include "ha/internal.h"

#define XHA_CONTROL_MAX		64	/* octets: largest message but ANNOUNCE and records */
#define XHA_SA_ITEMS		4	/* ASK, ANNOUNCE or OUT, IN */

#define XHA_FRAME_ITEMS	96	/* items in one frame at most */

/* What a frame carried, remembered until it is acknowledged or lost: the cookies of the link */
enum xha_item_kind {
	XHA_ITEM_OUT,
	XHA_ITEM_IN,
	XHA_ITEM_ANNOUNCE,	/* both halves */
	XHA_ITEM_ASK,
	XHA_ITEM_GONE,
	XHA_ITEM_NAK,
	XHA_ITEM_GROUP,
	XHA_ITEM_SYNCED,
};

struct xha_item {
	u8 kind;
	u8 flags;		/* XHA_REC_F_FINAL */
	u16 gen;		/* OUT, ANNOUNCE: of the SA */
	u32 index;		/* SA, group id, or the peer's index (NAK) */
	u64 seq;		/* number at the sample; IN: edge; GROUP: role << 32 | term */
	u64 lease;		/* OUT, ANNOUNCE: lease end; ANNOUNCE also: */
	u64 in;			/* ANNOUNCE: edge */
};

/* Indexes to be said in control messages; more than these are dropped and counted. */
struct xha_indexes {
	u32 n;
	u32 v[1024];
};

#define XHA_AGES	16	/* of 1, 2 … 2^15 ms */
#define XHA_AGE_SLOTS	16

/*
 * SAs that have advanced wait in the slot of the time at which they are to be looked at, those of a
 * max-age of 2^i to 2^(i+1) - 1 ms in the wheel i: see age.c.
 */
struct xha_age_wheel {
	struct llist_node *slots[XHA_AGE_SLOTS];
	u16 filled;		/* bit of each slot that has SAs */
	u64 at;			/* slots of earlier times are empty; counts slots, from the boot */
};

/*
 * What both nodes know of the other, over one link
 *
 * @up: a session stands; SAs are queued, frames taken in. Written under rx_lock.
 * @advanced: SAs that have since their last record, and are in none of the next two
 * @unfiled: from @advanced, and
 * @ages: by max-age. Only the timer's.
 * @inc: incarnation of what is remembered here: a random number of this mirror's
 * @synced_epoch: the last session that was in sync, both ways; 0: none
 * @epoch: counts sessions; an SA whose epoch is another has not been announced in
 *	this one. Link's lock.
 * @batch: taken from @due, in order. Link's lock.
 * @window: of the record being written. Link's lock.
 * @max_age: ms, the least that a group was ever given, and no more than 10
 * @new_age: a group was given another one since the timer has looked
 * @sync_left: SAs of the bulk sync that are not acknowledged, + 1 while it looks for them
 * @groups_flying: GROUP messages that are not acknowledged. Link's lock.
 * @synced_said: the end of our bulk sync was told. Link's lock, or no session.
 * @synced_tx: the peer has acknowledged the end of our bulk sync. Link's lock.
 * @synced_rx: the peer's bulk sync has ended. rx_lock.
 * @groups_dirty: of which a GROUP message is due, in order
 */
struct xha_mirror {
	struct xha_net *xn;
	struct xha_link *link;

	struct llist_head due ____cacheline_aligned;
	struct llist_head advanced;
	struct llist_node *unfiled;
	struct xha_age_wheel ages[XHA_AGES];
	struct hrtimer age_timer;
	u32 max_age;
	bool new_age;
	bool up;

	u32 epoch ____cacheline_aligned;
	u32 inc;
	u32 synced_epoch;
	struct llist_node *batch;
	struct xha_window window;
	bool synced_due;
	bool synced_said;
	bool synced_tx;
	bool synced_rx;
	u32 groups_flying;
	atomic_t sync_left;
	struct work_struct sync_work;
	spinlock_t lock;		/* the next three */
	struct list_head groups_dirty;
	struct xha_indexes gone;
	struct xha_indexes nak;

	/* replica.c */
	spinlock_t rx_lock;		/* all that follows, but as said */
	struct xarray peers;		/* the peer's index → struct xha_twin */
	struct rhashtable twins;	/* by identity */
	u32 missing[XHA_GROUPS_MAX + 1];	/* SAs of the peer's group that are not here */
	struct xha_group *groups[XHA_GROUPS_MAX + 1];	/* ours, by the peer's number; RCU */
	struct list_head orphans;
	u32 n_orphans;
	unsigned long orphans_near;	/* see xha_comes_near() */
	bool forgetful;			/* it was forgotten what some SA has used here */
	u32 peer_inc;			/* incarnation of the peer, and */
	u32 peer_since;			/* xha_mirror_time() when it first told of an SA */
	u32 rx_epoch;
	struct xha_window rx_window;
	struct xha_msg rx_msg;
	bool refused;			/* a message of the frame that is taken in had no effect */
	struct llist_head dead;		/* SAs that were unlinked; no lock */
	struct llist_node *reaped;	/* those that reap_work has taken; its own */
	struct delayed_work reap_work;
	bool reap_waits;		/* for room in @gone; no lock */
	struct delayed_work expire_work;
	struct delayed_work retry_work;
};

/* Of a session and of the time that follows it: 2 * session, and 1 more without one */
static inline u32 xha_mirror_time(const struct xha_mirror *m)
{
	return 2 * READ_ONCE(m->epoch) + !READ_ONCE(m->up);
}

/* RCU */
static inline bool xha_mirror_bitmap(const struct xha_sa *sa)
{
	return xha_group_config(sa->group)->bitmap && xha_width(sa->tap.x);
}

/* Before an SA that was refused is told again. */
#define XHA_NAKED_PAUSE	(HZ / 4)

/* Octets that all messages of one SA take at most. */
static inline int xha_sa_room(const struct xha_sa *sa)
{
	int room = XHA_CONTROL_MAX + XHA_ANNOUNCE_LEN + XHA_RECORD_LEN;

	if (xha_mirror_bitmap(sa))
		room += 4 + 4 * xha_window_words(xha_width(sa->tap.x));
	return room;
}

/* mirror.c: called by peer.c */
void xha_mirror_up(struct xha_mirror *m);
void xha_mirror_down(struct xha_mirror *m);
void xha_mirror_ended(struct xha_mirror *m);
bool xha_mirror_pending(struct xha_mirror *m);
int xha_mirror_fill(struct xha_mirror *m, u8 *buf, int room, struct xha_item *items, int *n,
		    bool *soon);
void xha_mirror_acked(struct xha_mirror *m, const struct xha_item *items, int n, u64 sent_at);
void xha_mirror_lost(struct xha_mirror *m, const struct xha_item *items, int n);

/* age.c */
void xha_age_init(struct xha_mirror *m);
void xha_age_fini(struct xha_mirror *m);

/* mirror.c */
void xha_mirror_nak(struct xha_mirror *m, u32 index, u8 why);
bool xha_mirror_reap(struct xha_sa *sa);
void xha_mirror_synced(struct xha_mirror *m);
void xha_mirror_naked(struct xha_sa *sa, bool naked);
void xha_mirror_tell(struct xha_sa *sa);
void xha_mirror_rest(int *n);

/* replica.c */
int xha_replica_init(struct xha_mirror *m);
void xha_replica_fini(struct xha_mirror *m);
void xha_replica_session(struct xha_mirror *m);
int xha_mirror_input(struct xha_mirror *m, u64 number, const u8 *buf, int len);

#endif
