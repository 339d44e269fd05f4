#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: jq
# tap: any
# timeout: 300
#
# M9: of each group that is taken over there is a notification, of however many at once: who
# reroutes depends on it.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"

groups=${GROUPS_AT_ONCE:-250}

all() { # ROLE: all groups of G2 have it
	ask "$G2" group show
	spawn -r jq "map(select(.role == \"$1\" and .peer_synced)) | length" <<<"$REPLY"
	[ "$REPLY" = "$groups" ]
}

ask_told() { # EVENT: groups of which G2 has said it
	# shellcheck disable=SC2016	# awk's
	spawn -r awk -F '[^0-9A-Za-z_]+' -v event="$1" '
		$0 ~ event { for (i = 1; i <= NF; i++) if ($i ~ /^g[0-9]+$/) said[$i] }
		END { for (group in said) n++; print n + 0 }' /run/events
}

told() { # EVENT
	ask_told "$1"
	echo "$REPLY"
}

listens() { # the monitor, to what this says
	ha "$G2" group set g1 interval 32
	grep -q group-set /run/events
}

all_told() {
	ask_told takeover
	[ "$REPLY" = "$groups" ]
}

ha_load
topology
links
for ((n = 1; n <= groups; n++)); do
	ha "$G2" group add "g$n" reqid "$n" role standby || bail "no group"
	ha "$G1" group add "g$n" reqid "$n" role active || bail "no group"
done
must wait_for 20 all standby
ip netns exec "$G2" "$XFRM_HA_DIR/tools/xfrm-ha/xfrm-ha" monitor > /run/events &
monitor=$!
must wait_for 10 listens
before=$(stat "$G2" event_limit)
cut
check "M9: the peer is lost: each group is taken over, and that is said" wait_for 20 all_told
say "$(told takeover) of $groups"
is "M9: no notification was one too many" $(($(stat "$G2" event_limit) - before)) 0
mend
stopped $monitor
check "the module leaves" ha_unload
ktap_finished
