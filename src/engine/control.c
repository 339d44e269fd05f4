// SPDX-License-Identifier: GPL-2.0
/* Control of engine devices: handlers of the netlink operations on engines, NICs, and SAs. */

#include <linux/rtnetlink.h>
#include <net/genetlink.h>

#include "control/dump.h"
#include "control/netlink-gen.h"
#include "engine/internal.h"

/* RTNL; with a message if there is none. */
static struct xha_engine *engine_by_name(struct net *net, struct nlattr *name,
					 struct netlink_ext_ack *extack)
{
	struct net_device *dev = __dev_get_by_name(net, nla_data(name));

	if (dev && xha_is_engine(dev))
		return netdev_priv(dev);
	NL_SET_ERR_MSG_ATTR(extack, name, "There is no engine device of this name");
	return NULL;
}

static void (*on_event)(struct net_device *dev, u32 event, const char *nic, __be32 spi);

void xha_engine_on_event(void (*func)(struct net_device *dev, u32 event, const char *nic,
				      __be32 spi))
{
	WRITE_ONCE(on_event, func);
	/* Who has read the other one is done with it. */
	if (!func)
		synchronize_rcu();
}

/* enum xfrm_ha_event; @nic: or NULL; @spi: or 0; any context */
void xha_engine_notify(struct net_device *dev, u32 event, const char *nic, __be32 spi)
{
	void (*func)(struct net_device *dev, u32 event, const char *nic, __be32 spi);

	rcu_read_lock();
	func = READ_ONCE(on_event);
	if (func)
		func(dev, event, nic, spi);
	rcu_read_unlock();
}

/* The engine device that a dump was asked for, by its name. RTNL; 0: all, or an error */
static int asked_for(struct netlink_callback *cb, int attr)
{
	const struct genl_info *info = &genl_dumpit_info(cb)->info;
	struct xha_engine *g;

	if (!info->attrs[attr])
		return 0;
	g = engine_by_name(genl_info_net(info), info->attrs[attr], cb->extack);
	return g ? g->dev->ifindex : -ENODEV;
}

/* --- engine --- */

static int fill_policy(struct sk_buff *skb, const struct xha_heat_policy *p)
{
	if (nla_put_u32(skb, XFRM_HA_A_ENGINE_PERIOD, p->period) ||
	    nla_put_u32(skb, XFRM_HA_A_ENGINE_INITIAL, p->initial) ||
	    nla_put_u32(skb, XFRM_HA_A_ENGINE_RISE, p->rise) ||
	    nla_put_u32(skb, XFRM_HA_A_ENGINE_DECAY, p->decay) ||
	    nla_put_u32(skb, XFRM_HA_A_ENGINE_BONUS, p->bonus) ||
	    nla_put_u32(skb, XFRM_HA_A_ENGINE_THRESHOLD, p->threshold) ||
	    nla_put_u32(skb, XFRM_HA_A_ENGINE_SWAPS, p->swaps) ||
	    nla_put_u32(skb, XFRM_HA_A_ENGINE_HORIZON, p->horizon) ||
	    nla_put_u32(skb, XFRM_HA_A_ENGINE_NOISE, p->noise) ||
	    nla_put_u32(skb, XFRM_HA_A_ENGINE_SAVED, p->saved_ns))
		return -EMSGSIZE;
	return 0;
}

/**
 * xha_control_fill_engine() - what rtnetlink tells of an engine device: no more than fits a link
 * @skb: message
 * @g: engine; RTNL, under which all settings are written, and all else is one word
 *
 * Return: 0 or -EMSGSIZE.
 */
int xha_control_fill_engine(struct sk_buff *skb, const struct xha_engine *g)
{
	if (fill_policy(skb, &g->policy) ||
	    nla_put_u8(skb, XFRM_HA_A_ENGINE_ADOPT, g->adopt) ||
	    (g->adopt && g->adopt_group[0] &&
	     nla_put_string(skb, XFRM_HA_A_ENGINE_ADOPT_GROUP, g->adopt_group)) ||
	    nla_put_u32(skb, XFRM_HA_A_ENGINE_SAS, READ_ONCE(g->n_sas)) ||
	    nla_put_u32(skb, XFRM_HA_A_ENGINE_HARD, READ_ONCE(g->n_hard)))
		return -EMSGSIZE;
	return 0;
}

