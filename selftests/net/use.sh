#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: python3 tcpdump
# timeout: 400
#
# N10, invariants I1 and I2: a template of level use lets packets go in clear where its SA is not
# valid. With a tap that refuses packets an SA that is held is valid: nothing goes in clear, and
# nothing by the SA either, in or out; it can be updated. Where the tap can't, operators are told.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"

OUT="src 192.0.2.1 dst 192.0.2.9 proto esp"
IN="src 192.0.2.9 dst 192.0.2.1 proto esp"

optional() { # NAMESPACE SPI
	batch "$1" "xfrm policy update src 192.0.2.1 dst 192.0.2.9 proto udp dport 9 dir out \
		tmpl src 192.0.2.1 dst 192.0.2.9 proto esp reqid $2 mode transport level use"
}

# To port 9, by the policy; and one to another port, in clear, which tells that those before it have
# come, or never will: they go the same way.
send() { # NAMESPACE COUNT: how many were in clear
	: > /run/clear
	on "$1" python3 -c '
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
def send(port):
    try:
        s.sendto(b"x", ("192.0.2.9", port))
    except OSError:
        pass
for n in range(int(sys.argv[1])):
    send(9)
    if not n % 20:
        time.sleep(0.001)
send(10)' "$2"
	wait_for 10 grep -q '192.0.2.9.10:' /run/clear > /dev/null
	grep -c '192.0.2.9.9:' /run/clear
}

told() { # NAMESPACE
	counter "$1" use_level 1
}

field() { # NAMESPACE SPI WORD: of the SA, as the kernel says
	ip -n "$1" -s xfrm state get $OUT spi "$2" | grep -o "$3.*" | head -n 1
}

packets() { # NAMESPACE SPI: that the kernel has counted
	ip -n "$1" -s xfrm state get $IN spi "$2" |
		sed -n 's/.*(bytes), *\([0-9]*\)(packets).*/\1/p' | head -n 1
}

ha_load
topology
oracle_start
links
groups vpn on-peer-loss hold interval 4 quantity 16
tap=$(ha "$G1" -j node show | jq -r '.[0].tap')
on "$G2" "$XFRM_HA_DIR/tools/xfrm-ha/xfrm-ha" monitor > /run/events &
sas 0x1000 4 transport "$G1 $G2 $P" replay-window 64
for ns in "$G1" "$G2"; do
	must wait_for 10 sa "$ns" 0x1001 .spi
	must optional "$ns" 0x1000
done
if [ "$tap" != ftrace ]; then
	for ns in "$G1" "$G2"; do
		check "N10: operators are told" wait_for 10 told "$ns"
	done
	check "by an event" wait_for 10 grep -q use-level /run/events
	# Those that are there already.
	must ha "$G2" group del vpn
	before=$(stat "$G2" use_level)
	must ha "$G2" group add other reqid 7 role standby
	is "not of what no group has" "$(stat "$G2" use_level)" "$before"
	must ha "$G2" group add vpn reqid 0x1000 role standby
	check "nor only of those to come" counter "$G2" use_level $((before + 1))
	ktap_finished
fi

on "$P" tcpdump -lnU -i br0 'udp' > /run/clear 2> /run/tcpdump &
must wait_for 10 grep -q listening /run/tcpdump
is "N10: by the active gateway's SA, none in clear" "$(send "$G1" 5)" 0
is "by its SA" "$(sa "$G1" 0x1001 .oseq)" 5
is "N10: a standby's is held, none in clear" "$(send "$G2" 5)" 0
is "I1: and none by the SA" "$(field "$G2" 0x1001 'lastused')" ""
check "which is counted" counter "$G2" held_refused 5

# Inbound, what is for the active gateway comes to the standby.
must batch "$P" "xfrm policy add src 192.0.2.9 dst 192.0.2.1 proto udp dport 11 dir out \
	tmpl $IN reqid 0x1000 mode transport"
reroute 2
before=$(stat "$G2" held_refused)
on "$P" python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for n in range(5):
    s.sendto(b"x", ("192.0.2.1", 11))'
check "I2: a standby refuses what it receives" wait_for 10 counter "$G2" held_refused $((before + 5))
is "I2: it has accepted nothing" "$(packets "$G2" 0x1002)" 0
reroute 1

# The user may say something else of a held SA. It stays held, and its lifetime stands still.
expiries "$G2" /run/expiries2
expiries "$G1" /run/expiries1
for ns in "$G2" "$G1"; do
	must batch "$ns" "xfrm state update $OUT spi 0x1001 reqid 0x1000 mode transport \
		aead rfc4106(gcm(aes)) $KEY 128 replay-window 64 limit packet-soft 100000 \
		limit time-soft 2"
done
is "a held SA can be updated" "$(field "$G2" 0x1001 'limit: soft 100000')" \
	"limit: soft 100000(packets), hard (INF)(packets)"
check "the active gateway's comes to its soft limit" wait_for 10 grep -q Expired /run/expiries1
is "the other's time stands still" "$(cat /run/expiries2)" ""
check "it stays held" held "$G2" 0x1001
is "N10: none in clear" "$(send "$G2" 5)" 0

# At the end of its numbers.
cut
is "N10: an active gateway at its limit, none in clear" "$(send "$G1" 9000)" 0
is "by what it says" "$(sa "$G1" 0x1001 .hold)" limit
is "N10: none later" "$(send "$G1" 5)" 0
mend
must wait_for 20 in_sync "$G1" "$G2"

# Switched over, both ways.
must ha "$G2" takeover vpn wait 20
is "N10: after a takeover by the SA" "$(send "$G2" 5)" 0
is "I1: not by the one who was active" "$(send "$G1" 5)" 0
oracle_verdict "I1: no number was used twice" 0x1001
for ns in "$G1" "$G2"; do
	must ha "$ns" group del vpn
done
is "without a group it sends, none in clear" "$(send "$G1" 5)" 0
check "the module leaves" ha_unload
is "without the module, too" "$(send "$G1" 5)" 0
ktap_finished
