#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# machines: qemu
# requires: chrt jq taskset setpriv
# timeout: 600
#
# A1 A2 A3 A4: SAs between two addresses are decrypted on both CPUs instead of one; who
# makes the SAs does not matter; all that is not ESP of a known SA passes; an SA
# that moves loses no packet and has none overtaken; refusals, and nothing stays behind.
#
# User-Mode Linux has one CPU, and no perf events: no program can be put at a tracepoint.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/forwarder.sh"

trace=/sys/kernel/tracing

# For RPS: a datagram of a socket keeps the socket's hash through veth, as through no wire.
pinged() { # COUNT K...
	local count=$1 k was

	shift
	for k; do
		was=$(packets "$k")
		ip netns exec "$P" taskset -c 0 ping -q -n -c "$count" -l "$count" "10.1.0.$k" >/dev/null &
		wait_for 20 came "$k" $((was + count)) || fail "not all pings came to $k"
		stopped $!
	done
}

watch_input() { # direct evidence: which CPU runs esp_input
	echo 0 > "$trace/tracing_on"
	echo 'esp_input esp6_input' > "$trace/set_ftrace_filter"
	echo function > "$trace/current_tracer"
	at_exit forget_input
	echo > "$trace/trace"
	echo 1 > "$trace/tracing_on"
}

forget_input() {
	echo nop > "$trace/current_tracer"
	echo > "$trace/set_ftrace_filter"
}

decrypted_on() { # "ON-CPU0 ON-CPU1", since the last time
	local cpu

	for cpu in 0 1; do
		grep -c 'esp6\?_input' "$trace/per_cpu/cpu$cpu/trace"
	done | xargs
	echo > "$trace/trace"
}

spread() { # "SAS-ON-CPU0 SAS-ON-CPU1"
	fwd 'map(.sas) | "\(.[0]) \(.[1])"' workers
}

spread_is() {
	[ "$(spread)" = "$1" ]
}

program() { # attached to the device?
	on "$G" ip -d link show wan | grep -q 'xdp'
}

turned_down() { # SENTENCE ARG...
	local sentence=$1 said

	shift
	said=$(on "$G" "$@" 2>&1 >/dev/null)
	is "refused: $sentence" "$? $said" "2 xfrm-ha: $sentence"
}

wan
for k in 1 2 3 4 5 6 7 8; do
	tunnel $k 192.0.2.9 192.0.2.1 replay-window 32
done
must modprobe esp6
watch_input

# As it is without.
burst 10 1 2 3 4 5 6 7 8
is "no forwarder: all is decrypted on the CPU that receives" "$(decrypted_on)" "80 0"
# RPS takes an SPI for ports, and does what its hash says; in UDP it sees UDP's ports.
espinudp "$G" /run/ike
for k in 21 22 23 24; do
	tunnel $k 192.0.2.9 192.0.2.1 replay-window 32 encap espinudp 4500 4500 0.0.0.0
done
on "$G" sh -c 'echo 3 > /sys/class/net/wan/queues/rx-0/rps_cpus'
pinged 10 1 2 3 4 5 6 7 8
say "RPS, ESP: $(decrypted_on)"
pinged 20 21 22 23 24
rps=$(decrypted_on)
check "RPS: ESP in UDP is decrypted on one CPU ($rps)" [ "$rps" = "80 0" -o "$rps" = "0 80" ]
on "$G" sh -c 'echo 0 > /sys/class/net/wan/queues/rx-0/rps_cpus'

# SAs that were there before, and nobody but "ip xfrm" has made.
forwarder native
check "the program is there" program
is "A1: half of the SAs on each" "$(spread)" "6 6"
burst 10 1 2 3 4 5 6 7 8
is "A1: decrypted on both CPUs" "$(decrypted_on)" "40 40"
is "all were forwarded" "$(count forwarded) $(count unknown) $(count dropped)" "80 0 0"
is "the queues had them" "$(fwd 'map(.packets) | join(" ")' workers)" "40 40"

# What is not forwarded.
must ip -n "$G" xfrm state add src 192.0.2.9 dst 192.0.2.1 proto esp spi 0x2000 \
	mode tunnel aead 'rfc4106(gcm(aes))' "$KEY" 128
