// SPDX-License-Identifier: GPL-2.0
/* The roles of a node for a group. Pure. */

#include "pure/role.h"

#define MOVE(event, role, what) \
	[XHA_ROLE_##event] = { .to = XHA_ROLE_##role, .actions = (what), .valid = true }

static const struct xha_role_transition table[XHA_ROLES][XHA_ROLE_EVENTS] = {
	[XHA_ROLE_STANDBY] = {
		MOVE(TAKE, ACTIVE, XHA_ROLE_TAKEOVER),
	},
	[XHA_ROLE_JOINING] = {
		MOVE(TAKE, ACTIVE, XHA_ROLE_TAKEOVER),
		MOVE(YIELD, STANDBY, XHA_ROLE_TENURE | XHA_ROLE_BIND),
	},
	[XHA_ROLE_ACTIVE] = {
		MOVE(GIVE, RELEASING, XHA_ROLE_BIND),
		MOVE(YIELD, STANDBY, XHA_ROLE_DEPOSED | XHA_ROLE_TENURE | XHA_ROLE_BIND),
	},
	[XHA_ROLE_RELEASING] = {
		MOVE(TAKE, ACTIVE, XHA_ROLE_TAKEOVER),
		MOVE(GIVEN, HANDED, XHA_ROLE_TENURE | XHA_ROLE_BIND),
		MOVE(RETAIN, ACTIVE, 0),
		MOVE(YIELD, STANDBY, XHA_ROLE_DEPOSED | XHA_ROLE_TENURE | XHA_ROLE_BIND),
	},
	[XHA_ROLE_HANDED] = {
		MOVE(TAKE, ACTIVE, XHA_ROLE_TAKEOVER),
		MOVE(YIELD, STANDBY, XHA_ROLE_RELEASED | XHA_ROLE_TENURE | XHA_ROLE_BIND),
	},
};

/**
 * xha_role_transition() - where an event leads a group
 * @from: its role
 * @event: what has happened
 *
 * Return: the new role, and what changes with it; not valid, and the old role: nothing happens.
 */
struct xha_role_transition xha_role_transition(enum xha_role from, enum xha_role_event event)
{
	struct xha_role_transition move = table[from][event];

	if (!move.valid)
		move.to = from;
	return move;
}
