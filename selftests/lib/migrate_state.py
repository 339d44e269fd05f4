#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""XFRM_MSG_MIGRATE_STATE, which moves one SA; IPv4, of a selector that takes all.

    migrate_state.py SPI SRC DST NEW-SRC NEW-DST

A refusal is printed: exit status 3 where the kernel has no such SA (ESRCH), 4 where it does not
know the request (EINVAL, also for what is wrong with it), else 1.
"""

import errno
import socket
import struct
import sys

NETLINK_XFRM, NLMSG_ERROR = 6, 2
MIGRATE_STATE = 41
REQUEST, ACK = 1, 4
STATUS = {errno.ESRCH: 3, errno.EINVAL: 4}


def address(text):
    return socket.inet_aton(text).ljust(16, b'\0')


def main(spi, src, dst, new_src, new_dst):
    # struct xfrm_usersa_id, the new addresses, old_mark, new_sel, new_reqid, flags, new_family
    body = (address(dst) + struct.pack('>I', int(spi, 0)) +
            struct.pack('=HBx', socket.AF_INET, socket.IPPROTO_ESP) +
            address(new_dst) + address(new_src) + bytes(8) +
            struct.pack('=32x4HH3B3xiI', 0, 0, 0, 0, socket.AF_INET, 0, 0, 0, 0, 0) +
            struct.pack('=IIHH', 0x1000, 0, socket.AF_INET, 0))
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_XFRM) as s:
        s.send(struct.pack('=IHHII', 16 + len(body), MIGRATE_STATE, REQUEST | ACK, 1, 0) + body)
        answer = s.recv(65536)
    if struct.unpack_from('=H', answer, 4)[0] != NLMSG_ERROR:
        sys.exit('an answer of another kind')
    err = -struct.unpack_from('=i', answer, 16)[0]
    if err:
        print(f'{src} to {dst}: errno {err}', file=sys.stderr)
        sys.exit(STATUS.get(err, 1))


main(*sys.argv[1:])
