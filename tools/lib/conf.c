// SPDX-License-Identifier: GPL-2.0
/*
 * The file that describes a gateway is read. What may be in it is in keys.c.
 */

#include <arpa/inet.h>
#include <confuse.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf.h"
#include "keys.h"
#include "scan.h"
/* Where something was said: an option of a section, or (no option) the section itself. */
struct mark {
	const cfg_t *cfg;
	const char *option;
	struct conf_pos at;
};

struct reading {
	const char *file;
	struct scan scan;
	struct mark *marks;
	size_t n_marks, values, sections;
	struct conf_pos at;		/* of what is being read */
	const cfg_opt_t *list;		/* that it is in, and how many values that has */
	unsigned int listed;
	conf_say say;
	void *data;
	unsigned int errors;
};

/* libconfuse's callbacks have no argument of ours. */
static struct reading *reading;

static void wrong(struct reading *r, struct conf_pos at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void wrong(struct reading *r, struct conf_pos at, const char *format, ...)
{
	char text[768];
	va_list ap;
	int n;

	n = snprintf(text, sizeof(text), "%s:%d:%d: ", r->file, at.line, at.column);
	va_start(ap, format);
	vsnprintf(text + n, sizeof(text) - n, format, ap);
	va_end(ap);
	r->errors++;
	r->say(text, r->data);
}

static const struct section *find_section(const struct section *s, const char *name)
{
	for (; s && s->name; s++) {
		const struct section *below;

		if (!strcmp(s->name, name))
			return s;
		below = find_section(s->sections, name);
		if (below)
			return below;
	}
	return NULL;
}

static const struct key *find_key(const char *section, const char *name)
{
	const struct section *s = find_section(conf_sections, section);
	const struct key *k = s ? s->keys : conf_keys;

	while (k->name && strcmp(k->name, name))
		k++;
	return k->name ? k : NULL;
}

static struct mark *find_mark(struct reading *r, const cfg_t *cfg, const char *option)
{
	for (size_t i = r->n_marks; i--;)
		if (r->marks[i].cfg == cfg && (r->marks[i].option && option ?
		    !strcmp(r->marks[i].option, option) : r->marks[i].option == option))
			return &r->marks[i];
	return NULL;
}

static struct conf_pos at(struct reading *r, const cfg_t *cfg, const char *option)
{
	const struct mark *m = find_mark(r, cfg, option);

	return m ? m->at : (struct conf_pos){ 1, 1 };
}

static void add_mark(struct reading *r, const cfg_t *cfg, const char *option, struct conf_pos at)
{
	r->marks[r->n_marks++] = (struct mark){ cfg, option, at };
}

/* Of a list libconfuse has the last value checked once more at its end. */
static int check_value(cfg_t *cfg, cfg_opt_t *opt)
{
	const struct key *k = find_key(cfg_name(cfg), cfg_opt_name(opt));
	unsigned int n = cfg_opt_size(opt);
	struct reading *r = reading;
	struct why why;
	union {
		struct conf_ips ips;
		struct conf_devices devices;
		char text[CONF_TEXT + 1];
	} scratch = { };

	if (!n || (opt == r->list && n == r->listed)) {
		r->list = NULL;
		return 0;
	}
	if (r->values < r->scan.n_values) {
		r->at = r->scan.values[r->values].at;
		r->list = r->scan.values[r->values].listed ? opt : NULL;
	}
	r->listed = n;
	r->values++;
	if (n == 1 && find_mark(r, cfg, k->name)) {
		wrong(r, r->at, "%s was said already", k->name);
		return -1;
	}
	if (!value_parse(k, cfg_opt_getnstr(opt, n - 1), &scratch, &why)) {
		wrong(r, r->at, "%s", why.text);
		return -1;
	}
	if (n == 1)
		add_mark(r, cfg, k->name, r->at);
	return 0;
}

static int check_section(cfg_t *cfg, cfg_opt_t *opt)
{
	const struct section *s = find_section(conf_sections, cfg_opt_name(opt));
	cfg_t *sec = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);
	const struct key title = { .name = s->name, .kind = s->title };
	struct reading *r = reading;
	struct conf_pos here;
	struct why why;
	char scratch[CONF_TEXT + 1];

	here = r->sections < r->scan.n_sections ? r->scan.sections[r->sections] : r->at;
	r->sections++;
	/* A single one is made before it is met, and again by another of its kind. */
	if (s->single) {
		if (find_mark(r, cfg, s->name)) {
			wrong(r, here, "%s was said already", s->name);
			return -1;
		}
		add_mark(r, cfg, s->name, here);
	} else if (!value_parse(&title, cfg_title(sec), scratch, &why)) {
		wrong(r, here, "%s", why.text);
		return -1;
	}
	add_mark(r, sec, NULL, here);
	return 0;
}

