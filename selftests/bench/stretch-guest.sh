#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# In a guest: two gateways in one kernel with $SAS SAs in one group, as scale-guest.sh. A line
# "@@stretch PHASE {...}" for each: times of the guest's clock, and the longest time for which a softirq
# had to wait meanwhile. With $TRACE_US, who has bottom halves disabled for so long is traced. With
# $MARK, the name of a phase, its instructions are counted.

die() {
	echo "@@bad $* $(dmesg | tail -n 2 | tr '\n' ' ')"
	exit 1
}

must() {
	"$@" || die "$*"
}

exec {pipe}<> <(:)
nap() { # SECONDS
	read -r -t "$1" -u "$pipe" _ || :
}

probe=/sys/module/stretch/parameters

phase() { # NAME SCALE-LOAD-ARG...
	local out mark=() disabled serving by_disabled by_serving

	[ "$MARK" != "$1" ] || mark=(mark)
	[ -n "$MARK" ] || echo 1 > $probe/reset
	[ -z "$TRACE_US" ] || echo "$TRACE_US" > $probe/trace_us
	out=$(yes '' | scale-load "${mark[@]}" "${@:2}" 2>/dev/null) || die "$*"
	# What goes on after it belongs to it.
	nap 2
	[ "$MARK" != "$1" ] || must scale-load marked
	[ -z "$MARK" ] || return 0
	read -r disabled by_disabled < $probe/disabled
	read -r serving by_serving < $probe/serving
	[ -z "$TRACE_US" ] || dmesg -c | sed 's/^/# /'
	echo "@@stretch $1 {\"disabled\": $disabled, \"by_disabled\": \"$by_disabled\"," \
		"\"serving\": $serving, \"by_serving\": \"$by_serving\", ${out#\{}"
}

for ns in G1 G2; do
	must ip netns add $ns
	must ip -n $ns link set lo up
done
must ip link add sync netns G1 address 02:00:00:00:01:01 type veth \
	peer name sync netns G2 address 02:00:00:00:01:02
must ip -n G1 link set sync up
must xfrm-ha keygen /run/key
must scale-load add G1 "$SAS" 2 > /dev/null
must scale-load add G2 "$SAS" 2 > /dev/null
must insmod "$XFRM_HA_KO"
[ -n "$MARK" ] || must insmod /stretch.ko us=50
for ns in G1:2 G2:1; do
	must xfrm-ha -N ${ns%:*} node set sa-limit $((SAS + 1000)) orphan-limit $((SAS + 1000))
	must xfrm-ha -N ${ns%:*} link add sync peer 02:00:00:00:01:0${ns#*:} key /run/key
done
phase groups groups G2 1 standby
phase active groups G1 1 active
phase sync meet G2 sync
phase dump dump G1
phase release release G1 G2 1
phase back release G2 G1 1
phase lose lose G2 sync 1
must ip -n G2 link set sync up
nap 3
phase flush flush G1
if [ -n "$MARK" ]; then
	gzip -c /proc/kallsyms > /run/symbols
	base64 /run/symbols > /run/lines
	sed 's/^/@@symbols /' /run/lines
	# All of it is read before the guest ends.
	nap 1
fi
