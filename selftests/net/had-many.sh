#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: jq
# machines: uml
# tap: any
# timeout: 120
#
# M7: many SAs at a time, which a standby's daemon installs and removes in one go: some of those that
# come are there already, of somebody else; some that go were replaced by somebody else; and one that
# is added, deleted, and added anew, all at once, is as it was added last.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/had.sh"
. "$(dirname "$0")/../lib/relay.sh"

MANY=200
THEIRS=0x0000000000000000000000000000000000000077

one() { # add|delete NUMBER [KEY [REQID]]
	printf 'xfrm state %s src 192.0.2.1 dst 192.0.2.9 proto esp spi %d' "$1" $((0x10000 + $2))
	[ "$1" = delete ] || printf ' reqid %d mode tunnel aead rfc4106(gcm(aes)) %s 128 replay-window 32' \
		"${4:-$((0x10000 + $2))}" "$3"
	echo
}

each() { # add|delete [KEY]: all of them
	local i

	for ((i = 0; i < MANY; i++)); do one "$1" $i "${@:2}"; done
}

count() { # COUNT: so many are on the other gateway
	[[ $(ip -n "$G2" xfrm state count) =~ count\ ([0-9]+) ]] && [ "${BASH_REMATCH[1]}" = "$1" ]
}

theirs() { # how many of these there are
	ip -n "$G2" xfrm state | grep -ciF "$THEIRS"
}

relay_count() { # NAME
	ha "$G2" -j status | jq ".[] | select(.kind == \"relay\") | .$1"
}

reqids() { # NAMESPACE
	ip -n "$1" xfrm state | grep -oE 'reqid [0-9]+' | sort
}

same_reqids() {
	[ "$(reqids "$G1")" = "$(reqids "$G2")" ]
}

ha_load
topology
relay_conf 1 role = active
relay_conf 2 role = standby
each add "$KEY" > /run/add
each delete > /run/delete
for i in 5 77 150; do one add $i "$THEIRS"; done > /run/theirs
must ip -n "$G1" -batch /run/add
must ip -n "$G2" -batch /run/theirs
had 1 /run/conf1
had 2 /run/conf2
check "the standby gets all" wait_for 30 count $MANY
is "what somebody else has there stays as it is" "$(theirs)" 3
check "the module misses these, which have other keys" wait_for 20 missing "$G2" 3
is "as the counters say" "$(relay_count installed) $(relay_count foreign) $(relay_count refused)" \
	"$((MANY - 3)) 3 0"
check "each is held" wait_for 5 held "$G2" $((0x10000 + 60))

{ one delete 20; one add 20 "$THEIRS"; } > /run/replace
must ip -n "$G2" -batch /run/replace
must ip -n "$G1" -batch /run/delete
check "all go" wait_for 30 count 4
is "but what is somebody else's" "$(theirs)" 4
is "as the counter says" "$(relay_count removed)" $((MANY - 4))

# Of each key, several words at once
for ((i = 200; i < 240; i++)); do
	one add $i "$KEY"
	one delete $i
	one add $i "$KEY" $((0x20000 + i))
done > /run/several
for i in 5 20 77 150; do one delete $i; done > /run/clear
must ip -n "$G2" -batch /run/clear
must ip -n "$G1" -batch /run/several
check "added, deleted, added anew: the last word is what stays" wait_for 30 same_reqids
check "the module misses none" wait_for 20 missing "$G2" 0
is "nothing was refused" "$(relay_count refused)" 0
is "nobody had to be asked twice" "$(relay_count again)" 0
stopped "$had_1" "$had_2"
had_sentences 1
had_sentences 2
check "the module leaves" ha_unload
ktap_finished
