#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# machines: qemu smp-san smp-kcsan
# tap: any
# timeout: 240
#
# N16, invariants I5 and I6: no work is done in one piece that grows with the number of SAs, and none
# where there is nothing to tell anybody. Counted in steps: in a walk over all SAs, of orphans that
# expire, when a group is deleted; of the timer when traffic stops, or the peer is gone; of the slow
# path where an SA goes on above its lease.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/delay.sh"
. "$(dirname "$0")/../lib/count.sh"

SAS=300		# of each of two groups
BATCH=256	# steps in a piece, as sa.c and replica.c say

many() { # add|del
	local reqid n id

	for reqid in 8 9; do
		for ((n = 1; n <= SAS; n++)); do
			id="src 192.0.2.1 dst 192.0.2.9 proto esp spi $((reqid << 16 | n))"
			[ "$1" = del ] && echo "xfrm state del $id" && continue
			echo "xfrm state add $id reqid $reqid mode tunnel enc ecb(cipher_null) \"\""
		done
	done > /run/batch
	must ip -n "$G1" -batch /run/batch
}

sas_of() { # GROUP COUNT
	[ "$(group "$G1" "$1" sas)" = "$2" ]
}

orphans() { # COUNT
	[ "$(link_field "$G2" sync orphans)" = "$1" ]
}

steps() { # COUNT
	[ "$(count_calls)" -ge "$1" ]
}

said() { # FRAMES by G1
	[ "$(link_field "$G1" sync tx_frames)" -ge "$1" ]
}

heartbeats() { # COUNT: of G1
	must wait_for 20 said $(($(link_field "$G1" sync tx_frames) + $1))
}

# Calls that COMMAND brings about, when what was there before has ended.
more() { # COMMAND...
	local before

	before=$(count_calls)
	"$@" > /dev/null || return
	echo $(($(count_calls) - before))
}

down() { # NAMESPACE: without a session
	[ "$(link_field "$1" sync state)" = down ]
}

ha_load
topology
links heartbeat 500
for n in 8 9; do
	must ha "$G2" group add g$n reqid $n role standby
	must ha "$G1" group add g$n reqid $n role active
done
groups vpn interval 64 quantity 200
many add
check "SAs" wait_for 20 sas_of g8 $SAS
check "of two groups" wait_for 20 sas_of g9 $SAS
check "the other node lacks them" wait_for 20 orphans $((2 * SAS))

count_of xfrm_ha:collect between=xfrm_state_walk
must ha "$G1" node set sa-limit 100000
check "all SAs are walked over" wait_for 10 steps $((2 * SAS))
between "I6: under xfrm_state_lock are so many at a time" "$(count_most)" 1 $((BATCH + 1))
count_off

# They go while nobody can say so.
must ip -n "$G1" link set sync down
must wait_for 10 down "$G1"
many del
must wait_for 10 sas_of g8 0
must ha "$G2" node set orphan-age 1
count_of xfrm_ha:forget between=__cond_resched
must ip -n "$G1" link set sync up
check "orphans expire" wait_for 30 steps $((2 * SAS))
between "I6: with bottom halves off are so many at a time" "$(count_most)" 1 $BATCH
count_off

# The SAs of the one group stand before those of the other one.
many add
must wait_for 20 sas_of g8 $SAS
must wait_for 20 sas_of g9 $SAS
count_of xa_find_after comm=xfrm-ha
must ha "$G1" group del g9
between "I6: a group is deleted in so many steps" "$(count_calls)" $SAS $((4 * SAS))
count_of synchronize_rcu_expedited comm=xfrm-ha
must ha "$G1" group del g8
between "I6: and so many grace periods" "$(count_calls)" 1 8
many del

sas 0x1000 4 tunnel "$G1 $G2 $P" replay-window 32 replay-oseq 20000
policies 0x1000 4 tunnel
count_of xfrm_ha:age_tick
check "traffic" pings 20
must wait_for 20 mirrored "$G1" 0x1001
must wait_for 20 mirrored "$G1" 0x1002
between "the timer has run" "$(count_calls)" 1 10000
heartbeats 3
is "I6: it does not when traffic has stopped" "$(more heartbeats 4)" 0
must ip -n "$G2" link set sync down
must wait_for 10 down "$G2"
must wait_for 10 solo "$G1" true
check "traffic without a peer" pings 20
is "I6: nor when there is nobody to tell" "$(more pings 60)" 0
count_off

spend "$G1" 300
must test "$(sa "$G1" 0x1001 .oseq)" -gt "$(sa "$G1" 0x1001 .lease)"
count_of xha_sa_advance_out
between "I5: above its lease an SA takes the slow path so often" "$(more pings 128)" 1 6
count_off
check "the module leaves" ha_unload
ktap_finished
