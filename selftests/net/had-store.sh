#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: jq python3
# machines: uml
# tap: any
# timeout: 300
#
# S3 N+1: three active gateways, one standby for all of them, which keeps their SAs without
# installing them. One dies: the standby installs that one's SAs, and no other's, and goes on above
# what was used, while the others go on. The dead one comes back with nothing, and gets its SAs
# from the standby.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/had.sh"
. "$(dirname "$0")/../lib/relay.sh"
. "$(dirname "$0")/../lib/spare.sh"

group_lines() { # N
	echo "match { address = { 192.0.2.$1 } } join = 500 replicate = yes
	    on-peer-loss = takeover
	    address 192.0.2.$1/24 { device = wan } address 10.1.$1.1/32 { device = lo }"
}

conf() { # N ROLE: of an active gateway
	cat > "/run/conf$1" <<-EOT
	node = g$1
	link hb {
	    device = sync peer = 02:00:00:00:04:0$1 key-file = /run/key$1
	    dead = 100 carrier-loss = at-once
	}
	$TRANSPORT
	group vpn$1 { role = $2 $(group_lines "$1") }
	EOT
}

conf_standby() {
	local n

	echo "node = g4 $TRANSPORT"
	for n in 1 2 3; do
		cat <<-EOT
		link hb$n {
		    device = sync$n peer = 02:00:00:00:01:0$n key-file = /run/key$n
		    dead = 100 carrier-loss = at-once
		}
		group vpn$n { link = hb$n role = standby store = yes $(group_lines "$n") }
		EOT
	done
}

device_state() { # NAMESPACE DEVICE STATE
	ask_link "$1" "$2" state
	[ "$REPLY" = "$3" ]
}

has_address() { # N NAMESPACE
	ip -n "$2" -o addr show dev wan | grep -q "192.0.2.$1/"
}

ping_to() { # N COUNT
	ping_all "$P" -c "$2" -i 0.02 -W 5 "10.1.$1.1"
}

ready() { # N: its SAs are known to the standby, and mirrored
	stored "$G4" "vpn$1" 4 && mirrored "${!2}" $((0x1000 * $1 + 1))
}

ha_load
netns G1 G2 G3 G4 P
wan 1 2 3 4
relay_over 1 2 3 4
esp_key
for n in 1 2 3; do
	g=G$n
	must ip link add sync netns "${!g}" address "02:00:00:00:01:0$n" type veth \
		peer name "sync$n" netns "$G4" address "02:00:00:00:04:0$n"
	must ip -n "${!g}" link set sync up
	must ip -n "$G4" link set "sync$n" up
	keygen "/run/key$n"
	conf "$n" active
	remote "$n"
done
conf_standby > /run/conf4
oracle_start
had 4 /run/conf4
for n in 1 2 3; do
	g=G$n
	had "$n" "/run/conf$n"
done
for n in 1 2 3; do
	g=G$n
	must wait_for 30 role "${!g}" "vpn$n" active
	must wait_for 20 device_state "$G4" "sync$n" up
	must wait_for 10 has_address "$n" "${!g}"
	esp add "$n" $((0x1000 * n)) "${!g}"
	esp add "$n" $((0x1000 * n)) "$P"
	esp_policies "$n" "${!g}"
done
for n in 1 2 3; do
	g=G$n
	check "S3: the standby keeps what gateway $n has" wait_for 20 ready "$n" "$g"
	check "traffic of gateway $n" ping_to "$n" 30
done
is "it has installed none of it" "$(installed "$G4" 0 && policies_there "$G4" 0 && echo none)" none
check "and has no key in clear" knows_not "$had_4"

# What changes is followed.
esp add 2 0x2100 "$G2"
esp add 2 0x2100 "$P"
check "a new SA" wait_for 10 stored "$G4" vpn2 6
esp del 2 0x2000 "$G2"
esp del 2 0x2000 "$P"
check "and one that goes" wait_for 10 stored "$G4" vpn2 4
check "traffic with the new one" ping_to 2 30
must wait_for 10 mirrored "$G2" 0x2101

# One dies. The others carry traffic all the time.
ip netns exec "$P" ping -q -i 0.02 -W 5 10.1.1.1 > /run/ping1 &
ping_1=$!
ip netns exec "$P" ping -q -i 0.02 -W 5 10.1.3.1 > /run/ping3 &
ping_3=$!
used=$(sa "$G2" 0x2101 .oseq)
had_stop 2 9
must ip -n "$G2" link set wan down
must ip -n "$G2" link set sync down
relay_cut 2 down
check "S3: the standby takes over from it" wait_for 20 role "$G4" vpn2 active
check "it has the address" wait_for 10 has_address 2 "$G4"
check "S3: traffic through it" ping_to 2 30
check "the SAs were there before the addresses" python3 - /run/had4 <<'EOT'
import sys
lines = open(sys.argv[1]).read()
sas = lines.index("group vpn2: 4 SAs and policies that were stored are installed")
sys.exit(not 0 < sas < lines.index("group vpn2 is active"))
EOT
is "only its SAs are installed" "$(installed "$G4" 2 && policies_there "$G4" 2 && echo two)" two
between "S2: it goes on above what was used" "$(sa "$G4" 0x2101 .oseq)" $((used + 30)) $((1 << 32))
is "the others are where they were" "$(for n in 1 3; do
	g=G$n
	group "${!g}" "vpn$n" role
	group "$G4" "vpn$n" role
done | paste -sd,)" active,standby,active,standby
must kill -INT $ping_1 $ping_3
wait $ping_1 $ping_3
for n in 1 3; do
	check "not a packet of gateway $n was lost" grep -q ' 0% packet loss' "/run/ping$n"
	check "its SAs are still kept" stored "$G4" "vpn$n" 4
done

# It is replaced by one that knows nothing: its SAs come from the one that has taken over.
must ip -n "$G2" xfrm state flush
must ip -n "$G2" xfrm policy flush
must ip -n "$G2" addr flush dev wan
must ip -n "$G2" addr flush dev lo scope global
must ha "$G2" group del vpn2
must ha "$G2" link del sync
must batch "$G2" "link set sync up" "link set wan up" "route replace 192.0.2.0/24 dev wan" \
	"route replace 10.2.0.0/16 dev wan"
relay_cut 2 up
conf 2 standby
had 2 /run/conf2
check "the new one is standby" wait_for 20 role "$G2" vpn2 standby
check "and gets its SAs" wait_for 20 installed "$G2" 2
held_here() {
	held "$G2" 0x2101 && policies_there "$G2" 2
}
check "held" wait_for 10 held_here
handed() {
	ha "$G2" takeover vpn2 wait 5 || role "$G2" vpn2 active
}
check "it takes over" wait_for 20 handed
check "it has the address again" wait_for 10 has_address 2 "$G2"
check "traffic through it" ping_to 2 30
for n in 1 2 3 4; do
	had_stop "$n"
done
relay_end 1 2 3 4
oracle_verdict "I1: no number was used twice" 0x1001 0x2001 0x2101 0x3001
check "the module leaves" ha_unload
ktap_finished
