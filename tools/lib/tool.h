/* SPDX-License-Identifier: GPL-2.0 */
/* What all parts of the tool use. */
#ifndef XFRM_HA_TOOL_H
#define XFRM_HA_TOOL_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include <linux/genetlink.h>
#include <netlink/attr.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include <linux/xfrm_ha.h>

#include "spec-gen.h"

/* Exit status */
enum {
	DONE = 0,
	USAGE = 1,
	REFUSED = 2,
	ALREADY = 3,		/* it is as it was to be */
	ABSENT = 4,		/* there is no peer in sync */
	LATE = 5,		/* it has begun, and was not done in the time given */
};

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
int nl_events_fd(void);
int nl_wait(int ms, const sigset_t *unblocked, bool *lost);
struct nlattr *nl_next(int type, struct nlattr *a);
bool nl_has(const struct nlattr *a);
struct nl_sock *nl_another(void);
int nl_begin(struct nl_sock *s, struct nl_msg *msg);
int nl_piece(struct nl_sock *s, int max_attr, answer func, void *data, bool *changed);
uint64_t nl_number(const struct nlattr *a);
const char *nl_name(const struct spec_enum *e, uint64_t value);
int nl_value(const struct spec_enum *e, const char *name);
int nl_put_number(struct nl_msg *msg, const struct number_word *words, const char *word,
		  const char *value);

/* print.c */
extern bool json, pretty;
void out_begin(bool table);
void out_object(void);
void out_string(const char *key, const char *format, ...) __attribute__((format(printf, 2, 3)));
void out_number(const char *key, uint64_t value);
void out_decimal(const char *key, const char *digits);
void out_seconds(const char *key, uint64_t ns);
void out_word(const char *key, const char *word);
void out_bool(const char *key, bool value);
void out_strings(const char *key, char **values, int n);
void out_end(void);

/* netns.c */
int enter_netns(const char *netns);

/* words.c */
extern void (*speak)(const char *sentence);
extern bool hushed;
extern const char *topic, *doing;
int usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
int refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool is(const char *word, const char *keyword);
bool number(const char *word, uint64_t max, uint32_t *value);
bool device_name(const char *word);
const char *address(const struct nlattr *a, char *buf);
int parse_address(const char *word, void *a);
bool parse_spi(const char *word, uint32_t *spi);
int64_t now_ms(void);

#endif
