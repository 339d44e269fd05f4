#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: jq tcpdump tshark
# machines: uml
# tap: any
# timeout: 180
# shellcheck disable=SC2154	# dissect sets them
#
# M9 N4: Wireshark's dissector reads a capture of a link: with its key all of it, and what it reads is
# what the module says; without, or with another one, what is in clear, and says so.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"

FIELDS="kind spi dst group.name group.term hello.node final out bitmap authentic message malformed \
	not_decrypted forged"

# Sets each of FIELDS, and frames: its values, in all frames. One run: it takes long to start.
dissect() { # [KEY-FILE]: of the capture
	local args=() name n=0

	for name in $FIELDS; do
		args+=(-e "xfrm_ha.$name")
	done
	tshark -n -X "lua_script:$XFRM_HA_DIR/tools/wireshark/xfrm_ha.lua" \
		${1:+-o "xfrm_ha.key_file:$1"} -r /run/link.pcap -T fields -E occurrence=a \
		"${args[@]}" > /run/fields 2> /run/tshark || bail "$(cat /run/tshark)"
	check_not "the dissector has no error" grep -i "lua.*error" /run/tshark
	frames=$(wc -l < /run/fields)
	for name in $FIELDS; do
		n=$((n + 1))
		declare -g "${name/./_}=$(awk -F'\t' -v n=$n '{ print $n }' /run/fields | tr , '\n' | sed '/^$/d')"
	done
}

once() { # VALUES: each one once, in a line
	sort -u <<<"$1" | paste -sd,
}

count() { # VALUES
	grep -c . <<<"$1"
}

capture() { # begins; sets dump
	: > /run/tcpdump
	ip netns exec "$G1" tcpdump --immediate-mode -Uni sync -w /run/link.pcap \
		ether proto 0x88b5 2> /run/tcpdump &
	dump=$!
	must wait_for 10 grep -q listening /run/tcpdump
}

captured() { # all that was sent until now
	local sent=0 ns

	for ns in "$G1" "$G2"; do
		sent=$((sent + $(stat "$ns" frame_tx) + $(stat "$ns" hello_tx)))
	done
	must wait_for 20 in_file $sent
}

in_file() { # COUNT
	[ "$(tcpdump -nr /run/link.pcap 2>/dev/null | wc -l)" -ge "$1" ]
}

pair() { # OPTION...: a link of both gateways
	must ha "$G1" link add sync peer 02:00:00:00:01:02 heartbeat 100 dead 100 "$@"
	must ha "$G2" link add sync peer 02:00:00:00:01:01 heartbeat 100 dead 100 "$@"
	must wait_for 10 link_state "$G1" up
	must wait_for 10 link_state "$G2" up
}

ha_load
topology
key=/run/key
keygen $key
keygen /run/other
capture
pair key $key
groups vpn interval 1 bitmap on
sas 0x1000 4 tunnel "$G1 $G2 $P" replay-window 128 flag esn
sas 0x2000 6 tunnel "$G1 $G2 $P" replay-window 32
policies 0x1000 4 tunnel
must pings 10
must wait_for 10 mirrored "$G1" 0x1001
must wait_for 10 mirrored "$G1" 0x1002
must ha "$G2" takeover vpn
must wait_for 10 role "$G2" vpn active
must wait_for 10 role "$G1" vpn standby
captured
stopped $dump

dissect $key
between "frames" "$frames" 20 100000
is "nothing is malformed, nothing is left sealed" "$malformed$not_decrypted$forged" ""
is "each frame is authentic" "$(once "$authentic") $(count "$authentic")" "1 $frames"
is "SAs that were announced" "$(once "$spi")" \
	"$(once "$(ha "$G1" -j sa show | jq -r '.[].spi')")"
is "their destinations" "$(once "$dst")" "192.0.2.1,192.0.2.9"
is "the group" "$(once "$group_name")" vpn
is "its last term" "$(sort -n <<<"$group_term" | tail -n 1)" "$(group "$G2" vpn term)"
is "nodes" "$(once "$hello_node")" "$(once "$(for ns in "$G1" "$G2"; do
	printf '0x%08x\n' "$(ha "$ns" -j node show | jq '.[0].id')"
done)")"
between "outbound records" "$(grep -c '^0x0*1$' <<<"$kind")" 1 \
	$(($(stat "$G1" record_out_tx) + $(stat "$G2" record_out_tx)))
check "one was final: with the number that was used last" grep -qx 10 <<<"$out"
check "final" grep -qx 1 <<<"$final"
check "a window" grep -q '^0*1ff' <<<"$bitmap"
dissect /run/other
is "nothing is read with another key" "$(count "$message")" 0
is "which is said" "$(count "$not_decrypted")" $((frames - $(count "$hello_node")))
is "the HELLOs are not authentic" "$(once "$authentic") $(count "$forged")" "0 $(count "$hello_node")"

for ns in "$G1" "$G2"; do
	must ha "$ns" group del vpn
done
for ns in "$G1" "$G2"; do
	must ha "$ns" link del sync
done
capture
pair insecure
captured
stopped $dump
dissect
is "an insecure link" "$malformed$not_decrypted" ""
check "is read without a key" test "$(count "$message")" -gt 0

check "the module leaves" ha_unload
ktap_finished
