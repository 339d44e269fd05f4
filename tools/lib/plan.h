/* SPDX-License-Identifier: GPL-2.0 */
/* From what there is to what a file describes, in as few steps as that takes. */
#ifndef XFRM_HA_PLAN_H
#define XFRM_HA_PLAN_H

#include "conf.h"

struct plan;

struct plan_how {
	bool replace;		/* groups and links may be deleted and made anew */
	/* Is the link's key to be set, though the link is there? NULL: no key is */
	bool (*new_key)(const struct conf_link *l);
	conf_say say;		/* is told of each error */
	void *data;
};

struct conf *plan_running(void);
struct plan *plan_make(const struct conf *want, const struct conf *have,
		       const struct plan_how *how);
unsigned int plan_steps(const struct plan *p);
int plan_run(const struct plan *p, conf_say done, void *data);
void plan_show(const struct plan *p, conf_say say, void *data);
void plan_free(struct plan *p);

/* key.c */
int key_read(const char *file, uint8_t *key);

#endif
