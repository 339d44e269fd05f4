#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: python3
# timeout: 480
#
# N1 N5 N6, invariants I1 and I4: strict leases. No number above what the peer has
# acknowledged; an SA at its limit is held and freed by the acknowledgment; a gateway
# that goes on alone is known, and yields to the one that took over; who hands over
# skips nothing and loses nothing. The wire oracle watches all of it.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"

STRIPE=$((1 << 20))	# numbers; that of index 0 is G1's

acquires() { # NAMESPACE: SAs that the kernel has asked for
	ip -n "$1" xfrm state list | grep -c 'spi 0x00000000'
}

flow() { # SECONDS COUNT: in the background, until flow_end
	ip netns exec "$P" ping -q -n -i "$1" -c "$2" -W 1 10.1.0.1 > /run/flow &
	flow=$!
}

flow_end() { # sets lost: packets without an answer
	local sent got

	wait $flow
	read -r sent _ _ got _ < <(grep transmitted /run/flow)
	lost=$((sent - got))
}

dropped() { # all that XFRM has dropped on both gateways
	for ns in "$G1" "$G2"; do
		on "$ns" cat /proc/net/xfrm_stat
	done | { sum=0; while read -r _ n; do sum=$((sum + n)); done; echo $sum; }
}

ha_load
topology
sas 0x1000 4 tunnel "$G1 $G2 $P" replay-window 32
policies 0x1000 4 tunnel
oracle_start
links heartbeat 40
groups vpn interval 4 quantity 40 on-peer-loss hold

# An SA is born with numbers that need no lease: more of them than this test uses, so
# another lease has to be the limit first. It is, after a handover.
check "a new SA need not wait" pings 5
must ha "$G2" takeover vpn
must wait_for 5 role "$G2" vpn active
must wait_for 5 role "$G1" vpn standby
reroute 2
check "and not either after a handover" pings 5
is "N5: which skips no number" "$(sa "$G2" 0x1001 .oseq)" 10
must ha "$G1" takeover vpn force
must wait_for 5 role "$G1" vpn active
must wait_for 5 role "$G2" vpn standby
reroute 1
must wait_for 5 mirrored "$G1" 0x1001
check "by force, with the peer's lease" pings 5
wait_for 5 mirrored "$G1" 0x1001

# The link is cut: the SA goes to the end of its lease, and no further.
cut
pings 100 10.1.0.1 0.01
lease=$(sa "$G1" 0x1001 .lease)
is "I1: it stops at the lease that was acknowledged" "$(sa "$G1" 0x1001 .oseq)" "$lease"
is "I1: which is what the peer would begin above" "$(sa "$G2" 0x1001 .oseq)" "$lease"
is "N1: the SA is held" "$(sa "$G1" 0x1001 .hold)" limit
check "N1: the hold is counted" counter "$G1" lease_held 1
is "N1: it raises no acquire" "$(acquires "$G1")" 0
check "the peer is given up" wait_for 20 link_state "$G1" connecting
is "N1: alone, it holds still" "$(sa "$G1" 0x1001 .hold)" limit
is "and nothing was sent above the lease" "$(sa "$G1" 0x1001 .oseq)" "$lease"
mend
check "N1: the acknowledgment frees it" wait_for 20 hold "$G1" 0x1001 -
wait_for 10 in_sync "$G1"
check "traffic as before" pings 20

# Alone, and allowed to go on.
for ns in "$G1" "$G2"; do
	must ha "$ns" group set vpn on-peer-loss solo
done
cut
check "solo" wait_for 20 solo "$G1" true
lease=$(sa "$G1" 0x1001 .lease)
check "N10: it goes on" pings 60 10.1.0.1 0.01
# Above the lease in its own stripes only: the first is one of them.
between "N10: above its lease" "$(sa "$G1" 0x1001 .oseq)" $((lease + 10)) $((lease + 100))
mend
check "a peer in sync ends it" wait_for 20 solo "$G1" false
check "traffic as before" pings 20

# Both were active: G1 held at its lease, G2 took over above it.
for ns in "$G1" "$G2"; do
	must ha "$ns" group set vpn on-peer-loss hold
done
wait_for 5 mirrored "$G1" 0x1001
cut
pings 60 10.1.0.1 0.01
check "the link is cut" wait_for 20 link_state "$G2" connecting
lease=$(sa "$G1" 0x1001 .oseq)
must ha "$G2" takeover vpn
check "the other one takes over" wait_for 5 role "$G2" vpn active
is "it goes on alone" "$(group "$G2" vpn solo)" true
reroute 2
check "with numbers of its own" pings 60 10.1.0.1 0.01
is "I1: the first stripe of its own above those of the first" "$(sa "$G2" 0x1001 .oseq)" \
	$((STRIPE + 59))
check "I1: which lie below" test "$lease" -lt $STRIPE
is "which still believes to be active" "$(group "$G1" vpn role)" active
mend
check "N6: until they meet" wait_for 20 role "$G1" vpn standby
is "I4: one is active" "$(group "$G2" vpn role)" active
wait_for 10 in_sync "$G2"
check "traffic as before" pings 20

# Both are active, and both send, each in its own stripes. The one that stays goes on above what either
# has used.
must ha "$G2" group set vpn on-peer-loss solo
wait_for 5 mirrored "$G2" 0x1001
cut
check "the link is cut" wait_for 20 solo "$G2" true
must ha "$G1" takeover vpn
wait_for 5 role "$G1" vpn active
pings 200 10.1.0.1 0.005
used=$(sa "$G2" 0x1001 .oseq)
mend
check "N6: the one that went on steps down" wait_for 20 role "$G2" vpn standby
wait_for 10 in_sync "$G1"
between "I1: the other one goes on above it" "$(sa "$G1" 0x1001 .oseq)" "$used" $((3 * STRIPE))
reroute 1
check "traffic as before" pings 20
oracle_verdict "I1: no number was used twice, though both were active" 0x1001

