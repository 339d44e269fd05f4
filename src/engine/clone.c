// SPDX-License-Identifier: GPL-2.0
/* Outbound SAs as a NIC knows them: their birth, and how they wait for their last packet. */

#include "engine/internal.h"

#define POLL		1		/* jiffies between two looks */
#define BATCH		16		/* clones at a time */

static DEFINE_SPINLOCK(leaving_lock);	/* (BH) innermost */
static LIST_HEAD(leaving);
static LIST_HEAD(ending);	/* of those: what the looker has in its hands */
static DECLARE_WAIT_QUEUE_HEAD(left);

static void look(struct work_struct *work);
static DECLARE_DELAYED_WORK(looker, look);

static int copy_keys(struct xfrm_state *s, const struct xfrm_state *x)
{
	if (x->aead)
		s->aead = kmemdup(x->aead, aead_len(x->aead), GFP_ATOMIC);
	if (x->aalg)
		s->aalg = kmemdup(x->aalg, xfrm_alg_auth_len(x->aalg), GFP_ATOMIC);
	if (x->ealg)
		s->ealg = kmemdup(x->ealg, xfrm_alg_len(x->ealg), GFP_ATOMIC);
	if (x->encap)
		s->encap = kmemdup(x->encap, sizeof(*x->encap), GFP_ATOMIC);
	return !s->aead == !x->aead && !s->aalg == !x->aalg && !s->ealg == !x->ealg &&
	       !s->encap == !x->encap ? 0 : -ENOMEM;
}

/* Gives back what is the SA's, before the SA. */
static void bury(struct xfrm_state *s)
{
	s->data = NULL;
	s->replay_esn = NULL;
	s->type_offload = NULL;
	s->km.state = XFRM_STATE_DEAD;
	xfrm_state_put(s);
}

/* All that a driver may ask an xfrm_state for; none of what ties it to tables and timers. */
static struct xfrm_state *copy(struct xfrm_state *x)
{
	struct xfrm_state *s = xfrm_state_alloc(xs_net(x));
	int err;

	if (!s)
		return NULL;
	spin_lock_bh(&x->lock);
	s->id = x->id;
	s->sel = x->sel;
	s->mark = x->mark;
	s->if_id = x->if_id;
	s->tfcpad = x->tfcpad;
	s->props = x->props;
	s->lft = x->lft;
	s->geniv = x->geniv;
	s->dir = x->dir;
	s->replay = x->replay;
	s->repl_mode = x->repl_mode;
	s->curlft = x->curlft;
	s->inner_mode = x->inner_mode;
	s->inner_mode_iaf = x->inner_mode_iaf;
	s->outer_mode = x->outer_mode;
	err = copy_keys(s, x);
	spin_unlock_bh(&x->lock);
	/*
	 * The transform and the numbers themselves, for as long as the clone's reference keeps x:
	 * drivers read replay_esn as they send (mlx5e_ipsec_set_iv_esn()). xfrm writes into it, and
	 * never replaces it.
	 */
	s->data = x->data;
	s->replay_esn = x->replay_esn;
	s->type_offload = x->type_offload;
	s->km.state = XFRM_STATE_VALID;
	if (!err)
		return s;
	bury(s);
	return NULL;
}

/**
 * xha_clone_create() - put an outbound SA into a slot of a NIC
 * @x: SA; process context
 * @nic: takes SAs
 *
 * Return: what to make its packets' SA, or the driver's error.
 */
struct xha_clone *xha_clone_create(struct xfrm_state *x, struct xha_nic *nic)
{
	struct xha_clone *t = kzalloc_obj(*t, GFP_KERNEL);
	struct netlink_ext_ack extack = {};
	struct xfrm_dev_offload *xso;
	int err;

