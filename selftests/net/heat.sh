#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: ethtool jq
# tap: any
# timeout: 240
#
# N8 C1 C2 C3: the hot SAs have the slots, the standby knows which they are from what it is told of
# the active one, and has them in its own slots when it takes over.

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

full() { # NAMESPACE: both slots are in use
	[ "$(wan "$1" hard)" = 2 ]
}

in_slots() { # NAMESPACE SPI: of tunnel SPI, and nobody else's are
	[ "$(cache "$1" $(($2 + 1)) where) $(cache "$1" $(($2 + 2)) where)" = "nic nic" ] && full "$1"
}

nic() { # NAMESPACE tx|rx: packets that the NIC has encrypted or decrypted
	on "$1" ethtool -S nic | sed -n "s/^ *$2_packets: //p"
}

espnic_load slots=1
ha_load
topology engine
for ns in "$G1" "$G2"; do
	must ha "$ns" engine set wan period 100 threshold 1 noise 0
done
OFFLOAD=wan sas 0x1000 4 tunnel "$G1 $G2" replay-window 64
OFFLOAD=wan sas 0x1100 6 tunnel "$G1 $G2" flag esn replay-window 64
sas 0x1000 4 tunnel "$P" replay-window 64
sas 0x1100 6 tunnel "$P" flag esn replay-window 64
policies 0x1000 4 tunnel
policies 0x1100 6 tunnel
oracle_start
links
groups vpn interval 4

check "C1: all slots are used" wait_for 10 full "$G1"
check "and at the standby" wait_for 10 full "$G2"
check "traffic" pings 10

# Heat follows the traffic.
check "C2: traffic on the other one" pings 300 fd01::1 0.01
check "C2: it has the slots" wait_for 10 in_slots "$G1" 0x1100
check "N8: and at the standby" wait_for 10 in_slots "$G2" 0x1100
before=$(nic "$G1" tx)
check "C2: traffic" pings 20 fd01::1
is "C2: by hardware" $(($(nic "$G1" tx) - before)) 20
is "the mirror knows where it is" "$(sa "$G1" 0x1101 .nic) $(sa "$G1" 0x1102 .nic)" "nic nic"
is "and where not" "$(sa "$G1" 0x1001 .nic)" null

# The numbers are those of one SA, wherever it was.
wait_for 5 mirrored "$G1" 0x1101
is "unbroken" "$(sa "$G1" 0x1101 .oseq)" 320
must ha "$G2" takeover vpn
must wait_for 5 role "$G2" vpn active
must wait_for 5 role "$G1" vpn standby
reroute 2
before=$(nic "$G2" tx)
check "N8: taken over, traffic" pings 10 fd01::1
is "N8: by hardware from the first packet" $(($(nic "$G2" tx) - before)) 10
is "N5: no number is skipped" "$(sa "$G2" 0x1101 .oseq)" 330

# Settings at run time (C3)
must ha "$G2" engine set wan threshold 4000000000
check "the other one, too" pings 10
ip netns exec "$P" ping -q -c 100000 -i 0.01 10.1.0.1 > /dev/null &
pinger=$!
why() { # NAMESPACE SPI REASON
	[ "$(cache "$1" "$2" why)" = "$3" ]
}
check "C3: not enough for this threshold" wait_for 30 why "$G2" 0x1001 below
stopped $pinger
must ha "$G2" engine set wan threshold 1 noise 0
warmed() {
	pings 20 > /dev/null && in_slots "$G2" 0x1000
}
check "C3: enough for that one" wait_for 30 warmed
oracle_verdict "I1: no number was used twice"
is "no errors" "$(on "$P" cat /proc/net/xfrm_stat | awk '$2 && !/NoStates/ { print $1, $2 }')" ""

#
# What each setting does (C3): without traffic nothing else makes heat.
#
policy() { # NAME VALUE...
	must ha "$G2" engine set wan "$@"
}

decide() { # slots have come, or not
	must ha "$G2" engine nic nic slots-out "$1"
}

