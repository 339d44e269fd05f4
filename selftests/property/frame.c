// SPDX-License-Identifier: GPL-2.0
/*
 * Wire format: what is encoded is decoded, and whatever comes in, nothing is read
 * beyond its end (the sanitizer watches), and what is accepted is within bounds.
 */

#include "property.h"
#include "pure/frame.h"

#define INET		2
#define INET6		10
#define LONGEST		2048

static u8 frame[LONGEST];	/* the last one, valid or damaged */
static size_t frame_len;

/* Room of just this size */
static u8 *room(size_t n)
{
	u8 *p = malloc(n);

	if (!p)
		abort();
	return p;
}

static void noise(void *to, size_t n)
{
	u8 *p = to;

	while (n--)
		*p++ = rnd() >> 56;
}

static u32 any_index(void)
{
	return one_in(16) ? XHA_INDEX_MAX : any_size(24);
}

static void any_window(struct xha_window *w, u64 edge)
{
	u32 i;

	*w = (struct xha_window) { .edge = edge };
	w->width = one_in(16) ? XHA_WINDOW_MAX : one_in(8) ? any_size(12) : any_size(8);
	for (i = 0; i < w->width; i++)
		w->bits[i / 32] |= (u32)(rnd() >> 63) << i % 32;
}

static void any_id(struct xha_id *id)
{
	memset(id, 0, sizeof(*id));
	id->family = one_in(2) ? INET : INET6;
	id->proto = rnd() >> 56;
	id->spi = rnd() >> 32;
	id->mark_v = any_size(32);
	id->mark_m = any_size(32);
	id->if_id = any_size(32);
	noise(id->daddr, id->family == INET ? 4 : 16);
	id->key = edgy();
}

static void any_share(struct xha_share *s)
{
	*s = (struct xha_share) { .step = one_in(8) ? XHA_SHARE_NONE : any_size(32) };
	if (s->step)
		s->first = one_in(4) ? s->step - 1 : below(s->step);
	else
		s->first = any_size(32);
}

static void any_group(struct xha_group_msg *g)
{
	u32 i, n = 1 + below(XHA_NAME_LEN - 1);

	*g = (struct xha_group_msg) {
		.role = below(XHA_WIRE_REQUEST + 1), .term = any_size(32), .node = any_size(32),
		.id = 1 + below(U16_MAX), .sas = any_size(32), .missing = any_size(32),
	};
	for (i = 0; i < n; i++) {
		g->name[i] = '!' + below('~' - '!' + 1);
		if (g->name[i] == '/')
			g->name[i] = '-';
	}
}

/* A message, with its window if it is a record that has one */
static void any_message(struct xha_msg *m, struct xha_window *w)
{
	static const u8 kinds[] = {
		XHA_MSG_OUT, XHA_MSG_IN, XHA_MSG_IN, XHA_MSG_ANNOUNCE, XHA_MSG_GONE, XHA_MSG_NAK,
		XHA_MSG_ASK, XHA_MSG_GROUP, XHA_MSG_HEARTBEAT, XHA_MSG_SYNCED,
	};
	struct xha_record *r = &m->record;
	struct xha_announce *a = &m->announce;
	u64 low48 = (1ULL << 48) - 1;

	memset(m, 0, sizeof(*m));
	m->kind = kinds[below(sizeof(kinds))];
	switch (m->kind) {
	case XHA_MSG_OUT:
	case XHA_MSG_IN:
		r->in = m->kind == XHA_MSG_IN;
		r->flags = below(16) & (r->in ? XHA_REC_F_MASK : ~XHA_REC_F_BITMAP);
		r->index = any_index();
		r->seq = edgy();
		r->bytes = edgy() & low48;
		r->packets = edgy() & low48;
		if (r->flags & XHA_REC_F_BITMAP) {
			any_window(w, r->seq);
			r->window = w;
		}
		break;
	case XHA_MSG_ANNOUNCE:
		a->index = any_index();
		any_id(&a->id);
		a->mode = below(3);
		a->flags = below(16) & ~XHA_REC_F_BITMAP;
		a->out = edgy();
		a->in = edgy();
		a->bytes = edgy();
		a->packets = edgy();
		a->stripe = XHA_STRIPE_MIN + below(XHA_STRIPE_MAX - XHA_STRIPE_MIN + 1);
		a->group = any_size(16);
		a->inc = 1 + below(U32_MAX);
		a->peer_inc = any_size(32);
		a->node_inc = any_size(32);
		any_share(&a->share);
		break;
	case XHA_MSG_GONE:
	case XHA_MSG_NAK:
		m->index = any_index();
		m->flags = m->kind == XHA_MSG_NAK ? below(4) : 0;
		break;
	case XHA_MSG_ASK:
		any_id(&m->id);
		break;
	case XHA_MSG_GROUP:
		any_group(&m->group);
		break;
	}
}

