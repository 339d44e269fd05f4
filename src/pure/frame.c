// SPDX-License-Identifier: GPL-2.0
/*
 * Wire format of the link, as docs/wire.rst draws it. Pure.
 *
 * Control messages (kind 0x30 and up) tell their length: a receiver skips kinds that it does not
 * know, so new ones can be added within a version.
 */

#include "pure/frame.h"

#define WIRE_INET	4
#define WIRE_INET6	6
#define FAMILY_INET	2	/* AF_INET and AF_INET6, of Linux; also in user space */
#define FAMILY_INET6	10

#define CTL_LEN		4
#define ID_LEN		44
#define INDEX_LEN	(CTL_LEN + 4)
#define ASK_LEN		(CTL_LEN + ID_LEN)
#define GROUP_LEN	(CTL_LEN + 4 + 4 + 4 + XHA_NAME_LEN + 2 * 4)

static void put48(u8 *p, u64 v)
{
	put_unaligned_be16(v >> 32, p);
	put_unaligned_be32(v, p + 2);
}

static u64 get48(const u8 *p)
{
	return (u64)get_unaligned_be16(p) << 32 | get_unaligned_be32(p + 2);
}

int xha_hdr_encode(u8 *buf, size_t room, const struct xha_hdr *h)
{
	if (room < XHA_HDR_LEN)
		return -ENOSPC;
	buf[0] = XHA_VERSION;
	buf[1] = h->type << 4 | (h->flags & 0xf);
	put_unaligned_be16(h->len, buf + 2);
	put_unaligned_be32(h->session, buf + 4);
	put_unaligned_be64(h->number, buf + 8);
	return XHA_HDR_LEN;
}

/* -EPROTONOSUPPORT: another version; -EBADMSG: not a frame, or cut short. */
int xha_hdr_decode(const u8 *buf, size_t len, struct xha_hdr *h)
{
	if (len < XHA_HDR_LEN)
		return -EBADMSG;
	if (buf[0] != XHA_VERSION)
		return -EPROTONOSUPPORT;
	h->type = buf[1] >> 4;
	h->flags = buf[1] & XHA_HDR_F_MASK;
	h->len = get_unaligned_be16(buf + 2);
	h->session = get_unaligned_be32(buf + 4);
	h->number = get_unaligned_be64(buf + 8);
	if (h->len > len - XHA_HDR_LEN)
		return -EBADMSG;
	if (h->type != XHA_FRAME_HELLO && h->type != XHA_FRAME_DATA)
		return -EBADMSG;
	return XHA_HDR_LEN;
}

int xha_hello_encode(u8 *buf, size_t room, const struct xha_hello *h)
{
	if (room < XHA_HELLO_LEN)
		return -ENOSPC;
	put_unaligned_be32(h->node, buf);
	put_unaligned_be32(h->session, buf + 4);
	put_unaligned_be16(h->heartbeat, buf + 8);
	buf[10] = h->dead;
	buf[11] = h->insecure & 1;
	memcpy(buf + 12, h->nonce, XHA_NONCE_LEN);
	memcpy(buf + 12 + XHA_NONCE_LEN, h->echo, XHA_NONCE_LEN);
	memcpy(buf + 12 + 2 * XHA_NONCE_LEN, h->mac, XHA_MAC_LEN);
	return XHA_HELLO_LEN;
}

int xha_hello_decode(const u8 *buf, size_t len, struct xha_hello *h)
{
	if (len < XHA_HELLO_LEN)
		return -EBADMSG;
	h->node = get_unaligned_be32(buf);
	h->session = get_unaligned_be32(buf + 4);
	h->heartbeat = get_unaligned_be16(buf + 8);
	h->dead = buf[10];
	h->insecure = buf[11] & 1;
	memcpy(h->nonce, buf + 12, XHA_NONCE_LEN);
	memcpy(h->echo, buf + 12 + XHA_NONCE_LEN, XHA_NONCE_LEN);
	memcpy(h->mac, buf + 12 + 2 * XHA_NONCE_LEN, XHA_MAC_LEN);
	if (!h->node || !h->session || !h->heartbeat || !h->dead)
		return -EBADMSG;
	return XHA_HELLO_LEN;
}

