// SPDX-License-Identifier: GPL-2.0
/*
 * The keys of the file that describes a gateway. One table for each kind of section drives what
 * libconfuse is told, the check of each value, what is kept of it, and how it is written.
 */

#include <stddef.h>

#include "keys.h"

#define AT(type, member) offsetof(struct conf_##type, member)

const struct key link_keys[] = {
	{ .name = "device", .kind = DEVICE, .to = AT(link, device) },
	{ .name = "peer", .kind = MAC, .to = AT(link, peer), .has = AT(link, has_peer) },
	{ .name = "key-file", .kind = TEXT, .to = AT(link, key_file) },
	{ .name = "insecure", .kind = FLAG, .to = AT(link, insecure) },
	{ .name = "heartbeat", .kind = NUMBER, .to = AT(link, heartbeat),
	  .min = 5, .max = 10000, .otherwise = 50 },
	{ .name = "dead", .kind = NUMBER, .to = AT(link, dead),
	  .min = 2, .max = 100, .otherwise = 3 },
	{ .name = "carrier-loss", .kind = CHOICE, .to = AT(link, carrier_loss),
	  .words = { "dead", "at-once" } },
	{ .name = "batch", .kind = NUMBER, .to = AT(link, batch),
	  .min = 0, .max = 100000, .otherwise = 8000 },
	{ .name = "ethertype", .kind = NUMBER, .to = AT(link, ethertype),
	  .min = 1536, .max = 65535, .otherwise = 0x88b5 },
	{ }
};

const struct key match_keys[] = {
	{ .name = "address", .kind = ADDRESSES, .to = AT(match, address) },
	{ .name = "reqid", .kind = NUMBER, .to = AT(match, reqid), .min = 0, .max = UINT32_MAX,
	  .has = AT(match, has_reqid) },
	{ .name = "mark", .kind = MARK, .to = AT(match, mark), .has = AT(match, has_mark) },
	{ .name = "if-id", .kind = NUMBER, .to = AT(match, if_id), .min = 0, .max = UINT32_MAX,
	  .has = AT(match, has_if_id) },
	{ }
};

const struct key virtual_keys[] = {
	{ .name = "device", .kind = DEVICE, .to = AT(virtual, device) },
	{ .name = "mac", .kind = MAC, .to = AT(virtual, mac), .has = AT(virtual, has_mac) },
	{ }
};

const struct key address_keys[] = {
	{ .name = "device", .kind = DEVICE, .to = AT(address, device) },
	{ }
};

const struct key route_keys[] = {
	{ .name = "via", .kind = ADDRESS, .to = AT(route, via) },
	{ .name = "device", .kind = DEVICE, .to = AT(route, device) },
	{ .name = "source", .kind = ADDRESS, .to = AT(route, source) },
	{ .name = "metric", .kind = NUMBER, .to = AT(route, metric), .min = 0, .max = INT32_MAX },
	{ .name = "table", .kind = NUMBER, .to = AT(route, table),
	  .min = 1, .max = UINT32_MAX, .otherwise = 254 },
	{ }
};

const struct key neighbour_keys[] = {
	{ .name = "device", .kind = DEVICE, .to = AT(neighbour, device) },
	{ .name = "mac", .kind = MAC, .to = AT(neighbour, mac), .has = AT(neighbour, has_mac) },
	{ .name = "proxy", .kind = FLAG, .to = AT(neighbour, proxy) },
	{ }
};

const struct key protect_keys[] = {
	{ .name = "to", .kind = PREFIXES, .to = AT(protect, to) },
	{ }
};

const struct key offload_keys[] = {
	{ .name = "device", .kind = DEVICE, .to = AT(offload, device) },
	{ }
};

const struct key script_keys[] = {
	{ .name = "command", .kind = TEXT, .to = AT(script, command) },
	{ .name = "interval", .kind = NUMBER, .to = AT(script, interval),
	  .min = 1, .max = 3600, .otherwise = 1 },
	{ .name = "timeout", .kind = NUMBER, .to = AT(script, timeout),
	  .min = 1, .max = 3600, .otherwise = 10 },
	{ .name = "rise", .kind = NUMBER, .to = AT(script, rise),
	  .min = 1, .max = 100, .otherwise = 1 },
	{ .name = "fall", .kind = NUMBER, .to = AT(script, fall),
	  .min = 1, .max = 100, .otherwise = 1 },
	{ }
};

