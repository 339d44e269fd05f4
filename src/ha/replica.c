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
#define EXPIRE_BATCH	256		/* entries looked at with BH off */
#define EVICT_STEPS	16		/* entries looked at for one that may go */
#define REAP_PERIOD	(HZ / 100)	/* until it is looked for room that nobody has told of */

/*
 * What is known of an identity: what the peer told of its SA, and while @sa is NULL what is
 * remembered of ours
 *
 * @epoch: session in which its index was announced; the index counts in that one only
 * @newest: number of the newest frame that told its outbound number
 * @group: the peer's number for its group
 * @inc: incarnation of the peer's memory of it, 0: it never announced it; @peer_inc, @stripe,
 *	@share,
 *	as in struct xha_announce
 * @counted: session in which it is
 * @missing: counted as one that the peer has, and this node has not
 * @paired: counted as one that both have
 * @used: the peer was active for it
 * @out: the highest number that was told, or used here before; @in, @bytes, @packets: ditto
 * @mem: of ours, when it was deleted
 * @since: jiffies: when it became an orphan, or was last mentioned
 * @orphan: on the mirror's list while @sa is NULL
 */
struct xha_known {
	struct xha_id id;
	struct rhash_head by_id;
	struct xha_sa *sa;
	u32 index;
	u32 epoch;
	u64 newest;
	u16 group;
	u8 stripe;
	bool used;
	bool missing;
	bool paired;
	u32 counted;
	u32 inc;
	u32 peer_inc;
	struct xha_share share;
	u64 out;
	u64 in;
	u64 bytes;
	u64 packets;
	struct xha_memory mem;
	unsigned long since;
	union {
		struct list_head orphan;
		struct rcu_head rcu;	/* it is forgotten */
	};
};

static struct kmem_cache *cache;

static const struct rhashtable_params by_id_params = {
	.key_len = sizeof(struct xha_id),
	.key_offset = offsetof(struct xha_known, id),
	.head_offset = offsetof(struct xha_known, by_id),
	.automatic_shrinking = true,
};

static struct xha_known *find(struct xha_mirror *m, const struct xha_id *id)
{
	return rhashtable_lookup_fast(&m->known, id, by_id_params);
}

/* Is its SA the peer's in this session? */
static bool is_told(const struct xha_mirror *m, const struct xha_known *k)
{
	return k->epoch && k->epoch == m->rx_epoch;
}

/* A session begins with all counts at 0. */
static void recount(struct xha_mirror *m, struct xha_known *k)
{
	if (k->counted == m->rx_epoch)
		return;
	k->counted = m->rx_epoch;
	k->missing = false;
	k->paired = false;
}

/* Of which SAs one node lacks its twin is counted, by group, as it changes. */
static void count(struct xha_mirror *m, struct xha_known *k)
{
	bool missing = is_told(m, k) && !k->sa, paired = is_told(m, k) && k->sa;

	recount(m, k);
	if (k->missing != missing && k->group <= XHA_GROUPS_MAX) {
		m->missing[k->group] += missing ? 1 : -1;
		xha_group_missing(m, k->group);
	}
	k->missing = missing;
	if (k->paired == paired)
		return;
	k->paired = paired;
	if (k->sa)
		atomic_add(paired ? 1 : -1, &k->sa->group->n_paired);
}

static void orphan(struct xha_mirror *m, struct xha_known *k)
{
	k->since = jiffies;
	list_add_tail(&k->orphan, &m->orphans);
	WRITE_ONCE(m->n_orphans, m->n_orphans + 1);
}

/* From its SA, or from the list of those that have none. */
static void detach(struct xha_mirror *m, struct xha_known *k)
{
	recount(m, k);
	if (k->sa) {
		if (k->paired) {
			k->paired = false;
			atomic_dec(&k->sa->group->n_paired);
		}
		xha_sa_put(k->sa);
		k->sa = NULL;
	} else {
		list_del(&k->orphan);
		WRITE_ONCE(m->n_orphans, m->n_orphans - 1);
	}
}

