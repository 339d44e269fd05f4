#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: jq corosync
# machines: uml
# tap: any
# timeout: 300
#
# M7: the relay over Corosync, in short: the standby has what is installed on the active gateway, a
# node without the key hears nothing and is not heard, peers of another version, or without manners, are
# dropped, a Corosync that dies is a lost peer, and all is well when it is back. selftests/cluster has the
# long form, that of TLS.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/had.sh"
. "$(dirname "$0")/../lib/relay.sh"

RELAY_OVER=cpg

logs() {
	[ "$ktap_failed" = 0 ] || tail -n 60 /run/had1 /run/had2 /run/corosync[12] 2>&1 | sed 's/^/# /'
}

counts() { # NAMESPACE FIELD
	ha "$1" -j status | jq -r ".[] | select(.kind == \"relay\") | .$2"
}

peer_of() { # NAMESPACE NAME
	[ "$(counts "$1" peer)" = "$2" ]
}

at_exit logs
ha_load
topology
relay_over 1 2
relay_conf 1 role = standby
relay_conf 2 role = standby
tunnel "$G1 $P" 0x1000 replay-window 32
tunnel_policies "$G1"
remote_policies

# Without the key, when the first one has read it
had 1 /run/conf1
must wait_for 20 had_said 1 "node 1 of a cluster"
mv /run/cluster.key /run/good.key
keygen /run/cluster.key
had 2 /run/conf2
check "who has not got the key is told so in both logs" wait_for 60 had_said 2 "without the key"
check "by the other one, too" wait_for 20 had_said 1 "without the key"
between "and it is counted" "$(counts "$G1" cpg_forged)" 1 1000
had_stop 2
must ha "$G2" group del vpn
must ha "$G2" link del sync
mv /run/good.key /run/cluster.key
relay_strange_peers
had 2 /run/conf2
relay_active
check "the standby gets the SAs" wait_for 40 has "$G2" 0x1000
check "it holds them" wait_for 5 held "$G2" 0x1001
check "and the policies" wait_for 10 same_policies
check "traffic through the active gateway" pings 20
tunnel "$G1 $P" 0x2000 replay-window 128 flag esn
check "a new SA is there, too" wait_for 10 has "$G2" 0x2000
tunnel_del "$P" 0x1000
tunnel_del "$G1" 0x1000
check "the old one has gone" wait_for 10 has_not "$G2" 0x1000

# The engine of the standby dies.
corosync_dies 2
check "a Corosync that dies is noticed where it was" wait_for 20 had_said 2 "Corosync has gone"
check "so it is at the peer" wait_for 60 had_said 1 "its node has left the cluster"
tunnel "$G1" 0x3000 replay-window 32
check "nobody has taken over" role "$G1" vpn active
corosync_start 2
check "when it is back they find each other" wait_for 60 peer_of "$G1" g2
check "what was made meanwhile is there" wait_for 30 has "$G2" 0x3000

# So does the daemon.
had_stop 2 9
check "a daemon that dies is noticed" wait_for 30 had_said 1 "its daemon has ended"
had 2 /run/conf2
check "a new one is heard" wait_for 30 peer_of "$G1" g2
check_not "no key is in a log" grep -qi "${KEY#0x0000000000000000}" /run/had[12]*
had_stop 1
had_stop 2
relay_end 1 2
check "the module leaves" ha_unload
ktap_finished
