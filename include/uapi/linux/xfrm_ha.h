/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/xfrm_ha.yaml */
/* YNL-GEN uapi header */

#ifndef _UAPI_LINUX_XFRM_HA_H
#define _UAPI_LINUX_XFRM_HA_H

#define XFRM_HA_FAMILY_NAME	"xfrm_ha"
#define XFRM_HA_FAMILY_VERSION	1

#define XFRM_HA_KEY_LEN		32
#define XFRM_HA_NAME_MAX	15

/**
 * enum xfrm_ha_role - what this node is for a group
 * @XFRM_HA_ROLE_STANDBY: SAs are held, records of the peer are applied
 * @XFRM_HA_ROLE_JOINING: told to be active, waits to hear what the peer is
 * @XFRM_HA_ROLE_ACTIVE: carries the traffic
 * @XFRM_HA_ROLE_RELEASING: SAs are held, exact final records are under way
 * @XFRM_HA_ROLE_HANDED: the peer may go on, waits for its word
 */
enum xfrm_ha_role {
	XFRM_HA_ROLE_STANDBY,
	XFRM_HA_ROLE_JOINING,
	XFRM_HA_ROLE_ACTIVE,
	XFRM_HA_ROLE_RELEASING,
	XFRM_HA_ROLE_HANDED,
};

/**
 * enum xfrm_ha_link_state
 * @XFRM_HA_LINK_STATE_DOWN: no device, or it is down, or without carrier
 * @XFRM_HA_LINK_STATE_CONNECTING: looks for the peer
 * @XFRM_HA_LINK_STATE_SYNC: a session stands, the bulk sync is under way
 * @XFRM_HA_LINK_STATE_UP: in sync
 */
enum xfrm_ha_link_state {
	XFRM_HA_LINK_STATE_DOWN,
	XFRM_HA_LINK_STATE_CONNECTING,
	XFRM_HA_LINK_STATE_SYNC,
	XFRM_HA_LINK_STATE_UP,
};

/**
 * enum xfrm_ha_link_loss - why a session with the peer has ended
 * @XFRM_HA_LINK_LOSS_NONE: none has
 * @XFRM_HA_LINK_LOSS_TIMEOUT: the peer was silent for too long
 * @XFRM_HA_LINK_LOSS_CARRIER: so it was, and this node had no carrier; or at
 *   once, see carrier-loss
 * @XFRM_HA_LINK_LOSS_DEVICE: the device of this node is down, or gone
 * @XFRM_HA_LINK_LOSS_RESTARTED: the peer has begun another one, because it
 *   started anew or has other settings
 * @XFRM_HA_LINK_LOSS_SETTINGS: this node has other settings
 */
enum xfrm_ha_link_loss {
	XFRM_HA_LINK_LOSS_NONE,
	XFRM_HA_LINK_LOSS_TIMEOUT,
	XFRM_HA_LINK_LOSS_CARRIER,
	XFRM_HA_LINK_LOSS_DEVICE,
	XFRM_HA_LINK_LOSS_RESTARTED,
	XFRM_HA_LINK_LOSS_SETTINGS,
};

/**
 * enum xfrm_ha_role_reason - why the role of a node for a group has changed
 * @XFRM_HA_ROLE_REASON_NONE: it has not since the group was made
 * @XFRM_HA_ROLE_REASON_COMMAND: a user has told it so
 * @XFRM_HA_ROLE_REASON_PEER_SILENT: the peer was silent for too long
 * @XFRM_HA_ROLE_REASON_PEER_CARRIER: so it was, and this node had no carrier;
 *   or at once, see carrier-loss
 * @XFRM_HA_ROLE_REASON_PEER_GAVE_UP: the peer carried the group, and does not
 *   any more, without having handed it over
 * @XFRM_HA_ROLE_REASON_PEER_ACTIVE: the peer carries it, and has the say
 * @XFRM_HA_ROLE_REASON_PEER_STANDBY: the peer does not carry it, and this node
 *   was told to
 * @XFRM_HA_ROLE_REASON_PEER_ASKED: the peer was told to take it, and has asked
 *   for it
 * @XFRM_HA_ROLE_REASON_GOT: the peer has handed it over
 * @XFRM_HA_ROLE_REASON_HANDED: the peer has acknowledged all exact numbers,
 *   and goes on
 * @XFRM_HA_ROLE_REASON_JOIN_TIMEOUT: no peer that carries it was heard of
 * @XFRM_HA_ROLE_REASON_RELEASE_TIMEOUT: the peer has not acknowledged all
 *   exact numbers in time
 */
