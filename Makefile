# SPDX-License-Identifier: Apache-2.0
# Sealwright: build, test and install. GNU make; everything built lands under $(BUILD).
#
#   make all        the programs                    make check      every test
#   make demo       the main job, on real input     make lint       format, tidy, cppcheck, shellcheck, docs
#   make deps       install what the build needs    make tcb        each process: files, lines, symbols
#   make bench      figures, as ratios              make check-sanitizers   the tests under ASan and UBSan
#   make check-faults   every fault at every call, every crash state, many power cuts and kills (an hour)
#   make soak       all faults mixed under load for MINUTES (20); then one table. SEED=n: the same choices again
#   make fuzz       fuzz each target for FUZZ_SECONDS
#   make install    DESTDIR= PREFIX=                make uninstall  (logs and keys stay)
#   make deb        the Debian package              make check-boot    that package under a real systemd (root);
#                                                   KERNEL=debian: it and the suite on Debian's own kernel (qemu, slow)
#   make clean      everything that was built
#
# CC=clang builds with clang, BUILD=dir elsewhere, TESTS="test_cli test_jscan" checks only these.
#
# Each program's complete link list is <program>/objects.mk: that text is its trusted computing base.

ifeq ($(origin CC),default)
CC       := gcc
endif
BUILD    ?= build
PREFIX   ?= /usr/local
DESTDIR  ?=
VERSION  := $(shell cat VERSION)
PYTHON   ?= python3
TESTS    ?=
FUZZ_SECONDS ?= 60
MINUTES  ?= 20

sbindir     := $(PREFIX)/sbin
bindir      := $(PREFIX)/bin
libexecdir  := $(PREFIX)/libexec/sealwright
mandir      := $(PREFIX)/share/man
docdir      := $(PREFIX)/share/doc/sealwright
schemadir   := $(PREFIX)/share/sealwright/schema
unitdir     := $(PREFIX)/lib/systemd/system
sysusersdir := $(PREFIX)/lib/sysusers.d
tmpfilesdir := $(PREFIX)/lib/tmpfiles.d

PROGRAMS := auditd-writer policyd policyctl auditlog

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes \
            -Wmissing-prototypes -Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef -Wformat=2 \
            -Wswitch-enum -Wvla -Wdate-time -Wnull-dereference -Wno-error=null-dereference -Werror
HARDEN    = -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection -fcf-protection=full \
            -fPIE $(AUTO_INIT) -fno-strict-overflow -fno-common
OPTIMISE ?= -O2 -g
# gcc 12 and clang 16 have it, clang 14 only with a second flag: asked once, when something is compiled.
AUTO_INIT = $(eval AUTO_INIT := $(shell for f in "" " -enable-trivial-auto-var-init-zero-knowing-it-will-be-removed-from-clang"; do \
	$(CC) -Werror -ftrivial-auto-var-init=zero $$f -fsyntax-only -x c /dev/null 2>/dev/null && \
	echo "-ftrivial-auto-var-init=zero $$f" && break; done))$(AUTO_INIT)
SANITIZE ?=
ifneq ($(SANITIZE),)
HARDEN   := -fPIE -fno-omit-frame-pointer -fno-sanitize-recover=all -DSANITIZED=1
endif

# -ffile-prefix-map: the same tree built in two places gives the same bytes.
ALL_CPPFLAGS := -I. -D_GNU_SOURCE -DSEALWRIGHT_VERSION='"$(VERSION)"' $(CPPFLAGS)
ALL_CFLAGS    = -std=gnu11 $(OPTIMISE) $(WARNINGS) $(HARDEN) $(SANITIZE) -pthread \
                -ffile-prefix-map=$(CURDIR)=. $(CFLAGS)
ALL_LDFLAGS  := -pie -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code -Wl,--as-needed -pthread \
                $(SANITIZE) $(LDFLAGS)
PKG_CONFIG   ?= pkg-config

# The last line of `make check` is its count, also below another make.
MAKEFLAGS += --no-print-directory

# make V=1 shows the commands.
Q   := $(if $(V),,@)
say  = @$(if $(V),:,printf '  %-4s %s\n' $(1) $(2))

