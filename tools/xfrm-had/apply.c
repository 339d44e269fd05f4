// SPDX-License-Identifier: GPL-2.0
/*
 * The module is brought to what the file describes. What can't be done yet, for a device is not
 * there, is tried again. The module does not tell a link's key: the daemon remembers what it has
 * read of the key files, and sets a key when its file is another one than at the last reading.
 */

#include <stdlib.h>
#include <string.h>

#include "had.h"
#include "plan.h"
#include "tool.h"

static const struct timeval retry = { 2, 0 };

struct link_key {
	struct link_key *next;
	char device[IFNAMSIZ];
	uint8_t key[XFRM_HA_KEY_LEN];
};

static struct link_key *keys;		/* as they were read last */
static struct event *again;
static bool complained, refused;

bool apply_complete(void)
{
	return !complained && !refused;
}

static struct link_key *find(struct link_key *k, const char *device)
{
	while (k && strcmp(k->device, device))
		k = k->next;
	return k;
}

static void forget(struct link_key *k)
{
	while (k) {
		struct link_key *next = k->next;

		explicit_bzero(k, sizeof(*k));
		free(k);
		k = next;
	}
}

/* What can't be read is not there; that is said where the key is needed. */
static struct link_key *read_keys(const struct conf *c)
{
	struct link_key *list = NULL, *k;

	hushed = true;
	for (const struct conf_link *l = c->links; l; l = l->next) {
		if (l->insecure || !strcmp(l->key_file, "-"))
			continue;
		k = calloc(1, sizeof(*k));
		if (!k)
			break;
		if (key_read(l->key_file, k->key)) {
			free(k);
			continue;
		}
		memcpy(k->device, l->device, sizeof(k->device));
		k->next = list;
		list = k;
	}
	hushed = false;
	return list;
}

static struct link_key *fresh;		/* as they are now */

static bool new_key(const struct conf_link *l)
{
	const struct link_key *was = find(keys, l->device), *is = find(fresh, l->device);

	return was && is && memcmp(was->key, is->key, sizeof(is->key));
}

static void say(const char *sentence, void *data)
{
	(void)data;
	had_log(LOG_ERR, "%s", sentence);
}

static void done(const char *sentence, void *data)
{
	(void)data;
	had_log(LOG_NOTICE, "done: %s", sentence);
}

/**
 * apply() - bring the module to what @want describes
 *
 * Return: 0, though some of it may have to be tried again later; -1: there is no way, and nothing
 * was done.
 */
int apply(struct had *had, const struct conf *want)
{
	const struct plan_how how = { .new_key = new_key, .say = say };
	struct conf *have = plan_running();
	struct plan *p;
	int err;

	(void)had;
	if (!have)
		return -1;
	fresh = read_keys(want);
	p = plan_make(want, have, &how);
	refused = !p;
	if (!p) {
		conf_free(have);
		forget(fresh);
		fresh = NULL;
		return -1;
	}
	/* The same refusal is said once, not each time that it is tried again. */
	hushed = complained;
	err = plan_run(p, done, NULL);
	hushed = false;
	complained = err;
	if (err)
		evtimer_add(again, &retry);
	else
		evtimer_del(again);
	forget(keys);
	keys = fresh;
	fresh = NULL;
	plan_free(p);
	conf_free(have);
	return 0;
}

static void try_again(evutil_socket_t fd, short what, void *data)
{
	struct had *had = data;

	(void)fd;
	(void)what;
	if (!apply(had, had->conf))
		module_read(had);
}

static int start(struct had *had)
{
	again = evtimer_new(had->base, try_again, had);
	return again ? 0 : -1;
}

static void stop(struct had *had)
{
	(void)had;
	event_free(again);
	forget(keys);
}

const struct had_part apply_part = { .name = "apply", .start = start, .stop = stop };
