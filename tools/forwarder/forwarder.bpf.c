// SPDX-License-Identifier: GPL-2.0
/*
 * The forwarder: ESP of an SA in the map goes to the queue of its CPU, all else
 * passes as if there were no program.
 *
 * An SA is moved as RFS moves a flow: not before the old CPU is done with the last packet that
 * went there, so that none can be overtaken. The queue is watched by tracepoints; what does
 * not fit into it is counted there, too. A thread that takes more from its queue, or sleeps, is
 * done with what it took before (cpu_map_kthread_run() in kernel/bpf/cpumap.c).
 *
 * Only the first fragment of a packet has the SPI. The others follow it by what makes them one
 * packet, so that it is put together where the SA's other packets are, behind those before it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "map.h"

#define VLANS		2
#define IP_MORE		0x2000
#define IP_OFFSET	0x1fff
#define IP6_MORE	0x0001
#define IP6_OFFSET	0xfff8
#define BULK		8	/* CPU_MAP_BULK_SIZE */

/* States of a thread as sched_switch has them (include/linux/sched.h) */
#define TASK_INTERRUPTIBLE	0x01
#define TASK_DEAD		0x80

char LICENSE[] SEC("license") = "GPL";

const volatile __u16 port = 4500;
__u32 cpumap_id;

/* Sizes are set by the tool. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct fwd_key);
	__type(value, __u32);		/* index into slots */
} sas SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct fwd_slot);
} slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CPUMAP);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct bpf_cpumap_val));
} workers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct fwd_cpu);
} cpus SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, FWD_COUNTS);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

/* From this CPU to another, by way of a bulk queue, which is flushed to that CPU's own */
struct flush {
	__u64 given;		/* to the bulk queue */
	__u64 flushed;		/* of these, left it */
	__u64 tail;		/* of the queue, behind them: that, or more */
	__u64 open;		/* counted in fwd_cpu.open */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct flush);
} flushes SEC(".maps");

/* What a thread has taken from the queue of a CPU, and is not done with */
struct batch {
	__u32 cpu;
	__u32 n;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);		/* its id */
	__type(value, struct batch);
} batches SEC(".maps");

/* What the fragments of a packet have in common */
struct packet {
	__be32 saddr[4];
	__be32 daddr[4];
	__be32 id;
	__u32 proto;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, FWD_FRAGMENTED);
	__type(key, struct packet);
	__type(value, struct fwd_key);
} fragmented SEC(".maps");

struct vlan {
	__be16 tci;
	__be16 proto;
};

struct fragment {
	__u8 next;
	__u8 reserved;
	__be16 offset;
	__be32 id;
};

struct esp {
	__be32 spi;
	__be32 seq;
};

static __always_inline int pass(__u32 why)
{
	__u64 *count = bpf_map_lookup_elem(&counts, &why);

	if (count)
		++*count;
	return XDP_PASS;
}

/*
 * Is the other CPU done with all that was in its queue as of the last flush from here? Others may
 * have put theirs there before, and tell it later. So f->tail has BULK for each CPU that was open
 * then: they have put no more. If they put less, c->head gets there as they go on; or else
 * they are not open any more, and then c->tail lacks nothing.
 */
static __always_inline bool emptied(struct flush *f, struct fwd_cpu *c)
{
	__u64 open;

	if ((__s64)(*(volatile __u64 *)&c->head - f->tail) >= 0)
		return true;
	/* With the return value it is a barrier: before tail and head. */
	open = __sync_fetch_and_add(&c->open, 0);
	return open == f->open &&
	       (__s64)(*(volatile __u64 *)&c->tail - *(volatile __u64 *)&c->head) <= 0;
}

/* Is the CPU done with the last packet of the SA that came before this one? */
static __always_inline bool drained(struct fwd_slot *slot, struct flush *f, struct fwd_cpu *c)
{
	__u32 rx = bpf_get_smp_processor_id() + 1;

	if (slot->rx == rx && (__s64)(f->flushed - slot->last) >= 0 && emptied(f, c))
		return true;
	/* This one goes there, too, and is the last one. */
	slot->last = f->given + 1;
	slot->rx = rx;
	slot->waited++;
	return false;
}

/*
 * A packet goes to the bulk queue, and with others from there to the queue of the CPU. Until that
 * is told, c->tail may lack it. One that is lost on the way to the bulk queue leaves c->open
 * too high until the next flush: moves wait for that, and none is too early.
 */
static __always_inline void give(__u32 cpu)
{
	struct flush *f = bpf_map_lookup_elem(&flushes, &cpu);
	struct fwd_cpu *c = bpf_map_lookup_elem(&cpus, &cpu);

	if (!f || !c)
		return;
	f->given++;
	if (f->open)
		return;
	f->open = 1;
	__sync_fetch_and_add(&c->open, 1);
}

/* Not known: 0, and the packet is to pass */
static __always_inline struct fwd_slot *slot_of(struct fwd_key *key)
{
	__u32 *n = bpf_map_lookup_elem(&sas, key);

	return n ? bpf_map_lookup_elem(&slots, n) : NULL;
}

