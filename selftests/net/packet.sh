#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: ethtool jq
# tap: any
# timeout: 480
#
# M1 N1 N5, invariants I1 and I2: SAs in packet offload mode, whose numbers only a NIC knows. Their
# counts are mirrored; who takes over neither sends nor accepts by them, and says that they are
# to be renewed. The NICs are espnic's; P has none.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/espnic.sh"
. "$(dirname "$0")/../lib/ha.sh"

END=4294967295
g=192.0.2.1 p=192.0.2.9

hard() { # NAMESPACE ARG...
	on "$1" "$XFRM_HA_DIR/selftests/oracle/offload-packet" "${@:2}"
}

hard_sas() { # NAMESPACE [esn]
	must hard "$1" sa $g $p $((spi + 1)) "$spi" out wan "${KEY#0x}" "${@:2}"
	must hard "$1" sa $p $g $((spi + 2)) "$spi" in wan "${KEY#0x}" "${@:2}"
}

hard_policies() { # NAMESPACE
	must hard "$1" policy $g $p "$spi" out wan
	must hard "$1" policy $p $g "$spi" in wan
}

soft_policies() { # NAMESPACE THERE BACK
	must ip -n "$1" xfrm policy add src "$2" dst "$3" dir out \
		tmpl src "$2" dst "$3" proto esp reqid "$spi" mode transport
	must ip -n "$1" xfrm policy add src "$3" dst "$2" dir in \
		tmpl src "$3" dst "$2" proto esp reqid "$spi" mode transport
}

gateway() { # NAMESPACE hard|soft [esn]
	if [ "$2" = hard ]; then
		hard_sas "$1" "${@:3}"
		hard_policies "$1"
	else
		sas "$spi" 4 transport "$1" replay-window ${3:+64 flag }"${3:-32}"
		soft_policies "$1" $g $p
	fi
}

anew() { # SPI hard|soft hard|soft [esn]: SAs of G1, of G2; G1 is active
	spi=$1
	no_sas
	role "$G1" vpn active || must ha "$G1" takeover vpn
	must wait_for 10 role "$G1" vpn active
	must wait_for 10 role "$G2" vpn standby
	must wait_for 10 in_sync "$G1" "$G2"
	reroute 1
	sas "$spi" 4 transport "$P" replay-window 64 ${4:+flag "$4"}
	soft_policies "$P" $p $g
	gateway "$G2" "$3" "${@:4}"
	gateway "$G1" "$2" "${@:4}"
	must wait_for 5 known
	oracle_start
}

known() { # both SAs are, by both gateways
	[ "$(sa "$G1" $((spi + 2)) .spi)" ] && [ "$(sa "$G2" $((spi + 2)) .spi)" ]
}

traffic() { # COUNT
	pings "$1" "$g"
}

no_traffic() { # three pings that nobody answers
	on "$P" ping -q -c 3 -i 0.02 -W 1 "$g"
}

nic() { # NAMESPACE COUNTER
	on "$1" ethtool -S wan | sed -n "s/^ *$2: //p"
}

echos() { # NAMESPACE: pings that its stack has taken in
	on "$1" nstat -asz IcmpInEchos | sed -n 's/^IcmpInEchos *\([0-9]*\).*/\1/p'
}

counts() { # NAMESPACE: packets and octets of both SAs
	sa "$1" $((spi + 1)) '"\(.packets) \(.bytes)"'
	sa "$1" $((spi + 2)) '"\(.packets) \(.bytes)"'
}

follows() { # NAMESPACE OTHER
	[ "$(counts "$1")" = "$(counts "$2")" ]
}

number() { # NAMESPACE SPI oseq|seq: both halves
	ip -n "$1" -s xfrm state list spi "$2" | sed -n '/anti-replay/,$p' |
		grep -o "\b$3\(-hi\)\? 0x[0-9a-f]*" | awk '{ printf "%s", $2 }'
}

numbers() { # NAMESPACE: outbound, and right edge
	echo "$(number "$1" $((spi + 1)) oseq) $(number "$1" $((spi + 2)) seq)"
}