static void attach(struct xha_mirror *m, struct xha_known *k, struct xha_sa *sa)
{
	detach(m, k);
	refcount_inc(&sa->ref);
	k->sa = sa;
	count(m, k);
}

/* Its SA is deleted: what it has used is remembered. */
static void bury(struct xha_mirror *m, struct xha_known *k)
{
	struct xha_sample s;

	xha_place_remember(k->sa, &k->mem, &s);
	k->out = k->mem.live ? s.out : max(k->out, s.out);
	k->in = max(k->in, s.in);
	k->bytes = max(k->bytes, s.bytes);
	k->packets = max(k->packets, s.packets);
	detach(m, k);
	orphan(m, k);
	count(m, k);
}

static void forget_index(struct xha_mirror *m, struct xha_known *k)
{
	if (xa_load(&m->peers, k->index) == k)
		xa_erase_bh(&m->peers, k->index);
	k->epoch = 0;
	count(m, k);
}

static void forget(struct xha_mirror *m, struct xha_known *k)
{
	lockdep_assert_held(&m->rx_lock);

	m->forgetful |= k->mem.acted;
	forget_index(m, k);
	detach(m, k);
	rhashtable_remove_fast(&m->known, &k->by_id, by_id_params);
	kfree_rcu(k, rcu);
}

/*
 * Room for one more that has no SA: of those that the peer does not have in this session, which
 * only matter if they come again, the oldest goes. What was used of it nobody knows then.
 */
static bool make_room(struct xha_mirror *m)
{
	u32 limit = READ_ONCE(m->xn->max_orphans);
	struct xha_known *k, *next;
	int n = 0;

	if (m->n_orphans < limit)
		return true;
	list_for_each_entry_safe(k, next, &m->orphans, orphan) {
		if (!is_told(m, k)) {
			xha_stat_inc(m->xn, XHA_STAT_ORPHAN_EVICTED);
			forget(m, k);
			if (m->n_orphans < limit)
				return true;
		}
		if (++n == EVICT_STEPS)
			break;
	}
	xha_stat_inc(m->xn, XHA_STAT_ORPHAN_LIMIT);
	return false;
}

/* NULL: no memory. It has no SA yet. */
static struct xha_known *make(struct xha_mirror *m, const struct xha_id *id)
{
	struct xha_known *k = kmem_cache_zalloc(cache, GFP_ATOMIC);

	if (!k)
		goto nomem;
	k->id = *id;
	if (rhashtable_insert_fast(&m->known, &k->by_id, by_id_params)) {
		kmem_cache_free(cache, k);
		goto nomem;
	}
	orphan(m, k);
	return k;

nomem:
	xha_stat_inc(m->xn, XHA_STAT_FRAME_NOMEM);
	return NULL;
}

/**
 * xha_replica_expect() - a shadow is to be made: there must be room for what is known of its SA
 * @sa: shadow of a mirrored SA, in no table yet; RCU, x->lock not held
 *
 * Return: 0 or -ENOMEM.
 */
int xha_replica_expect(struct xha_sa *sa)
{
	struct xha_mirror *m = sa->mirror;
	struct xha_known *k;

	spin_lock_bh(&m->rx_lock);
	k = find(m, &sa->id) ?: make(m, &sa->id);
	spin_unlock_bh(&m->rx_lock);
	return k ? 0 : -ENOMEM;
}

/*
 * The highest number that may have been used. What a standby says that has the SA already it
 * was told, or guesses: an active node that is in sync, and has forgotten nothing, knows that
 * nobody used any.
 */
static u64 used_of(const struct xha_mirror *m, const struct xha_known *k, const struct xha_sa *sa)
{
	if (!k->mem.inc && !k->used && !m->forgetful && xha_group_sends(sa->group) &&
	    !READ_ONCE(sa->group->took))
		return 0;
	return k->out;
}

/**
 * xha_replica_recall() - apply all that is known of an SA that has come
 * @sa: shadow, in the tables, not placed yet; RCU, x->lock not held
 *
 * Outbound, inbound and counts alike, active or not, forward only.
 */
