#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# machines: uml
# requires: keepalived flock python3 tcpdump
# tap: any
# timeout: 400
#
# Not a part of make check: VRRP takes its seconds. make check-keepalived runs it.
#
# M8 M9 N9: races between keepalived, which starts its programs and waits for none, and roles:
# programs that come late or out of order, a keepalived that is killed and started again in the
# middle of a takeover, both gateways active with traffic on both; nopreempt, and preemption in
# both directions. The files are those of docs/examples/keepalived. No number twice.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/cluster.sh"
. "$(dirname "$0")/../lib/keepalived.sh"

# A program of gateway N that is told of STATE waits at its beginning, as one that gets no CPU.
late_begin() { # N
	mkdir -p "/run/late$1"
	cat > "/run/late$1/xfrm-ha-vrrp" <<-'EOT'
	#!/bin/sh
	here=${0%/*}
	for word; do
		[ -e "$here/shut.$word" ] || continue
		echo $$ >> "$here/waits.$word"
		while [ -e "$here/shut.$word" ]; do sleep 0.1; done
	done
	exec /run/libexec/xfrm-ha-vrrp "$@"
	EOT
	chmod 755 "/run/late$1/xfrm-ha-vrrp"
}

shut() { # N STATE
	rm -f "/run/late$1/waits.$2"
	touch "/run/late$1/shut.$2"
}

waits() { # N STATE
	[ -s "/run/late$1/waits.$2" ]
}

let_go() { # N STATE: and until they are done
	rm -f "/run/late$1/shut.$2"
	must wait_for 30 late_done "/run/late$1/waits.$2"
}

late_done() { # FILE
	local pid

	while read -r pid; do
		[ ! -e "/proc/$pid" ] || return 1
	done < "$1"
}

start() { # N [SED-EXPRESSION]
	keepalived "$1" keepalived.conf "s,/run/libexec,/run/late$1,; ${2-}"
}

flows() { # from both gateways, until somebody ends it; sets flows
	local g

	flows=()
	for g in "$G1" "$G2"; do
		ip netns exec "$g" ping -q -i 0.02 -I 10.1.0.1 10.2.0.1 >/dev/null 2>&1 &
		flows+=($!)
	done
}

advertised() { # N COUNT: so many advertisements of gateway N, from now on
	timeout $((60 * XFRM_HA_SLOW / 100)) ip netns exec "$P" tcpdump -npi br0 -c "$2" \
		"ip proto 112 and src 192.0.2.1$1" >/dev/null 2>&1
}

inside() { # up|down: of gateway 1
	must ip -n "$H" link set g1 "$1"
}

one() {
	! both_active && { role "$G1" vpn active || role "$G2" vpn active; }
}

fit_again() { # gateway 1 has all that makes it preempt; keepalived says so in a file
	kill -USR1 "$(cat /run/ka1/vrrp.pid)" 2>/dev/null
	grep -qs "Effective priority = 150" /tmp/keepalived.data
}

sent() { # N MORE-THAN: packets, by the SA of that gateway
	local g=G$1

	ask_sa "${!g}" 0x1001 .packets
	[ "$REPLY" -gt "$2" ]
}

ha_load
pair
keepalived_begin
late_begin 1
late_begin 2
oracle_start
tunnel 0x1000
gateways keepalived
start 1
start 2
must wait_for 30 at "$G1" "$G2"
must wait_for 20 through 5

# Gateway 2 is MASTER for a while, and its program begins when it is BACKUP again.
shut 2 MASTER
inside down
must wait_for 30 waits 2 MASTER
check "M8: the role moves by what the other one is told" wait_for 30 at "$G2" "$G1"
inside up
must wait_for 40 at "$G1" "$G2"
let_go 2 MASTER
check "M8: a MASTER that comes late takes nothing" at "$G1" "$G2"
check "traffic" wait_for 10 through 5

# Gateway 1 has a fault, and its program begins when it is MASTER again.
shut 1 FAULT
inside down
must wait_for 30 waits 1 FAULT
check "M8: the role moves, though who has the fault has said nothing" wait_for 30 at "$G2" "$G1"
inside up
must wait_for 40 at "$G1" "$G2"
let_go 1 FAULT
check "M8: a FAULT that comes late releases nothing" at "$G1" "$G2"
check "traffic" wait_for 10 through 5

# It is killed when it has the addresses, and the role is on its way; another one starts at once.
inside down
must wait_for 30 at "$G2" "$G1"
shut 1 MASTER
shut 2 BACKUP
inside up
must wait_for 40 waits 1 MASTER
must wait_for 40 waits 2 BACKUP
check "addresses are there before the role" eval "has $G1 192.0.2.1 && role $G2 vpn active"
crash 1
start 1
let_go 2 BACKUP
let_go 1 MASTER
check "M8: keepalived killed during a takeover, and started again" wait_for 60 at "$G1" "$G2"
check "traffic" wait_for 10 through 5
crash 1
start 1
check "M8: killed where it is MASTER, and started again" wait_for 60 at "$G1" "$G2"
check "traffic" wait_for 10 through 5

# Nobody hears anybody, and both send. This time the link is there before VRRP.
silent_link on
deaf_vrrp on
must wait_for 60 both_masters
must wait_for 60 both_active
packets_1=$(sa "$G1" 0x1001 .packets)
packets_2=$(sa "$G2" 0x1001 .packets)
flows
check "both send" wait_for 20 eval "sent 1 $((packets_1 + 20)) && sent 2 $((packets_2 + 20))"
silent_link off
check "I1: the link is there: one is active" wait_for 60 one
deaf_vrrp off
check "M8: VRRP decides which" wait_for 60 at "$G1" "$G2"
stopped "${flows[@]}"
check "traffic" wait_for 10 through 5

# Priorities turned round: preemption in the other direction, by a reload.
turn='s/@east priority 150/@east priority 100/; t; s/@west priority 100/@west priority 150/'
sed -i "$turn" /run/ka1/conf /run/ka2/conf
must kill -HUP "$ka_1" "$ka_2"
check "M8: preemption, the other way round" wait_for 60 at "$G2" "$G1"
is "by a handover" "$(group "$G2" vpn reason)" got
check "traffic" wait_for 10 through 5
stopped "$ka_1" "$ka_2"

# nopreempt: who has it keeps it.
start 1 's/^\( *\)advert_int 1$/&\n\1nopreempt/'
must wait_for 40 at "$G1" "$G2"
start 2 's/^\( *\)advert_int 1$/&\n\1nopreempt/'
must wait_for 30 vrrp 2 check vpn
wires 1 down
crash 1
check "nopreempt: a crash moves all" wait_for 40 eval "role $G2 vpn active && has $G2 192.0.2.1"
without "$G1" 192.0.2.1/24:eth0 10.1.0.1/24:eth1
wires 1 up
start 1 's/^\( *\)advert_int 1$/&\n\1nopreempt/'
must wait_for 40 fit_again
check "the other one goes on, with less priority" advertised 2 5
check "nopreempt: who returns takes nothing" at "$G2" "$G1"
check "traffic" wait_for 10 through 5
stopped "$ka_2"
check "nopreempt: until it stops" wait_for 40 at "$G1" "$G2"
check "traffic" wait_for 10 through 5
stopped "$ka_1"
must wait_for 10 all_ended
oracle_verdict "I1: no number twice" 0x1001
ktap_finished
