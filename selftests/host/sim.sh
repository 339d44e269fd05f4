#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The heat policy, src/engine/heat.c as it is, in user space:
#
# C1: heat rises with packets, falls with time, also where nobody looks at the SA meanwhile, and
# gets a bonus on entering a slot: against a naive reference, with random input.
# C2: who exceeds the coldest by more than the cost of a swap gets its slot; on each trace the
# slots serve at least 90 % of what the optimum serves (Zipf: 95 %), with at most a fiftieth of
# the swaps of LRU.
# C3: for all constants within their ranges, and with the default ones on all traces.
# C4: SAs that found no free slot are served later.
#
# With faults planted, which must be found: by the reference, or by the bars.

. "$(dirname "$0")/../lib/ktap.sh"

property=$XFRM_HA_DIR/selftests/property
sim=$XFRM_HA_DIR/selftests/sim
dir=$(mktemp -d)
at_exit rm -rf "$dir"
make -s -C "$property" OUT="$dir" "$dir/heat" || bail "the property test can't be built"
make -s -C "$sim" OUT="$dir" || bail "the simulator can't be built"

seed=$((SRANDOM))
check "C1-C3: against the reference, seed 1" "$dir/heat" 1
check "C1-C3: against the reference, seed $seed" "$dir/heat" $seed

# 1: a bar was missed
"$dir/sim" --quick >"$dir/results"
between "the simulator's exit status" $? 0 1
sed 's/^/# /' "$dir/results"
for trace in zipf flash diurnal scan voice rekey equal; do
	for what in share swaps; do
		check "C2: $trace: bar of $what" grep -q "^@@bar $trace $what .* met$" "$dir/results"
	done
done
# What is ESP in a capture: 5 packets of 4 SAs, by destination and SPI.
python3 - "$dir/kinds" <<-'EOF' || bail "no capture"
	import struct, sys
	esp = lambda spi: struct.pack('>II', spi, 1)
	ip4 = lambda dst, proto, body, more=0: struct.pack(
	    '>BBHHHBBH4s4s', 0x45, 0, 20 + len(body), 0, more, 64, proto, 0, b'abcd', dst) + body
	ip6 = lambda dst, body: struct.pack('>IHBB16s16s', 6 << 28, len(body), 50, 64,
	    bytes(16), dst) + body
	udp = lambda port, body: struct.pack('>HHHH', port, port, 8 + len(body), 0) + body
	ether = lambda kind, body: bytes(12) + struct.pack('>H', kind) + body
	vlan = lambda kind, body: ether(0x8100, struct.pack('>HH', 7, kind) + body)
	frames = [
	    ether(0x0800, ip4(b'1111', 50, esp(256))),
	    vlan(0x0800, ip4(b'1111', 50, esp(256))),                   # the same SA
	    ether(0x0800, ip4(b'2222', 50, esp(256))),
	    vlan(0x86dd, ip6(b'1111' * 4, esp(256))),
	    ether(0x0800, ip4(b'1111', 17, udp(4500, esp(257)))),
	    # None: IKE on that port, another port, a later fragment, cut off, ARP
	    ether(0x0800, ip4(b'3333', 17, udp(4500, bytes(8)))),
	    ether(0x0800, ip4(b'3333', 17, udp(4501, esp(258)))),
	    ether(0x0800, ip4(b'3333', 50, esp(259), 8)),
	    ether(0x0800, ip4(b'3333', 50, esp(260)[:4])),
	    ether(0x0806, bytes(28)),
	]
	with open(sys.argv[1], 'wb') as f:
	    f.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
	    for i, frame in enumerate(frames):
	        f.write(struct.pack('<IIII', i, 0, len(frame), len(frame)) + frame)
EOF
"$dir/sim" --pcap "$dir/kinds" >"$dir/kinds.out"
sas=$(awk '/@@trace/ { n = $3 } /result.*static/ { print n, $4 }' "$dir/kinds.out")
is "a capture: SAs, packets" "$sas" "4 5"

