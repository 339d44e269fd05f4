/* SPDX-License-Identifier: GPL-2.0 */
/* What netlink's attributes and values are called. */
#ifndef XFRM_HA_SPEC_H
#define XFRM_HA_SPEC_H

struct spec_set;

struct spec_attr {
	const char *name;		/* NULL: there is none of that number */
	const struct spec_set *nest;	/* what is in it, or NULL */
};

struct spec_set {
	const struct spec_attr *attrs;
	unsigned int n;
};

struct spec_enum {
	const char *const *names;
	unsigned int n;
};

extern const struct spec_set *const spec_requests[];
extern const unsigned int spec_n_requests;

#endif
