#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# shellcheck disable=SC2154	# G1, G2, had_1, had_2
#
# In a guest: $SAS SAs of one gateway come to the other, by daemons; then $REKEYS of them are replaced as
# fast as ip does it. Prints "@@NAME VALUE".

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/had.sh"
. "$(dirname "$0")/../lib/relay.sh"

one_sa() { # add|delete NUMBER
	local ends="src 192.0.2.1 dst 192.0.2.9"

	(($2 % 2)) || ends="src 192.0.2.9 dst 192.0.2.1"
	printf 'xfrm state %s %s proto esp spi %d' "$1" "$ends" $((0x10000 + $2))
	[ "$1" = delete ] ||
		printf ' reqid 4096 mode tunnel aead rfc4106(gcm(aes)) %s 128 replay-window 32' "$KEY"
	echo
}

count() { # COUNT: so many are on the other gateway
	[[ $(ip -n "$G2" xfrm state count) =~ count\ ([0-9]+) ]] && [ "${BASH_REMATCH[1]}" = "$1" ]
}

last() { # NUMBER: it is there, and held
	ip -n "$G2" xfrm state list spi $((0x10000 + $1)) | grep -q .
}

memory() { # PID: kB
	awk '/^VmRSS/ { print $2 }' "/proc/$1/status"
}

now() {
	echo $((${EPOCHREALTIME/./} / 1000))
}

ha_load
topology
relay_conf 1 role = standby
relay_conf 2 role = standby
for ((i = 0; i < SAS; i++)); do one_sa add $i; done > /tmp/sas
for ((i = 0; i < REKEYS; i++)); do
	one_sa add $((SAS + i))
	one_sa delete $i
done > /tmp/rekeys
had 1 /run/conf1
had 2 /run/conf2
must wait_for 20 link_state "$G1" up
must ip -n "$G1" -batch /tmp/sas
before1=$(memory "$had_1") before2=$(memory "$had_2")
echo "@@begin 1"
start=$(now)
must ha "$G1" takeover vpn
must wait_for 600 count "$SAS"
echo "@@snapshot_ms $(($(now) - start))"
must wait_for 60 missing "$G2" 0
echo "@@source_octets $((($(memory "$had_1") - before1) * 1024 / SAS))"
echo "@@sink_octets $((($(memory "$had_2") - before2) * 1024 / SAS))"
echo "@@begin 2"
start=$(now)
must ip -n "$G1" -batch /tmp/rekeys
took=$(($(now) - start))
must wait_for 300 last $((SAS + REKEYS - 1))
must wait_for 300 count "$SAS"
echo "@@rekey_ms $took"
echo "@@behind_ms $(($(now) - start - took))"
echo "@@snapshots $(ha "$G1" -j status | jq '[.[].snapshots // empty] | add')"
stopped "$had_1" "$had_2"
