#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: jq
# tap: any
# timeout: 400
#
# M7 N15: peers of the relay that are slow, silent, of another version, or have not got the key; and
# more events than the kernel has room for. What is lost is said, and made good.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/had.sh"
. "$(dirname "$0")/../lib/relay.sh"

connected() { # TIMES: that gateway 2 has met the other one
	[ "$(grep -c "relay: node g1 is there" /run/had2)" -ge "$1" ]
}

many() { # add|del NAMESPACE FIRST-SPI COUNT
	local spi what="reqid 4096 mode tunnel aead rfc4106(gcm(aes)) $KEY 128"

	[ "$1" = add ] || what=
	for ((spi = $3; spi < $3 + $4; spi++)); do
		echo "xfrm state $1 src 192.0.2.1 dst 192.0.2.9 proto esp spi $spi $what"
	done | ip -n "$2" -batch -
}

count_is() { # NAMESPACE COUNT
	[ "$(ip -n "$1" xfrm state count | grep -oE '[0-9]+' | head -n 1)" = "$2" ]
}

speak() { # HEX: what a peer without the key says to the relay of G1, on its own end of the link
	on "$G2" python3 - "$1" <<-'EOT'
	import socket, sys
	s = socket.create_connection(("fe80::ff:fe00:101%sync", 4510), timeout=20)
	s.sendall(bytes.fromhex(sys.argv[1]))
	try:
	    while s.recv(4096):
	        pass
	except ConnectionResetError:
	    pass
	EOT
}

ha_load
topology
relay_over 1 2
relay_conf 1 role = standby
relay_conf 2 role = standby
tunnel "$G1 $P" 0x1000 replay-window 32
tunnel_policies "$G1"
had 1 /run/conf1
must wait_for 20 link_state "$G1" connecting
listens() {
	on "$G1" ss -Htln | grep -q :4510
}
settled_address() { # its own end has one that it may use
	! ip -n "$G2" -6 addr show dev sync tentative | grep -q fe80
}

# Without the key
if [ "${RELAY_OVER:-tls}" = tls ]; then
	must wait_for 20 listens
	must wait_for 20 settled_address
	check "who talks nonsense is not heard" speak 474554202f20485454502f312e300d0a0d0a
fi
must mv "$relay_key" /run/key.good
keygen "$relay_key"
had 2 /run/conf2
check "who has not got the key is told so in both logs" wait_for 40 had_said 2 "no handshake"
check "by the other one, too" wait_for 20 had_said 1 "no handshake"
check "and gets nothing" has_not "$G2" 0x1000
had_stop 2
must ha "$G2" group del vpn
must ha "$G2" link del sync
must mv /run/key.good "$relay_key"

# With it, and without manners
relay_strange_peers
had 2 /run/conf2
relay_active
check "who has the key does" wait_for 20 has "$G2" 0x1000

# Silence: the link loses all, and both ends find out.
n=$(grep -c "relay: node g1 is there" /run/had2)
cut
relay_cut 1 down
gone() {
	grep -q "relay: node g2 is not there any more" /run/had1 &&
		grep -q "relay: node g1 is not there any more" /run/had2
}
check "a peer that is silent is given up" wait_for 40 gone
tunnel "$G1" 0x2000 replay-window 32
tunnel_del "$G1" 0x1000
mend
relay_cut 1 up
must wait_for 30 connected $((n + 1))
check "nobody has taken over" role "$G1" vpn active
check "what was made meanwhile is there" wait_for 30 has "$G2" 0x2000
check "what went is not" wait_for 30 has_not "$G2" 0x1000

# A reader that stands still: nobody waits for it for ever, and all is well afterwards. It is sent
# more than may be on its way, 4096 messages.
n=$(grep -c "relay: node g1 is there" /run/had2)
must kill -STOP "$had_2"
many add "$G1" 0x10000 2200
many del "$G1" 0x10000 2000
waits() { # thousands of messages
	grep -qE "is not there any more: .*; [1-9][0-9]{3,} messages wait" /run/had1
}
check "a peer that takes nothing is dropped, and it is said what waits" wait_for 60 waits
must kill -CONT "$had_2"
must wait_for 30 connected $((n + 1))
check "when it goes on it gets all" wait_for 60 count_is "$G2" 202
check "and holds it" wait_for 10 missing "$G2" 0

# More events than the kernel has room for: there is none left when SAs come and go. Root may send to
# the group what he likes, here requests for a new mapping, which the daemon has no use for.
fill_room() {
	on "$G1" python3 - <<-'EOT'
	import socket, struct, sys
	MAPPING, SA = 0x26, 3
	def lost():
	    with open('/proc/self/net/netlink') as f:
	        return sum(int(line.split()[8]) for line in f if line.split()[1] == '6')
	what = struct.pack('IHHII', 32000, MAPPING, 0, 0, 0).ljust(32000, b'\0')
	s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 6)
	before = lost()
	for n in range(4000):
	    s.sendto(what, (0, 1 << (SA - 1)))
	    if n % 50 == 49 and lost() > before:
	        sys.exit(0)
	sys.exit('it is not full')
	EOT
}
must kill -STOP "$had_1"
must fill_room
many add "$G1" 0x30000 100
many del "$G1" $((0x10000 + 2000)) 50
must kill -CONT "$had_1"
check "events that were lost are noticed" wait_for 30 had_said 1 "events were lost"
check "and what they told of is found" wait_for 60 count_is "$G2" 252
many del "$G1" 0x30000 100
check "nothing is left over" wait_for 30 count_is "$G2" 152
had_stop 1
had_stop 2
relay_end 1 2
check "the module leaves" ha_unload
ktap_finished
