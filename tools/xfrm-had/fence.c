// SPDX-License-Identifier: GPL-2.0
/*
 * Nothing leaves in clear for what the policies of a group speak of: with the group active or not,
 * before its SAs are there, and after its policies have gone (nft.c).
 *
 * A flow is what the selector of an outbound policy says, or a group's protect section. It is
 * stopped as soon as such a policy was seen, and stays so, also when the policy goes, since it may
 * go in order to come back: an IKE daemon that starts flushes all. SIGHUP makes those forgotten
 * that neither a policy nor the file speaks of. What a daemon that died had stopped the next one
 * finds in the table.
 *
 * The operator's policies that let flows pass in clear go on to do so, if they come before each
 * policy of a group whose flows they overlap.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "fence.h"
#include "nft.h"
#include "relay.h"

/*
 * Flows are items: @key is a struct nft_flow, @here the priority of its policy (NOBODY: not known),
 * @round the list that had it last, @digest 1 if the table has it. New ones are at the end of the
 * list. @passes and @in_file: see struct item.
 */
#define NOBODY	0

struct fence {
	struct fence *next;
	char group[XFRM_HA_NAME_MAX + 1];	/* "": these pass */
	bool wanted;
	struct table flows;
};

static struct fence passing, *fences;
static struct nft_set *sets;
static struct event *soon;
static bool opened, there;		/* nf_tables; the table */
static bool listed, forget;

static void want_change(void)
{
	if (soon)
		event_active(soon, EV_TIMEOUT, 0);
}

static bool fails_closed(const struct conf_group *c)
{
	return c->fail_closed == CONF_CLOSED_YES ||
	       (c->fail_closed == CONF_CLOSED_AUTO && (c->addresses || c->protects));
}

static struct fence *fence_of(const char *group)
{
	struct fence *f = &passing;

	if (!*group)
		return f;
	for (f = fences; f && strcmp(f->group, group); f = f->next)
		;
	if (f)
		return f;
	f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	memcpy(f->group, group, strlen(group));
	TAILQ_INIT(&f->flows.list);
	f->next = fences;
	fences = f;
	return f;
}

/* --- flows --- */

static void mask(uint8_t *to, const void *from, unsigned int bits)
{
	memcpy(to, from, (bits + 7) / 8);
	if (bits % 8)
		to[bits / 8] &= 0xff << (8 - bits % 8);
}

static bool flow_of(const struct xfrm_selector *sel, struct nft_flow *f)
{
	unsigned int most = sel->family == AF_INET ? 32 : 128;

	memset(f, 0, sizeof(*f));
	if (sel->prefixlen_s > most || sel->prefixlen_d > most || sel->ifindex)
		return false;
	f->shape.family = sel->family == AF_INET ? 4 : 6;
	f->shape.src_len = sel->prefixlen_s;
	f->shape.dst_len = sel->prefixlen_d;
	mask(f->src, &sel->saddr, sel->prefixlen_s);
	mask(f->dst, &sel->daddr, sel->prefixlen_d);
	if (sel->proto) {
		f->shape.fields |= NFT_HAS_PROTO;
		f->proto = sel->proto;
	}
	/* More is stopped than the policy means, but never less. */
	if (sel->proto != IPPROTO_TCP && sel->proto != IPPROTO_UDP && sel->proto != IPPROTO_SCTP)
		return true;
	if (sel->sport_mask == 0xffff) {
		f->shape.fields |= NFT_HAS_SPORT;
		f->sport = sel->sport;
	}
	if (sel->dport_mask == 0xffff) {
		f->shape.fields |= NFT_HAS_DPORT;
		f->dport = sel->dport;
	}
	return true;
}

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned int bits)
{
	if (memcmp(a, b, bits / 8))
		return false;
	return !(bits % 8) || !((a[bits / 8] ^ b[bits / 8]) & 0xff << (8 - bits % 8) & 0xff);
}

static unsigned int least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

static bool overlap(const struct nft_flow *a, const struct nft_flow *b)
{
	uint8_t both = a->shape.fields & b->shape.fields;

	return a->shape.family == b->shape.family &&
	       same_bits(a->src, b->src, least(a->shape.src_len, b->shape.src_len)) &&
	       same_bits(a->dst, b->dst, least(a->shape.dst_len, b->shape.dst_len)) &&
	       (!(both & NFT_HAS_PROTO) || a->proto == b->proto) &&
	       (!(both & NFT_HAS_SPORT) || a->sport == b->sport) &&
	       (!(both & NFT_HAS_DPORT) || a->dport == b->dport);
}

