# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154  # G1, G2, P, H are set by netns
#
# keepalived on both gateways, with the files of docs/examples/keepalived. Source ktap.sh, ha.sh and
# cluster.sh first.

# shellcheck disable=SC2034	# for the tests
ka_1='' ka_2=''

# The program as the files name it, and a syslog that can be read.
keepalived_begin() {
	mkdir -p /run/libexec
	install -m 755 "$XFRM_HA_DIR/tools/keepalived/xfrm-ha-vrrp" /run/libexec/
	python3 -c '
import os, socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("/dev/log")
while True:
    print(s.recv(4096).decode(), flush=True)' > /run/syslog &
	at_exit rm -f /dev/log
	must wait_for 10 test -S /dev/log
	at_exit keepalived_logs
}

keepalived_logs() {
	[ "$ktap_failed" = 0 ] || tail -n 200 /run/ka1.log /run/ka2.log /run/syslog | sed 's/^/# /'
}

# Two names of one kernel have keepalived's files below /run in folders of their own.
keepalived() { # N FILE [SED-EXPRESSION]
	local g=G$1 name

	name=$([ "$1" = 1 ] && echo east || echo west)
	rm -rf "/run/ka$1"
	mkdir -p "/run/ka$1/run"
	example "keepalived/$2" | sed "${3-}" > "/run/ka$1/conf"
	ip netns exec "${!g}" keepalived --dont-fork --log-console --log-detail --no-syslog \
		--vrrp --config-id "$name" -f "/run/ka$1/conf" -p "/run/ka$1/pid" \
		-r "/run/ka$1/vrrp.pid" >> "/run/ka$1.log" 2>&1 &
	declare -g "ka_$1=$!"
}

# It has two processes.
crash() { # N
	local pid=ka_$1

	kill -9 "${!pid}" "$(cat "/run/ka$1/vrrp.pid")"
	wait "${!pid}" 2>/dev/null
}

vrrp() { # N WORD...: the program
	local g=G$1

	on "${!g}" /run/libexec/xfrm-ha-vrrp "${@:2}"
}

is_log() { # TEXT
	grep -qF -- "$1" /run/syslog
}

deaf_vrrp() { # on|off: the gateways do not hear each other outside and inside
	local n

	for n in 1 2; do
		must bridge -n "$P" link set dev "g$n" isolated "$1"
		must bridge -n "$H" link set dev "g$n" isolated "$1"
	done
}

both_active() {
	role "$G1" vpn active && role "$G2" vpn active
}

both_masters() {
	has "$G1" 192.0.2.1 && has "$G2" 192.0.2.1
}

silent_link() { # on|off
	local ns

	for ns in "$G1" "$G2"; do
		if [ "$1" = on ]; then
			must tc -n "$ns" qdisc add dev eth2 root netem loss 100%
		else
			must tc -n "$ns" qdisc del dev eth2 root
		fi
	done
}

all_ended() { # no process is left in the gateways
	[ -z "$(ip netns pids "$G1")$(ip netns pids "$G2")" ]
}
