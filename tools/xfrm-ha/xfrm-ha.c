// SPDX-License-Identifier: GPL-2.0
/* xfrm-ha: one table of commands drives dispatch, usage and completion. */

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../forwarder/commands.h"
#include "xfrm-ha.h"

#define GROUP_SETTINGS \
	"[interval N|auto] [quantity N] [max-age MS] [bitmap on|off] " \
	"[on-peer-loss takeover|notify|solo|hold] [sync strict|relaxed] " \
	"[replay strict|lenient] [join MS] [soft PERCENT] [prepare MS]"

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
	{ "takeover", NULL, "NAME [force] [allow-missing] [allow-trouble] [wait SECONDS]",
	  takeover },
	{ "release", NULL, "NAME [now] [allow-missing] [wait SECONDS]", release },
	{ "sa", "show", "[group NAME]", sa_show },
	{ "stat", "show", "[all]", stat_show },
	{ "node", "show", "", node_show },
	{ "node", "set", "[id N] [sa-limit N] [orphan-limit N] [orphan-age S]", node_set },
	{ "status", NULL, "", status },
	{ "top", NULL, "[group NAME] [interval SECONDS] [count N] [rows N]", top },
	{ "monitor", NULL, "", monitor },
	{ "watch", NULL, "[group NAME] [--on-takeover CMD] [--on-release CMD] "
			 "[--on-peer-lost CMD] [--initial] [--timeout S]", watch },
	{ "check", NULL, "[FILE] [node NAME]", file_check },
	{ "apply", NULL, "[FILE] [node NAME] [replace] [keys] [dry-run]", file_apply },
	{ "dump", NULL, "", file_dump },
	{ "keygen", NULL, "FILE", keygen },
	{ "forwarder", "run", "DEV cpus LIST [port N] [generic|native] [qsize N] [limit N]",
	  forwarder_run },
	{ "forwarder", "run", "DEV queues LIST [limit N]", forwarder_run },
	{ "forwarder", "set", "DEV cpus|queues LIST", forwarder_set },
	{ "forwarder", "show", "DEV", forwarder_show },
	{ "forwarder", "workers", "DEV", forwarder_workers },
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

/* @object: NULL, all of them */
static int help(FILE *to, const char *object)
{
	fprintf(to, "usage: xfrm-ha [-j] [-p] [-n NETNS] %s ...\n", object ?: "OBJECT COMMAND");
	for (const struct command *c = commands; c->object; c++)
		if (!object || !strcmp(object, c->object))
			fprintf(to, "  %s%s%s %s\n", c->object, c->name ? " " : "", c->name ?: "",
				c->usage);
	if (!object)
		fputs("  -j JSON, -p pretty JSON, -n in the netns of this name or path\n"
		      "exit status: 0 done, 1 usage, 2 refused, 3 already so, 4 no peer, "
		      "5 not in time; see xfrm-ha(8)\n", to);
	return to == stderr ? USAGE : DONE;
}

/* For completion: each command in a line. */
static int list(void)
{
	for (const struct command *c = commands; c->object; c++)
		printf("%s\t%s\t%s\n", c->object, c->name ?: "", c->usage);
	return DONE;
}

/* What ip calls them, too */
static const char *synonym(const char *word)
{
	static const char *const words[][2] = {
		{ "delete", "del" }, { "list", "show" }, { "lst", "show" }, { "ls", "show" },
	};

	for (unsigned int i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcmp(word, words[i][0]))
			return words[i][1];
	return word;
}

/*
 * The first command of the object that @word means; with @object, that object's command.
 * A word may be cut short as long as it can't be another one. NULL: that is said
 */
static const struct command *find(const char *object, const char *word)
{
	const struct command *found = NULL, *other = NULL;
	const char *name;

	if (object)
		word = synonym(word);
	for (const struct command *c = commands; c->object; c++) {
		name = object ? c->name : c->object;
		if ((object && strcmp(object, c->object)) || !is(word, name))
			continue;
		if (!strcmp(word, name))
			return c;
		if (!found)
			found = c;
		else if (strcmp(name, object ? found->name : found->object))
			other = c;
	}
	if (!found && object)
		usage("%s has no command \"%s\"", object, word);
	else if (!found)
		usage("there is no object \"%s\"", word);
	else if (other)
		usage("\"%s\" could be %s or %s", word, object ? found->name : found->object,
		      object ? other->name : other->object);
	return other ? NULL : found;
}

static bool wants_help(const char *word)
{
	return word && (!strcmp(word, "--help") || !strcmp(word, "-help") || !strcmp(word, "-h"));
}

static int dispatch(int argc, char **argv)
{
	static char words[64];
	const struct command *c = find(NULL, argv[0]);
	const char *name;

	if (!c)
		return USAGE;
	if (c->name)
		topic = c->object;
	doing = c->object;
	argv++;
	argc--;
	if (wants_help(argv[0]) || (c->name && argc && !strcmp(argv[0], "help")))
		return help(stdout, c->object);
	if (c->name) {
		name = argc ? *argv++ : "show";
		argc -= !!argc;
		c = find(c->object, name);
		if (!c)
			return USAGE;
		snprintf(words, sizeof(words), "%s %s", c->object, c->name);
		doing = words;
	}
	return wants_help(argv[0]) ? help(stdout, c->object) : c->run(argc, argv);
}

static const struct option options[] = {
	{ "json", no_argument, NULL, 'j' },
	{ "pretty", no_argument, NULL, 'p' },
	{ "netns", required_argument, NULL, 'n' },
	{ "help", no_argument, NULL, 'h' },
	{ "Version", no_argument, NULL, 'V' },
	{ "version", no_argument, NULL, 'V' },
	{ }
};

int main(int argc, char **argv)
{
	int opt;

	/* As ip has them: -json is --json. */
	while ((opt = getopt_long_only(argc, argv, "+:jpn:N:hV", options, NULL)) != -1) {
		switch (opt) {
		case 'p':
			pretty = true;
			/* fallthrough */
		case 'j':
			json = true;
			break;
		case 'n':
		case 'N':
			if (enter_netns(optarg))
				return REFUSED;
			break;
		case 'h':
			return help(stdout, NULL);
		case 'V':
			printf("xfrm-ha %s\n", VERSION);
			return DONE;
		case ':':
			return usage("%s needs a value", argv[optind - 1]);
		default:
			return usage("there is no option %s", argv[optind - 1]);
		}
	}
	argc -= optind;
	argv += optind;
	if (!argc)
		return help(stderr, NULL);
	if (!strcmp(argv[0], "help")) {
		const struct command *c = argc > 1 ? find(NULL, argv[1]) : NULL;

		return argc > 1 && !c ? USAGE : help(stdout, c ? c->object : NULL);
	}
	if (!strcmp(argv[0], "commands"))
		return list();
	return dispatch(argc, argv);
}
