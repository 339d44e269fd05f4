// SPDX-License-Identifier: GPL-2.0
/* The tool's netlink, which a process of its own need not close. */

#include "../../tools/lib/netlink.c"
#include "ask.h"

void hang_up(void)
{
	nl_socket_free(sock);
	sock = NULL;
}
