// SPDX-License-Identifier: GPL-2.0
/*
 * The forwarder's allocator, with workers that are counters. What it does is counted in
 * steps (basic blocks), not in time: with sixteen times the SAs it takes hardly more than sixteen
 * times as many.
 *
 *	allocator steps		work for few and for many SAs
 *	allocator even		how SAs are spread when workers come
 *	allocator waiting	which worker those get who had to wait
 */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "forwarder.h"
#include "tool.h"

#define FEW		4096
#define MANY		65536	/* as many as there may be unless "limit" is said */
#define WORKERS		64

static unsigned long long steps;
static uint64_t carried[MANY];		/* by slot, in packets */
static uint32_t offline;		/* the CPU that is; 0: none */
static bool full;
static int bad;

void __sanitizer_cov_trace_pc(void)
{
	steps++;
}

int refuse(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	putchar('\n');
	return REFUSED;
}

bool cpu_online(uint32_t id)
{
	return !offline || id != offline;
}

bool sa_local(const struct fwd_key *key)
{
	(void)key;
	return false;
}

static int add_worker(uint32_t id)
{
	return id < MAX_WORKERS ? 0 : -ENODEV;
}

static int add(struct sa *sa)
{
	if (full)
		return -ENOSPC;
	carried[sa->slot] = 0;
	return 0;
}

static void move(struct sa *sa, bool force)
{
	(void)sa;
	(void)force;
}

static void del(struct sa *sa)
{
	(void)sa;
}

static bool pending(const struct sa *sa, uint32_t *at, uint32_t *moves)
{
	(void)sa;
	*at = 0;
	*moves = 0;
	return false;
}

static void measure(struct sa *sa, uint64_t *packets, uint64_t *bytes)
{
	*packets = carried[sa->slot];
	*bytes = 0;
}

static void measure_worker(uint32_t id, uint64_t *packets, uint64_t *dropped)
{
	(void)id;
	*packets = 0;
	*dropped = 0;
}

static const struct forwarder counters = {
	.cpus = true,
	.add_worker = add_worker,
	.add = add,
	.move = move,
	.del = del,
	.pending = pending,
	.measure = measure,
	.measure_worker = measure_worker,
};

static void expect(bool right, const char *format, ...)
{
	va_list ap;

	printf("# %s", right ? "" : "WRONG: ");
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	putchar('\n');
	bad |= !right;
}

static struct fwd_key key_of(uint32_t k)
{
	return (struct fwd_key){
		.daddr = { 0, 0, htonl(0xffff), htonl(0xc0000201) },
		.spi = htonl(k * 2654435761u),
	};
}

static void sa_add(uint32_t k)
{
	struct fwd_key key = key_of(k);

	alloc_add(&key, (struct sa_mark){ 0, 0 }, 1);
}

static void sa_del(uint32_t k)
{
	struct fwd_key key = key_of(k);

	alloc_del(&key, (struct sa_mark){ 0, 0 });
}

static void set(int n)
{
	uint32_t ids[MAX_WORKERS];

	for (int i = 0; i < n; i++)
		ids[i] = i;
	if (alloc_workers(ids, n))
		exit(1);
}

static struct worker *worker_of(uint32_t k)
{
	struct fwd_key key = key_of(k);
	struct sa *sa = alloc_find(&key);

	for (int i = 0; sa && sa->mapped && i < n_workers; i++) {
		if (workers[i].id == sa->worker->id)
			return &workers[i];
	}
	return NULL;
}

/* Of the usable ones */
static void fewest_and_most(uint32_t *fewest, uint32_t *most)
{
	*fewest = UINT32_MAX;
	*most = 0;
	for (int i = 0; i < n_workers; i++) {
		if (!workers[i].usable)
			continue;
		if (workers[i].sas < *fewest)
			*fewest = workers[i].sas;
		if (workers[i].sas > *most)
			*most = workers[i].sas;
	}
}

enum { ADD, SPREAD, PERIOD, LEAVE, BACK, DUMP, DEL, WORKS };

static const char *const works[WORKS] = {
	"SAs are added", "workers are added", "a period passes", "a worker goes offline",
	"it comes back", "all SAs are read", "SAs are deleted",
};

static void work(int which, uint32_t n)
{
	switch (which) {
	case ADD:
	case DUMP:
		if (which == DUMP)
			alloc_dump_begin();
		for (uint32_t k = 1; k <= n; k++)
			sa_add(k);
		if (which == DUMP)
			alloc_dump_end();
		break;
	case SPREAD:
		set(WORKERS);
		break;
	case PERIOD:
		for (uint32_t k = 0; k < n; k++)
			carried[k] += k % 7;
		alloc_period();
		break;
	case LEAVE:
	case BACK:
		offline = which == LEAVE;
		alloc_online(cpu_online);
		break;
	case DEL:
		for (uint32_t k = 1; k <= n; k++)
			sa_del(k);
		break;
	}
}

