/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For property tests: PROGRAM [SEED [CASES]]. A seed does the same on each run.
 *
 *	int main(int argc, char **argv)
 *	{
 *		return property(argc, argv, "name", 1000000, one_case);
 *	}
 */
#ifndef _PROPERTY_H
#define _PROPERTY_H

#include <sanitizer/common_interface_defs.h>
#include <stdio.h>
#include <stdlib.h>

#include "pure/pure.h"

static struct {
	const char *name;
	u64 seed;
	u64 number;	/* of the case */
	u64 state;
} prop;

/* xorshift64* */
static inline u64 rnd(void)
{
	prop.state ^= prop.state >> 12;
	prop.state ^= prop.state << 25;
	prop.state ^= prop.state >> 27;
	return prop.state * 0x2545f4914f6cdd1dULL;
}

/* 0 … @n - 1; the low bits of the product are the weak ones. */
static inline u64 below(u64 n)
{
	return (rnd() >> 8) % n;
}

static inline bool one_in(u32 n)
{
	return !below(n);
}

/* 0 … 2^@bits - 1, each order of magnitude as likely as the others */
static inline u64 any_size(u32 bits)
{
	u32 n = below(bits + 1);

	return n ? rnd() >> (64 - n) : 0;
}

/* Near a place where arithmetic breaks, on either side of it */
static inline u64 edgy(void)
{
	u64 at = one_in(4) ? rnd() << below(64) : 1ULL << below(64);

	switch (below(4)) {
	case 0:
		return any_size(64);
	case 1:
		return at + any_size(16);
	case 2:
		return at - any_size(16);
	default:
		return -any_size(16);
	}
}

static inline void where(void)
{
	printf("%s: FAILED: seed %llu case %llu: ", prop.name, prop.seed, prop.number);
}

#define expect(condition, ...)			\
	do {					\
		if (!(condition)) {		\
			where();		\
			printf(__VA_ARGS__);	\
			printf("\n");		\
			exit(1);		\
		}				\
	} while (0)

static inline void died(void)
{
	where();
	puts("see the sanitizer's report");
	fflush(stdout);
}

static inline u64 number_of(const char *arg)
{
	char *end;
	u64 v = strtoull(arg, &end, 0);

	if (!*arg || *end) {
		fprintf(stderr, "usage: %s [SEED [CASES]]\n", prop.name);
		exit(2);
	}
	return v;
}

static inline int property(int argc, char **argv, const char *name, u64 cases,
			   void (*one_case)(void))
{
	prop.name = name;
	prop.seed = argc > 1 ? number_of(argv[1]) : 1;
	if (argc > 2)
		cases = number_of(argv[2]);
	prop.state = (prop.seed + 1) * 0x9e3779b97f4a7c15ULL;
	/* Its only fixed point */
	if (!prop.state)
		prop.state = 1;
	__sanitizer_set_death_callback(died);
	for (prop.number = 0; prop.number < cases; prop.number++)
		one_case();
	printf("%s: %llu cases, seed %llu\n", name, cases, prop.seed);
	return 0;
}

#endif
