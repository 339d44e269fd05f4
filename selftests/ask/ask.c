// SPDX-License-Identifier: GPL-2.0
/* What the tool answers, as text instead of on its standard output. */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../tools/xfrm-ha/xfrm-ha.h"
#include "ask.h"

static const struct command shows[] = {
	{ "cache", "show", "", cache_show },
	{ "engine", "nics", "", engine_nics },
	{ "engine", "show", "", engine_show },
	{ "group", "show", "", group_show },
	{ "link", "show", "", link_show },
	{ "node", "show", "", node_show },
	{ "sa", "show", "", sa_show },
	{ "stat", "show", "", stat_show },
	{ }
};

static int enter(const char *netns)
{
	char path[256];
	int fd, err;

	snprintf(path, sizeof(path), "%s%s", strchr(netns, '/') ? "" : "/run/netns/", netns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	err = fd < 0 || setns(fd, CLONE_NEWNET);
	if (err)
		refuse("network namespace %s: %s", netns, strerror(errno));
	if (fd >= 0)
		close(fd);
	return err;
}

static int show(int argc, char **argv)
{
	int status;

	for (const struct command *c = shows; c->object; c++) {
		if (argc < 2 || strcmp(argv[0], c->object) || strcmp(argv[1], c->name))
			continue;
		json = true;
		status = c->run(argc - 2, argv + 2);
		hang_up();
		return status;
	}
	return usage("ask is for what is shown");
}

/**
 * ask() - what "xfrm-ha -N NETNS -j ..." answers
 * @argv: NETNS, and the words of a command that shows something
 * @text: to be freed; what it prints
 *
 * Neither a socket nor the namespace is held when this is done.
 *
 * Return: exit status.
 */
int ask(int argc, char **argv, char **text)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), status = REFUSED;
	FILE *out = stdout, *mine;
	size_t size;

	*text = NULL;
	mine = open_memstream(text, &size);
	if (home >= 0 && mine && argc > 0 && !enter(argv[0])) {
		stdout = mine;
		status = show(argc - 1, argv + 1);
		stdout = out;
		if (setns(home, CLONE_NEWNET)) {
			perror("ask: no way back");
			abort();
		}
	}
	if (mine)
		fclose(mine);
	if (home >= 0)
		close(home);
	return status;
}
