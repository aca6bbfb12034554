/* SPDX-License-Identifier: Apache-2.0 */

/* policyctl reload: have policyd load its policy again. */

#include "policyctl/admin.h"

int
cmd_reload(struct ctl *ctl, int argc, char **argv)
{
	static const struct admin_command command = {
	    .op = "reload",
	    .about = "Have policyd load its policy again. A policy that fails to load, or fails "
		     "its own\n"
		     "tests, is refused, and the one in force stays.",
	    .timeout = 160,
	};
	struct admin a;
	struct str revision;
	int code = admin_ask(ctl, argc, argv, &command, &a);

	if (code == CLI_YES && !ctl->json) {
		revision = reply_text(&a.reply, REPLY_ROOT, "revision");
		cli_puts("revision ");
		cli_put_safe(revision);
		cli_puts("\n");
	}
	admin_end(&a);
	return code;
}
