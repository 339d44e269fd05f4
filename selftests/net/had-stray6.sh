#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: tcpdump
# machines: uml
# tap: any
# timeout: 240
#
# N12: had-stray.sh with IPv6, where neighbours learn by ND.

FAMILY=6
# shellcheck source=selftests/net/had-stray.sh
. "$(dirname "$0")/had-stray.sh"
