#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: nft
# machines: uml
# tap: any
# timeout: 120
#
# N1 M8: an SA is announced, that frame is lost, and its next record arrives: the peer says that it does
# not know the SA, and is told when frames with announcements arrive again, without another packet.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"

ANNOUNCEMENT=120	# octets: longer frames have one, records and what keeps the session have less

told() { # SPI
	mirrored "$G1" "$1" && [ "$(group "$G1" vpn peer_missing)" = 0 ]
}

ha_load
topology
links
groups vpn interval 1 max-age 1000
must wait_for 20 in_sync "$G1" "$G2"
for spi in 0x1000 0x1010 0x1020; do
	sas $spi 4 tunnel "$G2 $P" replay-window 128
	policies $spi 4 tunnel
	naks=$(stat "$G1" nak_rx)
	must on "$G2" nft "table netdev lossy {
		chain in {
			type filter hook ingress device sync priority 0
			meta length > $ANNOUNCEMENT counter drop
		}
	}"
	sas $spi 4 tunnel "$G1" replay-window 128
	spend "$G1" 1
	check "the peer does not know the SA" wait_for 10 counter "$G1" nak_rx $((naks + 1))
	is "its announcements are lost" \
		"$(on "$G2" nft list table netdev lossy | grep -c 'packets [1-9]')" 1
	must on "$G2" nft delete table netdev lossy
	check "N1: it is told" wait_for 10 told $((spi + 1))
	no_sas
done
check "the module leaves" ha_unload
ktap_finished
