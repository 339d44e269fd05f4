#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The rest of the world in one machine: "remote", the other end of the tunnels
# with its hosts, and "lan", the network behind the gateways. The oracle watches
# what goes between the gateways and the remote end. Commands come on stdin.
#
#   gw1 eth1 --- eth0 \                           / eth2 --- gw1 eth2
#                      wan  [netns remote]  [netns lan]  lan
#   gw2 eth1 --- eth1 /   192.0.2.9    10.1.0.10  \ eth3 --- gw2 eth2

. selftests/demo/common.sh

ip netns add remote
ip netns add lan
bridge() { # NETNS NAME ADDRESS DEV...
	ip -n "$1" link set lo up
	ip -n "$1" link add name "$2" type bridge
	for dev in "${@:4}"; do
		# Where esp4_offload is in the kernel a NIC's GRO decrypts before the bridge, and so
		# the oracle, sees the packet.
		ethtool -K "$dev" gro off
		ip link set "$dev" netns "$1"
		ip -n "$1" link set "$dev" master "$2"
		ip -n "$1" link set "$dev" up
	done
	ip -n "$1" link set "$2" up
	ip -n "$1" addr add "$3" dev "$2"
}
bridge remote wan 192.0.2.9/24 eth0 eth1
bridge lan lan 10.1.0.10/24 eth2 eth3
ip -n lan route add default via 10.1.0.1
ip -n remote route add 10.1.0.0/24 via 192.0.2.1
(
	ip() { command ip -n remote "$@"; }
	for t in $TUNNELS; do
		ip addr add "10.2.$t.1/32" dev lo
		tunnel "$t"
		ip xfrm policy add src "10.2.$t.1/32" dst 10.1.0.0/24 dir out \
			tmpl src 192.0.2.9 dst 192.0.2.1 proto esp reqid "$t" mode tunnel
		ip xfrm policy add src 10.1.0.0/24 dst "10.2.$t.1/32" dir in \
			tmpl src 192.0.2.1 dst 192.0.2.9 proto esp reqid "$t" mode tunnel
	done
)

cd selftests/oracle || exit
start() {
	ip netns exec remote ./wire-oracle -i wan -s /run/series -w /run/capture > /run/oracle &
	oracle=$!
	until grep -q ready /run/oracle; do
		kill -0 "$oracle" || exit
		read -r -t 0.05 <> <(:)
	done
	# Voice, 50 packets a second and flow, one tunnel each way; and a bulk flow.
	./esp-flow -a lan -A 10.1.0.10 -b remote -B 10.2.1.1 -p 5001 -n 4 -r 50 > /run/voice-out &
	./esp-flow -a remote -A 10.2.2.1 -b lan -B 10.1.0.10 -p 5002 -n 4 -r 50 > /run/voice-in &
	./esp-flow -a lan -A 10.1.0.10 -b remote -B 10.2.3.1 -p 5003 -n 1 -r 200 -s 1000 > /run/bulk &
	mapfile -t flows < <(jobs -p | grep -v "^$oracle$")
}

echo READY
while read -r what mac; do
	case $what in
	reach)
		until ip netns exec lan ping -q -c 1 -W 1 10.2.1.1 > /dev/null; do :; done
		;;
	start)
		start
		;;
	replay)
		cp /run/capture /run/recorded
		echo "REPLAYED $(ip netns exec remote ./esp-replay -r /run/recorded -i wan \
			-d "$mac" -S "$(spi 2 in)" -n 1000)"
		;;
	stop)
		kill "${flows[@]}" && wait "${flows[@]}"
		kill "$oracle"
		wait "$oracle"
		echo "ORACLE $?"
		sed 's/^/ORACLE /' /run/oracle
		for f in voice-out voice-in bulk; do
			sed "s/^/FLOW $f /" /run/$f
		done
		printf -v first '%08x' "$(spi 1 out)"
		sed -n "s/\(.*\) $first \(.*\)/SERIES \1 \2/p" /run/series
		;;
	esac
	echo "DONE $what"
done
