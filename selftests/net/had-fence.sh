#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: jq nft
# machines: uml
# tap: any
# timeout: 240
#
# M7: fail-closed. What the policies of a group speak of leaves neither gateway in clear: not the
# standby, not the active one whose SAs and policies are flushed as an IKE daemon does that starts,
# with the daemon killed and a new one there, nor one that was booted and has seen no policy. What is
# protected passes, so do IKE and what the operator lets pass.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/had.sh"
. "$(dirname "$0")/../lib/relay.sh"

net_policies() { # NAMESPACE: of a gateway
	local tmpl="proto esp reqid 4096 mode tunnel"

	must batch "$1" "xfrm policy add src 10.1.0.0/16 dst 10.2.0.0/16 dir out priority 100 \
		tmpl src 192.0.2.1 dst 192.0.2.9 $tmpl" \
		"xfrm policy add src 10.2.0.0/16 dst 10.1.0.0/16 dir in \
		tmpl src 192.0.2.9 dst 192.0.2.1 $tmpl" \
		"xfrm policy add src 10.2.0.0/16 dst 10.1.0.0/16 dir fwd \
		tmpl src 192.0.2.9 dst 192.0.2.1 $tmpl"
}

seen() { # NAME: packets that came to P unprotected
	on "$P" nft -j list counter inet seen "$1" | jq '.nftables[1].counter.packets'
}

seen_marks() { # COUNT
	[ "$(seen after)" -ge "$1" ]
}

# Those that came. After them comes one that always may.
in_clear() { # NAMESPACE SOURCE DESTINATION PORT COUNT
	local before mark from=10.9.0.9

	before=$(seen clear)
	mark=$(seen after)
	[ "$1" = "$H" ] || from=192.0.2.1
	on "$1" python3 - "$2" "$3" "$4" "$5" "$from" <<-'EOT'
	import socket, sys
	def send(source, to, n):
	    s = socket.socket(socket.AF_INET6 if ":" in source else socket.AF_INET,
	                      socket.SOCK_DGRAM)
	    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
	    s.bind((source, 0))
	    for _ in range(n):
	        try:
	            s.sendto(b"x", to)
	        except OSError:
	            pass
	source, destination, port, n, mark = sys.argv[1:]
	send(source, (destination, int(port)), int(n))
	send(mark, ("192.0.2.9", 99), 1)
	EOT
	must wait_for 10 seen_marks $((mark + 1)) >&2
	echo $(($(seen clear) - before))
}

via() { # 1|2: the way of the host behind the gateways
	must ip -n "$H" route replace default via "10.1.$1.1"
}

stopped_() { # N: as the daemon counts them
	local ns=G$1

	ha "${!ns}" -j status | jq '.[] | select(.kind == "group") | .stopped'
}

flows() { # N COUNT: that are kept from leaving in clear
	local ns=G$1

	[ "$(ha "${!ns}" -j status | jq '.[] | select(.kind == "group") | .fenced')" = "$2" ]
}

flushed() { # NAMESPACE
	must batch "$1" "xfrm state flush" "xfrm policy flush"
}

ha_load
topology
netns H
for n in 1 2; do
	g=G$n
	must ip link add lan netns "${!g}" type veth peer name "lan$n" netns "$H"
	must batch "${!g}" "addr add 10.1.$n.1/24 dev lan" "link set lan up"
	must batch "$H" "addr add 10.1.$n.9/24 dev lan$n" "link set lan$n up"
	must on "${!g}" sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0
	relay_conf $n role = standby fail-closed = yes
done
must ip -n "$H" addr add 10.9.0.9/32 dev lo
must batch "$P" "xfrm policy add src 10.2.0.0/16 dst 10.1.0.0/16 dir out \
	tmpl src 192.0.2.9 dst 192.0.2.1 proto esp reqid 4096 mode tunnel" \
	"xfrm policy add src 10.1.0.0/16 dst 10.2.0.0/16 dir in \
	tmpl src 192.0.2.1 dst 192.0.2.9 proto esp reqid 4096 mode tunnel"
