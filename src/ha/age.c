// SPDX-License-Identifier: GPL-2.0
/*
 * SAs that advanced less than their interval: their record is due before what the peer knows of
 * them is older than their group's max-age.
 *
 * The packet path puts an SA on a list without a lock, if it is not there yet. A timer takes them
 * into wheels. A slot of a wheel is the eighth part of the least max-age in it, or a little more,
 * so that no SA is filed more than XHA_AGE_SLOTS - 1 of them ahead, and is looked at when it has
 * waited for at least 3/4 of its max-age less one slot, and for no more than 3/4 and the timer's
 * slack. It is then told, or it has been, and has advanced again, and is filed anew: SAs that are
 * told often do not delay others, and each is looked at once in 3/4 of its max-age.
 */

#include "ha/mirror.h"

#define BUDGET		256			/* SAs filed or looked at in one softirq */
#define PAUSE		(200 * NSEC_PER_USEC)	/* before the next, if there are more */
#define SLOT_SHIFT	17			/* a slot of the first wheel: 2^17 ns, 131 us */

static u64 patience(u32 max_age)
{
	return max_age * (u64)NSEC_PER_MSEC * 3 / 4;
}

/* Not earlier; what comes due in the meantime makes no interrupt of its own. */
static void arm(struct xha_mirror *m, u64 ns)
{
	hrtimer_start_range_ns(&m->age_timer, ns_to_ktime(ns), ns / 8, HRTIMER_MODE_REL_SOFT);
}

/* The packet path; x->lock, or any context in which @sa can't go. */
void xha_mirror_advanced(struct xha_sa *sa)
{
	struct xha_mirror *m = xha_sa_mirror(sa);

	if (!READ_ONCE(m->up))
		return;
	/*
	 * Fully ordered: sa->advanced is set before. leaves(), which clears the bit and then reads
	 * sa->advanced, sees that, or this sees the bit cleared.
	 */
	if (test_and_set_bit(XHA_SA_LISTED, &sa->flags))
		return;
	if (!xha_sa_get(sa))
		return;
	if (llist_add(&sa->advanced_node, &m->advanced) && !hrtimer_is_queued(&m->age_timer))
		arm(m, patience(READ_ONCE(m->max_age)));
}

static bool behind(const struct xha_heard *heard, const struct xha_half *h)
{
	return READ_ONCE(heard->seq) != READ_ONCE(h->sampled);
}

/* An SA that is not on a record's way by itself. */
static void came_of_age(struct xha_sa *sa)
{
	bool out = behind(&sa->tap.out, &sa->out);

	xha_stat_inc(xha_sa_net(sa), XHA_STAT_RECORD_AGED);
	if (out)
		set_bit(XHA_SA_DUE_OUT, &sa->flags);
	/* A packet inside the window advances no edge: the counts have changed. */
	if (!out || behind(&sa->tap.in, &sa->in))
		set_bit(XHA_SA_DUE_IN, &sa->flags);
	xha_mirror_due(sa);
}

static bool waits(const struct xha_mirror *m, const struct xha_sa *sa)
{
	return READ_ONCE(sa->advanced) && READ_ONCE(m->up) && !test_bit(XHA_SA_DEAD, &sa->flags);
}

/* An SA that has not advanced since its last record, or has no one to be told to */
static bool leaves(struct xha_mirror *m, struct xha_sa *sa)
{
	if (waits(m, sa))
		return false;
	clear_bit(XHA_SA_LISTED, &sa->flags);
	/* Pairs with xha_mirror_advanced(): sa->advanced is set, then XHA_SA_LISTED tested. */
	smp_mb__after_atomic();
	if (waits(m, sa) && !test_and_set_bit(XHA_SA_LISTED, &sa->flags))
		return false;
	xha_sa_put(sa);
	return true;
}

static int wheel_of(u32 max_age)
{
	return min_t(int, ilog2(max_age | 1), XHA_AGES - 1);
}

static u64 slot_at(int wheel, u64 ns)
{
	return ns >> (SLOT_SHIFT + wheel);
}

/* @since: ns, when it began to wait */
static void file(struct xha_mirror *m, struct xha_sa *sa, u64 since, u64 now)
{
	u32 max_age = READ_ONCE(xha_group_config(sa->group)->max_age);
	int i = wheel_of(max_age), n;
	struct xha_age_wheel *w = &m->ages[i];
	u64 at = slot_at(i, since + patience(max_age));

	/* It has waited long enough; or @since is later than @now, by another CPU's clock. */
	at = clamp(at, slot_at(i, now), slot_at(i, now) + XHA_AGE_SLOTS - 1);
	if (!w->filled)
		w->at = slot_at(i, now);
	n = at % XHA_AGE_SLOTS;
	sa->advanced_node.next = w->slots[n];
	w->slots[n] = &sa->advanced_node;
	w->filled |= BIT(n);
}

/* Those that advanced lately; as many as the budget allows. */
static int file_new(struct xha_mirror *m, u64 now, int budget)
{
	struct xha_sa *sa;

	while (budget) {
		if (!m->unfiled)
			m->unfiled = llist_del_all(&m->advanced);
		if (!m->unfiled)
			break;
		sa = llist_entry(m->unfiled, struct xha_sa, advanced_node);
		m->unfiled = m->unfiled->next;
		file(m, sa, READ_ONCE(sa->advanced_at), now);
		budget--;
	}
	return budget;
}

