# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The SAs of the rolling upgrade, the same on the gateways and on the remote end. To be sourced.

KEY=0x$(printf '%040d' 1234567890)

for sa in "192.0.2.1 192.0.2.9 0x1001" "192.0.2.9 192.0.2.1 0x1002"; do
	read -r src dst spi <<<"$sa"
	ip xfrm state add src "$src" dst "$dst" proto esp spi "$spi" reqid 1 mode tunnel \
		replay-window 128 flag esn aead 'rfc4106(gcm(aes))' "$KEY" 128
done
