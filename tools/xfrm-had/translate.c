// SPDX-License-Identifier: GPL-2.0
/*
 * An SA or a policy on its way from one kernel to another.
 *
 * It departs without what only its own kernel can know: sequence state, counts, times of its clock,
 * numbers of its devices. It lands as the other kernel takes it. Attributes that are not known
 * here pass as they are: a kernel passes over those that it does not know either.
 *
 * On the way, curlft.add_time is how many seconds ago it was added, and curlft.use_time how many it
 * was first used, plus one; 0: not yet. No clock of one gateway is compared with one of the other.
 *
 * Sequence numbers come by the module's link. They are not sent here, so that there is one source:
 * a number that is late by the time it takes through a queue could be one that was used.
 */

#include <errno.h>
#include <string.h>

#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "translate.h"

/* An attribute, and what comes after it */
struct attr {
	uint16_t type;
	const uint8_t *data;
	size_t len;
	const uint8_t *next, *end;
};

static bool attr_next(struct attr *a)
{
	struct nlattr h;

	if (a->end - a->next < (ptrdiff_t)sizeof(h))
		return false;
	memcpy(&h, a->next, sizeof(h));
	if (h.nla_len < sizeof(h) || h.nla_len > a->end - a->next)
		return false;
	a->type = h.nla_type & NLA_TYPE_MASK;
	a->data = a->next + NLA_HDRLEN;
	a->len = h.nla_len - NLA_HDRLEN;
	a->next += NLA_ALIGN(h.nla_len) > a->end - a->next ? a->end - a->next :
							     (ptrdiff_t)NLA_ALIGN(h.nla_len);
	return true;
}

static struct attr attrs_of(const void *body, size_t len, size_t head)
{
	return (struct attr){ .next = (const uint8_t *)body + NLMSG_ALIGN(head),
			      .end = (const uint8_t *)body + len };
}

/* Is it a head and whole attributes, to the last octet? */
static bool well_formed(const void *body, size_t len, size_t head)
{
	struct attr a;

	if (len < NLMSG_ALIGN(head))
		return false;
	a = attrs_of(body, len, head);
	while (attr_next(&a))
		;
	return a.next == a.end;
}

static uint32_t number(const struct attr *a)
{
	uint32_t n;

	memcpy(&n, a->data, sizeof(n));
	return n;
}

struct out {
	uint8_t *at;	/* NULL: there was not room enough */
	size_t left;
};

static void emit(struct out *o, const void *from, size_t n, size_t padded)
{
	if (!o->at || o->left < padded) {
		o->at = NULL;
		return;
	}
	if (n)
		memcpy(o->at, from, n);
	memset(o->at + n, 0, padded - n);
	o->at += padded;
	o->left -= padded;
}

static void emit_attr(struct out *o, uint16_t type, const void *data, size_t len)
{
	struct nlattr h = { .nla_len = NLA_HDRLEN + len, .nla_type = type };

	emit(o, &h, sizeof(h), NLA_HDRLEN);
	emit(o, data, len, NLA_ALIGN(len));
}

static void pass(struct out *o, const struct attr *a)
{
	emit_attr(o, a->type, a->data, a->len);
}

static size_t written(const struct out *o, const void *out)
{
	return o->at ? (size_t)(o->at - (const uint8_t *)out) : 0;
}

/* Of a fixed size, or at least so long; what is not here may be of any. */
static size_t least(uint16_t type)
{
	switch (type) {
	case XFRMA_ALG_AUTH:
	case XFRMA_ALG_CRYPT:
	case XFRMA_ALG_COMP:
		return sizeof(struct xfrm_algo);
	case XFRMA_ALG_AEAD:
		return sizeof(struct xfrm_algo_aead);
	case XFRMA_ALG_AUTH_TRUNC:
		return sizeof(struct xfrm_algo_auth);
	case XFRMA_REPLAY_ESN_VAL:
		return sizeof(struct xfrm_replay_state_esn);
	case XFRMA_MARK:
		return sizeof(struct xfrm_mark);
	case XFRMA_IF_ID:
	case HAD_XFRMA_SA_PCPU:
		return sizeof(uint32_t);
	case HAD_XFRMA_SA_DIR:
	case XFRMA_POLICY_TYPE:
		return sizeof(uint8_t);
	case XFRMA_OFFLOAD_DEV:
		return sizeof(struct xfrm_user_offload);
	case XFRMA_LASTUSED:
		return sizeof(uint64_t);
	case XFRMA_ENCAP:
		return sizeof(struct xfrm_encap_tmpl);
	case HAD_ATTR_OFFLOAD:
		return 2;
	default:
		return 0;
	}
}

