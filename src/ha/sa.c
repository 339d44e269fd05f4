// SPDX-License-Identifier: GPL-2.0
/*
 * One shadow (struct xha_sa) per xfrm_state that is in a group: what the
 * packet path, the mirror and the user need to find and to know of it.
 */

#include <linux/mm.h>

#include "ha/internal.h"

/*
 * Octets of memory for each that may be there, if no limit is set: SAs take a thirteenth of it
 * at most (docs/scale.rst), the orphans of a link a sixtieth.
 */
#define MEMORY_SA	8192
#define MEMORY_ORPHAN	16384
#define LIMIT_LEAST	1024
#define ORPHAN_AGE_DEFAULT	60
#define RECONCILE_PERIOD	(5 * HZ)
#define DISMISS_FEW	64
#define DISMISS_BATCH	2048	/* SAs of which one grace period is waited for */
#define WALK_STEPS	256	/* SAs looked at before others may run */

static struct kmem_cache *cache;

/* Its identity. What the xfrm_state has of that is not stored again. */
void xha_sa_id(const struct xha_sa *sa, struct xha_id *id)
{
	xha_identity_of(id, sa->tap.x, sa->key, sa->if_id);
}

static u32 hash_of_sa(const void *data, u32 len, u32 seed)
{
	struct xha_id id;

	xha_sa_id(data, &id);
	return xha_id_hash(&id, len, seed);
}

static int compare_sa(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct xha_sa *sa = obj;
	const struct xha_id *key = arg->key;
	struct xha_id id;

	if (sa->key != key->key)
		return 1;
	xha_sa_id(sa, &id);
	return memcmp(&id, key, sizeof(id));
}

