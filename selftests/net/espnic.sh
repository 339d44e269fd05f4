#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: ethtool iperf3 python3 tcpdump
# timeout: 480
#
# The test NIC's own test: selftests/modules/espnic is what the tests of engines (rows A1, A5, C4)
# have instead of hardware, so it must do what such hardware does, and only that.
#
#   +--------- A ---------+          +--------- B ---------+
#   | 10.1.0.1   nicA  .1 |----------| .2  nicB   10.2.0.1 |     A: ESP in nicA
#   +---------------------+          +---------------------+     B: ESP in software
#                   192.0.2.0/24, 2001:db8::/64

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/espnic.sh"
. "$(dirname "$0")/../lib/failslab.sh"

debug=/sys/kernel/debug/espnic/nicA
pcap=/run/espnic

link_up() { # a new pair, with all that belongs to it
	must ip -n "$A" link add nicA address 02:00:00:00:00:0a type espnic
	must ip -n "$A" link add link nicA name nicB netns "$B" address 02:00:00:00:00:0b type espnic
	side "$A" nicA 1 2 02:00:00:00:00:0b
	side "$B" nicB 2 1 02:00:00:00:00:0a
}

side() { # NAMESPACE DEV OWN OTHER LLADDR
	must batch "$1" "link set $2 arp off up" \
		"addr add 192.0.2.$3/24 dev $2" \
		"addr add 2001:db8::$3/64 dev $2 nodad" \
		"neigh replace 192.0.2.$4 lladdr $5 dev $2 nud permanent" \
		"neigh replace 2001:db8::$4 lladdr $5 dev $2 nud permanent" \
		"addr replace 10.$3.0.1/32 dev lo" \
		"addr replace fd0$3::1/128 dev lo nodad" \
		"route add 10.$4.0.0/16 via 192.0.2.$4 src 10.$3.0.1" \
		"route add fd0$4::/64 via 2001:db8::$4 src fd0$3::1"
}

clear_all() {
	local ns

	for ns in "$A" "$B"; do
		must batch "$ns" "xfrm state flush" "xfrm policy flush"
	done
}

addresses() { # 4|6 MODE: sets a, b (outer), ia, ib (inner), plen
	case $1$2 in
	4*) a=192.0.2.1 b=192.0.2.2 ia=10.1.0.1 ib=10.2.0.1 plen=32 ;;
	6*) a=2001:db8::1 b=2001:db8::2 ia=fd01::1 ib=fd02::1 plen=128 ;;
	esac
	[ "$2" = tunnel ] || ia=$a ib=$b
}

policies() { # 4|6 MODE
	local there back tmpl="proto esp reqid 1 mode $2"

	addresses "$1" "$2"
	there="src $ia/$plen dst $ib/$plen" back="src $ib/$plen dst $ia/$plen"
	must batch "$A" "xfrm policy add $there dir out tmpl src $a dst $b $tmpl" \
		"xfrm policy add $back dir in tmpl src $b dst $a $tmpl"
	must batch "$B" "xfrm policy add $there dir in tmpl src $a dst $b $tmpl" \
		"xfrm policy add $back dir out tmpl src $b dst $a $tmpl"
}

policy() { # NAMESPACE DIR SRC DST OUTER-SRC OUTER-DST MODE
	must ip -n "$1" xfrm policy add src "$3/$plen" dst "$4/$plen" dir "$2" \
		tmpl src "$5" dst "$6" proto esp reqid 1 mode "$7"
}

sa() { # NAMESPACE SPI SRC DST MODE [OPTION...]
	spawn ip -n "$1" xfrm state add src "$3" dst "$4" proto esp spi "$2" reqid 1 mode "$5" \
		aead 'rfc4106(gcm(aes))' "$KEY" 128 "${@:6}"
}

hw_out() { # SPI [OPTION...]: in A, tunnel mode, outbound
	sa "$A" "$1" "$a" "$b" tunnel "${@:2}" offload dev nicA dir out
}