/* Of what xha_control_fill_engine() puts. */
size_t xha_control_engine_size(void)
{
	return 12 * nla_total_size(sizeof(u32)) + nla_total_size(sizeof(u8)) +
	       nla_total_size(XHA_NAME_LEN);
}

static int fill_engine(struct sk_buff *skb, void *obj)
{
	const int pad = XFRM_HA_A_ENGINE_PAD;
	struct xha_engine *g = obj;

	if (nla_put_string(skb, XFRM_HA_A_ENGINE_DEV, g->dev->name) ||
	    xha_control_fill_engine(skb, g) ||
	    nla_put_u32(skb, XFRM_HA_A_ENGINE_SWAP_COST, g->policy.swap_ns) ||
	    nla_put_u64_64bit(skb, XFRM_HA_A_ENGINE_MARGIN, xha_heat_threshold(&g->policy), pad) ||
	    nla_put_u64_64bit(skb, XFRM_HA_A_ENGINE_TICKS, g->ticks, pad) ||
	    nla_put_u64_64bit(skb, XFRM_HA_A_ENGINE_TICK_TIME, g->tick_ns, pad) ||
	    nla_put_u64_64bit(skb, XFRM_HA_A_ENGINE_ENTERED, g->entered, pad) ||
	    nla_put_u64_64bit(skb, XFRM_HA_A_ENGINE_LEFT, g->left, pad) ||
	    nla_put_u64_64bit(skb, XFRM_HA_A_ENGINE_REFUSED, g->refused, pad) ||
	    nla_put_u64_64bit(skb, XFRM_HA_A_ENGINE_PACKETS_HARD, g->packets_hard, pad) ||
	    nla_put_u64_64bit(skb, XFRM_HA_A_ENGINE_PACKETS_SOFT, g->packets_soft, pad) ||
	    nla_put_u64_64bit(skb, XFRM_HA_A_ENGINE_LATE, atomic64_read(&g->late_drops), pad))
		return -EMSGSIZE;
	return 0;
}

/* By ifindex: each device once at most, whatever comes and goes. */
int xfrm_ha_nl_engine_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	unsigned long ifindex = cb->args[0];
	struct net_device *dev;
	int err = 0;

	rtnl_lock();
	for_each_netdev_dump(sock_net(skb->sk), dev, ifindex) {
		struct xha_engine *g = netdev_priv(dev);

		if (!xha_is_engine(dev))
			continue;
		mutex_lock(&g->mutex);
		err = xha_dump(skb, cb, fill_engine, g);
		mutex_unlock(&g->mutex);
		if (err)
			break;
	}
	cb->args[0] = ifindex;
	rtnl_unlock();
	return skb->len;
}

static void set_u32(u32 *v, struct nlattr *a)
{
	if (a)
		*v = nla_get_u32(a);
}

static int set_adopt(struct xha_engine *g, struct nlattr **a, struct netlink_ext_ack *extack)
{
	bool adopt = a[XFRM_HA_A_ENGINE_ADOPT] && nla_get_u8(a[XFRM_HA_A_ENGINE_ADOPT]);
	char group[XHA_NAME_LEN] = "";

	if (a[XFRM_HA_A_ENGINE_ADOPT_GROUP] && !adopt) {
		NL_SET_ERR_MSG(extack, "The group is that whose SAs are to be adopted");
		return -EINVAL;
	}
	if (!a[XFRM_HA_A_ENGINE_ADOPT])
		return 0;
	if (a[XFRM_HA_A_ENGINE_ADOPT_GROUP])
		nla_strscpy(group, a[XFRM_HA_A_ENGINE_ADOPT_GROUP], sizeof(group));
	return xha_engine_adopter(g, adopt, group, extack);
}

