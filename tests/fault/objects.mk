# What storage can do to the writer. Like unit tests these are registered with UNIT_TESTS; OBJS-test_writer_storage
# is the whole writer with a dir.o whose calls can be made to fail (tests/unit/objects.mk).
FAULT_WRITER := $(filter-out tests/unit/test_writer_storage.o,$(OBJS-test_writer_storage))

UNIT_TESTS += test_unclosed
OBJS-test_unclosed := tests/fault/test_unclosed.o $(FAULT_WRITER)
LIBS-test_unclosed := $(LIBS-test_writer_storage)

# The built writer, with a library preloaded that makes its calls go wrong.
FAULT_LIFE := tests/fault/life.o tests/fault/told.o tests/fault/trace.o tests/fault/drive.o proto/facts.o proto/line.o \
	tests/unit/writer_life.o $(WRITER_HARNESS)
FAULTY     := $(BUILD)/fault/faulty.so
$(FAULTY): tests/fault/faulty.c tests/fault/plan.h auditd-writer/jail.h proto/segname.h $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CPPFLAGS) -std=gnu11 -O2 -g -fPIC -shared -Wall -Wextra -Werror -o $@ $< -ldl

UNIT_TESTS += test_every_call
OBJS-test_every_call := tests/fault/test_every_call.o $(FAULT_LIFE)
LIBS-test_every_call := libcrypto
$(BUILD)/unit/test_every_call: | $(FAULTY) $(BUILD)/libexec/sealwright/auditd-writer $(BUILD)/bin/auditlog

UNIT_TESTS += test_crash_prefix
OBJS-test_crash_prefix := tests/fault/test_crash_prefix.o tests/fault/crashfs.o $(FAULT_LIFE)
LIBS-test_crash_prefix := libcrypto
$(BUILD)/unit/test_crash_prefix: | $(FAULTY) $(BUILD)/libexec/sealwright/auditd-writer $(BUILD)/bin/auditlog

UNIT_TESTS += test_power_cut
OBJS-test_power_cut := tests/fault/test_power_cut.o tests/unit/loop_mount.o $(FAULT_LIFE)
LIBS-test_power_cut := libcrypto
$(BUILD)/unit/test_power_cut: | $(FAULTY) $(BUILD)/libexec/sealwright/auditd-writer $(BUILD)/bin/auditlog
