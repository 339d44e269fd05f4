// SPDX-License-Identifier: GPL-2.0
/*
 * For LD_PRELOAD: who removes an old socket is held there. $HOLD/there is made then, and
 * when $HOLD/go is there it goes on.
 */

#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int unlink(const char *path)
{
	int (*real)(const char *path) = dlsym(RTLD_NEXT, "unlink");
	const char *dir = getenv("HOLD");
	char there[256], go[256];

	if (dir && strstr(path, "/forwarder-")) {
		snprintf(there, sizeof(there), "%s/there", dir);
		snprintf(go, sizeof(go), "%s/go", dir);
		close(open(there, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
		while (access(go, F_OK))
			usleep(10000);
	}
	return real(path);
}
