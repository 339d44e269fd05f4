// SPDX-License-Identifier: GPL-2.0
/* xfrm-had: options, the order of start and stop, signals. */

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "had.h"
#include "tool.h"

#define PRIORITIES	2	/* of events: what the module says, and all else */

/*
 * In this order they hear of what happens: addresses before all that takes its time, but for the
 * SAs without which they would be of no use.
 */
static const struct had_part *const parts[] = {
	&control_part,
	&store_part,
	&address_part,
	&detour_part,
	&charon_part,
	&apply_part,
	&relay_part,
	&fence_part,
	&track_part,
	&hook_part,
	&metrics_part,
	NULL
};

void had_each_role(struct had *had, struct had_group *g)
{
	for (const struct had_part *const *p = parts; *p; p++)
		if ((*p)->role)
			(*p)->role(had, g);
}

void had_each_link(struct had *had, const char *device, uint32_t state)
{
	for (const struct had_part *const *p = parts; *p; p++)
		if ((*p)->link)
			(*p)->link(had, device, state);
}

void had_status(const char *format, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	notify("STATUS=%s", text);
}

static void say_error(const char *sentence, void *data)
{
	(void)data;
	had_log(LOG_ERR, "%s", sentence);
}

static void speak_to_log(const char *sentence)
{
	had_log(LOG_WARNING, "%s", sentence);
}

/* Each group's part of the configuration is the new one's. */
static bool point(struct had *had)
{
	for (struct had_group *g = had->groups; g; g = g->next)
		g->conf = NULL;
	for (const struct conf_group *c = had->conf->groups; c; c = c->next) {
		struct had_group *g = had_group(had, c->name);

		if (!g)
			return false;
		g->conf = c;
	}
	return true;
}

/*
 * What the file describes is brought about. On an error all stays as it is, but for the start:
 * what runs may be another group than the file's, its addresses are needed all the same.
 * Exit status.
 */
static int configure(struct had *had)
{
	struct conf *conf = conf_load(had->file, had->node, say_error, NULL);
	struct conf *old = had->conf;

	if (!conf)
		return REFUSED;
	if (apply(had, conf) && old) {
		conf_free(conf);
		return REFUSED;
	}
	had->conf = conf;
	if (!point(had)) {
		had_log(LOG_ERR, "out of memory");
		exit(REFUSED);
	}
	for (const struct had_part *const *p = parts; *p; p++)
		if ((*p)->configured)
			(*p)->configured(had, old);
	conf_free(old);
	return module_read(had) ? REFUSED : DONE;
}

static void on_hup(evutil_socket_t fd, short what, void *data)
{
	struct had *had = data;
	struct timespec t;

	(void)fd;
	(void)what;
	clock_gettime(CLOCK_MONOTONIC, &t);
	notify("RELOADING=1\nMONOTONIC_USEC=%llu",
	       t.tv_sec * 1000000ULL + t.tv_nsec / 1000);
	if (configure(had))
		had_log(LOG_ERR, "%s: not reloaded, all stays as it was", had->file);
	else
		had_log(LOG_NOTICE, "%s: reloaded", had->file);
	notify("READY=1");
}

static void on_term(evutil_socket_t fd, short what, void *data)
{
	struct had *had = data;

	(void)what;
	had_log(LOG_NOTICE, "%s: ends; what it has set up stays", strsignal(fd));
	event_base_loopexit(had->base, NULL);
	had->ended = true;
}

static void on_watchdog(evutil_socket_t fd, short what, void *data)
{
	(void)fd;
	(void)what;
	(void)data;
	notify("WATCHDOG=1");
}

static struct event *watch(struct had *had, int signal, event_callback_fn func)
{
	struct event *e = evsignal_new(had->base, signal, func, had);

	if (!e || event_add(e, NULL)) {
		had_log(LOG_ERR, "no signals: %s", strerror(errno));
		exit(REFUSED);
	}
	return e;
}

static int serve(struct had *had)
{
	uint64_t us = notify_watchdog_us() / 2;
	struct timeval period = { us / 1000000, us % 1000000 };
	struct event *events[] = {
		watch(had, SIGHUP, on_hup), watch(had, SIGTERM, on_term),
		watch(had, SIGINT, on_term), event_new(had->base, -1, EV_PERSIST, on_watchdog, had),
	};

	if (us)
		evtimer_add(events[3], &period);
	notify("READY=1\nSTATUS=%s", had->file);
	had_log(LOG_NOTICE, "node %s, %s", had->conf->node, had->file);
	event_base_dispatch(had->base);
	notify("STOPPING=1");
	for (unsigned int i = 0; i < sizeof(events) / sizeof(*events); i++)
		event_free(events[i]);
	return had->ended ? DONE : REFUSED;
}

static int run(struct had *had)
{
	int err = REFUSED;

	had->base = event_base_new();
	if (!had->base || event_base_priority_init(had->base, PRIORITIES)) {
		had_log(LOG_ERR, "no event loop");
		return REFUSED;
	}
	if (module_start(had))
		goto out;
	for (const struct had_part *const *p = parts; *p; p++)
		if ((*p)->start && (*p)->start(had)) {
			had_log(LOG_ERR, "%s: not started", (*p)->name);
			return REFUSED;
		}
	err = configure(had);
	if (!err)
		err = serve(had);
	for (const struct had_part *const *p = parts; *p; p++)
		if ((*p)->stop)
			(*p)->stop(had);
out:
	module_stop(had);
	event_base_free(had->base);
	conf_free(had->conf);
	while (had->groups) {
		struct had_group *g = had->groups;

		had->groups = g->next;
		free(g);
	}
	return err;
}

static int help(FILE *to)
{
	fputs("usage: xfrm-had [-d] [-s] [-f FILE] [-n NODE] [-N NETNS]\n"
	      "  -f the configuration; /etc/xfrm-ha/xfrm-ha.conf if not given\n"
	      "  -n the name of this node, as the file's \"on NODE\" has it\n"
	      "  -N in the network namespace of this name or path\n"
	      "  -d says more; -s says it to syslog; -h, -V\n"
	      "It stays in the foreground. SIGHUP: the file is read again. See xfrm-had(8).\n", to);
	return to == stderr ? USAGE : DONE;
}

int main(int argc, char **argv)
{
	static const struct option names[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ }
	};
	struct had had = { .file = CONF_FILE };
	bool debug = false, to_syslog = false;
	int opt;

	while ((opt = getopt_long(argc, argv, "df:hn:sN:V", names, NULL)) != -1) {
		switch (opt) {
		case 'd':
			debug = true;
			break;
		case 'f':
			had.file = optarg;
			break;
		case 'n':
			had.node = optarg;
			break;
		case 's':
			to_syslog = true;
			break;
		case 'N':
			if (enter_netns(optarg))
				return REFUSED;
			break;
		case 'h':
			return help(stdout);
		case 'V':
			printf("xfrm-had %s\n", VERSION);
			return DONE;
		default:
			return help(stderr);
		}
	}
	if (optind < argc)
		return help(stderr);
	log_open(to_syslog, debug ? LOG_DEBUG : LOG_INFO);
	speak = speak_to_log;
	doing = "the module";
	/* Keys may be in its memory: no core, no ptrace, no swap. */
	prctl(PR_SET_DUMPABLE, 0);
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		had_log(LOG_WARNING, "memory can't be locked: %s", strerror(errno));
	signal(SIGPIPE, SIG_IGN);
	return run(&had);
}
