#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Command lines of xfrm-ha, made at random from its own list of commands.

    words_noise.py COUNT SEED DIRECTORY TOOL [OPTION...]

Each must end with 0, 1 or 2, and if not with 0 say so in one sentence. Key files are made
in DIRECTORY, with whatever content. Not run is what does not end by itself, or has a
forwarder take a device. What went wrong is printed, and makes the exit status 1.
"""

import os
import random
import re
import subprocess
import sys

HOSTILE = ('', '0', '1', '-1', '4294967295', '4294967296', '18446744073709551616', '0x', '0x10',
           '1e3', ' 7', '7 ', '%s%n', '../../etc', 'a' * 15, 'a' * 16, 'a' * 5000, 'é', '\t',
           '0/0', '1/', '/', '10.0.0.1', '10.0.0.256', '::', '::1', 'fe80::1%lo',
           '02:00:00:00:01:02', '02:00:00:00:01', 'gg:00:00:00:00:00', 'vpn', 'sync', 'wan', 'lo',
           'nic', 'address', 'key', 'role', 'active', 'standby', 'any', 'auto', 'off', 'all')
SENTENCE = re.compile(r'xfrm-ha: [^\n]+\n')
# What is wrong with a file has its place, as a compiler's words have.
OF_A_FILE = re.compile(r'([^\n]+?(:\d+:\d+)?: [^\n]+\n)+')
ENDLESS = (('monitor',), ('watch',), ('forwarder', 'run'))


def key_file(rand, directory):
    path = f'{directory}/key{rand.randrange(4)}'
    with open(path, 'wb') as f:
        f.write(rand.choice((b'', b'0' * 64, b'0' * 64 + b'\n', b'0' * 65, b'0' * 63, b'\0' * 64,
                             b'x' * 64, bytes(rand.getrandbits(8) for _ in range(64)),
                             b'0' * 100000)))
    os.chmod(path, rand.choice((0o600, 0o644, 0o000)))
    return path


def line(rand, commands, directory):
    head, usage = rand.choice(commands)
    words = list(head)
    for word in re.findall(r'[^][()| ]+', usage):
        if rand.random() < 0.3:
            continue
        if word == 'FILE':
            word = rand.choice((key_file(rand, directory), '/dev/null', directory,
                                f'{directory}/none/such'))
        elif not re.search('[a-z]', word) or rand.random() < 0.2:
            word = rand.choice(HOSTILE)
        words.append(word)
    if rand.random() < 0.1:
        rand.shuffle(words)
        if tuple(words[:1]) in ENDLESS or tuple(words[:2]) in ENDLESS:
            return list(head)
    return words


def main():
    count, rand, directory = int(sys.argv[1]), random.Random(int(sys.argv[2])), sys.argv[3]
    tool = [os.path.abspath(sys.argv[4]), *sys.argv[5:]]
    listed = subprocess.run([tool[0], 'commands'], check=True, capture_output=True, text=True)
    commands = []
    for entry in listed.stdout.splitlines():
        name, command, usage = entry.split('\t')
        head = tuple(word for word in (name, command) if word)
        if head not in ENDLESS:
            commands.append((head, usage))
    wrong, statuses = 0, {}
    for _ in range(count):
        words = line(rand, commands, directory)
        # keygen makes files, wherever it is.
        end = subprocess.run([*tool, *words], stdin=subprocess.DEVNULL, capture_output=True,
                             cwd=directory, timeout=120, check=False)
        statuses[end.returncode] = statuses.get(end.returncode, 0) + 1
        said = end.stderr.decode(errors='replace')
        sentence = SENTENCE.fullmatch(said.replace('\\n', ''))
        if words[:1] in (['check'], ['apply']):
            sentence = sentence or OF_A_FILE.fullmatch(said.replace('\\n', ''))
        if end.returncode in (0, 1, 2) and (end.returncode == 0 or sentence):
            continue
        wrong += 1
        print(f'{end.returncode}: {words!r}: {said[:2000]!r}')
    print(', '.join(f'{n} ended with {status}' for status, n in sorted(statuses.items())))
    return wrong > 0


if __name__ == '__main__':
    sys.exit(main())
