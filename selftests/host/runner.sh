#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The runner notices what it is there for: tests with planted faults, in plain
# UML, must fail for the right reason, and only they.

. "$(dirname "$0")/../lib/ktap.sh"
cd "$XFRM_HA_DIR" || exit

mkdir -p build
dir=$(mktemp -d build/planted.XXXXXX)
at_exit rm -rf "$dir"

plant() { # NAME: the script comes from stdin
	{
		printf '#!/bin/bash\n# timeout: 5\n'
		cat
	} >"$dir/$1.sh"
}

plant 1-good <<<'echo "ok 1 fine"'
plant 2-fails <<<'echo "not ok 1 broken"; exit 1'
plant 3-silent <<<'exit 3'
plant 4-plan <<<'echo "1..2"; echo "ok 1 one"'
plant 5-skips <<<'echo "1..0 # SKIP no reason"; exit 4'
plant 6-process <<<'setsid tail -f /dev/null & echo "ok 1 x"'
plant 7-netns <<<'ip netns add stray'
plant 8-log <<<'echo "WARNING: CPU: 0 planted" >/dev/kmsg'
plant 9-nested <<<'echo "    ok 1 a"; echo "    not ok 2 b"; echo "not ok 1 both"; exit 1'
plant a-hangs <<<'tail -f /dev/null'
plant b-panics <<<'echo c >/proc/sysrq-trigger'
plant c-after <<<'echo "ok 1 still tested"'
# shellcheck disable=SC2016	# the guest's
plant d-breaks <<<'kill -9 "$(ps -o ppid= "$PPID")"'

