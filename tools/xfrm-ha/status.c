// SPDX-License-Identifier: GPL-2.0
/* xfrm-ha status: all of a node on one screen, from the module and from the daemon. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ask.h"
#include "xfrm-ha.h"

struct group {
	struct group *next;
	char name[XFRM_HA_NAME_MAX + 1], peer[16], why[160], trouble[160];
	uint32_t role, term, sas, missing, peer_missing;
	bool synced, solo;
	unsigned long long since, held, renew, behind, behind_ms, lost, replay, fenced, stopped;
	unsigned long long passed, kept, dropped;	/* packets, by the detour */
	unsigned long long stored, not_stored;
	bool fence, detour;
};

/* What the relay counts, in its own order */
#define COUNTS_MAX	32

struct count {
	char name[32];
	unsigned long long n;
};

struct status {
	struct group *groups;
	struct count counts[COUNTS_MAX];
	unsigned int n_counts;
	bool relay;
	char peer[80];
	char node[80], file[300];
	bool daemon, complete;
};

static struct group *find(const struct status *s, const char *name)
{
	struct group *g = s->groups;

	while (g && strcmp(g->name, name))
		g = g->next;
	return g;
}

static unsigned long long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static void on_group(struct nlattr **a, void *data)
{
	struct status *s = data;
	struct group *g = calloc(1, sizeof(*g)), **tail = &s->groups;

	if (!g)
		return;
	while (*tail)
		tail = &(*tail)->next;
	*tail = g;
	snprintf(g->name, sizeof(g->name), "%s", nla_get_string(a[XFRM_HA_A_GROUP_NAME]));
	snprintf(g->peer, sizeof(g->peer), "%s", nl_has(a[XFRM_HA_A_GROUP_PEER_ROLE]) ?
		 nla_get_string(a[XFRM_HA_A_GROUP_PEER_ROLE]) : "unknown");
	g->role = nl_number(a[XFRM_HA_A_GROUP_ROLE]);
	g->term = nl_number(a[XFRM_HA_A_GROUP_TERM]);
	g->sas = nl_number(a[XFRM_HA_A_GROUP_SAS]);
	g->missing = nl_number(a[XFRM_HA_A_GROUP_MISSING]);
	g->peer_missing = nl_number(a[XFRM_HA_A_GROUP_PEER_MISSING]);
	g->synced = nl_number(a[XFRM_HA_A_GROUP_PEER_SYNCED]);
	g->solo = nl_number(a[XFRM_HA_A_GROUP_SOLO]);
	g->since = nl_number(a[XFRM_HA_A_GROUP_SINCE]);
}

static void on_sa(struct nlattr **a, void *data)
{
	struct group *g = find(data, nla_get_string(a[XFRM_HA_A_SA_GROUP]));
	unsigned long long behind, ms;

	if (!g)
		return;
	behind = nl_number(a[XFRM_HA_A_SA_BEHIND_OUT]) + nl_number(a[XFRM_HA_A_SA_BEHIND_IN]);
	ms = nl_number(a[XFRM_HA_A_SA_BEHIND_MS]);
	g->held += !!nl_number(a[XFRM_HA_A_SA_HELD]);
	g->renew += !!(nl_number(a[XFRM_HA_A_SA_HOLD]) & 4);
	/* Of a gateway that is alone it says how much there is to tell, which is no lag. */
	if (g->synced) {
		g->behind = behind > g->behind ? behind : g->behind;
		g->behind_ms = ms > g->behind_ms ? ms : g->behind_ms;
	}
	g->lost += nl_number(a[XFRM_HA_A_SA_EXPOSURE_LOST]);
	g->replay += nl_number(a[XFRM_HA_A_SA_EXPOSURE_REPLAY]);
}

