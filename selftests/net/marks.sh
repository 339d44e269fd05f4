#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# timeout: 240
#
# M1 M6 M8: SAs that differ in nothing but their mark, SAs with an if_id that carry an xfrm
# interface's packets, and groups that are told apart by mark and by if_id: mirrored, taken
# over each for itself, and packets go on.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"

# Which of two SAs with one SPI: by the packet's TOS, that outer and inner header have. An answer
# has the TOS and the mark of what it answers.
marked() { # NAMESPACE
	on "$1" nft -f - <<-'END'
		table ip marks {
			chain in {
				type filter hook prerouting priority mangle
				ip dscp 0x02 meta mark set 1
				ip dscp 0x04 meta mark set 2
			}
		}
	END
	on "$1" sysctl -qw net.ipv4.fwmark_reflect=1
}

pings_by() { # 1|2 COUNT: with this mark
	ping_all "$P" -c "$2" -i 0.02 -W 5 -m "$1" -Q $((8 * $1)) 10.1.0.1
}

# Over an xfrm interface, in both directions
interface() { # IF_ID SPI
	local ns here there

	for ns in "$G1" "$G2" "$P"; do
		here=10.1.$1.1 there=10.2.$1.1
		[ "$ns" != "$P" ] || here=10.2.$1.1 there=10.1.$1.1
		must ip -n "$ns" link add "ipsec$1" type xfrm if_id "$1"
		must ip -n "$ns" link set "ipsec$1" up
		must ip -n "$ns" addr add "$here/32" dev "ipsec$1"
		must ip -n "$ns" route add "$there/32" dev "ipsec$1" src "$here"
	done
	sas "$2" 4 tunnel "$G1 $G2 $P" replay-window 32 if_id "$1"
	for ns in "$G1" "$G2"; do
		must ip -n "$ns" xfrm policy add src "10.1.$1.1" dst "10.2.$1.1" dir out if_id "$1" \
			tmpl src 192.0.2.1 dst 192.0.2.9 proto esp reqid "$2" mode tunnel
		must ip -n "$ns" xfrm policy add src "10.2.$1.1" dst "10.1.$1.1" dir in if_id "$1" \
			tmpl src 192.0.2.9 dst 192.0.2.1 proto esp reqid "$2" mode tunnel
	done
	must ip -n "$P" xfrm policy add src "10.2.$1.1" dst "10.1.$1.1" dir out if_id "$1" \
		tmpl src 192.0.2.9 dst 192.0.2.1 proto esp reqid "$2" mode tunnel
	must ip -n "$P" xfrm policy add src "10.1.$1.1" dst "10.2.$1.1" dir in if_id "$1" \
		tmpl src 192.0.2.1 dst 192.0.2.9 proto esp reqid "$2" mode tunnel
}

by_mark() { # NAMESPACE SPI MARK .FIELD
	ha "$1" -j sa show | jq -r --arg spi "$(printf '0x%08x' "$2")" --arg mark "$3/0xff" \
		".[] | select(.spi == \$spi and .mark == \$mark) | $4"
}

acknowledged() { # NAMESPACE MARK
	[ "$(by_mark "$1" 0x1001 "0x$2" '.behind_out + .behind_in')" = 0 ] &&
		[ "$(by_mark "$1" 0x1002 "0x$2" '.behind_out + .behind_in')" = 0 ]
}

ha_load
topology
for ns in "$G1" "$G2" "$P"; do
	must marked "$ns"
done
oracle_start
links
groups one mark 1/0xff quantity 10000
groups two mark 2/0xff quantity 10000
groups seven if_id 7 quantity 10000
groups eight if_id 8 quantity 10000

# The oracle tells SAs apart by address and SPI: these two have numbers that never meet.
sas 0x1000 4 tunnel "$G1 $G2 $P" replay-window 32 mark 1 mask 0xff
sas 0x1000 4 tunnel "$G1 $G2 $P" replay-window 32 mark 2 mask 0xff replay-oseq 5000
for mark in 1 2; do
	policies 0x1000 4 tunnel mark $mark mask 0xff
done
interface 7 0x2000
interface 8 0x3000
for name in one two seven eight; do
	is "group $name has its SAs" "$(group "$G1" $name sas) $(group "$G2" $name sas)" "2 2"
done

check "traffic with mark 1" pings_by 1 30
check "traffic with mark 2" pings_by 2 20
check "traffic through the interface with if_id 7" pings 40 10.1.7.1
check "traffic through the interface with if_id 8" pings 10 10.1.8.1
for mark in 1 2; do
	must wait_for 5 acknowledged "$G1" $mark
done
for spi in 0x2001 0x2002 0x3001 0x3002; do
	must wait_for 5 mirrored "$G1" $spi
done
# SPI and address are the same: only the mark tells whose record it is.
is "M1: the mark tells them apart: outbound" \
	"$(by_mark "$G2" 0x1001 0x1 .oseq) $(by_mark "$G2" 0x1001 0x2 .oseq)" "10030 15020"
is "M1: inbound" "$(by_mark "$G2" 0x1002 0x1 .seq) $(by_mark "$G2" 0x1002 0x2 .seq)" "30 5020"
is "M1: packets" \
	"$(by_mark "$G2" 0x1002 0x1 .packets) $(by_mark "$G2" 0x1002 0x2 .packets)" "30 20"
is "M1: with an if_id: outbound" "$(sa "$G2" 0x2001 .oseq) $(sa "$G2" 0x3001 .oseq)" "10040 10010"
is "M1: inbound" "$(sa "$G2" 0x2002 .seq) $(sa "$G2" 0x3002 .seq)" "40 10"

# One by one: the others stay where they are.
over() { # NAME: goes over to the second gateway, and no other does
	must ha "$G2" takeover "$1"
	check "M8: group $1 is taken over" wait_for 5 role "$G2" "$1" active
	check "by one" wait_for 5 role "$G1" "$1" standby
	reroute 2
}
over one
check "its traffic goes on" pings_by 1 10
reroute 1
check "M6: that of the other mark stays" pings_by 2 10
is "M6: who is held" "$(by_mark "$G1" 0x1001 0x1 .held) $(by_mark "$G1" 0x1001 0x2 .held)" \
	"true false"
over seven
check "its traffic goes on" pings 10 10.1.7.1
reroute 1
check "M6: that of the other if_id stays" pings 10 10.1.8.1
is "M6: who is held" "$(sa "$G1" 0x2001 .held) $(sa "$G1" 0x3001 .held)" "true false"
# By force, at the lease's end
must wait_for 5 acknowledged "$G1" 2
must wait_for 5 mirrored "$G1" 0x3001
for name in two eight; do
	must ha "$G2" takeover $name force
	must wait_for 5 role "$G1" $name standby
done
must wait_for 5 acknowledged "$G2" 2
must wait_for 5 mirrored "$G2" 0x3001
must wait_for 5 hold "$G2" 0x3001 -
reroute 2
check "M8: by force, with a mark" pings_by 2 10
check "M8: by force, with an if_id" pings 10 10.1.8.1
is "M8: above the lease" "$(by_mark "$G2" 0x1001 0x2 .oseq) $(sa "$G2" 0x3001 .oseq)" "15040 10030"
oracle_verdict "I1: no number was used twice" 0x1001 0x2001 0x3001
check "the module leaves" ha_unload
ktap_finished
