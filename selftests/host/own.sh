#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# N9: on a machine of one's own with a stock kernel: build, insmod, run the tests. As
# README.md says it, but for the choice of tests.

. "$(dirname "$0")/../lib/ktap.sh"
cd "$XFRM_HA_DIR" || exit

[ -z "${XFRM_HA_QUICK-}" ] || skip_all "needs the stock kernel, which a quick check does without"
kdir=$(selftests/vm/debian_kernel.py) || bail "no stock kernel"
must make -s modules KDIR="$kdir"
must make -s tools
make -s -C selftests all || bail "the tests' programs can't be built"

# shellcheck disable=SC2016	# for the guest
out=$(selftests/vm/exec --machine qemu --timeout 300 '
insmod src/xfrm_ha.ko && make -s -C selftests run_tests TESTS="net/takeover.sh net/netlink.sh"
status=$?
rmmod xfrm_ha
exit $status')
status=$?
printf '%s\n' "# ${out//$'\n'/$'\n'# }"
is "the tests pass" $status 0
is "both of them" "$(grep -c '^ok [12] selftests: net/' <<<"$out")" 2
check_not "none says otherwise" grep -q '^# not ok' <<<"$out"
ktap_finished
