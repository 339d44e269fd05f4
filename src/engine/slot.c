// SPDX-License-Identifier: GPL-2.0
/* SAs of engine devices: how they come, go, and move between software and a slot. */

#include "engine/internal.h"

static const struct rhashtable_params by_x_params = {
	.key_len = sizeof(struct xfrm_state *),
	.key_offset = offsetof(struct xha_slot_sa, x),
	.head_offset = offsetof(struct xha_slot_sa, by_x),
	.automatic_shrinking = true,
};

static struct rhashtable by_x;

/* NULL: it is another device's, which has passed it on, as bond_ipsec_add_sa() does to its NIC. */
static struct xha_engine *engine_of(const struct xfrm_state *x)
{
	const struct net_device *dev = READ_ONCE(x->xso.dev);

	return dev && xha_is_engine(dev) ? netdev_priv(dev) : NULL;
}

struct xha_slot_sa *xha_slot_sa(const struct xfrm_state *x)
{
	return rhashtable_lookup(&by_x, &x, by_x_params);
}

/* The outbound ones are asked for with each packet; @offload_handle is nobody else's. RCU. */
static struct xha_slot_sa *outbound(const struct xfrm_state *x)
{
	return (struct xha_slot_sa *)READ_ONCE(x->xso.offload_handle);
}

static struct xha_slot_sa *find(const struct xfrm_state *x)
{
	if (!engine_of(x))
		return NULL;
	/* One that is being parked has neither direction, and maybe a driver's handle still. */
	return x->xso.dir == XFRM_DEV_OFFLOAD_OUT ? outbound(x) : xha_slot_sa(x);
}

static void placed(struct xha_slot_sa *e, struct xha_nic *nic)
{
	struct xha_engine *g = e->engine;

	lockdep_assert_held(&g->mutex);

	xha_cache_count(g, e);
	e->since = ktime_get_boottime_ns();
	if (nic) {
		e->nic = nic;
		list_add_tail(&e->held, &g->held);
		e->moves++;
		e->refusals = 0;
		e->wait = 0;
		e->entered = g->tick;
		e->epoch = nic->epoch;
		e->came = READ_ONCE(e->x->lastused);
		e->strays = 0;
		e->hit = false;
		e->miss = false;
		nic->entered++;
		g->entered++;
		g->n_hard++;
	} else {
		e->nic = NULL;
		list_del(&e->held);
		g->n_hard--;
	}
	xha_engine_notify(g->dev, XFRM_HA_EVENT_SA_MOVED, nic ? nic->dev->name : NULL,
			  e->x->id.spi);
}

const struct net_device *xha_engine_nic(const struct xfrm_state *x)
{
	struct xha_slot_sa *e = find(x);
	struct xfrm_state *s;

	if (!e)
		return NULL;
	if (e->inbound)
		return READ_ONCE(e->place) == XHA_HARD ? READ_ONCE(x->xso.real_dev) : NULL;
	s = rcu_dereference(e->tx);
	return s ? s->xso.real_dev : NULL;
}

/* --- outbound --- */

static int enter_out(struct xha_slot_sa *e, struct xha_nic *nic)
{
	struct xha_clone *t = xha_clone_create(e->x, nic);
	bool dead;

	if (IS_ERR(t))
		return PTR_ERR(t);
	spin_lock_bh(&e->lock);
	dead = e->dead;
	if (!dead) {
		e->place = XHA_HARD;
		e->clone = t;
		rcu_assign_pointer(e->late, t->s);
		rcu_assign_pointer(e->tx, t->s);
	}
	spin_unlock_bh(&e->lock);
	if (dead) {
		xha_clone_leave(t);
		return -ESRCH;
	}
	return 0;
}

/* After a grace period no packet is left to the NIC any more. */
static void begin_out(struct xha_slot_sa *e)
{
	spin_lock_bh(&e->lock);
	e->place = XHA_LEAVING;
	RCU_INIT_POINTER(e->tx, NULL);
	spin_unlock_bh(&e->lock);
}

static void end_out(struct xha_slot_sa *e)
{
	struct xha_clone *t = e->clone;

	spin_lock_bh(&e->lock);
	RCU_INIT_POINTER(e->late, NULL);
	e->clone = NULL;
	e->place = XHA_SOFT;
	spin_unlock_bh(&e->lock);
	placed(e, NULL);
	xha_clone_leave(t);
}

