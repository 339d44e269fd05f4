// SPDX-License-Identifier: GPL-2.0
/* Sequence and lease arithmetic. Pure. */

#include "lease.h"

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
