#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# In a guest with two CPUs: how many packets per second a gateway decrypts that come in on
# one of them, in eight tunnels between the same two addresses, in the set-ups none, rps and
# forwarder, in turn, $ROUNDS times. A line "@@bench WHAT SET-UP PACKETS-PER-SECOND" each.

KEY=0x0123456789012345678901234567890123456789
TUNNELS=8 ROUNDS=${ROUNDS:-5} N=${N:-4000}

die() {
	echo "@@bad $*"
	exit 1
}

exec {pipe}<> <(:)
nap() {
	read -r -t 0.05 -u "$pipe" _ || :
}

topology() {
	for ns in G P; do
		ip netns add $ns || die "no netns"
	done
	ip link add wan netns G address 02:00:00:00:02:01 type veth \
		peer name wan netns P address 02:00:00:00:02:09
	for ns in G P; do
		ip -n $ns link set lo up
		ip -n $ns link set wan up
	done
	ip -n G addr add 192.0.2.1/24 dev wan
	ip -n P addr add 192.0.2.9/24 dev wan
	ip -n P addr add 10.2.0.1/32 dev lo
	ip -n P neigh add 192.0.2.1 lladdr 02:00:00:00:02:01 dev wan nud permanent
	ip -n P route add 10.1.0.0/16 via 192.0.2.1 src 10.2.0.1
	# What was decrypted has done its duty.
	ip -n G route add blackhole 10.1.0.0/16
	ip netns exec G python3 -c '
import signal, socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 4500))
s.setsockopt(socket.IPPROTO_UDP, 100, 2)
print("ready", flush=True)
signal.pause()' > /run/udp &
	until grep -q ready /run/udp; do nap; done
}

tunnels() { # esp|udp
	local encap=() k ns

	[ "$1" = esp ] || encap=(encap espinudp 4500 4500 0.0.0.0)
	for ns in G P; do
		ip -n $ns xfrm state flush
		ip -n $ns xfrm policy flush
		for ((k = 1; k <= TUNNELS; k++)); do
			ip -n $ns xfrm state add src 192.0.2.9 dst 192.0.2.1 proto esp \
				spi $((0x1000 + k)) reqid $k mode tunnel replay-window 0 \
				aead 'rfc4106(gcm(aes))' $KEY 128 "${encap[@]}" || die "no SA"
			ip -n $ns xfrm policy add src 10.2.0.1 dst 10.1.0.$k \
				dir "$([ $ns = P ] && echo out || echo in)" \
				tmpl src 192.0.2.9 dst 192.0.2.1 proto esp reqid $k mode tunnel
		done
	done
}

measure() { # WHAT SET-UP
	local pid='' got

	case $2 in
	rps)
		ip netns exec G sh -c 'echo 3 > /sys/class/net/wan/queues/rx-0/rps_cpus'
		;;
	forwarder)
		xfrm-ha -N G forwarder run wan cpus 0,1 native >/dev/null &
		pid=$!
		until xfrm-ha -N G forwarder show wan >/dev/null 2>&1; do
			kill -0 $pid || die "no forwarder"
			nap
		done
		;;
	esac
	got=$(flood P wan G $TUNNELS "$N") || die "the flood failed"
	[ "$1" = warm ] || echo "@@bench $1 $2 $got"
	[ -z "$pid" ] || { kill $pid; wait $pid; }
	ip netns exec G sh -c 'echo 0 > /sys/class/net/wan/queues/rx-0/rps_cpus'
}

topology
tunnels esp
measure warm none
for ((round = 0; round < ROUNDS; round++)); do
	for what in esp udp; do
		tunnels $what
		for setup in none rps forwarder; do
			measure $what $setup
		done
	done
done
