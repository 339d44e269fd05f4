// SPDX-License-Identifier: GPL-2.0
/* xfrm-ha group ... */

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "xfrm-ha.h"

#define ADDRESSES 64	/* more than a group can have */

const char *role_name(uint32_t role)
{
	return nl_name(&spec_role, role);
}

static const struct setting {
	const char *word;
	int attr;
	const struct spec_enum *choice;	/* NULL: a number */
} settings[] = {
	{ "quantity", XFRM_HA_A_GROUP_QUANTITY, NULL },
	{ "max-age", XFRM_HA_A_GROUP_MAX_AGE, NULL },
	{ "join", XFRM_HA_A_GROUP_JOIN, NULL },
	{ "stripe", XFRM_HA_A_GROUP_STRIPE, NULL },
	{ "index", XFRM_HA_A_GROUP_INDEX, NULL },
	{ "nodes", XFRM_HA_A_GROUP_NODES, NULL },
	{ "soft", XFRM_HA_A_GROUP_SOFT, NULL },
	{ "prepare", XFRM_HA_A_GROUP_PREPARE, NULL },
	{ "reqid", XFRM_HA_A_GROUP_REQID, NULL },
	{ "if_id", XFRM_HA_A_GROUP_IF_ID, NULL },
	{ "sync", XFRM_HA_A_GROUP_SYNC, &spec_sync },
	{ "replay", XFRM_HA_A_GROUP_REPLAY, &spec_replay_policy },
	{ }
};

/* What a group has for good */
static const char *const kept[] = {
	"address", "reqid", "mark", "if_id", "link", "stripe", "index", "nodes", NULL
};

static int set(struct nl_msg *msg, const struct setting *s, const char *value)
{
	uint32_t n;

	if (s->choice) {
		n = nl_value(s->choice, value);
		if (n >= s->choice->n)
			return usage("%s is %s or %s, not \"%s\"", s->word, s->choice->names[1],
				     s->choice->names[0], value);
	} else if (!number(value, UINT32_MAX, &n)) {
		return usage("%s: \"%s\" is not a number", s->word, value);
	}
	nla_put_u32(msg, s->attr, n);
	return -1;
}

static int set_bitmap(struct nl_msg *msg, const char *value)
{
	if (strcmp(value, "on") && strcmp(value, "off"))
		return usage("bitmap is on or off, not \"%s\"", value);
	nla_put_u8(msg, XFRM_HA_A_GROUP_BITMAP, !strcmp(value, "on"));
	return -1;
}

static int set_address(struct nl_msg *msg, const char *value)
{
	uint8_t a[16];
	int len = parse_address(value, a);

	if (!len)
		return usage("\"%s\" is not an address", value);
	nla_put(msg, len == 4 ? XFRM_HA_A_GROUP_ADDRESS : XFRM_HA_A_GROUP_ADDRESS6, len, a);
	return -1;
}

static int set_mark(struct nl_msg *msg, const char *value)
{
	const char *slash = strchr(value, '/');
	uint32_t v, m = UINT32_MAX;
	char first[32] = "";

	if (slash && slash - value < (long)sizeof(first))
		memcpy(first, value, slash - value);
	if (!number(slash ? first : value, UINT32_MAX, &v) ||
	    (slash && !number(slash + 1, UINT32_MAX, &m)))
		return usage("\"%s\" is not a mark: VALUE/MASK", value);
	nla_put_u32(msg, XFRM_HA_A_GROUP_MARK, v);
	nla_put_u32(msg, XFRM_HA_A_GROUP_MARK_MASK, m);
	return -1;
}

/* Interval: a number, or "auto", which is 0 on netlink only. */
static int set_interval(struct nl_msg *msg, const char *value)
{
	uint32_t n = 0;

	if (strcmp(value, "auto") && (!number(value, UINT32_MAX, &n) || !n))
		return usage("interval is a number, not 0, or auto, not \"%s\"", value);
	nla_put_u32(msg, XFRM_HA_A_GROUP_INTERVAL, n);
	return -1;
}

/* What a standby does, or what an active node does. */
static int set_on_peer_loss(struct nl_msg *msg, const char *value)
{
	int standby = nl_value(&spec_peer_loss, value), active = nl_value(&spec_alone, value);

	if (standby >= 0)
		nla_put_u32(msg, XFRM_HA_A_GROUP_ON_PEER_LOSS, standby);
	else if (active >= 0)
		nla_put_u32(msg, XFRM_HA_A_GROUP_ALONE, active);
	else
		return usage("on-peer-loss is takeover or notify, solo or hold, not \"%s\"", value);
	return -1;
}

