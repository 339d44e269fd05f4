#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# In a guest: what a packet costs through an ESP gateway, in each of the
# configurations named in $PLAN, one after the other. $CIPHER is null or gcm,
# $ROUNDS the number of packets each way.
#
#    A --- G1 === B      G1: gateway, active; B: remote end of the tunnel
#          | sync        G2: gateway, standby, in the same kernel, so that
#          G2                what it does is counted, too
#
# Configurations: off; TAP:loaded (the module, and no group); TAP:INTERVAL and
# TAP:INTERVAL:OPTION (batch0: a frame for every record; insecure), watch: as in
# docs/upstream; user:INTERVAL (xfrm-sync instead of the module). For each one a line
# "@@bench CONFIGURATION {cost} {distance}". $DELAY: of the link, each way (1ms);
# $STATS: show counters, $SYMBOLS: where functions are, too.

CIPHER=${CIPHER:-null} ROUNDS=${ROUNDS:-10000} PLAN=${PLAN:-off}
QUANTITY=${QUANTITY:-8192} DELAY=${DELAY:-}
KEY=0x0123456789012345678901234567890123456789

die() {
	echo "@@bad $*"
	exit 1
}

nap() {
	read -r -t 0.02 -u "$pipe" _ || :
}
exec {pipe}<> <(:)

until_that() { # TEXT COMMAND...: says TEXT
	local text=$1 i

	shift
	for ((i = 0; i < 500; i++)); do
		[[ $("$@") != *"$text"* ]] || return 0
		nap
	done
	die "no '$text' from: $*"
}

