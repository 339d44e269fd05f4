#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# In a guest: an engine device with $SAS SAs, half of them outbound, a NIC with $SLOTS slots per
# direction. A line "@@tick NANOSECONDS" for each tick that is looked at.

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

for ((i = 0; i < 12; i++)); do
	read -r ticks time < <(eng '"\(.ticks) \(.tick_time)"')
	# The first ones fill the slots.
	[ $i -lt 2 ] || echo "@@tick $(((time - last_time) / (ticks - last_ticks)))"
	last_ticks=$ticks last_time=$time
	while [ "$(eng .ticks)" -lt $((last_ticks + 3)) ]; do
		nap
	done
done
[ "$(eng .sas)" = "$SAS" ] || die "$(eng .sas) SAs"
eng '"@@hard \(.hard)"'