/* The words that libconfuse quotes stand in its line. */
static void on_error(cfg_t *cfg, const char *format, va_list ap)
{
	struct reading *r = reading;
	struct conf_pos where = { cfg->line, 1 };
	char text[512], *quote, *end;
	size_t i;

	if (r->errors)
		return;
	vsnprintf(text, sizeof(text), format, ap);
	quote = strchr(text, '\'');
	end = quote ? strrchr(text, '\'') : NULL;
	for (i = 0; i < r->scan.n_words; i++) {
		const struct scan_word *w = &r->scan.words[i];

		if (w->at.line > cfg->line)
			break;
		if (w->at.line == cfg->line || r->scan.words[i].at.line > where.line)
			where = w->at;
		if (w->at.line == cfg->line && quote && end > quote &&
		    (size_t)(end - quote - 1) == strlen(w->text) &&
		    !strncmp(w->text, quote + 1, end - quote - 1))
			break;
	}
	wrong(r, where, "%s", text);
}

static size_t count(const struct section *s, const struct key *k)
{
	size_t n = 0;

	while (k[n].name)
		n++;
	for (; s && s->name; s++)
		n++;
	return n;
}

/* What libconfuse is told of a section; it makes a copy. */
static cfg_opt_t *options(const struct section *s, const struct key *k)
{
	cfg_opt_t *all = calloc(count(s, k) + 1, sizeof(*all)), *o = all;

	if (!all)
		return NULL;
	for (; k->name; k++, o++) {
		cfg_opt_t value = CFG_STR(k->name, NULL, CFGF_NODEFAULT);
		cfg_opt_t list = CFG_STR_LIST(k->name, NULL, CFGF_NODEFAULT);

		*o = is_list(k->kind) ? list : value;
		o->validcb = check_value;
	}
	for (; s && s->name; s++, o++) {
		cfg_opt_t *below = options(s->sections, s->keys);
		cfg_opt_t sec = CFG_SEC(s->name, below, s->single ? CFGF_NODEFAULT :
					CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES);

		if (!below)
			return NULL;
		*o = sec;
		o->validcb = check_section;
	}
	*o = (cfg_opt_t)CFG_END();
	return all;
}

static void free_options(cfg_opt_t *all)
{
	if (!all)
		return;
	for (cfg_opt_t *o = all; o->name; o++)
		free_options(o->subopts);
	free(all);
}

static void defaults(const struct key *k, void *to)
{
	for (; k->name; k++) {
		if (k->kind == FLAG)
			*(bool *)((char *)to + k->to) = k->otherwise;
		else if (k->kind == NUMBER || k->kind == CHOICE)
			*(uint32_t *)((char *)to + k->to) = k->otherwise;
	}
}

/* What is said here comes instead of what was said before. */
static void take(cfg_t *cfg, const struct key *k, void *object)
{
	struct why why;

	for (; k->name; k++) {
		char *to = (char *)object + k->to;
		unsigned int n = cfg_size(cfg, k->name);

		if (!n)
			continue;
		if (is_list(k->kind))
			*(unsigned int *)to = 0;
		for (unsigned int i = 0; i < n; i++)
			value_parse(k, cfg_getnstr(cfg, k->name, i), to, &why);
		if (k->has)
			*(bool *)((char *)object + k->has) = true;
	}
}

