# Unit tests: UNIT_TESTS += test_x, and its link list.
UNIT_TESTS :=

UNIT_TESTS += test_jail
OBJS-test_jail := tests/unit/test_jail.o common/jail.o common/jail_become.o
LIBS-test_jail := libcap

UNIT_TESTS += test_jail_seal
OBJS-test_jail_seal := tests/unit/test_jail_seal.o common/jail.o common/jail_seal.o common/landlock.o common/seccomp.o \
	common/fds.o common/text.o
LIBS-test_jail_seal := libcap libseccomp

UNIT_TESTS += test_proto
OBJS-test_proto := tests/unit/test_proto.o proto/msg.o proto/msg_body.o proto/wire.o proto/value.o proto/record.o proto/line.o common/text.o common/clock.o

UNIT_TESTS += test_payload
OBJS-test_payload := tests/unit/test_payload.o proto/payload.o proto/wire.o proto/value.o proto/record.o proto/line.o common/text.o common/clock.o

UNIT_TESTS += test_line
OBJS-test_line := tests/unit/test_line.o proto/wire.o proto/value.o proto/record.o proto/line.o common/text.o common/clock.o

UNIT_TESTS += test_chan
OBJS-test_chan := tests/unit/test_chan.o common/chan.o common/chan_pair.o common/fds.o

UNIT_TESTS += test_notify
OBJS-test_notify := tests/unit/test_notify.o common/notify.o common/text.o common/clock.o

UNIT_TESTS += test_activation
OBJS-test_activation := tests/unit/test_activation.o common/activation.o common/fds.o

UNIT_TESTS += test_text test_clock
OBJS-test_text := tests/unit/test_text.o common/text.o common/jscan.o common/jscan_fault.o common/jscan_keys.o common/jscan_read.o
OBJS-test_clock := tests/unit/test_clock.o common/clock.o

# policyd's settings: from a file, from the command line, as bytes.
CONFIG_TESTS := test_config test_options test_settings
UNIT_TESTS += $(CONFIG_TESTS)
$(foreach t,$(CONFIG_TESTS),$(eval OBJS-$(t) := tests/unit/$(t).o policyd/config.o policyd/options.o policyd/settings.o \
	policyd/settings_defaults.o policyd/accounts.o proto/origin.o common/jtree.o common/jscan.o common/jscan_keys.o \
	common/jscan_read.o common/jscan_fault.o common/fds.o common/text.o common/clock.o proto/wire.o proto/record.o proto/value.o))
$(foreach t,$(CONFIG_TESTS),$(eval LIBS-$(t) := json-c))

UNIT_TESTS += test_jscan test_jscan_keys
OBJS-test_jscan := tests/unit/test_jscan.o common/jscan.o common/jscan_fault.o common/jscan_keys.o common/jscan_read.o common/text.o
OBJS-test_jscan_keys := tests/unit/test_jscan_keys.o common/jscan.o common/jscan_fault.o common/jscan_keys.o common/jscan_read.o common/text.o common/clock.o

UNIT_TESTS += test_jscan_random
OBJS-test_jscan_random := tests/unit/test_jscan_random.o common/jscan.o common/jscan_fault.o common/jscan_keys.o common/jscan_read.o common/text.o
LIBS-test_jscan_random := json-c

UNIT_TESTS += test_jform
OBJS-test_jform := tests/unit/test_jform.o common/jform.o common/jscan.o common/jscan_fault.o common/jscan_keys.o common/jscan_read.o common/text.o

UNIT_TESTS += test_sha256
OBJS-test_sha256 := tests/unit/test_sha256.o # has sha256.o inside
LIBS-test_sha256 := libcrypto

# The test has linesum.o inside.
UNIT_TESTS += test_linesum
OBJS-test_linesum := tests/unit/test_linesum.o common/hash.o common/log.o common/text.o
LIBS-test_linesum := libcrypto

UNIT_TESTS += test_jtree
OBJS-test_jtree := tests/unit/test_jtree.o common/jtree.o common/jscan.o common/jscan_fault.o common/jscan_keys.o common/jscan_read.o common/text.o
LIBS-test_jtree := json-c

