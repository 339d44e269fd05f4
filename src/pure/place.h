/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The states of one SA of a group on a node, and what leads from one to another. Pure.
 *
 * The kernel, its KUnit test, the property test and docs/states.rst have this one table.
 */
#ifndef _XFRM_HA_PLACE_H
#define _XFRM_HA_PLACE_H

#include "pure/pure.h"

/**
 * enum xha_place - how an SA stands on this node
 * @XHA_PLACE_NEW: the role of its group was not applied yet: it has no number
 * @XHA_PLACE_HELD: its group is not active here: it neither sends nor accepts, the peer's records
 *	are written into it
 * @XHA_PLACE_OWING: held; the peer has not acknowledged what was used here, and is given no lease
 * @XHA_PLACE_EXACT: held; what was written last is the very number that the peer has stopped at
 * @XHA_PLACE_BOUND: in use, up to the lease that the peer has acknowledged
 * @XHA_PLACE_SOLO: in use, in the stripes of this node; no lease bounds it
 * @XHA_PLACE_SHORT: in use, but there is no number for the next packet
 * @XHA_PLACE_RETIRED: its group is active, it can't go on: it neither sends nor accepts until it is
 *	renewed
 * @XHA_PLACE_GONE: in no group any more: as any other SA
 */
enum xha_place {
	XHA_PLACE_NEW,
	XHA_PLACE_HELD,
	XHA_PLACE_OWING,
	XHA_PLACE_EXACT,
	XHA_PLACE_BOUND,
	XHA_PLACE_SOLO,
	XHA_PLACE_SHORT,
	XHA_PLACE_RETIRED,
	XHA_PLACE_GONE,
};

#define XHA_PLACES	(XHA_PLACE_GONE + 1)

/**
 * enum xha_place_event - what happens to an SA
 * @XHA_PLACE_AWAY: its group is not active
 * @XHA_PLACE_DEPOSED: ditto, and this node gave it up without having told what it has used
 * @XHA_PLACE_ACTIVE: its group is active
 * @XHA_PLACE_UNUSABLE: ditto, but the SA can't go on: see is_unusable() in ha/place.c
 * @XHA_PLACE_TIED: there are numbers, up to a lease
 * @XHA_PLACE_LOOSE: there are numbers, without a lease
 * @XHA_PLACE_EMPTY: there is no number
 * @XHA_PLACE_TOLD: the peer has told a number that it may go on to
 * @XHA_PLACE_FINAL: the peer has told the number that it has stopped at
 * @XHA_PLACE_BEHIND: the peer asks for numbers that were used here
 * @XHA_PLACE_SETTLED: the peer has acknowledged what was used here
 * @XHA_PLACE_GRANTED: it is handed over: the peer may go on without having asked
 * @XHA_PLACE_DROPPED: it is in no group any more
 */
enum xha_place_event {
	XHA_PLACE_AWAY,
	XHA_PLACE_DEPOSED,
	XHA_PLACE_ACTIVE,
	XHA_PLACE_UNUSABLE,
	XHA_PLACE_TIED,
	XHA_PLACE_LOOSE,
	XHA_PLACE_EMPTY,
	XHA_PLACE_TOLD,
	XHA_PLACE_FINAL,
	XHA_PLACE_BEHIND,
	XHA_PLACE_SETTLED,
	XHA_PLACE_GRANTED,
	XHA_PLACE_DROPPED,
};

#define XHA_PLACE_EVENTS	(XHA_PLACE_DROPPED + 1)

/**
 * enum xha_place_action - what is done to the xfrm_state, and to what is known of it
 * @XHA_DO_HOLD: from here on it neither sends nor accepts nor keeps a NAT alive, and its lifetime
 *	stands still
 * @XHA_DO_NOTE: what is there was used here; what is written from now on is the peer's
 * @XHA_DO_BIRTH: give it the numbers that need no lease, if nobody has told of it
 * @XHA_DO_BEGIN: go on above what the peer may have used
 * @XHA_DO_CONTINUE: go on at the exact number, if the peer has handed it over
 * @XHA_DO_LET_GO: it may send and accept, its lifetime goes on
 * @XHA_DO_STOP: the next packet gets no number
 * @XHA_DO_RESUME: the opposite
 * @XHA_DO_TELL: tell the peer what was used
 * @XHA_DO_RENEW: as HOLD, but its lifetime goes on, and the user is told to renew it
 */
enum xha_place_action {
	XHA_DO_HOLD	= BIT(0),
	XHA_DO_NOTE	= BIT(1),
	XHA_DO_BIRTH	= BIT(2),
	XHA_DO_BEGIN	= BIT(3),
	XHA_DO_CONTINUE	= BIT(4),
	XHA_DO_LET_GO	= BIT(5),
	XHA_DO_STOP	= BIT(6),
	XHA_DO_RESUME	= BIT(7),
	XHA_DO_TELL	= BIT(8),
	XHA_DO_RENEW	= BIT(9),
};

struct xha_place_transition {
	u8 to;		/* enum xha_place */
	bool valid;	/* the event means something to the state */
	u16 actions;	/* enum xha_place_action */
};

enum xha_hold {			/* bits: why an SA is held, as the user is told */
	XHA_HOLD_STANDBY	= BIT(0),
	XHA_HOLD_LEASE		= BIT(1),
	XHA_HOLD_REKEY		= BIT(2),
};

struct xha_place_transition xha_place_transition(enum xha_place from, enum xha_place_event event);
u8 xha_place_hold(enum xha_place place);

/* Does it neither send nor accept because its group is not active here? */
static inline bool xha_place_is_held(enum xha_place place)
{
	return place == XHA_PLACE_HELD || place == XHA_PLACE_OWING || place == XHA_PLACE_EXACT;
}

/* Does it neither send nor accept, for whatever reason but its numbers? */
static inline bool xha_place_is_stopped(enum xha_place place)
{
	return xha_place_is_held(place) || place == XHA_PLACE_RETIRED;
}

/* May it get a number as soon as there is one, and does it accept? */
static inline bool xha_place_in_use(enum xha_place place)
{
	return place == XHA_PLACE_BOUND || place == XHA_PLACE_SOLO || place == XHA_PLACE_SHORT;
}

#endif