on "$P" nft -f - <<'EOT' || bail "no nft"
table inet seen {
	counter clear { }
	counter after { }
	chain early {
		type filter hook prerouting priority -400;
		meta ipsec exists accept
		udp dport 99 counter name after accept
		ip saddr 10.1.0.0/16 counter name clear
		ip6 saddr fd01::/64 counter name clear
		ip saddr 192.0.2.1 udp dport { 9, 500 } counter name clear
	}
}
EOT
via 1
between "nobody stops it" "$(in_clear "$G1" fd01::1 fd02::1 9 20)" 20 20
relay_begin
between "without a word on them packets leave in clear" \
	"$(in_clear "$H" 10.1.1.9 10.2.0.1 9 20)" 20 20
tunnel "$G1 $P" 0x1000 replay-window 32
net_policies "$G1"
must ip -n "$G1" xfrm policy add src fd01::/64 dst fd02::/63 proto udp dport 9 dir out \
	tmpl src 192.0.2.1 dst 192.0.2.9 proto esp reqid 4096 mode tunnel
check "the standby gets the SAs" wait_for 20 has "$G2" 0x1000
check "the active one knows what may not leave in clear" wait_for 10 flows 1 2
check "the standby, too" wait_for 10 flows 2 2
check "what is protected passes, from the gateway" pings 10
check "and from behind it" ping_all "$P" -c 5 -i 0.1 -W 5 10.1.1.9
is "nothing was stopped" "$(stopped_ 1)" 0

# The standby gets clear traffic.
via 2
is "a standby sends none of it in clear" "$(in_clear "$H" 10.1.2.9 10.2.0.1 9 50)" 0
# Its daemon would bring the policies back.
must kill -STOP "$had_2"
flushed "$G2"
is "nor without policies" "$(in_clear "$H" 10.1.2.9 10.2.0.1 9 50)" 0
is "nor its own" "$(in_clear "$G2" 10.1.0.1 10.2.0.1 9 50)" 0
must kill -CONT "$had_2"
between "and counts that" "$(stopped_ 2)" 1 100

# The active one is flushed, with packets under way; then its daemon dies, or never was there.
via 1
flushed "$G1"
is "an active one that was flushed sends nothing in clear" \
	"$(in_clear "$H" 10.1.1.9 10.2.0.1 9 200)" 0
is "nor its own" "$(in_clear "$G1" 10.1.0.1 10.2.0.1 9 50)" 0
is "nor that of IPv6" "$(in_clear "$G1" fd01::1 fd02::1 9 20)" 0
between "but for other ports than the policy's" "$(in_clear "$G1" fd01::1 fd02::1 10 20)" 20 20
on "$G1" nft -f - <<'EOT' || bail "no nft"
table ip nat {
	chain late {
		type nat hook postrouting priority 100;
		ip saddr 10.9.0.0/16 ip daddr 10.2.0.0/16 snat to 10.1.0.1
	}
}
EOT
is "nor what has such an address by NAT" "$(in_clear "$H" 10.9.0.9 10.2.0.1 9 20)" 0
must on "$G1" nft flush ruleset
is "a flush of nftables changes nothing" "$(in_clear "$H" 10.1.1.9 10.2.0.1 9 50)" 0
had_stop 1 9
is "nothing leaves without the daemon" "$(in_clear "$H" 10.1.1.9 10.2.0.1 9 50)" 0
had 1 /run/conf1
check "a new daemon knows it from before" wait_for 10 flows 1 2
is "and stops it" "$(in_clear "$H" 10.1.1.9 10.2.0.1 9 50)" 0
tunnel "$G1" 0x1000 replay-window 32
must ip -n "$G1" xfrm policy add src 10.1.0.0/16 dst 10.2.0.0/16 dir out priority 100 \
	tmpl src 192.0.2.1 dst 192.0.2.9 proto esp reqid 4096 mode tunnel
is "with the policy and the SA" "$(in_clear "$H" 10.1.1.9 10.2.0.1 9 50)" 0