UNIT_TESTS += test_cli test_cli_options
OBJS-test_cli := tests/unit/test_cli.o common/cli.o common/log.o common/text.o
OBJS-test_cli_options := tests/unit/test_cli_options.o common/cli.o common/cli_options.o common/log.o common/text.o

UNIT_TESTS += test_squid_line
OBJS-test_squid_line := tests/unit/test_squid_line.o policyctl/squid_line.o policyctl/request.o common/text.o

# auditlog: proofs and checkpoints.
AUDITLOG-proof := auditlog/proof.o auditlog/proof_check.o auditlog/record.o auditlog/usual.o auditlog/sealchain.o proto/logdir.o \
	auditlog/pool.o auditlog/bar.o auditlog/fault.o proto/seal.o proto/note.o proto/merkle.o proto/segname.o proto/line.o proto/record.o \
	proto/value.o proto/wire.o common/base64.o common/ed25519.o common/hash.o common/linesum.o common/clock.o common/log.o \
	common/text.o common/jform.o common/jscan.o common/jscan_fault.o common/jscan_keys.o common/jscan_read.o
UNIT_TESTS += test_proof test_proof_check test_checkpoint
OBJS-test_proof := tests/unit/test_proof.o auditlog/proof.o common/jscan.o common/jscan_fault.o common/jscan_keys.o \
	common/jscan_read.o common/text.o
OBJS-test_proof_check := tests/unit/test_proof_check.o $(AUDITLOG-proof)
LIBS-test_proof_check := libcrypto
OBJS-test_checkpoint := tests/unit/test_checkpoint.o auditlog/checkpoint.o proto/seal.o proto/note.o proto/segname.o \
	common/base64.o common/ed25519.o common/hash.o common/clock.o common/log.o common/text.o
LIBS-test_checkpoint := libcrypto

include policy/objects.mk
UNIT_TESTS += test_canon
OBJS-test_canon := tests/unit/test_canon.o $(POLICY-evaluate) common/text.o common/clock.o
LIBS-test_canon := libcrypto
UNIT_TESTS += test_policy_doc
OBJS-test_policy_doc := tests/unit/test_policy_doc.o tests/unit/policy_fixture.o $(POLICY-load) $(POLICY-load-common)
LIBS-test_policy_doc := json-c libcrypto
UNIT_TESTS += test_policy_eval
OBJS-test_policy_eval := tests/unit/test_policy_eval.o tests/unit/policy_fixture.o $(POLICY-load) $(POLICY-load-common)
LIBS-test_policy_eval := json-c libcrypto
UNIT_TESTS += test_policy_image
OBJS-test_policy_image := tests/unit/test_policy_image.o tests/unit/policy_exercise.o tests/unit/policy_fixture.o $(POLICY-load) $(POLICY-load-common)
LIBS-test_policy_image := json-c libcrypto
UNIT_TESTS += test_policy_random
OBJS-test_policy_random := tests/unit/test_policy_random.o tests/unit/policy_fixture.o $(POLICY-load) $(POLICY-load-common)
LIBS-test_policy_random := json-c libcrypto
UNIT_TESTS += test_policy_lint
OBJS-test_policy_lint := tests/unit/test_policy_lint.o $(POLICY-load) $(POLICY-load-common)
LIBS-test_policy_lint := json-c libcrypto
UNIT_TESTS += test_policy_lint_random
OBJS-test_policy_lint_random := tests/unit/test_policy_lint_random.o tests/unit/policy_fixture.o $(POLICY-load) $(POLICY-load-common)
LIBS-test_policy_lint_random := json-c libcrypto
UNIT_TESTS += test_policy_memory
OBJS-test_policy_memory := tests/unit/test_policy_memory.o tests/unit/policy_fixture.o $(POLICY-load) $(POLICY-load-common)
LIBS-test_policy_memory := json-c libcrypto
UNIT_TESTS += test_zone
OBJS-test_zone := tests/unit/test_zone.o policy/zone_tzif.o policy/zone_rule.o policy/store.o common/clock.o common/text.o common/fds.o
UNIT_TESTS += test_policy_load test_accounts
OBJS-test_policy_load := tests/unit/test_policy_load.o tests/unit/policy_fixture.o $(POLICY-load) $(POLICY-load-common)
LIBS-test_policy_load := json-c libcrypto
OBJS-test_accounts := tests/unit/test_accounts.o $(POLICY-load) $(POLICY-load-common)
LIBS-test_accounts := json-c libcrypto

