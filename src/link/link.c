// SPDX-License-Identifier: GPL-2.0
/*
 * The dedicated netdev: configuration, the device's coming and going, timers,
 * and the life of sessions. Frames are in frames.c, the handshake in handshake.c.
 *
 * Everything that sleeps is done by xha_link.work in one ordered workqueue, so
 * that sessions begin and end one after the other.
 */

#include <linux/etherdevice.h>
#include <linux/if_arp.h>
#include <linux/jhash.h>
#include <linux/wait_bit.h>

#include "link/link.h"

#define LINKS_MAX	8
#define HELLO_PERIOD	(100 * NSEC_PER_MSEC)
#define RENEW_PERIOD	NSEC_PER_SEC

static struct workqueue_struct *link_wq;
static LIST_HEAD(all_links);
/* all_links, and which device each has. Inside RTNL and xha_net.mutex. */
static DEFINE_MUTEX(links_mutex);

void xha_link_do(struct xha_link *link, enum xha_link_todo what)
{
	set_bit(what, &link->todo);
	queue_work(link_wq, &link->work);
}

/* At the latest; a flush that is to come earlier stands. */
void xha_link_flush_in(struct xha_link *link, u64 ns)
{
	if (!hrtimer_is_queued(&link->flush_timer) ||
	    ktime_to_ns(hrtimer_get_remaining(&link->flush_timer)) > ns)
		xha_timer_in(&link->flush_timer, ns);
}

/* Without a session nothing is sent, and nothing may be armed: the link may be about to go. */
void xha_link_urge(struct xha_link *link)
{
	if (!rcu_access_pointer(link->session))
		return;
	queue_work(system_bh_wq, &link->flush_work);
}

void xha_link_kick(struct xha_link *link)
{
	u32 batch;

	if (!rcu_access_pointer(link->session))
		return;
	if (test_bit(0, &link->flushing) || test_and_set_bit(0, &link->flushing))
		return;
	batch = READ_ONCE(link->config.batch);
	if (batch)
		xha_timer_in(&link->flush_timer, batch * NSEC_PER_USEC);
	else
		xha_link_urge(link);
}

static enum hrtimer_restart flush_tick(struct hrtimer *timer)
{
	xha_frames_flush(container_of(timer, struct xha_link, flush_timer));
	return HRTIMER_NORESTART;
}

static void run_flush(struct work_struct *work)
{
	xha_frames_flush(container_of(work, struct xha_link, flush_work));
}

/* The HELLO that completes the handshake for the peer may have been lost: it is said again. */
static bool unheard(const struct xha_session *s)
{
	return !READ_ONCE(s->seen.largest);
}

/* Life: heartbeats, overdue frames, the peer's death; without a session, HELLO. */
static enum hrtimer_restart tick(struct hrtimer *timer)
{
	struct xha_link *link = container_of(timer, struct xha_link, tick);
	u64 now = ktime_get_ns(), silent = now - READ_ONCE(link->said_at), period;
	struct xha_session *s;

	rcu_read_lock();
	s = rcu_dereference(link->session);
	period = xha_link_heartbeat(link, s) / 2;
	if (!s) {
		if (silent >= HELLO_PERIOD)
			xha_link_do(link, XHA_TODO_SAY);
	} else if (xha_peer_dead(now, READ_ONCE(link->heard_at), s->heartbeat, s->dead)) {
		xha_link_do(link, XHA_TODO_DEAD);
	} else {
		if (unheard(s) || (READ_ONCE(link->renew) && silent >= RENEW_PERIOD))
			xha_link_do(link, XHA_TODO_SAY);
		if (READ_ONCE(link->in_flight))
			xha_frames_overdue(link);
		xha_frames_flush(link);
	}
	rcu_read_unlock();
	xha_timer_in(timer, period);
	return HRTIMER_NORESTART;
}

