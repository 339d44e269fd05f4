// SPDX-License-Identifier: GPL-2.0
/* Messages of the relay. Pure: no state, no memory of its own. See wire.h for the format. */

#include <errno.h>
#include <string.h>

#include "wire.h"

#define MAGIC		0x78686172	/* "xhar" */
#define ORDER		0x01020304
#define FIXED		16		/* of HELLO: what no version changes */

/* What is left of a buffer; NULL: it was too short */
struct room {
	uint8_t *at;
	size_t left;
};

static void put(struct room *r, const void *from, size_t n)
{
	if (!r->at || r->left < n) {
		r->at = NULL;
		return;
	}
	if (n)
		memcpy(r->at, from, n);
	r->at += n;
	r->left -= n;
}

static void put_number(struct room *r, uint64_t number, unsigned int octets)
{
	uint8_t b[8];
	unsigned int i;

	for (i = 0; i < octets; i++)
		b[i] = number >> 8 * (octets - 1 - i);
	put(r, b, octets);
}

static void get(struct room *r, void *to, size_t n)
{
	if (!r->at || r->left < n) {
		r->at = NULL;
		memset(to, 0, n);
		return;
	}
	if (n)
		memcpy(to, r->at, n);
	r->at += n;
	r->left -= n;
}

static uint64_t get_number(struct room *r, unsigned int octets)
{
	uint64_t number = 0;
	uint8_t b[8];
	unsigned int i;

	get(r, b, octets);
	for (i = 0; i < octets; i++)
		number = number << 8 | b[i];
	return number;
}

/* Names and texts are shown to people: nothing but what is printed in ASCII. */
static bool printable(const char *s, size_t n)
{
	while (n--)
		if (s[n] < ' ' || s[n] > '~')
			return false;
	return true;
}

static void get_text(struct room *r, char *to, size_t n, size_t most)
{
	if (n > most)
		r->at = NULL;
	if (!r->at)
		n = 0;
	get(r, to, n);
	to[r->at ? n : 0] = '\0';
	if (!printable(to, strlen(to)) || (r->at && strlen(to) != n))
		r->at = NULL;
}

static void put_hello(struct room *r, const struct had_wire_hello *h)
{
	uint32_t order = ORDER;
	unsigned int i;

	put_number(r, MAGIC, 4);
	put_number(r, h->lowest, 2);
	put_number(r, h->highest, 2);
	put(r, &order, sizeof(order));
	put_number(r, sizeof(struct xfrm_usersa_info), 1);
	put_number(r, sizeof(struct xfrm_userpolicy_info), 1);
	put_number(r, sizeof(struct xfrm_user_tmpl), 1);
	put_number(r, strlen(h->node), 1);
	put(r, h->instance, sizeof(h->instance));
	put(r, h->node, strlen(h->node));
	put_number(r, h->n_groups, 2);
	for (i = 0; i < h->n_groups; i++) {
		put_number(r, h->groups[i].flags, 1);
		put_number(r, strlen(h->groups[i].name), 1);
		put(r, h->groups[i].name, strlen(h->groups[i].name));
	}
}

static bool get_hello(struct room *r, struct had_wire_hello *h)
{
	unsigned int sizes[3], name, i;
	uint32_t order;

	if (get_number(r, 4) != MAGIC)
		return false;
	h->lowest = get_number(r, 2);
	h->highest = get_number(r, 2);
	get(r, &order, sizeof(order));
	for (i = 0; i < 3; i++)
		sizes[i] = get_number(r, 1);
	name = get_number(r, 1);
	get(r, h->instance, sizeof(h->instance));
	get_text(r, h->node, name, HAD_WIRE_NAME_MAX);
	h->same_layout = order == ORDER && sizes[0] == sizeof(struct xfrm_usersa_info) &&
			 sizes[1] == sizeof(struct xfrm_userpolicy_info) &&
			 sizes[2] == sizeof(struct xfrm_user_tmpl);
	if (!r->at || h->lowest > h->highest)
		return false;
	/* Of another version the rest may be anything. */
	if (h->lowest > HAD_WIRE_HIGHEST || h->highest < HAD_WIRE_LOWEST) {
		r->left = 0;
		return true;
	}
	h->n_groups = get_number(r, 2);
	if (h->n_groups > HAD_WIRE_GROUPS)
		return false;
	for (i = 0; i < h->n_groups && r->at; i++) {
		h->groups[i].flags = get_number(r, 1);
		name = get_number(r, 1);
		get_text(r, h->groups[i].name, name, HAD_WIRE_GROUP_MAX);
	}
	/* A later version that speaks ours too may say more. */
	if (r->at)
		r->left = 0;
	return r->at;
}

static void put_sa_id(struct room *r, const struct had_sa_id *id)
{
	put_number(r, id->family, 2);
	put_number(r, id->proto, 1);
	put_number(r, 0, 1);
	put(r, &id->spi, sizeof(id->spi));
	put(r, &id->daddr, sizeof(id->daddr));
	put_number(r, id->mark_v, 4);
	put_number(r, id->mark_m, 4);
}

static void get_sa_id(struct room *r, struct had_sa_id *id)
{
	memset(id, 0, sizeof(*id));
	id->family = get_number(r, 2);
	id->proto = get_number(r, 1);
	get_number(r, 1);
	get(r, &id->spi, sizeof(id->spi));
	get(r, &id->daddr, sizeof(id->daddr));
	id->mark_v = get_number(r, 4);
	id->mark_m = get_number(r, 4);
}

