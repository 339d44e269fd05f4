// SPDX-License-Identifier: GPL-2.0
/*
 * SAs and policies, as one kernel gave them, on their way to another: what goes, what comes, and
 * that nothing is read beyond the end of what is not well.
 */

#include <errno.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "had_test.h"
#include "messages.h"
#include "translate.h"

static uint8_t gone[HAD_WIRE_BODY_MAX], landed[HAD_WIRE_BODY_MAX], there[HAD_WIRE_BODY_MAX];
static uint8_t made[HAD_WIRE_BODY_MAX];
static size_t made_len;

/* The attribute of a type; its data, and their length */
static const void *attr(const uint8_t *body, size_t len, size_t head, int type, size_t *n)
{
	size_t at = head;
	struct nlattr h;

	while (at + sizeof(h) <= len) {
		memcpy(&h, body + at, sizeof(h));
		if (h.nla_type == type) {
			*n = h.nla_len - NLA_HDRLEN;
			return body + at + NLA_HDRLEN;
		}
		at += NLA_ALIGN(h.nla_len);
	}
	*n = 0;
	return NULL;
}

#define sa_attr(body, len, type, n)	attr(body, len, sizeof(struct xfrm_usersa_info), type, n)

/* An SA that is like one of those, and what is added to it */
static void make(const void *from, size_t len)
{
	memcpy(made, from, len);
	made_len = len;
}

static void add(int type, const void *data, size_t n)
{
	struct nlattr h = { .nla_len = NLA_HDRLEN + n, .nla_type = type };

	memcpy(made + made_len, &h, sizeof(h));
	memset(made + made_len + NLA_HDRLEN, 0, NLA_ALIGN(n));
	memcpy(made + made_len + NLA_HDRLEN, data, n);
	made_len += NLA_HDRLEN + NLA_ALIGN(n);
}

static bool name_of(void *data, int ifindex, char *name, size_t len)
{
	(void)data;
	if (ifindex != 7)
		return false;
	snprintf(name, len, "eth0");
	return true;
}

static int index_of(void *data, const char *name)
{
	(void)data;
	return strcmp(name, "eth0") ? 0 : 70;
}

static struct had_departure from = { .device_name = name_of };
static struct had_landing to = { .cpus = 4, .device_index = index_of };

/* From here to there; the message as it is on the way stays in gone. */
static size_t travel(const void *body, size_t len, size_t *on_the_way)
{
	struct had_sa sa, after;
	size_t n, l;

	expect(!had_sa_read(body, len, &sa), "can't be read");
	n = had_sa_depart(body, len, &from, gone, sizeof(gone));
	expect(n, "does not depart");
	l = had_sa_land(gone, n, &to, landed, sizeof(landed));
	expect(l && !had_sa_read(landed, l, &after), "does not land");
	expect(!memcmp(&sa.id, &after.id, sizeof(sa.id)), "another SA");
	expect(after.info.seq == had_sa_tag(&sa.id), "without its tag");
	if (on_the_way)
		*on_the_way = n;
	return l;
}

/* All of it is there but what is not to be; that is @but. */
static void passes(const uint8_t *body, size_t len, const int *but)
{
	size_t l = travel(body, len, NULL), at = sizeof(struct xfrm_usersa_info), n;
	const void *p;
	struct nlattr h;
	const int *b;

	for (; at + sizeof(h) <= len; at += NLA_ALIGN(h.nla_len)) {
		memcpy(&h, body + at, sizeof(h));
		for (b = but; *b && *b != h.nla_type; b++)
			;
		p = sa_attr(landed, l, h.nla_type, &n);
		if (*b) {
			expect(!p || h.nla_type == XFRMA_REPLAY_ESN_VAL, "type %u is there", *b);
			continue;
		}
		expect(p && n == h.nla_len - (size_t)NLA_HDRLEN, "type %u is lost", h.nla_type);
		expect(!memcmp(p, body + at + NLA_HDRLEN, n), "type %u is not the same",
		       h.nla_type);
	}
}