hw_in() { # SPI [OPTION...]
	sa "$A" "$1" "$b" "$a" tunnel "${@:2}" offload dev nicA dir in
}

# 0x1001 from A to B, 0x1002 from B to A. Words after the mode are for all SAs.
sas() { # 4|6 MODE "OUT-OPTIONS" "IN-OPTIONS" [OPTION...]: of A's SAs
	local sa="reqid 1 mode $2 aead rfc4106(gcm(aes)) $KEY 128 ${*:5}" there back

	addresses "$1" "$2"
	there="xfrm state add src $a dst $b proto esp spi 0x1001 $sa"
	back="xfrm state add src $b dst $a proto esp spi 0x1002 $sa"
	must batch "$A" "$there $3" "$back $4"
	must batch "$B" "$there" "$back"
}

key() { # BITS
	KEY=0x$(printf '%0*d' $((($1 + 32) / 4)) 1234567890)
}

ask_nic() { # COUNTER: of nicA, in REPLY
	spawn -n "$A" -r ethtool -S nicA
	[[ $REPLY =~ \ $1:\ ([0-9]+) ]]
	REPLY=${BASH_REMATCH[1]-}
}

nic() { # PATTERN: of each counter that it fits
	local name value

	spawn -n "$A" -r ethtool -S nicA
	while read -r name value; do
		[[ ! $name =~ ^$1:$ ]] || echo "$value"
	done <<<"$REPLY"
}

sa_failed() { # NAMESPACE SPI
	spawn -r ip -n "$1" -s xfrm state list proto esp spi "$2"
	[[ ! $REPLY =~ failed\ ([0-9]+) ]] || echo "${BASH_REMATCH[1]}"
}

xfrm_stat() { # NAMESPACE COUNTER
	spawn -n "$1" -r cat /proc/net/xfrm_stat
	[[ ! $REPLY =~ (^|$'\n')"$2"\ *$'\t'*([0-9]+) ]] || echo "${BASH_REMATCH[2]}"
}

pings() { # COUNT [OPTION...]: from A
	ping_all "$A" -c "$1" -i 0.02 -W 2 "${@:2}" "$ib"
}

tcp() { # [-R]: a megabyte from A to B, or from B to A
	local server status

	ip netns exec "$B" iperf3 -s -1 -B "$ib" >/dev/null 2>&1 &
	server=$!
	wait_for 10 listens
	on "$A" timeout 30 iperf3 -c "$ib" -B "$ia" -n 1M "$@" >/run/iperf 2>&1
	status=$?
	[ "$status" -eq 0 ] || sed "s/^/# /" /run/iperf
	stopped "$server"
	return "$status"
}

counts() { # COUNTER VALUE
	ask_nic "$1"
	[ "$REPLY" = "$2" ]
}

carrier() { # NAMESPACE DEV 0|1
	spawn -n "$1" -r cat "/sys/class/net/$2/carrier" 2>/dev/null
	[ "$REPLY" = "$3" ]
}

