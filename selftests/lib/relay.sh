# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154  # G1, G2, P are set by netns
#
# What the tests of the relay share. Source ha.sh and had.sh first.

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
	${TRANSPORT-}
	group vpn {
	    match { address = { 192.0.2.1, 2001:db8::1 } }
	    join = 500
	    replicate = yes
	    ${*:2}
	}
	EOT
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
