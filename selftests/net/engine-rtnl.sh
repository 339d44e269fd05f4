#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: ethtool jq python3
# tap: any
# timeout: 240
#
# A1 C3: an engine device is a link like others: rtnetlink tells its settings, and of each of its NICs
# the slots, and sets them, with the attributes and limits of the generic netlink family.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/espnic.sh"
. "$(dirname "$0")/../lib/engine.sh"

link() { # COMMAND DEV [ATTRIBUTE VALUE]...
	on "$A" python3 "$XFRM_HA_DIR/selftests/lib/rtlink.py" "$@"
}

shows() { # DEV FILTER
	link show "$1" | jq -r "$2"
}

espnic_load slots=4
ha_load
wires

#
# Made with settings
#
check "made, with settings" link add eng0 period 100 swaps 7 threshold 4294967295 adopt 1 \
	adopt-group some
is "C3: rtnetlink tells them" "$(shows eng0 '"\(.kind) \(.period) \(.swaps) \(.adopt) \(
	."adopt-group") \(.rise)"')" "xfrm_engine 100 7 1 some 256"
is "C3: generic netlink, too" "$(eng '"\(.period) \(.swaps) \(.adopt) \(.adopt_group)"')" "100 7 group some"
is "C3: ip tells the kind" "$(ip -n "$A" -d -j link show eng0 |
	jq -r '.[0].linkinfo.info_kind')" xfrm_engine
check "refused: another one adopts" denied "Another engine device adopts the SAs" link add eng1 \
	adopt 1
check_not "and it is not there" ip -n "$A" link show eng1
check "refused: out of range" denied "integer out of range" link add eng1 period 5
check "refused: a group, for nothing" denied "whose SAs are to be adopted" link add eng1 \
	adopt-group some
check "refused: a name in the settings" denied "The link is the engine device" link add eng1 dev eng2
check_not "none of these is there" ip -n "$A" link show eng1
check "without settings" link add eng1
is "these are the defaults" "$(shows eng1 '"\(.period) \(.adopt)"')" "1000 0"
must ip -n "$A" link del eng1

#
# Changed
#
ip netns exec "$A" "$XFRM_HA_DIR/tools/xfrm-ha/xfrm-ha" monitor > /run/events &
monitor=$!
hears() {
	ha engine set eng0 rise 255 && grep -q engine-set /run/events
}
must wait_for 10 hears
must ha engine set eng0 rise 256
told=$(grep -c engine-set /run/events)
check "changed" link set eng0 period 200 adopt 0
is "C3: by rtnetlink" "$(shows eng0 '"\(.period) \(.swaps) \(.adopt)"')" "200 7 0"
notified() {
	[ "$(grep -c engine-set /run/events)" -gt "$told" ]
}
check "and told of" wait_for 5 notified
check "refused: out of range, changed" denied "integer out of range" link set eng0 period 200 rise 0
check "C3: changed by generic netlink" ha engine set eng0 period 50
is "C3: rtnetlink tells" "$(shows eng0 .period)" 50

#
# NICs
#
must ip -n "$A" link set nic0 master eng0
must ip -n "$A" link set nic1 master eng0
side "$A" eng0 1 2
is "C3: ip tells what a NIC is" "$(ip -n "$A" -d -j link show nic0 |
	jq -r '.[0].linkinfo.info_slave_kind')" xfrm_engine
is "a NIC's slots" "$(shows nic0 '"\(."slave-kind") \(."slots-out") \(.weight) \(.drain) \(
	."used-out")"')" "xfrm_engine 4294967295 1 0 0"
offload=eng0
for k in 1 2 3 4; do
	tunnel $k 4 replay-window 32
done
used() { # DEV COUNT: outbound, says rtnetlink
	[ "$(shows "$1" '."used-out"')" = "$2" ]
}
check "A1: rtnetlink tells how many are used" wait_for 10 used nic0 2
check "A1: of the other NIC, too" wait_for 10 used nic1 2
is "A1: and how many SAs there are" "$(shows eng0 '"\(.sas) \(.hard >= 4)"')" "8 true"
check "A1: the limit of a NIC" link nic nic0 slots-out 1 weight 3
is "A1: is told" "$(nics nic0 '"\(.slots_out) \(.weight)"')" "1 3"
check "A1: and kept to" wait_for 10 used nic0 1
check "A1: drained" link nic nic1 drain 1
check "A1: holds none" wait_for 10 used nic1 0
is "A1: its state" "$(nics nic1 .state)" drained
check "traffic" pings 3 4 5
check "refused: a weight of 0" denied "integer out of range" link nic nic1 weight 0
check "refused: a name" denied "The link is the NIC" link nic nic1 dev nic0
check "A1: undrained" link nic nic1 drain 0
check "A1: holds some again" wait_for 10 used nic1 3
stopped $monitor
no_tunnels
must ip -n "$A" link set nic0 nomaster
is "no NIC, no slots" "$(shows nic0 length)" 0
ktap_finished
