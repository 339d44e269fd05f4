/* SPDX-License-Identifier: GPL-2.0 */
/* Do not edit: made from docs/netlink/specs/xfrm_ha.yaml by docs/netlink/regen.sh */
#include <linux/xfrm_ha.h>

#include "spec-gen.h"

static const char *const role_names[] = {
	[XFRM_HA_ROLE_STANDBY] = "standby",
	[XFRM_HA_ROLE_JOINING] = "joining",
	[XFRM_HA_ROLE_ACTIVE] = "active",
	[XFRM_HA_ROLE_RELEASING] = "releasing",
	[XFRM_HA_ROLE_HANDED] = "handed",
};

const struct spec_enum spec_role = {
	role_names, sizeof(role_names) / sizeof(*role_names)
};

static const char *const link_state_names[] = {
	[XFRM_HA_LINK_STATE_DOWN] = "down",
	[XFRM_HA_LINK_STATE_CONNECTING] = "connecting",
	[XFRM_HA_LINK_STATE_SYNC] = "sync",
	[XFRM_HA_LINK_STATE_UP] = "up",
};

const struct spec_enum spec_link_state = {
	link_state_names, sizeof(link_state_names) / sizeof(*link_state_names)
};

static const char *const link_loss_names[] = {
	[XFRM_HA_LINK_LOSS_NONE] = "none",
	[XFRM_HA_LINK_LOSS_TIMEOUT] = "timeout",
	[XFRM_HA_LINK_LOSS_CARRIER] = "carrier",
	[XFRM_HA_LINK_LOSS_DEVICE] = "device",
	[XFRM_HA_LINK_LOSS_RESTARTED] = "restarted",
	[XFRM_HA_LINK_LOSS_SETTINGS] = "settings",
};

const struct spec_enum spec_link_loss = {
	link_loss_names, sizeof(link_loss_names) / sizeof(*link_loss_names)
};

static const char *const role_reason_names[] = {
	[XFRM_HA_ROLE_REASON_NONE] = "none",
	[XFRM_HA_ROLE_REASON_COMMAND] = "command",
	[XFRM_HA_ROLE_REASON_PEER_SILENT] = "peer-silent",
	[XFRM_HA_ROLE_REASON_PEER_CARRIER] = "peer-carrier",
	[XFRM_HA_ROLE_REASON_PEER_GAVE_UP] = "peer-gave-up",
	[XFRM_HA_ROLE_REASON_PEER_ACTIVE] = "peer-active",
	[XFRM_HA_ROLE_REASON_PEER_STANDBY] = "peer-standby",
	[XFRM_HA_ROLE_REASON_PEER_ASKED] = "peer-asked",
	[XFRM_HA_ROLE_REASON_GOT] = "got",
	[XFRM_HA_ROLE_REASON_HANDED] = "handed",
	[XFRM_HA_ROLE_REASON_JOIN_TIMEOUT] = "join-timeout",
	[XFRM_HA_ROLE_REASON_RELEASE_TIMEOUT] = "release-timeout",
};

const struct spec_enum spec_role_reason = {
	role_reason_names, sizeof(role_reason_names) / sizeof(*role_reason_names)
};

static const char *const carrier_loss_names[] = {
	[XFRM_HA_CARRIER_LOSS_DEAD] = "dead",
	[XFRM_HA_CARRIER_LOSS_AT_ONCE] = "at-once",
};

const struct spec_enum spec_carrier_loss = {
	carrier_loss_names, sizeof(carrier_loss_names) / sizeof(*carrier_loss_names)
};

static const char *const replay_policy_names[] = {
	[XFRM_HA_REPLAY_POLICY_STRICT] = "strict",
	[XFRM_HA_REPLAY_POLICY_LENIENT] = "lenient",
};

const struct spec_enum spec_replay_policy = {
	replay_policy_names, sizeof(replay_policy_names) / sizeof(*replay_policy_names)
};