#define find(list, condition) ({ \
	typeof((list) + 0) it; \
	for (it = (list); it && !(condition); it = it->next) \
		; \
	it; \
})

/* The last one's @next, so that the order is the file's. */
#define append(list, object) do { \
	typeof(list) *tail_ = &(list); \
	while (*tail_) \
		tail_ = &(*tail_)->next; \
	*tail_ = (object); \
} while (0)

struct conf_link *conf_link(const struct conf *c, const char *name)
{
	return find(c->links, !strcmp(it->name, name));
}

struct conf_link *conf_link_on(const struct conf *c, const char *device)
{
	return find(c->links, !strcmp(it->device, device));
}

/* The link that the group is mirrored over, or NULL */
struct conf_link *conf_link_of(const struct conf *c, const struct conf_group *g)
{
	if (!strcmp(g->link, CONF_NO_LINK))
		return NULL;
	return g->link[0] ? conf_link(c, g->link) : c->links;
}

struct conf_link *conf_add_link(struct conf *c, const char *name)
{
	struct conf_link *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	snprintf(l->name, sizeof(l->name), "%s", name);
	defaults(link_keys, l);
	append(c->links, l);
	return l;
}

struct conf_group *conf_group(const struct conf *c, const char *name)
{
	return find(c->groups, !strcmp(it->name, name));
}

struct conf_group *conf_add_group(struct conf *c, const char *name)
{
	struct conf_group *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	snprintf(g->name, sizeof(g->name), "%s", name);
	defaults(group_keys, g);
	defaults(detour_keys, &g->detour);
	defaults(charon_keys, &g->charon);
	append(c->groups, g);
	return g;
}

bool conf_same_ip(const struct conf_ip *a, const struct conf_ip *b)
{
	return a->family == b->family && !memcmp(a->a, b->a, sizeof(a->a));
}

const char *conf_ip_text(const struct conf_ip *ip, char *buf)
{
	return inet_ntop(ip->family, ip->a, buf, INET6_ADDRSTRLEN) ?: "none";
}

/* All of a group that the daemon has to do with, and the module has not. */
void conf_move_daemon(struct conf_group *to, struct conf_group *from)
{
	const struct conf_group was = *to;

	*to = *from;
	to->next = was.next;
	memcpy(to->link, was.link, sizeof(to->link));
	to->match = was.match;
	to->role = was.role;
	to->interval = was.interval;
	to->quantity = was.quantity;
	to->max_age = was.max_age;
	to->join = was.join;
	to->stripe = was.stripe;
	to->index = was.index;
	to->nodes = was.nodes;
	to->soft = was.soft;
	to->prepare = was.prepare;
	to->on_peer_loss = was.on_peer_loss;
	to->alone = was.alone;
	to->sync = was.sync;
	to->replay = was.replay;
	to->bitmap = was.bitmap;
	from->virtuals = NULL;
	from->addresses = NULL;
	from->routes = NULL;
	from->neighbours = NULL;
	from->protects = NULL;
	from->offloads = NULL;
	from->scripts = NULL;
}

static void take_link(struct reading *r, struct conf *c, cfg_t *cfg)
{
	struct conf_link *l = conf_link(c, cfg_title(cfg));

	if (!l) {
		l = conf_add_link(c, cfg_title(cfg));
		if (!l)
			return;
		l->at = at(r, cfg, NULL);
	}
	take(cfg, link_keys, l);
	if (cfg_size(cfg, "insecure") && l->insecure)
		l->key_file[0] = '\0';
}

/* The lines of a section of a group: the first part of each struct is the same. */
struct line {
	struct line *next;
	struct conf_pos at;
};

static void *take_line(struct reading *r, cfg_t *cfg, const struct key *k, size_t size,
		       struct line **list)
{
	struct line *line = calloc(1, size);

	if (!line) {
		wrong(r, at(r, cfg, NULL), "out of memory");
		return NULL;
	}
	defaults(k, line);
	line->at = at(r, cfg, NULL);
	take(cfg, k, line);
	append(*list, line);
	return line;
}

static const struct key prefix = { .name = "address", .kind = PREFIX };

