/* SPDX-License-Identifier: GPL-2.0 */
/* A dump, object by object. */
#ifndef _XFRM_HA_DUMP_H
#define _XFRM_HA_DUMP_H

#include <net/genetlink.h>

/* One object, by what fills it; -EMSGSIZE: it does not fit. */
static inline int xha_dump(struct sk_buff *skb, struct netlink_callback *cb,
			   int (*fill)(struct sk_buff *skb, void *obj), void *obj)
{
	const struct genl_dumpit_info *info = genl_dumpit_info(cb);
	void *hdr;

	hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq, info->info.family,
			  NLM_F_MULTI, info->op.cmd);
	if (!hdr)
		return -EMSGSIZE;
	if (fill(skb, obj)) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

#endif
