#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: ethtool jq
# timeout: 240
# tap: any
#
# A4 A5: what an SA in a slot has decrypted, and no policy speaks of, is dropped as it is in
# software, however the SA has come to its slot, and also while it is about to enter one.
#
#    .99  10.3.0.2 <- lan -- A -- eng0 == tunnels K == B   10.2.0.99, a peer that sends what
#                                                          A has no policy for

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/espnic.sh"
. "$(dirname "$0")/../lib/engine.sh"

debug=/sys/kernel/debug/espnic

no_pols() {
	on "$A" cat /proc/net/xfrm_stat | awk '$1 == "XfrmInNoPols" { print $2 }'
}

forwarded() { # packets that A has sent to its LAN
	ip -n "$A" -s -j link show lan | jq '.[0].stats64.tx.packets'
}

# What B has a policy for, and A has not.
escape() { # K 4|6
	addresses "$1" "$2"
	if [ "$2" = 4 ]; then
		own=10.2.0.99 lan=10.3.0.2 nodad=
	else
		own=fd02::99 lan=fd03::2
		nodad=nodad
	fi
	must ip -n "$B" addr add "$own/$plen" dev lo ${nodad:+nodad}
	policy "$B" "$1" out "$own" "$ia" "$b" "$a"
	policy "$B" "$1" out "$own" "$lan" "$b" "$a"
}

counted() { # COUNT more than $before
	[ "$(no_pols)" = $((before + $1)) ]
}

# Where the SA is, is told by what the NICs have decrypted.
dropped() { # TEXT: of five packets to A, and five to its LAN, none comes through
	local sent

	before=$(no_pols) sent=$(forwarded)
	on "$B" ping -q -c 5 -i 0.01 -W 0.1 -I "$own" "$ia" > /run/escape
	is "$1: to this host: no answer" "$(grep -o '[0-9]* received' /run/escape)" "0 received"
	check "$1: and each is counted" wait_for 5 counted 5
	on "$B" ping -q -c 5 -i 0.01 -W 0.1 -I "$own" "$lan" > /run/escape
	check "$1: to be forwarded: each is counted" wait_for 5 counted 10
	is "$1: and none is forwarded" $(($(forwarded) - sent)) 0
}

decrypted() { # by the NICs
	echo $(($(nic nic0 rx_packets) + $(nic nic1 rx_packets)))
}

# The driver takes its time to put the inbound SA of tunnel K into a slot.
entering() { # K 4|6
	local slow

	must ha cache pin eng0 "$(spi_in "$1")" software
	must wait_for 10 at "$(spi_in "$1")" software
	adds=$(($(nic nic0 rx_adds) + $(nic nic1 rx_adds)))
	for slow in nic0 nic1; do
		echo 600000 > "$debug/$slow/add_delay_ms"
	done
	must ha cache unpin eng0 "$(spi_in "$1")"
	# The worker is in the driver, and says nothing until it is back.
	must wait_for 10 busy
	dropped "$2, entering"
	check "$2, entering: what a policy speaks of is let in" pings "$1" "$2" 5
	is "$2: it was entering all the time" \
		$(($(nic nic0 rx_adds) + $(nic nic1 rx_adds) - adds)) 0
	for slow in nic0 nic1; do
		echo 0 > "$debug/$slow/add_delay_ms"
	done
	check "$2: and is in its slot then" wait_for 10 at "$(spi_in "$1")" hard
}

busy() { # a driver is asleep in xdo_dev_state_add()
	[ "$(cat "$debug/nic0/adding")$(cat "$debug/nic1/adding")" != 00 ]
}

try() { # K 4|6 TEXT
	tunnel "$1" "$2" replay-window 64
	escape "$1" "$2"
	must pings "$1" "$2" 5
	must ha cache pin eng0 "$(spi_in "$1")" software
	must wait_for 10 at "$(spi_in "$1")" software
	dropped "$3, IPv$2, in software"
	must ha cache unpin eng0 "$(spi_in "$1")"
	must pings "$1" "$2" 5
	must wait_for 10 at "$(spi_in "$1")" hard
	n=$(decrypted)
	dropped "$3, IPv$2, in a slot"
	is "$3, IPv$2: all were decrypted by a NIC" $(($(decrypted) - n)) 10
	check "$3, IPv$2, in a slot: what a policy speaks of is let in" pings "$1" "$2" 5
}

espnic_load slots=8
ha_load
wires
engine
must batch "$A" "link add lan type dummy" "link set lan up" "addr add 10.3.0.1/24 dev lan" \
	"addr add fd03::1/64 dev lan nodad" \
	"neigh add 10.3.0.2 lladdr 02:00:00:00:03:02 dev lan nud permanent" \
	"neigh add fd03::2 lladdr 02:00:00:00:03:02 dev lan nud permanent"
must on "$A" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
must batch "$B" "route add 10.3.0.0/24 via 192.0.2.1" "route add fd03::/64 via 2001:db8::1"
must ha engine set eng0 period 100
must ha engine set eng0 adopt all

offload=
try 1 4 "A4: adopted"
entering 1 4
no_tunnels
try 2 6 "A4: adopted"
entering 2 6
no_tunnels
offload=eng0
try 3 4 "A5: given to the device"
no_tunnels

# Not by this device's SAs: as ever.
offload=
tunnel 4 4 replay-window 64
must pings 4 4 5
must wait_for 10 at "$(spi_in 4)" hard
escape 4 4
must on "$A" sysctl -qw net.ipv4.conf.eng0.disable_policy=1
before=$(no_pols)
check "A5: eng0 does without policies: let in" on "$B" ping -q -c 5 -i 0.01 -W 0.5 -I 10.2.0.99 "$ia"
is "A5: and nothing is counted" $(($(no_pols) - before)) 0
ktap_finished
