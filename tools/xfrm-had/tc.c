// SPDX-License-Identifier: GPL-2.0
/*
 * Redirections at the ingress of devices (clsact, flower, pedit, mirred), before the kernel looks
 * at a packet as IP, and a device that keeps packets (ifb, with the queue discipline plug), from
 * which they come into the stack as from the device that they came in by.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <linux/gen_stats.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <linux/tc_act/tc_pedit.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>

#include "had.h"
#include "rtnl.h"
#include "tc.h"

#define PRIO		104	/* of the daemon's filters; one more for IPv6 */
#define PLUG		0x00680000
#define INGRESS		TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)

static uint16_t protocol_of(const struct tc_match *m)
{
	return m->to.family == AF_INET ? ETH_P_IP : ETH_P_IPV6;
}

static struct nl_msg *request(int type, int flags, struct tcmsg *t, const char *kind)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);

	if (!msg)
		return NULL;
	if (nlmsg_append(msg, t, sizeof(*t), NLMSG_ALIGNTO) ||
	    (kind && nla_put_string(msg, TCA_KIND, kind))) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

static int talk(struct nl_msg *msg)
{
	return msg ? rtnl_talk(msg, NULL, NULL) : -ENOMEM;
}

/* FNV-1a */
static uint32_t mix(uint32_t h, const void *data, size_t len)
{
	for (const uint8_t *p = data; len--; p++)
		h = (h ^ *p) * 16777619u;
	return h;
}

/**
 * tc_handle() - the number of a filter that does this
 *
 * Return: not 0.
 */
uint32_t tc_handle(const struct tc_match *m, const struct tc_target *t)
{
	uint32_t h = 2166136261u;

	h = mix(h, &m->to.family, sizeof(m->to.family));
	h = mix(h, &m->to.len, sizeof(m->to.len));
	h = mix(h, m->to.a, m->to.family == AF_INET ? 4 : 16);
	h = mix(h, &m->proto, sizeof(m->proto));
	h = mix(h, &m->port, sizeof(m->port));
	h = mix(h, &t->ifindex, sizeof(t->ifindex));
	if (t->frame) {
		h = mix(h, t->from, sizeof(t->from));
		h = mix(h, t->to, sizeof(t->to));
	}
	/* The kernel's own numbers begin at 1, and an int is the highest that all of them take. */
	return (h & 0x7fffffff) | 0x40000000;
}

static void put_mask(struct nl_msg *msg, int type, size_t size, unsigned int bits)
{
	uint8_t mask[16] = { };

	for (unsigned int i = 0; i < bits; i++)
		mask[i / 8] |= 0x80 >> i % 8;
	nla_put(msg, type, size, mask);
}

static void put_match(struct nl_msg *msg, const struct tc_match *m)
{
	bool inet = m->to.family == AF_INET;
	size_t size = inet ? 4 : 16;

	nla_put_u16(msg, TCA_FLOWER_KEY_ETH_TYPE, htons(protocol_of(m)));
	nla_put(msg, inet ? TCA_FLOWER_KEY_IPV4_DST : TCA_FLOWER_KEY_IPV6_DST, size, m->to.a);
	put_mask(msg, inet ? TCA_FLOWER_KEY_IPV4_DST_MASK : TCA_FLOWER_KEY_IPV6_DST_MASK, size,
		 m->to.len);
	if (m->proto)
		nla_put_u8(msg, TCA_FLOWER_KEY_IP_PROTO, m->proto);
	if (m->port) {
		nla_put_u16(msg, TCA_FLOWER_KEY_UDP_DST, htons(m->port));
		nla_put_u16(msg, TCA_FLOWER_KEY_UDP_DST_MASK, 0xffff);
	}
	nla_put_u32(msg, TCA_FLOWER_FLAGS, TCA_CLS_FLAGS_SKIP_HW);
}

