/* SPDX-License-Identifier: GPL-2.0 */
/* Wire format of the link. Pure. Drawn in docs/wire.rst. */
#ifndef _XFRM_HA_FRAME_H
#define _XFRM_HA_FRAME_H

#include "pure/pure.h"
#include "pure/stripe.h"
#include "pure/window.h"

#define XHA_VERSION		2
#define XHA_ETHERTYPE		0x88b5	/* IEEE 802 local experimental EtherType 1 */

#define XHA_HDR_LEN		16
#define XHA_TAG_LEN		16
#define XHA_ACK_LEN		16
#define XHA_RECORD_LEN		24
#define XHA_ANNOUNCE_LEN	108
#define XHA_NAME_LEN		16	/* of a group, with its final 0 */
#define XHA_MTU_MIN		1000	/* the largest message fits, sealed */
#define XHA_INDEX_MAX		0xffffffu
#define XHA_NONCE_LEN		32
#define XHA_MAC_LEN		32
#define XHA_HELLO_LEN		(12 + 2 * XHA_NONCE_LEN + XHA_MAC_LEN)

enum xha_frame_type {
	XHA_FRAME_HELLO		= 1,
	XHA_FRAME_DATA		= 2,
};

/**
 * struct xha_hdr - frame header, in clear, authenticated
 * @type: enum xha_frame_type
 * @flags: XHA_HDR_F_*
 * @len: octets of payload after the header, seal included (Ethernet may pad)
 * @session: the number that the receiver chose for this session; 0 in HELLO
 * @number: frame number in the session, from 1; also the nonce
 */
struct xha_hdr {
	u8 type;
	u8 flags;
	u16 len;
	u32 session;
	u64 number;
};

#define XHA_HDR_F_ELICIT	0x01	/* wants to be acknowledged */
#define XHA_HDR_F_SOON		0x02	/* without much delay */
#define XHA_HDR_F_MASK		0x03

/**
 * struct xha_hello - handshake frame payload
 * @node: id of the sender
 * @session: session number the sender wants to be called by
 * @heartbeat: ms between heartbeats of the sender
 * @dead: of these, after which the receiver, having received nothing, thinks the sender dead
 * @insecure: the sender does not seal
 * @nonce: fresh for each session of the sender
 * @echo: nonce of the peer as last received, else 0
 * @mac: HMAC-SHA256 under the hello key over header and payload up to here
 */
struct xha_hello {
	u32 node;
	u32 session;
	u16 heartbeat;
	u8 dead;
	u8 insecure;
	u8 nonce[XHA_NONCE_LEN];
	u8 echo[XHA_NONCE_LEN];
	u8 mac[XHA_MAC_LEN];
};

/* First octets of the clear payload of a DATA frame */
struct xha_ack {
	u64 largest;	/* highest frame number received; 0: none yet */
	u64 bits;	/* bit i: frame @largest - 1 - i was received */
};

enum xha_msg_kind {
	XHA_MSG_OUT		= 0x1,	/* record, outbound: 24 octets */
	XHA_MSG_IN		= 0x2,	/* record, inbound: 24 octets (+ bitmap) */
	/* from here on each message tells its length */
	XHA_MSG_ANNOUNCE	= 0x30,	/* index ↔ identity, full state */
	XHA_MSG_GONE		= 0x31,	/* index is no more */
	XHA_MSG_NAK		= 0x32,	/* record refused; say ANNOUNCE again */
	XHA_MSG_ASK		= 0x33,	/* identity: announce it, please */
	XHA_MSG_GROUP		= 0x34,	/* role and term of a group */
	XHA_MSG_HEARTBEAT	= 0x35,
	XHA_MSG_SYNCED		= 0x36,	/* the bulk sync is complete */
};

#define XHA_REC_F_FINAL		0x1	/* sender stopped: seq is exact, not a lease end */
#define XHA_REC_F_BITMAP	0x2	/* a bitmap follows */
#define XHA_REC_F_LEASE		0x4	/* out: sender is active, and will use numbers up to seq */
#define XHA_REC_F_EXACT		0x8	/* out: the sender may have used numbers up to it */
#define XHA_REC_F_MASK		0xf
#define XHA_NAK_F_UNKNOWN	0x1	/* a record of an index that was not announced */
#define XHA_NAK_F_ROOM		0x2	/* an announcement, and nothing can be kept of the SA */
/* The sender is active, or has been: no standby that tells what it was told. */
#define XHA_REC_F_USED		(XHA_REC_F_FINAL | XHA_REC_F_LEASE | XHA_REC_F_EXACT)

