#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: ethtool jq
# timeout: 400
# tap: any
#
# A3 A5 C2: nothing that holds RTNL waits for as long as there are SAs: what drivers, packets, and
# grace periods cost is counted, not timed. The drivers here take their time to give slots back.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/espnic.sh"
. "$(dirname "$0")/../lib/engine.sh"

debug=/sys/kernel/debug/espnic
batch=32	# XHA_SLOTS_BATCH

waits() { # grace periods that SAs have waited for
	ha -j stat show | jq '.[] | select(.name == "engine_waits").value'
}

used() { # tx|rx COUNT: so many slots of both NICs are in use
	[ $(($(nic nic0 "$1_used") + $(nic nic1 "$1_used"))) = "$2" ]
}

sum() { # COUNTER: of the two NICs
	echo $(($(nic nic0 "$1") + $(nic nic1 "$1")))
}

delay() { # add|free MILLISECONDS
	local n

	for n in nic0 nic1; do
		echo "$2" > "$debug/$n/$1_delay_ms"
	done
}

many() { # out|in COUNT: SAs of eng0, the inbound ones' packets come by nic0
	local i lines=() src=192.0.2.1 dst=192.0.2.2 first=0x1000

	[ "$1" = out ] || src=192.0.2.2 dst=192.0.2.1 first=0x2000
	for ((i = 1; i <= $2; i++)); do
		lines+=("xfrm state add src $src dst $dst proto esp spi $((first + i)) reqid $i \
			mode tunnel aead rfc4106(gcm(aes)) $KEY 128 offload dev eng0 dir $1")
	done
	batch "$A" "${lines[@]}"
}

on_nic0() {
	[ "$(nic nic0 tx_used) $(nic nic0 rx_used)" = "50 50" ]
}

pinned() { # FIRST LAST NIC: inbound SAs, which nobody sends by
	local i

	for ((i = $1; i <= $2; i++)); do
		ha cache pin eng0 $((0x2000 + i)) nic "$3" || return 1
	done
}

calls() { # sets adds and frees, of the two NICs
	local n a f

	adds=0 frees=0
	for n in nic0 nic1; do
		read -r a f < "$debug/$n/calls"
		adds=$((adds + a)) frees=$((frees + f))
	done
}

# While it runs, at most so many SAs come to drivers, or are freed by them.
within() { # TEXT COUNT COMMAND...
	local text=$1 most=$2 status more_adds more_frees grace

	shift 2
	grace=$(waits)
	calls
	more_adds=$adds more_frees=$frees
	"$@"
	status=$?
	calls
	grace=$(($(waits) - grace))
	is "$text: $*" $status 0
	between "$text: SAs that drivers were given meanwhile" $((adds - more_adds)) 0 "$most"
	between "$text: SAs that drivers have freed meanwhile" $((frees - more_frees)) 0 "$most"
	between "$text: grace periods" $grace 0 4
}

espnic_load slots=1024
ha_load
wires
engine
must ha engine set eng0 period 200

#
# A NIC goes down, and takes 50 ms for each of its 150 SAs
#
count=100
must ip -n "$A" link set nic1 down
many out $count > /dev/null
must wait_for 60 used tx $count
many in 50 > /dev/null
must pinned 1 50 nic0
must wait_for 60 used rx 50
delay free 50
within "A5: down" 25 ip -n "$A" link set nic0 down
is "A5: down: no SA is sent to it any more" "$(nics nic0 '"\(.state)"') $(ha -j cache show eng0 |
	jq '[.[] | select(.dir == "out" and .where == "nic0")] | length')" "down 0"
check "A5: what it still had is given back" wait_for 60 used tx 0
check "A5: inbound, too" wait_for 60 used rx 0
delay free 0
is "A5: each slot once" "$(nic nic0 tx_frees) $(nic nic0 rx_frees)" "$count 50"

#
# SAs enter one after the other, each for 200 ms: nobody waits for all of them
#
delay add 200
must ip -n "$A" link set nic0 up
some() {
	[ "$(sum tx_adds)" -ge $((adds + 3)) ]
}
adds=$(sum tx_adds)
must wait_for 20 some
within "C2: entering: another NIC comes up" 25 ip -n "$A" link set nic1 up
delay free 50
within "C2: entering: and goes down" 25 ip -n "$A" link set nic1 down
within "C2: entering: an SA comes" 25 add_sa "$A" 999 0x1999 192.0.2.1 192.0.2.2 \
	offload dev eng0 dir out
within "C2: entering: an SA is deleted" 25 ip -n "$A" xfrm state delete src 192.0.2.1 \
	dst 192.0.2.2 proto esp spi 0x1999
between "C2: they were entering all the time" "$(sum tx_used)" 1 $((count - 1))
delay add 0
delay free 0
check "C2: and are in slots in the end" wait_for 60 used tx $count
must wait_for 60 used rx 50

#
# All SAs die at once: one grace period for many
#
grace=$(waits)
must ip -n "$A" xfrm state flush
no_sas() {
	[ "$(eng .sas)" = 0 ] && used tx 0 && used rx 0
}
check "A5: all are deleted" wait_for 60 no_sas
between "A5: all are deleted: grace periods" $(($(waits) - grace)) 1 $((2 + 50 / batch))

#
# The engine device goes down, with all that was given to it
#
many out 50 > /dev/null
many in 50 > /dev/null
must pinned 1 50 nic0
must wait_for 60 used tx 50
must wait_for 60 used rx 50
grace=$(waits)
must ip -n "$A" link set eng0 down
is "A5: the engine device goes down: grace periods" $(($(waits) - grace)) 1
check "A5: the engine device is down: no slot is used" wait_for 60 used tx 0
is "A5: the engine device is down: SAs" "$(ip -n "$A" xfrm state count | grep -o '[0-9]*')" 0
must ip -n "$A" link set eng0 up

#
# A NIC that is deleted is given all of its SAs back before: that is what its driver relies on
#
many out 50 > /dev/null
many in 50 > /dev/null
must pinned 1 50 nic0
must ip -n "$A" link set nic1 down
must wait_for 60 on_nic0
grace=$(waits)
must ip -n "$A" link del nic0
between "A5: deleted: grace periods" $(($(waits) - grace)) 1 3
is "A5: deleted: the SAs stay" "$(eng '"\(.sas) \(.hard)"')" "100 0"
ktap_finished
