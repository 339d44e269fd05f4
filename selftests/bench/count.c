// SPDX-License-Identifier: GPL-2.0
/*
 * Adds packets to the counts of all SAs of a network namespace, as if they had come:
 * 1 to 64 each, always as many for an SA with the same SPI (XFRM_MSG_NEWAE).
 *
 *	count NS
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <string.h>

#include <linux/xfrm.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "../lib/netns.h"

struct row {
	struct xfrm_aevent_id id;
	struct nlattr attr;
	struct xfrm_lifetime_cur count;
} __attribute__((packed));

static struct row *rows;
static size_t n;

static int found(struct nl_msg *msg, void *arg)
{
	struct xfrm_usersa_info *sa = nlmsg_data(nlmsg_hdr(msg));
	struct row *r;

	/* Doubled when it is full: at each power of two. */
	if (!(n & (n - 1))) {
		rows = realloc(rows, 2 * (n + 1) * sizeof(*rows));
		if (!rows)
			die("realloc");
	}
	r = &rows[n++];
	memset(r, 0, sizeof(*r));
	r->id.sa_id.daddr = sa->id.daddr;
	r->id.sa_id.spi = sa->id.spi;
	r->id.sa_id.family = sa->family;
	r->id.sa_id.proto = sa->id.proto;
	r->attr.nla_type = XFRMA_LTIME_VAL;
	r->attr.nla_len = sizeof(r->attr) + sizeof(r->count);
	r->count = sa->curlft;
	r->count.packets += 1 + (ntohl(sa->id.spi) * 2654435761u >> 16) % 64;
	return NL_OK;
}

int main(int argc, char **argv)
{
	struct nl_sock *nl = nl_socket_alloc();
	struct row *r;

	if (argc != 2) {
		fprintf(stderr, "usage: count NS\n");
		return 2;
	}
	netns_enter(argv[1]);
	if (!nl || nl_connect(nl, NETLINK_XFRM))
		die("netlink");
	nl_socket_modify_cb(nl, NL_CB_VALID, NL_CB_CUSTOM, found, NULL);
	if (nl_send_simple(nl, XFRM_MSG_GETSA, NLM_F_DUMP, NULL, 0) < 0 ||
	    nl_recvmsgs_default(nl) < 0)
		die("SAs");
	for (r = rows; r < rows + n; r++)
		if (nl_send_simple(nl, XFRM_MSG_NEWAE, NLM_F_REPLACE, r, sizeof(*r)) < 0 ||
		    nl_wait_for_ack(nl) < 0)
			die("XFRM_MSG_NEWAE");
	printf("%zu\n", n);
	return 0;
}
