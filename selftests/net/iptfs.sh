#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tap: any
# requires: python3
# timeout: 180
#
# M1 N14, invariant I1: SAs with IP-TFS (RFC 9347), which Linux has since 6.14: several packets
# share one of ESP, or one is cut. They are relayed to the standby and mirrored; it takes over, and
# gives them back.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/had.sh"
. "$(dirname "$0")/../lib/relay.sh"

dir=$XFRM_HA_DIR/selftests/lib/xfrm_dir.py
g=192.0.2.1 p=192.0.2.9

state() { # NAMESPACE OUTBOUND-OF-THE-GATEWAYS INBOUND
	on "$1" python3 "$dir" add "$g" "$p" 0x1001 "$2" reqid 4096 iptfs yes &&
	on "$1" python3 "$dir" add "$p" "$g" 0x1002 "$3" reqid 4096 iptfs yes
}

policy() { # NAMESPACE OUTBOUND-OF-THE-GATEWAYS INBOUND
	must on "$1" python3 "$dir" policy "$2" 10.1.0.1 10.2.0.1 $g $p 4096
	must on "$1" python3 "$dir" policy "$3" 10.2.0.1 10.1.0.1 $p $g 4096
}

both_mirrored() {
	mirrored "$1" 0x1001 && mirrored "$1" 0x1002
}

# More than one ESP packet holds: 64 that are short and none that is waited for, or three long ones.
many() {
	ping_all "$P" -c 64 -l 64 -i 0.002 -W 5 10.1.0.1
}

long() {
	ping_all "$P" -c 3 -i 0.02 -W 5 -s 4000 10.1.0.1
}

# One that is without may take such an SA all the same, and warn when it is used.
grep -q ' iptfs_' /proc/kallsyms || skip_all "this kernel has no IP-TFS"
ha_load
topology
must state "$G1" out in
must state "$P" in out
policy "$G1" out in
policy "$P" in out
relay_conf 1 role = standby on-peer-loss = takeover interval = 4
relay_conf 2 role = standby on-peer-loss = takeover interval = 4
oracle_start

relay_begin
check "the standby gets the SAs" wait_for 20 has "$G2" 0x1000
must wait_for 20 missing "$G2" 0
check "with IP-TFS" [ "$(on "$G2" python3 "$dir" show $p 0x1001)" = "dir out cpu any mode 5" ]
check "in both directions" [ "$(on "$G2" python3 "$dir" show $g 0x1002)" = "dir in cpu any mode 5" ]
check "and holds them" wait_for 5 held "$G2" 0x1001

check "traffic" pings 20
check "several packets at a time" many
check "longer ones than a packet of ESP" long
check "mirrored" wait_for 10 both_mirrored "$G1"
oseq=$(sa "$G1" 0x1001 .oseq)
say "numbers used: $oseq out, $(sa "$G1" 0x1002 .seq) in"
between "M3: the standby is above" "$(sa "$G2" 0x1001 .oseq)" "$oseq" 100000
is "M1: right edge" "$(sa "$G2" 0x1002 .seq)" "$(sa "$G1" 0x1002 .seq)"
is "M1: packets" "$(sa "$G2" 0x1002 .packets)" "$(sa "$G1" 0x1002 .packets)"

# Planned, there and back: nothing is skipped.
must ha "$G2" takeover vpn wait 10
reroute 2
check "traffic through the other gateway" pings 20
check "several at a time" many
check "long ones" long
must wait_for 10 both_mirrored "$G2"
oseq=$(sa "$G2" 0x1001 .oseq)
must ha "$G1" takeover vpn wait 10
is "N5: no number is skipped" "$(sa "$G1" 0x1001 .oseq)" "$oseq"
reroute 1
check "traffic through the first one" many

# It dies.
must ip -n "$G1" link set wan down
must ip -n "$G1" link set sync down
check "the standby takes over" wait_for 20 role "$G2" vpn active
reroute 2
check "traffic" pings 20
check "long ones" long
oracle_verdict "I1: no number was used twice" 0x1001
for n in 1 2; do
	had_stop "$n"
done
check "the module leaves" ha_unload
ktap_finished
