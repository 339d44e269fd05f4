#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: ethtool jq
# timeout: 300
# tap: any
#
# A2 A4 C1 C2: an SA whose packets take another way than the engine device is not adopted, has no
# slot, and is not counted as if it had one; when routes change it comes, or goes.
#
#    A: eng0 (nic0)  192.0.2.1    --- switch --- 192.0.2.2     B
#       other        198.51.100.1 -------------- 198.51.100.2

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/espnic.sh"
. "$(dirname "$0")/../lib/engine.sh"

declare -A there=([4]=198.51.100.1 [6]=2001:db8:1::1) back=([4]=198.51.100.2 [6]=2001:db8:1::2)

# A tunnel whose ends are the addresses of the other wire
detour() { # K 4|6 [OPTION...]: $offload as for tunnel
	local k=$1 family=$2

	shift 2
	addresses "$k" "$family"
	a=${there[$family]} b=${back[$family]}
	must ip -n "$A" addr add "$ia/$plen" dev lo
	must ip -n "$B" addr add "$ib/$plen" dev lo
	add_sa "$A" "$k" "$(spi_out "$k")" "$a" "$b" "$@" ${offload:+offload dev $offload dir out}
	add_sa "$A" "$k" "$(spi_in "$k")" "$b" "$a" "$@" ${offload:+offload dev $offload dir in}
	add_sa "$B" "$k" "$(spi_out "$k")" "$a" "$b" "$@"
	add_sa "$B" "$k" "$(spi_in "$k")" "$b" "$a" "$@"
	policy "$A" "$k" out "$ia" "$ib" "$a" "$b"
	policy "$A" "$k" in "$ib" "$ia" "$b" "$a"
	policy "$B" "$k" in "$ia" "$ib" "$a" "$b"
	policy "$B" "$k" out "$ib" "$ia" "$b" "$a"
}

way() { # NAMESPACE 4|6 add|del: what goes to the other wire's address goes by the switch
	local to=${back[$2]}/32 via=192.0.2.2

	if [ "$1" = "$B" ]; then
		to=${there[$2]}/32 via=192.0.2.1
	fi
	if [ "$2" = 6 ]; then
		to=${to%/32}/128 via=2001:db8::${via##*.}
	fi
	must ip -n "$1" route "$3" "$to" via "$via"
}

ours() { # K: both SAs are the engine device's
	[ "$(cache "$(spi_out "$1")" .spi)$(cache "$(spi_in "$1")" .spi)" = \
		"$(spi_out "$1")$(spi_in "$1")" ]
}

not_ours() { # K
	local known

	known=$(ha cache show eng0)
	[[ $known != *$(spi_out "$1")* && $known != *$(spi_in "$1")* ]]
}

ticked() { # COUNT: since $ticks
	[ "$(eng .ticks)" -ge $((ticks + $1)) ]
}

let_tick() { # COUNT
	ticks=$(eng .ticks)
	must wait_for 30 ticked "$1"
}

counts() { # packets that eng0 takes for its own
	eng '"\(.packets_hard) \(.packets_soft)"'
}

given_back() {
	! ip -n "$A" xfrm state | grep -q offload
}

espnic_load slots=8
ha_load
wires
engine
must ip -n "$A" link set nic1 nomaster
must ip -n "$W" link set wire1 down
must ip link add other netns "$A" type veth peer name other netns "$B"
must batch "$A" "link set other up" "addr add 198.51.100.1/24 dev other" \
	"addr add 2001:db8:1::1/64 dev other nodad"
must batch "$B" "link set other up" "addr add 198.51.100.2/24 dev other" \
	"addr add 2001:db8:1::2/64 dev other nodad"
must ha engine set eng0 period 200
must ha engine set eng0 adopt all
must on "$A" sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eng0.rp_filter=0 \
	net.ipv4.conf.other.rp_filter=0

for family in 4 6; do
	k=$family offload=
	detour $k $family replay-window 64
	pinned=$(counts)
	check "A4: IPv$family, another way: traffic" pings $k $family 20
	let_tick 3
	check "A4: IPv$family, another way: not adopted" not_ours $k
	is "A2: IPv$family, another way: no slot is used" "$(nic nic0 tx_used) $(nic nic0 rx_used)" "0 0"
	is "C1: IPv$family, another way: nothing is counted" "$(counts)" "$pinned"

	# Both ways by the switch now
	way "$A" $family add
	way "$B" $family add
	check "A4: IPv$family, the route has changed: adopted" wait_for 20 ours $k
	must pings $k $family 5
	check "C2: IPv$family, and in slots" wait_for 20 all_at nic0 "$(spi_out $k)" "$(spi_in $k)"
	n=$(nic nic0 tx_packets)
	check "A2: IPv$family: traffic" pings $k $family 20
	is "A2: IPv$family: by the NIC" $(($(nic nic0 tx_packets) - n)) 20

	# And back
	way "$A" $family del
	way "$B" $family del
	check "A4: IPv$family, the route is gone: given back" wait_for 20 not_ours $k
	check "A4: IPv$family: they have no device" wait_for 20 given_back
	check "C2: IPv$family: no slot is used" wait_for 10 test \
		"$(nic nic0 tx_used) $(nic nic0 rx_used)" = "0 0"
	check "A4: IPv$family, the route is gone: traffic" pings $k $family 20
	no_tunnels

	# An SA that was given to the device is the user's will: it stays, but has no slot.
	k=$((10 + family)) offload=eng0
	detour $k $family replay-window 64
	pinned=$(counts)
	check "A2: IPv$family, given to the device, another way: traffic" pings $k $family 20
	let_tick 3
	is "C2: IPv$family, given to the device, another way: where, why" \
		"$(cache "$(spi_out $k)" '"\(.where) \(.why)"') $(cache "$(spi_in $k)" .where)" \
		"software no-nic software"
	is "C1: IPv$family, given to the device, another way: nothing is counted" "$(counts)" "$pinned"
	no_tunnels
done

#
# Answers go by eng0, where the route is, but requests come by the other wire
#
offload=
detour 20 4 replay-window 64
way "$A" 4 add
check "A4: only outbound by eng0: adopted" wait_for 20 ours 20
must pings 20 4 5
check "C2: the outbound one is in a slot" wait_for 20 at "$(spi_out 20)" nic0
leaves() {
	pings 20 4 5 > /dev/null && at "$(spi_in 20)" software
}
check "C2: the inbound one, whose packets come by another device, is in none" wait_for 20 leaves
moves=$(cache "$(spi_in 20)" .moves) soft=$(eng .packets_soft)
check "C2: traffic" pings 20 4 200
is "C2: and stays there" "$(where "$(spi_in 20)") $(cache "$(spi_in 20)" .moves)" "software $moves"
is "C1: and its packets are not counted" $(($(eng .packets_soft) - soft)) 0
way "$B" 4 add
seen() {
	pings 20 4 5 > /dev/null && at "$(spi_in 20)" nic0
}
check "C2: they come by eng0 now: it is in a slot" wait_for 20 seen
# From a slot
way "$B" 4 del
check "C2: and by the other wire again: it has left" wait_for 30 leaves
ktap_finished