static __always_inline int forward(struct xdp_md *ctx, struct fwd_slot *slot)
{
	struct fwd_cpu *c;
	struct flush *f;
	__u32 cpu, want;
	int act;

	__sync_fetch_and_add(&slot->packets, 1);
	__sync_fetch_and_add(&slot->bytes, bpf_xdp_get_buff_len(ctx));
	cpu = *(volatile __u32 *)&slot->cpu;
	want = *(volatile __u32 *)&slot->want;
	if (cpu != want) {
		f = bpf_map_lookup_elem(&flushes, &cpu);
		c = bpf_map_lookup_elem(&cpus, &cpu);
		if (*(volatile __u32 *)&slot->force || !f || !c || drained(slot, f, c)) {
			cpu = want;
			slot->cpu = want;
			slot->force = 0;
			slot->rx = 0;
			slot->moves++;
		}
	}
	act = bpf_redirect_map(&workers, cpu, XDP_PASS);
	if (act == XDP_REDIRECT)
		give(cpu);
	pass(act == XDP_REDIRECT ? FWD_KNOWN : FWD_NO_CPU);
	return act;
}

/* What is behind the addresses: the SPI, if there is one. Else why the packet passes */
static __always_inline int parse_esp(void *p, void *end, __u8 next, __be32 *spi)
{
	struct udphdr *udp;
	struct esp *esp;

	if (next == IPPROTO_UDP) {
		udp = p;
		p = udp + 1;
		if (p > end || (udp->dest != bpf_htons(port) && udp->source != bpf_htons(port)))
			return FWD_OTHER;
		/* RFC 3948: an octet; a marker of 0; a number that is not 0 */
		if (udp->len == bpf_htons(sizeof(*udp) + 1))
			return FWD_KEEPALIVE;
		if (bpf_ntohs(udp->len) < sizeof(*udp) + sizeof(*esp))
			return FWD_OTHER;
	}
	esp = p;
	if ((void *)(esp + 1) > end)
		return FWD_OTHER;
	if (next == IPPROTO_UDP && !esp->spi)
		return FWD_IKE;
	*spi = esp->spi;
	return FWD_KNOWN;
}

static __always_inline int parse(struct xdp_md *ctx)
{
	void *end = (void *)(long)ctx->data_end, *p = (void *)(long)ctx->data;
	bool first = true, more = false;
	struct packet packet = { };
	struct fwd_key key = { };
	struct ethhdr *eth = p;
	struct fwd_key *known;
	struct fragment *frag;
	struct fwd_slot *slot;
	struct ipv6hdr *ip6;
	struct iphdr *ip;
	struct vlan *vlan;
	__be16 proto;
	__u8 next;
	int why;

	p = eth + 1;
	if (p > end)
		return pass(FWD_OTHER);
	proto = eth->h_proto;
	for (int i = 0; i < VLANS; i++) {
		if (proto != bpf_htons(ETH_P_8021Q) && proto != bpf_htons(ETH_P_8021AD))
			break;
		vlan = p;
		p = vlan + 1;
		if (p > end)
			return pass(FWD_OTHER);
		proto = vlan->proto;
	}
	if (proto == bpf_htons(ETH_P_IP)) {
		ip = p;
		if ((void *)(ip + 1) > end || ip->version != 4 || ip->ihl < 5)
			return pass(FWD_OTHER);
		next = ip->protocol;
		key.daddr[2] = bpf_htonl(0xffff);
		key.daddr[3] = ip->daddr;
		packet.saddr[3] = ip->saddr;
		packet.id = ip->id;
		first = !(ip->frag_off & bpf_htons(IP_OFFSET));
		more = ip->frag_off & bpf_htons(IP_MORE);
		p += ip->ihl * 4;
	} else if (proto == bpf_htons(ETH_P_IPV6)) {
		ip6 = p;
		if ((void *)(ip6 + 1) > end || ip6->version != 6)
			return pass(FWD_OTHER);
		next = ip6->nexthdr;
		__builtin_memcpy(key.daddr, &ip6->daddr, sizeof(key.daddr));
		__builtin_memcpy(packet.saddr, &ip6->saddr, sizeof(packet.saddr));
		p = ip6 + 1;
		if (next == IPPROTO_FRAGMENT) {
			frag = p;
			p = frag + 1;
			if (p > end)
				return pass(FWD_OTHER);
			next = frag->next;
			packet.id = frag->id;
			first = !(frag->offset & bpf_htons(IP6_OFFSET));
			more = frag->offset & bpf_htons(IP6_MORE);
		}
	} else {
		return pass(FWD_OTHER);
	}
	if (next != IPPROTO_ESP && next != IPPROTO_UDP)
		return pass(FWD_OTHER);
	__builtin_memcpy(packet.daddr, key.daddr, sizeof(packet.daddr));
	packet.proto = next;
	if (!first) {
		known = bpf_map_lookup_elem(&fragmented, &packet);
		slot = known ? slot_of(known) : NULL;
		return slot ? forward(ctx, slot) : pass(FWD_FRAGMENT);
	}
	why = parse_esp(p, end, next, &key.spi);
	slot = why == FWD_KNOWN ? slot_of(&key) : NULL;
	if (more && slot)
		bpf_map_update_elem(&fragmented, &packet, &key, BPF_ANY);
	else if (more)
		/* An older packet may have had the same identification. */
		bpf_map_delete_elem(&fragmented, &packet);
	if (slot)
		return forward(ctx, slot);
	if (more)
		return pass(FWD_FRAGMENT);
	return pass(why == FWD_KNOWN ? FWD_UNKNOWN : why);
}