static void session_free(struct work_struct *work)
{
	struct xha_session *s = container_of(to_rcu_work(work), struct xha_session, free_work);
	struct xha_link *link = s->link;

	xha_seal_fini(&s->tx);
	xha_seal_fini(&s->rx);
	kfree(s);
	if (atomic_dec_and_test(&link->sessions))
		wake_up_var(&link->sessions);
}

void xha_session_put(struct xha_session *s)
{
	if (refcount_dec_and_test(&s->ref))
		queue_rcu_work(link_wq, &s->free_work);
}

static void set_state(struct xha_link *link, enum xha_link_state state, bool lost, u32 event)
{
	WRITE_ONCE(link->state, state);
	smp_mb(); /* pairs with look_at_link() in group.c: the state, then the list */
	xha_groups_link(link, state, lost);
	xha_event_link(link, event);
}

/* End the session, if there is one. */
static void stop(struct xha_link *link, bool lost)
{
	struct xha_session *s;

	spin_lock_bh(&link->lock);
	s = rcu_dereference_protected(link->session, lockdep_is_held(&link->lock));
	RCU_INIT_POINTER(link->session, NULL);
	xha_frames_forget(link);
	spin_unlock_bh(&link->lock);
	if (!s)
		return;
	xha_session_put(s);
	xha_mirror_session(link->mirror, false);
	if (lost)
		xha_stat_inc(link->xn, XHA_STAT_PEER_LOST);
	set_state(link, link->ready ? XHA_LINK_CONNECTING : XHA_LINK_DOWN, lost,
		  lost ? XFRM_HA_EVENT_PEER_LOST : XFRM_HA_EVENT_LINK_DOWN);
}

/*
 * Put a session to use. One that still stands is that of a peer that has started
 * anew, or thought us dead; it is not lost: it will say what it is.
 */
void xha_link_session(struct xha_link *link, struct xha_session *s)
{
	stop(link, false);
	atomic_inc(&link->sessions);
	INIT_RCU_WORK(&s->free_work, session_free);
	xha_mirror_session(link->mirror, true);

	spin_lock_bh(&link->lock);
	xha_frames_forget(link);
	link->heard_at = ktime_get_ns();
	link->up_since = ktime_get_boottime_ns();
	link->sent_at = 0;
	rcu_assign_pointer(link->session, s);
	spin_unlock_bh(&link->lock);
	/* It may be late for what this session promises. */
	hrtimer_cancel(&link->tick);
	xha_timer_in(&link->tick, xha_link_heartbeat(link, s) / 2);

	xha_stat_inc(link->xn, XHA_STAT_SESSION_NEW);
	set_state(link, XHA_LINK_SYNC, false, XFRM_HA_EVENT_LINK_UP);
	xha_link_urge(link);
}

/*
 * The device came, went, or changed: is the link ready? Of a carrier the kernel tells when it
 * comes to it, up to a second later (net/core/link_watch.c), and a peer's frame may be first.
 */
static void look_at_device(struct xha_link *link)
{
	struct net_device *dev;
	bool ready, told;

	rcu_read_lock();
	dev = rcu_dereference(link->dev);
	ready = dev && netif_running(dev) && netif_carrier_ok(dev);
	rcu_read_unlock();
	if (ready == link->ready)
		return;
	link->ready = ready;
	told = !ready && rcu_access_pointer(link->session);
	if (!ready) {
		stop(link, true);
		xha_handshake_reset(link);
		WRITE_ONCE(link->state, XHA_LINK_DOWN);
		hrtimer_cancel(&link->tick);
	} else {
		WRITE_ONCE(link->state, XHA_LINK_CONNECTING);
		xha_handshake_say(link);
		xha_timer_in(&link->tick, xha_link_heartbeat(link, NULL) / 2);
	}
	if (!told)
		xha_event_link(link, XFRM_HA_EVENT_LINK_DEVICE);
}

