# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154  # G1, G2, P are set by netns
#
# What the tests of the relay share. Source ha.sh and had.sh first. RELAY_OVER=cpg has them over
# Corosync instead of TLS.

# shellcheck source=selftests/lib/corosync.sh
. "$XFRM_HA_DIR/selftests/lib/corosync.sh"

TRANSPORT=		# what a file says of it
relay_key=/run/key	# of the relay

relay_over() { # N...: what these gateways need for it; namespaces and P are there
	local n

	[ "${RELAY_OVER:-tls}" = cpg ] || return 0
	keygen /run/cluster.key
	relay_key=/run/cluster.key
	TRANSPORT="transport { kind = cpg key-file = $relay_key }"
	corosync_net "$@"
	for n; do
		corosync_start "$n"
	done
}

relay_cut() { # N up|down: its way to the others, beside that of the module
	[ "${RELAY_OVER:-tls}" != cpg ] || ring "$1" "$2"
}

relay_end() { # N...
	local n

	[ "${RELAY_OVER:-tls}" = cpg ] || return 0
	for n; do
		corosync_stop "$n"
	done
}

# A program in place of the daemon of gateway 2, which has the key, and no manners.
relay_peer() { # WHAT
	local way="sync 02:00:00:00:01:01"

	[ "${RELAY_OVER:-tls}" != cpg ] || way="cpg -"
	# shellcheck disable=SC2086	# two words
	on "$G2" timeout 100 "$XFRM_HA_DIR/selftests/had/peer" "$relay_key" $way "$1" 2>&1 |
		tee "/run/peer.$1" | sed 's/^/# /'
	grep -q '^down: ' "/run/peer.$1"
}

relay_strange_peers() { # the daemon of gateway 1 is there, that of gateway 2 is not
	local before

	check "a peer of another version is dropped" relay_peer version
	check "it is told what both speak" \
		grep -q "speaks protocol versions 1 to 1.*odd 7 to 9" /run/peer.version
	check "so is the log" had_said 1 "speaks protocol versions 1 to 1"
	check "one that says no HELLO is dropped" relay_peer mute
	check "one that is the daemon itself" relay_peer echo
	check "which is seen" had_said 1 "this node has met itself"
	check "one that says HELLO twice" relay_peer twice
	check "one that says nonsense" relay_peer nonsense
	check "one that acknowledges what was not sent" relay_peer ack
	must ip -n "$G1" xfrm state add src 203.0.113.1 dst 203.0.113.2 proto esp spi 0x7001 \
		mode tunnel aead 'rfc4106(gcm(aes))' "$KEY" 128
	before=$(spis "$G1")
	check "one that claims what is not the group's" relay_peer stranger
	is "nothing was installed, or removed" "$(spis "$G1")" "$before"
	check "which is seen" had_said 1 "is not of group vpn here"
	must ip -n "$G1" xfrm state del src 203.0.113.1 dst 203.0.113.2 proto esp spi 0x7001
}

relay_conf() { # N GROUP-SETTING...: /run/confN
	local n=$1

	[ -e /run/key ] || keygen /run/key
	cat > "/run/conf$n" <<-EOT
	node = g$n
	link hb {
	    device = sync
	    peer = 02:00:00:00:01:0$((3 - n))
	    key-file = /run/key
	    dead = 100 carrier-loss = at-once
	}
	$TRANSPORT
	group vpn {
	    match { address = { 192.0.2.1, 2001:db8::1 } }
	    join = 500
	    replicate = yes
	    ${*:2}
	}
	EOT
}

relay_begin() { # both daemons, with their files as they are; gateway 1 is active
	had 1 /run/conf1
	had 2 /run/conf2
	relay_active
}

relay_active() { # the daemons are there: when they have found each other gateway 1 takes over
	must wait_for 20 link_state "$G1" up
	must wait_for 20 link_state "$G2" up
	must ha "$G1" takeover vpn
	must wait_for 10 role "$G1" vpn active
}

tunnel() { # "NAMESPACES" SPI OPTION...: SPI+1 outbound of the gateways, SPI+2 inbound
	REQID=4096 sas "$2" 4 tunnel "$1" "${@:3}"
}

tunnel_del() { # NAMESPACE SPI
	must batch "$1" "xfrm state del src 192.0.2.1 dst 192.0.2.9 proto esp spi $(($2 + 1))" \
		"xfrm state del src 192.0.2.9 dst 192.0.2.1 proto esp spi $(($2 + 2))"
}

tunnel_policies() { # NAMESPACE: of a gateway
	must batch "$1" "xfrm policy add src 10.1.0.1/32 dst 10.2.0.1/32 dir out \
		tmpl src 192.0.2.1 dst 192.0.2.9 proto esp reqid 4096 mode tunnel" \
		"xfrm policy add src 10.2.0.1/32 dst 10.1.0.1/32 dir in \
		tmpl src 192.0.2.9 dst 192.0.2.1 proto esp reqid 4096 mode tunnel"
}

remote_policies() { # of P
	must batch "$P" "xfrm policy add src 10.2.0.1/32 dst 10.1.0.1/32 dir out \
		tmpl src 192.0.2.9 dst 192.0.2.1 proto esp reqid 4096 mode tunnel" \
		"xfrm policy add src 10.1.0.1/32 dst 10.2.0.1/32 dir in \
		tmpl src 192.0.2.1 dst 192.0.2.9 proto esp reqid 4096 mode tunnel"
}

spis() { # NAMESPACE: of its SAs, sorted
	ip -n "$1" xfrm state | grep -oP 'spi \K0x[0-9a-f]+' | sort
}

spi_is() { # NAMESPACE SPI
	spis "$1" | grep -q "$(printf '0x%08x' "$2")"
}

has() { # NAMESPACE SPI: both
	spi_is "$1" $(($2 + 1)) && spi_is "$1" $(($2 + 2))
}

has_not() { # NAMESPACE SPI: neither
	! spi_is "$1" $(($2 + 1)) && ! spi_is "$1" $(($2 + 2))
}

missing() { # NAMESPACE COUNT
	[ "$(group "$1" vpn missing)" = "$2" ]
}

essence() { # NAMESPACE SPI: without what is to differ
	ip -n "$1" xfrm state list spi "$2" | grep -vE 'anti-replay|seq|^[[:space:]]*[0-9a-f]{8} '
}

lifetime() { # NAMESPACE SPI SECONDS: at most so many, and not many less
	local left

	left=$(ip -n "$1" -s xfrm state list spi "$2" |
	       grep -oE 'expire add: soft [0-9]+\(sec\), hard [0-9]+' | grep -oE '[0-9]+$')
	((left <= $3 && left > $3 - 300))
}

added_at() { # NAMESPACE SPI
	ip -n "$1" -s xfrm state list spi "$2" | grep -oE 'add [0-9-]+ [0-9:]+'
}

policies_of() { # NAMESPACE: those of the tunnels
	ip -n "$1" xfrm policy | paste -sd' ' | sed 's/ src /\nsrc /g' | grep -F 192.0.2.1 |
		sed 's/[[:space:]]\+/ /g' | sort
}

same_policies() {
	[ "$(policies_of "$G1")" = "$(policies_of "$G2")" ]
}