/* The 12 octets of both Ethernet addresses, as three words */
static void put_frame(struct nl_msg *msg, const struct tc_target *t)
{
	struct {
		struct tc_pedit_sel sel;
		struct tc_pedit_key keys[3];
	} p = { .sel = { .action = TC_ACT_PIPE, .nkeys = 3 } };
	uint8_t addresses[12];
	struct nlattr *keys;

	memcpy(addresses, t->to, 6);
	memcpy(addresses + 6, t->from, 6);
	for (int i = 0; i < 3; i++) {
		p.keys[i].off = 4 * i;
		memcpy(&p.keys[i].val, addresses + 4 * i, 4);
	}
	nla_put(msg, TCA_PEDIT_PARMS_EX, sizeof(p), &p);
	keys = nla_nest_start(msg, TCA_PEDIT_KEYS_EX | NLA_F_NESTED);
	for (int i = 0; i < 3; i++) {
		struct nlattr *key = nla_nest_start(msg, TCA_PEDIT_KEY_EX | NLA_F_NESTED);

		nla_put_u16(msg, TCA_PEDIT_KEY_EX_HTYPE, TCA_PEDIT_KEY_EX_HDR_TYPE_ETH);
		nla_put_u16(msg, TCA_PEDIT_KEY_EX_CMD, TCA_PEDIT_KEY_EX_CMD_SET);
		nla_nest_end(msg, key);
	}
	nla_nest_end(msg, keys);
}

static void put_actions(struct nl_msg *msg, const struct tc_target *t)
{
	struct tc_mirred m = {
		.action = TC_ACT_STOLEN, .eaction = TCA_EGRESS_REDIR, .ifindex = t->ifindex,
	};
	struct nlattr *all = nla_nest_start(msg, TCA_FLOWER_ACT), *one, *options;
	int n = 0;

	if (t->frame) {
		one = nla_nest_start(msg, ++n);
		nla_put_string(msg, TCA_ACT_KIND, "pedit");
		options = nla_nest_start(msg, TCA_ACT_OPTIONS | NLA_F_NESTED);
		put_frame(msg, t);
		nla_nest_end(msg, options);
		nla_nest_end(msg, one);
	}
	one = nla_nest_start(msg, ++n);
	nla_put_string(msg, TCA_ACT_KIND, "mirred");
	options = nla_nest_start(msg, TCA_ACT_OPTIONS | NLA_F_NESTED);
	nla_put(msg, TCA_MIRRED_PARMS, sizeof(m), &m);
	nla_nest_end(msg, options);
	nla_nest_end(msg, one);
	nla_nest_end(msg, all);
}

/*
 * Where filters can be; -EEXIST: they can already. What others have at the ingress of the device
 * stays, and so does this when nobody needs it.
 */
struct nl_msg *tc_ingress(int ifindex)
{
	struct tcmsg t = {
		.tcm_ifindex = ifindex, .tcm_parent = TC_H_CLSACT,
		.tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0),
	};

	return request(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &t, "clsact");
}

static struct tcmsg filter_of(int ifindex, uint32_t handle, uint16_t protocol)
{
	return (struct tcmsg){
		.tcm_ifindex = ifindex, .tcm_parent = INGRESS, .tcm_handle = handle,
		.tcm_info = TC_H_MAKE((PRIO + (protocol == ETH_P_IPV6)) << 16, htons(protocol)),
	};
}

struct nl_msg *tc_filter_add(int ifindex, const struct tc_match *m, const struct tc_target *t)
{
	struct tcmsg head = filter_of(ifindex, tc_handle(m, t), protocol_of(m));
	struct nl_msg *msg = request(RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, &head, "flower");
	struct nlattr *options;

	if (!msg)
		return NULL;
	options = nla_nest_start(msg, TCA_OPTIONS | NLA_F_NESTED);
	put_match(msg, m);
	put_actions(msg, t);
	nla_nest_end(msg, options);
	return msg;
}

struct nl_msg *tc_filter_del(int ifindex, const struct tc_filter *f)
{
	struct tcmsg head = filter_of(ifindex, f->handle, f->protocol);

	return request(RTM_DELTFILTER, 0, &head, "flower");
}

struct found {
	struct tc_filter *f;
	int n;
};