/* A death that was noticed may be overtaken by a frame: look again. */
static bool is_dead(struct xha_link *link)
{
	struct xha_session *s;
	bool dead;

	rcu_read_lock();
	s = rcu_dereference(link->session);
	dead = s && xha_peer_dead(ktime_get_ns(), READ_ONCE(link->heard_at), s->heartbeat,
				  s->dead);
	rcu_read_unlock();
	return dead;
}

static bool has_to_say(struct xha_link *link)
{
	struct xha_session *s;
	bool say;

	rcu_read_lock();
	s = rcu_dereference(link->session);
	say = link->ready && (!s || link->renew || unheard(s));
	rcu_read_unlock();
	return say;
}

static void link_work(struct work_struct *work)
{
	struct xha_link *link = container_of(work, struct xha_link, work);
	unsigned long todo = xchg(&link->todo, 0);

	if (todo & BIT(XHA_TODO_RESTART)) {
		stop(link, true);
		xha_handshake_reset(link);
	}
	if (todo & (BIT(XHA_TODO_DEVICE) | BIT(XHA_TODO_HELLO)))
		look_at_device(link);
	if (todo & BIT(XHA_TODO_DEAD) && is_dead(link)) {
		stop(link, true);
		xha_handshake_reset(link);
	}
	if (todo & BIT(XHA_TODO_RENEW))
		xha_handshake_renew(link);
	/* What a device without carrier has let through waits until it has one. */
	if (link->ready)
		xha_handshake_hear(link);
	if (todo & BIT(XHA_TODO_SAY) && has_to_say(link))
		xha_handshake_say(link);
	if (todo & BIT(XHA_TODO_SYNCED) && link->state == XHA_LINK_SYNC &&
	    rcu_access_pointer(link->session))
		set_state(link, XHA_LINK_UP, false, XFRM_HA_EVENT_LINK_SYNCED);
}

void xha_link_synced(struct xha_link *link)
{
	xha_link_do(link, XHA_TODO_SYNCED);
}

enum xha_link_state xha_link_state(const struct xha_link *link)
{
	return READ_ONCE(link->state);
}

struct xha_net *xha_link_net(const struct xha_link *link)
{
	return link->xn;
}

bool xha_link_lower(const struct xha_link *link)
{
	return link->lower;
}

struct xha_mirror *xha_link_mirror(const struct xha_link *link)
{
	return link->mirror;
}

const char *xha_link_name(const struct xha_link *link)
{
	return link->name;
}

struct xha_link *xha_link_find(struct xha_net *xn, const char *dev)
{
	struct xha_link *link;

	list_for_each_entry_rcu(link, &xn->links, node, lockdep_is_held(&xn->mutex))
		if (!dev || !strcmp(link->name, dev))
			return link;
	return NULL;
}

/* The one after @prev, or the first; NULL at the end. RCU or mutex. */
struct xha_link *xha_link_next(struct xha_net *xn, struct xha_link *prev)
{
	struct list_head *next = prev ? prev->node.next : xn->links.next;

	return next == &xn->links ? NULL : list_entry(next, struct xha_link, node);
}

void xha_link_info(struct xha_link *link, struct xha_link_info *i)
{
	struct net_device *dev;
	struct xha_session *s;

	memset(i, 0, sizeof(*i));
	strscpy(i->dev, link->name);
	i->ethertype = link->config.ethertype;
	ether_addr_copy(i->peer, link->config.peer);
	i->insecure = link->config.insecure;
	i->heartbeat = link->config.heartbeat;
	i->dead = link->config.dead;
	i->batch = link->config.batch;
	i->state = xha_link_state(link);
	i->orphans = xha_mirror_orphans(link->mirror);
	rcu_read_lock();
	dev = rcu_dereference(link->dev);
	if (dev)
		i->ifindex = dev->ifindex;
	spin_lock_bh(&link->lock);
	s = rcu_dereference(link->session);
	if (s) {
		i->peer_node = s->peer_node;
		i->up_since = link->up_since;
	}
	i->srtt_ns = link->rtt.srtt;
	i->in_flight = link->in_flight;
	i->tx_frames = link->tx_frames;
	i->rx_frames = link->rx_frames;
	i->tx_bytes = link->tx_bytes;
	i->rx_bytes = link->rx_bytes;
	spin_unlock_bh(&link->lock);
	rcu_read_unlock();
}

