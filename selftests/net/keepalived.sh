#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# machines: uml
# requires: keepalived flock python3
# tap: any
# timeout: 300
#
# M8 M9 N9: the roles follow keepalived's VRRP, and VRRP the roles, with the files of
# docs/examples/keepalived: start, crash, return, a fault, a stop, and gateways that do not hear
# each other, by VRRP, by the link, by both. No number twice.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/cluster.sh"
. "$(dirname "$0")/../lib/keepalived.sh"

ha_load
pair
keepalived_begin
oracle_start
tunnel 0x1000
gateways keepalived

keepalived 1 keepalived.conf
keepalived 2 keepalived.conf
check "M8: the one with the higher priority has role and addresses" wait_for 30 at "$G1" "$G2"
check "the tunnel carries traffic" wait_for 10 through 5
check "each may be MASTER" vrrp 1 check vpn
check "the standby, too" vrrp 2 check vpn
check "active" vrrp 1 active vpn
check_not "and not" vrrp 2 active vpn

# What is wrong is said, and changes nothing.
said=$(vrrp 1 notify 2>&1)
is "usage" $? 1
is "in words" "$(head -n 1 <<<"$said")" \
	"usage: xfrm-ha-vrrp notify [-m] [GROUP...] TYPE NAME STATE PRIORITY"
vrrp 1 notify INSTANCE none MASTER 1 2>/dev/null &
late=$!
check_not "no such group" vrrp 1 check none
check "M9: syslog says so" wait_for 10 is_log "none: not active:"
stopped $late

# The last one that was started has the word, in whichever order they come to it.
for state in MASTER BACKUP FAULT MASTER STOP MASTER; do
	vrrp 1 notify vpn GROUP vpn "$state" 150 &
	pids+=($!)
done
wait "${pids[@]}"
check "many at once: the last one counts" wait_for 10 at "$G1" "$G2"
through 3

must ha "$G1" sa show | sed 's/^/# /'
wires 1 down
crash 1
check "M8: a crash: the other one has role and addresses" wait_for 30 \
	eval "role $G2 vpn active && has $G2 192.0.2.1"
check "traffic" wait_for 20 through 5

for address in 192.0.2.1/24:eth0 10.1.0.1/24:eth1; do
	ip -n "$G1" addr del "${address%:*}" dev "${address#*:}"
done
wires 1 up
keepalived 1 keepalived.conf
check "M8: it returns, and takes role and addresses when it is in sync" wait_for 40 at "$G1" "$G2"
is "by a handover" "$(group "$G1" vpn reason)" got
check "traffic" wait_for 10 through 5

must ip -n "$H" link set g1 down
check "M8: a fault inside moves both" wait_for 30 at "$G2" "$G1"
check "traffic" wait_for 10 through 5
must ip -n "$H" link set g1 up
check "and back" wait_for 40 at "$G1" "$G2"
check "traffic" wait_for 10 through 5

# VRRP alone is deaf: both are MASTER, and one at most is active.
deaf_vrrp on
must wait_for 30 both_masters
check "I1: both are MASTER, one is active" wait_for 10 role "$G2" vpn active
# The check of the other one, several times: it does not fight.
must wait_for 10 role "$G1" vpn standby
for _ in 1 2 3; do
	vrrp 1 check vpn
	vrrp 2 check vpn
done
check "and they do not fight" eval "role $G2 vpn active && role $G1 vpn standby"
deaf_vrrp off
check "M8: what VRRP says when it is heard again" wait_for 40 at "$G1" "$G2"
check "traffic" wait_for 10 through 5

# All is cut. Both go on, with numbers of their own.
silent_link on
deaf_vrrp on
must wait_for 60 both_masters
check "nobody hears anybody: both are active" wait_for 60 both_active
through 5
for ns in "$G1" "$G2"; do
	on "$ns" ping -q -c 20 -i 0.02 -W 1 -I 10.1.0.1 10.2.0.1 | sed 's/^/# /'
done
deaf_vrrp off
check "VRRP is heard first: there is no peer to release to" wait_for 30 \
	is_log "vpn: not released: there is no peer in sync"
silent_link off
check "M8: VRRP decides who stays active" wait_for 60 at "$G1" "$G2"
check "traffic" wait_for 10 through 5

stopped "$ka_1"
check "M8: keepalived is stopped: the other one" wait_for 30 at "$G2" "$G1"
check "traffic" wait_for 10 through 5
stopped "$ka_2"
must wait_for 30 role "$G1" vpn active
must wait_for 10 eval "! has $G2 192.0.2.1"
must wait_for 10 all_ended

# The other way round.
keepalived 1 follows.conf
keepalived 2 follows.conf
must ha "$G2" takeover vpn wait 10
check "M8: VRRP follows the roles" wait_for 30 at "$G2" "$G1"
check "traffic" wait_for 10 through 5
must ha "$G1" takeover vpn wait 10
check "M8: and again" wait_for 30 at "$G1" "$G2"
check "traffic" wait_for 10 through 5
stopped "$ka_1" "$ka_2"
oracle_verdict "I1: no number twice" 0x1001
ktap_finished
