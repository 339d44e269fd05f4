/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ESPNIC_H
#define ESPNIC_H

#include <linux/ethtool.h>
#include <linux/if_vlan.h>
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
#define QUEUES		4
#define FLOWS_MAX	64
#define PACKET_WINDOW	64	/* packet mode: bits of struct espnic_sa.seen */

enum { RX, TX, DIRS };

enum espnic_stat {
	ESPNIC_ADDS,
	ESPNIC_DELETES,
	ESPNIC_FREES,
	ESPNIC_ADVANCED,
	ESPNIC_RESETS,
	ESPNIC_REFUSED_FULL,
	ESPNIC_REFUSED_KIND,
	ESPNIC_REFUSED_FAULT,
	ESPNIC_PACKETS,
	ESPNIC_OCTETS,
	ESPNIC_UNKNOWN_SA,
	ESPNIC_STALE_SA,
	ESPNIC_ICV_ERRORS,
	ESPNIC_ICV_FAULTS,
	ESPNIC_REPLAYS,
	ESPNIC_DROP_MALFORMED,
	ESPNIC_DROP_CRYPTO,
	ESPNIC_DROP_LINK,
	ESPNIC_DROP_FAULT,
	ESPNIC_DROP_VLAN,
	ESPNIC_SEGMENTED,
	ESPNIC_STATS,
};

enum espnic_place { PLACE_TABLE, PLACE_LEAVING, PLACE_OUT };

/*
 * An SA in the hardware
 *
 * @node: in nic->table while @place is PLACE_TABLE
 * @leaving: in nic->leaving while it is PLACE_LEAVING, the slot in use until @until
 * @packet: packet mode, and what follows is of that mode only but @esn
 * @order: the higher, the newer
 * @number: outbound: the last one that was given
 * @seen: inbound: bit i is for number @esn - i
 * @esn: newest sequence number that the stack, or in packet mode the hardware, has accepted;
 *	without packet mode, ESN only
 * @unread_packets: not told by update_stats() yet
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
	bool packet;
	u64 order;
	atomic64_t number;
	u64 seen;
	atomic64_t esn;
	atomic64_t packets;
	atomic64_t octets;
	atomic64_t unread_packets;
	atomic64_t unread_octets;
	struct rcu_work free;
};

/* A filter for a flow; its place in nic->flow is its location. */
struct espnic_flow {
	bool used;
	struct ethtool_rx_flow_spec fs;
};

/* Where ESP is in a packet: behind @start octets, up to @len */
struct espnic_esp {
	unsigned int start;
	unsigned int len;
	const void *daddr;
	int family;
};

struct espnic {
	struct net_device *dev;
	struct net_device __rcu *peer;
	struct napi_struct napi;
	struct sk_buff_head ring;

	spinlock_t lock;	/* see DOC */
	struct hlist_head table[DIRS][1 << TABLE_BITS];
	struct list_head leaving;
	struct list_head policies;
	u64 order;
	u32 used[DIRS];
	struct espnic_flow flow[FLOWS_MAX];
	u32 flows_used;
	u64 queue_packets[QUEUES];
	DECLARE_BITMAP(vlans, VLAN_N_VID);

	struct dentry *dir;
	u32 slots[DIRS];
	u32 delete_delay_ms;
	u32 add_delay_ms;
	atomic_t adding;
	u32 free_delay_ms;
	u32 fail_add_errno;
	u32 fail_add_spi;
	atomic_t fail_add;
	atomic_t corrupt_icv[DIRS];
	atomic_t leave_rx;
	atomic_t drop_tx;
	u32 flows;
	bool flow_any;
	bool flow_unique;
	atomic_t fail_flow_add;
	atomic_t fail_flow_delete;

	atomic64_t stats[DIRS][ESPNIC_STATS];
};

static inline void count(struct espnic *nic, int dir, enum espnic_stat stat)
{
	atomic64_inc(&nic->stats[dir][stat]);
}

static inline __be32 espnic_spi(const struct sk_buff *skb, const struct espnic_esp *esp)
{
	return ((const struct ip_esp_hdr *)(skb->data + esp->start))->spi;
}

static inline bool inject(atomic_t *fault)
{
	return unlikely(atomic_read(fault)) && atomic_dec_if_positive(fault) >= 0;
}

/* sa.c */
extern const struct xfrmdev_ops espnic_xfrmdev_ops;
struct espnic_sa *espnic_find_tx(struct espnic *nic, const struct xfrm_state *x);
struct espnic_sa *espnic_find_reqid(struct espnic *nic, u32 reqid, __be32 daddr);
struct espnic_sa *espnic_find_rx(struct espnic *nic, const void *daddr, __be32 spi, int family);
void espnic_reap(struct espnic *nic, bool all);
void espnic_reset(struct espnic *nic);
int espnic_sa_init(void);
void espnic_sa_exit(void);

/* policy.c */
bool espnic_find_policy(struct espnic *nic, const struct iphdr *ip, u32 *reqid);
int espnic_policy_add(struct xfrm_policy *xp, struct netlink_ext_ack *extack);
void espnic_policy_delete(struct xfrm_policy *xp);
void espnic_policy_free(struct xfrm_policy *xp);

/* esp.c */
bool espnic_encapsulate(struct espnic *nic, struct sk_buff *skb);
bool espnic_decapsulate(struct espnic *nic, struct espnic_sa *sa, struct sk_buff *skb,
			unsigned int start, unsigned int len);

/* gso.c */
bool espnic_segment(struct espnic *nic, struct sk_buff *skb, const struct xfrm_offload *xo,
		    struct sk_buff_head *list);

/* flow.c */
void espnic_classify(struct espnic *nic, struct sk_buff *skb);
int espnic_set_rxnfc(struct net_device *dev, struct ethtool_rxnfc *info);
int espnic_get_rxnfc(struct net_device *dev, struct ethtool_rxnfc *info, u32 *locations);
int espnic_queue_count(struct espnic *nic);
void espnic_queue_strings(struct espnic *nic, u8 **data);
void espnic_queue_stats(struct espnic *nic, u64 *data);

/* packet.c */
bool espnic_parse(struct sk_buff *skb, struct espnic_esp *esp);
u32 espnic_infer_high(const struct espnic_sa *sa, u32 seq);
int espnic_crypt(struct espnic_sa *sa, struct ip_esp_hdr *esp, unsigned int len, u32 high,
		 bool encrypt);
void espnic_count_packet(struct espnic *nic, struct espnic_sa *sa, unsigned int octets);
bool espnic_set_secpath(struct sk_buff *skb, struct xfrm_state *x);
enum espnic_stat espnic_encrypt(struct espnic *nic, struct espnic_sa *sa, struct sk_buff *skb,
				u64 seq);
bool espnic_transmit(struct espnic *nic, struct sk_buff *skb, const struct xfrm_offload *xo);
bool espnic_receive(struct espnic *nic, struct sk_buff *skb);

/* control.c */
extern const struct ethtool_ops espnic_ethtool_ops;
int espnic_debugfs_add(struct espnic *nic, struct netlink_ext_ack *extack);
void espnic_debugfs_init(void);
void espnic_debugfs_exit(void);

#endif