static int encode(u8 *buf, size_t n, const struct xha_msg *m)
{
	switch (m->kind) {
	case XHA_MSG_OUT:
	case XHA_MSG_IN:
		return xha_record_encode(buf, n, &m->record);
	case XHA_MSG_ANNOUNCE:
		return xha_announce_encode(buf, n, &m->announce);
	case XHA_MSG_GONE:
	case XHA_MSG_NAK:
		return xha_index_encode(buf, n, m->kind, m->flags, m->index);
	case XHA_MSG_ASK:
		return xha_ask_encode(buf, n, &m->id);
	case XHA_MSG_GROUP:
		return xha_group_encode(buf, n, &m->group);
	}
	return xha_empty_encode(buf, n, m->kind);
}

static bool same_id(const struct xha_id *a, const struct xha_id *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static bool same_record(const struct xha_record *a, const struct xha_record *b)
{
	if (a->in != b->in || a->flags != b->flags || a->index != b->index || a->seq != b->seq ||
	    a->bytes != b->bytes || a->packets != b->packets || !a->window != !b->window)
		return false;
	return !a->window || !memcmp(a->window, b->window, sizeof(*a->window));
}

static bool same_announce(const struct xha_announce *a, const struct xha_announce *b)
{
	return a->index == b->index && same_id(&a->id, &b->id) && a->mode == b->mode &&
	       a->flags == b->flags && a->out == b->out && a->in == b->in &&
	       a->bytes == b->bytes && a->packets == b->packets && a->stripe == b->stripe &&
	       a->group == b->group && a->inc == b->inc && a->peer_inc == b->peer_inc &&
	       a->node_inc == b->node_inc &&
	       a->share.first == b->share.first && a->share.step == b->share.step;
}

static bool same_group(const struct xha_group_msg *a, const struct xha_group_msg *b)
{
	return a->node == b->node && a->term == b->term && a->role == b->role && a->id == b->id &&
	       a->sas == b->sas && a->missing == b->missing && !strcmp(a->name, b->name);
}

static bool same(const struct xha_msg *a, const struct xha_msg *b)
{
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case XHA_MSG_OUT:
	case XHA_MSG_IN:
		return same_record(&a->record, &b->record);
	case XHA_MSG_ANNOUNCE:
		return same_announce(&a->announce, &b->announce);
	case XHA_MSG_GONE:
	case XHA_MSG_NAK:
		return a->index == b->index && a->flags == b->flags;
	case XHA_MSG_ASK:
		return same_id(&a->id, &b->id);
	case XHA_MSG_GROUP:
		return same_group(&a->group, &b->group);
	}
	return true;
}

/* Encoded with just enough room, and refused with less; decoded, and refused if cut */
static int round_trip(u8 *to, const struct xha_msg *m)
{
	static struct xha_window w;
	struct xha_msg got;
	int n = encode(to, LONGEST, m);
	u8 *buf;

	expect(n >= 4 && n % 4 == 0, "kind %#x: encode gave %d", m->kind, n);
	buf = room(n);
	noise(buf, n);
	expect(encode(buf, n, m) == n && !memcmp(buf, to, n), "kind %#x: other octets", m->kind);
	memset(&got, 0xa5, sizeof(got));
	memset(&w, 0xa5, sizeof(w));
	expect(xha_msg_decode(buf, n, &got, &w) == n && same(m, &got),
	       "kind %#x: %d octets are not what was encoded", m->kind, n);
	free(buf);

	n -= 1 + below(n);
	buf = room(n);
	memcpy(buf, to, n);
	expect(xha_msg_decode(buf, n, &got, &w) == -EBADMSG, "kind %#x: accepted though cut",
	       m->kind);
	expect(encode(buf, n, m) == -ENOSPC, "kind %#x: encoded in %d octets", m->kind, n);
	free(buf);
	return xha_msg_decode(to, LONGEST, &got, &w);
}

