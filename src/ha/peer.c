// SPDX-License-Identifier: GPL-2.0
/*
 * The peer, as links, mirrors and groups know it: what happens to a session of a link goes to the
 * mirror of that link, and to the groups that are mirrored over it.
 */

#include <linux/jhash.h>

#include "ha/mirror.h"

struct xha_net *xha_link_net(const struct xha_link *link)
{
	return container_of(xha_link_links(link), struct xha_net, links);
}

struct xha_mirror *xha_link_mirror(const struct xha_link *link)
{
	return xha_link_user(link);
}

static void *create(struct xha_link *link)
{
	return xha_mirror_create(xha_link_net(link), link);
}

static void destroy(void *user)
{
	xha_mirror_destroy(user);
}

static void tell_groups(struct xha_mirror *m, bool lost)
{
	xha_groups_link(m->link, xha_link_state(m->link), lost);
}

/* The mirror first: a group has something to say at once. */
static void begin(void *user)
{
	xha_mirror_up(user);
	tell_groups(user, false);
}

static void synced(void *user)
{
	tell_groups(user, false);
}

/* The mirror first: it knows whether the peer may hold that it was in sync. */
static void end(void *user, bool lost)
{
	xha_mirror_down(user);
	tell_groups(user, lost);
}

static void clear_up(void *user)
{
	xha_mirror_ended(user);
}

static bool pending(void *user)
{
	return xha_mirror_pending(user);
}

static int fill(void *user, u8 *buf, int room, void *cookies, int *n, bool *soon)
{
	return xha_mirror_fill(user, buf, room, cookies, n, soon);
}

static void acked(void *user, const void *cookies, int n, u64 sent_at)
{
	xha_mirror_acked(user, cookies, n, sent_at);
}

static void lost(void *user, const void *cookies, int n)
{
	xha_mirror_lost(user, cookies, n);
}

static int input(void *user, u64 number, const u8 *buf, int len)
{
	return xha_mirror_input(user, number, buf, len);
}

static const struct xha_link_ops ops = {
	.cookie_size	= sizeof(struct xha_item),
	.cookies	= XHA_FRAME_ITEMS,
	.create		= create,
	.destroy	= destroy,
	.up		= begin,
	.synced		= synced,
	.down		= end,
	.ended		= clear_up,
	.pending	= pending,
	.fill		= fill,
	.acked		= acked,
	.lost		= lost,
	.input		= input,
};

/**
 * xha_peer_add() - put a link to a peer on a device
 * @xn: netns, its mutex held
 * @dev: Ethernet device of this netns; the caller holds a reference and RTNL
 * @c: settings; heartbeat, dead and batch within their ranges
 * @extack: one sentence on a refusal
 *
 * A node that was given no id takes one that follows from the address of its first link's device.
 *
 * Return: 0, or see xha_link_add().
 */
int xha_peer_add(struct xha_net *xn, struct net_device *dev, const struct xha_link_config *c,
		 struct netlink_ext_ack *extack)
{
	u32 node = xn->node ?: jhash(dev->dev_addr, ETH_ALEN, 0) ?: 1;
	int err;

	lockdep_assert_held(&xn->mutex);

	err = xha_link_add(&xn->links, dev, c, node, &ops, extack);
	if (!err)
		xn->node = node;
	return err;
}

/* -ENODEV; -EBUSY: a group is mirrored over it. */
int xha_peer_del(struct xha_net *xn, const char *dev, struct netlink_ext_ack *extack)
{
	struct xha_link *link = xha_link_find(&xn->links, dev);
	const char *group;

	lockdep_assert_held(&xn->mutex);

	if (!link) {
		NL_SET_ERR_MSG(extack, "There is no link on this device");
		return -ENODEV;
	}
	group = xha_group_using(xn, link);
	if (group) {
		NL_SET_ERR_MSG_FMT(extack, "Group %s is mirrored over this link", group);
		return -EBUSY;
	}
	xha_link_del(link);
	return 0;
}

/* SAs that were offloaded to a device change with it, and nobody says so. */
static int device_event(struct notifier_block *nb, unsigned long event, void *ptr)
{
	if (event == NETDEV_UNREGISTER)
		xha_sa_reconcile_soon(xha_pernet(dev_net(netdev_notifier_info_to_dev(ptr))));
	return NOTIFY_DONE;
}

static struct notifier_block device_notifier = {
	.notifier_call = device_event,
};

int xha_peer_start(void)
{
	return register_netdevice_notifier(&device_notifier);
}

void xha_peer_stop(void)
{
	unregister_netdevice_notifier(&device_notifier);
}

u32 xha_peer_orphans(const struct xha_link *link)
{
	return xha_mirror_orphans(xha_link_mirror(link));
}
