#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: ethtool iperf3 jq nft
# timeout: 480
# tap: any
#
# A3 C2: SAs move between software and the slots of two NICs while they carry as much as they can,
# in both directions, segments of large packets among it. No packet is lost, none is sent in
# clear, no number is used twice or left out. MOVES: how often each SA enters a slot (8). RATE:
# small packets per second, in each direction.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/espnic.sh"
. "$(dirname "$0")/../lib/engine.sh"

segments() { # from A to B, and what of it is large is cut on its way
	ip netns exec "$B" iperf3 -s -B 10.2.0.1 > /run/server 2>&1 &
	server=$!
	wait_for 10 listens
	ip netns exec "$A" iperf3 -c 10.2.0.1 -B 10.1.0.1 -t 3600 -b 30M > /run/client 2>&1 &
	client=$!
}

lost() { # packets that a wire has dropped: its ring was full
	local where sum=0

	for where in "$A nic0" "$A nic1" "$W wire0" "$W wire1"; do
		spawn -n "${where% *}" -r ethtool -S "${where#* }"
		[[ $REPLY =~ \ tx_drop_link:\ ([0-9]+) ]] || bail "$where: no tx_drop_link"
		sum=$((sum + BASH_REMATCH[1]))
	done
	echo "$sum"
}

came() { # all that A or B has sent, but for what the wires have dropped
	local sent came lost

	ask_number "$A" "$to_b"
	sent=$REPLY
	ask_number "$B" "$to_a"
	sent=$((sent + REPLY))
	lost=$(lost)
	say "$sent, of them $lost lost on the wire"
	ask_packets "$B" "$to_b"
	came=$REPLY
	ask_packets "$A" "$to_a"
	[ $((sent - lost)) -eq $((came + REPLY)) ]
}

moved() { # COUNT
	ask_cache "$to_b" .moves
	[ "$REPLY" -ge "$1" ] || return 1
	ask_cache "$to_a" .moves
	[ "$REPLY" -ge "$1" ]
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

# Nothing on the wires is decrypted: what is IPv4 there, and no ESP, is in clear.
clear() { # packets that were
	on "$W" nft -j list chain netdev quiesce clear |
		jq '[.. | .counter? | objects | .packets] | add'
}

espnic_load slots=2
ha_load
wires
engine
on "$W" nft -f - <<-'END' || bail "no nft"
	table netdev quiesce {
		chain clear {
			type filter hook ingress devices = { wire0, wire1, peer } priority 0
			ip protocol != esp counter
		}
	}
END
check "without IPsec: traffic" ping_all "$A" -c 5 -i 0.01 -W 5 192.0.2.2
is "without IPsec: it is seen in clear" "$(clear)" 10
# There are always packets in a NIC's queue.
for n in nic0 nic1; do
	must on "$A" tc qdisc add dev $n root netem delay 3ms limit 10000
done
# What has come to B waits for a CPU there, and is not dropped.
backlog=$(sysctl -n net.core.netdev_max_backlog)
at_exit sysctl -qw net.core.netdev_max_backlog="$backlog"
must sysctl -qw net.core.netdev_max_backlog=100000
times=${MOVES:-8}
rate=${RATE:-5000}
# Who sends to nobody hears of it: more packets.
for ns in "$A" "$B"; do
	on "$ns" nft -f - <<-'END'
		table ip quiet {
			chain in {
				type filter hook input priority 0
				udp dport 9 drop
			}
		}
	END
done
offload=eng0
to_b=$(spi_out 1) to_a=$(spi_in 1)

# As wide a window as can be: two CPUs that send by one SA overtake each other, with or without
# moves, and one may stand still for some time.
for kind in "replay-window 4096" "flag esn replay-window 4096"; do
	# shellcheck disable=SC2086	# a list
	tunnel 1 4 $kind
	check "$kind: traffic" pings 1 4 5
	: > /run/wire
	ip netns exec "$W" "$XFRM_HA_DIR/selftests/oracle/wire-oracle" -m 8192 -i peer > /run/wire &
	oracle=$!
	renice -n -15 -p $oracle > /dev/null
	must wait_for 5 grep -q ready /run/wire
	floods=()
	for way in "$A 10.1.0.1 10.2.0.1" "$B 10.2.0.1 10.1.0.1"; do
		# shellcheck disable=SC2086	# a list
		"$XFRM_HA_DIR/selftests/oracle/udp-flood" $way "$rate" &
		floods+=($!)
	done
	segments
	seen=$(clear) start=$(date +%s%N)
	check "C2: $kind: $times times into a slot and out of it" goes "$times"
	took=$(($(date +%s%N) - start))
	stopped $client $server "${floods[@]}"
	say "packets a second: $((($(sa_number "$A" "$to_b") + $(sa_number "$B" "$to_a")) * 1000 /
		(took / 1000000)))"
	check "C2: $kind: all have come" wait_for 10 came
	is "$kind: no errors" "$(xfrm_errors "$A")$(xfrm_errors "$B")" ""
	is "$kind: none went in clear" $(($(clear) - seen)) 0
	is "$kind: none came too late" "$(eng .late)" 0
	for n in nic0 nic1; do
		is "$kind: what $n was given it knew" "$(nic $n tx_unknown_sa)" 0
	done
	stopped $oracle
	status=$?
	sed 's/^/# /' /run/wire
	is "$kind: the wire oracle" $status 0
	ha engine show; ha engine nics; ha cache show
	no_tunnels
done
ktap_finished
