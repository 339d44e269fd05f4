/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _PROPERTY_TYPES_H
#define _PROPERTY_TYPES_H

/* libc includes it, too. */
#include_next <linux/types.h>

#include <stdbool.h>
#include <stddef.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s64 s64;

#endif
