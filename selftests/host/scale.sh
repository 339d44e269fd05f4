#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# N16: of 1,000 SAs in 1 and in 100 groups that are taken over at a time each takeover is told. What
# else bench-scale measures is shown, and not judged: it depends on the host.

. "$(dirname "$0")/../lib/ktap.sh"

results=$(mktemp)
at_exit rm -f "$results"
"$XFRM_HA_DIR/selftests/bench/scale" --quick > "$results"
status=$?

sed 's/^/# /' "$results"
is "N16: no event of a takeover is lost" $status 0
ktap_finished
