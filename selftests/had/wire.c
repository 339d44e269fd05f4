// SPDX-License-Identifier: GPL-2.0
/*
 * The relay's messages: what is encoded is decoded; whatever comes, nothing is read beyond its
 * end (the sanitizer watches), and what is accepted is within bounds and can be shown.
 */

#include <errno.h>

#include "had_test.h"
#include "wire.h"

static uint8_t frame[HAD_WIRE_MAX], body[HAD_WIRE_BODY_MAX + 1];
static size_t frame_len;

static void any_text(char *to, size_t most)
{
	size_t n = below(most + 1), i;

	for (i = 0; i < n; i++)
		to[i] = ' ' + below('~' - ' ' + 1);
	to[n] = '\0';
}

static void any_message(struct had_wire_msg *m)
{
	unsigned int i;

	memset(m, 0, sizeof(*m));
	m->type = HAD_WIRE_HELLO + below(HAD_WIRE_DONE);
	m->flags = below(4);
	m->group = 1 + below(HAD_WIRE_GROUPS);
	switch (m->type) {
	case HAD_WIRE_HELLO:
		m->hello.lowest = HAD_WIRE_LOWEST;
		m->hello.highest = HAD_WIRE_HIGHEST + below(3);
		noise(m->hello.instance, sizeof(m->hello.instance));
		any_text(m->hello.node, HAD_WIRE_NAME_MAX);
		m->hello.n_groups = below(HAD_WIRE_GROUPS + 1);
		for (i = 0; i < m->hello.n_groups; i++) {
			any_text(m->hello.groups[i].name, HAD_WIRE_GROUP_MAX);
			m->hello.groups[i].flags = rnd();
		}
		break;
	case HAD_WIRE_REFUSE:
		any_text(m->text, HAD_WIRE_TEXT_MAX);
		break;
	case HAD_WIRE_END:
		m->sas = rnd();
		m->policies = rnd();
		/* fall through */
	case HAD_WIRE_ACK:
		m->number = rnd();
		break;
	case HAD_WIRE_BEGIN:
		m->number = rnd();
		m->term = rnd();
		break;
	case HAD_WIRE_SA:
	case HAD_WIRE_POLICY:
		m->body_len = below(8) ? below(600) : below(HAD_WIRE_BODY_MAX + 1);
		noise(body, m->body_len);
		m->body = body;
		break;
	case HAD_WIRE_SA_GONE:
		noise(&m->sa, sizeof(m->sa));
		m->sa.pad = 0;
		break;
	case HAD_WIRE_POLICY_GONE:
		noise(&m->policy, sizeof(m->policy));
		m->policy.pad = 0;
		break;
	}
}

static void same(const struct had_wire_msg *a, const struct had_wire_msg *b)
{
	unsigned int i;

	expect(a->type == b->type && a->flags == b->flags && a->group == b->group, "header");
	expect(a->term == b->term, "term");
	expect(a->number == b->number && a->sas == b->sas && a->policies == b->policies, "numbers");
	expect(!strcmp(a->text, b->text), "text");
	expect(a->body_len == b->body_len, "length");
	expect(!a->body_len || !memcmp(a->body, b->body, a->body_len), "body");
	expect(!memcmp(&a->sa, &b->sa, sizeof(a->sa)), "SA");
	expect(!memcmp(&a->policy, &b->policy, sizeof(a->policy)), "policy");
	if (a->type != HAD_WIRE_HELLO)
		return;
	expect(a->hello.lowest == b->hello.lowest && a->hello.highest == b->hello.highest,
	       "versions");
	expect(!memcmp(a->hello.instance, b->hello.instance, HAD_WIRE_INSTANCE), "instance");
	expect(!strcmp(a->hello.node, b->hello.node), "node");
	expect(b->hello.same_layout, "layout");
	expect(a->hello.n_groups == b->hello.n_groups, "groups");
	for (i = 0; i < a->hello.n_groups; i++)
		expect(!strcmp(a->hello.groups[i].name, b->hello.groups[i].name) &&
		       a->hello.groups[i].flags == b->hello.groups[i].flags, "group %u", i);
}

static void bounded(const struct had_wire_msg *m, const uint8_t *buf, long n, size_t len)
{
	unsigned int i;

	expect(n >= HAD_WIRE_HEADER && (size_t)n <= len, "%ld octets of %zu", n, len);
	if (m->body)
		expect((uint8_t *)m->body >= buf &&
		       (uint8_t *)m->body + m->body_len <= buf + n, "body outside");
	expect(strlen(m->text) <= HAD_WIRE_TEXT_MAX, "text");
	expect(m->hello.n_groups <= HAD_WIRE_GROUPS, "groups");
	for (i = 0; i < m->hello.n_groups; i++)
		expect(strlen(m->hello.groups[i].name) <= HAD_WIRE_GROUP_MAX, "name");
	for (i = 0; m->text[i]; i++)
		expect(m->text[i] >= ' ' && m->text[i] <= '~', "not to be shown");
	for (i = 0; m->hello.node[i]; i++)
		expect(m->hello.node[i] >= ' ' && m->hello.node[i] <= '~', "not to be shown");
}

