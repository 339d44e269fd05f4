// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/xfrm_ha.yaml */
/* YNL-GEN kernel source */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "netlink-gen.h"

#include <uapi/linux/xfrm_ha.h>

/* Integer value ranges */
static const struct netlink_range_validation xfrm_ha_a_node_sa_limit_range = {
	.min	= 1ULL,
	.max	= 16777215ULL,
};

static const struct netlink_range_validation xfrm_ha_a_node_orphan_limit_range = {
	.max	= 1048576ULL,
};

static const struct netlink_range_validation xfrm_ha_a_node_orphan_age_range = {
	.min	= 1ULL,
	.max	= 86400ULL,
};

static const struct netlink_range_validation xfrm_ha_a_link_batch_range = {
	.max	= 100000ULL,
};

static const struct netlink_range_validation xfrm_ha_a_link_ethertype_range = {
	.min	= 1536ULL,
	.max	= 65535ULL,
};

static const struct netlink_range_validation xfrm_ha_a_group_interval_range = {
	.max	= 1048576ULL,
};

static const struct netlink_range_validation xfrm_ha_a_group_quantity_range = {
	.max	= 16777216ULL,
};

static const struct netlink_range_validation xfrm_ha_a_group_max_age_range = {
	.min	= 1ULL,
	.max	= 60000ULL,
};

static const struct netlink_range_validation xfrm_ha_a_group_join_range = {
	.max	= 600000ULL,
};

static const struct netlink_range_validation xfrm_ha_a_engine_horizon_range = {
	.min	= 1ULL,
	.max	= 3600000ULL,
};

static const struct netlink_range_validation xfrm_ha_a_engine_saved_range = {
	.max	= 1000000000ULL,
};

/* XFRM_HA_CMD_NODE_SET - do */
static const struct nla_policy xfrm_ha_node_set_nl_policy[XFRM_HA_A_NODE_ORPHAN_AGE + 1] = {
	[XFRM_HA_A_NODE_ID] = NLA_POLICY_MIN(NLA_U32, 1),
	[XFRM_HA_A_NODE_SA_LIMIT] = NLA_POLICY_FULL_RANGE(NLA_U32, &xfrm_ha_a_node_sa_limit_range),
	[XFRM_HA_A_NODE_ORPHAN_LIMIT] = NLA_POLICY_FULL_RANGE(NLA_U32, &xfrm_ha_a_node_orphan_limit_range),
	[XFRM_HA_A_NODE_ORPHAN_AGE] = NLA_POLICY_FULL_RANGE(NLA_U32, &xfrm_ha_a_node_orphan_age_range),
};

/* XFRM_HA_CMD_LINK_GET - do */
static const struct nla_policy xfrm_ha_link_get_nl_policy[XFRM_HA_A_LINK_DEV + 1] = {
	[XFRM_HA_A_LINK_DEV] = { .type = NLA_NUL_STRING, .len = 15, },
};

/* XFRM_HA_CMD_LINK_NEW - do */
static const struct nla_policy xfrm_ha_link_new_nl_policy[XFRM_HA_A_LINK_CARRIER_LOSS + 1] = {
	[XFRM_HA_A_LINK_DEV] = { .type = NLA_NUL_STRING, .len = 15, },
	[XFRM_HA_A_LINK_PEER] = NLA_POLICY_EXACT_LEN(6),
	[XFRM_HA_A_LINK_KEY] = NLA_POLICY_EXACT_LEN(XFRM_HA_KEY_LEN),
	[XFRM_HA_A_LINK_INSECURE] = { .type = NLA_FLAG, },
	[XFRM_HA_A_LINK_HEARTBEAT] = NLA_POLICY_RANGE(NLA_U32, 5, 10000),
	[XFRM_HA_A_LINK_DEAD] = NLA_POLICY_RANGE(NLA_U32, 2, 100),
	[XFRM_HA_A_LINK_BATCH] = NLA_POLICY_FULL_RANGE(NLA_U32, &xfrm_ha_a_link_batch_range),
	[XFRM_HA_A_LINK_ETHERTYPE] = NLA_POLICY_FULL_RANGE(NLA_U32, &xfrm_ha_a_link_ethertype_range),
	[XFRM_HA_A_LINK_CARRIER_LOSS] = NLA_POLICY_MAX(NLA_U32, 1),
};

