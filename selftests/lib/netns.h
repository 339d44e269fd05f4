/* SPDX-License-Identifier: GPL-2.0 */
/* For the tests' programs: they work in several network namespaces. */
#ifndef _XFRM_HA_NETNS_H
#define _XFRM_HA_NETNS_H

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void die(const char *what)
{
	perror(what);
	exit(2);
}

/* What is opened from here on is in the namespace that "ip netns" calls so. */
static inline void netns_enter(const char *name)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		die(path);
	close(fd);
}

#endif
