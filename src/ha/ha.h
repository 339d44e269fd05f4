/* SPDX-License-Identifier: GPL-2.0 */
/* What fails over, for the other wings: netns, links as peers, groups, SAs. */
#ifndef _XFRM_HA_HA_H
#define _XFRM_HA_HA_H

#include <linux/mutex.h>
#include <linux/rhashtable.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>
#include <net/xfrm.h>
#include <uapi/linux/xfrm_ha.h>

#include "control/stats.h"
#include "link/link.h"
#include "pure/place.h"
#include "pure/session.h"
#include "pure/term.h"
#include "xfrm/xfrm.h"

struct xha_net;
struct xha_link;
struct xha_group;
struct xha_sa;
struct xha_engine;

/* --- per netns --- */

/*
 * Notifications have a limit each: that SAs go into slots must not drown that a peer is lost, and
 * by that one all groups may be taken over at once.
 */
enum { XHA_EVENT_HA, XHA_EVENT_ROLE, XHA_EVENT_ENGINE, XHA_EVENT_MOVES, XHA_EVENT_KINDS };

struct xha_event_rate {
	unsigned long second;
	u32 events;
};

#define XHA_REQIDS	128	/* rows of groups by reqid; one more has those of any */

struct xha_net {
	struct net *net;
	struct mutex mutex;		/* configuration */
	u32 node;			/* own id; 0: not set; mutex */
	struct xha_links links;
	struct list_head group_list;	/* RCU; mutex */
	struct hlist_head by_reqid[XHA_REQIDS + 1];	/* the same groups; RCU; mutex */
	u32 groups_made;		/* mutex */
	struct xarray groups;		/* id → group */
	struct rhashtable by_id;	/* xha_sa.by_id */
	struct xarray sas;		/* index → xha_sa; xa_lock */
	u32 sas_next;			/* xa_alloc_cyclic */
	atomic_t n_sas;
	u32 max_sas;			/* limit */
	unsigned long sas_near;		/* see xha_comes_near() */
	u32 max_orphans;		/* limit for each link */
	u32 orphan_age;			/* s */
	struct delayed_work reconcile;	/* finds SAs that made no event */
	unsigned long reconciled;	/* jiffies: when it did so last */
	struct delayed_work packet_work;	/* looks at SAs in packet offload mode */
	bool gated;			/* their gate is there; packet_work */
	bool deaf;			/* xha_hearing_check() has found its tap to be */
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

/* --- groups --- */
#define XHA_INDEX_AUTO	U8_MAX

/* What netlink sets of a group. Replaced as a whole. Defaults: xha_group_config_default() */
struct xha_group_config {
	u32 interval;		/* packets, 1 … XHA_INTERVAL_MAX; 0: auto */
	u32 quantity;		/* packets, 2 * interval … XHA_QUANTITY_MAX; 0: default */
	u32 max_age;		/* ms, 1 … 60000 */
	u32 join;		/* ms a starting active waits to hear its peer, 0 … 600000 */
	bool bitmap;		/* inbound records carry the window bitmap */
	bool takeover;		/* on-peer-loss, standby: takeover, not notify */
	bool solo;		/* on-peer-loss, active: solo, not hold */
	bool strict;		/* sync: strict, not relaxed */
	bool lenient;		/* inbound takeover policy: lenient, not strict */
	u8 stripe;		/* log2 of its numbers, XHA_STRIPE_MIN … XHA_STRIPE_MAX */
	u8 index;		/* of this node, below @nodes; XHA_INDEX_AUTO */
	u8 nodes;		/* with a share, 1 … XHA_STRIPE_NODES_MAX; 0: see nodes_of() */
	u8 soft;		/* percent of this node's numbers, 1 … 100 */
	u16 prepare;		/* ms an active one waits before it hands over, 0 … 10000 */
	struct rcu_head rcu;
};

#define XHA_GROUPS_MAX	1024	/* of a netns */
#define XHA_FORCE		BIT(0)
#define XHA_ALLOW_MISSING	BIT(1)
#define XHA_NOW			BIT(2)

/* A group as of one moment */
struct xha_group_info {
	const char *name;
	const char *link;		/* device; NULL: solo */
	const struct xha_group_match *match;
	struct xha_group_config config;	/* as set; but: */
	u32 quantity;			/* in force */
	struct xha_share share;		/* of this node */
	enum xha_role role;
	u32 term;
	u32 reason;			/* enum xfrm_ha_role_reason */
	u32 uid;			/* of who gave the command, if it was one */
	u32 lacks;			/* SAs that its peer has, and this node has not */
	u32 peer_lacks;			/* the reverse */
	u32 peer_sas;
	bool synced;			/* with the peer */
	bool solo;
	bool preparing;			/* its user, to hand it over */
	bool peer_known;		/* the next two are */
	u8 peer_role;			/* enum xha_claim */
	u32 peer_term;
	u32 sas;
	u64 changed_at;			/* ns, boot clock: last change of role */
	u64 takeovers;
	u64 skipped;			/* numbers skipped at takeovers */
};

void xha_group_config_default(struct xha_group_config *c);
int xha_group_add(struct xha_net *xn, const char *name, const struct xha_group_match *m,
		  const struct xha_group_config *c, const char *link_dev, bool active,
		  struct netlink_ext_ack *extack);
int xha_group_set(struct xha_net *xn, const char *name, const struct xha_group_config *c,
		  struct netlink_ext_ack *extack);
int xha_group_del(struct xha_net *xn, const char *name, unsigned int how,
		  struct netlink_ext_ack *extack);
int xha_group_takeover(struct xha_net *xn, const char *name, unsigned int how,
		       struct netlink_ext_ack *extack);
int xha_group_release(struct xha_net *xn, const char *name, unsigned int how,
		      struct netlink_ext_ack *extack);
/* RCU or the mutex of the netns for these: */
struct xha_group *xha_group_find(struct xha_net *xn, const char *name);
struct xha_group *xha_group_named(struct xha_net *xn, const char *name,
				  struct netlink_ext_ack *extack);
struct xha_group *xha_group_next(struct xha_net *xn, unsigned long *id);	/* from *@id on */
void xha_group_info(struct xha_group *g, struct xha_group_info *i);
struct xha_net *xha_group_net(const struct xha_group *g);
/* The name of the group that an SA belongs to, or NULL. RCU */
const char *xha_group_of(struct xha_net *xn, const struct xfrm_state *x);
/* Who is to be told: enum xfrm_ha_event; any context, the group's lock is not held. NULL: nobody */
void xha_group_on_event(void (*func)(struct xha_group *g, u32 event));

/* --- links --- */
int xha_peer_add(struct xha_net *xn, struct net_device *dev, const struct xha_link_config *c,
		 struct netlink_ext_ack *extack);
int xha_peer_del(struct xha_net *xn, const char *dev, struct netlink_ext_ack *extack);
struct xha_net *xha_link_net(const struct xha_link *link);
u32 xha_peer_orphans(const struct xha_link *link);	/* records of SAs that are not here */
int xha_peer_start(void);
void xha_peer_stop(void);

/* --- SAs --- */

/* Distance of an SA from its mirror: requirement N7 */
struct xha_distance {
	u64 out;	/* packets */
	u64 in;		/* packets */
	u32 ms;
};

/* An SA as of one moment */
struct xha_sa_info {
	const char *group;
	const struct xfrm_state *x;
	struct xha_id id;
	u32 index;
	enum xha_role role;		/* of its group */
	enum xha_place place;
	u32 interval;			/* packets, outbound */
	struct xha_numbers numbers;
	u64 lease;
	struct xha_share share;		/* of this node */
	u64 striped;			/* numbers skipped that are another node's */
	struct xha_exposure exposure;
	struct xha_distance distance;
	bool twin;			/* the peer has it, too */
};

/* From *@index on; of @g, or NULL: of all. RCU */
struct xha_sa *xha_sa_next(struct xha_net *xn, struct xha_group *g, unsigned long *index);
void xha_sa_info(struct xha_sa *sa, struct xha_sa_info *i);	/* RCU */
void xha_sa_shadow(struct xfrm_state *x);		/* a new or changed xfrm_state */
void xha_sa_reconcile_soon(struct xha_net *xn);	/* any context */

/* --- start and stop --- */
int xha_sa_start(void);
void xha_sa_stop(void);
int xha_replica_start(void);
void xha_replica_stop(void);
int xha_sa_net_init(struct xha_net *xn);
void xha_sa_net_start(struct xha_net *xn);
void xha_sa_net_fini(struct xha_net *xn);
int xha_group_start(void);
void xha_group_stop(void);
void xha_group_init(struct xha_net *xn);
void xha_group_fini(struct xha_net *xn);
int xha_hearing_start(void);
void xha_hearing_stop(void);

#endif
