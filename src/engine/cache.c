// SPDX-License-Identifier: GPL-2.0
/* Which SAs hold the slots: the heat policy (heat.c), applied to an engine device. */

#include <linux/prefetch.h>

#include "engine/internal.h"

#define RETRY_ROOM	16	/* ticks until a full NIC is offered one more SA */
#define KICK		(HZ / 50)	/* what comes within it is one decision, */
#define KICK_COST	20	/* or within so many times what a decision takes */
#define LOOK		32	/* so many SAs at once; see look() */

static int direction(const struct xha_slot_sa *e)
{
	return e->inbound ? XHA_IN : XHA_OUT;
}

static u32 less(u32 a, u32 b)
{
	return a > b ? a - b : 0;
}

static u32 empty_slots(const struct xha_nic *nic, int dir)
{
	u32 used = atomic_read(&nic->used[dir]), limit = min(nic->slots[dir], nic->room[dir]);

	return xha_nic_usable(nic) ? less(limit, used) : 0;
}

/* For those whom heat gives one */
static u32 free_slots(const struct xha_nic *nic, int dir)
{
	return less(empty_slots(nic, dir), nic->reserved[dir]);
}

/* Outbound SAs in its slots, without those that leave them */
static u32 stay(const struct xha_nic *nic)
{
	return less(atomic_read(&nic->used[XHA_OUT]), xha_clones_leaving(nic->engine, nic));
}

/* Outbound: also those that are about to be free */
static u32 coming_slots(const struct xha_nic *nic)
{
	u32 limit = min(nic->slots[XHA_OUT], nic->room[XHA_OUT]);

	if (!xha_nic_usable(nic))
		return 0;
	return less(less(limit, stay(nic)), nic->reserved[XHA_OUT]);
}

/**
 * xha_cache_breathe() - who waits for the mutex has it now
 * @g: engine; mutex, of its worker
 *
 * SAs in a list by @pick are known still.
 *
 * Return: false if the engine device has gone down, or what the caller knows of SAs, NICs and plans
 * is void.
 */
bool xha_cache_breathe(struct xha_engine *g)
{
	unsigned long turn = g->turn;

	mutex_unlock(&g->mutex);
	cond_resched();
	mutex_lock(&g->mutex);
	return g->open && g->turn == turn;
}

/* As xha_cache_breathe(), for as long as outbound SAs take to leave, but not for ever. */
static bool wait_for_slots(struct xha_engine *g)
{
	unsigned long turn = g->turn;

	mutex_unlock(&g->mutex);
	xha_clones_wait(g, XHA_CLONE_LEAVE);
	mutex_lock(&g->mutex);
	return g->open && g->turn == turn;
}

static bool leave(struct xha_engine *g, struct list_head *picked)
{
	return xha_slots_leave_gently(g, picked, xha_cache_breathe);
}

/* In relation to its weight, the NIC with fewest. */
static struct xha_nic *least_loaded(struct xha_engine *g, int dir)
{
	struct xha_nic *nic, *best = NULL;

	list_for_each_entry(nic, &g->nics, node) {
		if (!free_slots(nic, dir) || nic->tried)
			continue;
		if (!best || (u64)atomic_read(&nic->used[dir]) * best->weight <
			     (u64)atomic_read(&best->used[dir]) * nic->weight)
			best = nic;
	}
	return best;
}

static struct xha_nic *by_ifindex(struct xha_engine *g, int ifindex)
{
	struct xha_nic *nic;

	list_for_each_entry(nic, &g->nics, node)
		if (nic->dev->ifindex == ifindex)
			return nic;
	return NULL;
}

/*
 * The NIC that an inbound SA's packets come to. Of a single one there is no doubt, until packets
 * have come, which were seen there, or came by another device.
 */
static struct xha_nic *receiver(struct xha_engine *g, const struct xha_slot_sa *e)
{
	struct xha_nic *nic = NULL;
	int seen = READ_ONCE(e->seen);

	if (seen)
		nic = by_ifindex(g, seen);
	else if (list_is_singular(&g->nics) && !READ_ONCE(e->x->lastused))
		nic = list_first_entry(&g->nics, struct xha_nic, node);
	return nic && xha_nic_usable(nic) ? nic : NULL;
}

