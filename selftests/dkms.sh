#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: dkms
#
# N9: DKMS builds the module for each kernel whose headers the archive has ("6.12 7.3" or the like
# in KERNELS: for these), with the release of dkms that is installed here, and leaves alone those
# below the floor. Its tree is in build/; what it keeps in /var/lib/dkms is in memory.

. "$(dirname "$0")/lib/ktap.sh"
cd "$XFRM_HA_DIR" || exit
[ "$(id -u)" = 0 ] || skip_all "for root"
command -v dkms >/dev/null || skip_all "needs Debian's dkms"

archive=$XFRM_HA_DIR/selftests/vm/archive.sh
work=$XFRM_HA_DIR/build/dkms
version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"$/\1/p' dkms.conf)
kernels=${KERNELS:-$($archive series)} || bail "no list of kernels"

# In a namespace of its own for mounts.
dkms_() { # COMMAND KERNEL KDIR
	PATH=$work/bin:$PATH unshare -m --propagation private bash -c '
		mount -t tmpfs none /var/lib/dkms && exec dkms "$@"' - "$1" -m xfrm_ha -v "$version" \
		--dkmstree "$work/tree" --sourcetree "$work/src" \
		${2:+-k "$2" -a x86_64 --kernelsourcedir "$3"} >"$work/log" 2>&1
}

# What the package installs, see tools/debian/rules.
sources() {
	mkdir -p "$work/bin" "$work/tree" "$work/src/xfrm_ha-$version"
	git ls-files dkms.conf Makefile Kconfig src include |
		rsync -a --files-from=- ./ "$work/src/xfrm_ha-$version/"
	# Debian 13's headers want its compiler and its C library.
	printf '#!/bin/sh\nexec %s run env PATH=/usr/bin make CC=gcc-14 "$@"\n' "$archive" >"$work/bin/make"
	chmod +x "$work/bin/make"
	dkms_ add
}

builds() { # SERIES
	local kdir kernel ko

	kdir=$($archive headers "$1") || return
	kernel=${kdir##*linux-headers-}
	dkms_ build "$kernel" "$kdir" || {
		tail -n 20 "$work/log" "$work"/tree/xfrm_ha/"$version"/build/make.log | sed 's/^/# /'
		return 1
	}
	ko=$(ls "$work/tree/xfrm_ha/$version/$kernel/x86_64/module/"xfrm_ha.ko*) &&
	modinfo -F vermagic "$ko" | sed 's/^/# /' | grep -F "$kernel"
}

# DKMS says so by its exit status, 77.
leaves() { # KERNEL KDIR
	dkms_ build "$1" "$2"
	[ $? -eq 77 ] || { sed 's/^/# /' "$work/log"; return 1; }
}

$archive run true || bail "no compilers"
rm -rf "$work"
check "the sources are added" sources
for series in $kernels; do
	check "$series" builds "$series"
done
kdir=$($archive headers "${kernels%%[[:space:]]*}")
for kernel in 6.1.0-42-amd64 6.11.11-amd64; do
	check "left alone: $kernel" leaves $kernel "$kdir"
done
[ "$ktap_failed" -ne 0 ] || rm -rf "$work"
ktap_finished