int xha_ack_encode(u8 *buf, size_t room, const struct xha_ack *a)
{
	if (room < XHA_ACK_LEN)
		return -ENOSPC;
	put_unaligned_be64(a->largest, buf);
	put_unaligned_be64(a->bits, buf + 8);
	return XHA_ACK_LEN;
}

int xha_ack_decode(const u8 *buf, size_t len, struct xha_ack *a)
{
	if (len < XHA_ACK_LEN)
		return -EBADMSG;
	a->largest = get_unaligned_be64(buf);
	a->bits = get_unaligned_be64(buf + 8);
	return XHA_ACK_LEN;
}

int xha_record_encode(u8 *buf, size_t room, const struct xha_record *r)
{
	bool bitmap = r->flags & XHA_REC_F_BITMAP;
	u32 i, words = 0;
	size_t len = XHA_RECORD_LEN;

	if (r->index > XHA_INDEX_MAX)
		return -EINVAL;
	if (bitmap) {
		if (!r->in || !r->window || r->window->width > XHA_WINDOW_MAX)
			return -EINVAL;
		words = xha_window_words(r->window->width);
		len += 4 + 4 * words;
	}
	if (room < len)
		return -ENOSPC;
	put_unaligned_be32((u32)(r->in ? XHA_MSG_IN : XHA_MSG_OUT) << 28 |
			   (u32)(r->flags & 0xf) << 24 | r->index, buf);
	put_unaligned_be64(r->seq, buf + 4);
	put48(buf + 12, r->bytes);
	put48(buf + 18, r->packets);
	if (bitmap) {
		put_unaligned_be16(r->window->width, buf + 24);
		put_unaligned_be16(0, buf + 26);
		for (i = 0; i < words; i++)
			put_unaligned_be32(r->window->bits[i], buf + 28 + 4 * i);
	}
	return len;
}

static int record_decode(const u8 *buf, size_t len, struct xha_record *r, struct xha_window *w)
{
	u32 first, width, words, i;

	if (len < XHA_RECORD_LEN)
		return -EBADMSG;
	first = get_unaligned_be32(buf);
	r->in = first >> 28 == XHA_MSG_IN;
	r->flags = first >> 24 & XHA_REC_F_MASK;
	r->index = first & XHA_INDEX_MAX;
	r->seq = get_unaligned_be64(buf + 4);
	r->bytes = get48(buf + 12);
	r->packets = get48(buf + 18);
	r->window = NULL;
	if (!(r->flags & XHA_REC_F_BITMAP))
		return XHA_RECORD_LEN;

	if (!r->in || len < XHA_RECORD_LEN + 4)
		return -EBADMSG;
	width = get_unaligned_be16(buf + 24);
	words = xha_window_words(width);
	if (width > XHA_WINDOW_MAX || len < XHA_RECORD_LEN + 4 + 4 * words)
		return -EBADMSG;
	memset(w, 0, sizeof(*w));
	w->edge = r->seq;
	w->width = width;
	for (i = 0; i < words; i++)
		w->bits[i] = get_unaligned_be32(buf + 28 + 4 * i);
	if (width % 32)
		w->bits[words - 1] &= (1u << width % 32) - 1;
	r->window = w;
	return XHA_RECORD_LEN + 4 + 4 * words;
}

static void ctl_encode(u8 *buf, u8 kind, u8 flags, u16 len)
{
	memset(buf, 0, len);
	buf[0] = kind;
	buf[1] = flags;
	put_unaligned_be16(len, buf + 2);
}

static int id_encode(u8 *buf, const struct xha_id *id)
{
	if (id->family != FAMILY_INET && id->family != FAMILY_INET6)
		return -EINVAL;
	buf[0] = id->family == FAMILY_INET ? WIRE_INET : WIRE_INET6;
	buf[1] = id->proto;
	memcpy(buf + 4, &id->spi, 4);
	put_unaligned_be32(id->mark_v, buf + 8);
	put_unaligned_be32(id->mark_m, buf + 12);
	put_unaligned_be32(id->if_id, buf + 16);
	memcpy(buf + 20, id->daddr, 16);
	put_unaligned_be64(id->key, buf + 36);
	return 0;
}

