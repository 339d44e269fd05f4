// SPDX-License-Identifier: GPL-2.0
/* The engine device: NICs that share the SAs of one address. */

#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/if_arp.h>
#include <linux/if_vlan.h>
#include <linux/module.h>
#include <linux/rtnetlink.h>

#include "engine/internal.h"

/* What hangs on it: xfrm leaves packets to hardware, and the kernel does what a NIC can't. */
#define ESP_FEATURES	(NETIF_F_HW_ESP | NETIF_F_HW_ESP_TX_CSUM | NETIF_F_GSO_ESP)
/* Not to be switched: a NIC that filters must be told, and one that does not takes no harm. */
#define VLAN_FILTERS	(NETIF_F_HW_VLAN_CTAG_FILTER | NETIF_F_HW_VLAN_STAG_FILTER)
#define FEATURES	(NETIF_F_SG | NETIF_F_HW_CSUM | NETIF_F_HIGHDMA | NETIF_F_FRAGLIST | \
			 NETIF_F_GSO_SOFTWARE | NETIF_F_GSO_ENCAP_ALL | ESP_FEATURES)

bool xha_is_engine(const struct net_device *dev)
{
	return dev->rtnl_link_ops == &xha_engine_link_ops;
}

static rx_handler_result_t receive(struct sk_buff **pskb);

struct xha_nic *xha_nic_of(const struct net_device *dev)
{
	return rcu_access_pointer(dev->rx_handler) == receive ?
	       rtnl_dereference(dev->rx_handler_data) : NULL;
}

void xha_nic_put(struct xha_nic *nic)
{
	if (refcount_dec_and_test(&nic->ref)) {
		xha_cache_plan_free(&nic->plan);
		kfree(nic);
	}
}

enum xfrm_ha_nic_state xha_nic_state(const struct xha_nic *nic)
{
	const struct xfrmdev_ops *ops = xha_nic_ops(nic);

	if (!nic->up)
		return XFRM_HA_NIC_STATE_DOWN;
	if (!(nic->dev->features & NETIF_F_HW_ESP) || !ops || !ops->xdo_dev_state_add)
		return XFRM_HA_NIC_STATE_PLAIN;
	return nic->drain ? XFRM_HA_NIC_STATE_DRAINED : XFRM_HA_NIC_STATE_UP;
}

/* Packets that it was given to send, and has not sent. */
u64 xha_nic_dropped(const struct xha_nic *nic)
{
	struct rtnl_link_stats64 stats;

	rcu_read_lock();
	dev_get_stats(nic->dev, &stats);
	rcu_read_unlock();
	return stats.tx_dropped + stats.tx_errors;
}

/* --- packets --- */

/* The SA of a packet that xfrm has left to this device, or NULL. RCU. */
static struct xha_slot_sa *slot_of(const struct sk_buff *skb, const struct net_device *dev)
{
	const struct sec_path *sp = skb_sec_path(skb);
	const struct xfrm_state *x = sp->xvec[sp->len - 1];

	/* Pairs with adopt() in adopt.c. */
	if (smp_load_acquire(&x->xso.dev) != dev || x->xso.dir != XFRM_DEV_OFFLOAD_OUT)
		return NULL;
	return (struct xha_slot_sa *)READ_ONCE(x->xso.offload_handle);
}

/*
 * What can another device do for this packet of ESP? @skb is the caller's alone, as wherever the
 * kernel asks a driver's ndo_features_check().
 */
static netdev_features_t features_at(struct sk_buff *skb, struct net_device *to)
{
	struct net_device *dev = skb->dev;
	netdev_features_t can;

	skb->dev = to;
	can = netif_skb_features(skb);
	skb->dev = dev;
	if (!(can & NETIF_F_HW_ESP_TX_CSUM))
		can &= ~NETIF_F_CSUM_MASK;
	return can;
}

