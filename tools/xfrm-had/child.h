/* SPDX-License-Identifier: GPL-2.0 */
/* Programs that the daemon starts, and does not wait for. */
#ifndef XFRM_HAD_CHILD_H
#define XFRM_HAD_CHILD_H

#include <event2/event.h>

struct child;

int child_open(struct event_base *base);
void child_close(void);

/*
 * @env: NULL-terminated, besides that of the daemon. @ended: is told of the exit status, -1: it was
 * ended by a signal. After @seconds it is ended. NULL: it could not be started, said.
 */
struct child *child_run(const char *command, char *const *env, unsigned int seconds,
			void (*ended)(int status, void *data), void *data);
/* Nobody is told any more; it goes on, or with @kill, does not. */
void child_forget(struct child *c, int kill);

#endif