enum xfrm_ha_role_reason {
	XFRM_HA_ROLE_REASON_NONE,
	XFRM_HA_ROLE_REASON_COMMAND,
	XFRM_HA_ROLE_REASON_PEER_SILENT,
	XFRM_HA_ROLE_REASON_PEER_CARRIER,
	XFRM_HA_ROLE_REASON_PEER_GAVE_UP,
	XFRM_HA_ROLE_REASON_PEER_ACTIVE,
	XFRM_HA_ROLE_REASON_PEER_STANDBY,
	XFRM_HA_ROLE_REASON_PEER_ASKED,
	XFRM_HA_ROLE_REASON_GOT,
	XFRM_HA_ROLE_REASON_HANDED,
	XFRM_HA_ROLE_REASON_JOIN_TIMEOUT,
	XFRM_HA_ROLE_REASON_RELEASE_TIMEOUT,
};

/**
 * enum xfrm_ha_carrier_loss - when a peer is given up as dead whose link has
 *   lost its carrier
 * @XFRM_HA_CARRIER_LOSS_DEAD: when it is silent for as long as without a word
 *   of the carrier
 */
enum xfrm_ha_carrier_loss {
	XFRM_HA_CARRIER_LOSS_DEAD,
	XFRM_HA_CARRIER_LOSS_AT_ONCE,
};

/**
 * enum xfrm_ha_replay_policy - what a node that takes over thinks of inbound
 *   numbers it was not told of
 * @XFRM_HA_REPLAY_POLICY_STRICT: nothing that could be a replay is accepted
 * @XFRM_HA_REPLAY_POLICY_LENIENT: nothing that could be new is dropped
 */
enum xfrm_ha_replay_policy {
	XFRM_HA_REPLAY_POLICY_STRICT,
	XFRM_HA_REPLAY_POLICY_LENIENT,
};

/**
 * enum xfrm_ha_peer_loss
 * @XFRM_HA_PEER_LOSS_NOTIFY: an event, nothing else
 * @XFRM_HA_PEER_LOSS_TAKEOVER: take over at once
 */
enum xfrm_ha_peer_loss {
	XFRM_HA_PEER_LOSS_NOTIFY,
	XFRM_HA_PEER_LOSS_TAKEOVER,
};

/**
 * enum xfrm_ha_alone - what an active node does that has lost its peer, at the
 *   end of the leases it has
 * @XFRM_HA_ALONE_HOLD: holds its SAs
 * @XFRM_HA_ALONE_SOLO: goes on, with numbers that its peer never uses
 */
enum xfrm_ha_alone {
	XFRM_HA_ALONE_HOLD,
	XFRM_HA_ALONE_SOLO,
};

/**
 * enum xfrm_ha_sa_state - how an SA stands on this node, see docs/states.rst
 * @XFRM_HA_SA_STATE_NEW: the role of its group was not applied yet
 * @XFRM_HA_SA_STATE_HELD: its group is not active here
 * @XFRM_HA_SA_STATE_OWING: held; the peer has not acknowledged what was used
 *   here
 * @XFRM_HA_SA_STATE_EXACT: held, with the very number that the peer has
 *   stopped at
 * @XFRM_HA_SA_STATE_BOUND: in use, up to the lease that the peer has
 *   acknowledged
 * @XFRM_HA_SA_STATE_SOLO: in use, in the stripes of this node
 * @XFRM_HA_SA_STATE_SHORT: in use, without a number for the next packet
 * @XFRM_HA_SA_STATE_RETIRED: it can't go on, and must be renewed
 * @XFRM_HA_SA_STATE_GONE: in no group any more
 */
enum xfrm_ha_sa_state {
	XFRM_HA_SA_STATE_NEW,
	XFRM_HA_SA_STATE_HELD,
	XFRM_HA_SA_STATE_OWING,
	XFRM_HA_SA_STATE_EXACT,
	XFRM_HA_SA_STATE_BOUND,
	XFRM_HA_SA_STATE_SOLO,
	XFRM_HA_SA_STATE_SHORT,
	XFRM_HA_SA_STATE_RETIRED,
	XFRM_HA_SA_STATE_GONE,
};

