// SPDX-License-Identifier: GPL-2.0
/*
 * The link's handshake: HELLO frames said, heard, checked, and the session
 * that comes of them. All in the link's work: process context, one at a time.
 *
 * The verdicts are in session.c. While a session stands, a HELLO with another
 * nonce is answered with a fresh one of ours; the session is given up only for
 * a HELLO that echoes that. So one that was recorded and is played again costs
 * an answer, of which there are a few a second.
 */

#include <crypto/utils.h>
#include <linux/random.h>

#include "link.h"

#define HELLO_KEY	"xfrm_ha 1 hello"
#define SESSION_KEY	"xfrm_ha 1 session"
#define HELLOS_A_SECOND	10

static u32 fresh_session(void)
{
	u32 n;

	do
		n = get_random_u32();
	while (!n);
	return n;
}

static void fresh(struct xha_link *link, struct xha_hs *hs, u32 *session)
{
	memset(hs, 0, sizeof(*hs));
	hs->node = link->xn->node;
	hs->insecure = link->config.insecure;
	get_random_bytes(hs->nonce, sizeof(hs->nonce));
	*session = fresh_session();
}

static void copy_key(struct xha_link *link, u8 *key)
{
	spin_lock_bh(&link->key_lock);
	memcpy(key, link->config.key, XHA_KEY_LEN);
	spin_unlock_bh(&link->key_lock);
}

/* Over header and payload but the MAC; the node ids are in the payload. */
static int hello_mac(struct xha_link *link, const u8 *frame, u8 *mac)
{
	u8 psk[XHA_KEY_LEN], key[XHA_KEY_LEN];
	int err;

	copy_key(link, psk);
	err = xha_hkdf(psk, HELLO_KEY, strlen(HELLO_KEY), HELLO_KEY, NULL, 0, key, sizeof(key));
	if (!err)
		err = xha_hmac(key, sizeof(key), frame, XHA_HDR_LEN + XHA_HELLO_LEN - XHA_MAC_LEN,
			       mac);
	memzero_explicit(psk, sizeof(psk));
	memzero_explicit(key, sizeof(key));
	return err;
}

static void say(struct xha_link *link, const struct xha_hs *hs, u32 session, const u8 *echo)
{
	struct xha_hdr h = { .type = XHA_FRAME_HELLO, .len = XHA_HELLO_LEN };
	struct xha_hello hello = {
		.node = hs->node,
		.session = session,
		.heartbeat = link->config.heartbeat,
		.dead = link->config.dead,
		.insecure = hs->insecure,
	};
	struct net_device *dev;
	struct sk_buff *skb;
	u8 *p;

	memcpy(hello.nonce, hs->nonce, XHA_NONCE_LEN);
	memcpy(hello.echo, echo, XHA_NONCE_LEN);

	rcu_read_lock();
	dev = rcu_dereference(link->dev);
	skb = dev ? xha_frames_alloc(dev, XHA_HDR_LEN + XHA_HELLO_LEN, GFP_ATOMIC) : NULL;
	rcu_read_unlock();
	if (!skb)
		return;
	p = skb_put(skb, XHA_HDR_LEN + XHA_HELLO_LEN);
	xha_hdr_encode(p, XHA_HDR_LEN, &h);
	xha_hello_encode(p + XHA_HDR_LEN, XHA_HELLO_LEN, &hello);
	if (!hs->insecure && hello_mac(link, p, p + XHA_HDR_LEN + XHA_HELLO_LEN - XHA_MAC_LEN)) {
		kfree_skb(skb);
		return;
	}
	local_bh_disable();
	rcu_read_lock();
	xha_stat_inc(link->xn, XHA_STAT_HELLO_TX);
	xha_frames_xmit(link, skb);
	rcu_read_unlock();
	local_bh_enable();
	link->said_at = ktime_get_ns();
}

/* Forget all of the handshake that was, the next one starts from a fresh nonce. */
void xha_handshake_reset(struct xha_link *link)
{
	fresh(link, &link->hs, &link->hs_session);
	memset(link->heard_nonce, 0, sizeof(link->heard_nonce));
	link->has_next = false;
}

void xha_handshake_say(struct xha_link *link)
{
	say(link, &link->hs, link->hs_session, link->heard_nonce);
}

/* One key a direction: its sender's node id and session number are part of it. */
static int direction(struct xha_link *link, struct xha_seal *seal, const u8 *psk,
		     const u8 *nonces, u32 node, u32 session)
{
	u8 okm[XHA_KEY_LEN + XHA_SALT_LEN];
	__be32 context[2] = { cpu_to_be32(node), cpu_to_be32(session) };
	int err;

	err = xha_hkdf(psk, nonces, 2 * XHA_NONCE_LEN, SESSION_KEY, (u8 *)context,
		       sizeof(context), okm, sizeof(okm));
	if (!err)
		err = xha_seal_init(seal, okm, okm + XHA_KEY_LEN);
	memzero_explicit(okm, sizeof(okm));
	return err;
}

