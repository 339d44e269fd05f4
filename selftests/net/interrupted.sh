#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tap: any
# timeout: 400
#
# N1 N5, invariant I1: the link fails in the middle of a handover, or of a bulk sync. Who keeps the
# group goes on as its settings say: by a lease that the peer acknowledges, or alone; who has
# asked for it takes it.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"

exact() { # the standby has the number of the active
	[ "$(sa "$G2" 0x1001 .oseq)" = "$(sa "$G1" 0x1001 .oseq)" ]
}

# G1 gives the group away, G2 hears the exact number, and G1 never hears that it did.
interrupt() {
	must wait_for 20 in_sync "$G1" "$G2"
	must wait_for 10 mirrored "$G1" 0x1001
	must deaf "$G1" on
	must ha "$G1" release vpn
	check "the peer has the exact number" wait_for 5 exact
	cut
	check "the peer is given up" wait_for 20 link_state "$G1" connecting
	check "it keeps the group" wait_for 5 role "$G1" vpn active
	must deaf "$G1" off
}

ha_load
topology
links heartbeat 20
groups vpn interval 4 quantity 40 on-peer-loss hold
# While G1 is active: its numbers need no lease at first.
sas 0x1000 4 tunnel "$G1 $G2 $P" replay-window 32
policies 0x1000 4 tunnel
oracle_start
check "traffic" pings 5

interrupt
check_not "hold: no answer" on "$P" ping -q -c 3 -i 0.02 -W 1 10.1.0.1
check "hold: it needs a lease" wait_for 5 hold "$G1" 0x1001 limit
must ha "$G2" takeover vpn
must wait_for 5 role "$G2" vpn active
reroute 2
check "hold: the peer goes on" pings 20
mend
check "hold: they meet" wait_for 20 role "$G1" vpn standby
check "traffic as before" pings 20
oracle_verdict "I1: no number was used twice"

must wait_for 20 in_sync "$G1" "$G2"
must ha "$G1" takeover vpn
must wait_for 5 role "$G1" vpn active
must wait_for 5 role "$G2" vpn standby
reroute 1
for ns in "$G1" "$G2"; do
	must ha "$ns" group set vpn on-peer-loss solo
done
check "traffic" pings 5
interrupt
check "solo: it is alone" wait_for 5 solo "$G1" true
check "solo: it goes on" pings 100 10.1.0.1 0.01
mend
check "solo: a peer in sync ends it" wait_for 20 solo "$G1" false
check "traffic as before" pings 20

# The peer returns, grants a lease, and is gone again before the bulk sync has ended.
cut
check "alone" wait_for 20 solo "$G1" true
netem delay 800ms
check "a session begins" wait_for 30 link_state "$G1" sync
check "and gives a lease" wait_for 5 mirrored "$G1" 0x1001
is "no more" "$(link_field "$G1" sync state)" sync
cut
check "it ends" wait_for 20 link_state "$G1" connecting
is "alone as before" "$(group "$G1" vpn solo)" true
check "it goes on" pings 100 10.1.0.1 0.01
mend
check "a peer in sync ends it" wait_for 20 solo "$G1" false
check "traffic as before" pings 20

# Asked to hand over, the peer is gone before it has heard.
must wait_for 20 in_sync "$G1" "$G2"
cut
must ha "$G2" takeover vpn
check "nobody is left to be asked" wait_for 20 role "$G2" vpn active
mend
check "they meet" wait_for 20 role "$G1" vpn standby

# Who took over alone meets its peer, and the link is lost when the peer knows that they are in sync,
# and it does not yet itself: what it says is heard at once, what it hears is late.
for ns in "$G1" "$G2"; do
	must wait_for 20 in_sync "$ns"
	must ha "$ns" group set vpn on-peer-loss takeover on-peer-loss hold
done
one_sided() { # was it?
	must ip -n "$G1" link set sync down
	must wait_for 20 role "$G1" vpn active
	must wait_for 5 solo "$G1" true
	must tc -n "$G2" qdisc add dev sync root netem delay 700ms
	must ip -n "$G1" link set sync up
	must wait_for 30 link_state "$G2" up
	before=$(link_field "$G1" sync state)
	must ip -n "$G1" link set sync down
	must tc -n "$G2" qdisc del dev sync root
	must wait_for 20 role "$G2" vpn active
	[ "$before" = sync ]
}
for ((tries = 0; tries < 5; tries++)); do
	no_sas
	spi=$((0x2000 + 16 * tries))
	sas $spi 4 tunnel "$G1 $G2 $P" replay-window 32
	policies $spi 4 tunnel
	must wait_for 10 role "$G2" vpn active
	must wait_for 10 role "$G1" vpn standby
	must wait_for 10 mirrored "$G2" $((spi + 1))
	oracle_start
	one_sided && break
	must ip -n "$G1" link set sync up
	must wait_for 20 in_sync "$G1" "$G2"
done
check "in sync for one side only" test $tries -lt 5
pings 60 10.1.0.1 0.01
reroute 2
check "the peer carries on" pings 60
oracle_verdict "I1: no number was used twice by the two" $((spi + 1))
is "N1: the lease binds" "$(sa "$G1" $((spi + 1)) .oseq)" "$(sa "$G1" $((spi + 1)) .lease)"
is "N1: the SA is held" "$(sa "$G1" $((spi + 1)) .hold)" limit
must ip -n "$G1" link set sync up
check "they meet again" wait_for 20 in_sync "$G1" "$G2"
check "the module leaves" ha_unload
ktap_finished
