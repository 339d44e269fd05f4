// SPDX-License-Identifier: GPL-2.0
/*
 * The dedicated netdev: configuration, the device's coming and going, timers,
 * and the life of sessions. Frames are in frames.c, the handshake in handshake.c.
 *
 * Everything that sleeps is done by xha_link.work in an ordered workqueue of the link's own, so
 * that its sessions begin and end one after the other, and wait for no other link's.
 */

#include <linux/etherdevice.h>
#include <linux/if_arp.h>
#include <linux/wait_bit.h>

#include "link/internal.h"

#define LINKS_MAX	8
#define HELLO_PERIOD	(100 * NSEC_PER_MSEC)
#define RENEW_PERIOD	NSEC_PER_SEC

static void (*on_event)(struct xha_link *link, enum xha_link_event event);

void xha_link_on_event(void (*func)(struct xha_link *link, enum xha_link_event event))
{
	WRITE_ONCE(on_event, func);
	/* Who has read the other one is done with it. */
	if (!func)
		synchronize_rcu();
}

void xha_link_event(struct xha_link *link, enum xha_link_event event)
{
	void (*func)(struct xha_link *link, enum xha_link_event event);

	rcu_read_lock();
	func = READ_ONCE(on_event);
	if (func)
		func(link, event);
	rcu_read_unlock();
}

void xha_link_do(struct xha_link *link, enum xha_link_todo what)
{
	set_bit(what, &link->todo);
	queue_work(link->wq, &link->work);
}