/* struct xfrm_algo and its kin: a name of 64 octets, the key's length in bits, ..., the key. */
static bool zeros(const struct attr *a, size_t head)
{
	uint32_t bits;
	size_t i;

	memcpy(&bits, a->data + 64, sizeof(bits));
	if (!bits)
		return false;
	for (i = head; i < a->len; i++)
		if (a->data[i])
			return false;
	return true;
}

static void see_key(const struct attr *a, struct had_sa *sa)
{
	switch (a->type) {
	case XFRMA_ALG_AUTH:
	case XFRMA_ALG_CRYPT:
		sa->redacted |= zeros(a, sizeof(struct xfrm_algo));
		sa->no_key = false;
		break;
	case XFRMA_ALG_AEAD:
		sa->redacted |= zeros(a, sizeof(struct xfrm_algo_aead));
		sa->no_key = false;
		break;
	case XFRMA_ALG_AUTH_TRUNC:
		sa->redacted |= zeros(a, sizeof(struct xfrm_algo_auth));
		sa->no_key = false;
		break;
	case XFRMA_ALG_COMP:
		sa->no_key = false;
		break;
	}
}

static bool is_family(unsigned int family)
{
	return family == AF_INET || family == AF_INET6;
}

/* Of an IPv4 address the kernel compares four octets; the rest may be anything. */
static void only_address(xfrm_address_t *a, unsigned int family)
{
	if (family == AF_INET)
		memset((uint8_t *)a + 4, 0, sizeof(*a) - 4);
}

/**
 * had_sa_read() - read an SA
 * @body: head and attributes of XFRM_MSG_NEWSA
 * @len: octets
 * @sa: filled
 *
 * Return: 0, or -EBADMSG.
 */
int had_sa_read(const void *body, size_t len, struct had_sa *sa)
{
	struct xfrm_encap_tmpl encap;
	struct xfrm_mark mark;
	struct attr a;

	memset(sa, 0, sizeof(*sa));
	sa->no_key = true;
	sa->cpu = UINT32_MAX;
	if (!well_formed(body, len, sizeof(sa->info)))
		return -EBADMSG;
	memcpy(&sa->info, body, sizeof(sa->info));
	if (!is_family(sa->info.family))
		return -EBADMSG;
	sa->id.family = sa->info.family;
	sa->id.proto = sa->info.id.proto;
	sa->id.spi = sa->info.id.spi;
	sa->id.daddr = sa->info.id.daddr;
	only_address(&sa->id.daddr, sa->id.family);
	a = attrs_of(body, len, sizeof(sa->info));
	while (attr_next(&a)) {
		if (a.len < least(a.type))
			return -EBADMSG;
		see_key(&a, sa);
		switch (a.type) {
		case XFRMA_MARK:
			memcpy(&mark, a.data, sizeof(mark));
			sa->id.mark_v = mark.v;
			sa->id.mark_m = mark.m;
			break;
		case XFRMA_IF_ID:
			sa->if_id = number(&a);
			break;
		case HAD_XFRMA_SA_DIR:
			sa->dir = *a.data;
			break;
		case HAD_XFRMA_SA_PCPU:
			sa->cpu = number(&a);
			break;
		case XFRMA_ENCAP:
			memcpy(&encap, a.data, sizeof(encap));
			sa->sport = encap.encap_sport;
			sa->dport = encap.encap_dport;
			break;
		case XFRMA_LASTUSED:
			memcpy(&sa->last_used, a.data, sizeof(sa->last_used));
			break;
		}
	}
	return 0;
}

/**
 * had_policy_read() - read a policy
 * @body: head and attributes of XFRM_MSG_NEWPOLICY
 * @len: octets
 * @p: filled
 *
 * Return: 0, or -EBADMSG; a socket's own policy is one as well.
 */