static const char *const peer_loss_names[] = {
	[XFRM_HA_PEER_LOSS_NOTIFY] = "notify",
	[XFRM_HA_PEER_LOSS_TAKEOVER] = "takeover",
};

const struct spec_enum spec_peer_loss = {
	peer_loss_names, sizeof(peer_loss_names) / sizeof(*peer_loss_names)
};

static const char *const alone_names[] = {
	[XFRM_HA_ALONE_HOLD] = "hold",
	[XFRM_HA_ALONE_SOLO] = "solo",
};

const struct spec_enum spec_alone = {
	alone_names, sizeof(alone_names) / sizeof(*alone_names)
};

static const char *const sa_state_names[] = {
	[XFRM_HA_SA_STATE_NEW] = "new",
	[XFRM_HA_SA_STATE_HELD] = "held",
	[XFRM_HA_SA_STATE_OWING] = "owing",
	[XFRM_HA_SA_STATE_EXACT] = "exact",
	[XFRM_HA_SA_STATE_BOUND] = "bound",
	[XFRM_HA_SA_STATE_SOLO] = "solo",
	[XFRM_HA_SA_STATE_SHORT] = "short",
	[XFRM_HA_SA_STATE_RETIRED] = "retired",
	[XFRM_HA_SA_STATE_GONE] = "gone",
};

const struct spec_enum spec_sa_state = {
	sa_state_names, sizeof(sa_state_names) / sizeof(*sa_state_names)
};

static const char *const sync_names[] = {
	[XFRM_HA_SYNC_RELAXED] = "relaxed",
	[XFRM_HA_SYNC_STRICT] = "strict",
};

const struct spec_enum spec_sync = {
	sync_names, sizeof(sync_names) / sizeof(*sync_names)
};

static const char *const event_names[] = {
	[XFRM_HA_EVENT_LINK_NEW] = "link-new",
	[XFRM_HA_EVENT_LINK_SET] = "link-set",
	[XFRM_HA_EVENT_LINK_DEL] = "link-del",
	[XFRM_HA_EVENT_LINK_UP] = "link-up",
	[XFRM_HA_EVENT_LINK_SYNCED] = "link-synced",
	[XFRM_HA_EVENT_LINK_DOWN] = "link-down",
	[XFRM_HA_EVENT_PEER_LOST] = "peer-lost",
	[XFRM_HA_EVENT_NODE_CONFLICT] = "node-conflict",
	[XFRM_HA_EVENT_LINK_SECURITY] = "link-security",
	[XFRM_HA_EVENT_GROUP_NEW] = "group-new",
	[XFRM_HA_EVENT_GROUP_SET] = "group-set",
	[XFRM_HA_EVENT_GROUP_DEL] = "group-del",
	[XFRM_HA_EVENT_ROLE_CHANGE] = "role-change",
	[XFRM_HA_EVENT_TAKEOVER] = "takeover",
	[XFRM_HA_EVENT_RELEASE] = "release",
	[XFRM_HA_EVENT_DEPOSED] = "deposed",
	[XFRM_HA_EVENT_TAKEOVER_WANTED] = "takeover-wanted",
	[XFRM_HA_EVENT_NIC_UP] = "nic-up",
	[XFRM_HA_EVENT_NIC_DOWN] = "nic-down",
	[XFRM_HA_EVENT_SA_MOVED] = "sa-moved",
	[XFRM_HA_EVENT_ENGINE_SET] = "engine-set",
	[XFRM_HA_EVENT_NIC_SET] = "nic-set",
	[XFRM_HA_EVENT_SA_PINNED] = "sa-pinned",
	[XFRM_HA_EVENT_SA_UNPINNED] = "sa-unpinned",
	[XFRM_HA_EVENT_LINK_DEVICE] = "link-device",
	[XFRM_HA_EVENT_MISSING] = "missing",
	[XFRM_HA_EVENT_SA_UNATTENDED] = "sa-unattended",
	[XFRM_HA_EVENT_USE_LEVEL] = "use-level",
	[XFRM_HA_EVENT_TAP_DEAF] = "tap-deaf",
	[XFRM_HA_EVENT_RELEASE_WANTED] = "release-wanted",
	[XFRM_HA_EVENT_SA_LIMIT_NEAR] = "sa-limit-near",
	[XFRM_HA_EVENT_ORPHAN_LIMIT_NEAR] = "orphan-limit-near",
};

