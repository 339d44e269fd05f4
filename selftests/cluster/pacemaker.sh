#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# machines: uml
# requires: corosync pacemakerd nsenter setpriv
# tap: any
# memory: 1024
# timeout: 600
#
# Not a part of make check: on a busy machine it takes minutes. make check-pacemaker runs it.
#
# M8 M9 N9: a cluster of two nodes, Corosync and Pacemaker, with the files of docs/examples/pacemaker:
# who is promoted is active and has the addresses; a planned move, a node that is in standby, a
# role that was changed behind the cluster's back, a group that has gone, a crash and the return.
# crm_mon says what is.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/cluster.sh"
. "$(dirname "$0")/../lib/pacemaker.sh"

ha_load
pair
must batch "$G1" "addr add 10.255.0.1/24 dev eth2"
must batch "$G2" "addr add 10.255.0.2/24 dev eth2"
oracle_start
tunnel 0x1000
cluster_files corosync.conf cluster.xml
node 1
node 2
must wait_for 60 shows "Online:.*east.*west"
configured cluster
check "M8: one is promoted" wait_for 60 shows "Promoted: \[ (east|west) \]"
check "and has role and addresses" wait_for 60 eval "at $G1 $G2 || at $G2 $G1"
check "traffic" wait_for 20 through 5
roles
eye=$b
check "crm_mon says who is active" wait_for 30 truth $a "active,in-sync,missing=0"
check "and who is not" wait_for 30 truth $b "standby,in-sync,missing=0"
show

must wait_for 60 in_sync "$ga" "$gb"
must in_node $a crm_resource --move -r vpn-clone --promoted --node "${names[b]}"
check "M8: moved by command" wait_for 60 at "$gb" "$ga"
check "crm_mon says so" wait_for 60 promoted $b
is "by a handover" "$(group "$gb" vpn reason)" got
check "traffic" wait_for 20 through 5
must in_node $a crm_resource --clear -r vpn-clone
must wait_for 60 idle

# A node is to carry nothing, and again.
roles
must wait_for 60 in_sync "$ga" "$gb"
must in_node $a crm_standby --node "${names[a]}" --update on
check "M8: a node that is in standby gives all away" wait_for 60 at "$gb" "$ga"
check "crm_mon says so" wait_for 60 promoted $b
is "by a handover" "$(group "$gb" vpn reason)" got
check "traffic" wait_for 20 through 5
check "N6: it holds its SAs" held "$ga" 0x1001
check "what was known of it is not said any more" wait_for 60 eval "! truth $a '.*'"
must in_node $b crm_standby --node "${names[a]}" --delete
check "it takes part again" wait_for 60 shows "Unpromoted: \[ ${names[a]} \]"
must wait_for 60 idle
check "and does not take the role" at "$gb" "$ga"
check "traffic" wait_for 20 through 5

# A takeover that the cluster has not asked for: it follows, and has the addresses follow.
roles
must wait_for 60 in_sync "$ga" "$gb"
must ha "$gb" takeover vpn wait 20
check "M9: crm_mon says where the role is" wait_for 60 promoted $b
check "M8: role and addresses are in one place again" wait_for 60 at "$gb" "$ga"
check "traffic" wait_for 20 through 5
show

# The group goes, where it is promoted: the agent says so, and it is made again.
must wait_for 60 idle
roles
must wait_for 60 in_sync "$ga" "$gb"
must ha "$ga" group del vpn
check "M9: a group that has gone is a failure" wait_for 60 shows "there is no group vpn"
check "M8: and one of both is active again" wait_for 90 eval "at $G1 $G2 || at $G2 $G1"
must wait_for 60 idle
roles
check "crm_mon says so" wait_for 60 promoted $a
check "traffic" wait_for 20 through 5
must in_node $a crm_resource --cleanup -r vpn-clone

# It dies, and comes back with nothing.
must wait_for 60 idle
roles
must wait_for 60 in_sync "$ga" "$gb"
eye=$b
power_off $a
check "M8: a crash: the other one" wait_for 120 eval "role $gb vpn active && has $gb 10.1.0.1"
check "crm_mon says so" wait_for 60 promoted $b
check "traffic" wait_for 20 through 5
power_on $a
tunnel_of "$ga" 0x1000
returned
stopped "${init[1]}" "${init[2]}"
oracle_verdict "I1: no number twice" 0x1001
ktap_finished
