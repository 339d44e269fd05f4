#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tap: any
# timeout: 240
#
# M8 N6, invariants I1 and I4: a gateway reboots. Its namespace goes, with its SAs, groups and
# links; it comes back with what its host configures, and nothing else. The standby is told all
# by the bulk sync, and takes over; the active finds that its peer is active, and yields. The wire
# oracle watches all of it.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"

no_device() { # NAMESPACE DEVICE
	[ -z "$(ip -n "$1" -br link show dev "$2" 2>/dev/null)" ]
}

configure() { # 1|2 ROLE: what a host does when it starts; the SAs are as they were negotiated
	local g=G$1

	sas 0x1000 4 tunnel "${!g}" replay-window 64
	must ha "${!g}" link add sync peer "02:00:00:00:01:0$((3 - $1))" key /run/key dead 100
	must ha "${!g}" group add vpn role "$2" interval 16 quantity 10000 on-peer-loss takeover
	must ip -n "${!g}" xfrm policy add src 10.1.0.1 dst 10.2.0.1 dir out \
		tmpl src 192.0.2.1 dst 192.0.2.9 proto esp reqid 0x1000 mode tunnel
	must ip -n "${!g}" xfrm policy add src 10.2.0.1 dst 10.1.0.1 dir in \
		tmpl src 192.0.2.9 dst 192.0.2.1 proto esp reqid 0x1000 mode tunnel
}

dies() { # 1|2
	local g=G$1 other=G$((3 - $1))

	netns_del "${!g}"
	must wait_for 10 no_device "${!other}" sync
	must wait_for 10 no_device "$P" "g$1"
}

boots() { # 1|2 ROLE
	local g=G$1 other=G$((3 - $1))

	netns "$g"
	must ip link add sync netns "${!g}" address "02:00:00:00:01:0$1" type veth \
		peer name sync netns "${!other}" address "02:00:00:00:01:0$((3 - $1))"
	must ip link add wan netns "${!g}" address "02:00:00:00:02:0$1" type veth \
		peer name "g$1" netns "$P"
	must ip -n "$P" link set "g$1" master br0
	must ip -n "$P" link set "g$1" up
	must ip -n "${!other}" link set sync up
	gateway_net "${!g}"
	configure "$1" "$2"
	check "the links are up" wait_for 20 link_state "${!g}" up
	check "and the peer says so" wait_for 20 link_state "${!other}" up
	check "in sync" wait_for 20 in_sync "$G1" "$G2"
}

STRIPE=$((1 << 20))

# All that the standby must know of them; the lease is the active's number and the quantity.
known() { # ACTIVE STANDBY
	local lease

	lease=$(($(sa "$1" 0x1001 .oseq) + 10000))
	[ "$(sa "$2" 0x1001 '"\(.oseq) \(.packets) \(.held)"')" = \
		"$lease $(sa "$1" 0x1001 .packets) true" ] &&
		[ "$(sa "$2" 0x1002 '"\(.seq) \(.packets) \(.held)"')" = \
			"$(sa "$1" 0x1002 '"\(.seq) \(.packets)"') true" ]
}

ha_load
topology
oracle_start
keygen /run/key
sas 0x1000 4 tunnel "$P" replay-window 64
must ip -n "$P" xfrm policy add src 10.2.0.1 dst 10.1.0.1 dir out \
	tmpl src 192.0.2.9 dst 192.0.2.1 proto esp reqid 0x1000 mode tunnel
must ip -n "$P" xfrm policy add src 10.1.0.1 dst 10.2.0.1 dir in \
	tmpl src 192.0.2.1 dst 192.0.2.9 proto esp reqid 0x1000 mode tunnel
configure 2 standby
configure 1 active
must wait_for 20 role "$G1" vpn active
must wait_for 20 in_sync "$G1" "$G2"
check "traffic" pings 40

# The standby reboots, and the active goes on meanwhile.
dies 2
check "alone, within the lease" pings 30
boots 2 standby
check "M8: the standby that has rebooted knows all" wait_for 10 known "$G1" "$G2"
is "N6: it is standby" "$(group "$G2" vpn role)" standby

# The active dies before it says another word.
used=$(sa "$G1" 0x1001 .oseq)
dies 1
check "M8: it takes over" wait_for 20 role "$G2" vpn active
reroute 2
check "M8: traffic goes on" pings 20
# It has forgotten, and got a part of the other's stripes: the third of four is the first of its own.
is "I1: above the lease" "$(sa "$G2" 0x1001 .oseq)" $((2 * STRIPE + 19))
check "I1: which lies below" test $((used + 10000)) -lt $((2 * STRIPE))

# Its host says that it is active, as it was; it starts below both numbers and terms.
term=$(group "$G2" vpn term)
boots 1 active
check "N6: who comes back yields" wait_for 10 role "$G1" vpn standby
is "I4: one is active" "$(group "$G2" vpn role)" active
is "N6: the term is that of the one that took over" \
	"$(group "$G1" vpn term) $(group "$G2" vpn term)" "$term $term"
check "I1: its number is not below" wait_for 10 known "$G2" "$G1"
check "traffic stays where it is" pings 20
wait_for 10 mirrored "$G2" 0x1001
used=$(sa "$G2" 0x1001 .oseq)
must ha "$G1" takeover vpn
check "M8: and takes over when it is told to" wait_for 10 role "$G1" vpn active
check "the other one is standby" wait_for 10 role "$G2" vpn standby
reroute 1
check "traffic as in the beginning" pings 20
is "N5: no number is skipped" "$(sa "$G1" 0x1001 .oseq)" $((used + 20))
is "the remote end has seen no replay" "$(xfrm_stat "$P" XfrmInStateSeqError)" 0
oracle_verdict "I1: no number was used twice" 0x1001
check "the module leaves" ha_unload
ktap_finished
