#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: ethtool jq
# timeout: 720
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
	ask_nics "$1" ".used_$2"
	[ "$REPLY" = "$3" ]
}

ask_both() { # COUNTER: of the two NICs
	local n

	ask_nic nic0 "$1"
	n=$REPLY
	ask_nic nic1 "$1"
	REPLY=$((n + REPLY))
}

both() { # COUNTER
	ask_both "$1"
	echo "$REPLY"
}

state() { # DEV STATE
	ask_nics "$1" .state
	[ "$REPLY" = "$2" ]
}

ticked() { # COUNT: since $ticks
	ask_eng .ticks
	[ "$REPLY" -ge $((ticks + $1)) ]
}

why() { # SPI REASON
	ask_cache "$1" .why
	[ "$REPLY" = "$2" ]
}

look() { # of each NIC: what it has encrypted and decrypted, in tx and rx
	local n

	for n in 0 1; do
		spawn -n "$A" -r ethtool -S "nic$n"
		[[ $REPLY =~ \ tx_packets:\ ([0-9]+) ]] && tx[n]=${BASH_REMATCH[1]}
		[[ $REPLY =~ \ rx_packets:\ ([0-9]+) ]] && rx[n]=${BASH_REMATCH[1]}
	done
}

# Of ten pings through tunnel K the requests are encrypted by that NIC, or by none. So are the
# answers decrypted, unless they come by another NIC than the one that is to do it.
by() { # NIC|software K 4|6 [elsewhere]
	local tx rx tx_before rx_before encrypted decrypted n=${1#nic}

	look
	tx_before=("${tx[@]}") rx_before=("${rx[@]}")
	pings "$2" "$3" 10 > /run/pings || return 1
	look
	encrypted=$((tx[0] + tx[1] - tx_before[0] - tx_before[1]))
	decrypted=$((rx[0] + rx[1] - rx_before[0] - rx_before[1]))
	say "$encrypted encrypted and $decrypted decrypted by NICs"
	if [ "$1" = software ]; then
		[ "$encrypted$decrypted" = 00 ]
	else
		[ "$encrypted" -eq 10 ] && [ $((tx[n] - tx_before[n])) -eq 10 ] &&
			{ [ "$decrypted" -eq 10 ] || [ "${4-}" ]; }
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

drained() { # DEV
	ha engine drain "$1" && wait_for 10 used "$1" out 0 && wait_for 10 used "$1" in 0
}

resumed() { # DEV COUNT
	ha engine undrain "$1" && wait_for 10 used "$1" out "$2"
}

comes_back() { # DEV COUNT
	plug_in "$1"
	wait_for 20 used "$1" out "$2"
}

hears_events() { # an SA goes to and fro until that is seen
	ha cache pin eng0 "$(spi_out 1)" nic nic0 && wait_for 5 at "$(spi_out 1)" nic0 &&
		ha cache pin eng0 "$(spi_out 1)" software &&
		wait_for 5 at "$(spi_out 1)" software && grep -q sa-moved /run/events
}

ask_events() { # EVENT
	spawn -r grep -c "event  *${1// /  *} *\$" /run/events
}

events() { # EVENT: how many such there were
	ask_events "$1"
	echo "$REPLY"
}

more_events() { # EVENT: than $before
	ask_events "$1"
	[ "$REPLY" -gt "$before" ]
}

tells() { # EVENT ARG...: the command is done, and an event says so
	ask_events "$1"
	before=$REPLY
	ha "${@:2}" && wait_for 5 more_events "$1"
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
must ip -n "$A" link add bond0 type bond
check "refused: a bond" denied "does ESP offload for its own SAs only" \
	ip -n "$A" link set bond0 master eng1
must ip -n "$A" link del bond0
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
must ha engine pin eng0 "$one" software
must ha cache pin eng0 "$back" software
check "A2: pinned to software" wait_for 10 all_at software "$one" "$back"
check "A2: its packets are encrypted by the kernel" by software 1 4
is "C3: why" "$(cache "$one" .why)" pinned
check "refused: a NIC that it has not" refused "has no such NIC" cache pin eng0 "$one" nic lo
add_sa "$A" 1 "$one" 2001:db8::1 2001:db8::2 offload dev eng0 dir out
check "refused: an SPI of two SAs" refused "say the address" cache pin eng0 "$one" software
check "one of them" ha cache pin eng0 "$one" address 2001:db8::2 software
must ip -n "$A" xfrm state delete src 2001:db8::1 dst 2001:db8::2 proto esp spi "$one"
must ha engine unpin eng0 "$one"
must ha cache unpin eng0 "$back"

#
# NICs that go, and come
#
ip netns exec "$A" "$XFRM_HA_DIR/tools/xfrm-ha/xfrm-ha" monitor > /run/events &
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
for k in 1 2 3 4 5 6; do
	[ "$(where "$(spi_out "$k")")" != nic1 ] || break
done
# When it has just told of one device, the kernel waits for a second with what it tells of others.
must ip -n "$A" link add link0 type veth peer name link1
must ip -n "$A" link set link0 up
must ip -n "$A" link set link1 up
told() {
	[ "$(ip -n "$A" -j link show link0 | jq -r '.[0].operstate')" = UP ]
}
must wait_for 5 told
sent=$(sa_packets "$B" "$(spi_out "$k")")
must ip -n "$W" link set wire1 down
pings "$k" 4 10
is "without carrier: what is sent goes the other way at once" \
	"$(($(sa_packets "$B" "$(spi_out "$k")") - sent))" 10
must ip -n "$A" link del link0
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
while IFS=: read -r event words; do
	# shellcheck disable=SC2086	# a list
	check "notified:$words" tells "$event" $words
done <<-END
	engine-set dev eng0: engine set eng0 rise 255
	engine-set dev eng0: engine set eng0 rise 256 adopt off
	nic-set dev eng0 nic nic1: engine nic nic1 slots-out 2 slots-in 2
	nic-set dev eng0 nic nic1: engine nic nic1 slots-out any slots-in any weight 1
	nic-set dev eng0 nic nic1: engine drain nic1
	nic-set dev eng0 nic nic1: engine undrain nic1
	sa-pinned dev eng0 nic nic0 spi $one: cache pin eng0 $one nic nic0
	sa-pinned dev eng0 spi $one: cache pin eng0 $one software
	sa-unpinned dev eng0 spi $one: cache unpin eng0 $one
END
pins=$(grep -c sa-pinned /run/events)
check "refused: no such SA" refused "no such SA" cache pin eng0 0x77 software
check "notified: what was not refused" tells "sa-pinned dev eng0 spi $one" \
	cache pin eng0 "$one" software
is "and that only" "$(grep -c sa-pinned /run/events)" $((pins + 1))
ha cache unpin eng0 "$one"
stopped $monitor

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
must ha cache pin eng0 "$(spi_out "$k")" nic nic0
must wait_for 10 at "$(spi_out "$k")" nic0
renewed=$(nics nic0 .renewed)
echo 1 > $debug/nic0/reset
knows() {
	pings "$k" 4 3 > /dev/null && by nic0 "$k" 4 elsewhere
}
check "reset: outbound, it is seen that packets are dropped" wait_for 20 knows
between "reset: and the NIC was told its SAs anew" $(($(nics nic0 .renewed) - renewed)) 1 2

# Each time that it drops packets soon again it is trusted for longer, unless those are far more.
renewed=$(nics nic0 .renewed)
addresses "$k" 4
ip netns exec "$A" ping -q -i 0.02 -I "$ia" "$ib" > /dev/null &
pinger=$!
while :; do
	echo 1 > $debug/nic0/reset
	ktap_nap 20
done &
resetter=$!
doubted() {
	[ "$(nics nic0 .renewed)" -ge $((renewed + 5)) ]
}
check "resets without end: it is told its SAs anew" wait_for 20 doubted
stopped "$resetter" "$pinger"
# Ticks so long that far more come in one, on a slow machine too.
must ha engine set eng0 period 1000
renewed=$(nics nic0 .renewed) ticks=$(eng .ticks)
many_more() {
	echo 1 > "$debug/nic0/reset"
	on "$A" ping -q -i 0.002 -c 300 -W 1 -I "$ia" "$ib" > /dev/null
	[ "$(nics nic0 .renewed)" -gt "$renewed" ]
}
check "reset: far more packets are dropped" wait_for 20 many_more
between "reset: and that is seen at once, not 32 ticks later" $(($(eng .ticks) - ticks)) 0 20
must ha engine set eng0 period 100
check "reset: it knows its SAs" wait_for 20 knows

# Packets that the NIC never does: it is not offered their SA again and again. After so many resets
# that may wait for long, but not if it is pinned.
must ha cache pin eng0 "$spi" nic nic0
must wait_for 20 by nic0 "$k" 4
must ha cache unpin eng0 "$spi"
moves=$(cache "$spi" .moves) ticks=$(eng .ticks)
echo 1000000 > $debug/nic0/leave_rx
check "left to the kernel: inbound traffic" pings "$k" 4 300
say "$(($(eng .ticks) - ticks)) ticks"
between "left to the kernel: it has entered a slot anew" $(($(cache "$spi" .moves) - moves)) 1 7
echo 0 > $debug/nic0/leave_rx
check "left to the kernel no more: it is in its slot" wait_for 20 again
no_tunnels
no_slots() {
	[ "$(both tx_used) $(both rx_used)" = "0 0" ]
}
check "flushed: no slot is used" wait_for 10 no_slots

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
must wait_for 20 used nic0 out 4
for n in nic0 nic1; do
	echo 64 > $debug/$n/slots_rx
	must ha engine nic $n slots-in any
done
# None is lost meanwhile. All that B sends comes by one NIC: it is the other one that goes.
must pings 1 4 5
must wait_for 10 at "$(spi_in 1)" hard
[ "$(where "$(spi_in 1)")" = nic0 ] && goes=nic1 || goes=nic0
for k in {1..8}; do
	[ "$(where "$(spi_out "$k")")" != "$goes" ] || break
done
for n in nic0 nic1; do
	check "A1: $n is drained, no ping is lost" undisturbed "$k" drained $n
	check "A1: and is not any more" undisturbed "$k" resumed $n 4
done
check "A1: a NIC is taken away, no ping is lost" undisturbed "$k" cut_off "$goes"
check "A1: it comes back" undisturbed "$k" comes_back "$goes" 4
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
no_tunnels

# What is pinned to a full NIC, and refused, costs no other SA its slot.
echo 4 > $debug/nic0/slots_tx
for k in {1..6}; do
	tunnel "$k" 4 replay-window 32
done
must wait_for 20 used nic0 out 4
echo 12 > $debug/nic0/fail_add_errno
spi_out 7 > $debug/nic0/fail_add_spi
echo 1000000 > $debug/nic0/fail_add
tunnel 7 4 replay-window 32
must ha cache pin eng0 "$(spi_out 7)" nic nic0
fewest=4 used=4 ticks=$(eng .ticks) refused=$(nics nic0 .refused)
ebbs() { # two looks in a row: while a tick is under way one may be out and the next one not in yet
	earlier=$used used=$(nics nic0 .used_out)
	lasting=$((used > earlier ? used : earlier))
	fewest=$((lasting < fewest ? lasting : fewest))
	[ "$(eng .ticks)" -ge $((ticks + 24)) ]
}
must wait_for 20 ebbs
between "C4: pinned and refused: now and then" $(($(nics nic0 .refused) - refused)) 2 16
between "C4: at most one has left meanwhile" $fewest 3 4
check "C4: and is back" wait_for 10 used nic0 out 4
echo 0 > $debug/nic0/fail_add
echo 0 > $debug/nic0/fail_add_spi
check "C4: refused no more: it has a slot" wait_for 20 at "$(spi_out 7)" nic0
echo 64 > $debug/nic0/slots_tx
plug_in nic1
no_tunnels

# What one NIC can't do is the other's.
for errno in 22 95; do
	echo $errno > $debug/nic1/fail_add_errno
	echo 1000000 > $debug/nic1/fail_add
	for k in {1..6}; do
		tunnel "$k" 4 replay-window 32
	done
	check "A1: errno $errno of the one NIC: all are in the other" wait_for 20 used nic0 out 6
	must ha engine nic nic1 weight 2
	ticks=$(eng .ticks) entered=$(eng .entered)
	must wait_for 10 ticked 6
	is "A1: and stay there" "$(nics nic0 .used_out) $(($(eng .entered) - entered))" "6 0"
	echo 0 > $debug/nic1/fail_add
	no_tunnels
	must ha engine nic nic1 weight 1
done
tunnel 7 4 replay-window 32
tunnel 8 4 replay-window 32
check "A1: it can: it has its part again" wait_for 20 used nic1 out 1
no_tunnels

#
# All kinds
#
transport() { # K 4|6 [OPTION...]: between the outer addresses
	local k=$1 to_b=(offload dev eng0 dir out) to_a=(offload dev eng0 dir in) ns

	addresses "$1" "$2"
	shift 2
	for ns in "$A" "$B"; do
		must ip -n "$ns" xfrm state add src "$a" dst "$b" proto esp spi "$(spi_out "$k")" \
			mode transport aead 'rfc4106(gcm(aes))' "$KEY" 128 "$@" "${to_b[@]}"
		must ip -n "$ns" xfrm state add src "$b" dst "$a" proto esp spi "$(spi_in "$k")" \
			mode transport aead 'rfc4106(gcm(aes))' "$KEY" 128 "$@" "${to_a[@]}"
		to_b=() to_a=()
	done
	between_ends "$A" "$a" "$b"
	between_ends "$B" "$b" "$a"
}

between_ends() { # NAMESPACE OWN OTHER: transport mode
	must ip -n "$1" xfrm policy add src "$2" dst "$3" dir out tmpl proto esp mode transport
	must ip -n "$1" xfrm policy add src "$3" dst "$2" dir in tmpl proto esp mode transport
}

for kind in "4 replay-window 64" "6 flag esn replay-window 128"; do
	# shellcheck disable=SC2086	# a list
	transport 8 $kind
	check "transport, $kind: it is in slots" wait_for 20 at "$(spi_out 8)" hard
	addresses 8 "${kind%% *}"
	tx=$(nic "$(where "$(spi_out 8)")" tx_packets)
	check "transport, $kind: traffic" on "$A" ping -q -c 10 -i 0.01 -W 2 "$b"
	is "transport, $kind: by hardware" \
		$(($(nic "$(where "$(spi_out 8)")" tx_packets) - tx)) 10
	check "transport, $kind: inbound, too" wait_for 20 at "$(spi_in 8)" hard
	check "transport, $kind: beyond the MTU" on "$A" ping -q -c 3 -i 0.01 -W 2 -s 4000 "$b"
	no_tunnels
done

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
must wait_for 10 ticked 2
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
# In software it is the kernel's alone: what no policy speaks of does not come in by it.
must ha cache pin eng0 "$(spi_in 9)" software
must wait_for 10 at "$(spi_in 9)" software
addresses 9 4
must ip -n "$B" addr add 10.2.0.99/32 dev lo
policy "$B" 9 out 10.2.0.99 "$ia" "$b" "$a"
check_not "A4: inner addresses that no policy covers" on "$B" ping -q -c 3 -i 0.01 -W 0.1 \
	-I 10.2.0.99 "$ia"
is "A4: dropped, as if it were not adopted" "$(xfrm_errors "$A")" "XfrmInNoPols=3 "
must ha cache unpin eng0 "$(spi_in 9)"
must ha group add some reqid 10 role active
must ha engine set eng0 adopt group some
check "A4: only those of a group" wait_for 10 all_at hard "$(spi_out 10)"
is "A4: no others" "$(eng '"\(.sas) \(.adopt) \(.adopt_group)"')" "2 group some"
check "A4: of a group, traffic" pings 10 6 5
must ha engine set eng0 adopt group other
ticks=$(eng .ticks)
must wait_for 10 ticked 2
is "A4: of a group that is none" "$(eng .sas)" 0
must ha group del some
must ha engine set eng0 adopt all
must wait_for 10 all_at hard "$(spi_out 9)" "$(spi_out 10)"
must ha engine set eng0 adopt off
is "given back: not the device's" "$(eng .sas)" 0
check "given back: by software" by software 9 4
given_back() {
	! ip -n "$A" xfrm state | grep -q offload
}
check "given back: they have no device" wait_for 10 given_back
must ha engine set eng0 adopt all
check "A4: adopted again" wait_for 10 all_at hard "$(spi_out 9)" "$(spi_out 10)"
first=$(sa_number "$A" "$(spi_out 9)") before=$(sa_packets "$B" "$(spi_out 9)")
# Each takes ten times as long with sanitizers; an emulator must have time for more than packets.
case $XFRM_HA_MACHINE in
uml-san) rounds=4 rate=2000 ;;
smp-*) rounds=4 rate=300 ;;
qemu) rounds=6 rate=1000 ;;
*) rounds=20 rate=2000 ;;
esac
"$XFRM_HA_DIR/selftests/oracle/udp-flood" "$A" 10.1.0.9 10.2.0.9 $rate &
flood=$!
for ((i = 1; i <= rounds; i++)); do
	must ha engine set eng0 adopt off
	[ $((i % 2)) = 0 ] || must wait_for 10 given_back
	must ha engine set eng0 adopt all
	must wait_for 20 at "$(spi_out 9)" hard
