#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: ethtool jq
# timeout: 480
# tap: any
#
# A1 A2 A4 A5 C1 C3 C4: SAs of an engine device are in slots of its NICs, or in software, and
# their packets go right wherever they are, and whatever happens to the NICs.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/espnic.sh"
. "$(dirname "$0")/../lib/engine.sh"
. "$(dirname "$0")/../lib/failslab.sh"

debug=/sys/kernel/debug/espnic

used() { # DEV DIRECTION COUNT
	[ "$(nics "$1" ".used_$2")" = "$3" ]
}

hard() { # COUNT
	[ "$(eng .hard)" = "$1" ]
}

state() { # DEV STATE
	[ "$(nics "$1" .state)" = "$2" ]
}

why() { # SPI REASON
	[ "$(cache "$1" .why)" = "$2" ]
}

# Of ten pings through tunnel K the requests are encrypted by that NIC, or by none. So are the
# answers decrypted, unless they come by another NIC than the one that is to do it.
by() { # NIC|software K 4|6 [elsewhere]
	local tx rx n

	tx=$(($(nic nic0 tx_packets) + $(nic nic1 tx_packets)))
	rx=$(($(nic nic0 rx_packets) + $(nic nic1 rx_packets)))
	[ "$1" = software ] || n=$(nic "$1" tx_packets)
	pings "$2" "$3" 10 > /run/pings || return 1
	tx=$(($(nic nic0 tx_packets) + $(nic nic1 tx_packets) - tx))
	rx=$(($(nic nic0 rx_packets) + $(nic nic1 rx_packets) - rx))
	say "$tx encrypted and $rx decrypted by NICs"
	if [ "$1" = software ]; then
		[ $tx$rx = 00 ]
	else
		[ $tx -eq 10 ] && [ $(($(nic "$1" tx_packets) - n)) -eq 10 ] &&
			{ [ $rx -eq 10 ] || [ "${4-}" ]; }
	fi
}

# A NIC is taken out of the engine device here, and out of the aggregated link there.
cut_off() { # DEV
	must ip -n "$A" link set "$1" nomaster
	must ip -n "$W" link set "wire${1#nic}" down
}

plug_in() { # DEV
	must ip -n "$A" link set "$1" master eng0
	must ip -n "$W" link set "wire${1#nic}" up
	must wait_for 10 state "$1" up
}

hears_events() { # an SA goes to and fro until that is seen
	ha cache pin eng0 "$(spi_out 1)" nic nic0 && wait_for 5 at "$(spi_out 1)" nic0 &&
		ha cache pin eng0 "$(spi_out 1)" software &&
		wait_for 5 at "$(spi_out 1)" software && grep -q sa-moved /run/events
}

no_errors() {
	[ -z "$(xfrm_errors "$A")$(xfrm_errors "$B")" ] && [ "$(eng .late)" = 0 ]
}

espnic_load slots=2
ha_load
wires

#
# The device
#
engine
is "the NICs have its address" "$(ip -n "$A" -j link show | jq -r \
	'[.[] | select(.ifname | test("nic|eng")) | .address] | unique | join(" ")')" \
	02:00:00:00:00:01
must ip -n "$A" link set eng0 mtu 1400
is "and its MTU" "$(ip -n "$A" -j link show master eng0 | jq -r 'map(.mtu) | join(" ")')" "1400 1400"
must ip -n "$A" link set eng0 mtu 1500
check "without IPsec: ping" on "$A" ping -q -c 3 -i 0.01 192.0.2.2
check "without IPsec: ping to IPv6" on "$A" ping -q -c 3 -i 0.01 2001:db8::2
must ip -n "$A" link add eng1 type xfrm_engine
check "refused: an engine below an engine" denied "can't be another's NIC" \
	ip -n "$A" link set eng1 master eng0
check "refused: loopback" denied "Only Ethernet devices" ip -n "$A" link set lo master eng0
must ip -n "$A" link add busy0 type veth peer name busy1
must ip -n "$A" link add link busy0 busy2 type macsec
check "refused: a device in use" denied "another master or user" \
	ip -n "$A" link set busy0 master eng1
must ip -n "$A" link del busy0
for i in {1..8}; do
	must ip -n "$A" link add "many$i" type veth peer name "more$i"
	must ip -n "$A" link set "many$i" master eng1
	must ip -n "$A" link set "more$i" master eng1
