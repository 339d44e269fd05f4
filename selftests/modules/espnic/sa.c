// SPDX-License-Identifier: GPL-2.0
/* SAs in the hardware: slots, tables, what the stack asks for. */

#include <crypto/aead.h>
#include <linux/delay.h>
#include <linux/hash.h>
#include <net/ipv6.h>

#include "espnic.h"

static struct workqueue_struct *espnic_wq;

static void sa_free(struct work_struct *work)
{
	struct espnic_sa *sa = container_of(to_rcu_work(work), struct espnic_sa, free);

	crypto_free_aead(sa->aead);
	kfree_sensitive(sa);
}

static void sa_put(struct espnic_sa *sa)
{
	if (refcount_dec_and_test(&sa->ref))
		queue_rcu_work(espnic_wq, &sa->free);
}

static void vacate(struct espnic *nic, struct espnic_sa *sa)
{
	lockdep_assert_held(&nic->lock);

	sa->place = PLACE_OUT;
	nic->used[sa->dir]--;
	sa_put(sa);
}

void espnic_reap(struct espnic *nic, bool all)
{
	struct espnic_sa *sa, *tmp;

	lockdep_assert_held(&nic->lock);

	list_for_each_entry_safe(sa, tmp, &nic->leaving, leaving) {
		if (!all && time_before(jiffies, sa->until))
			continue;
		list_del(&sa->leaving);
		vacate(nic, sa);
	}
}

static void unlink(struct espnic *nic, struct espnic_sa *sa)
{
	lockdep_assert_held(&nic->lock);

	if (sa->place != PLACE_TABLE)
		return;
	hlist_del_rcu(&sa->node);
	sa->place = PLACE_LEAVING;
	sa->until = jiffies + msecs_to_jiffies(READ_ONCE(nic->delete_delay_ms));
	list_add_tail(&sa->leaving, &nic->leaving);
	espnic_reap(nic, false);
}

static struct hlist_head *bucket_rx(struct espnic *nic, __be32 spi)
{
	return &nic->table[RX][hash_32((__force u32)spi, TABLE_BITS)];
}

static struct hlist_head *bucket_tx(struct espnic *nic, const struct xfrm_state *x)
{
	return &nic->table[TX][hash_ptr(x, TABLE_BITS)];
}

struct espnic_sa *espnic_find_tx(struct espnic *nic, const struct xfrm_state *x)
{
	struct espnic_sa *sa;

	hlist_for_each_entry_rcu(sa, bucket_tx(nic, x), node)
		if (sa->x == x)
			return sa;
	return NULL;
}

/* With a reference to its xfrm_state, for the packet. */
struct espnic_sa *espnic_find_rx(struct espnic *nic, const void *daddr, __be32 spi, int family)
{
	struct espnic_sa *sa;

	hlist_for_each_entry_rcu(sa, bucket_rx(nic, spi), node) {
		struct xfrm_state *x = sa->x;

		if (x->id.spi == spi && x->props.family == family &&
		    xfrm_addr_equal(&x->id.daddr, daddr, family) &&
		    refcount_inc_not_zero(&x->refcnt))
			return sa;
	}
	return NULL;
}

/* Packet mode, outbound: the newest SA of a policy, or NULL. */
struct espnic_sa *espnic_find_reqid(struct espnic *nic, u32 reqid, __be32 daddr)
{
	struct espnic_sa *sa, *found = NULL;
	int i;

	for (i = 0; i < ARRAY_SIZE(nic->table[TX]); i++)
		hlist_for_each_entry_rcu(sa, &nic->table[TX][i], node)
			if (sa->packet && sa->x->props.reqid == reqid &&
			    sa->x->id.daddr.a4 == daddr && (!found || sa->order > found->order))
				found = sa;
	return found;
}

static int check_kind(const struct xfrm_state *x, struct netlink_ext_ack *extack)
{
	const struct xfrm_algo_aead *aead = x->aead;

	if (x->xso.type == XFRM_DEV_OFFLOAD_PACKET &&
	    (x->props.family != AF_INET || x->props.mode != XFRM_MODE_TRANSPORT)) {
		NL_SET_ERR_MSG_MOD(extack, "Packet offload is for IPv4 in transport mode only");
		return -EINVAL;
	}
	if (x->id.proto != IPPROTO_ESP || x->encap || x->calg ||
	    (x->props.mode != XFRM_MODE_TUNNEL && x->props.mode != XFRM_MODE_TRANSPORT)) {
		NL_SET_ERR_MSG_MOD(extack,
				   "Only ESP in tunnel or transport mode, not encapsulated, is supported");
		return -EINVAL;
	}
	if (!aead || strcmp(aead->alg_name, "rfc4106(gcm(aes))") ||
	    aead->alg_icv_len != ICV_LEN * 8 ||
	    (aead->alg_key_len != (16 + SALT_LEN) * 8 &&
	     aead->alg_key_len != (32 + SALT_LEN) * 8)) {
		NL_SET_ERR_MSG_MOD(extack,
				   "Only rfc4106(gcm(aes)) with 128 or 256 bit key and 128 bit ICV is supported");
		return -EINVAL;
	}
	return 0;
}

