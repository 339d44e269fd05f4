#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: jq
# tap: any
# timeout: 240
#
# M9 N17: from any state to the one that a file describes, changing what differs and nothing else:
# no session and no role ends, no packet is lost. What is written of the state leads to the same.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/had.sh"

apply() { # N WORD...: the file of gateway N
	local ns=G$1

	ha "${!ns}" apply "/run/conf$1" "${@:2}"
}

steps() { # N WORD...: that it would take, in a line
	apply "$1" dry-run "${@:2}" | paste -sd,
}

conf() { # N GROUP-SETTING...: writes the file of gateway N
	local n=$1

	cat > "/run/conf$n" <<-EOT
	link hb {
	    device = sync
	    peer = 02:00:00:00:01:0$((3 - n))
	    key-file = /run/key
	    dead = 100 carrier-loss = at-once $LINK
	}
	group vpn {
	    match { address = { 192.0.2.1, 2001:db8::1 } }
	    role = $([ "$n" = 1 ] && echo active || echo standby)
	    ${*:2}
	}
	EOT
}

session() { # N: when the session began
	local ns=G$1

	ha "${!ns}" -j link show sync | jq '.[0] | "\(.peer_node) \(.last_loss)"'
}

events() { # N: what monitor has heard that a session or a role has changed, by number
	grep -cE '"(link-up|link-down|peer-lost|role-change|takeover|release|deposed|group-del|link-del)"' \
		"/run/events$1"
}

ha_load
topology
keygen /run/key
LINK=
conf 1
conf 2
is "from nothing" "$(steps 1)" "link add sync,group add vpn"
is "dry-run does nothing" "$(ha "$G1" -j link show)" "[]"
check "one gateway" apply 1
check "and the other" apply 2
must wait_for 10 role "$G1" vpn active
must wait_for 10 in_sync "$G1" "$G2"
is "once more there is nothing to do" "$(apply 1),$(apply 2)" ","
is "a setting that is not named is at its default" \
	"$(ha "$G1" -j group show vpn | jq -c '.[0] | [.interval, .join, .soft, .replay, .alone]')" \
	'[64,3000,75,"lenient","solo"]'

sas 0x1000 4 tunnel "$G1 $G2 $P" replay-window 128 flag esn
policies 0x1000 4 tunnel
must wait_for 10 mirrored "$G1" 0x1001
for n in 1 2; do
	ns=G$n
	: > "/run/events$n"
	ip netns exec "${!ns}" "$XFRM_HA_DIR/tools/xfrm-ha/xfrm-ha" -j monitor > "/run/events$n" &
done
ip netns exec "$P" ping -q -i 0.02 10.1.0.1 > /run/pings &
pings=$!

# What differs is told, in one step each.
conf 1 interval = auto quantity = 4096 max-age = 20 bitmap = yes on-peer-loss = takeover \
	alone = hold sync = relaxed replay = strict join = 100 soft = 50
is "settings: one step" "$(steps 1)" "group set vpn"
check "settings" apply 1
is "each is set" "$(ha "$G1" -j group show vpn | jq -c '.[0] | [.interval, .quantity, .max_age,
	.bitmap, .on_peer_loss, .alone, .sync, .replay, .join, .soft]')" \
	'[null,4096,20,true,"takeover","hold","relaxed","strict",100,50]'
conf 1
check "and back to the defaults" apply 1
is "they are" "$(ha "$G1" -j group show vpn | jq -c '.[0] | [.interval, .quantity, .max_age,
	.bitmap, .on_peer_loss, .alone, .sync, .replay, .join, .soft]')" \
	'[64,8192,10,false,"notify","solo","strict","lenient",3000,75]'
