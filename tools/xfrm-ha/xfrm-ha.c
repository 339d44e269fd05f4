// SPDX-License-Identifier: GPL-2.0
/* xfrm-ha: one table of commands drives dispatch, usage and completion. */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../forwarder/commands.h"
#include "xfrm-ha.h"

#define GROUP_SETTINGS \
	"[interval N|auto] [quantity N] [max-age MS] [bitmap on|off] " \
	"[on-peer-loss takeover|notify|solo|hold] [sync strict|relaxed] " \
	"[replay strict|lenient] [join MS] [soft PERCENT]"

#define ENGINE_SETTINGS \
	"[period MS] [initial N] [rise N] [decay PERCENT] [bonus N|auto] [threshold N|auto] " \
	"[swaps N] [horizon MS] [noise N] [saved NS] [adopt all|off|group NAME]"

const struct command commands[] = {
	{ "link", "add", "DEV peer MAC (key FILE | insecure) [heartbeat MS] [dead N] "
			 "[carrier-loss dead|at-once] [batch US] [ethertype N]", link_add },
	{ "link", "set", "DEV [peer MAC] [key FILE] [heartbeat MS] [dead N] "
			 "[carrier-loss dead|at-once] [batch US]", link_set },
	{ "link", "del", "DEV", link_del },
	{ "link", "show", "[DEV]", link_show },
	{ "group", "add", "NAME [address IP]... [reqid N] [mark V/M] [if_id N] [link DEV] "
			  "role active|standby [stripe BITS] [index K] [nodes N] "
			  GROUP_SETTINGS, group_add },
	{ "group", "set", "NAME " GROUP_SETTINGS, group_set },
	{ "group", "del", "NAME", group_del },
	{ "group", "show", "[NAME]", group_show },
	{ "takeover", NULL, "NAME [force] [allow-missing] [wait SECONDS]", takeover },
	{ "release", NULL, "NAME [allow-missing] [wait SECONDS]", release },
	{ "sa", "show", "[group NAME]", sa_show },
	{ "stat", "show", "[all]", stat_show },
	{ "node", "show", "", node_show },
	{ "node", "set", "[id N] [sa-limit N] [orphan-limit N] [orphan-age S]", node_set },
	{ "status", NULL, "", status },
	{ "monitor", NULL, "", monitor },
	{ "watch", NULL, "[group NAME] [--on-takeover CMD] [--on-release CMD] "
			 "[--on-peer-lost CMD] [--initial]", watch },
	{ "check", NULL, "[FILE] [node NAME]", file_check },
	{ "apply", NULL, "[FILE] [node NAME] [replace] [keys] [dry-run]", file_apply },
	{ "dump", NULL, "", file_dump },
	{ "keygen", NULL, "FILE", keygen },
	{ "forwarder", "run", "DEV cpus LIST [port N] [generic|native] [qsize N] [limit N]",
	  forwarder_run },
	{ "forwarder", "run", "DEV queues LIST [limit N]", forwarder_run },
	{ "forwarder", "set", "DEV cpus|queues LIST", forwarder_set },
	{ "forwarder", "show", "DEV", forwarder_show },
	{ "forwarder", "engines", "DEV", forwarder_engines },
	{ "forwarder", "stat", "DEV", forwarder_stat },
	{ "forwarder", "pin", "DEV SPI [address IP] cpu|queue N", forwarder_pin },
	{ "forwarder", "unpin", "DEV SPI [address IP]", forwarder_unpin },
	{ "engine", "show", "[DEV]", engine_show },
	{ "engine", "set", "DEV " ENGINE_SETTINGS, engine_set },
	{ "engine", "nic", "NIC [slots-in N|any] [slots-out N|any] [weight N]", engine_nic },
	{ "engine", "nics", "[DEV]", engine_nics },
	{ "engine", "drain", "NIC", engine_drain },
	{ "engine", "undrain", "NIC", engine_undrain },
	{ "engine", "pin", "DEV SPI [address IP] (nic NIC | software)", cache_pin },
	{ "engine", "unpin", "DEV SPI [address IP]", cache_unpin },
	{ "cache", "show", "[DEV]", cache_show },
	{ "cache", "pin", "DEV SPI [address IP] (nic NIC | software)", cache_pin },
	{ "cache", "unpin", "DEV SPI [address IP]", cache_unpin },
	{ "version", NULL, "", version },
	{ }
};

static int help(FILE *to)
{
	fputs("usage: xfrm-ha [-j] [-p] [-N NETNS] OBJECT COMMAND ...\n", to);
	for (const struct command *c = commands; c->object; c++)
		fprintf(to, "  %s%s%s %s\n", c->object, c->name ? " " : "", c->name ?: "",
			c->usage);
	fputs("  -j JSON, -p pretty JSON, -N in the network namespace of this name or path\n"
	      "exit status: 0 done, 1 refused, 2 usage, 3 already so, 4 no peer, 5 not in time; "
	      "see xfrm-ha(8)\n", to);
	return to == stderr ? USAGE : DONE;
}

/* For completion: each command in a line. */
static int list(void)
{
	for (const struct command *c = commands; c->object; c++)
		printf("%s\t%s\t%s\n", c->object, c->name ?: "", c->usage);
	return DONE;
}

static int enter(const char *netns)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s%s", strchr(netns, '/') ? "" : "/run/netns/", netns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		return refuse("network namespace %s: %s", netns, strerror(errno));
	close(fd);
	return DONE;
}

static int dispatch(int argc, char **argv)
{
	const struct command *c;
	bool object = false;

	/* Whole words first, then those cut short, in the order of the table. */
	for (int cut = 0; cut < 2; cut++) {
		for (c = commands; c->object; c++) {
			if (cut ? !is(argv[0], c->object) : strcmp(argv[0], c->object))
				continue;
			if (!c->name)
				return c->run(argc - 1, argv + 1);
			object = true;
			if (argc == 1 ? !strcmp(c->name, "show") : is(argv[1], c->name))
				return c->run(argc > 1 ? argc - 2 : 0, argv + (argc > 1 ? 2 : 1));
		}
		if (object)
			return usage("%s has no command \"%s\"", argv[0], argv[1]);
	}
	return usage("there is no object \"%s\"", argv[0]);
}

int main(int argc, char **argv)
{
	int opt;

	while ((opt = getopt(argc, argv, "+:jpN:hV")) != -1) {
		switch (opt) {
		case 'p':
			pretty = true;
			/* fallthrough */
		case 'j':
			json = true;
			break;
		case 'N':
			if (enter(optarg))
				return REFUSED;
			break;
		case 'h':
			return help(stdout);
		case 'V':
			printf("xfrm-ha %s\n", VERSION);
			return DONE;
		case ':':
			return usage("-%c needs a value", optopt);
		default:
			return usage("there is no option -%c", optopt);
		}
	}
	argc -= optind;
	argv += optind;
	if (!argc)
		return help(stderr);
	if (!strcmp(argv[0], "help"))
		return help(stdout);
	if (!strcmp(argv[0], "commands"))
		return list();
	return dispatch(argc, argv);
}
