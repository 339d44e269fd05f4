// SPDX-License-Identifier: GPL-2.0
/*
 * What the module says of groups and links. An event may be old when its turn comes: it tells that
 * there is something to read, and what is read counts. The module tells no more than so many events
 * a second, and does not say what it leaves out: so all is read once more a second after one, and
 * now and then without any.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "had.h"
#include "tool.h"

static const struct timeval after_event = { 1, 0 }, now_and_then = { 10, 0 };

static struct event *readable, *look_soon, *look_later;
static bool soon;			/* look_soon is pending */

#define LOST_LATELY	30	/* s: later than that a role has changed for another loss */

/* Of links only what is needed to tell a change, and why a role has changed. */
struct known_link {
	struct known_link *next;
	char device[IFNAMSIZ];
	uint32_t state;
	struct timespec lost;		/* when its peer was, CLOCK_MONOTONIC */
	const char *why;		/* it was */
	bool seen;
};

static struct known_link *links;

/* What has happened to a group since it was read. */
struct due {
	struct due *next;
	char name[XFRM_HA_NAME_MAX + 1];
	uint32_t event;
};

static struct due *due;

static const char *const roles[] = { "standby", "joining", "active", "releasing", "handed" };
static const char *const losses[] = {
	"it is not known why", "the peer was silent", "no carrier", "the device is down, or gone",
	"the peer has started anew", "other settings"
};

struct had_group *had_group(struct had *had, const char *name)
{
	struct had_group **g = &had->groups;

	while (*g && strcmp((*g)->name, name))
		g = &(*g)->next;
	if (!*g) {
		*g = calloc(1, sizeof(**g));
		if (*g)
			snprintf((*g)->name, sizeof((*g)->name), "%s", name);
	}
	return *g;
}

static double since(const struct timespec *t)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec - t->tv_sec + (now.tv_nsec - t->tv_nsec) / 1e9;
}

/* Roles that only pass, on the way to one of the two others */
static bool passing(uint32_t role)
{
	return role != XFRM_HA_ROLE_ACTIVE && role != XFRM_HA_ROLE_STANDBY;
}

static const char *told(const struct had_group *g, uint32_t before, uint32_t event)
{
	switch (g->role) {
	case XFRM_HA_ROLE_ACTIVE:
		return before == XFRM_HA_ROLE_JOINING ? "no peer is active" :
		       passing(before) ? "the peer did not take it" :
		       g->reason == XFRM_HA_ROLE_REASON_GOT ? "the peer has handed it over" :
		       g->reason == XFRM_HA_ROLE_REASON_COMMAND ? "a command" :
		       "the peer does not carry it any more";
	case XFRM_HA_ROLE_JOINING:
		return "the peer may be active";
	case XFRM_HA_ROLE_RELEASING:
		return "to be handed over to the peer";
	case XFRM_HA_ROLE_HANDED:
		return "the peer is to go on";
	default:
		return event == XFRM_HA_EVENT_DEPOSED ? "a higher term was heard" :
		       g->reason == XFRM_HA_ROLE_REASON_HANDED ? "handed over to the peer" :
		       !strcmp(g->peer_role, "active") ? "the peer is active" : "";
	}
}

/* The link that was lost last says how. Its word may come after that of the role. */
static void say_lost(struct had_group *g)
{
	const struct known_link *last = NULL;

	for (const struct known_link *l = links; l; l = l->next)
		if (l->lost.tv_sec && since(&l->lost) < LOST_LATELY &&
		    (!last || since(&l->lost) < since(&last->lost)))
			last = l;
	/* One of a while ago is another loss, if there is a newer one. */
	g->awaits_link = !last || since(&last->lost) > 1;
	if (last)
		snprintf(g->why, sizeof(g->why), "the peer is lost on %s: %s", last->device,
			 last->why);
	else
		snprintf(g->why, sizeof(g->why), "the peer is lost");
}

