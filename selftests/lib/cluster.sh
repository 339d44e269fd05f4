# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154  # G1, G2, H, P are set by netns
#
# What the tests with keepalived and Pacemaker share. Source ktap.sh and ha.sh first. Devices and
# addresses are those of docs/examples.
#
#      east (G1) ---- eth2 ---- west (G2)
#       eth0  eth1             eth1  eth0
#         |     +------ H -------+     |        10.1.0.0/24, H is 10.1.0.100
#         +------------ P -------------+        192.0.2.0/24, P is .9, 10.2.0.1 is behind it

pair() {
	local n g

	netns G1 G2 H P
	must ip link add eth2 netns "$G1" address 02:00:5e:00:00:01 type veth \
		peer name eth2 netns "$G2" address 02:00:5e:00:00:02
	switched "$P" 2 eth0
	must batch "$P" "addr add 192.0.2.9/24 dev br0" "addr add 10.2.0.1/32 dev lo" \
		"route add 10.1.0.0/24 via 192.0.2.1 src 10.2.0.1"
	switched "$H" 3 eth1
	must batch "$H" "addr add 10.1.0.100/24 dev br0" "route add default via 10.1.0.1"
	for n in 1 2; do
		g=G$n
		must batch "${!g}" "link set eth0 up" "link set eth1 up" "link set eth2 up" \
			"addr add 192.0.2.1$n/24 dev eth0" "addr add 10.1.0.1$n/24 dev eth1" \
			"route add 10.2.0.0/16 via 192.0.2.9"
		must on "${!g}" sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.eth0.send_redirects=0 \
			net.ipv4.conf.eth1.send_redirects=0 net.ipv4.conf.all.send_redirects=0
	done
}

# The SAs, and what goes through them, on both gateways and P.
tunnel() { # SPI
	tunnel_of "$G1" "$1"
	tunnel_of "$G2" "$1"
	tunnel_remote "$1"
}

tunnel_remote() { # SPI: P's end
	sas "$1" 4 tunnel "$P" replay-window 32
	must batch "$P" "xfrm policy add src 10.2.0.0/16 dst 10.1.0.0/24 dir out \
		tmpl src 192.0.2.9 dst 192.0.2.1 proto esp reqid $1 mode tunnel" \
		"xfrm policy add src 10.1.0.0/24 dst 10.2.0.0/16 dir in \
		tmpl src 192.0.2.1 dst 192.0.2.9 proto esp reqid $1 mode tunnel"
}

tunnel_of() { # NAMESPACE SPI: of a gateway
	local to from there back

	to="src 10.1.0.0/24 dst 10.2.0.0/16" from="src 10.2.0.0/16 dst 10.1.0.0/24"
	there="tmpl src 192.0.2.1 dst 192.0.2.9 proto esp reqid $2 mode tunnel"
	back="tmpl src 192.0.2.9 dst 192.0.2.1 proto esp reqid $2 mode tunnel"
	sas "$2" 4 tunnel "$1" replay-window 32
	must batch "$1" "xfrm policy add $to dir out $there" \
		"xfrm policy add $from dir in $back" "xfrm policy add $from dir fwd $back"
}

# The file of an example, for machines that are slow: what dies in the tests loses its carrier, and
# no program is ended that has not come to its end yet.
example() { # FILE
	sed -e 's,/etc/xfrm-ha/key,/run/key,; s,/usr/local/libexec/xfrm-ha,/run/libexec,' \
		-e 's/^\( *\)timeout 10$/\1timeout 100/' \
		-e 's/^\( *\)device = eth2$/&\n\1dead = 100\n\1carrier-loss = at-once/' \
		"$XFRM_HA_DIR/docs/examples/$1"
}

