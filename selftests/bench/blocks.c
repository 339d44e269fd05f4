// SPDX-License-Identifier: GPL-2.0
/*
 * Plugin of QEMU: how many instructions a guest has run, by the address of the block that they are
 * in, between the last call of what stands at MARK_BEGIN and that of MARK_END (mark.h). At its end a
 * line "ADDRESS COUNT" for each goes to the file that is named.
 *
 *	qemu-system-x86_64 -plugin blocks.so,to=FILE
 *
 * For one CPU: nothing is locked. Debian has no header for this interface, whose version is 1
 * (docs/devel/tcg-plugins.rst of QEMU's sources).
 */

#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mark.h"

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
enum { INLINE_ADD_U64 };

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
					   void (*cb)(qemu_plugin_id_t id,
						      struct qemu_plugin_tb *tb));
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *tb, int op, void *where,
					      uint64_t n);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb,
					  void (*cb)(unsigned int cpu, void *data), int flags,
					  void *data);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id,
				    void (*cb)(qemu_plugin_id_t id, void *data), void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);

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
			fprintf(f, "%" PRIx64 " %" PRIu64 "\n", b->addr, b->kept);
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
