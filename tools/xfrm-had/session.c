// SPDX-License-Identifier: GPL-2.0
/* What is said to the peer, and what it says: from its HELLO to its end. */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "relay.h"

#define WINDOW		4096		/* messages that the peer has not acknowledged */
#define ROOM_LEAST	(256 << 10)	/* octets of its queue that stay free of SAs and policies */
#define ACK_EVERY	64

/* Whether a source may say more now */
static bool may_send(void)
{
	return relays.peer && relays.met && relays.sent - relays.acked < WINDOW &&
	       had_room(relays.peer) >= ROOM_LEAST;
}

void session_heed_window(void)
{
	/* Without a peer events are read all the same: they tell what has become of ours. */
	xfrm_pause(relays.peer && relays.met && !may_send());
}

bool session_send(struct had_wire_msg *m)
{
	size_t n = had_wire_encode(m, relays.message, sizeof(relays.message));
	int err;

	if (!relays.peer)
		return false;
	err = n ? had_send(relays.peer, relays.message, n) : -EMSGSIZE;
	explicit_bzero(relays.message, n);
	if (err == -EMSGSIZE) {
		relays.counts.refused++;
		had_log(LOG_ERR, "relay: an SA or a policy is too long to be sent");
		return false;
	}
	if (err) {
		/* It stops far from that; but what is lost here would be missing there. */
		relays.counts.overload++;
		had_drop(relays.peer, "its queue is full");
		return false;
	}
	if (m->type != HAD_WIRE_ACK) {
		relays.sent++;
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

bool session_knows(const struct relay *g)
{
	for (unsigned int i = 0; i < relays.hello.n_groups; i++)
		if (!strcmp(relays.hello.groups[i].name, g->group->name))
			return true;
	return false;
}

static void send_hello(void)
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
	session_send(&m);
}

void session_refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));
void session_refuse(const char *format, ...)
{
	struct had_wire_msg m = { .type = HAD_WIRE_REFUSE };
	va_list ap;

	va_start(ap, format);
	vsnprintf(m.text, sizeof(m.text), format, ap);
	va_end(ap);
	/* It comes again and again. */
	if (strcmp(relays.refusal, m.text))
		had_log(LOG_ERR, "relay: the peer is refused: %s", m.text);
	strcpy(relays.refusal, m.text);
	session_send(&m);
	relays.dropped = true;
	had_drop(relays.peer, m.text);
}

static void on_hello(const struct had_wire_msg *m)
{
	int version = had_wire_version(&m->hello);
	struct relay *g;

	if (relays.met) {
		session_refuse("a second HELLO");
		return;
	}
	if (!memcmp(m->hello.instance, relays.instance, sizeof(relays.instance))) {
		session_refuse("this node has met itself");
		return;
	}
	if (!version) {
		session_refuse("node %.20s speaks protocol versions %u to %u, %.20s %u to %u",
			       relays.had->conf->node, HAD_WIRE_LOWEST, HAD_WIRE_HIGHEST,
			       m->hello.node, m->hello.lowest, m->hello.highest);
		return;
	}
	if (!m->hello.same_layout) {
		session_refuse("nodes %.20s and %.20s have other orders of octets, or structures",
			       relays.had->conf->node, m->hello.node);
		return;
	}
	relays.met = true;
	relays.hello = m->hello;
	relays.refusal[0] = '\0';
	had_log(LOG_NOTICE, "relay: node %s is there, version %d", m->hello.node, version);
	for (g = relays.groups; g; g = g->next) {
		if (g->on && !session_knows(g))
			had_log(LOG_WARNING, "relay: the peer does not replicate group %s",
				g->group->name);
		g->fresh = g->source;
	}
	relay_want_list();
}

static void on_again(const struct had_wire_msg *m)
{
	struct relay *g = m->group <= relays.hello.n_groups ?
			  relay_by_name(relays.hello.groups[m->group - 1].name) : NULL;

	if (g && source_is(g)) {
		g->fresh = true;
		relay_want_list();
	}
}

static void on_ack(const struct had_wire_msg *m)
{
	if (m->number > relays.sent || m->number < relays.acked) {
		session_refuse("it acknowledges what was not sent");
		return;
	}
	if (m->number != relays.acked)
		relays.stalled = 0;
	relays.acked = m->number;
}

static void on_message(const struct had_wire_msg *m)
{
	struct relay *g;

	if (!relays.met && m->type != HAD_WIRE_HELLO && m->type != HAD_WIRE_REFUSE) {
		session_refuse("no HELLO");
		return;
	}
	switch (m->type) {
	case HAD_WIRE_HELLO:
		on_hello(m);
		return;
	case HAD_WIRE_REFUSE:
		if (strcmp(relays.refusal, m->text))
			had_log(LOG_ERR, "relay: the peer refuses: %s", m->text);
		strcpy(relays.refusal, m->text);
		return;
	case HAD_WIRE_ACK:
		on_ack(m);
		return;
	case HAD_WIRE_AGAIN:
		on_again(m);
		return;
	}
	g = sink_of(m);
	if (g)
		sink_message(g, m);
	else
		relays.counts.ignored++;
}

static void acknowledge(void)
{
	struct had_wire_msg m = { .type = HAD_WIRE_ACK, .number = relays.taken };

	if (relays.told != relays.taken && relays.met && session_send(&m))
		relays.told = relays.taken;
}

static void *on_up(void *user, struct had_peer *p)
{
	(void)user;
	relays.peer = p;
	relays.met = false;
	memset(&relays.hello, 0, sizeof(relays.hello));
	relays.sent = 0;
	relays.acked = 0;
	relays.taken = 0;
	relays.told = 0;
	relays.stalled = 0;
	relays.dropped = false;
	send_hello();
	return p;
}

static void on_down(void *session, const char *why)
{
	struct relay *g;

	/* Its successor may be there already. */
	if (session != relays.peer)
		return;
	if (relays.met) {
		relays.counts.overload += !may_send();
		had_log(LOG_NOTICE, "relay: node %s is not there any more: %s; %llu messages wait",
			relays.hello.node, why,
			(unsigned long long)(relays.sent - relays.acked));
	}
	relays.peer = NULL;
	relays.met = false;
	for (g = relays.groups; g; g = g->next) {
		table_clear(&g->sent);
		g->telling = false;
		g->whole = false;
		g->snapshot_open = false;
	}
	session_heed_window();
}

static long on_receive(void *session, const void *data, size_t len)
{
	struct had_wire_msg m;
	size_t n = 0;
	long got;

	if (session != relays.peer)
		return len;
	while ((got = had_wire_decode((const uint8_t *)data + n, len - n, &m)) > 0) {
		n += got;
		if (m.type != HAD_WIRE_ACK)
			relays.taken++;
		if (m.type > HAD_WIRE_AGAIN)
			continue;
		on_message(&m);
		if (relays.dropped)
			return n;
		if (relays.taken - relays.told >= ACK_EVERY)
			acknowledge();
	}
	if (got < 0)
		return -1;
	acknowledge();
	session_heed_window();
	return n;
}

static void on_writable(void *session)
{
	(void)session;
	acknowledge();
	session_heed_window();
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
