// SPDX-License-Identifier: GPL-2.0
/*
 * Programs that are run when a role has changed. For each group one at a time, and the last one
 * that is run is that of the role that stands: what has come and gone meanwhile is left out. So no
 * more waits than there are groups, and nothing waits for a program.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "child.h"
#include "had.h"

#define AT_ONCE	8	/* of all groups */

struct hook {
	struct had_group *g;
	struct child *running;
	bool known;
	uint64_t done;			/* see wanted() */
};

static struct had *all;
static unsigned int at_once;

static const char *const roles[] = { "standby", "joining", "active", "releasing", "handed" };

/* 0: the program for standby; else the other one, for each takeover once */
static uint64_t wanted(const struct had_group *g)
{
	return had_active(g) ? g->takeovers + 1 : 0;
}

static void run_next(void);

static void on_end(int status, void *data)
{
	struct hook *h = data;

	h->running = NULL;
	at_once--;
	if (status)
		had_log(LOG_WARNING, "group %s: the program has failed, status %d", h->g->name,
			status);
	run_next();
}

static void run(struct hook *h)
{
	const struct had_group *g = h->g;
	const char *command = wanted(g) ? g->conf->on_active : g->conf->on_standby;
	char group[64], role[64], term[64], event[64], why[192];
	char *const env[] = { group, role, term, event, why, NULL };

	snprintf(event, sizeof(event), "XFRM_HA_EVENT=%s",
		 !h->known ? "initial" : wanted(g) ? "takeover" : "release");
	h->known = true;
	h->done = wanted(g);
	if (!command[0])
		return;
	snprintf(group, sizeof(group), "XFRM_HA_GROUP=%s", g->name);
	snprintf(role, sizeof(role), "XFRM_HA_ROLE=%s", g->role < 5 ? roles[g->role] : "unknown");
	snprintf(term, sizeof(term), "XFRM_HA_TERM=%u", g->term);
	snprintf(why, sizeof(why), "XFRM_HA_WHY=%s", g->why);
	h->running = child_run(command, env, g->conf->hook_timeout, on_end, h);
	if (h->running)
		at_once++;
}

/* A role that only passes is no reason: it becomes another one by itself. */
static bool passing(const struct had_group *g)
{
	return g->running && g->role != XFRM_HA_ROLE_ACTIVE && g->role != XFRM_HA_ROLE_STANDBY;
}

static void run_next(void)
{
	for (struct had_group *g = all->groups; g; g = g->next) {
		struct hook *h = g->hook;

		if (at_once < AT_ONCE && h && !h->running && g->conf && !passing(g) &&
		    (!h->known || h->done != wanted(g)))
			run(h);
	}
}

static void role(struct had *had, struct had_group *g)
{
	(void)had;
	if (!g->hook) {
		g->hook = calloc(1, sizeof(*g->hook));
		if (!g->hook)
			return;
		g->hook->g = g;
	}
	run_next();
}

static int start(struct had *had)
{
	all = had;
	return child_open(had->base);
}

static void stop(struct had *had)
{
	child_close();
	for (struct had_group *g = had->groups; g; g = g->next)
		free(g->hook);
}

const struct had_part hook_part = { .name = "hook", .start = start, .role = role, .stop = stop };
