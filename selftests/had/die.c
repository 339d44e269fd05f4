// SPDX-License-Identifier: GPL-2.0
/*
 * For LD_PRELOAD: the daemon is killed just before it says something to the kernel.
 *
 * XFRM_HAD_DIE is a file. When it is there, and says a number, so many messages by netlink are sent
 * from then on, and the next one is not: the process dies as by kill -9. If it says "release", that
 * is the next one that releases a group. The file goes as soon as it was read.
 */

#include <dlfcn.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/xfrm_ha.h>

static int left = -1;		/* -1: as many as there are */
static bool at_release;

static void look(void)
{
	const char *path = getenv("XFRM_HAD_DIE");
	char word[16] = "";
	FILE *f = path ? fopen(path, "re") : NULL;

	if (!f)
		return;
	if (fscanf(f, "%15s", word) == 1 && !unlink(path)) {
		at_release = !strcmp(word, "release");
		left = at_release ? -1 : atoi(word);
	}
	fclose(f);
}

static bool releases(int fd, const struct msghdr *msg)
{
	const struct nlmsghdr *h = msg->msg_iovlen ? msg->msg_iov[0].iov_base : NULL;
	socklen_t len = sizeof(int);
	int protocol = -1;

	return h && msg->msg_iov[0].iov_len >= NLMSG_HDRLEN + GENL_HDRLEN &&
	       !getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len) &&
	       protocol == NETLINK_GENERIC && h->nlmsg_type > GENL_ID_CTRL &&
	       ((const struct genlmsghdr *)NLMSG_DATA(h))->cmd == XFRM_HA_CMD_GROUP_RELEASE;
}

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	ssize_t (*next)(int fd, const struct msghdr *msg, int flags) = dlsym(RTLD_NEXT, "sendmsg");
	int domain = -1;
	socklen_t len = sizeof(domain);

	if (!next) {
		errno = EINVAL;
		return -1;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) || domain != AF_NETLINK ||
	    strcmp(program_invocation_short_name, "xfrm-had"))
		return next(fd, msg, flags);
	look();
	if (!left || (at_release && releases(fd, msg)))
		kill(getpid(), SIGKILL);
	if (left > 0)
		left--;
	return next(fd, msg, flags);
}
