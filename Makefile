# Every target names the missing packages it needs and installs them (tools/need.sh), then configures and builds.
# meson.build decides how things are compiled.
#
#   make              builds the library, as `make install` installs it, in build-release
#   make install      PREFIX=/usr/local; DESTDIR=; LIBDIR=, the folder of the libraries below PREFIX
#   make uninstall    removes the files installed with the same PREFIX and DESTDIR
#   make all          the library with self-checks, the tests, the examples and the benchmarks, in build
#   make clean        removes all build folders
#   make help         prints this list
#   make demo         runs the programs of the tutorial
#   make pictures     draws the timelines of the tutorial again: docs/tutorial/pictures
#   make demo-million runs a million tasks at once, in some seconds and 4.5 GB of memory
#   make test         T=queue: only tests with this in their name;  CC=clang: another compiler, in build-clang;
#                     FULL=1: also installs programs that only a few tests need; without them those tests are skipped;
#                     MACHINE=aarch64, riscv64, s390x, armhf or i386: cross-compiled, in build-aarch64, and run by
#                     qemu, i386 by the kernel of this machine
#   make conformance  compares random programs on the library and on CPython's asyncio: N=1000 SEED=1; and N/10 of
#                     them with queues in Redis
#   make planted      mutation test of `make conformance`: plants mistakes in a copy of the library; T=queue: only some
#   make faults       fails every system call and allocation in turn; FULL=1: in every test, for hours
#   make storm        stress test: a million connections that end in every way, on each backend (N=1000000), and a
#                     server without free descriptors
#   make redis-storm  kills workers of a queue in Redis, its server and the connections, and looks for lost items:
#                     N=100000 SEED=1
#   make redis-servers
#                     the tests of asyncio-redis with Redis 6.0 to 8.0 and Valkey 8.0 to 9.1, from Debian's releases;
#                     SERVER='trixie valkey': only that; T= as for test
#   make chaos        random programs at both ends of connections, each byte, end and error checked: N=10000 SEED=1
#   make fuzz         certificates and TLS records under clang's libFuzzer; SECONDS=600 in total
#   make vm           the tests on another kernel, in qemu: KERNEL=bullseye/cloud-amd64 (Debian's release and flavour);
#                     VM=--without-uring; T= as for test
#   make valgrind     the tests under valgrind; T= as for test
#   make check        the tests with every compiler, option, libc and processor (tools/check.py); STEP=musl: only that
#   make bench        B=core: the core beside its peers, on one processor; M='switch/2 million': only these rows;
#                     B=sync: synchronisation; B=echo: TCP servers, B=tls: TLS servers, B=redis: a small Redis beside
#                     redis-server, B=queue: queues in Redis beside BullMQ and RQ, these four on two processors;
#                     B=machine: programs, pipes, standard input; B=trace: what a flight recorder costs;
#                     AGAINST='HEAD~1 go': compares with commits or peers, in pairs of short slices (PAIRS=15), for a
#                     busy machine;  COUNT=1: counts instructions with callgrind, also AGAINST commits
#   make first-hour   types the commands of README.md in a bare Debian, as root (tests/scripts/first_hour.py)
#   make format       formats all C files with clang-format

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.PHONY: library install uninstall all clean help demo pictures demo-million test conformance mutations planted faults stress storm redis-storm redis-servers chaos fuzz \
    valgrind check bench first-hour format vm