/* How many packets an action has seen. */
static uint64_t packets_of(struct nlattr *action)
{
	struct nlattr *a[TCA_ACT_MAX + 1], *s[TCA_STATS_MAX + 1];
	struct gnet_stats_basic basic;

	if (nla_parse_nested(a, TCA_ACT_MAX, action, NULL) || !a[TCA_ACT_STATS] ||
	    nla_parse_nested(s, TCA_STATS_MAX, a[TCA_ACT_STATS], NULL) || !s[TCA_STATS_BASIC])
		return 0;
	nla_memcpy(&basic, s[TCA_STATS_BASIC], sizeof(basic));
	return basic.packets;
}

static int on_filter(struct nl_msg *msg, void *data)
{
	struct nlattr *a[TCA_MAX + 1], *o[TCA_FLOWER_MAX + 1];
	struct tcmsg *t = nlmsg_data(nlmsg_hdr(msg));
	uint16_t protocol = ntohs(TC_H_MIN(t->tcm_info));
	uint32_t prio = TC_H_MAJ(t->tcm_info) >> 16;
	struct found *found = data;
	struct tc_filter *f;

	if ((prio != PRIO && prio != PRIO + 1) || !t->tcm_handle || found->n == TC_FILTERS_MAX)
		return NL_OK;
	f = &found->f[found->n++];
	*f = (struct tc_filter){ .handle = t->tcm_handle, .protocol = protocol };
	if (nlmsg_parse(nlmsg_hdr(msg), sizeof(*t), a, TCA_MAX, NULL) || !a[TCA_OPTIONS] ||
	    nla_parse_nested(o, TCA_FLOWER_MAX, a[TCA_OPTIONS], NULL) || !o[TCA_FLOWER_ACT])
		return NL_OK;
	f->packets = packets_of(nla_data(o[TCA_FLOWER_ACT]));
	return NL_OK;
}

/* @f has room for TC_FILTERS_MAX. */
int tc_filters(int ifindex, struct tc_filter *f)
{
	struct tcmsg t = { .tcm_ifindex = ifindex, .tcm_parent = INGRESS };
	struct nl_msg *msg = request(RTM_GETTFILTER, NLM_F_DUMP, &t, NULL);
	struct found found = { .f = f };
	int err = msg ? rtnl_talk(msg, on_filter, &found) : -ENOMEM;

	/* Nothing was ever there. */
	if (err == -EINVAL || err == -ENOENT)
		return 0;
	return err ?: found.n;
}

/* --- what keeps packets --- */

static struct nl_msg *link_request(int flags, int ifindex, bool up)
{
	struct ifinfomsg i = { .ifi_index = ifindex };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_NEWLINK, flags);

	if (up) {
		i.ifi_flags = IFF_UP;
		i.ifi_change = IFF_UP;
	}
	if (msg && nlmsg_append(msg, &i, sizeof(i), NLMSG_ALIGNTO)) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

static int make_device(const char *name)
{
	struct nl_msg *msg = link_request(NLM_F_CREATE | NLM_F_EXCL, 0, false);
	struct nlattr *info;
	int err;

	if (!msg)
		return -ENOMEM;
	nla_put_string(msg, IFLA_IFNAME, name);
	info = nla_nest_start(msg, IFLA_LINKINFO);
	nla_put_string(msg, IFLA_INFO_KIND, "ifb");
	nla_nest_end(msg, info);
	err = talk(msg);
	return err == -EEXIST ? 0 : err;
}

