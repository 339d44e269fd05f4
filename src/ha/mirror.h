/* SPDX-License-Identifier: GPL-2.0 */
/* Shared by mirror.c (what this node tells), replica.c (what the peer tells) and peer.c only. */
#ifndef _XFRM_HA_MIRROR_H
#define _XFRM_HA_MIRROR_H

#include "xfrm_ha.h"

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

/*
 * What both nodes know of the other, over one link
 *
 * @up: a session stands; SAs are queued, frames taken in. Written under rx_lock.
 * @epoch: counts sessions; an SA whose epoch is another has not been announced in
 *	this one. Link's lock.
 * @batch: taken from @due, in order. Link's lock.
 * @window: of the record being written. Link's lock.
 * @max_age: ms, the least that a group was ever given, and no more than 10
 * @sync_left: SAs of the bulk sync that are not acknowledged, + 1 while it looks for them
 * @groups_flying: GROUP messages that are not acknowledged. Link's lock.
 * @synced_said: the end of our bulk sync was told. Link's lock, or no session.
 * @synced_tx: the peer has acknowledged the end of our bulk sync. Link's lock.
 * @synced_rx: the peer's bulk sync has ended. rx_lock.
 * @lock: @gone, @nak
 */
struct xha_mirror {
	struct xha_net *xn;
	struct xha_link *link;

	struct llist_head due ____cacheline_aligned;
	struct llist_head moved;
	struct hrtimer age_timer;
	u32 max_age;
	bool up;

	u32 epoch ____cacheline_aligned;
	struct llist_node *batch;
	struct xha_window window;
	bool groups_dirty;
	bool synced_due;
	bool synced_said;
	bool synced_tx;
	bool synced_rx;
	u32 groups_flying;
	atomic_t sync_left;
	struct work_struct sync_work;
	spinlock_t lock;		/* gone, nak */
	struct xha_indexes gone;
	struct xha_indexes nak;

	/* replica.c */
	spinlock_t rx_lock;		/* all that follows, but as said */
	struct xarray peers;		/* the peer's index → struct xha_peer_sa */
	struct rhashtable peers_by_id;
	struct list_head orphans;
	u32 n_orphans;
	u32 rx_epoch;
	struct xha_window rx_window;
	struct xha_msg rx_msg;
	bool refused;			/* in the frame that is taken in: see refuses() */
	struct llist_head dead;		/* SAs that were unlinked; no lock */
	struct llist_node *reaped;	/* those that reap_work has taken; its own */
	struct delayed_work reap_work;
	struct delayed_work expire_work;
};

static inline bool xha_mirror_bitmap(const struct xha_sa *sa)
{
	return READ_ONCE(sa->group->config.bitmap) && xha_apply_width(sa->x);
}

/* Octets that all messages of one SA take at most. */
static inline int xha_sa_room(const struct xha_sa *sa)
{
	int room = XHA_CONTROL_MAX + 96 + XHA_RECORD_LEN;

	if (xha_mirror_bitmap(sa))
		room += 4 + 4 * xha_window_words(xha_apply_width(sa->x));
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

/* mirror.c */
void xha_mirror_nak(struct xha_mirror *m, u32 index);
bool xha_mirror_gone(struct xha_sa *sa);

/* replica.c */
int xha_replica_init(struct xha_mirror *m);
void xha_replica_fini(struct xha_mirror *m);
void xha_replica_session(struct xha_mirror *m);
int xha_mirror_input(struct xha_mirror *m, u64 number, const u8 *buf, int len);

#endif
