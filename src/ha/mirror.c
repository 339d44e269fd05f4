// SPDX-License-Identifier: GPL-2.0
/*
 * What this node has to tell the peer: records of SAs that advanced, bulk sync,
 * control messages. What the peer tells is in replica.c.
 *
 * SAs wait on a list without a lock, each at most once: "due" is emptied into
 * frames by the link. Those that advanced less than their interval come to it when
 * they are old enough (age.c). Nothing is kept as octets: what a lost frame
 * carried is marked due again, and what is sent then is newer.
 */

#include "ha/mirror.h"
#include "control/trace.h"

/* Without a session nothing waits: the bulk sync of the next one tells it all. */
void xha_mirror_due(struct xha_sa *sa)
{
	struct xha_mirror *m = xha_sa_mirror(sa);

	if (!READ_ONCE(m->up))
		return;
	if (test_and_set_bit(XHA_SA_QUEUED, &sa->flags)) {
		xha_stat_inc(xha_sa_net(sa), XHA_STAT_RECORD_COALESCED);
		return;
	}
	/* It may have been found under RCU only, and be gone. */
	if (!xha_sa_get(sa))
		return;
	llist_add(&sa->due_node, &m->due);
	xha_link_kick(m->link);
}

/* --- control messages: m->lock --- */

static void push(struct xha_mirror *m, struct xha_indexes *q, u32 index)
{
	spin_lock_bh(&m->lock);
	if (q->n < ARRAY_SIZE(q->v))
		q->v[q->n++] = index;
	else
		xha_stat_inc(m->xn, XHA_STAT_CONTROL_LIMIT);
	spin_unlock_bh(&m->lock);
	xha_link_kick(m->link);
}

/* XHA_NAK_F_* of a queued index are in the octet above it. */
#define INDEX_FLAGS	24
static_assert(XHA_INDEX_MAX < 1U << INDEX_FLAGS);

void xha_mirror_nak(struct xha_mirror *m, u32 index, u8 why)
{
	push(m, &m->nak, index | (u32)why << INDEX_FLAGS);
}

static void group_due(struct xha_group *g)
{
	struct xha_mirror *m = g->mirror;

	spin_lock_bh(&m->lock);
	if (!g->mute && list_empty(&g->dirty))
		list_add_tail(&g->dirty, &m->groups_dirty);
	spin_unlock_bh(&m->lock);
}

/* The GROUP message of @g is due, at once; any context. */
void xha_mirror_group(struct xha_group *g)
{
	group_due(g);
	xha_link_urge(g->link);
}

/* Ditto, with the next batch: a number in it has changed, as of many SAs one after the other. */
void xha_mirror_group_counts(struct xha_group *g)
{
	group_due(g);
	xha_link_kick(g->link);
}

/* It is being deleted: when this has returned its mirror does not know it any more. */
void xha_mirror_mute(struct xha_group *g)
{
	spin_lock_bh(&g->mirror->lock);
	g->mute = true;
	list_del_init(&g->dirty);
	spin_unlock_bh(&g->mirror->lock);
}

bool xha_mirror_pending(struct xha_mirror *m)
{
	if (!READ_ONCE(m->up))
		return false;
	return m->batch || !llist_empty(&m->due) || !list_empty(&m->groups_dirty) ||
	       READ_ONCE(m->gone.n) || READ_ONCE(m->nak.n) || READ_ONCE(m->synced_due);
}

struct fill {
	u8 *buf;
	int room;
	struct xha_item *items;
	int n;
	int len;
	bool soon;
	bool sas;
	bool owed;
};

/* The message of @len octets that was encoded at at() belongs to the frame. */
static bool append(struct fill *f, int len)
{
	if (len < 0)
		return false;
	f->len += len;
	f->n++;
	return true;
}

static bool has_room(const struct fill *f, int len, int items)
{
	return f->room - f->len >= len && f->n + items <= XHA_FRAME_ITEMS;
}

static struct xha_item *item(struct fill *f, u8 kind, u32 index)
{
	struct xha_item *i = &f->items[f->n];

	if (kind != XHA_ITEM_OUT && kind != XHA_ITEM_IN)
		f->soon = true;
	*i = (struct xha_item){ .kind = kind, .index = index };
	return i;
}