static void sequence_state(void)
{
	static const int but[] = { XFRMA_REPLAY_VAL, XFRMA_REPLAY_ESN_VAL, XFRMA_LASTUSED,
				   XFRMA_PAD, 0 };
	static const struct xfrm_replay_state_esn zero = { .bmp_len = 4, .replay_window = 128 };
	const uint8_t *p;
	size_t n, l;

	passes(sa1, sizeof(sa1), but);
	passes(sa2, sizeof(sa2), but);
	passes(sa3, sizeof(sa3), but);
	passes(sa4, sizeof(sa4), but);

	l = travel(sa2, sizeof(sa2), NULL);
	p = sa_attr(landed, l, XFRMA_REPLAY_ESN_VAL, &n);
	expect(n == sizeof(zero) && !memcmp(p, &zero, n), "the window of an ESN SA");
	/* Not even on the way. */
	travel(sa1, sizeof(sa1), &l);
	expect(!sa_attr(gone, l, XFRMA_REPLAY_VAL, &n), "numbers on the way");
	expect(((struct xfrm_usersa_info *)gone)->curlft.bytes == 0, "counts on the way");
}

static void windows(void)
{
	static const uint8_t in = HAD_SA_DIR_IN, out = HAD_SA_DIR_OUT;
	struct xfrm_replay_state_esn rs;
	struct xfrm_usersa_info info;
	const void *p;
	size_t n, l;

	/* Outbound: none. */
	make(sa1, sizeof(sa1));
	add(HAD_XFRMA_SA_DIR, &out, 1);
	l = travel(made, made_len, NULL);
	memcpy(&info, landed, sizeof(info));
	expect(!info.replay_window, "a window on an outbound SA");
	make(sa2, sizeof(sa2));
	add(HAD_XFRMA_SA_DIR, &out, 1);
	l = travel(made, made_len, NULL);
	p = sa_attr(landed, l, XFRMA_REPLAY_ESN_VAL, &n);
	memcpy(&rs, p, sizeof(rs));
	expect(n == sizeof(rs) && !rs.replay_window && !rs.bmp_len, "an ESN window, outbound");
	/* Inbound they stay. */
	make(sa1, sizeof(sa1));
	add(HAD_XFRMA_SA_DIR, &in, 1);
	travel(made, made_len, NULL);
	memcpy(&info, landed, sizeof(info));
	expect(info.replay_window == 32, "no window on an inbound SA");
	/* More than 32 need the attribute. */
	make(sa1, sizeof(sa1));
	((struct xfrm_usersa_info *)made)->replay_window = 100;
	l = travel(made, made_len, NULL);
	memcpy(&info, landed, sizeof(info));
	p = sa_attr(landed, l, XFRMA_REPLAY_ESN_VAL, &n);
	expect(p, "no attribute");
	memcpy(&rs, p, sizeof(rs));
	expect(!info.replay_window && rs.replay_window == 100 && rs.bmp_len == 4 && !rs.oseq,
	       "window of 100");
}

static void lifetimes(void)
{
	struct xfrm_usersa_info info, *m = (void *)made;
	size_t l;

	make(sa1, sizeof(sa1));
	m->curlft.add_time = 1000000;
	m->curlft.use_time = 0;
	from.now = 1000600;
	travel(made, made_len, NULL);
	memcpy(&info, landed, sizeof(info));
	expect(info.lft.hard_add_expires_seconds == 3000 &&
	       info.lft.soft_add_expires_seconds == 2400, "what has passed");
	expect(info.lft.hard_use_expires_seconds == 100, "it was not used");
	expect(info.lft.hard_byte_limit == m->lft.hard_byte_limit &&
	       info.lft.soft_packet_limit == XFRM_INF, "limits of another kind");
	m->curlft.use_time = 1000570;
	travel(made, made_len, NULL);
	memcpy(&info, landed, sizeof(info));
	expect(info.lft.hard_use_expires_seconds == 70, "it was used");
	/* A soft one that is over is due, not without end. */
	from.now = 1003100;
	travel(made, made_len, NULL);
	memcpy(&info, landed, sizeof(info));
	expect(info.lft.soft_add_expires_seconds == 1 &&
	       info.lft.hard_add_expires_seconds == 500, "over");
	/* Nor is anything given by a clock that was set back. */
	from.now = 5;
	l = travel(made, made_len, NULL);
	memcpy(&info, landed, sizeof(info));
	expect(l && info.lft.hard_add_expires_seconds == 3600, "set back");
	/* 0 is none. */
	make(sa2, sizeof(sa2));
	from.now = 1ULL << 40;
	travel(made, made_len, NULL);
	memcpy(&info, landed, sizeof(info));
	expect(!info.lft.hard_add_expires_seconds && !info.lft.soft_use_expires_seconds, "none");
}

