# SPDX-License-Identifier: GPL-2.0
#
# In a kernel tree this is a Kbuild file; everywhere else it is for people:
# "make help" tells what there is.

ifneq ($(KERNELRELEASE),)

obj-$(CONFIG_XFRM_HA) += src/

else

PREFIX ?= /usr/local
DESTDIR ?=
TOP := $(CURDIR)
VM := selftests/vm

# The running kernel where it has headers, else the one that the tests use.
RUNNING := /lib/modules/$(shell uname -r)/build
KDIR ?= $(if $(wildcard $(RUNNING)/Makefile),$(RUNNING),$(shell $(VM)/debian_kernel.py))

# ARCH reaches Kbuild only where it was asked for.
KBUILD = $(MAKE) -C $(KDIR) M=$(TOP)/src $(if $(ARCH),ARCH=$(ARCH)) CONFIG_XFRM_HA=m

.PHONY: all
all: modules tools ## Module and tools (the default)

.PHONY: modules
modules: ## src/xfrm_ha.ko, for the kernel in KDIR [ARCH=um]
	+$(KBUILD) modules

.PHONY: tools
tools: ## The tools in tools/
	+$(MAKE) -C tools

.PHONY: install
install: tools ## The tools with all that belongs to them, below PREFIX
	+$(MAKE) -C tools install PREFIX=$(PREFIX) DESTDIR=$(DESTDIR)

.PHONY: modules_install
modules_install: modules ## The module, for the kernel in KDIR [INSTALL_MOD_PATH]
	+$(KBUILD) $(if $(DESTDIR),INSTALL_MOD_PATH=$(DESTDIR)) modules_install

.PHONY: dist
dist: ## The sources as build/dist/xfrm-ha-VERSION.tar.xz, the same octets each time
	tools/debian/dist

.PHONY: deb
deb: dist ## Debian packages, in build/deb
	tools/debian/build

.PHONY: deps
deps: ## Install the Debian packages that tests and demo need
	selftests/deps.sh

.PHONY: ready
ready:
	@selftests/deps.sh --check || selftests/deps.sh

.PHONY: kernels
kernels: ready ## Fetch and build the guests' kernels (else done on demand)
	$(VM)/debian_kernel.py
	$(VM)/kernel.sh uml
	$(VM)/kernel.sh uml-san
	$(VM)/kernel.sh smp-san

.PHONY: demo
demo: ready tools ## Three VMs, one is killed, the tunnels go on: a timeline and a picture
	selftests/demo/run

.PHONY: demo-engines
demo-engines: ready tools ## Hot SAs move into slots of two NICs: a map over time and a picture (1 minute)
	selftests/demo/engines

.PHONY: check
check: ready tools ## All tests (half an hour); with KERNEL=7.3 those in UML and QEMU, on that kernel
	selftests/check.py

.PHONY: check-builds
check-builds: ready ## The modules against each kernel's headers, x86-64 and arm64: W=1, sparse (10 minutes)
	KERNELS=all selftests/check.py builds

ARM64 := unit/kunit $(addprefix net/,esp_base takeover lease link modes)

.PHONY: check-arm64
check-arm64: ready ## Debian's arm64 kernel in an emulator: TESTS="takeover lease" or the like (half an hour)
	$(VM)/run --machine arm64 $(patsubst %,selftests/%.sh,$(or $(addprefix net/,$(TESTS)),$(ARM64)))

.PHONY: check-dkms
check-dkms: ready ## The module by DKMS, for each kernel that the archive has headers of (10 minutes)
	selftests/check.py dkms

.PHONY: check-tree
check-tree: ready tools ## The module in a kernel tree: TREE=7.3 [or another series], with checkpatch (10 minutes)
	TREE=$(or $(TREE),7.3) selftests/check.py intree

.PHONY: check-upstream
check-upstream: ready ## What is proposed to net/xfrm (docs/upstream), against 7.3 (5 minutes)
	selftests/check.py upstream

.PHONY: check-trixie
check-trixie: ## README's first command in a root of Debian 13 [COMMAND="make check"] (15 minutes)
	selftests/deb/trixie $(COMMAND)

.PHONY: check-quick
check-quick: ready tools ## Tests for the daily loop: units, host, plain UML (2 minutes)
	selftests/check.py --quick

.PHONY: check-deb
check-deb: ready ## Packages in a machine of their own: installed, upgraded, purged; DKMS (10 minutes)
	selftests/deb/run

.PHONY: check-rolling
check-rolling: ready tools ## A rolling upgrade of a pair from OLD=COMMIT (the last tag), and back (5 minutes)
	selftests/deb/rolling $(OLD)

.PHONY: check-libreswan
check-libreswan: ready tools ## With Libreswan, which is fetched: as gateways, as remote end (5 minutes)
	selftests/check.py libreswan

.PHONY: check-keepalived
check-keepalived: ready tools ## Races between keepalived and roles, two groups (10 minutes)
	$(VM)/run --machine uml selftests/cluster/keepalived.sh selftests/cluster/keepalived-two.sh

