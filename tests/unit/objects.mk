# Unit tests: UNIT_TESTS += test_x, and its link list.
UNIT_TESTS :=