static u8 *at(const struct fill *f)
{
	return f->buf + f->len;
}

static int left(const struct fill *f)
{
	return f->room - f->len;
}

/* RCU */
static struct xha_group *next_dirty(struct xha_mirror *m)
{
	struct xha_group *g;

	if (list_empty(&m->groups_dirty))
		return NULL;
	spin_lock_bh(&m->lock);
	g = list_first_entry_or_null(&m->groups_dirty, struct xha_group, dirty);
	if (g)
		list_del_init(&g->dirty);
	spin_unlock_bh(&m->lock);
	return g;
}

static void fill_groups(struct xha_mirror *m, struct fill *f)
{
	struct xha_group_msg msg;
	struct xha_group *g;

	rcu_read_lock();
	while (has_room(f, XHA_CONTROL_MAX, 1)) {
		/* What changes after it was taken from the list is due again. */
		g = next_dirty(m);
		if (!g)
			break;
		m->groups_flying++;
		xha_group_fill_msg(g, &msg);
		item(f, XHA_ITEM_GROUP, g->id)->seq = (u64)msg.role << 32 | msg.term;
		append(f, xha_group_encode(at(f), left(f), &msg));
	}
	rcu_read_unlock();
}

static void fill_indexes(struct xha_mirror *m, struct fill *f, struct xha_indexes *q, u8 kind,
			 u8 msg)
{
	if (!READ_ONCE(q->n))
		return;
	spin_lock(&m->lock);
	while (q->n && has_room(f, XHA_CONTROL_MAX, 1)) {
		u32 index = q->v[--q->n];

		item(f, kind, index);
		append(f, xha_index_encode(at(f), left(f), msg, index >> INDEX_FLAGS,
					   index & XHA_INDEX_MAX));
		if (kind == XHA_ITEM_NAK)
			xha_stat_inc(m->xn, XHA_STAT_NAK_TX);
	}
	spin_unlock(&m->lock);
	if (kind == XHA_ITEM_GONE && xchg(&m->reap_waits, false))
		mod_delayed_work(system_unbound_wq, &m->reap_work, 0);
}

static void sync_done(struct xha_sa *sa)
{
	struct xha_mirror *m = xha_sa_mirror(sa);
	u32 epoch = READ_ONCE(m->epoch);

	if (try_cmpxchg(&sa->syncing, &epoch, 0) && atomic_dec_and_test(&m->sync_left)) {
		WRITE_ONCE(m->synced_due, true);
		xha_link_kick(m->link);
	}
}

/**
 * xha_mirror_reap() - an SA is dead: nobody will acknowledge what was said of it
 * @sa: shadow; process context
 *
 * Return: false if the peer must be told, and there is no room now. What is left is for those
 * that are lost on the way.
 */
bool xha_mirror_reap(struct xha_sa *sa)
{
	struct xha_mirror *m = xha_sa_mirror(sa);
	bool room = true;

	xha_group_final_done(sa);
	xha_mirror_naked(sa, false);
	/* While it is up: a session does not end, nor its epoch, before this does. */
	rcu_read_lock();
	if (READ_ONCE(m->up)) {
		sync_done(sa);
		if (READ_ONCE(sa->epoch) == m->epoch) {
			room = READ_ONCE(m->gone.n) < ARRAY_SIZE(m->gone.v) / 2;
			if (room)
				push(m, &m->gone, sa->index);
			else
				xha_stat_inc(m->xn, XHA_STAT_CONTROL_LIMIT);
		}
	}
	rcu_read_unlock();
	return room;
}

static void fill_announce(struct xha_sa *sa, struct fill *f, const struct xha_sample *s,
			  u64 lease, u8 flags)
{
	struct xha_announce a = {
		.index = sa->index,
		.mode = sa->tap.x->repl_mode,
		.flags = flags,
		.group = sa->group->id,
		.inc = s->inc,
		.peer_inc = s->peer_inc,
		.node_inc = xha_sa_mirror(sa)->inc,
		.stripe = s->stripe,
		.share = s->given,
		.out = lease,
		.in = s->in,
		.bytes = s->bytes,
		.packets = s->packets,
	};
	struct xha_item *i = item(f, XHA_ITEM_ANNOUNCE, sa->index);

	xha_sa_id(sa, &a.id);
	i->flags = flags;
	i->gen = s->gen;
	i->seq = s->out;
	i->lease = lease;
	i->in = s->in;
	if (append(f, xha_announce_encode(at(f), left(f), &a)))
		xha_stat_inc(xha_sa_net(sa), XHA_STAT_ANNOUNCE_TX);
}