static u64 seq64(u32 low, u32 high)
{
	return (u64)high << 32 | low;
}

/* The hardware goes on where the stack says, and from then on by itself. */
static void begin_packet_mode(struct espnic_sa *sa)
{
	const struct xfrm_replay_state_esn *r = sa->x->replay_esn;

	sa->packet = true;
	sa->window = PACKET_WINDOW;
	if (r) {
		atomic64_set(&sa->number, seq64(r->oseq, r->oseq_hi));
		atomic64_set(&sa->esn, seq64(r->seq, r->seq_hi));
	} else {
		atomic64_set(&sa->number, sa->x->replay.oseq);
		atomic64_set(&sa->esn, sa->x->replay.seq);
	}
	sa->seen = U64_MAX;
}

static struct espnic_sa *sa_alloc(struct xfrm_state *x, int dir)
{
	unsigned int key_len = x->aead->alg_key_len / 8 - SALT_LEN;
	struct espnic_sa *sa;
	int err;

	sa = kzalloc_obj(*sa, GFP_KERNEL);
	if (!sa)
		return ERR_PTR(-ENOMEM);
	/* Packets come in softirq and don't wait. */
	sa->aead = crypto_alloc_aead("gcm(aes)", 0, CRYPTO_ALG_ASYNC);
	if (IS_ERR(sa->aead)) {
		err = PTR_ERR(sa->aead);
		goto err_free;
	}
	err = crypto_aead_setkey(sa->aead, x->aead->alg_key, key_len);
	if (!err)
		err = crypto_aead_setauthsize(sa->aead, ICV_LEN);
	if (err)
		goto err_aead;

	sa->x = x;
	sa->dir = dir;
	memcpy(sa->salt, x->aead->alg_key + key_len, SALT_LEN);
	if (x->xso.type == XFRM_DEV_OFFLOAD_PACKET) {
		begin_packet_mode(sa);
	} else if (x->replay_esn && x->props.flags & XFRM_STATE_ESN) {
		sa->window = x->replay_esn->replay_window;
		atomic64_set(&sa->esn, seq64(x->replay_esn->seq, x->replay_esn->seq_hi));
	}
	INIT_RCU_WORK(&sa->free, sa_free);
	refcount_set(&sa->ref, 2);
	return sa;

err_aead:
	crypto_free_aead(sa->aead);
err_free:
	kfree(sa);
	return ERR_PTR(err);
}

/* Takes its time, until the test says that it takes less. */
static void firmware(const u32 *ms)
{
	unsigned long start = jiffies;

	while (time_before(jiffies, start + msecs_to_jiffies(READ_ONCE(*ms))))
		msleep(20);
}

static int state_add(struct net_device *dev, struct xfrm_state *x, struct netlink_ext_ack *extack)
{
	struct espnic *nic = netdev_priv(dev);
	int dir = x->xso.dir == XFRM_DEV_OFFLOAD_IN ? RX : TX;
	struct espnic_sa *sa;
	u32 only;
	int err;

	err = check_kind(x, extack);
	if (err) {
		count(nic, dir, ESPNIC_REFUSED_KIND);
		return err;
	}
	only = READ_ONCE(nic->fail_add_spi);
	if ((!only || only == ntohl(x->id.spi)) && inject(&nic->fail_add)) {
		count(nic, dir, ESPNIC_REFUSED_FAULT);
		NL_SET_ERR_MSG_MOD(extack, "Refused, as the test asked for");
		return -(int)clamp(READ_ONCE(nic->fail_add_errno), 1U, (u32)MAX_ERRNO);
	}
	atomic_inc(&nic->adding);
	firmware(&nic->add_delay_ms);
	atomic_dec(&nic->adding);
	sa = sa_alloc(x, dir);
	if (IS_ERR(sa))
		return PTR_ERR(sa);

	spin_lock_bh(&nic->lock);
	espnic_reap(nic, false);
	if (nic->used[dir] >= READ_ONCE(nic->slots[dir])) {
		spin_unlock_bh(&nic->lock);
		count(nic, dir, ESPNIC_REFUSED_FULL);
		NL_SET_ERR_MSG_MOD(extack, "No free slot for an SA in this direction");
		crypto_free_aead(sa->aead);
		kfree_sensitive(sa);
		return -ENOSPC;
	}
	nic->used[dir]++;
	sa->order = ++nic->order;
	x->xso.offload_handle = (unsigned long)sa;
	hlist_add_head_rcu(&sa->node,
			   dir == RX ? bucket_rx(nic, x->id.spi) : bucket_tx(nic, x));
	spin_unlock_bh(&nic->lock);
	count(nic, dir, ESPNIC_ADDS);
	return 0;
}

