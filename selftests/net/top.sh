#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: jq python3
# machines: uml
# tap: any
# timeout: 180
#
# M9: top shows which SAs carry how much, those that carry most first: as text and as JSON when
# nobody looks at it, on the screen of a terminal when somebody does.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"

first() { # FIELD: of the SA that carries most, in the last interval
	jq -rs ".[-1][0].$1" /run/top
}

shows() { # FILE WORD...: what it writes is there
	ha "$G1" "${@:2}" > "$1"
}

ha_load
topology
links
groups vpn address 192.0.2.1
sas 0x1000 4 tunnel "$G1 $G2 $P" replay-window 32
sas 0x2000 4 tunnel "$G1 $G2 $P" replay-window 32
policies 0x2000 4 tunnel
refused_words() { # SENTENCE WORD...
	STATUS=1 refused "$G1" "$1" top "${@:2}"
}
refused_words "top takes" interval 0
refused_words "top takes" count
refused_words "top takes" rows many
check "nothing is carried yet" shows /run/top -j top interval 1
is "then all rates are 0" "$(jq -s '.[0] | map(.packets_s) | max' /run/top)" 0
is "one time, if it is not said" "$(jq -s length /run/top)" 1
is "all SAs" "$(jq -s '.[0] | length' /run/top)" 4

ip netns exec "$P" ping -q -i 0.01 10.1.0.1 > /run/ping &
ping=$!
carries() {
	[ "$(sa "$G1" 0x2001 .packets)" -gt 5 ]
}
must wait_for 20 carries
before=$(sa "$G1" 0x2001 .packets)
check "while there is traffic" shows /run/top -j top interval 2 count 2 rows 2
after=$(sa "$G1" 0x2001 .packets)
is "so often" "$(jq -s length /run/top)" 2
is "so many rows" "$(jq -s '.[1] | length' /run/top)" 2
is "those that carry it come first" \
	"$(jq -rs '.[1] | map(.spi) | sort | join(",")' /run/top)" 0x00002001,0x00002002
is "both ways" "$(jq -rs '.[1] | map(.way) | sort | join(",")' /run/top)" in,out
# In 4 s and what it takes to start: no less than a quarter of the mean, if the machine is slow.
between "packets a second" "$(first packets_s)" $(((after - before) / 20)) $(((after - before) / 3))
between "bits a second, 84 octets each and some" "$(first bits_s)" \
	$(($(first packets_s) * 8 * 80)) $(($(first packets_s) * 8 * 160))
check "of one group" shows /run/text top group vpn interval 1
sed 's/^/# /' /run/text
check "as text: its groups" grep -qE "^vpn: active, 4 SAs, [1-9][0-9]* packets/s, " /run/text
check "and a table" grep -qE "^dst +spi +group" /run/text
check_not "without a terminal's signs" grep -q $'\033' /run/text

# On a terminal of 5 lines it goes on, and shows what fits.
cat > /run/screen <<-'EOT'
	import fcntl, os, pty, struct, sys, termios
	pid, fd = pty.fork()
	if not pid:
	    os.execvp(sys.argv[1], sys.argv[1:])
	fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 5, 100, 0, 0))
	text = b""
	while text.count(b"\033[H") < 3:
	    try:
	        piece = os.read(fd, 65536)
	    except OSError:
	        break
	    if not piece:
	        break
	    text += piece
	os.write(fd, b"\003")
	_, status = os.waitpid(pid, 0)
	sys.stdout.buffer.write(text.split(b"\033[H")[2])
	sys.exit(0 if os.WIFSIGNALED(status) and os.WTERMSIG(status) == 2 else 1)
EOT
on_screen() {
	timeout 60 ip netns exec "$G1" python3 /run/screen "$XFRM_HA_DIR/tools/xfrm-ha/xfrm-ha" \
		top interval 1 > /run/screened
}
check "on a terminal it goes on until it is interrupted" on_screen
is "and shows what fits" "$(grep -c 0x0000 /run/screened)" 1
kill -INT $ping
wait $ping
check "the module leaves" ha_unload
ktap_finished
