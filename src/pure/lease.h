/* SPDX-License-Identifier: GPL-2.0 */
/* Sequence and lease arithmetic. Pure. All numbers are 64 bit. */
#ifndef _XFRM_HA_LEASE_H
#define _XFRM_HA_LEASE_H

#include "pure/pure.h"
#include "pure/stripe.h"

#define XHA_INTERVAL_MAX	1048576u	/* packets */
#define XHA_INTERVAL_DEFAULT	64
/*
 * packets. The upper half of an ESN is not on the wire, so no receiver can follow a jump of 2^32
 * (RFC 4303, appendix A2). Takeovers with nothing sent in between add up: 255 of them may come.
 */
#define XHA_QUANTITY_MAX	16777216u
#define XHA_QUANTITY_DEFAULT	8192
#define XHA_UNSAID		256	/* packets: see xha_urge_in() */
#define XHA_ROUND		300	/* packets: see xha_exposure() */
#define XHA_SOFT_DEFAULT	75	/* percent of a node's numbers, see xha_soft() */

/*
 * Part of the protocol, the same on all nodes. Birth: numbers 1 … 8192 of an SA may be used
 * before the peer has heard of it; who takes over an SA that he was never told of starts above.
 * Grant: with an exact number handed over go so many above it.
 */
#define XHA_LEASE_BIRTH		8192
#define XHA_LEASE_GRANT		8192

/* hi:lo of an SA without ESN is 0:lo. */
static inline u64 xha_seq64(u32 lo, u32 hi)
{
	return (u64)hi << 32 | lo;
}

/*
 * The end of an SA: the last number, or with extended numbers the last before the last 2^32. Who
 * is there neither sends nor accepts. Inbound, the receiver takes a number far below its edge for
 * one of the next 2^32; after the last 2^32 come those of the first. Outbound, what is above is
 * new, and the remote end takes it for a number of its own 2^32; the kernel would give the very
 * last one again and again (xfrm_replay_overflow_offload_esn()).
 */
static inline u64 xha_end(bool esn)
{
	return esn ? U64_MAX - (1ULL << 32) : U32_MAX;
}

/* Is a record due? @seq: the number as of now; @due: the first number that makes one. */
static inline bool xha_due(u64 seq, u64 due)
{
	return (s64)(seq - due) >= 0;
}

/**
 * struct xha_bounds - which outbound numbers of an SA its node may use
 * @bound: none above the lease
 * @whole: @floor follows the lease: what the peer has used is known, and there never was another
 * @bits: of a stripe
 * @share: above @floor none but those of this node's share
 * @floor: up to here whatever stripe they are in: nobody else uses them
 * @lease: end of the newest lease that the peer has acknowledged
 * @end: the last number of the SA
 */
struct xha_bounds {
	bool bound;
	bool whole;
	u8 bits;
	struct xha_share share;
	u64 floor;
	u64 lease;
	u64 end;
};

/**
 * struct xha_exposure - what a takeover now could cost inbound, packets of one SA at most
 * @lost: new packets that would be dropped as if seen before
 * @replay: packets that would be accepted a second time, were they sent again
 */
struct xha_exposure {
	u32 lost;
	u32 replay;
};

void xha_exposure(struct xha_exposure *e, u32 interval, u32 window, u32 peak, bool lenient);
u32 xha_peak(u32 peak, u64 advance);
u64 xha_limit(const struct xha_bounds *b, u64 oseq);
u64 xha_jump(const struct xha_bounds *b, u64 oseq);
bool xha_allows(const struct xha_bounds *b, u64 number);
u64 xha_ask(const struct xha_bounds *b, u64 oseq, u32 quantity);
u64 xha_soft(const struct xha_bounds *b, u32 percent);
u32 xha_auto_interval(u64 packets, u64 ns, u32 max_age, u32 most);
u32 xha_in_interval(u32 interval, u32 window);
u32 xha_urge_out(u32 interval, u32 quantity);
u32 xha_urge_in(u32 interval, u32 window, bool lenient);
u64 xha_expand48(u64 known, u64 low48);
u32 xha_quantity(u32 quantity, u32 interval);

#endif