/**
 * enum xfrm_ha_sync - may an active node use numbers above the last
 *   acknowledged lease
 * @XFRM_HA_SYNC_RELAXED: it does, those of its own stripes
 * @XFRM_HA_SYNC_STRICT: it does not, the SA is held
 */
enum xfrm_ha_sync {
	XFRM_HA_SYNC_RELAXED,
	XFRM_HA_SYNC_STRICT,
};

/**
 * enum xfrm_ha_event - what a notification is about
 * @XFRM_HA_EVENT_LINK_UP: a session with the peer stands
 * @XFRM_HA_EVENT_LINK_SYNCED: bulk sync is complete in both directions
 * @XFRM_HA_EVENT_PEER_LOST: the peer was given up as dead
 * @XFRM_HA_EVENT_NODE_CONFLICT: the peer claims the node id of this node
 * @XFRM_HA_EVENT_LINK_SECURITY: a handshake was not authentic, or only one end
 *   is insecure
 * @XFRM_HA_EVENT_TAKEOVER: this node has become active; its SAs are ready
 * @XFRM_HA_EVENT_RELEASE: this node has handed the group over
 * @XFRM_HA_EVENT_DEPOSED: a higher term was heard, this node is no longer
 *   active
 * @XFRM_HA_EVENT_TAKEOVER_WANTED: the active peer is lost, and on-peer-loss is
 *   notify
 * @XFRM_HA_EVENT_NIC_UP: a NIC of an engine can take SAs
 * @XFRM_HA_EVENT_NIC_DOWN: it can't any more, its SAs are in software
 * @XFRM_HA_EVENT_SA_MOVED: an SA has entered a slot of a NIC, or left it
 * @XFRM_HA_EVENT_ENGINE_SET: the settings of an engine device were changed
 * @XFRM_HA_EVENT_NIC_SET: those of a NIC were, or it was drained, or undrained
 * @XFRM_HA_EVENT_SA_PINNED: an SA was pinned to a NIC, or to software (no nic)
 * @XFRM_HA_EVENT_SA_UNPINNED: its heat decides again
 * @XFRM_HA_EVENT_LINK_DEVICE: the device of a link is ready, or is not any
 *   more; no peer was lost by that
 * @XFRM_HA_EVENT_MISSING: SAs that one node has, and the other has not, have
 *   come or gone
 * @XFRM_HA_EVENT_SA_UNATTENDED: an SA can't be looked after (a limit, memory),
 *   and is held
 * @XFRM_HA_EVENT_USE_LEVEL: packets of a policy of level use go in clear while
 *   an SA of the group is held
 * @XFRM_HA_EVENT_TAP_DEAF: the ftrace tap does not hear this kernel's packets,
 *   the aevent tap has its place
 * @XFRM_HA_EVENT_RELEASE_WANTED: the group is to be handed over, as soon as it
 *   is released now, or prepare has passed
 * @XFRM_HA_EVENT_SA_LIMIT_NEAR: nine tenths of the SAs that a node may know
 *   are there; again when it was below eight
 * @XFRM_HA_EVENT_ORPHAN_LIMIT_NEAR: ditto, of the SAs of a peer that are not
 *   here, of which the last is one of the group
 */
