# The writer with faulty.so in it, and clocks that a test moves: policyd, which gives it no environment, starts it as it is.
SOAK_WRITER := $(BUILD)/soak/auditd-writer
unit: $(SOAK_WRITER)
$(SOAK_WRITER): $(addprefix $(BUILD)/obj/,$(OBJS-auditd-writer) tests/fault/clocked.o) $(FAULTY)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--no-as-needed -Wl,-rpath,'$$ORIGIN' \
		-L$(dir $(FAULTY)) -l:$(notdir $(FAULTY)) $(shell $(PKG_CONFIG) --libs $(LIBS-auditd-writer))
