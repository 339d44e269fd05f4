#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# machines: qemu smp-san smp-kcsan
# tap: ftrace
# requires: python3
# timeout: 400
#
# I1 N10: the ftrace tap rests on the kernel's calling its functions, which a compiler may make part
# of their callers. An SA that gives numbers that the tap has not heard of is found; the aevent tap
# has its place from then on, holds what was held, binds what was bound, and the user is told. What
# a user says of numbers is no such thing.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"

unheard() { # NAMESPACE NAME: another number, and is it this tap now?
	gives "$1"
	tap "$1" "$2"
}

reconciles() { # NAMESPACE: looks at all SAs, and waits until that is done
	must ha "$1" group add look reqid 7 role standby
	must ha "$1" group del look
}

say_number() { # NAMESPACE NUMBER: XFRM_MSG_NEWAE, as a user may
	on "$1" python3 - "$2" <<- 'END'
		import socket, struct, sys
		# linux/xfrm.h: XFRM_MSG_NEWAE, XFRMA_REPLAY_VAL; struct xfrm_aevent_id, xfrm_replay_state
		NEWAE, REPLAY = 30, 10
		body = socket.inet_aton('192.0.2.9').ljust(16, b'\0') + struct.pack('>I', 0x1001) + \
		       struct.pack('=HBx', socket.AF_INET, socket.IPPROTO_ESP) + \
		       socket.inet_aton('192.0.2.1').ljust(16, b'\0') + struct.pack('=II', 0, 0x1000) + \
		       struct.pack('=HHIII', 16, REPLAY, int(sys.argv[1]), 0, 0)
		s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 6)
		s.send(struct.pack('=IHHII', 16 + len(body), NEWAE, 0x105, 1, 0) + body)
		err = struct.unpack_from('=i', s.recv(4096), 16)[0]
		if err:
		    sys.exit(f'XFRM_MSG_NEWAE: {err}')
	END
}

update() { # what is held by its state the kernel does not update
	ip -n "$G2" xfrm state update src 192.0.2.1 dst 192.0.2.9 proto esp spi 0x1001 \
		reqid 0x1000 mode tunnel aead 'rfc4106(gcm(aes))' "$KEY" 128 replay-window 32
}

gives() { # NAMESPACE: another number that is not heard of
	on "$1" sh -c 'echo 0x1001 > /sys/module/unheard/parameters/give'
}

ha_load
topology
links
groups vpn interval 4 quantity 400 on-peer-loss hold
if ! tap "$G1" ftrace; then
	skip_all "it is about the ftrace tap"
fi
must insmod "$XFRM_HA_MODULES/unheard/unheard.ko"
at_exit rmmod unheard
on "$G1" "$XFRM_HA_DIR/tools/xfrm-ha/xfrm-ha" monitor > /run/events &
sas 0x1000 4 tunnel "$G1 $G2 $P" replay-window 32
policies 0x1000 4 tunnel
check "traffic" pings 20
for n in 100 110 120; do
	must say_number "$G1" $n
	reconciles "$G1"
done
check "what a user says was heard" tap "$G1" ftrace
oracle_start
check "traffic" pings 20
reconciles "$G1"
reconciles "$G1"
check "what was heard is no fault" tap "$G1" ftrace
is "nor counted" "$(stat "$G1" tap_deaf)" 0

check "I1: numbers that were not heard of are found" wait_for 30 unheard "$G1" aevent
check "I6: and counted" counter "$G1" tap_deaf 1
is "the node says so" "$(ha "$G1" -j node show | jq '.[0].tap_deaf')" true
check "and an event" wait_for 10 grep -q tap-deaf /run/events
check "traffic goes on" pings 20
check "M1: and is mirrored" wait_for 10 mirrored "$G1" 0x1001
# The other gateway is in the same kernel; its SAs are given over when it looks at them next.
reconciles "$G2"
STATUS=2 refusal "I1: the standby's SAs are held by their state" "Invalid argument" update
cut
spend "$G1" 9000
is "I1: a lease binds" "$(sa "$G1" 0x1001 .hold)" limit
is "to its last number" "$(sa "$G1" 0x1001 .oseq)" "$(sa "$G1" 0x1001 .lease)"
mend
must wait_for 20 in_sync "$G1" "$G2"
check "traffic with a lease" wait_for 10 pings 20
must ha "$G2" takeover vpn wait 20
reroute 2
check "M1: the other gateway goes on" pings 20
oracle_verdict "I1: no number was used twice" 0x1001
check "the module leaves" ha_unload

# A standby sees it by its SAs' working while they are held.
ha_load
links
groups vpn interval 4 quantity 400 on-peer-loss hold
must wait_for 10 held "$G2" 0x1001
must ha "$G1" release vpn
must wait_for 10 role "$G2" vpn active
reroute 2
check "traffic" pings 20
must ha "$G2" release vpn
must wait_for 10 role "$G1" vpn active
reroute 1
check "traffic" pings 20
for ns in "$G1" "$G2"; do
	reconciles "$ns"
	reconciles "$ns"
done
check "I1: that both have worked in turn is no fault" tap "$G1" ftrace
check "I1: what works while it is held is found" wait_for 30 unheard "$G2" aevent
check "I6: and counted" counter "$G2" tap_deaf 1
STATUS=2 refusal "I1: it is held by its state" "Invalid argument" update
check "the module leaves" ha_unload
ktap_finished
