/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a transport's user does in its tests, tls.c and cpg.c: it says chunks of CHUNK octets, each
 * of which has its number in all of them, and looks at those that come.
 */
#ifndef STREAM_H
#define STREAM_H

#include <stdbool.h>

#include "had_test.h"
#include "transport.h"

#define CHUNK	5000

/* What the user of a transport is told and does; the first member of what that is given. */
struct side {
	unsigned int ups, downs, writables;
	bool choke;		/* nothing is understood */
	unsigned int pump;	/* so many chunks are said as there is room; 0: none by itself */
	char why[128], said[256];
};

/* One peer of his */
struct stream {
	struct side *side;
	struct had_peer *peer;
	unsigned int got, sent;
};

static void pump(struct stream *s)
{
	uint8_t chunk[CHUNK];

	while (s->sent < s->side->pump) {
		memset(chunk, s->sent, sizeof(chunk));
		if (had_send(s->peer, chunk, sizeof(chunk)))
			return;
		s->sent++;
	}
}

static long receive(void *session, const void *data, size_t len)
{
	struct stream *s = session;
	const uint8_t *p = data;
	size_t n = 0, i;

	if (s->side->choke)
		return -1;
	while (len - n >= CHUNK) {
		for (i = 0; i < CHUNK; i++)
			expect(p[n + i] == (uint8_t)s->got, "octet %zu of chunk %u", i, s->got);
		n += CHUNK;
		s->got++;
	}
	return n;
}

static void writable(void *session)
{
	struct stream *s = session;

	s->side->writables++;
	pump(s);
}

static void said(void *user, int priority, const char *text)
{
	struct side *side = user;

	(void)priority;
	snprintf(side->said, sizeof(side->said), "%s", text);
}

#endif
