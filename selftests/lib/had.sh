# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the tests of the daemon share. Source ktap.sh and ha.sh first.

# The processes of the two daemons: had sets them.
# shellcheck disable=SC2034	# for the tests
had_1='' had_2='' had_4=''

had() { # N FILE [OPTION...]: the daemon of gateway N; sets had_N. What it says is in /run/hadN
	local n=$1 ns=G$1

	: >> "/run/had$n"
	ip netns exec "${!ns}" "$XFRM_HA_DIR/tools/xfrm-had/xfrm-had" -d -f "$2" "${@:3}" \
		2>> "/run/had$n" &
	declare -g "had_$n=$!"
	must wait_for 10 had_ready "$n"
}

had_ready() { # N
	grep -q "xfrm-had: node " "/run/had$1"
}

had_said() { # N TEXT
	grep -qF -- "$2" "/run/had$1"
}

had_reload() { # N: and it is done with it
	local pid=had_$1 before

	before=$(grep -c "reloaded" "/run/had$1")
	must kill -HUP "${!pid}"
	must wait_for 10 had_reloaded "$1" "$before"
}

had_reloaded() { # N COUNT
	[ "$(grep -c "reloaded" "/run/had$1")" -gt "$2" ]
}

had_stop() { # N [SIGNAL]
	local pid=had_$1

	if [ "${2-}" ]; then
		kill -"$2" "${!pid}"
		wait "${!pid}" 2>/dev/null
	else
		stopped "${!pid}"
	fi
	mv "/run/had$1" "/run/had$1.$RANDOM"
}

had_sentences() { # N: for the log of a test that has failed
	sed "s/^/# had$1: /" "/run/had$1"
}