static int set_engine(struct xha_engine *g, struct nlattr **a, struct netlink_ext_ack *extack)
{
	struct xha_heat_policy p = g->policy;
	int err;

	set_u32(&p.period, a[XFRM_HA_A_ENGINE_PERIOD]);
	set_u32(&p.initial, a[XFRM_HA_A_ENGINE_INITIAL]);
	set_u32(&p.rise, a[XFRM_HA_A_ENGINE_RISE]);
	set_u32(&p.decay, a[XFRM_HA_A_ENGINE_DECAY]);
	set_u32(&p.bonus, a[XFRM_HA_A_ENGINE_BONUS]);
	set_u32(&p.threshold, a[XFRM_HA_A_ENGINE_THRESHOLD]);
	set_u32(&p.swaps, a[XFRM_HA_A_ENGINE_SWAPS]);
	set_u32(&p.horizon, a[XFRM_HA_A_ENGINE_HORIZON]);
	set_u32(&p.noise, a[XFRM_HA_A_ENGINE_NOISE]);
	set_u32(&p.saved_ns, a[XFRM_HA_A_ENGINE_SAVED]);
	/* What may be refused comes first. */
	err = xha_cache_reserve(g, p.swaps);
	if (!err)
		err = set_adopt(g, a, extack);
	if (!err)
		g->policy = p;
	return err;
}

/**
 * xha_control_set_engine() - change an engine device's settings
 * @g: engine; RTNL
 * @a: attributes of set engine, by either netlink family
 * @extack: of the request
 *
 * Return: 0, or an error, and nothing is changed.
 */
int xha_control_set_engine(struct xha_engine *g, struct nlattr **a, struct netlink_ext_ack *extack)
{
	int err;

	ASSERT_RTNL();

	mutex_lock(&g->mutex);
	err = set_engine(g, a, extack);
	mutex_unlock(&g->mutex);
	if (!err)
		xha_engine_notify(g->dev, XFRM_HA_EVENT_ENGINE_SET, NULL, 0);
	return err;
}

int xfrm_ha_nl_engine_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr **a = info->attrs;
	struct xha_engine *g;
	int err = -ENODEV;

	if (GENL_REQ_ATTR_CHECK(info, XFRM_HA_A_ENGINE_DEV))
		return -EINVAL;
	rtnl_lock();
	g = engine_by_name(genl_info_net(info), a[XFRM_HA_A_ENGINE_DEV], info->extack);
	if (g)
		err = xha_control_set_engine(g, a, info->extack);
	rtnl_unlock();
	return err;
}

/* --- NICs --- */

/**
 * xha_control_fill_nic() - what rtnetlink tells of an engine device's NIC
 * @skb: message
 * @nic: NIC; RTNL
 *
 * Return: 0 or -EMSGSIZE.
 */
int xha_control_fill_nic(struct sk_buff *skb, const struct xha_nic *nic)
{
	if (nla_put_u32(skb, XFRM_HA_A_NIC_STATE, xha_nic_state(nic)) ||
	    nla_put_u32(skb, XFRM_HA_A_NIC_SLOTS_IN, nic->slots[XHA_IN]) ||
	    nla_put_u32(skb, XFRM_HA_A_NIC_SLOTS_OUT, nic->slots[XHA_OUT]) ||
	    nla_put_u32(skb, XFRM_HA_A_NIC_WEIGHT, nic->weight) ||
	    nla_put_u8(skb, XFRM_HA_A_NIC_DRAIN, nic->drain) ||
	    nla_put_u32(skb, XFRM_HA_A_NIC_ROOM_IN, READ_ONCE(nic->room[XHA_IN])) ||
	    nla_put_u32(skb, XFRM_HA_A_NIC_ROOM_OUT, READ_ONCE(nic->room[XHA_OUT])) ||
	    nla_put_u32(skb, XFRM_HA_A_NIC_USED_IN, atomic_read(&nic->used[XHA_IN])) ||
	    nla_put_u32(skb, XFRM_HA_A_NIC_USED_OUT, atomic_read(&nic->used[XHA_OUT])))
		return -EMSGSIZE;
	return 0;
}

/* Of what xha_control_fill_nic() puts. */
size_t xha_control_nic_size(void)
{
	return 8 * nla_total_size(sizeof(u32)) + nla_total_size(sizeof(u8));
}

