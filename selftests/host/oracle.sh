#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The wire oracle is tested on captures with planted faults.

. "$(dirname "$0")/../lib/ktap.sh"

make -s -C "$XFRM_HA_DIR/selftests/oracle" || bail "the oracle can't be built"
dir=$(mktemp -d)
at_exit rm -rf "$dir"

# Packets as words: SENDER:NUMBER[:CONTENT]; "udp", "v6" and "vlan" change what follows.
capture() { # WORD... > FILE
	python3 - "$@" <<'PY'
import struct
import sys

out = struct.pack('<IHHIIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1)
udp = v6 = vlan = False
for i, word in enumerate(sys.argv[1:]):
    if word in ('udp', 'v6', 'vlan'):
        udp, v6, vlan = udp or word == 'udp', v6 or word == 'v6', vlan or word == 'vlan'
        continue
    sender, number, content = (word.split(':') + ['x'])[:3]
    p = struct.pack('>II', 0x1001, int(number) & 0xffffffff) + content.encode() * 20
    if udp:
        p = struct.pack('>HHHH', 4500, 4500, len(p) + 8, 0) + p
    proto = 17 if udp else 50
    if v6:
        p = struct.pack('>IHBB', 6 << 28, len(p), proto, 64) + bytes(16) + b'\x20' * 16 + p
    else:
        p = struct.pack('>BBHIBBH4s4s', 0x45, 0, len(p) + 20, 0, 64, proto, 0,
                        b'\xc0\0\2\1', b'\xc0\0\2\x09') + p
    tag = struct.pack('>HH', 0x8100, 5) if vlan else b''
    p = bytes(11) + bytes([int(sender)]) + tag + (b'\x86\xdd' if v6 else b'\x08\0') + p
    out += struct.pack('<IIII', i, 0, len(p), len(p)) + p
sys.stdout.buffer.write(out)
PY
}

judges() { # STATUS NAME WORD...
	local wanted=$1 name=$2 got

	shift 2
	capture "$@" > "$dir/pcap"
	"$XFRM_HA_DIR/selftests/oracle/wire-oracle" -r "$dir/pcap" > "$dir/out"
	got=$?
	sed 's/^/# /' "$dir/out"
	is "$name" $got "$wanted"
}

judges 0 "numbers that go up" 1:1 1:2 1:3
judges 0 "another sender that starts above" 1:1 1:2 2:1000 2:1001
check "reports the gap" grep -q 'largest-gap 997 after 2' "$dir/out"
judges 0 "a copy on the way" 1:1 1:2 1:2 1:3
judges 0 "reordering" 1:1 1:3 1:2
judges 1 "a number twice with other content" 1:1 1:2 1:2:y
check "names SPI and number" grep -q 'REUSED spi 00001001 number 2' "$dir/out"
judges 1 "a number from two senders" 1:1 1:2 2:2
judges 1 "two that overlap" 1:5 1:6 1:7 2:6 2:7 2:8
judges 0 "the upper half" 1:4294967295 1:4294967296 1:4294967297
judges 1 "UDP encapsulation" udp 1:1 2:1
judges 1 "IPv6" v6 1:1 2:1
judges 1 "VLAN" vlan 1:1 2:1
head -c 100 "$dir/pcap" > "$dir/cut"
check_not "a capture that was cut can't be judged clean" \
	"$XFRM_HA_DIR/selftests/oracle/wire-oracle" -r "$dir/cut"
ktap_finished
