#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: jq python3
# machines: uml
# tap: any
# timeout: 300
#
# S3 S4: a redundancy handler, which carries no traffic and has no link, keeps the SAs of an active
# gateway. That one dies; a spare that was not there when they were made gets them from the handler
# alone, and goes on in numbers of its own; then it dies, too, and a third one does the same. The file
# is that of docs/examples/handler.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/had.sh"
. "$(dirname "$0")/../lib/spare.sh"

QUARTER=$((1 << 30))

names=(- east handler west)

conf() { # N [INDEX | LIMIT]: the example, for this node; the handler has a limit, others an index
	local sed='s,/etc/xfrm-ha/key,/run/key,; s/device = eth0/device = wan/'

	if [ "$1" = 2 ]; then
		sed+="; 1i store-limit = $2"
	else
		sed+="; /^on ${names[$1]} /,/^}/s/index = .*/index = $2/"
	fi
	sed "1i node = ${names[$1]}
		$sed" "$XFRM_HA_DIR/docs/examples/handler/xfrm-ha.conf" > "/run/conf$1"
}

takes() { # N: the gateway is to carry the group
	local g=G$1

	must ha "${!g}" takeover vpn
	must wait_for 10 role "${!g}" vpn active
	check "traffic through gateway $1" wait_for 20 ping_all "$P" -c 20 -i 0.02 -W 5 10.1.1.1
}

dies() { # N
	local g=G$1

	had_stop "$1" 9
	must ip -n "${!g}" link set wan down
	must ip -n "${!g}" link set store down
	must ip -n "${!g}" xfrm policy flush
	must ip -n "${!g}" xfrm state flush
	must ip -n "${!g}" addr flush dev wan
	must ip -n "${!g}" addr flush dev lo scope global
	must ha "${!g}" group del vpn
}

dropped() { # N: the handler has seen that it is dead
	grep -q "relay: node ${names[$1]} is not there any more" /run/had2
}

no_room() {
	[ "$(kept "$G2" vpn not_stored)" -gt 0 ]
}

ha_load
netns G1 G2 G3 P
wan 1 3
esp_key
keygen /run/key
for n in 1 3; do
	g=G$n
	must ip link add store netns "${!g}" type veth peer name "store$n" netns "$G2"
	must batch "${!g}" "link set store up" "addr add 198.51.$n.1/24 dev store"
	must batch "$G2" "link set store$n up" "addr add 198.51.$n.2/24 dev store$n"
done
remote 1
oracle_start
conf 1 0
conf 2 4
had 1 /run/conf1
had 2 /run/conf2
esp add 1 0x1000 "$G1"
esp add 1 0x1000 "$P"
esp_policies 1 "$G1"
takes 1
check "S3: the handler keeps what gateway 1 has" wait_for 20 stored "$G2" vpn 4
is "it has installed none of it" "$(installed "$G2" 0 && policies_there "$G2" 0 && echo none)" none

# There is no more room than the file says.
esp add 1 0x1100 "$G1"
check "what there is no room for is counted" wait_for 10 no_room
check "and said" had_said 2 "the store is full"
check "the rest is kept" stored "$G2" vpn 4
conf 2 100
had_reload 2
check "with more room it gets all" wait_for 20 stored "$G2" vpn 6
esp del 1 0x1100 "$G1"
check "what goes is not kept" wait_for 10 stored "$G2" vpn 4
check "it has no key in clear" knows_not "$had_2"
check "traffic" ping_all "$P" -c 20 -i 0.02 -W 5 10.1.1.1

# The active one dies. The spare was never there before.
dies 1
check "the handler outlives it" wait_for 40 dropped 1
check "with what it has stored" stored "$G2" vpn 4
conf 3 1
had 3 /run/conf3
check "S3: the spare gets the SAs from the handler alone" wait_for 20 installed "$G3" 2
check "and the policies" wait_for 10 policies_there "$G3" 2
is "held" "$(sa "$G3" 0x1001 .held)" true
takes 3
between "S4: in numbers of its own" "$(sa "$G3" 0x1001 .oseq)" $QUARTER $((2 * QUARTER - 1))

# What the spare makes is kept, too; then it dies.
esp add 1 0x1200 "$P"
esp add 1 0x1200 "$G3"
check "S3: the handler keeps what the spare makes" wait_for 20 stored "$G2" vpn 6
esp del 1 0x1000 "$G3"
esp del 1 0x1000 "$P"
check "and not what it renews" wait_for 20 stored "$G2" vpn 4
check "traffic with the new SA" ping_all "$P" -c 20 -i 0.02 -W 5 10.1.1.1
dies 3
check "the handler outlives that one, too" wait_for 40 dropped 3
must batch "$G1" "link set store up" "link set wan up" "route replace 192.0.2.0/24 dev wan" \
	"route replace 10.2.0.0/16 dev wan"
conf 1 2
had 1 /run/conf1
check "S3: the first one, which has nothing left, gets them all" wait_for 20 installed "$G1" 2
takes 1
between "S4: in numbers that are neither its old ones nor the spare's" \
	"$(sa "$G1" 0x1201 .oseq)" $((2 * QUARTER)) $((3 * QUARTER - 1))

# Also while it lives, who knows the handler alone hears of all by it.
must ip -n "$G3" link set store up
conf 3 1
had 3 /run/conf3
check "a new spare gets what the active one has, by the handler" wait_for 20 installed "$G3" 2
esp add 1 0x1300 "$G1"
check "what comes" wait_for 20 installed "$G3" 4
esp del 1 0x1300 "$G1"
check "and what goes" wait_for 20 installed "$G3" 2
for n in 1 2 3; do
	had_stop "$n"
done
oracle_verdict "I1: no number was used twice" 0x1001 0x1201
check "the module leaves" ha_unload
ktap_finished
