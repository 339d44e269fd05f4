# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the tests of the daemon share. Source ktap.sh and ha.sh first.

# The processes of the two daemons: had sets them.
# shellcheck disable=SC2034	# for the tests
had_1='' had_2='' had_4=''

had_link() { # N: the section of its link in the file of gateway N
	cat <<-EOT
	link hb {
	    device = sync peer = 02:00:00:00:01:0$((3 - $1)) key-file = /run/key
	    dead = 100 carrier-loss = at-once
	}
	EOT
}

# Two gateways whose wan is behind a switch of P's, and addresses of P's there.
behind_switch() {
	netns G1 G2 P
	sync_cable
	switched "$P" 2 wan
	must ip -n "$G1" link set wan up
	must ip -n "$G2" link set wan up
	must batch "$P" "addr add 192.0.2.9/24 dev br0" "addr add 2001:db8::9/64 dev br0 nodad"
	keygen /run/key
}

# The words of a command that runs it, if any
had_by=()

had() { # N FILE [OPTION...]: the daemon of gateway N; sets had_N. What it says is in /run/hadN
	local n=$1 ns=G$1

	: >> "/run/had$n"
	ip netns exec "${!ns}" "${had_by[@]}" "$XFRM_HA_DIR/tools/xfrm-had/xfrm-had" -d -f "$2" \
		"${@:3}" 2>> "/run/had$n" &
	declare -g "had_$n=$!"
	must wait_for 10 had_ready "$n"
}

had_ready() { # N
	spawn grep -q "xfrm-had: node " "/run/had$1"
}

had_said() { # N TEXT
	spawn grep -qF -- "$2" "/run/had$1"
}

had_reload() { # N: and it is done with it
	local pid=had_$1 before

	spawn -r grep -c ": reloaded" "/run/had$1"
	before=$REPLY
	must kill -HUP "${!pid}"
	must wait_for 10 had_reloaded "$1" "$before"
}

had_reloaded() { # N COUNT
	spawn -r grep -c ": reloaded" "/run/had$1"
	[ "$REPLY" -gt "$2" ]
}

had_stop() { # N [SIGNAL]
	local pid=had_$1

	if [ "${2-}" ]; then
		kill -"$2" "${!pid}"
		wait "${!pid}" 2>/dev/null
	else
		stopped "${!pid}"
	fi
	mv "/run/had$1" "/run/had$1.$RANDOM"
}

had_sentences() { # N: for the log of a test that has failed
	sed "s/^/# had$1: /" "/run/had$1"
}

# Not in the arguments of a program, whose memory is looked at, too.
finds() { # PID FILE: how often the process has in memory what the file says in hex, and where
	python3 - "$1" "$2" <<-'EOT'
	import sys
	what = bytes.fromhex(open(sys.argv[2]).read().strip())
	n = read = 0
	with open(f"/proc/{sys.argv[1]}/mem", "rb") as mem:
	    for line in open(f"/proc/{sys.argv[1]}/maps"):
	        at, rights, *rest = line.split()
	        if "r" not in rights or rest[-1] in ("[vvar]", "[vsyscall]"):
	            continue
	        low, high = (int(a, 16) for a in at.split("-"))
	        try:
	            mem.seek(low)
	            data = mem.read(high - low)
	        except OSError:
	            continue
	        read += len(data)
	        while what in data:
	            print("# found in", rest[-1], file=sys.stderr)
	            n += 1
	            data = data[data.index(what) + len(what):]
	print(n if read >= 100000 else "it can't be read")
	EOT
}
