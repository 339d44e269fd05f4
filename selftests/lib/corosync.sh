# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154  # P is set by netns
#
# A cluster of Corosync's, a node in each gateway's namespace, without Corosync's own crypto. Source
# ktap.sh and ha.sh first.
#
# Gateway N is node N, on its device ring, 10.255.0.N; the other end of that is port rN of a bridge
# of P's.

declare -A corosync

corosync_conf() { # N...
	local n

	cat <<-EOT
	totem {
	    version: 2
	    cluster_name: vpn
	    transport: udpu
	    crypto_cipher: none
	    crypto_hash: none
	    token: 5000
	}
	system {
	    sched_rr: no
	}
	quorum {
	}
	logging {
	    to_syslog: no
	    to_stderr: yes
	}
	nodelist {
	EOT
	for n; do
		printf '    node {\n\tnodeid: %s\n\tring0_addr: 10.255.0.%s\n    }\n' "$n" "$n"
	done
	echo "}"
}

corosync_net() { # N...
	local n ns

	corosync_conf "$@" > /run/corosync.conf
	must batch "$P" "link add name rings type bridge" "link set rings up"
	for n; do
		ns=G$n
		must ip link add ring netns "${!ns}" type veth peer name "r$n" netns "$P"
		must batch "$P" "link set r$n master rings" "link set r$n up"
		must batch "${!ns}" "link set ring up" "addr add 10.255.0.$n/24 dev ring"
	done
}

# With files of its own; its sockets are of the network namespace. Sets corosync[N]
corosync_start() { # N
	local ns=G$1

	# shellcheck disable=SC2016	# expanded there
	ip netns exec "${!ns}" unshare --mount bash -c '
		exec >> "/run/corosync$1" 2>&1
		cp /run/corosync.conf /dev/shm/corosync.conf.$1
		mount -t tmpfs tmpfs /var/lib
		mkdir -p /var/lib/corosync
		mount -t tmpfs tmpfs /run
		ulimit -c 0
		exec corosync -f -c /dev/shm/corosync.conf.$1
	' - "$1" &
	corosync[$1]=$!
	at_exit rm -f "/dev/shm/corosync.conf.$1"
	must wait_for 30 corosync_answers "$1"
}

corosync_answers() { # N
	local ns=G$1

	timeout 20 ip netns exec "${!ns}" corosync-cfgtool -s > /dev/null 2>&1
}

corosync_dies() { # N
	kill -9 "${corosync[$1]}"
	wait "${corosync[$1]}" 2>/dev/null
	rm -rf /dev/shm/qb-"${corosync[$1]}"-* /dev/shm/qb-corosync-"${corosync[$1]}"-*
}

corosync_stop() { # N
	stopped "${corosync[$1]}"
}

# What cuts a node off; its device keeps its address.
ring() { # N up|down
	must ip -n "$P" link set "r$1" "$2"
}