/* And it has nothing to say itself. */
static int set_up(int ifindex)
{
	struct nl_msg *msg = link_request(0, ifindex, true);
	struct nlattr *spec, *inet6;

	if (!msg)
		return -ENOMEM;
	spec = nla_nest_start(msg, IFLA_AF_SPEC);
	inet6 = nla_nest_start(msg, AF_INET6);
	nla_put_u8(msg, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	nla_nest_end(msg, inet6);
	nla_nest_end(msg, spec);
	return talk(msg);
}

static struct nl_msg *plug_request(int ifindex, int flags, int action, uint32_t octets)
{
	struct tcmsg t = {
		.tcm_ifindex = ifindex, .tcm_parent = TC_H_ROOT, .tcm_handle = PLUG,
	};
	struct tc_plug_qopt q = { .action = action, .limit = octets };
	struct nl_msg *msg = request(RTM_NEWQDISC, flags, &t, "plug");

	if (msg)
		nla_put(msg, TCA_OPTIONS, sizeof(q), &q);
	return msg;
}

static int plug(int ifindex, int flags, int action, uint32_t octets)
{
	return talk(plug_request(ifindex, flags, action, octets));
}

int tc_keeper(const char *name, uint32_t octets)
{
	int err = make_device(name), ifindex;

	if (err)
		return err;
	ifindex = if_nametoindex(name);
	if (!ifindex)
		return -ENODEV;
	err = set_up(ifindex);
	if (err)
		return err;
	err = plug(ifindex, 0, TCQ_PLUG_LIMIT, octets);
	/* It has another queue discipline, for a start. */
	if (err)
		err = plug(ifindex, NLM_F_CREATE | NLM_F_REPLACE, TCQ_PLUG_LIMIT, octets);
	return err ?: ifindex;
}

struct nl_msg *tc_keep(int ifindex, bool keep)
{
	return plug_request(ifindex, 0, keep ? TCQ_PLUG_BUFFER : TCQ_PLUG_RELEASE_INDEFINITE, 0);
}

static int on_queue(struct nl_msg *msg, void *data)
{
	struct nlattr *a[TCA_MAX + 1], *s[TCA_STATS_MAX + 1];
	struct tcmsg *t = nlmsg_data(nlmsg_hdr(msg));
	struct gnet_stats_queue queue;
	struct tc_queue *q = data;

	if (t->tcm_handle != PLUG ||
	    nlmsg_parse(nlmsg_hdr(msg), sizeof(*t), a, TCA_MAX, NULL) || !a[TCA_STATS2] ||
	    nla_parse_nested(s, TCA_STATS_MAX, a[TCA_STATS2], NULL) || !s[TCA_STATS_QUEUE])
		return NL_OK;
	nla_memcpy(&queue, s[TCA_STATS_QUEUE], sizeof(queue));
	q->kept = queue.qlen;
	q->dropped = queue.drops;
	return NL_OK;
}

int tc_keeper_ask(int ifindex, struct tc_queue *q)
{
	struct tcmsg t = {
		.tcm_ifindex = ifindex, .tcm_parent = TC_H_ROOT, .tcm_handle = PLUG,
	};
	struct nl_msg *msg = request(RTM_GETQDISC, 0, &t, NULL);

	*q = (struct tc_queue){ };
	return msg ? rtnl_talk(msg, on_queue, q) : -ENOMEM;
}

int tc_keeper_empty(int ifindex, uint32_t octets)
{
	struct tcmsg t = { .tcm_ifindex = ifindex, .tcm_parent = TC_H_ROOT };

	talk(request(RTM_DELQDISC, 0, &t, NULL));
	return plug(ifindex, NLM_F_CREATE | NLM_F_REPLACE, TCQ_PLUG_LIMIT, octets);
}

/*
 * What comes by the device is of senders who are reached by another one: no rp_filter. The loose
 * one drops all of that where the device has no address, see __fib_validate_source().
 */
int tc_loosen(int ifindex)
{
	struct nl_msg *msg = link_request(0, ifindex, false);
	struct nlattr *spec, *inet, *conf;

	if (!msg)
		return -ENOMEM;
	spec = nla_nest_start(msg, IFLA_AF_SPEC);
	inet = nla_nest_start(msg, AF_INET);
	conf = nla_nest_start(msg, IFLA_INET_CONF);
	nla_put_u32(msg, IPV4_DEVCONF_RP_FILTER, 0);
	nla_nest_end(msg, conf);
	nla_nest_end(msg, inet);
	nla_nest_end(msg, spec);
	return talk(msg);
}
