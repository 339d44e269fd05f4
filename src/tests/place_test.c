// SPDX-License-Identifier: GPL-2.0
/* The states of an SA and the roles of a group: what the tables promise. */

#include <kunit/test.h>

#include "pure/place.c"
#undef MOVE
#define table role_table
#include "pure/role.c"
#undef table

/* Whoever is not in use may be so only because its group is active here. */
static void used_when_active(struct kunit *test)
{
	enum xha_place from;
	enum xha_place_event event;

	for (from = 0; from < XHA_PLACES; from++) {
		for (event = 0; event < XHA_PLACE_EVENTS; event++) {
			struct xha_place_transition m = xha_place_transition(from, event);

			if (!xha_place_in_use(from) && xha_place_in_use(m.to))
				KUNIT_EXPECT_EQ(test, (int)event, XHA_PLACE_ACTIVE);
		}
	}
}

/* Whatever it was, it is held when the group is not active, and stopped when it can't go on. */
static void held_when_away(struct kunit *test)
{
	enum xha_place from;

	for (from = 0; from < XHA_PLACE_GONE; from++) {
		struct xha_place_transition away = xha_place_transition(from, XHA_PLACE_AWAY);
		struct xha_place_transition deposed = xha_place_transition(from, XHA_PLACE_DEPOSED);

		KUNIT_EXPECT_TRUE(test, xha_place_is_held(away.to));
		KUNIT_EXPECT_TRUE(test, away.actions & XHA_DO_HOLD);
		KUNIT_EXPECT_EQ(test, deposed.to, (u8)XHA_PLACE_OWING);
		KUNIT_EXPECT_TRUE(test, deposed.actions & XHA_DO_HOLD);
		KUNIT_EXPECT_TRUE(test, deposed.actions & XHA_DO_TELL);
		KUNIT_EXPECT_EQ(test, xha_place_transition(from, XHA_PLACE_UNUSABLE).to,
				(u8)XHA_PLACE_RETIRED);
	}
}

/* What was used here is noted before the peer's numbers are written over it. */
static void noted(struct kunit *test)
{
	enum xha_place from;
	enum xha_place_event event;

	for (from = 0; from < XHA_PLACES; from++) {
		for (event = 0; event < XHA_PLACE_EVENTS; event++) {
			struct xha_place_transition m = xha_place_transition(from, event);
			bool was = xha_place_in_use(from) || from == XHA_PLACE_RETIRED;

			KUNIT_EXPECT_EQ(test, !!(m.actions & XHA_DO_NOTE),
					was && xha_place_is_held(m.to));
		}
	}
}

/* Who owes gives no lease until the peer knows of it, or goes on with it. */
static void owing(struct kunit *test)
{
	enum xha_place_event event;

	for (event = 0; event < XHA_PLACE_EVENTS; event++) {
		u8 to = xha_place_transition(XHA_PLACE_OWING, event).to;

		switch (event) {
		case XHA_PLACE_SETTLED:
			KUNIT_EXPECT_EQ(test, to, (u8)XHA_PLACE_HELD);
			break;
		case XHA_PLACE_FINAL:
			KUNIT_EXPECT_EQ(test, to, (u8)XHA_PLACE_EXACT);
			break;
		case XHA_PLACE_ACTIVE:
		case XHA_PLACE_UNUSABLE:
		case XHA_PLACE_DROPPED:
			KUNIT_EXPECT_NE(test, to, (u8)XHA_PLACE_HELD);
			break;
		default:
			KUNIT_EXPECT_EQ(test, to, (u8)XHA_PLACE_OWING);
		}
	}
}

