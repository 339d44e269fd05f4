#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tap: any
# timeout: 240
#
# N4, invariant I7: frames of a real session, recorded on their way, come back damaged in
# every bit, cut at every length, too long, repeated, and out of an older session. Each
# is dropped, each has a name in the counters, nothing is believed, and the session stands.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"

DROPS="version malformed stranger session replay auth"

# Frames that leave through the link's device, one a line, until SIGTERM.
cat > /run/hear <<-'EOF'
	import socket, sys
	s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
	s.bind(('sync', 3))
	print('ready', flush=True)
	while True:
	    frame, where = s.recvfrom(10000)
	    if where[2] == socket.PACKET_OUTGOING and frame[12:14] == b'\x88\xb5':
	        print(frame.hex(), flush=True)
EOF

# Sends what a recorded frame is made into; says how many.
cat > /run/send <<-'EOF'
	import socket, sys
	frame, how, n = bytes.fromhex(sys.argv[1]), sys.argv[2], 0
	s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
	s.bind(('sync', 0))
	HEAD = 14
	if how == 'bits':
	    out = []
	    for bit in range(8 * (len(frame) - HEAD)):
	        f = bytearray(frame)
	        f[HEAD + bit // 8] ^= 1 << bit % 8
	        out.append(f)
	elif how == 'cut':
	    out = [frame[:n] for n in range(HEAD, len(frame))]
	elif how == 'long':
	    out = [frame + bytes(9001 + HEAD - len(frame))]
	else:
	    out = [frame]
	for f in out:
	    s.send(f)
	print(len(out))
EOF

send() { # FRAME bits|cut|long|same: from G1; sets sent
	sent=$(on "$G1" python3 /run/send "$1" "$2") || bail "not sent"
}

drops() { # frames that G2 has dropped, handshakes that were too many too
	ha "$G2" -j stat show | jq --arg names "$DROPS" '($names | split(" ") | map("frame_" + .) +
		["hello_limit"]) as $n | map(select(.name | IN($n[])).value) | add'
}

dropped() { # COUNT: since it was $before
	[ $(($(drops) - before)) = "$1" ]
}

believed() { # what G2 knows of the SAs, and what it has been told
	ha "$G2" -j sa show | jq -c 'map([.spi, .oseq, .lease, .seq, .packets, .bytes])'
	stat "$G2" record_rx
	stat "$G2" announce_rx
	stat "$G2" session_new
	group "$G2" vpn term
}

ha_load
topology
sas 0x1000 4 tunnel "$G1 $G2 $P" replay-window 32
policies 0x1000 4 tunnel
must ip -n "$G1" link set sync mtu 9100
must ip -n "$G2" link set sync mtu 9100
# Few frames of its own, so that those recorded do not grow old.
links heartbeat 1000
groups vpn interval 1

# What is recorded while G2 is deaf has never been seen by it.
check "traffic" pings 10
wait_for 5 mirrored "$G1" 0x1001
ip netns exec "$G1" python3 /run/hear > /run/heard &
hear=$!
must wait_for 10 grep -q ready /run/heard
deaf "$G2" on
pings 5 > /dev/null
recorded() { # COUNT: frames with records in them: more than heartbeats and acknowledgments
	[ "$(awk 'length > 180' /run/heard | wc -l)" -ge "$1" ]
}
check "frames are recorded" wait_for 10 recorded 2
stopped $hear
mapfile -t frames < <(awk 'length > 180' /run/heard)
deaf "$G2" off
check "what was lost is sent again" wait_for 10 mirrored "$G1" 0x1001
wait_for 5 mirrored "$G1" 0x1002

known=$(believed)
for how in bits cut long; do
	before=$(drops)
	send "${frames[0]}" $how
	check "N4: $sent frames: $how: each is dropped" wait_for 10 dropped "$sent"
	is "I7: nothing of them is believed" "$(believed)" "$known"
	check "the session stands" link_state "$G2" up
done
check "N4: too long has a name" counter "$G2" frame_malformed 1
check "N4: not authentic has a name" counter "$G2" frame_auth 500

# It was lost, and comes late: that is no attack. Once more is.
before=$(stat "$G2" record_rx)
send "${frames[0]}" same
late() {
	[ $(($(stat "$G2" record_rx) - before)) -ge 1 ]
}
check "the frame itself, late, is taken" wait_for 5 late
before=$(drops)
replays=$(stat "$G2" frame_replay)
for _ in 1 2 3; do
	send "${frames[0]}" same
done
check "N4: and again: dropped" wait_for 5 dropped 3
is "N4: as a replay" $(($(stat "$G2" frame_replay) - replays)) 3

# Of an older session
must ip -n "$G1" link set sync down
must wait_for 10 link_state "$G2" down
must ip -n "$G1" link set sync up
must wait_for 10 link_state "$G1" up
must wait_for 10 link_state "$G2" up
calm() { # in sync, the active announces once more
	known=$(believed)
	ktap_nap 200
	[ "$(believed)" = "$known" ]
}
must wait_for 10 calm
before=$(drops)
for frame in "${frames[@]}"; do
	send "$frame" same
done
check "N4: frames of an older session: dropped" wait_for 5 dropped ${#frames[@]}
is "I7: nothing of them is believed" "$(believed)" "$known"
check "the session stands" link_state "$G2" up
check "traffic goes on" pings 10
check "and is mirrored" wait_for 5 mirrored "$G1" 0x1001
check "the module leaves" ha_unload
ktap_finished
