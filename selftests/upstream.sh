#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What is proposed to net/xfrm, docs/upstream/*.patch and offload/*.patch: checkpatch --strict has
# nothing to say, each patch applies to 7.3 upon those before it, and what it touches is built without
# a warning: W=1, sparse. Of the kernel net/xfrm, ESP, and the files that patches touch are built, in
# a farm of links to the source.

. "$(dirname "$0")/lib/ktap.sh"
. "$(dirname "$0")/lib/farm.sh"
cd "$XFRM_HA_DIR" || exit

build=$(selftests/vm/kernel.sh uml-7.3) || bail "no kernel to build against"
source=$(sed -n 's/^include \(.*\)\/Makefile$/\1/p' "$build/Makefile")
farm=$XFRM_HA_DIR/build/upstream
tree=$farm/linux

# From its standard input: a file that git has it takes for source.
checkpatch() {
	! perl "$source/scripts/checkpatch.pl" --root="$source" --strict --terse --no-summary \
		--show-types - <"$1" 2>&1 | sed 's/^/# /' | grep .
}

applies() {
	local files

	mapfile -t files < <(git apply --numstat "$1" | cut -f 3)
	farm_copy "$source" "$tree" "${files[@]}"
	(cd "$tree" && GIT_CEILING_DIRECTORIES=$farm git apply "$XFRM_HA_DIR/$1")
}

# Only what these folders say: the headers of a kernel have some to say. That the length of a literal
# is a constant these releases of sparse don't know.
builds() {
	local objects

	mapfile -t objects < <(git apply --numstat "$1" | cut -f 3 | sed -n '/^net\/xfrm/d; s/\.c$/.o/p')
	make -s -C "$tree" ARCH=um O="$farm/out" -j"$(nproc)" W=1 C=1 \
		CF="-D__CHECK_ENDIAN__ '-D__typeof_unqual__(x)=__typeof__(x)'" \
		net/xfrm/ net/ipv4/esp4.o net/ipv6/esp6.o "${objects[@]}" >"$farm/log" 2>&1 || {
		tail -n 20 "$farm/log" | sed 's/^/# /'
		return 1
	}
	! grep -E '(net/xfrm/xfrm_(replay|device)|include/net/xfrm|drivers/).*(warning|error):' "$farm/log" |
		grep -v 'error: bad constant expression$' | sed 's/^/# /' | grep .
}

rm -rf "$farm"
mkdir -p "$farm"
must farm "$source" "$tree" include/net net/xfrm net/core net/ipv4 net/ipv6 drivers/net/netdevsim
must cp -a "$build" "$farm/out"
for patch in docs/upstream/*.patch docs/upstream/offload/*.patch; do
	check "${patch##*/}: checkpatch --strict" checkpatch "$patch"
	check "${patch##*/}: applies" applies "$patch"
	check "${patch##*/}: builds" builds "$patch"
done
[ "$ktap_failed" -ne 0 ] || rm -rf "$farm"
ktap_finished