/* Do its packets pass the engine device, as far as is known? */
static bool passes(const struct xha_slot_sa *e)
{
	return !e->away && (!e->inbound || READ_ONCE(e->seen) || !READ_ONCE(e->x->lastused));
}

/**
 * xha_cache_count() - who has served the packets of an SA since the last look?
 * @g: its engine; mutex
 * @e: SA
 *
 * At each tick, and before it enters a slot or leaves one.
 *
 * Return: its count of packets.
 */
u64 xha_cache_count(struct xha_engine *g, struct xha_slot_sa *e)
{
	u64 packets = READ_ONCE(e->x->curlft.packets), more;

	/* On a standby it may have been told of less. */
	more = packets > e->packets ? packets - e->packets : 0;
	if (e->nic && !e->inbound)
		e->nic->handed += more;
	/* What takes another way is nobody's here. */
	if (passes(e))
		*(e->nic ? &g->packets_hard : &g->packets_soft) += more;
	e->packets = packets;
	return packets;
}

static void refused(struct xha_engine *g, struct xha_slot_sa *e, struct xha_nic *nic, int err)
{
	bool unfit = err == -EOPNOTSUPP || err == -EINVAL, room;
	int dir = direction(e);
	u32 used;

	if (err == -ESRCH && e->dead)
		return;
	nic->refused++;
	g->refused++;
	used = atomic_read(&nic->used[dir]);
	/* There is room if one has just left. */
	room = used < nic->held[dir];
	/* One that another has left for makes another leave the next time: not at each tick. */
	if ((unfit || room || e->pin) && g->tick >= e->wait)
		e->wait = g->tick + xha_backoff(e->refusals++);
	if (dir == XHA_OUT)
		nic->unfit = unfit;
	/* What is said of the SA is not said of the NIC. */
	if (unfit || room)
		return;
	nic->room[dir] = used;
	nic->retry[dir] = g->tick + RETRY_ROOM;
}

static bool enter(struct xha_engine *g, struct xha_slot_sa *e, struct xha_nic *nic)
{
	int err = xha_slot_enter(e, nic), dir = direction(e);

	if (err)
		refused(g, e, nic, err);
	else if (nic->probing[dir] && atomic_read(&nic->used[dir]) >= nic->room[dir])
		/* One more than it had room for: there may be still more. */
		nic->room[dir] = XHA_SLOTS_ANY;
	nic->probing[dir] = false;
	if (!err && dir == XHA_OUT)
		nic->unfit = false;
	return !err;
}

/* An outbound SA enters the least loaded NIC of those that can do it. */
static bool place(struct xha_engine *g, struct xha_slot_sa *e)
{
	bool entered = false;
	struct xha_nic *nic;

	while (!entered && (nic = least_loaded(g, XHA_OUT))) {
		entered = enter(g, e, nic);
		if (!entered && !nic->unfit)
			break;
		nic->tried = true;
	}
	list_for_each_entry(nic, &g->nics, node)
		nic->tried = false;
	return entered;
}

/*
 * A swap costs what the drivers' calls take, when one enters and when one has left; what is
 * waited for (packets, grace periods) costs no CPU time.
 */
static void measured(struct xha_engine *g, u64 took, u32 swaps)
{
	u64 ns = 0;
	struct xha_nic *nic;
	u32 gone = 0;

	list_for_each_entry(nic, &g->nics, node) {
		gone += atomic_xchg(&nic->n_left, 0);
		ns += atomic64_xchg(&nic->left_ns, 0);
	}
	if (gone)
		g->leave_ns = div_u64(ns, gone);
	if (swaps)
		xha_heat_measured(&g->policy, div_u64(took, swaps) + g->leave_ns);
}

static bool pins_wait(const struct xha_engine *g)
{
	const struct xha_nic *nic;

	list_for_each_entry(nic, &g->nics, node)
		if (nic->reserved[XHA_OUT])
			return true;
	return false;
}

/*
 * Whoever leaves does so first; whoever enters finds the slots free, or tries when they are. False:
 * as xha_cache_breathe().
 */
