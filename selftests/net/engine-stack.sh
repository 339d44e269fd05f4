#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: ethtool iperf3 jq
# tap: any
# timeout: 240
#
# A1 C4: devices above an engine device. SAs that are theirs are not the engine device's, whoever
# passes them on to it: they are in software, and their traffic goes through.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/espnic.sh"
. "$(dirname "$0")/../lib/engine.sh"

stream() { # of 1 MB through tunnel 1
	local server status

	ip netns exec "$B" iperf3 -s -1 -B 10.2.0.1 > /run/server 2>&1 &
	server=$!
	wait_for 10 listens || return 1
	on "$A" timeout 100 iperf3 -c 10.2.0.1 -B 10.1.0.1 -n 1M > /run/client 2>&1
	status=$?
	stopped "$server"
	return "$status"
}

software() { # NAME: SAs of A are there, and nobody's
	is "$1: both SAs, without a device" "$(ip -n "$A" xfrm state count | grep -o '[0-9]*') $(ip -n \
		"$A" xfrm state | grep -c offload)" "2 0"
	is "$1: none is the engine device's" "$(eng .sas)" 0
	check "$1: traffic" pings 1 4 10
	check "$1: TCP" stream
	is "$1: by software" "$(nic nic0 tx_packets) $(nic nic1 tx_packets)" "0 0"
	is "$1: no error" "$(xfrm_errors "$A")$(xfrm_errors "$B") $(eng .late)" " 0"
}

espnic_load slots=8
ha_load
wires

#
# A bond: it passes SAs whose device it is to its NIC's operations
#
must batch "$A" "link add eng0 type xfrm_engine" "link set nic0 master eng0" \
	"link set nic1 master eng0" "link add bond0 type bond mode active-backup miimon 10" \
	"link set eng0 master bond0"
side "$A" bond0 1 2
active() {
	[ "$(ip -n "$A" -d -j link show bond0 | jq -r '.[0].linkinfo.info_data.active_slave')" = eng0 ]
}
must wait_for 10 active
check "a bond: ping" on "$A" ping -q -c 3 -i 0.01 192.0.2.2
for dir in "in 192.0.2.2 192.0.2.1 0x3001" "out 192.0.2.1 192.0.2.2 0x3002"; do
	read -r dir src dst spi <<< "$dir"
	said=$(ip -n "$A" xfrm state add src "$src" dst "$dst" proto esp spi "$spi" mode tunnel \
		aead 'rfc4106(gcm(aes))' "$KEY" 128 offload dev bond0 dir "$dir" 2>&1)
	is "a bond, $dir: in software, and why" "$? $said" \
		"0 Warning: xfrm_ha: SAs of a device above an engine device are in software."
done
must ip -n "$A" xfrm state flush
offload=bond0
tunnel 1 4 replay-window 64
software "a bond"
must ip -n "$A" link set eng0 down
must ip -n "$A" link set eng0 up
must wait_for 10 active
check "a bond whose NIC was down: traffic" pings 1 4 10
no_tunnels
must ip -n "$A" link del bond0

#
# VLANs and macvlans: they have no such operations
#
must ip -n "$A" link add link eng0 name mac0 type macvlan mode bridge
must ip -n "$A" link set eng0 up
side "$A" mac0 1 2
offload=mac0
tunnel 1 4 replay-window 64
software "macvlan"
no_tunnels
must ip -n "$A" link del mac0
must ip -n "$A" link add link eng0 name eng0.10 type vlan id 10
must ip -n "$B" addr flush dev wan
must ip -n "$B" -6 route flush fd01::/64
must ip -n "$B" link add link wan name wan.10 type vlan id 10
side "$A" eng0.10 1 2
side "$B" wan.10 2 1
offload=eng0.10
tunnel 1 4 replay-window 64
software "VLAN"
no_tunnels
ktap_finished
