/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of this wing know of each other, but mirror.h. */
#ifndef _XFRM_HA_HA_INTERNAL_H
#define _XFRM_HA_HA_INTERNAL_H

#include <linux/hrtimer.h>
#include <linux/jhash.h>
#include <linux/llist.h>
#include <linux/refcount.h>

#include "ha/ha.h"
#include "xfrm/tap.h"

/**
 * DOC: Locking
 *
 * Order, outermost first:
 *
 * 1. xha_net.mutex (per netns): configuration of links and groups. Taken by
 *    netlink handlers and work items; may sleep. RTNL may be held outside it
 *    (netdevice notifier) and is never taken inside it.
 * 2. xha_mirror.rx_lock (BH): what is known of the peer's SAs, the
 *    application of records.
 * 3. xha_link.lock (BH): session, frames under way.
 * 4. xha_group.lock (BH): role and term of a group.
 * 5. xfrm_state.lock (BH), the kernel's: the numbers of the SA, and of its
 *    struct xha_sa all that the comment there says. The taps run under it and
 *    take no lock of this module.
 * 6. xha_mirror.lock (BH): what waits to be said in control messages.
 *
 * xfrm_state_lock (per netns, the kernel's) is taken under x->lock by the
 * kernel; in a walk, where it is held, x->lock must not be taken.
 *
 * Look-ups (SA by xfrm_state, by identity, by index; group by name; link by
 * device) are RCU. A struct xha_sa dies in two phases: xha_sa_unlink() takes it
 * out of all tables and marks it dead; a grace period after the last
 * reference has gone it returns its reference on the xfrm_state.
 */

/* --- struct xha_sa: the shadow of one xfrm_state --- */

enum xha_sa_flags {		/* bits of xha_sa.flags, atomic */
	XHA_SA_QUEUED,		/* on the due list of its mirror */
	XHA_SA_LISTED,		/* on the list of its mirror of those that have advanced */
	XHA_SA_DUE_OUT,		/* an outbound record is due */
	XHA_SA_DUE_IN,		/* an inbound record is due */
	XHA_SA_ANNOUNCE,	/* tell index and identity first */
	XHA_SA_ANSWER,		/* tell what is held here, too */
	XHA_SA_ASK,		/* ask the peer to announce it */
	XHA_SA_FINAL,		/* planned switchover: exact record not acknowledged yet */
	XHA_SA_UNKNOWN,		/* unknown to the peer: announced again at once */
	XHA_SA_NAKED,		/* refused by the peer: in a frame by itself, now and then */
	XHA_SA_RETRY,		/* ditto, and not told again yet */
	XHA_SA_SOFT,		/* past its soft limit, the user knows */
	XHA_SA_REKEY,		/* the user is to be told that it must be renewed */
	XHA_SA_DEAD,		/* unlinked */
};

/**
 * struct xha_half - one direction of an SA on the active node: what the mirror knows of it
 * @due: number that makes a record due
 * @sampled: number in the newest record handed to the link
 * @acked: number in the newest record that the peer acknowledged
 *
 * Written under x->lock but @acked: under the link's lock. Read anywhere with READ_ONCE.
 */
struct xha_half {
	u64 due;
	u64 sampled;
	u64 acked;
};

/* Where a struct xha_twin is */
enum xha_twin_of {
	XHA_TWIN_UNUSED,	/* in an SA that is not mirrored, or that nothing is known of */
	XHA_TWIN_SA,		/* in an SA that is here, or was a moment ago */
	XHA_TWIN_ORPHAN,	/* in a struct xha_orphan */
};

/**
 * struct xha_twin - what the peer has told of an SA, and what is known of its numbers
 * @by_id: in &xha_mirror.twins
 * @newest: number of the newest frame that told its outbound number
 * @out: the highest number that was told, or used here before
 * @in: right edge, ditto
 * @index: the peer's
 * @epoch: session in which its index was announced; the index counts in that one only
 * @counted: session in which it is
 * @inc: incarnation of the peer's memory of it, 0: it never announced it
 * @peer_inc: as in struct xha_announce, as are
 * @share: and
 * @stripe:
 * @group: the peer's number for its group
 * @of: enum xha_twin_of
 * @used: the peer was active for it
 * @missing: counted as one that the peer has, and this node has not
 * @paired: counted as one that both have
 *
 * All under &xha_mirror.rx_lock. While an SA is here there is no other object for it.
 */