static bool carry_out(struct xha_engine *g, struct xha_heat_plan *plan, struct xha_nic *nic)
{
	int dir = nic ? XHA_IN : XHA_OUT;
	struct xha_slot_sa *e;
	u64 start, took = 0;
	LIST_HEAD(picked);
	bool same = true;
	u32 i, n = 0;

	if (dir == XHA_OUT)
		WRITE_ONCE(g->wants, plan->count || pins_wait(g));
	for (i = plan->fills; i < plan->count; i++)
		xha_slot_pick(plan->cold[i - plan->fills].who, &picked);
	if (!leave(g, &picked))
		return false;
	if (plan->count > plan->fills && dir == XHA_OUT && !wait_for_slots(g))
		return false;
	for (i = 0; i < plan->count && same; i++) {
		e = plan->hot[i].who;
		if (nic ? !free_slots(nic, dir) : !least_loaded(g, dir))
			break;
		if (e->nic || e->pin)
			continue;
		start = ktime_get_ns();
		if (nic ? enter(g, e, nic) : place(g, e)) {
			xha_heat_enter(&e->heat, &g->policy, g->tick);
			n++;
		}
		took += ktime_get_ns() - start;
		same = xha_cache_breathe(g);
	}
	if (dir == XHA_OUT && i == plan->count)
		WRITE_ONCE(g->wants, pins_wait(g));
	measured(g, took, n);
	return same;
}

/* So many leave a NIC, the coldest first, and those last that the user has put there. */
static void make_room(struct xha_nic *nic, int dir, u32 n, bool pinned)
{
	struct xha_engine *g = nic->engine;
	struct xha_heat_plan plan = {};
	struct xha_slot_sa *e;
	unsigned long number;
	LIST_HEAD(picked);
	u64 heat;
	u32 i;

	/* Without memory for an order, all leave: the hot ones come back. */
	if (xha_cache_plan_alloc(&plan, n)) {
		xha_slots_evict(g, nic, U32_MAX);
		return;
	}
	xha_heat_plan_begin(&plan, 0);
	xa_for_each(&g->sas, number, e) {
		if (e->nic != nic || direction(e) != dir || (e->pin && !pinned))
			continue;
		heat = xha_heat_at(&e->heat, &g->policy, g->tick);
		xha_heat_plan_resident(&plan, e->pin ? U64_MAX : heat, e);
	}
	for (i = 0; i < plan.colds; i++)
		xha_slot_pick(plan.cold[i].who, &picked);
	xha_slots_leave(g, &picked);
	xha_cache_plan_free(&plan);
}

/**
 * xha_cache_shrink() - the coldest leave a NIC that holds more than it may
 * @nic: NIC; mutex
 * @dir: XHA_IN, XHA_OUT
 */
void xha_cache_shrink(struct xha_nic *nic, int dir)
{
	u32 used = atomic_read(&nic->used[dir]);

	if (used > nic->slots[dir])
		make_room(nic, dir, used - nic->slots[dir], true);
}

/* The NIC that the user wants it in, or NULL. */
static struct xha_nic *pinned_to(struct xha_engine *g, const struct xha_slot_sa *e)
{
	return e->pin == XHA_PIN_NIC ? by_ifindex(g, e->pin_ifindex) : NULL;
}

/* It is to be elsewhere, and may go now: one that the NIC has refused waits like any other. */
static struct xha_nic *heads_for(struct xha_engine *g, const struct xha_slot_sa *e)
{
	struct xha_nic *to = pinned_to(g, e);

	return to && !e->nic && !e->away && !READ_ONCE(e->dead) && xha_nic_usable(to) &&
	       g->tick >= e->wait ? to : NULL;
}

/* What comes free is kept for them. */
static void reserve(struct xha_engine *g)
{
	struct xha_slot_sa *e;
	unsigned long number;
	struct xha_nic *nic;

	list_for_each_entry(nic, &g->nics, node)
		memset(nic->reserved, 0, sizeof(nic->reserved));
	if (!g->pins)
		return;
	xa_for_each(&g->sas, number, e) {
		nic = e->pin ? heads_for(g, e) : NULL;
		if (nic)
			nic->reserved[direction(e)]++;
	}
}