/* XFRM_HA_CMD_LINK_SET - do */
static const struct nla_policy xfrm_ha_link_set_nl_policy[XFRM_HA_A_LINK_CARRIER_LOSS + 1] = {
	[XFRM_HA_A_LINK_DEV] = { .type = NLA_NUL_STRING, .len = 15, },
	[XFRM_HA_A_LINK_PEER] = NLA_POLICY_EXACT_LEN(6),
	[XFRM_HA_A_LINK_KEY] = NLA_POLICY_EXACT_LEN(XFRM_HA_KEY_LEN),
	[XFRM_HA_A_LINK_HEARTBEAT] = NLA_POLICY_RANGE(NLA_U32, 5, 10000),
	[XFRM_HA_A_LINK_DEAD] = NLA_POLICY_RANGE(NLA_U32, 2, 100),
	[XFRM_HA_A_LINK_BATCH] = NLA_POLICY_FULL_RANGE(NLA_U32, &xfrm_ha_a_link_batch_range),
	[XFRM_HA_A_LINK_CARRIER_LOSS] = NLA_POLICY_MAX(NLA_U32, 1),
};

/* XFRM_HA_CMD_LINK_DEL - do */
static const struct nla_policy xfrm_ha_link_del_nl_policy[XFRM_HA_A_LINK_DEV + 1] = {
	[XFRM_HA_A_LINK_DEV] = { .type = NLA_NUL_STRING, .len = 15, },
};

/* XFRM_HA_CMD_GROUP_GET - do */
static const struct nla_policy xfrm_ha_group_get_nl_policy[XFRM_HA_A_GROUP_NAME + 1] = {
	[XFRM_HA_A_GROUP_NAME] = { .type = NLA_NUL_STRING, .len = XFRM_HA_NAME_MAX, },
};

/* XFRM_HA_CMD_GROUP_NEW - do */
static const struct nla_policy xfrm_ha_group_new_nl_policy[XFRM_HA_A_GROUP_PREPARE + 1] = {
	[XFRM_HA_A_GROUP_NAME] = { .type = NLA_NUL_STRING, .len = XFRM_HA_NAME_MAX, },
	[XFRM_HA_A_GROUP_ADDRESS] = NLA_POLICY_EXACT_LEN(4),
	[XFRM_HA_A_GROUP_ADDRESS6] = NLA_POLICY_EXACT_LEN(16),
	[XFRM_HA_A_GROUP_REQID] = { .type = NLA_U32, },
	[XFRM_HA_A_GROUP_MARK] = { .type = NLA_U32, },
	[XFRM_HA_A_GROUP_MARK_MASK] = { .type = NLA_U32, },
	[XFRM_HA_A_GROUP_IF_ID] = { .type = NLA_U32, },
	[XFRM_HA_A_GROUP_LINK] = { .type = NLA_NUL_STRING, .len = 15, },
	[XFRM_HA_A_GROUP_ROLE] = NLA_POLICY_MAX(NLA_U32, 4),
	[XFRM_HA_A_GROUP_INTERVAL] = NLA_POLICY_FULL_RANGE(NLA_U32, &xfrm_ha_a_group_interval_range),
	[XFRM_HA_A_GROUP_QUANTITY] = NLA_POLICY_FULL_RANGE(NLA_U32, &xfrm_ha_a_group_quantity_range),
	[XFRM_HA_A_GROUP_MAX_AGE] = NLA_POLICY_FULL_RANGE(NLA_U32, &xfrm_ha_a_group_max_age_range),
	[XFRM_HA_A_GROUP_BITMAP] = NLA_POLICY_MAX(NLA_U8, 1),
	[XFRM_HA_A_GROUP_ON_PEER_LOSS] = NLA_POLICY_MAX(NLA_U32, 1),
	[XFRM_HA_A_GROUP_REPLAY] = NLA_POLICY_MAX(NLA_U32, 1),
	[XFRM_HA_A_GROUP_JOIN] = NLA_POLICY_FULL_RANGE(NLA_U32, &xfrm_ha_a_group_join_range),
	[XFRM_HA_A_GROUP_ALONE] = NLA_POLICY_MAX(NLA_U32, 1),
	[XFRM_HA_A_GROUP_SYNC] = NLA_POLICY_MAX(NLA_U32, 1),
	[XFRM_HA_A_GROUP_STRIPE] = NLA_POLICY_RANGE(NLA_U32, 10, 31),
	[XFRM_HA_A_GROUP_INDEX] = NLA_POLICY_MAX(NLA_U32, 15),
	[XFRM_HA_A_GROUP_NODES] = NLA_POLICY_RANGE(NLA_U32, 1, 16),
	[XFRM_HA_A_GROUP_SOFT] = NLA_POLICY_RANGE(NLA_U32, 1, 100),
	[XFRM_HA_A_GROUP_PREPARE] = NLA_POLICY_MAX(NLA_U32, 10000),
};