told() { # the other gateway has acknowledged the end
	[ "$(sa "$G1" $((spi + 1)) .lease)" = "$END" ]
}

alone() { # NAMESPACE
	! in_sync "$1"
}

came() { # NAMESPACE: packets, to the NIC
	on "$1" cat /sys/class/net/wan/statistics/rx_{packets,dropped} | {
		read -r packets
		read -r dropped
		echo $((packets + dropped))
	}
}

have_come() { # NAMESPACE BEFORE: all that was sent again
	[ $(($(came "$1") - $2)) -ge "$(cat /run/again)" ]
}

again() { # 1|2: what was recorded, once more; prints how many of it are taken in
	local ns=G$1 before count

	ns=${!ns}
	before=$(echos "$ns") count=$(came "$ns")
	on "$P" "$XFRM_HA_DIR/selftests/oracle/esp-replay" -r /run/wire.pcap -i br0 \
		-d "02:00:00:00:02:0$1" -S $((spi + 2)) >/run/again
	wait_for 5 have_come "$ns" "$count" >/dev/null
	# The last one's way through the stack
	ktap_nap 300
	echo "$(($(echos "$ns") - before))"
}

expired() { # 0|1 SPI: softly, hard
	awk -v spi="$(printf '0x%08x' "$2")" -v hard="$1" '
		$0 ~ "spi " spi { this = 1 } this && /hard/ { print $NF; this = 0 }' /run/expire |
		grep -q "^$1"
}

finished() { # NAME 1|2 NEEDS-REKEY-BEFORE RECORDED: the gateway is active, can't go on with the SAs
	local ns=G$2

	ns=${!ns}
	is "$1: both are held" "$(sa "$ns" $((spi + 1)) .hold) $(sa "$ns" $((spi + 2)) .hold)" \
		"rekey rekey"
	is "$1: counted" $(($(stat "$ns" needs_rekey) - $3)) 2
	check_not "$1: the remote end gets no answer" no_traffic
	check_not "$1: nor can it send" on "$ns" ping -q -c 2 -i 0.1 -W 1 $p
	is "$1: what was sent before is not accepted" "$(again "$2")" 0
	is "$1: that was as much" "$(cat /run/again)" "$4"
}

espnic_load
ha_load
topology espnic
spi=0x1000
links
groups vpn interval 4 quantity 40

#
# Both in packet mode
#
anew 0x1000 hard hard
check "traffic, all of ESP by the NIC" traffic 40
is "the NIC has sent it" "$(nic "$G1" tx_packets)" 40
check "M1: the standby's counts follow" wait_for 10 follows "$G1" "$G2"
is "M1: exactly" "$(sa "$G2" 0x1001 .packets) $(sa "$G2" 0x1002 .packets)" "40 40"
# This makes the kernel ask the driver for its counts, too: not before.
is "the kernel has given no number" "$(numbers "$G1")" "0x0 0x0"
check "N1: the peer knows the end" wait_for 5 told
is "the active goes on" "$(sa "$G1" 0x1001 .hold)" -
is "the standby is held" "$(sa "$G2" 0x1001 .hold) $(sa "$G2" 0x1002 .hold)" "standby standby"
oracle_verdict "I1: no number was used twice"
is "I2: and accepts nothing" "$(again 2)" 0
# The bridge floods until it has learned: of a packet for the other gateway the NIC knows the number.
is "of what its NIC has decrypted" \
	"$(($(stat "$G2" nic_held) + $(nic "$G2" rx_replays)))" "$(cat /run/again)"
is "which was all" "$(cat /run/again)" 40
check "traffic as before" traffic 10
before=$(stat "$G2" needs_rekey) sent=$(nic "$G2" tx_packets)
expiries "$G2" /run/expire
must ha "$G2" takeover vpn force
must wait_for 5 role "$G2" vpn active
must wait_for 5 role "$G1" vpn standby
reroute 2
check "expired softly, outbound" wait_for 5 expired 0 0x1001
check "expired softly, inbound" wait_for 5 expired 0 0x1002
stopped "$monitor"
finished takeover 2 "$before" 40
is "I1: the NIC has sent nothing" "$(nic "$G2" tx_packets)" "$sent"