const struct spec_enum spec_event = {
	event_names, sizeof(event_names) / sizeof(*event_names)
};

static const char *const nic_state_names[] = {
	[XFRM_HA_NIC_STATE_UP] = "up",
	[XFRM_HA_NIC_STATE_DOWN] = "down",
	[XFRM_HA_NIC_STATE_PLAIN] = "plain",
	[XFRM_HA_NIC_STATE_DRAINED] = "drained",
};

const struct spec_enum spec_nic_state = {
	nic_state_names, sizeof(nic_state_names) / sizeof(*nic_state_names)
};

static const char *const cache_reason_names[] = {
	[XFRM_HA_CACHE_REASON_NONE] = "none",
	[XFRM_HA_CACHE_REASON_FREE] = "free",
	[XFRM_HA_CACHE_REASON_SWAP] = "swap",
	[XFRM_HA_CACHE_REASON_COLDER] = "colder",
	[XFRM_HA_CACHE_REASON_BELOW] = "below",
	[XFRM_HA_CACHE_REASON_NOISE] = "noise",
	[XFRM_HA_CACHE_REASON_NO_SLOT] = "no-slot",
	[XFRM_HA_CACHE_REASON_LIMIT] = "limit",
	[XFRM_HA_CACHE_REASON_PINNED] = "pinned",
	[XFRM_HA_CACHE_REASON_REFUSED] = "refused",
	[XFRM_HA_CACHE_REASON_NO_NIC] = "no-nic",
};

const struct spec_enum spec_cache_reason = {
	cache_reason_names, sizeof(cache_reason_names) / sizeof(*cache_reason_names)
};

static const struct spec_attr node_attrs[] = {
	[XFRM_HA_A_NODE_ID] = { "id" },
	[XFRM_HA_A_NODE_SA_LIMIT] = { "sa-limit" },
	[XFRM_HA_A_NODE_VERSION] = { "version" },
	[XFRM_HA_A_NODE_TAP] = { "tap" },
	[XFRM_HA_A_NODE_SAS] = { "sas" },
	[XFRM_HA_A_NODE_ORPHAN_LIMIT] = { "orphan-limit" },
	[XFRM_HA_A_NODE_ORPHAN_AGE] = { "orphan-age" },
	[XFRM_HA_A_NODE_TAP_DEAF] = { "tap-deaf" },
};

static const struct spec_set node_set = {
	node_attrs,
	sizeof(node_attrs) / sizeof(struct spec_attr)
};