static const struct rhashtable_params by_id_params = {
	.key_len = sizeof(struct xha_id),
	.head_offset = offsetof(struct xha_sa, by_id),
	.hashfn = xha_id_hash,
	.obj_hashfn = hash_of_sa,
	.obj_cmpfn = compare_sa,
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

bool xha_sa_get(struct xha_sa *sa)
{
	return refcount_inc_not_zero(&sa->ref);
}

static void free_rcu(struct rcu_head *rcu)
{
	struct xha_sa *sa = container_of(rcu, struct xha_sa, rcu);

	xfrm_state_put(sa->tap.x);
	if (sa->group)
		xha_group_put(sa->group);
	kmem_cache_free(cache, sa);
}

void xha_sa_put(struct xha_sa *sa)
{
	if (refcount_dec_and_test(&sa->ref))
		call_rcu(&sa->rcu, free_rcu);
}

/* So many SAs are known now; @g: group of the one that has come, or NULL. Any context. */
static void look_at_limit(struct xha_net *xn, struct xha_group *g, u32 n)
{
	if (!xha_comes_near(&xn->sas_near, g, n, READ_ONCE(xn->max_sas)))
		return;
	xha_stat_inc(xn, XHA_STAT_SA_LIMIT_NEAR);
	xha_group_notify_soon(g, XFRM_HA_EVENT_SA_LIMIT_NEAR);
}

/**
 * xha_sa_unlink() - forget an SA: take it out of all tables, drop their reference
 * @sa: shadow; any context, x->lock may be held
 */
void xha_sa_unlink(struct xha_sa *sa)
{
	struct xha_net *xn = xha_sa_net(sa);

	if (test_and_set_bit(XHA_SA_DEAD, &sa->flags))
		return;
	xha_tapped_remove(&sa->tap);
	if (sa->group) {
		rhashtable_remove_fast(&xn->by_id, &sa->by_id, by_id_params);
		xa_erase_bh(&sa->group->sas, sa->member);
		atomic_dec(&sa->group->n_sas);
		if (xha_sa_mirror(sa))
			xha_mirror_sa_gone(sa);
	}
	xa_erase_bh(&xn->sas, sa->index);
	look_at_limit(xn, NULL, atomic_dec_return(&xn->n_sas));
	xha_sa_put(sa);
}

/* Up to @most SAs are taken out of the tables, with a reference each. RCU is not held */
static int unlink_some(struct xarray *sas, struct xha_sa **batch, int most)
{
	unsigned long index;
	struct xha_sa *sa;
	int n = 0;

	rcu_read_lock();
	xa_for_each(sas, index, sa) {
		if (!xha_sa_get(sa))
			continue;
		batch[n++] = sa;
		xha_sa_unlink(sa);
		if (n == most)
			break;
	}
	rcu_read_unlock();
	return n;
}

/**
 * xha_sa_dismiss() - give SAs back as they were: holds lifted, thresholds restored
 * @xn: netns; process context
 * @g: group that no look-up finds any more; NULL: all SAs
 */
void xha_sa_dismiss(struct xha_net *xn, struct xha_group *g)
{
	struct xha_sa *few[DISMISS_FEW], **batch, **many;
	int i, n, most = DISMISS_BATCH;

	many = kvmalloc_array(most, sizeof(*many), GFP_KERNEL);
	batch = many;
	if (!many) {
		batch = few;
		most = DISMISS_FEW;
	}
	while ((n = unlink_some(g ? &g->sas : &xn->sas, batch, most))) {
		/* xha_sa_shadow() may have found it before, and hold it behind us. */
		synchronize_rcu_expedited();
		for (i = 0; i < n; i++) {
			xha_place_free(batch[i]);
			xha_tap_unwatch(&batch[i]->tap);
			xha_sa_put(batch[i]);
			cond_resched();
		}
	}
	kvfree(many);
}

/* Settings of the group that count in the packet path. x->lock, or not in any table yet; RCU */
static void settings(struct xha_sa *sa)
{
	const struct xha_group_config *c = xha_group_config(sa->group);
	u32 interval = c->interval ? c->interval : 1, width = xha_width(sa->tap.x);

	sa->out_interval = interval;
	sa->in_interval = xha_in_interval(interval, width);
	sa->out_urge = xha_urge_out(c->interval, xha_quantity(c->quantity, c->interval));
	sa->in_urge = xha_urge_in(c->interval, width, c->lenient);
	sa->out.due = 0;
	sa->in.due = 0;
	sa->tap.in.quiet = 0;
}

/* New, or its settings have changed */
static void watch(struct xha_sa *sa)
{
	if (sa->group)
		xha_tap_watch(&sa->tap, min(sa->out_interval, sa->in_interval),
			      xha_group_config(sa->group)->max_age);
	else
		xha_tap_watch(&sa->tap, 0, 0);
}

/* Group's settings have changed; process context. */
void xha_sa_configure(struct xha_sa *sa)
{
	watch(sa);
	if (!sa->group)
		return;
	spin_lock_bh(&sa->tap.x->lock);
	settings(sa);
	/* After the tap: of its thresholds the one that a limit asks for stands. */
	xha_place_bound(sa);
	spin_unlock_bh(&sa->tap.x->lock);
}

/*
 * The kernel's view comes last: what is found by that is in all tables. If it can't be found so,
 * who has found it by its identity meanwhile sees that it is dead.
 */
static int insert_found(struct xha_sa *sa)
{
	struct xha_net *xn = xha_sa_net(sa);
	struct xha_id id;
	int err;

	if (xha_sa_by_x(sa->tap.x))
		return -EEXIST;
	if (sa->group) {
		xha_sa_id(sa, &id);
		err = rhashtable_lookup_insert_key(&xn->by_id, &id, &sa->by_id, by_id_params);
		if (err)
			return err;
	}
	err = xha_tapped_insert(&sa->tap);
	if (!err || !sa->group)
		return err;
	set_bit(XHA_SA_DEAD, &sa->flags);
	rhashtable_remove_fast(&xn->by_id, &sa->by_id, by_id_params);
	if (xha_sa_mirror(sa))
		xha_mirror_sa_gone(sa);
	return err;
}

static int insert(struct xha_sa *sa)
{
	struct xha_net *xn = xha_sa_net(sa);
	int err;

	/* xn->sas_next is protected by the lock of the array. */
	err = xa_alloc_cyclic_bh(&xn->sas, &sa->index, NULL, XA_LIMIT(1, XHA_INDEX_MAX),
				 &xn->sas_next, GFP_ATOMIC);
	/* 1 is none: the index is not above the last one. */
	if (err < 0)
		return err;
	if (sa->group) {
		err = xa_alloc_bh(&sa->group->sas, &sa->member, NULL, xa_limit_32b, GFP_ATOMIC);
		if (err)
			goto err_index;
	}
	err = insert_found(sa);
	if (err)
		goto err_member;
	xa_store_bh(&xn->sas, sa->index, sa, GFP_ATOMIC);
	if (sa->group)
		xa_store_bh(&sa->group->sas, sa->member, sa, GFP_ATOMIC);
	/* xha_sa_unlink() may have come since insert_found(), and has found neither to erase. */
	if (test_bit(XHA_SA_DEAD, &sa->flags)) {
		xa_cmpxchg_bh(&xn->sas, sa->index, sa, NULL, GFP_ATOMIC);
		if (sa->group)
			xa_cmpxchg_bh(&sa->group->sas, sa->member, sa, NULL, GFP_ATOMIC);
	}
	if (sa->packet && sa->group) {
		xa_lock_bh(&xn->sas);
		__xa_set_mark(&xn->sas, sa->index, XHA_MARK_PACKET);
		xa_unlock_bh(&xn->sas);
		xha_packet_start(xn);
	}
	return 0;

err_member:
	if (sa->group)
		xa_erase_bh(&sa->group->sas, sa->member);
err_index:
	xa_erase_bh(&xn->sas, sa->index);
	return err;
}

/* Return: with a reference, beside that of the tables. RCU */
static struct xha_sa *create(struct xha_net *xn, struct xfrm_state *x, struct xha_group *g)
{
	struct xha_sample s = {};
	struct xha_sa *sa;
	struct xha_id id;
	int err;

	sa = kmem_cache_zalloc(cache, GFP_ATOMIC);
	if (!sa) {
		xha_stat_inc(xn, XHA_STAT_SA_NOMEM);
		return NULL;
	}
	xfrm_state_hold(x);
	sa->tap.x = x;
	sa->group = g;
	refcount_set(&sa->ref, 2);
	xha_identity(&id, x);
	sa->key = id.key;
	sa->if_id = id.if_id;
	sa->packet = xha_is_packet(x);
	sa->spent = sa->packet && !xha_counted(x);
	if (g) {
		xha_place_init(sa);
		settings(sa);
	}
	spin_lock_bh(&x->lock);
	xha_place_sample(sa, &s);
	spin_unlock_bh(&x->lock);
	WRITE_ONCE(sa->tap.out.seq, s.out);
	WRITE_ONCE(sa->tap.in.seq, s.in);

	err = xha_sa_mirror(sa) ? xha_replica_expect(sa) : 0;
	if (!err)
		err = insert(sa);
	if (err) {
		if (err != -EEXIST)
			xha_stat_inc(xn, XHA_STAT_SA_NOMEM);
		/* Who has found it by its identity may hold it; the caller's reference stays. */
		if (g)
			refcount_inc(&g->ref);
		xha_sa_put(sa);
		xha_sa_put(sa);
		return NULL;
	}
	return sa;
}

/**
 * xha_sa_expect() - an SA is about to be inserted
 * @x: SA, in no table yet; process context
 *
 * Where its group is not active it is held from its first moment. One that has numbers already may
 * have been made by a migration, of which nobody is told before it is in use: until it is found
 * it is a stray.
 */
void xha_sa_expect(struct xfrm_state *x)
{
	struct xha_net *xn = xha_pernet(xs_net(x));
	const struct xha_group *g;

	/* What a NIC does is not stopped by that: see packet.c. */
	if ((x->id.proto != IPPROTO_ESP && x->id.proto != IPPROTO_AH) || xha_is_packet(x))
		return;
	rcu_read_lock();
	g = xha_group_member(xn, x);
	if (!g)
		goto out;
	spin_lock_bh(&x->lock);
	if (READ_ONCE(g->role) != XHA_ROLE_ACTIVE) {
		xha_apply_hold(x);
		xha_apply_keepalive(x, false);
	}
	/* A walk that does not see it yet may end what xha_tap_ask() begins. */
	if (xha_oseq(x)) {
		xha_apply_ask(x);
		xha_tap_ask(xn->net);
	}
	spin_unlock_bh(&x->lock);
out:
	rcu_read_unlock();
}

/*
 * An SA of a group that can't be looked after. xha_sa_reconcile() comes back to it, and while there
 * may be one the tap looks at each packet of an SA that it does not know.
 */
static void unattended(struct xha_net *xn, struct xfrm_state *x, struct xha_group *g)
{
	xha_tap_ask(xn->net);
	/*
	 * xha_tap_net.ask is set before x may be in use: tap_out(), which finds no shadow of it,
	 * reads that under x->lock, and asks xha_sa_stray().
	 */
	smp_mb();
	xha_place_stray(x, g);
	xha_group_notify_soon(g, XFRM_HA_EVENT_SA_UNATTENDED);
}

/**
 * xha_sa_stray() - a packet of an SA without a shadow takes a number
 * @x: SA; x->lock held
 * @seq: number
 *
 * Return: whether it may. Those that need no lease it may have where a peer in sync begins above
 * them.
 */
bool xha_sa_stray(struct xfrm_state *x, u64 seq)
{
	struct xha_net *xn = xha_pernet(xs_net(x));
	const struct xha_group *g;
	bool may = true;

	rcu_read_lock();
	g = xha_group_member(xn, x);
	if (g)
		may = READ_ONCE(g->role) == XHA_ROLE_ACTIVE && !READ_ONCE(g->alone) &&
		      seq <= XHA_LEASE_BIRTH;
	rcu_read_unlock();
	if (!may)
		xha_stat_inc(xn, XHA_STAT_STRAY_REFUSED);
	return may;
}

/**
 * xha_sa_stranger() - an SA without a shadow has made the kernel's own event
 * @x: SA; x->lock held
 *
 * One that a migration has made keeps the threshold of the old one, which is its limit. Beyond
 * that it has no number before it is found.
 */
void xha_sa_stranger(struct xfrm_state *x)
{
	if ((x->id.proto != IPPROTO_ESP && x->id.proto != IPPROTO_AH) || xha_is_packet(x) ||
	    xha_sa_stray(x, xha_oseq(x) + 1))
		return;
	xha_apply_hold(x);
	xha_sa_reconcile_soon(xha_pernet(xs_net(x)));
}

/* Is it one that was held because it could not have a shadow? Nobody else holds an SA so. */
static bool is_held_stray(const struct xfrm_state *x)
{
	return xha_is_held(x) && x->id.spi && !xha_is_packet(x);
}

/* No group has it any more. */
static void let_go(struct xfrm_state *x)
{
	spin_lock_bh(&x->lock);
	if (is_held_stray(x) && !xha_sa_by_x(x))
		xha_apply_let_go(x);
	spin_unlock_bh(&x->lock);
}

/**
 * xha_sa_shadow() - make a shadow of an SA, if it belongs to a group
 * @x: SA, new or changed; any context, x->lock and xfrm_state_lock not held
 *
 * If it can't have one it is held, and xha_sa_reconcile() tries again.
 */
void xha_sa_shadow(struct xfrm_state *x)
{
	struct xha_net *xn = xha_pernet(xs_net(x));
	struct xha_group *g;
	struct xha_sa *sa;
	u32 n;

	if (x->id.proto != IPPROTO_ESP && x->id.proto != IPPROTO_AH)
		return;
	if ((READ_ONCE(x->km.state) != XFRM_STATE_VALID && !is_held_stray(x)) ||
	    READ_ONCE(xn->dead))
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
		xha_tap_unwatch(&sa->tap);
		xha_sa_unlink(sa);
	}
	if (!g)
		let_go(x);
	if (!g && !xha_tap_hears_all())
		goto out;
	n = atomic_inc_return(&xn->n_sas);
	look_at_limit(xn, g, n);
	if (n > READ_ONCE(xn->max_sas)) {
		xha_stat_inc(xn, XHA_STAT_SA_LIMIT);
		goto err;
	}
	sa = create(xn, x, g);
	if (!sa) {
		if (!xha_sa_by_x(x))
			xha_sa_reconcile_soon(xn);
		goto err;
	}
	if (g)
		atomic_inc(&g->n_sas);
	watch(sa);
	if (g) {
		if (xha_sa_mirror(sa))
			xha_replica_recall(sa);
		xha_place_role(sa);
		if (xha_sa_mirror(sa))
			xha_mirror_sa_new(sa);
	}
	/* Deleted before it could be found: nobody else will unlink it. */
	if (READ_ONCE(x->km.state) == XFRM_STATE_DEAD)
		xha_sa_unlink(sa);
	xha_sa_put(sa);
	goto out;

err:
	atomic_dec(&xn->n_sas);
	/* Who was quicker has made one. */
	if (g && !xha_sa_by_x(x))
		unattended(xn, x, g);
	if (g)
		xha_group_put(g);
out:
	rcu_read_unlock();
}

