// SPDX-License-Identifier: GPL-2.0
/* ESP as a whole: what the hardware does to a packet in packet mode. */

#include <net/ip.h>

#include "espnic.h"

/* The next number; 0: there is none. */
static u64 next_number(struct espnic_sa *sa)
{
	u64 last = sa->x->props.flags & XFRM_STATE_ESN ? U64_MAX : U32_MAX;
	s64 n = atomic64_read(&sa->number);

	do {
		if ((u64)n >= last)
			return 0;
	} while (!atomic64_try_cmpxchg(&sa->number, &n, n + 1));
	return n + 1;
}

/* Room for ESP in front of the text, and behind it. @start: where the text begins */
static bool make_room(struct sk_buff *skb, unsigned int start, unsigned int tail)
{
	if (skb_linearize(skb) || pskb_expand_head(skb, HEAD_LEN, tail, GFP_ATOMIC))
		return false;
	skb_push(skb, HEAD_LEN);
	memmove(skb->data, skb->data + HEAD_LEN, start);
	skb->mac_header -= HEAD_LEN;
	skb->network_header -= HEAD_LEN;
	skb_set_transport_header(skb, start);
	return true;
}

/* An outbound packet as the stack sends it. Returns false if it is to be dropped. */
bool espnic_encapsulate(struct espnic *nic, struct sk_buff *skb)
{
	unsigned int net = skb_network_offset(skb), start = net + sizeof(struct iphdr);
	enum espnic_stat drop = ESPNIC_UNKNOWN_SA;
	struct ip_esp_hdr *esp;
	struct espnic_sa *sa;
	unsigned int pad, i;
	struct iphdr *ip;
	__be64 iv;
	u32 reqid;
	u64 seq;
	u8 *p;

	if (skb->protocol != htons(ETH_P_IP) || !pskb_may_pull(skb, start))
		return true;
	ip = ip_hdr(skb);
	if (ip->protocol == IPPROTO_ESP || !espnic_find_policy(nic, ip, &reqid))
		return true;
	sa = espnic_find_reqid(nic, reqid, ip->daddr);
	if (!sa)
		goto drop;
	drop = ESPNIC_DROP_MALFORMED;
	if (ip->ihl != 5 || ip_is_fragment(ip) || skb->len != net + ntohs(ip->tot_len))
		goto drop;
	drop = ESPNIC_DROP_CRYPTO;
	pad = -(skb->len - start + 2) & 3;
	if ((skb->ip_summed == CHECKSUM_PARTIAL && skb_checksum_help(skb)) ||
	    !make_room(skb, start, pad + 2 + ICV_LEN))
		goto drop;
	seq = next_number(sa);
	if (!seq)
		goto drop;

	ip = ip_hdr(skb);
	p = skb_put(skb, pad + 2 + ICV_LEN);
	for (i = 0; i < pad; i++)
		p[i] = i + 1;
	p[pad] = pad;
	p[pad + 1] = ip->protocol;
	ip->protocol = IPPROTO_ESP;
	ip->tot_len = htons(skb->len - net);
	ip_send_check(ip);
	esp = (struct ip_esp_hdr *)(skb->data + start);
	esp->spi = sa->x->id.spi;
	esp->seq_no = htonl(lower_32_bits(seq));
	iv = cpu_to_be64(seq);
	memcpy(esp->enc_data, &iv, IV_LEN);
	if (espnic_crypt(sa, esp, skb->len - start, upper_32_bits(seq), true))
		goto drop;
	espnic_count_packet(nic, sa, skb->len - net);
	return true;

drop:
	count(nic, TX, drop);
	return false;
}

static bool seen(const struct espnic_sa *sa, u64 seq)
{
	u64 top = atomic64_read(&sa->esn);

	if (seq > top)
		return false;
	return !seq || top - seq >= PACKET_WINDOW || sa->seen >> (top - seq) & 1;
}

static void advance(struct espnic_sa *sa, u64 seq)
{
	u64 top = atomic64_read(&sa->esn);

	if (seq > top) {
		sa->seen = seq - top < PACKET_WINDOW ? sa->seen << (seq - top) : 0;
		atomic64_set(&sa->esn, seq);
		top = seq;
	}
	sa->seen |= 1ULL << (top - seq);
}

/*
 * An inbound packet, ESP from @start to @len, with a reference to the SA for it. All packets of a
 * NIC come here one after the other: the window needs no lock. Returns false if it is to be
 * dropped.
 */
bool espnic_decapsulate(struct espnic *nic, struct espnic_sa *sa, struct sk_buff *skb,
			unsigned int start, unsigned int len)
{
	enum espnic_stat drop = ESPNIC_REPLAYS;
	struct ip_esp_hdr *esp;
	unsigned int text;
	struct iphdr *ip;
	u64 seq;
	u8 *mac;
	int err;

	esp = (struct ip_esp_hdr *)(skb->data + start);
	seq = ntohl(esp->seq_no);
	if (sa->x->props.flags & XFRM_STATE_ESN)
		seq |= (u64)espnic_infer_high(sa, seq) << 32;
	if (seen(sa, seq))
		goto drop;
	drop = ESPNIC_DROP_CRYPTO;
	if (skb_linearize_cow(skb) || pskb_trim(skb, len))
		goto drop;
	esp = (struct ip_esp_hdr *)(skb->data + start);
	err = espnic_crypt(sa, esp, len - start, upper_32_bits(seq), false);
	if (err == -EBADMSG)
		drop = ESPNIC_ICV_ERRORS;
	if (err)
		goto drop;
	advance(sa, seq);

	drop = ESPNIC_DROP_MALFORMED;
	text = len - ICV_LEN - 2;
	ip = (struct iphdr *)skb->data;
	ip->protocol = skb->data[text + 1];
	if (text < start + HEAD_LEN + skb->data[text] ||
	    pskb_trim(skb, text - skb->data[text]))
		goto drop;
	ip->tot_len = htons(skb->len - HEAD_LEN);
	ip_send_check(ip);
	mac = skb_mac_header(skb);
	memmove(mac + HEAD_LEN, mac, skb->data + start - mac);
	skb->mac_header += HEAD_LEN;
	__skb_pull(skb, HEAD_LEN);
	skb_reset_network_header(skb);
	skb->ip_summed = CHECKSUM_NONE;

	if (!espnic_set_secpath(skb, sa->x)) {
		count(nic, RX, ESPNIC_DROP_CRYPTO);
		return false;
	}
	xfrm_offload(skb)->status = CRYPTO_SUCCESS;
	espnic_count_packet(nic, sa, len);
	return true;

drop:
	xfrm_state_put(sa->x);
	count(nic, RX, drop);
	return false;
}
