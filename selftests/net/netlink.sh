#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tap: any
# timeout: 240
#
# M9: every command over netlink, every refusal in a sentence, events, dumps
# while things change, and nobody without CAP_NET_ADMIN.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"

field() { # OBJECT EXPRESSION
	ask "$G1" "$1" show
	case $2 in
	.*) json_first "$REPLY" "$2" && echo "$REPLY" ;;
	*) jq -c ".[0] | $2" <<<"$REPLY" ;;
	esac
}

ha_load
topology
key=/run/key
keygen $key
is "a key file is for its owner alone" "$(command stat -c %a $key)" 600
ha "$G1" monitor > /run/events &
wait_for 5 test -e /run/events

refused "$G1" "There is no such device" link add nodev peer 02:00:00:00:01:02 key $key
refused "$G1" "not an Ethernet device" link add lo peer 02:00:00:00:01:02 key $key
refused "$G1" "needs a key" link add sync peer 02:00:00:00:01:02
refused "$G1" "not both" link add sync peer 02:00:00:00:01:02 key $key insecure
refused "$G1" "unicast" link add sync peer 01:00:00:00:01:02 key $key
refused "$G1" "the device's own" link add sync peer 02:00:00:00:01:01 key $key
refused "$G1" "out of range" link add sync peer 02:00:00:00:01:02 key $key heartbeat 1
must ip -n "$G1" link set sync mtu 900
refused "$G1" "MTU" link add sync peer 02:00:00:00:01:02 key $key
must ip -n "$G1" link set sync mtu 1500
must ha "$G1" node set id 77
check "link add" ha "$G1" link add sync peer 02:00:00:00:01:02 key $key heartbeat 20 dead 5 batch 0
refused "$G1" "already" link add sync peer 02:00:00:00:01:02 key $key
refused "$G1" "while there are links" node set id 5
is "node id" "$(field node .id)" 77
is "settings of the link" \
	"$(field link '[.heartbeat, .dead, .batch, .sealed]')" \
	"[20,5,0,true]"
check "link set" ha "$G1" link set sync heartbeat 100
is "was set, the rest stays" "$(field link '[.heartbeat, .dead]')" "[100,5]"
refused "$G1" "There is no link" link set wan heartbeat 100
refused "$G1" "There is no link" link del wan
must ip -n "$G1" link add in0 type veth peer name in1
must ha "$G1" link add in0 peer 02:00:00:00:01:02 insecure
refused "$G1" "delete it, and add it with a key" link set in0 key $key
refused "$G1" "the device's own" link set sync peer 02:00:00:00:01:01
for n in 2 4 6; do
	must ip -n "$G1" link add in$n type veth peer name in$((n + 1))
done
for n in 1 2 3 4 5 6; do
	must ha "$G1" link add in$n peer 02:00:00:00:01:02 insecure
done
refused "$G1" "no more than 8 links" link add in7 peer 02:00:00:00:01:02 insecure
mtu() { # DEVICE
	on "$G1" cat "/sys/class/net/$1/mtu"
}
state_is() { # DEVICE STATE
	[ "$(link_field "$G1" "$1" state)" = "$2" ]
}
check_not "no less than the link needs" ip -n "$G1" link set in0 mtu 999
is "its MTU stays" "$(mtu in0)" 1500
check "as little as it needs" ip -n "$G1" link set in0 mtu 1000
must ip -n "$G1" link del in0
must ip -n "$G1" link add in0 up mtu 999 type veth peer name in1
must ip -n "$G1" link set in1 up
# One after the other: what becomes of in2 was known after in0's.
must ip -n "$G1" link set in2 up
must ip -n "$G1" link set in3 up
must wait_for 5 state_is in2 connecting
is "a new one that is too small is none" \
	"$(link_field "$G1" in0 state) $(on "$G1" cat /sys/class/net/in0/carrier)" "down 1"
must ip -n "$G1" link set in0 mtu 1000
check "until it is not" wait_for 5 state_is in0 connecting
for n in {0..6}; do
	must ha "$G1" link del "in$n"
done
check "without a link any" ip -n "$G1" link set in0 mtu 999
check_not "a key is never read back" grep -q "$(cat $key)" <<<"$(ha "$G1" -j link show)"

refused "$G1" "2 intervals" group add g role active interval 100 quantity 150
refused "$G1" "There is no link on this device" group add g role active link wan
refused "$G1" "slashes" group add a/b role active
refused "$G1" "at least one" group add "" role active
refused "$G1" "out of range" group add g role active interval 2000000
refused "$G1" "group add: interval: integer out of range: 0 to 1048576 (" group add g role active \
	interval 2000000
