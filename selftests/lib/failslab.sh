# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Allocations of a module that fail (Documentation/fault-injection). Source ktap.sh first.

FAIL=/sys/kernel/debug/failslab

can_fail() { # the kernel can tell by the stack whose allocation it is
	[ -w $FAIL/require-start ]
}

fail_in() { # MODULE: only those under its functions
	local text

	text=$((16#$(sed 's/^0x//' "/sys/module/$1/sections/.text")))
	echo $text > $FAIL/require-start
	echo $((text + $(cat "/sys/module/$1/coresize"))) > $FAIL/require-end
	echo 32 > $FAIL/stacktrace-depth
	echo 0 > $FAIL/verbose
	echo N > $FAIL/ignore-gfp-wait
	at_exit faults 0 1 0
}

faults() { # PROBABILITY INTERVAL TIMES
	echo "$2" > $FAIL/interval
	echo "$3" > $FAIL/times
	echo "$1" > $FAIL/probability
}

fail_under() { # MODULE FUNCTION: only those on whose stack it is
	local range

	range=$(awk -v f="$2" -v m="[$1]" '
		$4 == m && $2 ~ /[tT]/ { print $1, $3 }' /proc/kallsyms | sort | awk -v f="$2" '
		found && $1 != from { print from, $1; exit }
		$2 == f { found = 1; from = $1 }')
	[ -n "$range" ] || bail "no function $2"
	echo $((16#${range% *})) > $FAIL/require-start
	echo $((16#${range#* })) > $FAIL/require-end
}