static void devices(void)
{
	struct xfrm_user_offload u = { .ifindex = 7, .flags = 1 }, back;
	static const uint8_t out = HAD_SA_DIR_OUT;
	const void *p;
	uint32_t cpu;
	size_t n, l;

	make(sa1, sizeof(sa1));
	add(XFRMA_OFFLOAD_DEV, &u, sizeof(u));
	l = travel(made, made_len, NULL);
	p = sa_attr(landed, l, XFRMA_OFFLOAD_DEV, &n);
	expect(p && n == sizeof(back), "no device");
	memcpy(&back, p, sizeof(back));
	expect(back.ifindex == 70 && back.flags == 1, "device %d", back.ifindex);
	expect(!sa_attr(landed, l, HAD_ATTR_OFFLOAD, &n), "the name has come with it");
	u.ifindex = 8;
	make(sa1, sizeof(sa1));
	add(XFRMA_OFFLOAD_DEV, &u, sizeof(u));
	l = travel(made, made_len, NULL);
	expect(!sa_attr(landed, l, XFRMA_OFFLOAD_DEV, &n), "a device that nobody mapped");

	for (cpu = 3; cpu < 5; cpu++) {
		make(sa1, sizeof(sa1));
		add(HAD_XFRMA_SA_DIR, &out, 1);
		add(HAD_XFRMA_SA_PCPU, &cpu, sizeof(cpu));
		l = travel(made, made_len, NULL);
		p = sa_attr(landed, l, HAD_XFRMA_SA_PCPU, &n);
		expect(!p == (cpu == 4), "SA of CPU %u", cpu);
	}
}

static void unknown(void)
{
	static const uint8_t some[] = { 1, 2, 3, 4, 5 };
	const void *p;
	size_t n, l;

	make(sa2, sizeof(sa2));
	add(200, some, sizeof(some));
	l = travel(made, made_len, NULL);
	p = sa_attr(landed, l, 200, &n);
	expect(p && n == sizeof(some) && !memcmp(p, some, n), "it is lost");
}

static void keys(void)
{
	static uint8_t algo[sizeof(struct xfrm_algo) + 16];
	struct had_sa sa;

	had_sa_read(sa1, sizeof(sa1), &sa);
	expect(!sa.redacted && !sa.no_key, "a key");
	make(sa1, sizeof(struct xfrm_usersa_info));
	had_sa_read(made, made_len, &sa);
	expect(sa.no_key, "none");
	((struct xfrm_algo *)algo)->alg_key_len = 128;
	add(XFRMA_ALG_CRYPT, algo, sizeof(algo));
	had_sa_read(made, made_len, &sa);
	expect(sa.redacted, "one that the kernel does not give away");
	((struct xfrm_algo *)algo)->alg_key_len = 0;
	make(sa1, sizeof(struct xfrm_usersa_info));
	add(XFRMA_ALG_CRYPT, algo, sizeof(struct xfrm_algo));
	had_sa_read(made, made_len, &sa);
	expect(!sa.redacted && !sa.no_key, "one of no length");
}