static void fill_half(struct xha_sa *sa, struct fill *f, const struct xha_sample *s, bool in,
		      u64 seq, u8 flags)
{
	struct xha_record r = {
		.in = in,
		.flags = flags,
		.index = sa->index,
		.seq = seq,
		.bytes = s->bytes,
		.packets = s->packets,
		.window = s->window,
	};
	struct xha_item *i = item(f, in ? XHA_ITEM_IN : XHA_ITEM_OUT, sa->index);

	i->flags = flags;
	i->gen = s->gen;
	i->seq = in ? s->in : s->out;
	i->lease = in ? 0 : seq;
	if (append(f, xha_record_encode(at(f), left(f), &r))) {
		xha_stat_inc(xha_sa_net(sa), in ? XHA_STAT_RECORD_IN_TX : XHA_STAT_RECORD_OUT_TX);
		trace_xha_record_tx(sa->index, in, seq, s->packets);
	}
}

/* The interval follows the rate: due each half of max-age, or by the packets promised. */
static void adapt(struct xha_sa *sa, const struct xha_group_config *c, u64 out, u64 in, u64 now)
{
	u64 ns = now - sa->sampled_at;
	u32 most = xha_urge_out(0, xha_quantity(c->quantity, 0));

	sa->out_interval = xha_auto_interval(out, ns, c->max_age, most);
	sa->in_interval = xha_in_interval(xha_auto_interval(in, ns, c->max_age, most),
					  xha_width(sa->tap.x));
	sa->in.due = sa->tap.in.seq + sa->in_interval;
	xha_place_rearm(sa);
}

/* What is told of the SA; @next: the next outbound record is due an interval from here. RCU */
static void sample(struct xha_sa *sa, struct xha_sample *s, bool next, bool final)
{
	const struct xha_group_config *c = xha_group_config(sa->group);
	u64 was_out = sa->out.sampled, was_in = sa->in.sampled, now = ktime_get_ns();
	u64 in;

	spin_lock(&sa->tap.x->lock);
	xha_place_sample(sa, s);
	/* The peer goes back to this number: no lease that it gave before counts, nor birth's. */
	if (final) {
		sa->gen++;
		sa->bounds.lease = s->out;
		sa->bounds.floor = s->out;
		sa->told = true;
	}
	s->ask = xha_ask(&sa->bounds, s->out, xha_quantity(c->quantity, c->interval));
	s->inc = sa->inc;
	s->peer_inc = sa->peer_inc;
	s->stripe = sa->bounds.bits;
	s->given = sa->given;
	WRITE_ONCE(sa->tap.out.seq, s->out);
	WRITE_ONCE(sa->out.sampled, s->out);
	sa->tap.out.quiet = 0;
	WRITE_ONCE(sa->tap.in.seq, s->in);
	WRITE_ONCE(sa->in.sampled, s->in);
	sa->tap.in.quiet = 0;
	in = s->in - min(was_in, s->in);
	/* A standby's edge is what it was told: that is no advance, nor is what it begins with. */
	if (in && !xha_place_is_held(sa->place)) {
		if (!sa->in_fresh)
			sa->in_peak = xha_peak(sa->in_peak, in);
		sa->in_fresh = false;
	}
	if (!c->interval)
		adapt(sa, c, s->out - min(was_out, s->out), in, now);
	if (next)
		sa->out.due = s->out + sa->out_interval;
	s->gen = sa->gen;
	if (!sa->pending_since && sa->advanced)
		WRITE_ONCE(sa->pending_since, sa->advanced_at);
	WRITE_ONCE(sa->advanced, false);
	spin_unlock(&sa->tap.x->lock);
	sa->sampled_at = now;
}

