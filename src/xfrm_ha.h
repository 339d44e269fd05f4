/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _XFRM_HA_H
#define _XFRM_HA_H

#include <linux/hash.h>
#include <linux/hrtimer.h>
#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/refcount.h>
#include <linux/rhashtable.h>
#include <linux/skbuff.h>
#include <linux/version.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>
#include <net/xfrm.h>
#include <uapi/linux/xfrm_ha.h>

#include "frame.h"
#include "lease.h"
#include "session.h"
#include "term.h"
#include "window.h"

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#error "xfrm_ha needs Linux 6.12 or newer"
#endif

/**
 * DOC: Locking
 *
 * Order, outermost first:
 *
 * 1. xha_net.mutex (per netns): configuration of links and groups. Taken by
 *    netlink handlers and work items; may sleep. RTNL may be held outside it
 *    (netdevice notifier) and is never taken inside it.
 * 2. xha_mirror.rx_lock (BH): what is known of the peer's SAs, the
 *    application of records. Inside it: xha_link.rx_lock is outside.
 * 3. xha_link.lock (BH): session, frames under way, control messages to send.
 * 4. xha_group.lock (BH): role and term of a group.
 * 5. xfrm_state.lock (BH), the kernel's: the numbers of the SA, and of its
 *    struct xha_sa all that the comment there says. The taps run under it and
 *    take no lock of this module.
 *
 * xfrm_state_lock (per netns, the kernel's) is taken under x->lock by the
 * kernel; in a walk, where it is held, x->lock must not be taken.
 *
 * Look-ups (SA by xfrm_state, by identity, by index; group by name; link by
 * device) are RCU. A struct xha_sa dies in two phases: xha_sa_unlink() takes it
 * out of all tables and marks it dead; a grace period after the last
 * reference has gone it returns its reference on the xfrm_state.
 */

struct xha_net;
struct xha_link;
struct xha_group;
struct xha_engine;

/* Every counter of a netns, with its name on netlink: stats.c. */
enum xha_stat {
#define XHA_STAT(id, name, text) XHA_STAT_##id,
#include "stats_list.h"
#undef XHA_STAT
	__XHA_STAT_MAX
};

struct xha_stats {
	u64 v[__XHA_STAT_MAX];
};

/* --- struct xha_sa: the shadow of one xfrm_state --- */

enum xha_sa_flags {		/* bits of xha_sa.flags, atomic */
	XHA_SA_QUEUED,		/* on the due list of its mirror */
	XHA_SA_LISTED,		/* on the moved list of its mirror */
	XHA_SA_DUE_OUT,		/* an outbound record is due */
	XHA_SA_DUE_IN,		/* an inbound record is due */
	XHA_SA_ANNOUNCE,	/* tell index and identity first */
	XHA_SA_ANSWER,		/* tell what is held here, too */
	XHA_SA_ASK,		/* ask the peer to announce it */
	XHA_SA_FINAL,		/* planned switchover: exact record not acknowledged yet */
	XHA_SA_EXACT,		/* held: the peer has not acknowledged what was used here */
	XHA_SA_NAKED,		/* refused by the peer: in a frame by itself */
	XHA_SA_SOFT,		/* past the soft limit of its slice, the user knows */
	XHA_SA_REKEY,		/* the user is to be told that it must be renewed */
	XHA_SA_DEAD,		/* unlinked */
};

enum xha_hold {			/* bits of xha_sa.hold */
	XHA_HOLD_STANDBY	= BIT(0),	/* km.state is ERROR */
	XHA_HOLD_LEASE		= BIT(1),	/* at its limit; ditto, unless the tap refuses */
	XHA_HOLD_REKEY		= BIT(2),	/* its group is active, it can't go on; ditto */
};

/**
 * struct xha_half - one direction of an SA on the active node
 * @seq: number as of the last packet (tap) or sample
 * @due: number that makes a record due
 * @quiet: below this number the tap has nothing to do but to note @seq; 0 after a sample
 * @sampled: number in the newest record handed to the link
 * @acked: number in the newest record that the peer acknowledged
 *
 * Written under x->lock (tap, sample) but @acked: under the link's lock. Read
 * anywhere with READ_ONCE.
 */