is "A2: a new SA has a worker" "$(fwd length)" 13
must ip -n "$G" xfrm state delete src 192.0.2.9 dst 192.0.2.1 proto esp spi 0x2000
is "A2: one that was deleted has none" "$(fwd length)" 12
must ip -n "$G" xfrm state add src 192.0.2.9 dst 192.0.2.1 proto esp spi 0x2000 \
	mode tunnel aead 'rfc4106(gcm(aes))' "$KEY" 128 limit time-hard 4
is "one with a lifetime has a worker" "$(fwd length)" 13
expired() { [ "$(fwd length)" = 12 ]; }
check "and none after it" wait_for 10 expired
must ip -n "$G" xfrm state add src 192.0.2.1 dst 192.0.2.9 proto esp spi 0x2000 \
	mode tunnel aead 'rfc4106(gcm(aes))' "$KEY" 128
is "an outbound one has none" "$(fwd length)" 12
must ip -n "$G" addr add 192.0.2.9/32 dev lo
is "until its destination is an address of this gateway" "$(fwd length)" 13
must ip -n "$G" addr del 192.0.2.9/32 dev lo
is "and no longer" "$(fwd length)" 12
for mark in 1 2; do
	must ip -n "$G" xfrm state add src 192.0.2.9 dst 192.0.2.1 proto esp spi 0x2001 \
		mode tunnel aead 'rfc4106(gcm(aes))' "$KEY" 128 mark $mark mask 0xf
done
is "two SAs that differ in the mark are one" "$(fwd length)" 13
must ip -n "$G" xfrm state delete src 192.0.2.9 dst 192.0.2.1 proto esp spi 0x2001 mark 1 mask 0xf
is "as long as there is one of them" "$(fwd length)" 13
must ip -n "$G" xfrm state delete src 192.0.2.9 dst 192.0.2.1 proto esp spi 0x2001 mark 2 mask 0xf
is "and no longer" "$(fwd length)" 12

# An SPI that is known to nobody reaches the kernel as before.
must ip -n "$P" xfrm state add src 192.0.2.9 dst 192.0.2.1 proto esp spi 0x3000 reqid 30 \
	mode tunnel aead 'rfc4106(gcm(aes))' "$KEY" 128
must ip -n "$P" xfrm policy add src 10.2.0.1 dst 10.1.0.30 dir out \
	tmpl src 192.0.2.9 dst 192.0.2.1 proto esp reqid 30 mode tunnel
send 5 30
no_states() { [ "$(xfrm_stat "$G" XfrmInNoStates)" = 5 ]; }
check "an unknown SPI reaches the kernel" wait_for 5 no_states
is "and is counted" "$(count unknown)" 5

# UDP encapsulation, and what else comes to that port.
burst 10 21 22 23 24
is "A1: ESP in UDP is decrypted on both CPUs" "$(decrypted_on)" "20 20"
is "and was forwarded" "$(count forwarded)" 120
on "$P" bash -c 'printf "\0\0\0\0Hello, this is IKE" > /dev/udp/192.0.2.1/4500'
check "IKE reaches its socket" wait_for 5 grep -q 'Hello, this is IKE' /run/ike
on "$P" bash -c 'printf "\377" > /dev/udp/192.0.2.1/4500'
keepalive() { [ "$(count ike) $(count keepalive)" = "1 1" ]; }
check "a keepalive passes" wait_for 5 keepalive

# IPv6, and fragments of ESP.
tunnel 10 2001:db8::9 2001:db8::1 replay-window 32 flag af-unspec
burst 20 10
is "IPv6 is forwarded" "$(fwd '.[] | select(.dst == "2001:db8::1").packets')" 20
was=$(packets 1)
on "$P" ping -q -c 3 -i 0.01 -W 0.01 -s 2900 10.1.0.1 > /dev/null
must ip -n "$P" link set wan mtu 1400
on "$P" ping -q -c 3 -i 0.01 -W 0.01 -M dont -s 1360 10.1.0.1 > /dev/null
check "fragments are decrypted, too" wait_for 20 came 1 $((was + 6))
must ip -n "$P" link set wan mtu 1500
is "and forwarded" "$(count fragment)" 0