UNIT_TESTS += test_request
OBJS-test_request := tests/unit/test_request.o policyd/evaluator/request.o policyd/evaluator/jvalue.o policyd/evaluator/details.o \
	proto/value.o proto/wire.o proto/record.o proto/line.o common/text.o common/clock.o \
	common/jscan.o common/jscan_fault.o common/jscan_keys.o common/jscan_read.o

# Runs the real policyd, which it expects beside its own directory.
UNIT_TESTS += test_supervisor
OBJS-test_supervisor := tests/unit/test_supervisor.o tests/unit/policyd_bed.o tests/unit/fake_writer.o proto/msg.o proto/msg_body.o proto/wire.o proto/value.o proto/record.o \
	common/chan.o common/chan_pair.o common/fds.o common/text.o
$(BUILD)/unit/test_supervisor: | $(BUILD)/sbin/policyd

UNIT_TESTS += test_client
OBJS-test_client := tests/unit/test_client.o policyd/client/bucket.o policyd/client/lines.o policyd/client/outbuf.o policyd/client/pending.o

UNIT_TESTS += test_fill
OBJS-test_fill := tests/unit/test_fill.o policyd/evaluator/fill.o policyd/evaluator/request.o policyd/evaluator/jvalue.o \
	policyd/client/account.o policyd/client/bucket.o policyd/client/image.o policyd/client/image_queue.o $(POLICY-evaluate) \
	proto/value.o proto/wire.o proto/record.o proto/line.o common/text.o common/clock.o \
	common/jscan.o common/jscan_fault.o common/jscan_keys.o common/jscan_read.o
LIBS-test_fill := libcrypto

# clock_monotonic() is the test's own.
UNIT_TESTS += test_asks
OBJS-test_asks := tests/unit/test_asks.o policyd/supervisor/ask.o proto/msg_body.o proto/value.o proto/wire.o common/text.o

UNIT_TESTS += test_link
OBJS-test_link := tests/unit/test_link.o policyd/supervisor/link.o proto/msg.o proto/wire.o common/chan.o common/chan_pair.o common/fds.o

# Evaluator and admin as processes of a test, which is their supervisor, writer and client.
UNIT_TESTS += test_evaluator
OBJS-test_evaluator := tests/unit/test_evaluator.o tests/unit/role_harness.o $(POLICYD-clients) $(POLICYD-evaluator) \
	$(POLICY-load) $(POLICY-load-common) proto/msg.o proto/msg_body.o proto/wire.o proto/value.o proto/record.o proto/line.o \
	common/log.o common/chan.o common/chan_pair.o common/jail.o common/jail_become.o common/jail_seal.o common/landlock.o common/seccomp.o
LIBS-test_evaluator := libevent_core json-c libcap libcrypto libseccomp

UNIT_TESTS += test_evaluator_life
OBJS-test_evaluator_life := tests/unit/test_evaluator_life.o tests/unit/role_harness.o $(POLICYD-clients) $(POLICYD-evaluator) \
	$(POLICY-load) $(POLICY-load-common) proto/msg.o proto/msg_body.o proto/wire.o proto/value.o proto/record.o proto/line.o \
	common/log.o common/chan.o common/chan_pair.o common/jail.o common/jail_become.o common/jail_seal.o common/landlock.o common/seccomp.o
LIBS-test_evaluator_life := libevent_core json-c libcap libcrypto libseccomp