struct xha_half {
	u64 seq;
	u64 quiet;
	u64 due;
	u64 sampled;
	u64 acked;
};

struct xha_sa {
	/* read by the tap */
	struct hlist_node by_x;
	struct xfrm_state *x;		/* a reference is held */
	struct xha_net *xn;
	struct xha_mirror *mirror;	/* of its group; NULL: not mirrored */
	unsigned long flags;		/* enum xha_sa_flags */
	u32 out_interval;		/* packets; x->lock */
	u32 in_interval;		/* packets; x->lock */
	u32 in_peak;			/* packets; xha_peak(); x->lock */
	u32 out_urge;			/* packets unsaid that do not wait for the batch; x->lock */
	u32 in_urge;			/* ditto */
	struct xha_bounds bounds;	/* x->lock */
	u64 soft;			/* number at which to tell that its slice ends; x->lock */
	/* written by the tap */
	struct xha_half out ____cacheline_aligned;
	struct xha_half in;
	u64 moved_at;			/* ns: first movement after the last sample */
	bool moved;			/* since the last sample: @moved_at is valid; x->lock */
	u8 hold;			/* enum xha_hold; x->lock */
	bool told;			/* by the peer, of its outbound number; x->lock */
	bool placed;			/* begun for the role of its group; x->lock */
	bool rejoined;			/* lease acknowledged in this session; x->lock */
	bool in_fresh;			/* edge may have jumped since the last sample; x->lock */
	bool final;			/* it was exact, and is still the newest; x->lock */
	u16 gen;			/* acknowledgments of older records are void; x->lock */
	u64 overrun;			/* packets above the acknowledged lease; x->lock */
	struct llist_node due_node;
	struct llist_node moved_node;
	struct llist_node gone_node;
	/* the rest */
	struct xha_id id;
	struct rhash_head by_id;
	u32 index;			/* in xha_net.sas */
	refcount_t ref;
	struct xha_group *group;	/* a reference is held; NULL: bystander of the aevent tap */
	u32 epoch;			/* session in which it was announced; link's lock */
	u32 syncing;			/* session whose bulk sync waits for it, else 0; atomic */
	u32 known;			/* session in which that was acknowledged; link's lock */
	u64 sampled_at;			/* ns: last record; link's lock */
	u64 written;			/* standby: lease end last written into x; x->lock */
	u64 used;			/* standby: last number when it was active; x->lock */
	bool packet;			/* in packet offload mode; immutable */
	bool spent;			/* ditto, and may have been used here; x->lock */
	bool heard;			/* ditto, and the peer has told a number of it; x->lock */
	u32 tenure;			/* of its group, when it was placed; x->lock */
	u64 foreign;			/* packets that the peer has counted; x->lock */
	u64 looked;			/* packets as of the last look; x->lock */
	u64 pending_since;		/* ns: oldest unacknowledged movement; link's lock */
	bool watched;			/* aevent tap: restore the next two; x->lock */
	u32 old_maxdiff;
	u32 old_maxage;
	struct rcu_head rcu;
};

/* --- groups --- */

/* Settings of a group; what netlink sets. Defaults: xha_group_config_default() */
struct xha_group_config {
	u32 interval;		/* packets, 1 … XHA_INTERVAL_MAX; 0: auto */
	u32 quantity;		/* packets, 2 * interval … XHA_QUANTITY_MAX; 0: default */
	u32 max_age;		/* ms, 1 … 60000 */
	u32 join;		/* ms a starting active waits to hear its peer, 0 … 600000 */
	bool bitmap;		/* inbound records carry the window bitmap */
	bool takeover;		/* on-peer-loss, standby: takeover, not notify */
	bool solo;		/* on-peer-loss, active: solo, not hold */
	bool strict;		/* sync: strict, not relaxed */
	struct xha_partition partition;
	bool lenient;		/* inbound takeover policy: lenient, not strict */
};

#define XHA_GROUP_ADDRS	16

