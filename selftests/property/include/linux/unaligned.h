/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _PROPERTY_UNALIGNED_H
#define _PROPERTY_UNALIGNED_H

#include <linux/types.h>

static inline u64 get_unaligned_be(const u8 *p, unsigned int n)
{
	u64 v = 0;

	while (n--)
		v = v << 8 | *p++;
	return v;
}

static inline void put_unaligned_be(u64 v, u8 *p, unsigned int n)
{
	for (; n--; v >>= 8)
		p[n] = v;
}

static inline u16 get_unaligned_be16(const void *p)
{
	return get_unaligned_be(p, 2);
}

static inline u32 get_unaligned_be32(const void *p)
{
	return get_unaligned_be(p, 4);
}

static inline u64 get_unaligned_be64(const void *p)
{
	return get_unaligned_be(p, 8);
}

static inline void put_unaligned_be16(u16 v, void *p)
{
	put_unaligned_be(v, p, 2);
}

static inline void put_unaligned_be32(u32 v, void *p)
{
	put_unaligned_be(v, p, 4);
}

static inline void put_unaligned_be64(u64 v, void *p)
{
	put_unaligned_be(v, p, 8);
}

#endif
