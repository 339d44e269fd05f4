# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# For kselftest scripts: results, waiting, namespaces.
#
#	#!/bin/bash
#	. "$(dirname "$0")/../lib/ktap.sh"
#
#	ktap_plan 2			# or none: the count is printed at the end
#	netns A B			# namespaces $A and $B, with lo up
#	run ip -n "$A" ...		# prints the command, then runs it
#	check "B answers" wait_for 5 ping_ok	# one result out of a command
#	is "packets" "$got" 3			# one result out of a comparison
#	ktap_finished			# the exit status follows from the results
#
# Nothing has to be cleaned up by hand: at exit, by whichever way, the
# namespaces go, with the processes in them, and the commands that were given
# to at_exit are run, last one first.

# The VM runner says where things are; otherwise this tree, this machine.
if [ -z "${XFRM_HA_DIR-}" ]; then
	XFRM_HA_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
	export XFRM_HA_DIR
	export XFRM_HA_KO=${XFRM_HA_KO-$XFRM_HA_DIR/src/xfrm_ha.ko}
	export XFRM_HA_MACHINE=${XFRM_HA_MACHINE-own}
	export PATH=$XFRM_HA_DIR/tools/xfrm-ha:$PATH
fi

# How long work takes on this machine, in percent of what it takes where limits were chosen.
export XFRM_HA_SLOW=${XFRM_HA_SLOW:-100}

KSFT_PASS=0
KSFT_FAIL=1
KSFT_SKIP=4

ktap_count=0
ktap_failed=0
ktap_skipped=0
ktap_planned=
ktap_exit=()
ktap_netns=()

echo "KTAP version 1"

# Programs are started without fork() and without ip's own start, where bash has learned that
# (selftests/ask): what fork() makes of the memory of bash takes longer than all else.
if enable -f "$XFRM_HA_DIR/selftests/ask/ask.so" spawn is_program 2>/dev/null; then
	call() { # COMMAND...: program, function or builtin
		if is_program "$1"; then
			spawn "$@"
		else
			"$@"
		fi
	}
	on() { # NAMESPACE COMMAND...
		spawn -n "$@"
	}
else
	call() {
		"$@"
	}
	spawn() { # [-n NAMESPACE] [-r] COMMAND...
		local by=()

		[ "$1" != -n ] || { by=(ip netns exec "$2"); shift 2; }
		if [ "$1" = -r ]; then
			REPLY=$("${by[@]}" "${@:2}")
		else
			"${by[@]}" "$@"
		fi
	}
	on() {
		ip netns exec "$@"
	}
fi

ktap_plan() {
	ktap_planned=$1
	echo "1..$1"
}

say() { printf '# %s\n' "$*"; }

ok() { # NAME...
	ktap_count=$((ktap_count + 1))
	echo "ok $ktap_count $*"
}

fail() { # NAME...
	ktap_count=$((ktap_count + 1))
	ktap_failed=$((ktap_failed + 1))
	echo "not ok $ktap_count $*"
	return 1
}

skip() { # NAME REASON...
	ktap_count=$((ktap_count + 1))
	ktap_skipped=$((ktap_skipped + 1))
	echo "ok $ktap_count $1 # SKIP ${*:2}"
}

skip_all() { # REASON...
	[ -n "$ktap_planned" ] || echo "1..0 # SKIP $*"
	exit "$KSFT_SKIP"
}

bail() { # REASON...: nothing after this would mean anything
	fail "$*"
	exit "$KSFT_FAIL"
}

check() { # NAME COMMAND...
	local name=$1

	shift
	say "$*"
	if call "$@"; then
		ok "$name"
	else
		fail "$name"
	fi
}

check_not() { # NAME COMMAND...: the command must fail
	local name=$1

	shift
	say "! $*"
	if call "$@"; then
		fail "$name"
	else
		ok "$name"
	fi
}

is() { # NAME GOT WANTED
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		say "got:    $2"
		say "wanted: $3"
		fail "$1"
	fi
}

between() { # NAME GOT LOWEST HIGHEST
	if [[ $2 =~ ^-?[0-9]+$ ]] && (($2 >= $3 && $2 <= $4)); then
		ok "$1 ($2)"
	else
		say "got $2, wanted $3 to $4"
		fail "$1"
	fi
}

run() { # COMMAND...
	say "$*"
	call "$@"
}

must() { # COMMAND...: set-up, without which there is no test
	say "$*"
	call "$@" || bail "failed: $*"
}

# A machine under load may stand still for seconds: it is patient, and looks once more at the end.
# What the looking itself takes does not count, and seconds are as long as the machine is slow.
wait_for() { # SECONDS COMMAND...: until it succeeds; looks ever less often
	local left=$(($1 * 30 * XFRM_HA_SLOW)) ms=20 last=

	shift
	until call "$@"; do
		[ -z "$last" ] || { say "in vain: $*"; return 1; }
		ktap_nap $ms
		left=$((left - ms))
		((left > 0)) || last=1
		ms=$((ms < 300 ? ms * 3 / 2 : 300))
	done
}

