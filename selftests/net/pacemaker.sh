#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# machines: uml
# requires: corosync pacemakerd ocf-tester xmllint nsenter
# tap: any
# timeout: 400
#
# M8 M9 N9: the resource agent, by ocf-tester, then in a cluster of two nodes with the files of
# docs/examples/pacemaker: who is promoted is active and has the addresses; a planned move, a
# standby that lacks SAs, a role that was changed behind the cluster's back, a crash, a return.

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
		hostname "$name"
		for dir in /etc/corosync /etc/xfrm-ha /var/lib /var/log /dev/shm; do
			mount -t tmpfs tmpfs $dir
		done
		cp "$files/corosync.conf" "$files/authkey" /etc/corosync
		cp "$files/xfrm-ha.conf" "$files/cluster.xml" "$files/key" /etc/xfrm-ha
		mkdir -p "$files/ocf-$name/xfrm-ha"
		cp -a /usr/lib/ocf/resource.d/heartbeat "$files/ocf-$name"
		install -m 755 "$agent" "$files/ocf-$name/xfrm-ha"
		mount --bind "$files/ocf-$name" /usr/lib/ocf/resource.d
		mount -t tmpfs tmpfs /run
		mkdir -p /run/lock /var/lib/corosync /var/log/corosync /var/log/pacemaker /var/log/cluster
		install -d -o hacluster -g haclient -m 750 /var/lib/pacemaker /run/crm \
			/var/lib/pacemaker/{blackbox,cib,cores,pengine}
		ulimit -c 0
		corosync -f >> "$log" 2>&1 &
		until corosync-cfgtool -s >/dev/null 2>&1; do sleep 0.2; done
		export PCMK_logfile=none PCMK_stderr=yes PCMK_logpriority=info
		exec pacemakerd -f >> "$log" 2>&1
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
mkdir -p /run/cluster
for file in corosync.conf xfrm-ha.conf cluster.xml; do
	example "pacemaker/$file" > "/run/cluster/$file"
done
keygen /run/key

# The agent by itself.
conf=/run/xfrm-ha.conf
example pacemaker/xfrm-ha.conf > $conf
on "$G1" ocf-tester -n vpn -o config=$conf -o node=east "$agent" > /run/tester 2>&1
status=$?
sed 's/^/# /' /run/tester
is "N9: ocf-tester" $status 0
check "it passes all" grep -q "passed all tests" /run/tester

shows() { # TEXT: crm_mon, on the gateway that has been there all the time
	in_node "$eye" crm_mon -1 -A -r 2>/dev/null | tee /run/shown | grep -qE -- "$1"
}

show() {
	in_node "$eye" crm_mon -1 -A -r | sed 's/^/# /'
}

rm -rf /run/cluster/ocf-*
dd if=/dev/urandom of=/run/cluster/authkey bs=256 count=1 status=none
cp /run/key /run/cluster/key
sed -i 's,/run/key,/etc/xfrm-ha/key,' /run/cluster/xfrm-ha.conf
must ha "$G1" group del vpn
must ha "$G1" link del eth2
node 1
node 2
eye=1
must wait_for 60 shows "Online:.*east.*west"
must in_node 1 cibadmin --modify --scope configuration --xml-file /etc/xfrm-ha/cluster.xml
check "M8: one is promoted" wait_for 60 shows "Promoted: \[ (east|west) \]"
show
check "and has role and addresses" wait_for 30 eval "at $G1 $G2 || at $G2 $G1"
check "traffic" wait_for 10 through 5
ktap_finished
