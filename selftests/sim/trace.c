// SPDX-License-Identifier: GPL-2.0
/*
 * The traces. Each tick has an expected rate for each SA; as many packets as they add up to are
 * drawn, each one's SA by these rates, independently of the others. On average an SA has 10
 * packets/s: 100,000 SAs have 1,000,000. Which SA has which rank is random. They have 60 s, but
 * for diurnal.
 *
 * zipf		the SA of rank k has a rate in proportion to 1 / k
 * flash	zipf; and twice, for 15 s, half as many SAs as there are slots, of the colder
 *		half, have 1.5 times as many packets as all others, at rates that differ by up to
 *		three times; they come up within 2 s, and go away within 2 s
 * diurnal	zipf; each SA is in one of 24 time zones, whose rates rise and fall with the time
 *		of day, down to a twentieth; a day has 120 s, the trace one day
 * scan		zipf for four packets of five; each fifth is the next SA's in turn, round and
 *		round
 * voice	nine SAs of ten have calls of 50 packets/s, 4 % of them at a time, which last 60 s
 *		on average; one of fifty has transfers of 200 to 5,000 packets/s, for 20 s on
 *		average, after pauses of 60 s; the others have a packet every 10 s
 * rekey	zipf; and each SA is replaced by a new one once
 * equal	twice as many SAs as there are slots have the same rate, the others have a tenth
 *		of the packets
 * burst	one SA of ten has bursts of 200 to 5,000 packets/s for 2 s on average, after
 *		pauses of 30 s; the others have a packet every 10 s. Who decides once a second is
 *		late for half of each: it shows where the policy ends, and has no bars
 */

#include <math.h>

#include "sim.h"

#define PER_SA		10.0	/* packets/s */
#define ZONES		24
#define DAY		120.0	/* s */
#define CROWDS		2

const char * const trace_names[] = {
	"zipf", "flash", "diurnal", "scan", "voice", "rekey", "equal", "burst", NULL
};

/* Vose's alias method: in O(1) a number by the weights. */
static void weights(struct trace *t, const double *w, double sum)
{
	u32 small = 0, large = t->sas, i, s, l;

	for (i = 0; i < t->sas; i++) {
		t->chance[i] = w[i] * t->sas / sum;
		t->other[i] = i;
		if (t->chance[i] < 1)
			t->stack[small++] = i;
		else
			t->stack[--large] = i;
	}
	while (small && large < t->sas) {
		s = t->stack[--small];
		l = t->stack[large];
		t->other[s] = l;
		t->chance[l] -= 1 - t->chance[s];
		if (t->chance[l] < 1) {
			large++;
			t->stack[small++] = l;
		}
	}
	while (small)
		t->chance[t->stack[--small]] = 1;
	while (large < t->sas)
		t->chance[t->stack[large++]] = 1;
}

void trace_room(struct trace *t, u32 packets)
{
	if (packets > t->room) {
		free(t->packet);
		t->packet = array(packets, sizeof(*t->packet));
		t->room = packets;
	}
	t->packets = packets;
}

static void draw(struct trace *t, u32 scan_every)
{
	double sum = 0;
	u32 i, s;

	for (i = 0; i < t->sas; i++)
		sum += t->rate[i];
	weights(t, t->rate, sum);
	trace_room(t, lround(sum * t->period));
	memset(t->count, 0, t->sas * sizeof(*t->count));
	for (i = 0; i < t->packets; i++) {
		if (scan_every && i % scan_every == 0) {
			s = t->scanned++ % t->sas;
		} else {
			s = below(&t->rnd, t->sas);
			if (uniform(&t->rnd) > t->chance[s])
				s = t->other[s];
		}
		t->packet[i] = s;
		t->count[s]++;
	}
}

static void zipf(struct trace *t, u32 tick)
{
	draw(t, 0);
	(void)tick;
}

static void scan(struct trace *t, u32 tick)
{
	draw(t, 5);
	(void)tick;
}

static void flash(struct trace *t, u32 tick)
{
	double now = tick * t->period, sum, age, part;
	u32 crowd = max_t(u32, t->slots / 2, 1), c, i, s;
	struct random r;

	memcpy(t->rate, t->base, t->sas * sizeof(*t->rate));
	for (c = 0; c < CROWDS; c++) {
		age = now - (15 + 25 * c);
		if (age < 0 || age > 15 + 4)
			continue;
		/* The same SAs, at the same rates, in each tick of a crowd. */
		for (sum = 0, r.state = c, i = 0; i < crowd; i++)
			sum += 0.5 + uniform(&r);
		for (r.state = c, i = 0; i < crowd; i++) {
			s = t->rank[t->sas / 2 + c * crowd + i];
			part = (0.5 + uniform(&r)) / sum;
			/* It comes and goes at a time of its own. */
			if (age < i * 2.0 / crowd || age > 15 + i * 2.0 / crowd)
				continue;
			t->rate[s] += 1.5 * PER_SA * t->sas * part;
		}
	}
	draw(t, 0);
}

