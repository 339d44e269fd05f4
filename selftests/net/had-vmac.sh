#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: tcpdump
# machines: uml
# tap: any
# timeout: 240
#
# M8: an address keeps its Ethernet address when it moves: nobody has to learn anything but the
# switch. The neighbour's entries are what it has learned at first, and are frozen then.
#
#   G1 and G2, whose addresses on wan are 192.0.2.11 and .12, have 192.0.2.1 on vip by turns; P

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/had.sh"

MAC=00:00:5e:00:01:07
LINES_OF_VIP="virtual-mac vip { device = wan mac = $MAC }
    address 192.0.2.1/24 { device = vip } address 2001:db8::1/64 { device = vip }"

conf() { # N
	cat > "/run/conf$1" <<-EOT
	$(had_link "$1")
	group vpn {
	    match { address = { 192.0.2.1, 2001:db8::1 } }
	    role = $([ "$1" = 1 ] && echo active || echo standby)
	    on-peer-loss = takeover
	    ${2-$LINES_OF_VIP}
	}
	EOT
}

entry() { # ADDRESS: P's
	ip -n "$P" neigh show "$1" | grep -oE '([0-9a-f]{2}:){5}[0-9a-f]{2}'
}

port() { # that the switch sends the address to
	bridge -n "$P" fdb show br br0 | grep -F "$MAC" | grep -v permanent | grep -o 'dev g[12]'
}

up() { # N
	local ns=G$1

	ip -n "${!ns}" -o link show dev vip up | grep -qF "$MAC"
}

at() { # N: and not at the other one
	up "$1" && ! up $((3 - $1)) && [ "$(port)" = "dev g$1" ]
}

comes_back() { # to G1: the other one, which nobody hears, may have it for a while
	up 1 && [ "$(port)" = "dev g1" ]
}

through() { # by ESP, and to the address itself
	pings 10 && ping_all "$P" -c 3 -i 0.02 -W 5 192.0.2.1 && ping_all "$P" -c 3 -i 0.02 -W 5 2001:db8::1
}

ha_load
behind_switch
for n in 1 2; do
	g=G$n
	must batch "${!g}" "addr add 192.0.2.1$n/24 dev wan" \
		"addr add 10.1.0.1/32 dev lo" "route add 10.2.0.0/16 via 192.0.2.9 src 10.1.0.1"
	conf $n
done
must batch "$P" "addr add 10.2.0.1/32 dev lo" \
	"route add 10.1.0.0/16 via 192.0.2.1 src 10.2.0.1"
sas 0x1000 4 tunnel "$G1 $G2 $P" replay-window 32
policies 0x1000 4 tunnel
oracle_start
ip netns exec "$P" tcpdump -nli br0 -e arp > /run/arp 2> /run/dump &
dump=$!
must wait_for 10 grep -q listening /run/dump
had 1 /run/conf1
had 2 /run/conf2
must wait_for 20 link_state "$G1" up
must wait_for 20 role "$G1" vpn active
check "the device is up where the group is active" wait_for 20 at 1
check "traffic" wait_for 10 through
is "the neighbour has learned that address" "$(entry 192.0.2.1)" $MAC
is "by ND, too" "$(entry 2001:db8::1)" $MAC

# From now on it learns nothing.
must batch "$P" "neigh replace 192.0.2.1 lladdr $MAC dev br0 nud permanent" \
	"neigh replace 2001:db8::1 lladdr $MAC dev br0 nud permanent"
must wait_for 10 mirrored "$G1" 0x1001
must ha "$G2" takeover vpn wait 20
check "it moves" wait_for 20 at 2
check "traffic through the other one" wait_for 10 through
must wait_for 10 mirrored "$G2" 0x1001
must ip -n "$P" link set g2 down
must ip -n "$G2" link set sync down
check "the other one dies" wait_for 20 role "$G1" vpn active
check "it comes back" wait_for 20 comes_back
check "traffic" wait_for 10 through
oracle_verdict "I1: no number was used twice" 0x1001

# A daemon that dies takes nothing away; the next one leaves as it is what is so.
index=$(ip -n "$G1" -o link show dev vip | cut -d: -f1)
had_stop 1 9
check "without the daemon" through
had 1 /run/conf1
check "with the next one" through
is "it is the same device" "$(ip -n "$G1" -o link show dev vip | cut -d: -f1)" "$index"
# What wan says is of wan's own addresses.
stopped "$dump"
grep -F 192.0.2.1, /run/arp | sort | uniq -c | sed 's/^/# /' | head -n 20
check_not "no other Ethernet address has spoken for it" \
	grep -E "02:00:00:00:02:0[12] >.*(tell 192\.0\.2\.1,|192\.0\.2\.1 is-at)" /run/arp
conf 1 ""
had_reload 1
check_not "without it in the file it goes" ip -n "$G1" link show dev vip
had_stop 1
had_stop 2
check "the module leaves" ha_unload
ktap_finished
