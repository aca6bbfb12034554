# What of policy/ a program links: POLICY-evaluate reads images and decides (with
# common/text.o); POLICY-load adds documents, compiling and lint (with json-c).
POLICY-evaluate := \
	policy/canon_ip.o policy/canon_host.o policy/canon_path.o policy/canon_url.o \
	policy/action.o policy/op.o common/glob.o policy/glob_path.o policy/pattern_match.o \
	common/sha256.o policy/image_sum.o policy/image_open.o policy/image_view.o \
	policy/index_hash.o policy/index_open.o policy/condition.o policy/select.o policy/evaluate.o policy/explain.o
POLICY-load := $(POLICY-evaluate) \
	policy/store.o policy/report.o policy/texts.o policy/accounts.o \
	policy/zone_tzif.o policy/zone_rule.o policy/pattern.o policy/pattern_host.o policy/pattern_cover.o \
	policy/load.o policy/load_json.o policy/load_policy.o policy/load_when.o policy/load_zone.o policy/load_test.o \
	policy/index_key.o policy/index_build.o policy/index_table.o policy/image_build.o policy/compile.o policy/selftest.o policy/lint.o policy/lint_overlap.o policy/lint_index.o
# What POLICY-load stands on.
POLICY-load-common := \
	common/text.o common/clock.o common/fds.o common/jtree.o \
	common/jscan.o common/jscan_fault.o common/jscan_keys.o common/jscan_read.o