/* It has advanced for the first time after a sample, or a record is due. x->lock. */
static void advanced(struct xha_sa *sa, struct xha_heard *heard, struct xha_half *h, u32 interval,
		     u32 urge, int due)
{
	heard->quiet = U64_MAX;
	if (!sa->group->mirror)
		return;
	if (!sa->advanced) {
		WRITE_ONCE(sa->advanced, true);
		WRITE_ONCE(sa->advanced_at, ktime_get_ns());
	}
	if (xha_due(heard->seq, h->due)) {
		h->due = heard->seq + interval;
		set_bit(due, &sa->flags);
		xha_mirror_due(sa);
		if (heard->seq - min(h->sampled, heard->seq) >= urge)
			xha_link_urge(sa->group->link);
	} else {
		xha_mirror_advanced(sa);
	}
	heard->quiet = h->due;
}

static void advanced_out(struct xha_sa *sa)
{
	advanced(sa, &sa->tap.out, &sa->out, sa->out_interval, sa->out_urge, XHA_SA_DUE_OUT);
}

/* Numbers up to @seq are used: is the end near? */
static void used(struct xha_sa *sa, u64 seq)
{
	if (unlikely(seq >= sa->soft) && !test_and_set_bit(XHA_SA_SOFT, &sa->flags))
		xha_group_soft(sa->group);
	WRITE_ONCE(sa->tap.out.seq, seq);
}

