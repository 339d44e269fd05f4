#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tap: any
# timeout: 500
#
# M2 M5 M6 N4: the link. Intervals make the expected records; loss, reordering and
# duplication lose nothing; a lost peer is taken over from; wrong keys and foreign
# frames cost a counter; the device may vanish; tunnel devices serve as well, and a bond.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"

ha_load
topology
sas 0x1000 4 tunnel "$G1 $G2 $P" replay-window 32
policies 0x1000 4 tunnel
oracle_start
links
groups vpn interval 1 max-age 60000 on-peer-loss takeover

# M2. The inbound edge is told at half the window, 16, at the latest: count the outbound only.
below() { # COUNT: so few packets are not mirrored yet
	[ "$(behind "$G1" 0x1001)" -lt "$1" ]
}
for interval in 1 16 64; do
	must ha "$G1" group set vpn interval $interval max-age 10
	must wait_for 5 mirrored "$G1" 0x1001
	must ha "$G1" group set vpn max-age 60000
	before=$(stat "$G1" record_out_tx)
	again=$(stat "$G1" record_resent)
	merged=$(stat "$G1" record_coalesced)
	check "traffic" pings 128
	check "all but less than an interval is mirrored" wait_for 10 below $interval
	again=$(($(stat "$G1" record_resent) - again))
	merged=$(($(stat "$G1" record_coalesced) - merged))
	between "M2: interval $interval: outbound records for 128 packets" \
		$(($(stat "$G1" record_out_tx) - before)) $((128 / interval - 1 - merged)) \
		$((128 / interval + 2 + again))
done
must ha "$G1" group set vpn max-age 10
must wait_for 5 mirrored "$G1" 0x1001
must ha "$G1" group set vpn max-age 60000
check "traffic" pings 8
between "N7: less than an interval is not mirrored" "$(behind "$G1" 0x1001)" 1 8
must ha "$G1" group set vpn interval 16 max-age 10
check "N7: what waits is told by the new max-age" wait_for 5 mirrored "$G1" 0x1001

# A link that loses and duplicates
netem loss 20% delay 3ms 2ms duplicate 10%
pings 200 10.1.0.1 0.01
check "netem: all is acknowledged in the end" wait_for 20 mirrored "$G1" 0x1001
is "netem: outbound" "$(sa "$G2" 0x1001 .oseq)" $(($(sa "$G1" 0x1001 .oseq) + 8192))
is "netem: bytes" "$(sa "$G2" 0x1001 .bytes)" "$(sa "$G1" 0x1001 .bytes)"
check "netem: what was lost was sent again" counter "$G1" frame_lost 1
mend

# A link that reorders: each fifth frame may arrive at once, the others two heartbeats later.
cat > /run/overtaken <<-'EOF'	# frames of sessions that arrive after one with a higher number
	import signal, socket, struct
	s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
	s.bind(("sync", 0x88b5))
	s.settimeout(0.1)
	going = True
	def stop(*_):
	    global going
	    going = False
	signal.signal(signal.SIGTERM, stop)
	print("ready", flush=True)
	highest, late, got = {}, 0, 0
	while going:
	    try:
	        frame, sender = s.recvfrom(2048)
	    except TimeoutError:
	        continue
	    session, number = struct.unpack_from(">IQ", frame, 18)
	    if sender[2] == socket.PACKET_OUTGOING or not session:
	        continue
	    got += 1
	    late += number < highest.get(session, 0)
	    highest[session] = max(number, highest.get(session, 0))
	print("frames", got, "late", late, flush=True)
