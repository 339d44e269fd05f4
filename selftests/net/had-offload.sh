#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: ethtool jq
# machines: uml
# tap: any
# timeout: 240
#
# M7 A5: an SA that the active gateway has in a NIC is in the standby's NIC, which has another name; in
# none, where the file names none, or the kernel does not want it there. The other NIC goes on.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/espnic.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/had.sh"
. "$(dirname "$0")/../lib/relay.sh"

in_device() { # NAMESPACE SPI: in which NIC; nothing: in none
	ip -n "$1" xfrm state list spi "$2" | sed -n 's/.*offload parameters: dev \([^ ]*\) .*/\1/p'
}

sent_by() { # NAMESPACE DEVICE: packets that the NIC has encrypted
	on "$1" ethtool -S "$2" | sed -n 's/^ *tx_packets: //p'
}

espnic_load
ha_load
topology espnic
must ip -n "$G2" link set wan name port7
must ip -n "$G2" link add plain type dummy
relay_conf 1 role = active
relay_conf 2 role = standby "offload wan { device = port7 }"
OFFLOAD=wan tunnel "$G1" 0x1000 replay-window 32
tunnel "$P" 0x1000 replay-window 32
tunnel_policies "$G1"
remote_policies
had 1 /run/conf1
had 2 /run/conf2
must wait_for 20 role "$G1" vpn active
must wait_for 20 has "$G2" 0x1000
is "outbound: in the other NIC" "$(in_device "$G2" 0x1001)" port7
is "inbound" "$(in_device "$G2" 0x1002)" port7
check "held" wait_for 5 held "$G2" 0x1001
check "traffic by the first" pings 20
must wait_for 10 mirrored "$G1" 0x1001

# A device that can't, and none
must sed -i 's/device = port7/device = plain/' /run/conf2
had_reload 2
OFFLOAD=wan tunnel "$G1" 0x2000 replay-window 32
must wait_for 20 has "$G2" 0x2000
is "a device that can't: none" "$(in_device "$G2" 0x2001)" ""
must sed -i 's/offload wan/offload wan9/' /run/conf2
had_reload 2
OFFLOAD=wan tunnel "$G1" 0x3000 replay-window 32
must wait_for 20 has "$G2" 0x3000
is "a device of the peer's that nobody has named: none" "$(in_device "$G2" 0x3001)" ""
is "those that are there stay" "$(in_device "$G2" 0x1001)" port7
tunnel_del "$G1" 0x2000
tunnel_del "$G1" 0x3000
must wait_for 20 has_not "$G2" 0x2000
must wait_for 20 has_not "$G2" 0x3000
must wait_for 10 missing "$G2" 0

must ha "$G2" takeover vpn wait 20
must wait_for 10 role "$G2" vpn active
reroute 2
before=$(sent_by "$G2" port7)
check "traffic by the other" pings 20
between "encrypted by its NIC" $(($(sent_by "$G2" port7) - before)) 20 100
for n in 1 2; do
	had_stop "$n"
done
check "the module leaves" ha_unload
ktap_finished
