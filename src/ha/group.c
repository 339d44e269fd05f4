// SPDX-License-Identifier: GPL-2.0
/*
 * Groups of SAs that fail over together: their settings, and what is in them. What belongs to one
 * is said in xfrm/match.c, what this node is for it in role.c.
 */

#include <linux/hash.h>

#include "ha/mirror.h"

#define JOIN_DEFAULT_MS		3000
#define NEWS_DELAY		(HZ / 10)
#define MAX_AGE_DEFAULT_MS	10
#define EACH_BATCH		32	/* SAs that are fetched at a time */

struct workqueue_struct *xha_group_wq;
static void (*on_event)(struct xha_group *g, u32 event);

void xha_group_config_default(struct xha_group_config *c)
{
	*c = (struct xha_group_config) {
		.interval = XHA_INTERVAL_DEFAULT,
		.max_age = MAX_AGE_DEFAULT_MS,
		.join = JOIN_DEFAULT_MS,
		.lenient = true,
		.solo = true,
		.strict = true,
		.stripe = XHA_STRIPE_DEFAULT,
		.index = XHA_INDEX_AUTO,
		.soft = XHA_SOFT_DEFAULT,
	};
}

void xha_group_on_event(void (*func)(struct xha_group *g, u32 event))
{
	WRITE_ONCE(on_event, func);
	/* Who has read the other one is done with it. */
	if (!func)
		synchronize_rcu();
}

/* enum xfrm_ha_event; any context, the group's lock is not held */
void xha_group_notify(struct xha_group *g, u32 event)
{
	void (*func)(struct xha_group *g, u32 event);

	rcu_read_lock();
	func = READ_ONCE(on_event);
	if (func)
		func(g, event);
	rcu_read_unlock();
}

/* Each SA, with a reference; process context. */
void xha_group_each(struct xha_group *g, void (*func)(struct xha_group *g, struct xha_sa *sa))
{
	struct xha_sa *batch[EACH_BATCH];
	XA_STATE(xas, &g->sas, 0);
	struct xha_sa *sa;
	int n, i;

	do {
		n = 0;
		rcu_read_lock();
		xas_for_each(&xas, sa, ULONG_MAX) {
			if (xas_retry(&xas, sa) || !xha_sa_get(sa))
				continue;
			batch[n++] = sa;
			if (n == EACH_BATCH)
				break;
		}
		xas_pause(&xas);
		rcu_read_unlock();
		for (i = 0; i < n; i++) {
			func(g, batch[i]);
			xha_sa_put(batch[i]);
			cond_resched();
		}
	} while (n == EACH_BATCH);
}

static void group_free(struct rcu_head *rcu)
{
	struct xha_group *g = container_of(rcu, struct xha_group, rcu);

	kfree(rcu_dereference_protected(g->config, true));
	kfree(g);
}

void xha_group_put(struct xha_group *g)
{
	if (refcount_dec_and_test(&g->ref))
		call_rcu(&g->rcu, group_free);
}

/* RCU, or the mutex of the netns */
struct xha_group *xha_group_find(struct xha_net *xn, const char *name)
{
	struct xha_group *g;

	list_for_each_entry_rcu(g, &xn->group_list, node, lockdep_is_held(&xn->mutex))
		if (!strcmp(g->name, name))
			return g;
	return NULL;
}

/* Ditto, for a command: that there is none is said. */
struct xha_group *xha_group_named(struct xha_net *xn, const char *name,
				  struct netlink_ext_ack *extack)
{
	struct xha_group *g = xha_group_find(xn, name);

	if (!g)
		NL_SET_ERR_MSG(extack, "There is no group of this name");
	return g;
}

struct xha_group *xha_group_next(struct xha_net *xn, unsigned long *id)
{
	return xa_find(&xn->groups, id, ULONG_MAX, XA_PRESENT);
}

struct xha_net *xha_group_net(const struct xha_group *g)
{
	return g->xn;
}

void xha_group_info(struct xha_group *g, struct xha_group_info *i)
{
	const struct xha_group_config *c = xha_group_config(g);

	spin_lock_bh(&g->lock);
	*i = (struct xha_group_info){
		.name = g->name,
		.link = g->link ? xha_link_name(g->link) : NULL,
		.match = &g->match,
		.config = *c,
		.quantity = xha_quantity(c->quantity, c->interval),
		.share = g->share,
		.role = g->role,
		.term = g->term,
		.reason = g->reason,
		.uid = g->uid,
		.lacks = xha_group_lacks(g),
		.peer_lacks = xha_group_peer_lacks(g),
		.peer_sas = g->peer_sas,
		.synced = !g->alone,
		.solo = g->solo,
		.preparing = g->preparing,
		.peer_known = g->peer_known,
		.peer_role = g->peer_role,
		.peer_term = g->peer_term,
		.sas = atomic_read(&g->n_sas),
		.changed_at = g->changed_at,
		.takeovers = g->takeovers,
		.skipped = g->skipped,
	};
	spin_unlock_bh(&g->lock);
}