refused "$G1" "link add: heartbeat: integer out of range: 5 to 10000 (" link add sync \
	peer 02:00:00:00:01:02 key $key heartbeat 10001
refused "$G1" "group add: role is missing (" group add g interval 5
refused "$G1" "link add: peer is missing (" link add sync key $key
refused "$G1" "node set: id: " node set id 0
refused "$G1" "group set: There is no group of this name (" group set nobody interval 5
refused "$G1" "sa show: there is no group nobody" sa show group nobody
refused "$G1" "less than the number of nodes" group add g role active index 5 nodes 4
refused "$G1" "out of range" group add g role active index 0 nodes 17
refused "$G1" "out of range" group add g role active stripe 9
refused "$G1" "out of range" group add g role active stripe 32
refused "$G1" "fit into 2^32" group add g role active stripe 31 index 0 nodes 3
refused "$G1" "be told its index" group add g role active nodes 3
# shellcheck disable=SC2046	# a list
refused "$G1" "no more than 16 addresses" group add g role active $(printf 'address 10.0.0.%s ' {1..17})

# As no tool would say it: so many groups in a role.
cat > /run/raw <<-'EOF'
	import re, socket, struct, sys
	header = open(sys.argv[1]).read()
	def number(name):
	    names = next(e for e in re.findall(r'enum \{(.*?)\}', header, re.S) if name in e)
	    n = -1
	    for m in re.finditer(r'(\w+)(?: = (\d+))?,', names):
	        n = int(m[2]) if m[2] else n + 1
	        if m[1] == name:
	            return n
	def attr(kind, value):
	    return struct.pack('HH', 4 + len(value), kind) + value + bytes(-len(value) % 4)
	s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
	s.setsockopt(270, 11, 1)
	def call(family, command, attrs):
	    body = struct.pack('BBH', command, 1, 0) + attrs
	    s.send(struct.pack('IHHII', 16 + len(body), family, 5, 1, 0) + body)
	    return s.recv(65536)
	answer = call(16, 3, attr(2, b'xfrm_ha\0'))
	family = struct.unpack_from('H', answer, answer.index(struct.pack('HH', 6, 1)) + 4)[0]
	s.recv(65536)
	command = number('XFRM_HA_CMD_GROUP_NEW')
	role = attr(number('XFRM_HA_A_GROUP_ROLE'), struct.pack('I', int(sys.argv[3])))
	name = number('XFRM_HA_A_GROUP_NAME')
	s.setsockopt(socket.SOL_SOCKET, 33, 4 << 20)
	# Many by one system call: no machine is too slow for the limit of events then.
	for first in range(0, int(sys.argv[2]), 500):
	    numbers = range(first, min(first + 500, int(sys.argv[2])))
	    bodies = [struct.pack('BBH', command, 1, 0) + attr(name, b'raw%d\0' % n) + role
	              for n in numbers]
	    s.send(b''.join(struct.pack('IHHII', 16 + len(body), family, 5, 1, 0) + body
	                    for body in bodies))
	    for n, answer in [(n, s.recv(65536)) for n in numbers]:
	        if struct.unpack_from('i', answer, 16)[0]:
	            print(n, re.search(rb'[A-Z][\w ]{8,}', answer)[0].decode())
	            sys.exit()
EOF
raw() { # COUNT ROLE: adds groups; how many could be added, and why no more
	on "$G1" python3 /run/raw "$XFRM_HA_DIR/include/uapi/linux/xfrm_ha.h" "$1" "$2"
}
is "refused: a role to start in that is none" "$(raw 1 1)" "0 A group starts as active or standby"
is "refused: too many groups" "$(raw 2000 0)" "1024 A netns can have no more than 1024 groups"
# Each would be an event to who listens: 200 a second are.
check "I6: event_limit: the others are counted" counter "$G1" event_limit 1
told() { # after a while there are events again
	ha "$G1" group set raw7 interval 77
	grep -q 'event group-set .*group raw7 ' /run/events
}
check "and the limit is of a second" wait_for 5 told
must ha_unload
ha_load
must ha "$G1" node set id 77
must ha "$G1" link add sync peer 02:00:00:00:01:02 key $key heartbeat 100 dead 5 batch 0
ha "$G1" monitor > /run/told &
listening() { # an event comes of each
	ha "$G1" link set sync batch 0
	[ -s /run/told ]
}
must wait_for 10 listening
must ha "$G1" link del sync
must ha "$G1" link add sync peer 02:00:00:00:01:02 key $key heartbeat 100 dead 5 batch 0
device() { # STATE: the last that was said of the link's device
	grep 'event link-device' /run/told | tail -n 1 | grep -q "state $1"
}
check "M9: a link has a device" wait_for 10 device connecting
must ip -n "$G1" link set sync down
check "M9: it is down" wait_for 10 device down
must ip -n "$G1" link set sync up
check "M9: and up" wait_for 10 device connecting
check "group add" ha "$G1" group add g address 192.0.2.1 address 2001:db8::1 reqid 5 mark 1/0xff \
	if_id 9 role standby interval 8 max-age 20 bitmap on on-peer-loss takeover replay strict join 50
