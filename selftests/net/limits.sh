#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tap: any
# timeout: 300
#
# Invariant I6: nothing is unbounded. Each limit that can be reached with little is reached,
# has its counter, and what is within it works as before.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"

sas_of() { # NAMESPACE COUNT
	ask_group "$1" vpn sas
	[ "$REPLY" = "$2" ]
}

orphans() { # NAMESPACE COUNT
	ask_link "$1" sync orphans
	[ "$REPLY" = "$2" ]
}

link_is_not() { # NAMESPACE STATE
	ask_link "$1" sync state
	[ "$REPLY" != "$2" ]
}

ha_load
topology
oracle_start
ip netns exec "$G1" "$XFRM_HA_DIR/tools/xfrm-ha/xfrm-ha" monitor > /run/events &
monitor=$!
at_exit stopped $monitor
# A slow machine takes long for 3000 SAs; and no peer dies for want of a carrier here.
links heartbeat 500
groups vpn address 192.0.2.1 interval 16 quantity 10000

# SAs of a node. What is above the limit can't be looked after: it fails closed.
for ns in "$G1" "$G2"; do
	must ha "$ns" node set sa-limit 4
done
is "the limit is set" "$(ha "$G1" -j node show | jq '.[0].sa_limit')" 4
for spi in 0x1000 0x1100 0x1200; do
	sas $spi 4 tunnel "$G1 $G2 $P" replay-window 32
done
check "I6: sa_limit: what is above it is counted" wait_for 5 counter "$G1" sa_limit 2
check "and on the other gateway" wait_for 5 counter "$G2" sa_limit 2
is "I6: so many are known" "$(group "$G1" vpn sas) $(group "$G2" vpn sas)" "4 4"
policies 0x1000 4 tunnel
check "traffic of one that is" pings 20
must wait_for 5 mirrored "$G1" 0x1001
is "it is mirrored" "$(sa "$G2" 0x1001 .oseq)" 10020
for ns in "$G1" "$G2" "$P"; do
	must ip -n "$ns" xfrm policy flush
done
policies 0x1200 4 tunnel
# With numbers that need no lease, where a packet can be refused those above; else not at all.
on "$P" ping -q -c 20 -i 0.02 -W 1 10.1.0.1 > /dev/null
is "which is not known" "$(sa "$G1" 0x1201 .spi)" ""
check "I6: the user is told" wait_for 10 grep -q sa-unattended /run/events
for ns in "$G1" "$G2"; do
	must ip -n "$ns" xfrm state del src 192.0.2.1 dst 192.0.2.9 proto esp spi 0x1101
	must ip -n "$ns" xfrm state del src 192.0.2.9 dst 192.0.2.1 proto esp spi 0x1102
	must ha "$ns" node set sa-limit 100000
done
known() { # NAMESPACE SPI
	ask_sa "$1" "$2" .spi
	[ "$REPLY" ]
}
for spi in 0x1201 0x1202; do
	check "with room again it is found" wait_for 20 known "$G1" $spi
	check "there, too" wait_for 20 known "$G2" $spi
done
check "its traffic" pings 20
must wait_for 5 mirrored "$G1" 0x1201
is "and mirrored" "$(sa "$G2" 0x1201 .oseq)" $(($(sa "$G1" 0x1201 .oseq) + 10000))

# SAs that the standby does not have: the state of some is kept, of the others when they come.
must ha "$G2" node set orphan-limit 2
is "the limit is set" "$(ha "$G2" -j node show | jq '.[0].orphan_limit')" 2
for spi in 0x1300 0x1400; do
	sas $spi 4 tunnel "$G1 $P" replay-window 32
done
check "I6: orphan_limit: what is above it is counted" wait_for 5 counter "$G2" orphan_limit 2
is "I6: so many are kept" "$(link_field "$G2" sync orphans)" 2
for ns in "$G1" "$G2" "$P"; do
	must ip -n "$ns" xfrm policy flush
