// SPDX-License-Identifier: GPL-2.0
/*
 * Addresses, routes and neighbours, by rtnetlink. What is there already is not touched, nor told to
 * anybody: so nothing has to be remembered of what was done before.
 */

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "had.h"
#include "rtnl.h"

static struct nl_sock *sock;

int rtnl_open(void)
{
	sock = nl_socket_alloc();
	if (!sock || nl_connect(sock, NETLINK_ROUTE)) {
		had_log(LOG_ERR, "no rtnetlink socket: %s", strerror(errno));
		return -1;
	}
	nl_socket_set_buffer_size(sock, 1 << 20, 0);
	/* No answer is longer, so that none has to be looked at before it is read. */
	nl_socket_set_msg_buf_size(sock, 1 << 15);
	nl_socket_disable_msg_peek(sock);
	return 0;
}

void rtnl_close(void)
{
	nl_socket_free(sock);
	sock = NULL;
}

struct outcome {
	int err;
	bool done;
};

/* Each answer is read before anything else is asked. */
static int any_number(struct nl_msg *msg, void *arg)
{
	(void)msg;
	(void)arg;
	return NL_OK;
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *e, void *arg)
{
	struct outcome *o = arg;

	(void)from;
	o->err = e->error;
	o->done = true;
	return NL_STOP;
}

static int on_ack(struct nl_msg *msg, void *arg)
{
	struct outcome *o = arg;

	(void)msg;
	o->done = true;
	return NL_STOP;
}

/* Takes the message. @func: for each answer, or NULL. 0, or -errno */
int rtnl_talk(struct nl_msg *msg, int (*func)(struct nl_msg *msg, void *data), void *data)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	struct outcome o = { };
	int err;

	if (!cb) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	nl_cb_set(cb, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, any_number, NULL);
	nl_cb_err(cb, NL_CB_CUSTOM, on_error, &o);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_ack, &o);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_ack, &o);
	if (func)
		nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, func, data);
	err = nl_send_auto(sock, msg);
	nlmsg_free(msg);
	while (err >= 0 && !o.done)
		err = nl_recvmsgs(sock, cb);
	nl_cb_put(cb);
	return o.err ? o.err : err < 0 ? -EIO : 0;
}

struct outcomes {
	struct outcome all;
	uint32_t first;
	unsigned int n;
	int *errs;
};

static int on_each_error(struct sockaddr_nl *from, struct nlmsgerr *e, void *arg)
{
	struct outcomes *o = arg;
	unsigned int i = e->msg.nlmsg_seq - o->first;

	(void)from;
	if (i < o->n)
		o->errs[i] = e->error;
	o->all.done |= i == o->n - 1;
	return NL_SKIP;
}

/**
 * rtnl_talk_all() - several requests in one go
 * @msgs: RTNL_ALL at most; they are taken
 * @n: of these
 * @errs: of each, 0 or -errno
 *
 * The kernel deals with them in their order, and waits for nobody in between.
 */
void rtnl_talk_all(struct nl_msg **msgs, unsigned int n, int *errs)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	struct outcomes o = { .n = n, .errs = errs };
	struct iovec v[RTNL_ALL];
	struct msghdr m = { .msg_iov = v, .msg_iovlen = n };
	int err = cb ? 0 : -ENOMEM;

	for (unsigned int i = 0; i < n; i++) {
		struct nlmsghdr *h = nlmsg_hdr(msgs[i]);

		nl_complete_msg(sock, msgs[i]);
		if (i < n - 1)
			h->nlmsg_flags &= ~NLM_F_ACK;
		v[i] = (struct iovec){ h, NLMSG_ALIGN(h->nlmsg_len) };
		errs[i] = 0;
	}
	o.first = nlmsg_hdr(msgs[0])->nlmsg_seq;
	if (!err && sendmsg(nl_socket_get_fd(sock), &m, 0) < 0)
		err = -errno;
	if (!err) {
		nl_cb_set(cb, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, any_number, NULL);
		nl_cb_err(cb, NL_CB_CUSTOM, on_each_error, &o);
		nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_ack, &o.all);
	}
	while (!err && !o.all.done)
		if (nl_recvmsgs(sock, cb) < 0)
			err = -EIO;
	for (unsigned int i = 0; i < n; i++) {
		nlmsg_free(msgs[i]);
		if (err)
			errs[i] = err;
	}
	nl_cb_put(cb);
}

