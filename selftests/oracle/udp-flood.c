// SPDX-License-Identifier: GPL-2.0
/*
 * udp-flood: small UDP packets at a steady rate, many by one system call.
 *
 *	udp-flood NETNS FROM TO RATE
 *
 * Nobody needs to listen at TO. RATE is packets per second, 1000 to 10000000; what can't be kept
 * up with is left out. Until SIGTERM or SIGINT. IPv4.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include "../lib/netns.h"

#define PORT	9
#define SIZE	64
#define BATCH	64

static volatile sig_atomic_t ended;

static void end(int sig)
{
	(void)sig;
	ended = 1;
}

static void address(struct sockaddr_in *a, const char *text)
{
	a->sin_family = AF_INET;
	a->sin_port = htons(PORT);
	if (inet_pton(AF_INET, text, &a->sin_addr) != 1)
		die(text);
}

static int open_flow(char **argv)
{
	struct sockaddr_in from = { }, to = { };
	int fd;

	address(&from, argv[2]);
	address(&to, argv[3]);
	netns_enter(argv[1]);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof(from)) ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to)))
		die("socket");
	return fd;
}

static void send_some(int fd, int n)
{
	static struct mmsghdr batch[BATCH];
	static char buf[SIZE];
	struct iovec iov = { buf, SIZE };
	int i;

	for (i = 0; i < BATCH; i++) {
		batch[i].msg_hdr.msg_iov = &iov;
		batch[i].msg_hdr.msg_iovlen = 1;
	}
	/* A queue may be full: the number of the SA tells how many there were. */
	for (; n > 0; n -= BATCH)
		sendmmsg(fd, batch, n < BATCH ? n : BATCH, MSG_DONTWAIT);
}

int main(int argc, char **argv)
{
	struct itimerspec each = { { 0, 1000000 }, { 0, 1000000 } };
	long rate = argc == 5 ? strtol(argv[4], NULL, 10) : 0;
	unsigned long long ticks;
	int fd, timer;

	if (rate < 1000 || rate > 10000000) {
		fprintf(stderr, "udp-flood NETNS FROM TO RATE\n");
		return 2;
	}
	signal(SIGTERM, end);
	signal(SIGINT, end);
	fd = open_flow(argv);
	timer = timerfd_create(CLOCK_MONOTONIC, 0);
	if (timer < 0 || timerfd_settime(timer, 0, &each, NULL))
		die("timer");
	while (!ended) {
		if (read(timer, &ticks, sizeof(ticks)) != sizeof(ticks)) {
			if (errno == EINTR)
				continue;
			die("timer");
		}
		/* After a long pause not all at once. */
		send_some(fd, rate / 1000 * (ticks < 20 ? ticks : 20));
	}
	return 0;
}