/* What landed, read back, is what departed. */
static void essences(void)
{
	static const struct {
		const void *body;
		size_t len;
	} all[] = { { sa1, sizeof(sa1) }, { sa2, sizeof(sa2) },
		    { sa3, sizeof(sa3) }, { sa4, sizeof(sa4) } };
	struct xfrm_usersa_info *m = (void *)made;
	size_t i, n, l, a, b;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		l = travel(all[i].body, all[i].len, &n);
		a = had_sa_essence(gone, n, false, there, sizeof(there));
		b = had_sa_essence(landed, l, false, made, sizeof(made));
		expect(a && a == b && !memcmp(there, made, a), "SA %zu", i + 1);
	}
	make(sa1, sizeof(sa1));
	a = had_sa_essence(made, made_len, true, there, sizeof(there));
	m->curlft.bytes += 100;
	m->curlft.use_time = 77;
	b = had_sa_essence(made, made_len, true, gone, sizeof(gone));
	expect(a == b && !memcmp(there, gone, a), "counts make it another");
	m->lft.hard_add_expires_seconds++;
	had_sa_essence(made, made_len, true, gone, sizeof(gone));
	expect(memcmp(there, gone, a), "lifetimes don't count");
	had_sa_essence(made, made_len, false, gone, sizeof(gone));
	had_sa_essence(sa1, sizeof(sa1), false, there, sizeof(there));
	expect(!memcmp(there, gone, a), "lifetimes count");
}

static struct had_match match_addr(const char *bytes)
{
	struct had_match m = { .n_addrs = 1, .addrs[0].family = AF_INET };

	memcpy(&m.addrs[0].addr, bytes, 4);
	return m;
}

static void groups(void)
{
	struct had_match here = match_addr("\xc0\x00\x02\x01");
	struct had_match else_ = match_addr("\xc0\x00\x02\x02");
	struct had_match all = { .n_addrs = 0 };
	struct had_policy p1, p2;
	struct had_sa s1, s2, s4;

	expect(!had_sa_read(sa1, sizeof(sa1), &s1) && !had_sa_read(sa2, sizeof(sa2), &s2) &&
	       !had_sa_read(sa4, sizeof(sa4), &s4), "SAs");
	expect(!had_policy_read(policy1, sizeof(policy1), &p1) &&
	       !had_policy_read(policy2, sizeof(policy2), &p2), "policies");
	expect(s2.id.mark_v == 0x10 && s2.id.mark_m == 0xff && s2.if_id == 42, "mark and if_id");
	expect(p1.id.mark_v == 1 && p1.id.mark_m == 3 && p1.id.if_id == 42 && p1.n_tmpls == 1 &&
	       p1.id.dir == XFRM_POLICY_OUT, "policy");
	expect(had_match_sa(&here, &s1) && !had_match_sa(&else_, &s1), "SA by address");
	expect(!had_match_sa(&here, &s4) && had_match_sa(&all, &s4), "of another family");
	expect(had_match_policy(&here, &p1) && had_match_policy(&here, &p2) &&
	       !had_match_policy(&else_, &p1), "policies by address");
	here.has_reqid = true;
	here.reqid = 7;
	expect(had_match_sa(&here, &s1) && had_match_policy(&here, &p1), "reqid");
	here.reqid = 8;
	expect(!had_match_sa(&here, &s1) && !had_match_policy(&here, &p1), "another reqid");
	here.has_reqid = false;
	here.has_if_id = true;
	here.if_id = 42;
	expect(had_match_sa(&here, &s2) && !had_match_sa(&here, &s1) &&
	       had_match_policy(&here, &p1) && !had_match_policy(&here, &p2), "if_id");
	else_.all_policies = true;
	expect(had_match_policy(&else_, &p1), "all");
	expect((had_policy_tag(&p1.id) & 7) == XFRM_POLICY_OUT, "index and direction");
	expect(had_policy_tag(&p1.id) >> 31 && had_sa_tag(&s1.id) >> 31, "high");
}

