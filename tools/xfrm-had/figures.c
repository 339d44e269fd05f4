// SPDX-License-Identifier: GPL-2.0
/*
 * The module's figures as OpenMetrics (https://openmetrics.io), or as the older text format of
 * Prometheus. They are read piece by piece over a socket of their own, behind all else that the
 * loop has to do: 100,000 SAs keep no group from its addresses. SAs are summed up by group.
 */

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "had.h"
#include "tool.h"

#define ATTRS	64
#define NANO	0.000000001
#define MILLI	0.001

enum shape { GAUGE, COUNTER };

/* One number of an object. Names as node_exporter's, base units, which end the name. */
struct figure {
	const char *name, *unit;
	enum shape shape;
	int attr;
	double scale;			/* what is shown is as many times the attribute; 0: once */
	const char *help;
	const char *label;		/* one more, of the figures of the same name in a row */
};

/* A state: 1 for the one that there is, 0 for the others */
struct state {
	const char *name, *label;
	int attr;
	const struct spec_enum *all;
	const char *help;
};

/* Of SAs, by group; attributes of their own, above the group's */
enum sum {
	HELD = XFRM_HA_A_GROUP_MAX + 1, RENEW, BEHIND, BEHIND_MS, LOST, REPLAY, TROUBLE, SINCE,
	SUMS_END
};

#define SUMS	(SUMS_END - HELD)

struct object {
	struct object *next;
	struct nlattr *a[ATTRS];
	uint64_t sum[SUMS];
	char data[];
};

struct kind {
	uint8_t cmd;
	int flags, max_attr;
	const char *label, *above;	/* names of labels, by these attributes */
	int label_attr, above_attr;
	const struct state *states;
	const struct figure *figures;
};

static const struct figure node_figures[] = {
	{ "node_sas", NULL, GAUGE, XFRM_HA_A_NODE_SAS, 0, .help = "SAs that are looked after" },
	{ "node_sa_limit", NULL, GAUGE, XFRM_HA_A_NODE_SA_LIMIT, 0,
	  .help = "How many these can be" },
	{ "node_orphan_limit", NULL, GAUGE, XFRM_HA_A_NODE_ORPHAN_LIMIT, 0,
	  .help = "How many SAs of the peer that are not here are remembered" },
	{ }
};

static const struct state link_states[] = {
	{ "link_state", "state", XFRM_HA_A_LINK_STATE, &spec_link_state,
	  "State of the link; up: in sync with the peer" },
	{ "link_last_loss", "reason", XFRM_HA_A_LINK_LOSS, &spec_link_loss,
	  "Why the last session with the peer has ended" },
	{ }
};

static const struct figure link_figures[] = {
	{ "link_round_trip_seconds", "seconds", GAUGE, XFRM_HA_A_LINK_SRTT, NANO,
	  .help = "Smoothed time to the peer and back" },
	{ "link_in_flight_frames", "frames", GAUGE, XFRM_HA_A_LINK_IN_FLIGHT, 0,
	  .help = "Frames sent and not acknowledged yet" },
	{ "link_orphan_sas", "sas", GAUGE, XFRM_HA_A_LINK_ORPHANS, 0,
	  .help = "SAs of the peer that are not here" },
	{ "link_transmit_frames", "frames", COUNTER, XFRM_HA_A_LINK_TX_FRAMES, 0,
	  .help = "Frames sent" },
	{ "link_receive_frames", "frames", COUNTER, XFRM_HA_A_LINK_RX_FRAMES, 0,
	  .help = "Frames received" },
	{ "link_transmit_bytes", "bytes", COUNTER, XFRM_HA_A_LINK_TX_BYTES, 0,
	  .help = "Octets sent" },
	{ "link_receive_bytes", "bytes", COUNTER, XFRM_HA_A_LINK_RX_BYTES, 0,
	  .help = "Octets received" },
	{ }
};

static const struct state group_states[] = {
	{ "group_role", "role", XFRM_HA_A_GROUP_ROLE, &spec_role,
	  "Role of this node for the group" },
	{ }
};