done
must ip -n "$A" link add many9 type veth peer name more9
check "refused: a seventeenth NIC" denied "16 NICs at most" ip -n "$A" link set many9 master eng1
for i in {1..9}; do
	must ip -n "$A" link del "many$i"
done
must ip -n "$A" link set eng1 mtu 10000
must ip -n "$A" link add nic2 type espnic
check "refused: an MTU that the NIC can't have" denied "engine device's MTU" \
	ip -n "$A" link set nic2 master eng1
must ip -n "$A" link del nic2
must ha engine set eng0 adopt all
check "refused: two that adopt" refused "Another engine device adopts" \
	engine set eng1 period 77 adopt all
is "refused as a whole" "$(ha -j engine show eng1 | jq '.[0].period')" 1000
must ha engine set eng0 adopt off
must ha engine set eng1 adopt all
must ha engine set eng1 adopt off
check "refused: SAs of a device that is none" refused "no engine device of this name" \
	cache show nic0
check "refused: NICs of a device that is none" refused "no engine device of this name" \
	engine nics nic0
check "refused: a device that is none" refused "no engine device of this name" \
	engine set nic0 period 100
check "refused: a NIC that is none" refused "No engine device has a NIC" engine drain eng0
check "refused: an SA that is none" refused "no such SA" cache pin eng0 0x77 software
must ip -n "$A" link del eng1

#
# A full table is no error
#
must ha engine set eng0 period 100
offload=eng0
for k in 1 2 3 4 5 6; do
	tunnel $k 4 replay-window 64
done
check "C4: all are taken, as many as fit outbound are in slots" wait_for 10 hard 4
for k in 1 2 3 4 5 6; do
	check "A1: traffic of tunnel $k" pings $k 4 20
done
check "A1: slots of both NICs, and in both directions" wait_for 10 used nic0 out 2
check "A1: the other NIC" wait_for 10 used nic1 out 2
ha engine show; ha engine nics; ha cache show
is "C4: the rest in software" "$(ha -j cache show eng0 |
	jq '[.[] | select(.dir == "out" and .where == "software")] | length')" 2
check "A5: hardware and software, no error" no_errors
check "refused by the NIC, and counted" test "$(eng .refused)" -ge 2

#
# Where the user says
#
one=$(spi_out 1) back=$(spi_in 1)
must ha engine set eng0 swaps 1 threshold 1000000000
for where in nic0 nic1; do
	ha engine drain nic0; ha engine drain nic1
	must wait_for 10 hard 0
	must ha cache pin eng0 "$one" nic $where
	must ha cache pin eng0 "$back" nic $where
	ha engine undrain nic0; ha engine undrain nic1
	check "A2: pinned to $where" wait_for 10 at "$one" $where
	check "A2: its packets are encrypted there" by $where 1 4 elsewhere
done
must ha cache pin eng0 "$one" software
must ha cache pin eng0 "$back" software
check "A2: pinned to software" wait_for 10 all_at software "$one" "$back"
check "A2: its packets are encrypted by the kernel" by software 1 4
is "C3: why" "$(cache "$one" .why)" pinned
check "refused: a NIC that it has not" refused "has no such NIC" cache pin eng0 "$one" nic lo
add_sa "$A" 1 "$one" 2001:db8::1 2001:db8::2 offload dev eng0 dir out
check "refused: an SPI of two SAs" refused "say the address" cache pin eng0 "$one" software
check "one of them" ha cache pin eng0 "$one" address 2001:db8::2 software
must ip -n "$A" xfrm state delete src 2001:db8::1 dst 2001:db8::2 proto esp spi "$one"
must ha cache unpin eng0 "$one"
must ha cache unpin eng0 "$back"

#
# NICs that go, and come
#
ip netns exec "$A" "$XFRM_HA_DIR/tools/xfrm-ha" monitor > /run/events &
monitor=$!
check "A2: pinned to a NIC that is full, another one leaves" wait_for 10 hears_events
must ha cache unpin eng0 "$one"
must ha engine drain nic0
check "A1: drained" wait_for 10 used nic0 out 0
check "A1: drained, inbound too" wait_for 10 used nic0 in 0
check "traffic" pings 2 4 10
is "its state" "$(nics nic0 .state)" drained
must ha engine undrain nic0
must wait_for 10 used nic0 out 2
must ip -n "$A" link set nic0 down
is "down: its SAs are in software at once" "$(nics nic0 '"\(.state) \(.used_in) \(.used_out)"')" \
	"down 0 0"
for k in 1 2 3 4 5 6; do
	check "down: traffic of tunnel $k" pings $k 4 5
