// SPDX-License-Identifier: GPL-2.0
/*
 * Which SA goes to which worker. A new one goes to the worker with the least load; when
 * the loads have been uneven for some time, SAs are moved, those first that bring most.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "forwarder.h"
#include "tool.h"

#define BUCKETS		16384	/* at least: as many as there may be SAs */
#define SHIFT		4	/* rates are kept times 16 */
#define BYTES		1024	/* that cost as much as a packet */
#define UNEVEN		4	/* a quarter of the mean load */
#define NOISE		(64 << SHIFT)
#define PATIENCE	2	/* periods, before anything is moved */
#define REST		5	/* periods, before it is moved again */
#define AT_ONCE		8	/* moves in a period */
#define WAITERS		64	/* of them, tried at once */
#define REFUSALS	8	/* then the others wait, too */

struct worker workers[MAX_WORKERS];
int n_workers;
struct tally tally;

static const struct forwarder *forwarder;
static struct worker **by_id;		/* the workers, by their number */
static uint32_t n_ids;
static struct sa **table;
static int table_bits;
static uint32_t *slots, n_slots;	/* free ones */
static uint32_t period, uneven;
static struct sa *first, *last;		/* of those that wait for room */

void alloc_init(const struct forwarder *how, const struct settings *s)
{
	forwarder = how;
	table_bits = 1;
	while (1u << table_bits < BUCKETS || 1u << table_bits < s->limit)
		table_bits++;
	table = calloc(1u << table_bits, sizeof(*table));
	slots = calloc(s->limit, sizeof(*slots));
	if (!table || !slots)
		exit(refuse("out of memory"));
	for (n_slots = 0; n_slots < s->limit; n_slots++)
		slots[n_slots] = s->limit - 1 - n_slots;
}

static struct sa **bucket(const struct fwd_key *key)
{
	/* An SPI is as good as random. */
	return &table[(ntohl(key->spi) ^ ntohl(key->daddr[3])) * 0x9e3779b1u >>
		      (32 - table_bits)];
}

struct sa *alloc_find(const struct fwd_key *key)
{
	struct sa *sa = *bucket(key);

	while (sa && memcmp(&sa->key, key, sizeof(*key)))
		sa = sa->next;
	return sa;
}

void alloc_each(void (*func)(struct sa *sa, void *data), void *data)
{
	struct sa *sa, *next;

	for (uint32_t i = 0; i < 1u << table_bits; i++) {
		for (sa = table[i]; sa; sa = next) {
			next = sa->next;
			func(sa, data);
		}
	}
}

static struct worker *worker(uint32_t id)
{
	return id < n_ids ? by_id[id] : NULL;
}

static uint64_t mean_load(void)
{
	uint64_t sum = 0;
	int n = 0;

	for (int i = 0; i < n_workers; i++) {
		sum += workers[i].load;
		n += workers[i].usable;
	}
	return n ? sum / n : 0;
}

/* Loads that differ by little are equal; then the number of SAs counts. @mean: of all loads */
static bool better(const struct worker *a, const struct worker *b, uint64_t mean)
{
	uint64_t diff = a->load > b->load ? a->load - b->load : b->load - a->load;

	if (diff > NOISE && diff > mean / (2 * UNEVEN))
		return a->load < b->load;
	return a->sas < b->sas;
}

static struct worker *least(void)
{
	uint64_t mean = mean_load();
	struct worker *e = NULL;

	for (int i = 0; i < n_workers; i++) {
		if (workers[i].usable && (!e || better(&workers[i], e, mean)))
			e = &workers[i];
	}
	return e;
}

/* Until it is measured an SA counts as one of the mean. */
static uint64_t guess(void)
{
	uint64_t sum = 0, n = 0;

	for (int i = 0; i < n_workers; i++) {
		sum += workers[i].load;
		n += workers[i].sas;
	}
	return n ? sum / n : 0;
}

static void put_on(struct sa *sa, struct worker *e)
{
	sa->worker = e;
	e->sas++;
	e->load += sa->rate;
}

static void take_off(struct sa *sa)
{
	struct worker *e = sa->worker;

	e->sas--;
	e->load -= sa->rate < e->load ? sa->rate : e->load;
}

static void move(struct sa *sa, struct worker *e, bool force)
{
	if (sa->worker == e)
		return;
	take_off(sa);
	put_on(sa, e);
	sa->moved = period;
	tally.moves++;
	forwarder->move(sa, force);
}

static void wait(struct sa *sa)
{
	if (sa->waiting)
		return;
	sa->waiting = true;
	sa->before = last;
	sa->behind = NULL;
	*(last ? &last->behind : &first) = sa;
	last = sa;
}

static void dont_wait(struct sa *sa)
{
	if (!sa->waiting)
		return;
	sa->waiting = false;
	*(sa->before ? &sa->before->behind : &first) = sa->behind;
	*(sa->behind ? &sa->behind->before : &last) = sa->before;
}