static void policies(void)
{
	struct had_policy before, after;
	size_t n, l, a, b, w;
	const void *p, *q;

	expect(!had_policy_read(policy1, sizeof(policy1), &before), "policy");
	n = had_policy_depart(policy1, sizeof(policy1), &from, gone, sizeof(gone));
	l = had_policy_land(gone, n, &to, landed, sizeof(landed));
	expect(l && !had_policy_read(landed, l, &after), "does not land");
	expect(!memcmp(&before.id, &after.id, sizeof(before.id)), "another");
	expect(after.info.index == had_policy_tag(&before.id), "without its tag");
	expect(after.info.priority == 100 && after.n_tmpls == 1, "priority");
	p = attr(policy1, sizeof(policy1), sizeof(after.info), XFRMA_TMPL, &a);
	q = attr(landed, l, sizeof(after.info), XFRMA_TMPL, &w);
	expect(p && q && a == w && !memcmp(p, q, a), "templates");
	a = had_policy_essence(gone, n, true, there, sizeof(there));
	b = had_policy_essence(policy1, sizeof(policy1), true, made, sizeof(made));
	expect(a && a == b && !memcmp(there, made, a), "essence");
	make(policy2, sizeof(before.info));
	add(XFRMA_TMPL, there, XFRM_MAX_DEPTH * sizeof(before.tmpls[0]));
	expect(!had_policy_read(made, made_len, &after), "as many templates as may be");
	make(policy2, sizeof(before.info));
	add(XFRMA_TMPL, there, (XFRM_MAX_DEPTH + 1) * sizeof(before.tmpls[0]));
	expect(had_policy_read(made, made_len, &after) == -EBADMSG, "one more");
	had_policy_read(policy1, sizeof(policy1), &before);
	before.info.index = 3;
	memcpy(made, policy1, sizeof(policy1));
	memcpy(made, &before.info, sizeof(before.info));
	expect(had_policy_read(made, sizeof(policy1), &after) == -EBADMSG, "a socket's own");
}

static void fuzz(void)
{
	static const struct {
		const void *body;
		size_t len;
	} all[] = { { sa1, sizeof(sa1) }, { sa2, sizeof(sa2) }, { sa4, sizeof(sa4) },
		    { policy1, sizeof(policy1) }, { policy2, sizeof(policy2) } };
	size_t which = below(5), n = all[which].len, i, l;
	struct had_policy p;
	struct had_sa sa;
	uint8_t *body;

	memcpy(made, all[which].body, n);
	n = below(3) ? n : below(n + 1);
	for (i = below(6); n && i--; )
		made[below(4) ? sizeof(struct xfrm_usersa_info) % n + below(n) / 2 : below(n)] =
			below(2) ? below(40) : rnd() >> 56;
	body = copy(made, n);
	/* What was said of it is not to be believed either: the peer's daemon may be anything. */
	if (!had_sa_read(body, n, &sa)) {
		l = had_sa_depart(body, n, &from, gone, sizeof(gone));
		expect(l, "it is well, and does not depart");
		had_match_sa(&(struct had_match){ .n_addrs = 0 }, &sa);
		had_sa_essence(body, n, true, there, sizeof(there));
	}
	l = had_sa_land(body, n, &to, landed, below(2) ? sizeof(landed) : below(n + 64));
	expect(!l || !had_sa_read(landed, l, &sa), "lands badly");
	if (!had_policy_read(body, n, &p)) {
		expect(p.n_tmpls <= XFRM_MAX_DEPTH, "%u templates", p.n_tmpls);
		had_policy_depart(body, n, &from, gone, sizeof(gone));
		had_policy_essence(body, n, true, there, sizeof(there));
		had_match_policy(&(struct had_match){ .n_addrs = 0 }, &p);
	}
	l = had_policy_land(body, n, &to, landed, below(2) ? sizeof(landed) : below(n + 64));
	expect(!l || !had_policy_read(landed, l, &p), "lands badly");
	free(body);
}

int main(int argc, char **argv)
{
	uint64_t cases = 300000;

	if (argc > 2)
		cases = strtoull(argv[2], NULL, 0);
	rnd_state = argc > 1 ? strtoull(argv[1], NULL, 0) * 2 + 1 : 1;
	sequence_state();
	windows();
	lifetimes();
	devices();
	unknown();
	keys();
	essences();
	groups();
	policies();
	for (rnd_case = 1; rnd_case <= cases; rnd_case++)
		fuzz();
	return 0;
}