/* The caller has made sure of the room for all that one SA may need. */
static void fill_sa(struct xha_mirror *m, struct xha_sa *sa, struct fill *f)
{
	const struct xha_group_config *c = xha_group_config(sa->group);
	bool announce, out, in, final, sends, syncing;
	struct xha_sample s = {};
	u64 lease, acked, told;
	struct xha_id id;
	u8 flags;

	clear_bit(XHA_SA_QUEUED, &sa->flags);
	/*
	 * Cleared before the sample: who advances after it queues the SA again: the other side is
	 * xha_mirror_due(), which sets XHA_SA_QUEUED after the number.
	 */
	smp_mb__after_atomic();
	/* It is said again when it advances after the pause, or by retry(). */
	if (test_bit(XHA_SA_NAKED, &sa->flags) && !test_bit(XHA_SA_DEAD, &sa->flags) &&
	    time_before32(jiffies, READ_ONCE(sa->naked_at) + XHA_NAKED_PAUSE))
		return;
	out = test_and_clear_bit(XHA_SA_DUE_OUT, &sa->flags);
	in = test_and_clear_bit(XHA_SA_DUE_IN, &sa->flags);
	announce = test_and_clear_bit(XHA_SA_ANNOUNCE, &sa->flags);

	if (test_bit(XHA_SA_DEAD, &sa->flags)) {
		xha_group_final_done(sa);
		sync_done(sa);
		return;
	}
	if (test_and_clear_bit(XHA_SA_ASK, &sa->flags)) {
		item(f, XHA_ITEM_ASK, sa->index);
		xha_sa_id(sa, &id);
		append(f, xha_ask_encode(at(f), left(f), &id));
	}
	/* A standby tells what it holds when asked: its peer may have started anew. */
	sends = xha_group_sends(sa->group);
	syncing = READ_ONCE(sa->syncing) == m->epoch;
	/* The role has changed, and the SA follows: sweep() knows what it has used, and tells. */
	if (syncing && !sends && xha_place_in_use(READ_ONCE(sa->place)))
		return;
	/* In the bulk sync it is told until the peer has acknowledged that, whatever it is now. */
	if (!test_and_clear_bit(XHA_SA_ANSWER, &sa->flags) && !sends && !syncing)
		return;
	/* To a peer that has said it does not know it a record means nothing. */
	if (sa->epoch != m->epoch || !sends || test_bit(XHA_SA_UNKNOWN, &sa->flags))
		announce = true;
	if (!announce && !out && !in)
		return;

	final = test_bit(XHA_SA_FINAL, &sa->flags);
	if (in && c->bitmap)
		s.window = &m->window;
	told = sa->out.sampled;
	sample(sa, &s, announce || !c->interval || (!out && sa->out.due), final);
	/* A sample for the other half that has found a number: nobody would tell it later. */
	out |= s.out != told;
	acked = READ_ONCE(sa->bounds.lease);

	/* What is told is never below a lease in force, a standby's never what birth allows. */
	if (final) {
		flags = XHA_REC_F_FINAL;
		lease = s.out;
	} else if (sends) {
		flags = XHA_REC_F_LEASE;
		lease = s.ask;
		if (READ_ONCE(sa->spent))
			lease = s.out;
		/* Who begins above it must be above all that may be used without a word. */
		if (xha_sends(sa->tap.x))
			lease = max3(lease, acked, READ_ONCE(sa->bounds.floor));
		else
			lease = s.out;
	} else if (READ_ONCE(sa->place) == XHA_PLACE_OWING) {
		flags = XHA_REC_F_EXACT;
		lease = sa->used;
	} else {
		flags = 0;
		lease = s.out;
		if (c->strict && READ_ONCE(sa->group->followed) && !sa->told)
			lease = max_t(u64, lease, XHA_LEASE_BIRTH);
	}
	if (announce) {
		sa->epoch = m->epoch;
		fill_announce(sa, f, &s, lease, flags);
		out = false;
	}
	/* A quarter of what the peer is known to have spent is used: it is time to hear of it. */
	if (flags & (XHA_REC_F_FINAL | XHA_REC_F_EXACT) ||
	    (sends && 3 * (lease - s.out) > 4 * (acked - min(acked, s.out))))
		f->soon = true;
	if (out)
		fill_half(sa, f, &s, false, lease, flags);
	if (in && (!announce || s.window))
		fill_half(sa, f, &s, true, s.in, s.window ? XHA_REC_F_BITMAP : 0);
}