const struct key group_keys[] = {
	{ .name = "link", .kind = NODE_NAME, .to = AT(group, link) },
	{ .name = "role", .kind = CHOICE, .to = AT(group, role),
	  .words = { "active", "standby" } },
	{ .name = "interval", .kind = NUMBER, .to = AT(group, interval),
	  .min = 1, .max = 1048576, .otherwise = 64, .words = { "auto" } },
	{ .name = "quantity", .kind = NUMBER, .to = AT(group, quantity),
	  .min = 2, .max = 16777216, .words = { "auto" } },
	{ .name = "max-age", .kind = NUMBER, .to = AT(group, max_age),
	  .min = 1, .max = 60000, .otherwise = 10 },
	{ .name = "bitmap", .kind = FLAG, .to = AT(group, bitmap) },
	{ .name = "on-peer-loss", .kind = CHOICE, .to = AT(group, on_peer_loss),
	  .words = { "notify", "takeover" } },
	{ .name = "alone", .kind = CHOICE, .to = AT(group, alone),
	  .words = { "hold", "solo" }, .otherwise = 1 },
	{ .name = "sync", .kind = CHOICE, .to = AT(group, sync),
	  .words = { "relaxed", "strict" }, .otherwise = 1 },
	{ .name = "replay", .kind = CHOICE, .to = AT(group, replay),
	  .words = { "strict", "lenient" }, .otherwise = 1 },
	{ .name = "join", .kind = NUMBER, .to = AT(group, join),
	  .min = 0, .max = 600000, .otherwise = 3000 },
	{ .name = "stripe", .kind = NUMBER, .to = AT(group, stripe),
	  .min = 10, .max = 31, .otherwise = 20 },
	{ .name = "index", .kind = NUMBER, .to = AT(group, index),
	  .min = 0, .max = 15, .otherwise = CONF_AUTO, .words = { "auto" }, .word = CONF_AUTO },
	{ .name = "nodes", .kind = NUMBER, .to = AT(group, nodes), .min = 1, .max = 16,
	  .words = { "auto" } },
	{ .name = "soft", .kind = NUMBER, .to = AT(group, soft),
	  .min = 1, .max = 100, .otherwise = 75 },
	{ .name = "prepare", .kind = NUMBER, .to = AT(group, prepare), .min = 0, .max = 10000 },
	{ .name = "prefer", .kind = FLAG, .to = AT(group, prefer) },
	{ .name = "prefer-delay", .kind = NUMBER, .to = AT(group, prefer_delay),
	  .min = 0, .max = 86400, .otherwise = 30 },
	{ .name = "track", .kind = DEVICES, .to = AT(group, track) },
	{ .name = "on-active", .kind = TEXT, .to = AT(group, on_active) },
	{ .name = "on-standby", .kind = TEXT, .to = AT(group, on_standby) },
	{ .name = "hook-timeout", .kind = NUMBER, .to = AT(group, hook_timeout),
	  .min = 1, .max = 3600, .otherwise = 30 },
	{ .name = "replicate", .kind = FLAG, .to = AT(group, replicate) },
	{ .name = "policies", .kind = CHOICE, .to = AT(group, policies),
	  .words = { "matching", "all" } },
	{ .name = "fail-closed", .kind = CHOICE, .to = AT(group, fail_closed),
	  .words = { "auto", "yes", "no" } },
	{ .name = "on-flush", .kind = CHOICE, .to = AT(group, on_flush),
	  .words = { "follow", "release" } },
	{ .name = "store", .kind = FLAG, .to = AT(group, store) },
	{ }
};

const struct key detour_keys[] = {
	{ .name = "device", .kind = DEVICE, .to = AT(detour, device) },
	{ .name = "peer", .kind = MAC, .to = AT(detour, peer), .has = AT(detour, has_peer) },
	{ .name = "trusted", .kind = FLAG, .to = AT(detour, trusted) },
	{ .name = "keep", .kind = NUMBER, .to = AT(detour, keep),
	  .min = 1500, .max = 1 << 30, .otherwise = 4 << 20 },
	{ }
};

const struct key charon_keys[] = {
	{ .name = "vici", .kind = TEXT, .to = AT(charon, vici) },
	{ .name = "fifo", .kind = TEXT, .to = AT(charon, fifo) },
	{ .name = "restart", .kind = TEXT, .to = AT(charon, restart) },
	{ .name = "timeout", .kind = NUMBER, .to = AT(charon, timeout),
	  .min = 1, .max = 3600, .otherwise = 20 },
	{ }
};

