#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# machines: uml
# tap: any
# timeout: 240
#
# M9 N7: the daemon's figures, as Prometheus and OpenMetrics read them, are those that the tool
# shows; examples name no others. Who asks too much, too slowly or too often is cut off.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/had.sh"

dir=/run/metrics
socket=$dir/socket
examples=$XFRM_HA_DIR/docs/examples
page=$dir/page

metrics() { # N WORD...
	local ns=G$1

	on "${!ns}" python3 "$XFRM_HA_DIR/selftests/lib/metrics.py" "${@:2}"
}

answer() { # N METHOD WHERE [PATH]: status and type
	metrics "$@" | head -n 2 | paste -sd' '
}

conf() { # N LINE...: the file of gateway N
	local n=$1

	cat > "$dir/conf$n" <<-EOT
	link hb {
	    device = sync peer = 02:00:00:00:01:0$((3 - n)) key-file = $dir/key
	    dead = 100 carrier-loss = at-once
	}
	group vpn {
	    match { address = { 192.0.2.1, 2001:db8::1 } }
	    role = $([ "$n" = 1 ] && echo active || echo standby)
	}
	$(printf '%s\n' "${@:2}")
	EOT
}

ha_load
must mkdir -p $dir
topology
keygen $dir/key
must ip -n "$G1" link add eng0 type xfrm_engine
conf 1 "metrics { listen = $socket }"
conf 2 'on east { metrics { listen = "[::1]:9744" } }'
had 1 $dir/conf1
had 2 $dir/conf2 -n east
must wait_for 10 settled
sas 0x1000 4 tunnel "$G1 $G2 $P" replay-window 128 flag esn
policies 0x1000 4 tunnel
must pings 20
must wait_for 10 mirrored "$G1" 0x1001

check "a page, as OpenMetrics" eval "metrics 1 open $socket > $page"
is "its end" "$(tail -n 1 $page)" "# EOF"
check "the figures are the tool's" metrics 1 compare $page "$G1"
is "its permissions" "$(find $socket -printf %M)" srw-rw----
check "a page of the standby, by IPv6" eval "metrics 2 open [::1]:9744 > $page.2"
check "the figures are the tool's" metrics 2 compare $page.2 "$G2"
find "$examples" -name '*.yml' -o -name '*.json' > $dir/examples
check "there are examples" test -s $dir/examples
# shellcheck disable=SC2046	# a list
is "each metric that they name is there" "$(metrics 1 names $page $(<$dir/examples))" ""

is "as text" "$(answer 1 get $socket)" "200 OK text/plain; version=0.0.4; charset=utf-8"
if command -v promtool > /dev/null; then
	metrics 1 get $socket | tail -n +3 > $page.text
	is "promtool has nothing to say of it" "$(promtool check metrics < $page.text 2>&1)" ""
else
	say "there is no promtool"
fi
is "HEAD" "$(metrics 1 head $socket | wc -l)" 2
is "another page" "$(answer 1 get $socket /)" "404 Not Found text/plain"
is "another method" "$(answer 1 post $socket)" "405 Method Not Allowed text/plain"
is "what is too long" "$(metrics 1 long $socket)" "HTTP/1.1 431 Request Header Fields Too Large"

is "15 who say nothing, and one more" "$(metrics 1 crowd $socket 15)" "answered, cut"
is "16 who say nothing, and one more" "$(metrics 1 crowd $socket 16)" "not answered, cut"
# An answer that no buffer of the kernel takes as a whole
for n in {1..400}; do
	echo "group a-group-of-$n { match { reqid = $n } }"
done > $dir/groups
conf 1 "metrics { listen = $socket.2 }" "$(<$dir/groups)"
had_reload 1
check "400 groups" eval "metrics 1 open $socket.2 > $page"
is "each has a role" "$(grep -c '^xfrm_ha_group_role{.*role="active"' $page)" 401
check_not "the old socket has gone" test -e $socket
is "one who does not read" "$(metrics 1 slow $socket.2)" cut
check "and another is answered" eval "metrics 1 open $socket.2 > $page"

conf 1 'metrics { listen = 127.0.0.1:9744 }'
had_reload 1
is "another place" "$(answer 1 get 127.0.0.1:9744)" "200 OK text/plain; version=0.0.4; charset=utf-8"
conf 1 'metrics { listen = 198.51.100.1:9744 }'
had_reload 1
check "a place that is not there" had_said 1 "198.51.100.1:9744: Cannot assign requested address"
must ip -n "$G1" addr add 198.51.100.1/32 dev lo
check "when it comes" wait_for 10 eval "answer 1 get 198.51.100.1:9744 2>/dev/null | grep -q 200"
conf 1
had_reload 1
check_not "nowhere" metrics 1 get 198.51.100.1:9744

stopped "$had_1" "$had_2"
grep -v "group a-group" /run/had1 | sed "s/^/# had1: /"
check "the module leaves" ha_unload
ktap_finished