/* What belongs to a group; all given conditions must hold, addresses are alternatives */
struct xha_group_match {
	u8 n_addrs;
	struct {
		u16 family;
		xfrm_address_t addr;	/* outer source or destination */
	} addrs[XHA_GROUP_ADDRS];
	bool has_reqid, has_mark, has_if_id;
	u32 reqid;
	u32 mark_v, mark_m;
	u32 if_id;
};

#define XHA_GROUPS_MAX	1024	/* of a netns */

struct xha_group {
	char name[XHA_NAME_LEN];
	u32 id;				/* in xha_net.groups */
	struct xha_net *xn;
	struct xha_link *link;		/* NULL: solo; immutable: a link in use stays */
	struct xha_mirror *mirror;	/* of @link; immutable */
	struct xha_group_match match;	/* immutable */
	struct xha_group_config config;	/* xha_net.mutex for writes */
	spinlock_t lock;
	enum xha_role role;		/* @lock */
	u32 term;			/* @lock */
	u32 peer_term;			/* @lock: as last heard */
	u32 peer_node;			/* @lock: ditto */
	u8 peer_role;			/* @lock: enum xha_claim, as last heard */
	bool peer_known;		/* @lock: peer has spoken of it in this session */
	u32 heard_epoch;		/* @lock: session, and */
	u64 heard_number;		/* @lock: frame that it last spoke in, and */
	u64 claim_number;		/* @lock: that it first said so in */
	bool dirty;			/* a GROUP message is due; atomic */
	bool request;			/* a standby asks the active to hand over; @lock */
	bool alone;			/* no peer in sync; @lock */
	bool solo;			/* active, and goes on above its leases; @lock */
	bool synced;			/* with the peer, in this or the last session; @lock */
	bool followed;			/* the peer was active; @lock */
	bool took;			/* active, neither handed it nor told to be; @lock */
	bool granting;			/* RELEASING: all final records are acknowledged; @lock */
	u32 deposed;			/* not 0: was active, must tell what it has used; @lock */
	bool gone;			/* is being deleted; @lock */
	u32 turn;			/* changes of role; @lock for writes */
	u32 run;			/* @turn when role_work began last; its own */
	u32 swept;			/* @turn that all SAs have been held or let go for; @lock */
	atomic_t final_left;		/* SAs with XHA_SA_FINAL */
	u32 tenure;			/* times that it was given away, see packet.c; @lock */
	u64 changed_at;			/* ns, boot clock: last change of role; @lock */
	u64 takeovers;			/* @lock */
	u64 skipped;			/* numbers skipped at takeovers; @lock */
	atomic_t n_sas;
	struct list_head node;		/* xha_net.group_list, RCU; order of configuration */
	struct delayed_work timer;	/* JOINING, RELEASING: waited long enough */
	struct work_struct role_work;	/* carries out a change of role in process context */
	struct work_struct soft_work;	/* tells the user of SAs at the end of their slice */
	unsigned long events;		/* enum xfrm_ha_event bits, told after the change; @lock */
	refcount_t ref;
	struct rcu_head rcu;
};

/* --- link --- */

struct xha_link_config {
	u16 ethertype;
	u8 peer[ETH_ALEN];
	bool insecure;
	u32 heartbeat;		/* ms */
	u32 dead;		/* heartbeats */
	u32 batch;		/* us a due record may wait for others; 0: a frame at once */
	u8 key[32];		/* pre-shared; write-only */
};

enum xha_link_state {
	XHA_LINK_DOWN,		/* device absent, down, or without carrier */
	XHA_LINK_CONNECTING,	/* saying HELLO */
	XHA_LINK_SYNC,		/* session stands, bulk sync under way */
	XHA_LINK_UP,		/* in sync */
};

/* Fires within a range before @ns, so that one interrupt serves several timers. */
static inline void xha_timer_in(struct hrtimer *timer, u64 ns)
{
	hrtimer_start_range_ns(timer, ns_to_ktime(ns - ns / 4), ns / 4, HRTIMER_MODE_REL_SOFT);
}

struct xha_link;		/* struct in link.h; others use the calls below */

