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
 * What is known of an identity of which there is no SA here
 *
 * @twin: what the peer told
 * @mem: of ours, when it was deleted
 * @since: jiffies: when it became an orphan, or was last mentioned
 * @node: in &xha_mirror.orphans
 */
struct xha_orphan {
	struct xha_twin twin;
	struct xha_id id;
	struct xha_memory mem;
	unsigned long since;
	union {
		struct list_head node;
		struct rcu_head rcu;	/* it is forgotten, or its SA has come */
	};
};

static struct kmem_cache *cache;

static struct xha_orphan *orphan_of(struct xha_twin *t)
{
	return t->of == XHA_TWIN_ORPHAN ? container_of(t, struct xha_orphan, twin) : NULL;
}

static struct xha_sa *sa_of(struct xha_twin *t)
{
	return t->of == XHA_TWIN_SA ? container_of(t, struct xha_sa, twin) : NULL;
}

static void id_of(const struct xha_twin *t, struct xha_id *id)
{
	if (t->of == XHA_TWIN_ORPHAN)
		*id = container_of(t, struct xha_orphan, twin)->id;
	else
		xha_sa_id(container_of(t, struct xha_sa, twin), id);
}

static u32 hash_of_twin(const void *data, u32 len, u32 seed)
{
	struct xha_id id;

	id_of(data, &id);
	return xha_id_hash(&id, len, seed);
}

/* Most of those with another identity have another key, which is at hand. */
static u64 key_of(const struct xha_twin *t)
{
	if (t->of == XHA_TWIN_ORPHAN)
		return container_of(t, struct xha_orphan, twin)->id.key;
	return container_of(t, struct xha_sa, twin)->key;
}

static int compare_twin(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct xha_id *key = arg->key;
	struct xha_id id;

	if (key_of(obj) != key->key)
		return 1;
	id_of(obj, &id);
	return memcmp(&id, key, sizeof(id));
}

static const struct rhashtable_params by_id_params = {
	.key_len = sizeof(struct xha_id),
	.head_offset = offsetof(struct xha_twin, by_id),
	.hashfn = xha_id_hash,
	.obj_hashfn = hash_of_twin,
	.obj_cmpfn = compare_twin,
	.automatic_shrinking = true,
};

static struct xha_twin *find(struct xha_mirror *m, const struct xha_id *id)
{
	return rhashtable_lookup_fast(&m->twins, id, by_id_params);
}

/* Has the peer announced it in this session? */
static bool is_announced(const struct xha_mirror *m, const struct xha_twin *t)
{
	return t->epoch && t->epoch == m->rx_epoch;
}

/* Ditto, and it is here as well. */
static bool is_paired(const struct xha_mirror *m, struct xha_twin *t)
{
	return is_announced(m, t) && sa_of(t);
}

/* A session begins with all counts at 0. */
static void recount(struct xha_mirror *m, struct xha_twin *t)
{
	if (t->counted == m->rx_epoch)
		return;
	t->counted = m->rx_epoch;
	t->missing = false;
	t->paired = false;
}

/* @t has changed: SAs that only the peer has, and those of both, are counted by group. */
static void count(struct xha_mirror *m, struct xha_twin *t)
{
	struct xha_sa *sa = sa_of(t);
	bool missing = is_announced(m, t) && !sa, paired = is_paired(m, t);

	recount(m, t);
	if (t->missing != missing && t->group <= XHA_GROUPS_MAX) {
		m->missing[t->group] += missing ? 1 : -1;
		xha_group_missing(m, t->group);
	}
	t->missing = missing;
	if (t->paired == paired)
		return;
	t->paired = paired;
	if (sa)
		atomic_add(paired ? 1 : -1, &sa->group->n_paired);
}

static void list(struct xha_mirror *m, struct xha_orphan *o)
{
	o->since = jiffies;
	list_add_tail(&o->node, &m->orphans);
	WRITE_ONCE(m->n_orphans, m->n_orphans + 1);
}

