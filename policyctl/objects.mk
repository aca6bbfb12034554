# The complete link list of policyctl.
include policy/objects.mk

OBJS-policyctl := \
	policyctl/main.o policyctl/ctl.o policyctl/client.o policyctl/request.o policyctl/reply.o policyctl/show.o \
	policyctl/evaluate.o policyctl/jsonl.o policyctl/ping.o policyctl/emit.o policyctl/outcome.o \
	policyctl/check.o policyctl/explain.o policyctl/test.o policyctl/lint.o policyctl/document.o \
	policyctl/allow.o policyctl/rm.o policyctl/edit.o policyctl/edit_show.o policyctl/replace.o \
	policyctl/ruleset.o policyctl/ruleset_write.o \
	policyctl/recorded.o policyctl/recorded_line.o policyctl/recorded_read.o policyctl/diff.o policyctl/diff_rules.o \
	policyctl/suggest.o policyctl/suggest_piece.o policyctl/suggest_merge.o policyctl/suggest_step.o \
	policyctl/suggest_show.o policyctl/suggest_json.o \
	proto/recordline.o proto/logdir.o proto/segname.o \
	common/reading_jail.o common/jail.o common/jail_become.o common/jail_seal.o common/landlock.o common/seccomp.o \
	policyctl/admin.o policyctl/ls.o policyctl/ls_rule.o policy/listing.o policyctl/reload.o policyctl/rotate.o policyctl/status.o \
	policyctl/squid.o policyctl/squid_relay.o policyctl/squid_line.o policyctl/enroll.o policyctl/qr.o \
	proto/note.o common/base64.o common/ed25519.o common/hash.o \
	common/cli.o common/cli_options.o common/log.o $(POLICY-load-common) $(POLICY-load)
LIBS-policyctl := json-c libcrypto libqrencode libcap libseccomp
