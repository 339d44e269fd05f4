/* SPDX-License-Identifier: GPL-2.0 */
/* charon is asked for its IKE_SAs, by its vici socket. */
#ifndef XFRM_HAD_VICI_H
#define XFRM_HAD_VICI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <event2/event.h>

/* IKE_SAs that are negotiated, or go, are in none of these. */
struct vici_sas {
	unsigned int active;	/* established, or being rekeyed */
	unsigned int passive;	/* of the peer's, by the ha plugin */
	unsigned int children;	/* CHILD_SAs of both */
};

struct vici;

struct vici_told {
	/* The answer to vici_ask(); the connection stays. */
	void (*sas)(const struct vici_sas *sas, void *data);
	/* charon has gone: the connection is to be freed. */
	void (*down)(void *data);
};

struct vici *vici_open(struct event_base *base, const char *path, const struct vici_told *told,
		       void *data);
bool vici_ask(struct vici *v);
void vici_free(struct vici *v);

bool vici_count(const uint8_t *message, size_t len, struct vici_sas *to);

#endif
