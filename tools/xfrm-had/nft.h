/* SPDX-License-Identifier: GPL-2.0 */
/* The daemon's table of nf_tables: which packets may not leave in clear. */
#ifndef XFRM_HAD_NFT_H
#define XFRM_HAD_NFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf.h"

#define NFT_TABLE	"xfrm_ha"

enum { NFT_HAS_PROTO = 1, NFT_HAS_SPORT = 2, NFT_HAS_DPORT = 4 };

/**
 * struct nft_shape - how much of a packet is compared; there is a set for each
 * @family: 4, 6
 * @src_len: bits of the source address
 * @dst_len: of the other one
 * @fields: NFT_HAS_*
 */
struct nft_shape {
	uint8_t family, src_len, dst_len, fields;
};

/* With what. Bits that are not compared are 0; ports as on the wire. */
struct nft_flow {
	struct nft_shape shape;
	uint16_t sport, dport;
	uint8_t proto, zero[3];
	uint8_t src[16], dst[16];
};

/**
 * struct nft_set - flows of one shape
 * @next: in the order in which they are looked at
 * @group: whose packets are stopped; "": they may pass
 * @shape: of all of them
 * @there: the kernel has it
 * @needed: it is to have it
 */
struct nft_set {
	struct nft_set *next;
	char group[XFRM_HA_NAME_MAX + 1];
	struct nft_shape shape;
	bool there, needed;
};

struct nft_group {
	const char *name;
	bool needed;
};

int nft_open(void);
void nft_close(void);
int nft_adopt(void);
int nft_read(void (*one)(const char *group, const struct nft_flow *flow));
int nft_lay_out(struct nft_set *sets, const struct nft_group *groups, size_t n);
int nft_change(bool add, const struct nft_set *set, const struct nft_flow *flows, size_t n);
int nft_remove(void);
int nft_stopped(const char *group, uint64_t *packets);

#endif
