# Fuzz targets (LLVMFuzzerTestOneInput); each also links with replay.o to replay its corpus.
FUZZERS :=

FUZZERS += fuzz_frame
OBJS-fuzz_frame := tests/fuzz/fuzz_frame.o proto/payload.o proto/msg.o proto/msg_body.o proto/wire.o proto/value.o proto/record.o proto/line.o common/text.o common/clock.o

FUZZERS += fuzz_jscan
OBJS-fuzz_jscan := tests/fuzz/fuzz_jscan.o common/jscan.o common/jscan_fault.o common/jscan_keys.o common/jscan_read.o common/text.o

FUZZERS += fuzz_jform
OBJS-fuzz_jform := tests/fuzz/fuzz_jform.o common/jform.o common/jscan.o common/jscan_fault.o common/jscan_keys.o common/jscan_read.o common/text.o

FUZZERS += fuzz_squid_line
OBJS-fuzz_squid_line := tests/fuzz/fuzz_squid_line.o policyctl/squid_line.o policyctl/request.o common/text.o \
	common/jscan.o common/jscan_fault.o common/jscan_keys.o common/jscan_read.o

FUZZERS += fuzz_request
OBJS-fuzz_request := tests/fuzz/fuzz_request.o policyd/evaluator/request.o policyd/evaluator/jvalue.o policyd/evaluator/details.o \
	proto/value.o proto/wire.o proto/record.o proto/line.o common/text.o common/clock.o \
	common/jscan.o common/jscan_fault.o common/jscan_keys.o common/jscan_read.o

FUZZERS += fuzz_canon fuzz_policy_load fuzz_policy_image
OBJS-fuzz_canon := tests/fuzz/fuzz_canon.o $(POLICY-load) $(POLICY-load-common)
LIBS-fuzz_canon := json-c libcrypto
OBJS-fuzz_policy_load := tests/fuzz/fuzz_policy_load.o tests/unit/policy_exercise.o $(POLICY-load) $(POLICY-load-common)
LIBS-fuzz_policy_load := json-c libcrypto
FUZZERS += fuzz_tzif
OBJS-fuzz_tzif := tests/fuzz/fuzz_tzif.o policy/zone_tzif.o policy/zone_rule.o policy/store.o common/clock.o common/text.o
OBJS-fuzz_policy_image := tests/fuzz/fuzz_policy_image.o tests/unit/policy_exercise.o $(POLICY-evaluate) common/text.o
LIBS-fuzz_policy_image := libcrypto

FUZZERS += fuzz_note fuzz_seal
OBJS-fuzz_note := tests/fuzz/fuzz_note.o proto/note.o common/base64.o common/ed25519.o common/hash.o common/log.o common/text.o
LIBS-fuzz_note := libcrypto
OBJS-fuzz_seal := tests/fuzz/fuzz_seal.o proto/seal.o proto/note.o proto/segname.o common/base64.o common/ed25519.o common/hash.o \
	common/clock.o common/log.o common/text.o
LIBS-fuzz_seal := libcrypto

FUZZERS += fuzz_record
OBJS-fuzz_record := tests/fuzz/fuzz_record.o auditlog/record.o auditlog/usual.o auditlog/fault.o \
	proto/facts.o proto/line.o proto/record.o proto/value.o proto/wire.o common/hash.o common/linesum.o common/clock.o common/log.o \
	common/text.o common/jform.o common/jscan.o common/jscan_fault.o common/jscan_keys.o common/jscan_read.o
LIBS-fuzz_record := libcrypto

FUZZERS += fuzz_proof fuzz_checkpoint fuzz_timestamp
OBJS-fuzz_proof := tests/fuzz/fuzz_proof.o $(AUDITLOG-proof)
LIBS-fuzz_proof := libcrypto
OBJS-fuzz_checkpoint := tests/fuzz/fuzz_checkpoint.o auditlog/checkpoint.o proto/seal.o proto/note.o proto/segname.o \
	common/base64.o common/ed25519.o common/hash.o common/clock.o common/log.o common/text.o
LIBS-fuzz_checkpoint := libcrypto
OBJS-fuzz_timestamp := tests/fuzz/fuzz_timestamp.o auditlog/timestamp.o common/hash.o common/clock.o common/log.o common/text.o
LIBS-fuzz_timestamp := libcrypto

FUZZERS += fuzz_recordline
OBJS-fuzz_recordline := tests/fuzz/fuzz_recordline.o proto/recordline.o common/jscan.o common/jscan_fault.o common/jscan_keys.o \
	common/jscan_read.o common/text.o

FUZZERS += fuzz_recorded
OBJS-fuzz_recorded := tests/fuzz/fuzz_recorded.o policyctl/recorded.o policyctl/recorded_line.o policyctl/suggest_piece.o \
	policyctl/suggest_merge.o policyctl/suggest_step.o proto/recordline.o common/log.o $(POLICY-load-common) $(POLICY-load)
LIBS-fuzz_recorded := json-c libcrypto

FUZZERS += fuzz_scan
OBJS-fuzz_scan := tests/fuzz/fuzz_scan.o auditlog/scan.o auditlog/damage.o auditlog/bar.o auditlog/filter.o auditlog/path.o common/glob.o auditlog/when.o \
	proto/recordline.o proto/record.o proto/value.o proto/wire.o common/cli.o common/cli_options.o common/clock.o common/fds.o common/log.o common/text.o

FUZZERS += fuzz_format
OBJS-fuzz_format := tests/fuzz/fuzz_format.o auditlog/format.o auditlog/format_text.o auditlog/format_json.o auditlog/format_csv.o \
	auditlog/format_template.o auditlog/format_shorthand.o auditlog/format_syslog.o auditlog/format_cef.o auditlog/format_leef.o \
	auditlog/format_ecs.o auditlog/format_ocsf.o auditlog/format_ocsf_class.o auditlog/format_ocsf_objects.o auditlog/json.o auditlog/human.o auditlog/outline.o auditlog/path.o proto/recordline.o \
	common/jscan.o common/jscan_fault.o common/jscan_keys.o common/jscan_read.o common/cli.o common/cli_options.o common/clock.o common/log.o common/text.o
