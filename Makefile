# The front door. Every target first installs what it needs and lacks (tools/need.sh), then configures and builds.
# How things are compiled is meson.build's affair.
#
#   make              the library, the tests, the examples
#   make demo         shows it at work
#   make demo-million a million tasks at once, in some seconds and 4.5 GB of memory
#   make test         T=queue: only tests whose name contains it;  CC=clang: another compiler, in build-clang;
#                     MACHINE=aarch64 or riscv64: cross-compiled, in build-aarch64, and run by qemu
#   make conformance  random programs on the library and on CPython's asyncio: N=1000 SEED=1
#   make planted      that this finds mistakes which are planted in a copy of the library; T=queue: only those
#   make faults       every call of the kernel and for memory fails in turn; FULL=1: in every case, for hours
#   make storm        a million connections that end in every way, on each backend: N=1000000; and how a server fares
#                     that has no descriptors left
#   make chaos        random programs at both sides of connections, each byte, end and error judged: N=10000 SEED=1
#   make fuzz         certificates and records of TLS under clang's libFuzzer; SECONDS=600, in all
#   make valgrind     the tests under valgrind; T= as for test
#   make check        the tests under every compiler, option, libc and processor (tools/check.py); STEP=musl: only that
#   make bench        B=core: the core beside its peers, on one processor; M='switch/2 million': only those;
#                     B=sync: synchronisation; B=echo: a server of TCP beside others, B=tls: one of TLS, B=redis: a
#                     small Redis beside the real one, all on two processors
#   make install      PREFIX=/usr/local; DESTDIR=
#   make format       lays out every C file as .clang-format says

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.PHONY: all demo demo-million test conformance planted faults storm chaos fuzz valgrind check bench install format

ifdef MACHINE
CC := $(MACHINE)-linux-gnu-gcc
BUILD := build-$(MACHINE)
CROSS := --cross-file tools/cross/$(MACHINE).ini
WRAPPER := qemu-$(MACHINE) -L /usr/$(MACHINE)-linux-gnu
else ifeq ($(origin CC),default)
CC := cc
BUILD := build
else
BUILD := build-$(notdir $(CC))
endif
OPTIONS :=
REPEAT := 1
N := 1000
SEED := 1
FULL :=
SECONDS := $(or $(FUZZ_SECONDS),600)
B := core
PREFIX := /usr/local
TOOLS := $(CC) $(firstword $(WRAPPER)) meson ninja python3
CLIENTS := nc curl redis-cli redis-server wrk dig openssl
TLS := pkg-config openssl/ssl.h
PEERS := openssl g++ boost/context/fiber.hpp st.h uv.h go rustc cargo tokio uvloop redis-server

# Nobody who installs or measures the library wants to pay for its self-checks.
RELEASE := OPTIONS='-Dchecks=false -Dprefix=$(PREFIX)' BUILD=build-release

# Configures $(BUILD) when it is new, and anew when its options changed or a file came or went that meson finds
# by looking; then compiles.
define build
@tools/need.sh $(TOOLS)
now=$$(echo '$(OPTIONS)'; find tests examples bench docs/man include -name '*.[ch]' | sort)
known=$(BUILD)/configured-for
if [ ! -f $(BUILD)/build.ninja ]; then
    $(if $(CROSS),,CC='$(CC)') meson setup $(BUILD) $(CROSS) $(OPTIONS)
elif [ "$$now" != "$$(cat $$known 2>/dev/null)" ]; then
    $(if $(OPTIONS),meson configure $(BUILD) $(OPTIONS))
    ninja --quiet -C $(BUILD) reconfigure
fi
echo "$$now" >$$known
ninja --quiet -C $(BUILD)
endef

all:
	$(build)

demo:
	$(build)
	BUILD_DIR=$(CURDIR)/$(BUILD) tools/demo.sh

demo-million:
	@$(MAKE) --no-print-directory all $(RELEASE)
	build-release/million

