#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: nft
# tap: any
# timeout: 120
#
# N1: an SA is announced, that frame is lost, and several of its records arrive: the peer says of each that
# it does not know the SA. It has room for it, whenever that is heard.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"

ANNOUNCEMENT=120	# octets: longer frames have one, records and what keeps the session have less

told() { # SPI
	mirrored "$G1" "$1" && [ "$(group "$G1" vpn peer_missing)" = 0 ]
}

# While an announcement is under way, lost or not, the next record goes by itself.
unknown() { # COUNT
	spend "$G1" 1
	counter "$G2" record_unknown "$1"
}

ha_load
topology
links heartbeat 200 dead 100
groups vpn interval 1 max-age 1000
sas 0x1000 4 tunnel "$G2 $P" replay-window 128
policies 0x1000 4 tunnel
must wait_for 20 in_sync "$G1" "$G2"
must on "$G2" nft "table netdev lossy {
	chain in {
		type filter hook ingress device sync priority 0
		meta length > $ANNOUNCEMENT counter drop
	}
}"
must deaf "$G1" on
sas 0x1000 4 tunnel "$G1" replay-window 128
check "the peer refuses records of an SA that it does not know" wait_for 20 unknown 3
is "whose announcement is lost" \
	"$(on "$G2" nft list table netdev lossy | grep -c 'packets [1-9]')" 1
must on "$G2" nft delete table netdev lossy
must deaf "$G1" off
check "N1: that is heard late" wait_for 20 counter "$G1" nak_rx 2
check "N1: and the SA is told" wait_for 20 told 0x1001
is "it was not taken for one that there is no room for" "$(stat "$G1" nak_room)" 0
check "the module leaves" ha_unload
ktap_finished
