# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154	# G1, G2, P, H are set by netns
#
# Two gateways with daemons, a switch on each side, and hosts that learn by ARP alone where the
# gateway is. Source ktap.sh, ha.sh and had.sh first.
#
#              +--- wan --- G1 --- lan ---+
#   P, br0 ----|             | sync       |---- br0, H       P 192.0.2.9, 10.2.0.1 behind it
#              +--- wan --- G2 --- lan ---+                  H 10.3.0.2
#
# The group has 192.0.2.1 and 10.3.0.1. What must not be in clear is seen by whoever is on br0 of P.
# With FAMILY=6 it is 2001:db8::1 and fd03::1, P 2001:db8::9 and fd02::1, H fd03::2.

FAMILY=${FAMILY:-4}
if [ "$FAMILY" = 6 ]; then
	outer=2001:db8::1 outer_p=2001:db8::9 outer_len=64 far=fd02::1 far_net=fd02::/64 nodad=nodad
	inner=fd03::1 inner_h=fd03::2 inner_len=64 inner_net=fd03::/64 host=128
else
	outer=192.0.2.1 outer_p=192.0.2.9 outer_len=24 far=10.2.0.1 far_net=10.2.0.0/16
	inner=10.3.0.1 inner_h=10.3.0.2 inner_len=24 inner_net=10.3.0.0/24 host=32
fi

# PREPARE is long, for a machine that stands still now and then.
detour_conf() { # N DETOUR...: the file of gateway N; as LOSS and PREPARE say, if they are set
	local n=$1

	cat > "/run/conf$n" <<-EOT
	$(had_link "$n")
	group vpn {
	    match { address = $outer }
	    role = $([ "$n" = 1 ] && echo active || echo standby)
	    on-peer-loss = ${LOSS:-takeover}
	    prepare = ${PREPARE:-10000}
	    address $outer/$outer_len { device = wan }
	    address $inner/$inner_len { device = lan }
	    route $far_net { via = $outer_p device = wan }
	    ${*:2}
	}
	EOT
}

# The network namespaces have it, and are gone a moment after they are deleted.
no_plug() {
	netns_del "${ktap_netns[@]}"
	wait_for 20 rmmod plug 2>/dev/null
}

detour_net() { # DETOUR...: as the file says it
	local n g

	# A kernel without it: that of the tests is built with the module.
	modprobe -q sch_plug 2>/dev/null || {
		must insmod "$XFRM_HA_MODULES/plug/plug.ko"
		at_exit no_plug
	}
	netns G1 G2 P H
	sync_cable
	switched "$P" 2 wan
	must batch "$P" "addr add $outer_p/$outer_len dev br0 ${nodad-}" "addr add $far/$host dev lo" \
		"route add $inner_net via $outer src $far"
	switched "$H" 3 lan
	must batch "$H" "addr add $inner_h/$inner_len dev br0 ${nodad-}" \
		"route add $far_net via $inner"
	for n in 1 2; do
		g=G$n
		must batch "${!g}" "link set wan up" "link set lan up"
		must on "${!g}" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
		detour_conf $n "$@"
	done
	sas 0x1000 "$FAMILY" tunnel "$G1 $G2 $P" replay-window 128 flag esn
	for g in "$G1" "$G2"; do
		must batch "$g" "xfrm policy add src $inner_net dst $far dir out \
			tmpl src $outer dst $outer_p proto esp reqid $((0x1000)) mode tunnel" \
			"xfrm policy add src $far dst $inner_net dir fwd \
			tmpl src $outer_p dst $outer proto esp reqid $((0x1000)) mode tunnel"
	done
	must batch "$P" "xfrm policy add src $far dst $inner_net dir out \
		tmpl src $outer_p dst $outer proto esp reqid $((0x1000)) mode tunnel" \
		"xfrm policy add src $inner_net dst $far dir in \
		tmpl src $outer dst $outer_p proto esp reqid $((0x1000)) mode tunnel"
	keygen /run/key
}

# As on a gateway that has been up for a while: a device whose own address is not certain yet asks for no
# neighbour of who is behind it.
certain() { # NAMESPACE...: it has no address that is tentative
	local ns REPLY

	for ns; do
		spawn -r ip -n "$ns" -6 addr show tentative
		[ -z "$REPLY" ] || return
	done
}

detour_begin() { # DETOUR...: gateway 1 is active, and carries traffic
	detour_net "$@"
	must wait_for 20 certain "$G1" "$G2" "$P" "$H"
	had 1 /run/conf1
	had 2 /run/conf2
	must wait_for 20 settled
	check "traffic" wait_for 20 reaches 5
	must wait_for 10 carries 1
}

reaches() { # COUNT: from H to behind P and back
	ping_all "$H" -c "$1" -i 0.02 -W 5 "$far"
}

has_address() { # N
	local ns=G$1

	ip -n "${!ns}" -o addr show dev wan | grep -q "$outer/$outer_len"
}

knows() { # NAMESPACE N: where the gateway's address is, by what it has learned
	[[ $(ip -n "$1" neigh show "$outer") == *" 02:00:00:00:02:0$2 "* ]] ||
		[[ $(ip -n "$1" neigh show "$inner") == *" 02:00:00:00:03:0$2 "* ]]
}

carries() { # N: this one is active, both know it, and so do the neighbours
	role "$G1" vpn "$([ "$1" = 1 ] && echo active || echo standby)" &&
		role "$G2" vpn "$([ "$1" = 2 ] && echo active || echo standby)" &&
		has_address "$1" && ! has_address $((3 - $1)) && knows "$H" "$1" && knows "$P" "$1"
}

detour_field() { # N FIELD
	local ns=G$1

	ha "${!ns}" -j status | jq ".[] | select(.kind == \"group\") | .$2"
}
