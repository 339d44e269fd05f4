#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The module as a part of a kernel tree: a series of patches, with the reasons in their messages.
#
#	to-tree.sh [-s 'NAME <MAIL>'] [-o FOLDER] TREE
#
# TREE is a kernel's source, 7.3 or near it. With -o the patches are written to FOLDER, as
# git format-patch does it, and TREE is read only. Without, they are applied to TREE: as commits if
# it is a git repository, else as they are. -s: who signs off, and is named in MAINTAINERS; if not
# said, who git says one is.
#
# Left out: the tool, the daemon, tests of these, and src/compat/. Only a tree that is older than
# 7.3 gets that, since the code does not build there without.

# shellcheck disable=SC2016	# for sed and make
set -euo pipefail
shopt -s extglob

top=$(cd "$(dirname "$0")/../.." && pwd)
here=$top/tools/dev/tree

die() { echo "to-tree: $*" >&2; exit 1; }

usage() { die "usage: to-tree.sh [-s 'NAME <MAIL>'] [-o FOLDER] TREE"; }

signer=
out=
while getopts s:o: option; do
	case $option in
	s) signer=$OPTARG ;;
	o) out=$OPTARG ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
[ $# -eq 1 ] || usage
tree=$(realpath "$1")
[ -e "$tree/drivers/net/Kconfig" ] || die "$1 is no kernel tree"
[ -z "$out" ] || out=$(realpath -m "$out")
[ -n "$signer" ] || signer="$(git -C "$top" config user.name) <$(git -C "$top" config user.email)>" ||
	die "who signs off? -s 'NAME <MAIL>'"
[[ $signer =~ ^(.+)\ \<([^<>]+@[^<>]+)\>$ ]] || die "'$signer' is not 'NAME <MAIL>'"
export GIT_AUTHOR_NAME=${BASH_REMATCH[1]} GIT_AUTHOR_EMAIL=${BASH_REMATCH[2]}
export GIT_COMMITTER_NAME=$GIT_AUTHOR_NAME GIT_COMMITTER_EMAIL=$GIT_AUTHOR_EMAIL
# The same input makes the same patches.
if date=$(git -C "$top" log -1 --format=%cI 2>/dev/null); then
	export GIT_AUTHOR_DATE=$date GIT_COMMITTER_DATE=$date
fi
# No habits of whoever runs this.
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null

number() { # NAME: of the tree's Makefile
	sed -n "s/^$1 = //p" "$tree/Makefile"
}
older=
(($(number VERSION) * 1000 + $(number PATCHLEVEL) >= 7003)) || older=1

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT

driver=drivers/net/xfrm_ha
docs=Documentation/networking/xfrm_ha
spec=Documentation/netlink/specs/xfrm_ha.yaml
tests=tools/testing/selftests/net/xfrm_ha

# What the series changes, and what the generator reads.
base=(MAINTAINERS Documentation/networking/index.rst drivers/net/Kconfig drivers/net/Makefile
	tools/testing/selftests/Makefile)
mkdir -p "$stage/Documentation/netlink/specs"
(cd "$tree" && cp --parents -L "${base[@]}" Documentation/netlink/*.yaml "$stage/")
cd "$stage"
git init -q .
git add -A
git commit -q -m base

# ---- How what is here reads there ----------------------------------------------------------

# What asks for older kernels is not there; paths are those of the tree.
plain() { # < FILE
	if [ -n "$older" ]; then
		cat
	else
		awk '
			/Outside of a kernel tree: src\/compat\// { skip = 3 }
			skip && skip-- { next }
			/^#ifndef XHA_LACKS_/ { inside = 1; next }
			inside && /^#endif/ { inside = 0; next }
			{ print }'
	fi | sed -E 's,docs/netlink/specs/,,; s,docs/([a-z]+\.rst),\1,g; s,src/,,g'
}

code() { # FILE...: of src/
	local f

	for f; do
		mkdir -p "$driver/$(dirname "$f")"
		plain <"$top/src/$f" >"$driver/$f"
	done
}

wing() { # FOLDER: of src/
	local f

	for f in "$top/src/$1"/*.[ch]; do
		code "${f#"$top/src/"}"
	done
}

# A tree has its generator, and ynl-regen.sh is to find nothing to do.
generated() { # MODE --header|--source FILE COPY: a file of the tree, ours where it has none
	local generator=$tree/tools/net/ynl/pyynl/ynl_gen_c.py

	mkdir -p "$(dirname "$3")"
	if [ -e "$generator" ]; then
		python3 "$generator" --spec "$spec" --mode "$1" "$2" -o "$3"
	else
		cp "$top/$4" "$3"
	fi
}

kbuild() { # What src/Makefile says in a kernel tree
	plain <"$top/src/Makefile" | awk -v older="$older" '
		/^# What kernels lack/ && !older { skip = 1 }
		/^# The one place that has the release/ { skip = 1 }
		/^# \$\(src\) for the/ { skip = 1 }
		skip { if (/^$/) skip = 0; next }
		/^# Read by Kbuild only/ {
			print "# A wing a paragraph, in the order in which one may know the other."
			getline
			next
		}
		{ print }'
	cat <<-'END'
	CFLAGS_control/netlink.o += -DXHA_RELEASE='"$(KERNELRELEASE)"'

	# The wings' headers
	ccflags-y += -I$(src)
	END
}

# Tests stand in one folder, with what they share in lib/; the module is installed, as the tool is.
script() { # < FILE
	sed -E \
		-e 's,"\$\(dirname "\$0"\)/\.\./lib/,"$(dirname "$0")/lib/,' \
		-e 's,(cd "\$\(dirname "\$\{BASH_SOURCE\[0\]\}"\)/\.\.)/\.\.,\1,' \
		-e 's,"\$XFRM_HA_DIR/tools/xfrm-ha/xfrm-ha",xfrm-ha,' \
		-e 's,\$XFRM_HA_DIR/selftests/oracle/,$XFRM_HA_DIR/,' \
		-e 's,\$XFRM_HA_DIR/selftests/lib,$XFRM_HA_DIR/lib,' \
		-e 's,\$\{?XFRM_HA_MODULES-?\}?/espnic/,$XFRM_HA_DIR/modules/,' \
		-e 's,selftests/modules/espnic,modules/espnic,' \
		-e 's,insmod "\$XFRM_HA_KO",modprobe xfrm_ha,' \
		-e '/^\texport (XFRM_HA_KO|PATH)=/d' \
		-e '/^# Without ip.s own start/,/^fi$/c\on() { # NAMESPACE COMMAND...\n\tip netns exec "$@"\n}' \
		-e '/^# ping itself/s/ It is to wait.*//' -e '/^# has had some: /d' \
		-e '/LD_PRELOAD/d' -e '/PATIENCE/d' \
		-e '/^enable -f .*\/ask\.so" ask/d' \
		-e 's/^(# What the tool shows, in REPLY\.).*/\1/' \
		-e 's/^\t(ask\(\) \{ # NAMESPACE OBJECT)/\1/' |
		awk '/^ask\(\)/ { inside = 1 } inside && sub(/^\t/, "") && /^}/ { inside = 0 } { print }'
}

programs='esp-replay|frame-play|offload-packet|udp-flood|wire-oracle'

# Those that need the module, the tool, and what goes along, and no machine of a certain kind.
fit() { # TEST
	! grep -q '^# machines:' "$1" &&
	! grep -oE '^\. .*/lib/[a-z]+\.sh' "$1" |
		grep -qvE '/(ktap|ha|json|espnic|engine|failslab)\.sh$' &&
	! grep -oE 'XFRM_HA_(DIR|MODULES)[}"]*/[A-Za-z/_.-]+' "$1" |
		grep -qvE "/(tools/xfrm-ha/xfrm-ha|selftests/(lib/xfrm_dir.py|oracle/($programs)))\$"
}

makefile_of_tests() {
	local name

	cat "$here/selftests.mk"
	printf '\nTEST_PROGS := \\\n'
	for name in "$tests"/*.sh; do
		printf '\t%s \\\n' "${name##*/}"
	done
	cat <<-'END'
	# end of TEST_PROGS

	include ../../lib.mk

	$(OUTPUT)/esp-replay $(OUTPUT)/wire-oracle: LDLIBS += -lpcap
	END
}