EOF
wait_for 10 mirrored "$G1" 0x1002
ip netns exec "$G2" python3 /run/overtaken > /run/late &
watcher=$!
must wait_for 20 grep -q ready /run/late
replayed=$(stat "$G2" frame_replay)
netem delay 120ms reorder 50% gap 5
pings 200 10.1.0.1 0.01
check "reordered: all is acknowledged" wait_for 20 mirrored "$G1" 0x1001
check "reordered: inbound, too" wait_for 20 mirrored "$G1" 0x1002
stopped $watcher
read -r _ frames _ late < <(tail -n 1 /run/late)
between "reordered: frames of $frames that came after later ones" "${late:-none}" 3 "${frames:-0}"
is "reordered: none of them was taken for a replay" "$(stat "$G2" frame_replay)" "$replayed"
is "reordered: outbound" "$(sa "$G2" 0x1001 .oseq)" $(($(sa "$G1" 0x1001 .oseq) + 8192))
is "reordered: inbound" "$(sa "$G2" 0x1002 .seq)" "$(sa "$G1" 0x1002 .seq)"
is "reordered: packets and bytes" "$(sa "$G2" 0x1002 '"\(.packets) \(.bytes)"')" \
	"$(sa "$G1" 0x1002 '"\(.packets) \(.bytes)"')"
mend

# Frames of strangers: wrong version, cut short, replayed, flipped bits.
inject() { # HEX: payload of an Ethernet frame from G1's address
	on "$G1" python3 -I -S -c "
import _socket as socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(('sync', 0))
s.send(bytes.fromhex('020000000102' + '$2' + '88b5' + '$1').ljust(60, b'\\0'))"
}
own=020000000101
inject 09200010000000000000000000000001 $own
check "N4: unknown version" wait_for 5 counter "$G2" frame_version 1
inject 0220ffff000000000000000000000001 $own
check "N4: longer than the frame" wait_for 5 counter "$G2" frame_malformed 1
inject 02200010000000010000000000000001 $own
check "N4: no such session" wait_for 5 counter "$G2" frame_session 1
inject 02200010000000010000000000000001 020000000999
check "N4: a stranger" wait_for 5 counter "$G2" frame_stranger 1
inject "0210006c0000000000000000000000000000000900000009003203000$(printf '1%.0s' {1..193})" $own
check "N4: a handshake without the key" wait_for 5 counter "$G2" frame_auth 1
check "the session stands" link_state "$G2" up

# Other settings, and another key, first at one end: nobody takes the other for dead.
session=$(stat "$G2" session_new)
renewed() { # NAME: another session than the last one is in sync
	session=$((session + 1))
	check "$1: a new session" wait_for 10 counter "$G2" session_new $session
	must wait_for 10 link_state "$G1" up
	must wait_for 10 link_state "$G2" up
}
must ha "$G1" link set sync dead 40
renewed "dead sooner"
must ha "$G1" link set sync heartbeat 5000
renewed "slower heartbeats"
must ha "$G1" link set sync heartbeat 50 dead 100
renewed "as before"
netem loss 40%
for n in 1 2 3 4 5 6; do
	must ha "$G1" link set sync dead $((100 - n))
	renewed "over a link that loses, $n"
done
mend
must xfrm-ha keygen /run/other.key
foreign=$(stat "$G2" frame_auth)
must ha "$G1" link set sync key /run/other.key
check "the peer hears of another key" wait_for 10 counter "$G2" frame_auth $((foreign + 1))
check "the session stands" link_state "$G2" up
must ha "$G2" link set sync key /run/other.key
renewed "the same key"
is "no peer was lost" "$(stat "$G1" peer_lost) $(stat "$G2" peer_lost)" "0 0"
wait_for 10 role "$G1" vpn active
check "traffic as before" pings 10

# The peer dies: its device goes down.
must ip -n "$G1" link set sync down
check "M8: the standby takes over by itself" wait_for 10 role "$G2" vpn active
reroute 2
check "traffic through the other gateway" pings 20
must ip -n "$G1" link set sync up
check "N6: the former active steps down" wait_for 10 role "$G1" vpn standby
check "in sync again" wait_for 10 in_sync "$G1" "$G2"
must ha "$G1" takeover vpn
must wait_for 10 role "$G1" vpn active
reroute 1
check "and back" pings 10

