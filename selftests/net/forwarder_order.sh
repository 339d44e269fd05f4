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

# The worker has the last packet in its hands, and waits before it is decrypted.
must on "$G" xfrm-ha forwarder pin wan 0x1001 address 192.0.2.1 cpu 1
burst 1 1
burst 1 1
is "A3: at the old worker" "$(at 1)" "1 1"
was=$(packets 1)
known=$(count forwarded)
delay_at xfrm_input 20000
send 1 1
must wait_for 20 delay_held
must on "$G" xfrm-ha forwarder pin wan 0x1001 address 192.0.2.1 cpu 0
send 10 1
check "A3: more come" wait_for 20 forwarded_is $((known + 11))
is "A3: no packet overtakes the one in its hands" "$(at 1) $(packets 1)" "0 1 $was"
delay_go
check "A3: all come" wait_for 20 came 1 $((was + 11))
delay_off
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
