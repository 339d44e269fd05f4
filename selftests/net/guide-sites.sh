#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# machines: uml
# requires: jq bird
# tap: any
# timeout: 200
#
# M5 M7 M8 N17: the recipe "two sites over a routed network" of docs/guide.rst, with the files of
# docs/examples/sites: the link is a VXLAN, and BIRD tells the network where the tunnel ends. A
# router, R, joins both sites, the hosts behind them (H) and the remote end (P).
#
#	G1 198.51.100.1/30 --+      +-- 10.1.0.0/24 H
#	                     +-- R -+
#	G2 203.0.113.1/30 ---+      +-- 192.0.2.8/30 P, 10.2.0.1 behind it

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/had.sh"
. "$(dirname "$0")/../lib/cluster.sh"

EXAMPLES=$XFRM_HA_DIR/docs/examples/sites
birds=()

wire() { # NAMESPACE ADDRESS PORT-OF-R ADDRESS
	must ip link add eth0 netns "$1" type veth peer name "$3" netns "$R"
	must batch "$1" "link set eth0 up" "addr add $2 dev eth0" "route add default via ${4%/*}"
	must batch "$R" "link set $3 up" "addr add $4 dev $3"
}

bird_start() { # NAMESPACE NAME: with /run/NAME.conf
	ip netns exec "$1" bird -f -c "/run/$2.conf" -s "/run/$2.ctl" > "/run/$2.log" 2>&1 &
	birds+=($!)
	must wait_for 10 test -S "/run/$2.ctl"
}

router() {
	cat <<-'EOT'
	router id 192.0.2.10;
	protocol device { }
	protocol kernel { ipv4 { export all; }; }
	template bgp site {
		hold time 9;
		connect delay time 1;
		error wait time 1, 2;
		ipv4 { import all; export none; };
	}
	protocol bgp east from site {
		local 198.51.100.2 as 65000;
		neighbor 198.51.100.1 as 65001;
	}
	protocol bgp west from site {
		local 203.0.113.2 as 65000;
		neighbor 203.0.113.1 as 65002;
	}
	EOT
}

start() { # N NAME
	{ echo "node = $2"; sed 's,/etc/xfrm-ha/key,/run/key,; s/dead = 10 /dead = 100 /' \
		"$EXAMPLES/xfrm-ha.conf"; } > "/run/conf$1"
	had "$1" "/run/conf$1"
}

way() { # to 192.0.2.1, and to 10.2.0.0/16, as the network has it
	ip -n "$R" -o route show proto bird | awk '{ print $1, $5 }' | sort | paste -sd' '
}

led_to() { # PORT
	[ "$(way)" = "10.2.0.0/16 $1 192.0.2.1 $1" ]
}

ha_load
netns G1 G2 R P H
wire "$G1" 198.51.100.1/30 east 198.51.100.2/30
wire "$G2" 203.0.113.1/30 west 203.0.113.2/30
wire "$P" 192.0.2.9/30 remote 192.0.2.10/30
wire "$H" 10.1.0.100/24 hosts 10.1.0.254/24
must batch "$P" "addr add 10.2.0.1/32 dev lo" \
	"route add 10.1.0.0/24 via 192.0.2.10 src 10.2.0.1"
for ns in "$G1" "$G2" "$R"; do
	must on "$ns" sysctl -qw net.ipv4.ip_forward=1
done
must ip -n "$G1" -batch "$EXAMPLES/east.ip"
must ip -n "$G2" -batch "$EXAMPLES/west.ip"
oracle_on=eth0 oracle_start
keygen /run/key
router > /run/router.conf
cp "$EXAMPLES/bird.conf" /run/east.conf
sed '/^#/d; s/198\.51\.100\./203.0.113./; s/65001/65002/' "$EXAMPLES/bird.conf" > /run/west.conf
bird_start "$R" router
bird_start "$G1" east
bird_start "$G2" west
start 1 east
must wait_for 30 role "$G1" vpn active
start 2 west
must wait_for 30 in_sync "$G1" "$G2"
check "M8: the network knows where the active one is" wait_for 40 led_to east
tunnel_of "$G1" 0x1000
tunnel_remote 0x1000
missing_none() {
	ask_group "$G2" vpn missing
	[ "$REPLY" = 0 ] && held "$G2" 0x1001
}
check "M7: the other site has the SAs" wait_for 30 missing_none
check "traffic" wait_for 10 through 5

must ha "$G2" takeover vpn wait 10
check "M8: a planned move" wait_for 30 led_to west
is "by a handover" "$(group "$G2" vpn reason)" got
check "traffic" wait_for 10 through 5
must wait_for 30 in_sync "$G1" "$G2"

# A site is cut off from everything, and does not know whether it is the only one.
must ip -n "$R" link set west down
check "M8: a site is lost: the other one" wait_for 60 role "$G1" vpn active
check "the network knows" wait_for 60 led_to east
check "traffic" wait_for 20 through 5
must ip -n "$R" link set west up
check "it is back, and standby" wait_for 60 role "$G2" vpn standby
check "and the network knows of one" wait_for 60 led_to east
check "traffic" wait_for 20 through 5
stopped "${birds[@]}"
had_stop 1
had_stop 2
oracle_verdict "I1: no number twice" 0x1001
ktap_finished
