// SPDX-License-Identifier: GPL-2.0
/* xfrm-ha sa show. */

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "xfrm-ha.h"

/* An SA that should be gone is not stale at once: rekeying takes its time. */
#define STALE_S		60

static const char *const modes[] = { "legacy", "bitmap", "esn" };

/* SAs that are alike in this carry the same traffic, one after the other. */
struct traffic {
	uint8_t src[16], dst[16];
	uint32_t proto, reqid, mark, mark_mask, if_id;
};

struct known {
	struct traffic traffic;
	uint64_t added;
};

struct group {
	struct group *next;
	char name[XFRM_HA_NAME_MAX + 1];
	bool peer_synced;
};

struct sas {
	struct known *known;	/* of each traffic the newest one, in order */
	size_t n, room;
	struct group *groups;
	uint64_t now;
};

static void *must(void *p)
{
	if (!p)
		exit(refuse("out of memory"));
	return p;
}

static void note_group(struct nlattr **a, void *data)
{
	struct group *g = must(calloc(1, sizeof(*g)));
	struct sas *sas = data;

	snprintf(g->name, sizeof(g->name), "%s", nla_get_string(a[XFRM_HA_A_GROUP_NAME]));
	g->peer_synced = nla_get_u8(a[XFRM_HA_A_GROUP_PEER_SYNCED]);
	g->next = sas->groups;
	sas->groups = g;
}

static const struct group *find_group(const struct sas *sas, const char *name)
{
	const struct group *g = sas->groups;

	while (g && strcmp(g->name, name))
		g = g->next;
	return g;
}

static struct traffic traffic(struct nlattr **a)
{
	struct traffic t = {
		.proto = nl_number(a[XFRM_HA_A_SA_PROTO]),
		.reqid = nl_number(a[XFRM_HA_A_SA_REQID]),
		.mark = nl_number(a[XFRM_HA_A_SA_MARK]),
		.mark_mask = nl_number(a[XFRM_HA_A_SA_MARK_MASK]),
		.if_id = nl_number(a[XFRM_HA_A_SA_IF_ID]),
	};

	nla_memcpy(t.src, a[XFRM_HA_A_SA_SRC], sizeof(t.src));
	nla_memcpy(t.dst, a[XFRM_HA_A_SA_DST], sizeof(t.dst));
	return t;
}

static void note(struct nlattr **a, void *data)
{
	struct sas *sas = data;

	if (sas->n == sas->room) {
		sas->room = sas->room ? 2 * sas->room : 64;
		sas->known = must(reallocarray(sas->known, sas->room, sizeof(*sas->known)));
	}
	sas->known[sas->n++] = (struct known){ traffic(a), nl_number(a[XFRM_HA_A_SA_ADDED]) };
}

static int by_traffic(const void *x, const void *y)
{
	const struct known *a = x, *b = y;

	return memcmp(&a->traffic, &b->traffic, sizeof(a->traffic));
}

static int by_age(const void *x, const void *y)
{
	const struct known *a = x, *b = y;

	return by_traffic(x, y) ?: (a->added > b->added) - (a->added < b->added);
}

static void keep_newest(struct sas *sas)
{
	size_t kept = 0;

	if (!sas->n)
		return;
	qsort(sas->known, sas->n, sizeof(*sas->known), by_age);
	for (size_t i = 1; i < sas->n; i++) {
		kept += !!by_traffic(&sas->known[kept], &sas->known[i]);
		sas->known[kept] = sas->known[i];
	}
	sas->n = kept + 1;
}

/* When the one came that is newer than this; 0: there is none. Without a reqid nobody can tell. */
static uint64_t replaced(const struct sas *sas, struct nlattr **a)
{
	struct known self = { traffic(a), nl_number(a[XFRM_HA_A_SA_ADDED]) };
	const struct known *k = NULL;

	if (self.traffic.reqid && sas->n)
		k = bsearch(&self, sas->known, sas->n, sizeof(self), by_traffic);
	return k && k->added > self.added ? k->added : 0;
}

/* Bits of XFRM_HA_A_SA_HOLD */
static const char *hold_name(uint32_t bits)
{
	if (bits & 4)
		return "rekey";
	if (bits & 1)
		return "standby";
	return bits & 2 ? "limit" : "-";
}

/* For people: in one word, what is to be known of it. First what needs a hand. */
static const char *state(const struct sas *sas, struct nlattr **a, bool peer_synced)
{
	uint64_t since = replaced(sas, a), added = nl_number(a[XFRM_HA_A_SA_ADDED]);
	uint32_t hold = nla_get_u32(a[XFRM_HA_A_SA_HOLD]);
	bool twin = nla_get_u8(a[XFRM_HA_A_SA_TWIN]);

	if (hold & 6)
		return hold_name(hold & 6);
	if (since && since + STALE_S <= sas->now)
		return "stale";
	if (hold)
		return peer_synced && !twin && added + STALE_S <= sas->now ? "stale" : "standby";
	if (!peer_synced)
		return "alone";
	return twin ? "mirrored" : "unmirrored";
}

static void out_time(const char *key, time_t when)
{
	char text[32];
	struct tm tm;

	strftime(text, sizeof(text), "%FT%TZ", gmtime_r(&when, &tm));
	out_string(key, "%s", text);
}