enum xfrm_ha_event {
	XFRM_HA_EVENT_LINK_NEW,
	XFRM_HA_EVENT_LINK_SET,
	XFRM_HA_EVENT_LINK_DEL,
	XFRM_HA_EVENT_LINK_UP,
	XFRM_HA_EVENT_LINK_SYNCED,
	XFRM_HA_EVENT_LINK_DOWN,
	XFRM_HA_EVENT_PEER_LOST,
	XFRM_HA_EVENT_NODE_CONFLICT,
	XFRM_HA_EVENT_LINK_SECURITY,
	XFRM_HA_EVENT_GROUP_NEW,
	XFRM_HA_EVENT_GROUP_SET,
	XFRM_HA_EVENT_GROUP_DEL,
	XFRM_HA_EVENT_ROLE_CHANGE,
	XFRM_HA_EVENT_TAKEOVER,
	XFRM_HA_EVENT_RELEASE,
	XFRM_HA_EVENT_DEPOSED,
	XFRM_HA_EVENT_TAKEOVER_WANTED,
	XFRM_HA_EVENT_NIC_UP,
	XFRM_HA_EVENT_NIC_DOWN,
	XFRM_HA_EVENT_SA_MOVED,
	XFRM_HA_EVENT_ENGINE_SET,
	XFRM_HA_EVENT_NIC_SET,
	XFRM_HA_EVENT_SA_PINNED,
	XFRM_HA_EVENT_SA_UNPINNED,
	XFRM_HA_EVENT_LINK_DEVICE,
	XFRM_HA_EVENT_MISSING,
	XFRM_HA_EVENT_SA_UNATTENDED,
	XFRM_HA_EVENT_USE_LEVEL,
	XFRM_HA_EVENT_TAP_DEAF,
	XFRM_HA_EVENT_RELEASE_WANTED,
	XFRM_HA_EVENT_SA_LIMIT_NEAR,
	XFRM_HA_EVENT_ORPHAN_LIMIT_NEAR,
};

/**
 * enum xfrm_ha_nic_state
 * @XFRM_HA_NIC_STATE_UP: takes SAs
 * @XFRM_HA_NIC_STATE_DOWN: it is down, or without carrier
 * @XFRM_HA_NIC_STATE_PLAIN: it has no ESP offload
 * @XFRM_HA_NIC_STATE_DRAINED: told to hold no SA
 */
enum xfrm_ha_nic_state {
	XFRM_HA_NIC_STATE_UP,
	XFRM_HA_NIC_STATE_DOWN,
	XFRM_HA_NIC_STATE_PLAIN,
	XFRM_HA_NIC_STATE_DRAINED,
};

/**
 * enum xfrm_ha_cache_reason - why an SA in a slot has entered it, or what the
 *   last decision said of one in software
 * @XFRM_HA_CACHE_REASON_NONE: nothing yet
 * @XFRM_HA_CACHE_REASON_FREE: a slot was free
 * @XFRM_HA_CACHE_REASON_SWAP: a colder SA left its slot for it
 * @XFRM_HA_CACHE_REASON_COLDER: all that hold a slot are hotter
 * @XFRM_HA_CACHE_REASON_BELOW: hotter than the coldest that holds a slot, but
 *   not by the threshold
 * @XFRM_HA_CACHE_REASON_NOISE: hotter by the threshold, but that may be chance
 * @XFRM_HA_CACHE_REASON_NO_SLOT: there is no slot that it could have
 * @XFRM_HA_CACHE_REASON_LIMIT: it would have got one, but as many had changed
 *   hands as may
 * @XFRM_HA_CACHE_REASON_PINNED: the user said where it is to be, or did when
 *   it entered
 * @XFRM_HA_CACHE_REASON_REFUSED: the NIC refused it, or left its packets to
 *   the kernel
 * @XFRM_HA_CACHE_REASON_NO_NIC: no NIC can take SAs, or for an inbound one it
 *   is not known on which they arrive
 */
enum xfrm_ha_cache_reason {
	XFRM_HA_CACHE_REASON_NONE,
	XFRM_HA_CACHE_REASON_FREE,
	XFRM_HA_CACHE_REASON_SWAP,
	XFRM_HA_CACHE_REASON_COLDER,
	XFRM_HA_CACHE_REASON_BELOW,
	XFRM_HA_CACHE_REASON_NOISE,
	XFRM_HA_CACHE_REASON_NO_SLOT,
	XFRM_HA_CACHE_REASON_LIMIT,
	XFRM_HA_CACHE_REASON_PINNED,
	XFRM_HA_CACHE_REASON_REFUSED,
	XFRM_HA_CACHE_REASON_NO_NIC,
};

enum {
	XFRM_HA_A_NODE_ID = 1,
	XFRM_HA_A_NODE_SA_LIMIT,
	XFRM_HA_A_NODE_VERSION,
	XFRM_HA_A_NODE_TAP,
	XFRM_HA_A_NODE_SAS,
	XFRM_HA_A_NODE_ORPHAN_LIMIT,
	XFRM_HA_A_NODE_ORPHAN_AGE,
	XFRM_HA_A_NODE_TAP_DEAF,

