// SPDX-License-Identifier: GPL-2.0
/*
 * SAs that an engine device takes without having been given them: which, for which direction, and
 * whether their packets pass it at all.
 */

#include <linux/inetdevice.h>
#include <net/addrconf.h>
#include <net/ip6_fib.h>
#include <net/route.h>

#include "engine/internal.h"

#define VISITS		32	/* SAs between two times that others have the mutex */
#define REVIEW_COST	50	/* routes are looked up anew within so many times what that takes */

/* --- where packets go, and come from --- */

/* The device of a local address, which is held, or NULL. RCU */
static const struct net_device *holder(struct net *net, const xfrm_address_t *addr, int family)
{
	struct net_device *dev;

	if (family == AF_INET)
		return __ip_dev_find(net, addr->a4, false);
	if (!IS_ENABLED(CONFIG_IPV6))
		return NULL;
	dev = ipv6_dev_find(net, &addr->in6, NULL);
	return IS_ERR(dev) ? NULL : dev;
}

static struct dst_entry *route(struct xfrm_state *x, xfrm_address_t *from, xfrm_address_t *to)
{
	struct xfrm_dst_lookup_params params = {
		.net = xs_net(x),
		.saddr = from,
		.daddr = to,
		.mark = xfrm_smark_get(0, x),
	};
	struct dst_entry *dst = __xfrm_dst_lookup(x->props.family, &params);

	if (!IS_ERR(dst) || !from)
		return dst;
	/* On a standby it may be nobody's yet. */
	return route(x, NULL, to);
}

/**
 * xha_adopt_through() - do an SA's packets pass an engine device?
 * @g: engine
 * @x: SA; process context
 * @inbound: its direction
 *
 * Inbound ones are taken to come by the device that the answers go by, or that has their address.
 *
 * Return: false if they do not; true also if there is no route.
 */
bool xha_adopt_through(const struct xha_engine *g, struct xfrm_state *x, bool inbound)
{
	xfrm_address_t *own = inbound ? &x->id.daddr : &x->props.saddr;
	xfrm_address_t *other = inbound ? &x->props.saddr : &x->id.daddr;
	struct dst_entry *dst;
	bool through;

	if (xfrm_addr_any(other, x->props.family))
		return true;
	dst = route(x, own, other);
	if (IS_ERR(dst))
		return true;
	through = dst->dev == g->dev;
	dst_release(dst);
	if (through || !inbound)
		return through;
	rcu_read_lock();
	through = holder(xs_net(x), own, x->props.family) == g->dev;
	rcu_read_unlock();
	return through;
}

/* --- directions --- */

/* That of its local address; 0: both are local, or none */
static int by_address(const struct xfrm_state *x)
{
	struct net *net = xs_net((struct xfrm_state *)x);
	bool to, from;

	rcu_read_lock();
	to = holder(net, &x->id.daddr, x->props.family);
	from = holder(net, &x->props.saddr, x->props.family);
	rcu_read_unlock();
	if (to == from)
		return 0;
	return to ? XFRM_DEV_OFFLOAD_IN : XFRM_DEV_OFFLOAD_OUT;
}

/*
 * On a standby no address is local, but the numbers are those of the active one: an SA that has had
 * packets, and a window which they have moved, is inbound. Without a window nothing tells.
 */
static int by_use(const struct xfrm_state *x)
{
	const struct xfrm_replay_state_esn *r = x->replay_esn;

	if (!READ_ONCE(x->curlft.packets))
		return 0;
	if (r)
		return !r->replay_window ? 0 : READ_ONCE(r->seq) || READ_ONCE(r->seq_hi) ?
		       XFRM_DEV_OFFLOAD_IN : XFRM_DEV_OFFLOAD_OUT;
	return !x->props.replay_window ? 0 : READ_ONCE(x->replay.seq) ?
	       XFRM_DEV_OFFLOAD_IN : XFRM_DEV_OFFLOAD_OUT;
}

/* Which direction is it for? 0: nothing tells yet */
static int direction(const struct xfrm_state *x)
{
	if (x->dir == XFRM_SA_DIR_IN)
		return XFRM_DEV_OFFLOAD_IN;
	if (x->dir == XFRM_SA_DIR_OUT)
		return XFRM_DEV_OFFLOAD_OUT;
	return by_address(x) ?: by_use(x);
}

/* --- SAs that nobody has given to the device --- */

static bool wanted(const struct xha_engine *g, const struct xfrm_state *x)
{
	const char *group;
	bool found;

	if (!g->adopt_group[0])
		return true;
	rcu_read_lock();
	group = xha_group_of(xha_pernet(dev_net(g->dev)), x);
	found = group && !strcmp(group, g->adopt_group);
	rcu_read_unlock();
	return found;
}

