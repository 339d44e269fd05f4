#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Generate the uAPI header and the policies from specs/xfrm_ha.yaml, with the
# generator in Debian's linux-source-6.12, and the names for the tool, with
# names.py. With --check nothing is written; the exit status tells whether what
# is checked in is current.
#
# The generator's user mode is not used: that of 6.12 refuses attributes of
# binary type that come several times (the addresses of a group), and what it
# makes needs the kernel's ynl library, which no distribution of today has.
set -e

top=$(realpath "$(dirname "$0")/../..")
tarball=/usr/src/linux-source-6.12.tar.xz
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT

[ -e "$tarball" ] || { echo "regen.sh: $tarball is missing (package linux-source-6.12)" >&2; exit 1; }
# The generator looks for a MAINTAINERS file to know where the tree begins.
tar -xf "$tarball" -C "$stage" --strip-components=1 --wildcards \
	'*/tools/net/ynl' '*/Documentation/netlink/*.yaml'
touch "$stage/MAINTAINERS"
mkdir -p "$stage/Documentation/netlink/specs"
cp "$top/docs/netlink/specs/xfrm_ha.yaml" "$stage/Documentation/netlink/specs/"
cd "$stage"
gen() {
	/usr/bin/python3 tools/net/ynl/ynl-gen-c.py --spec Documentation/netlink/specs/xfrm_ha.yaml "$@"
}
gen --mode uapi --header -o xfrm_ha.h
gen --mode kernel --header -o netlink-gen.h
gen --mode kernel --source -o netlink-gen.c
for what in header source; do
	/usr/bin/python3 "$top/docs/netlink/names.py" $what \
		Documentation/netlink/specs/xfrm_ha.yaml > spec-gen.$what
done

place() {
	if [ "$check" ]; then
		cmp "$1" "$top/$2"
	elif ! cmp -s "$1" "$top/$2"; then
		cp "$1" "$top/$2"
	fi
}
[ "$1" = --check ] && check=1
place xfrm_ha.h include/uapi/linux/xfrm_ha.h
place netlink-gen.h src/control/netlink-gen.h
place netlink-gen.c src/control/netlink-gen.c
place spec-gen.header tools/lib/spec-gen.h
place spec-gen.source tools/lib/spec-gen.c
