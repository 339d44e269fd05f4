// SPDX-License-Identifier: GPL-2.0
/*
 * Addresses, routes and neighbours of a group are where it is active, and nowhere else. It does not
 * matter how that came, nor what was done before: what is missing is made, and what is too much is
 * deleted, when a role changes, when something happens to a device or an address, and when the
 * daemon starts. Neighbours are told at 0, 100 ms and 1 s: a frame may be lost, and who has learned
 * of another place meanwhile is told once more.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "announce.h"
#include "had.h"
#include "rtnl.h"

static const struct timeval rounds[] = { { 0, 100000 }, { 0, 900000 } };
static const struct timeval soon = { 0, 20000 };	/* after an event; more may follow */

#define ROUNDS	(sizeof(rounds) / sizeof(*rounds))

struct addresses {
	const struct had_group *g;
	bool known, up;
	uint64_t takeovers;
	struct event *timer;
	unsigned int round;
};

static struct had *all;
static int events = -1;
static struct event *readable, *later;

static void announce_all(const struct conf_group *c, bool probe)
{
	for (const struct conf_address *a = c->addresses; a; a = a->next)
		announce(&a->ip, a->device, probe);
	for (const struct conf_neighbour *n = c->neighbours; n; n = n->next)
		if (n->proxy)
			announce(&n->ip, n->device, false);
}

static void on_round(evutil_socket_t fd, short what, void *data)
{
	struct addresses *a = data;

	(void)fd;
	(void)what;
	if (!a->up || !a->g->conf)
		return;
	announce_all(a->g->conf, false);
	if (++a->round < ROUNDS)
		evtimer_add(a->timer, &rounds[a->round]);
}

static void begin_rounds(struct addresses *a, bool probe)
{
	announce_all(a->g->conf, probe);
	a->round = 0;
	/* Not from when the loop was last awake. */
	event_base_update_cache_time(all->base);
	evtimer_add(a->timer, &rounds[0]);
}

/* True: it was not there before. @anew: the role has just changed, and what goes wrong is said. */
static bool made(const char *what, const struct conf_ip *ip, int err, bool anew)
{
	char buf[INET6_ADDRSTRLEN];

	if (!err || err == -EEXIST)
		return !err;
	had_log(anew ? LOG_ERR : LOG_DEBUG, "%s %s/%u: %s", what, conf_ip_text(ip, buf), ip->len,
		strerror(-err));
	return false;
}

/* The devices that have an Ethernet address of the group's are up where it is active. */
static void turn(const struct conf_group *c, bool up, bool anew)
{
	int err;

	for (const struct conf_virtual *v = c->virtuals; v; v = v->next) {
		err = rtnl_virtual(v, up);
		if (err)
			had_log(anew ? LOG_ERR : LOG_DEBUG, "virtual-mac %s: %s", v->name,
				strerror(-err));
	}
}

/* How many addresses were made. @replace: what others have in this place goes */
static unsigned int make(const struct conf_group *c, bool anew, bool replace)
{
	unsigned int n = 0;
	int err;

	turn(c, true, anew);
	for (const struct conf_address *a = c->addresses; a; a = a->next)
		n += made("address", &a->ip, rtnl_address(RTNL_ADD, a), anew);
	for (const struct conf_neighbour *e = c->neighbours; e; e = e->next) {
		err = rtnl_neighbour(RTNL_ADD, e);
		/* What was learned is in the way. */
		if (err == -EEXIST && replace && !e->proxy)
			rtnl_neighbour(RTNL_REPLACE, e);
		made("neighbour", &e->ip, err, anew);
	}
	for (const struct conf_route *t = c->routes; t; t = t->next) {
		err = rtnl_route(RTNL_ADD, t);
		/* So is another route to there. */
		if (err == -EEXIST && replace)
			err = rtnl_route(RTNL_REPLACE, t) ?: -EEXIST;
		made("route", &t->to, err, anew);
	}
	return n;
}

/*
 * The kernel makes an IPv6 address first, and its route later (addrconf_dad_work()), though nobody
 * is to be asked for it. Until then what comes for it is sent back to where it came from. That is
 * not waited for long: the device may be down.
 */
static void settle(const struct conf_group *c)
{
	const struct timespec pause = { .tv_nsec = 500000 };
	unsigned int left = 50;

	for (const struct conf_address *a = c->addresses; a; a = a->next)
		while (a->ip.family == AF_INET6 && left && !rtnl_is_local(a)) {
			left--;
			nanosleep(&pause, NULL);
		}
	if (!left)
		had_log(LOG_DEBUG, "group %s: not all addresses are of use yet", c->name);
}

