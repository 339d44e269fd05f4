#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Kernels that this system's own packages don't have, from the archive of Debian 13 with its
# backports. Lists and packages are kept apart from the system's; nothing is installed.
#
#	archive.sh series		the series that have headers, one a line
#	archive.sh headers SERIES [ARCH]
#					the newest headers package, unpacked: the KDIR for modules
#	archive.sh [--print] source SERIES
#					the tarball of linux-source-SERIES; "version" is beside it
#	archive.sh packages SERIES [ARCH]
#					image and headers by name, as arguments for "get"
#	archive.sh get FOLDER NAME...	the packages' files, below FOLDER
#	archive.sh root		an arm64 root: what tests run, and what programs are linked to
#	archive.sh run COMMAND...	runs it with Debian 13's compilers, which those headers
#					ask for: its root, and this one's folders where they are
#
# SERIES is "6.12" or the like, ARCH amd64 (the default) or arm64. What was fetched is kept in
# the cache, in folders named for the series, and roots for their packages, until somebody removes
# them; lists for a day. With --print nothing is fetched, and the exit status tells whether it is
# there.

set -euo pipefail

cache=${XDG_CACHE_HOME:-$HOME/.cache}/xfrm_ha
dir=$cache/archive
keys=/usr/share/keyrings/debian-archive-keyring.gpg
mirror=${DEBIAN_MIRROR:-http://deb.debian.org}

# What Kbuild runs while it builds modules; the cross compiler brings its binutils.
tools=(bash binutils bc coreutils diffutils findutils gawk gcc-14 gcc-14-aarch64-linux-gnu
	grep libelf1t64 make pahole sed sparse xz-utils)

# What the tests run in a guest, and what tool, daemon and the tests' programs are linked to.
arm64=(bash bash-builtins bsdutils busybox-static coreutils diffutils ethtool findutils gawk grep
	hostname iperf3 iproute2 iputils-ping jq kmod libc6-dev libconfuse-dev libcpg-dev libevent-dev
	libjson-c-dev libnl-3-dev libnl-genl-3-dev libnl-route-3-dev libpcap-dev libsmartcols-dev
	libssl-dev mount nftables procps python3-minimal sed tcpdump util-linux)

die() { echo "archive: $*" >&2; exit 1; }
say() { echo "archive: $*" >&2; }

export APT_CONFIG=$dir/apt/apt.conf

# Of two at a time one would not wait, but fail.
apt_get() { flock "$dir/apt.lock" apt-get "$@"; }

lists() {
	local apt=$dir/apt source old

	mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$apt/none"
	: >"$apt/status"
	source="signed-by=$keys"
	old=$(cat "$apt/sources.list" 2>/dev/null) || :
	cat >"$apt/sources.list" <<-END
	deb [arch=amd64,arm64 $source] $mirror/debian trixie main
	deb [arch=amd64,arm64 $source] $mirror/debian-security trixie-security main
	deb [arch=amd64,arm64 $source] $mirror/debian trixie-backports main
	END
	cat >"$apt/apt.conf" <<-END
	Dir::State "$apt";
	Dir::State::lists "$apt/lists";
	Dir::State::status "$apt/status";
	Dir::Cache "$apt";
	Dir::Etc::sourcelist "$apt/sources.list";
	Dir::Etc::sourceparts "$apt/none";
	Dir::Etc::preferences "$apt/none/none";
	Dir::Etc::preferencesparts "$apt/none";
	Dir::Log "$apt";
	APT::Sandbox::User "root";
	APT::Architecture "amd64";
	APT::Architectures { "amd64"; "arm64"; };
	Acquire::Languages "none";
	Acquire::Retries "3";
	END
	[ -z "$(find "$apt/fresh" -mmin -1440 2>/dev/null)" ] ||
		[ "$old" != "$(<"$apt/sources.list")" ] || return 0
	say "reading the lists of Debian 13"
	apt_get update -q >&2 || die "no lists"
	touch "$apt/fresh"
}

names() { # REGEX: the newest package whose name it is
	apt-cache --generate pkgnames "${1%%[\\\[(]*}" | grep -Ex "$1" | sort -V | tail -n 1
}

newest() { # SERIES ARCH: the version, as in "7.3.4+deb13"
	local name

	name=$(names "linux-headers-${1//./\\.}\\.[0-9]+\\+deb13-$2")
	[ -n "$name" ] || die "the archive has no headers of $1 for $2"
	name=${name#linux-headers-}
	echo "${name%-"$2"}"
}

get() { # FOLDER NAME...
	local root=$1 debs deb

	shift
	mkdir -p "$root"
	debs=$(mktemp -d "$dir/debs.XXXXXX")
	(cd "$debs" && apt_get download -q=2 "$@") >&2 || {
		rm -rf "$debs"
		die "could not fetch $*"
	}
	for deb in "$debs"/*.deb; do
		dpkg-deb -x "$deb" "$root"
	done
	rm -rf "$debs"
}

# A root with other packages is another one.
root() { # NAME PACKAGE...
	local name=$1

	shift
	echo "$dir/root-$name-$(printf '%s\n' "$@" | sha256sum | cut -c1-8)"
}

# Nobody finds what is not complete. Who comes second waits, and finds it done.
once() { # PATH COMMAND...: unless it is there, the command makes $PATH.new
	local path=$1

	shift
	[ ! -e "$path" ] || return 0
	exec 9>"$path.lock"
	flock 9
	if [ ! -e "$path" ]; then
		rm -rf "$path.new"
		"$@" "$path.new"
		mv "$path.new" "$path"
	fi
	exec 9>&-
}

make_headers() { # SERIES ARCH FOLDER
	local version makefile name final=${3%.new}

	lists
	version=$(newest "$1" "$2")
	makefile=usr/src/linux-headers-$version-$2/Makefile
	say "unpacking the headers of $version for $2"
	get "$3" "linux-headers-$version-$2:$2" "linux-headers-$version-common" \
		"linux-kbuild-$version:amd64"
	# The only absolute paths that the build uses.
	sed -i "s,/usr/src/,$final&," "$3/$makefile"
	ln -s "usr/src/linux-headers-$version-$2" "$3/kdir"
	# Kbuild asks it whether sparse is fit to be run; left out of the package since 7.3.
	name=$3/usr/src/linux-headers-$version-common/scripts/checker-valid.sh
	[ -e "$name" ] || install -m 755 <(printf '#!/bin/sh\necho 1\n') "$name"
}

make_source() { # SERIES FOLDER
	local version

	lists
	version=$(apt-cache show --no-all-versions "linux-source-$1" 2>/dev/null |
		sed -n 's/^Version: //p')
	[ -n "$version" ] || die "the archive has no linux-source-$1"
	say "fetching linux-source-$1 $version"
	get "$2" "linux-source-$1"
	mv "$2/usr/src/linux-source-$1.tar.xz" "$2/"
	rm -rf "${2:?}/usr"
	echo "$version" >"$2/version"
}

make_root() { # FOLDER
	local name

	lists
	say "unpacking Debian 13's compilers"
	mkdir -p "$1/usr/bin" "$1/usr/sbin" "$1/usr/lib" "$1/usr/lib64" "$1/tmp" "$1/dev" "$1/proc"
	for name in bin sbin lib lib64; do
		ln -s "usr/$name" "$1/$name"
	done
	# As if nothing were installed: with all that they depend on.
	apt_get install -q=2 -y --download-only --no-install-recommends "${tools[@]}" >/dev/null
	for name in "$dir"/apt/archives/*.deb; do
		dpkg-deb --fsys-tarfile "$name" | tar -C "$1" -x --keep-directory-symlink
	done
	rm -f "$dir"/apt/archives/*.deb
	ln -sf gcc-14 "$1/usr/bin/gcc"
	ln -sf gawk "$1/usr/bin/awk"
	ln -sf bash "$1/usr/bin/sh"
}

# Unpacked, not installed: what maintainers' scripts would do here is done by hand.
make_arm64() { # FOLDER
	local name archives

	lists
	say "unpacking an arm64 root of Debian 13"
	mkdir -p "$1/usr/bin" "$1/usr/sbin" "$1/usr/lib"
	for name in bin sbin lib; do
		ln -s "usr/$name" "$1/$name"
	done
	archives=$(mktemp -d "$dir/debs.XXXXXX")
	mkdir "$archives/partial"
	apt_get install -q=2 -y --download-only --no-install-recommends -o APT::Architecture=arm64 \
		-o Dir::Cache::archives="$archives" "${arm64[@]}" >/dev/null
	for name in "$archives"/*.deb; do
		dpkg-deb --fsys-tarfile "$name" | tar -C "$1" -x --keep-directory-symlink
	done
	rm -rf "$archives"
	ln -sf gawk "$1/usr/bin/awk"
	ln -sf bash "$1/usr/bin/sh"
	for name in proc sys dev run tmp root lib/modules; do
		mkdir -p "$1/$name"
	done
	echo 'root:x:0:0::/root:/bin/bash' >"$1/etc/passwd"
	echo 'root:x:0:' >"$1/etc/group"
}

# The tree and the cache are where they were.
inside() { # ROOT COMMAND...
	local root=$1 d

	shift
	for d in /proc /dev "$cache" "$(cd "$(dirname "$0")/../.." && pwd)" "$PWD"; do
		mkdir -p "$root$d"
		mount --rbind "$d" "$root$d"
	done
	# shellcheck disable=SC2016	# for the shell inside
	exec env LC_ALL=C LANG=C chroot "$root" /bin/bash -c 'cd "$1" && shift && exec "$@"' - "$PWD" "$@"
}

print=
[ "${1-}" != --print ] || { print=1; shift; }
what=${1-}
shift || :
mkdir -p "$dir"
case $what in
series)
	lists
	apt-cache --generate pkgnames linux-headers- |
		sed -nE 's/^linux-headers-([0-9]+\.[0-9]+)\.[0-9]+\+deb13-amd64$/\1/p' | sort -Vu
	;;
headers)
	arch=${2:-amd64}
	once "$dir/headers-$1-$arch" make_headers "$1" "$arch"
	realpath "$dir/headers-$1-$arch/kdir"
	;;
source)
	[ -z "$print" ] || [ -e "$dir/source-$1" ] || exit 1
	once "$dir/source-$1" make_source "$1"
	echo "$dir/source-$1/linux-source-$1.tar.xz"
	;;
packages)
	lists
	arch=${2:-amd64}
	version=$(newest "$1" "$arch")
	printf '%s\n' "$version-$arch" "linux-headers-$version-$arch:$arch" \
		"linux-headers-$version-common" "linux-kbuild-$version"
	# Since 7.3 the image is in parts.
	for name in image binary modules; do
		apt-cache show --no-all-versions "linux-$name-$version-$arch:$arch" 2>/dev/null |
			sed -n "s/^Package: .*/&:$arch/; s/^Package: //p" || :
	done
	;;
get)
	lists
	get "$@"
	;;
root)
	path=$(root arm64 "${arm64[@]}")
	once "$path" make_arm64
	echo "$path"
	;;
run)
	[ $# -gt 0 ] || die "run what?"
	path=$(root trixie "${tools[@]}")
	once "$path" make_root
	user=()
	[ "$(id -u)" -eq 0 ] || user=(-r)
	exec unshare "${user[@]}" -m --propagation slave "$0" inside "$path" "$@"
	;;
inside) inside "$@" ;;
*) die "usage: archive.sh series | headers SERIES [ARCH] | source SERIES | packages SERIES [ARCH] |" \
	"get FOLDER NAME... | root | run COMMAND..." ;;
esac