/* XFRM_HA_CMD_GROUP_SET - do */
static const struct nla_policy xfrm_ha_group_set_nl_policy[XFRM_HA_A_GROUP_PREPARE + 1] = {
	[XFRM_HA_A_GROUP_NAME] = { .type = NLA_NUL_STRING, .len = XFRM_HA_NAME_MAX, },
	[XFRM_HA_A_GROUP_INTERVAL] = NLA_POLICY_FULL_RANGE(NLA_U32, &xfrm_ha_a_group_interval_range),
	[XFRM_HA_A_GROUP_QUANTITY] = NLA_POLICY_FULL_RANGE(NLA_U32, &xfrm_ha_a_group_quantity_range),
	[XFRM_HA_A_GROUP_MAX_AGE] = NLA_POLICY_FULL_RANGE(NLA_U32, &xfrm_ha_a_group_max_age_range),
	[XFRM_HA_A_GROUP_BITMAP] = NLA_POLICY_MAX(NLA_U8, 1),
	[XFRM_HA_A_GROUP_ON_PEER_LOSS] = NLA_POLICY_MAX(NLA_U32, 1),
	[XFRM_HA_A_GROUP_REPLAY] = NLA_POLICY_MAX(NLA_U32, 1),
	[XFRM_HA_A_GROUP_JOIN] = NLA_POLICY_FULL_RANGE(NLA_U32, &xfrm_ha_a_group_join_range),
	[XFRM_HA_A_GROUP_ALONE] = NLA_POLICY_MAX(NLA_U32, 1),
	[XFRM_HA_A_GROUP_SYNC] = NLA_POLICY_MAX(NLA_U32, 1),
	[XFRM_HA_A_GROUP_STRIPE] = NLA_POLICY_RANGE(NLA_U32, 10, 31),
	[XFRM_HA_A_GROUP_INDEX] = NLA_POLICY_MAX(NLA_U32, 15),
	[XFRM_HA_A_GROUP_NODES] = NLA_POLICY_RANGE(NLA_U32, 1, 16),
	[XFRM_HA_A_GROUP_SOFT] = NLA_POLICY_RANGE(NLA_U32, 1, 100),
	[XFRM_HA_A_GROUP_PREPARE] = NLA_POLICY_MAX(NLA_U32, 10000),
};

/* XFRM_HA_CMD_GROUP_DEL - do */
static const struct nla_policy xfrm_ha_group_del_nl_policy[XFRM_HA_A_GROUP_NAME + 1] = {
	[XFRM_HA_A_GROUP_NAME] = { .type = NLA_NUL_STRING, .len = XFRM_HA_NAME_MAX, },
};

