/* SPDX-License-Identifier: GPL-2.0 */
#include_next <linux/socket.h>

#ifdef XHA_LACKS_SOCKADDR_UNSIZED
#define sockaddr_unsized sockaddr
#endif