static struct nl_msg *request(enum rtnl_how how, int add, int del, const void *head, size_t len)
{
	int flags = how == RTNL_ADD ? NLM_F_CREATE | NLM_F_EXCL :
		    how == RTNL_REPLACE ? NLM_F_CREATE | NLM_F_REPLACE : 0;
	struct nl_msg *msg = nlmsg_alloc_simple(how == RTNL_DEL ? del : add, flags);

	if (msg && !nlmsg_append(msg, (void *)head, len, NLMSG_ALIGNTO))
		return msg;
	nlmsg_free(msg);
	return NULL;
}

/* What is to go, and is not there, has gone. */
static int gone(enum rtnl_how how, int err)
{
	if (how == RTNL_DEL && (err == -EADDRNOTAVAIL || err == -ESRCH || err == -ENOENT ||
				err == -ENODEV || err == -ENXIO))
		return 0;
	return err;
}

static int octets(const struct conf_ip *ip)
{
	return ip->family == AF_INET ? 4 : 16;
}

/* 0, or -ENODEV */
static int find_device(const char *name, unsigned int *index)
{
	*index = if_nametoindex(name);
	return *index ? 0 : -ENODEV;
}

/* --- devices with an address of their own --- */

#define ALIAS	"xfrm-ha"	/* of what is the daemon's */

static struct nl_msg *link_request(int type, int flags, const struct ifinfomsg *i)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);

	if (msg && !nlmsg_append(msg, (void *)i, sizeof(*i), NLMSG_ALIGNTO))
		return msg;
	nlmsg_free(msg);
	return NULL;
}

struct setting {
	int what;		/* IPV4_DEVCONF_* */
	uint32_t value;
};

static void put_settings(struct nl_msg *msg, const struct setting *s, int n, bool no_ipv6)
{
	struct nlattr *spec = nla_nest_start(msg, IFLA_AF_SPEC);
	struct nlattr *inet = nla_nest_start(msg, AF_INET);
	struct nlattr *conf = nla_nest_start(msg, IFLA_INET_CONF);
	struct nlattr *inet6;

	while (n--)
		nla_put_u32(msg, s[n].what, s[n].value);
	nla_nest_end(msg, conf);
	nla_nest_end(msg, inet);
	if (no_ipv6) {
		/* No address of its own */
		inet6 = nla_nest_start(msg, AF_INET6);
		nla_put_u8(msg, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
		nla_nest_end(msg, inet6);
	}
	nla_nest_end(msg, spec);
}

/*
 * The device below neither answers for the addresses of this one, nor speaks for them. A packet
 * that comes in by the one may go out by the other.
 */
static int set_virtual(unsigned int index, unsigned int below)
{
	static const struct setting quiet[] = {
		{ IPV4_DEVCONF_ARP_IGNORE, 1 }, { IPV4_DEVCONF_ARP_ANNOUNCE, 2 },
	}, loose[] = { { IPV4_DEVCONF_RP_FILTER, 0 } };
	struct ifinfomsg i = { .ifi_index = index };
	struct nl_msg *msg;
	int err;

	msg = link_request(RTM_SETLINK, 0, &i);
	if (!msg)
		return -ENOMEM;
	nla_put_string(msg, IFLA_IFALIAS, ALIAS);
	put_settings(msg, loose, 1, true);
	err = rtnl_talk(msg, NULL, NULL);
	i.ifi_index = below;
	msg = err ? NULL : link_request(RTM_SETLINK, 0, &i);
	if (!msg)
		return err ?: -ENOMEM;
	put_settings(msg, quiet, 2, false);
	return rtnl_talk(msg, NULL, NULL);
}

static int delete_link(unsigned int index)
{
	const struct ifinfomsg i = { .ifi_index = index };
	struct nl_msg *msg = link_request(RTM_DELLINK, 0, &i);

	return msg ? rtnl_talk(msg, NULL, NULL) : -ENOMEM;
}

static int make_virtual(const struct conf_virtual *v, unsigned int below)
{
	const struct ifinfomsg i = { };
	struct nlattr *info, *data;
	unsigned int index;
	struct nl_msg *msg;
	int err;

	msg = link_request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &i);
	if (!msg)
		return -ENOMEM;
	nla_put_string(msg, IFLA_IFNAME, v->name);
	nla_put(msg, IFLA_ADDRESS, sizeof(v->mac), v->mac);
	nla_put_u32(msg, IFLA_LINK, below);
	info = nla_nest_start(msg, IFLA_LINKINFO);
	nla_put_string(msg, IFLA_INFO_KIND, "macvlan");
	data = nla_nest_start(msg, IFLA_INFO_DATA);
	nla_put_u32(msg, IFLA_MACVLAN_MODE, MACVLAN_MODE_BRIDGE);
	nla_nest_end(msg, data);
	nla_nest_end(msg, info);
	err = rtnl_talk(msg, NULL, NULL);
	index = err ? 0 : if_nametoindex(v->name);
	if (!index)
		return err ?: -ENODEV;
	err = set_virtual(index, below);
	if (err)
		delete_link(index);
	return err;
}

