#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# machines: qemu smp-san smp-kcsan
# tap: any
# timeout: 240
#
# M8: a peer is dead: roles change and the event is told before anything is cleared up that
# grows with the number of SAs, or waits for a grace period. A CPU is held in the clearing up, of
# the same link and of another netns': neither delays a takeover.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/delay.sh"

lost() { # COUNT: so many losses were told to who watches G2
	[ "$(grep -c "event peer-lost" /run/events)" -ge "$1" ]
}

again() { # G1 active, G2 standby
	silent off
	must wait_for 30 settled
	must wait_for 30 in_sync "$G1" "$G2"
	[ "$(group "$G1" vpn role)" = active ] || must ha "$G1" takeover vpn
	must wait_for 20 role "$G1" vpn active
	must wait_for 20 role "$G2" vpn standby
}

ha_load
topology
bridged
netns F1 F2
must ip link add sync netns "$F1" address 02:00:00:00:01:01 type veth \
	peer name sync netns "$F2" address 02:00:00:00:01:02
must xfrm-ha keygen /run/other
for n in 1 2; do
	f=F$n
	must ip -n "${!f}" link set sync up
	must ha "${!f}" link add sync peer 02:00:00:00:01:0$((3 - n)) key /run/other
done
must wait_for 20 link_state "$F1" up
sas 0x1000 4 tunnel "$G1 $G2 $P" replay-window 32
links heartbeat 100 dead 30
groups vpn interval 1 on-peer-loss takeover
ip netns exec "$G2" "$XFRM_HA_DIR/tools/xfrm-ha/xfrm-ha" monitor > /run/events &
must wait_for 10 in_sync "$G1" "$G2"

# Of the same link: G2's first, for G1 has more patience with it than it has with G1.
sessions=$(stat "$G1" session_new)
must ha "$G2" link set sync dead 100
must wait_for 20 counter "$G1" session_new $((sessions + 1))
must wait_for 20 counter "$G2" session_new $((sessions + 1))
must wait_for 20 in_sync "$G1" "$G2"
delay_at xha_mirror_ended 10000
silent on
check "the clearing up is held" wait_for 20 delay_held
check "M8: it is active meanwhile" role "$G2" vpn active
check "M8: and has said so" lost 1
check "nobody has gone on" delay_held
delay_off
again

# Of another netns, whose link changes while G2 waits for its peer.
delay_at xha_mirror_ended 10000
silent on
must ha "$F1" link set sync peer 02:00:00:00:01:07
check "another netns clears up, and is held" wait_for 20 delay_held
check "M8: who has lost its peer takes over" wait_for 3 role "$G2" vpn active
check "M8: and says so" lost 2
check "the other one has not gone on" delay_held
delay_off
check "the module leaves" ha_unload
ktap_finished
