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

#include "client.h"
#include "had.h"
#include "value.h"

#define REQUEST_MAX	4096	/* octets */

static const struct timeval limit = { 5, 0 }, again = { 2, 0 };

struct reader {
	struct client c;
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

static void ended(struct client *c)
{
	struct reader *r = (struct reader *)c;

	if (r->timer)
		event_free(r->timer);
}

static struct clients clients = { .ended = ended };

static void on_late(evutil_socket_t fd, short what, void *data)
{
	(void)fd;
	(void)what;
	client_end(data);
}

static void respond(struct reader *r, const char *status, const char *type, const char *text,
		    size_t len)
{
	struct evbuffer *out = bufferevent_get_output(r->c.b);

	r->waits = false;
	evbuffer_add_printf(out, "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
			    "Connection: close\r\n\r\n", status, type, len);
	if (!r->head)
		evbuffer_add(out, text, len);
	bufferevent_setcb(r->c.b, NULL, client_on_written, client_on_event, r);
	bufferevent_enable(r->c.b, EV_WRITE);
	evtimer_add(r->timer, &limit);
}

static void refuse_it(struct reader *r, const char *status)
{
	respond(r, status, "text/plain", "", 0);
}

static void on_figures(const struct figures_text *t)
{
	for (struct client *c = clients.first, *next; c; c = next) {
		struct reader *r = (struct reader *)c;

		next = c->next;
		if (!r->waits)
			continue;
		if (!t->text[r->open])
			refuse_it(r, "503 Service Unavailable");
		else
			respond(r, "200 OK", r->open ?
				"application/openmetrics-text; version=1.0.0; charset=utf-8" :
				"text/plain; version=0.0.4; charset=utf-8",
				t->text[r->open], t->len[r->open]);
	}
}

/* @line: the first one of a request. NULL, or what is wrong with it */
static const char *understand(struct reader *r, char *line)
{
	char *method = strsep(&line, " "), *path = strsep(&line, " "), *version = line;

	if (!path || !version || strncmp(version, "HTTP/1.", 7))
		return "400 Bad Request";
	r->head = !strcmp(method, "HEAD");
	if (!r->head && strcmp(method, "GET"))
		return "405 Method Not Allowed\r\nAllow: GET, HEAD";
	path[strcspn(path, "?")] = '\0';
	return strcmp(path, "/metrics") ? "404 Not Found" : NULL;
}

static void on_read(struct bufferevent *b, void *data)
{
	struct evbuffer *in = bufferevent_get_input(b);
	struct reader *r = data;
	const char *wrong;
	char *line;

	if (evbuffer_search(in, "\r\n\r\n", 4, NULL).pos < 0) {
		if (evbuffer_get_length(in) < REQUEST_MAX)
			return;
		bufferevent_disable(b, EV_READ);
		refuse_it(r, "431 Request Header Fields Too Large");
		return;
	}
	bufferevent_disable(b, EV_READ);
	line = evbuffer_readln(in, NULL, EVBUFFER_EOL_CRLF_STRICT);
	wrong = line ? understand(r, line) : "400 Bad Request";
	free(line);
	while ((line = evbuffer_readln(in, NULL, EVBUFFER_EOL_CRLF_STRICT))) {
		if (!strncasecmp(line, "accept:", 7) &&
		    strstr(line, "application/openmetrics-text"))
			r->open = true;
		free(line);
	}
	if (wrong) {
		refuse_it(r, wrong);
		return;
	}
	/* What it takes to read them is the daemon's time, not the client's. */
	evtimer_del(r->timer);
	r->waits = true;
	figures_ask(had_, on_figures);
}

static void on_client(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *from, int len,
		      void *data)
{
	struct reader *r = client_new(&clients, had_->base, fd, sizeof(*r));

	(void)l;
	(void)from;
	(void)len;
	(void)data;
	if (!r)
		return;
	r->timer = evtimer_new(had_->base, on_late, r);
	if (!r->timer) {
		client_end(&r->c);
		return;
	}
	bufferevent_setwatermark(r->c.b, EV_READ, 0, REQUEST_MAX);
	bufferevent_setcb(r->c.b, on_read, NULL, client_on_event, r);
	bufferevent_enable(r->c.b, EV_READ);
	evtimer_add(r->timer, &limit);
}

static void shut(void)
{
	evtimer_del(retry);
	while (clients.first)
		client_end(clients.first);
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
