// SPDX-License-Identifier: GPL-2.0
/*
 * What the module has is read into the same structure as a file is; the difference of the two is a
 * list of steps. What does not differ is not touched: no session and no role ends by that.
 *
 * Some of a group is settled when it is made: what it matches, its link, its stripes. To change
 * that it must be made anew, and until it is, its SAs are as any other; so that is done only where
 * the user says so.
 */

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "plan.h"
#include "tool.h"

#define QUANTITY_DEFAULT	8192

/* In the order in which they are done. A group without a link is made while there is none. */
enum deed { GROUP_DEL, LINK_DEL, NODE_SET, GROUP_LONE, LINK_NEW, LINK_SET, GROUP_SET, GROUP_NEW };

struct step {
	struct step *next;
	enum deed what;
	const struct conf *conf;	/* of what is below */
	const struct conf_link *link;
	const struct conf_group *group;
	const void *old;		/* what is equal in this one is not told; NULL: all is */
	bool key;
};

struct plan {
	struct step *steps;
	unsigned int n;
	const struct plan_how *how;
	bool refused;
};

/* @memory: octets of it for each, 1024 to @most, where the number is CONF_AUTO; 0: it never is */
struct number_attr {
	int attr;
	size_t from;
	uint32_t memory, most;
};

static const struct number_attr link_numbers[] = {
	{ .attr = XFRM_HA_A_LINK_HEARTBEAT, .from = offsetof(struct conf_link, heartbeat) },
	{ .attr = XFRM_HA_A_LINK_DEAD, .from = offsetof(struct conf_link, dead) },
	{ .attr = XFRM_HA_A_LINK_BATCH, .from = offsetof(struct conf_link, batch) },
	{ .attr = XFRM_HA_A_LINK_CARRIER_LOSS, .from = offsetof(struct conf_link, carrier_loss) },
	{ .attr = XFRM_HA_A_LINK_ETHERTYPE, .from = offsetof(struct conf_link, ethertype) },
	{ }
};

static const struct number_attr group_numbers[] = {
	{ .attr = XFRM_HA_A_GROUP_MAX_AGE, .from = offsetof(struct conf_group, max_age) },
	{ .attr = XFRM_HA_A_GROUP_JOIN, .from = offsetof(struct conf_group, join) },
	{ .attr = XFRM_HA_A_GROUP_PREPARE, .from = offsetof(struct conf_group, prepare) },
	{ .attr = XFRM_HA_A_GROUP_SOFT, .from = offsetof(struct conf_group, soft) },
	{ .attr = XFRM_HA_A_GROUP_ON_PEER_LOSS, .from = offsetof(struct conf_group, on_peer_loss) },
	{ .attr = XFRM_HA_A_GROUP_ALONE, .from = offsetof(struct conf_group, alone) },
	{ .attr = XFRM_HA_A_GROUP_SYNC, .from = offsetof(struct conf_group, sync) },
	{ .attr = XFRM_HA_A_GROUP_REPLAY, .from = offsetof(struct conf_group, replay) },
	{ }
};

static const struct number_attr node_numbers[] = {
	{ .attr = XFRM_HA_A_NODE_SA_LIMIT, .from = offsetof(struct conf, sa_limit),
	  .memory = 8192, .most = 16777215 },
	{ .attr = XFRM_HA_A_NODE_ORPHAN_LIMIT, .from = offsetof(struct conf, orphan_limit),
	  .memory = 16384, .most = 1048576 },
	{ .attr = XFRM_HA_A_NODE_ORPHAN_AGE, .from = offsetof(struct conf, orphan_age) },
	{ }
};

/* As of_memory() in the module's ha/sa.c */
static uint32_t of_memory(const struct number_attr *n)
{
	struct sysinfo i;
	uint64_t so_many;

	if (sysinfo(&i))
		return 1024;
	so_many = (uint64_t)i.totalram * i.mem_unit / n->memory;
	return so_many < 1024 ? 1024 : so_many < n->most ? so_many : n->most;
}

static uint32_t number_at(const void *object, const struct number_attr *n)
{
	uint32_t number = *(const uint32_t *)((const char *)object + n->from);

	return n->memory && number == CONF_AUTO ? of_memory(n) : number;
}

/* --- what the module has --- */