	if (!t)
		return ERR_PTR(-ENOMEM);
	t->s = copy(x);
	if (!t->s) {
		kfree(t);
		return ERR_PTR(-ENOMEM);
	}
	xso = &t->s->xso;
	xso->dev = nic->dev;
	netdev_hold(nic->dev, &xso->dev_tracker, GFP_KERNEL);
	xso->real_dev = nic->dev;
	xso->dir = XFRM_DEV_OFFLOAD_OUT;
	xso->type = XFRM_DEV_OFFLOAD_CRYPTO;
	err = xha_nic_ops(nic)->xdo_dev_state_add(nic->dev, t->s, &extack);
	if (err) {
		netdev_put(nic->dev, &xso->dev_tracker);
		xso->dev = NULL;
		xso->real_dev = NULL;
		bury(t->s);
		kfree(t);
		return ERR_PTR(err);
	}
	xfrm_state_hold(x);
	t->x = x;
	refcount_inc(&nic->ref);
	t->nic = nic;
	atomic_inc(&nic->used[XHA_OUT]);
	return t;
}

static void vacate(struct xha_clone *t)
{
	if (!t->freed)
		atomic_dec(&t->nic->used[XHA_OUT]);
	WRITE_ONCE(t->freed, true);
}

/* As the kernel tells a device of an SA that dies; most have its slot free then. */
static void delete_state(struct xha_clone *t)
{
	u64 start;

	spin_lock_bh(&t->s->lock);
	start = ktime_get_ns();
	xha_nic_ops(t->nic)->xdo_dev_state_delete(t->nic->dev, t->s);
	xha_nic_left(t->nic, start);
	t->s->km.state = XFRM_STATE_DEAD;
	spin_unlock_bh(&t->s->lock);
	atomic_inc(&t->nic->n_left);
	if (!xha_nic_ops(t->nic)->xdo_dev_state_free)
		vacate(t);
	t->deleted = true;
}

/* No packet names it. The rest of the kernel's words, before the slot is another's. */
static void free_state(struct xha_clone *t)
{
	struct xfrm_dev_offload *xso = &t->s->xso;
	u64 start = ktime_get_ns();

	if (xha_nic_ops(t->nic)->xdo_dev_state_free)
		xha_nic_ops(t->nic)->xdo_dev_state_free(t->nic->dev, t->s);
	xha_nic_left(t->nic, start);
	vacate(t);
	netdev_put(xso->dev, &xso->dev_tracker);
	xso->dev = NULL;
}

static void end(struct xha_clone *t)
{
	bury(t->s);
	xfrm_state_put(t->x);
	xha_nic_put(t->nic);
	kfree(t);
}

/* Has no packet a reference on it, or none that will be sent? */
static bool over(const struct xha_clone *t)
{
	return t->down || refcount_read(&t->s->refcnt) == 1;
}

static bool sort(bool gone, u32 *most)
{
	struct xha_clone *t, *tmp;
	bool down = false;

	list_for_each_entry_safe(t, tmp, &leaving, node) {
		if (t->nic->detached != gone)
			continue;
		if (!*most)
			break;
		t->over = over(t);
		if (!t->over && (t->deleted || !time_after(jiffies, t->since + XHA_CLONE_PATIENCE)))
			continue;
		down |= t->over && t->down;
		list_move_tail(&t->node, &ending);
		(*most)--;
	}
	return down;
}

/* Neither the mutex of an engine nor RTNL is held: drivers may take their time. */
static void look(struct work_struct *work)
{
	struct xha_clone *t, *tmp;
	u32 most = BATCH;
	bool more, down;

	/*
	 * Those that are over, or must wait no longer, and first those of NICs that are taken away:
	 * somebody waits for that. Nobody else puts clones into @ending, or takes them out of it.
	 */
	spin_lock_bh(&leaving_lock);
	down = sort(true, &most);
	down |= sort(false, &most);
	spin_unlock_bh(&leaving_lock);
	/* Who had begun to hand a packet to a NIC without a queue may not have ended. */
	if (down)
		synchronize_net();
	list_for_each_entry_safe(t, tmp, &ending, node) {
		if (!t->deleted)
			delete_state(t);
		if (t->over)
			free_state(t);
		spin_lock_bh(&leaving_lock);
		if (t->over)
			list_del(&t->node);
		else
			list_move_tail(&t->node, &leaving);
		if (t->freed && !t->nic->detached)
			xha_cache_freed(t->nic->engine);
		spin_unlock_bh(&leaving_lock);
		if (t->over)
			end(t);
		wake_up_all(&left);
	}
	spin_lock_bh(&leaving_lock);
	more = !list_empty(&leaving);
	spin_unlock_bh(&leaving_lock);
	if (more)
		queue_delayed_work(system_long_wq, &looker, most ? POLL : 0);
}

