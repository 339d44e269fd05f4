# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What gateways and remote end agree on: four tunnels, each with a host behind the remote end.

# shellcheck disable=SC2034  # used by both
TUNNELS="1 2 3 4"
KEY=0x$(printf '%040d' 1234567890)

spi() { # TUNNEL out|in, as the gateways see it
	if [ "$2" = out ]; then echo $((0x1000 + 16 * $1)); else echo $((0x1001 + 16 * $1)); fi
}

tunnel() { # TUNNEL: its two SAs
	ip xfrm state add src 192.0.2.1 dst 192.0.2.9 proto esp spi "$(spi "$1" out)" reqid "$1" \
		mode tunnel replay-window 128 flag esn aead 'rfc4106(gcm(aes))' "$KEY" 128
	ip xfrm state add src 192.0.2.9 dst 192.0.2.1 proto esp spi "$(spi "$1" in)" reqid "$1" \
		mode tunnel replay-window 128 flag esn aead 'rfc4106(gcm(aes))' "$KEY" 128
}
