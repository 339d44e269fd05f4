# SPDX-License-Identifier: GPL-2.0
"""Time limits that follow the machine.

A limit in seconds is meant for the machine that it was chosen on, with nothing else to do.
Where the same work takes twice as long, be it that the CPU is slower or that others want it,
too, the limit's seconds last twice as long. That is measured while the time passes, because
others come and go.
"""

import os
import time

REFERENCE = 0.012       # s, what WORK takes there
WORK = 1_000_000
STEP = 10               # s between two measurements


def slowness():
    """How many times as long work takes now as on the machine of reference, at least 1."""
    best = None
    for _ in range(2):
        start = time.perf_counter()
        for _ in range(WORK):
            pass
        taken = time.perf_counter() - start
        best = taken if best is None else min(best, taken)
    # Who has slept gets a CPU at once, for a moment: those who wait for one are counted, too.
    running = 0
    try:
        with open('/proc/stat', encoding='ascii') as f:
            for line in f:
                if line.startswith('procs_running '):
                    running = int(line.split()[1]) - 1
    except OSError:
        pass
    return max(1.0, best / REFERENCE, (running + 1) / len(os.sched_getaffinity(0)))


class Patience:
    """A limit of so many seconds, which begins now.

        patience = Patience(60)
        while not patience.over():
            wait at most patience.step() seconds for what is to come
    """

    def __init__(self, seconds):
        self.limit = self._left = seconds
        self._slowness = 1.0
        self._start = self._last = time.monotonic()

    def _measure(self, since):
        now = time.monotonic()
        if now - self._last > since:
            self._slowness = slowness()
            self._left -= (now - self._last) / self._slowness
            self._last = now

    def step(self):
        """How long to wait until over() is asked again."""
        self._measure(STEP)
        return max(0.0, min(STEP, self._left * self._slowness + 0.1))

    def over(self):
        self._measure(0.1)
        return self._left <= 0

    def __str__(self):
        taken = time.monotonic() - self._start
        return f'{self.limit:.0f} s' + (f', which took {taken:.0f} s'
                                        if taken > 1.2 * self.limit + 1 else '')
