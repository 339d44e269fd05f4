#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The pure files in user space, under sanitizers, with random input against naive models: no
# number is used twice (M3 N10), windows keep what was seen (M4), nothing that comes over the link
# is read beyond its end or believed out of bounds (N1). With a fixed seed and with one that
# is new in each run; and with faults planted, which must be found.

. "$(dirname "$0")/../lib/ktap.sh"

tests=$XFRM_HA_DIR/selftests/property
make -s -C "$tests" || bail "the programs can't be built"
dir=$(mktemp -d)
at_exit rm -rf "$dir"

seed=$((SRANDOM))
for name in window stripe lease frame session place; do
	[ "${XFRM_HA_QUICK-}" ] || check "$name, seed 1" "$tests/$name" 1
	check "$name, seed $seed" "$tests/$name" $seed
done

# docs/states.rst has the tables that the kernel has.
drawn() { # places|roles
	diff <(sed -n "/^\.\. begin $1\$/,/^\.\. end $1\$/p" "$XFRM_HA_DIR/docs/states.rst" |
		grep -v '^\.\.' | sed '/^$/d') <("$tests/states" "$1")
}
check "the states of an SA are those of the docs" drawn places
check "the roles of a group are those of the docs" drawn roles

mutant() { # PROGRAM FILE SED-EXPRESSION
	rm -rf "$dir/src"
	mkdir "$dir/src"
	cp -rp "$XFRM_HA_DIR/src/pure" "$dir/src"
	sed -i "$3" "$dir/src/$2"
	! cmp -s "$dir/src/$2" "$XFRM_HA_DIR/src/$2" || bail "$2: nothing to plant with $3"
	make -s -C "$tests" SRC="$dir/src" OUT="$dir" OBJ=. "$dir/$1" || bail "$2: $3 can't be built"
	check_not "found in $2: $3" "$dir/$1" 1
}

# Faults that are planted are for the whole check.
[ -z "${XFRM_HA_QUICK-}" ] || ktap_finished
mutant window pure/window.c 's/seq >= w->width/seq > w->width/'
mutant window pure/window.c 's/!= (edge - 1) >> 32/> (edge - 1) >> 32/'
mutant stripe pure/stripe.c 's/q <= left/q < left/'
mutant stripe pure/stripe.c 's/s->step - rest + s->first/s->step - rest/'
mutant stripe pure/stripe.c 's/own->first + own->step/own->first + 1/'
mutant stripe pure/stripe.c 's/(bits + 1) > 1ULL/bits > 1ULL/'
mutant stripe pure/stripe.c 's/stripes - s->first - 1/stripes - s->first/'
mutant lease pure/lease.c 's/oseq < quantity/oseq > quantity/'
mutant lease pure/lease.c 's/b->bound ? min(limit, b->lease) : limit/limit/'
mutant lease pure/lease.c 's/max3(limit, oseq, b->floor)/oseq/'
mutant lease pure/lease.c 's/number <= b->floor ||/true ||/'
mutant lease pure/lease.c 's/quantity - below/quantity/'
mutant lease pure/lease.c 's/max3(end, oseq, b->floor)/max(end, oseq)/'
mutant lease pure/lease.c 's/!b->whole \&\& !b->share.step/false/'
mutant lease pure/lease.c 's/percent, 100)/percent, 101)/'
mutant place pure/place.c 's/XHA_DO_NOTE | XHA_DO_HOLD)/XHA_DO_HOLD)/'
mutant place pure/place.c 's/MOVE(TOLD, HELD, 0)/MOVE(TOLD, EXACT, 0)/'
mutant place pure/place.c 's/MOVE(DEPOSED, OWING/MOVE(DEPOSED, HELD/'
mutant place pure/place.c 's/MOVE(BEHIND, OWING/MOVE(BEHIND, HELD/'
mutant place pure/place.c 's/MOVE(UNUSABLE, RETIRED, XHA_DO_RENEW)/MOVE(UNUSABLE, RETIRED, 0)/'
mutant place pure/place.c 's/MOVE(LOOSE, SOLO, XHA_DO_RESUME)/MOVE(LOOSE, SOLO, 0)/'
mutant frame pure/frame.c 's/a->share.first >= a->share.step/a->share.first > a->share.step/'
ktap_finished
