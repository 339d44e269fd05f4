#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# N16: of 1,000 SAs in 1 and in 100 groups: memory of the module, and that each group's takeover is
# told. The times that bench-scale measures are shown, and not judged: they depend on the host.

. "$(dirname "$0")/../lib/ktap.sh"

results=$(mktemp)
at_exit rm -f "$results"
"$XFRM_HA_DIR/selftests/bench/scale" --quick > "$results"
status=$?

sed 's/^/# /' "$results"
is "its bars are met" $status 0
ktap_finished
