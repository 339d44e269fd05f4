// SPDX-License-Identifier: GPL-2.0
/*
 * frame-play: frames that were recorded are sent again, in turn, at a steady rate.
 *
 *	frame-play NETNS DEVICE FILE RATE
 *
 * FILE has a frame a line, in hex, Ethernet header included. RATE is frames per second, 1000 to
 * 1000000; after a pause what was left out is made up for, 100 ms of it at most. Until SIGTERM or
 * SIGINT; says then how many there were, and how many a second while the device was up.
 */
#include <errno.h>
#include <net/if.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>

#include <linux/if_packet.h>

#include "../lib/netns.h"

#define FRAMES	256
#define SIZE	2048
#define BATCH	64

static volatile sig_atomic_t ended;
static unsigned char frames[FRAMES][SIZE];
static struct iovec iov[FRAMES];

static void end(int sig)
{
	(void)sig;
	ended = 1;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static int read_frames(const char *name)
{
	FILE *f = fopen(name, "r");
	char line[2 * SIZE + 2];
	int n = 0, i;

	if (!f)
		die(name);
	while (n < FRAMES && fgets(line, sizeof(line), f)) {
		for (i = 0; i < SIZE && sscanf(line + 2 * i, "%2hhx", &frames[n][i]) == 1; i++)
			;
		if (i)
			iov[n++] = (struct iovec){ frames[n], i };
	}
	fclose(f);
	if (!n)
		die("no frames");
	return n;
}

static int open_device(const char *name)
{
	struct sockaddr_ll a = { .sll_family = AF_PACKET };
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	a.sll_ifindex = if_nametoindex(name);
	if (fd < 0 || !a.sll_ifindex || bind(fd, (struct sockaddr *)&a, sizeof(a)))
		die(name);
	return fd;
}

/* How many were sent: none while the device is down. */
static int play(int fd, int *next, int total, int n)
{
	static struct mmsghdr batch[BATCH];
	int i, sent = 0, m;

	while (n > 0) {
		m = n < BATCH ? n : BATCH;
		for (i = 0; i < m; i++) {
			batch[i].msg_hdr.msg_iov = &iov[(*next + i) % total];
			batch[i].msg_hdr.msg_iovlen = 1;
		}
		m = sendmmsg(fd, batch, m, MSG_DONTWAIT);
		if (m <= 0)
			break;
		*next = (*next + m) % total;
		sent += m;
		n -= m;
	}
	return sent;
}

int main(int argc, char **argv)
{
	struct itimerspec each = { { 0, 1000000 }, { 0, 1000000 } };
	long rate = argc == 5 ? strtol(argv[4], NULL, 10) : 0;
	unsigned long long ticks, sent = 0;
	double last, tick, up = 0;
	int fd, timer, total, n, next = 0;

	if (rate < 1000 || rate > 1000000) {
		fprintf(stderr, "frame-play NETNS DEVICE FILE RATE\n");
		return 2;
	}
	signal(SIGTERM, end);
	signal(SIGINT, end);
	total = read_frames(argv[3]);
	netns_enter(argv[1]);
	fd = open_device(argv[2]);
	timer = timerfd_create(CLOCK_MONOTONIC, 0);
	if (timer < 0 || timerfd_settime(timer, 0, &each, NULL))
		die("timer");
	printf("ready\n");
	fflush(stdout);
	last = now();
	while (!ended) {
		if (read(timer, &ticks, sizeof(ticks)) != sizeof(ticks)) {
			if (errno == EINTR)
				continue;
			die("timer");
		}
		n = play(fd, &next, total, rate / 1000 * (ticks < 100 ? ticks : 100));
		tick = now();
		if (n) {
			sent += n;
			up += tick - last;
		}
		last = tick;
	}
	printf("played %llu a second %.0f\n", sent, up ? sent / up : 0);
	return 0;
}