static int fill_nic(struct sk_buff *skb, void *obj)
{
	struct xha_nic *nic = obj;

	if (nla_put_string(skb, XFRM_HA_A_NIC_ENGINE, nic->engine->dev->name) ||
	    nla_put_string(skb, XFRM_HA_A_NIC_DEV, nic->dev->name) ||
	    xha_control_fill_nic(skb, nic) ||
	    nla_put_u64_64bit(skb, XFRM_HA_A_NIC_ENTERED, nic->entered, XFRM_HA_A_NIC_PAD) ||
	    nla_put_u64_64bit(skb, XFRM_HA_A_NIC_REFUSED, nic->refused, XFRM_HA_A_NIC_PAD) ||
	    nla_put_u64_64bit(skb, XFRM_HA_A_NIC_RENEWED, nic->renewed, XFRM_HA_A_NIC_PAD))
		return -EMSGSIZE;
	return 0;
}

int xfrm_ha_nl_nic_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	unsigned long ifindex = cb->args[0];
	struct net_device *dev;
	int err = 0, only;

	rtnl_lock();
	only = asked_for(cb, XFRM_HA_A_NIC_ENGINE);
	if (only < 0) {
		rtnl_unlock();
		return only;
	}
	for_each_netdev_dump(sock_net(skb->sk), dev, ifindex) {
		struct xha_nic *nic = xha_nic_of(dev);

		if (!nic || (only && only != nic->engine->dev->ifindex))
			continue;
		mutex_lock(&nic->engine->mutex);
		err = xha_dump(skb, cb, fill_nic, nic);
		mutex_unlock(&nic->engine->mutex);
		if (err)
			break;
	}
	cb->args[0] = ifindex;
	rtnl_unlock();
	return skb->len;
}

/* What it learned of its room is void: the user may know better. */
static void set_slots(struct xha_nic *nic, int dir, struct nlattr *a)
{
	if (!a)
		return;
	nic->slots[dir] = nla_get_u32(a);
	nic->room[dir] = XHA_SLOTS_ANY;
	xha_cache_shrink(nic, dir);
}

/**
 * xha_control_set_nic() - change what a NIC may hold
 * @nic: NIC; RTNL
 * @a: attributes of set nic, by either netlink family
 */
void xha_control_set_nic(struct xha_nic *nic, struct nlattr **a)
{
	struct xha_engine *g = nic->engine;

	ASSERT_RTNL();

	mutex_lock(&g->mutex);
	set_slots(nic, XHA_IN, a[XFRM_HA_A_NIC_SLOTS_IN]);
	set_slots(nic, XHA_OUT, a[XFRM_HA_A_NIC_SLOTS_OUT]);
	set_u32(&nic->weight, a[XFRM_HA_A_NIC_WEIGHT]);
	if (a[XFRM_HA_A_NIC_DRAIN])
		nic->drain = nla_get_u8(a[XFRM_HA_A_NIC_DRAIN]);
	g->uneven = true;
	if (nic->drain)
		xha_slots_evict(g, nic, U32_MAX);
	nic->usable = xha_nic_usable(nic);
	mutex_unlock(&g->mutex);
	xha_engine_notify(g->dev, XFRM_HA_EVENT_NIC_SET, nic->dev->name, 0);
	xha_cache_kick(g);
}

int xfrm_ha_nl_nic_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr **a = info->attrs;
	struct net_device *dev;
	struct xha_nic *nic;

	if (GENL_REQ_ATTR_CHECK(info, XFRM_HA_A_NIC_DEV))
		return -EINVAL;
	rtnl_lock();
	dev = __dev_get_by_name(genl_info_net(info), nla_data(a[XFRM_HA_A_NIC_DEV]));
	nic = dev ? xha_nic_of(dev) : NULL;
	if (nic)
		xha_control_set_nic(nic, a);
	else
		NL_SET_ERR_MSG_ATTR(info->extack, a[XFRM_HA_A_NIC_DEV],
				    "No engine device has a NIC of this name");
	rtnl_unlock();
	return nic ? 0 : -ENODEV;
}