/* As many leave as are missing, less those that are about to. True: some have begun to. */
static bool make_reserved_room(struct xha_engine *g)
{
	struct xha_nic *nic;
	bool made = false;
	u32 have, lack;
	int dir;

	list_for_each_entry(nic, &g->nics, node) {
		for (dir = 0; dir < XHA_DIRS; dir++) {
			have = empty_slots(nic, dir);
			/* One that is about to leave is enough. */
			if (dir == XHA_OUT)
				have += xha_clones_leaving(g, nic);
			if (nic->reserved[dir] <= have)
				continue;
			lack = nic->reserved[dir] - have;
			make_room(nic, dir, min_t(u32, lack, XHA_SLOTS_BATCH), false);
			if (lack > XHA_SLOTS_BATCH)
				xha_cache_kick(g);
			made = true;
		}
	}
	return made;
}

/* Where the user says, whoever has the slot. */
static void follow_pins(struct xha_engine *g)
{
	struct xha_slot_sa *e;
	unsigned long number;
	struct xha_nic *to;

	reserve(g);
	if (!g->pins)
		return;
	if (make_reserved_room(g))
		wait_for_slots(g);
	if (!g->open)
		return;
	xa_for_each(&g->sas, number, e) {
		to = e->pin ? heads_for(g, e) : NULL;
		if (!to || !empty_slots(to, direction(e)))
			continue;
		if (enter(g, e, to)) {
			e->why = XFRM_HA_CACHE_REASON_PINNED;
			e->gain = 0;
			e->margin = 0;
		}
		if (!xha_cache_breathe(g) && !g->open)
			return;
	}
	reserve(g);
}

/* It is to be told anew of this one. */
static bool outdated(const struct xha_slot_sa *e)
{
	return !e->inbound && e->epoch != e->nic->epoch;
}

/* Its packets come to another NIC, and nobody has said that it is to stay. */
static bool elsewhere(struct xha_engine *g, const struct xha_slot_sa *e)
{
	return e->inbound && e->pin != XHA_PIN_NIC && receiver(g, e) != e->nic;
}

/* SAs that can't stay where they are. */
static void correct(struct xha_engine *g, bool ticked)
{
	u32 renewals = g->policy.swaps;
	struct xha_slot_sa *e;
	LIST_HEAD(picked);
	u64 start;

	start = ktime_get_ns();
	list_for_each_entry(e, &g->held, held) {
		if (READ_ONCE(e->dead)) {
			list_move_tail(&e->pick, &picked);
		} else if (!xha_nic_usable(e->nic) || (ticked && xha_doubt(e)) || elsewhere(g, e) ||
			   e->away) {
			xha_slot_pick(e, &picked);
		} else if (e->pin && e->nic != pinned_to(g, e)) {
			list_move_tail(&e->pick, &picked);
		} else if (outdated(e) && renewals) {
			xha_slot_pick(e, &picked);
			renewals--;
		}
	}
	g->tick_ns += ktime_get_ns() - start;
	/* There may be more. */
	if (!renewals)
		xha_cache_kick(g);
	leave(g, &picked);
	if (g->open)
		follow_pins(g);
}

/* Has the one more outbound SAs than the other, for its weight? By so many that it matters */
static u32 surplus(const struct xha_nic *a, const struct xha_nic *b)
{
	u64 mine = (u64)stay(a) * b->weight, its = (u64)stay(b) * a->weight;

	return mine > its ? div_u64(mine - its, a->weight + b->weight) : 0;
}

/*
 * A NIC has come, or has another weight: outbound SAs leave those that have more than their part
 * of them. They enter again where there are fewest.
 */
static void even_out(struct xha_engine *g)
{
	struct xha_nic *nic, *least;
	bool made = false;
	u32 n;

	if (!g->uneven)
		return;
	g->uneven = false;
	/* One that can't do what it was offered last has its part until it can do another. */
	list_for_each_entry(nic, &g->nics, node) {
		nic->tried = nic->unfit;
		g->uneven |= nic->unfit;
	}
	list_for_each_entry(nic, &g->nics, node) {
		least = least_loaded(g, XHA_OUT);
		if (!least)
			break;
		n = surplus(nic, least);
		if (!n || !xha_nic_usable(nic))
			continue;
		make_room(nic, XHA_OUT, min3(n, free_slots(least, XHA_OUT), g->policy.swaps),
			  false);
		g->uneven = true;
		made = true;
	}
	list_for_each_entry(nic, &g->nics, node)
		nic->tried = false;
	if (made)
		wait_for_slots(g);
}