struct xha_twin {
	struct rhash_head by_id;
	u64 newest;
	u64 out;
	u64 in;
	u32 index;
	u32 epoch;
	u32 counted;
	u32 inc;
	u32 peer_inc;
	struct xha_share share;
	u16 group;
	u8 stripe;
	u8 of:2;
	u8 used:1;
	u8 missing:1;
	u8 paired:1;
};

struct xha_sa {
	/* beside the first half of @tap, which is read more than written */
	struct rhash_head by_id;
	struct xha_group *group;	/* a reference is held; NULL: bystander of the aevent tap */
	u64 key;			/* of its identity, see xha_sa_id(); immutable */
	u32 if_id;			/* ditto: a user may give the SA another one */
	u32 index;			/* in xha_net.sas; immutable */
	unsigned long flags;		/* enum xha_sa_flags */
	struct xha_tapped tap;		/* a reference on its SA is held */
	/* read in the packet path, now and then */
	u32 out_interval;		/* packets; x->lock */
	u32 in_interval;		/* packets; x->lock */
	u32 out_urge;			/* packets unsaid that do not wait for the batch; x->lock */
	u32 in_urge;			/* ditto */
	u64 soft;			/* number at which it is to be renewed; x->lock */
	/* written in the packet path, now and then */
	struct xha_half out;
	struct xha_half in;
	u64 advanced_at;		/* ns: when it first advanced after the last sample */
	bool advanced;			/* since the last sample: @advanced_at is valid; x->lock */
	u8 place;			/* enum xha_place; x->lock for writes */
	u16 gen;			/* acknowledgments of older records are void; x->lock */
	u32 in_peak;			/* packets; xha_peak(); x->lock */
	struct xha_bounds bounds;	/* x->lock */
	union {
		struct {
			struct llist_node due_node;
			struct llist_node advanced_node;
		};
		struct rcu_head rcu;	/* no reference is left, so it waits on no list */
	};
	struct llist_node reap_node;
	/* the rest */
	u32 member;			/* in xha_group.sas */
	refcount_t ref;
	u32 inc;			/* incarnation of what is remembered here of it; x->lock */
	u32 peer_inc;			/* the peer's which @given is for; 0: none; x->lock */
	struct xha_share own;		/* what this node may use without a lease; x->lock */
	struct xha_share given;		/* what @peer_inc may; x->lock */
	u32 sure;			/* session in which it told what it has used; x->lock */
	u32 rejoined;			/* session in which a lease was acknowledged; x->lock */
	u32 born;			/* xha_mirror_time() when it came; immutable */
	u32 epoch;			/* session in which it was announced; link's lock */
	u32 syncing;			/* session whose bulk sync waits for it, else 0; atomic */
	u32 announce_acked;		/* session in which that was acknowledged; link's lock */
	u32 naked_at;			/* jiffies: when the peer refused it last */
	u32 final_term;			/* the peer's, when it told an exact number; x->lock */
	u64 sampled_at;			/* ns: last record; link's lock */
	u64 pending_since;		/* ns: oldest unacknowledged advance; link's lock */
	u64 striped;			/* numbers skipped that are another node's; x->lock */
	u64 written;			/* standby: lease end last written into x; x->lock */
	u64 used;			/* standby: last number when it was active; x->lock */
	bool told;			/* by the peer, of its outbound number; x->lock */
	bool acted;			/* has been let go on this node; x->lock */
	bool lone;			/* ditto, with nobody there to be told; x->lock */
	bool strange;			/* the peer accounts for another memory of it; x->lock */
	bool in_fresh;			/* edge may have jumped since the last sample; x->lock */
	bool packet;			/* in packet offload mode; immutable */
	bool spent;			/* ditto, and may have been used here; x->lock */
	bool told_any;			/* ditto, the peer told one below the end; x->lock */
	union {
		/* what xha_hearing_check() saw last; x->lock */
		struct {
			union {
				u64 unheard;	/* in use: number the tap had not heard of, or 0 */
				time64_t held_used;	/* stopped: x->lastused */
			};
			u16 held_gen;		/* stopped: @gen */
			bool held_looked;	/* it was stopped, and the other two say so */
		};
		/* in packet offload mode, where there is no tap: see packet.c */
		struct {
			u64 foreign;		/* packets that the peer has counted; x->lock */
			u32 looked;		/* packets as of the last look; x->lock */
			u32 tenure;		/* of its group, when it came; immutable */
		};
	};
	struct xha_twin twin;		/* of the peer; the mirror's rx_lock */
} ____cacheline_aligned;