# A pipe that nobody writes to: waiting on it costs no process.
exec {ktap_pipe}<> <(:)
ktap_nap() { # MILLISECONDS, below 1000
	local seconds

	printf -v seconds "0.%03d" "$1"
	read -r -t "$seconds" -u "$ktap_pipe" _ || :
}

# Ends background processes; the exit status of the last one. A child of bash that has not
# reached its program yet may take a signal for its parent's, and lose it: it is sent until heard.
# A zombie takes signals as well, for ever: wait gets rid of it. Where a process waits in the
# kernel is not looked at: UML reads its stack for that, which KASAN reports.
stopped() { # PID...
	local pid ms tries stat

	# wait without a process waits for all there are.
	[ $# -gt 0 ] || return 0
	for pid; do
		# Ever more rarely: iperf3 begins its last words anew with each signal, or never ends them.
		ms=50
		for ((tries = 0; tries < 25; tries++)); do
			kill -$((tries < 20 ? 15 : 9)) "$pid" 2>/dev/null || continue 2
			ktap_nap $ms
			{ read -r stat < "/proc/$pid/stat"; } 2>/dev/null || continue 2
			[[ ${stat##*) } != Z* ]] || continue 2
			ms=$((ms < 500 ? ms * 2 : 900))
		done
		say "$(ps -o pid,stat,args -p "$pid" | tail -n 1) does not hear signals:" \
			"system call $(cat "/proc/$pid/syscall" 2>/dev/null)"
	done
	wait "$@" 2>/dev/null
}

at_exit() { # COMMAND...
	ktap_exit+=("$(printf '%q ' "$@")")
}

netns() { # NAME...: sets the variable NAME to the namespace's name
	local name

	for name; do
		declare -g "$name=${name,,}-$$"
		spawn ip netns add "${!name}" || bail "no netns"
		ktap_netns+=("${!name}")
		spawn ip -n "${!name}" link set lo up
	done
}

netns_del() { # NAMESPACE...: with the processes in it
	local ns REPLY

	for ns; do
		spawn -r ip netns pids "$ns" 2>/dev/null
		# shellcheck disable=SC2086	# a list
		[ -z "$REPLY" ] || kill -9 $REPLY 2>/dev/null
		spawn ip netns del "$ns" 2>/dev/null
	done
}

# What ip is to do, in one process: in an emulator its start takes longer than its work.
batch() { # NAMESPACE LINE...; "" is ours
	local ns=$1 lines

	shift
	printf -v lines '%s\n' "$@"
	spawn ip ${ns:+-n "$ns"} -batch - <<<"$lines"
}

# ping itself is content with a single answer. It is to wait as long as -W says also where it
# has had some: selftests/ask/patient.c.
ping_all() { # NAMESPACE PING-OPTION...: all packets are
	local said

	local -x LD_PRELOAD=$XFRM_HA_DIR/selftests/ask/patient.so PATIENCE=0
	[ -e "$LD_PRELOAD" ] || LD_PRELOAD=
	[[ ! " $* " =~ \ -W\ ([0-9]+)\  ]] || PATIENCE=$((BASH_REMATCH[1] * 10 * XFRM_HA_SLOW))
	spawn -n "$1" -r ping -q "${@:2}" 2>&1
	said=$REPLY
	echo "$said"
	[[ $said == *" 0% packet loss"* ]]
}

ha_load() { # [PARAMETER...]: the module, out again at exit; a loaded one stays
	! ha_loaded || return 0
	must insmod "$XFRM_HA_KO" ${XFRM_HA_TAP:+"tap=$XFRM_HA_TAP"} "$@"
	# For whoever reads what kmemleak says afterwards.
	spawn cat /sys/module/xfrm_ha/sections/.text >>/run/xfrm_ha.bases 2>/dev/null
	at_exit ha_unload
}

ha_loaded() {
	[ -e /sys/module/xfrm_ha/initstate ]
}

ha_unload() {
	! ha_loaded || spawn rmmod xfrm_ha
}

ktap_cleanup() {
	local status=$? i

	trap - EXIT
	# A child that was sent a signal before it reached its program.
	[ "$BASHPID" = $$ ] || exit "$status"
	for ((i = ${#ktap_exit[@]} - 1; i >= 0; i--)); do
		eval "${ktap_exit[i]}"
	done
	netns_del "${ktap_netns[@]}"
	# Only our own: there may be others in the same session.
	# shellcheck disable=SC2046	# a list
	kill -9 $(jobs -p) 2>/dev/null
	wait 2>/dev/null
	exit "$status"
}
trap ktap_cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

ktap_finished() {
	[ -n "$ktap_planned" ] || echo "1..$ktap_count"
	echo "# Totals: pass:$((ktap_count - ktap_failed - ktap_skipped))" \
		"fail:$ktap_failed skip:$ktap_skipped"
	if [ "$ktap_failed" -gt 0 ] ||
	   [ "${ktap_planned:-$ktap_count}" -ne "$ktap_count" ]; then
		exit "$KSFT_FAIL"
	fi
	if [ "$ktap_count" -gt 0 ] && [ "$ktap_count" -eq "$ktap_skipped" ]; then
		exit "$KSFT_SKIP"
	fi
	exit "$KSFT_PASS"
}
