/* SPDX-License-Identifier: GPL-2.0 */
/* SAs and policies that are known, by what tells them apart. */
#ifndef XFRM_HAD_TABLE_H
#define XFRM_HAD_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

/**
 * struct item - an SA or a policy
 * @node: in its table's list
 * @sealed: it is not in the kernel, but here: store.c; NULL: it is not
 * @serial: of what is sealed, in the order of the list
 * @digest: of all that the peer was told, or told us, of it; 0: nothing
 * @here: of what the kernel says of it, without lifetimes; 0: not known
 * @round: of the list that had it last
 * @named: by the peer, in the snapshot that this node gave this number
 * @missing: seconds since it has gone, and the peer has not said so; 0: it is there
 * @foreign: somebody else has installed it
 * @removed: by this daemon, while a list is read that may still have it
 * @waits: for the kernel, with others: sink_push()
 * @passes: fence.c, of a flow of no group: it is to pass now
 * @in_file: fence.c, of a flow of a group: the file has it
 * @key: a struct had_sa_id or had_policy_id
 *
 * An SA takes 144 octets of the heap, its node in the tree included.
 */
struct item {
	TAILQ_ENTRY(item) node;
	struct sealed *sealed;
	uint64_t serial;
	uint64_t digest, here;
	uint32_t round, named;
	uint16_t missing;
	uint8_t key_len;
	bool foreign : 1, removed : 1, waits : 1, passes : 1, in_file : 1;
	uint8_t key[];
};

struct table {
	TAILQ_HEAD(items, item) list;
	void *tree;		/* tsearch() */
	size_t n;
};

void table_init(struct table *t);
struct item *table_find(const struct table *t, const void *key, size_t len);
struct item *table_add(struct table *t, const void *key, size_t len);
void table_del(struct table *t, struct item *i);
void table_clear(struct table *t);

#define table_for_each(i, next, t)	\
	for (i = TAILQ_FIRST(&(t)->list); i && (next = TAILQ_NEXT(i, node), 1); i = next)

#endif
