/* SPDX-License-Identifier: GPL-2.0 */
/* Addresses, routes and neighbours of the kernel. */
#ifndef XFRM_HAD_RTNL_H
#define XFRM_HAD_RTNL_H

#include "conf.h"

/* Marks what is the daemon's: as protocol of routes, addresses and neighbours. */
#define RTNL_PROTO	104

enum rtnl_how {
	RTNL_ADD,		/* -EEXIST: it is there, and was not touched */
	RTNL_REPLACE,
	RTNL_DEL,		/* 0, too, if it is not there */
};

struct nl_msg;

int rtnl_open(void);
void rtnl_close(void);
int rtnl_talk(struct nl_msg *msg, int (*func)(struct nl_msg *msg, void *data), void *data);

#define RTNL_ALL	32		/* requests in one go */

void rtnl_talk_all(struct nl_msg **msgs, unsigned int n, int *errs);
int rtnl_virtual(const struct conf_virtual *v, bool up);	/* made if need be; 0: it is so */
int rtnl_address(enum rtnl_how how, const struct conf_address *a);
bool rtnl_is_local(const struct conf_address *a);
int rtnl_route(enum rtnl_how how, const struct conf_route *t);
int rtnl_neighbour(enum rtnl_how how, const struct conf_neighbour *n);

/* Delete what is marked, and not described by @c. */
void rtnl_sweep(const struct conf *c);

/* Something has happened to a link, or (@addresses) an address. */
int rtnl_events_open(bool addresses);
void rtnl_events_read(int fd);

#endif
