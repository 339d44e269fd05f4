// SPDX-License-Identifier: GPL-2.0
/*
 * The link's handshake: HELLO frames said, received, checked, and the session that comes of them.
 * But for what xha_handshake_receive() does all is in the link's work: process context, one at
 * a time.
 *
 * The verdicts are in pure/session.c. Nothing is remembered of a HELLO that does not echo our
 * nonce: the answer echoes its nonce, and that is all. While a session stands the answer has a
 * fresh nonce of ours; the session is given up only for a HELLO that echoes that. So one that was
 * recorded and is played again costs an answer, and changes nothing.
 *
 * How many are looked at has a limit, which comes before the MAC. Those that echo a nonce in use
 * have one of their own: whatever else is played, each answer of ours that reaches the peer
 * brings one of them about, and that begins a session. With 1000 answers a second at each end that
 * is a matter of milliseconds, even if the peer hears but a few in a hundred for the others.
 */

#include <crypto/utils.h>
#include <linux/random.h>

#include "link/internal.h"

#define HELLO_KEY	"xfrm_ha 1 hello"
#define SESSION_KEY	"xfrm_ha 1 session"
#define HELLO_PERIOD	NSEC_PER_MSEC	/* of those that are looked at, in either bucket */
#define HELLO_BURST	16
#define HELLO_BUDGET	8		/* in one run of the work */
#define RETRY_PERIOD	(100 * NSEC_PER_MSEC)

static const u8 no_echo[XHA_NONCE_LEN];

static u32 fresh_session(void)
{
	u32 n;

	do
		n = get_random_u32();
	while (!n);
	return n;
}

/* Whose echo is fresh: for xha_handshake_receive(). */
static void publish(struct xha_link *link)
{
	spin_lock_bh(&link->hellos.lock);
	memcpy(link->nonces[0], link->hs.nonce, XHA_NONCE_LEN);
	memcpy(link->nonces[1], link->has_next ? link->next.nonce : link->hs.nonce, XHA_NONCE_LEN);
	spin_unlock_bh(&link->hellos.lock);
}

static void fresh(struct xha_link *link, struct xha_hs *hs, u32 *session)
{
	memset(hs, 0, sizeof(*hs));
	hs->node = link->own;
	hs->insecure = link->config.insecure;
	hs->heartbeat = READ_ONCE(link->config.heartbeat);
	hs->dead = READ_ONCE(link->config.dead);
	get_random_bytes(hs->nonce, sizeof(hs->nonce));
	*session = fresh_session();
}

static void copy_key(struct xha_link *link, u8 *key)
{
	mutex_lock(&link->key_mutex);
	memcpy(key, link->config.key, XHA_KEY_LEN);
	mutex_unlock(&link->key_mutex);
}

/* The key is @key from now on, and HELLOs are checked by it: 0 or a negative errno. */
int xha_handshake_key(struct xha_link *link, const u8 *key)
{
	struct crypto_shash *tfm, *old;
	u8 hello[XHA_KEY_LEN];
	int err;

	err = xha_hkdf(key, HELLO_KEY, strlen(HELLO_KEY), HELLO_KEY, NULL, 0, hello, sizeof(hello));
	if (err)
		goto out;
	tfm = xha_hmac_alloc(hello, sizeof(hello));
	if (IS_ERR(tfm)) {
		err = PTR_ERR(tfm);
		goto out;
	}
	mutex_lock(&link->key_mutex);
	memcpy(link->config.key, key, XHA_KEY_LEN);
	old = link->hello_tfm;
	link->hello_tfm = tfm;
	mutex_unlock(&link->key_mutex);
	if (old)
		crypto_free_shash(old);
out:
	memzero_explicit(hello, sizeof(hello));
	return err;
}

/* Over header and payload but the MAC; the node ids are in the payload. */
static int hello_mac(struct xha_link *link, const u8 *frame, u8 *mac)
{
	int err;

	mutex_lock(&link->key_mutex);
	err = xha_hmac(link->hello_tfm, frame, XHA_HDR_LEN + XHA_HELLO_LEN - XHA_MAC_LEN, mac);
	mutex_unlock(&link->key_mutex);
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
	xha_link_count(link, XHA_STAT_HELLO_TX);
	xha_frames_xmit(link, skb);
	rcu_read_unlock();
	local_bh_enable();
	link->said_at = ktime_get_ns();
}

/* Forget all of the handshake that was, the next one starts from a fresh nonce. */
void xha_handshake_reset(struct xha_link *link)
{
	fresh(link, &link->hs, &link->hs_session);
	link->has_next = false;
	WRITE_ONCE(link->renew, false);
	publish(link);
}

static void fresh_next(struct xha_link *link)
{
	fresh(link, &link->next, &link->next_session);
	link->has_next = true;
	publish(link);
}