refused "$G1" "exists" group add g role standby
is "settings of the group" \
	"$(field group '[.role, .interval, .max_age, .bitmap, .on_peer_loss, .replay, .join, .reqid, .mark, .if_id]')" \
	'["standby",8,20,true,"takeover","strict",50,5,"0x1/0xff",9]'
check "group set" ha "$G1" group set g interval 32 replay lenient
is "was set, the rest stays" "$(field group '[.interval, .max_age, .replay]')" \
	'[32,20,"lenient"]'
refused "$G1" "There is no group" group set nobody interval 1
refused "$G1" "There is no group" group del nobody
refused "$G1" "There is no group" takeover nobody
STATUS=3 refused "$G1" "not active" release g
refused "$G1" "Group g is mirrored" link del sync
check "takeover" ha "$G1" takeover g
wait_for 5 role "$G1" g active
STATUS=3 refused "$G1" "already" takeover g
STATUS=4 refused "$G1" "no peer in sync" release g
STATUS=1 refused "$G1" "say takeover, or release" group set g role active
STATUS=1 refused "$G1" "wait SECONDS" takeover g soon
check "counters" ha "$G1" stat show
is "version" "$(ha "$G1" -j version | jq -c '.[0] | .tool == .module')" true

# A dump while the table changes has each SA once at most.
must ha "$G1" group add all role active join 50
must wait_for 5 role "$G1" all active
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

# Nobody without CAP_NET_ADMIN: neither reads nor changes
unprivileged() { # ARG...
	refusal "not without CAP_NET_ADMIN: $*" "Operation not permitted" \
		on "$G1" setpriv --reuid 65534 --clear-groups --bounding-set=-all \
		"$XFRM_HA_DIR/tools/xfrm-ha/xfrm-ha" "$@"
}
# Who may listen would do so for ever.
refusal "not without CAP_NET_ADMIN: monitor" "Operation not permitted" \
	on "$G1" timeout 10 setpriv --reuid 65534 --clear-groups --bounding-set=-all \
	"$XFRM_HA_DIR/tools/xfrm-ha/xfrm-ha" monitor
before=$(ha "$G1" -j link show | jq -c 'map(.batch)')$(ha "$G1" -j group show |
	jq -c 'map([.name, .interval, .role])')
while read -r command; do
	# shellcheck disable=SC2086	# words
	unprivileged $command
done <<-'EOF'
	link show
	link add wan peer 02:00:00:00:01:02 insecure
	link set sync batch 100
	link del sync
	group show
	group add h role active
	group set g interval 5
	group del g
	takeover g force
	release g
	sa show
	stat show
	node show
	node set id 5 sa-limit 5 orphan-limit 5 orphan-age 5
	engine show
	engine set wan period 1000
	engine nic wan weight 2
	engine nics wan
	engine drain wan
	engine undrain wan
	engine pin wan 0x1001 software
	engine unpin wan 0x1001
	cache show wan
	cache pin wan 0x1001 software
	cache unpin wan 0x1001
EOF
is "and nothing has changed" "$(ha "$G1" -j link show | jq -c 'map(.batch)')$(
	ha "$G1" -j group show | jq -c 'map([.name, .interval, .role])')" "$before"
check "group del" ha "$G1" group del g
must ha "$G1" group del all
check "link del" ha "$G1" link del sync
events() { # what they are of; the link was set until somebody listened
	sed -n 's/^ *event \([a-z-]*\)  [a-z]* \([a-z]*\) .*/\1 \2/p' /run/told |
		grep -vE '^(link-device|missing|sa-unattended) ' | uniq | xargs
}
wanted="link-set sync link-del sync link-new sync group-new g group-set g takeover g group-new all"
wanted+=" takeover all group-del g group-del all link-del sync"
all_told() {
	[ "$(events)" = "$wanted" ]
}
wait_for 5 all_told
is "an event for each change, in this order" "$(events)" "$wanted"
check "the module leaves" ha_unload
ktap_finished