# A standby that was never told of an SA: the active may have used what needs no lease.
for ns in "$G1" "$G2"; do
	must ha "$ns" group set vpn on-peer-loss hold
done
no_sas
cut
wait_for 20 link_state "$G1" connecting
sas 0x2000 4 tunnel "$G1 $G2 $P" replay-window 32
policies 0x2000 4 tunnel
check "an SA without a peer: its birth lease" pings 50
must ha "$G2" takeover vpn
wait_for 5 role "$G2" vpn active
reroute 2
check "the other one, which never heard of it" pings 10
is "I1: begins in its own stripe, above the birth lease" "$(sa "$G2" 0x2001 .oseq)" $((STRIPE + 9))
mend
wait_for 20 role "$G1" vpn standby
wait_for 10 in_sync "$G2"

# To and fro under traffic: no number is skipped, and what is lost is what still came to
# the gateway that had stopped, which counted it.
must wait_for 5 mirrored "$G2" 0x2001
first=$(sa "$G2" 0x2001 .oseq)
oracle_start
before=$(dropped)
flow 0.01 400
for gateway in 1 2 1 2; do
	[ $gateway = 1 ] && to=$G1 from=$G2 || to=$G2 from=$G1
	must ha "$to" takeover vpn
	must wait_for 5 role "$to" vpn active
	reroute $gateway
	must wait_for 5 role "$from" vpn standby
done
flow_end
is "N5: what was lost in four handovers ($lost) is accounted for" $(($(dropped) - before)) "$lost"
is "N5: no number is skipped" "$(sa "$G2" 0x2001 .oseq)" $((first + 400 - lost))
oracle_verdict "I1: no number was used twice in the handovers" 0x2001

# With the exact number goes a grant: who takes it may use so many before the one that gave
# it hears of any, and that one begins above all of them. The taker's frames are slow, so that
# the giver can be made deaf before it hears of the first.
oracle_start
must tc -n "$G1" qdisc replace dev sync root netem delay 1000ms
# A handover that takes the giver two seconds is given up: on a machine that stands still.
for _ in 1 2 3 4; do
	role "$G1" vpn active || must ha "$G1" takeover vpn
	wait_for 2 role "$G1" vpn active && break
done
must role "$G1" vpn active
deaf "$G2" on
reroute 1
check "N5: it goes on at once, without an acknowledgment" pings 50
used=$(sa "$G1" 0x2001 .oseq)
is "of a lease" "$(sa "$G1" 0x2001 .hold)" -
check "I1: who gave it holds a number above" test "$(sa "$G2" 0x2001 .oseq)" -ge "$used"
check "the peer is given up" wait_for 20 link_state "$G2" connecting
must ha "$G2" takeover vpn
must wait_for 5 role "$G2" vpn active
reroute 2
check "and goes on there" pings 50
mend
deaf "$G2" off
# Both have raised the same term: the node id settles it.
check "N6: one of them stays active" wait_for 20 settled
oracle_verdict "I1: no number was used twice by way of the grant" 0x2001
role "$G2" vpn active || must ha "$G2" takeover vpn
must wait_for 5 role "$G2" vpn active
reroute 2

# Bursts: segments that take their numbers together. None is above the lease.
burst() { # SEGMENTS COUNT: from behind the gateway, in packets of so many segments
	on "$H" python3 -c '
import socket, sys
n = int(sys.argv[1])
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_UDP, 103, 100)	# UDP_SEGMENT
for _ in range(int(sys.argv[2])):
    try:
        s.sendto(bytes(100 * n), ("10.2.0.1", 9))
    except OSError:
        pass' "$1" "$2"
}
[[ $XFRM_HA_MACHINE == uml* ]] || modprobe -q esp4_offload
for ns in "$G1" "$G2"; do
	must ha "$ns" group set vpn quantity 500 interval 16
done
no_sas
sas 0x4000 4 tunnel "$G1 $G2 $P" replay-window 128
policies 0x4000 4 tunnel
lan 0x4000
lan_to 2
oracle_start
must ha "$G1" takeover vpn
must wait_for 5 role "$G1" vpn active
must wait_for 5 role "$G2" vpn standby
must ha "$G2" takeover vpn force
must wait_for 5 role "$G2" vpn active
must wait_for 5 role "$G1" vpn standby
reroute 2
must wait_for 5 mirrored "$G2" 0x4001
check "a burst within the lease" burst 40 3
wait_for 5 mirrored "$G2" 0x4001
cut
refused=$(stat "$G2" lease_refused)
burst 85 50
lease=$(sa "$G2" 0x4001 .lease)
# The first burst that does not fit is refused as a whole. The aevent tap drops it when it has its
# numbers: nobody else gets them.
between "N1: a burst that does not fit is refused" \
	$(($(stat "$G2" lease_refused) - refused)) 1 50
is "N1: which is what the peer holds" "$(sa "$G1" 0x4001 .oseq)" "$lease"
mend
check "N1: and it goes on" wait_for 20 hold "$G2" 0x4001 -
wait_for 10 in_sync "$G2"
oracle_verdict "I1: no number was used twice in the bursts" 0x4001
between "N1: the last one ended at the lease" \
	"$(sed -n 's/^spi 00004001 .* last \([0-9]*\) .*/\1/p' /run/wire)" $((lease - 84)) "$lease"

check "the module leaves" ha_unload
ktap_finished
