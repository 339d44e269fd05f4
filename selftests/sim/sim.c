// SPDX-License-Identifier: GPL-2.0
/*
 * How much of a gateway's traffic the slots serve, by policy: see policy.c and trace.c.
 *
 *	sim [--seed N] [--quick] [--set CONSTANT=VALUE]... [TRACE...]
 *	sim ... --pcap FILE	SAs and times out of a capture, see capture.c
 *	sim --make-pcap FILE	writes one
 *	sim --tick		times a tick of the heat policy
 *
 * A trace gives a line "@@trace NAME SAS SLOTS TICKS PERIOD", a line "@@result TRACE POLICY PACKETS
 * SERVED SWAPS" for each policy and a line "@@bar TRACE WHAT GOT WANTED met|MISSED|none" for the
 * share that heat has of the optimum's packets, and for how many times its swaps LRU has; the
 * exit status is 1 if one is missed. --tick gives lines "@@tick SAS SLOTS MOVED NS PERIOD". The
 * same arguments give the same lines but for times. --quick: a tenth of the SAs, slots, packets.
 */

#include <time.h>

#include "sim.h"

#define SAS		100000
#define BAR_SWAPS	50	/* LRU has so many times as many */

static struct xha_heat_policy constants = XHA_HEAT_POLICY_DEFAULT;

static void set(const char *arg)
{
	static const struct {
		const char *name;
		u32 *value;
	} all[] = {
		{ "initial", &constants.initial }, { "rise", &constants.rise },
		{ "decay", &constants.decay }, { "bonus", &constants.bonus },
		{ "threshold", &constants.threshold }, { "period", &constants.period },
		{ "swaps", &constants.swaps }, { "horizon", &constants.horizon },
		{ "noise", &constants.noise }, { "swap-ns", &constants.swap_ns },
		{ "saved-ns", &constants.saved_ns },
	};
	size_t i, len = strcspn(arg, "=");

	for (i = 0; i < ARRAY_SIZE(all); i++) {
		if (strlen(all[i].name) == len && !memcmp(all[i].name, arg, len) && arg[len]) {
			*all[i].value = strtoul(arg + len + 1, NULL, 0);
			if (xha_heat_policy_valid(&constants))
				return;
		}
	}
	fprintf(stderr, "sim: --set %s: no such constant, or out of its range\n", arg);
	exit(2);
}

static bool bar(const struct trace *t, const char *what, double got, double wanted)
{
	bool met = got >= wanted;

	printf("@@bar %s %s %.4f %.4f %s\n", t->name, what, got, wanted,
	       !wanted ? "none" : met ? "met" : "MISSED");
	return met;
}

static bool run(struct trace *t)
{
	struct policy p[POLICIES];
	u64 packets = 0;
	u32 tick, k;
	bool met;

	policies_new(p, t, &constants);
	for (tick = 0; tick < t->ticks; tick++) {
		t->next(t, tick);
		packets += t->packets;
		for (k = 0; k < POLICIES; k++)
			p[k].run(&p[k], t, tick);
	}
	printf("@@trace %s %u %u %u %.3f\n", t->name, t->sas, t->slots, t->ticks, t->period);
	for (k = 0; k < POLICIES; k++)
		printf("@@result %s %s %llu %llu %llu\n", t->name, p[k].name, packets, p[k].served,
		       p[k].entered);
	met = bar(t, "share", (double)p[HEAT].served / p[OPTIMUM].served, t->bar);
	met &= bar(t, "swaps", (double)p[LRU].entered / max(p[HEAT].entered, 1ull),
		   t->bar ? BAR_SWAPS : 0);
	fflush(stdout);
	policies_free(p);
	trace_free(t);
	return met;
}

/* --- the time of a tick --- */

/* As large, and as far from one another, as what a kernel has of an SA */
struct object {
	u64 packets;
	u8 apart[504];
	struct xha_heat heat;
	bool resident;
	u8 rest[512 - sizeof(struct xha_heat) - sizeof(bool)];
};