static void state_delete(struct net_device *dev, struct xfrm_state *x)
{
	struct espnic_sa *sa = (struct espnic_sa *)x->xso.offload_handle;
	struct espnic *nic = netdev_priv(dev);

	spin_lock_bh(&nic->lock);
	unlink(nic, sa);
	spin_unlock_bh(&nic->lock);
	count(nic, sa->dir, ESPNIC_DELETES);
}

static void state_free(struct net_device *dev, struct xfrm_state *x)
{
	struct espnic_sa *sa = (struct espnic_sa *)x->xso.offload_handle;
	struct espnic *nic = netdev_priv(dev);

	firmware(&nic->free_delay_ms);
	count(nic, sa->dir, ESPNIC_FREES);
	sa_put(sa);
}

/* IPv4 options and IPv6 extension headers stay outside in transport mode, see espnic_parse(). */
static bool espnic_offload_ok(struct sk_buff *skb, struct xfrm_state *x)
{
	if (x->props.mode != XFRM_MODE_TRANSPORT)
		return true;
	if (x->props.family == AF_INET)
		return ip_hdr(skb)->ihl == 5;
	return !ipv6_ext_hdr(ipv6_hdr(skb)->nexthdr);
}

/*
 * For each packet that moves the window, since Linux 7.x for each that is sent as well (a number
 * that the hardware has from the packet), maybe beside free(): x->xso.dev may be gone. x->lock
 * is held, a spinlock, hence this is an RCU section as well. The device is in real_dev where that
 * is told to another one, which has passed the SA on.
 */
static void espnic_state_advance_esn(struct xfrm_state *x)
{
	const struct net_device *dev = READ_ONCE(x->xso.real_dev) ?: READ_ONCE(x->xso.dev);
	struct espnic_sa *sa;
	struct espnic *nic;

	if (!dev)
		return;
	nic = netdev_priv(dev);
	if (x->xso.dir == XFRM_DEV_OFFLOAD_OUT) {
		count(nic, TX, ESPNIC_ADVANCED);
		return;
	}
	count(nic, RX, ESPNIC_ADVANCED);
	hlist_for_each_entry_rcu(sa, bucket_rx(nic, x->id.spi), node)
		if (sa->x == x && !sa->packet)
			atomic64_set(&sa->esn, seq64(x->replay_esn->seq, x->replay_esn->seq_hi));
}

/* Packet mode: what the stack does not see it asks for. */
static void espnic_state_update_stats(struct xfrm_state *x)
{
	struct espnic_sa *sa = (struct espnic_sa *)x->xso.offload_handle;

	if (!sa->packet)
		return;
	x->curlft.packets += atomic64_xchg(&sa->unread_packets, 0);
	x->curlft.bytes += atomic64_xchg(&sa->unread_octets, 0);
}

const struct xfrmdev_ops espnic_xfrmdev_ops = {
	.xdo_dev_state_add		= state_add,
	.xdo_dev_state_delete		= state_delete,
	.xdo_dev_state_free		= state_free,
	.xdo_dev_offload_ok		= espnic_offload_ok,
	.xdo_dev_state_advance_esn	= espnic_state_advance_esn,
	.xdo_dev_state_update_stats	= espnic_state_update_stats,
	.xdo_dev_policy_add		= espnic_policy_add,
	.xdo_dev_policy_delete		= espnic_policy_delete,
	.xdo_dev_policy_free		= espnic_policy_free,
};

void espnic_reset(struct espnic *nic)
{
	struct hlist_node *tmp;
	struct espnic_sa *sa;
	int dir, i;

	spin_lock_bh(&nic->lock);
	espnic_reap(nic, true);
	for (dir = 0; dir < DIRS; dir++) {
		for (i = 0; i < ARRAY_SIZE(nic->table[dir]); i++) {
			hlist_for_each_entry_safe(sa, tmp, &nic->table[dir][i], node) {
				hlist_del_rcu(&sa->node);
				vacate(nic, sa);
				count(nic, dir, ESPNIC_RESETS);
			}
		}
	}
	spin_unlock_bh(&nic->lock);
}

int __init espnic_sa_init(void)
{
	espnic_wq = alloc_workqueue(DRV_NAME, WQ_UNBOUND, 0);
	return espnic_wq ? 0 : -ENOMEM;
}

void espnic_sa_exit(void)
{
	/* The grace periods, then the work behind them. */
	rcu_barrier();
	destroy_workqueue(espnic_wq);
}
