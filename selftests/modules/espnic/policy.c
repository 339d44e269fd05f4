// SPDX-License-Identifier: GPL-2.0
/* Policies in the hardware: what it encrypts by itself in packet mode. */

#include "espnic.h"

struct espnic_policy {
	struct list_head node;		/* in nic->policies, if outbound */
	struct xfrm_selector sel;
	u32 reqid;
	struct rcu_head rcu;
};

/* RCU. The ports of selectors are beyond the hardware. */
bool espnic_find_policy(struct espnic *nic, const struct iphdr *ip, u32 *reqid)
{
	struct espnic_policy *p;

	list_for_each_entry_rcu(p, &nic->policies, node) {
		if (!addr4_match(ip->saddr, p->sel.saddr.a4, p->sel.prefixlen_s) ||
		    !addr4_match(ip->daddr, p->sel.daddr.a4, p->sel.prefixlen_d) ||
		    (p->sel.proto && p->sel.proto != ip->protocol))
			continue;
		*reqid = p->reqid;
		return true;
	}
	return false;
}

int espnic_policy_add(struct xfrm_policy *xp, struct netlink_ext_ack *extack)
{
	struct espnic *nic = netdev_priv(xp->xdo.dev);
	struct espnic_policy *p;

	if (xp->family != AF_INET || xp->xfrm_nr != 1 || xp->selector.sport_mask ||
	    xp->selector.dport_mask || xp->xfrm_vec[0].mode != XFRM_MODE_TRANSPORT ||
	    xp->xdo.dir == XFRM_DEV_OFFLOAD_FWD) {
		NL_SET_ERR_MSG_MOD(extack,
				   "Only policies for IPv4 in transport mode, in or out, without ports, are supported");
		return -EINVAL;
	}
	p = kzalloc_obj(*p, GFP_KERNEL);
	if (!p)
		return -ENOMEM;
	p->sel = xp->selector;
	p->reqid = xp->xfrm_vec[0].reqid;
	INIT_LIST_HEAD(&p->node);
	xp->xdo.offload_handle = (unsigned long)p;
	if (xp->xdo.dir == XFRM_DEV_OFFLOAD_OUT) {
		spin_lock_bh(&nic->lock);
		list_add_tail_rcu(&p->node, &nic->policies);
		spin_unlock_bh(&nic->lock);
	}
	return 0;
}

void espnic_policy_delete(struct xfrm_policy *xp)
{
	struct espnic_policy *p = (struct espnic_policy *)xp->xdo.offload_handle;
	struct espnic *nic = netdev_priv(xp->xdo.dev);

	spin_lock_bh(&nic->lock);
	list_del_rcu(&p->node);
	spin_unlock_bh(&nic->lock);
}

void espnic_policy_free(struct xfrm_policy *xp)
{
	struct espnic_policy *p = (struct espnic_policy *)xp->xdo.offload_handle;

	kfree_rcu(p, rcu);
}