/* --- SAs --- */

static int fill_where(struct sk_buff *skb, const struct xha_slot_sa *e)
{
	const struct net_device *pin = NULL;

	if (e->nic && nla_put_string(skb, XFRM_HA_A_CACHE_NIC, e->nic->dev->name))
		return -EMSGSIZE;
	if (e->pin == XHA_PIN_NIC)
		pin = __dev_get_by_index(dev_net(e->engine->dev), e->pin_ifindex);
	if (nla_put_u8(skb, XFRM_HA_A_CACHE_PIN, e->pin != XHA_PIN_NONE) ||
	    (pin && nla_put_string(skb, XFRM_HA_A_CACHE_PIN_NIC, pin->name)))
		return -EMSGSIZE;
	return 0;
}

static int fill_cache(struct sk_buff *skb, void *obj)
{
	const int pad = XFRM_HA_A_CACHE_PAD;
	struct xha_slot_sa *e = obj;
	struct xfrm_state *x = e->x;
	const struct xha_heat_policy *p = &e->engine->policy;
	bool inet = x->props.family == AF_INET;
	struct xha_heat_verdict v;
	u32 reason;
	u64 heat;

	heat = xha_heat_at(&e->heat, p, e->engine->tick);
	reason = xha_cache_reason(e, &v);
	if (nla_put_string(skb, XFRM_HA_A_CACHE_ENGINE, e->engine->dev->name) ||
	    fill_where(skb, e) ||
	    nla_put_u8(skb, XFRM_HA_A_CACHE_INBOUND, e->inbound) ||
	    nla_put(skb, inet ? XFRM_HA_A_CACHE_ADDRESS : XFRM_HA_A_CACHE_ADDRESS6,
		    inet ? 4 : 16, &x->id.daddr) ||
	    nla_put_be32(skb, XFRM_HA_A_CACHE_SPI, x->id.spi) ||
	    nla_put_u64_64bit(skb, XFRM_HA_A_CACHE_PACKETS, READ_ONCE(x->curlft.packets), pad) ||
	    nla_put_u64_64bit(skb, XFRM_HA_A_CACHE_HEAT, heat, pad) ||
	    nla_put_u64_64bit(skb, XFRM_HA_A_CACHE_RATE, xha_heat_rate(p, heat), pad) ||
	    nla_put_u32(skb, XFRM_HA_A_CACHE_REASON, reason) ||
	    nla_put_u64_64bit(skb, XFRM_HA_A_CACHE_GAIN, v.gain, pad) ||
	    nla_put_u64_64bit(skb, XFRM_HA_A_CACHE_MARGIN, v.margin, pad) ||
	    nla_put_u32(skb, XFRM_HA_A_CACHE_ERRNO, -e->err) ||
	    nla_put_u64_64bit(skb, XFRM_HA_A_CACHE_SINCE, e->since, pad) ||
	    nla_put_u64_64bit(skb, XFRM_HA_A_CACHE_MOVES, e->moves, pad) ||
	    nla_put_u8(skb, XFRM_HA_A_CACHE_ADOPTED, e->adopted))
		return -EMSGSIZE;
	return 0;
}

/* New ones come at the end, so each that stays is told once; @seen of them have been. */
static int dump_cache(struct sk_buff *skb, struct netlink_callback *cb, struct xha_engine *g,
		      long *seen)
{
	struct xha_slot_sa *e;
	unsigned long number;
	int err;

	xa_for_each_start(&g->sas, number, e, *seen + 1) {
		if (READ_ONCE(e->dead))
			continue;
		err = xha_dump(skb, cb, fill_cache, e);
		if (err)
			return err;
		*seen = number;
	}
	return 0;
}