/* What can't be said on the wire */
static void refusals(void)
{
	struct xha_window w = { .width = XHA_WINDOW_MAX + 1 };
	struct xha_record r = { .in = true, .index = XHA_INDEX_MAX + 1 + any_size(8) };
	struct xha_announce a = { .index = r.index, .id.family = INET };
	struct xha_id id = { .family = any_size(16) };
	u8 buf[LONGEST];

	expect(xha_record_encode(buf, LONGEST, &r) == -EINVAL &&
	       xha_announce_encode(buf, LONGEST, &a) == -EINVAL, "index %u", r.index);
	r = (struct xha_record) { .in = true, .flags = XHA_REC_F_BITMAP };
	expect(xha_record_encode(buf, LONGEST, &r) == -EINVAL, "no window");
	r.window = &w;
	expect(xha_record_encode(buf, LONGEST, &r) == -EINVAL, "window of %u", w.width);
	w.width = 1;
	r.in = false;
	expect(xha_record_encode(buf, LONGEST, &r) == -EINVAL, "outbound window");
	expect(id.family == INET || id.family == INET6 ||
	       xha_ask_encode(buf, LONGEST, &id) == -EINVAL, "family %u", id.family);
}

/* What may be encoded, but is not believed */
static void unbelievable(void)
{
	static struct xha_window w;
	struct xha_announce a = {
		.inc = 1 + below(U32_MAX), .stripe = XHA_STRIPE_DEFAULT, .share = { 0, 2 },
	};
	struct xha_msg m;
	u8 buf[LONGEST];
	u32 what = below(4);

	any_id(&a.id);
	switch (what) {
	case 0:
		a.inc = 0;
		break;
	case 1:
		a.stripe = one_in(2) ? below(XHA_STRIPE_MIN) :
			   XHA_STRIPE_MAX + 1 + below(U8_MAX - XHA_STRIPE_MAX);
		break;
	case 2:
		a.share.step = 1 + any_size(31);
		a.share.first = one_in(2) ? a.share.step :
				a.share.step + below(U32_MAX - a.share.step);
		break;
	}
	expect(xha_announce_encode(buf, LONGEST, &a) == XHA_ANNOUNCE_LEN, "announcement");
	expect(xha_msg_decode(buf, LONGEST, &m, &w) == (what == 3 ? XHA_ANNOUNCE_LEN : -EBADMSG),
	       "inc %u stripe %u share %u/%u", a.inc, a.stripe, a.share.first, a.share.step);
}

/* Header, acknowledgment, messages: what a DATA frame is before it is sealed */
static void data_frame(void)
{
	struct xha_hdr h = { XHA_FRAME_DATA, below(4), 0, any_size(32), edgy() }, d;
	struct xha_ack a = { edgy(), rnd() }, b;
	struct xha_window w;
	struct xha_msg m;
	size_t at = XHA_HDR_LEN + XHA_ACK_LEN;
	u32 n = any_size(3);

	expect(xha_ack_encode(frame + XHA_HDR_LEN, XHA_ACK_LEN, &a) == XHA_ACK_LEN, "ack");
	expect(xha_ack_decode(frame + XHA_HDR_LEN, XHA_ACK_LEN, &b) == XHA_ACK_LEN &&
	       a.largest == b.largest && a.bits == b.bits, "ack is not what was encoded");
	do {
		u8 one[LONGEST];
		int len;

		any_message(&m, &w);
		len = round_trip(one, &m);
		if (at + len > LONGEST)
			break;
		memcpy(frame + at, one, len);
		at += len;
	} while (n--);
	frame_len = at;
	h.len = at - XHA_HDR_LEN;
	expect(xha_hdr_encode(frame, XHA_HDR_LEN, &h) == XHA_HDR_LEN, "header");
	expect(xha_hdr_decode(frame, frame_len, &d) == XHA_HDR_LEN && h.type == d.type &&
	       h.flags == d.flags && h.len == d.len && h.session == d.session &&
	       h.number == d.number, "header is not what was encoded");
	expect(xha_hdr_encode(frame, XHA_HDR_LEN - 1, &h) == -ENOSPC &&
	       xha_ack_encode(frame, XHA_ACK_LEN - 1, &a) == -ENOSPC, "no room, but encoded");
}

