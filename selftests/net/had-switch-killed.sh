#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# machines: uml
# tap: any
# timeout: 400
#
# shellcheck disable=SC2086	# old, new and deaths are numbers
#
# N11 M9: a daemon is killed in the midst of a planned switchover, before each of the things that it
# has to tell the kernel, on the old gateway, on the new one, on both. The group changes sides all
# the same, and whoever starts the daemon anew finds nothing half done: no filter is left where
# none is to be, and traffic passes. STRIDE: 1 is each step.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/had.sh"
. "$(dirname "$0")/../lib/detour.sh"

STRIDE=${XFRM_HA_STRIDE:-5}
STEPS=200	# more than there are

start() { # N: one that can be told when to die
	LD_PRELOAD=$XFRM_HA_DIR/selftests/had/die.so XFRM_HAD_DIE=/run/die$1 had "$1" "/run/conf$1"
}

arm() { # N WHEN
	echo "$2" > "/run/die$1.new"
	mv "/run/die$1.new" "/run/die$1"
}

died() { # N: and not only sent the signal
	local pid=had_$1 stat

	{ read -r stat < "/proc/${!pid}/stat"; } 2>/dev/null || return 0
	[[ ${stat##*) } == Z* ]]
}

bury() { # N
	local pid=had_$1

	wait "${!pid}" 2>/dev/null
	rm -f "/run/die$1"
	mv "/run/had$1" "/run/had$1.$RANDOM"
}

filters() { # N DEVICE...: how many on each
	local ns=G$1 dev

	for dev in "${@:2}"; do
		tc -n "${!ns}" filter show dev "$dev" ingress | grep -c "handle 0x"
	done | paste -sd' '
}

# An active one redirects what comes by the detour only; each of the addresses, and the route.
clean() { # N: as one that is active, the other one as standby
	[ "$(filters "$1" wan lan sync) $(filters $((3 - $1)) wan lan sync)" = "0 0 3 3 3 3" ]
}

changed() { # N: it is active now, as far as the modules go
	local new=G$1 old=G$((3 - $1))

	role "${!new}" vpn active && role "${!old}" vpn standby
}

over() { # NEW N...: each of these has died, or the switchover is complete
	local n

	carries "$1" && return
	for n in "${@:2}"; do
		died "$n" || return 1
	done
}

heard_or_died() { # N
	[ ! -e "/run/die$1" ] || died "$1"
}

switch() { # STEP old|new ...: from the active gateway, $old, to the other one; sets deaths
	local who n new=$((3 - old)) ns armed=()

	ns=G$new
	for who in "${@:2}"; do
		n=${!who}
		arm "$n" "$1"
		armed+=("$n")
	done
	must ha "${!ns}" takeover vpn
	must wait_for 20 changed $new
	must wait_for 20 over $new "${armed[@]}"
	deaths=0
	for n in "${armed[@]}"; do
		if died "$n"; then
			deaths=$((deaths + 1))
			bury "$n"
			start "$n"
		fi
	done
	must wait_for 20 carries $new
	if ! wait_for 10 clean $new || ! wait_for 10 reaches 3; then
		say "filters: $(filters 1 wan lan sync), $(filters 2 wan lan sync)"
		return 1
	fi
	# Whoever has less to say than that is not to die later.
	for n in "${armed[@]}"; do
		arm "$n" -1
		must wait_for 20 heard_or_died "$n"
		if died "$n"; then
			bury "$n"
			start "$n"
			must wait_for 20 carries $new
		fi
	done
	old=$new
}

sweep() { # old|new ...: each step that there is
	local step killed=0 wrong=()

	for ((step = 0; step < STEPS; step += STRIDE)); do
		switch $step "$@" || wrong+=("$step")
		[ "$deaths" -gt 0 ] || break
		killed=$((killed + 1))
	done
	say "$*: killed before message 0 to $step, each ${STRIDE}th one: $killed times"
	is "$*: nothing is left half done" "${wrong[*]}" ""
	check "$*: there are several steps" [ $killed -ge 2 ]
}

# What is known to be old while it is killed is not waited for long.
PREPARE=100
DETOUR="detour { device = sync trusted = yes }"
ha_load
detour_net "$DETOUR"
start 1
start 2
must wait_for 20 settled
check "traffic" wait_for 20 reaches 3
must wait_for 20 carries 1
check "filters are where they are to be" wait_for 10 clean 1
oracle_start

old=1
sweep old
sweep new
sweep old new

# The module waits as long as that for a daemon, which is not to be what ends it here. On a machine
# that stands still it is all the same, and then it is tried again.
prepared() { # and dies before it says so; false: it is too late for that
	new=$((3 - old)) ns=G$((3 - old)) old_ns=G$old
	arm $old release
	must ha "${!ns}" takeover vpn
	must wait_for 20 over $new $old
	died $old || return
	bury $old
	[ "$(group "${!old_ns}" vpn preparing) $(filters $old wan lan)" = "true 3 3" ]
}

# All that it had to turn away is; nobody but the next one can say so soon.
twice() {
	local pid=had_$old

	prepared || return
	arm $old release
	LD_PRELOAD=$XFRM_HA_DIR/selftests/had/die.so XFRM_HAD_DIE=/run/die$old ip netns exec \
		"${!old_ns}" "$XFRM_HA_DIR/tools/xfrm-had/xfrm-had" -d -f "/run/conf$old" \
		2>> "/run/had$old" &
	declare -g "had_$old=$!"
	wait_for 20 died_or_gave $old
	died $old || { stopped "${!pid}"; bury $old; return 1; }
	bury $old
}

died_or_gave() { # N
	local ns=G$1

	died "$1" || ! role "${!ns}" vpn active
}

# The handover breaks off: the old gateway goes on, with the filters of a daemon that is dead.
broken() {
	prepared || return
	must ip -n "${!ns}" link set sync down
	must wait_for 20 eval "[ \"\$(group ${!old_ns} vpn preparing)\" = false ]"
	role "${!old_ns}" vpn active && return
	must ip -n "${!ns}" link set sync up
	return 1
}

until_it_does() { # COMMAND...: sometimes it is too late
	local tries

	for ((tries = 0; tries < 5; tries++)); do
		"$@" && return
		died $old && bury $old
		[ -e "/run/had$old" ] || start $old
		must wait_for 30 carries $new
		old=$new
	done
	return 1
}

PREPARE=10000 LOSS=notify
for n in 1 2; do
	detour_conf $n "$DETOUR"
	had_reload $n
done
check "who begins anew sees that all is to be prepared, and comes to the same point" \
	until_it_does twice
start $old
check "the next one hands it over" wait_for 20 carries $new
check "and all is as it is to be" wait_for 10 clean $new
check "traffic passes" wait_for 10 reaches 3
old=$new

check "a handover breaks off, and nobody is there" until_it_does broken
is "packets are turned away" "$(filters $old wan lan)" "3 3"
start $old
check "a new daemon ends that" wait_for 10 eval "[ \"\$(filters $old wan lan)\" = '0 0' ]"
check "traffic passes, without the peer" wait_for 10 reaches 3
must ip -n "${!ns}" link set sync up
check "and with it" wait_for 20 carries $old
check "all is as it is to be" wait_for 10 clean $old

oracle_verdict "I1: no number twice" 0x1001 0x1002
had_sentences 1
had_sentences 2
stopped "$had_1" "$had_2"
check "the module leaves" ha_unload
ktap_finished
