/* SPDX-License-Identifier: GPL-2.0 */
#ifndef XFRM_HA_H
#define XFRM_HA_H

#include "tool.h"

struct command {
	const char *object;	/* "link", or a command without an object */
	const char *name;	/* "add"; NULL: the object is the command */
	const char *usage;	/* what follows */
	int (*run)(int argc, char **argv);
};

/* xfrm-ha.c */
extern const struct command commands[];

/* cache.c */
int cache_show(int argc, char **argv);
int cache_pin(int argc, char **argv);
int cache_unpin(int argc, char **argv);

/* engine.c */
int engine_show(int argc, char **argv);
int engine_set(int argc, char **argv);
int engine_nic(int argc, char **argv);
int engine_nics(int argc, char **argv);
int engine_drain(int argc, char **argv);
int engine_undrain(int argc, char **argv);

/* file.c */
int file_check(int argc, char **argv);
int file_apply(int argc, char **argv);
int file_dump(int argc, char **argv);

/* group.c */
int group_add(int argc, char **argv);
int group_set(int argc, char **argv);
int group_del(int argc, char **argv);
int group_show(int argc, char **argv);
int takeover(int argc, char **argv);
int release(int argc, char **argv);
const char *role_name(uint32_t role);
void group_reason(struct nlattr **a);

/* link.c */
int link_add(int argc, char **argv);
int link_set(int argc, char **argv);
int link_del(int argc, char **argv);
int link_show(int argc, char **argv);
int keygen(int argc, char **argv);
const char *link_loss_name(uint32_t loss);
const char *link_state_name(uint32_t state);

/* node.c */
int node_show(int argc, char **argv);
int node_set(int argc, char **argv);
int stat_show(int argc, char **argv);
int version(int argc, char **argv);

/* sa.c */
int sa_show(int argc, char **argv);

/* status.c */
int status(int argc, char **argv);

/* top.c */
int top(int argc, char **argv);

/* watch.c */
int monitor(int argc, char **argv);
int watch(int argc, char **argv);

#endif
