// SPDX-License-Identifier: GPL-2.0
/*
 * The SAs and policies of a group, from the gateway that is active for it to the others.
 *
 * The active one is the source: it knows what it has told each peer, by a digest of each, and tells
 * the difference. Events tell of differences at once; a list of all that the kernel has finds them
 * whenever events may have been lost. A peer that comes is told all, between BEGIN and END.
 *
 * The others are sinks. What a sink has installed bears a tag in the kernel (translate.c), and only
 * that is ever replaced or removed by it. What is there already is left alone, whoever was first.
 * It installs only what belongs to the group here, too, and only while the module holds the SAs of
 * the group: a node that does not know the group, or is active for it, takes nothing.
 *
 * A sink that stores keeps what it is told in its own memory, and tells others of it.
 *
 * Nothing grows without a bound: what the peer has not acknowledged is so many messages; until it
 * does, neither events nor lists are read. The kernel keeps events as far as it has room, and says
 * if it had not. A peer that acknowledges nothing for too long is dropped.
 */

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/params.h>

#include "fence.h"
#include "plan.h"
#include "relay.h"
#include "tool.h"

#define STALL	20	/* s without an acknowledgment, then the peer is dropped */
#define GIVING	10	/* s for a group that was flushed to be given away; see prepare */

struct relays relays;

static void count(void *to, const char *name, uint64_t n)
{
	fprintf(to, "count\t%s\t%llu\n", name, (unsigned long long)n);
}

void relay_status(FILE *to)
{
	const struct session *first = NULL;
	uint64_t unacknowledged = 0;

	for (const struct session *s = relays.sessions; s; s = s->next) {
		unacknowledged += s->sent - s->acked;
		if (s->met)
			first = s;
	}

	const struct {
		const char *name;
		uint64_t n;
	} counts[] = {
		{ "sent", relays.counts.sent },
		{ "installed", relays.counts.installed },
		{ "removed", relays.counts.removed },
		{ "foreign", relays.counts.foreign },
		{ "refused", relays.counts.refused },
		{ "ignored", relays.counts.ignored },
		{ "snapshots", relays.counts.snapshots },
		{ "again", relays.counts.again },
		{ "retired", relays.counts.retired },
		{ "unsure", relays.counts.unsure },
		{ "overload", relays.counts.overload },
		{ "unacknowledged", unacknowledged },
	};

	fprintf(to, "relay");
	for (const struct session *s = relays.sessions; s; s = s->next)
		if (s->met)
			fprintf(to, "%c%s", s == first ? '\t' : ' ', s->hello.node);
	fprintf(to, "\n");
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
		count(to, counts[i].name, counts[i].n);
	for (const struct way *w = relays.ways; w; w = w->next)
		if (w->transport && w->transport->kind->counts)
			w->transport->kind->counts(w->transport, count, to);
}

/* What goes on and on is said once in a while. */
__attribute__((format(printf, 3, 4)))
void relay_say(time_t *last, int priority, const char *format, ...)
{
	time_t now = time(NULL);
	char text[300];
	va_list ap;

	if (now - *last < 10 && now >= *last)
		return;
	*last = now;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	had_log(priority, "%s", text);
}

static uint64_t digest(const void *data, size_t len)
{
	uint64_t d = 0;
	size_t n;

	if (!EVP_MAC_init(relays.mac_ctx, relays.digest_key, sizeof(relays.digest_key), NULL) ||
	    !EVP_MAC_update(relays.mac_ctx, data, len) ||
	    !EVP_MAC_final(relays.mac_ctx, (uint8_t *)&d, &n, sizeof(d)))
		return 0;
	return d ? d : 1;
}

uint64_t relay_sa_digest(const void *body, size_t len, bool lifetimes)
{
	size_t n = had_sa_essence(body, len, lifetimes, relays.essence, sizeof(relays.essence));
	uint64_t d = n ? digest(relays.essence, n) : 0;

	explicit_bzero(relays.essence, n);
	return d;
}

