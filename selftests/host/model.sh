#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The protocol as a model, searched exhaustively within bounds: N1 N6 N10, invariants I1 I3 I4.
# Each rule that the model knows how to break must be missed when it is broken.

. "$(dirname "$0")/../lib/ktap.sh"

[ -z "${XFRM_HA_QUICK-}" ] || skip_all "takes longer than all else of a quick check"
command -v spin >/dev/null || skip_all "no spin"
command -v gcc >/dev/null || skip_all "no gcc"

say selftests/model/run
while IFS= read -r line; do
	case $line in
	*": holds, "* | *": caught after "*) ok "$line" ;;
	*": NOT "*) fail "$line" ;;
	*) say "$line" ;;
	esac
done < <("$XFRM_HA_DIR/selftests/model/run")
[ "$ktap_count" -gt 0 ] || bail "nothing was checked"
ktap_finished
