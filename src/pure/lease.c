// SPDX-License-Identifier: GPL-2.0
/* Sequence and lease arithmetic. Pure. */

#include "pure/lease.h"

/**
 * xha_lease_end() - the highest number that may be used without asking again
 * @oseq: last number used
 * @quantity: packets
 * @esn: the SA has extended sequence numbers (RFC 4303, 2.2.1)
 *
 * Return: @oseq + @quantity, but no more than the last number of the SA.
 */
u64 xha_lease_end(u64 oseq, u32 quantity, bool esn)
{
	u64 last = esn ? U64_MAX : U32_MAX;

	if (oseq >= last)
		return last;
	return last - oseq < quantity ? last : oseq + quantity;
}

/**
 * xha_in_interval() - how far the right edge may move without a record
 * @interval: of the group, packets
 * @window: width of the replay window in packets; 0: the kernel keeps no edge
 *
 * Return: packets; at most half the window, so that a standby that takes over
 * is never more than that behind.
 */
u32 xha_in_interval(u32 interval, u32 window)
{
	if (!window)
		return interval;
	return min_t(u32, interval, max_t(u32, window / 2, 1));
}

/**
 * xha_urge_out() - outbound packets after which a record does not wait for others
 * @interval: of the group, packets; 0: auto
 * @quantity: of the group, packets
 *
 * Return: a quarter of a lease, so that the next is there before it ends; with auto, the bound
 * that it promises, an eighth.
 */
u32 xha_urge_out(u32 interval, u32 quantity)
{
	return max_t(u32, quantity / (interval ? 4 : 8), 1);
}

/**
 * xha_urge_in() - inbound packets after which a record does not wait for others
 * @interval: of the group, packets; 0: auto
 * @window: width of the replay window in packets; 0: the kernel keeps no edge
 * @lenient: takeover policy
 *
 * Return: packets; strict, as soon as a record is due, else the least frame rate that bounds
 * what can be replayed.
 */
u32 xha_urge_in(u32 interval, u32 window, bool lenient)
{
	if (lenient)
		return max_t(u32, interval, XHA_UNSAID);
	return xha_in_interval(interval ? interval : XHA_UNSAID, window);
}

/* The greatest movement between two records of late: it fades by an eighth a record. */
u32 xha_peak(u32 peak, u64 moved)
{
	return max_t(u64, min_t(u64, moved, U32_MAX), peak - peak / 8);
}

/**
 * xha_exposure() - what a takeover would cost inbound
 * @e: set
 * @interval: of the group, packets; 0: auto
 * @window: width of the replay window in packets, not 0
 * @peak: of the SA, see xha_peak()
 * @lenient: takeover policy
 *
 * What an active node has accepted and not told is below xha_urge_in(), plus what one round
 * of the kernel's receive loop may bring before the record is sent: XHA_ROUND packets
 * (net.core.netdev_budget). A link that loses frames just then adds to it. Lenient counts
 * none of it as seen. Strict counts as seen an interval and twice what the SA ever moved
 * between two records of late.
 */
void xha_exposure(struct xha_exposure *e, u32 interval, u32 window, u32 peak, bool lenient)
{
	u32 unsaid = xha_urge_in(interval, window, lenient) + XHA_ROUND;

	e->lost = 0;
	if (!lenient)
		e->lost = min_t(u64, unsaid, xha_in_interval(interval ? interval : 1, window) +
					     2ULL * peak);
	e->replay = unsaid - e->lost;
}

/**
 * xha_expand48() - complete a count of which 48 bits were sent
 * @known: a count known before
 * @low48: its low 48 bits as of now
 *
 * Return: the value nearest to @known that has these low bits.
 */
u64 xha_expand48(u64 known, u64 low48)
{
	u64 mask = (1ULL << 48) - 1, half = 1ULL << 47;
	u64 v = (known & ~mask) | (low48 & mask);

	if (v > known && v - known > half && v > mask)
		v -= mask + 1;
	else if (v < known && known - v > half && v <= U64_MAX - (mask + 1))
		v += mask + 1;
	return v;
}

/* The quantity in force: as set, or the default, which is never below two intervals. */
u32 xha_quantity(u32 quantity, u32 interval)
{
	return quantity ? quantity : max_t(u32, XHA_QUANTITY_DEFAULT, 2 * interval);
}

/**
 * xha_limit() - the highest outbound number that may be used
 * @b: bounds
 *
 * A slice replaces the lease while there is no peer in sync: another node that takes over
 * uses slices of its own.
 *
 * Return: number; U64_MAX, none.
 */
u64 xha_limit(const struct xha_bounds *b)
{
	if (b->last != U64_MAX && b->alone)
		return b->last;
	if (b->strict && !b->solo)
		return b->lease;
	return U64_MAX;
}

/**
 * xha_slice() - the slice that a node without a peer goes on in
 * @b: @b->first and @b->last are set to it
 * @oseq: last number used, as far as this node knows
 * @p: partition, of at least one slice
 * @esn: numbers have 64 bit; the slices are repeated every 2^32
 *
 * It is the first one of its own in which there are numbers above @oseq. Number 0 is never used.
 *
 * Return: false if there is none: @b->last is @oseq then.
 */
bool xha_slice(struct xha_bounds *b, u64 oseq, const struct xha_partition *p, bool esn)
{
	u64 block = oseq >> 32;
	u32 k;

	for (; block <= (esn ? U32_MAX : 0); block++) {
		for (k = p->slice; k < p->slices; k += p->nodes) {
			b->first = (block << 32) + div_u64((u64)k << 32, p->slices) + !k;
			b->last = (block << 32) + div_u64((k + 1ULL) << 32, p->slices) - 1;
			if (b->last > oseq)
				return true;
		}
	}
	b->first = oseq;
	b->last = oseq;
	return false;
}

/* The number of a slice at which the SA should be renewed. */
u64 xha_slice_soft(const struct xha_bounds *b, u32 percent)
{
	return b->first + div_u64((b->last - b->first) * percent, 100);
}

/**
 * xha_auto_interval() - the interval that makes a record due every half of max-age
 * @packets: that the SA moved
 * @ns: in this time
 * @max_age: ms
 * @most: packets, the greatest interval
 *
 * Return: 1 … @most.
 */
u32 xha_auto_interval(u64 packets, u64 ns, u32 max_age, u32 most)
{
	u64 us = div_u64(ns, 1000);

	if (!us || packets >= U32_MAX)
		return most;
	return clamp_t(u64, div64_u64(packets * max_age * 500, us), 1, most);
}
