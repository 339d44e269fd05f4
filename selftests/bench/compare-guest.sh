#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# In a guest: what mirrors $SAS SAs from G1 to G2, each of $PLAN in turn, with the same bounds of what
# the mirror may be behind: an update after 64 packets or 100 ms, which waits 8 ms for others.
#
#	off		nothing
#	module		this one
#	xfrm-sync	Documentation/networking/xfrm_sync.rst, as it stands there
#	relay		aevent-relay, which writes what comes into the other kernel at once
#	commit		ditto, at the takeover
#
# Packets leave G1 by a device that drops them. A line "@@compare NAME PHASE {...}" for each of: cost,
# lag (both at $RATE packets a second, for $MS), overload ($OVERLOAD ms), starve (ditto, and nobody else
# runs before all packets are sent), counters, takeover. $PHASES: those of them that are wanted.

die() {
	echo "@@bad $*"
	exit 1
}

must() {
	"$@" || die "$*"
}

say() { # NAME PHASE JSON
	echo "@@compare $1 $2 $3"
}

nap() {
	read -r -t 0.02 -u "$pipe" _ || :
}
exec {pipe}<> <(:)

until_that() { # TEXT COMMAND...: says TEXT
	local text=$1 i

	shift
	for ((i = 0; i < 1500; i++)); do
		[[ $("$@") != *"$text"* ]] || return 0
		nap
	done
	die "no '$text' from: $*"
}

topology() {
	local ns

	for ns in G1 G2; do
		must ip netns add $ns
		must ip -n $ns link set lo up
		must ip netns exec $ns bash -c 'echo 64 >/proc/sys/net/core/xfrm_aevent_rseqth
			echo 1 >/proc/sys/net/core/xfrm_aevent_etime'
	done
	must ip link add sync netns G1 address 02:00:00:00:01:01 type veth \
		peer name sync netns G2 address 02:00:00:00:01:02
	must ip -n G1 link add wan address 02:00:00:00:00:03 type dummy
	ip -n G1 addr add 192.0.2.1/24 dev wan
	ip -n G2 addr add 192.0.2.1/32 dev lo
	ip -n G1 addr add 198.51.100.1/24 dev sync
	ip -n G2 addr add 198.51.100.2/24 dev sync
	for ns in G1:wan G1:sync G2:sync; do
		must ip -n ${ns%:*} link set ${ns#*:} up
	done
	must ip -n G1 route add 10.128.0.0/9 via 192.0.2.9
	ip -n G1 neigh add 192.0.2.9 lladdr 02:00:00:00:00:04 dev wan nud permanent
	ip -n G1 neigh add 198.51.100.2 lladdr 02:00:00:00:01:02 dev sync nud permanent
	ip -n G2 neigh add 198.51.100.1 lladdr 02:00:00:00:01:01 dev sync nud permanent
	must compare-load add G1 "$SAS" policies
	must compare-load add G2 "$SAS"
}

again() { # SAs that have sent nothing
	local ns

	for ns in G1 G2; do
		must ip -n $ns xfrm state flush
		must compare-load add $ns "$SAS"
	done
}

mirror() {
	local ns

	must insmod "$XFRM_HA_KO"
	[ -e /run/key ] || must xfrm-ha keygen /run/key
	for ns in G1:2 G2:1; do
		must xfrm-ha -N "${ns%:*}" node set sa-limit $((SAS + 1000)) orphan-limit $((SAS + 1000))
		must xfrm-ha -N "${ns%:*}" link add sync peer 02:00:00:00:01:0${ns#*:} key /run/key
	done
	must xfrm-ha -N G2 group add g1 role standby on-peer-loss takeover interval 64 max-age 100
	must xfrm-ha -N G1 group add g1 role active on-peer-loss takeover interval 64 max-age 100
	until_that '"active"' xfrm-ha -N G1 -j group show
	until_that '"up"' xfrm-ha -N G1 -j link show
}

# Each program's output is read once it has said that it is ready; what it is asked comes by a pipe.
start() { # NAME COMMAND...: $NAME_in, $NAME_out, $NAME_pid
	local -n in=$1_in out=$1_out pid=$1_pid

	rm -f "/run/$1"
	mkfifo "/run/$1"
	exec {out}< <(exec "${@:2}" < "/run/$1")
	pid=$!
	exec {in}> "/run/$1"
	read -r _ <&"$out" || die "${*:2}"
}

stop() { # NAME
	local -n in=$1_in out=$1_out pid=$1_pid

	kill "$pid"
	exec {in}>&- {out}<&-
}

relay() { # MODE
	start rx aevent-relay "$1" G2 198.51.100.2 8192
	start tx aevent-relay send G1 198.51.100.1 198.51.100.2 8000
}

sync() {
	start rx xfrm-sync receive G2 198.51.100.2
	start tx xfrm-sync send G1 198.51.100.1 198.51.100.2
}

drops() { # of events that nobody could take, and of datagrams
	local ns n=0 line

	while read -r -a line; do
		# The column after those of the socket's memory and references.
		[ "${line[1]}" != 6 ] || n=$((n + line[8]))
	done < <(ip netns exec G1 cat /proc/net/netlink)
	while read -r -a line; do
		[ "${line[0]}" = sl ] || n=$((n + line[12]))
	done < <(ip netns exec G2 cat /proc/net/udp)
	echo "$n"
}

arrived() { # datagrams
	local -a line

	while read -r -a line; do
		[[ "${line[0]}" != Udp: || "${line[1]}" = In* ]] || echo "${line[1]}"
	done < <(ip netns exec G2 cat /proc/net/snmp)
}

# shellcheck disable=SC2154	# start() sets rx_in and the like
counters() { # NAME
	local line

	case $1 in
	module)
		say module counters "$(xfrm-ha -N G1 -j stat show | tr -d '\n')"
		return
		;;
	xfrm-sync) say "$1" counters "{\"lost\": $(drops), \"updates\": $(arrived)}" ;;
	relay | commit)
		echo >&"$tx_in"
		read -r line <&"$tx_out"
		say "$1" counters "{\"lost\": $(drops), ${line#\{}"
		;;
	esac
}

