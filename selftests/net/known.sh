#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tap: any
# timeout: 400
#
# M1 N10, invariants I1 and I2: what is known of an SA is applied whenever it comes, on a standby and on
# an active gateway, outbound, inbound and counts alike, forward only. What has another key is another
# SA, and begins anew. What the user said of an SA stays true of it: its direction, its lifetime.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"

packets() { # NAMESPACE SPI: that the kernel has counted
	sa "$1" "$2" .packets
}

accepted() { # NAMESPACE SPI COUNT
	[ "$(packets "$1" "$2")" -ge "$3" ]
}

# All that was recorded goes to a gateway again, and a packet after it that is new: it is there when
# the others were judged.
again() { # 1|2 SPI COUNT: how many of them were accepted
	local g=G$1 before

	before=$(packets "${!g}" "$2")
	on "$P" "$XFRM_HA_DIR/selftests/oracle/esp-replay" -r /run/in.pcap -i br0 \
		-d "02:00:00:00:02:0$1" -S "$2" -n "$3" > /dev/null
	pings 1 > /dev/null
	wait_for 5 accepted "${!g}" "$2" $((before + 1)) > /dev/null
	echo $(($(packets "${!g}" "$2") - before - 1))
}

del() { # NAMESPACE SPI
	must batch "$1" "xfrm state del src 192.0.2.1 dst 192.0.2.9 proto esp spi $(($2 + 1))" \
		"xfrm state del src 192.0.2.9 dst 192.0.2.1 proto esp spi $(($2 + 2))"
}

twin() { # NAMESPACE SPI true|false
	[ "$(sa "$1" "$2" .twin)" = "$3" ]
}

count_is() { # NAMESPACE FIELD COUNT
	[ "$(group "$1" vpn "$2")" = "$3" ]
}

begins_anew() {
	no_sas
	for ns in "$G1" "$G2"; do
		must wait_for 10 count_is "$ns" sas 0
	done
}

ha_load
topology
oracle_start
links
groups vpn interval 4 quantity 400

# The active one's is deleted and added again with the same key; the standby knows better, and so does
# the node itself.
sas 0x1000 4 tunnel "$G1 $G2 $P" replay-window 32
policies 0x1000 4 tunnel
record /run/in
pings 100 10.1.0.1 0.005
must wait_for 5 mirrored "$G1" 0x1001
stopped "$recorder"
del "$G1" 0x1000
sas 0x1000 4 tunnel "$G1" replay-window 32
between "I1: an SA that comes again goes on above what was used" "$(sa "$G1" 0x1001 .oseq)" 100 20000
is "I2: with its edge" "$(sa "$G1" 0x1002 .seq)" 100
is "and its counts" "$(packets "$G1" 0x1002)" 100
is "I2: what was accepted is not accepted again" "$(again 1 0x1002 100)" 0
check "traffic as before" pings 20
must wait_for 5 mirrored "$G1" 0x1001

# The standby's, likewise: it holds what its peer told.
lease=$(sa "$G2" 0x1001 .oseq)
del "$G2" 0x1000
sas 0x1000 4 tunnel "$G2" replay-window 32
is "I1: on the standby, too" "$(sa "$G2" 0x1001 .oseq)" "$lease"
is "I2: with the edge" "$(sa "$G2" 0x1002 .seq)" "$(sa "$G1" 0x1002 .seq)"
is "and is held" "$(sa "$G2" 0x1001 .hold)" standby
must ha "$G2" takeover vpn wait 10
reroute 2
check "traffic there" pings 20
is "I2: and nothing is accepted again" "$(again 2 0x1002 100)" 0
oracle_verdict "I1: no number was used twice" 0x1001