static_assert(!IS_ENABLED(CONFIG_64BIT) ||
	      offsetof(struct xha_sa, tap) + XHA_TAPPED_HEAD == 64);

/* --- groups --- */

/* How a group became active on this node */
enum xha_way {
	XHA_BY_ORDER,		/* it was told to, and its peer is not */
	XHA_BY_HANDOVER,	/* the peer gave it, with exact numbers */
	XHA_BY_TAKEOVER,	/* the peer may have gone on */
};

struct xha_group {
	char name[XHA_NAME_LEN];
	u32 id;				/* in xha_net.groups */
	struct xha_net *xn;
	struct xha_link *link;		/* NULL: solo; immutable: a link in use stays */
	struct xha_mirror *mirror;	/* of @link; immutable */
	struct xha_group_match match;	/* immutable */
	struct xha_group_config __rcu *config;	/* xha_net.mutex for writes */
	struct xha_share share;		/* of this node, without history; immutable */
	struct xha_share others;	/* of its peer; step 0: as that was configured; immutable */
	spinlock_t lock;
	enum xha_role role;		/* @lock */
	u32 term;			/* @lock */
	u32 peer_term;			/* @lock: as last told */
	u32 peer_node;			/* @lock: ditto */
	u8 peer_role;			/* @lock: enum xha_claim, ditto */
	bool peer_known;		/* @lock: peer has spoken of it in this session */
	u16 peer_id;			/* @lock: the peer's number for it; 0: not told */
	u32 peer_sas;			/* @lock: SAs that the peer has in it, and */
	u32 peer_missing;		/* @lock: those of ours that it has not */
	u32 peer_epoch;			/* @lock: session of the last word of the peer, */
	u64 peer_number;		/* @lock: number of its frame, */
	u64 claim_number;		/* @lock: and of the first one that claimed this role */
	struct list_head dirty;		/* a GROUP message is due; the mirror's lock */
	bool mute;			/* none is due any more; ditto */
	bool request;			/* a standby asks the active to hand over; @lock */
	bool alone;			/* no peer in sync; @lock */
	bool solo;			/* active, and goes on above its leases; @lock */
	bool synced;			/* with the peer, in this or the last session; @lock */
	bool followed;			/* the peer was active; @lock */
	bool birth_used;		/* active: birth numbers may be used by the peer; @lock */
	enum xha_way way;		/* in which it became active last; @lock */
	u32 handed_term;		/* ditto, by handover: the peer's term; @lock */
	bool forced;			/* by force: what may have been used is guessed; @lock */
	bool preparing;			/* ACTIVE: its user is told, then it is given; @lock */
	u32 why;			/* ditto, enum xfrm_ha_role_reason; @lock */
	bool granting;			/* RELEASING: all final records are acknowledged; @lock */
	u32 deposed;			/* not 0: was active, must tell what it has used; @lock */
	bool deleted;			/* it is being; @lock */
	u32 turn;			/* changes of role; @lock for writes */
	u32 run;			/* @turn when role_work began last; its own */
	u32 swept;			/* @turn that all SAs have been held or let go for; @lock */
	atomic_t final_left;		/* SAs with XHA_SA_FINAL */
	u32 tenure;			/* times that it was given away, see packet.c; @lock */
	u64 changed_at;			/* ns, boot clock: last change of role; @lock */
	u32 reason;			/* enum xfrm_ha_role_reason, of that; @lock */
	u32 uid;			/* ditto: who gave the command; @lock */
	u64 takeovers;			/* @lock */
	u64 skipped;			/* numbers skipped at takeovers; @lock */
	struct xarray sas;		/* its SAs; xa_lock */
	atomic_t n_sas;
	atomic_t n_paired;		/* of them, announced by the peer in this session */
	atomic_t n_naked;		/* of them, those that the peer has refused */
	struct list_head node;		/* xha_net.group_list, RCU; order of configuration */
	struct hlist_node by_reqid;	/* xha_net.by_reqid, RCU */
	u32 order;			/* of configuration; immutable */
	struct delayed_work timer;	/* JOINING, RELEASING: waited long enough */
	struct delayed_work give_work;	/* @preparing: waited long enough */
	struct work_struct role_work;	/* carries out a change of role in process context */
	struct work_struct soft_work;	/* tells the user of SAs that are to be renewed */
	struct delayed_work news_work;	/* tells of what comes for many SAs at a time */
	unsigned long news;		/* enum xfrm_ha_event bits that it notifies of, atomic */
	unsigned long events;		/* enum xfrm_ha_event bits, told after the change; @lock */
	refcount_t ref;
	struct rcu_head rcu;
};