offloaded() { # SPI: how many SAs of A with it are so
	local text n=0

	spawn -r ip -n "$A" xfrm state list proto esp spi "$1"
	text=$REPLY
	while [[ $text == *'crypto offload parameters: dev nicA'* ]]; do
		text=${text#*'crypto offload parameters: dev nicA'}
		n=$((n + 1))
	done
	echo "$n"
}

# What the two ends have counted has to be the same: not a packet went by software in A.
kind() { # 4|6 MODE BITS [OPTION...]
	local name="IPv$1 $2, $3 bit${4:+, ESN}" tx rx

	clear_all
	key "$3"
	policies "$1" "$2"
	sas "$1" "$2" "offload dev nicA dir out" "offload dev nicA dir in" replay-window 64 "${@:4}"
	tx=$(nic tx_packets) rx=$(nic rx_packets)
	check "$name: ping" pings 5 || return
	check "$name: TCP to B" tcp || return
	check "$name: TCP from B" tcp -R || return
	tx=$(($(nic tx_packets) - tx)) rx=$(($(nic rx_packets) - rx))
	is "$name: B decrypted what nicA encrypted" "$tx" "$(sa_packets "$B" 0x1001)"
	is "$name: nicA decrypted what A accepted" "$rx" "$(sa_packets "$A" 0x1002)"
	between "$name: segments came one by one" "$tx" $(($(sa_packets "$A" 0x1001) + 200)) 1000000
	check "$name: packets beyond the MTU" pings 3 -s 4000
}

# Writes an existing SA again with another SPI, and prints the kernel's errno.
again() { # NAMESPACE SPI NEW-SPI
	ip netns exec "$1" python3 - "$2" "$3" <<-'END'
		import socket, struct, sys
		NEWSA, GETSA = 0x10, 0x12
		old, new = (int(a, 0) for a in sys.argv[1:])
		s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 6)
		def talk(kind, flags, body):
		    s.send(struct.pack('=IHHII', 16 + len(body), kind, flags, 1, 0) + body)
		    return s.recv(65536)
		dump = talk(GETSA, 0x301, b'')
		while dump:
		    length, kind = struct.unpack_from('=IH', dump)
		    body, dump = dump[16:length], dump[(length + 3) & ~3:]
		    if kind == NEWSA and body[72:76] == struct.pack('!I', old):
		        break
		s.recv(65536)
		reply = talk(NEWSA, 5, body[:72] + struct.pack('!I', new) + body[76:])
		print(-struct.unpack_from('=i', reply, 16)[0])
	END
}

capture() { # NAMESPACE DEV: to $pcap.DEV
	: >"$pcap.$2.err"
	ip netns exec "$1" tcpdump --immediate-mode -nUi "$2" -w "$pcap.$2" esp 2>"$pcap.$2.err" &
	captures+=($!)
	must wait_for 10 grep -q listening "$pcap.$2.err"
}

recorded() { # DEV COUNT
	[ "$(tcpdump -nr "$pcap.$1" 2>/dev/null | wc -l)" -ge "$2" ]
}

netns A B
at_exit rmmod_espnic
insmod_espnic slots=4
key 128

#
# The pair
#
link_up
check "carrier" wait_for 5 carrier "$A" nicA 1
must ip -n "$B" link set nicB down
check "no carrier when the other end is down" wait_for 5 carrier "$A" nicA 0
must ip -n "$B" link set nicB up
must wait_for 5 carrier "$A" nicA 1
must ip -n "$B" addr replace 2001:db8::2/64 dev nicB nodad
must ip -n "$B" neigh replace 192.0.2.1 lladdr 02:00:00:00:00:0a dev nicB nud permanent
must ip -n "$B" neigh replace 2001:db8::1 lladdr 02:00:00:00:00:0a dev nicB nud permanent
must ip -n "$B" route replace 10.1.0.0/16 via 192.0.2.1 src 10.2.0.1
must ip -n "$B" route replace fd01::/64 via 2001:db8::1 src fd02::1
check "a name is there once" denied "The name is taken" ip -n "$B" link add nicA type espnic
check "two ends to a cable" denied "has a cable already" \
	ip -n "$A" link add link nicA name nicC type espnic