static u64 now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
	const u64 *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static u64 one_tick(struct xha_heat_plan *plan, struct object **order, u32 n,
		    struct object **slots, u32 slots_n, u64 tick)
{
	u64 from = now();
	u32 i;

	xha_heat_plan_begin(plan, 0);
	for (i = 0; i < n; i++) {
		xha_heat_tick(&order[i]->heat, &constants, order[i]->packets, tick);
		if (!order[i]->resident)
			xha_heat_plan_candidate(plan, order[i]->heat.heat, order[i]);
	}
	for (i = 0; i < slots_n; i++)
		xha_heat_plan_resident(plan, xha_heat_at(&slots[i]->heat, &constants, tick),
				       slots[i]);
	xha_heat_plan_end(plan, &constants);
	return now() - from;
}

/* Medians over ticks, in which all SAs moved and one of ten; nothing of them is in a cache. */
static void time_ticks(u64 seed)
{
	enum { SLOTS = 1024, TICKS = 15, COLD = 64 << 20 };
	struct object *o = array(SAS, sizeof(*o)), **order = array(SAS, sizeof(*order)), *x;
	struct object *slots[SLOTS];
	struct xha_heat_plan plan = { .room = constants.swaps };
	u64 took[TICKS], tick = 0, sum = 0;
	struct random r = { seed };
	u8 *cold = array(1, COLD);
	u32 i, j, k, n;

	plan.hot = array(plan.room, sizeof(*plan.hot));
	plan.cold = array(plan.room, sizeof(*plan.cold));
	for (i = 0; i < SAS; i++) {
		xha_heat_init(&o[i].heat, &constants, 0, 0);
		order[i] = &o[i];
	}
	for (i = 0; i < SAS; i++) {
		j = below(&r, i + 1);
		x = order[i];
		order[i] = order[j];
		order[j] = x;
	}
	for (i = 0; i < SLOTS; i++) {
		slots[i] = &o[below(&r, SAS)];
		slots[i]->resident = true;
	}
	for (n = SAS; n; n = n == SAS ? SAS / 10 : 0) {
		for (k = 0; k < TICKS; k++) {
			for (i = 0; i < SAS; i++)
				o[i].packets += 1 + below(&r, 20);
			for (i = 0; i < COLD; i += 64)
				sum += cold[i]++;
			took[k] = one_tick(&plan, order, n, slots, SLOTS, ++tick);
		}
		qsort(took, TICKS, sizeof(took[0]), ascending);
		printf("@@tick %u %u %u %llu %u\n", SAS, SLOTS, n, took[TICKS / 2],
		       constants.period);
	}
	free(plan.hot);
	free(plan.cold);
	free(cold);
	free(order);
	free(o);
	if (sum == 1)	/* keeps the reads */
		printf("\n");
}

int main(int argc, char **argv)
{
	const char *pcap = NULL, *make = NULL;
	bool quick = false, tick = false, met = true, named = false;
	u64 seed = 1;
	u32 sas;
	int i;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--quick"))
			quick = true;
		else if (!strcmp(argv[i], "--tick"))
			tick = true;
		else if (!strcmp(argv[i], "--seed") && argv[i + 1])
			seed = strtoull(argv[++i], NULL, 10);
		else if (!strcmp(argv[i], "--pcap") && argv[i + 1])
			pcap = argv[++i];
		else if (!strcmp(argv[i], "--make-pcap") && argv[i + 1])
			make = argv[++i];
		else if (!strcmp(argv[i], "--set") && argv[i + 1])
			set(argv[++i]);
		else
			break;
	}
	sas = quick ? SAS / 10 : SAS;
	if (tick)
		time_ticks(seed);
	if (make)
		capture_make(make, seed);
	named = tick || make || pcap;
	for (; i < argc; i++, named = true)
		met &= run(trace_new(argv[i], sas, constants.period / 1e3, seed));
	for (i = 0; !named && trace_names[i]; i++)
		met &= run(trace_new(trace_names[i], sas, constants.period / 1e3, seed));
	if (pcap)
		met &= run(capture_read(pcap, constants.period / 1e3));
	return !met;
}