static inline struct xha_net *xha_sa_net(const struct xha_sa *sa)
{
	return sa->group ? sa->group->xn : xha_pernet(xs_net(sa->tap.x));
}

/* NULL: it is not mirrored. */
static inline struct xha_mirror *xha_sa_mirror(const struct xha_sa *sa)
{
	return sa->group ? sa->group->mirror : NULL;
}

/* place.c: how an SA stands on this node */
struct xha_sample {
	u64 out, in, bytes, packets;
	/* of the SA when it is told; set by who needs them */
	u16 gen;
	u8 stripe;
	u32 inc;
	u32 peer_inc;
	struct xha_share given;
	u64 ask;			/* the lease to ask for */
	struct xha_window *window;	/* filled if not NULL */
};

/* What is remembered of an SA when it is deleted, for the case that it comes again */
struct xha_memory {
	u32 inc;			/* 0: nothing */
	u32 peer_inc;
	u8 bits;
	struct xha_share share;
	struct xha_share given;
	u64 floor;
	u64 lease;
	u64 used;
	u64 bytes;			/* counted here, or told later */
	u64 packets;			/* ditto */
	bool acted;
	bool live;			/* not held: what a standby says is what it was told */
};

enum xha_verdict {			/* on a record */
	XHA_APPLIED,
	XHA_STALE,			/* the SA was as far already */
	XHA_ACTIVE,			/* it is not held here: nothing was written */
	XHA_REFUSED,			/* no lease: the peer must be told of a number first */
};

void xha_place_init(struct xha_sa *sa);
u64 xha_place_role(struct xha_sa *sa);
void xha_place_grant(struct xha_sa *sa);
void xha_place_free(struct xha_sa *sa);
void xha_place_soften(struct xha_sa *sa);
void xha_place_expire(struct xha_sa *sa);
void xha_place_end(struct xha_sa *sa);
enum xha_verdict xha_place_record(struct xha_sa *sa, const struct xha_record *r);
bool xha_place_announced(struct xha_sa *sa, const struct xha_announce *a, u32 session);
bool xha_place_met(struct xha_sa *sa, u64 seq);
void xha_place_recall(struct xha_sa *sa, const struct xha_memory *mem, u64 out, u64 in);
void xha_place_remember(struct xha_sa *sa, struct xha_memory *mem, struct xha_sample *s);
void xha_place_sample(struct xha_sa *sa, struct xha_sample *s);	/* x->lock held */
void xha_place_bound(struct xha_sa *sa);			/* ditto */
void xha_place_jump(struct xha_sa *sa, u64 to);			/* ditto */
void xha_place_rearm(struct xha_sa *sa);			/* ditto */
void xha_place_refused(struct xha_sa *sa);			/* ditto */
void xha_place_settled(struct xha_sa *sa, u16 gen);
void xha_place_stray(struct xfrm_state *x, const struct xha_group *g);