static void read_numbers(void *object, const struct number_attr *n, struct nlattr **a)
{
	for (; n->attr; n++) {
		uint32_t *to = (uint32_t *)((char *)object + n->from);

		if (nl_has(a[n->attr]))
			*to = nla_get_u32(a[n->attr]);
		if (n->memory && *to == of_memory(n))
			*to = CONF_AUTO;
	}
}

static void on_node(struct nlattr **a, void *data)
{
	struct conf *c = data;

	read_numbers(c, node_numbers, a);
	c->node_id = nl_number(a[XFRM_HA_A_NODE_ID]) ?: CONF_AUTO;
}

static void on_link(struct nlattr **a, void *data)
{
	struct conf_link *l = conf_add_link(data, nla_get_string(a[XFRM_HA_A_LINK_DEV]));

	if (!l)
		return;
	snprintf(l->device, sizeof(l->device), "%s", nla_get_string(a[XFRM_HA_A_LINK_DEV]));
	memcpy(l->peer, nla_data(a[XFRM_HA_A_LINK_PEER]), sizeof(l->peer));
	l->has_peer = true;
	l->insecure = nl_has(a[XFRM_HA_A_LINK_INSECURE]);
	if (!l->insecure)
		snprintf(l->key_file, sizeof(l->key_file), "-");
	read_numbers(l, link_numbers, a);
}

static void read_match(struct conf_match *m, struct nlattr **a)
{
	static const int types[] = { XFRM_HA_A_GROUP_ADDRESS, XFRM_HA_A_GROUP_ADDRESS6 };

	for (int i = 0; i < 2; i++) {
		for (struct nlattr *one = NULL; (one = nl_next(types[i], one)) &&
		     m->address.n < CONF_ADDRS;) {
			struct conf_ip *ip = &m->address.ip[m->address.n++];

			*ip = (struct conf_ip){
				.family = i ? AF_INET6 : AF_INET, .len = i ? 128 : 32
			};
			memcpy(ip->a, nla_data(one), i ? 16 : 4);
		}
	}
	m->has_reqid = nl_has(a[XFRM_HA_A_GROUP_REQID]);
	m->reqid = nl_number(a[XFRM_HA_A_GROUP_REQID]);
	m->has_if_id = nl_has(a[XFRM_HA_A_GROUP_IF_ID]);
	m->if_id = nl_number(a[XFRM_HA_A_GROUP_IF_ID]);
	m->has_mark = nl_has(a[XFRM_HA_A_GROUP_MARK]);
	m->mark.value = nl_number(a[XFRM_HA_A_GROUP_MARK]);
	m->mark.mask = nl_number(a[XFRM_HA_A_GROUP_MARK_MASK]);
}

static uint32_t quantity_of(const struct conf_group *g)
{
	uint32_t least = 2 * g->interval;

	return g->quantity ?: least > QUANTITY_DEFAULT ? least : QUANTITY_DEFAULT;
}

static uint32_t nodes_of(const struct conf *c, const struct conf_group *g)
{
	return g->nodes ?: conf_link_of(c, g) || g->index != CONF_AUTO ? 2 : 1;
}

/* Which share of the stripes is this node's if nothing is said; CONF_AUTO: it can't be told */
static uint32_t index_of(const struct conf_link *l)
{
	struct ifreq ifr = { };
	int fd, err;

	if (!l)
		return 0;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return CONF_AUTO;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", l->device);
	err = ioctl(fd, SIOCGIFHWADDR, &ifr);
	close(fd);
	if (err)
		return CONF_AUTO;
	return memcmp(ifr.ifr_hwaddr.sa_data, l->peer, sizeof(l->peer)) > 0;
}

/* What would be so if nothing was said is not said. */
static void omit(const struct conf *c, struct conf_group *g)
{
	uint32_t quantity = g->quantity, nodes = g->nodes, index = g->index;

	g->quantity = 0;
	if (quantity_of(g) != quantity)
		g->quantity = quantity;
	g->nodes = 0;
	g->index = CONF_AUTO;
	if (index_of(conf_link_of(c, g)) != index || nodes_of(c, g) != nodes)
		g->index = index;
	if (nodes_of(c, g) != nodes)
		g->nodes = nodes;
}

