/* SPDX-License-Identifier: GPL-2.0 */
#include_next <linux/netdevice.h>

#ifndef _XHA_COMPAT_LINUX_NETDEVICE_H
#define _XHA_COMPAT_LINUX_NETDEVICE_H

#ifdef XHA_LACKS_MAC_STORAGE
#define dev_set_mac_address(dev, ss, extack) \
	dev_set_mac_address(dev, (struct sockaddr *)(ss), extack)
#endif

#endif
