#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# machines: uml
# requires: charon-systemd swanctl unshare nsenter
# tap: any
# timeout: 400
#
# M7 M8 M9: the recipe "strongSwan with its ha plugin" of docs/guide.rst, by its files. Both charons
# have the IKE_SAs; the daemon makes roles and segments one thing. After a takeover data goes on at
# once, and so does IKE: a rekey, a DPD exchange and a DELETE of the remote end.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/ike.sh"

dpd() {
	seen 'ike 192.0.2.9 192.0.2.1 INFORMATIONAL .* request' &&
		seen 'ike 192.0.2.1 192.0.2.9 INFORMATIONAL .* response'
}

no_spis() { # NAMESPACE
	[ -z "$(esp_spis "$1")" ]
}

ha_load
plugin_begin 1000

begin
check "active here, passive there" wait_for 30 agreed || said east west site
check "none is missing" wait_for 20 in_sync "$G1" "$G2"
flows
flowing "data, both ways"
oracle_at=$W oracle_on=p oracle_says=/run/numbers
oracle_start

# ms from the last gateway's first packet of data to its first IKE message, since the turn
ike_after_data() {
	awk '/^turn / { esp = ike = "" } /^at / { at = $2 }
		/^esp 192.0.2.1 / && ike == "" { esp = at }
		/^ike 192.0.2.1 .* response / && ike == "" { ike = at }
		END { if (esp != "" && ike != "") print ike - esp; else print "never" }' /run/wire
}

# A request of the remote end's is on its way when the active gateway dies, with nobody told. It is
# sent again every 100 ms until there is an answer.
lost up
lost down
must kill -STOP "$(cat /run/hosts/east/run/strongswan.pid)"
turn
at site timeout 60 swanctl --rekey --child net > /run/rekey 2>&1 {ktap_pipe}>&- &
check "a rekey begins" wait_for 20 seen 'ike 192.0.2.9 192.0.2.1 CREATE_CHILD_SA .* request'
crash "$G1" east
check "the standby takes over" wait_for 10 role "$G2" vpn active
flowing "data goes on"
check "a rekey that began without a gateway is done" wait_for 30 grep -q "rekey completed" /run/rekey
# The limit is 300 ms of a machine that has nothing else to do, and of one's waiting.
between "ms from data to IKE" "$(ike_after_data)" 0 $((3 * XFRM_HA_SLOW))
lost up; between "lost up, of 20/s" "$REPLY" 0 4
lost down; between "lost down, of 20/s" "$REPLY" 0 4
check "IKE is active here" wait_for 10 ike_active west || said west
check "a rekey of the remote end" rekeyed
check "a rekey of the new gateway" grep -q "rekey completed" <(ctl west --rekey --child net)
check_not "nobody has begun anew" seen 'ike .* IKE_SA_INIT'
flowing "data after that"

# DPD of the remote end is quiet while there is data.
flows_end
turn
check "a DPD exchange" wait_for 20 dpd
# shellcheck disable=SC2046	# a list
oracle_verdict "no number twice" $(carried "$P")
no_clear "nothing in clear, all the time"

check "a DELETE of the remote end" grep -q "terminate completed" <(ctl site --terminate --ike gateway)
check "no SA is left" wait_for 20 no_spis "$G2" || said west site
[ "$ktap_failed" = 0 ] || said east west site
check "the module leaves" ha_unload
ktap_finished