#
# Both directions, all kinds
#
kind 4 tunnel 128
kind 4 transport 256
kind 6 tunnel 256
kind 6 transport 128
kind 4 tunnel 256 flag esn
kind 4 transport 128 flag esn
kind 6 tunnel 128 flag esn
kind 6 transport 256 flag esn
is "no errors in A" "$(xfrm_errors "$A")" ""
is "no errors in B" "$(xfrm_errors "$B")" ""
# Segments that nicA makes, of ESP and of TCP alone
for who in full partial; do
	must on "$A" ethtool -K nicA tx-esp-segmentation off
	[ $who = full ] || must on "$A" ethtool -K nicA tx-gso-partial on
	must on "$A" ethtool -K nicA tso on tx-tcp6-segmentation on tx-esp-segmentation on
	for way in "4 tunnel 128" "4 transport 256 flag esn" "6 tunnel 256 flag esn" \
		"6 transport 128"; do
		say "$who"
		cut=$(nic tx_segmented)
		# shellcheck disable=SC2086	# a list
		kind $way
		between "$who, $way: nicA has segmented" $(($(nic tx_segmented) - cut)) 10 100000
	done
	clear_all
	for family in 4 6; do
		addresses $family tunnel
		cut=$(nic tx_segmented)
		check "$who: TCP over IPv$family alone" tcp
		between "$who: nicA has segmented" $(($(nic tx_segmented) - cut)) 5 100000
	done
done
must on "$A" ethtool -K nicA tso off tx-tcp6-segmentation off tx-esp-segmentation off
must on "$A" ethtool -K nicA tx-gso-partial off
is "no errors in A, segments made by nicA" "$(xfrm_errors "$A")" ""
is "no errors in B, segments made by nicA" "$(xfrm_errors "$B")" ""
is "nothing dropped by nicA" "$(nic 'tx_unknown_sa')$(nic '[rt]x_drop_[a-z]*' | tr -d '\n')" \
	00000000000

# VLANs: a filter lets in those that are asked for.
vlan() { # answers in VLAN 10
	ping_all "$A" -c 3 -i 0.02 -W 1 198.51.100.2
}
for ns in "$A nicA 1" "$B nicB 2"; do
	# shellcheck disable=SC2086	# a list
	set -- $ns
	must batch "$1" "link add link $2 name vlan10 type vlan id 10" "link set vlan10 arp off up" \
		"addr add 198.51.100.$3/24 dev vlan10" \
		"neigh replace 198.51.100.$((3 - $3)) lladdr 02:00:00:00:00:0$([ "$3" = 1 ] &&
			echo b || echo a) dev vlan10"
done
check "VLAN, no filter" vlan
must on "$A" ethtool -K nicA rx-vlan-filter on
check "VLAN that the filter knows" vlan
is "VLAN: none was dropped" "$(nic rx_drop_vlan)" 0
must batch "$B" "link add link nicB name vlan11 type vlan id 11" "link set vlan11 arp off up" \
	"addr add 198.51.101.2/24 dev vlan11" \
	"neigh replace 198.51.101.1 lladdr 02:00:00:00:00:0a dev vlan11"
check_not "VLAN that it does not know" on "$B" ping -q -c 3 -i 0.02 -W 0.1 198.51.101.1
between "VLAN: it was dropped" "$(nic rx_drop_vlan)" 3 100
must on "$A" ethtool -K nicA rx-vlan-filter off
must ip -n "$A" link del vlan10
must batch "$B" "link del vlan10" "link del vlan11"

clear_all
policies 4 tunnel
sas 4 tunnel "offload dev nicA dir out replay-oseq 0xffffff00" \
	"offload dev nicA dir in replay-seq 0xfffffff0" flag esn replay-window 128
must ip -n "$B" xfrm state flush
must sa "$B" 0x1001 "$a" "$b" tunnel flag esn replay-window 128 replay-seq 0xffffff00
# Few numbers are left there: B's software, when it segments, makes a wrong packet of 2^32-1.
must sa "$B" 0x1002 "$b" "$a" tunnel flag esn replay-window 128 replay-oseq 0xfffffff0
check "ESN: TCP to B, over 2^32" tcp
check "ESN: TCP from B" tcp -R
tx=$(ip -n "$A" -s xfrm state list proto esp spi 0x1001 | grep -c 'oseq-hi 0x1')
rx=$(ip -n "$A" -s xfrm state list proto esp spi 0x1002 | grep -c 'seq-hi 0x1')
is "ESN: both are in the next 2^32" "$tx $rx" "1 1"
is "ESN: no errors" "$(xfrm_errors "$A")$(xfrm_errors "$B")" ""

