// SPDX-License-Identifier: GPL-2.0
/*
 * What comes to this node for a group that it is not active for is passed on to the peer, by a
 * device between the two; what the peer passes on before this node is active is kept, and comes in
 * when it is. The kernel does it (tc.c): where it is to be done is all that is decided here.
 *
 * On a node that is not active each device with an address of the group has filters that redirect
 * to the detour's device, and that one has filters that redirect to a device that keeps. One that
 * is active has the latter only, and nothing is kept any more: all goes through the same queue,
 * so that what was kept comes before what comes later. Nothing that has come by the detour is
 * passed on, so nothing goes in circles.
 */

#include <errno.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "had.h"
#include "rtnl.h"
#include "tc.h"
#include "tool.h"

static const struct timeval each_second = { 1, 0 };

struct detour {
	bool known, passing;
	int keeper;			/* the device that keeps; 0: there is none */
	uint32_t kept;			/* at the last look; more than that are younger */
	uint64_t dropped;		/* packets that were too old to be of use, or too many */
	uint64_t passed;		/* by filters that have gone */
};

static struct had *all;
static struct event *timer;
static bool looked;		/* all groups that the module has are known */

/*
 * What the kernel is to do comes in one go: while some packets take the way of before and others
 * that of after nothing is waited for.
 */
static struct step {
	char device[IFNAMSIZ];
	int none;		/* this error is none */
} steps[RTNL_ALL];
static struct nl_msg *requests[RTNL_ALL];
static unsigned int n_steps;

static void run(void)
{
	int errs[RTNL_ALL];

	if (!n_steps)
		return;
	rtnl_talk_all(requests, n_steps, errs);
	for (unsigned int i = 0; i < n_steps; i++)
		if (errs[i] && errs[i] != steps[i].none)
			had_log(LOG_ERR, "detour on %s: %s", steps[i].device, strerror(-errs[i]));
	n_steps = 0;
}

static void plan(struct nl_msg *request, const char *device, int none)
{
	if (!request) {
		had_log(LOG_ERR, "detour on %s: out of memory", device);
		return;
	}
	if (n_steps == RTNL_ALL)
		run();
	requests[n_steps] = request;
	snprintf(steps[n_steps].device, IFNAMSIZ, "%s", device);
	steps[n_steps++].none = none;
}

/* What is the group's: to its addresses all, or what is ciphered; and what its routes are for. */
static unsigned int matches(const struct conf_group *c, struct tc_match *m, unsigned int max)
{
	static const struct {
		uint8_t proto;
		uint16_t port;
	} ciphered[] = { { IPPROTO_ESP, 0 }, { IPPROTO_UDP, 500 }, { IPPROTO_UDP, 4500 } };
	unsigned int n = 0;

	for (const struct conf_address *a = c->addresses; a; a = a->next) {
		struct tc_match all_of_it = { .to = a->ip };

		all_of_it.to.len = a->ip.family == AF_INET ? 32 : 128;
		if (c->detour.trusted && n < max)
			m[n++] = all_of_it;
		for (int i = 0; i < 3 && !c->detour.trusted && n < max; i++) {
			m[n] = all_of_it;
			m[n].proto = ciphered[i].proto;
			m[n++].port = ciphered[i].port;
		}
	}
	for (const struct conf_route *t = c->routes; t && c->detour.trusted; t = t->next)
		/* By a default route goes what is this node's own, too. */
		if (t->to.len && n < max)
			m[n++] = (struct tc_match){ .to = t->to };
	return n;
}

struct wanted {
	struct tc_match match;
	struct tc_target target;
	uint32_t handle;
};

static struct wanted wanted[TC_FILTERS_MAX];
static struct tc_filter present[TC_FILTERS_MAX];

static bool has_device(const struct conf_group *c, const char *device)
{
	for (const struct conf_address *a = c->addresses; a; a = a->next)
		if (!strcmp(a->device, device))
			return true;
	return false;
}

/* A device of this node, as it was found since look_anew() */
static struct own {
	struct ifreq at;
	int ifindex;
} own;

static void look_anew(void)
{
	own.ifindex = 0;
}

static bool find_own(const char *device)
{
	int fd, err;

	if (own.ifindex && !strcmp(own.at.ifr_name, device))
		return true;
	own = (struct own){ .ifindex = if_nametoindex(device) };
	snprintf(own.at.ifr_name, sizeof(own.at.ifr_name), "%s", device);
	fd = own.ifindex ? socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
	if (fd < 0)
		return false;
	err = ioctl(fd, SIOCGIFHWADDR, &own.at);
	close(fd);
	if (err)
		own.ifindex = 0;
	return !err;
}

/* The frame is from the detour's device on this node, to that on the other one. */
static bool find_target(const struct conf_group *c, struct tc_target *t)
{
	const uint8_t *peer = conf_detour_peer(all->conf, c);

	if (!peer || !find_own(c->detour.device))
		return false;
	t->ifindex = own.ifindex;
	t->frame = true;
	memcpy(t->from, own.at.ifr_hwaddr.sa_data, sizeof(t->from));
	memcpy(t->to, peer, sizeof(t->to));
	return true;
}

