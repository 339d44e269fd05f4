#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# timeout: 60
#
# The machine itself carries ESP: without the module, so that what fails
# here is not its fault.
#
#   +-------- A --------+          +-------- B --------+
#   | 10.1.0.1  veth .1 |----------| .2 veth  10.2.0.1 |
#   +-------------------+          +-------------------+
#                        192.0.2.0/24
#                    ESP tunnel .1 <-> .2

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/espnic.sh"

KEY=0x$(printf '%040d' 1234567890)

states() { # ALGORITHM...
	local ns

	for ns in "$A" "$B"; do
		must ip -n "$ns" xfrm state flush
		must ip -n "$ns" xfrm state add src 192.0.2.1 dst 192.0.2.2 \
			proto esp spi 0x1001 reqid 1 mode tunnel replay-window 32 "$@"
		must ip -n "$ns" xfrm state add src 192.0.2.2 dst 192.0.2.1 \
			proto esp spi 0x1002 reqid 1 mode tunnel replay-window 32 "$@"
	done
}

policies() { # NAMESPACE LOCAL REMOTE INNER-LOCAL INNER-REMOTE
	must ip -n "$1" xfrm policy add src "$4" dst "$5" dir out \
		tmpl src "$2" dst "$3" proto esp reqid 1 mode tunnel
	must ip -n "$1" xfrm policy add src "$5" dst "$4" dir in \
		tmpl src "$3" dst "$2" proto esp reqid 1 mode tunnel
}

ktap_plan 4
netns A B
must ip link add v netns "$A" type veth peer name v netns "$B"
must ip -n "$A" addr add 192.0.2.1/24 dev v
must ip -n "$B" addr add 192.0.2.2/24 dev v
must ip -n "$A" addr add 10.1.0.1/32 dev lo
must ip -n "$B" addr add 10.2.0.1/32 dev lo
must ip -n "$A" link set v up
must ip -n "$B" link set v up
must ip -n "$A" route add 10.2.0.1 via 192.0.2.2 src 10.1.0.1
must ip -n "$B" route add 10.1.0.1 via 192.0.2.1 src 10.2.0.1
policies "$A" 192.0.2.1 192.0.2.2 10.1.0.1 10.2.0.1
policies "$B" 192.0.2.2 192.0.2.1 10.2.0.1 10.1.0.1

states aead 'rfc4106(gcm(aes))' "$KEY" 128
check "AES-GCM" on "$A" ping -q -c 3 -i 0.05 -W 5 10.2.0.1
is "AES-GCM: packets" "$(sa_packets "$B" 0x1001)" 3
states enc 'ecb(cipher_null)' '' auth digest_null ''
check "null cipher" on "$A" ping -q -c 3 -i 0.05 -W 5 10.2.0.1
is "null cipher: packets" "$(sa_packets "$B" 0x1001)" 3
ktap_finished
