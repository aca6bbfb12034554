# The clients of tests/system/test_load.py and tests/soak.
HELPERS += load
OBJS-load := tests/load/load.o tests/load/talk.o common/clock.o common/log.o common/text.o