static struct hlist_head *row_of_reqid(struct xha_net *xn, u32 reqid)
{
	return &xn->by_reqid[hash_32(reqid, ilog2(XHA_REQIDS))];
}

/* Where a group is that an SA may belong to: one of these two rows */
static struct hlist_head *row_of(struct xha_net *xn, const struct xha_group_match *m)
{
	return m->has_reqid ? row_of_reqid(xn, m->reqid) : &xn->by_reqid[XHA_REQIDS];
}

static struct xha_group *earlier(const struct hlist_head *row, const struct xfrm_state *x,
				 struct xha_group *first)
{
	struct xha_group *g;

	hlist_for_each_entry_rcu(g, row, by_reqid)
		if ((!first || g->order < first->order) && xha_match(&g->match, x))
			first = g;
	return first;
}

/* The first group, in the order they were configured, takes it. RCU */
struct xha_group *xha_group_member(struct xha_net *xn, const struct xfrm_state *x)
{
	struct xha_group *g = earlier(row_of_reqid(xn, x->props.reqid), x, NULL);

	return earlier(&xn->by_reqid[XHA_REQIDS], x, g);
}

/* Ditto, with a reference. One that is being deleted takes none: its SAs are found again later. */
struct xha_group *xha_group_match_sa(struct xha_net *xn, const struct xfrm_state *x)
{
	struct xha_group *g = xha_group_member(xn, x);

	return g && refcount_inc_not_zero(&g->ref) ? g : NULL;
}

const char *xha_group_of(struct xha_net *xn, const struct xfrm_state *x)
{
	const struct xha_group *g = xha_group_member(xn, x);

	return g ? g->name : NULL;
}

static void news_work(struct work_struct *work)
{
	struct xha_group *g = container_of(to_delayed_work(work), struct xha_group, news_work);
	unsigned long news = xchg(&g->news, 0);
	unsigned int event;

	for_each_set_bit(event, &news, BITS_PER_LONG)
		xha_group_notify(g, event);
}

void xha_group_notify_soon(struct xha_group *g, u32 event)
{
	set_bit(event, &g->news);
	if (!READ_ONCE(g->deleted))
		queue_delayed_work(xha_group_wq, &g->news_work, NEWS_DELAY);
}

void xha_group_notify_now(struct xha_group *g, u32 event)
{
	set_bit(event, &g->news);
	if (!READ_ONCE(g->deleted))
		mod_delayed_work(xha_group_wq, &g->news_work, 0);
}

/**
 * xha_group_missing() - how many SAs this node lacks of a group has changed
 * @m: mirror; its rx_lock held, RCU
 * @peer_id: the peer's number for the group
 */
void xha_group_missing(struct xha_mirror *m, u16 peer_id)
{
	struct xha_group *g = READ_ONCE(m->groups[peer_id]);

	if (!g)
		return;
	xha_mirror_group_counts(g);
	xha_group_notify_soon(g, XFRM_HA_EVENT_MISSING);
}

const char *xha_group_using(struct xha_net *xn, const struct xha_link *link)
{
	struct xha_group *g;

	lockdep_assert_held(&xn->mutex);
	list_for_each_entry(g, &xn->group_list, node)
		if (g->link == link)
			return g->name;
	return NULL;
}

static void soften(struct xha_group *g, struct xha_sa *sa)
{
	if (test_bit(XHA_SA_SOFT, &sa->flags))
		xha_place_soften(sa);
	if (test_and_clear_bit(XHA_SA_REKEY, &sa->flags))
		xha_place_expire(sa);
}

/* The user is told as of any SA whose soft limit is reached: an IKE daemon renews it. */
static void soft_work(struct work_struct *work)
{
	struct xha_group *g = container_of(work, struct xha_group, soft_work);

	xha_group_each(g, soften);
}

void xha_group_soft(struct xha_group *g)
{
	queue_work(xha_group_wq, &g->soft_work);
}

/* How many nodes have a share, 1 where nobody else has. */
static u32 nodes_of(const struct xha_group *g, const struct xha_group_config *c)
{
	if (c->nodes)
		return c->nodes;
	return g->link || c->index != XHA_INDEX_AUTO ? XHA_STRIPE_NODES : 1;
}

/* What the ranges of the attributes do not say. */
static int check_config(const struct xha_group *g, const struct xha_group_config *c,
			struct netlink_ext_ack *extack)
{
	u32 nodes = nodes_of(g, c);

