#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# machines: uml
# requires: corosync pacemakerd nsenter setpriv
# tap: any
# memory: 1024
# timeout: 900
#
# Not a part of make check: on a busy machine it takes minutes. make check-pacemaker runs it.
#
# M8 M9 N9: a cluster of two gateways and a node that only votes, with the files of
# docs/examples/pacemaker. A gateway that is cut off has no quorum, and gives the addresses up by itself.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/cluster.sh"
. "$(dirname "$0")/../lib/pacemaker.sh"

ha_load
netns G3
pair
# The third one has a port inside, and one outside.
must ip link add eth0 netns "$G3" type veth peer name g3 netns "$P"
must ip link add eth1 netns "$G3" type veth peer name g3 netns "$H"
must ip -n "$P" link set g3 master br0 up
must ip -n "$H" link set g3 master br0 up
must batch "$G3" "link set eth0 up" "link set eth1 up" "addr add 192.0.2.13/24 dev eth0" \
	"addr add 10.1.0.13/24 dev eth1"
oracle_start
tunnel 0x1000
cluster_files corosync-three.conf cluster.xml three.xml
for n in 1 2 3; do
	node $n
done
eye=3
must wait_for 90 shows "Online:.*east.*north.*west"
configured cluster three
check "M8: one is promoted" wait_for 90 shows "Promoted: \[ (east|west) \]"
check "and has role and addresses" wait_for 60 eval "at $G1 $G2 || at $G2 $G1"
check "traffic" wait_for 20 through 5
roles
must wait_for 60 in_sync "$ga" "$gb"
must wait_for 60 idle
check_not "the third node has nothing of it" shows "(Promoted|Unpromoted|Started|FAILED).*north"
show

# Who is cut off from the others gives up by itself.
wires $a down
check "M8: who has quorum takes over" wait_for 120 eval "role $gb vpn active && has $gb 10.1.0.1"
check "crm_mon says so" wait_for 60 promoted $b
check "traffic" wait_for 20 through 5
check "who has none gives the addresses up" wait_for 60 eval "! has $ga 10.1.0.1 && ! has $ga 192.0.2.1"
wires $a up
check "M8: when it is back, it is standby" wait_for 120 at "$gb" "$ga"
check "and takes part" wait_for 60 shows "Unpromoted: \[ ${names[a]} \]"
must wait_for 60 idle
check "crm_mon says so" promoted $b
check "in sync" wait_for 30 truth $a "standby,in-sync,missing=0"
check "traffic" wait_for 20 through 5
stopped "${init[@]}"
oracle_verdict "I1: no number twice" 0x1001
ktap_finished