/*
 * Right before the kernel decides who encrypts. What the NIC of the SA can't do, the kernel does
 * here: behind us it would be too late. That is so for a packet that gets its trailer now. One
 * that is to be segmented, and goes through here as it is, gets none: esp_xmit() has then only said
 * what its NIC's turn will say again. Who segments it, and who encrypts the segments, the kernel
 * decides there, by all that this NIC can do; see hand_over(). With UDP encapsulation it would
 * have a header more.
 */
static netdev_features_t features_check(struct sk_buff *skb, struct net_device *dev,
					netdev_features_t features)
{
	const netdev_features_t soft = ESP_FEATURES | NETIF_F_SG | NETIF_F_CSUM_MASK;
	const struct xfrm_offload *xo = xfrm_offload(skb);
	struct xfrm_state *s = NULL;
	netdev_features_t can = 0;
	struct xha_slot_sa *e;

	if (!xo || xo->flags & XFRM_GRO)
		return features;
	rcu_read_lock();
	e = slot_of(skb, dev);
	if (e)
		s = rcu_dereference(e->tx);
	/* That its carrier is gone is heard of later. */
	if (s && netif_carrier_ok(s->xso.real_dev))
		can = features_at(skb, s->xso.real_dev);
	if (!(can & NETIF_F_HW_ESP))
		features &= ~soft;
	else if (!skb_is_gso(skb) || s->encap || netif_needs_gso(skb, features))
		features &= (can | ~soft) & ~NETIF_F_GSO_MASK;
	rcu_read_unlock();
	return features;
}

/*
 * The packet becomes the clone's, if there is one. False: there is none, and it is text that nobody
 * encrypts any more.
 */
static bool hand_over(struct sk_buff *skb, struct net_device *dev)
{
	struct xha_slot_sa *e = slot_of(skb, dev);
	struct xfrm_state *s = e ? rcu_dereference(e->late) : NULL, *x;
	struct sec_path *sp = skb_sec_path(skb);

	/*
	 * Nothing of it is done: the NIC's validate_xmit_skb() begins anew, or, if the SA has no
	 * NIC any more, that of any NIC, which does it in software.
	 */
	if (skb_is_gso(skb))
		xfrm_offload(skb)->flags &= ~XFRM_XMIT;
	if (!s || !refcount_inc_not_zero(&s->refcnt))
		return false;
	/* esp_xmit() has made the path this packet's own. */
	x = sp->xvec[sp->len - 1];
	sp->xvec[sp->len - 1] = s;
	skb->dev = s->xso.real_dev;
	xfrm_state_put(x);
	return true;
}

/* For what is not left to hardware: one that has a carrier, if any has. */
static struct net_device *port_for(struct sk_buff *skb, const struct xha_ports *ports)
{
	int first = ports->n == 1 ? 0 : skb_get_hash(skb) % ports->n, i;

	for (i = 0; i < ports->n; i++) {
		struct net_device *dev = ports->dev[(first + i) % ports->n];

		if (netif_carrier_ok(dev))
			return dev;
	}
	return ports->dev[first];
}

static netdev_tx_t transmit(struct sk_buff *skb, struct net_device *dev)
{
	const struct xfrm_offload *xo = xfrm_offload(skb);
	struct xha_engine *g = netdev_priv(dev);
	struct xha_ports *ports;
	unsigned int len = skb->len;
	int err;

	rcu_read_lock();
	if (!xo || !(xo->flags & XFRM_XMIT) || !hand_over(skb, dev)) {
		/* What is not to be encrypted, was, or is yet to be. */
		if (xo && xo->flags & XFRM_XMIT) {
			atomic64_inc(&g->late_drops);
			goto drop;
		}
		ports = rcu_dereference(g->ports);
		if (!ports)
			goto drop;
		skb->dev = port_for(skb, ports);
	}
	err = dev_queue_xmit(skb);
	if (!net_xmit_eval(err))
		dev_sw_netstats_tx_add(dev, 1, len);
	else
		dev_core_stats_tx_dropped_inc(dev);
	rcu_read_unlock();
	return NETDEV_TX_OK;

drop:
	rcu_read_unlock();
	dev_core_stats_tx_dropped_inc(dev);
	kfree_skb(skb);
	return NETDEV_TX_OK;
}