# From half of 2^32 to its end: right only for who knows how far the window has come.
clear_all
policies 4 tunnel
sas 4 tunnel "offload dev nicA dir out" "offload dev nicA dir in" flag esn replay-window 128
check "ESN: inbound from 1" pings 3
for oseq in 0x80000000 0xfffffff8; do
	must ip -n "$B" xfrm state delete src "$b" dst "$a" proto esp spi 0x1002
	must sa "$B" 0x1002 "$b" "$a" tunnel flag esn replay-window 128 replay-oseq $oseq
	check "ESN: inbound from $oseq" pings 16
done

#
# On the wire
#
clear_all
policies 4 tunnel
sas 4 tunnel "offload dev nicA dir out" "offload dev nicA dir in"
must on "$B" ethtool -K nicB gro off
captures=()
capture "$A" nicA
capture "$B" nicB
check "ping with a pattern" pings 3 -s 200 -p 5eb5eb
check "captured in A" wait_for 5 recorded nicA 3
check "captured in B" wait_for 5 recorded nicB 6
stopped "${captures[@]}"
must on "$B" ethtool -K nicB gro on
pattern=$(printf '%.0s^\xb5\xeb' {1..10})
plain() { LC_ALL=C grep -qaF "$pattern" "$pcap.$1"; }
check "the stack leaves the text to nicA" plain nicA
check_not "it is not on the wire" plain nicB
is "IVs are nicA's: the numbers" "$(tcpdump -nxr "$pcap.nicB" 'src 192.0.2.1' 2>/dev/null |
	awk '/0x0010:/ { seq = $6 $7; iv = $8 $9 } /0x0020:/ { print iv, $2 $3 == seq, seq }' |
	tr '\n' ';')" "00000000 1 00000001;00000000 1 00000002;00000000 1 00000003;"

# The far end's NIC can do it, too.
clear_all
policies 6 tunnel
sas 6 tunnel "offload dev nicA dir out" "offload dev nicA dir in"
must ip -n "$B" xfrm state flush
must sa "$B" 0x1001 "$a" "$b" tunnel offload dev nicB dir in
must sa "$B" 0x1002 "$b" "$a" tunnel offload dev nicB dir out
check "hardware at both ends" tcp
is "nicB decrypted all" "$(on "$B" ethtool -S nicB | sed -n 's/^ *rx_packets: //p')" \
	"$(sa_packets "$B" 0x1001)"

# IPv4 options are beyond the hardware: one SA, both ways of treating a packet.
clear_all
policies 4 transport
sas 4 transport "offload dev nicA dir out" "offload dev nicA dir in"
tx=$(nic tx_packets)
check "with IPv4 options" pings 3 -R
check "without" pings 3
is "only those without were nicA's" $(($(nic tx_packets) - tx)) 3

#
# Packet mode: all of ESP is nicA's, with the numbers
#
packet() { # sa|policy ARG...: in A
	on "$A" "$XFRM_HA_DIR/selftests/oracle/offload-packet" "$@"
}

oseq() { # NAMESPACE SPI: the number that the kernel has given last
	ip -n "$1" -s xfrm state list proto esp spi "$2" | sed -n 's/.* oseq 0x\([0-9a-f]*\).*/\1/p'
}

packet_mode() { # [esn]
	clear_all
	addresses 4 transport
	policy "$B" in "$a" "$b" "$a" "$b" transport
	policy "$B" out "$b" "$a" "$b" "$a" transport
	must packet sa "$a" "$b" 0x1001 1 out nicA "${KEY#0x}" "$@"
	must packet sa "$b" "$a" 0x1002 1 in nicA "${KEY#0x}" "$@"
	must packet policy "$a" "$b" 1 out nicA
	must packet policy "$b" "$a" 1 in nicA
	must sa "$B" 0x1001 "$a" "$b" transport replay-window 64 ${1:+flag "$1"}
	must sa "$B" 0x1002 "$b" "$a" transport replay-window 64 ${1:+flag "$1"}
}

