// SPDX-License-Identifier: GPL-2.0
/* What the hardware does to a packet in crypto mode, and the cipher of both modes. */

#include <crypto/aead.h>
#include <linux/scatterlist.h>
#include <net/checksum.h>
#include <net/ipv6.h>

#include "espnic.h"

/* What one operation needs in memory that a scatterlist can name. */
struct espnic_job {
	u8 aad[12];
	u8 nonce[SALT_LEN + IV_LEN];
	struct scatterlist sg[2];
	struct aead_request req;
};

/* RFC 4303, A2.2 */
u32 espnic_infer_high(const struct espnic_sa *sa, u32 seq)
{
	u64 top = atomic64_read(&sa->esn);
	u32 bottom = lower_32_bits(top) - sa->window + 1;

	if (lower_32_bits(top) >= sa->window - 1)
		return upper_32_bits(top) + (seq < bottom);
	return upper_32_bits(top) - (seq >= bottom);
}

/* @esp: header, IV, text, ICV, all in all @len octets; encrypted or decrypted in place */
int espnic_crypt(struct espnic_sa *sa, struct ip_esp_hdr *esp, unsigned int len, u32 high,
		 bool encrypt)
{
	unsigned int aad_len = sizeof(*esp);
	struct espnic_job *job;
	__be32 aad[3];
	int err;

	job = kmalloc(sizeof(*job) + crypto_aead_reqsize(sa->aead), GFP_ATOMIC);
	if (!job)
		return -ENOMEM;

	aad[0] = esp->spi;
	aad[1] = esp->seq_no;
	if (sa->x->props.flags & XFRM_STATE_ESN) {
		aad[1] = htonl(high);
		aad[2] = esp->seq_no;
		aad_len = sizeof(aad);
	}
	memcpy(job->aad, aad, aad_len);
	memcpy(job->nonce, sa->salt, SALT_LEN);
	memcpy(job->nonce + SALT_LEN, esp->enc_data, IV_LEN);
	sg_init_table(job->sg, 2);
	sg_set_buf(&job->sg[0], job->aad, aad_len);
	sg_set_buf(&job->sg[1], (u8 *)esp + HEAD_LEN, len - HEAD_LEN);

	aead_request_set_tfm(&job->req, sa->aead);
	aead_request_set_callback(&job->req, 0, NULL, NULL);
	aead_request_set_ad(&job->req, aad_len);
	aead_request_set_crypt(&job->req, job->sg, job->sg,
			       len - HEAD_LEN - (encrypt ? ICV_LEN : 0), job->nonce);
	err = encrypt ? crypto_aead_encrypt(&job->req) : crypto_aead_decrypt(&job->req);
	kfree(job);
	return err;
}

void espnic_count_packet(struct espnic *nic, struct espnic_sa *sa, unsigned int octets)
{
	count(nic, sa->dir, ESPNIC_PACKETS);
	atomic64_add(octets, &nic->stats[sa->dir][ESPNIC_OCTETS]);
	atomic64_inc(&sa->packets);
	atomic64_add(octets, &sa->octets);
	atomic64_inc(&sa->unread_packets);
	atomic64_add(octets, &sa->unread_octets);
}

/* The packet says whose it is; the reference to the SA is the packet's from now on. */
bool espnic_set_secpath(struct sk_buff *skb, struct xfrm_state *x)
{
	struct sec_path *sp = secpath_set(skb);

	if (!sp) {
		xfrm_state_put(x);
		return false;
	}
	sp->xvec[sp->len++] = x;
	sp->olen++;
	xfrm_offload(skb)->flags = CRYPTO_DONE;
	return true;
}

/* The checksum of the text: it ends where padding, trailer and ICV begin. */
static bool fill_checksum(struct sk_buff *skb, unsigned int text)
{
	unsigned int start = skb_checksum_start_offset(skb);
	unsigned int tail = ICV_LEN + 2 + skb->data[skb->len - ICV_LEN - 2];
	unsigned int field = start + skb->csum_offset;
	__sum16 sum;

	if (start < text || tail > skb->len || field + sizeof(sum) > skb->len - tail)
		return false;
	sum = csum_fold(skb_checksum(skb, start, skb->len - start - tail, 0));
	*(__sum16 *)(skb->data + field) = sum ?: CSUM_MANGLED_0;
	skb->ip_summed = CHECKSUM_NONE;
	return true;
}

/* The last one that the stack has given to a packet. */
static u64 number(const struct xfrm_replay_state_esn *r)
{
	return (u64)READ_ONCE(r->oseq_hi) << 32 | READ_ONCE(r->oseq);
}

/* ESP is there as a whole, but for IV and ICV. Why it is to be dropped, or ESPNIC_STATS. */
enum espnic_stat espnic_encrypt(struct espnic *nic, struct espnic_sa *sa, struct sk_buff *skb,
				u64 seq)
{
	unsigned int start = skb_transport_offset(skb);
	struct ip_esp_hdr *esp = (struct ip_esp_hdr *)(skb->data + start);
	__be64 iv = cpu_to_be64(seq);

	if (lower_32_bits(seq) != ntohl(esp->seq_no))
		return ESPNIC_DROP_MALFORMED;
	memcpy(esp->enc_data, &iv, IV_LEN);
	if (espnic_crypt(sa, esp, skb->len - start, upper_32_bits(seq), true))
		return ESPNIC_DROP_CRYPTO;
	if (inject(&nic->corrupt_icv[TX])) {
		skb->data[skb->len - 1] ^= 1;
		count(nic, TX, ESPNIC_ICV_FAULTS);
	}
	skb->encapsulation = 0;
	espnic_count_packet(nic, sa, skb->len - skb_network_offset(skb));
	return ESPNIC_STATS;
}