/* The SA that a packet came for by this NIC, or NULL. */
static struct xha_slot_sa *saw(const struct xfrm_state *x, const struct xha_nic *nic)
{
	struct xha_slot_sa *e;

	/* Pairs with adopt() in adopt.c. */
	if (smp_load_acquire(&x->xso.dev) != nic->engine->dev ||
	    x->xso.dir != XFRM_DEV_OFFLOAD_IN)
		return NULL;
	e = xha_slot_sa(x);
	if (e && READ_ONCE(e->seen) != nic->dev->ifindex)
		WRITE_ONCE(e->seen, nic->dev->ifindex);
	return e;
}

/* Without GRO nobody has asked yet which SA a packet is for. Once per jiffy this does. */
static void peek(const struct sk_buff *skb, struct xha_nic *nic)
{
	xfrm_address_t daddr = {};
	const struct ipv6hdr *ip6;
	const struct iphdr *ip;
	struct xfrm_state *x;
	const __be32 *spi;
	struct {
		struct ipv6hdr ip;
		__be32 spi;
	} buf;
	unsigned long now = jiffies;
	int family, start;

	if (READ_ONCE(nic->peeked) == now)
		return;
	if (skb->protocol == htons(ETH_P_IP)) {
		ip = skb_header_pointer(skb, 0, sizeof(*ip), &buf.ip);
		if (!ip || ip->protocol != IPPROTO_ESP || ip_is_fragment(ip))
			return;
		family = AF_INET;
		daddr.a4 = ip->daddr;
		start = 4 * ip->ihl;
	} else if (skb->protocol == htons(ETH_P_IPV6)) {
		ip6 = skb_header_pointer(skb, 0, sizeof(*ip6), &buf.ip);
		if (!ip6 || ip6->nexthdr != IPPROTO_ESP)
			return;
		family = AF_INET6;
		daddr.in6 = ip6->daddr;
		start = sizeof(*ip6);
	} else {
		return;
	}
	spi = skb_header_pointer(skb, start, sizeof(*spi), &buf.spi);
	if (!spi)
		return;
	WRITE_ONCE(nic->peeked, now);
	x = xfrm_state_lookup(dev_net(skb->dev), skb->mark, &daddr, *spi, IPPROTO_ESP, family);
	if (!x)
		return;
	saw(x, nic);
	xfrm_state_put(x);
}

/* Which NIC has brought the packet of which SA, and who has decrypted it? */
static void note(const struct sk_buff *skb, struct xha_nic *nic)
{
	const struct sec_path *sp = skb_sec_path(skb);
	struct xha_slot_sa *e;

	if (!sp || !sp->len) {
		peek(skb, nic);
		return;
	}
	e = saw(sp->xvec[0], nic);
	if (!e)
		return;
	if (sp->ovec[0].flags & CRYPTO_DONE) {
		if (!READ_ONCE(e->hit))
			WRITE_ONCE(e->hit, true);
	} else if (!READ_ONCE(e->miss)) {
		WRITE_ONCE(e->miss, true);
	}
}

static rx_handler_result_t receive(struct sk_buff **pskb)
{
	struct sk_buff *skb = skb_share_check(*pskb, GFP_ATOMIC);
	struct xha_nic *nic;

	if (!skb)
		return RX_HANDLER_CONSUMED;
	*pskb = skb;
	nic = rcu_dereference(skb->dev->rx_handler_data);
	note(skb, nic);
	skb->dev = nic->engine->dev;
	dev_sw_netstats_rx_add(skb->dev, skb->len);
	return RX_HANDLER_ANOTHER;
}

/* --- NICs; RTNL --- */