.PHONY: check-pacemaker
check-pacemaker: ready tools ## Clusters of Pacemaker's: of two, of three nodes, with fencing (25 minutes)
	$(VM)/run --machine uml selftests/cluster/pacemaker.sh selftests/cluster/pacemaker-three.sh \
		selftests/cluster/pacemaker-fence.sh

.PHONY: check-cluster
check-cluster: ready tools ## The relay and the store over Corosync, as long as over TLS (15 minutes)
	$(VM)/run --machine uml selftests/cluster/had-relay-cpg.sh \
		selftests/cluster/had-relay-peers-cpg.sh selftests/cluster/had-store-cpg.sh

.PHONY: check-swan-ha
check-swan-ha: ready tools ## strongSwan's ha plugin: events at random, from SEED=N on, a NAT (15 minutes)
	$(VM)/run --machine uml $(if $(SEED),--env SEED=$(SEED)) selftests/net/swan-ha-random.sh \
		selftests/net/swan-ha-nat.sh

.PHONY: check-smp
check-smp: ready tools ## All tests of the module on two CPUs under KASAN, then under KCSAN (hours)
	selftests/check.py smp-san smp-kcsan

.PHONY: bench
bench: ready tools ## What mirroring costs, as ratios; table and build/bench/bench.json (10 minutes)
	selftests/bench/run

.PHONY: bench-profile
bench-profile: ready tools ## Instructions of a packet by function, with mirroring and without (5 minutes)
	selftests/bench/profile ftrace:loaded ftrace:64 ftrace:1

.PHONY: bench-forwarder
bench-forwarder: ready tools ## Decryption on two CPUs: by nothing, RPS, the forwarder (5 minutes)
	selftests/bench/forwarder

.PHONY: bench-scale
bench-scale: ready tools ## Memory, bulk sync, failover with 1,000 to 100,000 SAs, 1 and 1,000 groups (15 minutes)
	selftests/bench/scale

.PHONY: bench-stretch
bench-stretch: ready tools ## How long many SAs keep a packet waiting, counted in an emulator (30 minutes)
	selftests/bench/stretch

.PHONY: bench-compare
bench-compare: ready tools ## Against a relay of aevents in user space: CPU, losses, lag, takeover (20 minutes)
	selftests/bench/compare

.PHONY: bench-tick
bench-tick: ready tools ## What the decisions of an engine device cost, with 100,000 SAs (20 minutes)
	selftests/bench/tick

.PHONY: bench-relay
bench-relay: ready tools ## SAs that come to the other gateway: snapshot, rekeys, memory, two machines (5 minutes)
	selftests/bench/relay

.PHONY: bench-upstream
bench-upstream: ready tools ## What docs/upstream would save: instructions, lines; builds a kernel once (20 minutes)
	selftests/bench/upstream

.PHONY: bench-switch
bench-switch: ready tools ## Planned switchovers under load: packets, numbers, silence (5 minutes)
	selftests/bench/switch

.PHONY: voice
voice: ready tools ## 200 calls through a failover: a table and a picture
	selftests/voice/run

.PHONY: sim
sim: ready ## Which SAs get the hardware slots: heat against LRU, LFU and the optimum (1 minute)
	selftests/sim/run

.PHONY: campaign
campaign: ready tools ## N=40 random failures of SEED=1 [FIRST=0 MACHINE=uml], judged by the wire oracle and a replayer
	selftests/campaign/run

.PHONY: check-model
check-model: ready ## The protocol as a Spin model, searched exhaustively; mutants must fail
	selftests/model/run

.PHONY: style
style: ready ## checkpatch, sparse, W=1, shellcheck, SPDX
	selftests/style.sh

.PHONY: clean
clean: ## Remove what was built from this tree; guests' kernels stay
	rm -rf build/check build/check-deb build/deb build/dist build/lab build/style build/intree build/builds build/sim \
		build/dkms build/upstream build/trixie build/bench-upstream build/watch-* build/lean-* \
		build/qemu build/uml build/uml-san build/smp-san build/smp-kcsan build/uml-* build/qemu-* \
		build/arm64*
	find src -name '*.o' -o -name '*.ko' -o -name '*.mod' -o -name '*.mod.c' \
		-o -name '.*.cmd' -o -name modules.order -o -name Module.symvers | xargs -r rm -f
	+[ ! -e tools/Makefile ] || $(MAKE) -C tools clean
	+[ ! -e selftests/sim/Makefile ] || $(MAKE) -C selftests/sim clean

.PHONY: distclean
distclean: clean ## Remove build/, too (not the cache of UML kernels)
	rm -rf build

.PHONY: help
help: ## This list
	@sed -n 's/^\([a-z0-9_-]*\):.*## \(.*\)/\1\t\2/p' $(firstword $(MAKEFILE_LIST)) | \
		awk -F'\t' '{ printf "  %-16s %s\n", $$1, $$2 }'

endif