/* The fields of the daemon's lines; what is not there is "" */
static void read_daemon(struct status *s)
{
	char *text = ask("status"), *rest = text, *line;

	while ((line = strsep(&rest, "\n"))) {
		char *f[4];

		for (int i = 0; i < 4; i++)
			f[i] = strsep(&line, "\t") ?: "";
		if (!strcmp(f[0], "daemon")) {
			s->daemon = true;
			snprintf(s->node, sizeof(s->node), "%s", f[1]);
			snprintf(s->file, sizeof(s->file), "%s", f[2]);
			s->complete = !strcmp(f[3], "1");
		} else if (!strcmp(f[0], "group") && find(s, f[1])) {
			struct group *g = find(s, f[1]);

			snprintf(g->why, sizeof(g->why), "%s", f[2]);
			snprintf(g->trouble, sizeof(g->trouble), "%s", f[3]);
		} else if (!strcmp(f[0], "fence") && find(s, f[1])) {
			struct group *g = find(s, f[1]);

			g->fence = true;
			g->fenced = strtoull(f[2], NULL, 10);
			g->stopped = strtoull(f[3], NULL, 10);
		} else if (!strcmp(f[0], "relay")) {
			s->relay = true;
			snprintf(s->peer, sizeof(s->peer), "%s", f[1]);
		} else if (!strcmp(f[0], "count") && s->n_counts < COUNTS_MAX) {
			struct count *c = &s->counts[s->n_counts++];

			snprintf(c->name, sizeof(c->name), "%s", f[1]);
			c->n = strtoull(f[2], NULL, 10);
		} else if (!strcmp(f[0], "detour") && find(s, f[1])) {
			struct group *g = find(s, f[1]);

			g->passed = strtoull(f[2], NULL, 10);
			g->detour = sscanf(f[3], "%llu %llu", &g->kept, &g->dropped) == 2;
		} else if (!strcmp(f[0], "store") && find(s, f[1])) {
			find(s, f[1])->stored = strtoull(f[2], NULL, 10);
			find(s, f[1])->not_stored = strtoull(f[3], NULL, 10);
		}
	}
	free(text);
}

static void show_node(struct nlattr **a, void *data)
{
	unsigned long long id = nl_number(a[XFRM_HA_A_NODE_ID]);
	unsigned long long sas = nl_number(a[XFRM_HA_A_NODE_SAS]);
	const struct status *s = data;

	if (json) {
		out_object();
		out_string("kind", "node");
		out_number("id", id);
		out_string("version", "%s", nla_get_string(a[XFRM_HA_A_NODE_VERSION]));
		out_number("sas", sas);
		out_bool("daemon", s->daemon);
		if (s->daemon) {
			out_string("name", "%s", s->node);
			out_string("file", "%s", s->file);
			out_bool("applied", s->complete);
		}
		return;
	}
	printf("node  %s%sid %llu, %llu SAs; ", s->node, *s->node ? ", " : "",
	       id, sas);
	if (s->daemon)
		printf("xfrm-had, %s%s\n", s->file, s->complete ? "" : " (NOT ALL OF IT APPLIED)");
	else
		puts("xfrm-had does not run");
}

static void show_link(struct nlattr **a, void *data)
{
	const char *dev = nla_get_string(a[XFRM_HA_A_LINK_DEV]);
	const char *state = link_state_name(nl_number(a[XFRM_HA_A_LINK_STATE]));
	const char *loss = link_loss_name(nl_number(a[XFRM_HA_A_LINK_LOSS]));
	unsigned long long rtt = nl_number(a[XFRM_HA_A_LINK_SRTT]) / 1000;

	(void)data;
	if (json) {
		out_object();
		out_string("kind", "link");
		out_string("dev", "%s", dev);
		out_string("state", "%s", state);
		out_string("last_loss", "%s", loss);
		out_number("rtt_us", rtt);
		out_number("orphans", nl_number(a[XFRM_HA_A_LINK_ORPHANS]));
		return;
	}
	printf("link  %-15s %s", dev, state);
	if (!strcmp(state, "up"))
		printf(", round trip %llu us", rtt);
	if (strcmp(loss, "none"))
		printf("; last lost: %s", loss);
	putchar('\n');
}

