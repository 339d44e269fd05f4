#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The remote end of the rolling upgrade. Stdin has Ethernet addresses of gateways: to each 50 packets
# are sent through the tunnel.

ip link set lo up
ip link add br0 address 02:00:5e:00:00:09 type bridge
for dev in eth0 eth1; do
	ip link set "$dev" master br0 up
done
ip link set br0 up
ip addr add 192.0.2.9/24 dev br0
ip addr add 10.2.0.1/32 dev lo
ip route add 10.1.0.1 via 192.0.2.1 src 10.2.0.1
. "$(dirname "$0")/sas.sh"
ip xfrm policy add src 10.2.0.1 dst 10.1.0.1 dir out \
	tmpl src 192.0.2.9 dst 192.0.2.1 proto esp reqid 1 mode tunnel
ip xfrm policy add src 10.1.0.1 dst 10.2.0.1 dir in \
	tmpl src 192.0.2.1 dst 192.0.2.9 proto esp reqid 1 mode tunnel
echo READY

while read -r mac; do
	ip neigh replace 192.0.2.1 lladdr "$mac" dev br0 nud permanent
	ping -q -c 50 -i 0.01 -W 5 10.1.0.1 | sed -n 's/.* \([0-9]*\) received.*/received \1/p'
	awk '/SeqError|ProtoError/ { n += $2 } END { print "errors", n + 0 }' /proc/net/xfrm_stat
	echo "DONE $?"
done
