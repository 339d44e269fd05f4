/* SPDX-License-Identifier: GPL-2.0 */
#include_next <net/addrconf.h>

/* Where IPv6 may be a module its functions are reached by a table. */
#ifdef XHA_HAS_IPV6_STUBS
#include <net/ipv6_stubs.h>
#define ipv6_dev_find(net, addr, dev) ipv6_stub->ipv6_dev_find(net, addr, dev)
#endif
