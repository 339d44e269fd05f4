// SPDX-License-Identifier: GPL-2.0
/*
 * xfrm-ha forwarder run: what happens to SAs goes to the allocator, and who asks at the
 * socket is answered. The socket is a name below /run/xfrm-ha, for root only, made of the
 * network namespace and the device. Who holds the lock beside it is the only one for that
 * device, and may replace a socket that a killed one has left.
 */

#include <errno.h>
#include <poll.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include "forwarder.h"
#include "lock.h"
#include "tool.h"

#define RUN		"/run/xfrm-ha"

static const struct forwarder *forwarder;
static char own_socket[sizeof(((struct sockaddr_un *)0)->sun_path)];
static char own_lock[sizeof(own_socket) + sizeof(".lock")];

bool cpu_online(uint32_t id)
{
	FILE *f = fopen("/sys/devices/system/cpu/online", "r");
	unsigned int from, to;
	bool found = false;

	while (f && !found && fscanf(f, "%u", &from) == 1) {
		to = from;
		if (fscanf(f, "-%u", &to) < 0)
			to = from;
		found = id >= from && id <= to;
		if (fgetc(f) != ',')
			break;
	}
	if (f)
		fclose(f);
	return found;
}

void run_path(char *path, size_t size, int ifindex, const char *suffix)
{
	struct stat st = { };

	stat("/proc/self/ns/net", &st);
	snprintf(path, size, RUN "/forwarder-%lu-%d%s", (unsigned long)st.st_ino, ifindex, suffix);
}

void started(const char *dev, const char *kind, const char *mode)
{
	out_begin(false);
	out_object();
	out_string("dev", "%s", dev);
	out_string("workers", "%s", kind);
	out_string("mode", "%s", mode);
	out_end();
}

int refuse_privileges(void)
{
	return refuse("privileges to load BPF programs are needed (CAP_BPF, CAP_PERFMON and "
		      "CAP_NET_ADMIN, or root)");
}

int refuse_folder(void)
{
	if (errno == EACCES || errno == EPERM || errno == ENOENT)
		return refuse(RUN ": %s; who is not root needs that folder as his own",
			      strerror(errno));
	return refuse(RUN ": %s", strerror(errno));
}

/* One forwarder for a device. It holds the lock as long as it lives; false: refused, and said. */
static bool lock(const struct settings *s)
{
	int fd;

	mkdir(RUN, 0700);
	run_path(own_lock, sizeof(own_lock), s->ifindex, ".lock");
	fd = lock_file(own_lock);
	if (fd == -EWOULDBLOCK)
		return !refuse("%s has a forwarder already", s->dev);
	errno = -fd;
	return fd >= 0 || !refuse_folder();
}

/* By who holds the lock */
static int open_socket(const struct settings *s)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	run_path(own_socket, sizeof(own_socket), s->ifindex, "");
	strcpy(a.sun_path, own_socket);
	unlink(own_socket);
	if (fd >= 0 && !bind(fd, (struct sockaddr *)&a, sizeof(a)) && !chmod(own_socket, 0600) &&
	    !listen(fd, 8))
		return fd;
	refuse_folder();
	return -1;
}

static void send_number(int fd, const char *name, uint64_t value, const char *text)
{
	struct fwd_answer a = { .what = FWD_NUMBER, .packets = value };

	snprintf(a.text, sizeof(a.text), "%s\t%s", name, text);
	send(fd, &a, sizeof(a), MSG_NOSIGNAL);
}