# A wrong worker is as good as any.
for cpu in 0 1 0; do
	must on "$G" xfrm-ha forwarder pin wan 0x1001 cpu $cpu
	burst 10 1
	burst 1 1
	is "A3: pinned to CPU $cpu" "$(at 1)" "$cpu $cpu"
done
echo > "$trace/trace"
must on "$G" xfrm-ha forwarder pin wan 0x1001 address 192.0.2.1 cpu 1
burst 20 1
read -r old _ <<<"$(decrypted_on)"
between "A3: the first is decrypted at the old worker, and not lost" "$old" 1 20
is "what was refused up to here" "$(errors)" XfrmInNoStates=5

# To and fro under traffic. The window is so small that a packet which is overtaken is lost.
must ip -n "$P" xfrm state flush
must ip -n "$G" xfrm state flush
both xfrm policy flush
is "A2: a flush" "$(fwd length)" 0
for k in 1 2 3 4; do
	tunnel $k 192.0.2.9 192.0.2.1 replay-window 1
done
# shellcheck disable=SC2016	# the inner shell's
ip netns exec "$P" taskset -c 0 bash -c 'exec 3> /dev/udp/10.1.0.1/9
	until [ -e /run/stop ]; do
		for ((i = 0; i < 50; i++)); do printf x >&3; done
		((sent += 50))
	done
	echo $sent' > /run/sent &
sender=$!
# What has had no packet yet is given another worker, and not moved.
wait_for 20 came 1 50 || fail "nothing comes"
moved() { [ "$(at 1)" = "$1 $1" ]; }
for ((i = 0; i < 6; i++)); do
	must on "$G" xfrm-ha forwarder pin wan 0x1001 cpu $((i % 2))
	wait_for 20 moved $((i % 2)) || fail "no move to CPU $((i % 2))"
done
echo > /run/stop
wait $sender
sent=$(cat /run/sent)
check "A3: moved under traffic, all $sent packets came" wait_for 20 came 1 "$sent"
between "and it has moved" "$(fwd '.[] | select(.spi == "0x00001001").moves')" 5 6
is "A3: none was overtaken" "$(errors)" XfrmInNoStates=5

# The same with a queue that is not worked off for some time: the move waits for it.
moved_from_queue() { # K NAME
	must on "$G" xfrm-ha forwarder pin wan "0x100$1" cpu 1
	burst 10 "$1"
	hog
	send 300 "$1"
	must on "$G" xfrm-ha forwarder pin wan "0x100$1" cpu 0
	send 300 "$1"
	is "$2" "$(at "$1") $(packets "$1")" "0 1 10"
	unhog
	check "A3: all of that comes" wait_for 20 came "$1" 610
}
moved_from_queue 2 "A3: a move waits for what is in the old queue"
burst 10 2
is "A3: then it moves" "$(at 2)" "0 0"
is "A3: none was overtaken" "$(errors)" XfrmInNoStates=5
must on "$G" xfrm-ha forwarder unpin wan 0x1002
must on "$G" xfrm-ha forwarder unpin wan 0x1001

# By itself: two that are busy, on one CPU.
for k in 1 2; do
	must on "$G" xfrm-ha forwarder pin wan $((0x1000 + k)) cpu 0
	ip netns exec "$P" taskset -c 0 ping -q -n -c 100000 -i 0.004 "10.1.0.$k" >/dev/null &
	pings+=($!)
done
together() { [ "$(at 1), $(at 2)" = "0 0, 0 0" ]; }
apart() { [ "$(at 1)" != "$(at 2)" ]; }
check "both on CPU 0" wait_for 10 together
for k in 1 2; do
	must on "$G" xfrm-ha forwarder unpin wan $((0x1000 + k))
done
check "A1: the controller moves one of two that are busy" wait_for 30 apart
stopped "${pings[@]}"

# Workers come and go.
must on "$G" xfrm-ha forwarder set wan cpus 1
is "a worker is taken away" "$(fwd 'map("\(.cpu) \(.sas) \(.used)") | join(", ")' workers)" \
	"0 0 false, 1 4 true"
