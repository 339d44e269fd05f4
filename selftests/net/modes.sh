#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# timeout: 300
#
# M1 M2 M4: every kind of SA is mirrored as it is installed: both families, tunnel
# and transport, all replay modes, UDP encapsulation, output marks, SAs older
# than the module; records come at the interval; the window's bitmap travels.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"

# Installed, carrying 30 packets each way, mirrored, taken over, carrying 10 more.
mode() { # NAME SPI 4|6 MODE ADDRESS [OPTION...]
	local name=$1 spi=$2 family=$3 mode=$4 to=$5

	shift 5
	sas "$spi" "$family" "$mode" "$G1 $G2 $P" "$@"
	policies "$spi" "$family" "$mode"
	pings 30 "$to" || fail "$name: no traffic"
	wait_for 5 mirrored "$G1" $((spi + 1))
	wait_for 5 mirrored "$G1" $((spi + 2))
	is "$name: outbound" "$(sa "$G2" $((spi + 1)) .oseq)" 10030
	is "$name: inbound" "$(sa "$G2" $((spi + 2)) .seq)" 30
	is "$name: packets" "$(sa "$G2" $((spi + 2)) .packets)" 30
	must ha "$G2" takeover vpn force
	wait_for 5 role "$G1" vpn standby
	# It may send when its peer has acknowledged a lease.
	wait_for 5 mirrored "$G2" $((spi + 1))
	wait_for 5 hold "$G2" $((spi + 1)) -
	reroute 2
	check "$name: goes on" pings 10 "$to"
	wait_for 5 mirrored "$G2" $((spi + 1))
	must ha "$G1" takeover vpn
	wait_for 5 role "$G1" vpn active
	reroute 1
	no_sas
	wait_for 10 gone "$G1"
	wait_for 10 gone "$G2"
}

gone() { # NAMESPACE
	[ "$(group "$1" vpn sas)" = 0 ]
}

topology
# Older than the module
sas 0x1000 4 tunnel "$G1 $G2" replay-window 32
ha_load
oracle_start
links
groups vpn interval 16 quantity 10000
is "SAs older than the module" "$(group "$G1" vpn sas) $(group "$G2" vpn sas)" "2 2"
for ns in "$G1" "$G2"; do
	must ip -n "$ns" xfrm state flush
done
wait_for 10 gone "$G1"
wait_for 10 gone "$G2"

mode "IPv4 tunnel, legacy" 0x1100 4 tunnel 10.1.0.1 replay-window 32
mode "IPv4 tunnel, bitmap" 0x1200 4 tunnel 10.1.0.1 replay-window 128
mode "IPv4 tunnel, ESN" 0x1300 4 tunnel 10.1.0.1 replay-window 128 flag esn
mode "IPv6 tunnel, legacy" 0x1400 6 tunnel fd01::1 replay-window 32
mode "IPv6 tunnel, ESN" 0x1500 6 tunnel fd01::1 replay-window 256 flag esn
mode "IPv4 transport" 0x1600 4 transport 192.0.2.1 replay-window 32
mode "IPv6 transport" 0x1700 6 transport 2001:db8::1 replay-window 64
for ns in "$G1" "$G2" "$P"; do
	espinudp "$ns" "/run/udp.$ns"
done
mode "UDP encapsulation" 0x1800 4 tunnel 10.1.0.1 replay-window 32 \
	encap espinudp 4500 4500 0.0.0.0
mode "output mark" 0x1900 4 tunnel 10.1.0.1 replay-window 32 output-mark 0x7

# The bitmap: with it the standby knows of numbers that were skipped.
must ha "$G1" group set vpn bitmap on
must ha "$G2" group set vpn bitmap on
sas 0x2000 4 tunnel "$G1 $G2 $P" replay-window 128 flag esn
policies 0x2000 4 tunnel
pings 20
must ip -n "$P" xfrm state flush
sas 0x2000 4 tunnel "$P" replay-window 128 flag esn replay-oseq 40
pings 20
wait_for 5 mirrored "$G1" 0x2002
bitmap() { # NAMESPACE
	ip -n "$1" -d xfrm state get dst 192.0.2.1 proto esp spi 0x2002 | grep -A 9 'bitmap-length\|seq-hi'
}
is "M4: right edge with the bitmap" "$(sa "$G2" 0x2002 .seq)" 60
is "M4: the bitmap is the same" "$(bitmap "$G2" | tail -n 2)" "$(bitmap "$G1" | tail -n 2)"
oracle_verdict "I1: no number was used twice" 0x1101 0x1201 0x1301 0x1401 0x1501 0x1601 0x1701 \
	0x1801 0x1901 0x2001
check "the module leaves" ha_unload
ktap_finished
