// SPDX-License-Identifier: GPL-2.0
/* The link's frames: filled, sealed, sent, received, opened, acknowledged, given up. */

#include <linux/etherdevice.h>
#include <linux/pkt_sched.h>

#include "link/internal.h"

#define FLUSH_BUDGET	16			/* frames in one flush */
#define FLUSH_PAUSE	(200 * NSEC_PER_USEC)	/* before the next, if there is more */
#define ACK_SOON	NSEC_PER_MSEC
#define ACK_EVERY	8			/* eliciting frames */

static struct xha_flight *flight_of(struct xha_link *link, u64 number)
{
	return &link->flights[number % XHA_WINDOW_FRAMES];
}

struct sk_buff *xha_frames_alloc(struct net_device *dev, unsigned int len, gfp_t gfp)
{
	struct sk_buff *skb = __alloc_skb(LL_RESERVED_SPACE(dev) + len + dev->needed_tailroom,
					  gfp, 0, NUMA_NO_NODE);

	if (skb) {
		skb_reserve(skb, LL_RESERVED_SPACE(dev));
		skb->dev = dev;
	}
	return skb;
}

/* Consumes @skb, which starts with the frame header. RCU. */
int xha_frames_xmit(struct xha_link *link, struct sk_buff *skb)
{
	struct net_device *dev = rcu_dereference(link->dev);
	u16 type = READ_ONCE(link->config.ethertype);
	int err;

	if (!dev || dev_hard_header(skb, dev, type, link->config.peer, dev->dev_addr,
				    skb->len) < 0) {
		kfree_skb(skb);
		err = -ENETDOWN;
	} else {
		skb->dev = dev;
		skb->protocol = htons(type);
		skb->priority = TC_PRIO_CONTROL;
		skb_reset_network_header(skb);
		err = dev_queue_xmit(skb);
		err = net_xmit_eval(err);
	}
	if (err)
		xha_link_count(link, XHA_STAT_FRAME_XMIT);
	return err;
}

static void sealed(struct xha_seal_op *op, int err)
{
	struct xha_session *s = op->session;
	struct xha_link *link = s->link;

	rcu_read_lock();
	if (err) {
		xha_link_count(link, XHA_STAT_FRAME_XMIT);
		kfree_skb(op->skb);
	} else {
		xha_frames_xmit(link, op->skb);
	}
	rcu_read_unlock();
	xha_seal_free(op);
	xha_session_put(s);
}

/* The header is written when the length is known. */
static void write_header(struct xha_session *s, struct sk_buff *skb, struct xha_hdr *h)
{
	if (s->tx.tfm)
		skb_put(skb, XHA_TAG_LEN);
	h->type = XHA_FRAME_DATA;
	h->session = s->peer;
	h->len = skb->len - XHA_HDR_LEN;
	xha_hdr_encode(skb->data, XHA_HDR_LEN, h);
}

/*
 * One frame into an skb: 0, -EAGAIN (nothing to say), -ENOBUFS (too many
 * unacknowledged), -ENOMEM. The link's lock is held.
 */
static int fill(struct xha_link *link, struct xha_session *s, struct net_device *dev, u64 now,
		struct sk_buff **skbp, struct xha_hdr *h)
{
	bool beat = now - link->sent_at >= xha_link_heartbeat(link, s);
	struct xha_flight *flight = flight_of(link, s->number + 1);
	struct xha_ack ack;
	struct sk_buff *skb;
	bool full, soon = false;
	int room, len = 0;

	full = flight->n;
	if (full && link->ops->pending(link->user))
		xha_link_count(link, XHA_STAT_FRAME_WINDOW);
	if (!link->owed && !beat && (full || !link->ops->pending(link->user)))
		return full ? -ENOBUFS : -EAGAIN;

	room = min_t(int, dev->mtu, XHA_FRAME_MAX);
	skb = xha_frames_alloc(dev, room, GFP_ATOMIC | __GFP_NOWARN);
	if (!skb) {
		xha_link_count(link, XHA_STAT_FRAME_NOMEM);
		return -ENOMEM;
	}
	skb_put(skb, XHA_HDR_LEN + XHA_ACK_LEN);
	xha_rx_ack(&s->input, &ack);
	xha_ack_encode(skb->data + XHA_HDR_LEN, XHA_ACK_LEN, &ack);
	if (!full) {
		flight->n = 0;
		room -= skb->len + XHA_TAG_LEN;
		len = link->ops->fill(link->user, skb_tail_pointer(skb), room, flight->cookies,
				      &flight->n, &soon);
		skb_put(skb, len);
	}
	if (!len && !link->owed && !beat) {
		kfree_skb(skb);
		return -EAGAIN;
	}
	if (!len && beat)
		skb_put(skb, xha_empty_encode(skb_tail_pointer(skb), skb_tailroom(skb),
					      XHA_MSG_HEARTBEAT));