int xfrm_ha_nl_cache_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	unsigned long ifindex = cb->args[0];
	struct net_device *dev;
	int err = 0, only;

	rtnl_lock();
	only = asked_for(cb, XFRM_HA_A_CACHE_ENGINE);
	if (only < 0) {
		rtnl_unlock();
		return only;
	}
	for_each_netdev_dump(sock_net(skb->sk), dev, ifindex) {
		struct xha_engine *g = netdev_priv(dev);

		if (!xha_is_engine(dev) || (only && only != dev->ifindex))
			continue;
		if (ifindex > cb->args[0])
			cb->args[1] = 0;
		cb->args[0] = ifindex;
		mutex_lock(&g->mutex);
		err = dump_cache(skb, cb, g, &cb->args[1]);
		mutex_unlock(&g->mutex);
		if (err)
			break;
	}
	rtnl_unlock();
	return skb->len;
}

/* The address may be left out if the SPI tells. Mutex. */
static struct xha_slot_sa *find(struct xha_engine *g, struct nlattr **a,
				struct netlink_ext_ack *extack)
{
	__be32 spi = nla_get_be32(a[XFRM_HA_A_CACHE_SPI]);
	struct nlattr *v4 = a[XFRM_HA_A_CACHE_ADDRESS], *v6 = a[XFRM_HA_A_CACHE_ADDRESS6];
	struct xha_slot_sa *e, *found = NULL;
	unsigned long number;

	xa_for_each(&g->sas, number, e) {
		const struct xfrm_state *x = e->x;

		if (READ_ONCE(e->dead) || x->id.spi != spi ||
		    (v4 && (x->props.family != AF_INET || nla_memcmp(v4, &x->id.daddr, 4))) ||
		    (v6 && (x->props.family != AF_INET6 || nla_memcmp(v6, &x->id.daddr, 16))))
			continue;
		if (found) {
			NL_SET_ERR_MSG(extack, "Several SAs have this SPI: say the address");
			return NULL;
		}
		found = e;
	}
	if (!found)
		NL_SET_ERR_MSG(extack, "The engine device has no such SA");
	return found;
}

static int pin(struct xha_engine *g, struct nlattr **a, struct netlink_ext_ack *extack)
{
	struct xha_slot_sa *e = find(g, a, extack);
	struct net_device *dev = NULL;
	struct xha_nic *nic = NULL;

	if (!e)
		return -ENOENT;
	if (a[XFRM_HA_A_CACHE_NIC]) {
		dev = __dev_get_by_name(dev_net(g->dev), nla_data(a[XFRM_HA_A_CACHE_NIC]));
		nic = dev ? xha_nic_of(dev) : NULL;
		if (!nic || nic->engine != g) {
			NL_SET_ERR_MSG_ATTR(extack, a[XFRM_HA_A_CACHE_NIC],
					    "The engine device has no such NIC");
			return -ENODEV;
		}
	}
	g->pins -= !!e->pin;
	if (!nla_get_u8(a[XFRM_HA_A_CACHE_PIN])) {
		e->pin = XHA_PIN_NONE;
	} else if (nic) {
		e->pin = XHA_PIN_NIC;
		e->pin_ifindex = dev->ifindex;
	} else {
		e->pin = XHA_PIN_SOFT;
	}
	g->pins += !!e->pin;
	e->wait = 0;
	xha_engine_notify(g->dev, e->pin ? XFRM_HA_EVENT_SA_PINNED : XFRM_HA_EVENT_SA_UNPINNED,
			  e->pin == XHA_PIN_NIC ? dev->name : NULL, e->x->id.spi);
	return 0;
}

int xfrm_ha_nl_cache_pin_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr **a = info->attrs;
	struct xha_engine *g;
	int err = -ENODEV;

	if (GENL_REQ_ATTR_CHECK(info, XFRM_HA_A_CACHE_ENGINE) ||
	    GENL_REQ_ATTR_CHECK(info, XFRM_HA_A_CACHE_SPI) ||
	    GENL_REQ_ATTR_CHECK(info, XFRM_HA_A_CACHE_PIN))
		return -EINVAL;
	rtnl_lock();
	g = engine_by_name(genl_info_net(info), a[XFRM_HA_A_CACHE_ENGINE], info->extack);
	if (g) {
		mutex_lock(&g->mutex);
		err = pin(g, a, info->extack);
		mutex_unlock(&g->mutex);
		if (!err)
			xha_cache_kick(g);
	}
	rtnl_unlock();
	return err;
}
