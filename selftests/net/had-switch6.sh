#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# machines: uml
# tap: any
# timeout: 240
#
# N11 N5: had-switch.sh with IPv6, where neighbours learn by ND.

FAMILY=6
# shellcheck source=selftests/net/had-switch.sh
. "$(dirname "$0")/had-switch.sh"
