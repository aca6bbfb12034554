/* SPDX-License-Identifier: Apache-2.0 */

/* policyctl test: run the tests inside a policy, as policyd does before it takes one. */

#include <stdio.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "policyctl/ctl.h"
#include "policyctl/document.h"

static int
test_show(const struct ctl *ctl, const char *path, const struct policy_report *report, bool ok)
{
	char text[128];

	if (ctl->json) {
		document_print_json(report);
		return ok ? CLI_YES : CLI_NO;
	}
	document_print(report, false);
	(void)snprintf(text, sizeof(text), ": %u policies, %u rules, %u tests: ", report->policies,
	    report->rules, report->tests);
	cli_put_safe(str_from(path));
	cli_puts(text);
	cli_paint(ok ? CLI_GOOD : CLI_BAD, ok ? STR("ok") : STR("failed"));
	cli_puts("\n");
	return ok ? CLI_YES : CLI_NO;
}

int
cmd_test(struct ctl *ctl, int argc, char **argv)
{
	static struct policy_report report;
	const struct cli_option options[] = {CTL_OPTION_JSON(ctl)};
	const struct cli_command command = {
	    .name = "test",
	    .operands = "POLICY",
	    .about =
		"Load a policy file, or a directory of them, and run the tests inside, as policyd\n"
		"does. Every fault is printed as FILE:LINE:COLUMN: what.",
	    .options = options,
	    .n_options = ARRAY_SIZE(options),
	    .least = 1,
	    .most = 1,
	    .exits = "0 policyd would take it, 1 it would not, 2 error",
	};
	struct policy_compile_options how = {
	    .accounts = true, .run_tests = true, .now = clock_real()};
	struct policy_texts texts;
	CLEANUP_FREE uint8_t *image = NULL;
	const char *path;
	size_t size;
	int error;

	(void)cli_parse(&command, argc, argv, &path);
	document_read(path, &texts);
	error = policy_compile(&texts, &how, &image, &size, &report);
	if (error && error != -EINVAL)
		cli_fatal(error, "test: %s", path);
	policy_texts_free(&texts);
	return test_show(ctl, path, &report, error == 0);
}
