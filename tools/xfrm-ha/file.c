// SPDX-License-Identifier: GPL-2.0
/* xfrm-ha check, apply, dump: the file that describes a gateway, see xfrm-ha.conf(5). */

#include <stdio.h>
#include <string.h>

#include "conf.h"
#include "xfrm-ha.h"

static void say(const char *sentence, void *data)
{
	(void)data;
	fprintf(stderr, "%s\n", sentence);
}

/* [FILE] [node NAME]; what is left stays in @argv. NULL: said, @err is the exit status */
static struct conf *load(int *argc, char ***argv, int *err)
{
	const char *file = CONF_FILE, *node = NULL;
	struct conf *c;

	if (*argc && strcmp(**argv, "node")) {
		file = *(*argv)++;
		--*argc;
	}
	if (*argc > 1 && !strcmp(**argv, "node")) {
		node = (*argv)[1];
		*argv += 2;
		*argc -= 2;
	}
	c = conf_load(file, node, say, NULL);
	*err = c ? DONE : REFUSED;
	return c;
}

int file_check(int argc, char **argv)
{
	struct conf *c;
	int err;

	c = load(&argc, &argv, &err);
	if (c && argc)
		err = usage("check takes a file, and node NAME, not \"%s\"", argv[0]);
	conf_free(c);
	return err;
}