static u64 after(u64 seq)
{
	return seq == U64_MAX ? seq : seq + 1;
}

/* Is there a number for each of @n packets in one piece, here or in the next own stripe? */
static u64 numbers_for(struct xha_sa *sa, u32 n)
{
	u64 oseq = xha_oseq(sa->tap.x), to;

	if (likely(oseq + n <= xha_limit(&sa->bounds, oseq)))
		return oseq + n;
	to = xha_jump(&sa->bounds, oseq);
	if (to <= oseq || to + n > xha_limit(&sa->bounds, to))
		return 0;
	xha_place_jump(sa, to);
	return to + n;
}

/**
 * xha_sa_advance_out() - packets take numbers of which there is something to do
 * @sa: shadow; x->lock held
 * @n: so many in one piece
 *
 * Return: whether they may.
 */
bool xha_sa_advance_out(struct xha_sa *sa, u32 n)
{
	struct xha_heard *h = &sa->tap.out;
	u64 seq = numbers_for(sa, n);

	if (unlikely(!seq)) {
		xha_place_refused(sa);
		return false;
	}
	used(sa, seq);
	advanced_out(sa);
	h->quiet = min(h->quiet, after(xha_limit(&sa->bounds, seq)));
	if (!test_bit(XHA_SA_SOFT, &sa->flags))
		h->quiet = min(h->quiet, sa->soft);
	return true;
}

