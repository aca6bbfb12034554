# Programs that system tests start; no tests themselves: HELPERS += x, and its link list.
HELPERS := policy_evaluate
OBJS-policy_evaluate := tests/oracle/evaluate.o $(POLICY-load) $(POLICY-load-common)
LIBS-policy_evaluate := json-c