static bool try_map(struct sa *sa)
{
	struct worker *e = least();

	if (!e || !n_slots)
		return false;
	sa->slot = slots[--n_slots];
	sa->rate = guess();
	sa->fresh = true;
	sa->packets = 0;
	sa->bytes = 0;
	sa->moved = period;
	put_on(sa, e);
	if (forwarder->add(sa)) {
		take_off(sa);
		slots[n_slots++] = sa->slot;
		return false;
	}
	sa->mapped = true;
	tally.added++;
	return true;
}

static void map(struct sa *sa)
{
	if (sa->mapped || sa->waiting || try_map(sa))
		return;
	wait(sa);
	tally.full += !!least();
}

/* Whom there is room for now. Who can't be mapped all the same waits behind the others. */
static void refill(void)
{
	int refusals = 0;

	for (int i = 0; i < WAITERS && first && n_slots && refusals < REFUSALS; i++) {
		struct sa *sa = first;

		dont_wait(sa);
		if (try_map(sa))
			continue;
		wait(sa);
		refusals++;
	}
}

static void unmap(struct sa *sa)
{
	dont_wait(sa);
	if (!sa->mapped)
		return;
	forwarder->del(sa);
	take_off(sa);
	slots[n_slots++] = sa->slot;
	sa->mapped = false;
	sa->pinned = false;
	tally.deleted++;
}

static void classify(struct sa *sa, void *data)
{
	(void)data;
	if (sa->in || (!sa->out && sa_local(&sa->key)))
		map(sa);
	else
		unmap(sa);
}

/* Addresses have come or gone: SAs to others are not for us. */
void alloc_classify(void)
{
	alloc_each(classify, NULL);
	refill();
}

/* @dir: XFRMA_SA_DIR, or 0 */
void alloc_add(const struct fwd_key *key, struct sa_mark mark, uint8_t dir)
{
	struct sa *sa = alloc_find(key);
	struct sa_mark *marks;
	int i;

	if (!sa) {
		sa = calloc(1, sizeof(*sa));
		if (!sa)
			exit(refuse("out of memory"));
		sa->key = *key;
		sa->next = *bucket(key);
		*bucket(key) = sa;
	}
	if (!sa->seen) {
		sa->seen = true;
		sa->in = dir == 1;
		sa->out = dir == 2;
	}
	for (i = 0; i < sa->n_marks; i++) {
		if (sa->marks[i].v == mark.v && sa->marks[i].m == mark.m)
			break;
	}
	if (i == sa->n_marks) {
		marks = realloc(sa->marks, (i + 1) * sizeof(*marks));
		if (!marks)
			exit(refuse("out of memory"));
		marks[i] = mark;
		sa->marks = marks;
		sa->n_marks++;
	}
	classify(sa, NULL);
}

static void forget(struct sa *sa)
{
	struct sa **p = bucket(&sa->key);

	unmap(sa);
	while (*p != sa)
		p = &(*p)->next;
	*p = sa->next;
	free(sa->marks);
	free(sa);
}

/* The last of those with this address and SPI takes the entry with it. */
void alloc_del(const struct fwd_key *key, struct sa_mark mark)
{
	struct sa *sa = alloc_find(key);

	if (!sa)
		return;
	for (int i = 0; i < sa->n_marks; i++) {
		if (sa->marks[i].v == mark.v && sa->marks[i].m == mark.m)
			sa->marks[i--] = sa->marks[--sa->n_marks];
	}
	if (!sa->n_marks) {
		forget(sa);
		refill();
	}
}

static void unsee(struct sa *sa, void *data)
{
	(void)data;
	sa->seen = false;
	sa->n_marks = 0;
}

static void forget_unseen(struct sa *sa, void *data)
{
	(void)data;
	if (!sa->seen)
		forget(sa);
}

void alloc_dump_begin(void)
{
	alloc_each(unsee, NULL);
}

void alloc_dump_end(void)
{
	alloc_each(forget_unseen, NULL);
	refill();
}

struct choice {
	struct worker *from;
	uint64_t rate;		/* the best one */
	uint64_t off;		/* by so much it misses that */
	struct sa *sa;
};

static void choose(struct sa *sa, void *data)
{
	struct choice *c = data;
	uint64_t off = sa->rate > c->rate ? sa->rate - c->rate : c->rate - sa->rate;

	if (!sa->mapped || sa->pinned || sa->worker != c->from || period - sa->moved < REST)
		return;
	if (!c->sa || off < c->off) {
		c->sa = sa;
		c->off = off;
	}
}

static void leave(struct sa *sa, void *data)
{
	struct worker *to;

	(void)data;
	if (!sa->mapped || sa->worker->usable)
		return;
	to = least();
	/* Who is gone has its queue worked off by others, who have their own first. */
	if (to)
		move(sa, to, sa->worker->offline);
}

