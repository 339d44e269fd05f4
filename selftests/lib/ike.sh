# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154  # G1, G2, P, H, W are set by netns
#
# Gateways with real IKE daemons, by the files of docs/examples. Source ktap.sh and ha.sh first.
#
#            H 10.1.0.10			a host inside
#            |
#     +------+------+
#     | eth1   eth1 |   10.1.0.1
#    east -eth2- west				G1, G2
#     | eth0   eth0 |   192.0.2.1
#     +----- W -----+				the switch outside; who listens, listens here
#            | p
#            P 192.0.2.9				the remote end, and 10.2.0.1 behind it
#
# A host has its own /run, and /etc as far as daemons read it. In it systemctl is a stand-in that
# does what it is asked by the units of the packages and of docs/examples.

EXAMPLES=$XFRM_HA_DIR/docs/examples

declare -A HOST=() IKE=() lost_at=()
wire_pid='' flow_pids='' flow_names=''

ike_end() { # without a word of bash's about each
	disown -a
	# shellcheck disable=SC2086	# lists
	kill -9 $wire_pid $flow_pids "${HOST[@]}" 2>/dev/null
}

site() { # namespaces, wires, addresses that stay
	local n g

	netns G1 G2 P H W
	at_exit ike_end
	must ip link add eth2 netns "$G1" address 02:00:5e:00:00:01 type veth \
		peer name eth2 netns "$G2" address 02:00:5e:00:00:02
	must batch "$W" "link add name br0 type bridge" "link set br0 up"
	must batch "$H" "link add name br0 type bridge" "link set br0 up" \
		"addr add 10.1.0.10/24 dev br0" "route add default via 10.1.0.1"
	for n in 1 2; do
		g=G$n
		must ip link add eth0 netns "${!g}" type veth peer name "g$n" netns "$W"
		must ip link add eth1 netns "${!g}" type veth peer name "g$n" netns "$H"
		must ip -n "$W" link set "g$n" master br0 up
		must ip -n "$H" link set "g$n" master br0 up
		must batch "${!g}" "link set eth0 up" "link set eth1 up" "link set eth2 up" \
			"addr add 192.0.2.1$n/24 dev eth0"
		must on "${!g}" sysctl -qw net.ipv4.ip_forward=1 \
			net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.eth0.send_redirects=0
	done
	must ip link add eth0 netns "$P" type veth peer name p netns "$W"
	must ip -n "$W" link set p master br0 up
	must batch "$P" "link set eth0 up" "addr add 192.0.2.9/24 dev eth0" \
		"addr add 10.2.0.1/16 dev lo" "route add 10.1.0.0/24 via 192.0.2.1 src 10.2.0.1"
	[ -e /run/hb.key ] || keygen /run/hb.key
}

begin() { # all daemons, with the files as they are; east is active
	services site start
	had_at east
	must wait_for 20 role "$G1" vpn active
	had_at west
	must wait_for 20 in_sync "$G1" "$G2"
	services east start
	services west start
}

