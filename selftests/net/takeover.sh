#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# timeout: 240
#
# M1 M3 M8 N6 N7: sequence numbers, windows and counts reach the standby, which
# takes over by command, by force and in a planned way.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"

ktap_plan 46
ha_load
topology
sas 0x1000 4 tunnel "$G1 $G2 $P" replay-window 32
policies 0x1000 4 tunnel
oracle_start
# Silence that is looked at is no death, however slow the machine is.
links heartbeat 500
groups vpn interval 16 quantity 10000

is "N6: the SA of the standby is held" "$(sa "$G2" 0x1001 .held)" true
is "that of the active is not" "$(sa "$G1" 0x1001 .held)" false

check "traffic through the active gateway" pings 40
wait_for 5 mirrored "$G1" 0x1001
wait_for 5 mirrored "$G1" 0x1002
is "N7: nothing is behind once it is acknowledged" "$(behind "$G1" 0x1001)" 0
is "M1: outbound number" "$(sa "$G1" 0x1001 .oseq)" 40
is "M3: the standby has the number and the quantity" "$(sa "$G2" 0x1001 .oseq)" 10040
is "M1: right edge" "$(sa "$G2" 0x1002 .seq)" 40
is "M1: packets" "$(sa "$G2" 0x1001 .packets)" 40
is "M1: bytes" "$(sa "$G2" 0x1001 .bytes)" "$(sa "$G1" 0x1001 .bytes)"
is "M1: bytes, inbound" "$(sa "$G2" 0x1002 .bytes)" "$(sa "$G1" 0x1002 .bytes)"

# N7. The link says nothing for a while: the distance is what was sent since, and its age.
distance() { # .behind_out, .behind_in, and whether it has an age
	sa "$G1" 0x1001 '"\(.behind_out) \(.behind_ms > 0)"'
	sa "$G1" 0x1002 '"\(.behind_in) \(.behind_ms > 0)"'
}
older() { # SPI MS
	[ "$(sa "$G1" "$1" .behind_ms)" -gt "$2" ]
}
cut
check "traffic that the peer does not hear of" pings 10
is "N7: packets behind, outbound and inbound" "$(distance | xargs)" "10 true 10 true"
age=$(sa "$G1" 0x1001 .behind_ms)
check "N7: milliseconds behind: it grows" wait_for 5 older 0x1001 "$age"
is "N7: the standby has what it had" "$(sa "$G2" 0x1001 .oseq) $(sa "$G2" 0x1002 .seq)" "10040 40"
mend
check "N7: and nothing when it is heard again" wait_for 10 mirrored "$G1" 0x1001
wait_for 10 mirrored "$G1" 0x1002
is "N7: in packets and milliseconds" "$(distance | xargs)" "0 false 0 false"

# The counts while traffic flows: an interval behind, and one that is under way. With such a
# max-age it is the interval alone that makes records.
must ha "$G1" group set vpn max-age 60000
counts() { # NAMESPACE SPI
	sa "$1" "$2" '"\(.packets) \(.bytes)"'
}
must wait_for 5 mirrored "$G1" 0x1001
ip netns exec "$P" ping -q -i 0.01 10.1.0.1 > /dev/null &
flow=$!
flowing() { # NAMESPACE SPI MORE-THAN
	[ "$(sa "$1" "$2" .packets)" -gt "$3" ]
}
late=0 ahead=0 went=0
for _ in 1 2 3 4; do
	for spi in 0x1001 0x1002; do
		read -r then_p then_b < <(counts "$G1" $spi)
		read -r there_p there_b < <(counts "$G2" $spi)
		read -r now_p now_b < <(counts "$G1" $spi)
		((then_p - there_p <= 32 && then_b - there_b <= 32 * 84)) || late=$((late + 1))
		((there_p <= now_p && there_b <= now_b)) || ahead=$((ahead + 1))
		! wait_for 5 flowing "$G1" $spi "$now_p" || went=$((went + 1))
	done
