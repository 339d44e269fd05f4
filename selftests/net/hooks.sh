#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: arping ndptool
# tap: any
# timeout: 180
#
# M8: the hooks. A neighbour that knew an address at one gateway knows it at the other, and is
# told nothing by who has lost it meanwhile; a route comes and goes.

. "$(dirname "$0")/../lib/ktap.sh"

hook() { # NAMESPACE HOOK WORD...
	on "$1" "$XFRM_HA_DIR/tools/xfrm-ha/hooks/$2" "${@:3}"
}

move() { # up|down NAMESPACE
	must hook "$2" address "$1" 192.0.2.1/24 wan 2001:db8::1/64 wan
}

knows() { # 4|6 1|2: P has this gateway's Ethernet address for the address
	local address=192.0.2.1

	[ "$1" = 4 ] || address=2001:db8::1
	[[ $(ip -n "$P" neigh show "$address") == *" 02:00:00:00:02:0$2 "* ]]
}

idle() { # NAMESPACE: no process is in it
	[ -z "$(ip netns pids "$1")" ]
}

routes() { # PREFIX
	ip -n "$G1" -4 route show "$1" 2>/dev/null
	ip -n "$G1" -6 route show "$1" 2>/dev/null
}

netns G1 G2 P
must ip -n "$P" link add name br0 type bridge
for n in 1 2; do
	g=G$n
	must ip link add wan netns "${!g}" address "02:00:00:00:02:0$n" type veth \
		peer name "g$n" netns "$P"
	must ip -n "$P" link set "g$n" master br0 up
	must ip -n "${!g}" link set wan up
done
must ip -n "$P" link set br0 up
must ip -n "$P" addr add 192.0.2.9/24 dev br0
must ip -n "$P" addr add 2001:db8::9/64 dev br0 nodad

move up "$G1"
check "IPv4 at the first gateway" wait_for 10 ping_all "$P" -c 1 -W 1 192.0.2.1
check "IPv6 at the first gateway" wait_for 10 ping_all "$P" -c 1 -W 1 2001:db8::1
check "the neighbour knows" knows 4 1
check "the neighbour knows" knows 6 1
move down "$G1"
move up "$G2"
check "gratuitous ARP" wait_for 10 knows 4 2
check "unsolicited neighbour advertisement" wait_for 10 knows 6 2
check "the address answers" ping_all "$P" -c 1 -W 1 192.0.2.1
check "the address answers" ping_all "$P" -c 1 -W 1 2001:db8::1

# Lost at once: what is said once more would be wrong.
must wait_for 10 idle "$G2"
for address in 192.0.2.1 2001:db8::1; do
	must ip -n "$P" neigh replace "$address" lladdr 02:00:00:00:02:01 dev br0 nud reachable
done
move up "$G2"
must wait_for 10 knows 4 2
must wait_for 10 knows 6 2
move down "$G2"
for address in 192.0.2.1 2001:db8::1; do
	must ip -n "$P" neigh replace "$address" lladdr 02:00:00:00:02:01 dev br0 nud reachable
done
must wait_for 10 idle "$G2"
check "who has lost it is silent" knows 4 1
check "who has lost it is silent" knows 6 1

must mkdir -p /run/bin
ln -sf "$(command -v ip)" "$(command -v sh)" /run/bin
said=$(PATH=/run/bin hook "$G2" address up 2001:db8::1/64 wan 2>&1)
is "what is missing makes it fail" $? 1
is "and is named" "$said" \
	"address: ndptool is missing (package libndp-tools): nobody is told of 2001:db8::1"
check "the address is there" grep -q 2001:db8::1 <<<"$(ip -n "$G2" addr show dev wan)"

move up "$G1"
for words in "198.51.100.0/24 via 192.0.2.9 dev wan" "2001:db8:1::/48 via 2001:db8::9 dev wan"; do
	# shellcheck disable=SC2086	# words
	set -- $words
	check_not "no route" grep -q via <<<"$(routes "$1")"
	check "up" hook "$G1" route up "$@"
	check "there is one" grep -q "via $3" <<<"$(routes "$1")"
	check "up once more" hook "$G1" route up "$@"
	check "down" hook "$G1" route down "$@"
	is "it has gone" "$(routes "$1")" ""
	check "down once more" hook "$G1" route down "$@"
done
check_not "one that can't be made" hook "$G1" route up 198.51.100.0/24 via 203.0.113.1
must wait_for 10 idle "$G1"
ktap_finished
