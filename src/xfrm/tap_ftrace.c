// SPDX-License-Identifier: GPL-2.0
/*
 * Hears each packet at the entry of xfrm_replay_overflow() and
 * xfrm_replay_recheck() (net/xfrm/xfrm_replay.c), after which comes xfrm_replay_advance() if
 * nothing is against it. Both run under x->lock and are called from other files, so the compiler
 * can't inline them, unless it sees all of the kernel at once: xha_hearing_check(). At entry the
 * numbers in x are those before this packet: those after it are computed.
 *
 * PERMANENT: kernel.ftrace_enabled=0 must not silence the tap. IPMODIFY: instead of
 * the function, for a packet that may have no number, or of an SA that is held, runs one that
 * refuses it, as with livepatch.
 *
 * Where it was found deaf and the aevent tap has its place, it hears no SA that is watched by that
 * one (xha_tapped.watched), and still refuses the packets of those that are held.
 */

#include <linux/ftrace.h>

#include "xfrm/tap.h"

/*
 * For each packet under x->lock. @seq is the last of the @n numbers that the kernel would give.
 * False: there are none.
 */
static __always_inline bool advance_out(struct xha_tapped *t, u64 seq, u32 n)
{
	if (unlikely(seq >= t->out.quiet))
		return xha_tap_user->out(t, n);
	WRITE_ONCE(t->out.seq, seq);
	return true;
}

/* Ditto. A number within the window advances no edge, but counts and bitmap have changed. */
static __always_inline void advance_in(struct xha_tapped *t, u64 seq)
{
	if (likely(seq > t->in.seq))
		WRITE_ONCE(t->in.seq, seq);
	if (unlikely(t->in.seq >= t->in.quiet))
		xha_tap_user->in(t);
}

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
	u32 n = 1, xflags = x->xflags;
	struct xha_tapped *t;
	bool may;

	if (unlikely(xflags & XHA_XFLAG_HELD)) {
		xha_tap_user->held(x);
		ftrace_regs_set_instruction_pointer(fregs, (unsigned long)no_number);
		return;
	}
	t = xha_tapped_at(x, xflags);
	if (!t && likely(!(xflags & XHA_XFLAG_ASKED) &&
			 (!READ_ONCE(xha_tap_asking) || !xha_tap_asks(xs_net(x)))))
		return;
	if (unlikely(skb_is_gso(skb)) && xfrm_offload(skb))
		n = skb_shinfo(skb)->gso_segs;
	if (likely(t))
		may = unlikely(t->watched) || advance_out(t, xha_oseq(x) + n, n);
	else
		may = xha_tap_user->stray(x, xha_oseq(x) + n);
	if (unlikely(!may))
		ftrace_regs_set_instruction_pointer(fregs, (unsigned long)no_number);
}

/* In the place of xfrm_replay_recheck(): as if it had been seen before. */
static int seen(struct xfrm_state *x, struct sk_buff *skb, __be32 seq)
{
	return -EINVAL;
}

static notrace void tap_in(unsigned long ip, unsigned long parent, struct ftrace_ops *op,
			   struct ftrace_regs *fregs)
{
	struct xfrm_state *x = (void *)ftrace_regs_get_argument(fregs, 0);
	struct sk_buff *skb = (void *)ftrace_regs_get_argument(fregs, 1);
	__be32 seq = (__force __be32)ftrace_regs_get_argument(fregs, 2);
	u32 hi = 0, xflags = x->xflags;
	struct xha_tapped *t;

	if (unlikely(xflags & XHA_XFLAG_HELD)) {
		xha_tap_user->held(x);
		ftrace_regs_set_instruction_pointer(fregs, (unsigned long)seen);
		return;
	}
	t = xha_tapped_at(x, xflags);
	if (!t || unlikely(t->watched))
		return;
	if (x->repl_mode == XFRM_REPLAY_MODE_ESN) {
		hi = xfrm_replay_seqhi(x, seq);
		/* It was decrypted as another number, and is refused for that. */
		if (unlikely(XFRM_SKB_CB(skb)->seq.input.hi != htonl(hi)))
			return;
	}
	advance_in(t, xha_seq64(ntohl(seq), hi));
}

/* Before an SA is in any table. */
static notrace void tap_new(unsigned long ip, unsigned long parent, struct ftrace_ops *op,
			    struct ftrace_regs *fregs)
{
	xha_tap_user->expect((void *)ftrace_regs_get_argument(fregs, 0));
}

static struct ftrace_ops ops_out = {
	.func = tap_out,
	.flags = FTRACE_OPS_FL_PERMANENT | FTRACE_OPS_FL_IPMODIFY,
};

static struct ftrace_ops ops_in = {
	.func = tap_in,
	.flags = FTRACE_OPS_FL_PERMANENT | FTRACE_OPS_FL_IPMODIFY,
};

static struct ftrace_ops ops_new = {
	.func = tap_new,
	.flags = FTRACE_OPS_FL_PERMANENT,
};

/* By each of these an SA comes into the tables, that of a migration by the second one, too. */
static char * const out[] = { "xfrm_replay_overflow" };
static char * const in[] = { "xfrm_replay_recheck" };
static char * const new[] = { "xfrm_state_add", "xfrm_state_insert", "xfrm_state_update" };

static int hook(struct ftrace_ops *ops, char * const *functions, int n)
{
	int i, err;

	for (i = 0; i < n; i++) {
		err = ftrace_set_filter(ops, functions[i], strlen(functions[i]), !i);
		if (err)
			goto err_filter;
	}
	err = register_ftrace_function(ops);
	if (!err)
		return 0;
err_filter:
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

	err = hook(&ops_out, out, ARRAY_SIZE(out));
	if (err)
		return err;
	err = hook(&ops_in, in, ARRAY_SIZE(in));
	if (err)
		goto err_out;
	err = hook(&ops_new, new, ARRAY_SIZE(new));
	if (err)
		goto err_in;
	return 0;

err_in:
	unhook(&ops_in);
err_out:
	unhook(&ops_out);
	return err;
}

static void stop(void)
{
	unhook(&ops_new);
	unhook(&ops_in);
	unhook(&ops_out);
}

/* Each packet is heard as it is. */
static void watch(struct xha_tapped *t, u32 maxdiff, u32 ms)
{
}

static void unwatch(struct xha_tapped *t)
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
