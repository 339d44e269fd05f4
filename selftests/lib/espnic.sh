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

sa_packets() { # NAMESPACE SPI
	ip -n "$1" -s xfrm state list proto esp spi "$2" |
		sed -n 's/.*(bytes), *\([0-9]*\)(packets).*/\1/p' | head -n 1
}

sa_number() { # NAMESPACE SPI: the last one given to a packet, outbound
	printf '%d\n' "$(ip -n "$1" -s xfrm state list proto esp spi "$2" |
		sed -n 's/.*oseq \(0x[0-9a-f]*\).*/\1/p' | head -n 1)"
}

xfrm_errors() { # NAMESPACE: counters of errors that are not 0
	on "$1" cat /proc/net/xfrm_stat | awk '$2 { printf "%s=%s ", $1, $2 }'
}

listens() { # an iperf3 server in B
	on "$B" ss -Hltn 'sport = :5201' | grep -q .
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
