#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Install what selftests/packages lists.
#
#	deps.sh			installs what is missing
#	deps.sh --check		says what is missing, by name and exit status
#	deps.sh --simulate	as apt-get install -s

set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
mapfile -t wanted < <(sed 's/#.*//; /^[[:space:]]*$/d' "$here/packages")

# dpkg-query fails for names that it has never heard of.
installed() {
	{
		dpkg-query -W -f '${Package} ${db:Status-Status}\n' \
			"${wanted[@]//|*/}" "${wanted[@]//*|/}" 2>/dev/null || :
	} | sed -n 's/ installed$//p'
}

# The lines of which no alternative is installed.
missing() {
	local have line name

	have=" $(installed | tr '\n' ' ') "
	for line in "${wanted[@]}"; do
		for name in ${line//|/ }; do
			[[ $have != *" $name "* ]] || continue 2
		done
		echo "$line"
	done
}

known() {
	apt-cache show --no-all-versions "$1" >/dev/null 2>&1
}

choose() { # LINE...: of each the first alternative that apt knows
	local line name

	for line; do
		for name in ${line//|/ }; do
			if known "$name"; then
				echo "$name"
				continue 2
			fi
		done
		echo "deps: apt knows no $line" >&2
		return 1
	done
}

command -v dpkg-query >/dev/null || {
	echo "deps: not a Debian; install the like of: ${wanted[*]}" >&2
	exit 1
}

lack=$(missing)
[ -n "$lack" ] || exit 0
mapfile -t lack <<<"$lack"
case ${1-} in
--check)
	echo "deps: missing: ${lack[*]}" >&2
	exit 1
	;;
--simulate) simulate=-s ;;
'') simulate= ;;
*)
	echo "usage: deps.sh [--check|--simulate]" >&2
	exit 2
	;;
esac

as_root=()
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null || {
		echo "deps: as root: apt-get install ${lack[*]//|*/}" >&2
		exit 1
	}
	as_root=(sudo)
fi
apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get "$@"; }

# Old lists name files that are no longer on the servers.
[ -n "$simulate" ] || apt update -q
names=$(choose "${lack[@]}")
# Daemons that the tests run in guests are not to run here.
policy=/usr/sbin/policy-rc.d
if [ -z "$simulate" ] && [ ! -e $policy ]; then
	printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" install -m 755 /dev/stdin $policy
	trap '"${as_root[@]}" rm -f $policy' EXIT
fi
# shellcheck disable=SC2086	# a list; an empty option
apt install $simulate -y -q --no-install-recommends $names

# Nor at the next boot, unless they were there before.
if [ -z "$simulate" ] && command -v systemctl >/dev/null; then
	for unit in corosync keepalived pacemaker strongswan; do
		package=${unit/strongswan/charon-systemd}
		! grep -qx "$package" <<<"$names" || "${as_root[@]}" systemctl disable -q "$unit" || :
	done
fi
