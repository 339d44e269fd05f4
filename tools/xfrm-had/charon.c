// SPDX-License-Identifier: GPL-2.0
/*
 * charon with its ha plugin: it has the IKE_SAs of both gateways, and those of its segment are
 * active on one of them, passive on the other. Roles and segments are made one thing. What charon
 * says that it has counts, not what it was told: it may have begun anew meanwhile, and the plugins
 * tell each other by UDP what to be. So it is asked, when the role has changed and now and then,
 * and what does not fit the role is mended, however it came about.
 *
 * Active, and
 *	IKE_SAs are passive: "+1", by which the peer's become passive. It is nothing to a charon
 *	whose segment is active already, as that is where IKE_SAs came in later: "-1" and "+1".
 *	the peer lacks SAs for long: "*1", by which the plugin sends all. One that begins asks for
 *	that after a second, too early if charon was not yet told of its connections.
 *	CHILD_SAs are missing, which the plugin brings later than their IKE_SA: the group's scripts
 *	are run at once. As long as they are missing, a remote end that renews one is told that
 *	there is none, and may remove its policies until there is another.
 *	charon has died: the peer has the IKE_SAs, and gets the group.
 * Standby, and
 *	IKE_SAs are active: "-1", but only when the peer's role is active, for by that its IKE_SAs
 *	become active. If it does not help, charon begins anew.
 *	the peer has not been in sync all the time since charon began: what the plugin sent
 *	meanwhile is lost. charon begins anew, and asks the peer for all.
 *	SAs are missing though there are IKE_SAs: what adds to these would make them twice. charon
 *	begins anew.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "had.h"
#include "vici.h"

#define SOON_MS		20U	/* from a word to charon until it is asked what it has now */
#define TRY_MS		200	/* between tries to reach charon */
#define POLL_MS		1000	/* between questions while all is well, or longer, see BUSY */
#define BUSY		20	/* the part of the time in which charon is asked: 1 of so many */
#define READ_MS		5	/* between looks whether a word was read */
#define READ_MAX_MS	1000	/* after which it is taken back */
#define WRONG_MAX	4	/* answers in a row that don't fit, until something else is tried */
#define RESTART_MS	30000	/* between restarts */
#define MISSED_MS	10000	/* with SAs missing, until a standby's charon begins anew */
#define RESYNC_MS	20000	/* likewise, until an active one sends all */
#define PATIENCE_MAX	32	/* that is twice as long each time, up to so many times */

enum { NOTHING, ACTIVE, PASSIVE };

struct charon {
	struct had_group *g;
	const struct conf_charon *conf;	/* NULL: the group has it no more */
	struct event *tick, *reader;
	struct vici *vici;
	uint64_t began;			/* ms: when this connection was made */
	uint64_t asked;			/* ms: 0: nothing */
	uint64_t silent;		/* ms: since then it owes an answer, or is away; 0: no */
	uint64_t apart;			/* ms: the peer was not in sync, the last time */
	bool met, synced;		/* the group was seen; its peer was in sync then */
	uint64_t restarted;		/* ms; 0: never */
	uint64_t missed;		/* ms: since then one of the gateways lacks SAs; 0: none */
	unsigned int patience;		/* how much longer that may be */
	int want;			/* then, and now */
	struct child *restarting;
	struct vici_sas sas;
	bool known;			/* @sas is of this connection's charon */
	bool died;			/* it did where the group is active, which still is */
	int told;			/* ACTIVE, PASSIVE: to this one, since that is wanted */
	unsigned int wrong;		/* answers in a row that don't fit */

	int fifo;
	const char *words[2];		/* that it is to read, one after the other */
	uint64_t since;			/* ms: the first of them was its turn */
	bool written;			/* it was */
};

static struct had *all;

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ULL + t.tv_nsec / 1000000;
}

static void after(struct event *e, unsigned int ms)
{
	const struct timeval t = { ms / 1000, ms % 1000 * 1000 };

	evtimer_add(e, &t);
}