# M6: both are active, each for one group.
sas 0x3000 6 tunnel "$G1 $G2 $P" replay-window 32
must ha "$G2" group del vpn
must ha "$G1" group del vpn
must ha "$G1" group add four address 192.0.2.1 role active interval 8
must ha "$G2" group add four address 192.0.2.1 role standby
must ha "$G2" group add six address 2001:db8::1 role active interval 8
must ha "$G1" group add six address 2001:db8::1 role standby
wait_for 10 role "$G1" four active
wait_for 10 role "$G2" six active
policies 0x3000 6 tunnel
reroute 1
must ip -n "$P" neigh replace 2001:db8::1 lladdr 02:00:00:00:02:02 dev br0 nud permanent
pings 20
pings 20 fd01::1
wait_for 5 mirrored "$G1" 0x1001
wait_for 5 mirrored "$G2" 0x3001
is "M6: one way" "$(sa "$G2" 0x1002 .packets)" "$(sa "$G1" 0x1002 .packets)"
is "M6: the other way" "$(sa "$G1" 0x3001 .oseq)" $(($(sa "$G2" 0x3001 .oseq) + 8192))
is "M6: who is held" "$(sa "$G1" 0x3001 .held) $(sa "$G2" 0x1001 .held)" "true true"

# The device vanishes and returns.
must ip -n "$G1" link del sync
check "the link waits for its device" wait_for 5 link_state "$G1" down
sync_cable
# A peer that has not noticed is heard again when it has given the old session up: 5 s.
check "and takes the new one" wait_for 20 link_state "$G1" up ||
	for ns in "$G1" "$G2"; do
		ha "$ns" link show
		ha "$ns" group show
		ha "$ns" stat show
	done

# Of a carrier the kernel tells up to a second late (net/core/link_watch.c), if the two ends of
# a veth have the same index: the session stands when the word comes, which a read of carrier
# brings about. The other end's first down and up see to it that the second ones wait.
must ip -n "$G1" link del sync
wait_for 5 link_state "$G1" down
must ip link add sync index 77 netns "$G1" address 02:00:00:00:01:01 type veth \
	peer name sync index 77 netns "$G2" address 02:00:00:00:01:02
must ip -n "$G1" link set sync up
must ip -n "$G2" link set sync up
wait_for 20 link_state "$G1" up
wait_for 20 link_state "$G2" up
for mtu in "" 1400; do
	must ip -n "$G2" link set sync down
	[ -z "$mtu" ] || on "$G1" sh -c "echo $mtu > /sys/class/net/sync/mtu"
	wait_for 5 link_state "$G1" down
	must ip -n "$G2" link set sync up
	check "up again" wait_for 20 link_state "$G1" up
	wait_for 20 link_state "$G2" up
done
is "a carrier" "$(on "$G1" cat /sys/class/net/sync/carrier)" 1
pings 20
wait_for 5 mirrored "$G1" 0x1001
check "late word of it changes nothing" link_state "$G1" up
oracle_verdict "I1: no number was used twice" 0x1001 0x3001

for ns in "$G1" "$G2"; do
	must ha "$ns" group del four
	must ha "$ns" group del six
	must ha "$ns" link del sync
	must ip -n "$ns" addr add "10.9.0.$([ "$ns" = "$G1" ] && echo 1 || echo 2)/24" dev sync
done

