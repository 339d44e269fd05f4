#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: ethtool jq
# timeout: 400
#
# A1 A2 A4: a forwarder that works by filters of the NIC, here the test NIC. SAs have a filter each,
# which leads their packets to a queue; it moves and goes with them. The filters of others stay
# as they are. What the NIC refuses is tried again; a NIC that can't is refused.
#
#   +-------- P --------+            +-------- G --------+
#   |  nic1  192.0.2.9  |----------->|  192.0.2.1  nic0  |     4 queues, 16 filters
#   +-------------------+            +-------------------+

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/espnic.sh"

debug=/sys/kernel/debug/espnic/nic0

wan() {
	netns G P
	must ip -n "$G" link add nic0 address 02:00:00:00:02:01 type espnic
	must ip -n "$G" link add link nic0 name nic1 netns "$P" type espnic
	must ip -n "$G" link set nic0 arp off up
	must ip -n "$P" link set nic1 arp off up
	remote_net nic0 nic1
	# Carrier is there when the kernel says so.
	must wait_for 10 cable
	must ip -n "$G" link add d0 type dummy
}

cable() {
	spawn -n "$P" -r cat /sys/class/net/nic1/operstate
	[ "$REPLY" = up ]
}

sa_add() { # K [SRC DST]: SPI 0x1000 + K in G
	must ip -n "$G" xfrm state add src "${2:-192.0.2.9}" dst "${3:-192.0.2.1}" proto esp \
		spi $((0x1000 + $1)) mode tunnel aead 'rfc4106(gcm(aes))' "$KEY" 128
}

sa_del() { # K
	must ip -n "$G" xfrm state delete src 192.0.2.9 dst 192.0.2.1 proto esp spi $((0x1000 + $1))
}

sender() { # K [SRC DST]: the same SA in P, for 10.1.0.K
	local src=${2:-192.0.2.9} dst=${3:-192.0.2.1}

	must ip -n "$P" xfrm state add src "$src" dst "$dst" proto esp spi $((0x1000 + $1)) \
		reqid "$1" mode tunnel aead 'rfc4106(gcm(aes))' "$KEY" 128 ${2:+flag af-unspec}
	must ip -n "$P" xfrm policy add src 10.2.0.1 dst "10.1.0.$1" dir out \
		tmpl src "$src" dst "$dst" proto esp reqid "$1" mode tunnel
}

on_queues() { # K [0]: how many of 10 packets come on queues 1 to 3, "N N N". 0: they need not
	local was arrived i

	ask_arrived
	was=("${arrived[@]}")
	# shellcheck disable=SC2016	# the inner shell's
	on "$P" bash -c 'exec 3> "/dev/udp/10.1.0.$1/9"
		for ((i = 0; i < 10; i++)); do printf x >&3; done' - "$1"
	wait_for 10 ten_more "${2-1}" "${was[@]}" || say "not all came: ${was[*]}, ${arrived[*]}"
	for i in 1 2 3; do
		was[i]=$((arrived[i] - was[i]))
	done
	echo "${was[*]:1}"
}

# What is asked again and again costs one process, whose words bash picks itself.
# What has no filter is on queue 0, with what IPv6 says by itself.
ask_arrived() { # packets by queue, in arrived
	local line

	arrived=()
	spawn -n "$G" -r ethtool -S nic0
	while read -r line; do
		[[ ! $line =~ ^rx_queue_[0-9]+_packets:\ ([0-9]+) ]] ||
			arrived+=("${BASH_REMATCH[1]}")
	done <<<"$REPLY"
}

arrived() {
	local arrived

	ask_arrived
	echo "${arrived[*]}"
}

ten_more() { # QUEUE N N N N: than that, from this queue on; sets arrived
	local was=("${@:2}") i more=0

	ask_arrived
	for ((i = $1; i < 4; i++)); do
		((more += arrived[i] - was[i]))
	done
	((more >= 10))
}

