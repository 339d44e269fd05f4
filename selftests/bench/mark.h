/* SPDX-License-Identifier: GPL-2.0 */
#ifndef XFRM_HA_BENCH_MARK_H
#define XFRM_HA_BENCH_MARK_H

/* Where no program has anything else: what is called to say that a measurement begins, or ends */
#define MARK_BEGIN	0x123456789000
#define MARK_END	0x123456789040

#endif
