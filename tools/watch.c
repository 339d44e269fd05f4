// SPDX-License-Identifier: GPL-2.0
/* xfrm-ha monitor: events as they happen; xfrm-ha watch: commands run on them. */

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "xfrm-ha.h"

static const char *const events[] = {
	"link-new", "link-set", "link-del", "link-up", "link-synced", "link-down", "peer-lost",
	"node-conflict", "link-security", "group-new", "group-set", "group-del", "role-change",
	"takeover", "release", "deposed", "takeover-wanted", "nic-up", "nic-down", "sa-moved",
};

/* Whatever an event is about, it is parsed into as many as a group has. */
static_assert((int)XFRM_HA_A_LINK_MAX <= (int)XFRM_HA_A_GROUP_MAX, "links have more");
static_assert((int)XFRM_HA_A_ENGINE_MAX <= (int)XFRM_HA_A_GROUP_MAX, "engines have more");

static const char *event_name(uint32_t event)
{
	return event < sizeof(events) / sizeof(*events) ? events[event] : "unknown";
}

static void show_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	out_string("time", "%lld.%06ld", (long long)t.tv_sec, t.tv_nsec / 1000);
}

static int show(struct nl_msg *msg, void *data)
{
	struct genlmsghdr *h = genlmsg_hdr(nlmsg_hdr(msg));
	struct nlattr *a[XFRM_HA_A_GROUP_MAX + 1];

	(void)data;
	if (genlmsg_parse(nlmsg_hdr(msg), 0, a, XFRM_HA_A_GROUP_MAX, NULL))
		return NL_OK;
	out_begin(false);
	out_object();
	show_time();
	if (h->cmd == XFRM_HA_CMD_LINK_NTF && a[XFRM_HA_A_LINK_EVENT]) {
		out_string("event", "%s", event_name(nla_get_u32(a[XFRM_HA_A_LINK_EVENT])));
		out_string("dev", "%s", nla_get_string(a[XFRM_HA_A_LINK_DEV]));
		out_string("state", "%s", link_state_name(nla_get_u32(a[XFRM_HA_A_LINK_STATE])));
	} else if (h->cmd == XFRM_HA_CMD_GROUP_NTF && a[XFRM_HA_A_GROUP_EVENT]) {
		out_string("event", "%s", event_name(nla_get_u32(a[XFRM_HA_A_GROUP_EVENT])));
		out_string("group", "%s", nla_get_string(a[XFRM_HA_A_GROUP_NAME]));
		out_string("role", "%s", role_name(nla_get_u32(a[XFRM_HA_A_GROUP_ROLE])));
		out_number("term", nla_get_u32(a[XFRM_HA_A_GROUP_TERM]));
	} else if (h->cmd == XFRM_HA_CMD_ENGINE_NTF && a[XFRM_HA_A_ENGINE_EVENT]) {
		out_string("event", "%s", event_name(nla_get_u32(a[XFRM_HA_A_ENGINE_EVENT])));
		out_string("dev", "%s", nla_get_string(a[XFRM_HA_A_ENGINE_DEV]));
		if (a[XFRM_HA_A_ENGINE_NIC])
			out_string("nic", "%s", nla_get_string(a[XFRM_HA_A_ENGINE_NIC]));
		if (a[XFRM_HA_A_ENGINE_SPI])
			out_string("spi", "0x%08x", ntohl(nla_get_u32(a[XFRM_HA_A_ENGINE_SPI])));
	}
	out_end();
	return NL_OK;
}

int monitor(int argc, char **argv)
{
	(void)argv;
	if (argc)
		return usage("monitor takes nothing");
	return nl_listen(show, NULL);
}

struct hooks {
	const char *group;	/* NULL: any */
	const char *takeover;
	const char *release;
	const char *peer_lost;
	bool initial;
};