done
must ip -n "$A" link set nic0 up
check "up again" wait_for 10 used nic0 out 2
must ip -n "$W" link set wire1 down
check "without carrier" wait_for 10 state nic1 down
check "without carrier: traffic" pings 3 4 5
must ip -n "$W" link set wire1 up
check "with carrier" wait_for 10 used nic1 out 2
cut_off nic1
check "released: traffic" pings 4 4 5
is "released: it has its own address" \
	"$(ip -n "$A" -j link show nic1 | jq -r '.[0].address != "02:00:00:00:00:01"')" true
is "released: no SA stays there" "$(nic nic1 tx_used) $(nic nic1 rx_used)" "0 0"
plug_in nic1
check "enslaved again" wait_for 10 used nic1 out 2
check "all the time: no error" no_errors

check "notified: an SA has moved" wait_for 5 grep -q 'sa-moved.*eng0.*nic0.*0x0000' /run/events
check "notified: a NIC is down, and up" wait_for 5 grep -q 'nic-down.*nic1' /run/events
check "notified: and up" wait_for 5 grep -q 'nic-up.*nic1' /run/events
kill $monitor
wait $monitor

# A NIC that was reset knows its SAs no more. Inbound the kernel does it until that is seen.
cut_off nic1
must ha engine set eng0 threshold auto swaps 256
check "inbound: in slots" wait_for 10 used nic0 in 2
spi=$(ha -j cache show eng0 | jq -r '[.[] | select(.dir == "in" and .where == "nic0")][0].spi')
k=$((spi - 0x2000))
unknown=$(nic nic0 rx_unknown_sa)
must ha cache pin eng0 "$(spi_out "$k")" software
must wait_for 10 at "$(spi_out "$k")" software
echo 1 > $debug/nic0/reset
check "reset: inbound traffic" pings "$k" 4 5
between "reset: by the kernel, until that is seen" $(($(nic nic0 rx_unknown_sa) - unknown)) 1 100000
again() {
	pings "$k" 4 5 > /dev/null && [ "$(nic nic0 rx_used)" -ge 1 ] && at "$spi" nic0
}
check "reset: back in its slot" wait_for 10 again
no_tunnels
is "flushed: no slot is used" "$(nic nic0 tx_used) $(nic nic0 rx_used) $(nic nic1 tx_used) $(nic \
	nic1 rx_used)" "0 0 0 0"

#
# A NIC that comes gets its part of the outbound SAs, by weight
#
echo 64 > $debug/nic0/slots_tx
for k in {1..8}; do
	tunnel "$k" 4 replay-window 32
done
check "A1: all in the one NIC" wait_for 20 used nic0 out 8
echo 64 > $debug/nic1/slots_tx
plug_in nic1
check "A1: another one comes, and has half of them" wait_for 20 used nic1 out 4
is "A1: the first one has the others" "$(nics nic0 .used_out)" 4
check "A1: traffic" pings 5 4 10
must ha engine nic nic1 weight 3
check "A1: with its weight it has three of four" wait_for 20 used nic1 out 6
is "A1: and the other one has one of four" "$(nics nic0 .used_out)" 2
check "A1: traffic of each" pings 7 4 10
must ha engine nic nic1 weight 1
no_tunnels
cut_off nic1

#
# A driver that refuses for another reason than room
#
echo 95 > $debug/nic0/fail_add_errno
echo 2 > $debug/nic0/fail_add
tunnel 7 4 replay-window 32
check "refused: is in software" pings 7 4 5
check "C4: refused, and taken later" wait_for 20 all_at nic0 "$(spi_out 7)" "$(spi_in 7)"
check "and its packets are the NIC's" by nic0 7 4
plug_in nic1
no_tunnels

#
# All kinds
#
for kind in "4 replay-window 32" "4 flag esn replay-window 128" "6 replay-window 64" \
	"6 flag esn replay-window 256"; do
	# shellcheck disable=SC2086	# a list
	tunnel 8 $kind
	check "$kind: it is in slots" wait_for 20 at "$(spi_out 8)" hard
	check "$kind: traffic" pings 8 "${kind%% *}" 5
	check "$kind: inbound, too" wait_for 20 at "$(spi_in 8)" hard
	check "$kind: by hardware" by "$(where "$(spi_out 8)")" 8 "${kind%% *}"
	check "$kind: beyond the MTU" pings 8 "${kind%% *}" 3 -s 4000
	no_tunnels
done
check "no error" no_errors