static struct item *flow_item(struct fence *f, const struct nft_flow *flow)
{
	struct item *i = f ? table_find(&f->flows, flow, sizeof(*flow)) : NULL;

	if (!i && f)
		i = table_add(&f->flows, flow, sizeof(*flow));
	if (!i)
		had_log(LOG_ERR, "fence: out of memory");
	return i;
}

static const struct nft_flow *flow_at(const struct item *i)
{
	return (const struct nft_flow *)i->key;
}

static struct nft_set *set_of(const char *group, const struct nft_shape *shape)
{
	struct nft_set **s = &sets;

	while (*s && (strcmp((*s)->group, group) || memcmp(&(*s)->shape, shape, sizeof(*shape))))
		s = &(*s)->next;
	if (*s)
		return *s;
	*s = calloc(1, sizeof(**s));
	if (*s) {
		memcpy((*s)->group, group, strlen(group));
		(*s)->shape = *shape;
	}
	return *s;
}

/* --- what policies say --- */

/* A policy whose templates are all optional lets out in clear what it finds no SA for. */
static bool protects(const struct had_policy *p)
{
	for (unsigned int i = 0; i < p->n_tmpls; i++)
		if (!p->tmpls[i].optional)
			return true;
	return false;
}

static const struct relay *group_of(const struct had_policy *p)
{
	const struct relay *g = relays.groups;

	while (g && !had_match_policy(&g->match, p))
		g = g->next;
	return g && g->group->conf && fails_closed(g->group->conf) ? g : NULL;
}

static bool lets_pass(const struct had_policy_id *id)
{
	return id->dir == XFRM_POLICY_OUT && id->type == XFRM_POLICY_TYPE_MAIN && !id->if_id &&
	       !id->mark_v && !id->mark_m;
}

void fence_policy(const struct had_policy *p)
{
	const struct relay *g;
	struct nft_flow flow;
	struct fence *f;
	struct item *i;

	if (p->info.dir != XFRM_POLICY_OUT || p->info.action != XFRM_POLICY_ALLOW ||
	    !flow_of(&p->info.sel, &flow))
		return;
	if (!p->n_tmpls && lets_pass(&p->id)) {
		f = &passing;
	} else {
		g = protects(p) ? group_of(p) : NULL;
		f = g ? fence_of(g->group->name) : NULL;
		if (!f)
			return;
	}
	i = flow_item(f, &flow);
	if (!i)
		return;
	/* Of several policies for one flow that counts which the kernel finds first. */
	if (f == &passing || !i->digest || i->round != relays.round || i->here > p->info.priority) {
		if (!i->digest || i->removed || i->here != p->info.priority)
			want_change();
		i->here = p->info.priority;
	}
	i->removed = false;
	i->round = relays.round;
}

void fence_policy_gone(const struct had_policy_id *id)
{
	struct nft_flow flow;
	struct item *i;

	if (!lets_pass(id) || !flow_of(&id->sel, &flow))
		return;
	i = table_find(&passing.flows, &flow, sizeof(flow));
	if (!i)
		return;
	i->removed = true;
	want_change();
}

static bool may_pass(const struct item *i)
{
	struct item *j, *next;

	if (i->removed)
		return false;
	for (const struct fence *f = fences; f; f = f->next)
		table_for_each(j, next, &f->flows)
			if (overlap(flow_at(i), flow_at(j)) && i->here >= j->here)
				return false;
	return true;
}

/* --- the table --- */

static void failed(int err)
{
	static time_t said;

	relay_say(&said, LOG_ERR, "fence: what is in clear can't be stopped: %s", strerror(-err));
}

/* Which sets are needed. Return: whether these are others than the table has */
static bool plan_sets(void)
{
	struct item *i, *next;
	struct nft_set *s;
	bool changed = false;

	for (s = sets; s; s = s->next)
		s->needed = false;
	for (struct fence *f = fences; f; f = f->next)
		table_for_each(i, next, &f->flows) {
			s = set_of(f->group, &flow_at(i)->shape);
			if (s)
				s->needed = f->wanted;
		}
	table_for_each(i, next, &passing.flows) {
		s = set_of("", &flow_at(i)->shape);
		if (s)
			s->needed |= i->passes;
	}
	for (s = sets; s; s = s->next)
		changed |= s->needed != s->there;
	return changed;
}