static const struct figure group_figures[] = {
	{ "group_role_start_time_seconds", "seconds", GAUGE, SINCE, NANO,
	  .help = "Unix time of the last change of the role" },
	{ "group_term", NULL, GAUGE, XFRM_HA_A_GROUP_TERM, 0,
	  .help = "Number of the last takeover" },
	{ "group_takeovers", NULL, COUNTER, XFRM_HA_A_GROUP_TAKEOVERS, 0,
	  .help = "Times that this node has taken the group over" },
	{ "group_skipped_numbers", "numbers", COUNTER, XFRM_HA_A_GROUP_SKIPPED, 0,
	  .help = "Sequence numbers skipped at that" },
	{ "group_peer_synced", NULL, GAUGE, XFRM_HA_A_GROUP_PEER_SYNCED, 0,
	  .help = "There is a peer in sync: a takeover would go on where this node is" },
	{ "group_solo", NULL, GAUGE, XFRM_HA_A_GROUP_SOLO, 0,
	  .help = "It goes on alone, above its leases" },
	{ "group_sas", "sas", GAUGE, XFRM_HA_A_GROUP_SAS, 0, .help = "SAs of the group" },
	{ "group_peer_sas", "sas", GAUGE, XFRM_HA_A_GROUP_PEER_SAS, 0,
	  .help = "The same at the peer" },
	{ "group_missing_sas", "sas", GAUGE, XFRM_HA_A_GROUP_MISSING, 0,
	  .help = "SAs that the peer has and this node has not" },
	{ "group_peer_missing_sas", "sas", GAUGE, XFRM_HA_A_GROUP_PEER_MISSING, 0,
	  .help = "SAs that this node has and the peer has not" },
	{ "group_held_sas", "sas", GAUGE, HELD, 0,
	  .help = "SAs that neither send nor accept here" },
	{ "group_renew_sas", "sas", GAUGE, RENEW, 0,
	  .help = "SAs that can't go on and must be renewed" },
	{ "group_behind_packets", "packets", GAUGE, BEHIND, 0,
	  .help = "Packets that no peer has acknowledged, of the SA with most of them" },
	{ "group_behind_seconds", "seconds", GAUGE, BEHIND_MS, MILLI,
	  .help = "Time since the oldest of them, of the SA for which it is longest" },
	{ "group_exposure_lost_packets", "packets", GAUGE, LOST, 0,
	  .help = "Packets that a takeover now may drop inbound, at most" },
	{ "group_exposure_replay_packets", "packets", GAUGE, REPLAY, 0,
	  .help = "Packets that could be replayed after a takeover now, at most" },
	{ "group_tracked_trouble", NULL, GAUGE, TROUBLE, 0,
	  .help = "Something that is tracked for the group is not well" },
	{ }
};

static const struct figure engine_figures[] = {
	{ "engine_sas", "sas", GAUGE, XFRM_HA_A_ENGINE_SAS, 0, .help = "SAs of the engine device" },
	{ "engine_hardware_sas", "sas", GAUGE, XFRM_HA_A_ENGINE_HARD, 0,
	  .help = "Those that have a slot of a NIC" },
	{ "engine_entered", NULL, COUNTER, XFRM_HA_A_ENGINE_ENTERED, 0,
	  .help = "Times that an SA got a slot" },
	{ "engine_left", NULL, COUNTER, XFRM_HA_A_ENGINE_LEFT, 0,
	  .help = "Times that one left its slot" },
	{ "engine_refused", NULL, COUNTER, XFRM_HA_A_ENGINE_REFUSED, 0,
	  .help = "Times that a NIC refused one" },
	{ "engine_late_packets", "packets", COUNTER, XFRM_HA_A_ENGINE_LATE, 0,
	  .help = "Packets that came late, and were served in software" },
	{ "engine_packets", "packets", COUNTER, XFRM_HA_A_ENGINE_PACKETS_HARD, 0,
	  .help = "Packets, by what served them", .label = "path=\"hardware\"" },
	{ "engine_packets", "packets", COUNTER, XFRM_HA_A_ENGINE_PACKETS_SOFT, 0,
	  .label = "path=\"software\"" },
	{ }
};

static const struct state nic_states[] = {
	{ "nic_state", "state", XFRM_HA_A_NIC_STATE, &spec_nic_state, "State of the NIC" },
	{ }
};

static const struct figure nic_figures[] = {
	{ "nic_used_slots", "slots", GAUGE, XFRM_HA_A_NIC_USED_IN, 0,
	  .help = "Slots that hold an SA", .label = "direction=\"in\"" },
	{ "nic_used_slots", "slots", GAUGE, XFRM_HA_A_NIC_USED_OUT, 0,
	  .label = "direction=\"out\"" },
	{ "nic_entered", NULL, COUNTER, XFRM_HA_A_NIC_ENTERED, 0, .help = "SAs that got a slot" },
	{ "nic_refused", NULL, COUNTER, XFRM_HA_A_NIC_REFUSED, 0,
	  .help = "SAs that the NIC refused" },
	{ }
};