UNIT_TESTS += test_new_image
OBJS-test_new_image := tests/unit/test_new_image.o tests/unit/role_harness.o $(POLICYD-clients) $(POLICYD-evaluator) \
	$(POLICY-load) $(POLICY-load-common) proto/msg.o proto/msg_body.o proto/wire.o proto/value.o proto/record.o proto/line.o \
	common/log.o common/chan.o common/chan_pair.o common/jail.o common/jail_become.o common/jail_seal.o common/landlock.o common/seccomp.o
LIBS-test_new_image := libevent_core json-c libcap libcrypto libseccomp

UNIT_TESTS += test_places
OBJS-test_places := tests/unit/test_places.o policyd/supervisor/places.o policyd/supervisor/listen.o policyd/settings.o \
	policyd/settings_defaults.o policyd/accounts.o proto/origin.o proto/wire.o common/text.o

UNIT_TESTS += test_admin
OBJS-test_admin := tests/unit/test_admin.o tests/unit/role_harness.o $(POLICYD-clients) $(POLICYD-admin) \
	$(POLICY-load) $(POLICY-load-common) proto/msg.o proto/msg_body.o proto/wire.o proto/value.o proto/record.o proto/line.o \
	common/log.o common/chan.o common/chan_pair.o common/jail.o common/jail_become.o common/jail_seal.o common/landlock.o common/seccomp.o
LIBS-test_admin := libevent_core json-c libcap libcrypto libseccomp

# Against the built auditd-writer.
WRITER_HARNESS := tests/unit/writer_harness.o tests/unit/writer_log.o tests/unit/writer_seals.o proto/msg.o proto/msg_body.o proto/wire.o \
	proto/record.o proto/value.o common/chan.o common/chan_pair.o common/fds.o common/text.o common/clock.o
WRITER_TESTS := test_writer test_writer_channels test_writer_start
UNIT_TESTS += $(WRITER_TESTS)
$(foreach t,$(WRITER_TESTS),$(eval OBJS-$(t) := tests/unit/$(t).o $$(WRITER_HARNESS)))
$(foreach t,$(WRITER_TESTS),$(eval LIBS-$(t) := libcrypto))

# auditd-writer's parts, with dir.c replaced by one whose calls can be made to fail.
WRITER_LOG := tests/unit/log_fixture.o tests/unit/dir_faults.o auditd-writer/encode.o proto/facts.o common/hash.o \
	proto/segname.o auditd-writer/linescan.o auditd-writer/repair.o proto/line.o proto/record.o proto/value.o \
	proto/wire.o common/clock.o common/fds.o common/log.o common/text.o auditd-writer/tally.o proto/merkle.o
# ... and sealing.
WRITER_SEALER := tests/unit/seal_fixture.o auditd-writer/sealer.o auditd-writer/identity.o auditd-writer/keystate.o \
	auditd-writer/keyslot.o auditd-writer/keywrap.o proto/seal.o proto/note.o common/base64.o common/ed25519.o
RECOVER_TESTS := test_recover test_recover_refused test_recover_faults test_recover_told
UNIT_TESTS += $(RECOVER_TESTS)
$(foreach t,$(RECOVER_TESTS),$(eval OBJS-$(t) := tests/unit/$(t).o auditd-writer/catalog.o auditd-writer/history.o \
	auditd-writer/recover.o $$(WRITER_LOG) $$(WRITER_SEALER)))
$(foreach t,$(RECOVER_TESTS),$(eval LIBS-$(t) := libcrypto))

# The whole of it, but for main.o (the test has that inside) and dir.o (whose calls can be made to fail).
UNIT_TESTS += test_writer_storage
OBJS-test_writer_storage := tests/unit/test_writer_storage.o \
	$(sort $(filter-out %/main.o %/dir.o,$(OBJS-auditd-writer)) $(WRITER_HARNESS) tests/unit/dir_faults.o)
LIBS-test_writer_storage := libcrypto libcap libseccomp

