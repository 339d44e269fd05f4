/* SPDX-License-Identifier: GPL-2.0 */
/* The values in the file that describes a gateway: what a key may be set to. */
#ifndef XFRM_HA_VALUE_H
#define XFRM_HA_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "conf.h"

enum kind {
	FLAG, NUMBER, CHOICE,			/* bool, uint32_t, uint32_t */
	GROUP_NAME, NODE_NAME, TEXT, DEVICE,	/* char [] */
	LISTEN,					/* char [], as value_socket() reads it */
	MAC, ADDRESS, MARK,			/* uint8_t [6], struct conf_ip, struct conf_mark */
	ADDRESSES, PREFIXES,			/* lists: struct conf_ips */
	DEVICES,				/* a list: struct conf_devices */
	PREFIX,					/* struct conf_ip, of a title only */
};

struct key {
	const char *name;
	enum kind kind;
	size_t to;
	uint32_t min, max, otherwise;	/* of a number; otherwise: also of a choice or a flag */
	const char *words[4];		/* of a choice; of a number: what @word is called */
	uint32_t word;			/* CONF_AUTO, or 0 */
	size_t has;			/* a bool that is set if the key is there; 0: none */
};

static inline bool is_list(enum kind kind)
{
	return kind == ADDRESSES || kind == PREFIXES || kind == DEVICES;
}

/* What is wrong with it: one sentence */
struct why {
	char text[256];
};

/* True, or a sentence in @why. A value of a list comes after those that were there before. */
bool value_parse(const struct key *k, const char *s, void *to, struct why *why);
bool value_ip(const struct key *k, const char *s, struct conf_ip *to, struct why *why);
bool value_socket(const char *s, struct sockaddr_storage *to, socklen_t *len);

#endif
