// SPDX-License-Identifier: GPL-2.0
/*
 * An SA gives numbers that no tap hears of, as in a kernel whose compiler has made
 * xfrm_replay_overflow() a part of its caller.
 *
 *	echo 0x1001 > /sys/module/unheard/parameters/give	# one more, in this netns, IPv4
 */

#include <linux/module.h>
#include <linux/nsproxy.h>
#include <linux/sched.h>
#include <net/xfrm.h>

static int give_set(const char *value, const struct kernel_param *kp)
{
	struct xfrm_state *x;
	u32 spi;
	int err;

	err = kstrtou32(value, 0, &spi);
	if (err)
		return err;
	x = xfrm_state_lookup_byspi(current->nsproxy->net_ns, htonl(spi), AF_INET);
	if (!x)
		return -ENOENT;
	spin_lock_bh(&x->lock);
	if (x->replay_esn)
		x->replay_esn->oseq++;
	else
		x->replay.oseq++;
	x->curlft.packets++;
	x->lastused = ktime_get_real_seconds();
	spin_unlock_bh(&x->lock);
	xfrm_state_put(x);
	return 0;
}

static const struct kernel_param_ops give_ops = {
	.set = give_set,
};

module_param_cb(give, &give_ops, NULL, 0200);
MODULE_PARM_DESC(give, "An SPI: its SA gives a number");

MODULE_DESCRIPTION("Test: numbers that no tap hears of");
MODULE_LICENSE("GPL");
