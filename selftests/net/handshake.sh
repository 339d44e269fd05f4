#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tap: any
# timeout: 240
#
# N4, invariant I7: HELLOs of earlier handshakes are played to both ends, 5000 a second each (2000
# where sanitizers make all slow), from before they meet: they have a session within 2 s
# nevertheless, again and again. A session that stands is not disturbed, and can be renewed. What is
# not authentic says nothing of the node's id.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"

# HELLOs that leave through the link's device, one a line, until SIGTERM.
cat > /run/hear <<-'EOT'
	import socket
	s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
	s.bind(('sync', 3))
	print('ready', flush=True)
	while True:
	    frame, where = s.recvfrom(10000)
	    if where[2] == socket.PACKET_OUTGOING and frame[12:15] == b'\x88\xb5\x02' and frame[15] >> 4 == 1:
	        print(frame.hex(), flush=True)
EOT

both_up() {
	must wait_for 20 link_state "$G1" up
	must wait_for 20 link_state "$G2" up
}

peer() { # 1|2: that gateway's end of the link, in which the other one is
	local ns=G$1

	must ha "${!ns}" link add sync peer 02:00:00:00:01:0$((3 - $1)) key /run/key \
		heartbeat 500 dead 100
}

# Both ends begin anew: the one has been played to for a while when the other one comes.
restart() { # [HELLOS that it had no room for]
	local ns

	for ns in "$G1" "$G2"; do
		must ha "$ns" link del sync
	done
	ns=$(($(stat "$G1" hello_limit) + ${1:-0}))
	peer 1
	must wait_for 10 counter "$G1" hello_limit "$ns"
	peer 2
}

# With sanitizers the flood itself would take all of the CPU.
[ "$XFRM_HA_MACHINE" = uml-san ] && rate=2000 || rate=5000
ha_load
topology
listeners=()
for ns in "$G1" "$G2"; do
	ip netns exec "$ns" python3 /run/hear > "/run/heard.$ns" &
	listeners+=($!)
done
for ns in "$G1" "$G2"; do
	must wait_for 10 grep -q ready "/run/heard.$ns"
done
keygen /run/key
peer 1
peer 2
both_up
for _ in 1 2 3; do
	restart
	both_up
done
stopped "${listeners[@]}"
players=()
for ns in "$G1" "$G2"; do
	grep -v ready "/run/heard.$ns" > "/run/hellos.$ns"
	between "HELLOs were recorded" "$(wc -l < "/run/hellos.$ns")" 2 100000
	"$XFRM_HA_DIR/selftests/oracle/frame-play" "$ns" sync "/run/hellos.$ns" "$rate" \
		> "/run/played.$ns" &
	players+=($!)
done
for ns in "$G1" "$G2"; do
	must wait_for 10 grep -q ready "/run/played.$ns"
done

# A session that stands: of what is played nothing but answers comes.
sessions=$(stat "$G1" session_new)
limited=$(stat "$G1" hello_limit)
check "they are too many" wait_for 20 counter "$G1" hello_limit $((limited + 1000))
is "I7: the session stands" "$(stat "$G1" session_new) $(link_field "$G1" sync state)" "$sessions up"
for n in 1 2 3 4 5; do
	restart 1000
	check "N4: $n: a session within 2 s" wait_for 2 link_state "$G1" up
	check "N4: $n: at both ends" wait_for 2 link_state "$G2" up
done
sessions=$(stat "$G2" session_new)
must ha "$G1" link set sync dead 99
check "N4: and it is renewed" wait_for 10 counter "$G2" session_new $((sessions + 1))
stopped "${players[@]}"
say "$(tail -qn 1 /run/played.*)"
# What an emulator can send is its own affair.
if [ "$XFRM_HA_MACHINE" = uml ]; then
	for ns in "$G1" "$G2"; do
		between "N4: 5000 a second were played" "$(tail -n 1 "/run/played.$ns" |
			sed 's/.* //')" $((4500 * 100 / (XFRM_HA_SLOW > 100 ? XFRM_HA_SLOW : 100))) 6000
	done
fi

# A HELLO that says that its sender does not seal, and has this node's id: without a MAC.
conflicts=$(stat "$G2" node_conflict)
foreign=$(stat "$G2" frame_auth)
heard=$(stat "$G2" hello_rx)
id=$(ha "$G2" -j node show | jq '.[0].id')
on "$G1" python3 -c "
import socket, struct
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(('sync', 0))
hello = struct.pack('>IIHBB32s32s32s', $id, 9, 50, 3, 1, b'n' * 32, bytes(32), bytes(32))
s.send(bytes.fromhex('02000000010202000000010188b502100000') [:16] +
       struct.pack('>HIQ', len(hello), 0, 0) + hello)"
check "I7: without a MAC it is not authentic" wait_for 5 counter "$G2" frame_auth $((foreign + 1))
is "I7: and claims no node's id" "$(stat "$G2" node_conflict)" "$conflicts"
is "I7: nor does it count as heard" "$(stat "$G2" hello_rx)" "$heard"
check "the module leaves" ha_unload
ktap_finished
