// SPDX-License-Identifier: GPL-2.0
/* The tables of pure/place.c and pure/role.c as docs/states.rst has them: states places|roles */

#include <stdio.h>
#include <string.h>

#include "states.h"

static void rule(void)
{
	printf("========= ========= ========= ==============================\n");
}

static void row(const char *from, const char *event, const char *to, unsigned int actions,
		const char *const *names, int n)
{
	char what[64] = "";
	int i, used = 0;

	for (i = 0; i < n; i++)
		if (actions >> i & 1)
			used += snprintf(what + used, sizeof(what) - used, "%s%s",
					 used ? ", " : "", names[i]);
	printf("%-9s %-9s %-9s %s\n", from, event, to, used ? what : "\\-");
}

static void head(const char *what)
{
	rule();
	printf("%-9s event     becomes   what is done\n", what);
	rule();
}

int main(int argc, char **argv)
{
	bool roles_too = argc == 2 && !strcmp(argv[1], "roles");
	int i, j;

	if (argc != 2 || (!roles_too && strcmp(argv[1], "places"))) {
		fprintf(stderr, "usage: states places|roles\n");
		return 2;
	}
	head(roles_too ? "role" : "state");
	for (i = 0; i < (roles_too ? XHA_ROLES : XHA_PLACES); i++) {
		for (j = 0; j < (roles_too ? XHA_ROLE_EVENTS : XHA_PLACE_EVENTS); j++) {
			struct xha_place_transition p = {};
			struct xha_role_transition r = {};

			if (roles_too)
				r = xha_role_transition(i, j);
			else
				p = xha_place_transition(i, j);
			if (r.valid)
				row(roles[i], role_events[j], roles[r.to], r.actions,
				    role_actions, SIZE(role_actions));
			if (p.valid)
				row(places[i], place_events[j], places[p.to], p.actions,
				    place_actions, SIZE(place_actions));
		}
	}
	rule();
	return 0;
}
