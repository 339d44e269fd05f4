/* SPDX-License-Identifier: GPL-2.0 */
/* The oldest kernel that the tests have run on; included before all else. */
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#error "xfrm_ha needs Linux 6.12 or newer"
#endif