int had_policy_read(const void *body, size_t len, struct had_policy *p)
{
	struct xfrm_mark mark;
	struct attr a;

	memset(p, 0, sizeof(*p));
	if (!well_formed(body, len, sizeof(p->info)))
		return -EBADMSG;
	memcpy(&p->info, body, sizeof(p->info));
	if (!is_family(p->info.sel.family) || p->info.dir > XFRM_POLICY_FWD ||
	    (p->info.index & 7) > XFRM_POLICY_FWD)
		return -EBADMSG;
	p->id.sel = p->info.sel;
	p->id.dir = p->info.dir;
	a = attrs_of(body, len, sizeof(p->info));
	while (attr_next(&a)) {
		if (a.len < least(a.type))
			return -EBADMSG;
		switch (a.type) {
		case XFRMA_TMPL:
			p->n_tmpls = a.len / sizeof(p->tmpls[0]);
			if (p->n_tmpls > XFRM_MAX_DEPTH)
				return -EBADMSG;
			memcpy(p->tmpls, a.data, p->n_tmpls * sizeof(p->tmpls[0]));
			break;
		case XFRMA_POLICY_TYPE:
			p->id.type = *a.data;
			break;
		case XFRMA_MARK:
			memcpy(&mark, a.data, sizeof(mark));
			p->id.mark_v = mark.v;
			p->id.mark_m = mark.m;
			break;
		case XFRMA_IF_ID:
			p->id.if_id = number(&a);
			break;
		}
	}
	return 0;
}

/* A clock that was set back makes nothing older. */
static uint64_t age(uint64_t now, uint64_t then)
{
	return now > then ? now - then : 0;
}

static void depart_times(struct xfrm_lifetime_cur *cur, uint64_t now)
{
	*cur = (struct xfrm_lifetime_cur){
		.add_time = age(now, cur->add_time),
		.use_time = cur->use_time ? age(now, cur->use_time) + 1 : 0,
	};
}

/* What has passed is gone; what is over is at its last second, and 0 would be: for ever. */
static uint64_t remaining(uint64_t seconds, uint64_t passed)
{
	if (!seconds)
		return 0;
	return seconds > passed ? seconds - passed : 1;
}

static void land_times(struct xfrm_lifetime_cfg *lft, struct xfrm_lifetime_cur *cur)
{
	uint64_t used = cur->use_time ? cur->use_time - 1 : 0;

	lft->soft_add_expires_seconds = remaining(lft->soft_add_expires_seconds, cur->add_time);
	lft->hard_add_expires_seconds = remaining(lft->hard_add_expires_seconds, cur->add_time);
	lft->soft_use_expires_seconds = remaining(lft->soft_use_expires_seconds, used);
	lft->hard_use_expires_seconds = remaining(lft->hard_use_expires_seconds, used);
	memset(cur, 0, sizeof(*cur));
}

static void depart_offload(struct out *o, const struct attr *a, const struct had_departure *from)
{
	uint8_t value[1 + 16] = {};
	struct xfrm_user_offload u;

	memcpy(&u, a->data, sizeof(u));
	value[0] = u.flags;
	if (from->device_name &&
	    from->device_name(from->data, u.ifindex, (char *)value + 1, sizeof(value) - 1))
		emit_attr(o, HAD_ATTR_OFFLOAD, value, 1 + strlen((char *)value + 1) + 1);
}

static void land_offload(struct out *o, const struct attr *a, const struct had_landing *to)
{
	struct xfrm_user_offload u = { .flags = a->data[0] };

	if (a->data[a->len - 1] || !to->device_index)
		return;
	u.ifindex = to->device_index(to->data, (const char *)a->data + 1);
	if (u.ifindex)
		emit_attr(o, XFRMA_OFFLOAD_DEV, &u, sizeof(u));
}

/* The size of the window, and nothing that was in it. */
static void emit_window(struct out *o, const struct attr *a, uint8_t dir)
{
	struct xfrm_replay_state_esn from, rs = {};

	memcpy(&from, a->data, sizeof(from));
	/* Newer kernels refuse a window that nothing looks at. */
	if (dir != HAD_SA_DIR_OUT) {
		rs.bmp_len = from.bmp_len;
		rs.replay_window = from.replay_window;
	}
	emit_attr(o, XFRMA_REPLAY_ESN_VAL, &rs, sizeof(rs));
}

/**
 * had_sa_depart() - what the peer's daemon is told of an SA
 * @body: head and attributes of XFRM_MSG_NEWSA, as the kernel gave them
 * @len: octets; had_sa_read() has said that it is well
 * @from: this gateway
 * @out: where to
 * @room: octets there
 *
 * Return: octets, or 0: there was not room enough.
 */
