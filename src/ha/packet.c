// SPDX-License-Identifier: GPL-2.0
/*
 * SAs in packet offload mode (XFRM_DEV_OFFLOAD_PACKET): the NIC does all of ESP, gives the
 * numbers and checks them.
 */

#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>

#include "ha/internal.h"

/**
 * DOC: Packet offload
 *
 * The kernel neither knows the numbers of such an SA nor can it set them. So nobody goes on
 * where another has been:
 *
 * - *The end.* An SA that may have been used here, because its group was active (or the NIC has
 *   counted packets that the peer has not), is @spent: what the peer is told of it, lease end,
 *   exact number or right edge, is xha_end(). Who is there neither sends nor accepts.
 * - *Never let go.* A node that becomes active goes on with such an SA only if the NIC has carried
 *   it alone until now: it was placed since the group was given away last (@tenure: times
 *   that it became STANDBY or HANDED), and the peer has told no number of it (@told_any). Else,
 *   and if it is another's whose numbers are at their end, the SA stays held and is expired softly
 *   (XHA_HOLD_REKEY).
 * - *No limit.* A lease can't bind a NIC, and need not, because the peer knows the end. An active
 *   node without a peer holds the SA if the peer has not acknowledged that, and may not be
 *   ignored (solo); and if it is to keep to stripes.
 *
 * What a hold does not stop: the kernel does not look at the state of an SA when the NIC has
 * decrypted a packet (__xfrm_policy_check2() in include/net/xfrm.h). The gate does, a netfilter
 * hook that is there while the netns has such SAs in a group.
 *
 * Counts are the driver's (xfrm_dev_state_update_stats()). No tap hears of packets, so each of
 * these SAs is looked at once a second; they are found by a mark.
 */

#define LOOK_PERIOD	HZ

static unsigned int gate(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	const struct xfrm_state *x;

	if (!xfrm_offload(skb))
		return NF_ACCEPT;
	x = xfrm_input_state(skb);
	if (x->xso.type != XFRM_DEV_OFFLOAD_PACKET ||
	    READ_ONCE(x->km.state) == XFRM_STATE_VALID)
		return NF_ACCEPT;
	xha_stat_inc(xha_pernet(state->net), XHA_STAT_NIC_HELD);
	return NF_DROP;
}

static const struct nf_hook_ops gates[] = {
	{
		.hook = gate,
		.pf = NFPROTO_IPV4,
		.hooknum = NF_INET_PRE_ROUTING,
		.priority = NF_IP_PRI_FIRST,
	}, {
		.hook = gate,
		.pf = NFPROTO_IPV6,
		.hooknum = NF_INET_PRE_ROUTING,
		.priority = NF_IP6_PRI_FIRST,
	},
};

/* What the NIC has counted is told; the next record carries the numbers as well. */
static void look(struct xha_sa *sa)
{
	struct xha_sample s = {};
	bool counted;

	spin_lock_bh(&sa->tap.x->lock);
	xha_place_sample(sa, &s);
	counted = (u32)s.packets != sa->looked;
	sa->looked = s.packets;
	spin_unlock_bh(&sa->tap.x->lock);
	if (!counted || !xha_sa_mirror(sa) || !xha_group_sends(sa->group))
		return;
	set_bit(XHA_SA_DUE_IN, &sa->flags);
	xha_mirror_due(sa);
}

static void look_at_all(struct xha_net *xn)
{
	unsigned long index;
	struct xha_sa *sa;
	int n = 0;

	rcu_read_lock();
	xa_for_each_marked(&xn->sas, index, sa, XHA_MARK_PACKET) {
		look(sa);
		if (!(++n % 256)) {
			rcu_read_unlock();
			cond_resched();
			rcu_read_lock();
		}
	}
	rcu_read_unlock();
}

static void packet_work(struct work_struct *work)
{
	struct xha_net *xn = container_of(to_delayed_work(work), struct xha_net, packet_work);

	if (!xn->gated && !nf_register_net_hooks(xn->net, gates, ARRAY_SIZE(gates)))
		WRITE_ONCE(xn->gated, true);
	look_at_all(xn);
	if (xn->gated && !xa_marked(&xn->sas, XHA_MARK_PACKET)) {
		WRITE_ONCE(xn->gated, false);
		nf_unregister_net_hooks(xn->net, gates, ARRAY_SIZE(gates));
	}
	smp_mb(); /* pairs with xha_packet_start(): @gated is cleared before the mark is read */
	if (xa_marked(&xn->sas, XHA_MARK_PACKET))
		queue_delayed_work(system_long_wq, &xn->packet_work, LOOK_PERIOD);
}

void xha_packet_start(struct xha_net *xn)
{
	/*
	 * Pairs with packet_work(): XHA_MARK_PACKET of the SA is set before @gated is read. This
	 * sees that there is no gate, or the work sees the mark.
	 */
	smp_mb();
	if (!READ_ONCE(xn->gated) && !READ_ONCE(xn->dead))
		mod_delayed_work(system_long_wq, &xn->packet_work, 0);
}

void xha_packet_init(struct xha_net *xn)
{
	INIT_DELAYED_WORK(&xn->packet_work, packet_work);
}

/* No SA is in a group any more. */
void xha_packet_fini(struct xha_net *xn)
{
	cancel_delayed_work_sync(&xn->packet_work);
	if (xn->gated)
		nf_unregister_net_hooks(xn->net, gates, ARRAY_SIZE(gates));
}
