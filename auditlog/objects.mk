# The complete link list of auditlog.
OBJS-auditlog := \
	auditlog/main.o auditlog/fault.o auditlog/logdir.o auditlog/sealchain.o auditlog/pool.o auditlog/reader.o \
	proto/seal.o proto/note.o proto/segname.o \
	common/base64.o common/cli.o common/clock.o common/ed25519.o common/hash.o common/jail.o common/jail_become.o \
	common/log.o common/text.o
LIBS-auditlog := libcrypto libcap