/* What is there, and what it is to be on, and called */
struct as_is {
	unsigned int below;
	const uint8_t *mac;
	bool ours, same, up;
};

static int on_virtual(struct nl_msg *msg, void *arg)
{
	struct ifinfomsg *i = nlmsg_data(nlmsg_hdr(msg));
	struct nlattr *a[IFLA_MAX + 1];
	struct as_is *is = arg;

	if (nlmsg_parse(nlmsg_hdr(msg), sizeof(*i), a, IFLA_MAX, NULL))
		return NL_OK;
	is->up = i->ifi_flags & IFF_UP;
	is->ours = a[IFLA_IFALIAS] && !strcmp(nla_get_string(a[IFLA_IFALIAS]), ALIAS);
	is->same = a[IFLA_LINK] && nla_get_u32(a[IFLA_LINK]) == is->below && a[IFLA_ADDRESS] &&
		   nla_len(a[IFLA_ADDRESS]) == 6 && !memcmp(nla_data(a[IFLA_ADDRESS]), is->mac, 6);
	return NL_OK;
}

int rtnl_virtual(const struct conf_virtual *v, bool up)
{
	unsigned int below = if_nametoindex(v->device), index = if_nametoindex(v->name);
	struct ifinfomsg i = { .ifi_index = index };
	struct as_is is = { .below = below, .mac = v->mac };
	struct nl_msg *msg;
	int err;

	if (index) {
		msg = link_request(RTM_GETLINK, 0, &i);
		if (!msg)
			return -ENOMEM;
		err = rtnl_talk(msg, on_virtual, &is);
		if (err)
			return err;
		/* Somebody else's is left alone; one of another file has no use. */
		if (!is.ours)
			return -EBUSY;
		if (!is.same && below) {
			delete_link(index);
			index = 0;
			is.up = false;
		}
	}
	if (!index && !below)
		return up ? -ENODEV : 0;
	if (!index) {
		err = make_virtual(v, below);
		if (err)
			return err;
		i.ifi_index = if_nametoindex(v->name);
	}
	/* The kernel tells of each change, and so would this one do again. */
	if (is.up == up)
		return 0;
	i.ifi_flags = up ? IFF_UP : 0;
	i.ifi_change = IFF_UP;
	msg = link_request(RTM_SETLINK, 0, &i);
	return msg ? rtnl_talk(msg, NULL, NULL) : -ENOMEM;
}