/* In this order they are read. SAs come after the groups that sum them up. */
enum { NODE, LINKS, GROUPS, SAS, STATS, ENGINES, NICS, N_KINDS };

static const struct kind kinds[N_KINDS] = {
	[NODE] = { XFRM_HA_CMD_NODE_GET, 0, XFRM_HA_A_NODE_MAX, .figures = node_figures },
	[LINKS] = { XFRM_HA_CMD_LINK_GET, NLM_F_DUMP, XFRM_HA_A_LINK_MAX, "device", NULL,
		    XFRM_HA_A_LINK_DEV, 0, link_states, link_figures },
	[GROUPS] = { XFRM_HA_CMD_GROUP_GET, NLM_F_DUMP, XFRM_HA_A_GROUP_MAX, "group", NULL,
		     XFRM_HA_A_GROUP_NAME, 0, group_states, group_figures },
	[SAS] = { XFRM_HA_CMD_SA_GET, NLM_F_DUMP, XFRM_HA_A_SA_MAX },
	[STATS] = { XFRM_HA_CMD_STAT_GET, NLM_F_DUMP, XFRM_HA_A_STAT_MAX },
	[ENGINES] = { XFRM_HA_CMD_ENGINE_GET, NLM_F_DUMP, XFRM_HA_A_ENGINE_MAX, "device", NULL,
		      XFRM_HA_A_ENGINE_DEV, 0, NULL, engine_figures },
	[NICS] = { XFRM_HA_CMD_NIC_GET, NLM_F_DUMP, XFRM_HA_A_NIC_MAX, "device", "engine",
		   XFRM_HA_A_NIC_DEV, XFRM_HA_A_NIC_ENGINE, nic_states, nic_figures },
};

static_assert(SUMS_END <= ATTRS && XFRM_HA_A_ENGINE_MAX < ATTRS, "attributes have their place");

static struct had *all;
static void (*tell)(const struct figures_text *text);
static struct nl_sock *sock;
static struct event *readable;
static int reading = N_KINDS;		/* which kind; N_KINDS: none */
static bool changed;			/* something may be missing */
static struct object *objects[N_KINDS], **tail;
static struct object **groups;		/* by name, for the SAs */
static size_t n_groups;
static int64_t boot_ns;			/* since 1970 */

/* --- reading --- */

static void forget(void)
{
	for (int k = 0; k < N_KINDS; k++) {
		while (objects[k]) {
			struct object *o = objects[k];

			objects[k] = o->next;
			free(o);
		}
	}
	free(groups);
	groups = NULL;
	n_groups = 0;
	changed = false;
	reading = N_KINDS;
}

static void hang_up(void)
{
	if (readable)
		event_free(readable);
	nl_socket_free(sock);
	readable = NULL;
	sock = NULL;
}

static void keep(struct nlattr **a)
{
	const struct kind *k = &kinds[reading];
	struct object *o;
	size_t size = 0;

	for (int i = 1; i <= k->max_attr; i++)
		size += a[i] ? nla_total_size(nla_len(a[i])) : 0;
	o = calloc(1, sizeof(*o) + size);
	if (!o) {
		changed = true;
		return;
	}
	size = 0;
	for (int i = 1; i <= k->max_attr; i++) {
		if (!a[i])
			continue;
		o->a[i] = (struct nlattr *)(o->data + size);
		memcpy(o->a[i], a[i], a[i]->nla_len);
		size += nla_total_size(nla_len(a[i]));
	}
	*tail = o;
	tail = &o->next;
}

static int by_name(const void *a, const void *b)
{
	const struct object *x = *(struct object **)a, *y = *(struct object **)b;

	return strcmp(nla_get_string(x->a[XFRM_HA_A_GROUP_NAME]),
		      nla_get_string(y->a[XFRM_HA_A_GROUP_NAME]));
}

static void sort_groups(void)
{
	size_t n = 0;

	for (const struct object *o = objects[GROUPS]; o; o = o->next)
		n++;
	groups = calloc(n + 1, sizeof(*groups));
	for (struct object *o = objects[GROUPS]; groups && o; o = o->next)
		groups[n_groups++] = o;
	if (groups)
		qsort(groups, n_groups, sizeof(*groups), by_name);
}

static void greatest(uint64_t *to, uint64_t value)
{
	*to = value > *to ? value : *to;
}

