/* SPDX-License-Identifier: GPL-2.0 */
/*
 * xfrm-had: what its files offer each other. One process, one thread, one event loop. The module
 * decides who is active; the parts of the daemon bring about what follows from that.
 */
#ifndef XFRM_HAD_H
#define XFRM_HAD_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syslog.h>

#include "conf.h"

struct had;

/* A group that the module has, or the file, or both. */
struct had_group {
	struct had_group *next;
	char name[XFRM_HA_NAME_MAX + 1];
	const struct conf_group *conf;	/* NULL: the file does not speak of it */

	/* As the module has said it last. */
	bool running;			/* the module has it */
	uint32_t role;			/* XFRM_HA_ROLE_* */
	uint32_t term;
	uint64_t takeovers;
	uint64_t since;			/* ns since boot, of the last change of the role */
	uint32_t reason, uid;		/* of that; XFRM_HA_ROLE_REASON_* */
	uint32_t sas, missing, peer_missing;
	bool peer_synced;		/* there is a peer in sync */
	bool preparing;			/* to be handed over, and this was not answered yet */
	char peer_role[16];		/* "active", "standby", ...; "": not known */
	char why[128];			/* the last change of the role */
	char cause[128];		/* of the next one, if it was asked for here; module.c */
	uint32_t asked;			/* what the role is to become by that; module.c */
	bool awaits_link;		/* @why is to say which link was lost; module.c */
	bool seen;			/* module.c */

	/* What the parts keep. */
	struct addresses *addresses;
	struct detour *detour;
	struct charon *charon;
	struct track *track;
	struct hook *hook;
	struct relay *relay;
};

/* Whether this node is to have the addresses of the group. */
static inline bool had_active(const struct had_group *g)
{
	return g->running && g->role == XFRM_HA_ROLE_ACTIVE;
}

struct had {
	struct event_base *base;
	const char *file;		/* the configuration */
	const char *node;		/* told on the command line, or NULL */
	struct conf *conf;
	struct had_group *groups;
	bool ended;			/* by a signal */
};

/**
 * struct had_part - a part of the daemon, one of those that main.c lists
 * @name: for the log
 * @start: once, before the configuration is applied; 0, or the daemon ends
 * @configured: had->conf and each group's conf are new; @old, which may be NULL, is freed after
 * @role: role, term, takeovers or peer of a group are others than they were, or it has come, or
 *	gone (then g->running is false)
 * @link: so is a link: device, state (XFRM_HA_LINK_STATE_*)
 * @stop: the loop has ended; what was brought about stays
 *
 * All but @name may be NULL.
 */
struct had_part {
	const char *name;
	int (*start)(struct had *had);
	void (*configured)(struct had *had, const struct conf *old);
	void (*role)(struct had *had, struct had_group *g);
	void (*link)(struct had *had, const char *device, uint32_t state);
	void (*stop)(struct had *had);
};

/* fence.c */
extern const struct had_part fence_part;

/* relay.c */
extern const struct had_part relay_part;
void relay_status(FILE *to);

/* store.c */
extern const struct had_part store_part;
void store_status(const struct had_group *g, FILE *to);

/* main.c */
void had_each_role(struct had *had, struct had_group *g);
void had_each_link(struct had *had, const char *device, uint32_t state);
void had_status(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* log.c: priorities are those of syslog */
void log_open(bool to_syslog, int lowest);
void had_log(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* notify.c: the protocol of NOTIFY_SOCKET, see sd_notify(3) */
void notify(const char *format, ...) __attribute__((format(printf, 1, 2)));
uint64_t notify_watchdog_us(void);

/* apply.c */
extern const struct had_part apply_part;
int apply(struct had *had, const struct conf *want);
bool apply_complete(void);		/* nothing waits to be tried again */

/* control.c */
extern const struct had_part control_part;

/* metrics.c */
extern const struct had_part metrics_part;

/* figures.c: what the module says, in the OpenMetrics or the older text format; NULL: nothing */
struct figures_text {
	char *text[2];			/* by whether it is OpenMetrics */
	size_t len[2];
};

void figures_ask(struct had *had, void (*done)(const struct figures_text *text));
void figures_stop(void);

/* address.c */
extern const struct had_part address_part;

/* detour.c */
extern const struct had_part detour_part;
void detour_end(struct had_group *g);		/* what was kept comes in now */
void detour_wanted(struct had_group *g);	/* the group is to be handed over */
void detour_tell(const struct had_group *g, FILE *to);

/* charon.c */
extern const struct had_part charon_part;
const char *charon_trouble(const struct had_group *g);	/* NULL: none */

/* hook.c */
extern const struct had_part hook_part;

/* track.c */
extern const struct had_part track_part;
const char *track_trouble(const struct had_group *g);	/* NULL: none */
void track_judge(struct had_group *g);
bool track_keep(const char *name);	/* the group is not given away for what is wrong now */
void track_hurry(struct had_group *g);		/* its scripts are run now */

/* module.c */
int module_start(struct had *had);
void module_stop(struct had *had);
int module_read(struct had *had);
int module_takeover(struct had_group *g, const char *cause);
int module_take_stored(struct had_group *g, const char *cause);
int module_release(struct had_group *g, const char *cause);
int module_release_now(struct had_group *g);
struct had_group *had_group(struct had *had, const char *name);

#endif
