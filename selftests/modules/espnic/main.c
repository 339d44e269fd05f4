// SPDX-License-Identifier: GPL-2.0
/* A NIC with ESP offload, for tests: real AES-GCM, few slots, faults on demand. */

#include <linux/debugfs.h>
#include <linux/etherdevice.h>
#include <linux/module.h>
#include <net/rtnetlink.h>

#include "espnic.h"

/**
 * DOC: espnic
 *
 * A pair, joined by a cable::
 *
 *	ip link add nic0 type espnic				one NIC, no cable
 *	ip link add nic1 link nic0 [netns NS] type espnic	another, with a cable to nic0
 *
 * An end whose other end is deleted stays, without carrier. Carrier is there while both
 * ends are up; the kernel tells of a change as it does for a NIC, up to a second later. When a
 * device with ESP offload goes down, the kernel deletes the device's SAs.
 *
 * **What it does.** The hardware (this module) has a number of slots for each direction. For
 * an SA in a slot, it writes IV and ICV and encrypts what the stack sends through it, and
 * decrypts what arrives; everything else is the stack's. The IV is the sequence number, 64 bit.
 * In an outbound packet with ESN, the upper half comes from the stack; inbound, the
 * hardware infers it from what advance_esn told it last. IP fragments, IPv4 options and IPv6
 * extension headers are beyond it, such packets are the stack's.
 *
 * **Segmentation** of TCP, alone and in ESP, is the stack's at first: each segment comes here by
 * itself. ``ethtool -K NAME tso on tx-tcp6-segmentation on tx-esp-segmentation on`` makes it the
 * hardware's; with tx-gso-partial on, set before, ESP is so in part, as with mlx5: the stack
 * brings a packet to a multiple of what a segment holds, and has done the headers. The numbers of
 * the pieces follow that of the first one. What the stack may ask for at once is limited by
 * tso_max_size and tso_max_segs, parameters of this module.
 *
 * **VLANs** (ethtool's rx-vlan-filter, off at first). When it is on, a frame of a VLAN that nobody
 * has asked for is dropped, unless the device is promiscuous.
 *
 * **Packet mode** (XFRM_OFFLOAD_PACKET; IPv4, transport mode). The hardware does all of ESP and
 * keeps the numbers, which begin where the SA says when it is added; the stack's stay as they
 * are. Policies of this mode say what is encrypted, with the newest SA of their reqid and their
 * remote address. If there is none, the packet is dropped. Inbound, a packet whose number was
 * seen, or is 64 below the highest one, or whose ICV is wrong, is dropped; others are the stack's
 * without ESP, and name their SA. Whether the stack holds that SA, the hardware does not know.
 * Acquires are not supported: a policy without an SA raises none.
 *
 * **Queues and filters** (ethtool's ntuple, off at first). Packets come in on one of 4 queues, in
 * truth all by one NAPI: the queue is what is counted, and what the packet says. A filter for
 * ESP, IPv4 or IPv6, with any part of SPI, source and destination, gives a packet of such a
 * flow its queue; of several the one at the lowest location. All else comes on queue 0. What
 * is encrypted is looked at, before it is decrypted here. A filter that is put where one is
 * replaces it, unless flow_unique is set.
 *
 * A packet that the stack has left to the hardware, and whose SA the hardware does not know, is
 * dropped. It is never sent as it is. So is one with a number (ESN) that its SA has not reached
 * yet: drivers read replay_esn of the SA that the packet names (mlx5e_ipsec_set_iv_esn()).
 *
 * **For tests**, in /sys/kernel/debug/espnic/NAME/, NAME being the one that the device was
 * created with (hence unique in all namespaces):
 *
 * - slots_rx, slots_tx: how many there are; fewer than are used only keeps new SAs out
 * - fail_add: the next N SAs are refused with errno fail_add_errno (EOPNOTSUPP: the stack
 *   goes on in software, without an error); if fail_add_spi is not 0, of that SPI only
 * - add_delay_ms, free_delay_ms: how long the firmware takes for an SA that comes, or is freed
 * - adding: how many are just coming
 * - delete_delay_ms: how long a slot stays in use when its SA is deleted
 * - corrupt_icv_tx, corrupt_icv_rx: the next N packets get a wrong ICV
 * - leave_rx: the next N packets of known SAs are left to the stack
 * - drop_tx: the next N frames are not sent
 * - flows: how many filters there is room for, 16 at first, 64 at most
 * - flow_any: the hardware chooses where a filter goes, and nobody else (RX_CLS_LOC_SPECIAL)
 * - flow_unique: no filter replaces one, nor has the flow of another (EEXIST)
 * - fail_flow_add: the next N filters are refused with EOPNOTSUPP
 * - fail_flow_delete: the next N removals of a filter are refused with EBUSY
 * - reset: write 1, and the hardware forgets all SAs; the stack does not know that
 * - calls: how many SAs have been added, and freed
 * - sas: what is in the slots: direction, SPI, address, packets, octets
 *
 * and ``ethtool -S``: see espnic_names.
 *
 * **Life of an SA.** add() is called when nobody else knows the SA, may sleep. delete() is
 * called under the SA's lock, maybe in softirq: from then on no packet finds it here. free() is
 * called when nobody uses the SA, or when the device goes down; in the latter case packets that
 * know the SA may still be on their way, so espnic_transmit() looks it up by its address and
 * does not trust offload_handle. Two references keep an espnic_sa: the slot's and the stack's.
 *
 * **Locking.** nic->lock, a spinlock for BH, guards tables, lists, counts of used slots, filters
 * and counts of queues. It nests inside x->lock. Packets read the tables of SAs under RCU. An
 * espnic_sa holds no reference to its xfrm_state: while a reader can find it, the state is there,
 * because the stack waits for a grace period between delete() and the state's end. nic->peer is
 * written under RTNL and read under RCU.
 */

