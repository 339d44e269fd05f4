#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# timeout: 120
#
# S5 M8: 200 calls of 50 packets a second pass through a failover, with default
# settings. The gateway dies without a word: its devices carry nothing any more. What each
# call loses, and its gap, is what detection and rerouting take. A table for selftests/voice:
# lines "@@call NUMBER SENT RECEIVED LOST GAP".

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"

RATE=50 CALLS=200
# With sanitizers a packet takes a hundred times as long.
case $XFRM_HA_MACHINE in
uml-san | smp-*) CALLS=5 ;;
esac

ms() {
	echo $((${EPOCHREALTIME/[.,]/} / 1000))
}

ha_load
topology
sas 0x1000 4 tunnel "$G1 $G2 $P" replay-window 128
lan 0x1000
must "$XFRM_HA_DIR/tools/xfrm-ha/xfrm-ha" keygen /run/voice.key
for n in 1 2; do
	g=G$n
	must ha "${!g}" link add sync peer "02:00:00:00:01:0$((3 - n))" key /run/voice.key
done
must wait_for 10 link_state "$G2" up
groups vpn on-peer-loss takeover
oracle_start -m 2048

# What moves the addresses: a hook of the tool, run on the event.
cat > /run/hook <<-EOF
	#!/bin/bash
	event=\${EPOCHREALTIME/[.,]/}
	ip -n $P neigh replace 192.0.2.1 lladdr 02:00:00:00:02:02 dev br0 nud permanent
	echo \$((event / 1000)) \$((\${EPOCHREALTIME/[.,]/} / 1000)) > /run/rerouted
EOF
chmod +x /run/hook
ip netns exec "$G2" "$XFRM_HA_DIR/tools/xfrm-ha/xfrm-ha" watch --on-takeover /run/hook > /run/watch 2>&1 &
packets() { # through either gateway
	echo $(($(sa "$G1" 0x1002 .packets) + $(sa "$G2" 0x1002 .packets)))
}
carried() { # PACKETS
	[ "$(packets)" -ge "$1" ]
}
# A machine that has stood still meanwhile has lost its peer, too.
begun() {
	local before

	rm -f /run/rerouted
	before=$(packets)
	ip netns exec "$P" "$XFRM_HA_DIR/selftests/oracle/esp-flow" -a "$P" -A 10.2.0.1 \
		-b "$H" -B 10.3.0.2 -n $CALLS -r $RATE > /run/calls &
	calls=$!
	wait_for 20 carried $((before + CALLS * RATE / 2)) && ! [ -e /run/rerouted ] &&
		in_sync "$G1" "$G2" && role "$G1" vpn active
}
for _ in 1 2 3 4 5; do
	begun && break
	stopped $calls
	must wait_for 20 settled
	role "$G1" vpn active || must ha "$G1" takeover vpn
	must wait_for 10 role "$G1" vpn active
	must wait_for 10 role "$G2" vpn standby
	reroute 1
done
check "the calls have begun" role "$G1" vpn active
check "and are answered" ping_all "$H" -c 10 -i 0.02 -W 5 10.2.0.1
killed=$(ms)
tc -n "$G1" qdisc add dev sync root netem loss 100%
ip -n "$G1" link set wan down
ip -n "$G1" link set lan down
check "S5: the peer takes over, and is rerouted to" wait_for 20 test -s /run/rerouted
read -r event moved < /run/rerouted
packets=$(sa "$G2" 0x1002 .packets)
check "S5: the calls go on" wait_for 20 carried $((packets + CALLS * RATE))
stopped "$calls"
lan_to 2
check "and are answered by the other gateway" ping_all "$H" -c 10 -i 0.02 -W 5 10.2.0.1
oracle_verdict "I1: no number was used twice" 0x1001
awk '/^flow/ { print "@@call", $2, $4, $6, $8, $12 }' /run/calls
losses=$(awk '/^flow/ { print $8 }' /run/calls | sort -n)
median=$(sed -n "$((CALLS / 2))p" <<<"$losses")
say "detection $((event - killed)) ms, rerouted after $((moved - killed)) ms," \
	"lost: median $median, at most $(tail -n 1 <<<"$losses")"
is "S5: calls" "$(wc -l <<<"$losses")" $CALLS
# One packet more for that which was on its way.
between "S5: a call loses what the time until it is rerouted takes, median" "$median" 1 \
	$(((moved - killed) * RATE / 1000 + 1))
check "the module leaves" ha_unload
ktap_finished