static void bind(struct xha_link *link, struct net_device *dev)
{
	lockdep_assert_held(&links_mutex);

	netdev_hold(dev, &link->dev_tracker, GFP_KERNEL);
	rcu_assign_pointer(link->dev, dev);
	link->pt.type = htons(link->config.ethertype);
	link->pt.dev = dev;
	link->pt.func = xha_frames_receive;
	dev_add_pack(&link->pt);
	xha_link_do(link, XHA_TODO_DEVICE);
}

static void unbind(struct xha_link *link)
{
	struct net_device *dev = rcu_dereference_protected(link->dev,
							   lockdep_is_held(&links_mutex));

	lockdep_assert_held(&links_mutex);

	if (!dev)
		return;
	/* Waits until nobody is in the handler. */
	dev_remove_pack(&link->pt);
	RCU_INIT_POINTER(link->dev, NULL);
	synchronize_net();
	netdev_put(dev, &link->dev_tracker);
	xha_link_do(link, XHA_TODO_DEVICE);
}

static bool fits(const struct net_device *dev)
{
	return dev->mtu >= XHA_MTU_MIN;
}

/* Is a device without a link the one that has this name? */
static bool awaited(const struct xha_link *link, const struct net_device *dev, unsigned long event)
{
	return !rcu_access_pointer(link->dev) &&
	       (event == NETDEV_REGISTER || event == NETDEV_CHANGENAME ||
		event == NETDEV_CHANGEMTU) &&
	       net_eq(dev_net(dev), link->xn->net) && dev->type == ARPHRD_ETHER &&
	       fits(dev) && !strcmp(dev->name, link->name);
}

/* Below XHA_MTU_MIN heartbeats would still fit, and what they stand for would not. */
static int device_event(struct notifier_block *nb, unsigned long event, void *ptr)
{
	struct net_device *dev = netdev_notifier_info_to_dev(ptr);
	struct xha_link *link;
	int err = 0;

	mutex_lock(&links_mutex);
	list_for_each_entry(link, &all_links, all) {
		if (rcu_access_pointer(link->dev) == dev) {
			if (event == NETDEV_UNREGISTER || event == NETDEV_CHANGENAME)
				unbind(link);
			else if (event == NETDEV_CHANGEMTU && !fits(dev))
				err = -EINVAL;
			else
				xha_link_do(link, XHA_TODO_DEVICE);
		} else if (awaited(link, dev, event)) {
			bind(link, dev);
		}
	}
	mutex_unlock(&links_mutex);
	if (err)
		pr_notice_ratelimited("xfrm_ha: %s has a link, which needs an MTU of %d\n",
				      dev->name, XHA_MTU_MIN);
	if (event == NETDEV_UNREGISTER)
		xha_sa_sweep(xha_pernet(dev_net(dev)));
	return notifier_from_errno(err);
}

static struct notifier_block device_notifier = {
	.notifier_call = device_event,
};

static void derive_node(struct xha_net *xn, const struct net_device *dev)
{
	if (!xn->node)
		xn->node = jhash(dev->dev_addr, ETH_ALEN, 0) ?: 1;
}

static int check_peer(const struct net_device *dev, const u8 *peer, struct netlink_ext_ack *extack)
{
	if (!is_valid_ether_addr(peer)) {
		NL_SET_ERR_MSG(extack, "The peer's address must be a unicast Ethernet address");
		return -EINVAL;
	}
	if (dev && ether_addr_equal(peer, dev->dev_addr)) {
		NL_SET_ERR_MSG(extack, "The peer's address is the device's own");
		return -EINVAL;
	}
	return 0;
}

