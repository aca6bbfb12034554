/* SPDX-License-Identifier: Apache-2.0 */

/* policyctl ping: does an evaluator answer? Nothing is recorded. */

#include <stdio.h>

#include "common/clock.h"
#include "policyctl/ctl.h"

static int
ping_show(const struct ctl *ctl, struct reply *reply, struct str line, int64_t took)
{
	uint32_t pong = reply_member(reply, REPLY_ROOT, "pong");
	struct str error = reply_text(reply, REPLY_ROOT, "error");
	char text[64];

	if (pong == 0 || reply->tape.tokens[pong].type != JSCAN_TRUE) {
		log_error("ping: %.*s", STR_ARG(str_given(error) ? error : STR("no pong")));
		return CLI_ERROR;
	}
	if (ctl->json) {
		cli_put_json(line);
		return CLI_YES;
	}
	(void)snprintf(text, sizeof(text), "pong after %jd us\n", (intmax_t)took);
	cli_puts(text);
	return CLI_YES;
}

int
cmd_ping(struct ctl *ctl, int argc, char **argv)
{
	const struct cli_option options[] = {
	    CTL_OPTION_JSON(ctl),
	    CTL_OPTION_SOCKET(ctl),
	    CTL_OPTION_TIMEOUT(ctl),
	};
	const struct cli_command command = {
	    .name = "ping",
	    .about =
		"See whether policyd answers; the time is that of connecting, asking and reading.",
	    .options = options,
	    .n_options = ARRAY_SIZE(options),
	    .exits = "0 it does, 2 it does not",
	};
	struct client client;
	struct reply reply = {0};
	struct str line;
	int64_t start = clock_monotonic();
	int code;

	(void)cli_parse(&command, argc, argv, NULL);
	ctl_ask(&client, ctl_socket(ctl), ctl_timeout(ctl), CLIENT_REPLY,
	    STR("{\"id\":\"1\",\"op\":\"ping\"}\n"), &reply, &line);
	code = ping_show(ctl, &reply, line, clock_monotonic() - start);
	reply_free(&reply);
	client_close(&client);
	return code;
}