	if (c->index == XHA_INDEX_AUTO && nodes > XHA_STRIPE_NODES) {
		NL_SET_ERR_MSG(extack, "Of more than two nodes each must be told its index");
		return -ERANGE;
	}
	if (c->index == XHA_INDEX_AUTO && nodes > 1 && !g->link) {
		NL_SET_ERR_MSG(extack, "Without a link the node must be told its index");
		return -ERANGE;
	}
	if (c->index != XHA_INDEX_AUTO && c->index >= nodes) {
		NL_SET_ERR_MSG(extack, "The index must be less than the number of nodes");
		return -ERANGE;
	}
	if ((u64)nodes << c->stripe > 1ULL << 32) {
		NL_SET_ERR_MSG(extack, "A stripe for each node must fit into 2^32 numbers");
		return -ERANGE;
	}
	if (c->quantity && (c->quantity < 2 * c->interval || c->quantity > XHA_QUANTITY_MAX)) {
		NL_SET_ERR_MSG(extack, "The quantity must be 2 intervals to 2^24 packets");
		return -ERANGE;
	}
	return 0;
}

/*
 * Which stripes are this node's, and which its peer's. Both ends of a link know both addresses: the
 * lower one's is the first share, without a word being said.
 */
static void set_shares(struct xha_group *g, const struct xha_group_config *c)
{
	u32 nodes = nodes_of(g, c), index = c->index;

	if (index == XHA_INDEX_AUTO)
		index = g->link ? !xha_link_lower(g->link) : 0;
	g->share = (struct xha_share){ .first = index, .step = nodes };
	g->others = (struct xha_share){};
	if (nodes == XHA_STRIPE_NODES)
		g->others = (struct xha_share){ .first = !index, .step = nodes };
}

/**
 * xha_group_add() - make a group, and find its SAs
 * @xn: netns, its mutex held
 * @name: 1 to 15 characters
 * @m: what belongs to it
 * @c: settings
 * @link_dev: device of the link it is mirrored over; NULL: the first link, if there is one
 * @active: this node is to carry it, unless the peer already does
 * @extack: one sentence on a refusal
 *
 * Return: 0, -EEXIST, -ENODEV (no such link), -ENOSPC, -ERANGE, -ENOMEM.
 */
int xha_group_add(struct xha_net *xn, const char *name, const struct xha_group_match *m,
		  const struct xha_group_config *c, const char *link_dev, bool active,
		  struct netlink_ext_ack *extack)
{
	struct xha_group_config *config;
	struct xha_group *g;
	int err;

	lockdep_assert_held(&xn->mutex);

	if (xha_group_find(xn, name)) {
		NL_SET_ERR_MSG(extack, "A group of this name exists");
		return -EEXIST;
	}
	g = kzalloc_obj(*g, GFP_KERNEL);
	config = kmemdup(c, sizeof(*c), GFP_KERNEL);
	if (!g || !config) {
		err = -ENOMEM;
		goto err_free;
	}
	strscpy(g->name, name);
	g->xn = xn;
	g->match = *m;
	RCU_INIT_POINTER(g->config, config);
	xa_init_flags(&g->sas, XA_FLAGS_ALLOC1 | XA_FLAGS_LOCK_BH);
	refcount_set(&g->ref, 1);
	spin_lock_init(&g->lock);
	INIT_LIST_HEAD(&g->dirty);
	INIT_WORK(&g->soft_work, soft_work);
	INIT_DELAYED_WORK(&g->news_work, news_work);
	g->link = xha_link_find(&xn->links, link_dev);
	if (link_dev && !g->link) {
		NL_SET_ERR_MSG(extack, "There is no link on this device");
		err = -ENODEV;
		goto err_free;
	}
	err = check_config(g, c, extack);
	if (err)
		goto err_free;
	set_shares(g, c);
	if (g->link) {
		g->mirror = xha_link_mirror(g->link);
		xha_mirror_max_age(g->mirror, c->max_age);
	}
	err = xa_alloc_bh(&xn->groups, &g->id, g, XA_LIMIT(1, XHA_GROUPS_MAX), GFP_KERNEL);
	if (err) {
		if (err == -EBUSY) {
			NL_SET_ERR_MSG(extack, "A netns can have no more than 1024 groups");
			err = -ENOSPC;
		}
		goto err_free;
	}
	err = xha_tap_net_start(xn->net);
	if (err) {
		NL_SET_ERR_MSG(extack, "There is no memory for what hears SAs");
		goto err_erase;
	}