/* One at a time, in the order of the events: what moves addresses must not overtake itself. */
static void hook(const char *command, const char *event, const char *group, const char *role,
		 uint32_t term)
{
	char number[16];
	int status;
	pid_t pid;

	if (!command)
		return;
	pid = fork();
	if (!pid) {
		snprintf(number, sizeof(number), "%u", term);
		setenv("XFRM_HA_EVENT", event, 1);
		setenv("XFRM_HA_GROUP", group, 1);
		setenv("XFRM_HA_ROLE", role, 1);
		setenv("XFRM_HA_TERM", number, 1);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		refuse("%s: %s", event, strerror(errno));
	else if (!WIFEXITED(status) || WEXITSTATUS(status))
		refuse("%s: the command for group %s failed", event, group);
}

static int on_event(struct nl_msg *msg, void *data)
{
	struct genlmsghdr *h = genlmsg_hdr(nlmsg_hdr(msg));
	struct nlattr *a[XFRM_HA_A_GROUP_MAX + 1];
	const char *event, *group, *command;
	const struct hooks *hooks = data;

	if (genlmsg_parse(nlmsg_hdr(msg), 0, a, XFRM_HA_A_GROUP_MAX, NULL))
		return NL_OK;
	if (h->cmd == XFRM_HA_CMD_LINK_NTF && a[XFRM_HA_A_LINK_EVENT] &&
	    nla_get_u32(a[XFRM_HA_A_LINK_EVENT]) == XFRM_HA_EVENT_PEER_LOST)
		hook(hooks->peer_lost, "peer-lost", "", "", 0);
	if (h->cmd != XFRM_HA_CMD_GROUP_NTF || !a[XFRM_HA_A_GROUP_EVENT])
		return NL_OK;
	event = event_name(nla_get_u32(a[XFRM_HA_A_GROUP_EVENT]));
	group = nla_get_string(a[XFRM_HA_A_GROUP_NAME]);
	if (hooks->group && strcmp(group, hooks->group))
		return NL_OK;
	switch (nla_get_u32(a[XFRM_HA_A_GROUP_EVENT])) {
	case XFRM_HA_EVENT_TAKEOVER:
		command = hooks->takeover;
		break;
	case XFRM_HA_EVENT_RELEASE:
	case XFRM_HA_EVENT_DEPOSED:
		command = hooks->release;
		break;
	case XFRM_HA_EVENT_ROLE_CHANGE:
		/* On the way to hand over: the addresses go before the peer takes them. */
		command = nla_get_u32(a[XFRM_HA_A_GROUP_ROLE]) == XFRM_HA_ROLE_RELEASING ?
			  hooks->release : NULL;
		break;
	default:
		command = NULL;
	}
	hook(command, event, group, role_name(nla_get_u32(a[XFRM_HA_A_GROUP_ROLE])),
	     nla_get_u32(a[XFRM_HA_A_GROUP_TERM]));
	return NL_OK;
}

/* As things are when the watch begins. */
static void initial(struct nlattr **a, void *data)
{
	uint32_t role = nla_get_u32(a[XFRM_HA_A_GROUP_ROLE]);
	const char *group = nla_get_string(a[XFRM_HA_A_GROUP_NAME]);
	const struct hooks *hooks = data;

	if (hooks->group && strcmp(group, hooks->group))
		return;
	hook(role == XFRM_HA_ROLE_ACTIVE ? hooks->takeover : hooks->release, "initial", group,
	     role_name(role), nla_get_u32(a[XFRM_HA_A_GROUP_TERM]));
}

int watch(int argc, char **argv)
{
	struct hooks hooks = { };
	int err;

	for (int i = 0; i < argc; i++) {
		const char **where = NULL;

		if (!strcmp(argv[i], "--initial")) {
			hooks.initial = true;
			continue;
		}
		if (!strcmp(argv[i], "group"))
			where = &hooks.group;
		else if (!strcmp(argv[i], "--on-takeover"))
			where = &hooks.takeover;
		else if (!strcmp(argv[i], "--on-release"))
			where = &hooks.release;
		else if (!strcmp(argv[i], "--on-peer-lost"))
			where = &hooks.peer_lost;
		if (!where || i + 1 == argc)
			return usage("watch: \"%s\" is not known, or needs a value", argv[i]);
		*where = argv[++i];
	}
	if (!hooks.takeover && !hooks.release && !hooks.peer_lost)
		return usage("watch needs a command to run");
	if (nl_open())
		return REFUSED;
	if (hooks.initial) {
		err = nl_talk(nl_request(XFRM_HA_CMD_GROUP_GET, NLM_F_DUMP), XFRM_HA_A_GROUP_MAX,
			      initial, &hooks);
		if (err)
			return err;
	}
	return nl_listen(on_event, &hooks);
}