/* Who transmits what is not left to hardware; also the carrier. A NIC can go without memory. */
static void arrange(struct xha_engine *g)
{
	struct xha_ports *new = &g->sets[rtnl_dereference(g->ports) == &g->sets[0]];
	struct xha_nic *nic;

	/* Who has found it before the last change is still looking. */
	synchronize_net();
	new->n = 0;
	list_for_each_entry(nic, &g->nics, node)
		if (nic->up)
			new->dev[new->n++] = nic->dev;
	if (new->n) {
		rcu_assign_pointer(g->ports, new);
		netif_carrier_on(g->dev);
	} else {
		RCU_INIT_POINTER(g->ports, NULL);
		netif_carrier_off(g->dev);
	}
}

static void copy_addresses(struct xha_nic *nic)
{
	struct net_device *master = nic->engine->dev;

	netif_addr_lock_bh(master);
	dev_uc_sync_multiple(nic->dev, master);
	dev_mc_sync_multiple(nic->dev, master);
	netif_addr_unlock_bh(master);
}

static void set_up(struct xha_nic *nic, bool up)
{
	struct xha_engine *g = nic->engine;
	bool was = nic->usable, usable;
	int dir;

	/* Notified of it twice */
	if (nic->up == up && xha_nic_usable(nic) == was)
		return;
	mutex_lock(&g->mutex);
	/* Whatever it had room for before, it may have been reset since; the worker may be late. */
	if (up && !nic->up) {
		xha_slots_evict(g, nic, U32_MAX);
		for (dir = 0; dir < XHA_DIRS; dir++)
			nic->room[dir] = XHA_SLOTS_ANY;
		nic->unfit = false;
	}
	nic->up = up;
	usable = xha_nic_usable(nic);
	if (usable && !was)
		g->uneven = true;
	if (!usable)
		xha_slots_evict(g, nic, XHA_SLOTS_NOW);
	nic->usable = usable;
	mutex_unlock(&g->mutex);
	arrange(g);
	xha_cache_kick(g);
	if (was != usable)
		xha_engine_notify(g->dev, usable ? XFRM_HA_EVENT_NIC_UP : XFRM_HA_EVENT_NIC_DOWN,
				  nic->dev->name, 0);
}

static void changed(struct xha_nic *nic)
{
	bool up = netif_running(nic->dev) && netif_carrier_ok(nic->dev);

	if (up && !nic->up)
		copy_addresses(nic);
	set_up(nic, up);
}

/*
 * While it still sends: what waits in its queue is what its SAs wait for. Those for which that is
 * not enough, and the inbound ones beyond a batch, leave it when it is down.
 */
static void going_down(struct xha_nic *nic)
{
	set_up(nic, false);
	xha_clones_drain(nic, XHA_CLONE_LEAVE);
}

static void limits(struct xha_engine *g)
{
	unsigned int size = TSO_LEGACY_MAX_SIZE, segs = TSO_MAX_SEGS;
	unsigned short head = 0, tail = 0;
	struct xha_nic *nic;

	if (!list_empty(&g->nics))
		size = TSO_MAX_SIZE;
	list_for_each_entry(nic, &g->nics, node) {
		head = max(head, nic->dev->needed_headroom);
		tail = max(tail, nic->dev->needed_tailroom);
		size = min(size, nic->dev->tso_max_size);
		segs = min(segs, nic->dev->tso_max_segs);
	}
	g->dev->needed_headroom = head;
	g->dev->needed_tailroom = tail;
	netif_set_tso_max_size(g->dev, size);
	netif_set_tso_max_segs(g->dev, segs);
}

/*
 * Drivers that take the private area of an inbound SA's xso.dev, which is the engine device's,
 * for their own: bonding (bond_ipsec_add_sa()), cxgb4 (ch_ipsec_xfrm_add_state()).
 */
static bool only_by_itself(const struct net_device *dev)
{
	const struct device *parent = dev->dev.parent;

	return netif_is_bond_master(dev) ||
	       (parent && parent->driver && !strcmp(parent->driver->name, "cxgb4"));
}