/* XFRM_HA_CMD_GROUP_TAKEOVER - do */
static const struct nla_policy xfrm_ha_group_takeover_nl_policy[XFRM_HA_A_GROUP_ALLOW_MISSING + 1] = {
	[XFRM_HA_A_GROUP_NAME] = { .type = NLA_NUL_STRING, .len = XFRM_HA_NAME_MAX, },
	[XFRM_HA_A_GROUP_FORCE] = { .type = NLA_FLAG, },
	[XFRM_HA_A_GROUP_ALLOW_MISSING] = { .type = NLA_FLAG, },
};

/* XFRM_HA_CMD_GROUP_RELEASE - do */
static const struct nla_policy xfrm_ha_group_release_nl_policy[XFRM_HA_A_GROUP_NOW + 1] = {
	[XFRM_HA_A_GROUP_NAME] = { .type = NLA_NUL_STRING, .len = XFRM_HA_NAME_MAX, },
	[XFRM_HA_A_GROUP_ALLOW_MISSING] = { .type = NLA_FLAG, },
	[XFRM_HA_A_GROUP_NOW] = { .type = NLA_FLAG, },
};

/* XFRM_HA_CMD_SA_GET - dump */
static const struct nla_policy xfrm_ha_sa_get_nl_policy[XFRM_HA_A_SA_GROUP + 1] = {
	[XFRM_HA_A_SA_GROUP] = { .type = NLA_NUL_STRING, .len = XFRM_HA_NAME_MAX, },
};

/* XFRM_HA_CMD_ENGINE_SET - do */
static const struct nla_policy xfrm_ha_engine_set_nl_policy[XFRM_HA_A_ENGINE_ADOPT_GROUP + 1] = {
	[XFRM_HA_A_ENGINE_DEV] = { .type = NLA_NUL_STRING, .len = 15, },
	[XFRM_HA_A_ENGINE_PERIOD] = NLA_POLICY_RANGE(NLA_U32, 10, 10000),
	[XFRM_HA_A_ENGINE_INITIAL] = { .type = NLA_U32, },
	[XFRM_HA_A_ENGINE_RISE] = NLA_POLICY_RANGE(NLA_U32, 1, 4096),
	[XFRM_HA_A_ENGINE_DECAY] = NLA_POLICY_RANGE(NLA_U32, 1, 100),
	[XFRM_HA_A_ENGINE_BONUS] = { .type = NLA_U32, },
	[XFRM_HA_A_ENGINE_THRESHOLD] = { .type = NLA_U32, },
	[XFRM_HA_A_ENGINE_SWAPS] = NLA_POLICY_RANGE(NLA_U32, 1, 4096),
	[XFRM_HA_A_ENGINE_HORIZON] = NLA_POLICY_FULL_RANGE(NLA_U32, &xfrm_ha_a_engine_horizon_range),
	[XFRM_HA_A_ENGINE_NOISE] = NLA_POLICY_MAX(NLA_U32, 16),
	[XFRM_HA_A_ENGINE_SAVED] = NLA_POLICY_FULL_RANGE(NLA_U32, &xfrm_ha_a_engine_saved_range),
	[XFRM_HA_A_ENGINE_ADOPT] = NLA_POLICY_MAX(NLA_U8, 1),
	[XFRM_HA_A_ENGINE_ADOPT_GROUP] = { .type = NLA_NUL_STRING, .len = XFRM_HA_NAME_MAX, },
};

/* XFRM_HA_CMD_NIC_GET - dump */
static const struct nla_policy xfrm_ha_nic_get_nl_policy[XFRM_HA_A_NIC_ENGINE + 1] = {
	[XFRM_HA_A_NIC_ENGINE] = { .type = NLA_NUL_STRING, .len = 15, },
};

/* XFRM_HA_CMD_NIC_SET - do */
static const struct nla_policy xfrm_ha_nic_set_nl_policy[XFRM_HA_A_NIC_DRAIN + 1] = {
	[XFRM_HA_A_NIC_DEV] = { .type = NLA_NUL_STRING, .len = 15, },
	[XFRM_HA_A_NIC_SLOTS_IN] = { .type = NLA_U32, },
	[XFRM_HA_A_NIC_SLOTS_OUT] = { .type = NLA_U32, },
	[XFRM_HA_A_NIC_WEIGHT] = NLA_POLICY_RANGE(NLA_U32, 1, 1000),
	[XFRM_HA_A_NIC_DRAIN] = NLA_POLICY_MAX(NLA_U8, 1),
};