static int id_decode(const u8 *buf, struct xha_id *id)
{
	memset(id, 0, sizeof(*id));
	if (buf[0] != WIRE_INET && buf[0] != WIRE_INET6)
		return -EBADMSG;
	id->family = buf[0] == WIRE_INET ? FAMILY_INET : FAMILY_INET6;
	id->proto = buf[1];
	memcpy(&id->spi, buf + 4, 4);
	id->mark_v = get_unaligned_be32(buf + 8);
	id->mark_m = get_unaligned_be32(buf + 12);
	id->if_id = get_unaligned_be32(buf + 16);
	memcpy(id->daddr, buf + 20, id->family == FAMILY_INET ? 4 : 16);
	id->key = get_unaligned_be64(buf + 36);
	return 0;
}

int xha_announce_encode(u8 *buf, size_t room, const struct xha_announce *a)
{
	if (room < XHA_ANNOUNCE_LEN)
		return -ENOSPC;
	if (a->index > XHA_INDEX_MAX)
		return -EINVAL;
	ctl_encode(buf, XHA_MSG_ANNOUNCE, a->flags, XHA_ANNOUNCE_LEN);
	put_unaligned_be32(a->index, buf + 4);
	if (id_encode(buf + 8, &a->id))
		return -EINVAL;
	buf[52] = a->mode;
	buf[53] = a->stripe;
	put_unaligned_be16(a->group, buf + 54);
	put_unaligned_be64(a->out, buf + 56);
	put_unaligned_be64(a->in, buf + 64);
	put_unaligned_be64(a->bytes, buf + 72);
	put_unaligned_be64(a->packets, buf + 80);
	put_unaligned_be32(a->inc, buf + 88);
	put_unaligned_be32(a->peer_inc, buf + 92);
	put_unaligned_be32(a->share.first, buf + 96);
	put_unaligned_be32(a->share.step, buf + 100);
	put_unaligned_be32(a->node_inc, buf + 104);
	return XHA_ANNOUNCE_LEN;
}

static int announce_decode(const u8 *buf, struct xha_announce *a)
{
	a->flags = buf[1] & XHA_REC_F_MASK & ~XHA_REC_F_BITMAP;
	a->index = get_unaligned_be32(buf + 4);
	if (a->index > XHA_INDEX_MAX)
		return -EBADMSG;
	a->mode = buf[52];
	a->stripe = buf[53];
	a->group = get_unaligned_be16(buf + 54);
	a->out = get_unaligned_be64(buf + 56);
	a->in = get_unaligned_be64(buf + 64);
	a->bytes = get_unaligned_be64(buf + 72);
	a->packets = get_unaligned_be64(buf + 80);
	a->inc = get_unaligned_be32(buf + 88);
	a->peer_inc = get_unaligned_be32(buf + 92);
	a->share.first = get_unaligned_be32(buf + 96);
	a->share.step = get_unaligned_be32(buf + 100);
	a->node_inc = get_unaligned_be32(buf + 104);
	if (!a->inc || a->stripe < XHA_STRIPE_MIN || a->stripe > XHA_STRIPE_MAX ||
	    (a->share.step && a->share.first >= a->share.step))
		return -EBADMSG;
	return id_decode(buf + 8, &a->id);
}

int xha_index_encode(u8 *buf, size_t room, u8 kind, u8 flags, u32 index)
{
	if (room < INDEX_LEN)
		return -ENOSPC;
	ctl_encode(buf, kind, flags, INDEX_LEN);
	put_unaligned_be32(index, buf + 4);
	return INDEX_LEN;
}

int xha_ask_encode(u8 *buf, size_t room, const struct xha_id *id)
{
	if (room < ASK_LEN)
		return -ENOSPC;
	ctl_encode(buf, XHA_MSG_ASK, 0, ASK_LEN);
	return id_encode(buf + 4, id) ? -EINVAL : ASK_LEN;
}

