# Sealwright: build, test and install. GNU make; everything built lands under $(BUILD).
#
#   make all        the programs                    make check      every test
#   make demo       the main job, on real input     make lint       format, tidy, cppcheck, shellcheck, docs
#   make deps       install what the build needs    make tcb        each process: files, lines, symbols
#   make bench      figures, as ratios              make check-sanitizers   the tests under ASan and UBSan
#   make install    DESTDIR= PREFIX=                make clean
#
# Each program's complete link list is <program>/objects.mk: that text is its trusted computing base.

CC       ?= gcc
BUILD    ?= build
PREFIX   ?= /usr/local
DESTDIR  ?=
VERSION  := $(shell cat VERSION)

sbindir     := $(PREFIX)/sbin
bindir      := $(PREFIX)/bin
libexecdir  := $(PREFIX)/libexec/sealwright
mandir      := $(PREFIX)/share/man
docdir      := $(PREFIX)/share/doc/sealwright
schemadir   := $(PREFIX)/share/sealwright/schema

PROGRAMS := auditd-writer policyd policyctl

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes \
            -Wmissing-prototypes -Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef -Wformat=2 \
            -Wswitch-enum -Wvla -Wdate-time -Wnull-dereference -Wno-error=null-dereference -Werror
HARDEN   := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection -fcf-protection=full \
            -fPIE -ftrivial-auto-var-init=zero -fno-strict-overflow -fno-common
OPTIMISE ?= -O2 -g
SANITIZE ?=
ifneq ($(SANITIZE),)
HARDEN   := -fPIE -fno-omit-frame-pointer -fno-sanitize-recover=all -DSANITIZED=1
endif

# -ffile-prefix-map: the same tree built in two places gives the same bytes.
ALL_CPPFLAGS := -I. -I$(BUILD)/gen -D_GNU_SOURCE -DSEALWRIGHT_VERSION='"$(VERSION)"' \
                -DSEALWRIGHT_LIBEXECDIR='"$(libexecdir)"' $(CPPFLAGS)
ALL_CFLAGS   := -std=gnu11 $(OPTIMISE) $(WARNINGS) $(HARDEN) $(SANITIZE) -pthread \
                -ffile-prefix-map=$(CURDIR)=. $(CFLAGS)
ALL_LDFLAGS  := -pie -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code -Wl,--as-needed -pthread \
                $(SANITIZE) $(LDFLAGS)
PKG_CONFIG   ?= pkg-config

.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: all check check-deps demo deps lint tcb check-sanitizers install uninstall clean bench fuzz unit

all:

include $(addsuffix /objects.mk,$(PROGRAMS))
include tests/unit/objects.mk
include tests/fuzz/objects.mk
include bench/objects.mk

# Where each program lands below $(BUILD): the same layout as below $(PREFIX), so that policyd
# finds its writer by a path relative to itself in both.
DEST-auditd-writer := libexec/sealwright/auditd-writer
DEST-policyd       := sbin/policyd
DEST-policyctl     := bin/policyctl

BINARIES := $(foreach p,$(PROGRAMS),$(BUILD)/$(DEST-$(p)))

all: $(BINARIES)

# $(call link_rule,output,objects,pkg-config names)
define link_rule
$(1): $(addprefix $(BUILD)/obj/,$(2))
	@mkdir -p $$(@D)
	$$(CC) $$(ALL_CFLAGS) $$(ALL_LDFLAGS) -o $$@ $$(filter %.o,$$^) $(if $(3),$$(shell $$(PKG_CONFIG) --libs $(3)))
DEPENDENCIES += $(patsubst %.o,$(BUILD)/obj/%.d,$(2))
endef

$(foreach p,$(PROGRAMS),$(eval $(call link_rule,$(BUILD)/$(DEST-$(p)),$(OBJS-$(p)),$(LIBS-$(p)))))
$(foreach t,$(UNIT_TESTS),$(eval $(call link_rule,$(BUILD)/unit/$(t),$(OBJS-$(t)),$(LIBS-$(t)) cmocka)))
$(foreach t,$(BENCHES),$(eval $(call link_rule,$(BUILD)/bench/$(t),$(OBJS-$(t)),$(LIBS-$(t)))))
$(foreach t,$(FUZZERS),$(eval $(call link_rule,$(BUILD)/fuzz/$(t)-replay,$(OBJS-$(t)) tests/fuzz/replay.o,$(LIBS-$(t)))))

$(BUILD)/obj/%.o: %.c Makefile VERSION
	@mkdir -p $(@D)
	$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

-include $(sort $(DEPENDENCIES))

unit: $(addprefix $(BUILD)/unit/,$(UNIT_TESTS)) $(addsuffix -replay,$(addprefix $(BUILD)/fuzz/,$(FUZZERS)))
bench-programs: $(addprefix $(BUILD)/bench/,$(BENCHES))
