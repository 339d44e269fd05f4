#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A gateway of the demonstration: gateway.sh PEER-MAC. Commands come on stdin.
# eth0 joins it to the other gateway, eth1 is outside, eth2 inside.

. selftests/demo/common.sh

insmod "$XFRM_HA_KO" || exit
sysctl -q -w net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
for dev in lo eth0 eth1 eth2; do
	sysctl -q -w "net.ipv4.conf.$dev.rp_filter=0"
	ip link set "$dev" up
done
for t in $TUNNELS; do
	tunnel "$t"
	ip xfrm policy add src 10.1.0.0/24 dst "10.2.$t.1/32" dir out \
		tmpl src 192.0.2.1 dst 192.0.2.9 proto esp reqid "$t" mode tunnel
	for dir in in fwd; do
		ip xfrm policy add src "10.2.$t.1/32" dst 10.1.0.0/24 dir $dir \
			tmpl src 192.0.2.9 dst 192.0.2.1 proto esp reqid "$t" mode tunnel
	done
done

(umask 077 && echo "$LINK_KEY" > /run/link.key)
cat > /run/xfrm-ha.conf <<EOT
link hb { device = eth0 peer = $1 key-file = /run/link.key }
group vpn {
    match { address = 192.0.2.1 }
    role = $ROLE on-peer-loss = takeover
    address 192.0.2.1/24 { device = eth1 }
    address 10.1.0.1/24 { device = eth2 }
    route 10.2.0.0/16 { via = 192.0.2.9 device = eth1 }
}
EOT
xfrm-ha monitor &
tools/xfrm-had/xfrm-had -f /run/xfrm-ha.conf 2>&1 &
until xfrm-ha group show vpn > /dev/null 2>&1; do
	read -r -t 0.05 <> <(:)
done
echo READY

while read -r line; do
	# shellcheck disable=SC2086	# a command and its words
	xfrm-ha $line
	echo "DONE $line"
done
