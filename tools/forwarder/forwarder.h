/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The forwarder's parts:
 *
 *	commands.c	commands, and what they ask a running one over its socket
 *	controller.c	a running one: its loop, its socket
 *	allocator.c	which SA goes to which worker
 *	sa.c		the kernel's SAs and addresses, and what happens to them
 *	xdp.c		a way to get packets to workers: to CPUs
 *	journal.c	what outlives a forwarder: which filters are in the NIC
 *	ntuple.c	another: to queues of a NIC
 */
#ifndef XFRM_HA_FORWARDER_H
#define XFRM_HA_FORWARDER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "map.h"

#define MAX_WORKERS	1024
#define PERIOD_MS	1000	/* whole seconds */
#define NO_SLOT		UINT32_MAX

struct settings {
	const char *dev;
	int ifindex;
	uint32_t workers[MAX_WORKERS];
	int n_workers;
	uint32_t port;
	uint32_t qsize;
	uint32_t limit;
	bool generic;
	bool native;
};

/* Which of several SAs with the same address and SPI this is. */
struct sa_mark {
	uint32_t v, m;
};

struct sa {
	struct sa *next;
	struct sa *before, *behind;	/* of those that wait */
	struct fwd_key key;
	struct sa_mark *marks;
	int n_marks;
	bool in;		/* by XFRMA_SA_DIR */
	bool out;
	bool mapped;		/* has a worker */
	bool waiting;		/* for one */
	bool pinned;
	bool seen;		/* in this dump */
	bool fresh;		/* no rate yet */
	uint32_t slot;
	struct worker *worker;	/* of one that is mapped */
	uint32_t moved;		/* the period in which it was moved */
	uint64_t packets, bytes;
	uint64_t rate;		/* cost per period, smoothed, times 16 */
};

struct worker {
	uint32_t id;
	bool wanted;		/* said on the command line */
	bool usable;		/* and there */
	bool offline;		/* a CPU that is not */
	bool shares;		/* takes part, while SAs are evened out */
	uint32_t sas;
	uint32_t pinned;	/* of these, counted for that */
	uint32_t quota;		/* so many it is to have */
	uint64_t load;		/* sum of the rates */
	uint64_t dropped;	/* as of the last period */
	bool drops;		/* in the last period */
};

/* How packets get to workers: one SA at a time. Negative errno */
struct forwarder {
	bool cpus;		/* workers are CPUs, else queues */
	int (*open)(const struct settings *s);		/* exit status; a refusal was said */
	void (*close)(void);
	int (*add_worker)(uint32_t id);
	int (*add)(struct sa *sa);
	void (*move)(struct sa *sa, bool force);
	void (*del)(struct sa *sa);
	bool (*pending)(const struct sa *sa, uint32_t *at, uint32_t *moves);
	void (*period)(void);		/* may be NULL */
	void (*measure)(struct sa *sa, uint64_t *packets, uint64_t *bytes);
	void (*measure_worker)(uint32_t id, uint64_t *packets, uint64_t *dropped);
	uint64_t (*count)(int which);
};

/* NULL where the tool was built without it */
extern const struct forwarder xdp_forwarder __attribute__((weak));
extern const struct forwarder ntuple_forwarder;

/* Counters of the controller */
struct tally {
	uint64_t added, deleted, full, moves, forced, refused, dumps, overruns;
};

extern struct tally tally;

static inline bool key_is_v4(const struct fwd_key *key)
{
	return !key->daddr[0] && !key->daddr[1] && key->daddr[2] == htonl(0xffff);
}

/* allocator.c */
extern struct worker workers[MAX_WORKERS];
extern int n_workers;

void alloc_init(const struct forwarder *how, const struct settings *s);
int alloc_workers(const uint32_t *ids, int n);
void alloc_online(bool (*online)(uint32_t id));
struct sa *alloc_find(const struct fwd_key *key);
void alloc_add(const struct fwd_key *key, struct sa_mark mark, uint8_t dir);
void alloc_del(const struct fwd_key *key, struct sa_mark mark);
void alloc_dump_begin(void);
void alloc_dump_end(void);
void alloc_classify(void);
void alloc_period(void);
int alloc_pin(const struct fwd_key *key, uint32_t worker, bool pin);
void alloc_each(void (*func)(struct sa *sa, void *data), void *data);

/* sa.c */
int sa_open(const struct settings *s);	/* exit status */
int sa_fd(int n);			/* 0: SAs, 1: addresses and devices */
void sa_read(void);			/* what has come */
void sa_reload(void);			/* all, anew */
int sa_dump(void);			/* error of libnl */
bool sa_local(const struct fwd_key *key);
extern bool device_gone;

/* ntuple.c */
int ethtool(const char *dev, void *command);	/* negative errno */

/* controller.c */
int controller(const struct settings *s, const struct forwarder *how);
bool cpu_online(uint32_t id);
int refuse_privileges(void);
int refuse_folder(void);		/* by errno */
void started(const char *dev, const char *kind, const char *mode);

/* Over the socket: a request, then answers up to FWD_END. */
enum { FWD_SHOW = 1, FWD_STAT, FWD_WORKERS, FWD_PIN, FWD_UNPIN, FWD_SET };
enum { FWD_END = 1, FWD_SA, FWD_NUMBER, FWD_WORKER };

struct fwd_request {
	uint32_t what;
	struct fwd_key key;		/* an SPI alone: the only SA that has it */
	uint32_t n;			/* workers */
	bool queues;			/* they are such, not CPUs */
	uint32_t workers[MAX_WORKERS];
};

struct fwd_answer {
	uint32_t what;
	uint32_t status;		/* END */
	struct fwd_key key;
	uint32_t worker, at, pinned, moves, sas, usable, queues;
	uint64_t packets, bytes, rate, dropped;
	char text[160];
};

/* A name below /run/xfrm-ha for a device of this network namespace */
void run_path(char *path, size_t size, int ifindex, const char *suffix);

#endif
