#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: tcpdump arping
# tap: any
# timeout: 240
#
# M8 N17: xfrm-had has addresses, routes and neighbours where a group is active. Neighbours learn of
# it by ARP and ND alone. A daemon that is killed takes nothing away, the next one moves what is
# missing, or too much, and touches nothing else.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/had.sh"

conf() { # N LINE...: the file of gateway N; the lines come after those of the group
	local n=$1

	cat > "/run/conf$n" <<-EOT
	$(had_link "$n")
	group vpn {
	    match { address = { 192.0.2.1, 2001:db8::1 } }
	    role = $([ "$n" = 1 ] && echo active || echo standby)
	    on-peer-loss = takeover
	    address 192.0.2.1/24 { device = wan }
	    address 2001:db8::1/64 { device = wan }
	    route 198.51.100.0/24 { via = 192.0.2.9 }
	    route 2001:db8:1::/48 { via = 2001:db8::9 device = wan source = 2001:db8::1 }
	    neighbour 192.0.2.66 { device = wan mac = 02:00:00:00:00:66 }
	    neighbour 192.0.2.77 { device = wan proxy = yes }
	    ${*:2}
	}
	EOT
}

# In one process: of five, and what picks their words, a look takes most of the test's time.
ask_there() { # NAMESPACE: all that belongs to the group, in a line
	local all='' line

	spawn -r ip -n "$1" -force -o -batch - 2> /dev/null <<-EOT
		addr show dev wan scope global
		route show 198.51.100.0/24
		route show table all 2001:db8:1::/48
		neigh show 192.0.2.66 nud permanent
		neigh show proxy
	EOT
	while read -r line; do
		case $line in
		*:\ wan\ *) [[ $line =~ inet6?\ ([^ ]+) ]] && all+=,${BASH_REMATCH[1]} ;;
		*\ via\ *) [[ $line =~ ^([^ ]+\ via\ [^ ]+) ]] && all+=,${BASH_REMATCH[1]} ;;
		?*) all+=,${line%% *} ;;
		esac
	done <<<"$REPLY"
	REPLY=${all#,}
}
ALL="192.0.2.1/24,2001:db8::1/64,198.51.100.0/24 via 192.0.2.9,2001:db8:1::/48 via 2001:db8::9,\
192.0.2.66,192.0.2.77"

has() { # NAMESPACE WHAT
	ask_there "$1"
	[ "$REPLY" = "$2" ]
}

knows() { # 1|2 ADDRESS...: P has this gateway's Ethernet address for each
	local address n=$1

	shift
	for address; do
		spawn -r ip -n "$P" neigh show "$address"
		[[ $REPLY == *" 02:00:00:00:02:0$n "* ]] || return 1
	done
}

taken() { # N: P, which says nothing, sees that this one has it, and the other has not
	local ns=G$1 other=G$((3 - $1))

	check "the addresses are at G$1" wait_for 10 has "${!ns}" "$ALL"
	check "and not at the other" wait_for 10 has "${!other}" ""
	check "the neighbour knows, by ARP and ND" \
		wait_for 10 knows "$1" 192.0.2.1 2001:db8::1 192.0.2.77
}

changes() { # N: what ip monitor has seen since the last call
	local file=/run/monitor$1

	cat "$file"
	: > "$file"
}

ha_load
behind_switch
for n in 1 2; do
	g=G$n
	must on "${!g}" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.wan.forwarding=1
	# Who is answered for is elsewhere.
	must batch "${!g}" "link add lan type dummy" "link set lan up" "route add 192.0.2.77 dev lan"
	conf $n
done

# What another configuration has left, and what the group is not active for, goes.
must ip -n "$G2" addr add 192.0.2.1/24 dev wan
had 1 /run/conf1
had 2 /run/conf2
must wait_for 10 settled
check "the addresses are at the active one" wait_for 10 has "$G1" "$ALL"
check "and not at the standby, where one was" wait_for 10 has "$G2" ""
for address in 192.0.2.1 2001:db8::1; do
	check "$address answers" wait_for 10 ping_all "$P" -c 1 -W 1 "$address"
done
on "$P" ping -q -c 1 -W 1 192.0.2.77 > /dev/null
check "the neighbour knows where they are" wait_for 10 knows 1 192.0.2.1 2001:db8::1 192.0.2.77

# What is said of it, and how often.
ip netns exec "$P" tcpdump -nli br0 -e 'arp or (icmp6 and ip6[40] == 136)' > /run/said 2> /run/dump &
dump=$!
must wait_for 10 grep -q listening /run/dump
must ha "$G2" takeover vpn
taken 2
said() { # PATTERN TIME...: frames like this, so many ms after the first announcement, or some later
	awk -F '[:. ]' -v pattern="$1" -v times="${*:2}" '
	function ms() { return ($1 * 3600 + $2 * 60 + $3) * 1000 + substr($4, 1, 3) }
	/02:00:00:00:02:02 .*tell 192.0.2.1,/ && !first { first = ms() }
	$0 ~ pattern && !seen[$1 $2 $3 $4]++ { t[++n] = ms() }
	END {
		for (i = split(times, want, " "); i; i--)
			bad += t[i] - first < 0.9 * want[i] || (want[i + 1] && t[i] - first >= want[i + 1])
		exit n != split(times, want, " ") || bad
	}' /run/said
}
check "ARP: three announcements" wait_for 10 said "02:02 .*who-has 192.0.2.1 .*tell 192.0.2.1," 0 100 1000
stopped "$dump"
sed 's/^/# /' /run/said
check "ARP: a probe" grep -q "02:00:00:00:02:02 .*who-has 192.0.2.1 .*tell 0.0.0.0" /run/said
check "ND: three" said "02:02 > 33:33:00:00:00:01.*2001:db8::1 > ff02::1: .*advertisement, tgt is 2001:db8::1" 0 100 1000
check "of a proxy's, too" said "02:02 .*who-has 192.0.2.77 .*tell 192.0.2.77," 0 100 1000

