#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# machines: uml
# requires: charon-systemd swanctl unshare nsenter openssl
# tap: any
# timeout: 500
#
# M7 M9 S3: swan.sh's failover with other settings of the IKE daemon: certificates, transport mode,
# xfrm interfaces, ESP in UDP, MOBIKE, keys that change every few seconds, windows, without ESN.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/ike.sh"

sets() { # KEY VALUE: in both gateways' connection
	sed -i "s|^\( *\)$1 = .*|\1$1 = $2|" /run/hosts/{east,west}/swanctl/conf.d/site.conf
}

adds() { # AFTER-KEY LINE...: in both gateways' connection
	local key=$1 line

	shift
	for line; do
		sed -i "s|^\( *\)$key = .*|&\n\1$line|" /run/hosts/{east,west}/swanctl/conf.d/site.conf
	done
}

remote() { # SED-SCRIPT: of its connection
	sed -i "$1" /run/hosts/site/swanctl/conf.d/site.conf
}

up() {
	begin
	check "$what: IKE" wait_for 30 child_up east
	check "$what: the standby has the SAs" wait_for 20 same_spis
	check "$what: none is missing" wait_for 10 in_sync "$G1" "$G2"
}

as_asked() { # WORD...: of the kernel's SAs, of either gateway
	local ns words have

	for ns in "$G1" "$G2"; do
		have=$(ip -n "$ns" xfrm state)
		for words; do
			[[ $have == *$words* ]] || return 1
		done
	done
}

failover() { # WORD...
	local first

	check "$what: $*" as_asked "$@"

	deaf_remote
	check "$what: the standby has the SAs of now" wait_for 20 same_spis
	first=$(esp_spis "$P" | xargs)
	turn
	crash "$G1" east
	check "$what: the standby takes over" wait_for 10 role "$G2" vpn active
	flowing "$what: data goes on, without IKE"
	hearing_remote
	check "$what: IKE behind it" wait_for 60 child_up west
	check "$what: the remote end uses new SAs" wait_for 20 another "$first"
	flowing "$what: data on the new SAs"
	no_clear "$what: nothing in clear by either end"
	[ "$ktap_failed" = 0 ] || said east west site
}

another() { # "SPI...": P sends in an SA that is none of these
	local line

	while read -r line; do
		[[ $1 == *${line##* }* ]] || return 0
	done < <(since '^esp 192.0.2.9 ')
	return 1
}

ha_load
swan_site

what="transport, window 32, no ESN"
swan_site_files
sets local_ts dynamic
sets remote_ts dynamic
adds reqid "mode = transport"
sets esp_proposals aes256gcm16-x25519
sets replay_window 32
remote 's/_ts = .*/_ts = dynamic/; s/-esn$//; s/^ *esp_prop.*/&\n                mode = transport/'
up
flow down "$P" 192.0.2.9 192.0.2.1
flowing "$what: data"
failover 'mode transport' 'replay-window 32'
down

what="xfrm interface, window 2048"
swan_site_files
adds reqid "if_id_in = 7" "if_id_out = 7"
sets replay_window 2048
for n in 1 2; do
	g=G$n
	must batch "${!g}" "link add ipsec0 type xfrm dev eth0 if_id 7" "link set ipsec0 up"
done
sed -i 's/via = 192.0.2.9/device = ipsec0/' /run/hosts/{east,west}/xfrm-ha/xfrm-ha.conf
up
flows
flowing "$what: data"
failover 'if_id 0x7' 'anti-replay' 'replay_window 2048'
down
for n in 1 2; do
	g=G$n
	must ip -n "${!g}" link del ipsec0
done

what="certificates, ESP in UDP, MOBIKE at the remote end"
swan_site_files
certificates
adds version "encap = yes"
up
flows
flowing "$what: data"
failover 'encap type espinudp'
down

what="rekeys"
swan_site_files
adds reqid "rekey_time = 3s" "life_time = 600s" "rand_time = 0s"
remote 's/^ *esp_prop.*/&\n                rekey_time = 4s\n                life_time = 600s\n                rand_time = 0s/'
up
flows
turn
first=$(esp_spis "$P" | xargs)
check "$what: and again" wait_for 30 another "$first"
flowing "$what: data"
failover 'mode tunnel' 'flag af-unspec esn'
first=$(esp_spis "$P" | xargs)
turn
check "$what: on the other gateway" wait_for 30 another "$first"
flowing "$what: data after that"
no_clear "$what: nothing in clear"
down

check "the module leaves" ha_unload
ktap_finished