/* XFRM_HA_CMD_CACHE_GET - dump */
static const struct nla_policy xfrm_ha_cache_get_nl_policy[XFRM_HA_A_CACHE_ENGINE + 1] = {
	[XFRM_HA_A_CACHE_ENGINE] = { .type = NLA_NUL_STRING, .len = 15, },
};

/* XFRM_HA_CMD_CACHE_PIN - do */
static const struct nla_policy xfrm_ha_cache_pin_nl_policy[XFRM_HA_A_CACHE_PIN + 1] = {
	[XFRM_HA_A_CACHE_ENGINE] = { .type = NLA_NUL_STRING, .len = 15, },
	[XFRM_HA_A_CACHE_ADDRESS] = NLA_POLICY_EXACT_LEN(4),
	[XFRM_HA_A_CACHE_ADDRESS6] = NLA_POLICY_EXACT_LEN(16),
	[XFRM_HA_A_CACHE_SPI] = { .type = NLA_U32, },
	[XFRM_HA_A_CACHE_PIN] = NLA_POLICY_MAX(NLA_U8, 1),
	[XFRM_HA_A_CACHE_NIC] = { .type = NLA_NUL_STRING, .len = 15, },
};

/* Ops table for xfrm_ha */
const struct genl_split_ops xfrm_ha_nl_ops[22] = {
	{
		.cmd	= XFRM_HA_CMD_NODE_GET,
		.doit	= xfrm_ha_nl_node_get_doit,
		.flags	= GENL_UNS_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= XFRM_HA_CMD_NODE_SET,
		.doit		= xfrm_ha_nl_node_set_doit,
		.policy		= xfrm_ha_node_set_nl_policy,
		.maxattr	= XFRM_HA_A_NODE_ORPHAN_AGE,
		.flags		= GENL_UNS_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= XFRM_HA_CMD_LINK_GET,
		.doit		= xfrm_ha_nl_link_get_doit,
		.policy		= xfrm_ha_link_get_nl_policy,
		.maxattr	= XFRM_HA_A_LINK_DEV,
		.flags		= GENL_UNS_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd	= XFRM_HA_CMD_LINK_GET,
		.dumpit	= xfrm_ha_nl_link_get_dumpit,
		.flags	= GENL_UNS_ADMIN_PERM | GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= XFRM_HA_CMD_LINK_NEW,
		.doit		= xfrm_ha_nl_link_new_doit,
		.policy		= xfrm_ha_link_new_nl_policy,
		.maxattr	= XFRM_HA_A_LINK_CARRIER_LOSS,
		.flags		= GENL_UNS_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= XFRM_HA_CMD_LINK_SET,
		.doit		= xfrm_ha_nl_link_set_doit,
		.policy		= xfrm_ha_link_set_nl_policy,
		.maxattr	= XFRM_HA_A_LINK_CARRIER_LOSS,
		.flags		= GENL_UNS_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= XFRM_HA_CMD_LINK_DEL,
		.doit		= xfrm_ha_nl_link_del_doit,
		.policy		= xfrm_ha_link_del_nl_policy,
		.maxattr	= XFRM_HA_A_LINK_DEV,
		.flags		= GENL_UNS_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= XFRM_HA_CMD_GROUP_GET,
		.doit		= xfrm_ha_nl_group_get_doit,
		.policy		= xfrm_ha_group_get_nl_policy,
		.maxattr	= XFRM_HA_A_GROUP_NAME,
		.flags		= GENL_UNS_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd	= XFRM_HA_CMD_GROUP_GET,
		.dumpit	= xfrm_ha_nl_group_get_dumpit,
		.flags	= GENL_UNS_ADMIN_PERM | GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= XFRM_HA_CMD_GROUP_NEW,
		.doit		= xfrm_ha_nl_group_new_doit,
		.policy		= xfrm_ha_group_new_nl_policy,
		.maxattr	= XFRM_HA_A_GROUP_PREPARE,
		.flags		= GENL_UNS_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= XFRM_HA_CMD_GROUP_SET,
		.doit		= xfrm_ha_nl_group_set_doit,
		.policy		= xfrm_ha_group_set_nl_policy,
		.maxattr	= XFRM_HA_A_GROUP_PREPARE,
		.flags		= GENL_UNS_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= XFRM_HA_CMD_GROUP_DEL,
		.doit		= xfrm_ha_nl_group_del_doit,
		.policy		= xfrm_ha_group_del_nl_policy,
		.maxattr	= XFRM_HA_A_GROUP_NAME,
		.flags		= GENL_UNS_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= XFRM_HA_CMD_GROUP_TAKEOVER,
		.doit		= xfrm_ha_nl_group_takeover_doit,
		.policy		= xfrm_ha_group_takeover_nl_policy,
		.maxattr	= XFRM_HA_A_GROUP_ALLOW_MISSING,
		.flags		= GENL_UNS_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= XFRM_HA_CMD_GROUP_RELEASE,
		.doit		= xfrm_ha_nl_group_release_doit,
		.policy		= xfrm_ha_group_release_nl_policy,
		.maxattr	= XFRM_HA_A_GROUP_NOW,
		.flags		= GENL_UNS_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= XFRM_HA_CMD_SA_GET,
		.dumpit		= xfrm_ha_nl_sa_get_dumpit,
		.policy		= xfrm_ha_sa_get_nl_policy,
		.maxattr	= XFRM_HA_A_SA_GROUP,
		.flags		= GENL_UNS_ADMIN_PERM | GENL_CMD_CAP_DUMP,
	},
	{
		.cmd	= XFRM_HA_CMD_STAT_GET,
		.dumpit	= xfrm_ha_nl_stat_get_dumpit,
		.flags	= GENL_UNS_ADMIN_PERM | GENL_CMD_CAP_DUMP,
	},
	{
		.cmd	= XFRM_HA_CMD_ENGINE_GET,
		.dumpit	= xfrm_ha_nl_engine_get_dumpit,
		.flags	= GENL_UNS_ADMIN_PERM | GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= XFRM_HA_CMD_ENGINE_SET,
		.doit		= xfrm_ha_nl_engine_set_doit,
		.policy		= xfrm_ha_engine_set_nl_policy,
		.maxattr	= XFRM_HA_A_ENGINE_ADOPT_GROUP,
		.flags		= GENL_UNS_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= XFRM_HA_CMD_NIC_GET,
		.dumpit		= xfrm_ha_nl_nic_get_dumpit,
		.policy		= xfrm_ha_nic_get_nl_policy,
		.maxattr	= XFRM_HA_A_NIC_ENGINE,
		.flags		= GENL_UNS_ADMIN_PERM | GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= XFRM_HA_CMD_NIC_SET,
		.doit		= xfrm_ha_nl_nic_set_doit,
		.policy		= xfrm_ha_nic_set_nl_policy,
		.maxattr	= XFRM_HA_A_NIC_DRAIN,
		.flags		= GENL_UNS_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= XFRM_HA_CMD_CACHE_GET,
		.dumpit		= xfrm_ha_nl_cache_get_dumpit,
		.policy		= xfrm_ha_cache_get_nl_policy,
		.maxattr	= XFRM_HA_A_CACHE_ENGINE,
		.flags		= GENL_UNS_ADMIN_PERM | GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= XFRM_HA_CMD_CACHE_PIN,
		.doit		= xfrm_ha_nl_cache_pin_doit,
		.policy		= xfrm_ha_cache_pin_nl_policy,
		.maxattr	= XFRM_HA_A_CACHE_PIN,
		.flags		= GENL_UNS_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
};

static const struct genl_multicast_group xfrm_ha_nl_mcgrps[] = {
	[XFRM_HA_NLGRP_EVENTS] = { "events", },
};