/* An orphan has come that stays; @g: group of its SA, NULL: not known. RCU */
static void look_at_limit(struct xha_mirror *m, struct xha_group *g)
{
	if (!xha_comes_near(&m->orphans_near, g, m->n_orphans, READ_ONCE(m->xn->max_orphans)))
		return;
	xha_stat_inc(m->xn, XHA_STAT_ORPHAN_LIMIT_NEAR);
	xha_group_notify_soon(g, XFRM_HA_EVENT_ORPHAN_LIMIT_NEAR);
}

static void unlist(struct xha_mirror *m, struct xha_orphan *o)
{
	list_del(&o->node);
	WRITE_ONCE(m->n_orphans, m->n_orphans - 1);
}

/*
 * In both tables @to, which is of the kind @of, comes in the place of @from, and is what it was.
 * That takes no memory.
 */
static void replace(struct xha_mirror *m, struct xha_twin *from, struct xha_twin *to,
		    enum xha_twin_of of)
{
	lockdep_assert_held(&m->rx_lock);

	/* The worker of the table may write @from's link in it; @to's is set with the place. */
	*to = data_race(*from);
	to->of = of;
	WARN_ON_ONCE(rhashtable_replace_fast(&m->twins, &from->by_id, &to->by_id, by_id_params));
	xa_cmpxchg_bh(&m->peers, to->index, from, to, GFP_ATOMIC);
}

/* @sa was deleted, and what was its twin is elsewhere now. */
static void part(struct xha_sa *sa)
{
	sa->twin.of = XHA_TWIN_UNUSED;
	xha_sa_put(sa);
}

/*
 * @sa has come, or is found, and @t, an orphan or in an SA that was deleted, is what was known of
 * its identity: it goes into @sa.
 */
static void attach(struct xha_mirror *m, struct xha_twin *t, struct xha_sa *sa)
{
	struct xha_orphan *o = orphan_of(t);
	struct xha_sa *old = sa_of(t);

	recount(m, t);
	if (old && t->paired) {
		t->paired = false;
		atomic_dec(&old->group->n_paired);
	}
	replace(m, t, &sa->twin, XHA_TWIN_SA);
	refcount_inc(&sa->ref);
	if (old) {
		part(old);
	} else {
		unlist(m, o);
		kfree_rcu(o, rcu);
	}
	count(m, &sa->twin);
}

/* An SA is deleted: what it has used is remembered. */
static void remember(struct xha_sa *sa, struct xha_memory *mem)
{
	struct xha_twin *t = &sa->twin;
	struct xha_sample s;

	xha_place_remember(sa, mem, &s);
	t->out = mem->live ? s.out : max(t->out, s.out);
	t->in = max(t->in, s.in);
}

/* Ditto; its twin, and that, go into @o. */
static void bury(struct xha_mirror *m, struct xha_sa *sa, struct xha_orphan *o)
{
	remember(sa, &o->mem);
	recount(m, &sa->twin);
	if (sa->twin.paired) {
		sa->twin.paired = false;
		atomic_dec(&sa->group->n_paired);
	}
	xha_sa_id(sa, &o->id);
	replace(m, &sa->twin, &o->twin, XHA_TWIN_ORPHAN);
	list(m, o);
	count(m, &o->twin);
	look_at_limit(m, sa->group);
	part(sa);
}

static void forget_index(struct xha_mirror *m, struct xha_twin *t)
{
	if (xa_load(&m->peers, t->index) == t)
		xa_erase_bh(&m->peers, t->index);
	t->epoch = 0;
	count(m, t);
}

static void forget(struct xha_mirror *m, struct xha_orphan *o)
{
	lockdep_assert_held(&m->rx_lock);

	m->forgetful |= o->mem.acted;
	forget_index(m, &o->twin);
	unlist(m, o);
	rhashtable_remove_fast(&m->twins, &o->twin.by_id, by_id_params);
	kfree_rcu(o, rcu);
}

