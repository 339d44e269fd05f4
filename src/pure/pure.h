/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All that the pure files (frame, heat, lease, session, term, window) need: types,
 * byte order, memory. Nothing of the network stack, nothing that sleeps or locks.
 */
#ifndef _XFRM_HA_PURE_H
#define _XFRM_HA_PURE_H

#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/swab.h>
#include <linux/types.h>
#include <linux/unaligned.h>

#endif
