/* SPDX-License-Identifier: GPL-2.0 */
/* The words of a configuration, and where they stand. */
#ifndef XFRM_HA_SCAN_H
#define XFRM_HA_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "conf.h"

struct scan_word {
	struct conf_pos at;
	char *text;
};

struct scan_value {
	struct conf_pos at;
	bool listed;			/* in braces */
};

/*
 * @clean is the same text without comments, each word in quotes, line by line. Values and sections
 * are in the order in which they end: that in which libconfuse has them checked.
 */
struct scan {
	char *clean;
	struct scan_word *words;
	size_t n_words;
	struct scan_value *values;
	struct conf_pos *sections;
	size_t n_values, n_sections;
	struct conf_pos at;		/* of the error */
	const char *error;		/* NULL: none */
};

bool scan_text(struct scan *s, const char *text, size_t len);
void scan_free(struct scan *s);

#endif
