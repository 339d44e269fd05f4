// SPDX-License-Identifier: GPL-2.0
/*
 * How long a softirq that is raised has to wait on this CPU: because somebody has bottom halves
 * disabled, or because another softirq is being served.
 *
 *	insmod stretch.ko us=50
 *
 * A timer that no disabled bottom half keeps from running raises one so often, and looks who is
 * in its way: another softirq, if one was seen at all. What is written to "reset" begins anew. A
 * stretch that is shorter than the timer's period may be missed, a longer one is measured from
 * some moment in its first period.
 */

#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/kallsyms.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <asm/irq_regs.h>

static uint us = 50;
module_param(us, uint, 0444);
MODULE_PARM_DESC(us, "Period in microseconds");

static uint trace_us;
module_param(trace_us, uint, 0644);
MODULE_PARM_DESC(trace_us, "Whoever has bottom halves disabled for so long is traced, once");

/* Who was in the way, and for how long. */
struct wait {
	u64 ns;
	unsigned long where;
	char comm[TASK_COMM_LEN];
};

static struct wait disabled, serving, seen;
static struct hrtimer timer;
static bool raised, is_serving;
static u64 since;

static void run(struct tasklet_struct *t);
static DECLARE_TASKLET(tasklet, run);

static void run(struct tasklet_struct *t)
{
	struct wait *w = is_serving ? &serving : &disabled;

	seen.ns = ktime_get_ns() - since;
	if (seen.where && seen.ns > w->ns)
		*w = seen;
	seen.where = 0;
	WRITE_ONCE(raised, false);
}

static enum hrtimer_restart tick(struct hrtimer *t)
{
	struct pt_regs *regs = get_irq_regs();

	if (!raised) {
		raised = true;
		is_serving = false;
		since = ktime_get_ns();
		tasklet_hi_schedule(&tasklet);
	}
	/* The first look is too early: a softirq waits for the end of this interrupt at least. */
	if (regs && softirq_count()) {
		is_serving |= softirq_count() & SOFTIRQ_OFFSET;
		seen.where = instruction_pointer(regs);
		strscpy(seen.comm, current->comm);
		if (!is_serving && trace_us && ktime_get_ns() - since > trace_us * 1000) {
			trace_us = 0;
			dump_stack();
		}
	}
	hrtimer_forward_now(t, ns_to_ktime(us * 1000));
	return HRTIMER_RESTART;
}

static int wait_get(char *buffer, const struct kernel_param *kp)
{
	struct wait w;

	local_bh_disable();
	w = *(struct wait *)kp->arg;
	local_bh_enable();
	return sysfs_emit(buffer, "%llu %ps %s\n", w.ns, (void *)w.where, w.comm);
}

static const struct kernel_param_ops wait_ops = {
	.get = wait_get,
};

module_param_cb(disabled, &wait_ops, &disabled, 0444);
MODULE_PARM_DESC(disabled, "Bottom halves disabled: ns, function, task");
module_param_cb(serving, &wait_ops, &serving, 0444);
MODULE_PARM_DESC(serving, "Another softirq: ns, function, task");

static int reset_set(const char *val, const struct kernel_param *kp)
{
	local_bh_disable();
	memset(&disabled, 0, sizeof(disabled));
	memset(&serving, 0, sizeof(serving));
	local_bh_enable();
	return 0;
}

static const struct kernel_param_ops reset_ops = {
	.set = reset_set,
};

module_param_cb(reset, &reset_ops, NULL, 0200);
MODULE_PARM_DESC(reset, "Begin anew");

static int __init stretch_init(void)
{
	if (us < 10)
		return -EINVAL;
	hrtimer_setup(&timer, tick, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
	hrtimer_start(&timer, ns_to_ktime(us * 1000), HRTIMER_MODE_REL_HARD);
	return 0;
}

static void __exit stretch_exit(void)
{
	hrtimer_cancel(&timer);
	tasklet_kill(&tasklet);
}

module_init(stretch_init);
module_exit(stretch_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("How long softirqs have to wait, for measurements");
