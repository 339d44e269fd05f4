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

status 1
status 1 nonsense
status 1 link nonsense
status 1 -x
status 1 keygen
status 0 help
status 0 version
status 0 commands
status 0 keygen "$dir/key"
status 2 keygen "$dir/key"
status 2 -N /nonexistent link show
status 1 forwarder run
status 1 forwarder run lo
status 1 forwarder run lo cpus
status 1 forwarder run lo cpus 0-
status 1 forwarder run lo cpus 3-1
status 1 forwarder run lo cpus 0,,1
status 1 forwarder run lo cpus -1
status 1 forwarder run lo cpus 0-9999
status 1 forwarder run lo cpus 0 port 0
status 1 forwarder run lo cpus 0 port 65536
status 1 forwarder run lo cpus 0 qsize 16385
status 1 forwarder run lo cpus 0 limit 0
status 1 forwarder run lo cpus 0 limit 1048577
status 1 forwarder run lo cpus 0 generic native
status 1 forwarder run lo queues 0 qsize 5
status 1 forwarder set lo
status 1 forwarder show
status 1 forwarder pin lo 0 cpu 0
status 1 forwarder pin lo 5
status 1 forwarder pin lo 5 address nonsense cpu 0
status 1 forwarder unpin lo 5 cpu 0
status 1 forwarder pin lo 5 cpu 0 queue 0
status 1 engine nonsense
status 1 engine show eng0 eng1
status 1 engine set
status 1 engine set eng0
status 1 engine set eng0 period
status 1 engine set eng0 nonsense 1
status 1 engine set eng0 s 1
status 1 engine set eng0 period 9
status 1 engine set eng0 period 10001
status 1 engine set eng0 initial 4294967296
status 1 engine set eng0 rise 0
status 1 engine set eng0 rise 4097
status 1 engine set eng0 decay 0
status 1 engine set eng0 decay 101
status 1 engine set eng0 bonus 4294967295
status 1 engine set eng0 threshold -1
status 1 engine set eng0 swaps 0
status 1 engine set eng0 swaps 4097
status 1 engine set eng0 horizon 0
status 1 engine set eng0 horizon 3600001
status 1 engine set eng0 noise 17
status 1 engine set eng0 saved 1000000001
status 1 engine set eng0 adopt some
status 1 engine set eng0 adopt group
status 1 engine set eng0 adopt group 1234567890123456
status 1 engine set a-name-too-long- period 10
status 1 engine nic nic0
status 1 engine nic nic0 slots 1
status 1 engine nic nic0 slots-in 4294967295
status 1 engine nic nic0 slots-out -1
status 1 engine nic nic0 weight 0
status 1 engine nic nic0 weight 1001
status 1 engine nics eng0 eng1
status 1 engine drain
status 1 engine undrain nic0 nic1
status 1 cache show eng0 eng1
status 1 cache pin eng0
status 1 cache pin eng0 0 software
status 1 cache pin eng0 0x100000000 software
status 1 cache pin eng0 5
status 1 cache pin eng0 5 address nonsense software
status 1 cache pin eng0 5 nic
status 1 cache pin eng0 5 nic a-name-too-long-
status 1 cache pin eng0 5 nic nic0 software
status 1 cache unpin eng0 5 software
status 2 forwarder run nowhere cpus 0
status 2 forwarder run lo cpus 100000
status 2 forwarder show nowhere
status 2 forwarder stat lo


# As ip has them
says() { # STATUS TEXT ARG...: on either output
	local said got

	said=$("$tool" "${@:3}" 2>&1)
	got=$?
	if [ $got = "$1" ] && [[ $said == *"$2"* ]]; then
		ok "$1: ${*:3}"
	else
		say "$got: $said"
		fail "$1: ${*:3}: $2"
	fi
}
status 2 -n /nonexistent link show
status 2 -netns /nonexistent link show
status 0 -json version
status 0 -Version
for words in help -h -help --help; do
	says 0 "  engine undrain NIC" "$words"
done
for words in "link help" "link --help" "link -h" "help link" "link add --help" "li help"; do
	# shellcheck disable=SC2086	# words
	says 0 "  link add DEV peer MAC" $words
done
says 0 "  takeover NAME" takeover --help
check_not "of one object only" grep -q "^  group" <<<"$("$tool" link help)"
says 1 "see xfrm-ha link help" link set
says 1 "link del needs a device" link delete
says 1 "one device at most" link list lo lo
says 1 "group show takes" group ls a b

# What is cut short is one command, or none.
says 1 '"s" could be set or show' link s
says 1 '"s" could be sa or stat' s
says 1 '"s" could be set or' forwarder s lo
says 1 "takeover needs a name" ta
says 1 "group del needs a name" group d
says 1 "engine pin needs" en p

# Nothing to set, or what can't be
says 1 "needs a setting" link set lo
says 1 "needs a setting" group set g
says 1 "say takeover, or release" group set g role active
says 1 "say takeover, or release" group set g interval 5 role standby
for words in "address 192.0.2.1" "reqid 5" "mark 1/1" "if_id 1" "link lo" "stripe 20" "index 0" \
	"nodes 2"; do
	# shellcheck disable=SC2086	# words
	says 1 "delete the group, and add it" group set g $words
done
says 1 "delete the link, and add it" link set lo ethertype 0x88b5
says 1 "delete the link, and add it" link set lo insecure
says 1 "needs a value" group set g interval
says 1 'group add: what is "nonsense"' group add g nonsense 1
says 1 "sync is strict or relaxed" group add g sync maybe
says 1 "carrier-loss is dead or at-once" link set lo carrier-loss maybe
says 1 "seconds up to 86400" watch --on-release true --timeout soon

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
"$tool" commands > "$dir/commands"
check "a schema for the JSON of each command" "$XFRM_HA_DIR/selftests/lib/schema.py" \
	"$XFRM_HA_DIR/docs/xfrm-ha.schema.json" "$dir/commands"
"$tool" -j version > "$dir/version"
check "JSON as its schema says" "$XFRM_HA_DIR/selftests/lib/schema.py" \
	"$XFRM_HA_DIR/docs/xfrm-ha.schema.json" "$dir/commands" "$dir/version"
check "JSON for people" jq -e '.[0].tool' <<<"$("$tool" -p version)"
is "it is the same" "$("$tool" -p version | jq -c .)" "$("$tool" -j version)"

[ "${XFRM_HA_QUICK-}" ] || check "what is generated from the specification is current" \
	"$XFRM_HA_DIR/docs/netlink/regen.sh" --check

# README and man page name what is installed, wherever that is.
named() { # ROOT FILE...: each path below /usr/local or /opt that they name is there
	local root=$1 path n=0

	shift
	while read -r path; do
		n=$((n + 1))
		[ -x "$root$path" ] || { say "$path is not there"; return 1; }
	done < <(grep -ohE '/(usr|opt)/[^]["'\'' `]*xfrm-ha[^]["'\'' `]*' "$@" | sort -u)
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
completes "add del set show" -n ns link ""
completes "add del set show" -netns ns link ""
completes "takeover" group add g on-peer-loss take
ktap_finished
