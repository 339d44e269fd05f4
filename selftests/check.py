#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Everything that can be tested without a second computer.

    [KERNEL=SERIES] selftests/check.py [--quick] [--serial] [PART...]

Parts: style, builds, intree, host, campaign, own, uml, uml-san, qemu, aevent, newest, smp, smp-san,
smp-kcsan, libreswan.
--quick is host and uml. The whole is the others up to smp: there the tests of plain UML run with
sanitizers, but for those that are for nothing else (own): of the daemon, and with the daemons that
people run. aevent is qemu's tests of the module once more, over
the other tap. newest is a choice of qemu's, on Debian's newest kernel that is known to work, which
is fetched. smp is a choice of smp-san's: those in which two CPUs have most to do with each
other. smp-san and smp-kcsan are all of them. libreswan is the tests with that daemon, which takes
a minute of CPU, and is fetched first. Several parts run at a time, and some are split
(uml-1 to uml-8, qemu-1, qemu-2 ...): the tests wait more than they compute. A part's full output
is build/check/PART.tap. With KERNEL=7.3 or the like machines run that kernel: uml and qemu, or
those that are named.

The last line is "N passed, N failed[, N skipped]".
"""

import argparse
import collections
import concurrent.futures
import glob
import os
import re
import signal
import subprocess
import sys
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, f'{TOP}/selftests/vm')

import header       # noqa: E402
import machine      # noqa: E402
import tap          # noqa: E402
from patience import Patience   # noqa: E402

OUT = f'{TOP}/build/check'
SUMMARY = re.compile(r'(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$')
HOST_TIMEOUT = 1200     # s

# The parts, those that take long first, and how many run at the same time.
QUICK = ('host', *(f'uml-{i}' for i in range(1, 9))), 9
FULL = ('qemu-1', 'qemu-2', 'uml-san-1', 'uml-san-2', 'aevent-1', 'aevent-2', 'host', 'smp',
        'own', 'campaign', 'style', 'newest', 'intree'), 4
SMP = ('delay',)
NEWEST, SERIES = ('takeover', 'migrate-state'), '7.3'
SPLIT = re.compile(r'(uml|uml-san|qemu|aevent)-\d+$')

# Short tests share a guest, up to this sum of their time limits. It takes long to boot, but for
# plain UML.
SHARED, SHARED_UML = 2400, 800      # s

# A failure's words: what is printed of it at the end, where often nothing else is kept.
FAILURE = re.compile(r' *not ok ')
DETAIL = re.compile(r'#?  ')
FRAME = re.compile(r'(?!.*\] +\? ).*\w\+0x[0-9a-f]+/0x')
BEFORE, DETAILS = 3, 80             # lines that are kept
FAILURES, SHOWN = 4, 15             # and shown of each of so many


def tests_in(*folders):
    return [os.path.relpath(t, TOP) for folder in folders
            for t in sorted(glob.glob(f'{TOP}/selftests/{folder}/*.sh'))]


def tests_of_the_module():
    """Those that load it, unless they say that it makes no difference which tap there is, or that
    they are about the other one."""
    for test in tests_in('net'):
        with open(f'{TOP}/{test}', encoding='utf-8') as f:
            loads = re.search(r'^ha_load$', f.read(), re.MULTILINE)
        if loads and header.words(test, 'tap') not in (['any'], ['ftrace']):
            yield test


def tests_of_guests(kind):
    """Lists of tests, one for each guest of a part that is split, the longest tests first, as far
    as their time limits tell."""
    name = 'qemu' if kind == 'aevent' else kind
    tests = tests_of_the_module() if kind == 'aevent' else tests_in('unit', 'net')
    limits = {t: int(header.words(t, 'timeout')[0]) for t in tests
              if name in (header.words(t, 'machines') or machine.MACHINES) and
              t not in tests_of_libreswan()}
    most = SHARED_UML if kind == 'uml' else SHARED
    total, shared = 0, []
    for test in sorted(limits, key=limits.get, reverse=True):
        if shared and total + limits[test] > most:
            yield shared
            total, shared = 0, []
        total += limits[test]
        shared.append(test)
    yield shared


def tests_of_uml():
    """Those that no other machine runs, but those of parts of their own."""
    for test in tests_in('net'):
        if header.words(test, 'machines') == ['uml'] and not header.words(test, 'part'):
            yield test


def newest():
    """The machine with the newest kernel that is known to work, while Debian's archive has it."""
    series = subprocess.run([f'{TOP}/selftests/vm/archive.sh', 'series'], check=True, text=True,
                            stdout=subprocess.PIPE).stdout.split()
    if not series:
        raise machine.Error('the archive has no kernels')
    return f'qemu-{SERIES if SERIES in series else series[-1]}'