void xha_replica_recall(struct xha_sa *sa)
{
	struct xha_mirror *m = sa->mirror;
	struct xha_known *k;

	spin_lock_bh(&m->rx_lock);
	/* What xha_replica_expect() has made may have had to make room already. */
	k = find(m, &sa->id) ?: make(m, &sa->id);
	/* One that was deleted and added again before the reaper came. */
	if (k && k->sa && k->sa != sa)
		bury(m, k);
	/* If it dies from here on, the reaper comes later. */
	if (k && !k->sa && !test_bit(XHA_SA_DEAD, &sa->flags)) {
		if (is_told(m, k))
			xha_stat_inc(m->xn, XHA_STAT_ORPHAN_ADOPTED);
		attach(m, k, sa);
		xha_place_recall(sa, &k->mem, used_of(m, k, sa), k->in, k->bytes, k->packets);
	}
	spin_unlock_bh(&m->rx_lock);
}

/*
 * The peer was active as well, and is not any more: go on above what it has used. Until it held
 * the SA it has refused any lease, and that frame counts as lost only after a timeout: the next
 * one, which acknowledges this word, asks again.
 */
static void meet(struct xha_sa *sa, u64 seq)
{
	if (xha_place_met(sa, seq))
		xha_stat_inc(sa->xn, XHA_STAT_MET);
	set_bit(XHA_SA_DUE_OUT, &sa->flags);
	xha_mirror_due(sa);
	xha_link_urge(sa->group->link);
}

static void apply(struct xha_mirror *m, struct xha_known *k, struct xha_record *r)
{
	struct xha_sa *sa = k->sa;

	/* Deleted here: the reaper will make an orphan of it. */
	if (!sa || test_bit(XHA_SA_DEAD, &sa->flags))
		return;
	switch (xha_place_record(sa, r)) {
	case XHA_APPLIED:
		xha_stat_inc(sa->xn, XHA_STAT_RECORD_APPLIED);
		break;
	case XHA_STALE:
		xha_stat_inc(sa->xn, XHA_STAT_RECORD_STALE);
		break;
	case XHA_ACTIVE:
		xha_stat_inc(sa->xn, XHA_STAT_RECORD_ACTIVE);
		if (!r->in && r->flags & XHA_REC_F_EXACT)
			meet(sa, r->seq);
		fallthrough;
	case XHA_REFUSED:
		m->refused |= !r->in && r->flags & XHA_REC_F_LEASE;
		break;
	}
	trace_xha_record_rx(sa->index, r->in, r->seq, r->packets);
}

/* All that is known of it, into an SA that is held. */
static void apply_known(struct xha_mirror *m, struct xha_known *k, u8 flags)
{
	struct xha_record r = {
		.flags = flags,
		.seq = k->out,
		.bytes = k->bytes,
		.packets = k->packets,
	};

	apply(m, k, &r);
	r.in = true;
	r.flags = 0;
	r.seq = k->in;
	apply(m, k, &r);
}

/*
 * A final number lowers what was told before, if it is of the peer's present time as the
 * active one, and nothing newer was told (invariant I3). Return: what is left of @flags.
 */
static u8 learn_out(struct xha_mirror *m, struct xha_known *k, u64 number, u64 seq, u8 flags)
{
	if (number < k->newest ||
	    (k->sa && !xha_group_hears(k->sa->group, m->rx_epoch, number)))
		flags &= ~XHA_REC_F_FINAL;
	k->newest = max(k->newest, number);
	k->used |= flags & XHA_REC_F_USED;
	/* Of one that was deleted here a standby says what it was told, not what was used. */
	if (!k->sa && k->mem.live && !(flags & XHA_REC_F_USED))
		return flags;
	if (flags & XHA_REC_F_FINAL || seq > k->out)
		k->out = seq;
	return flags;
}

static void learn_counts(struct xha_known *k, u64 bytes, u64 packets)
{
	k->bytes = max(k->bytes, xha_expand48(k->bytes, bytes));
	k->packets = max(k->packets, xha_expand48(k->packets, packets));
}

