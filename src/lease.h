/* SPDX-License-Identifier: GPL-2.0 */
/* Sequence and lease arithmetic. Pure. All numbers are 64 bit. */
#ifndef _XFRM_HA_LEASE_H
#define _XFRM_HA_LEASE_H

#include "pure.h"

#define XHA_INTERVAL_MAX	1048576u	/* packets */
#define XHA_INTERVAL_DEFAULT	64
#define XHA_QUANTITY_MAX	1073741824u	/* packets; a jump must stay below 2^31 for ESN */
#define XHA_QUANTITY_DEFAULT	8192

/* hi:lo of an SA without ESN is 0:lo. */
static inline u64 xha_seq64(u32 lo, u32 hi)
{
	return (u64)hi << 32 | lo;
}

/* Is a record due? @seq: the number as of now; @due: the first number that makes one. */
static inline bool xha_due(u64 seq, u64 due)
{
	return (s64)(seq - due) >= 0;
}

u64 xha_lease_end(u64 oseq, u32 quantity, bool esn);
u32 xha_in_interval(u32 interval, u32 window);
u64 xha_expand48(u64 known, u64 low48);
u32 xha_quantity(u32 quantity, u32 interval);

#endif
