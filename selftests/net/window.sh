#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tap: any
# timeout: 240
#
# N4: more is to be told than frames may be under way. An acknowledgment that makes room for more
# brings the next ones about, by itself: nothing else happens here that would.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"

SAS=1000	# one a frame, for the window of each is told; 128 frames are under way at most

in_flight() { # COUNT
	ask_link "$G1" sync in_flight
	[ "$REPLY" = "$1" ]
}

ha_load
topology
must ip -n "$G1" link set sync mtu 1000
for ((spi = 0x10000; spi < 0x10000 + SAS; spi++)); do
	printf 'xfrm state add src 192.0.2.1 dst 192.0.2.9 proto esp spi %d reqid 1 mode tunnel ' $spi
	printf "aead 'rfc4106(gcm(aes))' 0x%040d 128 replay-window 4096 flag esn\n" $spi
done > /run/batch
must ip -n "$G1" -batch /run/batch

# G1 looks at its link each 5 s, and has no other reason to: there is no traffic. What G2 says
# are acknowledgments: it has no SAs. They take a while.
netem delay 100ms
keygen /run/key
must ha "$G1" link add sync peer 02:00:00:00:01:02 key /run/key heartbeat 10000 dead 100
must ha "$G1" group add vpn address 192.0.2.1 role standby bitmap on
must ha "$G2" link add sync peer 02:00:00:00:01:01 key /run/key heartbeat 10000 dead 100
check "N4: there is a session" wait_for 20 counter "$G1" session_new 1
# One window each 5 s would take more than 30 s.
check "N4: who makes room for frames that wait hears them" wait_for 5 link_state "$G1" up
check "they had to wait" counter "$G1" frame_window 1
is "all that they tell is known" "$(link_field "$G2" sync orphans)" $SAS
check "none is under way in the end" wait_for 20 in_flight 0
check "the module leaves" ha_unload
ktap_finished
