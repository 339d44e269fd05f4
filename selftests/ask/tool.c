// SPDX-License-Identifier: GPL-2.0
/* What a process of its own leaves to its end: the tool's socket, and what was not written. */

#include "../../tools/lib/netlink.c"
#include "../../tools/lib/print.c"
#include "ask.h"

void hang_up(void)
{
	nl_socket_free(sock);
	sock = NULL;
	/* Of an answer that broke off */
	json_object_put(object);
	object = NULL;
}
