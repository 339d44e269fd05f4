// SPDX-License-Identifier: GPL-2.0
/* The socket of the daemon: each network namespace has one, as it has one daemon at most. */

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ask.h"

#define ANSWER_MAX	(4 << 20)
#define WAIT_MS		5000
#define SOON_MS		1000

bool ask_address(struct sockaddr_un *a)
{
	struct stat st;

	if (stat("/proc/self/ns/net", &st))
		return false;
	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(a->sun_path, sizeof(a->sun_path), ASK_FOLDER "/had-%llu.sock",
		 (unsigned long long)st.st_ino);
	return true;
}

/* The answer to @word, to be freed */
static char *ask_within(const char *word, int ms)
{
	struct sockaddr_un a;
	char *text = NULL, *more;
	size_t used = 0, size = 0;
	ssize_t n = -1;
	int fd;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || !ask_address(&a) || connect(fd, (void *)&a, sizeof(a)) ||
	    dprintf(fd, "%s\n", word) < 0)
		goto out;
	do {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		if (size - used < 4096) {
			size = 2 * size + 8192;
			more = size <= ANSWER_MAX ? realloc(text, size) : NULL;
			if (!more) {
				n = -1;
				break;
			}
			text = more;
		}
		n = poll(&p, 1, ms) == 1 ? read(fd, text + used, size - used - 1) : -1;
		used += n > 0 ? n : 0;
	} while (n > 0);
out:
	if (fd >= 0)
		close(fd);
	if (n < 0) {
		free(text);
		return NULL;
	}
	text[used] = '\0';
	return text;
}

char *ask(const char *word)
{
	return ask_within(word, WAIT_MS);
}

char *ask_soon(const char *word)
{
	return ask_within(word, SOON_MS);
}
