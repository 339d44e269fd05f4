#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# machines: uml
# tap: any
# timeout: 240
#
# N11 N5: a planned switchover loses nothing, end to end: hosts and routers learn of it by ARP alone,
# packets come all the time, both ways, and each of them arrives, once. No number is skipped.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/had.sh"
. "$(dirname "$0")/../lib/detour.sh"

FLOWS=20	# each way
RATE=${XFRM_HA_RATE:-50}	# packets a second, of each
SWITCHES=${XFRM_HA_SWITCHES:-3}

flow() { # NAME FROM ADDRESS TO ADDRESS PORT
	ip netns exec "$2" "$XFRM_HA_DIR/selftests/oracle/esp-flow" -a "$2" -A "$3" -b "$4" -B "$5" \
		-p "$6" -n $FLOWS -r "$RATE" -s 64 > "/run/flow-$1" &
}

sum() { # NAME FIELD: of all flows
	awk -v field="$2" '{ for (i = 1; i < NF; i++) if ($i == field) n += $(i + 1) } END { print n + 0 }' \
		"/run/flow-$1"
}

longest() { # NAME: gap of all flows, ms
	awk '{ if ($NF > gap) gap = $NF } END { print gap + 0 }' "/run/flow-$1"
}

ha_load
detour_begin "detour { device = sync trusted = yes }"
oracle_start

began=$EPOCHREALTIME
flow out "$H" $inner_h "$P" $far 5001
out=$!
flow back "$P" $far "$H" $inner_h 5002
back=$!
for ((i = 1; i <= SWITCHES; i++)); do
	n=$((1 + i % 2))
	ns=G$n
	check "switchover $i: gateway $n carries it" ha "${!ns}" takeover vpn wait 20
	must wait_for 20 carries $n
done
[ "$SWITCHES" != 0 ] || must reaches 150
stopped "$out" "$back"
ms=$((${EPOCHREALTIME/./} / 1000 - ${began/./} / 1000))
say "sent: $(sum out sent) and $(sum back sent) in $ms ms;" \
	"longest silence, ms: $(longest out) and $(longest back)"
for way in out back; do
	check "$way: packets were sent" [ "$(sum $way sent)" -gt $((FLOWS * 10)) ]
	is "N11: $way: none was lost" "$(sum $way lost)" 0
	is "$way: none came twice" "$(sum $way duplicated)" 0
done
is "N5: no number was skipped" "$(group "$G1" vpn skipped) $(group "$G2" vpn skipped)" "0 0"
oracle_verdict "I1: no number twice" 0x1001 0x1002
for n in 1 2; do
	ns=G$n
	is "gateway $n: nothing was kept for too long" "$(detour_field $n keep_dropped)" 0
	say "gateway $n: $(ha "${!ns}" status | grep detour:)"
	[ "$ktap_failed" = 0 ] || {
		on "${!ns}" grep -v '[^0-9]0$' /proc/net/xfrm_stat
		on "${!ns}" tc -s qdisc show
	}
done

stopped "$had_1" "$had_2"
had_sentences 1
had_sentences 2
check "the module leaves" ha_unload
ktap_finished