static const struct spec_attr link_attrs[] = {
	[XFRM_HA_A_LINK_DEV] = { "dev" },
	[XFRM_HA_A_LINK_PEER] = { "peer" },
	[XFRM_HA_A_LINK_KEY] = { "key" },
	[XFRM_HA_A_LINK_INSECURE] = { "insecure" },
	[XFRM_HA_A_LINK_HEARTBEAT] = { "heartbeat" },
	[XFRM_HA_A_LINK_DEAD] = { "dead" },
	[XFRM_HA_A_LINK_BATCH] = { "batch" },
	[XFRM_HA_A_LINK_ETHERTYPE] = { "ethertype" },
	[XFRM_HA_A_LINK_STATE] = { "state" },
	[XFRM_HA_A_LINK_PEER_NODE] = { "peer-node" },
	[XFRM_HA_A_LINK_SRTT] = { "srtt" },
	[XFRM_HA_A_LINK_UP_SINCE] = { "up-since" },
	[XFRM_HA_A_LINK_IN_FLIGHT] = { "in-flight" },
	[XFRM_HA_A_LINK_TX_FRAMES] = { "tx-frames" },
	[XFRM_HA_A_LINK_RX_FRAMES] = { "rx-frames" },
	[XFRM_HA_A_LINK_TX_BYTES] = { "tx-bytes" },
	[XFRM_HA_A_LINK_RX_BYTES] = { "rx-bytes" },
	[XFRM_HA_A_LINK_ORPHANS] = { "orphans" },
	[XFRM_HA_A_LINK_EVENT] = { "event" },
	[XFRM_HA_A_LINK_PAD] = { "pad" },
	[XFRM_HA_A_LINK_CARRIER_LOSS] = { "carrier-loss" },
	[XFRM_HA_A_LINK_LOSS] = { "loss" },
};

static const struct spec_set link_set = {
	link_attrs,
	sizeof(link_attrs) / sizeof(struct spec_attr)
};

static const struct spec_attr group_attrs[] = {
	[XFRM_HA_A_GROUP_NAME] = { "name" },
	[XFRM_HA_A_GROUP_ADDRESS] = { "address" },
	[XFRM_HA_A_GROUP_ADDRESS6] = { "address6" },
	[XFRM_HA_A_GROUP_REQID] = { "reqid" },
	[XFRM_HA_A_GROUP_MARK] = { "mark" },
	[XFRM_HA_A_GROUP_MARK_MASK] = { "mark-mask" },
	[XFRM_HA_A_GROUP_IF_ID] = { "if-id" },
	[XFRM_HA_A_GROUP_LINK] = { "link" },
	[XFRM_HA_A_GROUP_ROLE] = { "role" },
	[XFRM_HA_A_GROUP_INTERVAL] = { "interval" },
	[XFRM_HA_A_GROUP_QUANTITY] = { "quantity" },
	[XFRM_HA_A_GROUP_MAX_AGE] = { "max-age" },
	[XFRM_HA_A_GROUP_BITMAP] = { "bitmap" },
	[XFRM_HA_A_GROUP_ON_PEER_LOSS] = { "on-peer-loss" },
	[XFRM_HA_A_GROUP_REPLAY] = { "replay" },
	[XFRM_HA_A_GROUP_JOIN] = { "join" },
	[XFRM_HA_A_GROUP_TERM] = { "term" },
	[XFRM_HA_A_GROUP_PEER_ROLE] = { "peer-role" },
	[XFRM_HA_A_GROUP_PEER_TERM] = { "peer-term" },
	[XFRM_HA_A_GROUP_SAS] = { "sas" },
	[XFRM_HA_A_GROUP_SINCE] = { "since" },
	[XFRM_HA_A_GROUP_TAKEOVERS] = { "takeovers" },
	[XFRM_HA_A_GROUP_SKIPPED] = { "skipped" },
	[XFRM_HA_A_GROUP_FORCE] = { "force" },
	[XFRM_HA_A_GROUP_ALONE] = { "alone" },
	[XFRM_HA_A_GROUP_SYNC] = { "sync" },
	[XFRM_HA_A_GROUP_STRIPE] = { "stripe" },
	[XFRM_HA_A_GROUP_INDEX] = { "index" },
	[XFRM_HA_A_GROUP_NODES] = { "nodes" },
	[XFRM_HA_A_GROUP_SOFT] = { "soft" },
	[XFRM_HA_A_GROUP_PEER_SYNCED] = { "peer-synced" },
	[XFRM_HA_A_GROUP_SOLO] = { "solo" },
	[XFRM_HA_A_GROUP_MISSING] = { "missing" },
	[XFRM_HA_A_GROUP_PEER_MISSING] = { "peer-missing" },
	[XFRM_HA_A_GROUP_PEER_SAS] = { "peer-sas" },
	[XFRM_HA_A_GROUP_ALLOW_MISSING] = { "allow-missing" },
	[XFRM_HA_A_GROUP_REASON] = { "reason" },
	[XFRM_HA_A_GROUP_UID] = { "uid" },
	[XFRM_HA_A_GROUP_PREPARE] = { "prepare" },
	[XFRM_HA_A_GROUP_PREPARING] = { "preparing" },
	[XFRM_HA_A_GROUP_NOW] = { "now" },
	[XFRM_HA_A_GROUP_EVENT] = { "event" },
	[XFRM_HA_A_GROUP_PAD] = { "pad" },
};

