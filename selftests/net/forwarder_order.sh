#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# machines: qemu
# requires: chrt jq taskset
# timeout: 300
#
# A3: none of an SA's packets overtakes another, with a replay window of one packet: fragments are put
# together behind the packets that wait in the queue of their worker, and an SA moves when the worker
# is done with its last packet, in whatever order two CPUs that receive tell of theirs.
# A1: all octets of a frame in parts are load.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/forwarder.sh"
. "$(dirname "$0")/../lib/delay.sh"

ping_once() { # K SIZE: in fragments, if it must be
	on "$P" taskset -c 0 ping -q -n -c 1 -W 0.01 -M dont -s "$2" "10.1.0.$1" > /dev/null
}

forwarded_is() {
	[ "$(count forwarded)" = "$1" ]
}

in_order() { # K NAME [PASSED]: of those in fragments PASSED, the others went to the queue
	local k=$1 was known passed

	must on "$G" xfrm-ha forwarder pin wan $((0x1000 + k)) address "$(dst_of "$k")" cpu 1
	burst 1 "$k"
	burst 1 "$k"
	was=$(packets "$k")
	known=$(count forwarded)
	passed=$(count fragment)
	hog
	send 40 "$k"
	ping_once "$k" 1360
	# The first fragment may be late.
	wait_for 10 forwarded_is $((known + 42 - ${3:-0})) || say "forwarded: $(count forwarded)"
	send 10 "$k"
	is "$2: no packet overtakes the 40 before it" "$(packets "$k")" "$was"
	is "$2: passed" "$(count fragment)" $((passed + ${3:-0}))
	unhog
	check "$2: all come" wait_for 20 came "$k" $((was + 51))
	is "$2: none was late" "$(errors)" ""
}

dst_of() { # K
	if [ "$1" = 3 ]; then
		echo 2001:db8::1
	else
		echo 192.0.2.1
	fi
}

order=$XFRM_HA_DIR/selftests/forwarder/order
[ -x "$order" ] || skip_all "the forwarder's programs are not built"
check "A3: a move waits for the last packet, whoever tells late" "$order"

wan
tunnel 1 192.0.2.9 192.0.2.1 replay-window 1
espinudp "$G" /run/ike
tunnel 2 192.0.2.9 192.0.2.1 replay-window 1 encap espinudp 4500 4500 0.0.0.0
must modprobe esp6
tunnel 3 2001:db8::9 2001:db8::1 replay-window 1 flag af-unspec
must ip -n "$P" link set wan mtu 1400
forwarder native
in_order 1 "A3: fragments"
in_order 2 "A3: fragments of ESP in UDP"
in_order 3 "A3: fragments in IPv6"

# The worker has the packet in its hands that an SA's move waits for, before it is decrypted. Who enters a namespace
# waits for that as well: who sends, and who moves the SA, are there before.
must on "$G" xfrm-ha forwarder pin wan 0x1001 address 192.0.2.1 cpu 1
burst 1 1
burst 1 1
is "A3: at the old worker" "$(at 1)" "1 1"
was=$(packets 1)
must mkfifo /run/counts /run/commands
# shellcheck disable=SC2016	# the inner shell's
ip netns exec "$P" taskset -c 0 bash -c 'exec 3> /dev/udp/10.1.0.1/9; while read -r n; do
	for ((i = 0; i < n; i++)); do printf x >&3; done; echo "sent $n"; done' \
	< /run/counts > /run/sent &
ip netns exec "$G" bash < /run/commands > /run/done &
exec {counts}> /run/counts {commands}> /run/commands
said() { grep -q "$2" "$1"; }
echo 'echo ready' >&"$commands"
must wait_for 10 said /run/done ready
echo 0 >&"$counts"
must wait_for 10 said /run/sent "sent 0"
echo 'xfrm-ha forwarder pin wan 0x1001 address 192.0.2.1 cpu 0; echo moved' >&"$commands"
check "A3: it is to move" wait_for 20 said /run/done moved
delay_at xfrm_input 60000
echo 1 >&"$counts"
must wait_for 20 delay_held
echo 10 >&"$counts"
check "more are sent" wait_for 20 said /run/sent "sent 10"
echo 'for i in {1..20}; do ip -s xfrm state list spi 0x1001; done > /run/list; echo listed' >&"$commands"
must wait_for 20 said /run/done listed
is "A3: none of them overtakes the one in its hands" \
	"$(grep -oE '[0-9]+\(packets\)' /run/list | sort -u)" "$was(packets)"
must delay_held
delay_go
check "A3: all come" wait_for 20 came 1 $((was + 11))
delay_off
exec {counts}>&- {commands}>&-
is "A3: none was late" "$(errors)" ""
burst 1 1
is "A3: then it moves" "$(at 1)" "0 0"

# The first one comes last: until then nobody knows whose the other is.
must batch "$P" "link set wan mtu 1400"
must on "$P" tc qdisc add dev wan root handle 1: prio
must on "$P" tc qdisc add dev wan parent 1:3 netem delay 100ms
must on "$P" tc filter add dev wan parent 1: protocol ip u32 match u16 0x2000 0x3fff at 6 flowid 1:3
in_order 1 "A3: the first fragment comes last" 1
must on "$P" tc qdisc del dev wan root

# What is no ESP of an SA passes, in fragments as well; so do fragments without a first one.
was=$(count forwarded)
passed=$(count fragment)
on "$P" ping -q -n -c 1 -W 0.01 -M dont -s 2000 192.0.2.1 > /dev/null
# An unknown SPI
must ip -n "$P" xfrm state add src 192.0.2.9 dst 192.0.2.1 proto esp spi 0x3000 reqid 30 \
	mode tunnel aead 'rfc4106(gcm(aes))' "$KEY" 128
must ip -n "$P" xfrm policy add src 10.2.0.1 dst 10.1.0.30 dir out \
	tmpl src 192.0.2.9 dst 192.0.2.1 proto esp reqid 30 mode tunnel
ping_once 30 1360
is "others pass in fragments" "$(count forwarded) $(count fragment)" "$was $((passed + 2))"
check "SIGTERM ends it with 0" no_forwarder

# A frame in parts: the program sees but the first part of it.
both link set wan mtu 9000
forwarder native
burst 1 1
octets() { fwd '.[] | select(.spi == "0x00001001").bytes'; }
was=$(octets)
before=$(packets 1)
ping_once 1 8000
check "a jumbo frame comes" wait_for 10 came 1 $((before + 1))
between "A1: and is counted as a whole" $(($(octets) - was)) 8000 8200
check "SIGTERM ends it with 0" no_forwarder
ktap_finished