static void put_policy_id(struct room *r, const struct had_policy_id *id)
{
	put(r, &id->sel, sizeof(id->sel));
	put_number(r, id->mark_v, 4);
	put_number(r, id->mark_m, 4);
	put_number(r, id->if_id, 4);
	put_number(r, id->dir, 1);
	put_number(r, id->type, 1);
}

static void get_policy_id(struct room *r, struct had_policy_id *id)
{
	memset(id, 0, sizeof(*id));
	get(r, &id->sel, sizeof(id->sel));
	id->mark_v = get_number(r, 4);
	id->mark_m = get_number(r, 4);
	id->if_id = get_number(r, 4);
	id->dir = get_number(r, 1);
	id->type = get_number(r, 1);
}

static bool has_group(uint8_t type)
{
	return (type >= HAD_WIRE_BEGIN && type <= HAD_WIRE_END) || type == HAD_WIRE_AGAIN ||
	       type == HAD_WIRE_DONE;
}

/**
 * had_wire_encode() - write a message
 * @m: message; all of it is of the encoder's own making
 * @buf: where to
 * @len: room there
 *
 * Return: octets, or 0: there was not room enough.
 */
size_t had_wire_encode(const struct had_wire_msg *m, void *buf, size_t len)
{
	struct room r = { buf, len }, head = { buf, len };

	put_number(&r, 0, HAD_WIRE_HEADER);
	switch (m->type) {
	case HAD_WIRE_HELLO:
		put_hello(&r, &m->hello);
		break;
	case HAD_WIRE_REFUSE:
		put(&r, m->text, strlen(m->text));
		break;
	case HAD_WIRE_BEGIN:
		put_number(&r, m->number, 8);
		put_number(&r, m->term, 4);
		break;
	case HAD_WIRE_ACK:
		put_number(&r, m->number, 8);
		break;
	case HAD_WIRE_END:
		put_number(&r, m->number, 8);
		put_number(&r, m->sas, 4);
		put_number(&r, m->policies, 4);
		break;
	case HAD_WIRE_SA:
	case HAD_WIRE_POLICY:
		put(&r, m->body, m->body_len);
		break;
	case HAD_WIRE_SA_GONE:
		put_sa_id(&r, &m->sa);
		break;
	case HAD_WIRE_POLICY_GONE:
		put_policy_id(&r, &m->policy);
		break;
	}
	if (!r.at || r.at - (uint8_t *)buf > HAD_WIRE_MAX)
		return 0;
	put_number(&head, m->type, 1);
	put_number(&head, m->flags, 1);
	put_number(&head, m->group, 2);
	put_number(&head, r.at - (uint8_t *)buf - HAD_WIRE_HEADER, 4);
	return r.at - (uint8_t *)buf;
}

/**
 * had_wire_decode() - read a message
 * @buf: octets that came
 * @len: how many
 * @m: filled; its @body lies in @buf
 *
 * Return: octets it has taken; 0: it is not all there yet; -EBADMSG: nothing that follows can be
 * understood; -EPROTO: it is whole, and not of a type that is known.
 */
long had_wire_decode(const void *buf, size_t len, struct had_wire_msg *m)
{
	struct room r = { (uint8_t *)buf, len };
	size_t n;

	if (len < HAD_WIRE_HEADER)
		return 0;
	memset(m, 0, sizeof(*m));
	m->type = get_number(&r, 1);
	m->flags = get_number(&r, 1);
	m->group = get_number(&r, 2);
	n = get_number(&r, 4);
	if (n > HAD_WIRE_BODY_MAX)
		return -EBADMSG;
	if (r.left < n)
		return 0;
	r.left = n;
	if (has_group(m->type) && (!m->group || m->group > HAD_WIRE_GROUPS))
		return -EBADMSG;
	switch (m->type) {
	case HAD_WIRE_HELLO:
		if (n < FIXED || !get_hello(&r, &m->hello))
			return -EBADMSG;
		break;
	case HAD_WIRE_REFUSE:
		get_text(&r, m->text, n, HAD_WIRE_TEXT_MAX);
		break;
	case HAD_WIRE_BEGIN:
		m->number = get_number(&r, 8);
		m->term = get_number(&r, 4);
		break;
	case HAD_WIRE_ACK:
		m->number = get_number(&r, 8);
		break;
	case HAD_WIRE_END:
		m->number = get_number(&r, 8);
		m->sas = get_number(&r, 4);
		m->policies = get_number(&r, 4);
		break;
	case HAD_WIRE_SA:
	case HAD_WIRE_POLICY:
		m->body = r.at;
		m->body_len = n;
		r.left = 0;
		break;
	case HAD_WIRE_SA_GONE:
		get_sa_id(&r, &m->sa);
		break;
	case HAD_WIRE_POLICY_GONE:
		get_policy_id(&r, &m->policy);
		break;
	case HAD_WIRE_AGAIN:
	case HAD_WIRE_DONE:
		break;
	default:
		return m->flags & HAD_WIRE_F_SKIP ? (long)(HAD_WIRE_HEADER + n) : -EPROTO;
	}
	return r.at && !r.left ? (long)(HAD_WIRE_HEADER + n) : -EBADMSG;
}

/**
 * had_wire_version() - what both ends speak
 * @peer: its HELLO
 *
 * Return: the highest version of both, or 0: there is none.
 */
int had_wire_version(const struct had_wire_hello *peer)
{
	int v = peer->highest < HAD_WIRE_HIGHEST ? peer->highest : HAD_WIRE_HIGHEST;

	return v >= peer->lowest && v >= HAD_WIRE_LOWEST ? v : 0;
}
