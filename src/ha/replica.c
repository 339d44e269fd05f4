// SPDX-License-Identifier: GPL-2.0
/*
 * What the peer tells: announcements and records of its SAs, applied to ours,
 * or kept for SAs that are not here yet ("orphans", limited in number and
 * time). All under m->rx_lock.
 */

#include "ha/mirror.h"
#include "control/trace.h"

#define ORPHAN_ALONE	(3600 * HZ)	/* not mentioned, no session */
#define EXPIRE_PERIOD	(5 * HZ)
#define REAP_PERIOD	(HZ / 100)	/* until there may be room for the word of more SAs */

/*
 * An SA as the peer tells of it
 *
 * @epoch: session in which its index was announced; the index counts in that one only
 * @newest: number of the newest frame that told its outbound number
 * @since: jiffies: when it became an orphan, or was last mentioned
 * @orphan: on the mirror's list while @sa is NULL
 */
struct xha_peer_sa {
	struct xha_id id;
	struct rhash_head by_id;
	struct xha_sa *sa;
	u32 index;
	u32 epoch;
	u64 newest;
	u64 out;
	u64 in;
	u64 bytes;
	u64 packets;
	unsigned long since;
	struct list_head orphan;
	struct rcu_head rcu;
};

static const struct rhashtable_params by_id_params = {
	.key_len = sizeof(struct xha_id),
	.key_offset = offsetof(struct xha_peer_sa, id),
	.head_offset = offsetof(struct xha_peer_sa, by_id),
	.automatic_shrinking = true,
};

static void orphan(struct xha_mirror *m, struct xha_peer_sa *p)
{
	p->since = jiffies;
	list_add_tail(&p->orphan, &m->orphans);
	m->n_orphans++;
}

static void detach(struct xha_mirror *m, struct xha_peer_sa *p)
{
	if (p->sa) {
		xha_sa_put(p->sa);
		p->sa = NULL;
	} else {
		list_del(&p->orphan);
		m->n_orphans--;
	}
}

static void forget(struct xha_mirror *m, struct xha_peer_sa *p)
{
	lockdep_assert_held(&m->rx_lock);

	detach(m, p);
	if (xa_load(&m->peers, p->index) == p)
		xa_erase_bh(&m->peers, p->index);
	rhashtable_remove_fast(&m->peers_by_id, &p->by_id, by_id_params);
	kfree_rcu(p, rcu);
}

/*
 * The peer was active as well, and is not any more: go on above what it has used. Until it held
 * the SA it has refused any lease, and that frame counts as lost only after a timeout: the next
 * one, which acknowledges this word, asks again.
 */
static void meet(struct xha_sa *sa, u64 seq)
{
	spin_lock_bh(&sa->x->lock);
	if (xha_apply_meet(sa, seq))
		xha_stat_inc(sa->xn, XHA_STAT_MET);
	spin_unlock_bh(&sa->x->lock);
	set_bit(XHA_SA_DUE_OUT, &sa->flags);
	xha_mirror_due(sa);
	xha_link_urge(sa->group->link);
}

/*
 * A lease is given by a node that holds the SA, and has told the peer what it has used
 * itself: else the frame is not acknowledged. A peer that asks for less has forgotten, or was
 * never told: it is told.
 */
static bool refuses(struct xha_sa *sa, const struct xha_record *r)
{
	if (r->in || !(r->flags & XHA_REC_F_LEASE))
		return false;
	if (xha_group_sends(sa->group) || !(READ_ONCE(sa->hold) & XHA_HOLD_STANDBY))
		return true;
	smp_rmb(); /* pairs with sweep() in group.c: what it owes is marked before it is held */
	if (test_bit(XHA_SA_EXACT, &sa->flags))
		return true;
	if (r->seq >= READ_ONCE(sa->used))
		return false;
	set_bit(XHA_SA_EXACT, &sa->flags);
	set_bit(XHA_SA_ANSWER, &sa->flags);
	set_bit(XHA_SA_ANNOUNCE, &sa->flags);
	xha_mirror_due(sa);
	return true;
}

