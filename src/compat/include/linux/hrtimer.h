/* SPDX-License-Identifier: GPL-2.0 */
#include_next <linux/hrtimer.h>

#ifndef _XHA_COMPAT_LINUX_HRTIMER_H
#define _XHA_COMPAT_LINUX_HRTIMER_H

#ifdef XHA_LACKS_HRTIMER_SETUP
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*function)(struct hrtimer *),
				 clockid_t clock_id, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock_id, mode);
	timer->function = function;
}
#endif

#endif