/* --- inbound --- */

static void set_place(struct xha_slot_sa *e, enum xha_slot_place place)
{
	spin_lock_bh(&e->lock);
	e->place = place;
	spin_unlock_bh(&e->lock);
}

/*
 * Drivers ask for the type, __xfrm_policy_check() takes it for a reason to let in what no policy
 * speaks of: it is there only while a driver runs. What is checked meanwhile: policy.c.
 */
static void begin_call(struct xfrm_state *x)
{
	x->xso.type = XFRM_DEV_OFFLOAD_CRYPTO;
}

static void end_call(struct xfrm_state *x)
{
	x->xso.type = XFRM_DEV_OFFLOAD_UNSPECIFIED;
}

static int enter_in(struct xha_slot_sa *e, struct xha_nic *nic)
{
	const struct xfrmdev_ops *ops = xha_nic_ops(nic);
	struct netlink_ext_ack extack = {};
	struct xfrm_state *x = e->x;
	bool dead;
	int err;

	set_place(e, XHA_ENTERING);
	x->xso.real_dev = nic->dev;
	begin_call(x);
	err = ops->xdo_dev_state_add(nic->dev, x, &extack);

	spin_lock_bh(&x->lock);
	spin_lock(&e->lock);
	dead = e->dead;
	e->place = err || dead ? XHA_SOFT : XHA_HARD;
	spin_unlock(&e->lock);
	if (!err && dead)
		ops->xdo_dev_state_delete(nic->dev, x);
	/* It may have moved on since the driver looked. */
	if (!err && !dead && x->props.flags & XFRM_STATE_ESN && ops->xdo_dev_state_advance_esn)
		ops->xdo_dev_state_advance_esn(x);
	end_call(x);
	spin_unlock_bh(&x->lock);
	if (!err && dead && ops->xdo_dev_state_free)
		ops->xdo_dev_state_free(nic->dev, x);
	if (err || dead) {
		x->xso.real_dev = NULL;
		return err ?: -ESRCH;
	}
	atomic_inc(&nic->used[XHA_IN]);
	return 0;
}

/* The NIC decrypts no more of its packets. If the SA is dead, it has been told, and waits. */
static void begin_in(struct xha_slot_sa *e)
{
	struct xfrm_state *x = e->x;
	u64 start;
	bool ours;

	spin_lock_bh(&x->lock);
	spin_lock(&e->lock);
	ours = e->place == XHA_HARD;
	if (ours)
		e->place = XHA_LEAVING;
	spin_unlock(&e->lock);
	start = ktime_get_ns();
	if (ours)
		xha_nic_ops(e->nic)->xdo_dev_state_delete(e->nic->dev, x);
	xha_nic_left(e->nic, start);
	spin_unlock_bh(&x->lock);
}

static void end_in(struct xha_slot_sa *e)
{
	struct xha_nic *nic = e->nic;
	u64 start = ktime_get_ns();

	if (xha_nic_ops(nic)->xdo_dev_state_free)
		xha_nic_ops(nic)->xdo_dev_state_free(nic->dev, e->x);
	xha_nic_left(nic, start);
	atomic_inc(&nic->n_left);
	e->x->xso.real_dev = NULL;
	set_place(e, XHA_SOFT);
	atomic_dec(&nic->used[XHA_IN]);
	placed(e, NULL);
}

/* --- both --- */

/**
 * xha_slot_enter() - move an SA from software into a slot
 * @e: SA in software; mutex
 * @nic: takes SAs
 *
 * Return: 0, or the driver's error: the SA goes on in software.
 */
int xha_slot_enter(struct xha_slot_sa *e, struct xha_nic *nic)
{
	struct xfrm_state *x = e->x;
	int err = -ESRCH;
	bool dead;

	/* It may die now, but its keys stay. */
	spin_lock_bh(&e->lock);
	dead = e->dead;
	if (!dead)
		xfrm_state_hold(x);
	spin_unlock_bh(&e->lock);
	if (!dead) {
		/* As xfrm_dev_state_add(), which has only seen that the engine device can. */
		if (x->props.flags & XFRM_STATE_ESN && !xha_nic_ops(nic)->xdo_dev_state_advance_esn)
			err = -EOPNOTSUPP;
		else
			err = e->inbound ? enter_in(e, nic) : enter_out(e, nic);
		xfrm_state_put(x);
	}
	e->err = err;
	if (!err)
		placed(e, nic);
	return err;
}

