// SPDX-License-Identifier: GPL-2.0
/*
 * Hears each packet at the entry of xfrm_replay_overflow() and
 * xfrm_replay_advance() (net/xfrm/xfrm_replay.c). Both run under x->lock and
 * are called from other files, so the compiler can't inline them. At entry the
 * numbers in x are those before this packet: those after it are computed.
 *
 * PERMANENT: kernel.ftrace_enabled=0 must not silence the tap. IPMODIFY: instead of
 * the function, for a packet that may have no number, runs one that refuses it, as with
 * livepatch.
 */

#include <linux/ftrace.h>

#include "xfrm_ha.h"

/* In the place of xfrm_replay_overflow(): as if a queue were full. */
static int no_number(struct xfrm_state *x, struct sk_buff *skb)
{
	return -ENOBUFS;
}

static notrace void tap_out(unsigned long ip, unsigned long parent, struct ftrace_ops *op,
			    struct ftrace_regs *fregs)
{
	struct xfrm_state *x = (void *)ftrace_regs_get_argument(fregs, 0);
	struct sk_buff *skb = (void *)ftrace_regs_get_argument(fregs, 1);
	struct xha_sa *sa;
	u32 n = 1;

	sa = xha_sa_by_x(x);
	if (!sa)
		return;
	if (unlikely(skb_is_gso(skb)) && xfrm_offload(skb))
		n = skb_shinfo(skb)->gso_segs;
	if (unlikely(!xha_sa_moved_out(sa, xha_oseq(x) + n)))
		ftrace_regs_set_instruction_pointer(fregs, (unsigned long)no_number);
}

static notrace void tap_in(unsigned long ip, unsigned long parent, struct ftrace_ops *op,
			   struct ftrace_regs *fregs)
{
	struct xfrm_state *x = (void *)ftrace_regs_get_argument(fregs, 0);
	__be32 seq = (__force __be32)ftrace_regs_get_argument(fregs, 1);
	struct xha_sa *sa;
	u32 hi = 0;

	sa = xha_sa_by_x(x);
	if (!sa)
		return;
	if (x->repl_mode == XFRM_REPLAY_MODE_ESN)
		hi = xfrm_replay_seqhi(x, seq);
	xha_sa_moved_in(sa, xha_seq64(ntohl(seq), hi));
}

static struct ftrace_ops ops_out = {
	.func = tap_out,
	.flags = FTRACE_OPS_FL_PERMANENT | FTRACE_OPS_FL_IPMODIFY,
};

static struct ftrace_ops ops_in = {
	.func = tap_in,
	.flags = FTRACE_OPS_FL_PERMANENT,
};

static int hook(struct ftrace_ops *ops, char *function)
{
	int err;

	err = ftrace_set_filter(ops, function, strlen(function), 0);
	if (err)
		return err;
	err = register_ftrace_function(ops);
	if (err)
		ftrace_free_filter(ops);
	return err;
}

static void unhook(struct ftrace_ops *ops)
{
	unregister_ftrace_function(ops);
	ftrace_free_filter(ops);
}

static int start(void)
{
	int err;

	err = hook(&ops_out, "xfrm_replay_overflow");
	if (err)
		return err;
	err = hook(&ops_in, "xfrm_replay_advance");
	if (err)
		unhook(&ops_out);
	return err;
}

static void stop(void)
{
	unhook(&ops_in);
	unhook(&ops_out);
}

static void watch(struct xha_sa *sa)
{
}

static void unwatch(struct xha_sa *sa)
{
}

const struct xha_tap xha_tap_ftrace = {
	.name = "ftrace",
	.refuses = true,
	.start = start,
	.stop = stop,
	.watch = watch,
	.unwatch = unwatch,
};
