/* SPDX-License-Identifier: GPL-2.0 */
/* Which filters are in the NIC, for whoever comes after one that was killed. */
#ifndef XFRM_HA_FORWARDER_JOURNAL_H
#define XFRM_HA_FORWARDER_JOURNAL_H

#include <stdint.h>

#include "map.h"

#define ANYWHERE	UINT32_MAX	/* where the driver chooses, and has not yet */

struct record {
	uint32_t location;
	uint32_t queue, was;	/* it leads to one of these */
	uint32_t used;
	uint32_t line;		/* not in the file */
	struct fwd_key key;
};

void journal_name(int ifindex);
int journal_read(struct record **records);
int journal_begin(void);
int journal_commit(void);
int journal_put(const struct fwd_key *key, uint32_t location, uint32_t queue, uint32_t was);
void journal_gone(uint32_t location);
uint32_t journal_lines(void);
void journal_remove(void);

#endif