/* An exact number goes with the next that the peer tells, and is used where it was handed over. */
static void exact(struct kunit *test)
{
	enum xha_place from;
	enum xha_place_event event;

	KUNIT_EXPECT_EQ(test, xha_place_transition(XHA_PLACE_EXACT, XHA_PLACE_TOLD).to,
			(u8)XHA_PLACE_HELD);
	KUNIT_EXPECT_EQ(test, xha_place_transition(XHA_PLACE_EXACT, XHA_PLACE_GRANTED).to,
			(u8)XHA_PLACE_HELD);
	for (from = 0; from < XHA_PLACES; from++) {
		for (event = 0; event < XHA_PLACE_EVENTS; event++) {
			struct xha_place_transition m = xha_place_transition(from, event);

			KUNIT_EXPECT_EQ(test, !!(m.actions & XHA_DO_CONTINUE),
					from == XHA_PLACE_EXACT && event == XHA_PLACE_ACTIVE);
		}
	}
}

static void gone(struct kunit *test)
{
	enum xha_place_event event;

	for (event = 0; event < XHA_PLACE_EVENTS; event++)
		KUNIT_EXPECT_FALSE(test, xha_place_transition(XHA_PLACE_GONE, event).valid);
}

static void holds(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, xha_place_hold(XHA_PLACE_NEW), 0);
	KUNIT_EXPECT_EQ(test, xha_place_hold(XHA_PLACE_OWING), (u8)XHA_HOLD_STANDBY);
	KUNIT_EXPECT_EQ(test, xha_place_hold(XHA_PLACE_SHORT), (u8)XHA_HOLD_LEASE);
	KUNIT_EXPECT_EQ(test, xha_place_hold(XHA_PLACE_RETIRED), (u8)XHA_HOLD_REKEY);
	KUNIT_EXPECT_EQ(test, xha_place_hold(XHA_PLACE_SOLO), 0);
}

/* Only who is told to take it becomes active, but for who could not give it away. */
static void roles(struct kunit *test)
{
	enum xha_role from;
	enum xha_role_event event;

	for (from = 0; from < XHA_ROLES; from++) {
		for (event = 0; event < XHA_ROLE_EVENTS; event++) {
			struct xha_role_transition m = xha_role_transition(from, event);
			bool stops = m.to != XHA_ROLE_ACTIVE;

			if (!m.valid)
				continue;
			KUNIT_EXPECT_NE(test, (int)m.to, (int)from);
			KUNIT_EXPECT_EQ(test, !!(m.actions & XHA_ROLE_BIND), stops);
			KUNIT_EXPECT_EQ(test, !!(m.actions & XHA_ROLE_TAKEOVER),
					event == XHA_ROLE_TAKE);
			KUNIT_EXPECT_EQ(test, !!(m.actions & XHA_ROLE_TENURE),
					m.to == XHA_ROLE_STANDBY || m.to == XHA_ROLE_HANDED);
			if (m.to == XHA_ROLE_ACTIVE && event != XHA_ROLE_TAKE)
				KUNIT_EXPECT_EQ(test, (int)from, XHA_ROLE_RELEASING);
		}
	}
	/* Who steps down with numbers that the peer was not told of owes them. */
	KUNIT_EXPECT_TRUE(test, xha_role_transition(XHA_ROLE_ACTIVE, XHA_ROLE_YIELD).actions &
				XHA_ROLE_DEPOSED);
	KUNIT_EXPECT_TRUE(test, xha_role_transition(XHA_ROLE_RELEASING, XHA_ROLE_YIELD).actions &
				XHA_ROLE_DEPOSED);
	KUNIT_EXPECT_FALSE(test, xha_role_transition(XHA_ROLE_HANDED, XHA_ROLE_YIELD).actions &
				 XHA_ROLE_DEPOSED);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(used_when_active),
	KUNIT_CASE(held_when_away),
	KUNIT_CASE(noted),
	KUNIT_CASE(owing),
	KUNIT_CASE(exact),
	KUNIT_CASE(gone),
	KUNIT_CASE(holds),
	KUNIT_CASE(roles),
	{ }
};

static struct kunit_suite suite = {
	.name = "xfrm_ha_place",
	.test_cases = cases,
};

kunit_test_suite(suite);
