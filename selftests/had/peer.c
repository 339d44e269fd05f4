// SPDX-License-Identifier: GPL-2.0
/*
 * peer KEY-FILE (DEVICE PEER-MAC | cpg -) WHAT: a peer that has the key, and does not behave. What
 * it hears is printed, a line for each message; it ends when it is dropped.
 *
 *	version  speaks versions that nobody knows
 *	mute     says no HELLO
 *	echo     says the other end's own HELLO
 *	twice    says HELLO twice
 *	nonsense says what is no message, after its HELLO
 *	stranger claims groups that are not its own, and an SA that is not the group's
 *	ack      acknowledges what was never sent
 */

#include <event2/event.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "messages.h"
#include "transport.h"
#include "wire.h"

static struct event_base *base;
static struct had_peer *peer;
static const char *what;
static int status = 1;

static void say(struct had_wire_msg *m)
{
	static uint8_t buf[HAD_WIRE_MAX];
	size_t n = had_wire_encode(m, buf, sizeof(buf));

	had_send(peer, buf, n);
}

static void hello(void)
{
	struct had_wire_msg m = { .type = HAD_WIRE_HELLO };

	m.hello.lowest = strcmp(what, "version") ? HAD_WIRE_LOWEST : 7;
	m.hello.highest = strcmp(what, "version") ? HAD_WIRE_HIGHEST : 9;
	strcpy(m.hello.node, "odd");
	strcpy(m.hello.groups[0].name, "vpn");
	strcpy(m.hello.groups[1].name, "none");
	m.hello.n_groups = 2;
	say(&m);
}

/* Of group vpn in the file of the test, and not: SPI 0x1001 of sa1 is between other addresses. */
static void claims(void)
{
	static uint8_t body[sizeof(sa1)];
	struct had_wire_msg m = { .group = 2 };
	struct xfrm_usersa_info *sa = (void *)body;

	m.type = HAD_WIRE_SA;
	m.body = sa1;
	m.body_len = sizeof(sa1);
	say(&m);
	m.group = 3;
	say(&m);
	memcpy(body, sa1, sizeof(sa1));
	sa->id.daddr.a4 = htonl(0xcb007109);
	sa->saddr.a4 = htonl(0xcb007101);
	m.group = 1;
	m.body = body;
	say(&m);
	m.type = HAD_WIRE_SA_GONE;
	m.sa = (struct had_sa_id){ .family = AF_INET, .proto = IPPROTO_ESP,
				   .spi = htonl(0x7001), .daddr.a4 = htonl(0xcb007102) };
	say(&m);
	/* An end without its beginning is an error: it tells that all before was read. */
	m.type = HAD_WIRE_END;
	say(&m);
}

static void *up(void *user, struct had_peer *p)
{
	struct had_wire_msg m = { .type = HAD_WIRE_ACK, .number = 1000 };

	(void)user;
	peer = p;
	if (!strcmp(what, "mute")) {
		m.number = 0;
		say(&m);
	} else if (strcmp(what, "echo")) {
		hello();
	}
	if (!strcmp(what, "twice"))
		hello();
	if (!strcmp(what, "nonsense"))
		had_send(p, "\377\377\377\377\377\377\377\377", 8);
	if (!strcmp(what, "ack"))
		say(&m);
	if (!strcmp(what, "stranger"))
		claims();
	return p;
}

static void down(void *session, const char *why)
{
	(void)session;
	printf("down: %s\n", why);
	status = 0;
	event_base_loopbreak(base);
}

static long receive(void *session, const void *data, size_t len)
{
	struct had_wire_msg m;
	long n, all = 0;

	(void)session;
	while ((n = had_wire_decode((const uint8_t *)data + all, len - all, &m)) > 0) {
		all += n;
		if (m.type == HAD_WIRE_HELLO)
			printf("hello: %s\n", m.hello.node);
		else if (m.type == HAD_WIRE_REFUSE)
			printf("refuse: %s\n", m.text);
		else
			printf("type %u\n", m.type);
		if (m.type == HAD_WIRE_HELLO && !strcmp(what, "echo"))
			say(&m);
	}
	fflush(stdout);
	return all;
}

static void nothing(void *session)
{
	(void)session;
}

static void log_(void *user, int priority, const char *text)
{
	(void)user;
	fprintf(stderr, "%d %s\n", priority, text);
}

static const struct had_transport_ops ops = {
	.up = up, .down = down, .receive = receive, .writable = nothing, .say = log_,
};

int main(int argc, char **argv)
{
	struct timeval late = { .tv_sec = 30 };
	struct had_cpg_config cpg = {};
	struct had_tls_config c = {};
	struct had_transport *t;
	unsigned int i, b;
	FILE *f;

	if (argc != 5)
		return 2;
	f = fopen(argv[1], "r");
	for (i = 0; f && i < HAD_KEY_LEN && fscanf(f, "%2x", &b) == 1; i++)
		c.key[i] = b;
	if (i != HAD_KEY_LEN)
		return 2;
	fclose(f);
	snprintf(c.device, sizeof(c.device), "%s", argv[2]);
	for (i = 0; i < 6; i++)
		c.peer_mac[i] = strtoul(argv[3] + 3 * i, NULL, 16);
	what = argv[4];
	base = event_base_new();
	memcpy(cpg.key, c.key, sizeof(cpg.key));
	t = strcmp(argv[2], "cpg") ? had_tls_new(base, &c, &ops, NULL) :
				     had_cpg_new(base, &cpg, &ops, NULL);
	if (!t)
		return 2;
	event_base_loopexit(base, &late);
	event_base_dispatch(base);
	fflush(stdout);
	_exit(status);
}