int xha_group_encode(u8 *buf, size_t room, const struct xha_group_msg *g)
{
	if (room < GROUP_LEN)
		return -ENOSPC;
	ctl_encode(buf, XHA_MSG_GROUP, 0, GROUP_LEN);
	put_unaligned_be32(g->node, buf + 4);
	put_unaligned_be32(g->term, buf + 8);
	buf[12] = g->role;
	put_unaligned_be16(g->id, buf + 14);
	memcpy(buf + 16, g->name, strnlen(g->name, XHA_NAME_LEN - 1));
	put_unaligned_be32(g->sas, buf + 32);
	put_unaligned_be32(g->missing, buf + 36);
	return GROUP_LEN;
}

/**
 * xha_name_ok() - can a group have this name?
 * @name: ends with 0, or has XHA_NAME_LEN octets
 *
 * Return: true if it can: printable characters, at least one, no blanks and slashes.
 */
bool xha_name_ok(const char *name)
{
	size_t i, n = strnlen(name, XHA_NAME_LEN);

	if (!n || n == XHA_NAME_LEN)
		return false;
	for (i = 0; i < n; i++)
		if (name[i] <= ' ' || name[i] > '~' || name[i] == '/')
			return false;
	return true;
}

static int group_decode(const u8 *buf, struct xha_group_msg *g)
{
	g->node = get_unaligned_be32(buf + 4);
	g->term = get_unaligned_be32(buf + 8);
	g->role = buf[12];
	g->id = get_unaligned_be16(buf + 14);
	memcpy(g->name, buf + 16, XHA_NAME_LEN);
	g->sas = get_unaligned_be32(buf + 32);
	g->missing = get_unaligned_be32(buf + 36);
	return xha_name_ok(g->name) && g->role <= XHA_WIRE_REQUEST ? 0 : -EBADMSG;
}

int xha_empty_encode(u8 *buf, size_t room, u8 kind)
{
	if (room < CTL_LEN)
		return -ENOSPC;
	ctl_encode(buf, kind, 0, CTL_LEN);
	return CTL_LEN;
}

/* Least length of a control message of this kind; longer ones may come from newer senders. */
static size_t ctl_min(u8 kind)
{
	switch (kind) {
	case XHA_MSG_ANNOUNCE:
		return XHA_ANNOUNCE_LEN;
	case XHA_MSG_GONE:
	case XHA_MSG_NAK:
		return INDEX_LEN;
	case XHA_MSG_ASK:
		return ASK_LEN;
	case XHA_MSG_GROUP:
		return GROUP_LEN;
	}
	return CTL_LEN;
}

/**
 * xha_msg_decode() - take one message apart
 * @buf: where it starts
 * @len: octets to the end of the payload
 * @m: filled; m->kind may be one that is to be skipped
 * @w: filled with the bitmap of an inbound record, which then points to it
 *
 * Return: octets that the message takes, -EBADMSG.
 */
int xha_msg_decode(const u8 *buf, size_t len, struct xha_msg *m, struct xha_window *w)
{
	size_t n;
	int err = 0;

	if (len < CTL_LEN)
		return -EBADMSG;
	m->kind = buf[0] >> 4;
	if (m->kind == XHA_MSG_OUT || m->kind == XHA_MSG_IN)
		return record_decode(buf, len, &m->record, w);
	if (buf[0] < XHA_MSG_ANNOUNCE)
		return -EBADMSG;

	m->kind = buf[0];
	n = get_unaligned_be16(buf + 2);
	if (n % 4 || n > len || n < ctl_min(m->kind))
		return -EBADMSG;
	switch (m->kind) {
	case XHA_MSG_ANNOUNCE:
		err = announce_decode(buf, &m->announce);
		break;
	case XHA_MSG_GONE:
	case XHA_MSG_NAK:
		m->index = get_unaligned_be32(buf + 4);
		m->flags = buf[1];
		break;
	case XHA_MSG_ASK:
		err = id_decode(buf + 4, &m->id);
		break;
	case XHA_MSG_GROUP:
		err = group_decode(buf, &m->group);
		break;
	}
	return err ? err : (int)n;
}
