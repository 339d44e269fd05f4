#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# machines: uml uml-san qemu arm64
# timeout: 120
#
# The KUnit tests of the files without side effects: loading the module runs
# them, and the kernel log has their results. Where the kernel has no KUnit, as
# Debian's, selftests/modules/kunit stands in for it.

. "$(dirname "$0")/../lib/ktap.sh"

ktap_plan 2
modprobe -q kunit enable=1
module=$XFRM_HA_TEST_KO
[ -e "$module" ] || module=$XFRM_HA_MODULES/kunit/xfrm_ha_test.ko
echo "kunit: mark $$" >/dev/kmsg
must insmod "$module"
rmmod xfrm_ha_test
results=$(dmesg | sed "1,/kunit: mark $$\$/d; s/^\[[ 0-9.]*\] //" |
	grep -E '^ *((not )?ok|#|1\.\.|KTAP)')
# Indented, so that each result counts once, as a subtest's.
printf '%s\n' "$results" | sed 's/^/    /'
check "a suite ran and passed" grep -q '^ok ' <<<"$results"
check_not "no suite failed" grep -q '^not ok ' <<<"$results"
ktap_finished
