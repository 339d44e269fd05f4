#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The modules build with each kernel's headers, without a warning: W=1, what modpost says, with
# the newest sparse, and the compiler that the headers ask for. "6.12 amd64" or the like in
# KERNELS are those to be tried, all that the archive has if it is "all".

. "$(dirname "$0")/lib/ktap.sh"
cd "$XFRM_HA_DIR" || exit

archive=selftests/vm/archive.sh
work=$XFRM_HA_DIR/build/builds
kernels=${KERNELS:-6.12 amd64, 7.3 amd64, 6.12 arm64, 7.3 arm64}
if [ "$kernels" = all ]; then
	kernels=$($archive series | sed 's/.*/& amd64, & arm64,/' | tr '\n' ' ') ||
		bail "no list of kernels"
fi
jobs=$(nproc)

kbuild() { # KDIR ARCH MAKE-ARGUMENT...
	local kdir=$1 cross=() c=2

	# That of 6.12 runs in style.sh, on the same files; for arm64 no file is another one.
	[[ $2 = amd64 && $kdir != */linux-headers-6.12.* ]] || c=0
	[ "$2" = amd64 ] || cross=(ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu-
		CC=aarch64-linux-gnu-gcc-14)
	shift 2
	# What Debian 13's sparse does not know: a word that 7.3 uses where the compiler has it, and
	# (below) that the length of a literal is a constant, as in MODULE_INFO().
	$archive run make -s -C "$kdir" "${cross[@]}" -j"$jobs" W=1 C="$c" \
		CF="-D__CHECK_ENDIAN__ '-D__typeof_unqual__(x)=__typeof__(x)'" "$@" modules
}

build() { # SERIES ARCH
	local kdir out=$work/$1-$2

	kdir=$($archive headers "$1" "$2") || return
	mkdir -p "$out"
	rsync -aR --delete --exclude='*.o' --exclude='*.ko' --exclude='*.mod*' --exclude='.*' \
		src include selftests/modules "$out/" || return
	{
		kbuild "$kdir" "$2" M="$out/src" CONFIG_XFRM_HA=m &&
		kbuild "$kdir" "$2" M="$out/selftests/modules" \
			KBUILD_EXTRA_SYMBOLS="$out/src/Module.symvers"
	} >"$out/log" 2>&1 || {
		tail -n 20 "$out/log" | sed 's/^/# /'
		return 1
	}
	! sed "s|$out/||" "$out/log" | grep -v 'error: bad constant expression$' |
		sed 's/^/# /' | grep . || return 1
	modinfo -F vermagic "$out/src/xfrm_ha.ko" | sed 's/^/# /'
}

$archive run true || bail "no compilers"
rm -rf "$work"
while read -r series arch; do
	[ -z "$series" ] || check "$series $arch" build "$series" "$arch"
done <<<"${kernels//,/$'\n'}"
rm -rf "$work"
ktap_finished