/**
 * xha_mirror_fill() - write what is due into a frame
 * @m: mirror; the link's lock is held
 * @buf: where to
 * @room: octets there
 * @items: room for XHA_FRAME_ITEMS; what the frame carries
 * @n: how many items
 * @soon: the peer should not wait long with its acknowledgment
 *
 * Return: octets written.
 */
int xha_mirror_fill(struct xha_mirror *m, u8 *buf, int room, struct xha_item *items, int *n,
		    bool *soon)
{
	struct fill f = { .buf = buf, .room = room, .items = items };

	fill_groups(m, &f);
	fill_indexes(m, &f, &m->nak, XHA_ITEM_NAK, XHA_MSG_NAK);
	fill_indexes(m, &f, &m->gone, XHA_ITEM_GONE, XHA_MSG_GONE);
	/* Who hears this has heard what this node is for each group. */
	if (READ_ONCE(m->synced_due) && list_empty(&m->groups_dirty) && !m->groups_flying &&
	    has_room(&f, XHA_CONTROL_MAX, 1)) {
		WRITE_ONCE(m->synced_due, false);
		m->synced_said = true;
		item(&f, XHA_ITEM_SYNCED, 0);
		append(&f, xha_empty_encode(at(&f), left(&f), XHA_MSG_SYNCED));
	}
	for (;;) {
		bool alone, owed;
		struct xha_sa *sa;
		int before;

		if (!m->batch)
			m->batch = llist_reverse_order(llist_del_all(&m->due));
		if (!m->batch)
			break;
		sa = llist_entry(m->batch, struct xha_sa, due_node);
		alone = test_bit(XHA_SA_NAKED, &sa->flags);
		if (!has_room(&f, xha_sa_room(sa), XHA_SA_ITEMS) || (alone && f.n))
			break;
		/*
		 * A frame with a lease is refused as a whole by a peer that owes a number, and its
		 * own are by us as long as we do: what is owed goes by itself.
		 */
		owed = READ_ONCE(sa->place) == XHA_PLACE_OWING;
		if (f.sas && owed != f.owed)
			break;
		/* The node may be queued again as soon as fill_sa() has begun. */
		m->batch = m->batch->next;
		before = f.n;
		fill_sa(m, sa, &f);
		xha_sa_put(sa);
		if (f.n > before) {
			f.sas = true;
			f.owed = owed;
		}
		if (alone && f.n)
			break;
	}
	*n = f.n;
	*soon = f.soon;
	return f.len;
}

/* The newest sample of this half that is acknowledged; READ_ONCE by readers. */
static void half_acked(struct xha_half *h, u64 seq)
{
	if (seq > h->acked)
		WRITE_ONCE(h->acked, seq);
}

/*
 * What was sent before an exact number is void. A node that was alone is bound by its
 * lease again as soon as it has one that it has not passed yet. Return: it has none.
 */
static bool lease_acked(struct xha_sa *sa, const struct xha_item *i)
{
	bool passed = false;

	half_acked(&sa->out, i->seq);
	if (!(i->flags & XHA_REC_F_LEASE))
		return false;
	spin_lock(&sa->tap.x->lock);
	if (i->gen == sa->gen) {
		if (i->lease > sa->bounds.lease)
			WRITE_ONCE(sa->bounds.lease, i->lease);
		passed = xha_group_config(sa->group)->strict &&
			 xha_oseq(sa->tap.x) > sa->bounds.lease;
		if (!passed && sa->rejoined != xha_sa_mirror(sa)->epoch) {
			sa->rejoined = xha_sa_mirror(sa)->epoch;
			xha_place_bound(sa);
		}
		if (sa->bounds.whole)
			sa->bounds.floor = max(sa->bounds.floor, sa->bounds.lease);
		/* A limit that was near is not: the tap need not look before the new one. */
		if (sa->place == XHA_PLACE_SHORT)
			xha_place_rearm(sa);
	}
	spin_unlock(&sa->tap.x->lock);
	return passed;
}