ask_filters() { # all, in filters: LOCATION=SPI>QUEUE
	local line at='' spi=''

	filters=()
	# Who is asked has done what the events of SAs told it.
	up
	spawn -n "$G" -r ethtool -n "${nic:-nic0}"
	while read -r line; do
		case $line in
		Filter:*) at=${line#*: } ;;
		*SPI:*) [[ $line =~ SPI:\ ([^ ]+) ]] && spi=${BASH_REMATCH[1]} ;;
		*Action:*) filters+=("$at=$spi>${line##* }") ;;
		esac
	done <<<"$REPLY"
}

filters() {
	local filters

	ask_filters
	echo "${filters[*]}"
}

ask_own() { # those of SAs, K>QUEUE in this order
	local filters filter k at own=()

	ask_filters
	for filter in "${filters[@]}"; do
		[[ $filter =~ =(4[01][0-9][0-9])\>(.*) ]] || continue
		k=$((BASH_REMATCH[1] - 4096)) at=$((100 * k + BASH_REMATCH[2]))
		own[at]+=${own[at]:+ }$k">"${BASH_REMATCH[2]}
	done
	REPLY=${own[*]}
}

own() { # K>QUEUE ...
	ask_own
	echo "$REPLY"
}

own_is() {
	ask_own
	[ "$REPLY" = "$1" ]
}

place_of() { # K
	local filters filter

	ask_filters
	for filter in "${filters[@]}"; do
		[[ $filter != *"=$((0x1000 + $1))>"* ]] || echo "${filter%%=*}"
	done
}

foreign() { # all others
	local filters filter rest=()

	ask_filters
	for filter in "${filters[@]}"; do
		[[ $filter =~ =4[01][0-9][0-9]\> ]] || rest+=("$filter")
	done
	echo "${rest[*]}"
}

foreign_add() { # LOCATION SPI QUEUE: as an administrator would
	# It says where it has put it.
	must on "$G" ethtool -N nic0 flow-type esp4 spi "$2" action "$3" loc "$1" >/dev/null
}

knob() { # NAME VALUE
	echo "$2" > "$debug/$1"
}

forwarder() { # QUEUES [OPTION...]: sets pid
	ip netns exec "$G" xfrm-ha forwarder run nic0 queues "$@" 2>/run/said &
	pid=$!
	wait_for 20 up || bail "no forwarder: $(cat /run/said)"
}

up() {
	on "$G" xfrm-ha forwarder stat "${nic:-nic0}" >/dev/null 2>&1
}

no_forwarder() { # [SIGNAL]: its exit status
	kill "${1:--TERM}" "$pid"
	wait "$pid"
}

fwd() { # JQ-EXPRESSION [COMMAND]: of what a command says
	on "$G" xfrm-ha -j forwarder "${2:-show}" nic0 | jq -rc "$1"
}

count() { # NAME
	fwd ".[] | select(.name == \"$1\").value" stat
}

count_is() { # NAME VALUE
	[ "$(count "$1")" = "$2" ]
}

mapped() { # the SAs that have a worker, by their K
	fwd 'map(.spi[8:] | tonumber) | sort | map(tostring) | join(" ")'
}

mapped_is() {
	[ "$(mapped)" = "$1" ]
}

at() { # K: "QUEUE-IT-SHALL-GO-TO QUEUE-IT-GOES-TO MOVES"
	fwd ".[] | select(.spi == \"0x0000100$1\") | \"\(.queue) \(.at) \(.moves)\""
}

pin() { # K QUEUE
	must on "$G" xfrm-ha forwarder pin nic0 $((0x1000 + $1)) queue "$2"
}

espnic_load
wan

# What it refuses.
run_on() { on "$G" xfrm-ha forwarder run "$@"; }
check "refused: a device without filters" \
	denied "d0 has no filters for flows" run_on d0 queues 0
check "refused: filters that are off" \
	denied 'the filters of nic0 are off: "ethtool -K nic0 ntuple on"' run_on nic0 queues 0
must on "$G" ethtool -K nic0 ntuple on
check "refused: a queue that is not there" \
	denied "nic0 has no queue 4" run_on nic0 queues 1-4
knob fail_flow_add 1
check "refused: a NIC without filters for ESP" \
	denied "nic0 has no filters for ESP: Operation not supported" run_on nic0 queues 0
knob flows 0
check "refused: a NIC that has none at all" \
	denied "nic0 does not tell how many filters it has" run_on nic0 queues 0