static void on_group(struct nlattr **a, void *data)
{
	struct conf_group *g = conf_add_group(data, nla_get_string(a[XFRM_HA_A_GROUP_NAME]));

	if (!g)
		return;
	snprintf(g->link, sizeof(g->link), "%s", nl_has(a[XFRM_HA_A_GROUP_LINK]) ?
		 nla_get_string(a[XFRM_HA_A_GROUP_LINK]) : CONF_NO_LINK);
	read_match(&g->match, a);
	read_numbers(g, group_numbers, a);
	g->role = nla_get_u32(a[XFRM_HA_A_GROUP_ROLE]) == XFRM_HA_ROLE_ACTIVE ?
		  CONF_ROLE_ACTIVE : CONF_ROLE_STANDBY;
	g->interval = nl_number(a[XFRM_HA_A_GROUP_INTERVAL]);
	g->quantity = nl_number(a[XFRM_HA_A_GROUP_QUANTITY]);
	g->stripe = nl_number(a[XFRM_HA_A_GROUP_STRIPE]);
	g->index = nl_number(a[XFRM_HA_A_GROUP_INDEX]);
	g->nodes = nl_number(a[XFRM_HA_A_GROUP_NODES]);
	g->bitmap = nl_number(a[XFRM_HA_A_GROUP_BITMAP]);
}

/* plan_running() - what the module has, as a file would describe it; NULL: it can't be asked */
struct conf *plan_running(void)
{
	struct conf *c;

	if (nl_open())
		return NULL;
	c = conf_new();
	if (!c)
		return NULL;
	conf_name_node(c, NULL);
	if (nl_talk(nl_request(XFRM_HA_CMD_NODE_GET, 0), XFRM_HA_A_NODE_MAX, on_node, c) ||
	    nl_talk(nl_request(XFRM_HA_CMD_LINK_GET, NLM_F_DUMP), XFRM_HA_A_LINK_MAX, on_link, c) ||
	    nl_talk(nl_request(XFRM_HA_CMD_GROUP_GET, NLM_F_DUMP), XFRM_HA_A_GROUP_MAX, on_group,
		    c)) {
		conf_free(c);
		return NULL;
	}
	for (struct conf_group *g = c->groups; g; g = g->next)
		omit(c, g);
	return c;
}

/* --- what is to be done --- */

static void refuse_at(struct plan *p, const struct conf *c, struct conf_pos at,
		      const char *format, ...) __attribute__((format(printf, 4, 5)));
static void refuse_at(struct plan *p, const struct conf *c, struct conf_pos at,
		      const char *format, ...)
{
	char text[768];
	va_list ap;
	int n;

	p->refused = true;
	n = snprintf(text, sizeof(text), "%s:%d:%d: ", c->file, at.line, at.column);
	va_start(ap, format);
	vsnprintf(text + n, sizeof(text) - n, format, ap);
	va_end(ap);
	p->how->say(text, p->how->data);
}

static struct step *add_step(struct plan *p, enum deed what, const struct conf *c)
{
	struct step *s = calloc(1, sizeof(*s)), **tail = &p->steps;

	if (!s) {
		p->refused = true;
		p->how->say("out of memory", p->how->data);
		return NULL;
	}
	while (*tail && (*tail)->what <= what)
		tail = &(*tail)->next;
	s->what = what;
	s->conf = c;
	s->next = *tail;
	*tail = s;
	p->n++;
	return s;
}

static void add_link_step(struct plan *p, enum deed what, const struct conf *c,
			  const struct conf_link *l, const void *old, bool key)
{
	struct step *s = add_step(p, what, c);

	if (!s)
		return;
	s->link = l;
	s->old = old;
	s->key = key;
}

static void add_group_step(struct plan *p, enum deed what, const struct conf *c,
			   const struct conf_group *g, const void *old)
{
	struct step *s = add_step(p, what, c);

	if (!s)
		return;
	s->group = g;
	s->old = old;
}

static bool same_numbers(const void *a, const void *b, const struct number_attr *n)
{
	for (; n->attr; n++)
		if (number_at(a, n) != number_at(b, n))
			return false;
	return true;
}

static const char *device_of(const struct conf *c, const struct conf_group *g)
{
	const struct conf_link *l = conf_link_of(c, g);

	return l ? l->device : "";
}

static bool has_ip(const struct conf_ips *ips, const struct conf_ip *ip)
{
	for (unsigned int i = 0; i < ips->n; i++)
		if (conf_same_ip(&ips->ip[i], ip))
			return true;
	return false;
}

