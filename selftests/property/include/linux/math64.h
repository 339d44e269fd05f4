/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _PROPERTY_MATH64_H
#define _PROPERTY_MATH64_H

#include <linux/types.h>

static inline u64 div_u64(u64 a, u32 b)
{
	return a / b;
}

static inline u64 div_u64_rem(u64 a, u32 b, u32 *rest)
{
	*rest = a % b;
	return a / b;
}

static inline u64 mul_u64_u32_shr(u64 a, u32 b, unsigned int shift)
{
	return (__uint128_t)a * b >> shift;
}

static inline u32 int_sqrt64(u64 v)
{
	u64 root = 0, bit;

	for (bit = 1ULL << 31; bit; bit >>= 1)
		if ((root | bit) * (root | bit) <= v)
			root |= bit;
	return root;
}

static inline u64 div64_u64(u64 a, u64 b)
{
	return a / b;
}

#endif
