#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The module as a part of a kernel tree (tools/dev/to-tree.sh): the series applies, it is built by
# Kconfig and Kbuild, its KUnit tests and its kselftests run. TREE=7.3, or the like, says which
# kernel, 6.12 if it does not; as new a tree as the code is written for, 7.3, is free of src/compat/,
# and checkpatch and sparse have nothing to say there.
#
# The kernel tree is a farm of links to the cached source, the objects those of the UML kernel, so
# that nothing but the module has to be built.

. "$(dirname "$0")/lib/ktap.sh"
. "$(dirname "$0")/lib/farm.sh"
cd "$XFRM_HA_DIR" || exit

machine=uml${TREE:+-$TREE}
build=$(selftests/vm/kernel.sh "$machine") || bail "no kernel to build against"
source=$(sed -n 's/^include \(.*\)\/Makefile$/\1/p' "$build/Makefile")
farm=$XFRM_HA_DIR/build/intree
tree=$farm/linux
log=$farm/log

# What checkpatch has to say nevertheless: MAINTAINERS has the folder; macros of the trace header
# follow a layout of their own, X-macros leave arguments unused; programs of the tests are no
# kernel's; scripts have lines a little longer. What a generator made is as it is.
known='FILE_PATH_CHANGES|stats(_list)?\.[ch]:.*MACRO_ARG_UNUSED
|trace\.h:.*(PARENTHESIS_ALIGNMENT|OPEN_ENDED_LINE)
|tools/testing/.*\.c:.*(EMBEDDED_FUNCTION_NAME|VOLATILE|SPLIT_STRING)
|\.sh:.*(LONG_LINE|REPEATED_WORD)|-gen\.[ch]:|include/uapi/'

series() {
	tools/dev/to-tree.sh -s 'Test <test@example.org>' -o "$farm/patches" "$source" >"$log" 2>&1 || {
		sed 's/^/# /' "$log"
		return 1
	}
}

applies() {
	farm "$source" "$tree" Documentation/netlink/specs Documentation/networking drivers/net \
		include/uapi/linux tools/testing/selftests/net
	farm_copy "$source" "$tree" MAINTAINERS Documentation/networking/index.rst \
		drivers/net/{Kconfig,Makefile} tools/testing/selftests/Makefile
	tools/dev/to-tree.sh -s 'Test <test@example.org>' "$tree"
}

checkpatch() {
	local f

	for f in "$farm"/patches/*.patch; do
		[[ $f != */0000-* ]] || continue
		(cd "$source" && perl scripts/checkpatch.pl --strict --terse --no-summary --showfile \
			--show-types "$f" 2>&1)
	done | grep -vE "${known//$'\n'/}" | sed 's/^/# /' | { ! grep .; }
}

kernel() {
	make -s -C "$tree" ARCH=um O="$farm/out" KBUILD_MODPOST_WARN=1 -j"$(nproc)" "$@" \
		>>"$log" 2>&1 || {
		tail -n 20 "$log" | sed 's/^/# /'
		return 1
	}
}

configure() {
	printf 'CONFIG_XFRM_HA=m\nCONFIG_XFRM_HA_KUNIT_TEST=m\n' >>"$farm/out/.config"
	kernel olddefconfig && grep -qx 'CONFIG_XFRM_HA=m' "$farm/out/.config"
}

# Sparse of Debian 12 and 13 does not know a word of newer kernels.
build() {
	kernel W=1 C=1 CF="-D__CHECK_ENDIAN__ '-D__typeof_unqual__(x)=__typeof__(x)'" \
		drivers/net/xfrm_ha/xfrm_ha.ko drivers/net/xfrm_ha/tests/xfrm_ha_test.ko
}

# Of the folder alone: the headers of a kernel have some to say. That the length of a literal is a
# constant, as in MODULE_INFO(), these releases of sparse don't know either.
silent() {
	! grep -E '^[^ ]*drivers/net/xfrm_ha/.*(warning|error|expected|got):' "$log" |
		grep -v 'error: bad constant expression$' | sed 's/^/# /' | grep .
}

kunit() {
	selftests/vm/run --machine "$machine" --no-build \
		--env XFRM_HA_TEST_KO="$farm/out/drivers/net/xfrm_ha/tests/xfrm_ha_test.ko" \
		selftests/unit/kunit.sh >>"$log" 2>&1 || {
		grep -E 'not ok|BUG|WARNING' "$log" | sed 's/^/# /'
		return 1
	}
}

# As a user of them does: installed, with the tool in PATH and the module where modprobe looks.
kselftest() {
	local mods=$farm/mods/lib/modules

	mkdir -p "$mods"
	cp -a "$build"/mods/lib/modules/* "$mods/"
	install -D "$farm/out/drivers/net/xfrm_ha/xfrm_ha.ko" \
		"$(echo "$mods"/*)/kernel/drivers/net/xfrm_ha/xfrm_ha.ko"
	depmod -b "$farm/mods" "$(cd "$mods" && echo *)" >>"$log" 2>&1
	make -s -C "$tree/tools/testing/selftests" ARCH=um O="$farm/out" KDIR="$farm/out" \
		TARGETS=net/xfrm_ha INSTALL_PATH="$farm/kselftest" install >>"$log" 2>&1 &&
	selftests/vm/exec --machine "$machine" "mount --bind $mods /lib/modules
		PATH=$XFRM_HA_DIR/tools/xfrm-ha:\$PATH
		cd $farm/kselftest && ./run_kselftest.sh $(printf -- '-t net/xfrm_ha:%s ' "$@") 2>&1" \
		>"$farm/kselftest.log" 2>&1
	[ "$(grep -cE '^ok [0-9]+ selftests: net/xfrm_ha: [^ ]+$' "$farm/kselftest.log")" = $# ] || {
		tail -n 20 "$log" "$farm/kselftest.log" | sed 's/^/# /'
		return 1
	}
}

rm -rf "$farm"
mkdir -p "$farm"
check "a series of patches" series
check "it applies" applies
if [ "${TREE-}" ]; then
	check_not "nothing in it asks for older kernels" \
		grep -rEl 'compat/|XHA_LACKS|KERNEL_VERSION' "$tree/drivers/net/xfrm_ha"
	check "checkpatch --strict has nothing to say" checkpatch
fi
must cp -a "$build" "$farm/out"
check "Kconfig offers XFRM_HA" configure
check "Kbuild builds the module" build
check "no warnings: W=1, sparse" silent
check "KUnit" kunit
check "kselftests" kselftest takeover.sh engine-numbers.sh
[ "$ktap_failed" -ne 0 ] || rm -rf "$farm"
ktap_finished
