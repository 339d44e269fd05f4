// SPDX-License-Identifier: GPL-2.0
/*
 * SAs that an engine device gives back while they carry traffic: where they are until nobody
 * looks for its device any more.
 *
 * xso.dev of a live SA must not become NULL between two looks at it: xfrm_dev_offload_ok() takes
 * two for each outbound packet without a lock, a request or a dump two for XFRMA_OFFLOAD_DEV. So
 * it is the parking's first. Who has found the engine device there, and looks again, finds
 * operations that refuse; who finds the parking does not look again, since no route leads there.
 * When the former are through, it becomes NULL under the locks of requests and of dumps.
 */

#include <linux/rcupdate.h>

#include "engine/internal.h"

static struct net_device *parking;
static LLIST_HEAD(parked);

static void clear(struct work_struct *work);
static DECLARE_WORK(clearer, clear);

static int state_add(struct net_device *dev, struct xfrm_state *x, struct netlink_ext_ack *extack)
{
	return -EOPNOTSUPP;
}

static void state_delete(struct net_device *dev, struct xfrm_state *x)
{
}

static bool state_offload_ok(struct sk_buff *skb, struct xfrm_state *x)
{
	return false;
}

static const struct xfrmdev_ops ops = {
	.xdo_dev_state_add = state_add,
	.xdo_dev_state_delete = state_delete,
	.xdo_dev_offload_ok = state_offload_ok,
};

/* The order of locks is that of xfrm_add_sa() and __xfrm_state_delete(). */
static void let_go(struct xfrm_state *x)
{
	struct net *net = xs_net(x);

	mutex_lock(&net->xfrm.xfrm_cfg_mutex);
	spin_lock_bh(&x->lock);
	/* A dead one is in a list of xfrm's: xfrm_dev_state_free() takes it out. */
	if (x->km.state != XFRM_STATE_DEAD) {
		spin_lock(&net->xfrm.xfrm_state_lock);
		WRITE_ONCE(x->xso.dev, NULL);
		spin_unlock(&net->xfrm.xfrm_state_lock);
		netdev_put(parking, &x->xso.dev_tracker);
	}
	spin_unlock_bh(&x->lock);
	mutex_unlock(&net->xfrm.xfrm_cfg_mutex);
}

static void clear(struct work_struct *work)
{
	struct llist_node *list = llist_del_all(&parked);
	struct xha_slot_sa *e, *tmp;

	/* Packets are sent in process context, too, where only the sender's sleep ends a look. */
	synchronize_rcu_tasks();
	synchronize_rcu();
	llist_for_each_entry_safe(e, tmp, list, parked) {
		let_go(e->x);
		rcu_read_lock();
		xha_adopt_offer(e->x);
		rcu_read_unlock();
		xfrm_state_put(e->x);
		kfree_rcu(e, rcu);
	}
}

/**
 * xha_park() - an SA is its engine device's no more, and lives
 * @e: not to be used afterwards; not dead, in software, in no list or table
 *
 * x->lock is held. The kernel finds the SA as it was before it was adopted, but for the parking,
 * which it leaves within a second or so.
 */
void xha_park(struct xha_slot_sa *e)
{
	struct xfrm_state *x = e->x;

	lockdep_assert_held(&x->lock);

	xfrm_state_hold(x);
	netdev_put(e->engine->dev, &x->xso.dev_tracker);
	netdev_hold(parking, &x->xso.dev_tracker, GFP_ATOMIC);
	WRITE_ONCE(x->xso.dev, parking);
	xha_engine_show(x, parking);
	x->xso.type = XFRM_DEV_OFFLOAD_UNSPECIFIED;
	x->xso.dir = 0;
	WRITE_ONCE(x->xso.offload_handle, 0);
	if (llist_add(&e->parked, &parked))
		queue_work(system_long_wq, &clearer);
}

/**
 * xha_engine_net_fini() - a netns goes: none of its SAs is parked any more
 * @xn: of the netns
 *
 * Its devices have gone before. Process context.
 */
void xha_engine_net_fini(struct xha_net *xn)
{
	flush_work(&clearer);
	xha_policy_end(xn);
}

int xha_parking_init(void)
{
	parking = alloc_netdev_dummy(0);
	if (!parking)
		return -ENOMEM;
	parking->xfrmdev_ops = &ops;
	return 0;
}

/* No engine is left. SAs that have died here are freed as if this device went. */
void xha_parking_exit(void)
{
	flush_work(&clearer);
	xfrm_dev_state_flush(&init_net, parking, false);
	free_netdev(parking);
}
