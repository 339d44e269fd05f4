# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Work that is counted in steps (selftests/modules/count): calls of a function of the kernel, or of
# a module. Source ktap.sh and delay.sh first. Where a guest has kprobes:
#
#	# machines: qemu smp-san smp-kcsan
#
#	count_of collect between=xfrm_state_walk
#	...
#	between "in one walk" "$(count_most)" 1 256
#	count_off

COUNT=/sys/module/count/parameters

count_of() { # [MODULE:]FUNCTION [between=FUNCTION] [comm=NAME]
	local name word words=()

	count_off
	for word in "of=$1" "${@:2}"; do
		if [[ $word == comm=* ]]; then
			words+=("$word")
			continue
		fi
		name=$(delay_symbol "${word#*=}")
		[ -n "$name" ] || bail "no function ${word#*=} to count"
		words+=("${word%%=*}=$name")
	done
	must insmod "$XFRM_HA_MODULES/count/count.ko" "${words[@]}"
	at_exit count_off
}

count_calls() { # so far
	cat $COUNT/calls
}

count_most() { # in a row
	cat $COUNT/most
}

count_off() {
	! grep -q '^count ' /proc/modules || rmmod count
}
