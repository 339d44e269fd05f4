// SPDX-License-Identifier: GPL-2.0
/* Packets to CPUs by XDP and a cpumap. The workers are CPUs. */

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>

#include "forwarder.h"
#include "skel.h"
#include "tool.h"

static struct forwarder_bpf *skel;
static struct fwd_slot *slots;
static struct fwd_cpu *cpus;
static int link_fd = -1, n_cpus;
static uint32_t limit, qsize;

static int quiet(enum libbpf_print_level level, const char *format, va_list ap)
{
	(void)level;
	(void)format;
	(void)ap;
	return 0;
}

static void *map_memory(struct bpf_map *map, size_t entry, uint32_t n)
{
	void *p = mmap(NULL, entry * n, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	return p == MAP_FAILED ? NULL : p;
}

static int refuse_load(int err)
{
	if (err == -EPERM || err == -EACCES)
		return refuse_privileges();
	return refuse("the kernel does not take the forwarder's programs: %s", strerror(-err));
}

/* Only one of the two programs: a cpumap is for such that are alike. */
static int load(const struct settings *s, bool generic)
{
	struct bpf_map_info info = { };
	uint32_t len = sizeof(info);
	int err;

	skel = forwarder_bpf__open();
	if (!skel)
		return refuse_load(-errno);
	bpf_program__set_autoload(generic ? skel->progs.forwarder : skel->progs.forwarder_skb,
				  false);
	skel->rodata->port = s->port;
	bpf_map__set_max_entries(skel->maps.sas, limit);
	bpf_map__set_max_entries(skel->maps.slots, limit);
	bpf_map__set_max_entries(skel->maps.workers, n_cpus);
	bpf_map__set_max_entries(skel->maps.cpus, n_cpus);
	bpf_map__set_max_entries(skel->maps.flushes, n_cpus);
	/* A CPU that goes and comes back has another thread, before the old one is gone. */
	bpf_map__set_max_entries(skel->maps.batches, 2 * n_cpus);
	err = forwarder_bpf__load(skel);
	if (err)
		return refuse_load(err);
	slots = map_memory(skel->maps.slots, sizeof(*slots), limit);
	cpus = map_memory(skel->maps.cpus, sizeof(*cpus), n_cpus);
	if (!slots || !cpus)
		return refuse("the forwarder's maps can't be had: %s", strerror(errno));
	err = bpf_obj_get_info_by_fd(bpf_map__fd(skel->maps.workers), &info, &len);
	if (err)
		return refuse_load(err);
	skel->bss->cpumap_id = info.id;
	skel->links.enqueued = bpf_program__attach(skel->progs.enqueued);
	skel->links.dequeued = bpf_program__attach(skel->progs.dequeued);
	skel->links.switched = bpf_program__attach(skel->progs.switched);
	if (!skel->links.enqueued || !skel->links.dequeued || !skel->links.switched)
		return refuse("the tracepoints of the CPUs' queues can't be had: %s",
			      strerror(errno));
	return DONE;
}

/* Is a VLAN device upon it? */
static bool has_vlans(const char *dev)
{
	FILE *f = fopen("/proc/net/vlan/config", "r");
	char line[256], below[IFNAMSIZ];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%*s | %*d | %15s", below) == 1 && !strcmp(below, dev);
	if (f)
		fclose(f);
	return found;
}

/* Does the device take VLAN tags out of frames? What a queue holds has them no more. */
static bool strips_vlans(const char *dev)
{
	struct ethtool_value v = { .cmd = ETHTOOL_GFLAGS };

	return !ethtool(dev, &v) && v.data & ETH_FLAG_RXVLAN;
}

static void unload(void)
{
	if (slots)
		munmap(slots, sizeof(*slots) * limit);
	if (cpus)
		munmap(cpus, sizeof(*cpus) * n_cpus);
	slots = NULL;
	cpus = NULL;
	forwarder_bpf__destroy(skel);
	skel = NULL;
}

static void xdp_close(void)
{
	if (link_fd >= 0)
		close(link_fd);
	unload();
}

/* By a link: whatever becomes of this process, the program goes with it. */
static int attach(int ifindex, bool generic)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts,
		    .flags = generic ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE);
	struct bpf_program *p = generic ? skel->progs.forwarder_skb : skel->progs.forwarder;

	link_fd = bpf_link_create(bpf_program__fd(p), ifindex, BPF_XDP, &opts);
	return link_fd < 0 ? link_fd : 0;
}

static int load_and_attach(const struct settings *s, bool generic, int *attached)
{
	int err = load(s, generic);

	if (!err)
		*attached = attach(s->ifindex, generic);
	return err;
}