/* Each shorter one is not all there, nor anything else. */
static void cut(size_t n)
{
	struct had_wire_msg m;
	void *p = copy(frame, n);
	long got = had_wire_decode(p, n, &m);

	expect(!got, "%zu of %zu octets gave %ld", n, frame_len, got);
	free(p);
}

static void damage(void)
{
	size_t n = frame_len, i = 1 + below(8);
	struct had_wire_msg m;
	uint8_t *p;
	long got;

	if (below(4))
		while (i--)
			frame[below(n)] = rnd() >> 56;
	else
		noise(frame, n);
	/* That its length is believed is more interesting than that it is not. */
	if (below(2)) {
		frame[4] = 0;
		frame[5] = 0;
		frame[6] = (n - HAD_WIRE_HEADER) >> 8;
		frame[7] = n - HAD_WIRE_HEADER;
	}
	p = copy(frame, n);
	got = had_wire_decode(p, n, &m);
	if (got > 0)
		bounded(&m, p, got, n);
	else
		expect(!got || got == -EBADMSG || got == -EPROTO, "%ld", got);
	free(p);
}

static void one_case(void)
{
	struct had_wire_msg m, back;
	uint8_t *p;
	long n;

	any_message(&m);
	frame_len = had_wire_encode(&m, frame, sizeof(frame));
	expect(frame_len, "type %u does not fit", m.type);
	p = malloc(frame_len);
	expect(p && had_wire_encode(&m, p, frame_len) == frame_len, "just room enough");
	n = had_wire_decode(p, frame_len, &back);
	expect(n == (long)frame_len, "type %u: %ld of %zu", m.type, n, frame_len);
	same(&m, &back);
	bounded(&back, p, n, frame_len);
	free(p);
	p = malloc(frame_len - 1);
	expect(!had_wire_encode(&m, p, frame_len - 1), "no room, and it is written");
	free(p);
	cut(below(frame_len));
	damage();
}

static void versions(void)
{
	struct had_wire_hello h = {
		.lowest = HAD_WIRE_HIGHEST + 1, .highest = HAD_WIRE_HIGHEST + 2,
	};
	struct had_wire_msg m = { .type = HAD_WIRE_HELLO, .hello = h }, back;

	expect(!had_wire_version(&h), "a later one");
	h.lowest = HAD_WIRE_LOWEST;
	expect(had_wire_version(&h) == HAD_WIRE_HIGHEST, "one that speaks ours, too");
	/* It is understood as far as it goes. */
	strcpy(m.hello.node, "later");
	frame_len = had_wire_encode(&m, frame, sizeof(frame));
	expect(had_wire_decode(frame, frame_len, &back) == (long)frame_len, "can't be read");
	expect(back.hello.lowest == m.hello.lowest && !strcmp(back.hello.node, "later"), "lost");

	m = (struct had_wire_msg){ .type = 77 };
	frame_len = had_wire_encode(&m, frame, sizeof(frame));
	expect(had_wire_decode(frame, frame_len, &back) == -EPROTO, "a type that is not known");
	m.flags = HAD_WIRE_F_SKIP;
	frame_len = had_wire_encode(&m, frame, sizeof(frame));
	expect(had_wire_decode(frame, frame_len, &back) == HAD_WIRE_HEADER, "is not passed over");

	/* More groups than there is room for; a message that is longer than any */
	m = (struct had_wire_msg){ .type = HAD_WIRE_HELLO };
	m.hello.lowest = HAD_WIRE_LOWEST;
	m.hello.highest = HAD_WIRE_HIGHEST;
	m.hello.n_groups = HAD_WIRE_GROUPS;
	frame_len = had_wire_encode(&m, frame, sizeof(frame));
	expect(had_wire_decode(frame, frame_len, &back) > 0, "as many groups as may be");
	memset(frame + frame_len, 0, 2);
	frame[7] += 2;
	frame[HAD_WIRE_HEADER + 33]++;
	expect(frame[HAD_WIRE_HEADER + 33] == HAD_WIRE_GROUPS + 1, "not where their number is");
	expect(had_wire_decode(frame, frame_len + 2, &back) == -EBADMSG, "one group more");
	memcpy(frame, (uint8_t[]){ HAD_WIRE_SA, 0, 0, 1, 0, 0, 0x40, 1 }, HAD_WIRE_HEADER);
	expect(had_wire_decode(frame, HAD_WIRE_HEADER, &back) == -EBADMSG, "waits for it");

	m = (struct had_wire_msg){ .type = HAD_WIRE_SA, .group = 1, .body = body,
				   .body_len = HAD_WIRE_BODY_MAX + 1 };
	expect(!had_wire_encode(&m, frame, sizeof(frame)), "too long");
}

int main(int argc, char **argv)
{
	uint64_t cases = 200000;

	if (argc > 2)
		cases = strtoull(argv[2], NULL, 0);
	rnd_state = argc > 1 ? strtoull(argv[1], NULL, 0) * 2 + 1 : 1;
	versions();
	for (rnd_case = 1; rnd_case <= cases; rnd_case++)
		one_case();
	return 0;
}
