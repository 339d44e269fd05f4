#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# machines: uml
# part: measurement
# tap: any
# timeout: 240
#
# M8: what a user does in a network namespace of his own does not slow down the failover of others.
# He makes and deletes links, groups and SAs as fast as he can, and sessions begin and end all the
# time. How long a takeover takes, from the cut to the notification, is compared with that in
# quiet times, which come in turns. The user's processes get what others leave of the CPU, which is
# all of it, or next to nothing: then a lock of his is not let go of for long.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"

ROUNDS=${ROUNDS:-5}	# of each kind
SAS=200			# of each of the user's gateways

# Two gateways of the user's, the second one by its process. Each command is said.
cat > /run/noise <<-'EOT'
	export PATH=$1:$PATH
	there() { nsenter -t "$other" -n "$@"; }
	unshare -n sleep infinity &
	other=$!
	while [ "$(readlink /proc/$other/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do :; done
	ip link add sync address 02:00:00:00:09:01 type veth \
		peer name sync address 02:00:00:00:09:02 netns $other || exit
	ip link set sync up
	there ip link set sync up
	# As both of them, command by command.
	both() {
		xfrm-ha ${*//PEER/02:00:00:00:09:02}
		there xfrm-ha ${*//PEER/02:00:00:00:09:01}
		echo turn
	}
	while true; do
		ip -batch "$2"
		there ip -batch "$2"
		both link add sync peer PEER insecure dead 2 heartbeat 10
		both group add noise role standby on-peer-loss takeover
		ip link set sync down
		both takeover noise force
		ip link set sync up
		both group set noise interval 1
		both group del noise
		both link del sync
		ip xfrm state flush
		there ip xfrm state flush
	done
	EOT
for ((n = 1; n <= SAS; n++)); do
	echo "xfrm state add src 192.0.2.1 dst 192.0.2.9 proto esp spi $n mode tunnel" \
		"enc ecb(cipher_null) \"\""
done > /run/noise.sas

turns() { # COUNT: of commands
	[ "$(grep -c turn /run/turns)" -ge "$1" ]
}

noise() { # CONT|STOP
	kill "-$1" -- "-$user"
}

again() { # G1 active, G2 standby, in sync
	wait_for 20 settled || return
	[ "$(group "$G1" vpn role)" = active ] || ha "$G1" takeover vpn wait 10 || return
	wait_for 10 settled
}

inside() { # COMMAND...: in G1, where it waits for nobody to enter
	echo "$*; echo done" > /run/inside
	read -r _ <&"$said"
}

# ms from the cut to the notification; in the end all is as before.
failover() {
	local started line

	while read -r -t 0.01 line <&"$events"; do :; done
	inside tc qdisc change dev sync root netem loss 100%
	started=${EPOCHREALTIME/[.,]/}
	until [[ $line == *"event takeover"* ]]; do
		read -r -t 20 line <&"$events" || return
	done
	took=$(((${EPOCHREALTIME/[.,]/} - started) / 1000))
	inside tc qdisc change dev sync root netem loss 0%
	again
}

busy() { # COMMAND...: meanwhile there is always somebody who wants the CPU
	local spinner status

	while :; do :; done &
	spinner=$!
	"$@"
	status=$?
	stopped $spinner
	return $status
}

percent() { # KIND KIND: the median of the one, of that of the other
	local -n these=$1 those=$2

	echo $(($(median "${these[@]}") * 100 / $(median "${those[@]}")))
}

median() { # NUMBER...
	printf '%s\n' "$@" | sort -n | sed -n "$((($# + 1) / 2))p"
}

ha_load
topology
sas 0x1000 4 tunnel "$G1 $G2 $P" replay-window 32
links heartbeat 100 dead 5
groups vpn on-peer-loss takeover
must wait_for 10 settled
rm -f /run/events /run/inside /run/said
at_exit rm -f /run/events /run/inside /run/said
must mkfifo /run/events
ip netns exec "$G2" "$XFRM_HA_DIR/tools/xfrm-ha/xfrm-ha" monitor > /run/events &
exec {events}<> /run/events
must tc -n "$G1" qdisc add dev sync root netem loss 0%
must mkfifo /run/inside /run/said
ip netns exec "$G1" bash < /run/inside > /run/said &
# shellcheck disable=SC2034	# it stays open
exec {keep}<> /run/inside {said}<> /run/said

setsid setpriv --reuid 65534 --regid 65534 --clear-groups chrt --idle 0 unshare -Urn \
	bash /run/noise "$XFRM_HA_DIR/tools/xfrm-ha" /run/noise.sas > /run/turns 2>&1 &
user=$!
at_exit kill -KILL -- "-$user"
must wait_for 20 turns 2
noise STOP
quiet=() loud=() busy=() starved=()
before=$(grep -c turn /run/turns)
for ((i = 0; i < ROUNDS; i++)); do
	failover || bail "no takeover"
	quiet+=("$took")
	busy failover || bail "no takeover"
	busy+=("$took")
	noise CONT
	must wait_for 20 turns $(($(grep -c turn /run/turns) + 3)) > /dev/null
	failover || bail "no takeover"
	loud+=("$took")
	busy failover || bail "no takeover"
	starved+=("$took")
	noise STOP
done
grep -v turn /run/turns | sort | uniq -c | sed 's/^/# /'
say "quiet: ${quiet[*]}; with noise: ${loud[*]}"
say "on a busy CPU: ${busy[*]}; with noise: ${starved[*]}"
between "there was noise, commands" $(($(grep -c turn /run/turns) - before)) \
	$((3 * ROUNDS)) 100000
between "M8: of the time that it takes in quiet, percent" "$(percent loud quiet)" 1 199
between "M8: also on a busy CPU, percent" "$(percent starved busy)" 1 199
kill -KILL -- "-$user"
wait "$user" 2> /dev/null
check "the module leaves" ha_unload
ktap_finished
