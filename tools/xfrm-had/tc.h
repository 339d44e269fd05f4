/* SPDX-License-Identifier: GPL-2.0 */
/* Traffic control of the kernel: filters that redirect what comes in, and queues that keep it. */
#ifndef XFRM_HAD_TC_H
#define XFRM_HAD_TC_H

#include "conf.h"

struct nl_msg;

/* Which packets: those to @to, of all protocols, or of one, or to one of its ports. */
struct tc_match {
	struct conf_ip to;
	uint8_t proto;			/* 0: all */
	uint16_t port;			/* 0: all */
};

/* Where to: out of a device, to a station there */
struct tc_target {
	int ifindex;
	bool frame;			/* the next two are written into the frame */
	uint8_t from[6], to[6];
};

/* A filter has a number that follows from what it does: who has that need not look further. */
struct tc_filter {
	uint32_t handle;
	uint16_t protocol;		/* ETH_P_IP, ETH_P_IPV6 */
	uint64_t packets;
};

#define TC_FILTERS_MAX	512		/* of the daemon's, on a device */

uint32_t tc_handle(const struct tc_match *m, const struct tc_target *t);

/* Requests, for rtnl_talk_all(); NULL: out of memory */
struct nl_msg *tc_ingress(int ifindex);
struct nl_msg *tc_filter_add(int ifindex, const struct tc_match *m, const struct tc_target *t);
struct nl_msg *tc_filter_del(int ifindex, const struct tc_filter *f);
struct nl_msg *tc_keep(int ifindex, bool keep);

int tc_filters(int ifindex, struct tc_filter *f);	/* how many there are, or -errno */

struct tc_queue {
	uint32_t kept;			/* packets in it now */
	uint64_t dropped;		/* since it was made: there was no room */
};

int tc_keeper(const char *name, uint32_t octets);	/* its number, or -errno; made if need be */
int tc_keeper_ask(int ifindex, struct tc_queue *q);
int tc_keeper_empty(int ifindex, uint32_t octets);	/* and it keeps what comes */
int tc_loosen(int ifindex);

#endif
