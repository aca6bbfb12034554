# Unit tests: UNIT_TESTS += test_x, and its link list.
UNIT_TESTS :=

UNIT_TESTS += test_jail
OBJS-test_jail := tests/unit/test_jail.o common/jail.o
LIBS-test_jail := libcap
