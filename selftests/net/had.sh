#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: jq python3
# tap: any
# timeout: 180
#
# M9 N17: xfrm-had as a daemon: what it tells whoever has started it, that there is one of it in a
# network namespace, that its memory stays its own; what xfrm-ha status and dump make of it.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/had.sh"

HAD=$XFRM_HA_DIR/tools/xfrm-had/xfrm-had

conf() { # N LINE...: the file of gateway N
	local n=$1

	cat > "/run/conf$n" <<-EOT
	node = n$n
	link hb {
	    device = sync peer = 02:00:00:00:01:0$((3 - n)) key-file = /run/key
	    dead = 100 carrier-loss = at-once
	}
	transport { port = 4511 }
	metrics { listen = 127.0.0.1:9744 }
	group vpn {
	    link = hb match { address = { 192.0.2.1 } }
	    role = $([ "$n" = 1 ] && echo active || echo standby)
	    on-peer-loss = takeover track = { sync } prefer-delay = 7
	    on-active = "echo \"\$XFRM_HA_ROLE\" \\\\ >> /run/told"
	    address 192.0.2.1/24 { device = wan }
	    route 198.51.100.0/24 { via = 192.0.2.9 metric = 3 table = 1000 }
	    neighbour 192.0.2.66 { device = wan mac = 02:00:00:00:00:66 }
	    track-script a { command = "true \"a\\\\b\"" fall = 3 }
	    ${*:2}
	}
	EOT
}

says() { # STATUS SENTENCE OPTION...: the daemon ends at once
	local said status

	said=$(timeout 60 ip netns exec "$G1" "$HAD" "${@:3}" 2>&1)
	status=$?
	say "$status: $said"
	[ "$status" = "$1" ] && [[ $said == *"$2"* ]]
}

told() { # LINE...: whoever started it was told these, the last of all in this order
	[ "$(grep -xF "$(printf '%s\n' "$@")" /run/told | tail -n $# | paste -sd,)" = "$(
		printf '%s\n' "$@" | paste -sd,)" ]
}

status() { # NAMESPACE KIND FIELD
	ha "$1" -j status | jq -r ".[] | select(.kind == \"$2\") | .$3"
}

netns G1 G2
sync_cable
for n in 1 2; do
	g=G$n
	must batch "${!g}" "link add wan type dummy" "link set wan up"
	conf $n
done
keygen /run/key

check "usage" says 1 "usage: xfrm-had" -x
check "no arguments" says 1 "usage: xfrm-had" -f /run/conf1 more
check "help" says 0 "usage: xfrm-had" --help
check "no module" says 2 "the module xfrm_ha is not loaded" -f /run/conf1
ha_load
check "no file" says 2 "/run/none: No such file" -f /run/none
echo "group {" > /run/wrong
check "an error in the file" says 2 "/run/wrong:1:1: " -f /run/wrong
is "nothing was set up by these" "$(ha "$G1" -j link show)$(ha "$G1" -j group show)" "[][]"

python3 -c '
import socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("/run/notify")
while True:
    print(s.recv(4096).decode(), flush=True)' > /run/told &
listener=$!
must wait_for 10 test -S /run/notify
# Not every kernel writes cores.
if [ -e /proc/sys/kernel/core_pattern ]; then
	pattern=$(cat /proc/sys/kernel/core_pattern)
	at_exit sysctl -qw "kernel.core_pattern=$pattern"
	must sysctl -qw "kernel.core_pattern=/run/core.%p"
	ulimit -c unlimited
fi
export NOTIFY_SOCKET=/run/notify WATCHDOG_USEC=1000000
had 1 /run/conf1
unset NOTIFY_SOCKET WATCHDOG_USEC
check "it is ready" wait_for 10 told READY=1
check "and lives" wait_for 10 told WATCHDOG=1 WATCHDOG=1 WATCHDOG=1
had_reload 1
check "it reloads, and is ready" wait_for 10 told RELOADING=1 READY=1
check "there is one in a network namespace" says 2 "there is a daemon in this network namespace" \
	-f /run/conf1
had 2 /run/conf2
must wait_for 10 settled
is "its memory is locked" "$(awk '/^VmLck/ { print ($2 > 0) }' "/proc/$had_1/status")" 1

