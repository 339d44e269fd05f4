// SPDX-License-Identifier: GPL-2.0
/* The tool is answered on a socket, see lib/ask.h. */

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ask.h"
#include "client.h"
#include "fence.h"
#include "had.h"
#include "lock.h"

static const struct timeval limit = { 5, 0 };

static struct had *all;
static struct evconnlistener *listener;
static struct sockaddr_un address;
static struct clients clients;
static int lock = -1;
static char lock_path[sizeof(address.sun_path) + 8];

static void tell_status(FILE *to)
{
	fprintf(to, "daemon\t%s\t%s\t%d\n", all->conf->node, all->file, apply_complete());
	for (const struct had_group *g = all->groups; g; g = g->next)
		if (g->running) {
			fprintf(to, "group\t%s\t%s\t%s\n", g->name, g->why, track_trouble(g) ?: "");
			detour_tell(g, to);
			store_status(g, to);
		}
	fence_status(to);
	relay_status(to);
}

static void answer(struct client *c, const char *word)
{
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);

	if (to && !strcmp(word, "conf"))
		conf_write(all->conf, to);
	else if (to && !strcmp(word, "status"))
		tell_status(to);
	else if (to && !strncmp(word, "keep ", 5) && track_keep(word + 5))
		fputs("kept\n", to);
	if (!to || fclose(to) || !len) {
		free(text);
		client_end(c);
		return;
	}
	bufferevent_disable(c->b, EV_READ);
	bufferevent_setcb(c->b, NULL, client_on_written, client_on_event, c);
	bufferevent_write(c->b, text, len);
	free(text);
}

static void on_read(struct bufferevent *b, void *data)
{
	char *word = evbuffer_readln(bufferevent_get_input(b), NULL, EVBUFFER_EOL_LF);

	if (word)
		answer(data, word);
	else if (evbuffer_get_length(bufferevent_get_input(b)) > 64)
		client_end(data);
	free(word);
}

static void on_client(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *from, int len,
		      void *data)
{
	struct client *c = client_new(&clients, all->base, fd, sizeof(*c));

	(void)l;
	(void)from;
	(void)len;
	(void)data;
	if (!c)
		return;
	bufferevent_set_timeouts(c->b, &limit, &limit);
	bufferevent_setcb(c->b, on_read, NULL, client_on_event, c);
	bufferevent_enable(c->b, EV_READ | EV_WRITE);
}

/* Who has the lock is the daemon of this network namespace. */
static int alone(void)
{
	if (mkdir(ASK_FOLDER, 0700) && errno != EEXIST)
		return -errno;
	snprintf(lock_path, sizeof(lock_path), "%s.lock", address.sun_path);
	lock = lock_file(lock_path);
	return lock < 0 ? lock : 0;
}

static int start(struct had *had)
{
	mode_t mask;
	int err;

	all = had;
	err = ask_address(&address) ? alone() : -errno;
	if (err == -EWOULDBLOCK) {
		had_log(LOG_ERR, "there is a daemon in this network namespace already");
		return -1;
	}
	if (err) {
		had_log(LOG_ERR, "%s: %s", ASK_FOLDER, strerror(-err));
		return -1;
	}
	unlink(address.sun_path);
	mask = umask(077);
	listener = evconnlistener_new_bind(had->base, on_client, NULL,
					   LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 16,
					   (void *)&address, sizeof(address));
	umask(mask);
	if (listener)
		return 0;
	had_log(LOG_ERR, "%s: %s", address.sun_path, strerror(errno));
	return -1;
}

static void stop(struct had *had)
{
	(void)had;
	while (clients.first)
		client_end(clients.first);
	evconnlistener_free(listener);
	unlink(address.sun_path);
	if (lock >= 0) {
		unlink(lock_path);
		close(lock);
	}
}

const struct had_part control_part = { .name = "control", .start = start, .stop = stop };