/* An inbound SA is its NIC's business, the outbound ones are everybody's. */
static struct xha_heat_plan *plan_of(struct xha_engine *g, struct xha_slot_sa *e)
{
	struct xha_nic *nic;

	if (!e->inbound)
		return &g->plan;
	nic = e->nic ?: receiver(g, e);
	return nic ? &nic->plan : NULL;
}

static void offer(struct xha_engine *g, struct xha_slot_sa *e, u64 heat)
{
	struct xha_heat_plan *plan = plan_of(g, e);

	if (!plan || e->pin || e->away || READ_ONCE(e->dead))
		return;
	if (e->nic)
		xha_heat_plan_resident(plan, heat, e);
	else if (g->tick >= e->wait)
		xha_heat_plan_candidate(plan, heat, e);
}

/* Drivers may give slots back a little later than they say. */
static void note_held(struct xha_engine *g, bool ticked)
{
	struct xha_nic *nic;
	int dir;

	list_for_each_entry(nic, &g->nics, node) {
		for (dir = 0; dir < XHA_DIRS; dir++) {
			u32 used = atomic_read(&nic->used[dir]);

			nic->held[dir] = ticked ? used : max(nic->held[dir], used);
		}
	}
}

static void begin(struct xha_engine *g)
{
	struct xha_nic *nic;
	u32 room = 0;
	int dir;

	list_for_each_entry(nic, &g->nics, node) {
		for (dir = 0; dir < XHA_DIRS; dir++) {
			u32 used = atomic_read(&nic->used[dir]);

			/* Slots may have come: one more is tried now and then. */
			if (used >= nic->room[dir] && g->tick >= nic->retry[dir]) {
				nic->room[dir] = used + 1;
				nic->probing[dir] = true;
				nic->retry[dir] = g->tick + RETRY_ROOM;
			}
		}
		xha_heat_plan_begin(&nic->plan, free_slots(nic, XHA_IN));
		/* What is about to be free is enough for somebody: nobody else leaves for it. */
		room = min_t(u64, (u64)room + coming_slots(nic), U32_MAX);
	}
	xha_heat_plan_begin(&g->plan, room);
}

/* Why those that are to have a slot are: for xha_cache_reason(). */
static void end(struct xha_engine *g, struct xha_heat_plan *plan, bool swaps)
{
	struct xha_heat_verdict v;
	struct xha_slot_sa *e;
	u32 i;

	xha_heat_plan_end(plan, &g->policy);
	if (!swaps)
		plan->count = plan->fills;
	for (i = 0; i < plan->count; i++) {
		e = plan->hot[i].who;
		/* For the slot of another that has not come free in time. */
		if (e->given && e->given == g->decisions - 1 && i < plan->fills &&
		    e->why == XFRM_HA_CACHE_REASON_SWAP) {
			e->given = g->decisions;
			continue;
		}
		e->given = g->decisions;
		e->why = XFRM_HA_CACHE_REASON_FREE;
		e->gain = 0;
		e->margin = 0;
		if (i < plan->fills)
			continue;
		v = xha_heat_swap(&g->policy, plan->hot[i].heat, plan->cold[i - plan->fills].heat);
		e->why = XFRM_HA_CACHE_REASON_SWAP;
		e->gain = v.gain;
		e->margin = v.margin;
	}
}

/*
 * What is looked at of an SA is in two cache lines, and no longer in the cache with very many SAs.
 * So those of the next ones are on their way at the same time.
 */
static void look(struct xha_engine *g)
{
	unsigned long from = 0;
	struct xha_slot_sa *e;
	void *next[LOOK];
	u64 packets;
	u32 n, i;

	while ((n = xa_extract(&g->sas, next, from, ULONG_MAX, LOOK, XA_PRESENT))) {
		for (i = 0; i < n; i++)
			prefetchw(next[i]);
		for (i = 0; i < n; i++) {
			e = next[i];
			prefetch(&e->x->curlft.packets);
		}
		for (i = 0; i < n; i++) {
			e = next[i];
			packets = xha_cache_count(g, e);
			if (!passes(e))
				e->heat.packets = packets;
			offer(g, e, xha_heat_tick(&e->heat, &g->policy, packets, g->tick));
		}
		from = e->number + 1;
		cond_resched();
	}
}

