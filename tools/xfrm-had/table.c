// SPDX-License-Identifier: GPL-2.0
/* SAs and policies that are known: a tree of the C library, and a list through it. */

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"

static int compare(const void *a, const void *b)
{
	const struct item *i = a, *j = b;

	if (i->key_len != j->key_len)
		return i->key_len < j->key_len ? -1 : 1;
	return memcmp(i->key, j->key, i->key_len);
}

void table_init(struct table *t)
{
	*t = (struct table){};
	TAILQ_INIT(&t->list);
}

struct item *table_find(const struct table *t, const void *key, size_t len)
{
	union {
		struct item item;
		uint8_t room[sizeof(struct item) + UINT8_MAX];
	} like;
	struct item *i = &like.item;
	struct item **found;

	i->key_len = len;
	memcpy(i->key, key, len);
	found = tfind(i, &t->tree, compare);
	return found ? *found : NULL;
}

/* @key is not in it. Return: NULL: out of memory */
struct item *table_add(struct table *t, const void *key, size_t len)
{
	struct item *i = calloc(1, sizeof(*i) + len);

	if (!i)
		return NULL;
	i->key_len = len;
	memcpy(i->key, key, len);
	if (!tsearch(i, &t->tree, compare)) {
		free(i);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&t->list, i, node);
	t->n++;
	return i;
}

void table_del(struct table *t, struct item *i)
{
	tdelete(i, &t->tree, compare);
	TAILQ_REMOVE(&t->list, i, node);
	t->n--;
	free(i->sealed);
	free(i);
}

void table_clear(struct table *t)
{
	struct item *i, *next;

	table_for_each(i, next, t)
		table_del(t, i);
}
