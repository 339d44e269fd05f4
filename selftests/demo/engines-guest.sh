#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# In a guest: twelve tunnels of an engine device whose two NICs have two outbound slots each,
# under traffic that changes; see selftests/lib/engine.sh for who is there. What it prints is
# for selftests/demo/engines:
#
#	@@settings JSON		of the engine device
#	@@phase LABEL|MORE	it begins now
#	@@sample JSON		where each outbound SA is, its heat, and who served how many packets
#	@@flow JSON		a sender, at its end
#	@@end JSON		what was counted of errors, and by the NICs
#
# All traffic goes out of the gateway, so that a packet is an outbound SA's.

. "$XFRM_HA_DIR/selftests/lib/ktap.sh"
. "$XFRM_HA_DIR/selftests/lib/espnic.sh"
. "$XFRM_HA_DIR/selftests/lib/engine.sh"

set -o pipefail

TUNNELS=12 SLOTS=2 PERIOD=250	# ms
PHASE=6000 STEP=500		# ms: of a phase, between two samples
BACKGROUND=20			# packets/s of each tunnel, always

bail() { # ktap.sh's, for the other end of this line
	echo "@@bad $*"
	exit 1
}

now() { # ms
	echo $((${EPOCHREALTIME/[.,]/} / 1000))
}

# Sends through a tunnel until it is told to end, then says what has arrived.
flow() { # K RATE PORT
	local file=/run/flow-$1-$3

	"$XFRM_HA_DIR/selftests/oracle/esp-flow" -a "$A" -A "10.1.0.$1" -b "$B" -B "10.2.0.$1" \
		-p "$3" -n 1 -r "$2" > "$file" &
	flows+=("$1:$2:$!:$file")
	last=$!
}

# Beside the background. Each phase has its port, so that what is late is counted where it belongs.
hot() { # K:RATE...
	local each

	hot=()
	for each; do
		flow "${each%:*}" "${each#*:}" $((5000 + phase))
		hot+=("$last")
	done
}

shift_to() { # K:RATE...
	kill "${hot[@]}"
	hot "$@"
}

# As of one instant, or nearly so.
sample() {
	local at

	at=$(($(now) - start))
	# shellcheck disable=SC2016	# jq's
	on "$A" bash -c 'xfrm-ha -j engine show eng0; xfrm-ha -j engine nics eng0
		xfrm-ha -j cache show eng0' |
		jq -c -s --argjson at "$at" --argjson phase "$phase" '{at: $at, phase: $phase,
			hard: .[0][0].packets_hard, soft: .[0][0].packets_soft,
			nics: [.[1][] | {dev, state, used: .used_out}],
			sas: [.[2][] | select(.dir == "out") |
				{spi, dst, where, heat, rate, packets, moves}]}' |
		sed 's/^/@@sample /' || bail "no sample"
}

# At times that do not depend on how long what is between them takes.
until_next() {
	local left

	while left=$((next - $(now))) && ((left > 0)); do
		ktap_nap $((left < 900 ? left : 900))
	done
	next=$((next + STEP))
}

phase() { # LABEL MORE COMMAND...: it begins by that
	local end

	phase=$((phase + 1))
	end=$((start + PHASE * phase))
	echo "@@phase $1|$2"
	"${@:3}"
	while ((next <= end)); do
		until_next
		sample
	done
}

espnic_load slots=$SLOTS
ha_load
wires
engine
must ha engine set eng0 period $PERIOD
offload=eng0
for ((k = 1; k <= TUNNELS; k++)); do
	tunnel $k 4 replay-window 64
done
must wait_for 10 pings 1 4 1
ha -j engine show eng0 | jq -c --argjson slots $SLOTS --argjson background $BACKGROUND \
	'.[0] + {slots: $slots, background: $background}' | sed 's/^/@@settings /'

flows=() hot=() background=() phase=0
for ((k = 1; k <= TUNNELS; k++)); do
	flow $k $BACKGROUND 5000
	background+=("$last")
done
start=$(($(now) + STEP)) next=$start
until_next
sample
phase "1-4 hot" "tunnels 1 to 4 are to send 400 packets/s more each" hot 1:400 2:400 3:400 4:400
phase "5-8 hot" "5 to 8 instead" shift_to 5:400 6:400 7:400 8:400
phase "flash crowd" "9 to 12 instead, with 800, 450, 220 and 120 packets/s more" \
	shift_to 9:800 10:450 11:220 12:120
phase "nic1 down" "nic1 goes down, the traffic stays" must ip -n "$A" link set nic1 down
phase "nic1 up" "nic1 is there again, the traffic stays" must ip -n "$A" link set nic1 up

kill "${hot[@]}" "${background[@]}"
for each in "${flows[@]}"; do
	IFS=: read -r k rate pid file <<< "$each"
	wait "$pid" || bail "the sender of tunnel $k failed"
	read -r _ _ _ sent _ received _ _ _ duplicated _ < "$file" || bail "it has said nothing"
	echo "@@flow {\"tunnel\":$k,\"rate\":$rate,\"sent\":$sent,\"received\":$received," \
		"\"duplicated\":$duplicated}"
done
# shellcheck disable=SC2016	# jq's
ha -j engine show eng0 | jq -c --arg a "$(xfrm_errors "$A")" --arg b "$(xfrm_errors "$B")" \
	--argjson nic0 "$(nic nic0 tx_packets)" --argjson nic1 "$(nic nic1 tx_packets)" \
	--argjson dropped "$(($(nic nic0 tx_unknown_sa) + $(nic nic1 tx_unknown_sa) +
		$(nic nic0 tx_drop_link) + $(nic nic1 tx_drop_link)))" \
	'.[0] | {late, packets_hard, packets_soft, errors: ($a + $b), nic0: $nic0, nic1: $nic1,
		dropped: $dropped}' | sed 's/^/@@end /'
