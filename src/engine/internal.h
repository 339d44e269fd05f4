/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _XFRM_HA_ENGINE_INTERNAL_H
#define _XFRM_HA_ENGINE_INTERNAL_H

#include <linux/llist.h>
#include <linux/rhashtable.h>

#include "engine/engine.h"
#include "engine/heat.h"
#include "ha/ha.h"

/**
 * DOC: Engines
 *
 * An engine device is the xso.dev of SAs, the NICs below it are the engines. Each SA
 * (struct xha_slot_sa) is in software or in a slot of one NIC, and moves while it carries
 * traffic.
 *
 * **Outbound.** The NIC is not given the SA but a clone of it (struct xha_clone): an xfrm_state in
 * no table, with the same keys, whose xso.dev is the NIC. The packets that xfrm has left to
 * hardware are made the clone's when the engine device hands them to the NIC, so that the clone's
 * reference count tells how many of them are under way. An SA leaves its slot like this:
 *
 * 1. @tx is cleared: a packet on its way down finds no ESP in the features of the device, so
 *    that the kernel encrypts it. It has the next number of the SA all the same.
 * 2. After a grace period nobody goes by the old @tx, and @late is cleared. It served packets
 *    that had been left to hardware, and came to the transmit function after step 1.
 * 3. When the last packet has gone, the NIC is told to forget the clone.
 *
 * A packet that was left to hardware and finds no @late is dropped and counted: it is text. One
 * that is to be segmented is whole yet, and begins anew at the NIC: see hand_over().
 *
 * **Inbound.** The NIC is given the SA itself, it names it in the packets it has decrypted.
 * What it does not decrypt the kernel does, so no packet depends on where the SA is.
 *
 * **Locking.** RTNL is outside of xha_engine.mutex, which is outside of all else here. It guards
 * the lists of NICs and of SAs, and who is where; drivers are called under it. NICs also change
 * under RTNL only. xha_slot_sa.lock (BH) is inside of xfrm_state.lock and guards @place and
 * @dead against xdo_dev_state_delete(), which may come at any time, with x->lock held or (an SA
 * that was never installed) without. An SA in the list has an xfrm_state: xdo_dev_state_free()
 * takes it out, under the mutex. Packets read @tx, @late and the ports under RCU.
 *
 * Who holds RTNL waits for the mutex, and so does the kernel's collector of dead SAs. So the
 * worker holds it for one grace period or one call of a driver that may sleep, and then lets others
 * have it; see xha_cache_breathe(). Who holds RTNL calls drivers for at most XHA_SLOTS_NOW SAs, but
 * for what the user has asked for, and when a NIC is taken away: the kernel's contract with its
 * driver is that its SAs have gone then.
 */

#define XHA_ENGINE_KIND		"xfrm_engine"
#define XHA_ENGINE_NICS		16
#define XHA_SLOTS_ANY		U32_MAX

enum { XHA_IN, XHA_OUT, XHA_DIRS };

enum xha_slot_place {
	XHA_SOFT,
	XHA_ENTERING,		/* its NIC is being told */
	XHA_HARD,
	XHA_LEAVING,		/* the NIC has been told, grace period */
	XHA_GONE,		/* ditto, and the SA is dead */
};

enum xha_pin { XHA_PIN_NONE, XHA_PIN_SOFT, XHA_PIN_NIC };

struct xha_engine;

/**
 * struct xha_nic - a NIC below an engine device; mutex, and RTNL to come and go
 * @ref: the engine's, and one of each clone
 * @up: running, with carrier
 * @usable: as of the last change, xha_nic_usable()
 * @slots: the user's limit
 * @room: how many it held when it refused one for want of room
 * @retry: tick from which on one more is tried
 * @probing: the next one is that
 * @held: how many it held at the beginning of this decision
 * @unfit: can't do the outbound SA that it was offered last
 * @tried: is passed over: can't do the SA at hand
 * @used: slots; atomic, clones leave without the mutex
 * @plan: inbound SAs
 * @reserved: slots that are for SAs which the user wants here
 * @detached: is no engine's any more; the lock of the list of those that leave
 * @dropped: as of the last tick; see distrusted()
 * @handed: packets of outbound SAs in its slots since then
 * @bad: ticks in a row in which it dropped most of them
 * @lost: packets that it dropped in these
 * @trusted: tick before which drops mean nothing
 * @doubts: how often it was told its SAs anew, and dropped packets again
 * @usual: packets that it dropped in the tick in which it was told so last
 * @epoch: outbound SAs of another one are told to it anew
 * @renewed: how often it was distrusted
 * @left_ns: CPU time of the calls by which SAs have left it since the last decision
 * @n_left: how many have
 * @peeked: jiffies, see peek()
 */