static void send_stat(int fd)
{
	static const char *const counts[FWD_COUNTS][2] = {
		[FWD_OTHER] = { "other", "frames that are not ESP: passed" },
		[FWD_FRAGMENT] = { "fragment", "fragments of no SA that is known: passed" },
		[FWD_IKE] = { "ike", "datagrams with a non-ESP marker: passed" },
		[FWD_KEEPALIVE] = { "keepalive", "NAT keepalives: passed" },
		[FWD_UNKNOWN] = { "unknown", "ESP of an unknown SPI: passed" },
		[FWD_KNOWN] = { "forwarded", "ESP that went to a worker" },
		[FWD_NO_CPU] = { "no_worker", "ESP whose worker is gone: passed" },
	};
	uint64_t packets, dropped, all = 0;

	for (int i = 0; i < FWD_COUNTS; i++)
		send_number(fd, counts[i][0], forwarder->count(i), counts[i][1]);
	for (int i = 0; i < n_workers; i++) {
		forwarder->measure_worker(workers[i].id, &packets, &dropped);
		all += dropped;
	}
	send_number(fd, "dropped", all, "packets that found the queue of their worker full");
	send_number(fd, "added", tally.added, "SAs that got a worker");
	send_number(fd, "deleted", tally.deleted, "SAs that went");
	send_number(fd, "full", tally.full, "SAs for which there was no room: passed");
	send_number(fd, "moves", tally.moves, "SAs that were given another worker");
	send_number(fd, "forced", tally.forced,
		    "of these, moved with packets still in a queue that overflowed");
	send_number(fd, "refused", tally.refused,
		    "times that the NIC did not change or remove a filter: it is tried again");
	send_number(fd, "dumps", tally.dumps, "times that all SAs were read");
	send_number(fd, "overruns", tally.overruns, "times that events of SAs were lost");
}

static void send_workers(int fd)
{
	for (int i = 0; i < n_workers; i++) {
		const struct worker *e = &workers[i];
		struct fwd_answer a = { .what = FWD_WORKER, .worker = e->id, .sas = e->sas,
					.rate = e->load >> 4, .usable = e->usable,
					.queues = !forwarder->cpus };

		forwarder->measure_worker(e->id, &a.packets, &a.dropped);
		send(fd, &a, sizeof(a), MSG_NOSIGNAL);
	}
}

struct reader {
	int fd;
	bool gone;
};

static void send_sa(struct sa *sa, void *data)
{
	struct fwd_answer a = { .what = FWD_SA, .key = sa->key, .pinned = sa->pinned,
				.rate = sa->rate >> 4, .queues = !forwarder->cpus };
	struct reader *r = data;

	if (!sa->mapped || r->gone)
		return;
	a.worker = sa->worker->id;
	forwarder->measure(sa, &a.packets, &a.bytes);
	forwarder->pending(sa, &a.at, &a.moves);
	r->gone = send(r->fd, &a, sizeof(a), MSG_NOSIGNAL) < 0;
}

/* Who asks calls its workers by the right name; false: it is answered. */
static bool right_kind(const struct fwd_request *q, struct fwd_answer *end)
{
	if (q->queues != forwarder->cpus)
		return true;
	snprintf(end->text, sizeof(end->text), "its workers are %s",
		 forwarder->cpus ? "CPUs, not queues" : "queues, not CPUs");
	end->status = REFUSED;
	return false;
}

static void set_workers(const struct fwd_request *q, struct fwd_answer *end)
{
	int err;

	if (!right_kind(q, end))
		return;
	for (uint32_t i = 0; i < q->n; i++) {
		if (!forwarder->cpus && forwarder->add_worker(q->workers[i])) {
			snprintf(end->text, sizeof(end->text), "there is no queue %u",
				 q->workers[i]);
			end->status = REFUSED;
			return;
		}
		if (forwarder->cpus && !cpu_online(q->workers[i])) {
			snprintf(end->text, sizeof(end->text), "CPU %u is not online",
				 q->workers[i]);
			end->status = REFUSED;
			return;
		}
	}
	err = alloc_workers(q->workers, q->n);
	if (err) {
		snprintf(end->text, sizeof(end->text), "%s", strerror(-err));
		end->status = REFUSED;
	}
}

