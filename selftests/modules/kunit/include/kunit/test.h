/* SPDX-License-Identifier: GPL-2.0 */
/*
 * As much of KUnit as src/tests use, in front of the kernel's header of that name. An assertion that
 * fails ends the function that it is in, not the case: it stands in a case itself, or where there is
 * nothing left to do.
 */
#ifndef _KUNIT_TEST_H
#define _KUNIT_TEST_H

#include <linux/module.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/string.h>

struct kunit_memory {
	struct kunit_memory *next;
	u8 data[] __aligned(ARCH_KMALLOC_MINALIGN);
};

struct kunit {
	const char *name;
	struct kunit_memory *memory;
	bool failed;
};

struct kunit_case {
	void (*run_case)(struct kunit *test);
	const char *name;
};

struct kunit_suite {
	const char *name;
	struct kunit_case *test_cases;
};

#define KUNIT_CASE(f) { .run_case = f, .name = #f }

/* One in a file, found by main.c by the file's name. */
#define kunit_test_suite(s)						\
	extern struct kunit_suite *const kunit_this_suite asm("kunit_suite_" KBUILD_BASENAME); \
	struct kunit_suite *const kunit_this_suite = &(s)

#define kunit_info(test, fmt, ...) pr_info("    # %s: " fmt "\n", (test)->name, ##__VA_ARGS__)

static inline void *kunit_kzalloc(struct kunit *test, size_t size, gfp_t gfp)
{
	struct kunit_memory *m = kzalloc(sizeof(*m) + size, gfp);

	if (!m)
		return NULL;
	m->next = test->memory;
	test->memory = m;
	return m->data;
}

static inline bool kunit_binary(struct kunit *test, bool ok, const char *file, int line,
				const char *what, const char *left, const char *op,
				const char *right, u64 l, u64 r)
{
	if (!ok) {
		test->failed = true;
		pr_info("    # %s: %s FAILED at %s:%d: %s %s %s (%#llx, %#llx)\n", test->name, what,
			file, line, left, op, right, l, r);
	}
	return ok;
}

static inline bool kunit_is_true(struct kunit *test, bool ok, const char *file, int line,
				 const char *what, const char *condition)
{
	if (!ok) {
		test->failed = true;
		pr_info("    # %s: %s FAILED at %s:%d: %s\n", test->name, what, file, line,
			condition);
	}
	return ok;
}

#define KUNIT_BINARY(test, what, left, op, right)				\
({									\
	typeof(left) __left = (left);					\
	typeof(right) __right = (right);				\
									\
	kunit_binary(test, __left op __right, __FILE__, __LINE__, what, #left, #op, #right, \
		     (u64)__left, (u64)__right);			\
})

#define KUNIT_TRUE(test, what, condition) \
	kunit_is_true(test, condition, __FILE__, __LINE__, what, #condition)

#define KUNIT_EXPECT(test, left, op, right) \
	((void)KUNIT_BINARY(test, "EXPECTATION", left, op, right))
#define KUNIT_EXPECT_EQ(test, left, right) KUNIT_EXPECT(test, left, ==, right)
#define KUNIT_EXPECT_NE(test, left, right) KUNIT_EXPECT(test, left, !=, right)
#define KUNIT_EXPECT_GE(test, left, right) KUNIT_EXPECT(test, left, >=, right)
#define KUNIT_EXPECT_GT(test, left, right) KUNIT_EXPECT(test, left, >, right)
#define KUNIT_EXPECT_LE(test, left, right) KUNIT_EXPECT(test, left, <=, right)
#define KUNIT_EXPECT_TRUE(test, condition) ((void)KUNIT_TRUE(test, "EXPECTATION", condition))
#define KUNIT_EXPECT_FALSE(test, condition) KUNIT_EXPECT_TRUE(test, !(condition))
#define KUNIT_EXPECT_PTR_EQ(test, left, right) \
	KUNIT_EXPECT_TRUE(test, (const void *)(left) == (const void *)(right))
#define KUNIT_EXPECT_STREQ(test, left, right) KUNIT_EXPECT_TRUE(test, !strcmp(left, right))
#define KUNIT_EXPECT_MEMEQ(test, left, right, size) \
	KUNIT_EXPECT_TRUE(test, !memcmp(left, right, size))
#define KUNIT_EXPECT_FALSE_MSG(test, condition, fmt, ...)		\
do {									\
	if (!KUNIT_TRUE(test, "EXPECTATION", !(condition)))		\
		kunit_info(test, fmt, ##__VA_ARGS__);			\
} while (0)

#define KUNIT_ASSERT(test, left, op, right)				\
do {									\
	if (!KUNIT_BINARY(test, "ASSERTION", left, op, right))		\
		return;							\
} while (0)
#define KUNIT_ASSERT_EQ(test, left, right) KUNIT_ASSERT(test, left, ==, right)
#define KUNIT_ASSERT_NE(test, left, right) KUNIT_ASSERT(test, left, !=, right)
#define KUNIT_ASSERT_LE(test, left, right) KUNIT_ASSERT(test, left, <=, right)
#define KUNIT_ASSERT_TRUE(test, condition)				\
do {									\
	if (!KUNIT_TRUE(test, "ASSERTION", condition))			\
		return;							\
} while (0)
#define KUNIT_ASSERT_FALSE(test, condition) KUNIT_ASSERT_TRUE(test, !(condition))
#define KUNIT_ASSERT_NOT_NULL(test, pointer) KUNIT_ASSERT_TRUE(test, pointer)
#define KUNIT_ASSERT_MEMEQ(test, left, right, size) \
	KUNIT_ASSERT_TRUE(test, !memcmp(left, right, size))

#endif
