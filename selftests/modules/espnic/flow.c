// SPDX-License-Identifier: GPL-2.0
/* Filters for flows: which queue a packet of ESP goes to. */

#include <linux/ip.h>
#include <linux/ipv6.h>

#include "espnic.h"

static unsigned int queues(const struct espnic *nic)
{
	return min_t(unsigned int, nic->dev->real_num_rx_queues, QUEUES);
}

static u32 flows(const struct espnic *nic)
{
	return min_t(u32, READ_ONCE(nic->flows), FLOWS_MAX);
}

static bool v6_match(const __be32 *a, const __be32 *value, const __be32 *mask)
{
	int i;

	for (i = 0; i < 4; i++)
		if ((a[i] ^ value[i]) & mask[i])
			return false;
	return true;
}

static bool match(const struct ethtool_rx_flow_spec *fs, const struct sk_buff *skb, int family,
		  __be32 spi)
{
	if (family == AF_INET) {
		const struct ethtool_ah_espip4_spec *h4 = &fs->h_u.esp_ip4_spec;
		const struct ethtool_ah_espip4_spec *m4 = &fs->m_u.esp_ip4_spec;
		const struct iphdr *ip = (const struct iphdr *)skb->data;

		return fs->flow_type == ESP_V4_FLOW && !((spi ^ h4->spi) & m4->spi) &&
		       !((ip->saddr ^ h4->ip4src) & m4->ip4src) &&
		       !((ip->daddr ^ h4->ip4dst) & m4->ip4dst);
	} else {
		const struct ethtool_ah_espip6_spec *h6 = &fs->h_u.esp_ip6_spec;
		const struct ethtool_ah_espip6_spec *m6 = &fs->m_u.esp_ip6_spec;
		const struct ipv6hdr *ip = (const struct ipv6hdr *)skb->data;

		return fs->flow_type == ESP_V6_FLOW && !((spi ^ h6->spi) & m6->spi) &&
		       v6_match(ip->saddr.s6_addr32, h6->ip6src, m6->ip6src) &&
		       v6_match(ip->daddr.s6_addr32, h6->ip6dst, m6->ip6dst);
	}
}

/* A packet as it comes in: of all filters that match, the lowest location has it. */
void espnic_classify(struct espnic *nic, struct sk_buff *skb)
{
	struct espnic_esp esp;
	unsigned int queue = 0;
	u32 i;

	spin_lock(&nic->lock);
	if (nic->flows_used && nic->dev->features & NETIF_F_NTUPLE && espnic_parse(skb, &esp)) {
		for (i = 0; i < FLOWS_MAX; i++) {
			if (!nic->flow[i].used ||
			    !match(&nic->flow[i].fs, skb, esp.family, espnic_spi(skb, &esp)))
				continue;
			queue = nic->flow[i].fs.ring_cookie;
			skb_record_rx_queue(skb, queue);
			break;
		}
	}
	nic->queue_packets[queue]++;
	spin_unlock(&nic->lock);
}

static int insert(struct espnic *nic, struct ethtool_rx_flow_spec *fs)
{
	bool any = READ_ONCE(nic->flow_any);
	u32 at = fs->location, i;

	lockdep_assert_held(&nic->lock);

	if (inject(&nic->fail_flow_add))
		return -EOPNOTSUPP;
	if ((fs->flow_type != ESP_V4_FLOW && fs->flow_type != ESP_V6_FLOW) ||
	    (fs->flow_type == ESP_V4_FLOW ? fs->m_u.esp_ip4_spec.tos : fs->m_u.esp_ip6_spec.tclass))
		return -EOPNOTSUPP;
	if (fs->ring_cookie >= queues(nic))
		return -EINVAL;
	if (any) {
		if (fs->location != RX_CLS_LOC_ANY)
			return -EINVAL;
		for (at = 0; at < flows(nic) && nic->flow[at].used; at++)
			;
		if (at == flows(nic))
			return -ENOSPC;
	}
	if (at >= flows(nic))
		return -EINVAL;
	if (READ_ONCE(nic->flow_unique)) {
		for (i = 0; i < FLOWS_MAX; i++) {
			const struct ethtool_rx_flow_spec *old = &nic->flow[i].fs;

			if (nic->flow[i].used &&
			    (i == at || (old->flow_type == fs->flow_type &&
					 !memcmp(&old->h_u, &fs->h_u, sizeof(fs->h_u)) &&
					 !memcmp(&old->m_u, &fs->m_u, sizeof(fs->m_u)))))
				return -EEXIST;
		}
	}
	fs->location = at;
	nic->flows_used += !nic->flow[at].used;
	nic->flow[at].used = true;
	nic->flow[at].fs = *fs;
	return 0;
}

static int drop(struct espnic *nic, u32 at)
{
	lockdep_assert_held(&nic->lock);

	if (at >= FLOWS_MAX || !nic->flow[at].used)
		return -ENOENT;
	if (inject(&nic->fail_flow_delete))
		return -EBUSY;
	nic->flow[at].used = false;
	nic->flows_used--;
	return 0;
}

int espnic_set_rxnfc(struct net_device *dev, struct ethtool_rxnfc *info)
{
	struct espnic *nic = netdev_priv(dev);
	int err = -EOPNOTSUPP;

	if (!(dev->features & NETIF_F_NTUPLE))
		return err;
	spin_lock_bh(&nic->lock);
	if (info->cmd == ETHTOOL_SRXCLSRLINS)
		err = insert(nic, &info->fs);
	else if (info->cmd == ETHTOOL_SRXCLSRLDEL)
		err = drop(nic, info->fs.location);
	spin_unlock_bh(&nic->lock);
	return err;
}

int espnic_get_rxnfc(struct net_device *dev, struct ethtool_rxnfc *info, u32 *locations)
{
	struct espnic *nic = netdev_priv(dev);
	u32 at, n = 0;
	int err = 0;

	spin_lock_bh(&nic->lock);
	switch (info->cmd) {
	case ETHTOOL_GRXRINGS:
		info->data = queues(nic);
		break;
	case ETHTOOL_GRXCLSRLCNT:
		info->rule_cnt = nic->flows_used;
		info->data = READ_ONCE(nic->flow_any) ? RX_CLS_LOC_SPECIAL : 0;
		break;
	case ETHTOOL_GRXCLSRULE:
		at = info->fs.location;
		if (at < FLOWS_MAX && nic->flow[at].used)
			info->fs = nic->flow[at].fs;
		else
			err = -ENOENT;
		break;
	case ETHTOOL_GRXCLSRLALL:
		/* Less than that is too little; some drivers take no more, either. */
		if (info->rule_cnt != nic->flows_used) {
			err = -EMSGSIZE;
			break;
		}
		for (at = 0; at < FLOWS_MAX; at++)
			if (nic->flow[at].used)
				locations[n++] = at;
		info->data = flows(nic);
		break;
	default:
		err = -EOPNOTSUPP;
	}
	spin_unlock_bh(&nic->lock);
	return err;
}

/* ethtool -S: packets that came in, by queue */

int espnic_queue_count(struct espnic *nic)
{
	return queues(nic);
}

void espnic_queue_strings(struct espnic *nic, u8 **data)
{
	unsigned int i;

	for (i = 0; i < queues(nic); i++)
		ethtool_sprintf(data, "rx_queue_%u_packets", i);
}

void espnic_queue_stats(struct espnic *nic, u64 *data)
{
	unsigned int i;

	lockdep_assert_held(&nic->lock);

	for (i = 0; i < queues(nic); i++)
		data[i] = nic->queue_packets[i];
}
