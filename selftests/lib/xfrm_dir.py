#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""SAs with a direction (XFRMA_SA_DIR), and what only these may have: a CPU of their own (RFC 9611),
IP-TFS (RFC 9347). Older iproute2 can't say it.

    xfrm_dir.py add SRC DST SPI in|out [reqid N] [cpu N] [iptfs yes]
                                            an ESN SA, IPv4, tunnel mode if nothing else is said
    xfrm_dir.py again DST SPI               deletes it, and adds it as the kernel tells of it
    xfrm_dir.py show DST SPI                "dir D cpu N mode M", as the kernel tells
    xfrm_dir.py policy in|out SRC DST TUNNEL-SRC TUNNEL-DST REQID
                                            of one host each, with IP-TFS

A refusal is printed: exit status 4 where the kernel does not know the request (EINVAL, also for
what is wrong with it), else 1.
"""

import errno
import socket
import struct
import sys

NETLINK_XFRM = 6
NEWSA, DELSA, GETSA, NEWPOLICY = 16, 17, 18, 19
TMPL, AEAD, ESN, DIR, CPU = 5, 18, 23, 33, 35
IPTFS = range(36, 42)   # what its options are
TUNNEL, MODE_IPTFS = 1, 5
REQUEST, ACK = 1, 4
KEY = bytes.fromhex(f'{1234567890:040d}')
WINDOW = 128
INFO = 224              # octets of struct xfrm_usersa_info
FLAG_ESN = 128


class Refused(Exception):
    """By the kernel, for this reason."""

    def __init__(self, err):
        super().__init__(f'errno {err}')
        self.status = 4 if err == errno.EINVAL else 1


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
            raise Refused(-err)
    return answer[16:]


def add(src, dst, spi, direction, *words):
    out = direction == 'out'
    option = dict(zip(words[::2], words[1::2]))
    mode = MODE_IPTFS if 'iptfs' in option else TUNNEL
    forever = b'\xff' * 32 + bytes(32)
    info = (bytes(56) + address(dst) + struct.pack('>IB3x', int(spi, 0), socket.IPPROTO_ESP) +
            address(src) + forever + bytes(32) + bytes(12) +
            struct.pack('=IIHBBB7x', 0, int(option.get('reqid', '1'), 0), socket.AF_INET, mode, 0,
                        FLAG_ESN))
    words = 0 if out else WINDOW // 32
    aead = b'rfc4106(gcm(aes))'.ljust(64, b'\0') + struct.pack('=II', len(KEY) * 8, 128) + KEY
    esn = struct.pack('=6I', words, 0, 0, 0, 0, 0 if out else WINDOW) + bytes(4 * words)
    attrs = attr(AEAD, aead) + attr(ESN, esn) + attr(DIR, bytes([2 if out else 1]))
    if 'cpu' in option:
        attrs += attr(CPU, struct.pack('=I', int(option['cpu'])))
    talk(NEWSA, info + attrs, REQUEST | ACK)


def ask(dst, spi):
    """What names it, and what the kernel tells of it: the head, (kind, value) of each attribute."""
    which = address(dst) + struct.pack('>I', int(spi, 0))
    which += struct.pack('=HBx', socket.AF_INET, socket.IPPROTO_ESP)
    told = talk(GETSA, which, REQUEST)
    attrs, rest = [], told[INFO:]
    while len(rest) >= 4:
        size, kind = struct.unpack_from('=HH', rest)
        attrs.append((kind, rest[4:size]))
        rest = rest[(size + 3) & ~3:]
    return which, told[:INFO], attrs


def again(dst, spi):
    which, info, attrs = ask(dst, spi)
    kept = b''.join(attr(kind, value) for kind, value in attrs
                    if kind in (AEAD, ESN, DIR, CPU, *IPTFS))
    talk(DELSA, which, REQUEST | ACK)
    talk(NEWSA, info + kept, REQUEST | ACK)


def show(dst, spi):
    _, info, attrs = ask(dst, spi)
    had = dict(attrs)
    cpu = struct.unpack('=I', had[CPU])[0] if CPU in had else 'any'
    print('dir', {b'\1': 'in', b'\2': 'out'}.get(had.get(DIR), '-'), 'cpu', cpu, 'mode', info[214])


def policy(direction, src, dst, tunnel_src, tunnel_dst, reqid):
    sel = (address(dst) + address(src) + bytes(8) +
           struct.pack('=HBB', socket.AF_INET, 32, 32) + bytes(12))
    info = (sel + b'\xff' * 32 + bytes(32) + bytes(32) +
            struct.pack('=II4B4x', 0, 0, {'in': 0, 'out': 1}[direction], 0, 0, 0))
    tmpl = (address(tunnel_dst) + struct.pack('>IB3x', 0, socket.IPPROTO_ESP) +
            struct.pack('=H2x', socket.AF_INET) + address(tunnel_src) +
            struct.pack('=IBBBx3I', int(reqid, 0), MODE_IPTFS, 0, 0, *3 * (0xffffffff,)))
    talk(NEWPOLICY, info + attr(TMPL, tmpl), REQUEST | ACK)


try:
    {'add': add, 'again': again, 'show': show, 'policy': policy}[sys.argv[1]](*sys.argv[2:])
except Refused as e:
    print(f'refused: {e}', file=sys.stderr)
    sys.exit(e.status)
