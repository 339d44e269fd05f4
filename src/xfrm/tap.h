/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The taps, which hear the life of SAs and their packets: for their user, and for each other. There
 * is one user, who embeds a struct xha_tapped in what he keeps of an SA.
 */
#ifndef _XFRM_HA_TAP_H
#define _XFRM_HA_TAP_H

#include <net/netns/generic.h>

#include "xfrm/xfrm.h"

/**
 * struct xha_heard - one direction of an SA
 * @seq: number as of the last packet that was heard, or as the user has set it
 * @quiet: below this number there is nothing to do but to note @seq; set by the user
 *
 * Written under x->lock. Read anywhere with READ_ONCE.
 */
struct xha_heard {
	u64 seq;
	u64 quiet;
};

/**
 * struct xha_tapped - an SA whose packets are heard
 * @x: the SA; its user holds a reference
 * @index: in the table; 0: it was never there
 * @watched: by the aevent tap, which restores the next two; x->lock
 * @old_maxdiff: x->replay_maxdiff
 * @old_maxage: x->replay_maxage
 * @out: outbound
 * @in: inbound
 *
 * Who looks for another SA may read the first half, and each packet writes into the second one: the
 * user puts it so that the second one begins a cache line.
 */
struct xha_tapped {
	struct xfrm_state *x;
	u32 index;
	u32 old_maxdiff;
	u32 old_maxage;
	bool watched;
	/* written for each packet */
	struct xha_heard out;
	struct xha_heard in;
};

#define XHA_TAPPED_HEAD		24	/* octets before @out */
static_assert(!IS_ENABLED(CONFIG_64BIT) || offsetof(struct xha_tapped, out) == XHA_TAPPED_HEAD);

/**
 * struct xha_tap_user - who is told; under RCU, by the taps
 * @out: packets take numbers from &xha_heard.quiet on, so many in one piece; may they? x->lock
 * @in: a number from &xha_heard.quiet on was accepted; x->lock
 * @stray: a packet of an SA that is not in the table takes this number; may it? x->lock
 * @held: a packet of an SA that is held was refused; x->lock
 * @beyond: may segments not have numbers up to this one, which they have taken already? Packets are
 *	dropped for that
 * @event: the kernel's own event of numbers; out of time (late) or not; x->lock
 * @stranger: ditto, of an SA that is not in the table
 * @rearm: new thresholds; no packet has passed since; x->lock
 * @said: a user has set the numbers
 * @expect: about to be inserted, not in any table yet; process context
 * @come: installed or changed
 * @updated: that x has changed one that stands; x itself is dead; before @come
 * @gone: deleted, or its time is over; x->lock may be held
 * @flushed: SAs of a netns have gone without a word
 * @successor: it has come in the place of another, which has died without a word; before @migrated
 * @migrated: SAs of a netns have come without a word
 * @policy: an outbound one is new or has changed
 */
struct xha_tap_user {
	bool (*out)(struct xha_tapped *t, u32 n);
	void (*in)(struct xha_tapped *t);
	bool (*stray)(struct xfrm_state *x, u64 seq);
	void (*held)(struct xfrm_state *x);
	bool (*beyond)(struct xha_tapped *t, u64 last);
	void (*event)(struct xha_tapped *t, bool late);
	void (*stranger)(struct xfrm_state *x);
	void (*rearm)(struct xha_tapped *t);
	void (*said)(struct xha_tapped *t);
	void (*expect)(struct xfrm_state *x);
	void (*come)(struct xfrm_state *x);
	void (*updated)(struct xfrm_state *x);
	void (*gone)(struct xha_tapped *t);
	void (*flushed)(struct net *net);
	void (*successor)(struct xfrm_state *x);
	void (*migrated)(struct net *net);
	void (*policy)(const struct xfrm_policy *xp);
};

/*
 * Packets are heard from here on, so the user has what he needs for any netns, and has it until
 * xha_tap_stop() has returned.
 */
int xha_tap_start(const struct xha_tap_user *user);
void xha_tap_stop(void);
/* The life of SAs, ditto */
void xha_tap_listen(void);
void xha_tap_mute(void);

bool xha_tap_hears_all(void);		/* does it want SAs in the table that nobody asks for? */
int xha_tap_net_start(struct net *net);	/* this netns has SAs that somebody asks for; his lock */
void xha_tap_net_stop(struct net *net);	/* it has none any more; ditto */
void xha_tap_give_up(void);		/* the one in use is deaf: another one has its place */
bool xha_tap_net_follow(struct net *net);	/* has it, for this netns? Now; its user's lock */

