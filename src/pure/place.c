// SPDX-License-Identifier: GPL-2.0
/* The states of one SA of a group on a node. Pure. */

#include "pure/place.h"

#define MOVE(event, state, what) \
	[XHA_PLACE_##event] = { .to = XHA_PLACE_##state, .valid = true, .actions = (what) }

static const struct xha_place_transition table[XHA_PLACES][XHA_PLACE_EVENTS] = {
	[XHA_PLACE_NEW] = {
		MOVE(AWAY, HELD, XHA_DO_HOLD),
		MOVE(DEPOSED, OWING, XHA_DO_HOLD | XHA_DO_TELL),
		MOVE(ACTIVE, BOUND, XHA_DO_BIRTH),
		MOVE(UNUSABLE, RETIRED, XHA_DO_RENEW),
		MOVE(DROPPED, GONE, 0),
	},
	[XHA_PLACE_HELD] = {
		MOVE(AWAY, HELD, XHA_DO_HOLD),
		MOVE(DEPOSED, OWING, XHA_DO_HOLD | XHA_DO_TELL),
		MOVE(ACTIVE, BOUND, XHA_DO_BEGIN | XHA_DO_LET_GO),
		MOVE(UNUSABLE, RETIRED, XHA_DO_RENEW),
		MOVE(FINAL, EXACT, 0),
		MOVE(BEHIND, OWING, XHA_DO_TELL),
		MOVE(DROPPED, GONE, XHA_DO_LET_GO),
	},
	[XHA_PLACE_OWING] = {
		MOVE(AWAY, OWING, XHA_DO_HOLD),
		MOVE(DEPOSED, OWING, XHA_DO_HOLD | XHA_DO_TELL),
		MOVE(ACTIVE, BOUND, XHA_DO_BEGIN | XHA_DO_LET_GO),
		MOVE(UNUSABLE, RETIRED, XHA_DO_RENEW),
		/* It is not below what was used here: the peer knows of that. */
		MOVE(FINAL, EXACT, 0),
		MOVE(SETTLED, HELD, 0),
		MOVE(DROPPED, GONE, XHA_DO_LET_GO),
	},
	[XHA_PLACE_EXACT] = {
		MOVE(AWAY, EXACT, XHA_DO_HOLD),
		MOVE(DEPOSED, OWING, XHA_DO_HOLD | XHA_DO_TELL),
		MOVE(ACTIVE, BOUND, XHA_DO_CONTINUE | XHA_DO_LET_GO),
		MOVE(UNUSABLE, RETIRED, XHA_DO_RENEW),
		MOVE(TOLD, HELD, 0),
		MOVE(BEHIND, OWING, XHA_DO_TELL),
		MOVE(GRANTED, HELD, 0),
		MOVE(DROPPED, GONE, XHA_DO_LET_GO),
	},
	[XHA_PLACE_BOUND] = {
		MOVE(AWAY, HELD, XHA_DO_NOTE | XHA_DO_HOLD),
		MOVE(DEPOSED, OWING, XHA_DO_NOTE | XHA_DO_HOLD | XHA_DO_TELL),
		MOVE(UNUSABLE, RETIRED, XHA_DO_RENEW),
		MOVE(LOOSE, SOLO, 0),
		MOVE(EMPTY, SHORT, XHA_DO_STOP),
		MOVE(DROPPED, GONE, 0),
	},
	[XHA_PLACE_SOLO] = {
		MOVE(AWAY, HELD, XHA_DO_NOTE | XHA_DO_HOLD),
		MOVE(DEPOSED, OWING, XHA_DO_NOTE | XHA_DO_HOLD | XHA_DO_TELL),
		MOVE(UNUSABLE, RETIRED, XHA_DO_RENEW),
		MOVE(TIED, BOUND, 0),
		MOVE(EMPTY, SHORT, XHA_DO_STOP),
		MOVE(DROPPED, GONE, 0),
	},
	[XHA_PLACE_SHORT] = {
		MOVE(AWAY, HELD, XHA_DO_NOTE | XHA_DO_HOLD),
		MOVE(DEPOSED, OWING, XHA_DO_NOTE | XHA_DO_HOLD | XHA_DO_TELL),
		MOVE(UNUSABLE, RETIRED, XHA_DO_RENEW),
		MOVE(TIED, BOUND, XHA_DO_RESUME),
		MOVE(LOOSE, SOLO, XHA_DO_RESUME),
		MOVE(DROPPED, GONE, XHA_DO_RESUME),
	},
	[XHA_PLACE_RETIRED] = {
		MOVE(AWAY, HELD, XHA_DO_NOTE | XHA_DO_HOLD),
		MOVE(DEPOSED, OWING, XHA_DO_NOTE | XHA_DO_HOLD | XHA_DO_TELL),
		MOVE(ACTIVE, BOUND, XHA_DO_BEGIN | XHA_DO_LET_GO),
		MOVE(DROPPED, GONE, XHA_DO_LET_GO),
	},
};

/**
 * xha_place_transition() - where an event leads an SA
 * @from: its state
 * @event: what has happened
 *
 * Return: the new state, and what is to be done on the way; not valid, and the old state: the event
 * says nothing to it.
 */
struct xha_place_transition xha_place_transition(enum xha_place from, enum xha_place_event event)
{
	struct xha_place_transition move = table[from][event];

	if (!move.valid)
		move.to = from;
	return move;
}

/* Why it is held: enum xha_hold. */
u8 xha_place_hold(enum xha_place place)
{
	switch (place) {
	case XHA_PLACE_HELD:
	case XHA_PLACE_OWING:
	case XHA_PLACE_EXACT:
		return XHA_HOLD_STANDBY;
	case XHA_PLACE_SHORT:
		return XHA_HOLD_LEASE;
	case XHA_PLACE_RETIRED:
		return XHA_HOLD_REKEY;
	default:
		return 0;
	}
}
