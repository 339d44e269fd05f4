#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# In a guest: an engine device with $SAS SAs, half of them outbound, a NIC with $SLOTS slots per
# direction. A line "@@idle NANOSECONDS" for each tick that is looked at, and one of "@@moved" for
# each before which all SAs have had packets.

. "$(dirname "$0")/../lib/engine.sh"

die() {
	echo "@@bad $*"
	exit 1
}

must() {
	"$@" || die "$*"
}

exec {pipe}<> <(:)
nap() {
	read -r -t 0.3 -u "$pipe" _ || :
}

on() {
	ip netns exec "$@"
}

# shellcheck disable=SC2034	# lib/engine.sh's
A=A
insmod "$XFRM_HA_MODULES/espnic/espnic.ko" slots="$SLOTS" || die "no espnic"
insmod "$XFRM_HA_KO" || die "no module"
must ip netns add A
must ip -n A link set lo up
must ip -n A link add nic0 type espnic
must ip -n A link add link nic0 name wire0 type espnic
must ip -n A link set wire0 up
must ip -n A link add eng0 type xfrm_engine
must ip -n A link set nic0 master eng0
must ip -n A link set eng0 up

for ((i = 1; i <= SAS / 2; i++)); do
	for way in "out 192.0.2.1 192.0.2.2" "in 192.0.2.2 192.0.2.1"; do
		read -r dir src dst <<< "$way"
		echo "xfrm state add src $src dst $dst proto esp spi $((0x10000 + i)) mode tunnel" \
			"aead rfc4106(gcm(aes)) $KEY 128 offload dev eng0 dir $dir"
	done
done > /tmp/batch
error=$(ip -n A -batch /tmp/batch 2>&1) || die "$(tail -n 2 <<< "$error" | tr "\n" " ") $(dmesg | tail -n 3 | tr "\n" " ") after $(ip -n A xfrm state count)"

look() { # ticks and their time, once there is another tick
	last_ticks=$ticks last_time=$time
	while [ "$(eng .ticks)" = "$last_ticks" ]; do
		nap
	done
	read -r ticks time < <(eng '"\(.ticks) \(.tick_time)"')
}
tick() { # idle|moved
	echo "@@$1 $(((time - last_time) / (ticks - last_ticks)))"
}
packets() {
	eng '.packets_hard + .packets_soft'
}

ticks=0 time=0
# The first ones fill the slots.
for i in {1..6}; do
	look
done
for i in {1..10}; do
	look
	tick idle
done
must ha engine set eng0 period 10000
look
for i in {1..10}; do
	before=$(packets)
	look
	counted=$("$(dirname "$0")/count" A) || die "count"
	[ "$counted" = "$SAS" ] || die "$counted SAs were counted"
	look
	[ $(($(packets) - before)) -ge "$SAS" ] || die "packets were not counted: $before, $(packets)"
	tick moved
done
[ "$(eng .sas)" = "$SAS" ] || die "$(eng .sas) SAs"
eng '"@@hard \(.hard)"'