UNIT_TESTS += test_space
OBJS-test_space := tests/unit/test_space.o \
	$(sort $(filter-out %/main.o %/dir.o,$(OBJS-auditd-writer)) $(WRITER_LOG) $(WRITER_SEALER))
LIBS-test_space := $(LIBS-test_writer_storage)

UNIT_TESTS += test_tally test_sealer test_sealer_cut
OBJS-test_tally := tests/unit/test_tally.o auditd-writer/batch.o $(WRITER_LOG)
LIBS-test_tally := libcrypto
OBJS-test_sealer := tests/unit/test_sealer.o $(WRITER_LOG) $(WRITER_SEALER)
LIBS-test_sealer := libcrypto
OBJS-test_sealer_cut := tests/unit/test_sealer_cut.o $(WRITER_LOG) $(WRITER_SEALER)
LIBS-test_sealer_cut := libcrypto

UNIT_TESTS += test_making
OBJS-test_making := tests/unit/test_making.o auditd-writer/making.o $(WRITER_LOG)
LIBS-test_making := libcrypto

UNIT_TESTS += test_closer
OBJS-test_closer := tests/unit/test_closer.o auditd-writer/closer.o auditd-writer/making.o auditd-writer/closing.o \
	$(WRITER_LOG) $(WRITER_SEALER)
LIBS-test_closer := libcrypto

UNIT_TESTS += test_closer_names
OBJS-test_closer_names := tests/unit/test_closer_names.o $(filter-out tests/unit/test_closer.o,$(OBJS-test_closer))
LIBS-test_closer_names := libcrypto

UNIT_TESTS += test_writer_calls
OBJS-test_writer_calls := tests/unit/test_writer_calls.o tests/unit/writer_life.o \
	$(filter-out tests/unit/test_writer_storage.o,$(OBJS-test_writer_storage))
LIBS-test_writer_calls := $(LIBS-test_writer_storage)

# The same on file systems of their own, whose power is cut: from inside, which the jail would not let it.
UNIT_TESTS += test_sealing_power
OBJS-test_sealing_power := tests/unit/test_sealing_power.o tests/unit/loop_mount.o \
	$(filter-out tests/unit/test_writer_calls.o auditd-writer/jail.o,$(OBJS-test_writer_calls))
LIBS-test_sealing_power := $(LIBS-test_writer_storage)

# Somebody has taken a process that the writer listens to.
UNIT_TESTS += test_taken_evaluator test_taken_floods test_taken_control
TAKEN := tests/unit/taken.o tests/unit/neighbour.o $(WRITER_HARNESS)
OBJS-test_taken_evaluator := tests/unit/test_taken_evaluator.o $(TAKEN)
LIBS-test_taken_evaluator := libcrypto
OBJS-test_taken_floods := tests/unit/test_taken_floods.o $(TAKEN)
LIBS-test_taken_floods := libcrypto
OBJS-test_taken_control := tests/unit/test_taken_control.o $(WRITER_HARNESS)
LIBS-test_taken_control := libcrypto

UNIT_TESTS += test_honest
OBJS-test_honest := tests/unit/test_honest.o tests/unit/writer_life.o $(WRITER_HARNESS)
LIBS-test_honest := libcrypto

UNIT_TESTS += test_segment test_encode
OBJS-test_segment := tests/unit/test_segment.o auditd-writer/segment.o auditd-writer/batch.o $(WRITER_LOG)
LIBS-test_segment := libcrypto
OBJS-test_encode := tests/unit/test_encode.o auditd-writer/timekeeper.o auditd-writer/outcomes.o auditd-writer/encode.o \
	proto/facts.o common/hash.o proto/segname.o proto/line.o proto/record.o proto/value.o proto/wire.o \
	common/clock.o common/log.o common/text.o
LIBS-test_encode := libcrypto

# auditd-writer's key state and command line.
UNIT_TESTS += test_keystate test_keystate_faults test_writer_options
WRITER_KEYS := tests/unit/keystate_fixture.o tests/unit/dir_faults.o auditd-writer/keystate.o auditd-writer/keyslot.o \
	auditd-writer/keywrap.o auditd-writer/repair.o proto/seal.o proto/note.o proto/segname.o proto/wire.o \
	common/base64.o common/ed25519.o common/hash.o common/clock.o common/log.o common/text.o
