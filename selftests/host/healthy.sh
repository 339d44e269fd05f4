#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# N1: a healthy link holds no SA: at a rate at which a lease lasts 16 ms (8192 numbers at
# 500,000 a second), with 1 ms of link delay; by a clock that counts instructions.

. "$(dirname "$0")/../lib/ktap.sh"

[ -z "$XFRM_HA_QUICK" ] || skip_all "needs the stock kernel, which a quick check does without"
check "no SA is held" "$XFRM_HA_DIR/selftests/bench/healthy"
ktap_finished
