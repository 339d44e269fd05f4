/* SPDX-License-Identifier: GPL-2.0 */
/* What the forwarder's BPF programs and the tool share. */
#ifndef XFRM_HA_FORWARDER_MAP_H
#define XFRM_HA_FORWARDER_MAP_H

#include <linux/types.h>

#define FWD_SAS		65536	/* SAs, unless "limit" is said */
#define FWD_SAS_MAX	1048576
#define FWD_QSIZE	2048	/* packets in the queue of a CPU */
#define FWD_QSIZE_MAX	16384	/* of the kernel's cpumap */
#define FWD_FRAGMENTED	16384	/* packets in fragments, whose SA is remembered */

/* An SA as packets name it. An IPv4 address is mapped (::ffff:a.b.c.d). */
struct fwd_key {
	__be32 daddr[4];
	__be32 spi;
};

/*
 * Where the packets of an SA go. The tool writes want and force, the XDP program
 * all else: it alone knows when the old CPU was done with the last packet that went there.
 */
struct fwd_slot {
	__u64 packets;
	__u64 bytes;
	__u32 cpu;		/* where they go */
	__u32 want;		/* where they are to go */
	__u32 force;		/* now, even if the old CPU has some of them still */
	__u32 moves;
	__u64 last;		/* while it waits: its last one, as "given" counts for it, */
	__u32 rx;		/* and the CPU that received that one, plus 1 */
	__u32 waited;		/* packets that came while it waited */
	__u64 pad[2];
};

/* A CPU that packets go to. Counts since the start; head and tail as of its queue. */
struct fwd_cpu {
	__u64 tail;		/* put into its queue */
	__u64 dropped;		/* found it full */
	__u64 open;		/* CPUs that have given it some which tail may lack */
	__u64 pad1[5];
	__u64 head;		/* taken from it and done with, wherever that was */
	__u64 unbuilt;		/* lost there for want of memory */
	__u64 pad2[6];
};

enum fwd_count {
	FWD_OTHER,		/* neither ESP nor what follows: passed */
	FWD_FRAGMENT,		/* of no SA that is known: passed */
	FWD_IKE,
	FWD_KEEPALIVE,
	FWD_UNKNOWN,
	FWD_KNOWN,
	FWD_NO_CPU,
	FWD_COUNTS,
};

#endif