static struct rtnl_link_ops espnic_link_ops;

static unsigned int slots = 16;
module_param(slots, uint, 0644);
MODULE_PARM_DESC(slots, "slots per direction of devices that are created from now on");

static unsigned int tso_max_size = TSO_LEGACY_MAX_SIZE;
module_param(tso_max_size, uint, 0644);
MODULE_PARM_DESC(tso_max_size, "octets of a packet to be cut, of devices created from now on");

static unsigned int tso_max_segs = TSO_MAX_SEGS;
module_param(tso_max_segs, uint, 0644);
MODULE_PARM_DESC(tso_max_segs, "its segments");

/* RCU. Whether it came to the other end, or is dropped, it is the caller's no more. */
static void put_on_wire(struct espnic *nic, struct sk_buff *skb)
{
	struct net_device *peer = rcu_dereference(nic->peer);
	unsigned int len = skb->len;
	struct espnic *other;

	if (inject(&nic->drop_tx)) {
		count(nic, TX, ESPNIC_DROP_FAULT);
		goto drop;
	}
	if (!peer)
		goto drop;
	other = netdev_priv(peer);
	if (skb_queue_len_lockless(&other->ring) >= RING_SIZE)
		goto drop;
	if (__dev_forward_skb(peer, skb)) {
		skb = NULL;
		goto drop;
	}
	skb_queue_tail(&other->ring, skb);
	napi_schedule(&other->napi);
	dev_sw_netstats_tx_add(nic->dev, 1, len);
	return;

drop:
	count(nic, TX, ESPNIC_DROP_LINK);
	dev_core_stats_tx_dropped_inc(nic->dev);
	kfree_skb(skb);
}

static netdev_tx_t espnic_xmit(struct sk_buff *skb, struct net_device *dev)
{
	const struct xfrm_offload *xo = xfrm_offload(skb);
	struct espnic *nic = netdev_priv(dev);
	struct sk_buff_head list;

	if (xo && !(xo->flags & XFRM_XMIT))
		xo = NULL;
	__skb_queue_head_init(&list);
	rcu_read_lock();
	if (skb_is_gso(skb)) {
		if (!espnic_segment(nic, skb, xo, &list))
			goto drop;
		consume_skb(skb);
	} else {
		if (xo && !espnic_transmit(nic, skb, xo))
			goto drop;
		__skb_queue_tail(&list, skb);
	}
	while ((skb = __skb_dequeue(&list))) {
		if (!xo && !espnic_encapsulate(nic, skb)) {
			dev_core_stats_tx_dropped_inc(dev);
			kfree_skb(skb);
			continue;
		}
		put_on_wire(nic, skb);
	}
	rcu_read_unlock();
	return NETDEV_TX_OK;

drop:
	rcu_read_unlock();
	dev_core_stats_tx_dropped_inc(dev);
	kfree_skb(skb);
	return NETDEV_TX_OK;
}

/* Is it of a VLAN that nobody has asked for? */
static bool filtered(struct espnic *nic, struct sk_buff *skb)
{
	const struct net_device *dev = nic->dev;

	if (!(dev->features & NETIF_F_HW_VLAN_CTAG_FILTER) || dev->flags & IFF_PROMISC ||
	    skb->protocol != htons(ETH_P_8021Q) || !pskb_may_pull(skb, VLAN_HLEN))
		return false;
	return !test_bit(ntohs(vlan_eth_hdr(skb)->h_vlan_TCI) & VLAN_VID_MASK, nic->vlans);
}

