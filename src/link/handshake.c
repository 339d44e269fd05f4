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

#include "link/link.h"

#define HELLO_KEY	"xfrm_ha 1 hello"
#define SESSION_KEY	"xfrm_ha 1 session"
#define HELLOS_A_SECOND	10

static const u8 no_echo[XHA_NONCE_LEN];

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
	hs->heartbeat = READ_ONCE(link->config.heartbeat);
	hs->dead = READ_ONCE(link->config.dead);
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
		.heartbeat = hs->heartbeat,
		.dead = hs->dead,
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
	WRITE_ONCE(link->renew, false);
}

static void fresh_next(struct xha_link *link)
{
	fresh(link, &link->next, &link->next_session);
	link->has_next = true;
}

/* Without a session, or one that the peer may not know of, or to have another one. */
void xha_handshake_say(struct xha_link *link)
{
	if (link->renew)
		say(link, &link->next, link->next_session, no_echo);
	else
		say(link, &link->hs, link->hs_session, link->heard_nonce);
}

/* The settings have changed: the session that stands does so until there is one with these. */
void xha_handshake_renew(struct xha_link *link)
{
	if (!link->hs.up) {
		xha_handshake_reset(link);
		return;
	}
	fresh_next(link);
	WRITE_ONCE(link->renew, true);
	xha_handshake_say(link);
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

/* The handshake @hs is complete: put a session to use. False: there is no memory for one. */
static bool start(struct xha_link *link, struct xha_hs *hs, u32 own, const struct xha_hello *h)
{
	struct xha_session *s;

	s = kzalloc(sizeof(*s), GFP_KERNEL);
	if (!s)
		return false;
	s->link = link;
	refcount_set(&s->ref, 1);
	s->own = own;
	s->peer = h->session;
	s->peer_node = h->node;
	s->promised = hs->heartbeat;
	s->heartbeat = clamp_t(u16, h->heartbeat, XHA_HEARTBEAT_MIN, XHA_HEARTBEAT_MAX);
	s->dead = clamp_t(u8, h->dead, XHA_DEAD_MIN, XHA_DEAD_MAX);
	if (derive(link, s, hs, h)) {
		kfree(s);
		return false;
	}
	hs->up = true;
	memcpy(hs->peer, h->nonce, XHA_NONCE_LEN);
	memcpy(link->heard_nonce, h->nonce, XHA_NONCE_LEN);
	WRITE_ONCE(link->renew, false);
	xha_link_session(link, s);
	say(link, hs, own, h->nonce);
	return true;
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

static bool echoes(const struct xha_hello *h, const u8 *nonce)
{
	return !memcmp(h->echo, nonce, XHA_NONCE_LEN);
}

/*
 * What an end whose session stands makes of another's nonce. The peer's next session
 * stands when ours should start: if there is no memory for it, an echo is asked for once
 * more by saying none, which is another chance.
 */
static enum xha_hello_verdict hear_next(struct xha_link *link, const struct xha_hello *h)
{
	enum xha_hello_verdict v;

	/* The answer of a peer that was shown a HELLO of ours which is old. */
	if (!echoes(h, no_echo) && !echoes(h, link->hs.nonce) &&
	    !(link->has_next && echoes(h, link->next.nonce)))
		return XHA_HELLO_IGNORE;
	if (!link->has_next)
		fresh_next(link);
	v = xha_hello_verdict(&link->next, h);
	if (v == XHA_HELLO_START && start(link, &link->next, link->next_session, h)) {
		link->hs = link->next;
		link->hs_session = link->next_session;
		link->has_next = false;
		return XHA_HELLO_IGNORE;
	}
	if (v != XHA_HELLO_START && v != XHA_HELLO_REPLY)
		return v;
	if (may_answer(link))
		say(link, &link->next, link->next_session,
		    v == XHA_HELLO_START ? no_echo : h->nonce);
	return XHA_HELLO_IGNORE;
}

static void hear(struct xha_link *link, const struct xha_hello *h)
{
	enum xha_hello_verdict v = xha_hello_verdict(&link->hs, h);

	if (v == XHA_HELLO_REPLY && link->hs.up)
		v = hear_next(link, h);

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
		/* As above; the tick says it. */
		if (!start(link, &link->hs, link->hs_session, h))
			memset(link->heard_nonce, 0, sizeof(link->heard_nonce));
		break;
	case XHA_HELLO_CONFIRM:
		if (may_answer(link))
			say(link, &link->hs, link->hs_session, link->heard_nonce);
		break;
	}
}

/* 0, -EBADMSG, or an error that says nothing of the peer */
static int verify(struct xha_link *link, const struct sk_buff *skb, const struct xha_hello *h)
{
	u8 mac[XHA_MAC_LEN];
	int err;

	if (link->config.insecure || h->insecure)
		return 0;
	err = hello_mac(link, skb->data, mac);
	if (err)
		return err;
	return crypto_memneq(mac, h->mac, sizeof(mac)) ? -EBADMSG : 0;
}

/*
 * Frames in link->hellos have a header that was found sound. While they are looked at others may
 * come, for ever: these wait until the other links have had their turn.
 */
void xha_handshake_hear(struct xha_link *link)
{
	struct xha_hello h;
	struct sk_buff *skb;
	const u8 *payload;
	int err, n;

	for (n = 0; n < XHA_HELLO_QUEUE && (skb = skb_dequeue(&link->hellos)); n++) {
		payload = skb->data + XHA_HDR_LEN;
		if (xha_hello_decode(payload, skb->len - XHA_HDR_LEN, &h) < 0) {
			xha_stat_inc(link->xn, XHA_STAT_FRAME_MALFORMED);
			goto next;
		}
		err = verify(link, skb, &h);
		if (err == -EBADMSG) {
			complain(link, XHA_STAT_FRAME_AUTH, XFRM_HA_EVENT_LINK_SECURITY);
		} else if (err) {
			xha_stat_inc(link->xn, XHA_STAT_FRAME_NOMEM);
		} else {
			xha_stat_inc(link->xn, XHA_STAT_HELLO_RX);
			hear(link, &h);
		}
next:
		kfree_skb(skb);
	}
	if (!skb_queue_empty(&link->hellos))
		xha_link_do(link, XHA_TODO_HELLO);
}