.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: all unit bench-programs check check-deps check-faults soak check-sanitizers demo deps lint tcb fuzz bench \
        install uninstall deb check-boot check-kernel clean compile_commands FORCE

all:

include $(addsuffix /objects.mk,$(PROGRAMS))
include tests/unit/objects.mk
include tests/sandbox/objects.mk
include tests/fault/objects.mk
include tests/soak/objects.mk
include tests/fuzz/objects.mk
include tests/oracle/objects.mk
include tests/load/objects.mk
include bench/objects.mk

# Where each program lands below $(BUILD): the same layout as below $(PREFIX), so that policyd
# finds its writer by a path relative to itself in both.
DEST-auditd-writer := libexec/sealwright/auditd-writer
DEST-policyd       := sbin/policyd
DEST-policyctl     := bin/policyctl
DEST-auditlog      := bin/auditlog

BINARIES := $(foreach p,$(PROGRAMS),$(BUILD)/$(DEST-$(p)))

all: $(BINARIES) $(BUILD)/completion/made

# Shells complete what --help says.
$(BUILD)/completion/made: tools/completion.py $(BINARIES)
	$(call say,GEN,$(@D))
	$(Q)$(PYTHON) tools/completion.py $(BUILD)
	@touch $@

# $(call link_rule,output,objects,pkg-config names). pkg-config is asked when the recipe runs: it need
# not be installed when this file is read.
define link_rule
$(1): $(addprefix $(BUILD)/obj/,$(2))
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)
	$$(Q)$$(CC) $$(ALL_CFLAGS) $$(ALL_LDFLAGS) -o $$@ $$(filter %.o,$$^) $(if $(3),$$(shell $$(PKG_CONFIG) --libs $(3)))
SOURCES += $(patsubst %.o,%.c,$(2))
endef

$(foreach p,$(PROGRAMS),$(eval $(call link_rule,$(BUILD)/$(DEST-$(p)),$(OBJS-$(p)),$(LIBS-$(p)))))
$(foreach t,$(UNIT_TESTS),$(eval $(call link_rule,$(BUILD)/unit/$(t),$(OBJS-$(t)),$(LIBS-$(t)) cmocka)))
$(foreach t,$(HELPERS),$(eval $(call link_rule,$(BUILD)/unit/$(t),$(OBJS-$(t)),$(LIBS-$(t)))))
$(foreach t,$(BENCHES),$(eval $(call link_rule,$(BUILD)/bench/$(t),$(OBJS-$(t)),$(LIBS-$(t)))))
$(foreach t,$(FUZZERS),$(eval $(call link_rule,$(BUILD)/fuzz/$(t)-replay,$(OBJS-$(t)) tests/fuzz/replay.o,$(LIBS-$(t)))))

# Compiler and flags as of the last build in $(BUILD): what was built with others is built again.
FLAGS := $(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS)
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(FLAGS))' | cmp -s - $@ || printf '%s\n' '$(subst ','\'',$(FLAGS))' >$@

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

-include $(patsubst %.c,$(BUILD)/obj/%.d,$(sort $(SOURCES)))

UNIT_BINARIES := $(addprefix $(BUILD)/unit/,$(UNIT_TESTS))
FUZZ_REPLAYS  := $(patsubst %,$(BUILD)/fuzz/%-replay,$(FUZZERS))

unit: $(UNIT_BINARIES) $(FUZZ_REPLAYS) $(addprefix $(BUILD)/unit/,$(HELPERS))
bench-programs: $(addprefix $(BUILD)/bench/,$(BENCHES))

# --- what needs things installed first: then make reads this file anew -------------------------------

deps:
	tools/deps.sh build

demo:
	tools/deps.sh build
	@$(MAKE) all
	$(PYTHON) demo/demo.py --build $(BUILD)

check-deps:
	tools/deps.sh check

check:
	tools/deps.sh check
	@$(MAKE) all unit
	@$(RUN_TESTS) --build $(BUILD) $(TESTS)

