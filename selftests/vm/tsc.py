# SPDX-License-Identifier: GPL-2.0
"""The rate of this host's time stamp counter, which is that of a guest under TCG.

A guest measures it against its timers while it boots. On a host under load these come
late: a clock was seen that ran twenty times as fast as it should, and every time limit
in the guest was over at once. So the guest is told.
"""

import ctypes
import functools
import mmap
import platform
import time

RDTSC = bytes.fromhex('0f31' '48c1e220' '4809d0' 'c3')     # rdtsc; edx:eax in rax; ret


def _reading(counter):
    """(ns, ticks), from the reading that was disturbed least."""
    best = None
    for _ in range(50):
        before, ticks, after = time.monotonic_ns(), counter(), time.monotonic_ns()
        if best is None or after - before < best[0]:
            best = after - before, (before + after) / 2, ticks
    return best[1:]


@functools.cache
def khz():
    """The rate, or None where it can't be had."""
    if platform.machine() != 'x86_64':
        return None
    with mmap.mmap(-1, mmap.PAGESIZE,
                   prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC) as page:
        page.write(RDTSC)
        pointer = ctypes.c_char.from_buffer(page)
        counter = ctypes.CFUNCTYPE(ctypes.c_uint64)(ctypes.addressof(pointer))
        first = _reading(counter)
        time.sleep(0.05)
        second = _reading(counter)
        del counter, pointer
    return round((second[1] - first[1]) / (second[0] - first[0]) * 1e6)


if __name__ == '__main__':
    print(khz())
