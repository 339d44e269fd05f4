// SPDX-License-Identifier: GPL-2.0
/* Settings, faults and counters. */

#include <linux/debugfs.h>
#include <linux/seq_file.h>

#include "espnic.h"

/*
 * Prefixed by "rx_" and "tx_". packets and octets (of the IP packet) count what
 * was encrypted, or decrypted with a right ICV. unknown_sa is dropped on TX, and
 * ESP for the stack on RX. advanced: was told that an SA has another number (ESN).
 * stale_sa: dropped, the packet has a number (ESN) that its SA has not reached.
 * drop_link: no cable, other end down, ring full. segmented: packets that were cut here.
 */
static const char espnic_names[ESPNIC_STATS][ETH_GSTRING_LEN - 3] = {
	[ESPNIC_ADDS]		= "adds",
	[ESPNIC_DELETES]	= "deletes",
	[ESPNIC_FREES]		= "frees",
	[ESPNIC_ADVANCED]	= "advanced",
	[ESPNIC_RESETS]		= "lost_by_reset",
	[ESPNIC_REFUSED_FULL]	= "refused_full",
	[ESPNIC_REFUSED_KIND]	= "refused_kind",
	[ESPNIC_REFUSED_FAULT]	= "refused_fault",
	[ESPNIC_PACKETS]	= "packets",
	[ESPNIC_OCTETS]		= "octets",
	[ESPNIC_UNKNOWN_SA]	= "unknown_sa",
	[ESPNIC_STALE_SA]	= "stale_sa",
	[ESPNIC_ICV_ERRORS]	= "icv_errors",
	[ESPNIC_ICV_FAULTS]	= "icv_faults",
	[ESPNIC_REPLAYS]	= "replays",
	[ESPNIC_DROP_MALFORMED]	= "drop_malformed",
	[ESPNIC_DROP_CRYPTO]	= "drop_crypto",
	[ESPNIC_DROP_LINK]	= "drop_link",
	[ESPNIC_DROP_FAULT]	= "drop_fault",
	[ESPNIC_DROP_VLAN]	= "drop_vlan",
	[ESPNIC_SEGMENTED]	= "segmented",
};

static const char * const espnic_dirs[DIRS] = { "rx", "tx" };

static struct dentry *espnic_debugfs;

