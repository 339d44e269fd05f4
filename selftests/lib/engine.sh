# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A gateway with an engine device and two NICs, a switch, and a peer whose ESP is the kernel's.
# Source ktap.sh first.
#
#   +------------ A -------------+     +-------- W --------+     +-------- B --------+
#   |                    nic0 ---+-----+- wire0            |     |                   |
#   | 10.1.0.K eng0 .1 <         |     |        > lag  br0 +-----+- wan .2  10.2.0.K |
#   |                    nic1 ---+-----+- wire1            |     |                   |
#   +----------------------------+     +-------------------+     +-------------------+
#                       192.0.2.0/24, 2001:db8::/64
#
# What B sends to one address of A comes by one wire, which one is the switch's choice.

. "${BASH_SOURCE[0]%/*}/json.sh"

KEY=0x$(printf '%040d' 1234567890)

ha() { # ARG...: in A
	spawn "$XFRM_HA_DIR/tools/xfrm-ha/xfrm-ha" -N "$A" "$@"
}

refused() { # SENTENCE ARG...: exit status 2, and why
	local out status

	out=$(ha "${@:2}" 2>&1)
	status=$?
	say "$out"
	[ $status -eq 2 ] && [[ $out == *"$1"* ]]
}

side() { # NAMESPACE DEV OWN OTHER
	local mac=02:00:00:00:00:0$4

	must batch "$1" "link set $2 address 02:00:00:00:00:0$3 arp off up" \
		"addr add 192.0.2.$3/24 dev $2" \
		"addr add 2001:db8::$3/64 dev $2 nodad" \
		"neigh replace 192.0.2.$4 lladdr $mac dev $2 nud permanent" \
		"neigh replace 2001:db8::$4 lladdr $mac dev $2 nud permanent" \
		"route add 10.$4.0.0/16 via 192.0.2.$4" \
		"route add fd0$4::/64 via 2001:db8::$4"
}

wires() { # namespaces, NICs, switch
	local i

	netns A B W
	must batch "$W" "link add br0 type bridge" \
		"link add lag type bond mode balance-xor miimon 10" \
		"link add wan netns $B type veth peer name peer"
	for i in 0 1; do
		must batch "$A" "link add nic$i type espnic" \
			"link add link nic$i name wire$i netns $W type espnic"
		must ip -n "$W" link set "wire$i" master lag
	done
	must batch "$W" "link set lag master br0 up" "link set peer master br0 up" "link set br0 up"
	side "$B" wan 2 1
}

engine() { # eng0 with both NICs
	must batch "$A" "link add eng0 type xfrm_engine" "link set nic0 master eng0" \
		"link set nic1 master eng0"
	side "$A" eng0 1 2
}

# Outer and inner addresses of tunnel K: a, b, ia, ib
addresses() { # K 4|6
	if [ "$2" = 4 ]; then
		a=192.0.2.1 b=192.0.2.2 ia=10.1.0.$1 ib=10.2.0.$1 plen=32
	else
		a=2001:db8::1 b=2001:db8::2 ia=fd01::$1 ib=fd02::$1 plen=128
	fi
}

add_sa() { # NAMESPACE K SPI SRC DST [OPTION...]
	must ip -n "$1" xfrm state add src "$4" dst "$5" proto esp spi "$3" reqid "$2" \
		mode tunnel aead 'rfc4106(gcm(aes))' "$KEY" 128 "${@:6}"
}

policy() { # NAMESPACE K DIR SRC DST OUTER-SRC OUTER-DST
	must ip -n "$1" xfrm policy add src "$4/$plen" dst "$5/$plen" dir "$3" \
		tmpl src "$6" dst "$7" proto esp reqid "$2" mode tunnel
}

spi_out() { # K
	printf '0x%08x' $((0x1000 + $1))
}

spi_in() { # K
	printf '0x%08x' $((0x2000 + $1))
}

