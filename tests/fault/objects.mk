# What storage can do to the writer. Like unit tests these are registered with UNIT_TESTS; OBJS-test_writer_storage
# is the whole writer with a dir.o whose calls can be made to fail (tests/unit/objects.mk).
FAULT_WRITER := $(filter-out tests/unit/test_writer_storage.o,$(OBJS-test_writer_storage))

UNIT_TESTS += test_unclosed
OBJS-test_unclosed := tests/fault/test_unclosed.o $(FAULT_WRITER)
LIBS-test_unclosed := $(LIBS-test_writer_storage)
