// SPDX-License-Identifier: GPL-2.0
/*
 * One shadow (struct xha_sa) per xfrm_state that is in a group: what the
 * packet path, the mirror and the user need to find and to know of it.
 */

#include "xfrm_ha.h"

#define SAS_DEFAULT	131072
#define ORPHANS_DEFAULT	65536
#define ORPHAN_AGE_DEFAULT	60
#define SWEEP_PERIOD	(5 * HZ)
#define SWEEP_BATCH	64

struct hlist_head *xha_sa_table;
static DEFINE_SPINLOCK(table_lock);	/* (BH) writers of the table; by_id's inside */

static const struct rhashtable_params by_id_params = {
	.key_len = sizeof(struct xha_id),
	.key_offset = offsetof(struct xha_sa, id),
	.head_offset = offsetof(struct xha_sa, by_id),
	.automatic_shrinking = true,
};

/* Look-ups: RCU */
struct xha_sa *xha_sa_by_id(struct xha_net *xn, const struct xha_id *id)
{
	return rhashtable_lookup(&xn->by_id, id, by_id_params);
}

struct xha_sa *xha_sa_by_index(struct xha_net *xn, u32 index)
{
	return xa_load(&xn->sas, index);
}

/* What both nodes know the SA by. */
void xha_sa_id(struct xha_id *id, const struct xfrm_state *x)
{
	memset(id, 0, sizeof(*id));
	if (x->props.family == AF_INET)
		id->daddr[0] = x->id.daddr.a4;
	else
		memcpy(id->daddr, x->id.daddr.a6, sizeof(id->daddr));
	id->spi = x->id.spi;
	id->mark_v = x->mark.v;
	id->mark_m = x->mark.m;
	id->if_id = x->if_id;
	id->family = x->props.family;
	id->proto = x->id.proto;
}

bool xha_sa_get(struct xha_sa *sa)
{
	return refcount_inc_not_zero(&sa->ref);
}

static void free_rcu(struct rcu_head *rcu)
{
	struct xha_sa *sa = container_of(rcu, struct xha_sa, rcu);

	xfrm_state_put(sa->x);
	if (sa->group)
		xha_group_put(sa->group);
	kfree(sa);
}

void xha_sa_put(struct xha_sa *sa)
{
	if (refcount_dec_and_test(&sa->ref))
		call_rcu(&sa->rcu, free_rcu);
}

/**
 * xha_sa_unlink() - forget an SA: take it out of all tables, drop their reference
 * @sa: shadow; any context, x->lock may be held
 */
void xha_sa_unlink(struct xha_sa *sa)
{
	struct xha_net *xn = sa->xn;

	if (test_and_set_bit(XHA_SA_DEAD, &sa->flags))
		return;
	spin_lock_bh(&table_lock);
	hlist_del_rcu(&sa->by_x);
	spin_unlock_bh(&table_lock);
	if (sa->group) {
		rhashtable_remove_fast(&xn->by_id, &sa->by_id, by_id_params);
		atomic_dec(&sa->group->n_sas);
		if (sa->mirror)
			xha_mirror_sa_gone(sa);
	}
	xa_erase_bh(&xn->sas, sa->index);
	atomic_dec(&xn->n_sas);
	xha_sa_put(sa);
}

/**
 * xha_sa_dismiss() - give SAs back as they were: holds lifted, thresholds restored
 * @xn: netns; process context
 * @g: group that no look-up finds any more; NULL: all SAs
 */
void xha_sa_dismiss(struct xha_net *xn, const struct xha_group *g)
{
	struct xha_sa *batch[SWEEP_BATCH];
	unsigned long index;
	struct xha_sa *sa;
	int i, n;

	do {
		n = 0;
		rcu_read_lock();
		xa_for_each(&xn->sas, index, sa) {
			if ((g && sa->group != g) || !xha_sa_get(sa))
				continue;
			batch[n++] = sa;
			xha_sa_unlink(sa);
			if (n == SWEEP_BATCH)
				break;
		}
		rcu_read_unlock();
		/* xha_sa_hear() may have found it before, and hold it behind us. */
		synchronize_rcu_expedited();
		for (i = 0; i < n; i++) {
			xha_apply_free(batch[i]);
			xha_tap->unwatch(batch[i]);
			xha_sa_put(batch[i]);
		}
		cond_resched();
	} while (n == SWEEP_BATCH);
}