static bool same_match(const struct conf_match *a, const struct conf_match *b)
{
	for (unsigned int i = 0; i < a->address.n; i++)
		if (!has_ip(&b->address, &a->address.ip[i]))
			return false;
	for (unsigned int i = 0; i < b->address.n; i++)
		if (!has_ip(&a->address, &b->address.ip[i]))
			return false;
	return a->has_reqid == b->has_reqid && (!a->has_reqid || a->reqid == b->reqid) &&
	       a->has_if_id == b->has_if_id && (!a->has_if_id || a->if_id == b->if_id) &&
	       a->has_mark == b->has_mark && (!a->has_mark ||
					      (a->mark.value == b->mark.value &&
					       a->mark.mask == b->mark.mask));
}

/* What of a link can't be changed; NULL: nothing of that differs */
static const char *fixed_link(const struct conf *want, const struct conf_link *w,
			      const struct conf *have, const struct conf_link *h)
{
	if (want->node_id != CONF_AUTO && have->node_id != want->node_id)
		return "the node-id";
	if (w->insecure != h->insecure)
		return "whether it is insecure";
	return w->ethertype != h->ethertype ? "the ethertype" : NULL;
}

/* The same of a group. */
static const char *fixed_group(const struct conf *want, const struct conf_group *w,
			       const struct conf *have, const struct conf_group *h)
{
	const struct conf_link *wl = conf_link_of(want, w), *hl = conf_link_of(have, h);

	if (!same_match(&w->match, &h->match))
		return "what it matches";
	if (strcmp(device_of(want, w), device_of(have, h)))
		return "the link";
	if (wl && fixed_link(want, wl, have, hl))
		return "something of its link";
	if (w->stripe != h->stripe || nodes_of(want, w) != nodes_of(have, h))
		return "the stripes";
	if (w->index != h->index && (w->index == CONF_AUTO ? index_of(wl) : w->index) !=
	    (h->index == CONF_AUTO ? index_of(hl) : h->index))
		return "the index";
	return NULL;
}

static void plan_link(struct plan *p, const struct conf *want, const struct conf_link *w,
		      const struct conf *have)
{
	const struct conf_link *h = conf_link_on(have, w->device);
	bool kept = !strcmp(w->key_file, "-");
	const char *fixed;
	bool key;

	fixed = h ? fixed_link(want, w, have, h) : NULL;
	if ((!h || fixed) && kept) {
		refuse_at(p, want, w->at, "link %s: there is no key to keep", w->name);
	} else if (!h) {
		add_link_step(p, LINK_NEW, want, w, NULL, !w->insecure);
	} else if (fixed && !p->how->replace) {
		refuse_at(p, want, w->at, "link %s: %s can't be changed; \"replace\" does it",
			  w->name, fixed);
	} else if (fixed) {
		add_link_step(p, LINK_DEL, have, h, NULL, false);
		add_link_step(p, LINK_NEW, want, w, NULL, !w->insecure);
	} else {
		key = !w->insecure && !kept && p->how->new_key && p->how->new_key(w);
		if (key || memcmp(w->peer, h->peer, sizeof(w->peer)) ||
		    !same_numbers(w, h, link_numbers))
			add_link_step(p, LINK_SET, want, w, h, key);
	}
}

static bool same_settings(const struct conf_group *w, const struct conf_group *h)
{
	return same_numbers(w, h, group_numbers) && w->interval == h->interval &&
	       quantity_of(w) == quantity_of(h) && w->bitmap == h->bitmap;
}

static void plan_group(struct plan *p, const struct conf *want, const struct conf_group *w,
		       const struct conf *have)
{
	const struct conf_group *h = conf_group(have, w->name);
	const char *fixed = h ? fixed_group(want, w, have, h) : NULL;

	if (fixed && !p->how->replace) {
		refuse_at(p, want, w->at, "group %s: %s can't be changed; \"replace\" does it",
			  w->name, fixed);
		return;
	}
	if (fixed)
		add_group_step(p, GROUP_DEL, have, h, NULL);
	/* Without a word the module takes the first link that there is. */
	if ((!h || fixed) && !conf_link_of(want, w) && have->links)
		refuse_at(p, want, w->at, "group %s: one without a link comes before any link",
			  w->name);
	else if (!h || fixed)
		add_group_step(p, conf_link_of(want, w) ? GROUP_NEW : GROUP_LONE, want, w, NULL);
	else if (!same_settings(w, h))
		add_group_step(p, GROUP_SET, want, w, h);
}