static const struct spec_set group_set = {
	group_attrs,
	sizeof(group_attrs) / sizeof(struct spec_attr)
};

static const struct spec_attr sa_attrs[] = {
	[XFRM_HA_A_SA_GROUP] = { "group" },
	[XFRM_HA_A_SA_INDEX] = { "index" },
	[XFRM_HA_A_SA_FAMILY] = { "family" },
	[XFRM_HA_A_SA_SRC] = { "src" },
	[XFRM_HA_A_SA_DST] = { "dst" },
	[XFRM_HA_A_SA_SPI] = { "spi" },
	[XFRM_HA_A_SA_PROTO] = { "proto" },
	[XFRM_HA_A_SA_REQID] = { "reqid" },
	[XFRM_HA_A_SA_MARK] = { "mark" },
	[XFRM_HA_A_SA_MARK_MASK] = { "mark-mask" },
	[XFRM_HA_A_SA_IF_ID] = { "if-id" },
	[XFRM_HA_A_SA_REPLAY_MODE] = { "replay-mode" },
	[XFRM_HA_A_SA_REPLAY_WINDOW] = { "replay-window" },
	[XFRM_HA_A_SA_ROLE] = { "role" },
	[XFRM_HA_A_SA_HELD] = { "held" },
	[XFRM_HA_A_SA_OSEQ] = { "oseq" },
	[XFRM_HA_A_SA_LEASE] = { "lease" },
	[XFRM_HA_A_SA_SEQ] = { "seq" },
	[XFRM_HA_A_SA_BYTES] = { "bytes" },
	[XFRM_HA_A_SA_PACKETS] = { "packets" },
	[XFRM_HA_A_SA_BEHIND_OUT] = { "behind-out" },
	[XFRM_HA_A_SA_BEHIND_IN] = { "behind-in" },
	[XFRM_HA_A_SA_BEHIND_MS] = { "behind-ms" },
	[XFRM_HA_A_SA_STRIPED] = { "striped" },
	[XFRM_HA_A_SA_HOLD] = { "hold" },
	[XFRM_HA_A_SA_STATE] = { "state" },
	[XFRM_HA_A_SA_INTERVAL_OUT] = { "interval-out" },
	[XFRM_HA_A_SA_EXPOSURE_LOST] = { "exposure-lost" },
	[XFRM_HA_A_SA_EXPOSURE_REPLAY] = { "exposure-replay" },
	[XFRM_HA_A_SA_NIC] = { "nic" },
	[XFRM_HA_A_SA_TWIN] = { "twin" },
	[XFRM_HA_A_SA_SHARE] = { "share" },
	[XFRM_HA_A_SA_SHARE_OF] = { "share-of" },
	[XFRM_HA_A_SA_PAD] = { "pad" },
	[XFRM_HA_A_SA_ADDED] = { "added" },
};

static const struct spec_set sa_set = {
	sa_attrs,
	sizeof(sa_attrs) / sizeof(struct spec_attr)
};

