#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# machines: uml-san
# timeout: 300
#
# N1 N4, invariants I1 and I6: a frame is acknowledged only when each of its messages had its effect.
# The memory of who receives ends after so many octets, at any of its allocations; or it has no room
# for more SAs. What the sender knows to be acknowledged then is there when the link is cut and the
# SA comes; and once there is memory, both agree.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/failslab.sh"

can_fail ||
	skip_all "the kernel can't inject faults by stack (FAULT_INJECTION_STACKTRACE_FILTER)"

BIRTH=8192	# numbers that need no acknowledgment
MANY=100000	# failures, more than there are

settled_link() { # nothing is under way
	[ "$(link_field "$G1" sync in_flight)" = 0 ]
}

failures() {
	echo $((MANY - $(cat "$FAIL/times")))
}

memory() { # OCTETS: for what is received, before there is none
	echo "$1" > "$FAIL/space"
	faults 100 1 $MANY
}

plenty() { # of memory
	failed=$(failures)
	faults 0 1 0
	echo 0 > "$FAIL/space"
}

agreed() { # SPI: nothing is left to be told, and each knows that the other has it
	mirrored "$G1" "$1" && [ "$(sa "$G1" "$1" .twin) $(sa "$G2" "$1" .twin)" = "true true" ]
}

# SAs that only G1 has are told and used. Then the link is cut, COMMAND ends what is lacking, and
# they come to G2. Counts those that were given a lease, those that were not, and of which something
# was acknowledged that is not there.
given=0 refused=0 false=0 left=0 acked=()
round() { # SPI COMMAND...
	local spi=$1 lease out in oseq seq n ns

	shift
	sas "$spi" 4 tunnel "$G1 $P" replay-window 32 > /dev/null
	on "$P" ping -q -c 3 -i 0.01 -W 1 10.1.0.1 > /dev/null
	must wait_for 10 settled_link > /dev/null
	cut > /dev/null
	for n in 1 2; do
		lease=$(sa "$G1" $((spi + n)) .lease)
		out=$(sa "$G1" $((spi + n)) '.oseq - .behind_out')
		in=$(sa "$G1" $((spi + n)) '.seq - .behind_in')
		acked[n]="$lease $out $in"
	done
	"$@"
	sas "$spi" 4 tunnel "$G2" replay-window 32 > /dev/null
	for n in 1 2; do
		read -r lease out in <<< "${acked[n]}"
		oseq=$(sa "$G2" $((spi + n)) .oseq)
		seq=$(sa "$G2" $((spi + n)) .seq)
		if [ "$lease" -gt $BIRTH ]; then
			given=$((given + 1))
		else
			refused=$((refused + 1))
			lease=0
		fi
		if [ "$oseq" -lt "$lease" ] || [ "$oseq" -lt "$out" ] || [ "$seq" -lt "$in" ]; then
			say "$n: acknowledged: lease $lease, numbers $out $in; there: $oseq $seq"
			false=$((false + 1))
		fi
	done
	mend
	for n in 1 2; do
		wait_for 20 agreed $((spi + n)) > /dev/null || left=$((left + 1))
	done
	for ns in "$G1" "$G2" "$P"; do
		ip -n "$ns" xfrm state flush
	done
	wait_for 10 gone > /dev/null || left=$((left + 1))
}
gone() { # nothing of the SAs is left
	[ "$(group "$G1" vpn sas) $(group "$G2" vpn sas)" = "0 0" ]
}

ha_load
fail_in xfrm_ha
fail_under xfrm_ha xha_mirror_input
topology
# It is slow, and not dead.
links heartbeat 500
groups vpn interval 1 quantity 10000
must wait_for 10 in_sync "$G1" "$G2"
policies 0x1000 4 tunnel
REQID=0x1000

spi=0x1000 failed=1
for ((octets = 0; failed && octets <= 8192; octets += 300)); do
	memory $octets
	spi=$((spi + 16))
	round $spi plenty
	say "$octets octets: $failed allocations failed; given $given, not given $refused"
	[ "$failed" != 0 ] || failed=
done
is "there was enough in the end" "$failed" ""

# There is no room: for none that is not there, or for one.
for n in 0 1; do
	must ha "$G2" node set orphan-limit $n
	spi=$((spi + 16))
	round $spi ha "$G2" node set orphan-limit 1000
	say "room for $n: given $given, not given $refused"
done
check "I6: orphan_limit" counter "$G2" orphan_limit 3
check "and that is heard" counter "$G1" nak_room 3
between "leases were given" $given 2 1000
between "others were not" $refused 2 1000
is "I1: what was acknowledged was there" $false 0
is "I6: in the end they agree" $left 0
ktap_finished