static unsigned int want(const struct conf_group *c, const struct tc_target *t, unsigned int n)
{
	static struct tc_match m[TC_FILTERS_MAX];
	unsigned int found = matches(c, m, TC_FILTERS_MAX);

	for (unsigned int i = 0; i < found && n < TC_FILTERS_MAX; i++)
		wanted[n++] = (struct wanted){ m[i], *t, tc_handle(&m[i], t) };
	return n;
}

/* All that a device is to have, of all groups. */
static unsigned int want_all(const char *device)
{
	unsigned int n = 0;

	for (const struct had_group *g = all->groups; g; g = g->next) {
		const struct conf_group *c = g->conf;
		struct tc_target t = { };

		if (!c || !c->has_detour || !g->running || !g->detour)
			continue;
		if (!strcmp(c->detour.device, device) && g->detour->keeper) {
			t.ifindex = g->detour->keeper;
			n = want(c, &t, n);
		} else if (g->detour->passing && has_device(c, device) && find_target(c, &t)) {
			n = want(c, &t, n);
		}
	}
	return n;
}

/* Does one of the filters of a group pass packets on to there? */
static bool is_of(const struct conf_group *c, const struct tc_target *t, const struct tc_filter *f)
{
	static struct tc_match m[TC_FILTERS_MAX];
	unsigned int n = matches(c, m, TC_FILTERS_MAX);

	while (n--)
		if (tc_handle(&m[n], t) == f->handle)
			return true;
	return false;
}

/* Whose filter it was has the packets that it has passed on. */
static void account(const char *device, const struct tc_filter *f)
{
	for (struct had_group *g = all->groups; g; g = g->next) {
		struct tc_target t = { };

		if (g->conf && g->conf->has_detour && g->detour && has_device(g->conf, device) &&
		    find_target(g->conf, &t) && is_of(g->conf, &t, f))
			g->detour->passed += f->packets;
	}
}

/* One for each group, because each is active by itself */
static void keeper_name(const struct had_group *g, char *name)
{
	uint32_t h = 0;

	if (snprintf(name, IFNAMSIZ, "keep-%s", g->name) < IFNAMSIZ)
		return;
	for (const char *c = g->name; *c; c++)
		h = 31 * h + (unsigned char)*c;
	snprintf(name, IFNAMSIZ, "keep-%08x", h);
}

/*
 * What an earlier daemon has left for a group that the module has not told of yet: it may be right,
 * and then packets pass by it.
 */
static bool may_be_right(const char *device, const struct tc_filter *f)
{
	for (const struct had_group *g = all->groups; g && !looked; g = g->next) {
		struct tc_target t = { };
		char name[IFNAMSIZ];

		if (!g->conf || !g->conf->has_detour || g->running)
			continue;
		keeper_name(g, name);
		t.ifindex = if_nametoindex(name);
		if (is_of(g->conf, &t, f) ||
		    (has_device(g->conf, device) && find_target(g->conf, &t) &&
		     is_of(g->conf, &t, f)))
			return true;
	}
	return false;
}

/* It is planned; see run(). */
static void set_device(const char *device)
{
	int ifindex = if_nametoindex(device), there;
	unsigned int n, i;

	if (!ifindex)
		return;
	n = want_all(device);
	there = tc_filters(ifindex, present);
	if (n && there <= 0)
		plan(tc_ingress(ifindex), device, -EEXIST);
	for (i = 0; i < n; i++) {
		int j = 0;

		while (j < there && present[j].handle != wanted[i].handle)
			j++;
		if (j >= there)
			plan(tc_filter_add(ifindex, &wanted[i].match, &wanted[i].target), device,
			     -EEXIST);
	}
	for (int j = 0; j < there; j++) {
		for (i = 0; i < n && wanted[i].handle != present[j].handle; i++)
			;
		if (i < n || may_be_right(device, &present[j]))
			continue;
		account(device, &present[j]);
		plan(tc_filter_del(ifindex, &present[j]), device, -ENOENT);
	}
}

/* Each device of a group's addresses once: is this the first one with its device? */
static bool is_first(const struct conf_group *c, const struct conf_address *a)
{
	const struct conf_address *b = c->addresses;

	while (strcmp(b->device, a->device))
		b = b->next;
	return a == b;
}

/* Those of its addresses */
static void set_devices(const struct conf_group *c)
{
	look_anew();
	for (const struct conf_address *a = c->addresses; a; a = a->next)
		if (is_first(c, a))
			set_device(a->device);
}

static void make_keeper(struct had_group *g)
{
	const struct conf_detour *c = &g->conf->detour;
	int ifindex = if_nametoindex(c->device), err;
	bool had_before = g->detour->keeper;
	char name[IFNAMSIZ];
	struct tc_queue q;

	g->detour->keeper = 0;
	if (!ifindex)
		return;
	keeper_name(g, name);
	err = tc_keeper(name, c->keep);
	if (err < 0) {
		had_log(LOG_ERR, "detour of group %s: %s: %s", g->name, name, strerror(-err));
		return;
	}
	/* Nobody knows how old that is which an earlier daemon has kept. */
	if (!had_before && !tc_keeper_ask(err, &q) && q.kept)
		tc_keeper_empty(err, c->keep);
	g->detour->keeper = err;
	err = tc_loosen(ifindex);
	if (err)
		had_log(LOG_WARNING, "rp_filter of %s: %s", c->device, strerror(-err));
}