struct xha_nic {
	struct list_head node;
	refcount_t ref;
	struct net_device *dev;
	netdevice_tracker tracker;
	struct xha_engine *engine;
	u8 mac[ETH_ALEN];
	int mtu;
	bool up;
	bool usable;
	bool drain;
	u32 weight;
	u32 slots[XHA_DIRS];
	u32 room[XHA_DIRS];
	u64 retry[XHA_DIRS];
	bool probing[XHA_DIRS];
	u32 held[XHA_DIRS];
	bool unfit;
	bool tried;
	atomic_t used[XHA_DIRS];
	u64 entered;
	u64 refused;
	struct xha_heat_plan plan;
	u32 reserved[XHA_DIRS];
	bool detached;
	u64 dropped;
	u64 handed;
	u32 bad;
	u64 lost;
	u64 trusted;
	u32 doubts;
	u64 usual;
	u32 epoch;
	u64 renewed;
	atomic64_t left_ns;
	atomic_t n_left;
	unsigned long peeked;
};

/* What the packet path needs of the NICs that are up; RCU */
struct xha_ports {
	int n;
	struct net_device *dev[XHA_ENGINE_NICS];
};

/**
 * struct xha_clone - an outbound SA as its NIC knows it
 * @s: the NIC's xfrm_state; its references beyond one are packets'
 * @x: the SA, whose transform and keys the packets need; a reference
 * @nic: a reference
 * @node: in the list of those that leave
 * @since: jiffies, when it began to leave
 * @deleted: the driver has been told to delete it
 * @over: no packet is its any more; the looker's
 * @freed: its slot is free
 * @down: its NIC went down after it began to leave; the lock of the list
 */
struct xha_clone {
	struct xfrm_state *s;
	struct xfrm_state *x;
	struct xha_nic *nic;
	struct list_head node;
	unsigned long since;
	bool deleted;
	bool over;
	bool freed;
	bool down;
};

/**
 * struct xha_slot_sa - an SA of an engine device
 * @packets: the SA's count as of xha_cache_count()
 * @wait: tick before which it is not offered to a NIC, after a refusal
 * @seen: ifindex of the NIC that brought the last packet
 * @by_x: inbound; in the table of all engines
 * @held: in xha_engine.held, while it has a NIC
 * @parked: in the parking's list, afterwards
 * @number: its key in xha_engine.sas, in the order of their coming
 * @lock: see DOC
 * @tx: of the NIC; RCU, written under @lock
 * @late: ditto, for packets decided on before
 * @away: its packets take another way than the engine device
 * @stray: is to be given back
 * @came: inbound, in a slot: second of the last packet that came to its NIC
 * @strays: ditto: ticks in a row in which packets came, and not there
 * @hit: inbound, in a slot: a packet was decrypted by hardware since the last tick
 * @miss: ditto, by the kernel although it came to that NIC
 * @entered: tick in which it entered its slot
 * @epoch: of its NIC when it entered
 * @lapses: inbound: how often its NIC did not decrypt it, since it last did
 * @why: enum xfrm_ha_cache_reason of the last decision that gave it a slot
 * @gain: ditto, of struct xha_heat_verdict
 * @margin: ditto
 * @given: number of that decision
 *
 * What each tick looks at of each SA is in one cache line of its own, from @x to @away.
 */
struct xha_slot_sa {
	struct xfrm_state *x ____cacheline_aligned;
	struct xha_nic *nic;
	struct xha_heat heat;
	u64 packets;
	u64 wait;
	int seen;
	bool inbound;
	u8 pin;
	bool dead;			/* @lock */
	bool away;