static void sa_acked(struct xha_sa *sa, const struct xha_item *i, u64 sent_at)
{
	/* A peer that does not know the index acknowledges the frame nevertheless. */
	if (i->kind == XHA_ITEM_ANNOUNCE) {
		WRITE_ONCE(sa->announce_acked, xha_sa_mirror(sa)->epoch);
		xha_mirror_naked(sa, false);
	}
	if (sa->announce_acked != xha_sa_mirror(sa)->epoch)
		return;
	if (i->kind != XHA_ITEM_OUT)
		half_acked(&sa->in, i->kind == XHA_ITEM_IN ? i->seq : i->in);
	if (i->flags & XHA_REC_F_EXACT)
		xha_place_settled(sa, i->gen);
	if (i->kind != XHA_ITEM_IN && lease_acked(sa, i) && i->kind == XHA_ITEM_ANNOUNCE) {
		set_bit(XHA_SA_ANNOUNCE, &sa->flags);
		xha_mirror_due(sa);
		return;
	}
	if (sa->out.acked >= sa->out.sampled && sa->in.acked >= sa->in.sampled)
		WRITE_ONCE(sa->pending_since, 0);
	else if (sa->pending_since)
		WRITE_ONCE(sa->pending_since, sent_at);
	if (i->kind == XHA_ITEM_ANNOUNCE)
		sync_done(sa);
	if (i->flags & XHA_REC_F_FINAL && i->gen == sa->gen)
		xha_group_final_done(sa);
}

/**
 * xha_mirror_acked() - the peer has what a frame carried
 * @m: mirror; the link's lock is held
 * @items: what the frame carried
 * @n: how many
 * @sent_at: ns, monotonic, when it was filled
 */
void xha_mirror_acked(struct xha_mirror *m, const struct xha_item *items, int n, u64 sent_at)
{
	struct xha_group *g;
	struct xha_sa *sa;
	int i;

	rcu_read_lock();
	for (i = 0; i < n; i++) {
		switch (items[i].kind) {
		case XHA_ITEM_OUT:
		case XHA_ITEM_IN:
		case XHA_ITEM_ANNOUNCE:
			sa = xha_sa_by_index(m->xn, items[i].index);
			if (sa && xha_sa_mirror(sa) == m)
				sa_acked(sa, &items[i], sent_at);
			break;
		case XHA_ITEM_GROUP:
			if (!--m->groups_flying && READ_ONCE(m->synced_due))
				xha_link_kick(m->link);
			g = xa_load(&m->xn->groups, items[i].index);
			if (g && g->mirror == m)
				xha_group_said(g, items[i].seq >> 32, items[i].seq);
			break;
		case XHA_ITEM_SYNCED:
			WRITE_ONCE(m->synced_tx, true);
			xha_mirror_synced(m);
			break;
		}
	}
	rcu_read_unlock();
}

static void sa_lost(struct xha_sa *sa, const struct xha_item *i)
{
	/* Something newer is under way already. */
	if (i->kind == XHA_ITEM_OUT && i->seq < READ_ONCE(sa->out.sampled))
		return;
	if (i->kind == XHA_ITEM_IN && i->seq < sa->in.sampled)
		return;
	if (i->kind == XHA_ITEM_OUT)
		set_bit(XHA_SA_DUE_OUT, &sa->flags);
	else if (i->kind == XHA_ITEM_IN)
		set_bit(XHA_SA_DUE_IN, &sa->flags);
	else if (i->kind == XHA_ITEM_ASK)
		set_bit(XHA_SA_ASK, &sa->flags);
	else
		set_bit(XHA_SA_ANNOUNCE, &sa->flags);
	if (i->kind == XHA_ITEM_ANNOUNCE && !xha_group_sends(sa->group))
		set_bit(XHA_SA_ANSWER, &sa->flags);
	xha_stat_inc(xha_sa_net(sa), XHA_STAT_RECORD_RESENT);
	if (!test_bit(XHA_SA_NAKED, &sa->flags))
		xha_mirror_due(sa);
}

/* The bulk sync is complete, both ways. rx_lock or the link's lock. */
void xha_mirror_synced(struct xha_mirror *m)
{
	if (!READ_ONCE(m->synced_tx) || !READ_ONCE(m->synced_rx))
		return;
	WRITE_ONCE(m->synced_epoch, m->epoch);
	xha_link_synced(m->link);
}

/*
 * The peer has no room for an SA: what it has of it is not what was told. The bulk sync does not
 * wait for it, it counts as missing there.
 */
