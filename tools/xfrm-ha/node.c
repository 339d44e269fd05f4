// SPDX-License-Identifier: GPL-2.0
/* xfrm-ha node ..., stat show, version. */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "xfrm-ha.h"

#define VERSION_LEN	32

static void show(struct nlattr **a, void *data)
{
	(void)data;
	out_object();
	out_number("id", nla_get_u32(a[XFRM_HA_A_NODE_ID]));
	out_number("sas", nla_get_u32(a[XFRM_HA_A_NODE_SAS]));
	out_number("sa_limit", nla_get_u32(a[XFRM_HA_A_NODE_SA_LIMIT]));
	out_number("orphan_limit", nla_get_u32(a[XFRM_HA_A_NODE_ORPHAN_LIMIT]));
	out_number("orphan_age", nla_get_u32(a[XFRM_HA_A_NODE_ORPHAN_AGE]));
	out_string("tap", "%s", nla_get_string(a[XFRM_HA_A_NODE_TAP]));
	out_bool("tap_deaf", a[XFRM_HA_A_NODE_TAP_DEAF]);
	out_string("version", "%s", nla_get_string(a[XFRM_HA_A_NODE_VERSION]));
}

int node_show(int argc, char **argv)
{
	(void)argv;
	if (argc)
		return usage("node show takes nothing");
	return nl_show(nl_request(XFRM_HA_CMD_NODE_GET, 0), XFRM_HA_A_NODE_MAX, true, show, NULL);
}

static const struct number_word numbers[] = {
	{ "id", XFRM_HA_A_NODE_ID },
	{ "sa-limit", XFRM_HA_A_NODE_SA_LIMIT },
	{ "orphan-limit", XFRM_HA_A_NODE_ORPHAN_LIMIT },
	{ "orphan-age", XFRM_HA_A_NODE_ORPHAN_AGE },
	{ }
};

int node_set(int argc, char **argv)
{
	struct nl_msg *msg;
	int err;

	if (!argc || argc % 2)
		return usage("node set takes \"id N\", \"sa-limit N\", \"orphan-limit N\", "
			     "\"orphan-age S\"");
	msg = nl_request(XFRM_HA_CMD_NODE_SET, 0);
	for (; argc; argc -= 2, argv += 2) {
		err = nl_put_number(msg, numbers, argv[0], argv[1]);
		if (err >= 0) {
			nlmsg_free(msg);
			return err;
		}
	}
	return nl_talk(msg, XFRM_HA_A_NODE_MAX, NULL, NULL);
}

static void show_stat(struct nlattr **a, void *data)
{
	uint64_t value = nla_get_u64(a[XFRM_HA_A_STAT_VALUE]);
	const bool *all = data;

	if (!value && !*all)
		return;
	out_object();
	out_string("name", "%s", nla_get_string(a[XFRM_HA_A_STAT_NAME]));
	out_number("value", value);
	out_string("text", "%s", nla_get_string(a[XFRM_HA_A_STAT_TEXT]));
}

/* Those that are 0 are left out of the text, unless "all" is said. */
int stat_show(int argc, char **argv)
{
	bool all = json || argc;

	if (argc > 1 || (argc && !is(argv[0], "all")))
		return usage("stat show takes \"all\"");
	return nl_show(nl_request(XFRM_HA_CMD_STAT_GET, NLM_F_DUMP), XFRM_HA_A_STAT_MAX, true,
		       show_stat, &all);
}

static void keep_version(struct nlattr **a, void *data)
{
	snprintf(data, VERSION_LEN, "%s", nla_get_string(a[XFRM_HA_A_NODE_VERSION]));
}

int version(int argc, char **argv)
{
	char module[VERSION_LEN] = "not loaded";
	int err;

	(void)argv;
	if (argc)
		return usage("version takes nothing");
	if (!access("/sys/module/xfrm_ha", F_OK)) {
		err = nl_talk(nl_request(XFRM_HA_CMD_NODE_GET, 0), XFRM_HA_A_NODE_MAX,
			      keep_version, module);
		if (err)
			return err;
	}
	out_begin(true);
	out_object();
	out_string("tool", "%s", VERSION);
	out_string("module", "%s", module);
	out_end();
	return DONE;
}