static void take_lines(struct reading *r, struct conf_group *g, cfg_t *cfg)
{
	struct conf_neighbour *n;
	struct conf_address *a;
	struct conf_offload *o;
	struct conf_protect *p;
	struct conf_virtual *v;
	struct conf_script *s;
	struct conf_route *t;
	struct why why;
	unsigned int i;
	cfg_t *sec;

	for (i = 0; i < cfg_size(cfg, "virtual-mac"); i++) {
		sec = cfg_getnsec(cfg, "virtual-mac", i);
		v = take_line(r, sec, virtual_keys, sizeof(*v), (struct line **)&g->virtuals);
		if (v)
			snprintf(v->name, sizeof(v->name), "%s", cfg_title(sec));
	}
	for (i = 0; i < cfg_size(cfg, "address"); i++) {
		sec = cfg_getnsec(cfg, "address", i);
		a = take_line(r, sec, address_keys, sizeof(*a), (struct line **)&g->addresses);
		if (a)
			value_parse(&prefix, cfg_title(sec), &a->ip, &why);
	}
	for (i = 0; i < cfg_size(cfg, "route"); i++) {
		sec = cfg_getnsec(cfg, "route", i);
		t = take_line(r, sec, route_keys, sizeof(*t), (struct line **)&g->routes);
		if (t)
			value_parse(&prefix, cfg_title(sec), &t->to, &why);
	}
	for (i = 0; i < cfg_size(cfg, "neighbour"); i++) {
		sec = cfg_getnsec(cfg, "neighbour", i);
		n = take_line(r, sec, neighbour_keys, sizeof(*n), (struct line **)&g->neighbours);
		if (n)
			value_ip(&prefix, cfg_title(sec), &n->ip, &why);
	}
	for (i = 0; i < cfg_size(cfg, "protect"); i++) {
		sec = cfg_getnsec(cfg, "protect", i);
		p = take_line(r, sec, protect_keys, sizeof(*p), (struct line **)&g->protects);
		if (p)
			value_parse(&prefix, cfg_title(sec), &p->from, &why);
	}
	for (i = 0; i < cfg_size(cfg, "offload"); i++) {
		sec = cfg_getnsec(cfg, "offload", i);
		o = take_line(r, sec, offload_keys, sizeof(*o), (struct line **)&g->offloads);
		if (o)
			snprintf(o->peer, sizeof(o->peer), "%s", cfg_title(sec));
	}
	for (i = 0; i < cfg_size(cfg, "track-script"); i++) {
		sec = cfg_getnsec(cfg, "track-script", i);
		s = take_line(r, sec, script_keys, sizeof(*s), (struct line **)&g->scripts);
		if (s)
			snprintf(s->name, sizeof(s->name), "%s", cfg_title(sec));
	}
}

static void take_group(struct reading *r, struct conf *c, cfg_t *cfg)
{
	struct conf_group *g = conf_group(c, cfg_title(cfg));

	if (!g) {
		g = conf_add_group(c, cfg_title(cfg));
		if (!g)
			return;
		g->at = at(r, cfg, NULL);
	}
	take(cfg, group_keys, g);
	if (cfg_size(cfg, "link"))
		g->link_at = at(r, cfg, "link");
	if (cfg_size(cfg, "match"))
		take(cfg_getsec(cfg, "match"), match_keys, &g->match);
	if (cfg_size(cfg, "detour") && find_mark(r, cfg, "detour")) {
		g->has_detour = true;
		g->detour.at = at(r, cfg, "detour");
		take(cfg_getsec(cfg, "detour"), detour_keys, &g->detour);
		if (!g->prepare)
			g->prepare = CONF_PREPARE;
	}
	if (cfg_size(cfg, "charon") && find_mark(r, cfg, "charon")) {
		g->has_charon = true;
		g->charon.at = at(r, cfg, "charon");
		take(cfg_getsec(cfg, "charon"), charon_keys, &g->charon);
	}
	take_lines(r, g, cfg);
}

