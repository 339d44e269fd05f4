# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154  # P is set by netns
#
# What the tests of a standby for many share. Source ha.sh and had.sh first.
#
# Gateway N has outer address 192.0.2.N, inner 10.1.N.1; P is at the other end of all tunnels.

ESP_KEY=

esp_key() { # one that nobody has seen
	ESP_KEY=0x$(python3 -c 'import os; print(os.urandom(20).hex())')
}

wan() { # N...: of each gateway, to a bridge of P's
	local n ns

	must batch "$P" "link add name br0 address 02:00:00:00:02:09 type bridge" \
		"link set br0 up" "addr add 192.0.2.9/24 dev br0" "addr add 10.2.0.1/32 dev lo"
	for n; do
		ns=G$n
		must ip link add wan netns "${!ns}" address "02:00:00:00:02:0$n" type veth \
			peer name "g$n" netns "$P"
		must batch "$P" "link set g$n master br0" "link set g$n up"
		must batch "${!ns}" "link set wan up" "route add 192.0.2.0/24 dev wan" \
			"route add 10.2.0.0/16 dev wan"
	done
}

esp() { # add|del N SPI NAMESPACE: SPI+1 outbound of gateway N, SPI+2 inbound
	local what="reqid $2 mode tunnel aead rfc4106(gcm(aes)) $ESP_KEY 128 replay-window 128 flag esn"

	[ "$1" = add ] || what=
	must batch "$4" "xfrm state $1 src 192.0.2.$2 dst 192.0.2.9 proto esp spi $(($3 + 1)) $what" \
		"xfrm state $1 src 192.0.2.9 dst 192.0.2.$2 proto esp spi $(($3 + 2)) $what"
}

esp_policies() { # N NAMESPACE [in|out]: the direction in which the gateway's packets go there
	local n=$1 out=${3:-out} in=in

	[ "$out" = out ] || in=out
	must batch "$2" "xfrm policy add src 10.1.$n.1/32 dst 10.2.0.1/32 dir $out \
		tmpl src 192.0.2.$n dst 192.0.2.9 proto esp reqid $n mode tunnel" \
		"xfrm policy add src 10.2.0.1/32 dst 10.1.$n.1/32 dir $in \
		tmpl src 192.0.2.9 dst 192.0.2.$n proto esp reqid $n mode tunnel"
}

remote() { # N: P's end
	must ip -n "$P" route add "10.1.$1.0/24" via "192.0.2.$1" src 10.2.0.1
	esp_policies "$1" "$P" in
}

stored() { # NAMESPACE GROUP COUNT: SAs and policies that the daemon keeps
	[ "$(kept "$1" "$2" stored)" = "$3" ]
}

kept() { # NAMESPACE GROUP FIELD
	ha "$1" -j status | jq -r ".[] | select(.kind == \"group\" and .name == \"$2\") | .$3"
}

installed() { # NAMESPACE COUNT: SAs that the kernel has
	[ "$(ip -n "$1" xfrm state count | grep -oE '[0-9]+' | head -n 1)" = "$2" ]
}

policies_there() { # NAMESPACE COUNT
	[ "$(ip -n "$1" xfrm policy | grep -c 'tmpl src')" = "$2" ]
}

knows_not() { # PID: it has not the key in clear
	echo "${ESP_KEY:2:32}" > /run/esp.key
	[ "$(finds "$1" /run/esp.key)" = 0 ]
}