/* -1: done with it, else exit status. */
static int option(struct nl_msg *msg, const char *word, const char *value)
{
	if (!value)
		return usage("\"%s\" needs a value", word);
	if (!strcmp(word, "address"))
		return set_address(msg, value);
	if (!strcmp(word, "mark"))
		return set_mark(msg, value);
	if (!strcmp(word, "interval"))
		return set_interval(msg, value);
	if (!strcmp(word, "bitmap"))
		return set_bitmap(msg, value);
	if (!strcmp(word, "on-peer-loss"))
		return set_on_peer_loss(msg, value);
	if (!strcmp(word, "link")) {
		nla_put_string(msg, XFRM_HA_A_GROUP_LINK, value);
		return -1;
	}
	if (!strcmp(word, "role")) {
		if (strcmp(value, "active") && strcmp(value, "standby"))
			return usage("role is active or standby, not \"%s\"", value);
		nla_put_u32(msg, XFRM_HA_A_GROUP_ROLE, *value == 'a' ? XFRM_HA_ROLE_ACTIVE :
			    XFRM_HA_ROLE_STANDBY);
		return -1;
	}
	for (const struct setting *s = settings; s->word; s++)
		if (!strcmp(word, s->word))
			return set(msg, s, value);
	return usage("%s: what is \"%s\"?", doing, word);
}

/* What can't be set, and how it is had instead; -1: it can */
static int refuse_set(const char *word)
{
	if (!strcmp(word, "role"))
		return usage("a role is not set: say takeover, or release");
	for (const char *const *k = kept; *k; k++)
		if (!strcmp(word, *k))
			return usage("%s is a group's for good: delete the group, and add it with "
				     "another one", word);
	return -1;
}

static int request(uint8_t cmd, int argc, char **argv)
{
	struct nl_msg *msg;
	int err = -1;

	if (!argc)
		return usage("a group needs a name");
	if (cmd == XFRM_HA_CMD_GROUP_SET && argc == 1)
		return usage("group set needs a setting");
	msg = nl_request(cmd, 0);
	nla_put_string(msg, XFRM_HA_A_GROUP_NAME, argv[0]);
	for (int i = 1; err < 0 && i < argc; i += 2) {
		if (cmd == XFRM_HA_CMD_GROUP_SET)
			err = refuse_set(argv[i]);
		if (err < 0)
			err = option(msg, argv[i], argv[i + 1]);
	}
	if (err >= 0) {
		nlmsg_free(msg);
		return err;
	}
	return nl_talk(msg, XFRM_HA_A_GROUP_MAX, NULL, NULL);
}

int group_add(int argc, char **argv)
{
	return request(XFRM_HA_CMD_GROUP_NEW, argc, argv);
}

int group_set(int argc, char **argv)
{
	return request(XFRM_HA_CMD_GROUP_SET, argc, argv);
}

int group_del(int argc, char **argv)
{
	if (argc != 1)
		return usage("group del needs a name");
	return request(XFRM_HA_CMD_GROUP_DEL, argc, argv);
}

static void show_addresses(void)
{
	static const int types[] = { XFRM_HA_A_GROUP_ADDRESS, XFRM_HA_A_GROUP_ADDRESS6 };
	char text[ADDRESSES][INET6_ADDRSTRLEN], *all[ADDRESSES];
	int n = 0;

	for (int i = 0; i < 2; i++)
		for (struct nlattr *a = NULL; n < ADDRESSES && (a = nl_next(types[i], a)); n++)
			all[n] = (char *)address(a, text[n]);
	if (n)
		out_strings("addresses", all, n);
}

/* Why the role of a group is what it is: of a group, or of an event */
void group_reason(struct nlattr **a)
{
	out_string("reason", "%s",
		   nl_name(&spec_role_reason, nl_number(a[XFRM_HA_A_GROUP_REASON])));
	if (nl_has(a[XFRM_HA_A_GROUP_UID]))
		out_number("uid", nla_get_u32(a[XFRM_HA_A_GROUP_UID]));
}

static void show_match(struct nlattr **a)
{
	show_addresses();
	if (nl_has(a[XFRM_HA_A_GROUP_REQID]))
		out_number("reqid", nla_get_u32(a[XFRM_HA_A_GROUP_REQID]));
	if (nl_has(a[XFRM_HA_A_GROUP_MARK]))
		out_string("mark", "0x%x/0x%x", nla_get_u32(a[XFRM_HA_A_GROUP_MARK]),
			   nla_get_u32(a[XFRM_HA_A_GROUP_MARK_MASK]));
	if (nl_has(a[XFRM_HA_A_GROUP_IF_ID]))
		out_number("if_id", nla_get_u32(a[XFRM_HA_A_GROUP_IF_ID]));
}

