#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: jq
# machines: uml
# tap: any
# timeout: 240
#
# M7: after a takeover the new gateway's IKE daemon makes SAs of its own. Those of the old one go as
# soon as newer ones carry their traffic, and no sooner; what nobody has replaced stays.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/had.sh"
. "$(dirname "$0")/../lib/relay.sh"

looks() { # COUNT: how often the daemon of G2 saw SAs that it does not retire yet
	[ "$(grep -c "are not retired yet" /run/had2)" -ge "$1" ]
}

looked() { # for so long that the old ones count as idle
	local n

	n=$(grep -c "are not retired yet" /run/had2)
	must wait_for 30 looks $((n + 4))
}

ha_load
topology
relay_conf 1 role = active
relay_conf 2 role = standby
# An older one, made by somebody on the other node
tunnel "$G2 $P" 0x5000 replay-window 32
tunnel "$G1 $P" 0x1000 replay-window 32
# Of other traffic
REQID=7 sas 0x3000 4 tunnel "$G1" replay-window 32
tunnel_policies "$G1"
remote_policies
had 1 /run/conf1
had 2 /run/conf2
must wait_for 20 role "$G1" vpn active
must wait_for 20 has "$G2" 0x1000
must wait_for 20 has "$G2" 0x3000
must wait_for 10 missing "$G2" 0
must ha "$G2" takeover vpn wait 20
must wait_for 10 role "$G2" vpn active
reroute 2
check "the new gateway goes on with the SAs of the old one" pings 10

# Its IKE daemon makes new ones; the remote end has not yet.
tunnel "$G2" 0x2000 replay-window 32
looked
check "as long as they are not used the old ones stay" has "$G2" 0x1000
tunnel "$P" 0x2000 replay-window 32
check "traffic with the new ones" pings 10
check "when they are the old ones go" wait_for 40 has_not "$G2" 0x1000
check "the new ones stay" has "$G2" 0x2000
check "what has no newer one stays" has "$G2" 0x3000
check "so does what this node had itself" has "$G2" 0x5000
check "the standby has the new ones" wait_for 20 has "$G1" 0x2000
check "and what was the old gateway's own is left alone" has "$G1" 0x1000
check "traffic goes on" pings 10

# Back again, without a failure: so do those of the second gateway.
must ha "$G1" takeover vpn wait 20
must wait_for 10 role "$G1" vpn active
reroute 1
tunnel "$G1 $P" 0x4000 replay-window 32
check "traffic of the first gateway with SAs of its own" pings 10
check "those of the second go" wait_for 40 has_not "$G1" 0x2000
check "its own older ones stay" has "$G1" 0x1000
for n in 1 2; do
	had_stop "$n"
done
check "the module leaves" ha_unload
ktap_finished
