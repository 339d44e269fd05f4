#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What rtnetlink says of an engine device or its NIC, and how it sets it up: ip knows the kind only.

rtlink.py show DEV                       {"kind": ..., "period": ...}, as in the YAML specification
rtlink.py add DEV [ATTRIBUTE VALUE]...   an engine device
rtlink.py set DEV [ATTRIBUTE VALUE]...   one that there is
rtlink.py nic DEV [ATTRIBUTE VALUE]...   a NIC of one

Exit status 1: refused, with the kernel's sentence.
"""

import json
import os
import re
import socket
import struct
import sys

KIND = b"xfrm_engine"
NEWLINK, GETLINK, ERROR = 16, 18, 2
LINKINFO, IFNAME = 18, 3
INFO_KIND, INFO_DATA, SLAVE_KIND, SLAVE_DATA = 1, 2, 4, 5
REQUEST, ACK, EXCL, CREATE = 1, 4, 0x200, 0x400


def attributes(name):
    """Of a set in the specification: [(name, type)], from 1 on."""
    top = os.environ["XFRM_HA_DIR"]
    with open(f"{top}/docs/netlink/specs/xfrm_ha.yaml", encoding="ascii") as f:
        sets = f.read().split("attribute-sets:", 1)[1].split("\noperations:", 1)[0]
    body = re.search(rf"\n    name: {name}\n(.*?)(?:\n  -\n|\Z)", sets, re.S).group(1)
    return re.findall(r"\n      - name: (\S+)\n +type: (\S+)", body)


def pack(kind, value):
    body = struct.pack("=HH", len(value) + 4, kind) + value
    return body + bytes(-len(body) % 4)


def unpack(data):
    found = {}
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        found[kind & 0x3FFF] = data[4:length]
        data = data[(length + 3) & ~3:]
    return found


def read(data, name):
    known = attributes(name)
    result = {}
    for kind, value in unpack(data).items():
        key, form = known[kind - 1]
        if form in ("string", "binary"):
            result[key] = value.rstrip(b"\0").decode()
        else:
            result[key] = int.from_bytes(value, sys.byteorder)
    return result


def written(words, name):
    known = attributes(name)
    names = [key for key, _ in known]
    body = b""
    for key, value in zip(words[::2], words[1::2]):
        i = names.index(key)
        form = known[i][1]
        size = {"u8": 1, "u32": 4, "u64": 8}.get(form)
        raw = int(value, 0).to_bytes(size, sys.byteorder) if size else value.encode() + b"\0"
        body += pack(i + 1, raw)
    return body


def talk(kind, flags, body):
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
    s.setsockopt(270, 11, 1)    # NETLINK_EXT_ACK
    s.send(struct.pack("=IHHII", 16 + len(body), kind, REQUEST | flags, 1, 0) + body)
    answer = s.recv(65536)
    length, got, flags = struct.unpack_from("=IHH", answer)
    if got != ERROR:
        return answer[16:length]
    err = struct.unpack_from("=i", answer, 16)[0]
    if err:
        # The request is repeated, unless NLM_F_CAPPED.
        start = 20 + (16 if flags & 0x100 else (struct.unpack_from("=I", answer, 20)[0] + 3) & ~3)
        why = unpack(answer[start:length]).get(1, b"").rstrip(b"\0").decode()
        sys.exit(f"{os.strerror(-err)}: {why}")
    return b""


def main(command, dev, *words):
    head = struct.pack("=BBHiII", 0, 0, 0, 0, 0, 0) + pack(IFNAME, dev.encode() + b"\0")
    if command == "show":
        answer = talk(GETLINK, 0, head)
        info = unpack(unpack(answer[16:]).get(LINKINFO, b""))
        result = {}
        if info.get(INFO_KIND, b"").rstrip(b"\0") == KIND:
            result = {"kind": KIND.decode()} | read(info.get(INFO_DATA, b""), "engine")
        elif info.get(SLAVE_KIND, b"").rstrip(b"\0") == KIND:
            result = {"slave-kind": KIND.decode()} | read(info.get(SLAVE_DATA, b""), "nic")
        print(json.dumps(result))
    elif command == "nic":
        info = pack(SLAVE_KIND, KIND) + pack(SLAVE_DATA, written(words, "nic"))
        talk(NEWLINK, ACK, head + pack(LINKINFO, info))
    else:
        info = pack(INFO_KIND, KIND) + pack(INFO_DATA, written(words, "engine"))
        talk(NEWLINK, ACK | (CREATE | EXCL if command == "add" else 0),
             head + pack(LINKINFO, info))


main(*sys.argv[1:])
