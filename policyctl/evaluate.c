/* SPDX-License-Identifier: Apache-2.0 */

/* policyctl evaluate: ask for one decision; with --jsonl for as many as stdin names. */

#include "policyctl/ctl.h"
#include "policyctl/jsonl.h"
#include "policyctl/request.h"
#include "policyctl/show.h"

static void
evaluate_show(struct reply *reply, const struct answer *a)
{
	uint32_t first = reply_first(reply, a->reasons);
	uint32_t i = first;

	show_decision(a, STR_NONE);
	if (str_given(a->reason))
		show_more(a->reason);
	/* The first one was read with the answer. */
	for (uint32_t n = 1; first && n < reply->tape.tokens[a->reasons].count; n++) {
		i = reply->tape.tokens[i].next;
		show_more(reply_string(reply, i));
	}
}

static int
evaluate_exit(const struct answer *a)
{
	if (str_given(a->error) || !a->decided) {
		log_error("evaluate: %.*s",
		    STR_ARG(str_given(a->error) ? a->error : STR("the answer has no decision")));
		return CLI_ERROR;
	}
	if (a->allow && !str_given(a->event_id)) {
		log_error("evaluate: policyd allows without a record: not to be relied on");
		return CLI_ERROR;
	}
	return a->allow ? CLI_YES : CLI_NO;
}

static int
evaluate_one(const struct ctl *ctl, struct str request)
{
	struct client client;
	struct reply reply = {0};
	struct answer answer;
	struct str line;
	int code;

	ctl_ask(&client, ctl_socket(ctl), ctl_timeout(ctl), CLIENT_REPLY, request, &reply, &line);
	reply_answer(&reply, &answer);
	if (ctl->json)
		cli_put_json(line);
	else if (answer.decided)
		evaluate_show(&reply, &answer);
	code = evaluate_exit(&answer);
	reply_free(&reply);
	client_close(&client);
	return code;
}

static void
evaluate_check_pairs(const struct cli_command *command, const struct asker *asker)
{
	struct str key, value;

	for (size_t i = 0; i < asker->context.n; i++)
		if (!request_pair(asker->context.v[i], &key, &value))
			cli_wrong(command, "--context: not KEY=VALUE: %s", asker->context.v[i]);
}

int
cmd_evaluate(struct ctl *ctl, int argc, char **argv)
{
	static char buf[LIMIT_REQUEST_LINE];
	struct asker asker = {0};
	bool jsonl = false;
	uint32_t in_flight = JSONL_IN_FLIGHT;
	const struct cli_option options[] = {
	    ASKER_OPTIONS(&asker),
	    {.name = "jsonl", .help = "requests from stdin, replies to stdout", .flag = &jsonl},
	    {.name = "in-flight",
		.value = "N",
		.number = &in_flight,
		.min = 1,
		.max = 65536,
		.help = "with --jsonl: requests under way at once (256)"},
	    CTL_OPTION_JSON(ctl),
	    CTL_OPTION_SOCKET(ctl),
	    CTL_OPTION_TIMEOUT(ctl),
	};
	const struct cli_command command = {
	    .name = "evaluate",
	    .operands = "ACTION RESOURCE",
	    .about =
		"Ask policyd whether ACTION on RESOURCE is allowed; the answer is on record.\n"
		"With --jsonl: a request (a JSON object) per line on stdin, the reply to each\n"
		"on stdout, in order.",
	    .options = options,
	    .n_options = ARRAY_SIZE(options),
	    .least = 0,
	    .most = 2,
	    .exits = "0 allowed, 1 denied, 2 error; with --jsonl 0 all answered, 2 not all",
	};
	const char *operand[2];
	size_t n = cli_parse(&command, argc, argv, operand);
	struct text request = text_over(buf, sizeof(buf));

	if (jsonl && n > 0)
		cli_wrong(&command, "--jsonl takes no operands: %s", operand[0]);
	if (jsonl)
		return jsonl_run(ctl_socket(ctl), ctl_timeout(ctl), in_flight);
	if (n < 2)
		cli_wrong(&command, "operand missing: ACTION RESOURCE");
	evaluate_check_pairs(&command, &asker);
	request_evaluate(&request, str_from(operand[0]), str_from(operand[1]), &asker);
	if (!text_ok(&request))
		cli_fatal(0, "evaluate: the request is longer than %d bytes", LIMIT_REQUEST_LINE);
	return evaluate_one(ctl, text_str(&request));
}
