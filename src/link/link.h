/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A sealed, numbered, acknowledged datagram service to one peer, over one Ethernet device. What
 * the datagrams say is its user's, which hands over struct xha_link_ops.
 */
#ifndef _XFRM_HA_LINK_H
#define _XFRM_HA_LINK_H

#include <linux/hrtimer.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <net/net_namespace.h>

#include "control/stats.h"

#define XHA_LINK_BATCH_DEFAULT	8000	/* us */

/* Fires within a range before @ns, so that one interrupt serves several timers. */
static inline void xha_timer_in(struct hrtimer *timer, u64 ns)
{
	hrtimer_start_range_ns(timer, ns_to_ktime(ns - ns / 4), ns / 4, HRTIMER_MODE_REL_SOFT);
}

struct xha_link;		/* struct in internal.h */

struct xha_link_config {
	u16 ethertype;
	u8 peer[ETH_ALEN];
	bool insecure;
	bool carrier_at_once;	/* the peer is lost with the carrier; else when it is silent */
	u32 heartbeat;		/* ms */
	u32 dead;		/* heartbeats */
	u32 batch;		/* us a due message may wait for others; 0: a frame at once */
	u8 key[32];		/* pre-shared; write-only */
};

enum xha_link_state {
	XHA_LINK_DOWN,		/* device absent, down, or without carrier */
	XHA_LINK_CONNECTING,	/* saying HELLO */
	XHA_LINK_SYNC,		/* session stands */
	XHA_LINK_UP,		/* and the user has said that it is in sync */
};

enum xha_link_loss {		/* why a session has ended */
	XHA_LOSS_NONE,
	XHA_LOSS_TIMEOUT,	/* the peer was silent for too long */
	XHA_LOSS_CARRIER,	/* it was, or at once, without a carrier here */
	XHA_LOSS_DEVICE,	/* the device is down, or gone */
	XHA_LOSS_RESTARTED,	/* the peer has begun another one */
	XHA_LOSS_SETTINGS,	/* this end has other settings */
};

enum xha_link_event {
	XHA_LINK_EVENT_NEW,
	XHA_LINK_EVENT_SET,
	XHA_LINK_EVENT_DEL,
	XHA_LINK_EVENT_UP,		/* a session stands */
	XHA_LINK_EVENT_SYNCED,
	XHA_LINK_EVENT_DOWN,		/* the session has ended, the peer has not */
	XHA_LINK_EVENT_LOST,		/* the peer is dead */
	XHA_LINK_EVENT_DEVICE,		/* the device is ready, or is not any more */
	XHA_LINK_EVENT_NODE_CONFLICT,	/* the peer has our node id */
	XHA_LINK_EVENT_SECURITY,	/* a HELLO was not authentic, or one end only is insecure */
};

/**
 * struct xha_link_ops - what the user of a link does
 * @cookie_size: octets that are remembered of each message; a multiple of 8
 * @cookies: messages in a frame at most
 * @create: a link is being made: its user, or NULL: no memory
 * @destroy: the link is gone
 * @up: a session is about to be put to use, and its state is XHA_LINK_SYNC already. @fill and
 *	@input are not called before it returns.
 * @synced: the state is XHA_LINK_UP, as xha_link_synced() asked for
 * @down: a session has ended, @fill is not called any more. @lost: the peer is dead. Does what
 *	must be done at once, in a time that does not depend on how much there is to tell.
 *	A frame that is being taken in may still be in @input; it will not be acknowledged.
 * @ended: after @down, and after the event: the rest of it, at leisure. Until it returns there is
 *	no other session.
 * @pending: is there something to tell? Any context.
 * @fill: write messages into @buf, @room octets, and a cookie each into @cookies, *@n of them.
 *	*@soon: the peer should not wait with its acknowledgment. Returns octets. Softirq, under
 *	the link's lock, as are @acked and @lost.
 * @acked: the peer has taken in what a frame carried that was sent at @sent_at, ns
 * @lost: nobody knows whether it has: tell it again
 * @input: the messages of an authentic frame. 0: it is acknowledged, all in it has had its effect;
 *	-EBUSY: it can't have; -ENOTCONN: @down was faster; -EBADMSG. Softirq.
 *
 * @create, @destroy, @up, @synced, @down and @ended are called one at a time, in process context.
 */
struct xha_link_ops {
	size_t cookie_size;
	unsigned int cookies;

	void *(*create)(struct xha_link *link);
	void (*destroy)(void *user);
	void (*up)(void *user);
	void (*synced)(void *user);
	void (*down)(void *user, bool lost);
	void (*ended)(void *user);

	bool (*pending)(void *user);
	int (*fill)(void *user, u8 *buf, int room, void *cookies, int *n, bool *soon);
	void (*acked)(void *user, const void *cookies, int n, u64 sent_at);
	void (*lost)(void *user, const void *cookies, int n);
	int (*input)(void *user, u64 number, const u8 *buf, int len);
};

/* The links of a netns */
struct xha_links {
	struct net *net;
	struct xha_stats __percpu *stats;
	struct mutex *mutex;		/* its configuration */
	struct list_head list;		/* RCU; @mutex */
	struct mutex bind_mutex;	/* which device each has; inside RTNL and @mutex */
	struct list_head bound;		/* as @list; @bind_mutex */
	struct notifier_block notifier;
};

struct xha_link_info {
	char dev[IFNAMSIZ];
	int ifindex;
	struct xha_link_config config;	/* without the key */
	enum xha_link_state state;
	enum xha_link_loss loss;	/* of the last session that has ended */
	u32 peer_node;
	u64 srtt_ns;
	u64 up_since;
	u32 in_flight;
	u64 tx_frames, rx_frames, tx_bytes, rx_bytes;
};

int xha_link_add(struct xha_links *links, struct net_device *dev, const struct xha_link_config *c,
		 u32 node, const struct xha_link_ops *ops, struct netlink_ext_ack *extack);
int xha_link_set(struct xha_links *links, const char *dev, const struct xha_link_config *c,
		 bool new_key, struct netlink_ext_ack *extack);
void xha_link_del(struct xha_link *link);

/* RCU or mutex; NULL @dev: the first one */
struct xha_link *xha_link_find(struct xha_links *links, const char *dev);
struct xha_link *xha_link_next(struct xha_links *links, struct xha_link *prev);
void xha_link_info(struct xha_link *link, struct xha_link_info *i);	/* mutex */
const char *xha_link_name(const struct xha_link *link);	/* of its device; mutex or RCU */
struct xha_links *xha_link_links(const struct xha_link *link);
void *xha_link_user(const struct xha_link *link);
bool xha_link_lower(const struct xha_link *link);
enum xha_link_state xha_link_state(const struct xha_link *link);
enum xha_link_loss xha_link_loss(const struct xha_link *link);

void xha_link_kick(struct xha_link *link);	/* something is due; any context */
void xha_link_urge(struct xha_link *link);	/* ditto, do not wait for the batch */
void xha_link_synced(struct xha_link *link);	/* the user is in sync with its peer */

/* Who hears of events; any context but hard interrupts. Before there are links. */
void xha_link_on_event(void (*func)(struct xha_link *link, enum xha_link_event event));

int xha_links_init(struct xha_links *links, struct net *net, struct mutex *mutex,
		   struct xha_stats __percpu *stats);
void xha_links_mute(struct xha_links *links);	/* their devices are let go of; no mutex held */
void xha_links_fini(struct xha_links *links);	/* mutex */

#endif
