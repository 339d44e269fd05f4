#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: jq corosync
# machines: uml
# tap: any
# timeout: 600
#
# Not a part of make check, since it waits for Corosync's timeouts, but of make check-cluster.
#
# M7 N15: net/had-relay-peers.sh, over Corosync.

# shellcheck disable=SC2034	# for the test
RELAY_OVER=cpg
. "$(dirname "$0")/../net/had-relay-peers.sh"
