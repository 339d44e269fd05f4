// SPDX-License-Identifier: GPL-2.0
/* Outbound SAs as a NIC knows them: their birth, and how they wait for their last packet. */

#include "engine.h"

#define POLL		1		/* jiffies between two looks */

static DEFINE_SPINLOCK(leaving_lock);	/* (BH) innermost */
static LIST_HEAD(leaving);
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
	if (x->replay_esn)
		s->replay_esn = kmemdup(x->replay_esn, xfrm_replay_state_esn_len(x->replay_esn),
					GFP_ATOMIC);
	return !s->aead == !x->aead && !s->aalg == !x->aalg && !s->ealg == !x->ealg &&
	       !s->encap == !x->encap && !s->replay_esn == !x->replay_esn ? 0 : -ENOMEM;
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
	/* The transform itself, for as long as the twin's reference keeps x. */
	s->data = x->data;
	s->type_offload = x->type_offload;
	s->km.state = XFRM_STATE_VALID;
	if (!err)
		return s;
	s->km.state = XFRM_STATE_DEAD;
	xfrm_state_put(s);
	return NULL;
}

/**
 * xha_twin_create() - put an outbound SA into a slot of a NIC
 * @x: SA; process context
 * @nic: takes SAs
 *
 * Return: what to make its packets' SA, or the driver's error.
 */
struct xha_twin *xha_twin_create(struct xfrm_state *x, struct xha_nic *nic)
{
	struct xha_twin *t = kzalloc(sizeof(*t), GFP_KERNEL);
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
	err = xha_nic_ops(nic)->xdo_dev_state_add(t->s, &extack);
	if (err) {
		netdev_put(nic->dev, &xso->dev_tracker);
		xso->dev = NULL;
		xso->real_dev = NULL;
		t->s->km.state = XFRM_STATE_DEAD;
		xfrm_state_put(t->s);
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

static void vacate(struct xha_twin *t)
{
	if (!t->freed)
		atomic_dec(&t->nic->used[XHA_OUT]);
	WRITE_ONCE(t->freed, true);
}

/* As the kernel tells a device of an SA that dies; most have its slot free then. */
static void tell(struct xha_twin *t)
{
	u64 start;

	spin_lock_bh(&t->s->lock);
	start = ktime_get_ns();
	xha_nic_ops(t->nic)->xdo_dev_state_delete(t->s);
	xha_nic_took(t->nic, start);
	t->s->km.state = XFRM_STATE_DEAD;
	spin_unlock_bh(&t->s->lock);
	atomic_inc(&t->nic->gone);
	if (!xha_nic_ops(t->nic)->xdo_dev_state_free)
		vacate(t);
	t->told = true;
}

/* No packet names it. The rest of the kernel's words, before the slot is another's. */
static void forget(struct xha_twin *t)
{
	struct xfrm_dev_offload *xso = &t->s->xso;
	u64 start = ktime_get_ns();

	if (xha_nic_ops(t->nic)->xdo_dev_state_free)
		xha_nic_ops(t->nic)->xdo_dev_state_free(t->s);
	xha_nic_took(t->nic, start);
	vacate(t);
	netdev_put(xso->dev, &xso->dev_tracker);
	xso->dev = NULL;
}

static void end(struct xha_twin *t)
{
	t->s->data = NULL;
	t->s->type_offload = NULL;
	xfrm_state_put(t->s);
	xfrm_state_put(t->x);
	xha_nic_put(t->nic);
	kfree(t);
}

/* Is it nobody's, or of those only who will not send it? */
static bool over(const struct xha_twin *t)
{
	return t->down || refcount_read(&t->s->refcnt) == 1;
}

/* The first thing that can be done for a twin in the list, or NULL. */
static struct xha_twin *next(bool *ended)
{
	struct xha_twin *t;

	list_for_each_entry(t, &leaving, node) {
		*ended = over(t);
		if (*ended || (!t->told && time_after(jiffies, t->since + XHA_TWIN_PATIENCE)))
			return t;
	}
	return NULL;
}

static void look(struct work_struct *work)
{
	struct xha_twin *t;
	bool ended, more;

	for (;;) {
		spin_lock_bh(&leaving_lock);
		t = next(&ended);
		more = !list_empty(&leaving);
		spin_unlock_bh(&leaving_lock);
		if (!t)
			break;
		/* Nobody else takes it out of the list. */
		if (!t->told)
			tell(t);
		if (!ended)
			continue;
		/* Who had begun to hand a packet to a NIC without a queue may not have ended. */
		if (t->down)
			synchronize_net();
		forget(t);
		spin_lock_bh(&leaving_lock);
		list_del(&t->node);
		spin_unlock_bh(&leaving_lock);
		end(t);
	}
	wake_up_all(&left);
	if (more)
		queue_delayed_work(system_long_wq, &looker, POLL);
}

/**
 * xha_twin_leave() - no packet will be made its any more
 * @t: not to be used afterwards
 *
 * The NIC forgets it after the last packet, at the latest after two seconds.
 */
void xha_twin_leave(struct xha_twin *t)
{
	t->since = jiffies;
	spin_lock_bh(&leaving_lock);
	list_add_tail(&t->node, &leaving);
	spin_unlock_bh(&leaving_lock);
	mod_delayed_work(system_long_wq, &looker, 0);
}

/**
 * xha_twins_down() - a device went down
 * @dev: device, perhaps a NIC of an engine device, now or before
 *
 * Its queues are empty. Packets that are left, such as those that a packet socket has not read,
 * will not be sent: nobody waits for them. xfrm_dev_state_flush() does not either.
 */
void xha_twins_down(const struct net_device *dev)
{
	struct xha_twin *t;
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

static bool waits(const struct xha_nic *nic)
{
	struct xha_twin *t;
	bool found = false;

	spin_lock_bh(&leaving_lock);
	list_for_each_entry(t, &leaving, node)
		if (!nic || (t->nic == nic && !READ_ONCE(t->freed)))
			found = true;
	spin_unlock_bh(&leaving_lock);
	return found;
}

/**
 * xha_twins_wait() - until a NIC has forgotten those that leave
 * @nic: NIC
 * @timeout: jiffies; a little more than XHA_TWIN_PATIENCE is enough, unless its driver waits
 *	     for packets that are somebody's still
 *
 * Return: whether it has.
 */
bool xha_twins_wait(const struct xha_nic *nic, unsigned long timeout)
{
	return wait_event_timeout(left, !waits(nic), timeout);
}

/* No engine is left: each twin leaves, with its last packet, or when its NIC goes down. */
void xha_twins_exit(void)
{
	wait_event(left, !waits(NULL));
	cancel_delayed_work_sync(&looker);
}