SEC("xdp.frags")
int forwarder(struct xdp_md *ctx)
{
	return parse(ctx);
}

/*
 * For generic XDP. A program for frames in parts gets a copy of each there that lacks its
 * mac_len (seen in 6.12), and a cpumap then hands up a frame with its Ethernet header.
 */
SEC("xdp")
int forwarder_skb(struct xdp_md *ctx)
{
	return parse(ctx);
}

/*
 * (int map_id, unsigned int processed, unsigned int drops, int to_cpu), by who receives. Of
 * those that were processed the drops are some in native XDP, and others in generic XDP.
 */
SEC("raw_tp/xdp_cpumap_enqueue")
int enqueued(struct bpf_raw_tracepoint_args *ctx)
{
	__u32 processed = ctx->args[1], drops = ctx->args[2], to = ctx->args[3];
	__u64 put = processed > drops ? processed - drops : 0, others;
	struct fwd_cpu *c;
	struct flush *f;
	bool full;

	if ((__u32)ctx->args[0] != cpumap_id)
		return 0;
	c = bpf_map_lookup_elem(&cpus, &to);
	f = bpf_map_lookup_elem(&flushes, &to);
	if (!c || !f)
		return 0;
	__sync_fetch_and_add(&c->dropped, drops);
	/* Who else is open, and only then the tail: who is not any more is in that. */
	others = __sync_fetch_and_add(&c->open, 0) - f->open;
	f->tail = __sync_fetch_and_add(&c->tail, put) + put + others * BULK;
	/* One that found the bulk queue full has been given, and comes into it now. */
	full = processed == BULK && (__s64)(f->given - f->flushed) > BULK;
	f->flushed = f->given - full;
	if (!full && f->open) {
		f->open = 0;
		__sync_fetch_and_add(&c->open, -1);
	}
	return 0;
}

/*
 * Whose queue has this thread? It is "cpumap/CPU/map:ID", cut off behind 15 characters. Where it
 * runs says nothing: that of a CPU which went offline runs on others.
 */
static __always_inline __u32 queue_of_thread(void)
{
	const int first = sizeof("cpumap/") - 1;
	char name[16] = { };
	__u32 cpu = 0;

	bpf_get_current_comm(name, sizeof(name));
	for (int i = first; i < (int)sizeof(name); i++) {
		if (name[i] < '0' || name[i] > '9')
			break;
		cpu = cpu * 10 + (name[i] - '0');
	}
	return cpu;
}

static __always_inline void done(struct batch *b)
{
	struct fwd_cpu *c = bpf_map_lookup_elem(&cpus, &b->cpu);
	/* A barrier: what was done with the packets is before c->head. */
	__u32 n = __sync_lock_test_and_set(&b->n, 0);

	if (c)
		__sync_fetch_and_add(&c->head, n);
}

/*
 * (int map_id, unsigned int processed, unsigned int drops, int sched, ...), by a thread that goes
 * on with what it has just taken. A CPU that is back has two threads until the old one has worked
 * off its queue.
 */
SEC("raw_tp/xdp_cpumap_kthread")
int dequeued(struct bpf_raw_tracepoint_args *ctx)
{
	__u32 thread = bpf_get_current_pid_tgid(), n = ctx->args[1];
	struct batch *b, fresh = { };
	struct fwd_cpu *c;

	if ((__u32)ctx->args[0] != cpumap_id)
		return 0;
	b = bpf_map_lookup_elem(&batches, &thread);
	if (!b) {
		fresh.cpu = queue_of_thread();
		bpf_map_update_elem(&batches, &thread, &fresh, BPF_ANY);
		b = bpf_map_lookup_elem(&batches, &thread);
	}
	if (!b)
		return 0;
	done(b);
	b->n = n;
	c = bpf_map_lookup_elem(&cpus, &b->cpu);
	if (c)
		__sync_fetch_and_add(&c->unbuilt, (__u32)ctx->args[2]);
	return 0;
}

/*
 * (bool preempt, struct task_struct *prev, struct task_struct *next, unsigned int prev_state), by
 * prev: for each change of threads on any CPU. Who waits for a lock (PREEMPT_RT) has another state.
 */
SEC("raw_tp/sched_switch")
int switched(struct bpf_raw_tracepoint_args *ctx)
{
	__u32 state = ctx->args[3], thread;
	struct batch *b;

	if (!(state & (TASK_INTERRUPTIBLE | TASK_DEAD)))
		return 0;
	thread = bpf_get_current_pid_tgid();
	b = bpf_map_lookup_elem(&batches, &thread);
	if (!b)
		return 0;
	done(b);
	if (state & TASK_DEAD)
		bpf_map_delete_elem(&batches, &thread);
	return 0;
}