for n in 1 2 3 4 5; do
	must ha "$G1" takeover vpn
	must wait_for 10 has "$G1" "$ALL"
	must ha "$G2" takeover vpn
	must wait_for 10 has "$G2" "$ALL"
done
fastest=$(sed -n 's/.*addresses are here \([0-9]*\) us after.*/\1/p' /run/had[12] | sort -n | head -n 1)
say "$(sed -n 's/.*addresses are here \([0-9]*\) us after.*/\1/p' /run/had[12] | sort -n | paste -sd' ')"
# An emulator, or sanitizers, take a time of their own.
if [ "$XFRM_HA_MACHINE" = uml ]; then
	between "from the change of the role to the announcement, us" "$fastest" 1 \
		$((20 * XFRM_HA_SLOW))
fi
taken 2

# The carrier of the link is lost: the peer may be dead.
must ha "$G1" takeover vpn
taken 1
must ip -n "$G1" link set sync down
taken_by_loss() { has "$G2" "$ALL"; }
check "the peer is lost" wait_for 10 taken_by_loss
check "why" wait_for 10 had_said 2 "the peer is lost on sync"
must ip -n "$G1" link set sync up
must wait_for 30 settled
taken 2

# A daemon is killed: nothing changes, and the next one has nothing to do.
ip netns exec "$G2" ip monitor address route neigh > /run/monitor2 &
monitor=$!
must wait_for 10 eval "grep -q . /proc/$monitor/net/netlink"
changes 2 > /dev/null
had_stop 2 KILL
check "killed: nothing has gone" has "$G2" "$ALL"
had 2 /run/conf2
check "the next one finds the role" wait_for 10 had_said 2 "group vpn is active, term"
is "and changes nothing" "$(changes 2 | grep -v -e STALE -e REACHABLE -e DELAY -e PROBE -e fe80)" ""
check "all is there" has "$G2" "$ALL"

# Killed, and the role changes: its addresses are too much then.
had_stop 2 KILL
must ha "$G1" takeover vpn
check "the other has them" wait_for 10 has "$G1" "$ALL"
check "so has the one that is not looked after" has "$G2" "$ALL"
check "which is noticed, and said" wait_for 10 had_said 1 "192.0.2.1 is at 02:00:00:00:02:02 as well"
had 2 /run/conf2
taken 1
# And while nobody looks it comes back: what is missing is made.
had_stop 2 KILL
must ha "$G2" takeover vpn
must wait_for 10 role "$G2" vpn active
must wait_for 10 has "$G1" ""
check "nobody has it" has "$G2" ""
had 2 /run/conf2
taken 2

# SIGTERM takes nothing away, either.
had_stop 2
check "ended: nothing has gone" has "$G2" "$ALL"
had 2 /run/conf2
must wait_for 10 had_said 2 "group vpn is active, term"

# What goes is made again.
must ip -n "$G2" addr del 192.0.2.1/24 dev wan
check "an address that is deleted is made again" wait_for 10 has "$G2" "$ALL"
must ip -n "$G2" link set wan down
must ip -n "$G2" link set wan up
check "a device that was down has all again" wait_for 10 has "$G2" "$ALL"
must ip -n "$G1" addr add 192.0.2.1/24 dev wan
check "an address that is too much goes" wait_for 10 has "$G1" ""

# Another configuration: what it does not speak of goes, also if a daemon before has made it.
changes 2 > /dev/null
conf 2 "address 192.0.2.3/32 { device = wan }"
had_reload 2
check "an address comes" wait_for 10 has "$G2" "${ALL/,/,192.0.2.3/32,}"
conf 2
had_reload 2
check "an address goes" wait_for 10 has "$G2" "$ALL"
is "nothing else was touched" \
	"$(changes 2 | grep -v -e 192.0.2.3 -e STALE -e REACHABLE -e DELAY -e PROBE -e fe80)" ""
sed -i '/2001:db8/{/match/!d}; /198.51/d; /neighbour/d' /run/conf2
had_stop 2 KILL
had 2 /run/conf2
check "of what was left all goes that is not described" wait_for 10 has "$G2" "192.0.2.1/24"
conf 2
had_reload 2
check "and comes back" wait_for 10 has "$G2" "$ALL"

# A file with an error changes nothing.
echo "group" >> /run/conf2
kill -HUP "$had_2"
check "an error is said" wait_for 10 had_said 2 "not reloaded, all stays as it was"
check "with its place" had_said 2 "/run/conf2:"
check "all stays" has "$G2" "$ALL"
conf 2
had_reload 2

# A device that is not there yet.
must ip -n "$G2" link set wan name later
must ha "$G1" takeover vpn
must wait_for 10 role "$G1" vpn active
must ha "$G2" takeover vpn
check "the device is not there: said" wait_for 10 had_said 2 "address 192.0.2.1/24: No such device"
must ip -n "$G2" link set later name wan
taken 2

stopped "$had_1" "$had_2" "$monitor"
had_sentences 1
had_sentences 2
check "the module leaves" ha_unload
ktap_finished
