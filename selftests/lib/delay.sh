# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Races that are forced (selftests/modules/delay): a CPU waits in a function of the kernel, or of a
# module, while the test does something on another. Source ktap.sh first. Where a guest has
# kprobes, and two CPUs:
#
#	# machines: qemu smp-san smp-kcsan
#
#	delay_at xfrm_state_delete 5000		# before its work; its first call from now on
#	ip xfrm state del ... &
#	must wait_for 5 delay_held
#	...					# what must not matter
#	delay_go				# ended early; 5000 ms were the bound
#	wait $!
#	delay_off
#
# A function that the compiler made part of its caller has no place to wait at: noinline. A grace
# period waits for who is held, and whatever waits for one: ip netns exec does, ip -n does not.

DELAY=/sys/module/delay/parameters

# A static function may be called by a name that the compiler gave it, and several by the same one.
delay_symbol() { # [MODULE:]FUNCTION
	awk -v f="${1##*:}" -v m="${1%:*}" 'BEGIN { m = m == f ? "" : "[" m "]" }
		$2 ~ /[tT]/ { n = $3; gsub(/\.(isra|constprop)\.[0-9]+/, "", n) }
		$2 ~ /[tT]/ && n == f && (m == "" || $4 == m) {
			gsub(/[][]/, "", m)
			print (m == "" ? "" : m ":") $3
			exit
		}' /proc/kallsyms
}

# The next HITS calls of FUNCTION (or MODULE:FUNCTION) wait for MS milliseconds; 0: all calls. Words that follow are
# the module's parameters: at_return=1, skip=N.
delay_at() { # FUNCTION MS [HITS [PARAMETER...]]
	local name

	delay_off
	name=$(delay_symbol "$1")
	[ -n "$name" ] || bail "no function $1 to delay"
	delay_patience
	must insmod "$XFRM_HA_MODULES/delay/delay.ko" symbol="$name" ms="$2" hits="${3:-1}" "${@:4}"
	at_exit delay_off
}

# Who is held on a slow machine, until others have done their work, is neither a stall nor a lockup.
delay_patience() {
	local file

	for file in rcupdate/parameters/rcu_cpu_stall_timeout workqueue/parameters/watchdog_thresh; do
		file=/sys/module/$file
		if ! [ -w $file ] || [ "$(cat $file)" = 200 ]; then
			continue
		fi
		at_exit eval "echo $(cat $file) > $file"
		echo 200 > $file
	done
}

delay_seen() { # [COUNT]: the function was called so often, or how often it was
	if [ $# -gt 0 ]; then
		[ "$(cat $DELAY/seen)" -ge "$1" ]
	else
		cat $DELAY/seen
	fi
}

delay_held() { # [COUNT]: so many calls wait now
	[ "$(cat $DELAY/held)" -ge "${1:-1}" ]
}

delay_done() { # [COUNT]: so many have waited
	[ "$(cat $DELAY/done)" -ge "${1:-1}" ]
}

delay_go() { # nobody waits any more
	echo 1 > $DELAY/go
}

delay_off() {
	! grep -q '^delay ' /proc/modules || rmmod delay
}
