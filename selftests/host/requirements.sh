#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# docs/requirements.rst is true: each test that it names exists, and names the requirement.

. "$(dirname "$0")/../lib/ktap.sh"

n=0
while read -r id test _; do
	[[ $id =~ ^[MSACN][0-9]+$ ]] || continue
	n=$((n + 1))
	check "$id: $test" grep -qw "$id" "$XFRM_HA_DIR/$test"
done < "$XFRM_HA_DIR/docs/requirements.rst"
for id in M1 M2 M3 M4 M5 M6 M7 M8 M9 S1 S2 S4 S5 A1 A2 A3 A4 N1 N2 N3 N4 N5 N6 N7 N8 N9 N10 N17; do
	check "$id has a test" grep -q "^$id " "$XFRM_HA_DIR/docs/requirements.rst"
done
faq=$XFRM_HA_DIR/docs/faq.rst
while read -r test; do
	check "faq: $test" test -s "$XFRM_HA_DIR/$test"
done < <(grep -o 'selftests/[a-z]*/[a-z_-]*\.sh' "$faq" | sort -u)
# Of each answer: what is asked stands at the margin, the answer is indented.
is "faq: answers without a test" "$(awk '/^[^ .=]/ { if (q && !t) print q; q = ""; t = 0 }
	/^[^ =.]/ { last = $0 } /^   / { if (last) q = last; last = "" } /selftests/ { t = 1 }
	END { if (q && !t) print q }' <(sed -n '/^Failover/,$p' "$faq"))" ""
[ $n -gt 0 ] || bail "no requirement was found"
ktap_finished
