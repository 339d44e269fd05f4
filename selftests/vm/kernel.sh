#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Build a kernel for guests from Debian's source package, once: the result is
# kept in the cache, under a name made from everything that went into it.
#
#	kernel.sh [--print] MACHINE
#
# MACHINE is uml, uml-san, smp-san or smp-kcsan, for 6.12, or one of these with a series, as
# uml-7.3: its source is from the archive of Debian 13 (archive.sh). So are lean-7.3, for
# selftests/bench/upstream, and watch-7.3, the same with what is proposed in docs/upstream. What is
# printed is the build directory: the KDIR for modules. The kernel is "linux" in it (uml*) or
# "vmlinux", its own modules are in "mods". With --print nothing is built, and the exit status tells
# whether it is there.

set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/xfrm_ha
tarball=${KERNEL_SOURCE:-/usr/src/linux-source-6.12.tar.xz}

die() { echo "kernel: $*" >&2; exit 1; }
say() { echo "kernel: $*" >&2; }

print=
[ "${1-}" != --print ] || { print=1; shift; }
machine=${1-}
kind=${machine%-[0-9]*}
series=${machine#"$kind"}
series=${series#-}
arch=um
targets=(all)
options=()
fragments=("$here/base.config")
case $kind in
uml) ;;
uml-san) fragments+=("$here/san.config") ;;
smp-san | smp-kcsan)
	arch=x86_64
	targets=(vmlinux modules)
	fragments+=("$here/smp.config" "$here/$kind.config")
	;;
lean | watch)
	arch=x86_64
	targets=(vmlinux modules)
	fragments=("$here/lean.config")
	;;
*) die "usage: kernel.sh [--print] uml|uml-san|smp-san|smp-kcsan|lean|watch[-SERIES]" ;;
esac
[ -z "$series" ] || fragments+=("$here/newer.config")
# Races among what the module has to do with; all else keeps its speed.
# shellcheck disable=SC2016	# expanded by Kbuild, in each folder
[ "$kind" != smp-kcsan ] ||
	options+=('KCSAN_SANITIZE=$(if $(filter net/% drivers/net/%,$(obj)/),y,n)')

digest() { cat "$@" | sha256sum | cut -c1-12; }

# The package's version, or the file's own digest where it is not from a package.
if [ -n "$series" ]; then
	tarball=$("$here/archive.sh" ${print:+--print} source "$series") || exit 1
	version=$(<"${tarball%/*}/version")
else
	version=$(dpkg-query -W -f '${Version}' linux-source-6.12 2>/dev/null) ||
		version=
fi
if [ -z "$version" ]; then
	[ -r "$tarball" ] || {
		[ -z "$print" ] || exit 1
		die "no $tarball: run make deps"
	}
	version=$(digest "$tarball")
fi
# ~ and : trouble make.
version=${version//[~:]/-}

# Those for each series, and one's own.
shopt -s nullglob
patches=("$here/patches/${series:-6.12}"/*.patch "$here"/patches/*.patch)
[ "$kind" != watch ] || patches+=("$here"/../../docs/upstream/*.patch)
src=$cache/linux-$version-$(digest "${patches[@]}")
compiler=$(gcc -dumpfullversion 2>/dev/null || echo none)
build=$cache/$machine-$version-$({
	cat "${patches[@]}" "${fragments[@]}"
	printf '%s\n' "$compiler" "${options[@]}"
} | sha256sum | cut -c1-12)

if [ -e "$build/.complete" ] && [ -e "$src/.complete" ]; then
	echo "$build"
	exit 0
fi
[ -z "$print" ] || { echo "$build"; exit 1; }

mkdir -p "$cache"
# Whoever comes second waits, and finds it done.
exec 9>"$src.lock"
flock 9
if [ ! -e "$src/.complete" ]; then
	say "unpacking $tarball"
	rm -rf "$src"
	mkdir "$src"
	tar -C "$src" --strip-components=1 -xf "$tarball"
	for p in "${patches[@]}"; do
		patch -d "$src" -p1 -s <"$p"
	done
	touch "$src/.complete"
fi
exec 9>&-

exec 8>"$build.lock"
flock 8
if [ ! -e "$build/.complete" ]; then
	say "building $machine in $build (once, some 10 minutes; log: build.log in there)"
	rm -rf "$build"
	mkdir "$build"
	cat "${fragments[@]}" >"$build/fragment.config"
	kbuild() { make -C "$src" ARCH="$arch" O="$build" "${options[@]}" "$@"; }
	{
		kbuild KCONFIG_ALLCONFIG="$build/fragment.config" allnoconfig &&
		kbuild -j"${JOBS:-$(nproc)}" "${targets[@]}" &&
		kbuild INSTALL_MOD_PATH="$build/mods" modules_install
	} >"$build/build.log" 2>&1 || {
		tail -n 30 "$build/build.log" >&2
		die "building $machine failed"
	}
	# Modules need scripts/ and what was generated, not the objects.
	find "$build" -name '*.o' -not -path "$build/scripts/*" \
		-not -path "$build/tools/*" -delete
	rm -f "$build/vmlinux.a"
	[ ! -e "$build/linux" ] || rm -f "$build/vmlinux"
	touch "$build/.complete"
fi
echo "$build"