/* NULL: it was not said */
const uint8_t *conf_detour_peer(const struct conf *c, const struct conf_group *g)
{
	const struct conf_link *l = conf_link_on(c, g->detour.device);

	return g->detour.has_peer ? g->detour.peer : l && l->has_peer ? l->peer : NULL;
}

static void complete_detour(struct reading *r, const struct conf *c, const struct conf_group *g)
{
	const struct conf_detour *d = &g->detour;

	if (!d->device[0])
		wrong(r, d->at, "the detour of group %s needs a device", g->name);
	else if (!conf_detour_peer(c, g))
		wrong(r, d->at, "the detour of group %s needs the Ethernet address of its peer",
		      g->name);
	for (const struct conf_address *a = g->addresses; a; a = a->next)
		if (!strcmp(a->device, d->device))
			wrong(r, d->at, "the detour of group %s is by a device of its addresses",
			      g->name);
}

static void complete_charon(struct reading *r, const struct conf *c, const struct conf_group *g)
{
	const struct conf_charon *k = &g->charon;
	const struct conf_group *other = c->groups;

	if (!conf_link_of(c, g))
		wrong(r, k->at, "charon of group %s needs a link, over which the peer is heard",
		      g->name);
	if (!k->restart[0])
		wrong(r, k->at, "charon of group %s needs a command that restarts it", g->name);
	if (g->replicate)
		wrong(r, k->at, "charon of group %s brings SAs to the peer: replicate = no",
		      g->name);
	while (other != g && !other->has_charon)
		other = other->next;
	if (other != g)
		wrong(r, k->at, "group %s has charon already", other->name);
}

static void take_peer(struct reading *r, struct conf *c, cfg_t *cfg)
{
	struct conf_peer *p = c->peers;

	while (p && strcmp(p->name, cfg_title(cfg)))
		p = p->next;
	if (!p) {
		p = calloc(1, sizeof(*p));
		if (!p) {
			wrong(r, at(r, cfg, NULL), "out of memory");
			return;
		}
		defaults(peer_keys, p);
		snprintf(p->name, sizeof(p->name), "%s", cfg_title(cfg));
		p->at = at(r, cfg, NULL);
		append(c->peers, p);
	}
	take(cfg, peer_keys, p);
}

static void take_all(struct reading *r, struct conf *c, cfg_t *cfg)
{
	for (unsigned int i = 0; i < cfg_size(cfg, "link"); i++)
		take_link(r, c, cfg_getnsec(cfg, "link", i));
	for (unsigned int i = 0; i < cfg_size(cfg, "group"); i++)
		take_group(r, c, cfg_getnsec(cfg, "group", i));
	if (cfg_size(cfg, "transport") && find_mark(r, cfg, "transport")) {
		c->has_transport = true;
		c->transport.at = at(r, cfg, "transport");
		take(cfg_getsec(cfg, "transport"), transport_keys, &c->transport);
	}
	for (unsigned int i = 0; i < cfg_size(cfg, "peer"); i++)
		take_peer(r, c, cfg_getnsec(cfg, "peer", i));
	if (cfg_size(cfg, "metrics") && find_mark(r, cfg, "metrics"))
		take(cfg_getsec(cfg, "metrics"), metrics_keys, &c->metrics);
}

static void complete_link(struct reading *r, const struct conf *c, const struct conf_link *l)
{
	if (!strcmp(l->name, CONF_NO_LINK))
		wrong(r, l->at, "no link can be called %s", l->name);
	if (!l->device[0])
		wrong(r, l->at, "link %s needs a device", l->name);
	else if (conf_link_on(c, l->device) != l)
		wrong(r, l->at, "link %s is on the device of link %s", l->name,
		      conf_link_on(c, l->device)->name);
	if (!l->has_peer)
		wrong(r, l->at, "link %s needs the Ethernet address of its peer on node %s",
		      l->name, c->node);
	if (!l->insecure && !l->key_file[0])
		wrong(r, l->at, "link %s needs a key-file, or insecure = yes", l->name);
	if (l->insecure && l->key_file[0])
		wrong(r, l->at, "link %s is insecure, or has a key-file, not both", l->name);
}