static const struct spec_attr engine_attrs[] = {
	[XFRM_HA_A_ENGINE_DEV] = { "dev" },
	[XFRM_HA_A_ENGINE_PERIOD] = { "period" },
	[XFRM_HA_A_ENGINE_INITIAL] = { "initial" },
	[XFRM_HA_A_ENGINE_RISE] = { "rise" },
	[XFRM_HA_A_ENGINE_DECAY] = { "decay" },
	[XFRM_HA_A_ENGINE_BONUS] = { "bonus" },
	[XFRM_HA_A_ENGINE_THRESHOLD] = { "threshold" },
	[XFRM_HA_A_ENGINE_SWAPS] = { "swaps" },
	[XFRM_HA_A_ENGINE_HORIZON] = { "horizon" },
	[XFRM_HA_A_ENGINE_NOISE] = { "noise" },
	[XFRM_HA_A_ENGINE_SAVED] = { "saved" },
	[XFRM_HA_A_ENGINE_SWAP_COST] = { "swap-cost" },
	[XFRM_HA_A_ENGINE_MARGIN] = { "margin" },
	[XFRM_HA_A_ENGINE_ADOPT] = { "adopt" },
	[XFRM_HA_A_ENGINE_ADOPT_GROUP] = { "adopt-group" },
	[XFRM_HA_A_ENGINE_SAS] = { "sas" },
	[XFRM_HA_A_ENGINE_HARD] = { "hard" },
	[XFRM_HA_A_ENGINE_TICKS] = { "ticks" },
	[XFRM_HA_A_ENGINE_TICK_TIME] = { "tick-time" },
	[XFRM_HA_A_ENGINE_ENTERED] = { "entered" },
	[XFRM_HA_A_ENGINE_LEFT] = { "left" },
	[XFRM_HA_A_ENGINE_REFUSED] = { "refused" },
	[XFRM_HA_A_ENGINE_PACKETS_HARD] = { "packets-hard" },
	[XFRM_HA_A_ENGINE_PACKETS_SOFT] = { "packets-soft" },
	[XFRM_HA_A_ENGINE_LATE] = { "late" },
	[XFRM_HA_A_ENGINE_EVENT] = { "event" },
	[XFRM_HA_A_ENGINE_NIC] = { "nic" },
	[XFRM_HA_A_ENGINE_SPI] = { "spi" },
	[XFRM_HA_A_ENGINE_PAD] = { "pad" },
};

static const struct spec_set engine_set = {
	engine_attrs,
	sizeof(engine_attrs) / sizeof(struct spec_attr)
};

static const struct spec_attr nic_attrs[] = {
	[XFRM_HA_A_NIC_ENGINE] = { "engine" },
	[XFRM_HA_A_NIC_DEV] = { "dev" },
	[XFRM_HA_A_NIC_STATE] = { "state" },
	[XFRM_HA_A_NIC_SLOTS_IN] = { "slots-in" },
	[XFRM_HA_A_NIC_SLOTS_OUT] = { "slots-out" },
	[XFRM_HA_A_NIC_WEIGHT] = { "weight" },
	[XFRM_HA_A_NIC_DRAIN] = { "drain" },
	[XFRM_HA_A_NIC_ROOM_IN] = { "room-in" },
	[XFRM_HA_A_NIC_ROOM_OUT] = { "room-out" },
	[XFRM_HA_A_NIC_USED_IN] = { "used-in" },
	[XFRM_HA_A_NIC_USED_OUT] = { "used-out" },
	[XFRM_HA_A_NIC_ENTERED] = { "entered" },
	[XFRM_HA_A_NIC_REFUSED] = { "refused" },
	[XFRM_HA_A_NIC_RENEWED] = { "renewed" },
	[XFRM_HA_A_NIC_PAD] = { "pad" },
};

static const struct spec_set nic_set = {
	nic_attrs,
	sizeof(nic_attrs) / sizeof(struct spec_attr)
};