must "$dir/sim" --make-pcap "$dir/pcap"
check "C2: a capture, its bars" "$dir/sim" --pcap "$dir/pcap"
"$dir/sim" --quick zipf >"$dir/again"
check "the same seed gives the same" cmp <(grep ' zipf ' "$dir/results") "$dir/again"

result() { # TRACE POLICY share|swaps; a share in percent
	local kind trace policy packets served swaps

	while read -r kind trace policy packets served swaps; do
		[ "$kind $trace $policy" = "@@result $1 $2" ] || continue
		case $3 in
		share) echo $((100 * served / packets)) ;;
		swaps) echo "$swaps" ;;
		esac
	done <"$dir/results"
}
# In the beginning the slots are full of SAs that hardly send.
between "C4: percent of zipf, if who came first stays" \
	"$(result zipf static share)" 0 5
between "C4: percent of zipf, by heat" "$(result zipf heat share)" 45 60
# 102 slots, which 204 SAs of the same rate want: each is filled once, and then it is quiet.
between "C2: swaps among equals" "$(result equal heat swaps)" 90 130

mutant() { # SED-EXPRESSION COMMAND...: the command, in the folder of its programs, must fail
	local expression=$1 status

	shift
	rm -rf "$dir/src"
	mkdir "$dir/src"
	cp -rp "$XFRM_HA_DIR/src/pure" "$XFRM_HA_DIR/src/engine" "$dir/src"
	sed -i "$expression" "$dir/src/engine/heat.c"
	! cmp -s "$dir/src/engine/heat.c" "$XFRM_HA_DIR/src/engine/heat.c" ||
		bail "nothing to plant with $expression"
	case $1 in
	heat) make -s -C "$property" SRC="$dir/src" OUT="$dir/src" OBJ="$dir" "$dir/src/heat" ;;
	sim) make -s -C "$sim" SRC="$dir/src" OUT="$dir/src" ;;
	esac || bail "$expression can't be built"
	"$dir/src/$1" "${@:2}" >"$dir/mutant"
	status=$?
	tail -n 1 "$dir/mutant" | sed 's/^/# /'
	is "found by $*: $expression" "$status" 1
}

no_decay='s/if (tick <= h->tick || !h->heat)/if (true)/'
no_threshold='s/v.gain > v.margin/v.gain > 0/'
no_bonus='s/add(h, p, xha_heat_bonus(p), tick)/add(h, p, 0, tick)/'
no_rise='s/add(h, p, added \* p->rise, tick)/add(h, p, 0, tick)/'
no_noise='s/200 - p->decay) \* 100;/200 - p->decay) * 0;/'
hottest_out='s/order(plan->cold, plan->colds, false)/order(plan->cold, plan->colds, true)/'
no_limit='s/if (n == min_t(u32, p->swaps, plan->room))/if (n == plan->room)/'
cost_ignored='s/cost = (u64)p->swap_ns/cost = 1000000ULL/'
all_free='s/else if (n < plan->free)/else if (n <= plan->free)/'
begun_now='s/added \*= 2;/added += 0;/'

# Faults that are planted are for the whole check.
[ -z "${XFRM_HA_QUICK-}" ] || ktap_finished
mutant "$no_decay" heat 1 20000
mutant "$no_threshold" heat 1 20000
mutant "$no_bonus" heat 1 20000
mutant "$no_rise" heat 1 20000
mutant "$no_noise" heat 1 20000
mutant "$hottest_out" heat 1 20000
mutant "$no_limit" heat 1 20000
mutant "$cost_ignored" heat 1 20000
mutant "$all_free" heat 1 20000
mutant "$begun_now" heat 1 20000

# Without a reference: what the slots serve tells, too.
mutant "$no_decay" sim --quick flash
mutant "$no_rise" sim --quick zipf
ktap_finished
