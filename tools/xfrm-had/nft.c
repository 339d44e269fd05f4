// SPDX-License-Identifier: GPL-2.0
/*
 * The daemon's table of nf_tables, inet xfrm_ha.
 *
 *	forward      --+-- rt ipsec exists: accept
 *	output       --+-- what is exempt: accept
 *	postrouting  --+-- jump fence
 *	                       each set of flows that may pass: accept
 *	                       each set of a group: count, drop
 *
 * A packet that XFRM has a bundle for is not in clear. Before and after source NAT it is looked at,
 * since a policy may mean either. A set has flows of one shape: the prefixes' lengths are the
 * rule's, so that it is a hash however many there are, and flows that overlap are no matter.
 *
 * The table is the daemon's own while that lives (NFT_TABLE_F_OWNER: "flush ruleset" leaves it),
 * and stays when it does not (NFT_TABLE_F_PERSIST).
 */

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "nft.h"

/* What <linux/netfilter/nf_tables.h> of an older system does not have */
#define TABLE_F_PERSIST		4
#define MSG_DESTROYSETELEM	30
#define MSG_DESTROYOBJ		31

#define ROOM		(8 << 20)	/* octets of a transaction, at most */
#define ELEMS_MESSAGE	512		/* an attribute has 65535 octets */
#define ELEMS_BATCH	8192
#define FIELDS		44		/* octets of a key */
#define PRIORITY	10		/* after filters; at postrouting after source NAT */
#define PRIORITY_LAST	200

static int fd = -1;
static uint32_t seq;
static uint8_t answer[1 << 16] __attribute__((aligned(8)));

/* --- messages --- */

static struct {
	uint8_t *data;
	size_t len, room;
	size_t last_at;			/* the message that grows */
	uint32_t first_seq;
	bool failed;
} out;

static void *add(size_t n)
{
	size_t padded = NLMSG_ALIGN(n);
	uint8_t *data;

	if (out.len + padded > out.room && !out.failed) {
		data = out.room > ROOM ? NULL : realloc(out.data, out.room * 2 + padded + 4096);
		if (data) {
			out.data = data;
			out.room = out.room * 2 + padded + 4096;
		} else {
			out.failed = true;
		}
	}
	if (out.failed)
		return NULL;
	data = out.data + out.len;
	memset(data, 0, padded);
	out.len += padded;
	return data;
}

static void close_message(void)
{
	struct nlmsghdr *h = (struct nlmsghdr *)(out.data + out.last_at);

	if (!out.failed && out.len)
		h->nlmsg_len = out.len - out.last_at;
}

static void message(uint16_t type, uint16_t flags, uint16_t res_id)
{
	struct {
		struct nlmsghdr h;
		struct nfgenmsg g;
	} *m;

	close_message();
	out.last_at = out.len;
	m = add(sizeof(*m));
	if (!m)
		return;
	m->h.nlmsg_type = type;
	m->h.nlmsg_flags = NLM_F_REQUEST | flags;
	m->h.nlmsg_seq = ++seq;
	m->g.nfgen_family = NFPROTO_INET;
	m->g.res_id = htons(res_id);
}

static void begin(void)
{
	out.len = 0;
	out.failed = false;
	message(NFNL_MSG_BATCH_BEGIN, 0, NFNL_SUBSYS_NFTABLES);
	out.first_seq = seq;
}

static void request(uint8_t type, uint16_t flags)
{
	message(NFNL_SUBSYS_NFTABLES << 8 | type, flags, 0);
}

static void put(uint16_t type, const void *data, size_t len)
{
	struct nlattr *a = add(NLA_HDRLEN + len);

	if (!a)
		return;
	a->nla_type = type;
	a->nla_len = NLA_HDRLEN + len;
	if (len)
		memcpy((uint8_t *)a + NLA_HDRLEN, data, len);
}

static void put_number(uint16_t type, uint32_t n)
{
	uint32_t value = htonl(n);

	put(type, &value, sizeof(value));
}

static void put_text(uint16_t type, const char *s)
{
	put(type, s, strlen(s) + 1);
}

static size_t nest(uint16_t type)
{
	size_t at = out.len;

	put(type | NLA_F_NESTED, NULL, 0);
	return at;
}

