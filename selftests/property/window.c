// SPDX-License-Identifier: GPL-2.0
/*
 * Replay windows against a set of numbers: a number is refused if it is in the
 * set, or so far below the highest that it can't be told. A case is one
 * operation on one of two windows, which are now and then merged.
 */

#include "property.h"
#include "pure/window.h"

/* More than any window is wide: what a newer number pushes out is left of it. */
#define SET		(2 * XHA_WINDOW_MAX)

struct set {
	u64 edge;
	u32 width;
	u32 life;
	struct {
		u64 number;
		u32 life;
	} slot[SET];
};

static struct both {
	struct xha_window w;
	struct set s;
} ends[2];

static u32 left;	/* operations to come on these two */

static bool has(const struct set *s, u64 n)
{
	return s->slot[n % SET].life == s->life && s->slot[n % SET].number == n;
}

static void add(struct set *s, u64 n)
{
	s->slot[n % SET].life = s->life;
	s->slot[n % SET].number = n;
}

static bool refused(const struct set *s, u64 n)
{
	if (!s->width || n > s->edge)
		return false;
	return s->edge - n >= s->width || has(s, n);
}

static void pass(struct set *s, u64 edge, bool seen)
{
	u64 n;

	if (edge <= s->edge)
		return;
	for (n = edge; seen && n > s->edge && edge - n < s->width; n--)
		add(s, n);
	s->edge = edge;
}

static bool bit(const u32 *bits, u32 i)
{
	return bits[i / 32] & 1u << i % 32;
}

static void same(const struct both *b, const char *after)
{
	u32 i;

	expect(b->w.edge == b->s.edge && b->w.width == b->s.width,
	       "%s: edge %llu width %u, wanted %llu, %u", after, b->w.edge, b->w.width,
	       b->s.edge, b->s.width);
	for (i = 0; i < b->w.width && i <= b->w.edge; i++)
		expect(bit(b->w.bits, i) == has(&b->s, b->s.edge - i),
		       "%s: edge %llu width %u: bit %u is %d", after, b->s.edge, b->s.width, i,
		       bit(b->w.bits, i));
	for (i = b->w.width; i < XHA_WINDOW_MAX; i = i % 32 ? i + 1 : i + 32)
		expect(i % 32 ? !bit(b->w.bits, i) : !b->w.bits[i / 32],
		       "%s: width %u: bit %u or above is set", after, b->w.width, i);
}

static void ask(const struct both *b, u64 n)
{
	expect(xha_window_seen(&b->w, n) == refused(&b->s, n),
	       "edge %llu width %u: seen(%llu) is %d", b->s.edge, b->s.width, n,
	       !refused(&b->s, n));
}

static u64 somewhere(u32 width)
{
	u64 d = below(3 * width + 3);

	switch (below(8)) {
	case 0:
	case 1:
		return d;
	case 2:
	case 3:
		return (1ULL << 32) - width + d;
	case 4:
		return ((any_size(31) + 1) << 32) - width + d;
	case 5:
	case 6:
		return U64_MAX - d;
	}
	return edgy();
}

static u32 some_width(void)
{
	switch (below(32)) {
	case 0:
		return 0;
	case 1:
	case 2:
	case 3:
	case 4:
		return 1u << below(13);
	}
	return 1 + any_size(12);
}

static void begin(struct both *b, u64 edge, u32 width)
{
	b->w = (struct xha_window) { .edge = edge, .width = width };
	b->s.edge = edge;
	b->s.width = width;
	b->s.life++;
}

static u64 ahead(const struct both *b)
{
	u64 by;

	switch (below(8)) {
	case 0:
		by = any_size(64);
		break;
	case 1:
	case 2:
		by = below(2 * b->s.width + 2);
		break;
	default:
		by = below(4);
	}
	return by > U64_MAX - b->s.edge ? U64_MAX : b->s.edge + by;
}

/* A number about which the window may know something */
static u64 about(const struct both *b)
{
	return b->s.edge + 2 - below(b->s.width + 5);
}

/* As a receiver does it: RFC 4303, A2.2 */
static void accept(struct both *b)
{
	u64 n = one_in(3) ? ahead(b) : about(b);
	u32 i;

	ask(b, n);
	if (!b->s.width || refused(&b->s, n))
		return;
	xha_window_advance(&b->w, n, false);
	i = b->w.edge - n;
	b->w.bits[i / 32] |= 1u << i % 32;
	pass(&b->s, n, false);
	add(&b->s, n);
}

static void move(struct both *b)
{
	u64 edge = one_in(8) ? b->s.edge - any_size(64) : ahead(b);
	bool seen = rnd() >> 63;

	xha_window_advance(&b->w, edge, seen);
	pass(&b->s, edge, seen);
}

static void merge(struct both *b, const struct both *other)
{
	u64 n, i;

	if (other->s.edge > b->s.edge)
		pass(&b->s, other->s.edge, false);
	for (i = 0; i < b->s.width && i <= b->s.edge; i++) {
		n = b->s.edge - i;
		if (refused(&other->s, n))
			add(&b->s, n);
	}
	xha_window_merge(&b->w, &other->w);
	same(b, "merge");
}

/* No longer than it is, for the sanitizer to watch */
static u32 *new_ring(u32 width)
{
	u32 *bmp = malloc(4 * xha_window_words(width));

	if (!bmp)
		abort();
	return bmp;
}

static bool one_block(u64 a, u64 b)
{
	return (a - 1) >> 32 == (b - 1) >> 32;
}

