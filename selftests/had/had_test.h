/* SPDX-License-Identifier: GPL-2.0 */
/* For the tests of the daemon's parts: PROGRAM [SEED [CASES]]. A seed does the same on each run. */
#ifndef HAD_TEST_H
#define HAD_TEST_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t rnd_state = 1, rnd_case;

/* xorshift64* */
static inline uint64_t rnd(void)
{
	rnd_state ^= rnd_state >> 12;
	rnd_state ^= rnd_state << 25;
	rnd_state ^= rnd_state >> 27;
	return rnd_state * 0x2545f4914f6cdd1dULL;
}

/* 0 … @n - 1 */
static inline uint64_t below(uint64_t n)
{
	return (rnd() >> 8) % n;
}

static inline void noise(void *to, size_t n)
{
	uint8_t *p = to;

	while (n--)
		*p++ = rnd() >> 56;
}

#define expect(condition, ...)							\
	do {									\
		if (!(condition)) {						\
			fprintf(stderr, "%s:%d: case %llu: ", __FILE__, __LINE__,	\
				(unsigned long long)rnd_case);			\
			fprintf(stderr, __VA_ARGS__);				\
			fputc('\n', stderr);					\
			exit(1);						\
		}								\
	} while (0)

/* A copy in room of just its size: the sanitizer sees who reads beyond it. */
static inline void *copy(const void *from, size_t n)
{
	void *p = malloc(n ? n : 1);

	if (!p)
		abort();
	return n ? memcpy(p, from, n) : p;
}

#endif