/* Settings of the group that count in the packet path. */
static void settings(struct xha_sa *sa)
{
	const struct xha_group_config *c = &sa->group->config;
	u32 interval = c->interval ? c->interval : 1, width = xha_apply_width(sa->x);

	sa->out_interval = interval;
	sa->in_interval = xha_in_interval(interval, width);
	sa->out_urge = xha_urge_out(c->interval, xha_quantity(c->quantity, c->interval));
	sa->in_urge = xha_urge_in(c->interval, width, c->lenient);
	sa->out.due = 0;
	sa->in.due = 0;
	sa->in.quiet = 0;
}

/**
 * xha_sa_bound() - what bounds the outbound numbers of an SA has changed
 * @sa: shadow of an SA in a group; x->lock held
 *
 * Who has become alone goes on in a slice of its own, where the group is partitioned.
 */
void xha_sa_bound(struct xha_sa *sa)
{
	const struct xha_group *g = sa->group;
	const struct xha_partition *p = &g->config.partition;
	struct xha_bounds *b = &sa->bounds;
	u64 oseq = xha_oseq(sa->x);

	lockdep_assert_held(&sa->x->lock);

	b->strict = sa->mirror && g->config.strict;
	b->solo = READ_ONCE(g->solo) && !sa->rejoined;
	b->alone = READ_ONCE(g->alone);
	b->first = 0;
	b->last = U64_MAX;
	sa->soft = U64_MAX;
	if (p->slices && b->alone && !(sa->hold & XHA_HOLD_STANDBY)) {
		if (!xha_slice(b, oseq, p, xha_apply_esn(sa->x)))
			xha_stat_inc(sa->xn, XHA_STAT_SLICE_END);
		else if (!sa->packet)
			xha_apply_jump(sa, b->first - 1);
		sa->soft = xha_slice_soft(b, p->soft);
	}
	sa->out.quiet = 0;
	xha_apply_settle(sa);
}

void xha_sa_configure(struct xha_sa *sa)
{
	if (sa->group) {
		spin_lock_bh(&sa->x->lock);
		settings(sa);
		xha_sa_bound(sa);
		spin_unlock_bh(&sa->x->lock);
	}
	xha_tap->watch(sa);
}

/* All or nothing: whoever finds it by either table finds one that stays until it is unlinked. */
static int insert_found(struct xha_sa *sa)
{
	int err = 0;

	spin_lock_bh(&table_lock);
	if (xha_sa_by_x(sa->x))
		err = -EEXIST;
	else if (sa->group)
		err = rhashtable_lookup_insert_fast(&sa->xn->by_id, &sa->by_id, by_id_params);
	if (!err)
		hlist_add_head_rcu(&sa->by_x, xha_sa_bucket(sa->x));
	spin_unlock_bh(&table_lock);
	return err;
}

static int insert(struct xha_sa *sa)
{
	struct xha_net *xn = sa->xn;
	int err;

	/* xn->sas_next is protected by the lock of the array. */
	err = xa_alloc_cyclic_bh(&xn->sas, &sa->index, NULL, XA_LIMIT(1, XHA_INDEX_MAX),
				 &xn->sas_next, GFP_ATOMIC);
	/* 1 is none: the index is not above the last one. */
	if (err < 0)
		return err;
	err = insert_found(sa);
	if (err) {
		xa_erase_bh(&xn->sas, sa->index);
		return err;
	}
	xa_store_bh(&xn->sas, sa->index, sa, GFP_ATOMIC);
	/* It is found by the table: who has unlinked it meanwhile has erased nothing yet. */
	if (test_bit(XHA_SA_DEAD, &sa->flags))
		xa_cmpxchg_bh(&xn->sas, sa->index, sa, NULL, GFP_ATOMIC);
	if (sa->packet && sa->group) {
		xa_lock_bh(&xn->sas);
		__xa_set_mark(&xn->sas, sa->index, XHA_MARK_PACKET);
		xa_unlock_bh(&xn->sas);
		xha_packet_hear(xn);
	}
	return 0;
}

/* Return: with a reference, beside that of the tables. */
static struct xha_sa *create(struct xha_net *xn, struct xfrm_state *x, struct xha_group *g)
{
	struct xha_sample s = {};
	struct xha_sa *sa;
	int err;