	*h = (struct xha_hdr){ .number = ++s->number };
	if (!full && flight->n) {
		h->flags = XHA_HDR_F_ELICIT | (soon ? XHA_HDR_F_SOON : 0);
		flight->number = h->number;
		flight->sent_at = now;
		if (!link->in_flight++)
			link->oldest = h->number;
	}
	link->owed = 0;
	link->sent_at = now;
	link->tx_frames++;
	link->tx_bytes += skb->len;
	*skbp = skb;
	return 0;
}

/**
 * xha_frames_flush() - send what is due
 * @link: link; softirq
 */
void xha_frames_flush(struct xha_link *link)
{
	struct net_device *dev;
	struct xha_session *s;
	struct xha_seal_op *op;
	struct sk_buff *skb;
	struct xha_hdr h;
	int i, err = 0;

	rcu_read_lock();
	spin_lock_bh(&link->flush_lock);
	link->flush_at = U64_MAX;
	spin_unlock_bh(&link->flush_lock);
	clear_bit(0, &link->flushing);
	/*
	 * Pairs with xha_link_kick(): @flushing is cleared before it is looked what is due, so that
	 * who puts something there later flushes again; as for @flush_at in xha_link_flush_in().
	 */
	smp_mb__after_atomic();
	for (i = 0; i < FLUSH_BUDGET; i++) {
		spin_lock_bh(&link->lock);
		s = rcu_dereference(link->session);
		dev = rcu_dereference(link->dev);
		if (!s || !dev) {
			spin_unlock_bh(&link->lock);
			goto out;
		}
		err = fill(link, s, dev, ktime_get_ns(), &skb, &h);
		if (!err)
			refcount_inc(&s->ref);
		spin_unlock_bh(&link->lock);
		if (err)
			break;

		write_header(s, skb, &h);
		xha_link_count(link, XHA_STAT_FRAME_TX);
		op = xha_seal_op(&s->tx, skb, &h);
		if (!op) {
			/* As if lost on the way: what it carried is sent again. */
			xha_link_count(link, XHA_STAT_FRAME_NOMEM);
			kfree_skb(skb);
			xha_session_put(s);
			break;
		}
		op->done = sealed;
		op->session = s;
		xha_seal_frame(&s->tx, op, skb->data,
			       skb->len - XHA_HDR_LEN - (s->tx.tfm ? XHA_TAG_LEN : 0), false);
	}
	if (i == FLUSH_BUDGET || err == -ENOMEM)
		xha_link_flush_in(link, FLUSH_PAUSE);
out:
	rcu_read_unlock();
}

/*
 * The link's lock is held. One that was given up counts, too: where frames take longer than the
 * first timeout, none but those would ever tell so.
 */
static void measure(struct xha_link *link, const struct xha_ack *ack, u64 now)
{
	struct xha_flight *flight = flight_of(link, ack->largest);

	if (ack->largest <= link->measured || flight->number != ack->largest)
		return;
	link->measured = ack->largest;
	xha_rtt_sample(&link->rtt, now - flight->sent_at);
}

/*
 * A frame has timed out. If all those under way are given up so, and the next ones take their
 * slots, no acknowledgment ever tells how long a frame takes: those get twice the time. Once for
 * all that were under way. The link's lock is held.
 */
static void back_off(struct xha_link *link, const struct xha_session *s, u64 number)
{
	if (number <= link->backed_off)
		return;
	link->backed_off = s->number;
	xha_rtt_backoff(&link->rtt);
}