	__XFRM_HA_A_NODE_MAX,
	XFRM_HA_A_NODE_MAX = (__XFRM_HA_A_NODE_MAX - 1)
};

enum {
	XFRM_HA_A_LINK_DEV = 1,
	XFRM_HA_A_LINK_PEER,
	XFRM_HA_A_LINK_KEY,
	XFRM_HA_A_LINK_INSECURE,
	XFRM_HA_A_LINK_HEARTBEAT,
	XFRM_HA_A_LINK_DEAD,
	XFRM_HA_A_LINK_BATCH,
	XFRM_HA_A_LINK_ETHERTYPE,
	XFRM_HA_A_LINK_STATE,
	XFRM_HA_A_LINK_PEER_NODE,
	XFRM_HA_A_LINK_SRTT,
	XFRM_HA_A_LINK_UP_SINCE,
	XFRM_HA_A_LINK_IN_FLIGHT,
	XFRM_HA_A_LINK_TX_FRAMES,
	XFRM_HA_A_LINK_RX_FRAMES,
	XFRM_HA_A_LINK_TX_BYTES,
	XFRM_HA_A_LINK_RX_BYTES,
	XFRM_HA_A_LINK_ORPHANS,
	XFRM_HA_A_LINK_EVENT,
	XFRM_HA_A_LINK_PAD,
	XFRM_HA_A_LINK_CARRIER_LOSS,
	XFRM_HA_A_LINK_LOSS,

	__XFRM_HA_A_LINK_MAX,
	XFRM_HA_A_LINK_MAX = (__XFRM_HA_A_LINK_MAX - 1)
};

enum {
	XFRM_HA_A_GROUP_NAME = 1,
	XFRM_HA_A_GROUP_ADDRESS,
	XFRM_HA_A_GROUP_ADDRESS6,
	XFRM_HA_A_GROUP_REQID,
	XFRM_HA_A_GROUP_MARK,
	XFRM_HA_A_GROUP_MARK_MASK,
	XFRM_HA_A_GROUP_IF_ID,
	XFRM_HA_A_GROUP_LINK,
	XFRM_HA_A_GROUP_ROLE,
	XFRM_HA_A_GROUP_INTERVAL,
	XFRM_HA_A_GROUP_QUANTITY,
	XFRM_HA_A_GROUP_MAX_AGE,
	XFRM_HA_A_GROUP_BITMAP,
	XFRM_HA_A_GROUP_ON_PEER_LOSS,
	XFRM_HA_A_GROUP_REPLAY,
	XFRM_HA_A_GROUP_JOIN,
	XFRM_HA_A_GROUP_TERM,
	XFRM_HA_A_GROUP_PEER_ROLE,
	XFRM_HA_A_GROUP_PEER_TERM,
	XFRM_HA_A_GROUP_SAS,
	XFRM_HA_A_GROUP_SINCE,
	XFRM_HA_A_GROUP_TAKEOVERS,
	XFRM_HA_A_GROUP_SKIPPED,
	XFRM_HA_A_GROUP_FORCE,
	XFRM_HA_A_GROUP_ALONE,
	XFRM_HA_A_GROUP_SYNC,
	XFRM_HA_A_GROUP_STRIPE,
	XFRM_HA_A_GROUP_INDEX,
	XFRM_HA_A_GROUP_NODES,
	XFRM_HA_A_GROUP_SOFT,
	XFRM_HA_A_GROUP_PEER_SYNCED,
	XFRM_HA_A_GROUP_SOLO,
	XFRM_HA_A_GROUP_MISSING,
	XFRM_HA_A_GROUP_PEER_MISSING,
	XFRM_HA_A_GROUP_PEER_SAS,
	XFRM_HA_A_GROUP_ALLOW_MISSING,
	XFRM_HA_A_GROUP_REASON,
	XFRM_HA_A_GROUP_UID,
	XFRM_HA_A_GROUP_PREPARE,
	XFRM_HA_A_GROUP_PREPARING,
	XFRM_HA_A_GROUP_NOW,
	XFRM_HA_A_GROUP_EVENT,
	XFRM_HA_A_GROUP_PAD,