done
stopped $flood
given=$(($(sa_number "$A" "$(spi_out 9)") - first))
between "A4: given back and adopted under traffic" $given 100 10000000
all_came() {
	[ "$(($(sa_packets "$B" "$(spi_out 9)") - before))" = "$given" ]
}
check "A4: no packet was lost" wait_for 10 all_came
is "A4: none was late" "$(eng .late)" 0
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
# Faults of a NIC below it
#
engine
must ha engine set eng0 period 100
offload=eng0
for k in 1 2; do
	tunnel "$k" 4 replay-window 64
	must pings "$k" 4 5
	must wait_for 10 all_at hard "$(spi_out "$k")" "$(spi_in "$k")"
done
comes=$(where "$(spi_in 1)")
for n in nic0 nic1; do
	echo 2 > $debug/$n/slots_tx
	echo 300 > $debug/$n/delete_delay_ms
done
moves() { # there and back, which the slots that are not free yet delay
	local i place

	for i in 1 2; do
		for place in "nic nic0" software "nic nic1"; do
			# shellcheck disable=SC2086	# a list
			ha cache pin eng0 "$(spi_out 1)" $place
			wait_for 20 at "$(spi_out 1)" "${place#nic }" || return 1
		done
		ha cache pin eng0 "$(spi_in 1)" software
		wait_for 20 at "$(spi_in 1)" software || return 1
		ha cache pin eng0 "$(spi_in 1)" nic "$comes"
		wait_for 20 at "$(spi_in 1)" "$comes" || return 1
	done
}
errors="$(xfrm_errors "$A")$(xfrm_errors "$B")"
check "A5: slow deletes: it moves, and no ping is lost" undisturbed 1 moves
is "A5: slow deletes: no errors" "$(xfrm_errors "$A")$(xfrm_errors "$B") $(eng .late)" "$errors 0"
for n in nic0 nic1; do
	echo 0 > $debug/$n/delete_delay_ms
