#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Tool, daemon and the tests' programs for arm64, in build/arm64-tree, a copy of what git has of
# this tree: guests of kind arm64 see that in its place. They are linked to what is in the root of
# these guests (archive.sh). What did not change is not built again.

set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
out=$top/build/arm64-tree
for program in aarch64-linux-gnu-gcc qemu-system-aarch64; do
	command -v $program >/dev/null || {
		echo "arm64: no $program: apt-get install gcc-aarch64-linux-gnu qemu-system-arm" >&2
		exit 1
	}
done
root=$("$here/archive.sh" root)

mkdir -p "$out/build"
exec 9>"$top/build/arm64-tree.lock"
flock 9
git -C "$top" ls-files -co --exclude-standard -z | (cd "$top" && xargs -0 ls -d 2>/dev/null) |
	rsync -a --files-from=- "$top/" "$out/"

# The libraries of that root, as pkg-config sees them.
export PKG_CONFIG_LIBDIR=$root/usr/lib/aarch64-linux-gnu/pkgconfig:$root/usr/share/pkgconfig
export PKG_CONFIG_SYSROOT_DIR=$root
cross=(CC="aarch64-linux-gnu-gcc --sysroot=$root" XDP=)
make -s -C "$out/tools" "${cross[@]}"
make -s -C "$out/selftests/oracle" "${cross[@]}"
