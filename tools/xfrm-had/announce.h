/* SPDX-License-Identifier: GPL-2.0 */
/* Neighbours are told where an address is. */
#ifndef XFRM_HAD_ANNOUNCE_H
#define XFRM_HAD_ANNOUNCE_H

#include <event2/event.h>

#include "conf.h"

int announce_open(struct event_base *base);
void announce_close(void);

/* @probe: ask before whether somebody else has it; what comes back is said */
void announce(const struct conf_ip *ip, const char *device, bool probe);
/* It is to be elsewhere: who has it is no news. */
void announce_end(const struct conf_ip *ip, const char *device);

#endif