/*
 * Room for one more that has no SA: of those that the peer does not have in this session, which
 * only matter if they come again, the oldest goes. What was used of it nobody knows then.
 */
static bool make_room(struct xha_mirror *m)
{
	u32 limit = READ_ONCE(m->xn->max_orphans);
	struct xha_orphan *o, *next;
	int n = 0;

	if (m->n_orphans < limit)
		return true;
	list_for_each_entry_safe(o, next, &m->orphans, node) {
		if (!is_announced(m, &o->twin)) {
			xha_stat_inc(m->xn, XHA_STAT_ORPHAN_EVICTED);
			forget(m, o);
			if (m->n_orphans < limit)
				return true;
		}
		if (++n == EVICT_STEPS)
			break;
	}
	xha_stat_inc(m->xn, XHA_STAT_ORPHAN_LIMIT);
	return false;
}

/* An orphan of which nothing is known yet; NULL: no memory. */
static struct xha_twin *make(struct xha_mirror *m, const struct xha_id *id)
{
	struct xha_orphan *o = kmem_cache_zalloc(cache, GFP_ATOMIC);

	if (!o)
		goto nomem;
	o->id = *id;
	o->twin.of = XHA_TWIN_ORPHAN;
	if (rhashtable_insert_fast(&m->twins, &o->twin.by_id, by_id_params)) {
		kmem_cache_free(cache, o);
		goto nomem;
	}
	list(m, o);
	return &o->twin;

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
	struct xha_mirror *m = xha_sa_mirror(sa);
	struct xha_twin *t;
	struct xha_id id;

	xha_sa_id(sa, &id);
	spin_lock_bh(&m->rx_lock);
	t = find(m, &id) ?: make(m, &id);
	spin_unlock_bh(&m->rx_lock);
	return t ? 0 : -ENOMEM;
}

/*
 * The highest number that may have been used. What a standby says that has the SA already it
 * was told, or guesses: an active node that is in sync, and has forgotten nothing, knows that
 * nobody used any.
 */
static u64 used_of(const struct xha_mirror *m, const struct xha_sa *sa,
		   const struct xha_memory *mem)
{
	if (!mem->inc && !sa->twin.used && !m->forgetful && xha_group_sends(sa->group) &&
	    !READ_ONCE(sa->group->birth_used))
		return 0;
	return sa->twin.out;
}

/**
 * xha_replica_recall() - apply all that is known of an SA that has come
 * @sa: shadow, in the tables, not placed yet; RCU, x->lock not held
 *
 * Outbound, inbound and counts alike, active or not, forward only.
 */
