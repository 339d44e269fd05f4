#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# timeout: 200
#
# N9 I8: the module is loaded on a gateway whose SAs carry traffic already, and unloaded there:
# nothing is lost, and the SAs go on.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"

carried() { # packets of the SA to P, by the kernel's count
	ip -n "$G1" -s xfrm state get src 192.0.2.1 dst 192.0.2.9 proto esp spi 0x1001 |
		sed -n 's/.* \([0-9]*\)(packets).*/\1/p' | head -n 1
}

flows() { # SINCE: it has carried 50 more
	[ "$(carried)" -ge $(($1 + 50)) ]
}

topology
sas 0x1000 4 tunnel "$G1 $G2 $P" replay-window 32
policies 0x1000 4 tunnel
ip netns exec "$P" ping -q -n -i 0.001 -w 150 10.1.0.1 > /run/flow &
flow=$!
must wait_for 10 flows 0
for turn in 1 2 3; do
	ha_load
	check "loaded, $turn: packets go on" wait_for 10 flows "$(carried)"
	check "unloaded, $turn" ha_unload
	check "packets go on" wait_for 10 flows "$(carried)"
done
kill -INT $flow
wait $flow
check "nothing was lost" grep -q ' 0% packet loss' /run/flow
ktap_finished