static void link_free(struct xha_link *link)
{
	kvfree(link->slots);
	kfree_sensitive(link);
}

/**
 * xha_link_add() - put a link on a device
 * @xn: netns, its mutex held
 * @dev: Ethernet device of this netns; the caller holds a reference or RTNL
 * @c: settings; heartbeat, dead and batch within their ranges
 * @extack: one sentence on a refusal
 *
 * The link outlives the device: one of the same name takes its place. While it has one, its MTU
 * can't be set to less than XHA_MTU_MIN.
 *
 * Return: 0, -EINVAL, -EEXIST, -ENOSPC, -EOPNOTSUPP, -ENOMEM.
 */
int xha_link_add(struct xha_net *xn, struct net_device *dev, const struct xha_link_config *c,
		 struct netlink_ext_ack *extack)
{
	struct xha_link *link;
	int n = 0, err;

	lockdep_assert_held(&xn->mutex);

	if (dev->type != ARPHRD_ETHER || dev->flags & IFF_LOOPBACK) {
		NL_SET_ERR_MSG(extack, "The device is not an Ethernet device");
		return -EOPNOTSUPP;
	}
	if (!fits(dev)) {
		NL_SET_ERR_MSG(extack, "The device's MTU is less than 1000");
		return -EINVAL;
	}
	err = check_peer(dev, c->peer, extack);
	if (err)
		return err;
	list_for_each_entry(link, &xn->links, node) {
		n++;
		if (!strcmp(link->name, dev->name)) {
			NL_SET_ERR_MSG(extack, "There is a link on this device already");
			return -EEXIST;
		}
	}
	if (n >= LINKS_MAX) {
		NL_SET_ERR_MSG(extack, "A netns can have no more than 8 links");
		return -ENOSPC;
	}

	link = kzalloc(sizeof(*link), GFP_KERNEL);
	if (!link)
		return -ENOMEM;
	link->xn = xn;
	link->config = *c;
	link->lower = memcmp(dev->dev_addr, c->peer, ETH_ALEN) < 0;
	strscpy(link->name, dev->name);
	spin_lock_init(&link->lock);
	spin_lock_init(&link->key_lock);
	skb_queue_head_init(&link->hellos);
	INIT_WORK(&link->work, link_work);
	INIT_WORK(&link->flush_work, run_flush);
	hrtimer_init(&link->tick, CLOCK_MONOTONIC, HRTIMER_MODE_REL_SOFT);
	link->tick.function = tick;
	hrtimer_init(&link->flush_timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_SOFT);
	link->flush_timer.function = flush_tick;
	link->slots = kvcalloc(XHA_WINDOW_FRAMES, sizeof(*link->slots), GFP_KERNEL);
	if (!link->slots)
		goto err_free;
	link->mirror = xha_mirror_create(xn, link);
	if (!link->mirror)
		goto err_free;

	derive_node(xn, dev);
	xha_handshake_reset(link);
	list_add_tail_rcu(&link->node, &xn->links);
	mutex_lock(&links_mutex);
	list_add_tail(&link->all, &all_links);
	bind(link, dev);
	mutex_unlock(&links_mutex);
	xha_event_link(link, XFRM_HA_EVENT_LINK_NEW);
	return 0;

err_free:
	link_free(link);
	return -ENOMEM;
}

/**
 * xha_link_set() - change the settings of a link
 * @xn: netns, its mutex held
 * @name: of its device
 * @c: all settings; ethertype and insecure must be as they are
 * @new_key: c->key is a new one
 * @extack: one sentence on a refusal
 *
 * With another peer all begins anew. Else the session goes on, the peer being told by heartbeats
 * as it was promised, until there is one with the new settings; with a new key that is when the
 * peer has it, too.
 *
 * Return: 0, -ENODEV, -EINVAL.
 */
