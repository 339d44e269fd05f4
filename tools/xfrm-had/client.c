// SPDX-License-Identifier: GPL-2.0
/* Who is connected to a socket of the daemon's, to ask something: so many at most. */

#include <stdlib.h>
#include <unistd.h>

#include "client.h"

/**
 * client_new() - somebody has connected
 * @all: clients of the socket
 * @base: of the daemon
 * @fd: connection
 * @size: of what is kept of him, a struct client first
 *
 * Return: it, zeroed beyond that; NULL: there are too many, or there is no memory; @fd is closed.
 */
void *client_new(struct clients *all, struct event_base *base, int fd, size_t size)
{
	struct client *c = all->n < CLIENTS_MAX ? calloc(1, size) : NULL;

	if (c)
		c->b = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!c || !c->b) {
		free(c);
		close(fd);
		return NULL;
	}
	c->all = all;
	c->next = all->first;
	all->first = c;
	all->n++;
	return c;
}

void client_end(struct client *c)
{
	struct client **p = &c->all->first;

	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
	c->all->n--;
	if (c->all->ended)
		c->all->ended(c);
	bufferevent_free(c->b);
	free(c);
}

void client_on_event(struct bufferevent *b, short what, void *data)
{
	(void)b;
	(void)what;
	client_end(data);
}

void client_on_written(struct bufferevent *b, void *data)
{
	(void)b;
	client_end(data);
}