host() { # NAMESPACE NAME [COMMAND]: with folders of its own; COMMAND mounts more, $2 is where they are
	local ns=$1 name=$2 root=/run/hosts/$2 dir file

	rm -rf "$root"
	must mkdir -p "$root"/{run,xfrm-ha,local/sbin,local/share/xfrm-ha}
	for dir in strongswan.d swanctl; do
		must cp -a "/etc/$dir" "$root/"
	done
	mkdir -p /etc/xfrm-ha
	ln -s "$XFRM_HA_DIR/tools/xfrm-ha/xfrm-ha" "$XFRM_HA_DIR/tools/xfrm-had/xfrm-had" \
		"$root/local/sbin/"
	cp -a "$XFRM_HA_DIR/tools/xfrm-ha/hooks" "$root/local/share/xfrm-ha/"
	systemctl_of "$name" > "$root/local/sbin/systemctl"
	chmod +x "$root/local/sbin/systemctl"
	# What is not needed takes most of the time of a start.
	for file in "$root"/strongswan.d/charon/*.conf; do
		case ${file##*/} in
		aes.conf | hmac.conf | kdf.conf | kernel-netlink.conf | nonce.conf | openssl.conf | \
			random.conf | sha*.conf | socket-default.conf | vici.conf | gcm.conf | ha.conf) ;;
		*) sed -i 's/load = yes/load = no/' "$file" ;;
		esac
	done
	cat > "$root/strongswan.d/test.conf" <<-EOT
	swanctl {
	    load = random openssl
	}
	charon {
	    filelog {
	        stderr {
	            default = 1
	            time_format = %T
	        }
	    }
	}
	EOT
	# shellcheck disable=SC2016	# expanded there
	ip netns exec "$ns" unshare --uts --mount --propagation private bash -c '
		hostname "$1" && mount --bind "$2/strongswan.d" /etc/strongswan.d &&
		mount --bind "$2/swanctl" /etc/swanctl && mount --bind "$2/xfrm-ha" /etc/xfrm-ha &&
		mount --bind "$2/local" /usr/local && eval "$3" && exec {up}> "$2/up" &&
		mount --bind "$2/run" /run && echo up >&$up && exec sleep infinity' \
		bash "$name" "$root" "${3:-:}" {ktap_pipe}>&- &
	HOST[$name]=$!
	must wait_for 10 test -s "$root/up"
}

at() { # NAME COMMAND...: on this host
	local name=$1

	shift
	nsenter -t "${HOST[$name]}" -m -u -n env PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

# start, stop, restart and reload of strongswan and xfrm-had. Where nobody is init, what it keeps of
# a service is a process's number, and its life is not looked after: the test does that.
systemctl_of() { # NAME
	cat <<-EOT
	#!/bin/bash
	unit() { # KEY: of the unit and of what is dropped in
		sed -n "s/^\$1=-\?//p" "/lib/systemd/system/strongswan.service" \
			\$([ ! -e /etc/xfrm-ha/dropin ] || echo /etc/xfrm-ha/dropin)
	}
	log=/run/strongswan.log pid=/run/strongswan.pid
	start() {
		# charon would not write into another one's file: systemd has it in a folder of its own
		rm -f /run/charon.pid
		setsid \$(unit ExecStart) >> \$log 2>&1 < /dev/null 9>&- &
		echo \$! > \$pid
		for ((i = 0; i < 300; i++)); do
			swanctl --stats > /dev/null 2>&1 && break
			sleep 0.1
		done
		unit ExecStartPost | while read -r line; do \$line < /dev/null; done >> \$log 2>&1 9>&-
	}
	stop() {
		local how=\$(unit KillSignal | tail -n 1)

		kill -\${how:-SIGTERM} \$(cat \$pid) 2>/dev/null
		while [ -d /proc/\$(cat \$pid) ] && ! grep -q '^State:.Z' /proc/\$(cat \$pid)/status; do
			sleep 0.1
		done 2>/dev/null
	}
	reload() {
		unit ExecReload | while read -r line; do \$line < /dev/null; done >> \$log 2>&1
	}
	[ "\$1" != --no-block ] || { shift; "\$0" "\$@" > /dev/null 2>&1 & exit; }
	exec 8> /run/systemctl.lock
	flock 8
	echo "systemctl \$*" >> \$log
	case \$1 in
	restart) stop; start 8>&- ;;
	start) start 8>&- ;;
	*) \$1 ;;
	esac
	EOT
}

# Gateways east and west and the remote end, with nothing but what the packages have.
swan_site() { # [COMMAND...]: changes what is between them
	site
	"$@"
	wire
	host "$G1" east
	host "$G2" west
	host "$P" site
}

swan_site_files() { # of all three, as docs/examples has them
	swan_files east
	swan_files west
	remote_files
}

swan_files() { # NAME: of a gateway, as docs/examples has them
	local root=/run/hosts/$1 ex=$EXAMPLES/strongswan

	must cp "$ex/swanctl.conf" "$root/swanctl/conf.d/site.conf"
	must cp "$ex/strongswan.conf" "$root/strongswan.d/xfrm-ha.conf"
	[ "$1" = east ] || must sed -i 's/0xc0000000/0xc8000000/; s/0xc7ffffff/0xcfffffff/' \
		"$root/strongswan.d/xfrm-ha.conf"
	must cp "$ex/strongswan.service" "$root/xfrm-ha/dropin"
	had_files "$1" "$ex/xfrm-ha.conf"
}

