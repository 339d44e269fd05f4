/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the pure files (frame, lease, session, term, window) need, in the
 * kernel and in user space (unit tests, fuzzers, simulators).
 */
#ifndef _XFRM_HA_PURE_H
#define _XFRM_HA_PURE_H

#ifdef __KERNEL__
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/types.h>
#include <linux/unaligned.h>
#else
#include "pure_user.h"
#endif

#endif