static void hello_frame(void)
{
	struct xha_hello h = {
		.node = 1 + below(U32_MAX), .session = 1 + below(U32_MAX),
		.heartbeat = 1 + below(65535), .dead = 1 + below(255), .insecure = below(2),
	}, d;
	struct xha_hdr hdr = { XHA_FRAME_HELLO, 0, XHA_HELLO_LEN, 0, 0 };

	noise(h.nonce, sizeof(h.nonce));
	noise(h.echo, sizeof(h.echo));
	noise(h.mac, sizeof(h.mac));
	xha_hdr_encode(frame, LONGEST, &hdr);
	expect(xha_hello_encode(frame + XHA_HDR_LEN, XHA_HELLO_LEN, &h) == XHA_HELLO_LEN,
	       "hello");
	expect(xha_hello_decode(frame + XHA_HDR_LEN, XHA_HELLO_LEN, &d) == XHA_HELLO_LEN &&
	       h.node == d.node && h.session == d.session && h.heartbeat == d.heartbeat &&
	       h.dead == d.dead && h.insecure == d.insecure &&
	       !memcmp(h.nonce, d.nonce, sizeof(h.nonce)) &&
	       !memcmp(h.echo, d.echo, sizeof(h.echo)) && !memcmp(h.mac, d.mac, sizeof(h.mac)),
	       "hello is not what was encoded");
	expect(xha_hello_encode(frame + XHA_HDR_LEN, XHA_HELLO_LEN - 1, &h) == -ENOSPC,
	       "hello without room");
	frame_len = XHA_HDR_LEN + XHA_HELLO_LEN;
}

static void noise_frame(void)
{
	size_t at;

	frame_len = one_in(8) ? XHA_HDR_LEN : below(one_in(4) ? LONGEST : 256);
	noise(frame, frame_len);
	/* Else nearly all of it is refused at the first octet. */
	if (frame_len > 1 && !one_in(4)) {
		frame[0] = XHA_VERSION;
		frame[1] = frame[1] % 3 << 4;
		if (frame_len >= XHA_HDR_LEN && one_in(2))
			put_unaligned_be16(frame_len - XHA_HDR_LEN + below(2), frame + 2);
	}
	for (at = XHA_HDR_LEN + XHA_ACK_LEN; at + 4 <= frame_len; at += 4 * (1 + any_size(4))) {
		if (one_in(2)) {
			frame[at] = 0x30 + below(8);
			frame[at + 2] = 0;
			frame[at + 3] = 4 * any_size(5);
		} else {
			frame[at] = 0x10 + below(32);
		}
	}
}

static void damage(void)
{
	u32 n = any_size(3), i;

	while (n-- && frame_len) {
		i = one_in(2) ? below(frame_len) : below(min_t(size_t, frame_len, 64));
		switch (below(5)) {
		case 0:
		case 1:
			frame[i] ^= BIT(below(8));
			break;
		case 2:
			frame[i] = one_in(2) ? rnd() >> 56 : one_in(2) ? 0xff : 0;
			break;
		case 3:
			frame_len = one_in(2) ? i : frame_len - below(min_t(u32, i + 1, 4));
			break;
		default:
			memmove(frame, frame + i, frame_len - i);
			frame_len -= i;
			break;
		}
	}
}

static bool id_bounds(const struct xha_id *id)
{
	static const u8 zero[sizeof(id->zero)];

	if (memcmp(id->zero, zero, sizeof(zero)) || (id->family != INET && id->family != INET6))
		return false;
	return id->family == INET6 || !(id->daddr[1] | id->daddr[2] | id->daddr[3]);
}

static bool record_bounds(const struct xha_msg *m, const struct xha_window *w)
{
	const struct xha_record *r = &m->record;
	u32 i;

	if (m->kind != (r->in ? XHA_MSG_IN : XHA_MSG_OUT) || r->index > XHA_INDEX_MAX ||
	    r->flags & ~XHA_REC_F_MASK || r->bytes >> 48 || r->packets >> 48)
		return false;
	if (!(r->flags & XHA_REC_F_BITMAP))
		return !r->window;
	if (!r->in || r->window != w || w->edge != r->seq || w->width > XHA_WINDOW_MAX)
		return false;
	for (i = w->width; i < XHA_WINDOW_MAX; i = i % 32 ? i + 1 : i + 32)
		if (i % 32 ? w->bits[i / 32] >> i % 32 : w->bits[i / 32])
			return false;
	return true;
}

static bool group_bounds(const struct xha_group_msg *g)
{
	size_t i, n = strnlen(g->name, XHA_NAME_LEN);

	for (i = 0; i < n; i++)
		if (g->name[i] < '!' || g->name[i] > '~' || g->name[i] == '/')
			return false;
	return n && n < XHA_NAME_LEN && g->role <= XHA_WIRE_REQUEST;
}

