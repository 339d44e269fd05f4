#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: unshare
# tap: any
# timeout: 180
#
# M7 M8 N17: README.md's two real gateways: its file and its commands, word by word, on two hosts
# called east and west, with SAs by ip xfrm, from docs/examples/pair. Traffic from a host inside to
# one outside goes on when the active one is cut off from everything, by ARP alone.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/had.sh"

EXAMPLES=$XFRM_HA_DIR/docs/examples/pair

# Lines of the N-th block of the section.
block() { # N
	awk -v n="$1" '/^## / { on = /^## Two real gateways/; next }
		on && /^    / { if (!in_block) blocks++; in_block = 1; if (blocks == n) print substr($0, 5); next }
		on && /^$/ && in_block { next }
		{ in_block = 0 }' "$XFRM_HA_DIR/README.md"
}

# What the unit says is run, from this tree; that it is so started is systemd's part.
cat > /run/systemctl <<EOT
#!/bin/bash
[ "\$*" = "enable --now xfrm-had" ] || exit
while IFS== read -r key line; do
	line=\${line//\/usr\/local\/sbin\/xfrm-had/$XFRM_HA_DIR/tools/xfrm-had/xfrm-had}
	line=\${line//\/usr\/local\/sbin\/xfrm-ha/$XFRM_HA_DIR/tools/xfrm-ha/xfrm-ha}
	case \$key in
	ExecStartPre) \$line || exit ;;
	ExecStart) \$line 2> "/run/\$(hostname).log" & ;;
	esac
done < "$XFRM_HA_DIR/tools/xfrm-had/xfrm-had.service"
EOT
chmod +x /run/systemctl

gateway() { # NAMESPACE NAME COMMANDS: on the host of this name
	# shellcheck disable=SC2016	# it is expanded there
	ip netns exec "$1" unshare --uts bash -c 'hostname "$1"; PATH=/run:$PATH; set -e; eval "$2"' \
		bash "$2" "$3"
}

has_addresses() { # NAMESPACE
	[ "$(ip -n "$1" -o addr show scope global | awk '{ print $4 }' | sort | paste -sd,)" = \
		10.1.0.1/24,192.0.2.1/24 ]
}

flows() { # a packet from the host inside comes back
	ping_all "$H" -c 1 -W 1 10.2.0.1
}

ha_load
netns G1 G2 P H
must ip link add eth2 netns "$G1" address 02:00:5e:00:00:01 type veth \
	peer name eth2 netns "$G2" address 02:00:5e:00:00:02
for ns in "$P" "$H"; do
	must batch "$ns" "link add name br0 type bridge" "link set br0 up"
done
for n in 1 2; do
	g=G$n
	must ip link add eth0 netns "${!g}" type veth peer name "g$n" netns "$P"
	must ip link add eth1 netns "${!g}" type veth peer name "g$n" netns "$H"
	must ip -n "$P" link set "g$n" master br0 up
	must ip -n "$H" link set "g$n" master br0 up
	must batch "${!g}" "link set eth0 up" "link set eth1 up" "link set eth2 up"
	must on "${!g}" sysctl -qw net.ipv4.ip_forward=1
done
must batch "$P" "addr add 192.0.2.9/24 dev br0" "addr add 10.2.0.1/32 dev lo" \
	"route add 10.1.0.0/24 via 192.0.2.1 src 10.2.0.1"
must batch "$H" "addr add 10.1.0.10/24 dev br0" "route add default via 10.1.0.1"
for ns in "$G1" "$G2"; do
	must ip -n "$ns" -batch "$EXAMPLES/gateway.ip"
done
must ip -n "$P" -batch "$EXAMPLES/remote.ip"

must mkdir -p /etc/xfrm-ha
check "README: the key" gateway "$G1" east "$(block 1)"
block 2 > /etc/xfrm-ha/xfrm-ha.conf
is "README: the file is that of docs/examples/pair" "$(grep -v '^#' "$EXAMPLES/xfrm-ha.conf")" \
	"$(< /etc/xfrm-ha/xfrm-ha.conf)"
between "README: lines of the file" "$(wc -l < /etc/xfrm-ha/xfrm-ha.conf)" 5 30
say "$(block 3)"
is "README: two commands" "$(block 3 | wc -l)" 2
check "README: east" gateway "$G1" east "$(block 3)"
check "README: west" gateway "$G2" west "$(block 3)"
one() { # has the addresses, the other has not
	settled || return
	active=$G1 other=$G2
	role "$G2" vpn active && active=$G2 other=$G1
	has_addresses "$active" && ! has_addresses "$other"
}
check "one of them is active, and has the addresses" wait_for 20 one
check "packets flow" wait_for 10 flows
say "$(block 4)"
while read -r command; do
	# What is a command for ever, and what moves the group
	case $command in *monitor* | *takeover*) continue ;; esac
	check "README: $command" eval "ha $active ${command#xfrm-ha } > /run/shown"
	sed 's/^/# /' /run/shown
done < <(block 4 | sed 's/ *#.*//')
# Who is active may have changed: a slow machine has losses that nobody made.
must wait_for 20 one
must ha "$other" takeover vpn
check "README: takeover" wait_for 20 eval "role $other vpn active"
must wait_for 20 one
check "packets flow" wait_for 10 flows

# The active one is cut off, as if it had no power.
for dev in eth0 eth1 eth2; do
	must ip -n "$active" link set $dev down
done
check "the other one has the addresses" wait_for 20 has_addresses "$other"
check "packets flow on" wait_for 10 flows
for dev in eth2 eth0 eth1; do
	must ip -n "$active" link set $dev up
done
check "it comes back, and one has the addresses" wait_for 30 one
check "packets flow" wait_for 10 flows
for ns in "$G1" "$G2"; do
	# shellcheck disable=SC2046	# a list
	kill $(ip netns pids "$ns") 2>/dev/null
done
for host in east west; do
	sed "s/^/# $host: /" "/run/$host.log"
done
gone() { [ -z "$(ip netns pids "$G1")$(ip netns pids "$G2")" ]; }
must wait_for 10 gone
check "the module leaves" ha_unload
ktap_finished