/* What a frame carried, remembered until it is acknowledged or lost */
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

#define XHA_BATCH_DEFAULT	8000	/* us */
#define XHA_FRAME_ITEMS	96	/* items in one frame at most */

/* --- per netns --- */

/*
 * Notifications have a limit each: that SAs move must not drown that a peer is lost, and by that
 * one all groups may be taken over at once.
 */
enum { XHA_EVENT_HA, XHA_EVENT_ROLE, XHA_EVENT_ENGINE, XHA_EVENT_MOVES, XHA_EVENT_KINDS };

struct xha_event_rate {
	unsigned long second;
	u32 events;
};

struct xha_net {
	struct net *net;
	struct mutex mutex;		/* configuration */
	u32 node;			/* own id; 0: not set; mutex */
	struct list_head links;		/* RCU; mutex */
	struct list_head group_list;	/* RCU; mutex */
	struct xarray groups;		/* id → group */
	struct rhashtable by_id;	/* xha_sa.by_id */
	struct xarray sas;		/* index → xha_sa; xa_lock */
	u32 sas_next;			/* xa_alloc_cyclic */
	atomic_t n_sas;
	u32 max_sas;			/* limit */
	u32 max_orphans;		/* limit for each link */
	u32 orphan_age;			/* s */
	struct delayed_work reconcile;	/* finds SAs that made no event */
	unsigned long reconciled;	/* jiffies: when it did so last */
	struct delayed_work packet_work;	/* looks at SAs in packet offload mode */
	bool gated;			/* their gate is there; packet_work */
	struct xha_stats __percpu *stats;
	spinlock_t event_lock;		/* the next one */
	struct xha_event_rate event_rate[XHA_EVENT_KINDS];
	struct xha_engine __rcu *adopter;	/* takes SAs that nobody gave to a device */
	bool checked;			/* engine/policy.c has its hooks here; its lock */
	bool dead;
};

extern unsigned int xha_net_id;

static inline struct xha_net *xha_pernet(struct net *net)
{
	return net_generic(net, xha_net_id);
}

static inline void xha_stat_add(struct xha_net *xn, enum xha_stat s, u64 n)
{
	this_cpu_add(xn->stats->v[s], n);
}

static inline void xha_stat_inc(struct xha_net *xn, enum xha_stat s)
{
	this_cpu_inc(xn->stats->v[s]);
}

/* apply.c: the only file that writes into an xfrm_state */
struct xha_sample {
	u64 out, in, bytes, packets;
	u16 gen;			/* of the SA's lease; set by who needs it */
	struct xha_window *window;	/* filled if not NULL */
};

void xha_apply_sample(struct xha_sa *sa, struct xha_sample *s);	/* x->lock held */
u32 xha_apply_width(const struct xfrm_state *x);
bool xha_apply_esn(const struct xfrm_state *x);
u64 xha_apply_role(struct xha_sa *sa);
void xha_apply_grant(struct xha_sa *sa);
void xha_apply_settle(struct xha_sa *sa);	/* x->lock held */
bool xha_apply_jump(struct xha_sa *sa, u64 oseq);
bool xha_apply_meet(struct xha_sa *sa, u64 seq);
void xha_apply_soften(struct xha_sa *sa);
void xha_apply_expire(struct xha_sa *sa);
bool xha_apply_counted(const struct xfrm_state *x);
void xha_apply_free(struct xha_sa *sa);
void xha_apply_aevent(struct xfrm_state *x, u32 maxdiff, u32 maxage);	/* x->lock held */

/* The last number given to an outbound packet. */
static inline u64 xha_oseq(const struct xfrm_state *x)
{
	const struct xfrm_replay_state_esn *r = x->replay_esn;

	if (x->repl_mode == XFRM_REPLAY_MODE_LEGACY)
		return x->replay.oseq;
	return xha_seq64(r->oseq, x->repl_mode == XFRM_REPLAY_MODE_ESN ? r->oseq_hi : 0);
}

bool xha_apply_record(struct xha_sa *sa, const struct xha_record *r);

/* match.c: which SAs belong to a group */
bool xha_match(const struct xha_group_match *m, const struct xfrm_state *x);

