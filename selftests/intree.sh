#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The tree works as a part of a kernel tree: copied to drivers/net/xfrm_ha,
# reached by Kconfig and Kbuild, built as a module from there. The kernel tree
# is a farm of links to the cached source, the objects those of the UML kernel,
# so that nothing but the module has to be built.

. "$(dirname "$0")/lib/ktap.sh"
cd "$XFRM_HA_DIR" || exit

build=$(selftests/vm/kernel.sh uml) || bail "no kernel to build against"
source=$(sed -n 's/^include \(.*\)\/Makefile$/\1/p' "$build/Makefile")
farm=$XFRM_HA_DIR/build/intree
log=$farm/log

rm -rf "$farm"
mkdir -p "$farm"
must cp -as "$source" "$farm/linux"
must cp -a "$build" "$farm/out"

dir=$farm/linux/drivers/net
for f in Makefile Kconfig; do
	cp --remove-destination "$source/drivers/net/$f" "$dir/$f"
done
mkdir "$dir/xfrm_ha"
cp -a Kconfig Makefile src "$dir/xfrm_ha/"
[ ! -d include ] || cp -a include "$dir/xfrm_ha/"
find "$dir/xfrm_ha" \( -name '*.o' -o -name '.*.cmd' -o -name '*.mod*' \) -delete
# shellcheck disable=SC2016	# for make
echo 'obj-$(CONFIG_XFRM_HA) += xfrm_ha/' >>"$dir/Makefile"
sed -i '/^endif # NETDEVICES/i source "drivers/net/xfrm_ha/Kconfig"' "$dir/Kconfig"

kernel() {
	make -s -C "$farm/linux" ARCH=um O="$farm/out" KBUILD_MODPOST_WARN=1 \
		-j"$(nproc)" "$@" >>"$log" 2>&1 || {
		tail -n 20 "$log" | sed 's/^/# /'
		return 1
	}
}

configure() {
	printf 'CONFIG_XFRM_HA=m\nCONFIG_XFRM_HA_KUNIT_TEST=m\n' >>"$farm/out/.config"
	kernel olddefconfig && grep -qx 'CONFIG_XFRM_HA=m' "$farm/out/.config"
}

check "Kconfig offers XFRM_HA" configure
check "Kbuild builds the module" kernel drivers/net/xfrm_ha/src/xfrm_ha.ko
check "no warnings" bash -c "! grep -A 8 xfrm_ha.*warning: '$log'"
rm -rf "$farm"
ktap_finished
