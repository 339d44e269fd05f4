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
# M8 M9 N9: a cluster of two nodes that switch off each other's power, and xfrm-had in it, with the
# files of docs/examples/pacemaker. The daemon dies, and is started again where it was: data flows
# on. The gateways do not hear each other: who is promoted goes on, and has the other one shot.
# One that hangs still has role and addresses: the other one takes nothing until that one is off.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/cluster.sh"
. "$(dirname "$0")/../lib/pacemaker.sh"

property() { # NAME VALUE
	must in_node $eye crm_attribute --type crm_config --name "$1" --update "$2"
}

had_of() { # NAMESPACE: pid of its daemon; in REPLY
	local pid

	REPLY=''
	for pid in $(ip netns pids "$1"); do
		[ "$(cat "/proc/$pid/comm" 2>/dev/null)" = xfrm-had ] && REPLY=$pid
	done
	[ "$REPLY" ]
}

another() { # NAMESPACE PID: its daemon is another one than that
	had_of "$1" && [ "$REPLY" != "$2" ]
}

has_sa() { # NAMESPACE SPI
	ip -n "$1" xfrm state | grep -q "spi $2"
}

hang() { # N: all processes of the node, and not the kernel
	local g=G$1 pid pids=''

	for pid in $(ip netns pids "${!g}"); do
		[ "$(readlink "/proc/$pid/ns/pid")" = "$(readlink /proc/self/ns/pid)" ] || pids+=" $pid"
	done
	# shellcheck disable=SC2086	# a list
	must kill -STOP $pids
}

flow_begin() {
	ip netns exec "$H" ping -n -i 0.05 10.2.0.1 > /run/flow 2>&1 &
	flow=$!
}

flow_lost() { # NAME: none was, but for one that was on its way at the end
	kill -INT "$flow"
	wait "$flow"
	tail -n 4 /run/flow | sed 's/^/# /'
	between "$1" "$(awk '/packets transmitted/ { print $1 - $4 }' /run/flow)" 0 1
}

ha_load
pair
must batch "$G1" "addr add 10.255.0.1/24 dev eth2"
must batch "$G2" "addr add 10.255.0.2/24 dev eth2"
oracle_start
cluster_files corosync.conf cluster.xml relay.xml fence.xml relay.conf
mv /run/cluster/relay.conf /run/cluster/xfrm-ha.conf
# Nobody is init here.
sed -i 's,class="systemd" type="xfrm-had",class="ocf" provider="test" type="unit",' \
	/run/cluster/relay.xml
cluster_more
node 1
node 2
must wait_for 60 shows "Online:.*east.*west"
configured cluster relay fence
# A slow machine: a shot, and what it is held back by, take their time.
property priority-fencing-delay 120s
property stonith-timeout 600s
check "M8: one is promoted" wait_for 60 shows "Promoted: \[ (east|west) \]"
check "and has role and addresses" wait_for 60 eval "at $G1 $G2 || at $G2 $G1"
roles
eye=$a
check "each can switch off the other one" wait_for 60 eval \
	"shows 'fence-east.*Started west' && shows 'fence-west.*Started east'"
tunnel_of "$ga" 0x1000
tunnel_remote 0x1000
check "SAs come by the cluster's own way" wait_for 60 has_sa "$gb" 0x00001001
must wait_for 60 in_sync "$ga" "$gb"
check "traffic" wait_for 20 through 5
must wait_for 60 idle
show

# The daemon dies.
flow_begin
must had_of "$ga"
pid=$REPLY
must kill -9 "$pid"
check "M9: crm_mon says that the daemon has died" wait_for 60 shows "xfrm-had.* on ${names[a]}"
check "it is started again where it was" wait_for 60 another "$ga" "$pid"
must wait_for 60 idle
check "M8: roles and addresses have not moved" at "$ga" "$gb"
sas 0x3000 4 tunnel "$ga" replay-window 32
check "SAs come to the other one again" wait_for 60 has_sa "$gb" 0x00003001
flow_lost "data flowed all the time: lost"
must in_node $a crm_resource --cleanup -r xfrm-had-clone
must wait_for 60 idle

# They do not hear each other. The one that is promoted goes on.
flow_begin
wires $b down
check "M8: who is promoted has the other one shot" wait_for 120 asked $b
check_not "and not the other way round" asked $a
switched_off $b
power_on $b
check "it returns" wait_for 120 shows "Unpromoted: \[ ${names[b]} \]"
check "M9: crm_mon says that it is in sync" wait_for 60 truth $b "standby,in-sync,missing=0"
check "M8: roles and addresses have not moved" at "$ga" "$gb"
flow_lost "data flowed all the time: lost"
must wait_for 60 idle

# One that hangs: its kernel has role and addresses.
property priority-fencing-delay 0
must wait_for 60 idle
eye=$b
hang $a
check "M8: who hangs is to be shot" wait_for 120 asked $a
check "as long as it is not off the other one takes nothing" eval \
	"role $gb vpn standby && ! has $gb 10.1.0.1 && ! has $gb 192.0.2.1"
check "nor is it promoted" eval "! shows 'Promoted: \[ ${names[b]} \]'"
check "data flows still" through 5
switched_off $a
check "M8: it is off: the other one takes over" wait_for 120 eval \
	"role $gb vpn active && has $gb 10.1.0.1"
check "crm_mon says so" wait_for 60 promoted $b
check "traffic" wait_for 20 through 5
power_on $a
returned
[ "$ktap_failed" = 0 ] || tail -n 60 /tmp/power/*.had | sed 's/^/# /'
stopped "${init[1]}" "${init[2]}"
oracle_verdict "I1: no number twice" 0x1001
ktap_finished
