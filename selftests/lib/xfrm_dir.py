#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""SAs with a direction (XFRMA_SA_DIR), which older iproute2 can't say.

    xfrm_dir.py add SRC DST SPI in|out      an ESN SA, IPv4, tunnel mode
    xfrm_dir.py again DST SPI               deletes it, and adds it as the kernel tells of it

A refusal is printed; exit status 1.
"""

import socket
import struct
import sys

NETLINK_XFRM = 6
NEWSA, DELSA, GETSA = 16, 17, 18
AEAD, ESN, DIR = 18, 23, 33
REQUEST, ACK = 1, 4
KEY = bytes.fromhex(f'{1234567890:040d}')
WINDOW = 128
INFO = 224              # octets of struct xfrm_usersa_info
FLAG_ESN = 128


class Refused(Exception):
    """By the kernel."""


def attr(kind, data):
    return struct.pack('=HH', 4 + len(data), kind) + data + bytes(-len(data) % 4)


def address(text):
    return socket.inet_aton(text).ljust(16, b'\0')


def talk(kind, body, flags):
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_XFRM) as s:
        s.send(struct.pack('=IHHII', 16 + len(body), kind, flags, 1, 0) + body)
        answer = s.recv(65536)
    if struct.unpack_from('=H', answer, 4)[0] == 2:     # NLMSG_ERROR
        err = struct.unpack_from('=i', answer, 16)[0]
        if err:
            raise Refused(f'errno {-err}')
    return answer[16:]


def add(src, dst, spi, direction):
    out = direction == 'out'
    forever = b'\xff' * 32 + bytes(32)
    info = (bytes(56) + address(dst) + struct.pack('>IB3x', int(spi, 0), socket.IPPROTO_ESP) +
            address(src) + forever + bytes(32) + bytes(12) +
            struct.pack('=IIHBBB7x', 0, 1, socket.AF_INET, 1, 0, FLAG_ESN))
    words = 0 if out else WINDOW // 32
    aead = b'rfc4106(gcm(aes))'.ljust(64, b'\0') + struct.pack('=II', len(KEY) * 8, 128) + KEY
    esn = struct.pack('=6I', words, 0, 0, 0, 0, 0 if out else WINDOW) + bytes(4 * words)
    talk(NEWSA, info + attr(AEAD, aead) + attr(ESN, esn) + attr(DIR, bytes([2 if out else 1])),
         REQUEST | ACK)


def again(dst, spi):
    which = address(dst) + struct.pack('>IHBx', int(spi, 0), 0, socket.IPPROTO_ESP)
    which = which[:20] + struct.pack('=HBx', socket.AF_INET, socket.IPPROTO_ESP)
    told = talk(GETSA, which, REQUEST)
    kept, rest = b'', told[INFO:]
    while len(rest) >= 4:
        size, kind = struct.unpack_from('=HH', rest)
        if kind in (AEAD, ESN, DIR):
            kept += attr(kind, rest[4:size])
        rest = rest[(size + 3) & ~3:]
    talk(DELSA, which, REQUEST | ACK)
    talk(NEWSA, told[:INFO] + kept, REQUEST | ACK)


try:
    {'add': add, 'again': again}[sys.argv[1]](*sys.argv[2:])
except Refused as e:
    sys.exit(f'refused: {e}')
