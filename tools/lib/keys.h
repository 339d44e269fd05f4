/* SPDX-License-Identifier: GPL-2.0 */
/* The keys of each kind of section of the file that describes a gateway. */
#ifndef XFRM_HA_KEYS_H
#define XFRM_HA_KEYS_H

#include "value.h"

struct section {
	const char *name;
	enum kind title;
	const struct key *keys;
	const struct section *sections;
	bool single;			/* no title, and there is one at most */
};

extern const struct key link_keys[];
extern const struct key match_keys[];
extern const struct key virtual_keys[];
extern const struct key address_keys[];
extern const struct key route_keys[];
extern const struct key neighbour_keys[];
extern const struct key protect_keys[];
extern const struct key offload_keys[];
extern const struct key script_keys[];
extern const struct key group_keys[];
extern const struct key detour_keys[];
extern const struct key charon_keys[];
extern const struct key transport_keys[];
extern const struct key peer_keys[];
extern const struct key metrics_keys[];
extern const struct key conf_keys[];
extern const struct section conf_sections[];

#endif
