#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# machines: qemu smp-san smp-kcsan
# tap: any
# timeout: 240
#
# N1 N3, invariant I1: what a decision rests on changes just before it takes effect. A CPU is held
# there, and meanwhile another one changes it: the role for which a lease is given, the settings by
# which a takeover goes, the limit of an SA whose events are set anew (by the aevent tap). Or it waits in
# a search, and what was known before that still holds (by the ftrace tap).

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/delay.sh"

# Who is held is waited for by whoever enters a namespace: who works there meanwhile was there before.
helper() { # GATEWAY: carries out what inside says
	local ns=${!1}

	must mkfifo "/run/$ns.do"
	ip netns exec "$ns" bash < "/run/$ns.do" >> "/run/$ns.did" 2>&1 &
	exec {fifo}<> "/run/$ns.do"
	must inside "$1" true
}

inside() { # GATEWAY COMMAND...: what it says; its exit status
	begun_inside "$@"
	wait_for 10 done_inside "$1" || return
	grep -v ^status "/run/${!1}.did"
	grep -q "^status 0" "/run/${!1}.did"
}

begun_inside() { # GATEWAY COMMAND...
	: > "/run/${!1}.did"
	echo "${*:2}; echo status \$?" > "/run/${!1}.do"
}

done_inside() { # GATEWAY
	grep -q ^status "/run/${!1}.did"
}

BIRTH=8192	# numbers that need no lease

senders=()
sender() { # GATEWAY: sends as many packets as send says
	local ns=${!1}

	must mkfifo "/run/$ns.send"
	ip netns exec "$ns" taskset -c 1 python3 -c '
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.1.0.1", 0))
print("ready", flush=True)
for line in open(sys.argv[1]):
    for n in range(int(line)):
        try:
            s.sendto(b"x", ("10.2.0.1", 9))
        except OSError:
            pass
        time.sleep(0.001)
    print("sent", line, end="", flush=True)' "/run/$ns.send" > "/run/$ns.sent" &
	senders+=($!)
	# shellcheck disable=SC2034	# it stays open
	exec {fifo}<> "/run/$ns.send"
	must wait_for 10 grep -q ready "/run/$ns.sent"
}

send() { # GATEWAY COUNT: and wait until they are, given numbers or not
	local ns=${!1} before

	before=$(wc -l < "/run/$ns.sent")
	echo "$2" > "/run/$ns.send"
	must wait_for 10 sent "$ns" $((before + 1))
}

sent() { # NAMESPACE LINES
	[ "$(wc -l < "/run/$1.sent")" -ge "$2" ]
}

# Nobody answers what is sent, and so nothing but what is sent makes a record.
silent_remote() {
	on "$P" python3 -c '
import signal, socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 9))
print("ready", flush=True)
signal.pause()' > /run/remote &
	must wait_for 10 grep -q ready /run/remote
}