const struct key transport_keys[] = {
	{ .name = "kind", .kind = CHOICE, .to = AT(transport, kind), .words = { "tls", "cpg" } },
	{ .name = "cpg-group", .kind = NODE_NAME, .to = AT(transport, cpg_group) },
	{ .name = "local", .kind = ADDRESS, .to = AT(transport, local) },
	{ .name = "peer", .kind = ADDRESS, .to = AT(transport, peer) },
	{ .name = "device", .kind = DEVICE, .to = AT(transport, device) },
	{ .name = "port", .kind = NUMBER, .to = AT(transport, port),
	  .min = 1, .max = 65535, .otherwise = 4510 },
	{ .name = "key-file", .kind = TEXT, .to = AT(transport, key_file) },
	{ }
};

const struct key peer_keys[] = {
	{ .name = "local", .kind = ADDRESS, .to = AT(peer, to.local) },
	{ .name = "address", .kind = ADDRESS, .to = AT(peer, to.peer) },
	{ .name = "device", .kind = DEVICE, .to = AT(peer, to.device) },
	{ .name = "port", .kind = NUMBER, .to = AT(peer, to.port),
	  .min = 1, .max = 65535, .otherwise = 4510 },
	{ .name = "key-file", .kind = TEXT, .to = AT(peer, to.key_file) },
	{ }
};

const struct key metrics_keys[] = {
	{ .name = "listen", .kind = LISTEN, .to = AT(metrics, listen) },
	{ }
};

const struct key conf_keys[] = {
	{ .name = "node", .kind = NODE_NAME, .to = offsetof(struct conf, node) },
	{ .name = "node-id", .kind = NUMBER, .to = offsetof(struct conf, node_id),
	  .min = 1, .max = UINT32_MAX - 1, .otherwise = CONF_AUTO, .words = { "auto" },
	  .word = CONF_AUTO },
	{ .name = "sa-limit", .kind = NUMBER, .to = offsetof(struct conf, sa_limit),
	  .min = 1, .max = 16777215, .otherwise = CONF_AUTO, .words = { "auto" },
	  .word = CONF_AUTO },
	{ .name = "orphan-limit", .kind = NUMBER, .to = offsetof(struct conf, orphan_limit),
	  .min = 0, .max = 1048576, .otherwise = CONF_AUTO, .words = { "auto" },
	  .word = CONF_AUTO },
	{ .name = "orphan-age", .kind = NUMBER, .to = offsetof(struct conf, orphan_age),
	  .min = 1, .max = 86400, .otherwise = 60 },
	{ .name = "store-limit", .kind = NUMBER, .to = offsetof(struct conf, store_limit),
	  .min = 1, .max = 16777215, .otherwise = 131072 },
	{ }
};

static const struct key no_keys[] = { { } };

static const struct section group_sections[] = {
	{ "match", FLAG, match_keys, NULL, true },
	{ "detour", FLAG, detour_keys, NULL, true },
	{ "charon", FLAG, charon_keys, NULL, true },
	{ "virtual-mac", DEVICE, virtual_keys, NULL, false },
	{ "address", PREFIX, address_keys, NULL, false },
	{ "route", PREFIX, route_keys, NULL, false },
	{ "neighbour", ADDRESS, neighbour_keys, NULL, false },
	{ "protect", PREFIX, protect_keys, NULL, false },
	{ "offload", DEVICE, offload_keys, NULL, false },
	{ "track-script", NODE_NAME, script_keys, NULL, false },
	{ }
};

static const struct section on_sections[] = {
	{ "link", NODE_NAME, link_keys, NULL, false },
	{ "group", GROUP_NAME, group_keys, group_sections, false },
	{ "transport", FLAG, transport_keys, NULL, true },
	{ "peer", NODE_NAME, peer_keys, NULL, false },
	{ "metrics", FLAG, metrics_keys, NULL, true },
	{ }
};

const struct section conf_sections[] = {
	{ "link", NODE_NAME, link_keys, NULL, false },
	{ "group", GROUP_NAME, group_keys, group_sections, false },
	{ "transport", FLAG, transport_keys, NULL, true },
	{ "peer", NODE_NAME, peer_keys, NULL, false },
	{ "metrics", FLAG, metrics_keys, NULL, true },
	{ "on", NODE_NAME, no_keys, on_sections, false },
	{ }
};