uint64_t relay_policy_digest(const void *body, size_t len, bool lifetimes)
{
	size_t n = had_policy_essence(body, len, lifetimes, relays.essence, sizeof(relays.essence));

	return n ? digest(relays.essence, n) : 0;
}

/* The first group, in the order of the file, takes it, as the module does. */
struct relay *relay_of_sa(const struct had_sa *sa)
{
	struct relay *g;

	for (g = relays.groups; g && !had_match_sa(&g->match, sa); g = g->next)
		;
	return g && g->on ? g : NULL;
}

struct relay *relay_of_policy(const struct had_policy *p)
{
	struct relay *g;

	for (g = relays.groups; g && !had_match_policy(&g->match, p); g = g->next)
		;
	return g && g->on ? g : NULL;
}

struct relay *relay_by_name(const char *name)
{
	struct relay *g;

	for (g = relays.groups; g && strcmp(g->group->name, name); g = g->next)
		;
	return g;
}

/* Policies first: none is to ask for an SA that has gone. */
void relay_each_gone(struct relay *g, struct table *t, bool (*gone)(const struct item *i),
		     void (*func)(struct relay *g, struct item *i))
{
	struct item *i, *next;

	table_for_each(i, next, t)
		if (i->key_len == sizeof(struct had_policy_id) && gone(i))
			func(g, i);
	table_for_each(i, next, t)
		if (i->key_len == sizeof(struct had_sa_id) && gone(i))
			func(g, i);
}

void relay_want_list(void)
{
	relays.wanted = true;
	if (relays.open)
		event_active(relays.soon, EV_TIMEOUT, 0);
}

static void on_soon(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	if (!relays.wanted || xfrm_listing())
		return;
	relays.wanted = false;
	relays.round++;
	for (struct relay *g = relays.groups; g; g = g->next) {
		g->in_list = g->on;
		for (struct tell *t = g->tells; t; t = t->next) {
			t->telling = g->source;
			t->whole = t->telling && t->fresh;
			if (t->whole)
				source_begin(g, t, 0, g->group->term);
		}
	}
	xfrm_list();
}

static void on_sa(const void *body, size_t len, bool listing, bool ours)
{
	struct had_sa sa;
	struct relay *g;

	if (had_sa_read(body, len, &sa))
		return;
	g = relay_of_sa(&sa);
	if (!listing)
		source_only_of(g, &sa.id, sizeof(sa.id));
	if (!g || (listing && !g->in_list))
		return;
	if (!ours)
		retire_seen(g, &sa, listing);
	if (!ours)
		sink_seen(g, &sa.id, sizeof(sa.id), listing, sa.info.seq == had_sa_tag(&sa.id),
			  relay_sa_digest(body, len, false));
	if (g->source)
		source_sa(g, &sa, body, len, listing);
}

static void on_policy(const void *body, size_t len, bool listing, bool ours)
{
	struct had_policy p;
	struct relay *g;

	if (had_policy_read(body, len, &p))
		return;
	fence_policy(&p);
	g = relay_of_policy(&p);
	if (!listing)
		source_only_of(g, &p.id, sizeof(p.id));
	if (!g || (listing && !g->in_list))
		return;
	if (!ours)
		sink_seen(g, &p.id, sizeof(p.id), listing, p.info.index == had_policy_tag(&p.id),
			  relay_policy_digest(body, len, false));
	if (g->source)
		source_policy(g, &p, body, len, listing);
}

static void gone_here(const void *key, size_t len, bool ours)
{
	for (struct relay *g = relays.groups; g; g = g->next) {
		source_forget(g, key, len);
		if (!ours)
			sink_gone(g, key, len);
	}
}

static void on_sa_gone(const struct had_sa_id *id, bool ours)
{
	gone_here(id, sizeof(*id), ours);
}

