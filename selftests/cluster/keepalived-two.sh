#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# machines: uml
# requires: keepalived flock python3
# tap: any
# timeout: 400
#
# Not a part of make check: VRRP takes its seconds. make check-keepalived runs it.
#
# M6 M8 N9: keepalived with two sync groups, one of each group of SAs, with the files of
# docs/examples/keepalived: each gateway is active for half of the tunnels, and has both halves
# when the other one is dead or has a fault; a half moves without the other one; a split, of
# VRRP and of the link. No number twice.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/cluster.sh"
. "$(dirname "$0")/../lib/keepalived.sh"

all_at() { # N: both halves, with all addresses
	local g=G$1

	both_at "$1" && has "${!g}" 10.1.0.1 && has "${!g}" 10.1.1.1
}

split() { # nobody hears anybody: each has both halves
	both_at 1 && both_at 2
}

ha_load
pair
pair_of_halves
keepalived_begin
oracle_start
for ns in "$G1" "$G2"; do
	half 1 0 "$ns"
	half 2 1 "$ns"
done
half 1 0 "$P" remote
half 2 1 "$P" remote
gateways keepalived two.conf

keepalived 1 two-keepalived.conf
keepalived 2 two-keepalived.conf
check "M6: each is active for a half" wait_for 40 halves
traffic "traffic"
for name in one two; do
	must wait_for 20 eval "vrrp 1 check $name && vrrp 2 check $name"
done

wires 2 down
crash 2
check "M8: west dies: the other one has both" wait_for 40 all_at 1
traffic "traffic"
without "$G2" 192.0.2.1/24:eth0 10.1.0.1/24:eth1 192.0.2.2/24:eth0 10.1.1.1/24:eth1
wires 2 up
keepalived 2 two-keepalived.conf
check "M8: it returns, and has its half" wait_for 60 halves
is "by a handover" "$(group "$G2" two reason)" got
traffic "traffic"

must ip -n "$H" link set g1 down
check "M8: east has a fault: the other one has both" wait_for 40 all_at 2
is "by a handover" "$(group "$G2" one reason)" got
traffic "traffic"
must ip -n "$H" link set g1 up
check "and its half again" wait_for 60 halves
traffic "traffic"

silent_link on
deaf_vrrp on
check "nobody hears anybody: each is active for both" wait_for 60 split
for ns in "$G1" "$G2"; do
	for n in 1 2; do
		on "$ns" ping -q -c 20 -i 0.02 -W 1 -I 10.1.$((n - 1)).1 10.2.0.$n | sed 's/^/# /'
	done
done
deaf_vrrp off
silent_link off
check "M8: VRRP decides for each half" wait_for 90 halves
traffic "traffic"

# A half moves, by priorities that are others.
before=$(group "$G1" one takeovers)
sed -i '/virtual_router_id 5[34]/,/priority.*150/ s/@west priority 150/@west priority 90/' \
	/run/ka1/conf /run/ka2/conf
must kill -HUP "$ka_1" "$ka_2"
check "M8: a half moves by itself" wait_for 60 all_at 1
is "by a handover" "$(group "$G1" two reason)" got
is "the other one has not moved" "$(group "$G1" one takeovers)" "$before"
traffic "traffic"
stopped "$ka_1"
check "one stops: the other one has both" wait_for 40 all_at 2
traffic "traffic"
stopped "$ka_2"
must wait_for 10 all_ended
oracle_verdict "I1: no number twice" 0x1001 0x2001
ktap_finished
