#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# timeout: 300
#
# Out of memory at each allocation of the module: a command is carried out or refused, and
# nothing half-done stays behind; under traffic, what could not be said is said later.
# Invariant I6. The machine's end looks for leaks.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"

. "$(dirname "$0")/../lib/failslab.sh"

can_fail ||
	skip_all "the kernel can't inject faults by stack (FAULT_INJECTION_STACKTRACE_FILTER)"

# The n-th allocation under this command fails, for each n, until it succeeds several times
# without any failure: NAME EXISTS UNDO COMMAND...
each() {
	local name=$1 exists=$2 undo=$3 n refused=0 passed=0 broken=0 status

	shift 3
	for ((n = 1; n <= 300 && passed < 8; n++)); do
		faults 100 "$n" 1
		"$@" > /dev/null 2> /run/said
		status=$?
		[ "$(cat $FAIL/times)" = 0 ] && passed=0 || passed=$((passed + 1))
		faults 0 1 0
		if [ $status = 0 ]; then
			[ "$exists" = false ] || "$exists" || broken=$((broken + 1))
			eval "$undo"
		else
			refused=$((refused + 1))
			[ $refused -gt 3 ] || say "$(cat /run/said)"
			if [ $status != 2 ] || ! [ -s /run/said ] || "$exists"; then
				say "status $status, said: $(cat /run/said)"
				broken=$((broken + 1))
			fi
		fi
	done
	say "$name: $refused of $((n - 1)) were refused"
	between "$name: some were refused" $refused 1 300
	is "$name: and left nothing half-done" $broken 0
}

has_link() {
	ha "$G1" -j link show | grep -q '"sync"'
}

has_group() {
	ha "$G1" -j group show | grep -q '"g"'
}

ha_load
fail_in xfrm_ha
topology
xfrm-ha keygen /run/fault.key

each "link add" has_link "ha $G1 link del sync" \
	ha "$G1" link add sync peer 02:00:00:00:01:02 key /run/fault.key
must ha "$G1" link add sync peer 02:00:00:00:01:02 key /run/fault.key
each "group add" has_group "ha $G1 group del g" ha "$G1" group add g role standby
must ha "$G1" group add g role standby
each "group show" false true ha "$G1" group show g
must ha "$G1" group del g
must ha "$G1" link del sync

# SAs of no group: by the aevent tap they are known, too.
for n in {1..200}; do
	id="src 192.0.2.1 dst 192.0.2.2 proto esp spi $n"
	echo "xfrm state add $id mode tunnel aead rfc4106(gcm(aes)) $KEY 128"
	echo "xfrm state delete $id"
done > /run/batch
faults 50 1 -1
check "SAs of no group come and go" ip -n "$G1" -batch /run/batch
faults 0 1 0
none_known() {
	ask_first .sas "$G1" node show
	[ "$REPLY" = 0 ]
}
check "and none is known for longer" wait_for 10 none_known

# What happens in softirq and work items: handshake, announcements, records, events.
sas 0x1000 4 tunnel "$G1 $G2 $P" replay-window 32
policies 0x1000 4 tunnel
must ha "$G2" link add sync peer 02:00:00:00:01:01 key /run/fault.key dead 100
must ha "$G1" link add sync peer 02:00:00:00:01:02 key /run/fault.key dead 100
# A handshake is a dozen allocations in a row at each end, most of them the cipher's.
faults 30 1 40
check "a session begins in spite of it" wait_for 60 link_state "$G1" up
is "and nobody takes that for a wrong key" "$(stat "$G1" frame_auth) $(stat "$G2" frame_auth)" "0 0"
faults 0 1 0
groups vpn interval 1
faults 20 1 -1
before=$(stat "$G1" frame_nomem)
pings 300 10.1.0.1 0.01
for n in {1..20}; do
	sas $((0x2000 + 16 * n)) 4 tunnel "$G1 $G2" replay-window 32
done
faults 0 1 0
check "frames were not sent for want of memory" test $(($(stat "$G1" frame_nomem) - before)) -gt 0
check "what was not said is said in the end" wait_for 20 mirrored "$G1" 0x1001
all_known() {
	[ "$(group "$G1" vpn sas) $(group "$G2" vpn sas)" = "42 42" ]
}
check "SAs that came meanwhile are known" wait_for 30 all_known
check "and mirrored" wait_for 20 mirrored "$G1" 0x2141
faults 20 1 -1
check "taken over, if not at once" wait_for 20 ha "$G2" takeover vpn force
check "and active" wait_for 20 role "$G2" vpn active
check "and known to the other one" wait_for 30 role "$G1" vpn standby
faults 0 1 0
reroute 2
wait_for 10 mirrored "$G2" 0x1001
check "traffic" pings 20
faults 30 1 -1
check "the module leaves" ha_unload
faults 0 1 0
ktap_finished