# With certificates instead of a PSK. Both gateways have the same one, and its key: to the remote
# end they are one.
certificates() {
	local ca=/run/ca name host root

	rm -rf $ca
	must mkdir $ca
	must certify -subj /CN=ca.example.org -keyout $ca/ca.key -out $ca/ca.pem
	for name in gateway site; do
		must certify -subj "/CN=$name.example.org" -CA $ca/ca.pem -CAkey $ca/ca.key \
			-addext "subjectAltName = DNS:$name.example.org" \
			-addext "basicConstraints = critical, CA:FALSE" \
			-keyout "$ca/$name.key" -out "$ca/$name.pem"
	done
	for host in east west site; do
		name=$([ $host = site ] && echo site || echo gateway)
		root=/run/hosts/$host
		must cp $ca/ca.pem "$root/swanctl/x509ca/"
		must cp "$ca/$name.pem" "$root/swanctl/x509/"
		must cp "$ca/$name.key" "$root/swanctl/private/"
		must sed -i -e 's/auth = psk/auth = pubkey/' -e '/^secrets/,/^}/d' \
			"$root/swanctl/conf.d/site.conf"
		must sed -i 's/load = no/load = yes/' \
			"$root"/strongswan.d/charon/{pem,pkcs1,pkcs8,pubkey,x509}.conf
	done
	rm -rf $ca
}

certify() { # OPTION...
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 "$@" 2>/dev/null
}

had_files() { # NAME FILE: of xfrm-had, as docs/examples has it
	# A slow machine is not a dead one: what dies in the tests loses its carrier.
	sed 's/^    device = eth2/&\n    dead = 100\n    carrier-loss = at-once/' "$2" \
		> "/run/hosts/$1/xfrm-ha/xfrm-ha.conf"
	must install -m 600 /run/hb.key "/run/hosts/$1/xfrm-ha/key"
}

remote_files() {
	must cp "$EXAMPLES/strongswan/remote.conf" /run/hosts/site/swanctl/conf.d/site.conf
}

had_at() { # NAME: xfrm-had as its unit starts it
	at "$1" xfrm-ha check >/dev/null || bail "the example's file"
	at "$1" xfrm-had -d -f /etc/xfrm-ha/xfrm-ha.conf 2>> "/run/$1.had" {ktap_pipe}>&- &
	must wait_for 10 grep -q "xfrm-had: node " "/run/$1.had"
}

ctl() { # NAME ARG...: swanctl
	at "$1" timeout 60 swanctl "${@:2}"
}

services() { # NAME ACTION
	at "$1" systemctl "$2" "${IKE[$1]-strongswan}.service" {ktap_pipe}>&-
}

# What charon says of each start begins with "spawning", what pluto says with "Starting".
child_up() { # NAME: its daemon has made a CHILD_SA since it was started
	awk '/spawning .* worker threads|Starting Pluto/ { up = 0 }
		/CHILD_SA .* established|established Child SA/ { up = 1 } END { exit !up }' \
		"/run/hosts/$1/run/${IKE[$1]-strongswan}.log"
}

idle() { # NAME: its daemon answers, and has no IKE_SA
	local sas

	if [ "${IKE[$1]-}" ]; then
		sas=$(whack "$1" --status) && [[ $sas == *"Connection list"* ]] &&
			! grep -q '#[0-9]*: "' <<< "$sas"
	else
		sas=$(ctl "$1" --list-sas 2>/dev/null) && [ -z "$sas" ]
	fi
}

esp_spis() { # NAMESPACE: of its SAs, sorted
	ip -n "$1" xfrm state | sed -n 's/.*proto esp spi \(0x[0-9a-f]*\).*/\1/p' | sort
}

gone() { # NAMESPACE "SPI...": none of these is there any more
	local spi have

	have=$(esp_spis "$1")
	for spi in $2; do
		[[ $have != *$spi* ]] || return 1
	done
}

