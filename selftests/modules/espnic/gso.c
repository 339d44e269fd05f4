// SPDX-License-Identifier: GPL-2.0
/* TCP segmentation: what the hardware does to a packet that is to be many. */

#include <linux/tcp.h>
#include <net/checksum.h>
#include <net/ip6_checksum.h>
#include <net/ipv6.h>

#include "espnic.h"

/*
 * One that is to be cut, all linear. @ip is the header that TCP's addresses are in: in tunnel mode
 * the inner one. ESP, if any, is at @esp, and the numbers of the pieces begin at @seq.
 */
struct espnic_super {
	struct sk_buff *skb;
	unsigned int ip;
	unsigned int tcp;
	unsigned int text;
	unsigned int esp;
	u64 seq;
	u8 next_header;
	struct espnic_sa *sa;
};

/* Length, and for IPv4 identification and checksum, of piece @i: the packet ends where it does. */
static void fix_ip(struct sk_buff *seg, unsigned int offset, unsigned int i)
{
	struct iphdr *ip = (struct iphdr *)(seg->data + offset);

	if (ip->version == 6) {
		((struct ipv6hdr *)ip)->payload_len =
			htons(seg->len - offset - sizeof(struct ipv6hdr));
		return;
	}
	ip->tot_len = htons(seg->len - offset);
	ip->id = htons(ntohs(ip->id) + i);
	ip_send_check(ip);
}

static void fix_tcp(struct sk_buff *seg, const struct espnic_super *s, unsigned int i, bool last)
{
	struct tcphdr *th = (struct tcphdr *)(seg->data + s->tcp);
	struct iphdr *ip = (struct iphdr *)(seg->data + s->ip);
	struct ipv6hdr *ip6 = (struct ipv6hdr *)ip;
	unsigned int len = seg->len - s->tcp;
	__wsum sum;

	th->seq = htonl(ntohl(th->seq) + i * skb_shinfo(s->skb)->gso_size);
	if (i)
		th->cwr = 0;
	if (!last) {
		th->fin = 0;
		th->psh = 0;
	}
	th->check = 0;
	sum = csum_partial(th, len, 0);
	if (ip->version == 6)
		th->check = csum_ipv6_magic(&ip6->saddr, &ip6->daddr, len, IPPROTO_TCP, sum);
	else
		th->check = csum_tcpudp_magic(ip->saddr, ip->daddr, len, IPPROTO_TCP, sum);
}

/* Pads, names what is inside, and leaves room for the ICV. */
static void close_esp(struct sk_buff *seg, const struct espnic_super *s)
{
	unsigned int pad = -(seg->len - s->esp - HEAD_LEN + 2) & 3, i;
	u8 *p = skb_put(seg, pad + 2 + ICV_LEN);

	for (i = 0; i < pad; i++)
		p[i] = i + 1;
	p[pad] = pad;
	p[pad + 1] = s->next_header;
}

/* The headers, and the text from @from to @to. */
static struct sk_buff *piece(const struct espnic_super *s, unsigned int from, unsigned int to,
			     unsigned int i)
{
	struct sk_buff *skb = s->skb, *seg;

	seg = alloc_skb(skb_headroom(skb) + s->text + to - from + 3 + 2 + ICV_LEN, GFP_ATOMIC);
	if (!seg)
		return NULL;
	skb_reserve(seg, skb_headroom(skb));
	/* The offsets of the headers are the same. */
	skb_copy_header(seg, skb);
	skb_gso_reset(seg);
	seg->ip_summed = CHECKSUM_NONE;
	skb_put_data(seg, skb->data, s->text);
	skb_put_data(seg, skb->data + from, to - from);
	fix_tcp(seg, s, i, to == skb->len);
	if (s->ip != skb_network_offset(skb))
		fix_ip(seg, s->ip, i);
	if (s->esp)
		close_esp(seg, s);
	fix_ip(seg, skb_network_offset(skb), i);
	return seg;
}

static bool parse(struct espnic *nic, struct espnic_super *s, const struct xfrm_offload *xo)
{
	struct sk_buff *skb = s->skb;
	const struct tcphdr *th;
	int version;

	if (!(skb_shinfo(skb)->gso_type & (SKB_GSO_TCPV4 | SKB_GSO_TCPV6)) ||
	    skb->ip_summed != CHECKSUM_PARTIAL)
		return false;
	s->ip = skb_network_offset(skb);
	s->tcp = skb_checksum_start_offset(skb);
	if (xo) {
		s->esp = skb_transport_offset(skb);
		s->next_header = xo->proto;
		s->seq = (u64)xo->seq.hi << 32 | xo->seq.low;
		/* One that the stack has cut off: it has stepped to the next one's number. */
		if (xo->flags & XFRM_GSO_SEGMENT)
			s->seq -= skb_shinfo(skb)->gso_segs;
		if (s->sa->x->props.mode == XFRM_MODE_TUNNEL)
			s->ip = s->esp + HEAD_LEN;
	}
	if (s->ip + sizeof(struct iphdr) > s->tcp || s->tcp + sizeof(*th) > skb->len)
		return false;
	version = ((const struct iphdr *)(skb->data + s->ip))->version;
	if (version != 4 && (version != 6 || s->ip + sizeof(struct ipv6hdr) > s->tcp))
		return false;
	th = (const struct tcphdr *)(skb->data + s->tcp);
	s->text = s->tcp + 4 * th->doff;
	/* Each piece has a number, and no other packet has it. */
	return s->text < skb->len && (!xo || skb_shinfo(skb)->gso_segs >=
		DIV_ROUND_UP(skb->len - s->text, skb_shinfo(skb)->gso_size));
}

/**
 * espnic_segment() - cut a packet, and encrypt the pieces if the stack has left that to us
 * @nic: NIC
 * @skb: packet of TCP; stays the caller's
 * @xo: of it, if it is to be encrypted, or NULL
 * @list: for the pieces
 *
 * Return: false if it is to be dropped.
 */
bool espnic_segment(struct espnic *nic, struct sk_buff *skb, const struct xfrm_offload *xo,
		    struct sk_buff_head *list)
{
	unsigned int size = skb_shinfo(skb)->gso_size, from, i = 0;
	enum espnic_stat drop = ESPNIC_UNKNOWN_SA;
	struct espnic_super s = { .skb = skb };
	struct sk_buff *seg;

	if (xo) {
		s.sa = espnic_find_tx(nic, xfrm_input_state(skb));
		if (!s.sa)
			goto drop;
	}
	drop = ESPNIC_DROP_CRYPTO;
	if (skb_linearize(skb))
		goto drop;
	drop = ESPNIC_DROP_MALFORMED;
	if (!parse(nic, &s, xo))
		goto drop;
	for (from = s.text; from < skb->len; from += size, i++) {
		drop = ESPNIC_DROP_CRYPTO;
		seg = piece(&s, from, min(from + size, skb->len), i);
		if (!seg)
			goto drop;
		__skb_queue_tail(list, seg);
		if (!xo)
			continue;
		/* The number of the first one is the stack's word, each other one is ours. */
		if (i)
			((struct ip_esp_hdr *)(seg->data + s.esp))->seq_no =
				htonl(lower_32_bits(s.seq + i));
		drop = espnic_encrypt(nic, s.sa, seg, s.seq + i);
		if (drop != ESPNIC_STATS)
			goto drop;
	}
	count(nic, TX, ESPNIC_SEGMENTED);
	return true;

drop:
	count(nic, TX, drop);
	__skb_queue_purge(list);
	return false;
}
