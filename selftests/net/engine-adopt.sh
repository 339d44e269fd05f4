#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: ethtool jq
# timeout: 400
# tap: any
#
# A4 C1 N8: SAs that say no direction are adopted on a standby, too, where the groups' address is
# nobody's, so that the first packets after a takeover are the NIC's. An SA whose packets take
# another way than the engine device is not adopted, and none is in a slot that serves nobody.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/espnic.sh"
. "$(dirname "$0")/../lib/ha.sh"

cache() { # NAMESPACE SPI FIELD
	local spi

	printf -v spi 0x%08x "$2"
	ask_where spi "$spi" ".$3" "$1" cache show wan && echo "$REPLY"
}

wan() { # NAMESPACE FIELD: of the engine device
	ask_first ".$2" "$1" engine show wan && echo "$REPLY"
}

in_slots() { # NAMESPACE SPI...
	local spi

	for spi in "${@:2}"; do
		[ "$(cache "$1" "$spi" where)" = nic ] || return 1
	done
}

absent() { # NAMESPACE SPI...: not the engine device's
	local known spi

	known=$(ha "$1" -j cache show wan)
	for spi in "${@:2}"; do
		[[ $known != *$(printf 0x%08x "$spi")* ]] || return 1
	done
}

present() { # NAMESPACE SPI...
	local spi

	for spi in "${@:2}"; do
		! absent "$1" "$spi" || return 1
	done
}

nic() { # NAMESPACE tx|rx: packets that the NIC has encrypted or decrypted
	on "$1" ethtool -S nic | sed -n "s/^ *$2_packets: //p"
}

vip() { # NAMESPACE add|del: the address of the tunnels
	must batch "$1" "addr $2 192.0.2.1/24 dev wan" "addr $2 2001:db8::1/64 dev wan nodad"
}

espnic_load slots=8
ha_load
topology engine
for ns in "$G1" "$G2"; do
	must on "$ns" sysctl -qw net.ipv4.conf.wan.promote_secondaries=1
done
# Each gateway has an address of its own; the group's is that of the active one.
must batch "$G1" "addr add 192.0.2.3/24 dev wan" "addr add 2001:db8::3/64 dev wan nodad"
must batch "$G2" "addr add 192.0.2.4/24 dev wan" "addr add 2001:db8::4/64 dev wan nodad"
vip "$G2" del
must ip -n "$G2" route replace 10.2.0.0/16 via 192.0.2.9
must ip -n "$G2" route replace fd02::/64 via 2001:db8::9
for ns in "$G1" "$G2"; do
	must ha "$ns" engine set wan period 500
	must ha "$ns" engine set wan adopt all
done
sas 0x1000 4 tunnel "$G1 $G2 $P" replay-window 64
sas 0x1100 6 tunnel "$G1 $G2 $P" flag esn replay-window 64
policies 0x1000 4 tunnel
policies 0x1100 6 tunnel
links
groups vpn interval 4

#
# A standby knows directions by what it is told
#
check "A4: at the active one: outbound ones are in slots" wait_for 20 in_slots "$G1" 0x1001 0x1101
is "A4: at the standby nothing tells yet" "$(ha "$G2" -j cache show wan | jq length)" 0
check "traffic" pings 40
check "traffic, IPv6" pings 40 fd01::1
check "N8: at the standby: all are in slots" wait_for 20 in_slots "$G2" 0x1001 0x1002 0x1101 0x1102
is "A4: with the right directions" "$(ha "$G2" -j cache show wan |
	jq -r 'sort_by(.spi) | map(.dir) | join(" ")')" "out in out in"
must wait_for 10 mirrored "$G1" 0x1001
must wait_for 10 mirrored "$G1" 0x1101
must ha "$G2" takeover vpn
must wait_for 10 role "$G2" vpn active
must wait_for 10 role "$G1" vpn standby
vip "$G1" del
vip "$G2" add
must ip -n "$G2" route replace 10.2.0.0/16 via 192.0.2.9 src 10.1.0.1
must ip -n "$G2" route replace fd02::/64 via 2001:db8::9 src fd01::1
reroute 2
tx=$(nic "$G2" tx) rx=$(nic "$G2" rx)
check "N8: taken over: traffic" pings 10
check "N8: taken over: traffic, IPv6" pings 10 fd01::1
is "N8: by the NIC from the first packet on, both ways" \
	"$(($(nic "$G2" tx) - tx)) $(($(nic "$G2" rx) - rx))" "20 20"
is "C1: and they have not moved" "$(ha "$G2" -j cache show wan | jq 'map(.moves) | max')" 1

#
# SAs without packets: as soon as the address is there, and not only when all SAs are looked at
#
vip "$G2" del
for i in 1 2 3; do
	for family in 4 6; do
		sas $((0x2000 + 0x100 * i + 0x10 * family)) $family tunnel "$G2" replay-window 64
	done
done
new=(0x2141 0x2241 0x2341 0x2161 0x2261 0x2361)
# A look at all has been since.
must ha "$G2" engine set wan period 10000
is "A4: without an address: nothing tells" "$(absent "$G2" "${new[@]}" && echo none)" none
ticks=$(wan "$G2" ticks)
vip "$G2" add
check "A4: the address has come: adopted" wait_for 10 present "$G2" "${new[@]}"
check "A4: and the outbound ones in slots" wait_for 10 in_slots "$G2" 0x2141 0x2161
# One may have been under way when the period was set.
between "A4: not at the next look at all SAs, but at once" $(($(wan "$G2" ticks) - ticks)) 0 1
must ha "$G2" engine set wan period 200
ktap_finished