done
stopped $flow
is "M1: counts are looked at while packets flow" $went 8
is "M1: they are never more than two intervals behind, nor ahead" "$late $ahead" "0 0"
sent=$(ip -n "$P" -s xfrm state list spi 0x1002 | grep -oP '[0-9]+(?=\(packets\))')
within() { # SPI: less than an interval behind
	local here there

	here=$(sa "$G1" "$1" .packets)
	there=$(sa "$G2" "$1" .packets)
	((here == sent && there > here - 16 && there <= here))
}
for spi in 0x1001 0x1002; do
	check "M1: packets, within the interval" wait_for 5 within $spi
done
must ha "$G1" group set vpn max-age 10
pings 4
same() { # SPI: on both
	[ "$(counts "$G1" "$1")" = "$(counts "$G2" "$1")" ]
}
for spi in 0x1001 0x1002; do
	check "M1: with max-age, all" wait_for 5 same $spi
done

# By force: the active gateway is told by the term.
must ha "$G2" takeover vpn force
check "M8: the standby becomes active" wait_for 5 role "$G2" vpn active
check "N6: the former active learns of the higher term" wait_for 5 role "$G1" vpn standby
check "and holds its SAs" wait_for 5 held "$G1" 0x1001
is "M9: each says why" "$(group "$G2" vpn reason) $(group "$G1" vpn reason)" "command peer-active"
is "the terms agree" "$(group "$G1" vpn term)" "$(group "$G2" vpn term)"
reroute 2
check "traffic through the other gateway" pings 20
above=$((10000 + sent + 4 + 20))
is "it goes on above the lease" "$(sa "$G2" 0x1001 .oseq)" $above

# Planned: asked for by the standby, nothing is skipped.
wait_for 5 mirrored "$G2" 0x1001
must ha "$G1" takeover vpn
check "M8: back again" wait_for 5 role "$G1" vpn active
check "the other one is standby" wait_for 5 role "$G2" vpn standby
is "M9: each says why" "$(group "$G1" vpn reason) $(group "$G2" vpn reason)" "got handed"
is "N5: no number is skipped" "$(sa "$G1" 0x1001 .oseq)" $above
reroute 1
check "traffic through the first gateway again" pings 20

# Made anew while the link is up, the standby's first: what it said of it was said to nobody.
for ns in "$G1" "$G2"; do
	must ha "$ns" group del vpn
done
must ha "$G2" group add vpn role standby interval 16 quantity 10000
must ha "$G1" group add vpn role active interval 16 quantity 10000
must wait_for 5 role "$G1" vpn active
check "a group that was made anew is handed over" wait_for 5 ha "$G1" release vpn
check "and taken" wait_for 5 role "$G2" vpn active
must ha "$G1" takeover vpn
must wait_for 5 role "$G1" vpn active

# Both are configured anew, and one is active before they meet: the other's number is the lease
# that it gave, but it can't tell any more that it has not used it. The active one learns of
# it, and goes on above.
granted=$(sa "$G2" 0x1001 .oseq)
cut
expiries "$G1" /run/expire
for ns in "$G1" "$G2"; do
	must ha "$ns" group del vpn
	must ha "$ns" link del sync
done
must ha "$G1" link add sync peer 02:00:00:00:01:02 insecure dead 100
must ha "$G2" link add sync peer 02:00:00:00:01:01 insecure dead 100
must ha "$G2" group add vpn role standby interval 16 quantity 1000
must ha "$G1" group add vpn role active join 100 interval 16 quantity 1000
must wait_for 5 role "$G1" vpn active
is "N10: alone, and knowing nothing, it does not guess" "$(sa "$G1" 0x1001 .hold)" rekey
check_not "N10: what it could not know is not sent" pings 1
check "N10: the SA is expired softly, so that it is renewed" wait_for 5 grep -q 'hard 0' /run/expire
stopped "$monitor"
mend
check "gateways that have forgotten meet" wait_for 20 link_state "$G1" up
check "I1: a lease above what the standby may have used" wait_for 10 mirrored "$G1" 0x1001
is "and no further" "$(sa "$G1" 0x1001 .oseq)" "$granted"
check "N10: now that it is known, it goes on" pings 20
oracle_verdict "I1: no number was used twice" 0x1001
is "no replay was seen by the remote end" \
	"$(xfrm_stat "$P" XfrmInStateSeqError)" 0
check "the module leaves" ha_unload
ktap_finished