size_t had_sa_depart(const void *body, size_t len, const struct had_departure *from,
		     void *out, size_t room)
{
	struct out o = { out, room };
	struct xfrm_usersa_info info;
	struct attr a;

	memcpy(&info, body, sizeof(info));
	depart_times(&info.curlft, from->now);
	memset(&info.stats, 0, sizeof(info.stats));
	info.seq = 0;
	emit(&o, &info, sizeof(info), NLMSG_ALIGN(sizeof(info)));
	a = attrs_of(body, len, sizeof(info));
	while (attr_next(&a)) {
		switch (a.type) {
		case XFRMA_REPLAY_VAL:
		case XFRMA_LTIME_VAL:
		case XFRMA_LASTUSED:
		case XFRMA_PAD:
		case HAD_ATTR_OFFLOAD:
			break;
		case XFRMA_REPLAY_ESN_VAL:
			emit_window(&o, &a, 0);
			break;
		case XFRMA_OFFLOAD_DEV:
			depart_offload(&o, &a, from);
			break;
		default:
			pass(&o, &a);
		}
	}
	return written(&o, out);
}

/* A legacy window of more than 32 is one that the kernel would cut. */
static void land_window(struct out *o, struct xfrm_usersa_info *info, uint8_t dir, bool *esn)
{
	struct xfrm_replay_state_esn rs = {};

	if (dir == HAD_SA_DIR_OUT || *esn) {
		info->replay_window = 0;
	} else if (info->replay_window > 32) {
		rs.replay_window = info->replay_window;
		rs.bmp_len = (rs.replay_window + 31) / 32;
		info->replay_window = 0;
		emit_attr(o, XFRMA_REPLAY_ESN_VAL, &rs, sizeof(rs));
	}
}

/**
 * had_sa_land() - what this kernel is told of an SA of the peer's
 * @body: what had_sa_depart() made there
 * @len: octets; had_sa_read() has said that it is well
 * @to: this gateway
 * @out: where to: head and attributes for XFRM_MSG_NEWSA
 * @room: octets there
 *
 * Return: octets, or 0: there was not room enough.
 */
size_t had_sa_land(const void *body, size_t len, const struct had_landing *to,
		   void *out, size_t room)
{
	struct out o = { out, room };
	struct xfrm_usersa_info info;
	bool esn = false;
	struct had_sa sa;
	struct attr a;

	if (had_sa_read(body, len, &sa))
		return 0;
	info = sa.info;
	land_times(&info.lft, &info.curlft);
	memset(&info.stats, 0, sizeof(info.stats));
	info.seq = had_sa_tag(&sa.id);
	/* The head is written when all is known. */
	emit(&o, &info, sizeof(info), NLMSG_ALIGN(sizeof(info)));
	a = attrs_of(body, len, sizeof(info));
	while (attr_next(&a)) {
		switch (a.type) {
		case XFRMA_REPLAY_VAL:
		case XFRMA_LTIME_VAL:
		case XFRMA_LASTUSED:
		case XFRMA_PAD:
		case XFRMA_OFFLOAD_DEV:
			break;
		case XFRMA_REPLAY_ESN_VAL:
			emit_window(&o, &a, sa.dir);
			esn = true;
			break;
		case HAD_ATTR_OFFLOAD:
			land_offload(&o, &a, to);
			break;
		case HAD_XFRMA_SA_PCPU:
			if (number(&a) < to->cpus)
				pass(&o, &a);
			break;
		default:
			pass(&o, &a);
		}
	}
	land_window(&o, &info, sa.dir, &esn);
	if (o.at)
		memcpy(out, &info, sizeof(info));
	return written(&o, out);
}

/**
 * had_sa_essence() - what makes two SAs of one identity the same
 * @body: head and attributes
 * @len: octets; had_sa_read() has said that it is well
 * @lifetimes: these count
 * @out: where to, for a digest
 * @room: octets there; those of @body are always enough
 *
 * What landed and is read back from the kernel has the essence, without lifetimes, of what the
 * peer said, if both kernels say the same of the same.
 *
 * Return: octets, or 0: there was not room enough.
 */