topology() {
	local ns

	for ns in A B G1 G2; do
		ip netns add $ns || die "no netns"
		ip -n $ns link set lo up
	done
	ip link add host netns A address 02:00:00:00:00:01 type veth \
		peer name lan netns G1 address 02:00:00:00:00:02
	ip link add wan netns G1 address 02:00:00:00:00:03 type veth \
		peer name wan netns B address 02:00:00:00:00:04
	ip link add sync netns G1 address 02:00:00:00:01:01 type veth \
		peer name sync netns G2 address 02:00:00:00:01:02
	ip -n A addr add 10.1.0.2/24 dev host
	ip -n G1 addr add 10.1.0.1/24 dev lan
	ip -n G1 addr add 192.0.2.1/24 dev wan
	ip -n G2 addr add 192.0.2.1/32 dev lo
	ip -n G1 addr add 198.51.100.1/24 dev sync
	ip -n G2 addr add 198.51.100.2/24 dev sync
	ip -n B addr add 192.0.2.9/24 dev wan
	ip -n B addr add 10.2.0.1/32 dev lo
	for ns in A:host G1:lan G1:wan G1:sync G2:sync B:wan; do
		ip -n ${ns%:*} link set ${ns#*:} up
	done
	ip netns exec G1 bash -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
	ip -n A route add default via 10.1.0.1
	ip -n G1 route add 10.2.0.0/16 via 192.0.2.9
	ip -n B route add 10.1.0.0/16 via 192.0.2.1 src 10.2.0.1
	ip -n A neigh add 10.1.0.1 lladdr 02:00:00:00:00:02 dev host nud permanent
	ip -n G1 neigh add 10.1.0.2 lladdr 02:00:00:00:00:01 dev lan nud permanent
	ip -n G1 neigh add 192.0.2.9 lladdr 02:00:00:00:00:04 dev wan nud permanent
	ip -n B neigh add 192.0.2.1 lladdr 02:00:00:00:00:03 dev wan nud permanent
	ip -n G1 neigh add 198.51.100.2 lladdr 02:00:00:00:01:02 dev sync nud permanent
	ip -n G2 neigh add 198.51.100.1 lladdr 02:00:00:00:01:01 dev sync nud permanent
	ip -n G1 xfrm policy add src 10.1.0.0/24 dst 10.2.0.1 dir out \
		tmpl src 192.0.2.1 dst 192.0.2.9 proto esp reqid 1 mode tunnel
	ip -n G1 xfrm policy add src 10.2.0.1 dst 10.1.0.0/24 dir fwd \
		tmpl src 192.0.2.9 dst 192.0.2.1 proto esp reqid 1 mode tunnel
	ip -n B xfrm policy add src 10.2.0.1 dst 10.1.0.0/24 dir out \
		tmpl src 192.0.2.9 dst 192.0.2.1 proto esp reqid 1 mode tunnel
	ip -n B xfrm policy add src 10.1.0.0/24 dst 10.2.0.1 dir in \
		tmpl src 192.0.2.1 dst 192.0.2.9 proto esp reqid 1 mode tunnel
}

sa() { # NETNS SRC DST SPI
	local algo=(enc 'ecb(cipher_null)' '' auth digest_null '')

	[ "$CIPHER" = null ] || algo=(aead 'rfc4106(gcm(aes))' "$KEY" 128)
	ip -n "$1" xfrm state add src "$2" dst "$3" proto esp spi "$4" reqid 1 mode tunnel \
		replay-window 128 "${algo[@]}" || die "no SA"
}

sas() {
	local ns

	for ns in G1 G2 B; do
		ip -n $ns xfrm state flush
		sa $ns 192.0.2.1 192.0.2.9 0x1001
		sa $ns 192.0.2.9 192.0.2.1 0x1002
	done
}

load() { # [DISTANCE...]
	command load A 10.1.0.2 B 10.2.0.1 "$@"
}

mirror() { # INTERVAL OPTION
	local link=() ns peer

	case $2 in
	batch0) link=(batch 0) ;;
	esac
	[ "$2" = insecure ] && link+=(insecure) || link+=(key /run/key)
	[ -e /run/key ] || xfrm-ha keygen /run/key
	for ns in G1:2 G2:1; do
		peer=02:00:00:00:01:0${ns#*:}
		[ -z "$DELAY" ] || tc -n "${ns%:*}" qdisc replace dev sync root netem delay "$DELAY" ||
			die "no netem"
		xfrm-ha -N "${ns%:*}" link add sync peer "$peer" "${link[@]}" || die "no link"
	done
	xfrm-ha -N G2 group add g role standby quantity "$QUANTITY" interval "$1" || die "no group"
	xfrm-ha -N G1 group add g role active quantity "$QUANTITY" interval "$1" || die "no group"
	until_that '"active"' xfrm-ha -N G1 -j group show
	until_that '"up"' xfrm-ha -N G1 -j link show
}

user() {
	coproc RX { exec xfrm-sync receive G2 198.51.100.2; }
	read -r _ <&"${RX[0]}"
	exec {tx}< <(exec xfrm-sync send G1 198.51.100.1 198.51.100.2)
	tx_pid=$!
	read -r _ <&"$tx"
}

symbols() { # while the module is there
	[ -z "$SYMBOLS" ] || gzip -c /proc/kallsyms | base64 | sed 's/^/@@symbols /'
}

run() { # CONFIGURATION
	local config=$1 tap interval option cost distance ko

	IFS=: read -r tap interval option <<<"$config"
	case $tap in
	user)
		ip netns exec G1 bash -c "echo $interval >/proc/sys/net/core/xfrm_aevent_rseqth"
		sas
		user
		;;
	off)
		sas
		;;
	*)
		sas
		[ "$tap" = watch ] && ko=/watch.ko || ko=$XFRM_HA_KO
		insmod "$ko" "tap=$tap" || die "the module does not load"
		[ "$interval" = loaded ] || mirror "$interval" "$option"
		;;
	esac
	cost=$(load "$ROUNDS") || die "the load failed"
	case $config in
	off | *:loaded) ;;
	user:*) distance=$(load $((ROUNDS / 2)) G1 G2 0x1001 0) || die "the load failed" ;;
	*) distance=$(load $((ROUNDS / 2)) G1 G2 0x1001 "$QUANTITY") || die "the load failed" ;;
	esac
	echo "@@bench $config ${cost} ${distance:-{\}}"
	case $tap in
	user)
		kill "$tx_pid" "$RX_PID"
		wait 2>/dev/null
		exec {tx}<&-
		ip netns exec G1 bash -c "echo 2 >/proc/sys/net/core/xfrm_aevent_rseqth"
		;;
	off) symbols ;;
	*)
		[ -z "$STATS" ] || for ns in G1 G2; do
			echo "@@stat $ns"
			xfrm-ha -N $ns stat show
			xfrm-ha -N $ns link show
		done
		symbols
		rmmod xfrm_ha || die "the module does not leave"
		;;
	esac
}

topology
# Before the first figure: modules are loaded, caches are filled.
sas
load 500 >/dev/null
for config in $PLAN; do
	run "$config"
done
