#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tap: any
# requires: python3 tcpdump
# timeout: 240
#
# M1: an SA in UDP that has the kernel send NAT keepalives (XFRMA_NAT_KEEPALIVE_INTERVAL). The
# active gateway sends them, the standby does not: its would tell the NAT that the remote end's
# packets are to go there. After a takeover it is the other way round.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"

# What iproute2 can't say: the SA is read back, and added again with this attribute and a direction.
keepalive() { # NAMESPACE SPI SECONDS
	on "$1" python3 - "$2" "$3" <<- 'END'
		import socket, struct, sys
		# linux/xfrm.h: XFRM_MSG_NEWSA, DELSA, GETSA; XFRMA_LASTUSED, SA_DIR, NAT_KEEPALIVE_INTERVAL
		NEWSA, DELSA, GETSA, LASTUSED, DIR, KEEPALIVE = 16, 17, 18, 15, 33, 34
		WINDOW, INFO = 215, 224 # struct xfrm_usersa_info: offset of replay_window, size
		s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 6)
		def ask(kind, body):
		    s.send(struct.pack('=IHHII', 16 + len(body), kind, 5, 1, 0) + body)
		    said = s.recv(65536)
		    if struct.unpack_from('=H', said, 4)[0] == 2 and struct.unpack_from('=i', said, 16)[0]:
		        sys.exit(f'message {kind}: {struct.unpack_from("=i", said, 16)[0]}')
		which = socket.inet_aton('192.0.2.9').ljust(16, b'\0') + struct.pack('>I', int(sys.argv[1], 0)) + \
		        struct.pack('=HBx', socket.AF_INET, socket.IPPROTO_ESP)
		s.send(struct.pack('=IHHII', 16 + len(which), GETSA, 1, 1, 0) + which)
		said = s.recv(65536)[16:]
		# What only sends has no replay window.
		sa, rest = said[:WINDOW] + b'\0' + said[WINDOW + 1:INFO], said[INFO:]
		while len(rest) >= 4:
		    n, kind = struct.unpack_from('=HH', rest)
		    if kind not in (LASTUSED, DIR, KEEPALIVE):
		        sa += rest[:(n + 3) & ~3]
		    rest = rest[(n + 3) & ~3:]
		ask(DELSA, which)
		ask(NEWSA, sa + struct.pack('=HHB3x', 5, DIR, 2) +
		    struct.pack('=HHI', 8, KEEPALIVE, int(sys.argv[2])))
	END
}

sent() { # 1|2: keepalives of that gateway since the last look
	grep -c "02:00:00:00:02:0$1 >" /run/keepalives
}

sent_more() { # 1|2 COUNT
	[ "$(sent "$1")" -ge "$2" ]
}

look_again() {
	: > /run/keepalives
}

ha_load
topology
links
groups vpn on-peer-loss takeover
for ns in "$G1" "$G2" "$P"; do
	espinudp "$ns" "/run/udp.$ns"
done
sas 0x1000 4 tunnel "$G1 $G2 $P" replay-window 32 encap espinudp 4500 4500 0.0.0.0
policies 0x1000 4 tunnel
# It appends: what is emptied under it stays a file without a hole.
on "$P" tcpdump -lneU -i br0 'udp dst port 4500 and udp[4:2] = 9' >> /run/keepalives 2> /run/tcpdump &
must wait_for 10 grep -q listening /run/tcpdump
for ns in "$G1" "$G2"; do
	must keepalive "$ns" 0x1001 1
done
check "the active gateway sends keepalives" wait_for 30 sent_more 1 1
check "M1: the standby holds its SA" wait_for 10 held "$G2" 0x1001
# What was sent before that has been seen when one of the active gateway's was sent after it.
look_again
must wait_for 30 sent_more 1 2
look_again
check "the active one goes on" wait_for 30 sent_more 1 4
is "M1: the standby sends none" "$(sent 2)" 0
check "traffic" pings 10

must ha "$G2" takeover vpn wait 10
reroute 2
must wait_for 10 role "$G1" vpn standby
look_again
check "M1: who has taken over sends them" wait_for 30 sent_more 2 4
is "M1: who was active sends none" "$(sent 1)" 0
check "traffic" pings 10

# Its device is set down: nobody hands over.
must ha "$G2" release vpn
must wait_for 10 role "$G1" vpn active
must ip -n "$G1" link set sync down
must wait_for 20 role "$G2" vpn active
look_again
check "M1: who takes over without a word sends them" wait_for 30 sent_more 2 2

must ip -n "$G1" link set sync up
must wait_for 20 settled
old=1
role "$G1" vpn standby || old=2
new=$((3 - old)) g=G$old
look_again
check "one of both is active again" wait_for 30 sent_more $new 3
is "M1: the other one sends none" "$(sent $old)" 0
must ha "${!g}" group del vpn
look_again
check "without a group each sends its own" wait_for 30 sent_more $old 2
check "the module leaves" ha_unload
ktap_finished