/* Without a session, or one that the peer may not know of, or to have another one. */
void xha_handshake_say(struct xha_link *link)
{
	if (link->renew)
		say(link, &link->next, link->next_session, no_echo);
	else
		say(link, &link->hs, link->hs_session, link->hs.up ? link->hs.peer : no_echo);
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
	bool renew = link->renew;
	struct xha_session *s;

	s = kzalloc_obj(*s, GFP_KERNEL);
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
	WRITE_ONCE(link->renew, false);
	xha_link_session(link, s, renew ? XHA_LOSS_SETTINGS : XHA_LOSS_RESTARTED);
	say(link, hs, own, h->nonce);
	return true;
}

static void complain(struct xha_link *link, enum xha_stat stat, enum xha_link_event event)
{
	xha_link_count(link, stat);
	if (xha_bucket_take(&link->complaint_full_at, ktime_get_ns(), NSEC_PER_SEC, 1))
		xha_link_event(link, event);
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
static enum xha_hello_verdict input_next(struct xha_link *link, const struct xha_hello *h)
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
		publish(link);
		return XHA_HELLO_IGNORE;
	}
	if (v == XHA_HELLO_REPLY)
		say(link, &link->next, link->next_session, h->nonce);
	else if (v != XHA_HELLO_START)
		return v;
	else if (xha_bucket_take(&link->retry_full_at, ktime_get_ns(), RETRY_PERIOD, 1))
		say(link, &link->next, link->next_session, no_echo);
	return XHA_HELLO_IGNORE;
}

static void input(struct xha_link *link, const struct xha_hello *h)
{
	enum xha_hello_verdict v = xha_hello_verdict(&link->hs, h);

	if (v == XHA_HELLO_REPLY && link->hs.up)
		v = input_next(link, h);

	switch (v) {
	case XHA_HELLO_IGNORE:
		break;
	case XHA_HELLO_SAME_NODE:
		complain(link, XHA_STAT_NODE_CONFLICT, XHA_LINK_EVENT_NODE_CONFLICT);
		break;
	case XHA_HELLO_SECURITY:
		complain(link, XHA_STAT_FRAME_AUTH, XHA_LINK_EVENT_SECURITY);
		break;
	case XHA_HELLO_REPLY:
	case XHA_HELLO_CONFIRM:
		say(link, &link->hs, link->hs_session, h->nonce);
		break;
	case XHA_HELLO_START:
		/* If there is no memory for it the tick says HELLO again. */
		start(link, &link->hs, link->hs_session, h);
		break;
	}
}

/* 0, -EBADMSG, or an error that says nothing of the peer */
static int verify(struct xha_link *link, const struct sk_buff *skb, const struct xha_hello *h)
{
	u8 mac[XHA_MAC_LEN];
	int err;

	if (link->config.insecure)
		return 0;
	if (h->insecure)
		return -EBADMSG;
	err = hello_mac(link, skb->data, mac);
	if (err)
		return err;
	return crypto_memneq(mac, h->mac, sizeof(mac)) ? -EBADMSG : 0;
}

/* A frame with a header that was found sound. Softirq; consumes @skb. */
void xha_handshake_receive(struct xha_link *link, struct sk_buff *skb)
{
	u64 now = ktime_get_ns();
	struct xha_hello h;
	bool fresh, room;

	if (xha_hello_decode(skb->data + XHA_HDR_LEN, skb->len - XHA_HDR_LEN, &h) < 0) {
		xha_link_count(link, XHA_STAT_FRAME_MALFORMED);
		kfree_skb(skb);
		return;
	}
	spin_lock_bh(&link->hellos.lock);
	fresh = echoes(&h, link->nonces[0]) || echoes(&h, link->nonces[1]);
	room = skb_queue_len(&link->hellos) < (fresh ? XHA_HELLO_QUEUE : XHA_HELLO_QUEUE / 2) &&
	       xha_bucket_take(fresh ? &link->fresh_full_at : &link->other_full_at, now,
			       HELLO_PERIOD, HELLO_BURST);
	if (room && fresh)
		__skb_queue_head(&link->hellos, skb);
	else if (room)
		__skb_queue_tail(&link->hellos, skb);
	spin_unlock_bh(&link->hellos.lock);
	if (!room) {
		xha_link_count(link, XHA_STAT_HELLO_LIMIT);
		kfree_skb(skb);
		return;
	}
	xha_link_do(link, XHA_TODO_HELLO);
}

/* HELLOs that were received. While they are looked at others may come, for ever. */
void xha_handshake_input(struct xha_link *link)
{
	struct xha_hello h;
	struct sk_buff *skb;
	int err, n;

	for (n = 0; n < HELLO_BUDGET && (skb = skb_dequeue(&link->hellos)); n++) {
		xha_hello_decode(skb->data + XHA_HDR_LEN, skb->len - XHA_HDR_LEN, &h);
		err = verify(link, skb, &h);
		if (err == -EBADMSG) {
			complain(link, XHA_STAT_FRAME_AUTH, XHA_LINK_EVENT_SECURITY);
		} else if (err) {
			xha_link_count(link, XHA_STAT_FRAME_NOMEM);
		} else {
			xha_link_count(link, XHA_STAT_HELLO_RX);
			input(link, &h);
		}
		kfree_skb(skb);
	}
	if (!skb_queue_empty(&link->hellos))
		xha_link_do(link, XHA_TODO_HELLO);
}