/* Some drivers give back an inbound SA's slot then: until then their NIC decrypts for nobody. */
static bool hurries(const struct xha_slot_sa *e)
{
	return e->inbound && xha_nic_ops(e->nic)->xdo_dev_state_free;
}

/* A grace period after it has begun */
static void end(struct xha_slot_sa *e)
{
	list_del_init(&e->pick);
	if (e->inbound)
		end_in(e);
	else
		end_out(e);
}

/*
 * All of them wait for one grace period. Drivers that give back an inbound SA's slot in
 * xdo_dev_state_free() only (mlx5) decrypt meanwhile what nobody takes: that wait is as short as
 * can be. What is left for end(): the inbound ones.
 */
static void begin(struct xha_engine *g, struct list_head *picked)
{
	struct xha_slot_sa *e, *tmp;
	bool hurry = false;

	lockdep_assert_held(&g->mutex);

	if (list_empty(picked))
		return;
	list_for_each_entry(e, picked, pick) {
		hurry |= hurries(e);
		if (e->inbound)
			begin_in(e);
		else
			begin_out(e);
	}
	if (hurry)
		synchronize_rcu_expedited();
	else
		synchronize_net();
	xha_stat_inc(xha_pernet(dev_net(g->dev)), XHA_STAT_ENGINE_WAITS);
	list_for_each_entry_safe(e, tmp, picked, pick)
		if (!e->inbound)
			end(e);
}

static void end_all(struct list_head *picked)
{
	struct xha_slot_sa *e, *tmp;

	list_for_each_entry_safe(e, tmp, picked, pick)
		end(e);
}

/**
 * xha_slots_leave() - move SAs from their slots into software
 * @g: engine; mutex
 * @picked: SAs that have a NIC, linked by @pick; is empty afterwards
 *
 * An outbound SA's slot is free when its last packet has left the NIC.
 */
void xha_slots_leave(struct xha_engine *g, struct list_head *picked)
{
	begin(g, picked);
	end_all(picked);
}

/**
 * xha_slots_leave_gently() - the same, and others have the mutex meanwhile
 * @g: engine; mutex
 * @picked: as there
 * @breathe: lets others have the mutex; false: what the caller knows is void
 *
 * They find in lists by @pick SAs that have not begun to leave, and may take them, and inbound ones
 * whose grace period is over, and may end them.
 *
 * Return: what @breathe said.
 */
bool xha_slots_leave_gently(struct xha_engine *g, struct list_head *picked,
			    bool (*breathe)(struct xha_engine *g))
{
	struct xha_slot_sa *e, *tmp;
	bool same = true;
	LIST_HEAD(now);
	u32 most;

	while (!list_empty(picked)) {
		most = XHA_SLOTS_BATCH;
		list_for_each_entry_safe(e, tmp, picked, pick) {
			if (e->inbound && !most)
				continue;
			most -= e->inbound;
			list_move_tail(&e->pick, &now);
		}
		begin(g, &now);
		same &= breathe(g);
		while (!list_empty(&now)) {
			end(list_first_entry(&now, struct xha_slot_sa, pick));
			same &= breathe(g);
		}
	}
	return same;
}

/**
 * xha_slot_pick() - an SA is to leave its slot, and that counts as such
 * @e: SA that has a NIC; mutex
 * @picked: for xha_slots_leave(); it may be in such a list already, whose owner waits for the mutex
 */
void xha_slot_pick(struct xha_slot_sa *e, struct list_head *picked)
{
	e->engine->left += list_empty(&e->pick);
	list_move_tail(&e->pick, picked);
}

/**
 * xha_slots_evict() - a NIC can hold SAs no more
 * @g: engine; mutex
 * @nic: NIC
 * @most: inbound SAs that leave it now; the others do when the worker comes
 */
void xha_slots_evict(struct xha_engine *g, const struct xha_nic *nic, u32 most)
{
	struct xha_slot_sa *e;
	LIST_HEAD(picked);

	lockdep_assert_held(&g->mutex);

	list_for_each_entry(e, &g->held, held) {
		if (e->nic != nic || (e->inbound && !most))
			continue;
		most -= e->inbound;
		xha_slot_pick(e, &picked);
	}
	xha_slots_leave(g, &picked);
}