/* The usable workers with the highest and the least load; false: there is none. */
static bool extremes(struct worker **most, struct worker **fewest)
{
	*most = NULL;
	*fewest = NULL;
	for (int i = 0; i < n_workers; i++) {
		struct worker *e = &workers[i];

		if (!e->usable)
			continue;
		if (!*most || e->load > (*most)->load)
			*most = e;
		if (!*fewest || e->load < (*fewest)->load)
			*fewest = e;
	}
	return *most;
}

/* One that may leave its worker */
struct leaver {
	struct sa *sa;
	uint64_t off;		/* by so much its rate misses the mean one there */
};

struct leavers {
	struct leaver *all;
	uint32_t n;
};

static void count_pinned(struct sa *sa, void *data)
{
	(void)data;
	if (sa->mapped)
		sa->worker->pinned += sa->pinned;
}

/*
 * How many SAs each worker is to have: as many as any other, or one more. Who has more than that
 * which are pinned keeps those, and the others share the rest.
 */
static void set_quotas(void)
{
	uint32_t sas = 0, n = 0, base = 0, more = 0;
	bool again;

	for (int i = 0; i < n_workers; i++) {
		workers[i].pinned = 0;
		workers[i].shares = workers[i].usable;
		sas += workers[i].usable ? workers[i].sas : 0;
		n += workers[i].usable;
	}
	alloc_each(count_pinned, NULL);
	do {
		again = false;
		base = n ? sas / n : 0;
		for (int i = 0; i < n_workers; i++) {
			struct worker *e = &workers[i];

			if (!e->shares || e->pinned <= base)
				continue;
			e->shares = false;
			e->quota = e->pinned;
			sas -= e->pinned;
			n--;
			again = true;
		}
	} while (again);
	more = n ? sas % n : 0;
	/* Where there are more than that already one stays, which moves the fewest. */
	for (int pass = 0; pass < 2; pass++) {
		for (int i = 0; i < n_workers; i++) {
			struct worker *e = &workers[i];
			bool above = e->sas > base;

			if (!e->shares || pass == above)
				continue;
			e->quota = base + !!more;
			more -= !!more;
		}
	}
}

static void may_leave(struct sa *sa, void *data)
{
	struct leavers *l = data;
	struct worker *e = sa->worker;
	uint64_t mean;

	if (!sa->mapped || sa->pinned || !e->usable || e->sas <= e->quota)
		return;
	mean = e->load / e->sas;
	l->all[l->n++] = (struct leaver){ sa, sa->rate > mean ? sa->rate - mean : mean - sa->rate };
}

static int nearer(const void *a, const void *b)
{
	uint64_t x = ((const struct leaver *)a)->off, y = ((const struct leaver *)b)->off;

	return x < y ? -1 : x > y;
}

/*
 * As many SAs for each, whatever they carry: the loads come later. Those go first that carry what
 * is usual on their worker, and so take their share of its load along.
 */
static void even_out(void)
{
	struct leavers l = { };
	uint32_t n = 0;
	int to = 0;

	set_quotas();
	for (int i = 0; i < n_workers; i++) {
		if (workers[i].usable && workers[i].sas > workers[i].quota)
			n += workers[i].sas - workers[i].pinned;
	}
	if (!n)
		return;
	l.all = calloc(n, sizeof(*l.all));
	if (!l.all)
		exit(refuse("out of memory"));
	alloc_each(may_leave, &l);
	qsort(l.all, l.n, sizeof(*l.all), nearer);
	for (uint32_t i = 0; i < l.n; i++) {
		struct sa *sa = l.all[i].sa;

		if (sa->worker->sas <= sa->worker->quota)
			continue;
		while (!workers[to].usable || workers[to].sas >= workers[to].quota)
			to++;
		move(sa, &workers[to], false);
	}
	free(l.all);
}

/* Which workers there are has changed, by whatever. */
static void rearrange(bool more)
{
	for (int i = 0; i < n_workers; i++)
		workers[i].offline = !workers[i].usable && !cpu_online(workers[i].id);
	alloc_each(leave, NULL);
	if (more)
		even_out();
}

/* @id: one that the forwarder has taken, so it is no wild number. */
static int number_worker(uint32_t id)
{
	struct worker **more;

	if (id >= n_ids) {
		more = realloc(by_id, (id + 1) * sizeof(*by_id));
		if (!more)
			return -ENOMEM;
		memset(more + n_ids, 0, (id + 1 - n_ids) * sizeof(*by_id));
		by_id = more;
		n_ids = id + 1;
	}
	workers[n_workers] = (struct worker){ .id = id };
	by_id[id] = &workers[n_workers++];
	return 0;
}