gateways() { # FOLDER [FILE]: links and groups as its file describes them
	keygen /run/key
	example "$1/${2-xfrm-ha.conf}" > /run/xfrm-ha.conf
	must ha "$G1" apply /run/xfrm-ha.conf node east
	must ha "$G2" apply /run/xfrm-ha.conf node west
	must wait_for 10 eval "ask_link $G1 eth2 state; [ \$REPLY = up ]"
	must wait_for 10 eval "ask_link $G2 eth2 state; [ \$REPLY = up ]"
}

has() { # NAMESPACE ADDRESS
	[[ $(ip -n "$1" -br addr show to "$2") ]]
}

without() { # NAMESPACE ADDRESS:DEVICE...: what a crash would have taken away
	local address

	for address in "${@:2}"; do
		ip -n "$1" addr del "${address%:*}" dev "${address##*:}" 2>/dev/null
	done
}

at() { # NAMESPACE OTHER: role and addresses are at the one, and not at the other
	has "$1" 192.0.2.1 && has "$1" 10.1.0.1 && ! has "$2" 192.0.2.1 && ! has "$2" 10.1.0.1 &&
		role "$1" vpn active && role "$2" vpn standby
}

through() { # COUNT: from H to P and back
	ping_all "$H" -c "$1" -i 0.02 -W 5 10.2.0.1
}

# A gateway that is cut off: it hears nobody, and nobody hears it.
wires() { # N up|down
	must ip -n "$P" link set "g$1" "$2"
	must ip -n "$H" link set "g$1" "$2"
	eval "must ip -n \"\$G$1\" link set eth2 $2"
}

# --- two groups, one and two, each gateway is active for one half of the tunnels ---

pair_of_halves() { # after pair: networks of the second one
	must batch "$P" "addr add 10.2.0.2/32 dev lo" \
		"route add 10.1.1.0/24 via 192.0.2.2 src 10.2.0.2"
	must batch "$H" "addr add 10.1.1.100/24 dev br0" "route add 10.2.0.2 via 10.1.1.1"
}

# Tunnel N ends at 192.0.2.N; 10.1.K.0/24 is behind it, and 10.2.0.N at the other end.
half() { # N K NAMESPACE [remote]
	local g=192.0.2.$1 p=192.0.2.9 to="src 10.1.$2.0/24 dst 10.2.0.$1" here=out there=in
	local from="src 10.2.0.$1 dst 10.1.$2.0/24" sa

	sa="reqid $1 mode tunnel replay-window 128 flag esn aead rfc4106(gcm(aes)) $KEY 128"
	[ -z "${4-}" ] || here=in there=out
	must batch "$3" "xfrm state add src $g dst $p proto esp spi 0x${1}001 $sa" \
		"xfrm state add src $p dst $g proto esp spi 0x${1}002 $sa" \
		"xfrm policy add $to dir $here tmpl src $g dst $p proto esp reqid $1 mode tunnel" \
		"xfrm policy add $from dir $there tmpl src $p dst $g proto esp reqid $1 mode tunnel"
	[ "${4-}" ] || must batch "$3" \
		"xfrm policy add $from dir fwd tmpl src $p dst $g proto esp reqid $1 mode tunnel"
}

carries() { # N GROUP ADDRESS: it is active there, and has the address
	local g=G$1

	role "${!g}" "$2" active && has "${!g}" "$3"
}

halves() {
	carries 1 one 192.0.2.1 && carries 2 two 192.0.2.2 && role "$G1" two standby &&
		role "$G2" one standby && ! has "$G1" 192.0.2.2 && ! has "$G2" 192.0.2.1
}

both_at() { # N
	carries "$1" one 192.0.2.1 && carries "$1" two 192.0.2.2
}

traffic() { # NAME: of both halves
	check "$1, one" wait_for 10 ping_all "$H" -c 5 -i 0.02 -W 5 -I 10.1.0.100 10.2.0.1
	check "$1, two" wait_for 10 ping_all "$H" -c 5 -i 0.02 -W 5 -I 10.1.1.100 10.2.0.2
}
