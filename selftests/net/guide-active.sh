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

# Tunnel N ends at 192.0.2.N; 10.1.K.0/24 is behind it, and 10.2.0.N at the other end.
half() { # N K NAMESPACE [remote]
	local g=192.0.2.$1 p=192.0.2.9 to="src 10.1.$2.0/24 dst 10.2.0.$1" here=out there=in
	local from="src 10.2.0.$1 dst 10.1.$2.0/24" sa

	sa="reqid $1 mode tunnel replay-window 128 flag esn aead rfc4106(gcm(aes)) $KEY 128"
	[ -z "${4-}" ] || here=in there=out
	must batch "$3" "xfrm state add src $g dst $p proto esp spi 0x${1}001 $sa" \
		"xfrm state add src $p dst $g proto esp spi 0x${1}002 $sa" \
		"xfrm policy add $to dir $here tmpl src $g dst $p proto esp reqid $1 mode tunnel" \
		"xfrm policy add $from dir $there tmpl src $p dst $g proto esp reqid $1 mode tunnel"
	[ "${4-}" ] || must batch "$3" \
		"xfrm policy add $from dir fwd tmpl src $p dst $g proto esp reqid $1 mode tunnel"
}

carries() { # N GROUP ADDRESS: it is active there, and has the address
	local g=G$1

	role "${!g}" "$2" active && has "${!g}" "$3"
}

halves() {
	carries 1 one 192.0.2.1 && carries 2 two 192.0.2.2 && role "$G1" two standby &&
		role "$G2" one standby && ! has "$G1" 192.0.2.2 && ! has "$G2" 192.0.2.1
}

both_at() { # N
	carries "$1" one 192.0.2.1 && carries "$1" two 192.0.2.2
}

traffic() { # NAME: of both halves
	check "$1, one" wait_for 10 ping_all "$H" -c 5 -i 0.02 -W 5 -I 10.1.0.100 10.2.0.1
	check "$1, two" wait_for 10 ping_all "$H" -c 5 -i 0.02 -W 5 -I 10.1.1.100 10.2.0.2
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
must batch "$P" "addr add 10.2.0.2/32 dev lo" "route add 10.1.1.0/24 via 192.0.2.2 src 10.2.0.2"
must batch "$H" "addr add 10.1.1.100/24 dev br0" "route add 10.2.0.2 via 10.1.1.1"
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