/* Is xha_tap_user.stray() asked for SAs of this netns? Any context */
bool xha_tap_asks(const struct net *net);
void xha_tap_ask(struct net *net);		/* from now on */
void xha_tap_ask_still(struct net *net);	/* ditto, until the end of a search for such SAs, */
void xha_tap_ask_found(struct net *net);	/* if that has not said xha_tap_ask() meanwhile */

/* An SA that is in the table is heard; process context, x->lock is not held */
void xha_tap_watch(struct xha_tapped *t, u32 maxdiff, u32 ms);	/* 0, 0: it makes no events */
void xha_tap_unwatch(struct xha_tapped *t);

/*
 * All netns in one table: the tap has nothing but the xfrm_state. It is looked into for every
 * packet of every SA, so an SA keeps its index in bits of x->xflags. Nobody takes these back from
 * an SA that goes on without us: the slot may be another's by then, whose x differs.
 */
#define XHA_TAPPED_MAX		(XHA_XFLAGS_INDEX >> XHA_XFLAGS_SHIFT)
#define XHA_TAPPED_SLOTS	1024	/* of a page */
#define XHA_TAPPED_PAGES	((XHA_TAPPED_MAX + 1) / XHA_TAPPED_SLOTS)

extern struct xha_tapped __rcu **xha_tapped_pages[XHA_TAPPED_PAGES];

/* @xflags: of @x. RCU; under x->lock or another lock with BH off that is the case. */
static __always_inline struct xha_tapped *xha_tapped_at(const struct xfrm_state *x, u32 xflags)
{
	u32 index = (xflags & XHA_XFLAGS_INDEX) >> XHA_XFLAGS_SHIFT;
	struct xha_tapped __rcu **page;
	struct xha_tapped *t;

	if (!index)
		return NULL;
	/* Pairs with cmpxchg() in page_of() by its address. */
	page = READ_ONCE(xha_tapped_pages[index / XHA_TAPPED_SLOTS]);
	if (unlikely(!page))
		return NULL;
	t = rcu_dereference_check(page[index % XHA_TAPPED_SLOTS], rcu_read_lock_bh_held());
	return likely(t && t->x == x) ? t : NULL;
}

/* Ditto */
static inline struct xha_tapped *xha_tapped(const struct xfrm_state *x)
{
	return xha_tapped_at(x, READ_ONCE(x->xflags));
}

int xha_tapped_insert(struct xha_tapped *t);	/* any context, x->lock is not held */
void xha_tapped_remove(struct xha_tapped *t);	/* a grace period later nobody has it */
void xha_tapped_exit(void);			/* nobody is in it */

/* --- of the taps among themselves --- */
struct xha_tap {
	const char *name;
	int (*start)(void);
	void (*stop)(void);
	int (*net_start)(struct net *net);	/* may be NULL, as the next one */
	void (*net_stop)(struct net *net);
	bool hears_all;
	bool refuses;				/* can refuse a packet its number */
	void (*watch)(struct xha_tapped *t, u32 maxdiff, u32 ms);	/* takes x->lock */
	void (*unwatch)(struct xha_tapped *t);				/* ditto */
};

enum xha_tap_asks {
	XHA_TAP_ASKS_NOT,
	XHA_TAP_ASKS_STILL,
	XHA_TAP_ASKS,
};

struct xha_tap_net {
	enum xha_tap_asks ask;		/* see xha_tap_ask(); its lock */
	const struct xha_tap *tap;	/* that its SAs are heard by; its user's lock */
	bool tapped;			/* @tap's hooks are here; ditto */
	struct socket *migrations;	/* see migrate.c; ditto */
};

/* --- migrate.c --- */
int xha_migrate_listen(struct net *net, struct socket **listener);
void xha_migrate_mute(struct socket **listener);

extern unsigned int xha_tap_net_id;
extern unsigned int xha_tap_asking;		/* netns that xha_tap_ask() was told of */
extern const struct xha_tap xha_tap_ftrace;
extern const struct xha_tap xha_tap_aevent;
extern const struct xha_tap *xha_tap;		/* the one in use */
extern const struct xha_tap_user *xha_tap_user;

static inline struct xha_tap_net *xha_tap_pernet(const struct net *net)
{
	return net_generic(net, xha_tap_net_id);
}

#endif