burst 10 1 2 3 4
must on "$G" xfrm-ha forwarder set wan cpus 0,1
is "and comes back" "$(spread)" "2 2"
burst 10 1 2 3 4
echo 0 > /sys/devices/system/cpu/cpu1/online
check "a CPU goes offline" wait_for 10 spread_is "4 0"
burst 10 1 2 3 4
echo 1 > /sys/devices/system/cpu/cpu1/online
check "and comes back" wait_for 10 spread_is "2 2"
burst 10 1 2 3 4
echo > "$trace/trace"
burst 10 1 2 3 4
# The controller may have moved one meanwhile: the pings were no even load.
read -r here there <<<"$(decrypted_on)"
between "with packets decrypted there" "$there" 10 30
is "and all others here" "$((here + there))" 40
is "none was lost" "$(errors)" XfrmInNoStates=5

# Other CPUs work off the queue of one that is offline, before the controller knows: as its own.
tunnel 5 192.0.2.9 192.0.2.1 replay-window 1
must on "$G" xfrm-ha forwarder pin wan 0x1005 cpu 1
must on "$G" xfrm-ha forwarder pin wan 0x1001 cpu 1
there() {
	burst 1 1
	moved 1
}
must wait_for 10 there
queues() { fwd 'map(.packets) | join(" ")' workers; }
read -r here there <<<"$(queues)"
kill -STOP $pid
echo 0 > /sys/devices/system/cpu/cpu1/online
burst 50 1
kill -CONT $pid
is "offline: what was in its queue was in no other" "$(queues)" "$here $((there + 50))"
left() { [ "$(at 5)" = "0 0" ]; }
check "one that has had no packet leaves it at once" wait_for 10 left
echo 1 > /sys/devices/system/cpu/cpu1/online
used() { [ "$(fwd '.[1].used' workers)" = true ]; }
must wait_for 10 used
moved_from_queue 5 "A3: and its next move waits"
is "A3: none was overtaken" "$(errors)" XfrmInNoStates=5

# More events than fit: all is read again.
kill -STOP $pid
for ((i = 0; i < 6000; i++)); do
	echo "xfrm state add src 192.0.2.9 dst 192.0.2.1 proto esp spi $((0x10000 + i)) mode tunnel" \
		"enc ecb(cipher_null) ''"
done > /run/batch
must ip -n "$G" -batch /run/batch
sed -i '3000,$d; s/state add/state delete/; s/ mode.*//' /run/batch
must ip -n "$G" -batch /run/batch
kill -CONT $pid
is "A2: events were lost, SAs are not" "$(fwd length) $(($(count overruns) > 0))" "3006 1"
must ip -n "$G" xfrm state flush
must ip -n "$P" xfrm state flush
is "all are gone" "$(fwd length)" 0

# What it refuses.
turned_down "there is no device nowhere" xfrm-ha forwarder run nowhere cpus 0
turned_down "CPU 99 is not online" xfrm-ha forwarder run wan cpus 99
turned_down "wan has a forwarder already" xfrm-ha forwarder run wan cpus 0
turned_down "no forwarder runs on lo" xfrm-ha forwarder show lo
turned_down "no SA of the SPI 0x00000099 is known" xfrm-ha forwarder pin wan 0x99 cpu 0
turned_down "CPU 7 is not online" xfrm-ha forwarder set wan cpus 7
turned_down "its workers are CPUs, not queues" xfrm-ha forwarder set wan queues 0
must ip -n "$G" link add d0 type dummy
turned_down "d0 does not support native XDP: Operation not supported" \
	xfrm-ha forwarder run d0 cpus 0 native
turned_down "d0 has no filters for flows" xfrm-ha forwarder run d0 queues 0
nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
turned_down "/run/xfrm-ha: Permission denied; who is not root needs that folder as his own" \
	"${nobody[@]}" xfrm-ha forwarder run d0 cpus 0
must chown 65534 /run/xfrm-ha
turned_down "privileges to load BPF programs are needed (CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN, or root)" \
	"${nobody[@]}" xfrm-ha forwarder run d0 cpus 0