/* group.c: groups, roles, terms, takeover, release */
void xha_group_config_default(struct xha_group_config *c);
int xha_group_add(struct xha_net *xn, const char *name, const struct xha_group_match *m,
		  const struct xha_group_config *c, const char *link_dev, bool active,
		  struct netlink_ext_ack *extack);
int xha_group_set(struct xha_net *xn, const char *name, const struct xha_group_config *c,
		  struct netlink_ext_ack *extack);
int xha_group_del(struct xha_net *xn, const char *name, struct netlink_ext_ack *extack);
int xha_group_takeover(struct xha_net *xn, const char *name, bool force,
		       struct netlink_ext_ack *extack);
int xha_group_release(struct xha_net *xn, const char *name, struct netlink_ext_ack *extack);
struct xha_group *xha_group_find(struct xha_net *xn, const char *name);	/* RCU or mutex */
/* RCU; takes a reference */
struct xha_group *xha_group_match_sa(struct xha_net *xn, const struct xfrm_state *x);
void xha_group_put(struct xha_group *g);
bool xha_group_sends(const struct xha_group *g);	/* its SAs' records are to be sent */
/* The peer is active, and its frame @number is of that time. */
bool xha_group_hears(struct xha_group *g, u32 epoch, u64 number);
void xha_group_heard(struct xha_group *g, const struct xha_group_msg *m, u32 epoch, u64 number);
void xha_group_said(struct xha_group *g, u8 role, u32 term);	/* acknowledged by the peer */
void xha_group_fill_msg(struct xha_group *g, struct xha_group_msg *m);
void xha_groups_link(struct xha_link *link, enum xha_link_state state, bool peer_lost);
void xha_groups_met(struct xha_link *link);
/* Name of a group that is mirrored over @link, or NULL; mutex */
const char *xha_group_using(struct xha_net *xn, const struct xha_link *link);
void xha_group_final_done(struct xha_sa *sa);
void xha_group_soft(struct xha_group *g);	/* an SA is past its soft limit; any context */
int xha_group_start(void);
void xha_group_stop(void);
void xha_group_init(struct xha_net *xn);
void xha_group_fini(struct xha_net *xn);

/* link.c: the dedicated netdev, timers, transmit and receive */
int xha_link_add(struct xha_net *xn, struct net_device *dev, const struct xha_link_config *c,
		 struct netlink_ext_ack *extack);
int xha_link_set(struct xha_net *xn, const char *dev, const struct xha_link_config *c,
		 bool new_key, struct netlink_ext_ack *extack);
int xha_link_del(struct xha_net *xn, const char *dev, struct netlink_ext_ack *extack);
/* RCU or mutex; NULL @dev: the first one */
struct xha_link *xha_link_find(struct xha_net *xn, const char *dev);
void xha_link_kick(struct xha_link *link);	/* something is due; x->lock may be held */
void xha_link_urge(struct xha_link *link);	/* ditto, do not wait for the batch */
enum xha_link_state xha_link_state(const struct xha_link *link);
void xha_link_synced(struct xha_link *link);	/* bulk sync is complete, both ways */
struct xha_net *xha_link_net(const struct xha_link *link);
struct xha_link_info {
	char dev[IFNAMSIZ];
	int ifindex;
	u16 ethertype;
	u8 peer[ETH_ALEN];
	bool insecure;
	u32 heartbeat, dead, batch;
	enum xha_link_state state;
	u32 peer_node;
	u64 srtt_ns;
	u64 up_since;
	u32 in_flight;
	u64 tx_frames, rx_frames, tx_bytes, rx_bytes;
	u32 orphans;
};

void xha_link_info(struct xha_link *link, struct xha_link_info *i);
struct xha_link *xha_link_next(struct xha_net *xn, struct xha_link *prev);	/* RCU or mutex */
int xha_link_listen(void);
void xha_link_mute(void);
struct xha_mirror *xha_link_mirror(const struct xha_link *link);
const char *xha_link_name(const struct xha_link *link);	/* of its device; mutex or RCU */
int xha_link_init(void);
void xha_link_exit(void);
void xha_link_fini(struct xha_net *xn);		/* netns goes */