static int may_enslave(struct xha_engine *g, struct net_device *dev,
		       struct netlink_ext_ack *extack)
{
	struct xha_nic *nic;
	int n = 0;

	if (dev->type != ARPHRD_ETHER || dev->flags & IFF_LOOPBACK) {
		NL_SET_ERR_MSG(extack, "Only Ethernet devices can be an engine's NICs");
		return -EINVAL;
	}
	if (xha_is_engine(dev)) {
		NL_SET_ERR_MSG(extack, "An engine device can't be another's NIC");
		return -EINVAL;
	}
	if (only_by_itself(dev)) {
		NL_SET_ERR_MSG(extack, "The device's driver does ESP offload for its own SAs only");
		return -EOPNOTSUPP;
	}
	if (netdev_is_rx_handler_busy(dev) || netdev_master_upper_dev_get(dev)) {
		NL_SET_ERR_MSG(extack, "The device has another master or user");
		return -EBUSY;
	}
	list_for_each_entry(nic, &g->nics, node)
		n++;
	if (n == XHA_ENGINE_NICS) {
		NL_SET_ERR_MSG_FMT(extack, "An engine device has %d NICs at most",
				   XHA_ENGINE_NICS);
		return -ENOSPC;
	}
	return 0;
}

static int set_mac(struct net_device *dev, const u8 *mac, struct netlink_ext_ack *extack)
{
	struct sockaddr_storage ss = { .ss_family = dev->type };

	if (ether_addr_equal(dev->dev_addr, mac))
		return 0;
	memcpy(ss.__data, mac, ETH_ALEN);
	return dev_set_mac_address(dev, &ss, extack);
}

/* The first NIC gives the engine device its address, unless the user has. */
static int align(struct xha_engine *g, struct xha_nic *nic, struct netlink_ext_ack *extack)
{
	struct net_device *dev = g->dev;
	int err;

	if (list_empty(&g->nics) && dev->addr_assign_type == NET_ADDR_RANDOM) {
		err = set_mac(dev, nic->mac, extack);
		if (!err)
			dev->addr_assign_type = NET_ADDR_STOLEN;
	} else {
		err = set_mac(nic->dev, dev->dev_addr, extack);
	}
	if (err)
		return err;
	err = dev_set_mtu(nic->dev, dev->mtu);
	if (err) {
		NL_SET_ERR_MSG(extack, "The device can't have the engine device's MTU");
		set_mac(nic->dev, nic->mac, NULL);
	}
	return err;
}

static void restore(struct xha_nic *nic)
{
	dev_set_mtu(nic->dev, nic->mtu);
	set_mac(nic->dev, nic->mac, NULL);
}

static struct xha_nic *create(struct xha_engine *g, struct net_device *dev)
{
	struct xha_nic *nic = kzalloc_obj(*nic, GFP_KERNEL);
	int dir;

	if (!nic)
		return NULL;
	if (xha_cache_plan_alloc(&nic->plan, g->plan.room)) {
		kfree(nic);
		return NULL;
	}
	refcount_set(&nic->ref, 1);
	nic->dev = dev;
	nic->engine = g;
	nic->weight = 1;
	for (dir = 0; dir < XHA_DIRS; dir++) {
		nic->slots[dir] = XHA_SLOTS_ANY;
		nic->room[dir] = XHA_SLOTS_ANY;
	}
	nic->dropped = xha_nic_dropped(nic);
	ether_addr_copy(nic->mac, dev->dev_addr);
	nic->mtu = dev->mtu;
	return nic;
}

static int add_slave(struct net_device *master, struct net_device *dev,
		     struct netlink_ext_ack *extack)
{
	struct xha_engine *g = netdev_priv(master);
	struct xha_nic *nic;
	int err;