static int espnic_poll(struct napi_struct *napi, int budget)
{
	struct espnic *nic = container_of(napi, struct espnic, napi);
	struct sk_buff *skb;
	int done = 0;
	bool ok;

	while (done < budget) {
		skb = skb_dequeue(&nic->ring);
		if (!skb)
			break;
		done++;
		if (filtered(nic, skb)) {
			count(nic, RX, ESPNIC_DROP_VLAN);
			kfree_skb(skb);
			continue;
		}
		espnic_classify(nic, skb);
		rcu_read_lock();
		ok = espnic_receive(nic, skb);
		rcu_read_unlock();
		if (!ok) {
			kfree_skb(skb);
			dev_core_stats_rx_dropped_inc(nic->dev);
			continue;
		}
		dev_sw_netstats_rx_add(nic->dev, skb->len + ETH_HLEN);
		napi_gro_receive(napi, skb);
	}
	if (done < budget)
		napi_complete_done(napi, done);
	return done;
}

static int espnic_open(struct net_device *dev)
{
	struct espnic *nic = netdev_priv(dev);
	struct net_device *peer = rtnl_dereference(nic->peer);

	napi_enable(&nic->napi);
	if (peer && peer->flags & IFF_UP) {
		netif_carrier_on(dev);
		netif_carrier_on(peer);
	}
	return 0;
}

static int espnic_stop(struct net_device *dev)
{
	struct espnic *nic = netdev_priv(dev);
	struct net_device *peer = rtnl_dereference(nic->peer);

	netif_carrier_off(dev);
	if (peer)
		netif_carrier_off(peer);
	napi_disable(&nic->napi);
	skb_queue_purge(&nic->ring);
	return 0;
}

static void espnic_uninit(struct net_device *dev)
{
	struct espnic *nic = netdev_priv(dev);

	debugfs_remove(nic->dir);
}

/* After the last reference to the device: SAs hold such. */
static void espnic_destroy(struct net_device *dev)
{
	struct espnic *nic = netdev_priv(dev);

	skb_queue_purge(&nic->ring);
	spin_lock_bh(&nic->lock);
	espnic_reap(nic, true);
	WARN_ON_ONCE(nic->used[RX] || nic->used[TX]);
	spin_unlock_bh(&nic->lock);
}

static int espnic_set_features(struct net_device *dev, netdev_features_t features)
{
	dev->gso_partial_features = features & NETIF_F_GSO_PARTIAL ? NETIF_F_GSO_ESP : 0;
	return 0;
}

static int espnic_vlan_add(struct net_device *dev, __be16 proto, u16 vid)
{
	struct espnic *nic = netdev_priv(dev);

	set_bit(vid, nic->vlans);
	return 0;
}

static int espnic_vlan_delete(struct net_device *dev, __be16 proto, u16 vid)
{
	struct espnic *nic = netdev_priv(dev);

	clear_bit(vid, nic->vlans);
	return 0;
}

static const struct net_device_ops espnic_netdev_ops = {
	.ndo_open		= espnic_open,
	.ndo_stop		= espnic_stop,
	.ndo_uninit		= espnic_uninit,
	.ndo_start_xmit		= espnic_xmit,
	.ndo_set_mac_address	= eth_mac_addr,
	.ndo_validate_addr	= eth_validate_addr,
	.ndo_set_features	= espnic_set_features,
	.ndo_vlan_rx_add_vid	= espnic_vlan_add,
	.ndo_vlan_rx_kill_vid	= espnic_vlan_delete,
};

static void espnic_setup(struct net_device *dev)
{
	const netdev_features_t plain = NETIF_F_SG | NETIF_F_HW_CSUM | NETIF_F_HIGHDMA;
	const netdev_features_t esp = NETIF_F_HW_ESP | NETIF_F_HW_ESP_TX_CSUM;
	const netdev_features_t gso = NETIF_F_TSO | NETIF_F_TSO6 | NETIF_F_GSO_ESP;
	struct espnic *nic = netdev_priv(dev);

	ether_setup(dev);
	dev->netdev_ops = &espnic_netdev_ops;
	dev->ethtool_ops = &espnic_ethtool_ops;
	dev->xfrmdev_ops = &espnic_xfrmdev_ops;
	dev->priv_flags &= ~IFF_TX_SKB_SHARING;
	dev->priv_flags |= IFF_LIVE_ADDR_CHANGE | IFF_NO_QUEUE;
	dev->lltx = true;
	dev->hw_features = plain | gso | NETIF_F_GSO_PARTIAL | NETIF_F_NTUPLE |
			   NETIF_F_HW_VLAN_CTAG_FILTER;
	dev->features = plain | esp;
	dev->hw_enc_features = plain | esp | gso;
	netif_set_tso_max_size(dev, tso_max_size);
	netif_set_tso_max_segs(dev, tso_max_segs);
	dev->max_mtu = 9216;
	dev->needs_free_netdev = true;
	dev->priv_destructor = espnic_destroy;
	dev->pcpu_stat_type = NETDEV_PCPU_STAT_TSTATS;

	nic->dev = dev;
	spin_lock_init(&nic->lock);
	INIT_LIST_HEAD(&nic->leaving);
	INIT_LIST_HEAD(&nic->policies);
	skb_queue_head_init(&nic->ring);
	nic->slots[RX] = slots;
	nic->slots[TX] = slots;
	nic->fail_add_errno = ENOMEM;
	nic->flows = 16;
}