/* From one record to the next. What an announcement tells may have jumped at a takeover. */
static void learn_in(struct xha_known *k, u64 edge)
{
	if (edge <= k->in)
		return;
	if (k->sa) {
		spin_lock_bh(&k->sa->tap.x->lock);
		k->sa->in_peak = xha_peak(k->sa->in_peak, edge - k->in);
		spin_unlock_bh(&k->sa->tap.x->lock);
	}
	k->in = edge;
}

static void input_record(struct xha_mirror *m, u64 number, struct xha_record *r)
{
	struct xha_known *k = xa_load(&m->peers, r->index);

	xha_stat_inc(m->xn, XHA_STAT_RECORD_RX);
	if (!k || !is_told(m, k)) {
		xha_stat_inc(m->xn, XHA_STAT_RECORD_UNKNOWN);
		m->refused = true;
		xha_mirror_nak(m, r->index, XHA_NAK_F_UNKNOWN);
		return;
	}
	if (r->in)
		learn_in(k, r->seq);
	else
		r->flags = learn_out(m, k, number, r->seq, r->flags);
	learn_counts(k, r->bytes, r->packets);
	apply(m, k, r);
}

/* The entry for an announced SA: the old one, or a new one; NULL: no room. */
static struct xha_known *know(struct xha_mirror *m, const struct xha_announce *a)
{
	struct xha_known *k = find(m, &a->id), *old = xa_load(&m->peers, a->index);
	struct xha_sa *sa;

	if (old && old != k)
		forget_index(m, old);
	if (!k) {
		if (!make_room(m))
			return NULL;
		k = make(m, &a->id);
		if (!k)
			return NULL;
	}
	if (k->index != a->index && xa_load(&m->peers, k->index) == k)
		xa_erase_bh(&m->peers, k->index);
	if (xa_is_err(xa_store_bh(&m->peers, a->index, k, GFP_ATOMIC))) {
		k->epoch = 0;
		count(m, k);
		xha_stat_inc(m->xn, XHA_STAT_FRAME_NOMEM);
		return NULL;
	}
	if (!is_told(m, k)) {
		k->newest = 0;
		if (!k->sa)
			xha_stat_inc(m->xn, XHA_STAT_ORPHAN_NEW);
	} else if (k->group != a->group) {
		k->epoch = 0;
		count(m, k);
	}
	k->index = a->index;
	k->group = a->group;
	k->inc = a->inc;
	k->peer_inc = a->peer_inc;
	k->stripe = a->stripe;
	k->share = a->share;
	k->epoch = m->rx_epoch;
	k->since = jiffies;
	/* It came while nothing was known of it, or its group is another one now. */
	sa = k->sa ? NULL : xha_sa_by_id(m->xn, &a->id);
	if (sa && sa->mirror == m && !test_bit(XHA_SA_DEAD, &sa->flags) && xha_sa_get(sa)) {
		attach(m, k, sa);
		xha_sa_put(sa);
	}
	count(m, k);
	return k;
}

static void input_announce(struct xha_mirror *m, u64 number, const struct xha_announce *a)
{
	struct xha_known *k;
	u64 out = a->out;
	u8 flags;

	xha_stat_inc(m->xn, XHA_STAT_ANNOUNCE_RX);
	if (a->node_inc != m->peer_inc || !m->peer_since) {
		m->peer_inc = a->node_inc;
		m->peer_since = 2 * READ_ONCE(m->epoch);
	}
	k = know(m, a);
	if (!k) {
		m->refused = true;
		xha_mirror_nak(m, a->index, XHA_NAK_F_ROOM);
		return;
	}
	flags = learn_out(m, k, number, a->out, a->flags);
	k->in = max(k->in, a->in);
	k->bytes = max(k->bytes, a->bytes);
	k->packets = max(k->packets, a->packets);
	if (!k->sa)
		return;
	if (!test_bit(XHA_SA_DEAD, &k->sa->flags) &&
	    !xha_place_announced(k->sa, a, READ_ONCE(m->epoch)))
		m->refused = true;
	/* What asks for a lease, or is exact, is this number; the newest may be another. */
	if (flags & (XHA_REC_F_LEASE | XHA_REC_F_EXACT) && out < k->out) {
		struct xha_record r = { .flags = flags, .seq = out };

		apply(m, k, &r);
		flags = 0;
	}
	apply_known(m, k, flags);
}