# M5: over a routed network, and over other devices
crosses() { # DEVICE: records of packets on the active gateway
	pings 5 > /dev/null
	wait_for 10 mirrored "$G1" 0x1001
	wait_for 10 mirrored "$G1" 0x1002
	is "M5: over $1: outbound" "$(sa "$G2" 0x1001 .oseq)" \
		$(($(sa "$G1" 0x1001 .oseq) + 500))
	is "M5: over $1: inbound, packets and bytes" \
		"$(sa "$G2" 0x1002 '"\(.seq) \(.packets) \(.bytes)"')" \
		"$(sa "$G1" 0x1002 '"\(.seq) \(.packets) \(.bytes)"')"
}
device() { # NAME [COMMAND...]: run while it is up
	must ip -n "$G1" link set dev "$1" address 02:00:00:00:05:01 up
	must ip -n "$G2" link set dev "$1" address 02:00:00:00:05:02 up
	must ha "$G1" link add "$1" peer 02:00:00:00:05:02 insecure dead 100
	must ha "$G2" link add "$1" peer 02:00:00:00:05:01 insecure dead 100
	check "M5: over $1" wait_for 10 up "$1"
	groups vpn address 192.0.2.1 link "$1" interval 1 quantity 500
	must wait_for 10 in_sync "$G1" "$G2"
	crosses "$1"
	"${@:2}"
	for ns in "$G1" "$G2"; do
		must ha "$ns" group del vpn
		must ha "$ns" link del "$1"
		must ip -n "$ns" link del "$1"
	done
}
up() { # DEVICE
	[ "$(link_field "$G1" "$1" state)" = up ]
}
must ip -n "$G1" link add vx type vxlan id 5 remote 10.9.0.2 local 10.9.0.1 dstport 4789
must ip -n "$G2" link add vx type vxlan id 5 remote 10.9.0.1 local 10.9.0.2 dstport 4789
device vx
must ip -n "$G1" link add gt type gretap remote 10.9.0.2 local 10.9.0.1
must ip -n "$G2" link add gt type gretap remote 10.9.0.1 local 10.9.0.2
device gt
for ns in "$G1" "$G2"; do
	must ip -n "$ns" link add link sync name vlan type vlan id 7
done
device vlan
for n in 1 2; do
	g=G$n
	must ip -n "${!g}" link add link sync name ms address "02:00:00:00:05:0$n" type macsec encrypt on
	must ip -n "${!g}" macsec add ms tx sa 0 pn 1 on key 01 "$(printf '%032d' $n)"
	must ip -n "${!g}" macsec add ms rx port 1 address "02:00:00:00:05:0$((3 - n))"
	must ip -n "${!g}" macsec add ms rx port 1 address "02:00:00:00:05:0$((3 - n))" sa 0 pn 1 on \
		key 01 "$(printf '%032d' $((3 - n)))"
done
device ms

# Two devices, one of which fails: the bond is one, and the session stands.
one_fails() {
	local sessions

	sessions=$(stat "$G2" session_new)
	must ip -n "$G1" link set s1 down
	check "the bond goes over to the other device" wait_for 5 active_slave s2
	heard=$(link_field "$G1" bnd rx_frames)
	check "the peer is heard over it" wait_for 10 heard_more
	is "in the same session" "$(stat "$G2" session_new)" "$sessions"
	crosses "the other device"
}
heard_more() {
	[ "$(link_field "$G1" bnd rx_frames)" -gt $((heard + 3)) ]
}
active_slave() { # DEVICE
	on "$G1" grep -q "Currently Active Slave: $1" /proc/net/bonding/bnd
}
must ip link add s1 netns "$G1" type veth peer name s1 netns "$G2"
must ip link add s2 netns "$G1" type veth peer name s2 netns "$G2"
for ns in "$G1" "$G2"; do
	must ip -n "$ns" link add bnd type bond mode active-backup miimon 20
	must ip -n "$ns" link set s1 master bnd
	must ip -n "$ns" link set s2 master bnd
done
must ip -n "$G1" link set bnd type bond primary s1
device bnd one_fails

# Two nodes that claim the same id: refused, and said.
for ns in "$G1" "$G2"; do
	must ha "$ns" node set id 7
	ip netns exec "$ns" "$XFRM_HA_DIR/tools/xfrm-ha/xfrm-ha" monitor > "/run/events.$ns" &
done
must ha "$G1" link add sync peer 02:00:00:00:01:02 insecure
must ha "$G2" link add sync peer 02:00:00:00:01:01 insecure
check "N6: the same node id twice" wait_for 10 counter "$G1" node_conflict 1
check "N6: is an event" wait_for 5 grep -q node-conflict "/run/events.$G1"
check "N6: and no session" link_state "$G1" connecting
check "the module leaves" ha_unload
ktap_finished
