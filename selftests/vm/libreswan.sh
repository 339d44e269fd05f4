#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Debian's libreswan, which can't be installed beside charon: the package, and what it needs that
# this system lacks, unpacked in the cache. Prints the folder, by which tests find it.
#
#	libreswan.sh [--print]
#
# With --print nothing is fetched, and the exit status tells whether it is there.

set -euo pipefail

cache=${XDG_CACHE_HOME:-$HOME/.cache}/xfrm_ha
dir=$cache/libreswan

if [ ! -e "$dir" ]; then
	[ "${1-}" != --print ] || exit 1
	mkdir -p "$cache"
	exec 9>"$dir.lock"
	flock 9
fi
if [ ! -e "$dir" ]; then
	rm -rf "$dir.new"
	mkdir -p "$dir.new/debs" "$dir.new/root"
	chmod 755 "$dir.new" "$dir.new/debs"
	names=$(LC_ALL=C apt-get install -s --no-install-recommends libreswan |
		sed -n 's/^Inst \([^ ]*\) .*/\1/p')
	# shellcheck disable=SC2086	# a list
	(cd "$dir.new/debs" && apt-get download -q=2 $names) >&2
	for deb in "$dir.new"/debs/*.deb; do
		dpkg-deb -x "$deb" "$dir.new/root"
	done
	rm -rf "$dir.new/debs"
	mv "$dir.new" "$dir"
fi
echo "$dir/root"