/**
 * plan_make() - the steps from @have to @want
 *
 * Both must outlive the plan, and @how.
 *
 * Return: the plan, or NULL: there is no way, which was said. Nothing was done then.
 */
struct plan *plan_make(const struct conf *want, const struct conf *have, const struct plan_how *how)
{
	struct plan *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->how = how;
	for (const struct conf_group *g = have->groups; g; g = g->next)
		if (!conf_group(want, g->name))
			add_group_step(p, GROUP_DEL, have, g, NULL);
	for (const struct conf_link *l = have->links; l; l = l->next)
		if (!conf_link_on(want, l->device))
			add_link_step(p, LINK_DEL, have, l, NULL, false);
	if (!same_numbers(want, have, node_numbers) ||
	    (want->node_id != CONF_AUTO && want->node_id != have->node_id)) {
		struct step *s = add_step(p, NODE_SET, want);

		if (s)
			s->old = have;
	}
	for (const struct conf_link *l = want->links; l; l = l->next)
		plan_link(p, want, l, have);
	for (const struct conf_group *g = want->groups; g; g = g->next)
		plan_group(p, want, g, have);
	if (!p->refused)
		return p;
	plan_free(p);
	return NULL;
}

unsigned int plan_steps(const struct plan *p)
{
	return p->n;
}

void plan_free(struct plan *p)
{
	struct step *s;

	if (!p)
		return;
	while ((s = p->steps)) {
		p->steps = s->next;
		free(s);
	}
	free(p);
}

/* --- doing it --- */

static void put_numbers(struct nl_msg *msg, const struct number_attr *n, const void *object,
			const void *old)
{
	for (; n->attr; n++)
		if (!old || number_at(object, n) != number_at(old, n))
			nla_put_u32(msg, n->attr, number_at(object, n));
}

static int run_node(const struct step *s)
{
	struct nl_msg *msg = nl_request(XFRM_HA_CMD_NODE_SET, 0);
	const struct conf *old = s->old;

	put_numbers(msg, node_numbers, s->conf, old);
	if (s->conf->node_id != CONF_AUTO && s->conf->node_id != old->node_id)
		nla_put_u32(msg, XFRM_HA_A_NODE_ID, s->conf->node_id);
	return nl_talk(msg, XFRM_HA_A_NODE_MAX, NULL, NULL);
}

static int run_link(const struct step *s, uint8_t cmd)
{
	const struct conf_link *l = s->link, *old = s->old;
	uint8_t key[XFRM_HA_KEY_LEN];
	struct nl_msg *msg;

	if (s->key && key_read(l->key_file, key))
		return REFUSED;
	msg = nl_request(cmd, 0);
	nla_put_string(msg, XFRM_HA_A_LINK_DEV, l->device);
	if (s->what != LINK_DEL) {
		if (!old || memcmp(l->peer, old->peer, sizeof(l->peer)))
			nla_put(msg, XFRM_HA_A_LINK_PEER, sizeof(l->peer), l->peer);
		put_numbers(msg, link_numbers, l, old);
		if (s->key)
			nla_put(msg, XFRM_HA_A_LINK_KEY, sizeof(key), key);
		else if (l->insecure && !old)
			nla_put_flag(msg, XFRM_HA_A_LINK_INSECURE);
	}
	explicit_bzero(key, sizeof(key));
	return nl_talk(msg, XFRM_HA_A_LINK_MAX, NULL, NULL);
}

static void put_match(struct nl_msg *msg, const struct conf_match *m)
{
	for (unsigned int i = 0; i < m->address.n; i++) {
		const struct conf_ip *ip = &m->address.ip[i];

		nla_put(msg, ip->family == AF_INET ? XFRM_HA_A_GROUP_ADDRESS :
			XFRM_HA_A_GROUP_ADDRESS6, ip->family == AF_INET ? 4 : 16, ip->a);
	}
	if (m->has_reqid)
		nla_put_u32(msg, XFRM_HA_A_GROUP_REQID, m->reqid);
	if (m->has_if_id)
		nla_put_u32(msg, XFRM_HA_A_GROUP_IF_ID, m->if_id);
	if (m->has_mark) {
		nla_put_u32(msg, XFRM_HA_A_GROUP_MARK, m->mark.value);
		nla_put_u32(msg, XFRM_HA_A_GROUP_MARK_MASK, m->mark.mask);
	}
}