static void pin(const struct fwd_request *q, bool on, struct fwd_answer *end)
{
	int err;

	if (on && !right_kind(q, end))
		return;
	err = alloc_pin(&q->key, q->workers[0], on);
	if (!err)
		return;
	end->status = REFUSED;
	if (err == -ENOENT)
		snprintf(end->text, sizeof(end->text), "no SA of the SPI 0x%08x is known",
			 ntohl(q->key.spi));
	else if (err == -ENOTUNIQ)
		snprintf(end->text, sizeof(end->text),
			 "several SAs have the SPI 0x%08x: say the address", ntohl(q->key.spi));
	else
		snprintf(end->text, sizeof(end->text), "%u is none of the workers",
			 q->workers[0]);
}

/* One request. Who does not read for a second has gone. */
static void serve(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	struct timeval patience = { .tv_sec = 1 };
	struct fwd_answer end = { .what = FWD_END };
	struct reader reader = { .fd = fd };
	struct fwd_request q;

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (recv(fd, &q, sizeof(q), 0) != sizeof(q) || q.n > MAX_WORKERS)
		goto out;
	/* Who has just added an SA finds it. */
	sa_read();
	switch (q.what) {
	case FWD_SHOW:
		alloc_each(send_sa, &reader);
		break;
	case FWD_STAT:
		send_stat(fd);
		break;
	case FWD_WORKERS:
		send_workers(fd);
		break;
	case FWD_SET:
		set_workers(&q, &end);
		break;
	case FWD_PIN:
	case FWD_UNPIN:
		pin(&q, q.what == FWD_PIN, &end);
		break;
	}
	send(fd, &end, sizeof(end), MSG_NOSIGNAL);
out:
	close(fd);
}

static int timer(void)
{
	struct itimerspec every = {
		.it_interval = { .tv_sec = PERIOD_MS / 1000 },
	};
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

	every.it_value = every.it_interval;
	timerfd_settime(fd, 0, &every, NULL);
	return fd;
}

static int loop(const struct settings *s, int listener, int signals)
{
	struct pollfd fds[] = {
		{ signals, POLLIN, 0 }, { timer(), POLLIN, 0 }, { listener, POLLIN, 0 },
		{ sa_fd(0), POLLIN, 0 }, { sa_fd(1), POLLIN, 0 },
	};
	struct signalfd_siginfo info;
	uint64_t expired;

	for (;;) {
		if (poll(fds, sizeof(fds) / sizeof(*fds), -1) < 0) {
			if (errno == EINTR)
				continue;
			return refuse("poll: %s", strerror(errno));
		}
		if (fds[0].revents && read(signals, &info, sizeof(info)) == sizeof(info)) {
			if (info.ssi_signo != SIGHUP)
				return DONE;
			sa_reload();
			if (forwarder->cpus)
				alloc_online(cpu_online);
		}
		if (fds[3].revents || fds[4].revents)
			sa_read();
		if (device_gone)
			return refuse("%s is gone", s->dev);
		if (fds[1].revents && read(fds[1].fd, &expired, sizeof(expired)) > 0) {
			sa_read();
			if (forwarder->cpus)
				alloc_online(cpu_online);
			alloc_period();
		}
		if (fds[2].revents)
			serve(listener);
	}
}

int controller(const struct settings *s, const struct forwarder *how)
{
	int listener, signals, err;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signals = signalfd(-1, &set, SFD_CLOEXEC);
	forwarder = how;
	if (!lock(s))
		return REFUSED;
	listener = open_socket(s);
	err = listener < 0 ? REFUSED : how->open(s);
	if (err)
		goto out;
	alloc_init(how, s);
	err = alloc_workers(s->workers, s->n_workers);
	if (err) {
		err = refuse("a worker can't be made: %s", strerror(-err));
		goto close;
	}
	err = sa_open(s);
	if (!err)
		err = loop(s, listener, signals);
close:
	how->close();
out:
	unlink(own_socket);
	/* Last: nobody else has begun before. */
	unlink(own_lock);
	return err;
}
