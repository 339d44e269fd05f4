/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _PROPERTY_SWAB_H
#define _PROPERTY_SWAB_H

#define swab64(v)	__builtin_bswap64(v)

#endif