static bool adoptable(const struct xfrm_state *x)
{
	return (x->km.state == XFRM_STATE_VALID || x->km.state == XFRM_STATE_ERROR) &&
	       x->id.proto == IPPROTO_ESP && x->id.spi && !x->tfcpad && !READ_ONCE(x->xso.dev) &&
	       x->xso.type == XFRM_DEV_OFFLOAD_UNSPECIFIED;
}

/* XFRM_MSG_MIGRATE and _MIGRATE_STATE make SAs without it. */
static bool can_offload(struct xfrm_state *x)
{
	spin_lock_bh(&x->lock);
	if (!x->type_offload && x->km.state != XFRM_STATE_DEAD)
		xfrm_set_type_offload(x, false);
	spin_unlock_bh(&x->lock);
	return x->type_offload;
}

/*
 * Process context, mutex, which others have now and then. An SA that can't be adopted now may be
 * the next time; one that was heard of twice is this device's by now.
 */
static void adopt(struct xfrm_state *x, void *data)
{
	struct xha_engine *g = data;
	struct xha_slot_sa *e;
	bool ours;
	int dir;

	if (!(++g->visits % VISITS))
		xha_cache_breathe(g);
	if (!g->open || !g->adopt || !adoptable(x))
		return;
	dir = direction(x);
	if (!dir || !wanted(g, x) || !can_offload(x) ||
	    !xha_adopt_through(g, x, dir == XFRM_DEV_OFFLOAD_IN))
		return;
	e = xha_slot_create(g, x, dir == XFRM_DEV_OFFLOAD_IN);
	if (IS_ERR(e))
		return;
	if (xha_slot_insert(g, e)) {
		xha_slot_discard(e);
		return;
	}
	e->adopted = true;
	spin_lock_bh(&x->lock);
	ours = x->km.state != XFRM_STATE_DEAD && !x->xso.dev &&
	       x->xso.type == XFRM_DEV_OFFLOAD_UNSPECIFIED;
	if (ours) {
		netdev_hold(g->dev, &x->xso.dev_tracker, GFP_ATOMIC);
		x->xso.real_dev = NULL;
		xha_engine_show(x, g->dev);
		x->xso.offload_handle = e->inbound ? 0 : (unsigned long)e;
		x->xso.dir = dir;
		if (!e->inbound)
			x->xso.type = XFRM_DEV_OFFLOAD_CRYPTO;
		/*
		 * Pairs with smp_load_acquire() in slot_of() and saw() in netdev.c, and in check()
		 * in policy.c: who reads @dev here reads @dir and @offload_handle of it.
		 */
		smp_store_release(&x->xso.dev, g->dev);
	}
	spin_unlock_bh(&x->lock);
	if (!ours) {
		xha_slot_unlist(e);
		xha_slot_discard(e);
	}
}

#define NEWCOMERS	4096
#define WALK		(5 * HZ)	/* XFRM_MSG_MIGRATE makes SAs without XFRM_MSG_NEWSA */

struct newcomer {
	struct llist_node node;
	struct xfrm_state *x;
};

/**
 * xha_adopt_offer() - an SA was installed or changed
 * @x: SA; any context, RCU
 *
 * What can't be remembered here is found by the next look at all SAs.
 */