/*
 * The peer does not know an SA. It is announced again at once: the announcement may have been lost,
 * and a record have come before it was said again. More of these may follow, of records that were
 * under way: until an announcement is acknowledged they say nothing new. If there is no room for it
 * the SA is told after a pause, and then each EXPIRE_PERIOD, or when it moves. A peer that does not
 * tell one from the other has no room if it refuses twice.
 */
static void input_nak(struct xha_mirror *m, u32 index, u8 why)
{
	bool unheard;

	struct xha_sa *sa = xha_sa_by_index(m->xn, index);

	xha_stat_inc(m->xn, XHA_STAT_NAK_RX);
	if (!sa || sa->mirror != m)
		return;
	/* What it acknowledges of this SA from now on, it does not have. */
	WRITE_ONCE(sa->known, 0);
	set_bit(XHA_SA_ANNOUNCE, &sa->flags);
	unheard = test_and_set_bit(XHA_SA_UNHEARD, &sa->flags);
	if (unheard && why & XHA_NAK_F_UNKNOWN)
		return;
	if (!unheard && !(why & XHA_NAK_F_ROOM)) {
		xha_mirror_tell(sa);
		return;
	}
	xha_stat_inc(m->xn, XHA_STAT_NAK_ROOM);
	WRITE_ONCE(sa->naked_at, jiffies);
	if (!test_bit(XHA_SA_NAKED, &sa->flags)) {
		set_bit(XHA_SA_RETRY, &sa->flags);
		queue_delayed_work(system_unbound_wq, &m->retry_work, XHA_NAKED_PAUSE + 1);
	}
	xha_mirror_naked(sa, true);
}

static void input_ask(struct xha_mirror *m, const struct xha_id *id)
{
	struct xha_sa *sa = xha_sa_by_id(m->xn, id);

	if (!sa || sa->mirror != m)
		return;
	/* Who asks has room for it. */
	xha_mirror_naked(sa, false);
	xha_mirror_tell(sa);
}

static void input_group(struct xha_mirror *m, u64 number, const struct xha_group_msg *msg)
{
	struct xha_group *g = msg->id <= XHA_GROUPS_MAX ? READ_ONCE(m->groups[msg->id]) : NULL;

	if (!g || strcmp(g->name, msg->name))
		g = xha_group_find(m->xn, msg->name);

	if (g && g->mirror == m)
		xha_group_heard(g, msg, m->rx_epoch, number);
}

