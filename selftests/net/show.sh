#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: ethtool jq python3
# timeout: 240
#
# M9: what the tool shows. JSON is what the schema says, for every command and with every key that
# may be absent. What is to be known of an SA is said in a word, and all that is well looks well.
#
#   G1, G2, P as ever, wan being engine devices; F with a forwarder by filters of the test NIC

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/espnic.sh"
. "$(dirname "$0")/../lib/ha.sh"

tool=$XFRM_HA_DIR/tools/xfrm-ha/xfrm-ha
out=/run/out
mkdir "$out"

shown() { # NAMESPACE COMMAND...: what it writes is kept for the end
	ha "$1" -j "${@:2}" >> "$out/$2${3+ $3}" || bail "failed: ${*:2}"
}

state() { # NAMESPACE SPI
	sa "$1" "$2" .state
}

state_is() { # NAMESPACE SPI STATE
	[ "$(state "$1" "$2")" = "$3" ]
}

row() { # NAMESPACE SPI: as text; the columns of state, behind, ms
	ha "$1" sa show | awk -v spi="$(printf 0x%08x "$2")" '
		NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i }
		$2 == spi { print $at["state"], $at["behind"], $at["ms"] }'
}

in_slot() {
	[ "$(sa "$G1" 0x1101 .nic)" = nic ]
}

later() { # than SECOND
	[ "$(date +%s)" -gt "$1" ]
}

clock() { # SECONDS: it is put on or back
	must date -s "$1 sec" > /dev/null
}

queues() {
	on "$F" "$tool" forwarder stat nic0 >/dev/null 2>&1
}

espnic_load slots=8
ha_load
topology engine
"$tool" -N "$G1" -j monitor > "$out/monitor" &
monitor=$!
shown "$G1" version
shown "$G1" status
must ha "$G1" engine set wan period 100
shown "$G1" engine show
must ha "$G1" engine nic nic slots-in 4 slots-out 4
# Without a link, and so without a peer
must ha "$G1" group add lone role active join 0 reqid 7 mark 1/0xff if_id 9 interval auto
must wait_for 10 role "$G1" lone active
links
groups vpn address 192.0.2.1 reqid 5

# Rekeyed: the newer ones carry the traffic.
REQID=5 sas 0x1000 4 tunnel "$G1 $G2 $P"
must wait_for 10 later "$(date +%s)"
REQID=5 OFFLOAD=wan sas 0x1100 4 tunnel "$G1 $G2"
REQID=5 sas 0x1100 4 tunnel "$P"
policies 5 4 tunnel
must ip -n "$G1" xfrm state add src 192.0.2.1 dst 192.0.2.9 proto esp spi 0x1201 reqid 7 \
	mode tunnel mark 1 mask 0xff if_id 9 aead 'rfc4106(gcm(aes))' "$KEY" 128
check "packets" pings 10
must wait_for 20 in_slot
must wait_for 20 in_sync "$G1" "$G2"
must wait_for 10 mirrored "$G1" 0x1101
check "M9: mirrored" wait_for 10 state_is "$G1" 0x1101 mirrored
is "M9: with a distance" "$(row "$G1" 0x1101)" "mirrored 0 0"
is "M9: held, as it should be" "$(state "$G2" 0x1101)" standby
is "M9: a rekeyed SA is not stale at once" "$(state "$G1" 0x1001) $(state "$G2" 0x1001)" \
	"mirrored standby"
is "M9: but it is told that there is a newer one" \
	"$(sa "$G1" 0x1001 .replaced) $(sa "$G1" 0x1101 .replaced)" "$(sa "$G1" 0x1101 .added) null"
is "M9: without a peer nothing looks like an alarm" "$(row "$G1" 0x1201)" "alone - -"
must ip -n "$G1" xfrm state add src 192.0.2.1 dst 192.0.2.9 proto esp spi 0x1301 reqid 5 \
	mode tunnel aead 'rfc4106(gcm(aes))' "$KEY" 128
is "M9: the peer has not got it" "$(state "$G1" 0x1301)" unmirrored
must ip -n "$G1" xfrm state delete src 192.0.2.1 dst 192.0.2.9 proto esp spi 0x1301

clock +70
at_exit clock -70
is "M9: after a while it is stale" "$(state "$G1" 0x1001) $(state "$G2" 0x1001)" "stale stale"
is "M9: those that replaced it are not" "$(state "$G1" 0x1101) $(state "$G2" 0x1101)" \
	"mirrored standby"
must ip -n "$G1" xfrm state delete src 192.0.2.9 dst 192.0.2.1 proto esp spi 0x1102
check "M9: so is what the active gateway has no more" wait_for 10 state_is "$G2" 0x1102 stale

must ha "$G1" engine set wan threshold 5 bonus 6 adopt group vpn
must ha "$G1" cache pin wan 0x1101 software
must ha "$G1" group add ordered role standby reqid 8
must ha "$G1" takeover ordered
must wait_for 10 role "$G1" ordered active
shown "$G1" top interval 1
mv "$out/top interval" "$out/top"
for command in "link show" "group show" "sa show" "stat show" "node show" "engine show" \
	"engine nics" "cache show"; do
	# shellcheck disable=SC2086	# words
	shown "$G1" $command
	# shellcheck disable=SC2086
	shown "$G2" $command
done

netns F
must ip -n "$F" link add nic0 address 02:00:00:00:04:01 type espnic
must ip -n "$F" link add link nic0 name nic1 type espnic
must ip -n "$F" addr add 192.0.2.1/24 dev nic0
must ip -n "$F" link set nic0 up
must on "$F" ethtool -K nic0 ntuple on
must ip -n "$F" xfrm state add src 192.0.2.9 dst 192.0.2.1 proto esp spi 0x1001 mode tunnel \
	aead 'rfc4106(gcm(aes))' "$KEY" 128
ip netns exec "$F" "$tool" -j forwarder run nic0 queues 1-2 > "$out/forwarder run" &
forwarder=$!
must wait_for 20 queues
for command in show workers stat; do
	shown "$F" forwarder $command nic0
done
check "SIGTERM ends it with 0" stopped "$forwarder"
must ha "$G1" group del lone
must ha "$G1" link set sync batch 0
told() {
	grep -q '"link-set"' "$out/monitor"
}
must wait_for 10 told
stopped "$monitor"

"$tool" commands > /run/commands
check "M9: JSON is as its schema says" "$XFRM_HA_DIR/selftests/lib/schema.py" \
	"$XFRM_HA_DIR/docs/xfrm-ha.schema.json" /run/commands "$out"
check "the module leaves" ha_unload
ktap_finished
