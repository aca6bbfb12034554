# The complete link list of auditlog.
OBJS-auditlog := \
	auditlog/main.o auditlog/fault.o proto/logdir.o auditlog/sealchain.o auditlog/pool.o auditlog/bar.o auditlog/reader.o \
	auditlog/verify.o auditlog/examine.o auditlog/judge.o auditlog/verdict.o auditlog/trust.o auditlog/span.o \
	auditlog/segment.o auditlog/record.o auditlog/usual.o auditlog/tail.o \
	auditlog/prove.o auditlog/verify_proof.o auditlog/proof.o auditlog/proof_check.o auditlog/apart.o auditlog/json.o \
	auditlog/newest.o auditlog/follow.o auditlog/last.o auditlog/summarise.o auditlog/summary.o auditlog/summary_print.o auditlog/tally.o auditlog/ls.o auditlog/show.o auditlog/search.o auditlog/count.o auditlog/query.o auditlog/filter.o common/glob.o auditlog/when.o \
	auditlog/sources.o auditlog/scan.o auditlog/damage.o auditlog/emit.o auditlog/export.o auditlog/path.o auditlog/outline.o auditlog/format.o auditlog/format_text.o auditlog/format_json.o auditlog/format_csv.o auditlog/format_template.o \
	auditlog/format_shorthand.o auditlog/format_syslog.o auditlog/format_cef.o auditlog/format_leef.o auditlog/format_ecs.o auditlog/format_ocsf.o auditlog/format_ocsf_class.o auditlog/format_ocsf_objects.o auditlog/human.o proto/recordline.o \
	auditlog/facet.o auditlog/verdict_json.o auditlog/report.o auditlog/report_collect.o auditlog/report_head.o auditlog/report_figures.o auditlog/report_incidents.o auditlog/report_controls.o auditlog/report_json.o auditlog/report_json_lists.o auditlog/incident.o auditlog/timeline.o auditlog/paper.o auditlog/paper_html.o auditlog/paper_style.o auditlog/paper_chart.o auditlog/paper_text.o auditlog/html.o auditlog/shown.o \
	auditlog/anchor.o auditlog/anchor_make.o auditlog/anchor_request.o auditlog/anchor_add.o \
	auditlog/anchors.o auditlog/checkpoint.o auditlog/timestamp.o \
	proto/seal.o proto/note.o proto/merkle.o proto/segname.o proto/line.o proto/record.o proto/value.o proto/wire.o \
	common/base64.o common/cli.o common/cli_options.o common/clock.o common/ed25519.o common/fds.o common/hash.o common/linesum.o common/jail.o common/jail_become.o \
	common/jform.o common/jscan.o common/jscan_fault.o common/jscan_keys.o common/jscan_read.o common/log.o common/text.o \
	common/siphash.o common/reading_jail.o common/jail_seal.o common/landlock.o common/seccomp.o
LIBS-auditlog := libcrypto libcap libseccomp
