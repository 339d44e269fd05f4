#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# machines: uml
# part: measurement
# requires: charon-systemd swanctl unshare nsenter
# tap: any
# timeout: 1500
#
# M8 M9: no order of events leaves the charons of both gateways active, or both passive. Events at
# random, up to three in a row without waiting for what they do: charon dies or is restarted, the daemon is, a
# gateway reboots, the link is cut and heals, the group is taken or given away, at once taken
# back. When all that was stopped runs again, roles and segments agree, the remote end rekeys, and
# data flows; all the time no gateway sends anything in clear, nor the remote end, which has "trap"
# (see docs/guide.rst). SEED=N begins with another row, ROUNDS=N has more of them.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/ike.sh"

SEED=${SEED:-1}
ROUNDS=${ROUNDS:-5}

declare -A NS=()

charon_dies() { # NAME
	kill -9 "$(cat "/run/hosts/$1/run/strongswan.pid")" 2>/dev/null
	dead[$1]=1
}

charon_restarts() { # NAME
	services "$1" restart
	unset "dead[$1]"
}

daemon_restarts() { # NAME
	local pid

	for pid in $(ip netns pids "${NS[$1]}"); do
		[ "$(cat "/proc/$pid/comm" 2>/dev/null)" = xfrm-had ] || continue
		kill "$pid"
		must wait_for 20 ended "$pid"
	done
	rm -f "/run/$1.had"
	had_at "$1"
}

ended() { # PID
	! grep -q '^State:.[^Z]' "/proc/$1/status" 2>/dev/null
}

reboots() { # NAME
	crash "${NS[$1]}" "$1"
	reborn "${NS[$1]}"
	rm -f "/run/$1.had"
	had_at "$1"
	dead[$1]=1
}

cut_link() { # NAME: its end
	ip -n "${NS[$1]}" link set eth2 down
	is_cut[$1]=1
}

heals() { # NAME
	ip -n "${NS[$1]}" link set eth2 up
	unset "is_cut[$1]"
}

# Refused, where it makes no sense
takes() { # NAME
	ha "${NS[$1]}" takeover vpn
}

takes_force() { # NAME
	ha "${NS[$1]}" takeover vpn force
}

gives() { # NAME
	ha "${NS[$1]}" release vpn
}

events=(charon_dies charon_dies charon_restarts daemon_restarts reboots cut_link heals takes takes
	takes_force gives)

ha_load
plugin_begin 300
NS=([east]=$G1 [west]=$G2)
must sed -i 's/#start_action/start_action/' /run/hosts/site/swanctl/conf.d/site.conf
begin
check "active here, passive there" wait_for 30 agreed || said east west site
flows
oracle_at=$W oracle_on=p oracle_says=/run/numbers
oracle_start
RANDOM=$SEED
say "seed $SEED"

for ((round = 1; round <= ROUNDS; round++)); do
	declare -A dead=() is_cut=()
	what=''
	for ((n = RANDOM % 3; n >= 0; n--)); do
		event=${events[RANDOM % ${#events[@]}]} name=$((RANDOM % 2))
		name=$([ $name = 0 ] && echo east || echo west)
		what+=" $event $name"
		say "event: $event $name"
		$event "$name"
		ktap_nap $((RANDOM % 400))
	done
	for name in "${!is_cut[@]}"; do heals "$name"; done
	for name in "${!dead[@]}"; do services "$name" start; done
	# What a charon that died has left in the kernel goes when it is stale, after a minute.
	check "seed $SEED, round $round:$what: roles and segments agree" wait_for 120 agreed ||
		said east west site
	check "seed $SEED, round $round: the remote end rekeys" wait_for 60 rekeyed ||
		said east west site
	flowing "seed $SEED, round $round: data"
done
flows_end
# shellcheck disable=SC2046	# a list
oracle_verdict "seed $SEED: no number twice" $(carried "$P")
no_clear "seed $SEED: nothing in clear by either end"

check "the module leaves" ha_unload
ktap_finished