void xha_sa_advance_in(struct xha_sa *sa)
{
	advanced(sa, &sa->tap.in, &sa->in, sa->in_interval, sa->in_urge, XHA_SA_DUE_IN);
}

/*
 * The aevent tap: the kernel's one threshold is the lesser of both intervals, so
 * each half is compared once more. Out of time (@late): due in any case.
 */
void xha_sa_event(struct xha_sa *sa, u64 out, u64 in, bool late)
{
	bool sent = out != sa->tap.out.seq;

	if (!sa->group)
		return;
	if (late) {
		sa->out.due = min(sa->out.due, out);
		sa->in.due = min(sa->in.due, in);
	}
	if (sent) {
		used(sa, out);
		advanced_out(sa);
	}
	/* The kernel counts to the threshold from here, also if it was the timer. */
	xha_place_rearm(sa);
	/* A packet within the window advances no edge. */
	if (!sent || in != sa->tap.in.seq) {
		WRITE_ONCE(sa->tap.in.seq, in);
		xha_sa_advance_in(sa);
	}
}

/*
 * How far is the mirror behind (requirement N7)? Nothing where its group is not active here. @s is
 * what the kernel counts: the aevent tap learns of it late, and of a spent SA it tells the end.
 */
static void distance(struct xha_sa *sa, const struct xha_sample *s, struct xha_distance *d)
{
	u64 out = sa->spent ? READ_ONCE(sa->tap.out.seq) : s->out, since;
	u64 in = sa->spent ? READ_ONCE(sa->tap.in.seq) : s->in;

	memset(d, 0, sizeof(*d));
	if (!xha_sa_mirror(sa) || sa->packet || xha_place_is_held(READ_ONCE(sa->place)))
		return;
	d->out = out - min(READ_ONCE(sa->out.acked), out);
	d->in = in - min(READ_ONCE(sa->in.acked), in);
	since = READ_ONCE(sa->pending_since);
	if (!since && READ_ONCE(sa->advanced))
		since = READ_ONCE(sa->advanced_at);
	if (since && (d->out || d->in))
		d->ms = div_u64(ktime_get_ns() - since, NSEC_PER_MSEC);
}

