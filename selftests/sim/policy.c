// SPDX-License-Identifier: GPL-2.0
/*
 * The policies. Each of them sees the packets of a tick first, serves those of the SAs that hold
 * slots, and then chooses who holds them in the next tick; but for two:
 *
 * heat		src/engine/heat.c, called as an allocator would call it
 * LRU		each packet of an SA without a slot moves it into that of the SA whose last packet
 *		is the longest ago; the packet itself is not served
 * LFU		after each tick the SAs with the most packets since they exist hold the slots
 * static	who came first keeps its slot
 * optimum	before each tick the SAs with the most packets of this very tick are put into the
 *		slots, for free. No choice that stays the same for a tick serves more; nobody
 *		without knowledge of the future can do as well
 */

#include "sim.h"

static void leave(struct policy *p, u32 sa)
{
	if (p->slot[sa] == NO_SLOT)
		return;
	p->holder[p->slot[sa]] = NO_SLOT;
	p->slot[sa] = NO_SLOT;
}

static void enter(struct policy *p, u32 sa, u32 slot)
{
	p->holder[slot] = sa;
	p->slot[sa] = slot;
	p->entered++;
}

static void serve(struct policy *p, const struct trace *t)
{
	u32 s;

	for (s = 0; s < t->slots; s++)
		if (p->holder[s] != NO_SLOT)
			p->served += t->count[p->holder[s]];
}

static void renew(struct policy *p, const struct trace *t)
{
	u32 i;

	for (i = 0; i < t->renewals; i++)
		leave(p, t->renewed[i]);
}

/* --- heat --- */

struct hot {
	struct xha_heat_policy constants;
	struct xha_heat_plan plan;
	u64 *total;
	struct xha_heat heat[];
};

static void *named(u32 sa)
{
	return (void *)(unsigned long)sa;
}

static u32 sa_of(const struct xha_heat_entry *e)
{
	return (unsigned long)e->who;
}

static void heat(struct policy *p, const struct trace *t, u32 tick)
{
	u32 i, s, slot, free = 0, next = 0;
	struct hot *h = p->own;

	renew(p, t);
	for (i = 0; i < t->renewals; i++) {
		s = t->renewed[i];
		xha_heat_init(&h->heat[s], &h->constants, h->total[s], tick);
	}
	serve(p, t);
	tick++;
	for (slot = 0; slot < t->slots; slot++)
		free += p->holder[slot] == NO_SLOT;
	xha_heat_plan_begin(&h->plan, free);
	for (s = 0; s < t->sas; s++) {
		if (!t->count[s])
			continue;
		h->total[s] += t->count[s];
		xha_heat_tick(&h->heat[s], &h->constants, h->total[s], tick);
		if (p->slot[s] == NO_SLOT)
			xha_heat_plan_candidate(&h->plan, h->heat[s].heat, named(s));
	}
	for (slot = 0; slot < t->slots; slot++) {
		s = p->holder[slot];
		if (s != NO_SLOT)
			xha_heat_plan_resident(&h->plan,
					       xha_heat_at(&h->heat[s], &h->constants, tick),
					       named(s));
	}
	xha_heat_plan_end(&h->plan, &h->constants);
	for (i = 0; i < h->plan.count; i++) {
		if (i < h->plan.fills) {
			while (p->holder[next] != NO_SLOT)
				next++;
			slot = next;
		} else {
			s = sa_of(&h->plan.cold[i - h->plan.fills]);
			slot = p->slot[s];
			leave(p, s);
		}
		s = sa_of(&h->plan.hot[i]);
		enter(p, s, slot);
		xha_heat_enter(&h->heat[s], &h->constants, tick);
	}
}

static void heat_new(struct policy *p, const struct trace *t,
		     const struct xha_heat_policy *constants)
{
	struct hot *h = array(1, sizeof(*h) + t->sas * sizeof(h->heat[0]));
	u32 i;

	h->constants = *constants;
	h->total = array(t->sas, sizeof(*h->total));
	h->plan.room = constants->swaps;
	h->plan.hot = array(h->plan.room, sizeof(*h->plan.hot));
	h->plan.cold = array(h->plan.room, sizeof(*h->plan.cold));
	for (i = 0; i < t->sas; i++)
		xha_heat_init(&h->heat[i], constants, 0, 0);
	for (i = 0; i < t->slots; i++)
		xha_heat_enter(&h->heat[i], constants, 0);
	p->own = h;
}

static void heat_free(struct policy *p)
{
	struct hot *h = p->own;

	free(h->total);
	free(h->plan.hot);
	free(h->plan.cold);
}

/* --- LRU --- */

/* A ring of the slots; number t->slots is its head, the next after it was used last. */
struct ring {
	u32 next, prev;
};

static void unlink_slot(struct ring *r, u32 slot)
{
	r[r[slot].prev].next = r[slot].next;
	r[r[slot].next].prev = r[slot].prev;
}

