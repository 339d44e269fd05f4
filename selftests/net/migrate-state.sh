#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tap: any
# requires: python3
# timeout: 240
#
# M1, invariant I1: as migrate.sh, by XFRM_MSG_MIGRATE_STATE, which Linux 7.x has. It tells no key
# manager of the new SA: the module listens to what it tells others.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"

state() { # NAMESPACE SPI SRC DST NEW-SRC NEW-DST
	on "$1" python3 "$XFRM_HA_DIR/selftests/lib/migrate_state.py" "${@:2}"
}

g=192.0.2.1

move() { # NAMESPACE OLD NEW: P's address, in the SAs and policies of both directions
	local ns=$1 out=out in=in

	[ "$ns" != "$P" ] || out=in in=out
	must state "$ns" 0x1001 $g "$2" $g "$3"
	must state "$ns" 0x1002 "$2" $g "$3" $g
	must batch "$ns" \
		"xfrm policy update src 10.1.0.1/32 dst 10.2.0.1/32 dir $out \
		tmpl src $g dst $3 proto esp reqid 0x1000 mode tunnel" \
		"xfrm policy update src 10.2.0.1/32 dst 10.1.0.1/32 dir $in \
		tmpl src $3 dst $g proto esp reqid 0x1000 mode tunnel"
}

# The kernel takes an SA for dead that a tap without ftrace holds, and does not move it: then it
# is made anew, as by a daemon that was refused.
follow() { # OLD NEW
	if tap "$G2" ftrace; then
		move "$G2" "$1" "$2"
		return
	fi
	state "$G2" 0x1001 $g "$1" $g "$2" 2>/dev/null
	is "$1: a held SA is refused" $? 3
	must batch "$G2" "xfrm state flush" "xfrm policy flush"
	again "$G2" "$2"
}

again() { # NAMESPACE ADDRESS
	local all="proto esp reqid 0x1000 mode tunnel"

	must batch "$1" \
		"xfrm state add src $g dst $2 proto esp spi 0x1001 reqid 0x1000 mode tunnel \
		aead rfc4106(gcm(aes)) $KEY 128 replay-window 32" \
		"xfrm state add src $2 dst $g proto esp spi 0x1002 reqid 0x1000 mode tunnel \
		aead rfc4106(gcm(aes)) $KEY 128 replay-window 32" \
		"xfrm policy add src 10.1.0.1/32 dst 10.2.0.1/32 dir out tmpl src $g dst $2 $all" \
		"xfrm policy add src 10.2.0.1/32 dst 10.1.0.1/32 dir in tmpl src $2 dst $g $all"
}

knows() { # NAMESPACE ADDRESS: of its two SAs one goes there
	ha "$1" -j sa show | grep -q "\"dst\": *\"$2\""
}

ha_load
topology
state "$G1" 0x9999 $g 192.0.2.9 $g 192.0.2.10 2>/dev/null
[[ $? != 4 || $KERNEL != 6.* ]] || skip_all "this kernel has no XFRM_MSG_MIGRATE_STATE"
sas 0x1000 4 tunnel "$G1 $G2 $P" replay-window 32
policies 0x1000 4 tunnel
oracle_start
links
groups vpn stripe 10 interval 4 quantity 40
must ip -n "$P" addr add 192.0.2.10/24 dev br0
for ns in "$G1" "$G2"; do
	must ip -n "$ns" neigh replace 192.0.2.10 lladdr 02:00:00:00:02:09 dev wan nud permanent
done
# What birth allows is given up.
for ns in "$G2" "$G1"; do
	must ha "$ns" takeover vpn force wait 10
	must wait_for 10 settled
done
check "traffic" pings 30
must wait_for 5 mirrored "$G1" 0x1001
first=$(sa "$G1" 0x1001 .oseq)

old=192.0.2.9 new=192.0.2.10
for round in 1 2 3; do
	follow $old $new
	move "$G1" $old $new
	# It is told before the request is answered.
	check "$round: the active node knows its own" knows "$G1" $new
	move "$P" $old $new
	check "$round: the standby has its new SAs" wait_for 5 knows "$G2" $new
	check "$round: and holds the one" held "$G2" 0x1001
	check "$round: and the other" held "$G2" 0x1002
	check "$round: traffic" pings 30
	must wait_for 5 mirrored "$G1" 0x1001
	back=$old old=$new new=$back
done
between "M1: the number went on" "$(sa "$G1" 0x1001 .oseq)" $((first + 90)) $((first + 1024))
is "M1: and is mirrored" "$(sa "$G2" 0x1002 .seq)" 120

# The other gateway can't be asked for numbers any more, and takes over with its own stripes,
# which begin before G1 could have given so many.
cut
follow $old $new
move "$G1" $old $new
move "$P" $old $new
spend "$G1" 2500
say "the number of who was active is $(sa "$G1" 0x1001 .oseq)"
must ha "$G2" takeover vpn force
spend "$G2" 100
say "that of the other is $(sa "$G2" 0x1001 .oseq)"
oracle_verdict "I1: no number was used twice" 0x1001
mend
check "the module leaves" ha_unload
ktap_finished