new() { # SPI...: outbound SAs
	local spi

	for spi; do
		must ip -n "$G2" xfrm state add src 192.0.2.1 dst 192.0.2.9 proto esp spi "$spi" \
			mode tunnel aead 'rfc4106(gcm(aes))' "$KEY" 128 offload dev wan dir out
	done
}

all() { # REASON SPI...
	local spi

	for spi in "${@:2}"; do
		why "$G2" "$spi" "$1" || return 1
	done
}

so_many() { # JQ-FILTER: of the SAs
	ha "$G2" -j cache show wan | jq "map(select($1)) | length"
}

must ha "$G1" group del vpn
must ha "$G2" group del vpn
must ip -n "$G2" xfrm policy flush
must ip -n "$G2" xfrm state flush
echo 64 > /sys/kernel/debug/espnic/wan2/slots_tx
decide 0

set -- period 250 initial 1000000 rise 300 decay 1 bonus 5 threshold 7 swaps 3 horizon 1000 \
	noise 2 saved 5
policy "$@"
while [ $# -gt 0 ]; do
	is "C3: $1 is what was set" "$(wan "$G2" "$1")" "$2"
	shift 2
done

new 0x3001
between "C3: initial: the heat of a new SA" "$(cache "$G2" 0x3001 heat)" 500000 1000000
cools() {
	heat=$(cache "$G2" 0x3001 heat)
	[ "$heat" -gt 0 ] && [ "$heat" -lt 1000000 ]
}
check "C3: decay: a percent goes with each tick" wait_for 10 cools
policy decay 100
is "C3: decay 100: all of it" "$(cache "$G2" 0x3001 heat)" 0

policy period 10000 decay 1 threshold auto bonus 0 initial 0
margin=$(wan "$G2" margin)
policy saved 10
between "C3: saved: twice as much, and half the threshold" $((2 * $(wan "$G2" margin) - margin)) -2 2
policy saved 5 horizon 2000
between "C3: horizon: the same" $((2 * $(wan "$G2" margin) - margin)) -2 2

policy bonus 3000000
new 0x3002
is "C3: initial 0: a new one is cold" "$(cache "$G2" 0x3002 heat)" 0
is "C2: it can have no slot" "$(wan "$G2" hard)" 0
must ip -n "$G2" xfrm state delete src 192.0.2.1 dst 192.0.2.9 proto esp spi 0x3001
decide 1
check "C2: there is one: why" wait_for 10 all free 0x3002
between "C3: bonus: its heat for entering" "$(cache "$G2" 0x3002 heat)" 2700000 3000000
must ip -n "$G2" xfrm state flush

# Three that are cold have the slots, four that are hotter come.
policy bonus 0 threshold 4000000000 noise 0 swaps 256
decide 3
new 0x3011 0x3012 0x3013
check "C2: free slots: why" wait_for 10 all free 0x3011 0x3012 0x3013
policy initial 10000
candidates=(0x3021 0x3022 0x3023 0x3024)
new "${candidates[@]}"
check "C3: threshold: why" wait_for 10 all below "${candidates[@]}"
is "C3: threshold: what the gain was held against" "$(cache "$G2" 0x3021 margin)" 4000000000
policy threshold 1 noise 16
decide 3
check "C3: noise: why" wait_for 10 all noise "${candidates[@]}"
between "C3: noise: what the gain was held against" "$(cache "$G2" 0x3021 margin)" 10001 1000000
policy noise 0 swaps 1
limited() {
	[ "$(so_many '.why == "swap" and .where == "nic"')" -ge 1 ] &&
		[ "$(so_many '.why == "limit" and .where == "software"')" -ge 2 ]
}
decide 3
check "C3: swaps: one drives another out, the others may not yet" wait_for 10 limited
policy swaps 256
decide 3
swapped() {
	[ "$(so_many '.why == "swap" and .where == "nic"')" = 3 ]
}
check "C3: more swaps: the others have" wait_for 10 swapped
decide 3
between "C2: what they gained then" "$(ha "$G2" -j cache show wan |
	jq 'map(select(.where == "nic" and .margin == 1) | .gain) | min')" 9000 10000
is "C2: and who is not hotter: why" "$(so_many '.why == "colder" and .heat > 0')" 1
ha "$G2" cache show wan
ktap_finished
