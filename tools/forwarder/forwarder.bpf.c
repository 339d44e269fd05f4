// SPDX-License-Identifier: GPL-2.0
/*
 * The forwarder: ESP of an SA in the map goes to the queue of its CPU, all else
 * passes as if there were no program.
 *
 * An SA is moved as RFS moves a flow: not before the last packet that went to the old
 * CPU has been taken from that CPU's queue, so that none can be overtaken. The queue is
 * watched by tracepoints; what does not fit into it is counted there, too.
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
#define IP_FRAGMENT	0x3fff	/* offset, or more fragments */

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
} engines SEC(".maps");

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

/* Of the bulk queue from this CPU to another: how often it was flushed, and up to where. */
struct flush {
	__u64 n;
	__u64 tail;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct flush);
} flushes SEC(".maps");

struct vlan {
	__be16 tci;
	__be16 proto;
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

/* Has CPU @cpu taken the last packet of the SA that came before this one? */
static __always_inline bool drained(struct fwd_slot *slot, __u32 cpu)
{
	__u32 rx = bpf_get_smp_processor_id() + 1;
	struct flush *f = bpf_map_lookup_elem(&flushes, &cpu);
	struct fwd_cpu *c = bpf_map_lookup_elem(&cpus, &cpu);

	if (!f || !c)
		return true;
	if (slot->rx == rx && slot->flushes != f->n &&
	    (__s64)(*(volatile __u64 *)&c->head - f->tail) >= 0)
		return true;
	/* This one goes there, too, and is the last one. */
	slot->flushes = f->n;
	slot->rx = rx;
	slot->waited++;
	return false;
}

static __always_inline int forward(struct xdp_md *ctx, struct fwd_key *key)
{
	struct fwd_slot *slot;
	__u32 *n, cpu, want;
	int act;

	n = bpf_map_lookup_elem(&sas, key);
	slot = n ? bpf_map_lookup_elem(&slots, n) : NULL;
	if (!slot)
		return pass(FWD_UNKNOWN);
	__sync_fetch_and_add(&slot->packets, 1);
	__sync_fetch_and_add(&slot->bytes, ctx->data_end - ctx->data);
	cpu = *(volatile __u32 *)&slot->cpu;
	want = *(volatile __u32 *)&slot->want;
	if (cpu != want && (*(volatile __u32 *)&slot->force || drained(slot, cpu))) {
		cpu = want;
		slot->cpu = want;
		slot->force = 0;
		slot->rx = 0;
		slot->moves++;
	}
	act = bpf_redirect_map(&engines, cpu, XDP_PASS);
	pass(act == XDP_REDIRECT ? FWD_KNOWN : FWD_NO_CPU);
	return act;
}

static __always_inline int parse(struct xdp_md *ctx)
{
	void *end = (void *)(long)ctx->data_end, *p = (void *)(long)ctx->data;
	struct fwd_key key = { };
	struct ethhdr *eth = p;
	struct ipv6hdr *ip6;
	struct iphdr *ip;
	struct udphdr *udp;
	struct vlan *vlan;
	struct esp *esp;
	__be16 proto;
	__u8 next;

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
		if (next != IPPROTO_ESP && next != IPPROTO_UDP)
			return pass(FWD_OTHER);
		if (ip->frag_off & bpf_htons(IP_FRAGMENT))
			return pass(FWD_FRAGMENT);
		key.daddr[2] = bpf_htonl(0xffff);
		key.daddr[3] = ip->daddr;
		p += ip->ihl * 4;
	} else if (proto == bpf_htons(ETH_P_IPV6)) {
		ip6 = p;
		if ((void *)(ip6 + 1) > end || ip6->version != 6)
			return pass(FWD_OTHER);
		next = ip6->nexthdr;
		if (next == IPPROTO_FRAGMENT)
			return pass(FWD_FRAGMENT);
		if (next != IPPROTO_ESP && next != IPPROTO_UDP)
			return pass(FWD_OTHER);
		__builtin_memcpy(key.daddr, &ip6->daddr, sizeof(key.daddr));
		p = ip6 + 1;
	} else {
		return pass(FWD_OTHER);
	}
	if (next == IPPROTO_UDP) {
		udp = p;
		p = udp + 1;
		if (p > end || (udp->dest != bpf_htons(port) && udp->source != bpf_htons(port)))
			return pass(FWD_OTHER);
		/* RFC 3948: an octet; a marker of 0; a number that is not 0 */
		if (udp->len == bpf_htons(sizeof(*udp) + 1))
			return pass(FWD_KEEPALIVE);
		if (bpf_ntohs(udp->len) < sizeof(*udp) + sizeof(*esp))
			return pass(FWD_OTHER);
	}
	esp = p;
	if ((void *)(esp + 1) > end)
		return pass(FWD_OTHER);
	if (next == IPPROTO_UDP && !esp->spi)
		return pass(FWD_IKE);
	key.spi = esp->spi;
	return forward(ctx, &key);
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
	__u64 put = processed > drops ? processed - drops : 0;
	struct fwd_cpu *c;
	struct flush *f;

	if ((__u32)ctx->args[0] != cpumap_id)
		return 0;
	c = bpf_map_lookup_elem(&cpus, &to);
	f = bpf_map_lookup_elem(&flushes, &to);
	if (!c || !f)
		return 0;
	__sync_fetch_and_add(&c->dropped, drops);
	f->tail = __sync_fetch_and_add(&c->tail, put) + put;
	f->n++;
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

/*
 * (int map_id, unsigned int processed, unsigned int drops, int sched, ...). A CPU that is back
 * has two threads until the old one has worked off its queue.
 */
SEC("raw_tp/xdp_cpumap_kthread")
int dequeued(struct bpf_raw_tracepoint_args *ctx)
{
	struct fwd_cpu *c;
	__u32 cpu;

	if ((__u32)ctx->args[0] != cpumap_id)
		return 0;
	cpu = queue_of_thread();
	c = bpf_map_lookup_elem(&cpus, &cpu);
	if (!c)
		return 0;
	__sync_fetch_and_add(&c->head, (__u32)ctx->args[1]);
	__sync_fetch_and_add(&c->unbuilt, (__u32)ctx->args[2]);
	return 0;
}
