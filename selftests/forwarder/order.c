// SPDX-License-Identifier: GPL-2.0
/*
 * The forwarder's programs in the kernel, called one by one in the order that a race would
 * have: packets as CPU 0 and CPU 1 receive them, and what the tracepoints of the queue tell when
 * they are late. An SA that is to leave CPU 1 must not as long as a packet of it is in a bulk
 * queue, in the queue of CPU 1, or in the hands of its thread, which this process is for the
 * tracepoints; and it must when none is. Run it as root, on two CPUs.
 */

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>

#include "map.h"
#include "skel.h"

#define BULK	8	/* packets: then a bulk queue is put into the queue */
#define SAS	2	/* SA 0 is received by CPU 0, SA 1 by CPU 1 */

static struct forwarder_bpf *skel;
static struct fwd_slot *slots;
static int bad;

static void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(2);
}

static void stay_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("two CPUs are needed");
}

/* A packet of @sa comes in, on the CPU of the same number, and goes to the bulk queue of another */
static void packet(int sa, int n)
{
	struct {
		struct ethhdr eth;
		struct iphdr ip;
		__be32 esp[8];
	} __attribute__((packed)) frame = {
		.eth.h_proto = htons(ETH_P_IP),
		.ip = { .version = 4, .ihl = 5, .protocol = IPPROTO_ESP,
			.daddr = htonl(0xc0000201) },
		.esp = { htonl(0x1000 + sa) },
	};
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = &frame, .data_size_in = sizeof(frame));

	stay_on(sa);
	for (int i = 0; i < n; i++) {
		if (bpf_prog_test_run_opts(bpf_program__fd(skel->progs.forwarder), &o))
			die("XDP");
		if (o.retval != XDP_REDIRECT) {
			fprintf(stderr, "XDP: %u\n", o.retval);
			exit(2);
		}
	}
}

static void event(struct bpf_program *program, __u64 *args)
{
	LIBBPF_OPTS(bpf_test_run_opts, o, .ctx_in = args, .ctx_size_in = sizeof(*args) * 5);

	if (bpf_prog_test_run_opts(bpf_program__fd(program), &o))
		die("tracepoint");
}

/* It is told that @n packets that CPU @rx has received are in the queue of CPU @to. */
static void put(int rx, int n, int to)
{
	__u64 args[5] = { skel->bss->cpumap_id, n, 0, to };

	stay_on(rx);
	event(skel->progs.enqueued, args);
}

/* CPU 1 takes @n packets from its queue: it is done with those before. */
static void take(int n)
{
	__u64 args[5] = { skel->bss->cpumap_id, n };

	prctl(PR_SET_NAME, "cpumap/1/map:1");
	event(skel->progs.dequeued, args);
}

/* It sleeps, or does not for it was interrupted (0), or waits for a lock of PREEMPT_RT (0x1000) */
static void leave_cpu(unsigned int state)
{
	__u64 args[5] = { 0, 0, 0, state };

	event(skel->progs.switched, args);
}

/* CPU 1 takes @n packets, and has nothing to do any more. */
static void taken(int n)
{
	take(n);
	leave_cpu(1);
}

static void is(const char *name, int sa, __u32 cpu)
{
	__u32 at = *(volatile __u32 *)&slots[sa].cpu;

	printf("# %s%s: SA %d at CPU %u\n", at == cpu ? "" : "WRONG: ", name, sa, at);
	bad |= at != cpu;
}

static void load(void)
{
	struct bpf_cpumap_val queue = { .qsize = 64 };
	struct bpf_map_info info = { };
	__u32 len = sizeof(info);
	int cpus = libbpf_num_possible_cpus();

	skel = forwarder_bpf__open();
	if (!skel)
		die("open");
	bpf_program__set_autoload(skel->progs.forwarder_skb, false);
	bpf_map__set_max_entries(skel->maps.sas, SAS);
	bpf_map__set_max_entries(skel->maps.slots, SAS);
	bpf_map__set_max_entries(skel->maps.workers, cpus);
	bpf_map__set_max_entries(skel->maps.cpus, cpus);
	bpf_map__set_max_entries(skel->maps.flushes, cpus);
	bpf_map__set_max_entries(skel->maps.batches, 2 * cpus);
	if (forwarder_bpf__load(skel))
		die("load");
	for (__u32 cpu = 0; cpu < 2; cpu++) {
		if (bpf_map_update_elem(bpf_map__fd(skel->maps.workers), &cpu, &queue, 0))
			die("cpumap");
	}
	if (bpf_obj_get_info_by_fd(bpf_map__fd(skel->maps.workers), &info, &len))
		die("cpumap");
	skel->bss->cpumap_id = info.id;
	slots = mmap(NULL, sizeof(*slots) * SAS, PROT_READ | PROT_WRITE, MAP_SHARED,
		     bpf_map__fd(skel->maps.slots), 0);
	if (slots == MAP_FAILED)
		die("slots");
	for (__u32 sa = 0; sa < SAS; sa++) {
		struct fwd_key key = {
			.daddr = { 0, 0, htonl(0xffff), htonl(0xc0000201) },
			.spi = htonl(0x1000 + sa),
		};

		slots[sa].cpu = 1;
		slots[sa].want = 1;
		if (bpf_map_update_elem(bpf_map__fd(skel->maps.sas), &key, &sa, 0))
			die("sas");
	}
}