is "status: the node" \
	"$(ha "$G1" -j status | jq -r '.[0] | "\(.name) \(.daemon) \(.file) \(.applied)"')" \
	"n1 true /run/conf1 true"
is "status: the link" "$(status "$G1" link state)" up
is "status: a group" "$(status "$G1" group role),$(status "$G2" group role)" "active,standby"
is "its peer" "$(status "$G1" group peer_role),$(status "$G2" group peer_synced)" "standby,true"
sas 0x1000 4 tunnel "$G1 $G2"
must wait_for 10 mirrored "$G1" 0x1001
is "its SAs" "$(status "$G1" group sas),$(status "$G1" group held),$(status "$G2" group held)" "2,0,2"
must ha "$G2" takeover vpn
must wait_for 10 role "$G2" vpn active
must wait_for 10 role "$G1" vpn standby
check "why" wait_for 10 eval "[ \"\$(status $G1 group why)\" = 'handed over to the peer' ]"
must ip -n "$G1" link set sync down
check "the peer is lost" wait_for 10 eval "[ \"\$(status $G1 group why)\" = 'the peer is lost on sync: the device is down, or gone' ]"
check "trouble" eval "[ \"\$(status $G1 group trouble)\" = 'sync is down' ]"
ha "$G1" status | sed 's/^/# /'
check "in text" grep -q "^      TROUBLE: sync is down" <<<"$(ha "$G1" status)"
must ip -n "$G1" link set sync up
must wait_for 30 settled
check "no trouble" wait_for 10 eval "[ \"\$(status $G1 group trouble)\" = '' ]"

# What runs, and what the daemon does, is a file as well.
ha "$G1" dump > /run/dump
sed 's/^/# /' /run/dump
check "it is one" ha "$G1" check /run/dump
is "and nothing is to be done" "$(ha "$G1" apply /run/dump)" ""
had_stop 1
had 1 /run/dump
is "to begin with it leads to the same" "$(ha "$G1" dump)" "$(cat /run/dump)"
# shellcheck disable=SC2016	# as it stands in the file
for line in "key-file = /run/key" "link hb" "port = 4511" "listen = 127.0.0.1:9744" "prefer-delay = 7" "track = { sync }" \
	"metric = 3" "table = 1000" "mac = 02:00:00:00:00:66" \
	'command = "true \"a\\b\""' 'on-active = "echo \"$XFRM_HA_ROLE\" \\ >> /run/told"'; do
	check "it has $line" grep -qF -- "$line" /run/dump
done
had_stop 1
is "nothing of it stays" "$(find /run/xfrm-ha -name "had-$(on "$G1" stat -L -c %i /proc/self/ns/net).*")" ""
check "without the daemon it has what the module knows" \
	grep -qF "key-file = -" <<<"$(ha "$G1" dump)"
is "status says that there is none" "$(ha "$G1" -j status | jq '.[0].daemon')" false

# A crash leaves no memory behind, and what stood stands.
had 1 /run/conf1
before=$(group "$G1" vpn role)$(group "$G2" vpn role)
kill -ABRT "$had_1"
wait "$had_1" 2>/dev/null
is "no core" "$(ls /run/core.* 2>/dev/null)" ""
mv /run/had1 /run/had1.crash
had 1 /run/conf1
is "the roles stay" "$(group "$G1" vpn role)$(group "$G2" vpn role)" "$before"

# Who begins a question, and does not end it, keeps nobody from asking.
on "$G1" python3 -c '
import os, socket, time
path = "/run/xfrm-ha/had-%d.sock" % os.stat("/proc/self/ns/net").st_ino
kept = []
for n in range(40):
    s = socket.socket(socket.AF_UNIX)
    kept.append(s)
    try:
        s.connect(path)
        s.send([b"", b"sta", b"x" * 100000, b"status"][n % 4])
    except OSError:
        pass
print("ready", flush=True)
time.sleep(1000)' > /run/askers &
askers=$!
must wait_for 10 grep -q ready /run/askers
check "it is asked in vain, and then not" wait_for 20 \
	eval "[ \"\$(ha $G1 -j status | jq '.[0].daemon')\" = true ]"
stopped "$askers"

stopped "$had_1" "$had_2"
check "it says that it ends" had_said 1 "ends; what it has set up stays"
stopped "$listener"
is "the groups stay" "$(ha "$G1" -j group show | jq length)" 1
check "the module leaves" ha_unload
ktap_finished