	xha_role_init(g, active);
	g->order = xn->groups_made++;
	list_add_tail_rcu(&g->node, &xn->group_list);
	hlist_add_head_rcu(&g->by_reqid, row_of(xn, m));
	xha_role_start(g);
	xha_group_notify(g, XFRM_HA_EVENT_GROUP_NEW);
	xha_sa_find(xn, m);
	xha_hearing_policies(g);
	if (g->mirror)
		xha_mirror_group(g);
	return 0;

err_erase:
	xa_erase_bh(&xn->groups, g->id);
err_free:
	kfree(config);
	kfree(g);
	return err;
}

static void configure(struct xha_group *g, struct xha_sa *sa)
{
	xha_sa_configure(sa);
}

/* Settings of a group; -ENOENT, -ERANGE. The mutex of the netns is held. */
int xha_group_set(struct xha_net *xn, const char *name, const struct xha_group_config *c,
		  struct netlink_ext_ack *extack)
{
	struct xha_group *g = xha_group_named(xn, name, extack);
	struct xha_group_config *config, *old;
	int err;

	lockdep_assert_held(&xn->mutex);

	if (!g)
		return -ENOENT;
	old = rcu_dereference_protected(g->config, lockdep_is_held(&xn->mutex));
	if (c->stripe != old->stripe || c->index != old->index || c->nodes != old->nodes) {
		NL_SET_ERR_MSG(extack, "Stripes are divided for good when a group is made");
		return -EBUSY;
	}
	err = check_config(g, c, extack);
	if (err)
		return err;
	config = kmemdup(c, sizeof(*c), GFP_KERNEL);
	if (!config)
		return -ENOMEM;
	rcu_assign_pointer(g->config, config);
	kfree_rcu(old, rcu);
	if (g->mirror)
		xha_mirror_max_age(g->mirror, c->max_age);
	xha_group_each(g, configure);
	xha_group_notify(g, XFRM_HA_EVENT_GROUP_SET);
	return 0;
}

/*
 * All that the peer has ever called it by: made anew, it has another number there. cmpxchg():
 * xha_group_input() may write another group into m->groups[] meanwhile.
 */
static void forget_numbers(struct xha_group *g)
{
	struct xha_group **known = g->mirror->groups;
	int i;

	for (i = 1; i <= XHA_GROUPS_MAX; i++)
		cmpxchg(&known[i], g, NULL);
}

/* No look-up finds it any more, its SAs are given back. */
static void destroy(struct xha_group *g)
{
	struct xha_net *xn = g->xn;

	list_del_rcu(&g->node);
	hlist_del_rcu(&g->by_reqid);
	xa_erase_bh(&xn->groups, g->id);
	synchronize_rcu_expedited();
	/* No frame is about it any more. Who found it in a list before may still notify of it. */
	if (g->mirror)
		forget_numbers(g);
	synchronize_rcu_expedited();
	/* The reaper may end the SAs' final records later than this ends. */
	spin_lock_bh(&g->lock);
	WRITE_ONCE(g->deleted, true);
	spin_unlock_bh(&g->lock);
	xha_role_cancel(g);
	xha_sa_dismiss(xn, g);
	/* Whoever held a reference on an SA may have queued it once more. */
	xha_role_cancel(g);
	cancel_work_sync(&g->soft_work);
	cancel_delayed_work_sync(&g->news_work);
	if (g->mirror)
		xha_mirror_mute(g);
	if (list_empty(&xn->group_list))
		xha_tap_net_stop(xn->net);
	xha_group_notify(g, XFRM_HA_EVENT_GROUP_DEL);
	xha_group_put(g);
}

/* Its holds are lifted: the SAs are then as any other. -ENOENT. */
int xha_group_del(struct xha_net *xn, const char *name, unsigned int how,
		  struct netlink_ext_ack *extack)
{
	struct xha_group *g = xha_group_named(xn, name, extack);

	lockdep_assert_held(&xn->mutex);

	if (!g)
		return -ENOENT;
	refcount_inc(&g->ref);
	destroy(g);
	/* Its SAs may belong to a later group; those that had no shadow are let go. */
	xha_sa_find(xn, &g->match);
	xha_group_put(g);
	return 0;
}

void xha_group_init(struct xha_net *xn)
{
	INIT_LIST_HEAD(&xn->group_list);
	xa_init_flags(&xn->groups, XA_FLAGS_ALLOC1 | XA_FLAGS_LOCK_BH);
}

void xha_group_fini(struct xha_net *xn)
{
	struct xha_group *g, *tmp;

	list_for_each_entry_safe(g, tmp, &xn->group_list, node)
		destroy(g);
	xa_destroy(&xn->groups);
}

int xha_group_start(void)
{
	xha_group_wq = alloc_workqueue("xfrm_ha_group", WQ_HIGHPRI | WQ_UNBOUND, 0);
	return xha_group_wq ? 0 : -ENOMEM;
}

void xha_group_stop(void)
{
	destroy_workqueue(xha_group_wq);
}
