#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tap: any
# timeout: 240
#
# N1 N6, invariants I1 and I4: each gateway carries one of two groups; while they can't hear each
# other each takes the other's. When they meet over a link that loses frames, each owes the other
# what it has used, and has leases to ask for: they come to an end with both.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"

ha_load
topology
links heartbeat 20
for ns in "$G1" "$G2"; do
	must ha "$ns" group add one reqid $((0x1000)) role standby quantity 400 on-peer-loss hold
	must ha "$ns" group add two reqid $((0x2000)) role standby quantity 400 on-peer-loss hold
done
sas 0x1000 4 tunnel "$G1 $G2 $P" replay-window 32
sas 0x2000 4 tunnel "$G1 $G2 $P" replay-window 32
must ha "$G1" takeover one force
must ha "$G2" takeover two force
has_one=$G1 has_two=$G2
for round in 1 2 3 4 5; do
	cut
	must wait_for 20 link_state "$G1" connecting
	must wait_for 20 link_state "$G2" connecting
	must ha "$has_two" takeover one force
	must ha "$has_one" takeover two force
	must wait_for 5 role "$has_two" one active
	must wait_for 5 role "$has_one" two active
	netem loss 40% delay 60ms
	check "$round: N6: one steps down" wait_for 30 role "$has_one" one standby
	check "$round: N6: so does the other" wait_for 30 role "$has_two" two standby
	mend
	check "$round: N1: they owe each other nothing" wait_for 20 link_state "$G1" up
	check "$round: N1: as both say" wait_for 20 link_state "$G2" up
	next=$has_two has_two=$has_one has_one=$next
done
check "the module leaves" ha_unload
ktap_finished