static void unnest(size_t at)
{
	if (!out.failed)
		((struct nlattr *)(out.data + at))->nla_len = out.len - at;
}

/* --- to the kernel and back --- */

/* Return: 0, or -errno */
static int say(void)
{
	close_message();
	if (out.failed)
		return -ENOMEM;
	return send(fd, out.data, out.len, 0) < 0 ? -errno : 0;
}

/* Return: octets of @answer, or -errno */
static ssize_t hear(void)
{
	ssize_t n;

	do
		n = recv(fd, answer, sizeof(answer), 0);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/*
 * What was said is done, all of it or nothing. The last message asks for an answer, which comes
 * after those of what is refused.
 *
 * Return: 0, or -errno of the first that was refused.
 */
static int commit(void)
{
	uint32_t last = seq;
	int err = 0, sent;

	if (!out.failed) {
		((struct nlmsghdr *)(out.data + out.last_at))->nlmsg_flags |= NLM_F_ACK;
		message(NFNL_MSG_BATCH_END, 0, NFNL_SUBSYS_NFTABLES);
	}
	sent = say();
	if (sent)
		return sent;
	for (;;) {
		struct nlmsghdr *h = (struct nlmsghdr *)answer;
		ssize_t n = hear();

		if (n < 0)
			return err ? err : n;
		for (; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			struct nlmsgerr *e = NLMSG_DATA(h);

			if (h->nlmsg_type != NLMSG_ERROR || h->nlmsg_seq - out.first_seq >
			    last - out.first_seq)
				continue;
			err = err ? err : e->error;
			if (h->nlmsg_seq == last || h->nlmsg_seq == out.first_seq)
				return err;
		}
	}
}

static struct nlattr *within(const struct nlattr *a, int type)
{
	return a ? nla_find(nla_data(a), nla_len(a), type) : NULL;
}

/* One request that was begun with ask(); @one is told of each answer's attributes. 0, or -errno */
static int asked(void (*one)(const struct nlattr *attrs, int len, void *data), void *data)
{
	uint32_t own = seq;
	int err = say();

	if (err)
		return err;
	for (;;) {
		struct nlmsghdr *h = (struct nlmsghdr *)answer;
		ssize_t n = hear();

		if (n < 0)
			return n;
		for (; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			size_t skip = NLMSG_ALIGN(sizeof(struct nfgenmsg));

			if (h->nlmsg_seq != own)
				continue;
			if (h->nlmsg_type == NLMSG_DONE)
				return 0;
			if (h->nlmsg_type == NLMSG_ERROR)
				return ((struct nlmsgerr *)NLMSG_DATA(h))->error;
			if (NLMSG_PAYLOAD(h, 0) >= skip)
				one((void *)((uint8_t *)NLMSG_DATA(h) + skip),
				    NLMSG_PAYLOAD(h, skip), data);
			if (!(h->nlmsg_flags & NLM_F_MULTI))
				return 0;
		}
	}
}

static void ask(uint8_t type, uint16_t flags)
{
	out.len = 0;
	out.failed = false;
	out.last_at = 0;
	request(type, flags);
}

/* --- what a set is called, and its keys --- */

#define SET_NAME	(XFRM_HA_NAME_MAX + 20)

static const char *name_of(const struct nft_set *s, char *name)
{
	snprintf(name, SET_NAME, "%s.%u.%u.%u.%u", s->group, s->shape.family, s->shape.src_len,
		 s->shape.dst_len, s->shape.fields);
	return name;
}

static bool named(struct nft_set *s, const char *name)
{
	const char *at = name + strlen(name);
	unsigned int n[4];
	int end = 0;

	for (int dots = 0; at > name && dots < 4;)
		dots += *--at == '.';
	if (at - name > XFRM_HA_NAME_MAX ||
	    sscanf(at, ".%3u.%3u.%3u.%1u%n", &n[0], &n[1], &n[2], &n[3], &end) != 4 || at[end] ||
	    (n[0] != 4 && n[0] != 6) || n[1] > 128 || n[2] > 128 || n[3] > 7)
		return false;
	*s = (struct nft_set){ .shape = { n[0], n[1], n[2], n[3] } };
	memcpy(s->group, name, at - name);
	return true;
}

static size_t address_size(const struct nft_shape *s)
{
	return s->family == 4 ? 4 : 16;
}

/* Each part at a multiple of 4. Return: octets */
static size_t key_of(const struct nft_flow *f, uint8_t *key)
{
	size_t n = address_size(&f->shape), len = 2 * n;

	memset(key, 0, FIELDS);
	memcpy(key, f->src, n);
	memcpy(key + n, f->dst, n);
	if (f->shape.fields & NFT_HAS_PROTO) {
		key[len] = f->proto;
		len += 4;
	}
	if (f->shape.fields & NFT_HAS_SPORT) {
		memcpy(key + len, &f->sport, 2);
		len += 4;
	}
	if (f->shape.fields & NFT_HAS_DPORT) {
		memcpy(key + len, &f->dport, 2);
		len += 4;
	}
	return len;
}

/* The same back */
static bool flow_of(const struct nft_shape *s, const uint8_t *key, size_t len, struct nft_flow *f)
{
	size_t n = address_size(s), at = 2 * n;
	uint8_t none[FIELDS];

	memset(f, 0, sizeof(*f));
	f->shape = *s;
	if (len != key_of(f, none))
		return false;
	memcpy(f->src, key, n);
	memcpy(f->dst, key + n, n);
	if (s->fields & NFT_HAS_PROTO) {
		f->proto = key[at];
		at += 4;
	}
	if (s->fields & NFT_HAS_SPORT) {
		memcpy(&f->sport, key + at, 2);
		at += 4;
	}
	if (s->fields & NFT_HAS_DPORT)
		memcpy(&f->dport, key + at, 2);
	return true;
}

/* --- expressions --- */

struct expr {
	size_t elem, data;
};

static struct expr expr(const char *name)
{
	struct expr e = { .elem = nest(NFTA_LIST_ELEM) };

	put_text(NFTA_EXPR_NAME, name);
	e.data = nest(NFTA_EXPR_DATA);
	return e;
}

static void end(struct expr e)
{
	unnest(e.data);
	unnest(e.elem);
}

static void put_value(uint16_t type, const void *data, size_t len)
{
	size_t at = nest(type);

	put(NFTA_DATA_VALUE, data, len);
	unnest(at);
}

static void expr_meta(uint32_t key, uint32_t reg)
{
	struct expr e = expr("meta");

	put_number(NFTA_META_KEY, key);
	put_number(NFTA_META_DREG, reg);
	end(e);
}

static void expr_compare(uint32_t reg, uint32_t op, const void *data, size_t len)
{
	struct expr e = expr("cmp");

	put_number(NFTA_CMP_SREG, reg);
	put_number(NFTA_CMP_OP, op);
	put_value(NFTA_CMP_DATA, data, len);
	end(e);
}

static void expr_octet(uint32_t reg, uint32_t op, uint8_t n)
{
	expr_compare(reg, op, &n, 1);
}

static void expr_payload(uint32_t base, uint32_t offset, uint32_t len, uint32_t reg)
{
	struct expr e = expr("payload");

	put_number(NFTA_PAYLOAD_DREG, reg);
	put_number(NFTA_PAYLOAD_BASE, base);
	put_number(NFTA_PAYLOAD_OFFSET, offset);
	put_number(NFTA_PAYLOAD_LEN, len);
	end(e);
}

static void expr_prefix(uint32_t reg, size_t len, unsigned int bits)
{
	uint8_t mask[16] = {}, none[16] = {};
	struct expr e;

	if (bits == 8 * len)
		return;
	memset(mask, 0xff, bits / 8);
	if (bits % 8)
		mask[bits / 8] = 0xff << (8 - bits % 8);
	e = expr("bitwise");
	put_number(NFTA_BITWISE_SREG, reg);
	put_number(NFTA_BITWISE_DREG, reg);
	put_number(NFTA_BITWISE_LEN, len);
	put_value(NFTA_BITWISE_MASK, mask, len);
	put_value(NFTA_BITWISE_XOR, none, len);
	end(e);
}

static void expr_ipsec(void)
{
	struct expr e = expr("rt");

	put_number(NFTA_RT_KEY, NFT_RT_XFRM);
	put_number(NFTA_RT_DREG, NFT_REG32_00);
	end(e);
	expr_octet(NFT_REG32_00, NFT_CMP_EQ, 1);
}

static void expr_verdict(int code, const char *chain)
{
	struct expr e = expr("immediate");
	size_t data, verdict;

	put_number(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	data = nest(NFTA_IMMEDIATE_DATA);
	verdict = nest(NFTA_DATA_VERDICT);
	put_number(NFTA_VERDICT_CODE, code);
	if (chain)
		put_text(NFTA_VERDICT_CHAIN, chain);
	unnest(verdict);
	unnest(data);
	end(e);
}

static void expr_count(const char *group)
{
	struct expr e = expr("objref");

	put_number(NFTA_OBJREF_IMM_TYPE, NFT_OBJECT_COUNTER);
	put_text(NFTA_OBJREF_IMM_NAME, group);
	end(e);
}

static void expr_lookup(const struct nft_set *s)
{
	char name[SET_NAME];
	struct expr e = expr("lookup");

	put_text(NFTA_LOOKUP_SET, name_of(s, name));
	put_number(NFTA_LOOKUP_SREG, NFT_REG32_00);
	end(e);
}

/* --- rules --- */

static void put_chain(const char *name)
{
	put_text(NFTA_RULE_TABLE, NFT_TABLE);
	put_text(NFTA_RULE_CHAIN, name);
}

static size_t rule(const char *chain)
{
	request(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	put_chain(chain);
	return nest(NFTA_RULE_EXPRESSIONS);
}

/* @key: NFT_META_OIFKIND, NFT_META_OIFNAME */
static void accept_device(const char *chain, uint32_t key, const char *what)
{
	size_t r = rule(chain);
	char name[IFNAMSIZ] = "";

	snprintf(name, sizeof(name), "%s", what);
	expr_meta(key, NFT_REG32_00);
	expr_compare(NFT_REG32_00, NFT_CMP_EQ, name, sizeof(name));
	expr_verdict(NF_ACCEPT, NULL);
	unnest(r);
}

static void accept_protocol(const char *chain, uint8_t proto)
{
	size_t r = rule(chain);

	expr_meta(NFT_META_L4PROTO, NFT_REG32_00);
	expr_octet(NFT_REG32_00, NFT_CMP_EQ, proto);
	expr_verdict(NF_ACCEPT, NULL);
	unnest(r);
}

static void accept_port(const char *chain, uint8_t proto, uint16_t port)
{
	uint16_t n = htons(port);

	for (uint32_t offset = 0; offset < 4; offset += 2) {
		size_t r = rule(chain);

		expr_meta(NFT_META_L4PROTO, NFT_REG32_00);
		expr_octet(NFT_REG32_00, NFT_CMP_EQ, proto);
		expr_payload(NFT_PAYLOAD_TRANSPORT_HEADER, offset, 2, NFT_REG32_00);
		expr_compare(NFT_REG32_00, NFT_CMP_EQ, &n, sizeof(n));
		expr_verdict(NF_ACCEPT, NULL);
		unnest(r);
	}
}

/* Without it there are no neighbours, and no IKE. */
static void accept_discovery(const char *chain)
{
	size_t r = rule(chain);

	expr_meta(NFT_META_L4PROTO, NFT_REG32_00);
	expr_octet(NFT_REG32_00, NFT_CMP_EQ, IPPROTO_ICMPV6);
	expr_payload(NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1, NFT_REG32_00);
	expr_octet(NFT_REG32_00, NFT_CMP_GTE, 133);
	expr_octet(NFT_REG32_00, NFT_CMP_LTE, 137);
	expr_verdict(NF_ACCEPT, NULL);
	unnest(r);
}

/* @own: of this host itself, too: what is protected already, and IKE */
static void rules_of(const char *chain, bool own)
{
	size_t r = rule(chain);

	expr_ipsec();
	expr_verdict(NF_ACCEPT, NULL);
	unnest(r);
	accept_device(chain, NFT_META_OIFKIND, "xfrm");
	accept_device(chain, NFT_META_OIFKIND, "vti");
	accept_device(chain, NFT_META_OIFKIND, "vti6");
	if (own) {
		accept_device(chain, NFT_META_OIFNAME, "lo");
		accept_protocol(chain, IPPROTO_ESP);
		accept_protocol(chain, IPPROTO_AH);
		accept_protocol(chain, IPPROTO_COMP);
		accept_port(chain, IPPROTO_UDP, 500);
		accept_port(chain, IPPROTO_UDP, 4500);
		accept_port(chain, IPPROTO_TCP, 4500);
		accept_discovery(chain);
	}
	r = rule(chain);
	expr_verdict(NFT_JUMP, "fence");
	unnest(r);
}

static void rule_of(const struct nft_set *s)
{
	const struct nft_shape *shape = &s->shape;
	size_t n = address_size(shape);
	uint32_t reg = NFT_REG32_00;
	size_t r = rule("fence");

	expr_meta(NFT_META_NFPROTO, reg);
	expr_octet(reg, NFT_CMP_EQ, shape->family == 4 ? NFPROTO_IPV4 : NFPROTO_IPV6);
	expr_payload(NFT_PAYLOAD_NETWORK_HEADER, n == 4 ? 12 : 8, n, reg);
	expr_prefix(reg, n, shape->src_len);
	reg += n / 4;
	expr_payload(NFT_PAYLOAD_NETWORK_HEADER, n == 4 ? 16 : 24, n, reg);
	expr_prefix(reg, n, shape->dst_len);
	reg += n / 4;
	if (shape->fields & NFT_HAS_PROTO)
		expr_meta(NFT_META_L4PROTO, reg++);
	if (shape->fields & NFT_HAS_SPORT)
		expr_payload(NFT_PAYLOAD_TRANSPORT_HEADER, 0, 2, reg++);
	if (shape->fields & NFT_HAS_DPORT)
		expr_payload(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, reg++);
	expr_lookup(s);
	if (*s->group)
		expr_count(s->group);
	expr_verdict(*s->group ? NF_DROP : NF_ACCEPT, NULL);
	unnest(r);
}

static void chain(const char *name, int hook, int priority)
{
	size_t at;

	request(NFT_MSG_NEWCHAIN, NLM_F_CREATE);
	put_text(NFTA_CHAIN_TABLE, NFT_TABLE);
	put_text(NFTA_CHAIN_NAME, name);
	if (hook >= 0) {
		put_text(NFTA_CHAIN_TYPE, "filter");
		put_number(NFTA_CHAIN_POLICY, NF_ACCEPT);
		at = nest(NFTA_CHAIN_HOOK);
		put_number(NFTA_HOOK_HOOKNUM, hook);
		put_number(NFTA_HOOK_PRIORITY, priority);
		unnest(at);
	}
	/* What rules it had go. */
	request(NFT_MSG_DELRULE, 0);
	put_chain(name);
}

static void put_set(const struct nft_set *s)
{
	char name[SET_NAME];

	put_text(NFTA_SET_TABLE, NFT_TABLE);
	put_text(NFTA_SET_NAME, name_of(s, name));
}

/* The types are what nft(8) shows it by. */
static void new_set(const struct nft_set *s)
{
	const struct nft_flow like = { .shape = s->shape };
	uint32_t type = s->shape.family == 4 ? 7 : 8;
	uint8_t key[FIELDS];
	static uint32_t id;

	type |= type << 6;
	for (unsigned int f = NFT_HAS_PROTO; f <= NFT_HAS_DPORT; f <<= 1)
		if (s->shape.fields & f)
			type = type << 6 | (f == NFT_HAS_PROTO ? 12 : 13);
	request(NFT_MSG_NEWSET, NLM_F_CREATE);
	put_set(s);
	put_number(NFTA_SET_ID, ++id);
	put_number(NFTA_SET_FLAGS, 0);
	put_number(NFTA_SET_KEY_TYPE, type);
	put_number(NFTA_SET_KEY_LEN, key_of(&like, key));
}

static void table(uint8_t type, uint16_t flags)
{
	request(type, flags);
	put_text(NFTA_TABLE_NAME, NFT_TABLE);
}

static void own_table(void)
{
	table(NFT_MSG_NEWTABLE, NLM_F_CREATE);
	put_number(NFTA_TABLE_FLAGS, NFT_TABLE_F_OWNER | TABLE_F_PERSIST);
}

static void new_counter(const char *group)
{
	request(NFT_MSG_NEWOBJ, NLM_F_CREATE);
	put_text(NFTA_OBJ_TABLE, NFT_TABLE);
	put_text(NFTA_OBJ_NAME, group);
	put_number(NFTA_OBJ_TYPE, NFT_OBJECT_COUNTER);
	unnest(nest(NFTA_OBJ_DATA));
}

static void del_counter(const char *group)
{
	request(MSG_DESTROYOBJ, 0);
	put_text(NFTA_OBJ_TABLE, NFT_TABLE);
	put_text(NFTA_OBJ_NAME, group);
	put_number(NFTA_OBJ_TYPE, NFT_OBJECT_COUNTER);
}

/**
 * nft_lay_out() - table, chains, sets and rules, in one step
 * @sets: those that are needed and no others are there afterwards
 * @groups: whose packets are counted, or not any more
 * @n: of these
 *
 * Return: 0, or -errno, and all is as it was.
 */
int nft_lay_out(struct nft_set *sets, const struct nft_group *groups, size_t n)
{
	int err;

	begin();
	own_table();
	chain("fence", -1, 0);
	chain("forward", NF_INET_FORWARD, PRIORITY);
	chain("output", NF_INET_LOCAL_OUT, PRIORITY);
	chain("postrouting", NF_INET_POST_ROUTING, PRIORITY_LAST);
	rules_of("forward", false);
	rules_of("output", true);
	rules_of("postrouting", true);
	for (size_t i = 0; i < n; i++)
		if (groups[i].needed)
			new_counter(groups[i].name);
	for (const struct nft_set *s = sets; s; s = s->next) {
		if (s->needed && !s->there)
			new_set(s);
		if (s->needed)
			rule_of(s);
	}
	for (const struct nft_set *s = sets; s; s = s->next)
		if (s->there && !s->needed) {
			request(NFT_MSG_DELSET, 0);
			put_set(s);
		}
	for (size_t i = 0; i < n; i++)
		if (!groups[i].needed)
			del_counter(groups[i].name);
	err = commit();
	for (struct nft_set *s = sets; s && !err; s = s->next)
		s->there = s->needed;
	return err;
}

/**
 * nft_change() - flows come or go
 * @add: they come; what is there already may
 * @set: of these, which is there
 * @flows: of its shape
 * @n: how many
 *
 * Return: 0, or -errno.
 */
int nft_change(bool add, const struct nft_set *set, const struct nft_flow *flows, size_t n)
{
	size_t i = 0, most, list = 0, elem, at;
	uint8_t key[FIELDS];
	int err = 0;

	while (i < n && !err) {
		most = n - i < ELEMS_BATCH ? n : i + ELEMS_BATCH;
		begin();
		for (size_t in = 0; i < most; i++, in++) {
			if (in % ELEMS_MESSAGE == 0) {
				if (in)
					unnest(list);
				request(add ? NFT_MSG_NEWSETELEM : MSG_DESTROYSETELEM,
					add ? NLM_F_CREATE : 0);
				put_text(NFTA_SET_ELEM_LIST_TABLE, NFT_TABLE);
				name_of(set, (char *)answer);
				put_text(NFTA_SET_ELEM_LIST_SET, (char *)answer);
				list = nest(NFTA_SET_ELEM_LIST_ELEMENTS);
			}
			elem = nest(NFTA_LIST_ELEM);
			at = nest(NFTA_SET_ELEM_KEY);
			put(NFTA_DATA_VALUE, key, key_of(&flows[i], key));
			unnest(at);
			unnest(elem);
		}
		unnest(list);
		err = commit();
	}
	return err;
}

/* Return: 0, also if there was none, or -errno */
int nft_remove(void)
{
	int err;

	begin();
	table(NFT_MSG_DELTABLE, 0);
	err = commit();
	return err == -ENOENT ? 0 : err;
}

/* --- what is there --- */

static void see_nothing(const struct nlattr *attrs, int len, void *data)
{
	(void)attrs;
	(void)len;
	(void)data;
}

/* The table of a daemon that has died. Return: 0, -ENOENT: there is none, or -errno */
int nft_adopt(void)
{
	int err;

	ask(NFT_MSG_GETTABLE, 0);
	put_text(NFTA_TABLE_NAME, NFT_TABLE);
	err = asked(see_nothing, NULL);
	if (err)
		return err;
	begin();
	own_table();
	return commit();
}

struct seen_set {
	struct seen_set *next;
	struct nft_set set;
};

static void see_set(const struct nlattr *attrs, int len, void *data)
{
	const struct nlattr *a = nla_find(attrs, len, NFTA_SET_NAME);
	struct seen_set **sets = data, *s = calloc(1, sizeof(*s));

	if (s && a && nla_len(a) && !((const char *)nla_data(a))[nla_len(a) - 1] &&
	    named(&s->set, nla_data(a))) {
		s->next = *sets;
		*sets = s;
	} else {
		free(s);
	}
}

struct reading {
	const struct nft_set *set;
	void (*one)(const char *group, const struct nft_flow *flow);
};

static void see_flows(const struct nlattr *attrs, int len, void *data)
{
	struct nlattr *list = nla_find(attrs, len, NFTA_SET_ELEM_LIST_ELEMENTS), *elem, *key;
	const struct reading *r = data;
	struct nft_flow flow;
	int left;

	if (!list)
		return;
	nla_for_each_nested(elem, list, left) {
		key = within(within(elem, NFTA_SET_ELEM_KEY), NFTA_DATA_VALUE);
		if (nla_type(elem) == NFTA_LIST_ELEM && key &&
		    flow_of(&r->set->shape, nla_data(key), nla_len(key), &flow))
			r->one(r->set->group, &flow);
	}
}

/**
 * nft_read() - all flows that the table has
 * @one: is told of each
 *
 * Return: 0, or -errno.
 */
int nft_read(void (*one)(const char *group, const struct nft_flow *flow))
{
	struct seen_set *sets = NULL, *s;
	char name[SET_NAME];
	int err;

	ask(NFT_MSG_GETSET, NLM_F_DUMP);
	put_text(NFTA_SET_TABLE, NFT_TABLE);
	err = asked(see_set, &sets);
	while ((s = sets)) {
		struct reading r = { .set = &s->set, .one = one };

		sets = s->next;
		if (!err) {
			ask(NFT_MSG_GETSETELEM, NLM_F_DUMP);
			put_text(NFTA_SET_ELEM_LIST_TABLE, NFT_TABLE);
			put_text(NFTA_SET_ELEM_LIST_SET, name_of(&s->set, name));
			err = asked(see_flows, &r);
		}
		free(s);
	}
	return err;
}

static void see_counter(const struct nlattr *attrs, int len, void *data)
{
	const struct nlattr *a = within(nla_find(attrs, len, NFTA_OBJ_DATA), NFTA_COUNTER_PACKETS);
	uint64_t n = 0;

	if (a && nla_len(a) == sizeof(n)) {
		memcpy(&n, nla_data(a), sizeof(n));
		*(uint64_t *)data = be64toh(n);
	}
}

/* Packets of a group that did not leave. Return: 0, or -errno */
int nft_stopped(const char *group, uint64_t *packets)
{
	ask(NFT_MSG_GETOBJ, 0);
	put_text(NFTA_OBJ_TABLE, NFT_TABLE);
	put_text(NFTA_OBJ_NAME, group);
	put_number(NFTA_OBJ_TYPE, NFT_OBJECT_COUNTER);
	return asked(see_counter, packets);
}

int nft_open(void)
{
	struct sockaddr_nl a = { .nl_family = AF_NETLINK };
	struct timeval patience = { .tv_sec = 30 };
	int room = 2 * ROOM, on = 1;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	if (!bind(fd, (struct sockaddr *)&a, sizeof(a)))
		return 0;
	nft_close();
	return -errno;
}

/* The table stays. */
void nft_close(void)
{
	if (fd >= 0)
		close(fd);
	fd = -1;
	free(out.data);
	out.data = NULL;
	out.room = 0;
	out.len = 0;
}