int rtnl_address(enum rtnl_how how, const struct conf_address *a)
{
	struct ifaddrmsg ifa = { .ifa_family = a->ip.family, .ifa_prefixlen = a->ip.len };
	struct nl_msg *msg;
	int err;

	err = find_device(a->device, &ifa.ifa_index);
	if (err)
		return gone(how, err);
	msg = request(how, RTM_NEWADDR, RTM_DELADDR, &ifa, sizeof(ifa));
	if (!msg)
		return -ENOMEM;
	nla_put(msg, IFA_LOCAL, octets(&a->ip), a->ip.a);
	nla_put(msg, IFA_ADDRESS, octets(&a->ip), a->ip.a);
	if (how != RTNL_DEL) {
		nla_put_u8(msg, IFA_PROTO, RTNL_PROTO);
		/* The peer has it still, or has just lost it: there is no time to ask. */
		if (a->ip.family == AF_INET6)
			nla_put_u32(msg, IFA_FLAGS, IFA_F_NODAD);
	}
	return gone(how, rtnl_talk(msg, NULL, NULL));
}

static int on_local(struct nl_msg *msg, void *data)
{
	const struct rtmsg *rtm = nlmsg_data(nlmsg_hdr(msg));
	bool *local = data;

	*local = rtm->rtm_type == RTN_LOCAL;
	return NL_OK;
}

/* Whether what comes for an address comes in. Of IPv6, that is a while after it was made. */
bool rtnl_is_local(const struct conf_address *a)
{
	struct rtmsg rtm = { .rtm_family = a->ip.family, .rtm_dst_len = 8 * octets(&a->ip) };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETROUTE, 0);
	bool local = false;

	if (!msg)
		return false;
	if (nlmsg_append(msg, &rtm, sizeof(rtm), NLMSG_ALIGNTO)) {
		nlmsg_free(msg);
		return false;
	}
	nla_put(msg, RTA_DST, octets(&a->ip), a->ip.a);
	nla_put_u32(msg, RTA_OIF, if_nametoindex(a->device));
	rtnl_talk(msg, on_local, &local);
	return local;
}

int rtnl_route(enum rtnl_how how, const struct conf_route *t)
{
	struct rtmsg rtm = {
		.rtm_family = t->to.family, .rtm_dst_len = t->to.len,
		.rtm_table = t->table < 256 ? t->table : RT_TABLE_UNSPEC,
		.rtm_protocol = how == RTNL_DEL ? RTPROT_UNSPEC : RTNL_PROTO,
		.rtm_scope = how == RTNL_DEL ? RT_SCOPE_NOWHERE :
			     t->via.family ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
		.rtm_type = how == RTNL_DEL ? RTN_UNSPEC : RTN_UNICAST,
	};
	unsigned int index = 0;
	struct nl_msg *msg;
	int err;

	if (t->device[0]) {
		err = find_device(t->device, &index);
		if (err)
			return gone(how, err);
	}
	msg = request(how, RTM_NEWROUTE, RTM_DELROUTE, &rtm, sizeof(rtm));
	if (!msg)
		return -ENOMEM;
	if (t->to.len)
		nla_put(msg, RTA_DST, octets(&t->to), t->to.a);
	if (t->via.family)
		nla_put(msg, RTA_GATEWAY, octets(&t->via), t->via.a);
	if (t->source.family && how != RTNL_DEL)
		nla_put(msg, RTA_PREFSRC, octets(&t->source), t->source.a);
	if (index)
		nla_put_u32(msg, RTA_OIF, index);
	if (t->metric)
		nla_put_u32(msg, RTA_PRIORITY, t->metric);
	nla_put_u32(msg, RTA_TABLE, t->table);
	return gone(how, rtnl_talk(msg, NULL, NULL));
}

int rtnl_neighbour(enum rtnl_how how, const struct conf_neighbour *n)
{
	struct ndmsg ndm = {
		.ndm_family = n->ip.family, .ndm_state = NUD_PERMANENT,
		.ndm_flags = n->proxy ? NTF_PROXY : 0,
	};
	unsigned int index = 0;
	struct nl_msg *msg;
	int err;

	err = find_device(n->device, &index);
	if (err)
		return gone(how, err);
	ndm.ndm_ifindex = index;
	msg = request(how, RTM_NEWNEIGH, RTM_DELNEIGH, &ndm, sizeof(ndm));
	if (!msg)
		return -ENOMEM;
	nla_put(msg, NDA_DST, octets(&n->ip), n->ip.a);
	if (how != RTNL_DEL) {
		nla_put_u8(msg, NDA_PROTOCOL, RTNL_PROTO);
		if (n->has_mac)
			nla_put(msg, NDA_LLADDR, sizeof(n->mac), n->mac);
	}
	return gone(how, rtnl_talk(msg, NULL, NULL));
}