key 128
for esn in "" esn; do
	# shellcheck disable=SC2086	# nothing, or a word
	packet_mode $esn
	name="packet mode${esn:+, ESN}"
	tx=$(nic tx_packets) rx=$(nic rx_packets)
	check "$name: ping" pings 5
	check "$name: TCP to B" tcp
	check "$name: TCP from B" tcp -R
	tx=$(($(nic tx_packets) - tx)) rx=$(($(nic rx_packets) - rx))
	is "$name: B decrypted what nicA sent" "$tx" "$(sa_packets "$B" 0x1001)"
	is "$name: the stack asks nicA for the counts" \
		"$(sa_packets "$A" 0x1001) $(sa_packets "$A" 0x1002)" "$tx $rx"
done
is "packet mode: no errors" "$(xfrm_errors "$A")$(xfrm_errors "$B")" ""

packet_mode
must on "$B" ethtool -K nicB gro off
captures=()
capture "$B" nicB
check "packet mode: ping with a pattern" pings 10 -s 200 -p 5eb5eb
check "packet mode: captured" wait_for 5 recorded nicB 20
stopped "${captures[@]}"
must on "$B" ethtool -K nicB gro on
check_not "packet mode: the text is not on the wire" plain nicB
is "packet mode: the stack has given no number" "$(oseq "$A" 0x1001)" 0
replays=$(nic rx_replays) n=$(sa_packets "$A" 0x1002)
on "$B" "$XFRM_HA_DIR/selftests/oracle/esp-replay" -r "$pcap.nicB" -i nicB \
	-d 02:00:00:00:00:0a -S 0x1002 >/run/again
is "packet mode: sent once more" "$(cat /run/again)" 10
replayed() { [ $(($(nic rx_replays) - replays)) = "$(cat /run/again)" ]; }
check "packet mode: nicA drops what it has seen" wait_for 5 replayed
is "packet mode: and accepts none of it" "$(sa_packets "$A" 0x1002)" "$n"

#
# Slots
#
clear_all
addresses 4 tunnel
is "none used" "$(nic tx_used) $(nic rx_used)" "0 0"
for spi in 1 2 3 4; do
	must hw_out 0x200$spi
done
check "full" denied "espnic: No free slot for an SA in this direction" \
	hw_out 0x2005
is "errno is ENOSPC" "$(again "$A" 0x2001 0x2005)" 28
is "the slots of the other direction are free" "$(nic tx_used) $(nic rx_used)" "4 0"
check "SAs of the other direction are taken" hw_in 0x3001
check "SAs without offload are taken" sa "$A" 0x2005 "$a" "$b" tunnel
is "refusals are counted" "$(nic tx_refused_full)" 2
is "what is in the slots" "$(cut -d' ' -f1-3 "$debug/sas" | sort | tr '\n' ';')" \
	"rx 0x00003001 $a;tx 0x00002001 $b;tx 0x00002002 $b;tx 0x00002003 $b;tx 0x00002004 $b;"
must ip -n "$A" xfrm state delete src "$a" dst "$b" proto esp spi 0x2003
is "a deleted SA leaves its slot" "$(nic tx_used)" 3
check "another one takes it" hw_out 0x2006
echo 5 >"$debug/slots_tx"
check "one slot more" hw_out 0x2007
echo 1 >"$debug/slots_tx"
is "fewer slots evict nobody" "$(nic tx_slots) $(nic tx_used)" "1 5"
check "but take nobody in" denied "No free slot" \
	hw_out 0x2008
clear_all
is "all free" "$(nic tx_used) $(nic rx_used)" "0 0"