	__XFRM_HA_A_GROUP_MAX,
	XFRM_HA_A_GROUP_MAX = (__XFRM_HA_A_GROUP_MAX - 1)
};

enum {
	XFRM_HA_A_SA_GROUP = 1,
	XFRM_HA_A_SA_INDEX,
	XFRM_HA_A_SA_FAMILY,
	XFRM_HA_A_SA_SRC,
	XFRM_HA_A_SA_DST,
	XFRM_HA_A_SA_SPI,
	XFRM_HA_A_SA_PROTO,
	XFRM_HA_A_SA_REQID,
	XFRM_HA_A_SA_MARK,
	XFRM_HA_A_SA_MARK_MASK,
	XFRM_HA_A_SA_IF_ID,
	XFRM_HA_A_SA_REPLAY_MODE,
	XFRM_HA_A_SA_REPLAY_WINDOW,
	XFRM_HA_A_SA_ROLE,
	XFRM_HA_A_SA_HELD,
	XFRM_HA_A_SA_OSEQ,
	XFRM_HA_A_SA_LEASE,
	XFRM_HA_A_SA_SEQ,
	XFRM_HA_A_SA_BYTES,
	XFRM_HA_A_SA_PACKETS,
	XFRM_HA_A_SA_BEHIND_OUT,
	XFRM_HA_A_SA_BEHIND_IN,
	XFRM_HA_A_SA_BEHIND_MS,
	XFRM_HA_A_SA_STRIPED,
	XFRM_HA_A_SA_HOLD,
	XFRM_HA_A_SA_STATE,
	XFRM_HA_A_SA_INTERVAL_OUT,
	XFRM_HA_A_SA_EXPOSURE_LOST,
	XFRM_HA_A_SA_EXPOSURE_REPLAY,
	XFRM_HA_A_SA_NIC,
	XFRM_HA_A_SA_TWIN,
	XFRM_HA_A_SA_SHARE,
	XFRM_HA_A_SA_SHARE_OF,
	XFRM_HA_A_SA_PAD,
	XFRM_HA_A_SA_ADDED,

	__XFRM_HA_A_SA_MAX,
	XFRM_HA_A_SA_MAX = (__XFRM_HA_A_SA_MAX - 1)
};

enum {
	XFRM_HA_A_ENGINE_DEV = 1,
	XFRM_HA_A_ENGINE_PERIOD,
	XFRM_HA_A_ENGINE_INITIAL,
	XFRM_HA_A_ENGINE_RISE,
	XFRM_HA_A_ENGINE_DECAY,
	XFRM_HA_A_ENGINE_BONUS,
	XFRM_HA_A_ENGINE_THRESHOLD,
	XFRM_HA_A_ENGINE_SWAPS,
	XFRM_HA_A_ENGINE_HORIZON,
	XFRM_HA_A_ENGINE_NOISE,
	XFRM_HA_A_ENGINE_SAVED,
	XFRM_HA_A_ENGINE_SWAP_COST,
	XFRM_HA_A_ENGINE_MARGIN,
	XFRM_HA_A_ENGINE_ADOPT,
	XFRM_HA_A_ENGINE_ADOPT_GROUP,
	XFRM_HA_A_ENGINE_SAS,
	XFRM_HA_A_ENGINE_HARD,
	XFRM_HA_A_ENGINE_TICKS,
	XFRM_HA_A_ENGINE_TICK_TIME,
	XFRM_HA_A_ENGINE_ENTERED,
	XFRM_HA_A_ENGINE_LEFT,
	XFRM_HA_A_ENGINE_REFUSED,
	XFRM_HA_A_ENGINE_PACKETS_HARD,
	XFRM_HA_A_ENGINE_PACKETS_SOFT,
	XFRM_HA_A_ENGINE_LATE,
	XFRM_HA_A_ENGINE_EVENT,
	XFRM_HA_A_ENGINE_NIC,
	XFRM_HA_A_ENGINE_SPI,
	XFRM_HA_A_ENGINE_PAD,

	__XFRM_HA_A_ENGINE_MAX,
	XFRM_HA_A_ENGINE_MAX = (__XFRM_HA_A_ENGINE_MAX - 1)
};

