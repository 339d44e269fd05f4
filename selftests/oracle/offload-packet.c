// SPDX-License-Identifier: GPL-2.0
/*
 * offload-packet: adds an SA or a policy in packet offload mode, as "ip xfrm" of newer iproute2
 * does with "offload packet dev DEV dir DIR".
 *
 *	offload-packet sa SRC DST SPI REQID in|out DEV KEY [esn]
 *	offload-packet policy SRC DST REQID in|out DEV
 *
 * IPv4, ESP in transport mode, rfc4106(gcm(aes)); KEY: 40 hexadecimal digits. The SA has a replay
 * window of 64 with "esn", else of 32. Exit status 1: refused, with what the kernel says of it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WINDOW	32
#define WINDOW_ESN	64

static struct {
	struct nlmsghdr h;
	char body[1024];
} request;

static void *put(int type, const void *data, size_t len)
{
	struct nlattr *a = (void *)((char *)&request + NLMSG_ALIGN(request.h.nlmsg_len));

	a->nla_type = type;
	a->nla_len = NLA_HDRLEN + len;
	if (data)
		memcpy((char *)a + NLA_HDRLEN, data, len);
	request.h.nlmsg_len = NLMSG_ALIGN(request.h.nlmsg_len) + NLA_ALIGN(a->nla_len);
	return (char *)a + NLA_HDRLEN;
}

static void put_offload(const char *dir, const char *dev, unsigned char inbound)
{
	struct xfrm_user_offload o = { .ifindex = if_nametoindex(dev) };

	o.flags = XFRM_OFFLOAD_PACKET | (strcmp(dir, "in") ? 0 : inbound);
	put(XFRMA_OFFLOAD_DEV, &o, sizeof(o));
}

static void *begin(int type, size_t len)
{
	request.h.nlmsg_type = type;
	request.h.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
	request.h.nlmsg_len = NLMSG_LENGTH(len);
	return request.body;
}

static int address(const char *word, xfrm_address_t *a)
{
	return inet_pton(AF_INET, word, &a->a4) == 1;
}

static void infinite(struct xfrm_lifetime_cfg *l)
{
	l->soft_byte_limit = XFRM_INF;
	l->hard_byte_limit = XFRM_INF;
	l->soft_packet_limit = XFRM_INF;
	l->hard_packet_limit = XFRM_INF;
}

static int sa(char **v, int esn)
{
	struct xfrm_usersa_info *p = begin(XFRM_MSG_NEWSA, sizeof(*p));
	struct xfrm_replay_state_esn *r;
	struct xfrm_algo_aead *aead;
	int i;

	if (!address(v[0], &p->saddr) || !address(v[1], &p->id.daddr) || strlen(v[6]) != 40)
		return 0;
	p->family = AF_INET;
	p->id.proto = IPPROTO_ESP;
	p->id.spi = htonl(strtoul(v[2], NULL, 0));
	p->reqid = strtoul(v[3], NULL, 0);
	p->mode = XFRM_MODE_TRANSPORT;
	p->replay_window = esn ? 0 : WINDOW;
	infinite(&p->lft);
	aead = put(XFRMA_ALG_AEAD, NULL, sizeof(*aead) + 20);
	strcpy(aead->alg_name, "rfc4106(gcm(aes))");
	aead->alg_key_len = 160;
	aead->alg_icv_len = 128;
	for (i = 0; i < 20; i++)
		if (sscanf(v[6] + 2 * i, "%2hhx", (unsigned char *)aead->alg_key + i) != 1)
			return 0;
	if (esn) {
		p->flags |= XFRM_STATE_ESN;
		r = put(XFRMA_REPLAY_ESN_VAL, NULL, sizeof(*r) + WINDOW_ESN / 8);
		r->bmp_len = WINDOW_ESN / 32;
		r->replay_window = WINDOW_ESN;
	}
	put_offload(v[4], v[5], XFRM_OFFLOAD_INBOUND);
	return 1;
}

static int policy(char **v)
{
	struct xfrm_userpolicy_info *p = begin(XFRM_MSG_NEWPOLICY, sizeof(*p));
	struct xfrm_user_tmpl t = {
		.family = AF_INET,
		.id.proto = IPPROTO_ESP,
		.mode = XFRM_MODE_TRANSPORT,
		.reqid = strtoul(v[2], NULL, 0),
		.aalgos = ~0u,
		.ealgos = ~0u,
		.calgos = ~0u,
	};

	if (!address(v[0], &p->sel.saddr) || !address(v[1], &p->sel.daddr))
		return 0;
	t.saddr = p->sel.saddr;
	t.id.daddr = p->sel.daddr;
	p->sel.family = AF_INET;
	p->sel.prefixlen_s = 32;
	p->sel.prefixlen_d = 32;
	p->dir = strcmp(v[3], "in") ? XFRM_POLICY_OUT : XFRM_POLICY_IN;
	infinite(&p->lft);
	put(XFRMA_TMPL, &t, sizeof(t));
	put_offload(v[3], v[4], 0);
	return 1;
}

/* The kernel's answer: 0, or the errno, with its sentence if there is one. */
static int answer(const char *buf)
{
	const struct nlmsgerr *e = NLMSG_DATA(buf);
	const struct nlmsghdr *h = (const void *)buf;
	size_t at = NLMSG_LENGTH(sizeof(*e));

	if (!e->error)
		return 0;
	if (!(h->nlmsg_flags & NLM_F_CAPPED))
		at += NLMSG_ALIGN(e->msg.nlmsg_len - sizeof(e->msg));
	while (h->nlmsg_flags & NLM_F_ACK_TLVS && at + NLA_HDRLEN < h->nlmsg_len) {
		const struct nlattr *a = (const void *)(buf + at);

		if ((a->nla_type & NLA_TYPE_MASK) == NLMSGERR_ATTR_MSG)
			fprintf(stderr, "%s: ", (const char *)a + NLA_HDRLEN);
		at += NLA_ALIGN(a->nla_len);
	}
	fprintf(stderr, "%s\n", strerror(-e->error));
	return 1;
}

static int usage(void)
{
	fputs("usage: offload-packet sa SRC DST SPI REQID in|out DEV KEY [esn]\n"
	      "       offload-packet policy SRC DST REQID in|out DEV\n", stderr);
	return 2;
}

int main(int argc, char **argv)
{
	char buf[8192];
	int one = 1, s;

	if (argc >= 9 && !strcmp(argv[1], "sa") ? !sa(argv + 2, argc > 9) :
	    argc != 7 || strcmp(argv[1], "policy") || !policy(argv + 2))
		return usage();
	s = socket(AF_NETLINK, SOCK_RAW, NETLINK_XFRM);
	if (s < 0 || setsockopt(s, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one)) ||
	    setsockopt(s, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one)) ||
	    send(s, &request, request.h.nlmsg_len, 0) < 0 || recv(s, buf, sizeof(buf), 0) < 0) {
		perror("netlink");
		return 1;
	}
	close(s);
	return answer(buf);
}