/* Where the kernel looks for number edge - i: it counts back, in 32 bits, from the edge. */
static u32 place(u64 edge, u32 i, u32 width)
{
	u32 pos = (u32)(edge - 1) % width;

	return (pos + width - i) % width;
}

static void same_ring(const struct set *s, const u32 *bmp, const char *after)
{
	u32 i, at;

	for (i = 0; i < s->width && i <= s->edge; i++) {
		at = place(s->edge, i, s->width);
		expect(bit(bmp, at) == has(s, s->edge - i),
		       "%s: edge %llu width %u: ring bit %u of edge - %u is %d", after, s->edge,
		       s->width, at, i, bit(bmp, at));
		expect(!one_block(s->edge, s->edge - i) ||
		       at == (u32)(s->edge - i - 1) % s->width, "%s: the test is wrong", after);
	}
	for (i = s->width; i % 32; i++)
		expect(!bit(bmp, i), "%s: width %u: ring bit %u is set", after, s->width, i);
}

static void there_and_back(struct both *b)
{
	u32 *bmp = new_ring(b->s.width);

	xha_window_to_ring(&b->w, bmp);
	same_ring(&b->s, bmp, "to_ring");
	memset(&b->w, 0xa5, sizeof(b->w));
	xha_window_from_ring(&b->w, b->s.edge, bmp, b->s.width);
	same(b, "from_ring");
	free(bmp);
}

/* The kernel accepts a number: number n is bit (n - 1) % width. */
static void ring_accept(struct both *b)
{
	u64 n = one_in(3) ? ahead(b) : about(b), i;
	u32 width = b->s.width, *bmp, at;

	if (!n || refused(&b->s, n))
		return;
	if (!one_block(n, b->s.edge) && (width & (width - 1) || n < b->s.edge))
		return;
	bmp = new_ring(width);
	xha_window_to_ring(&b->w, bmp);
	for (i = b->s.edge + 1; i && i < n && i - b->s.edge <= width; i++) {
		at = (u32)(i - 1) % width;
		bmp[at / 32] &= ~(1u << at % 32);
	}
	at = (u32)(n - 1) % width;
	bmp[at / 32] |= 1u << at % 32;
	pass(&b->s, n, false);
	add(&b->s, n);
	xha_window_from_ring(&b->w, b->s.edge, bmp, width);
	same(b, "a number into the ring");
	free(bmp);
}

static void ring_pass(struct both *b)
{
	u32 width = b->s.width, *bmp, *before;
	u64 old = b->s.edge, edge = ahead(b);
	bool done;

	if (edge == old)
		return;
	bmp = new_ring(width);
	before = new_ring(width);
	xha_window_to_ring(&b->w, bmp);
	memcpy(before, bmp, 4 * xha_window_words(width));
	done = xha_window_ring_pass(bmp, width, old, edge);
	pass(&b->s, edge, true);
	if (done) {
		same_ring(&b->s, bmp, "ring_pass");
		xha_window_from_ring(&b->w, edge, bmp, width);
	} else {
		expect(!one_block(old, edge) && width & (width - 1),
		       "ring_pass(%u, %llu, %llu) refused", width, old, edge);
		expect(!memcmp(before, bmp, 4 * xha_window_words(width)),
		       "ring_pass(%u, %llu, %llu) refused, but wrote", width, old, edge);
		xha_window_advance(&b->w, edge, true);
	}
	same(b, "ring_pass");
	free(before);
	free(bmp);
}

static void legacy(struct both *b)
{
	u32 bitmap = xha_window_to_legacy(&b->w), i;

	for (i = 0; i < b->s.width && i < 32 && i <= b->s.edge; i++)
		expect((bitmap >> i & 1) == has(&b->s, b->s.edge - i),
		       "to_legacy: width %u: bit %u", b->s.width, i);
	if (b->s.width > 32 || b->s.edge > U32_MAX)
		return;
	memset(&b->w, 0xa5, sizeof(b->w));
	if (b->s.width == 32)
		xha_window_from_legacy(&b->w, b->s.edge, bitmap, 32 + any_size(32) / 2);
	else
		xha_window_from_legacy(&b->w, b->s.edge, bitmap | ~0u << b->s.width, b->s.width);
	same(b, "from_legacy");
}

static void one_case(void)
{
	struct both *b = &ends[rnd() >> 63], *other = &ends[b == ends];
	u64 edge;
	u32 op;

	if (!left--) {
		left = any_size(6);
		begin(b, 0, some_width());
		b->w.edge = somewhere(b->s.width);
		b->s.edge = b->w.edge;
		edge = b->s.edge + b->s.width - below(2 * b->s.width + 2);
		begin(other, edge, one_in(2) ? b->s.width : some_width());
	}
	op = below(64);
	if (op < 24)
		accept(b);
	else if (op < 48)
		move(b);
	else if (op < 52)
		merge(b, other);
	else if (op < 53)
		legacy(b);
	else if (!b->s.width)
		return;
	else if (op < 56)
		there_and_back(b);
	else if (op < 60)
		ring_pass(b);
	else
		ring_accept(b);

	ask(b, b->s.edge);
	ask(b, b->s.edge - b->s.width);
	ask(b, b->s.edge - b->s.width + 1);
	ask(b, about(b));
	if (!left) {
		same(b, "at the end");
		same(other, "at the end");
	}
}

int main(int argc, char **argv)
{
	return property(argc, argv, "window", 2500000, one_case);
}