/* Those that let pass are asked first. */
static void sort_sets(void)
{
	struct nft_set **first = &sets, **s = &sets, *moved;

	while ((moved = *s)) {
		if (*moved->group) {
			s = &moved->next;
			continue;
		}
		*s = moved->next;
		moved->next = *first;
		*first = moved;
		if (s == first)
			s = &moved->next;
		first = &moved->next;
	}
}

static void drop_sets(void)
{
	struct nft_set **s = &sets, *gone;

	while ((gone = *s)) {
		if (gone->there) {
			s = &gone->next;
			continue;
		}
		*s = gone->next;
		free(gone);
	}
}

static int lay_out(void)
{
	struct nft_group *groups;
	size_t n = 0;
	int err;

	for (struct fence *f = fences; f; f = f->next)
		n++;
	groups = calloc(n, sizeof(*groups));
	if (!groups)
		return -ENOMEM;
	n = 0;
	for (struct fence *f = fences; f; f = f->next)
		groups[n++] = (struct nft_group){ .name = f->group, .needed = f->wanted };
	sort_sets();
	err = nft_lay_out(sets, groups, n);
	free(groups);
	return err;
}

/* Flows of one set at a time, in pieces */
struct batch {
	struct nft_flow flows[256];
	struct nft_set *set;
	size_t n;
	bool add;
	int err;
};

static void batch_end(struct batch *b)
{
	if (b->n && !b->err && b->set->there)
		b->err = nft_change(b->add, b->set, b->flows, b->n);
	b->n = 0;
}

static void batch_put(struct batch *b, const char *group, const struct nft_flow *flow)
{
	struct nft_set *s = set_of(group, &flow->shape);

	if (s != b->set || b->n == sizeof(b->flows) / sizeof(*b->flows))
		batch_end(b);
	b->set = s;
	if (s)
		b->flows[b->n++] = *flow;
	else
		b->err = -ENOMEM;
}

/* New ones are at the end; they are in the table when all of the batch is. */
static int add_flows(struct fence *f)
{
	struct batch b = { .add = true };
	struct item *i;

	TAILQ_FOREACH_REVERSE(i, &f->flows.list, items, node) {
		if (i->digest)
			break;
		batch_put(&b, f->group, flow_at(i));
	}
	batch_end(&b);
	TAILQ_FOREACH_REVERSE(i, &f->flows.list, items, node) {
		if (i->digest || b.err)
			break;
		i->digest = 1;
	}
	return b.err;
}

/* Those that do not pass any more first: nothing is let through for longer than it may. */
static int change_passing(bool add)
{
	struct batch b = { .add = add };
	struct item *i, *next;

	table_for_each(i, next, &passing.flows)
		if (i->passes == add && !!i->digest != add)
			batch_put(&b, "", flow_at(i));
	batch_end(&b);
	if (b.err)
		return b.err;
	table_for_each(i, next, &passing.flows) {
		if (i->passes == add)
			i->digest = add;
		if (i->removed && !i->digest)
			table_del(&passing.flows, i);
	}
	return 0;
}

static bool any_wanted(void)
{
	for (struct fence *f = fences; f; f = f->next)
		if (f->wanted)
			return true;
	return false;
}

static void drop_fences(void)
{
	struct fence **f = &fences, *gone;

	while ((gone = *f)) {
		if (gone->wanted) {
			f = &gone->next;
			continue;
		}
		had_log(LOG_NOTICE, "fence: group %s: what is in clear is not stopped any more",
			gone->group);
		*f = gone->next;
		table_clear(&gone->flows);
		free(gone);
	}
}

static int change_all(void)
{
	struct item *i, *next;
	int err;

	if (!opened)
		return any_wanted() ? -EPROTONOSUPPORT : 0;
	table_for_each(i, next, &passing.flows)
		i->passes = may_pass(i);
	if (!any_wanted()) {
		err = there ? nft_remove() : 0;
		if (err)
			return err;
		there = false;
		for (struct nft_set *s = sets; s; s = s->next)
			s->there = false;
		table_for_each(i, next, &passing.flows)
			i->digest = 0;
		drop_sets();
		drop_fences();
		return 0;
	}
	err = there ? change_passing(false) : 0;
	if (!err && (plan_sets() || !there))
		err = lay_out();
	if (err)
		return err;
	there = true;
	drop_sets();
	drop_fences();
	for (struct fence *f = fences; f && !err; f = f->next)
		err = add_flows(f);
	return err ? err : change_passing(true);
}