# MACHINE is the name of a Debian port or of a compiler target.
ifdef MACHINE
TARGET_i386 := i686-linux-gnu
TARGET_armhf := arm-linux-gnueabihf
TARGET := $(or $(TARGET_$(MACHINE)),$(MACHINE)-linux-gnu)
QEMU_armhf := qemu-arm
CC := $(TARGET)-gcc
BUILD := build-$(MACHINE)
CROSS := --cross-file tools/cross/$(MACHINE).ini
ifeq ($(MACHINE),i386)
WRAPPER := linux32
RUNNERS := linux32 /lib/ld-linux.so.2
else
WRAPPER := $(or $(QEMU_$(MACHINE)),qemu-$(MACHINE)) -L /usr/$(TARGET)
RUNNERS := $(firstword $(WRAPPER))
# Before 8.0 a fork in qemu of a process with threads can hang in the child, in glib's own allocator.
export G_SLICE := always-malloc
endif
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
PREFIX := /usr/local
DESTDIR :=
LIBDIR :=
export PREFIX DESTDIR LIBDIR
INSTALL = CC='$(CC)' tools/install.sh

# Names that must be there and their purposes; tools/need.sh prints both before it installs anything.
BUILDING := --for 'to compile C' $(CC) --for 'to configure and run the build' meson ninja python3
ifdef WRAPPER
BUILDING += --for 'to run programs for $(MACHINE)' $(RUNNERS)
endif
TLS := pkg-config openssl/ssl.h
CLIENTS := nc curl redis-cli redis-server wrk dig
PEERS := openssl g++ boost/context/fiber.hpp st.h uv.h hiredis/hiredis.h go rustc cargo tokio uvloop rq redis-server

# The installed library has no self-checks. PLACED: configure for PREFIX.
RELEASE_BUILD := $(BUILD:build%=build-release%)
RELEASE := OPTIONS='-Dchecks=false $(OPTIONS)' BUILD=$(RELEASE_BUILD)
PLACED :=
TARGETS :=

