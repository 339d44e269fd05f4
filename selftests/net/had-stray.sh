#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: tcpdump
# machines: uml
# tap: any
# timeout: 240
#
# N12: what comes to the gateway that is not active is passed on to the one that is, by a device that
# is trusted; without such a device only what is ciphered is. Nothing of it is in clear elsewhere. So
# a router may spread packets over both gateways (ECMP).

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/had.sh"
. "$(dirname "$0")/../lib/detour.sh"

freeze() { # NAMESPACE N: it never hears where the gateway is
	local net=2 address=$outer

	[ "$1" = "$P" ] || net=3 address=$inner
	must ip -n "$1" neigh replace $address lladdr "02:00:00:00:0$net:0$2" dev br0 nud permanent
}

lost() { # from H to behind P: none gets there
	! on "$H" ping -q -c 1 -W 1 "$far" > /dev/null
}

passes_on() { # N AT-LEAST: by its counter
	[ "$(detour_field "$1" passed_on)" -ge "$2" ]
}

echo_server() { # at P; sets server
	ip netns exec "$P" python3 -c '
import socket, sys
s = socket.socket(int(sys.argv[2]), socket.SOCK_DGRAM)
s.bind((sys.argv[1], 7))
print("ready", flush=True)
while True:
    data, whom = s.recvfrom(100)
    s.sendto(data, whom)' "$far" "$([ "$FAMILY" = 6 ] && echo 10 || echo 2)" > /run/echo &
	server=$!
	wait_for 10 grep -q ready /run/echo
}

answered() { # COUNT: flows from as many ports of H
	on "$H" python3 -c '
import socket, sys
flows = []
for n in range(int(sys.argv[3])):
    s = socket.socket(int(sys.argv[2]), socket.SOCK_DGRAM)
    s.settimeout(10)
    s.bind(("", 7000 + n))
    s.connect((sys.argv[1], 7))
    s.send(b"x")
    flows.append(s)
for s in flows:
    s.recv(100)' "$far" "$([ "$FAMILY" = 6 ] && echo 10 || echo 2)" "$1"
}

dumps=()
ha_load
detour_begin "detour { device = sync trusted = yes }"
is "nothing is passed on" "$(detour_field 1 passed_on) $(detour_field 2 passed_on)" "0 0"

# On the wires: what P has decrypted is on br0.
for n in 1 2; do
	ip netns exec "$P" tcpdump -nli g$n "host $inner_h or host $far" > /run/clear$n 2> /run/dump$n &
	dumps+=($!)
	must wait_for 10 grep -q listening /run/dump$n
done
freeze "$P" 2
check "N12: ESP to the wrong gateway" reaches 20
between "is passed on" "$(detour_field 2 passed_on)" 20 40
freeze "$H" 2
check "N12: clear packets to the wrong gateway, too" reaches 20
between "are passed on" "$(detour_field 2 passed_on)" 60 100
# What the next daemon finds right stays, all the time.
ip netns exec "$H" "$XFRM_HA_DIR/selftests/oracle/esp-flow" -a "$H" -A "$inner_h" -b "$P" -B "$far" \
	-n 1 -r 500 -s 64 > /run/flow &
flow=$!
passed=$(detour_field 2 passed_on)
must wait_for 10 passes_on 2 $((passed + 50))
had_stop 2 9
had 2 /run/conf2
must wait_for 10 passes_on 2 200
stopped "$flow"
say "$(cat /run/flow)"
check "a daemon is killed and begins anew, and no packet is lost" grep -q ' lost 0 ' /run/flow

# A router spreads flows over both of them: each has an address of its own for that. H is that
# router. With IPv6 by one route of two ways, of which the kernel takes one by a hash of addresses and
# ports; with IPv4 not every kernel has such routes, and rules do it: every other flow.
for n in 1 2; do
	ns=G$n
	must ip -n "${!ns}" addr add "$inner$n/$inner_len" dev lan ${nodad:+"$nodad"}
done
if [ "$FAMILY" = 6 ]; then
	least=4
	must on "$H" sysctl -qw net.ipv6.fib_multipath_hash_policy=1
	must ip -n "$H" route replace "$far_net" nexthop via "${inner}1" nexthop via "${inner}2"
else
	least=16
	must batch "$H" "route replace $far_net via ${inner}1" "route add $far_net via ${inner}2 table 2"
	must ip -n "$H" rule add ipproto udp sport 7016-7031 table 2
fi
must echo_server
passed=$(detour_field 2 passed_on)
check "N12: by both of two gateways: each flow is answered" wait_for 10 answered 32
between "those by the one that is not active are passed on" "$(detour_field 2 passed_on)" \
	$((passed + least)) $((passed + 1000))
must batch "$H" "route del $far_net" "route add $far_net via $inner"
stopped "$server"
must ha "$G2" takeover vpn wait 20
check "when it is active" wait_for 10 reaches 5
freeze "$P" 1
freeze "$H" 1
check "the other one does" wait_for 10 reaches 20
check "as its counter says" [ "$(detour_field 1 passed_on)" -ge 40 ]
is "nothing was kept for too long" "$(detour_field 1 keep_dropped) $(detour_field 2 keep_dropped)" "0 0"
# The device is not said to be trusted.
for n in 1 2; do
	detour_conf $n "detour { device = sync }"
	had_reload $n
done
passed=$(detour_field 1 passed_on)
freeze "$H" 2
check "not trusted: ESP is passed on" wait_for 10 reaches 5
between "as its counter says" "$(detour_field 1 passed_on)" $((passed + 5)) $((passed + 1000))
passed=$(detour_field 1 passed_on)
freeze "$H" 1
check "what is in clear is not" lost
is "nor counted" "$(detour_field 1 passed_on)" "$passed"

# Nor does anything stay when nobody wants it.
for n in 1 2; do
	detour_conf $n ""
	had_reload $n
	ns=G$n
	for dev in sync wan lan; do
		is "no detour: gateway $n has no filter on $dev" \
			"$(tc -n "${!ns}" filter show dev $dev ingress)" ""
	done
done
stopped "${dumps[@]}"
is "nothing was in clear outside" "$(cat /run/clear1 /run/clear2)" ""
stopped "$had_1" "$had_2"
had_sentences 1
had_sentences 2
check "the module leaves" ha_unload
ktap_finished
