#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# timeout: 480
#
# N10, invariant I1: no number twice, by default, whatever is cut, killed or restarted, without fencing.
# Who goes on alone uses stripes of its own; who takes over begins in its own; who has forgotten gets a
# part of the other's, and who knows nothing does not guess. The wire oracle watches all of it.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"

STRIPE=1024	# numbers; that of index 0 is G1's

# A gateway that starts anew knows no key.
open_links() {
	must ha "$G1" link add sync peer 02:00:00:00:01:02 insecure dead 100
	must ha "$G2" link add sync peer 02:00:00:00:01:01 insecure dead 100
	must wait_for 10 link_state "$G1" up
	must wait_for 10 link_state "$G2" up
}

to_both() { # COUNT: by both at a time
	spend "$G1" "$1" &
	spend "$G2" "$1"
	wait $!
}

# The remote end has heard of higher numbers, which nobody knows any more: until the SA is above them it
# takes the packets for old ones.
overtakes() { # NAMESPACE
	local n

	for ((n = 0; n < 40; n++)); do
		! on "$P" ping -q -n -c 1 -W 1 10.1.0.1 > /dev/null || return 0
		spend "$1" 400
	done
	return 1
}

alone() { # both gateways
	solo "$G1" true && solo "$G2" true
}

# A gateway dies, and starts anew with nothing: its SAs are installed as they were at first.
reborn() { # NAMESPACE SPI [OPTION...]: and what its group is told
	local ns=$1 spi=$2 peer=1

	[ "$ns" = "$G2" ] || peer=2
	must ha "$ns" group del vpn
	must ha "$ns" link del sync
	must batch "$ns" "xfrm state flush" "xfrm policy flush"
	must ha "$ns" link add sync peer 02:00:00:00:01:0$peer insecure dead 100
	# shellcheck disable=SC2086	# a list
	sas "$spi" 4 tunnel "$ns" replay-window 128 $esn
	must ha "$ns" group add vpn stripe 10 interval 4 quantity 40 "${@:3}"
}

share() { # NAMESPACE SPI: of the stripes
	sa "$1" "$2" '"\(.share)/\(.share_of)"'
}

ha_load
topology
open_links
spi=0x1000
for esn in '' 'flag esn'; do
	say "an SA with 32-bit numbers, or: $esn"
	reroute 1
	groups vpn stripe 10 interval 4 quantity 40 on-peer-loss takeover
	# shellcheck disable=SC2086	# a list
	sas $spi 4 tunnel "$G1 $G2 $P" replay-window 128 $esn
	policies $spi 4 tunnel
	out=$((spi + 1))
	oracle_start
	check "in sync, numbers follow each other" pings 20
	# What birth allows is given up.
	must ha "$G2" takeover vpn force wait 10
	must wait_for 10 settled
	must ha "$G1" takeover vpn force wait 10
	must wait_for 10 settled
	check "traffic" pings 20
	is "each has its share" "$(share "$G1" $out) $(share "$G2" $out)" "0/2 1/2"
	wait_for 5 mirrored "$G1" $out

	# The link is cut. Both are active, with the default settings, and both send, over the ends of
	# several stripes.
	cut
	check "N10: both are active, and alone" wait_for 20 alone
	to_both 2500
	check "they have passed stripes of each other" test "$(sa "$G1" $out .striped)" -gt $STRIPE
	check "both" test "$(sa "$G2" $out .striped)" -gt $STRIPE
	mend
	check "I4: one stays active" wait_for 30 settled
	[ "$(group "$G1" vpn role)" = active ] && n=1 ns=$G1 || n=2 ns=$G2
	reroute "$n"
	check "N10: it goes on" pings 20
	wait_for 10 mirrored "$ns" $out
	check "in stripes of any owner: the same peer has told what it used" \
		test "$(($(sa "$ns" $out .lease) - $(sa "$ns" $out .oseq)))" -le 80
	oracle_verdict "I1: no number was used twice by two that were active" $out
	[ "$n" = 1 ] || must ha "$G1" takeover vpn wait 10
	reroute 1

	# The link is cut, both go on, and the one that has taken over crashes, forgets, comes back and gives
	# leases again.
	oracle_start
	check "traffic as before" pings 20
	wait_for 5 mirrored "$G1" $out
	cut
	check "N10: both are active again" wait_for 20 alone
	to_both 1500
	reborn "$G2" "$spi" role standby on-peer-loss takeover
	reroute 1
	mend
	check "it comes back" wait_for 30 in_sync "$G1" "$G2"
	is "N10: who has forgotten gets a part of the other's share" \
		"$(share "$G1" $out) $(share "$G2" $out)" "0/4 2/4"
	check "traffic with leases of the one that has forgotten" overtakes "$G1"
	check "and more" pings 20
	wait_for 10 mirrored "$G1" $out
	cut
	must ip -n "$G2" xfrm policy add src 10.1.0.1/32 dst 10.2.0.1/32 dir out tmpl src 192.0.2.1 \
		dst 192.0.2.9 proto esp reqid $spi mode tunnel
	must ip -n "$G2" xfrm policy add src 10.2.0.1/32 dst 10.1.0.1/32 dir in tmpl src 192.0.2.9 \
		dst 192.0.2.1 proto esp reqid $spi mode tunnel
	check "and is cut off again" wait_for 20 alone
	to_both 1500
	oracle_verdict "I1: no number was used twice, though one had forgotten" $out

	# The other one forgets as well, and is alone: it does not guess.
	oracle_start
	reborn "$G1" "$spi" role active join 100
	must wait_for 10 role "$G1" vpn active
	is "N10: it does not guess" "$(sa "$G1" $out .hold)" rekey
	reroute 2
	check "its peer goes on" pings 20
	mend
	check "they meet" wait_for 30 settled
	is "N10: and the share is divided once more" "$(share "$G1" $out) $(share "$G2" $out)" "6/8 2/8"
	check "traffic as before" pings 20
	oracle_verdict "I1: no number was used twice by one that knew nothing" $out

	no_sas
	for ns in "$G1" "$G2"; do
		must ha "$ns" group del vpn
		must ha "$ns" link del sync
	done
	open_links
	spi=$((spi + 0x100))
done

# At the end of the numbers, without ESN: expired softly in time, held, never wrapped.
groups vpn stripe 10 interval 4 quantity 40 soft 75 on-peer-loss solo
expiries "$G1" /run/expire
oracle_start
reroute 1
sas 0x3000 4 tunnel "$G1 $G2 $P" replay-window 32 replay-oseq $((0xffffffff - 3 * STRIPE))
policies 0x3000 4 tunnel
must wait_for 5 mirrored "$G1" 0x3001
check "traffic" pings 1
check "N10: it is expired softly" wait_for 5 grep -q 'hard 0' /run/expire
cut
check "alone" wait_for 20 solo "$G1" true
spend "$G1" 3000
is "I1: it is held at the end of its last stripe" "$(sa "$G1" 0x3001 .hold)" limit
is "I1: which is not the last one" "$(sa "$G1" 0x3001 .oseq)" $((0xffffffff - STRIPE))
stopped "$monitor"
mend
must wait_for 30 in_sync "$G1" "$G2"
oracle_verdict "I1: and nothing was wrapped" 0x3001
check "the module leaves" ha_unload
ktap_finished