static void show(struct nlattr **a, void *data)
{
	(void)data;
	out_object();
	out_string("name", "%s", nla_get_string(a[XFRM_HA_A_GROUP_NAME]));
	out_string("role", "%s", role_name(nla_get_u32(a[XFRM_HA_A_GROUP_ROLE])));
	out_number("term", nla_get_u32(a[XFRM_HA_A_GROUP_TERM]));
	group_reason(a);
	out_string("peer_role", "%s", nl_has(a[XFRM_HA_A_GROUP_PEER_ROLE]) ?
		   nla_get_string(a[XFRM_HA_A_GROUP_PEER_ROLE]) : "unknown");
	out_number("peer_term", nl_has(a[XFRM_HA_A_GROUP_PEER_TERM]) ?
		   nla_get_u32(a[XFRM_HA_A_GROUP_PEER_TERM]) : 0);
	out_number("sas", nla_get_u32(a[XFRM_HA_A_GROUP_SAS]));
	out_number("missing", nla_get_u32(a[XFRM_HA_A_GROUP_MISSING]));
	out_number("peer_sas", nla_get_u32(a[XFRM_HA_A_GROUP_PEER_SAS]));
	out_number("peer_missing", nla_get_u32(a[XFRM_HA_A_GROUP_PEER_MISSING]));
	out_string("link", "%s", nl_has(a[XFRM_HA_A_GROUP_LINK]) ?
		   nla_get_string(a[XFRM_HA_A_GROUP_LINK]) : "none");
	show_match(a);
	if (nla_get_u32(a[XFRM_HA_A_GROUP_INTERVAL]))
		out_number("interval", nla_get_u32(a[XFRM_HA_A_GROUP_INTERVAL]));
	else
		out_word("interval", "auto");
	out_number("quantity", nla_get_u32(a[XFRM_HA_A_GROUP_QUANTITY]));
	out_number("max_age", nla_get_u32(a[XFRM_HA_A_GROUP_MAX_AGE]));
	out_bool("bitmap", nla_get_u8(a[XFRM_HA_A_GROUP_BITMAP]));
	out_string("on_peer_loss", "%s",
		   nl_name(&spec_peer_loss, nla_get_u32(a[XFRM_HA_A_GROUP_ON_PEER_LOSS])));
	out_string("alone", "%s", nl_name(&spec_alone, nla_get_u32(a[XFRM_HA_A_GROUP_ALONE])));
	out_string("sync", "%s", nl_name(&spec_sync, nla_get_u32(a[XFRM_HA_A_GROUP_SYNC])));
	out_string("replay", "%s",
		   nl_name(&spec_replay_policy, nla_get_u32(a[XFRM_HA_A_GROUP_REPLAY])));
	out_bool("peer_synced", nla_get_u8(a[XFRM_HA_A_GROUP_PEER_SYNCED]));
	out_bool("solo", nla_get_u8(a[XFRM_HA_A_GROUP_SOLO]));
	out_number("stripe", nla_get_u32(a[XFRM_HA_A_GROUP_STRIPE]));
	out_number("index", nla_get_u32(a[XFRM_HA_A_GROUP_INDEX]));
	out_number("nodes", nla_get_u32(a[XFRM_HA_A_GROUP_NODES]));
	out_number("soft", nla_get_u32(a[XFRM_HA_A_GROUP_SOFT]));
	out_number("join", nla_get_u32(a[XFRM_HA_A_GROUP_JOIN]));
	out_number("prepare", nl_number(a[XFRM_HA_A_GROUP_PREPARE]));
	out_bool("preparing", nl_number(a[XFRM_HA_A_GROUP_PREPARING]));
	out_number("takeovers", nla_get_u64(a[XFRM_HA_A_GROUP_TAKEOVERS]));
	out_number("skipped", nla_get_u64(a[XFRM_HA_A_GROUP_SKIPPED]));
}

int group_show(int argc, char **argv)
{
	struct nl_msg *msg;

	if (argc > 1)
		return usage("group show takes one name at most");
	msg = nl_request(XFRM_HA_CMD_GROUP_GET, argc ? 0 : NLM_F_DUMP);
	if (argc)
		nla_put_string(msg, XFRM_HA_A_GROUP_NAME, argv[0]);
	return nl_show(msg, XFRM_HA_A_GROUP_MAX, false, show, NULL);
}
