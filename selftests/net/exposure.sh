#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# timeout: 240
#
# M3 N2 N3, invariant I2: what a takeover costs inbound, by policy, and never more than is
# shown; the greatest quantity; an interval that follows the rate. What one gateway has
# accepted is sent to the other one once more, and what that lets through is counted.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"

# P's packets reach both gateways' wire; this sends the last COUNT of them to one of them.
again() { # 1|2 COUNT
	on "$P" "$XFRM_HA_DIR/selftests/oracle/esp-replay" -r /run/in.pcap -i br0 \
		-d "02:00:00:00:02:0$1" -S $((spi + 2)) -n "$2"
}

packets() { # NAMESPACE SPI: by the kernel's own count
	ip -n "$1" -s xfrm state get src 192.0.2.9 dst 192.0.2.1 proto esp spi "$2" |
		sed -n 's/.*(bytes), *\([0-9]*\)(packets).*/\1/p' | head -n 1
}

# The link is cut with packets unsaid, so that there is something to be lost or replayed:
# the standby knows the first 40 numbers, the active has accepted COUNT more.
unsaid() { # SPI COUNT POLICY [OPTION...]
	spi=$1
	sas "$spi" 4 tunnel "$G1 $G2 $P" replay-window 128
	policies "$spi" 4 tunnel
	for ns in "$G2" "$G1"; do
		must ha "$ns" group set vpn replay "$3"
	done
	role "$G1" vpn active || must ha "$G1" takeover vpn
	must wait_for 5 role "$G1" vpn active
	must wait_for 5 role "$G2" vpn standby
	reroute 1
	pings 40 10.1.0.1 0.005 > /dev/null
	wait_for 5 mirrored "$G1" $((spi + 2))
	is "$3: the standby knows" "$(sa "$G2" $((spi + 2)) .seq)" 40
	lost_max=$(sa "$G2" $((spi + 2)) .exposure_lost)
	replay_max=$(sa "$G2" $((spi + 2)) .exposure_replay)
	record /run/in
	must tc -n "$G1" qdisc add dev sync root netem loss 100%
	pings "$2" 10.1.0.1 0.005 > /dev/null
	must stopped "$recorder"
	must ip -n "$G1" link set sync down
	must wait_for 10 role "$G2" vpn active
	reroute 2
}

heal() {
	must tc -n "$G1" qdisc del dev sync root
	must ip -n "$G1" link set sync up
	must wait_for 20 role "$G1" vpn standby
	must wait_for 20 link_state "$G2" up
	no_sas
}

ha_load
topology
oracle_start
links
must ha "$G2" group add vpn role standby interval 16 on-peer-loss takeover
must ha "$G1" group add vpn role active interval 16 on-peer-loss takeover
must wait_for 5 role "$G1" vpn active

# Lenient: all of it can be replayed, nothing new is lost.
unsaid 0x1000 30 lenient
between "N3: lenient: what can be replayed is shown" "$replay_max" 30 1000
is "N3: and what can be lost: nothing" "$lost_max" 0
before=$(packets "$G2" 0x1002)
again 2 70
let_through=$(($(packets "$G2" 0x1002) - before))
between "I2: no more than that is let through" "$let_through" 1 "$replay_max"
is "I2: which is what was unsaid" "$let_through" 30
pings 20 10.1.0.1 0.005
heal

# Strict: what was unsaid can't be replayed as far as the bound goes, and as many are lost.
unsaid 0x2000 10 strict
between "N3: strict: what can be lost is shown" "$lost_max" 16 128
before=$(packets "$G2" 0x2002)
again 2 50
is "I2: nothing is let through" $(($(packets "$G2" 0x2002) - before)) 0
on "$P" ping -q -c 100 -i 0.005 -W 1 10.1.0.1 > /run/strict
read -r sent _ _ got _ < <(grep transmitted /run/strict)
between "N3: lost are no more than is shown ($lost_max)" $((sent - got)) 1 "$lost_max"
is "N3: which is what strict counts as seen, less what was unsaid" $((sent - got)) $((lost_max - 10))
heal

# A takeover moves the edge, which is no traffic: the next one costs no more. Outbound it skips the
# quantity each time: the remote end can follow as long as that is less than 2^32 in all.
spi=0x2800 most=16777216
for ns in "$G1" "$G2"; do
	must ha "$ns" group set vpn quantity $most
	refused "$ns" "out of range" group set vpn quantity $((most + 1))
done
must ha "$G1" takeover vpn
must wait_for 5 role "$G1" vpn active
reroute 1
sas $spi 4 tunnel "$G1 $G2 $P" replay-window 128 flag esn
policies $spi 4 tunnel
pings 40 10.1.0.1 0.005 > /dev/null
wait_for 5 mirrored "$G1" 0x2802
edge=$(sa "$G2" 0x2802 .seq)
lost_max=$(sa "$G2" 0x2802 .exposure_lost)
to=$G2 from=$G1
for _ in 1 2 3 4; do
	must ha "$to" takeover vpn force
	must wait_for 5 role "$to" vpn active
	must wait_for 5 role "$from" vpn standby
	wait_for 5 mirrored "$to" 0x2802
	between "N3: a takeover without traffic moves the edge by" \
		$(($(sa "$to" 0x2802 .seq) - edge)) 16 "$lost_max"
	edge=$(sa "$to" 0x2802 .seq)
	read -r to from <<<"$from $to"
done
on "$P" ping -q -c $((4 * lost_max)) -i 0.005 -W 1 10.1.0.1 > /dev/null
check "M3: the remote end follows what was skipped" pings 10
between "M3: which is the quantity four times" "$(sa "$G1" 0x2801 .oseq)" $((4 * most)) $((5 * most))
no_sas

# N2. A slow SA is mirrored packet by packet, a fast one is not, and none is late.
spi=0x3000
for ns in "$G2" "$G1"; do
	must ha "$ns" group set vpn interval auto quantity 0 replay lenient
done
sas $spi 4 tunnel "$G1 $G2 $P" replay-window 1024
policies $spi 4 tunnel
reroute 1
pings 5 10.1.0.1 0.02 > /dev/null
wait_for 5 mirrored "$G1" 0x3001
before=$(stat "$G1" record_out_tx)
again_before=$(stat "$G1" record_resent)
pings 50 10.1.0.1 0.02 > /dev/null
resent=$(($(stat "$G1" record_resent) - again_before))
between "N2: 50 packets, 50 a second: a record each" \
	$(($(stat "$G1" record_out_tx) - before)) 45 $((52 + resent))
between "N2: its interval" "$(sa "$G1" 0x3001 .interval)" 1 3
# However slow the machine: in 100 ms there are some.
must ha "$G1" group set vpn max-age 200
before=$(stat "$G1" record_out_tx)
on "$P" ping -q -f -c 5000 10.1.0.1 > /run/flood &
flood=$!
most=0
while kill -0 "$flood" 2>/dev/null; do
	now=$(sa "$G1" 0x3001 .interval)
	[ "$now" -le "$most" ] || most=$now
done
wait "$flood"
between "N2: the interval of a fast one" "$most" 4 1024
between "N2: and its records, for 5000 packets" $(($(stat "$G1" record_out_tx) - before)) 5 1300
check "all is acknowledged" wait_for 5 mirrored "$G1" 0x3001
oracle_verdict "I1: no number was used twice" 0x1001 0x2001 0x2801 0x3001
check "the module leaves" ha_unload
ktap_finished