/* Deleted there. What was used of it must be known if it comes again. */
static void input_gone(struct xha_mirror *m, u32 index)
{
	struct xha_known *k = xa_load(&m->peers, index);

	if (!k || !is_told(m, k))
		return;
	forget_index(m, k);
	k->since = jiffies;
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
 * Return: 0: each had its effect, and may be acknowledged; -EBADMSG; -EBUSY: one had not;
 * -ENOTCONN:
 * the session is gone.
 */
int xha_mirror_input(struct xha_mirror *m, u64 number, const u8 *buf, int len)
{
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
			input_gone(m, msg->index);
			break;
		case XHA_MSG_NAK:
			input_nak(m, msg->index, msg->flags);
			break;
		case XHA_MSG_ASK:
			input_ask(m, &msg->id);
			break;
		case XHA_MSG_GROUP:
			input_group(m, number, &msg->group);
			break;
		case XHA_MSG_SYNCED:
			WRITE_ONCE(m->synced_rx, true);
			xha_mirror_synced(m);
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
 * xha_mirror_sa_new() - an SA has come, and is placed: tell the peer of it, or ask the peer
 * @sa: shadow; x->lock not held, RCU
 */
void xha_mirror_sa_new(struct xha_sa *sa)
{
	struct xha_mirror *m = sa->mirror;
	struct xha_known *k;
	bool known;

	spin_lock_bh(&m->rx_lock);
	k = find(m, &sa->id);
	known = k && is_told(m, k) && (xha_group_sends(sa->group) || !xha_mirror_bitmap(sa));
	if (k && k->sa == sa && k->inc) {
		struct xha_announce a = {
			.inc = k->inc,
			.peer_inc = k->peer_inc,
			.stripe = k->stripe,
			.share = k->share,
			.out = k->out,
		};

		xha_place_announced(sa, &a, is_told(m, k) && READ_ONCE(m->up) ? m->epoch : 0);
	}
	/* What the peer said since it was in the tables came before it was held. */
	if (k && k->sa == sa && is_told(m, k))
		apply_known(m, k, 0);
	spin_unlock_bh(&m->rx_lock);
	if (!known)
		set_bit(XHA_SA_ASK, &sa->flags);
	/* A standby, too: its peer knows that it is there, and that it has used nothing. */
	set_bit(XHA_SA_ANSWER, &sa->flags);
	set_bit(XHA_SA_ANNOUNCE, &sa->flags);
	xha_mirror_due(sa);
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
	struct xha_known *k;

	rcu_read_lock();
	spin_lock_bh(&m->rx_lock);
	k = find(m, &sa->id);
	if (k && k->sa == sa && is_told(m, k))
		apply_known(m, k, 0);
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
	struct xha_known *k;
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
		k = find(m, &sa->id);
		if (k && k->sa == sa) {
			bury(m, k);
			if (m->n_orphans > READ_ONCE(m->xn->max_orphans))
				make_room(m);
		}
		spin_unlock_bh(&m->rx_lock);
		rcu_read_unlock();
		if (!xha_mirror_gone(sa)) {
			WRITE_ONCE(m->reap_waits, true);
			queue_delayed_work(system_unbound_wq, &m->reap_work, REAP_PERIOD);
			return;
		}
		m->reaped = next;
		xha_sa_put(sa);
		cond_resched();
	}
}

/* The oldest are first; those that stay go to the end. False: there are more to look at. */
static bool expire_some(struct xha_mirror *m, unsigned long before)
{
	/* What the peer holds in this session it counts on: those stay. */
	unsigned long age = READ_ONCE(m->synced_rx) ? READ_ONCE(m->xn->orphan_age) * HZ :
						      ORPHAN_ALONE;
	struct xha_known *k, *next;
	int n = 0;

	list_for_each_entry_safe(k, next, &m->orphans, orphan) {
		if (n++ == EXPIRE_BATCH || !time_before(k->since, before))
			return n <= EXPIRE_BATCH;
		if (READ_ONCE(m->up) && is_told(m, k)) {
			k->since = before;
			list_move_tail(&k->orphan, &m->orphans);
			continue;
		}
		if (time_before(before, k->since + age))
			return true;
		xha_stat_inc(m->xn, XHA_STAT_ORPHAN_EXPIRED);
		forget(m, k);
	}
	return true;
}

static bool rests(const struct xha_sa *sa)
{
	return time_before32(jiffies, READ_ONCE(sa->naked_at) + XHA_NAKED_PAUSE);
}

/*
 * Those that the peer had no room for are told again: all, or those that were not yet. Process
 * context. Return: some of these can't be told yet.
 */
static bool retry(struct xha_mirror *m, bool all)
{
	bool again = false;
	unsigned long index;
	struct xha_sa *sa;
	int n = 0;

	rcu_read_lock();
	xa_for_each(&m->xn->sas, index, sa) {
		if (sa->mirror == m && test_bit(all ? XHA_SA_NAKED : XHA_SA_RETRY, &sa->flags)) {
			if (rests(sa)) {
				again = true;
			} else {
				clear_bit(XHA_SA_RETRY, &sa->flags);
				xha_mirror_due(sa);
			}
		}
		xha_mirror_rest(&n);
	}
	rcu_read_unlock();
	return again;
}

static void retry_work(struct work_struct *work)
{
	struct xha_mirror *m = container_of(to_delayed_work(work), struct xha_mirror, retry_work);

	if (retry(m, false))
		queue_delayed_work(system_unbound_wq, &m->retry_work, XHA_NAKED_PAUSE + 1);
}

/* Has any group of @m an SA that the peer had no room for? */
static bool has_naked(const struct xha_mirror *m)
{
	const struct xha_group *g;
	bool naked = false;

	rcu_read_lock();
	list_for_each_entry_rcu(g, &m->xn->group_list, node)
		naked |= g->mirror == m && atomic_read(&g->n_naked);
	rcu_read_unlock();
	return naked;
}

static void expire_work(struct work_struct *work)
{
	struct xha_mirror *m = container_of(to_delayed_work(work), struct xha_mirror, expire_work);
	unsigned long now = jiffies;
	bool done;

	do {
		spin_lock_bh(&m->rx_lock);
		done = expire_some(m, now);
		spin_unlock_bh(&m->rx_lock);
		cond_resched();
	} while (!done);
	if (has_naked(m))
		retry(m, true);
	queue_delayed_work(system_unbound_wq, &m->expire_work, EXPIRE_PERIOD);
}

/* SAs that the peer has in the group it knows by this number, and this node has not. */
u32 xha_mirror_missing(struct xha_mirror *m, u16 peer_id)
{
	return peer_id && peer_id <= XHA_GROUPS_MAX ? READ_ONCE(m->missing[peer_id]) : 0;
}

bool xha_mirror_twin(struct xha_sa *sa)
{
	struct xha_mirror *m = sa->mirror;
	struct xha_known *k;
	bool twin;

	spin_lock_bh(&m->rx_lock);
	k = find(m, &sa->id);
	twin = k && k->sa == sa && is_told(m, k);
	spin_unlock_bh(&m->rx_lock);
	return twin;
}

u32 xha_mirror_orphans(const struct xha_mirror *m)
{
	return READ_ONCE(m->n_orphans);
}

/*
 * A session begins. Indexes of the peer count within one; what is known of its SAs stays, and
 * after a loss what was missing stays said until the next session tells.
 */
void xha_replica_session(struct xha_mirror *m)
{
	struct xha_group *g;

	rcu_read_lock();
	spin_lock_bh(&m->rx_lock);
	m->rx_epoch++;
	memset(m->missing, 0, sizeof(m->missing));
	list_for_each_entry_rcu(g, &m->xn->group_list, node)
		if (g->mirror == m)
			atomic_set(&g->n_paired, 0);
	spin_unlock_bh(&m->rx_lock);
	rcu_read_unlock();
}

int xha_replica_init(struct xha_mirror *m)
{
	int err;

	err = rhashtable_init(&m->known, &by_id_params);
	if (err)
		return err;
	xa_init_flags(&m->peers, XA_FLAGS_LOCK_BH);
	INIT_LIST_HEAD(&m->orphans);
	spin_lock_init(&m->rx_lock);
	init_llist_head(&m->dead);
	INIT_DELAYED_WORK(&m->reap_work, reap_work);
	INIT_DELAYED_WORK(&m->retry_work, retry_work);
	INIT_DELAYED_WORK(&m->expire_work, expire_work);
	queue_delayed_work(system_unbound_wq, &m->expire_work, EXPIRE_PERIOD);
	return 0;
}

static void free_known(void *ptr, void *arg)
{
	struct xha_known *k = ptr;

	if (k->sa)
		xha_sa_put(k->sa);
	kmem_cache_free(cache, k);
}

void xha_replica_fini(struct xha_mirror *m)
{
	cancel_delayed_work_sync(&m->expire_work);
	cancel_delayed_work_sync(&m->retry_work);
	/* There is no session: nobody waits for room. */
	flush_delayed_work(&m->reap_work);
	xa_destroy(&m->peers);
	rhashtable_free_and_destroy(&m->known, free_known, NULL);
}

int xha_replica_start(void)
{
	cache = KMEM_CACHE(xha_known, 0);
	return cache ? 0 : -ENOMEM;
}

/* Those that were forgotten are waited for. */
void xha_replica_stop(void)
{
	kmem_cache_destroy(cache);
}