int xha_link_set(struct xha_net *xn, const char *name, const struct xha_link_config *c,
		 bool new_key, struct netlink_ext_ack *extack)
{
	struct xha_link *link = xha_link_find(xn, name);
	bool restart, renew;
	int err;

	lockdep_assert_held(&xn->mutex);

	if (!link) {
		NL_SET_ERR_MSG(extack, "There is no link on this device");
		return -ENODEV;
	}
	if (new_key && link->config.insecure) {
		NL_SET_ERR_MSG(extack, "The link is insecure: delete it, and add it with a key");
		return -EINVAL;
	}
	rcu_read_lock();
	err = check_peer(rcu_dereference(link->dev), c->peer, extack);
	rcu_read_unlock();
	if (err)
		return err;
	restart = !ether_addr_equal(c->peer, link->config.peer);
	renew = new_key || c->heartbeat != link->config.heartbeat || c->dead != link->config.dead;
	spin_lock_bh(&link->key_lock);
	ether_addr_copy(link->config.peer, c->peer);
	WRITE_ONCE(link->config.heartbeat, c->heartbeat);
	WRITE_ONCE(link->config.dead, c->dead);
	WRITE_ONCE(link->config.batch, c->batch);
	if (new_key)
		memcpy(link->config.key, c->key, sizeof(c->key));
	spin_unlock_bh(&link->key_lock);
	if (restart)
		xha_link_do(link, XHA_TODO_RESTART);
	else if (renew)
		xha_link_do(link, XHA_TODO_RENEW);
	xha_event_link(link, XFRM_HA_EVENT_LINK_SET);
	return 0;
}

static void destroy(struct xha_link *link)
{
	list_del_rcu(&link->node);
	mutex_lock(&links_mutex);
	list_del(&link->all);
	unbind(link);
	mutex_unlock(&links_mutex);
	synchronize_rcu();

	/* No device: no frames, no HELLOs; the work ends the session. */
	flush_work(&link->work);
	hrtimer_cancel(&link->tick);
	cancel_work_sync(&link->work);
	stop(link, false);
	/* Who saw a session may be about to arm what is cancelled next. */
	synchronize_rcu();
	hrtimer_cancel(&link->flush_timer);
	cancel_work_sync(&link->flush_work);
	wait_var_event(&link->sessions, !atomic_read(&link->sessions));
	skb_queue_purge(&link->hellos);
	xha_event_link(link, XFRM_HA_EVENT_LINK_DEL);
	xha_mirror_destroy(link->mirror);
	link_free(link);
}

/* -ENODEV; -EBUSY: a group is mirrored over it. */
int xha_link_del(struct xha_net *xn, const char *name, struct netlink_ext_ack *extack)
{
	struct xha_link *link = xha_link_find(xn, name);
	const char *group;

	lockdep_assert_held(&xn->mutex);

	if (!link) {
		NL_SET_ERR_MSG(extack, "There is no link on this device");
		return -ENODEV;
	}
	group = xha_group_using(xn, link);
	if (group) {
		NL_SET_ERR_MSG_FMT(extack, "Group %s is mirrored over this link", group);
		return -EBUSY;
	}
	destroy(link);
	return 0;
}

/* The groups are gone. */
void xha_link_fini(struct xha_net *xn)
{
	struct xha_link *link, *tmp;

	list_for_each_entry_safe(link, tmp, &xn->links, node)
		destroy(link);
}

int xha_link_init(void)
{
	link_wq = alloc_ordered_workqueue("xfrm_ha_link", WQ_HIGHPRI);
	return link_wq ? 0 : -ENOMEM;
}

void xha_link_exit(void)
{
	destroy_workqueue(link_wq);
}

/* The notifier is told of all devices that exist: each netns must be known by then. */
int xha_link_listen(void)
{
	return register_netdevice_notifier(&device_notifier);
}

void xha_link_mute(void)
{
	unregister_netdevice_notifier(&device_notifier);
}
