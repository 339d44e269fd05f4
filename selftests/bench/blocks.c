// SPDX-License-Identifier: GPL-2.0
/*
 * Plugin of QEMU: how many instructions a guest has run, by the address of the block they are
 * in, between the last calls of what stands at MARK_BEGIN and at MARK_END (mark.h). At its end a
 * line "ADDRESS COUNT" for each goes to the file that is named.
 *
 *	qemu-system-x86_64 -plugin blocks.so,to=FILE
 *
 * For one CPU: nothing is locked.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mark.h"
#include "plugin.h"

EXPORT int qemu_plugin_version = 1;

struct block {
	struct block *next;
	uint64_t addr;
	uint64_t insns;		/* run since MARK_BEGIN */
	uint64_t kept;		/* at MARK_END */
};

#define BUCKETS	(1 << 18)

static struct block *blocks[BUCKETS];
static const char *to;

static struct block *block(uint64_t addr)
{
	struct block **p = &blocks[(addr ^ addr >> 18) % BUCKETS];

	while (*p && (*p)->addr != addr)
		p = &(*p)->next;
	if (!*p) {
		*p = calloc(1, sizeof(**p));
		if (!*p)
			abort();
		(*p)->addr = addr;
	}
	return *p;
}

static void begin(unsigned int cpu, void *data)
{
	(void)cpu;
	(void)data;
	for (int i = 0; i < BUCKETS; i++)
		for (struct block *b = blocks[i]; b; b = b->next)
			b->insns = 0;
}

static void end(unsigned int cpu, void *data)
{
	(void)cpu;
	(void)data;
	for (int i = 0; i < BUCKETS; i++)
		for (struct block *b = blocks[i]; b; b = b->next)
			b->kept = b->insns;
}

/* What is run of it is run to its end, but for a fault. */
static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	uint64_t addr = qemu_plugin_tb_vaddr(tb);

	(void)id;
	qemu_plugin_register_vcpu_tb_exec_inline(tb, INLINE_ADD_U64, &block(addr)->insns,
						 qemu_plugin_tb_n_insns(tb));
	if (addr == MARK_BEGIN)
		qemu_plugin_register_vcpu_tb_exec_cb(tb, begin, 0, NULL);
	else if (addr == MARK_END)
		qemu_plugin_register_vcpu_tb_exec_cb(tb, end, 0, NULL);
}

static void ended(qemu_plugin_id_t id, void *data)
{
	FILE *f = fopen(to, "w");
	const struct block *b;

	(void)id;
	(void)data;
	if (!f) {
		perror(to);
		return;
	}
	for (int i = 0; i < BUCKETS; i++)
		for (b = blocks[i]; b; b = b->next)
			fprintf(f, "%llx %llu\n", (unsigned long long)b->addr,
				(unsigned long long)b->kept);
	fclose(f);
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
	(void)info;
	for (int i = 0; i < argc; i++)
		if (!strncmp(argv[i], "to=", 3))
			to = strdup(argv[i] + 3);
	if (!to) {
		fprintf(stderr, "blocks: to=FILE is missing\n");
		return -1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, ended, NULL);
	return 0;
}
