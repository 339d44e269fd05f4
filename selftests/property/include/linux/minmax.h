/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _PROPERTY_MINMAX_H
#define _PROPERTY_MINMAX_H

#define min_t(type, a, b)	({ type _a = (a), _b = (b); _a < _b ? _a : _b; })
#define max_t(type, a, b)	({ type _x = (a), _y = (b); _x > _y ? _x : _y; })
#define min(a, b)	({ __auto_type _m = (a); __auto_type _n = (b); _m < _n ? _m : _n; })
#define max(a, b)	({ __auto_type _p = (a); __auto_type _q = (b); _p > _q ? _p : _q; })
#define max3(a, b, c)	max(max(a, b), c)
#define clamp_t(type, v, lo, hi)	min_t(type, max_t(type, v, lo), hi)
#define swap(a, b)	({ __auto_type _p = &(a); __auto_type _q = &(b); \
			   __auto_type _s = *_p; *_p = *_q; *_q = _s; })

#endif