	sa = kzalloc(sizeof(*sa), GFP_ATOMIC);
	if (!sa) {
		xha_stat_inc(xn, XHA_STAT_SA_NOMEM);
		return NULL;
	}
	xfrm_state_hold(x);
	sa->x = x;
	sa->xn = xn;
	sa->group = g;
	sa->mirror = g ? g->mirror : NULL;
	refcount_set(&sa->ref, 2);
	xha_sa_id(&sa->id, x);
	sa->packet = x->xso.type == XFRM_DEV_OFFLOAD_PACKET;
	sa->spent = sa->packet && !xha_apply_counted(x);
	spin_lock_bh(&x->lock);
	xha_apply_sample(sa, &s);
	spin_unlock_bh(&x->lock);
	sa->out.seq = s.out;
	sa->in.seq = s.in;
	sa->bounds.lease = XHA_LEASE_BIRTH;
	sa->in_fresh = true;
	if (g)
		settings(sa);

	err = insert(sa);
	if (err) {
		if (err != -EEXIST)
			xha_stat_inc(xn, XHA_STAT_SA_NOMEM);
		xfrm_state_put(x);
		kfree(sa);
		return NULL;
	}
	return sa;
}

/**
 * xha_sa_hear() - make a shadow of an SA, if it belongs to a group
 * @x: SA, new or changed; any context, x->lock and xfrm_state_lock not held
 *
 * Failure is no error of the caller's: it is counted, and xha_sa_reconcile()
 * tries again.
 */
void xha_sa_hear(struct xfrm_state *x)
{
	struct xha_net *xn = xha_pernet(xs_net(x));
	struct xha_group *g;
	struct xha_sa *sa;

	if (x->id.proto != IPPROTO_ESP && x->id.proto != IPPROTO_AH)
		return;
	if (x->km.state != XFRM_STATE_VALID || READ_ONCE(xn->dead))
		return;

	rcu_read_lock();
	sa = xha_sa_by_x(x);
	if (sa) {
		if (sa->group)
			goto out;
		/* A bystander: has it become a member? */
	}
	g = xha_group_match_sa(xn, x);
	if (sa) {
		if (!g)
			goto out;
		xha_tap->unwatch(sa);
		xha_sa_unlink(sa);
	}
	if (!g && !xha_tap->bystanders)
		goto out;
	if (atomic_inc_return(&xn->n_sas) > READ_ONCE(xn->max_sas)) {
		xha_stat_inc(xn, XHA_STAT_SA_LIMIT);
		goto err;
	}
	sa = create(xn, x, g);
	if (!sa) {
		xha_sa_sweep(xn);
		goto err;
	}
	if (g)
		atomic_inc(&g->n_sas);
	xha_tap->watch(sa);
	if (g) {
		xha_apply_role(sa);
		if (sa->mirror)
			xha_mirror_sa_new(sa);
	}
	/* Deleted before it could be found: nobody else will unlink it. */
	if (READ_ONCE(x->km.state) == XFRM_STATE_DEAD)
		xha_sa_unlink(sa);
	xha_sa_put(sa);
	goto out;

err:
	atomic_dec(&xn->n_sas);
	if (g)
		xha_group_put(g);
out:
	rcu_read_unlock();
}

/* The first movement after a sample, or a record is due. x->lock. */
static void moved(struct xha_sa *sa, struct xha_half *h, u32 interval, u32 urge, int due)
{
	h->quiet = U64_MAX;
	if (!sa->mirror)
		return;
	if (!sa->moved) {
		sa->moved = true;
		WRITE_ONCE(sa->moved_at, ktime_get_ns());
	}
	if (xha_due(h->seq, h->due)) {
		h->due = h->seq + interval;
		set_bit(due, &sa->flags);
		xha_mirror_due(sa);
		if (h->seq - min(h->sampled, h->seq) >= urge)
			xha_link_urge(sa->group->link);
	} else {
		xha_mirror_moved(sa);
	}
	h->quiet = h->due;
}

/* Ask for a lease at once; the packet is lost. */
static void refuse(struct xha_sa *sa)
{
	xha_stat_inc(sa->xn, XHA_STAT_LEASE_REFUSED);
	if (sa->hold & XHA_HOLD_LEASE)
		return;
	sa->hold |= XHA_HOLD_LEASE;
	xha_stat_inc(sa->xn, XHA_STAT_LEASE_HELD);
	if (!sa->mirror)
		return;
	set_bit(XHA_SA_DUE_OUT, &sa->flags);
	xha_mirror_due(sa);
	xha_link_urge(sa->group->link);
}

