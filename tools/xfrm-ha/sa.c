// SPDX-License-Identifier: GPL-2.0
/* xfrm-ha sa show. */

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "xfrm-ha.h"

static const char *const modes[] = { "legacy", "bitmap", "esn" };

/* Bits of XFRM_HA_A_SA_HOLD */
static const char *hold_name(uint32_t bits)
{
	if (bits & 4)
		return "rekey";
	if (bits & 1)
		return "standby";
	return bits & 2 ? "limit" : "-";
}

static void show(struct nlattr **a, void *data)
{
	uint8_t mode = nla_get_u8(a[XFRM_HA_A_SA_REPLAY_MODE]);
	char buf[INET6_ADDRSTRLEN];

	(void)data;
	out_object();
	if (json) {
		out_number("index", nla_get_u32(a[XFRM_HA_A_SA_INDEX]));
		out_string("src", "%s", address(a[XFRM_HA_A_SA_SRC], buf));
	}
	out_string("dst", "%s", address(a[XFRM_HA_A_SA_DST], buf));
	out_string("spi", "0x%08x", ntohl(nla_get_u32(a[XFRM_HA_A_SA_SPI])));
	out_string("group", "%s", nla_get_string(a[XFRM_HA_A_SA_GROUP]));
	out_string("role", "%s", role_name(nla_get_u32(a[XFRM_HA_A_SA_ROLE])));
	out_string("hold", "%s", hold_name(nla_get_u32(a[XFRM_HA_A_SA_HOLD])));
	if (json) {
		out_bool("held", nla_get_u8(a[XFRM_HA_A_SA_HELD]));
		out_number("proto", nla_get_u8(a[XFRM_HA_A_SA_PROTO]));
		out_number("reqid", nla_get_u32(a[XFRM_HA_A_SA_REQID]));
		if (nl_has(a[XFRM_HA_A_SA_MARK]))
			out_string("mark", "0x%x/0x%x", nla_get_u32(a[XFRM_HA_A_SA_MARK]),
				   nla_get_u32(a[XFRM_HA_A_SA_MARK_MASK]));
		if (nl_has(a[XFRM_HA_A_SA_IF_ID]))
			out_number("if_id", nla_get_u32(a[XFRM_HA_A_SA_IF_ID]));
		out_string("replay", "%s", mode < 3 ? modes[mode] : "?");
		out_number("window", nla_get_u32(a[XFRM_HA_A_SA_REPLAY_WINDOW]));
	}
	out_number("oseq", nla_get_u64(a[XFRM_HA_A_SA_OSEQ]));
	out_number("lease", nla_get_u64(a[XFRM_HA_A_SA_LEASE]));
	out_number("seq", nla_get_u64(a[XFRM_HA_A_SA_SEQ]));
	out_number("packets", nla_get_u64(a[XFRM_HA_A_SA_PACKETS]));
	if (json)
		out_number("bytes", nla_get_u64(a[XFRM_HA_A_SA_BYTES]));
	out_number(json ? "behind_out" : "behind",
		   nla_get_u64(a[XFRM_HA_A_SA_BEHIND_OUT]) +
		   (json ? 0 : nla_get_u64(a[XFRM_HA_A_SA_BEHIND_IN])));
	if (json)
		out_number("behind_in", nla_get_u64(a[XFRM_HA_A_SA_BEHIND_IN]));
	out_number(json ? "behind_ms" : "ms", nla_get_u32(a[XFRM_HA_A_SA_BEHIND_MS]));
	if (!json)
		return;
	out_number("overrun", nla_get_u64(a[XFRM_HA_A_SA_OVERRUN]));
	out_number("interval", nla_get_u32(a[XFRM_HA_A_SA_INTERVAL_OUT]));
	out_number("exposure_lost", nla_get_u32(a[XFRM_HA_A_SA_EXPOSURE_LOST]));
	out_number("exposure_replay", nla_get_u32(a[XFRM_HA_A_SA_EXPOSURE_REPLAY]));
	if (nl_has(a[XFRM_HA_A_SA_NIC]))
		out_string("nic", "%s", nla_get_string(a[XFRM_HA_A_SA_NIC]));
}

int sa_show(int argc, char **argv)
{
	struct nl_msg *msg;

	if (argc && (argc != 2 || !is(argv[0], "group")))
		return usage("sa show takes \"group NAME\"");
	if (nl_open())
		return REFUSED;
	msg = nl_request(XFRM_HA_CMD_SA_GET, NLM_F_DUMP);
	if (argc)
		nla_put_string(msg, XFRM_HA_A_SA_GROUP, argv[1]);
	return nl_show(msg, XFRM_HA_A_SA_MAX, true, show, NULL);
}
