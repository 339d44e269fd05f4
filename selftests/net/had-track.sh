#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tap: any
# timeout: 240
#
# M8 N17: xfrm-had gives a group away when a device loses its carrier, or a script says so, and the
# node that prefers it takes it back when all has been well for a while, not before. A takeover by
# command is refused while something is wrong, unless it is said to be meant. Programs are run, the last one of the role that stands, and none of them delays anything.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/had.sh"

conf() { # N LINE...: the file of gateway N
	local n=$1

	cat > "/run/conf$n" <<-EOT
	$(had_link "$n")
	group vpn {
	    match { address = { 192.0.2.1 } }
	    role = $([ "$n" = 1 ] && echo active || echo standby)
	    address 192.0.2.1/24 { device = wan }
	    ${*:2}
	}
	EOT
}

active() { # N: this gateway, and it has the address
	local ns=G$1

	role "${!ns}" vpn active && [ -n "$(ip -n "${!ns}" addr show dev wan to 192.0.2.1)" ]
}

takeovers() { # of both gateways
	echo $(($(group "$G1" vpn takeovers) + $(group "$G2" vpn takeovers)))
}

given() { # N COUNT: how often gateway N has given it away is no less
	[ "$(grep -c "is standby, term .*: wan has no carrier" "/run/had$1")" -ge "$2" ]
}

troubled() { # N TEXT: what is wrong there, as xfrm-ha status says it
	local ns=G$1

	ha "${!ns}" -j -p status | grep -qF "\"trouble\": \"$2\""
}

ran() { # TEXT: the last program that was run
	# shellcheck disable=SC2053	# a pattern
	[[ $(tail -n 1 /run/ran 2>/dev/null) == $1 ]]
}

ha_load
netns G1 G2 P
sync_cable
for n in 1 2; do
	g=G$n
	must ip link add wan netns "${!g}" type veth peer name "g$n" netns "$P"
	must ip -n "$P" link set "g$n" up
	must ip -n "${!g}" link set wan up
done
keygen /run/key

track="track = { wan }"
conf 1 "$track prefer = yes prefer-delay = 1"
conf 2 "$track"
had 1 /run/conf1
had 2 /run/conf2
must wait_for 10 settled
must wait_for 10 active 1

# The carrier goes: so does the group. It comes: the group is taken back.
must ip -n "$P" link set g1 down
check "a device without carrier: given away" wait_for 10 active 2
check "why" given 1 1
must ip -n "$P" link set g1 up
check "preferred: taken back" wait_for 10 active 1
check "why" had_said 1 "this node is preferred, and all is well"

# A device that flaps: given away once, and taken back when that has an end.
conf 1 "$track prefer = yes prefer-delay = $((3 * XFRM_HA_SLOW / 100 + 2))"
had_reload 1
before=$(takeovers)
for n in {1..20}; do
	ip -n "$P" link set g1 down
	ip -n "$P" link set g1 up
done
check "it flaps: given away" wait_for 10 active 2
is "and not taken back" "$(takeovers)" $((before + 1))
check "until it is well" wait_for 20 active 1
is "once" "$(takeovers)" $((before + 2))

# Nobody is well: it does not go to and fro.
before=$(takeovers)
must ip -n "$P" link set g1 down
must ip -n "$P" link set g2 down
must wait_for 10 had_said 2 "group vpn: wan has no carrier"
check "both are not well: it is tried" wait_for 20 given 2 1
since=$SECONDS
check "and tried, ever less often" wait_for 20 given 2 3
between "3 times take a while" $((SECONDS - since)) 2 1000
must ip -n "$P" link set g1 up
must ip -n "$P" link set g2 up
check "it comes to rest" wait_for 60 active 1

# Scripts
conf 1 'track-script ike { command = "test ! -e /run/bad && echo x >> /run/runs" fall = 2 rise = 2 interval = 1 timeout = 1 }'
had_reload 1
check "a script is run" wait_for 10 test -s /run/runs
check "all is well" active 1
touch /run/bad
check "it fails: given away" wait_for 20 active 2
check "why" had_said 1 "track-script ike fails"
rm /run/bad
check "it is well again" wait_for 20 troubled 1 ""
must ha "$G1" takeover vpn
must wait_for 10 active 1
conf 1 'track-script ike { command = "sleep 100" timeout = 1 }'
had_reload 1
check "one that does not end is ended, and has failed" wait_for 20 active 2
conf 1
had_reload 1

