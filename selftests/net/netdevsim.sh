#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: iperf3 jq tc
# timeout: 240
# tap: any
#
# A2 A5 C4: an engine device with NICs of another driver, netdevsim. It has 33 slots for both
# directions together, takes AES-GCM with a key of 128 bit, and sees to it that a packet's SA is one
# that it was given. It does not encrypt: B gets text where an SA is in a slot, and ESP where it is not.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/espnic.sh"
. "$(dirname "$0")/../lib/engine.sh"

bus=/sys/bus/netdevsim
[ -d $bus ] || modprobe -q netdevsim 2> /dev/null || skip_all "the kernel has no netdevsim"

at_exit gone
gone() {
	local id

	for id in 10 11 12 13; do
		[ ! -e "$bus/devices/netdevsim$id" ] || echo "$id" > "$bus/del_device"
	done
}

ifindex() { # NAMESPACE DEV
	ip -n "$1" -j link show "$2" | jq '.[0].ifindex'
}

nsim() { # ID NAMESPACE NAME
	local dev

	echo "$1 1" > $bus/new_device || bail "no netdevsim$1"
	wait_for 5 test -d "$bus/devices/netdevsim$1/net"
	dev=$(ls "$bus/devices/netdevsim$1/net")
	must ip link set "$dev" netns "$2" name "$3"
}