root=$pid
dev=d0
caps=-all,+bpf,+perfmon,+net_admin
as=("${nobody[@]}" "--inh-caps=$caps" "--ambient-caps=$caps")
forwarder
as=()
check "with these capabilities and his own folder it runs" on "$G" "${nobody[@]}" xfrm-ha forwarder show d0
check "SIGTERM ends it with 0" no_forwarder
pid=$root
dev=
must chown 0 /run/xfrm-ha
must on "$G" ip link set d0 xdpgeneric obj "$XFRM_HA_DIR/tools/forwarder/forwarder.bpf.o" sec xdp.frags
turned_down "d0 has an XDP program already" xfrm-ha forwarder run d0 cpus 0 generic

# It leaves as it came.
check "SIGTERM ends it with 0" no_forwarder
check_not "no program stays" program
is "no socket stays" "$(find /run/xfrm-ha -type f,s ! -name 'had-*')" ""
both xfrm policy flush
for k in 1 2 3 4 5 6; do
	tunnel $k 192.0.2.9 192.0.2.1 replay-window 32
done
burst 10 1 2 3 4 5 6
forwarder generic limit 4 qsize 64
is "the map is full: named and counted" "$(fwd length) $(count full)" "4 2"
echo > "$trace/trace"
burst 10 1 2 3 4 5 6
is "generic XDP; those without a worker are decrypted where they come" "$(decrypted_on)" "40 20"
# Waiting for a queue that overflows would be in vain.
tunnel 7 192.0.2.9 192.0.2.1 replay-window 32
for k in 3 4 5 6; do
	must ip -n "$G" xfrm state delete src 192.0.2.9 dst 192.0.2.1 proto esp spi $((0x1000 + k))
done
is "those that waited have a worker when others go" "$(fwd length) $(count full)" "3 3"
tunnel 8 192.0.2.9 192.0.2.1 replay-window 32
must on "$G" xfrm-ha forwarder pin wan 0x1008 cpu 1
burst 10 8
hog
send 100 8
must on "$G" xfrm-ha forwarder pin wan 0x1008 cpu 0
forced() {
	send 10 8
	[ "$(count forced) $(at 8)" = "1 0 0" ]
}
check "a full queue is left by force" wait_for 20 forced
between "and what it lost was counted" "$(count dropped)" 36 10000
unhog
no_forwarder -KILL
gone() { ! program; }
check "killed: no program stays" wait_for 5 gone

# VLANs: a tag that the device takes away does not get through a queue.
both link add vl link wan type vlan id 5
both link set vl up
must ip -n "$G" addr add 198.51.100.1/24 dev vl
must ip -n "$P" addr add 198.51.100.9/24 dev vl
must ip -n "$P" neigh replace 198.51.100.1 lladdr 02:00:00:00:02:01 dev vl nud permanent
tunnel 11 198.51.100.9 198.51.100.1 replay-window 32
turned_down 'wan has VLANs and takes the tags out of frames, which native XDP loses: "ethtool -K wan rxvlan off", or generic' \
	xfrm-ha forwarder run wan cpus 0,1 native
forwarder generic
burst 20 11
is "VLAN, tags beside the frame" "$(fwd '.[] | select(.dst == "198.51.100.1").packets')" 20
check "SIGTERM ends it with 0" no_forwarder
must on "$G" ethtool -K wan rxvlan off
must on "$P" ethtool -K wan txvlan off
forwarder native qsize 64
burst 20 11
is "VLAN, tags within the frame" "$(fwd '.[] | select(.dst == "198.51.100.1").packets')" 20
between "and they come by the VLAN device" \
	"$(on "$G" cat /sys/class/net/vl/statistics/rx_packets)" 40 60

# What a full queue has lost is not waited for.
must on "$G" xfrm-ha forwarder pin wan 0x100b cpu 1
there() {
	burst 1 11
	[ "$(at 11)" = "1 1" ]
}
must wait_for 10 there
hog
send 200 11
unhog
between "a full queue" "$(count dropped)" 100 200
must on "$G" xfrm-ha forwarder pin wan 0x100b cpu 0
gone() {
	send 1 11
	[ "$(at 11)" = "0 0" ]
}
check "A3: and a move from it, when it is empty" wait_for 10 gone
is "A3: not by force" "$(count forced)" 0
must ip -n "$G" link del wan
wait $pid
is "without its device it ends" $? 2
ktap_finished
