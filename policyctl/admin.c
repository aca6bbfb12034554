/* SPDX-License-Identifier: Apache-2.0 */
#include "policyctl/admin.h"

#include <time.h>

#include "policyctl/request.h"

#define TOO_OFTEN "at most once a second"

/* The error that policyd replies, STR_NONE when there is none. */
static struct str
admin_exchange(const struct ctl *ctl, const struct admin_command *what, struct admin *ret,
    struct str *ret_line)
{
	char buf[64];
	struct text request = text_over(buf, sizeof(buf));
	struct object o = object_open(&request);

	object_str(&o, "id", STR("1"));
	object_str(&o, "op", str_from(what->op));
	object_close(&o);
	text_char(&request, '\n');
	*ret = (struct admin){0};
	ctl_ask(&ret->client, ctl_admin_socket(ctl), ctl->timeout ? ctl->timeout : what->timeout,
	    CLIENT_LISTING, text_str(&request), &ret->reply, ret_line);
	return reply_text(&ret->reply, REPLY_ROOT, "error");
}

int
admin_request(const struct ctl *ctl, const struct admin_command *what, struct admin *ret,
    struct str *ret_line)
{
	const struct timespec pause = {1, 0};
	struct str error = admin_exchange(ctl, what, ret, ret_line);

	for (uint32_t k = 0; k < what->again && str_eq(error, STR(TOO_OFTEN)); k++) {
		admin_end(ret);
		(void)nanosleep(&pause, NULL);
		error = admin_exchange(ctl, what, ret, ret_line);
	}
	if (!str_given(error))
		return CLI_YES;
	log_error("%s: %.*s", what->op, STR_ARG(error));
	return CLI_NO;
}

int
admin_ask(
    struct ctl *ctl, int argc, char **argv, const struct admin_command *what, struct admin *ret)
{
	const struct cli_option options[] = {
	    CTL_OPTION_JSON(ctl),
	    CTL_OPTION_ADMIN(ctl),
	    CTL_OPTION_TIMEOUT(ctl),
	};
	const struct cli_command command = {
	    .name = what->op,
	    .about = what->about,
	    .options = options,
	    .n_options = ARRAY_SIZE(options),
	    .exits = CTL_EXITS_DONE,
	};
	struct str line;
	int code;

	(void)cli_parse(&command, argc, argv, NULL);
	code = admin_request(ctl, what, ret, &line);
	if (ctl->json)
		cli_put_json(line);
	return code;
}

void
admin_end(struct admin *a)
{
	reply_free(&a->reply);
	client_close(&a->client);
}