done
must ha cache unpin eng0 "$(spi_out 1)"
must ha cache unpin eng0 "$(spi_in 1)"
check "A5: slow deletes: all is in slots" wait_for 20 hard 4

wrong() { # NAMESPACE
	on "$1" cat /proc/net/xfrm_stat | awk '$1 == "XfrmInStateProtoError" { print $2 }'
}
calm() { # nothing has left its slot
	is "A5: wrong ICVs: all stay where they are" "$(ha -j cache show eng0 |
		jq -r 'map("\(.spi) \(.where) \(.moves)") | sort | join(" ")')" "$places"
	is "A5: wrong ICVs: and the NICs are told nothing anew" \
		"$(nics nic0 .renewed) $(nics nic1 .renewed)" "0 0"
}
places=$(ha -j cache show eng0 |
	jq -r 'map("\(.spi) \(.where) \(.moves)") | sort | join(" ")')
before=$(wrong "$B")
echo 5 > "$debug/$(where "$(spi_out 1)")/corrupt_icv_tx"
check_not "A5: sent with wrong ICVs" pings 1 4 5
is "A5: each is counted where it came" $(($(wrong "$B") - before)) 5
check "A5: the next ones are right" pings 1 4 10
check "A5: and those of another SA" pings 2 4 10
calm
before=$(wrong "$A") icv=$(nic "$comes" rx_icv_errors)
echo 5 > "$debug/$comes/corrupt_icv_rx"
check_not "A5: received with wrong ICVs" pings 1 4 5
is "A5: each is counted, by the NIC, too" \
	"$(($(wrong "$A") - before)) $(($(nic "$comes" rx_icv_errors) - icv))" "5 5"
