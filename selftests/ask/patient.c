// SPDX-License-Identifier: GPL-2.0
/*
 * For ping, by LD_PRELOAD: after its last packet it waits for answers as long as PATIENCE says, in
 * milliseconds. By itself it does so only if there was none at all, else for two of the longest
 * round trips that it has seen: half a millisecond, where a guest may stand still for longer.
 * When the last answer has come it ends as ever.
 */

#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>

#pragma GCC visibility push(default)
int setitimer(__itimer_which_t which, const struct itimerval *value, struct itimerval *old);
#pragma GCC visibility pop

int setitimer(__itimer_which_t which, const struct itimerval *value, struct itimerval *old)
{
	const char *patience = getenv("PATIENCE");
	long ms = patience ? atol(patience) : 0;
	struct itimerval longer = *value;
	typeof(setitimer) *real;

	if (which == ITIMER_REAL && timerisset(&value->it_value) &&
	    value->it_value.tv_sec * 1000 + value->it_value.tv_usec / 1000 < ms) {
		longer.it_value.tv_sec = ms / 1000;
		longer.it_value.tv_usec = ms % 1000 * 1000;
	}
	*(void **)&real = dlsym(RTLD_NEXT, "setitimer");
	return real(which, &longer, old);
}