static int reset_set(void *data, u64 value)
{
	if (value != 1)
		return -EINVAL;
	espnic_reset(data);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(reset_fops, NULL, reset_set, "%llu\n");

static int sas_show(struct seq_file *m, void *v)
{
	struct espnic *nic = m->private;
	struct espnic_sa *sa;
	int dir, i;

	spin_lock_bh(&nic->lock);
	espnic_reap(nic, false);
	for (dir = 0; dir < DIRS; dir++) {
		for (i = 0; i < ARRAY_SIZE(nic->table[dir]); i++) {
			hlist_for_each_entry(sa, &nic->table[dir][i], node) {
				const struct xfrm_state *x = sa->x;

				seq_printf(m, "%s 0x%08x ", espnic_dirs[dir], ntohl(x->id.spi));
				if (x->props.family == AF_INET)
					seq_printf(m, "%pI4", &x->id.daddr.a4);
				else
					seq_printf(m, "%pI6c", &x->id.daddr.in6);
				seq_printf(m, " %lld %lld\n", atomic64_read(&sa->packets),
					   atomic64_read(&sa->octets));
			}
		}
	}
	list_for_each_entry(sa, &nic->leaving, leaving)
		seq_printf(m, "%s leaving\n", espnic_dirs[sa->dir]);
	spin_unlock_bh(&nic->lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(sas);

/* In one read, and without the lock that ethtool needs */
static int calls_show(struct seq_file *m, void *v)
{
	struct espnic *nic = m->private;

	seq_printf(m, "%lld %lld\n",
		   atomic64_read(&nic->stats[RX][ESPNIC_ADDS]) +
		   atomic64_read(&nic->stats[TX][ESPNIC_ADDS]),
		   atomic64_read(&nic->stats[RX][ESPNIC_FREES]) +
		   atomic64_read(&nic->stats[TX][ESPNIC_FREES]));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(calls);

int espnic_debugfs_add(struct espnic *nic, struct netlink_ext_ack *extack)
{
	struct dentry *dir = debugfs_lookup(nic->dev->name, espnic_debugfs);

	if (dir) {
		dput(dir);
		NL_SET_ERR_MSG_MOD(extack,
				   "The name is taken; it must be unique in all namespaces");
		return -EEXIST;
	}
	dir = debugfs_create_dir(nic->dev->name, espnic_debugfs);
	if (IS_ERR(dir))
		return PTR_ERR(dir);
	nic->dir = dir;
	debugfs_create_u32("slots_rx", 0600, dir, &nic->slots[RX]);
	debugfs_create_u32("slots_tx", 0600, dir, &nic->slots[TX]);
	debugfs_create_u32("delete_delay_ms", 0600, dir, &nic->delete_delay_ms);
	debugfs_create_u32("add_delay_ms", 0600, dir, &nic->add_delay_ms);
	debugfs_create_atomic_t("adding", 0400, dir, &nic->adding);
	debugfs_create_u32("free_delay_ms", 0600, dir, &nic->free_delay_ms);
	debugfs_create_u32("fail_add_errno", 0600, dir, &nic->fail_add_errno);
	debugfs_create_x32("fail_add_spi", 0600, dir, &nic->fail_add_spi);
	debugfs_create_atomic_t("fail_add", 0600, dir, &nic->fail_add);
	debugfs_create_atomic_t("corrupt_icv_rx", 0600, dir, &nic->corrupt_icv[RX]);
	debugfs_create_atomic_t("corrupt_icv_tx", 0600, dir, &nic->corrupt_icv[TX]);
	debugfs_create_atomic_t("leave_rx", 0600, dir, &nic->leave_rx);
	debugfs_create_atomic_t("drop_tx", 0600, dir, &nic->drop_tx);
	debugfs_create_u32("flows", 0600, dir, &nic->flows);
	debugfs_create_bool("flow_any", 0600, dir, &nic->flow_any);
	debugfs_create_bool("flow_unique", 0600, dir, &nic->flow_unique);
	debugfs_create_atomic_t("fail_flow_add", 0600, dir, &nic->fail_flow_add);
	debugfs_create_atomic_t("fail_flow_delete", 0600, dir, &nic->fail_flow_delete);
	debugfs_create_file_unsafe("reset", 0200, dir, nic, &reset_fops);
	debugfs_create_file("sas", 0400, dir, nic, &sas_fops);
	debugfs_create_file("calls", 0400, dir, nic, &calls_fops);
	return 0;
}

/* ethtool: the counters of both directions, each with slots and used in front; then the queues */

#define PER_DIR		(2 + ESPNIC_STATS)

static void espnic_get_drvinfo(struct net_device *dev, struct ethtool_drvinfo *info)
{
	strscpy(info->driver, DRV_NAME);
}

static int espnic_get_sset_count(struct net_device *dev, int set)
{
	if (set != ETH_SS_STATS)
		return -EOPNOTSUPP;
	return DIRS * PER_DIR + espnic_queue_count(netdev_priv(dev));
}

static void espnic_get_strings(struct net_device *dev, u32 set, u8 *data)
{
	int dir, i;

	if (set != ETH_SS_STATS)
		return;
	for (dir = 0; dir < DIRS; dir++) {
		ethtool_sprintf(&data, "%s_slots", espnic_dirs[dir]);
		ethtool_sprintf(&data, "%s_used", espnic_dirs[dir]);
		for (i = 0; i < ESPNIC_STATS; i++)
			ethtool_sprintf(&data, "%s_%s", espnic_dirs[dir], espnic_names[i]);
	}
	espnic_queue_strings(netdev_priv(dev), &data);
}

static void espnic_get_stats(struct net_device *dev, struct ethtool_stats *stats, u64 *data)
{
	struct espnic *nic = netdev_priv(dev);
	int dir, i;

	spin_lock_bh(&nic->lock);
	espnic_reap(nic, false);
	for (dir = 0; dir < DIRS; dir++) {
		*data++ = nic->slots[dir];
		*data++ = nic->used[dir];
		for (i = 0; i < ESPNIC_STATS; i++)
			*data++ = atomic64_read(&nic->stats[dir][i]);
	}
	espnic_queue_stats(nic, data);
	spin_unlock_bh(&nic->lock);
}

const struct ethtool_ops espnic_ethtool_ops = {
	.get_drvinfo		= espnic_get_drvinfo,
	.get_link		= ethtool_op_get_link,
	.get_sset_count		= espnic_get_sset_count,
	.get_strings		= espnic_get_strings,
	.get_ethtool_stats	= espnic_get_stats,
	.get_rxnfc		= espnic_get_rxnfc,
	.set_rxnfc		= espnic_set_rxnfc,
};

void __init espnic_debugfs_init(void)
{
	espnic_debugfs = debugfs_create_dir(DRV_NAME, NULL);
}

void espnic_debugfs_exit(void)
{
	debugfs_remove(espnic_debugfs);
}