static void show_id(struct nlattr **a)
{
	uint8_t mode = nla_get_u8(a[XFRM_HA_A_SA_REPLAY_MODE]);

	out_string("hold", "%s", hold_name(nla_get_u32(a[XFRM_HA_A_SA_HOLD])));
	out_bool("held", nla_get_u8(a[XFRM_HA_A_SA_HELD]));
	out_time("added", nl_number(a[XFRM_HA_A_SA_ADDED]));
	out_number("proto", nla_get_u8(a[XFRM_HA_A_SA_PROTO]));
	out_number("reqid", nla_get_u32(a[XFRM_HA_A_SA_REQID]));
	if (nl_has(a[XFRM_HA_A_SA_MARK]))
		out_string("mark", "0x%x/0x%x", nla_get_u32(a[XFRM_HA_A_SA_MARK]),
			   nla_get_u32(a[XFRM_HA_A_SA_MARK_MASK]));
	if (nl_has(a[XFRM_HA_A_SA_IF_ID]))
		out_number("if_id", nla_get_u32(a[XFRM_HA_A_SA_IF_ID]));
	out_string("replay", "%s", mode < 3 ? modes[mode] : "unknown");
	out_number("window", nla_get_u32(a[XFRM_HA_A_SA_REPLAY_WINDOW]));
}

/* Where nobody is in sync there is no distance that people could mean. */
static void show_behind(struct nlattr **a, bool peer_synced)
{
	uint64_t out = nla_get_u64(a[XFRM_HA_A_SA_BEHIND_OUT]);
	uint64_t in = nla_get_u64(a[XFRM_HA_A_SA_BEHIND_IN]);

	if (json) {
		out_number("behind_out", out);
		out_number("behind_in", in);
		out_number("behind_ms", nla_get_u32(a[XFRM_HA_A_SA_BEHIND_MS]));
	} else if (peer_synced) {
		out_number("behind", out + in);
		out_number("ms", nla_get_u32(a[XFRM_HA_A_SA_BEHIND_MS]));
	} else {
		out_word("behind", "-");
		out_word("ms", "-");
	}
}

static void show(struct nlattr **a, void *data)
{
	const struct group *g = find_group(data, nla_get_string(a[XFRM_HA_A_SA_GROUP]));
	bool peer_synced = g && g->peer_synced;
	const struct sas *sas = data;
	char buf[INET6_ADDRSTRLEN];
	uint64_t since;

	out_object();
	if (json) {
		out_number("index", nla_get_u32(a[XFRM_HA_A_SA_INDEX]));
		out_string("src", "%s", address(a[XFRM_HA_A_SA_SRC], buf));
	}
	out_string("dst", "%s", address(a[XFRM_HA_A_SA_DST], buf));
	out_string("spi", "0x%08x", ntohl(nla_get_u32(a[XFRM_HA_A_SA_SPI])));
	out_string("group", "%s", nla_get_string(a[XFRM_HA_A_SA_GROUP]));
	out_string("role", "%s", role_name(nla_get_u32(a[XFRM_HA_A_SA_ROLE])));
	out_string("state", "%s", state(sas, a, peer_synced));
	if (json)
		show_id(a);
	out_number("oseq", nla_get_u64(a[XFRM_HA_A_SA_OSEQ]));
	out_number("lease", nla_get_u64(a[XFRM_HA_A_SA_LEASE]));
	out_number("seq", nla_get_u64(a[XFRM_HA_A_SA_SEQ]));
	out_number("packets", nla_get_u64(a[XFRM_HA_A_SA_PACKETS]));
	if (json)
		out_number("bytes", nla_get_u64(a[XFRM_HA_A_SA_BYTES]));
	show_behind(a, peer_synced);
	if (!json)
		return;
	out_string("place", "%s", nl_name(&spec_sa_state, nla_get_u32(a[XFRM_HA_A_SA_STATE])));
	since = replaced(sas, a);
	if (since)
		out_time("replaced", since);
	out_bool("peer_synced", peer_synced);
	out_bool("twin", nla_get_u8(a[XFRM_HA_A_SA_TWIN]));
	out_number("striped", nla_get_u64(a[XFRM_HA_A_SA_STRIPED]));
	out_number("share", nla_get_u32(a[XFRM_HA_A_SA_SHARE]));
	out_number("share_of", nla_get_u32(a[XFRM_HA_A_SA_SHARE_OF]));
	out_number("interval", nla_get_u32(a[XFRM_HA_A_SA_INTERVAL_OUT]));
	out_number("exposure_lost", nla_get_u32(a[XFRM_HA_A_SA_EXPOSURE_LOST]));
	out_number("exposure_replay", nla_get_u32(a[XFRM_HA_A_SA_EXPOSURE_REPLAY]));
	if (nl_has(a[XFRM_HA_A_SA_NIC]))
		out_string("nic", "%s", nla_get_string(a[XFRM_HA_A_SA_NIC]));
}

static struct nl_msg *dump(const char *group)
{
	struct nl_msg *msg = nl_request(XFRM_HA_CMD_SA_GET, NLM_F_DUMP);

	if (group)
		nla_put_string(msg, XFRM_HA_A_SA_GROUP, group);
	return msg;
}

int sa_show(int argc, char **argv)
{
	struct sas sas = { .now = time(NULL) };
	const char *group = argc ? argv[1] : NULL;
	struct group *g;
	int err;

	if (argc && (argc != 2 || !is(argv[0], "group")))
		return usage("sa show takes \"group NAME\"");
	err = nl_talk(nl_request(XFRM_HA_CMD_GROUP_GET, NLM_F_DUMP), XFRM_HA_A_GROUP_MAX,
		      note_group, &sas);
	if (!err && group && !find_group(&sas, group))
		err = refuse("%s: there is no group %s", doing, group);
	if (!err)
		err = nl_talk(dump(group), XFRM_HA_A_SA_MAX, note, &sas);
	keep_newest(&sas);
	if (!err)
		err = nl_show(dump(group), XFRM_HA_A_SA_MAX, true, show, &sas);
	free(sas.known);
	while ((g = sas.groups)) {
		sas.groups = g->next;
		free(g);
	}
	return err;
}