static const struct spec_attr cache_attrs[] = {
	[XFRM_HA_A_CACHE_ENGINE] = { "engine" },
	[XFRM_HA_A_CACHE_NIC] = { "nic" },
	[XFRM_HA_A_CACHE_INBOUND] = { "inbound" },
	[XFRM_HA_A_CACHE_ADDRESS] = { "address" },
	[XFRM_HA_A_CACHE_ADDRESS6] = { "address6" },
	[XFRM_HA_A_CACHE_SPI] = { "spi" },
	[XFRM_HA_A_CACHE_PACKETS] = { "packets" },
	[XFRM_HA_A_CACHE_HEAT] = { "heat" },
	[XFRM_HA_A_CACHE_RATE] = { "rate" },
	[XFRM_HA_A_CACHE_REASON] = { "reason" },
	[XFRM_HA_A_CACHE_GAIN] = { "gain" },
	[XFRM_HA_A_CACHE_MARGIN] = { "margin" },
	[XFRM_HA_A_CACHE_ERRNO] = { "errno" },
	[XFRM_HA_A_CACHE_SINCE] = { "since" },
	[XFRM_HA_A_CACHE_MOVES] = { "moves" },
	[XFRM_HA_A_CACHE_ADOPTED] = { "adopted" },
	[XFRM_HA_A_CACHE_PIN] = { "pin" },
	[XFRM_HA_A_CACHE_PIN_NIC] = { "pin-nic" },
	[XFRM_HA_A_CACHE_PAD] = { "pad" },
};

static const struct spec_set cache_set = {
	cache_attrs,
	sizeof(cache_attrs) / sizeof(struct spec_attr)
};

static const struct spec_attr stat_attrs[] = {
	[XFRM_HA_A_STAT_NAME] = { "name" },
	[XFRM_HA_A_STAT_VALUE] = { "value" },
	[XFRM_HA_A_STAT_TEXT] = { "text" },
	[XFRM_HA_A_STAT_PAD] = { "pad" },
};

static const struct spec_set stat_set = {
	stat_attrs,
	sizeof(stat_attrs) / sizeof(struct spec_attr)
};

/* By the command of a request */
const struct spec_set *const spec_requests[] = {
	[XFRM_HA_CMD_NODE_GET] = &node_set,
	[XFRM_HA_CMD_NODE_SET] = &node_set,
	[XFRM_HA_CMD_LINK_GET] = &link_set,
	[XFRM_HA_CMD_LINK_NEW] = &link_set,
	[XFRM_HA_CMD_LINK_SET] = &link_set,
	[XFRM_HA_CMD_LINK_DEL] = &link_set,
	[XFRM_HA_CMD_LINK_NTF] = &link_set,
	[XFRM_HA_CMD_GROUP_GET] = &group_set,
	[XFRM_HA_CMD_GROUP_NEW] = &group_set,
	[XFRM_HA_CMD_GROUP_SET] = &group_set,
	[XFRM_HA_CMD_GROUP_DEL] = &group_set,
	[XFRM_HA_CMD_GROUP_TAKEOVER] = &group_set,
	[XFRM_HA_CMD_GROUP_RELEASE] = &group_set,
	[XFRM_HA_CMD_GROUP_NTF] = &group_set,
	[XFRM_HA_CMD_SA_GET] = &sa_set,
	[XFRM_HA_CMD_STAT_GET] = &stat_set,
	[XFRM_HA_CMD_ENGINE_GET] = &engine_set,
	[XFRM_HA_CMD_ENGINE_SET] = &engine_set,
	[XFRM_HA_CMD_ENGINE_NTF] = &engine_set,
	[XFRM_HA_CMD_NIC_GET] = &nic_set,
	[XFRM_HA_CMD_NIC_SET] = &nic_set,
	[XFRM_HA_CMD_CACHE_GET] = &cache_set,
	[XFRM_HA_CMD_CACHE_PIN] = &cache_set,
};

const unsigned int spec_n_requests =
	sizeof(spec_requests) / sizeof(*spec_requests);
