#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# machines: qemu smp-san smp-kcsan
# tap: ftrace
# timeout: 120
#
# M1 N7: what an SA has moved is told by its age, also where another one moves all the time and is
# told by its interval.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"

# As fast as it can, until it is stopped
busy() {
	exec ip netns exec "$G1" python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.1.0.1", 0))
while True:
    try:
        s.sendto(b"x", ("10.2.0.1", 9))
    except OSError:
        pass'
}

moving() { # PACKETS
	[ "$(sa "$G1" 0x1001 .packets)" -ge "$1" ]
}

ha_load
topology
links
groups vpn interval 16 max-age 100
sas 0x1000 4 tunnel "$G1 $G2 $P" replay-window 128
policies 0x1000 4 tunnel
sas 0x1010 6 tunnel "$G1 $G2 $P" replay-window 128
policies 0x1010 6 tunnel
must wait_for 20 in_sync "$G1" "$G2"
# The first one is due at once.
must on "$G1" ping -q -c 1 -W 5 fd02::1
must wait_for 10 mirrored "$G1" 0x1011
busy &
busy=$!
must wait_for 10 moving 1000
aged=$(stat "$G1" record_aged)
for n in 2 3 4; do
	must on "$G1" ping -q -c 1 -W 5 fd02::1
	check "N7: what moves seldom is told" wait_for 10 mirrored "$G1" 0x1011
	is "packets of it that the peer knows" "$(sa "$G2" 0x1011 .packets)" "$n"
done
before=$(sa "$G1" 0x1001 .packets)
check "the others have moved all the time" wait_for 10 moving $((before + 100))
check "M1: by its age" counter "$G1" record_aged $((aged + 3))
stopped "$busy"
check "M1: in the end the peer knows of all" wait_for 10 mirrored "$G1" 0x1001
check "the module leaves" ha_unload
ktap_finished