/* At first no SA is known, and all passes. */
static int xdp_open(const struct settings *s)
{
	bool generic = s->generic;
	int err, attached;

	libbpf_set_print(quiet);
	limit = s->limit;
	qsize = s->qsize;
	n_cpus = libbpf_num_possible_cpus();
	if (!generic && has_vlans(s->dev) && strips_vlans(s->dev))
		return refuse("%s has VLANs and takes the tags out of frames, which native XDP "
			      "loses: \"ethtool -K %s rxvlan off\", or generic", s->dev, s->dev);
	err = load_and_attach(s, generic, &attached);
	if (err)
		return err;
	if (attached && !generic && !s->native && attached != -EBUSY && attached != -EEXIST &&
	    attached != -EPERM) {
		generic = true;
		unload();
		err = load_and_attach(s, generic, &attached);
		if (err)
			return err;
	}
	if (attached == -EBUSY || attached == -EEXIST)
		return refuse("%s has an XDP program already", s->dev);
	if (attached == -EPERM)
		return refuse_load(attached);
	if (attached)
		return refuse("%s does not support %s XDP: %s", s->dev,
			      generic ? "generic" : "native", strerror(-attached));
	started(s->dev, "cpus", generic ? "generic" : "native");
	return DONE;
}

/* Also for one that was away: it gets a new queue, whose thread is on that CPU. */
static int xdp_add_worker(uint32_t id)
{
	struct bpf_cpumap_val value = { .qsize = qsize };

	if (id >= (uint32_t)n_cpus)
		return -ENODEV;
	if (bpf_map_update_elem(bpf_map__fd(skel->maps.workers), &id, &value, 0))
		return -errno;
	return 0;
}

static int xdp_add(struct sa *sa)
{
	struct fwd_slot *slot = &slots[sa->slot];

	memset(slot, 0, sizeof(*slot));
	slot->cpu = sa->worker->id;
	slot->want = sa->worker->id;
	if (bpf_map_update_elem(bpf_map__fd(skel->maps.sas), &sa->key, &sa->slot, 0))
		return -errno;
	return 0;
}

static void xdp_del(struct sa *sa)
{
	bpf_map_delete_elem(bpf_map__fd(skel->maps.sas), &sa->key);
}

/* The program does it, with the first packet that can't overtake another. */
static void xdp_move(struct sa *sa, bool force)
{
	struct fwd_slot *slot = &slots[sa->slot];

	/* First: one that was not needed, for the SA had moved already, is not this move's. */
	__atomic_store_n(&slot->force, force, __ATOMIC_SEQ_CST);
	__atomic_store_n(&slot->want, sa->worker->id, __ATOMIC_SEQ_CST);
	/* None has come yet. */
	if (!__atomic_load_n(&slot->packets, __ATOMIC_SEQ_CST)) {
		__atomic_store_n(&slot->cpu, sa->worker->id, __ATOMIC_SEQ_CST);
		__atomic_store_n(&slot->force, 0, __ATOMIC_SEQ_CST);
	}
}

static bool xdp_pending(const struct sa *sa, uint32_t *at, uint32_t *moves)
{
	const struct fwd_slot *slot = &slots[sa->slot];

	*at = __atomic_load_n(&slot->cpu, __ATOMIC_RELAXED);
	*moves = __atomic_load_n(&slot->moves, __ATOMIC_RELAXED);
	return *at != sa->worker->id;
}

static void xdp_measure(struct sa *sa, uint64_t *packets, uint64_t *bytes)
{
	*packets = __atomic_load_n(&slots[sa->slot].packets, __ATOMIC_RELAXED);
	*bytes = __atomic_load_n(&slots[sa->slot].bytes, __ATOMIC_RELAXED);
}

static void xdp_measure_worker(uint32_t id, uint64_t *packets, uint64_t *dropped)
{
	*packets = __atomic_load_n(&cpus[id].head, __ATOMIC_RELAXED);
	*dropped = __atomic_load_n(&cpus[id].dropped, __ATOMIC_RELAXED) +
		   __atomic_load_n(&cpus[id].unbuilt, __ATOMIC_RELAXED);
}

static uint64_t xdp_count(int which)
{
	uint64_t values[n_cpus], sum = 0;
	uint32_t key = which;

	if (bpf_map_lookup_elem(bpf_map__fd(skel->maps.counts), &key, values))
		return 0;
	for (int i = 0; i < n_cpus; i++)
		sum += values[i];
	return sum;
}

const struct forwarder xdp_forwarder = {
	.cpus = true,
	.open = xdp_open,
	.close = xdp_close,
	.add_worker = xdp_add_worker,
	.add = xdp_add,
	.move = xdp_move,
	.del = xdp_del,
	.pending = xdp_pending,
	.measure = xdp_measure,
	.measure_worker = xdp_measure_worker,
	.count = xdp_count,
};