static void drop(const struct conf_group *c)
{
	for (const struct conf_route *t = c->routes; t; t = t->next)
		rtnl_route(RTNL_DEL, t);
	for (const struct conf_neighbour *n = c->neighbours; n; n = n->next)
		rtnl_neighbour(RTNL_DEL, n);
	for (const struct conf_address *a = c->addresses; a; a = a->next) {
		rtnl_address(RTNL_DEL, a);
		announce_end(&a->ip, a->device);
	}
	turn(c, false, false);
}

static unsigned long us_since(uint64_t boot_ns)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (t.tv_sec * 1000000000ULL + t.tv_nsec - boot_ns) / 1000;
}

static struct addresses *get(struct had_group *g)
{
	if (!g->addresses) {
		g->addresses = calloc(1, sizeof(*g->addresses));
		if (!g->addresses)
			return NULL;
		g->addresses->g = g;
		g->addresses->timer = evtimer_new(all->base, on_round, g->addresses);
	}
	return g->addresses;
}

/*
 * Each takeover is told to the neighbours, though all be there: the peer may have had it between
 * two of them.
 */
static void role(struct had *had, struct had_group *g)
{
	bool active = had_active(g);
	struct addresses *a = get(g);

	(void)had;
	if (!a || !g->conf)
		return;
	/* It may be kept: nothing has to be anywhere else yet. */
	if (a->known && g->running && g->role == XFRM_HA_ROLE_RELEASING)
		return;
	if (active && (!a->known || !a->up || a->takeovers != g->takeovers)) {
		make(g->conf, true, a->known);
		settle(g->conf);
		/* What was kept is older than what comes when the neighbours know. */
		detour_end(g);
		begin_rounds(a, true);
		a->up = true;
		had_log(LOG_INFO, "group %s: addresses are here %lu us after the role has changed",
			g->name, us_since(g->since));
	} else if (!active && (!a->known || a->up)) {
		evtimer_del(a->timer);
		a->up = false;
		drop(g->conf);
		if (a->known)
			had_log(LOG_INFO, "group %s: addresses have gone", g->name);
	}
	a->known = true;
	a->takeovers = g->takeovers;
}

/* What has gone is made again, and what has come is deleted. */
static void reconcile(void)
{
	for (struct had_group *g = all->groups; g; g = g->next) {
		if (!g->addresses || !g->addresses->known || !g->conf)
			continue;
		if (!g->addresses->up)
			drop(g->conf);
		else if (make(g->conf, false, false))
			begin_rounds(g->addresses, true);
	}
}

static void on_later(evutil_socket_t fd, short what, void *data)
{
	(void)fd;
	(void)what;
	(void)data;
	reconcile();
}

static void on_event(evutil_socket_t fd, short what, void *data)
{
	(void)what;
	(void)data;
	rtnl_events_read(fd);
	if (!evtimer_pending(later, NULL))
		evtimer_add(later, &soon);
}

static void configured(struct had *had, const struct conf *old)
{
	(void)old;
	rtnl_sweep(had->conf);
	for (struct had_group *g = had->groups; g; g = g->next) {
		if (!g->conf || !g->running)
			continue;
		if (!g->addresses || !g->addresses->known)
			role(had, g);
		else if (!g->addresses->up)
			drop(g->conf);
		else if (make(g->conf, true, true))
			begin_rounds(g->addresses, true);
	}
}

static int start(struct had *had)
{
	all = had;
	events = rtnl_events_open(true);
	if (events < 0 || rtnl_open() || announce_open(had->base))
		return -1;
	readable = event_new(had->base, events, EV_READ | EV_PERSIST, on_event, NULL);
	later = evtimer_new(had->base, on_later, NULL);
	return readable && later && !event_add(readable, NULL) ? 0 : -1;
}

static void stop(struct had *had)
{
	for (struct had_group *g = had->groups; g; g = g->next) {
		if (g->addresses && g->addresses->timer)
			event_free(g->addresses->timer);
		free(g->addresses);
	}
	event_free(readable);
	event_free(later);
	close(events);
	announce_close();
	rtnl_close();
}

const struct had_part address_part = {
	.name = "address", .start = start, .configured = configured, .role = role, .stop = stop,
};
