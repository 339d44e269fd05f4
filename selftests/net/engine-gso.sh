#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: ethtool iperf3 jq nft
# tap: any
# timeout: 720
#
# A1 A5 C4: what TCP sends in large packets through SAs of an engine device comes through, whoever
# segments it: the kernel, the SA's NIC (NETIF_F_GSO_ESP), or both (gso_partial_features, as
# mlx5). The decision is the kernel's for that NIC. None is dropped for what the NIC can't do, and
# none is encrypted by the kernel that the NIC can encrypt. Those of an SA in software are large until
# the kernel encrypts them, as without an engine device.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/espnic.sh"
. "$(dirname "$0")/../lib/engine.sh"

[ "$XFRM_HA_MACHINE" != uml-san ] && size=8M || size=2M

segments() { # DEV none|full|partial: who segments what the NIC is to encrypt
	must on "$A" ethtool -K "$1" tx-esp-segmentation off tso off tx-tcp6-segmentation off \
		tx-gso-partial off
	[ "$2" != partial ] || must on "$A" ethtool -K "$1" tx-gso-partial on
	[ "$2" = none ] || must on "$A" ethtool -K "$1" tso on tx-tcp6-segmentation on \
		tx-esp-segmentation on
}

stream() { # FROM TO: $size by TCP
	local server status

	ip netns exec "$B" iperf3 -s -1 -B "$2" > /run/server 2>&1 &
	server=$!
	wait_for 10 listens || return 1
	on "$A" timeout 100 iperf3 -c "$2" -B "$1" -n "$size" > /run/client 2>&1
	status=$?
	[ "$status" = 0 ] || sed 's/^/# /' /run/client
	stopped "$server"
	return "$status"
}

outputs() { # packets that the SAs have brought forth, however large
	on "$A" nft -j list counters | jq '[.nftables[].counter // empty | .packets] | add'
}

# Each number that the SA has given away was encrypted by the NIC, or none, and has come.
comes() { # NAME SPI nic|software FROM TO [LEAST: what it has segmented]
	local tx number came cut late out

	tx=$(nic nic0 tx_packets) cut=$(nic nic0 tx_segmented) late=$(eng .late) out=$(outputs)
	number=$(sa_number "$A" "$2") came=$(sa_packets "$B" "$2")
	check "$1: TCP" stream "$4" "$5"
	tx=$(($(nic nic0 tx_packets) - tx)) cut=$(($(nic nic0 tx_segmented) - cut))
	number=$(($(sa_number "$A" "$2") - number))
	out=$(($(outputs) - out))
	is "$1: none was late" $(($(eng .late) - late)) 0
	between "$1: $number numbers, large packets until then" $out 20 $((number * 9 / 10))
	[ "$3" = software ] || is "$1: all by the NIC" $tx $number
	[ "$3" != software ] || is "$1: all by the kernel" $tx 0
	all_came() {
		ask_packets "$B" "$2"
		[ $((REPLY - came)) = "$number" ]
	}
	check "$1: all have come" wait_for 5 all_came "$@"
	is "$1: no error" "A: $(xfrm_errors "$A")B: $(xfrm_errors "$B")" "A: B: "
	if [ "${6-}" ]; then
		between "$1: the NIC has segmented" $cut "$6" 1000000
	else
		is "$1: the NIC has segmented nothing" $cut 0
	fi
}

transport() { # 4|6: SAs 0x3001 there, 0x3002 back, between the outer addresses
	local to_b=" offload dev eng0 dir out" to_a=" offload dev eng0 dir in" ns
	local sa="mode transport aead rfc4106(gcm(aes)) $KEY 128 flag esn replay-window 2048"

	addresses 0 "$1"
	for ns in "$A" "$B"; do
		must batch "$ns" \
			"xfrm state add src $a dst $b proto esp spi 0x3001 $sa$to_b" \
			"xfrm state add src $b dst $a proto esp spi 0x3002 $sa$to_a"
		to_b='' to_a=''
	done
	for ns in "$A $a $b" "$B $b $a"; do
		# shellcheck disable=SC2086	# a list
		set -- $ns
		must batch "$1" \
			"xfrm policy add src $2 dst $3 proto tcp dir out tmpl proto esp mode transport" \
			"xfrm policy add src $3 dst $2 proto tcp dir in tmpl proto esp mode transport"
	done
}

espnic_load slots=8
ha_load
wires
engine
must ip -n "$A" link set nic1 nomaster
must ip -n "$W" link set wire1 down
on "$A" nft -f - <<-END || bail "no nft"
	table inet large {
		counter outputs { }
		chain out {
			type filter hook postrouting priority 0
			meta l4proto esp counter name outputs
		}
	}
END
offload=eng0
# Two CPUs overtake each other, by whole large packets.
tunnel 1 4 replay-window 2048
tunnel 2 6 flag esn replay-window 2048
must wait_for 20 all_at nic0 "$(spi_out 1)" "$(spi_out 2)"

for who in none full partial; do
	segments nic0 $who
	# Below a limit, it is for TCP to say whether some are small enough.
	cut=20 few=0
	[ $who != none ] || cut='' few=''
	comes "A5: $who, IPv4" "$(spi_out 1)" nic 10.1.0.1 10.2.0.1 $cut
	comes "A5: $who, IPv6, ESN" "$(spi_out 2)" nic fd01::2 fd02::2 $cut
	transport 4
	must wait_for 20 at 0x00003001 nic0
	comes "A5: $who, transport mode" 0x00003001 nic 192.0.2.1 192.0.2.2 $cut
	must batch "$A" "xfrm state delete src $a dst $b proto esp spi 0x3001" \
		"xfrm state delete src $b dst $a proto esp spi 0x3002"
	must batch "$B" "xfrm state delete src $a dst $b proto esp spi 0x3001" \
		"xfrm state delete src $b dst $a proto esp spi 0x3002"
	must batch "$A" "xfrm policy delete src $a dst $b proto tcp dir out" \
		"xfrm policy delete src $b dst $a proto tcp dir in"
	must batch "$B" "xfrm policy delete src $a dst $b proto tcp dir in" \
		"xfrm policy delete src $b dst $a proto tcp dir out"

	# Nobody knows of this limit but the NIC.
	must ip -n "$A" link set nic0 gso_max_segs 3
	comes "A5: $who, at most 3 segments" "$(spi_out 1)" nic 10.1.0.1 10.2.0.1 $few
	must ip -n "$A" link set nic0 gso_max_segs 65535
	must ip -n "$A" link set nic0 gso_max_size 4000
	comes "A5: $who, at most 4,000 octets" "$(spi_out 1)" nic 10.1.0.1 10.2.0.1 $few
	must ip -n "$A" link set nic0 gso_max_size 65536

	# It leaves its slot, and comes back, under traffic.
	must ha engine drain nic0
	must wait_for 10 all_at software "$(spi_out 1)"
	comes "C4: $who, in software" "$(spi_out 1)" software 10.1.0.1 10.2.0.1
	must ha engine undrain nic0
	must wait_for 20 all_at nic0 "$(spi_out 1)" "$(spi_out 2)"
done
ktap_finished
