#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# timeout: 300
#
# N10, invariants I1 and I2: what can't be looked after fails closed. SAs above the limit neither send nor
# accept where their group is not active, and where it is they go no further than the numbers that need
# no lease; a peer that has no room for an SA gives no lease for it. Operators are told.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"

BIRTH=8192

oseq() { # NAMESPACE SPI: as the kernel has it
	ip -n "$1" -s xfrm state get src 192.0.2.1 dst 192.0.2.9 proto esp spi "$2" |
		sed -n 's/.*oseq 0x\([0-9a-f]*\).*/\1/p' | head -n 1 | { read -r n; echo $((16#$n)); }
}

try() { # COUNT: that many pings, answered or not
	on "$P" ping -q -n -c "$1" -i 0.005 -W 1 10.1.0.1 > /dev/null
}

known() { # NAMESPACE SPI
	[ "$(sa "$1" "$2" .spi)" ]
}

oseq_above() { # NAMESPACE SPI NUMBER
	[ "$(oseq "$1" "$2")" -gt "$3" ]
}

naked() { # COUNT: SAs of G1 that the peer has not, or has no room for
	[ "$(group "$G1" vpn peer_missing)" = "$1" ]
}

ha_load
topology
links
groups vpn address 192.0.2.1 interval 4 quantity 400
tap=$(ha "$G1" -j node show | jq -r '.[0].tap')

# No room here: on neither gateway, and the SA has used most of its first numbers.
for ns in "$G1" "$G2"; do
	must ha "$ns" node set sa-limit 1
done
sas 0x1000 4 tunnel "$G1 $G2 $P" replay-window 32
sas 0x1100 4 tunnel "$G1 $G2 $P" replay-window 32 replay-oseq $((BIRTH - 5))
policies 0x1100 4 tunnel
check "I6: sa_limit" counter "$G1" sa_limit 1
oracle_start
try 20
if [ "$tap" = ftrace ]; then
	is "I1: an active gateway's goes to the end of its first numbers" "$(oseq "$G1" 0x1101)" $BIRTH
	check "I1: what is above is counted" wait_for 10 counter "$G1" stray_refused 15
else
	is "I1: an active gateway's is held" "$(oseq "$G1" 0x1101)" $((BIRTH - 5))
fi
reroute 2
try 10
is "I1: a standby's is held" "$(oseq "$G2" 0x1101)" $((BIRTH - 5))
must ha "$G2" takeover vpn force wait 10
try 10
is "I1: also after a takeover" "$(oseq "$G2" 0x1101)" $((BIRTH - 5))
must ha "$G1" takeover vpn force wait 10
reroute 1
for ns in "$G1" "$G2"; do
	must ha "$ns" node set sa-limit 1000
done
check "with room it is known" wait_for 20 known "$G1" 0x1101
check "there, too" wait_for 20 known "$G2" 0x1101
must wait_for 20 mirrored "$G1" 0x1101
check "and carries traffic" pings 20
oracle_verdict "I1: no number was used twice" 0x1101

# No room there: no lease is given for an SA that the peer can't remember.
no_sas
must ha "$G2" node set orphan-limit 0
oracle_start
sas 0x1200 4 tunnel "$G1 $P" replay-window 32
policies 0x1200 4 tunnel
must wait_for 10 known "$G1" 0x1201
check "I6: orphan_limit" wait_for 10 counter "$G2" orphan_limit 1
check "M9: the active gateway can tell" wait_for 10 naked 2
spend "$G1" 9000
is "I1: it is held at the end of its first numbers" "$(oseq "$G1" 0x1201)" $BIRTH
is "by what it says" "$(sa "$G1" 0x1201 .hold)" limit
refused "$G1" "are missing at the peer" release vpn
must ha "$G2" takeover vpn force wait 10
sas 0x1200 4 tunnel "$G2" replay-window 32
reroute 2
check "I1: the other one, which was never told of it, goes on" pings 20
check "I1: above them" oseq_above "$G2" 0x1201 $BIRTH
oracle_verdict "I1: no number was used twice" 0x1201

# What the module does not look after any more is as any other.
must ha "$G2" node set sa-limit 1
sas 0x1300 4 tunnel "$G2" replay-window 32
for ns in "$G1" "$G2"; do
	must ha "$ns" group del vpn
done
for spi in 0x1201 0x1301; do
	check "without a group it sends ($spi)" test \
		"$(ip -n "$G2" xfrm state get src 192.0.2.1 dst 192.0.2.9 proto esp spi $spi | wc -l)" -gt 0
done
no_sas
sas 0x1400 4 tunnel "$G1 $G2 $P" replay-window 32
policies 0x1400 4 tunnel
reroute 1
check "traffic without a group" pings 5
check "the module leaves" ha_unload
ktap_finished
