/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The wing that knows an xfrm_state: how it is heard (tap*), matched, known (identity), found
 * (walk) and written into (apply).
 */
#ifndef _XFRM_HA_XFRM_H
#define _XFRM_HA_XFRM_H

#include <net/xfrm.h>

#include "pure/frame.h"
#include "pure/lease.h"
#include "pure/window.h"

/* --- identity.c --- */
void xha_identity(struct xha_id *id, const struct xfrm_state *x);
void xha_identity_of(struct xha_id *id, const struct xfrm_state *x, u64 key, u32 if_id);

/* --- tap.c --- */
int xha_tap_init(void);		/* first, before there is a user */
void xha_tap_exit(void);	/* last */
bool xha_tap_refuses(void);	/* can the tap in use refuse a packet? */
const char *xha_tap_name(void);
bool xha_tap_is_deaf(void);	/* was the ftrace tap, and has another its place? */
/* Who is told of an SA that is installed or changed, beside who has shadows; RCU. NULL: nobody */
void xha_tap_on_sa(void (*func)(struct xfrm_state *x));

/* --- match.c: which SAs belong to a group --- */
#define XHA_GROUP_ADDRS	16

/* All given conditions must hold, addresses are alternatives */
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

bool xha_match(const struct xha_group_match *m, const struct xfrm_state *x);
bool xha_match_tmpl(const struct xha_group_match *m, const struct xfrm_policy *xp,
		    const struct xfrm_tmpl *t);

/* --- walk.c --- */
void xha_walk(struct net *net, bool (*wanted)(const struct xfrm_state *x, const void *data),
	      void (*visit)(struct xfrm_state *x, void *data), void *data);

/* --- apply.c: x->lock is held, if nothing else is said --- */
struct xha_numbers {
	u64 out;		/* last number given */
	u64 in;			/* right edge */
	u64 bytes;
	u64 packets;
	struct xha_window *window;	/* filled if not NULL */
};

/* A bit of x->xflags, which nobody else knows; a clone of x has it not. */
#define XHA_XFLAG_HELD	BIT(31)

/* Ditto: until it is in the tap's table it is asked whether it may have a number. */
#define XHA_XFLAG_ASKED	BIT(30)

/* Ditto: its index in that table, see tap.h. */
#define XHA_XFLAGS_INDEX	GENMASK(29, 6)
#define XHA_XFLAGS_SHIFT	6

static_assert(!((XFRM_TIME_DEFER | XFRM_SOFT_EXPIRE) &
		(XHA_XFLAG_HELD | XHA_XFLAG_ASKED | XHA_XFLAGS_INDEX)));

static inline bool xha_is_asked(const struct xfrm_state *x)
{
	return READ_ONCE(x->xflags) & XHA_XFLAG_ASKED;
}

/* Any context; under x->lock it stays true. */
static inline bool xha_is_held(const struct xfrm_state *x)
{
	return READ_ONCE(x->xflags) & XHA_XFLAG_HELD ||
	       READ_ONCE(x->km.state) == XFRM_STATE_ERROR;
}

void xha_numbers(const struct xfrm_state *x, struct xha_numbers *n);
u32 xha_width(const struct xfrm_state *x);	/* any context */
u64 xha_edge(const struct xfrm_state *x);
bool xha_apply_oseq(struct xfrm_state *x, u64 oseq);
bool xha_apply_edge(struct xfrm_state *x, u64 edge, const struct xha_window *w);
void xha_apply_lose(struct xfrm_state *x, u32 numbers);
bool xha_apply_counts(struct xfrm_state *x, u64 bytes, u64 packets);
void xha_apply_hold(struct xfrm_state *x);
void xha_apply_ask(struct xfrm_state *x);
void xha_apply_let_go(struct xfrm_state *x);
void xha_apply_resume(struct xfrm_state *x);
void xha_apply_keepalive(struct xfrm_state *x, bool send);
void xha_apply_lifetime(struct xfrm_state *x, bool run);	/* not held */
bool xha_apply_dying(struct xfrm_state *x);
void xha_apply_aevent(struct xfrm_state *x, u32 maxdiff, u32 maxage);
bool xha_ended(const struct xfrm_state *x);
bool xha_counted(const struct xfrm_state *x);	/* any context */

/* Has its numbers' upper half (RFC 4303, 2.2.1)? Never changes. */
static inline bool xha_esn(const struct xfrm_state *x)
{
	return x->repl_mode == XFRM_REPLAY_MODE_ESN;
}

/*
 * Does it have an outbound, an inbound half? Where its direction is not known (XFRMA_SA_DIR) it has
 * both; an unused one is harmless. Never changes.
 */
static inline bool xha_sends(const struct xfrm_state *x)
{
	return x->dir != XFRM_SA_DIR_IN;
}

static inline bool xha_accepts(const struct xfrm_state *x)
{
	return x->dir != XFRM_SA_DIR_OUT;
}

/* Is the NIC to give its numbers, and to check them? Never changes. */
static inline bool xha_is_packet(const struct xfrm_state *x)
{
	return x->xso.type == XFRM_DEV_OFFLOAD_PACKET;
}

/* The last number given to an outbound packet. */
static inline u64 xha_oseq(const struct xfrm_state *x)
{
	const struct xfrm_replay_state_esn *r = x->replay_esn;

	if (x->repl_mode == XFRM_REPLAY_MODE_LEGACY)
		return x->replay.oseq;
	return xha_seq64(r->oseq, x->repl_mode == XFRM_REPLAY_MODE_ESN ? r->oseq_hi : 0);
}

#endif
