// SPDX-License-Identifier: GPL-2.0
/* What the peers are told of the groups that are active here. */

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "relay.h"

struct tell *source_tell(const struct relay *g, const struct session *to)
{
	struct tell *t = g->tells;

	while (t && t->to != to)
		t = t->next;
	return t;
}

/* A peer has come that knows the group. */
void source_add(struct relay *g, struct session *to)
{
	struct tell *t = calloc(1, sizeof(*t));

	if (!t) {
		had_drop(to->peer, "out of memory");
		return;
	}
	table_init(&t->sent);
	t->to = to;
	t->fresh = true;
	t->next = g->tells;
	g->tells = t;
}

void source_drop(struct relay *g, const struct session *to)
{
	struct tell **at = &g->tells, *t;

	while ((t = *at) && t->to != to)
		at = &t->next;
	if (!t)
		return;
	*at = t->next;
	table_clear(&t->sent);
	free(t);
}

/* This node is not active for it any more. */
void source_over(struct relay *g)
{
	struct had_wire_msg m = {
		.type = HAD_WIRE_DONE, .flags = HAD_WIRE_F_SKIP, .group = session_number(g),
	};

	for (struct tell *t = g->tells; t; t = t->next) {
		table_clear(&t->sent);
		t->telling = false;
		t->whole = false;
		t->fresh = true;
		if (m.group)
			session_send(t->to, &m);
	}
}

void source_gone(const struct relay *g, const struct tell *t, const struct item *i)
{
	struct had_wire_msg m = { .group = session_number(g) };

	if (i->key_len == sizeof(m.sa)) {
		m.type = HAD_WIRE_SA_GONE;
		memcpy(&m.sa, i->key, sizeof(m.sa));
	} else {
		m.type = HAD_WIRE_POLICY_GONE;
		memcpy(&m.policy, i->key, sizeof(m.policy));
	}
	if (session_send(t->to, &m))
		relays.counts.sent++;
}

void source_forget(struct relay *g, const void *key, size_t len)
{
	for (struct tell *t = g->tells; t; t = t->next) {
		struct item *i = table_find(&t->sent, key, len);

		if (!i)
			continue;
		source_gone(g, t, i);
		table_del(&t->sent, i);
	}
}

/* Of another group it is no more. */
void source_only_of(struct relay *of, const void *key, size_t len)
{
	for (struct relay *g = relays.groups; g; g = g->next)
		if (g != of)
			source_forget(g, key, len);
}

/* Return: whether it is to be sent; then it counts as sent. */
static bool news(struct tell *t, const void *key, size_t len, uint64_t now)
{
	struct item *i = table_find(&t->sent, key, len);

	if (!i)
		i = table_add(&t->sent, key, len);
	if (!i) {
		had_drop(t->to->peer, "out of memory");
		return false;
	}
	i->round = relays.round;
	if (i->digest == now)
		return false;
	i->digest = now;
	return true;
}

/* Events wait until the peer was told all. */
static bool is_told(const struct tell *t, bool listing)
{
	return listing ? t->telling : !t->fresh;
}

void source_sa(struct relay *g, const struct had_sa *sa, const void *body, size_t len,
	       bool listing)
{
	struct had_departure from = { .now = time(NULL), .device_name = offload_name };
	struct had_wire_msg m = { .type = HAD_WIRE_SA, .group = session_number(g) };
	static time_t said;
	uint64_t digest;

	/* As long as it is negotiated it is no SA. */
	if (!sa->id.spi || !g->tells)
		return;
	if (sa->redacted || sa->no_key || sa->info.sel.ifindex) {
		relays.counts.refused++;
		relay_say(&said, LOG_ERR, "relay: an SA of group %s, SPI %08x, stays here: %s",
			  g->group->name, ntohl(sa->id.spi), sa->info.sel.ifindex ?
			   "its selector names a device" : "the kernel does not give its key away");
		return;
	}
	digest = relay_sa_digest(body, len, true);
	for (struct tell *t = g->tells; t; t = t->next) {
		if (!is_told(t, listing) || !news(t, &sa->id, sizeof(sa->id), digest))
			continue;
		if (!m.body)
			m.body_len = had_sa_depart(body, len, &from, relays.body,
						   sizeof(relays.body));
		m.body = relays.body;
		if (session_send(t->to, &m)) {
			relays.counts.sent++;
			t->n_sas++;
		}
	}
	explicit_bzero(relays.body, m.body_len);
}

void source_policy(struct relay *g, const struct had_policy *p, const void *body, size_t len,
		   bool listing)
{
	struct had_departure from = { .now = time(NULL), .device_name = offload_name };
	struct had_wire_msg m = { .type = HAD_WIRE_POLICY, .group = session_number(g) };
	static time_t said;
	uint64_t digest;

	if (!g->tells)
		return;
	if (p->info.sel.ifindex) {
		relays.counts.refused++;
		relay_say(&said, LOG_ERR, "relay: a policy of group %s stays here: %s",
			  g->group->name, "its selector names a device");
		return;
	}
	digest = relay_policy_digest(body, len, true);
	for (struct tell *t = g->tells; t; t = t->next) {
		if (!is_told(t, listing) || !news(t, &p->id, sizeof(p->id), digest))
			continue;
		if (!m.body)
			m.body_len = had_policy_depart(body, len, &from, relays.body,
						       sizeof(relays.body));
		m.body = relays.body;
		if (session_send(t->to, &m)) {
			relays.counts.sent++;
			t->n_policies++;
		}
	}
}

/* @flags, @term: of BEGIN */
bool source_begin(struct relay *g, struct tell *t, uint8_t flags, uint32_t term)
{
	struct had_wire_msg m = {
		.type = HAD_WIRE_BEGIN, .flags = flags, .group = session_number(g), .term = term,
	};

	m.number = ++t->snapshot;
	t->n_sas = 0;
	t->n_policies = 0;
	t->fresh = false;
	table_clear(&t->sent);
	return session_send(t->to, &m);
}

void source_end(struct relay *g, struct tell *t)
{
	struct had_wire_msg m = { .type = HAD_WIRE_END, .group = session_number(g) };

	m.number = t->snapshot;
	m.sas = t->n_sas;
	m.policies = t->n_policies;
	if (!session_send(t->to, &m))
		return;
	relays.counts.snapshots++;
	had_log(LOG_INFO, "relay: group %s: node %s was told of %u SAs, %u policies",
		g->group->name, t->to->hello.node, m.sas, m.policies);
}

/* Policies first: none is to ask for an SA that has gone. */
static void forget_not_listed(struct relay *g, struct tell *t, size_t key_len)
{
	struct item *i, *next;

	table_for_each(i, next, &t->sent) {
		if (i->key_len != key_len || !relay_not_listed(i))
			continue;
		source_gone(g, t, i);
		table_del(&t->sent, i);
	}
}

/* All that there is was listed. */
void source_listed(struct relay *g)
{
	for (struct tell *t = g->tells; t; t = t->next) {
		if (!t->telling)
			continue;
		forget_not_listed(g, t, sizeof(struct had_policy_id));
		forget_not_listed(g, t, sizeof(struct had_sa_id));
		if (t->whole)
			source_end(g, t);
	}
}