/* mirror.c: dirty queue, batching, bulk sync, orphans */
struct xha_mirror;				/* per link; struct in mirror.h */
struct xha_mirror *xha_mirror_create(struct xha_net *xn, struct xha_link *link);
void xha_mirror_destroy(struct xha_mirror *m);	/* after RCU grace of the link */
void xha_mirror_due(struct xha_sa *sa);		/* queue it; x->lock may be held */
void xha_mirror_moved(struct xha_sa *sa);
void xha_mirror_max_age(struct xha_mirror *m, u32 ms);
void xha_mirror_catch_up(struct xha_sa *sa);	/* no longer active: apply what was told */
bool xha_mirror_pending(struct xha_mirror *m);	/* is there anything to send */
/*
 * link's lock held: fill @buf with messages, remember them in @items; returns octets, *n items,
 * and whether the peer should acknowledge @soon
 */
int xha_mirror_fill(struct xha_mirror *m, u8 *buf, int room, struct xha_item *items, int *n,
		    bool *soon);
void xha_mirror_acked(struct xha_mirror *m, const struct xha_item *items, int n, u64 sent_at);
void xha_mirror_lost(struct xha_mirror *m, const struct xha_item *items, int n);
/* The messages of an authenticated frame */
int xha_mirror_input(struct xha_mirror *m, u64 number, const u8 *buf, int len);
/*
 * Process context, no xha_net.mutex needed. @up: call it BEFORE the new session is put to use
 * (no xha_mirror_fill(), no xha_mirror_input() until it returns); else after it was given up.
 */
void xha_mirror_session(struct xha_mirror *m, bool up);
void xha_mirror_sa_new(struct xha_sa *sa);	/* an orphan may wait for it; else ASK */
void xha_mirror_sa_gone(struct xha_sa *sa);
void xha_mirror_group(struct xha_group *g);	/* GROUP message is due */
u32 xha_mirror_orphans(const struct xha_mirror *m);

/* netlink.c */
int xha_netlink_init(void);
void xha_netlink_exit(void);
void xha_event_group(struct xha_group *g, u32 event);	/* enum xfrm_ha_event; any context */
void xha_event_link(struct xha_link *link, u32 event);
void xha_event_engine(struct net_device *dev, u32 event, const char *nic, __be32 spi);
/* One object of a dump, by what fills it; -EMSGSIZE: it does not fit */
int xha_netlink_dump(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd,
		     int (*fill)(struct sk_buff *skb, void *obj), void *obj);

/* engine/: devices that share SAs among NICs with ESP offload */
int xha_engine_init(void);
void xha_engine_exit(void);
void xha_engine_hear(struct xfrm_state *x);	/* installed or changed; RCU */
void xha_engine_net_fini(struct xha_net *xn);
/* The NIC in whose slot an SA is, or NULL; RCU */
const struct net_device *xha_engine_nic(const struct xfrm_state *x);

/* sa.c: one shadow per xfrm_state */
int xha_sa_init(void);
void xha_sa_exit(void);
void xha_sa_sweep(struct xha_net *xn);		/* reconcile soon: any context */
int xha_sa_net_init(struct xha_net *xn);
void xha_sa_net_fini(struct xha_net *xn);

/*
 * All netns in one table: the tap has nothing but the xfrm_state. It is looked into for every
 * packet of every SA, so it is fixed in size (256 KiB) and the look-up inline.
 */
#define XHA_SA_BITS	15
extern struct hlist_head *xha_sa_table;

static inline struct hlist_head *xha_sa_bucket(const struct xfrm_state *x)
{
	return &xha_sa_table[hash_ptr(x, XHA_SA_BITS)];
}

/* RCU; under x->lock or another lock with BH off that is the case. */
static inline struct xha_sa *xha_sa_by_x(const struct xfrm_state *x)
{
	struct xha_sa *sa;

	hlist_for_each_entry_rcu(sa, xha_sa_bucket(x), by_x, rcu_read_lock_any_held())
		if (sa->x == x)
			return sa;
	return NULL;
}