static void complete_lines(struct reading *r, const struct conf_group *g)
{
	char buf[INET6_ADDRSTRLEN];

	for (const struct conf_address *a = g->addresses; a; a = a->next)
		if (!a->device[0])
			wrong(r, a->at, "address %s needs a device", conf_ip_text(&a->ip, buf));
	for (const struct conf_route *t = g->routes; t; t = t->next) {
		if (!t->device[0] && !t->via.family)
			wrong(r, t->at, "route %s/%u needs via, or a device",
			      conf_ip_text(&t->to, buf), t->to.len);
		if (t->via.family && t->via.family != t->to.family)
			wrong(r, t->at, "route %s/%u goes via an address of the other family",
			      conf_ip_text(&t->to, buf), t->to.len);
		if (t->source.family && t->source.family != t->to.family)
			wrong(r, t->at, "route %s/%u has a source of the other family",
			      conf_ip_text(&t->to, buf), t->to.len);
	}
	for (const struct conf_neighbour *n = g->neighbours; n; n = n->next) {
		if (!n->device[0])
			wrong(r, n->at, "neighbour %s needs a device", conf_ip_text(&n->ip, buf));
		if (n->has_mac == n->proxy)
			wrong(r, n->at, "neighbour %s needs a mac, or proxy = yes",
			      conf_ip_text(&n->ip, buf));
	}
	for (const struct conf_protect *p = g->protects; p; p = p->next) {
		bool other = false;

		for (unsigned int i = 0; i < p->to.n; i++)
			other |= p->to.ip[i].family != p->from.family;
		if (!p->to.n || other)
			wrong(r, p->at, other ?
			      "protect %s/%u is for prefixes of the other family" :
			      "protect %s/%u needs \"to\"",
			      conf_ip_text(&p->from, buf), p->from.len);
		if (g->fail_closed == CONF_CLOSED_NO)
			wrong(r, p->at, "protect %s/%u is nothing without fail-closed",
			      conf_ip_text(&p->from, buf), p->from.len);
	}
	for (const struct conf_offload *o = g->offloads; o; o = o->next)
		if (!o->device[0])
			wrong(r, o->at, "offload %s needs a device", o->peer);
	for (const struct conf_script *s = g->scripts; s; s = s->next)
		if (!s->command[0])
			wrong(r, s->at, "track-script %s needs a command", s->name);
}

/* One device is one group's. */
static bool virtual_twice(const struct conf *c, const struct conf_virtual *of)
{
	for (const struct conf_group *g = c->groups; g; g = g->next)
		for (const struct conf_virtual *v = g->virtuals; v; v = v->next)
			if (v != of && !strcmp(v->name, of->name))
				return true;
	return false;
}

static void complete_virtuals(struct reading *r, const struct conf *c, const struct conf_group *g)
{
	for (const struct conf_virtual *v = g->virtuals; v; v = v->next) {
		if (!v->device[0] || !v->has_mac)
			wrong(r, v->at, "virtual-mac %s needs a device, and a mac", v->name);
		if (virtual_twice(c, v))
			wrong(r, v->at, "there is another virtual-mac %s", v->name);
	}
	if (g->virtuals && g->has_detour)
		wrong(r, g->detour.at, "group %s has a detour, or a virtual-mac, not both",
		      g->name);
}

static void complete_group(struct reading *r, const struct conf *c, const struct conf_group *g)
{
	const struct conf_link *l = conf_link_of(c, g);
	uint32_t nodes;

	if (g->link[0] && !l && strcmp(g->link, CONF_NO_LINK))
		wrong(r, g->link_at, "there is no link \"%s\"", g->link);
	if (g->quantity && g->quantity < 2 * g->interval)
		wrong(r, g->at, "group %s: the quantity is 2 intervals or more", g->name);
	nodes = g->nodes ? g->nodes : l || g->index != CONF_AUTO ? 2 : 1;
	if (g->index == CONF_AUTO && nodes > 2)
		wrong(r, g->at, "group %s: of more than two nodes each is told its index", g->name);
	else if (g->index == CONF_AUTO && nodes == 2 && !l)
		wrong(r, g->at, "group %s: without a link the node is told its index", g->name);
	else if (g->index != CONF_AUTO && g->index >= nodes)
		wrong(r, g->at, "group %s: the index is less than the number of nodes", g->name);
	if (((uint64_t)nodes << g->stripe) > 1ULL << 32)
		wrong(r, g->at, "group %s: a stripe for each node must fit into 2^32 numbers",
		      g->name);
	if (g->prefer && !l)
		wrong(r, g->at, "group %s: prefer needs a link, over which the peer is heard",
		      g->name);
	if (g->has_detour)
		complete_detour(r, c, g);
	if (g->has_charon)
		complete_charon(r, c, g);
	if (g->store && !g->replicate)
		wrong(r, g->at, "group %s: store needs replicate = yes", g->name);
	complete_lines(r, g);
	complete_virtuals(r, c, g);
}