static void decide(struct xha_engine *g, bool ticked, bool swaps)
{
	struct xha_nic *nic;
	u64 start, took;
	bool same;

	start = ktime_get_ns();
	begin(g);
	look(g);
	if (ticked)
		xha_doubt_nics(g);
	g->decided = g->policy;
	g->judged = g->numbers;
	g->decisions++;
	end(g, &g->plan, swaps);
	list_for_each_entry(nic, &g->nics, node)
		end(g, &nic->plan, swaps);
	took = ktime_get_ns() - start;
	g->tick_ns += took;
	WRITE_ONCE(g->pause, max_t(unsigned long, KICK, nsecs_to_jiffies(KICK_COST * took)));

	same = carry_out(g, &g->plan, NULL);
	if (same)
		list_for_each_entry(nic, &g->nics, node) {
			same = carry_out(g, &nic->plan, nic);
			if (!same)
				break;
		}
	if (!same)
		xha_cache_kick(g);
}

static void work(struct work_struct *work)
{
	struct xha_engine *g = container_of(to_delayed_work(work), struct xha_engine, work);
	bool ticked = time_after_eq(jiffies, g->next), swaps;

	mutex_lock(&g->mutex);
	if (ticked) {
		unsigned long period = max(msecs_to_jiffies(g->policy.period), 1UL);

		g->tick += 1 + (jiffies - g->next) / period;
		g->next = jiffies + period;
		g->ticks++;
	}
	swaps = xchg(&g->kicked, false) || ticked;
	WRITE_ONCE(g->freed, false);
	if (g->open) {
		note_held(g, ticked);
		xha_slots_adopt(g, ticked);
		if (g->open)
			correct(g, ticked);
		if (g->open)
			even_out(g);
		if (g->open)
			decide(g, ticked, swaps);
		if (g->open)
			queue_delayed_work(system_long_wq, &g->work,
					   time_after(g->next, jiffies) ? g->next - jiffies : 0);
	}
	mutex_unlock(&g->mutex);
}

/**
 * xha_cache_kick() - something has come or gone: decide now, not at the next tick
 * @g: engine; any context
 */
void xha_cache_kick(struct xha_engine *g)
{
	if (READ_ONCE(g->open) && !xchg(&g->kicked, true))
		mod_delayed_work(system_long_wq, &g->work, READ_ONCE(g->pause));
}

/**
 * xha_cache_freed() - an outbound SA has left its slot at last: does one wait for that?
 * @g: engine; any context
 *
 * That decision fills free slots only: it would make SAs change places at any rate.
 */
void xha_cache_freed(struct xha_engine *g)
{
	if (READ_ONCE(g->open) && READ_ONCE(g->wants) && !xchg(&g->freed, true))
		mod_delayed_work(system_long_wq, &g->work, READ_ONCE(g->pause));
}

/* As the last decision saw it, in software, and gave no slot to it */
static enum xfrm_ha_cache_reason passed_over(struct xha_slot_sa *e,
					     const struct xha_heat_plan *plan,
					     struct xha_heat_verdict *v)
{
	static const u8 reasons[] = {
		[XHA_HEAT_SWAP]		= XFRM_HA_CACHE_REASON_NONE,
		[XHA_HEAT_COLDER]	= XFRM_HA_CACHE_REASON_COLDER,
		[XHA_HEAT_BELOW]	= XFRM_HA_CACHE_REASON_BELOW,
		[XHA_HEAT_NOISE]	= XFRM_HA_CACHE_REASON_NOISE,
	};
	const struct xha_engine *g = e->engine;
	bool limit = plan->stop.reason == XHA_HEAT_LIMIT;
	u32 next = plan->count - plan->fills;

	/* None since the plan got its memory: plans don't end for these. */
	if (plan->stop.reason <= XHA_HEAT_SWAP)
		return XFRM_HA_CACHE_REASON_NONE;
	if (limit && plan->count < plan->free)
		return XFRM_HA_CACHE_REASON_LIMIT;
	if (next >= plan->colds) {
		if (e->err)
			return XFRM_HA_CACHE_REASON_REFUSED;
		return plan->stop.reason == XHA_HEAT_NOBODY ? XFRM_HA_CACHE_REASON_NONE :
							      XFRM_HA_CACHE_REASON_NO_SLOT;
	}
	/* The coldest one that has stayed: who would not get its slot would get none. */
	*v = xha_heat_swap(&g->decided, xha_heat_at(&e->heat, &g->decided, g->tick),
			   plan->cold[next].heat);
	if (limit && v->reason == XHA_HEAT_SWAP)
		return XFRM_HA_CACHE_REASON_LIMIT;
	return reasons[v->reason];
}

