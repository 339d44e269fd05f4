#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# machines: uml
# requires: jq
# tap: any
# timeout: 200
#
# M6 M7 M8 N17: the recipe "active/active by groups" of docs/guide.rst, with the file of
# docs/examples/active-active: each gateway is active for half of the tunnels, has the other half
# when the other one dies or has lost a carrier, and gives it back.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/had.sh"
. "$(dirname "$0")/../lib/cluster.sh"

start() { # N NAME
	{ echo "node = $2"; example active-active/xfrm-ha.conf; } |
		sed 's/prefer-delay = 10/prefer-delay = 1/' > "/run/conf$1"
	had "$1" "/run/conf$1"
}

has_all() { # NAMESPACE: SAs of both, and in sync
	local name

	[ "$(ip -n "$1" xfrm state count | grep -oE '[0-9]+' | head -n 1)" = 4 ] || return
	for name in one two; do
		ask_group "$1" "$name" peer_synced
		[ "$REPLY" = true ] || return
		ask_group "$1" "$name" missing
		[ "$REPLY" = 0 ] || return
	done
}

ha_load
pair
pair_of_halves
oracle_start
keygen /run/key
start 1 east
start 2 west
check "M6: each is active for a half" wait_for 30 halves
half 1 0 "$G1"
half 2 1 "$G2"
half 1 0 "$P" remote
half 2 1 "$P" remote
for ns in "$G1" "$G2"; do
	check "M7: both have all SAs" wait_for 30 has_all "$ns"
done
traffic "traffic"

# West loses its carrier inside: what it was active for goes to the other one, and comes back.
must ip -n "$H" link set g2 down
check "M8: who has no carrier gives its half away" wait_for 30 both_at 1
is "by a handover" "$(group "$G1" two reason)" got
traffic "traffic"
must ip -n "$H" link set g2 up
check "and takes it back" wait_for 30 halves
traffic "traffic"

# East dies, and comes back with nothing.
wires 1 down
had_stop 1 9
check "M8: east dies: the other one has both" wait_for 40 both_at 2
traffic "traffic"
must ha "$G1" group del one
must ha "$G1" group del two
must ha "$G1" link del eth2
must batch "$G1" "xfrm policy flush" "xfrm state flush" "addr flush dev eth0 to 192.0.2.1" \
	"addr flush dev eth1 to 10.1.0.1"
wires 1 up
start 1 east
check "M7: it comes back, and has all SAs again" wait_for 40 has_all "$G1"
check "M8: and its half" wait_for 40 halves
traffic "traffic"
had_stop 1
had_stop 2
oracle_verdict "I1: no number twice" 0x1001 0x2001
ktap_finished
