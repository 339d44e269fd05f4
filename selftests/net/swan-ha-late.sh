#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# machines: uml
# requires: charon-systemd swanctl unshare nsenter openssl
# tap: any
# timeout: 300
#
# M7 M8: swan-ha.sh with certificates, and a takeover by a gateway whose charon has the IKE_SA and
# not yet its CHILD_SA, which the ha plugin brings later. The remote end renews the CHILD_SA, and is
# told that there is none: then strongSwan removes its policies, and sends in clear until it has
# another one, unless it has "trap". The gateway makes one at once, not when its script is due.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/ike.sh"

no_child() { # NAME
	ike_sas "$1"
	[ "$REPLY" = "0 1 0" ]
}

ha_load
plugin_begin 1000
certificates
must sed -i 's/#start_action/start_action/' /run/hosts/site/swanctl/conf.d/site.conf
# on-active may find that charon's IKE_SA is passive still, and so leave it alone: it is not run.
must sed -i 's/interval = 5/interval = 600/; /on-active/d' \
	/run/hosts/{east,west}/xfrm-ha/xfrm-ha.conf

begin
check "active here, passive there" wait_for 30 agreed || said east west site
flows
flowing "data, both ways"

deaf_remote
services west restart
check "the standby has the IKE_SA again, without a CHILD_SA" wait_for 20 no_child west
at site timeout 60 swanctl --rekey --child net > /run/rekey 2>&1 {ktap_pipe}>&- &
turn
crash "$G1" east
check "the standby takes over" wait_for 10 role "$G2" vpn active
flowing "data goes on"
check "it makes a CHILD_SA at once" wait_for 20 \
	seen 'ike 192.0.2.1 192.0.2.9 CREATE_CHILD_SA .* request'
hearing_remote
check "IKE is active here" wait_for 30 ike_active west
check "a rekey that began without a gateway is done" wait_for 30 \
	grep -q "rekey completed" /run/rekey
flowing "data after that"
check "a rekey of the remote end" rekeyed
check_not "nobody has begun anew" seen 'ike .* IKE_SA_INIT'
flowing "data after that"
no_clear "nothing in clear by either end"

[ "$ktap_failed" = 0 ] || said east west site
check "the module leaves" ha_unload
ktap_finished
