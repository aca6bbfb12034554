/* SPDX-License-Identifier: Apache-2.0 */
#include "policyctl/show.h"

#include "common/cli.h"

void
show_decision(const struct answer *a, struct str mode)
{
	cli_paint(a->allow ? CLI_GOOD : CLI_BAD, a->allow ? STR("allow") : STR("deny"));
	cli_puts(a->allow ? "  " : "   ");
	if (str_given(a->rule_id)) {
		cli_puts("rule ");
		cli_put_safe(a->rule_id);
		cli_puts(" in policy ");
		cli_put_safe(a->policy_id);
	} else {
		cli_puts("no rule");
	}
	if (str_given(mode)) {
		cli_puts(" (");
		cli_put_safe(mode);
		cli_puts(")");
	}
	cli_puts("\n");
}

void
show_more(struct str s)
{
	cli_puts("       ");
	cli_put_safe(s);
	cli_puts("\n");
}
