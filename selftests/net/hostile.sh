#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: ethtool jq
# tap: any
# timeout: 400
#
# M9: netlink messages and command lines made at random, by whom the kernel lets, while traffic flows:
# each is answered, each refusal says why, nobody else is disturbed, and all can be taken away.
# What the sanitizers say of it is the runner's to see.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/espnic.sh"
. "$(dirname "$0")/../lib/ha.sh"

case $XFRM_HA_MACHINE in
qemu | smp-*) messages=300 ;;
*) messages=1500 ;;
esac
seed=${SEED:-1}
lib=$XFRM_HA_DIR/selftests/lib

ha_load
espnic_load
topology engine
# Decryption while packets are merged would hide them from the oracle.
for dev in g1 g2; do
	must on "$P" ethtool -K $dev gro off
done
for spi in 0x1000 0x1100; do
	OFFLOAD=wan sas $spi 4 tunnel "$G1 $G2" replay-window 32 flag esn
	sas $spi 4 tunnel "$P" replay-window 32 flag esn
done
sas 0x1200 6 tunnel "$G1 $G2 $P" replay-window 0
policies 0x1000 4 tunnel
oracle_start
links
groups vpn interval 16 quantity 1000
ip netns exec "$P" ping -q -i 0.01 10.1.0.1 > /dev/null &
flow=$!
at_exit stopped $flow

noise() { # NAMESPACE SEED [ATTRIBUTE=VALUE...]
	on "$1" "$lib/netlink_noise.py" "$XFRM_HA_DIR/docs/netlink/specs/xfrm_ha.yaml" \
		"$messages" "$2" name=vpn,vpn,g1,g2 group=vpn,g1 dev=sync,wan,nic,lo,nowhere \
		link=sync,sync,nowhere engine=wan,nowhere nic=nic,nic,nowhere adopt-group=vpn,g1 \
		address=192.0.2.1,192.0.2.9,10.1.0.1 address6=2001:db8::1,2001:db8::9,fd01::1 \
		spi=0x1001,0x1002,0x1101,0x1102,0x1201,5 "${@:3}"
}
# Stripes cut at random skip so many numbers that the oracle could not tell them from old ones.
check "each message is answered, each refusal says why" noise "$G1" "$seed" stripe=20 nodes=2 index=0,1
check "by the other gateway, too" noise "$G2" $((seed + 1)) stripe=20 nodes=2 index=0,1
# One more thing at a time.
noise "$G1" $((seed + 2)) stripe=20 nodes=2 index=0,1 > /run/noise &
other=$!
check "from two at once" noise "$G1" $((seed + 3)) stripe=20 nodes=2 index=0,1
check "to both" wait $other
for ns in "$G1" "$G2"; do
	check "each command line is, too" "$lib/words_noise.py" $((messages / 20)) "$seed" \
		"$(mktemp -d)" "$XFRM_HA_DIR/tools/xfrm-ha/xfrm-ha" -N "$ns"
done
oracle_verdict "I1: no number was used twice" 0x1001
check "with partitions, too" noise "$G1" $((seed + 4))
check "on the other gateway" noise "$G2" $((seed + 5))

clear_of() { # NAMESPACE: groups, and links, which can be taken away when nobody needs them
	local name

	for name in $(ha "$1" -j group show | jq -r '.[].name'); do
		must ha "$1" group del "$name"
	done
	for name in $(ha "$1" -j link show | jq -r '.[].dev'); do
		must ha "$1" link del "$name"
	done
	is "nothing is left" "$(ha "$1" -j group show)$(ha "$1" -j link show)" "[][]"
}
for ns in "$G1" "$G2"; do
	clear_of "$ns"
done
stopped $flow
# Whatever was set: what is made now works as ever.
no_sas
must ha "$G1" node set id 1 sa-limit 1000 orphan-limit 1000
must ha "$G2" node set id 2 sa-limit 1000 orphan-limit 1000
sas 0x2000 4 tunnel "$G1 $G2 $P" replay-window 32
policies 0x2000 4 tunnel
links
groups vpn interval 16 quantity 10000
check "traffic" pings 20
check "is mirrored" wait_for 10 mirrored "$G1" 0x2001
is "all of it" "$(sa "$G2" 0x2001 .oseq)" 10020
check "the module leaves" ha_unload
ktap_finished
