# One process's jail each, as the process itself enters it; then everything that it must not be able to do.
SANDBOX := tests/sandbox/sandbox.o tests/sandbox/attempts.o common/jail.o common/jail_become.o common/jail_seal.o \
	common/landlock.o common/seccomp.o common/fds.o common/log.o common/text.o
UNIT_TESTS += test_sandbox_supervisor
OBJS-test_sandbox_supervisor := tests/sandbox/test_sandbox_supervisor.o policyd/supervisor/jail.o $(SANDBOX)
LIBS-test_sandbox_supervisor := libcap libseccomp

UNIT_TESTS += test_sandbox_compiler
OBJS-test_sandbox_compiler := tests/sandbox/test_sandbox_compiler.o policyd/compiler/jail.o $(SANDBOX)
LIBS-test_sandbox_compiler := libcap libseccomp

UNIT_TESTS += test_sandbox_clients
OBJS-test_sandbox_clients := tests/sandbox/test_sandbox_clients.o policyd/evaluator/jail.o policyd/admin/jail.o \
	policyd/client/role.o policyd/client/image.o $(POLICY-evaluate) common/clock.o $(SANDBOX)
LIBS-test_sandbox_clients := libevent_core libcap libcrypto libseccomp

UNIT_TESTS += test_sandbox_auditlog
OBJS-test_sandbox_auditlog := tests/sandbox/test_sandbox_auditlog.o auditlog/reader.o common/reading_jail.o common/cli.o $(SANDBOX)
LIBS-test_sandbox_auditlog := libcap libseccomp

UNIT_TESTS += test_sandbox_writer
OBJS-test_sandbox_writer := tests/sandbox/test_sandbox_writer.o \
	$(sort $(filter-out %/main.o,$(OBJS-auditd-writer)) $(SANDBOX))
LIBS-test_sandbox_writer := libcrypto libcap libseccomp