# By command, where something is wrong: refused, if there is a peer that goes on. A daemon that begins
# has given nothing away yet, and does not wait before it does.
conf 1 "$track"
had_stop 1
had 1 /run/conf1
must ip -n "$P" link set g1 down
must wait_for 10 troubled 1 "wan has no carrier"
before=$(takeovers)
said=$(ha "$G1" takeover vpn wait 10 2>&1)
is "M9: a takeover where something is wrong is refused" $? 2
is "and why" "$said" "xfrm-ha: takeover: wan has no carrier, and the peer, in sync, is active: say \
allow-trouble to take vpn all the same"
is "nothing has moved" "$(takeovers)" "$before"
must ha "$G1" takeover vpn allow-trouble wait 10
check "M8: it is taken all the same" wait_for 10 active 1
check "why it stays" had_said 1 "group vpn: kept by command, though wan has no carrier"
must ip -n "$P" link set g1 up
must wait_for 10 troubled 1 ""
must ip -n "$P" link set g1 down
must wait_for 10 troubled 1 "wan has no carrier"
check "and kept" active 1
must ha "$G2" takeover vpn wait 10
must wait_for 10 active 2
must ip -n "$P" link set g1 up
must wait_for 10 troubled 1 ""
must ha "$G1" takeover vpn wait 10
must wait_for 10 active 1
must ip -n "$P" link set g1 down
check "but not the next time" wait_for 10 active 2
must ip -n "$G2" link set sync down
must wait_for 10 eval "[ \"\$(group $G1 vpn peer_synced)\" = false ]"
must ha "$G1" takeover vpn wait 10
check "M8: nor is it refused where there is no peer in sync" active 1
must ip -n "$G2" link set sync up
both_see_it() { active 2 && role "$G1" vpn standby; }
check "which gets it when it is there again" wait_for 30 both_see_it
must ip -n "$P" link set g1 up
must wait_for 10 troubled 1 ""
must wait_for 10 settled

# Programs
rm -f /run/ran
cat > /run/hook <<'EOT'
#!/bin/sh
echo "$XFRM_HA_EVENT $XFRM_HA_GROUP $XFRM_HA_ROLE $XFRM_HA_WHY" >> /run/ran
while [ -e "/run/shut.$XFRM_HA_EVENT" ]; do
	sleep 0.05
done
EOT
chmod +x /run/hook
conf 1 'on-active = /run/hook on-standby = /run/hook'
had_stop 1
had 1 /run/conf1
check "at the start, by the role" wait_for 10 ran "initial vpn standby *"
must ha "$G1" takeover vpn
check "with the role" wait_for 10 ran "takeover vpn active *"
must ha "$G2" takeover vpn
check "and why" wait_for 10 ran "release vpn * handed over to the peer"
touch /run/shut.takeover
must ha "$G1" takeover vpn
must wait_for 10 ran "takeover vpn active *"
for n in 1 2 3; do
	must ha "$G2" takeover vpn
	check "it does not end: the addresses do not wait" wait_for 10 active 2
	must ha "$G1" takeover vpn
	must wait_for 10 active 1
done
must ha "$G2" takeover vpn
must wait_for 10 active 2
is "nothing else is run before" "$(wc -l < /run/ran)" 4
rm /run/shut.takeover
check "then the one of the role that stands" wait_for 10 ran "release vpn *"
is "and no other" "$(wc -l < /run/ran)" 5
conf 1 'on-active = "sleep 1000" hook-timeout = 1'
had_reload 1
must ha "$G1" takeover vpn
check "one that takes too long is ended" wait_for 20 had_said 1 "group vpn: the program has failed, status -1"

stopped "$had_1" "$had_2"
had_sentences 1
had_sentences 2
check "the module leaves" ha_unload
ktap_finished
