#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: ethtool jq
# timeout: 240
#
# M1 N1 N5, invariant I1: SAs whose ESP is done by a NIC (crypto offload) are mirrored, bound
# by their lease, handed over and taken over as others are. The NICs are espnic's; P has none.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/espnic.sh"
. "$(dirname "$0")/../lib/ha.sh"

nic() { # NAMESPACE tx|rx: packets that the NIC has encrypted or decrypted
	on "$1" ethtool -S wan | sed -n "s/^ *$2_packets: //p"
}

in_nic() { # NAMESPACE COMMAND...: and the packets went through the NIC, all that P sent
	local ns=$1 rx tx before

	rx=$(nic "$ns" rx) tx=$(nic "$ns" tx) before=$(sa "$ns" $((spi + 1)) .packets)
	shift
	"$@" > /run/in_nic || return 1
	before=$(($(sa "$ns" $((spi + 1)) .packets) - before))
	is "the NIC has encrypted them" $(($(nic "$ns" tx) - tx)) "$before"
	[ $(($(nic "$ns" rx) - rx)) -ge "$before" ]
}

espnic_load
ha_load
topology espnic
spi=0x1000
OFFLOAD=wan sas 0x1000 4 tunnel "$G1 $G2" replay-window 64
sas 0x1000 4 tunnel "$P" replay-window 64
policies 0x1000 4 tunnel
oracle_start
links
groups vpn interval 4 quantity 40 on-peer-loss hold

check "traffic, by the NIC" in_nic "$G1" pings 40
wait_for 5 mirrored "$G1" 0x1001
wait_for 5 mirrored "$G1" 0x1002
is "M1: outbound number: what needs no lease" "$(sa "$G2" 0x1001 .oseq)" 8192
is "M1: right edge" "$(sa "$G2" 0x1002 .seq)" 40
is "M1: packets" "$(sa "$G2" 0x1002 .packets)" 40
is "M1: octets" "$(sa "$G2" 0x1001 .bytes)" "$(sa "$G1" 0x1001 .bytes)"
check_not "the standby's NIC sends nothing" on "$G2" ping -q -c 1 -W 1 10.2.0.1

must ha "$G2" takeover vpn
must wait_for 5 role "$G2" vpn active
must wait_for 5 role "$G1" vpn standby
reroute 2
is "N5: no number is skipped" "$(sa "$G2" 0x1001 .oseq)" 40
check "traffic, by the other NIC" in_nic "$G2" pings 20
wait_for 5 mirrored "$G2" 0x1001
must ha "$G1" takeover vpn force
must wait_for 5 role "$G1" vpn active
must wait_for 5 role "$G2" vpn standby
reroute 1
check "and back, by force" pings 20
wait_for 5 mirrored "$G1" 0x1001

# The lease holds for what a NIC sends, too.
cut
sent=$(nic "$G1" tx)
first=$(sa "$G1" 0x1001 .oseq)
pings 100 10.1.0.1 0.01
lease=$(sa "$G1" 0x1001 .lease)
is "N1: it stops at the lease" "$(sa "$G1" 0x1001 .oseq)" "$lease"
is "N1: the SA is held" "$(sa "$G1" 0x1001 .hold)" limit
is "I1: nothing else has left the NIC" $(($(nic "$G1" tx) - sent)) \
	$(($(sa "$G1" 0x1001 .oseq) - first))
mend
check "N1: the acknowledgment frees it" wait_for 20 hold "$G1" 0x1001 -
check "traffic as before" wait_for 5 in_nic "$G1" pings 10
oracle_verdict "I1: no number was used twice"

# Extended numbers that pass 2^32 on one gateway: the NIC of the other one, which has received
# nothing, has to know of it, too.
no_sas
spi=0x2000
esn=(replay-window 64 flag esn replay-seq 100 replay-oseq $((2 ** 32 - 20)))
OFFLOAD=wan sas $spi 4 tunnel "$G1 $G2" "${esn[@]}"
sas $spi 4 tunnel "$P" "${esn[@]}"
policies $spi 4 tunnel
wait_for 5 mirrored "$G1" 0x2001
check "traffic beyond 2^32" in_nic "$G1" pings 80
wait_for 5 mirrored "$G1" 0x2002
is "M4: is mirrored" "$(sa "$G2" 0x2002 .seq)" $((2 ** 32 + 60))
must ha "$G2" takeover vpn
must wait_for 5 role "$G2" vpn active
reroute 2
check "the other NIC knows the upper half" in_nic "$G2" pings 20
check "the module leaves" ha_unload
sent=$(nic "$G2" tx)
check "the SAs still work" pings 10
is "in the NIC" $(($(nic "$G2" tx) - sent)) 10
ktap_finished