out=$(CI='' selftests/vm/run --machine uml --no-build "$dir"/*.sh)
status=$?
printf "%s\n" "# ${out//$'\n'/$'\n'# }"

said() { # TEST TEXT
	grep -qF "# failed: $dir/$1.sh: $2" <<<"$out"
}

is "exit status" "$status" 1
check "a failed result" said 2-fails broken
check "an exit status without a result" said 3-silent "exit status 3"
check "fewer results than planned" said 4-plan "planned 2 results, gave 1"
check "a skip with its reason" grep -q "# skipped: .*5-skips.sh: no reason" <<<"$out"
check "a process left behind" said 6-process "left a process behind: tail"
check "a netns left behind" said 7-netns "left a netns behind: stray"
check "a warning in the kernel log" said 8-log "kernel log: WARNING"
check "a nested result" said 9-nested b
check "a test that hangs" said a-hangs "not done within 5 s"
check "a guest that panics" said b-panics "the guest died (emulator's status "
check "its last words" grep -q 'sysrq triggered crash' <<<"$out"
check "a guest whose tests break off" said d-breaks "the tests broke off with status 137"
is "the count" "$(tail -n 1 <<<"$out")" "7 passed, 10 failed, 1 skipped"

# Where a process that does nothing should take a tenth of a millisecond.
rm "$dir"/*
# shellcheck disable=SC2016	# the guest's
plant 1-slow <<<'timeout 10 tail -f /dev/null; [ "$XFRM_HA_SLOW" -gt 500 ] && echo "ok 1 slow"'
out=$(CI='' selftests/vm/run --machine uml --no-build --env XFRM_HA_REFERENCE=100 "$dir"/*.sh)
status=$?
printf "%s\n" "# ${out//$'\n'/$'\n'# }"
is "a time limit follows the machine" $status 0

# The second answer comes when ping alone waits no more: after two round trips of the first one.
rm "$dir"/*
plant 1-late <<'EOT'
. "$XFRM_HA_DIR/selftests/lib/ktap.sh"
netns A B
must ip link add near netns "$A" type veth peer name far netns "$B"
must batch "$A" "addr add 192.0.2.1/24 dev near" "link set near up"
must batch "$B" "addr add 192.0.2.2/24 dev far" "link set far up"
must wait_for 5 ping_all "$A" -c 1 -W 1 192.0.2.2
answers() {
	on "$A" awk '/^Icmp: [0-9]/ { print $16 }' /proc/net/snmp
}
before=$(answers)
ping_all "$A" -c 2 -i 0.5 -W 5 192.0.2.2 &
pinger=$!
answered() {
	[ "$(answers)" -gt "$before" ]
}
must wait_for 5 answered
must tc -n "$B" qdisc add dev far root netem delay 1s
check "a late answer is waited for" wait $pinger
ktap_finished
EOT
out=$(CI='' selftests/vm/run --machine uml --no-build "$dir"/*.sh)
status=$?
printf "%s\n" "# ${out//$'\n'/$'\n'# }"
is "an answer that is late is none that is lost" $status 0

report() { # TITLE
	printf '[ 1.2] %s\n' "$(printf '=%.0s' {1..66})" "BUG: $1" " f+0x1/0x2" "$(printf '=%.0s' {1..66})"
}
races() { # TITLE...: of the reports that count
	{
		echo "[ 1.0] before"
		for title; do
			report "$title"
		done
		echo "[ 1.3] after"
	} | awk -f selftests/vm/races.awk | sed -n 's/^\[ 1.[0-9]\] \(BUG: \)\?//p' | grep -v '^[= ]' | paste -sd,
}
is "a race of others does not count" "$(races "KCSAN: data-race in a / b")" before,after
is "one of ours does, and what is no race" \
	"$(races "KCSAN: data-race in a / b" "KCSAN: data-race in a / c [xfrm_ha]" "KASAN: in d")" \
	"before,KCSAN: data-race in a / c [xfrm_ha],KASAN: in d,after"

# What begins anew is for the whole check.
[ -z "${XFRM_HA_QUICK-}" ] || ktap_finished

# The first guest has had another test before.
rm "$dir"/*
second='dmesg | grep -q "selftests: mark 2$" ||'
plant 1-good <<<'echo "ok 1 fine"'
plant 2-once <<<"$second exec echo 'ok 1 slow'; echo 'not ok 1 slow'; exit 1"
plant 3-always <<<'echo "not ok 1 broken"; exit 1'
plant 4-never <<<"$second exec echo 'ok 1 I1: twice'; echo 'not ok 1 I1: twice'; exit 1"
plant 5-log <<<"$second exec echo 'ok 1 fine'; echo 'WARNING: CPU: 0 planted' >/dev/kmsg"

again() { # TEST...: among the failures that are tried again
	out=$(CI='' selftests/vm/run --machine uml --no-build --again "${@/#/$dir/}")
	status=$?
	printf "%s\n" "# ${out//$'\n'/$'\n'# }"
}

again 1-good.sh 2-once.sh
is "what fails once: the exit status" $status 0
check "and it is said" grep -qF "# unstable: $dir/2-once.sh: slow" <<<"$out"
is "it is counted once" "$(tail -n 1 <<<"$out")" "2 passed, 0 failed"
again 1-good.sh 4-never.sh 3-always.sh
is "what fails twice: the exit status" $status 1
check "and its failure" said 3-always broken
check "an invariant has no second try" said 4-never "I1: twice"
again 1-good.sh 5-log.sh
check "nor has what was said in the log" said 5-log "kernel log: WARNING"

# Its emulator is killed from outside, while the guest is well.
rm "$dir"/*
plant 1-good <<<'echo "ok 1 fine"'
plant 2-waits <<<'echo "ok 1 begun"; timeout 3 tail -f /dev/null; echo "ok 2 done"'
plant 3-good <<<'echo "ok 1 fine"'
begun() {
	grep -q "ok 1 begun" "$dir/out"
}
: >"$dir/out"
CI='' selftests/vm/run --machine uml --no-build "$dir"/*.sh >"$dir/out" &
runner=$!
check "a test has begun" wait_for 60 begun
emulator=$(pgrep -P $runner linux)
kill -9 -- "-$emulator"
wait $runner
is "a killed emulator: the exit status" $? 0
check "and it is said" grep -qxF "# unstable: $dir/2-waits.sh: the emulator was ended by SIGKILL" "$dir/out"
is "and all has been tested" "$(tail -n 1 "$dir/out")" "4 passed, 0 failed"

# A campaign that is told to stop does, with its guests, and begins none of what waits.
selftests/campaign/run --keep -n 50 -j 2 >"$dir/out" 2>&1 &
runner=$!
two_guests() {
	mapfile -t guests < <(pgrep -P "$runner" linux)
	[ ${#guests[@]} = 2 ]
}
check "a campaign has begun" wait_for 300 two_guests
mine=$(tr '\0' '\n' <"/proc/${guests[0]}/cmdline" | grep ^uml_dir=)
kill -TERM $runner
ended() {
	! [ -e /proc/$runner/stat ] || grep -q ') Z ' /proc/$runner/stat
}
check "it ends within seconds" wait_for 10 ended
ended || kill -9 $runner
wait $runner
is "by the signal" $? 143
is "no guest is left" "$(pgrep -fc "$mine")" 0
ktap_finished
