// SPDX-License-Identifier: GPL-2.0
/*
 * Counts work in steps, where time would tell of the machine: calls of a function, and how many at
 * most were in a row, between two calls of another one.
 *
 *	insmod count.ko of=collect between=xfrm_state_walk
 *
 * Those of one task on one CPU are in a row; what interrupts it counts as its own. With @comm
 * tasks of that name count only.
 */

#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

static char *of;
module_param(of, charp, 0444);
MODULE_PARM_DESC(of, "The function that is a step, or MODULE:FUNCTION");

static char *between;
module_param(between, charp, 0444);
MODULE_PARM_DESC(between, "The function that ends a row (default: none)");

static char *comm;
module_param(comm, charp, 0444);
MODULE_PARM_DESC(comm, "Whose calls count (default: all tasks')");

struct row {
	struct task_struct *who;	/* compared only */
	int n;
};

static DEFINE_PER_CPU(struct row, row);
static DEFINE_RAW_SPINLOCK(lock);
static int calls;
static int most;
static int rows;

module_param(calls, int, 0444);
MODULE_PARM_DESC(calls, "Steps so far");
module_param(most, int, 0444);
MODULE_PARM_DESC(most, "Steps in the longest row");
module_param(rows, int, 0444);
MODULE_PARM_DESC(rows, "Rows that were ended");

static bool counts(void)
{
	return !comm || !strcmp(current->comm, comm);
}

static int step(struct kprobe *p, struct pt_regs *regs)
{
	struct row *r = this_cpu_ptr(&row);
	unsigned long flags;

	if (!counts())
		return 0;
	if (r->who != current) {
		r->who = current;
		r->n = 0;
	}
	raw_spin_lock_irqsave(&lock, flags);
	calls++;
	most = max(most, ++r->n);
	raw_spin_unlock_irqrestore(&lock, flags);
	return 0;
}

NOKPROBE_SYMBOL(step);

static int end(struct kprobe *p, struct pt_regs *regs)
{
	unsigned long flags;

	if (!counts())
		return 0;
	this_cpu_ptr(&row)->n = 0;
	raw_spin_lock_irqsave(&lock, flags);
	rows++;
	raw_spin_unlock_irqrestore(&lock, flags);
	return 0;
}

NOKPROBE_SYMBOL(end);

static struct kprobe at_step = {
	.pre_handler	= step,
};

static struct kprobe at_end = {
	.pre_handler	= end,
};

static int __init count_init(void)
{
	int err;

	if (!of)
		return -EINVAL;
	at_step.symbol_name = of;
	at_end.symbol_name = between;
	if (between) {
		err = register_kprobe(&at_end);
		if (err)
			return err;
	}
	err = register_kprobe(&at_step);
	if (err && between)
		unregister_kprobe(&at_end);
	return err;
}

static void __exit count_exit(void)
{
	unregister_kprobe(&at_step);
	if (between)
		unregister_kprobe(&at_end);
}

module_init(count_init);
module_exit(count_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Counts calls of a function, for tests of bounds");