# An SA comes to a gateway that has taken over already, and had heard of it.
must ha "$G1" takeover vpn wait 10
reroute 1
begins_anew
oracle_start
sas 0x1100 4 tunnel "$G1 $P" replay-window 64
policies 0x1100 4 tunnel
record /run/in
pings 60 10.1.0.1 0.005
must wait_for 5 mirrored "$G1" 0x1102
stopped "$recorder"
must wait_for 5 count_is "$G2" missing 2
check "M9: the active gateway can tell that its SAs have no twins" wait_for 5 count_is "$G1" peer_missing 2
check "of each" twin "$G1" 0x1101 false
refused "$G2" "SAs of the peer are missing" takeover vpn
refused "$G1" "are missing at the peer" release vpn
must ha "$G2" takeover vpn allow-missing wait 10
reroute 2
sas 0x1100 4 tunnel "$G2" replay-window 64
is "I2: the edge that the peer told" "$(sa "$G2" 0x1102 .seq)" 60
is "the packets that the peer told" "$(packets "$G2" 0x1102)" 60
check "traffic of it" pings 10
is "I2: nothing is accepted again" "$(again 2 0x1102 60)" 0
oracle_verdict "I1: no number was used twice" 0x1101
check "nothing is missing any more" wait_for 5 count_is "$G2" missing 0
check "as both say" wait_for 5 count_is "$G1" peer_missing 0
check "each has its twin" wait_for 5 twin "$G2" 0x1101 true

# One twin is deleted.
must ip -n "$G1" xfrm state del src 192.0.2.1 dst 192.0.2.9 proto esp spi 0x1101
check "M9: a twin that goes is missing" wait_for 5 count_is "$G1" missing 1
check "as both say" wait_for 5 count_is "$G2" peer_missing 1
refused "$G1" "1 SAs of the peer are missing" takeover vpn

# The same SPI gets a new key, first on the standby, then at the remote end, last on the active gateway.
must ha "$G1" takeover vpn allow-missing wait 10
reroute 1
begins_anew
sas 0x1200 4 tunnel "$G1 $G2 $P" replay-window 32
policies 0x1200 4 tunnel
check "300 packets with a key" pings 300 10.1.0.1 0.003
must wait_for 5 mirrored "$G1" 0x1202
KEY=0x$(printf '%040d' 987654321)
for ns in "$G2" "$P" "$G1"; do
	del "$ns" 0x1200
	sas 0x1200 4 tunnel "$ns" replay-window 32
done
check "another key" pings 20
must wait_for 5 mirrored "$G1" 0x1202
is "M1: the standby's edge is that of the new SA" "$(sa "$G2" 0x1202 .seq)" 20
must wait_for 5 twin "$G1" 0x1201 true
must ha "$G2" takeover vpn wait 10
reroute 2
check "N5: nothing is lost in a planned switchover" pings 100 10.1.0.1 0.005

# An SA that has a direction keeps to it: what a dump says can be installed again.
no_sas
dir=$XFRM_HA_DIR/selftests/lib/xfrm_dir.py
for ns in "$G1" "$G2"; do
	must on "$ns" "$dir" add 192.0.2.1 192.0.2.9 0x1301 out
	must on "$ns" "$dir" add 192.0.2.9 192.0.2.1 0x1302 in
done
must wait_for 5 twin "$G2" 0x1302 true
must wait_for 5 mirrored "$G2" 0x1302
for ns in "$G1" "$G2"; do
	is "an inbound SA has no outbound number" "$(sa "$ns" 0x1302 .oseq)" 0
	is "an outbound one has no edge" "$(sa "$ns" 0x1301 .seq)" 0
	check "what a dump says of it can be installed again" on "$ns" "$dir" again 192.0.2.1 0x1302
	check "the other way, too" on "$ns" "$dir" again 192.0.2.9 0x1301
done
no_sas

# The hard limit by time ends an SA on both gateways: a standby does not keep it, and a takeover does not
# revive it.
must ha "$G1" takeover vpn wait 10
reroute 1
sas 0x1400 4 tunnel "$G1 $G2" replay-window 32 limit time-hard 4
sas 0x1400 4 tunnel "$P" replay-window 32
policies 0x1400 4 tunnel
check "an SA that will end" pings 5
check "it ends on the active gateway" wait_for 20 count_is "$G1" sas 0
check "and on the standby" wait_for 20 count_is "$G2" sas 0

check "the module leaves" ha_unload
ktap_finished