void xha_replica_recall(struct xha_sa *sa)
{
	struct xha_mirror *m = xha_sa_mirror(sa);
	struct xha_memory mem;
	struct xha_twin *t;
	struct xha_id id;

	xha_sa_id(sa, &id);
	spin_lock_bh(&m->rx_lock);
	/* What xha_replica_expect() has made may have had to make room already. */
	t = find(m, &id) ?: make(m, &id);
	/* If it dies from here on, the reaper comes later. */
	if (t && t != &sa->twin && !test_bit(XHA_SA_DEAD, &sa->flags)) {
		/* Its SA was deleted, and added again before the reaper came. */
		if (sa_of(t))
			remember(sa_of(t), &mem);
		else
			mem = orphan_of(t)->mem;
		if (is_announced(m, t))
			xha_stat_inc(m->xn, XHA_STAT_ORPHAN_ADOPTED);
		attach(m, t, sa);
		xha_place_recall(sa, &mem, used_of(m, sa, &mem), sa->twin.in);
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
		xha_stat_inc(xha_sa_net(sa), XHA_STAT_MET);
	set_bit(XHA_SA_DUE_OUT, &sa->flags);
	xha_mirror_due(sa);
	xha_link_urge(sa->group->link);
}

static void apply(struct xha_mirror *m, struct xha_twin *t, struct xha_record *r)
{
	struct xha_sa *sa = sa_of(t);

	/* Deleted here: the reaper will make an orphan of it. */
	if (!sa || test_bit(XHA_SA_DEAD, &sa->flags))
		return;
	switch (xha_place_record(sa, r)) {
	case XHA_APPLIED:
		xha_stat_inc(xha_sa_net(sa), XHA_STAT_RECORD_APPLIED);
		break;
	case XHA_STALE:
		xha_stat_inc(xha_sa_net(sa), XHA_STAT_RECORD_STALE);
		break;
	case XHA_ACTIVE:
		xha_stat_inc(xha_sa_net(sa), XHA_STAT_RECORD_ACTIVE);
		if (!r->in && r->flags & XHA_REC_F_EXACT)
			meet(sa, r->seq);
		fallthrough;
	case XHA_REFUSED:
		m->refused |= !r->in && r->flags & XHA_REC_F_LEASE;
		break;
	}
	trace_xha_record_rx(sa->index, r->in, r->seq, r->packets);
}

/* All that is known of it, into an SA that is held. Counts of 48 bits are completed there. */
static void apply_twin(struct xha_mirror *m, struct xha_twin *t, u8 flags, u64 bytes, u64 packets)
{
	struct xha_record r = {
		.flags = flags,
		.seq = t->out,
		.bytes = bytes,
		.packets = packets,
	};

	apply(m, t, &r);
	r.in = true;
	r.flags = 0;
	r.seq = t->in;
	apply(m, t, &r);
}

/*
 * Ditto, but the counts: those that were told the SA has, unless it was active then. The peer tells
 * them again with its next record.
 */
static void apply_numbers(struct xha_mirror *m, struct xha_sa *sa)
{
	const struct xfrm_state *x = sa->tap.x;

	apply_twin(m, &sa->twin, 0, READ_ONCE(x->curlft.bytes), READ_ONCE(x->curlft.packets));
}

/*
 * A final number lowers what was told before, if it is of the peer's present time as the
 * active one, and nothing newer was told (invariant I3). Return: what is left of @flags.
 */
static u8 learn_out(struct xha_mirror *m, struct xha_twin *t, u64 number, u64 seq, u8 flags)
{
	struct xha_orphan *o = orphan_of(t);
	struct xha_sa *sa = sa_of(t);

	if (number < t->newest ||
	    (sa && !xha_group_peer_active(sa->group, m->rx_epoch, number)))
		flags &= ~XHA_REC_F_FINAL;
	t->newest = max(t->newest, number);
	t->used |= !!(flags & XHA_REC_F_USED);
	/* Of one that was deleted here a standby says what it was told, not what was used. */
	if (o && o->mem.live && !(flags & XHA_REC_F_USED))
		return flags;
	if (flags & XHA_REC_F_FINAL || seq > t->out)
		t->out = seq;
	return flags;
}

/* An SA that is here has them itself. */
static void learn_counts(struct xha_twin *t, u64 bytes, u64 packets)
{
	struct xha_orphan *o = orphan_of(t);

	if (!o)
		return;
	o->mem.bytes = max(o->mem.bytes, xha_expand48(o->mem.bytes, bytes));
	o->mem.packets = max(o->mem.packets, xha_expand48(o->mem.packets, packets));
}

/* From one record to the next. What an announcement tells may have jumped at a takeover. */
static void learn_in(struct xha_twin *t, u64 edge)
{
	struct xha_sa *sa = sa_of(t);

	if (edge <= t->in)
		return;
	if (sa) {
		spin_lock_bh(&sa->tap.x->lock);
		sa->in_peak = xha_peak(sa->in_peak, edge - t->in);
		spin_unlock_bh(&sa->tap.x->lock);
	}
	t->in = edge;
}

static void input_record(struct xha_mirror *m, u64 number, struct xha_record *r)
{
	struct xha_twin *t = xa_load(&m->peers, r->index);

	xha_stat_inc(m->xn, XHA_STAT_RECORD_RX);
	if (!t || !is_announced(m, t)) {
		xha_stat_inc(m->xn, XHA_STAT_RECORD_UNKNOWN);
		m->refused = true;
		xha_mirror_nak(m, r->index, XHA_NAK_F_UNKNOWN);
		return;
	}
	if (r->in)
		learn_in(t, r->seq);
	else
		r->flags = learn_out(m, t, number, r->seq, r->flags);
	learn_counts(t, r->bytes, r->packets);
	apply(m, t, r);
}

/*
 * What is to be known of an announced SA, which was known already, or is new; NULL: no room. What
 * was counted of it while it had no SA is added to @a.
 */
static struct xha_twin *learn_announce(struct xha_mirror *m, struct xha_announce *a)
{
	struct xha_twin *t = find(m, &a->id), *old = xa_load(&m->peers, a->index);
	struct xha_orphan *o;
	struct xha_sa *sa;

	if (old && old != t)
		forget_index(m, old);
	if (!t) {
		if (!make_room(m))
			return NULL;
		t = make(m, &a->id);
		if (!t)
			return NULL;
	}
	if (t->index != a->index && xa_load(&m->peers, t->index) == t)
		xa_erase_bh(&m->peers, t->index);
	/* The peer's indexes are those of the last session, unless it has started anew. */
	if (old != t && xa_is_err(xa_store_bh(&m->peers, a->index, t, GFP_ATOMIC))) {
		t->epoch = 0;
		count(m, t);
		xha_stat_inc(m->xn, XHA_STAT_FRAME_NOMEM);
		return NULL;
	}
	o = orphan_of(t);
	if (!is_announced(m, t)) {
		t->newest = 0;
		if (o)
			xha_stat_inc(m->xn, XHA_STAT_ORPHAN_NEW);
		if (o && a->group <= XHA_GROUPS_MAX)
			look_at_limit(m, READ_ONCE(m->groups[a->group]));
	} else if (t->group != a->group) {
		t->epoch = 0;
		count(m, t);
	}
	t->index = a->index;
	t->group = a->group;
	t->inc = a->inc;
	t->peer_inc = a->peer_inc;
	t->stripe = a->stripe;
	t->share = a->share;
	t->epoch = m->rx_epoch;
	if (o) {
		o->since = jiffies;
		o->mem.bytes = max(o->mem.bytes, a->bytes);
		o->mem.packets = max(o->mem.packets, a->packets);
		a->bytes = o->mem.bytes;
		a->packets = o->mem.packets;
	}
	/* It came while nothing was known of it, or its group is another one now. */
	sa = o ? xha_sa_by_id(m->xn, &a->id) : NULL;
	if (sa && xha_sa_mirror(sa) == m && !test_bit(XHA_SA_DEAD, &sa->flags) &&
	    xha_sa_get(sa)) {
		attach(m, t, sa);
		t = &sa->twin;
		xha_sa_put(sa);
	}
	count(m, t);
	return t;
}

static void input_announce(struct xha_mirror *m, u64 number, struct xha_announce *a)
{
	struct xha_twin *t;
	struct xha_sa *sa;
	u8 flags;

	xha_stat_inc(m->xn, XHA_STAT_ANNOUNCE_RX);
	if (a->node_inc != m->peer_inc || !m->peer_since) {
		m->peer_inc = a->node_inc;
		m->peer_since = 2 * READ_ONCE(m->epoch);
	}
	t = learn_announce(m, a);
	if (!t) {
		m->refused = true;
		xha_mirror_nak(m, a->index, XHA_NAK_F_ROOM);
		return;
	}
	flags = learn_out(m, t, number, a->out, a->flags);
	t->in = max(t->in, a->in);
	sa = sa_of(t);
	if (!sa)
		return;
	if (!test_bit(XHA_SA_DEAD, &sa->flags) &&
	    !xha_place_announced(sa, a, READ_ONCE(m->epoch)))
		m->refused = true;
	/* What asks for a lease, or is exact, is this number; the newest may be another. */
	if (flags & (XHA_REC_F_LEASE | XHA_REC_F_EXACT) && a->out < t->out) {
		struct xha_record r = {
			.flags = flags,
			.seq = a->out,
			.bytes = a->bytes,
			.packets = a->packets,
		};

		apply(m, t, &r);
		flags = 0;
	}
	apply_twin(m, t, flags, a->bytes, a->packets);
}

/*
 * The peer does not know an SA. It is announced again at once: the announcement may have been lost,
 * and a record have come before it was said again. More of these may follow, of records that were
 * under way: until an announcement is acknowledged they say nothing new. If there is no room for it
 * the SA is told after a pause, and then each EXPIRE_PERIOD, or when it advances. A peer that does
 * not tell one from the other has no room if it refuses twice.
 */
static void input_nak(struct xha_mirror *m, u32 index, u8 why)
{
	struct xha_sa *sa = xha_sa_by_index(m->xn, index);
	bool unknown;

	xha_stat_inc(m->xn, XHA_STAT_NAK_RX);
	if (!sa || xha_sa_mirror(sa) != m)
		return;
	/* What it acknowledges of this SA from now on, it does not have. */
	WRITE_ONCE(sa->announce_acked, 0);
	set_bit(XHA_SA_ANNOUNCE, &sa->flags);
	unknown = test_and_set_bit(XHA_SA_UNKNOWN, &sa->flags);
	if (unknown && why & XHA_NAK_F_UNKNOWN)
		return;
	if (!unknown && !(why & XHA_NAK_F_ROOM)) {
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

	if (!sa || xha_sa_mirror(sa) != m)
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
		xha_group_input(g, msg, m->rx_epoch, number);
}

/* Deleted there. What was used of it must be known if it comes again. */
static void input_gone(struct xha_mirror *m, u32 index)
{
	struct xha_twin *t = xa_load(&m->peers, index);

	if (!t || !is_announced(m, t))
		return;
	forget_index(m, t);
	if (orphan_of(t))
		orphan_of(t)->since = jiffies;
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
	struct xha_mirror *m = xha_sa_mirror(sa);
	struct xha_twin *t = &sa->twin;
	bool paired;

	spin_lock_bh(&m->rx_lock);
	paired = is_paired(m, t);
	if (sa_of(t) && t->inc) {
		struct xha_announce a = {
			.inc = t->inc,
			.peer_inc = t->peer_inc,
			.stripe = t->stripe,
			.share = t->share,
			.out = t->out,
		};

		xha_place_announced(sa, &a, paired && READ_ONCE(m->up) ? m->epoch : 0);
	}
	/* What the peer said since it was in the tables came before it was held. */
	if (paired)
		apply_numbers(m, sa);
	spin_unlock_bh(&m->rx_lock);
	if (!paired || (!xha_group_sends(sa->group) && xha_mirror_bitmap(sa)))
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
	struct xha_mirror *m = xha_sa_mirror(sa);

	rcu_read_lock();
	spin_lock_bh(&m->rx_lock);
	if (is_paired(m, &sa->twin))
		apply_numbers(m, sa);
	spin_unlock_bh(&m->rx_lock);
	rcu_read_unlock();
}

/* The caller has unlinked @sa and may hold x->lock: the rest is left to the reaper. */
void xha_mirror_sa_gone(struct xha_sa *sa)
{
	struct xha_mirror *m = xha_sa_mirror(sa);

	refcount_inc(&sa->ref);
	llist_add(&sa->reap_node, &m->dead);
	queue_delayed_work(system_unbound_wq, &m->reap_work, 0);
}

static void reap_work(struct work_struct *work)
{
	struct xha_mirror *m = container_of(to_delayed_work(work), struct xha_mirror, reap_work);
	struct xha_orphan *o = NULL;
	struct llist_node *next;
	struct xha_sa *sa;

	for (;;) {
		if (!m->reaped)
			m->reaped = llist_del_all(&m->dead);
		if (!m->reaped)
			break;
		sa = llist_entry(m->reaped, struct xha_sa, reap_node);
		next = m->reaped->next;
		/* Until there is memory its shadow remembers it. */
		if (!o)
			o = kmem_cache_zalloc(cache, GFP_KERNEL | __GFP_NOFAIL);
		rcu_read_lock();
		spin_lock_bh(&m->rx_lock);
		if (sa_of(&sa->twin)) {
			bury(m, sa, o);
			o = NULL;
			if (m->n_orphans > READ_ONCE(m->xn->max_orphans))
				make_room(m);
		}
		spin_unlock_bh(&m->rx_lock);
		rcu_read_unlock();
		if (!xha_mirror_reap(sa)) {
			WRITE_ONCE(m->reap_waits, true);
			queue_delayed_work(system_unbound_wq, &m->reap_work, REAP_PERIOD);
			break;
		}
		m->reaped = next;
		xha_sa_put(sa);
		cond_resched();
	}
	if (o)
		kmem_cache_free(cache, o);
}

/* The oldest are first; those that stay go to the end. False: there are more to look at. */
static bool expire_some(struct xha_mirror *m, unsigned long before)
{
	/* What the peer holds in this session it counts on: those stay. */
	unsigned long age = READ_ONCE(m->synced_rx) ? READ_ONCE(m->xn->orphan_age) * HZ :
						      ORPHAN_ALONE;
	struct xha_orphan *o, *next;
	int n = 0;

	list_for_each_entry_safe(o, next, &m->orphans, node) {
		if (n++ == EXPIRE_BATCH || !time_before(o->since, before))
			return n <= EXPIRE_BATCH;
		if (READ_ONCE(m->up) && is_announced(m, &o->twin)) {
			o->since = before;
			list_move_tail(&o->node, &m->orphans);
			continue;
		}
		if (time_before(before, o->since + age))
			return true;
		xha_stat_inc(m->xn, XHA_STAT_ORPHAN_EXPIRED);
		forget(m, o);
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
		if (xha_sa_mirror(sa) == m &&
		    test_bit(all ? XHA_SA_NAKED : XHA_SA_RETRY, &sa->flags)) {
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
	bool done = false;

	/* Where there is none nobody is waited for who takes frames in, with bottom halves off. */
	while (READ_ONCE(m->n_orphans) && !done) {
		spin_lock_bh(&m->rx_lock);
		done = expire_some(m, now);
		spin_unlock_bh(&m->rx_lock);
		cond_resched();
	}
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
	struct xha_mirror *m = xha_sa_mirror(sa);
	bool twin;

	spin_lock_bh(&m->rx_lock);
	twin = is_paired(m, &sa->twin);
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

	err = rhashtable_init(&m->twins, &by_id_params);
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

static void free_twin(void *ptr, void *arg)
{
	struct xha_twin *t = ptr;

	if (sa_of(t))
		part(sa_of(t));
	else
		kmem_cache_free(cache, orphan_of(t));
}

void xha_replica_fini(struct xha_mirror *m)
{
	cancel_delayed_work_sync(&m->expire_work);
	cancel_delayed_work_sync(&m->retry_work);
	/* There is no session: nobody waits for room. */
	flush_delayed_work(&m->reap_work);
	xa_destroy(&m->peers);
	rhashtable_free_and_destroy(&m->twins, free_twin, NULL);
}

int xha_replica_start(void)
{
	cache = KMEM_CACHE(xha_orphan, 0);
	return cache ? 0 : -ENOMEM;
}

/* Those that were forgotten are waited for. */
void xha_replica_stop(void)
{
	kmem_cache_destroy(cache);
}