OBJS-test_keystate := tests/unit/test_keystate.o $(WRITER_KEYS)
LIBS-test_keystate := libcrypto
OBJS-test_keystate_faults := tests/unit/test_keystate_faults.o $(WRITER_KEYS)
LIBS-test_keystate_faults := libcrypto
OBJS-test_writer_options := tests/unit/test_writer_options.o auditd-writer/options.o auditd-writer/secret.o proto/origin.o common/text.o

# Keys, notes, seals and trees.
UNIT_TESTS += test_ed25519 test_base64 test_merkle test_note test_seal test_seal_refused
OBJS-test_ed25519 := tests/unit/test_ed25519.o common/ed25519.o
LIBS-test_ed25519 := libcrypto
OBJS-test_base64 := tests/unit/test_base64.o common/base64.o common/text.o
LIBS-test_base64 := libcrypto
OBJS-test_merkle := tests/unit/test_merkle.o proto/merkle.o common/hash.o common/log.o common/text.o
LIBS-test_merkle := libcrypto
OBJS-test_note := tests/unit/test_note.o proto/note.o common/base64.o common/ed25519.o common/hash.o common/log.o common/text.o
LIBS-test_note := libcrypto
SEAL := proto/seal.o proto/note.o proto/segname.o common/base64.o common/ed25519.o common/hash.o common/clock.o common/log.o common/text.o
OBJS-test_seal := tests/unit/test_seal.o $(SEAL)
LIBS-test_seal := libcrypto
OBJS-test_seal_refused := tests/unit/test_seal_refused.o $(SEAL)
LIBS-test_seal_refused := libcrypto

# Readers of a log: lines cut into members.
UNIT_TESTS += test_recordline
OBJS-test_recordline := tests/unit/test_recordline.o proto/recordline.o proto/line.o proto/record.o proto/value.o proto/wire.o \
	common/clock.o common/text.o

# auditlog: the record reader, the directory, work on all cores.
UNIT_TESTS += test_record test_logdir
OBJS-test_record := tests/unit/test_record.o auditlog/record.o auditlog/usual.o auditlog/fault.o \
	proto/line.o proto/record.o proto/value.o proto/wire.o common/hash.o common/linesum.o common/clock.o common/log.o common/text.o \
	common/jform.o common/jscan.o common/jscan_fault.o common/jscan_keys.o common/jscan_read.o
LIBS-test_record := libcrypto
OBJS-test_logdir := tests/unit/test_logdir.o proto/logdir.o auditlog/pool.o auditlog/bar.o proto/segname.o common/clock.o
UNIT_TESTS += test_auditlog_format
OBJS-test_auditlog_format := tests/unit/test_auditlog_format.o auditlog/path.o auditlog/format_text.o auditlog/format_csv.o \
	auditlog/format_template.o auditlog/outline.o proto/recordline.o common/clock.o common/text.o
UNIT_TESTS += test_auditlog_parts
OBJS-test_auditlog_parts := tests/unit/test_auditlog_parts.o auditlog/when.o auditlog/tally.o common/siphash.o common/clock.o
UNIT_TESTS += test_report_parts
OBJS-test_report_parts := tests/unit/test_report_parts.o auditlog/timeline.o auditlog/shown.o auditlog/incident.o proto/recordline.o \
	common/clock.o common/text.o

UNIT_TESTS += test_policy_index test_policy_many
POLICY-agree := tests/unit/policy_agree.o tests/unit/policy_fixture.o $(POLICY-load) $(POLICY-load-common)
OBJS-test_policy_index := tests/unit/test_policy_index.o $(POLICY-agree)
LIBS-test_policy_index := json-c
OBJS-test_policy_many := tests/unit/test_policy_many.o $(POLICY-agree)
LIBS-test_policy_many := json-c
