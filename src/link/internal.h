/* SPDX-License-Identifier: GPL-2.0 */
/* Shared by link.c (device, timers), frames.c (transmit and receive) and handshake.c only. */
#ifndef _XFRM_HA_LINK_INTERNAL_H
#define _XFRM_HA_LINK_INTERNAL_H

#include <linux/refcount.h>
#include <linux/workqueue.h>

#include "link/link.h"
#include "link/seal.h"
#include "pure/session.h"

#define XHA_WINDOW_FRAMES	128	/* unacknowledged at most; a power of 2 */
#define XHA_HELLO_QUEUE		32
#define XHA_FRAME_MAX		9000	/* octets, payload of Ethernet */

/* What a frame that is not acknowledged yet carried. n is 0: there is none. */
struct xha_flight {
	u64 number;
	u64 sent_at;
	int n;
	void *cookies;
};

/*
 * A session: from a handshake to the next one, or to the peer's death.
 * References: one of the link, one of each frame being sealed or opened.
 */
struct xha_session {
	struct xha_link *link;
	refcount_t ref;
	u32 own;		/* number by which the peer calls it; immutable */
	u32 peer;		/* number by which we call it; immutable */
	u32 peer_node;
	u16 heartbeat;		/* of the peer, ms */
	u8 dead;
	u16 promised;		/* the peer counts on so many ms between our heartbeats */
	struct xha_seal tx;
	struct xha_seal rx;
	u64 number;		/* of the last frame sent; link's lock */
	struct xha_rx seen;	/* link's lock */
	struct xha_rx input;	/* link's lock: those that had their effect, to be acknowledged */
	struct rcu_work free_work;
};

enum xha_link_todo {		/* bits of xha_link.todo, carried out by xha_link.work */
	XHA_TODO_DEVICE,	/* the device came, went, or changed its state */
	XHA_TODO_HELLO,		/* HELLOs were received */
	XHA_TODO_SAY,		/* it is time to say HELLO */
	XHA_TODO_DEAD,		/* the peer is dead */
	XHA_TODO_SYNCED,	/* the user is in sync with its peer */
	XHA_TODO_RENEW,		/* other settings: have a session with them */
	XHA_TODO_RESTART,	/* another peer: start over */
};

/*
 * Process state (handshake, state) is private to xha_link.work, which runs in an ordered
 * workqueue of the link's own; what others read is said so.
 */
struct xha_link {
	struct list_head node;		/* xha_links.list */
	struct list_head bound;		/* xha_links.bound */
	struct xha_links *links;
	const struct xha_link_ops *ops;
	void *user;
	u32 own;			/* node id; immutable */
	bool lower;			/* than the peer, by address; immutable */
	atomic_t sessions;		/* not freed yet */
	char name[IFNAMSIZ];
	struct xha_link_config config;	/* writes: mutex; key: key_mutex, too */
	struct mutex key_mutex;		/* config.key, hello_tfm; work and mutex */
	struct crypto_shash *hello_tfm;	/* NULL: insecure */
	struct net_device __rcu *dev;	/* bind_mutex for writes */
	netdevice_tracker dev_tracker;
	struct packet_type pt;
	enum xha_link_state state;	/* written by work */
	enum xha_link_loss loss;	/* ditto */
	bool ready;			/* device is up with carrier; work */

	unsigned long todo;		/* enum xha_link_todo, atomic */
	struct workqueue_struct *wq;
	struct work_struct work;
	struct hrtimer tick;
	struct hrtimer flush_timer;
	struct work_struct flush_work;	/* in system_bh_wq */
	unsigned long flushing;		/* bit 0: a flush is pending, atomic */
	spinlock_t flush_lock;		/* the next one; innermost */
	u64 flush_at;			/* ns, for which the timer is set; U64_MAX: it is not */

	/* HELLOs received; hellos.lock */
	struct sk_buff_head hellos;
	u8 nonces[2][XHA_NONCE_LEN];	/* of @hs and @next: whose echo is fresh */
	u64 fresh_full_at;		/* buckets of HELLOs that echo one of these, */
	u64 other_full_at;		/* and of all others */

	/* handshake: work */
	struct xha_hs hs;
	u32 hs_session;
	struct xha_hs next;		/* while hs.up */
	u32 next_session;
	bool has_next;
	bool renew;			/* with @next, the session is to be another one */
	u64 retry_full_at;		/* bucket of answers for want of memory */
	u64 said_at;
	u64 complaint_full_at;		/* bucket of events on HELLOs */

	spinlock_t lock;		/* from here on */
	struct xha_session __rcu *session;
	struct xha_flight *flights;
	u64 oldest;			/* number of the oldest frame that may be unacknowledged */
	u32 in_flight;
	struct xha_rtt rtt;
	u64 measured;			/* number of the frame that it was sampled by last */
	u64 backed_off;			/* number up to which frames were under way at a timeout */
	u32 owed;			/* eliciting frames received and not acknowledged */
	u64 sent_at;			/* of the last frame */
	u64 received_at;		/* of the last authentic frame */
	u64 up_since;
	u64 tx_frames, rx_frames, tx_bytes, rx_bytes;
};

static inline void xha_link_count(const struct xha_link *link, enum xha_stat s)
{
	this_cpu_inc(link->links->stats->v[s]);
}

/* At the latest, ns; @s may be NULL. RCU or link's lock */
static inline u64 xha_link_heartbeat(const struct xha_link *link, const struct xha_session *s)
{
	u32 ms = READ_ONCE(link->config.heartbeat);

	return (s ? min_t(u32, ms, s->promised) : ms) * (u64)NSEC_PER_MSEC;
}

/* link.c */
void xha_link_do(struct xha_link *link, enum xha_link_todo what);
void xha_link_flush_in(struct xha_link *link, u64 ns);
void xha_link_session(struct xha_link *link, struct xha_session *s, enum xha_link_loss why);
void xha_link_event(struct xha_link *link, enum xha_link_event event);
void xha_session_put(struct xha_session *s);

/* frames.c */
int xha_frames_receive(struct sk_buff *skb, struct net_device *dev, struct packet_type *pt,
		       struct net_device *orig_dev);
void xha_frames_flush(struct xha_link *link);
void xha_frames_overdue(struct xha_link *link);
void xha_frames_forget(struct xha_link *link);
int xha_frames_xmit(struct xha_link *link, struct sk_buff *skb);
struct sk_buff *xha_frames_alloc(struct net_device *dev, unsigned int len, gfp_t gfp);

/* handshake.c */
int xha_handshake_key(struct xha_link *link, const u8 *key);
void xha_handshake_receive(struct xha_link *link, struct sk_buff *skb);
void xha_handshake_reset(struct xha_link *link);
void xha_handshake_say(struct xha_link *link);
void xha_handshake_renew(struct xha_link *link);
void xha_handshake_input(struct xha_link *link);

#endif