static void put_new(struct nl_msg *msg, const struct step *s)
{
	const struct conf_group *g = s->group;
	const char *device = device_of(s->conf, g);

	put_match(msg, &g->match);
	if (*device)
		nla_put_string(msg, XFRM_HA_A_GROUP_LINK, device);
	nla_put_u32(msg, XFRM_HA_A_GROUP_ROLE, g->role == CONF_ROLE_ACTIVE ?
		    XFRM_HA_ROLE_ACTIVE : XFRM_HA_ROLE_STANDBY);
	nla_put_u32(msg, XFRM_HA_A_GROUP_STRIPE, g->stripe);
	if (g->nodes)
		nla_put_u32(msg, XFRM_HA_A_GROUP_NODES, g->nodes);
	if (g->index != CONF_AUTO)
		nla_put_u32(msg, XFRM_HA_A_GROUP_INDEX, g->index);
}

static int run_group(const struct step *s, uint8_t cmd)
{
	const struct conf_group *g = s->group, *old = s->old;
	struct nl_msg *msg = nl_request(cmd, 0);

	nla_put_string(msg, XFRM_HA_A_GROUP_NAME, g->name);
	if (s->what == GROUP_NEW || s->what == GROUP_LONE)
		put_new(msg, s);
	if (s->what != GROUP_DEL) {
		put_numbers(msg, group_numbers, g, old);
		/* The one bounds the other. */
		if (!old || g->interval != old->interval || quantity_of(g) != quantity_of(old)) {
			nla_put_u32(msg, XFRM_HA_A_GROUP_INTERVAL, g->interval);
			nla_put_u32(msg, XFRM_HA_A_GROUP_QUANTITY, g->quantity);
		}
		if (!old || g->bitmap != old->bitmap)
			nla_put_u8(msg, XFRM_HA_A_GROUP_BITMAP, g->bitmap);
	}
	return nl_talk(msg, XFRM_HA_A_GROUP_MAX, NULL, NULL);
}

static const char *text(const struct step *s, char *buf, size_t size)
{
	static const char *const words[] = {
		[GROUP_DEL] = "group del", [LINK_DEL] = "link del", [NODE_SET] = "node set",
		[GROUP_LONE] = "group add", [LINK_NEW] = "link add", [LINK_SET] = "link set",
		[GROUP_SET] = "group set", [GROUP_NEW] = "group add",
	};

	snprintf(buf, size, "%s%s%s", words[s->what], s->what == NODE_SET ? "" : " ",
		 s->link ? s->link->device : s->group ? s->group->name : "");
	return buf;
}

/* plan_show() - the steps, one after the other */
void plan_show(const struct plan *p, conf_say say, void *data)
{
	char buf[128];

	for (const struct step *s = p->steps; s; s = s->next)
		say(text(s, buf, sizeof(buf)), data);
}

static int run(const struct step *s)
{
	switch (s->what) {
	case GROUP_DEL:
		return run_group(s, XFRM_HA_CMD_GROUP_DEL);
	case LINK_DEL:
		return run_link(s, XFRM_HA_CMD_LINK_DEL);
	case NODE_SET:
		return run_node(s);
	case GROUP_LONE:
	case GROUP_NEW:
		return run_group(s, XFRM_HA_CMD_GROUP_NEW);
	case LINK_NEW:
		return run_link(s, XFRM_HA_CMD_LINK_NEW);
	case LINK_SET:
		return run_link(s, XFRM_HA_CMD_LINK_SET);
	case GROUP_SET:
		return run_group(s, XFRM_HA_CMD_GROUP_SET);
	}
	return REFUSED;
}

/**
 * plan_run() - do it
 * @done: is told of each step that was done
 *
 * A step that is refused stops none that does not need it.
 *
 * Return: exit status; what was refused was said.
 */
int plan_run(const struct plan *p, conf_say done, void *data)
{
	const char *was = doing;
	int err, first = DONE;
	char buf[128];

	for (const struct step *s = p->steps; s; s = s->next) {
		doing = text(s, buf, sizeof(buf));
		err = run(s);
		doing = was;
		if (!err)
			done(buf, data);
		else
			refuse("%s: not done", buf);
		if (err && !first)
			first = err;
	}
	return first;
}