enum {
	XFRM_HA_A_NIC_ENGINE = 1,
	XFRM_HA_A_NIC_DEV,
	XFRM_HA_A_NIC_STATE,
	XFRM_HA_A_NIC_SLOTS_IN,
	XFRM_HA_A_NIC_SLOTS_OUT,
	XFRM_HA_A_NIC_WEIGHT,
	XFRM_HA_A_NIC_DRAIN,
	XFRM_HA_A_NIC_ROOM_IN,
	XFRM_HA_A_NIC_ROOM_OUT,
	XFRM_HA_A_NIC_USED_IN,
	XFRM_HA_A_NIC_USED_OUT,
	XFRM_HA_A_NIC_ENTERED,
	XFRM_HA_A_NIC_REFUSED,
	XFRM_HA_A_NIC_RENEWED,
	XFRM_HA_A_NIC_PAD,

	__XFRM_HA_A_NIC_MAX,
	XFRM_HA_A_NIC_MAX = (__XFRM_HA_A_NIC_MAX - 1)
};

enum {
	XFRM_HA_A_CACHE_ENGINE = 1,
	XFRM_HA_A_CACHE_NIC,
	XFRM_HA_A_CACHE_INBOUND,
	XFRM_HA_A_CACHE_ADDRESS,
	XFRM_HA_A_CACHE_ADDRESS6,
	XFRM_HA_A_CACHE_SPI,
	XFRM_HA_A_CACHE_PACKETS,
	XFRM_HA_A_CACHE_HEAT,
	XFRM_HA_A_CACHE_RATE,
	XFRM_HA_A_CACHE_REASON,
	XFRM_HA_A_CACHE_GAIN,
	XFRM_HA_A_CACHE_MARGIN,
	XFRM_HA_A_CACHE_ERRNO,
	XFRM_HA_A_CACHE_SINCE,
	XFRM_HA_A_CACHE_MOVES,
	XFRM_HA_A_CACHE_ADOPTED,
	XFRM_HA_A_CACHE_PIN,
	XFRM_HA_A_CACHE_PIN_NIC,
	XFRM_HA_A_CACHE_PAD,

	__XFRM_HA_A_CACHE_MAX,
	XFRM_HA_A_CACHE_MAX = (__XFRM_HA_A_CACHE_MAX - 1)
};

enum {
	XFRM_HA_A_STAT_NAME = 1,
	XFRM_HA_A_STAT_VALUE,
	XFRM_HA_A_STAT_TEXT,
	XFRM_HA_A_STAT_PAD,

	__XFRM_HA_A_STAT_MAX,
	XFRM_HA_A_STAT_MAX = (__XFRM_HA_A_STAT_MAX - 1)
};

enum {
	XFRM_HA_CMD_NODE_GET = 1,
	XFRM_HA_CMD_NODE_SET,
	XFRM_HA_CMD_LINK_GET,
	XFRM_HA_CMD_LINK_NEW,
	XFRM_HA_CMD_LINK_SET,
	XFRM_HA_CMD_LINK_DEL,
	XFRM_HA_CMD_LINK_NTF,
	XFRM_HA_CMD_GROUP_GET,
	XFRM_HA_CMD_GROUP_NEW,
	XFRM_HA_CMD_GROUP_SET,
	XFRM_HA_CMD_GROUP_DEL,
	XFRM_HA_CMD_GROUP_TAKEOVER,
	XFRM_HA_CMD_GROUP_RELEASE,
	XFRM_HA_CMD_GROUP_NTF,
	XFRM_HA_CMD_SA_GET,
	XFRM_HA_CMD_STAT_GET,
	XFRM_HA_CMD_ENGINE_GET,
	XFRM_HA_CMD_ENGINE_SET,
	XFRM_HA_CMD_ENGINE_NTF,
	XFRM_HA_CMD_NIC_GET,
	XFRM_HA_CMD_NIC_SET,
	XFRM_HA_CMD_CACHE_GET,
	XFRM_HA_CMD_CACHE_PIN,

	__XFRM_HA_CMD_MAX,
	XFRM_HA_CMD_MAX = (__XFRM_HA_CMD_MAX - 1)
};

#define XFRM_HA_MCGRP_EVENTS	"events"

#endif /* _UAPI_LINUX_XFRM_HA_H */
