#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# timeout: 300
#
# S1 S2 S4: partitioned sequence numbers, without any link: each node keeps to a stripe of
# its own. Takeovers in a row, by nodes that know nothing of each other; the soft limit
# makes the user renew the SA, the hard limit holds it.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"

QUARTER=$((1 << 30))

carries() { # NUMBER FIRST NAME: G1 or G2 carries the group; its numbers begin at FIRST
	local g

	[ "$1" = 1 ] && g=$G1 || g=$G2
	reroute "$1"
	check "$3" pings 20
	is "S2: its numbers" "$(sa "$g" "$spi" .oseq)" $(($2 + 19))
}

join() { # NAMESPACE INDEX: a node that has just started, with the SA as it was installed
	ha "$1" group del vpn 2>/dev/null
	must ip -n "$1" xfrm state flush
	# shellcheck disable=SC2086	# a list
	sas $((spi - 1)) 4 tunnel "$1" replay-window 128 $esn
	must ha "$1" group add vpn role standby stripe 30 index "$2" nodes 4
}

ha_load
topology
for esn in '' 'flag esn'; do
	spi=$((0x1001 + 0x100 * ${#esn}))
	say "an SA with 32-bit numbers, or: $esn"
	# shellcheck disable=SC2086	# a list
	sas $((spi - 1)) 4 tunnel "$P" replay-window 128 $esn
	policies $((spi - 1)) 4 tunnel
	oracle_start
	before=$(xfrm_stat "$P" XfrmInStateSeqError)
	join "$G1" 0
	join "$G2" 1
	must ha "$G1" takeover vpn
	must wait_for 5 role "$G1" vpn active
	carries 1 1 "the first node"
	# Nothing is mirrored: the other one knows of no packet, and has its stripe.
	must ha "$G2" takeover vpn
	must wait_for 5 role "$G2" vpn active
	carries 2 $QUARTER "S4: the second node takes over"
	join "$G1" 2
	must ha "$G1" takeover vpn
	must wait_for 5 role "$G1" vpn active
	carries 1 $((2 * QUARTER)) "the first node, started anew, takes over"
	join "$G2" 3
	must ha "$G2" takeover vpn
	must wait_for 5 role "$G2" vpn active
	carries 2 $((3 * QUARTER)) "and the second"
	is "S2: the remote end has refused nothing" "$(xfrm_stat "$P" XfrmInStateSeqError)" "$before"
	oracle_verdict "I1: no number was used twice" $spi
	check_not "S2: replay protection stays on: the first stripe is the past" \
		on "$G1" ping -q -c 1 -W 1 10.2.0.1 -I 10.1.0.1
	no_sas
	must ha "$G1" group del vpn
	must ha "$G2" group del vpn
done

# The soft limit, at half of the numbers: 2^29. The ordinary soft expiry; then the hard one.
must ha "$G1" group add vpn role active stripe 30 index 0 nodes 4 soft 50
must wait_for 5 role "$G1" vpn active
sas 0x3000 4 tunnel "$G1 $P" replay-window 32 replay-oseq $((QUARTER / 2 - 10))
policies 0x3000 4 tunnel
expiries "$G1" /run/expire
reroute 1
for _ in {1..50}; do
	grep -qs Expired /run/expire && break
	pings 1 > /dev/null
done
check "S1: the soft limit makes a soft expiry" wait_for 5 grep -q 'hard 0' /run/expire
is "S1: of this SA, once" "$(grep -c 'hard 0' /run/expire)" 1
between "S1: at the number set" "$(sa "$G1" 0x3001 .oseq)" $((QUARTER / 2)) $((QUARTER / 2 + 10))
check "S1: traffic goes on" pings 20
for ns in "$G1" "$P"; do
	must ip -n "$ns" xfrm state flush
done
sas 0x3000 4 tunnel "$G1 $P" replay-window 32 replay-oseq $((QUARTER - 30))
pings 60 10.1.0.1 0.01
is "S1: the hard limit" "$(sa "$G1" 0x3001 .oseq)" $((QUARTER - 1))
is "S1: holds the SA" "$(sa "$G1" 0x3001 .hold)" limit
check_not "S1: nothing is sent any more" pings 1
check "the module leaves" ha_unload
ktap_finished