static void sum_up(struct nlattr **a)
{
	struct object key = { .a = { [XFRM_HA_A_GROUP_NAME] = a[XFRM_HA_A_SA_GROUP] } };
	struct object *wanted = &key, **found;
	uint64_t *s;

	found = bsearch(&wanted, groups, n_groups, sizeof(*groups), by_name);
	if (!found)
		return;
	s = (*found)->sum;
	s[HELD - HELD] += !!nl_number(a[XFRM_HA_A_SA_HELD]);
	s[RENEW - HELD] += !!(nl_number(a[XFRM_HA_A_SA_HOLD]) & 4);
	greatest(&s[BEHIND - HELD], nl_number(a[XFRM_HA_A_SA_BEHIND_OUT]) +
		 nl_number(a[XFRM_HA_A_SA_BEHIND_IN]));
	greatest(&s[BEHIND_MS - HELD], nl_number(a[XFRM_HA_A_SA_BEHIND_MS]));
	s[LOST - HELD] += nl_number(a[XFRM_HA_A_SA_EXPOSURE_LOST]);
	s[REPLAY - HELD] += nl_number(a[XFRM_HA_A_SA_EXPOSURE_REPLAY]);
}

static void on_object(struct nlattr **a, void *data)
{
	(void)data;
	if (reading == SAS)
		sum_up(a);
	else
		keep(a);
}

/* --- writing --- */

struct page {
	FILE *to;
	bool open;			/* OpenMetrics */
};

static void head(const struct page *p, const char *name, const char *type, const char *unit,
		 const char *help)
{
	/* A counter's name in the older format is that of its samples. */
	const char *total = !p->open && !strcmp(type, "counter") ? "_total" : "";

	fprintf(p->to, "# HELP xfrm_ha_%s%s %s.\n", name, total, help);
	fprintf(p->to, "# TYPE xfrm_ha_%s%s %s\n", name, total, type);
	if (unit && p->open)
		fprintf(p->to, "# UNIT xfrm_ha_%s %s\n", name, unit);
}

/* What is not ASCII may be no UTF-8, which ends the whole page for who reads it. */
static void write_label(FILE *to, const char *name, const char *value)
{
	fprintf(to, "%s=\"", name);
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			fputc('\\', to);
		fputc(*value < ' ' || *value > '~' ? '?' : *value, to);
	}
	fputc('"', to);
}

static void write_labels(FILE *to, const struct kind *k, const struct object *o)
{
	if (k->above) {
		write_label(to, k->above, nla_get_string(o->a[k->above_attr]));
		fputc(',', to);
	}
	write_label(to, k->label, nla_get_string(o->a[k->label_attr]));
}

static void write_state(const struct page *p, const struct kind *k, const struct state *s,
			const struct object *o)
{
	head(p, s->name, "gauge", NULL, s->help);
	for (; o; o = o->next) {
		for (unsigned int i = 0; i < s->all->n; i++) {
			fprintf(p->to, "xfrm_ha_%s{", s->name);
			write_labels(p->to, k, o);
			fprintf(p->to, ",%s=\"%s\"} %d\n", s->label, s->all->names[i],
				nl_number(o->a[s->attr]) == i);
		}
	}
}

/* False: there is no such number */
static bool value_of(const struct kind *k, const struct object *o, int attr, uint64_t *value)
{
	const struct had_group *g;

	if (k != &kinds[GROUPS] || attr < HELD) {
		*value = nl_number(o->a[attr]);
		return true;
	}
	if (attr == SINCE) {
		*value = boot_ns + nl_number(o->a[XFRM_HA_A_GROUP_SINCE]);
		return true;
	}
	if (attr == TROUBLE) {
		for (g = all->groups; g; g = g->next)
			if (!strcmp(g->name, nla_get_string(o->a[XFRM_HA_A_GROUP_NAME])))
				break;
		*value = g && g->running && track_trouble(g);
		return g;
	}
	*value = o->sum[attr - HELD];
	/* Without a peer it is how much there is to tell, which is no lag. */
	return (attr != BEHIND && attr != BEHIND_MS) ||
		nl_number(o->a[XFRM_HA_A_GROUP_PEER_SYNCED]);
}

static void write_figure(const struct page *p, const struct kind *k, const struct figure *f,
			 const struct object *o)
{
	const char *comma = k->label && f->label ? "," : "";
	uint64_t value;

	if (f->help)
		head(p, f->name, f->shape == COUNTER ? "counter" : "gauge", f->unit, f->help);
	for (; o; o = o->next) {
		if (!value_of(k, o, f->attr, &value))
			continue;
		fprintf(p->to, "xfrm_ha_%s%s", f->name, f->shape == COUNTER ? "_total" : "");
		if (k->label) {
			fputc('{', p->to);
			write_labels(p->to, k, o);
			fprintf(p->to, "%s%s}", comma, f->label ?: "");
		}
		if (f->scale)
			fprintf(p->to, " %.9f\n", value * f->scale);
		else
			fprintf(p->to, " %llu\n", (unsigned long long)value);
	}
}

