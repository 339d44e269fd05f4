// SPDX-License-Identifier: GPL-2.0
/* A file that is locked by who is alone. */

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lock.h"

/**
 * lock_file() - be the only one who holds a file
 * @path: made if it is not there. Who holds it removes it before the lock is let go.
 *
 * Return: a file descriptor, which is the lock; -EWOULDBLOCK: somebody else holds it; or another
 * error of open(2) or flock(2), negative.
 */
int lock_file(const char *path)
{
	struct stat here, there;
	int fd, err;

	for (;;) {
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0)
			return -errno;
		if (flock(fd, LOCK_EX | LOCK_NB)) {
			err = -errno;
			close(fd);
			return err;
		}
		/* Who held it may have removed its name before it let it go. */
		if (!fstat(fd, &here) && !stat(path, &there) && here.st_ino == there.st_ino &&
		    here.st_dev == there.st_dev)
			return fd;
		close(fd);
	}
}
