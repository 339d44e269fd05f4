# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The test NIC (selftests/modules/espnic), and what the kernel counts of ESP. Source ktap.sh first.

rmmod_espnic() {
	! grep -q '^espnic ' /proc/modules || rmmod espnic
}

insmod_espnic() { # [PARAMETER...]
	must insmod "$XFRM_HA_MODULES/espnic/espnic.ko" "$@"
}

espnic_load() { # [PARAMETER...]: out again at exit
	[ -e "${XFRM_HA_MODULES-}/espnic/espnic.ko" ] || skip_all "espnic is not built"
	[[ $XFRM_HA_MACHINE == uml* ]] || modprobe -qa esp4_offload esp6_offload
	insmod_espnic "$@"
	at_exit rmmod_espnic
}

# What is asked again and again costs one process, or none: it is in REPLY.
ask_packets() { # NAMESPACE SPI
	spawn -r ip -n "$1" -s xfrm state list proto esp spi "$2"
	[[ $REPLY =~ \(bytes\),\ *([0-9]+)\(packets\) ]]
	REPLY=${BASH_REMATCH[1]-}
}

sa_packets() { # NAMESPACE SPI
	ask_packets "$@"
	echo "$REPLY"
}

ask_number() { # NAMESPACE SPI: the last one given to a packet, outbound
	spawn -r ip -n "$1" -s xfrm state list proto esp spi "$2"
	[[ $REPLY =~ oseq\ 0x([0-9a-f]+) ]]
	REPLY=$((16#${BASH_REMATCH[1]-0}))
}

sa_number() { # NAMESPACE SPI
	ask_number "$@"
	echo "$REPLY"
}

xfrm_errors() { # NAMESPACE: counters of errors that are not 0
	local name value

	spawn -n "$1" -r cat /proc/net/xfrm_stat
	while read -r name value; do
		[ "${value:-0}" = 0 ] || printf '%s=%s ' "$name" "$value"
	done <<<"$REPLY"
}

listens() { # an iperf3 server in B
	spawn -n "$B" -r ss -Hltn 'sport = :5201'
	[ "$REPLY" ]
}

denied() { # SENTENCE COMMAND...: it fails and says so
	local out

	say "${@:2}"
	if out=$("${@:2}" 2>&1); then
		say "was not refused"
		return 1
	fi
	say "$out"
	[[ $out == *"$1"* ]]
}