def tests_of_libreswan():
    return [t for t in tests_in('net') if header.words(t, 'part') == ['libreswan']]


class Words:
    """What a part said around its failures. Of a kernel's last words: what and where."""

    def __init__(self):
        self._before = collections.deque(maxlen=BEFORE)
        self._about = None      # the failure that details may follow
        self.failures = []      # lists of lines

    def feed(self, line):
        if FAILURE.match(line):
            self._about = [*self._before, line]
            self.failures.append(self._about)
            self._before.clear()
        elif self._about and len(self._about) < DETAILS and DETAIL.match(line):
            self._about.append(line)
        else:
            self._about = None
            self._before.append(line)

    @staticmethod
    def brief(lines):
        if any(FRAME.match(line) for line in lines):
            lines = [line for line in lines if FAILURE.match(line) or FRAME.match(line) or
                     machine.TROUBLE.search(line)]
        return [line[:110] for line in lines[:SHOWN]]


class Part:
    """One part: its commands, its log, its count."""

    lock = threading.Lock()
    shared = {}     # of parts that are split: lists of tests that nobody has begun

    def __init__(self, name, env):
        self.name, self.env = name, env
        self.tally = tap.Tally()
        self.unstable = []
        self.words = Words()
        self.log = f'{OUT}/{name}.tap'
        self.seconds = 0.0

    def say(self, text):
        with Part.lock:
            print(f'{self.name + ":":<9} {text}', flush=True)

    def run(self):
        start = time.monotonic()
        with open(self.log, 'w', encoding='utf-8') as log:
            if machine.kind(self.name) in machine.MACHINES:
                self.guest(log, ['--machine', self.name])
            elif m := SPLIT.match(self.name):
                while tests := self.next(m[1]):
                    self.guest(log, [*self.where(m[1]), '--no-build', *tests])
            elif self.name == 'smp':
                self.guest(log, ['--machine', 'smp-san',
                                 *(f'selftests/net/{name}.sh' for name in SMP)])
            elif self.name == 'newest':
                self.guest(log, ['--machine', newest(),
                                 *(f'selftests/net/{name}.sh' for name in NEWEST)])
            elif self.name == 'aevent':
                self.guest(log, [*self.where('aevent'), *tests_of_the_module()])
            elif self.name == 'own':
                self.guest(log, ['--machine', 'uml', *tests_of_uml()])
            elif self.name == 'libreswan':
                subprocess.run(['selftests/vm/libreswan.sh'], cwd=TOP, check=True, stdout=log)
                self.guest(log, ['--machine', 'uml', *tests_of_libreswan()])
            elif self.name == 'host':
                for t in tests_in('host'):
                    self.script(log, t)
            else:
                self.script(log, f'selftests/{self.name}.sh')
        self.seconds = time.monotonic() - start
        self.say(f'{self.tally}, {self.seconds:.0f} s')

    @staticmethod
    def where(kind):
        if kind == 'aevent':
            return ['--machine', 'qemu', '--env', 'XFRM_HA_TAP=aevent']
        return ['--machine', kind]

    @staticmethod
    def next(kind):
        with Part.lock:
            return Part.shared[kind].pop(0) if Part.shared[kind] else None

    def spawn(self, argv):
        return subprocess.Popen(argv, cwd=TOP, env=self.env, text=True, errors='replace',
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT)

    def guest(self, log, args):
        before = len(self.tally.problems)
        with self.spawn(['selftests/vm/run', '--again', *args]) as p:
            last = ''
            for line in p.stdout:
                log.write(line)
                log.flush()
                line = line.rstrip('\n')
                if line.startswith('# '):
                    self.words.feed(line[2:])
                if re.match(r'(not )?ok ', line):
                    self.say(line)
                elif line.startswith('# failed: '):
                    self.tally.fail(f'{self.name}: {line[10:]}')
                elif line.startswith('# unstable: '):
                    self.unstable.append(f'{self.name}: {line[12:]}')
                elif line.startswith('# skipped: '):
                    self.tally.skip(f'{self.name}: {line[11:]}', '')
                last = line or last
        m = SUMMARY.match(last)
        if m:
            self.tally.passed += int(m[1])
        if not m or int(m[2]) != len(self.tally.problems) - before:
            self.tally.fail(f'{self.name}: the runner broke off: {last}')

    @staticmethod
    def guard(process):
        """Has timeout(1) end its command when the limit is over."""
        patience = Patience(HOST_TIMEOUT)
        while not patience.over():
            try:
                process.wait(patience.step())
                return
            except subprocess.TimeoutExpired:
                pass
        process.send_signal(signal.SIGALRM)

    def script(self, log, path):
        parser = tap.Parser(path)
        log.write(f'# {path}\n')
        argv = ['timeout', '-k', '5', '1d', f'./{path}']
        if not os.access(f'{TOP}/{path}', os.X_OK):
            argv[-1:] = ['bash', path]
        with self.spawn(argv) as p:
            threading.Thread(target=self.guard, args=(p,), daemon=True).start()
            for line in p.stdout:
                log.write(line)
                log.flush()
                parser.feed(line.rstrip('\n'))
                self.words.feed(line.rstrip('\n'))
        tally = parser.finish(p.returncode)
        if self.env.get('CI') == 'true':
            for what, reason in tally.skips:
                tally.fail(f'{what}: skipped in CI: {reason}')
            tally.skips = []
        self.tally.add(tally)
        self.say(f'{"not ok" if tally.problems else "ok"} {path}: {tally}')


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--quick', action='store_true')
    p.add_argument('--serial', action='store_true', help='one part at a time')
    p.add_argument('parts', nargs='*', metavar='PART')
    args = p.parse_args()

    os.makedirs(OUT, exist_ok=True)
    names, lanes = QUICK if args.quick else FULL
    if args.parts:
        names, lanes = args.parts, 1
    elif args.serial:
        lanes = 1
    series = os.environ.get('KERNEL')
    if series:
        names = [f'{name}-{series}' for name in args.parts or ('uml', 'qemu')]
        for name in names:
            if machine.kind(name) not in machine.MACHINES or not machine.series(name):
                p.error(f'KERNEL={series}: {name} is no machine')
    env = dict(os.environ, XFRM_HA_QUICK='1' if args.quick else '')
    # Guests of User-Mode Linux are spread over the CPUs by this.
    parts = [Part(name, dict(env, XFRM_HA_LANE=str(i))) for i, name in enumerate(names)]
    split = {m[1] for m in map(SPLIT.match, names) if m}
    Part.shared = {kind: list(tests_of_guests(kind)) for kind in split}

    # Kernels and modules first: a long silence later would look like a hang.
    wanted = set(names) | split
    if wanted & {'style', 'intree', 'host', 'campaign', 'own', 'libreswan'}:
        wanted.add('uml')
    if 'aevent' in wanted:
        wanted.add('qemu')
    if 'smp' in wanted:
        wanted.add('smp-san')
    if 'newest' in wanted:
        wanted.add(newest())
    for name in sorted(wanted):
        if machine.kind(name) in machine.MACHINES:
            machine.prepare(name)
    for kind in sorted({'qemu' if kind == 'aevent' else kind for kind in split}):
        machine.build_module(kind)

    with concurrent.futures.ThreadPoolExecutor(lanes) as pool:
        list(pool.map(Part.run, parts))

    total = tap.Tally()
    for part in parts:
        total.add(part.tally)
    for part in parts:
        for what in part.unstable:
            print(f'unstable: {what}: it passed when the test was run again')
    for what, reason in total.skips:
        print(f'skipped:  {what}{": " + reason if reason else ""}')
    for what in total.problems:
        print(f'failed:   {what}')
    failures = [lines for part in parts for lines in part.words.failures]
    for lines in failures[:FAILURES] if total.problems else ():
        print('\n'.join(Words.brief(lines)))
    if total.problems:
        print(f'The whole output is in {os.path.relpath(OUT)}/*.tap.')
    print(total)
    return 1 if total.problems else 0


if __name__ == '__main__':
    try:
        sys.exit(main())
    except (machine.Error, subprocess.CalledProcessError) as e:
        sys.exit(f'check: {e}\n0 passed, 1 failed')
