/* SPDX-License-Identifier: Apache-2.0 */

/* auditlog verify: what there is to say of a log, from a key that somebody pinned. */

#include "auditlog/commands.h"
#include "auditlog/examine.h"
#include "auditlog/reader.h"
#include "common/clock.h"

struct verify {
	const char *since, *until;
	bool json;
	const char *path;
	struct examine examine;
	struct logdir dir;
};

static void
verify_usage(void)
{
	static const struct {
		enum verdict verdict;
		const char *meaning;
	} words[] = {
	    {VERDICT_SEALED, "every sealed record is there, and as it was written"},
	    {VERDICT_ANCHORED, "and somebody else has vouched for it"},
	    {VERDICT_RECOVERED, "and something was closed after a crash or a storage error"},
	    {VERDICT_PRUNED, "all that is there is good; the oldest records were deleted"},
	    {VERDICT_UNPINNED, "checked with the key found beside the log: give --key"},
	    {VERDICT_INCOMPLETE, "nothing is wrong, but not all can be judged"},
	    {VERDICT_BROKEN, "not as it was written; the first fault is named"},
	};
	struct cli_table t;

	cli_usage_begin(&t, "verdicts");
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		cli_usage_row(&t, verdict_name(words[i].verdict), words[i].meaning);
	cli_usage_end(&t);
}

static void
verify_options(struct verify *v, int argc, char **argv)
{
	const struct cli_option own[] = {
	    {.name = "since",
		.value = "INDEX|TIME",
		.help = "check lines from this seal or time on (seals: all)",
		.text = &v->since},
	    {.name = "until",
		.value = "INDEX|TIME",
		.help = "check lines up to this seal or time",
		.text = &v->until},
	    {.name = "json", .help = "print JSON", .flag = &v->json},
	};
	struct cli_option options[EXAMINE_OPTIONS + ARRAY_SIZE(own)];
	size_t n = examine_options(&v->examine, options);
	struct cli_command command = {
	    .name = "verify",
	    .operands = "[DIR]",
	    .about = "Check every seal and every sealed line of the log in DIR (" LOGDIR_DEFAULT
		     "),\n"
		     "in both directions: nothing altered, nothing moved, nothing gone.",
	    .options = options,
	    .n_options = n + ARRAY_SIZE(own),
	    .most = 1,
	    .more = verify_usage,
	    .exits =
		"0 sealed or anchored, 1 broken, 2 error, 3 sealed with a caveat, 4 incomplete",
	};
	int64_t now;

	memcpy(options + n, own, sizeof(own));
	if (cli_parse(&command, argc, argv, &v->path) == 0)
		v->path = LOGDIR_DEFAULT;
	now = clock_real();
	examine_choose(&v->examine, &command, now);
	span_parse(&v->examine.order.span.since, &command, "since", v->since, now, false);
	span_parse(&v->examine.order.span.until, &command, "until", v->until, now, true);
}

int
cmd_verify(int argc, char **argv)
{
	static struct verify v;
	struct verdict_report report;
	int error;

	verify_options(&v, argc, argv);
	examine_read(&v.examine);
	error = logdir_open(&v.dir, v.path);
	if (error < 0)
		cli_fatal(error, "%s", v.path);
	reader_jail(&v.dir, -1);
	examine_log(&v.examine, &v.dir, v.path);
	report = examine_report(&v.examine);
	if (v.json)
		verdict_print_json(&report);
	else
		verdict_print(&report);
	examine_free(&v.examine);
	logdir_close(&v.dir);
	return verdict_exit(v.examine.judgement.verdict);
}