static void complete_peer(struct reading *r, const struct conf *c, const struct conf_peer *p)
{
	if (!p->to.peer.family || !p->to.local.family)
		wrong(r, p->at, "peer %s needs its address, and the local one", p->name);
	else if (p->to.peer.family != p->to.local.family)
		wrong(r, p->at, "peer %s has an address of another family than the local one",
		      p->name);
	if (!p->to.key_file[0])
		wrong(r, p->at, "peer %s needs a key-file", p->name);
	/* Each one listens at a place of its own. */
	for (const struct conf_peer *q = c->peers; q != p; q = q->next)
		if (q->to.port == p->to.port && conf_same_ip(&q->to.local, &p->to.local))
			wrong(r, p->at, "peer %s needs another port than peer %s", p->name,
			      q->name);
}

static void complete_transport(struct reading *r, const struct conf *c)
{
	const struct conf_transport *t = &c->transport;

	if (t->kind == CONF_TRANSPORT_TLS) {
		if (t->cpg_group[0])
			wrong(r, t->at, "a cpg-group is of a transport of kind = cpg");
		return;
	}
	if (t->local.family || t->peer.family || t->device[0])
		wrong(r, t->at, "a transport of kind = cpg has no addresses and no device");
	if (!t->key_file[0] && (!c->links || !c->links->key_file[0]))
		wrong(r, t->at, "a transport of kind = cpg needs a key-file");
}

static void complete(struct reading *r, const struct conf *c)
{
	unsigned int n = 0;

	if (c->has_transport)
		complete_transport(r, c);

	for (const struct conf_link *l = c->links; l; l = l->next, n++) {
		complete_link(r, c, l);
		if (n == 8)
			wrong(r, l->at, "there can be no more than 8 links");
	}
	n = 0;
	for (const struct conf_group *g = c->groups; g; g = g->next, n++) {
		complete_group(r, c, g);
		if (n == 1023)
			wrong(r, g->at, "there can be no more than 1023 groups");
	}
	n = 0;
	for (const struct conf_peer *p = c->peers; p; p = p->next, n++) {
		complete_peer(r, c, p);
		if (n == 16)
			wrong(r, p->at, "there can be no more than 16 peers");
	}
}

/* Which "on NAME" is this node's: by the command line, the file, or the name of the host */
void conf_name_node(struct conf *c, const char *node)
{
	if (node)
		snprintf(c->node, sizeof(c->node), "%s", node);
	if (c->node[0])
		return;
	if (gethostname(c->node, sizeof(c->node) - 1))
		snprintf(c->node, sizeof(c->node), "localhost");
	c->node[strcspn(c->node, ".")] = '\0';
}

static void take_conf(struct reading *r, struct conf *c, cfg_t *cfg, const char *node)
{
	take(cfg, conf_keys, c);
	conf_name_node(c, node);
	take_all(r, c, cfg);
	for (unsigned int i = 0; i < cfg_size(cfg, "on"); i++) {
		cfg_t *on = cfg_getnsec(cfg, "on", i);

		if (!strcmp(cfg_title(on), c->node))
			take_all(r, c, on);
	}
	complete(r, c);
}

struct conf *conf_new(void)
{
	struct conf *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	defaults(conf_keys, c);
	defaults(transport_keys, &c->transport);
	return c;
}

