#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# machines: uml
# requires: ocf-tester xmllint
# tap: any
# timeout: 180
#
# M8 M9 N9: the resource agent for Pacemaker, by ocf-tester, and action by action on two gateways as
# a cluster would call it, with the file of docs/examples/pacemaker.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/cluster.sh"

agent=$XFRM_HA_DIR/tools/ocf/xfrm-ha
conf=/run/xfrm-ha.conf

# What a cluster would keep is written down: scores and attributes.
stubs() {
	local name

	mkdir -p /run/ocf-bin
	for name in crm_attribute crm_master attrd_updater; do
		# shellcheck disable=SC2016	# expanded there
		printf '#!/bin/sh\necho "${0##*/} $*" >> /run/ocf-$NODE.said\n' > /run/ocf-bin/$name
		chmod 755 /run/ocf-bin/$name
	done
}

action() { # N ACTION: as the cluster calls it; its exit status is in status
	local g=G$1 name

	name=$([ "$1" = 1 ] && echo east || echo west)
	: > "/run/ocf-$name.said"
	mkdir -p "/run/ocf-$name"
	on "${!g}" env NODE="$name" PATH="/run/ocf-bin:$PATH" HA_SBIN_DIR=/run/ocf-bin \
		HA_RSCTMP="/run/ocf-$name" OCF_ROOT=/usr/lib/ocf OCF_RESOURCE_INSTANCE=vpn \
		OCF_RESKEY_CRM_meta_timeout=20000 OCF_RESKEY_crm_feature_set=3.17.0 \
		OCF_RESKEY_group=vpn OCF_RESKEY_config="${CONF:-$conf}" OCF_RESKEY_node="$name" \
		"$agent" "$2" > "/run/ocf-$name.out" 2>&1
	status=$?
	sed "s/^/# $name $2: /" "/run/ocf-$name.out"
}

does() { # NAME N ACTION STATUS
	action "$2" "$3"
	is "$1" $status "$4"
}

score() { # NAME N SCORE|none
	local name said

	name=$([ "$2" = 1 ] && echo east || echo west)
	action "$2" notify
	said=$(grep crm_attribute "/run/ocf-$name.said" | tail -n 1)
	case $3 in
	none) is "$1" "$said" "crm_attribute -p -D" ;;
	*) is "$1" "$said" "crm_attribute -p -v $3" ;;
	esac
}

ha_load
pair
oracle_start
tunnel 0x1000
keygen /run/key
stubs

# As a cluster would, before there is a peer.
example pacemaker/xfrm-ha.conf > $conf
PATH=/run/ocf-bin:$PATH NODE=tester HA_SBIN_DIR=/run/ocf-bin on "$G1" \
	ocf-tester -n tester -o config=$conf -o node=east "$agent" > /run/tester 2>&1
status=$?
sed 's/^/# /' /run/tester
is "N9: ocf-tester" $status 0
check "it passes all" grep -q "passed all tests" /run/tester
must ha "$G1" group del vpn
must ha "$G1" link del eth2
tunnel_again() {
	no_sas
	tunnel 0x2000
}
tunnel_again

does "a probe: not running" 1 monitor 7
does "it is sound" 1 validate-all 0
CONF=/run/none does "no file: not installed" 1 validate-all 5
echo "group {" > /run/wrong
CONF=/run/wrong does "an error in it: not configured" 1 validate-all 6
does "no such action" 1 migrate_to 3
for n in 1 2; do
	does "start" $n start 0
	does "and once more" $n start 0
	does "it runs, and is not promoted" $n monitor 0
done
must wait_for 20 in_sync "$G1" "$G2"
score "in sync" 1 50
does "promote" 1 promote 0
does "and once more" 1 promote 0
does "M9: it is promoted" 1 monitor 8
score "who is active" 1 100
score "who is not" 2 50
must ip -n "$G1" addr add 192.0.2.1/24 dev eth0
must ip -n "$G1" addr add 10.1.0.1/24 dev eth1
check "traffic" wait_for 10 through 5

# SAs that the standby lacks.
must ip -n "$G2" xfrm state del src 192.0.2.1 dst 192.0.2.9 proto esp spi 0x2001
must wait_for 10 eval "[ \"\$(group $G2 vpn missing)\" = 1 ]"
score "M8: who lacks SAs is not to be promoted" 2 none
must ip -n "$G2" xfrm state add src 192.0.2.1 dst 192.0.2.9 proto esp spi 0x2001 reqid 0x2000 \
	mode tunnel aead "rfc4106(gcm(aes))" "$KEY" 128 replay-window 32
must wait_for 10 eval "[ \"\$(group $G2 vpn missing)\" = 0 ]"
score "until it has them" 2 50

does "demote: handed over" 1 demote 0
does "it runs" 1 monitor 0
check "M8: the peer has it" wait_for 10 role "$G2" vpn active
does "before it is promoted" 2 monitor 0
does "promote" 2 promote 0
does "it is promoted" 2 monitor 8
must ha "$G1" takeover vpn wait 10
must wait_for 10 role "$G2" vpn standby
does "M9: what was promoted, and is not active, has failed" 2 monitor 9
does "demote" 2 demote 0
does "stop" 2 stop 0
does "and once more" 2 stop 0
does "it does not run" 2 monitor 7
check "N6: its SAs stay held" held "$G2" 0x2001

# The last one, with nobody to hand over to.
does "promote" 1 promote 0
must ip -n "$G2" link set eth2 down
must wait_for 20 solo "$G1" true
does "demote, alone" 1 demote 0
does "stop, alone" 1 stop 0
does "it does not run" 1 monitor 7
oracle_verdict "I1: no number twice" 0x2001
ktap_finished
