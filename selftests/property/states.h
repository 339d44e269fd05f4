/* SPDX-License-Identifier: GPL-2.0 */
/* Names of what pure/place.c and pure/role.c speak of, as docs/states.rst has them. */
#ifndef _STATES_H
#define _STATES_H

#include "pure/place.h"
#include "pure/role.h"

static const char *const places[XHA_PLACES] = {
	"NEW", "HELD", "OWING", "EXACT", "BOUND", "SOLO", "SHORT", "RETIRED", "GONE",
};

static const char *const place_events[XHA_PLACE_EVENTS] = {
	"AWAY", "DEPOSED", "ACTIVE", "UNUSABLE", "TIED", "LOOSE", "EMPTY", "TOLD", "FINAL",
	"BEHIND", "SETTLED", "GRANTED", "DROPPED",
};

/* By bit */
static const char *const place_actions[] = {
	"hold", "note", "birth", "begin", "continue", "let go", "stop", "resume", "tell",
	"renew",
};

static const char *const roles[XHA_ROLES] = {
	"STANDBY", "JOINING", "ACTIVE", "RELEASING", "HANDED",
};

static const char *const role_events[XHA_ROLE_EVENTS] = {
	"TAKE", "GIVE", "GIVEN", "RETAIN", "YIELD",
};

static const char *const role_actions[] = { "takeover", "released", "deposed", "tenure", "bind" };

#define SIZE(array) ((int)(sizeof(array) / sizeof(*(array))))

#endif
