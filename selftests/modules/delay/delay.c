// SPDX-License-Identifier: GPL-2.0
/*
 * Forces races: who calls a function, or is about to return from it, waits there while a
 * test does what must not matter.
 *
 *	insmod delay.ko symbol=xfrm_state_delete ms=500
 *
 * The first @skip calls pass by, the next @hits wait: each for @ms milliseconds, or until @go
 * is written. Nobody sleeps, for the function may be called where that is forbidden: a CPU
 * spins, with preemption disabled, and with what its caller had disabled. What wants an answer
 * of that CPU (text patching, a grace period) waits with it.
 */

#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/nmi.h>
#include <linux/timekeeping.h>

#define DELAY_MAX	180000	/* ms; lib/delay.sh tells RCU that this is no stall */
#define DELAY_STEP	10	/* us */

static char *symbol;
module_param(symbol, charp, 0444);
MODULE_PARM_DESC(symbol, "The function, or MODULE:FUNCTION");

static bool at_return;
module_param(at_return, bool, 0444);
MODULE_PARM_DESC(at_return, "Wait when the function has done its work (default: before)");

static uint ms = 100;
module_param(ms, uint, 0444);
MODULE_PARM_DESC(ms, "How long a call waits at most, in milliseconds");

static uint skip;
module_param(skip, uint, 0444);
MODULE_PARM_DESC(skip, "So many calls pass by first");

static uint hits = 1;
module_param(hits, uint, 0444);
MODULE_PARM_DESC(hits, "So many calls wait then; 0: all");

static bool go;
module_param(go, bool, 0644);
MODULE_PARM_DESC(go, "Who waits goes on, and nobody waits any more");

static atomic_t seen = ATOMIC_INIT(0);
static atomic_t held = ATOMIC_INIT(0);
static atomic_t done = ATOMIC_INIT(0);

static int count_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%d\n", atomic_read(kp->arg));
}

static const struct kernel_param_ops count_ops = {
	.get = count_get,
};

module_param_cb(seen, &count_ops, &seen, 0444);
MODULE_PARM_DESC(seen, "Calls so far");
module_param_cb(held, &count_ops, &held, 0444);
MODULE_PARM_DESC(held, "Calls that wait now");
module_param_cb(done, &count_ops, &done, 0444);
MODULE_PARM_DESC(done, "Calls that have waited");

static void delay_one(void)
{
	unsigned int nr = atomic_inc_return(&seen) - 1;
	u64 end;

	if (nr < skip || (hits && nr - skip >= hits) || READ_ONCE(go))
		return;
	end = ktime_get_mono_fast_ns() + (u64)ms * NSEC_PER_MSEC;
	atomic_inc(&held);
	while (ktime_get_mono_fast_ns() < end && !READ_ONCE(go)) {
		udelay(DELAY_STEP);
		touch_softlockup_watchdog();
	}
	atomic_inc(&done);
	atomic_dec(&held);
}

NOKPROBE_SYMBOL(delay_one);

static int delay_before(struct kprobe *p, struct pt_regs *regs)
{
	delay_one();
	return 0;
}

NOKPROBE_SYMBOL(delay_before);

static int delay_after(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	delay_one();
	return 0;
}

NOKPROBE_SYMBOL(delay_after);

static struct kprobe delay_entry = {
	.pre_handler	= delay_before,
};

static struct kretprobe delay_return = {
	.handler	= delay_after,
	.maxactive	= 64,
};

static int __init delay_init(void)
{
	if (!symbol || ms > DELAY_MAX)
		return -EINVAL;
	if (at_return) {
		delay_return.kp.symbol_name = symbol;
		return register_kretprobe(&delay_return);
	}
	delay_entry.symbol_name = symbol;
	return register_kprobe(&delay_entry);
}

static void __exit delay_exit(void)
{
	WRITE_ONCE(go, true);
	if (at_return)
		unregister_kretprobe(&delay_return);
	else
		unregister_kprobe(&delay_entry);
}

module_init(delay_init);
module_exit(delay_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Delays calls of a function, for tests of races");
