// SPDX-License-Identifier: GPL-2.0
/* xfrm-ha check, apply, dump: the file that describes a gateway, see xfrm-ha.conf(5). */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "plan.h"
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

static void did(const char *sentence, void *data)
{
	(void)data;
	puts(sentence);
}

static bool always(const struct conf_link *l)
{
	(void)l;
	return true;
}

int file_apply(int argc, char **argv)
{
	struct plan_how how = { .say = say };
	struct conf *want, *have = NULL;
	struct plan *p = NULL;
	bool dry = false;
	int err;

	want = load(&argc, &argv, &err);
	for (; want && argc; argc--, argv++) {
		if (!strcmp(*argv, "replace"))
			how.replace = true;
		else if (!strcmp(*argv, "keys"))
			how.new_key = always;
		else if (!strcmp(*argv, "dry-run"))
			dry = true;
		else
			break;
	}
	if (want && argc)
		err = usage("apply takes a file, node NAME, replace, keys, dry-run, not \"%s\"",
			    argv[0]);
	if (!err) {
		have = plan_running();
		p = have ? plan_make(want, have, &how) : NULL;
		err = p ? DONE : REFUSED;
	}
	if (p && dry)
		plan_show(p, did, NULL);
	else if (p)
		err = plan_run(p, did, NULL);
	plan_free(p);
	conf_free(have);
	conf_free(want);
	return err;
}

/* What the module does not know: what the daemon was told of it. */
static void add_daemon(struct conf *have, struct conf *d)
{
	for (struct conf_link *l = have->links; l; l = l->next) {
		const struct conf_link *told = conf_link_on(d, l->device);

		if (!told)
			continue;
		memcpy(l->name, told->name, sizeof(l->name));
		if (!l->insecure && !told->insecure)
			memcpy(l->key_file, told->key_file, sizeof(l->key_file));
	}
	for (struct conf_group *g = have->groups; g; g = g->next) {
		const struct conf_link *l = conf_link_on(have, g->link);
		struct conf_group *told = conf_group(d, g->name);

		/* The module calls a link by its device. */
		if (l)
			memcpy(g->link, l->name, sizeof(g->link));
		if (told)
			conf_move_daemon(g, told);
	}
	have->has_transport = d->has_transport;
	have->transport = d->transport;
	have->store_limit = d->store_limit;
	have->peers = d->peers;
	d->peers = NULL;
	have->metrics = d->metrics;
	memcpy(have->node, d->node, sizeof(have->node));
}

int file_dump(int argc, char **argv)
{
	struct conf *have, *d = NULL;
	char *text;

	if (argc)
		return usage("dump takes nothing, not \"%s\"", argv[0]);
	have = plan_running();
	if (!have)
		return REFUSED;
	text = ask("conf");
	if (text)
		d = conf_text(text, "xfrm-had", NULL, say, NULL);
	if (d)
		add_daemon(have, d);
	conf_write(have, stdout);
	conf_free(d);
	conf_free(have);
	free(text);
	return fflush(stdout) ? refuse("standard output: it can't be written") : DONE;
}
