#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: jq corosync python3
# machines: uml
# tap: any
# timeout: 600
#
# Not a part of make check, since it waits for Corosync's timeouts, but of make check-cluster.
#
# S3 N+1: net/had-store.sh, over Corosync.

# shellcheck disable=SC2034	# for the test
RELAY_OVER=cpg
. "$(dirname "$0")/../net/had-store.sh"
