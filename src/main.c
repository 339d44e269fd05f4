// SPDX-License-Identifier: GPL-2.0
/* Order of start, and its exact reverse. */

#include <linux/module.h>
#include <generated/utsrelease.h>

#define CREATE_TRACE_POINTS
#include "control/trace.h"
#include "control/control.h"
#include "engine/engine.h"
#include "ha/ha.h"

unsigned int xha_net_id;

static int __net_init net_start(struct net *net)
{
	struct xha_net *xn = xha_pernet(net);
	int err;

	xn->net = net;
	mutex_init(&xn->mutex);
	spin_lock_init(&xn->event_lock);
	xn->stats = alloc_percpu(struct xha_stats);
	if (!xn->stats)
		return -ENOMEM;
	err = xha_sa_net_init(xn);
	if (err)
		goto err_stats;
	xha_group_init(xn);
	err = xha_links_init(&xn->links, net, &xn->mutex, xn->stats);
	if (err)
		goto err_sa;
	xha_sa_net_start(xn);
	return 0;

err_sa:
	xha_group_fini(xn);
	xha_sa_net_fini(xn);
err_stats:
	free_percpu(xn->stats);
	return err;
}

static void __net_exit net_stop(struct net *net)
{
	struct xha_net *xn = xha_pernet(net);

	xha_links_mute(&xn->links);
	mutex_lock(&xn->mutex);
	WRITE_ONCE(xn->dead, true);
	xha_group_fini(xn);
	xha_links_fini(&xn->links);
	mutex_unlock(&xn->mutex);
	xha_sa_net_fini(xn);
	xha_engine_net_fini(xn);
	free_percpu(xn->stats);
}

/* Removal runs in reverse order of registration: before the SAs of the netns go. */
static struct pernet_operations net_ops = {
	.init = net_start,
	.exit = net_stop,
	.id = &xha_net_id,
	.size = sizeof(struct xha_net),
};

static int __init xha_init(void)
{
	int err;

	/* Outside of a kernel tree: src/compat/ */
	if (__is_defined(XHA_UNTRIED))
		pr_notice("%s: not tried with Linux %s\n", KBUILD_MODNAME, UTS_RELEASE);
	err = xha_tap_init();
	if (err)
		return err;
	err = xha_sa_start();
	if (err)
		goto err_init;
	err = xha_replica_start();
	if (err)
		goto err_sa;
	err = xha_group_start();
	if (err)
		goto err_replica;
	err = register_pernet_subsys(&net_ops);
	if (err)
		goto err_group;
	/* From here on packets may be heard: of any netns, and at once. */
	err = xha_hearing_start();
	if (err)
		goto err_pernet;
	err = xha_peer_start();
	if (err)
		goto err_hearing;
	err = xha_engine_init();
	if (err)
		goto err_notifier;
	err = xha_netlink_init();
	if (err)
		goto err_engine;
	return 0;

err_engine:
	xha_engine_exit();
err_notifier:
	xha_peer_stop();
err_hearing:
	xha_hearing_stop();
err_pernet:
	unregister_pernet_subsys(&net_ops);
err_group:
	xha_group_stop();
err_replica:
	xha_replica_stop();
err_sa:
	xha_sa_stop();
err_init:
	xha_tap_exit();
	return err;
}

static void __exit xha_exit(void)
{
	xha_netlink_exit();
	xha_engine_exit();
	xha_peer_stop();
	xha_hearing_stop();
	unregister_pernet_subsys(&net_ops);
	xha_group_stop();
	xha_replica_stop();
	xha_sa_stop();
	xha_tap_exit();
}

module_init(xha_init);
module_exit(xha_exit);

MODULE_DESCRIPTION("High availability for IPsec: SAs mirrored to a second gateway");
MODULE_LICENSE("GPL");