void xha_adopt_offer(struct xfrm_state *x)
{
	struct xha_engine *g = rcu_dereference(xha_pernet(xs_net(x))->adopter);
	struct newcomer *n;

	/* A device that is opened looks at all SAs. */
	if (!g || !READ_ONCE(g->open) || !adoptable(x))
		return;
	if (atomic_inc_return(&g->n_newcomers) > NEWCOMERS)
		goto full;
	n = kmalloc_obj(*n, GFP_ATOMIC);
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

/*
 * Changes with any change of routes: IPv4 has a number for that, IPv6 one for what comes, and
 * counts what goes.
 */
static u64 generation(const struct net *net)
{
	u32 gone = 0;

#if IS_ENABLED(CONFIG_IPV6)
	if (net->ipv6.rt6_stats)
		gone = READ_ONCE(net->ipv6.rt6_stats->fib_discarded_routes);
#endif
	return (u64)(rt_genid_ipv4(net) + rt_genid_ipv6(net)) << 32 | gone;
}

/* Those that are strays, or all: out of their slots before. Mutex */
static void give_back(struct xha_engine *g, bool all)
{
	struct xfrm_state *x;
	struct xha_slot_sa *e;
	unsigned long number;

	xa_for_each(&g->sas, number, e) {
		if (!e->adopted || e->nic || (!all && !e->stray))
			continue;
		x = e->x;
		spin_lock_bh(&x->lock);
		if (!e->dead) {
			xha_slot_unlist(e);
			xha_slot_unhash(e);
			xha_park(e);
		}
		spin_unlock_bh(&x->lock);
	}
}

/*
 * Addresses or routes have changed. An SA that was adopted is given back if its packets take
 * another way now, or if its local address says another direction than it was adopted for, and may
 * be adopted anew. One that was given to the device stays, but in no slot.
 */
static void review(struct xha_engine *g)
{
	struct xha_slot_sa *e;
	unsigned long number;
	LIST_HEAD(picked);
	int dir;

	xa_for_each(&g->sas, number, e) {
		if (READ_ONCE(e->dead))
			continue;
		dir = e->adopted && !e->x->dir ? by_address(e->x) : 0;
		e->away = !xha_adopt_through(g, e->x, e->inbound);
		e->stray = e->adopted &&
			   (e->away || (dir && (dir == XFRM_DEV_OFFLOAD_IN) != e->inbound));
		if (++g->visits % VISITS)
			continue;
		xha_cache_breathe(g);
		if (!g->open)
			return;
	}
	list_for_each_entry(e, &g->held, held)
		if (e->stray)
			xha_slot_pick(e, &picked);
	xha_slots_leave_gently(g, &picked, xha_cache_breathe);
	if (g->open)
		give_back(g, false);
}

static bool is_newcomer(const struct xfrm_state *x, const void *data)
{
	return adoptable(x);
}

/**
 * xha_slots_adopt() - take the SAs of the netns that no device has, if that is wanted
 * @g: engine; mutex, of its worker
 * @ticked: not only between two ticks
 */
void xha_slots_adopt(struct xha_engine *g, bool ticked)
{
	u64 routes = generation(dev_net(g->dev));
	bool changed = xchg(&g->addrs_changed, false);
	u64 start = ktime_get_ns();

	if (g->adopt)
		newcomers(g, true);
	if (routes != g->routes && ticked && time_after_eq(jiffies, g->reviewed))
		changed = true;
	if (changed) {
		g->routes = routes;
		review(g);
		g->reviewed = jiffies + nsecs_to_jiffies(REVIEW_COST * (ktime_get_ns() - start));
	}
	if (!g->open || !g->adopt || (!changed && time_before(jiffies, g->walk)))
		return;
	xha_walk(dev_net(g->dev), is_newcomer, adopt, g);
	g->walk = jiffies + WALK;
}

/**
 * xha_slots_give_back() - give adopted SAs back as they were
 * @g: engine; process context, mutex
 *
 * The kernel deletes the SAs of a device that goes down: these are not the device's.
 */
void xha_slots_give_back(struct xha_engine *g)
{
	struct xha_slot_sa *e;
	LIST_HEAD(picked);

	list_for_each_entry(e, &g->held, held)
		if (e->adopted)
			list_move_tail(&e->pick, &picked);
	xha_slots_leave(g, &picked);
	give_back(g, true);
	/* What had seen the device before has gone by, xha_adopt_offer() too. */
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
		xha_slots_give_back(g);
	}
	if (adopt) {
		strscpy(g->adopt_group, group);
		g->adopt = true;
		g->walk = jiffies;
		xha_cache_kick(g);
	}
	return 0;
}

/* --- addresses that come and go: after a takeover, those of the group --- */

static void addresses(struct net *net)
{
	struct xha_engine *g;

	rcu_read_lock();
	g = rcu_dereference(xha_pernet(net)->adopter);
	if (g) {
		WRITE_ONCE(g->addrs_changed, true);
		xha_cache_kick(g);
	}
	rcu_read_unlock();
}

static int inet_event(struct notifier_block *nb, unsigned long event, void *ptr)
{
	const struct in_ifaddr *ifa = ptr;

	addresses(dev_net(ifa->ifa_dev->dev));
	return NOTIFY_DONE;
}

static int inet6_event(struct notifier_block *nb, unsigned long event, void *ptr)
{
	const struct inet6_ifaddr *ifa = ptr;

	addresses(dev_net(ifa->idev->dev));
	return NOTIFY_DONE;
}

/* After the kernel's own, which makes the address local */
static struct notifier_block inet_notifier = {
	.notifier_call = inet_event,
	.priority = INT_MIN,
};

static struct notifier_block inet6_notifier = {
	.notifier_call = inet6_event,
	.priority = INT_MIN,
};

int xha_adopt_init(void)
{
	int err = register_inetaddr_notifier(&inet_notifier);

	if (!err && IS_ENABLED(CONFIG_IPV6)) {
		err = register_inet6addr_notifier(&inet6_notifier);
		if (err)
			unregister_inetaddr_notifier(&inet_notifier);
	}
	if (!err)
		xha_tap_on_sa(xha_adopt_offer);
	return err;
}

void xha_adopt_exit(void)
{
	xha_tap_on_sa(NULL);
	if (IS_ENABLED(CONFIG_IPV6))
		unregister_inet6addr_notifier(&inet6_notifier);
	unregister_inetaddr_notifier(&inet_notifier);
}
