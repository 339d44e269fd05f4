/* SPDX-License-Identifier: GPL-2.0 */
/* xfrm_user's messages, as one kernel gives them and another takes them. Pure. */
#ifndef XFRM_HAD_TRANSLATE_H
#define XFRM_HAD_TRANSLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire.h"

/* What <linux/xfrm.h> of an older system does not have */
enum {
	HAD_XFRMA_SA_DIR = 33,
	HAD_XFRMA_NAT_KEEPALIVE_INTERVAL = 34,
	HAD_XFRMA_SA_PCPU = 35,
};

#ifndef XFRM_MAX_DEPTH
#define XFRM_MAX_DEPTH	6
#endif

#define HAD_SA_DIR_IN	1
#define HAD_SA_DIR_OUT	2

/* Between daemons: instead of XFRMA_OFFLOAD_DEV, its flags and the name of its device */
#define HAD_ATTR_OFFLOAD	0x3f00

#define HAD_MATCH_ADDRS		16

/**
 * struct had_match - what belongs to a group, see the module's match
 * @has_reqid: @reqid counts; likewise the others
 * @n_addrs: of @addrs; an end point is one of these, if there are any
 * @all_policies: all policies belong to the group
 */
struct had_match {
	bool has_reqid, has_if_id, has_mark, all_policies;
	uint32_t reqid, if_id, mark_v, mark_m;
	unsigned int n_addrs;
	struct {
		uint16_t family;
		xfrm_address_t addr;
	} addrs[HAD_MATCH_ADDRS];
};

/**
 * struct had_sa - what is to be known of an SA
 * @info: head of its message
 * @id: what tells it from others
 * @if_id: of its interface, 0: none
 * @last_used: seconds, of the kernel's clock; 0: never
 * @cpu: that it is for, UINT32_MAX: for all
 * @sport: of its UDP or TCP encapsulation, as on the wire; 0: none
 * @dport: likewise
 * @dir: HAD_SA_DIR_*, 0: not said
 * @redacted: a key reads as zeros: the kernel does not give it away
 * @no_key: there is no algorithm at all
 */
struct had_sa {
	struct xfrm_usersa_info info;
	struct had_sa_id id;
	uint64_t last_used;
	uint32_t if_id, cpu;
	uint16_t sport, dport;
	uint8_t dir;
	bool redacted, no_key;
};

/**
 * struct had_policy - what is to be known of a policy
 * @info: head of its message
 * @id: what tells it from others
 * @n_tmpls: of @tmpls
 */
struct had_policy {
	struct xfrm_userpolicy_info info;
	struct had_policy_id id;
	unsigned int n_tmpls;
	struct xfrm_user_tmpl tmpls[XFRM_MAX_DEPTH];
};

/**
 * struct had_departure - where a message comes from
 * @now: seconds, of the clock that the kernel stamps with
 * @device_name: name of a device, or false: the SA goes without its offload
 * @data: for it
 */
struct had_departure {
	uint64_t now;
	bool (*device_name)(void *data, int ifindex, char *name, size_t len);
	void *data;
};

/**
 * struct had_landing - where it is to be taken
 * @cpus: SAs of a CPU beyond these are made general
 * @device_index: which device to offload to that the peer calls @name; 0: none
 * @data: for it
 */
struct had_landing {
	uint32_t cpus;
	int (*device_index)(void *data, const char *name);
	void *data;
};

int had_sa_read(const void *body, size_t len, struct had_sa *sa);
int had_policy_read(const void *body, size_t len, struct had_policy *p);

size_t had_sa_depart(const void *body, size_t len, const struct had_departure *from,
		     void *out, size_t room);
size_t had_sa_land(const void *body, size_t len, const struct had_landing *to,
		   void *out, size_t room);
size_t had_sa_essence(const void *body, size_t len, bool lifetimes, void *out, size_t room);
size_t had_policy_depart(const void *body, size_t len, const struct had_departure *from,
			 void *out, size_t room);
size_t had_policy_land(const void *body, size_t len, const struct had_landing *to,
		       void *out, size_t room);
size_t had_policy_essence(const void *body, size_t len, bool lifetimes, void *out, size_t room);

void had_age(void *body, size_t len, bool policy, uint64_t seconds);

uint32_t had_sa_tag(const struct had_sa_id *id);
uint32_t had_policy_tag(const struct had_policy_id *id);

bool had_match_sa(const struct had_match *m, const struct had_sa *sa);
bool had_match_policy(const struct had_match *m, const struct had_policy *p);

#endif