check "A5: the next ones are right, again" pings 1 4 10
check "A5: and those of another SA, again" pings 2 4 10
calm
no_tunnels
check "A5: after all that no slot is used" wait_for 10 no_slots
for n in nic0 nic1; do
	echo 64 > $debug/$n/slots_tx
done
must ip -n "$A" link del eng0

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
	# What the kernel tries twice fails if both do.
	before=$(eng .sas)
	refusals=0
	faults 50 1 -1
	for n in {1..40}; do
		for way in "$a $b 0x1300 out" "$b $a 0x1301 in"; do
			read -r src dst spi dir <<< "$way"
			ip -n "$A" xfrm state add src "$src" dst "$dst" proto esp spi "$spi" \
				mode tunnel aead 'rfc4106(gcm(aes))' "$KEY" 128 \
				offload dev eng0 dir "$dir" 2> /dev/null ||
				refusals=$((refusals + 1))
			ip -n "$A" xfrm state delete src "$src" dst "$dst" proto esp spi "$spi" \
				2> /dev/null
		done
	done
	faults 0 1 0
	between "no memory: refused, or not" $refusals 10 79
	all_gone() {
		[ "$(eng .sas)" = "$before" ]
	}
	check "no memory: what was refused has left nothing" wait_for 10 all_gone
	no_tunnels
	must ip -n "$A" link del eng0
