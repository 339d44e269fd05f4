# SPDX-License-Identifier: GPL-2.0
"""Guests that measure: started, and read to their end. Those of guest.sh, and others."""

import contextlib
import json
import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, 'selftests', 'vm'))
from machine import Error, Image  # noqa: E402

HERE = os.path.join(TOP, 'selftests', 'bench')
LINE = re.compile(r'@@bench (\S+) (\{.*?\}) (\{.*?\})')
COUNTER = re.compile(r'(\w+) +(\d+)  \S')
MODULES = ['veth', 'esp4', 'tunnel4', 'xfrm_user', 'sch_netem']


@contextlib.contextmanager
def mappings(needed):
    """So many for each process of the host."""
    path = '/proc/sys/vm/max_map_count'
    with open(path, encoding='ascii') as f:
        before = int(f.read())
    if before >= needed:
        yield
        return
    try:
        with open(path, 'w', encoding='ascii') as f:
            f.write(str(needed))
    except OSError as e:
        raise Error(f'vm.max_map_count is {before}, {needed} are needed: {e}') from e
    try:
        yield
    finally:
        with open(path, 'w', encoding='ascii') as f:
            f.write(str(before))


def build():
    for where in ('selftests/bench', 'tools'):
        subprocess.run(['make', '-s', '-C', f'{TOP}/{where}'], check=True)


def counting(lab, name, seed, machine='qemu', files=None, **env):
    """A guest of the stock kernel, or another one, whose clock counts instructions. @files are put
    in, beside what it needs."""
    image = Image(programs=['/usr/sbin/ip', '/usr/sbin/tc', 'tools/xfrm-ha/xfrm-ha',
                            'selftests/bench/load', 'selftests/bench/xfrm-sync'],
                  files={'/guest.sh': 'selftests/bench/guest.sh', **(files or {})},
                  modules=MODULES)
    return lab.vm(name, machine, 'bash /guest.sh', icount=seed, image=image, append='norandmaps',
                  env=env)


def lines(vm, timeout):
    """What a guest prints, from its start to its end; raises Error when that is a bad one."""
    vm.start()
    while (line := vm.readline(timeout)) is not None:
        if line.startswith('@@bad'):
            raise Error(f'{vm.name}: {line[6:]}')
        yield line
    if status := vm.wait(60):
        raise Error(f'{vm.name}: exit status {status}\n{vm.last_words()}')


def follow(vm, timeout):
    """The guest's figures in their order: (configuration, cost, distance); and the sum of
    the counters of both gateways, where it was asked for them."""
    rows, counters = [], {}
    for line in lines(vm, timeout):
        if m := LINE.match(line):
            rows.append((m[1], json.loads(m[2]), json.loads(m[3])))
        elif m := COUNTER.match(line):
            counters[m[1]] = counters.get(m[1], 0) + int(m[2])
    return rows, counters
