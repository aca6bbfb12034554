# The complete link list of policyd.
OBJS-policyd := \
	policyd/main.o
LIBS-policyd :=