int alloc_workers(const uint32_t *ids, int n)
{
	bool more = false;
	int err;

	for (int i = 0; i < n; i++) {
		if (worker(ids[i]))
			continue;
		if (n_workers == MAX_WORKERS)
			return -ENOSPC;
		err = forwarder->add_worker(ids[i]);
		if (err)
			return err;
		err = number_worker(ids[i]);
		if (err)
			return err;
	}
	for (int i = 0; i < n_workers; i++)
		workers[i].wanted = false;
	for (int i = 0; i < n; i++)
		worker(ids[i])->wanted = true;
	for (int i = 0; i < n_workers; i++) {
		struct worker *e = &workers[i];

		more |= e->wanted && !e->usable;
		e->usable = e->wanted;
	}
	rearrange(more);
	return 0;
}

void alloc_online(bool (*online)(uint32_t id))
{
	bool more = false, less = false, is;

	for (int i = 0; i < n_workers; i++) {
		struct worker *e = &workers[i];

		is = e->wanted && online(e->id);
		if (is == e->usable)
			continue;
		/* Its thread was sent to other CPUs: it gets one of its own again. */
		if (is && forwarder->add_worker(e->id))
			continue;
		e->usable = is;
		more |= is;
		less |= !is;
	}
	if (more || less)
		rearrange(more);
}

static void measure(struct sa *sa, void *data)
{
	uint64_t packets, bytes, cost;

	(void)data;
	if (!sa->mapped)
		return;
	forwarder->measure(sa, &packets, &bytes);
	cost = (packets - sa->packets + (bytes - sa->bytes) / BYTES) << SHIFT;
	/* The last few periods; the first one counts in full. */
	sa->rate = sa->fresh ? cost : (sa->rate * 3 + cost) / 4;
	sa->fresh = false;
	sa->packets = packets;
	sa->bytes = bytes;
	sa->worker->load += sa->rate;
}

/*
 * What waits for a queue that is never empty, and that loses packets for being full,
 * waits in vain, and what it would lose by going at once is less.
 */
static void push(struct sa *sa, void *data)
{
	uint32_t at, moves;
	struct worker *e;

	(void)data;
	if (!sa->mapped || !forwarder->pending(sa, &at, &moves) || period - sa->moved < PATIENCE)
		return;
	e = worker(at);
	if (!e || !e->drops)
		return;
	tally.forced++;
	forwarder->move(sa, true);
}

static bool balance(void)
{
	struct worker *most, *fewest;
	struct choice c = { };
	uint64_t diff;

	if (!extremes(&most, &fewest))
		return false;
	diff = most->load - fewest->load;
	if (diff <= NOISE || diff <= mean_load() / UNEVEN) {
		uneven = 0;
		return false;
	}
	if (uneven < PATIENCE)
		return false;
	c.from = most;
	c.rate = diff / 2;
	alloc_each(choose, &c);
	/* It must be better by a tenth at least: an SA that is the whole load stays. */
	if (!c.sa || !c.sa->rate || c.off * 2 > diff - diff / 10)
		return false;
	move(c.sa, fewest, false);
	return true;
}

void alloc_period(void)
{
	uint64_t packets, dropped;

	period++;
	for (int i = 0; i < n_workers; i++) {
		forwarder->measure_worker(workers[i].id, &packets, &dropped);
		workers[i].drops = dropped != workers[i].dropped;
		workers[i].dropped = dropped;
		workers[i].load = 0;
	}
	if (forwarder->period)
		forwarder->period();
	alloc_each(measure, NULL);
	alloc_each(push, NULL);
	/* By the loads that were measured just now. */
	refill();
	uneven++;
	for (int i = 0; i < AT_ONCE && balance(); i++)
		;
}

struct search {
	uint32_t spi;
	struct sa *sa;
	int n;
};

static void find_spi(struct sa *sa, void *data)
{
	struct search *s = data;

	if (sa->mapped && sa->key.spi == s->spi) {
		s->sa = sa;
		s->n++;
	}
}

/* Negative errno: ENOENT no such SA, ENOTUNIQ several, ENODEV no such worker */
int alloc_pin(const struct fwd_key *key, uint32_t id, bool pin)
{
	static const struct fwd_key none;
	struct search search = { .spi = key->spi };
	struct worker *e = worker(id);
	struct sa *sa;

	/* Without an address: the SA of this SPI, if there is one only. */
	if (memcmp(key->daddr, none.daddr, sizeof(none.daddr)))
		search.sa = alloc_find(key);
	else
		alloc_each(find_spi, &search);
	if (search.n > 1)
		return -ENOTUNIQ;
	sa = search.sa;
	if (!sa || !sa->mapped)
		return -ENOENT;
	if (pin && (!e || !e->usable))
		return -ENODEV;
	sa->pinned = pin;
	if (pin)
		move(sa, e, false);
	return 0;
}
