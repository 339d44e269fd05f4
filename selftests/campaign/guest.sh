#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# shellcheck disable=SC2086	# numbers and addresses
#
# In a guest: carries out one scenario of a campaign ($SCENARIO, written by run), and judges
# it: no number twice on the wire, no replay accepted beyond what is shown, no SA lost.
# Prints "@@verdict ok", or "@@verdict" and why not.
#
# DAEMON=yes: each gateway has xfrm-had, which is told by a file what else commands tell the module. SAs
# and policies are made where the group is active, as by an IKE daemon, and relayed to the other.

. "${BASH_SOURCE[0]%/*}/../lib/ktap.sh"
. "${BASH_SOURCE[0]%/*}/../lib/ha.sh"
. "${BASH_SOURCE[0]%/*}/../lib/had.sh"

DAEMON=no
COUNT=1 MODE=tunnel FAMILY=4 INTERVAL=16 QUANTITY=200 REPLAY=lenient ALONE=solo BITMAP=off
FLAGS=(replay-window 64)
spi=4096 replays=0 takeovers=0 link_cut='' up1='' up2='' begun=''

verdict() {
	echo "@@verdict $*"
	exit 0
}

lost() { # REASON: what there is to see, then the verdict
	for ns in "$G1" "$G2"; do
		on "$ns" grep -v ' 0$' /proc/net/xfrm_stat
		ha "$ns" stat show
		ha "$ns" link show
		ha "$ns" group show
		ha "$ns" sa show
		[ $DAEMON = no ] || ha "$ns" status
	done
	[ $DAEMON = no ] || tail -n 100 /run/had[12]*
	ip -n "$P" -s xfrm state list
	verdict "$@"
}

gateway() { # 1|2
	[ "$1" = 1 ] && echo "$G1" || echo "$G2"
}

is_up() { # 1|2
	local up=up$1

	[ -n "${!up}" ]
}

addresses() {
	g=192.0.2.1 p=192.0.2.9 to=10.1.0.1
	[ $FAMILY = 6 ] && g=2001:db8::1 p=2001:db8::9 to=fd01::1
	[ $MODE = tunnel ] || to=$g
}

install() { # NAMESPACE: the SAs that IKE has negotiated, the last COUNT of them
	local lines=() n

	for ((n = 0; n < COUNT; n++)); do
		REQID=7 sa_lines $((spi + 16 * n)) $FAMILY $MODE "${FLAGS[@]}"
	done
	must batch "$1" "${lines[@]}"
}

# There may be some of them: the relay has brought them.
complete() { # NAMESPACE
	(must() { "$@" 2>/dev/null; }; batch() { printf '%s\n' "${@:2}" | ip -n "$1" -force -batch -; }
	 install "$1")
}

# Only who is active: the relay does the rest. If nobody is, whoever is there.
negotiated() { # what IKE has
	local n ns active=''

	for n in 1 2; do
		ns=$(gateway $n)
		! is_up $n || ! role "$ns" vpn active || active+=" $ns"
	done
	[ "$active" ] || active="${up1:+$G1} ${up2:+$G2}"
	for ns in $active; do
		complete "$ns"
	done
}

file() { # 1|2 ROLE: of the gateway's daemon
	cat > "/run/conf$1" <<-EOT
	node = g$1
	link hb {
	    device = sync peer = 02:00:00:00:01:0$((3 - $1)) key-file = /run/key
	    heartbeat = 20 dead = 5
	}
	group vpn {
	    match { address = { 192.0.2.1, 2001:db8::1 } }
	    role = $2 interval = $INTERVAL quantity = $QUANTITY
	    on-peer-loss = takeover alone = $ALONE replay = $REPLAY
	    bitmap = $([ $BITMAP = on ] && echo yes || echo no)
	    join = 1500 replicate = yes
	}
	EOT
}

