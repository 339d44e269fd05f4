// SPDX-License-Identifier: GPL-2.0
/* What the peer is told of the groups that are active here. */

#include <netinet/in.h>
#include <string.h>
#include <time.h>

#include "relay.h"

bool source_is(const struct relay *g)
{
	return g->source && relays.peer && relays.met && session_knows(g);
}

static void send_gone(const struct relay *g, const struct item *i)
{
	struct had_wire_msg m = { .group = session_number(g) };

	if (i->key_len == sizeof(m.sa)) {
		m.type = HAD_WIRE_SA_GONE;
		memcpy(&m.sa, i->key, sizeof(m.sa));
	} else {
		m.type = HAD_WIRE_POLICY_GONE;
		memcpy(&m.policy, i->key, sizeof(m.policy));
	}
	if (session_send(&m))
		relays.counts.sent++;
}

void source_forget(struct relay *g, const void *key, size_t len)
{
	struct item *i = table_find(&g->sent, key, len);

	if (!i)
		return;
	if (source_is(g))
		send_gone(g, i);
	table_del(&g->sent, i);
}

static void sent_gone(struct relay *g, struct item *i)
{
	send_gone(g, i);
	table_del(&g->sent, i);
}

/* Of another group it is no more. */
void source_only_of(struct relay *of, const void *key, size_t len)
{
	for (struct relay *g = relays.groups; g; g = g->next)
		if (g != of)
			source_forget(g, key, len);
}

/* Return: whether it is to be sent; then it counts as sent. */
static bool news(struct relay *g, const void *key, size_t len, uint64_t now)
{
	struct item *i = table_find(&g->sent, key, len);

	if (!i)
		i = table_add(&g->sent, key, len);
	if (!i) {
		had_drop(relays.peer, "out of memory");
		return false;
	}
	i->round = relays.round;
	if (i->digest == now)
		return false;
	i->digest = now;
	return true;
}

void source_sa(struct relay *g, const struct had_sa *sa, const void *body, size_t len)
{
	struct had_departure from = { .now = time(NULL), .device_name = offload_name };
	struct had_wire_msg m = { .type = HAD_WIRE_SA, .group = session_number(g) };
	static time_t said;

	/* As long as it is negotiated it is no SA. */
	if (!sa->id.spi)
		return;
	if (sa->redacted || sa->no_key || sa->info.sel.ifindex) {
		relays.counts.refused++;
		relay_say(&said, LOG_ERR, "relay: an SA of group %s, SPI %08x, stays here: %s",
			  g->group->name, ntohl(sa->id.spi), sa->info.sel.ifindex ?
			   "its selector names a device" : "the kernel does not give its key away");
		return;
	}
	if (!news(g, &sa->id, sizeof(sa->id), relay_sa_digest(body, len, true)))
		return;
	m.body_len = had_sa_depart(body, len, &from, relays.body, sizeof(relays.body));
	m.body = relays.body;
	if (session_send(&m)) {
		relays.counts.sent++;
		g->n_sas++;
	}
	explicit_bzero(relays.body, m.body_len);
}

void source_policy(struct relay *g, const struct had_policy *p, const void *body, size_t len)
{
	struct had_departure from = { .now = time(NULL), .device_name = offload_name };
	struct had_wire_msg m = { .type = HAD_WIRE_POLICY, .group = session_number(g) };
	static time_t said;

	if (p->info.sel.ifindex) {
		relays.counts.refused++;
		relay_say(&said, LOG_ERR, "relay: a policy of group %s stays here: %s",
			  g->group->name, "its selector names a device");
		return;
	}
	if (!news(g, &p->id, sizeof(p->id), relay_policy_digest(body, len, true)))
		return;
	m.body_len = had_policy_depart(body, len, &from, relays.body, sizeof(relays.body));
	m.body = relays.body;
	if (session_send(&m)) {
		relays.counts.sent++;
		g->n_policies++;
	}
}

void source_begin(struct relay *g)
{
	struct had_wire_msg m = { .type = HAD_WIRE_BEGIN, .group = session_number(g) };

	m.number = ++g->snapshot;
	g->n_sas = 0;
	g->n_policies = 0;
	table_clear(&g->sent);
	session_send(&m);
}

static void source_end(struct relay *g)
{
	struct had_wire_msg m = { .type = HAD_WIRE_END, .group = session_number(g) };

	m.number = g->snapshot;
	m.sas = g->n_sas;
	m.policies = g->n_policies;
	if (!session_send(&m))
		return;
	relays.counts.snapshots++;
	had_log(LOG_INFO, "relay: group %s: the peer was told of %u SAs, %u policies",
		g->group->name, m.sas, m.policies);
}

/* All that there is was listed. */
void source_listed(struct relay *g)
{
	if (g->telling)
		relay_each_gone(g, &g->sent, relay_not_listed, sent_gone);
	/* The peer may have been dropped by that. */
	if (g->telling && g->whole)
		source_end(g);
}
