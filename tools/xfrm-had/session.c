// SPDX-License-Identifier: GPL-2.0
/* What is said to each peer, and what it says: from its HELLO to its end. */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay.h"

#define WINDOW		4096		/* messages that the peer has not acknowledged */
#define ROOM_LEAST	(256 << 10)	/* octets of its queue that stay free of SAs and policies */
#define ACK_EVERY	64

/* Whether it may be told more now */
bool session_may_send(const struct session *s)
{
	return s->met && s->sent - s->acked < WINDOW && had_room(s->peer) >= ROOM_LEAST;
}

/*
 * The slowest peer holds up all, until it is dropped. Without peers events are read all the same:
 * they tell what has become of ours.
 */
void session_heed_window(void)
{
	bool pause = false;

	for (const struct session *s = relays.sessions; s; s = s->next)
		pause |= s->met && !session_may_send(s);
	xfrm_pause(pause);
}

bool session_send(struct session *s, struct had_wire_msg *m)
{
	size_t n = had_wire_encode(m, relays.message, sizeof(relays.message));
	int err;

	err = n ? had_send(s->peer, relays.message, n) : -EMSGSIZE;
	explicit_bzero(relays.message, n);
	if (err == -EMSGSIZE) {
		relays.counts.refused++;
		had_log(LOG_ERR, "relay: an SA or a policy is too long to be sent");
		return false;
	}
	if (err) {
		/* It stops far from that; but what is lost here would be missing there. */
		relays.counts.overload++;
		had_drop(s->peer, "its queue is full");
		return false;
	}
	if (m->type != HAD_WIRE_ACK) {
		s->sent++;
		session_heed_window();
	}
	return true;
}

uint16_t session_number(const struct relay *of)
{
	uint16_t n = 0;

	for (const struct relay *g = relays.groups; g; g = g->next) {
		if (!g->on)
			continue;
		n++;
		if (g == of)
			return n;
	}
	return 0;
}

bool session_knows(const struct session *s, const struct relay *g)
{
	for (unsigned int i = 0; i < s->hello.n_groups; i++)
		if (!strcmp(s->hello.groups[i].name, g->group->name))
			return true;
	return false;
}

static void send_hello(struct session *s)
{
	struct had_wire_msg m = { .type = HAD_WIRE_HELLO };

	m.hello.lowest = HAD_WIRE_LOWEST;
	m.hello.highest = HAD_WIRE_HIGHEST;
	memcpy(m.hello.instance, relays.instance, sizeof(relays.instance));
	snprintf(m.hello.node, sizeof(m.hello.node), "%.*s", HAD_WIRE_NAME_MAX,
		 relays.had->conf->node);
	for (struct relay *g = relays.groups; g; g = g->next)
		if (g->on && m.hello.n_groups < HAD_WIRE_GROUPS)
			strcpy(m.hello.groups[m.hello.n_groups++].name, g->group->name);
	session_send(s, &m);
}

void session_refuse(struct session *s, const char *format, ...)
{
	struct had_wire_msg m = { .type = HAD_WIRE_REFUSE };
	va_list ap;

	va_start(ap, format);
	vsnprintf(m.text, sizeof(m.text), format, ap);
	va_end(ap);
	/* It comes again and again. */
	if (strcmp(s->way->refusal, m.text))
		had_log(LOG_ERR, "relay: the peer is refused: %s", m.text);
	strcpy(s->way->refusal, m.text);
	session_send(s, &m);
	s->dropped = true;
	had_drop(s->peer, m.text);
}

static void on_hello(struct session *s, const struct had_wire_msg *m)
{
	int version = had_wire_version(&m->hello);
	struct relay *g;

	if (s->met) {
		session_refuse(s, "a second HELLO");
		return;
	}
	if (!memcmp(m->hello.instance, relays.instance, sizeof(relays.instance))) {
		session_refuse(s, "this node has met itself");
		return;
	}
	if (!version) {
		session_refuse(s, "node %.20s speaks protocol versions %u to %u, %.20s %u to %u",
			       relays.had->conf->node, HAD_WIRE_LOWEST, HAD_WIRE_HIGHEST,
			       m->hello.node, m->hello.lowest, m->hello.highest);
		return;
	}
	if (!m->hello.same_layout) {
		session_refuse(s, "%s: nodes %.20s and %.20s",
			       "other orders of octets, or structures",
			       relays.had->conf->node, m->hello.node);
		return;
	}
	s->met = true;
	s->hello = m->hello;
	s->way->refusal[0] = '\0';
	had_log(LOG_NOTICE, "relay: node %s is there, version %d", m->hello.node, version);
	for (g = relays.groups; g; g = g->next) {
		if (g->on && session_knows(s, g))
			source_add(g, s);
		else if (g->on && !relays.ways->next && s->way->to.kind == CONF_TRANSPORT_TLS)
			had_log(LOG_WARNING, "relay: the peer does not replicate group %s",
				g->group->name);
	}
	relay_want_list();
	for (g = relays.groups; g; g = g->next)
		store_tell(g);
}