test:
	@$(if $(WRAPPER),,tools/need.sh mandoc groff || echo 'Nobody looks at the roff of the man pages.')
	$(if $(WRAPPER),,tools/need.sh $(TLS) || echo 'TLS is left out.')
	tools/need.sh $(CLIENTS) || echo 'The examples are tried with those of their clients that are there.'
	$(build)
	$(if $(WRAPPER),TEST_TIME_LIMIT=$${TEST_TIME_LIMIT:-60} $(WRAPPER)) $(BUILD)/suite --repeat $(REPEAT) $(T)

conformance:
	$(build)
	BUILD_DIR=$(BUILD) WRAPPER='$(WRAPPER)' python3 tests/conformance/judge.py $(N) $(SEED)

planted:
	$(build)
	BUILD_DIR=$(BUILD) python3 tests/conformance/planted.py $(T)

# The programs written for it go through everything, the rest of the suite through as much as there is time for; then,
# under the sanitizers, a part of it again.
faults: SANITIZED := OPTIONS='-Db_sanitize=address,undefined -Db_lundef=false' BUILD=build-sanitize
faults:
	$(build)
	BUILD_DIR=$(BUILD) python3 tests/faults.py $(if $(FULL),--full) $(T)
	$(MAKE) --no-print-directory all $(SANITIZED)
	printf '\nUnder the sanitizers:\n'
	BUILD_DIR=build-sanitize python3 tests/faults.py $(if $(FULL),--full,--sample 1500) $(or $(T),faults_)

storm: N := 1000000
storm:
	$(build)
	STORM=$(N) TEST_TIME_LIMIT=600 $(WRAPPER) $(BUILD)/suite -v storm_
	$(if $(WRAPPER),,BUILD_DIR=$(BUILD) python3 tests/shortage.py)

# Of each kind of connection on each backend. A failure says which seed plays the same round again.
chaos: N := 10000
chaos:
	$(build)
	CHAOS_ROUNDS=$(N) CHAOS_SEED=$(SEED) TEST_TIME_LIMIT=900 $(WRAPPER) $(BUILD)/suite chaos_

# What is lacking is said by the script, which then runs nothing.
fuzz:
	@tools/need.sh clang $(TLS) meson ninja python3 || true
	tools/fuzz.py $(SECONDS) $(if $(filter command line,$(origin BUILD)),$(BUILD),build-fuzz) $(OPTIONS)

# Each case is a fork of one process, so valgrind starts once. What it finds makes a case fail.
valgrind:
	@tools/need.sh valgrind
	$(MAKE) --no-print-directory all BUILD=build-valgrind OPTIONS=-Dvalgrind=enabled
	TEST_TIME_LIMIT=300 valgrind -q --error-exitcode=9 build-valgrind/suite $(T)

# What others have is measured when it is there, or can be had; the rest of the table stands without it.
bench:
	@$(MAKE) --no-print-directory all OPTIONS='-Dchecks=false -Dprefix=$(CURDIR)/build-bench/installed' BUILD=build-bench
	if [ ! -f bench/$(B).toml ]; then echo "There is no bench/$(B).toml"; exit 1; fi
	meson install -C build-bench --no-rebuild --quiet
	tools/need.sh pkg-config
	tools/need.sh $(TLS) || true
	tools/need.sh $(PEERS) || echo 'Those of the peers that are there take part.'
	bench/run.py $(B) build-bench $(M)

install:
	@$(MAKE) --no-print-directory all $(RELEASE)
	meson install -C build-release --no-rebuild
	if [ -z '$(DESTDIR)' ] && [ "$$(id -u)" = 0 ]; then ldconfig; fi

format:
	@tools/need.sh clang-format
	find $(wildcard src include tests bench examples docs ext) -name '*.[ch]' -exec clang-format -i {} +

# What is tried stands in tools/check.py, a line for each. The scripts of the suite use these compilers.
check:
	@tools/need.sh gcc g++ clang clang++ clang-format readelf valgrind gdb mandoc groff $(TOOLS)
	tools/check.py $(STEP)