static void apply(struct xha_mirror *m, struct xha_peer_sa *p, struct xha_record *r)
{
	struct xha_sa *sa = p->sa;

	/* Deleted here: the reaper will make an orphan of it. */
	if (!sa || test_bit(XHA_SA_DEAD, &sa->flags))
		return;
	if (refuses(sa, r))
		m->refused = true;
	if (xha_group_sends(sa->group)) {
		xha_stat_inc(sa->xn, XHA_STAT_RECORD_ACTIVE);
		if (!r->in && r->flags & XHA_REC_F_EXACT)
			meet(sa, r->seq);
		return;
	}
	if (xha_apply_record(sa, r))
		xha_stat_inc(sa->xn, XHA_STAT_RECORD_APPLIED);
	else
		xha_stat_inc(sa->xn, XHA_STAT_RECORD_STALE);
	trace_xha_record_rx(sa->index, r->in, r->seq, r->packets);
}

/* All that is known of it, into an SA that has just come. */
static void apply_known(struct xha_mirror *m, struct xha_peer_sa *p, u8 flags)
{
	struct xha_record r = {
		.flags = flags,
		.seq = p->out,
		.bytes = p->bytes,
		.packets = p->packets,
	};

	apply(m, p, &r);
	r.in = true;
	r.flags = 0;
	r.seq = p->in;
	apply(m, p, &r);
}

/*
 * A final number lowers what was told before, if it is of the peer's present time as the
 * active one, and nothing newer was told (invariant I3). Return: what is left of @flags.
 */
static u8 learn_out(struct xha_mirror *m, struct xha_peer_sa *p, u64 number, u64 seq, u8 flags)
{
	if (number < p->newest ||
	    (p->sa && !xha_group_hears(p->sa->group, m->rx_epoch, number)))
		flags &= ~XHA_REC_F_FINAL;
	p->newest = max(p->newest, number);
	if (flags & XHA_REC_F_FINAL || seq > p->out)
		p->out = seq;
	return flags;
}

static void learn_counts(struct xha_peer_sa *p, u64 bytes, u64 packets)
{
	p->bytes = max(p->bytes, xha_expand48(p->bytes, bytes));
	p->packets = max(p->packets, xha_expand48(p->packets, packets));
}

/* From one record to the next. What an announcement tells may have jumped at a takeover. */
static void learn_in(struct xha_peer_sa *p, u64 edge)
{
	if (edge <= p->in)
		return;
	if (p->sa) {
		spin_lock_bh(&p->sa->x->lock);
		p->sa->in_peak = xha_peak(p->sa->in_peak, edge - p->in);
		spin_unlock_bh(&p->sa->x->lock);
	}
	p->in = edge;
}

static void input_record(struct xha_mirror *m, u64 number, struct xha_record *r)
{
	struct xha_peer_sa *p = xa_load(&m->peers, r->index);

	xha_stat_inc(m->xn, XHA_STAT_RECORD_RX);
	if (!p || p->epoch != m->rx_epoch) {
		xha_stat_inc(m->xn, XHA_STAT_RECORD_UNKNOWN);
		if (m->n_orphans < READ_ONCE(m->xn->max_orphans)) {
			m->refused |= r->flags & XHA_REC_F_LEASE;
			xha_mirror_nak(m, r->index);
		}
		return;
	}
	if (r->in)
		learn_in(p, r->seq);
	else
		r->flags = learn_out(m, p, number, r->seq, r->flags);
	learn_counts(p, r->bytes, r->packets);
	apply(m, p, r);
}

/* The entry for an announced SA: the old one, or a new one; NULL: no room. */
static struct xha_peer_sa *find_or_make(struct xha_mirror *m, const struct xha_announce *a)
{
	struct xha_peer_sa *p, *old;
	struct xha_sa *sa;

	p = rhashtable_lookup_fast(&m->peers_by_id, &a->id, by_id_params);
	old = xa_load(&m->peers, a->index);
	if (old && old != p)
		forget(m, old);
	if (p) {
		if (p->index != a->index && xa_load(&m->peers, p->index) == p)
			xa_erase_bh(&m->peers, p->index);
		goto index;
	}

