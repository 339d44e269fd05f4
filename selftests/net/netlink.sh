#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# timeout: 120
#
# M9: every command over netlink, every refusal in a sentence, events, dumps
# while things change, and nobody without CAP_NET_ADMIN.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"

refused() { # SENTENCE ARG...: by G1, exit status 1
	local sentence=$1 said status

	shift
	said=$(ha "$G1" "$@" 2>&1)
	status=$?
	if [ $status = 1 ] && [[ $said == *"$sentence"* ]]; then
		ok "refused: $*"
	else
		say "status $status: $said"
		fail "refused: $*"
	fi
}

field() { # OBJECT EXPRESSION
	ha "$G1" -j "$1" show | jq -c ".[0] | $2"
}

ha_load
topology
key=/run/key
must ha "$G1" keygen $key
is "a key file is for its owner alone" "$(command stat -c %a $key)" 600
ha "$G1" monitor > /run/events &
wait_for 5 test -e /run/events

refused "There is no such device" link add nodev peer 02:00:00:00:01:02 key $key
refused "not an Ethernet device" link add lo peer 02:00:00:00:01:02 key $key
refused "needs a key" link add sync peer 02:00:00:00:01:02
refused "not both" link add sync peer 02:00:00:00:01:02 key $key insecure
refused "unicast" link add sync peer 01:00:00:00:01:02 key $key
refused "the device's own" link add sync peer 02:00:00:00:01:01 key $key
refused "out of range" link add sync peer 02:00:00:00:01:02 key $key heartbeat 1
must ip -n "$G1" link set sync mtu 900
refused "MTU" link add sync peer 02:00:00:00:01:02 key $key
must ip -n "$G1" link set sync mtu 1500
must ha "$G1" node set id 77
check "link add" ha "$G1" link add sync peer 02:00:00:00:01:02 key $key heartbeat 20 dead 5 batch 0
refused "already" link add sync peer 02:00:00:00:01:02 key $key
refused "while there are links" node set id 5
is "node id" "$(field node .id)" 77
is "settings of the link" \
	"$(field link '[.heartbeat, .dead, .batch, .sealed]')" \
	"[20,5,0,true]"
check "link set" ha "$G1" link set sync heartbeat 100
is "was set, the rest stays" "$(field link '[.heartbeat, .dead]')" "[100,5]"
refused "There is no link" link set wan heartbeat 100
refused "There is no link" link del wan
check_not "a key is never read back" grep -q "$(cat $key)" <<<"$(ha "$G1" -j link show)"

refused "2 intervals" group add g role active interval 100 quantity 150
refused "There is no link on this device" group add g role active link wan
refused "slashes" group add a/b role active
refused "out of range" group add g role active interval 2000000
check "group add" ha "$G1" group add g address 192.0.2.1 address 2001:db8::1 reqid 5 mark 1/0xff \
	if_id 9 role standby interval 8 max-age 20 bitmap on on-peer-loss takeover replay strict join 50
refused "exists" group add g role standby
is "settings of the group" \
	"$(field group '[.role, .interval, .max_age, .bitmap, .on_peer_loss, .replay, .join, .reqid, .mark, .if_id]')" \
	'["standby",8,20,true,"takeover","strict",50,5,"0x1/0xff",9]'
check "group set" ha "$G1" group set g interval 32 replay lenient
is "was set, the rest stays" "$(field group '[.interval, .max_age, .replay]')" \
	'[32,20,"lenient"]'
refused "There is no group" group set nobody interval 1
refused "There is no group" group del nobody
refused "There is no group" takeover nobody
refused "not active" release g
refused "Group g is mirrored" link del sync
check "takeover" ha "$G1" takeover g
wait_for 5 role "$G1" g active
refused "already" takeover g
refused "no peer in sync" release g
check "an event for each change" wait_for 5 grep -q 'event takeover .*role active' /run/events
check "counters" ha "$G1" stat show
is "version" "$(ha "$G1" -j version | jq -c '.[0] | .tool == .module')" true

# A dump while the table changes has each SA once at most.
must ha "$G1" group add all role active
for i in {1..200}; do
	echo "xfrm state add src 192.0.2.1 dst 192.0.2.9 proto esp spi $((0x5000 + i)) reqid 1 mode tunnel enc ecb(cipher_null) \"\""
done > /run/batch
must ip -n "$G1" -batch /run/batch
(for _ in {1..20}; do ip -n "$G1" xfrm state flush; ip -n "$G1" -batch /run/batch; done) &
flow=$!
twice=0
for _ in {1..20}; do
	ha "$G1" -j sa show > /run/dump || twice=$((twice + 1))
	[ "$(jq 'length - (map(.index) | unique | length)' /run/dump)" = 0 ] || twice=$((twice + 1))
done
wait $flow
is "dumps while SAs come and go" $twice 0

check_not "not without CAP_NET_ADMIN" on "$G1" setpriv --reuid 65534 --clear-groups --bounding-set=-all \
	"$XFRM_HA_DIR/tools/xfrm-ha" group show
check "group del" ha "$G1" group del g
must ha "$G1" group del all
check "link del" ha "$G1" link del sync
check "the module leaves" ha_unload
ktap_finished
