#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tap: any
# timeout: 200
#
# N16, invariant I6: many SAs. The limits follow from memory, and the user is told before one is reached,
# once. How many SAs a gateway lacks is not said for each of those that go at once.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"

SAS=500

sas_of() { # NAMESPACE COUNT
	[ "$(group "$1" vpn sas)" = "$2" ]
}

orphans() { # NAMESPACE COUNT
	[ "$(link_field "$1" sync orphans)" = "$2" ]
}

missing() { # NAMESPACE COUNT
	[ "$(group "$1" vpn missing)" = "$2" ]
}

missed() { # NAMESPACE COUNT: by the other gateway, as it says
	[ "$(group "$1" vpn peer_missing)" = "$2" ]
}

install() { # NAMESPACE
	must ip -n "$1" -batch /run/batch
	must wait_for 30 sas_of "$1" $SAS
}

events() { # NAMESPACE NAME
	grep -c " $2" "/run/events-$1"
}

told() { # NAMESPACE NAME
	[ "$(events "$@")" -ge 1 ]
}

ha_load
topology
for ns in "$G1" "$G2"; do
	ip netns exec "$ns" "$XFRM_HA_DIR/tools/xfrm-ha/xfrm-ha" monitor > "/run/events-$ns" &
	at_exit stopped $!
done
links heartbeat 500
groups vpn reqid 9

# One SA for each 8 KiB of memory, one orphan for each 16.
memory=$(awk '/^MemTotal/ { print $2 }' /proc/meminfo)
is "N16: sa-limit follows from memory" "$(ha "$G1" -j node show | jq '.[0].sa_limit')" $((memory / 8))
is "and orphan-limit" "$(ha "$G1" -j node show | jq '.[0].orphan_limit')" $((memory / 16))

for ((i = 0; i < SAS; i++)); do
	echo "xfrm state add src 192.0.2.1 dst 192.0.2.9 proto esp spi $((0x10000 + i)) reqid 9" \
		"mode tunnel enc ecb(cipher_null) \"\""
done > /run/batch

# Both limits are reached, but for none too many.
must ha "$G1" node set sa-limit $SAS
must ha "$G2" node set orphan-limit $SAS
install "$G1"
check "I6: sa-limit-near: the user is told" wait_for 10 told "$G1" sa-limit-near
is "once" "$(stat "$G1" sa_limit_near) $(stat "$G1" sa_limit)" "1 0"
check "the other gateway has orphans" wait_for 30 orphans "$G2" $SAS
check "I6: orphan-limit-near: the user is told" wait_for 10 told "$G2" orphan-limit-near
is "once" "$(stat "$G2" orphan_limit_near) $(stat "$G2" orphan_limit)" "1 0"
is "nor was there another limit near" "$(stat "$G1" orphan_limit_near) $(stat "$G2" sa_limit_near)" "0 0"

# Its own come: none is missing any more.
install "$G2"
for ns in "$G1" "$G2"; do
	must wait_for 30 orphans "$ns" 0
	must wait_for 30 missing "$ns" 0
done

frames=$(stat "$G1" frame_tx)
must ip -n "$G1" xfrm state flush
check "$SAS SAs go at once" wait_for 30 missing "$G1" $SAS
check "and the other gateway hears how many" wait_for 30 missed "$G2" $SAS
between "N16: in less than a frame for two" $(($(stat "$G1" frame_tx) - frames)) 1 $((SAS / 2))
# What was left is below the limit: it is reached anew.
install "$G1"
check "N16: they come again, and the limit is near again" wait_for 10 counter "$G1" sa_limit_near 2
for ns in "$G1" "$G2"; do
	must wait_for 30 missing "$ns" 0
done
is "no SA was above it" "$(stat "$G1" sa_limit)" 0
check "the module leaves" ha_unload
ktap_finished