#
# SAs that nobody has given to it (A4)
#
offload=
tunnel 9 4 replay-window 64
ticks=$(eng .ticks)
ticked() {
	[ "$(eng .ticks)" -gt $((ticks + 1)) ]
}
must wait_for 10 ticked
is "not adopted unless told" "$(eng .sas)" 0
must ha engine set eng0 adopt all
check "A4: adopted" wait_for 10 all_at hard "$(spi_out 9)"
tunnel 10 6 flag esn replay-window 64
check "A4: a new one is adopted" wait_for 10 all_at hard "$(spi_out 10)"
for k in 9 10; do
	[ $k = 9 ] && family=4 || family=6
	check "A4: traffic" pings "$k" "$family" 5
	check "A4: inbound as well" wait_for 10 at "$(spi_in "$k")" hard
	check "A4: by hardware" by "$(where "$(spi_out "$k")")" "$k" "$family"
done
must ha engine set eng0 adopt off
is "given back: not the device's" "$(eng .sas)" 0
check "given back: by software" by software 9 4
must ha engine set eng0 adopt all
check "A4: adopted again" wait_for 10 all_at hard "$(spi_out 9)" "$(spi_out 10)"
# What was given to the device dies with it; the adopted ones are their users'.
must ip -n "$A" link set eng0 down
is "the device goes down: they stay" "$(ip -n "$A" xfrm state count | grep -o '[0-9]*')" 4
must ip -n "$A" link set eng0 up
must ip -n "$A" link del eng0
is "deleted: they stay" "$(ip -n "$A" xfrm state count | grep -o '[0-9]*')" 4
is "no slot is used" "$(nic nic0 tx_used) $(nic nic0 rx_used) $(nic nic1 tx_used) $(nic \
	nic1 rx_used)" "0 0 0 0"
no_tunnels

#
# Out of memory: refused, or in software, and all is right again when there is some
#
if can_fail; then
	fail_in xfrm_ha
	refusals=0
	for n in {1..12}; do
		faults 100 "$n" 1
		ip -n "$A" link add eng0 type xfrm_engine 2> /dev/null || refusals=$((refusals + 1))
		faults 0 1 0
		ip -n "$A" link show eng0 > /dev/null 2>&1 ||
			must ip -n "$A" link add eng0 type xfrm_engine
		faults 100 "$n" 1
		ip -n "$A" link set nic0 master eng0 2> /dev/null || refusals=$((refusals + 1))
		faults 0 1 0
		must ip -n "$A" link set nic0 master eng0
		must ip -n "$A" link del eng0
	done
	between "no memory: refused" $refusals 2 24
	engine
	must ha engine set eng0 period 50
	offload=eng0
	tunnel 12 4 replay-window 32
	for n in {1..20}; do
		must ip -n "$A" xfrm state delete src "$a" dst "$b" proto esp spi "$(spi_out 12)"
		must ip -n "$B" xfrm state delete src "$a" dst "$b" proto esp spi "$(spi_out 12)"
		add_sa "$B" 12 "$(spi_out 12)" "$a" "$b" replay-window 32
		faults 100 "$n" 1
		ip -n "$A" xfrm state add src "$a" dst "$b" proto esp spi "$(spi_out 12)" reqid 12 \
			mode tunnel aead 'rfc4106(gcm(aes))' "$KEY" 128 replay-window 32 \
			offload dev eng0 dir out 2> /dev/null
		pings 12 4 3 > /dev/null
		faults 0 1 0
		[ "$(ip -n "$A" xfrm state list spi "$(spi_out 12)")" ] ||
			add_sa "$A" 12 "$(spi_out 12)" "$a" "$b" replay-window 32 \
				offload dev eng0 dir out
		pings 12 4 3 > /dev/null || fail "no memory: $n: no traffic"
	done
	check "no memory: in its slot after all" wait_for 20 at "$(spi_out 12)" hard
	no_tunnels
	must ip -n "$A" link del eng0
fi

# The module leaves while SAs are in slots and packets under way.
engine
offload=eng0
tunnel 11 4 replay-window 64
must wait_for 10 at "$(spi_out 11)" hard
ip netns exec "$A" ping -q -w 20 -i 0.002 -I 10.1.0.11 10.2.0.11 > /dev/null &
pinger=$!
check "unloaded under traffic" rmmod xfrm_ha
kill -KILL $pinger
wait $pinger 2>/dev/null
is "no device is left" "$(ip -n "$A" link show type xfrm_engine 2>/dev/null)" ""
