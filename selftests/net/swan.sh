#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# machines: uml
# requires: charon-systemd swanctl unshare nsenter
# tap: any
# timeout: 400
#
# M7 M9 S3: the recipe "strongSwan" of docs/guide.rst, by its files. IKE is where the group is active,
# SAs and policies are relayed. The active gateway is killed: data goes on at once, while no IKE message
# comes through; then the other one's charon makes its own SAs, and nothing is sent in clear.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/ike.sh"

ha_load
swan_site
swan_site_files

begin
check "IKE is there without being asked" wait_for 30 child_up east ||
	said east site
check "the standby has the SAs" wait_for 20 same_spis
check "none is missing" wait_for 10 in_sync "$G1" "$G2"
flows
flowing "data, both ways"
no_clear "nothing in clear until then"
check "the standby's charon is idle" idle west
old=$(esp_spis "$G1" | xargs)

# No IKE reaches the remote end: data needs none.
lost up
lost down
deaf_remote
turn
crash "$G1" east
check "the standby takes over" wait_for 10 role "$G2" vpn active
flowing "data goes on, without IKE"
lost up; say "lost up: $REPLY of 20/s"
lost down; say "lost down: $REPLY of 20/s"
check "its charon tries" wait_for 20 seen 'ike 192.0.2.1 192.0.2.9 IKE_SA_INIT'
check_not "and was not heard" seen 'ike 192.0.2.9 192.0.2.1 IKE_'
hearing_remote
check "IKE behind it" wait_for 60 child_up west
new=$(esp_spis "$G2" | xargs)
say "old: $old; all: $new"
flowing "data on the new SAs"
no_clear "nothing in clear by either end"

check "the old gateway's SAs are retired" wait_for 60 gone "$G2" "$old"
flowing "data after that"
check "it has the two of its own" [ "$(esp_spis "$G2" | wc -l)" = 2 ]

# It comes back: a standby, whose charon has nothing to do.
reborn "$G1"
rm /run/east.had
had_at east
must wait_for 20 role "$G1" vpn standby
services east start
check "who comes back gets the SAs" wait_for 30 same_spis
check "none is missing, of either" wait_for 20 in_sync "$G1" "$G2"
check "its charon is idle" idle east
check "the other one's is not" child_up west

# Planned, to and fro. Who gives it away says nothing to the remote end.
turn
must ha "$G1" takeover vpn
must wait_for 10 role "$G1" vpn active
check "IKE follows a takeover" wait_for 30 child_up east
check "and leaves the other one" wait_for 30 idle west
check_not "nothing was deleted" seen 'ike 192.0.2.1 .* INFORMATIONAL .* request'
flowing "data"
no_clear "nothing in clear"

# The key daemon
lost up
lost down
services east reload
services west reload
flowing "data after reloads"
services west restart
flowing "data after a restart on the standby"
check "it is idle" wait_for 10 idle west
services east restart
check "IKE is there again after a restart on the active gateway" wait_for 30 child_up east
flowing "data after that"
must kill -9 "$(cat /run/hosts/east/run/strongswan.pid)"
flowing "data after a crash"
services east start
check "IKE is there again" wait_for 30 child_up east
flowing "data after that"
no_clear "nothing in clear, all the time"
lost up
between "lost up" "$REPLY" 0 6
lost down
between "lost down" "$REPLY" 0 6
# What charon left there when its gateway gave the group away
check "what is stale on the standby is removed" wait_for 120 same_spis
flowing "data after that"

[ "$ktap_failed" = 0 ] || said east west site
check "the module leaves" ha_unload
ktap_finished
