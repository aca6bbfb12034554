/* SPDX-License-Identifier: Apache-2.0 */

/* policyctl lint: what is doubtful in a policy although it is valid. */

#include "common/cleanup.h"
#include "common/clock.h"
#include "policyctl/ctl.h"
#include "policyctl/document.h"

static void
lint_run(const char *path, struct policy_report *report)
{
	struct policy_compile_options how = {.accounts = true, .now = clock_real()};
	CLEANUP_FREE uint8_t *image = NULL;
	struct policy_texts texts;
	size_t size;
	int error;

	document_read(path, &texts);
	error = policy_compile(&texts, &how, &image, &size, report);
	if (!error)
		error = policy_lint(&texts, how.now, report);
	/* A policy that is not valid has its faults in the report already. */
	if (error && error != -EINVAL)
		cli_fatal(error, "lint: %s", path);
	policy_texts_free(&texts);
}

int
cmd_lint(struct ctl *ctl, int argc, char **argv)
{
	static struct policy_report report;
	const struct cli_option options[] = {CTL_OPTION_JSON(ctl)};
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
	const char *path;

	(void)cli_parse(&command, argc, argv, &path);
	lint_run(path, &report);
	if (ctl->json)
		document_print_json(&report);
	else
		document_print(&report, false);
	return report.n == 0 ? CLI_YES : CLI_NO;
}
