/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ESPNIC_H
#define ESPNIC_H

#include <linux/ethtool.h>
#include <linux/netdevice.h>
#include <linux/workqueue.h>
#include <net/esp.h>
#include <net/xfrm.h>

#define DRV_NAME	"espnic"
#define ICV_LEN		16
#define IV_LEN		8
#define SALT_LEN	4
#define HEAD_LEN	(sizeof(struct ip_esp_hdr) + IV_LEN)
#define RING_SIZE	1024
#define TABLE_BITS	8

enum { RX, TX, DIRS };

enum espnic_stat {
	ESPNIC_ADDS,
	ESPNIC_DELETES,
	ESPNIC_RESETS,
	ESPNIC_REFUSED_FULL,
	ESPNIC_REFUSED_KIND,
	ESPNIC_REFUSED_FAULT,
	ESPNIC_PACKETS,
	ESPNIC_OCTETS,
	ESPNIC_UNKNOWN_SA,
	ESPNIC_ICV_ERRORS,
	ESPNIC_ICV_FAULTS,
	ESPNIC_DROP_MALFORMED,
	ESPNIC_DROP_CRYPTO,
	ESPNIC_DROP_LINK,
	ESPNIC_STATS,
};

enum espnic_place { PLACE_TABLE, PLACE_LEAVING, PLACE_OUT };

/*
 * An SA in the hardware
 *
 * @node: in nic->table while @place is PLACE_TABLE
 * @leaving: in nic->leaving while it is PLACE_LEAVING, the slot in use until @until
 * @esn: newest sequence number that the stack has accepted; ESN only
 */
struct espnic_sa {
	struct hlist_node node;
	struct list_head leaving;
	unsigned long until;
	enum espnic_place place;
	int dir;
	refcount_t ref;
	struct xfrm_state *x;
	struct crypto_aead *aead;
	u8 salt[SALT_LEN];
	u32 window;
	atomic64_t esn;
	atomic64_t packets;
	atomic64_t octets;
	struct rcu_work free;
};

struct espnic {
	struct net_device *dev;
	struct net_device __rcu *peer;
	struct napi_struct napi;
	struct sk_buff_head ring;

	spinlock_t lock;	/* see DOC */
	struct hlist_head table[DIRS][1 << TABLE_BITS];
	struct list_head leaving;
	u32 used[DIRS];

	struct dentry *dir;
	u32 slots[DIRS];
	u32 delete_delay_ms;
	u32 fail_add_errno;
	atomic_t fail_add;
	atomic_t corrupt_icv[DIRS];

	atomic64_t stats[DIRS][ESPNIC_STATS];
};

static inline void count(struct espnic *nic, int dir, enum espnic_stat stat)
{
	atomic64_inc(&nic->stats[dir][stat]);
}

static inline bool inject(atomic_t *fault)
{
	return unlikely(atomic_read(fault)) && atomic_dec_if_positive(fault) >= 0;
}

/* sa.c */
extern const struct xfrmdev_ops espnic_xfrmdev_ops;
struct espnic_sa *espnic_find_tx(struct espnic *nic, const struct xfrm_state *x);
struct espnic_sa *espnic_find_rx(struct espnic *nic, const void *daddr, __be32 spi, int family);
void espnic_reap(struct espnic *nic, bool all);
void espnic_reset(struct espnic *nic);
int espnic_sa_init(void);
void espnic_sa_exit(void);

/* packet.c */
bool espnic_transmit(struct espnic *nic, struct sk_buff *skb, const struct xfrm_offload *xo);
bool espnic_receive(struct espnic *nic, struct sk_buff *skb);

/* control.c */
extern const struct ethtool_ops espnic_ethtool_ops;
int espnic_debugfs_add(struct espnic *nic, struct netlink_ext_ack *extack);
void espnic_debugfs_init(void);
void espnic_debugfs_exit(void);

#endif
