// SPDX-License-Identifier: GPL-2.0
/*
 * Replay windows. Pure.
 *
 * The kernel keeps them in two layouts (net/xfrm/xfrm_replay.c): struct
 * xfrm_replay_state has bit i for number edge - i; struct
 * xfrm_replay_state_esn is a ring in which number n is bit (n - 1) % width,
 * computed from the low 32 bits of the right edge, and counted back from there.
 */

#include "pure/window.h"

static bool get(const u32 *bits, u32 i)
{
	return bits[i / 32] >> (i % 32) & 1;
}

static void set(u32 *bits, u32 i)
{
	bits[i / 32] |= 1u << (i % 32);
}

/* Clear what lies at or beyond the width. */
static void trim(struct xha_window *w)
{
	u32 words = xha_window_words(w->width);

	memset(w->bits + words, 0, sizeof(w->bits) - words * sizeof(u32));
	if (w->width % 32)
		w->bits[words - 1] &= (1u << (w->width % 32)) - 1;
}

static void start(struct xha_window *w, u64 edge, u32 width)
{
	memset(w, 0, sizeof(*w));
	w->edge = edge;
	w->width = min_t(u32, width, XHA_WINDOW_MAX);
}

void xha_window_from_legacy(struct xha_window *w, u32 seq, u32 bitmap, u32 width)
{
	start(w, seq, min_t(u32, width, 32));
	w->bits[0] = bitmap;
	trim(w);
}

u32 xha_window_to_legacy(const struct xha_window *w)
{
	return w->bits[0];
}

/* Where number edge - i stands in the ring. */
static u32 ring_bit(u64 edge, u32 i, u32 width)
{
	u32 pos = ((u32)edge - 1) % width;

	return pos >= i ? pos - i : width - (i - pos);
}

void xha_window_from_ring(struct xha_window *w, u64 edge, const u32 *bmp, u32 width)
{
	u32 i;

	start(w, edge, width);
	for (i = 0; i < w->width; i++)
		if (get(bmp, ring_bit(edge, i, width)))
			set(w->bits, i);
}

/* @bmp has room for w->width bits; whole words are written. */
void xha_window_to_ring(const struct xha_window *w, u32 *bmp)
{
	u32 i;

	memset(bmp, 0, xha_window_words(w->width) * sizeof(u32));
	for (i = 0; i < w->width; i++)
		if (get(w->bits, i))
			set(bmp, ring_bit(w->edge, i, w->width));
}

/* Set @n bits from @from on; all lie within the array. */
static void set_range(u32 *bits, u32 from, u32 n)
{
	while (n) {
		u32 first = from % 32, take = min_t(u32, n, 32 - first);

		bits[from / 32] |= (take == 32 ? ~0u : (1u << take) - 1) << first;
		from += take;
		n -= take;
	}
}

/**
 * xha_window_ring_pass() - move the right edge of a ring; what it passes counts as seen
 * @bmp: ring; changed as xha_window_from_ring(), xha_window_advance(true) and
 *	xha_window_to_ring() would
 * @width: its width, not 0
 * @old: right edge as of now
 * @edge: the new one, ahead of @old
 *
 * Return: false if that can't be done in place: @edge - @old spans a multiple of 2^32, where the
 * kernel's ring has a seam unless its width is a power of 2.
 */
bool xha_window_ring_pass(u32 *bmp, u32 width, u64 old, u64 edge)
{
	u32 pos = ((u32)edge - 1) % width, n;

	if ((old - 1) >> 32 != (edge - 1) >> 32 && width & (width - 1))
		return false;
	n = min_t(u64, edge - old, width);
	if (n <= pos + 1) {
		set_range(bmp, pos + 1 - n, n);
	} else {
		set_range(bmp, 0, pos + 1);
		set_range(bmp, width - (n - pos - 1), n - pos - 1);
	}
	return true;
}

/* Would the number be refused? Seen, or left of the window. */
bool xha_window_seen(const struct xha_window *w, u64 seq)
{
	if (!w->width || seq > w->edge)
		return false;
	if (w->edge - seq >= w->width)
		return true;
	return get(w->bits, w->edge - seq);
}

/* Age all by n numbers: bit i becomes bit i + n. */
static void shift(struct xha_window *w, u64 n)
{
	u32 words = xha_window_words(w->width);
	u32 skip, bits, i;

	if (n >= w->width) {
		memset(w->bits, 0, sizeof(w->bits));
		return;
	}
	skip = n / 32;
	bits = n % 32;
	for (i = words; i-- > 0;) {
		u32 v = 0;

		if (i >= skip) {
			v = w->bits[i - skip] << bits;
			if (bits && i > skip)
				v |= w->bits[i - skip - 1] >> (32 - bits);
		}
		w->bits[i] = v;
	}
	trim(w);
}

/**
 * xha_window_advance() - move the right edge forward
 * @w: window
 * @edge: where to; if it is not ahead, nothing happens
 * @seen: the numbers passed, @edge among them, count as seen
 */
void xha_window_advance(struct xha_window *w, u64 edge, bool seen)
{
	u64 n, i;

	if (edge <= w->edge)
		return;
	n = edge - w->edge;
	shift(w, n);
	w->edge = edge;
	if (seen)
		for (i = 0; i < min_t(u64, n, w->width); i++)
			set(w->bits, i);
}

/**
 * xha_window_merge() - take in what another window has seen
 * @w: window; keeps its width
 * @other: window of maybe another edge and width; what lies left of it is seen
 */
void xha_window_merge(struct xha_window *w, const struct xha_window *other)
{
	u32 i;

	xha_window_advance(w, other->edge, false);
	for (i = 0; i < w->width; i++) {
		u64 seq = w->edge - i;

		if (i > w->edge || get(w->bits, i))
			continue;
		if (other->width && xha_window_seen(other, seq))
			set(w->bits, i);
	}
}