/* role.c: what this node is for a group */
void xha_role_init(struct xha_group *g, bool active);
void xha_role_start(struct xha_group *g);
void xha_role_cancel(struct xha_group *g);

/* group.c, role.c: groups, roles, terms, takeover, release */
extern struct workqueue_struct *xha_group_wq;
void xha_group_notify(struct xha_group *g, u32 event);	/* enum xfrm_ha_event; any context */
void xha_group_each(struct xha_group *g, void (*func)(struct xha_group *g, struct xha_sa *sa));
/* RCU, or BH off, or the mutex of the netns */
static inline const struct xha_group_config *xha_group_config(const struct xha_group *g)
{
	return rcu_dereference_check(g->config, rcu_read_lock_any_held() ||
				     lockdep_is_held(&g->xn->mutex));
}

/* RCU */
struct xha_group *xha_group_member(struct xha_net *xn, const struct xfrm_state *x);
/* Ditto; takes a reference */
struct xha_group *xha_group_match_sa(struct xha_net *xn, const struct xfrm_state *x);
void xha_group_put(struct xha_group *g);
bool xha_group_sends(const struct xha_group *g);	/* its SAs' records are to be sent */
/* This node is a standby, the peer active, and its frame @number of that time. */
bool xha_group_peer_active(struct xha_group *g, u32 epoch, u64 number);
void xha_group_input(struct xha_group *g, const struct xha_group_msg *m, u32 epoch, u64 number);
void xha_group_said(struct xha_group *g, u8 role, u32 term);	/* acknowledged by the peer */
void xha_group_fill_msg(struct xha_group *g, struct xha_group_msg *m);
void xha_groups_link(struct xha_link *link, enum xha_link_state state, bool peer_lost);
void xha_groups_half_synced(struct xha_link *link);
/* Name of a group that is mirrored over @link, or NULL; mutex */
const char *xha_group_using(struct xha_net *xn, const struct xha_link *link);
void xha_group_final_done(struct xha_sa *sa);
void xha_group_missing(struct xha_mirror *m, u16 peer_id);	/* their number has changed */
u32 xha_mirror_missing(struct xha_mirror *m, u16 peer_id);
u32 xha_group_lacks(const struct xha_group *g);	/* SAs that its peer has, and this node has not */
u32 xha_group_peer_lacks(const struct xha_group *g);	/* the reverse */
void xha_group_notify_soon(struct xha_group *g, u32 event);	/* once for many; any context */
bool xha_mirror_twin(struct xha_sa *sa);	/* the peer has it, too; RCU */
void xha_group_notify_now(struct xha_group *g, u32 event);	/* at once; any context */
void xha_group_soft(struct xha_group *g);	/* an SA is past its soft limit; any context */

/* peer.c: links as what mirrors and groups use; the rest of a link is in link/link.h */
struct xha_mirror *xha_link_mirror(const struct xha_link *link);

/* mirror.c: dirty queue, batching, bulk sync, orphans */
struct xha_mirror;				/* per link; struct in mirror.h */
struct xha_mirror *xha_mirror_create(struct xha_net *xn, struct xha_link *link);
void xha_mirror_destroy(struct xha_mirror *m);	/* after RCU grace of the link */
void xha_mirror_due(struct xha_sa *sa);		/* queue it; x->lock may be held */
void xha_mirror_advanced(struct xha_sa *sa);
void xha_mirror_max_age(struct xha_mirror *m, u32 ms);
void xha_mirror_catch_up(struct xha_sa *sa);	/* no longer active: apply what was told */
int xha_replica_expect(struct xha_sa *sa);
void xha_replica_recall(struct xha_sa *sa);
void xha_mirror_sa_new(struct xha_sa *sa);	/* an orphan may wait for it; else ASK */
void xha_mirror_sa_gone(struct xha_sa *sa);
void xha_mirror_group(struct xha_group *g);	/* GROUP message is due */
void xha_mirror_group_counts(struct xha_group *g);	/* ditto, it can wait for the batch */
void xha_mirror_mute(struct xha_group *g);	/* none is any more */
u32 xha_mirror_orphans(const struct xha_mirror *m);