/* At the latest; a flush that is to come earlier stands. */
void xha_link_flush_in(struct xha_link *link, u64 ns)
{
	u64 at = ktime_get_ns() + ns;

	spin_lock_bh(&link->flush_lock);
	if (at < link->flush_at) {
		link->flush_at = at;
		xha_timer_in(&link->flush_timer, ns);
	}
	spin_unlock_bh(&link->flush_lock);
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
	/*
	 * Pairs with xha_frames_flush(): what is due was put where ops->pending() finds it before
	 * @flushing is read, there @flushing is cleared before that is looked at.
	 */
	smp_mb();
	if (test_bit(0, &link->flushing) || test_and_set_bit(0, &link->flushing))
		return;
	batch = READ_ONCE(link->config.batch);
	if (batch)
		xha_link_flush_in(link, batch * (u64)NSEC_PER_USEC);
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
static bool unconfirmed(const struct xha_session *s)
{
	return !READ_ONCE(s->seen.largest);
}

/* When to look at a session again: at half a heartbeat, and when the peer's time is over. RCU */
static u64 next_look(const struct xha_link *link, const struct xha_session *s, u64 now)
{
	u64 period = xha_link_heartbeat(link, s) / 2;
	u64 over = READ_ONCE(link->received_at) + s->heartbeat * (u64)NSEC_PER_MSEC * s->dead;

	if (unconfirmed(s))
		period = min_t(u64, period, HELLO_PERIOD);
	else if (READ_ONCE(link->renew))
		period = min_t(u64, period, RENEW_PERIOD);
	return min(period, max_t(u64, over > now ? over - now : 0, NSEC_PER_MSEC));
}

/* Life: heartbeats, overdue frames, the peer's death; without a session, HELLO. */
static enum hrtimer_restart tick(struct hrtimer *timer)
{
	struct xha_link *link = container_of(timer, struct xha_link, tick);
	u64 now = ktime_get_ns(), silent = now - READ_ONCE(link->said_at);
	struct xha_session *s;
	u64 period;

	rcu_read_lock();
	s = rcu_dereference(link->session);
	period = s ? next_look(link, s, now) : HELLO_PERIOD;
	if (!s) {
		xha_link_do(link, XHA_TODO_SAY);
	} else if (xha_peer_dead(now, READ_ONCE(link->received_at), s->heartbeat, s->dead)) {
		xha_link_do(link, XHA_TODO_DEAD);
	} else {
		if (unconfirmed(s) || (READ_ONCE(link->renew) && silent >= RENEW_PERIOD))
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
		queue_rcu_work(s->link->wq, &s->free_work);
}

/* Before the user is told: who reads it later than that reads this. */
static void set_state(struct xha_link *link, enum xha_link_state state)
{
	WRITE_ONCE(link->state, state);
	/*
	 * Pairs with who begins to use the link: @state is written before its users are looked
	 * for, there he can be found before @state is read. One of the two sees the other.
	 */
	smp_mb();
}

/*
 * End the session, if there is one. What its end means comes first: roles, then the event. How long
 * that takes does not depend on how much the user has to clear up, which it does afterwards.
 */
static void stop(struct xha_link *link, bool lost, enum xha_link_loss why)
{
	struct xha_session *s;

	spin_lock_bh(&link->lock);
	s = rcu_dereference_protected(link->session, lockdep_is_held(&link->lock));
	RCU_INIT_POINTER(link->session, NULL);
	xha_frames_forget(link);
	spin_unlock_bh(&link->lock);
	if (!s)
		return;
	WRITE_ONCE(link->loss, why);
	set_state(link, link->ready ? XHA_LINK_CONNECTING : XHA_LINK_DOWN);
	link->ops->down(link->user, lost);
	if (lost)
		xha_link_count(link, XHA_STAT_PEER_LOST);
	xha_link_event(link, lost ? XHA_LINK_EVENT_LOST : XHA_LINK_EVENT_DOWN);
	link->ops->ended(link->user);
	/* Nobody says so of that session any more: who took in its frames has been waited for. */
	clear_bit(XHA_TODO_SYNCED, &link->todo);
	xha_session_put(s);
}

/*
 * Put a session to use. One that still stands is that of a peer that has started
 * anew, or thought us dead; it is not lost: it will say what it is.
 */
void xha_link_session(struct xha_link *link, struct xha_session *s, enum xha_link_loss why)
{
	stop(link, false, why);
	atomic_inc(&link->sessions);
	INIT_RCU_WORK(&s->free_work, session_free);
	set_state(link, XHA_LINK_SYNC);
	link->ops->up(link->user);

	spin_lock_bh(&link->lock);
	xha_frames_forget(link);
	link->received_at = ktime_get_ns();
	link->up_since = ktime_get_boottime_ns();
	link->sent_at = 0;
	rcu_assign_pointer(link->session, s);
	spin_unlock_bh(&link->lock);
	/* It may be late for what this session promises. */
	hrtimer_cancel(&link->tick);
	rcu_read_lock();
	xha_timer_in(&link->tick, next_look(link, s, ktime_get_ns()));
	rcu_read_unlock();

	xha_link_count(link, XHA_STAT_SESSION_NEW);
	xha_link_event(link, XHA_LINK_EVENT_UP);
	xha_link_urge(link);
}

/* The peer, or the device, is given up: begin anew, when there is a device to do it over. */
static void give_up(struct xha_link *link, enum xha_link_loss why)
{
	stop(link, true, why);
	xha_handshake_reset(link);
	if (link->ready)
		return;
	WRITE_ONCE(link->state, XHA_LINK_DOWN);
	hrtimer_cancel(&link->tick);
}

/*
 * The device came, went, or changed: is the link ready? Of a carrier the kernel tells when it
 * comes to it, up to a second later (net/core/link_watch.c), and a peer's frame may be first.
 * A session outlives the carrier for as long as the peer may be silent, unless told otherwise.
 */
static void look_at_device(struct xha_link *link)
{
	bool running, carrier, stood = rcu_access_pointer(link->session);
	struct net_device *dev;

	rcu_read_lock();
	dev = rcu_dereference(link->dev);
	running = dev && netif_running(dev);
	carrier = running && netif_carrier_ok(dev);
	rcu_read_unlock();
	if (carrier != link->ready) {
		link->ready = carrier;
		if (carrier && stood) {
			/* What was lost meanwhile is found to be so by what is acknowledged now. */
			xha_link_urge(link);
		} else if (carrier) {
			WRITE_ONCE(link->state, XHA_LINK_CONNECTING);
			xha_handshake_say(link);
			xha_timer_in(&link->tick, HELLO_PERIOD);
		}
	} else if (running || !stood) {
		return;
	}
	if (!running)
		give_up(link, XHA_LOSS_DEVICE);
	else if (!carrier && (!stood || READ_ONCE(link->config.carrier_at_once)))
		give_up(link, XHA_LOSS_CARRIER);
	if (!stood || rcu_access_pointer(link->session))
		xha_link_event(link, XHA_LINK_EVENT_DEVICE);
}

/* A death that was noticed may be overtaken by a frame: look again. */
static bool is_dead(struct xha_link *link)
{
	struct xha_session *s;
	bool dead;

	rcu_read_lock();
	s = rcu_dereference(link->session);
	dead = s && xha_peer_dead(ktime_get_ns(), READ_ONCE(link->received_at), s->heartbeat,
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
	say = link->ready && (!s || link->renew || unconfirmed(s));
	rcu_read_unlock();
	return say;
}

static void link_work(struct work_struct *work)
{
	struct xha_link *link = container_of(work, struct xha_link, work);
	unsigned long todo = xchg(&link->todo, 0);

	if (todo & BIT(XHA_TODO_RESTART))
		give_up(link, XHA_LOSS_SETTINGS);
	if (todo & (BIT(XHA_TODO_DEVICE) | BIT(XHA_TODO_HELLO) | BIT(XHA_TODO_DEAD)))
		look_at_device(link);
	if (todo & BIT(XHA_TODO_DEAD) && is_dead(link))
		give_up(link, link->ready ? XHA_LOSS_TIMEOUT : XHA_LOSS_CARRIER);
	if (todo & BIT(XHA_TODO_SYNCED) && link->state == XHA_LINK_SYNC &&
	    rcu_access_pointer(link->session)) {
		set_state(link, XHA_LINK_UP);
		link->ops->synced(link->user);
		xha_link_event(link, XHA_LINK_EVENT_SYNCED);
	}
	if (todo & BIT(XHA_TODO_RENEW))
		xha_handshake_renew(link);
	/* What a device without carrier has let through waits until it has one. */
	if (link->ready)
		xha_handshake_input(link);
	if (todo & BIT(XHA_TODO_SAY) && has_to_say(link))
		xha_handshake_say(link);
}

void xha_link_synced(struct xha_link *link)
{
	xha_link_do(link, XHA_TODO_SYNCED);
}

enum xha_link_state xha_link_state(const struct xha_link *link)
{
	return READ_ONCE(link->state);
}

enum xha_link_loss xha_link_loss(const struct xha_link *link)
{
	return READ_ONCE(link->loss);
}

/* Was the address of its device lower than the peer's when it was made? */
bool xha_link_lower(const struct xha_link *link)
{
	return link->lower;
}

struct xha_links *xha_link_links(const struct xha_link *link)
{
	return link->links;
}

void *xha_link_user(const struct xha_link *link)
{
	return link->user;
}

const char *xha_link_name(const struct xha_link *link)
{
	return link->name;
}

struct xha_link *xha_link_find(struct xha_links *links, const char *dev)
{
	struct xha_link *link;

	list_for_each_entry_rcu(link, &links->list, node, lockdep_is_held(links->mutex))
		if (!dev || !strcmp(link->name, dev))
			return link;
	return NULL;
}

/* The one after @prev, or the first; NULL at the end. RCU or mutex. */
struct xha_link *xha_link_next(struct xha_links *links, struct xha_link *prev)
{
	struct list_head *next = prev ? prev->node.next : links->list.next;

	return next == &links->list ? NULL : list_entry(next, struct xha_link, node);
}

void xha_link_info(struct xha_link *link, struct xha_link_info *i)
{
	struct net_device *dev;
	struct xha_session *s;

	memset(i, 0, sizeof(*i));
	strscpy(i->dev, link->name);
	i->config = link->config;
	memzero_explicit(i->config.key, sizeof(i->config.key));
	i->state = xha_link_state(link);
	i->loss = xha_link_loss(link);
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
	lockdep_assert_held(&link->links->bind_mutex);

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
	struct mutex *mutex = &link->links->bind_mutex;
	struct net_device *dev = rcu_dereference_protected(link->dev, lockdep_is_held(mutex));

	lockdep_assert_held(mutex);

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
	       dev->type == ARPHRD_ETHER && fits(dev) && !strcmp(dev->name, link->name);
}

/* Below XHA_MTU_MIN heartbeats would still fit, and what they stand for would not. */
static int device_event(struct notifier_block *nb, unsigned long event, void *ptr)
{
	struct xha_links *links = container_of(nb, struct xha_links, notifier);
	struct net_device *dev = netdev_notifier_info_to_dev(ptr);
	struct xha_link *link;
	int err = 0;

	mutex_lock(&links->bind_mutex);
	list_for_each_entry(link, &links->bound, bound) {
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
	mutex_unlock(&links->bind_mutex);
	if (err)
		pr_notice_ratelimited("xfrm_ha: %s has a link, which needs an MTU of %d\n",
				      dev->name, XHA_MTU_MIN);
	return notifier_from_errno(err);
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
	if (link->user)
		link->ops->destroy(link->user);
	if (link->wq)
		destroy_workqueue(link->wq);
	if (link->hello_tfm)
		crypto_free_shash(link->hello_tfm);
	if (link->flights)
		kvfree(link->flights->cookies);
	kvfree(link->flights);
	kfree_sensitive(link);
}

static int make_flights(struct xha_link *link)
{
	size_t size = array_size(link->ops->cookies, link->ops->cookie_size);
	void *cookies;
	int i;

	link->flights = kvcalloc(XHA_WINDOW_FRAMES, sizeof(*link->flights), GFP_KERNEL);
	if (!link->flights)
		return -ENOMEM;
	cookies = kvcalloc(XHA_WINDOW_FRAMES, size, GFP_KERNEL);
	if (!cookies)
		return -ENOMEM;
	for (i = 0; i < XHA_WINDOW_FRAMES; i++)
		link->flights[i].cookies = cookies + i * size;
	return 0;
}

static struct xha_link *create(struct xha_links *links, const char *name,
			       const struct xha_link_config *c, u32 node,
			       const struct xha_link_ops *ops)
{
	struct xha_link *link;
	int err;

	link = kzalloc_obj(*link, GFP_KERNEL);
	if (!link)
		return ERR_PTR(-ENOMEM);
	link->links = links;
	link->ops = ops;
	link->own = node;
	link->config = *c;
	strscpy(link->name, name);
	spin_lock_init(&link->lock);
	spin_lock_init(&link->flush_lock);
	mutex_init(&link->key_mutex);
	link->flush_at = U64_MAX;
	skb_queue_head_init(&link->hellos);
	INIT_WORK(&link->work, link_work);
	INIT_WORK(&link->flush_work, run_flush);
	hrtimer_setup(&link->tick, tick, CLOCK_MONOTONIC, HRTIMER_MODE_REL_SOFT);
	hrtimer_setup(&link->flush_timer, flush_tick, CLOCK_MONOTONIC, HRTIMER_MODE_REL_SOFT);
	err = make_flights(link);
	if (!err && !c->insecure)
		err = xha_handshake_key(link, c->key);
	if (err)
		goto err_free;
	err = -ENOMEM;
	link->wq = alloc_ordered_workqueue("xfrm_ha_%s", WQ_HIGHPRI, name);
	if (!link->wq)
		goto err_free;
	link->user = ops->create(link);
	if (!link->user)
		goto err_free;
	return link;

err_free:
	link_free(link);
	return ERR_PTR(err);
}

/**
 * xha_link_add() - put a link on a device
 * @links: of the netns, their mutex held
 * @dev: Ethernet device of this netns; the caller holds a reference and RTNL
 * @c: settings; heartbeat, dead and batch within their ranges
 * @node: own id
 * @ops: of who uses it
 * @extack: one sentence on a refusal
 *
 * The link outlives the device: one of the same name takes its place. While it has one, its MTU
 * can't be set to less than XHA_MTU_MIN.
 *
 * Return: 0, -EINVAL, -EEXIST, -ENOSPC, -EOPNOTSUPP, -ENOMEM.
 */
int xha_link_add(struct xha_links *links, struct net_device *dev, const struct xha_link_config *c,
		 u32 node, const struct xha_link_ops *ops, struct netlink_ext_ack *extack)
{
	struct xha_link *link;
	int n = 0, err;

	lockdep_assert_held(links->mutex);

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
	list_for_each_entry(link, &links->list, node) {
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

	link = create(links, dev->name, c, node, ops);
	if (IS_ERR(link))
		return PTR_ERR(link);
	link->lower = memcmp(dev->dev_addr, c->peer, ETH_ALEN) < 0;
	xha_handshake_reset(link);
	list_add_tail_rcu(&link->node, &links->list);
	mutex_lock(&links->bind_mutex);
	list_add_tail(&link->bound, &links->bound);
	bind(link, dev);
	mutex_unlock(&links->bind_mutex);
	xha_link_event(link, XHA_LINK_EVENT_NEW);
	return 0;
}

/**
 * xha_link_set() - change the settings of a link
 * @links: of the netns, their mutex held
 * @name: of its device
 * @c: all settings; ethertype and insecure must be as they are
 * @new_key: c->key is a new one
 * @extack: one sentence on a refusal
 *
 * With another peer all begins anew. Else the session goes on, the peer being told by heartbeats
 * as it was promised, until there is one with the new settings; with a new key that is when the
 * peer has it, too.
 *
 * Return: 0, -ENODEV, -EINVAL, or an error of the crypto API.
 */
int xha_link_set(struct xha_links *links, const char *name, const struct xha_link_config *c,
		 bool new_key, struct netlink_ext_ack *extack)
{
	struct xha_link *link = xha_link_find(links, name);
	bool restart, renew;
	int err;

	lockdep_assert_held(links->mutex);

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
	if (new_key) {
		err = xha_handshake_key(link, c->key);
		if (err) {
			NL_SET_ERR_MSG(extack, "The key can't be put to use");
			return err;
		}
	}
	restart = !ether_addr_equal(c->peer, link->config.peer);
	renew = new_key || c->heartbeat != link->config.heartbeat || c->dead != link->config.dead;
	ether_addr_copy(link->config.peer, c->peer);
	WRITE_ONCE(link->config.heartbeat, c->heartbeat);
	WRITE_ONCE(link->config.dead, c->dead);
	WRITE_ONCE(link->config.batch, c->batch);
	WRITE_ONCE(link->config.carrier_at_once, c->carrier_at_once);
	if (restart)
		xha_link_do(link, XHA_TODO_RESTART);
	else if (renew)
		xha_link_do(link, XHA_TODO_RENEW);
	xha_link_event(link, XHA_LINK_EVENT_SET);
	return 0;
}

/* Its user has no use for it any more; mutex */
void xha_link_del(struct xha_link *link)
{
	struct xha_links *links = link->links;

	lockdep_assert_held(links->mutex);

	list_del_rcu(&link->node);
	mutex_lock(&links->bind_mutex);
	list_del(&link->bound);
	unbind(link);
	mutex_unlock(&links->bind_mutex);
	synchronize_rcu();

	/* No device: no frames, no HELLOs; the work ends the session. */
	flush_work(&link->work);
	hrtimer_cancel(&link->tick);
	cancel_work_sync(&link->work);
	stop(link, false, XHA_LOSS_DEVICE);
	/* Who saw a session may be about to arm what is cancelled next. */
	synchronize_rcu();
	hrtimer_cancel(&link->flush_timer);
	cancel_work_sync(&link->flush_work);
	wait_var_event(&link->sessions, !atomic_read(&link->sessions));
	skb_queue_purge(&link->hellos);
	xha_link_event(link, XHA_LINK_EVENT_DEL);
	link_free(link);
}

int xha_links_init(struct xha_links *links, struct net *net, struct mutex *mutex,
		   struct xha_stats __percpu *stats)
{
	links->net = net;
	links->mutex = mutex;
	links->stats = stats;
	INIT_LIST_HEAD(&links->list);
	mutex_init(&links->bind_mutex);
	INIT_LIST_HEAD(&links->bound);
	links->notifier.notifier_call = device_event;
	return register_netdevice_notifier_net(net, &links->notifier);
}

void xha_links_mute(struct xha_links *links)
{
	unregister_netdevice_notifier_net(links->net, &links->notifier);
}

/* Nobody uses them any more. */
void xha_links_fini(struct xha_links *links)
{
	struct xha_link *link, *tmp;

	list_for_each_entry_safe(link, tmp, &links->list, node)
		xha_link_del(link);
}
