// SPDX-License-Identifier: GPL-2.0
/*
 * Commands of bash, for what tests do most often:
 *
 *	enable -f .../ask.so ask enter
 *	ask NETNS sa show		# sets REPLY to what "xfrm-ha -N NETNS -j sa show" prints
 *	spawn ip link ...		# a program, not a function: as without the first word
 *	spawn -n NETNS ping ...		# as ip netns exec NETNS ping ...
 *	spawn -r jq ...			# REPLY=$(jq ...)
 *	is_program ip			# neither function nor builtin
 *
 * To start a process takes far longer than what it would do. Where it can be done here it is, by
 * the tool's own code; else by vfork(): what fork() makes of bash's memory, for nothing, takes most
 * of the time where the kernel is emulated. For tests only: what bash's licence says of it as a
 * whole is another matter.
 */

#include <loadables.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ask.h"

#define WORDS 16

/* Bash's findcmd.h, which is not among the headers that there are. */
char *search_for_command(const char *name, int flags);

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

/* Of the child, which has the parent's memory: nothing but system calls. sysfs is that of the
 * network namespace.
 */
static bool enter(int ns, const char *name)
{
	return !setns(ns, CLONE_NEWNET) && !unshare(CLONE_NEWNS) &&
		!mount("", "/", "none", MS_SLAVE | MS_REC, NULL) && !umount2("/sys", MNT_DETACH) &&
		!mount(name, "/sys", "sysfs", 0, NULL);
}

/* A handler of bash's must not run in the child. What is ignored stays so. */
static void no_handlers(void)
{
	struct sigaction action;

	for (int sig = 1; sig < NSIG; sig++) {
		if (sigaction(sig, NULL, &action) || action.sa_handler == SIG_DFL ||
		    action.sa_handler == SIG_IGN)
			continue;
		action.sa_handler = SIG_DFL;
		action.sa_flags = 0;
		sigaction(sig, &action, NULL);
	}
}

static const char *netns_path(const char *name, char *path, size_t size)
{
	snprintf(path, size, "%s%s", strchr(name, '/') ? "" : "/run/netns/", name);
	return path;
}

/* What comes from the child, without the line ends at its end. */
static char *all_of(int fd)
{
	size_t size = 0, room = 0;
	char *text = NULL;
	ssize_t n;

	for (;;) {
		if (size + 1 >= room) {
			room = room ? 2 * room : 4096;
			text = xrealloc(text, room);
		}
		n = read(fd, text + size, room - size - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		size += n;
	}
	while (size && text[size - 1] == '\n')
		size--;
	text[size] = '\0';
	return text;
}

/* Bash's own handler would take the status of any child: it sees none until this has it. */
static int start(const char *path, char **argv, int ns, const char *netns, char **text)
{
	int ends[2] = { -1, -1 }, status = 0;
	volatile int error = 0;
	sigset_t all, before;
	pid_t pid;

	if (text && pipe2(ends, O_CLOEXEC))
		return EXECUTION_FAILURE;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = vfork();
	if (!pid) {
		no_handlers();
		if (text)
			dup2(ends[1], STDOUT_FILENO);
		sigprocmask(SIG_SETMASK, &before, NULL);
		if (ns < 0 || enter(ns, netns))
			execve(path, argv, export_env);
		error = errno;
		_exit(EX_NOTFOUND);
	}
	if (pid < 0)
		error = errno;
	all = before;
	sigaddset(&all, SIGCHLD);
	sigprocmask(SIG_SETMASK, &all, NULL);
	if (text) {
		close(ends[1]);
		*text = all_of(ends[0]);
		close(ends[0]);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (error) {
		builtin_error("%s: %s", path, strerror(error));
		return error == ENOENT ? EX_NOTFOUND : EX_NOEXEC;
	}
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int run_spawn(WORD_LIST *list)
{
	char *netns = NULL, *path, *text = NULL, **argv, netns_file[256];
	int option, ns = -1, status;
	bool reply = false;

	reset_internal_getopt();
	while ((option = internal_getopt(list, "n:r")) != -1) {
		if (option == 'n')
			netns = list_optarg;
		else if (option == 'r')
			reply = true;
		else
			return EX_USAGE;
	}
	list = loptend;
	if (!list)
		return EX_USAGE;
	path = search_for_command(list->word->word, 0);
	if (!path) {
		builtin_error("%s: command not found", list->word->word);
		return EX_NOTFOUND;
	}
	if (netns) {
		ns = open(netns_path(netns, netns_file, sizeof(netns_file)), O_RDONLY | O_CLOEXEC);
		if (ns < 0) {
			builtin_error("%s: %s", netns_file, strerror(errno));
			free(path);
			return EXECUTION_FAILURE;
		}
	}
	maybe_make_export_env();
	argv = strvec_from_word_list(list, 0, 0, NULL);
	fflush(stdout);
	status = start(path, argv, ns, netns, reply ? &text : NULL);
	if (reply)
		bind_variable("REPLY", text ? text : "", 0);
	free(text);
	free(argv);
	free(path);
	if (ns >= 0)
		close(ns);
	return status;
}

static char *spawn_help[] = { "Runs a program, in a netns, its output in REPLY.", NULL };

__attribute__((visibility("default"))) struct builtin spawn_struct = {
	.name = "spawn", .function = run_spawn, .flags = BUILTIN_ENABLED,
	.long_doc = spawn_help, .short_doc = "spawn [-n NETNS] [-r] PROGRAM [ARG...]",
};

static int run_is_program(WORD_LIST *list)
{
	if (!list)
		return EX_USAGE;
	return find_function(list->word->word) || builtin_address(list->word->word) ?
		EXECUTION_FAILURE : EXECUTION_SUCCESS;
}

static char *is_program_help[] = { "Neither function nor builtin.", NULL };

__attribute__((visibility("default"))) struct builtin is_program_struct = {
	.name = "is_program", .function = run_is_program, .flags = BUILTIN_ENABLED,
	.long_doc = is_program_help, .short_doc = "is_program WORD",
};
