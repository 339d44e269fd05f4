#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# M9: the tool without the module: what is wrong is said in a line, with the exit
# status that the man page tells.

. "$(dirname "$0")/../lib/ktap.sh"

make -s -C "$XFRM_HA_DIR/tools" || bail "the tool can't be built"
tool=$XFRM_HA_DIR/tools/xfrm-ha
dir=$(mktemp -d)
at_exit rm -rf "$dir"

status() { # STATUS ARG...
	local wanted=$1 said got

	shift
	said=$("$tool" "$@" 2>&1 > /dev/null)
	got=$?
	say "$got: $said"
	if [ $got = "$wanted" ] && { [ "$wanted" = 0 ] || [ -n "$said" ]; }; then
		ok "$wanted: $*"
	else
		fail "$wanted: $*"
	fi
}

status 2
status 2 nonsense
status 2 link nonsense
status 2 -x
status 2 keygen
status 0 help
status 0 version
status 0 commands
status 0 keygen "$dir/key"
status 1 keygen "$dir/key"
status 1 -N /nonexistent link show
status 2 forwarder run
status 2 forwarder run lo
status 2 forwarder run lo cpus
status 2 forwarder run lo cpus 0-
status 2 forwarder run lo cpus 3-1
status 2 forwarder run lo cpus 0,,1
status 2 forwarder run lo cpus -1
status 2 forwarder run lo cpus 0-9999
status 2 forwarder run lo cpus 0 port 0
status 2 forwarder run lo cpus 0 port 65536
status 2 forwarder run lo cpus 0 qsize 16385
status 2 forwarder run lo cpus 0 limit 0
status 2 forwarder run lo cpus 0 limit 1048577
status 2 forwarder run lo cpus 0 generic native
status 2 forwarder run lo queues 0 qsize 5
status 2 forwarder set lo
status 2 forwarder show
status 2 forwarder pin lo 0 cpu 0
status 2 forwarder pin lo 5
status 2 forwarder pin lo 5 address nonsense cpu 0
status 2 forwarder unpin lo 5 cpu 0
status 1 forwarder run nowhere cpus 0
status 1 forwarder run lo cpus 100000
status 1 forwarder show nowhere
status 1 forwarder stat lo
is "a key has 64 digits" "$(wc -c < "$dir/key")" 65
is "and is its owner's" "$(stat -c %a "$dir/key")" 600
check "JSON is JSON" python3 -c 'import json, sys; json.load(sys.stdin)' \
	<<<"$("$tool" -j version)"
ktap_finished
