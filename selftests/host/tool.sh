#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# M9: the tool without the module: what is wrong is said in a line, with the exit
# status that the man page tells.

. "$(dirname "$0")/../lib/ktap.sh"

make -s -C "$XFRM_HA_DIR/tools" || bail "the tool can't be built"
tool=$XFRM_HA_DIR/tools/xfrm-ha/xfrm-ha
dir=$(mktemp -d)
at_exit rm -rf "$dir"

status() { # STATUS ARG...
	local wanted=$1 said got

	shift
	said=$("$tool" "$@" 2>&1 > /dev/null)
	got=$?
	say "$got: $said"
	if [ $got = "$wanted" ] && { [ "$wanted" = 0 ] || [ -n "$said" ]; }; then
		ok "$wanted: $*"
	else
		fail "$wanted: $*"
	fi
}

status 2
status 2 nonsense
status 2 link nonsense
status 2 -x
status 2 keygen
status 0 help
status 0 version
status 0 commands
status 0 keygen "$dir/key"
status 1 keygen "$dir/key"
status 1 -N /nonexistent link show
status 2 forwarder run
status 2 forwarder run lo
status 2 forwarder run lo cpus
status 2 forwarder run lo cpus 0-
status 2 forwarder run lo cpus 3-1
status 2 forwarder run lo cpus 0,,1
status 2 forwarder run lo cpus -1
status 2 forwarder run lo cpus 0-9999
status 2 forwarder run lo cpus 0 port 0
status 2 forwarder run lo cpus 0 port 65536
status 2 forwarder run lo cpus 0 qsize 16385
status 2 forwarder run lo cpus 0 limit 0
status 2 forwarder run lo cpus 0 limit 1048577
status 2 forwarder run lo cpus 0 generic native
status 2 forwarder run lo queues 0 qsize 5
status 2 forwarder set lo
status 2 forwarder show
status 2 forwarder pin lo 0 cpu 0
status 2 forwarder pin lo 5
status 2 forwarder pin lo 5 address nonsense cpu 0
status 2 forwarder unpin lo 5 cpu 0
status 2 forwarder pin lo 5 cpu 0 queue 0
status 2 engine nonsense
status 2 engine show eng0 eng1
status 2 engine set
status 2 engine set eng0
status 2 engine set eng0 period
status 2 engine set eng0 nonsense 1
status 2 engine set eng0 s 1
status 2 engine set eng0 period 9
status 2 engine set eng0 period 10001
status 2 engine set eng0 initial 4294967296
status 2 engine set eng0 rise 0
status 2 engine set eng0 rise 4097
status 2 engine set eng0 decay 0
status 2 engine set eng0 decay 101
status 2 engine set eng0 bonus 4294967295
status 2 engine set eng0 threshold -1
status 2 engine set eng0 swaps 0
status 2 engine set eng0 swaps 4097
status 2 engine set eng0 horizon 0
status 2 engine set eng0 horizon 3600001
status 2 engine set eng0 noise 17
status 2 engine set eng0 saved 1000000001
status 2 engine set eng0 adopt some
status 2 engine set eng0 adopt group
status 2 engine set eng0 adopt group 1234567890123456
status 2 engine set a-name-too-long- period 10
status 2 engine nic nic0
status 2 engine nic nic0 slots 1
status 2 engine nic nic0 slots-in 4294967295
status 2 engine nic nic0 slots-out -1
status 2 engine nic nic0 weight 0
status 2 engine nic nic0 weight 1001
status 2 engine nics eng0 eng1
status 2 engine drain
status 2 engine undrain nic0 nic1
status 2 cache show eng0 eng1
status 2 cache pin eng0
status 2 cache pin eng0 0 software
status 2 cache pin eng0 0x100000000 software
status 2 cache pin eng0 5
status 2 cache pin eng0 5 address nonsense software
status 2 cache pin eng0 5 nic
status 2 cache pin eng0 5 nic a-name-too-long-
status 2 cache pin eng0 5 nic nic0 software
status 2 cache unpin eng0 5 software
status 1 forwarder run nowhere cpus 0
status 1 forwarder run lo cpus 100000
status 1 forwarder show nowhere
status 1 forwarder stat lo

# Without the module it does not come far; what it reads until then it reads with sanitizers.
seeds=${SEED:-1 2}
if [ "${XFRM_HA_QUICK-}" ]; then
	seeds=
else
	must make -s -C "$XFRM_HA_DIR/tools" xfrm-ha/xfrm-ha-san
fi
for seed in $seeds; do
	check "command lines at random, seed $seed" "$XFRM_HA_DIR/selftests/lib/words_noise.py" 600 \
		"$seed" "$dir" "$XFRM_HA_DIR/tools/xfrm-ha/xfrm-ha-san"
done
is "a key has 64 digits" "$(wc -c < "$dir/key")" 65
is "and is its owner's" "$(stat -c %a "$dir/key")" 600
check "JSON is JSON" python3 -c 'import json, sys; json.load(sys.stdin)' \
	<<<"$("$tool" -j version)"

[ "${XFRM_HA_QUICK-}" ] || check "what is generated from the specification is current" \
	"$XFRM_HA_DIR/docs/netlink/regen.sh" --check

# README and man page name what is installed, wherever that is.
named() { # ROOT FILE...: each path below /usr/local or /opt that they name is there
	local root=$1 path n=0

	shift
	while read -r path; do
		n=$((n + 1))
		[ -x "$root$path" ] || { say "$path is not there"; return 1; }
	done < <(grep -ohE '/(usr|opt)/[^]["'\'' ]*xfrm-ha[^]["'\'' ]*' "$@" | sort -u)
	say "$n paths"
	[ "$n" -gt 0 ]
}
for prefix in "" /opt/ha; do
	root=$dir/root$prefix
	check "install ${prefix:+below $prefix}" \
		make -s -C "$XFRM_HA_DIR" install DESTDIR="$root" ${prefix:+PREFIX=$prefix}
	share=$root${prefix:-/usr/local}/share
	check "what the man pages name is there" named "$root" "$share/man/man8/xfrm-ha.8" \
		"$share/man/man8/xfrm-had.8" "$share/man/man5/xfrm-ha.conf.5"
	check "what the units name is there" named "$root" \
		"$root${prefix:-/usr/local}/lib/systemd/system"/xfrm-had*.service
done
check "what README names is there" named "$dir/root" "$XFRM_HA_DIR/README.md"

# shellcheck source=tools/xfrm-ha/completion/xfrm-ha
. "$XFRM_HA_DIR/tools/xfrm-ha/completion/xfrm-ha"
completes() { # WANTED WORD...: the last word, with these; the tool is the one of this tree
	local wanted=$1 COMP_WORDS COMP_CWORD COMPREPLY=() PATH=$XFRM_HA_DIR/tools/xfrm-ha:$PATH

	shift
	COMP_WORDS=(xfrm-ha "$@")
	COMP_CWORD=$#
	_xfrm_ha
	is "completion: $*" "${COMPREPLY[*]}" "$wanted"
}
completes "group" gr
completes "add del set show" -N ns link ""
completes "takeover" group add g on-peer-loss take
ktap_finished