	err = may_enslave(g, dev, extack);
	if (err)
		return err;
	nic = create(g, dev);
	if (!nic)
		return -ENOMEM;
	err = align(g, nic, extack);
	if (err)
		goto err_nic;
	err = netdev_rx_handler_register(dev, receive, nic);
	if (err)
		goto err_align;
	err = netdev_master_upper_dev_link(dev, master, NULL, NULL, extack);
	if (err)
		goto err_handler;
	err = vlan_vids_add_by_dev(dev, master);
	if (err)
		goto err_link;
	netdev_hold(dev, &nic->tracker, GFP_KERNEL);
	dev->priv_flags &= ~IFF_TX_SKB_SHARING;
	/* The addresses are the engine device's. */
	dev->priv_flags |= IFF_NO_ADDRCONF;
	if (master->flags & IFF_PROMISC)
		dev_set_promiscuity(dev, 1);
	if (master->flags & IFF_ALLMULTI)
		dev_set_allmulti(dev, 1);
	mutex_lock(&g->mutex);
	list_add_tail(&nic->node, &g->nics);
	mutex_unlock(&g->mutex);
	copy_addresses(nic);
	limits(g);
	/* Up with its engine device, as ports of other masters are. */
	if (master->flags & IFF_UP)
		dev_open(dev, NULL);
	changed(nic);
	return 0;

err_link:
	netdev_upper_dev_unlink(dev, master);
err_handler:
	netdev_rx_handler_unregister(dev);
err_align:
	restore(nic);
err_nic:
	xha_nic_put(nic);
	return err;
}

/* Its SAs first: a NIC without SAs goes like any other. */
static int del_slave(struct net_device *master, struct net_device *dev)
{
	struct xha_engine *g = netdev_priv(master);
	struct xha_nic *nic = xha_nic_of(dev);

	if (!nic || nic->engine != g)
		return -EINVAL;
	going_down(nic);
	mutex_lock(&g->mutex);
	xha_slots_evict(g, nic, U32_MAX);
	list_del(&nic->node);
	g->turn++;
	mutex_unlock(&g->mutex);
	xha_clones_detach(nic);
	/* It is down: none waits for packets. Its driver may go next. */
	if (dev->reg_state != NETREG_REGISTERED) {
		xha_clones_down(dev);
		xha_clones_drain(nic, MAX_SCHEDULE_TIMEOUT);
	}
	arrange(g);
	dev_mc_unsync(dev, master);
	dev_uc_unsync(dev, master);
	if (master->flags & IFF_ALLMULTI)
		dev_set_allmulti(dev, -1);
	if (master->flags & IFF_PROMISC)
		dev_set_promiscuity(dev, -1);
	dev->priv_flags &= ~IFF_NO_ADDRCONF;
	vlan_vids_del_by_dev(dev, master);
	netdev_upper_dev_unlink(dev, master);
	netdev_rx_handler_unregister(dev);
	if (dev->reg_state == NETREG_REGISTERED)
		restore(nic);
	limits(g);
	netdev_put(dev, &nic->tracker);
	xha_nic_put(nic);
	return 0;
}

/* It is deleted, or goes to another netns: without NICs, and without what it has adopted. */
static void dissolve(struct xha_engine *g)
{
	struct xha_nic *nic, *tmp;

	list_for_each_entry_safe(nic, tmp, &g->nics, node)
		del_slave(g->dev, nic->dev);
	mutex_lock(&g->mutex);
	xha_engine_adopter(g, false, "", NULL);
	mutex_unlock(&g->mutex);
}

static int nic_event(struct notifier_block *nb, unsigned long event, void *ptr)
{
	struct net_device *dev = netdev_notifier_info_to_dev(ptr);
	struct xha_nic *nic = xha_nic_of(dev);

	if (event == NETDEV_UNREGISTER && xha_is_engine(dev))
		dissolve(netdev_priv(dev));
	/* One that is up is not down: unregister_netdevice_notifier() says so of all. */
	if (event == NETDEV_DOWN && !(dev->flags & IFF_UP))
		xha_clones_down(dev);
	if (!nic)
		return NOTIFY_DONE;
	switch (event) {
	case NETDEV_GOING_DOWN:
		going_down(nic);
		break;
	case NETDEV_UP:
	case NETDEV_DOWN:
	case NETDEV_CHANGE:
	case NETDEV_FEAT_CHANGE:
		limits(nic->engine);
		changed(nic);
		break;
	case NETDEV_UNREGISTER:
		del_slave(nic->engine->dev, dev);
		break;
	case NETDEV_PRE_TYPE_CHANGE:
		return NOTIFY_BAD;
	}
	return NOTIFY_DONE;
}

