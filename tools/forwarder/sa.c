// SPDX-License-Identifier: GPL-2.0
/* The kernel's SAs, whoever made them, and this gateway's addresses. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <linux/xfrm.h>

#include "forwarder.h"
#include "tool.h"

/* Newer than the headers of some */
#define SA_DIR		33
#define BUFFER		(4 << 20)

bool device_gone;

static struct nl_sock *sas, *routes;
static const struct settings *settings;
static struct in6_addr *addresses;
static int n_addresses;
static bool stale;		/* something was missed, or is said by a dump only */
static bool moved;		/* addresses have */

static void make_key(struct fwd_key *key, int family, const xfrm_address_t *a, __be32 spi)
{
	memset(key, 0, sizeof(*key));
	if (family == AF_INET) {
		key->daddr[2] = htonl(0xffff);
		key->daddr[3] = a->a4;
	} else {
		memcpy(key->daddr, a->a6, sizeof(key->daddr));
	}
	key->spi = spi;
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct in6_addr));
}

bool sa_local(const struct fwd_key *key)
{
	return bsearch(key->daddr, addresses, n_addresses, sizeof(*addresses), compare);
}

static struct sa_mark mark_of(struct nlattr *a)
{
	const struct xfrm_mark *m = a ? nla_data(a) : NULL;

	return m ? (struct sa_mark){ m->v, m->m } : (struct sa_mark){ 0, 0 };
}

static void add(const struct xfrm_usersa_info *info, struct nlattr **a)
{
	struct fwd_key key;

	if (info->id.proto != IPPROTO_ESP || !info->id.spi)
		return;
	make_key(&key, info->family, &info->id.daddr, info->id.spi);
	alloc_add(&key, mark_of(a[XFRMA_MARK]), a[SA_DIR] ? nla_get_u8(a[SA_DIR]) : 0);
}

static void del(const struct xfrm_usersa_id *id, struct nlattr **a)
{
	struct fwd_key key;

	if (id->proto != IPPROTO_ESP)
		return;
	make_key(&key, id->family, &id->daddr, id->spi);
	alloc_del(&key, mark_of(a[XFRMA_MARK]));
}

static int attributes(struct nlmsghdr *h, int fixed, struct nlattr **a)
{
	memset(a, 0, sizeof(*a) * (SA_DIR + 1));
	return nlmsg_parse(h, fixed, a, SA_DIR, NULL);
}

static int on_sa(struct nl_msg *msg, void *data)
{
	struct nlmsghdr *h = nlmsg_hdr(msg);
	struct nlattr *a[SA_DIR + 1];
	struct xfrm_user_expire *e;
	struct xfrm_usersa_id id;

	(void)data;
	switch (h->nlmsg_type) {
	case XFRM_MSG_NEWSA:
	case XFRM_MSG_UPDSA:
		if (!attributes(h, sizeof(struct xfrm_usersa_info), a))
			add(nlmsg_data(h), a);
		break;
	case XFRM_MSG_DELSA:
		if (!attributes(h, sizeof(struct xfrm_usersa_id), a))
			del(nlmsg_data(h), a);
		break;
	case XFRM_MSG_EXPIRE:
		e = nlmsg_data(h);
		id = (struct xfrm_usersa_id){ e->state.id.daddr, e->state.id.spi, e->state.family,
					      e->state.id.proto };
		if (e->hard && !attributes(h, sizeof(*e), a))
			del(&id, a);
		break;
	case XFRM_MSG_FLUSHSA:
	case XFRM_MSG_MIGRATE:
		stale = true;
		break;
	}
	return NL_OK;
}

static int on_route(struct nl_msg *msg, void *data)
{
	struct nlmsghdr *h = nlmsg_hdr(msg);

	(void)data;
	switch (h->nlmsg_type) {
	case RTM_NEWADDR:
	case RTM_DELADDR:
		moved = true;
		break;
	case RTM_DELLINK:
		if (((struct ifinfomsg *)nlmsg_data(h))->ifi_index == settings->ifindex &&
		    ((struct ifinfomsg *)nlmsg_data(h))->ifi_family == AF_UNSPEC)
			device_gone = true;
		break;
	}
	return NL_OK;
}

static int on_address(struct nl_msg *msg, void *data)
{
	struct ifaddrmsg *ifa = nlmsg_data(nlmsg_hdr(msg));
	struct nlattr *a[IFA_MAX + 1], *own;
	struct in6_addr *more;

	(void)data;
	if (nlmsg_parse(nlmsg_hdr(msg), sizeof(*ifa), a, IFA_MAX, NULL))
		return NL_OK;
	own = a[IFA_LOCAL] ?: a[IFA_ADDRESS];
	if (!own || (ifa->ifa_family != AF_INET && ifa->ifa_family != AF_INET6))
		return NL_OK;
	more = realloc(addresses, (n_addresses + 1) * sizeof(*addresses));
	if (!more)
		exit(refuse("out of memory"));
	addresses = more;
	more += n_addresses++;
	memset(more, 0, sizeof(*more));
	if (ifa->ifa_family == AF_INET6) {
		memcpy(more, nla_data(own), sizeof(*more));
	} else {
		more->s6_addr32[2] = htonl(0xffff);
		memcpy(&more->s6_addr32[3], nla_data(own), 4);
	}
	return NL_OK;
}

