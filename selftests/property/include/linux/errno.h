/* SPDX-License-Identifier: GPL-2.0 */
/* libc includes it, too. */
#include_next <linux/errno.h>