static void write_build(const struct page *p, const struct object *node)
{
	/* The type info is OpenMetrics' only. */
	head(p, p->open ? "build" : "build_info", p->open ? "info" : "gauge", NULL,
	     "Version of the module, and how it hears of packets");
	fputs("xfrm_ha_build_info{", p->to);
	write_label(p->to, "version", nla_get_string(node->a[XFRM_HA_A_NODE_VERSION]));
	fputc(',', p->to);
	write_label(p->to, "tap", nla_get_string(node->a[XFRM_HA_A_NODE_TAP]));
	fputs("} 1\n", p->to);
}

/* OpenMetrics wants all lines of a name in one place. */
static void write_figures(const struct page *p)
{
	write_build(p, objects[NODE]);
	head(p, "config_applied", "gauge", NULL, "All that the file describes was applied");
	fprintf(p->to, "xfrm_ha_config_applied %d\n", apply_complete());
	head(p, "scrape_complete", "gauge", NULL, "Nothing changed while this was read");
	fprintf(p->to, "xfrm_ha_scrape_complete %d\n", !changed);
	for (int i = 0; i < N_KINDS; i++) {
		const struct kind *k = &kinds[i];

		if (!objects[i])
			continue;
		for (const struct state *s = k->states; s && s->name; s++)
			write_state(p, k, s, objects[i]);
		for (const struct figure *f = k->figures; f && f->name; f++)
			write_figure(p, k, f, objects[i]);
	}
	for (const struct object *o = objects[STATS]; o; o = o->next) {
		const char *name = nla_get_string(o->a[XFRM_HA_A_STAT_NAME]);

		head(p, name, "counter", NULL, nla_get_string(o->a[XFRM_HA_A_STAT_TEXT]));
		fprintf(p->to, "xfrm_ha_%s_total %llu\n", name,
			(unsigned long long)nl_number(o->a[XFRM_HA_A_STAT_VALUE]));
	}
	if (p->open)
		fputs("# EOF\n", p->to);
}

static void answer_all(void)
{
	struct figures_text t = { };
	struct timespec now, up;

	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &up);
	boot_ns = (now.tv_sec - up.tv_sec) * 1000000000LL + now.tv_nsec - up.tv_nsec;
	for (int open = 0; objects[NODE] && open < 2; open++) {
		struct page p = { open_memstream(&t.text[open], &t.len[open]), open };

		if (!p.to)
			break;
		write_figures(&p);
		if (fclose(p.to)) {
			free(t.text[open]);
			t.text[open] = NULL;
		}
	}
	forget();
	tell(&t);
	free(t.text[0]);
	free(t.text[1]);
}

static bool ask_next(void)
{
	tail = &objects[reading];
	return !nl_begin(sock, nl_request(kinds[reading].cmd, kinds[reading].flags));
}

static void on_piece(evutil_socket_t fd, short what, void *data)
{
	int err = nl_piece(sock, kinds[reading].max_attr, on_object, NULL, &changed);

	(void)fd;
	(void)what;
	(void)data;
	if (err == -EAGAIN)
		return;
	/* A module that is built without engines does not know them. */
	if (err && reading < ENGINES) {
		had_log(LOG_WARNING, "metrics: %s", strerror(-err));
		goto failed;
	}
	if (reading == GROUPS)
		sort_groups();
	if (++reading < N_KINDS) {
		if (ask_next())
			return;
		had_log(LOG_WARNING, "metrics: the module can't be asked");
		goto failed;
	}
	event_del(readable);
	answer_all();
	return;
failed:
	hang_up();
	forget();
	tell(&(struct figures_text){ });
}

/**
 * figures_ask() - read what there is
 * @had: the daemon
 * @done: is told, later or at once; those that ask meanwhile get the same
 */
void figures_ask(struct had *had, void (*done)(const struct figures_text *text))
{
	all = had;
	tell = done;
	if (reading < N_KINDS)
		return;
	if (!sock) {
		sock = nl_another();
		readable = sock ? event_new(had->base, nl_socket_get_fd(sock),
					    EV_READ | EV_PERSIST, on_piece, NULL) : NULL;
	}
	reading = 0;
	if (readable && ask_next() && !event_add(readable, NULL))
		return;
	hang_up();
	forget();
	done(&(struct figures_text){ });
}

void figures_stop(void)
{
	hang_up();
	forget();
}
