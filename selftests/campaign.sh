#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Twenty-five scenarios of random failures, always the same ones: N1 N5 N6 N10, invariants I1 to I4.
exec "$(dirname "$0")/campaign/run" --tap -n 25 --seed 1
