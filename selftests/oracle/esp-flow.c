// SPDX-License-Identifier: GPL-2.0
/*
 * esp-flow: UDP flows of steady rate between two network namespaces of one
 * machine, so that one clock tells what was lost, and when.
 *
 *	esp-flow -a NETNS -A ADDRESS -b NETNS -B ADDRESS -n FLOWS -r RATE
 *		 [-s OCTETS] [-p PORT] [-l LOG]
 *
 * Flows go from a to b. Every packet carries its number. Until SIGTERM or
 * SIGINT; then one line a flow: sent, received, lost, duplicated, and the
 * longest gap between two received packets (ms). -l: "time flow number" of each
 * received one.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>

#include "../lib/netns.h"

#define FLOWS	256
#define PACKETS	(1 << 20)	/* of one flow */

struct flow {
	uint32_t sent, received, duplicated;
	double last, gap;
	uint8_t *got;
};

struct payload {
	uint32_t flow, number;
	uint8_t rest[1400];
};

static struct flow flows[FLOWS];
static volatile sig_atomic_t ended;

static void end(int sig)
{
	(void)sig;
	ended = 1;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void receive(int fd, FILE *log)
{
	struct payload p;

	while (recv(fd, &p, sizeof(p), MSG_DONTWAIT) >= 8) {
		struct flow *f = &flows[p.flow % FLOWS];
		double t = now();

		if (p.flow >= FLOWS || p.number >= PACKETS || !f->got)
			continue;
		if (f->got[p.number]) {
			f->duplicated++;
			continue;
		}
		f->got[p.number] = 1;
		f->received++;
		if (f->last && t - f->last > f->gap)
			f->gap = t - f->last;
		f->last = t;
		if (log)
			fprintf(log, "%.6f %u %u\n", t, p.flow, p.number);
	}
}

static void parse(const char *text, struct sockaddr_storage *a)
{
	struct sockaddr_in6 *six = (void *)a;
	struct sockaddr_in *four = (void *)a;

	a->ss_family = strchr(text, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(a->ss_family, text, a->ss_family == AF_INET ? (void *)&four->sin_addr :
		      (void *)&six->sin6_addr) != 1) {
		fprintf(stderr, "esp-flow: %s is no address\n", text);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	const char *a = NULL, *b = NULL;
	struct sockaddr_storage from = { }, to = { };
	int opt, tx, rx, timer, room = 16 << 20, n = 0, rate = 0, size = 160, port = 5000, next = 0;
	struct sigaction sa = { .sa_handler = end };
	struct itimerspec period = { 0 };
	struct payload p = { 0 };
	FILE *log = NULL;
	long ns;

	while ((opt = getopt(argc, argv, "a:A:b:B:n:r:s:p:l:")) != -1) {
		switch (opt) {
		case 'a':
			a = optarg;
			break;
		case 'b':
			b = optarg;
			break;
		case 'A':
			parse(optarg, &from);
			break;
		case 'B':
			parse(optarg, &to);
			break;
		case 'n':
			n = atoi(optarg);
			break;
		case 'r':
			rate = atoi(optarg);
			break;
		case 's':
			size = atoi(optarg);
			break;
		case 'p':
			port = atoi(optarg);
			break;
		case 'l':
			log = fopen(optarg, "w");
			break;
		}
	}
	if (!a || !b || n < 1 || n > FLOWS || rate < 1 || rate > 100000 || size < 8 ||
	    size > (int)sizeof(p) || optind != argc) {
		fputs("usage: esp-flow -a NETNS -A ADDRESS -b NETNS -B ADDRESS -n FLOWS\n"
		      "                -r RATE [-s OCTETS] [-p PORT] [-l LOG]\n", stderr);
		return 2;
	}
	for (int i = 0; i < n; i++)
		flows[i].got = calloc(PACKETS, 1);
	/* It is in the same place in both families. */
	((struct sockaddr_in *)&to)->sin_port = htons(port);
	netns_enter(a);
	tx = socket(from.ss_family, SOCK_DGRAM, 0);
	if (bind(tx, (void *)&from, sizeof(from)) || connect(tx, (void *)&to, sizeof(to))) {
		perror("esp-flow: sender");
		return 2;
	}
	netns_enter(b);
	rx = socket(to.ss_family, SOCK_DGRAM, 0);
	/* What has arrived is not lost for a receiver that has to wait for a CPU. */
	setsockopt(rx, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	if (bind(rx, (void *)&to, sizeof(to))) {
		perror("esp-flow: receiver");
		return 2;
	}
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);

	/* The flows take turns, so that their packets are spread evenly. */
	ns = 1000000000l / rate / n;
	period.it_interval.tv_sec = ns / 1000000000;
	period.it_interval.tv_nsec = ns % 1000000000;
	period.it_value = period.it_interval;
	timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	timerfd_settime(timer, 0, &period, NULL);
	while (!ended) {
		struct pollfd fds[2] = { { .fd = timer, .events = POLLIN },
					 { .fd = rx, .events = POLLIN } };
		uint64_t due = 0;

		if (poll(fds, 2, 1000) < 0 && errno != EINTR)
			break;
		receive(rx, log);
		if (read(timer, &due, sizeof(due)) != sizeof(due))
			continue;
		/* What a slow machine can't keep up with is not sent in a burst. */
		for (uint64_t i = 0; i < due && i < (uint64_t)n; i++) {
			struct flow *f = &flows[next];

			p.flow = next;
			p.number = f->sent;
			next = (next + 1) % n;
			if (f->sent < PACKETS && send(tx, &p, size, 0) == size)
				f->sent++;
		}
	}
	for (int i = 0; i < 20; i++) {
		struct pollfd fd = { .fd = rx, .events = POLLIN };

		poll(&fd, 1, 10);
		receive(rx, log);
	}
	for (int i = 0; i < n; i++)
		printf("flow %d sent %u received %u lost %u duplicated %u gap %.0f\n", i,
		       flows[i].sent, flows[i].received, flows[i].sent - flows[i].received,
		       flows[i].duplicated, flows[i].gap * 1000);
	if (log)
		fclose(log);
	return 0;
}