maintained() { # PATH...: is listed in MAINTAINERS, which has the section from the first one on
	local path

	grep -q '^XFRM HIGH AVAILABILITY' MAINTAINERS || {
		awk -v signer="$signer" '
			/^XFS FILESYSTEM/ {
				print "XFRM HIGH AVAILABILITY"
				print "M:\t" signer
				print "L:\tnetdev@vger.kernel.org"
				print "S:\tMaintained"
				print ""
			}
			{ print }' MAINTAINERS >MAINTAINERS.new
		mv MAINTAINERS.new MAINTAINERS
	}
	for path; do
		awk -v line="F:	$path" '
			/^XFRM HIGH AVAILABILITY/ { inside = 1 }
			inside && (/^$/ || /^F:/ && $0 > line) { print line; inside = 0 }
			{ print }' MAINTAINERS >MAINTAINERS.new
		mv MAINTAINERS.new MAINTAINERS
	done
}

# The message is the file of that name, with who signs off.
step() { # NAME
	git add -A
	git commit -q -F - <<-END
	$(cat "$here/$1.msg")

	Signed-off-by: $signer
	END
}

# ---- The series ----------------------------------------------------------------------------

cp "$top/docs/netlink/specs/xfrm_ha.yaml" "$spec"
generated uapi --header include/uapi/linux/xfrm_ha.h include/uapi/linux/xfrm_ha.h
maintained "$spec" include/uapi/linux/xfrm_ha.h
step spec