static void on_policy_gone(const struct had_policy_id *id, uint32_t index, bool ours)
{
	(void)index;
	fence_policy_gone(id);
	gone_here(id, sizeof(*id), ours);
}

bool relay_not_listed(const struct item *i)
{
	return i->round != relays.round && !i->removed;
}

static void find_transports(void);

static void on_listed(int err)
{
	struct relay *g;

	if (err) {
		had_log(LOG_ERR, "relay: SAs and policies can't be listed: %s", strerror(-err));
		relays.wanted = true;
	}
	for (g = relays.groups; g && !err; g = g->next)
		if (g->in_list) {
			source_listed(g);
			sink_listed(g);
		}
	for (g = relays.groups; g; g = g->next) {
		g->in_list = false;
		for (struct tell *t = g->tells; t; t = t->next) {
			t->fresh |= err && t->whole;
			t->telling = false;
			t->whole = false;
		}
	}
	retire_listed(err);
	/* After an error: in a while. */
	if (err)
		return;
	relays.listed = true;
	fence_listed();
	find_transports();
	if (relays.wanted)
		relay_want_list();
}

static void on_unsure(const char *why)
{
	static time_t said;

	relays.counts.unsure++;
	relay_say(&said, LOG_NOTICE, "relay: all is compared anew: %s", why);
	relay_want_list();
}

static bool told_of_sas(const struct relay *g)
{
	struct item *i, *next;

	for (const struct tell *t = g->tells; t; t = t->next)
		table_for_each(i, next, &t->sent)
			if (i->key_len == sizeof(struct had_sa_id))
				return true;
	return false;
}

static void relay_role(struct had *had, struct had_group *group);

/*
 * An IKE daemon that starts flushes the kernel, and the remote ends know nothing of that: their SAs
 * are good. The peer goes on with them, and must not hear that they have gone before it does.
 */
static void give(struct relay *g, const char *why)
{
	const struct had_group *group = g->group;
	bool told = told_of_sas(g);

	if (!g->source || !group->conf || group->conf->on_flush != CONF_FLUSH_RELEASE ||
	    (!told && !group->sas))
		return;
	if (!told || !group->peer_synced || group->peer_missing ||
	    strcmp(group->peer_role, "standby")) {
		had_log(LOG_ERR, "relay: group %s: %s, and no peer can go on with them",
			group->name, why);
		return;
	}
	if (module_release(g->group, why))
		return;
	g->giving = GIVING;
	relay_role(relays.had, g->group);
}

static void on_flushed(const char *why)
{
	for (struct relay *g = relays.groups; g; g = g->next) {
		give(g, why);
		g->flushed = sink_is(g);
	}
	on_unsure(why);
}

static const struct xfrm_ops xfrm_ops = {
	.sa = on_sa, .sa_gone = on_sa_gone, .policy = on_policy, .policy_gone = on_policy_gone,
	.listed = on_listed, .unsure = on_unsure, .flushed = on_flushed,
};

static void set_addr(struct sockaddr_storage *to, const struct conf_ip *ip, const char *device)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)to;
	struct sockaddr_in *in = (struct sockaddr_in *)to;

	memset(to, 0, sizeof(*to));
	to->ss_family = ip->family;
	if (ip->family == AF_INET) {
		memcpy(&in->sin_addr, ip->a, 4);
	} else if (ip->family == AF_INET6) {
		memcpy(&in6->sin6_addr, ip->a, 16);
		if (IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr))
			in6->sin6_scope_id = if_nametoindex(device);
	}
}

static void on_peer_mac(struct nlattr **a, void *data)
{
	if (a[XFRM_HA_A_LINK_PEER] && nla_len(a[XFRM_HA_A_LINK_PEER]) == 6)
		memcpy(data, nla_data(a[XFRM_HA_A_LINK_PEER]), 6);
}