/* The link's lock is held. Verdicts on all frames that are unacknowledged. */
static void judge_sent(struct xha_link *link, struct xha_session *s, const struct xha_ack *ack,
		       u64 now)
{
	u64 n, rto = xha_rto(&link->rtt);
	bool oldest = true;

	for (n = link->oldest; n <= s->number; n++) {
		struct xha_flight *flight = flight_of(link, n);

		if (flight->n && flight->number == n) {
			switch (xha_sent_verdict(n, flight->sent_at, now, rto, ack)) {
			case XHA_SENT_ACKED:
				xha_link_count(link, XHA_STAT_FRAME_ACKED);
				link->ops->acked(link->user, flight->cookies, flight->n,
						 flight->sent_at);
				flight->n = 0;
				link->in_flight--;
				break;
			case XHA_SENT_LOST:
				xha_link_count(link, XHA_STAT_FRAME_LOST);
				if (now - flight->sent_at > rto)
					back_off(link, s, n);
				link->ops->lost(link->user, flight->cookies, flight->n);
				flight->n = 0;
				link->in_flight--;
				break;
			case XHA_SENT_WAIT:
				oldest = false;
				break;
			}
		}
		if (oldest)
			link->oldest = n + 1;
	}
}

/* By the timer: frames that no acknowledgment will ever tell of. */
void xha_frames_overdue(struct xha_link *link)
{
	static const struct xha_ack none;
	struct xha_session *s;

	spin_lock_bh(&link->lock);
	s = rcu_dereference_protected(link->session, lockdep_is_held(&link->lock));
	if (s && link->in_flight)
		judge_sent(link, s, &none, ktime_get_ns());
	spin_unlock_bh(&link->lock);
}

/* The session is gone: nobody will acknowledge anything. The link's lock is held. */
void xha_frames_forget(struct xha_link *link)
{
	int i;

	lockdep_assert_held(&link->lock);
	for (i = 0; i < XHA_WINDOW_FRAMES; i++) {
		link->flights[i].n = 0;
		link->flights[i].number = 0;
	}
	link->in_flight = 0;
	link->measured = 0;
	link->backed_off = 0;
	link->oldest = 1;
	link->owed = 0;
	memset(&link->rtt, 0, sizeof(link->rtt));
}

/* An authentic frame. @data: its clear payload. BH off. */
static void input(struct xha_session *s, const struct xha_hdr *h, const u8 *data, unsigned int len)
{
	struct xha_link *link = s->link;
	bool gap, at_once, full, opened;
	struct xha_ack ack;
	int err;

	if (xha_ack_decode(data, len, &ack) < 0) {
		xha_link_count(link, XHA_STAT_FRAME_MALFORMED);
		return;
	}
	spin_lock_bh(&link->lock);
	gap = h->number > s->seen.largest + 1;
	if (!xha_rx_mark(&s->seen, h->number)) {
		spin_unlock_bh(&link->lock);
		xha_link_count(link, XHA_STAT_FRAME_REPLAY);
		return;
	}
	link->received_at = ktime_get_ns();
	link->rx_frames++;
	link->rx_bytes += len;
	if (rcu_access_pointer(link->session) != s) {
		/* Of the session before this one: the indexes in it mean nothing now. */
		spin_unlock_bh(&link->lock);
		xha_link_count(link, XHA_STAT_FRAME_SESSION);
		return;
	}
	full = flight_of(link, s->number + 1)->n;
	if (ack.largest && ack.largest <= s->number) {
		measure(link, &ack, link->received_at);
		if (link->in_flight)
			judge_sent(link, s, &ack, link->received_at);
	}
	opened = full && !flight_of(link, s->number + 1)->n;
	spin_unlock_bh(&link->lock);
	xha_link_count(link, XHA_STAT_FRAME_RX);
	/* What waited for that was put off without a timer. */
	if (opened)
		xha_link_urge(link);

	/*
	 * One that can't be read to its end, or whose content can't have its effect, counts as
	 * lost: what is acknowledged is what was taken in. So does one whose session ends
	 * meanwhile: link->session is no longer s, and no frame that is filled from now on tells
	 * of s->input.
	 */
	err = link->ops->input(link->user, h->number, data + XHA_ACK_LEN, len - XHA_ACK_LEN);
	if (err) {
		xha_link_count(link, err == -EBUSY ? XHA_STAT_FRAME_REFUSED :
				     err == -ENOTCONN ? XHA_STAT_FRAME_SESSION :
				     XHA_STAT_FRAME_MALFORMED);
		return;
	}

	/* Acknowledged after it was taken in. */
	spin_lock_bh(&link->lock);
	xha_rx_mark(&s->input, h->number);
	if (rcu_access_pointer(link->session) != s) {
		spin_unlock_bh(&link->lock);
		return;
	}
	if (h->flags & XHA_HDR_F_ELICIT)
		link->owed++;
	at_once = link->owed >= ACK_EVERY || gap;
	spin_unlock_bh(&link->lock);
	if (h->flags & XHA_HDR_F_ELICIT) {
		if (at_once)
			xha_link_urge(link);
		else
			xha_link_flush_in(link, h->flags & XHA_HDR_F_SOON ? ACK_SOON :
						XHA_ACK_DELAY);
	}
}

