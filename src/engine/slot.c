// SPDX-License-Identifier: GPL-2.0
/* SAs of engine devices: how they come, go, and move between software and a slot. */

#include <net/addrconf.h>
#include <net/ipv6_stubs.h>
#include <net/route.h>

#include "engine.h"

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
	xha_event_engine(g->dev, XFRM_HA_EVENT_SA_MOVED, nic ? nic->dev->name : NULL,
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
	struct xha_twin *t = xha_twin_create(e->x, nic);
	bool dead;

	if (IS_ERR(t))
		return PTR_ERR(t);
	spin_lock_bh(&e->lock);
	dead = e->dead;
	if (!dead) {
		e->place = XHA_HARD;
		e->twin = t;
		rcu_assign_pointer(e->late, t->s);
		rcu_assign_pointer(e->tx, t->s);
	}
	spin_unlock_bh(&e->lock);
	if (dead) {
		xha_twin_leave(t);
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

static void finish_out(struct xha_slot_sa *e)
{
	struct xha_twin *t = e->twin;

	spin_lock_bh(&e->lock);
	RCU_INIT_POINTER(e->late, NULL);
	e->twin = NULL;
	e->place = XHA_SOFT;
	spin_unlock_bh(&e->lock);
	placed(e, NULL);
	xha_twin_leave(t);
}

/* --- inbound --- */

static void set_place(struct xha_slot_sa *e, enum xha_place place)
{
	spin_lock_bh(&e->lock);
	e->place = place;
	spin_unlock_bh(&e->lock);
}

/*
 * No NIC has it. One that was adopted is then of no offload's type, which __xfrm_policy_check()
 * takes for a reason to let in what no policy speaks of.
 */
static void soft_in(struct xha_slot_sa *e)
{
	e->x->xso.real_dev = NULL;
	if (e->adopted)
		e->x->xso.type = XFRM_DEV_OFFLOAD_UNSPECIFIED;
}

static int enter_in(struct xha_slot_sa *e, struct xha_nic *nic)
{
	const struct xfrmdev_ops *ops = xha_nic_ops(nic);
	struct netlink_ext_ack extack = {};
	struct xfrm_state *x = e->x;
	bool dead;
	int err;

	set_place(e, XHA_ENTERING);
	x->xso.type = XFRM_DEV_OFFLOAD_CRYPTO;
	x->xso.real_dev = nic->dev;
	err = ops->xdo_dev_state_add(x, &extack);

	spin_lock_bh(&x->lock);
	spin_lock(&e->lock);
	dead = e->dead;
	e->place = err || dead ? XHA_SOFT : XHA_HARD;
	spin_unlock(&e->lock);
	if (!err && dead)
		ops->xdo_dev_state_delete(x);
	/* It may have moved on since the driver looked. */
	if (!err && !dead && x->props.flags & XFRM_STATE_ESN && ops->xdo_dev_state_advance_esn)
		ops->xdo_dev_state_advance_esn(x);
	spin_unlock_bh(&x->lock);
	if (!err && dead && ops->xdo_dev_state_free)
		ops->xdo_dev_state_free(x);
	if (err || dead) {
		soft_in(e);
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
		xha_nic_ops(e->nic)->xdo_dev_state_delete(x);
	xha_nic_took(e->nic, start);
	spin_unlock_bh(&x->lock);
}

static void finish_in(struct xha_slot_sa *e)
{
	struct xha_nic *nic = e->nic;
	u64 start = ktime_get_ns();

	if (xha_nic_ops(nic)->xdo_dev_state_free)
		xha_nic_ops(nic)->xdo_dev_state_free(e->x);
	xha_nic_took(nic, start);
	atomic_inc(&nic->gone);
	soft_in(e);
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

/**
 * xha_slots_leave() - move SAs from their slots into software
 * @g: engine; mutex
 * @picked: SAs that have a NIC, linked by @pick; is empty afterwards
 *
 * All of them wait for one grace period. An outbound SA's slot is free when its last packet has
 * left the NIC. Some drivers give back an inbound SA's in xdo_dev_state_free() only: until then
 * their NIC decrypts what nobody takes (mlx5). That wait is as short as can be, and its own.
 */
void xha_slots_leave(struct xha_engine *g, struct list_head *picked)
{
	struct xha_slot_sa *e, *tmp;

	lockdep_assert_held(&g->mutex);

	list_for_each_entry_safe(e, tmp, picked, pick) {
		if (!e->inbound || !xha_nic_ops(e->nic)->xdo_dev_state_free)
			continue;
		list_del_init(&e->pick);
		begin_in(e);
		synchronize_rcu_expedited();
		finish_in(e);
	}
	if (list_empty(picked))
		return;
	list_for_each_entry(e, picked, pick) {
		if (e->inbound)
			begin_in(e);
		else
			begin_out(e);
	}
	synchronize_net();
	list_for_each_entry_safe(e, tmp, picked, pick) {
		list_del_init(&e->pick);
		if (e->inbound)
			finish_in(e);
		else
			finish_out(e);
	}
}

/**
 * xha_slot_pick() - an SA is to leave its slot, and that counts as such
 * @e: SA that has a NIC; mutex
 * @picked: for xha_slots_leave()
 */
void xha_slot_pick(struct xha_slot_sa *e, struct list_head *picked)
{
	list_add_tail(&e->pick, picked);
	e->engine->left++;
}

/**
 * xha_slots_evict() - a NIC can hold SAs no more
 * @g: engine; mutex
 * @nic: NIC
 */
void xha_slots_evict(struct xha_engine *g, const struct xha_nic *nic)
{
	struct xha_slot_sa *e;
	LIST_HEAD(picked);

	lockdep_assert_held(&g->mutex);

	list_for_each_entry(e, &g->held, held)
		if (e->nic == nic)
			xha_slot_pick(e, &picked);
	xha_slots_leave(g, &picked);
}

static struct xha_slot_sa *create(struct xha_engine *g, struct xfrm_state *x, bool inbound)
{
	struct xha_slot_sa *e = kzalloc(sizeof(*e), GFP_KERNEL);
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
static int insert(struct xha_engine *g, struct xha_slot_sa *e)
{
	int err = xa_insert_bh(&g->sas, g->numbers + 1, e, GFP_KERNEL);

	if (err)
		return err;
	e->number = ++g->numbers;
	e->since = ktime_get_boottime_ns();
	e->packets = READ_ONCE(e->x->curlft.packets);
	xha_heat_init(&e->heat, &g->policy, e->packets, g->tick);
	g->n_sas++;
	return 0;
}

static void unhash(struct xha_slot_sa *e)
{
	if (e->inbound)
		rhashtable_remove_fast(&by_x, &e->by_x, by_x_params);
}

/* Packets may still have it in their hands. */
static void discard(struct xha_slot_sa *e)
{
	unhash(e);
	kfree_rcu(e, rcu);
}

/* Mutex; in software. */
static void unlist(struct xha_slot_sa *e)
{
	xa_erase_bh(&e->engine->sas, e->number);
	e->engine->n_sas--;
	e->engine->pins -= !!e->pin;
}

static int state_add(struct xfrm_state *x, struct netlink_ext_ack *extack)
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
	e = create(g, x, x->xso.dir == XFRM_DEV_OFFLOAD_IN);
	if (IS_ERR(e))
		return PTR_ERR(e);
	mutex_lock(&g->mutex);
	err = insert(g, e);
	if (!err) {
		x->xso.real_dev = NULL;
		x->xso.offload_handle = e->inbound ? 0 : (unsigned long)e;
	}
	mutex_unlock(&g->mutex);
	if (err) {
		discard(e);
		return err;
	}
	xha_cache_kick(g);
	return 0;
}

/* x->lock is held, unless the SA was never installed. */
static void state_delete(struct xfrm_state *x)
{
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
		if (told)
			x->xso.real_dev->xfrmdev_ops->xdo_dev_state_delete(x);
		xha_cache_kick(e->engine);
	}
	rcu_read_unlock();
}

/* Process context. Nobody uses the SA, or its device has gone down. */
static void state_free(struct xfrm_state *x)
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
		if (e->nic) {
			list_add(&e->pick, &picked);
			xha_slots_leave(g, &picked);
		}
		WRITE_ONCE(x->xso.offload_handle, 0);
		unlist(e);
		discard(e);
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

/* For each packet; x->lock is held, so that @place stays XHA_HARD, and the NIC is there. */
static void state_advance_esn(struct xfrm_state *x)
{
	const struct xfrmdev_ops *ops;
	struct xha_slot_sa *e;

	if (x->xso.dir != XFRM_DEV_OFFLOAD_IN)
		return;
	rcu_read_lock();
	e = xha_slot_sa(x);
	if (e && READ_ONCE(e->place) == XHA_HARD) {
		ops = x->xso.real_dev->xfrmdev_ops;
		if (ops->xdo_dev_state_advance_esn)
			ops->xdo_dev_state_advance_esn(x);
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

/* --- SAs that nobody has given to the device --- */

static bool local6(struct net *net, const struct in6_addr *addr)
{
	bool local;

	if (!IS_ENABLED(CONFIG_IPV6))
		return false;
	rcu_read_lock();
	local = !IS_ERR_OR_NULL(ipv6_stub->ipv6_dev_find(net, addr, NULL));
	rcu_read_unlock();
	return local;
}

/* Which direction is it for? One without XFRMA_SA_DIR is for that of its local address. */
static int direction(const struct xfrm_state *x)
{
	struct net *net = read_pnet(&x->xs_net);
	bool to, from;

	if (x->dir == XFRM_SA_DIR_IN)
		return XFRM_DEV_OFFLOAD_IN;
	if (x->dir == XFRM_SA_DIR_OUT)
		return XFRM_DEV_OFFLOAD_OUT;
	if (x->props.family == AF_INET) {
		to = inet_addr_type(net, x->id.daddr.a4) == RTN_LOCAL;
		from = inet_addr_type(net, x->props.saddr.a4) == RTN_LOCAL;
	} else {
		to = local6(net, &x->id.daddr.in6);
		from = local6(net, &x->props.saddr.in6);
	}
	if (to == from)
		return 0;
	return to ? XFRM_DEV_OFFLOAD_IN : XFRM_DEV_OFFLOAD_OUT;
}

static bool wanted(const struct xha_engine *g, const struct xfrm_state *x)
{
	struct xha_group *group;
	bool found;

	if (!g->adopt_group[0])
		return true;
	rcu_read_lock();
	group = xha_group_match_sa(xha_pernet(dev_net(g->dev)), x);
	rcu_read_unlock();
	found = group && !strcmp(group->name, g->adopt_group);
	if (group)
		xha_group_put(group);
	return found;
}

static bool adoptable(const struct xfrm_state *x)
{
	return (x->km.state == XFRM_STATE_VALID || x->km.state == XFRM_STATE_ERROR) &&
	       x->id.proto == IPPROTO_ESP && x->id.spi && x->type_offload && !x->tfcpad &&
	       !READ_ONCE(x->xso.dev) && x->xso.type == XFRM_DEV_OFFLOAD_UNSPECIFIED;
}

/*
 * Process context, mutex. An SA that can't be adopted now may be the next time; one that was heard
 * of twice is this device's by now.
 */
static void adopt(struct xfrm_state *x, void *data)
{
	struct xha_engine *g = data;
	int dir = direction(x);
	struct xha_slot_sa *e;
	bool ours;

	if (!adoptable(x) || !dir || !wanted(g, x))
		return;
	e = create(g, x, dir == XFRM_DEV_OFFLOAD_IN);
	if (IS_ERR(e))
		return;
	if (insert(g, e)) {
		discard(e);
		return;
	}
	e->adopted = true;
	spin_lock_bh(&x->lock);
	ours = x->km.state != XFRM_STATE_DEAD && !x->xso.dev &&
	       x->xso.type == XFRM_DEV_OFFLOAD_UNSPECIFIED;
	if (ours) {
		netdev_hold(g->dev, &x->xso.dev_tracker, GFP_ATOMIC);
		x->xso.real_dev = NULL;
		x->xso.offload_handle = e->inbound ? 0 : (unsigned long)e;
		x->xso.dir = dir;
		if (!e->inbound)
			x->xso.type = XFRM_DEV_OFFLOAD_CRYPTO;
		/* Packets look for the device first, and then at the rest. */
		smp_store_release(&x->xso.dev, g->dev);
	}
	spin_unlock_bh(&x->lock);
	if (!ours) {
		unlist(e);
		discard(e);
	}
}

#define NEWCOMERS	4096
#define WALK		(5 * HZ)	/* XFRM_MSG_MIGRATE makes SAs without XFRM_MSG_NEWSA */

struct newcomer {
	struct llist_node node;
	struct xfrm_state *x;
};

/**
 * xha_engine_hear() - an SA was installed or changed
 * @x: SA; any context, RCU
 *
 * What can't be remembered here is found by the next look at all SAs.
 */
void xha_engine_hear(struct xfrm_state *x)
{
	struct xha_engine *g = rcu_dereference(xha_pernet(xs_net(x))->adopter);
	struct newcomer *n;

	/* A device that is opened looks at all SAs. */
	if (!g || !READ_ONCE(g->open) || !adoptable(x))
		return;
	if (atomic_inc_return(&g->n_newcomers) > NEWCOMERS)
		goto full;
	n = kmalloc(sizeof(*n), GFP_ATOMIC);
	if (!n)
		goto full;
	xfrm_state_hold(x);
	n->x = x;
	llist_add(&n->node, &g->newcomers);
	xha_cache_kick(g);
	return;

full:
	atomic_dec(&g->n_newcomers);
}

/* In the order of their coming. */
static void newcomers(struct xha_engine *g, bool take)
{
	struct newcomer *n, *tmp;

	llist_for_each_entry_safe(n, tmp, llist_reverse_order(llist_del_all(&g->newcomers)), node) {
		if (take)
			adopt(n->x, g);
		xfrm_state_put(n->x);
		kfree(n);
		atomic_dec(&g->n_newcomers);
	}
}

/**
 * xha_slots_adopt() - take the SAs of the netns that no device has, if that is wanted
 * @g: engine; process context, mutex
 */
void xha_slots_adopt(struct xha_engine *g)
{
	if (!g->adopt)
		return;
	newcomers(g, true);
	if (time_before(jiffies, g->walk))
		return;
	xha_sa_walk(dev_net(g->dev), adoptable, adopt, g);
	g->walk = jiffies + WALK;
}

/**
 * xha_slots_release() - give adopted SAs back as they were
 * @g: engine; process context, mutex
 *
 * The kernel deletes the SAs of a device that goes down: these are not the device's.
 */
void xha_slots_release(struct xha_engine *g)
{
	struct xfrm_state *x;
	struct xha_slot_sa *e;
	unsigned long number;
	LIST_HEAD(picked);

	list_for_each_entry(e, &g->held, held)
		if (e->adopted)
			list_add_tail(&e->pick, &picked);
	xha_slots_leave(g, &picked);
	xa_for_each(&g->sas, number, e) {
		if (!e->adopted)
			continue;
		x = e->x;
		spin_lock_bh(&x->lock);
		if (!e->dead) {
			unlist(e);
			unhash(e);
			xha_park(e);
		}
		spin_unlock_bh(&x->lock);
	}
	/* What had seen the device before has gone by, xha_engine_hear() too. */
	synchronize_net();
	newcomers(g, false);
}

/**
 * xha_engine_adopter() - is an engine device to take the SAs that nobody has given to a device?
 * @g: engine; process context, mutex
 * @adopt: it is; else what it has taken is given back
 * @group: only those of the group of this name; "": all
 * @extack: of the request, or NULL
 *
 * Return: 0, or -EBUSY: another one of this netns does.
 */
int xha_engine_adopter(struct xha_engine *g, bool adopt, const char *group,
		       struct netlink_ext_ack *extack)
{
	struct xha_net *xn = xha_pernet(dev_net(g->dev));

	if (g->adopt == adopt && (!adopt || !strcmp(g->adopt_group, group)))
		return 0;
	if (!g->adopt && unrcu_pointer(cmpxchg(&xn->adopter, NULL, RCU_INITIALIZER(g)))) {
		NL_SET_ERR_MSG(extack, "Another engine device adopts the SAs");
		return -EBUSY;
	}
	if (g->adopt) {
		if (!adopt)
			RCU_INIT_POINTER(xn->adopter, NULL);
		g->adopt = false;
		xha_slots_release(g);
	}
	if (adopt) {
		strscpy(g->adopt_group, group);
		g->adopt = true;
		g->walk = jiffies;
		xha_cache_kick(g);
	}
	return 0;
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
