/* SPDX-License-Identifier: Apache-2.0 */

/* policyctl reload: have policyd load its policy again. */

#include "policyctl/admin.h"

static const struct admin_command reload_command = {
    .op = "reload",
    .about = "Have policyd load its policy again. A policy that fails to load, or fails "
	     "its own\n"
	     "tests, is refused, and the one in force stays.",
    .timeout = 160,
};

static int
reload_end(const struct ctl *ctl, struct admin *a, int code)
{
	if (code == CLI_YES && !ctl->json) {
		cli_puts("revision ");
		cli_put_safe(reply_text(&a->reply, REPLY_ROOT, "revision"));
		cli_puts("\n");
	}
	admin_end(a);
	return code;
}

int
reload_now(const struct ctl *ctl)
{
	struct admin a;
	struct str line;
	int code = admin_request(ctl, &reload_command, &a, &line);

	if (ctl->json)
		cli_put_json(line);
	return reload_end(ctl, &a, code);
}

int
cmd_reload(struct ctl *ctl, int argc, char **argv)
{
	struct admin a;
	int code = admin_ask(ctl, argc, argv, &reload_command, &a);

	return reload_end(ctl, &a, code);
}