	sa = xha_sa_by_id(m->xn, &a->id);
	if (sa && (sa->mirror != m || test_bit(XHA_SA_DEAD, &sa->flags)))
		sa = NULL;
	if (!sa && m->n_orphans >= READ_ONCE(m->xn->max_orphans)) {
		xha_stat_inc(m->xn, XHA_STAT_ORPHAN_LIMIT);
		return NULL;
	}
	p = kzalloc(sizeof(*p), GFP_ATOMIC);
	if (!p)
		goto nomem;
	p->id = a->id;
	if (rhashtable_insert_fast(&m->peers_by_id, &p->by_id, by_id_params)) {
		kfree(p);
		goto nomem;
	}
	if (sa && xha_sa_get(sa)) {
		p->sa = sa;
	} else {
		xha_stat_inc(m->xn, XHA_STAT_ORPHAN_NEW);
		orphan(m, p);
	}
index:
	if (xa_is_err(xa_store_bh(&m->peers, a->index, p, GFP_ATOMIC))) {
		forget(m, p);
		goto nomem;
	}
	if (p->epoch != m->rx_epoch)
		p->newest = 0;
	p->since = jiffies;
	p->index = a->index;
	p->epoch = m->rx_epoch;
	return p;

nomem:
	xha_stat_inc(m->xn, XHA_STAT_FRAME_NOMEM);
	return NULL;
}

static void input_announce(struct xha_mirror *m, u64 number, const struct xha_announce *a)
{
	struct xha_peer_sa *p;
	u64 out = a->out;
	u8 flags;

	xha_stat_inc(m->xn, XHA_STAT_ANNOUNCE_RX);
	p = find_or_make(m, a);
	if (!p) {
		xha_mirror_nak(m, a->index);
		return;
	}
	flags = learn_out(m, p, number, a->out, a->flags);
	p->in = max(p->in, a->in);
	p->bytes = max(p->bytes, a->bytes);
	p->packets = max(p->packets, a->packets);
	if (!p->sa)
		return;
	/* What asks for a lease, or is exact, is this number; the newest may be another. */
	if (flags & (XHA_REC_F_LEASE | XHA_REC_F_EXACT) && out < p->out) {
		struct xha_record r = { .flags = flags, .seq = out };

		apply(m, p, &r);
		flags = 0;
	}
	apply_known(m, p, flags);
}

/* The peer has refused a record: announce the SA again when it moves next. */
static void input_nak(struct xha_mirror *m, u32 index)
{
	struct xha_sa *sa = xha_sa_by_index(m->xn, index);

	xha_stat_inc(m->xn, XHA_STAT_NAK_RX);
	if (!sa || sa->mirror != m)
		return;
	/* What it acknowledges of this SA from now on, it does not have. */
	WRITE_ONCE(sa->known, 0);
	set_bit(XHA_SA_NAKED, &sa->flags);
	set_bit(XHA_SA_ANNOUNCE, &sa->flags);
}

static void input_ask(struct xha_mirror *m, const struct xha_id *id)
{
	struct xha_sa *sa = xha_sa_by_id(m->xn, id);

	if (!sa || sa->mirror != m)
		return;
	set_bit(XHA_SA_ANSWER, &sa->flags);
	set_bit(XHA_SA_ANNOUNCE, &sa->flags);
	if (xha_mirror_bitmap(sa))
		set_bit(XHA_SA_DUE_IN, &sa->flags);
	xha_mirror_due(sa);
}

static void input_group(struct xha_mirror *m, u64 number, const struct xha_group_msg *msg)
{
	struct xha_group *g = xha_group_find(m->xn, msg->name);

	if (g && g->mirror == m)
		xha_group_heard(g, msg, m->rx_epoch, number);
}

/**
 * xha_mirror_input() - take in the messages of an authenticated frame
 * @m: mirror; softirq
 * @number: of the frame
 * @buf: its messages
 * @len: octets there
 *
 * What precedes a malformed message has been taken in: each message stands alone.
 *
 * Return: 0, -EBADMSG, -EBUSY: a lease was asked for that this node can't give, or -ENOTCONN:
 * the session is gone.
 */