knob flows 2
foreign_add 0 0x777 1
foreign_add 1 0x778 1
check "refused: a NIC that is full" denied "nic0 has no room for a filter" run_on nic0 queues 0
is "and what is there stays" "$(filters)" "0=1911>1 1=1912>1"
must on "$G" ethtool -N nic0 delete 1 >/dev/null

# SAs have filters, which lead to queues. Those of others are left alone.
knob flows 16
foreign_add 15 0x779 1
foreign_add 13 0x77a 1
others="0=1911>1 13=1914>1 15=1913>1"
sa_add 1
sender 1
sender 2
is "without a filter none of its packets comes on these queues" "$(on_queues 1 0)" "0 0 0"
forwarder 1-3
sa_add 2
sa_add 3
is "A1 A4: an SA, a filter" "$(own)" "1>1 2>2 3>3"
is "at free places only" "$(filters)" "0=1911>1 11=4099>3 12=4098>2 13=1914>1 14=4097>1 15=1913>1"
is "A1: its packets come on its queue" "$(on_queues 1), $(on_queues 2)" "10 0 0, 0 10 0"
sender 3 2001:db8::9 2001:db8::1
sa_add 4 2001:db8::9 2001:db8::1
must ip -n "$G" xfrm state flush
is "A2: a flush" "$(fwd length) $(own)" "0 "
sa_add 3 2001:db8::9 2001:db8::1
is "A1: IPv6" "$(on_queues 3)" "10 0 0"
sa_add 1
sa_add 2
pin 1 3
is "A2: moved" "$(at 1) $(own)" "3 3 1 1>3 2>3 3>1"
is "with its packets" "$(on_queues 1)" "0 0 10"
sa_del 2
is "A2: an SA has gone, with its filter" "$(own)" "1>3 3>1"
is "the filters of others are as they were" "$(foreign)" "$others"
must on "$G" ethtool -N nic0 delete "$(place_of 1)" >/dev/null
check "one that was removed comes back" wait_for 10 own_is "1>3 3>1"

# An administrator who puts filters where ours will be, or is.
foreign_add 11 0x77b 1
sa_add 2
is "a place that was taken meanwhile is passed over" "$(own)" "1>3 2>2 3>1"
place=$(place_of 2)
foreign_add "$place" 0x77c 1
others="$others 11=1915>1 $place=1916>1"
sorted() { tr ' ' '\n' | sort -n | xargs; }
pin 2 1
is "one that has replaced ours stays" "$(foreign | sorted)" "$(sorted <<<"$others")"
is "and ours is elsewhere" "$(own)" "1>3 2>1 3>1"
place=$(place_of 2)
foreign_add "$place" 0x77d 1
others="$others $place=1917>1"
sa_del 2
is "even when its SA goes" "$(foreign | sorted)" "$(sorted <<<"$others")"

# Filters that can't be removed yet, nor replaced.
is "up to here nothing was refused" "$(count refused)" 0
sa_add 2
knob fail_flow_delete 2
sa_del 2
check "a removal that is refused is done later" wait_for 10 own_is "1>3 3>1"
is "and counted" "$(count refused)" 2
knob fail_flow_add 1000
pin 1 2
is "a move that is refused" "$(at 1) $(own)" "2 3 1 3>1"
knob fail_flow_add 0
check "is done later" wait_for 10 own_is "1>2 3>1"
between "and counted" "$(count refused)" 3 500
is "and is one move" "$(at 1)" "2 2 2"
is "with its packets" "$(on_queues 1)" "0 10 0"
knob flow_unique 1
refusals=$(count refused)
pin 1 3
is "a NIC that does not replace filters" "$(at 1) $(own) $(count refused)" "3 3 3 1>3 3>1 $refusals"
knob fail_flow_delete 1000
pin 1 1
is "nor removes one yet: the old one stays" "$(at 1) $(own)" "1 3 3 1>3 3>1"
knob fail_flow_delete 0
check "until it can be moved" wait_for 10 own_is "1>1 3>1"
knob flow_unique 0

# What it is asked.
is "its workers are called queues" \
	"$(fwd 'map(has("queue") and (has("cpu") | not)) | all'),$(fwd 'map(has("queue")) | all' workers)" \
	"true,true"
