#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Messages to a generic netlink family, made at random from its specification.

    netlink_noise.py SPEC COUNT SEED ATTRIBUTE=VALUE[,VALUE]...

A message has some of its command's attributes. Half of the messages are as the specification
wants them, with the VALUEs of the ATTRIBUTEs that have some; of the others one attribute is beyond
its bounds, of a wrong length, unknown or there twice, or the message is cut, or asks for what can't
be done. Each message must be answered, and a refusal must say why: in a sentence, or by
naming the attribute that is wrong or missing. What was neither is printed, and makes the
exit status 1. The last line tells how many were done, which command never, and how many refused.
"""

import errno
import ipaddress
import random
import socket
import struct
import sys

import yaml

NETLINK_GENERIC, SOL_NETLINK, NETLINK_CAP_ACK, NETLINK_EXT_ACK = 16, 270, 10, 11
GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME = 16, 3, 1, 2
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP, NLM_F_CAPPED, NLM_F_ACK_TLVS = 1, 4, 0x300, 0x100, 0x200
NLMSGERR_ATTR_MSG, NLMSGERR_ATTR_OFFS, NLMSGERR_ATTR_MISS_TYPE = 1, 2, 5
SIZES = {'u8': 1, 'u16': 2, 'u32': 4, 'u64': 8}
# Said by genetlink itself, of commands that do not exist or can't be done so.
UNKNOWN = {errno.EOPNOTSUPP}


def attribute(kind, value):
    raw = struct.pack('=HH', len(value) + 4, kind) + value
    return raw + b'\0' * (-len(raw) % 4)


def attributes(raw):
    while len(raw) >= 4:
        length, kind = struct.unpack_from('=HH', raw)
        if length < 4:
            return
        yield kind & 0x3fff, raw[4:length]
        raw = raw[(length + 3) & ~3:]


class Spec:
    """Commands with the attributes of their requests, and what these may be."""

    def __init__(self, path):
        with open(path, encoding='utf-8') as f:
            spec = yaml.safe_load(f)
        self.name = spec['name']
        self.consts = {d['name']: d.get('value') for d in spec['definitions']}
        self.enums = {d['name']: len(d['entries']) for d in spec['definitions']
                      if d['type'] == 'enum'}
        self.sets = {s['name']: {a['name']: (i + 1, a) for i, a in enumerate(s['attributes'])}
                     for s in spec['attribute-sets']}
        self.commands, self.names = [], {}
        for number, op in enumerate(spec['operations']['list'], 1):
            for way in ('do', 'dump'):
                if way in op:
                    wanted = op[way].get('request', {}).get('attributes', [])
                    known = self.sets[op['attribute-set']]
                    self.names[number] = op['name']
                    self.commands.append((number, way, [known[name] for name in wanted]))

    def bound(self, value):
        return self.consts.get(value, value)


class Noise:
    """Values and messages, from one seed."""

    def __init__(self, spec, seed, known):
        self.spec, self.random, self.known = spec, random.Random(seed), known

    def octets(self, n):
        return bytes(self.random.getrandbits(8) for _ in range(n))

    def number(self, what, right):
        size, checks = SIZES[what['type']], what.get('checks', {})
        order = 'big' if what.get('byte-order') == 'big-endian' else 'little'
        low = checks.get('min', 0)
        high = checks.get('max', (1 << 8 * size) - 1)
        if 'enum' in what:
            high = self.spec.enums[what['enum']] - 1
        values = [low, high, self.random.randint(low, high),
                  self.random.randint(low, min(high, low + 20))]
        if what['name'] in self.known:
            values = [int(self.random.choice(self.known[what['name']]), 0)]
        if not right:
            values = [low - 1, high + 1, (1 << 8 * size) - 1]
        return (self.random.choice(values) % (1 << 8 * size)).to_bytes(size, order)

    def right(self, what):
        kind = what['type']
        if kind in SIZES:
            return self.number(what, True)
        if kind == 'flag':
            return b''
        value = self.random.choice(self.known.get(what['name'], ['nowhere']))
        if kind == 'string':
            return value.encode() + b'\0'
        if what['name'] in self.known:
            return ipaddress.ip_address(value).packed
        octets = self.octets(self.spec.bound(what['checks']['exact-len']))
        return bytes([octets[0] & 0xfe]) + octets[1:]

    def wrong(self, what):
        value = self.right(what)
        others = [self.octets(self.random.choice((0, 1, 3, 4, 5, 8, 33, 300))), value[:-1],
                  value + b'\0', b'x' * 15 + b'\0', b'x' * 16 + b'\0', b'%s/\n\0', b'\0']
        if what['type'] in SIZES:
            others += [self.number(what, False)] * 4
        return self.random.choice(others)

    def message(self):
        """Command, flags and attributes."""
        number, way, wanted = self.random.choice(self.spec.commands)
        flags = NLM_F_REQUEST | NLM_F_ACK | (NLM_F_DUMP if way == 'dump' else 0)
        chance = self.random.choice((1, 0.6, 0.3, 0.1))
        parts = [attribute(i, self.right(what)) for n, (i, what) in enumerate(wanted)
                 if self.random.random() < (chance if n else 0.95)]
        if self.random.random() < 0.5:
            return number, flags, b''.join(parts)

        what = self.random.randrange(8)
        if what < 4 and parts:
            i, about = self.random.choice(wanted)
            parts[self.random.randrange(len(parts))] = attribute(i, self.wrong(about))
        elif what == 4:
            parts.append(attribute(self.random.randrange(1 << 16), self.octets(4)))
        elif what == 5 and parts:
            parts.append(self.random.choice(parts))
            self.random.shuffle(parts)
        elif what == 6:
            number, flags = self.random.choice((
                (number, flags ^ NLM_F_DUMP), (self.random.randrange(256), flags)))
        body = b''.join(parts)
        if what == 7:
            body = self.random.choice((body[:-4], body + struct.pack(
                '=HH', self.random.choice((0, 3, 4, 5, 0xffff)), 1)))
        return number, flags, body


class Family:
    """A socket to it."""

    def __init__(self, name):
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_GENERIC)
        self.socket.settimeout(60)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        for option in (NETLINK_CAP_ACK, NETLINK_EXT_ACK):
            self.socket.setsockopt(SOL_NETLINK, option, 1)
        self.number, self.seq = GENL_ID_CTRL, 0
        self.talk(CTRL_CMD_GETFAMILY, NLM_F_REQUEST | NLM_F_ACK,
                  attribute(CTRL_ATTR_FAMILY_NAME, name.encode() + b'\0'))
        self.number = struct.unpack('=H', dict(attributes(self.heard[4:]))[CTRL_ATTR_FAMILY_ID])[0]

    def talk(self, command, flags, body):
        """The error, 0 for none, and what goes with it."""
        self.seq += 1
        self.heard = b''
        body = struct.pack('=BBH', command, 1, 0) + body
        self.socket.send(struct.pack('=IHHII', len(body) + 16, self.number, flags, self.seq, 0)
                         + body)
        while True:
            data = self.socket.recv(1 << 18)
            while data:
                length, kind, flags, seq, _ = struct.unpack_from('=IHHII', data)
                message, data = data[16:length], data[(length + 3) & ~3:]
                if seq != self.seq:
                    continue
                if kind not in (NLMSG_ERROR, NLMSG_DONE):
                    self.heard = message
                    continue
                error = -struct.unpack_from('=i', message)[0] if len(message) >= 4 else 0
                said = message[4 if kind == NLMSG_DONE else 20:]
                return error, dict(attributes(said)) if flags & NLM_F_ACK_TLVS else {}


def main():
    spec = Spec(sys.argv[1])
    count, seed = int(sys.argv[2]), int(sys.argv[3])
    known = dict(word.split('=', 1) for word in sys.argv[4:])
    noise = Noise(spec, seed, {name: values.split(',') for name, values in known.items()})
    family = Family(spec.name)
    done, refused, mute = {}, 0, 0
    for n in range(count):
        command, flags, body = noise.message()
        error, said = family.talk(command, flags, body)
        if not error:
            done[command] = done.get(command, 0) + 1
            continue
        refused += 1
        text = said.get(NLMSGERR_ATTR_MSG, b'').rstrip(b'\0').decode()
        if text and '\n' not in text:
            continue
        if error in UNKNOWN or said.keys() & {NLMSGERR_ATTR_OFFS, NLMSGERR_ATTR_MISS_TYPE}:
            continue
        mute += 1
        print(f'message {n} of seed {seed}, command {command}: {errno.errorcode.get(error, error)}'
              f' {text!r} {body.hex()}')
    never = [name for number, name in spec.names.items() if number not in done]
    print(f'{sum(done.values())} done (never: {", ".join(never) or "none"}), '
          f'{refused} refused, {mute} of these without a word')
    return mute > 0


if __name__ == '__main__':
    sys.exit(main())
