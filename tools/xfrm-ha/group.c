// SPDX-License-Identifier: GPL-2.0
/* xfrm-ha group ..., takeover, release. */

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xfrm-ha.h"

#define ADDRESSES 64	/* more than a group can have */

static const char *const roles[] = { "standby", "joining", "active", "releasing", "handed" };

const char *role_name(uint32_t role)
{
	return role < 5 ? roles[role] : "unknown";
}

static const struct setting {
	const char *word;
	int attr;
	const char *zero, *one;		/* of a choice; NULL: a number */
	bool octet;
} settings[] = {
	{ "quantity", XFRM_HA_A_GROUP_QUANTITY, NULL, NULL, false },
	{ "max-age", XFRM_HA_A_GROUP_MAX_AGE, NULL, NULL, false },
	{ "join", XFRM_HA_A_GROUP_JOIN, NULL, NULL, false },
	{ "slice-soft", XFRM_HA_A_GROUP_SLICE_SOFT, NULL, NULL, false },
	{ "reqid", XFRM_HA_A_GROUP_REQID, NULL, NULL, false },
	{ "if_id", XFRM_HA_A_GROUP_IF_ID, NULL, NULL, false },
	{ "bitmap", XFRM_HA_A_GROUP_BITMAP, "off", "on", true },
	{ "sync", XFRM_HA_A_GROUP_SYNC, "relaxed", "strict", false },
	{ "replay", XFRM_HA_A_GROUP_REPLAY, "strict", "lenient", false },
	{ }
};

static int set(struct nl_msg *msg, const struct setting *s, const char *value)
{
	uint32_t n;

	if (s->one) {
		if (strcmp(value, s->zero) && strcmp(value, s->one))
			return usage("%s is %s or %s, not \"%s\"", s->word, s->zero, s->one, value);
		n = !strcmp(value, s->one);
	} else if (!number(value, UINT32_MAX, &n)) {
		return usage("%s: \"%s\" is not a number", s->word, value);
	}
	if (s->octet)
		nla_put_u8(msg, s->attr, n);
	else
		nla_put_u32(msg, s->attr, n);
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
	if (!strcmp(value, "takeover") || !strcmp(value, "notify"))
		nla_put_u32(msg, XFRM_HA_A_GROUP_ON_PEER_LOSS, *value == 't' ?
			    XFRM_HA_PEER_LOSS_TAKEOVER : XFRM_HA_PEER_LOSS_NOTIFY);
	else if (!strcmp(value, "solo") || !strcmp(value, "hold"))
		nla_put_u32(msg, XFRM_HA_A_GROUP_ALONE, *value == 's' ?
			    XFRM_HA_ALONE_SOLO : XFRM_HA_ALONE_HOLD);
	else
		return usage("on-peer-loss is takeover or notify, solo or hold, not \"%s\"", value);
	return -1;
}

/* K/N or K/N/NODES; "off" */
static int set_slice(struct nl_msg *msg, const char *value)
{
	uint32_t v[3] = { };
	char copy[40], *rest = copy;
	int n = 0;

	if (!strcmp(value, "off")) {
		nla_put_u32(msg, XFRM_HA_A_GROUP_SLICES, 0);
		nla_put_u32(msg, XFRM_HA_A_GROUP_SLICE, 0);
		return -1;
	}
	if (strlen(value) < sizeof(copy))
		strcpy(copy, value);
	else
		rest = NULL;
	while (rest && n < 3 && number(strsep(&rest, "/"), UINT32_MAX, &v[n]))
		n++;
	if (rest || n < 2)
		return usage("slice is K/N, K/N/NODES or off, not \"%s\"", value);
	nla_put_u32(msg, XFRM_HA_A_GROUP_SLICE, v[0]);
	nla_put_u32(msg, XFRM_HA_A_GROUP_SLICES, v[1]);
	if (n == 3)
		nla_put_u32(msg, XFRM_HA_A_GROUP_SLICE_NODES, v[2]);
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
	if (!strcmp(word, "on-peer-loss"))
		return set_on_peer_loss(msg, value);
	if (!strcmp(word, "slice"))
		return set_slice(msg, value);
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
	return usage("group: what is \"%s\"?", word);
}