check "refused: to pin to a CPU" denied "its workers are queues, not CPUs" \
	on "$G" xfrm-ha forwarder pin nic0 0x1001 cpu 1
sa_add 3
is "one SPI, two SAs" "$(own)" "1>1 3>1 3>2"
for word in "pin nic0 0x1003 queue 3" "unpin nic0 0x1003"; do
	# shellcheck disable=SC2086	# a list
	check "refused: to guess which is meant: $word" \
		denied "several SAs have the SPI 0x00001003: say the address" \
		on "$G" xfrm-ha forwarder $word
done
must on "$G" xfrm-ha forwarder pin nic0 0x1003 address 192.0.2.1 queue 3
is "said by its address" "$(own)" "1>1 3>1 3>3"
sa_del 3
dumps=$(count dumps)
kill -HUP "$pid"
check "SIGHUP: it reads all SAs again, and stays" wait_for 10 count_is dumps $((dumps + 1))
kill -STOP "$pid"
check "one that does not answer is not waited for" denied "the forwarder on nic0 does not answer" \
	on "$G" timeout 60 xfrm-ha forwarder show nic0
kill -CONT "$pid"
check "another one is refused" denied "nic0 has a forwarder already" run_on nic0 queues 1

# Other queues.
check "refused: CPUs" denied "its workers are queues, not CPUs" \
	on "$G" xfrm-ha forwarder set nic0 cpus 0
check "refused: a queue that is not there" denied "there is no queue 4" \
	on "$G" xfrm-ha forwarder set nic0 queues 2,4
must on "$G" xfrm-ha forwarder set nic0 queues 2
is "A2: other queues" "$(own)" "1>2 3>2"

# Its end, with a NIC that is slow to remove.
knob fail_flow_delete 3
check "SIGTERM ends it with 0" no_forwarder
is "its filters are gone, those of others are not" "$(filters | sorted)" "$(sorted <<<"$others")"
is "it has had no reason to complain" "$(cat /run/said)" ""

# Killed again and again: who comes next takes over what is in the NIC, and no more than that.
owners() { # the SAs with a filter, by their K, each as often as it has one
	own | sed 's/>[0-9]//g'
}
owners_are() {
	[ "$(owners)" = "$1" ]
}
killed() { # NAME
	local i

	must ip -n "$G" xfrm state flush
	for i in 1 2 3; do
		sa_add $i
	done
	others=$(foreign)
	forwarder 1-3
	for i in 1 2 3 4; do
		no_forwarder -KILL
		case $i in
		2) sa_del 2 ;;
		3) sa_add 2 ;;
		esac
		forwarder 1-3
		is "$1: the SAs have theirs" "$(mapped)" "$([ $i = 2 ] && echo 1 3 || echo 1 2 3)"
		check "$1: and no more" wait_for 10 owners_are "$(mapped)"
	done
	is "$1: those of others are as they were" "$(foreign)" "$others"
}
killed "killed"
place=$(place_of 1)
no_forwarder -KILL
foreign_add "$place" 0x77e 1
others=$(foreign)
forwarder 1-3
check "one that was replaced meanwhile is made anew" owners_are "1 2 3"
is "and the other one stays" "$(foreign)" "$others"
no_forwarder -KILL
used=" $(filters | sed 's/=[^ ]*//g') "
added=()
for ((at = 0; at < 16; at++)); do
	[[ $used != *" $at "* ]] || continue
	foreign_add $at $((0x900 + at)) 1
	added+=("$at")
done
forwarder 1-3
is "a NIC that is full with them has room for them" "$(mapped) $(owners)" "1 2 3 1 2 3"
for at in "${added[@]}"; do
	must on "$G" ethtool -N nic0 delete "$at" >/dev/null
done

# It is called another name, and another NIC by its own.
must ip -n "$G" link add nic2 type espnic
must on "$G" ethtool -K nic2 ntuple on
must batch "$G" "link set nic0 name nic9" "link set nic2 name nic0"
sa_del 1
sa_add 4
nic=nic9
is "renamed: its filters are where they were" "$(owners)" "2 3 4"
nic=nic0
is "and none are in the NIC that has its name" "$(on "$G" ethtool -n nic0 | grep -c '^Filter')" 0
must batch "$G" "link set nic0 name nic2" "link set nic9 name nic0" "link del nic2"
check "SIGTERM ends it with 0" no_forwarder
is "and its filters" "$(owners)" ""
knob flow_any 1
killed "killed, the NIC chooses the places"
check "SIGTERM ends it with 0" no_forwarder
is "its filters are gone" "$(owners)" ""
knob flow_any 0

