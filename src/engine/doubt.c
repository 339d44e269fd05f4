// SPDX-License-Identifier: GPL-2.0
/* NICs that have lost their SAs, which nobody tells, and SAs that are of no use in their slots. */

#include "engine/internal.h"

#define DOUBTS_MAX	5	/* see xha_backoff(), of a NIC that drops packets */
#define BAD_MIN		2	/* ticks in which a NIC has dropped most, or */
#define LOST_MIN	32	/* packets in fewer, tell a reset */
#define STRAYS		2	/* ticks in which no packet of an SA came to its NIC */

/*
 * The NIC may have forgotten it, as one does that was reset: for a whole period all packets came
 * there, and were decrypted by the kernel. It enters again, ever later if that changes nothing:
 * its packets may be of a kind that the NIC leaves to the kernel.
 */
static bool forgotten(struct xha_slot_sa *e)
{
	u64 tick = e->engine->tick;
	bool hit = READ_ONCE(e->hit);
	bool lost = e->inbound && READ_ONCE(e->miss) && !hit && tick > e->entered + 1;

	/* It came to this NIC, whoever decrypted it. */
	if (hit || READ_ONCE(e->miss))
		e->came = READ_ONCE(e->x->lastused);
	WRITE_ONCE(e->miss, false);
	WRITE_ONCE(e->hit, false);
	if (hit)
		e->lapses = 0;
	if (lost)
		e->wait = tick + xha_backoff(e->lapses++) - 1;
	return lost;
}

/*
 * A NIC that was reset and stayed up drops all packets of SAs that it knows no more, and nobody
 * tells. Of a frame that is lost now and then a reset is not the reason. So a NIC that has dropped
 * at least half as many packets as SAs in its slots were given, in two ticks in a row in which they
 * were given any, or many at once, is told its outbound SAs anew: they leave and enter again,
 * which costs no packet. If it goes on, it has another reason, and is asked ever more rarely,
 * unless it drops far more than it did then.
 */
static bool distrusted(struct xha_nic *nic)
{
	u64 tick = nic->engine->tick, now = xha_nic_dropped(nic), more = now - nic->dropped;
	u64 handed = nic->handed;
	bool due = tick >= nic->trusted;

	nic->dropped = now;
	nic->handed = 0;
	/* Of what it does with SAs that tells nothing. */
	if (!handed)
		return false;
	if (2 * more < handed) {
		nic->bad = 0;
		nic->lost = 0;
		nic->doubts -= due && nic->doubts;
		return false;
	}
	nic->bad++;
	nic->lost += min(more, handed);
	if ((nic->bad < BAD_MIN && nic->lost < LOST_MIN) || !(due || more > 2 * nic->usual) ||
	    !atomic_read(&nic->used[XHA_OUT]))
		return false;
	nic->bad = 0;
	nic->lost = 0;
	nic->usual = more;
	nic->trusted = tick + 2 * xha_backoff(min_t(u32, nic->doubts++, DOUBTS_MAX));
	nic->renewed++;
	return true;
}

/*
 * Inbound: packets have come since it was last seen that its NIC had decrypted one, which is told
 * by the second, and in two ticks in a row none was seen: they come by another device. On a
 * standby none come.
 */
static bool bypassed(struct xha_slot_sa *e)
{
	time64_t used = READ_ONCE(e->x->lastused);

	if (!e->inbound)
		return false;
	if (used <= e->came) {
		e->strays = 0;
		return false;
	}
	if (++e->strays < STRAYS)
		return false;
	WRITE_ONCE(e->seen, 0);
	e->strays = 0;
	e->wait = e->engine->tick + xha_backoff(e->lapses++) - 1;
	return true;
}

/**
 * xha_doubt_nics() - has one of them forgotten its outbound SAs?
 * @g: engine; mutex, once a tick
 *
 * Right after the packets of all SAs have been counted: what NICs were given and what they have
 * dropped is of the same moment.
 */
void xha_doubt_nics(struct xha_engine *g)
{
	struct xha_nic *nic;

	list_for_each_entry(nic, &g->nics, node) {
		if (!distrusted(nic))
			continue;
		nic->epoch++;
		xha_cache_kick(g);
	}
}

/**
 * xha_doubt() - is an inbound SA of no use in its slot?
 * @e: SA in a slot; mutex, once a tick
 *
 * Return: true if it is to leave; it then waits before it enters one again.
 */
bool xha_doubt(struct xha_slot_sa *e)
{
	return forgotten(e) || bypassed(e);
}