/* The module knows it, or the file. */
static bool peer_mac(const struct conf_link *l, uint8_t *mac)
{
	static const uint8_t none[6];
	struct nl_msg *msg;

	memset(mac, 0, 6);
	if (l->has_peer) {
		memcpy(mac, l->peer, 6);
		return true;
	}
	msg = nl_request(XFRM_HA_CMD_LINK_GET, 0);
	nla_put_string(msg, XFRM_HA_A_LINK_DEV, l->device);
	hushed = true;
	nl_talk(msg, XFRM_HA_A_LINK_MAX, on_peer_mac, mac);
	hushed = false;
	return memcmp(mac, none, 6);
}

static bool any_on(void)
{
	for (struct relay *g = relays.groups; g; g = g->next)
		if (g->on)
			return true;
	return false;
}

/* As soon as it is known what is here and who the peer is. */
static void find_transport(struct way *w)
{
	const struct conf_link *l = w->has_link ? &w->link : NULL;
	const struct conf_transport *t = &w->to;
	const char *key = t->key_file[0] ? t->key_file : l ? l->key_file : "";
	struct had_tls_config c = { .port = t->port };
	struct had_cpg_config cpg = { };
	int err;

	if (w->transport || w->failed)
		return;
	if (!key[0] || !strcmp(key, "-")) {
		had_log(LOG_ERR, "relay: nothing is replicated%s%s: no key-file",
			l ? " over link " : "", l ? l->name : "");
		w->failed = true;
		return;
	}
	if (t->kind == CONF_TRANSPORT_CPG) {
		snprintf(cpg.name, sizeof(cpg.name), "%s", t->cpg_group);
	} else if (t->peer.family && t->local.family) {
		set_addr(&c.own, &t->local, t->device);
		set_addr(&c.peer, &t->peer, t->device);
	} else if (l && peer_mac(l, c.peer_mac)) {
		snprintf(c.device, sizeof(c.device), "%s", t->device[0] ? t->device : l->device);
	} else {
		relay_say(&w->said, LOG_NOTICE, "relay: the peer's address is not known yet");
		return;
	}
	hushed = true;
	err = key_read(key, c.key);
	hushed = false;
	if (err) {
		relay_say(&w->said, LOG_ERR, "relay: there is no key in %s", key);
		return;
	}
	memcpy(cpg.key, c.key, sizeof(cpg.key));
	w->transport = t->kind == CONF_TRANSPORT_CPG ?
		       had_cpg_new(relays.had->base, &cpg, &session_ops, w) :
		       had_tls_new(relays.had->base, &c, &session_ops, w);
	explicit_bzero(&c, sizeof(c));
	explicit_bzero(&cpg, sizeof(cpg));
	if (!w->transport) {
		had_log(LOG_ERR, "relay: no %s",
			t->kind == CONF_TRANSPORT_CPG ? "Corosync" : "TLS");
		w->failed = true;
	}
}

static void find_transports(void)
{
	if (!relays.listed || !any_on())
		return;
	for (struct way *w = relays.ways; w; w = w->next)
		find_transport(w);
}

static void add_way(struct way ***tail, const struct conf_transport *t, const struct conf_link *l)
{
	struct way *w = calloc(1, sizeof(*w));

	if (!w) {
		had_log(LOG_ERR, "out of memory");
		return;
	}
	w->to = *t;
	memset(&w->to.at, 0, sizeof(w->to.at));
	if (l) {
		w->has_link = true;
		w->link = *l;
		w->link.next = NULL;
		memset(&w->link.at, 0, sizeof(w->link.at));
	}
	**tail = w;
	*tail = &w->next;
}

/* Does a group that is replicated have the link? */
static bool is_used(const struct conf *c, const struct conf_link *l)
{
	for (const struct conf_group *g = c->groups; g; g = g->next)
		if (g->replicate && conf_link_of(c, g) == l)
			return true;
	return false;
}

/*
 * The first link, or transport; the other links that groups have, whose peers a cluster has anyhow;
 * and what the file calls peers.
 */
