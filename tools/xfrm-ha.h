/* SPDX-License-Identifier: GPL-2.0 */
#ifndef XFRM_HA_TOOL_H
#define XFRM_HA_TOOL_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/genetlink.h>
#include <netlink/attr.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include <linux/xfrm_ha.h>

#define VERSION "0.1"

/* Exit status */
enum {
	DONE = 0,
	REFUSED = 1,
	USAGE = 2,
};

struct command {
	const char *object;	/* "link", or a command without an object */
	const char *name;	/* "add"; NULL: the object is the command */
	const char *usage;	/* what follows */
	int (*run)(int argc, char **argv);
};

/* xfrm-ha.c */
extern const struct command commands[];
int usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
int refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool is(const char *word, const char *keyword);
bool number(const char *word, uint64_t max, uint32_t *value);
bool device_name(const char *word);

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

/* forwarder.c */
int forwarder_run(int argc, char **argv);
int forwarder_set(int argc, char **argv);
int forwarder_show(int argc, char **argv);
int forwarder_engines(int argc, char **argv);
int forwarder_stat(int argc, char **argv);
int forwarder_pin(int argc, char **argv);
int forwarder_unpin(int argc, char **argv);

/* group.c */
int group_add(int argc, char **argv);
int group_set(int argc, char **argv);
int group_del(int argc, char **argv);
int group_show(int argc, char **argv);
int takeover(int argc, char **argv);
int release(int argc, char **argv);
const char *role_name(uint32_t role);

/* link.c */
int link_add(int argc, char **argv);
int link_set(int argc, char **argv);
int link_del(int argc, char **argv);
int link_show(int argc, char **argv);
int keygen(int argc, char **argv);
const char *link_loss_name(uint32_t loss);
const char *link_state_name(uint32_t state);

/* netlink.c */
typedef void (*answer)(struct nlattr **attrs, void *data);

/* A word of the command line whose value is a number, and its attribute of 32 bits */
struct number_word {
	const char *word;
	int attr;
};

int nl_open(void);
struct nl_msg *nl_request(uint8_t cmd, int flags);
int nl_talk(struct nl_msg *msg, int max_attr, answer func, void *data);
int nl_show(struct nl_msg *msg, int max_attr, bool table, answer func, void *data);
int nl_join(int (*func)(struct nl_msg *msg, void *data), void *data);
int nl_wait(int ms, bool *lost);
struct nlattr *nl_next(int type, struct nlattr *a);
bool nl_has(const struct nlattr *a);
uint64_t nl_number(const struct nlattr *a);
int nl_put_number(struct nl_msg *msg, const struct number_word *words, const char *word,
		  const char *value);

/* node.c */
int node_show(int argc, char **argv);
int node_set(int argc, char **argv);
int stat_show(int argc, char **argv);
int version(int argc, char **argv);

/* print.c */
extern bool json, pretty;
void out_begin(bool table);
void out_object(void);
void out_string(const char *key, const char *format, ...) __attribute__((format(printf, 2, 3)));
void out_number(const char *key, uint64_t value);
void out_word(const char *key, const char *word);
void out_bool(const char *key, bool value);
void out_strings(const char *key, char **values, int n);
void out_end(void);

/* sa.c */
int sa_show(int argc, char **argv);
const char *address(const struct nlattr *a, char *buf);
int parse_address(const char *word, void *a);
bool parse_spi(const char *word, uint32_t *spi);

/* watch.c */
int monitor(int argc, char **argv);
int watch(int argc, char **argv);

#endif
