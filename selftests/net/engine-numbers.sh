#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: ethtool jq
# timeout: 120
# tap: any
#
# A2 A5: a driver that looks at the numbers of the SA which a packet names finds those of the live
# SA, not those of the moment at which the SA entered its slot.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/espnic.sh"
. "$(dirname "$0")/../lib/engine.sh"

both() { # COUNTER: of the two NICs
	echo $(($(nic nic0 "$1") + $(nic nic1 "$1")))
}

espnic_load slots=8
ha_load
wires
engine
must ha engine set eng0 period 100
offload=eng0
for family in 4 6; do
	tunnel $family $family flag esn replay-window 64
	spi=$(spi_out $family)
	must wait_for 10 at "$spi" hard
	n=$(both tx_packets)
	told=$(both tx_advanced)
	check "A5: IPv$family, ESN: traffic from its first number on" pings $family $family 50
	is "A2: IPv$family, ESN: by a NIC" $(($(both tx_packets) - n)) 50
	# Linux 6.12 tells no device of outbound numbers.
	[[ $KERNEL = 6.* ]] || is "A5: IPv$family, ESN: and is told of each" \
		$(($(both tx_advanced) - told)) 50
	is "A5: IPv$family, ESN: which found no number ahead of its SA's" "$(both tx_stale_sa)" 0
	other=nic1
	[ "$(where "$spi")" = nic0 ] || other=nic0
	must ha cache pin eng0 "$spi" nic $other
	check "A2: IPv$family: it moves" wait_for 10 at "$spi" $other
	check "A5: IPv$family: traffic" pings $family $family 50
	is "A5: IPv$family: none ahead there, either" "$(both tx_stale_sa)" 0
	must ha cache pin eng0 "$spi" software
	must wait_for 10 at "$spi" software
	check "A5: IPv$family: in software: traffic" pings $family $family 5
	no_tunnels
done
# Whose numbers they were has gone: nobody looks at them any more, nor frees them twice.
gone() {
	[ "$(eng .sas) $(both tx_used)" = "0 0" ]
}
check "A5: all SAs have gone" wait_for 10 gone
is "A5: no error" "$(xfrm_errors "$A")$(xfrm_errors "$B")" ""
ktap_finished
