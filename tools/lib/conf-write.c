// SPDX-License-Identifier: GPL-2.0
/* A file is written that describes a gateway as it is. */

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "keys.h"

static void write_word(FILE *to, const char *s)
{
	bool bare = *s;

	for (const char *c = s; *c; c++)
		bare &= isalnum((unsigned char)*c) || strchr("._:/%@-", *c);
	if (bare && strncmp(s, "//", 2)) {
		fputs(s, to);
		return;
	}
	fputc('"', to);
	for (; *s; s++)
		fprintf(to, *s == '"' || *s == '\\' ? "\\%c" : "%c", *s);
	fputc('"', to);
}

static bool is_default(const struct key *k, const void *object)
{
	const char *v = (const char *)object + k->to;

	if (k->has)
		return !*(const bool *)((const char *)object + k->has);
	switch (k->kind) {
	case FLAG:
		return *(const bool *)v == k->otherwise;
	case NUMBER:
	case CHOICE:
		return *(const uint32_t *)v == k->otherwise;
	case ADDRESS:
		return !((const struct conf_ip *)v)->family;
	case ADDRESSES:
	case PREFIXES:
	case DEVICES:
		return !*(const unsigned int *)v;
	default:
		return !*v;
	}
}

static void write_value(FILE *to, const struct key *k, const void *v)
{
	const struct conf_mark *mark = v;
	const struct conf_devices *devices = v;
	const struct conf_ips *ips = v;
	const uint32_t *n = v;
	const uint8_t *m = v;
	char buf[INET6_ADDRSTRLEN];

	switch (k->kind) {
	case FLAG:
		fputs(*(const bool *)v ? "yes" : "no", to);
		break;
	case NUMBER:
		if (k->words[0] && *n == k->word)
			fputs(k->words[0], to);
		else
			fprintf(to, "%u", *n);
		break;
	case CHOICE:
		fputs(k->words[*n], to);
		break;
	case MAC:
		fprintf(to, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
		break;
	case ADDRESS:
		fputs(conf_ip_text(v, buf), to);
		break;
	case MARK:
		fprintf(to, "0x%x/0x%x", mark->value, mark->mask);
		break;
	case ADDRESSES:
		for (unsigned int i = 0; i < ips->n; i++)
			fprintf(to, "%s%s", i ? ", " : "{ ", conf_ip_text(&ips->ip[i], buf));
		fputs(" }", to);
		break;
	case PREFIXES:
		for (unsigned int i = 0; i < ips->n; i++)
			fprintf(to, "%s%s/%u", i ? ", " : "{ ", conf_ip_text(&ips->ip[i], buf),
				ips->ip[i].len);
		fputs(" }", to);
		break;
	case DEVICES:
		for (unsigned int i = 0; i < devices->n; i++) {
			fputs(i ? ", " : "{ ", to);
			write_word(to, devices->name[i]);
		}
		fputs(" }", to);
		break;
	default:
		write_word(to, v);
	}
}

static void write_keys(FILE *to, int depth, const struct key *k, const void *object)
{
	for (; k->name; k++) {
		if (is_default(k, object))
			continue;
		fprintf(to, "%*s%s = ", 4 * depth, "", k->name);
		write_value(to, k, (const char *)object + k->to);
		fputc('\n', to);
	}
}

/* At the top one is apart from those before it. */
static void open_section(FILE *to, int depth, const char *name, const char *title,
			 const struct key *k, const void *object)
{
	fprintf(to, "%s%*s%s ", depth ? "" : "\n", 4 * depth, "", name);
	if (title) {
		write_word(to, title);
		fputc(' ', to);
	}
	fputs("{\n", to);
	write_keys(to, depth + 1, k, object);
}

static void write_section(FILE *to, int depth, const char *name, const char *title,
			  const struct key *k, const void *object)
{
	open_section(to, depth, name, title, k, object);
	fprintf(to, "%*s}\n", 4 * depth, "");
}

static const char *prefix_text(const struct conf_ip *ip, char *buf)
{
	char a[INET6_ADDRSTRLEN];

	snprintf(buf, INET6_ADDRSTRLEN + 4, "%s/%u", conf_ip_text(ip, a), ip->len);
	return buf;
}

static bool matches_some(const struct conf_match *m)
{
	return m->address.n || m->has_reqid || m->has_mark || m->has_if_id;
}

static void write_group(FILE *to, const struct conf_group *g)
{
	char buf[INET6_ADDRSTRLEN + 4];

	open_section(to, 0, "group", g->name, group_keys, g);
	if (matches_some(&g->match))
		write_section(to, 1, "match", NULL, match_keys, &g->match);
	if (g->has_detour)
		write_section(to, 1, "detour", NULL, detour_keys, &g->detour);
	if (g->has_charon)
		write_section(to, 1, "charon", NULL, charon_keys, &g->charon);
	for (const struct conf_virtual *v = g->virtuals; v; v = v->next)
		write_section(to, 1, "virtual-mac", v->name, virtual_keys, v);
	for (const struct conf_address *a = g->addresses; a; a = a->next)
		write_section(to, 1, "address", prefix_text(&a->ip, buf), address_keys, a);
	for (const struct conf_route *t = g->routes; t; t = t->next)
		write_section(to, 1, "route", prefix_text(&t->to, buf), route_keys, t);
	for (const struct conf_neighbour *n = g->neighbours; n; n = n->next)
		write_section(to, 1, "neighbour", conf_ip_text(&n->ip, buf), neighbour_keys, n);
	for (const struct conf_protect *p = g->protects; p; p = p->next)
		write_section(to, 1, "protect", prefix_text(&p->from, buf), protect_keys, p);
	for (const struct conf_offload *o = g->offloads; o; o = o->next)
		write_section(to, 1, "offload", o->peer, offload_keys, o);
	for (const struct conf_script *s = g->scripts; s; s = s->next)
		write_section(to, 1, "track-script", s->name, script_keys, s);
	fputs("}\n", to);
}

/* conf_write() - as a file from which the same is read; what is at its default is left out */
void conf_write(const struct conf *c, FILE *to)
{
	write_keys(to, 0, conf_keys, c);
	for (const struct conf_link *l = c->links; l; l = l->next)
		write_section(to, 0, "link", l->name, link_keys, l);
	if (c->has_transport)
		write_section(to, 0, "transport", NULL, transport_keys, &c->transport);
	for (const struct conf_peer *p = c->peers; p; p = p->next)
		write_section(to, 0, "peer", p->name, peer_keys, p);
	if (c->metrics.listen[0])
		write_section(to, 0, "metrics", NULL, metrics_keys, &c->metrics);
	for (const struct conf_group *g = c->groups; g; g = g->next)
		write_group(to, g);
}