done
for spi in 0x1300 0x1400; do
	policies $spi 4 tunnel
	check "traffic of one of them" pings 20
	for ns in "$G1" "$G2" "$P"; do
		must ip -n "$ns" xfrm policy flush
	done
done
for spi in 0x1300 0x1400; do
	sas $spi 4 tunnel "$G2" replay-window 32
done
for spi in 0x1301 0x1401; do
	check "when it comes there, its state does, too" wait_for 10 mirrored "$G1" $spi
	is "its number" "$(sa "$G2" $spi .oseq)" 10020
done
check "nobody waits" wait_for 5 orphans "$G2" 0

# One that ends while the link is down: nobody says so, and nobody speaks of it any more.
must ha "$G2" node set orphan-age 1
sas 0x1500 4 tunnel "$G1" replay-window 32
check "an orphan" wait_for 5 orphans "$G2" 2
must ip -n "$G1" link set sync down
check "the link is down" wait_for 10 link_is_not "$G2" up
must ip -n "$G1" xfrm state del src 192.0.2.1 dst 192.0.2.9 proto esp spi 0x1501
must ip -n "$G1" xfrm state del src 192.0.2.9 dst 192.0.2.1 proto esp spi 0x1502
is "they are kept while there is none" "$(link_field "$G2" sync orphans)" 2
must ip -n "$G1" link set sync up
check "the link is up" wait_for 30 link_state "$G2" up
check "I6: orphan_expired: but not for ever" wait_for 20 counter "$G2" orphan_expired 2
is "they are gone" "$(link_field "$G2" sync orphans)" 0
policies 0x1200 4 tunnel

# So many SAs that the peer does not hear of: frames wait, unacknowledged; then they go, and there
# is no room for the word of all that went.
many=3000
for ((i = 0; i < many; i++)); do
	echo "xfrm state add src 192.0.2.1 dst 192.0.2.9 proto esp spi $((0x10000 + i)) reqid 9" \
		"mode tunnel enc ecb(cipher_null) \"\""
done > /run/batch
windows=$(stat "$G1" frame_window)
cut
must ip -n "$G1" -batch /run/batch
check "I6: frame_window: sending waits" wait_for 10 counter "$G1" frame_window $((windows + 1))
sed -i 's/ reqid.*//; s/state add/state del/' /run/batch
must ip -n "$G1" -batch /run/batch
check "I6: control_limit: what can't be said is counted" wait_for 10 counter "$G1" control_limit 1
mend
check "the link is there, or again" wait_for 30 link_state "$G1" up
check "traffic as before" pings 20
check "is mirrored" wait_for 10 mirrored "$G1" 0x1201
is "all of it" "$(sa "$G2" 0x1201 .oseq)" $(($(sa "$G1" 0x1201 .oseq) + 10000))
for ns in "$G1" "$G2"; do
	check "none is left of the others" wait_for 20 sas_of "$ns" 8
done
check "nor an orphan" wait_for 20 orphans "$G2" 0
must ha "$G2" takeover vpn force
must wait_for 5 role "$G1" vpn standby
must wait_for 5 mirrored "$G2" 0x1201
must wait_for 5 hold "$G2" 0x1201 -
reroute 2
check "and is taken over" pings 20
oracle_verdict "I1: no number was used twice" 0x1001 0x1201

# So many that go at once while the link is up: the other gateway hears of each.
for ns in "$G1" "$G2" "$P"; do
	must ip -n "$ns" xfrm policy flush
done
sed -i 's/ state del/ state add/; s/$/ reqid 9 mode tunnel enc ecb(cipher_null) ""/' /run/batch
must ip -n "$G2" -batch /run/batch
check "SAs of one gateway" wait_for 30 orphans "$G1" $many
sessions=$(stat "$G1" session_new)
must ip -n "$G2" xfrm state flush
check "I6: they go, and the other gateway forgets them" wait_for 30 orphans "$G1" 0
is "in the same session" "$(stat "$G1" session_new)" "$sessions"
check "the module leaves" ha_unload
ktap_finished