# Of two that start at once one runs; both have found the socket of one that was killed.
forwarder 1
no_forwarder -KILL
mkdir /run/hold
ip netns exec "$G" env LD_PRELOAD="$XFRM_HA_DIR/selftests/forwarder/hold.so" HOLD=/run/hold \
	xfrm-ha -j forwarder run nic0 queues 1 > /run/said &
pid=$!
must wait_for 20 test -e /run/hold/there
check "two at once: one is refused" denied "nic0 has a forwarder already" \
	on "$G" timeout 20 xfrm-ha forwarder run nic0 queues 2
: > /run/hold/go
check "the other one runs" wait_for 20 up
is "and says so in JSON" "$(jq -rc '.[0] | "\(.dev) \(.workers) \(.mode)"' /run/said)" \
	"nic0 queues ntuple"
check "SIGTERM ends it with 0" no_forwarder
is "nothing of it stays" "$(find /run/xfrm-ha -type f,s ! -name 'had-*')" ""

# A table that is full: 6 of the 8 are others'.
must ip -n "$G" xfrm state flush
knob flows 8
for at in 1 2 3 4 5; do
	foreign_add $at $((0x800 + at)) 1
done
before=$(foreign)
for k in 1 2 3 4; do
	sa_add $k
done
forwarder 1,2
is "a full table" "$(fwd length) $(count full)" "2 2"
sa_add 5
must ip -n "$G" xfrm state update src 192.0.2.9 dst 192.0.2.1 proto esp spi 0x1005 \
	mode tunnel aead 'rfc4106(gcm(aes))' "$KEY" 128
is "each SA is counted once" "$(fwd length) $(count full)" "2 3"
first=$(mapped)
sa_del "${first%% *}"
check "one that waits takes the place of one that goes" wait_for 10 count_is added 3
is "not counted anew" "$(fwd length) $(count full)" "2 3"
must on "$G" ethtool -N nic0 delete 5 >/dev/null
check "also when an administrator makes room" wait_for 10 count_is added 4
is "those who still wait were tried again, and not counted" "$(fwd length) $(count full)" "3 3"
is "the filters of others are as they were" "$(foreign)" "${before/ 5=2053>1/}"
check "SIGTERM ends it with 0" no_forwarder

# The same by its own limit, on a NIC that chooses the places by itself.
must ip -n "$G" xfrm state flush
knob flows 16
knob flow_any 1
before=$(filters)
for k in 1 2 3; do
	sa_add $k
done
forwarder 1-3 limit 2
sender 5
is "limit: one has to wait" "$(fwd length) $(count full)" "2 1"
first=$(mapped)
sa_del "${first%% *}"
is "and is next" "$(fwd length) $(count full) $(count added)" "2 1 3"
must ip -n "$G" xfrm state flush
sa_add 5
is "A1: its packets come on its queue" "$(own) $(on_queues 5)" "5>1 10 0 0"
pin 5 2
is "A2: moved, with its packets" "$(own) $(on_queues 5)" "5>2 0 10 0"
check "SIGTERM ends it with 0" no_forwarder
is "the filters of others are as they were" "$(filters)" "$before"

# What it can't remove it tells.
forwarder 1
knob fail_flow_delete 1000
check "SIGTERM ends it with 0" no_forwarder
is "what it leaves behind it tells" "$(cat /run/said) $(own)" \
	"xfrm-ha: nic0: filters that can't be removed: 1 5>1"
knob fail_flow_delete 0
must ip -n "$G" xfrm state flush
forwarder 1
check "the next one removes it" wait_for 10 owners_are ""
check "SIGTERM ends it with 0" no_forwarder
is "nothing of it stays" "$(find /run/xfrm-ha -type f,s ! -name 'had-*')" ""
ktap_finished
