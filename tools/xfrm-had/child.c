// SPDX-License-Identifier: GPL-2.0
/* Programs that the daemon starts: each in a process group of its own, for a limited time. */

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "had.h"

#define ENV_MAX	16

struct child {
	struct child *next;
	pid_t pid;
	bool told;			/* to end */
	struct event *limit;
	void (*ended)(int status, void *data);
	void *data;
};

static struct event_base *base;
static struct event *exited;
static struct child *children;

/* What does not heed the first signal gets another one. */
static void on_limit(evutil_socket_t fd, short what, void *data)
{
	static const struct timeval more = { 2, 0 };
	struct child *c = data;

	(void)fd;
	(void)what;
	kill(-c->pid, c->told ? SIGKILL : SIGTERM);
	c->told = true;
	evtimer_add(c->limit, &more);
}

static void on_exit_of(evutil_socket_t fd, short what, void *data)
{
	struct child **p = &children, *c;
	int status;

	(void)fd;
	(void)what;
	(void)data;
	while ((c = *p)) {
		if (waitpid(c->pid, &status, WNOHANG) != c->pid) {
			p = &c->next;
			continue;
		}
		*p = c->next;
		event_free(c->limit);
		if (c->ended)
			c->ended(WIFEXITED(status) ? WEXITSTATUS(status) : -1, c->data);
		free(c);
		/* Who was told may have started or forgotten another one. */
		p = &children;
	}
}

/* The first that is there counts: @env stands before the daemon's. */
static char **environment(char *const *env)
{
	size_t n = 0, m = 0;
	char **all;

	while (environ[n])
		n++;
	all = calloc(n + ENV_MAX + 1, sizeof(*all));
	if (!all)
		return NULL;
	for (; env && env[m] && m < ENV_MAX; m++)
		all[m] = env[m];
	for (size_t i = 0; i < n; i++)
		if (strncmp(environ[i], "NOTIFY_SOCKET=", 14) &&
		    strncmp(environ[i], "WATCHDOG_", 9))
			all[m++] = environ[i];
	return all;
}

static int spawn(const char *command, char *const *env, pid_t *pid)
{
	char *const argv[] = { "sh", "-c", (char *)command, NULL };
	char **all = environment(env);
	posix_spawnattr_t attr;
	sigset_t set;
	int err;

	if (!all)
		return -ENOMEM;
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF |
				 POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setpgroup(&attr, 0);
	sigemptyset(&set);
	posix_spawnattr_setsigmask(&attr, &set);
	sigfillset(&set);
	posix_spawnattr_setsigdefault(&attr, &set);
	err = posix_spawn(pid, "/bin/sh", NULL, &attr, argv, all);
	posix_spawnattr_destroy(&attr);
	free(all);
	return -err;
}

struct child *child_run(const char *command, char *const *env, unsigned int seconds,
			void (*ended)(int status, void *data), void *data)
{
	const struct timeval limit = { seconds, 0 };
	struct child *c = calloc(1, sizeof(*c));
	int err = -ENOMEM;

	if (c)
		c->limit = evtimer_new(base, on_limit, c);
	if (c && c->limit)
		err = spawn(command, env, &c->pid);
	if (err) {
		had_log(LOG_ERR, "%s: %s", command, strerror(-err));
		if (c && c->limit)
			event_free(c->limit);
		free(c);
		return NULL;
	}
	c->ended = ended;
	c->data = data;
	evtimer_add(c->limit, &limit);
	c->next = children;
	children = c;
	return c;
}

void child_forget(struct child *c, int how)
{
	if (!c)
		return;
	c->ended = NULL;
	if (how)
		kill(-c->pid, SIGKILL);
}

int child_open(struct event_base *b)
{
	base = b;
	exited = evsignal_new(base, SIGCHLD, on_exit_of, NULL);
	return exited && !event_add(exited, NULL) ? 0 : -1;
}

void child_close(void)
{
	while (children) {
		struct child *c = children;

		children = c->next;
		event_free(c->limit);
		free(c);
	}
	if (exited)
		event_free(exited);
}
