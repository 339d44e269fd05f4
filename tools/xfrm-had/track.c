// SPDX-License-Identifier: GPL-2.0
/*
 * A group is given away when a device that it tracks has no carrier, or a script says that
 * something is wrong; and it is taken back by the node that prefers to have it when all has been
 * well for a while. Who gave it away and got it back at once, for all is not well over there
 * either, waits twice as long each time: two nodes do not throw it to and fro. What is taken by a
 * command that says so is kept, though something be wrong here, until it has gone, or all has been
 * well for a while.
 */

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "had.h"
#include "rtnl.h"

#define RETRY_S		1
#define PATIENCE_MAX	60	/* s */
#define SOUND_S		60	/* after which what was before is forgotten */
#define KEEP_S		60	/* from the word that a group is to be kept until it is here */

struct script {
	struct script *next;
	struct track *t;
	const struct conf_script *conf;	/* NULL: it is not in the file any more */
	char name[CONF_NODE + 1];
	struct event *due;
	struct child *running;
	bool again;			/* what it is to see may have come after it has looked */
	uint32_t good, bad;		/* in a row */
	enum { UNKNOWN, FINE, FAILED } state;
};

struct track {
	struct had_group *g;
	struct script *scripts;
	struct event *take, *give;
	bool fine, known;
	char why_not[128];
	unsigned int patience;		/* s, until it is given away once more */
	time_t gave, fine_since;
	time_t told;			/* to keep it, once it is here; 0: no */
	bool keep;			/* it is here, and kept */
};

static struct had *all;
static int events = -1, query = -1;
static struct event *readable;

static time_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

/* NULL: it has a carrier */
static const char *device_trouble(const char *device)
{
	struct ifreq ifr = { };

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", device);
	if (ioctl(query, SIOCGIFFLAGS, &ifr))
		return "is not there";
	if (!(ifr.ifr_flags & IFF_UP))
		return "is down";
	return ifr.ifr_flags & IFF_RUNNING ? NULL : "has no carrier";
}

/* Is something wrong? @unknown: is it not known yet whether something is? */
static bool trouble(struct track *t, bool *unknown)
{
	const struct conf_devices *d = &t->g->conf->track;
	const char *charon = charon_trouble(t->g);

	*unknown = false;
	for (unsigned int i = 0; i < d->n; i++) {
		const char *what = device_trouble(d->name[i]);

		if (what) {
			snprintf(t->why_not, sizeof(t->why_not), "%s %s", d->name[i], what);
			return true;
		}
	}
	if (charon) {
		snprintf(t->why_not, sizeof(t->why_not), "%s", charon);
		return true;
	}
	for (const struct script *s = t->scripts; s; s = s->next) {
		if (s->conf && s->state == FAILED) {
			snprintf(t->why_not, sizeof(t->why_not), "track-script %s fails", s->name);
			return true;
		}
		*unknown |= s->conf && s->state == UNKNOWN;
	}
	return false;
}

static void after(struct event *e, unsigned int seconds)
{
	const struct timeval t = { seconds, seconds ? 0 : 1 };

	if (!evtimer_pending(e, NULL))
		evtimer_add(e, &t);
}

static void give(struct track *t)
{
	if (t->gave && now() - t->gave < t->patience) {
		after(t->give, t->patience - (now() - t->gave));
		return;
	}
	/* No peer to give it to: that is so until it comes. */
	if (!t->g->peer_synced || module_release(t->g, t->why_not)) {
		after(t->give, RETRY_S);
		return;
	}
	t->gave = now();
	t->patience = !t->patience ? 1 : t->patience * 2 > PATIENCE_MAX ? PATIENCE_MAX :
		      t->patience * 2;
	/* A handover may break off before it was seen to begin: no role has changed then. */
	after(t->give, t->patience);
}

/* Can it be taken from a peer that is well? */
static bool could_take(const struct had_group *g)
{
	return g->running && g->role == XFRM_HA_ROLE_STANDBY && g->peer_synced && !g->missing;
}

void track_judge(struct had_group *g)
{
	struct track *t = g->track;
	bool unknown, fine;

	if (!t || !g->conf)
		return;
	fine = !trouble(t, &unknown);
	if (!had_active(g) || (t->fine && now() - t->fine_since >= SOUND_S)) {
		t->keep = false;
	} else if (t->told) {
		t->keep = now() - t->told <= KEEP_S;
		t->told = 0;
	}
	if (!t->known || fine != t->fine) {
		if (!fine)
			had_log(LOG_WARNING, "group %s: %s", g->name, t->why_not);
		else if (t->known)
			had_log(LOG_NOTICE, "group %s: all is well again", g->name);
		if (fine)
			t->fine_since = now();
	}
	t->known = true;
	t->fine = fine;
	if (fine || t->keep)
		evtimer_del(t->give);
	else if (had_active(g))
		give(t);
	if (fine && now() - t->fine_since >= SOUND_S)
		t->patience = 0;
	if (fine && !unknown && g->conf->prefer && could_take(g))
		after(t->take, g->conf->prefer_delay);
	else
		evtimer_del(t->take);
}

/**
 * track_keep() - a group is not given away for what is wrong here now
 * @name: group; this node has it, or is about to take it
 *
 * Of a charon that is dead the trouble may be another one, later, once the group is here: what is
 * wrong then counts no more than what is now.
 *
 * Return: whether there is such a group, and something is wrong.
 */