static bool announce_bounds(const struct xha_announce *a)
{
	return a->index <= XHA_INDEX_MAX && !(a->flags & ~(XHA_REC_F_MASK & ~XHA_REC_F_BITMAP)) &&
	       a->inc && a->stripe >= XHA_STRIPE_MIN && a->stripe <= XHA_STRIPE_MAX &&
	       (!a->share.step || a->share.first < a->share.step) && id_bounds(&a->id);
}

static bool bounds(const struct xha_msg *m, const struct xha_window *w)
{
	switch (m->kind) {
	case XHA_MSG_OUT:
	case XHA_MSG_IN:
		return record_bounds(m, w);
	case XHA_MSG_ANNOUNCE:
		return announce_bounds(&m->announce);
	case XHA_MSG_ASK:
		return id_bounds(&m->id);
	case XHA_MSG_GROUP:
		return group_bounds(&m->group);
	}
	return true;
}

/* All messages from @at on, as far as they are accepted */
static void read_messages(const u8 *buf, size_t at, size_t len)
{
	static struct xha_window w, again;
	struct xha_msg m, d;
	u8 out[LONGEST];
	int n, k;

	for (; at < len; at += n) {
		memset(&m, 0xa5, sizeof(m));
		w.width = ~0;
		n = xha_msg_decode(buf + at, len - at, &m, &w);
		if (n == -EBADMSG)
			return;
		expect(n >= 4 && n % 4 == 0 && at + n <= len, "%zu octets, %d taken",
		       len - at, n);
		expect(bounds(&m, &w), "kind %#x out of bounds was accepted", m.kind);
		k = encode(out, sizeof(out), &m);
		expect(k > 0 && k <= n && xha_msg_decode(out, k, &d, &again) == k && same(&m, &d),
		       "kind %#x: decoded, encoded, decoded is another", m.kind);
	}
}

static int hdr_wanted(const u8 *buf)
{
	u8 type;

	if (frame_len < XHA_HDR_LEN)
		return -EBADMSG;
	if (buf[0] != XHA_VERSION)
		return -EPROTONOSUPPORT;
	type = buf[1] >> 4;
	if (XHA_HDR_LEN + 256 * buf[2] + buf[3] > (int)frame_len)
		return -EBADMSG;
	return type == XHA_FRAME_HELLO || type == XHA_FRAME_DATA ? XHA_HDR_LEN : -EBADMSG;
}

static void read_frame(void)
{
	u8 *buf = room(frame_len);
	struct xha_hello hello;
	struct xha_hdr h;
	struct xha_ack a;
	int n;

	memcpy(buf, frame, frame_len);
	n = xha_hdr_decode(buf, frame_len, &h);
	expect(n == hdr_wanted(buf), "header: %d, wanted %d", n, hdr_wanted(buf));
	expect(n < 0 || (h.type == buf[1] >> 4 && h.flags == (buf[1] & XHA_HDR_F_MASK)),
	       "header: type %u flags %u", h.type, h.flags);
	if (frame_len >= XHA_HDR_LEN) {
		const u8 *p = buf + XHA_HDR_LEN;
		size_t len = frame_len - XHA_HDR_LEN;

		n = xha_hello_decode(p, len, &hello);
		expect(n > 0 ? n == XHA_HELLO_LEN && len >= XHA_HELLO_LEN && hello.node &&
		       hello.session && hello.heartbeat && hello.dead && hello.insecure <= 1 :
		       n == -EBADMSG, "hello out of bounds was accepted, or %d", n);
		n = xha_ack_decode(p, len, &a);
		expect(n == (len < XHA_ACK_LEN ? -EBADMSG : XHA_ACK_LEN), "ack: %d", n);
		read_messages(p, XHA_ACK_LEN, len);
	}
	read_messages(buf, below(frame_len + 1), frame_len);
	free(buf);
}

static void one_case(void)
{
	u32 what = prop.number % 16;

	if (what == 1)
		refusals();
	if (what == 2)
		unbelievable();
	if (what == 0)
		data_frame();
	else if (what == 8)
		hello_frame();
	else if (what % 4 == 0)
		noise_frame();
	else
		damage();
	read_frame();
}

int main(int argc, char **argv)
{
	return property(argc, argv, "frame", 2000000, one_case);
}