LINK="batch = 1000"
conf 1
is "of the link: one step" "$(steps 1)" "link set sync"
check "of the link" apply 1
is "it is set" "$(link_field "$G1" sync batch)" 1000
cat >> /run/conf1 <<-EOT
sa-limit = 1000
group other { match { reqid = 5 } role = standby }
EOT
is "node and another group" "$(steps 1)" "node set,group add other"
check "node and another group" apply 1
LINK="batch = 1000"
conf 1
is "it goes" "$(steps 1)" "group del other,node set"
check "it goes" apply 1
check "the role stays" role "$G1" vpn active
check "both are in sync" in_sync "$G1" "$G2"

# What runs is a file as well.
dump() { # N: twice the same, and nothing to do between
	local ns=G$1

	ha "${!ns}" dump > "/run/dump$1" || return
	say "$(paste -sd' ' "/run/dump$1")"
	[ "$(ha "${!ns}" apply "/run/dump$1")" = "" ] || return
	[ "$(ha "${!ns}" dump)" = "$(cat "/run/dump$1")" ]
}
check "dump is a fixed point" dump 1
check "at the standby" dump 2
conf 1 interval = auto max-age = 20 bitmap = yes on-peer-loss = takeover replay = strict
cat >> /run/conf1 <<-EOT
orphan-age = 99
group a { match { reqid = 5 mark = 0x10/0xf0 if-id = 7 } role = standby }
group b { match { address = 198.51.100.1 } role = standby join = 0 stripe = 16 nodes = 3 index = 2 }
EOT
must apply 1
check "with all kinds of settings" dump 1
is "a file with them, too" "$(steps 1)" ""
LINK="batch = 1000"
conf 1
must apply 1

# What is settled when a group is made.
conf 1 stripe = 16
refusal "stripes are settled" "/run/conf1:7:1: group vpn: the stripes can't be changed" apply 1
sed 's/2001:db8::1/2001:db8::2/' -i /run/conf1
refusal "what it matches is" "group vpn: what it matches can't be changed" apply 1
LINK="ethertype = 0x1234"
conf 1
refusal "a link's ethertype is" "link hb: the ethertype can't be changed" apply 1
is "nothing was done" "$(link_field "$G1" sync ethertype)" 0x88b5
is "no session and no role has ended" "$(events 1) $(events 2 | tr -d '\n')" \
	"$(grep -c '"group-del"' /run/events1) 0"
must kill -INT "$pings"
wait "$pings"
say "$(grep loss /run/pings)"
check "no packet was lost" grep -q " 0% packet loss" /run/pings
LINK="ethertype = 0x1234"
conf 1
is "anew: the steps" "$(steps 1 replace)" "group del vpn,link del sync,link add sync,group add vpn"
conf 2
must apply 1 replace
must apply 2 replace
must wait_for 20 settled
is "anew" "$(link_field "$G1" sync ethertype)" 0x1234
check "packets pass" wait_for 10 pings 1

# The keys are told apart by their files only: the word "keys" sets them.
LINK="ethertype = 0x1234"
keygen /run/key
is "another key is not seen" "$(steps 1)" ""
is "unless it is said" "$(apply 1 keys),$(apply 2 keys)" "link set sync,link set sync"
must wait_for 20 settled

# A device that is not there stops nothing else.
conf 1
cat >> /run/conf1 <<-EOT
link gone { device = gone peer = 02:00:00:00:09:02 insecure = yes }
group more { link = hb match { reqid = 6 } }
group lost { link = gone match { reqid = 7 } }
EOT
refusal "a device that is not there" "link add gone: not done" apply 1
check "the rest is done" group "$G1" more role
is "but for what needs it" "$(steps 1)" "link add gone,group add lost"
must ip -n "$G1" link add gone type dummy
check "it comes" apply 1
is "nothing is left to do" "$(steps 1)" ""
: > /run/conf1
is "nothing is described" "$(steps 1 | tr , '\n' | sort | paste -sd,)" \
	"group del lost,group del more,group del vpn,link del gone,link del sync"
check "so nothing is left" apply 1
is "no group" "$(ha "$G1" -j group show)" "[]"
is "no link" "$(ha "$G1" -j link show)" "[]"
check "of nothing, too" dump 1
check "the module leaves" ha_unload
ktap_finished