struct xha_slot_sa *xha_slot_create(struct xha_engine *g, struct xfrm_state *x, bool inbound)
{
	struct xha_slot_sa *e = kzalloc_obj(*e, GFP_KERNEL);
	int err;

	if (!e)
		return ERR_PTR(-ENOMEM);
	e->x = x;
	e->engine = g;
	e->inbound = inbound;
	spin_lock_init(&e->lock);
	INIT_LIST_HEAD(&e->pick);
	if (inbound) {
		err = rhashtable_lookup_insert_fast(&by_x, &e->by_x, by_x_params);
		if (err) {
			kfree(e);
			return ERR_PTR(err);
		}
	}
	return e;
}

/* Mutex. */
int xha_slot_insert(struct xha_engine *g, struct xha_slot_sa *e)
{
	int err = e->inbound ? xha_policy_begin(xha_pernet(dev_net(g->dev))) : 0;

	if (!err)
		err = xa_insert_bh(&g->sas, g->numbers + 1, e, GFP_KERNEL);
	if (err)
		return err;
	e->number = ++g->numbers;
	e->away = !xha_adopt_through(g, e->x, e->inbound);
	e->since = ktime_get_boottime_ns();
	e->packets = READ_ONCE(e->x->curlft.packets);
	xha_heat_init(&e->heat, &g->policy, e->packets, g->tick);
	g->n_sas++;
	return 0;
}

void xha_slot_unhash(struct xha_slot_sa *e)
{
	if (e->inbound)
		rhashtable_remove_fast(&by_x, &e->by_x, by_x_params);
}

/* Packets may still have it in their hands. */
void xha_slot_discard(struct xha_slot_sa *e)
{
	xha_slot_unhash(e);
	kfree_rcu(e, rcu);
}

/* Mutex; in software. */
void xha_slot_unlist(struct xha_slot_sa *e)
{
	e->engine->turn++;
	xa_erase_bh(&e->engine->sas, e->number);
	e->engine->n_sas--;
	e->engine->pins -= !!e->pin;
}

static int state_add(struct net_device *dev, struct xfrm_state *x, struct netlink_ext_ack *extack)
{
	struct xha_engine *g = engine_of(x);
	struct xha_slot_sa *e;
	int err;

	if (!g) {
		NL_SET_ERR_MSG_MOD(extack,
				   "SAs of a device above an engine device are in software");
		return -EOPNOTSUPP;
	}
	if (x->xso.type != XFRM_DEV_OFFLOAD_CRYPTO) {
		NL_SET_ERR_MSG(extack, "An engine device does crypto offload, not packet offload");
		return -EINVAL;
	}
	e = xha_slot_create(g, x, x->xso.dir == XFRM_DEV_OFFLOAD_IN);
	if (IS_ERR(e))
		return PTR_ERR(e);
	mutex_lock(&g->mutex);
	err = xha_slot_insert(g, e);
	if (!err) {
		x->xso.real_dev = NULL;
		x->xso.offload_handle = e->inbound ? 0 : (unsigned long)e;
		if (e->inbound)
			end_call(x);
	}
	mutex_unlock(&g->mutex);
	if (err) {
		xha_slot_discard(e);
		return err;
	}
	xha_cache_kick(g);
	return 0;
}

/* x->lock is held, unless the SA was never installed. */
static void state_delete(struct net_device *dev, struct xfrm_state *x)
{
	struct net_device *nic;
	struct xha_slot_sa *e;
	bool told = false;

	rcu_read_lock();
	e = find(x);
	if (e) {
		spin_lock_bh(&e->lock);
		e->dead = true;
		told = e->inbound && e->place == XHA_HARD;
		if (told)
			e->place = XHA_GONE;
		RCU_INIT_POINTER(e->tx, NULL);
		spin_unlock_bh(&e->lock);
		/* The NIC can't go: that takes a grace period at least. */
		if (told) {
			nic = x->xso.real_dev;
			nic->xfrmdev_ops->xdo_dev_state_delete(nic, x);
		}
		xha_cache_kick(e->engine);
	}
	rcu_read_unlock();
}

/*
 * Process context. Nobody uses the SA: a grace period has passed since it died, and its clone has
 * gone, which held a reference. Or its device has gone down, where it has left its slot before.
 */