/* Numbers up to @seq are used: what is above the acknowledged lease, and near the slice's end. */
static void used(struct xha_sa *sa, u64 seq)
{
	u64 above = max(sa->out.seq, sa->bounds.lease);

	if (unlikely(seq > above) && sa->mirror && xha_limit(&sa->bounds) == U64_MAX) {
		sa->overrun += seq - above;
		xha_stat_add(sa->xn, XHA_STAT_LEASE_OVERRUN, seq - above);
	}
	if (unlikely(seq >= sa->soft) && !test_and_set_bit(XHA_SA_SOFT, &sa->flags))
		xha_group_soft(sa->group);
	sa->out.seq = seq;
}

static u64 after(u64 seq)
{
	return seq == U64_MAX ? seq : seq + 1;
}

bool xha_sa_moved_out_slow(struct xha_sa *sa, u64 seq)
{
	struct xha_half *h = &sa->out;

	if (unlikely(seq > xha_limit(&sa->bounds))) {
		refuse(sa);
		return false;
	}
	used(sa, seq);
	moved(sa, h, sa->out_interval, sa->out_urge, XHA_SA_DUE_OUT);
	h->quiet = min3(h->quiet, after(sa->bounds.lease), after(xha_limit(&sa->bounds)));
	if (!test_bit(XHA_SA_SOFT, &sa->flags))
		h->quiet = min(h->quiet, sa->soft);
	return true;
}

void xha_sa_moved_in_slow(struct xha_sa *sa)
{
	moved(sa, &sa->in, sa->in_interval, sa->in_urge, XHA_SA_DUE_IN);
}

/*
 * The aevent tap: the kernel's one threshold is the lesser of both intervals, so
 * each half is compared once more. Out of time (@late): due in any case.
 */
void xha_sa_event(struct xha_sa *sa, u64 out, u64 in, bool late)
{
	bool sent = out != sa->out.seq;

	if (!sa->group)
		return;
	if (late) {
		sa->out.due = min(sa->out.due, out);
		sa->in.due = min(sa->in.due, in);
	}
	if (sent) {
		used(sa, out);
		moved(sa, &sa->out, sa->out_interval, sa->out_urge, XHA_SA_DUE_OUT);
	}
	/* The kernel counts to the threshold from here, also if it was the timer. */
	xha_apply_settle(sa);
	/* A packet within the window moves no edge. */
	if (!sent || in != sa->in.seq) {
		sa->in.seq = in;
		moved(sa, &sa->in, sa->in_interval, sa->in_urge, XHA_SA_DUE_IN);
	}
}

/**
 * xha_sa_distance() - how far is the mirror behind (requirement N7)
 * @sa: shadow of an SA whose group is active here
 * @d: filled
 */
void xha_sa_distance(struct xha_sa *sa, struct xha_distance *d)
{
	u64 since;

	memset(d, 0, sizeof(*d));
	if (!sa->mirror || sa->packet || READ_ONCE(sa->hold) & XHA_HOLD_STANDBY)
		return;
	d->out = READ_ONCE(sa->out.seq) - min(READ_ONCE(sa->out.acked), READ_ONCE(sa->out.seq));
	d->in = READ_ONCE(sa->in.seq) - min(READ_ONCE(sa->in.acked), READ_ONCE(sa->in.seq));
	since = READ_ONCE(sa->pending_since);
	if (!since && READ_ONCE(sa->moved))
		since = READ_ONCE(sa->moved_at);
	if (since && (d->out || d->in))
		d->ms = div_u64(ktime_get_ns() - since, NSEC_PER_MSEC);
}

struct batch {
	bool (*wanted)(const struct xfrm_state *x);
	struct xfrm_state *x[SWEEP_BATCH];
	int n;
};

/* Under xfrm_state_lock. */
static int collect(struct xfrm_state *x, int seq, void *data)
{
	struct batch *b = data;

	if (!b->wanted(x))
		return 0;
	if (b->n == SWEEP_BATCH)
		return -ENOBUFS;
	xfrm_state_hold(x);
	b->x[b->n++] = x;
	return 0;
}

/**
 * xha_sa_walk() - visit the SAs of a netns
 * @net: netns; process context
 * @wanted: is it to be visited? Under xfrm_state_lock and RCU
 * @visit: without them; with a reference on the SA
 * @data: for @visit
 */