void xha_mirror_naked(struct xha_sa *sa, bool naked)
{
	if (!naked) {
		clear_bit(XHA_SA_UNKNOWN, &sa->flags);
		clear_bit(XHA_SA_RETRY, &sa->flags);
		if (test_and_clear_bit(XHA_SA_NAKED, &sa->flags))
			atomic_dec(&sa->group->n_naked);
		return;
	}
	if (!test_and_set_bit(XHA_SA_NAKED, &sa->flags))
		atomic_inc(&sa->group->n_naked);
	sync_done(sa);
}

/* Announce an SA, with all that is held of it here. */
void xha_mirror_tell(struct xha_sa *sa)
{
	set_bit(XHA_SA_ANSWER, &sa->flags);
	set_bit(XHA_SA_ANNOUNCE, &sa->flags);
	rcu_read_lock();
	if (xha_mirror_bitmap(sa))
		set_bit(XHA_SA_DUE_IN, &sa->flags);
	xha_mirror_due(sa);
	rcu_read_unlock();
}

/**
 * xha_mirror_lost() - what a frame carried must be said again
 * @m: mirror; the link's lock is held
 * @items: what the frame carried
 * @n: how many
 */
void xha_mirror_lost(struct xha_mirror *m, const struct xha_item *items, int n)
{
	struct xha_group *g;
	struct xha_sa *sa;
	int i;

	rcu_read_lock();
	for (i = 0; i < n; i++) {
		switch (items[i].kind) {
		case XHA_ITEM_OUT:
		case XHA_ITEM_IN:
		case XHA_ITEM_ANNOUNCE:
		case XHA_ITEM_ASK:
			sa = xha_sa_by_index(m->xn, items[i].index);
			if (sa && xha_sa_mirror(sa) == m && !test_bit(XHA_SA_DEAD, &sa->flags))
				sa_lost(sa, &items[i]);
			break;
		case XHA_ITEM_GONE:
			push(m, &m->gone, items[i].index);
			break;
		case XHA_ITEM_NAK:
			push(m, &m->nak, items[i].index);
			break;
		case XHA_ITEM_GROUP:
			if (!--m->groups_flying && READ_ONCE(m->synced_due))
				xha_link_kick(m->link);
			g = xa_load(&m->xn->groups, items[i].index);
			if (g && g->mirror == m)
				xha_mirror_group(g);
			break;
		case XHA_ITEM_SYNCED:
			WRITE_ONCE(m->synced_due, true);
			break;
		}
	}
	rcu_read_unlock();
}

static void sync_one(struct xha_mirror *m, struct xha_sa *sa)
{
	set_bit(XHA_SA_ANSWER, &sa->flags);
	atomic_inc(&m->sync_left);
	WRITE_ONCE(sa->syncing, m->epoch);
	/*
	 * @syncing is set before XHA_SA_DEAD is read. xha_sa_unlink() sets that (fully ordered)
	 * before the reaper reads @syncing in sync_done(): one of the two counts it off.
	 */
	smp_mb();
	set_bit(XHA_SA_ANNOUNCE, &sa->flags);
	if (xha_mirror_bitmap(sa))
		set_bit(XHA_SA_DUE_IN, &sa->flags);
	if (test_bit(XHA_SA_DEAD, &sa->flags))
		sync_done(sa);
	else
		xha_mirror_due(sa);
}

/* In a walk over all SAs under RCU, with their number so far: others may run now and then. */
void xha_mirror_rest(int *n)
{
	if (++*n % 256)
		return;
	rcu_read_unlock();
	cond_resched();
	rcu_read_lock();
}

/*
 * Bulk sync: every SA is announced, those that are held too: a peer that has
 * lost its memory must not start below what it used before. The pace is the
 * link's (frames a flush, frames under way). 1 for the work itself.
 */
static void sync_work(struct work_struct *work)
{
	struct xha_mirror *m = container_of(work, struct xha_mirror, sync_work);
	unsigned long index;
	struct xha_sa *sa;
	int n = 0;

	rcu_read_lock();
	xa_for_each(&m->xn->sas, index, sa) {
		/* The session is over, and xha_mirror_ended() waits. */
		if (!READ_ONCE(m->up))
			break;
		if (xha_sa_mirror(sa) == m)
			sync_one(m, sa);
		xha_mirror_rest(&n);
	}
	rcu_read_unlock();
	if (atomic_dec_and_test(&m->sync_left)) {
		WRITE_ONCE(m->synced_due, true);
		xha_link_urge(m->link);
	}
}