alive() { # 1|2: its daemon
	local pid=had_$1 stat

	{ read -r stat < "/proc/${!pid:-none}/stat"; } 2>/dev/null && [[ ${stat##*) } != Z* ]]
}

# As init would have it: that of a gateway that is there.
revive() { # 1|2
	local pid=had_$1

	if ! is_up "$1" || alive "$1"; then
		return
	fi
	[ -z "${!pid}" ] || wait "${!pid}" 2>/dev/null
	rm -f "/run/die$1"
	[ ! -e "/run/had$1" ] || mv "/run/had$1" "/run/had$1.$RANDOM"
	LD_PRELOAD=$XFRM_HA_DIR/selftests/had/die.so XFRM_HAD_DIE=/run/die$1 had "$1" "/run/conf$1"
}

murder() { # 1|2: its daemon, at any moment
	! alive "$1" || had_stop "$1" 9
}

# What a daemon has to say to the kernel is not said beyond so many words, of what comes next.
doom() { # 1|2 COUNT
	alive "$1" || return 0
	echo "$2" > "/run/die$1.new"
	mv "/run/die$1.new" "/run/die$1"
}

configure() { # 1|2 ROLE: what the module has to be told
	local ns peer=$((3 - $1))

	ns=$(gateway "$1")
	must ha "$ns" node set id "$1"
	if [ $DAEMON = yes ]; then
		file "$1" "$2"
		declare -g "up$1=1"
		revive "$1"
		return
	fi
	must ha "$ns" link add sync peer "02:00:00:00:01:0$peer" key /run/key heartbeat 20 dead 5
	must ha "$ns" group add vpn role "$2" interval $INTERVAL quantity $QUANTITY \
		on-peer-loss takeover on-peer-loss $ALONE replay $REPLAY bitmap $BITMAP join 1500
}

start() { # 1|2 ROLE: a gateway begins, and knows nothing
	local ns

	ns=$(gateway "$1")
	must batch "$ns" "link set wan up" \
		"route replace 10.2.0.0/16 via 192.0.2.9 src 10.1.0.1" \
		"neigh replace 192.0.2.9 lladdr 02:00:00:00:02:09 dev wan nud permanent" \
		"addr replace 2001:db8::1/64 dev wan nodad" \
		"route replace fd02::/64 via 2001:db8::9 src fd01::1" \
		"neigh replace 2001:db8::9 lladdr 02:00:00:00:02:09 dev wan nud permanent" \
		"link set sync up"
	# Only the first one of all; else the relay brings them.
	if [ $DAEMON = no ]; then
		install "$ns"
	elif [ -z "$begun" ] && [ "$2" = active ]; then
		install "$ns"
		begun=1
	fi
	configure "$1" "$2"
	declare -g "up$1=1"
}

to_active() { # P sends to a gateway that is active; sets active
	local n

	for n in 1 2; do
		is_up $n && role "$(gateway $n)" vpn active && reroute $n && active=$(gateway $n)
	done
}

count() { # takeovers, of both, those before a reload too
	echo $((takeovers + $(stat "$G1" takeover) + $(stat "$G2" takeover)))
}

# Numbers that count as seen and that P has not used yet, most of an SA.
seen_early() { # NAMESPACE
	local line spi='' seq most=0
	local -A used

	spawn -r ip -n "$P" xfrm state list src $p dst $g
	while read -r line; do
		[[ ! $line =~ proto\ esp\ spi\ (0x[0-9a-f]+) ]] || spi=${BASH_REMATCH[1]}
		[[ ! $line =~ oseq\ (0x[0-9a-f]+) ]] || used[$spi]=${BASH_REMATCH[1]}
	done <<<"$REPLY"
	ask_where dst $g '"\(.spi) \(.seq)"' "$1" sa show
	while read -r spi seq; do
		[ -z "$spi" ] || [ $((seq - ${used[$spi]-0})) -le $most ] ||
			most=$((seq - ${used[$spi]-0}))
	done <<<"$REPLY"
	echo $most
}

# --- steps of a scenario ---

traffic() { # COUNT [SECONDS]: whatever comes back
	to_active
	pings "$1" "$to" "${2:-0.002}" > /dev/null 2>&1
}

traffic_both() { # COUNT: through each gateway, as if both were reached
	local n

	for n in 1 2; do
		reroute $n
		pings "$1" "$to" 0.002 > /dev/null 2>&1
	done
}

disconnect() {
	[ -n "$link_cut" ] || cut
	link_cut=1
}

reconnect() {
	link_cut=
	mend
}

weather() { # WORD...: netem, unless the link is cut
	[ -n "$link_cut" ] || netem "$@"
}

carrier() { # 1|2: the link's device of a gateway goes down and comes back
	ip -n "$(gateway "$1")" link set sync down
	ip -n "$(gateway "$1")" link set sync up
}

# Whether the two get in sync. Not waited for where it can't be.
met() {
	[ -z "$link_cut" ] && is_up 1 && is_up 2 && wait_for 10 in_sync "$G1" "$G2"
}

together() { # and one of them is active
	met && wait_for 1 settled
}

# Who has SAs of which the other one was never told takes them along.
relayed() {
	local ns

	[ $DAEMON = yes ] || return 0
	for ns in "$G1" "$G2"; do
		[ "$(group "$ns" vpn missing)$(group "$ns" vpn peer_missing)" = 00 ] || return 1
	done
}

died() { # 1|2: without power; another one must be there, and know the SAs
	local ns

	together || return 0
	wait_for 5 mirrored_all || return 0
	wait_for 5 relayed || return 0
	ns=$(gateway "$1")
	ip -n "$ns" link set wan down
	ip -n "$ns" link set sync down
	murder "$1"
	ha "$ns" group del vpn
	ha "$ns" link del sync
	ip -n "$ns" xfrm state flush
	[ $DAEMON = no ] || ip -n "$ns" xfrm policy flush
	declare -g "up$1="
	wait_for 10 role "$(gateway $((3 - $1)))" vpn active
}

mirrored_all() {
	local ns

	for ns in "$G1" "$G2"; do
		ask "$ns" sa show
		# Nobody looks at what there is none of.
		[[ $REPLY == "[{"* && ! $REPLY =~ \"behind_(out|in)\":[^0] ]] || return 1
	done
}

back() { # 1|2 ROLE
	is_up "$1" || start "$1" "$2"
}

switch() { # 1|2: planned
	is_up "$1" && ha "$(gateway "$1")" takeover vpn 2>/dev/null
}

force() { # 1|2
	met && relayed && ha "$(gateway "$1")" takeover vpn force 2>/dev/null
}

give() { # 1|2
	is_up "$1" && ha "$(gateway "$1")" release vpn 2>/dev/null
}

reload() { # the module of both gateways leaves with all that it knew; the SAs stay
	local n role1 role2

	together || return 0
	role1=$(group "$G1" vpn role)
	role2=$(group "$G2" vpn role)
	takeovers=$(count)
	murder 1
	murder 2
	rmmod xfrm_ha
	traffic 20
	insmod "$XFRM_HA_KO" ${XFRM_HA_TAP:+"tap=$XFRM_HA_TAP"}
	configure 1 "$role1"
	configure 2 "$role2"
}

rekey() { # new SAs on all, then the old ones go
	local old=$spi ns n lines=()

	spi=$((spi + 16 * COUNT))
	if [ $DAEMON = yes ]; then
		install "$P"
		negotiated
	else
		for ns in "$P" ${up1:+"$G1"} ${up2:+"$G2"}; do
			install "$ns"
		done
	fi
	for ((n = 0; n < COUNT; n++)); do
		lines+=("xfrm state del src $g dst $p proto esp spi $((old + 16 * n + 1))"
			"xfrm state del src $p dst $g proto esp spi $((old + 16 * n + 2))")
	done
	for ns in "$P" ${up1:+"$G1"} ${up2:+"$G2"}; do
		printf '%s\n' "${lines[@]}" > /run/lines
		spawn ip -n "$ns" -force -batch /run/lines
	done
}

clock() { # SECONDS
	date -s "@$(($(date +%s) + $1))" > /dev/null
}

settle_down() {
	together
}

accepted() { # NAMESPACE: inbound packets, by the kernel's count
	local line n=0

	spawn -r ip -n "$1" -s xfrm state list src $p dst $g
	while read -r line; do
		[[ ! $line =~ \(bytes\),\ *([0-9]+)\(packets\) ]] || n=$((n + BASH_REMATCH[1]))
	done <<<"$REPLY"
	echo $n
}

# What was answered before is sent once more to whoever is active now.
again() {
	local ns n before through shown

	for n in 1 2; do
		ns=$(gateway $n)
		is_up $n || continue
		role "$ns" vpn active || continue
		shown=$(ha "$ns" -j sa show | jq '[0, .[].exposure_replay] | max')
		before=$(accepted "$ns")
		on "$P" "$XFRM_HA_DIR/selftests/oracle/esp-replay" -r /run/answered.pcap -i br0 \
			-d "02:00:00:00:02:0$n" -n 200 > /dev/null
		through=$(($(accepted "$ns") - before))
		replays=$((replays + through))
		[ $through -le $((shown * COUNT)) ] ||
			lost "$through replays were accepted, $shown are shown"
	done
}

answered() { # COUNT: traffic that is all answered is what again sends
	to_active
	record /run/answered
	pings "$1" "$to" 0.002 > /run/pings 2>&1
	stopped "$recorder"
	grep -q ' 0% packet loss' /run/pings || : > /run/answered.pcap
}

ha_load
topology
must "$XFRM_HA_DIR/tools/xfrm-ha/xfrm-ha" keygen /run/key
: > /run/answered.pcap
# shellcheck source=/dev/null
. "$SCENARIO"
addresses
install "$P"
policies 7 $FAMILY $MODE
[ $DAEMON = no ] || ip -n "$G2" xfrm policy flush
oracle_start
start 2 standby
start 1 active
wait_for 10 settled || lost "they never met"
wait_for 20 relayed || lost "SAs were never relayed"
steps > /run/steps 2>&1

# All is mended: one is active, and every SA works.
reconnect
back 1 standby
back 2 standby
if [ $DAEMON = yes ]; then
	# Whoever is doomed dies by what he has to say now and then.
	for n in 1 2; do
		murder $n
		rm -f /run/die$n
		revive $n
	done
fi
wait_for 15 in_sync "$G1" "$G2" || lost "the link does not come back"
if ! wait_for 2 settled; then
	# Nobody may be active: it is the user's business then.
	in_sync "$G1" "$G2" || lost "the link does not stay"
	[ "$(group "$G1" vpn role)$(group "$G2" vpn role)" = standbystandby ] ||
		lost "$(group "$G1" vpn role) and $(group "$G2" vpn role)"
	ha "$G1" takeover vpn
	wait_for 10 settled || lost "no takeover"
fi
wait_for 30 relayed || lost "SAs are missing on one gateway"
# Every SA works, unless the roles have changed meanwhile: on a machine under load a heartbeat may
# come late.
disturbances() { # peers that were given up, and terms
	stat "$G1" peer_lost
	stat "$G2" peer_lost
	group "$G1" vpn term
	group "$G2" vpn term
}
works() {
	local bound=0 excess before count

	wait_for 15 settled || return 1
	before=$(disturbances)
	to_active
	# What strict has counted as seen, takeover by takeover, has to pass.
	count=$(count)
	excess=$(seen_early "$active")
	[ $REPLAY = lenient ] || bound=$((count * $(ha "$active" -j sa show |
		jq '[0, (.[] | .exposure_lost + .exposure_replay)] | max')))
	[ "$excess" -le $bound ] ||
		lost "$excess numbers count as seen: $count takeovers, $bound at most"
	pings $((20 + excess)) "$to" 0.002 > /run/pings 2>&1
	pings 20 "$to" 0.005 > /run/pings 2>&1
	grep -q ' 0% packet loss' /run/pings && return
	[ "$(disturbances)" = "$before" ] || works
}
works || { cat /run/steps /run/pings; lost "an SA does not work"; }
oracle_status || { cat /run/steps; lost "the oracle objects"; }
ha_unload || verdict "the module does not leave"
if dmesg | awk -f selftests/vm/races.awk | grep -E 'WARNING|BUG|Oops|Call Trace|refcount|leaked'; then
	dmesg | tail -60
	verdict "the kernel has complained"
fi
echo "@@replays $replays"
verdict ok