static void show_group(const struct group *g)
{
	unsigned long long seconds = (now_ns() - g->since) / 1000000000ULL;

	if (json) {
		out_object();
		out_string("kind", "group");
		out_string("name", "%s", g->name);
		out_string("role", "%s", role_name(g->role));
		out_number("term", g->term);
		out_number("since_s", seconds);
		out_string("why", "%s", g->why);
		out_string("trouble", "%s", g->trouble);
		out_string("peer_role", "%s", g->peer);
		out_bool("peer_synced", g->synced);
		out_bool("solo", g->solo);
		out_number("sas", g->sas);
		out_number("held", g->held);
		out_number("stored", g->stored);
		out_number("not_stored", g->not_stored);
		out_number("to_renew", g->renew);
		out_number("missing", g->missing);
		out_number("peer_missing", g->peer_missing);
		out_number("behind", g->behind);
		out_number("behind_ms", g->behind_ms);
		out_number("exposure_lost", g->lost);
		out_number("exposure_replay", g->replay);
		if (g->fence) {
			out_number("fenced", g->fenced);
			out_number("stopped", g->stopped);
		}
		if (g->detour) {
			out_number("passed_on", g->passed);
			out_number("kept", g->kept);
			out_number("keep_dropped", g->dropped);
		}
		return;
	}
	printf("group %-15s %s, term %u, for %llu s%s%s\n", g->name, role_name(g->role),
	       g->term, seconds, *g->why ? ": " : "", g->why);
	printf("      peer %s, %s; %u SAs, %llu held", g->peer,
	       g->synced ? "in sync" : "NOT IN SYNC", g->sas, g->held);
	if (g->stored)
		printf(", %llu stored", g->stored);
	if (g->not_stored)
		printf(", %llu times NO ROOM IN THE STORE", g->not_stored);
	if (g->renew)
		printf(", %llu TO BE RENEWED", g->renew);
	if (g->missing || g->peer_missing)
		printf(", MISSING here %u, at the peer %u", g->missing, g->peer_missing);
	if (g->synced)
		printf("; behind %llu packets, %llu ms", g->behind, g->behind_ms);
	printf("; exposed: %llu lost, %llu replays\n", g->lost, g->replay);
	if (g->fence)
		printf("      fail-closed: %llu flows, %llu packets were not sent in clear\n",
		       g->fenced, g->stopped);
	if (g->detour)
		printf("      detour: %llu packets passed on; %llu kept, %llu dropped of those\n",
		       g->passed, g->kept, g->dropped);
	if (*g->trouble)
		printf("      TROUBLE: %s\n", g->trouble);
}

/* What is 0 is not worth a word. */
static void show_relay(const struct status *s)
{
	if (json) {
		out_object();
		out_string("kind", "relay");
		out_string("peer", "%s", s->peer);
		for (unsigned int i = 0; i < s->n_counts; i++)
			out_number(s->counts[i].name, s->counts[i].n);
		return;
	}
	printf("relay %s", *s->peer ? s->peer : "no peer");
	for (unsigned int i = 0; i < s->n_counts; i++)
		if (s->counts[i].n)
			printf(", %s %llu", s->counts[i].name, s->counts[i].n);
	putchar('\n');
}

int status(int argc, char **argv)
{
	struct status s = { };
	int err;

	(void)argv;
	if (argc)
		return usage("status takes nothing");
	if (nl_open())
		return REFUSED;
	err = nl_talk(nl_request(XFRM_HA_CMD_GROUP_GET, NLM_F_DUMP), XFRM_HA_A_GROUP_MAX, on_group,
		      &s);
	if (!err)
		err = nl_talk(nl_request(XFRM_HA_CMD_SA_GET, NLM_F_DUMP), XFRM_HA_A_SA_MAX, on_sa,
			      &s);
	read_daemon(&s);
	out_begin(false);
	if (!err)
		err = nl_talk(nl_request(XFRM_HA_CMD_NODE_GET, 0), XFRM_HA_A_NODE_MAX, show_node,
			      &s);
	if (!err)
		err = nl_talk(nl_request(XFRM_HA_CMD_LINK_GET, NLM_F_DUMP), XFRM_HA_A_LINK_MAX,
			      show_link, &s);
	for (const struct group *g = s.groups; !err && g; g = g->next)
		show_group(g);
	if (!err && s.relay)
		show_relay(&s);
	if (!err)
		out_end();
	while (s.groups) {
		struct group *g = s.groups;

		s.groups = g->next;
		free(g);
	}
	return err;
}