static int espnic_validate(struct nlattr *tb[], struct nlattr *data[],
			   struct netlink_ext_ack *extack)
{
	if (tb[IFLA_ADDRESS] && (nla_len(tb[IFLA_ADDRESS]) != ETH_ALEN ||
				 !is_valid_ether_addr(nla_data(tb[IFLA_ADDRESS])))) {
		NL_SET_ERR_MSG_ATTR(extack, tb[IFLA_ADDRESS], "Invalid Ethernet address");
		return -EADDRNOTAVAIL;
	}
	return 0;
}

static struct net_device *other_end(struct net *net, struct nlattr *link,
				    struct netlink_ext_ack *extack)
{
	struct net_device *peer = __dev_get_by_index(net, nla_get_u32(link));

	if (!peer || peer->rtnl_link_ops != &espnic_link_ops) {
		NL_SET_ERR_MSG_MOD(extack, "The other end must be an espnic as well");
		return ERR_PTR(-EINVAL);
	}
	if (rtnl_dereference(((struct espnic *)netdev_priv(peer))->peer)) {
		NL_SET_ERR_MSG_MOD(extack, "The other end has a cable already");
		return ERR_PTR(-EBUSY);
	}
	return peer;
}

static int newlink(struct net_device *dev, struct rtnl_newlink_params *params,
		   struct netlink_ext_ack *extack)
{
	struct espnic *nic = netdev_priv(dev), *other;
	struct net_device *peer = NULL;
	struct nlattr **tb = params->tb;
	int err;

	if (tb[IFLA_LINK]) {
		peer = other_end(rtnl_newlink_link_net(params), tb[IFLA_LINK], extack);
		if (IS_ERR(peer))
			return PTR_ERR(peer);
	}
	if (!tb[IFLA_ADDRESS])
		eth_hw_addr_random(dev);
	netif_napi_add(dev, &nic->napi, espnic_poll);
	err = register_netdevice(dev);
	if (err)
		return err;
	netif_carrier_off(dev);
	err = espnic_debugfs_add(nic, extack);
	if (err) {
		unregister_netdevice(dev);
		return err;
	}
	if (peer) {
		other = netdev_priv(peer);
		rcu_assign_pointer(nic->peer, peer);
		rcu_assign_pointer(other->peer, dev);
	}
	return 0;
}

static void espnic_dellink(struct net_device *dev, struct list_head *head)
{
	struct espnic *nic = netdev_priv(dev), *other;
	struct net_device *peer = rtnl_dereference(nic->peer);

	if (peer) {
		other = netdev_priv(peer);
		netif_carrier_off(peer);
		RCU_INIT_POINTER(other->peer, NULL);
		RCU_INIT_POINTER(nic->peer, NULL);
	}
	unregister_netdevice_queue(dev, head);
}

static struct net *espnic_get_link_net(const struct net_device *dev)
{
	const struct espnic *nic = netdev_priv(dev);
	const struct net_device *peer = rtnl_dereference(nic->peer);

	return dev_net(peer ?: dev);
}

static unsigned int espnic_queues(void)
{
	return QUEUES;
}

static struct rtnl_link_ops espnic_link_ops = {
	.kind		= DRV_NAME,
	.priv_size	= sizeof(struct espnic),
	.setup		= espnic_setup,
	.validate	= espnic_validate,
	.newlink	= newlink,
	.dellink	= espnic_dellink,
	.get_link_net	= espnic_get_link_net,
	.get_num_rx_queues = espnic_queues,
};

static int __init espnic_init(void)
{
	int err;

	err = espnic_sa_init();
	if (err)
		return err;
	espnic_debugfs_init();
	err = rtnl_link_register(&espnic_link_ops);
	if (err) {
		espnic_debugfs_exit();
		espnic_sa_exit();
	}
	return err;
}

static void __exit espnic_exit(void)
{
	rtnl_link_unregister(&espnic_link_ops);
	espnic_debugfs_exit();
	espnic_sa_exit();
}

module_init(espnic_init);
module_exit(espnic_exit);

MODULE_DESCRIPTION("NIC with ESP offload, for tests");
MODULE_LICENSE("GPL");
MODULE_ALIAS_RTNL_LINK(DRV_NAME);
