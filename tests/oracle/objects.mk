# Programs that system tests start; no tests themselves: HELPERS += x, and its link list.
HELPERS := policy_evaluate
OBJS-policy_evaluate := tests/oracle/evaluate.o $(POLICY-load) $(POLICY-load-common)
LIBS-policy_evaluate := json-c

# The programs with clocks that a test moves (tests/fault/clocked.c); tests/lib/clocked.py puts them where they belong.
define clocked_program
HELPERS += clocked-$(1)
OBJS-clocked-$(1) := $(OBJS-$(1)) tests/fault/clocked.o
LIBS-clocked-$(1) := $(LIBS-$(1))
endef
$(foreach p,$(PROGRAMS),$(eval $(call clocked_program,$(p))))