# shellcheck disable=SC2154
takeover() { # NAME
	local line

	case $1 in
	module)
		line=$(yes '' | scale-load lose G2 sync 1 2>/dev/null) || die "no takeover"
		;;
	relay | commit)
		echo >&"$rx_in"
		read -r line <&"$rx_out"
		;;
	*) return ;;
	esac
	say "$1" takeover "$line"
}

load() { # NAME PHASE RATE MS EVERY [first]
	local out quantity=8192

	[[ " first $PHASES " = *" $2 "* ]] || return 0
	[ "$1" != xfrm-sync ] || quantity=0
	out=$(compare-load run G1 G2 "$SAS" $quantity "${@:3}") || die "$1 $2"
	say "$1" "$2" "$out"
}

measure() { # NAME
	[ "$1" = off ] || again
	case $1 in
	module) mirror ;;
	xfrm-sync) sync ;;
	relay) relay eager ;;
	commit) relay commit ;;
	esac
	# Each SA is known, and told of once, before anything is counted.
	[ "$1" = off ] || load "$1" first "$RATE" $((SAS * 1000 / RATE + 10)) 0
	counters "$1"
	load "$1" cost "$RATE" "$MS" 0
	counters "$1"
	case $1 in
	module | xfrm-sync | relay)
		load "$1" lag "$RATE" "$MS" 53
		load "$1" overload 0 "$OVERLOAD" 53
		counters "$1"
		load "$1" starve 0 "$OVERLOAD" 53 first
		counters "$1"
		;;
	esac
	takeover "$1"
	case $1 in
	module)
		must rmmod xfrm_ha
		must ip -n G2 link set sync up
		;;
	off) ;;
	*)
		stop tx
		stop rx
		;;
	esac
	wait 2>/dev/null
}

topology
compare-load run G1 G2 "$SAS" 0 "$RATE" 100 0 >/dev/null || die "no load"
for name in $PLAN; do
	measure "$name"
done
