#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: jq
# machines: uml
# tap: any
# timeout: 240
#
# M7: on-flush. Somebody flushes SAs and policies of the active gateway, as an IKE daemon does that
# starts. The other one goes on with them at once, no number comes twice, and who was flushed gets
# them back.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/had.sh"
. "$(dirname "$0")/../lib/relay.sh"

complete() { # both have all, and know it
	has "$G1" 0x1000 && has "$G2" 0x1000 && same_policies && in_sync "$G1" "$G2" &&
		missing "$G1" 0 && missing "$G2" 0
}

goes_on() { # NAME FROM TO FLUSH...: what is flushed on gateway FROM, gateway TO goes on with
	local from=G$2 to=G$3

	must batch "${!from}" "${@:4}"
	check "$1: the other gateway is active" wait_for 10 role "${!to}" vpn active
	reroute "$3"
	check "$1: and goes on" pings 10
	check "$1: who was flushed gets all back" wait_for 30 complete
	is "$1: and is standby" "$(group "${!from}" vpn role)" standby
}

ha_load
topology
relay_conf 1 role = active on-flush = release
relay_conf 2 role = standby on-flush = release
tunnel "$G1 $P" 0x1000 replay-window 32
tunnel_policies "$G1"
remote_policies
had 1 /run/conf1
had 2 /run/conf2
must wait_for 20 role "$G1" vpn active
must wait_for 20 complete
oracle_start
check "traffic" pings 10
goes_on "policies, then SAs" 1 2 "xfrm policy flush" "xfrm state flush"
goes_on "SAs" 2 1 "xfrm state flush"
goes_on "policies" 1 2 "xfrm policy flush"

# The standby, whose SAs others can do without
must batch "$G1" "xfrm policy flush" "xfrm state flush"
check "a standby gets them back" wait_for 30 complete
is "and stays one" "$(group "$G1" vpn role) $(group "$G2" vpn role)" "standby active"
check "traffic goes on" pings 10
oracle_verdict "I1: no number twice" 0x1001 0x1002

# Nobody can go on with them, or is to.
must ip -n "$G1" link set sync down
must wait_for 10 link_state "$G2" down
must ip -n "$G2" xfrm state flush
check "alone: it says so" wait_for 10 had_said 2 "no peer can go on with them"
is "alone: it stays active" "$(group "$G2" vpn role)" active
must ip -n "$G1" link set sync up
check "what has gone for good goes on the other one, too" wait_for 30 has_not "$G1" 0x1000
is "the active one still is" "$(group "$G2" vpn role)" active

stopped "$had_1" "$had_2"
[ "$ktap_failed" = 0 ] || { had_sentences 1; had_sentences 2; }
check "the module leaves" ha_unload
ktap_finished
