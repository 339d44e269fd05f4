/* SPDX-License-Identifier: GPL-2.0 */
/*
 * As much of KUnit as src/tests use, in front of the kernel's header of that name. Here, too, a
 * case has a thread, which an assertion that fails ends.
 */
#ifndef _KUNIT_TEST_H
#define _KUNIT_TEST_H

#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/string.h>

struct kunit_memory {
	struct kunit_memory *next;
	u8 data[] __aligned(ARCH_KMALLOC_MINALIGN);
};

struct kunit;

struct kunit_case {
	void (*run_case)(struct kunit *test);
	const char *name;
};

struct kunit_suite {
	const char *name;
	int (*init)(struct kunit *test);
	void (*exit)(struct kunit *test);
	struct kunit_case *test_cases;
};

struct kunit {
	const char *name;
	const struct kunit_suite *suite;
	const struct kunit_case *test_case;
	struct kunit_memory *memory;
	struct completion done;
	bool failed;
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
				const char *what, u64 left, u64 right)
{
	if (!ok) {
		test->failed = true;
		kunit_info(test, "FAILED at %s:%d: %s (%#llx, %#llx)", file, line, what, left,
			   right);
	}
	return ok;
}

static inline bool kunit_true(struct kunit *test, bool ok, const char *file, int line,
			      const char *what)
{
	if (!ok) {
		test->failed = true;
		kunit_info(test, "FAILED at %s:%d: %s", file, line, what);
	}
	return ok;
}

static inline void kunit_assert(struct kunit *test, bool ok)
{
	if (!ok)
		kthread_complete_and_exit(&test->done, 0);
}

#define KUNIT_BINARY(test, left, op, right)				\
({									\
	typeof(left) __left = (left);					\
	typeof(right) __right = (right);				\
									\
	kunit_binary(test, __left op __right, __FILE__, __LINE__, #left " " #op " " #right, \
		     (u64)__left, (u64)__right);			\
})

#define KUNIT_TRUE(test, condition) kunit_true(test, condition, __FILE__, __LINE__, #condition)

#define KUNIT_EXPECT(test, left, op, right) ((void)KUNIT_BINARY(test, left, op, right))
#define KUNIT_EXPECT_EQ(test, left, right) KUNIT_EXPECT(test, left, ==, right)
#define KUNIT_EXPECT_NE(test, left, right) KUNIT_EXPECT(test, left, !=, right)
#define KUNIT_EXPECT_GE(test, left, right) KUNIT_EXPECT(test, left, >=, right)
#define KUNIT_EXPECT_GT(test, left, right) KUNIT_EXPECT(test, left, >, right)
#define KUNIT_EXPECT_LE(test, left, right) KUNIT_EXPECT(test, left, <=, right)
#define KUNIT_EXPECT_TRUE(test, condition) ((void)KUNIT_TRUE(test, condition))
#define KUNIT_EXPECT_FALSE(test, condition) KUNIT_EXPECT_TRUE(test, !(condition))
#define KUNIT_EXPECT_PTR_EQ(test, left, right) \
	KUNIT_EXPECT_TRUE(test, (const void *)(left) == (const void *)(right))
#define KUNIT_EXPECT_STREQ(test, left, right) KUNIT_EXPECT_TRUE(test, !strcmp(left, right))
#define KUNIT_EXPECT_MEMEQ(test, left, right, size) \
	KUNIT_EXPECT_TRUE(test, !memcmp(left, right, size))
#define KUNIT_EXPECT_FALSE_MSG(t, condition, fmt, ...)			\
({									\
	struct kunit *__test = (t);					\
									\
	if (!KUNIT_TRUE(__test, !(condition)))				\
		kunit_info(__test, fmt, ##__VA_ARGS__);			\
})

#define KUNIT_ASSERT(t, left, op, right)				\
({									\
	struct kunit *__test = (t);					\
									\
	kunit_assert(__test, KUNIT_BINARY(__test, left, op, right));	\
})
#define KUNIT_ASSERT_EQ(test, left, right) KUNIT_ASSERT(test, left, ==, right)
#define KUNIT_ASSERT_NE(test, left, right) KUNIT_ASSERT(test, left, !=, right)
#define KUNIT_ASSERT_LE(test, left, right) KUNIT_ASSERT(test, left, <=, right)
#define KUNIT_ASSERT_TRUE(t, condition)					\
({									\
	struct kunit *__test = (t);					\
									\
	kunit_assert(__test, KUNIT_TRUE(__test, condition));		\
})
#define KUNIT_ASSERT_FALSE(test, condition) KUNIT_ASSERT_TRUE(test, !(condition))
#define KUNIT_ASSERT_NOT_NULL(test, pointer) KUNIT_ASSERT_TRUE(test, (pointer) != NULL)
#define KUNIT_ASSERT_MEMEQ(test, left, right, size) \
	KUNIT_ASSERT_TRUE(test, !memcmp(left, right, size))

#endif