echo 4000 >"$debug/delete_delay_ms"
must hw_out 0x2001
must ip -n "$A" xfrm state flush
is "slow delete: the slot is still used" "$(nic tx_used)" 1
check "slow delete: and full" denied "No free slot" \
	hw_out 0x2002
check "slow delete: free in the end" wait_for 20 counts tx_used 0
check "slow delete: taken" hw_out 0x2002
echo 0 >"$debug/delete_delay_ms"
echo 4 >"$debug/slots_tx"
clear_all
check "slow delete: the delay is over" wait_for 5 counts tx_used 0

#
# Refusals
#
echo 2 >"$debug/fail_add"
check "refused on demand" denied "espnic: Refused, as the test asked for" \
	hw_out 0x2001
check "once more" denied "as the test asked for" \
	hw_out 0x2001
check "and then no more" hw_out 0x2001
echo 1 >"$debug/fail_add"
echo 5 >"$debug/fail_add_errno"
is "with the errno that was asked for" "$(again "$A" 0x2001 0x2005)" 5
echo 1 >"$debug/fail_add"
echo 95 >"$debug/fail_add_errno"
check "EOPNOTSUPP: software" hw_out 0x2002
is "as ip tells" "$(offloaded 0x2001) $(offloaded 0x2002)" "1 0"
check "a key of 192 bit" denied "Only rfc4106(gcm(aes)) with 128 or 256 bit key" ip -n "$A" \
	xfrm state add src "$a" dst "$b" proto esp spi 0x2009 mode tunnel \
	aead 'rfc4106(gcm(aes))' "0x$(printf '%056d' 1)" 128 offload dev nicA dir out
check "an ICV of 64 bit" denied "and 128 bit ICV is supported" ip -n "$A" \
	xfrm state add src "$a" dst "$b" proto esp spi 0x2009 mode tunnel \
	aead 'rfc4106(gcm(aes))' "$KEY" 64 offload dev nicA dir out
check "null encryption" denied "Only rfc4106(gcm(aes))" ip -n "$A" \
	xfrm state add src "$a" dst "$b" proto esp spi 0x2009 mode tunnel \
	enc 'ecb(cipher_null)' '' auth digest_null '' offload dev nicA dir out
check "UDP encapsulation" denied "not encapsulated, is supported" \
	hw_out 0x2009 encap espinudp 4500 4500 0.0.0.0
is "these are counted" "$(nic tx_refused_kind) $(nic tx_refused_fault)" "4 4"

#
# Wrong ICVs
#
clear_all
policies 4 tunnel
sas 4 tunnel "offload dev nicA dir out" "offload dev nicA dir in"
bad=$(xfrm_stat "$B" XfrmInStateProtoError)
echo 3 >"$debug/corrupt_icv_tx"
check_not "sent with wrong ICVs" pings 3
is "B's software sees it" $(($(xfrm_stat "$B" XfrmInStateProtoError) - bad)) 3
check "the next ones are right" pings 3
bad=$(xfrm_stat "$A" XfrmInStateProtoError) errors=$(nic rx_icv_errors)
echo 3 >"$debug/corrupt_icv_rx"
check_not "received with wrong ICVs" pings 3
is "A's stack drops what nicA complains of" $(($(xfrm_stat "$A" XfrmInStateProtoError) - bad)) 3
is "it is the SA's failure" "$(sa_failed "$A" 0x1002) $(($(nic rx_icv_errors) - errors))" "3 3"
check "the next ones are right, too" pings 3

