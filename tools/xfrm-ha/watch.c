// SPDX-License-Identifier: GPL-2.0
/* xfrm-ha monitor: events as they happen; xfrm-ha watch: commands run on them. */

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "xfrm-ha.h"

/* Whatever an event is about, it is parsed into as many as a group has. */
static_assert((int)XFRM_HA_A_LINK_MAX <= (int)XFRM_HA_A_GROUP_MAX, "links have more");
static_assert((int)XFRM_HA_A_ENGINE_MAX <= (int)XFRM_HA_A_GROUP_MAX, "engines have more");

static const char *event_name(uint32_t event)
{
	return nl_name(&spec_event, event);
}

static void show_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	out_seconds("time", t.tv_sec * 1000000000ULL + t.tv_nsec);
}

static int show(struct nl_msg *msg, void *data)
{
	struct genlmsghdr *h = genlmsg_hdr(nlmsg_hdr(msg));
	struct nlattr *a[XFRM_HA_A_GROUP_MAX + 1];

	(void)data;
	if (genlmsg_parse(nlmsg_hdr(msg), 0, a, XFRM_HA_A_GROUP_MAX, NULL))
		return NL_OK;
	out_begin(false);
	out_object();
	show_time();
	if (h->cmd == XFRM_HA_CMD_LINK_NTF && a[XFRM_HA_A_LINK_EVENT]) {
		out_string("event", "%s", event_name(nla_get_u32(a[XFRM_HA_A_LINK_EVENT])));
		out_string("dev", "%s", nla_get_string(a[XFRM_HA_A_LINK_DEV]));
		out_string("state", "%s", link_state_name(nla_get_u32(a[XFRM_HA_A_LINK_STATE])));
		if (a[XFRM_HA_A_LINK_LOSS])
			out_string("reason", "%s",
				   link_loss_name(nla_get_u32(a[XFRM_HA_A_LINK_LOSS])));
	} else if (h->cmd == XFRM_HA_CMD_GROUP_NTF && a[XFRM_HA_A_GROUP_EVENT]) {
		out_string("event", "%s", event_name(nla_get_u32(a[XFRM_HA_A_GROUP_EVENT])));
		out_string("group", "%s", nla_get_string(a[XFRM_HA_A_GROUP_NAME]));
		out_string("role", "%s", role_name(nla_get_u32(a[XFRM_HA_A_GROUP_ROLE])));
		out_number("term", nla_get_u32(a[XFRM_HA_A_GROUP_TERM]));
		group_reason(a);
		out_number("missing", nla_get_u32(a[XFRM_HA_A_GROUP_MISSING]));
		out_number("peer_missing", nla_get_u32(a[XFRM_HA_A_GROUP_PEER_MISSING]));
	} else if (h->cmd == XFRM_HA_CMD_ENGINE_NTF && a[XFRM_HA_A_ENGINE_EVENT]) {
		out_string("event", "%s", event_name(nla_get_u32(a[XFRM_HA_A_ENGINE_EVENT])));
		out_string("dev", "%s", nla_get_string(a[XFRM_HA_A_ENGINE_DEV]));
		if (a[XFRM_HA_A_ENGINE_NIC])
			out_string("nic", "%s", nla_get_string(a[XFRM_HA_A_ENGINE_NIC]));
		if (a[XFRM_HA_A_ENGINE_SPI])
			out_string("spi", "0x%08x", ntohl(nla_get_u32(a[XFRM_HA_A_ENGINE_SPI])));
	}
	out_end();
	return NL_OK;
}

int monitor(int argc, char **argv)
{
	bool lost;
	int err;

	(void)argv;
	if (argc)
		return usage("monitor takes nothing");
	err = nl_join(show, NULL);
	while (!err)
		err = nl_wait(-1, NULL, &lost);
	return err;
}

#define LOOK_MS		1000
#define HOOK_TIMEOUT	60		/* s */
#define UNKNOWN		UINT64_MAX	/* as what was done */
#define INITIAL		UINT32_MAX	/* as an event */

/* A group, and the hook that was run for it last. */
struct watched {
	struct watched *next;
	char name[XFRM_HA_NAME_MAX + 1];
	uint64_t done;		/* see wanted() */
	uint32_t event;		/* the last that told what its role has become, or 0 */
	bool told;		/* active, by that */
	bool due;		/* its role is to be looked at */
};

struct watch {
	const char *group;	/* NULL: any */
	const char *takeover;
	const char *release;
	const char *peer_lost;
	uint32_t timeout;	/* s, of a command; 0: none */
	bool initial;
	bool heard;
	unsigned int peers_lost;
	struct watched *groups;
};

static volatile sig_atomic_t hangup;
static sigset_t unblocked;	/* while it waits */

static void told(int signal)
{
	if (signal == SIGHUP)
		hangup = 1;
}

/*
 * What is waited for is a child, or SIGHUP: neither comes but while this process waits, so that it
 * misses none. Commands that are run have their signals as they were.
 */
