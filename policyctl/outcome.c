/* SPDX-License-Identifier: Apache-2.0 */

/* policyctl outcome: put on record how an operation that was allowed ended. */

#include "policyctl/ctl.h"
#include "policyctl/request.h"

struct outcome {
	bool failure;
	uint32_t duration_ms;
	const char *error_class;
};

#define OUTCOME_NO_DURATION UINT32_MAX

static int
outcome_send(const struct ctl *ctl, const char *evaluation_id, const struct outcome *o)
{
	static char buf[LIMIT_REQUEST_LINE];
	struct text t = text_over(buf, sizeof(buf));
	struct object request = object_open(&t);

	object_str(&request, "id", STR("1"));
	object_str(&request, "op", STR("outcome"));
	object_str(&request, "evaluation_id", str_from(evaluation_id));
	object_key(&request, STR("success"));
	text_put(&t, o->failure ? STR("false") : STR("true"));
	if (o->duration_ms != OUTCOME_NO_DURATION) {
		object_key(&request, STR("duration_ms"));
		text_u64(&t, o->duration_ms);
	}
	object_str(&request, "error_class", str_from(o->error_class));
	object_close(&request);
	text_char(&t, '\n');
	return ctl_record(ctl, "outcome", &t);
}

int
cmd_outcome(struct ctl *ctl, int argc, char **argv)
{
	struct outcome o = {.duration_ms = OUTCOME_NO_DURATION};
	const struct cli_option options[] = {
	    {.name = "failure", .help = "it failed (else: it succeeded)", .flag = &o.failure},
	    {.name = "duration-ms",
		.value = "N",
		.number = &o.duration_ms,
		.max = OUTCOME_NO_DURATION - 1,
		.help = "how long it took, in milliseconds"},
	    {.name = "error-class",
		.value = "NAME",
		.text = &o.error_class,
		.help = "kind of failure, e.g. timeout"},
	    CTL_OPTION_JSON(ctl),
	    CTL_OPTION_SOCKET(ctl),
	    CTL_OPTION_TIMEOUT(ctl),
	};
	const struct cli_command command = {
	    .name = "outcome",
	    .operands = "EVALUATION_ID",
	    .about =
		"Put on record how an operation ended that a decision allowed. EVALUATION_ID is\n"
		"that decision's audit_event_id. Prints the new record's id.",
	    .options = options,
	    .n_options = ARRAY_SIZE(options),
	    .least = 1,
	    .most = 1,
	    .exits = "0 on record, 2 error",
	};
	const char *evaluation_id;

	(void)cli_parse(&command, argc, argv, &evaluation_id);
	if (o.error_class && !o.failure)
		cli_wrong(&command, "--error-class belongs to --failure");
	return outcome_send(ctl, evaluation_id, &o);
}
