# The complete link list of policyd, by the process that each part is for. One program holds all of
# them (the supervisor starts itself again); what a process must never do is denied to it by its
# jail, not by what is linked.
include policy/objects.mk

POLICYD-supervisor := \
	policyd/main.o policyd/settings.o policyd/settings_defaults.o policyd/config.o policyd/options.o policyd/accounts.o \
	policyd/supervisor/supervisor.o policyd/supervisor/loop.o policyd/supervisor/phase.o policyd/supervisor/child.o \
	policyd/supervisor/spawn.o policyd/supervisor/link.o policyd/supervisor/route.o policyd/supervisor/ask.o \
	policyd/supervisor/note.o policyd/supervisor/load.o policyd/supervisor/listen.o policyd/supervisor/places.o \
	policyd/supervisor/memfile.o policyd/supervisor/jail.o common/notify.o common/activation.o proto/origin.o

POLICYD-compiler := policyd/compiler/compiler.o policyd/compiler/jail.o

# Evaluators and admin: policyd/client/ is what they have in common.
POLICYD-clients := \
	policyd/client/accept.o policyd/client/account.o policyd/client/bucket.o policyd/client/conn.o policyd/client/control.o \
	policyd/client/image.o policyd/client/image_queue.o policyd/client/lines.o policyd/client/outbuf.o policyd/client/pending.o \
	policyd/client/promise.o policyd/client/recorder.o policyd/client/reply.o policyd/client/role.o policyd/client/server.o

POLICYD-evaluator := \
	policyd/evaluator/evaluator.o policyd/evaluator/answer.o policyd/evaluator/decide.o policyd/evaluator/details.o policyd/evaluator/events.o \
	policyd/evaluator/fill.o policyd/evaluator/jvalue.o policyd/evaluator/notes.o policyd/evaluator/request.o \
	policyd/evaluator/status.o policyd/evaluator/jail.o

POLICYD-admin := \
	policyd/admin/admin.o policyd/admin/wanted.o policyd/admin/listing.o policyd/admin/operator.o policyd/admin/status.o policyd/admin/jail.o \
	policy/listing.o

OBJS-policyd := \
	$(POLICYD-supervisor) $(POLICYD-compiler) $(POLICYD-clients) $(POLICYD-evaluator) $(POLICYD-admin) \
	$(POLICY-load) $(POLICY-load-common) \
	proto/msg.o proto/msg_body.o proto/wire.o proto/value.o proto/payload.o proto/record.o proto/line.o \
	common/log.o common/chan.o common/chan_pair.o common/jail.o common/jail_become.o common/jail_seal.o common/landlock.o common/seccomp.o
LIBS-policyd := libevent_core json-c libcap libseccomp