/* Why a role is what it has become: what was asked here, else what the events tell. */
static void reason(struct had_group *g, uint32_t before, uint32_t event)
{
	bool asked = g->cause[0] && (passing(g->role) || g->role == g->asked);

	g->awaits_link = false;
	if (g->reason == XFRM_HA_ROLE_REASON_COMMAND && !asked)
		snprintf(g->why, sizeof(g->why), "command by uid %u", g->uid);
	else if (asked)
		snprintf(g->why, sizeof(g->why), "%s", g->cause);
	else if (g->role == XFRM_HA_ROLE_ACTIVE &&
		 (g->reason == XFRM_HA_ROLE_REASON_PEER_SILENT ||
		  g->reason == XFRM_HA_ROLE_REASON_PEER_CARRIER))
		say_lost(g);
	else
		snprintf(g->why, sizeof(g->why), "%s", told(g, before, event));
	if (!passing(g->role))
		g->cause[0] = '\0';
}

struct reading {
	struct had *had;
	uint32_t event;
	const char *only;		/* NULL: all are read */
};

static void on_group(struct nlattr **a, void *data)
{
	const char *peer = nl_has(a[XFRM_HA_A_GROUP_PEER_ROLE]) ?
			   nla_get_string(a[XFRM_HA_A_GROUP_PEER_ROLE]) : "";
	struct reading *r = data;
	struct had_group old, *g = had_group(r->had, nla_get_string(a[XFRM_HA_A_GROUP_NAME]));

	if (!g)
		return;
	old = *g;
	g->seen = true;
	g->running = true;
	g->role = nla_get_u32(a[XFRM_HA_A_GROUP_ROLE]);
	g->term = nla_get_u32(a[XFRM_HA_A_GROUP_TERM]);
	g->takeovers = nla_get_u64(a[XFRM_HA_A_GROUP_TAKEOVERS]);
	g->preparing = nl_number(a[XFRM_HA_A_GROUP_PREPARING]);
	g->reason = nl_number(a[XFRM_HA_A_GROUP_REASON]);
	g->uid = nl_number(a[XFRM_HA_A_GROUP_UID]);
	g->since = nla_get_u64(a[XFRM_HA_A_GROUP_SINCE]);
	g->sas = nla_get_u32(a[XFRM_HA_A_GROUP_SAS]);
	g->missing = nla_get_u32(a[XFRM_HA_A_GROUP_MISSING]);
	g->peer_missing = nla_get_u32(a[XFRM_HA_A_GROUP_PEER_MISSING]);
	g->peer_synced = nla_get_u8(a[XFRM_HA_A_GROUP_PEER_SYNCED]);
	snprintf(g->peer_role, sizeof(g->peer_role), "%s", peer);
	if (!old.running || g->role != old.role || g->takeovers != old.takeovers) {
		if (old.running)
			reason(g, old.role, r->event);
		else
			snprintf(g->why, sizeof(g->why), "found so");
		had_log(LOG_NOTICE, "group %s is %s, term %u: %s", g->name,
			g->role < 5 ? roles[g->role] : "unknown", g->term, g->why);
	}
	if (!old.running || g->role != old.role || g->term != old.term ||
	    g->takeovers != old.takeovers || g->sas != old.sas || g->missing != old.missing ||
	    g->peer_missing != old.peer_missing || g->peer_synced != old.peer_synced ||
	    strcmp(g->peer_role, old.peer_role))
		had_each_role(r->had, g);
}

static void gone(struct had *had, struct had_group *g)
{
	if (!g->running)
		return;
	g->running = false;
	had_log(LOG_NOTICE, "group %s has gone", g->name);
	had_each_role(had, g);
}

/*
 * The group is to be handed over, and all that the daemon has to prepare is done in here. That it
 * is so counts, not the event: that may be old, or left out, or told to a daemon that was killed.
 */
static void prepare(struct had_group *g)
{
	if (!g->running || !g->preparing)
		return;
	g->preparing = false;
	detour_wanted(g);
}

static void read_group(struct had *had, const char *name, uint32_t event)
{
	struct had_group *g = had_group(had, name);
	struct nl_msg *msg = nl_request(XFRM_HA_CMD_GROUP_GET, 0);
	struct reading r = { .had = had, .event = event };

	if (!g)
		return;
	g->seen = false;
	nla_put_string(msg, XFRM_HA_A_GROUP_NAME, name);
	hushed = true;
	nl_talk(msg, XFRM_HA_A_GROUP_MAX, on_group, &r);
	hushed = false;
	if (!g->seen)
		gone(had, g);
	prepare(g);
}