bool track_keep(const char *name)
{
	struct had_group *g = all->groups;

	while (g && strcmp(g->name, name))
		g = g->next;
	if (!g || !track_trouble(g))
		return false;
	had_log(LOG_NOTICE, "group %s: kept by command, though %s", name, g->track->why_not);
	g->track->told = now();
	track_judge(g);
	return true;
}

static void on_give(evutil_socket_t fd, short what, void *data)
{
	struct track *t = data;

	(void)fd;
	(void)what;
	track_judge(t->g);
}

/* All was well all the time, or this would have been called off. */
static void on_take(evutil_socket_t fd, short what, void *data)
{
	struct track *t = data;

	(void)fd;
	(void)what;
	if (!t->g->conf || !could_take(t->g))
		return;
	module_takeover(t->g, "this node is preferred, and all is well");
	track_judge(t->g);
}

/* --- scripts --- */

static void on_script_end(int status, void *data)
{
	struct script *s = data;
	struct timeval due = { .tv_usec = 1 };

	s->running = NULL;
	if (!s->conf)
		return;
	if (!s->again)
		due = (struct timeval){ .tv_sec = s->conf->interval };
	s->again = false;
	s->good = status ? 0 : s->good + 1;
	s->bad = status ? s->bad + 1 : 0;
	if (s->good >= s->conf->rise || (s->state == UNKNOWN && s->good))
		s->state = FINE;
	else if (s->bad >= s->conf->fall)
		s->state = FAILED;
	evtimer_add(s->due, &due);
	track_judge(s->t->g);
}

static void on_due(evutil_socket_t fd, short what, void *data)
{
	struct script *s = data;

	(void)fd;
	(void)what;
	if (!s->conf || s->running)
		return;
	s->running = child_run(s->conf->command, NULL, s->conf->timeout, on_script_end, s);
	if (!s->running)
		on_script_end(-1, s);
}

/**
 * track_hurry() - a group's scripts are run now, whose time has not come
 * @g: group; something has changed that they may mend
 */
void track_hurry(struct had_group *g)
{
	static const struct timeval at_once = { 0, 1 };

	for (struct script *s = g->track ? g->track->scripts : NULL; s; s = s->next) {
		if (s->running)
			s->again = true;
		else if (s->conf)
			evtimer_add(s->due, &at_once);
	}
}

/* One that was there before keeps what is known of it. */
static void meet_script(struct track *t, const struct conf_script *c)
{
	static const struct timeval at_once = { 0, 1 };
	struct script *s = t->scripts;

	while (s && strcmp(s->name, c->name))
		s = s->next;
	if (!s) {
		s = calloc(1, sizeof(*s));
		if (!s)
			return;
		s->t = t;
		snprintf(s->name, sizeof(s->name), "%s", c->name);
		s->due = evtimer_new(all->base, on_due, s);
		s->next = t->scripts;
		t->scripts = s;
	}
	s->conf = c;
	if (!s->running && !evtimer_pending(s->due, NULL))
		evtimer_add(s->due, &at_once);
}

static struct track *get(struct had_group *g)
{
	struct track *t = g->track;

	if (t)
		return t;
	t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->g = g;
	t->take = evtimer_new(all->base, on_take, t);
	t->give = evtimer_new(all->base, on_give, t);
	g->track = t;
	return t;
}

static void configured(struct had *had, const struct conf *old)
{
	(void)old;
	for (struct had_group *g = had->groups; g; g = g->next) {
		const struct conf_script *c;
		struct track *t = get(g);

		if (!t)
			continue;
		for (struct script *s = t->scripts; s; s = s->next)
			s->conf = NULL;
		c = g->conf ? g->conf->scripts : NULL;
		for (; c; c = c->next)
			meet_script(t, c);
		/* The delay may be another one. */
		evtimer_del(t->take);
		track_judge(g);
	}
}

static void role(struct had *had, struct had_group *g)
{
	(void)had;
	get(g);
	track_judge(g);
}

static void on_event(evutil_socket_t fd, short what, void *data)
{
	(void)what;
	(void)data;
	rtnl_events_read(fd);
	for (struct had_group *g = all->groups; g; g = g->next)
		track_judge(g);
}

const char *track_trouble(const struct had_group *g)
{
	return g->track && g->track->known && !g->track->fine ? g->track->why_not : NULL;
}

static int start(struct had *had)
{
	all = had;
	query = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	events = rtnl_events_open(false);
	if (query < 0 || events < 0)
		return -1;
	readable = event_new(had->base, events, EV_READ | EV_PERSIST, on_event, NULL);
	return readable && !event_add(readable, NULL) ? 0 : -1;
}

static void stop(struct had *had)
{
	event_free(readable);
	close(events);
	close(query);
	for (struct had_group *g = had->groups; g; g = g->next) {
		struct track *t = g->track;

		while (t && t->scripts) {
			struct script *s = t->scripts;

			t->scripts = s->next;
			child_forget(s->running, true);
			event_free(s->due);
			free(s);
		}
		if (t) {
			event_free(t->take);
			event_free(t->give);
		}
		free(t);
	}
}

const struct had_part track_part = {
	.name = "track", .start = start, .configured = configured, .role = role, .stop = stop,
};
