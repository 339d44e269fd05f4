/* SPDX-License-Identifier: GPL-2.0 */
/* Who is connected to a socket of the daemon's, to ask something: so many at most. */
#ifndef XFRM_HAD_CLIENT_H
#define XFRM_HAD_CLIENT_H

#include <stddef.h>

#include <event2/bufferevent.h>

#define CLIENTS_MAX	16	/* of a socket */

struct client {
	struct clients *all;
	struct client *next;
	struct bufferevent *b;
};

struct clients {
	struct client *first;
	unsigned int n;
	void (*ended)(struct client *c);	/* before one is freed; may be NULL */
};

void *client_new(struct clients *all, struct event_base *base, int fd, size_t size);
void client_end(struct client *c);

/* For bufferevent_setcb(); @data is the client, who is gone then. */
void client_on_written(struct bufferevent *b, void *data);
void client_on_event(struct bufferevent *b, short what, void *data);

#endif