/* Before xfrm's own, which takes the SAs away from a device that goes down. */
static struct notifier_block notifier = {
	.notifier_call = nic_event,
	.priority = INT_MAX,
};

/* --- the device --- */

static int open(struct net_device *dev)
{
	struct xha_engine *g = netdev_priv(dev);
	struct xha_nic *nic;

	list_for_each_entry(nic, &g->nics, node)
		dev_open(nic->dev, NULL);
	mutex_lock(&g->mutex);
	g->next = jiffies;
	g->walk = jiffies;
	WRITE_ONCE(g->open, true);
	mutex_unlock(&g->mutex);
	xha_cache_kick(g);
	return 0;
}

static int stop(struct net_device *dev)
{
	struct xha_engine *g = netdev_priv(dev);

	mutex_lock(&g->mutex);
	WRITE_ONCE(g->open, false);
	xha_slots_quit(g);
	xha_slots_give_back(g);
	mutex_unlock(&g->mutex);
	cancel_delayed_work_sync(&g->work);
	WRITE_ONCE(g->kicked, false);
	return 0;
}

static void set_rx_mode(struct net_device *dev)
{
	struct xha_engine *g = netdev_priv(dev);
	struct xha_ports *ports;
	int i;

	rcu_read_lock();
	ports = rcu_dereference(g->ports);
	for (i = 0; ports && i < ports->n; i++) {
		dev_uc_sync_multiple(ports->dev[i], dev);
		dev_mc_sync_multiple(ports->dev[i], dev);
	}
	rcu_read_unlock();
}

static void change_rx_flags(struct net_device *dev, int change)
{
	struct xha_engine *g = netdev_priv(dev);
	struct xha_nic *nic;

	list_for_each_entry(nic, &g->nics, node) {
		if (change & IFF_PROMISC)
			dev_set_promiscuity(nic->dev, dev->flags & IFF_PROMISC ? 1 : -1);
		if (change & IFF_ALLMULTI)
			dev_set_allmulti(nic->dev, dev->flags & IFF_ALLMULTI ? 1 : -1);
	}
}

/* All, or none. */
static int change_mtu(struct net_device *dev, int mtu)
{
	struct xha_engine *g = netdev_priv(dev);
	struct xha_nic *nic;
	int err;

	list_for_each_entry(nic, &g->nics, node) {
		err = dev_set_mtu(nic->dev, mtu);
		if (err) {
			list_for_each_entry_continue_reverse(nic, &g->nics, node)
				dev_set_mtu(nic->dev, dev->mtu);
			return err;
		}
	}
	WRITE_ONCE(dev->mtu, mtu);
	return 0;
}

static int set_mac_address(struct net_device *dev, void *p)
{
	struct xha_engine *g = netdev_priv(dev);
	struct sockaddr *addr = p;
	struct xha_nic *nic;
	int err;

	if (!is_valid_ether_addr(addr->sa_data))
		return -EADDRNOTAVAIL;
	list_for_each_entry(nic, &g->nics, node) {
		err = set_mac(nic->dev, addr->sa_data, NULL);
		if (err) {
			list_for_each_entry_continue_reverse(nic, &g->nics, node)
				set_mac(nic->dev, dev->dev_addr, NULL);
			return err;
		}
	}
	eth_hw_addr_set(dev, addr->sa_data);
	return 0;
}