oseq() { # GATEWAY: as the kernel has it
	inside "$1" ip -s xfrm state get src 192.0.2.1 dst 192.0.2.9 proto esp spi 0x1001 |
		sed -n 's/.*oseq 0x\([0-9a-f]*\).*/\1/p' | head -n 1 | { read -r n; echo $((16#$n)); }
}

lease() { # GATEWAY
	sa "${!1}" 0x1001 .lease
}

ready() { # G2 has said that its SAs are let go
	grep -q "event takeover" /run/events
}

past() { # SECOND of the guest's clock
	local now

	read -r now _ < /proc/uptime
	[ "${now%.*}" -ge "$1" ]
}

in_sync_no_more() {
	! in_sync "$G1"
}

begin() { # GROUP-OPTION...: G1 is active, and beyond the numbers that need no lease
	no_sas
	groups vpn "$@"
	must wait_for 20 in_sync "$G1" "$G2"
	# In the order in which they come they are looked at: the outbound one is the first.
	sas 0x1000 4 tunnel "$G1 $G2 $P" replay-window 32 replay-oseq 20000
	policies 0x1000 4 tunnel
	send G1 3
	must wait_for 20 mirrored "$G1" 0x1001
}

end() {
	local ns

	for ns in "$G1" "$G2"; do
		must ha "$ns" group del vpn
	done
}

# Who is held has the second CPU, and what goes on meanwhile the first one.
unbound=/sys/devices/virtual/workqueue/cpumask
must taskset -pc 0 $$ > /dev/null
at_exit eval "echo $(cat $unbound) > $unbound"
at_exit sysctl -qw kernel.timer_migration="$(sysctl -n kernel.timer_migration)"
must sysctl -qw kernel.timer_migration=0

# Where a session begins its timers run: those of the link are held with who is held.
session() {
	echo 2 > $unbound
	links heartbeat 10000
	echo 1 > $unbound
}

# What is sent on the other CPU is taken in by the second one, too: it would wait for a lock of who is
# held there, with bottom halves off, and the CPU that the test needs with it.
takes_in() { # GATEWAY
	must inside "$1" "echo 2 > /sys/class/net/sync/queues/rx-0/rps_cpus"
}

# The link loses all that is said, or nothing. A qdisc that is changed waits for nobody.
losing="tc qdisc change dev sync root netem loss"

ha_load
topology
silent_remote
for gateway in G1 G2; do
	helper $gateway
	sender $gateway
	takes_in $gateway
done
ip netns exec "$G2" "$XFRM_HA_DIR/tools/xfrm-ha/xfrm-ha" monitor > /run/events &
# Nothing is said for seconds that has no cause.
session

# --- A lease is asked for, of a standby that takes over before it is written. ---
# Each may use all numbers: what keeps them apart are leases. That of now ends with the next two.
begin nodes 1 interval 1 quantity 2
netem loss 0%
oracle_start
must ha "$G1" group set vpn quantity 5000
old=$(lease G1)
refusals=$(stat "$G2" frame_refused)
delay_at xha_place_record 180000
echo 1 > "/run/$G1.send"
check "a lease is about to be given" wait_for 10 delay_held
begun_inside G1 "$losing 100%"
begun_inside G2 "$losing 100%; xfrm-ha takeover vpn force"
check "N1: meanwhile the node takes over" wait_for 10 ready
# What looks each 5 s for what is too old waits for nobody, on the CPU that this needs.
read -r now _ < /proc/uptime
must wait_for 20 past $((${now%.*} + 6))
must inside G2 "$losing 0%"
delay_held || bail "who was held has gone on"
delay_go
# Not before: what comes meanwhile waits for who is held.
must inside G1 "$losing 0%"
check "I1: it is refused" wait_for 10 counter "$G2" frame_refused $((refusals + 1))
begun=$(oseq G2)
send G2 20
send G1 100
is "I1: the other one has no lease but the old one" "$(lease G1)" "$old"
between "I1: the node has begun above it" "$begun" "$old" 1000000
delay_off
check "the other one hears of it" wait_for 20 role "$G1" vpn standby
oracle_verdict "I1: no number was used twice" 0x1001
mend
end

# --- A takeover has begun by settings that are replaced. ---
# By the old ones nothing that could be new is dropped, by the new ones nothing is let in that
# could be a replay: numbers above the edge would count as seen.
begin interval 16 quantity 1000 replay lenient
check "traffic" pings 10
must wait_for 20 mirrored "$G1" 0x1002
edge=$(sa "$G2" 0x1002 .seq)
must ip -n "$G2" link set sync down
must wait_for 20 link_state "$G2" down
# Of the second SA: it knows how many numbers it skips, and not yet how many it loses.
delay_at xha_quantity 4000 1 skip=1
echo 2 > $unbound
must ha "$G2" takeover vpn force
check "a takeover is held" wait_for 10 delay_held
started=${EPOCHREALTIME/[.,]/}
must ha "$G2" group set vpn replay strict interval 64 quantity 2000
between "settings are replaced before it has ended, ms" \
	$(((${EPOCHREALTIME/[.,]/} - started) / 1000)) 1000 100000
check "it has ended" wait_for 10 delay_done
echo 1 > $unbound
delay_off
check "N3: the node is active" wait_for 10 hold "$G2" 0x1002 -
is "N3: by the settings that it began with" "$(sa "$G2" 0x1002 .seq)" "$edge"
is "the new ones are in force" "$(group "$G2" vpn replay) $(group "$G2" vpn interval)" "strict 64"
end

# --- An SA that can't be looked after is searched for, to be looked after. ---
must ip -n "$G2" link set sync up
for gateway in "$G1" "$G2"; do
	must ha "$gateway" link del sync
done
session
no_sas
groups vpn
must wait_for 20 in_sync "$G1" "$G2"
must ha "$G1" node set sa-limit 1
sas 0x1100 4 tunnel "$G1 $P" replay-window 32
# From 0 on: one that comes with numbers is asked about for ever.
sas 0x1000 4 tunnel "$G1 $P" replay-window 32
policies 0x1000 4 tunnel
must counter "$G1" sa_limit 3
must taskset -pc 0 "${senders[0]}" > /dev/null
send G1 $((BIRTH + 10))
is "it goes to the end of its first numbers" "$(oseq G1)" $BIRTH
# The work of G2's gateway is done each five seconds, from now on by the second CPU as well.
must taskset -c 1 "$XFRM_HA_DIR/tools/xfrm-ha/xfrm-ha" -N "$G2" node set sa-limit 1000
delay_at xfrm_ha:xha_walk 180000
taskset -c 1 "$XFRM_HA_DIR/tools/xfrm-ha/xfrm-ha" -N "$G1" node set sa-limit 1
check "it is searched for" wait_for 10 delay_held
send G1 20
delay_held || bail "who was held has gone on"
is "I1: it goes no further meanwhile" "$(oseq G1)" $BIRTH
delay_go
delay_off
must ha "$G1" node set sa-limit 1000
end

# --- Events of an SA that is near its limit are set anew. ---
for gateway in "$G1" "$G2"; do
	must ha "$gateway" link del sync
done
must ha_unload
XFRM_HA_TAP=aevent ha_load
session
begin interval 1 quantity 100 on-peer-loss hold
must ip -n "$G2" link set sync down
must wait_for 20 in_sync_no_more
must ha "$G1" group set vpn interval 64 quantity 200 max-age 60000
limit=$(lease G1)
send G1 $((limit - $(oseq G1) - 3))
is "three numbers are left" $((limit - $(oseq G1))) 3
delay_at xfrm_ha:watch_events 180000 1 at_return=1
taskset -c 1 "$XFRM_HA_DIR/tools/xfrm-ha/xfrm-ha" -N "$G1" group set vpn interval 64 &
setter=$!
check "events are set anew" wait_for 10 delay_held
send G1 40
delay_held || bail "who was held has gone on"
is "I1: the SA has stopped at its limit" "$(oseq G1)" "$limit"
delay_go
check "it goes on" wait $setter
delay_off
is "and says so" "$(sa "$G1" 0x1001 .hold)" limit
end
check "the module leaves" ha_unload
ktap_finished