REGISTERED := UNIT_TESTS='$(sort $(UNIT_TESTS))' FUZZERS='$(sort $(FUZZERS))'
RUN_TESTS  := $(REGISTERED) $(PYTHON) tests/run.py

# The whole of what `make check` runs a sample of, or PARTS of it; side by side by SEALWRIGHT_JOBS (16).
check-faults:
	tools/deps.sh check
	@$(MAKE) all unit
	$(PYTHON) tests/fault/all.py --build $(BUILD) $(PARTS)

soak:
	tools/deps.sh check
	@$(MAKE) all unit
	@SEALWRIGHT_BUILD=$(BUILD) $(PYTHON) tests/soak/soak.py --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

ASAN_BUILD ?= build-asan
check-sanitizers:
	tools/deps.sh sanitizers
	@$(MAKE) BUILD=$(ASAN_BUILD) CC=clang SANITIZE=-fsanitize=address,undefined OPTIMISE='-O1 -g' all unit
	@$(RUN_TESTS) --sanitized --build $(ASAN_BUILD) $(TESTS)

FUZZ_BUILD ?= build-fuzz
fuzz:
	tools/deps.sh sanitizers
	@$(MAKE) BUILD=$(FUZZ_BUILD) CC=clang SANITIZE=-fsanitize=fuzzer-no-link,address,undefined fuzzers
	tools/fuzz.sh $(FUZZ_BUILD) $(FUZZ_SECONDS) $(FUZZERS)

fuzzers: $(addprefix $(BUILD)/fuzz/,$(FUZZERS))

define fuzzer_rule
$(BUILD)/fuzz/$(1): $(addprefix $(BUILD)/obj/,$(OBJS-$(1)))
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)
	$$(Q)$$(CC) $$(ALL_CFLAGS) $$(ALL_LDFLAGS) -fsanitize=fuzzer -o $$@ $$^ \
	    $(if $(LIBS-$(1)),$$(shell $$(PKG_CONFIG) --libs $(LIBS-$(1))))
endef
$(foreach t,$(FUZZERS),$(eval $(call fuzzer_rule,$(t))))

bench:
	tools/deps.sh bench
	@$(MAKE) all bench-programs
	$(PYTHON) bench/bench.py --build $(BUILD)

# --- what a reviewer of the code asks ------------------------------------------------------------

tcb: all
	@tools/tcb.sh $(BUILD) auditd-writer $(BUILD)/$(DEST-auditd-writer) $(OBJS-auditd-writer)
	@tools/tcb.sh $(BUILD) policyd $(BUILD)/$(DEST-policyd) $(OBJS-policyd)
	@tools/tcb.sh $(BUILD) policyctl $(BUILD)/$(DEST-policyctl) $(OBJS-policyctl)
	@tools/tcb.sh $(BUILD) auditlog $(BUILD)/$(DEST-auditlog) $(OBJS-auditlog)
	@tools/tcb.sh --forbid $(BUILD) auditd-writer $(BUILD)/$(DEST-auditd-writer) $(OBJS-auditd-writer)

include tools/lint.mk

# For editors and clang tools.
compile_commands:
	@$(PYTHON) tools/compile_commands.py '$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS)' $(sort $(SOURCES)) >compile_commands.json

# --- install -------------------------------------------------------------------------------------

install: all
	@PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' BUILD='$(BUILD)' tools/install.sh install

uninstall:
	@PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' BUILD='$(BUILD)' tools/install.sh uninstall

# Both build the package in a copy of the tree; it lands in $(BUILD)/deb.
deb:
	tools/deps.sh package
	tools/deb.sh $(BUILD)

# Without root it skips, and says so.
check-boot:
	@[ "$$(id -u)" != 0 ] || tools/deps.sh $(if $(KERNEL),kernel,package)
	@$(if $(KERNEL),$(MAKE) check-kernel,$(PYTHON) tests/boot/boot.py --build $(BUILD) $(TESTS))

check-kernel: all unit
	@$(REGISTERED) $(PYTHON) tests/boot/kernel.py --build $(BUILD) $(TESTS)

clean:
	rm -rf $(BUILD) $(ASAN_BUILD) $(FUZZ_BUILD) compile_commands.json
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
