// SPDX-License-Identifier: GPL-2.0
/* xfrm-ha forwarder: its commands. All but run ask the one that runs. */

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "commands.h"
#include "forwarder.h"
#include "tool.h"

/* "0-2,5", each once; false: it is no list, or too long */
static bool list(const char *word, uint32_t *ids, int *n)
{
	unsigned int from, to;
	int used, i;

	*n = 0;
	for (;;) {
		if (*word < '0' || *word > '9' || sscanf(word, "%u%n", &from, &used) != 1)
			return false;
		word += used;
		to = from;
		if (*word == '-') {
			if (word[1] < '0' || word[1] > '9' ||
			    sscanf(word + 1, "%u%n", &to, &used) != 1)
				return false;
			word += used + 1;
		}
		if (to < from || to - from >= MAX_WORKERS)
			return false;
		for (; from <= to; from++) {
			for (i = 0; i < *n && ids[i] != from; i++)
				;
			if (i < *n)
				continue;
			if (*n == MAX_WORKERS)
				return false;
			ids[(*n)++] = from;
		}
		if (!*word)
			return true;
		if (*word++ != ',')
			return false;
	}
}

static int device(const char *dev, int *ifindex)
{
	*ifindex = if_nametoindex(dev);
	return *ifindex ? DONE : refuse("there is no device %s", dev);
}

static int check_cpus(const uint32_t *ids, int n)
{
	for (int i = 0; i < n; i++) {
		if (!cpu_online(ids[i]))
			return refuse("CPU %u is not online", ids[i]);
	}
	return DONE;
}

int forwarder_run(int argc, char **argv)
{
	struct settings s = { .port = 4500, .qsize = FWD_QSIZE, .limit = FWD_SAS };
	bool queues;

	if (argc < 3)
		return usage("forwarder run needs DEV, and cpus or queues with a LIST");
	s.dev = argv[0];
	queues = is(argv[1], "queues");
	if ((!queues && !is(argv[1], "cpus")) || !list(argv[2], s.workers, &s.n_workers))
		return usage("forwarder run needs cpus or queues with a LIST, like 0-2,5");
	for (int i = 3; i < argc; i++) {
		bool more = i + 1 < argc;

		if (more && is(argv[i], "limit") && number(argv[i + 1], FWD_SAS_MAX, &s.limit) &&
		    s.limit)
			i++;
		else if (!queues && is(argv[i], "generic") && !s.native)
			s.generic = true;
		else if (!queues && is(argv[i], "native") && !s.generic)
			s.native = true;
		else if (!queues && more && is(argv[i], "port") &&
			 number(argv[i + 1], 65535, &s.port) && s.port)
			i++;
		else if (!queues && more && is(argv[i], "qsize") &&
			 number(argv[i + 1], FWD_QSIZE_MAX, &s.qsize) && s.qsize)
			i++;
		else
			return usage("forwarder run: \"%s\" is not known, or its value is wrong",
				     argv[i]);
	}
	if (device(s.dev, &s.ifindex))
		return REFUSED;
	if (queues)
		return controller(&s, &ntuple_forwarder);
	if (check_cpus(s.workers, s.n_workers))
		return REFUSED;
	if (!&xdp_forwarder)
		return refuse("this xfrm-ha was built without XDP: clang, bpftool or libbpf was "
			      "missing");
	return controller(&s, &xdp_forwarder);
}

#define PATIENCE	10	/* seconds without an answer */

static int unanswered(const char *dev)
{
	if (errno == EAGAIN)
		return refuse("the forwarder on %s does not answer", dev);
	return refuse("the forwarder on %s: %s", dev, strerror(errno));
}

/* A request to the forwarder of a device; each answer goes to @func. Exit status */
static int ask(const char *dev, struct fwd_request *q, void (*func)(const struct fwd_answer *a))
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = PATIENCE };
	struct fwd_answer answer;
	int fd, ifindex;
	ssize_t n;

	if (device(dev, &ifindex))
		return REFUSED;
	run_path(a.sun_path, sizeof(a.sun_path), ifindex, "");
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	/* That of sending is that of connecting, too. */
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a))) {
		if (errno == ENOENT || errno == ECONNREFUSED)
			return refuse("no forwarder runs on %s", dev);
		return unanswered(dev);
	}
	if (send(fd, q, sizeof(*q), MSG_NOSIGNAL) != sizeof(*q))
		return unanswered(dev);
	while ((n = recv(fd, &answer, sizeof(answer), 0)) == sizeof(answer)) {
		if (answer.what != FWD_END) {
			func(&answer);
			continue;
		}
		close(fd);
		answer.text[sizeof(answer.text) - 1] = '\0';
		return answer.status ? refuse("%s", answer.text) : DONE;
	}
	return n < 0 ? unanswered(dev) : refuse("the forwarder on %s has gone", dev);
}