static const char *path(const char *said, const char *otherwise)
{
	return said[0] ? said : otherwise;
}

/* --- the FIFO: charon opens it anew for each word, and takes what it reads at once for one --- */

static void forget_words(struct charon *c)
{
	if (c->fifo >= 0)
		close(c->fifo);
	c->fifo = -1;
	c->words[0] = NULL;
	c->words[1] = NULL;
	c->written = false;
	evtimer_del(c->reader);
}

/* 0; -ENXIO: nobody reads just now */
static int write_word(struct charon *c)
{
	struct stat st;

	if (c->fifo < 0)
		c->fifo = open(path(c->conf->fifo, CONF_FIFO), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (c->fifo < 0 || fstat(c->fifo, &st))
		return -errno;
	if (!S_ISFIFO(st.st_mode))
		return -EINVAL;
	return write(c->fifo, c->words[0], strlen(c->words[0])) < 0 ? -errno : 0;
}

static bool was_read(const struct charon *c)
{
	int left;

	return c->written && !ioctl(c->fifo, FIONREAD, &left) && !left;
}

static void on_reader(evutil_socket_t fd, short what, void *data)
{
	struct charon *c = data;
	int err = 0;

	(void)fd;
	(void)what;
	if (was_read(c)) {
		c->words[0] = c->words[1];
		c->words[1] = NULL;
		c->written = false;
		c->since = now_ms();
	}
	if (!c->words[0]) {
		forget_words(c);
		after(c->tick, SOON_MS);
		return;
	}
	if (!c->written) {
		err = write_word(c);
		c->written = !err;
	}
	if ((err && err != -ENXIO) || now_ms() - c->since > READ_MAX_MS) {
		had_log(LOG_WARNING, "group %s: charon does not read its FIFO%s%s", c->g->name,
			err ? ": " : "", err ? strerror(-err) : "");
		forget_words(c);
		c->told = NOTHING;
		after(c->tick, POLL_MS);
		return;
	}
	after(c->reader, READ_MS);
}

static void tell(struct charon *c, const char *first, const char *second)
{
	forget_words(c);
	c->words[0] = first;
	c->words[1] = second;
	c->since = now_ms();
	had_log(LOG_DEBUG, "group %s: charon is told %.2s %.2s", c->g->name, first,
		second ?: "");
	on_reader(-1, 0, c);
}

/* --- what is wanted, and what is --- */

static int wanted(const struct had_group *g)
{
	if (had_active(g))
		return ACTIVE;
	return g->running && g->role == XFRM_HA_ROLE_STANDBY && !strcmp(g->peer_role, "active") ?
	       PASSIVE : NOTHING;
}

static void on_restarted(int status, void *data)
{
	struct charon *c = data;

	c->restarting = NULL;
	if (status)
		had_log(LOG_WARNING, "group %s: charon was not restarted, status %d", c->g->name,
			status);
}

static void restart(struct charon *c, const char *why)
{
	if (c->restarting || (c->restarted && now_ms() - c->restarted < RESTART_MS))
		return;
	had_log(LOG_NOTICE, "group %s: charon is to begin anew: %s", c->g->name, why);
	c->restarted = now_ms();
	c->restarting = child_run(c->conf->restart, NULL, c->g->conf->hook_timeout, on_restarted,
				  c);
}

/* Are SAs missing for @ms, or as much longer as it has not helped before to do something? */
static bool lacks(struct charon *c, uint32_t missing, uint64_t ms)
{
	if (!missing || !c->g->peer_synced) {
		c->missed = 0;
		c->patience = 1;
		return false;
	}
	if (!c->missed)
		c->missed = now_ms();
	if (now_ms() - c->missed < ms * c->patience)
		return false;
	c->missed = now_ms();
	if (c->patience < PATIENCE_MAX)
		c->patience *= 2;
	return true;
}

static void fit_active(struct charon *c)
{
	bool lacking = lacks(c, c->sas.active ? c->g->peer_missing : 0, RESYNC_MS);

	if (c->told != ACTIVE) {
		c->told = ACTIVE;
		tell(c, "+1\n", NULL);
	} else if (c->known && c->sas.passive && c->wrong >= 2) {
		had_log(LOG_NOTICE, "group %s: %u of charon's IKE_SAs are passive", c->g->name,
			c->sas.passive);
		c->wrong = 0;
		tell(c, "-1\n", "+1\n");
	} else if (lacking) {
		had_log(LOG_NOTICE, "group %s: charon is to send all, the peer lacks %u SAs",
			c->g->name, c->g->peer_missing);
		tell(c, "*1\n", NULL);
	}
}

/* Who restarts it has it begin without a word to the remote end: see docs/guide.rst. */
static void fit_passive(struct charon *c)
{
	if (c->began < c->apart && c->g->peer_synced)
		restart(c, "the peer was lost meanwhile");
	else if (lacks(c, c->sas.passive ? c->g->missing : 0, MISSED_MS))
		restart(c, "SAs are missing");
	else if (!c->known || !c->sas.active)
		;
	else if (c->told != PASSIVE)
		tell(c, "-1\n", NULL);
	else if (c->wrong >= WRONG_MAX)
		restart(c, "its IKE_SAs are active, and the peer's are");
	if (c->known && c->sas.active)
		c->told = PASSIVE;
}

static void fit(struct charon *c)
{
	int want = wanted(c->g);

	if (want != c->want) {
		c->want = want;
		c->wrong = 0;
		c->missed = 0;
		c->patience = 1;
	}
	if (!c->conf || !c->vici || !c->known || c->words[0])
		return;
	if (want == ACTIVE)
		fit_active(c);
	else if (want == PASSIVE)
		fit_passive(c);
	else
		c->told = NOTHING;
}

static bool fits(const struct charon *c)
{
	int want = wanted(c->g);

	return want == ACTIVE ? !c->sas.passive : want == PASSIVE ? !c->sas.active : true;
}

/* Has charon of a standby what it needs to go on? A CHILD_SA has an SA of each direction. */
static bool complete(const struct charon *c)
{
	return c->sas.passive || c->sas.active ? 2 * c->sas.children >= c->g->sas : !c->g->sas;
}

/* It is asked ever less often, the longer it takes: that nothing was asked is no silence. */
static bool silent_for_long(const struct charon *c)
{
	return c->silent && now_ms() - c->silent > c->conf->timeout * 1000ULL;
}

/**
 * charon_trouble() - what is wrong with charon of a group
 *
 * Return: NULL: nothing; else why the group is better given away, or not taken.
 */
const char *charon_trouble(const struct had_group *g)
{
	const struct charon *c = g->charon;

	if (!c || !c->conf)
		return NULL;
	if (had_active(g))
		return c->died ? "charon has died" :
		       silent_for_long(c) ? "charon does not answer" : NULL;
	if (!c->known)
		return "charon does not answer";
	return c->began < c->apart || !complete(c) ? "charon has not the IKE_SAs yet" : NULL;
}

static void on_sas(const struct vici_sas *sas, void *data)
{
	struct charon *c = data;
	uint64_t now = now_ms(), took = now - c->asked;
	bool changed = !c->known || memcmp(&c->sas, sas, sizeof(*sas));

	if (changed)
		had_log(LOG_DEBUG,
			"group %s: IKE_SAs of charon: %u active, %u passive; %u CHILD_SAs",
			c->g->name, sas->active, sas->passive, sas->children);
	c->known = true;
	c->sas = *sas;
	c->asked = 0;
	c->silent = 0;
	/* IKE is here again, by whatever. */
	if (sas->active && now - c->began > POLL_MS)
		c->died = false;
	c->wrong = fits(c) ? 0 : c->wrong + 1;
	if (changed && wanted(c->g) == ACTIVE && sas->active && !complete(c))
		track_hurry(c->g);
	/* What is missing is told now and then; by this it is known now. */
	if (c->missed)
		module_read(all);
	fit(c);
	if (!c->words[0])
		after(c->tick, c->wrong ? SOON_MS << (c->wrong < 5 ? c->wrong : 5) :
		      took * BUSY > POLL_MS ? took * BUSY : POLL_MS);
	track_judge(c->g);
}

static void disconnect(struct charon *c)
{
	forget_words(c);
	vici_free(c->vici);
	c->vici = NULL;
	c->known = false;
	c->asked = 0;
	if (!c->silent)
		c->silent = now_ms();
	c->told = NOTHING;
}

static void on_down(void *data)
{
	struct charon *c = data;

	had_log(LOG_NOTICE, "group %s: charon has ended", c->g->name);
	c->died |= c->known && had_active(c->g);
	disconnect(c);
	after(c->tick, TRY_MS);
	track_judge(c->g);
}

static const struct vici_told told = { .sas = on_sas, .down = on_down };

static void on_tick(evutil_socket_t fd, short what, void *data)
{
	struct charon *c = data;

	(void)fd;
	(void)what;
	if (!c->conf)
		return;
	if (!c->vici) {
		c->vici = vici_open(all->base, path(c->conf->vici, CONF_VICI), &told, c);
		c->began = now_ms();
		c->wrong = 0;
	}
	if (c->vici && !c->asked) {
		c->asked = now_ms();
		if (!c->silent)
			c->silent = c->asked;
		if (!vici_ask(c->vici)) {
			on_down(c);
			return;
		}
	} else if (c->vici && silent_for_long(c)) {
		restart(c, "it does not answer");
	}
	/* In case there is no answer */
	after(c->tick, c->vici ? POLL_MS : TRY_MS);
	if (!c->known || c->asked)
		track_judge(c->g);
}

static void role(struct had *had, struct had_group *g)
{
	struct charon *c = g->charon;

	(void)had;
	if (!c || !c->conf)
		return;
	if (!g->peer_synced || (c->met && !c->synced))
		c->apart = now_ms();
	c->met = g->running;
	c->synced = g->peer_synced;
	if (!had_active(g))
		c->died = false;
	if (wanted(g) == ACTIVE ? c->told != ACTIVE : c->told == ACTIVE)
		forget_words(c);
	if (wanted(g) != ACTIVE && c->told == ACTIVE)
		c->told = NOTHING;
	fit(c);
	if (!c->words[0] && c->vici && !c->asked)
		after(c->tick, SOON_MS);
}

static struct charon *get(struct had_group *g)
{
	struct charon *c = g->charon ?: calloc(1, sizeof(*c));

	if (!c || g->charon)
		return c;
	c->g = g;
	c->fifo = -1;
	c->patience = 1;
	c->silent = now_ms();
	c->tick = evtimer_new(all->base, on_tick, c);
	c->reader = evtimer_new(all->base, on_reader, c);
	g->charon = c;
	return c;
}

static bool same(const struct conf_charon *a, const struct conf_charon *b)
{
	return a && b && !strcmp(a->vici, b->vici) && !strcmp(a->fifo, b->fifo);
}

static void configured(struct had *had, const struct conf *old)
{
	(void)old;
	for (struct had_group *g = had->groups; g; g = g->next) {
		bool has = g->conf && g->conf->has_charon;
		struct charon *c = has ? get(g) : g->charon;
		const struct conf_charon *was;

		if (!c)
			continue;
		was = c->conf;
		c->conf = has ? &g->conf->charon : NULL;
		if (same(was, c->conf))
			continue;
		disconnect(c);
		if (has)
			on_tick(-1, 0, c);
	}
}

static int start(struct had *had)
{
	all = had;
	return 0;
}

static void stop(struct had *had)
{
	for (struct had_group *g = had->groups; g; g = g->next) {
		struct charon *c = g->charon;

		if (!c)
			continue;
		child_forget(c->restarting, false);
		forget_words(c);
		vici_free(c->vici);
		event_free(c->tick);
		event_free(c->reader);
		free(c);
		g->charon = NULL;
	}
}

const struct had_part charon_part = {
	.name = "charon", .start = start, .configured = configured, .role = role, .stop = stop,
};