struct xha_sa *xha_sa_next(struct xha_net *xn, struct xha_group *g, unsigned long *index)
{
	struct xarray *sas = g ? &g->sas : &xn->sas;
	struct xha_sa *sa = xa_find(sas, index, ULONG_MAX, XA_PRESENT);

	/* A bystander of the tap is in no group. */
	while (sa && !sa->group)
		sa = xa_find_after(sas, index, ULONG_MAX, XA_PRESENT);
	return sa;
}

void xha_sa_info(struct xha_sa *sa, struct xha_sa_info *i)
{
	const struct xha_group_config *c = xha_group_config(sa->group);
	u32 width = xha_width(sa->tap.x);
	struct xha_sample s = {};

	*i = (struct xha_sa_info){
		.group = sa->group->name,
		.x = sa->tap.x,
		.index = sa->index,
		.role = READ_ONCE(sa->group->role),
		.twin = xha_sa_mirror(sa) && xha_mirror_twin(sa),
	};
	xha_sa_id(sa, &i->id);
	spin_lock_bh(&sa->tap.x->lock);
	xha_place_sample(sa, &s);
	i->place = sa->place;
	i->interval = sa->out_interval;
	i->lease = sa->bounds.lease;
	i->share = sa->own;
	i->striped = sa->striped;
	if (width)
		xha_exposure(&i->exposure, c->interval, width, sa->in_peak, c->lenient);
	spin_unlock_bh(&sa->tap.x->lock);
	i->numbers = (struct xha_numbers){
		.out = s.out,
		.in = s.in,
		.bytes = s.bytes,
		.packets = s.packets,
	};
	distance(sa, &s, &i->distance);
}

/* @m: of those that it matches; NULL: of all */
static bool lacks_shadow(const struct xfrm_state *x, const void *m)
{
	struct xha_sa *sa;

	if (m && !xha_match(m, x))
		return false;
	if (x->km.state != XFRM_STATE_VALID && !is_held_stray(x))
		return false;
	sa = xha_sa_by_x(x);
	return !sa || !sa->group;
}

static void shadow(struct xfrm_state *x, void *data)
{
	xha_sa_shadow(x);
}

/**
 * xha_sa_find() - find SAs that a new group may take, or that one has left
 * @xn: netns; process context, mutex
 * @m: what belongs to that group
 *
 * As many groups may be made one after the other as there are: no other SA is looked at closer.
 */
void xha_sa_find(struct xha_net *xn, const struct xha_group_match *m)
{
	xha_walk(xn->net, lacks_shadow, shadow, (void *)m);
}

/**
 * xha_sa_reconcile() - find SAs that made no event, forget those that died without one
 * @xn: netns; process context, mutex
 *
 * XFRM_MSG_MIGRATE creates states without XFRM_MSG_NEWSA; a flush and the removal of an
 * offload device delete them without XFRM_MSG_DELSA.
 */
