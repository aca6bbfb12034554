# The complete link list of policyctl.
OBJS-policyctl := \
	policyctl/main.o
LIBS-policyctl :=