static struct known_link *known_link(const char *device)
{
	struct known_link *l = links;

	while (l && strcmp(l->device, device))
		l = l->next;
	if (!l) {
		l = calloc(1, sizeof(*l));
		if (!l)
			return NULL;
		snprintf(l->device, sizeof(l->device), "%s", device);
		l->state = UINT32_MAX;
		l->next = links;
		links = l;
	}
	return l;
}

static void set_link(struct had *had, const char *device, uint32_t state)
{
	struct known_link *l = known_link(device);

	if (!l)
		return;
	l->seen = true;
	if (l->state == state)
		return;
	l->state = state;
	had_each_link(had, device, state);
}

static void on_link(struct nlattr **a, void *data)
{
	set_link(data, nla_get_string(a[XFRM_HA_A_LINK_DEV]),
		 nla_get_u32(a[XFRM_HA_A_LINK_STATE]));
}

/**
 * module_read() - read all groups and links, and tell the parts what is new
 *
 * Return: 0, or -1: the module can't be asked, which was said.
 */
int module_read(struct had *had)
{
	struct reading r = { .had = had };

	for (struct known_link *l = links; l; l = l->next)
		l->seen = false;
	for (struct had_group *g = had->groups; g; g = g->next)
		g->seen = false;
	if (nl_talk(nl_request(XFRM_HA_CMD_LINK_GET, NLM_F_DUMP), XFRM_HA_A_LINK_MAX, on_link,
		    had) ||
	    nl_talk(nl_request(XFRM_HA_CMD_GROUP_GET, NLM_F_DUMP), XFRM_HA_A_GROUP_MAX, on_group,
		    &r))
		return -1;
	for (struct had_group *g = had->groups; g; g = g->next)
		if (!g->seen)
			gone(had, g);
	for (struct had_group *g = had->groups; g; g = g->next)
		prepare(g);
	for (struct known_link *l = links; l; l = l->next)
		if (!l->seen && l->state != XFRM_HA_LINK_STATE_DOWN)
			set_link(had, l->device, XFRM_HA_LINK_STATE_DOWN);
	return 0;
}

static bool tells(uint32_t event)
{
	return event == XFRM_HA_EVENT_ROLE_CHANGE || event == XFRM_HA_EVENT_TAKEOVER ||
	       event == XFRM_HA_EVENT_RELEASE || event == XFRM_HA_EVENT_DEPOSED;
}

/* Of what has come at once, the last that tells of a role. */
static void note(const char *name, uint32_t event)
{
	struct due **d = &due;

	while (*d && strcmp((*d)->name, name))
		d = &(*d)->next;
	if (!*d) {
		*d = calloc(1, sizeof(**d));
		if (!*d)
			return;
		snprintf((*d)->name, sizeof((*d)->name), "%s", name);
		(*d)->event = event;
	}
	if (tells(event))
		(*d)->event = event;
}

static int on_event(struct nl_msg *msg, void *data)
{
	struct genlmsghdr *h = genlmsg_hdr(nlmsg_hdr(msg));
	struct nlattr *a[XFRM_HA_A_GROUP_MAX + 1];
	struct had *had = data;

	if (genlmsg_parse(nlmsg_hdr(msg), 0, a, XFRM_HA_A_GROUP_MAX, NULL))
		return NL_OK;
	if (h->cmd == XFRM_HA_CMD_GROUP_NTF && a[XFRM_HA_A_GROUP_EVENT]) {
		note(nla_get_string(a[XFRM_HA_A_GROUP_NAME]),
		     nla_get_u32(a[XFRM_HA_A_GROUP_EVENT]));
	} else if (h->cmd == XFRM_HA_CMD_LINK_NTF && a[XFRM_HA_A_LINK_EVENT]) {
		const char *device = nla_get_string(a[XFRM_HA_A_LINK_DEV]);
		uint32_t event = nla_get_u32(a[XFRM_HA_A_LINK_EVENT]);
		uint32_t loss = nl_number(a[XFRM_HA_A_LINK_LOSS]);
		struct known_link *l = known_link(device);

		if (l && event == XFRM_HA_EVENT_PEER_LOST) {
			clock_gettime(CLOCK_MONOTONIC, &l->lost);
			l->why = losses[loss < 6 ? loss : 0];
			had_log(LOG_WARNING, "link %s: the peer is lost: %s", device, l->why);
			for (struct had_group *g = had->groups; g; g = g->next)
				if (g->awaits_link)
					say_lost(g);
		}
		set_link(had, device, nl_number(a[XFRM_HA_A_LINK_STATE]));
	} else {
		return NL_OK;
	}
	if (!soon) {
		soon = true;
		evtimer_add(look_soon, &after_event);
	}
	return NL_OK;
}

