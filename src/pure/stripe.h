/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stripes: which sequence numbers a node may use although it can't hear the others. Pure.
 *
 * The numbers of an SA are cut into stripes of 2^bits. Stripe i belongs to a share (first, step) if
 * i mod step is first. Shares of the same step and another first have no number in common,
 * nor have the two that a share is split into.
 */
#ifndef _XFRM_HA_STRIPE_H
#define _XFRM_HA_STRIPE_H

#include "pure/pure.h"

#define XHA_STRIPE_MIN		10	/* bits */
#define XHA_STRIPE_MAX		31	/* bits: two stripes in 2^32 */
#define XHA_STRIPE_DEFAULT	20	/* bits */
#define XHA_STRIPE_NODES	2	/* of a group, if nothing else is set */
#define XHA_STRIPE_NODES_MAX	16

/**
 * struct xha_share - the stripes of one node
 * @first: remainder, below @step
 * @step: every so manyth stripe; 1: all; 0: none, or not known
 */
struct xha_share {
	u32 first;
	u32 step;
};

bool xha_share_has(const struct xha_share *s, u8 bits, u64 n);
u64 xha_share_next(const struct xha_share *s, u8 bits, u64 n);
u64 xha_share_run(const struct xha_share *s, u8 bits, u64 n);
u64 xha_share_ahead(const struct xha_share *s, u8 bits, u64 n, u64 q);
u64 xha_share_size(const struct xha_share *s, u8 bits);
bool xha_share_split(struct xha_share *own, struct xha_share *given, u8 bits);

#endif