static void link_after(struct ring *r, u32 at, u32 slot)
{
	r[slot].prev = at;
	r[slot].next = r[at].next;
	r[r[at].next].prev = slot;
	r[at].next = slot;
}

static void lru(struct policy *p, const struct trace *t, u32 tick)
{
	u32 head = t->slots, i, s, slot;
	struct ring *r = p->own;

	for (i = 0; i < t->renewals; i++) {
		slot = p->slot[t->renewed[i]];
		if (slot == NO_SLOT)
			continue;
		leave(p, t->renewed[i]);
		unlink_slot(r, slot);
		link_after(r, r[head].prev, slot);
	}
	for (i = 0; i < t->packets; i++) {
		s = t->packet[i];
		slot = p->slot[s];
		if (slot != NO_SLOT) {
			p->served++;
		} else {
			slot = r[head].prev;
			if (p->holder[slot] != NO_SLOT)
				leave(p, p->holder[slot]);
			enter(p, s, slot);
		}
		if (r[head].next != slot) {
			unlink_slot(r, slot);
			link_after(r, head, slot);
		}
	}
	(void)tick;
}

static void lru_new(struct policy *p, const struct trace *t)
{
	struct ring *r = array(t->slots + 1, sizeof(*r));
	u32 i;

	r[t->slots] = (struct ring){ t->slots, t->slots };
	for (i = 0; i < t->slots; i++)
		link_after(r, t->slots, i);
	p->own = r;
}

/* --- by number of packets: LFU and the optimum --- */

/*
 * The SAs with the greatest numbers hold the slots; of equals those that do already, then the
 * first ones.
 */
static void most(struct policy *p, const struct trace *t, const u32 *number)
{
	u32 lo = 0, hi = 0, mid, above, i, s, slot, equals;

	for (s = 0; s < t->sas; s++)
		hi = max_t(u32, hi, number[s]);
	/* The least number that fewer than all slots' SAs exceed */
	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		for (above = 0, s = 0; s < t->sas; s++)
			above += number[s] > mid;
		if (above < t->slots)
			hi = mid;
		else
			lo = mid + 1;
	}
	for (equals = t->slots, s = 0; s < t->sas; s++)
		equals -= number[s] > lo;
	for (i = 0; i < t->slots; i++) {
		s = p->holder[i];
		if (s == NO_SLOT || number[s] > lo)
			continue;
		if (number[s] == lo && equals)
			equals--;
		else
			leave(p, s);
	}
	for (slot = 0, s = 0; s < t->sas; s++) {
		if (p->slot[s] != NO_SLOT || number[s] < lo || (number[s] == lo && !equals))
			continue;
		equals -= number[s] == lo;
		while (p->holder[slot] != NO_SLOT)
			slot++;
		enter(p, s, slot);
	}
}

static void lfu(struct policy *p, const struct trace *t, u32 tick)
{
	u32 *total = p->own, i;

	renew(p, t);
	for (i = 0; i < t->renewals; i++)
		total[t->renewed[i]] = 0;
	serve(p, t);
	for (i = 0; i < t->sas; i++)
		total[i] += t->count[i];
	most(p, t, total);
	(void)tick;
}

static void optimum(struct policy *p, const struct trace *t, u32 tick)
{
	renew(p, t);
	most(p, t, t->count);
	serve(p, t);
	(void)tick;
}

static void fixed(struct policy *p, const struct trace *t, u32 tick)
{
	u32 i, slot = 0;

	renew(p, t);
	for (i = 0; i < t->renewals; i++) {
		while (slot < t->slots && p->holder[slot] != NO_SLOT)
			slot++;
		if (slot < t->slots)
			enter(p, t->renewed[i], slot);
	}
	serve(p, t);
	(void)tick;
}

void policies_new(struct policy p[POLICIES], const struct trace *t,
		  const struct xha_heat_policy *constants)
{
	static const struct policy all[POLICIES] = {
		[HEAT] = { .name = "heat", .run = heat },
		[LRU] = { .name = "LRU", .run = lru },
		[LFU] = { .name = "LFU", .run = lfu },
		[STATIC] = { .name = "static", .run = fixed },
		[OPTIMUM] = { .name = "optimum", .run = optimum },
	};
	u32 i, k;

	for (k = 0; k < POLICIES; k++) {
		p[k] = all[k];
		p[k].slot = array(t->sas, sizeof(*p->slot));
		p[k].holder = array(t->slots, sizeof(*p->holder));
		for (i = 0; i < t->sas; i++)
			p[k].slot[i] = NO_SLOT;
		for (i = 0; i < t->slots; i++)
			enter(&p[k], i, i);
		p[k].entered = 0;
	}
	heat_new(&p[HEAT], t, constants);
	lru_new(&p[LRU], t);
	p[LFU].own = array(t->sas, sizeof(u32));
}

void policies_free(struct policy p[POLICIES])
{
	u32 k;

	heat_free(&p[HEAT]);
	for (k = 0; k < POLICIES; k++) {
		free(p[k].slot);
		free(p[k].holder);
		free(p[k].own);
	}
}
