/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The relay's protocol: what the daemons of two gateways say to each other.
 *
 * A message is a header and a body; numbers are big-endian.
 *
 *	 0                   1                   2                   3
 *	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *	+---------------+---------------+-------------------------------+
 *	|     type      |     flags     |             group             |
 *	+---------------+---------------+-------------------------------+
 *	|                        length of the body                     |
 *	+---------------------------------------------------------------+
 *
 * Groups are named once, in the sender's HELLO: group n is the n-th name of it, from 1.
 *
 * The first 16 octets of a HELLO's body are the same in each version:
 *
 *	+---------------------------------------------------------------+
 *	|                         magic "xhar"                          |
 *	+-------------------------------+-------------------------------+
 *	|       lowest version          |       highest version         |
 *	+-------------------------------+-------------------------------+
 *	|                  0x01020304 as the host has it                |
 *	+---------------+---------------+---------------+---------------+
 *	| usersa_info   | userpolicy_   |  user_tmpl    |   name (n)    |
 *	| (octets)      | info          |               |               |
 *	+---------------+---------------+---------------+---------------+
 *	|         instance (16 octets), name (n octets), rest           |
 *
 * The rest is of the version: a number of groups (16 bits), for each an octet of flags, one with
 * the length of its name, and the name. Bodies of SA and POLICY are the kernel's own structures and
 * attributes in its own order of octets, which is why HELLO speaks of that order and their sizes.
 *
 * A type that is not known is passed over if its flags have HAD_WIRE_F_SKIP; otherwise it
 * is an error.
 */
#ifndef XFRM_HAD_WIRE_H
#define XFRM_HAD_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/xfrm.h>

#define HAD_WIRE_LOWEST		1
#define HAD_WIRE_HIGHEST	1

#define HAD_WIRE_HEADER		8
#define HAD_WIRE_BODY_MAX	16384
#define HAD_WIRE_MAX		(HAD_WIRE_HEADER + HAD_WIRE_BODY_MAX)
#define HAD_WIRE_NAME_MAX	63	/* of a node */
#define HAD_WIRE_GROUP_MAX	15	/* of a group: XFRM_HA_NAME_MAX */
#define HAD_WIRE_GROUPS		64
#define HAD_WIRE_INSTANCE	16
#define HAD_WIRE_TEXT_MAX	200

#define HAD_WIRE_F_SKIP		0x01
#define HAD_WIRE_F_STORED	0x02	/* of BEGIN: what another node has told the sender */

/**
 * enum had_wire_type
 * @HAD_WIRE_HELLO: who I am, which versions and groups; the first of each end
 * @HAD_WIRE_REFUSE: and why; the last one
 * @HAD_WIRE_BEGIN: what follows, up to END, is all that the group has
 * @HAD_WIRE_SA: is there, new or changed
 * @HAD_WIRE_POLICY: likewise
 * @HAD_WIRE_SA_GONE: is not there any more
 * @HAD_WIRE_POLICY_GONE: likewise
 * @HAD_WIRE_END: of what BEGIN has begun
 * @HAD_WIRE_ACK: so many messages have been dealt with
 * @HAD_WIRE_AGAIN: begin anew, I may have missed something
 * @HAD_WIRE_DONE: the sender tells nothing more of the group: it is not active for it any more
 */
enum had_wire_type {
	HAD_WIRE_HELLO = 1,
	HAD_WIRE_REFUSE,
	HAD_WIRE_BEGIN,
	HAD_WIRE_SA,
	HAD_WIRE_POLICY,
	HAD_WIRE_SA_GONE,
	HAD_WIRE_POLICY_GONE,
	HAD_WIRE_END,
	HAD_WIRE_ACK,
	HAD_WIRE_AGAIN,
	HAD_WIRE_DONE,
};

/* What tells one SA from another: of two that agree in this the kernel has but one. */
struct had_sa_id {
	uint16_t family;
	uint8_t proto;
	uint8_t pad;
	__be32 spi;
	xfrm_address_t daddr;
	uint32_t mark_v, mark_m;
};

/* Likewise, of policies */
struct had_policy_id {
	struct xfrm_selector sel;
	uint32_t mark_v, mark_m;
	uint32_t if_id;
	uint8_t dir, type;
	uint16_t pad;
};

struct had_wire_group {
	char name[HAD_WIRE_GROUP_MAX + 1];
	uint8_t flags;
};

struct had_wire_hello {
	uint16_t lowest, highest;
	uint8_t instance[HAD_WIRE_INSTANCE];
	char node[HAD_WIRE_NAME_MAX + 1];
	bool same_layout;	/* decoded: the structures of its kernel are like ours */
	unsigned int n_groups;
	struct had_wire_group groups[HAD_WIRE_GROUPS];
};

/**
 * struct had_wire_msg - one message
 * @type: enum had_wire_type
 * @flags: HAD_WIRE_F_*
 * @group: 0, or which of the sender's
 * @hello: of HELLO
 * @number: of BEGIN and END: which snapshot; of ACK: how many
 * @term: of BEGIN: the group's
 * @sas: of END: how many it had
 * @policies: likewise
 * @text: of REFUSE
 * @body: of SA and POLICY, in the buffer it was decoded from
 * @body_len: octets
 * @sa: of SA_GONE
 * @policy: of POLICY_GONE
 */
struct had_wire_msg {
	uint8_t type, flags;
	uint16_t group;
	struct had_wire_hello hello;
	uint64_t number;
	uint32_t term, sas, policies;
	char text[HAD_WIRE_TEXT_MAX + 1];
	const void *body;
	size_t body_len;
	struct had_sa_id sa;
	struct had_policy_id policy;
};

size_t had_wire_encode(const struct had_wire_msg *m, void *buf, size_t len);
long had_wire_decode(const void *buf, size_t len, struct had_wire_msg *m);
int had_wire_version(const struct had_wire_hello *peer);

#endif
