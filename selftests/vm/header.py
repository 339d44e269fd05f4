# SPDX-License-Identifier: GPL-2.0
"""What a test says of itself at its beginning, in lines "# KEY: WORD...".

    machines    where it can run; everywhere, if not said
    tap         any: it makes no difference which one there is; ftrace: it is about that one
    timeout     its limit, s
    memory      of its guest, MiB, where that of its machine is not enough
    part        measurement, libreswan: the whole check leaves it out
"""

import os
import re

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LINES = 30


def words(test, key):
    """The words of that key, [] if it is not there. TEST: a path below TOP."""
    with open(f'{TOP}/{test}', encoding='utf-8', errors='replace') as f:
        for _, line in zip(range(LINES), f):
            m = re.match(rf'# {key}: *(.*)', line)
            if m:
                return m[1].split()
    return []
