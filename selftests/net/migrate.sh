#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tap: any
# requires: python3
# timeout: 240
#
# M1, invariant I1: an IKE peer changes its address (MOBIKE), and the IKE daemons of all three
# move their SAs by XFRM_MSG_MIGRATE. The kernel makes new SAs for that and tells nobody of them:
# the standby's are held, and the active one's mirrored, before the next walk by time (5 s).

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"

migrate() { # NAMESPACE OLD NEW: P's address, in the SAs and policies of both directions
	local ns=$1 out=out in=in

	[ "$ns" != "$P" ] || out=in in=out
	run on "$ns" python3 - "$out" "$in" "$2" "$3" <<- 'END'
		import socket, struct, sys
		# linux/xfrm.h: XFRM_MSG_MIGRATE, XFRMA_MIGRATE, struct xfrm_userpolicy_id, xfrm_user_migrate
		MIGRATE, ATTR, DIR = 33, 17, {'in': 0, 'out': 1}
		def addr(a):
		    return socket.inet_aton(a).ljust(16, b'\0')
		def move(direction, src, dst, old, new):
		    sel = struct.pack('=16s16s4HH3B3xiI', addr(dst), addr(src), 0, 0, 0, 0,
		                      socket.AF_INET, 32, 32, 0, 0, 0)
		    m = struct.pack('=16s16s16s16sBBHIHH', addr(old[1]), addr(old[0]), addr(new[1]),
		                    addr(new[0]), 50, 1, 0, 0x1000, socket.AF_INET, socket.AF_INET)
		    body = sel + struct.pack('=IB3x', 0, DIR[direction]) + struct.pack('=HH', 4 + len(m), ATTR) + m
		    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 6)
		    s.send(struct.pack('=IHHII', 16 + len(body), MIGRATE, 5, 1, 0) + body)
		    err = struct.unpack_from('=i', s.recv(4096), 16)[0]
		    if err:
		        sys.exit(f'XFRM_MSG_MIGRATE: {err}')
		out, back, p, q = sys.argv[1:]
		g, here, there = '192.0.2.1', '10.1.0.1', '10.2.0.1'
		move(out, here, there, (g, p), (g, q))
		move(back, there, here, (p, g), (q, g))
	END
}

moved() { # NAMESPACE ADDRESS: its SAs are in the group, one of them to this address
	[ "$(group "$1" vpn sas)" = 2 ] && ha "$1" -j sa show | grep -q "\"dst\": *\"$2\""
}

ha_load
topology
sas 0x1000 4 tunnel "$G1 $G2 $P" replay-window 32
policies 0x1000 4 tunnel
oracle_start
links
groups vpn interval 4
must ip -n "$P" addr add 192.0.2.10/24 dev br0
for ns in "$G1" "$G2"; do
	must ip -n "$ns" neigh replace 192.0.2.10 lladdr 02:00:00:00:02:09 dev wan nud permanent
done
check "traffic" pings 30

old=192.0.2.9 new=192.0.2.10
for round in 1 2 3 4 5; do
	for ns in "$G2" "$G1" "$P"; do
		must migrate "$ns" $old $new
	done
	# wait_for is three times as patient.
	check "$round: the standby knows its new SAs" wait_for 1 moved "$G2" $new
	check "$round: and holds the one" held "$G2" 0x1001
	check "$round: and the other" held "$G2" 0x1002
	check "$round: the active node knows its own" wait_for 1 moved "$G1" $new
	check "$round: traffic" pings 30
	back=$old old=$new new=$back
done
wait_for 5 mirrored "$G1" 0x1001
is "M1: the number went on" "$(sa "$G1" 0x1001 .oseq)" 180
is "M1: and is mirrored" "$(sa "$G2" 0x1002 .seq)" 180
must ha "$G1" release vpn
must wait_for 5 role "$G2" vpn active
reroute 2
check "M1: the other gateway goes on" pings 30
# Its SA was made of one that stood at the lease's end, which counts as used.
between "M1: above the lease" "$(sa "$G2" 0x1001 .oseq)" 210 $((8192 + 210))
oracle_verdict "I1: no number was used twice" 0x1001
check "the module leaves" ha_unload
ktap_finished
