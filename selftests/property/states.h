/* SPDX-License-Identifier: GPL-2.0 */
/* Names of what pure/place.c and pure/role.c speak of, as docs/states.rst has them. */
#ifndef _STATES_H
#define _STATES_H

#include <assert.h>

#include "pure/place.h"
#include "pure/role.h"

#define NAME(prefix, name)	[prefix##name] = #name

static const char *const places[] = {
	NAME(XHA_PLACE_, NEW), NAME(XHA_PLACE_, HELD), NAME(XHA_PLACE_, OWING),
	NAME(XHA_PLACE_, EXACT), NAME(XHA_PLACE_, BOUND), NAME(XHA_PLACE_, SOLO),
	NAME(XHA_PLACE_, SHORT), NAME(XHA_PLACE_, RETIRED), NAME(XHA_PLACE_, GONE),
};

static const char *const place_events[] = {
	NAME(XHA_PLACE_, AWAY), NAME(XHA_PLACE_, DEPOSED), NAME(XHA_PLACE_, ACTIVE),
	NAME(XHA_PLACE_, FINISHED), NAME(XHA_PLACE_, TIED), NAME(XHA_PLACE_, LOOSE),
	NAME(XHA_PLACE_, EMPTY), NAME(XHA_PLACE_, TOLD), NAME(XHA_PLACE_, FINAL),
	NAME(XHA_PLACE_, BEHIND), NAME(XHA_PLACE_, SETTLED), NAME(XHA_PLACE_, GRANTED),
	NAME(XHA_PLACE_, DROPPED),
};

/* By bit */
static const char *const place_actions[] = {
	"hold", "note", "birth", "begin", "continue", "let go", "stop", "resume", "tell", "renew",
};

static const char *const roles[] = {
	NAME(XHA_ROLE_, STANDBY), NAME(XHA_ROLE_, JOINING), NAME(XHA_ROLE_, ACTIVE),
	NAME(XHA_ROLE_, RELEASING), NAME(XHA_ROLE_, HANDED),
};

static const char *const role_events[] = {
	NAME(XHA_ROLE_, TAKE), NAME(XHA_ROLE_, GIVE), NAME(XHA_ROLE_, GIVEN),
	NAME(XHA_ROLE_, RETAIN), NAME(XHA_ROLE_, YIELD),
};

static const char *const role_actions[] = { "took", "released", "deposed", "tenure", "bind" };

#define SIZE(array) ((int)(sizeof(array) / sizeof(*(array))))

static_assert(SIZE(places) == XHA_PLACES, "a state has no name");
static_assert(SIZE(place_events) == XHA_PLACE_EVENTS, "an event has no name");
static_assert(SIZE(roles) == XHA_ROLES, "a role has no name");
static_assert(SIZE(role_events) == XHA_ROLE_EVENTS, "an event has no name");

#endif
