# SPDX-License-Identifier: GPL-2.0
"""Reads the (K)TAP that tests print, and counts.

Nested results are counted once, at the leaves: a result that closes a
subtest only says again what the lines above it said.
"""

import re

RESULT = re.compile(r'^(?P<indent>\s*)(?P<not>not )?ok\b\s*(?P<number>\d+)?\s*-?\s*(?P<name>[^#]*)'
                    r'(?:#\s*(?P<directive>\S*)\s*(?P<reason>.*))?$')
PLAN = re.compile(r'^(?P<indent>\s*)1\.\.(?P<count>\d+)(?:\s*#\s*SKIP\s*(?P<reason>.*))?',
                  re.I)


class Tally:
    """Passed, failed, skipped; `problems` and `skips` say which."""

    def __init__(self):
        self.passed = 0
        self.problems = []
        self.skips = []

    def add(self, other):
        self.passed += other.passed
        self.problems += other.problems
        self.skips += other.skips

    def fail(self, what):
        self.problems.append(what)

    def skip(self, what, reason):
        self.skips.append((what, reason))

    def __str__(self):
        text = f'{self.passed} passed, {len(self.problems)} failed'
        return text + (f', {len(self.skips)} skipped' if self.skips else '')


class Parser:
    """The output of one test; feed() it lines, then finish() with its status."""

    SKIP = 4                            # kselftest's exit status

    def __init__(self, name):
        self.name = name
        self.tally = Tally()
        self._below = {}                # indent: (results, failed ones) since the last above
        self._plan = None
        self._top = 0

    def feed(self, line):
        m = PLAN.match(line)
        if m and not m['indent']:
            self._plan = int(m['count'])
            if not self._plan:
                self.tally.skip(self.name, m['reason'] or 'no reason given')
            return
        m = RESULT.match(line)
        if not m:
            return
        depth = len(m['indent'])
        deeper = [d for d in self._below if d > depth]
        results = sum(self._below[d][0] for d in deeper)
        failures = sum(self._below[d][1] for d in deeper)
        for d in deeper:
            del self._below[d]
        here = self._below.get(depth, (0, 0))
        failed = bool(m['not']) and (m['directive'] or '').upper() not in ('SKIP', 'XFAIL', 'TODO')
        self._below[depth] = (here[0] + 1, here[1] + failed)
        if not depth:
            self._top += 1
        if results and not (failed and not failures):
            return
        what = f'{self.name}: {m["name"].strip() or m["number"]}'
        if failed:
            self.tally.fail(what)
        elif (m['directive'] or '').upper() == 'SKIP':
            self.tally.skip(what, m['reason'] or 'no reason given')
        else:
            self.tally.passed += 1

    def finish(self, status):
        """What the exit status says beyond the lines, as `not ok` texts."""
        said = self.tally
        if status == self.SKIP:
            if not said.skips:
                said.skip(self.name, 'no reason given')
        elif status and not said.problems:
            said.fail(f'{self.name}: exit status {status}')
        elif not status and self._plan is not None and self._top != self._plan:
            said.fail(f'{self.name}: planned {self._plan} results, gave {self._top}')
        elif not status and not said.passed and not said.problems and not said.skips:
            said.passed += 1
        return said