/* --- what is left of another configuration --- */

#define EACH	16	/* that are deleted in one go; what is left is found by the next */

struct sweep {
	const struct conf *conf;
	unsigned int n, n_links;
	struct nl_msg *del[EACH];
	int links[EACH];
};

/* The message that told of it, sent back as the one that deletes it. */
static void doom(struct sweep *s, struct nlmsghdr *h, int type)
{
	struct nl_msg *msg = s->n < EACH ? nlmsg_convert(h) : NULL;

	if (!msg)
		return;
	nlmsg_hdr(msg)->nlmsg_type = type;
	nlmsg_hdr(msg)->nlmsg_flags = 0;
	nlmsg_hdr(msg)->nlmsg_seq = NL_AUTO_SEQ;
	nlmsg_hdr(msg)->nlmsg_pid = NL_AUTO_PORT;
	s->del[s->n++] = msg;
}

static bool is_ip(const struct nlattr *a, const struct conf_ip *ip)
{
	return a && nla_len(a) == octets(ip) && !memcmp(nla_data(a), ip->a, octets(ip));
}

static bool is_device(const char *name, unsigned int index)
{
	char is[IFNAMSIZ];

	return if_indextoname(index, is) && !strcmp(is, name);
}

static int on_address(struct nl_msg *msg, void *arg)
{
	struct ifaddrmsg *ifa = nlmsg_data(nlmsg_hdr(msg));
	struct nlattr *a[IFA_MAX + 1];
	struct sweep *s = arg;

	if (nlmsg_parse(nlmsg_hdr(msg), sizeof(*ifa), a, IFA_MAX, NULL) || !a[IFA_PROTO] ||
	    nla_get_u8(a[IFA_PROTO]) != RTNL_PROTO)
		return NL_OK;
	for (const struct conf_group *g = s->conf->groups; g; g = g->next)
		for (const struct conf_address *l = g->addresses; l; l = l->next)
			if (ifa->ifa_family == l->ip.family && ifa->ifa_prefixlen == l->ip.len &&
			    is_ip(a[IFA_LOCAL] ?: a[IFA_ADDRESS], &l->ip) &&
			    is_device(l->device, ifa->ifa_index))
				return NL_OK;
	doom(s, nlmsg_hdr(msg), RTM_DELADDR);
	return NL_OK;
}

static int on_route(struct nl_msg *msg, void *arg)
{
	struct rtmsg *rtm = nlmsg_data(nlmsg_hdr(msg));
	struct nlattr *a[RTA_MAX + 1];
	struct sweep *s = arg;
	uint32_t table;

	if (rtm->rtm_protocol != RTNL_PROTO ||
	    nlmsg_parse(nlmsg_hdr(msg), sizeof(*rtm), a, RTA_MAX, NULL))
		return NL_OK;
	table = a[RTA_TABLE] ? nla_get_u32(a[RTA_TABLE]) : rtm->rtm_table;
	for (const struct conf_group *g = s->conf->groups; g; g = g->next)
		for (const struct conf_route *l = g->routes; l; l = l->next)
			if (rtm->rtm_family == l->to.family && rtm->rtm_dst_len == l->to.len &&
			    (!l->to.len || is_ip(a[RTA_DST], &l->to)) &&
			    table == l->table &&
			    (l->via.family ? is_ip(a[RTA_GATEWAY], &l->via) : !a[RTA_GATEWAY]) &&
			    (!l->device[0] ||
			     (a[RTA_OIF] && is_device(l->device, nla_get_u32(a[RTA_OIF])))))
				return NL_OK;
	doom(s, nlmsg_hdr(msg), RTM_DELROUTE);
	return NL_OK;
}

