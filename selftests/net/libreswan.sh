#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# machines: uml
# part: libreswan
# requires: charon-systemd swanctl unshare nsenter certutil
# tap: any
# timeout: 600
#
# M7 M9 S3: the recipe "Libreswan" of docs/guide.rst, by its files; the remote end is strongSwan. The
# active gateway is killed: data goes on, while no IKE message comes through. pluto is restarted, or
# dies, on the active gateway, and flushes all when it starts: the other one goes on, then IKE there.
# Nothing is sent in clear, and no number twice.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/ha.sh"
. "$(dirname "$0")/../lib/ike.sh"
. "$(dirname "$0")/../lib/libreswan.sh"

has_address() { # NAMESPACE: that of the group
	[[ $(ip -n "$1" -o -4 addr show dev eth0) == *" 192.0.2.1/24 "* ]]
}

lost_at_most() { # NAME SECONDS: each flow, at its rate, and three packets
	local most=$(($2 * 20 + 3))

	lost up
	between "$1: lost up" "$REPLY" 0 $most
	lost down
	between "$1: lost down" "$REPLY" 0 $most
}

moved() { # NAME NAMESPACE HOST OTHER: group and IKE are at HOST now, OTHER has nothing to do
	check "$1: the other gateway is active" wait_for 20 role "$2" vpn active
	check "$1: and has the address" wait_for 10 has_address "$2"
	flowing "$1: data goes on"
	check "$1: IKE behind it" wait_for 60 child_up "$3"
	check "$1: pluto of who was active is idle" wait_for 60 idle "$4"
	flowing "$1: data on new SAs"
	check "$1: who was active gets all SAs" wait_for 90 same_spis
	check "$1: in sync" wait_for 20 in_sync "$G1" "$G2"
}

ha_load
site
wire
pluto_host "$G1" east
pluto_host "$G2" west
host "$P" site
pluto_files east
pluto_files west
remote_files

begin
check "IKE is there without being asked" wait_for 60 child_up east
check "the standby has the SAs" wait_for 20 same_spis
check "none is missing" wait_for 10 in_sync "$G1" "$G2"
numbers
flows
flowing "data, both ways"
check "the standby's pluto is idle" idle west
no_clear "nothing in clear until then"
old=$(esp_spis "$G1" | xargs)

# No IKE reaches the remote end: data needs none.
lost up
lost down
deaf_remote
turn
cut_at=$SECONDS
crash "$G1" east
check "the standby takes over" wait_for 10 role "$G2" vpn active
check "and has the address" wait_for 10 has_address "$G2"
took=$((SECONDS - cut_at + 1))
flowing "data goes on, without IKE"
lost_at_most "a crash" $took
check_not "IKE was not heard" seen 'ike 192.0.2.9 192.0.2.1 IKE_'
hearing_remote
check "IKE behind it" wait_for 60 child_up west
flowing "data on the new SAs"
check "the old gateway's SAs are retired" wait_for 60 gone "$G2" "$old"
flowing "data after that"
no_clear "a crash: nothing in clear by either end"

# It comes back: a standby, whose pluto has nothing to do.
reborn "$G1"
rm /run/east.had
had_at east
must wait_for 20 role "$G1" vpn standby
services east start
check "who comes back gets the SAs" wait_for 60 same_spis
check "none is missing, of either" wait_for 20 in_sync "$G1" "$G2"
check "its pluto is idle" idle east

# Planned. Who gives it away says nothing to the remote end.
turn
lost up
lost down
must ha "$G1" takeover vpn
moved "planned" "$G1" east west
check_not "planned: nothing was deleted" seen 'ike 192.0.2.1 .* INFORMATIONAL .* request'
lost_at_most "planned" 3

# pluto is restarted where the group is active, and flushes all.
turn
services east restart
moved "restart" "$G2" west east
check_not "restart: nothing was deleted" seen 'ike 192.0.2.1 .* INFORMATIONAL .* request'
lost_at_most "restart" 3

must kill -9 "$(cat /run/hosts/west/run/ipsec.pid)"
flowing "data while pluto is dead"
services west start
moved "pluto died" "$G1" east west
lost_at_most "pluto died" 3
no_clear "nothing in clear, all the time"

# Nobody is there to go on: it stops, and nothing is in clear, until IKE has made new SAs.
crash "$G2" west
check "alone: solo" wait_for 20 solo "$G1" true
services east restart
check "alone: it says so" wait_for 10 grep -q "no peer can go on with them" /run/east.had
check "alone: IKE is there again" wait_for 60 child_up east
flowing "alone: data"
no_clear "alone: nothing in clear by either end"
numbers_verdict "I1: no number twice"

[ "$ktap_failed" = 0 ] || said east west site
check "the module leaves" ha_unload
ktap_finished
