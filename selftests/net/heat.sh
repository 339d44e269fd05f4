#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: ethtool jq
# timeout: 240
#
# N8 C1 C2 C3: the hot SAs have the slots, the standby knows which they are from what it is told of
# the active one, and has them in its own slots when it takes over.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/espnic.sh"
. "$(dirname "$0")/../lib/ha.sh"

cache() { # NAMESPACE SPI FIELD
	on "$1" xfrm-ha -j cache show wan |
		jq -r --arg spi "$(printf '0x%08x' "$2")" ".[] | select(.spi == \$spi) | .$3"
}

in_slots() { # NAMESPACE SPI: of tunnel SPI, and nobody else's are
	[ "$(cache "$1" $(($2 + 1)) where) $(cache "$1" $(($2 + 2)) where)" = "nic nic" ] &&
		[ "$(on "$1" xfrm-ha -j engine show | jq '.[0].hard')" = 2 ]
}

nic() { # NAMESPACE tx|rx: packets that the NIC has encrypted or decrypted
	on "$1" ethtool -S nic | sed -n "s/^ *$2_packets: //p"
}

full() { # NAMESPACE: both slots are in use
	[ "$(on "$1" xfrm-ha -j engine show | jq '.[0].hard')" = 2 ]
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
is "the initial heat is what was set" "$(on "$G1" xfrm-ha -j engine show wan |
	jq '.[0].initial')" 32768

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
pings 1000 10.1.0.1 0.01 > /dev/null &
pinger=$!
why() { # NAMESPACE SPI REASON
	[ "$(cache "$1" "$2" why)" = "$3" ]
}
check "C3: not enough for this threshold" wait_for 8 why "$G2" 0x1001 below
kill $pinger
wait $pinger
must ha "$G2" engine set wan threshold 1 noise 0
warmed() {
	pings 20 > /dev/null && in_slots "$G2" 0x1000
}
check "C3: enough for that one" wait_for 10 warmed
oracle_verdict "I1: no number was used twice"
is "no errors" "$(on "$P" cat /proc/net/xfrm_stat | awk '$2 && !/NoStates/ { print $1, $2 }')" ""