static int on_neighbour(struct nl_msg *msg, void *arg)
{
	struct ndmsg *ndm = nlmsg_data(nlmsg_hdr(msg));
	struct nlattr *a[NDA_MAX + 1];
	struct sweep *s = arg;

	if (nlmsg_parse(nlmsg_hdr(msg), sizeof(*ndm), a, NDA_MAX, NULL) || !a[NDA_PROTOCOL] ||
	    nla_get_u8(a[NDA_PROTOCOL]) != RTNL_PROTO)
		return NL_OK;
	for (const struct conf_group *g = s->conf->groups; g; g = g->next)
		for (const struct conf_neighbour *l = g->neighbours; l; l = l->next)
			if (ndm->ndm_family == l->ip.family && is_ip(a[NDA_DST], &l->ip) &&
			    l->proxy == !!(ndm->ndm_flags & NTF_PROXY) &&
			    is_device(l->device, ndm->ndm_ifindex))
				return NL_OK;
	doom(s, nlmsg_hdr(msg), RTM_DELNEIGH);
	return NL_OK;
}

static int on_link(struct nl_msg *msg, void *arg)
{
	struct ifinfomsg *i = nlmsg_data(nlmsg_hdr(msg));
	struct nlattr *a[IFLA_MAX + 1];
	struct sweep *s = arg;

	if (nlmsg_parse(nlmsg_hdr(msg), sizeof(*i), a, IFLA_MAX, NULL) || !a[IFLA_IFALIAS] ||
	    !a[IFLA_IFNAME] || strcmp(nla_get_string(a[IFLA_IFALIAS]), ALIAS))
		return NL_OK;
	for (const struct conf_group *g = s->conf->groups; g; g = g->next)
		for (const struct conf_virtual *v = g->virtuals; v; v = v->next)
			if (!strcmp(nla_get_string(a[IFLA_IFNAME]), v->name))
				return NL_OK;
	s->links[s->n_links] = i->ifi_index;
	s->n_links += s->n_links < EACH - 1;
	return NL_OK;
}

/* @head has the family, and what the dump is of. */
static void sweep(const struct conf *c, int type, const void *head, size_t len,
		  nl_recvmsg_msg_cb_t func)
{
	struct sweep s = { .conf = c };
	struct nl_msg *msg;
	int err = 0;

	do {
		s.n = 0;
		msg = nlmsg_alloc_simple(type, NLM_F_DUMP);
		if (!msg || nlmsg_append(msg, (void *)head, len, NLMSG_ALIGNTO)) {
			nlmsg_free(msg);
			return;
		}
		rtnl_talk(msg, func, &s);
		for (unsigned int i = 0; i < s.n; i++)
			err |= rtnl_talk(s.del[i], NULL, NULL);
		for (unsigned int i = 0; i < s.n_links; i++)
			delete_link(s.links[i]);
	} while (s.n == EACH && !err);
}

void rtnl_sweep(const struct conf *c)
{
	const struct ndmsg proxies = { .ndm_flags = NTF_PROXY }, neighbours = { };
	const struct ifaddrmsg addresses = { };
	const struct ifinfomsg links = { };
	const struct rtmsg routes = { };

	sweep(c, RTM_GETROUTE, &routes, sizeof(routes), on_route);
	sweep(c, RTM_GETNEIGH, &neighbours, sizeof(neighbours), on_neighbour);
	sweep(c, RTM_GETNEIGH, &proxies, sizeof(proxies), on_neighbour);
	sweep(c, RTM_GETADDR, &addresses, sizeof(addresses), on_address);
	sweep(c, RTM_GETLINK, &links, sizeof(links), on_link);
}

/* --- events --- */

int rtnl_events_open(bool addresses)
{
	struct sockaddr_nl a = {
		.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_LINK |
			     (addresses ? RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR : 0),
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd >= 0 && bind(fd, (void *)&a, sizeof(a))) {
		close(fd);
		fd = -1;
	}
	if (fd < 0)
		had_log(LOG_ERR, "no rtnetlink events: %s", strerror(errno));
	return fd;
}

/* What they say is not needed, but that something has changed; that some were lost says so, too. */
void rtnl_events_read(int fd)
{
	char buf[8192];

	while (recv(fd, buf, sizeof(buf), 0) > 0 || errno == ENOBUFS)
		errno = 0;
}
