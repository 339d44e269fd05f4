#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# In a guest: two gateways in one kernel that mirror $SAS SAs in $GROUPS groups, G1 active. A line
# "@@mark NAME" before and after what costs CPU time, which the host counts, and answers; "@@settle
# NAME" where it answers when nothing goes on any more. "@@figure NAME {...}": of scale-load.

# shellcheck disable=SC2153	# GROUPS is bash's, of the user
N=$GROUP_COUNT
PER=2
[ "$N" = 1 ] || PER=$((SAS / N))

die() {
	echo "@@bad $* $(dmesg | tail -n 2 | tr '\n' ' ')"
	exit 1
}

must() {
	"$@" || die "$*"
}

mark() { # NAME
	echo "@@mark $1"
	read -r _
}

settle() { # NAME
	echo "@@settle $1"
	read -r _
}

figure() { # NAME SCALE-LOAD-ARG...
	local out

	out=$(scale-load "${@:2}") || die "$*"
	echo "@@figure $1 $out"
}

count() { # NAME SCALE-LOAD-ARG...: with the CPU time until all is quiet
	mark "$1"
	figure "$@"
	settle "$1"
}

memory() { # NAME: KiB that are free, or would be
	local free=0 key value

	settle "$1"
	echo 3 > /proc/sys/vm/drop_caches
	while read -r key value _; do
		case $key in
		MemFree: | Buffers: | Cached: | SReclaimable:) free=$((free + value)) ;;
		esac
	done < /proc/meminfo
	echo "@@figure $1 {\"free\": $free}"
}

exec {pipe}<> <(:)
in_sync() { # it is, or will be: a host with other work lets a guest seem to be quiet
	local i

	for ((i = 0; i < 1200; i++)); do
		[[ $(xfrm-ha -N G1 -j link show) != *'"up"'* ]] || return 0
		read -r -t 0.1 -u "$pipe" _
	done
	return 1
}

mirror() { # with the device of the link down
	must insmod "$XFRM_HA_KO"
	must xfrm-ha -N G1 node set sa-limit $((2 * SAS + 1000)) orphan-limit $((2 * SAS + 1000))
	must xfrm-ha -N G2 node set sa-limit $((2 * SAS + 1000)) orphan-limit $((2 * SAS + 1000))
	must xfrm-ha -N G1 link add sync peer 02:00:00:00:01:02 key /run/key
	must xfrm-ha -N G2 link add sync peer 02:00:00:00:01:01 key /run/key
}

for ns in G1 G2; do
	must ip netns add $ns
	must ip -n $ns link set lo up
done
must ip link add sync netns G1 address 02:00:00:00:01:01 type veth \
	peer name sync netns G2 address 02:00:00:00:01:02
must ip -n G1 link set sync up
must xfrm-ha keygen /run/key

# What the module needs without an SA.
memory none_before
mirror
must scale-load groups G2 "$N" standby > /dev/null
must scale-load groups G1 "$N" standby > /dev/null
memory none_after
must rmmod xfrm_ha

figure add_plain add G1 "$SAS" "$PER"
count flush_plain flush G1
figure add_plain add G1 "$SAS" "$PER"
must scale-load add G2 "$SAS" "$PER" > /dev/null
memory before
mirror
count groups groups G2 "$N" standby
must scale-load groups G1 "$N" active > /dev/null
settle made
mark sync
figure sync meet G2 sync
mark sync
settle synced
memory after
figure dump_all dump G1
figure dump_group dump G1 g1
figure release release G1 G2 "$N"
settle released
figure release release G2 G1 "$N"
settle released
in_sync || die "not in sync"
figure lose lose G2 sync "$N"
settle lost
must ip -n G2 link set sync up
settle met
in_sync || die "not in sync again"
# The peer is told of each SA that has gone.
count flush_mirrored flush G1
[ "$(xfrm-ha -N G1 -j sa show)" = '[]' ] || die "SAs are left"
count add_mirrored add G1 "$SAS" "$PER"
in_sync || die "not in sync at the end"
must rmmod xfrm_ha
