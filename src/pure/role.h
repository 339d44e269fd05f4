/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The roles of a node for a group, and what leads from one to another. Pure. Who may be active is
 * judged in term.c; docs/states.rst draws the table.
 */
#ifndef _XFRM_HA_ROLE_H
#define _XFRM_HA_ROLE_H

#include "pure/pure.h"

enum xha_role {
	XHA_ROLE_STANDBY,	/* SAs are held */
	XHA_ROLE_JOINING,	/* told to be active, waits whether the peer is; SAs are held */
	XHA_ROLE_ACTIVE,
	XHA_ROLE_RELEASING,	/* held; final records are under way to the peer */
	XHA_ROLE_HANDED,	/* held; HANDOVER was said, the peer has not yet confirmed */
};

#define XHA_ROLES	(XHA_ROLE_HANDED + 1)

/**
 * enum xha_role_event - what happens to a group
 * @XHA_ROLE_TAKE: this node is to carry it
 * @XHA_ROLE_GIVE: it is to be handed over
 * @XHA_ROLE_GIVEN: the peer has all exact numbers
 * @XHA_ROLE_RETAIN: it could not be handed over
 * @XHA_ROLE_YIELD: the peer carries it
 */
enum xha_role_event {
	XHA_ROLE_TAKE,
	XHA_ROLE_GIVE,
	XHA_ROLE_GIVEN,
	XHA_ROLE_RETAIN,
	XHA_ROLE_YIELD,
};

#define XHA_ROLE_EVENTS	(XHA_ROLE_YIELD + 1)

/**
 * enum xha_role_action - what else changes with the role, under the lock of the group
 * @XHA_ROLE_TAKEOVER: a takeover is counted and told
 * @XHA_ROLE_RELEASED: that the peer has taken it is told
 * @XHA_ROLE_DEPOSED: ditto; the peer does not know what was used here
 * @XHA_ROLE_TENURE: SAs of a NIC's own numbers must be made anew before they come back
 * @XHA_ROLE_BIND: what a node that goes on alone may do ends
 */
enum xha_role_action {
	XHA_ROLE_TAKEOVER	= BIT(0),
	XHA_ROLE_RELEASED	= BIT(1),
	XHA_ROLE_DEPOSED	= BIT(2),
	XHA_ROLE_TENURE		= BIT(3),
	XHA_ROLE_BIND		= BIT(4),
};

struct xha_role_transition {
	u8 to;		/* enum xha_role */
	u8 actions;	/* enum xha_role_action */
	bool valid;	/* the event means something to the role */
};

struct xha_role_transition xha_role_transition(enum xha_role from, enum xha_role_event event);

#endif
