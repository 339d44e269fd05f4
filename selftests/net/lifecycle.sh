#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# timeout: 300
#
# M1 N6 N9, invariants I6 and I8: SAs come and go under traffic, orphans wait for
# theirs, namespaces and the module leave under traffic and leave no trace.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"

sas_of() { # NAMESPACE COUNT
	[ "$(group "$1" vpn sas)" = "$2" ]
}

ha_load
topology
oracle_start
links

# An SA that is in no group makes no events, though the aevent tap listens to them: not
# either when the timer that the kernel starts with each SA (1 s) has found it idle.
sas 0x0f00 4 tunnel "$G1 $P" replay-window 32
policies 0x0f00 4 tunnel
on "$G1" ip xfrm monitor aevent > /run/aevents &
monitor=$!
pings 75 192.0.2.1 > /dev/null
check "an SA in no group" pings 30
stopped $monitor
# With the ftrace tap it is this listener alone for whom the kernel makes them.
[ "$(ha "$G1" -j node show | jq -r '.[0].tap')" != aevent ] ||
	is "makes no events" "$(grep -c . /run/aevents)" 0
no_sas
groups vpn interval 4 quantity 10000

# Orphans: the SA comes to the standby after its records.
sas 0x1000 4 tunnel "$G1 $P" replay-window 32
policies 0x1000 4 tunnel
pings 20
check "the peer's SA is not here" wait_for 5 counter "$G2" orphan_new 2
wait_for 5 mirrored "$G1" 0x1001
sas 0x1000 4 tunnel "$G2" replay-window 32
check "its SA comes" wait_for 5 counter "$G2" orphan_adopted 2
is "and gets what was mirrored before" "$(sa "$G2" 0x1001 .oseq) $(sa "$G2" 0x1002 .seq)" "10020 20"
is "and is held" "$(sa "$G2" 0x1001 .held)" true
check_not "a held SA sends nothing" on "$G2" ping -q -c 1 -W 1 10.2.0.1
is "and its number stands still" "$(sa "$G2" 0x1001 .oseq)" 10020

# Rekeying as IKE daemons do, under traffic: a new pair, then the old one goes.
pings 400 10.1.0.1 0.005 > /dev/null &
flow=$!
REQID=0x1000 sas 0x1100 4 tunnel "$G1 $G2 $P" replay-window 32
for ns in "$G1" "$G2"; do
	must ip -n "$ns" xfrm state del src 192.0.2.1 dst 192.0.2.9 proto esp spi 0x1001
	must ip -n "$ns" xfrm state del src 192.0.2.9 dst 192.0.2.1 proto esp spi 0x1002
done
check "the old pair is forgotten" wait_for 10 sas_of "$G1" 2
wait $flow

# Flushed under traffic, and negotiated again, as when a daemon starts anew: with records under
# way, time and again, the standby's SAs first and last.
ip netns exec "$P" ping -q -i 0.002 -w 60 10.1.0.1 > /dev/null 2>&1 &
flow=$!
carries() { # SPI PACKETS: it has carried so many
	[ "$(sa "$G1" "$1" .packets)" -ge "$2" ] 2>/dev/null
}
spi=0x1100
for spaces in "$G1 $G2" "$G2 $G1" "$G1 $G2" "$G2 $G1"; do
	must wait_for 10 carries $((spi + 1)) 20
	check "packets flow" kill -0 $flow
	for ns in $spaces; do
		must ip -n "$ns" xfrm state flush
	done
	check "flushed under traffic: the active" wait_for 10 sas_of "$G1" 0
	check "flushed under traffic: the standby" wait_for 10 sas_of "$G2" 0
	must ip -n "$P" xfrm state flush
	spi=$((spi + 16))
	REQID=0x1000 sas $spi 4 tunnel "$spaces $P" replay-window 32
done
must wait_for 10 carries $((spi + 1)) 20
stopped $flow
check "the link stands" link_state "$G1" up
check "the last ones are mirrored" wait_for 10 mirrored "$G1" $((spi + 1))
wait_for 10 mirrored "$G1" $((spi + 2))
is "M1: with all packets" "$(sa "$G2" $((spi + 2)) '"\(.seq) \(.packets)"')" \
	"$(sa "$G1" $((spi + 2)) '"\(.seq) \(.packets)"')"
for ns in "$G1" "$G2" "$P"; do
	must ip -n "$ns" xfrm state flush