static void look(evutil_socket_t fd, short what, void *data)
{
	struct had *had = data;

	(void)fd;
	(void)what;
	soon = false;
	evtimer_add(look_later, &now_and_then);
	if (module_read(had)) {
		had_log(LOG_ERR, "the module can't be asked any more");
		event_base_loopbreak(had->base);
	}
}

static void on_readable(evutil_socket_t fd, short what, void *data)
{
	struct had *had = data;
	bool lost = false;
	struct due *d;

	(void)fd;
	(void)what;
	nl_wait(0, NULL, &lost);
	while ((d = due)) {
		due = d->next;
		read_group(had, d->name, d->event);
		free(d);
	}
	if (lost)
		look(-1, 0, had);
}

/* Events first: what changes after it was read is told. */
int module_start(struct had *had)
{
	if (nl_open() || nl_join(on_event, had))
		return -1;
	readable = event_new(had->base, nl_events_fd(), EV_READ | EV_PERSIST, on_readable, had);
	look_soon = evtimer_new(had->base, look, had);
	look_later = evtimer_new(had->base, look, had);
	if (!readable || !look_soon || !look_later)
		return -1;
	/* Before all else that has come: addresses move by it. */
	event_priority_set(readable, 0);
	event_add(readable, NULL);
	evtimer_add(look_later, &now_and_then);
	return 0;
}

void module_stop(struct had *had)
{
	(void)had;
	if (readable)
		event_free(readable);
	if (look_soon)
		event_free(look_soon);
	if (look_later)
		event_free(look_later);
	while (links) {
		struct known_link *l = links;

		links = l->next;
		free(l);
	}
}

static int ask(struct had_group *g, uint8_t cmd, uint32_t role, bool missing, const char *cause)
{
	struct nl_msg *msg = nl_request(cmd, 0);
	int err;

	nla_put_string(msg, XFRM_HA_A_GROUP_NAME, g->name);
	if (missing)
		nla_put_flag(msg, XFRM_HA_A_GROUP_ALLOW_MISSING);
	snprintf(g->cause, sizeof(g->cause), "%s", cause);
	g->asked = role;
	err = nl_talk(msg, XFRM_HA_A_GROUP_MAX, NULL, NULL);
	if (err)
		g->cause[0] = '\0';
	return err;
}

/* As the command of the tool does it; 0: it has begun, else the tool's exit status. @cause: why */
int module_takeover(struct had_group *g, const char *cause)
{
	return ask(g, XFRM_HA_CMD_GROUP_TAKEOVER, XFRM_HA_ROLE_ACTIVE, false, cause);
}

/* Likewise, of a lost peer: what could not be stored is missing. */
int module_take_stored(struct had_group *g, const char *cause)
{
	return ask(g, XFRM_HA_CMD_GROUP_TAKEOVER, XFRM_HA_ROLE_ACTIVE, true, cause);
}

int module_release(struct had_group *g, const char *cause)
{
	return ask(g, XFRM_HA_CMD_GROUP_RELEASE, XFRM_HA_ROLE_STANDBY, false, cause);
}

/* What was to be prepared for it is: whoever has asked, the cause is his. */
int module_release_now(struct had_group *g)
{
	struct nl_msg *msg = nl_request(XFRM_HA_CMD_GROUP_RELEASE, 0);

	nla_put_string(msg, XFRM_HA_A_GROUP_NAME, g->name);
	nla_put_flag(msg, XFRM_HA_A_GROUP_NOW);
	return nl_talk(msg, XFRM_HA_A_GROUP_MAX, NULL, NULL);
}
