#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A gateway of the rolling upgrade: gateway.sh PEER-MAC. Commands come on stdin: "load TREE", which has a
# module and a tool, "unload", or those of that tool. eth0 joins it to the other gateway, eth1 is outside.

(umask 077 && echo "$LINK_KEY" > /run/link.key)
for dev in lo eth0; do
	ip link set "$dev" up
done
ip link set eth1 arp off up
ip addr add 192.0.2.1/24 dev eth1
ip addr add 10.1.0.1/32 dev lo
ip neigh replace 192.0.2.9 lladdr 02:00:5e:00:00:09 dev eth1 nud permanent
ip route add 10.2.0.1 via 192.0.2.9 src 10.1.0.1
. "$(dirname "$0")/sas.sh"
ip xfrm policy add src 10.1.0.1 dst 10.2.0.1 dir out \
	tmpl src 192.0.2.1 dst 192.0.2.9 proto esp reqid 1 mode tunnel
ip xfrm policy add src 10.2.0.1 dst 10.1.0.1 dir in \
	tmpl src 192.0.2.9 dst 192.0.2.1 proto esp reqid 1 mode tunnel
echo READY

while read -r command words; do
	# shellcheck disable=SC2086	# words
	case $command in
	load)
		tool=$words/tools/xfrm-ha/xfrm-ha
		insmod "$words/build/uml/src/xfrm_ha.ko" &&
			"$tool" link add eth0 peer "$1" key /run/link.key dead 100
		;;
	unload) "$tool" group del vpn && "$tool" link del eth0 && rmmod xfrm_ha ;;
	*) "$tool" -j $command $words ;;
	esac
	echo "DONE $?"
done