static int request(uint8_t cmd, int argc, char **argv)
{
	struct nl_msg *msg;
	int err;

	if (!argc)
		return usage("a group needs a name");
	if (nl_open())
		return REFUSED;
	msg = nl_request(cmd, 0);
	nla_put_string(msg, XFRM_HA_A_GROUP_NAME, argv[0]);
	for (int i = 1; i < argc; i++) {
		if (cmd == XFRM_HA_CMD_GROUP_TAKEOVER && !strcmp(argv[i], "force")) {
			nla_put_flag(msg, XFRM_HA_A_GROUP_FORCE);
			continue;
		}
		err = option(msg, argv[i], argv[i + 1]);
		if (err >= 0) {
			nlmsg_free(msg);
			return err;
		}
		i++;
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

int takeover(int argc, char **argv)
{
	if (!argc || argc > 2 || (argc == 2 && strcmp(argv[1], "force")))
		return usage("takeover needs a name, and takes \"force\"");
	return request(XFRM_HA_CMD_GROUP_TAKEOVER, argc, argv);
}

int release(int argc, char **argv)
{
	if (argc != 1)
		return usage("release needs a name");
	return request(XFRM_HA_CMD_GROUP_RELEASE, argc, argv);
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
	out_string("peer_role", "%s", nl_has(a[XFRM_HA_A_GROUP_PEER_ROLE]) ?
		   nla_get_string(a[XFRM_HA_A_GROUP_PEER_ROLE]) : "unknown");
	out_number("peer_term", nl_has(a[XFRM_HA_A_GROUP_PEER_TERM]) ?
		   nla_get_u32(a[XFRM_HA_A_GROUP_PEER_TERM]) : 0);
	out_number("sas", nla_get_u32(a[XFRM_HA_A_GROUP_SAS]));
	out_string("link", "%s", nl_has(a[XFRM_HA_A_GROUP_LINK]) ?
		   nla_get_string(a[XFRM_HA_A_GROUP_LINK]) : "none");
	show_match(a);
	if (nla_get_u32(a[XFRM_HA_A_GROUP_INTERVAL]))
		out_number("interval", nla_get_u32(a[XFRM_HA_A_GROUP_INTERVAL]));
	else
		out_string("interval", "auto");
	out_number("quantity", nla_get_u32(a[XFRM_HA_A_GROUP_QUANTITY]));
	out_number("max_age", nla_get_u32(a[XFRM_HA_A_GROUP_MAX_AGE]));
	out_bool("bitmap", nla_get_u8(a[XFRM_HA_A_GROUP_BITMAP]));
	out_string("on_peer_loss", "%s", nla_get_u32(a[XFRM_HA_A_GROUP_ON_PEER_LOSS]) ?
		   "takeover" : "notify");
	out_string("alone", "%s", nla_get_u32(a[XFRM_HA_A_GROUP_ALONE]) ? "solo" : "hold");
	out_string("sync", "%s", nla_get_u32(a[XFRM_HA_A_GROUP_SYNC]) ? "strict" : "relaxed");
	out_string("replay", "%s", nla_get_u32(a[XFRM_HA_A_GROUP_REPLAY]) ? "lenient" : "strict");
	out_bool("peer_synced", nla_get_u8(a[XFRM_HA_A_GROUP_PEER_SYNCED]));
	out_bool("solo", nla_get_u8(a[XFRM_HA_A_GROUP_SOLO]));
	if (nla_get_u32(a[XFRM_HA_A_GROUP_SLICES])) {
		out_string("slice", "%u/%u/%u", nla_get_u32(a[XFRM_HA_A_GROUP_SLICE]),
			   nla_get_u32(a[XFRM_HA_A_GROUP_SLICES]),
			   nla_get_u32(a[XFRM_HA_A_GROUP_SLICE_NODES]));
		out_number("slice_soft", nla_get_u32(a[XFRM_HA_A_GROUP_SLICE_SOFT]));
	}
	out_number("join", nla_get_u32(a[XFRM_HA_A_GROUP_JOIN]));
	out_number("takeovers", nla_get_u64(a[XFRM_HA_A_GROUP_TAKEOVERS]));
	out_number("skipped", nla_get_u64(a[XFRM_HA_A_GROUP_SKIPPED]));
}

int group_show(int argc, char **argv)
{
	struct nl_msg *msg;

	if (argc > 1)
		return usage("group show takes one name at most");
	if (nl_open())
		return REFUSED;
	msg = nl_request(XFRM_HA_CMD_GROUP_GET, argc ? 0 : NLM_F_DUMP);
	if (argc)
		nla_put_string(msg, XFRM_HA_A_GROUP_NAME, argv[0]);
	return nl_show(msg, XFRM_HA_A_GROUP_MAX, false, show, NULL);
}