static void diurnal(struct trace *t, u32 tick)
{
	double zone[ZONES], sum = 0;
	u32 z, i;

	for (z = 0; z < ZONES; z++)
		zone[z] = 0.05 + 0.475 * (1 + cos(2 * M_PI *
						  (tick * t->period / DAY - (double)z / ZONES)));
	for (i = 0; i < t->sas; i++) {
		t->rate[i] = t->base[i] * zone[i % ZONES];
		sum += t->rate[i];
	}
	for (i = 0; i < t->sas; i++)
		t->rate[i] *= PER_SA * t->sas / sum;
	draw(t, 0);
}

/*
 * An SA that sends and pauses in turn, for exponential times of these means, at a rate from
 * @least on, all orders of magnitude alike. As in the midst of it from the beginning:
 * exponential times have no memory.
 */
static void on_off(struct trace *t, u32 tick, u32 sa, const double mean[2], double least,
		   double times)
{
	double now = tick * t->period;
	bool on = t->rate[sa] > 0;

	if (tick && t->until[sa] > now)
		return;
	on = tick ? !on : uniform(&t->rnd) < mean[1] / (mean[0] + mean[1]);
	t->rate[sa] = on ? least * pow(times, uniform(&t->rnd)) : 0;
	t->until[sa] = now + log(1 / uniform(&t->rnd)) * mean[on];
}

static void voice(struct trace *t, u32 tick)
{
	static const double call[] = { 60 * 24, 60 }, bulk[] = { 60, 20 };
	u32 i;

	for (i = 0; i < t->sas; i++) {
		if (i < t->sas / 10 * 9)
			on_off(t, tick, t->rank[i], call, 50, 1);
		else if (i < t->sas / 100 * 92)
			on_off(t, tick, t->rank[i], bulk, 200, 25);
		else
			t->rate[t->rank[i]] = 0.1;
	}
	draw(t, 0);
}

static void burst(struct trace *t, u32 tick)
{
	static const double mean[] = { 30, 2 };
	u32 i;

	for (i = 0; i < t->sas; i++) {
		if (i < t->sas / 10)
			on_off(t, tick, t->rank[i], mean, 200, 25);
		else
			t->rate[t->rank[i]] = 0.1;
	}
	draw(t, 0);
}

static void rekey(struct trace *t, u32 tick)
{
	u32 from = (u64)t->sas * tick / t->ticks, to = (u64)t->sas * (tick + 1) / t->ticks, i;

	for (t->renewals = 0, i = from; i < to; i++)
		t->renewed[t->renewals++] = t->stack[t->sas + i];
	draw(t, 0);
}

static void equal(struct trace *t, u32 tick)
{
	u32 busy = 2 * t->slots, i;

	for (i = 0; i < t->sas; i++)
		t->rate[t->rank[i]] = PER_SA * t->sas *
				      (i < busy ? 0.9 / busy : 0.1 / (t->sas - busy));
	draw(t, 0);
	(void)tick;
}

static void shuffle(struct random *r, u32 *a, u32 n)
{
	u32 i, j;

	for (i = 0; i < n; i++) {
		j = below(r, i + 1);
		a[i] = a[j];
		a[j] = i;
	}
}

struct trace *trace_new(const char *name, u32 sas, double period, u64 seed)
{
	static void (* const next[])(struct trace *t, u32 tick) = {
		zipf, flash, diurnal, scan, voice, rekey, equal, burst,
	};
	struct trace *t = array(1, sizeof(*t));
	double sum = 0;
	u32 i;

	for (i = 0; trace_names[i] && strcmp(trace_names[i], name); i++)
		;
	if (!trace_names[i]) {
		fprintf(stderr, "sim: there is no trace %s\n", name);
		exit(2);
	}
	t->name = trace_names[i];
	t->next = next[i];
	t->sas = sas;
	t->slots = (u64)sas * 1024 / 100000;
	t->period = period;
	t->ticks = (t->next == diurnal ? DAY : 60) / period;
	t->bar = t->next == zipf ? 0.95 : t->next == burst ? 0 : BAR;
	t->rnd.state = seed;
	t->count = array(sas, sizeof(*t->count));
	t->renewed = array(sas, sizeof(*t->renewed));
	t->rank = array(sas, sizeof(*t->rank));
	t->base = array(sas, sizeof(*t->base));
	t->rate = array(sas, sizeof(*t->rate));
	t->until = array(sas, sizeof(*t->until));
	t->chance = array(sas, sizeof(*t->chance));
	t->other = array(sas, sizeof(*t->other));
	/* The second half is the order of rekey. */
	t->stack = array(2 * sas, sizeof(*t->stack));
	shuffle(&t->rnd, t->stack + sas, sas);
	shuffle(&t->rnd, t->rank, sas);
	for (i = 0; i < sas; i++)
		sum += 1.0 / (i + 1);
	for (i = 0; i < sas; i++)
		t->base[t->rank[i]] = PER_SA * sas / (i + 1) / sum;
	if (t->next != voice && t->next != burst)
		memcpy(t->rate, t->base, sas * sizeof(*t->rate));
	return t;
}

void trace_free(struct trace *t)
{
	free(t->packet);
	free(t->count);
	free(t->renewed);
	free(t->rank);
	free(t->base);
	free(t->rate);
	free(t->until);
	free(t->chance);
	free(t->other);
	free(t->stack);
	free((void *)t->own);
	free(t);
}
