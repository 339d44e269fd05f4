# SPDX-License-Identifier: GPL-2.0
"""Pictures: what all of them have in common. gnuplot draws them."""

import subprocess


def draw(path, size, script, font=13):
    """The commands of `script` as an SVG picture of these proportions."""
    head = (f'set terminal svg size {size[0]},{size[1]} dynamic background rgb "white" '
            f'font "sans,{font}"\nset output "{path}"\n')
    subprocess.run(['gnuplot'], input=head + script, text=True, check=True)
