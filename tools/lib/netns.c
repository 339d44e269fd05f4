// SPDX-License-Identifier: GPL-2.0
/* Network namespaces, by the names that ip-netns(8) gives them. */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

/* enter_netns() - from now on in the network namespace of this name or path; exit status */
int enter_netns(const char *netns)
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