done
check "flushed: the active" wait_for 10 sas_of "$G1" 0
check "flushed: the standby" wait_for 10 sas_of "$G2" 0

# Lifetimes: a standby does not expire what it holds.
for ns in "$G1" "$G2"; do
	must ip -n "$ns" xfrm state add src 192.0.2.1 dst 192.0.2.9 proto esp spi 0x1201 \
		reqid 1 mode tunnel aead 'rfc4106(gcm(aes))' "$KEY" 128 limit time-hard 1
done
check "hard expiry on the active" wait_for 10 sas_of "$G1" 0
check "none on the standby" held "$G2" 0x1201
must ip -n "$G2" xfrm state flush
wait_for 10 sas_of "$G2" 0

# Limits by count hold for both gateways together: what one has carried counts on the other.
sas 0x1280 4 tunnel "$G1 $G2" replay-window 32 limit packet-hard 60 limit byte-soft 2500
sas 0x1280 4 tunnel "$P" replay-window 32
for ns in "$G1" "$G2" "$P"; do
	must ip -n "$ns" xfrm policy flush
done
policies 0x1280 4 tunnel
for ns in "$G1" "$G2"; do
	expiries "$ns" "/run/expire.$ns"
done
wait_for 5 sas_of "$G2" 2
check "40 of 60 packets" pings 40
wait_for 5 mirrored "$G1" 0x1281
wait_for 5 mirrored "$G1" 0x1282
is "M1: are counted on the other gateway" "$(sa "$G2" 0x1281 .packets)" 40
check "the soft limit by octets makes an event on the active" \
	wait_for 5 grep -q 'hard 0' "/run/expire.$G1"
check_not "none on the standby" grep -q . "/run/expire.$G2"
must ha "$G2" takeover vpn
must wait_for 5 role "$G2" vpn active
reroute 2
on "$P" ping -q -c 40 -i 0.01 -W 1 10.1.0.1 > /run/limit
read -r _ _ _ got _ < <(grep transmitted /run/limit)
between "M1: the hard limit comes after 20 more" "$got" 18 20
no_inbound() {
	[ -z "$(sa "$G2" 0x1282 .spi)" ]
}
check "and the kernel deletes the SA" wait_for 10 no_inbound
must ha "$G1" takeover vpn
must wait_for 5 role "$G1" vpn active
reroute 1
for ns in "$G1" "$G2" "$P"; do
	must ip -n "$ns" xfrm state flush
done
wait_for 10 sas_of "$G1" 0

# SAs that die while their announcement is under way: nobody waits for them.
sas 0x12c0 4 tunnel "$G1 $G2" replay-window 32
netem delay 500ms
must ip -n "$G2" link set sync down
wait_for 10 link_state "$G1" down
must ip -n "$G2" link set sync up
check "a bulk sync begins" wait_for 20 link_state "$G2" sync
refused "$G2" "not in sync" takeover vpn
must ip -n "$G1" xfrm state flush
check "and ends without them" wait_for 20 link_state "$G1" up
mend
must ip -n "$G2" xfrm state flush
wait_for 10 sas_of "$G2" 0

# A namespace leaves under traffic: its peer takes notice.
sas 0x1300 4 tunnel "$G1 $G2 $P" replay-window 32
for ns in "$G1" "$G2" "$P"; do
	must ip -n "$ns" xfrm policy flush
done
policies 0x1300 4 tunnel
wait_for 5 sas_of "$G2" 2
on "$G1" ping -q -i 0.002 -w 60 10.2.0.1 > /dev/null 2>&1 &
must wait_for 10 carries 0x1301 20
netns_del "$G1"
check "a namespace goes" wait_for 10 link_state "$G2" down
must ha "$G2" takeover vpn
wait_for 5 role "$G2" vpn active
reroute 2
check "its peer carries on" pings 20

# The module leaves under traffic; the SAs stay, and work.
before=$(sa "$G2" 0x1302 .packets)
arrives() {
	[ "$(sa "$G2" 0x1302 .packets)" -ge $((before + 20)) ]
}
pings 400 10.1.0.1 0.005 > /run/pings &
flow=$!
must wait_for 10 arrives
check "the module leaves under traffic" ha_unload
wait $flow
check "nothing was lost" grep -q ' 0% packet loss' /run/pings
check "the SAs still work" pings 10
oracle_verdict "I1: no number was used twice" 0x1001 0x1101 0x1141 0x1281 0x1301
ktap_finished
