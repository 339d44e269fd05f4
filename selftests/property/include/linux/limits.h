/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _PROPERTY_LIMITS_H
#define _PROPERTY_LIMITS_H

/* libc includes it, too. */
#include_next <linux/limits.h>

#define U8_MAX		((unsigned char)~0)
#define U16_MAX		((unsigned short)~0)
#define U32_MAX		(~0u)
#define U64_MAX		(~0ull)
#define S64_MAX		((long long)(U64_MAX >> 1))

#endif
