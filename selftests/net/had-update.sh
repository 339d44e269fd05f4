#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: jq nft
# machines: uml
# tap: any
# timeout: 240
#
# M7: an SA that is changed while it lives. A standby, where a held SA takes no update, has it with
# the new port of a NAT, held, and with the numbers that the mirror knows; it takes over with these.
# Policies that have no templates, where the group has all. Counters.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/had.sh"
. "$(dirname "$0")/../lib/relay.sh"

behind_nat() { # NAMESPACE add|update PORT: the SA to a remote end behind a NAT
	must ip -n "$1" xfrm state "$2" src 192.0.2.1 dst 192.0.2.9 proto esp spi 0x1001 reqid 4096 \
		mode tunnel aead 'rfc4106(gcm(aes))' "$KEY" 128 encap espinudp 4500 "$3" 0.0.0.0
}

port_is() { # NAMESPACE PORT
	ip -n "$1" xfrm state list spi 0x1001 | grep -q "dport $2 "
}

at_port() { # PORT: packets that P has got there
	on "$P" nft -j list counter inet seen "p$1" | jq '.nftables[1].counter.packets'
}

got() { # PORT COUNT
	[ "$(at_port "$1")" -ge "$2" ]
}

relay_count() { # NAMESPACE NAME
	ha "$1" -j status | jq ".[] | select(.kind == \"relay\") | .$2"
}

policies_without() { # NAMESPACE: templates
	ip -n "$1" xfrm policy list src 10.1.0.0/16 dst 10.3.0.0/16 | grep -cE "action block|priority 5"
}

has_block() { # NAMESPACE COUNT
	[ "$(policies_without "$1")" = "$2" ]
}

ha_load
topology
relay_conf 1 role = active policies = all
relay_conf 2 role = standby policies = all
behind_nat "$G1" add 4500
must ip -n "$G1" xfrm policy add src 10.1.0.1/32 dst 10.2.0.1/32 dir out \
	tmpl src 192.0.2.1 dst 192.0.2.9 proto esp reqid 4096 mode tunnel
must ip -n "$G1" xfrm policy add src 10.1.0.0/16 dst 10.3.0.0/16 dir out action block priority 5
on "$P" nft -f - <<'EOT' || bail "no nft"
table inet seen {
	counter p4500 { }
	counter p5555 { }
	chain early {
		type filter hook prerouting priority -400;
		udp dport 4500 counter name p4500
		udp dport 5555 counter name p5555
	}
}
EOT
had 1 /run/conf1
had 2 /run/conf2
must wait_for 20 role "$G1" vpn active
must wait_for 20 spi_is "$G2" 0x1001
check "a policy without templates, where the group has all" wait_for 10 has_block "$G2" 1
must spend "$G1" 40
check "packets go to the port of the NAT" wait_for 10 got 4500 30
must wait_for 10 mirrored "$G1" 0x1001
before=$(sa "$G2" 0x1001 .oseq)
between "the standby knows their numbers" "$before" 30 100000

behind_nat "$G1" update 5555
check "the standby has the new port" wait_for 10 port_is "$G2" 5555
check "and holds it" wait_for 5 held "$G2" 0x1001
knows_number() {
	[ "$(sa "$G2" 0x1001 .oseq)" -ge "$before" ]
}
check "its numbers are those that the mirror knows, without a packet" wait_for 10 knows_number
check "nothing is missing" wait_for 10 missing "$G2" 0
oracle_start
must spend "$G1" 20
must wait_for 10 got 5555 15
for port in 5556 5557 5558 5559 5560 5561 5562 5555; do
	behind_nat "$G1" update $port
done
check "of many changes the last one stands" wait_for 10 port_is "$G2" 5555
must wait_for 10 held "$G2" 0x1001
must wait_for 10 knows_number
must ip -n "$G1" link set wan down
must ip -n "$G1" link set sync down
must ha "$G2" takeover vpn force
must wait_for 10 role "$G2" vpn active
count=$(at_port 5555)
goes_on() {
	spend "$G2" 10
	got 5555 $((count + 10))
}
check "the other gateway sends to the new port" wait_for 20 goes_on
oracle_verdict "I1: no number was used twice" 0x1001

between "what was installed is counted" "$(relay_count "$G2" installed)" 4 100
is "nothing was refused" "$(relay_count "$G2" refused)" 0
between "what was sent is counted" "$(relay_count "$G1" sent)" 4 100
is "status says it" "$(ha "$G2" status | grep -c '^relay .*installed')" 1
for n in 1 2; do
	had_stop "$n"
done
check "the module leaves" ha_unload
ktap_finished
