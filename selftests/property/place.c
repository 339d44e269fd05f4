// SPDX-License-Identifier: GPL-2.0
/*
 * The states of an SA: any events in any order, done to a model of an xfrm_state, whose tap either
 * refuses packets or does not. It must send and accept exactly while its group is active, it is not
 * at its end, and has numbers; a lease must not be given while something is owed, and an exact
 * number not be used after another was told.
 */

#include "property.h"
#include "states.h"

struct model {
	bool refuses;		/* the tap does */
	bool valid;		/* XFRM_STATE_VALID */
	bool active;		/* the group, as this SA was told last */
	bool finished;
	bool numbers;		/* as was told last */
	bool used;		/* here since it was held last, and not noted */
	bool owes;		/* what was used here the peer does not know */
	bool exact;		/* what was told last */
	bool placed;
	bool dropped;
	bool lifetime;		/* runs */
};

static void act(struct model *m, u16 actions)
{
	if (actions & XHA_DO_NOTE)
		m->used = false;
	if (actions & XHA_DO_HOLD) {
		expect(!m->used, "what was used is not noted before it is held");
		m->valid = false;
		m->lifetime = false;
	}
	if (actions & XHA_DO_LET_GO) {
		m->valid = true;
		m->lifetime = true;
	}
	if (actions & XHA_DO_STOP && !m->refuses)
		m->valid = false;
	if (actions & XHA_DO_RESUME)
		m->valid = true;
	if (actions & XHA_DO_RENEW) {
		m->valid = false;
		m->lifetime = true;
	}
	if (actions & XHA_DO_CONTINUE)
		expect(m->exact && !m->owes, "it goes on at a number that is not exact");
}

/* What the event means, by itself */
static void know(struct model *m, enum xha_place place, enum xha_place_event event)
{
	bool held = xha_place_is_held(place);

	switch (event) {
	case XHA_PLACE_AWAY:
	case XHA_PLACE_DEPOSED:
		m->placed = true;
		m->active = false;
		m->finished = false;
		if (event == XHA_PLACE_DEPOSED) {
			m->owes = true;
			m->exact = false;
		}
		break;
	case XHA_PLACE_ACTIVE:
		m->placed = true;
		m->active = true;
		m->finished = false;
		m->owes = false;
		m->exact = false;
		if (!xha_place_in_use(place))
			m->numbers = true;
		m->used = true;
		break;
	case XHA_PLACE_UNUSABLE:
		m->placed = true;
		m->active = true;
		m->finished = true;
		m->owes = false;
		m->exact = false;
		break;
	case XHA_PLACE_TIED:
	case XHA_PLACE_LOOSE:
	case XHA_PLACE_EMPTY:
		if (xha_place_in_use(place))
			m->numbers = event != XHA_PLACE_EMPTY;
		break;
	case XHA_PLACE_TOLD:
	case XHA_PLACE_GRANTED:
		if (held)
			m->exact = false;
		break;
	case XHA_PLACE_FINAL:
		if (held) {
			m->exact = true;
			m->owes = false;
		}
		break;
	case XHA_PLACE_BEHIND:
		if (held) {
			m->exact = false;
			m->owes = true;
		}
		break;
	case XHA_PLACE_SETTLED:
		if (held)
			m->owes = false;
		break;
	case XHA_PLACE_DROPPED:
		m->dropped = true;
		break;
	}
}

static void one_case(void)
{
	struct model m = { .refuses = one_in(2), .valid = true, .lifetime = true };
	enum xha_place place = XHA_PLACE_NEW;
	int steps = 1 + below(60), i;

	for (i = 0; i < steps && !m.dropped; i++) {
		/* It is dropped at the end, if at all. */
		enum xha_place_event event = below(one_in(20) ? XHA_PLACE_EVENTS :
						   XHA_PLACE_EVENTS - 1);
		struct xha_place_transition move = xha_place_transition(place, event);
		bool use;

		act(&m, move.actions);
		know(&m, place, event);
		place = move.to;
		use = m.placed && m.active && !m.finished;
		if (m.dropped) {
			expect(place == XHA_PLACE_GONE && m.valid && m.lifetime,
			       "%s: it is not as any other SA", place_events[event]);
			continue;
		}
		expect(xha_place_in_use(place) == use, "%s: %s, which is%s in use",
		       place_events[event], places[place], use ? " not" : "");
		expect(!use || (place == XHA_PLACE_SHORT) == !m.numbers, "%s: %s with%s numbers",
		       place_events[event], places[place], m.numbers ? "" : "out");
		if (m.placed)
			expect(m.valid == (use && (m.numbers || m.refuses)), "%s: %s is%s valid",
			       place_events[event], places[place], m.valid ? "" : " not");
		if (!xha_place_is_held(place))
			continue;
		expect((place == XHA_PLACE_OWING) == m.owes, "%s: %s", place_events[event],
		       places[place]);
		/* An exact number that was owed to is one, all others are not. */
		expect((place == XHA_PLACE_EXACT) == (m.exact && !m.owes), "%s: %s",
		       place_events[event], places[place]);
		expect(!m.used && !m.lifetime, "%s: %s, and used", place_events[event],
		       places[place]);
	}
}

int main(int argc, char **argv)
{
	return property(argc, argv, "place", 1000000, one_case);
}