static int ask_for(int argc, char **argv, const char *name, int what, bool table,
		   void (*func)(const struct fwd_answer *a))
{
	struct fwd_request q = { .what = what };
	int err;

	if (argc != 1)
		return usage("forwarder %s takes DEV", name);
	out_begin(table);
	err = ask(argv[0], &q, func);
	if (!err)
		out_end();
	return err;
}

static void show_sa(const struct fwd_answer *a)
{
	bool v4 = key_is_v4(&a->key);
	char buf[INET6_ADDRSTRLEN];

	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? &a->key.daddr[3] : a->key.daddr, buf, sizeof(buf));
	out_object();
	out_string("dst", "%s", buf);
	out_string("spi", "0x%08x", ntohl(a->key.spi));
	out_number(a->queues ? "queue" : "cpu", a->worker);
	out_number("at", a->at);
	out_bool("pinned", a->pinned);
	out_number("packets", a->packets);
	if (json)
		out_number("bytes", a->bytes);
	out_number("load", a->rate);
	out_number("moves", a->moves);
}

int forwarder_show(int argc, char **argv)
{
	return ask_for(argc, argv, "show", FWD_SHOW, true, show_sa);
}

static void show_worker(const struct fwd_answer *a)
{
	out_object();
	out_number(a->queues ? "queue" : "cpu", a->worker);
	out_bool("used", a->usable);
	out_number("sas", a->sas);
	out_number("load", a->rate);
	out_number("packets", a->packets);
	out_number("dropped", a->dropped);
}

int forwarder_workers(int argc, char **argv)
{
	return ask_for(argc, argv, "workers", FWD_WORKERS, true, show_worker);
}

static void show_number(const struct fwd_answer *a)
{
	const char *text = strchr(a->text, '\t');

	if (!text)
		return;
	out_object();
	out_string("name", "%.*s", (int)(text - a->text), a->text);
	out_number("value", a->packets);
	out_string("text", "%s", text + 1);
}

int forwarder_stat(int argc, char **argv)
{
	return ask_for(argc, argv, "stat", FWD_STAT, true, show_number);
}

static void nothing(const struct fwd_answer *a)
{
	(void)a;
}

int forwarder_set(int argc, char **argv)
{
	struct fwd_request q = { .what = FWD_SET };
	int n;

	if (argc != 3 || (!is(argv[1], "cpus") && !is(argv[1], "queues")) ||
	    !list(argv[2], q.workers, &n))
		return usage("forwarder set needs DEV, and cpus or queues with a LIST");
	q.n = n;
	q.queues = is(argv[1], "queues");
	return ask(argv[0], &q, nothing);
}

static bool key_address(const char *word, struct fwd_key *key)
{
	uint8_t a[16];
	int len = parse_address(word, a);

	memset(key->daddr, 0, sizeof(key->daddr));
	if (len == 4)
		key->daddr[2] = htonl(0xffff);
	memcpy((uint8_t *)(key->daddr + 4) - len, a, len);
	return len;
}

static int pin(int argc, char **argv, const char *name, int what)
{
	struct fwd_request q = { .what = what };
	bool worker = what == FWD_UNPIN;
	int i = 2;

	if (argc < 2 || !parse_spi(argv[1], &q.key.spi))
		return usage("forwarder %s needs DEV and SPI", name);
	for (; i + 1 < argc; i += 2) {
		if (is(argv[i], "address") && key_address(argv[i + 1], &q.key))
			continue;
		if (!worker && (is(argv[i], "cpu") || is(argv[i], "queue")) &&
		    number(argv[i + 1], UINT32_MAX, &q.workers[0])) {
			q.queues = is(argv[i], "queue");
			worker = true;
			continue;
		}
		break;
	}
	if (i != argc)
		return usage("forwarder %s: \"%s\" is not known, or its value is wrong", name,
			     argv[i]);
	if (!worker)
		return usage("forwarder %s needs cpu N, or queue N", name);
	return ask(argv[0], &q, nothing);
}

int forwarder_pin(int argc, char **argv)
{
	return pin(argc, argv, "pin", FWD_PIN);
}

int forwarder_unpin(int argc, char **argv)
{
	return pin(argc, argv, "unpin", FWD_UNPIN);
}
