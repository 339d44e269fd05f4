#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# shellcheck disable=SC2154	# G1, G2, had_1, had_2
#
# In a guest, gateway $N of two with daemons: $SAS SAs of gateway 1 come to gateway 2; then $COUNT of them
# are replaced, $RATE a second. "@@NAME VALUE"; "@@ask NAME" where it goes on when
# the host says so.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/had.sh"
. "$(dirname "$0")/../lib/relay.sh"

LOAD=$XFRM_HA_DIR/selftests/bench/relay-load
NS=G$N

pause() { # NAME
	echo "@@ask $1"
	read -r _
}

memory() { # octets of the daemon that are there
	awk '/^VmRSS/ { print 1024 * $2 }' "/proc/$1/status"
}

status() { # FIELD
	ha "${!NS}" -j status | jq ".[] | select(.kind == \"relay\") | .$1"
}

# What waits: at the daemon, unacknowledged, and octets in its sockets.
sample() { # PID
	local inodes

	while sleep 1; do
		inodes=$(stat -Lc %i /proc/"$1"/fd/* 2>/dev/null | tr '\n' ' ')
		echo "@@messages $(status unacknowledged)"
		echo "@@octets $(awk -v inodes=" $inodes " \
			'index(inodes, " " $10 " ") { n += $5 } END { print n + 0 }' /proc/"$1"/net/netlink)"
	done
}

ha_load
netns "$NS"
must ip link set eth0 netns "${!NS}" name sync
must ip -n "${!NS}" link set sync up address "02:00:00:00:01:0$N"
keygen /run/key
echo "$LINK_KEY" > /run/key
relay_conf "$N" role = standby
sed -i "1i sa-limit = $((2 * (SAS + COUNT)))\norphan-limit = $((2 * (SAS + COUNT)))" "/run/conf$N"
[ "$N" = 2 ] || must "$LOAD" add "$G1" "$SAS"
had "$N" "/run/conf$N"
pid=had_$N
pid=${!pid}
must wait_for 60 link_state "${!NS}" up
before=$(memory "$pid")
if [ "$N" = 2 ]; then
	"$LOAD" follow "$G2" "$SAS" "$COUNT" &
	pause rekeys
	echo "@@memory $((($(memory "$pid") - before) / SAS))"
	pause rekeyed
	wait
else
	pause snapshot
	must ha "$G1" takeover vpn allow-missing
	pause rekeys
	echo "@@memory $((($(memory "$pid") - before) / SAS))"
	sample "$pid" &
	sampler=$!
	"$LOAD" rekey "$G1" "$SAS" "$RATE" "$COUNT"
	pause rekeyed
	kill "$sampler"
	wait "$sampler" 2>/dev/null
	echo "@@snapshots $(status snapshots)"
fi
stopped "$pid"