static struct way *ways_of(const struct conf *c)
{
	bool cluster = c->transport.kind == CONF_TRANSPORT_CPG;
	const struct conf_transport by_itself = { .port = HAD_TRANSPORT_PORT };
	struct way *ways = NULL, **tail = &ways;

	if (c->links || c->has_transport || !c->peers)
		add_way(&tail, &c->transport, c->links);
	for (const struct conf_link *l = c->links ? c->links->next : NULL; l; l = l->next)
		if (!cluster && is_used(c, l))
			add_way(&tail, &by_itself, l);
	for (const struct conf_peer *p = c->peers; p; p = p->next)
		add_way(&tail, &p->to, NULL);
	return ways;
}

static bool same_ways(const struct way *a, const struct way *b)
{
	for (; a && b; a = a->next, b = b->next)
		if (memcmp(&a->to, &b->to, sizeof(a->to)) ||
		    memcmp(&a->link, &b->link, sizeof(a->link)))
			return false;
	return !a && !b;
}

static void free_ways(struct way *w)
{
	while (w) {
		struct way *next = w->next;

		had_transport_free(w->transport);
		free(w);
		w = next;
	}
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	for (struct session *s = relays.sessions; s; s = s->next)
		if (s->sent != s->acked && ++s->stalled > STALL) {
			s->stalled = 0;
			had_drop(s->peer, "it took nothing for too long");
		}
	for (struct relay *g = relays.groups; g; g = g->next) {
		sink_missing(g);
		store_tick(g);
		if (g->giving && !--g->giving)
			relay_role(relays.had, g->group);
	}
	retire_tick();
	if (relays.wanted)
		relay_want_list();
	find_transports();
}

static void set_match(struct had_match *m, const struct conf_match *c)
{
	memset(m, 0, sizeof(*m));
	m->has_reqid = c->has_reqid;
	m->reqid = c->reqid;
	m->has_if_id = c->has_if_id;
	m->if_id = c->if_id;
	m->has_mark = c->has_mark;
	m->mark_v = c->mark.value;
	m->mark_m = c->mark.mask;
	for (unsigned int i = 0; i < c->address.n && i < HAD_MATCH_ADDRS; i++) {
		m->addrs[m->n_addrs].family = c->address.ip[i].family;
		memcpy(&m->addrs[m->n_addrs++].addr, c->address.ip[i].a,
		       c->address.ip[i].family == AF_INET ? 4 : 16);
	}
}

static bool all_ours(const struct item *i)
{
	return !i->foreign;
}

static void relay_role(struct had *had, struct had_group *group)
{
	struct relay *g = group->relay;
	bool active;

	(void)had;
	if (!g)
		return;
	if (!had_active(group))
		g->giving = 0;
	active = g->on && had_active(group) && !g->giving;
	/*
	 * Without the group nobody holds what is installed; two nodes would send with the same
	 * numbers.
	 */
	if (!group->running && !g->source && g->mine.n) {
		had_log(LOG_WARNING, "relay: group %s has gone, so what was installed for it goes",
			group->name);
		relay_each_gone(g, &g->mine, all_ours, sink_remove);
	}
	if (active && !g->source) {
		g->teller = NULL;
		g->snapshot_open = false;
		for (struct tell *t = g->tells; t; t = t->next)
			t->fresh = true;
		relay_want_list();
	}
	if (!active && g->source)
		source_over(g);
	g->source = active;
	/* What the peer said while this node took nothing */
	if (sink_is(g) && !g->sink)
		sink_ask_again(g);
	g->sink = sink_is(g);
}

static struct relay *relay_new(struct had_group *group)
{
	struct relay *g = calloc(1, sizeof(*g));

	if (!g) {
		had_log(LOG_ERR, "out of memory");
		return NULL;
	}
	g->group = group;
	table_init(&g->mine);
	group->relay = g;
	return g;
}