/**
 * struct xha_record - one mirrored update of one SA in one direction
 * @in: XHA_MSG_IN, not XHA_MSG_OUT
 * @flags: XHA_REC_F_*
 * @index: of the SA at the sender, 24 bit
 * @seq: out: lease end (FINAL: last number used); in: right edge
 * @bytes: count, 48 bit on the wire (see xha_expand48())
 * @packets: count, 48 bit on the wire
 * @window: with XHA_REC_F_BITMAP, edge == @seq; else NULL / ignored. On encode points
 *	    to the caller's window; on decode to the window handed to the parser.
 */
struct xha_record {
	bool in;
	u8 flags;
	u32 index;
	u64 seq;
	u64 bytes;
	u64 packets;
	struct xha_window *window;
};

/*
 * What an SA is known by on both nodes; no holes, hashed as it is. With another key it is another
 * SA: its numbers begin anew.
 */
struct xha_id {
	u64 key;		/* of its algorithms and keys, see key_id() in xfrm/identity.c */
	__be32 daddr[4];	/* IPv4: the other three are 0 */
	__be32 spi;
	u32 mark_v;
	u32 mark_m;
	u32 if_id;
	u16 family;		/* AF_INET, AF_INET6 (wire: 4, 6) */
	u8 proto;
	u8 zero[5];
};

#define XHA_SHARE_NONE	U32_MAX	/* as @step: the sender has none left to give */

/**
 * struct xha_announce - an SA, and all that the sender knows of it
 * @index: of the SA at the sender, 24 bit
 * @id: identity
 * @mode: enum xfrm_replay_mode: 0 legacy, 1 bitmap, 2 ESN
 * @flags: XHA_REC_F_*, not BITMAP
 * @stripe: log2 of the numbers of a stripe
 * @group: the sender's number for its group, as GROUP tells it
 * @inc: incarnation of the sender's memory of this SA, not 0
 * @peer_inc: that of the receiver's which @share is meant for; 0: of any
 * @node_inc: incarnation of the sender: it has forgotten nothing since that began
 * @share: what the receiver may use without a lease; @share.step 0: as it was configured
 * @out: lease end, or exact with FINAL
 * @in: right edge
 * @bytes: count
 * @packets: count
 */
struct xha_announce {
	u32 index;
	struct xha_id id;
	u8 mode;
	u8 flags;
	u8 stripe;
	u16 group;
	u32 inc;
	u32 peer_inc;
	u32 node_inc;
	struct xha_share share;
	u64 out;
	u64 in;
	u64 bytes;
	u64 packets;
};

enum xha_role_wire {
	XHA_WIRE_STANDBY	= 0,
	XHA_WIRE_ACTIVE		= 1,
	XHA_WIRE_HANDOVER	= 2,	/* was active, the peer has all final records */
	XHA_WIRE_REQUEST	= 3,	/* standby that asks the active to hand over */
};

/**
 * struct xha_group_msg - what a node is for a group
 * @name: of the group, the same on both nodes
 * @role: enum xha_role_wire
 * @id: the sender's number for it, in its ANNOUNCEs; not 0
 * @term: of the group
 * @node: id of the sender
 * @sas: SAs that the sender has in it
 * @missing: SAs that the receiver has announced in it, and the sender has not
 */
struct xha_group_msg {
	char name[XHA_NAME_LEN];
	u8 role;
	u16 id;
	u32 term;
	u32 node;
	u32 sas;
	u32 missing;
};

/* One message as the parser hands it out */
struct xha_msg {
	u8 kind;		/* enum xha_msg_kind */
	union {
		struct xha_record record;
		struct xha_announce announce;
		struct {
			u32 index;	/* GONE, NAK */
			u8 flags;	/* XHA_NAK_F_*; none from senders that know of none */
		};
		struct xha_id id;	/* ASK */
		struct xha_group_msg group;
	};
};

int xha_hdr_encode(u8 *buf, size_t room, const struct xha_hdr *h);
int xha_hdr_decode(const u8 *buf, size_t len, struct xha_hdr *h);
int xha_hello_encode(u8 *buf, size_t room, const struct xha_hello *h);
int xha_hello_decode(const u8 *buf, size_t len, struct xha_hello *h);
int xha_ack_encode(u8 *buf, size_t room, const struct xha_ack *a);
int xha_ack_decode(const u8 *buf, size_t len, struct xha_ack *a);
int xha_record_encode(u8 *buf, size_t room, const struct xha_record *r);
int xha_announce_encode(u8 *buf, size_t room, const struct xha_announce *a);
int xha_index_encode(u8 *buf, size_t room, u8 kind, u8 flags, u32 index);
int xha_ask_encode(u8 *buf, size_t room, const struct xha_id *id);
bool xha_name_ok(const char *name);
int xha_group_encode(u8 *buf, size_t room, const struct xha_group_msg *g);
int xha_empty_encode(u8 *buf, size_t room, u8 kind);
int xha_msg_decode(const u8 *buf, size_t len, struct xha_msg *m, struct xha_window *w);

#endif
