// SPDX-License-Identifier: GPL-2.0
/*
 * Commands of bash, for what tests do most often:
 *
 *	enable -f .../ask.so ask enter
 *	ask NETNS sa show		# sets REPLY to what "xfrm-ha -N NETNS -j sa show" prints
 *	(enter NETNS && exec ping ...)	# as ip netns exec NETNS ping ...
 *
 * To start a process takes far longer than what it would do; the tool's own code answers here. For
 * tests only: what bash's licence says of it as a whole is another matter.
 */

#include <loadables.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>

#include "ask.h"

#define WORDS 16

static int run_ask(WORD_LIST *list)
{
	char *argv[WORDS], *text = NULL;
	int argc = 0, status;

	for (; list && argc < WORDS; list = list->next)
		argv[argc++] = list->word->word;
	status = ask(argc, argv, &text);
	if (text)
		text[strcspn(text, "\n")] = '\0';
	bind_variable("REPLY", text ? text : "", 0);
	free(text);
	return status;
}

static char *ask_help[] = { "What xfrm-ha shows, as JSON, in REPLY.", NULL };

__attribute__((visibility("default"))) struct builtin ask_struct = {
	.name = "ask", .function = run_ask, .flags = BUILTIN_ENABLED,
	.long_doc = ask_help, .short_doc = "ask NETNS OBJECT COMMAND [ARG...]",
};

/* A subshell's, which ends with it: sysfs is that of the network namespace. */
static int run_enter(WORD_LIST *list)
{
	char path[256];
	int fd;

	if (!list)
		return EX_USAGE;
	snprintf(path, sizeof(path), "/run/netns/%s", list->word->word);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET)) {
		builtin_error("%s: %s", path, strerror(errno));
		return EXECUTION_FAILURE;
	}
	close(fd);
	if (unshare(CLONE_NEWNS) || mount("", "/", "none", MS_SLAVE | MS_REC, NULL) ||
	    umount2("/sys", MNT_DETACH) || mount(list->word->word, "/sys", "sysfs", 0, NULL)) {
		builtin_error("/sys: %s", strerror(errno));
		return EXECUTION_FAILURE;
	}
	return EXECUTION_SUCCESS;
}

static char *enter_help[] = { "Into a network namespace, as ip netns exec.", NULL };

__attribute__((visibility("default"))) struct builtin enter_struct = {
	.name = "enter", .function = run_enter, .flags = BUILTIN_ENABLED,
	.long_doc = enter_help, .short_doc = "enter NETNS",
};