static void relay_configured(struct had *had, const struct conf *old)
{
	struct way *ways = ways_of(had->conf), *before = relays.ways;
	struct relay **at = &relays.groups;
	bool changed = !old || !same_ways(ways, before);

	relays.groups = NULL;
	for (struct had_group *group = had->groups; group; group = group->next) {
		if (group->conf || !group->relay || !group->relay->on)
			continue;
		/* The file does not speak of it any more; what was installed stays. */
		group->relay->on = false;
		group->relay->store = false;
		relay_role(had, group);
		changed = true;
	}
	/* All groups: the first one that matches has it, replicated or not. */
	for (const struct conf_group *c = had->conf->groups; c; c = c->next) {
		struct had_group *group = had_group(had, c->name);
		struct relay *g = group ? group->relay : NULL;
		struct had_match match;

		if (group && !g)
			g = relay_new(group);
		if (!g)
			return;
		set_match(&match, &c->match);
		match.all_policies = c->policies == CONF_POLICIES_ALL;
		if (g->on != c->replicate || memcmp(&match, &g->match, sizeof(match)))
			changed = true;
		g->on = c->replicate;
		/* What was stored is installed, held. */
		if (g->store && !c->store)
			store_install(g);
		g->store = c->store;
		g->match = match;
		*at = g;
		at = &g->next;
		*at = NULL;
		relay_role(had, group);
	}
	/* The names of a HELLO are those of the connection. */
	if (changed) {
		free_ways(before);
		relays.ways = ways;
	} else {
		free_ways(ways);
	}
	for (struct way *w = relays.ways; w; w = w->next)
		w->failed = false;
	if (changed)
		relay_want_list();
}

static int relay_start(struct had *had)
{
	struct timeval second = { .tv_sec = 1 };
	OSSL_PARAM size[] = { OSSL_PARAM_END, OSSL_PARAM_END };
	unsigned int eight = 8;
	int err;

	relays.had = had;
	size[0] = OSSL_PARAM_construct_uint(OSSL_MAC_PARAM_SIZE, &eight);
	relays.mac = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
	relays.mac_ctx = relays.mac ? EVP_MAC_CTX_new(relays.mac) : NULL;
	if (getentropy(relays.instance, sizeof(relays.instance)) ||
	    getentropy(relays.digest_key, sizeof(relays.digest_key)) || !relays.mac_ctx ||
	    !EVP_MAC_init(relays.mac_ctx, relays.digest_key, sizeof(relays.digest_key), size)) {
		had_log(LOG_ERR, "relay: OpenSSL has no SipHash");
		return -1;
	}
	if (!store_open(had))
		return -1;
	err = xfrm_open(had->base, &xfrm_ops);
	if (err) {
		had_log(LOG_ERR, "relay: no netlink of xfrm: %s", strerror(-err));
		return -1;
	}
	relays.tick = event_new(had->base, -1, EV_PERSIST, on_tick, NULL);
	relays.soon = evtimer_new(had->base, on_soon, NULL);
	if (!relays.tick || !relays.soon)
		return -1;
	relays.open = true;
	evtimer_add(relays.tick, &second);
	return 0;
}

static void relay_stop(struct had *had)
{
	free_ways(relays.ways);
	relays.ways = NULL;
	if (relays.tick)
		event_free(relays.tick);
	if (relays.soon)
		event_free(relays.soon);
	relays.open = false;
	xfrm_close();
	for (struct had_group *g = had->groups; g; g = g->next) {
		if (!g->relay)
			continue;
		table_clear(&g->relay->mine);
		free(g->relay);
		g->relay = NULL;
	}
	EVP_MAC_CTX_free(relays.mac_ctx);
	EVP_MAC_free(relays.mac);
	store_close();
}

const struct had_part relay_part = {
	.name = "relay",
	.start = relay_start,
	.configured = relay_configured,
	.role = relay_role,
	.stop = relay_stop,
};
