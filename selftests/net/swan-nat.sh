#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# machines: uml
# requires: charon-systemd swanctl unshare nsenter nft
# tap: any
# timeout: 300
#
# M7 M9: a remote end behind a NAT that gives it another port now and then. The active gateway's
# kernel says so, its charon puts SAs with the new port in the place of the old ones, and the relay
# has the standby follow; who takes over sends to the port of now, with numbers that were not used.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/ike.sh"

followed() { # PORT: by both gateways
	port_is "$G1" "$1" && port_is "$G2" "$1" && in_sync "$G1" "$G2"
}

ha_load
swan_site behind_nat
swan_site_files
begin_behind_nat
check "the standby has the SAs" wait_for 20 same_spis
check "with the port of the NAT" wait_for 20 followed 20000
first=$(esp_spis "$P" | xargs)
flows
oracle_at=$W oracle_on=p oracle_says=/run/numbers
oracle_start
flowing "data, both ways"

for port in 20100 20200; do
	maps $port
	check "both follow to port $port" wait_for 20 followed $port
	flowing "data from and to port $port"
done
is "the SAs are the same" "$(esp_spis "$G2" | xargs)" "$first"

lost up
lost down
turn
crash "$G1" east
check "the standby takes over" wait_for 10 role "$G2" vpn active
flowing "data goes on, from and to the port of now"
check "the port is still that one" port_is "$G2" 20200
is "the SAs are still the same" "$(esp_spis "$G2" | xargs)" "$first"
check_not "without IKE" seen 'ike 192.0.2.1'
lost up; between "lost up, of 20/s" "$REPLY" 0 4
lost down; between "lost down, of 20/s" "$REPLY" 0 4
# shellcheck disable=SC2046	# a list
oracle_verdict "no number twice" $(carried "$P")
no_clear "nothing in clear"

[ "$ktap_failed" = 0 ] || said east west site
check "the module leaves" ha_unload
ktap_finished