wing pure
maintained "$driver/"
step pure

for name in xfrm link ha engine; do
	wing "$name"
	step "$name"
done

wing control
generated kernel --header "$driver/control/netlink-gen.h" src/control/netlink-gen.h
generated kernel --source "$driver/control/netlink-gen.c" src/control/netlink-gen.c
code main.c
plain <"$top/Kconfig" | sed '/^config XFRM_HA_KUNIT_TEST/,$d' | sed -e :a -e '/^\n*$/{$d;N;ba' -e '}' \
	>"$driver/Kconfig"
kbuild | sed '/KUNIT/,/^$/d' >"$driver/Makefile"
sed -i '/^endif # NETDEVICES/i source "drivers/net/xfrm_ha/Kconfig"\n' drivers/net/Kconfig
sed -i '/^obj-\$(CONFIG_WIREGUARD)/a obj-$(CONFIG_XFRM_HA) += xfrm_ha/' drivers/net/Makefile
grep -q xfrm_ha drivers/net/Kconfig || die "drivers/net/Kconfig is not what it was"
grep -q xfrm_ha drivers/net/Makefile || die "drivers/net/Makefile is not what it was"
if [ -n "$older" ]; then
	(cd "$top/src" && cp -a --parents compat "$stage/$driver/")
fi
step control

wing tests
plain <"$top/src/tests/Makefile" | sed "s,^ccflags-y.*,ccflags-y += -I\$(src)/..," \
	>"$driver/tests/Makefile"
{
	echo
	plain <"$top/Kconfig" | sed -n '/^config XFRM_HA_KUNIT_TEST/,$p'
} >>"$driver/Kconfig"
kbuild >"$driver/Makefile"
cp "$here/kunitconfig" "$driver/.kunitconfig"
step kunit

mkdir -p "$docs"
cp "$here/index.rst" "$docs/"
for name in design engine heat states wire; do
	plain <"$top/docs/$name.rst" >"$docs/$name.rst"
done
sed -i 's,^   xfrm/index$,&\n   xfrm_ha/index,' Documentation/networking/index.rst
grep -q xfrm_ha Documentation/networking/index.rst ||
	sed -i 's,^   xfrm_sysctl$,&\n   xfrm_ha/index,' Documentation/networking/index.rst
maintained "$docs/"
step docs

mkdir -p "$tests/modules/espnic"
cp "$top"/selftests/modules/espnic/*.[ch] "$tests/modules/espnic/"
cp "$here/modules.mk" "$tests/modules/Makefile"
# Read outside of Kbuild, too, where there is no $(srctree).
[ -z "$older" ] ||
	sed -i '/^obj-m/a -include $(srctree)/drivers/net/xfrm_ha/compat/Makefile.compat' \
		"$tests/modules/Makefile"
maintained "$tests/"
step espnic

mkdir -p "$tests/lib"
for name in "$top"/selftests/net/*.sh; do
	! fit "$name" || install -m 755 <(script <"$name") "$tests/${name##*/}"
done
for name in ktap ha json espnic engine failslab; do
	script <"$top/selftests/lib/$name.sh" >"$tests/lib/$name.sh"
done
cp "$top"/selftests/lib/{xfrm_dir.py,netns.h} "$tests/lib/"
for name in ${programs//|/ }; do
	sed 's,"\.\./lib/,"lib/,' "$top/selftests/oracle/$name.c" >"$tests/$name.c"
	echo "$name"
done >"$tests/.gitignore"
cp "$top"/selftests/net/{config,settings} "$tests/"
makefile_of_tests >"$tests/Makefile"
sed -i 's,^TARGETS += net/tcp_ao$,&\nTARGETS += net/xfrm_ha,' tools/testing/selftests/Makefile
grep -q xfrm_ha tools/testing/selftests/Makefile || die "the list of selftests is not what it was"
step selftests

# ---- To where it is wanted -----------------------------------------------------------------

git checkout -q -b series
git config branch.series.description "$(cat "$here/cover.msg")"
patches=${out:-$stage/.git/patches}
git format-patch -q --no-signature --cover-letter --cover-from-description=subject -o "$patches" \
	"$(git rev-list --max-parents=0 HEAD)"
if [ -n "$out" ]; then
	printf '%s\n' "$patches"/*.patch
elif [ -e "$tree/.git" ]; then
	git -C "$tree" am -q "$patches"/!(0000-*)
else
	# Even where the tree stands in a repository of something else.
	(cd "$tree" && GIT_CEILING_DIRECTORIES=${tree%/*} git apply "$patches"/!(0000-*))
fi