# New ones, with the reqid of the old: an IKE daemon's answer.
new=$((spi + 0x10))
must hard "$G2" sa $g $p $((new + 1)) "$spi" out wan "${KEY#0x}"
must hard "$G2" sa $p $g $((new + 2)) "$spi" in wan "${KEY#0x}"
REQID=$spi sas $new 4 transport "$P" replay-window 64
must ip -n "$P" xfrm state delete src $g dst $p proto esp spi $((spi + 1))
must ip -n "$P" xfrm state delete src $p dst $g proto esp spi $((spi + 2))
check "renewed, they carry traffic" traffic 10
is "by the NIC" $(($(nic "$G2" tx_packets) - sent)) 10
is "and are not held" "$(sa "$G2" $((new + 1)) .hold)" -

#
# The standby's copy in software: it has the number, and it is the end
#
for esn in "" esn; do
	name=software${esn:+, ESN}
	# shellcheck disable=SC2086	# nothing, or a word
	anew $((0x2000 + ${#esn} * 0x100)) hard soft $esn
	check "$name: traffic" traffic 20
	check "$name: counts follow" wait_for 10 follows "$G1" "$G2"
	is "$name: the numbers are the last ones" "$(numbers "$G2")" \
		"${esn:+0xfffffffe}0xffffffff ${esn:+0xfffffffe}0xffffffff"
	before=$(stat "$G2" needs_rekey)
	must ip -n "$G1" link set sync down
	must wait_for 10 alone "$G2"
	must ha "$G2" takeover vpn force
	must wait_for 5 role "$G2" vpn active
	reroute 2
	oracle_verdict "$name: I1: no number was used twice"
	finished "$name" 2 "$before" 20

	# Not only because it is held: a peer may not know of that.
	must ip -n "$G1" link set sync up
	must wait_for 20 in_sync "$G1" "$G2"
	must wait_for 5 role "$G1" vpn standby
	must ha "$G2" group del vpn
	must ha "$G1" group del vpn
	check_not "$name: no number is left to send with" on "$G2" ping -q -c 2 -i 0.1 -W 1 $p
	is "$name: nor to accept" "$(again 2)" 0
	groups vpn interval 4 quantity 40
done

#
# Planned, to and fro: an exact number is nobody's
#
anew 0x3000 hard hard esn
check "planned: traffic" traffic 20
oracle_verdict "planned: I1: no number was used twice"
before=$(stat "$G2" needs_rekey) sent=$(nic "$G2" tx_packets)
must ha "$G2" takeover vpn
must wait_for 5 role "$G2" vpn active
must wait_for 5 role "$G1" vpn standby
reroute 2
check "planned: the counts have come" follows "$G2" "$G1"
is "planned: all of them" "$(sa "$G2" $((spi + 1)) .packets)" 20
is "planned: it was handed over" "$(stat "$G1" release)" 1
finished planned 2 "$before" 20
is "planned: I1: the NIC has sent nothing" "$(nic "$G2" tx_packets)" "$sent"
before=$(stat "$G1" needs_rekey) sent=$(nic "$G1" tx_packets)
must ha "$G1" takeover vpn
must wait_for 5 role "$G1" vpn active
must wait_for 5 role "$G2" vpn standby
reroute 1
finished "and back" 1 "$before" 20
is "and back: I1: the NIC has sent nothing" "$(nic "$G1" tx_packets)" "$sent"

anew 0x3100 hard soft
check "planned, software: traffic" traffic 20
before=$(stat "$G2" needs_rekey)
must wait_for 5 ha "$G1" release vpn
must wait_for 5 role "$G2" vpn active
must wait_for 5 role "$G1" vpn standby
reroute 2
oracle_verdict "planned, software: I1: no number was used twice"
is "planned, software: the numbers are the last ones" "$(numbers "$G2")" "0xffffffff 0xffffffff"
finished "planned, software" 2 "$before" 20
sent=$(nic "$G1" tx_packets)
must ha "$G1" takeover vpn
must wait_for 5 role "$G1" vpn active
must wait_for 5 role "$G2" vpn standby
must ha "$G1" group del vpn
must ha "$G2" group del vpn
check_not "a NIC's SA stays held without a group" on "$G1" ping -q -c 2 -i 0.1 -W 1 $p
is "I1: it has sent nothing" "$(nic "$G1" tx_packets)" "$sent"
groups vpn interval 4 quantity 40

#
# The active's copy in software, the standby's in a NIC
#
anew 0x4000 soft hard
check "to a NIC: traffic" traffic 20
must wait_for 5 mirrored "$G1" 0x4001
must wait_for 5 mirrored "$G1" 0x4002
is "to a NIC: counts follow" "$(counts "$G2")" "$(counts "$G1")"
before=$(stat "$G2" needs_rekey) sent=$(nic "$G2" tx_packets)
must ha "$G2" takeover vpn force
must wait_for 5 role "$G2" vpn active
must wait_for 5 role "$G1" vpn standby
reroute 2
oracle_verdict "to a NIC: I1: no number was used twice"
finished "to a NIC" 2 "$before" 20
is "to a NIC: I1: it has sent nothing" "$(nic "$G2" tx_packets)" "$sent"
oracle_start
must ha "$G1" takeover vpn
must wait_for 5 role "$G1" vpn active
must wait_for 5 role "$G2" vpn standby
reroute 1
check "to a NIC: who has not used it leaves it to the other" traffic 10
oracle_verdict "to a NIC: I1: still no number was used twice"

#
# Alone: the peer must know, or not count
#
anew 0x5000 hard hard
check "alone: traffic" traffic 10
must wait_for 5 told
for ns in "$G1" "$G2"; do
	must ha "$ns" group set vpn on-peer-loss hold
done
must ip -n "$G1" link set sync down
must wait_for 10 alone "$G1"
check "alone: the peer knows the end" traffic 10
oracle_verdict "alone: I1: no number was used twice"
no_sas
spi=0x5100
sas $spi 4 transport "$P" replay-window 32
soft_policies "$P" $p $g
gateway "$G1" hard
is "alone: the peer does not know of it" "$(sa "$G1" 0x5101 .hold) $(sa "$G1" 0x5102 .hold)" \
	"limit -"
sent=$(nic "$G1" tx_packets)
check_not "alone: no answer" no_traffic
is "alone: nothing is sent" "$(nic "$G1" tx_packets)" "$sent"
must ip -n "$G1" link set sync up
must wait_for 20 in_sync "$G1" "$G2"
check "no more: it goes on" wait_for 10 hold "$G1" 0x5101 -
gateway "$G2" hard
check "no more: traffic" traffic 10

#
# A group of SAs that have carried traffic
#
must ha "$G1" group del vpn
must ha "$G2" group del vpn
check "no group: traffic" traffic 10
groups vpn interval 4 quantity 40
goes_on() {
	[ "$(sa "$G1" 0x5101 .hold) $(sa "$G1" 0x5102 .hold)" = "- -" ]
}
check "a new group: the active goes on" wait_for 5 goes_on
check "a new group: traffic" traffic 10
check "a new group: the peer knows the end" wait_for 5 told
check "a new group: counts follow" wait_for 10 follows "$G1" "$G2"

must ip -n "$G1" link add eng0 type xfrm_engine
check "an engine device refuses them" \
	denied "An engine device does crypto offload, not packet offload" \
	hard "$G1" sa $g $p 0x6001 0x6000 out eng0 "${KEY#0x}"
must ip -n "$G1" link del eng0

check "the module leaves" ha_unload
sent=$(nic "$G1" tx_packets)
check "the SAs still work" traffic 10
is "in the NIC" $(($(nic "$G1" tx_packets) - sent)) 10
ktap_finished
