# The complete link list of auditd-writer.
OBJS-auditd-writer := \
	auditd-writer/main.o auditd-writer/jail.o auditd-writer/options.o auditd-writer/identity.o \
	auditd-writer/dispatch.o auditd-writer/channel.o auditd-writer/control.o \
	auditd-writer/ledger.o auditd-writer/encode.o common/hash.o auditd-writer/timekeeper.o \
	auditd-writer/outcomes.o auditd-writer/notes.o auditd-writer/status.o \
	auditd-writer/batch.o auditd-writer/storage.o auditd-writer/segment.o auditd-writer/rotation.o auditd-writer/standby.o \
	auditd-writer/space.o auditd-writer/tally.o proto/payload.o proto/merkle.o \
	auditd-writer/closer.o auditd-writer/making.o auditd-writer/closing.o auditd-writer/repair.o \
	auditd-writer/sealer.o proto/seal.o proto/note.o common/ed25519.o common/base64.o \
	auditd-writer/keystate.o auditd-writer/keyslot.o auditd-writer/keywrap.o auditd-writer/secret.o \
	auditd-writer/opening.o auditd-writer/origin.o auditd-writer/catalog.o auditd-writer/history.o \
	auditd-writer/recover.o \
	proto/facts.o auditd-writer/linescan.o proto/segname.o proto/origin.o auditd-writer/dir.o \
	proto/line.o proto/record.o proto/value.o proto/msg.o proto/msg_body.o proto/wire.o \
	common/chan.o common/clock.o common/fds.o common/jail.o common/jail_seal.o common/landlock.o common/seccomp.o common/log.o common/text.o
LIBS-auditd-writer := libcrypto libcap libseccomp