fi

# The module leaves while SAs are in slots and packets under way.
engine
offload=eng0
tunnel 11 4 replay-window 64
must wait_for 10 at "$(spi_out 11)" hard
sent=$(both tx_packets)
ip netns exec "$A" ping -q -i 0.002 -I 10.1.0.11 10.2.0.11 > /dev/null &
pinger=$!
flows() {
	[ "$(both tx_packets)" -ge $((sent + 20)) ]
}
must wait_for 10 flows
check "unloaded under traffic" rmmod xfrm_ha
stopped $pinger
is "no device is left" "$(ip -n "$A" link show type xfrm_engine 2>/dev/null)" ""
no_tunnels

# A packet that a packet socket does not read keeps its SA, but not the module: its NIC went down.
ha_load
engine
offload=eng0
tunnel 12 4 replay-window 64
must wait_for 10 at "$(spi_out 12)" hard
on "$A" timeout 60 python3 -c '
import socket, time
sockets = [socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) for _ in range(2)]
for i, s in enumerate(sockets):
    s.bind((f"nic{i}", 0))
open("/run/unread", "w").close()
time.sleep(60)' &
reader=$!
must wait_for 10 test -e /run/unread
check "traffic that nobody reads" pings 12 4 5
must ip -n "$A" link set nic0 down
must ip -n "$A" link set nic1 down
check "unread: unloaded" rmmod xfrm_ha
check "unread: it still is" kill -0 $reader
stopped $reader
no_tunnels

