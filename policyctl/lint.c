/* SPDX-License-Identifier: Apache-2.0 */

/* policyctl lint: what is doubtful in a policy although it is valid. */

#include <errno.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "policy/document.h"
#include "policyctl/ctl.h"
#include "policyctl/document.h"
#include "policyctl/recorded.h"

/* What is known of a policy before a log is read, after which no file can be opened. */
struct lint_job {
	const char *path, *from;
	int64_t since, now;
	struct policy_texts texts;
	struct doc doc; /* for --from */
	struct policy_report report;
};

/* False: the policy is not valid, and its faults are in the report. */
static bool
lint_policy(struct lint_job *job)
{
	struct policy_compile_options how = {.accounts = true, .now = job->now};
	CLEANUP_FREE uint8_t *image = NULL;
	size_t size;
	int error;

	error = policy_compile(&job->texts, &how, &image, &size, &job->report);
	if (!error)
		error = policy_lint(&job->texts, job->now, &job->report);
	if (error && error != -EINVAL)
		cli_fatal(error, "lint: %s", job->path);
	return error == 0;
}

/* Rules that are in force and that no decision names. Of several that say the same, one is named. */
static void
lint_unused(struct lint_job *job)
{
	static struct recordings r;
	const struct doc *d = &job->doc;

	recordings_read(&r, "lint", job->from, job->since);
	for (uint32_t i = 0; i < d->rules.n; i++) {
		const struct doc_rule *rule = doc_rule(d, i);

		if (job->now < rule->expires && !doc_rule_inactive(d, rule) &&
		    recordings_rule_count(&r, doc_policy(d, rule->policy)->id, rule->id) == 0)
			report_add(&job->report, &job->texts, rule->place,
			    "rule \"%.*s\": decided nothing on record", STR_ARG(rule->id));
	}
	(void)recordings_warn(&r, "lint");
	recordings_free(&r);
}

static void
lint_run(struct lint_job *job)
{
	static struct policy_report ignored;

	document_read(job->path, &job->texts);
	if (lint_policy(job) && job->from) {
		if (doc_load(&job->doc, &job->texts, &ignored) < 0)
			cli_fatal(ENOMEM, "lint: %s", job->path);
		lint_unused(job);
		doc_free(&job->doc);
	}
	/* In a jail that descriptor of it is closed already. */
	job->texts.zones.there = job->texts.zones.there && !job->from;
	policy_texts_free(&job->texts);
}

int
cmd_lint(struct ctl *ctl, int argc, char **argv)
{
	static struct lint_job job;
	const char *since_text = NULL;
	const struct cli_option options[] = {
	    {.name = "from",
		.value = "AUDITDIR",
		.text = &job.from,
		.help = "also rules that decided nothing that is on record there"},
	    {.name = "since",
		.value = "TIME",
		.text = &since_text,
		.help = "with --from: only records since then (RFC 3339, or 30m, 8h, 7d ago)"},
	    CTL_OPTION_JSON(ctl),
	};
	const struct cli_command command = {
	    .name = "lint",
	    .operands = "POLICY",
	    .about = "Find what is wrong or doubtful in a policy file or a directory of them:\n"
		     "duplicate, shadowed, expired, inactive and very wide rules. Each finding is\n"
		     "printed as FILE:LINE:COLUMN: what.",
	    .options = options,
	    .n_options = ARRAY_SIZE(options),
	    .least = 1,
	    .most = 1,
	    .exits = "0 nothing found, 1 something found, 2 error",
	};

	job.now = clock_real();
	job.since = INT64_MIN;
	(void)cli_parse(&command, argc, argv, &job.path);
	if (since_text && !ctl_moment(since_text, -1, &job.since))
		cli_wrong(
		    &command, "--since: neither RFC 3339 nor like 30m, 8h, 7d: %s", since_text);
	if (since_text && !job.from)
		cli_wrong(&command, "--since belongs to --from");
	lint_run(&job);
	if (ctl->json)
		document_print_json(&job.report);
	else
		document_print(&job.report, false);
	return job.report.n == 0 ? CLI_YES : CLI_NO;
}