same_spis() { # both gateways have the same, and some
	local one

	one=$(esp_spis "$G1")
	[ -n "$one" ] && [ "$one" = "$(esp_spis "$G2")" ]
}

crash() { # NAMESPACE NAME: all it has is dead, and nobody hears of it
	local pids

	must batch "$1" "link set eth2 down" "link set eth0 down" "link set eth1 down"
	pids=$(ip netns pids "$1" | grep -vx "${HOST[$2]}")
	# shellcheck disable=SC2086	# a list
	kill -9 $pids 2>/dev/null
}

reborn() { # NAMESPACE: what a reboot leaves of it
	must ha "$1" group del vpn
	must ha "$1" link del eth2
	on "$1" nft delete table inet xfrm_ha 2> /dev/null
	must batch "$1" "xfrm state flush" "xfrm policy flush" "addr flush dev eth0" \
		"addr flush dev eth1" "addr add 192.0.2.1${1:1:1}/24 dev eth0" \
		"link set eth2 up" "link set eth0 up" "link set eth1 up"
}

down() { # all daemons have gone, and what they had installed
	local name ns

	flows_end
	for name in east west site; do
		case $name in east) ns=$G1 ;; west) ns=$G2 ;; site) ns=$P ;; esac
		# shellcheck disable=SC2046	# a list
		kill -9 $(ip netns pids "$ns" | grep -vx "${HOST[$name]}") 2>/dev/null
		rm -f "/run/$name.had" /run/hosts/"$name"/run/{strongswan,ipsec}.{log,pid}
	done
	reborn "$G1"
	reborn "$G2"
	must batch "$P" "xfrm state flush" "xfrm policy flush"
	: > /run/wire
}

# Who listens at P's port of the switch; sets wire_pid. Its words are in /run/wire.
wire() {
	: > /run/wire
	ip netns exec "$W" python3 "$XFRM_HA_DIR/selftests/lib/wire.py" p >> /run/wire {ktap_pipe}>&- &
	wire_pid=$!
	must wait_for 20 grep -q ready /run/wire
}

turn() { # from now on
	local before

	before=$(grep -c turn /run/wire)
	kill -USR1 "$wire_pid"
	must wait_for 5 turned "$before"
}

turned() { # COUNT
	[ "$(grep -c turn /run/wire)" -gt "$1" ]
}

since() { # PATTERN: lines since the last turn
	awk -v p="$1" '/^turn / { n = 0; next } $0 ~ p { l[n++] = $0 } END { for (i = 0; i < n; i++) print l[i] }' \
		/run/wire
}

seen() { # PATTERN: since the last turn
	[ -n "$(since "$1")" ]
}

flow() { # up|down NAMESPACE FROM TO
	ip netns exec "$2" ping -n -i 0.05 -I "$3" "$4" > "/run/$1" {ktap_pipe}>&- 2>&1 &
	flow_pids+=" $!"
	flow_names+=" $1"
	lost_at[$1]=0
}

flows() { # packets from inside to outside and back, and the other way, without an end
	flow up "$H" 10.1.0.10 10.2.0.1
	flow down "$P" 10.2.0.1 10.1.0.10
}

flows_end() {
	# shellcheck disable=SC2086	# a list
	stopped $flow_pids
	flow_pids='' flow_names=''
}

answers() { # up|down
	grep -c 'bytes from' "/run/$1"
}

more() { # up|down COUNT
	[ "$(answers "$1")" -ge "$2" ]
}

flowing() { # NAME: ten more answers each way
	local flow
	local -A had=()

	for flow in $flow_names; do
		had[$flow]=$(answers "$flow")
	done
	for flow in $flow_names; do
		if ! wait_for 20 more "$flow" $((had[$flow] + 10)); then
			fail "$1: $flow"
			return
		fi
	done
	ok "$1"
}