static void start(uint32_t limit)
{
	struct settings s = { .limit = limit };

	alloc_init(&counters, &s);
}

/* Each size in a process of its own, from the start. */
static void count_steps(void)
{
	static const uint32_t sizes[] = { FEW, MANY };
	unsigned long long (*taken)[WORKS] = mmap(NULL, sizeof(*taken) * 2, PROT_READ | PROT_WRITE,
						  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint32_t fewest, most;
	int status;

	for (int i = 0; i < 2; i++) {
		fflush(stdout);
		if (fork()) {
			wait(&status);
			bad |= status;
			continue;
		}
		start(sizes[i]);
		set(1);
		for (int w = 0; w < WORKS; w++) {
			steps = 0;
			work(w, sizes[i]);
			taken[i][w] = steps;
			fewest_and_most(&fewest, &most);
			if (w == SPREAD || w == BACK)
				expect(most - fewest < 2, "%s: %u to %u SAs on each", works[w],
				       fewest, most);
		}
		exit(bad);
	}
	for (int w = 0; w < WORKS; w++) {
		unsigned long long few = taken[0][w] / FEW, many = taken[1][w] / MANY;

		expect(many <= few * 3 / 2 + 8, "%s: steps for each SA: %llu of %u, %llu of %u",
		       works[w], few, FEW, many, MANY);
	}
}

/* Those stay who can't or need not go; the others take their share of the load along. */
static void even(void)
{
	uint32_t fewest, most, pinned = 150, n = 1000;
	struct worker *e;
	uint64_t moves;

	set(1);
	for (uint32_t k = 1; k <= n; k++)
		sa_add(k);
	for (uint32_t k = 0; k < n; k++)
		carried[k] = k;
	alloc_period();
	moves = tally.moves;
	set(4);
	fewest_and_most(&fewest, &most);
	expect(fewest == n / 4 && most == n / 4, "%u to %u SAs on each", fewest, most);
	expect(tally.moves - moves == n * 3 / 4, "%llu moves",
	       (unsigned long long)(tally.moves - moves));
	for (int i = 0; i < n_workers; i++) {
		uint64_t mean = (uint64_t)n * (n - 1) / 2 * 16 / 4;

		expect(workers[i].load > mean - mean / 10 && workers[i].load < mean + mean / 10,
		       "%u has %llu of %llu", workers[i].id,
		       (unsigned long long)workers[i].load, (unsigned long long)mean);
	}
	/* More are pinned than is one's share of five: the others share what is left. */
	e = worker_of(1);
	for (uint32_t k = 1; k <= n && pinned; k++) {
		struct fwd_key key = key_of(k);

		if (worker_of(k) != e)
			continue;
		if (alloc_pin(&key, e->id, true))
			exit(1);
		pinned--;
	}
	set(10);
	for (int i = 0; i < n_workers; i++) {
		uint32_t wanted = &workers[i] == e ? 150 : (n - 150) / 9;

		expect(workers[i].sas == wanted || workers[i].sas == wanted + (wanted != 150),
		       "of one with 150 that are pinned, and nine others: %u", workers[i].sas);
	}
}

/* When there is room again, those who waited go where the load is least. */
static void waiting(void)
{
	struct worker *busy, *idle;
	struct sa *sa;
	struct fwd_key key;

	set(2);
	for (uint32_t k = 1; k <= 4; k++)
		sa_add(k);
	busy = worker_of(1);
	idle = busy == &workers[0] ? &workers[1] : &workers[0];
	for (uint32_t k = 2; k <= 4; k++) {
		key = key_of(k);
		if (alloc_pin(&key, idle->id, true))
			exit(1);
	}
	key = key_of(1);
	sa = alloc_find(&key);
	if (alloc_pin(&key, busy->id, true))
		exit(1);
	expect(busy->sas == 1 && idle->sas == 3, "1 SA here, 3 there");
	full = true;
	sa_add(5);
	expect(!worker_of(5), "a fifth one waits");
	for (int i = 0; i < 3; i++) {
		carried[sa->slot] += 100000;
		alloc_period();
	}
	full = false;
	carried[sa->slot] += 100000;
	alloc_period();
	expect(worker_of(5) == idle, "it goes where the load is least");
	key = key_of(5);
	sa = alloc_find(&key);
	expect(sa && sa->rate == 100000 * 16 / 4,
	       "and counts as the mean one until it was measured: %llu",
	       sa ? (unsigned long long)sa->rate >> 4 : 0);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "steps")) {
		count_steps();
		return bad;
	}
	start(MANY);
	if (argc == 2 && !strcmp(argv[1], "even"))
		even();
	else if (argc == 2 && !strcmp(argv[1], "waiting"))
		waiting();
	else
		return 2;
	return bad;
}