static struct detour *get(struct had_group *g)
{
	if (!g->conf || !g->conf->has_detour || !g->running)
		return NULL;
	if (!g->detour)
		g->detour = calloc(1, sizeof(*g->detour));
	return g->detour;
}

static void begin(struct had_group *g)
{
	struct detour *d = g->detour;

	d->known = true;
	if (d->keeper)
		plan(tc_keep(d->keeper, true), g->conf->detour.device, 0);
	d->passing = true;
	set_devices(g->conf);
	run();
}

void detour_end(struct had_group *g)
{
	struct detour *d = get(g);

	if (!d || (d->known && !d->passing))
		return;
	d->known = true;
	d->passing = false;
	/* First: neighbours are asked for what was kept, and answer to these addresses by ND. */
	set_devices(g->conf);
	if (d->keeper)
		plan(tc_keep(d->keeper, false), g->conf->detour.device, 0);
	run();
}

/* Whatever comes of it is told by the role; or nothing does, and what was prepared goes. */
void detour_wanted(struct had_group *g)
{
	int err;

	if (!had_active(g))
		return;
	if (get(g))
		begin(g);
	err = module_release_now(g);
	/* If it was too late the role tells the rest. */
	if (err && err != ALREADY)
		detour_end(g);
}

/* Everything anew: what is there already is not touched. */
static void set_all(void)
{
	struct if_nameindex *list, *i;

	for (struct had_group *g = all->groups; g; g = g->next) {
		struct detour *d = get(g);

		if (!d)
			continue;
		make_keeper(g);
		d->known = true;
		d->passing = !had_active(g);
		if (d->keeper)
			plan(tc_keep(d->keeper, d->passing), g->conf->detour.device, 0);
	}
	look_anew();
	list = if_nameindex();
	for (i = list; i && i->if_index; i++)
		set_device(i->if_name);
	if_freenameindex(list);
	run();
}

static void role(struct had *had, struct had_group *g)
{
	struct detour *d = get(g);

	(void)had;
	if (!d)
		return;
	/* It is new here, and may be handed over before it is looked at. */
	if (!d->keeper)
		set_all();
	else if (had_active(g))
		detour_end(g);
	else if (!d->known || !d->passing)
		begin(g);
}

static void configured(struct had *had, const struct conf *old)
{
	(void)had;
	(void)old;
	set_all();
}

/* A group comes when the module has it, and its device may come later. */
static void look(evutil_socket_t fd, short what, void *data)
{
	(void)fd;
	(void)what;
	(void)data;
	if (!looked) {
		looked = true;
		set_all();
	}
	for (struct had_group *g = all->groups; g; g = g->next) {
		struct detour *d = get(g);
		struct tc_queue q;

		if (!d)
			continue;
		if (!d->keeper || tc_keeper_ask(d->keeper, &q)) {
			set_all();
			return;
		}
		/* What is as old as that nobody waits for any more. */
		if (d->passing && d->kept && q.kept >= d->kept) {
			d->dropped += q.dropped + q.kept;
			tc_keeper_empty(d->keeper, g->conf->detour.keep);
			q.kept = 0;
		}
		d->kept = d->passing ? q.kept : 0;
	}
}

static uint64_t passed_by(const struct had_group *g, const char *device)
{
	int there = tc_filters(if_nametoindex(device), present);
	struct tc_target t = { };
	uint64_t packets = 0;

	if (!find_target(g->conf, &t))
		return 0;
	for (int i = 0; i < there; i++)
		if (is_of(g->conf, &t, &present[i]))
			packets += present[i].packets;
	return packets;
}

/* Packets that were passed on, that are kept now, and that were not kept any longer */
void detour_tell(const struct had_group *g, FILE *to)
{
	const struct detour *d = g->detour;
	struct tc_queue q = { };
	uint64_t passed;

	if (!d || !g->conf || !g->conf->has_detour)
		return;
	passed = d->passed;
	look_anew();
	for (const struct conf_address *a = g->conf->addresses; a; a = a->next)
		if (is_first(g->conf, a))
			passed += passed_by(g, a->device);
	if (d->keeper)
		tc_keeper_ask(d->keeper, &q);
	fprintf(to, "detour\t%s\t%llu\t%u %llu\n", g->name, (unsigned long long)passed, q.kept,
		(unsigned long long)(d->dropped + q.dropped));
}

static int start(struct had *had)
{
	all = had;
	timer = event_new(had->base, -1, EV_PERSIST, look, NULL);
	return timer && !evtimer_add(timer, &each_second) ? 0 : -1;
}

static void stop(struct had *had)
{
	for (struct had_group *g = had->groups; g; g = g->next)
		free(g->detour);
	event_free(timer);
}

const struct had_part detour_part = {
	.name = "detour", .start = start, .configured = configured, .role = role, .stop = stop,
};
