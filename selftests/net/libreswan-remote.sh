#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# machines: uml
# part: libreswan
# requires: charon-systemd swanctl unshare nsenter certutil
# tap: any
# timeout: 600
#
# M7 S3: the remote end is Libreswan, which knows of one gateway. The active one of two with
# strongSwan is killed, then that of two with Libreswan: data goes on without IKE, then on new SAs,
# nothing is in clear by either end, and no number is used twice.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/ike.sh"
. "$(dirname "$0")/../lib/libreswan.sh"

failover() {
	local old

	begin
	check "$what: IKE" wait_for 60 child_up east
	check "$what: the standby has the SAs" wait_for 20 same_spis
	check "$what: none is missing" wait_for 10 in_sync "$G1" "$G2"
	numbers
	flows
	flowing "$what: data"
	old=$(esp_spis "$G1" | xargs)
	turn
	deaf_remote
	crash "$G1" east
	check "$what: the standby takes over" wait_for 10 role "$G2" vpn active
	flowing "$what: data goes on, without IKE"
	hearing_remote
	check "$what: IKE behind it" wait_for 60 child_up west
	flowing "$what: data on the new SAs"
	check "$what: the old gateway's SAs are retired" wait_for 60 gone "$G2" "$old"
	flowing "$what: data after that"
	no_clear "$what: nothing in clear by either end"
	numbers_verdict "$what: I1: no number twice"
	[ "$ktap_failed" = 0 ] || said east west site
}

ha_load
site
wire
pluto_host "$P" site
pluto_remote

what="strongSwan"
host "$G1" east
host "$G2" west
swan_files east
swan_files west
failover
down
kill "${HOST[east]}" "${HOST[west]}"

what="Libreswan"
pluto_host "$G1" east
pluto_host "$G2" west
pluto_files east
pluto_files west
failover

check "the module leaves" ha_unload
ktap_finished