static void drain_list(struct llist_node *list)
{
	struct xha_sa *sa, *next;

	llist_for_each_entry_safe(sa, next, list, due_node) {
		clear_bit(XHA_SA_QUEUED, &sa->flags);
		xha_sa_put(sa);
		cond_resched();
	}
}

/* Nobody queues SAs, nor fills frames. */
static void drain(struct xha_mirror *m)
{
	drain_list(m->batch);
	m->batch = NULL;
	drain_list(llist_del_all(&m->due));
}

/**
 * xha_mirror_down() - the session with the peer is gone: what can't wait
 * @m: mirror; process context. The link does not fill frames any more.
 *
 * Takes no grace period, and looks at no SA: roles change next. What else there is to do, and who
 * still sees @m up, is left to xha_mirror_ended().
 */
void xha_mirror_down(struct xha_mirror *m)
{
	/*
	 * A frame that is being taken in is waited for, no other one is after it: what it says of
	 * roles would be heard after the peer's death.
	 */
	spin_lock_bh(&m->rx_lock);
	WRITE_ONCE(m->up, false);
	spin_unlock_bh(&m->rx_lock);
	/*
	 * It may be in sync for the peer, who would take over: nobody goes on as if alone. That the
	 * peer's bulk sync has ended is acknowledged, if at all, before the session is given up.
	 */
	if (m->synced_said && READ_ONCE(m->synced_rx))
		xha_groups_half_synced(m->link);
}

/**
 * xha_mirror_ended() - clear up after a session
 * @m: mirror; process context. The link neither fills nor takes in frames until it returns.
 */
void xha_mirror_ended(struct xha_mirror *m)
{
	unsigned long index;
	struct xha_sa *sa;
	int n = 0;

	/* Who saw it up may be about to queue an SA; taps and callers are RCU readers. */
	synchronize_rcu_expedited();
	cancel_work_sync(&m->sync_work);
	drain(m);
	m->synced_said = false;
	m->synced_tx = false;
	m->groups_flying = 0;
	WRITE_ONCE(m->synced_rx, false);
	WRITE_ONCE(m->synced_due, false);

	/* Nothing is known of what the peer has now. Leases that it acknowledged stand. */
	rcu_read_lock();
	xa_for_each(&m->xn->sas, index, sa) {
		if (xha_sa_mirror(sa) == m) {
			xha_mirror_naked(sa, false);
			spin_lock_bh(&sa->tap.x->lock);
			xha_place_bound(sa);
			WRITE_ONCE(sa->out.acked, 0);
			WRITE_ONCE(sa->in.acked, 0);
			spin_unlock_bh(&sa->tap.x->lock);
		}
		xha_mirror_rest(&n);
	}
	rcu_read_unlock();
}

/**
 * xha_mirror_up() - a session with the peer is about to be put to use
 * @m: mirror; process context. The link fills frames, and takes them in, when this has returned.
 */
void xha_mirror_up(struct xha_mirror *m)
{
	m->epoch++;
	xha_replica_session(m);
	atomic_set(&m->sync_left, 1);
	spin_lock_bh(&m->rx_lock);
	WRITE_ONCE(m->up, true);
	spin_unlock_bh(&m->rx_lock);
	queue_work(system_unbound_wq, &m->sync_work);
}

struct xha_mirror *xha_mirror_create(struct xha_net *xn, struct xha_link *link)
{
	struct xha_mirror *m;

	m = kvzalloc_obj(*m, GFP_KERNEL);
	if (!m)
		return NULL;
	m->xn = xn;
	m->link = link;
	m->inc = get_random_u32();
	spin_lock_init(&m->lock);
	INIT_LIST_HEAD(&m->groups_dirty);
	init_llist_head(&m->due);
	xha_age_init(m);
	INIT_WORK(&m->sync_work, sync_work);
	if (xha_replica_init(m)) {
		kvfree(m);
		return NULL;
	}
	return m;
}

/* No group uses the link any more, and it neither sends nor receives. */
void xha_mirror_destroy(struct xha_mirror *m)
{
	cancel_work_sync(&m->sync_work);
	xha_replica_fini(m);
	xha_age_fini(m);
	drain(m);
	kvfree(m);
}