/*
 * Does @n come near its limit? At nine tenths, and not again before it was below eight: bit 0 of
 * @near, atomic, says that it is. @more: one has come, as opposed to gone. Any context.
 */
static inline bool xha_comes_near(unsigned long *near, bool more, u32 n, u32 limit)
{
	if (10ULL * n < 8ULL * limit) {
		if (test_bit(0, near))
			clear_bit(0, near);
		return false;
	}
	return more && n && 10ULL * n >= 9ULL * limit && !test_and_set_bit(0, near);
}

#define XHA_ORPHANS_MAX	1048576		/* as orphan-limit in docs/netlink/specs/xfrm_ha.yaml */

/* sa.c: one shadow per xfrm_state */

/* RCU; under x->lock or another lock with BH off that is the case. */
static inline struct xha_sa *xha_sa_by_x(const struct xfrm_state *x)
{
	struct xha_tapped *t = xha_tapped(x);

	return t ? container_of(t, struct xha_sa, tap) : NULL;
}

struct xha_sa *xha_sa_by_id(struct xha_net *xn, const struct xha_id *id);	/* RCU */
void xha_sa_id(const struct xha_sa *sa, struct xha_id *id);

/* Of all tables of identities */
static inline u32 xha_id_hash(const void *id, u32 len, u32 seed)
{
	return jhash2(id, sizeof(struct xha_id) / sizeof(u32), seed);
}

struct xha_sa *xha_sa_by_index(struct xha_net *xn, u32 index);		/* RCU */
void xha_sa_unlink(struct xha_sa *sa);
void xha_sa_dismiss(struct xha_net *xn, struct xha_group *g);
void xha_sa_successor(struct xfrm_state *x);
void xha_sa_migrated(struct xha_net *xn);
void xha_sa_reconcile(struct xha_net *xn);	/* walk the SAD now; process context */
void xha_sa_find(struct xha_net *xn, const struct xha_group_match *m);	/* ditto, for these */
bool xha_sa_get(struct xha_sa *sa);
void xha_sa_put(struct xha_sa *sa);
/* In the packet path, under x->lock: no allocation, no lock, one insertion into a list at most */
bool xha_sa_advance_out(struct xha_sa *sa, u32 n);
void xha_sa_advance_in(struct xha_sa *sa);
void xha_sa_event(struct xha_sa *sa, u64 out, u64 in, bool late);
void xha_sa_configure(struct xha_sa *sa);	/* take over the settings of its group */
/* A packet of an SA without a shadow: may it have the number? x->lock held */
bool xha_sa_stray(struct xfrm_state *x, u64 seq);
void xha_sa_stranger(struct xfrm_state *x);
void xha_sa_expect(struct xfrm_state *x);	/* about to be inserted; not in any table yet */

/* packet.c: SAs in packet offload mode */
#define XHA_MARK_PACKET	XA_MARK_1	/* in xha_net.sas */
void xha_packet_start(struct xha_net *xn);	/* an SA of this mode has come; any context */
void xha_packet_init(struct xha_net *xn);
void xha_packet_fini(struct xha_net *xn);

/* hearing.c: what the taps tell, and whether they do */
void xha_hearing_check(struct xha_sa *sa);	/* RCU; x->lock not held */
void xha_hearing_follow(struct xha_net *xn);	/* mutex */
void xha_hearing_policies(struct xha_group *g);	/* a new group; process context */

#endif
