// SPDX-License-Identifier: GPL-2.0
/*
 * Figures for Prometheus and its like, by HTTP. libevent's evhttp has no limit of connections; of
 * HTTP nothing is needed but GET of one page. There are so many clients at most, and each has so
 * many octets for what it asks, so long to ask, and so long to take the answer, however it does.
 */

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "had.h"
#include "value.h"

#define CLIENTS_MAX	16
#define REQUEST_MAX	4096	/* octets */

static const struct timeval limit = { 5, 0 }, again = { 2, 0 };

struct client {
	struct client *next;
	struct bufferevent *b;
	struct event *timer;
	bool waits;			/* for the figures */
	bool open;			/* it takes OpenMetrics */
	bool head;			/* HEAD, not GET */
};

static struct had *had_;
static struct evconnlistener *listener;
static struct event *retry;
static char where[CONF_TEXT + 1];	/* "": nowhere */
static bool told;			/* that it can't be */
static struct client *clients;
static unsigned int n_clients;

static void end(struct client *c)
{
	struct client **p = &clients;

	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
	n_clients--;
	event_free(c->timer);
	bufferevent_free(c->b);
	free(c);
}

static void on_event(struct bufferevent *b, short what, void *data)
{
	(void)b;
	(void)what;
	end(data);
}

static void on_late(evutil_socket_t fd, short what, void *data)
{
	(void)fd;
	(void)what;
	end(data);
}

static void on_written(struct bufferevent *b, void *data)
{
	(void)b;
	end(data);
}

static void respond(struct client *c, const char *status, const char *type, const char *text,
		    size_t len)
{
	struct evbuffer *out = bufferevent_get_output(c->b);

	c->waits = false;
	evbuffer_add_printf(out, "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
			    "Connection: close\r\n\r\n", status, type, len);
	if (!c->head)
		evbuffer_add(out, text, len);
	bufferevent_setcb(c->b, NULL, on_written, on_event, c);
	bufferevent_enable(c->b, EV_WRITE);
	evtimer_add(c->timer, &limit);
}

static void refuse_it(struct client *c, const char *status)
{
	respond(c, status, "text/plain", "", 0);
}

static void on_figures(const struct figures_text *t)
{
	for (struct client *c = clients, *next; c; c = next) {
		next = c->next;
		if (!c->waits)
			continue;
		if (!t->text[c->open])
			refuse_it(c, "503 Service Unavailable");
		else
			respond(c, "200 OK", c->open ?
				"application/openmetrics-text; version=1.0.0; charset=utf-8" :
				"text/plain; version=0.0.4; charset=utf-8",
				t->text[c->open], t->len[c->open]);
	}
}

/* @line: the first one of a request. NULL, or what is wrong with it */
static const char *understand(struct client *c, char *line)
{
	char *method = strsep(&line, " "), *path = strsep(&line, " "), *version = line;

	if (!path || !version || strncmp(version, "HTTP/1.", 7))
		return "400 Bad Request";
	c->head = !strcmp(method, "HEAD");
	if (!c->head && strcmp(method, "GET"))
		return "405 Method Not Allowed\r\nAllow: GET, HEAD";
	path[strcspn(path, "?")] = '\0';
	return strcmp(path, "/metrics") ? "404 Not Found" : NULL;
}

static void on_read(struct bufferevent *b, void *data)
{
	struct evbuffer *in = bufferevent_get_input(b);
	struct client *c = data;
	const char *wrong;
	char *line;

	if (evbuffer_search(in, "\r\n\r\n", 4, NULL).pos < 0) {
		if (evbuffer_get_length(in) < REQUEST_MAX)
			return;
		bufferevent_disable(b, EV_READ);
		refuse_it(c, "431 Request Header Fields Too Large");
		return;
	}
	bufferevent_disable(b, EV_READ);
	line = evbuffer_readln(in, NULL, EVBUFFER_EOL_CRLF_STRICT);
	wrong = line ? understand(c, line) : "400 Bad Request";
	free(line);
	while ((line = evbuffer_readln(in, NULL, EVBUFFER_EOL_CRLF_STRICT))) {
		if (!strncasecmp(line, "accept:", 7) &&
		    strstr(line, "application/openmetrics-text"))
			c->open = true;
		free(line);
	}
	if (wrong) {
		refuse_it(c, wrong);
		return;
	}
	/* What it takes to read them is the daemon's time, not the client's. */
	evtimer_del(c->timer);
	c->waits = true;
	figures_ask(had_, on_figures);
}

static void on_client(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *from, int len,
		      void *data)
{
	struct client *c = n_clients < CLIENTS_MAX ? calloc(1, sizeof(*c)) : NULL;

	(void)l;
	(void)from;
	(void)len;
	(void)data;
	if (c) {
		c->timer = evtimer_new(had_->base, on_late, c);
		c->b = c->timer ? bufferevent_socket_new(had_->base, fd, BEV_OPT_CLOSE_ON_FREE) :
			NULL;
	}
	if (!c || !c->b) {
		if (c && c->timer)
			event_free(c->timer);
		free(c);
		close(fd);
		return;
	}
	c->next = clients;
	clients = c;
	n_clients++;
	bufferevent_setwatermark(c->b, EV_READ, 0, REQUEST_MAX);
	bufferevent_setcb(c->b, on_read, NULL, on_event, c);
	bufferevent_enable(c->b, EV_READ);
	evtimer_add(c->timer, &limit);
}

static void shut(void)
{
	evtimer_del(retry);
	while (clients)
		end(clients);
	if (!listener)
		return;
	evconnlistener_free(listener);
	listener = NULL;
	if (*where == '/')
		unlink(where);
}

/* A socket of a daemon before is no use to anybody; what else has that name is not touched. */
static void listen_there(void)
{
	struct sockaddr_storage address;
	socklen_t len;
	struct stat st;
	mode_t mask;

	if (!value_socket(where, &address, &len))
		return;
	if (*where == '/' && !lstat(where, &st) && S_ISSOCK(st.st_mode))
		unlink(where);
	mask = umask(0117);
	listener = evconnlistener_new_bind(had_->base, on_client, NULL, LEV_OPT_CLOSE_ON_FREE |
					   LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE, 16,
					   (void *)&address, len);
	if (!listener && !told)
		had_log(LOG_ERR, "metrics: %s: %s; tried again every 2 s", where, strerror(errno));
	umask(mask);
	told = !listener;
	if (listener)
		had_log(LOG_INFO, "metrics: %s", where);
	else
		evtimer_add(retry, &again);
}

static void on_retry(evutil_socket_t fd, short what, void *data)
{
	(void)fd;
	(void)what;
	(void)data;
	listen_there();
}

static void configured(struct had *had, const struct conf *old)
{
	const char *now = had->conf->metrics.listen;

	(void)old;
	if (!strcmp(now, where))
		return;
	shut();
	snprintf(where, sizeof(where), "%s", now);
	told = false;
	if (*where)
		listen_there();
}

static int start(struct had *had)
{
	had_ = had;
	retry = evtimer_new(had->base, on_retry, NULL);
	return retry ? 0 : -1;
}

static void stop(struct had *had)
{
	(void)had;
	shut();
	figures_stop();
	event_free(retry);
}

const struct had_part metrics_part = {
	.name = "metrics", .start = start, .configured = configured, .stop = stop
};
