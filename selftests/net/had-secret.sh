#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: jq
# machines: uml
# tap: any
# timeout: 120
#
# M7: keys pass through the daemons and stay nowhere: not in their memory once an SA is there, or
# gone; all of that is locked, and root's alone. That no core has it had.sh shows.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/had.sh"
. "$(dirname "$0")/../lib/relay.sh"

unlocked() { # PID: 1: not all memory of its own is locked
	awk '/^VmLck/ { locked = $2 } /^RssAnon/ { own = $2 } END { print (own > locked) }' \
		"/proc/$1/status"
}

secret() { # FILE: 20 octets at random
	od -An -N20 -tx1 /dev/urandom | tr -d ' \n' > "$1"
	KEY=0x$(cat "$1")
}

ha_load
topology
relay_conf 1 role = active
relay_conf 2 role = standby
tunnel_policies "$G1"
had 1 /run/conf1
had 2 /run/conf2
must wait_for 20 role "$G1" vpn active
secret /run/secret
tunnel "$G1 $P" 0x1000 replay-window 32
must wait_for 20 has "$G2" 0x1000
settled_() {
	[ "$(ha "$G1" -j status | jq '.[] | select(.kind == "relay") | .unacknowledged')" = 0 ]
}
must wait_for 10 settled_
is "the kernel has the key" "$(ip -n "$G2" xfrm state | grep -c "$(cat /run/secret)")" 2
printf '%s' /run/conf1 | od -An -tx1 | tr -d ' \n' > /run/known
is "the active one's daemon has no key in its memory" "$(finds "$had_1" /run/secret)" 0
is "nor the standby's" "$(finds "$had_2" /run/secret)" 0
between "who looks finds what is there" "$(finds "$had_1" /run/known)" 1 1000
tunnel_del "$G1" 0x1000
must wait_for 20 has_not "$G2" 0x1000
is "nor when the SA has gone" "$(finds "$had_1" /run/secret)$(finds "$had_2" /run/secret)" 00
for n in 1 2; do
	pid=had_$n
	is "all memory of daemon $n is locked" "$(unlocked "${!pid}")" 0
	is "its files in proc are root's alone, as those of who can't be dumped" \
		"$(command stat -c %U%a "/proc/${!pid}/environ")" root400
done

had_stop 1
had_stop 2
check "the module leaves" ha_unload
ktap_finished