void xha_sa_walk(struct net *net, bool (*wanted)(const struct xfrm_state *x),
		 void (*visit)(struct xfrm_state *x, void *data), void *data)
{
	struct batch b = { .wanted = wanted };
	struct xfrm_state_walk walk;
	int err, i;

	xfrm_state_walk_init(&walk, IPSEC_PROTO_ANY, NULL);
	do {
		b.n = 0;
		rcu_read_lock();
		err = xfrm_state_walk(net, &walk, collect, &b);
		rcu_read_unlock();
		for (i = 0; i < b.n; i++) {
			visit(b.x[i], data);
			xfrm_state_put(b.x[i]);
		}
		cond_resched();
	} while (err == -ENOBUFS);
	xfrm_state_walk_done(&walk, net);
}

static bool unheard(const struct xfrm_state *x)
{
	struct xha_sa *sa;

	if (x->km.state != XFRM_STATE_VALID)
		return false;
	sa = xha_sa_by_x(x);
	return !sa || !sa->group;
}

static void hear(struct xfrm_state *x, void *data)
{
	xha_sa_hear(x);
}

/**
 * xha_sa_reconcile() - find SAs that made no event, forget those that died without one
 * @xn: netns; process context
 *
 * XFRM_MSG_MIGRATE creates states without XFRM_MSG_NEWSA; a flush and the removal of an
 * offload device delete them without XFRM_MSG_DELSA.
 */
void xha_sa_reconcile(struct xha_net *xn)
{
	unsigned long index;
	struct xha_sa *sa;

	rcu_read_lock();
	xa_for_each(&xn->sas, index, sa) {
		if (READ_ONCE(sa->x->km.state) == XFRM_STATE_DEAD)
			xha_sa_unlink(sa);
	}
	rcu_read_unlock();

	xha_sa_walk(xn->net, unheard, hear, NULL);
}

static void reconcile_work(struct work_struct *work)
{
	struct xha_net *xn = container_of(to_delayed_work(work), struct xha_net, reconcile);

	mutex_lock(&xn->mutex);
	if (!xn->dead) {
		WRITE_ONCE(xn->reconciled, jiffies);
		if (xha_tap->bystanders || !list_empty(&xn->group_list))
			xha_sa_reconcile(xn);
		queue_delayed_work(system_long_wq, &xn->reconcile, SWEEP_PERIOD);
	}
	mutex_unlock(&xn->mutex);
}

/* Out of memory is tried again after a while, a flush is followed at once. */
void xha_sa_sweep(struct xha_net *xn)
{
	if (!READ_ONCE(xn->dead))
		mod_delayed_work(system_long_wq, &xn->reconcile, HZ / 50);
}

/**
 * xha_sa_migrated() - XFRM_MSG_MIGRATE has made SAs that nobody was told of
 * @xn: netns; any context
 *
 * They are looked for at once; a flood of such messages walks all SAs five times a second.
 */
void xha_sa_migrated(struct xha_net *xn)
{
	unsigned long next = READ_ONCE(xn->reconciled) + HZ / 5, now = jiffies;

	if (!READ_ONCE(xn->dead))
		mod_delayed_work(system_long_wq, &xn->reconcile,
				 time_after(next, now) ? next - now : 0);
}

int xha_sa_net_init(struct xha_net *xn)
{
	int err;

	err = rhashtable_init(&xn->by_id, &by_id_params);
	if (err)
		return err;
	xa_init_flags(&xn->sas, XA_FLAGS_ALLOC1 | XA_FLAGS_LOCK_BH);
	xn->max_sas = SAS_DEFAULT;
	xn->max_orphans = ORPHANS_DEFAULT;
	xn->orphan_age = ORPHAN_AGE_DEFAULT;
	xn->reconciled = jiffies;
	INIT_DELAYED_WORK(&xn->reconcile, reconcile_work);
	xha_packet_init(xn);
	return 0;
}

void xha_sa_net_start(struct xha_net *xn)
{
	queue_delayed_work(system_long_wq, &xn->reconcile, 0);
}

/* The groups are gone, and with them all shadows but bystanders. */
void xha_sa_net_fini(struct xha_net *xn)
{
	cancel_delayed_work_sync(&xn->reconcile);
	xha_sa_dismiss(xn, NULL);
	xha_packet_fini(xn);
	/* Each shadow holds its xfrm_state, which must not outlive the netns. */
	rcu_barrier();
	xa_destroy(&xn->sas);
	rhashtable_destroy(&xn->by_id);
}

int xha_sa_init(void)
{
	xha_sa_table = kvcalloc(1 << XHA_SA_BITS, sizeof(*xha_sa_table), GFP_KERNEL);
	return xha_sa_table ? 0 : -ENOMEM;
}

void xha_sa_exit(void)
{
	rcu_barrier();
	kvfree(xha_sa_table);
}
