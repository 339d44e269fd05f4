/* SPDX-License-Identifier: GPL-2.0 */
/* Verdicts of the link's session: handshake, acknowledgment, loss, life. Pure; time is in ns. */
#ifndef _XFRM_HA_SESSION_H
#define _XFRM_HA_SESSION_H

#include "pure/pure.h"
#include "pure/frame.h"

/* --- handshake: both ends are equal, either may start ---
 * Each end says HELLO(own nonce, echo of the peer's). An end that gets its own
 * current nonce echoed knows that the HELLO is fresh, and may use the session.
 */
enum xha_hello_verdict {
	XHA_HELLO_IGNORE,	/* nothing to say (own reflection, repeat of what stands) */
	XHA_HELLO_SAME_NODE,	/* the peer claims our node id */
	XHA_HELLO_SECURITY,	/* one end sealed, the other insecure */
	XHA_HELLO_REPLY,	/* remember @nonce of the peer, answer with an echo of it */
	XHA_HELLO_START,	/* it echoes our nonce: the session stands, answer if not yet */
	XHA_HELLO_CONFIRM,	/* it stands, the peer has not got our echo: say it again */
};

/**
 * struct xha_hs - what an end knows of the handshake
 * @node: own id
 * @insecure: own link is insecure
 * @nonce: own nonce of the session being made, or of the standing one
 * @peer: nonce of the peer of the standing session (valid if @up)
 * @up: a session stands that was made with @nonce and @peer
 * @heartbeat: ms, what the peer is promised with @nonce
 * @dead: ditto, heartbeats
 *
 * While a session stands and a HELLO with another nonce comes in, the caller
 * keeps the session, and makes a second struct xha_hs with a fresh nonce for
 * the one to come: a replayed HELLO costs one answer and tears nothing down.
 */
struct xha_hs {
	u32 node;
	bool insecure;
	bool up;
	u16 heartbeat;
	u8 dead;
	u8 nonce[XHA_NONCE_LEN];
	u8 peer[XHA_NONCE_LEN];
};

/* Of @period ns each one, and @burst at once; *@full_at: 0 to begin with. False: too many. */
bool xha_bucket_take(u64 *full_at, u64 now, u64 period, u32 burst);

enum xha_hello_verdict xha_hello_verdict(const struct xha_hs *hs, const struct xha_hello *h);

/* --- received numbers: replay protection and what to acknowledge --- */
#define XHA_RX_BITS	1024

struct xha_rx {
	u64 largest;			/* 0: nothing yet */
	u64 map[XHA_RX_BITS / 64];	/* ring: number n is bit n % XHA_RX_BITS */
};

bool xha_rx_fresh(const struct xha_rx *rx, u64 number);
bool xha_rx_mark(struct xha_rx *rx, u64 number);	/* false: it was not fresh */
void xha_rx_ack(const struct xha_rx *rx, struct xha_ack *ack);

/* --- sent frames --- */
enum xha_sent_verdict {
	XHA_SENT_WAIT,
	XHA_SENT_ACKED,
	XHA_SENT_LOST,
};

#define XHA_REORDER	3	/* frames; RFC 9002, 6.1.1 */
#define XHA_ACK_DELAY	20000000ULL	/* ns an acknowledgment may wait for something to go with */

struct xha_rtt {
	u64 srtt;	/* ns; 0: no sample yet */
	u64 rttvar;	/* ns */
	u8 backoff;	/* doublings of the timeout since the last sample */
};

void xha_rtt_sample(struct xha_rtt *rtt, u64 sample);	/* RFC 6298, 2 */
void xha_rtt_backoff(struct xha_rtt *rtt);	/* frames have timed out: RFC 6298, 5.5 */
u64 xha_rto(const struct xha_rtt *rtt);	/* 25 ms … 2 s; 50 ms without a sample */
enum xha_sent_verdict xha_sent_verdict(u64 number, u64 sent_at, u64 now, u64 rto,
				       const struct xha_ack *ack);

/* --- life --- */
#define XHA_HEARTBEAT_MIN	5	/* ms */
#define XHA_HEARTBEAT_MAX	10000	/* ms */
#define XHA_HEARTBEAT_DEFAULT	50
#define XHA_DEAD_MIN		2
#define XHA_DEAD_MAX		100
#define XHA_DEAD_DEFAULT	3

bool xha_peer_dead(u64 now, u64 received_at, u32 heartbeat_ms, u32 dead);

#endif