cable() { # NAME: from A to W
	local a w

	exec {a}< "/run/netns/$A" {w}< "/run/netns/$W"
	echo "$a:$(ifindex "$A" "$1") $w:$(ifindex "$W" "wire${1#nic}")" > $bus/link_device ||
		bail "no cable of $1"
	exec {a}<&- {w}<&-
}

ask_sim() { # ID count|tx: what it says of itself
	local text

	IFS= read -r -d '' text < "/sys/kernel/debug/netdevsim/netdevsim$1/ports/0/ipsec"
	[[ $text =~ $2=([0-9]+) ]]
	REPLY=${BASH_REMATCH[1]-}
}

sim() { # ID count|tx
	ask_sim "$@"
	echo "$REPLY"
}

full() { # as far as the driver says
	ask_sim 10 count
	[ "$REPLY" = 33 ]
}

halves() { # of the 39 outbound ones that are not pinned, and that a NIC does
	local used count

	ask_nics nic0 .used_out
	used=$REPLY
	ask_nics nic1 .used_out
	[ $((used - REPLY)) -le 1 ] || return 1
	ask_nics nic1 '.used_out + .used_in'
	used=$REPLY
	ask_sim 12 count
	count=$REPLY
	[ "$used" = "$count" ] && hard 40
}

other() { # 33 slots, 40 SAs
	hard 33 || return 1
	ask_sim 12 count
	[ "$REPLY" = 33 ]
}

drops() { # of the two NICs
	ip -n "$A" -j -s link show | jq '[.[] | select(.ifname | test("^nic")) | .stats64.tx.dropped] | add'
}

came() { # COUNT: at B, and decrypted
	ask_packets "$B" 0x1001
	[ "$REPLY" = "$1" ]
}

echoes() { # COUNT: from A, through tunnel 1; nobody waits for an answer
	addresses 1 4
	on "$A" ping -q -c "$1" -i 0.01 -W 0.01 -I "$ia" "$ib" || :
}

ha_load
netns A B W
must ip -n "$W" link add br0 type bridge
must ip -n "$W" link add wan netns "$B" type veth peer name peer
must ip -n "$W" link set peer master br0 up
nsim 10 "$A" nic0; nsim 11 "$W" wire0; nsim 12 "$A" nic1; nsim 13 "$W" wire1
for n in 0 1; do
	must ip -n "$W" link set wire$n up
	cable nic$n
done
must ip -n "$W" link set wire0 master br0
must ip -n "$W" link set br0 up
side "$B" wan 2 1
must ip -n "$A" link add eng0 type xfrm_engine
must ip -n "$A" link set nic0 master eng0
side "$A" eng0 1 2
must ha engine set eng0 period 100
offload=eng0

tunnel 1 4 replay-window 64
check "A5: in a slot" wait_for 10 at "$(spi_out 1)" nic0
sent=$(sim 10 tx)
echoes 10
is "A2: the driver knows the SA of its packets" $(($(sim 10 tx) - sent)) 10
is "A2: and has dropped none" "$(drops)" 0

# With numbers of 64 bit the driver would have to be told how far they are, and can't.
tunnel 60 4 flag esn replay-window 64
addresses 61 4
add_sa "$A" 61 "$(spi_out 61)" "$a" "$b" offload dev eng0 dir out
check "without ESN: in a slot" wait_for 10 at "$(spi_out 61)" nic0
is "C4: ESN: in software" "$(where "$(spi_out 60)") $(where "$(spi_in 60)")" "software software"
is "C3: refused" "$(cache "$(spi_out 60)" .errno)" 95
check "C4: ESN: traffic" pings 60 4 5
for k in 60 61; do
	must ip -n "$A" xfrm state delete src "$a" dst "$b" proto esp spi "$(spi_out "$k")"
done
must ip -n "$A" xfrm state delete src "$b" dst "$a" proto esp spi "$(spi_in 60)"
must ha cache pin eng0 "$(spi_out 1)" software
must wait_for 10 at "$(spi_out 1)" software
sent=$(sim 10 tx) before=$(sa_packets "$B" "$(spi_out 1)")
echoes 10
check "in software: encrypted by the kernel" wait_for 5 came $((before + 10))
is "in software: the driver has no part in it" $(($(sim 10 tx) - sent)) 0

# To and fro under traffic: each packet is text or ESP, and the driver drops none. What waits on
# the engine device was left to hardware, and may be encrypted by the kernel after all.
must on "$A" tc qdisc add dev eng0 root netem delay 5ms limit 1000
must ha cache unpin eng0 "$(spi_out 1)"
sent=$(sim 10 tx) before=$(sa_packets "$B" "$(spi_out 1)")
number=$(spi_out 1)
first=$(sa_number "$A" "$number")
given() { # numbers, since $first
	ask_number "$A" "$number"
	echo $((REPLY - first))
}
served() { # packets: by the NIC since $sent, and by the kernel since $before
	local tx

	ask_sim 10 tx
	tx=$REPLY
	ask_packets "$B" "$number"
	echo $((tx - sent + REPLY - before))
}
addresses 1 4
"$XFRM_HA_DIR/selftests/oracle/udp-flood" "$A" "$ia" "$ib" 1000 &
flood=$!
for _ in {1..5}; do
	must ha cache pin eng0 "$number" software
	must wait_for 10 at "$number" software
	must ha cache pin eng0 "$number" nic nic0
	must wait_for 10 at "$number" nic0
done
stopped $flood
all_came() {
	[ "$(served)" = "$(given)" ]
}
check "C2: five times to and fro: all by the one or the other" wait_for 5 all_came
between "there was traffic" "$(given)" 100 1000000
is "and the driver has dropped none" "$(drops)" 0
must on "$A" tc qdisc del dev eng0 root

# Inbound, two NICs: without GRO nobody says which packets are whose.
must ha cache pin eng0 "$number" software
must wait_for 10 at "$number" software
must ip -n "$A" link set nic1 master eng0
must ip -n "$A" xfrm state delete src "$b" dst "$a" proto esp spi "$(spi_in 1)"
must ip -n "$B" xfrm state delete src "$b" dst "$a" proto esp spi "$(spi_in 1)"
add_sa "$A" 1 "$(spi_in 1)" "$b" "$a" replay-window 64 offload dev eng0 dir in
add_sa "$B" 1 "$(spi_in 1)" "$b" "$a" replay-window 64
on "$B" ping -q -c 20 -i 0.01 -W 0.01 -I "$ib" "$ia"
check "A2: inbound: in a slot of the NIC that its packets come to" wait_for 10 \
	at "$(spi_in 1)" nic0
on "$B" ping -q -c 20 -i 0.01 -W 0.01 -I "$ib" "$ia"
is "inbound: all have come, and were decrypted by the kernel" "$(sa_packets "$A" "$(spi_in 1)")" 40
must ip -n "$A" link set nic1 nomaster

# A large packet is one for the NIC, many numbers for the SA.
must ha cache pin eng0 "$number" software
must wait_for 10 at "$number" software
ip netns exec "$B" iperf3 -s -B 10.2.0.1 > /run/server 2>&1 &
server=$!
must wait_for 10 listens
ip netns exec "$A" iperf3 -c 10.2.0.1 -B 10.1.0.1 -t 3600 > /run/client 2>&1 &
client=$!
flows() {
	ask_packets "$B" "$number"
	[ "$REPLY" -ge $((before + 1000)) ]
}
before=$(sa_packets "$B" "$number")
must wait_for 20 flows
sent=$(sim 10 tx) first=$(sa_number "$A" "$number") before=$(sa_packets "$B" "$number")
# No answer comes to what the NIC sends: now and then the kernel has to, for TCP to go on.
segments() {
	ha cache pin eng0 "$number" nic nic0 && wait_for 5 at "$number" nic0 || return 1
	ktap_nap 200
	[ "$(given)" -le "$(served)" ] || return 0
	ha cache pin eng0 "$number" software && wait_for 5 at "$number" software
	before_too=$(sa_packets "$B" "$number")
	wait_for 5 resumed
	return 1
}
resumed() {
	ask_packets "$B" "$number"
	[ "$REPLY" -ge $((before_too + 100)) ]
}
check "A5: GSO: left to the NIC" wait_for 30 segments
stopped $client $server
is "A5: GSO: the driver has dropped none" "$(drops)" 0
must ha cache pin eng0 "$number" software
must wait_for 10 at "$number" software

# A full table, and kinds that it refuses
for k in {2..40}; do
	addresses 1 4
	add_sa "$A" "$k" "$(spi_out "$k")" "$a" "$b" offload dev eng0 dir out
done
check "C4: all slots are used" wait_for 20 full
is "C4: no SA was refused to its user" "$(eng .sas)" 41
# One more is tried now and then, and refused.
check "C4: the rest is in software, and counted" test "$(eng .refused)" -ge 1
must ip -n "$A" xfrm state add src "$a" dst "$b" proto esp spi "$(spi_out 50)" mode tunnel \
	aead 'rfc4106(gcm(aes))' "$KEY" 96 offload dev eng0 dir out
must ip -n "$A" link set nic1 master eng0
# Where the inbound one had to leave its slot to others only packets say which NIC's it is.
on "$B" ping -q -c 20 -i 0.01 -W 0.01 -I "$ib" "$ia"
check "A1: another one takes its part" wait_for 20 halves
ha engine show; ha engine nics; ha cache show
is "C4: neither takes a kind that they don't do" "$(where "$(spi_out 50)")" software

# The device is taken away
echo 10 > $bus/del_device
check "removed: its SAs are in the other one, or in software" wait_for 20 other
is "removed: none is left with it" "$(dmesg | grep -c 'tearing down IPsec offload')" 0
must ha cache pin eng0 "$number" software
must wait_for 10 at "$number" software
must ip -n "$W" link set wire1 master br0
before=$(sa_packets "$B" "$number")
echoes 5
check "removed: traffic" wait_for 5 came $((before + 5))
must ip -n "$A" link del eng0
is "deleted: no slot is used" "$(sim 12 count)" 0
ktap_finished