	struct rhash_head by_x ____cacheline_aligned;
	struct list_head held;
	struct llist_node parked;
	struct list_head pick;
	struct xha_engine *engine;
	unsigned long number;
	spinlock_t lock;		/* of @place, @dead */
	u8 place;
	bool adopted;
	bool stray;
	u32 strays;
	time64_t came;
	struct xfrm_state __rcu *tx;
	struct xfrm_state __rcu *late;
	struct xha_clone *clone;
	bool hit;
	bool miss;
	u64 since;
	u64 entered;
	u64 moves;
	int err;
	u32 refusals;
	u32 epoch;
	u32 lapses;
	u8 why;
	u64 gain;
	u64 margin;
	u64 given;
	int pin_ifindex;
	struct rcu_head rcu;
};

struct xha_engine {
	struct net_device *dev;
	struct list_head nics;
	struct xha_ports __rcu *ports;
	struct xha_ports sets[2];	/* one is @ports, or was, the other is the next; RTNL */
	struct mutex mutex;		/* see DOC */
	struct xarray sas;
	struct list_head held;
	u32 pins;
	unsigned long numbers;
	u32 n_sas;
	u32 n_hard;
	struct delayed_work work;
	unsigned long next;		/* jiffies of the next tick */
	unsigned long pause;		/* jiffies until a decision between two ticks */
	u64 tick;
	struct xha_heat_policy policy;
	struct xha_heat_plan plan;	/* outbound SAs */
	u64 leave_ns;			/* for a driver, of the SAs that left last, each */
	struct xha_heat_policy decided;	/* the policy of the last decision */
	u64 decisions;
	unsigned long judged;		/* @number of the last SA that it was about */
	unsigned long turn;		/* changes when SAs, NICs, or the memory of plans go */
	bool uneven;			/* NICs may have more than their part */
	bool adopt;
	char adopt_group[XHA_NAME_LEN];	/* only its SAs; empty: all */
	struct llist_head newcomers;	/* SAs to be adopted */
	atomic_t n_newcomers;
	unsigned long walk;		/* jiffies of the next look at all SAs */
	bool addrs_changed;		/* since then; atomic */
	unsigned long reviewed;		/* jiffies from which on routes are looked up anew */
	u64 routes;			/* generation of those that SAs were held against */
	u32 visits;			/* SAs of this look */
	bool open;
	bool kicked;			/* atomic */
	bool wants;			/* SAs that were given an outbound slot wait for it */
	bool freed;			/* one of these may enter; atomic */
	/* counters; mutex */
	u64 ticks, tick_ns;
	u64 entered, left, refused;
	u64 packets_hard, packets_soft;
	atomic64_t late_drops;
};

/* netdev.c */
bool xha_is_engine(const struct net_device *dev);
void xha_engine_setup(struct net_device *dev);
enum xfrm_ha_nic_state xha_nic_state(const struct xha_nic *nic);
struct xha_nic *xha_nic_of(const struct net_device *dev);	/* RTNL */
u64 xha_nic_dropped(const struct xha_nic *nic);
void xha_nic_put(struct xha_nic *nic);

static inline bool xha_nic_usable(const struct xha_nic *nic)
{
	return xha_nic_state(nic) == XFRM_HA_NIC_STATE_UP;
}

static inline const struct xfrmdev_ops *xha_nic_ops(const struct xha_nic *nic)
{
	return nic->dev->xfrmdev_ops;
}

/* A call that takes an SA out of its slot began at @start. */
static inline void xha_nic_left(struct xha_nic *nic, u64 start)
{
	atomic64_add(ktime_get_ns() - start, &nic->left_ns);
}

/* control.c */
void xha_engine_notify(struct net_device *dev, u32 event, const char *nic, __be32 spi);
int xha_control_fill_engine(struct sk_buff *skb, const struct xha_engine *g);
size_t xha_control_engine_size(void);
int xha_control_set_engine(struct xha_engine *g, struct nlattr **a, struct netlink_ext_ack *extack);
int xha_control_fill_nic(struct sk_buff *skb, const struct xha_nic *nic);
size_t xha_control_nic_size(void);
void xha_control_set_nic(struct xha_nic *nic, struct nlattr **a);

/* rtnl.c */
extern struct rtnl_link_ops xha_engine_link_ops;
int xha_engine_rtnl_init(void);