/* All, or none. */
static int vlan_add(struct net_device *dev, __be16 proto, u16 vid)
{
	struct xha_engine *g = netdev_priv(dev);
	struct xha_nic *nic;
	int err;

	list_for_each_entry(nic, &g->nics, node) {
		err = vlan_vid_add(nic->dev, proto, vid);
		if (err) {
			list_for_each_entry_continue_reverse(nic, &g->nics, node)
				vlan_vid_del(nic->dev, proto, vid);
			return err;
		}
	}
	return 0;
}

static int vlan_delete(struct net_device *dev, __be16 proto, u16 vid)
{
	struct xha_engine *g = netdev_priv(dev);
	struct xha_nic *nic;

	list_for_each_entry(nic, &g->nics, node)
		vlan_vid_del(nic->dev, proto, vid);
	return 0;
}

static int init(struct net_device *dev)
{
	struct xha_engine *g = netdev_priv(dev);

	g->dev = dev;
	return xha_cache_init(g);
}

/* Dissolved, its SAs gone. */
static void uninit(struct net_device *dev)
{
	struct xha_engine *g = netdev_priv(dev);

	xha_cache_fini(g);
}

static const struct net_device_ops engine_netdev_ops = {
	.ndo_init		= init,
	.ndo_uninit		= uninit,
	.ndo_open		= open,
	.ndo_stop		= stop,
	.ndo_start_xmit		= transmit,
	.ndo_features_check	= features_check,
	.ndo_set_rx_mode	= set_rx_mode,
	.ndo_change_rx_flags	= change_rx_flags,
	.ndo_change_mtu		= change_mtu,
	.ndo_set_mac_address	= set_mac_address,
	.ndo_validate_addr	= eth_validate_addr,
	.ndo_vlan_rx_add_vid	= vlan_add,
	.ndo_vlan_rx_kill_vid	= vlan_delete,
	.ndo_add_slave		= add_slave,
	.ndo_del_slave		= del_slave,
};

static const struct ethtool_ops engine_ethtool_ops = {
	.get_link		= ethtool_op_get_link,
};

void xha_engine_setup(struct net_device *dev)
{
	ether_setup(dev);
	dev->netdev_ops = &engine_netdev_ops;
	dev->ethtool_ops = &engine_ethtool_ops;
	dev->xfrmdev_ops = &xha_engine_xfrmdev_ops;
	dev->priv_flags &= ~(IFF_TX_SKB_SHARING | IFF_XMIT_DST_RELEASE);
	dev->priv_flags |= IFF_NO_QUEUE | IFF_LIVE_ADDR_CHANGE | IFF_UNICAST_FLT;
	dev->lltx = true;
	dev->features = FEATURES | VLAN_FILTERS;
	dev->hw_features = FEATURES & ~ESP_FEATURES;
	dev->hw_enc_features = FEATURES;
	dev->vlan_features = FEATURES & ~ESP_FEATURES;
	dev->max_mtu = ETH_MAX_MTU;
	dev->needs_free_netdev = true;
	dev->pcpu_stat_type = NETDEV_PCPU_STAT_TSTATS;
}

int xha_engine_init(void)
{
	int err;

	err = xha_slots_init();
	if (err)
		return err;
	err = xha_adopt_init();
	if (err)
		goto err_slots;
	err = register_netdevice_notifier(&notifier);
	if (err)
		goto err_adopt;
	err = xha_engine_rtnl_init();
	if (err)
		goto err_notifier;
	return 0;

err_notifier:
	unregister_netdevice_notifier(&notifier);
err_adopt:
	xha_adopt_exit();
err_slots:
	xha_slots_exit();
	return err;
}

void xha_engine_exit(void)
{
	rtnl_link_unregister(&xha_engine_link_ops);
	/* Until then it is told of NICs that go down. */
	xha_clones_exit();
	unregister_netdevice_notifier(&notifier);
	xha_adopt_exit();
	xha_slots_exit();
}

/* An SA that is installed before them can't be offloaded; xfrm loads them on demand only. */
MODULE_SOFTDEP("post: esp4_offload esp6_offload");
