#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# machines: qemu smp-san smp-kcsan
# tap: any
# timeout: 120
#
# The module that other tests force races with delays what it is told to, where it is told to,
# and says so.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/delay.sh"

# Not by ip netns exec, which waits for a grace period, and so for who is held.
named() { # NAME: a device in A
	grep -q "^ *$1:" "/proc/$inside/net/dev"
}

milliseconds() { # COMMAND...: how long it takes
	local start=${EPOCHREALTIME/[.,]/}

	"$@" > /dev/null || return
	echo $(((${EPOCHREALTIME/[.,]/} - start) / 1000))
}

rename() { # OLD NEW
	ip -n "$A" link set "$1" name "$2"
}

refused() { # SENTENCE PARAMETER...: by insmod
	local out

	out=$(insmod "$XFRM_HA_MODULES/delay/delay.ko" "${@:2}" 2>&1) && return 1
	say "$out"
	[[ $out == *"$1"* ]]
}

netns A
ip netns exec "$A" tail -f /dev/null &
inside=$!
must batch "$A" "link add name one type dummy" "addr add 192.0.2.1/24 dev lo"

delay_at dev_change_name 400 2 skip=1
is "nobody has called it" "$(delay_seen)" 0
must rename one two
check_not "the first call passes by" delay_done
between "the second one waits" "$(milliseconds rename two three)" 400 100000
between "so does the third one" "$(milliseconds rename three one)" 400 100000
must rename one two
check "two have waited" delay_done 2
check_not "not three" delay_done 3
is "four calls were seen" "$(delay_seen)" 4

delay_at dev_change_name 10000
rename two three &
check "a call is held" wait_for 5 delay_held
check "before the work is done" named two
delay_go
check "it goes on" wait $!
check "and does its work" named three
check_not "nobody is held" delay_held

delay_at dev_change_name 10000 1 at_return=1
rename three four &
check "a call is held at its end" wait_for 5 delay_held
check "the work is done" named four
delay_off
check "it goes on when the module leaves" wait $!

# In softirq, where nobody may sleep.
delay_at icmp_rcv 200 1
check "a packet that waits" on "$A" ping -c 1 -W 10 192.0.2.1
check "has waited" delay_done
delay_off
check "an unknown function is refused" refused "Unknown symbol" symbol=no_such
check "so is a wait that would look like a stall" refused "Invalid param" symbol=icmp_rcv ms=180001
stopped $inside
ktap_finished
