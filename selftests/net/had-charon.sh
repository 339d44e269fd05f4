#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: python3
# machines: uml
# tap: any
# timeout: 120
#
# M8 M9: charon that takes its time to say what it has is asked ever less often, and not taken for
# dead meanwhile; one that is silent is, and the group is given away. A stand-in for charon answers.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/had.sh"

conf() { # N LINE...: the file of gateway N
	cat > "/run/conf$1" <<-EOT
	$(had_link "$1")
	group vpn {
	    match { address = { 192.0.2.1 } }
	    role = $([ "$1" = 1 ] && echo active || echo standby)
	    ${*:2}
	}
	EOT
}

# What it has: nothing. While /run/silent is there it does not answer.
cat > /run/charon.py <<'EOT'
import os, socket, struct, time
listener = socket.socket(socket.AF_UNIX)
listener.bind("/run/charon.vici")
listener.listen()
os.mkfifo("/run/charon.ha")
fifo = os.open("/run/charon.ha", os.O_RDWR | os.O_NONBLOCK)
open("/run/charon.up", "w").close()
while True:
    to, _ = listener.accept()
    while True:
        head = to.recv(4, socket.MSG_WAITALL)
        if len(head) < 4:
            break
        kind = to.recv(struct.unpack(">I", head)[0], socket.MSG_WAITALL)[0]
        if kind == 0:
            time.sleep(1)
            while os.path.exists("/run/silent"):
                time.sleep(0.1)
        try:
            os.read(fifo, 100)
        except BlockingIOError:
            pass
        to.sendall(b"\0\0\0\1" + (b"\5" if kind == 3 else b"\1"))
EOT

past() { # SECONDS: since the answer
	[ $((SECONDS - since)) -gt "$1" ]
}

silences() {
	grep -c "group vpn: charon does not answer" /run/had1
}

ha_load
netns G1 G2
sync_cable
keygen /run/key
python3 /run/charon.py & charon=$!
must wait_for 10 test -e /run/charon.up

# An answer takes a second, the next question comes twenty seconds later, after the limit.
conf 1 'charon { vici = /run/charon.vici fifo = /run/charon.ha restart = "true" timeout = 10 }'
conf 2
had 1 /run/conf1
had 2 /run/conf2
must wait_for 10 settled
check "charon answers" wait_for 30 had_said 1 "group vpn: IKE_SAs of charon: 0 active, 0 passive"
since=$SECONDS before=$(silences)
must wait_for 60 past 28
check "M8: one that is not asked is not silent" role "$G1" vpn active
is "nothing is said of it" "$(silences)" "$before"

touch /run/silent
check "M8: one that is silent is: the group is given away" wait_for 120 role "$G2" vpn active
is "why" "$(silences)" $((before + 1))
rm /run/silent

stopped "$had_1" "$had_2"
kill "$charon"
wait "$charon" 2>/dev/null
had_sentences 1
check "the module leaves" ha_unload
ktap_finished