int xha_mirror_input(struct xha_mirror *m, u64 number, const u8 *buf, int len)
{
	struct xha_peer_sa *p;
	int n, err = 0;

	rcu_read_lock();
	spin_lock_bh(&m->rx_lock);
	m->refused = false;
	if (!m->up) {
		err = -ENOTCONN;
		len = 0;
	}
	while (len > 0) {
		struct xha_msg *msg = &m->rx_msg;

		n = xha_msg_decode(buf, len, msg, &m->rx_window);
		if (n <= 0) {
			err = -EBADMSG;
			break;
		}
		buf += n;
		len -= n;
		switch (msg->kind) {
		case XHA_MSG_OUT:
		case XHA_MSG_IN:
			input_record(m, number, &msg->record);
			break;
		case XHA_MSG_ANNOUNCE:
			input_announce(m, number, &msg->announce);
			break;
		case XHA_MSG_GONE:
			p = xa_load(&m->peers, msg->index);
			if (p && p->epoch == m->rx_epoch)
				forget(m, p);
			break;
		case XHA_MSG_NAK:
			input_nak(m, msg->index);
			break;
		case XHA_MSG_ASK:
			input_ask(m, &msg->id);
			break;
		case XHA_MSG_GROUP:
			input_group(m, number, &msg->group);
			break;
		case XHA_MSG_SYNCED:
			WRITE_ONCE(m->synced_rx, true);
			if (READ_ONCE(m->synced_tx))
				xha_link_synced(m->link);
			break;
		}
	}
	if (!err && m->refused)
		err = -EBUSY;
	spin_unlock_bh(&m->rx_lock);
	rcu_read_unlock();
	return err;
}

/**
 * xha_mirror_sa_new() - an SA has come: tell the peer of it, or ask the peer
 * @sa: shadow; x->lock not held, RCU
 */
void xha_mirror_sa_new(struct xha_sa *sa)
{
	struct xha_mirror *m = sa->mirror;
	struct xha_peer_sa *p;
	bool known = false;

	spin_lock_bh(&m->rx_lock);
	p = rhashtable_lookup_fast(&m->peers_by_id, &sa->id, by_id_params);
	/* One that was deleted and added again before the reaper came. */
	if (p && p->sa && p->sa != sa) {
		detach(m, p);
		orphan(m, p);
	}
	if (xha_group_sends(sa->group)) {
		/* The peer has used it before. */
		if (p)
			meet(sa, p->out);
		known = true;
		set_bit(XHA_SA_ANNOUNCE, &sa->flags);
		xha_mirror_due(sa);
	}
	if (p) {
		known |= p->epoch == m->rx_epoch && !xha_mirror_bitmap(sa);
		/* If it dies from here on, the reaper comes later. */
		if (!p->sa && !test_bit(XHA_SA_DEAD, &sa->flags) && xha_sa_get(sa)) {
			detach(m, p);
			p->sa = sa;
			xha_stat_inc(m->xn, XHA_STAT_ORPHAN_ADOPTED);
		}
		/* What the peer said since it was in the tables came before it was held. */
		if (p->sa == sa)
			apply_known(m, p, 0);
	}
	spin_unlock_bh(&m->rx_lock);
	if (!known) {
		set_bit(XHA_SA_ASK, &sa->flags);
		xha_mirror_due(sa);
	}
}

/**
 * xha_mirror_catch_up() - write what the peer told while this node did not listen
 * @sa: shadow of an SA whose group is no longer active here; x->lock not held
 *
 * It was acknowledged, so the peer counts on it.
 */
void xha_mirror_catch_up(struct xha_sa *sa)
{
	struct xha_mirror *m = sa->mirror;
	struct xha_peer_sa *p;

	rcu_read_lock();
	spin_lock_bh(&m->rx_lock);
	p = rhashtable_lookup_fast(&m->peers_by_id, &sa->id, by_id_params);
	if (p && p->sa == sa)
		apply_known(m, p, 0);
	spin_unlock_bh(&m->rx_lock);
	rcu_read_unlock();
}