/**
 * xha_clone_leave() - no packet will be made its any more
 * @t: not to be used afterwards
 *
 * The NIC forgets it after the last packet, at the latest after two seconds.
 */
void xha_clone_leave(struct xha_clone *t)
{
	t->since = jiffies;
	spin_lock_bh(&leaving_lock);
	list_add_tail(&t->node, &leaving);
	spin_unlock_bh(&leaving_lock);
	mod_delayed_work(system_long_wq, &looker, 0);
}

/**
 * xha_clones_down() - a device went down
 * @dev: device, perhaps a NIC of an engine device, now or before
 *
 * Its queues are empty. Packets that are left, such as those that a packet socket has not read,
 * will not be sent: nobody waits for them. xfrm_dev_state_flush() does not either.
 */
void xha_clones_down(const struct net_device *dev)
{
	struct xha_clone *t;
	bool found = false;

	spin_lock_bh(&leaving_lock);
	list_for_each_entry(t, &leaving, node) {
		if (t->nic->dev != dev)
			continue;
		t->down = true;
		found = true;
	}
	spin_unlock_bh(&leaving_lock);
	if (found)
		mod_delayed_work(system_long_wq, &looker, 0);
}

/**
 * xha_clones_detach() - a NIC is its engine device's no more
 * @nic: NIC; process context
 *
 * The engine device may go: who is leaving its slots tells nobody of it.
 */
void xha_clones_detach(struct xha_nic *nic)
{
	spin_lock_bh(&leaving_lock);
	nic->detached = true;
	spin_unlock_bh(&leaving_lock);
}

static u32 count(const struct list_head *list, const struct xha_engine *g,
		 const struct xha_nic *nic)
{
	struct xha_clone *t;
	u32 n = 0;

	list_for_each_entry(t, list, node)
		n += (!nic || t->nic == nic) && !READ_ONCE(t->freed) &&
		     (!g || (t->nic->engine == g && !t->nic->detached));
	return n;
}

/**
 * xha_clones_leaving() - how many slots are about to be free?
 * @g: of this engine; NULL: of any
 * @nic: of this NIC; NULL: of any
 *
 * Return: as many as have begun to leave.
 */
u32 xha_clones_leaving(const struct xha_engine *g, const struct xha_nic *nic)
{
	u32 n;

	spin_lock_bh(&leaving_lock);
	n = count(&leaving, g, nic) + count(&ending, g, nic);
	spin_unlock_bh(&leaving_lock);
	return n;
}

/**
 * xha_clones_wait() - until those that leave have given their slots back
 * @g: engine, which stays; no mutex
 * @timeout: jiffies
 */
void xha_clones_wait(const struct xha_engine *g, unsigned long timeout)
{
	wait_event_timeout(left, !xha_clones_leaving(g, NULL) || !READ_ONCE(g->open), timeout);
}

/**
 * xha_clones_drain() - until a NIC has forgotten those that leave
 * @nic: NIC; a reference
 * @timeout: jiffies; a NIC that is down needs none
 */
void xha_clones_drain(const struct xha_nic *nic, unsigned long timeout)
{
	wait_event_timeout(left, !xha_clones_leaving(NULL, nic), timeout);
}

static bool none(void)
{
	bool is;

	spin_lock_bh(&leaving_lock);
	is = list_empty(&leaving) && list_empty(&ending);
	spin_unlock_bh(&leaving_lock);
	return is;
}

/* No engine is left: each clone leaves, with its last packet, or when its NIC goes down. */
void xha_clones_exit(void)
{
	wait_event(left, none());
	cancel_delayed_work_sync(&looker);
}