/* Return: is it due now? */
static bool look_at(struct xha_mirror *m, struct xha_sa *sa, int wheel, u64 now)
{
	u64 since = READ_ONCE(sa->advanced_at);
	u32 max_age;

	if (leaves(m, sa))
		return false;
	max_age = READ_ONCE(xha_group_config(sa->group)->max_age);
	if (slot_at(wheel, since + patience(max_age)) > slot_at(wheel, now)) {
		file(m, sa, since, now);
		return false;
	}
	/* It is filed first: who tells it may let it advance again at once. */
	file(m, sa, now, now);
	if (test_bit(XHA_SA_QUEUED, &sa->flags))
		return false;
	came_of_age(sa);
	return true;
}

/* The slots whose time has come. Return: what is left of the budget. */
static int turn(struct xha_mirror *m, int wheel, u64 now, int budget, bool *aged)
{
	struct xha_age_wheel *w = &m->ages[wheel];
	u64 last = slot_at(wheel, now);

	/* After a long time each slot is looked into once. */
	if (last - w->at >= XHA_AGE_SLOTS)
		w->at = last - XHA_AGE_SLOTS + 1;
	for (; w->filled; w->at++) {
		int n = w->at % XHA_AGE_SLOTS;

		while (w->slots[n] && budget) {
			struct xha_sa *sa = llist_entry(w->slots[n], struct xha_sa, advanced_node);

			w->slots[n] = w->slots[n]->next;
			*aged |= look_at(m, sa, wheel, now);
			budget--;
		}
		if (w->slots[n])
			break;
		w->filled &= ~BIT(n);
		if (w->at == last)
			break;
	}
	return budget;
}

/* ns until the first slot that has SAs; it is not of the past */
static u64 next_slot(const struct xha_age_wheel *w, int wheel, u64 now)
{
	int n = w->at % XHA_AGE_SLOTS;
	u16 from = w->filled >> n | w->filled << (XHA_AGE_SLOTS - n);
	u64 at = (w->at + __ffs(from)) << (SLOT_SHIFT + wheel);

	return at > now ? at - now : 0;
}

/* A max-age is another one: all that wait are filed again. */
static void empty_wheels(struct xha_mirror *m)
{
	struct xha_age_wheel *w;
	struct llist_node *last;
	int n;

	for (w = m->ages; w < m->ages + XHA_AGES; w++) {
		for (n = 0; w->filled && n < XHA_AGE_SLOTS; n++) {
			if (!w->slots[n])
				continue;
			for (last = w->slots[n]; last->next; last = last->next)
				;
			last->next = m->unfiled;
			m->unfiled = w->slots[n];
			w->slots[n] = NULL;
		}
		w->filled = 0;
	}
}

/* At most BUDGET SAs a time. Where nobody waits it stops. */
static enum hrtimer_restart age_tick(struct hrtimer *timer)
{
	struct xha_mirror *m = container_of(timer, struct xha_mirror, age_timer);
	u64 now = ktime_get_ns(), next = U64_MAX;
	int i, budget = BUDGET;
	bool aged = false;

	rcu_read_lock();
	if (xchg(&m->new_age, false))
		empty_wheels(m);
	budget = file_new(m, now, budget);
	for (i = 0; i < XHA_AGES; i++) {
		if (!m->ages[i].filled)
			continue;
		budget = turn(m, i, now, budget, &aged);
		if (m->ages[i].filled)
			next = min(next, next_slot(&m->ages[i], i, now));
	}
	rcu_read_unlock();
	if (aged)
		xha_link_urge(m->link);
	if (!budget)
		next = PAUSE;
	if (next != U64_MAX || !llist_empty(&m->advanced))
		arm(m, min(next, patience(READ_ONCE(m->max_age))));
	return HRTIMER_NORESTART;
}

/* A group with this max-age is mirrored; what has advanced already waits no longer than that. */
void xha_mirror_max_age(struct xha_mirror *m, u32 ms)
{
	if (ms < READ_ONCE(m->max_age))
		WRITE_ONCE(m->max_age, ms);
	WRITE_ONCE(m->new_age, true);
	arm(m, 0);
}

void xha_age_init(struct xha_mirror *m)
{
	m->max_age = 10;
	init_llist_head(&m->advanced);
	hrtimer_setup(&m->age_timer, age_tick, CLOCK_MONOTONIC, HRTIMER_MODE_REL_SOFT);
}

static void put_all(struct llist_node *list)
{
	struct xha_sa *sa, *next;

	llist_for_each_entry_safe(sa, next, list, advanced_node)
		xha_sa_put(sa);
}

/* Nobody can put an SA on its lists any more. */
void xha_age_fini(struct xha_mirror *m)
{
	int i, n;

	hrtimer_cancel(&m->age_timer);
	put_all(llist_del_all(&m->advanced));
	put_all(m->unfiled);
	for (i = 0; i < XHA_AGES; i++)
		for (n = 0; n < XHA_AGE_SLOTS; n++)
			put_all(m->ages[i].slots[n]);
}