# Files built by root in another user's working tree are given to that user, so that their next make can write there.
GIVE_BACK = if [ "$$(id -u)" = 0 ] && [ "$$(stat -c %u .)" != 0 ]; then chown -R --reference=. \
    $$(ls -d $(BUILD) $(RELEASE_BUILD) tools/__pycache__ tests/__pycache__ tests/*/__pycache__ 2>/dev/null) || true; fi

# Configures $(BUILD) if it is new, and again if its options, the list of files that meson searches for, OpenSSL or libdw
# changed; then builds $(1), or all.
define build
@tools/need.sh $(BUILDING)
trap '$(GIVE_BACK)' EXIT
places=()
$(if $(PLACED),places=(-Dprefix="$$PREFIX" -Dlibdir="$$($(INSTALL) libdir)"))
now=$$(echo '$(OPTIONS)' "$${places[@]}"
    for package in openssl libdw; do pkg-config --modversion $$package 2>/dev/null || true; done
    find tests examples bench docs/man include -name '*.[ch]' | sort)
known=$(BUILD)/configured-for
if [ ! -f $(BUILD)/build.ninja ]; then
    $(if $(CROSS),,CC='$(CC)') meson setup $(BUILD) $(CROSS) $(OPTIONS) "$${places[@]}"
elif [ "$$now" != "$$(cat $$known 2>/dev/null)" ]; then
    meson configure $(BUILD) --clearcache
    $(if $(OPTIONS)$(PLACED),meson configure $(BUILD) $(OPTIONS) "$${places[@]}")
    ninja --quiet -C $(BUILD) reconfigure
fi
echo "$$now" >$$known
ninja --quiet -C $(BUILD) $(1)
endef

BUILD_LIBRARY = $(MAKE) --no-print-directory all $(RELEASE) TARGETS=library PLACED=yes
SAY_WITHOUT_TLS = grep -q libasyncio-tls $(RELEASE_BUILD)/build.ninja || { \
    $(if $(MACHINE),,tools/need.sh --tell 'TLS for streams, libasyncio-tls' $(TLS);) \
    echo 'The library is built without TLS.'; }

library:
	@$(BUILD_LIBRARY)
	$(SAY_WITHOUT_TLS)
	echo 'The library is built in $(RELEASE_BUILD). To install it: sudo make install, or make install PREFIX=$$HOME/.local'

install:
	@$(INSTALL) check
	trap '$(GIVE_BACK)' EXIT
	$(BUILD_LIBRARY)
	$(SAY_WITHOUT_TLS)
	$(INSTALL) put $(RELEASE_BUILD)

uninstall:
	@$(INSTALL) remove

all:
	$(call build,$(TARGETS))

clean:
	rm -rf --one-file-system build build-* tools/__pycache__ tests/__pycache__ tests/*/__pycache__

help:
	@sed -n 's/^#   //p' Makefile

demo:
	$(call build,tutorial)
	tools/demo.sh $(BUILD)

pictures:
	$(call build,tutorial asyncio)
	python3 tools/pictures.py $(BUILD)

demo-million:
	@$(MAKE) --no-print-directory all $(RELEASE) TARGETS=million PLACED=yes
	$(RELEASE_BUILD)/million

# Packages for all tests, and for tests that are skipped without them. TARGETS=all builds more than the tests start.
TESTING := --wish 'to build and test TLS' $(TLS) openssl
EXTRAS := --wish 'to talk to the examples' $(CLIENTS) --wish 'to read the man pages' mandoc groff \
    --wish 'to run tests inside other frameworks' check.h cmocka.h criterion/criterion.h
test:
	@$(if $(WRAPPER),,tools/need.sh $(BUILDING) $(TESTING) $(if $(FULL),$(EXTRAS)))
	$(call build,$(or $(TARGETS),tests))
	$(if $(WRAPPER),TEST_TIME_LIMIT=$${TEST_TIME_LIMIT:-60} $(WRAPPER)) $(BUILD)/suite --repeat $(REPEAT) $(T)

conformance:
	$(call build,tests)
	BUILD_DIR=$(BUILD) WRAPPER='$(WRAPPER)' python3 tests/conformance/compare.py $(N) $(SEED)
	BUILD_DIR=$(BUILD) WRAPPER='$(WRAPPER)' python3 tests/conformance/compare.py --queues redis $$(($(N) / 10)) $(SEED) \
	    || [ $$? = 77 ]

# planted and storm are the former names.
mutations planted:
	$(call build,tests)
	BUILD_DIR=$(BUILD) python3 tests/conformance/mutations.py $(T)

# All faults in the tests written for it, a sample in the rest of the suite; then a part again under the sanitizers.
faults: SANITIZED := OPTIONS='-Db_sanitize=address,undefined -Db_lundef=false' BUILD=build-sanitize
faults:
	$(call build,tests)
	BUILD_DIR=$(BUILD) python3 tests/scripts/faults.py $(if $(FULL),--full) $(T)
	$(MAKE) --no-print-directory all $(SANITIZED) TARGETS=tests
	printf '\nUnder the sanitizers:\n'
	BUILD_DIR=build-sanitize python3 tests/scripts/faults.py $(if $(FULL),--full,--sample 1500) $(or $(T),faults_)

stress storm: N := 1000000
stress storm:
	$(call build,tests)
	STRESS=$(N) PROCESS_STORM=10000 TEST_TIME_LIMIT=600 $(WRAPPER) $(BUILD)/suite -v stress_ process_storm_
	$(if $(WRAPPER),,BUILD_DIR=$(BUILD) python3 tests/scripts/shortage.py)

redis-storm: N := 100000
redis-storm:
	@tools/need.sh $(BUILDING) --for 'the tests' redis-server
	$(call build,tests)
	BUILD_DIR=$(BUILD) WRAPPER='$(WRAPPER)' python3 tests/scripts/redis_storm.py $(N) --seed $(SEED)

# A server that cannot be fetched is left out.
redis-servers: SERVER :=
redis-servers:
	@tools/need.sh $(BUILDING) --wish 'to start and ask Redis' redis-cli
	$(call build,tests)
	tools/redis_servers.py $(BUILD) --server '$(SERVER)' $(T)

# N rounds for each kind of connection and each backend. A failure prints the seed that repeats the round.
chaos: N := 10000
chaos:
	$(call build,tests)
	CHAOS_ROUNDS=$(N) CHAOS_SEED=$(SEED) TEST_TIME_LIMIT=900 $(WRAPPER) $(BUILD)/suite chaos_

# If something is missing, the script says so and runs nothing.
fuzz:
	@tools/need.sh $(BUILDING) --for 'to fuzz' clang --for 'to build TLS' $(TLS) || true
	tools/fuzz.py $(SECONDS) $(if $(filter command line,$(origin BUILD)),$(BUILD),build-fuzz) $(OPTIONS)

# Each test case is a fork of one process, so valgrind starts once. An error that it finds fails the case. It runs one
# thread at a time: without fair-sched a thread that does not wait can keep all others from running for minutes.
valgrind:
	@tools/need.sh --for 'to run the tests under valgrind' valgrind
	$(MAKE) --no-print-directory all BUILD=build-valgrind OPTIONS=-Dvalgrind=enabled TARGETS=tests
	TEST_TIME_LIMIT=300 valgrind -q --fair-sched=try --error-exitcode=9 build-valgrind/suite $(T)

# The suite alone, in an initrd; MACHINE=aarch64 for an arm64 kernel. Status 77: the kernel or qemu is not available.
KERNEL := trixie/cloud-amd64
VM :=
vm: BUILD := $(BUILD)-static
vm: EMULATOR := $(if $(findstring arm64,$(KERNEL)),qemu-system-aarch64,qemu-system-x86_64)
vm:
	@tools/need.sh $(BUILDING) --wish 'to boot a kernel' $(EMULATOR) cpio
	$(MAKE) --no-print-directory all OPTIONS='-Dstatic_programs=true $(OPTIONS)' BUILD=$(BUILD) TARGETS=suite
	status=0
	tools/vm.py $(BUILD) $(KERNEL) $(VM) $(T) || status=$$?
	[ $$status = 0 ] || [ $$status = 77 ]

# Peers that cannot be installed are left out of the table. bench/run.py describes AGAINST and COUNT.
AGAINST :=
COUNT :=
B := $(if $(COUNT),core sync,core)
COMPARED := $(if $(AGAINST)$(COUNT),$(filter $(notdir $(wildcard bench/peers/*)),$(AGAINST)),all)
bench:
	@for name in $(B); do [ -f bench/$$name.toml ] || { echo "There is no bench/$$name.toml"; exit 1; }; done
	$(MAKE) --no-print-directory all BUILD=build-bench TARGETS=library \
	    OPTIONS='-Dchecks=false -Dprefix="$(CURDIR)/build-bench/installed"'
	meson install -C build-bench --no-rebuild --quiet
	tools/need.sh --for 'to compile with the installed library' pkg-config --wish 'to measure TLS' $(TLS) \
	    $(if $(COUNT),--for 'to count instructions' valgrind) \
	    $(if $(COMPARED),--wish 'to build and measure peers' $(PEERS))
	bench/run.py $(if $(COUNT),--count) $(if $(AGAINST),--against '$(AGAINST)') '$(B)' build-bench $(M)

format:
	@tools/need.sh --for 'to format C files' clang-format
	find $(wildcard src include tests bench examples docs ext) -name '*.[ch]' -exec clang-format -i {} +

# tools/check.py lists the steps. Scripts of the suite use these compilers.
check:
	@tools/need.sh $(BUILDING) --for 'compilers that the tests use' gcc g++ clang clang++ \
	    --for 'tools that the tests use' clang-format readelf valgrind gdb $(TESTING) $(EXTRAS)
	tools/check.py $(if $(STEP),'$(STEP)')

# In a bare Debian made with debootstrap. Takes minutes, for apt-get and the compiler.
first-hour:
	@tools/need.sh --for 'to run the test' python3 --wish 'to make a bare Debian' debootstrap
	trap '$(GIVE_BACK)' EXIT
	tests/scripts/first_hour.py $(BUILD) $(T)
