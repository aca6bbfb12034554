# The complete link list of auditd-writer.
OBJS-auditd-writer := \
	auditd-writer/main.o
LIBS-auditd-writer :=