struct xha_sa *xha_sa_by_id(struct xha_net *xn, const struct xha_id *id);	/* RCU */
struct xha_sa *xha_sa_by_index(struct xha_net *xn, u32 index);		/* RCU */
void xha_sa_id(struct xha_id *id, const struct xfrm_state *x);
void xha_sa_hear(struct xfrm_state *x);		/* a new or changed xfrm_state */
void xha_sa_unlink(struct xha_sa *sa);
void xha_sa_dismiss(struct xha_net *xn, const struct xha_group *g);
void xha_sa_net_start(struct xha_net *xn);
void xha_sa_migrated(struct xha_net *xn);
void xha_sa_reconcile(struct xha_net *xn);	/* walk the SAD now; process context */
void xha_sa_walk(struct net *net, bool (*wanted)(const struct xfrm_state *x),
		 void (*visit)(struct xfrm_state *x, void *data), void *data);
bool xha_sa_get(struct xha_sa *sa);
void xha_sa_put(struct xha_sa *sa);
bool xha_sa_moved_out_slow(struct xha_sa *sa, u64 seq);
void xha_sa_moved_in_slow(struct xha_sa *sa);

/*
 * Called by the taps under x->lock for each packet: no allocation, no lock, at
 * most one insertion into a lock-free list. False: the number may not be used.
 */
static __always_inline bool xha_sa_moved_out(struct xha_sa *sa, u64 seq)
{
	if (unlikely(seq >= sa->out.quiet))
		return xha_sa_moved_out_slow(sa, seq);
	sa->out.seq = seq;
	return true;
}

/* A number within the window moves no edge, but counts and bitmap have changed. */
static __always_inline void xha_sa_moved_in(struct xha_sa *sa, u64 seq)
{
	if (likely(seq > sa->in.seq))
		sa->in.seq = seq;
	if (unlikely(sa->in.seq >= sa->in.quiet))
		xha_sa_moved_in_slow(sa);
}

/* aevent tap; x->lock held */
void xha_sa_event(struct xha_sa *sa, u64 out, u64 in, bool late);
void xha_sa_configure(struct xha_sa *sa);	/* take over the settings of its group */
void xha_sa_bound(struct xha_sa *sa);		/* and what bounds its numbers; x->lock held */

/* packet.c: SAs in packet offload mode */
#define XHA_MARK_PACKET	XA_MARK_1	/* in xha_net.sas */
void xha_packet_hear(struct xha_net *xn);	/* an SA of this mode has come; any context */
void xha_packet_init(struct xha_net *xn);
void xha_packet_fini(struct xha_net *xn);

/* Distance of an SA from its mirror: requirement N7 */
struct xha_distance {
	u64 out;	/* packets */
	u64 in;		/* packets */
	u32 ms;
};

void xha_sa_distance(struct xha_sa *sa, struct xha_distance *d);

/* stats.c */
const char *xha_stat_name(enum xha_stat s);
const char *xha_stat_text(enum xha_stat s);
u64 xha_stat_sum(struct xha_net *xn, enum xha_stat s);

/* tap.c, tap_ftrace.c, tap_aevent.c: the only files that hear XFRM */
struct xha_tap {
	const char *name;
	int (*start)(void);
	void (*stop)(void);
	int (*net_start)(struct net *net);	/* this netns has a group; may be NULL */
	void (*net_stop)(struct net *net);	/* it has none any more; ditto */
	bool bystanders;			/* wants a shadow of SAs outside groups too */
	bool refuses;				/* can refuse a packet its number */
	void (*watch)(struct xha_sa *sa);	/* new, or its settings changed; takes x->lock */
	void (*unwatch)(struct xha_sa *sa);	/* takes x->lock */
};

extern const struct xha_tap xha_tap_ftrace;
extern const struct xha_tap xha_tap_aevent;
extern const struct xha_tap *xha_tap;		/* the one in use */
int xha_tap_start(void);
void xha_tap_stop(void);
void xha_tap_listen(void);
void xha_tap_mute(void);

#endif