/* A dump on a socket of its own, so that events are not mixed in. libnl's error */
static int dump(int protocol, struct nl_msg *msg, nl_recvmsg_msg_cb_t func)
{
	struct nl_sock *s = nl_socket_alloc();
	int err = -NLE_NOMEM;

	if (s && msg) {
		err = nl_connect(s, protocol);
		nl_socket_modify_cb(s, NL_CB_VALID, NL_CB_CUSTOM, func, NULL);
		if (!err)
			err = nl_send_auto(s, msg);
		if (err >= 0)
			err = nl_recvmsgs_default(s);
	}
	nlmsg_free(msg);
	nl_socket_free(s);
	return err < 0 ? err : 0;
}

static int read_addresses(void)
{
	struct ifaddrmsg ifa = { .ifa_family = AF_UNSPEC };
	struct nl_msg *msg;
	int err, tries = 10;

	moved = false;
	do {
		msg = nlmsg_alloc_simple(RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP);
		n_addresses = 0;
		if (msg)
			nlmsg_append(msg, &ifa, sizeof(ifa), NLMSG_ALIGNTO);
		err = dump(NETLINK_ROUTE, msg, on_address);
	} while (err == -NLE_DUMP_INTR && --tries);
	qsort(addresses, n_addresses, sizeof(*addresses), compare);
	return err;
}

/* All SAs, for those that were there before, or when events were lost. */
int sa_dump(void)
{
	struct nl_msg *msg = nlmsg_alloc_simple(XFRM_MSG_GETSA, NLM_F_REQUEST | NLM_F_DUMP);
	struct xfrm_usersa_id id = { };
	int err;

	stale = false;
	tally.dumps++;
	alloc_dump_begin();
	if (msg) {
		nlmsg_append(msg, &id, sizeof(id), NLMSG_ALIGNTO);
		nla_put_u8(msg, XFRMA_PROTO, IPPROTO_ESP);
	}
	err = dump(NETLINK_XFRM, msg, on_sa);
	/* Half a dump would take away what is there. */
	if (!err)
		alloc_dump_end();
	else
		stale = true;
	return err;
}

static struct nl_sock *listener(int protocol, nl_recvmsg_msg_cb_t func, const int *groups)
{
	struct nl_sock *s = nl_socket_alloc();
	int size = BUFFER;

	if (!s || nl_connect(s, protocol))
		return NULL;
	for (; *groups; groups++) {
		if (nl_socket_add_membership(s, *groups))
			return NULL;
	}
	if (setsockopt(nl_socket_get_fd(s), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		nl_socket_set_buffer_size(s, size, 0);
	nl_socket_disable_seq_check(s);
	nl_socket_set_nonblocking(s);
	nl_socket_modify_cb(s, NL_CB_VALID, NL_CB_CUSTOM, func, NULL);
	return s;
}

/* Events first, then the dump: what happens meanwhile waits in the socket. */
int sa_open(const struct settings *s)
{
	static const int sa_groups[] = { XFRMNLGRP_SA, XFRMNLGRP_EXPIRE, XFRMNLGRP_MIGRATE, 0 };
	static const int route_groups[] = { RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR,
					    RTNLGRP_IPV6_IFADDR, 0 };
	int err;

	settings = s;
	sas = listener(NETLINK_XFRM, on_sa, sa_groups);
	routes = listener(NETLINK_ROUTE, on_route, route_groups);
	if (!sas || !routes)
		return refuse("the events of SAs can't be had: %s", strerror(errno));
	err = read_addresses();
	if (!err)
		err = sa_dump();
	return err ? refuse("the SAs can't be read: %s", nl_geterror(err)) : DONE;
}

int sa_fd(int n)
{
	return nl_socket_get_fd(n ? routes : sas);
}

static bool drain(struct nl_sock *s)
{
	bool lost = false;
	int err;

	do {
		err = nl_recvmsgs_default(s);
		if (err == -NLE_NOMEM) {
			tally.overruns++;
			lost = true;
			err = 0;
		}
	} while (err >= 0 || err == -NLE_INTR);
	return lost;
}

void sa_reload(void)
{
	moved = true;
	stale = true;
	sa_read();
}

/* What could not be read is tried again the next time. */
void sa_read(void)
{
	stale |= drain(sas);
	moved |= drain(routes);
	if (moved) {
		moved = read_addresses();
		alloc_classify();
	}
	if (stale)
		sa_dump();
}
