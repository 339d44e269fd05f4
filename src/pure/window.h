/* SPDX-License-Identifier: GPL-2.0 */
/* Replay windows, apart from the three layouts the kernel keeps them in. Pure. */
#ifndef _XFRM_HA_WINDOW_H
#define _XFRM_HA_WINDOW_H

#include "pure/pure.h"

#define XHA_WINDOW_MAX		4096	/* bits: XFRMA_REPLAY_ESN_MAX of uapi/linux/xfrm.h */
#define XHA_WINDOW_WORDS	(XHA_WINDOW_MAX / 32)

/**
 * struct xha_window - a replay window relative to its right edge
 * @edge: highest number accepted (64 bit; RFC 4303, 3.4.3)
 * @width: width in bits, 0 … XHA_WINDOW_MAX; 0: no replay protection
 * @bits: bit i of the array (word i / 32, bit i % 32): number @edge - i was seen.
 *	  Bits at or beyond @width are 0.
 */
struct xha_window {
	u64 edge;
	u32 width;
	u32 bits[XHA_WINDOW_WORDS];
};

static inline u32 xha_window_words(u32 width)
{
	return (width + 31) / 32;
}

/* struct xfrm_replay_state: bit i of @bitmap is edge - i. */
void xha_window_from_legacy(struct xha_window *w, u32 seq, u32 bitmap, u32 width);
u32 xha_window_to_legacy(const struct xha_window *w);
/* struct xfrm_replay_state_esn: number n is bit (n - 1) % width of @bmp. */
void xha_window_from_ring(struct xha_window *w, u64 edge, const u32 *bmp, u32 width);
void xha_window_to_ring(const struct xha_window *w, u32 *bmp);
bool xha_window_ring_pass(u32 *bmp, u32 width, u64 old, u64 edge);

bool xha_window_seen(const struct xha_window *w, u64 seq);
void xha_window_advance(struct xha_window *w, u64 edge, bool seen);
void xha_window_merge(struct xha_window *w, const struct xha_window *other);

#endif
