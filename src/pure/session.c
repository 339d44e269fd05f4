// SPDX-License-Identifier: GPL-2.0
/* Verdicts of the link's session. Pure. */

#include "pure/session.h"

#define NS_PER_MS	1000000ULL
#define RTO_MIN		(XHA_ACK_DELAY + 5 * NS_PER_MS)
#define RTO_MAX		(2000 * NS_PER_MS)
#define RTO_INITIAL	(50 * NS_PER_MS)

/* *@full_at is when the bucket will be full again: how far that is off says what is in it. */
bool xha_bucket_take(u64 *full_at, u64 now, u64 period, u32 burst)
{
	u64 at = max(*full_at, now);

	if (at - now > (burst - 1) * period)
		return false;
	*full_at = at + period;
	return true;
}

/**
 * xha_hello_verdict() - judge a HELLO
 * @hs: what this end knows
 * @h: the HELLO, authentic if both ends seal
 *
 * That only one end seals is judged first: nothing else in such a HELLO can be believed.
 */
enum xha_hello_verdict xha_hello_verdict(const struct xha_hs *hs, const struct xha_hello *h)
{
	bool echoed = !memcmp(h->echo, hs->nonce, XHA_NONCE_LEN);

	if (!memcmp(h->nonce, hs->nonce, XHA_NONCE_LEN))
		return XHA_HELLO_IGNORE;
	if (!!h->insecure != hs->insecure)
		return XHA_HELLO_SECURITY;
	if (h->node == hs->node)
		return XHA_HELLO_SAME_NODE;
	if (hs->up && !memcmp(h->nonce, hs->peer, XHA_NONCE_LEN))
		return echoed ? XHA_HELLO_IGNORE : XHA_HELLO_CONFIRM;
	if (hs->up)
		return XHA_HELLO_REPLY;
	return echoed ? XHA_HELLO_START : XHA_HELLO_REPLY;
}

static bool map_get(const struct xha_rx *rx, u64 n)
{
	return rx->map[n % XHA_RX_BITS / 64] >> (n % 64) & 1;
}

static void map_set(struct xha_rx *rx, u64 n, bool v)
{
	u64 bit = 1ULL << (n % 64), *word = &rx->map[n % XHA_RX_BITS / 64];

	*word = v ? *word | bit : *word & ~bit;
}

/* Was the number not received before, and is it recent enough to tell? */
bool xha_rx_fresh(const struct xha_rx *rx, u64 number)
{
	if (!number)
		return false;
	if (number > rx->largest)
		return true;
	return rx->largest - number < XHA_RX_BITS && !map_get(rx, number);
}

bool xha_rx_mark(struct xha_rx *rx, u64 number)
{
	u64 n;

	if (!xha_rx_fresh(rx, number))
		return false;
	if (number > rx->largest) {
		if (number - rx->largest >= XHA_RX_BITS)
			memset(rx->map, 0, sizeof(rx->map));
		else
			for (n = rx->largest + 1; n < number; n++)
				map_set(rx, n, false);
		rx->largest = number;
	}
	map_set(rx, number, true);
	return true;
}

static u64 reversed(u64 v)
{
	v = (v >> 1 & 0x5555555555555555ULL) | (v & 0x5555555555555555ULL) << 1;
	v = (v >> 2 & 0x3333333333333333ULL) | (v & 0x3333333333333333ULL) << 2;
	v = (v >> 4 & 0x0f0f0f0f0f0f0f0fULL) | (v & 0x0f0f0f0f0f0f0f0fULL) << 4;
	return swab64(v);
}

/* The 64 numbers below the largest; what lies before the first one was never marked. */
void xha_rx_ack(const struct xha_rx *rx, struct xha_ack *ack)
{
	u64 from = rx->largest - 64, v;
	u32 word = from % XHA_RX_BITS / 64, bit = from % 64;

	v = rx->map[word] >> bit;
	if (bit)
		v |= rx->map[(word + 1) % (XHA_RX_BITS / 64)] << (64 - bit);
	ack->largest = rx->largest;
	ack->bits = rx->largest ? reversed(v) : 0;
}

/**
 * xha_sent_verdict() - what has become of a frame
 * @number: of the frame
 * @sent_at: ns
 * @now: ns
 * @rto: ns, see xha_rto()
 * @ack: newest acknowledgment of the peer
 */
enum xha_sent_verdict xha_sent_verdict(u64 number, u64 sent_at, u64 now, u64 rto,
				       const struct xha_ack *ack)
{
	u64 behind;

	if (number == ack->largest)
		return XHA_SENT_ACKED;
	if (number < ack->largest) {
		behind = ack->largest - number;
		if (behind <= 64 && ack->bits >> (behind - 1) & 1)
			return XHA_SENT_ACKED;
		if (behind >= XHA_REORDER)
			return XHA_SENT_LOST;
	}
	return now - sent_at > rto && now > sent_at ? XHA_SENT_LOST : XHA_SENT_WAIT;
}

void xha_rtt_sample(struct xha_rtt *rtt, u64 sample)
{
	u64 delta;

	rtt->backoff = 0;
	if (!rtt->srtt) {
		rtt->srtt = max_t(u64, sample, 1);
		rtt->rttvar = sample / 2;
		return;
	}
	delta = rtt->srtt > sample ? rtt->srtt - sample : sample - rtt->srtt;
	rtt->rttvar = rtt->rttvar - rtt->rttvar / 4 + delta / 4;
	rtt->srtt = max_t(u64, rtt->srtt - rtt->srtt / 8 + sample / 8, 1);
}

void xha_rtt_backoff(struct xha_rtt *rtt)
{
	if (xha_rto(rtt) < RTO_MAX)
		rtt->backoff++;
}

u64 xha_rto(const struct xha_rtt *rtt)
{
	u64 rto = RTO_INITIAL;

	if (rtt->srtt)
		rto = clamp_t(u64, rtt->srtt + 4 * rtt->rttvar + XHA_ACK_DELAY, RTO_MIN, RTO_MAX);
	return min_t(u64, rto << rtt->backoff, RTO_MAX);
}

/* Nothing authentic was received for @dead heartbeats. */
bool xha_peer_dead(u64 now, u64 received_at, u32 heartbeat_ms, u32 dead)
{
	return now > received_at && now - received_at > heartbeat_ms * NS_PER_MS * dead;
}