/* slot.c */
extern const struct xfrmdev_ops xha_engine_xfrmdev_ops;
int xha_slots_init(void);
void xha_slots_exit(void);
struct xha_slot_sa *xha_slot_sa(const struct xfrm_state *x);	/* RCU; inbound */
int xha_slot_enter(struct xha_slot_sa *e, struct xha_nic *nic);
void xha_slot_pick(struct xha_slot_sa *e, struct list_head *picked);
#define XHA_SLOTS_BATCH	32	/* so many inbound SAs share a grace period at most */
#define XHA_SLOTS_NOW	4	/* so many leave a NIC that goes down at once */
void xha_slots_leave(struct xha_engine *g, struct list_head *picked);
bool xha_slots_leave_gently(struct xha_engine *g, struct list_head *picked,
			    bool (*breathe)(struct xha_engine *g));
void xha_slots_evict(struct xha_engine *g, const struct xha_nic *nic, u32 most);
void xha_slots_quit(struct xha_engine *g);
struct xha_slot_sa *xha_slot_create(struct xha_engine *g, struct xfrm_state *x, bool inbound);
int xha_slot_insert(struct xha_engine *g, struct xha_slot_sa *e);
void xha_slot_discard(struct xha_slot_sa *e);
void xha_slot_unlist(struct xha_slot_sa *e);
void xha_slot_unhash(struct xha_slot_sa *e);

/* adopt.c */
void xha_adopt_offer(struct xfrm_state *x);	/* installed or changed; RCU */
bool xha_adopt_through(const struct xha_engine *g, struct xfrm_state *x, bool inbound);
void xha_slots_adopt(struct xha_engine *g, bool ticked);
void xha_slots_give_back(struct xha_engine *g);
int xha_engine_adopter(struct xha_engine *g, bool adopt, const char *group,
		       struct netlink_ext_ack *extack);
int xha_adopt_init(void);
void xha_adopt_exit(void);

/* Dumps name the device by its index, where the kernel keeps one for them. x->lock is held. */
static inline void xha_engine_show(struct xfrm_state *x, const struct net_device *dev)
{
#ifndef XHA_LACKS_XSO_IFINDEX
	WRITE_ONCE(x->xso.ifindex, dev->ifindex);
#endif
}

/* policy.c */
int xha_policy_begin(struct xha_net *xn);
void xha_policy_end(struct xha_net *xn);

/* parking.c */
int xha_parking_init(void);
void xha_parking_exit(void);
void xha_park(struct xha_slot_sa *e);

/* clone.c */
#define XHA_CLONE_PATIENCE	(2 * HZ)	/* then the NIC is told, packets or not */
#define XHA_CLONE_LEAVE		(HZ / 10)	/* a slot is waited for so long */
struct xha_clone *xha_clone_create(struct xfrm_state *x, struct xha_nic *nic);
void xha_clone_leave(struct xha_clone *t);
void xha_clones_down(const struct net_device *dev);
void xha_clones_detach(struct xha_nic *nic);
u32 xha_clones_leaving(const struct xha_engine *g, const struct xha_nic *nic);
void xha_clones_wait(const struct xha_engine *g, unsigned long timeout);
void xha_clones_drain(const struct xha_nic *nic, unsigned long timeout);
void xha_clones_exit(void);

/* doubt.c */
#define XHA_WAIT_MAX	10
/* Ticks until the next attempt, after so many that did not help */
static inline u64 xha_backoff(u32 n)
{
	return 1ULL << min_t(u32, n, XHA_WAIT_MAX);
}

bool xha_doubt(struct xha_slot_sa *e);
void xha_doubt_nics(struct xha_engine *g);

/* cache.c */
int xha_cache_init(struct xha_engine *g);
void xha_cache_fini(struct xha_engine *g);
int xha_cache_reserve(struct xha_engine *g, u32 swaps);
int xha_cache_plan_alloc(struct xha_heat_plan *plan, u32 swaps);
void xha_cache_plan_free(struct xha_heat_plan *plan);
u64 xha_cache_count(struct xha_engine *g, struct xha_slot_sa *e);
void xha_cache_kick(struct xha_engine *g);
bool xha_cache_breathe(struct xha_engine *g);
void xha_cache_freed(struct xha_engine *g);
void xha_cache_shrink(struct xha_nic *nic, int dir);
enum xfrm_ha_cache_reason xha_cache_reason(struct xha_slot_sa *e, struct xha_heat_verdict *v);

#endif