size_t had_sa_essence(const void *body, size_t len, bool lifetimes, void *out, size_t room)
{
	struct out o = { out, room };
	struct xfrm_usersa_info info;
	struct had_sa sa;
	struct attr a;

	if (had_sa_read(body, len, &sa))
		return 0;
	info = sa.info;
	memset(&info.curlft, 0, sizeof(info.curlft));
	memset(&info.stats, 0, sizeof(info.stats));
	info.seq = 0;
	if (sa.dir == HAD_SA_DIR_OUT)
		info.replay_window = 0;
	if (!lifetimes)
		memset(&info.lft, 0, sizeof(info.lft));
	emit(&o, &info, sizeof(info), NLMSG_ALIGN(sizeof(info)));
	a = attrs_of(body, len, sizeof(info));
	while (attr_next(&a)) {
		switch (a.type) {
		case XFRMA_REPLAY_VAL:
		case XFRMA_LTIME_VAL:
		case XFRMA_LASTUSED:
		case XFRMA_PAD:
		case XFRMA_OFFLOAD_DEV:
		case HAD_ATTR_OFFLOAD:
		case HAD_XFRMA_SA_PCPU:
			break;
		case XFRMA_REPLAY_ESN_VAL:
			emit_window(&o, &a, sa.dir);
			break;
		default:
			pass(&o, &a);
		}
	}
	return written(&o, out);
}

static size_t policy(const void *body, size_t len, const struct xfrm_userpolicy_info *info,
		     const struct had_departure *from, const struct had_landing *to,
		     void *out, size_t room)
{
	struct out o = { out, room };
	struct attr a = attrs_of(body, len, sizeof(*info));

	emit(&o, info, sizeof(*info), NLMSG_ALIGN(sizeof(*info)));
	while (attr_next(&a)) {
		switch (a.type) {
		case XFRMA_LTIME_VAL:
		case XFRMA_PAD:
			break;
		case XFRMA_OFFLOAD_DEV:
			if (from)
				depart_offload(&o, &a, from);
			break;
		case HAD_ATTR_OFFLOAD:
			if (to)
				land_offload(&o, &a, to);
			break;
		default:
			pass(&o, &a);
		}
	}
	return written(&o, out);
}

/* As had_sa_depart(), of XFRM_MSG_NEWPOLICY */
size_t had_policy_depart(const void *body, size_t len, const struct had_departure *from,
			 void *out, size_t room)
{
	struct xfrm_userpolicy_info info;

	memcpy(&info, body, sizeof(info));
	depart_times(&info.curlft, from->now);
	info.index = 0;
	return policy(body, len, &info, from, NULL, out, room);
}

/* As had_sa_land() */
size_t had_policy_land(const void *body, size_t len, const struct had_landing *to,
		       void *out, size_t room)
{
	struct xfrm_userpolicy_info info;
	struct had_policy p;

	if (had_policy_read(body, len, &p))
		return 0;
	info = p.info;
	land_times(&info.lft, &info.curlft);
	info.index = had_policy_tag(&p.id);
	return policy(body, len, &info, NULL, to, out, room);
}

/* As had_sa_essence() */
size_t had_policy_essence(const void *body, size_t len, bool lifetimes, void *out, size_t room)
{
	struct xfrm_userpolicy_info info;

	memcpy(&info, body, sizeof(info));
	memset(&info.curlft, 0, sizeof(info.curlft));
	info.index = 0;
	if (!lifetimes)
		memset(&info.lft, 0, sizeof(info.lft));
	return policy(body, len, &info, NULL, NULL, out, room);
}

/**
 * had_age() - what departed has been on its way for longer
 * @body: head and attributes, as had_sa_depart() or had_policy_depart() has written them
 * @len: octets
 * @policy: it is a policy's
 * @seconds: by so much
 */
void had_age(void *body, size_t len, bool policy, uint64_t seconds)
{
	size_t at = policy ? offsetof(struct xfrm_userpolicy_info, curlft) :
			     offsetof(struct xfrm_usersa_info, curlft);
	struct xfrm_lifetime_cur cur;

	if (len < at + sizeof(cur))
		return;
	memcpy(&cur, (uint8_t *)body + at, sizeof(cur));
	cur.add_time += seconds;
	if (cur.use_time)
		cur.use_time += seconds;
	memcpy((uint8_t *)body + at, &cur, sizeof(cur));
}