/* The caller has unlinked @sa and may hold x->lock: the rest is left to the reaper. */
void xha_mirror_sa_gone(struct xha_sa *sa)
{
	struct xha_mirror *m = sa->mirror;

	refcount_inc(&sa->ref);
	llist_add(&sa->gone_node, &m->dead);
	queue_delayed_work(system_unbound_wq, &m->reap_work, 0);
}

static void reap_work(struct work_struct *work)
{
	struct xha_mirror *m = container_of(to_delayed_work(work), struct xha_mirror, reap_work);
	struct llist_node *next;
	struct xha_peer_sa *p;
	struct xha_sa *sa;

	for (;;) {
		if (!m->reaped)
			m->reaped = llist_del_all(&m->dead);
		if (!m->reaped)
			return;
		sa = llist_entry(m->reaped, struct xha_sa, gone_node);
		next = m->reaped->next;
		rcu_read_lock();
		spin_lock_bh(&m->rx_lock);
		p = rhashtable_lookup_fast(&m->peers_by_id, &sa->id, by_id_params);
		if (p && p->sa == sa) {
			detach(m, p);
			orphan(m, p);
		}
		spin_unlock_bh(&m->rx_lock);
		rcu_read_unlock();
		if (!xha_mirror_gone(sa)) {
			queue_delayed_work(system_unbound_wq, &m->reap_work, REAP_PERIOD);
			return;
		}
		m->reaped = next;
		xha_sa_put(sa);
		cond_resched();
	}
}

static void expire_work(struct work_struct *work)
{
	struct xha_mirror *m = container_of(to_delayed_work(work), struct xha_mirror, expire_work);
	struct xha_peer_sa *p, *next;
	unsigned long age;

	spin_lock_bh(&m->rx_lock);
	/* What the peer holds in this session it counts on: those stay. */
	age = READ_ONCE(m->synced_rx) ? READ_ONCE(m->xn->orphan_age) * HZ : ORPHAN_ALONE;
	list_for_each_entry_safe(p, next, &m->orphans, orphan) {
		if ((READ_ONCE(m->up) && p->epoch == m->rx_epoch) ||
		    time_before(jiffies, p->since + age))
			continue;
		xha_stat_inc(m->xn, XHA_STAT_ORPHAN_EXPIRED);
		forget(m, p);
	}
	spin_unlock_bh(&m->rx_lock);
	queue_delayed_work(system_unbound_wq, &m->expire_work, EXPIRE_PERIOD);
}

u32 xha_mirror_orphans(const struct xha_mirror *m)
{
	return READ_ONCE(m->n_orphans);
}

/* Indexes of the peer count within one session; what is known of its SAs stays. */
void xha_replica_session(struct xha_mirror *m)
{
	spin_lock_bh(&m->rx_lock);
	m->rx_epoch++;
	spin_unlock_bh(&m->rx_lock);
}

int xha_replica_init(struct xha_mirror *m)
{
	int err;

	err = rhashtable_init(&m->peers_by_id, &by_id_params);
	if (err)
		return err;
	xa_init_flags(&m->peers, XA_FLAGS_LOCK_BH);
	INIT_LIST_HEAD(&m->orphans);
	spin_lock_init(&m->rx_lock);
	init_llist_head(&m->dead);
	INIT_DELAYED_WORK(&m->reap_work, reap_work);
	INIT_DELAYED_WORK(&m->expire_work, expire_work);
	queue_delayed_work(system_unbound_wq, &m->expire_work, EXPIRE_PERIOD);
	return 0;
}

void xha_replica_fini(struct xha_mirror *m)
{
	struct xha_peer_sa *p, *next;
	unsigned long index;

	cancel_delayed_work_sync(&m->expire_work);
	/* There is no session: nobody waits for room. */
	flush_delayed_work(&m->reap_work);
	spin_lock_bh(&m->rx_lock);
	xa_for_each(&m->peers, index, p)
		forget(m, p);
	/* Entries whose index was taken by another */
	list_for_each_entry_safe(p, next, &m->orphans, orphan)
		forget(m, p);
	spin_unlock_bh(&m->rx_lock);
	xa_destroy(&m->peers);
	rhashtable_destroy(&m->peers_by_id);
}