static void on_soon(evutil_socket_t fd, short what, void *arg)
{
	int err;

	(void)fd;
	(void)what;
	(void)arg;
	/* What there is of a predecessor's stays until it is known what policies there are. */
	err = listed ? change_all() : 0;
	if (!err)
		return;
	failed(err);
	evtimer_add(soon, &(struct timeval){ .tv_sec = 2 });
}

/* --- */

/* All policies that there are were listed, in this round. */
void fence_listed(void)
{
	struct item *i, *next;

	table_for_each(i, next, &passing.flows)
		if (i->round != relays.round)
			i->removed = true;
	for (struct fence *f = fences; f && forget; f = f->next) {
		struct batch b = { };

		table_for_each(i, next, &f->flows)
			if (i->round != relays.round && i->digest && !i->in_file)
				batch_put(&b, f->group, flow_at(i));
		batch_end(&b);
		if (b.err) {
			failed(b.err);
			continue;
		}
		table_for_each(i, next, &f->flows)
			if (i->round != relays.round && !i->in_file)
				table_del(&f->flows, i);
	}
	forget = false;
	listed = true;
	want_change();
}

static void on_found(const char *group, const struct nft_flow *flow)
{
	struct fence *f = fence_of(group);
	struct nft_set *s = set_of(group, &flow->shape);
	struct item *i = flow_item(f, flow);

	if (s)
		s->there = true;
	if (!i)
		return;
	i->digest = 1;
	i->here = NOBODY;
	/* Until it is known which policies there are */
	i->passes = f == &passing;
}

void fence_status(FILE *to)
{
	uint64_t stopped;

	for (const struct fence *f = fences; f; f = f->next) {
		stopped = 0;
		if (there && f->wanted && !nft_stopped(f->group, &stopped))
			fprintf(to, "fence\t%s\t%zu\t%llu\n", f->group, f->flows.n,
				(unsigned long long)stopped);
	}
}

static int fence_start(struct had *had)
{
	int err = nft_open();

	TAILQ_INIT(&passing.flows.list);
	opened = !err;
	soon = evtimer_new(had->base, on_soon, NULL);
	if (!soon)
		return -1;
	if (!err)
		err = nft_adopt();
	there = !err;
	if (there)
		err = nft_read(on_found);
	if (err && err != -ENOENT)
		had_log(LOG_WARNING, "fence: nf_tables: %s", strerror(-err));
	return 0;
}

static void protect(struct fence *f, const struct conf_protect *p)
{
	struct nft_flow flow = { };
	struct item *i;

	flow.shape.family = p->from.family == AF_INET ? 4 : 6;
	flow.shape.src_len = p->from.len;
	mask(flow.src, p->from.a, p->from.len);
	for (unsigned int n = 0; n < p->to.n; n++) {
		memset(flow.dst, 0, sizeof(flow.dst));
		flow.shape.dst_len = p->to.ip[n].len;
		mask(flow.dst, p->to.ip[n].a, p->to.ip[n].len);
		i = flow_item(f, &flow);
		if (i)
			i->in_file = true;
	}
}

static void fence_configured(struct had *had, const struct conf *old)
{
	struct item *i, *next;

	for (struct fence *f = fences; f; f = f->next) {
		f->wanted = false;
		table_for_each(i, next, &f->flows)
			i->in_file = false;
	}
	for (const struct conf_group *c = had->conf->groups; c; c = c->next) {
		struct fence *f = fails_closed(c) ? fence_of(c->name) : NULL;

		if (!f)
			continue;
		f->wanted = true;
		for (const struct conf_protect *p = c->protects; p; p = p->next)
			protect(f, p);
	}
	if (old) {
		forget = true;
		relay_want_list();
	}
	want_change();
}

static void fence_stop(struct had *had)
{
	struct fence *f;
	struct nft_set *s;

	(void)had;
	if (soon)
		event_free(soon);
	soon = NULL;
	while ((f = fences)) {
		fences = f->next;
		table_clear(&f->flows);
		free(f);
	}
	table_clear(&passing.flows);
	while ((s = sets)) {
		sets = s->next;
		free(s);
	}
	if (opened)
		nft_close();
	opened = false;
}

const struct had_part fence_part = {
	.name = "fence", .start = fence_start, .configured = fence_configured, .stop = fence_stop,
};
