// SPDX-License-Identifier: GPL-2.0
/* xfrm-ha takeover, release. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ask.h"
#include "xfrm-ha.h"

#define POLL_MS 10

struct outcome {
	uint32_t role;
	bool known, preparing, synced, peer_active;
};

static void note_role(struct nlattr **a, void *data)
{
	struct outcome *o = data;

	o->role = nla_get_u32(a[XFRM_HA_A_GROUP_ROLE]);
	o->preparing = nl_number(a[XFRM_HA_A_GROUP_PREPARING]);
	o->synced = nl_number(a[XFRM_HA_A_GROUP_PEER_SYNCED]);
	o->peer_active = nl_has(a[XFRM_HA_A_GROUP_PEER_ROLE]) &&
			 !strcmp(nla_get_string(a[XFRM_HA_A_GROUP_PEER_ROLE]), "active");
	o->known = true;
}

static int look(const char *name, struct outcome *o)
{
	struct nl_msg *msg = nl_request(XFRM_HA_CMD_GROUP_GET, 0);

	o->known = false;
	nla_put_string(msg, XFRM_HA_A_GROUP_NAME, name);
	return nl_talk(msg, XFRM_HA_A_GROUP_MAX, note_role, o);
}

/* Until the group has the role that was asked for; one that is kept is a refusal. */
static int wait_for(const char *name, uint32_t role, uint32_t seconds)
{
	int64_t end = now_ms() + 1000LL * seconds;
	bool giving = role == XFRM_HA_ROLE_STANDBY;
	struct outcome o;
	int err;

	for (;;) {
		err = look(name, &o);
		if (err || (o.known && o.role == role))
			return err;
		if (giving && o.known && o.role == XFRM_HA_ROLE_ACTIVE && !o.preparing)
			return refuse("the peer did not take the group: this node goes on");
		if (now_ms() >= end)
			break;
		usleep(1000 * POLL_MS);
	}
	refuse("the group is %s after %u s", role_name(o.role), seconds);
	return LATE;
}

/*
 * The daemon knows of a device without carrier, of a script that fails, of an IKE daemon that has
 * died: what it gives a group away for. Where a peer is active, such a node is no better, and would
 * not keep it. 0: nothing is wrong, or there is no such peer, or no daemon
 */
static int refuse_trouble(const char *name)
{
	char *text, *rest, *line;
	struct outcome o;
	int err;

	err = look(name, &o);
	if (err || !o.known || o.role == XFRM_HA_ROLE_ACTIVE || !o.synced || !o.peer_active)
		return err;
	text = ask_soon("status");
	rest = text;
	while (!err && (line = strsep(&rest, "\n"))) {
		char *f[4];

		for (int i = 0; i < 4; i++)
			f[i] = strsep(&line, "\t") ?: "";
		if (!strcmp(f[0], "group") && !strcmp(f[1], name) && *f[3])
			err = refuse("takeover: %s, and the peer, in sync, is active: say "
				     "allow-trouble to take %s all the same", f[3], name);
	}
	free(text);
	return err;
}

/* Whatever is wrong here, the daemon is not to give it back for that. */
static void have_kept(const char *name)
{
	char word[XFRM_HA_NAME_MAX + 8];

	snprintf(word, sizeof(word), "keep %s", name);
	free(ask_soon(word));
}

/* takeover, release: NAME, and words that say how */
static int give_or_take(uint8_t cmd, uint32_t role, int argc, char **argv)
{
	bool take = cmd == XFRM_HA_CMD_GROUP_TAKEOVER, waits = false, trouble = !take;
	uint32_t seconds = 0;
	struct nl_msg *msg;
	int err, i;

	if (!argc)
		return usage("%s needs a name", take ? "takeover" : "release");
	msg = nl_request(cmd, 0);
	nla_put_string(msg, XFRM_HA_A_GROUP_NAME, argv[0]);
	for (i = 1; i < argc; i++) {
		if (take && !strcmp(argv[i], "force")) {
			nla_put_flag(msg, XFRM_HA_A_GROUP_FORCE);
			trouble = true;
		} else if (take && !strcmp(argv[i], "allow-trouble")) {
			trouble = true;
		} else if (!take && !strcmp(argv[i], "now")) {
			nla_put_flag(msg, XFRM_HA_A_GROUP_NOW);
		} else if (!strcmp(argv[i], "allow-missing")) {
			nla_put_flag(msg, XFRM_HA_A_GROUP_ALLOW_MISSING);
		} else if (!strcmp(argv[i], "wait") && i + 1 < argc &&
			   number(argv[i + 1], 3600, &seconds)) {
			waits = true;
			i++;
		} else {
			nlmsg_free(msg);
			return usage("%s takes %sallow-missing, and wait SECONDS, not \"%s\"",
				     take ? "takeover" : "release",
				     take ? "force, allow-trouble, " : "now, ", argv[i]);
		}
	}
	err = trouble ? 0 : refuse_trouble(argv[0]);
	if (err) {
		nlmsg_free(msg);
		return err;
	}
	if (take && trouble)
		have_kept(argv[0]);
	err = nl_talk(msg, XFRM_HA_A_GROUP_MAX, NULL, NULL);
	return err || !waits ? err : wait_for(argv[0], role, seconds);
}

int takeover(int argc, char **argv)
{
	return give_or_take(XFRM_HA_CMD_GROUP_TAKEOVER, XFRM_HA_ROLE_ACTIVE, argc, argv);
}

int release(int argc, char **argv)
{
	return give_or_take(XFRM_HA_CMD_GROUP_RELEASE, XFRM_HA_ROLE_STANDBY, argc, argv);
}
