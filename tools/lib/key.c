// SPDX-License-Identifier: GPL-2.0
/* Files that hold the key of a link. */

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plan.h"
#include "tool.h"

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = tolower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* 32 octets as they are, or as 64 hexadecimal digits. */
int key_read(const char *file, uint8_t *key)
{
	char buf[80] = "";
	struct stat st;
	ssize_t n;
	int fd;

	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st)) {
		if (fd >= 0)
			close(fd);
		return refuse("%s: %s", file, strerror(errno));
	}
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	if (st.st_mode & 077)
		return refuse("%s can be read by others: chmod 600", file);
	if (n == XFRM_HA_KEY_LEN) {
		memcpy(key, buf, XFRM_HA_KEY_LEN);
		return DONE;
	}
	while (n > 0 && isspace((unsigned char)buf[n - 1]))
		n--;
	for (int i = 0; n == 2 * XFRM_HA_KEY_LEN && i < n; i++) {
		int d = digit(buf[i]);

		if (d < 0)
			n = -1;
		else
			key[i / 2] = i % 2 ? key[i / 2] << 4 | d : d;
	}
	explicit_bzero(buf, sizeof(buf));
	if (n != 2 * XFRM_HA_KEY_LEN)
		return refuse("%s holds no key: 32 octets or 64 hexadecimal digits", file);
	return DONE;
}
