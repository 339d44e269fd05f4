#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# machines: uml
# requires: corosync pacemakerd nsenter
# tap: any
# timeout: 400
#
# Not a part of make check: on a busy machine it takes minutes.
#	selftests/vm/run --machine uml selftests/cluster/pacemaker.sh
#
# M8 M9 N9: a cluster of two nodes, Corosync and Pacemaker, with the files of docs/examples/pacemaker:
# who is promoted is active and has the addresses; a planned move, a role that was changed behind
# the cluster's back, a crash.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/cluster.sh"

agent=$XFRM_HA_DIR/tools/ocf/xfrm-ha
declare -A init

# A machine of its own, but for the kernel: name, processes, what is written.
node() { # N
	local g=G$1 name

	name=$([ "$1" = 1 ] && echo east || echo west)
	# shellcheck disable=SC2016	# expanded there
	ip netns exec "${!g}" unshare --mount --uts --pid --fork --kill-child --mount-proc \
		bash -c '
		name=$1 files=$2 agent=$3 log=$4
		exec >> "$log" 2>&1
		hostname "$name"
		for dir in /etc/corosync /etc/xfrm-ha /var/lib /var/log /dev/shm; do
			mount -t tmpfs tmpfs $dir
		done
		cp "$files/corosync.conf" "$files/authkey" /etc/corosync
		cp "$files/xfrm-ha.conf" "$files/cluster.xml" "$files/key" /etc/xfrm-ha
		mkdir -p "$files/ocf-$name/xfrm-ha"
		mkdir "$files/ocf-$name/heartbeat"
		cp -a /usr/lib/ocf/resource.d/heartbeat/{IPaddr2,.ocf*} "$files/ocf-$name/heartbeat"
		install -m 755 "$agent" "$files/ocf-$name/xfrm-ha"
		mount --bind "$files/ocf-$name" /usr/lib/ocf/resource.d
		mount -t tmpfs tmpfs /run
		mkdir -p /run/lock /var/lib/corosync /var/log/corosync /var/log/pacemaker /var/log/cluster
		install -d -o hacluster -g haclient -m 750 /var/lib/pacemaker /run/crm \
			/var/lib/pacemaker/{blackbox,cib,cores,pengine}
		ulimit -c 0
		corosync -f &
		until corosync-cfgtool -s >/dev/null 2>&1; do sleep 0.2; done
		export PCMK_logfile=none PCMK_stderr=yes PCMK_logpriority=info
		exec pacemakerd -f
		' - "$name" /run/cluster "$agent" "/run/$name.log" &
	init[$1]=$!
}

in_node() { # N COMMAND...
	local pid

	pid=$(pgrep -P "${init[$1]}") || return
	timeout 60 nsenter -t "$pid" -m -u -p -n -- "${@:2}"
}

logs() {
	[ "$ktap_failed" = 0 ] || tail -n 250 /run/east.log /run/west.log 2>&1 | sed 's/^/# /'
}

at_exit logs
ha_load
pair
must batch "$G1" "addr add 10.255.0.1/24 dev eth2"
must batch "$G2" "addr add 10.255.0.2/24 dev eth2"
oracle_start
tunnel 0x1000
mkdir -p /run/cluster /etc/xfrm-ha
for file in corosync.conf xfrm-ha.conf cluster.xml; do
	example "pacemaker/$file" > "/run/cluster/$file"
done
keygen /run/key

shows() { # TEXT: crm_mon, on the gateway that has been there all the time
	in_node "$eye" crm_mon -1 -A -r 2>/dev/null | tee /run/shown | grep -qE -- "$1"
}

show() {
	in_node "$eye" crm_mon -1 -A -r | sed 's/^/# /'
}

# One CPU is shared by all.
sed -i 's/transport: knet/&\n    token: 20000/' /run/cluster/corosync.conf
printf 'system {\n\tsched_rr: no\n}\n' >> /run/cluster/corosync.conf
dd if=/dev/urandom of=/run/cluster/authkey bs=256 count=1 status=none
cp /run/key /run/cluster/key
sed -i 's,/run/key,/etc/xfrm-ha/key,' /run/cluster/xfrm-ha.conf
node 1
node 2
eye=1
must wait_for 60 shows "Online:.*east.*west"
must in_node 1 cibadmin --modify --scope configuration --xml-file /etc/xfrm-ha/cluster.xml
check "M8: one is promoted" wait_for 60 shows "Promoted: \[ (east|west) \]"
show
check "and has role and addresses" wait_for 60 eval "at $G1 $G2 || at $G2 $G1"
check "traffic" wait_for 20 through 5

# Which of them it is, is the cluster's choice.
roles() { # a: who is active; b: the other one
	a=1 b=2
	role "$G1" vpn active || a=2 b=1
	names=(- east west)
	ga=G$a gb=G$b
	ga=${!ga} gb=${!gb}
	eye=$b
}

promoted() { # N: the cluster, and what is
	shows "Promoted: \\[ ${names[$1]} \\]"
}

roles
must wait_for 60 in_sync "$ga" "$gb"
must in_node $a crm_resource --move -r vpn-clone --promoted --node "${names[b]}"
check "M8: moved by command" wait_for 60 at "$gb" "$ga"
check "crm_mon says so" wait_for 60 promoted $b
is "by a handover" "$(group "$gb" vpn reason)" got
check "traffic" wait_for 20 through 5
must in_node $a crm_resource --clear -r vpn-clone

# A takeover that the cluster has not asked for is seen, and undone.
roles
must ha "$gb" takeover vpn wait 20
must wait_for 20 role "$ga" vpn standby
check "M9: what was changed behind its back is put right" wait_for 90 at "$ga" "$gb"
check "crm_mon says so" wait_for 60 promoted $a
show

roles
must wait_for 60 in_sync "$ga" "$gb"
wires $a down
kill -9 "${init[a]}"
wait "${init[a]}" 2>/dev/null
check "M8: a crash: the other one" wait_for 120 eval "role $gb vpn active && has $gb 10.1.0.1"
check "crm_mon says so" wait_for 60 promoted $b
check "traffic" wait_for 20 through 5
show
stopped "${init[b]}"
oracle_verdict "I1: no number twice" 0x1001
ktap_finished
