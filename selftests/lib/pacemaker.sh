# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154  # G1, G2, P, H are set by netns
#
# A cluster of Corosync's and Pacemaker's, a node in each gateway's namespace, with the files of
# docs/examples/pacemaker. Source ktap.sh, ha.sh and cluster.sh first.

names=(- east west north)
declare -A init
eye=1	# a node that is there: who is asked

# What nodes read; one CPU is shared by all of them.
cluster_files() { # COROSYNC-FILE XML...
	local file

	mkdir -p /run/cluster /etc/xfrm-ha
	for file in xfrm-ha.conf "$@"; do
		example "pacemaker/$file" > "/run/cluster/$file"
	done
	[ "$1" = corosync.conf ] || mv "/run/cluster/$1" /run/cluster/corosync.conf
	sed -i 's/transport: knet/&\n    token: 20000/' /run/cluster/corosync.conf
	printf 'system {\n\tsched_rr: no\n}\n' >> /run/cluster/corosync.conf
	dd if=/dev/urandom of=/run/cluster/authkey bs=256 count=1 status=none
	keygen /run/key
	cp /run/key /run/cluster/key
	sed -i 's,/run/key,/etc/xfrm-ha/key,' /run/cluster/*.conf
}

configured() { # NAME...: XML files of the nodes, one after the other
	local name

	for name; do
		must in_node "$eye" cibadmin --modify --scope configuration \
			--xml-file "/etc/xfrm-ha/$name.xml"
	done
}

# A machine of its own, but for the kernel: name, processes, what is written. Corosync would lock
# 150 MB of memory for each node.
node() { # N
	local g=G$1

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
		cp "$files"/*.xml "$files/xfrm-ha.conf" "$files/key" /etc/xfrm-ha
		mkdir -p "$files/ocf-$name/xfrm-ha" "$files/ocf-$name/heartbeat"
		cp -a /usr/lib/ocf/resource.d/heartbeat/{IPaddr2,.ocf*} "$files/ocf-$name/heartbeat"
		install -m 755 "$agent" "$files/ocf-$name/xfrm-ha"
		mount --bind "$files/ocf-$name" /usr/lib/ocf/resource.d
		[ ! -e "$files/more" ] || . "$files/more"
		mount -t tmpfs tmpfs /run
		mkdir -p /run/lock /var/lib/corosync /var/log/corosync /var/log/pacemaker /var/log/cluster
		install -d -o hacluster -g haclient -m 750 /var/lib/pacemaker /run/crm \
			/var/lib/pacemaker/{blackbox,cib,cores,pengine}
		ulimit -c 0
		setpriv --bounding-set -ipc_lock,-sys_resource corosync -f &
		until corosync-cfgtool -s >/dev/null 2>&1; do sleep 0.2; done
		export PCMK_logfile=none PCMK_stderr=yes PCMK_logpriority=info
		exec pacemakerd -f
		' - "${names[$1]}" /run/cluster "$XFRM_HA_DIR/tools/ocf/xfrm-ha" \
		"/run/${names[$1]}.log" &
	init[$1]=$!
}

# What a node has beside that: a power switch by the name of fence_ipmilan, which the test works, see
# asked, and xfrm-had as its unit would be run.
cluster_more() {
	mkdir -p /tmp/power
	at_exit rm -rf /tmp/power
	cat > /run/cluster/more <<-'EOT'
	mkdir -p "/tmp/power/sbin-$name"
	mount --bind /usr/sbin "/tmp/power/sbin-$name"
	mount -t tmpfs tmpfs /usr/sbin
	ln -s "/tmp/power/sbin-$name"/* /usr/sbin/
	install -m 755 "$files/fence_ipmilan" /usr/sbin/
	mkdir -p "$files/ocf-$name/test"
	install -m 755 "$files/unit" "$files/ocf-$name/test/unit"
	EOT
	cat > /run/cluster/fence_ipmilan <<-'EOT'
	#!/bin/bash
	action=reboot ip=
	while getopts o: option; do action=$OPTARG; done
	if [ $# = 0 ]; then
		while IFS='=' read -r key value; do
			case $key in
			action | ip) declare "$key=$value" ;;
			esac
		done
	fi
	case $action in
	metadata)
		echo '<?xml version="1.0" ?><resource-agent name="fence_ipmilan" shortdesc="power">
		<longdesc>A stand-in</longdesc><vendor-url>none</vendor-url><parameters>'
		for key in action ip username password lanplus; do
			echo "<parameter name=\"$key\" unique=\"0\" required=\"0\">
			<content type=\"string\"/><shortdesc lang=\"en\">$key</shortdesc></parameter>"
		done
		echo '</parameters><actions><action name="on"/><action name="off"/>
		<action name="reboot"/><action name="status"/><action name="monitor"/>
		<action name="metadata"/></actions></resource-agent>'
		;;
	off | reboot)
		case $ip in
		10.1.0.21) name=east ;;
		10.1.0.22) name=west ;;
		*) exit 1 ;;
		esac
		echo "$HOSTNAME" > "/tmp/power/$name"
		until [ -e "/tmp/power/$name.off" ]; do sleep 0.2; done
		rm "/tmp/power/$name.off"
		;;
	esac
	exit 0
	EOT
	cat > /run/cluster/unit <<-EOT
	#!/bin/bash
	pid=/run/xfrm-had.pid
	lives() {
		[ -s \$pid ] && grep -q '^State:.[^Z]' "/proc/\$(cat \$pid)/status" 2>/dev/null
	}
	case \$1 in
	meta-data)
		echo '<?xml version="1.0"?><resource-agent name="unit" version="1.0"><version>1.0</version>
		<longdesc lang="en">A stand-in</longdesc><shortdesc lang="en">unit</shortdesc><parameters/>
		<actions><action name="start" timeout="60s"/><action name="stop" timeout="60s"/>
		<action name="monitor" timeout="60s" interval="10s"/><action name="meta-data" timeout="5s"/>
		</actions></resource-agent>'
		;;
	start)
		lives && exit 0
		setsid "$XFRM_HA_DIR/tools/xfrm-had/xfrm-had" -d >> "/tmp/power/\$HOSTNAME.had" 2>&1 < /dev/null &
		echo \$! > \$pid
		until "$XFRM_HA_DIR/tools/xfrm-ha/xfrm-ha" dump > /dev/null 2>&1; do
			lives || exit 1
			sleep 0.2
		done
		;;
	stop)
		! lives || kill "\$(cat \$pid)"
		while lives; do sleep 0.2; done
		rm -f \$pid
		;;
	monitor) lives || exit 7 ;;
	*) exit 3 ;;
	esac
	EOT
	chmod 755 /run/cluster/fence_ipmilan /run/cluster/unit
}

asked() { # N: that its power be switched off
	[ -s "/tmp/power/${names[$1]}" ]
}

switched_off() { # N: it is, and this is said
	power_off "$1"
	rm "/tmp/power/${names[$1]}"
	touch "/tmp/power/${names[$1]}.off"
}

in_node() { # N COMMAND...
	local pid

	pid=$(pgrep -P "${init[$1]}") || return
	timeout 60 nsenter -t "$pid" -m -u -p -n -- "${@:2}"
}

# The kernel is the test's, and does not die: what a node's would forget is removed.
power_off() { # N
	local g=G$1

	g=${!g}
	wires "$1" down
	kill -9 "${init[$1]}"
	wait "${init[$1]}" 2>/dev/null
	rm -f /dev/shm/qb-"${init[$1]}"-*
	ha "$g" group del vpn 2>/dev/null
	ha "$g" link del eth2 2>/dev/null
	must batch "$g" "xfrm policy flush" "xfrm state flush"
	without "$g" 192.0.2.1/24:eth0 10.1.0.1/24:eth1
}

power_on() { # N
	wires "$1" up
	node "$1"
}

# Node a was off, and has been switched on: it is as it was, and nothing has moved to it.
returned() {
	check "it returns" wait_for 120 shows "Unpromoted: \[ ${names[a]} \]"
	check "with all SAs, and in sync" wait_for 60 truth "$a" "standby,in-sync,missing=0"
	must wait_for 60 idle
	check "M8: and takes nothing" at "$gb" "$ga"
	check "traffic" wait_for 20 through 5
	show
}

node_logs() { # for a test that has failed
	[ "$ktap_failed" = 0 ] || tail -n 250 /run/{east,west,north}.log 2>/dev/null | sed 's/^/# /'
}

shows() { # TEXT: crm_mon
	in_node "$eye" crm_mon -1 -A -r 2>/dev/null | tee /run/shown | grep -qE -- "$1"
}

show() {
	in_node "$eye" crm_mon -1 -A -r | sed 's/^/# /'
}

promoted() { # N: the cluster says that it is, and the other one is not
	shows "Promoted: \\[ ${names[$1]} \\]"
}

# What crm_mon says of node N's group is what the module says.
truth() { # N WORDS
	in_node "$eye" crm_mon -1 -A 2>/dev/null |
		awk -v node="${names[$1]}" '/\* Node: / { on = $3 == node ":" } on && /xfrm-ha-vpn/ { print $NF }' |
		grep -qx -- "$2"
}

# Who is active is the cluster's choice.
roles() { # sets a, b: node numbers; ga, gb: their namespaces
	a=1 b=2
	role "$G1" vpn active || a=2 b=1
	ga=G$a gb=G$b
	ga=${!ga} gb=${!gb}
}

idle() { # the cluster has nothing left to do
	in_node "$eye" crm_resource --wait --timeout 50s >/dev/null 2>&1
}

at_exit node_logs