static void opened(struct xha_seal_op *op, int err)
{
	struct xha_session *s = op->session;
	unsigned int len = op->hdr.len - (s->rx.tfm ? XHA_TAG_LEN : 0);

	if (err)
		xha_link_count(s->link, err == -EBADMSG ? XHA_STAT_FRAME_AUTH :
			     XHA_STAT_FRAME_NOMEM);
	else
		input(s, &op->hdr, op->skb->data + XHA_HDR_LEN, len);
	kfree_skb(op->skb);
	xha_seal_free(op);
	xha_session_put(s);
}

static struct xha_session *session_of(struct xha_link *link, u32 number)
{
	struct xha_session *s = rcu_dereference(link->session);

	if (s && s->own == number)
		return s;
	return NULL;
}

/* RCU. Consumes @skb. */
static void receive_data(struct xha_link *link, struct sk_buff *skb, const struct xha_hdr *h)
{
	struct xha_session *s = session_of(link, h->session);
	enum xha_stat why = XHA_STAT_FRAME_SESSION;
	struct xha_seal_op *op;
	bool fresh;

	if (!s)
		goto drop;
	why = XHA_STAT_FRAME_MALFORMED;
	if (h->len < XHA_ACK_LEN + (s->rx.tfm ? XHA_TAG_LEN : 0))
		goto drop;
	spin_lock_bh(&link->lock);
	fresh = xha_rx_fresh(&s->seen, h->number);
	spin_unlock_bh(&link->lock);
	why = XHA_STAT_FRAME_REPLAY;
	if (!fresh)
		goto drop;
	why = XHA_STAT_FRAME_NOMEM;
	op = xha_seal_op(&s->rx, skb, h);
	if (!op)
		goto drop;
	if (!refcount_inc_not_zero(&s->ref)) {
		xha_seal_free(op);
		why = XHA_STAT_FRAME_SESSION;
		goto drop;
	}
	op->done = opened;
	op->session = s;
	xha_seal_frame(&s->rx, op, skb->data, h->len - (s->rx.tfm ? XHA_TAG_LEN : 0), true);
	return;

drop:
	xha_link_count(link, why);
	kfree_skb(skb);
}

/* The handler of the packet type: softirq, RCU. */
int xha_frames_receive(struct sk_buff *skb, struct net_device *dev, struct packet_type *pt,
		       struct net_device *orig_dev)
{
	struct xha_link *link = container_of(pt, struct xha_link, pt);
	enum xha_stat why = XHA_STAT_FRAME_STRANGER;
	struct xha_hdr h;
	int err;

	if (skb->pkt_type != PACKET_HOST ||
	    !ether_addr_equal(eth_hdr(skb)->h_source, link->config.peer))
		goto drop;
	why = XHA_STAT_FRAME_MALFORMED;
	if (skb->len > XHA_FRAME_MAX)
		goto drop;
	/* It is decrypted in place: nobody else may see it, neither the skb nor its data. */
	skb = skb_share_check(skb, GFP_ATOMIC);
	if (skb)
		skb = skb_unshare(skb, GFP_ATOMIC);
	if (!skb || skb_linearize(skb)) {
		why = XHA_STAT_FRAME_NOMEM;
		goto drop;
	}
	err = xha_hdr_decode(skb->data, skb->len, &h);
	if (err < 0) {
		why = err == -EPROTONOSUPPORT ? XHA_STAT_FRAME_VERSION : XHA_STAT_FRAME_MALFORMED;
		goto drop;
	}
	if (h.type == XHA_FRAME_DATA) {
		receive_data(link, skb, &h);
		return NET_RX_SUCCESS;
	}
	xha_handshake_receive(link, skb);
	return NET_RX_SUCCESS;

drop:
	xha_link_count(link, why);
	kfree_skb(skb);
	return NET_RX_DROP;
}
