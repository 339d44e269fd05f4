# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154  # G and P are set by netns
#
# A gateway G with a forwarder on its wan, and P, which sends to it. Source ktap.sh and ha.sh first.

fair=/sys/kernel/debug/sched/fair_server/cpu1/runtime

both() { # COMMAND...: ip, in both namespaces
	must ip -n "$G" "$@"
	must ip -n "$P" "$@"
}

wan() {
	netns G P
	must ip link add wan netns "$G" address 02:00:00:00:02:01 type veth \
		peer name wan netns "$P" address 02:00:00:00:02:09
	both link set wan up
	remote_net wan wan
	must ip -n "$G" neigh replace 192.0.2.9 lladdr 02:00:00:00:02:09 dev wan nud permanent
	# One way only: what G's kernel counts is what came.
	must on "$G" sysctl -qw net.ipv4.icmp_echo_ignore_all=1
}

tunnel() { # K SRC DST [OPTION...]: SPI 0x1000 + K for 10.1.0.K, from P to G
	local k=$1 src=$2 dst=$3 sa policy tmpl

	shift 3
	sa="xfrm state add src $src dst $dst proto esp spi $((0x1000 + k)) reqid $k mode tunnel \
		aead rfc4106(gcm(aes)) $KEY 128 $*"
	policy="xfrm policy add src 10.2.0.1 dst 10.1.0.$k"
	tmpl="tmpl src $src dst $dst proto esp reqid $k mode tunnel"
	must batch "$G" "$sa" "addr replace 10.1.0.$k/32 dev lo" "$policy dir in $tmpl"
	must batch "$P" "$sa" "$policy dir out $tmpl"
}

send() { # COUNT K...: datagrams to each of them, from CPU 0
	# shellcheck disable=SC2016	# the inner shell's
	on "$P" taskset -c 0 bash -c 'n=$1; shift; for k; do
		exec 3> "/dev/udp/10.1.0.$k/9"
		for ((i = 0; i < n; i++)); do printf x >&3; done; done' - "$@"
}

burst() { # COUNT K...: the same, and wait until all were decrypted
	local count=$1 k
	local -A was

	shift
	for k; do
		ask_packets "$k"
		was[$k]=$REPLY
	done
	send "$count" "$@"
	for k; do
		wait_for 20 came "$k" $((${was[$k]} + count)) ||
			fail "of $count packets to $k came $(($(packets "$k") - ${was[$k]}))"
	done
}

# What is asked again and again costs one process: it is in REPLY.
ask_packets() { # K: decrypted by G
	spawn -r ip -n "$G" -s xfrm state list spi $((0x1000 + $1))
	[[ $REPLY =~ \(bytes\),\ *([0-9]+)\(packets\) ]]
	REPLY=${BASH_REMATCH[1]-}
}

packets() { # K
	ask_packets "$@"
	echo "$REPLY"
}

came() { # K COUNT
	ask_packets "$1"
	[ "$REPLY" -ge "$2" ]
}

errors() { # what G's IPsec did not like
	on "$G" sed -n 's/^\(XfrmIn[A-Za-z]*\)[[:space:]]*\([1-9].*\)/\1=\2/p' /proc/net/xfrm_stat | xargs
}

hog() { # all of CPU 1, so that no worker works there
	echo -1 > /proc/sys/kernel/sched_rt_runtime_us
	# Since 6.12 others have a twentieth all the same.
	[ ! -e "$fair" ] || [ "$(cat "$fair")" = 0 ] || echo 0 > "$fair"
	chrt -f 50 taskset -c 1 bash -c 'echo > /run/hog; while :; do :; done' &
	hog=$!
	wait_for 5 test -e /run/hog
}

unhog() {
	stopped "$hog"
	rm -f /run/hog
}

forwarder() { # [OPTION...]: on G's wan, or $dev, by way of "${as[@]}"; sets pid
	ip netns exec "$G" "${as[@]}" xfrm-ha forwarder run "${dev:-wan}" cpus "${cpus:-0,1}" "$@" &
	pid=$!
	wait_for 20 up || bail "no forwarder"
}

up() {
	on "$G" xfrm-ha forwarder stat "${dev:-wan}" >/dev/null 2>&1
}

no_forwarder() { # its exit status
	kill "${1:--TERM}" "$pid"
	wait "$pid"
}

fwd() { # JQ-EXPRESSION [COMMAND]: of what a command says
	on "$G" xfrm-ha -j forwarder "${2:-show}" "${dev:-wan}" | jq -rc "$1"
}

# What is asked most often, without jq.
ask_count() { # NAME
	spawn -n "$G" -r xfrm-ha -j forwarder stat "${dev:-wan}"
	json_where "$REPLY" name "$1" .value
}

count() { # NAME
	ask_count "$@" && echo "$REPLY"
}

at() { # K: "CPU-IT-SHALL-GO-TO CPU-IT-GOES-TO"
	local spi

	printf -v spi 0x%08x $((0x1000 + $1))
	spawn -n "$G" -r xfrm-ha -j forwarder show "${dev:-wan}"
	json_where "$REPLY" spi "$spi" '"\(.cpu) \(.at)"' && echo "$REPLY"
}