/* FNV-1a. Nobody gains anything by a collision: it is the daemon itself that gives tags. */
static uint64_t hash(uint64_t h, const void *data, size_t n)
{
	const uint8_t *p = data;

	while (n--)
		h = (h ^ *p++) * 0x100000001b3ULL;
	return h;
}

static uint32_t fold(uint64_t h)
{
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdULL;
	h ^= h >> 33;
	return h;
}

/**
 * had_sa_tag() - the mark of an SA that this daemon has installed
 * @id: of the SA
 *
 * It stands where the kernel keeps the number of an acquire that an SA answers to, which counts
 * from 1 and is of no use once the SA is there. A daemon that starts anew knows by it what was
 * installed: the kernel itself is the memory, as long as the SA, and no longer.
 *
 * Return: a number above 2^31; of an SA that somebody else has installed it is this one by a chance
 * of 1 in 2^31, if its number is above that at all.
 */
uint32_t had_sa_tag(const struct had_sa_id *id)
{
	uint64_t h = hash(0xcbf29ce484222325ULL, "xfrm-had sa", 11);

	return 0x80000000 | fold(hash(h, id, sizeof(*id)));
}

/**
 * had_policy_tag() - likewise, where a policy has its index
 * @id: of the policy
 *
 * The kernel gives indices of its own in order from 0; their last three bits are the direction.
 *
 * Return: an index.
 */
uint32_t had_policy_tag(const struct had_policy_id *id)
{
	uint64_t h = hash(0xcbf29ce484222325ULL, "xfrm-had policy", 15);

	return 0x80000000 | (fold(hash(h, id, sizeof(*id))) & 0x0fffffff) << 3 | id->dir;
}

static bool is_end(const struct had_match *m, unsigned int family, const xfrm_address_t *a)
{
	size_t n = family == AF_INET ? 4 : sizeof(*a);
	unsigned int i;

	for (i = 0; i < m->n_addrs; i++)
		if (m->addrs[i].family == family && !memcmp(&m->addrs[i].addr, a, n))
			return true;
	return false;
}

/**
 * had_match_sa() - does an SA belong to a group? As the module's xha_match().
 * @m: what belongs to it
 * @sa: SA
 *
 * Return: whether it does.
 */
bool had_match_sa(const struct had_match *m, const struct had_sa *sa)
{
	if (sa->id.proto != IPPROTO_ESP && sa->id.proto != IPPROTO_AH)
		return false;
	if (m->has_reqid && sa->info.reqid != m->reqid)
		return false;
	if (m->has_if_id && sa->if_id != m->if_id)
		return false;
	if (m->has_mark && (sa->id.mark_v & m->mark_m) != (m->mark_v & m->mark_m))
		return false;
	return !m->n_addrs || is_end(m, sa->info.family, &sa->info.id.daddr) ||
	       is_end(m, sa->info.family, &sa->info.saddr);
}

static bool nowhere(const xfrm_address_t *a)
{
	static const xfrm_address_t none;

	return !memcmp(a, &none, sizeof(*a));
}

static bool match_tmpl(const struct had_match *m, const struct had_policy *p,
		       const struct xfrm_user_tmpl *t)
{
	const struct xfrm_selector *sel = &p->info.sel;

	if (m->has_reqid && t->reqid != m->reqid)
		return false;
	if (!m->n_addrs || is_end(m, t->family, &t->id.daddr) || is_end(m, t->family, &t->saddr))
		return true;
	/* In transport mode the packets' own addresses are the ends. */
	return t->mode == XFRM_MODE_TRANSPORT && nowhere(&t->id.daddr) && nowhere(&t->saddr) &&
	       (is_end(m, sel->family, &sel->daddr) || is_end(m, sel->family, &sel->saddr));
}

/**
 * had_match_policy() - does a policy belong to a group?
 * @m: what belongs to it
 * @p: policy
 *
 * Return: whether one of its templates asks for SAs of the group; with @m->all_policies, true.
 */
bool had_match_policy(const struct had_match *m, const struct had_policy *p)
{
	unsigned int i;

	if (m->all_policies)
		return true;
	if (m->has_if_id && p->id.if_id != m->if_id)
		return false;
	if (m->has_mark && (p->id.mark_v & m->mark_m) != (m->mark_v & m->mark_m))
		return false;
	for (i = 0; i < p->n_tmpls; i++)
		if (match_tmpl(m, p, &p->tmpls[i]))
			return true;
	return false;
}
