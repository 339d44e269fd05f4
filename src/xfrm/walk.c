// SPDX-License-Identifier: GPL-2.0
/* The SAs of a netns, one by one. */

#include "xfrm/xfrm.h"

#define BATCH	64	/* SAs that are visited at a time */
#define STEPS	256	/* SAs passed by under xfrm_state_lock, which is held with BH off */

struct batch {
	bool (*wanted)(const struct xfrm_state *x, const void *data);
	const void *data;
	struct xfrm_state *x[BATCH];
	int n;
	int steps;
};

/* Under xfrm_state_lock. */
static int collect(struct xfrm_state *x, int seq, void *data)
{
	struct batch *b = data;

	if (!b->steps--)
		return -ENOBUFS;
	if (!b->wanted(x, b->data))
		return 0;
	if (b->n == BATCH)
		return -ENOBUFS;
	xfrm_state_hold(x);
	b->x[b->n++] = x;
	return 0;
}

/**
 * xha_walk() - visit the SAs of a netns
 * @net: netns; process context
 * @wanted: is it to be visited? Under xfrm_state_lock and RCU
 * @visit: without them; with a reference on the SA
 * @data: for both
 */
void xha_walk(struct net *net, bool (*wanted)(const struct xfrm_state *x, const void *data),
	      void (*visit)(struct xfrm_state *x, void *data), void *data)
{
	struct batch b = { .wanted = wanted, .data = data };
	struct xfrm_state_walk walk;
	int err, i;

	xfrm_state_walk_init(&walk, IPSEC_PROTO_ANY, NULL);
	do {
		b.n = 0;
		b.steps = STEPS;
		rcu_read_lock();
		err = xfrm_state_walk(net, &walk, collect, &b);
		rcu_read_unlock();
		for (i = 0; i < b.n; i++) {
			visit(b.x[i], data);
			xfrm_state_put(b.x[i]);
		}
		cond_resched();
	} while (err == -ENOBUFS);
	xfrm_state_walk_done(&walk, net);
}
