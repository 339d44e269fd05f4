// SPDX-License-Identifier: GPL-2.0
/*
 * After a takeover the IKE daemon of this node makes SAs of its own. Those that came from the peer
 * nobody knows any more: no DELETE is ever sent for them. One is stale, and removed, if
 *
 *	the group is active here, and it bears the daemon's tag;
 *	there is another one for the same traffic, which does not, was not added before it, and was
 *	used; and
 *	it itself was not used for IDLE seconds.
 *
 * The same traffic: addresses, ports of an encapsulation, protocol, mode, reqid, selector, mark,
 * interface id, direction and CPU are the same. Where the IKE daemon gives another reqid, SAs stay
 * until their end.
 */

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "relay.h"

#define PERIOD	5	/* s between lists, while there may be something to retire */
#define IDLE	10	/* s */

struct traffic {
	xfrm_address_t src, dst;
	struct xfrm_selector sel;
	uint32_t reqid, mark_v, mark_m, if_id, cpu;
	uint16_t family, sport, dport;
	uint8_t proto, mode, dir;
};

struct candidate {
	struct relay *group;
	struct had_sa_id id;
	struct traffic traffic;
	uint64_t added, last_used;
};

static struct candidate *candidates;
static size_t n_candidates, room;
static unsigned int seconds;

/* By traffic: when the newest was added, and whether it was used */
static struct table newer = { .list = TAILQ_HEAD_INITIALIZER(newer.list), };

static void traffic_of(struct traffic *t, const struct had_sa *sa)
{
	memset(t, 0, sizeof(*t));
	memcpy(&t->src, &sa->info.saddr, sa->id.family == AF_INET ? 4 : sizeof(t->src));
	t->dst = sa->id.daddr;
	t->sel = sa->info.sel;
	t->reqid = sa->info.reqid;
	t->mark_v = sa->id.mark_v;
	t->mark_m = sa->id.mark_m;
	t->if_id = sa->if_id;
	t->cpu = sa->cpu;
	t->family = sa->id.family;
	t->proto = sa->id.proto;
	t->mode = sa->info.mode;
	t->dir = sa->dir;
	t->sport = sa->sport;
	t->dport = sa->dport;
}

/* One that was used counts, whatever newer ones there are that were not yet. */
static void see_newer(const struct had_sa *sa)
{
	bool used = sa->info.curlft.use_time;
	struct traffic t;
	struct item *i;

	traffic_of(&t, sa);
	i = table_find(&newer, &t, sizeof(t));
	if (!i)
		i = table_add(&newer, &t, sizeof(t));
	if (!i || i->digest > used)
		return;
	if (used > i->digest || i->here < sa->info.curlft.add_time)
		i->here = sa->info.curlft.add_time;
	i->digest = used;
}

static void see_candidate(struct relay *g, const struct had_sa *sa)
{
	struct candidate *c;

	if (n_candidates == room) {
		size_t more = room ? 2 * room : 64;

		c = reallocarray(candidates, more, sizeof(*c));
		if (!c)
			return;
		candidates = c;
		room = more;
	}
	c = &candidates[n_candidates++];
	c->group = g;
	c->id = sa->id;
	traffic_of(&c->traffic, sa);
	c->added = sa->info.curlft.add_time;
	c->last_used = sa->last_used;
}

/* The kernel has an SA of the group, which this daemon did not install just now. */
void retire_seen(struct relay *g, const struct had_sa *sa, bool listing)
{
	bool tagged = sa->info.seq == had_sa_tag(&sa->id);

	if (!g->source || !sa->id.spi)
		return;
	if (!listing) {
		g->others |= !tagged;
		return;
	}
	/* As long as there is nothing of ours there is nothing to replace. */
	if (tagged)
		see_candidate(g, sa);
	else if (g->mine.n || !relays.listed)
		see_newer(sa);
}

/* Whether it has a successor; it goes if that works. */
static bool retire(const struct candidate *c, uint64_t now)
{
	struct item *i = table_find(&newer, &c->traffic, sizeof(c->traffic));

	if (!i || i->here < c->added)
		return false;
	if (!i->digest || (c->last_used && now < c->last_used + IDLE))
		return true;
	if (xfrm_sa_del(&c->id)) {
		had_log(LOG_ERR, "relay: group %s: an SA that is stale stays: %s",
			c->group->group->name, xfrm_said());
		return true;
	}
	relays.counts.retired++;
	had_log(LOG_INFO, "relay: group %s: SPI %08x was replaced, and is retired",
		c->group->group->name, ntohl(c->id.spi));
	return false;
}

/* All that there is was listed, or, with @err, was not. */
void retire_listed(int err)
{
	uint64_t now = time(NULL);
	unsigned int wait = 0;

	for (struct relay *g = relays.groups; g && !err; g = g->next)
		g->others = false;
	for (size_t n = 0; n < n_candidates && !err; n++) {
		struct relay *g = candidates[n].group;

		if (g->source && retire(&candidates[n], now)) {
			g->others = true;
			wait++;
		}
	}
	if (wait)
		had_log(LOG_DEBUG, "relay: %u SAs have newer ones, and are not retired yet", wait);
	free(candidates);
	candidates = NULL;
	n_candidates = 0;
	room = 0;
	table_clear(&newer);
}

void retire_tick(void)
{
	bool look = false;

	if (++seconds < PERIOD)
		return;
	seconds = 0;
	for (const struct relay *g = relays.groups; g; g = g->next)
		look |= g->source && g->others && g->mine.n;
	if (look)
		relay_want_list();
}
