/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's SAs and policies: told of, listed, changed. */
#ifndef XFRM_HAD_XFRM_H
#define XFRM_HAD_XFRM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "translate.h"

struct event_base;

#define XFRM_QUEUE	64	/* requests that go to the kernel at a time */

/**
 * struct xfrm_ops - who is told
 * @sa: there is an SA, new or changed: head and attributes of XFRM_MSG_NEWSA
 * @sa_gone: there is not any more
 * @policy: likewise
 * @policy_gone: likewise
 * @listed: all is, or @err, negative: it was not
 * @unsure: changes happened of which nothing was told; a new list tells
 * @flushed: likewise: by somebody who meant all that there was
 *
 * @listing: it is part of a list that xfrm_list() asked for; else an event, and @ours: of what this
 * daemon itself did. While a list is read no events are; they come after it, so that what they say
 * last is so.
 */
struct xfrm_ops {
	void (*sa)(const void *body, size_t len, bool listing, bool ours);
	void (*sa_gone)(const struct had_sa_id *id, bool ours);
	void (*policy)(const void *body, size_t len, bool listing, bool ours);
	void (*policy_gone)(const struct had_policy_id *id, uint32_t index, bool ours);
	void (*listed)(int err);
	void (*unsure)(const char *why);
	void (*flushed)(const char *why);
};

int xfrm_open(struct event_base *base, const struct xfrm_ops *ops);
void xfrm_close(void);
void xfrm_list(void);
bool xfrm_listing(void);
void xfrm_pause(bool pause);
const char *xfrm_said(void);

int xfrm_put(uint16_t type, const void *body, size_t len);
int xfrm_sa_del(const struct had_sa_id *id);
int xfrm_sa_get(const struct had_sa_id *id, struct had_sa *sa);
bool xfrm_queue_put(const void *body, size_t len, void *of);
bool xfrm_queue_get(const struct had_sa_id *id, void *of);
bool xfrm_queue_del(const struct had_sa_id *id, void *of);
void xfrm_push(void (*done)(void *of, int err, bool ours));
int xfrm_policy_del(const struct had_policy_id *id, uint32_t index);
int xfrm_policy_get(const struct had_policy_id *id, uint32_t index);

#endif
