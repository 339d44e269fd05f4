#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Parts of the daemon in user space, under sanitizers: the relay's messages, and what becomes of an
# SA on its way to another kernel, with random input, also with faults planted, which must be found
# (M7 N15); what charon says of its IKE_SAs; its transports, over loopback, and over an engine that is
# in the test.

. "$(dirname "$0")/../lib/ktap.sh"

tests=$XFRM_HA_DIR/selftests/had
make -s -C "$tests" || bail "the programs can't be built"
dir=$(mktemp -d)
at_exit rm -rf "$dir"

seed=$((SRANDOM))
for name in wire translate vici; do
	[ "${XFRM_HA_QUICK-}" ] || check "$name, seed 1" "$tests/$name" 1
	check "$name, seed $seed" "$tests/$name" $seed
done
check "transport: TLS" "$tests/tls"
check "transport: CPG, seed $seed" "$tests/cpg" $seed

mutant() { # PROGRAM FILE SED-EXPRESSION
	rm -rf "$dir/src"
	mkdir "$dir/src"
	cp -p "$XFRM_HA_DIR/tools/xfrm-had"/*.[ch] "$dir/src"
	sed -i "$3" "$dir/src/$2"
	! cmp -s "$dir/src/$2" "$XFRM_HA_DIR/tools/xfrm-had/$2" ||
		bail "$2: nothing to plant with $3"
	make -s -C "$tests" SRC="$dir/src" OUT="$dir" OBJ=. "$dir/$1" || bail "$2: $3 can't be built"
	check_not "found in $2: $3" "$dir/$1" 1
}

# Faults that are planted are for the whole check.
[ -z "${XFRM_HA_QUICK-}" ] || ktap_finished
mutant wire wire.c 's/r.left < n)$/r.left + 8 < n)/'
mutant wire wire.c 's/h->n_groups > HAD_WIRE_GROUPS/h->n_groups > 2 * HAD_WIRE_GROUPS/'
mutant wire wire.c 's/n > HAD_WIRE_BODY_MAX/n > UINT32_MAX/'
mutant translate translate.c 's/case XFRMA_REPLAY_VAL:$/case XFRMA_REPLAY_THRESH:/'
mutant translate translate.c 's/seconds > passed ? seconds - passed : 1/seconds - passed/'
mutant translate translate.c 's/h.nla_len > a->end - a->next)$/h.nla_len > a->end - a->next + 4)/'
mutant translate translate.c 's/if (dir != HAD_SA_DIR_OUT)/if (dir != 77)/'
mutant translate translate.c 's/p->n_tmpls > XFRM_MAX_DEPTH/p->n_tmpls > 2 * XFRM_MAX_DEPTH/'
mutant cpg seal.c 's/EVP_CipherFinal_ex(s->in, to + got, &end) > 0/true/'
mutant cpg cpg.c 's/c->on_way < WINDOW/true/'
mutant tls tls.c 's/had_derive(c->key, PURPOSE, t->psk, PSK_LEN)/false/'
ktap_finished