#
# Reset
#
clear_all
policies 4 tunnel
sas 4 tunnel "" "offload dev nicA dir in"
check "before the reset" pings 3
rx=$(nic rx_packets) soft=$(nic rx_unknown_sa)
echo 1 >"$debug/reset"
check "RX: the stack decrypts" pings 3
is "RX: instead of nicA" "$(($(nic rx_packets) - rx)) $(($(nic rx_unknown_sa) - soft))" "0 3"
is "the slot is free, the stack does not know" "$(nic rx_used) $(offloaded 0x1002)" "0 1"
clear_all
is "what is not there can be deleted" "$(nic rx_used)" 0
policies 4 tunnel
sas 4 tunnel "offload dev nicA dir out" "offload dev nicA dir in"
check "before the next reset" pings 3
n=$(sa_packets "$B" 0x1001)
echo 1 >"$debug/reset"
check_not "TX: nothing is sent" pings 3
is "TX: dropped and counted" "$(nic tx_unknown_sa) $(($(sa_packets "$B" 0x1001) - n))" "3 0"
must ip -n "$A" xfrm state flush
must hw_out 0x1001 replay-oseq 100
must hw_in 0x1002
check "programmed again" pings 3
is "slots after that" "$(nic tx_used) $(nic rx_used)" "1 1"

#
# Out of memory: an SA is taken or refused, a packet goes right or not at all
#
if can_fail; then
	fail_in espnic
	refusals=0
	for n in {1..30}; do
		faults 100 "$n" 1
		hw_out 0x2001 2>/dev/null || refusals=$((refusals + 1))
		faults 0 1 0
		ip -n "$A" xfrm state delete src "$a" dst "$b" proto esp spi 0x2001 2>/dev/null
	done
	between "no memory for some SAs" $refusals 1 30
	is "and they have no slot" "$(nic tx_used)" 1
	faults 20 1 -1
	pings 100 | grep loss
	faults 0 1 0
	between "no memory for some packets" "$(nic '[rt]x_drop_crypto' | paste -sd+ | bc)" 1 200
	check "memory again: packets" pings 5
	check "memory again: SAs" hw_out 0x2001
fi

#
# Ends: the SAs are in use, nobody has deleted them
#
flood() {
	ip netns exec "$A" ping -qfc 1000000 "$ib" >/dev/null 2>&1 &
	floods+=($!)
	ip netns exec "$B" ping -qfc 1000000 "$ia" >/dev/null 2>&1 &
	floods+=($!)
	wait_for 20 moved 200
}

moved() { # COUNT
	[ "$(sa_packets "$A" 0x1002)" -ge "$1" ]
}

calm() {
	stopped "${floods[@]}"
	floods=()
}

states() {
	ip -n "$A" xfrm state list | grep -c ^src
}

floods=()
check "under load" flood
must ip -n "$A" link set nicA down
is "going down, it loses its SAs" "$(states) $(nic tx_used) $(nic rx_used)" "0 0 0"
calm
must ip -n "$A" link del nicA
must ip -n "$B" link del nicB

link_up
clear_all
policies 4 tunnel
sas 4 tunnel "offload dev nicA dir out" "offload dev nicA dir in"
check "under load again" flood
for _ in {1..10}; do
	echo 1 >"$debug/reset"
	must ip -n "$A" xfrm state flush
	must hw_out 0x1001
	must hw_in 0x1002
done
check "unplugged" ip -n "$A" link del nicA
is "its SAs are gone" "$(states)" 0
check "the other end stays, without carrier" wait_for 5 carrier "$B" nicB 0
calm
must ip -n "$B" link del nicB

link_up
clear_all
policies 6 tunnel
sas 6 tunnel "offload dev nicA dir out" "offload dev nicA dir in"
echo 60000 >"$debug/delete_delay_ms"
check "under load, for a namespace that goes" flood
netns_del "$A"
calm
gone() { [ ! -e "$debug" ]; }
check "the device goes with its namespace" wait_for 30 gone
must ip -n "$B" link del nicB
must ip netns add "$A"
must ip -n "$A" link set lo up

link_up
clear_all
policies 4 tunnel
sas 4 tunnel "offload dev nicA dir out" "offload dev nicA dir in" flag esn replay-window 64
check "under load, for a module that goes" flood
check "module unload" rmmod espnic
is "SAs went with the device" "$(states)" 0
calm
ktap_finished
