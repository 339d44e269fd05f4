// SPDX-License-Identifier: GPL-2.0
/* In which device of this node an SA is, that is in some device of the peer's: as the file says. */

#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "relay.h"

/* As had_departure has it */
bool offload_name(void *data, int ifindex, char *name, size_t len)
{
	char full[IF_NAMESIZE];

	(void)data;
	if (!if_indextoname(ifindex, full) || strlen(full) >= len)
		return false;
	strcpy(name, full);
	return true;
}

/* As had_landing has it; @data: the group */
int offload_index(void *data, const char *name)
{
	const struct relay *g = data;
	const struct conf_offload *o = g->group->conf ? g->group->conf->offloads : NULL;

	while (o && strcmp(o->peer, name))
		o = o->next;
	return o ? if_nametoindex(o->device) : 0;
}
