#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: genl jq python3
# tap: any
# timeout: 180
#
# M9 N5: xfrm-ha watch. The hook that was run last is that of the role that stands: when a handover
# breaks off, when events are old, and when they are missing. What else the tool shows is what the
# man page says.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"

said() { # FILE PATTERN: the last line is
	# shellcheck disable=SC2053	# a pattern
	[[ $(tail -n 1 "$1" 2>/dev/null) == $2 ]]
}

lines() { # GROUP: what was said of it since the last mark, one after the other
	awk -v group="$1" '/^mark/ { said = ""; next } $3 == group { said = said " " $1 }
		END { print said }' /run/hooks
}

watcher() { # FILE [OPTION...]: on G1, its hooks write into FILE
	ip netns exec "$G1" "$XFRM_HA_DIR/tools/xfrm-ha/xfrm-ha" watch --on-takeover "/run/hook up $1" \
		--on-release "/run/hook down $1" --timeout 0 "${@:2}" 2>> "$1.errors" &
	watch=$!
}

# The man page names each of the keys with the command.
manual() { # COMMAND KEY...
	local said key

	said=$(sed -n "/^\.BI\? \"\?$1/,/^\.TP\|^\.SH/p" "$XFRM_HA_DIR/tools/xfrm-ha/xfrm-ha.8")
	# Events of each kind have a paragraph.
	[ "$1" != monitor ] || said=$(sed -n '/^\.B monitor/,/^\.RE/p' "$XFRM_HA_DIR/tools/xfrm-ha/xfrm-ha.8")
	for key in "${@:2}"; do
		grep -qw "$key" <<<"$said" || { say "$key is missing"; return 1; }
	done
	say "$# words"
	[ $# -gt 1 ]
}

# The takeover hook for group other does not come back before the gate is open.
shut() {
	touch /run/shut
	must ha "$G1" group add other role active join 0 reqid 5
	must wait_for 10 said /run/hooks "up takeover other active"
	echo mark >> /run/hooks
}

open() { # and all that has come is dealt with
	rm /run/shut
	must ha "$G1" group add last role active join 0 reqid 6
	must wait_for 10 said /run/hooks "up takeover last active"
}

# Nothing is left of it but what the hooks have written.
clear() {
	must ha "$G1" group del other
	must ha "$G1" group del last
}

cat > /run/hook <<'EOT'
#!/bin/sh
echo "$1 $XFRM_HA_EVENT $XFRM_HA_GROUP $XFRM_HA_ROLE" >> "$2"
while [ -e /run/shut ] && [ "$1 $XFRM_HA_GROUP" = "up other" ]; do
	sleep 0.05
done
EOT
chmod +x /run/hook

ha_load
netns G1 G2
sync_cable
links heartbeat 20
ip netns exec "$G1" "$XFRM_HA_DIR/tools/xfrm-ha/xfrm-ha" -j monitor > /run/events &
monitor=$!
groups vpn address 192.0.2.1 address 2001:db8::1 address 192.0.2.2
is "M9: the addresses of a group" "$(ha "$G1" -j group show vpn | jq -c '.[0].addresses')" \
	'["192.0.2.1","192.0.2.2","2001:db8::1"]'
check "M9: in text" grep -q ' addresses 192.0.2.1,192.0.2.2,2001:db8::1$' \
	<<<"$(ha "$G1" group show vpn | grep -o ' addresses [^ ]*')"
sas 0x1000 4 tunnel "$G1 $G2"
must wait_for 20 in_sync "$G1" "$G2"
must wait_for 10 mirrored "$G1" 0x1001

watcher /run/hooks --initial
check "at the start, by the role" wait_for 10 said /run/hooks "up initial vpn active"

# G1 never hears that its last numbers have come.
must deaf "$G1" on
must ha "$G1" release vpn
check "N5: a handover begins" wait_for 5 said /run/hooks "down * vpn releasing"
check "N5: it breaks off" wait_for 10 said /run/hooks "up * vpn active"
must deaf "$G1" off
must wait_for 30 settled

shut
must ha "$G2" takeover vpn
must wait_for 10 role "$G1" vpn standby
must ha "$G1" takeover vpn
must wait_for 10 role "$G1" vpn active
open
is "given away and taken back" "$(lines vpn)" " up"
clear

shut
must ha "$G2" takeover vpn
must wait_for 10 role "$G1" vpn standby
must ha "$G1" takeover vpn
must wait_for 10 role "$G1" vpn active
must ha "$G2" takeover vpn
must wait_for 10 role "$G1" vpn standby
open
is "and given away once more" "$(lines vpn)" " down"
clear
must ha "$G1" takeover vpn
check "an ordinary takeover" wait_for 10 said /run/hooks "up takeover vpn active"
must ha "$G2" takeover vpn
must wait_for 10 role "$G1" vpn standby

# The module tells of no more than 200 settings a second, but of a takeover all the same.
must ha "$G1" group add late role standby reqid 7
on "$G1" python3 - "$(genl ctrl get name xfrm_ha)" <<'EOT'
import re, socket, struct, sys
family = int(re.search(r'ID: (\w+)', sys.argv[1]).group(1), 16)
GROUP_SET, GROUP_TAKEOVER, NAME = 10, 12, 1
def request(command, group):
    name = struct.pack('HH%ds' % ((len(group) + 4) & ~3), 5 + len(group), NAME, group)
    return struct.pack('IHHIIBBH', 20 + len(name), family, 1, 0, 0, command, 1, 0) + name
s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
s.send(request(GROUP_SET, b'vpn') * 600 + request(GROUP_TAKEOVER, b'late'))
EOT
check "more events than are told" wait_for 10 said /run/hooks "up takeover late active"
counter "$G1" event_limit 1 || say "none was left out"

must ha "$G1" group del late
must ha "$G1" group add late role standby reqid 7
check "made again, a group may have another role" wait_for 10 said /run/hooks "down release late standby"

# What the first hook brings about is heard, though that be told before the hook ends.
must ha "$G1" group add one role standby reqid 8
stopped "$watch"
watcher /run/hooks group one --initial --on-release \
	"/run/hook down /run/hooks; $XFRM_HA_DIR/tools/xfrm-ha/xfrm-ha takeover one; sleep 0.2"
check "no event is lost at the start" wait_for 10 said /run/hooks "up takeover one active"

# Nobody reads, and the socket's room is full: root may send to the group what he likes, NLMSG_NOOP.
stopped "$watch"
watcher /run/hooks --initial
check "once more" wait_for 10 said /run/hooks "up initial one active"
shut
must on "$G1" python3 - "$(genl ctrl get name xfrm_ha)" <<'EOT'
import re, socket, struct, sys
group = int(re.search(r'ID-(\w+)\s+name: events', sys.argv[1]).group(1), 16)
noop = struct.pack('IHHII', 1 << 16, 1, 0, 0, 0).ljust(1 << 16, b'\0')
s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
for n in range(200):
    s.sendto(noop, (0, 1 << (group - 1)))
EOT
must ha "$G1" takeover vpn
must wait_for 10 role "$G1" vpn active
rm -f /run/shut
check "all is read anew where events were lost" \
	wait_for 10 said /run/hooks "up takeover vpn active"
check "and that is said" grep -q "events were lost" /run/hooks.errors

# What an operator has disturbed is as it was; a command that hangs does not stop those behind it.
stopped "$watch"
watcher /run/hooks
echo mark >> /run/hooks
ready() { # it takes no notice of a hangup until it is
	[ "$(awk '/^SigCgt/ { print $2 }' "/proc/$watch/status")" != 0000000000000000 ]
}
must wait_for 10 ready
must kill -HUP "$watch"
check "M9: SIGHUP: every command again, by the role" wait_for 10 said /run/hooks "* initial *"
initial() {
	[[ " $(sed '1,/^mark/d' /run/hooks | sort -u | xargs) " == *" up initial vpn active "* ]]
}
check "M9: that of the group, too" wait_for 10 initial
stopped "$watch"
ip netns exec "$G1" "$XFRM_HA_DIR/tools/xfrm-ha/xfrm-ha" watch group vpn --timeout 1 --initial \
	--on-takeover 'echo $$ > /run/hung; tail -f /dev/null & wait' \
	--on-release "echo done > /run/released" 2> /run/hung.errors &
watch=$!
must wait_for 10 test -s /run/hung
must ha "$G2" takeover vpn
check "M9: a command that hangs is killed" wait_for 10 test -s /run/released
check "and that is said" grep -q "not done in 1 s, and killed" /run/hung.errors
gone() { # with what it has started
	! kill -0 -- "-$(cat /run/hung)" 2>/dev/null
}
check "with all that it has started" wait_for 5 gone

stopped "$watch"
stopped "$monitor"
for command in "node show" "link show" "group show" "sa show" "stat show" version; do
	# shellcheck disable=SC2086,SC2046	# words
	check "M9: keys of $command" manual "$command" \
		$(ha "$G1" -j $command | jq -r 'map(keys[]) | unique[]')
done
# shellcheck disable=SC2046	# words
check "M9: keys of monitor" manual monitor \
	$(jq -rs 'map(.[0] | keys[], .event) | unique[]' /run/events)
check "the module leaves" ha_unload
ktap_finished
