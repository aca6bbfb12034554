/* SPDX-License-Identifier: Apache-2.0 */

/* policyctl rotate: close the open segment of the log. */

#include "policyctl/admin.h"

int
cmd_rotate(struct ctl *ctl, int argc, char **argv)
{
	static const struct admin_command command = {
	    .op = "rotate",
	    .about =
		"Close the open segment of the audit log and print its name. The request itself\n"
		"goes on record, so there is always something to close.",
	    .timeout = 45,
	};
	struct admin a;
	struct str segment;
	int code = admin_ask(ctl, argc, argv, &command, &a);

	if (code == CLI_YES && !ctl->json) {
		segment = reply_text(&a.reply, REPLY_ROOT, "segment");
		cli_put_safe(str_given(segment) ? segment : STR("nothing to close"));
		cli_puts("\n");
	}
	admin_end(&a);
	return code;
}