void xha_sa_reconcile(struct xha_net *xn)
{
	unsigned long index;
	struct xha_sa *sa;
	int n = 0;

	rcu_read_lock();
	xa_for_each(&xn->sas, index, sa) {
		if (READ_ONCE(sa->tap.x->km.state) == XFRM_STATE_DEAD)
			xha_sa_unlink(sa);
		else if (xha_place_is_held(READ_ONCE(sa->place)) && xha_ended(sa->tap.x))
			xha_place_end(sa);
		else
			xha_hearing_check(sa);
		if (!(++n % WALK_STEPS)) {
			rcu_read_unlock();
			cond_resched();
			rcu_read_lock();
		}
	}
	rcu_read_unlock();
	xha_hearing_follow(xn);

	/*
	 * Whoever finds one that can't be looked after from here on sets xha_tap_net.ask again, as
	 * unattended() does in the walk. Until that has ended it stays as it was for others.
	 */
	xha_tap_ask_still(xn->net);
	smp_mb(); /* xha_tap_net.ask, before the walk: what unattended() sets by it stays set */
	xha_walk(xn->net, lacks_shadow, shadow, NULL);
	xha_tap_ask_found(xn->net);
}

/* No module of ours looks after them any more. */
static bool is_left(const struct xfrm_state *x, const void *data)
{
	return is_held_stray(x);
}

static void let_go_of(struct xfrm_state *x, void *data)
{
	let_go(x);
}

static void reconcile_work(struct work_struct *work)
{
	struct xha_net *xn = container_of(to_delayed_work(work), struct xha_net, reconcile);

	mutex_lock(&xn->mutex);
	if (!xn->dead) {
		WRITE_ONCE(xn->reconciled, jiffies);
		if (xha_tap_hears_all() || !list_empty(&xn->group_list))
			xha_sa_reconcile(xn);
		queue_delayed_work(system_long_wq, &xn->reconcile, RECONCILE_PERIOD);
	}
	mutex_unlock(&xn->mutex);
}

/* Not later than in @delay jiffies: who asks again and again does not put it off. */
static void reconcile_in(struct xha_net *xn, unsigned long delay)
{
	unsigned long at = jiffies + delay;

	if (READ_ONCE(xn->dead))
		return;
	if (delayed_work_pending(&xn->reconcile) && time_before_eq(xn->reconcile.timer.expires, at))
		return;
	mod_delayed_work(system_long_wq, &xn->reconcile, delay);
}

/* Out of memory is tried again after a while, a flush is followed at once. */
void xha_sa_reconcile_soon(struct xha_net *xn)
{
	reconcile_in(xn, HZ / 50);
}

/**
 * xha_sa_successor() - XFRM_MSG_MIGRATE_STATE has made an SA
 * @x: SA; RCU, x->lock and xfrm_state_lock not held
 *
 * If it is known as the old one is it could not have a shadow beside that one's.
 */
void xha_sa_successor(struct xfrm_state *x)
{
	struct xha_sa *sa;
	struct xha_id id;

	xha_identity(&id, x);
	sa = xha_sa_by_id(xha_pernet(xs_net(x)), &id);
	if (sa && READ_ONCE(sa->tap.x->km.state) == XFRM_STATE_DEAD)
		xha_sa_unlink(sa);
	xha_sa_shadow(x);
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

	xha_tap_ask(xn->net);
	reconcile_in(xn, time_after(next, now) ? next - now : 0);
}

static u32 of_memory(u32 octets, u32 most)
{
	u64 memory = (u64)totalram_pages() << PAGE_SHIFT;

	return clamp_t(u64, div_u64(memory, octets), LIMIT_LEAST, most);
}

int xha_sa_net_init(struct xha_net *xn)
{
	int err;

	err = rhashtable_init(&xn->by_id, &by_id_params);
	if (err)
		return err;
	xa_init_flags(&xn->sas, XA_FLAGS_ALLOC1 | XA_FLAGS_LOCK_BH);
	xn->max_sas = of_memory(MEMORY_SA, XHA_INDEX_MAX);
	xn->max_orphans = of_memory(MEMORY_ORPHAN, XHA_ORPHANS_MAX);
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
	xha_walk(xn->net, is_left, let_go_of, NULL);
	xha_packet_fini(xn);
	/* Each shadow holds its xfrm_state, which must not outlive the netns. */
	rcu_barrier();
	xa_destroy(&xn->sas);
	rhashtable_destroy(&xn->by_id);
}

int xha_sa_start(void)
{
	cache = KMEM_CACHE(xha_sa, 0);
	return cache ? 0 : -ENOMEM;
}

void xha_sa_stop(void)
{
	/* The last ones may be waiting for a grace period. */
	rcu_barrier();
	kmem_cache_destroy(cache);
}