/* The stack has left room for IV and ICV, and written all the rest. */
bool espnic_transmit(struct espnic *nic, struct sk_buff *skb, const struct xfrm_offload *xo)
{
	struct xfrm_state *x = xfrm_input_state(skb);
	unsigned int start = skb_transport_offset(skb);
	enum espnic_stat drop = ESPNIC_UNKNOWN_SA;
	struct espnic_sa *sa;
	u64 seq;

	sa = espnic_find_tx(nic, x);
	if (!sa)
		goto drop;
	drop = ESPNIC_DROP_CRYPTO;
	if (skb_linearize_cow(skb))
		goto drop;
	drop = ESPNIC_DROP_MALFORMED;
	if (skb->len < start + HEAD_LEN + 2 + ICV_LEN)
		goto drop;
	if (skb->ip_summed == CHECKSUM_PARTIAL && !fill_checksum(skb, start + HEAD_LEN))
		goto drop;

	/* In a segment, esp_xmit() has already stepped to the next one's number. */
	seq = (u64)xo->seq.hi << 32 | xo->seq.low;
	if (xo->flags & XFRM_GSO_SEGMENT)
		seq--;
	drop = ESPNIC_STALE_SA;
	if (x->props.flags & XFRM_STATE_ESN && number(x->replay_esn) < seq)
		goto drop;
	drop = espnic_encrypt(nic, sa, skb, seq);
	if (drop == ESPNIC_STATS)
		return true;

drop:
	count(nic, TX, drop);
	return false;
}

/* Finds ESP right behind the IP header: its offset, and the length of the packet. */
bool espnic_parse(struct sk_buff *skb, struct espnic_esp *esp)
{
	if (skb->protocol == htons(ETH_P_IP)) {
		const struct iphdr *ip;

		if (!pskb_may_pull(skb, sizeof(*ip) + HEAD_LEN))
			return false;
		ip = (const struct iphdr *)skb->data;
		if (ip->version != 4 || ip->ihl != 5 || ip->protocol != IPPROTO_ESP ||
		    ip_is_fragment(ip))
			return false;
		esp->family = AF_INET;
		esp->daddr = &ip->daddr;
		esp->start = sizeof(*ip);
		esp->len = ntohs(ip->tot_len);
	} else if (skb->protocol == htons(ETH_P_IPV6)) {
		const struct ipv6hdr *ip;

		if (!pskb_may_pull(skb, sizeof(*ip) + HEAD_LEN))
			return false;
		ip = (const struct ipv6hdr *)skb->data;
		if (ip->version != 6 || ip->nexthdr != IPPROTO_ESP)
			return false;
		esp->family = AF_INET6;
		esp->daddr = &ip->daddr;
		esp->start = sizeof(*ip);
		esp->len = sizeof(*ip) + ntohs(ip->payload_len);
	} else {
		return false;
	}
	return esp->len <= skb->len && esp->len >= esp->start + HEAD_LEN + 2 + ICV_LEN;
}

/* Returns false if the packet is to be dropped. */
bool espnic_receive(struct espnic *nic, struct sk_buff *skb)
{
	struct espnic_esp found;
	unsigned int start, len;
	struct xfrm_offload *xo;
	struct ip_esp_hdr *esp;
	struct xfrm_state *x;
	struct espnic_sa *sa;
	int err;

	if (!espnic_parse(skb, &found))
		return true;
	start = found.start;
	len = found.len;
	sa = espnic_find_rx(nic, found.daddr, espnic_spi(skb, &found), found.family);
	if (!sa) {
		count(nic, RX, ESPNIC_UNKNOWN_SA);
		return true;
	}
	if (sa->packet)
		return espnic_decapsulate(nic, sa, skb, start, len);
	x = sa->x;
	if (inject(&nic->leave_rx)) {
		xfrm_state_put(x);
		return true;
	}
	if (!espnic_set_secpath(skb, x) || skb_linearize_cow(skb))
		goto drop;

	esp = (struct ip_esp_hdr *)(skb->data + start);
	if (inject(&nic->corrupt_icv[RX])) {
		skb->data[len - 1] ^= 1;
		count(nic, RX, ESPNIC_ICV_FAULTS);
	}
	err = espnic_crypt(sa, esp, len - start, espnic_infer_high(sa, ntohl(esp->seq_no)), false);
	if (err && err != -EBADMSG)
		goto drop;

	skb->ip_summed = CHECKSUM_NONE;
	xo = xfrm_offload(skb);
	if (!err) {
		xo->status = CRYPTO_SUCCESS;
		espnic_count_packet(nic, sa, len);
	} else {
		xo->status = x->props.mode == XFRM_MODE_TUNNEL ?
			     CRYPTO_TUNNEL_ESP_AUTH_FAILED : CRYPTO_TRANSPORT_ESP_AUTH_FAILED;
		count(nic, RX, ESPNIC_ICV_ERRORS);
	}
	return true;

drop:
	count(nic, RX, ESPNIC_DROP_CRYPTO);
	return false;
}