/**
 * xha_cache_reason() - why is an SA where it is?
 * @e: SA; mutex
 * @v: filled with what its heat was held against
 *
 * Return: in a slot, why it entered; in software, what the last decision said.
 */
enum xfrm_ha_cache_reason xha_cache_reason(struct xha_slot_sa *e, struct xha_heat_verdict *v)
{
	struct xha_engine *g = e->engine;
	struct xha_nic *nic, *other;

	memset(v, 0, sizeof(*v));
	if (e->pin)
		return XFRM_HA_CACHE_REASON_PINNED;
	if (e->nic) {
		v->gain = e->gain;
		v->margin = e->margin;
		return e->why;
	}
	nic = e->inbound && !e->away ? receiver(g, e) : NULL;
	if (!e->inbound && !e->away)
		list_for_each_entry(other, &g->nics, node)
			if (xha_nic_usable(other))
				nic = other;
	if (!nic)
		return XFRM_HA_CACHE_REASON_NO_NIC;
	if (g->tick < e->wait)
		return XFRM_HA_CACHE_REASON_REFUSED;
	if (e->number > g->judged)
		return XFRM_HA_CACHE_REASON_NONE;
	if (e->given == g->decisions) {
		/* It could not enter. */
		if (e->err)
			return XFRM_HA_CACHE_REASON_REFUSED;
		v->gain = e->gain;
		v->margin = e->margin;
		return e->why;
	}
	return passed_over(e, e->inbound ? &nic->plan : &g->plan, v);
}

int xha_cache_plan_alloc(struct xha_heat_plan *plan, u32 swaps)
{
	struct xha_heat_entry *hot, *cold;

	hot = kvcalloc(swaps, sizeof(*hot), GFP_KERNEL);
	cold = kvcalloc(swaps, sizeof(*cold), GFP_KERNEL);
	if (!hot || !cold) {
		kvfree(hot);
		kvfree(cold);
		return -ENOMEM;
	}
	xha_cache_plan_free(plan);
	memset(plan, 0, sizeof(*plan));
	plan->hot = hot;
	plan->cold = cold;
	plan->room = swaps;
	return 0;
}

void xha_cache_plan_free(struct xha_heat_plan *plan)
{
	kvfree(plan->hot);
	kvfree(plan->cold);
	plan->hot = NULL;
	plan->cold = NULL;
}

/**
 * xha_cache_reserve() - memory for the plans of a policy
 * @g: engine; mutex
 * @swaps: of the policy
 *
 * A plan that is larger than need be does no harm: the policy has the limit, too. It keeps one
 * more, the coldest resident that stays: see passed_over().
 *
 * Return: 0 or -ENOMEM.
 */
int xha_cache_reserve(struct xha_engine *g, u32 swaps)
{
	struct xha_nic *nic;

	g->turn++;
	if (g->plan.room <= swaps && xha_cache_plan_alloc(&g->plan, swaps + 1))
		return -ENOMEM;
	list_for_each_entry(nic, &g->nics, node)
		if (nic->plan.room <= swaps && xha_cache_plan_alloc(&nic->plan, swaps + 1))
			return -ENOMEM;
	return 0;
}

int xha_cache_init(struct xha_engine *g)
{
	static const struct xha_heat_policy policy = XHA_HEAT_POLICY_DEFAULT;

	mutex_init(&g->mutex);
	INIT_LIST_HEAD(&g->nics);
	xa_init_flags(&g->sas, XA_FLAGS_LOCK_BH);
	INIT_LIST_HEAD(&g->held);
	INIT_DELAYED_WORK(&g->work, work);
	g->tick = 1;
	g->pause = KICK;
	g->policy = policy;
	return xha_cache_plan_alloc(&g->plan, policy.swaps + 1);
}

void xha_cache_fini(struct xha_engine *g)
{
	cancel_delayed_work_sync(&g->work);
	xha_cache_plan_free(&g->plan);
}