# What is lost since the last time it was asked; in REPLY.
lost() { # up|down
	REPLY=$(awk -v was="${lost_at[$1]:-0}" 'match($0, /icmp_seq=[0-9]+/) {
		n = substr($0, RSTART + 9, RLENGTH - 9) + 0
		if (n > was && !(n in s)) { s[n]; got++; if (n > last) last = n }
	} END { print last, last - was - got }' "/run/$1")
	lost_at[$1]=${REPLY% *}
	REPLY=${REPLY#* }
}

# No IKE message comes to the remote end, nor from it.
deaf_remote() {
	must on "$P" nft -f - <<-EOT
	table ip deaf {
		chain in {
			type filter hook input priority 0;
			udp dport 500 drop
			udp dport 4500 @th,64,32 0 drop
		}
		chain out {
			type filter hook output priority 0;
			udp dport 500 drop
			udp dport 4500 @th,64,32 0 drop
		}
	}
	EOT
}

hearing_remote() {
	must on "$P" nft delete table ip deaf
}

# What an SA of the remote end's has carried, either way, has passed its port of the switch. One of
# which that can't be said yet is not asked for: of two CHILD_SAs one has no packets.
carried() { # NAMESPACE: SPIs, by what the kernel has counted
	ip -n "$1" -s xfrm state | awk '/proto esp spi/ { spi = substr($4, 1, 10) }
		/^[ \t]*[0-9]+\(bytes\), [1-9][0-9]*\(packets\)/ { print spi }'
}

no_clear() { # NAME
	local clear

	clear=$(grep '^clear' /run/wire | sort | uniq -c)
	is "$1" "$clear" ""
}

said() { # for the log of a test that has failed
	local name

	for name; do
		sed "s/^/# $name: /" "/run/hosts/$name/run/${IKE[$name]-strongswan}.log" | tail -n 60
		sed "s/^/# $name: /" "/run/$name.had" 2>/dev/null | tail -n 30
	done
	grep -v '^ready' /run/wire | tail -n 40 | sed 's/^/# wire: /'
}

# --- a remote end behind a NAT ---

# P is at 198.51.100.9; to the others it is N, 192.0.2.9.
behind_nat() {
	netns N
	must batch "$P" "link set eth0 netns $N" "addr del 10.2.0.1/16 dev lo"
	must ip link add eth0 netns "$P" type veth peer name in netns "$N"
	must batch "$N" "link set eth0 up" "addr add 192.0.2.9/24 dev eth0" \
		"link set in up" "addr add 198.51.100.1/24 dev in" \
		"route add 10.1.0.0/24 via 192.0.2.1" "route add 10.2.0.0/16 via 198.51.100.9"
	must batch "$P" "link set eth0 up" "addr add 198.51.100.9/24 dev eth0" \
		"addr add 10.2.0.1/16 dev lo" "route add default via 198.51.100.1" \
		"route add 10.1.0.0/24 via 198.51.100.1 src 10.2.0.1"
	must on "$N" sysctl -qw net.ipv4.ip_forward=1
	maps 20000
}

# A remote end whose port is not known calls.
begin_behind_nat() {
	must sed -i 's/remote_addrs = .*/remote_addrs = %any/' \
		/run/hosts/{east,west}/swanctl/conf.d/site.conf
	must sed -i 's/local_addrs = .*/local_addrs = 198.51.100.9/' \
		/run/hosts/site/swanctl/conf.d/site.conf
	begin
	check "the remote end calls" grep -q "initiate completed" \
		<(ctl site --initiate --child net)
}

# It has no memory: to another port that it had given before it gives nothing more.
maps() { # PORT: that it gives port 4500 of P's; and the next one to port 500
	must on "$N" nft -f - <<-EOT
	table ip nat
	delete table ip nat
	table ip nat {
		chain out {
			type filter hook postrouting priority 100;
			oif eth0 udp sport 4500 udp sport set $1 udp checksum set 0 ip saddr set 192.0.2.9
			oif eth0 udp sport 500 udp sport set $(($1 + 1)) udp checksum set 0 ip saddr set 192.0.2.9
		}
		chain in {
			type filter hook prerouting priority -300;
			iif eth0 udp dport $1 udp dport set 4500 udp checksum set 0 ip daddr set 198.51.100.9
			iif eth0 udp dport $(($1 + 1)) udp dport set 500 udp checksum set 0 ip daddr set 198.51.100.9
			iif eth0 ip protocol udp ip daddr 192.0.2.9 drop
		}
	}
	EOT
}

# Both SAs, of both: inbound ones are from there, outbound ones to it.
port_is() { # NAMESPACE PORT
	local state

	state=$(ip -n "$1" xfrm state)
	[ "$(grep -c "espinudp sport $2 dport 4500 \|espinudp sport 4500 dport $2 " <<< "$state")" = 2 ]
}

# --- charon with its ha plugin: docs/examples/strongswan-ha ---

plugin_files() { # NAME: of a gateway
	local root=/run/hosts/$1 ex=$EXAMPLES/strongswan-ha

	swan_files "$1"
	must cp "$ex/strongswan.conf" "$root/strongswan.d/xfrm-ha.conf"
	[ "$1" = east ] || must sed -i 's/0xc0000000 /0xc8000000 /; s/0xc7ffffff /0xcfffffff /
		s/203.0.113.1 /203.0.113.3 /; s/203.0.113.2 /203.0.113.1 /; s/203.0.113.3 /203.0.113.2 /' \
		"$root/strongswan.d/xfrm-ha.conf"
	must cp "$ex/strongswan.service" "$root/xfrm-ha/dropin"
	sed 's/^    device = eth2/&\n    dead = 100\n    carrier-loss = at-once/' "$ex/xfrm-ha.conf" \
		> "$root/xfrm-ha/xfrm-ha.conf"
}

plugin_site() { # the link has addresses of its own
	must ip -n "$G1" addr add 203.0.113.1/30 dev eth2
	must ip -n "$G2" addr add 203.0.113.2/30 dev eth2
}

# What the daemon has found last costs nothing to ask for; what charon says itself counts.
had_found() { # NAME "ACTIVE active, PASSIVE passive"
	local line

	line=$(grep "IKE_SAs of charon" "/run/$1.had" | tail -n 1)
	# shellcheck disable=SC2053,SC2027	# a pattern
	[[ $line == *": "$2"; "[1-9]* ]]
}

# What charon of a gateway has, by its own words: established IKE_SAs, passive ones, CHILD_SAs
ike_sas() { # NAME; in REPLY
	REPLY=$(ctl "$1" --list-sas 2>/dev/null | awk '
		/^[^ ].*, (ESTABLISHED|REKEYING),/ { active++ }
		/^[^ ].*, PASSIVE,/ { passive++ }
		/^  [^ ].*, INSTALLED,/ { children++ }
		END { print active + 0, passive + 0, children + 0 }')
}

ike_active() { # NAME: and nothing else
	had_found "$1" "[1-9]* active, 0 passive" || return 1
	ike_sas "$1"
	[[ $REPLY == [1-9]*" 0 "[1-9]* ]]
}

ike_passive() { # NAME: likewise
	had_found "$1" "0 active, [1-9]* passive" || return 1
	ike_sas "$1"
	[[ $REPLY == "0 "[1-9]*" "[1-9]* ]]
}

# Roles and segments are one thing, and of each other's SAs none is missing.
agreed() {
	settled && same_spis || return 1
	if role "$G1" vpn active; then
		ike_active east && ike_passive west
	else
		ike_active west && ike_passive east
	fi
}

rekeyed() { # NAME: by the remote end; the CHILD_SA is another one
	ctl site --rekey --child net 2>/dev/null | grep -q "rekey completed"
}

# Two gateways, east and west, and a remote end, with their files. What nobody answers the remote end
# sends TRIES times, every 100 ms.
plugin_begin() { # TRIES
	swan_site plugin_site
	plugin_files east
	plugin_files west
	remote_files
	must sed -i 's/dpd_delay = .*/dpd_delay = 2s/' /run/hosts/site/swanctl/conf.d/site.conf
	cat > /run/hosts/site/strongswan.d/patience.conf <<-EOT
	charon {
	    retransmit_timeout = 0.1
	    retransmit_base = 1
	    retransmit_tries = $1
	}
	EOT
}
