/* SPDX-License-Identifier: GPL-2.0 */
/* Traces of packets, and policies that choose which SAs of them hold slots. */
#ifndef _SIM_H
#define _SIM_H

#include <stdio.h>
#include <stdlib.h>

#include "engine/heat.h"

#define NO_SLOT		U32_MAX
#define BAR		0.90	/* of a trace's share, but for zipf's */
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* splitmix64: each seed is as good as any other. */
struct random {
	u64 state;
};

static inline u64 rnd(struct random *r)
{
	u64 z = r->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

static inline u32 below(struct random *r, u32 n)
{
	return (rnd(r) >> 32) * n >> 32;
}

static inline double uniform(struct random *r)	/* above 0, at most 1 */
{
	return ((rnd(r) >> 11) + 1) / 9007199254740992.0;
}

static inline void *array(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p) {
		perror("sim");
		exit(2);
	}
	return p;
}

/**
 * struct trace - who sends when
 * @name: for the table
 * @sas: so many, counted from 0; the first @slots of them hold a slot at the beginning
 * @slots: so many
 * @ticks: the trace ends after so many
 * @period: of a tick, s
 * @bar: part of the optimum's share that heat must have; 0: the trace has no bars
 * @packet: of the current tick, in order: the SA that each belongs to
 * @packets: so many
 * @count: of the current tick: packets of each SA
 * @renewed: SAs that were replaced before the current tick: new ones send in their place
 * @renewals: so many
 * @next: sets the five above
 */
struct trace {
	const char *name;
	u32 sas;
	u32 slots;
	u32 ticks;
	double period;
	double bar;
	u32 *packet;
	u32 packets;
	u32 *count;
	u32 *renewed;
	u32 renewals;
	void (*next)(struct trace *t, u32 tick);

	/* of trace.c and capture.c */
	u32 room;
	struct random rnd;
	u32 *rank;
	double *base;
	double *rate;
	double *until;
	double *chance;
	u32 *other;
	u32 *stack;
	u32 scanned;
	const void *own;
};

extern const char * const trace_names[];
struct trace *trace_new(const char *name, u32 sas, double period, u64 seed);
void trace_free(struct trace *t);
void trace_room(struct trace *t, u32 packets);

struct trace *capture_read(const char *file, double period);
void capture_make(const char *file, u64 seed);

/**
 * struct policy - who holds a slot
 * @name: for the table
 * @served: packets of SAs that held a slot when they came
 * @entered: times that an SA was moved into a slot
 */
struct policy {
	const char *name;
	void (*run)(struct policy *p, const struct trace *t, u32 tick);
	u64 served;
	u64 entered;
	u32 *slot;	/* of each SA, or NO_SLOT */
	u32 *holder;	/* of each slot, or NO_SLOT */
	void *own;
};

enum { HEAT, LRU, LFU, STATIC, OPTIMUM, POLICIES };

void policies_new(struct policy p[POLICIES], const struct trace *t,
		  const struct xha_heat_policy *constants);
void policies_free(struct policy p[POLICIES]);

#endif