# Right after SAs were given back: they die, the module goes, the namespace goes.
adopted() {
	ha_load
	engine
	must ha engine set eng0 adopt all
	tunnel 13 4 replay-window 64
	must wait_for 10 at "$(spi_out 13)" hard
	must pings 13 4 5
	must wait_for 10 at "$(spi_in 13)" hard
}

offload=
adopted
must ha engine set eng0 adopt off
no_tunnels
# Their memory becomes that of SAs which are given to the device, and die with it.
offload=eng0
for k in {1..8}; do
	tunnel "$k" 4 replay-window 64
done
no_tunnels
tunnel 13 4 replay-window 64
check "given back, and deleted: the device goes down" ip -n "$A" link set eng0 down
check "given back, and deleted: unloaded" rmmod xfrm_ha
no_tunnels
offload=
adopted
must ha engine set eng0 adopt off
check "given back: unloaded" rmmod xfrm_ha
is "and they stay" "$(ip -n "$A" xfrm state count | grep -o '[0-9]*')" 2
is "without a device" "$(ip -n "$A" xfrm state | grep -c offload)" 0
no_tunnels
adopted
must ha engine set eng0 adopt off
check "given back: the namespace is deleted" ip netns del "$A"
check "and then unloaded" wait_for 10 rmmod xfrm_ha
ktap_finished