# Tunnel K between 10.1.0.K and 10.2.0.K; A's SAs are given to $offload, if that is set.
tunnel() { # K 4|6 [OPTION...]
	local k=$1 out='' in='' nodad='' sa there back

	addresses "$k" "$2"
	[ "$2" = 4 ] || nodad=" nodad"
	if [ "${offload-}" ]; then
		out=" offload dev $offload dir out" in=" offload dev $offload dir in"
	fi
	sa="reqid $k mode tunnel aead rfc4106(gcm(aes)) $KEY 128 ${*:3}"
	there="src $a dst $b proto esp" back="src $b dst $a proto esp"
	must batch "$A" "addr add $ia/$plen dev lo$nodad" \
		"xfrm state add $there spi $((0x1000 + k)) $sa$out" \
		"xfrm state add $back spi $((0x2000 + k)) $sa$in" \
		"xfrm policy add src $ia/$plen dst $ib/$plen dir out tmpl $there reqid $k mode tunnel" \
		"xfrm policy add src $ib/$plen dst $ia/$plen dir in tmpl $back reqid $k mode tunnel"
	must batch "$B" "addr add $ib/$plen dev lo$nodad" \
		"xfrm state add $there spi $((0x1000 + k)) $sa" \
		"xfrm state add $back spi $((0x2000 + k)) $sa" \
		"xfrm policy add src $ia/$plen dst $ib/$plen dir in tmpl $there reqid $k mode tunnel" \
		"xfrm policy add src $ib/$plen dst $ia/$plen dir out tmpl $back reqid $k mode tunnel"
}

no_tunnels() {
	local ns

	for ns in "$A" "$B"; do
		must batch "$ns" "xfrm state flush" "xfrm policy flush" "addr flush dev lo"
	done
}

pings() { # K 4|6 COUNT [OPTION...]: from A
	addresses "$1" "$2"
	ping_all "$A" -c "$3" -i 0.01 -W 2 -I "$ia" "${@:4}" "$ib"
}

# A batch of pings after the other, until /run/going is no more. None is lost.
pings_on() { # NAMESPACE FROM TO
	while ping_all "$1" -c 20 -i 0.005 -W 5 -I "$2" "$3"; do
		[ -e /run/going ] || return 0
	done
	return 1
}

undisturbed() { # K COMMAND...: what both ends of tunnel K, IPv4, send meanwhile is answered
	local there back status=0

	addresses "$1" 4
	rm -f /run/there /run/back
	: > /run/going
	pings_on "$A" "$ia" "$ib" > /run/there &
	there=$!
	pings_on "$B" "$ib" "$ia" > /run/back &
	back=$!
	wait_for 5 test -s /run/there && wait_for 5 test -s /run/back && "${@:2}" || status=1
	rm /run/going
	wait $there || status=1
	wait $back || status=1
	say "batches: $(grep -c ' 0% ' /run/there) there, $(grep -c ' 0% ' /run/back) back"
	grep -h received /run/there /run/back | grep -v ' 0% '
	return $status
}

# What is asked again and again costs one process, or none: it is in REPLY.
ask_nic() { # DEV COUNTER: of the test NIC
	spawn -n "$A" -r ethtool -S "$1"
	[[ $REPLY =~ \ $2:\ ([0-9]+) ]]
	REPLY=${BASH_REMATCH[1]-}
	[ "$REPLY" ]
}

nic() { # DEV COUNTER
	ask_nic "$@" && echo "$REPLY"
}

ask_nics() { # DEV FILTER
	ask_where dev "$1" "$2" "$A" engine nics
}

nics() { # DEV FILTER: a field of what eng0 says of a NIC
	ask_nics "$@" && echo "$REPLY"
}

ask_eng() { # FILTER
	ask_first "$1" "$A" engine show eng0
}

eng() { # FILTER: a field of what eng0 says of itself
	ask_eng "$@" && echo "$REPLY"
}

hard() { # COUNT: so many SAs are in slots
	ask_eng .hard
	[ "$REPLY" = "$1" ]
}

ask_cache() { # SPI FILTER
	ask_where spi "$1" "$2" "$A" cache show eng0
}

cache() { # SPI FILTER: a field of what eng0 says of an SA
	ask_cache "$@" && echo "$REPLY"
}

where() { # SPI
	cache "$1" .where
}

at() { # SPI NIC|software|hard: is it there?
	ask_cache "$1" .where
	case $2 in
	hard) [[ $REPLY == nic? ]] ;;
	*) [ "$REPLY" = "$2" ] ;;
	esac
}

all_at() { # NIC|software|hard SPI...
	local spi

	for spi in "${@:2}"; do
		at "$spi" "$1" || return 1
	done
}
