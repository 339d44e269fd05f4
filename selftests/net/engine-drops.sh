#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: ethtool jq
# timeout: 300
# tap: any
#
# A5 C4: a NIC that drops a frame now and then keeps its SAs. One that was reset is told them anew,
# some at a time, and has them all again after a few ticks.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/espnic.sh"
. "$(dirname "$0")/../lib/engine.sh"

debug=/sys/kernel/debug/espnic
count=200

used() { # COUNT: so many of nic0's outbound slots
	[ "$(nics nic0 .used_out)" = "$1" ]
}

ticked() { # COUNT: since $ticks
	[ "$(eng .ticks)" -ge $((ticks + $1)) ]
}

let_tick() { # COUNT
	ticks=$(eng .ticks)
	must wait_for 30 ticked "$1"
}

dropped() { # COUNT: so many frames are still to be dropped
	[ "$(cat "$debug/nic0/drop_tx")" -le "$1" ]
}

stays() { # TEXT: no SA has left its slot since $left
	is "A5: $1: no SA has left its slot" "$(($(eng .left) - left)) $(nics nic0 .used_out)" "0 $count"
	is "A5: $1: it was not distrusted" "$(nics nic0 .renewed)" 0
}

flow() { # INTERVAL: pings of tunnel 1, until stopped
	addresses 1 4
	ip netns exec "$A" ping -q -i "$1" -W 1 -I "$ia" "$ib" > /dev/null &
	pinger=$!
	before=$(nic nic0 tx_packets)
	must wait_for 10 flows
}

flows() {
	[ "$(nic nic0 tx_packets)" -ge $((before + 5)) ]
}

espnic_load slots=1024
ha_load
wires
engine
must ip -n "$A" link set nic1 nomaster
must ip -n "$W" link set wire1 down
must ha engine set eng0 period 100
must ha engine set eng0 swaps 32
offload=eng0
tunnel 1 4 replay-window 64
lines=()
for ((i = 2; i <= count; i++)); do
	lines+=("xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi $((0x1000 + i)) reqid $i \
		mode tunnel aead rfc4106(gcm(aes)) $KEY 128 offload dev eng0 dir out")
done
must batch "$A" "${lines[@]}" > /dev/null
must wait_for 30 used $count

#
# A frame now and then
#
left=$(eng .left)
flow 0.02
echo 1 > $debug/nic0/drop_tx
must wait_for 10 dropped 0
let_tick 5
stays "one frame is dropped"
for i in {1..5}; do
	echo 1 > $debug/nic0/drop_tx
	must wait_for 10 dropped 0
	let_tick 4
done
stays "one frame in some ticks"
stopped $pinger

# What was not given to an SA says nothing of SAs.
echo 20 > $debug/nic0/drop_tx
on "$A" ping -q -c 20 -i 0.02 -W 0.1 192.0.2.2 > /dev/null
let_tick 3
is "A5: frames of no SA: were dropped" "$(cat "$debug/nic0/drop_tx")" 0
stays "frames of no SA"

#
# A reset
#
must ha engine set eng0 period 2000
let_tick 1
adds=$(nic nic0 tx_adds)
flow 0.01
echo 1 > $debug/nic0/reset
told() {
	[ "$(nics nic0 .renewed)" = 1 ]
}
check "A5: a reset is seen" wait_for 30 told
ticks=$(eng .ticks)
anew() {
	used=$(nic nic0 tx_used)
	[ "$(nic nic0 tx_adds)" -ge $((adds + count)) ] && [ "$used" = "$count" ]
}
check "A5: all SAs are told anew" wait_for 30 anew
between "A5: some at a time, one after the other, not one group a tick" \
	$(($(eng .ticks) - ticks)) 0 3
is "A5: each of them once" "$(ha -j cache show eng0 |
	jq -c '[.[] | select(.dir == "out") | .moves] | unique')" "[2]"
before=$(nic nic0 tx_packets)
check "A5: the NIC encrypts again" wait_for 10 flows
stopped $pinger
is "A5: it was distrusted once" "$(nics nic0 .renewed)" 1

#
# Another reason than a reset: asked ever more rarely
#
must ha engine set eng0 period 100
let_tick 2
flow 0.01
echo 100000000 > $debug/nic0/drop_tx
before=$(nics nic0 .renewed)
let_tick 40
echo 0 > $debug/nic0/drop_tx
between "A5: all frames are dropped: it is told its SAs anew, ever more rarely" \
	$(($(nics nic0 .renewed) - before)) 1 6
stopped $pinger
check "C4: and all have their slots in the end" wait_for 30 used $count
must ip -n "$A" xfrm state flush
check "A5: no slot is used" wait_for 30 used 0
ktap_finished