static void catch_signals(void)
{
	struct sigaction action = { .sa_handler = told };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, &unblocked);
	sigaction(SIGHUP, &action, NULL);
	sigaction(SIGCHLD, &action, NULL);
}

/* Until it ends, or the time is over; false: it is killed then, with what it has started. */
static bool wait_child(pid_t pid, uint32_t seconds, int *status)
{
	int64_t end = now_ms() + 1000LL * seconds, left;
	struct timespec t;
	pid_t ended;

	while (!(ended = waitpid(pid, status, WNOHANG))) {
		left = end - now_ms();
		if (seconds && left <= 0) {
			kill(-pid, SIGKILL);
			waitpid(pid, status, 0);
			return false;
		}
		t = (struct timespec){ left / 1000, left % 1000 * 1000000 };
		ppoll(NULL, 0, seconds ? &t : NULL, &unblocked);
	}
	if (ended < 0)
		*status = -1;
	return true;
}

/* One at a time: what moves addresses must not overtake itself. */
static void hook(const struct watch *w, const char *command, const char *event, const char *group,
		 const char *role, uint32_t term)
{
	char number[16];
	int status;
	pid_t pid;

	if (!command)
		return;
	pid = fork();
	if (!pid) {
		setpgid(0, 0);
		sigprocmask(SIG_SETMASK, &unblocked, NULL);
		snprintf(number, sizeof(number), "%u", term);
		setenv("XFRM_HA_EVENT", event, 1);
		setenv("XFRM_HA_GROUP", group, 1);
		setenv("XFRM_HA_ROLE", role, 1);
		setenv("XFRM_HA_TERM", number, 1);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	if (pid < 0) {
		refuse("%s: %s", event, strerror(errno));
		return;
	}
	/* Here, too: whoever is first. */
	setpgid(pid, pid);
	if (!wait_child(pid, w->timeout, &status))
		refuse("%s: the command for group %s was not done in %u s, and killed", event,
		       group, w->timeout);
	else if (!WIFEXITED(status) || WEXITSTATUS(status))
		refuse("%s: the command for group %s failed", event, group);
}

/* NULL: it is not watched. For what is new no hook was run: it has no addresses. */
static struct watched *find(struct watch *w, const char *name)
{
	struct watched **g = &w->groups;

	if (w->group && strcmp(name, w->group))
		return NULL;
	while (*g && strcmp((*g)->name, name))
		g = &(*g)->next;
	if (!*g) {
		*g = calloc(1, sizeof(**g));
		if (!*g)
			exit(refuse("out of memory"));
		snprintf((*g)->name, sizeof((*g)->name), "%s", name);
	}
	return *g;
}

/* Is the event about what the role has become? */
static bool tells(uint32_t event, bool active)
{
	return event == XFRM_HA_EVENT_ROLE_CHANGE ||
	       (active ? event == XFRM_HA_EVENT_TAKEOVER :
		event == XFRM_HA_EVENT_RELEASE || event == XFRM_HA_EVENT_DEPOSED);
}

/* Nothing is run here: what comes next may say that it is over. */
static int on_event(struct nl_msg *msg, void *data)
{
	struct genlmsghdr *h = genlmsg_hdr(nlmsg_hdr(msg));
	struct nlattr *a[XFRM_HA_A_GROUP_MAX + 1];
	struct watch *w = data;
	struct watched *g;
	uint32_t event;
	bool active;

	if (genlmsg_parse(nlmsg_hdr(msg), 0, a, XFRM_HA_A_GROUP_MAX, NULL))
		return NL_OK;
	w->heard |= h->cmd != XFRM_HA_CMD_ENGINE_NTF;
	if (h->cmd == XFRM_HA_CMD_LINK_NTF && a[XFRM_HA_A_LINK_EVENT] &&
	    nla_get_u32(a[XFRM_HA_A_LINK_EVENT]) == XFRM_HA_EVENT_PEER_LOST)
		w->peers_lost++;
	if (h->cmd != XFRM_HA_CMD_GROUP_NTF || !a[XFRM_HA_A_GROUP_EVENT])
		return NL_OK;
	g = find(w, nla_get_string(a[XFRM_HA_A_GROUP_NAME]));
	if (!g)
		return NL_OK;
	event = nla_get_u32(a[XFRM_HA_A_GROUP_EVENT]);
	active = nla_get_u32(a[XFRM_HA_A_GROUP_ROLE]) == XFRM_HA_ROLE_ACTIVE;
	if (tells(event, active)) {
		g->event = event;
		g->told = active;
	}
	g->due = event != XFRM_HA_EVENT_GROUP_DEL;
	if (!g->due && g->done)
		g->done = UNKNOWN;
	return NL_OK;
}

/*
 * 0: the release hook; else the takeover hook, for each takeover once: between two of them the
 * peer may have had the addresses, and they must be announced anew.
 */
static uint64_t wanted(struct nlattr **a)
{
	if (nla_get_u32(a[XFRM_HA_A_GROUP_ROLE]) != XFRM_HA_ROLE_ACTIVE)
		return 0;
	return nla_get_u64(a[XFRM_HA_A_GROUP_TAKEOVERS]) + 1;
}

/* All groups are read: when the watch begins, and where events may be missing. */
static void on_begin(struct nlattr **a, void *data)
{
	struct watched *g = find(data, nla_get_string(a[XFRM_HA_A_GROUP_NAME]));
	const struct watch *w = data;

	if (!g)
		return;
	g->done = w->initial ? UNKNOWN : wanted(a);
	g->due = w->initial;
	g->event = w->initial ? INITIAL : 0;
}

static void on_look(struct nlattr **a, void *data)
{
	struct watched *g = find(data, nla_get_string(a[XFRM_HA_A_GROUP_NAME]));

	if (g && g->done != wanted(a))
		g->due = true;
}

static int look(struct watch *w, answer func)
{
	return nl_talk(nl_request(XFRM_HA_CMD_GROUP_GET, NLM_F_DUMP), XFRM_HA_A_GROUP_MAX, func, w);
}

struct standing {
	uint64_t wanted;
	uint32_t role, term;
};

static void on_role(struct nlattr **a, void *data)
{
	struct standing *s = data;

	s->wanted = wanted(a);
	s->role = nla_get_u32(a[XFRM_HA_A_GROUP_ROLE]);
	s->term = nla_get_u32(a[XFRM_HA_A_GROUP_TERM]);
}

/* An event may be old when its turn comes: the role that stands decides. */
static void settle(const struct watch *w, struct watched *g)
{
	struct nl_msg *msg = nl_request(XFRM_HA_CMD_GROUP_GET, 0);
	uint32_t event = g->event;
	struct standing s = { };
	bool up;

	g->due = false;
	g->event = 0;
	nla_put_string(msg, XFRM_HA_A_GROUP_NAME, g->name);
	if (nl_talk(msg, XFRM_HA_A_GROUP_MAX, on_role, &s) || s.wanted == g->done)
		return;
	g->done = s.wanted;
	up = s.wanted;
	if (!event || (event != INITIAL && g->told != up))
		event = up ? XFRM_HA_EVENT_TAKEOVER : XFRM_HA_EVENT_RELEASE;
	hook(w, up ? w->takeover : w->release, event == INITIAL ? "initial" : event_name(event),
	     g->name, role_name(s.role), s.term);
}

static struct watched *first_due(const struct watch *w)
{
	struct watched *g = w->groups;

	while (g && !g->due)
		g = g->next;
	return g;
}

/*
 * The module tells no more than so many events a second, and does not say what it leaves out.
 * A second after one was heard, and while more are, all groups are looked at.
 */
static int follow(struct watch *w)
{
	int64_t next = 0, rest;
	struct watched *g;
	bool lost = false;
	int err;

	for (;;) {
		rest = next - now_ms();
		err = nl_wait(first_due(w) ? 0 : !next ? -1 : rest > 0 ? rest : 0, &unblocked,
			      &lost);
		if (!err && hangup) {
			hangup = 0;
			w->initial = true;
			err = look(w, on_begin);
		}
		if (err)
			return err;
		for (; w->peers_lost; w->peers_lost--)
			hook(w, w->peer_lost, "peer-lost", "", "", 0);
		g = first_due(w);
		if (g)
			settle(w, g);
		rest = next - now_ms();
		if (lost || (next && rest <= 0)) {
			err = look(w, on_look);
			if (err)
				return err;
			next = 0;
			lost = false;
		}
		if (w->heard && !next) {
			next = now_ms() + LOOK_MS;
			w->heard = false;
		}
	}
}

int watch(int argc, char **argv)
{
	/* What was left out may be of this second. */
	struct watch w = { .heard = true, .timeout = HOOK_TIMEOUT };
	int err;

	for (int i = 0; i < argc; i++) {
		const char **where = NULL;

		if (!strcmp(argv[i], "--initial")) {
			w.initial = true;
			continue;
		}
		if (!strcmp(argv[i], "--timeout") && i + 1 < argc) {
			if (!number(argv[++i], 86400, &w.timeout))
				return usage("timeout: \"%s\" is no number of seconds up to 86400",
					     argv[i]);
			continue;
		}
		if (!strcmp(argv[i], "group"))
			where = &w.group;
		else if (!strcmp(argv[i], "--on-takeover"))
			where = &w.takeover;
		else if (!strcmp(argv[i], "--on-release"))
			where = &w.release;
		else if (!strcmp(argv[i], "--on-peer-lost"))
			where = &w.peer_lost;
		if (!where || i + 1 == argc)
			return usage("watch: \"%s\" is not known, or needs a value", argv[i]);
		*where = argv[++i];
	}
	if (!w.takeover && !w.release && !w.peer_lost)
		return usage("watch needs a command to run");
	if (nl_open())
		return REFUSED;
	catch_signals();
	/* Events first: what changes after it was read is told. */
	err = nl_join(on_event, &w);
	if (!err)
		err = look(&w, on_begin);
	return err ? err : follow(&w);
}
