#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# timeout: 120
#
# M1 M3 M8 N6 N7: sequence numbers, windows and counts reach the standby, which
# takes over by command, by force and in a planned way.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"

ktap_plan 26
ha_load
topology
sas 0x1000 4 tunnel "$G1 $G2 $P" replay-window 32
policies 0x1000 4 tunnel
links
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

# By force: the active gateway is told by the term.
must ha "$G2" takeover vpn force
check "M8: the standby becomes active" wait_for 5 role "$G2" vpn active
check "N6: the former active learns of the higher term" wait_for 5 role "$G1" vpn standby
is "and holds its SAs" "$(sa "$G1" 0x1001 .held)" true
is "the terms agree" "$(group "$G1" vpn term)" "$(group "$G2" vpn term)"
reroute 2
check "traffic through the other gateway" pings 20
is "it goes on above the lease" "$(sa "$G2" 0x1001 .oseq)" 10060

# Planned: asked for by the standby, nothing is skipped.
wait_for 5 mirrored "$G2" 0x1001
must ha "$G1" takeover vpn
check "M8: back again" wait_for 5 role "$G1" vpn active
check "the other one is standby" wait_for 5 role "$G2" vpn standby
is "N5: no number is skipped" "$(sa "$G1" 0x1001 .oseq)" 10060
reroute 1
check "traffic through the first gateway again" pings 20

# Both are configured anew, and one is active before they meet: the other's number is the lease
# that it gave, but it can't tell any more that it has not used it. The active one learns of
# it, and goes on above.
granted=$(sa "$G2" 0x1001 .oseq)
cut
for ns in "$G1" "$G2"; do
	must ha "$ns" group del vpn
	must ha "$ns" link del sync
done
must ha "$G1" link add sync peer 02:00:00:00:01:02 insecure dead 100
must ha "$G2" link add sync peer 02:00:00:00:01:01 insecure dead 100
must ha "$G2" group add vpn role standby interval 16 quantity 1000
must ha "$G1" group add vpn role active join 100 interval 16 quantity 1000
must wait_for 5 role "$G1" vpn active
check "alone, and knowing nothing" pings 20
mend
check "gateways that have forgotten meet" wait_for 20 link_state "$G1" up
check "I1: a lease above what the standby may have used" wait_for 10 mirrored "$G1" 0x1001
is "and no further" "$(sa "$G1" 0x1001 .oseq)" "$granted"
is "no replay was seen by the remote end" \
	"$(xfrm_stat "$P" XfrmInStateSeqError)" 0
check "the module leaves" ha_unload
ktap_finished
