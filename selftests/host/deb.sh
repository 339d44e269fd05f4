#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# requires: dpkg-buildpackage lintian zsh
#
# N9: the tarball has the same octets whoever makes it; Debian packages are built from it, lintian has
# nothing to say of them, they have what they are said to have, and the completions of bash and zsh
# know the commands. That they can be installed, upgraded and purged, make check-deb shows.

. "$(dirname "$0")/../lib/ktap.sh"
cd "$XFRM_HA_DIR" || exit
[ -z "${XFRM_HA_QUICK-}" ] || skip_all "takes its time"

dir=$(mktemp -d)
at_exit rm -rf "$dir"
version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"$/\1/p' dkms.conf)
tarball=build/dist/xfrm-ha-$version.tar.xz

check "a tarball" tools/debian/dist
must cp "$tarball" "$dir/first"
# shellcheck disable=SC2016	# it is expanded there
check "another one" env -C / TZ=Asia/Kolkata LANG=de_DE.UTF-8 \
	bash -c 'umask 077; exec "$1"' bash "$XFRM_HA_DIR/tools/debian/dist"
check "with the same octets" cmp "$tarball" "$dir/first"
is "nothing is in it that git does not know" "$(tar -tf "$tarball" | sed "s,^xfrm-ha-$version/,," | sort)" \
	"$(git ls-files | while read -r f; do [ ! -e "$f" ] || echo "$f"; done | sort)"

must tools/debian/build
debs=build/deb
is "what lintian says" "$(lintian --allow-root --fail-on warning $debs/*.changes 2>&1)" ""
for deb in xfrm-ha xfrm-ha-dkms; do
	must dpkg-deb -x $debs/${deb}_"$version"_*.deb "$dir/$deb"
done
while read -r deb file; do
	check "$deb has /$file" test -s "$dir/$deb/$file"
done <<-EOT
	xfrm-ha usr/sbin/xfrm-ha
	xfrm-ha usr/sbin/xfrm-had
	xfrm-ha lib/systemd/system/xfrm-had.service
	xfrm-ha lib/systemd/system/xfrm-had@.service
	xfrm-ha usr/share/man/man8/xfrm-ha.8.gz
	xfrm-ha usr/share/man/man8/xfrm-had.8.gz
	xfrm-ha usr/share/man/man5/xfrm-ha.conf.5.gz
	xfrm-ha usr/share/bash-completion/completions/xfrm-ha
	xfrm-ha usr/share/zsh/vendor-completions/_xfrm-ha
	xfrm-ha usr/share/xfrm-ha/hooks/address
	xfrm-ha usr/share/xfrm-ha/wireshark/xfrm_ha.lua
	xfrm-ha usr/share/doc/xfrm-ha/examples/prometheus/alerts.yml
	xfrm-ha usr/share/doc/xfrm-ha/changelog.gz
	xfrm-ha-dkms usr/src/xfrm_ha-$version/dkms.conf
	xfrm-ha-dkms usr/src/xfrm_ha-$version/Makefile
	xfrm-ha-dkms usr/src/xfrm_ha-$version/include/uapi/linux/xfrm_ha.h
EOT
for file in $(git ls-files src); do
	cmp -s "$file" "$dir/xfrm-ha-dkms/usr/src/xfrm_ha-$version/$file" || echo "$file"
done > "$dir/missing"
is "DKMS gets all sources of the module" "$(<"$dir/missing")" ""
is "units and man pages name what is installed" \
	"$(grep -r /usr/local "$dir/xfrm-ha/lib" "$dir/xfrm-ha/usr/share/xfrm-ha"; zgrep -l /usr/local \
		"$dir"/xfrm-ha/usr/share/man/*/*)" ""
is "the tool's version" "$("$dir/xfrm-ha/usr/sbin/xfrm-ha" --version)" "xfrm-ha $version"
is "the daemon's version" "$("$dir/xfrm-ha/usr/sbin/xfrm-had" -V)" "xfrm-had $version"

PATH=$dir/xfrm-ha/usr/sbin:$PATH
by_bash() { # WORD...: what the last one can become
	bash -c '. "$1"; COMP_WORDS=("${@:2}") COMP_CWORD=$(($# - 2)); _xfrm_ha; echo "${COMPREPLY[*]}"' \
		bash "$dir/xfrm-ha/usr/share/bash-completion/completions/xfrm-ha" xfrm-ha "$@"
}
by_zsh() { # WORD...: the same; what zsh itself takes away does not begin with the last one
	zsh -fc 'compadd() { shift; print -r -- ${(M)@:#$words[CURRENT]*}; }
		file=$1; words=("${@:2}") CURRENT=$(($# - 1)); . $file' \
		zsh "$dir/xfrm-ha/usr/share/zsh/vendor-completions/_xfrm-ha" xfrm-ha "$@"
}
for shell in bash zsh; do
	is "$shell: xfrm-ha sta" "$(by_$shell sta)" "stat status"
	is "$shell: xfrm-ha -N x link s" "$(by_$shell -N x link s)" "set show"
	is "$shell: xfrm-ha link add eth9 ca" "$(by_$shell link add eth9 ca)" "carrier-loss"
	is "$shell: xfrm-ha nothing" "$(by_$shell nothing '')" ""
done
ktap_finished
