# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154  # G1, G2, P, HOST are set by ike.sh
#
# Gateways, or a remote end, with Libreswan instead of strongSwan. Source ike.sh first, then this.
# The package is not installed: a host of a test has its files where they belong.

numbers_pid=''
LIBRESWAN=$("$XFRM_HA_DIR/selftests/vm/libreswan.sh" --print) ||
	skip_all "selftests/vm/libreswan.sh was not run"

pluto_host() { # NAMESPACE NAME: as host, with the package
	local root=/run/hosts/$2

	mkdir -p /var/lib/ipsec/nss /etc/ipsec.d
	must cp "$LIBRESWAN/etc/ipsec.conf" "$LIBRESWAN/etc/ipsec.secrets" /etc/
	# shellcheck disable=SC2016	# expanded there
	LIBRESWAN=$LIBRESWAN stand_ins=$(stand_ins) host "$1" "$2" 'mkdir "$2/nss" "$2/ipsec.d" &&
		mount --bind "$2/nss" /var/lib/ipsec/nss && mount --bind "$2/ipsec.d" /etc/ipsec.d &&
		mount -t overlay -o "lowerdir=$LIBRESWAN/usr/libexec:/usr/libexec" overlay /usr/libexec &&
		mkdir "$2/sbin" && eval "$stand_ins" &&
		mount -t overlay -o "lowerdir=$2/sbin:$LIBRESWAN/usr/sbin:/usr/sbin" overlay /usr/sbin'
	ipsec_service > "$root/local/sbin/systemctl"
	ipsec_wrapper > "$root/local/sbin/ipsec"
	chmod +x "$root/local/sbin/ipsec"
	# shellcheck disable=SC2034	# for ike.sh
	IKE[$2]=ipsec
}

# The unit asks whether a pluto runs, and means this host; it loads some fifty modules, which are
# not there, or built in; and has iptables look for rules.
stand_ins() {
	cat <<-'EOT'
	ln -s /bin/true "$2/sbin/modprobe" && ln -s /bin/true "$2/sbin/iptables" &&
	cat > "$2/sbin/pidof" <<-'END' && chmod +x "$2/sbin/pidof"
		#!/bin/sh
		for pid in $(/usr/bin/pidof "$@"); do
			[ "$(readlink "/proc/$pid/ns/mnt")" != "$(readlink /proc/$$/ns/mnt)" ] || exit 0
		done
		exit 1
	END
	EOT
}

ipsec_wrapper() { # with the libraries that this system lacks
	cat <<-EOT
	#!/bin/sh
	LD_LIBRARY_PATH=$LIBRESWAN/usr/lib/x86_64-linux-gnu exec /usr/sbin/ipsec "\$@"
	EOT
}

# As systemctl_of, of ipsec.service: what Debian's unit says, and what is dropped in. An empty value
# makes what was said before not said.
ipsec_service() {
	cat <<-EOT
	#!/bin/bash
	unit() { # KEY
		cat "$LIBRESWAN"/lib/systemd/system/ipsec.service \
			\$([ ! -e /etc/xfrm-ha/dropin ] || echo /etc/xfrm-ha/dropin) |
		awk -v key="\$1=" 'index(\$0, key) == 1 {
			v = substr(\$0, length(key) + 1); sub(/^-/, "", v)
			if (v == "") n = 0; else line[n++] = v
		} END { for (i = 0; i < n; i++) print line[i] }'
	}
	each() { # KEY: runs what it says
		unit "\$1" | while read -r line; do eval "\$line" < /dev/null 9>&-; done >> \$log 2>&1
	}
	export LD_LIBRARY_PATH=$LIBRESWAN/usr/lib/x86_64-linux-gnu
	log=/run/ipsec.log pid=/run/ipsec.pid status=/run/ipsec.status
	alive() {
		[ -s \$pid ] && [ -d /proc/\$(cat \$pid) ] && ! grep -q '^State:.Z' /proc/\$(cat \$pid)/status
	} 2> /dev/null
	ended() { # and what follows from it
		EXIT_STATUS=\$(cat \$status 2> /dev/null) each ExecStopPost
		rm -f \$pid \$status
	}
	start() {
		[ ! -e \$pid ] || alive || ended
		mkdir -p /run/pluto
		each ExecStartPre
		(
			\$(unit ExecStart) --stderrlog < /dev/null &
			echo \$! > \$pid
			wait \$!
			echo \$? > \$status
		) >> \$log 2>&1 8>&- &
		for ((i = 0; i < 300; i++)); do
			ipsec whack --status 2> /dev/null | grep -q 'config setup' && break
			sleep 0.1
		done
		each ExecStartPost
	}
	stop() {
		alive && each ExecStop
		while alive || [ ! -e \$status ]; do sleep 0.1; done
		ended
	}
	[ "\$1" != --no-block ] || { shift; "\$0" "\$@" > /dev/null 2>&1 & exit; }
	exec 8> /run/systemctl.lock
	flock 8
	echo "systemctl \$*" >> \$log
	case \$1 in
	restart) stop; start ;;
	*) \$1 ;;
	esac
	EOT
}

pluto_files() { # NAME: of a gateway, as docs/examples has them
	local root=/run/hosts/$1 ex=$EXAMPLES/libreswan

	must cp "$ex/ipsec.conf" "$root/ipsec.d/site.conf"
	must install -m 600 "$ex/ipsec.secrets" "$root/ipsec.d/site.secrets"
	must cp "$ex/ipsec.service" "$root/xfrm-ha/dropin"
	had_files "$1" "$ex/xfrm-ha.conf"
	# Nor is a pluto dead that is slow to start.
	sed -i 's/fall = 4/fall = 100/' "$root/xfrm-ha/xfrm-ha.conf"
}

pluto_remote() {
	must cp "$EXAMPLES/libreswan/remote.conf" /run/hosts/site/ipsec.d/site.conf
	must install -m 600 "$EXAMPLES/libreswan/ipsec.secrets" /run/hosts/site/ipsec.d/site.secrets
}

whack() { # NAME ARG...
	at "$1" timeout 60 ipsec whack "${@:2}"
}

numbers() { # of all ESP at P's port of the switch, from now on
	ip netns exec "$W" "$XFRM_HA_DIR/selftests/oracle/wire-oracle" -i p > /run/numbers {ktap_pipe}>&- &
	numbers_pid=$!
	must wait_for 10 grep -q ready /run/numbers
}

numbers_verdict() { # NAME
	local status

	stopped "$numbers_pid"
	status=$?
	sed 's/^/# /' /run/numbers
	check "packets were seen" grep -q '^spi .* packets [1-9]' /run/numbers
	is "$1" $status 0
}