/* CPU 0 has put its packets first, and tells it last. */
static void told_late(int others)
{
	load();
	slots[1].want = 0;
	packet(0, others);
	packet(1, BULK);
	put(1, BULK, 1);
	taken(BULK);
	packet(1, 1);
	is("those of CPU 0 are before it, and were not told yet", 1, 1);
	put(1, 1, 1);
	put(0, others, 1);
	taken(others);
	packet(1, 1);
	is("its last one is in the queue", 1, 1);
	put(1, 1, 1);
	taken(1);
	packet(1, 1);
	is("its very last one is", 1, 1);
	put(1, 1, 1);
	taken(2);
	packet(1, 1);
	is("all were taken", 1, 0);
	forwarder_bpf__destroy(skel);
}

/* The ninth goes to the bulk queue when the eight before it have left that. */
static void ninth(void)
{
	load();
	slots[1].want = 0;
	packet(1, BULK + 1);
	put(1, BULK, 1);
	taken(BULK);
	packet(1, 1);
	is("the ninth is in the bulk queue", 1, 1);
	put(1, 2, 1);
	taken(1);
	packet(1, 1);
	is("the tenth is in the queue", 1, 1);
	put(1, 1, 1);
	taken(2);
	packet(1, 1);
	is("all were taken", 1, 0);
	forwarder_bpf__destroy(skel);
}

/* The other CPU is never done, but what it adds does not count. */
static void busy(void)
{
	load();
	slots[1].want = 0;
	packet(1, 1);
	packet(0, BULK + 1);
	put(0, BULK, 1);
	put(1, 1, 1);
	taken(BULK + 1);
	for (int i = 0; i < 3; i++) {
		packet(0, BULK);
		put(0, BULK, 1);
		taken(BULK);
	}
	packet(1, 1);
	is("others have packets in the bulk queue all the time", 1, 0);
	forwarder_bpf__destroy(skel);
}

/* What was taken is in the hands of a thread that may wait with it. */
static void in_hand(void)
{
	load();
	slots[1].want = 0;
	packet(1, 2);
	put(1, 2, 1);
	take(2);
	packet(1, 1);
	is("the last one was taken, and no more", 1, 1);
	leave_cpu(0);
	packet(1, 1);
	is("its thread is interrupted", 1, 1);
	leave_cpu(0x1000);
	packet(1, 1);
	is("its thread waits for a lock", 1, 1);
	put(1, 3, 1);
	take(3);
	packet(1, 1);
	is("the next ones were taken", 1, 1);
	put(1, 1, 1);
	take(1);
	leave_cpu(1);
	packet(1, 1);
	is("it sleeps", 1, 0);
	forwarder_bpf__destroy(skel);
}

/* More come, of others: the thread goes on without having slept. */
static void next_batch(void)
{
	load();
	slots[1].want = 0;
	packet(1, 1);
	put(1, 1, 1);
	packet(0, 1);
	put(0, 1, 1);
	take(1);
	take(1);
	packet(1, 1);
	is("its thread is at those of CPU 0", 1, 0);
	forwarder_bpf__destroy(skel);
}

/* A thread ends with its last batch. */
static void ends(void)
{
	load();
	slots[1].want = 0;
	packet(1, 1);
	put(1, 1, 1);
	take(1);
	leave_cpu(0x80);
	packet(1, 1);
	is("its thread is no more", 1, 0);
	forwarder_bpf__destroy(skel);
}

int main(void)
{
	libbpf_set_print(NULL);
	told_late(BULK);
	told_late(3);
	ninth();
	busy();
	in_hand();
	next_batch();
	ends();
	return bad;
}
