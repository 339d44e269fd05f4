#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: ethtool jq python3 tcpdump
# timeout: 480
# tap: any
#
# A3 C2: SAs move between software and the slots of two NICs while they carry as much as they can,
# in both directions, segments of large packets among it. No packet is lost, none is sent in
# clear, no number is used twice or left out. MOVES: how often each SA enters a slot (8).

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/espnic.sh"
. "$(dirname "$0")/../lib/engine.sh"

flood() { # NAMESPACE FROM TO: small packets, until /run/stop is there
	ip netns exec "$1" python3 - "$2" "$3" <<-'END'
		import os, socket, sys, time
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.bind((sys.argv[1], 9))
		s.connect((sys.argv[2], 9))
		while not os.path.exists('/run/stop'):
		    for i in range(50):
		        try:
		            s.send(b'5eb5eb' * 10)
		        except ConnectionRefusedError:
		            pass
		    time.sleep(0.002)
	END
}

segments() { # from A to B, and what of it is large is cut on its way
	ip netns exec "$B" iperf3 -s -B 10.2.0.1 > /run/server 2>&1 &
	server=$!
	wait_for 10 listens
	ip netns exec "$A" iperf3 -c 10.2.0.1 -B 10.1.0.1 -t 3600 -b 30M > /run/client 2>&1 &
	client=$!
}

lost() { # packets that a wire has dropped: its ring was full
	local i sum=0

	for i in 0 1; do
		sum=$((sum + $(nic nic$i tx_drop_link) + $(on "$W" ethtool -S wire$i |
			sed -n 's/^ *tx_drop_link: //p')))
	done
	echo $sum
}

numbers() { # NAMESPACE SPI: given to packets, outbound
	printf '%d\n' "$(ip -n "$1" -s xfrm state list proto esp spi "$2" |
		sed -n 's/.*oseq \(0x[0-9a-f]*\).*/\1/p' | head -n 1)"
}

came() { # all that A or B has sent, but for what the wires have dropped
	local sent=$(($(numbers "$A" "$to_b") + $(numbers "$B" "$to_a")))

	say "$sent, of them $(lost) lost on the wire"
	[ $((sent - $(lost))) -eq $(($(sa_packets "$B" "$to_b") + $(sa_packets "$A" "$to_a"))) ]
}

moved() { # COUNT
	[ "$(cache "$to_b" .moves)" -ge "$1" ] && [ "$(cache "$to_a" .moves)" -ge "$1" ]
}

# Twice to each of three places
goes() { # COUNT: round and round until both SAs have entered a slot so often
	local places=("nic nic0" software "nic nic1" software "nic nic0" "nic nic1") i

	for ((i = 0; i < 4 * $1; i++)); do
		# shellcheck disable=SC2086	# a list
		ha cache pin eng0 "$to_b" ${places[i % 6]} || return 1
		# The packets of the one direction come by one NIC.
		# shellcheck disable=SC2086
		ha cache pin eng0 "$to_a" ${places[(i + 3) % 6]} || return 1
		ktap_nap 30
		[ $((i % 25)) -ne 24 ] || ! moved "$1" || return 0
	done
	moved "$1"
}

espnic_load slots=2
ha_load
wires
engine
# There are always packets in a NIC's queue.
for n in nic0 nic1; do
	must on "$A" tc qdisc add dev $n root netem delay 3ms limit 10000
done
times=${MOVES:-8}
offload=eng0
to_b=$(spi_out 1) to_a=$(spi_in 1)

# A wide window: two CPUs that send by one SA overtake each other, with or without moves.
for kind in "replay-window 1024" "flag esn replay-window 1024"; do
	# shellcheck disable=SC2086	# a list
	tunnel 1 4 $kind
	check "$kind: traffic" pings 1 4 5
	rm -f /run/stop
	ip netns exec "$W" "$XFRM_HA_DIR/selftests/oracle/wire-oracle" -m 2048 -i peer > /run/wire &
	oracle=$!
	must wait_for 5 grep -q ready /run/wire
	flood "$A" 10.1.0.1 10.2.0.1 &
	floods=$!
	flood "$B" 10.2.0.1 10.1.0.1 &
	floods="$floods $!"
	segments
	start=$(date +%s%N)
	check "C2: $kind: $times times into a slot and out of it" goes "$times"
	took=$(($(date +%s%N) - start))
	kill $client $server
	touch /run/stop
	# shellcheck disable=SC2086	# a list
	wait $floods $client $server
	say "packets a second: $((($(numbers "$A" "$to_b") + $(numbers "$B" "$to_a")) * 1000 /
		(took / 1000000)))"
	check "C2: $kind: all have come" wait_for 10 came
	is "$kind: no errors" "$(xfrm_errors "$A")$(xfrm_errors "$B")" ""
	is "$kind: none came too late" "$(eng .late)" 0
	for n in nic0 nic1; do
		is "$kind: what $n was given it knew" "$(nic $n tx_unknown_sa)" 0
	done
	kill $oracle
	wait $oracle
	status=$?
	sed 's/^/# /' /run/wire
	is "$kind: the wire oracle" $status 0
	ha engine show; ha engine nics; ha cache show
	no_tunnels
done
