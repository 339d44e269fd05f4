#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tap: any
# timeout: 240
#
# M8 N6: a carrier that is lost for a moment is not a death: the peer has as long as ever to be heard
# again, unless told otherwise. Each end of a session has its reason: in link show, and in the event.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"

reason() { # NAMESPACE REASON: of the last loss
	[ "$(link_field "$1" sync last_loss)" = "$2" ]
}

role_by() { # NAMESPACE ROLE REASON
	[ "$(group "$1" vpn role) $(group "$1" vpn reason)" = "$2 $3" ]
}

told() { # NAMESPACE EVENT REASON COUNT: so many events at least
	[ "$(jq --arg event "$2" --arg why "$3" -n \
		'[inputs[] | select(.event == $event and .reason == $why)] | length' \
		"/run/events.$1")" -ge "$4" ]
}

devices() { # NAMESPACE COUNT: its device was said to come or go so often
	[ "$(grep -c link-device "/run/events.$1")" -ge "$2" ]
}

both_up() {
	must wait_for 20 link_state "$G1" up
	must wait_for 20 link_state "$G2" up
}

ha_load
topology
bridged
sas 0x1000 4 tunnel "$G1 $G2 $P" replay-window 32
policies 0x1000 4 tunnel
for ns in "$G1" "$G2"; do
	ip netns exec "$ns" "$XFRM_HA_DIR/tools/xfrm-ha/xfrm-ha" -j monitor > "/run/events.$ns" &
done
links heartbeat 1000 carrier-loss dead
is "the setting can be read" "$(link_field "$G1" sync carrier_loss)" dead
is "no session has ended" "$(link_field "$G1" sync last_loss)" none
groups vpn interval 1 on-peer-loss takeover
check "traffic" pings 10

# A blip of either carrier: nobody is lost, and the session is the same. Records wait.
sessions="$(stat "$G1" session_new) $(stat "$G2" session_new)"
for n in 1 2; do
	g=G$n
	seen=$(grep -c link-device "/run/events.${!g}")
	must ip -n "$X" link set g$n down
	check "gateway $n has no carrier" wait_for 10 devices "${!g}" $((seen + 1))
	is "its session stands" "$(link_field "${!g}" sync state)" up
	check "traffic goes on" pings 10
	must ip -n "$X" link set g$n up
	check "it has a carrier" wait_for 10 devices "${!g}" $((seen + 2))
	check "all is mirrored" wait_for 20 mirrored "$G1" 0x1001
done
is "in the same session" "$(stat "$G1" session_new) $(stat "$G2" session_new)" "$sessions"
is "M8: no peer was lost" "$(stat "$G1" peer_lost) $(stat "$G2" peer_lost)" "0 0"
is "the roles are as before" "$(group "$G1" vpn role) $(group "$G2" vpn role)" "active standby"

# Settings: this end's, and for the peer it is another session.
must ha "$G1" link set sync heartbeat 900
check "settings: here" wait_for 10 reason "$G1" settings
check "settings: there" wait_for 10 reason "$G2" restarted
check "is told here" wait_for 10 told "$G1" link-down settings 1
check "is told there" wait_for 10 told "$G2" link-down restarted 1
both_up

# The device is down: at once. The peer, which keeps its carrier, hears of it by the next session.
lost=$(stat "$G2" peer_lost)
must ip -n "$G2" link set sync down
check "device" wait_for 10 reason "$G2" device
check "is told" wait_for 10 told "$G2" peer-lost device 1
is "one loss" "$(stat "$G2" peer_lost)" $((lost + 1))
must ip -n "$G2" link set sync up
check "the peer has started anew" wait_for 10 told "$G1" link-down restarted 1
both_up
is "N6: for the other it was none" "$(stat "$G1" peer_lost)" 0

# Without a carrier for too long
for ns in "$G1" "$G2"; do
	must ha "$ns" link set sync heartbeat 50 dead 10
	both_up
done
must ip -n "$X" link set g1 down
check "carrier: when the peer was silent" wait_for 20 reason "$G1" carrier
check "is told" wait_for 10 told "$G1" peer-lost carrier 1
is "the link is down" "$(link_field "$G1" sync state)" down
check "timeout: where there is one" wait_for 20 reason "$G2" timeout
check "is told" wait_for 10 told "$G2" peer-lost timeout 1
check "M9: the role says so, too" wait_for 10 role_by "$G2" active peer-silent
is "it looks for the peer" "$(link_field "$G2" sync state)" connecting
must ip -n "$X" link set g1 up
both_up

# At once: 100 heartbeats of a second are longer than anybody waits here.
for ns in "$G1" "$G2"; do
	must ha "$ns" link set sync heartbeat 1000 dead 100 carrier-loss at-once
	both_up
done
is "the setting was changed" "$(link_field "$G1" sync carrier_loss)" at-once
must ip -n "$X" link set g1 down
check "at once" wait_for 10 told "$G1" peer-lost carrier 2
must ip -n "$X" link set g1 up
both_up
check_not "another word" ha "$G1" link set sync carrier-loss never
check "the module leaves" ha_unload
ktap_finished
