// SPDX-License-Identifier: GPL-2.0
/* Sequence and lease arithmetic. Pure. */

#include "pure/lease.h"

/**
 * xha_in_interval() - how far the right edge may advance without a record
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

/* The greatest advance between two records of late: it fades by an eighth a record. */
u32 xha_peak(u32 peak, u64 advance)
{
	return max_t(u64, min_t(u64, advance, U32_MAX), peak - peak / 8);
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
 * none of it as seen. Strict counts as seen an interval and twice what the SA ever advance
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
 * xha_limit() - the highest outbound number that may follow without a gap
 * @b: bounds
 * @oseq: last number used
 *
 * Return: number; @oseq or less: none.
 */
u64 xha_limit(const struct xha_bounds *b, u64 oseq)
{
	u64 limit = max(oseq, b->floor), next = limit == U64_MAX ? limit : limit + 1;

	if (xha_share_has(&b->share, b->bits, next))
		limit = xha_share_run(&b->share, b->bits, next);
	limit = min(limit, b->end);
	return b->bound ? min(limit, b->lease) : limit;
}

/**
 * xha_jump() - where an SA goes on that has come to its limit
 * @b: bounds
 * @oseq: last number used
 *
 * Return: the number to count as the last one used, before the first of the next stripe of its
 * own; @oseq: there is none, or not yet.
 */
u64 xha_jump(const struct xha_bounds *b, u64 oseq)
{
	u64 limit = xha_limit(b, oseq), next;

	if (b->bound && limit >= b->lease)
		return oseq;
	next = xha_share_next(&b->share, b->bits, max3(limit, oseq, b->floor));
	if (next == U64_MAX || next > b->end || (b->bound && next > b->lease))
		return oseq;
	return next - 1;
}

/* May this node use the number at all? */
bool xha_allows(const struct xha_bounds *b, u64 number)
{
	return number <= b->end && (!b->bound || number <= b->lease) &&
	       (number <= b->floor || xha_share_has(&b->share, b->bits, number));
}

/**
 * xha_ask() - the lease to ask for
 * @b: bounds
 * @oseq: last number used
 * @quantity: packets, at least 1
 *
 * The peer, should it take over, begins above the lease that it was asked for. So that covers all
 * that needs no stripe. An SA without a share asks for no more: the rest is for others.
 *
 * Return: where the SA has come to when it has used so many more numbers; the end if it has not as
 * many; not below the floor.
 */
u64 xha_ask(const struct xha_bounds *b, u64 oseq, u32 quantity)
{
	u64 end, below = b->floor > oseq ? b->floor - oseq : 0;

	if (!b->whole && !b->share.step)
		end = oseq;
	else if (b->whole || below >= quantity)
		end = U64_MAX - oseq < quantity ? U64_MAX : oseq + quantity;
	else
		end = xha_share_ahead(&b->share, b->bits, max(oseq, b->floor), quantity - below);
	return min(max3(end, oseq, b->floor), b->end);
}

/**
 * xha_soft() - the number at which the SA should be renewed
 * @b: bounds
 * @percent: of the numbers that are left to it, 1 … 100
 *
 * Return: number; U64_MAX where the end is too far to matter.
 */
u64 xha_soft(const struct xha_bounds *b, u32 percent)
{
	static const struct xha_share all = { .step = 1 };
	const struct xha_share *s = b->whole ? &all : &b->share;
	u64 own;

	if (b->end > U32_MAX)
		return U64_MAX;
	own = div_u64(xha_share_size(s, b->bits) * percent, 100);
	return own ? min(xha_share_ahead(s, b->bits, 0, own), b->end) : b->end;
}

/**
 * xha_auto_interval() - the interval that makes a record due every half of max-age
 * @packets: that the SA advance
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
