#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tap: any
# requires: python3 taskset
# timeout: 180
#
# M1 N14, invariant I1: SAs of a CPU each (RFC 9611), as newer kernels have them. Packets take the
# SA of the CPU that they are sent on. All are mirrored; the other gateway has a CPU less, if there
# are several, makes those of that one general, and takes over; then the first one goes on with all.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/had.sh"
. "$(dirname "$0")/../lib/relay.sh"

dir=$XFRM_HA_DIR/selftests/lib/xfrm_dir.py
g=192.0.2.1 p=192.0.2.9

pair() { # CPU: the gateways' outbound one is 0x2001 and so on, the inbound one that after it
	local out=$((0x2001 + 16 * $1)) ns to from

	for ns in "$G1" "$P"; do
		to=out from=in
		[ "$ns" != "$P" ] || to=in from=out
		must on "$ns" python3 "$dir" add $g $p $out $to reqid 4096 cpu "$1"
		must on "$ns" python3 "$dir" add $p $g $((out + 1)) $from reqid 4096 cpu "$1"
	done
}

cpu_of() { # NAMESPACE CPU: which ones the kernel has its two SAs for
	local out=$((0x2001 + 16 * $2)) two

	two=$(on "$1" python3 "$dir" show $p $out && on "$1" python3 "$dir" show $g $((out + 1)))
	grep -oP 'cpu \K\S+' <<<"$two" | xargs
}

# One CPU does all of it, the other end's part, too.
pings_on() { # CPU COUNT
	local said

	said=$(on "$P" taskset -c "$1" ping -q -c "$2" -i 0.02 -W 5 10.1.0.1 2>&1)
	say "$said"
	[[ $said == *" 0% packet loss"* ]]
}

mirrored_all() {
	local spi

	for spi in "${spis[@]}"; do
		mirrored "$G1" "$spi" && mirrored "$G1" $((spi + 1)) || return 1
	done
}

held_all() {
	local spi

	for spi in "${spis[@]}"; do
		held "$G2" "$spi" && held "$G2" $((spi + 1)) || return 1
	done
}

cpus=$(getconf _NPROCESSORS_CONF)
fewer=$((cpus > 1 ? cpus - 1 : 1))
netns T
must on "$T" python3 "$dir" add $g $p 0x9999 out cpu 0
[[ $(on "$T" python3 "$dir" show $p 0x9999) != *"cpu any"* || $KERNEL != 6.12.* ]] ||
	skip_all "this kernel has no SAs of a CPU"

ha_load
topology
relay_conf 1 role = standby on-peer-loss = takeover
relay_conf 2 role = standby on-peer-loss = takeover
tunnel "$G1 $P" 0x1000 replay-window 32
spis=(0x1001)
for ((cpu = 0; cpu < cpus; cpu++)); do
	pair $cpu
	spis+=($((0x2001 + 16 * cpu)))
done
tunnel_policies "$G1"
remote_policies
oracle_start

had 1 /run/conf1
echo 0-$((fewer - 1)) >/run/possible
# shellcheck disable=SC2034	# had() reads it
had_by=(bash -c 'mount --bind /run/possible /sys/devices/system/cpu/possible && exec "$@"' -)
had 2 /run/conf2
relay_active
for spi in "${spis[@]}"; do
	must wait_for 20 has "$G2" $((spi - 1))
done
must wait_for 20 missing "$G2" 0
check "the standby holds all" wait_for 10 held_all
for ((cpu = 0; cpu < cpus; cpu++)); do
	wanted="$cpu $cpu"
	is "CPU $cpu: its SAs, on the active gateway" "$(cpu_of "$G1" $cpu)" "$wanted"
	((cpu < fewer)) || wanted="any any"
	is "CPU $cpu: and on the standby" "$(cpu_of "$G2" $cpu)" "$wanted"
done

for ((cpu = 0; cpu < cpus; cpu++)); do
	check "CPU $cpu: traffic" pings_on $cpu $((20 + cpu))
	is "CPU $cpu: by its SA" "$(sa "$G1" $((0x2001 + 16 * cpu)) .packets)" $((20 + cpu))
done
is "the general SA was not needed" "$(sa "$G1" 0x1001 .packets)" 0
check "M1: all are mirrored" wait_for 10 mirrored_all
for ((cpu = 0; cpu < cpus; cpu++)); do
	is "M1: CPU $cpu: right edge" "$(sa "$G2" $((0x2002 + 16 * cpu)) .seq)" $((20 + cpu))
done

# The active gateway dies: the peer's SAs are as they were, and each is accepted.
must ip -n "$G1" link set wan down
must ip -n "$G1" link set sync down
check "the standby takes over" wait_for 20 role "$G2" vpn active
reroute 2
for ((cpu = 0; cpu < cpus; cpu++)); do
	check "CPU $cpu: traffic through the other gateway" pings_on $cpu 20
done

# It comes back: what it has of a CPU is not replaced by what the other one has made general.
must batch "$G1" "link set sync up" "link set wan up" \
	"neigh replace $p lladdr 02:00:00:00:02:09 dev wan nud permanent" \
	"route add 10.2.0.0/16 via $p src 10.1.0.1"
check "who comes back is standby" wait_for 20 role "$G1" vpn standby
must wait_for 30 missing "$G1" 0
must wait_for 10 in_sync "$G1" "$G2"
must ha "$G1" takeover vpn wait 10
reroute 1
for ((cpu = 0; cpu < cpus; cpu++)); do
	is "CPU $cpu: its SAs are its own" "$(cpu_of "$G1" $cpu)" "$cpu $cpu"
	before=$(sa "$G1" $((0x2001 + 16 * cpu)) .oseq)
	check "CPU $cpu: traffic through the first one again" pings_on $cpu 10
	is "CPU $cpu: by them" "$(sa "$G1" $((0x2001 + 16 * cpu)) .oseq)" $((before + 10))
done
oracle_verdict "I1: no number was used twice" "${spis[@]:1}"
for n in 1 2; do
	had_stop "$n"
done
check "the module leaves" ha_unload
ktap_finished
