#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Build the modules for one machine in build/<machine>, from copies of the
# sources, so that objects for different kernels never mix. What did not change
# is not built again.
#
#	[MODULE_OUT=folder] module.sh MACHINE [make argument...]

set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
machine=${1?usage: module.sh MACHINE [make argument...]}
shift

# Debian 13's headers ask for its compiler.
run=()
case $machine in
qemu-* | arm64*) run=("$here/archive.sh" run) ;;
esac
cross=()

case $machine in
qemu*)
	series=${machine#qemu}
	kdir=$("$here/debian_kernel.py" ${series:+"${series#-}"}) arch=x86_64
	;;
arm64*)
	series=${machine#arm64}
	kdir=$("$here/debian_kernel.py" ${series:+"${series#-}"} arm64) arch=arm64
	cross=(CROSS_COMPILE=aarch64-linux-gnu- CC=aarch64-linux-gnu-gcc-14)
	;;
smp-* | lean-* | watch-*) kdir=$("$here/kernel.sh" "$machine") arch=x86_64 ;;
*) kdir=$("$here/kernel.sh" "$machine") arch=um ;;
esac

out=${MODULE_OUT:-$top/build/$machine}
mkdir -p "$out"
exec 9>"$out/lock"
flock 9

dirs=()
for d in src include dkms.conf selftests/modules; do
	[ ! -e "$top/$d" ] || dirs+=("$d")
done
# Excluded files are not deleted either: these are what Kbuild makes.
(cd "$top" && rsync -aR --delete --exclude='*.o' --exclude='*.ko' \
	--exclude='*.mod' --exclude='*.mod.c' --exclude='.*.cmd' --exclude='.*.d' \
	--exclude='.tmp*' --exclude=modules.order --exclude=Module.symvers \
	--exclude=.module-common.o "${dirs[@]}" "$out/")

kbuild() {
	local dir=$1

	shift
	"${run[@]}" make -s -C "$kdir" ARCH="$arch" "${cross[@]}" M="$dir" "$@"
}

kunit=n
! grep -q '^CONFIG_KUNIT=' "$kdir/.config" || [ ! -d "$out/src/tests" ] || kunit=m
kbuild "$out/src" CONFIG_XFRM_HA=m CONFIG_XFRM_HA_KUNIT_TEST=$kunit modules "$@"
if [ -d "$out/selftests/modules" ]; then
	kbuild "$out/selftests/modules" \
		KBUILD_EXTRA_SYMBOLS="$out/src/Module.symvers" modules "$@"
fi
