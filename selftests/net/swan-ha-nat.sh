#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# machines: uml
# part: measurement
# requires: charon-systemd swanctl unshare nsenter nft
# tap: any
# timeout: 300
#
# M7 M9: a remote end behind a NAT that gives it another port, and gateways with the ha plugin, which
# tells the other charon of IKE_SAs and CHILD_SAs, and not of that. Who takes over sends to the
# port of now as soon as a packet has come from there, and IKE goes on from there as well.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/ike.sh"

ha_load
plugin_begin 300
behind_nat
begin_behind_nat
check "active here, passive there" wait_for 30 agreed || said east west site
flows
oracle_at=$W oracle_on=p oracle_says=/run/numbers
oracle_start
flowing "data, both ways"

maps 20100
check "the active one follows to another port" wait_for 20 port_is "$G1" 20100
flowing "data from and to it"
ip -n "$G2" xfrm state | grep encap | sed 's/^/# standby: /'
check "the standby has all SAs" wait_for 20 in_sync "$G1" "$G2"

lost up
lost down
crash "$G1" east
check "the standby takes over" wait_for 10 role "$G2" vpn active
flowing "data goes on"
check "from and to the port of now" wait_for 20 port_is "$G2" 20100
lost up; between "lost up, of 20/s" "$REPLY" 0 6
lost down; between "lost down, of 20/s" "$REPLY" 0 6
check "IKE is active here" wait_for 30 ike_active west || said west
check "a rekey of the remote end" wait_for 30 rekeyed
check "a rekey of the gateway" grep -q "rekey completed" <(ctl west --rekey --child net)
flowing "data after that"
# shellcheck disable=SC2046	# a list
oracle_verdict "no number twice" $(carried "$P")
no_clear "nothing in clear"

[ "$ktap_failed" = 0 ] || said east west site
check "the module leaves" ha_unload
ktap_finished