static int derive(struct xha_link *link, struct xha_session *s, const struct xha_hs *hs,
		  const struct xha_hello *h)
{
	u8 psk[XHA_KEY_LEN], nonces[2 * XHA_NONCE_LEN];
	bool lower = hs->node < h->node;
	int err;

	if (hs->insecure) {
		xha_seal_init(&s->tx, NULL, NULL);
		xha_seal_init(&s->rx, NULL, NULL);
		return 0;
	}
	memcpy(nonces, lower ? hs->nonce : h->nonce, XHA_NONCE_LEN);
	memcpy(nonces + XHA_NONCE_LEN, lower ? h->nonce : hs->nonce, XHA_NONCE_LEN);
	copy_key(link, psk);
	err = direction(link, &s->tx, psk, nonces, hs->node, h->session);
	if (!err) {
		err = direction(link, &s->rx, psk, nonces, h->node, s->own);
		if (err)
			xha_seal_fini(&s->tx);
	}
	memzero_explicit(psk, sizeof(psk));
	memzero_explicit(nonces, sizeof(nonces));
	return err;
}

/* The handshake @hs is complete: put a session to use. */
static void start(struct xha_link *link, struct xha_hs *hs, u32 own, const struct xha_hello *h)
{
	struct xha_session *s;

	s = kzalloc(sizeof(*s), GFP_KERNEL);
	if (!s)
		return;
	s->link = link;
	refcount_set(&s->ref, 1);
	s->own = own;
	s->peer = h->session;
	s->peer_node = h->node;
	s->heartbeat = clamp_t(u16, h->heartbeat, XHA_HEARTBEAT_MIN, XHA_HEARTBEAT_MAX);
	s->dead = clamp_t(u8, h->dead, XHA_DEAD_MIN, XHA_DEAD_MAX);
	if (derive(link, s, hs, h)) {
		kfree(s);
		return;
	}
	hs->up = true;
	memcpy(hs->peer, h->nonce, XHA_NONCE_LEN);
	xha_link_session(link, s);
	say(link, hs, own, h->nonce);
}

static bool may_answer(struct xha_link *link)
{
	if (time_after_eq(jiffies, link->hello_jiffies + HZ)) {
		link->hello_jiffies = jiffies;
		link->hello_tokens = HELLOS_A_SECOND;
	}
	if (!link->hello_tokens) {
		xha_stat_inc(link->xn, XHA_STAT_HELLO_LIMIT);
		return false;
	}
	link->hello_tokens--;
	return true;
}

static void complain(struct xha_link *link, enum xha_stat stat, u32 event)
{
	xha_stat_inc(link->xn, stat);
	if (time_before(jiffies, link->complained + HZ))
		return;
	link->complained = jiffies ?: 1;
	xha_event_link(link, event);
}

static void hear(struct xha_link *link, const struct xha_hello *h)
{
	enum xha_hello_verdict v = xha_hello_verdict(&link->hs, h);

	if (v == XHA_HELLO_REPLY && link->hs.up) {
		if (!link->has_next)
			fresh(link, &link->next, &link->next_session);
		link->has_next = true;
		v = xha_hello_verdict(&link->next, h);
		if (v == XHA_HELLO_START) {
			link->hs = link->next;
			link->hs_session = link->next_session;
			link->has_next = false;
		} else if (v == XHA_HELLO_REPLY) {
			if (may_answer(link))
				say(link, &link->next, link->next_session, h->nonce);
			return;
		}
	}

	switch (v) {
	case XHA_HELLO_IGNORE:
		break;
	case XHA_HELLO_SAME_NODE:
		complain(link, XHA_STAT_NODE_CONFLICT, XFRM_HA_EVENT_NODE_CONFLICT);
		break;
	case XHA_HELLO_SECURITY:
		complain(link, XHA_STAT_FRAME_AUTH, XFRM_HA_EVENT_LINK_SECURITY);
		break;
	case XHA_HELLO_REPLY:
		memcpy(link->heard_nonce, h->nonce, XHA_NONCE_LEN);
		if (may_answer(link))
			xha_handshake_say(link);
		break;
	case XHA_HELLO_START:
		memcpy(link->heard_nonce, h->nonce, XHA_NONCE_LEN);
		start(link, &link->hs, link->hs_session, h);
		break;
	case XHA_HELLO_CONFIRM:
		if (may_answer(link))
			xha_handshake_say(link);
		break;
	}
}

/* Frames in link->hellos have a header that was found sound. */
void xha_handshake_hear(struct xha_link *link)
{
	struct xha_hello h;
	struct sk_buff *skb;
	u8 mac[XHA_MAC_LEN];
	const u8 *payload;

	while ((skb = skb_dequeue(&link->hellos))) {
		payload = skb->data + XHA_HDR_LEN;
		if (xha_hello_decode(payload, skb->len - XHA_HDR_LEN, &h) < 0) {
			xha_stat_inc(link->xn, XHA_STAT_FRAME_MALFORMED);
		} else if (!link->config.insecure && !h.insecure &&
			   (hello_mac(link, skb->data, mac) ||
			    crypto_memneq(mac, h.mac, sizeof(mac)))) {
			complain(link, XHA_STAT_FRAME_AUTH, XFRM_HA_EVENT_LINK_SECURITY);
		} else {
			xha_stat_inc(link->xn, XHA_STAT_HELLO_RX);
			hear(link, &h);
		}
		kfree_skb(skb);
	}
}
