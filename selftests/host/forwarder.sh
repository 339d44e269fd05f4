#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A1 A2: the forwarder's allocator without a kernel: what it does for 65,536 SAs is sixteen
# times what it does for 4,096; SAs are spread evenly when workers come; who had to wait
# goes where the load is least.

. "$(dirname "$0")/../lib/ktap.sh"

tests=$XFRM_HA_DIR/selftests/forwarder
make -s -C "$tests" || bail "the programs can't be built"

check "A1: work grows as the number of SAs" "$tests/allocator" steps
check "A1: SAs are spread evenly" "$tests/allocator" even
check "A2: who waited goes where the load is least" "$tests/allocator" waiting
ktap_finished
