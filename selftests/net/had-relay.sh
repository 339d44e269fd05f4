#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: jq
# tap: any
# timeout: 400
#
# M7 S3: SAs and policies are installed on the active gateway alone. The standby has
# them, held, with the numbers that the link brings; what changes is followed; what somebody
# else installed is left alone; daemons die and come back; the standby takes over.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/had.sh"
. "$(dirname "$0")/../lib/relay.sh"

ha_load
topology
relay_over 1 2
relay_conf 1 role = standby on-peer-loss = takeover
relay_conf 2 role = standby on-peer-loss = takeover
tunnel "$G1 $P" 0x1000 replay-window 32
tunnel_policies "$G1"
remote_policies
# Another's, on either gateway
must ip -n "$G1" xfrm state add src 203.0.113.1 dst 203.0.113.2 proto esp spi 0x7001 \
	mode tunnel aead 'rfc4106(gcm(aes))' "$KEY" 128
must ip -n "$G2" xfrm state add src 203.0.113.1 dst 203.0.113.2 proto esp spi 0x7002 \
	mode tunnel aead 'rfc4106(gcm(aes))' "$KEY" 128
must ip -n "$G2" xfrm policy add src 203.0.113.0/24 dst 203.0.114.0/24 dir out \
	tmpl src 203.0.113.1 dst 203.0.113.2 proto esp mode tunnel
oracle_start

relay_begin
check "the standby gets the SAs" wait_for 20 has "$G2" 0x1000
check "it holds them" wait_for 5 held "$G2" 0x1001
check "none is missing" wait_for 10 missing "$G2" 0
is "the policies" "$(policies_of "$G2")" "$(policies_of "$G1")"
is "SAs are the same but for their numbers" "$(essence "$G2" 0x1001)" "$(essence "$G1" 0x1001)"
is "the other's stay where they are" "$(spis "$G2" | grep 0x0000700)" 0x00007002

check "traffic through the active gateway" pings 40
check "numbers come by the link" wait_for 5 mirrored "$G1" 0x1001
between "the standby is above what was used" "$(sa "$G2" 0x1001 .oseq)" 40 100000
is "right edge" "$(sa "$G2" 0x1002 .seq)" "$(sa "$G1" 0x1002 .seq)"

# A rekey: new ones, then the old ones go.
tunnel "$G1 $P" 0x2000 replay-window 128 flag esn
check "a new SA is there, too" wait_for 10 has "$G2" 0x2000
is "with its window" "$(essence "$G2" 0x2002)" "$(essence "$G1" 0x2002)"
check "and held" wait_for 5 held "$G2" 0x2001
tunnel_del "$P" 0x1000
tunnel_del "$G1" 0x1000
check "the old one has gone" wait_for 10 has_not "$G2" 0x1000
check "traffic with the new one" pings 10

# UPDSA: a standby replaces what it holds.
must ip -n "$G1" xfrm state update src 192.0.2.9 dst 192.0.2.1 proto esp spi 0x2002 reqid 4096 \
	mode tunnel aead 'rfc4106(gcm(aes))' "$KEY" 128 replay-window 128 flag esn \
	replay-seq 10 limit time-hard 7200
check "a changed SA" wait_for 10 lifetime "$G2" 0x2002 7200
check "is held, too" wait_for 5 held "$G2" 0x2002

# A policy that is changed, and one that goes
must ip -n "$G1" xfrm policy update src 10.1.0.1/32 dst 10.2.0.1/32 dir out priority 77 \
	tmpl src 192.0.2.1 dst 192.0.2.9 proto esp reqid 4096 mode tunnel
check "a changed policy" wait_for 10 same_policies
must ip -n "$G1" xfrm policy add src 10.1.0.1/32 dst 10.9.0.0/16 dir out \
	tmpl src 192.0.2.1 dst 192.0.2.9 proto esp reqid 4096 mode tunnel
check "a new policy" wait_for 10 same_policies
must ip -n "$G1" xfrm policy delete src 10.1.0.1/32 dst 10.9.0.0/16 dir out
check "and it goes" wait_for 10 same_policies

# The standby is first: what is there is neither doubled nor removed.
tunnel "$G2" 0x3000 replay-window 32
tunnel "$G1" 0x3000 replay-window 32
tunnel "$G1" 0x4000 replay-window 32
check "an SA after it" wait_for 10 has "$G2" 0x4000
tunnel_del "$G1" 0x3000
tunnel_del "$G1" 0x4000
check "what was relayed goes" wait_for 10 has_not "$G2" 0x4000
check "what the standby had first stays" has "$G2" 0x3000
tunnel_del "$G2" 0x3000

# What somebody removes on the standby comes back.
must ip -n "$G2" xfrm state delete src 192.0.2.1 dst 192.0.2.9 proto esp spi 0x2001
check "an SA that was removed on the standby comes back" wait_for 20 has "$G2" 0x2000
must ip -n "$G2" xfrm state flush
check "so do all" wait_for 20 has "$G2" 0x2000
must ip -n "$G2" xfrm policy flush
check "and policies" wait_for 20 same_policies
must wait_for 10 missing "$G2" 0

# The standby's daemon is killed; what changes meanwhile is found, what did not is not touched.
added=$(added_at "$G2" 0x2001)
had_stop 2 9
tunnel "$G1 $P" 0x5000 replay-window 32
check "the module goes on alone" pings 5
tunnel "$G1" 0x6000 replay-window 32
had 2 /run/conf2
check "a new daemon finds what is new" wait_for 20 has "$G2" 0x5000
check "of that, too" wait_for 20 has "$G2" 0x6000
is "what is the same was not touched" "$(added_at "$G2" 0x2001)" "$added"
had_stop 2 9
tunnel_del "$G1" 0x6000
had 2 /run/conf2
check "a new daemon removes what its predecessor had installed" wait_for 20 has_not "$G2" 0x6000
check "and nothing else" has "$G2" 0x2000

# So is the active one's.
had_stop 1 9
tunnel_del "$G1" 0x5000
tunnel_del "$P" 0x5000
tunnel "$G1" 0x6000 replay-window 32
had 1 /run/conf1
check "SAs that were made while there was no daemon" wait_for 20 has "$G2" 0x6000
check "and those that went" wait_for 20 has_not "$G2" 0x5000
is "what is the same was not touched" "$(added_at "$G2" 0x2001)" "$added"
is "the policies" "$(policies_of "$G2")" "$(policies_of "$G1")"
tunnel_del "$G1" 0x6000
must wait_for 20 has_not "$G2" 0x6000

# It dies. The other one has all it needs.
must wait_for 10 missing "$G2" 0
must ip -n "$G1" link set wan down
must ip -n "$G1" link set sync down
relay_cut 1 down
check "the standby takes over" wait_for 10 role "$G2" vpn active
reroute 2
check "traffic through the other gateway" pings 20
oracle_verdict "I1: no number was used twice" 0x1001 0x2001

# It comes back, standby. What the other one made meanwhile is there.
tunnel "$G2 $P" 0x8000 replay-window 32
must batch "$G1" "link set sync up" "link set wan up"
relay_cut 1 up
check "who comes back is standby" wait_for 20 role "$G1" vpn standby
check "it gets what was made meanwhile" wait_for 30 has "$G1" 0x8000
check "held" wait_for 5 held "$G1" 0x8001
check "and its own stay" has "$G1" 0x2000

check_not "no key is in a log" grep -qi "${KEY#0x0000000000000000}" /run/had[12]*
for n in 1 2; do
	had_stop "$n"
done
relay_end 1 2
check "the module leaves" ha_unload
ktap_finished