static void on_again(struct session *s, const struct had_wire_msg *m)
{
	struct relay *g = m->group <= s->hello.n_groups ?
			  relay_by_name(s->hello.groups[m->group - 1].name) : NULL;
	struct tell *t = g ? source_tell(g, s) : NULL;

	if (!t)
		return;
	t->fresh = true;
	if (g->source)
		relay_want_list();
	else
		store_tell(g);
}

static void on_ack(struct session *s, const struct had_wire_msg *m)
{
	if (m->number > s->sent || m->number < s->acked) {
		session_refuse(s, "it acknowledges what was not sent");
		return;
	}
	if (m->number != s->acked)
		s->stalled = 0;
	s->acked = m->number;
}

static void on_message(struct session *s, const struct had_wire_msg *m)
{
	struct relay *g;

	if (!s->met && m->type != HAD_WIRE_HELLO && m->type != HAD_WIRE_REFUSE) {
		session_refuse(s, "no HELLO");
		return;
	}
	switch (m->type) {
	case HAD_WIRE_HELLO:
		on_hello(s, m);
		return;
	case HAD_WIRE_REFUSE:
		if (strcmp(s->way->refusal, m->text))
			had_log(LOG_ERR, "relay: the peer refuses: %s", m->text);
		strcpy(s->way->refusal, m->text);
		return;
	case HAD_WIRE_ACK:
		on_ack(s, m);
		return;
	case HAD_WIRE_AGAIN:
		on_again(s, m);
		return;
	}
	g = sink_of(s, m);
	if (g)
		sink_message(g, s, m);
	else
		relays.counts.ignored++;
}

static void acknowledge(struct session *s)
{
	struct had_wire_msg m = { .type = HAD_WIRE_ACK, .number = s->taken };

	sink_push();
	if (s->told != s->taken && s->met && session_send(s, &m))
		s->told = s->taken;
}

static void *on_up(void *user, struct had_peer *p)
{
	struct session *s = calloc(1, sizeof(*s));

	if (!s) {
		had_drop(p, "out of memory");
		return NULL;
	}
	s->way = user;
	s->peer = p;
	s->next = relays.sessions;
	relays.sessions = s;
	send_hello(s);
	return s;
}

static void on_down(void *session, const char *why)
{
	struct session *s = session, **at = &relays.sessions;
	struct had_group *group;

	if (!s)
		return;
	if (s->met) {
		relays.counts.overload += s->sent - s->acked >= WINDOW;
		had_log(LOG_NOTICE, "relay: node %s is not there any more: %s; %llu messages wait",
			s->hello.node, why, (unsigned long long)(s->sent - s->acked));
	}
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	for (group = relays.had->groups; group; group = group->next) {
		if (!group->relay)
			continue;
		source_drop(group->relay, s);
		if (group->relay->teller == s)
			sink_unheard(group->relay);
	}
	free(s);
	session_heed_window();
}

/* What waited until the peer, or the store, could go on */
static void go_on(void)
{
	session_heed_window();
	for (struct relay *g = relays.groups; g; g = g->next)
		store_tell(g);
}

/* Return: octets that were dealt with, or -1 */
static long take(struct session *s, const void *data, size_t len)
{
	struct had_wire_msg m;
	size_t n = 0;
	long got;

	while ((got = had_wire_decode((const uint8_t *)data + n, len - n, &m)) > 0) {
		n += got;
		if (m.type != HAD_WIRE_ACK)
			s->taken++;
		if (m.type > HAD_WIRE_DONE)
			continue;
		on_message(s, &m);
		if (s->dropped)
			return n;
		if (s->taken - s->told >= ACK_EVERY)
			acknowledge(s);
	}
	return got < 0 ? -1 : (long)n;
}

static long on_receive(void *session, const void *data, size_t len)
{
	struct session *s = session;
	long n;

	if (!s)
		return len;
	n = take(s, data, len);
	sink_push();
	if (n < 0 || s->dropped)
		return n;
	acknowledge(s);
	go_on();
	return n;
}

static void on_writable(void *session)
{
	if (!session)
		return;
	acknowledge(session);
	go_on();
}

static void on_say(void *user, int priority, const char *text)
{
	(void)user;
	had_log(priority, "%s", text);
}

const struct had_transport_ops session_ops = {
	.up = on_up, .down = on_down, .receive = on_receive, .writable = on_writable,
	.say = on_say,
};