static void state_free(struct net_device *dev, struct xfrm_state *x)
{
	struct xha_engine *g = engine_of(x);
	struct xha_slot_sa *e;
	LIST_HEAD(picked);

	if (!g)
		return;
	mutex_lock(&g->mutex);
	rcu_read_lock();
	e = find(x);
	rcu_read_unlock();
	if (e) {
		if (e->nic && e->inbound && !refcount_read(&x->refcnt)) {
			begin_in(e);
			end(e);
		} else if (e->nic) {
			list_move(&e->pick, &picked);
			xha_slots_leave(g, &picked);
		}
		WRITE_ONCE(x->xso.offload_handle, 0);
		xha_slot_unlist(e);
		xha_slot_discard(e);
	}
	mutex_unlock(&g->mutex);
}

/*
 * For an outbound packet that is to be encrypted. Yes is no promise: features_check() has the last
 * word. It only says that the packet may come down as large as it is, as that of an SA without a
 * device may. With UDP encapsulation esp_xmit() can't do it in software.
 */
static bool state_offload_ok(struct sk_buff *skb, struct xfrm_state *x)
{
	const struct xfrmdev_ops *ops;
	struct xha_slot_sa *e;
	struct xfrm_state *s;
	bool ok;

	rcu_read_lock();
	e = x->xso.dir == XFRM_DEV_OFFLOAD_OUT ? find(x) : NULL;
	s = e ? rcu_dereference(e->tx) : NULL;
	ok = e && !x->encap;
	if (s) {
		ops = s->xso.real_dev->xfrmdev_ops;
		ok = !ops->xdo_dev_offload_ok || ops->xdo_dev_offload_ok(skb, s);
	}
	rcu_read_unlock();
	return ok;
}

/* @place stays XHA_HARD, and the NIC is there, since x->lock is held. */
static void advance_in(struct xfrm_state *x)
{
	const struct xfrmdev_ops *ops = x->xso.real_dev->xfrmdev_ops;

	if (!ops->xdo_dev_state_advance_esn)
		return;
	begin_call(x);
	ops->xdo_dev_state_advance_esn(x);
	end_call(x);
}

/* The NIC keeps the clone, whose numbers are those of x, until a grace period has passed. */
static void advance_out(const struct xha_slot_sa *e)
{
	struct xfrm_state *s = rcu_dereference(e->tx);
	const struct xfrmdev_ops *ops;

	if (!s)
		return;
	ops = s->xso.real_dev->xfrmdev_ops;
	if (!ops->xdo_dev_state_advance_esn)
		return;
	/* x->lock is of the same class. */
	spin_lock_nested(&s->lock, SINGLE_DEPTH_NESTING);
	ops->xdo_dev_state_advance_esn(s);
	spin_unlock(&s->lock);
}

/* For each packet, that of an outbound SA only where the kernel tells of it; x->lock is held. */
static void state_advance_esn(struct xfrm_state *x)
{
	struct xha_slot_sa *e;

	rcu_read_lock();
	e = find(x);
	if (e && READ_ONCE(e->place) == XHA_HARD) {
		if (x->xso.dir == XFRM_DEV_OFFLOAD_IN)
			advance_in(x);
		else
			advance_out(e);
	}
	rcu_read_unlock();
}

const struct xfrmdev_ops xha_engine_xfrmdev_ops = {
	.xdo_dev_state_add = state_add,
	.xdo_dev_state_delete = state_delete,
	.xdo_dev_state_free = state_free,
	.xdo_dev_offload_ok = state_offload_ok,
	.xdo_dev_state_advance_esn = state_advance_esn,
};

/**
 * xha_slots_quit() - the device goes down: all leave their slots, for one grace period
 * @g: engine; process context, mutex
 *
 * The kernel deletes and frees its SAs next, one by one, under RTNL.
 */
void xha_slots_quit(struct xha_engine *g)
{
	struct xha_slot_sa *e;
	LIST_HEAD(picked);

	list_for_each_entry(e, &g->held, held)
		list_move_tail(&e->pick, &picked);
	xha_slots_leave(g, &picked);
}

int xha_slots_init(void)
{
	int err = xha_parking_init();

	if (err)
		return err;
	err = rhashtable_init(&by_x, &by_x_params);
	if (err)
		xha_parking_exit();
	return err;
}

void xha_slots_exit(void)
{
	xha_parking_exit();
	rcu_barrier();
	rhashtable_destroy(&by_x);
}
