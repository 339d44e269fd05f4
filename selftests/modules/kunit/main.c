// SPDX-License-Identifier: GPL-2.0
/* Runs the suites, one for each file of src/tests, and says what KUnit would say. */

#include <kunit/test.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/module.h>

/* SUITES is made by the Makefile. */
#define DECLARE(file) extern struct kunit_suite *const kunit_suite_##file
SUITES(DECLARE)

static int case_thread(void *data)
{
	struct kunit *test = data;

	if (test->suite->init && test->suite->init(test))
		test->failed = true;
	else
		test->test_case->run_case(test);
	kthread_complete_and_exit(&test->done, 0);
}

static bool run_case(const struct kunit_suite *suite, const struct kunit_case *c, unsigned int n)
{
	struct kunit test = { .name = c->name, .suite = suite, .test_case = c };
	struct kunit_memory *m;

	init_completion(&test.done);
	if (IS_ERR(kthread_run(case_thread, &test, "%s", c->name)))
		test.failed = true;
	else
		wait_for_completion(&test.done);
	if (suite->exit)
		suite->exit(&test);
	while ((m = test.memory)) {
		test.memory = m->next;
		kfree(m);
	}
	pr_info("    %sok %u %s\n", test.failed ? "not " : "", n, c->name);
	return !test.failed;
}

static void run_suite(const struct kunit_suite *suite, unsigned int number)
{
	unsigned int n, cases = 0;
	bool ok = true;

	while (suite->test_cases[cases].run_case)
		cases++;
	pr_info("    KTAP version 1\n");
	pr_info("    # Subtest: %s\n", suite->name);
	pr_info("    1..%u\n", cases);
	for (n = 0; n < cases; n++)
		ok &= run_case(suite, &suite->test_cases[n], n + 1);
	pr_info("%sok %u %s\n", ok ? "" : "not ", number, suite->name);
}

static int __init test_init(void)
{
	unsigned int n = 0;

#define RUN(file) run_suite(kunit_suite_##file, ++n)
	pr_info("KTAP version 1\n");
	SUITES(RUN)
	pr_info("1..%u\n", n);
	return 0;
}

static void __exit test_exit(void)
{
}

module_init(test_init);
module_exit(test_exit);