# What the operator lets pass
must ip -n "$G1" xfrm policy add src 10.1.0.0/16 dst 10.2.7.0/24 dir out priority 50
passes() { # DESTINATION COUNT
	[ "$(in_clear "$H" 10.1.1.9 "$1" 9 10)" = "$2" ]
}
check "a policy before that lets it pass" wait_for 10 passes 10.2.7.1 10
is "and nothing else" "$(in_clear "$H" 10.1.1.9 10.2.8.1 9 10)" 0
must ip -n "$G1" xfrm policy update src 10.1.0.0/16 dst 10.2.7.0/24 dir out priority 150
check "one after it does not" wait_for 10 passes 10.2.7.1 0
must ip -n "$G1" xfrm policy update src 10.1.0.0/16 dst 10.2.7.0/24 dir out priority 50
check "before it once more" wait_for 10 passes 10.2.7.1 10
must ip -n "$G1" xfrm policy delete src 10.1.0.0/16 dst 10.2.7.0/24 dir out
check "and it is gone" wait_for 10 passes 10.2.7.1 0

# From gateway to gateway
must ip -n "$G1" xfrm policy add src 192.0.2.1/32 dst 192.0.2.9/32 proto udp dir out priority 100 \
	tmpl src 192.0.2.1 dst 192.0.2.9 proto esp reqid 4097 mode transport
must wait_for 10 flows 1 3
must ip -n "$G1" xfrm policy delete src 192.0.2.1/32 dst 192.0.2.9/32 proto udp dir out
must ip -n "$G1" route add 10.9.0.0/16 dev lan
clear_own() { # PORT COUNT; what marks the end would be stopped, too
	local before

	before=$(seen clear)
	on "$G1" python3 - "$1" "$2" <<-'EOT'
	import socket, sys
	s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	s.bind(("192.0.2.1", 0))
	for _ in range(int(sys.argv[2])):
	    try:
	        s.sendto(b"x", ("192.0.2.9", int(sys.argv[1])))
	    except OSError:
	        pass
	EOT
	must on "$G1" ping -q -c 1 -W 10 192.0.2.9 > /run/ping
	echo $(($(seen clear) - before))
}
is "IKE passes" "$(clear_own 500 5)" 5
is "other traffic between the ends does not" "$(clear_own 9 5)" 0

# What nobody speaks of any more is forgotten when the file is read again; no table is left of what
# is not wanted.
must ip -n "$G1" xfrm policy flush
had_reload 1
check "it is forgotten when the file is read again" wait_for 10 flows 1 0
between "and leaves in clear" "$(in_clear "$H" 10.1.1.9 10.2.0.1 9 20)" 20 20
net_policies "$G1"
must wait_for 10 flows 1 1
check "dump has it" grep -q "fail-closed = yes" <(ha "$G1" dump)
must sed -i 's/fail-closed = yes/fail-closed = no/' /run/conf1
had_reload 1
no_table() {
	! on "$G1" nft list table inet xfrm_ha > /run/table 2>&1
}
check "without fail-closed there is no table" wait_for 10 no_table
flushed "$G1"
between "and what was flushed leaves in clear" \
	"$(in_clear "$H" 10.1.1.9 10.2.0.1 9 20)" 20 20

# Booted: there is no table, and no policy.
had_stop 1
must sed -i 's/fail-closed = no/& protect 10.1.0.0\/16 { to = { 10.2.0.0\/16 } }/' /run/conf1
refusal "protect is nothing without fail-closed" "is nothing without fail-closed" ha "$G1" check /run/conf1
must sed -i 's/fail-closed = no/fail-closed = yes/' /run/conf1
had 1 /run/conf1
check "what the file protects is known" wait_for 10 flows 1 1
is "and does not leave in clear" "$(in_clear "$H" 10.1.1.9 10.2.0.1 9 50)" 0
had_reload 1
is "nor when the file is read again" "$(in_clear "$H" 10.1.1.9 10.2.0.1 9 50)" 0
check "dump has that, too" grep -q "protect 10.1.0.0/16 {" <(ha "$G1" dump)
tunnel "$G1" 0x1000 replay-window 32
net_policies "$G1"
check "a policy for it is no other flow" wait_for 10 ping_all "$P" -c 2 -i 0.1 -W 5 10.1.1.9
check "with what is protected passing" flows 1 1
must sed -i 's/ protect .* }$//' /run/conf1
flushed "$G1"
had_reload 1
check "without the file's word it is forgotten" wait_for 10 flows 1 0
for n in 1 2; do
	had_stop "$n"
done
check "the module leaves" ha_unload
ktap_finished