#define free_list(list) do { \
	typeof(list) next_; \
	for (typeof(list) it_ = (list); it_; it_ = next_) { \
		next_ = it_->next; \
		free(it_); \
	} \
} while (0)

void conf_free(struct conf *c)
{
	if (!c)
		return;
	for (struct conf_group *g = c->groups; g; g = g->next) {
		free_list(g->virtuals);
		free_list(g->addresses);
		free_list(g->routes);
		free_list(g->neighbours);
		free_list(g->protects);
		free_list(g->offloads);
		free_list(g->scripts);
	}
	free_list(c->peers);
	free_list(c->links);
	free_list(c->groups);
	free(c);
}

/* The text of a file, or NULL: said */
static char *read_file(struct reading *r, size_t *len)
{
	int fd = open(r->file, O_RDONLY | O_CLOEXEC);
	char *text = NULL;
	char said[512];
	ssize_t n = 0;
	struct stat st;

	*len = 0;
	if (fd < 0 || fstat(fd, &st))
		goto failed;
	if (!S_ISREG(st.st_mode) || st.st_size > CONF_SIZE_MAX) {
		errno = S_ISREG(st.st_mode) ? EFBIG : EINVAL;
		goto failed;
	}
	text = malloc(st.st_size + 1);
	while (text && (off_t)*len < st.st_size) {
		n = read(fd, text + *len, st.st_size - *len);
		if (n <= 0)
			break;
		*len += n;
	}
	if (text && n >= 0) {
		close(fd);
		return text;
	}
failed:
	snprintf(said, sizeof(said), "%s: %s", r->file, strerror(errno));
	r->errors++;
	r->say(said, r->data);
	if (fd >= 0)
		close(fd);
	free(text);
	return NULL;
}

static struct conf *read_text(struct reading *r, const char *text, size_t len, const char *node)
{
	cfg_opt_t *all = options(conf_sections, conf_keys);
	struct conf *c = conf_new();
	cfg_t *cfg = NULL;

	if (!scan_text(&r->scan, text, len)) {
		wrong(r, r->scan.at, "%s", r->scan.error);
		goto out;
	}
	r->marks = calloc(r->scan.n_values + 2 * r->scan.n_sections + 1, sizeof(*r->marks));
	cfg = all ? cfg_init(all, CFGF_NONE) : NULL;
	if (!r->marks || !c || !cfg) {
		wrong(r, (struct conf_pos){ 1, 1 }, "out of memory");
		goto out;
	}
	cfg_set_error_function(cfg, on_error);
	reading = r;
	if (cfg_parse_buf(cfg, r->scan.clean) != CFG_SUCCESS) {
		if (!r->errors)
			wrong(r, r->at, "this is no configuration");
	} else {
		take_conf(r, c, cfg, node);
	}
	reading = NULL;
out:
	if (cfg)
		cfg_free(cfg);
	free_options(all);
	free(r->marks);
	scan_free(&r->scan);
	if (!r->errors)
		return c;
	conf_free(c);
	return NULL;
}

/**
 * conf_load() - read the description of this node
 * @file: name of the file
 * @node: name of this node; NULL: as the file says, else that of the host
 * @say: is told of each error
 * @data: for @say
 *
 * Return: the description, or NULL, if there was an error.
 */
struct conf *conf_load(const char *file, const char *node, conf_say say, void *data)
{
	struct reading r = { .file = file, .say = say, .data = data };
	struct conf *c = NULL;
	size_t len;
	char *text;

	if (strlen(file) > CONF_TEXT) {
		say("the name of the file is too long", data);
		return NULL;
	}
	text = read_file(&r, &len);
	if (text)
		c = read_text(&r, text, len, node);
	free(text);
	if (c)
		snprintf(c->file, sizeof(c->file), "%s", file);
	return c;
}

/* conf_text() - the same of a text that is called @name */
struct conf *conf_text(const char *text, const char *name, const char *node, conf_say say,
		       void *data)
{
	struct reading r = { .file = name, .say = say, .data = data };

	return read_text(&r, text, strlen(text), node);
}
