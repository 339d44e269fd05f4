#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: ethtool jq
# tap: any
# timeout: 240
#
# A1: VLANs above an engine device whose NICs filter (rx-vlan-filter): each NIC lets in those that
# are asked for, one that comes later as well, and no others.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/espnic.sh"
. "$(dirname "$0")/../lib/engine.sh"

vlan() { # ID NAMESPACE DEV OWN OTHER
	must batch "$2" "link add link $3 name vlan$1 type vlan id $1" "link set vlan$1 arp off up" \
		"addr add 10.0.$1.$4/24 dev vlan$1" \
		"neigh replace 10.0.$1.$5 lladdr 02:00:00:00:00:0$5 dev vlan$1 nud permanent"
}

answers() { # ID: B to A, and back
	ping_all "$B" -c 10 -i 0.01 -W 2 "10.0.$1.1"
}

dropped() { # DEV: frames that its filter did not let in
	nic "$1" rx_drop_vlan
}

closed() { # DEV ID: does its filter drop what B sends?
	local before

	before=$(dropped "$1")
	on "$B" ping -q -c 5 -i 0.01 -W 0.1 "10.0.$2.1" > /run/pings
	[ $(($(dropped "$1") - before)) -ge 5 ]
}

only() { # DEV: what B sends comes by that one
	local n

	for n in 0 1; do
		must ip -n "$W" link set "wire$n" "$([ "$1" = "nic$n" ] && echo up || echo down)"
	done
	must wait_for 10 carrier "$1"
}

carrier() { # DEV
	[ "$(nics "$1" .state)" = up ]
}

local_addresses() { # DEV: IPv6, link-local
	ip -n "$A" -6 -j addr show dev "$1" | jq '[.[].addr_info[]? | select(.scope == "link")] | length'
}

espnic_load slots=8
ha_load
wires
for n in nic0 nic1; do
	must on "$A" ethtool -K $n rx-vlan-filter on
done
engine
for id in 10 20; do
	vlan $id "$A" eng0 1 2
	vlan $id "$B" wan 2 1
done
for n in nic0 nic1; do
	only $n
	for id in 10 20; do
		check "A1: VLAN $id comes by $n" answers $id
	done
	is "$n has dropped nothing of it" "$(dropped $n)" 0
done

# Forgotten by both, and known again
must ip -n "$A" link del vlan20
check "nic1 lets VLAN 20 in no more" closed nic1 20
only nic0
check "and nic0 does not" closed nic0 20
check "VLAN 10 still comes" answers 10
vlan 20 "$A" eng0 1 2
check "VLAN 20, made anew" answers 20

# NICs that go, and come
must ip -n "$A" link set nic1 nomaster
must ip -n "$A" link set nic1 up
must ip -n "$W" link set wire1 up
must ip -n "$W" link set wire0 down
check "nic1 is the engine device's no more: it knows no VLAN" wait_for 10 closed nic1 10
must ip -n "$A" link set nic1 master eng0
only nic1
check "nic1 comes later: VLAN 10" answers 10
check "nic1 comes later: VLAN 20" answers 20

# The engine device goes down, and comes back: so do its VLANs.
must ip -n "$A" link set eng0 down
must ip -n "$A" link set eng0 up
for id in 10 20; do
	must ip -n "$A" link set "vlan$id" up
	must ip -n "$A" neigh replace 10.0.$id.2 lladdr 02:00:00:00:00:02 dev vlan$id nud permanent
	check "down and up: VLAN $id" wait_for 10 answers $id
done

# NICs have no addresses of their own, and the engine device tells their limits.
is "a NIC that came down has no link-local address" "$(local_addresses nic0)" 0
limits() {
	ip -n "$A" -d -j link show eng0 | jq -r '.[0] | "\(.tso_max_size) \(.tso_max_segs)"'
}
is "large packets: no limit" "$(limits)" "65536 65535"
echo 8000 > /sys/module/espnic/parameters/tso_max_size
echo 5 > /sys/module/espnic/parameters/tso_max_segs
must ip -n "$A" link add nic2 type espnic
must ip -n "$A" link set nic2 master eng0
is "large packets: a NIC's limit" "$(limits)" "8000 5"
must ip -n "$A" link set nic2 nomaster
is "large packets: it goes" "$(limits)" "65536 65535"

# All goes in any order.
must ip -n "$A" link del nic0
check "a NIC is deleted: VLAN 10" answers 10
must ip -n "$A" link del eng0
check_not "deleted: no VLAN is left" ip -n "$A" link show vlan10
check "nic1 knows none" closed nic1 10
ktap_finished
